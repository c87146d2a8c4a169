/* list_read.c - reading a list without its lock
 *
 * Protocol     of list_layout.h. What an attempt copies counts only if the versions are unchanged afterwards; a reference is
 *              taken (a row, a fence) and then the versions are looked at again, so that its object cannot have been freed.
 * Retries      8, then the list is locked: a reader finishes whatever writers do. An odd version may be a dead writer's, whom
 *              taking the lock repairs.
 * Order        references need the map's mutex. A locked read has it, too, but never waits for either while it has the other:
 *              a stopped process that holds the list would stop every thread that takes or gives back a handle.
 * A death      of a reader: it holds nothing but rows, which go with its process.
 */
#include "objects/list_read.h"

#include "objects/handle.h"

bool list_spot_search(struct store_map *map, const struct list_table *table, uint64_t index, struct list_spot *spot)
{
    uint64_t low = 0, high = word_load(&table->tail_entry), tail = high;
    if (high == 0 || high >= LIST_ENTRIES_MAX || !store_holds(map, store_offset(map, table), list_table_size(high)))
        return false;
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (word_load(&table->entries[middle].first) <= index)
            low = middle;
        else
            high = middle;
    }
    spot->entry = low;
    spot->first = word_load(&table->entries[low].first);
    uint64_t next = word_load(low + 1 < tail ? &table->entries[low + 1].first : &table->tail_first);
    spot->count = next - spot->first;
    return spot->count <= LIST_BLOCK && index - spot->first < spot->count;
}

bool list_view_find(struct list_view *view, uint64_t index)
{
    struct list_spot spot;
    struct list_entry *entry;
    view->count = 0;
    if (index >= view->length || !list_spot(view->map, view->table, index, &spot))
        return false;
    uint64_t count = spot.count < view->length - spot.first ? spot.count : view->length - spot.first;
    view->cells = list_cells(view->map, view->table, spot.first, &count, &entry);
    if (view->cells == NULL)
        return false;
    view->first = spot.first;
    view->count = count;
    return index - spot.first < count;
}

/* Whether the item is still what it was when it was read. */
static bool reading_holds(const struct list_reading *reading)
{
    word_fence_acquire();
    return word_load(reading->version_at) == reading->version && word_load(reading->table_at) == reading->table;
}

static bool reading_still(const void *context)
{
    return reading_holds(context);
}

/* Finds the item and copies its cell. With `plainly`, only in a list that is all tail; in others it comes back as one that has
 * to be read again. */
static inline __attribute__((always_inline)) enum attempt read_cell_inline(const struct comem_object *list,
                                                                           int64_t index, struct list_reading *reading,
                                                                           struct cell_image *image, bool plainly)
{
    struct store_view view = store_view(list->map);
    reading->table_at = &list->shared->table;
    reading->table = word_load_acquire(reading->table_at);
    uint64_t table_at = table_offset(reading->table);
    const struct list_table *table = store_view_at(&view, table_at, sizeof *table);
    if (!WORD_LIKELY(table != NULL))
        return table_at != 0 ? ATTEMPT_AGAIN : ATTEMPT_RANGE;
    uint64_t length = word_load_acquire(&table->length);
    if (!WORD_LIKELY(list_index(index, length, &reading->index)))
        return word_load_acquire(reading->table_at) == reading->table ? ATTEMPT_RANGE : ATTEMPT_AGAIN;
    struct list_spot spot = {reading->index >> LIST_BLOCK_SHIFT, reading->index & ~(LIST_BLOCK - 1), LIST_BLOCK};
    if (!WORD_LIKELY(plainly ? word_load(&table->tail_first) == 0 : list_spot(list->map, table, reading->index, &spot)))
        return ATTEMPT_AGAIN;
    uint64_t entry_at = table_at + sizeof *table + spot.entry * sizeof(struct list_entry);
    const struct list_entry *entry = store_view_at(&view, entry_at, sizeof *entry);
    if (!WORD_LIKELY(entry != NULL))
        return ATTEMPT_AGAIN;
    reading->version_at = &entry->version;
    reading->version = word_load_acquire(reading->version_at);
    /* The length again, now that the version is known: a pop before this version and an append after it may be at the cell. */
    uint64_t length_now = word_load_acquire(&table->length);
    if (!WORD_LIKELY(reading->version % 2 == 0 && reading->index < length_now && (index >= 0 || length_now == length)))
        return ATTEMPT_AGAIN;
    uint64_t cell_at = word_load(&entry->block) + (reading->index - spot.first) * sizeof(struct cell);
    const struct cell *cell = store_view_at(&view, cell_at, sizeof *cell);
    if (!WORD_LIKELY(cell != NULL))
        return ATTEMPT_AGAIN;
    *image = cell_load(cell);
    return WORD_LIKELY(reading_holds(reading)) ? ATTEMPT_DONE : ATTEMPT_AGAIN;
}

static comem_status out_of_range(const struct comem_object *list, int64_t index)
{
    if (!object_ok(list))
        return object_gone(list);
    return store_error(COMEM_OUT_OF_RANGE, "index %lld is beyond the list", (long long)index);
}

static enum attempt read_cell(const struct comem_object *list, int64_t index, struct list_reading *reading,
                              struct cell_image *image)
{
    return read_cell_inline(list, index, reading, image, false);
}

struct item {
    int64_t index;
    comem_value *value;
    struct list_reading *reading;
};

/* One attempt that may take references. */
static enum attempt read_item(struct participant *me, struct comem_object *list, void *context, comem_status *status)
{
    const struct item *item = context;
    struct cell_image image;
    store_view_renew(list->map);
    enum attempt attempt = read_cell(list, item->index, item->reading, &image);
    if (attempt == ATTEMPT_DONE)
        attempt = value_read(me, list, image, reading_still, item->reading, item->value, status);
    return attempt;
}

comem_status list_read_item(struct participant *me, struct comem_object *list, int64_t index, comem_value *value,
                            struct list_reading *reading)
{
    struct item item = {index, value, reading};
    comem_status status;
    switch (value_attempts(me, list, read_item, &item, &status)) {
    case ATTEMPT_RANGE:
        return out_of_range(list, index);
    case ATTEMPT_AGAIN:
        return store_error(COMEM_DAMAGED, "a list names cells outside the store");
    default:
        return status;
    }
}

static comem_status get_slow(struct comem_object *list, int64_t index, comem_value *value)
{
    struct participant *me;
    struct list_reading reading;
    comem_status status = object_enter(list, &me);
    if (status != COMEM_OK)
        return status;
    unsigned tries = heap_first_try(me);
    do {
        status = list_read_item(me, list, index, value, &reading);
    } while (heap_try_again(me, status, &tries));
    participant_leave(me);
    return status;
}

/* All but a number met at the first attempt; apart, so that the way of numbers stays short. */
static __attribute__((noinline)) comem_status get_other(struct comem_object *list, int64_t index, comem_value *value)
{
    struct list_reading reading;
    struct cell_image image;
    *value = comem_none();
    if (!participant_present(list->map) || !object_ok(list))
        return get_slow(list, index, value);
    struct participant *me;
    comem_status status =
        object_enter(list, &me); /* copies are malloc()ed, so a signal handler's call must not get here */
    if (status != COMEM_OK)
        return status;
    store_view_renew(list->map);
    enum attempt attempt = read_cell(list, index, &reading, &image);
    if (attempt == ATTEMPT_DONE && cell_refers(image.head))
        attempt = ATTEMPT_AGAIN;
    if (attempt == ATTEMPT_DONE)
        attempt = value_read(NULL, list, image, reading_still, &reading, value, &status);
    participant_leave(me);
    if (attempt == ATTEMPT_RANGE)
        return out_of_range(list, index);
    return attempt == ATTEMPT_AGAIN ? get_slow(list, index, value) : status;
}

comem_status comem_list_get(comem_list *list, int64_t index, comem_value *value)
{
    struct list_reading reading;
    struct cell_image image;
    if (!WORD_LIKELY(list != NULL && value != NULL)) {
        if (value != NULL)
            *value = comem_none();
        return store_error(COMEM_INVALID, "the list or the place for the value is NULL");
    }
    const struct comem_object *object = &list->object;
    if (!WORD_LIKELY(participant_present(object->map) && object_ok(object) &&
                     read_cell_inline(object, index, &reading, &image, true) == ATTEMPT_DONE &&
                     cell_is_number(image.head)))
        return get_other(&list->object, index, value);
    cell_unpack_number(image, value);
    return COMEM_OK;
}

comem_status comem_list_len(comem_list *list, size_t *length)
{
    if (length != NULL)
        *length = 0;
    if (!WORD_LIKELY(list != NULL && length != NULL))
        return store_error(COMEM_INVALID, "the list or the place for the length is NULL");
    struct comem_object *object = &list->object;
    struct participant *me;
    if (!participant_present(object->map)) { /* a thread's first call, or a raw clone's */
        comem_status status = object_enter(object, &me);
        if (status != COMEM_OK)
            return status;
        participant_leave(me);
    }
    for (;;) {
        uint64_t table_word = word_load_acquire(&object->shared->table);
        const struct list_table *table = list_table_at(object->map, table_word);
        uint64_t found = table == NULL ? 0 : word_load_acquire(&table->length);
        if (!object_ok(object))
            return object_gone(object);
        if (!WORD_LIKELY(word_load_acquire(&object->shared->table) == table_word))
            continue;
        if (table == NULL && table_offset(table_word) != 0)
            return store_error(COMEM_DAMAGED, "a list names a table outside the store");
        if (!WORD_LIKELY(store_could_hold(object->map, found, sizeof(struct cell))))
            return store_error(COMEM_DAMAGED, "a list's length is more than the store could hold");
        *length = found;
        return COMEM_OK;
    }
}

/* ---- iterating ---- */

void list_cursor_start(struct list_cursor *cursor, comem_list *list)
{
    cursor->list = list;
    cursor->next = cursor->first = cursor->count = 0;
}

void list_cursor_move(struct list_cursor *cursor, uint64_t index)
{
    cursor->next = index;
    cursor->count = 0;
}

void list_cursor_clear(struct list_cursor *cursor)
{
    cursor->list = NULL;
    cursor->count = 0;
}

/* Copies cells from the next item on, up to the end of their block. Without success the cursor has none. */
static void cursor_fill(struct list_cursor *cursor)
{
    struct list_reading reading;
    struct cell_image image;
    struct comem_object *list = &cursor->list->object;
    cursor->count = 0;
    store_view_renew(list->map);
    if (read_cell(list, (int64_t)cursor->next, &reading, &image) != ATTEMPT_DONE)
        return;
    const struct list_table *table = list_table_at(list->map, reading.table);
    uint64_t length = table == NULL ? 0 : word_load_acquire(&table->length), count = LIST_CURSOR_CELLS;
    struct list_entry *entry;
    if (length <= cursor->next)
        return;
    if (count > length - cursor->next)
        count = length - cursor->next;
    const struct cell *cells = list_cells(list->map, table, cursor->next, &count, &entry);
    if (cells == NULL)
        return;
    for (uint64_t i = 0; i < count; i++)
        cursor->cells[i] = cell_load(&cells[i]); /* private: the cursor's copy */
    if (!reading_holds(&reading))
        return;
    cursor->table = reading.table;
    cursor->version = reading.version;
    cursor->version_at = reading.version_at;
    cursor->length_at = &table->length;
    cursor->first = cursor->next;
    cursor->count = count;
}

static inline bool cursor_good(const struct list_cursor *cursor)
{
    return cursor->next - cursor->first < cursor->count &&
           word_load_acquire(&cursor->list->object.shared->table) == cursor->table &&
           word_load(cursor->version_at) == cursor->version && cursor->next < word_load(cursor->length_at);
}

comem_status list_cursor_next(struct list_cursor *cursor, comem_value *value)
{
    if (!WORD_LIKELY(cursor_good(cursor))) {
        if (!participant_present(cursor->list->object.map) || !object_ok(&cursor->list->object))
            cursor->count = 0;
        else
            cursor_fill(cursor);
    }
    if (WORD_LIKELY(cursor->next - cursor->first < cursor->count)) {
        struct cell_image image = cursor->cells[cursor->next - cursor->first];
        if (WORD_LIKELY(cell_is_number(image.head))) {
            cell_unpack_number(image, value);
            cursor->next++;
            return COMEM_OK;
        }
        if (cell_lend_near(image, cursor->text, value)) {
            cursor->next++;
            return COMEM_OK;
        }
    }
    comem_status status = comem_list_get(cursor->list, (int64_t)cursor->next, value);
    cursor->next += status == COMEM_OK;
    return status;
}
