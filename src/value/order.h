/* order.h - which values are equal, and which comes first: as in Python */
#ifndef COMEM_VALUE_ORDER_H
#define COMEM_VALUE_ORDER_H

#include "value/cell.h"

enum order {
    ORDER_BEFORE = -1,
    ORDER_EQUAL,
    ORDER_AFTER,
    ORDER_NEITHER, /* not equal, and neither comes first: one is not a number */
    ORDER_NONE     /* not equal, and there is no order between such kinds */
};

/* Compares bools, ints and floats, by kind and body of their cells; exactly, whatever their size. O(1). */
enum order order_numbers(struct cell_image one, struct cell_image other);

/* Compares bytes, as those of a str compare by code points. O(size). */
enum order order_bytes(const void *one, size_t one_size, const void *other, size_t other_size);

/* Compares two values of the same store, references by what they refer to (equal or ORDER_NONE). */
enum order order_values(const comem_value *one, const comem_value *other);

/* The bytes of a near or far str or bytes in a cell. `room` is for near ones. The caller knows that the cell cannot change.
 * NULL: damage. */
const void *order_cell_bytes(struct store_map *map, struct cell_image image, uint8_t room[16], size_t *size);

/* "NoneType", "int" ...: what Python calls values of a kind. */
const char *order_kind_name(uint32_t kind);

#endif
