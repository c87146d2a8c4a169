/* dict_remove.c - taking one key out: by name, if it has not changed, or the last one
 *
 * Commit       the store of `counts` (WATCH), between odd versions of the dict and of the entry, whose key is DICT_DEAD by then.
 *              Its position becomes a tombstone afterwards; until then the dead entry is one.
 * Trimming     the places of dead entries at the end of the last segment can be used again, once no position names them.
 * Order        a value is copied out under the lock, before the record begins; what the entry had is freed, or counted down,
 *              after the lock is gone (FREE, TRASH, UNLINK).
 * A death      before the commit: the key is there as before. After it: it is not, and what it had is freed by repair or, for
 *              a link, by a reaper.
 */
#include "objects/dict_layout.h"

#define DICT_WORK 2u /* steps of trash that a change does */

/* A tombstone, or nothing where no probe goes on behind. Only after the commit, and only to save who comes by a look at the dead
 * entry: what a death leaves undone here counts too much in the page's head and nothing else. */
static void bury(const struct locked_dict *locked, const struct dict_spot *spot)
{
    uint64_t head = word_load(spot->page), used = dict_page_used(head), tombs = dict_page_tombs(head);
    bool last = word_load(&spot->page[dict_page_next(spot->at, locked->shape.page_words)]) == DICT_EMPTY;
    word_store(&spot->page[spot->at], last ? DICT_EMPTY : DICT_TOMBSTONE);
    word_store(spot->page, last ? dict_page_head(used - (used > 0), tombs) : dict_page_head(used, tombs + 1));
}

/* Takes the entry out; the record is idle. Afterwards the lock is gone and object_finish() is due. Whether there is then more room
 * than there should be. */
static bool remove_locked(struct participant *me, struct comem_object *dict, const struct locked_dict *locked,
                          const struct dict_spot *spot, struct dict_segment *segment)
{
    struct dict_entry *entry = spot->entry;
    uint32_t version = record_open_version(me, &dict->shared->version);
    uint32_t entry_version = record_open_version(me, &entry->version);
    record_add_word(me, &entry->key.head);
    record_add_word(me, &segment->dead);
    value_record_give_up(me, cell_load(&entry->key));
    value_record_give_up(me, cell_load(&entry->given));
    value_record_give_up(me, cell_load(&entry->value));
    record_add_watch(me, &locked->table->counts);
    word_store(&entry->key.head, DICT_DEAD);
    word_store(&segment->dead, word_load(&segment->dead) + 1);
    word_publish(&locked->table->counts, locked->counts - dict_counts(1, 0)); /* commit */
    record_commit(me);
    record_close_version(me, &entry->version, entry_version);
    record_close_version(me, &dict->shared->version, version);
    bury(locked, spot);
    bool loose = dict_is_loose(locked, spot->page, segment);
    dict_count_resize(dict);
    lock_release(me, &dict->shared->lock);
    return loose;
}

/* The same, and all that is due afterwards; the lock is held at entry. */
static comem_status remove_and_finish(struct participant *me, struct comem_object *dict,
                                      const struct locked_dict *locked, const struct dict_spot *spot)
{
    struct dict_segment *segment = dict_segment_of(me->map, locked, dict_number_id(spot->number));
    if (segment == NULL || dict_number_unit(spot->number) > word_load(&segment->capacity))
        return dict_damaged(me, dict);
    uint64_t hash = word_load(&spot->entry->hash), number = spot->number;
    bool loose = remove_locked(me, dict, locked, spot, segment);
    comem_status status = object_finish(me);
    if (status == COMEM_OK && loose)
        dict_tighten(me, dict, hash, number);
    if (trash_waiting(me))
        trash_work(me, DICT_WORK);
    return status;
}

static comem_status not_found(struct participant *me, struct comem_object *dict)
{
    lock_release(me, &dict->shared->lock);
    return store_answer(COMEM_NOT_FOUND, "no such key");
}

/* What is under a lock has not moved. */
static bool always(const void *context)
{
    (void)context;
    return true;
}

/* The lock is held, and the map's mutex where the cell needs it. */
static comem_status copy_locked(struct participant *me, const struct comem_object *dict, struct cell_image image,
                                comem_value *value)
{
    comem_status status;
    enum attempt attempt = value_read(me, dict, image, always, NULL, value, &status);
    return attempt == ATTEMPT_DONE || status != COMEM_OK ? status
                                                         : store_error(COMEM_DAMAGED, "an entry names no value");
}

static comem_status find_to_remove(struct participant *me, struct comem_object *dict, struct locked_dict *locked,
                                   const struct key *key, struct dict_spot *spot)
{
    spot->entry = NULL;
    if (locked->table != NULL && !dict_find_locked(me->map, locked, key, spot))
        return dict_damaged(me, dict);
    return spot->entry != NULL ? COMEM_OK : not_found(me, dict);
}

/* Takes the key out, with its value unless `value` is NULL. */
static comem_status pop(struct participant *me, struct comem_object *dict, const struct key *key, comem_value *value)
{
    struct locked_dict locked;
    struct dict_spot spot = {.entry = NULL};
    bool mutex = false;
    comem_status status = dict_lock(me, dict, &locked);
    if (status == COMEM_OK)
        status = find_to_remove(me, dict, &locked, key, &spot);
    if (status == COMEM_OK && value != NULL && !cell_is_plain(word_load(&spot.entry->value.head))) {
        lock_release(me, &dict->shared->lock); /* references need the mutex, which is not waited for under the lock */
        status = dict_lock_to_read(me, dict, &locked);
        mutex = status == COMEM_OK;
        if (mutex)
            status = find_to_remove(me, dict, &locked, key, &spot);
    }
    if (status == COMEM_OK && value != NULL) {
        status = copy_locked(me, dict, cell_load(&spot.entry->value), value);
        if (status != COMEM_OK)
            lock_release(me, &dict->shared->lock);
    }
    if (mutex)
        pthread_mutex_unlock(&me->map->mutex);
    return status == COMEM_OK ? remove_and_finish(me, dict, &locked, &spot) : status;
}

comem_status dict_pop(comem_dict *dict, const struct key *key, comem_value *value)
{
    struct participant *me;
    if (value != NULL)
        *value = comem_none();
    comem_status status = dict_enter(dict, &me);
    if (status != COMEM_OK)
        return status;
    unsigned tries = heap_first_try(me);
    do {
        status = pop(me, &dict->object, key, value);
    } while (heap_try_again(me, status, &tries));
    participant_leave(me);
    return status;
}

comem_status dict_remove_if(struct participant *me, struct comem_object *dict, const struct key *key,
                            const struct dict_moment *moment, bool *done)
{
    struct locked_dict locked;
    struct dict_spot spot = {.entry = NULL};
    comem_status status = dict_lock(me, dict, &locked);
    if (status != COMEM_OK)
        return status;
    if (locked.table != NULL && !dict_find_locked(me->map, &locked, key, &spot))
        return dict_damaged(me, dict);
    *done = dict_is_as_it_was(me->map, &locked, &spot, moment);
    if (*done && spot.entry != NULL)
        return remove_and_finish(me, dict, &locked, &spot);
    lock_release(me, &dict->shared->lock);
    return COMEM_OK;
}

/* ---- the last key ---- */

/* The last entry that is not dead; false: damage. */
static bool find_last(struct store_map *map, const struct locked_dict *locked, struct dict_spot *spot)
{
    spot->entry = NULL;
    for (uint64_t place = locked->ordered; place-- > 0;) {
        uint64_t id = word_load(&locked->slots[place].order);
        struct dict_segment *segment = dict_segment_of(map, locked, id);
        if (segment == NULL)
            return false;
        uint64_t end = segment == locked->last ? dict_end(locked->counts) : word_load(&segment->end);
        for (end = end <= word_load(&segment->capacity) ? end : 0; end > 0; end--) {
            if (word_load(&segment->entries[end - 1].key.head) == DICT_DEAD)
                continue;
            spot->entry = &segment->entries[end - 1];
            spot->number = id << DICT_INDEX_BITS | end;
            return true;
        }
    }
    return true;
}

void dict_trim(struct participant *me, struct locked_dict *locked)
{
    struct dict_segment *segment = locked->last;
    uint64_t counts = word_load(&locked->table->counts), end = dict_end(counts), dead = word_load(&segment->dead);
    for (; end > 0 && word_load(&segment->entries[end - 1].key.head) == DICT_DEAD; end--, dead -= dead > 0) {
        struct dict_spot spot = {.entry = &segment->entries[end - 1],
                                 .number = locked->last_id << DICT_INDEX_BITS | end};
        if (dict_find_position(me->map, locked, &spot)) /* a death has left it */
            bury(locked, &spot);
    }
    if (end == dict_end(counts))
        return;
    record_add_word(me, &segment->dead);
    record_add_watch(me, &locked->table->counts);
    word_store(&segment->dead, dead);
    word_publish(&locked->table->counts, dict_counts(dict_keys(counts), end)); /* commit */
    record_clear(me);
    locked->counts = word_load(&locked->table->counts);
}

/* Finds the last key in the locked dict. COMEM_NOT_FOUND, COMEM_DAMAGED: the lock is gone. */
static comem_status last_locked(struct participant *me, struct comem_object *dict, struct locked_dict *locked,
                                struct dict_spot *spot)
{
    if (locked->table != NULL)
        dict_trim(me, locked);
    while (locked->ordered > 1 && dict_end(locked->counts) == 0) {
        if (dict_drop_empty_tail(me, dict, locked) != COMEM_OK)
            break; /* the way back is longer then */
        dict_trim(me, locked);
    }
    if (locked->table == NULL || dict_keys(locked->counts) == 0)
        return not_found(me, dict);
    if (!find_last(me->map, locked, spot) || spot->entry == NULL || !dict_find_position(me->map, locked, spot))
        return dict_damaged(me, dict);
    return COMEM_OK;
}

static comem_status read_last(struct participant *me, struct comem_object *dict, comem_value *key, comem_value *value,
                              struct dict_moment *moment)
{
    struct locked_dict locked;
    struct dict_spot spot = {.entry = NULL};
    comem_status status = dict_lock_to_read(me, dict, &locked);
    if (status != COMEM_OK)
        return status;
    status = last_locked(me, dict, &locked, &spot);
    if (status == COMEM_OK) {
        struct cell_image given = cell_load(&spot.entry->given);
        *moment = (struct dict_moment){locked.table_word, store_offset(me->map, spot.entry),
                                       word_load(&spot.entry->version), cell_load(&spot.entry->value)};
        if (key != NULL)
            status = copy_locked(me, dict, given.head == DICT_NOT_GIVEN ? cell_load(&spot.entry->key) : given, key);
        if (status == COMEM_OK && value != NULL)
            status = copy_locked(me, dict, moment->image, value);
        lock_release(me, &dict->shared->lock);
    }
    pthread_mutex_unlock(&me->map->mutex);
    return status;
}

comem_status dict_last(comem_dict *dict, comem_value *key, comem_value *value, struct dict_moment *moment)
{
    struct participant *me;
    if (key != NULL)
        *key = comem_none();
    if (value != NULL)
        *value = comem_none();
    comem_status status = dict_enter(dict, &me);
    if (status != COMEM_OK)
        return status;
    unsigned tries = heap_first_try(me);
    do {
        status = read_last(me, &dict->object, key, value, moment);
        if (status != COMEM_OK) {
            value_drop(me, key);
            value_drop(me, value);
        }
    } while (heap_try_again(me, status, &tries));
    participant_leave(me);
    return status;
}

static comem_status remove_last_if(struct participant *me, struct comem_object *dict, const struct dict_moment *moment,
                                   bool *done)
{
    struct locked_dict locked;
    struct dict_spot spot = {.entry = NULL};
    comem_status status = dict_lock(me, dict, &locked);
    if (status == COMEM_OK)
        status = last_locked(me, dict, &locked, &spot);
    if (status == COMEM_NOT_FOUND)
        return COMEM_OK;
    if (status != COMEM_OK)
        return status;
    *done = dict_is_as_it_was(me->map, &locked, &spot, moment);
    if (*done)
        return remove_and_finish(me, dict, &locked, &spot);
    lock_release(me, &dict->shared->lock);
    return COMEM_OK;
}

comem_status dict_remove_last_if(comem_dict *dict, const struct dict_moment *moment, bool *done)
{
    struct participant *me;
    *done = false;
    comem_status status = dict_enter(dict, &me);
    if (status != COMEM_OK)
        return status;
    status = remove_last_if(me, &dict->object, moment, done);
    participant_leave(me);
    return status;
}
