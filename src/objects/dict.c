/* dict.c - one key: stored or changed; all keys out; birth and release
 *
 * Layout       dict_layout.h. Room for a new key is made beforehand (dict_room.c), in operations that change no content.
 * Order        a value's block is filled, or its object's link counted up, before the dict is locked: ALLOC, BUILD or OWE stand
 *              in the record meanwhile. A new key's blocks are made under the lock. What a change gives up is freed, or
 *              counted down, after the lock is gone: FREE, TRASH, UNLINK. Never are two object locks held.
 * Commit       a new key      the store of `counts` (WATCH), between odd versions of the dict and of the entry. An entry that is
 *                             not to be is left dead, for readers who had found it
 *              a value        of the same kind, plain: the store of its body. Any other: COMMITTED, after both words of the
 *                             cell (WORD), between odd versions of the dict and of the entry
 *              clear          the store of the table word (WATCH)
 * A death      before the commit: words as they were, versions even, the new value given back. After it: the new state, and
 *              what was given up is freed by repair or, for links, by a reaper.
 */
#include "objects/dict_probe.h"
#include "objects/handle.h"

#define DICT_WORK 2u /* steps of trash that a change does */
#define CLEAR_WORK 4u

_Thread_local uint64_t dict_resizes;

/* ---- under the lock ---- */

comem_status dict_damaged(struct participant *me, struct comem_object *dict)
{
    lock_release(me, &dict->shared->lock);
    return store_error(COMEM_DAMAGED, "a dict names memory outside the store");
}

bool dict_parts(struct store_map *map, uint64_t root, struct locked_dict *found)
{
    *found = (struct locked_dict){.table = store_at(map, root, sizeof(struct dict_table))};
    if (found->table == NULL || !dict_shape_read(word_load(&found->table->shape), &found->shape) ||
        !store_holds(map, root, dict_table_size(found->shape)))
        return false;
    found->pages = found->table->rest;
    found->slots = dict_slots(found->table, found->shape.depth);
    found->counts = word_load(&found->table->counts);
    found->ordered = word_load(&found->table->ordered);
    return found->ordered <= found->shape.slots;
}

comem_status dict_look_at_table(struct participant *me, struct comem_object *dict, struct locked_dict *locked)
{
    uint64_t table_word = word_load(&dict->shared->table);
    *locked = (struct locked_dict){.table_word = table_word};
    if (table_offset(table_word) == 0)
        return COMEM_OK;
    bool sound = dict_parts(me->map, table_offset(table_word), locked) && locked->ordered > 0;
    locked->table_word = table_word;
    if (sound) {
        locked->last_id = word_load(&locked->slots[locked->ordered - 1].order);
        locked->last = dict_segment_of(me->map, locked, locked->last_id);
    }
    if (!sound || locked->last == NULL || dict_end(locked->counts) > word_load(&locked->last->capacity))
        return store_error(COMEM_DAMAGED, "a dict has a table that is none, or more entries than room for them");
    return COMEM_OK;
}

comem_status dict_lock(struct participant *me, struct comem_object *dict, struct locked_dict *locked)
{
    comem_status status = object_lock(me, dict);
    if (!WORD_LIKELY(status == COMEM_OK))
        return status;
    status = dict_look_at_table(me, dict, locked);
    if (!WORD_LIKELY(status == COMEM_OK))
        lock_release(me, &dict->shared->lock);
    return status;
}

struct dict_segment *dict_segment_of(struct store_map *map, const struct locked_dict *locked, uint64_t id)
{
    if (id >= locked->shape.slots)
        return NULL;
    uint64_t block = word_load(&locked->slots[id].block);
    struct dict_segment *segment = block == 0 ? NULL : store_at(map, block, sizeof *segment);
    uint64_t capacity = segment == NULL ? 0 : word_load(&segment->capacity);
    bool sound = segment != NULL && capacity < DICT_SEGMENT &&
                 store_holds(map, block, (capacity + 1) * sizeof(struct dict_entry));
    return sound ? segment : NULL;
}

word64 *dict_page_of(struct store_map *map, const struct locked_dict *locked, uint64_t hash)
{
    uint64_t offset = word_load(&locked->pages[dict_directory_index(hash, locked->shape.depth)]);
    return dict_page_at(map, offset, locked->shape.page_words);
}

/* The entry of a position; NULL: it is none any more. */
static struct dict_entry *entry_of(struct store_map *map, const struct locked_dict *locked, uint64_t position)
{
    uint64_t id = dict_number_id(position), unit = dict_number_unit(position);
    if (id >= locked->shape.slots || unit == 0)
        return NULL;
    uint64_t block = word_load(&locked->slots[id].block);
    return block == 0 ? NULL : store_at(map, block + unit * sizeof(struct dict_entry), sizeof(struct dict_entry));
}

bool dict_find_locked(struct store_map *map, const struct locked_dict *locked, const struct key *key,
                      struct dict_spot *spot)
{
    uint64_t words = locked->shape.page_words, part = dict_part(key->hash), at = dict_page_start(key->hash, words);
    spot->page = dict_page_of(map, locked, key->hash);
    spot->entry = NULL;
    spot->at = 0;
    if (spot->page == NULL)
        return false;
    for (uint64_t n = DICT_PAGE_HEAD; n < words; n++, at = dict_page_next(at, words)) {
        uint64_t position = word_load(&spot->page[at]);
        if (position == DICT_EMPTY) {
            spot->at = spot->at == 0 ? at : spot->at;
            return true;
        }
        if (position == DICT_TOMBSTONE) {
            spot->at = spot->at == 0 ? at : spot->at;
            continue;
        }
        if (dict_part(position) != part)
            continue;
        struct dict_entry *entry = entry_of(map, locked, position);
        if (entry != NULL && dict_entry_is(map, entry, key)) {
            spot->at = at;
            spot->entry = entry;
            spot->number = position & ~dict_part(UINT64_MAX);
            return true;
        }
    }
    return true;
}

bool dict_find_position(struct store_map *map, const struct locked_dict *locked, struct dict_spot *spot)
{
    uint64_t words = locked->shape.page_words, hash = word_load(&spot->entry->hash), at = dict_page_start(hash, words);
    spot->page = dict_page_of(map, locked, hash);
    for (uint64_t n = DICT_PAGE_HEAD; spot->page != NULL && n < words; n++, at = dict_page_next(at, words)) {
        uint64_t position = word_load(&spot->page[at]);
        if (position == (dict_part(hash) | spot->number)) {
            spot->at = at;
            return true;
        }
        if (position == DICT_EMPTY)
            return false;
    }
    return false;
}

bool dict_same_text(struct store_map *map, const struct dict_entry *entry, const struct key *key)
{
    struct cell_image image = cell_load(&entry->key);
    uint64_t size;
    if (!cell_is_far(image.head) || !cell_far_size(map, image, &size) || size != key->size)
        return false;
    const void *bytes = cell_far_bytes(map, image, size);
    return bytes != NULL && word_equal(bytes, key->bytes, size);
}

/* ---- changing a value ---- */

/* Stores a cell that was prepared; the lock is held, the record has what value_prepare() left. Afterwards the lock is gone and
 * object_finish() is due. */
static inline void change_locked(struct participant *me, struct comem_object *dict, struct dict_entry *entry,
                                 struct cell_image image)
{
    struct cell_image old = cell_load(&entry->value);
    if (WORD_LIKELY(old.head == image.head && cell_is_plain(old.head))) {
        dict_version_passes(dict->shared);
        word_publish(&entry->value.body, image.body); /* commit */
        lock_release(me, &dict->shared->lock);
        return;
    }
    uint32_t version = record_open_version(me, &dict->shared->version);
    uint32_t entry_version = record_open_version(me, &entry->version);
    value_replace(me, &entry->value, image);
    record_close_version(me, &entry->version, entry_version);
    record_close_version(me, &dict->shared->version, version);
    lock_release(me, &dict->shared->lock);
}

/* ---- a new key ---- */

/* Makes the block of a key's far text; ALLOC is then in the record. */
static comem_status key_block(struct participant *me, const struct key *key, struct cell_image *image)
{
    comem_value text = comem_bytes(key->bytes, key->size);
    *image = key->image;
    return cell_is_far(image->head) ? cell_pack_far(me, &text, image) : COMEM_OK;
}

static comem_status given_block(struct participant *me, const struct key *key, struct cell_image *image)
{
    *image = (struct cell_image){DICT_NOT_GIVEN, 0};
    if (key->given == NULL)
        return COMEM_OK;
    comem_status status = cell_pack(key->given, image);
    return status == COMEM_OK && cell_is_far(image->head) ? cell_pack_far(me, key->given, image) : status;
}

/* Adds the key; the lock is held, there is room. The record has what value_prepare() left. On COMEM_OK the lock is gone and the
 * operation over; otherwise the lock is held and the record has nothing more than before. */
static comem_status add_locked(struct participant *me, struct comem_object *dict, const struct locked_dict *locked,
                               const struct dict_spot *spot, const struct key *key, struct cell_image value)
{
    uint64_t end = dict_end(locked->counts), was = word_load(&spot->page[spot->at]), head = word_load(spot->page);
    uint32_t keep = me->record_end - me->record_base;
    struct dict_entry *entry = &locked->last->entries[end];
    struct cell_image text, given = {DICT_NOT_GIVEN, 0};
    comem_status status = key_block(me, key, &text);
    if (status == COMEM_OK)
        status = given_block(me, key, &given);
    if (status != COMEM_OK) {
        heap_abandon(me, keep);
        return status;
    }
    uint32_t version = record_open_version(me, &dict->shared->version);
    uint32_t entry_version = record_open_version(me, &entry->version);
    record_add(me, RECORD_WORD, store_offset(me->map, &entry->key.head),
               DICT_DEAD); /* who found it finds nothing then */
    word_store(&entry->hash, key->hash);
    cell_store(&entry->key, text);
    cell_store(&entry->given, given);
    cell_store(&entry->value, value);
    record_add_word(me, spot->page);
    record_add_word(me, &spot->page[spot->at]);
    record_add_watch(me, &locked->table->counts);
    word_store(spot->page, dict_page_with_one_more(head, was == DICT_EMPTY));
    word_publish(&spot->page[spot->at], dict_position(key->hash, locked->last_id, end + 1));
    word_publish(&locked->table->counts, dict_counts(dict_keys(locked->counts) + 1, end + 1)); /* commit */
    record_close_version(me, &entry->version, entry_version);
    record_close_version(me, &dict->shared->version, version);
    record_clear(me);
    dict_count_resize(dict);
    lock_release(me, &dict->shared->lock);
    return COMEM_OK;
}

/* Whether the key can be added where `spot` says. */
static bool has_room(const struct locked_dict *locked, const struct dict_spot *spot)
{
    return locked->last != NULL && spot->at != 0 && dict_end(locked->counts) < word_load(&locked->last->capacity) &&
           (word_load(&spot->page[spot->at]) == DICT_TOMBSTONE ||
            dict_page_used(word_load(spot->page)) < dict_page_limit(locked->shape.page_words));
}

static comem_status room_for_one(struct participant *me, struct comem_object *dict, uint64_t hash)
{
    struct locked_dict locked;
    comem_status status = dict_lock(me, dict, &locked);
    if (status != COMEM_OK)
        return status;
    status = dict_room(me, dict, &locked, hash);
    lock_release(me, &dict->shared->lock);
    return status;
}

/* ---- set ---- */

bool dict_is_as_it_was(struct store_map *map, const struct locked_dict *locked, const struct dict_spot *spot,
                       const struct dict_moment *moment)
{
    if (moment->entry == 0 || spot->entry == NULL)
        return moment->entry == 0 && spot->entry == NULL;
    struct cell_image value = cell_load(&spot->entry->value);
    return moment->table == locked->table_word && moment->entry == store_offset(map, spot->entry) &&
           moment->version == word_load(&spot->entry->version) && moment->image.head == value.head &&
           moment->image.body == value.body;
}

enum outcome { STORED, NO_ROOM, UNFIT };

/* Stores a prepared cell under the key, if that is as it was at `moment`, which may be NULL. STORED: the lock is gone and
 * object_finish() is due; otherwise it is held. */
static comem_status store_locked(struct participant *me, struct comem_object *dict, struct locked_dict *locked,
                                 const struct key *key, struct cell_image image, const struct dict_moment *moment,
                                 enum outcome *outcome)
{
    struct dict_spot spot = {.entry = NULL};
    *outcome = UNFIT;
    if (locked->table != NULL && !dict_find_locked(me->map, locked, key, &spot))
        return store_error(COMEM_DAMAGED, "a dict names a page outside the store");
    if (moment != NULL && !dict_is_as_it_was(me->map, locked, &spot, moment))
        return COMEM_OK;
    if (spot.entry != NULL) {
        change_locked(me, dict, spot.entry, image);
        *outcome = STORED;
        return COMEM_OK;
    }
    *outcome = NO_ROOM;
    if (!has_room(locked, &spot)) {
        bool damaged = locked->table != NULL && spot.at == 0 &&
                       dict_page_used(word_load(spot.page)) < dict_page_limit(locked->shape.page_words);
        return damaged ? store_error(COMEM_DAMAGED, "a page of a dict is fuller than it says") : COMEM_OK;
    }
    comem_status status = add_locked(me, dict, locked, &spot, key, image);
    *outcome = status == COMEM_OK ? STORED : UNFIT;
    return status;
}

/* *stored: whether the key was as it was at `moment`. */
static comem_status store_once(struct participant *me, struct comem_object *dict, const struct key *key,
                               const comem_value *value, struct cell_image packed, const struct dict_moment *moment,
                               bool *stored)
{
    for (;;) {
        struct locked_dict locked;
        struct cell_image image = packed;
        enum outcome outcome = UNFIT;
        comem_status status = value_prepare(me, value, &image);
        if (status != COMEM_OK)
            return status;
        status = dict_lock(me, dict, &locked);
        if (status == COMEM_OK) {
            status = store_locked(me, dict, &locked, key, image, moment, &outcome);
            if (outcome == STORED) {
                *stored = true;
                return object_finish(me);
            }
            lock_release(me, &dict->shared->lock);
        }
        if (!cell_is_plain(image.head))
            value_give_back(me, image);
        if (status == COMEM_OK && outcome == NO_ROOM)
            status = room_for_one(me, dict, key->hash);
        if (status != COMEM_OK || outcome == UNFIT) {
            *stored = false;
            return status;
        }
    }
}

static comem_status store_value(struct participant *me, struct comem_object *dict, const struct key *key,
                                const comem_value *value, struct cell_image image, const struct dict_moment *moment,
                                bool *stored)
{
    comem_status status;
    unsigned tries = heap_first_try(me);
    do {
        status = store_once(me, dict, key, value, image, moment, stored);
    } while (heap_try_again(me, status, &tries));
    if (trash_waiting(me))
        trash_work(me, DICT_WORK);
    return status;
}

/* All but a plain value for a key that is there; apart, so that the way of those stays short. */
static __attribute__((noinline)) comem_status set_other(comem_dict *dict, const struct key *key,
                                                        const comem_value *value)
{
    struct participant *me;
    struct cell_image image;
    bool stored;
    comem_status status = value_pack(&dict->object, value, &image);
    if (status == COMEM_OK)
        status = dict_enter(dict, &me);
    if (status != COMEM_OK)
        return status;
    status = store_value(me, &dict->object, key, value, image, NULL, &stored);
    participant_leave(me);
    return status;
}

/* Finds the number under a key, under the lock. NULL: it is not there, or no number, or has to be looked for at length. */
static inline struct dict_entry *find_number(const struct comem_object *dict, const struct key *key,
                                             struct cell_image *image)
{
    struct dict_reading reading;
    bool found = dict_probe(dict, key, &reading, image) == ATTEMPT_DONE && cell_is_number(image->head);
    return WORD_LIKELY(found) ? reading.entry : NULL;
}

comem_status dict_set(comem_dict *dict, const struct key *key, const comem_value *value)
{
    struct participant *me;
    struct cell_image image, old;
    if (!WORD_LIKELY(cell_pack_number(value, &image)))
        return set_other(dict, key, value);
    comem_status status = dict_enter(dict, &me);
    if (!WORD_LIKELY(status == COMEM_OK))
        return status;
    status = object_lock(me, &dict->object);
    if (WORD_LIKELY(status == COMEM_OK)) {
        struct dict_entry *entry = find_number(&dict->object, key, &old);
        bool same = entry != NULL && old.head == image.head;
        if (WORD_LIKELY(same)) {
            dict_version_passes(dict->object.shared);
            word_publish(&entry->value.body, image.body); /* commit */
        }
        lock_release(me, &dict->object.shared->lock);
        participant_leave(me);
        return WORD_LIKELY(same) ? COMEM_OK : set_other(dict, key, value);
    }
    participant_leave(me);
    return status;
}

/* ---- if nothing has changed ---- */

comem_status dict_replace_if(comem_dict *dict, const struct key *key, const struct dict_moment *moment,
                             const comem_value *value, bool *done)
{
    struct participant *me;
    struct cell_image image = {0, 0};
    *done = false;
    comem_status status = value->kind == COMEM_MISSING ? COMEM_OK : value_pack(&dict->object, value, &image);
    if (status == COMEM_OK)
        status = dict_enter(dict, &me);
    if (status != COMEM_OK)
        return status;
    status = value->kind == COMEM_MISSING ? dict_remove_if(me, &dict->object, key, moment, done)
                                          : store_value(me, &dict->object, key, value, image, moment, done);
    participant_leave(me);
    return status;
}

/* ---- add ---- */

/* Adds to the value of a key that is there; *there says whether. */
static comem_status add_to(struct participant *me, struct comem_object *dict, const struct key *key,
                           const comem_value *amount, comem_value *result, bool *there)
{
    struct locked_dict locked;
    struct dict_spot spot = {.entry = NULL};
    struct cell_image image;
    comem_value value;
    comem_status status = dict_lock(me, dict, &locked);
    if (status != COMEM_OK)
        return status;
    if (locked.table != NULL && !dict_find_locked(me->map, &locked, key, &spot))
        return dict_damaged(me, dict);
    *there = spot.entry != NULL;
    if (*there && cell_is_number(word_load(&spot.entry->value.head)))
        cell_unpack_number(cell_load(&spot.entry->value), &value);
    else
        value = *there ? comem_none() : comem_int(0);
    status = value_sum(&value, amount, result);
    if (status != COMEM_OK || !*there) {
        lock_release(me, &dict->shared->lock);
        return status;
    }
    cell_pack_number(result, &image);
    change_locked(me, dict, spot.entry, image);
    return object_finish(me);
}

/* All but an int added to an int; apart, so that the way of those stays short. */
static __attribute__((noinline)) comem_status add_other(comem_dict *dict, const struct key *key,
                                                        const comem_value *amount, comem_value *result)
{
    struct dict_moment absent = {.entry = 0};
    bool done = false;
    comem_status status = COMEM_OK;
    while (status == COMEM_OK && !done) {
        struct participant *me;
        comem_value total;
        status = dict_enter(dict, &me);
        if (status != COMEM_OK)
            return status;
        status = add_to(me, &dict->object, key, amount, &total, &done);
        participant_leave(me);
        if (status == COMEM_OK && !done)
            status = dict_replace_if(dict, key, &absent, &total, &done);
        if (status == COMEM_OK && done && result != NULL)
            *result = total;
    }
    return status;
}

comem_status dict_add(comem_dict *dict, const struct key *key, const comem_value *amount, comem_value *result)
{
    struct participant *me;
    struct cell_image old;
    int64_t total = 0;
    comem_status status = dict_enter(dict, &me);
    if (!WORD_LIKELY(status == COMEM_OK))
        return status;
    status = object_lock(me, &dict->object);
    bool done = false;
    if (WORD_LIKELY(status == COMEM_OK)) {
        struct dict_entry *entry = find_number(&dict->object, key, &old);
        done = entry != NULL && old.head == COMEM_INT && amount->kind == COMEM_INT &&
               !__builtin_add_overflow((int64_t)old.body, amount->as.integer, &total);
        if (WORD_LIKELY(done)) {
            dict_version_passes(dict->object.shared);
            word_publish(&entry->value.body, (uint64_t)total); /* commit */
        }
        lock_release(me, &dict->object.shared->lock);
    }
    participant_leave(me);
    if (done && result != NULL)
        *result = comem_int(total);
    return WORD_LIKELY(done) || status != COMEM_OK ? status : add_other(dict, key, amount, result);
}

/* ---- clear ---- */

void dict_drop_table(struct participant *me, struct comem_object *dict)
{
    uint64_t table = word_load(&dict->shared->table);
    if (table_offset(table) == 0)
        return;
    dict_version_passes(dict->shared);
    record_add(me, RECORD_TRASH, table_offset(table), 0);
    record_add_watch(me, &dict->shared->table);
    word_publish(&dict->shared->table, table_next(table, 0)); /* commit */
    record_commit(me);
    dict_count_resize(dict);
}

static comem_status clear(struct participant *me, struct comem_object *dict)
{
    comem_status status = object_lock(me, dict);
    if (status != COMEM_OK)
        return status;
    dict_drop_table(me, dict);
    lock_release(me, &dict->shared->lock);
    status = heap_finish(me, 0);
    trash_work(me, CLEAR_WORK);
    return status;
}

comem_status comem_dict_clear(comem_dict *dict)
{
    struct participant *me;
    comem_status status = dict_enter(dict, &me);
    if (status != COMEM_OK)
        return status;
    status = clear(me, &dict->object);
    participant_leave(me);
    return status;
}

/* ---- birth and release ---- */

comem_status dict_new_in(comem_store *store, uint64_t scope, uint32_t flags, comem_dict **dict)
{
    struct comem_object *made;
    if (dict != NULL)
        *dict = NULL;
    if (store == NULL || dict == NULL)
        return store_error(COMEM_INVALID, "the store or the place for the dict is NULL");
    comem_status status = object_new_in(store, OBJECT_DICT, scope, flags, &made);
    if (status == COMEM_OK)
        *dict = (comem_dict *)made;
    return status;
}

comem_status comem_dict_new(comem_store *store, comem_dict **dict)
{
    return dict_new_in(store, 0, 0, dict);
}

void comem_dict_release(comem_dict *dict)
{
    if (dict != NULL)
        object_release(&dict->object);
}
