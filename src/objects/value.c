/* value.c - values on their way into containers and out of them
 *
 * Order        in: a value's block is filled, or its object's link counted up, before the container is locked. It needs one
 *              entry of the record meanwhile. Out: the cell was copied without a lock; what it names is copied or taken next,
 *              and then the reader looks again whether the cell still is where it was.
 * A death      on the way in: the record gives the block or the link back. On the way out: only rows are held, which go with
 *              the process.
 */
#include "objects/value.h"

#include "objects/list.h"

/* ---- in ---- */

comem_status value_prepare(struct participant *me, const comem_value *value, struct cell_image *image)
{
    if (cell_is_far(image->head))
        return cell_pack_far(me, value, image);
    if (!cell_is_ref(image->head))
        return COMEM_OK;
    if (value->as.object->map != me->map)
        return store_error(COMEM_INVALID, "the object referred to belongs to another store");
    *image = object_ref_image(value->as.object);
    return object_link(me, value->as.object);
}

void value_give_back(struct participant *me, struct cell_image image)
{
    if (cell_is_ref(image.head))
        object_unlink(me, image.body, 0, NULL, 0);
    else
        heap_abandon(me, 0);
}

void value_forget(struct participant *me, comem_value *value)
{
    if (value->kind == COMEM_REF && value->owned != 0)
        object_drop(me, value->as.object);
    else
        comem_value_clear(value);
    *value = comem_none();
}

void value_drop(struct participant *me, comem_value *value)
{
    if (value == NULL || value->kind != COMEM_REF || value->owned == 0) {
        comem_value_clear(value);
        return;
    }
    map_lock(me);
    value_forget(me, value);
    pthread_mutex_unlock(&me->map->mutex);
}

void value_record_give_up(struct participant *me, struct cell_image image)
{
    if (cell_is_far(image.head))
        record_add(me, RECORD_FREE, image.body, 0);
    else if (cell_is_ref(image.head))
        record_add(me, RECORD_UNLINK, image.body, 0);
}

/* ---- out ---- */

enum attempt value_read(struct participant *me, struct store_map *map, struct cell_image image,
                        bool (*still)(const void *), const void *context, comem_value *value, comem_status *status)
{
    *status = COMEM_OK;
    if (cell_is_number(image.head)) {
        cell_unpack_number(image, value);
    } else if (cell_is_ref(image.head)) {
        struct comem_object *handle = NULL;
        *status = object_take(me, image, still, context, &handle);
        if (*status == COMEM_OK && handle == NULL)
            return ATTEMPT_AGAIN;
        if (*status == COMEM_OK) {
            *value = comem_ref((comem_list *)handle);
            value->owned = 1;
        }
    } else if (cell_is_far(image.head)) {
        uint64_t size;
        bool sensible = cell_far_size(map, image, &size);
        if (!still(context))
            return ATTEMPT_AGAIN;
        *status = sensible ? cell_unpack_far(map, image, size, value)
                           : store_error(COMEM_DAMAGED, "a cell names no block of the store");
        if (*status == COMEM_OK && !still(context)) {
            comem_value_clear(value);
            return ATTEMPT_AGAIN;
        }
    } else {
        *status = cell_kind(image.head) <= COMEM_REF ? cell_unpack_near(image, value)
                                                     : store_error(COMEM_DAMAGED, "a cell of a kind there is not");
        if (*status == COMEM_DAMAGED && !still(context)) {
            *status = COMEM_OK; /* its block was somebody else's by then */
            return ATTEMPT_AGAIN;
        }
    }
    return *status == COMEM_OK ? ATTEMPT_DONE : ATTEMPT_FAILED;
}
