/* list.h - lists: what front ends of this library may use besides comem.h */
#ifndef COMEM_OBJECTS_LIST_H
#define COMEM_OBJECTS_LIST_H

#include "objects/object.h"

struct list_table;
struct list_entry;

/* Where the last lock holder of this process found the table and a block, in private memory; all addresses were checked.
 * Good while the table word and the entry's block are the same. Used and changed by the holder of the list's lock only. */
struct list_place {
    uint64_t table_word, number; /* of the entry */
    struct list_table *table;    /* NULL: nothing is known */
    struct list_entry *entry;
    uint64_t block;
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
};

/* Makes an empty list in a scope, with OBJECT_ flags; see comem_list_new(). */
comem_status list_new_in(comem_store *store, uint64_t scope, uint32_t flags, comem_list **list);

/* comem_list_append() without a copy of the value. */
comem_status list_append(comem_list *list, const comem_value *value);

/* Begins at the first item. The list must stay held while the cursor is used. */
void list_cursor_start(struct list_cursor *cursor, comem_list *list);
/* The next item. COMEM_OUT_OF_RANGE: there is none now. O(1), 4 ns for numbers. */
comem_status list_cursor_next(struct list_cursor *cursor, comem_value *value);
/* Nothing to give back; may be used again after list_cursor_start(). */
void list_cursor_clear(struct list_cursor *cursor);

/* Registers the list with the trash; once per process. */
void list_init(void);

#endif
