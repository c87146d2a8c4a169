/* list_layout.h - a list's table, entries and blocks of cells, and how each is found
 *
 *   object.table -> table {length, capacity, entries ...} -> entry {block, first, version} -> block of cells
 *
 * A table maps every index below `capacity` to a cell, and the map is fixed as long as the table is: only blocks at its end
 * are added and given back. It has two parts. In the tail, from entry `tail_entry` and item `tail_first` on, every block has
 * LIST_BLOCK items, so a cell is found by a shift; a list that only grew and shrank at its end is all tail. The blocks before
 * the tail have 1 to LIST_BLOCK items each and no cells to spare; the entry of an item is found among them by binary search.
 * Two blocks side by side have more than LIST_BLOCK items together, unless the last one is of them: no list is more than
 * half empty. The only block of a list of fewer than LIST_BLOCK cells has as many as the heap gives for its size.
 *
 * Written by     the holder of the object's lock. Cells at or above `length` and blocks at or above `capacity` are nobody's to
 *                read, so they are filled without a version. `garbage` is the trash's: it means nothing in a list's table.
 * Versions       the object's is odd while anything but an append changes the list; an entry's while a cell of its block
 *                below `length` changes. A new table's versions start from the store's counter, 2^28 apart; the table word,
 *                whose count rises with each table, tells tables apart.
 * Readers        take the table word, the entry's version (even), then the length, then the cell; afterwards the version
 *                and the table word must be what they were. A table that was replaced may be anything by then: offsets out
 *                of it are checked before they are used.
 */
#ifndef COMEM_OBJECTS_LIST_LAYOUT_H
#define COMEM_OBJECTS_LIST_LAYOUT_H

#include "objects/list.h"

#define LIST_BLOCK (UINT64_C(1) << LIST_BLOCK_SHIFT)
#define LIST_FIRST_CAPACITY 4u
#define LIST_LENGTH_MAX (UINT64_C(1) << 40)
#define LIST_ENTRIES_MAX (UINT64_C(1) << 32)
#define LIST_VERSION_STEP (UINT64_C(1) << 28)

struct list_entry {
    word64 block; /* offset of its cells */
    word64 first; /* index of its first item */
    word64 version;
};

struct list_table {
    struct block_header header;
    word64 length;
    word64 capacity;    /* cells there are for items, over all blocks */
    word64 entry_count; /* entries there is room for */
    word64 tail_first;
    word64 tail_entry;
    word64 garbage; /* in the trash, with BLOCK_PART: the blocks of entries {from 32, to 32} are to be freed */
    struct list_entry entries[];
};
static_assert(sizeof(struct list_table) == 64 && sizeof(struct list_entry) == 24, "docs/format.md says so");

static inline uint64_t list_table_size(uint64_t entries)
{
    return sizeof(struct list_table) + entries * sizeof(struct list_entry);
}

/* Blocks that `capacity` cells of a tail make. */
static inline uint64_t list_blocks(uint64_t capacity)
{
    return (capacity + LIST_BLOCK - 1) / LIST_BLOCK;
}

/* Blocks of a whole table. */
static inline uint64_t list_table_blocks(const struct list_table *table)
{
    return word_load(&table->tail_entry) + list_blocks(word_load(&table->capacity) - word_load(&table->tail_first));
}

static inline uint64_t list_block_size(uint64_t cells)
{
    return (cells < LIST_BLOCK ? cells : LIST_BLOCK) * sizeof(struct cell);
}

static inline uint64_t list_garbage(uint64_t from, uint64_t to)
{
    return from << 32 | to;
}

/* The table that `table_word` names; NULL when it is none, be it that the list is empty or that the word is wrong. */
static inline struct list_table *list_table_at(struct store_map *map, uint64_t table_word)
{
    uint64_t offset = table_offset(table_word);
    return offset == 0 ? NULL : store_at(map, offset, sizeof(struct list_table));
}

/* Entry `number` of the table; NULL when it would be outside the store. */
static inline struct list_entry *list_entry_at(struct store_map *map, uint64_t table_word, uint64_t number)
{
    uint64_t at = table_offset(table_word) + sizeof(struct list_table) + number * sizeof(struct list_entry);
    return store_at(map, at, sizeof(struct list_entry));
}

/* The block of an item. */
struct list_spot {
    uint64_t entry; /* its number */
    uint64_t first; /* the block's first item */
    uint64_t count; /* cells that may hold items; fewer where the list ends */
};

/* Finds the block of an item before the tail. False: damage, or a table that is none any more. */
bool list_spot_search(struct store_map *map, const struct list_table *table, uint64_t index, struct list_spot *spot);

static inline bool list_spot(struct store_map *map, const struct list_table *table, uint64_t index,
                             struct list_spot *spot)
{
    uint64_t tail_first = word_load(&table->tail_first), position = index - tail_first;
    if (!WORD_LIKELY(index >= tail_first))
        return list_spot_search(map, table, index, spot);
    spot->entry = word_load(&table->tail_entry) + (position >> LIST_BLOCK_SHIFT);
    spot->first = tail_first + (position & ~(LIST_BLOCK - 1));
    spot->count = LIST_BLOCK;
    return true;
}

/* The cells from item `index` on to the end of its block, `count` of them at most, and the block's entry. NULL: damage, or a
 * table that is none any more. *count becomes what there is. */
static inline struct cell *list_cells(struct store_map *map, const struct list_table *table, uint64_t index,
                                      uint64_t *count, struct list_entry **entry)
{
    struct list_spot spot;
    *entry = NULL;
    if (!list_spot(map, table, index, &spot))
        return NULL;
    uint64_t position = index - spot.first;
    if (*count > spot.count - position)
        *count = spot.count - position;
    *entry = list_entry_at(map, store_offset(map, table), spot.entry);
    return *entry == NULL ? NULL
                          : store_at(map, word_load(&(*entry)->block) + position * sizeof(struct cell),
                                     *count * sizeof(struct cell));
}

/* For whoever holds the list's lock: the cell of item `index`, and its entry. NULL: damage. */
static inline struct cell *list_locked_cell(struct store_map *map, uint64_t table_word, uint64_t index,
                                            struct list_entry **entry)
{
    uint64_t one = 1;
    const struct list_table *table = list_table_at(map, table_word);
    *entry = NULL;
    return table == NULL ? NULL : list_cells(map, table, index, &one, entry);
}

/* Items of a table one after the other, or here and there: remembers the block that was used last. Private memory. */
struct list_view {
    struct store_map *map;
    const struct list_table *table;
    uint64_t length; /* items that may be looked at */
    uint64_t first, count;
    const struct cell *cells; /* of items `first` on */
};

static inline struct list_view list_view(struct store_map *map, const struct list_table *table, uint64_t length)
{
    struct list_view view = {map, table, length, 0, 0, NULL};
    return view;
}

bool list_view_find(struct list_view *view, uint64_t index);

/* The cell of item `index`; NULL: damage, or a table that is none any more. */
static inline const struct cell *list_view_cell(struct list_view *view, uint64_t index)
{
    if (!WORD_LIKELY(index - view->first < view->count) && !list_view_find(view, index))
        return NULL;
    return &view->cells[index - view->first];
}

/* A version to start a new table's entries with: even, whatever a damaged counter says. */
static inline uint64_t list_fresh_version(struct store_map *map)
{
    return (word_add(&map->header->version_counter, LIST_VERSION_STEP) + LIST_VERSION_STEP) & ~UINT64_C(1);
}

/* Resolves a Python index against `length`. False: out of range. */
static inline bool list_index(int64_t index, uint64_t length, uint64_t *resolved)
{
    *resolved = index < 0 ? (uint64_t)index + length : (uint64_t)index;
    return *resolved < length;
}

/* A slice resolved against a length: items start, start + step ..., `count` of them. */
struct list_range {
    uint64_t start, count;
    int64_t step;
};

/* COMEM_INVALID: a step of 0. */
comem_status list_range(comem_slice slice, uint64_t length, struct list_range *range);

static inline uint64_t list_range_item(const struct list_range *range, uint64_t number)
{
    return range->start + number * (uint64_t)range->step;
}

#endif
