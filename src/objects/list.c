/* list.c - what changes a list
 *
 * Layout       list_layout.h. Room is made beforehand (list_room.c), so that each change below is a few stores under the lock.
 * Order        a value's block is filled, or its object's link counted up, before the list is locked: ALLOC or OWE stand in
 *              the record meanwhile. What a change gives up is freed, or counted down, after the lock is gone: FREE, UNLINK,
 *              TRASH. Never are two object locks held.
 * Commit       append, extend  the store of `length` (WATCH); nothing else moves, so readers go on undisturbed
 *              pop             the store of `length`, between odd versions of the list and of the block
 *              set             COMMITTED, after both words of the cell (WORD)
 *              clear           the store of the table word (WATCH)
 * A death      before the commit: words as they were, versions even, the new value given back. After it: the new state, and
 *              what was given up is freed by repair or, for links, by a reaper.
 */
#include "objects/handle.h"
#include "objects/list_layout.h"
#include "objects/list_read.h"

#define APPEND_AHEAD 8u
#define FREE_BATCH 10u
#define EXTEND_WORK 64u /* items for which one step of trash is freed; a step frees 256 */
#define CLEAR_WORK 4u
#define REAP_FAR 256u  /* far values and references freed in a step */
#define REAP_PLAIN 32u /* plain ones that cost as much as one of these */

/* ---- values on their way into a cell ---- */

/* Completes the image of a far value or a reference; the record then has what gives it back. */
static comem_status value_prepare(struct participant *me, const comem_value *value, struct cell_image *image)
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

static void value_give_back(struct participant *me, struct cell_image image)
{
    if (cell_is_ref(image.head))
        object_unlink(me, image.body, 0, NULL, 0);
    else
        heap_abandon(me, 0);
}

/* Records that the value in a cell is given up by this operation. */
static void record_give_up(struct participant *me, struct cell_image image)
{
    if (cell_is_far(image.head))
        record_add(me, RECORD_FREE, image.body, 0);
    else if (cell_is_ref(image.head))
        record_add(me, RECORD_UNLINK, image.body, 0);
}

/* ---- under the lock ---- */

struct locked_list {
    uint64_t table_word, length, capacity;
    struct list_table *table; /* NULL: empty */
};

static inline struct list_place *list_place_of(struct comem_object *list)
{
    return &((comem_list *)list)->place;
}

static inline comem_status list_lock(struct participant *me, struct comem_object *list, struct locked_list *locked)
{
    comem_status status = object_lock(me, list);
    if (!WORD_LIKELY(status == COMEM_OK))
        return status;
    const struct list_place *place = list_place_of(list);
    locked->table_word = word_load(&list->shared->table);
    locked->table = WORD_LIKELY(place->table_word == locked->table_word) ? place->table
                                                                         : list_table_at(me->map, locked->table_word);
    locked->length = locked->capacity = 0;
    if (WORD_LIKELY(locked->table != NULL)) {
        locked->length = word_load(&locked->table->length);
        locked->capacity = word_load(&locked->table->capacity);
        if (!WORD_LIKELY(locked->length <= locked->capacity)) {
            lock_release(me, &list->shared->lock);
            return store_error(COMEM_DAMAGED, "a list is longer than it has cells");
        }
    } else if (table_offset(locked->table_word) != 0) {
        lock_release(me, &list->shared->lock);
        return store_error(COMEM_DAMAGED, "a list names a table outside the store");
    }
    return COMEM_OK;
}

/* The cell of item `index`, and its entry; NULL: damage. Most often it stands in the block that was used last, which a chain
 * of loads does not have to find again. */
static inline struct cell *list_cell(struct participant *me, struct comem_object *list,
                                     const struct locked_list *locked, uint64_t index, struct list_entry **entry)
{
    struct list_place *place = list_place_of(list);
    if (!WORD_LIKELY(place->table_word == locked->table_word && place->number == index >> LIST_BLOCK_SHIFT &&
                     place->table == locked->table && word_load(&place->entry->block) == place->block)) {
        uint64_t block_index = index & ~(LIST_BLOCK - 1);
        place->table_word = 0; /* no list has this one with a table */
        place->table = NULL;
        place->cells = list_locked_cell(me->map, locked->table_word, block_index, &place->entry);
        uint64_t cells = locked->capacity < LIST_BLOCK ? locked->capacity : LIST_BLOCK;
        if (place->cells == NULL ||
            store_at(me->map, store_offset(me->map, place->cells), list_block_size(cells)) == NULL)
            return NULL;
        place->block = word_load(&place->entry->block);
        place->number = index >> LIST_BLOCK_SHIFT;
        place->table_word = locked->table_word;
        place->table = locked->table;
    }
    *entry = place->entry;
    return &place->cells[index & (LIST_BLOCK - 1)];
}

static comem_status list_damaged(struct participant *me, struct comem_object *list)
{
    lock_release(me, &list->shared->lock);
    return store_error(COMEM_DAMAGED, "a list names cells outside the store");
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

/* After a first try that found no room; the lock is held. */
static __attribute__((noinline)) comem_status append_with_room(struct participant *me, struct comem_object *list,
                                                               const struct locked_list *first, struct cell_image image)
{
    struct locked_list locked = *first; /* private: on the stack */
    for (;;) {
        if (locked.length < locked.capacity)
            return list_damaged(me, list);
        lock_release(me, &list->shared->lock);
        comem_status status;
        unsigned tries = heap_first_try(me);
        do {
            status = list_make_room(me, list, locked.length + 1, 0);
        } while (heap_try_again(me, status, &tries));
        if (status == COMEM_OK)
            status = list_lock(me, list, &locked);
        if (status != COMEM_OK || append_locked(me, list, &locked, image))
            return status;
    }
}

static comem_status append_prepared(struct participant *me, struct comem_object *list, const comem_value *value,
                                    struct cell_image image)
{
    for (;;) {
        struct locked_list locked;
        comem_status status = value_prepare(me, value, &image);
        if (status != COMEM_OK)
            return status;
        status = list_lock(me, list, &locked);
        if (status != COMEM_OK) {
            value_give_back(me, image);
            return status;
        }
        if (locked.length < locked.capacity) {
            struct list_entry *entry;
            struct cell *cell = list_cell(me, list, &locked, locked.length, &entry);
            if (cell == NULL) {
                status = list_damaged(me, list);
                value_give_back(me, image);
                return status;
            }
            cell_store(cell, image);
            record_add_watch(me, &locked.table->length);
            word_publish(&locked.table->length, locked.length + 1); /* commit */
            record_clear(me);
            lock_release(me, &list->shared->lock);
            return COMEM_OK;
        }
        lock_release(me, &list->shared->lock);
        value_give_back(me, image);
        status = list_make_room(me, list, locked.length + 1, 0);
        if (status != COMEM_OK)
            return status;
    }
}

/* Begins a call: arguments, then the calling thread. */
static inline comem_status list_enter(comem_list *list, struct participant **me)
{
    if (!WORD_LIKELY(list != NULL))
        return store_error(COMEM_INVALID, "the list is NULL");
    return object_enter(&list->object, me);
}

/* All but numbers; apart, so that the way of numbers stays short. */
static __attribute__((noinline)) comem_status append_other(comem_list *list, const comem_value *value)
{
    struct participant *me;
    struct cell_image image;
    comem_status status = cell_pack(value, &image);
    if (status == COMEM_OK)
        status = list_enter(list, &me);
    if (status != COMEM_OK)
        return status;
    unsigned tries = heap_first_try(me);
    do {
        status = append_prepared(me, &list->object, value, image);
    } while (heap_try_again(me, status, &tries));
    trash_work(me, 1);
    participant_leave(me);
    return status;
}

comem_status list_append(comem_list *list, const comem_value *value)
{
    struct participant *me;
    struct cell_image image;
    struct locked_list locked;
    if (!WORD_LIKELY(cell_pack_number(value, &image)))
        return append_other(list, value);
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

/* ---- extend ---- */

/* Takes the lock with room for `count` more items; the first `keep` entries of the record stay. */
static comem_status list_lock_with_room(struct participant *me, struct comem_object *list, uint64_t count,
                                        uint32_t keep, struct locked_list *locked)
{
    for (;;) {
        comem_status status = list_lock(me, list, locked);
        if (status != COMEM_OK || locked->capacity - locked->length >= count)
            return status;
        lock_release(me, &list->shared->lock);
        status = list_make_room(me, list, locked->length + count, keep);
        if (status != COMEM_OK)
            return status;
    }
}

static comem_status extend_plain(struct participant *me, struct comem_object *list, const comem_value *values,
                                 size_t count)
{
    struct locked_list locked;
    comem_status status = list_lock_with_room(me, list, count, 0, &locked);
    if (status != COMEM_OK)
        return status;
    for (size_t i = 0; i < count;) {
        struct list_entry *entry;
        uint64_t index = locked.length + i, left = LIST_BLOCK - (index & (LIST_BLOCK - 1));
        if (left > count - i)
            left = count - i; /* a short list's block has fewer cells, and may end where the store does */
        struct cell *cells = list_locked_cell(me->map, locked.table_word, index, &entry);
        if (cells == NULL || store_at(me->map, store_offset(me->map, cells), left * sizeof *cells) == NULL)
            return list_damaged(me, list);
        for (uint64_t k = 0; k < left; k++, i++) {
            struct cell_image image;
            cell_pack(&values[i], &image); /* did not fail before */
            cell_store(&cells[k], image);
        }
    }
    word_publish(&locked.table->length, locked.length + count); /* commit */
    lock_release(me, &list->shared->lock);
    return COMEM_OK;
}

/* Puts one value behind the others of a table aside, which the record holds. */
static comem_status build_value(struct participant *me, struct list_table *table, const comem_value *value)
{
    uint64_t root = store_offset(me->map, table), length = word_load(&table->length);
    comem_status status = length < word_load(&table->capacity) ? COMEM_OK : list_build_block(me, table);
    struct cell_image image;
    if (status == COMEM_OK)
        status = cell_pack(value, &image);
    if (status != COMEM_OK)
        return status;
    if (cell_is_ref(image.head) && value->as.object->map != me->map)
        return store_error(COMEM_INVALID, "an object referred to belongs to another store");
    struct list_entry *entry;
    struct cell *cell = list_locked_cell(me->map, root, length, &entry);
    if (cell == NULL)
        return store_error(COMEM_DAMAGED, "the heap gave a block outside the store");
    if (cell_is_ref(image.head)) {
        cell_store(cell, object_ref_image(value->as.object));
        return object_link_with(me, value->as.object, 1, &table->length, length + 1);
    }
    if (cell_is_far(image.head))
        status = cell_pack_far(me, value, &image);
    if (status != COMEM_OK)
        return status;
    cell_store(cell, image);
    record_add_word(me, &table->length);
    word_store(&table->length, length + 1);
    record_savepoint(me, me->record_base + 1);
    return COMEM_OK;
}

/* Gives a table aside, held by the record, to the trash. */
static void build_give_back(struct participant *me, const struct list_table *table)
{
    record_stage(me, me->record_end, RECORD_TRASH, store_offset(me->map, table), 0);
    record_switch(me, RECORD_COMMITTED, me->record_end, me->record_end + 1);
    heap_finish(me, 0);
}

/* Moves the cells of a table aside behind the list's own, and ends the operation. */
static comem_status extend_splice(struct participant *me, struct comem_object *list, struct list_table *aside)
{
    struct locked_list locked;
    uint64_t count = word_load(&aside->length), root = store_offset(me->map, aside);
    comem_status status = list_lock_with_room(me, list, count, 1, &locked);
    if (status != COMEM_OK)
        return status;
    for (uint64_t i = 0; i < count; i++) {
        struct list_entry *entry;
        const struct cell *from = list_locked_cell(me->map, root, i, &entry);
        struct cell *to = list_locked_cell(me->map, locked.table_word, locked.length + i, &entry);
        if (from == NULL || to == NULL)
            return list_damaged(me, list);
        cell_store(to, cell_load(from));
    }
    uint32_t base = me->record_end;
    record_stage(me, base, RECORD_BUILD, root, 0);
    record_stage(me, base + 1, RECORD_TRASH, root, 1);
    record_stage(me, base + 2, RECORD_WATCH, store_offset(me->map, &locked.table->length), locked.length);
    record_switch(me, RECORD_ACTIVE, base, base + 3);
    word_publish(&locked.table->length,
                 locked.length + count); /* commit: the values are the list's, the table is a shell */
    record_commit(me);
    lock_release(me, &list->shared->lock);
    return heap_finish(me, 0);
}

static comem_status extend_aside(struct participant *me, struct comem_object *list, const comem_value *values,
                                 size_t count)
{
    struct list_table *table;
    comem_status status = list_build_aside(me, count, &table);
    if (status != COMEM_OK) {
        heap_abandon(me, 0);
        return status;
    }
    for (size_t i = 0; i < count && status == COMEM_OK; i++)
        status = build_value(me, table, &values[i]);
    if (status == COMEM_OK)
        status = extend_splice(me, list, table);
    if (status != COMEM_OK) {
        heap_abandon(me, 1);
        build_give_back(me, table);
    }
    return status;
}

comem_status comem_list_extend(comem_list *list, const comem_value *values, size_t count)
{
    struct participant *me;
    bool plain = true;
    if (values == NULL && count > 0)
        return store_error(COMEM_INVALID, "the values are NULL");
    if (count > LIST_LENGTH_MAX)
        return store_error(COMEM_NO_MEMORY, "%zu items are more than a list may have", count);
    for (size_t i = 0; i < count; i++) {
        struct cell_image image;
        comem_status status = cell_pack(&values[i], &image);
        if (status != COMEM_OK)
            return status;
        plain &= cell_is_plain(image.head);
    }
    comem_status status = list_enter(list, &me);
    if (status != COMEM_OK)
        return status;
    unsigned tries = heap_first_try(me);
    do {
        if (count == 0)
            status = object_ok(&list->object) ? COMEM_OK : object_gone(&list->object);
        else
            status =
                plain ? extend_plain(me, &list->object, values, count) : extend_aside(me, &list->object, values, count);
    } while (heap_try_again(me, status, &tries));
    trash_work(me, plain ? 1 : 2 + (unsigned)(count / EXTEND_WORK));
    participant_leave(me);
    return status;
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
    record_add_word(me, &cell->head);
    record_add_word(me, &cell->body);
    record_give_up(me, cell_load(cell));
    cell_store(cell, image);
    record_commit(me);
    record_close_version(me, &entry->version, entry_version);
    record_close_version(me, &list->shared->version, version);
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
    comem_status status = cell_pack(&value, &image);
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

/* Clears a value inside an operation, with no object lock held and the record idle. */
static void value_drop(struct participant *me, comem_value *value)
{
    if (value == NULL || value->kind != COMEM_REF || value->owned == 0) {
        comem_value_clear(value);
        return;
    }
    pthread_mutex_lock(&me->map->mutex);
    object_drop(me, value->as.object);
    pthread_mutex_unlock(&me->map->mutex);
    *value = comem_none();
}

/* Shortens the list by its last item, whose cell holds `image`; ends with the lock released. */
static comem_status pop_commit(struct participant *me, struct comem_object *list, const struct locked_list *locked,
                               struct list_entry *entry, struct cell_image image)
{
    uint32_t version = record_open_version(me, &list->shared->version);
    uint32_t entry_version = record_open_version(me, &entry->version);
    record_give_up(me, image);
    if (!cell_is_plain(image.head))
        record_add_watch(me, &locked->table->length);
    word_publish(&locked->table->length, locked->length - 1); /* commit */
    record_commit(me);
    record_close_version(me, &entry->version, entry_version);
    record_close_version(me, &list->shared->version, version);
    if (cell_is_plain(image.head))
        record_clear(me);
    lock_release(me, &list->shared->lock);
    comem_status status = cell_is_plain(image.head) ? COMEM_OK : object_finish(me);
    if (locked->capacity >= locked->length + 2 * LIST_BLOCK)
        list_trim(me, list);
    return status;
}

/* Pops once. A far value or a reference is read before the lock is taken; `read` says what was read then. */
static comem_status pop_once(struct participant *me, struct comem_object *list, comem_value *value,
                             const struct list_reading *read, bool *done)
{
    struct locked_list locked;
    comem_status status = list_lock(me, list, &locked);
    if (status != COMEM_OK)
        return status;
    if (locked.length == 0) {
        lock_release(me, &list->shared->lock);
        return store_error(COMEM_OUT_OF_RANGE, "pop from an empty list");
    }
    struct list_entry *entry;
    const struct cell *cell = list_cell(me, list, &locked, locked.length - 1, &entry);
    if (cell == NULL)
        return list_damaged(me, list);
    struct cell_image image = cell_load(cell);
    bool as_read = read != NULL && read->table == locked.table_word && read->version == word_load(&entry->version) &&
                   read->index == locked.length - 1;
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
    status = pop_commit(me, list, &locked, entry, image);
    if (unpack) {
        value_drop(me, value); /* what was read before another took it; not under the lock */
        *value = plain;
    }
    return status;
}

static comem_status pop(struct participant *me, struct comem_object *list, comem_value *value)
{
    struct list_reading reading;
    bool done = false;
    comem_status status = pop_once(me, list, value, NULL, &done);
    while (status == COMEM_OK && !done) {
        value_drop(me, value);
        status = list_read_item(me, list, -1, value, &reading);
        if (status == COMEM_OK)
            status = pop_once(me, list, value, &reading, &done);
    }
    return status;
}

comem_status comem_list_pop(comem_list *list, comem_value *value)
{
    struct participant *me;
    if (value != NULL)
        *value = comem_none();
    comem_status status = list_enter(list, &me);
    if (status != COMEM_OK)
        return status;
    unsigned tries = heap_first_try(me);
    do {
        status = pop(me, &list->object, value);
    } while (heap_try_again(me, status, &tries));
    if (status != COMEM_OK)
        value_drop(me, value);
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
    if (locked.table == NULL) {
        lock_release(me, &list->shared->lock);
        return COMEM_OK;
    }
    uint32_t version = record_open_version(me, &list->shared->version);
    record_add(me, RECORD_TRASH, table_offset(locked.table_word), 0);
    record_add_watch(me, &list->shared->table);
    word_publish(&list->shared->table, table_next(locked.table_word, 0)); /* commit */
    record_commit(me);
    record_close_version(me, &list->shared->version, version);
    lock_release(me, &list->shared->lock);
    status = heap_finish(me, 0);
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
    struct participant *me;
    struct comem_object *made;
    if (list != NULL)
        *list = NULL;
    if (store == NULL || list == NULL)
        return store_error(COMEM_INVALID, "the store or the place for the list is NULL");
    comem_status status = participant_enter(handle_store_map(store), &me);
    if (status != COMEM_OK)
        return status;
    unsigned tries = heap_first_try(me);
    do {
        status = object_new(me, OBJECT_LIST, scope, flags, &made);
    } while (heap_try_again(me, status, &tries));
    trash_work(me, 1);
    participant_leave(me);
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

/* ---- freeing what was given up ---- */

/* Frees far values from the end of a table in the trash, as many as one operation can. Returns the length left. */
static uint64_t reap_far(struct participant *me, struct list_table *table, uint64_t length)
{
    record_add_word(me, &table->length);
    for (unsigned i = 0; i < FREE_BATCH && length > 0; i++, length--) {
        struct list_entry *entry;
        const struct cell *cell = list_locked_cell(me->map, store_offset(me->map, table), length - 1, &entry);
        struct cell_image image = cell == NULL ? (struct cell_image){0, 0} : cell_load(cell);
        if (cell_is_ref(image.head))
            break;
        record_give_up(me, image);
    }
    word_store(&table->length, length);
    record_commit(me);
    heap_finish(me, 1);
    return length;
}

/* As many cells as a step may cost; whether all are done. */
static bool reap_cells(struct participant *me, struct list_table *table)
{
    uint64_t length = word_load(&table->length);
    for (unsigned cost = 0; length > 0 && cost < REAP_FAR * REAP_PLAIN;) {
        struct list_entry *entry;
        const struct cell *cell = list_locked_cell(me->map, store_offset(me->map, table), length - 1, &entry);
        struct cell_image image = cell == NULL ? (struct cell_image){0, 0} : cell_load(cell);
        if (cell_is_plain(image.head)) {
            length--;
            cost++;
            continue;
        }
        uint64_t before = length;
        word_store(&table->length, length); /* behind it are plain ones only, which nobody misses */
        if (cell_is_ref(image.head))
            object_unlink(me, image.body, 1, &table->length, length - 1), length--;
        else
            length = reap_far(me, table, length);
        cost += (unsigned)(before - length) * REAP_PLAIN;
    }
    word_store(&table->length, length);
    return length == 0;
}

static bool reap_blocks(struct participant *me, struct list_table *table)
{
    uint64_t capacity = word_load(&table->capacity);
    for (unsigned steps = 0; capacity > 0 && steps < REAP_FAR / FREE_BATCH; steps++) {
        record_add_word(me, &table->capacity);
        for (unsigned i = 0; i < FREE_BATCH && capacity > 0; i++) {
            const struct list_entry *entry = list_entry_at(me->map, store_offset(me->map, table), capacity - 1);
            if (entry != NULL)
                record_add(me, RECORD_FREE, word_load(&entry->block), 0);
            capacity = capacity > LIST_BLOCK ? capacity - LIST_BLOCK : 0;
        }
        word_store(&table->capacity, capacity);
        record_commit(me);
        heap_finish(me, 1);
    }
    return capacity == 0;
}

static bool list_reap(struct participant *me, uint64_t root)
{
    struct list_table *table = store_at(me->map, root, sizeof *table);
    if (table == NULL) {
        record_clear(me);
        return true;
    }
    uint64_t most = word_load(&table->entry_count)
                    << LIST_BLOCK_SHIFT; /* what is beyond is damage, and would take for ever */
    if (word_load(&table->capacity) > most)
        word_store(&table->capacity, most);
    if (word_load(&table->length) > word_load(&table->capacity) && !block_is_shell(word_load(&table->header.info)))
        word_store(&table->length, word_load(&table->capacity));
    bool shell = block_is_shell(word_load(&table->header.info));
    if ((!shell && !reap_cells(me, table)) || !reap_blocks(me, table))
        return false;
    record_stage(me, me->record_end, RECORD_FREE, root, 0);
    record_switch(me, RECORD_COMMITTED, me->record_end, me->record_end + 1); /* HOLD goes, FREE comes */
    heap_finish(me, 0);
    return true;
}

void list_init(void)
{
    trash_register(BLOCK_TABLE, list_reap);
}
