/* list_read.h - reading one item, and knowing later whether it still is the same */
#ifndef COMEM_OBJECTS_LIST_READ_H
#define COMEM_OBJECTS_LIST_READ_H

#include "objects/list_layout.h"

/* Where an item was read: while the table word and its block's version are these, it is the same item. */
struct list_reading {
    uint64_t table, version, index;
    const word64 *table_at, *version_at;
};

/* Reads an item into a private copy. `me` is inside an operation and holds no lock. */
comem_status list_read_item(struct participant *me, struct comem_object *list, int64_t index, comem_value *value,
                            struct list_reading *reading);

#endif
