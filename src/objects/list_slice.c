/* list_slice.c - changes of many items at once: slices, reverse, any other order
 *
 * A slice with a step is the run of items from its first to its last, which is replaced as a whole: by what stays of it
 * (delete), or by the same cells with some exchanged (set). All of it is one change of the table (list_change.c), so other
 * processes see the list before or after it.
 *
 * Memory       cells that are moved are copied to private memory first, 16 bytes each.
 * Cost         O(items from the first to the last one + entries).
 */
#include "objects/list_change.h"

#include <stdlib.h>

#define CHANGE_WORK 2u
#define ITEMS_PER_STEP 64u /* items for which one step of trash is freed; a step frees 256 */
#define STEPS_MAX 256u

/* ---- slices ---- */

/* What a slice means for the locked list. `low` to `high` - 1: the items from its first to its last. */
struct cut {
    struct list_range range;
    uint64_t low, high;
    bool plain; /* all of these are of the slice */
};

static comem_status cut_make(comem_slice slice, uint64_t length, struct cut *cut)
{
    comem_status status = list_range(slice, length, &cut->range);
    if (status != COMEM_OK)
        return status;
    uint64_t first = cut->range.start, last = first;
    if (cut->range.count > 0)
        last = list_range_item(&cut->range, cut->range.count - 1);
    cut->low = first < last ? first : last;
    cut->high = cut->range.count == 0 ? cut->low : (first < last ? last : first) + 1;
    cut->plain = cut->range.step == 1 || cut->range.step == -1 || cut->range.count <= 1;
    return COMEM_OK;
}

/* Of [low, high) the first of every so many items is of the slice. */
static uint64_t cut_step(const struct cut *cut)
{
    return (uint64_t)(cut->range.step < 0 ? -cut->range.step : cut->range.step);
}

/* Private copies of the cells of [low, high) and, of as many as are not plain among those of the slice, in `gone`. */
struct cut_cells {
    struct cell_image *images, *gone;
    uint64_t count, gone_count;
};

static void cut_cells_free(struct cut_cells *cells)
{
    free(cells->images);
    free(cells->gone);
}

static comem_status cut_cells_make(struct participant *me, const struct locked_list *locked, const struct cut *cut,
                                   struct cut_cells *cells)
{
    uint64_t step = cut_step(cut);
    *cells = (struct cut_cells){NULL, NULL, cut->high - cut->low, 0};
    if (!store_could_hold(me->map, cells->count, sizeof(struct cell)))
        return store_error(COMEM_DAMAGED, "a list's length is more than the store could hold");
    cells->images = malloc(cells->count * sizeof *cells->images);
    cells->gone = malloc(cut->range.count * sizeof *cells->gone);
    if (cells->images == NULL || cells->gone == NULL)
        return store_error(COMEM_NO_MEMORY, "malloc of %llu cells failed", (unsigned long long)cells->count);
    struct list_view view = list_view(me->map, locked->table, locked->length);
    for (uint64_t i = 0; i < cells->count; i++) {
        const struct cell *cell = list_view_cell(&view, cut->low + i);
        if (cell == NULL)
            return store_error(COMEM_DAMAGED, "a list names cells outside the store");
        cells->images[i] = cell_load(cell);
        if (i % step == 0 && !cell_is_plain(cells->images[i].head))
            cells->gone[cells->gone_count++] = cells->images[i];
    }
    return COMEM_OK;
}

/* Leaves only the cells that are not of the slice. */
static void cut_cells_squeeze(const struct cut *cut, struct cut_cells *cells)
{
    uint64_t step = cut_step(cut), kept = 0;
    for (uint64_t i = 0; i < cells->count; i++)
        if (i % step != 0)
            cells->images[kept++] = cells->images[i];
    cells->count = kept;
}

/* The change that takes the items of a slice out and, if `values` are given, puts their cells there. */
static comem_status cut_change(struct participant *me, struct comem_object *list, const struct locked_list *locked,
                               const struct cut *cut, const struct list_values *values)
{
    struct list_change change = {.start = cut->low, .stop = cut->high, .values = values};
    if (cut->plain && (values == NULL || cut->range.step == 1)) {
        change.cells = values == NULL ? NULL : values->images;
        change.count = values == NULL ? 0 : values->count;
        return list_change(me, list, locked, &change);
    }
    struct cut_cells cells;
    comem_status status = cut_cells_make(me, locked, cut, &cells);
    if (status == COMEM_OK) {
        for (uint64_t i = 0; values != NULL && i < values->count; i++)
            cells.images[list_range_item(&cut->range, i) - cut->low] = values->images[i];
        if (values == NULL)
            cut_cells_squeeze(cut, &cells);
        change.cells = cells.images;
        change.count = cells.count;
        change.moved = true;
        change.removed = cells.gone;
        change.removed_count = cells.gone_count;
        status = list_change(me, list, locked, &change);
    }
    cut_cells_free(&cells);
    return status;
}

/* ---- set ---- */

static comem_status wrong_count(uint64_t count, uint64_t wanted)
{
    return store_error(COMEM_INVALID, "attempt to assign sequence of size %llu to extended slice of size %llu",
                       (unsigned long long)count, (unsigned long long)wanted);
}

/* The lock is held at entry and released in any case. */
static comem_status slice_set_locked(struct participant *me, struct comem_object *list, struct locked_list *locked,
                                     comem_slice slice, const struct list_values *values)
{
    struct cut cut;
    comem_status status = cut_make(slice, locked->length, &cut);
    bool behind = false;
    if (status == COMEM_OK && cut.range.step != 1 && cut.range.count != values->count)
        status = wrong_count(values->count, cut.range.count);
    bool nothing = status == COMEM_OK && cut.range.count == 0 && values->count == 0;
    if (status == COMEM_OK && !nothing) {
        behind = cut.low == locked->length;
        if (behind)
            status = list_append_cells(me, list, locked, values);
        else if (values->count == 0 && cut.range.count == locked->length)
            list_change_clear(me, list, locked);
        else
            status = cut_change(me, list, locked, &cut, values);
    }
    lock_release(me, &list->shared->lock);
    if (status == COMEM_OK && !nothing)
        object_finish(me); /* whatever it says: the values are the list's */
    return status;
}

static comem_status slice_set(struct participant *me, struct comem_object *list, comem_slice slice,
                              const comem_value *values, size_t count)
{
    struct list_values cells;
    struct locked_list locked;
    comem_status status = list_values_open(me, values, count, 1, &cells);
    if (status != COMEM_OK)
        return status;
    status = list_lock(me, list, &locked);
    if (status == COMEM_OK)
        status = slice_set_locked(me, list, &locked, slice, &cells);
    if (status != COMEM_OK)
        list_values_give_back(me, &cells);
    list_values_close(&cells);
    return status;
}

comem_status comem_list_slice_set(comem_list *list, comem_slice slice, const comem_value *values, size_t count)
{
    struct participant *me;
    bool plain; /* is of no interest: a slice's cells are always made */
    comem_status status = list_values_check((const comem_object *)list, values, count, &plain);
    if (status == COMEM_OK)
        status = list_enter(list, &me);
    if (status != COMEM_OK)
        return status;
    unsigned tries = heap_first_try(me);
    do {
        status = slice_set(me, &list->object, slice, values, count);
    } while (heap_try_again(me, status, &tries));
    if (status == COMEM_NO_MEMORY)
        list_tighten_all(me, &list->object);
    trash_work(me, CHANGE_WORK + (unsigned)(count / ITEMS_PER_STEP));
    participant_leave(me);
    return status;
}

/* ---- delete ---- */

static comem_status slice_delete(struct participant *me, struct comem_object *list, comem_slice slice,
                                 uint64_t *removed)
{
    struct locked_list locked;
    struct cut cut;
    comem_status status = list_lock(me, list, &locked);
    if (status != COMEM_OK)
        return status;
    status = cut_make(slice, locked.length, &cut);
    *removed = status == COMEM_OK ? cut.range.count : 0;
    if (*removed > 0 && *removed == locked.length)
        list_change_clear(me, list, &locked);
    else if (*removed > 0)
        status = cut_change(me, list, &locked, &cut, NULL);
    lock_release(me, &list->shared->lock);
    return status == COMEM_OK && *removed > 0 ? object_finish(me) : status;
}

comem_status comem_list_slice_delete(comem_list *list, comem_slice slice)
{
    struct participant *me;
    uint64_t removed = 0;
    comem_status status = list_enter(list, &me);
    if (status != COMEM_OK)
        return status;
    unsigned tries = heap_first_try(me);
    do {
        status = slice_delete(me, &list->object, slice, &removed);
    } while (heap_try_again(me, status, &tries));
    uint64_t steps = removed / ITEMS_PER_STEP;
    trash_work(me, CHANGE_WORK + (steps < STEPS_MAX ? (unsigned)steps : STEPS_MAX));
    participant_leave(me);
    return status;
}

/* ---- another order ---- */

comem_status list_images(struct participant *me, const struct locked_list *locked, struct cell_image **images)
{
    if (!store_could_hold(me->map, locked->length, sizeof(struct cell)))
        return store_error(COMEM_DAMAGED, "a list's length is more than the store could hold");
    struct cell_image *made = malloc((locked->length + 1) * sizeof *made);
    struct list_view view = list_view(me->map, locked->table, locked->length);
    if (made == NULL)
        return store_error(COMEM_NO_MEMORY, "malloc of %llu cells failed", (unsigned long long)locked->length);
    for (uint64_t i = 0; i < locked->length; i++) {
        const struct cell *cell = list_view_cell(&view, i);
        if (cell == NULL) {
            free(made);
            return store_error(COMEM_DAMAGED, "a list names cells outside the store");
        }
        made[i] = cell_load(cell);
    }
    *images = made;
    return COMEM_OK;
}

comem_status list_reorder(struct participant *me, struct comem_object *list, const struct locked_list *locked,
                          const struct cell_image *images)
{
    struct list_change change = {
        .stop = locked->length, .cells = images, .count = locked->length, .room = locked->length, .moved = true};
    comem_status status = list_change(me, list, locked, &change);
    if (status == COMEM_OK)
        return list_change_end(me, list);
    lock_release(me, &list->shared->lock);
    return status;
}

static comem_status reverse(struct participant *me, struct comem_object *list)
{
    struct locked_list locked;
    struct cell_image *images = NULL;
    comem_status status = list_lock(me, list, &locked);
    if (status != COMEM_OK)
        return status;
    if (locked.length > 1)
        status = list_images(me, &locked, &images);
    if (status != COMEM_OK || images == NULL) {
        lock_release(me, &list->shared->lock);
        return status;
    }
    for (uint64_t i = 0, k = locked.length - 1; i < k; i++, k--) {
        struct cell_image image = images[i];
        images[i] = images[k];
        images[k] = image;
    }
    status = list_reorder(me, list, &locked, images);
    free(images);
    return status;
}

comem_status comem_list_reverse(comem_list *list)
{
    struct participant *me;
    comem_status status = list_enter(list, &me);
    if (status != COMEM_OK)
        return status;
    unsigned tries = heap_first_try(me);
    do {
        status = reverse(me, &list->object);
    } while (heap_try_again(me, status, &tries));
    trash_work(me, CHANGE_WORK);
    participant_leave(me);
    return status;
}

/* ---- the order that a caller worked out ---- */

static comem_status order_check(const uint64_t *order, size_t count)
{
    uint8_t *seen = calloc(count / 8 + 1, 1);
    bool good = seen != NULL;
    if (seen == NULL)
        return store_error(COMEM_NO_MEMORY, "malloc of %zu bytes failed", count / 8 + 1);
    for (size_t i = 0; good && i < count; i++) {
        good = order[i] < count && (seen[order[i] / 8] >> order[i] % 8 & 1) == 0;
        if (good)
            seen[order[i] / 8] |= (uint8_t)(1u << order[i] % 8); /* private */
    }
    free(seen);
    return good ? COMEM_OK : store_error(COMEM_INVALID, "an order that does not name every item once");
}

static comem_status permute(struct participant *me, struct comem_object *list, const struct list_moment *moment,
                            const uint64_t *order, struct cell_image *turned, bool *done)
{
    struct locked_list locked;
    struct cell_image *images = NULL;
    comem_status status = list_lock(me, list, &locked);
    if (status != COMEM_OK)
        return status;
    *done = locked.table_word == moment->table && word_load(&list->shared->version) == moment->version &&
            locked.length == moment->length;
    if (*done && locked.length > 1)
        status = list_images(me, &locked, &images);
    if (status != COMEM_OK || images == NULL) {
        lock_release(me, &list->shared->lock);
        return status;
    }
    for (uint64_t i = 0; i < locked.length; i++)
        turned[i] = images[order[i]];
    free(images);
    return list_reorder(me, list, &locked, turned);
}

comem_status list_permute_if(comem_list *list, const struct list_moment *moment, const uint64_t *order, size_t count,
                             bool *done)
{
    struct participant *me;
    *done = false;
    comem_status status = count == moment->length
                              ? order_check(order, count)
                              : store_error(COMEM_INVALID, "an order for %zu items, where there are others", count);
    struct cell_image *turned = status == COMEM_OK ? malloc((count + 1) * sizeof *turned) : NULL;
    if (status == COMEM_OK && turned == NULL)
        status = store_error(COMEM_NO_MEMORY, "malloc of %zu cells failed", count);
    if (status == COMEM_OK)
        status = list_enter(list, &me);
    if (status == COMEM_OK) {
        unsigned tries = heap_first_try(me);
        do {
            status = permute(me, &list->object, moment, order, turned, done);
        } while (heap_try_again(me, status, &tries));
        trash_work(me, CHANGE_WORK);
        participant_leave(me);
    }
    free(turned);
    return status;
}
