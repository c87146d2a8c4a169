/* cell.h - 16 bytes that hold a value, or name the block or the object that does
 *
 *   head   byte 0 kind (comem_kind), byte 1 flags (COMEM_ASCII, COMEM_SURROGATES, COMEM_HOLDS),
 *          byte 2 for text (str, bytes, packed values, pickles): the length, up to 13, when it stands in the cell itself, else
 *          CELL_FAR
 *          bytes 3-7 for near text: the first five bytes; for references: bytes 4-7 the object's generation
 *   body   bool, int, float (its bits); near text: bytes 6 to 13; far text: the block's offset; references: the object's
 *          offset
 *
 * A value block is {struct block_header; size; references; bytes}: the references are cells, as many as the header's info says
 * (bits 16 to 47); most blocks have none. The bytes are at 24 + 16 * references, or in a run of pages at the next multiple of
 * 128. A block is never changed once a cell names it; in the trash the number of references goes down to 0, as it went up
 * while the block was built.
 *
 * Text with references is held: its cell has COMEM_HOLDS, and in private memory its bytes are preceded by the handles and,
 * right before the bytes, by their number.
 */
#ifndef COMEM_VALUE_CELL_H
#define COMEM_VALUE_CELL_H

#include "heap/heap.h"

#include <endian.h>

#define CELL_NEAR_MAX 13u
#define CELL_NEAR_ROOM 16u /* bytes that near text is taken out into */
#define CELL_FAR 0xFFu

struct cell {
    word64 head, body;
};
static_assert(sizeof(struct cell) == 16, "a cell is 16 bytes");

/* A cell's content in private memory. */
struct cell_image {
    uint64_t head, body;
};

struct value_block {
    struct block_header header;
    word64 size;
    word64 bytes[];
};

static inline uint64_t value_block_references(uint64_t info)
{
    return info >> 16 & UINT32_MAX;
}

/* `info` with another number of references. */
static inline uint64_t value_block_info(uint64_t info, uint64_t references)
{
    return (info & ~((uint64_t)UINT32_MAX << 16)) | references << 16;
}

/* The references of a block. */
static inline struct cell *value_block_cells(const struct value_block *block)
{
    return (struct cell *)(uintptr_t)block->bytes;
}

static inline enum comem_kind cell_kind(uint64_t head)
{
    return (enum comem_kind)(head & 0xFF);
}

static inline uint8_t cell_flags(uint64_t head)
{
    return (uint8_t)(head >> 8);
}

static inline uint32_t cell_near_size(uint64_t head)
{
    return (uint32_t)(head >> 16 & 0xFF);
}

/* Whether the text of a cell stands in a block. Other kinds have 0 where the size is. */
static inline bool cell_is_far(uint64_t head)
{
    return cell_near_size(head) == CELL_FAR;
}

/* Whether that block has references. */
static inline bool cell_is_held(uint64_t head)
{
    bool can_hold = cell_kind(head) == COMEM_PACKED || cell_kind(head) == COMEM_PICKLE;
    return cell_is_far(head) && (cell_flags(head) & COMEM_HOLDS) != 0 && can_hold;
}

static inline bool cell_is_ref(uint64_t head)
{
    return cell_kind(head) == COMEM_REF;
}

/* Whether the cell refers to objects, itself or by its block: reading it takes references. */
static inline bool cell_refers(uint64_t head)
{
    return cell_is_ref(head) || cell_is_held(head);
}

/* Whether a cell may be of that kind. */
static inline bool cell_kind_known(uint64_t head)
{
    return cell_kind(head) <= COMEM_PICKLE;
}

/* Whether the cell stands for itself: nothing to free, nothing to count. */
static inline bool cell_is_plain(uint64_t head)
{
    return !cell_is_far(head) && !cell_is_ref(head);
}

static inline uint32_t cell_ref_generation(uint64_t head)
{
    return (uint32_t)(head >> 32);
}

/* The references that belong to a value, or to a tree made of one, which borrows or owns them; NULL and 0 when it is not held. */
static inline struct comem_object **cell_held_objects(const comem_value *value, uint64_t *count)
{
    *count = 0;
    if (value->kind < COMEM_PACKED || value->kind > COMEM_BYTEARRAY || (value->flags & COMEM_HOLDS) == 0 ||
        value->as.data == NULL)
        return NULL;
    memcpy(count, value->as.data - sizeof *count, sizeof *count); /* private: as cell.h says */
    return (struct comem_object **)(uintptr_t)(value->as.data - sizeof *count) - *count;
}

static inline struct cell_image cell_load(const struct cell *cell)
{
    struct cell_image image = {word_load(&cell->head), word_load(&cell->body)};
    return image;
}

static inline void cell_store(struct cell *cell, struct cell_image image)
{
    word_store(&cell->head, image.head);
    word_store(&cell->body, image.body);
}

/* The image of a number, bool or None; false for other kinds. */
static inline bool cell_pack_number(const comem_value *value, struct cell_image *image)
{
    image->head = value->kind;
    image->body = value->kind == COMEM_NONE   ? 0
                  : value->kind == COMEM_BOOL ? value->as.boolean
                                              : (uint64_t)value->as.integer; /* an int, or a float's bits */
    return value->kind <= COMEM_FLOAT;
}

static inline uint64_t cell_load_bytes(const char *text, unsigned size)
{
    uint64_t bytes = 0;
    memcpy(&bytes, text, size); /* private: a register; `size` is a constant */
    return le64toh(bytes);
}

/* The image of text of up to CELL_NEAR_MAX bytes, by at most three loads that stay within it. */
static inline struct cell_image cell_near_image(comem_kind kind, uint8_t flags, const char *text, size_t size)
{
    uint64_t low = 0, high = 0; /* bytes 0 to 7, and 8 to 12 */
    if (size >= 8) {
        low = cell_load_bytes(text, 8);
        high = size == 8 ? 0 : cell_load_bytes(text + size - 8, 8) >> 8 * (16 - size);
    } else if (size >= 4) {
        low = cell_load_bytes(text, 4) | cell_load_bytes(text + size - 4, 4) << 8 * (size - 4);
    } else if (size > 0) {
        low = cell_load_bytes(text, 1) | cell_load_bytes(text + size / 2, 1) << 8 * (size / 2) |
              cell_load_bytes(text + size - 1, 1) << 8 * (size - 1);
    }
    struct cell_image image = {low << 24 | (uint64_t)size << 16 | (uint64_t)flags << 8 | kind, low >> 40 | high << 24};
    return image;
}

/* Makes the image of `value`. Plain values are complete; for far ones and references `body` is still to come.
 * COMEM_TYPE: no such kind. COMEM_INVALID: a str that is not UTF-8, NULL data. */
comem_status cell_pack(const comem_value *value, struct cell_image *image);
/* Allocates and fills the block of a far value; ALLOC is then in the record. It has room for the references of a held one, and says
 * that it has none. COMEM_NO_MEMORY. */
comem_status cell_pack_far(struct participant *me, const comem_value *value, struct cell_image *image);

/* A number, bool or None from its image. */
static inline void cell_unpack_number(struct cell_image image, comem_value *value)
{
    value->as.integer = (int64_t)image.body;
    if (!WORD_LIKELY(cell_kind(image.head) != COMEM_BOOL))
        value->as.boolean = image.body != 0;
    value->size = 0;
    value->kind = cell_kind(image.head);
    value->owned = 0;
    value->flags = 0;
}

static inline bool cell_is_number(uint64_t head)
{
    return (head & 0xFF) <= COMEM_FLOAT;
}

/* Takes near text out into CELL_NEAR_ROOM bytes. A whole image has zeros behind it. */
static inline void cell_near_bytes(struct cell_image image, char *bytes)
{
    uint64_t first = htole64(image.head >> 24), others = htole64(image.body);
    memset(bytes, 0, CELL_NEAR_ROOM);          /* private: the room is the caller's */
    memcpy(bytes, &first, sizeof first);       /* private: five bytes, and zeros */
    memcpy(bytes + 5, &others, sizeof others); /* private: the other eight */
}

/* Makes a value of a near str or bytes that borrows its bytes from `room`, CELL_NEAR_ROOM of them, into which they are taken.
 * False for anything else. */
static inline bool cell_lend_near(struct cell_image image, char *room, comem_value *value)
{
    uint32_t size = cell_near_size(image.head);
    enum comem_kind kind = cell_kind(image.head);
    if (size > CELL_NEAR_MAX || (kind != COMEM_STR && kind != COMEM_BYTES))
        return false;
    cell_near_bytes(image, room);
    value->as.data = room;
    value->size = size;
    value->kind = kind;
    value->owned = 0;
    value->flags = cell_flags(image.head) & (COMEM_ASCII | COMEM_SURROGATES);
    return true;
}

/* The private copy of a near str or bytes. COMEM_NO_MEMORY. */
comem_status cell_unpack_near(struct cell_image image, comem_value *value);
/* The size of a far value's bytes; false when the image names nothing sensible (it may be stale). */
bool cell_far_size(struct store_map *map, struct cell_image image, uint64_t *size);
/* Where the bytes of such a value stand, NULL when they are not within the store; they do not change while a cell names them. */
const void *cell_far_bytes(struct store_map *map, struct cell_image image, uint64_t size);
/* The references of such a value, NULL when they are not within the store. */
const struct cell *cell_far_references(struct store_map *map, struct cell_image image, uint64_t *count);
/* The private copy of a far value, not held, whose size the caller knows to be right. COMEM_NO_MEMORY, COMEM_DAMAGED. */
comem_status cell_unpack_far(struct store_map *map, struct cell_image image, uint64_t size, comem_value *value);

#endif
