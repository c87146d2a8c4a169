/* value.c - values on their way into containers and out of them
 *
 * Order        in: a value's block is filled, or its object's link counted up, before the container is locked. It needs one
 *              entry of the record meanwhile. A block with references hangs from that entry (BUILD) while they are counted up one
 *              by one; how many there are so far stands in the block, and changes in the operation that counts.
 *              Out: the cell was copied without a lock; what it names is copied or taken next, and then the reader looks again
 *              whether the cell still is where it was.
 * A death      on the way in: the record gives the block or the link back. On the way out: only rows are held, which go with
 *              the process.
 */
#include "objects/value.h"

#include "objects/list.h"

#include <stdlib.h>

bool value_pickles_are_looked_after;

static comem_status pickle_refused(void)
{
    return store_answer(COMEM_TYPE,
                        "a pickle, which this process neither stores here nor reads: the object was made, or its "
                        "store opened, without pickles");
}

/* ---- in ---- */

comem_status value_pack(const struct comem_object *container, const comem_value *value, struct cell_image *image)
{
    if (value->kind == COMEM_PICKLE && !value_pickles_are_looked_after && container != NULL &&
        (object_flags(container) & OBJECT_NO_PICKLE) != 0)
        return pickle_refused();
    return cell_pack(value, image);
}

/* Counts up what a block that was just filled refers to. ALLOC of it is the record's last entry, behind the first `keep`. */
static comem_status link_references(struct participant *me, uint32_t keep, const comem_value *value, uint64_t offset)
{
    uint64_t count;
    struct comem_object **objects = cell_held_objects(value, &count);
    struct value_block *block = store_at(me->map, offset, sizeof *block + count * sizeof(struct cell));
    struct record_line line = {RECORD_BUILD, offset, 0};
    comem_status status = COMEM_OK;
    if (block == NULL)
        return store_error(COMEM_DAMAGED, "the heap gave a block outside the store");
    record_replace(me, keep, &line, 1);
    for (uint64_t i = 0; status == COMEM_OK && i < count; i++) {
        if (objects[i]->map != me->map)
            return object_foreign(objects[i]);
        cell_store(&value_block_cells(block)[i], object_ref_image(objects[i]));
        status = object_link_with(me, objects[i], keep + 1, &block->header.info,
                                  value_block_info(word_load(&block->header.info), i + 1));
    }
    return status;
}

comem_status value_build(struct participant *me, uint32_t keep, const comem_value *value, struct cell_image *image)
{
    comem_status status = cell_pack_far(me, value, image);
    if (status == COMEM_OK && cell_is_held(image->head))
        status = link_references(me, keep, value, image->body);
    if (status != COMEM_OK)
        heap_abandon(me, keep);
    return status;
}

comem_status value_prepare(struct participant *me, const comem_value *value, struct cell_image *image)
{
    if (cell_is_far(image->head))
        return value_build(me, 0, value, image);
    if (!cell_is_ref(image->head))
        return COMEM_OK;
    if (value->as.object->map != me->map)
        return object_foreign(value->as.object);
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

bool value_line(struct cell_image image, struct record_line *line)
{
    if (cell_is_plain(image.head))
        return false;
    *line = (struct record_line){.kind = cell_is_ref(image.head)    ? RECORD_UNLINK
                                         : cell_is_held(image.head) ? RECORD_TRASH
                                                                    : RECORD_FREE,
                                 .offset = image.body};
    return true;
}

void value_record_give_up(struct participant *me, struct cell_image image)
{
    struct record_line line;
    if (value_line(image, &line))
        record_add(me, line.kind, line.offset, line.argument);
}

/* ---- numbers ---- */

comem_status value_sum(const comem_value *one, const comem_value *other, comem_value *sum)
{
    bool real = one->kind == COMEM_FLOAT || other->kind == COMEM_FLOAT;
    if (one->kind == COMEM_NONE || one->kind > COMEM_FLOAT || other->kind == COMEM_NONE || other->kind > COMEM_FLOAT)
        return store_error(COMEM_TYPE, "only numbers can be added");
    int64_t left = one->kind == COMEM_BOOL ? one->as.boolean : one->as.integer, total;
    int64_t right = other->kind == COMEM_BOOL ? other->as.boolean : other->as.integer;
    if (real) {
        *sum = comem_float((one->kind == COMEM_FLOAT ? one->as.real : (double)left) +
                           (other->kind == COMEM_FLOAT ? other->as.real : (double)right));
        return COMEM_OK;
    }
    if (__builtin_add_overflow(left, right, &total))
        return store_error(COMEM_OUT_OF_RANGE, "the sum is beyond 64 bits");
    *sum = comem_int(total);
    return COMEM_OK;
}

/* ---- private copies ---- */

/* Lets go of what an owned value has; `me` is NULL outside any operation, else the map's mutex is held. */
static void value_let_go(struct participant *me, comem_value *value)
{
    uint64_t count = 1;
    struct comem_object **objects = value->kind == COMEM_REF ? &value->as.object : cell_held_objects(value, &count);
    for (uint64_t i = 0; objects != NULL && i < count; i++) {
        if (me != NULL)
            object_drop(me, objects[i]);
        else
            object_release(objects[i]);
    }
    if (value->kind != COMEM_REF)
        free(objects != NULL ? (void *)objects : (void *)(uintptr_t)value->as.data);
}

void comem_value_clear(comem_value *value)
{
    if (value == NULL)
        return;
    if (value->owned != 0)
        value_let_go(NULL, value);
    *value = comem_none();
}

void value_forget(struct participant *me, comem_value *value)
{
    if (value->owned != 0)
        value_let_go(me, value);
    *value = comem_none();
}

void value_drop(struct participant *me, comem_value *value)
{
    uint64_t count;
    if (value == NULL || value->owned == 0 || (value->kind != COMEM_REF && cell_held_objects(value, &count) == NULL)) {
        comem_value_clear(value);
        return;
    }
    map_lock(me);
    value_forget(me, value);
    pthread_mutex_unlock(&me->map->mutex);
}

comem_status value_copy(const comem_value *value, comem_value *copy)
{
    uint64_t count;
    struct comem_object **objects = cell_held_objects(value, &count);
    size_t front = objects == NULL ? 0 : 8 * (count + 1);
    *copy = *value;
    copy->owned = 0;
    if (value->kind == COMEM_REF)
        object_hold(value->as.object);
    else if (value->kind < COMEM_STR)
        return COMEM_OK;
    else {
        char *bytes = malloc(front + value->size + 1);
        if (bytes == NULL) {
            *copy = comem_none();
            return store_error(COMEM_NO_MEMORY, "malloc of %zu bytes for a copy failed", front + value->size + 1);
        }
        if (front + value->size > 0)
            memcpy(bytes, value->as.data - front, front + value->size); /* private: the copy's */
        bytes[front + value->size] = 0;                                 /* private: the copy's */
        copy->as.data = bytes + front;
        for (uint64_t i = 0; i < count; i++)
            object_hold(objects[i]);
    }
    copy->owned = 1;
    return COMEM_OK;
}

/* ---- out ---- */

static comem_status damaged_cell(void)
{
    return store_error(COMEM_DAMAGED, "a cell names no block of the store");
}

static enum attempt read_reference(struct participant *me, struct cell_image image, bool (*still)(const void *),
                                   const void *context, comem_value *value, comem_status *status)
{
    struct comem_object *handle = NULL;
    *status = object_take(me, image, still, context, &handle);
    if (*status != COMEM_OK)
        return ATTEMPT_FAILED;
    if (handle == NULL)
        return ATTEMPT_AGAIN;
    *value = comem_ref((comem_list *)handle);
    value->owned = 1;
    return ATTEMPT_DONE;
}

/* Takes a handle for each of `count` references, until one cannot be had. Returns how many were. */
static uint64_t take_references(struct participant *me, const struct cell *references, uint64_t count,
                                bool (*still)(const void *), const void *context, struct comem_object **objects,
                                comem_status *status)
{
    for (uint64_t i = 0; i < count; i++) {
        struct cell_image image = cell_load(&references[i]);
        objects[i] = NULL;
        if (cell_is_ref(image.head))
            *status = object_take(me, image, still, context, &objects[i]);
        else if (still(context))
            *status = store_error(COMEM_DAMAGED, "a value refers to something that is no object");
        if (objects[i] == NULL)
            return i;
    }
    return count;
}

/* A held value: first its references, then its bytes. */
static enum attempt read_held(struct participant *me, struct store_map *map, struct cell_image image,
                              bool (*still)(const void *), const void *context, comem_value *value,
                              comem_status *status)
{
    uint64_t size, count;
    bool sensible = cell_far_size(map, image, &size);
    const struct cell *references = cell_far_references(map, image, &count);
    if (!still(context))
        return ATTEMPT_AGAIN;
    if (!sensible || references == NULL) {
        *status = damaged_cell();
        return ATTEMPT_FAILED;
    }
    size_t front = (count + 1) * sizeof(struct comem_object *);
    struct comem_object **objects = malloc(front + size + 1);
    if (objects == NULL) {
        *status = store_error(COMEM_NO_MEMORY, "malloc of %llu bytes for a copy failed", (unsigned long long)size);
        return ATTEMPT_FAILED;
    }
    char *data = (char *)objects + front;
    uint64_t taken = take_references(me, references, count, still, context, objects, status);
    const void *bytes = taken == count ? cell_far_bytes(map, image, size) : NULL;
    if (bytes != NULL)
        word_copy_out(data, bytes, size);
    if (bytes != NULL && still(context)) {
        memcpy(data - sizeof count, &count, sizeof count); /* private: as cell.h says */
        data[size] = 0;
        *value = comem_bytes(data, size);
        value->kind = cell_kind(image.head);
        value->flags = cell_flags(image.head);
        value->owned = 1;
        return ATTEMPT_DONE;
    }
    while (taken > 0)
        object_drop(me, objects[--taken]);
    free(objects);
    return *status == COMEM_OK ? ATTEMPT_AGAIN : ATTEMPT_FAILED;
}

static enum attempt read_far(struct store_map *map, struct cell_image image, bool (*still)(const void *),
                             const void *context, comem_value *value, comem_status *status)
{
    uint64_t size;
    bool sensible = cell_far_size(map, image, &size);
    if (!still(context))
        return ATTEMPT_AGAIN;
    *status = sensible ? cell_unpack_far(map, image, size, value) : damaged_cell();
    if (*status != COMEM_OK)
        return ATTEMPT_FAILED;
    if (still(context))
        return ATTEMPT_DONE;
    comem_value_clear(value);
    return ATTEMPT_AGAIN;
}

/* A near value, or no value at all. */
static enum attempt read_near(struct cell_image image, bool (*still)(const void *), const void *context,
                              comem_value *value, comem_status *status)
{
    *status = cell_kind_known(image.head) ? cell_unpack_near(image, value)
                                          : store_error(COMEM_DAMAGED, "a cell of a kind there is not");
    if (*status == COMEM_OK)
        return ATTEMPT_DONE;
    if (*status != COMEM_DAMAGED || still(context))
        return ATTEMPT_FAILED;
    *status = COMEM_OK; /* its block was somebody else's by then */
    return ATTEMPT_AGAIN;
}

/* Whether the cell has a pickle that is not handed out. */
static bool is_refused(const struct comem_object *container, struct cell_image image)
{
    return cell_kind(image.head) == COMEM_PICKLE && !value_pickles_are_looked_after &&
           (object_flags(container) & OBJECT_NO_PICKLE) != 0;
}

enum attempt value_read(struct participant *me, const struct comem_object *container, struct cell_image image,
                        bool (*still)(const void *), const void *context, comem_value *value, comem_status *status)
{
    struct store_map *map = container->map;
    *status = COMEM_OK;
    if (cell_is_number(image.head)) {
        cell_unpack_number(image, value);
        return ATTEMPT_DONE;
    }
    if (is_refused(container, image)) {
        *status = still(context) ? pickle_refused() : COMEM_OK;
        return *status == COMEM_OK ? ATTEMPT_AGAIN : ATTEMPT_FAILED;
    }
    if (cell_is_ref(image.head))
        return read_reference(me, image, still, context, value, status);
    if (cell_is_held(image.head))
        return read_held(me, map, image, still, context, value, status);
    if (cell_is_far(image.head) && cell_kind_known(image.head))
        return read_far(map, image, still, context, value, status);
    return read_near(image, still, context, value, status);
}

enum attempt value_attempts(struct participant *me, struct comem_object *object, value_attempt attempt, void *context,
                            comem_status *status)
{
    enum attempt result = ATTEMPT_AGAIN;
    *status = object_ok(object) ? COMEM_OK : object_gone(object);
    if (*status != COMEM_OK)
        return ATTEMPT_FAILED;
    map_lock(me);
    for (unsigned i = 0; i < READ_TRIES && result == ATTEMPT_AGAIN; i++)
        result = attempt(me, object, context, status);
    if (result == ATTEMPT_AGAIN) {
        pthread_mutex_unlock(&me->map->mutex);
        *status = object_lock_to_read(me, object);
        if (*status != COMEM_OK)
            return ATTEMPT_FAILED;
        result = attempt(me, object, context, status);
        lock_release(me, &object->shared->lock);
    }
    pthread_mutex_unlock(&me->map->mutex);
    return result;
}
