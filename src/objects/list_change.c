/* list_change.c - every change of a list but those at its end: a new table, shared blocks, one commit
 *
 * Layout       Items [start, stop) give way to cells. The blocks they stand in go, with neighbours that would be too empty
 *              beside the new ones; what stays of them is copied, with the new cells, into new blocks. All other blocks are
 *              shared: the new table names them, too.
 * Owners       Until the commit the new table owns its new blocks alone (BUILD with SHELL and PART, `garbage` says which);
 *              after it the old one owns those that go (FREE, or TRASH with SHELL and PART), or everything if nothing stays.
 *              Far values and references that go are given up one way or the other: a single one by FREE, TRASH or UNLINK; many are
 *              copied to a table aside that owns them once the change is committed (BUILD with SHELL, then TRASH).
 * Lock         The list's, all the time. Readers go on in the old table; they find the table word changed.
 * Commit       the store of the table word (WATCH), between odd versions of the list.
 * A death      before the commit: the new table and its blocks go to the trash, values on their way in go back. After it: the
 *              old ones do, and what was removed is freed.
 * Cost         O(entries + items copied): 1 us for 1,000 items, 20 us for 1,000,000.
 */
#include "objects/list_change.h"

#define FEW_BLOCKS 3u /* are freed by the record itself; more go by way of the trash */

/* How a change turns one table into another. */
struct plan {
    uint64_t used, total;   /* old entries: with items, all */
    uint64_t from, to;      /* those that go */
    uint64_t before, after; /* items of these that stay: in front of those that go, behind them */
    uint64_t items, pieces; /* cells to be filled, and the new blocks they make */
    bool end;               /* the new blocks are the last */
    uint64_t entries, entry_room, length, capacity; /* of the new table */
};

/* The first item of an old entry; for the one behind the last that has items, the length. */
static uint64_t plan_first(const struct plan *plan, const struct locked_list *locked, uint64_t entry)
{
    uint64_t tail_entry = word_load(&locked->table->tail_entry);
    if (entry >= plan->used)
        return locked->length;
    if (entry < tail_entry)
        return word_load(&locked->table->entries[entry].first);
    return word_load(&locked->table->tail_first) + (entry - tail_entry) * LIST_BLOCK;
}

static uint64_t plan_items_of(const struct plan *plan, const struct locked_list *locked, uint64_t entry)
{
    return plan_first(plan, locked, entry + 1) - plan_first(plan, locked, entry);
}

/* Whether the old table can be believed; its entries up to plan->total then may be read. */
static bool plan_look(struct store_map *map, const struct locked_list *locked, struct plan *plan)
{
    const struct list_table *table = locked->table;
    struct list_spot spot;
    if (table == NULL)
        return true;
    uint64_t tail_entry = word_load(&table->tail_entry), room = word_load(&table->entry_count);
    plan->total = list_table_blocks(table);
    if (word_load(&table->tail_first) > locked->capacity || room > LIST_ENTRIES_MAX || tail_entry > room ||
        plan->total > room || store_at(map, store_offset(map, table), list_table_size(plan->total)) == NULL)
        return false;
    if (locked->length == 0)
        return true;
    if (!list_spot(map, table, locked->length - 1, &spot) || spot.entry >= plan->total)
        return false;
    plan->used = spot.entry + 1;
    return true;
}

/* The entries that items [start, stop) stand in, and what stays of them. */
static bool plan_touch(struct store_map *map, const struct locked_list *locked, const struct list_change *change,
                       struct plan *plan)
{
    struct list_spot spot;
    if (locked->length == 0)
        return true;
    if (locked->capacity < LIST_BLOCK) { /* its only block is too small to be one of several */
        plan->to = 1;
        plan->before = change->start;
        plan->after = locked->length - change->stop;
        return true;
    }
    bool behind = change->start == locked->length;
    if (!list_spot(map, locked->table, behind ? change->start - 1 : change->start, &spot))
        return false;
    plan->from = plan->to = spot.entry + behind;
    if (behind) {
        if (locked->length - spot.first == LIST_BLOCK)
            return true; /* the last block is full and stays as it is */
        plan->from--;
        plan->before = locked->length - spot.first;
        return true;
    }
    plan->before = change->start - spot.first;
    if (change->stop == change->start && plan->before == 0)
        return true; /* between two blocks */
    if (change->stop > change->start && !list_spot(map, locked->table, change->stop - 1, &spot))
        return false;
    plan->to = spot.entry + 1;
    uint64_t end = spot.first + spot.count < locked->length ? spot.first + spot.count : locked->length;
    if (end < change->stop)
        return false;
    plan->after = end - change->stop;
    return true;
}

/* Takes in a neighbour that would be too empty beside the new blocks; whether there was one. */
static bool plan_absorb(const struct locked_list *locked, struct plan *plan, uint64_t count)
{
    uint64_t items = plan->before + count + plan->after, pieces = list_blocks(items);
    uint64_t front = 0, back = 0; /* items of the first and of the last new block */
    plan->end = plan->to >= plan->used;
    if (items > 0) {
        back = items / pieces;
        front = plan->end ? (items < LIST_BLOCK ? items : LIST_BLOCK) : back;
    } else if (plan->from > 0 && !plan->end) {
        front = plan_items_of(plan, locked, plan->to); /* what becomes its neighbour */
    }
    if (plan->from > 0 && plan_items_of(plan, locked, plan->from - 1) + front <= LIST_BLOCK) {
        plan->from--;
        plan->before += plan_items_of(plan, locked, plan->from);
        return true;
    }
    if (items > 0 && !plan->end && plan_items_of(plan, locked, plan->to) + back <= LIST_BLOCK) {
        plan->after += plan_items_of(plan, locked, plan->to);
        plan->to++;
        return true;
    }
    return false;
}

static void plan_complete(const struct locked_list *locked, const struct list_change *change, struct plan *plan)
{
    plan->items = plan->before + change->count + plan->after;
    plan->pieces = list_blocks(plan->items);
    if (plan->end)
        plan->to = plan->total;
    if (plan->end && plan->from == 0 && plan->pieces == 0)
        plan->pieces = 1; /* room for items to come */
    plan->entries = plan->from + plan->pieces + plan->total - plan->to;
    plan->entry_room = plan->entries + plan->entries / 8;
    plan->length = locked->length - (change->stop - change->start) + change->count;
    if (!plan->end)
        plan->capacity = locked->capacity + plan->length - locked->length;
    else if (plan->entries == 1)
        plan->capacity = list_short_cells(plan->items > change->room ? plan->items : change->room);
    else
        plan->capacity = plan->length - plan->items + plan->pieces * LIST_BLOCK;
}

static comem_status plan_make(struct store_map *map, const struct locked_list *locked, const struct list_change *change,
                              struct plan *plan)
{
    *plan = (struct plan){0};
    if (!plan_look(map, locked, plan) || !plan_touch(map, locked, change, plan))
        return store_error(COMEM_DAMAGED, "a list's table names items that it does not have");
    while (plan_absorb(locked, plan, change->count))
        if (plan->before + plan->after > 8 * LIST_BLOCK) /* more than the first, the last, and two on either side */
            return store_error(COMEM_DAMAGED, "a list's table says that a block has more items than cells");
    plan_complete(locked, change, plan);
    return COMEM_OK;
}

/* Items of new block `piece`, and the cells it gets. */
static uint64_t plan_piece(const struct plan *plan, uint64_t piece, uint64_t *cells)
{
    uint64_t items = plan->items / plan->pieces + (piece < plan->items % plan->pieces);
    *cells = items;
    if (!plan->end)
        return items;
    if (piece + 1 < plan->pieces)
        return *cells = LIST_BLOCK;
    *cells = plan->entries == 1 ? plan->capacity : LIST_BLOCK;
    return plan->items - piece * LIST_BLOCK;
}

/* ---- filling new blocks ---- */

/* The cells of the new blocks one after the other: old items, the change's cells, old items. */
struct feed {
    struct list_view view; /* of the old items */
    const struct list_change *change;
    uint64_t first, before, next; /* the first old item; how many of these come first; the number of the next cell */
};

static bool feed_old(struct feed *feed, uint64_t index, struct cell_image *image)
{
    const struct cell *cell = list_view_cell(&feed->view, index);
    if (cell != NULL)
        *image = cell_load(cell);
    return cell != NULL;
}

static bool feed_next(struct feed *feed, struct cell_image *image)
{
    uint64_t number = feed->next++;
    if (number < feed->before)
        return feed_old(feed, feed->first + number, image);
    number -= feed->before;
    if (number >= feed->change->count)
        return feed_old(feed, feed->change->stop + number - feed->change->count, image);
    *image = feed->change->cells[number];
    return true;
}

/* ---- building the new table ---- */

struct build {
    struct plan plan;
    struct list_table *fresh;
    uint32_t keep;              /* entries of the record that were there before */
    struct list_table *removed; /* NULL: what goes is given up otherwise */
    struct cell_image gone;     /* by the record: one far value or reference, or nothing */
};

static comem_status build_pieces(struct participant *me, struct build *build, struct feed *feed, uint64_t version)
{
    const struct plan *plan = &build->plan;
    uint64_t first = feed->first;
    for (uint64_t piece = 0; piece < plan->pieces; piece++) {
        uint64_t at = plan->from + piece, block, cells, items = plan_piece(plan, piece, &cells);
        comem_status status = heap_alloc(me, list_block_size(cells), &block);
        if (status != COMEM_OK)
            return status;
        list_entry_fill(&build->fresh->entries[at], block, first, version);
        record_add_word(me, &build->fresh->garbage);
        word_store(&build->fresh->garbage, list_garbage(plan->from, at + 1));
        record_savepoint(me, me->record_base + build->keep + 1);
        struct cell *to = store_at(me->map, block, list_block_size(cells));
        for (uint64_t i = 0; to != NULL && i < items; i++) {
            struct cell_image image;
            if (!feed_next(feed, &image))
                return store_error(COMEM_DAMAGED, "a list names cells outside the store");
            cell_store(&to[i], image);
        }
        first += items;
    }
    return COMEM_OK;
}

/* Names the blocks that stay, and says where the tail begins. */
static void build_entries(const struct plan *plan, const struct locked_list *locked, struct list_table *fresh,
                          uint64_t version)
{
    uint64_t behind = plan->from + plan->pieces, tail = plan->entries - 1;
    for (uint64_t i = 0; i < plan->from; i++)
        list_entry_fill(&fresh->entries[i], word_load(&locked->table->entries[i].block),
                        word_load(&locked->table->entries[i].first), version);
    for (uint64_t i = plan->to; i < plan->total; i++)
        list_entry_fill(&fresh->entries[behind + i - plan->to], word_load(&locked->table->entries[i].block),
                        word_load(&locked->table->entries[i].first) + plan->length - locked->length, version);
    while (tail > 0 &&
           word_load(&fresh->entries[tail].first) - word_load(&fresh->entries[tail - 1].first) == LIST_BLOCK)
        tail--;
    word_store(&fresh->length, plan->length);
    word_store(&fresh->capacity, plan->capacity);
    word_store(&fresh->tail_first, word_load(&fresh->entries[tail].first));
    word_store(&fresh->tail_entry, tail);
}

/* ---- what goes for good ---- */

static comem_status removed_add(struct participant *me, struct build *build, uint64_t count, struct cell_image image)
{
    uint64_t length = word_load(&build->removed->length), one = 1;
    struct list_entry *entry;
    if (length == word_load(&build->removed->capacity)) {
        comem_status status = list_build_block(me, build->keep + 2, build->removed, count - length);
        if (status != COMEM_OK)
            return status;
    }
    struct cell *cell = list_cells(me->map, build->removed, length, &one, &entry);
    if (cell == NULL)
        return store_error(COMEM_DAMAGED, "the heap gave a block outside the store");
    cell_store(cell, image);
    word_store(&build->removed->length, length + 1);
    return COMEM_OK;
}

/* What goes for good, item after item: false behind the last. Plain cells are left out. */
static bool removed_next(struct feed *feed, struct cell_image *image)
{
    const struct list_change *change = feed->change;
    if (change->moved) {
        if (feed->next == change->removed_count)
            return false;
        *image = change->removed[feed->next++];
        return true;
    }
    for (uint64_t index; (index = change->start + feed->next) < change->stop;) {
        feed->next++;
        if (!feed_old(feed, index, image))
            return false; /* found by build_pieces() as well, or its block is lost with the damage */
        if (!cell_is_plain(image->head))
            return true;
    }
    return false;
}

static comem_status build_removed(struct participant *me, struct build *build, const struct feed *all)
{
    struct feed feed = *all;
    struct cell_image image;
    uint64_t count = 0;
    comem_status status = COMEM_OK;
    for (feed.next = 0; removed_next(&feed, &image); count++)
        build->gone = image;
    if (count <= 1)
        return COMEM_OK;
    build->gone = (struct cell_image){0, 0};
    status = list_table_aside(me, build->keep + 1, RECORD_BUILD, BLOCK_SHELL, list_blocks(count), &build->removed);
    for (feed.next = 0; status == COMEM_OK && removed_next(&feed, &image);)
        status = removed_add(me, build, count, image);
    return status;
}

/* ---- the commit ---- */

/* Lines for the old table: which of its blocks go, and how. Returns how many. */
static uint32_t lines_of_old(const struct build *build, const struct locked_list *locked, bool whole, bool many,
                             struct record_line *lines)
{
    const struct plan *plan = &build->plan;
    uint64_t old = table_offset(locked->table_word);
    uint32_t count = 0;
    if (locked->table == NULL)
        return 0;
    if (whole) {
        lines[count++] = (struct record_line){RECORD_TRASH, old, 0};
    } else if (many) {
        word_store(&locked->table->garbage, list_garbage(plan->from, plan->to));
        lines[count++] = (struct record_line){RECORD_TRASH, old, BLOCK_SHELL | BLOCK_PART};
    } else {
        for (uint64_t i = plan->from; i < plan->to; i++)
            lines[count++] = (struct record_line){RECORD_FREE, word_load(&locked->table->entries[i].block), 0};
        lines[count++] = (struct record_line){RECORD_FREE, old, 0};
    }
    return count;
}

static void change_commit(struct participant *me, struct comem_object *list, const struct locked_list *locked,
                          const struct build *build, const struct list_values *values, bool whole)
{
    struct record_line lines[12];
    bool aside = values != NULL && values->aside != NULL;
    uint64_t fresh = store_offset(me->map, build->fresh);
    uint32_t count = values == NULL ? 0 : list_values_lines(me->map, values, lines);
    lines[count++] = (struct record_line){RECORD_BUILD, fresh, BLOCK_SHELL | BLOCK_PART};
    if (build->removed != NULL) {
        uint64_t removed = store_offset(me->map, build->removed);
        lines[count++] = (struct record_line){RECORD_BUILD, removed, BLOCK_SHELL};
        lines[count++] = (struct record_line){RECORD_TRASH, removed, 0};
    }
    bool many = aside || build->removed != NULL || build->plan.to - build->plan.from > FEW_BLOCKS;
    count += lines_of_old(build, locked, whole, many, lines + count);
    count += value_line(build->gone, &lines[count]);
    record_replace(me, aside ? 0 : build->keep, lines, count);
    uint32_t version = record_open_version(me, &list->shared->version);
    record_add_watch(me, &list->shared->table);
    word_publish(&list->shared->table, table_next(locked->table_word, fresh)); /* commit */
    record_commit(me);
    record_close_version(me, &list->shared->version, version);
}

static comem_status change_apply(struct participant *me, struct comem_object *list, const struct locked_list *locked,
                                 const struct list_change *change, struct build *build)
{
    const struct plan *plan = &build->plan;
    bool whole = !change->moved && plan->from == 0 && plan->to == plan->total && plan->before == 0 && plan->after == 0;
    uint64_t version = list_fresh_version(me->map);
    struct feed feed = {.view = list_view(me->map, locked->table, locked->length),
                        .change = change,
                        .first = change->start - plan->before,
                        .before = plan->before};
    build->keep = me->record_end - me->record_base;
    comem_status status =
        list_table_aside(me, build->keep, RECORD_BUILD, BLOCK_SHELL | BLOCK_PART, plan->entry_room, &build->fresh);
    if (status == COMEM_OK)
        status = build_pieces(me, build, &feed, version);
    if (status == COMEM_OK && !whole)
        status = build_removed(me, build, &feed);
    if (status != COMEM_OK) {
        heap_abandon(me, build->keep);
        return status;
    }
    build_entries(plan, locked, build->fresh, version);
    change_commit(me, list, locked, build, change->values, whole);
    return COMEM_OK;
}

comem_status list_change(struct participant *me, struct comem_object *list, const struct locked_list *locked,
                         const struct list_change *change)
{
    struct build build = {.fresh = NULL};
    uint64_t length = locked->length - (change->stop - change->start) + change->count;
    if (length > LIST_LENGTH_MAX)
        return store_error(COMEM_NO_MEMORY, "a list of %llu items is longer than any may be",
                           (unsigned long long)length);
    comem_status status = plan_make(me->map, locked, change, &build.plan);
    return status == COMEM_OK ? change_apply(me, list, locked, change, &build) : status;
}

/* Entries of a table that is to grow on: twice as many each time, in sizes that growing blocks have too, since the first block
 * of a size takes a whole span. */
static uint64_t table_room(uint64_t entries)
{
    uint64_t size = 256;
    while (size < list_table_size(entries))
        size *= 2;
    return (size - sizeof(struct list_table)) / sizeof(struct list_entry);
}

comem_status list_change_table(struct participant *me, struct comem_object *list, const struct locked_list *locked,
                               uint64_t wanted, uint32_t keep)
{
    struct build build = {.fresh = NULL};
    struct list_change change = {.start = locked->length, .stop = locked->length};
    struct plan *plan = &build.plan;
    comem_status status = COMEM_OK;
    assert(keep == me->record_end - me->record_base);
    (void)keep;
    if (locked->capacity < LIST_BLOCK) {
        change.room = wanted > 2 * locked->capacity ? wanted : 2 * locked->capacity;
        status = plan_make(me->map, locked, &change, plan);
        if (plan->entry_room < list_blocks(wanted))
            plan->entry_room = list_blocks(wanted);
    } else if (!plan_look(me->map, locked, plan)) {
        status = store_error(COMEM_DAMAGED, "a list's table reaches beyond the store");
    } else {
        plan->from = plan->to = plan->entries = plan->total;
        plan->entry_room = table_room(plan->total + list_blocks(wanted - locked->capacity));
        plan->length = locked->length;
        plan->capacity = locked->capacity;
    }
    return status == COMEM_OK ? change_apply(me, list, locked, &change, &build) : status;
}

void list_change_clear(struct participant *me, struct comem_object *list, const struct locked_list *locked)
{
    if (locked->table == NULL)
        return;
    uint32_t version = record_open_version(me, &list->shared->version);
    record_add(me, RECORD_TRASH, table_offset(locked->table_word), 0);
    record_add_watch(me, &list->shared->table);
    word_publish(&list->shared->table, table_next(locked->table_word, 0)); /* commit */
    record_commit(me);
    record_close_version(me, &list->shared->version, version);
}
