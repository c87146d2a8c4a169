/* value_pack.c - compound values: trees of comem_value packed into one, and taken apart again
 *
 * Private memory, no store is touched. What a call gives is one allocation; before it stand the handles it has, if any, as
 * cell.h says of held values. A tree is walked twice: for its size, then to be filled; all in it has a copy of its bytes, so it
 * does not depend on the value it was made of.
 */
#include "objects/object.h"
#include "value/packed.h"

#include <stdlib.h>

/* Room for `size` bytes with a copy of the handles of `held`, which are held once more. NULL: no memory. */
static char *room_with_handles(const comem_value *held, size_t size)
{
    uint64_t count;
    struct comem_object **objects = cell_held_objects(held, &count);
    size_t front = objects == NULL ? 0 : (count + 1) * sizeof(struct comem_object *);
    char *room = malloc(front + size);
    if (room == NULL) {
        store_detail("malloc of %zu bytes for a value failed", front + size);
        return NULL;
    }
    if (front > 0)
        memcpy(room, objects, front); /* private: the handles and their number */
    for (uint64_t i = 0; i < count; i++)
        object_hold(objects[i]);
    return room + front;
}

/* ---- packing ---- */

static comem_status pack_tree(struct packer *packer, const comem_value *value)
{
    if (value->kind > COMEM_BYTEARRAY)
        return store_error(COMEM_TYPE, "a value of kind %u within a value", value->kind);
    if (packed_is_container(value->kind) && value->as.items == NULL && value->size > 0)
        return store_error(COMEM_INVALID, "a value of %zu items at NULL", value->size);
    comem_status status = packer_item(packer, value);
    if (status != COMEM_OK || !packed_is_container(value->kind))
        return status;
    size_t count = value->kind == COMEM_DICT ? 2 * value->size : value->size;
    for (size_t i = 0; status == COMEM_OK && i < count; i++)
        status = pack_tree(packer, &value->as.items[i]);
    return status == COMEM_OK ? packer_end(packer) : status;
}

static comem_status pack_own(struct packer *packer, comem_value *packed)
{
    comem_value borrowed;
    comem_status status = packer_close(packer, &borrowed);
    for (uint64_t i = 1; status == COMEM_OK && i < packer->object_count; i++)
        if (packer->objects[i]->map != packer->objects[0]->map)
            status = store_error(COMEM_INVALID, "a value refers to objects of several stores");
    if (status != COMEM_OK)
        return status;
    char *data = room_with_handles(&borrowed, borrowed.size + 1);
    if (data == NULL)
        return COMEM_NO_MEMORY;
    memcpy(data, borrowed.as.data, borrowed.size + 1); /* private: a copy, with the zero byte behind it */
    *packed = borrowed;
    packed->as.data = data;
    packed->owned = 1;
    return COMEM_OK;
}

static comem_status check_arguments(const comem_value *value, comem_value *result)
{
    if (result != NULL)
        *result = comem_none();
    return value != NULL && result != NULL ? COMEM_OK
                                           : store_error(COMEM_INVALID, "the value or the place for another is NULL");
}

/* The value as it is. */
static comem_status lend(const comem_value *value, comem_value *borrowed)
{
    *borrowed = *value;
    borrowed->owned = 0;
    return COMEM_OK;
}

comem_status comem_value_pack(const comem_value *value, comem_value *packed)
{
    struct packer packer;
    comem_status status = check_arguments(value, packed);
    if (status != COMEM_OK || value->kind < COMEM_LIST || value->kind > COMEM_BYTEARRAY)
        return status != COMEM_OK ? status : lend(value, packed);
    packer_open(&packer);
    status = pack_tree(&packer, value);
    if (status == COMEM_OK)
        status = pack_own(&packer, packed);
    packer_clear(&packer);
    return status;
}

/* ---- taking apart ---- */

/* The values of a value, besides itself. */
static size_t tree_values(const comem_value *value)
{
    return value->kind == COMEM_COMPLEX        ? 2
           : !packed_is_container(value->kind) ? 0
           : value->kind == COMEM_DICT         ? 2 * value->size
                                               : value->size;
}

static bool tree_has_data(const comem_value *value)
{
    return value->kind == COMEM_STR || value->kind == COMEM_BYTES || value->kind == COMEM_BIG_INT ||
           value->kind == COMEM_BYTEARRAY;
}

struct tree_size {
    size_t items, values, bytes;
    uint32_t kind; /* of the whole */
};

static comem_status size_item(void *context, const comem_value *value)
{
    struct tree_size *size = context;
    if (size->items++ == 0)
        size->kind = value->kind;
    size->values += tree_values(value);
    size->bytes += tree_has_data(value) ? value->size + 1 : 0;
    return COMEM_OK;
}

static comem_status size_end(void *context)
{
    (void)context;
    return COMEM_OK;
}

struct tree {
    comem_value *values; /* the next ones */
    char *bytes;
    unsigned depth;
    comem_value *next[PACKED_DEPTH_MAX + 1]; /* where the next value goes, for each container that is not complete */
};

static comem_status tree_item(void *context, const comem_value *value)
{
    struct tree *tree = context;
    comem_value *to = tree->next[tree->depth]++;
    size_t count = tree_values(value);
    *to = *value;
    if (count > 0 || packed_is_container(value->kind))
        to->as.items = tree->values;
    if (value->kind == COMEM_COMPLEX) {
        tree->values[0] = value->as.items[0];
        tree->values[1] = value->as.items[1];
    } else if (packed_is_container(value->kind)) {
        tree->next[++tree->depth] = tree->values;
    } else if (tree_has_data(value)) {
        if (value->size > 0)
            memcpy(tree->bytes, value->as.data, value->size); /* private: the tree's */
        to->as.data = tree->bytes;
        tree->bytes[value->size] = 0;
        tree->bytes += value->size + 1;
    }
    if (value->kind == PACKED_KIND_TYPED)
        to->kind = COMEM_TUPLE;
    tree->values += count;
    return COMEM_OK;
}

static comem_status tree_end(void *context)
{
    struct tree *tree = context;
    tree->depth--;
    return COMEM_OK;
}

comem_status comem_value_unpack(const comem_value *value, comem_value *tree)
{
    static const struct packed_visitor sizer = {size_item, size_end}, filler = {tree_item, tree_end};
    struct tree_size size = {.items = 0};
    comem_status status = check_arguments(value, tree);
    if (status != COMEM_OK || value->kind != COMEM_PACKED)
        return status != COMEM_OK ? status : lend(value, tree);
    status = packed_walk(value, &sizer, &size);
    if (status == COMEM_OK && size.kind < COMEM_LIST)
        status = store_error(COMEM_DAMAGED, "a packed value that is no compound one");
    if (status != COMEM_OK)
        return status;
    size_t values = size.values * sizeof(comem_value);
    char *room = room_with_handles(value, values + size.bytes + 1);
    if (room == NULL)
        return COMEM_NO_MEMORY;
    struct tree filling = {.values = (comem_value *)(void *)room, .bytes = room + values};
    filling.next[0] = tree;
    packed_walk(value, &filler, &filling); /* did not fail before */
    tree->owned = 1;
    tree->flags |= value->flags & COMEM_HOLDS;
    return COMEM_OK;
}
