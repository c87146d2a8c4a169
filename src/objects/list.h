/* list.h - lists: what front ends of this library may use besides comem.h */
#ifndef COMEM_OBJECTS_LIST_H
#define COMEM_OBJECTS_LIST_H

#include "objects/object.h"

struct list_table;
struct list_entry;

/* Where the last lock holder of this process found the table and a block, in private memory; all addresses were checked.
 * The table is good while the table word is the same, the block while the object's version is: whoever changes more than the
 * end of a list changes that. Used and changed by the holder of the list's lock only. */
struct list_place {
    uint64_t table_word;
    struct list_table *table; /* NULL: nothing is known */
    uint64_t version;
    uint64_t first, count; /* the block's items; none: no block is known */
    struct list_entry *entry;
    struct cell *cells;
};

/* A handle on a list. */
struct comem_list {
    struct comem_object object;
    struct list_place place;
};

#define LIST_CURSOR_CELLS 64u

/* Where an iteration stands. It is live: it reads item after item by index, as the list is then. Private memory. */
struct list_cursor {
    struct comem_list *list;
    uint64_t next;            /* the index of the next item */
    uint64_t first, count;    /* cells[0] is item `first` */
    uint64_t table, version;  /* the cells are good while the table word and */
    const word64 *version_at; /* the version of their block are these */
    const word64 *length_at;
    struct cell_image cells[LIST_CURSOR_CELLS];
    char text[CELL_NEAR_ROOM]; /* of the item that was given last */
};

/* Makes an empty list in a scope, with OBJECT_ flags; see comem_list_new(). */
comem_status list_new_in(comem_store *store, uint64_t scope, uint32_t flags, comem_list **list);

/* comem_list_append() without a copy of the value. */
comem_status list_append(comem_list *list, const comem_value *value);

/* A list as it was when it was read: for who works on a copy and then changes the list only if it is still the same. */
struct list_moment {
    uint64_t table, version, length;
};

/* comem_list_slice_get(), and the moment at which it read; nothing is read with `room` 0. */
comem_status list_read_moment(comem_list *list, comem_slice slice, comem_value *out, size_t room, size_t *count,
                              struct list_moment *moment);
/* The same without memory for a short str or bytes: it borrows from `texts`, CELL_NEAR_ROOM bytes for each value that there is
 * room for. Everything else is owned. */
comem_status list_read_lent(comem_list *list, comem_slice slice, comem_value *out, char *texts, size_t room,
                            size_t *count, struct list_moment *moment);
/* comem_list_pop_at() without a value, if the list is as it was at `moment` but for items added behind; *done says whether. */
comem_status list_delete_if(comem_list *list, const struct list_moment *moment, uint64_t index, bool *done);
/* Puts item order[i] at index i, for each of `count` items, if the list is as it was at `moment`; *done says whether.
 * COMEM_INVALID: not a permutation. */
comem_status list_permute_if(comem_list *list, const struct list_moment *moment, const uint64_t *order, size_t count,
                             bool *done);

/* comem_list_index(), comem_list_count() and comem_list_remove() of a number, str or bytes, for who can compare what the engine
 * cannot. COMEM_TYPE, and nothing was done: an item that came before may be equal all the same, a pickle, a big int, a
 * complex number or a bytearray. */
comem_status list_index_plain(comem_list *list, const comem_value *value, comem_slice slice, size_t *index);
comem_status list_count_plain(comem_list *list, const comem_value *value, size_t *count);
comem_status list_remove_plain(comem_list *list, const comem_value *value);

/* Begins at the first item. The list must stay held while the cursor is used. */
void list_cursor_start(struct list_cursor *cursor, comem_list *list);
/* The next item; a short str or bytes borrows from the cursor until the next call. COMEM_OUT_OF_RANGE: there is none now. O(1),
 * 4 ns for numbers. */
comem_status list_cursor_next(struct list_cursor *cursor, comem_value *value);
/* Goes on with item `index`, whether there is one or not. */
void list_cursor_move(struct list_cursor *cursor, uint64_t index);
/* Nothing to give back; may be used again after list_cursor_start(). */
void list_cursor_clear(struct list_cursor *cursor);

/* Registers the list with the trash; once per process. */
void list_init(void);

#endif
