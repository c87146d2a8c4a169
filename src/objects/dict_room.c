/* dict_room.c - room for keys: growing, splitting, cleaning, compacting, shrinking
 *
 * What is done     A small dict is built anew, larger or smaller. Of a large one a page is split, cleaned of tombstones or merged
 *                  with its neighbour; a segment is added, compacted or dropped. None of it changes what the dict holds, and
 *                  nothing but one page or one segment, and a copy of the table, is written: 200 KiB at ten million keys.
 * Commit           the store of the table word (WATCH); the new table shares all that stays. What it replaces is freed next.
 * Compaction       copies a segment's living entries to a block with an id of its own. Then each position of theirs is moved
 *                  from the old entry to the copy (LOG): readers may meet either, they are the same. The table word commits.
 * Readers          of the old table find it and its pages as they were until the table word has changed, which they look at.
 * A death          before the commit: positions go back, the new blocks are given back; where readers may have met one, the
 *                  table word's count rises first. After it: the old ones are given back.
 * Order            the dict's lock is held throughout; blocks are made and freed under it.
 */
#include "objects/dict_layout.h"

#include <stdlib.h>

#define SLOTS_FIRST 1u
#define LOOSE 8u          /* a small dict that could be this many times smaller is */
#define SMALL_SEGMENTS 8u /* that can be made one: a record can free as many besides */

/* ---- blocks; each is in the record (ALLOC), and zeroed ---- */

static comem_status make_block(struct participant *me, uint64_t size, void **block)
{
    uint64_t offset;
    comem_status status = heap_alloc(me, size, &offset);
    if (status != COMEM_OK)
        return status;
    *block = store_at(me->map, offset, size);
    if (*block == NULL)
        return store_error(COMEM_DAMAGED, "the heap gave a block outside the store");
    word_fill_zero(*block, size);
    return COMEM_OK;
}

static comem_status make_page(struct participant *me, uint64_t words, uint64_t depth, word64 **page)
{
    void *block = NULL;
    comem_status status = make_block(me, words * sizeof(word64), &block);
    if (status != COMEM_OK)
        return status;
    *page = block;
    word_store(&(*page)[1], depth);
    return COMEM_OK;
}

static comem_status make_segment(struct participant *me, uint64_t capacity, struct dict_segment **segment)
{
    void *block = NULL;
    comem_status status = make_block(me, (capacity + 1) * sizeof(struct dict_entry), &block);
    if (status != COMEM_OK)
        return status;
    *segment = block;
    word_store(&(*segment)->capacity, capacity);
    return COMEM_OK;
}

/* A table of another shape with what the old one has, if there is one: a deeper directory repeats its pages, a less deep one has
 * every second. `next` is what dict_look_at_table() would make of it. */
static comem_status make_table(struct participant *me, const struct locked_dict *old, struct dict_shape shape,
                               struct locked_dict *next)
{
    void *block = NULL;
    comem_status status = make_block(me, dict_table_size(shape), &block);
    if (status != COMEM_OK)
        return status;
    *next = *old;
    next->table = block;
    next->shape = shape;
    next->pages = next->table->rest;
    next->slots = dict_slots(next->table, shape.depth);
    word_store(&next->table->header.info, block_info(BLOCK_DICT));
    word_store(&next->table->shape, dict_shape_word(shape));
    for (uint64_t i = 0; old->table != NULL && i < UINT64_C(1) << shape.depth; i++)
        word_store(&next->pages[i],
                   word_load(&old->pages[shape.depth >= old->shape.depth ? i >> (shape.depth - old->shape.depth)
                                                                         : i << (old->shape.depth - shape.depth)]));
    for (uint64_t i = 0; old->table != NULL && i < old->shape.slots; i++) {
        word_store(&next->slots[i].block, word_load(&old->slots[i].block));
        word_store(&next->slots[i].order, word_load(&old->slots[i].order));
    }
    return COMEM_OK;
}

/* ---- commit ---- */

static void record_free(struct participant *me, const void *block)
{
    if (block != NULL)
        record_add(me, RECORD_FREE, store_offset(me->map, block), 0);
}

/* Puts the new table in the place of the old one, and frees that; what else goes stands in the record. */
static comem_status publish(struct participant *me, struct comem_object *dict, struct locked_dict *locked,
                            const struct locked_dict *next)
{
    word_store(&next->table->counts, next->counts);
    word_store(&next->table->ordered, next->ordered);
    record_free(me, locked->table);
    record_add_watch(me, &dict->shared->table);
    word_publish(&dict->shared->table, table_next(locked->table_word, store_offset(me->map, next->table))); /* commit */
    record_commit(me);
    comem_status status = heap_finish(me, 0);
    comem_status sound = dict_look_at_table(me, dict, locked);
    return status == COMEM_OK ? sound : status;
}

/* Gives back what was made. Returns `status`. */
static comem_status give_up(struct participant *me, comem_status status)
{
    heap_abandon(me, 0);
    return status;
}

static comem_status page_damaged(void)
{
    return store_error(COMEM_DAMAGED, "a page of a dict is not what its directory says");
}

/* ---- small dicts ---- */

static bool is_small(const struct locked_dict *locked)
{
    return locked->shape.depth == 0 && locked->ordered == 1;
}

static void plan_small(uint64_t wanted, uint64_t *words, uint64_t *capacity)
{
    *words = DICT_PAGE_FIRST;
    while (*words < DICT_PAGE && dict_page_limit(*words) < wanted)
        *words *= 2;
    *capacity = dict_page_limit(*words) < wanted ? DICT_SEGMENT - 1 : dict_page_limit(*words);
    *capacity = heap_rounded((*capacity + 1) * sizeof(struct dict_entry)) / sizeof(struct dict_entry) - 1;
    if (*capacity > DICT_SEGMENT - 1)
        *capacity = DICT_SEGMENT - 1;
}

static bool can_be_rebuilt(const struct locked_dict *locked)
{
    return locked->table == NULL || (is_small(locked) && (locked->shape.page_words < DICT_PAGE ||
                                                          word_load(&locked->last->capacity) < DICT_SEGMENT - 1));
}

/* False: the page is full, because others were damaged or it is another's, too. */
static bool put_position(word64 *page, uint64_t words, uint64_t position)
{
    uint64_t at = dict_page_start(position, words), head = word_load(page);
    if (dict_page_used(head) >= words - DICT_PAGE_HEAD - 1)
        return false;
    for (uint64_t n = DICT_PAGE_HEAD; n < words && word_load(&page[at]) != DICT_EMPTY; n++)
        at = dict_page_next(at, words);
    if (word_load(&page[at]) != DICT_EMPTY)
        return false;
    word_store(&page[at], position);
    word_store(page, dict_page_head(dict_page_used(head) + 1, 0));
    return true;
}

static void copy_entry(struct dict_entry *to, const struct dict_entry *from)
{
    word_store(&to->hash, word_load(&from->hash));
    word_store(&to->version, word_load(&from->version));
    cell_store(&to->key, cell_load(&from->key));
    cell_store(&to->given, cell_load(&from->given));
    cell_store(&to->value, cell_load(&from->value));
}

/* Copies the living entries of a segment, of `end`; `units` gets the unit of each copy, 0 for the dead. */
static uint64_t copy_living(struct dict_segment *to, uint64_t room, const struct dict_segment *from, uint64_t end,
                            uint16_t *units)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < end; i++) {
        bool living = count < room && word_load(&from->entries[i].key.head) != DICT_DEAD;
        if (living)
            copy_entry(&to->entries[count++], &from->entries[i]);
        units[i] = (uint16_t)(living ? count : 0);
    }
    return count;
}

/* Whether what is left of a large dict, or a small one, has far more room than it needs, and can be built anew. */
static bool is_loose_and_small(const struct locked_dict *locked, uint64_t keys)
{
    uint64_t capacity = word_load(&locked->last->capacity);
    return locked->shape.depth == 0 && locked->ordered <= SMALL_SEGMENTS && capacity > LOOSE && keys * LOOSE < capacity;
}

/* Copies all living entries; the old segments are given up. False: damage. */
static bool copy_segments(struct participant *me, const struct locked_dict *locked, struct dict_segment *to,
                          uint64_t *count)
{
    *count = 0;
    for (uint64_t place = 0; place < locked->ordered; place++) {
        const struct dict_segment *from = dict_segment_of(me->map, locked, word_load(&locked->slots[place].order));
        if (from == NULL)
            return false;
        uint64_t end = place + 1 == locked->ordered ? dict_end(locked->counts) : word_load(&from->end);
        if (end > word_load(&from->capacity))
            return false;
        for (uint64_t i = 0; i < end; i++) {
            if (word_load(&from->entries[i].key.head) == DICT_DEAD)
                continue;
            if (*count == word_load(&to->capacity))
                return false;
            copy_entry(&to->entries[(*count)++], &from->entries[i]);
        }
        record_free(me, from);
    }
    return true;
}

/* Builds a small dict anew, or the first time, for `wanted` keys. */
static comem_status rebuild(struct participant *me, struct comem_object *dict, struct locked_dict *locked,
                            uint64_t wanted)
{
    uint64_t words, capacity, count = 0;
    word64 *page = NULL;
    struct dict_segment *segment = NULL;
    struct locked_dict next;
    plan_small(wanted, &words, &capacity);
    struct dict_shape shape = {0, (uint32_t)words, SLOTS_FIRST};
    comem_status status = make_page(me, words, 0, &page);
    if (status == COMEM_OK)
        status = make_segment(me, capacity, &segment);
    if (status == COMEM_OK)
        status = make_table(me, &(struct locked_dict){.table = NULL}, shape, &next);
    if (status != COMEM_OK)
        return give_up(me, status);
    if (locked->table != NULL && !copy_segments(me, locked, segment, &count))
        return give_up(me, page_damaged());
    for (uint64_t i = 0; i < count; i++)
        if (!put_position(page, words, dict_position(word_load(&segment->entries[i].hash), 0, i + 1)))
            return give_up(me, page_damaged());
    word_store(&next.pages[0], store_offset(me->map, page));
    word_store(&next.slots[0].block, store_offset(me->map, segment));
    next.counts = dict_counts(count, count);
    next.ordered = 1;
    if (locked->table != NULL)
        record_add(me, RECORD_FREE, word_load(&locked->pages[0]), 0);
    return publish(me, dict, locked, &next);
}

/* ---- pages ---- */

/* The directory entries of a page of depth `depth` that has `hash`: from the first one on, how many. */
static uint64_t page_range(const struct locked_dict *locked, uint64_t hash, uint64_t depth, uint64_t *count)
{
    *count = UINT64_C(1) << (locked->shape.depth - depth);
    return dict_directory_index(hash, locked->shape.depth) & ~(*count - 1);
}

static void set_range(struct store_map *map, const struct locked_dict *next, uint64_t first, uint64_t count,
                      const word64 *page)
{
    for (uint64_t i = 0; i < count; i++)
        word_store(&next->pages[first + i], store_offset(map, page));
}

/* Copies the positions in use whose hash has `bit` (if it is not 0) as `set` says. False: there is no room for them. */
static bool copy_positions(word64 *to, const word64 *from, uint64_t words, uint64_t bit, bool set)
{
    for (uint64_t at = DICT_PAGE_HEAD; at < words; at++) {
        uint64_t position = word_load(&from[at]);
        bool wanted = position != DICT_EMPTY && position != DICT_TOMBSTONE && ((position & bit) != 0) == set;
        if (wanted && !put_position(to, words, position))
            return false;
    }
    return true;
}

/* The depth of a page, SIZE_MAX when it is deeper than the directory: damage. */
static uint64_t page_depth(const struct locked_dict *locked, const word64 *page)
{
    uint64_t depth = word_load(&page[1]);
    return depth <= locked->shape.depth ? depth : SIZE_MAX;
}

static comem_status clean(struct participant *me, struct comem_object *dict, struct locked_dict *locked, uint64_t hash)
{
    uint64_t words = locked->shape.page_words, count;
    struct locked_dict next;
    word64 *page = dict_page_of(me->map, locked, hash), *fresh = NULL;
    if (page == NULL || page_depth(locked, page) == SIZE_MAX)
        return page_damaged();
    comem_status status = make_page(me, words, word_load(&page[1]), &fresh);
    if (status == COMEM_OK)
        status = make_table(me, locked, locked->shape, &next);
    if (status != COMEM_OK)
        return give_up(me, status);
    if (!copy_positions(fresh, page, words, 0, false))
        return give_up(me, page_damaged());
    uint64_t first = page_range(&next, hash, word_load(&page[1]), &count);
    set_range(me->map, &next, first, count, fresh);
    record_free(me, page);
    return publish(me, dict, locked, &next);
}

static comem_status split(struct participant *me, struct comem_object *dict, struct locked_dict *locked, uint64_t hash)
{
    uint64_t words = locked->shape.page_words, count;
    struct locked_dict next;
    word64 *page = dict_page_of(me->map, locked, hash), *low = NULL, *high = NULL;
    uint64_t depth = page == NULL ? SIZE_MAX : page_depth(locked, page);
    if (depth == SIZE_MAX)
        return page_damaged();
    struct dict_shape shape = locked->shape;
    shape.depth += depth == shape.depth;
    if (shape.depth > DICT_DEPTH_MAX)
        return store_error(COMEM_NO_MEMORY, "a dict of %llu keys cannot have more",
                           (unsigned long long)dict_keys(locked->counts));
    comem_status status = make_page(me, words, depth + 1, &low);
    if (status == COMEM_OK)
        status = make_page(me, words, depth + 1, &high);
    if (status == COMEM_OK)
        status = make_table(me, locked, shape, &next);
    if (status != COMEM_OK)
        return give_up(me, status);
    uint64_t bit = UINT64_C(1) << (63 - depth);
    if (!copy_positions(low, page, words, bit, false) || !copy_positions(high, page, words, bit, true))
        return give_up(me, page_damaged());
    uint64_t first = page_range(&next, hash, depth, &count);
    set_range(me->map, &next, first, count / 2, low);
    set_range(me->map, &next, first + count / 2, count / 2, high);
    record_free(me, page);
    return publish(me, dict, locked, &next);
}

static uint64_t page_living(const word64 *page)
{
    uint64_t head = word_load(page), used = dict_page_used(head), tombs = dict_page_tombs(head);
    return used > tombs ? used - tombs : 0;
}

/* Whether every page is there twice, so that half of the directory would do. */
static bool directory_is_double(const struct locked_dict *next)
{
    uint64_t count = UINT64_C(1) << next->shape.depth;
    for (uint64_t i = 0; i < count; i += 2)
        if (word_load(&next->pages[i]) != word_load(&next->pages[i + 1]))
            return false;
    return count > 1;
}

/* Makes one page of that of `hash` and its neighbour, if both are empty enough. */
static comem_status merge(struct participant *me, struct comem_object *dict, struct locked_dict *locked, uint64_t hash)
{
    uint64_t words = locked->shape.page_words, count;
    struct locked_dict next;
    word64 *page = dict_page_of(me->map, locked, hash), *fresh = NULL;
    uint64_t depth = page == NULL ? SIZE_MAX : page_depth(locked, page);
    if (depth == SIZE_MAX)
        return page_damaged();
    if (depth == 0)
        return COMEM_OK;
    const word64 *other = dict_page_of(me->map, locked, hash ^ UINT64_C(1) << (64 - depth));
    if (other == NULL || word_load(&other[1]) != depth ||
        page_living(page) + page_living(other) > dict_page_limit(words) / 2)
        return COMEM_OK;
    comem_status status = make_page(me, words, depth - 1, &fresh);
    if (status == COMEM_OK)
        status = make_table(me, locked, locked->shape, &next);
    if (status != COMEM_OK)
        return give_up(me, status);
    if (!copy_positions(fresh, page, words, 0, false) || !copy_positions(fresh, other, words, 0, false))
        return give_up(me, page_damaged());
    uint64_t first = page_range(&next, hash, depth - 1, &count);
    set_range(me->map, &next, first, count, fresh);
    record_free(me, page);
    record_free(me, other);
    return publish(me, dict, locked, &next);
}

/* Halves the directory as often as that can be done. */
static comem_status halve(struct participant *me, struct comem_object *dict, struct locked_dict *locked)
{
    comem_status status = COMEM_OK;
    while (status == COMEM_OK && locked->table != NULL && directory_is_double(locked)) {
        struct locked_dict next;
        struct dict_shape shape = locked->shape;
        shape.depth--;
        status = make_table(me, locked, shape, &next);
        status = status == COMEM_OK ? publish(me, dict, locked, &next) : give_up(me, status);
    }
    return status;
}

/* ---- segments ---- */

/* Sees to it that an id is free and the order has a place to spare. */
static comem_status free_id(struct participant *me, struct comem_object *dict, struct locked_dict *locked, uint64_t *id)
{
    struct locked_dict next;
    for (*id = 0; *id < locked->shape.slots; ++*id)
        if (word_load(&locked->slots[*id].block) == 0 && locked->ordered < locked->shape.slots)
            return COMEM_OK;
    struct dict_shape shape = locked->shape;
    shape.slots += shape.slots / 2 + 1;
    *id = locked->shape.slots;
    if (shape.slots > DICT_IDS_MAX)
        return store_error(COMEM_NO_MEMORY, "a dict of %llu segments cannot have more",
                           (unsigned long long)locked->ordered);
    comem_status status = make_table(me, locked, shape, &next);
    return status == COMEM_OK ? publish(me, dict, locked, &next) : give_up(me, status);
}

static comem_status add_segment(struct participant *me, struct comem_object *dict, struct locked_dict *locked)
{
    uint64_t id;
    struct dict_segment *segment = NULL;
    struct locked_dict next;
    comem_status status = free_id(me, dict, locked, &id);
    if (status != COMEM_OK)
        return status;
    status = make_segment(me, DICT_SEGMENT - 1, &segment);
    if (status == COMEM_OK)
        status = make_table(me, locked, locked->shape, &next);
    if (status != COMEM_OK)
        return give_up(me, status);
    word_store(&locked->last->end, dict_end(locked->counts)); /* says nothing as long as it is the last */
    word_store(&next.slots[id].block, store_offset(me->map, segment));
    word_store(&next.slots[next.ordered++].order, id);
    next.counts = dict_counts(dict_keys(locked->counts), 0);
    return publish(me, dict, locked, &next);
}

/* Takes the segment at `place`, which has no living entry, out of the new table. */
static void drop_place(struct locked_dict *next, uint64_t place)
{
    uint64_t id = word_load(&next->slots[place].order);
    if (id < next->shape.slots) /* else damage: the table's block is another's, too */
        word_store(&next->slots[id].block, 0);
    for (uint64_t i = place; i + 1 < next->ordered; i++)
        word_store(&next->slots[i].order, word_load(&next->slots[i + 1].order));
    next->ordered--;
}

comem_status dict_drop_empty_tail(struct participant *me, struct comem_object *dict, struct locked_dict *locked)
{
    comem_status status = COMEM_OK;
    while (status == COMEM_OK && locked->ordered > 1 && dict_end(locked->counts) == 0) {
        struct locked_dict next;
        uint64_t place = locked->ordered - 1;
        const struct dict_segment *before =
            dict_segment_of(me->map, locked, word_load(&locked->slots[place - 1].order));
        if (before == NULL)
            return page_damaged();
        status = make_table(me, locked, locked->shape, &next);
        if (status != COMEM_OK)
            return give_up(me, status);
        drop_place(&next, place);
        next.counts = dict_counts(dict_keys(locked->counts), word_load(&before->end));
        record_free(me, locked->last);
        status = publish(me, dict, locked, &next);
    }
    return status;
}

/* A segment on its way to another block. */
struct move {
    struct dict_segment *from, *to; /* `to` NULL: nothing in it lives */
    uint64_t place, end, old_id, new_id;
    uint16_t units[DICT_SEGMENT]; /* where the entries of `from` are in `to`; 0 for the dead */
    struct record_entry *log;
    uint64_t logged;
};

/* Writes down the positions that will move, each as it is. */
static void log_positions(struct store_map *map, const struct locked_dict *locked, struct move *move)
{
    move->logged = 0;
    for (uint64_t i = 0; i < move->end; i++) {
        struct dict_spot spot = {.entry = &move->from->entries[i], .number = move->old_id << DICT_INDEX_BITS | (i + 1)};
        if (!dict_find_position(map, locked, &spot))
            continue; /* of a dead entry most often */
        word64 *position = &spot.page[spot.at];
        struct record_entry *entry = &move->log[move->logged++];
        word_store(&entry->what, (uint64_t)RECORD_WORD << 56 | store_offset(map, position));
        word_store(&entry->argument, word_load(position));
    }
}

static void move_positions(struct store_map *map, const struct move *move)
{
    for (uint64_t i = 0; i < move->logged; i++) {
        uint64_t was = word_load(&move->log[i].argument), number = dict_number_unit(was);
        word64 *position = store_at(map, word_load(&move->log[i].what) & RECORD_OFFSET_MASK, sizeof *position);
        if (number == 0 || number > move->end || position == NULL)
            continue; /* damage: the log's block is another's, too */
        uint64_t unit = move->units[number - 1];
        word_publish(position, unit == 0 ? DICT_TOMBSTONE : dict_position(was, move->new_id, unit));
    }
}

/* Makes all that the move needs: the copy, the new table, the log. */
static comem_status prepare_move(struct participant *me, const struct locked_dict *locked, struct move *move,
                                 uint64_t living, struct locked_dict *next)
{
    void *log = NULL;
    bool last = move->place + 1 == locked->ordered;
    comem_status status = COMEM_OK;
    if (living > 0)
        status = make_segment(me, last ? DICT_SEGMENT - 1 : living, &move->to);
    if (status == COMEM_OK)
        status = make_table(me, locked, locked->shape, next);
    if (status == COMEM_OK)
        status = make_block(me, (move->end + 1) * sizeof(struct record_entry), &log);
    if (status != COMEM_OK)
        return status;
    move->log = log;
    if (living > 0) {
        copy_living(move->to, living, move->from, move->end, move->units);
        word_store(&move->to->end, living);
        word_store(&next->slots[move->new_id].block, store_offset(me->map, move->to));
        word_store(&next->slots[move->place].order, move->new_id);
        word_store(&next->slots[move->old_id].block, 0);
        next->counts = last ? dict_counts(dict_keys(locked->counts), living) : locked->counts;
    } else {
        memset(move->units, 0, sizeof move->units); /* private: the caller's */
        drop_place(next, move->place);
    }
    log_positions(me->map, locked, move);
    return COMEM_OK;
}

/* Gives the living entries of the segment at `place` a block that fits. The last segment always has one. */
static comem_status compact(struct participant *me, struct comem_object *dict, struct locked_dict *locked,
                            struct move *move, uint64_t place)
{
    struct locked_dict next;
    comem_status status = free_id(me, dict, locked, &move->new_id);
    if (status != COMEM_OK)
        return status;
    *move = (struct move){.place = place, .new_id = move->new_id};
    if (place + 1 == locked->ordered)
        dict_trim(me, locked);
    move->old_id = word_load(&locked->slots[place].order);
    move->from = dict_segment_of(me->map, locked, move->old_id);
    if (move->from == NULL)
        return page_damaged();
    move->end = place + 1 == locked->ordered ? dict_end(locked->counts) : word_load(&move->from->end);
    uint64_t dead = word_load(&move->from->dead), living = 0;
    if (move->end > word_load(&move->from->capacity) || dead > move->end)
        return page_damaged();
    for (uint64_t i = 0; i < move->end; i++)
        living += word_load(&move->from->entries[i].key.head) != DICT_DEAD;
    if (living == 0 && place + 1 == locked->ordered)
        return COMEM_OK;
    status = prepare_move(me, locked, move, living, &next);
    if (status != COMEM_OK)
        return give_up(me, status);
    record_free(me, move->from);
    record_free(me, move->log);
    record_add(me, RECORD_WORD, store_offset(me->map, &dict->shared->table),
               table_next(locked->table_word, table_offset(locked->table_word)));
    if (living > 0)
        record_add_word(me, &locked->slots[move->new_id].block);
    record_add(me, RECORD_LOG, store_offset(me->map, move->log), move->logged);
    if (living > 0)
        word_publish(&locked->slots[move->new_id].block, store_offset(me->map, move->to));
    move_positions(me->map, move);
    return publish(me, dict, locked, &next);
}

static comem_status compact_place(struct participant *me, struct comem_object *dict, struct locked_dict *locked,
                                  uint64_t place)
{
    struct move *move = malloc(sizeof *move);
    if (move == NULL)
        return store_error(COMEM_NO_MEMORY, "malloc of %zu bytes failed", sizeof *move);
    comem_status status = compact(me, dict, locked, move, place);
    free(move);
    return status;
}

/* ---- room ---- */

static comem_status room_in_page(struct participant *me, struct comem_object *dict, struct locked_dict *locked,
                                 uint64_t hash, uint64_t count, bool *enough)
{
    const word64 *page = dict_page_of(me->map, locked, hash);
    uint64_t limit = dict_page_limit(locked->shape.page_words);
    if (page == NULL)
        return page_damaged();
    *enough = dict_page_used(word_load(page)) + count <= limit;
    if (*enough)
        return COMEM_OK;
    return page_living(page) + count <= limit - limit / 4 ? clean(me, dict, locked, hash)
                                                          : split(me, dict, locked, hash);
}

comem_status dict_room(struct participant *me, struct comem_object *dict, struct locked_dict *locked, uint64_t hash)
{
    bool enough = false;
    comem_status status = COMEM_OK;
    while (status == COMEM_OK && !enough) {
        uint64_t keys = dict_keys(locked->counts),
                 capacity = locked->table == NULL ? 0 : word_load(&locked->last->capacity);
        bool full = dict_end(locked->counts) == capacity;
        const word64 *page = locked->table == NULL ? NULL : dict_page_of(me->map, locked, hash);
        if (can_be_rebuilt(locked) &&
            (full || page == NULL || dict_page_used(word_load(page)) >= dict_page_limit(locked->shape.page_words)))
            status = rebuild(me, dict, locked, keys + keys / 3 + 1);
        else if (full && word_load(&locked->last->dead) >= capacity / 4)
            status = compact_place(me, dict, locked, locked->ordered - 1);
        else if (full)
            status = add_segment(me, dict, locked);
        else
            status = room_in_page(me, dict, locked, hash, 1, &enough);
    }
    return status;
}

uint64_t dict_together(const uint64_t *hashes, uint64_t count, const word64 *page, const struct locked_dict *locked)
{
    uint64_t depth = page == NULL ? SIZE_MAX : page_depth(locked, page), n = 1;
    if (depth == SIZE_MAX)
        return 0;
    uint64_t first = dict_directory_index(hashes[0], (uint32_t)depth);
    while (n < count && dict_directory_index(hashes[n], (uint32_t)depth) == first)
        n++;
    return n;
}

comem_status dict_room_for_many(struct participant *me, struct comem_object *dict, struct locked_dict *locked,
                                const uint64_t *hashes, uint64_t count)
{
    comem_status status = COMEM_OK;
    uint64_t wanted = dict_keys(locked->counts) + count;
    if (can_be_rebuilt(locked) && count > 0)
        status = rebuild(me, dict, locked, wanted);
    for (uint64_t i = 0; status == COMEM_OK && i < count;) {
        const word64 *page = dict_page_of(me->map, locked, hashes[i]);
        uint64_t together = dict_together(&hashes[i], count - i, page, locked);
        bool enough = false;
        if (together == 0)
            return page_damaged();
        status = room_in_page(me, dict, locked, hashes[i], together, &enough);
        i += enough ? together : 0;
    }
    if (status != COMEM_OK || count == 0)
        return status;
    uint64_t room = word_load(&locked->last->capacity) - dict_end(locked->counts);
    for (; status == COMEM_OK && room < count; room += DICT_SEGMENT - 1)
        status = add_segment(me, dict, locked);
    return status;
}

/* ---- less room ---- */

bool dict_is_loose(const struct locked_dict *locked, const word64 *page, const struct dict_segment *segment)
{
    uint64_t keys = dict_keys(locked->counts) - 1, capacity = word_load(&segment->capacity);
    if (is_small(locked) || is_loose_and_small(locked, keys))
        return is_loose_and_small(locked, keys);
    return word_load(&segment->dead) * 2 > capacity ||
           (word_load(&page[1]) > 0 && page_living(page) * 4 < dict_page_limit(locked->shape.page_words));
}

static comem_status tighten(struct participant *me, struct comem_object *dict, struct locked_dict *locked,
                            uint64_t hash, uint64_t number)
{
    comem_status status = COMEM_OK;
    uint64_t id = dict_number_id(number);
    const struct dict_segment *segment = dict_segment_of(me->map, locked, id);
    if (!is_small(locked) && segment != NULL && word_load(&segment->dead) * 2 > word_load(&segment->capacity))
        for (uint64_t place = 0; status == COMEM_OK && place < locked->ordered; place++)
            if (word_load(&locked->slots[place].order) == id) {
                status = compact_place(me, dict, locked, place);
                break;
            }
    const word64 *page = status == COMEM_OK ? dict_page_of(me->map, locked, hash) : NULL;
    if (page != NULL && page_living(page) * 4 < dict_page_limit(locked->shape.page_words))
        status = merge(me, dict, locked, hash);
    if (status == COMEM_OK)
        status = halve(me, dict, locked);
    uint64_t keys = dict_keys(locked->counts);
    if (status == COMEM_OK && is_loose_and_small(locked, keys))
        status = rebuild(me, dict, locked, keys * 2 + 1);
    return status;
}

void dict_tighten(struct participant *me, struct comem_object *dict, uint64_t hash, uint64_t number)
{
    struct locked_dict locked;
    if (dict_lock(me, dict, &locked) != COMEM_OK)
        return;
    if (locked.table != NULL)
        (void)tighten(me, dict, &locked, hash, number); /* when there is no memory to save some, it stays as it is */
    lock_release(me, &dict->shared->lock);
}
