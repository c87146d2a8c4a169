/* list_read.c - reading a list without its lock
 *
 * Protocol     of list_layout.h. What an attempt copies counts only if the versions are unchanged afterwards; a reference is
 *              taken (a row, a fence) and then the versions are looked at again, so that its object cannot have been freed.
 * Retries      8, then the list is locked: a reader finishes whatever writers do. An odd version may be a dead writer's, whom
 *              taking the lock repairs.
 * Order        a locked read takes the map's mutex first, because references need it.
 * A death      of a reader: it holds nothing but rows, which go with its process.
 */
#include "objects/list_read.h"

#include "objects/handle.h"

#define TRIES 8u

enum attempt { ATTEMPT_DONE, ATTEMPT_AGAIN, ATTEMPT_RANGE, ATTEMPT_FAILED };

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

/* Finds the item and copies its cell. */
static inline enum attempt read_cell(const struct comem_object *list, int64_t index, struct list_reading *reading,
                                     struct cell_image *image)
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
    uint64_t entry_at = table_at + sizeof *table + (reading->index >> LIST_BLOCK_SHIFT) * sizeof(struct list_entry);
    const struct list_entry *entry = store_view_at(&view, entry_at, sizeof *entry);
    if (!WORD_LIKELY(entry != NULL))
        return ATTEMPT_AGAIN;
    reading->version_at = &entry->version;
    reading->version = word_load_acquire(reading->version_at);
    /* The length again, now that the version is known: a pop before this version and an append after it may be at the cell. */
    uint64_t length_now = word_load_acquire(&table->length);
    if (!WORD_LIKELY(reading->version % 2 == 0 && reading->index < length_now && (index >= 0 || length_now == length)))
        return ATTEMPT_AGAIN;
    uint64_t cell_at = word_load(&entry->block) + (reading->index & (LIST_BLOCK - 1)) * sizeof(struct cell);
    const struct cell *cell = store_view_at(&view, cell_at, sizeof *cell);
    if (!WORD_LIKELY(cell != NULL))
        return ATTEMPT_AGAIN;
    *image = cell_load(cell);
    return WORD_LIKELY(reading_holds(reading)) ? ATTEMPT_DONE : ATTEMPT_AGAIN;
}

/* Turns the image of a cell that was read into a private value. `me` NULL: numbers and near values only. The map's mutex is
 * held for references. */
static enum attempt read_value(struct participant *me, struct store_map *map, struct cell_image image,
                               bool (*still)(const void *), const void *context, comem_value *value,
                               comem_status *status)
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

static comem_status out_of_range(const struct comem_object *list, int64_t index)
{
    if (!object_ok(list))
        return object_gone(list);
    return store_error(COMEM_OUT_OF_RANGE, "index %lld is beyond the list", (long long)index);
}

/* One attempt that may take references. */
static enum attempt read_item(struct participant *me, struct comem_object *list, int64_t index, comem_value *value,
                              struct list_reading *reading, comem_status *status)
{
    struct cell_image image;
    store_view_renew(list->map);
    enum attempt attempt = read_cell(list, index, reading, &image);
    if (attempt == ATTEMPT_DONE)
        attempt = read_value(me, list->map, image, reading_still, reading, value, status);
    return attempt;
}

comem_status list_read_item(struct participant *me, struct comem_object *list, int64_t index, comem_value *value,
                            struct list_reading *reading)
{
    comem_status status = COMEM_OK;
    enum attempt attempt = ATTEMPT_AGAIN;
    if (!object_ok(list))
        return object_gone(list);
    pthread_mutex_lock(&me->map->mutex);
    for (unsigned i = 0; i < TRIES && attempt == ATTEMPT_AGAIN; i++)
        attempt = read_item(me, list, index, value, reading, &status);
    if (attempt == ATTEMPT_AGAIN && (status = object_lock(me, list)) == COMEM_OK) {
        attempt = read_item(me, list, index, value, reading, &status);
        lock_release(me, &list->shared->lock);
        if (attempt == ATTEMPT_AGAIN) /* nobody else can have changed it */
            status = store_error(COMEM_DAMAGED, "a list names cells outside the store");
    }
    pthread_mutex_unlock(&me->map->mutex);
    return attempt == ATTEMPT_RANGE ? out_of_range(list, index) : status;
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
    store_view_renew(list->map);
    enum attempt attempt = read_cell(list, index, &reading, &image);
    if (attempt == ATTEMPT_RANGE)
        return out_of_range(list, index);
    if (attempt == ATTEMPT_DONE && !cell_is_ref(image.head)) {
        comem_status status;
        attempt = read_value(NULL, list->map, image, reading_still, &reading, value, &status);
        if (attempt == ATTEMPT_DONE)
            return COMEM_OK;
    }
    return get_slow(list, index, value);
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
                     read_cell(object, index, &reading, &image) == ATTEMPT_DONE && cell_is_number(image.head)))
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
        *length = found;
        return COMEM_OK;
    }
}

/* ---- many items of one moment ---- */

struct range {
    struct comem_object *list;
    uint64_t version, table;
};

static bool range_holds(const void *context)
{
    const struct range *range = context;
    word_fence_acquire();
    return word_load(&range->list->shared->version) == range->version &&
           word_load(&range->list->shared->table) == range->table;
}

/* For a reader that holds the lock. */
static bool range_always(const void *context)
{
    (void)context;
    return true;
}

static enum attempt range_copy(struct participant *me, const struct range *range, bool (*still)(const void *),
                               uint64_t from, uint64_t count, comem_value *out, size_t *read, comem_status *status)
{
    struct store_map *map = range->list->map;
    enum attempt attempt = ATTEMPT_DONE;
    while (attempt == ATTEMPT_DONE && *read < count) {
        uint64_t index = from + *read, left = LIST_BLOCK - (index & (LIST_BLOCK - 1));
        const struct list_entry *entry = list_entry_at(map, range->table, index);
        if (left > count - *read)
            left = count - *read;
        const struct cell *cells = entry == NULL ? NULL : list_cell_at(map, word_load(&entry->block), index);
        if (cells == NULL || store_at(map, store_offset(map, cells), left * sizeof *cells) == NULL)
            return ATTEMPT_AGAIN;
        for (uint64_t k = 0; k < left && attempt == ATTEMPT_DONE; k++) {
            attempt = read_value(me, map, cell_load(&cells[k]), still, range, &out[*read], status);
            *read += attempt == ATTEMPT_DONE;
        }
    }
    return attempt;
}

static enum attempt range_attempt(struct participant *me, struct comem_object *list, bool (*still)(const void *),
                                  uint64_t from, uint64_t count, comem_value *out, size_t *read, comem_status *status)
{
    struct range range = {.list = list, .version = word_load_acquire(&list->shared->version)};
    range.table = word_load_acquire(&list->shared->table);
    const struct list_table *table = list_table_at(list->map, range.table);
    uint64_t length = table == NULL ? 0 : word_load_acquire(&table->length);
    *read = 0;
    if (range.version % 2 != 0 || !range_holds(&range) || (table == NULL && table_offset(range.table) != 0))
        return ATTEMPT_AGAIN;
    if (from >= length)
        return ATTEMPT_DONE;
    if (count > length - from)
        count = length - from;
    enum attempt attempt = range_copy(me, &range, still, from, count, out, read, status);
    return attempt == ATTEMPT_DONE && !still(&range) ? ATTEMPT_AGAIN : attempt;
}

/* Gives back what a vain attempt copied. No object lock is held, the map's mutex is. */
static void range_give_back(struct participant *me, comem_value *out, size_t *read)
{
    while (*read > 0) {
        comem_value *value = &out[--*read];
        if (value->kind == COMEM_REF)
            object_drop(me, value->as.object);
        else
            comem_value_clear(value);
        *value = comem_none();
    }
}

static comem_status range_read(struct participant *me, struct comem_object *list, uint64_t from, uint64_t count,
                               comem_value *out, size_t *read)
{
    comem_status status = COMEM_OK;
    enum attempt attempt = ATTEMPT_AGAIN;
    if (!object_ok(list))
        return object_gone(list);
    for (unsigned i = 0; i < TRIES && attempt == ATTEMPT_AGAIN; i++) {
        range_give_back(me, out, read);
        attempt = range_attempt(me, list, range_holds, from, count, out, read, &status);
    }
    if (attempt == ATTEMPT_AGAIN) {
        range_give_back(me, out, read);
        status = object_lock(me, list);
        if (status != COMEM_OK)
            return status;
        attempt = range_attempt(me, list, range_always, from, count, out, read, &status);
        lock_release(me, &list->shared->lock);
        if (attempt == ATTEMPT_AGAIN)
            status = store_error(COMEM_DAMAGED, "a list names cells outside the store");
    }
    if (attempt != ATTEMPT_DONE)
        range_give_back(me, out, read);
    return status;
}

comem_status comem_list_read(comem_list *list, size_t from, size_t count, comem_value *out, size_t *read)
{
    struct participant *me;
    if (read != NULL)
        *read = 0;
    if (list == NULL || read == NULL || (out == NULL && count > 0))
        return store_error(COMEM_INVALID, "the list, the place for the values or for their number is NULL");
    comem_status status = object_enter(&list->object, &me);
    if (status != COMEM_OK)
        return status;
    unsigned tries = heap_first_try(me);
    do {
        pthread_mutex_lock(&me->map->mutex);
        status = range_read(me, &list->object, from, count, out, read);
        pthread_mutex_unlock(&me->map->mutex);
    } while (heap_try_again(me, status, &tries));
    participant_leave(me);
    return status;
}

/* ---- iterating ---- */

void list_cursor_start(struct list_cursor *cursor, comem_list *list)
{
    cursor->list = list;
    cursor->next = cursor->first = cursor->count = 0;
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
    const struct list_entry *entry = list_entry_at(list->map, reading.table, cursor->next);
    uint64_t length = table == NULL ? 0 : word_load_acquire(&table->length);
    uint64_t count = LIST_BLOCK - (cursor->next & (LIST_BLOCK - 1));
    if (count > LIST_CURSOR_CELLS)
        count = LIST_CURSOR_CELLS;
    if (length <= cursor->next || entry == NULL)
        return;
    if (count > length - cursor->next)
        count = length - cursor->next;
    const struct cell *cells = list_cell_at(list->map, word_load(&entry->block), cursor->next);
    if (cells == NULL || store_at(list->map, store_offset(list->map, cells), count * sizeof *cells) == NULL)
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
    }
    comem_status status = comem_list_get(cursor->list, (int64_t)cursor->next, value);
    cursor->next += status == COMEM_OK;
    return status;
}
