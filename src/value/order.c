/* order.c - which values are equal, and which comes first: as in Python
 *
 * One number line for bools, ints and floats, compared exactly: a float beyond 2^53 is not rounded to meet an int. str and
 * bytes compare byte by byte, which for UTF-8, lone surrogates included, is the order of code points. Everything else has
 * no order.
 */
#include "value/order.h"

#include <math.h>

static enum order order_ints(int64_t one, int64_t other)
{
    return one < other ? ORDER_BEFORE : one > other ? ORDER_AFTER : ORDER_EQUAL;
}

static enum order order_floats(double one, double other)
{
    return one < other                  ? ORDER_BEFORE
           : one > other                ? ORDER_AFTER
           : isnan(one) || isnan(other) ? ORDER_NEITHER
                                        : ORDER_EQUAL;
}

static enum order order_turned(enum order order)
{
    return order == ORDER_BEFORE ? ORDER_AFTER : order == ORDER_AFTER ? ORDER_BEFORE : order;
}

static enum order order_int_float(int64_t integer, double real)
{
    const double limit = 9223372036854775808.0; /* 2^63: floats from here on are beyond every int */
    if (isnan(real))
        return ORDER_NEITHER;
    if (real >= limit)
        return ORDER_BEFORE;
    if (real < -limit)
        return ORDER_AFTER;
    int64_t whole = (int64_t)real; /* towards zero, exactly */
    if (integer != whole)
        return order_ints(integer, whole);
    return order_floats(0, real - (double)whole);
}

static double image_float(struct cell_image image)
{
    double real;
    memcpy(&real, &image.body, sizeof real); /* private: a register */
    return real;
}

enum order order_numbers(struct cell_image one, struct cell_image other)
{
    bool one_float = cell_kind(one.head) == COMEM_FLOAT, other_float = cell_kind(other.head) == COMEM_FLOAT;
    if (one_float && other_float)
        return order_floats(image_float(one), image_float(other));
    if (one_float)
        return order_turned(order_int_float((int64_t)other.body, image_float(one)));
    if (other_float)
        return order_int_float((int64_t)one.body, image_float(other));
    return order_ints((int64_t)one.body, (int64_t)other.body);
}

enum order order_bytes(const void *one, size_t one_size, const void *other, size_t other_size)
{
    size_t both = one_size < other_size ? one_size : other_size;
    int order = both == 0 ? 0 : memcmp(one, other, both);
    if (order == 0)
        return one_size < other_size ? ORDER_BEFORE : one_size > other_size ? ORDER_AFTER : ORDER_EQUAL;
    return order < 0 ? ORDER_BEFORE : ORDER_AFTER;
}

/* Packed values, or pickles: equal when their bytes are, and what they refer to. */
static enum order order_packed(const comem_value *one, const comem_value *other)
{
    uint64_t one_count, other_count;
    struct comem_object **one_objects = cell_held_objects(one, &one_count);
    struct comem_object **other_objects = cell_held_objects(other, &other_count);
    bool equal =
        one_count == other_count && order_bytes(one->as.data, one->size, other->as.data, other->size) == ORDER_EQUAL;
    for (uint64_t i = 0; equal && i < one_count; i++)
        equal = one_objects[i] == other_objects[i];
    return equal ? ORDER_EQUAL : ORDER_NONE;
}

enum order order_values(const comem_value *one, const comem_value *other)
{
    struct cell_image first, second;
    bool numbers = cell_pack_number(one, &first) && cell_pack_number(other, &second);
    if (numbers && one->kind != COMEM_NONE && other->kind != COMEM_NONE)
        return order_numbers(first, second);
    if (one->kind != other->kind)
        return ORDER_NONE;
    if (one->kind == COMEM_STR || one->kind == COMEM_BYTES)
        return order_bytes(one->as.data, one->size, other->as.data, other->size);
    if (one->kind == COMEM_PACKED || one->kind == COMEM_PICKLE)
        return order_packed(one, other);
    return one->kind == COMEM_NONE || one->as.object == other->as.object ? ORDER_EQUAL : ORDER_NONE;
}

const void *order_cell_bytes(struct store_map *map, struct cell_image image, uint8_t room[16], size_t *size)
{
    if (!cell_is_far(image.head)) {
        *size = cell_near_size(image.head);
        if (*size > CELL_NEAR_MAX)
            return NULL;
        for (unsigned i = 0; i < 16; i++)
            room[i] = (uint8_t)((i < 8 ? image.head : image.body) >> i % 8 * 8);
        return room + 3;
    }
    uint64_t far;
    if (!cell_far_size(map, image, &far))
        return NULL;
    *size = far;
    return cell_far_bytes(map, image, far);
}

const char *order_kind_name(uint32_t kind)
{
    static const char *const names[] = {"NoneType",      "bool",     "int",    "float",   "str",      "bytes",
                                        "shared object", "compound", "object", "list",    "tuple",    "set",
                                        "frozenset",     "dict",     "int",    "complex", "bytearray"};
    return kind < sizeof names / sizeof names[0] ? names[kind] : "?";
}
