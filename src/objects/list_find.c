/* list_find.c - finding items of a list that equal a value
 *
 * Looking      without the lock, as list_range.c does it; remove() looks under the lock, because it goes on from there. Values
 *              of C compare as in Python and run nobody's code, so both may happen in the engine.
 * Cost         2 ns a number, 5 ns a str.
 */
#include "objects/list_change.h"
#include "objects/list_read.h"
#include "value/order.h"

#include <stdlib.h>

#define CHANGE_WORK 2u

/* ---- one value among many ---- */

struct find {
    const comem_value *value;
    struct cell_image needle;
    comem_slice slice;
    bool all; /* count them all */
    uint64_t index, count;
};

static comem_status find_open(struct find *find, const comem_value *value)
{
    comem_status status = cell_pack(value, &find->needle);
    if (status == COMEM_OK && cell_is_ref(find->needle.head))
        find->needle = object_ref_image(value->as.object);
    find->value = value;
    return status;
}

/* Whether a held value refers to the same objects as the one looked for. */
static bool find_same_references(struct store_map *map, const struct find *find, struct cell_image image)
{
    uint64_t count, found;
    struct comem_object **objects = cell_held_objects(find->value, &count);
    const struct cell *references = cell_far_references(map, image, &found);
    bool same = references != NULL && found == count;
    for (uint64_t i = 0; same && i < count; i++) {
        struct cell_image one = cell_load(&references[i]), other = object_ref_image(objects[i]);
        same = one.head == other.head && one.body == other.body;
    }
    return same;
}

/* Whether a cell that is not the very same holds an equal value. */
static bool find_equal_other(struct store_map *map, const struct find *find, struct cell_image image)
{
    if (cell_is_number(image.head) && cell_is_number(find->needle.head))
        return cell_kind(image.head) != COMEM_NONE && cell_kind(find->needle.head) != COMEM_NONE &&
               order_numbers(image, find->needle) == ORDER_EQUAL;
    uint64_t size;
    if (!cell_is_far(image.head) || (image.head & UINT32_MAX) != (find->needle.head & UINT32_MAX) ||
        !cell_far_size(map, image, &size) || size != find->value->size)
        return false;
    const void *bytes = cell_far_bytes(map, image, size);
    return bytes != NULL && word_equal(bytes, find->value->as.data, size) &&
           (!cell_is_held(image.head) || find_same_references(map, find, image));
}

static inline bool find_equal(struct store_map *map, const struct find *find, struct cell_image image)
{
    if (image.head == find->needle.head && image.body == find->needle.body && !cell_is_far(image.head))
        return cell_kind(image.head) != COMEM_FLOAT || order_numbers(image, image) == ORDER_EQUAL;
    return find_equal_other(map, find, image);
}

static enum attempt find_see(struct participant *me, struct list_look *look, void *context, comem_status *status)
{
    struct find *find = context;
    struct list_range range;
    find->count = 0;
    *status = list_range(find->slice, look->moment.length, &range);
    if (*status != COMEM_OK)
        return ATTEMPT_FAILED;
    for (uint64_t i = 0; i < range.count; i++) {
        uint64_t block = look->view.first, index = range.start + i;
        const struct cell *cell = list_view_cell(&look->view, index);
        if (cell == NULL || (look->view.first != block && !list_look_holds(look)))
            return ATTEMPT_AGAIN;
        if (!find_equal(me->map, find, cell_load(cell)))
            continue;
        if (find->count++ == 0)
            find->index = index;
        if (!find->all)
            break;
    }
    return ATTEMPT_DONE;
}

static void find_forget(struct participant *me, void *context)
{
    (void)me;
    (void)context;
}

static comem_status find_in(comem_list *list, struct find *find)
{
    static const struct list_seer seer = {false, find_see, find_forget};
    struct participant *me;
    comem_status status = list_enter(list, &me);
    if (status != COMEM_OK)
        return status;
    status = list_look(me, &list->object, &seer, find);
    participant_leave(me);
    return status;
}

static comem_status not_found(void)
{
    return store_error(COMEM_NOT_FOUND, "the list was looked through as it stood at one moment");
}

comem_status comem_list_index(comem_list *list, comem_value value, int64_t start, int64_t stop, size_t *index)
{
    struct find find = {.slice = {start, stop, 1}};
    if (index == NULL)
        return store_error(COMEM_INVALID, "the place for the index is NULL");
    *index = 0;
    comem_status status = find_open(&find, &value);
    if (status == COMEM_OK)
        status = find_in(list, &find);
    if (status != COMEM_OK)
        return status;
    *index = (size_t)find.index;
    return find.count > 0 ? COMEM_OK : not_found();
}

comem_status comem_list_count(comem_list *list, comem_value value, size_t *count)
{
    struct find find = {.slice = {0, INT64_MAX, 1}, .all = true};
    if (count == NULL)
        return store_error(COMEM_INVALID, "the place for the number is NULL");
    *count = 0;
    comem_status status = find_open(&find, &value);
    if (status == COMEM_OK)
        status = find_in(list, &find);
    if (status == COMEM_OK)
        *count = (size_t)find.count;
    return status;
}

/* ---- remove ---- */

static comem_status remove_once(struct participant *me, struct comem_object *list, const struct find *find)
{
    struct locked_list locked;
    comem_status status = list_lock(me, list, &locked);
    if (status != COMEM_OK)
        return status;
    struct list_view view = list_view(me->map, locked.table, locked.length);
    uint64_t index = 0;
    for (; index < locked.length; index++) {
        const struct cell *cell = list_view_cell(&view, index);
        if (cell == NULL)
            return list_damaged(me, list);
        if (find_equal(me->map, find, cell_load(cell)))
            break;
    }
    struct list_change change = {.start = index, .stop = index + 1};
    status = index < locked.length ? list_change(me, list, &locked, &change) : not_found();
    if (status == COMEM_OK)
        return list_change_end(me, list);
    lock_release(me, &list->shared->lock);
    return status;
}

comem_status comem_list_remove(comem_list *list, comem_value value)
{
    struct participant *me;
    struct find find = {.value = NULL};
    comem_status status = find_open(&find, &value);
    if (status == COMEM_OK)
        status = list_enter(list, &me);
    if (status != COMEM_OK)
        return status;
    unsigned tries = heap_first_try(me);
    do {
        status = remove_once(me, &list->object, &find);
    } while (heap_try_again(me, status, &tries));
    trash_work(me, CHANGE_WORK);
    participant_leave(me);
    return status;
}
