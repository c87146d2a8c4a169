/* list_read.h - reading one item, and knowing later whether it still is the same */
#ifndef COMEM_OBJECTS_LIST_READ_H
#define COMEM_OBJECTS_LIST_READ_H

#include "objects/list_layout.h"
#include "objects/value.h"

/* Where an item was read: while the table word and its block's version are these, it is the same item. */
struct list_reading {
    uint64_t table, version, index;
    const word64 *table_at, *version_at;
};

/* Reads an item into a private copy. `me` is inside an operation and holds no lock. */
comem_status list_read_item(struct participant *me, struct comem_object *list, int64_t index, comem_value *value,
                            struct list_reading *reading);

/* ---- many items of one moment (list_range.c) ---- */

/* A list while it is looked at as a whole. */
struct list_look {
    struct comem_object *list;
    struct list_moment moment;
    bool locked; /* nobody can change it */
    struct list_view view;
};

/* Whether it still is as it was when the look began, but for items added behind. */
bool list_look_holds(const void *look);

/* Looks at a list as it is at one moment: calls `see` up to READ_TRIES times without the lock, then under it. It says
 * ATTEMPT_AGAIN when what it meets is none; what it found counts if ATTEMPT_DONE comes back and the look still holds.
 * ATTEMPT_FAILED: *status says why. `forget` is called before each further attempt, and after the last vain one; no lock is
 * held then. */
struct list_seer {
    bool references; /* it takes and drops references, so it is called with the map's mutex held */
    enum attempt (*see)(struct participant *me, struct list_look *look, void *context, comem_status *status);
    void (*forget)(struct participant *me, void *context);
};
comem_status list_look(struct participant *me, struct comem_object *list, const struct list_seer *seer, void *context);

#endif
