/* list.c - one item in, changed or out; all items out; birth and release
 *
 * Layout       list_layout.h. What happens at the end of a list or within a block is a few stores under the lock; items put in
 *              or taken out elsewhere make a new table (list_change.c).
 * Order        a value's block is filled, or its object's link counted up, before the list is locked: ALLOC or OWE stand in
 *              the record meanwhile. What a change gives up is freed, or counted down, after the lock is gone: FREE, UNLINK,
 *              TRASH. Never are two object locks held.
 * Commit       append  the store of `length` (WATCH); nothing else moves, so readers go on undisturbed
 *              pop     the store of `length`, between odd versions of the list and of the block
 *              set     COMMITTED, after both words of the cell (WORD)
 *              insert, pop elsewhere, clear  the store of the table word (WATCH)
 * A death      before the commit: words as they were, versions even, the new value given back. After it: the new state, and
 *              what was given up is freed by repair or, for links, by a reaper.
 */
#include "objects/handle.h"
#include "objects/list_change.h"
#include "objects/list_read.h"

#define APPEND_AHEAD 8u
#define CLEAR_WORK 4u
#define CHANGE_WORK 2u

/* ---- under the lock ---- */

comem_status list_lock_damaged(struct participant *me, struct comem_object *list, const struct locked_list *locked)
{
    lock_release(me, &list->shared->lock);
    return store_error(COMEM_DAMAGED, locked->table == NULL ? "a list names a table outside the store"
                                                            : "a list is longer than it has cells");
}

comem_status list_damaged(struct participant *me, struct comem_object *list)
{
    lock_release(me, &list->shared->lock);
    return store_error(COMEM_DAMAGED, "a list names cells outside the store");
}

static inline struct list_place *list_place_of(struct comem_object *list)
{
    return &((comem_list *)list)->place;
}

/* After a change of this thread's own that left all blocks where they are; the lock is still held. */
static inline void place_follows(struct comem_object *list)
{
    list_place_of(list)->version = word_load(&list->shared->version);
}

static inline void place_forget(struct comem_object *list)
{
    list_place_of(list)->count = 0;
}

/* Learns where item `index` stands. False: damage. */
static __attribute__((noinline)) bool place_find(struct participant *me, struct comem_object *list,
                                                 const struct locked_list *locked, uint64_t index)
{
    struct list_spot spot;
    struct list_place *place = list_place_of(list);
    place_forget(list);
    place->table_word = 0; /* no list has this one with a table */
    if (locked->table == NULL || !list_spot(me->map, locked->table, index, &spot))
        return false;
    uint64_t count = spot.count < locked->capacity - spot.first ? spot.count : locked->capacity - spot.first;
    place->cells = list_cells(me->map, locked->table, spot.first, &count, &place->entry);
    if (place->cells == NULL)
        return false;
    place->first = spot.first;
    place->count = count;
    place->table = locked->table;
    place->table_word = locked->table_word;
    place_follows(list);
    return true;
}

/* The cell of item `index`, and its entry; NULL: damage. Most often it stands in the block that was used last, which a chain
 * of loads does not have to find again. */
static inline struct cell *list_cell(struct participant *me, struct comem_object *list,
                                     const struct locked_list *locked, uint64_t index, struct list_entry **entry)
{
    const struct list_place *place = list_place_of(list);
    if (!WORD_LIKELY(place->version == word_load(&list->shared->version) && index - place->first < place->count) &&
        !place_find(me, list, locked, index))
        return NULL;
    *entry = place->entry;
    return &place->cells[index - place->first];
}

/* ---- append ---- */

/* Stores a cell behind the last and releases the lock; false: there is no room, the lock is still held. */
static inline bool append_locked(struct participant *me, struct comem_object *list, const struct locked_list *locked,
                                 struct cell_image image)
{
    struct list_entry *entry;
    struct cell *cell = locked->length < locked->capacity ? list_cell(me, list, locked, locked->length, &entry) : NULL;
    if (!WORD_LIKELY(cell != NULL))
        return false;
    cell_store(cell, image);
    word_publish(&locked->table->length, locked->length + 1); /* commit */
    lock_release(me, &list->shared->lock);
    word_prefetch(cell + APPEND_AHEAD); /* the next locked instruction would wait for its line */
    return true;
}

static comem_status room_for_one(struct participant *me, struct comem_object *list)
{
    struct locked_list locked;
    comem_status status = list_lock(me, list, &locked);
    if (status != COMEM_OK)
        return status;
    status = list_room(me, list, &locked, locked.length + 1, 0);
    lock_release(me, &list->shared->lock);
    return status;
}

/* After a first try that found no room; the lock is held. */
static __attribute__((noinline)) comem_status append_with_room(struct participant *me, struct comem_object *list,
                                                               const struct locked_list *first, struct cell_image image)
{
    struct locked_list locked = *first; /* private: on the stack */
    for (;;) {
        if (locked.length < locked.capacity)
            return list_damaged(me, list);
        lock_release(me, &list->shared->lock);
        trash_work(me, 1); /* who takes room gives some back first */
        comem_status status;
        unsigned tries = heap_first_try(me);
        do {
            status = room_for_one(me, list);
        } while (heap_try_again(me, status, &tries));
        if (status == COMEM_OK)
            status = list_lock(me, list, &locked);
        if (status != COMEM_OK || append_locked(me, list, &locked, image))
            return status;
    }
}

/* ---- insert, and append of all but numbers ---- */

/* Puts a prepared cell in the place before item `at` and ends the operation. The lock is held at entry, and afterwards unless
 * the status is COMEM_OK. COMEM_OUT_OF_RANGE: there is no room behind the last item. */
static comem_status insert_locked(struct participant *me, struct comem_object *list, const struct locked_list *locked,
                                  uint64_t at, struct cell_image image)
{
    if (at < locked->length) {
        struct list_change change = {.start = at, .stop = at, .count = 1, .cells = &image};
        comem_status status = list_change(me, list, locked, &change);
        return status == COMEM_OK ? list_change_end(me, list) : status;
    }
    if (locked->length == locked->capacity)
        return COMEM_OUT_OF_RANGE;
    struct list_entry *entry;
    struct cell *cell = list_cell(me, list, locked, locked->length, &entry);
    if (cell == NULL)
        return store_error(COMEM_DAMAGED, "a list names cells outside the store");
    cell_store(cell, image);
    record_add_watch(me, &locked->table->length);
    word_publish(&locked->table->length, locked->length + 1); /* commit */
    record_clear(me);
    lock_release(me, &list->shared->lock);
    return COMEM_OK;
}

/* The place that a Python index means to insert(). */
static uint64_t insert_place(int64_t index, uint64_t length)
{
    uint64_t at;
    if (list_index(index, length, &at))
        return at;
    return index < 0 ? 0 : length;
}

static comem_status insert_once(struct participant *me, struct comem_object *list, int64_t index,
                                const comem_value *value, struct cell_image image)
{
    for (;;) {
        struct locked_list locked;
        comem_status status = value_prepare(me, value, &image);
        if (status != COMEM_OK)
            return status;
        status = list_lock(me, list, &locked);
        if (status == COMEM_OK) {
            status = insert_locked(me, list, &locked, insert_place(index, locked.length), image);
            if (status == COMEM_OK)
                return COMEM_OK;
            lock_release(me, &list->shared->lock);
        }
        if (!cell_is_plain(image.head))
            value_give_back(me, image);
        if (status == COMEM_OUT_OF_RANGE)
            status = room_for_one(me, list);
        if (status != COMEM_OK)
            return status;
    }
}

/* INT64_MAX: behind the last. */
static comem_status insert(comem_list *list, int64_t index, const comem_value *value)
{
    struct participant *me;
    struct cell_image image;
    comem_status status = value_pack((const comem_object *)list, value, &image);
    if (status == COMEM_OK)
        status = list_enter(list, &me);
    if (status != COMEM_OK)
        return status;
    unsigned tries = heap_first_try(me);
    do {
        status = insert_once(me, &list->object, index, value, image);
    } while (heap_try_again(me, status, &tries));
    trash_work(me, CHANGE_WORK);
    participant_leave(me);
    return status;
}

comem_status comem_list_insert(comem_list *list, int64_t index, comem_value value)
{
    return insert(list, index, &value);
}

/* ---- append of a number, the shortest way ---- */

comem_status list_append(comem_list *list, const comem_value *value)
{
    struct participant *me;
    struct cell_image image;
    struct locked_list locked;
    if (!WORD_LIKELY(cell_pack_number(value, &image)))
        return insert(list, INT64_MAX, value); /* apart, so that the way of numbers stays short */
    comem_status status = list_enter(list, &me);
    if (!WORD_LIKELY(status == COMEM_OK))
        return status;
    status = list_lock(me, &list->object, &locked);
    if (WORD_LIKELY(status == COMEM_OK) && !WORD_LIKELY(append_locked(me, &list->object, &locked, image)))
        status = append_with_room(me, &list->object, &locked, image);
    participant_leave(me);
    return status;
}

comem_status comem_list_append(comem_list *list, comem_value value)
{
    return list_append(list, &value);
}

/* ---- set ---- */

static comem_status set_locked(struct participant *me, struct comem_object *list, int64_t index,
                               struct cell_image image)
{
    struct locked_list locked;
    comem_status status = list_lock(me, list, &locked);
    if (status != COMEM_OK)
        return status;
    uint64_t at;
    if (!list_index(index, locked.length, &at)) {
        lock_release(me, &list->shared->lock);
        return store_error(COMEM_OUT_OF_RANGE, "index %lld of a list of %llu items", (long long)index,
                           (unsigned long long)locked.length);
    }
    struct list_entry *entry;
    struct cell *cell = list_cell(me, list, &locked, at, &entry);
    if (cell == NULL)
        return list_damaged(me, list);
    uint32_t version = record_open_version(me, &list->shared->version);
    uint32_t entry_version = record_open_version(me, &entry->version);
    value_replace(me, cell, image);
    record_close_version(me, &entry->version, entry_version);
    record_close_version(me, &list->shared->version, version);
    place_follows(list);
    lock_release(me, &list->shared->lock);
    return COMEM_OK;
}

static comem_status set_value(struct participant *me, struct comem_object *list, int64_t index,
                              const comem_value *value, struct cell_image image)
{
    comem_status status = value_prepare(me, value, &image);
    if (status != COMEM_OK)
        return status;
    status = set_locked(me, list, index, image);
    if (status == COMEM_OK)
        return object_finish(me);
    if (!cell_is_plain(image.head))
        value_give_back(me, image);
    return status;
}

comem_status comem_list_set(comem_list *list, int64_t index, comem_value value)
{
    struct participant *me;
    struct cell_image image;
    comem_status status = value_pack((const comem_object *)list, &value, &image);
    if (status == COMEM_OK)
        status = list_enter(list, &me);
    if (status != COMEM_OK)
        return status;
    unsigned tries = heap_first_try(me);
    do {
        status = set_value(me, &list->object, index, &value, image);
    } while (heap_try_again(me, status, &tries));
    if (!cell_is_plain(image.head))
        trash_work(me, 1);
    participant_leave(me);
    return status;
}

/* ---- pop ---- */

/* Shortens the list by its last item, whose cell holds `image`; ends with the lock released. */
static comem_status pop_last(struct participant *me, struct comem_object *list, const struct locked_list *locked,
                             struct list_entry *entry, struct cell_image image)
{
    uint32_t version = record_open_version(me, &list->shared->version);
    uint32_t entry_version = record_open_version(me, &entry->version);
    value_record_give_up(me, image);
    if (!cell_is_plain(image.head))
        record_add_watch(me, &locked->table->length);
    word_publish(&locked->table->length, locked->length - 1); /* commit */
    record_commit(me);
    record_close_version(me, &entry->version, entry_version);
    record_close_version(me, &list->shared->version, version);
    place_follows(list);
    if (cell_is_plain(image.head))
        record_clear(me);
    lock_release(me, &list->shared->lock);
    comem_status status = cell_is_plain(image.head) ? COMEM_OK : object_finish(me);
    if (list_is_loose(locked->length - 1, locked->capacity))
        list_tighten(me, list);
    return status;
}

/* Takes item `at` out; ends with the lock released. */
static comem_status take_out(struct participant *me, struct comem_object *list, const struct locked_list *locked,
                             uint64_t at, struct list_entry *entry, struct cell_image image)
{
    if (at + 1 == locked->length)
        return pop_last(me, list, locked, entry, image);
    struct list_change change = {.start = at, .stop = at + 1};
    comem_status status = list_change(me, list, locked, &change);
    if (status == COMEM_OK)
        return list_change_end(me, list);
    lock_release(me, &list->shared->lock);
    return status;
}

static comem_status pop_out_of_range(struct participant *me, struct comem_object *list, uint64_t length, int64_t index)
{
    lock_release(me, &list->shared->lock);
    if (length == 0)
        return store_error(COMEM_OUT_OF_RANGE, "pop from an empty list");
    return store_error(COMEM_OUT_OF_RANGE, "index %lld of a list of %llu items", (long long)index,
                       (unsigned long long)length);
}

/* Pops once. A far value or a reference is read before the lock is taken; `read` says what was read then. */
static comem_status pop_once(struct participant *me, struct comem_object *list, int64_t index, comem_value *value,
                             const struct list_reading *read, bool *done)
{
    struct locked_list locked;
    uint64_t at;
    comem_status status = list_lock(me, list, &locked);
    if (status != COMEM_OK)
        return status;
    if (!list_index(index, locked.length, &at))
        return pop_out_of_range(me, list, locked.length, index);
    struct list_entry *entry;
    if (read != NULL)
        place_forget(list); /* to find it as the reader did, also in a damaged list */
    const struct cell *cell = list_cell(me, list, &locked, at, &entry);
    if (cell == NULL)
        return list_damaged(me, list);
    struct cell_image image = cell_load(cell);
    bool as_read = read != NULL && read->table == locked.table_word && read->version == word_load(&entry->version) &&
                   read->index == at;
    *done = value == NULL || as_read || cell_is_plain(image.head);
    comem_value plain = comem_none();
    bool unpack = *done && value != NULL && !as_read;
    if (unpack && cell_is_number(image.head))
        cell_unpack_number(image, &plain);
    else if (unpack)
        status = cell_unpack_near(image, &plain);
    if (!*done || status != COMEM_OK) {
        lock_release(me, &list->shared->lock);
        return status;
    }
    status = take_out(me, list, &locked, at, entry, image);
    if (unpack && status == COMEM_OK) {
        value_drop(me, value); /* what was read before another took it; not under the lock */
        *value = plain;
    } else if (unpack) {
        comem_value_clear(&plain);
    }
    return status;
}

static comem_status pop(struct participant *me, struct comem_object *list, int64_t index, comem_value *value)
{
    struct list_reading reading;
    bool done = false;
    comem_status status = pop_once(me, list, index, value, NULL, &done);
    while (status == COMEM_OK && !done) {
        value_drop(me, value);
        status = list_read_item(me, list, index, value, &reading);
        if (status == COMEM_OK)
            status = pop_once(me, list, index, value, &reading, &done);
    }
    return status;
}

comem_status comem_list_pop_at(comem_list *list, int64_t index, comem_value *value)
{
    struct participant *me;
    if (value != NULL)
        *value = comem_none();
    comem_status status = list_enter(list, &me);
    if (status != COMEM_OK)
        return status;
    unsigned tries = heap_first_try(me);
    do {
        status = pop(me, &list->object, index, value);
    } while (heap_try_again(me, status, &tries));
    if (status != COMEM_OK)
        value_drop(me, value);
    if (trash_waiting(me))
        trash_work(me, CHANGE_WORK);
    participant_leave(me);
    return status;
}

comem_status comem_list_pop(comem_list *list, comem_value *value)
{
    return comem_list_pop_at(list, -1, value);
}

static comem_status delete_if(struct participant *me, struct comem_object *list, const struct list_moment *moment,
                              uint64_t index, bool *done)
{
    struct locked_list locked;
    struct list_entry *entry;
    comem_status status = list_lock(me, list, &locked);
    if (status != COMEM_OK)
        return status;
    *done = locked.table_word == moment->table && word_load(&list->shared->version) == moment->version &&
            index < locked.length;
    if (!*done) {
        lock_release(me, &list->shared->lock);
        return COMEM_OK;
    }
    const struct cell *cell = list_cell(me, list, &locked, index, &entry);
    return cell == NULL ? list_damaged(me, list) : take_out(me, list, &locked, index, entry, cell_load(cell));
}

comem_status list_delete_if(comem_list *list, const struct list_moment *moment, uint64_t index, bool *done)
{
    struct participant *me;
    *done = false;
    comem_status status = list_enter(list, &me);
    if (status != COMEM_OK)
        return status;
    unsigned tries = heap_first_try(me);
    do {
        status = delete_if(me, &list->object, moment, index, done);
    } while (heap_try_again(me, status, &tries));
    trash_work(me, CHANGE_WORK);
    participant_leave(me);
    return status;
}

/* ---- clear ---- */

static comem_status clear(struct participant *me, struct comem_object *list)
{
    struct locked_list locked;
    comem_status status = list_lock(me, list, &locked);
    if (status != COMEM_OK)
        return status;
    list_change_clear(me, list, &locked);
    status = list_change_end(me, list);
    trash_work(me, CLEAR_WORK);
    return status;
}

comem_status comem_list_clear(comem_list *list)
{
    struct participant *me;
    comem_status status = list_enter(list, &me);
    if (status != COMEM_OK)
        return status;
    status = clear(me, &list->object);
    participant_leave(me);
    return status;
}

/* ---- birth and release ---- */

comem_status list_new_in(comem_store *store, uint64_t scope, uint32_t flags, comem_list **list)
{
    struct comem_object *made;
    if (list != NULL)
        *list = NULL;
    if (store == NULL || list == NULL)
        return store_error(COMEM_INVALID, "the store or the place for the list is NULL");
    comem_status status = object_new_in(store, OBJECT_LIST, scope, flags, &made);
    if (status == COMEM_OK)
        *list = (comem_list *)made;
    return status;
}

comem_status comem_list_new(comem_store *store, comem_list **list)
{
    return list_new_in(store, 0, 0, list);
}

void comem_list_release(comem_list *list)
{
    if (list != NULL)
        object_release(&list->object);
}
