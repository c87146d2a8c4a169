/* list_reap.c - freeing what lists gave up: tables in the trash, cells and blocks
 *
 * A step costs as much as 256 cells that have something behind them. Cells go first, from the last one on: `length` says
 * how far that has come, and moves in the same operation that frees or counts down. Then the blocks, whose entries `garbage`
 * names, then the table.
 *
 * A death      in a step: repair puts the table back into the trash (HOLD), and the next step goes on where `length` or
 *              `garbage` says.
 */
#include "objects/list_change.h"

#define FREE_BATCH 10u
#define REAP_FAR 256u  /* far values and references freed in a step */
#define REAP_PLAIN 32u /* plain ones that cost as much as one of these */

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
        value_record_give_up(me, image);
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
        else if ((length = reap_far(me, table, length)) == before)
            length--; /* damage: the cell's memory is another's, too, and it is a reference by now */
        cost += (unsigned)(before - length) * REAP_PLAIN;
    }
    word_store(&table->length, length);
    return length == 0;
}

static bool reap_blocks(struct participant *me, struct list_table *table)
{
    uint64_t garbage = word_load(&table->garbage), from = garbage >> 32, to = garbage & UINT32_MAX;
    for (unsigned steps = 0; from < to && steps < REAP_FAR / FREE_BATCH; steps++) {
        record_add_word(me, &table->garbage);
        for (unsigned i = 0; i < FREE_BATCH && from < to; i++, from++) {
            const struct list_entry *entry = list_entry_at(me->map, store_offset(me->map, table), from);
            if (entry != NULL)
                record_add(me, RECORD_FREE, word_load(&entry->block), 0);
            else
                from = to - 1; /* damage: there are no more */
        }
        word_store(&table->garbage, list_garbage(from, to));
        record_commit(me);
        heap_finish(me, 1);
    }
    return from >= to;
}

/* Cells first, then all blocks become garbage. Whether the cells are done. */
static bool reap_whole(struct participant *me, struct list_table *table)
{
    uint32_t flags = block_flags(word_load(&table->header.info));
    uint64_t room = word_load(&table->entry_count), blocks = list_table_blocks(table);
    uint64_t most = room << LIST_BLOCK_SHIFT; /* what is beyond is damage, and would take for ever */
    if ((flags & BLOCK_SHELL) == 0) {
        if (word_load(&table->length) > most)
            word_store(&table->length, most);
        if (!reap_cells(me, table))
            return false;
    }
    word_store(&table->garbage, list_garbage(0, blocks < room ? blocks : room));
    word_order();
    word_store(&table->header.info, word_load(&table->header.info) | (uint64_t)BLOCK_FLAGS << 8);
    return true;
}

static bool list_reap(struct participant *me, uint64_t root)
{
    struct list_table *table = store_at(me->map, root, sizeof *table);
    if (table == NULL) {
        record_clear(me);
        return true;
    }
    bool part = (block_flags(word_load(&table->header.info)) & BLOCK_PART) != 0;
    if ((!part && !reap_whole(me, table)) || !reap_blocks(me, table))
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
