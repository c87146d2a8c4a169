/* check.h - store check: does everything in a store hang together? */
#ifndef COMEM_HEAP_CHECK_H
#define COMEM_HEAP_CHECK_H

#include "heap/heap.h"

struct check;

/* Called for each problem, with a sentence. */
typedef void (*check_report)(void *context, const char *problem);

/* Walks a quiet store (no operation under way in any thread): from the objects, the process records, the trash and the
 * slots' records to every block, and compares with the heap's bitmaps, the links with the cells that make them, and the heap's
 * caches with what they are made of. Returns the number of problems. Private memory: 24 bytes a block.
 *
 * It reads only, and touches nothing outside the store, whatever stands in it and whoever writes to it meanwhile. Of a store
 * in use it may tell what was true at no moment. */
uint64_t store_check(struct store_map *map, check_report report, void *context);

/* ---- the same, for who wants to do something about it ---- */

enum check_class {
    CHECK_UNSETTLED, /* an operation is under way, or was cut short by its thread's death */
    CHECK_CACHE,     /* one of the heap's caches says something else than what it is made of */
    CHECK_LOST,      /* what belongs to nothing, or is counted wrong: no content is concerned */
    CHECK_BROKEN     /* the store contradicts itself */
};

enum remedy_kind {
    REMEDY_NONE = 0,
    REMEDY_WORD,   /* `value` is to be stored in the word at `offset`, */
    REMEDY_WORD32, /* or in the one of 32 bits */
    REMEDY_USE,    /* the block is in use */
    REMEDY_FREE,   /* nothing names the block */
    REMEDY_BURY,   /* nothing keeps the object */
    REMEDY_TRASH   /* the object is dead and belongs into the trash */
};

/* What would make it right. Each is good by itself, whatever becomes of the others. */
struct check_remedy {
    enum remedy_kind kind;
    uint64_t offset, value;
};

struct check_finding {
    enum check_class class;
    struct check_remedy remedy;
    const char *problem; /* a sentence, good during the call */
};

typedef void (*check_witness)(void *context, const struct check_finding *finding);
uint64_t store_survey(struct store_map *map, check_witness witness, void *context);

/* Bytes of the blocks that hang from an object: its tables, what they name, and values; not of objects it refers to. */
uint64_t check_measure(struct store_map *map, uint64_t object);

/* ---- for the floors that know what stands in blocks ---- */

/* What walks a root of its kind: calls check_block() for each block it owns and check_link() for each cell that refers to an
 * object. Registered by the floor that knows the kind. */
typedef void (*check_tracer)(struct check *check, struct store_map *map, uint64_t root);
void check_register(enum block_kind kind, check_tracer tracer);

/* Walks a root that the one being walked owns. */
void check_trace(struct check *check, uint64_t root);

/* The root, or what traces it, owns the block at `offset`. */
void check_block(struct check *check, uint64_t offset);
/* A cell refers to `object`. */
void check_link(struct check *check, uint64_t object);
/* The store contradicts itself, and nothing can be done about it. */
void check_problem(struct check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A problem of another class, or one with a remedy. */
void check_found(struct check *check, enum check_class class, struct check_remedy remedy, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static inline struct check_remedy remedy_none(void)
{
    return (struct check_remedy){REMEDY_NONE, 0, 0};
}

static inline struct check_remedy remedy_word(const struct store_map *map, const word64 *word, uint64_t value)
{
    return (struct check_remedy){REMEDY_WORD, store_offset(map, word), value};
}

static inline struct check_remedy remedy_word32(const struct store_map *map, const word32 *word, uint32_t value)
{
    return (struct check_remedy){REMEDY_WORD32, store_offset(map, word), value};
}

/* What knows objects: tells whether a lone object may exist (a link, a holder or a stamp keeps it, or it is dead) and
 * compares its links with `links`, the number of cells found. */
typedef void (*check_object_judge)(struct check *check, struct store_map *map, uint64_t object, uint64_t links,
                                   bool in_trash);
void check_register_objects(check_object_judge judge);

#endif
