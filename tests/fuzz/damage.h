/* damage.h - stores that were damaged, and everything a program may do with one */
#ifndef COMEM_TESTS_FUZZ_DAMAGE_H
#define COMEM_TESTS_FUZZ_DAMAGE_H

#include "objects/dict.h"
#include "objects/handle.h"
#include "objects/list.h"

/* The bytes of a store from its header to its end, as a file would have them, and which words of it matter most. */
struct image {
    uint8_t id[16];
    uint64_t size; /* of the file */
    struct image_part {
        uint64_t offset, size;
        uint8_t *bytes;
    } parts[4]; /* header, page table, group table, data */
    struct image_words {
        uint64_t *offsets;
        size_t count;
    } words[6]; /* of the header, the tables of pages and groups, seats, objects, and everything else that is in use */
    uint64_t *blocks; /* offsets of blocks and pages, to be put where they do not belong */
    size_t block_count;
    uint32_t locks[8]; /* words of locks that participants hold, alive or dead, or nobody does */
};

/* Makes a store with something of everything in it, and participants, one alive and the others dead: idle, in the midst of
 * an operation, with locks, with references. Ends the program when it cannot. */
void image_make(struct image *image);
/* The part that has the word at `offset`; NULL: none has. */
uint8_t *image_word(const struct image *image, uint64_t offset);

/* What becomes of a word while the store is in use. */
struct change {
    uint64_t offset, value;
    unsigned width; /* 4 or 8 bytes */
};

/* Attaches to the store in `fd` and does everything there is to do, beginning with the part `first`. The changes are made
 * as soon as this process has looked at everything once. */
struct order {
    uint8_t first;
    const struct change *changes;
    size_t count;
};
void operations_run(int fd, const uint8_t id[16], const struct order *order);

#endif
