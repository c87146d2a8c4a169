/* dict_update.c - many keys at once, all of them or none
 *
 * Order        room first: the dict is locked, pages are split and segments added for all keys that are new, and it is let go
 *              again. Then values and long keys are made, hanging from a table aside (HOLD; list_values.c). Then the dict is
 *              locked for good; if others took the room meanwhile, all starts again.
 * Aside        two tables: `new` has what goes in; `old` takes what comes out, and long keys that were there already. Before the
 *              commit the cells of `new` are its own and those of `old` are not (BUILD, as shell), after it the other way
 *              round (TRASH).
 * Log          each word is written down before it is changed, in a block that has room for all (LOG): of an entry that is there
 *              its version and value, of one that is new its version, its key (as dead), its position and the head of its
 *              page, and the ends of segments that are filled. All versions are odd until the commit.
 * Commit       the store of `counts` (WATCH) if keys were added, else of COMMITTED.
 * A death      before the commit: every word as it was, what was made goes. After it: versions even, what came out goes.
 * Cost         100 ns a pair; 64 bytes a pair of the store besides, until it is done.
 */
#include "objects/dict_layout.h"
#include "objects/list_change.h"

#include <stdlib.h>

#define LOG_OF_PAIR 4u  /* words of the log that a pair needs at most, */
#define UPDATE_WORK 64u /* pairs for which one step of trash is freed; a step frees 256 values */
#define MANY_PAIRS (UINT64_C(1) << 31)

/* The pairs, in private memory. */
struct update {
    const struct key *keys;
    const comem_value *values;
    size_t count;
    comem_value *made; /* the values, then the texts of keys that need a block */
    size_t *texts;     /* of each pair: where in `made` its key's text and its given form are; 0: nowhere */
    size_t made_count;
    uint64_t *hashes; /* of the keys that are new, in rising order */
    uint64_t new_count;
    uint64_t old_count; /* cells that may come out */
    uint64_t segments;  /* that will be filled */
};

struct place {
    uint64_t place, end; /* in the order; entries in use */
    struct dict_segment *segment;
};

/* An update while the dict is locked for good. */
struct change {
    struct participant *me;
    struct comem_object *dict;
    struct locked_dict *locked;
    struct list_values *cells;
    struct list_table *old; /* NULL: nothing comes out that has something behind it */
    struct record_entry *log;
    uint64_t logged, log_room;
    word64 *logged_at; /* the argument of the record's LOG */
    struct place fill;
    uint64_t added;
};

/* ---- before the lock ---- */

/* Whether all objects that a value refers to are of the store. */
static comem_status check_store(const struct store_map *map, const comem_value *value)
{
    uint64_t count = 1;
    struct comem_object *const *objects =
        value->kind == COMEM_REF ? &value->as.object : cell_held_objects(value, &count);
    for (uint64_t i = 0; objects != NULL && i < count; i++)
        if (objects[i] != NULL && objects[i]->map != map)
            return object_foreign(objects[i]);
    return COMEM_OK;
}

static comem_status list_texts(const struct comem_object *dict, struct update *update)
{
    size_t made = update->count;
    for (size_t i = 0; i < update->count; i++) {
        const struct key *key = &update->keys[i];
        update->made[i] = update->values[i];
        update->texts[2 * i] = update->texts[2 * i + 1] = 0;
        if (cell_is_far(key->image.head)) {
            update->texts[2 * i] = made;
            update->made[made++] = comem_bytes(key->bytes, key->size);
        }
        if (key->given != NULL) {
            update->texts[2 * i + 1] = made;
            update->made[made++] = *key->given;
        }
    }
    update->made_count = made;
    bool plain;
    comem_status status = list_values_check(dict, update->made, made, &plain);
    for (size_t i = 0; i < update->count && status == COMEM_OK; i++)
        status = check_store(dict->map, &update->values[i]); /* known before room is made */
    return status;
}

static void close_update(struct update *update)
{
    free(update->made);
    free(update->texts);
    free(update->hashes);
}

static comem_status open_update(const struct comem_object *dict, struct update *update)
{
    size_t count = update->count;
    if (count > MANY_PAIRS)
        return store_error(COMEM_NO_MEMORY, "%zu pairs are more than a dict may have", count);
    update->made = malloc(3 * count * sizeof *update->made);
    update->texts = malloc(2 * count * sizeof *update->texts);
    update->hashes = malloc(count * sizeof *update->hashes);
    comem_status status = COMEM_OK;
    if (update->made == NULL || update->texts == NULL || update->hashes == NULL)
        status = store_error(COMEM_NO_MEMORY, "malloc for %zu pairs failed", count);
    if (status == COMEM_OK)
        status = list_texts(dict, update);
    if (status != COMEM_OK)
        close_update(update);
    return status;
}

static int compare_hashes(const void *one, const void *other)
{
    uint64_t left = *(const uint64_t *)one, right = *(const uint64_t *)other;
    return (left > right) - (left < right);
}

/* ---- under the lock: what there is, and room ---- */

/* Learns which keys are new, and how many cells may come out. False: damage. */
static bool classify(struct store_map *map, const struct locked_dict *locked, struct update *update)
{
    update->new_count = update->old_count = 0;
    for (size_t i = 0; i < update->count; i++) {
        struct dict_spot spot = {.entry = NULL};
        if (locked->table != NULL && !dict_find_locked(map, locked, &update->keys[i], &spot))
            return false;
        if (spot.entry == NULL)
            update->hashes[update->new_count++] = update->keys[i].hash;
        else
            update->old_count += !cell_is_plain(word_load(&spot.entry->value.head));
    }
    qsort(update->hashes, update->new_count, sizeof *update->hashes, compare_hashes);
    uint64_t distinct = 0;
    for (uint64_t i = 0; i < update->new_count; i++) /* a key that comes twice is added once */
        if (i == 0 || update->hashes[i] != update->hashes[i - 1])
            update->hashes[distinct++] = update->hashes[i];
    update->new_count = distinct;
    return true;
}

static bool find_place(struct store_map *map, const struct locked_dict *locked, uint64_t number, struct place *place)
{
    place->place = number;
    place->segment = dict_segment_of(map, locked, word_load(&locked->slots[number].order));
    if (place->segment == NULL)
        return false;
    place->end = number + 1 == locked->ordered ? dict_end(locked->counts) : word_load(&place->segment->end);
    return place->end <= word_load(&place->segment->capacity);
}

/* The first segment of those at the end that new entries can go to without getting before old ones. False: damage. */
static bool find_fill(struct store_map *map, const struct locked_dict *locked, struct place *fill)
{
    uint64_t number = locked->ordered - 1;
    while (find_place(map, locked, number, fill) && fill->end == 0 && number > 0)
        number--;
    return fill->segment != NULL && fill->end <= word_load(&fill->segment->capacity);
}

/* Whether there is room for all new keys; `segments` is how many segments they take. */
static bool has_room(struct store_map *map, const struct locked_dict *locked, struct update *update)
{
    struct place place;
    uint64_t room = 0, i = 0;
    update->segments = 0;
    if (update->new_count == 0)
        return true;
    if (locked->table == NULL || !find_fill(map, locked, &place))
        return false;
    for (uint64_t number = place.place; room < update->new_count && number < locked->ordered; number++) {
        if (!find_place(map, locked, number, &place))
            return false;
        room += word_load(&place.segment->capacity) - place.end;
        update->segments++;
    }
    while (i < update->new_count) {
        const word64 *page = dict_page_of(map, locked, update->hashes[i]);
        uint64_t together = dict_together(&update->hashes[i], update->new_count - i, page, locked);
        if (together == 0 || dict_page_used(word_load(page)) + together > dict_page_limit(locked->shape.page_words))
            return false;
        i += together;
    }
    return room >= update->new_count;
}

static comem_status make_room(struct participant *me, struct comem_object *dict, struct update *update)
{
    struct locked_dict locked;
    comem_status status = dict_lock(me, dict, &locked);
    if (status != COMEM_OK)
        return status;
    if (!classify(me->map, &locked, update))
        return dict_damaged(me, dict);
    if (!has_room(me->map, &locked, update)) {
        status = dict_room_for_many(me, dict, &locked, update->hashes, update->new_count);
        if (status != COMEM_OK)
            (void)dict_drop_empty_tail(me, dict, &locked);
    }
    lock_release(me, &dict->shared->lock);
    return status;
}

/* ---- the change ---- */

static void log_add(struct change *change, enum record_kind kind, word64 *word, uint64_t argument)
{
    struct record_entry *entry = &change->log[change->logged++];
    word_store(&entry->what, (uint64_t)kind << 56 | store_offset(change->me->map, word));
    word_store(&entry->argument, argument);
    word_order();
    word_store(change->logged_at, change->logged);
    word_order();
}

static void log_word(struct change *change, word64 *word)
{
    log_add(change, RECORD_WORD, word, word_load(word));
}

static void log_open_version(struct change *change, word64 *version)
{
    if (word_load(version) % 2 != 0)
        return; /* a key that was met before */
    log_add(change, RECORD_VERSION, version, 0);
    word_store(version, word_load(version) + 1);
    word_fence_release();
}

/* Keeps a cell that comes out, or that is not needed. */
static void take_out(struct change *change, struct cell_image image)
{
    struct list_entry *entry;
    if (cell_is_plain(image.head))
        return;
    uint64_t length = word_load(&change->old->length);
    struct cell *cell = list_locked_cell(change->me->map, store_offset(change->me->map, change->old), length, &entry);
    if (cell == NULL)
        return; /* damage: what it names leaks */
    cell_store(cell, image);
    word_store(&change->old->length, length + 1);
}

/* The cell of what stands at `index` in `made`, and none for 0. */
static struct cell_image made_cell(const struct change *change, size_t index)
{
    return index == 0 ? (struct cell_image){DICT_NOT_GIVEN, 0} : change->cells->images[index];
}

static void change_value(struct change *change, const struct update *update, size_t pair, struct dict_entry *entry)
{
    log_open_version(change, &entry->version);
    log_word(change, &entry->value.head);
    log_word(change, &entry->value.body);
    take_out(change, cell_load(&entry->value));
    take_out(change, made_cell(change, update->texts[2 * pair]));
    take_out(change, made_cell(change, update->texts[2 * pair + 1]));
    cell_store(&entry->value, change->cells->images[pair]);
}

/* Goes on to the next segment when one is full. */
static bool advance_fill(struct change *change)
{
    struct place *fill = &change->fill;
    while (fill->end == word_load(&fill->segment->capacity)) {
        if (fill->place + 1 == change->locked->ordered)
            return false;
        if (change->logged + LOG_OF_PAIR >= change->log_room) /* damage: the segments are others than has_room() met */
            return false;
        if (word_load(&fill->segment->end) != fill->end) {
            log_word(change, &fill->segment->end);
            word_store(&fill->segment->end, fill->end);
        }
        if (!find_place(change->me->map, change->locked, fill->place + 1, fill))
            return false;
    }
    return true;
}

static bool add_key(struct change *change, const struct update *update, size_t pair, const struct dict_spot *spot)
{
    const struct key *key = &update->keys[pair];
    if (!advance_fill(change))
        return false;
    uint64_t id = word_load(&change->locked->slots[change->fill.place].order), head = word_load(spot->page);
    struct dict_entry *entry = &change->fill.segment->entries[change->fill.end];
    bool empty = word_load(&spot->page[spot->at]) == DICT_EMPTY;
    log_open_version(change, &entry->version);
    log_add(change, RECORD_WORD, &entry->key.head, DICT_DEAD); /* as in dict.c */
    word_store(&entry->hash, key->hash);
    cell_store(&entry->key, cell_is_far(key->image.head)
                                ? (struct cell_image){key->image.head, made_cell(change, update->texts[2 * pair]).body}
                                : key->image);
    cell_store(&entry->given, made_cell(change, update->texts[2 * pair + 1]));
    cell_store(&entry->value, change->cells->images[pair]);
    log_word(change, spot->page);
    log_word(change, &spot->page[spot->at]);
    word_store(spot->page, dict_page_with_one_more(head, empty));
    word_publish(&spot->page[spot->at], dict_position(key->hash, id, change->fill.end + 1));
    change->fill.end++;
    change->added++;
    return true;
}

static bool change_all(struct change *change, const struct update *update)
{
    for (size_t i = 0; i < update->count; i++) {
        struct dict_spot spot;
        if (!dict_find_locked(change->me->map, change->locked, &update->keys[i], &spot))
            return false;
        if (spot.entry == NULL && change->added == update->new_count) /* damage: it was there before */
            return false;
        if (spot.entry != NULL)
            change_value(change, update, i, spot.entry);
        else if (spot.at == 0 || !add_key(change, update, i, &spot))
            return false;
    }
    return true;
}

/* The last segment's end is said by `counts`, another one's by its own head. */
static void commit(struct change *change)
{
    struct participant *me = change->me;
    struct locked_dict *locked = change->locked;
    uint64_t end = dict_end(locked->counts);
    if (change->added > 0) {
        if (change->fill.place + 1 == locked->ordered) {
            end = change->fill.end;
        } else if (word_load(&change->fill.segment->end) != change->fill.end) {
            log_word(change, &change->fill.segment->end);
            word_store(&change->fill.segment->end, change->fill.end);
        }
        record_add_watch(me, &locked->table->counts);
        word_publish(&locked->table->counts, dict_counts(dict_keys(locked->counts) + change->added, end)); /* commit */
    }
    record_commit(me); /* commit, if no key was added */
    for (uint64_t i = 0; i < change->logged; i++) {
        uint64_t what = word_load(&change->log[i].what);
        word64 *version = store_at(me->map, what & RECORD_OFFSET_MASK, sizeof *version);
        if (record_kind(what) == RECORD_VERSION && version != NULL)
            word_publish(version, word_load(version) + 1);
    }
}

/* Makes the table for what comes out and the log; the record then has them behind what it had. */
static comem_status prepare(struct change *change, const struct update *update, uint32_t keep, uint64_t *log)
{
    struct participant *me = change->me;
    uint64_t cells = update->old_count, texts = 0;
    for (size_t i = 0; i < change->cells->count; i++)
        texts +=
            !cell_is_plain(change->cells->images[i].head); /* of a key that comes twice, a value may come out, too */
    cells += texts;
    comem_status status = COMEM_OK;
    if (cells > 0)
        status = list_table_aside(me, keep, RECORD_BUILD, BLOCK_SHELL, list_blocks(cells), &change->old);
    for (uint64_t left = cells; status == COMEM_OK && left > 0; left -= left < LIST_BLOCK ? left : LIST_BLOCK)
        status = list_build_block(me, keep + 1, change->old, left);
    uint64_t words = LOG_OF_PAIR * update->count + update->segments + 1;
    return status == COMEM_OK ? heap_alloc(me, words * sizeof(struct record_entry), log) : status;
}

/* Stores all pairs; the dict is locked and has room. On COMEM_OK the lock is gone; otherwise it is held, and the record is as
 * before. */
static comem_status store_pairs(struct change *change, const struct update *update)
{
    struct participant *me = change->me;
    uint32_t keep = me->record_end - me->record_base, count;
    uint64_t log = 0;
    comem_status status = prepare(change, update, keep, &log);
    if (status == COMEM_OK && update->new_count > 0 && !find_fill(me->map, change->locked, &change->fill))
        status = store_error(COMEM_DAMAGED, "a dict has a segment that is none");
    if (status != COMEM_OK) {
        heap_abandon(me, keep);
        return status;
    }
    struct record_line lines[8];
    count = list_values_lines(me->map, change->cells, lines);
    if (change->old != NULL) {
        uint64_t old = store_offset(me->map, change->old);
        lines[count++] = (struct record_line){RECORD_BUILD, old, BLOCK_SHELL};
        lines[count++] = (struct record_line){RECORD_TRASH, old, 0};
    }
    uint64_t pages = word_load(&me->slot->record.entries[me->record_end - 1].argument); /* of the log's ALLOC */
    lines[count++] = (struct record_line){RECORD_ALLOC, log, pages};
    lines[count++] = (struct record_line){RECORD_FREE, log, 0};
    record_replace(me, 0, lines, count);
    uint32_t version =
        record_open_version(me, &change->dict->shared->version); /* in front of LOG: repair evens it last */
    uint32_t logged = me->record_end;
    record_add(me, RECORD_LOG, log, 0);
    change->log = (struct record_entry *)(me->map->base + log);
    change->log_room = LOG_OF_PAIR * update->count + update->segments + 1;
    change->logged_at = &me->slot->record.entries[logged].argument;
    if (!change_all(change, update)) {
        repair_rollback(me);         /* gives back all that was made, too; the lock is still ours */
        change->cells->aside = NULL; /* private: the caller's */
        return store_error(COMEM_DAMAGED, "a dict names memory outside the store");
    }
    commit(change);
    word_store(&me->slot->record.entries[logged].what, 0); /* before the lock goes: its words may be others' then */
    word_order();
    record_close_version(me, &change->dict->shared->version, version);
    if (change->added > 0)
        dict_count_resize(change->dict);
    lock_release(me, &change->dict->shared->lock);
    return COMEM_OK;
}

static comem_status update_once(struct participant *me, struct comem_object *dict, struct update *update, bool *done)
{
    struct list_values cells;
    struct locked_dict locked;
    struct change change = {.me = me, .dict = dict, .locked = &locked, .cells = &cells};
    comem_status status = make_room(me, dict, update);
    if (status == COMEM_OK)
        status = list_values_open(me, update->made, update->made_count, 1, &cells);
    if (status != COMEM_OK)
        return status;
    status = dict_lock(me, dict, &locked);
    if (status == COMEM_OK) {
        bool sound = classify(me->map, &locked, update);
        if (!sound)
            status = store_error(COMEM_DAMAGED, "a dict names memory outside the store");
        else if (has_room(me->map, &locked, update))
            status = store_pairs(&change, update);
        *done = sound && status == COMEM_OK && !lock_held(me);
        if (lock_held(me))
            lock_release(me, &dict->shared->lock);
    }
    if (*done)
        status = heap_finish(me, 0);
    else
        list_values_give_back(me, &cells);
    list_values_close(&cells);
    return status;
}

/* Gives up room that was made for pairs that are not stored. */
static void drop_room(struct participant *me, struct comem_object *dict)
{
    struct locked_dict locked;
    if (dict_lock(me, dict, &locked) != COMEM_OK)
        return;
    (void)dict_drop_empty_tail(me, dict, &locked);
    if (dict_keys(locked.counts) == 0)
        dict_drop_table(me, dict);
    lock_release(me, &dict->shared->lock);
    (void)heap_finish(me, 0);
}

comem_status dict_update(comem_dict *dict, const struct key *keys, const comem_value *values, size_t count)
{
    struct update update = {.keys = keys, .values = values, .count = count};
    struct participant *me;
    if (count == 1)
        return dict_set(dict, keys, values);
    comem_status status = count == 0 ? COMEM_OK : open_update(&dict->object, &update);
    if (status == COMEM_OK && (status = dict_enter(dict, &me)) != COMEM_OK)
        close_update(&update);
    if (status != COMEM_OK)
        return status;
    bool done = count == 0;
    if (done && !object_ok(&dict->object))
        status = object_gone(&dict->object);
    while (status == COMEM_OK && !done) {
        unsigned tries = heap_first_try(me);
        do {
            status = update_once(me, &dict->object, &update, &done);
        } while (heap_try_again(me, status, &tries));
    }
    if (status != COMEM_OK)
        drop_room(me, &dict->object);
    trash_work(me, 2 + (unsigned)(count / UPDATE_WORK));
    participant_leave(me);
    close_update(&update);
    return status;
}
