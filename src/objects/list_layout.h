/* list_layout.h - a list's table, entries and blocks of cells, and how each is found
 *
 *   object.table -> table {length, capacity, entries ...} -> entry {block, first, version} -> block of cells
 *
 * Every block has LIST_BLOCK cells but the only one of a short list, which has 4, 16, 64 (4 in the crash tests) first. So
 * item i stands in entry i >> LIST_BLOCK_SHIFT: the list is uniform. `first` is there for lists that are not (flag off).
 *
 * Written by     the holder of the object's lock. Cells at or above `length` and entries at or above `capacity` are nobody's
 *                to read, so they are filled without a version.
 * Versions       the object's is odd while anything but an append changes the list; an entry's while a cell of its block
 *                below `length` changes. A new table's versions start from the store's counter, 2^28 apart, so that the same
 *                version at the same place never comes again.
 * Readers        take the table word, the entry's version (even), then the length, then the cell; afterwards the version
 *                and the table word must be what they were. A table that was replaced may be anything by then: offsets out
 *                of it are checked before they are used.
 */
#ifndef COMEM_OBJECTS_LIST_LAYOUT_H
#define COMEM_OBJECTS_LIST_LAYOUT_H

#include "objects/list.h"

#define LIST_BLOCK (UINT64_C(1) << LIST_BLOCK_SHIFT)
#define LIST_FIRST_CAPACITY 4u
#define LIST_UNIFORM 1u
#define LIST_LENGTH_MAX (UINT64_C(1) << 40)
#define LIST_VERSION_STEP (UINT64_C(1) << 28)

struct list_entry {
    word64 block; /* offset of its cells */
    word64 first; /* index of its first item */
    word64 version;
};

struct list_table {
    struct block_header header;
    word64 length;
    word64 capacity;    /* cells there are, over all blocks */
    word64 entry_count; /* entries there is room for */
    word64 flags;
    word64 zero[2];
    struct list_entry entries[];
};
static_assert(sizeof(struct list_table) == 64 && sizeof(struct list_entry) == 24, "docs/format.md says so");

static inline uint64_t list_table_size(uint64_t entries)
{
    return sizeof(struct list_table) + entries * sizeof(struct list_entry);
}

/* Blocks that `capacity` cells make. */
static inline uint64_t list_blocks(uint64_t capacity)
{
    return (capacity + LIST_BLOCK - 1) / LIST_BLOCK;
}

static inline uint64_t list_block_size(uint64_t cells)
{
    return (cells < LIST_BLOCK ? cells : LIST_BLOCK) * sizeof(struct cell);
}

/* The table that `table_word` names; NULL when it is none, be it that the list is empty or that the word is wrong. */
static inline struct list_table *list_table_at(struct store_map *map, uint64_t table_word)
{
    uint64_t offset = table_offset(table_word);
    return offset == 0 ? NULL : store_at(map, offset, sizeof(struct list_table));
}

/* The entry of item `index`; NULL when it would be outside the store. */
static inline struct list_entry *list_entry_at(struct store_map *map, uint64_t table_word, uint64_t index)
{
    uint64_t at =
        table_offset(table_word) + sizeof(struct list_table) + (index >> LIST_BLOCK_SHIFT) * sizeof(struct list_entry);
    return store_at(map, at, sizeof(struct list_entry));
}

/* The cell of item `index` in the block at `block`. */
static inline struct cell *list_cell_at(struct store_map *map, uint64_t block, uint64_t index)
{
    return store_at(map, block + (index & (LIST_BLOCK - 1)) * sizeof(struct cell), sizeof(struct cell));
}

/* For whoever holds the list's lock: the cell of item `index`, and its entry. NULL: damage. */
static inline struct cell *list_locked_cell(struct store_map *map, uint64_t table_word, uint64_t index,
                                            struct list_entry **entry)
{
    *entry = list_entry_at(map, table_word, index);
    return *entry == NULL ? NULL : list_cell_at(map, word_load(&(*entry)->block), index);
}

/* A version to start a new table's entries with. */
static inline uint64_t list_fresh_version(struct store_map *map)
{
    return word_add(&map->header->version_counter, LIST_VERSION_STEP) + LIST_VERSION_STEP;
}

/* Resolves a Python index against `length`. False: out of range. */
static inline bool list_index(int64_t index, uint64_t length, uint64_t *resolved)
{
    *resolved = index < 0 ? (uint64_t)index + length : (uint64_t)index;
    return *resolved < length;
}

/* Sees to it that the list has room for `wanted` items, in steps that change no content and that leave the first `keep`
 * entries of the record. Others may take the room again before the caller gets the lock. (list_room.c) */
comem_status list_make_room(struct participant *me, struct comem_object *list, uint64_t wanted, uint32_t keep);
/* Gives a block back when more than one stands empty behind the items. (list_room.c) */
void list_trim(struct participant *me, struct comem_object *list);
/* Makes a table aside with room for `count` items, its blocks not yet there; the record holds it (HOLD) as its only entry,
 * at the base. (list_room.c) */
comem_status list_build_aside(struct participant *me, uint64_t count, struct list_table **table);
/* Adds one block to a table aside. */
comem_status list_build_block(struct participant *me, struct list_table *table);

#endif
