/* list_range.c - many items of a list as they stood at one moment
 *
 * Protocol     the object's version (even), the table word, the length; then the items; afterwards version and table word must
 *              be what they were. Items that an append adds meanwhile are behind the length and do not matter.
 * Retries      8, then the list is locked: a reader of a long list beside busy writers finishes all the same. An attempt looks
 *              at the versions after each block of items, so a vain one is short.
 * Order        references need the map's mutex; see list_read.c.
 * A death      of a reader: it holds nothing but rows, which go with its process.
 */
#include "objects/list_read.h"

comem_status list_range(comem_slice slice, uint64_t length, struct list_range *range)
{
    int64_t size = (int64_t)length, start = slice.start, stop = slice.stop, step = slice.step;
    int64_t lowest = step < 0 ? -1 : 0, highest = step < 0 ? size - 1 : size;
    if (step == 0)
        return store_error(COMEM_INVALID, "slice step cannot be zero");
    if (step == INT64_MIN)
        step = -INT64_MAX; /* no list is so long that it would differ */
    start = start < 0 ? (start < -size ? lowest : start + size) : (start > highest ? highest : start);
    stop = stop < 0 ? (stop < -size ? lowest : stop + size) : (stop > highest ? highest : stop);
    range->step = step;
    range->count = 0;
    if (step > 0 && start < stop)
        range->count = (uint64_t)((stop - start - 1) / step + 1);
    else if (step < 0 && stop < start)
        range->count = (uint64_t)((start - stop - 1) / -step + 1);
    range->start = range->count > 0 || step > 0 ? (uint64_t)start : 0;
    return COMEM_OK;
}

/* ---- looking ---- */

bool list_look_holds(const void *context)
{
    const struct list_look *look = context;
    if (look->locked)
        return true;
    word_fence_acquire();
    return word_load(&look->list->shared->version) == look->moment.version &&
           word_load(&look->list->shared->table) == look->moment.table;
}

static enum attempt look_once(struct participant *me, struct comem_object *list, bool locked,
                              const struct list_seer *seer, void *context, comem_status *status)
{
    struct list_look look = {.list = list, .locked = locked};
    look.moment.version = word_load_acquire(&list->shared->version);
    look.moment.table = word_load_acquire(&list->shared->table);
    const struct list_table *table = list_table_at(list->map, look.moment.table);
    look.moment.length = table == NULL ? 0 : word_load_acquire(&table->length);
    look.view = list_view(list->map, table, look.moment.length);
    if (look.moment.version % 2 != 0 || !list_look_holds(&look) ||
        (table == NULL && table_offset(look.moment.table) != 0) ||
        !store_could_hold(list->map, look.moment.length, sizeof(struct cell)))
        return ATTEMPT_AGAIN;
    enum attempt attempt = seer->see(me, &look, context, status);
    return attempt == ATTEMPT_DONE && !list_look_holds(&look) ? ATTEMPT_AGAIN : attempt;
}

comem_status list_look(struct participant *me, struct comem_object *list, const struct list_seer *seer, void *context)
{
    comem_status status = COMEM_OK;
    enum attempt attempt = ATTEMPT_AGAIN;
    if (!object_ok(list))
        return object_gone(list);
    if (seer->references)
        map_lock(me);
    for (unsigned i = 0; i < READ_TRIES && attempt == ATTEMPT_AGAIN; i++) {
        seer->forget(me, context);
        attempt = look_once(me, list, false, seer, context, &status);
    }
    if (attempt == ATTEMPT_AGAIN) {
        seer->forget(me, context);
        if (seer->references)
            pthread_mutex_unlock(&me->map->mutex);
        status = seer->references ? object_lock_to_read(me, list) : object_lock(me, list);
        if (status != COMEM_OK)
            return status;
        attempt = look_once(me, list, true, seer, context, &status);
        lock_release(me, &list->shared->lock);
        if (attempt == ATTEMPT_AGAIN)
            status = store_error(COMEM_DAMAGED, "a list names cells outside the store");
    }
    if (attempt == ATTEMPT_DONE && !object_ok(list)) {
        status = object_gone(list); /* it was emptied by its end */
        attempt = ATTEMPT_FAILED;
    }
    if (attempt != ATTEMPT_DONE)
        seer->forget(me, context);
    if (seer->references)
        pthread_mutex_unlock(&me->map->mutex);
    return status;
}

/* ---- copying items out ---- */

struct copy {
    comem_slice slice;
    bool truncate; /* as many as there is room for; otherwise all or none */
    comem_value *out;
    char *texts;       /* where short texts go that are lent, CELL_NEAR_ROOM bytes for each value; or NULL */
    size_t room, read; /* values that fit; that are there */
    uint64_t count;    /* items the slice has */
    struct list_moment moment;
};

/* Gives back what a vain attempt copied. */
static void copy_forget(struct participant *me, void *context)
{
    struct copy *copy = context;
    while (copy->read > 0)
        value_forget(me, &copy->out[--copy->read]);
}

static enum attempt copy_see(struct participant *me, struct list_look *look, void *context, comem_status *status)
{
    struct copy *copy = context;
    struct list_range range;
    *status = list_range(copy->slice, look->moment.length, &range);
    if (*status != COMEM_OK)
        return ATTEMPT_FAILED;
    copy->count = range.count;
    copy->moment = look->moment;
    size_t wanted = range.count <= copy->room ? (size_t)range.count : copy->truncate ? copy->room : 0;
    while (copy->read < wanted) {
        uint64_t block = look->view.first;
        const struct cell *cell = list_view_cell(&look->view, list_range_item(&range, copy->read));
        if (cell == NULL || (look->view.first != block && !list_look_holds(look)))
            return ATTEMPT_AGAIN;
        struct cell_image image = cell_load(cell);
        if (WORD_LIKELY(cell_is_number(image.head))) {
            cell_unpack_number(image, &copy->out[copy->read++]);
            continue;
        }
        if (copy->texts != NULL &&
            cell_lend_near(image, copy->texts + copy->read * CELL_NEAR_ROOM, &copy->out[copy->read])) {
            copy->read++;
            continue;
        }
        enum attempt attempt = value_read(me, look->list, image, list_look_holds, look, &copy->out[copy->read], status);
        if (attempt != ATTEMPT_DONE)
            return attempt;
        copy->read++;
    }
    return ATTEMPT_DONE;
}

static comem_status copy_out(comem_list *list, struct copy *copy)
{
    static const struct list_seer seer = {true, copy_see, copy_forget};
    struct participant *me;
    comem_status status = object_enter(&list->object, &me);
    if (status != COMEM_OK)
        return status;
    unsigned tries = heap_first_try(me);
    do {
        status = list_look(me, &list->object, &seer, copy);
    } while (heap_try_again(me, status, &tries));
    participant_leave(me);
    return status;
}

comem_status comem_list_read(comem_list *list, size_t from, size_t count, comem_value *out, size_t *read)
{
    if (read != NULL)
        *read = 0;
    if (list == NULL || read == NULL || (out == NULL && count > 0))
        return store_error(COMEM_INVALID, "the list, the place for the values or for their number is NULL");
    struct copy copy = {.slice = {from > INT64_MAX ? INT64_MAX : (int64_t)from, INT64_MAX, 1},
                        .truncate = true,
                        .out = out,
                        .room = count};
    comem_status status = copy_out(list, &copy);
    *read = copy.read;
    return status;
}

comem_status list_read_lent(comem_list *list, comem_slice slice, comem_value *out, char *texts, size_t room,
                            size_t *count, struct list_moment *moment)
{
    struct copy copy = {.slice = slice, .out = out, .texts = texts, .room = room};
    if (count != NULL)
        *count = 0;
    if (list == NULL || count == NULL || (out == NULL && room > 0))
        return store_error(COMEM_INVALID, "the list, the place for the values or for their number is NULL");
    comem_status status = copy_out(list, &copy);
    if (status == COMEM_OK) {
        *count = (size_t)copy.count;
        *moment = copy.moment;
    }
    return status;
}

comem_status list_read_moment(comem_list *list, comem_slice slice, comem_value *out, size_t room, size_t *count,
                              struct list_moment *moment)
{
    return list_read_lent(list, slice, out, NULL, room, count, moment);
}

comem_status comem_list_slice_get(comem_list *list, comem_slice slice, comem_value *out, size_t room, size_t *count)
{
    struct list_moment moment;
    return list_read_moment(list, slice, out, room, count, &moment);
}
