/* list_values.c - values on their way into a list, and those that go behind the last
 *
 * Order        a value's block is filled, or its object's link counted up, before the list is locked. One value needs one
 *              entry of the record meanwhile (ALLOC, OWE). Of many that are not plain, blocks and links hang from a table
 *              aside (HOLD), each before the next one is made; their cells are kept in private memory besides, and when
 *              these are stored the table aside turns into a shell.
 * Commit       of what goes behind the last item: the store of `length` (WATCH); nothing else moves, so readers go on.
 * A death      before the commit: the values are given back. After it: the shell is freed.
 * Cost         3 ns a number, 100 ns a far value or a reference.
 */
#include "objects/list_change.h"

#include <stdlib.h>

#define EXTEND_WORK 64u /* items for which one step of trash is freed; a step frees 256 */

/* ---- many values ---- */

comem_status list_values_check(const struct comem_object *container, const comem_value *values, uint64_t count,
                               bool *plain)
{
    *plain = true;
    if (values == NULL && count > 0)
        return store_error(COMEM_INVALID, "the values are NULL");
    if (count > LIST_LENGTH_MAX)
        return store_error(COMEM_NO_MEMORY, "%llu items are more than a list may have", (unsigned long long)count);
    for (uint64_t i = 0; i < count; i++) {
        struct cell_image image;
        comem_status status = value_pack(container, &values[i], &image);
        if (status != COMEM_OK)
            return status;
        *plain &= cell_is_plain(image.head);
    }
    return COMEM_OK;
}

void list_values_borrow(const comem_value *values, uint64_t count, struct list_values *cells)
{
    cells->aside = NULL;
    cells->images = NULL;
    cells->plain = values;
    cells->count = count;
}

/* Puts what one value needs behind the others of the table aside. */
static comem_status build_value(struct participant *me, struct list_table *table, uint64_t left,
                                const comem_value *value, struct cell_image *image)
{
    uint64_t length = word_load(&table->length);
    comem_status status = length < word_load(&table->capacity) ? COMEM_OK : list_build_block(me, 1, table, left);
    if (status != COMEM_OK)
        return status;
    if (cell_is_ref(image->head) && value->as.object->map != me->map)
        return object_foreign(value->as.object);
    struct list_entry *entry;
    struct cell *cell = list_locked_cell(me->map, store_offset(me->map, table), length, &entry);
    if (cell == NULL)
        return store_error(COMEM_DAMAGED, "the heap gave a block outside the store");
    if (cell_is_ref(image->head)) {
        *image = object_ref_image(value->as.object);
        cell_store(cell, *image);
        return object_link_with(me, value->as.object, 1, &table->length, length + 1);
    }
    status = value_build(me, 1, value, image);
    if (status != COMEM_OK)
        return status;
    cell_store(cell, *image);
    record_add_word(me, &table->length);
    word_store(&table->length, length + 1);
    record_savepoint(me, me->record_base + 1);
    return COMEM_OK;
}

static comem_status build_values(struct participant *me, const comem_value *values, uint64_t count, uint64_t times,
                                 uint64_t far, struct list_values *cells)
{
    comem_status status = list_table_aside(me, 0, RECORD_HOLD, 0, list_blocks(far), &cells->aside);
    if (status != COMEM_OK) {
        heap_abandon(me, 0);
        return status;
    }
    struct cell_image *image = cells->images;
    for (uint64_t time = 0; time < times; time++)
        for (uint64_t i = 0; i < count && status == COMEM_OK; i++, image++)
            if (!cell_is_plain(image->head))
                status = build_value(me, cells->aside, far--, &values[i], image);
    if (status != COMEM_OK) {
        heap_abandon(me, 1);
        list_values_give_back(me, cells);
    }
    return status;
}

comem_status list_values_open(struct participant *me, const comem_value *values, uint64_t count, uint64_t times,
                              struct list_values *cells)
{
    uint64_t far = 0;
    cells->aside = NULL;
    cells->plain = NULL;
    cells->images = cells->few;
    if (times > 0 && count > LIST_LENGTH_MAX / times)
        return store_error(COMEM_NO_MEMORY, "%llu times %llu items are more than a list may have",
                           (unsigned long long)times, (unsigned long long)count);
    cells->count = count * times;
    if (cells->count > me->map->size_limit / sizeof(struct cell))
        return store_error(COMEM_NO_MEMORY, "%llu items are more than the store may have room for",
                           (unsigned long long)cells->count);
    if (cells->count > LIST_FEW)
        cells->images = malloc(cells->count * sizeof *cells->images);
    if (cells->images == NULL)
        return store_error(COMEM_NO_MEMORY, "malloc of %llu cells failed", (unsigned long long)cells->count);
    for (uint64_t i = 0; i < count && times > 0; i++) {
        cell_pack(&values[i], &cells->images[i]); /* did not fail before */
        far += !cell_is_plain(cells->images[i].head);
    }
    for (uint64_t i = count; i < cells->count; i++)
        cells->images[i] = cells->images[i - count];
    comem_status status = far == 0 ? COMEM_OK : build_values(me, values, count, times, far * times, cells);
    if (status != COMEM_OK)
        list_values_close(cells);
    return status;
}

void list_values_give_back(struct participant *me, struct list_values *cells)
{
    if (cells->aside == NULL)
        return;
    record_stage(me, me->record_end, RECORD_TRASH, store_offset(me->map, cells->aside), 0);
    record_switch(me, RECORD_COMMITTED, me->record_end, me->record_end + 1);
    heap_finish(me, 0);
    cells->aside = NULL;
}

void list_values_close(struct list_values *cells)
{
    if (cells->images != cells->few)
        free(cells->images);
    cells->images = NULL;
}

uint32_t list_values_lines(struct store_map *map, const struct list_values *cells, struct record_line *lines)
{
    if (cells->aside == NULL)
        return 0;
    uint64_t aside = store_offset(map, cells->aside);
    lines[0] = (struct record_line){RECORD_BUILD, aside, 0};
    lines[1] = (struct record_line){RECORD_TRASH, aside, BLOCK_SHELL};
    return 2;
}

/* ---- behind the last item ---- */

comem_status list_fill_behind(struct participant *me, const struct locked_list *locked, uint64_t behind,
                              const struct list_values *cells)
{
    for (uint64_t i = 0; i < cells->count;) {
        struct list_entry *entry;
        uint64_t count = cells->count - i;
        struct cell *to = list_cells(me->map, locked->table, locked->length + behind + i, &count, &entry);
        if (to == NULL)
            return store_error(COMEM_DAMAGED, "a list names cells outside the store");
        for (uint64_t k = 0; k < count; k++, i++) {
            struct cell_image image;
            if (cells->plain != NULL)
                cell_pack(&cells->plain[i], &image); /* did not fail before */
            else
                image = cells->images[i];
            cell_store(&to[k], image);
        }
    }
    return COMEM_OK;
}

comem_status list_append_cells(struct participant *me, struct comem_object *list, struct locked_list *locked,
                               const struct list_values *cells)
{
    bool aside = cells->aside != NULL;
    comem_status status = list_room(me, list, locked, locked->length + cells->count, aside ? 1 : 0);
    if (status == COMEM_OK)
        status = list_fill_behind(me, locked, 0, cells);
    if (status != COMEM_OK)
        return status;
    if (aside) {
        struct record_line lines[3];
        uint32_t count = list_values_lines(me->map, cells, lines);
        lines[count++] =
            (struct record_line){RECORD_WATCH, store_offset(me->map, &locked->table->length), locked->length};
        record_replace(me, 0, lines, count);
    }
    word_publish(&locked->table->length, locked->length + cells->count); /* commit: the values are the list's */
    if (aside)
        record_commit(me);
    return COMEM_OK;
}

static comem_status extend(struct participant *me, struct comem_object *list, const comem_value *values, size_t count,
                           bool plain)
{
    struct list_values cells;
    struct locked_list locked;
    if (count == 0)
        return object_ok(list) ? COMEM_OK : object_gone(list);
    comem_status status = COMEM_OK;
    if (plain)
        list_values_borrow(values, count, &cells);
    else
        status = list_values_open(me, values, count, 1, &cells);
    if (status != COMEM_OK)
        return status;
    status = list_lock(me, list, &locked);
    if (status == COMEM_OK) {
        status = list_append_cells(me, list, &locked, &cells);
        lock_release(me, &list->shared->lock);
    }
    if (status == COMEM_OK)
        heap_finish(me, 0);
    else
        list_values_give_back(me, &cells);
    list_values_close(&cells);
    return status;
}

comem_status comem_list_extend(comem_list *list, const comem_value *values, size_t count)
{
    struct participant *me;
    bool plain;
    comem_status status = list_values_check((const comem_object *)list, values, count, &plain);
    if (status == COMEM_OK)
        status = list_enter(list, &me);
    if (status != COMEM_OK)
        return status;
    unsigned tries = heap_first_try(me);
    do {
        status = extend(me, &list->object, values, count, plain);
    } while (heap_try_again(me, status, &tries));
    if (status == COMEM_NO_MEMORY)
        list_tighten_all(me, &list->object);
    trash_work(me, 2 + (unsigned)(count / EXTEND_WORK));
    participant_leave(me);
    return status;
}
