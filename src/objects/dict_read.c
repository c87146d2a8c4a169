/* dict_read.c - reading a dict without its lock: one key, or all of it as it stood at one moment
 *
 * Protocol     of dict_layout.h. What an attempt copies counts only if the entry's version and the table word are unchanged
 *              afterwards; a reference is taken (a row, a fence) and then they are looked at again, so that its object cannot
 *              have been freed. Of a whole dict, the object's version has to be even and unchanged besides.
 * Retries      8, then the dict is locked: a reader finishes whatever writers do. An odd version may be a dead writer's, whom
 *              taking the lock repairs.
 * Order        references need the map's mutex. A locked read has it, too, but never waits for either while it has the other.
 * A death      of a reader: it holds nothing but rows, which go with its process.
 */
#include "objects/dict_probe.h"
#include "objects/handle.h"

comem_status dict_lock_to_read(struct participant *me, struct comem_object *dict, struct locked_dict *locked)
{
    comem_status status = object_lock_to_read(me, dict);
    if (status != COMEM_OK)
        return status;
    status = dict_look_at_table(me, dict, locked);
    if (status != COMEM_OK) {
        lock_release(me, &dict->shared->lock);
        pthread_mutex_unlock(&me->map->mutex);
    }
    return status;
}

/* ---- one key ---- */

static comem_status no_such_key(const struct comem_object *dict)
{
    if (!object_ok(dict))
        return object_gone(dict);
    return store_answer(COMEM_NOT_FOUND, "no such key");
}

struct item {
    const struct key *key;
    comem_value *value; /* NULL: it is only looked for */
    struct dict_reading *reading;
    struct cell_image *image;
};

/* One attempt that may take references. */
static enum attempt read_item(struct participant *me, struct comem_object *dict, void *context, comem_status *status)
{
    const struct item *item = context;
    store_view_renew(dict->map);
    enum attempt attempt = dict_probe(dict, item->key, item->reading, item->image);
    if (attempt == ATTEMPT_DONE && item->value != NULL)
        attempt = value_read(me, dict, *item->image, dict_reading_still, item->reading, item->value, status);
    return attempt;
}

/* Reads what is under a key, nothing with `value` NULL. `me` is inside an operation and holds no lock. */
static comem_status read_key(struct participant *me, struct comem_object *dict, const struct key *key,
                             comem_value *value, struct dict_reading *reading, struct cell_image *image)
{
    struct item item = {key, value, reading, image};
    comem_status status;
    switch (value_attempts(me, dict, read_item, &item, &status)) {
    case ATTEMPT_RANGE:
        return no_such_key(dict);
    case ATTEMPT_AGAIN:
        return store_error(COMEM_DAMAGED, "a dict names memory outside the store");
    default:
        return status;
    }
}

static comem_status read_slow(struct comem_object *dict, const struct key *key, comem_value *value,
                              struct dict_reading *reading, struct cell_image *image)
{
    struct participant *me;
    comem_status status = object_enter(dict, &me);
    if (status != COMEM_OK)
        return status;
    unsigned tries = heap_first_try(me);
    do {
        status = read_key(me, dict, key, value, reading, image);
    } while (heap_try_again(me, status, &tries));
    participant_leave(me);
    return status;
}

/* All but a number met at the first attempt; apart, so that the way of numbers stays short. */
static __attribute__((noinline)) comem_status get_other(struct comem_object *dict, const struct key *key,
                                                        comem_value *value)
{
    struct dict_reading reading;
    struct cell_image image;
    struct participant *me;
    *value = comem_none();
    if (!participant_present(dict->map) || !object_ok(dict))
        return read_slow(dict, key, value, &reading, &image);
    comem_status status = object_enter(dict, &me); /* copies are malloc()ed: not for a signal handler's call */
    if (status != COMEM_OK)
        return status;
    store_view_renew(dict->map);
    enum attempt attempt = dict_probe(dict, key, &reading, &image);
    bool refers = attempt == ATTEMPT_DONE && cell_refers(image.head);
    if (refers)
        map_lock(me);
    if (attempt == ATTEMPT_DONE)
        attempt = value_read(me, dict, image, dict_reading_still, &reading, value, &status);
    if (refers)
        pthread_mutex_unlock(&dict->map->mutex);
    participant_leave(me);
    if (attempt == ATTEMPT_RANGE)
        return no_such_key(dict);
    bool again = attempt == ATTEMPT_AGAIN || (refers && status == COMEM_NO_MEMORY); /* the row may need a table */
    return again ? read_slow(dict, key, value, &reading, &image) : status;
}

comem_status dict_get(comem_dict *dict, const struct key *key, comem_value *value)
{
    struct dict_reading reading;
    struct cell_image image;
    const struct comem_object *object = &dict->object;
    if (!WORD_LIKELY(participant_present(object->map) && object_ok(object) &&
                     dict_probe(object, key, &reading, &image) == ATTEMPT_DONE && cell_is_number(image.head)))
        return get_other(&dict->object, key, value);
    cell_unpack_number(image, value);
    return COMEM_OK;
}

comem_status dict_contains(comem_dict *dict, const struct key *key, bool *found)
{
    struct dict_reading reading;
    struct cell_image image;
    struct comem_object *object = &dict->object;
    enum attempt attempt = participant_present(object->map) ? dict_probe(object, key, &reading, &image) : ATTEMPT_AGAIN;
    comem_status status = object_ok(object) ? COMEM_OK : object_gone(object);
    if (status == COMEM_OK && attempt == ATTEMPT_AGAIN) {
        status = read_slow(object, key, NULL, &reading, &image);
        attempt = status == COMEM_OK ? ATTEMPT_DONE : ATTEMPT_RANGE;
        status = status == COMEM_NOT_FOUND ? COMEM_OK : status;
    }
    *found = status == COMEM_OK && attempt == ATTEMPT_DONE;
    return status;
}

comem_status dict_find(comem_dict *dict, const struct key *key, comem_value *value, struct dict_moment *moment)
{
    struct dict_reading reading = {.entry = NULL};
    struct cell_image image;
    *value = comem_none();
    *moment = (struct dict_moment){.entry = 0};
    comem_status status = read_slow(&dict->object, key, value, &reading, &image);
    if (status == COMEM_NOT_FOUND)
        *value = comem_missing();
    if (status == COMEM_OK)
        *moment =
            (struct dict_moment){reading.table, store_offset(dict->object.map, reading.entry), reading.version, image};
    return status;
}

comem_status comem_dict_len(comem_dict *dict, size_t *length)
{
    if (length != NULL)
        *length = 0;
    if (!WORD_LIKELY(dict != NULL && length != NULL))
        return store_error(COMEM_INVALID, "the dict or the place for the length is NULL");
    struct comem_object *object = &dict->object;
    struct participant *me;
    if (!participant_present(object->map)) { /* a thread's first call, or a raw clone's */
        comem_status status = object_enter(object, &me);
        if (status != COMEM_OK)
            return status;
        participant_leave(me);
    }
    for (;;) {
        uint64_t table_word = word_load_acquire(&object->shared->table);
        const struct dict_table *table = dict_table_at(object->map, table_word);
        uint64_t found = table == NULL ? 0 : dict_keys(word_load_acquire(&table->counts));
        if (!object_ok(object))
            return object_gone(object);
        if (!WORD_LIKELY(word_load_acquire(&object->shared->table) == table_word))
            continue;
        if (table == NULL && table_offset(table_word) != 0)
            return store_error(COMEM_DAMAGED, "a dict names a table outside the store");
        if (!WORD_LIKELY(store_could_hold(object->map, found, sizeof(struct dict_entry))))
            return store_error(COMEM_DAMAGED, "a dict counts more keys than the store could hold");
        *length = found;
        return COMEM_OK;
    }
}

/* ---- all keys ---- */

/* A dict while it is looked at as a whole. */
struct look {
    const struct comem_object *dict;
    uint64_t table, version;
    bool locked; /* nobody can change it */
};

static bool look_holds(const void *context)
{
    const struct look *look = context;
    if (look->locked)
        return true;
    word_fence_acquire();
    return word_load(&look->dict->shared->version) == look->version &&
           word_load(&look->dict->shared->table) == look->table;
}

struct copy {
    struct dict_columns to;
    size_t room, read; /* pairs that fit; that are there */
    uint64_t count;    /* pairs the dict has */
};

/* Gives back what a vain attempt copied; the map's mutex is held, no object lock. */
static void copy_forget(struct participant *me, struct copy *copy)
{
    while (copy->read > 0) {
        copy->read--;
        for (unsigned i = 0; i < DICT_COLUMNS; i++)
            if (copy->to.column[i] != NULL)
                value_forget(me, &copy->to.column[i][copy->read]);
    }
}

/* Copies what one column of a pair has, if it is wanted. */
static inline __attribute__((always_inline)) enum attempt copy_value(struct participant *me, const struct look *look,
                                                                     struct copy *copy, unsigned column, size_t at,
                                                                     struct cell_image image, comem_status *status)
{
    comem_value *values = copy->to.column[column];
    char *texts = copy->to.texts[column];
    if (values == NULL)
        return ATTEMPT_DONE;
    if (cell_is_number(image.head)) {
        cell_unpack_number(image, &values[at]);
        return ATTEMPT_DONE;
    }
    if (texts != NULL && cell_lend_near(image, texts + at * CELL_NEAR_ROOM, &values[at]))
        return ATTEMPT_DONE;
    return value_read(me, look->dict, image, look_holds, look, &values[at], status);
}

static enum attempt copy_entry(struct participant *me, const struct look *look, const struct dict_entry *entry,
                               struct copy *copy, comem_status *status)
{
    struct cell_image key = cell_load(&entry->key), given = cell_load(&entry->given);
    if (key.head == DICT_DEAD)
        return ATTEMPT_DONE;
    if (copy->read == copy->room)
        return ATTEMPT_AGAIN; /* more than the table said */
    size_t at = copy->read++;
    for (unsigned i = 0; i < DICT_COLUMNS; i++)
        if (copy->to.column[i] != NULL)
            copy->to.column[i][at] = comem_none(); /* what is none yet can be forgotten, too */
    enum attempt attempt =
        copy_value(me, look, copy, DICT_SHOWN, at, given.head == DICT_NOT_GIVEN ? key : given, status);
    if (attempt == ATTEMPT_DONE)
        attempt = copy_value(me, look, copy, DICT_VALUES, at, cell_load(&entry->value), status);
    if (attempt == ATTEMPT_DONE)
        attempt = copy_value(me, look, copy, DICT_CANONICAL, at, key, status);
    return attempt;
}

static enum attempt copy_segment(struct participant *me, const struct look *look, const struct dict_segment *segment,
                                 uint64_t end, struct copy *copy, comem_status *status)
{
    enum attempt attempt = ATTEMPT_DONE;
    for (uint64_t i = 0; i < end && attempt == ATTEMPT_DONE; i++) {
        attempt = copy_entry(me, look, &segment->entries[i], copy, status);
        if (i % 64 == 63 && !look_holds(look)) /* a vain attempt is short */
            return ATTEMPT_AGAIN;
    }
    return attempt;
}

static enum attempt copy_all(struct participant *me, const struct look *look, struct copy *copy, comem_status *status)
{
    struct locked_dict found;
    if (dict_look_at_table(me, (struct comem_object *)(uintptr_t)look->dict, &found) != COMEM_OK)
        return ATTEMPT_AGAIN;
    if (found.table_word != look->table || !look_holds(look))
        return ATTEMPT_AGAIN;
    copy->count = dict_keys(found.counts);
    if (copy->count > copy->room || found.table == NULL)
        return ATTEMPT_DONE;
    enum attempt attempt = ATTEMPT_DONE;
    for (uint64_t place = 0; place < found.ordered && attempt == ATTEMPT_DONE; place++) {
        const struct dict_segment *segment = dict_segment_of(me->map, &found, word_load(&found.slots[place].order));
        if (segment == NULL)
            return ATTEMPT_AGAIN;
        uint64_t end = place + 1 == found.ordered ? dict_end(found.counts) : word_load(&segment->end);
        if (end > word_load(&segment->capacity))
            return ATTEMPT_AGAIN;
        attempt = copy_segment(me, look, segment, end, copy, status);
    }
    return attempt == ATTEMPT_DONE && copy->read != copy->count ? ATTEMPT_AGAIN : attempt;
}

static enum attempt copy_once(struct participant *me, struct comem_object *dict, bool locked, struct copy *copy,
                              comem_status *status)
{
    struct look look = {.dict = dict, .locked = locked};
    look.version = word_load_acquire(&dict->shared->version);
    look.table = word_load_acquire(&dict->shared->table);
    if (look.version % 2 != 0)
        return ATTEMPT_AGAIN;
    enum attempt attempt = copy_all(me, &look, copy, status);
    return attempt == ATTEMPT_DONE && !look_holds(&look) ? ATTEMPT_AGAIN : attempt;
}

static comem_status read_all(struct participant *me, struct comem_object *dict, struct copy *copy)
{
    comem_status status = COMEM_OK;
    enum attempt attempt = ATTEMPT_AGAIN;
    if (!object_ok(dict))
        return object_gone(dict);
    map_lock(me);
    for (unsigned i = 0; i < READ_TRIES && attempt == ATTEMPT_AGAIN; i++) {
        copy_forget(me, copy);
        attempt = copy_once(me, dict, false, copy, &status);
    }
    if (attempt == ATTEMPT_AGAIN) {
        copy_forget(me, copy);
        pthread_mutex_unlock(&me->map->mutex);
        status = object_lock_to_read(me, dict);
        if (status != COMEM_OK)
            return status;
        attempt = copy_once(me, dict, true, copy, &status);
        lock_release(me, &dict->shared->lock);
        if (attempt == ATTEMPT_AGAIN)
            status = store_error(COMEM_DAMAGED, "a dict names memory outside the store");
    }
    if (attempt == ATTEMPT_DONE && !object_ok(dict)) {
        status = object_gone(dict); /* it was emptied by its end */
        attempt = ATTEMPT_FAILED;
    }
    if (attempt != ATTEMPT_DONE)
        copy_forget(me, copy);
    pthread_mutex_unlock(&me->map->mutex);
    return status;
}

comem_status dict_read_columns(comem_dict *dict, const struct dict_columns *to, size_t room, size_t *count)
{
    struct participant *me;
    struct copy copy = {.to = *to, .room = room};
    *count = 0;
    comem_status status = dict_enter(dict, &me);
    if (status != COMEM_OK)
        return status;
    unsigned tries = heap_first_try(me);
    do {
        status = read_all(me, &dict->object, &copy);
    } while (heap_try_again(me, status, &tries));
    participant_leave(me);
    *count = status == COMEM_OK ? copy.count : 0;
    return status;
}

comem_status dict_read_lent(comem_dict *dict, comem_value *keys, comem_value *values, char *texts, size_t room,
                            size_t *count)
{
    struct dict_columns to = {
        .column = {[DICT_SHOWN] = keys, [DICT_VALUES] = values},
        .texts = {[DICT_SHOWN] = texts, [DICT_VALUES] = keys == NULL ? texts : texts + room * CELL_NEAR_ROOM}};
    return dict_read_columns(dict, &to, room, count);
}

comem_status comem_dict_read(comem_dict *dict, comem_value *keys, comem_value *values, size_t room, size_t *count)
{
    struct dict_columns to = {.column = {[DICT_SHOWN] = keys, [DICT_VALUES] = values}};
    if (count == NULL)
        return store_error(COMEM_INVALID, "the place for the number of keys is NULL");
    return dict_read_columns(dict, &to, room, count);
}
