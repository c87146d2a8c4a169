/* list_copy.c - lists out of lists: copies, sums, multiples
 *
 * Items are read at one moment into private memory, where references are handles that keep their objects, and go in again
 * from there with one call: each list is locked alone, and no two at a time. So a death between the two leaves the one list
 * as it was and the other one too.
 *
 * list *= times has to find the list as it was read. Where all items are plain it is done under the lock; otherwise it starts
 * over when another process was faster, since the lock of an object referred to must not be taken under the list's.
 */
#include "objects/handle.h"
#include "objects/list_change.h"
#include "objects/list_read.h"

#include <stdlib.h>

#define ITEMS_PER_STEP 64u /* items for which one step of trash is freed; a step frees 256 */

comem_status list_copy_take(comem_list *list, struct list_copy *copy)
{
    size_t room;
    *copy = (struct list_copy){.values = NULL};
    comem_status status = comem_list_len(list, &room);
    while (status == COMEM_OK) {
        free(copy->values);
        room += room / 8 + 1;
        copy->values = malloc(room * sizeof *copy->values);
        if (copy->values == NULL)
            return store_error(COMEM_NO_MEMORY, "malloc of %zu values failed", room);
        status = list_read_moment(list, COMEM_SLICE_ALL, copy->values, room, &copy->count, &copy->moment);
        if (status == COMEM_OK && copy->count <= room)
            return COMEM_OK;
        room = copy->count; /* it has grown meanwhile */
        copy->count = 0;
    }
    list_copy_clear(copy);
    return status;
}

void list_copy_clear(struct list_copy *copy)
{
    for (size_t i = 0; i < copy->count; i++)
        comem_value_clear(&copy->values[i]);
    free(copy->values);
    *copy = (struct list_copy){.values = NULL};
}

/* ---- into a list there is ---- */

comem_status comem_list_extend_list(comem_list *list, comem_list *other)
{
    struct list_copy copy;
    if (list == NULL || other == NULL)
        return store_error(COMEM_INVALID, "a list is NULL");
    comem_status status = list_copy_take(other, &copy);
    if (status == COMEM_OK)
        status = comem_list_extend(list, copy.values, copy.count);
    list_copy_clear(&copy);
    return status;
}

static comem_status multiply_store(struct participant *me, struct comem_object *list, struct locked_list *locked,
                                   struct cell_image *images, uint64_t times)
{
    struct list_values cells = {.images = images, .count = locked->length};
    uint64_t length = locked->length;
    comem_status status = list_room(me, list, locked, length * times, 0);
    for (uint64_t i = 1; status == COMEM_OK && i < times; i++)
        status = list_fill_behind(me, locked, (i - 1) * length, &cells);
    if (status == COMEM_OK)
        word_publish(&locked->table->length, length * times); /* commit */
    return status;
}

/* Stores the items `times` - 1 times more behind the last, if they are plain; *done says whether. */
static comem_status multiply_plain(struct participant *me, struct comem_object *list, uint64_t times, bool *done)
{
    struct locked_list locked;
    struct cell_image *images = NULL;
    comem_status status = list_lock(me, list, &locked);
    if (status != COMEM_OK)
        return status;
    uint64_t length = locked.length;
    *done = true;
    if (length == 0) {
        lock_release(me, &list->shared->lock);
        return COMEM_OK;
    }
    status = length <= LIST_LENGTH_MAX / times
                 ? list_images(me, &locked, &images)
                 : store_error(COMEM_NO_MEMORY, "%llu times %llu items are more than a list may have",
                               (unsigned long long)times, (unsigned long long)length);
    for (uint64_t i = 0; status == COMEM_OK && i < length; i++)
        *done &= cell_is_plain(images[i].head);
    if (status == COMEM_OK && *done)
        status = multiply_store(me, list, &locked, images, times);
    lock_release(me, &list->shared->lock);
    free(images);
    return status;
}

/* Stores the copy's items `times` - 1 times more behind the last, if the list still is as it was copied. */
static comem_status multiply_copy(struct participant *me, struct comem_object *list, const struct list_copy *copy,
                                  uint64_t times, bool *done)
{
    struct list_values cells;
    struct locked_list locked;
    comem_status status = list_values_open(me, copy->values, copy->count, times - 1, &cells);
    if (status != COMEM_OK)
        return status;
    status = list_lock(me, list, &locked);
    if (status == COMEM_OK) {
        *done = locked.table_word == copy->moment.table && locked.length == copy->moment.length &&
                word_load(&list->shared->version) == copy->moment.version;
        if (*done && cells.count > 0)
            status = list_append_cells(me, list, &locked, &cells);
        lock_release(me, &list->shared->lock);
    }
    if (status == COMEM_OK && *done)
        heap_finish(me, 0);
    else
        list_values_give_back(me, &cells);
    list_values_close(&cells);
    return status;
}

static comem_status multiply(comem_list *list, uint64_t times, const struct list_copy *copy, bool *done)
{
    struct participant *me;
    comem_status status = list_enter(list, &me);
    if (status != COMEM_OK)
        return status;
    unsigned tries = heap_first_try(me);
    do {
        status = copy == NULL ? multiply_plain(me, &list->object, times, done)
                              : multiply_copy(me, &list->object, copy, times, done);
    } while (heap_try_again(me, status, &tries));
    if (status == COMEM_NO_MEMORY)
        list_tighten_all(me, &list->object);
    trash_work(me, copy == NULL ? 1 : 2 + (unsigned)(copy->count / ITEMS_PER_STEP));
    participant_leave(me);
    return status;
}

comem_status comem_list_multiply(comem_list *list, int64_t times)
{
    bool done = false;
    size_t length;
    if (times <= 0)
        return comem_list_clear(list);
    if (times == 1)
        return comem_list_len(list, &length);
    comem_status status = multiply(list, (uint64_t)times, NULL, &done);
    while (status == COMEM_OK && !done) {
        struct list_copy copy;
        status = list_copy_take(list, &copy);
        if (status == COMEM_OK)
            status = multiply(list, (uint64_t)times, &copy, &done);
        list_copy_clear(&copy);
    }
    return status;
}

/* ---- into a new list ---- */

/* A new list of a copy's items, `times` times over. */
static comem_status copy_into_new(struct store_map *map, const struct list_copy *copy, int64_t times, comem_list **made)
{
    struct comem_store store = {.map = map};
    comem_status status = comem_list_new(&store, made);
    if (status == COMEM_OK && times > 0)
        status = comem_list_extend(*made, copy->values, copy->count);
    if (status == COMEM_OK && times > 1)
        status = comem_list_multiply(*made, times);
    if (status != COMEM_OK) {
        comem_list_release(*made);
        *made = NULL;
    }
    return status;
}

comem_status comem_list_repeat(comem_list *list, int64_t times, comem_list **repeated)
{
    struct list_copy copy;
    if (repeated != NULL)
        *repeated = NULL;
    if (list == NULL || repeated == NULL)
        return store_error(COMEM_INVALID, "the list or the place for the new one is NULL");
    comem_status status = list_copy_take(list, &copy);
    if (status == COMEM_OK)
        status = copy_into_new(list->object.map, &copy, times, repeated);
    list_copy_clear(&copy);
    return status;
}

comem_status comem_list_copy(comem_list *list, comem_list **copy)
{
    return comem_list_repeat(list, 1, copy);
}

comem_status comem_list_concat(comem_list *first, comem_list *second, comem_list **both)
{
    struct list_copy copy = {.values = NULL};
    if (both != NULL)
        *both = NULL;
    if (first == NULL || second == NULL || both == NULL)
        return store_error(COMEM_INVALID, "a list or the place for the new one is NULL");
    comem_status status = list_copy_take(second, &copy);
    if (status == COMEM_OK)
        status = comem_list_copy(first, both);
    if (status == COMEM_OK)
        status = comem_list_extend(*both, copy.values, copy.count);
    if (status != COMEM_OK) {
        comem_list_release(*both);
        *both = NULL;
    }
    list_copy_clear(&copy);
    return status;
}
