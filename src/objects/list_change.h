/* list_change.h - what the files that change lists share: the locked list, values on their way in, changes of the table */
#ifndef COMEM_OBJECTS_LIST_CHANGE_H
#define COMEM_OBJECTS_LIST_CHANGE_H

#include "objects/list_layout.h"
#include "objects/value.h"

/* ---- the list while this thread holds its lock (list.c) ---- */

struct locked_list {
    uint64_t table_word, length, capacity;
    struct list_table *table; /* NULL: empty */
};

/* Begins a call: arguments, then the calling thread. */
static inline comem_status list_enter(comem_list *list, struct participant **me)
{
    if (!WORD_LIKELY(list != NULL))
        return store_error(COMEM_INVALID, "the list is NULL");
    return object_enter(&list->object, me);
}

/* What is wrong with a table that has just been locked; releases the lock. */
comem_status list_lock_damaged(struct participant *me, struct comem_object *list, const struct locked_list *locked);

static inline comem_status list_lock(struct participant *me, struct comem_object *list, struct locked_list *locked)
{
    comem_status status = object_lock(me, list);
    if (!WORD_LIKELY(status == COMEM_OK))
        return status;
    const struct list_place *place = &((comem_list *)list)->place;
    locked->table_word = word_load(&list->shared->table);
    locked->table = WORD_LIKELY(place->table_word == locked->table_word) ? place->table
                                                                         : list_table_at(me->map, locked->table_word);
    locked->length = locked->capacity = 0;
    if (WORD_LIKELY(locked->table != NULL)) {
        locked->length = word_load(&locked->table->length);
        locked->capacity = word_load(&locked->table->capacity);
    }
    bool sound = locked->length <= locked->capacity && (locked->table != NULL || table_offset(locked->table_word) == 0);
    return WORD_LIKELY(sound) ? COMEM_OK : list_lock_damaged(me, list, locked);
}

/* Releases the lock and says that the list is damaged. */
comem_status list_damaged(struct participant *me, struct comem_object *list);

/* ---- values on their way in (list_values.c) ---- */

#define LIST_FEW 16u

/* Values turned into cells before the list is locked. What they need besides (blocks of far values, links of objects) hangs
 * from a table aside, which the record holds (HOLD) until the cells are stored. */
struct list_values {
    struct cell_image *images; /* private */
    const comem_value *plain;  /* borrowed, instead of images: values whose cells stand for themselves */
    uint64_t count;
    struct list_table *aside; /* NULL: the cells stand for themselves, and the record is idle */
    struct cell_image few[LIST_FEW];
};

/* Whether `values` can be stored, without touching the store, and whether all their cells stand for themselves. COMEM_TYPE,
 * COMEM_INVALID. */
comem_status list_values_check(const struct comem_object *container, const comem_value *values, uint64_t count,
                               bool *plain);
/* Checked values that are plain, to be stored behind the last item only. */
void list_values_borrow(const comem_value *values, uint64_t count, struct list_values *cells);
/* The cells of `count` checked values, `times` times over. COMEM_NO_MEMORY: the record is idle. */
comem_status list_values_open(struct participant *me, const comem_value *values, uint64_t count, uint64_t times,
                              struct list_values *cells);
/* Gives them back; no object lock is held, the record is as list_values_open() left it. */
void list_values_give_back(struct participant *me, struct list_values *cells);
/* After they were stored, or given back. */
void list_values_close(struct list_values *cells);
/* What the record's HOLD turns into when they are stored: two lines, or none. Returns how many. */
uint32_t list_values_lines(struct store_map *map, const struct list_values *cells, struct record_line *lines);

/* Writes the cells where items `length` + `behind` and further will be, of which nobody looks at any yet; there is room. */
comem_status list_fill_behind(struct participant *me, const struct locked_list *locked, uint64_t behind,
                              const struct list_values *cells);
/* Stores the cells behind the last item of the locked list. On COMEM_OK release the lock, then heap_finish(); otherwise the
 * record is as list_values_open() left it. The lock is held either way. COMEM_NO_MEMORY, COMEM_DAMAGED. */
comem_status list_append_cells(struct participant *me, struct comem_object *list, struct locked_list *locked,
                               const struct list_values *cells);

/* ---- changes of the table (list_change.c); the lock is held throughout ---- */

/* Items `start` to `stop` - 1 go, `count` cells come in their place. */
struct list_change {
    uint64_t start, stop, count;
    const struct cell_image *cells;
    uint64_t room;                    /* items that the list shall have room for afterwards, if it has only one block */
    bool moved;                       /* the cells are those that go, in another order or fewer of them */
    const struct cell_image *removed; /* with `moved`: those that go for good; only such as are not plain matter */
    uint64_t removed_count;
    const struct list_values
        *values; /* whose cells they are, or some of them; NULL: the record has at most ALLOC or OWE */
};

/* Commits the change by one store of the table word. On COMEM_OK the record is COMMITTED and the lock held: release it, then
 * object_finish(). Otherwise the record is as before the call, and the lock is held too. COMEM_NO_MEMORY, COMEM_DAMAGED. */
comem_status list_change(struct participant *me, struct comem_object *list, const struct locked_list *locked,
                         const struct list_change *change);

/* A table with room for `wanted` blocks instead of the list's; the rest as list_change(), but for the first `keep` entries
 * (HOLD), which stay. */
comem_status list_change_table(struct participant *me, struct comem_object *list, const struct locked_list *locked,
                               uint64_t wanted, uint32_t keep);

/* Removes everything, as list_change(). */
void list_change_clear(struct participant *me, struct comem_object *list, const struct locked_list *locked);

/* After list_change(): releases the lock and ends the operation. */
static inline comem_status list_change_end(struct participant *me, struct comem_object *list)
{
    lock_release(me, &list->shared->lock);
    return object_finish(me);
}

/* The cells of the locked list, for who puts them into another order: malloc()ed, to be free()d. COMEM_NO_MEMORY,
 * COMEM_DAMAGED; the lock stays held. (list_slice.c) */
comem_status list_images(struct participant *me, const struct locked_list *locked, struct cell_image **images);
/* Gives the locked list its cells in another order, and ends the operation; the lock is released. (list_slice.c) */
comem_status list_reorder(struct participant *me, struct comem_object *list, const struct locked_list *locked,
                          const struct cell_image *images);

/* ---- copies (list_copy.c) ---- */

/* All items in private memory, as they stood at one moment. */
struct list_copy {
    comem_value *values;
    size_t count;
    struct list_moment moment;
};

/* COMEM_NO_MEMORY, COMEM_GONE. Outside any operation. */
comem_status list_copy_take(comem_list *list, struct list_copy *copy);
void list_copy_clear(struct list_copy *copy);

/* ---- room (list_room.c) ---- */

/* Sees to it that the list, whose lock is held, has cells for `wanted` items, in steps that change no content, each an
 * operation of its own; the first `keep` entries of the record (HOLD) stay, others there are not. `locked` follows.
 * COMEM_NO_MEMORY, COMEM_DAMAGED; the lock stays held. */
comem_status list_room(struct participant *me, struct comem_object *list, struct locked_list *locked, uint64_t wanted,
                       uint32_t keep);
/* Whether a list of `length` items keeps more cells than it should. */
static inline bool list_is_loose(uint64_t length, uint64_t capacity)
{
    return capacity > LIST_BLOCK
               ? capacity - length > LIST_BLOCK
               : capacity > LIST_BLOCK / 16 && capacity > LIST_FIRST_CAPACITY && length < capacity / 2;
}
/* Gives room back if it is loose: a block, or all there is to give. Whether there is more. No lock is held, the record is idle. */
bool list_tighten(struct participant *me, struct comem_object *list);
/* The same to the end: room was made for items that there was then no memory for. */
void list_tighten_all(struct participant *me, struct comem_object *list);
/* Cells of a list's only block that is to hold `items`. */
uint64_t list_short_cells(uint64_t items);

/* ---- tables aside (list_room.c) ---- */

/* Makes an empty table with room for `entries` blocks, behind the first `keep` entries of the record, as `kind` (HOLD, BUILD)
 * with `flags`. */
comem_status list_table_aside(struct participant *me, uint32_t keep, enum record_kind kind, uint32_t flags,
                              uint64_t entries, struct list_table **table);
/* Adds a block of `cells` cells to a table aside, by an operation that leaves the first `keep` entries. */
comem_status list_build_block(struct participant *me, uint32_t keep, struct list_table *table, uint64_t cells);
void list_entry_fill(struct list_entry *entry, uint64_t block, uint64_t first, uint64_t version);

#endif
