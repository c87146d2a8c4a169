/* dict_reap.c - freeing what dicts gave up: a table in the trash, with its entries, segments and pages
 *
 * A step costs as much as 256 values that have something behind them. Entries go first, from the last one on: `counts` says
 * how far that has come, and moves in the same operation that frees; a segment goes with its first entry, and `ordered` with
 * it. Then the pages, of which `reaped` says how many directory entries are done with, then the table.
 *
 * A death      in a step: repair puts the table back into the trash (HOLD), and the next step goes on.
 */
#include "objects/dict_layout.h"

#define FREE_BATCH 9u    /* of a record's entries, besides HOLD and the words; an entry needs at most three */
#define REAP_FAR 256u    /* far values and references freed in a step */
#define REAP_ENTRIES 32u /* plain entries that cost as much as one of these */

/* Frees what the entries before `end` have, as many as one operation can; stops at one with a reference. Returns the end left. */
static uint64_t reap_batch(struct participant *me, struct dict_table *table, const struct dict_segment *segment,
                           uint64_t end)
{
    unsigned frees = 0;
    record_add_word(me, &table->counts);
    for (unsigned i = 0; end > 0 && i < REAP_ENTRIES && frees + 3 <= FREE_BATCH; i++, end--) {
        const struct dict_entry *entry = &segment->entries[end - 1];
        struct cell_image key = cell_load(&entry->key), value = cell_load(&entry->value);
        uint32_t before = me->record_end;
        if (key.head == DICT_DEAD)
            continue;
        if (cell_is_ref(value.head))
            break;
        value_record_give_up(me, key);
        value_record_give_up(me, cell_load(&entry->given));
        value_record_give_up(me, value);
        frees += me->record_end - before;
    }
    word_store(&table->counts, dict_counts(0, end));
    record_commit(me);
    heap_finish(me, 1);
    return end;
}

/* Entries of one segment, from `end` down, as many as a step may cost. Returns the end left. */
static uint64_t reap_entries(struct participant *me, struct dict_table *table, struct dict_segment *segment,
                             uint64_t end, unsigned *cost)
{
    while (end > 0 && *cost < REAP_FAR) {
        struct dict_entry *entry = &segment->entries[end - 1];
        struct cell_image value = cell_load(&entry->value);
        if (word_load(&entry->key.head) != DICT_DEAD && cell_is_ref(value.head))
            object_unlink(me, value.body, 1, &entry->value.head, COMEM_NONE);
        uint64_t before = end;
        end = reap_batch(me, table, segment, end);
        if (end == before) /* damage: the entry's memory is another's, too, and it is a reference again */
            word_store(&table->counts, dict_counts(0, --end));
        *cost += FREE_BATCH;
    }
    return end;
}

/* Frees the last segment and goes on with the one before. */
static void drop_segment(struct participant *me, const struct locked_dict *found)
{
    uint64_t place = found->ordered - 1, end = 0;
    uint64_t id = word_load(&found->slots[place].order);
    uint64_t block =
        id < found->shape.slots ? word_load(&found->slots[id].block) : 0; /* 0: damage since it was looked at */
    const struct dict_segment *before =
        place == 0 ? NULL : dict_segment_of(me->map, found, word_load(&found->slots[place - 1].order));
    if (before != NULL && word_load(&before->end) <= word_load(&before->capacity))
        end = word_load(&before->end);
    record_add_word(me, &found->table->counts);
    record_add_word(me, &found->table->ordered);
    record_add(me, RECORD_FREE, block, 0);
    word_store(&found->table->counts, dict_counts(0, end));
    word_store(&found->table->ordered, place);
    record_commit(me);
    heap_finish(me, 1);
}

/* Whether all entries and segments are freed. */
static bool reap_segments(struct participant *me, struct locked_dict *found)
{
    for (unsigned cost = 0; found->ordered > 0;) {
        struct dict_segment *segment =
            dict_segment_of(me->map, found, word_load(&found->slots[found->ordered - 1].order));
        uint64_t end = dict_end(found->counts);
        if (segment == NULL || end > word_load(&segment->capacity))
            return true; /* damage: what is left leaks */
        if (reap_entries(me, found->table, segment, end, &cost) > 0)
            return false;
        drop_segment(me, found);
        found->ordered = word_load(&found->table->ordered);
        found->counts = word_load(&found->table->counts);
    }
    return true;
}

/* Whether all pages are freed. A page stands in as many directory entries as its depth says, one after the other. */
static bool reap_pages(struct participant *me, const struct locked_dict *found)
{
    uint64_t count = UINT64_C(1) << found->shape.depth, done = word_load(&found->table->reaped);
    for (unsigned steps = 0; done < count; steps++) {
        if (steps == REAP_FAR / FREE_BATCH)
            return false;
        record_add_word(me, &found->table->reaped);
        for (unsigned frees = 0; frees < FREE_BATCH && done < count; frees++) {
            uint64_t page = word_load(&found->pages[done]);
            record_add(me, RECORD_FREE, page, 0);
            while (done < count && word_load(&found->pages[done]) == page)
                done++;
        }
        word_store(&found->table->reaped, done);
        record_commit(me);
        heap_finish(me, 1);
    }
    return true;
}

static bool dict_reap(struct participant *me, uint64_t root)
{
    struct locked_dict found;
    if (dict_parts(me->map, root, &found) && (!reap_segments(me, &found) || !reap_pages(me, &found)))
        return false;
    record_stage(me, me->record_end, RECORD_FREE, root, 0);
    record_switch(me, RECORD_COMMITTED, me->record_end, me->record_end + 1); /* HOLD goes, FREE comes */
    heap_finish(me, 0);
    return true;
}

void dict_init(void)
{
    trash_register(BLOCK_DICT, dict_reap);
}
