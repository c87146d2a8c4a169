/* list_room.c - making and giving back room in a list, and tables aside
 *
 * Room is made under the list's lock before an operation needs it, by steps that change no item, each an operation of its own:
 *   a block    allocated, then named by the entry behind the last; storing `capacity` is the commit (WATCH)
 *   a table    with twice the entries, or with a larger only block: list_change.c
 * It is given back the same way: the last block by storing `capacity`, the rest by another table; so is room in the table
 * itself for many more entries than it has, which an operation that then found no memory may have left.
 *
 * A death      before the commit: ALLOC gives the new block back; after it FREE the old one.
 *
 * A table aside is named by the record alone (HOLD, BUILD). Each block hangs from it before the next one is allocated; what is
 * in its cells counts up to `length`.
 */
#include "objects/list_change.h"

uint64_t list_short_cells(uint64_t items)
{
    uint64_t cells = items < LIST_FIRST_CAPACITY ? LIST_FIRST_CAPACITY : items;
    if (cells < LIST_BLOCK)
        cells = heap_rounded(cells * sizeof(struct cell)) / sizeof(struct cell);
    return cells < LIST_BLOCK ? cells : LIST_BLOCK;
}

void list_entry_fill(struct list_entry *entry, uint64_t block, uint64_t first, uint64_t version)
{
    word_store(&entry->block, block);
    word_store(&entry->first, first);
    word_store(&entry->version, version);
}

/* Names one more block. */
static comem_status room_block(struct participant *me, struct locked_list *locked, uint32_t keep)
{
    uint64_t block;
    struct list_entry *entry = list_entry_at(me->map, locked->table_word, list_table_blocks(locked->table));
    if (entry == NULL)
        return store_error(COMEM_DAMAGED, "a list's table reaches beyond the store");
    comem_status status = heap_alloc(me, list_block_size(LIST_BLOCK), &block);
    if (status != COMEM_OK)
        return status;
    list_entry_fill(entry, block, locked->capacity, list_fresh_version(me->map));
    record_add_watch(me, &locked->table->capacity);
    word_publish(&locked->table->capacity, locked->capacity + LIST_BLOCK); /* commit */
    locked->capacity += LIST_BLOCK;
    if (keep > 0)
        record_savepoint(me, me->record_base + keep);
    else
        record_clear(me);
    return COMEM_OK;
}

/* Replaces the table, by one whose only block has more cells, or by one with more entries. */
static comem_status room_table(struct participant *me, struct comem_object *list, struct locked_list *locked,
                               uint64_t wanted, uint32_t keep)
{
    comem_status status = list_change_table(me, list, locked, wanted, keep);
    if (status == COMEM_OK)
        status = heap_finish(me, keep);
    if (status != COMEM_OK)
        return status;
    locked->table_word = word_load(&list->shared->table);
    locked->table = list_table_at(me->map, locked->table_word);
    if (locked->table == NULL)
        return store_error(COMEM_DAMAGED, "the heap gave a block outside the store");
    locked->capacity = word_load(&locked->table->capacity);
    return COMEM_OK;
}

comem_status list_room(struct participant *me, struct comem_object *list, struct locked_list *locked, uint64_t wanted,
                       uint32_t keep)
{
    comem_status status = COMEM_OK;
    if (wanted > LIST_LENGTH_MAX)
        return store_error(COMEM_NO_MEMORY, "a list of %llu items is longer than any may be",
                           (unsigned long long)wanted);
    while (status == COMEM_OK && locked->capacity < wanted) {
        bool full = locked->table == NULL || locked->capacity < LIST_BLOCK ||
                    list_table_blocks(locked->table) >= word_load(&locked->table->entry_count);
        status = full ? room_table(me, list, locked, wanted, keep) : room_block(me, locked, keep);
    }
    return status;
}

/* Gives the last block back, one of several in the tail. False: damage. */
static bool tighten_block(struct participant *me, const struct locked_list *locked)
{
    const struct list_entry *last = list_entry_at(me->map, locked->table_word, list_table_blocks(locked->table) - 1);
    if (last == NULL)
        return false;
    record_add(me, RECORD_FREE, word_load(&last->block), 0);
    record_add_watch(me, &locked->table->capacity);
    word_store(&locked->table->capacity, locked->capacity - LIST_BLOCK); /* commit */
    record_commit(me);
    return true;
}

/* Whether the table has room for many more entries than it has. */
static bool table_is_vast(const struct list_table *table)
{
    return word_load(&table->entry_count) > 4 * list_table_blocks(table) + 16;
}

bool list_tighten(struct participant *me, struct comem_object *list)
{
    struct locked_list locked;
    bool more = false;
    if (list_lock(me, list, &locked) != COMEM_OK)
        return false;
    bool vast = locked.table != NULL && table_is_vast(locked.table);
    if (vast || (locked.table != NULL && list_is_loose(locked.length, locked.capacity))) {
        struct list_change change = {.start = locked.length, .stop = locked.length};
        change.room = locked.length + locked.length / 4;
        if (locked.length == 0)
            list_change_clear(me, list, &locked);
        else if (!vast && locked.capacity - word_load(&locked.table->tail_first) > LIST_BLOCK)
            more = tighten_block(me, &locked) && list_is_loose(locked.length, locked.capacity - LIST_BLOCK);
        else
            (void)list_change(me, list, &locked, &change); /* without memory for it the list stays as it is */
    }
    lock_release(me, &list->shared->lock);
    heap_finish(me, 0);
    return more;
}

void list_tighten_all(struct participant *me, struct comem_object *list)
{
    while (list_tighten(me, list))
        ;
}

/* ---- aside ---- */

comem_status list_table_aside(struct participant *me, uint32_t keep, enum record_kind kind, uint32_t flags,
                              uint64_t entries, struct list_table **table)
{
    uint64_t offset;
    if (entries > LIST_ENTRIES_MAX)
        return store_error(COMEM_NO_MEMORY, "%llu blocks are more than a list may have", (unsigned long long)entries);
    comem_status status = heap_alloc(me, list_table_size(entries), &offset);
    if (status != COMEM_OK)
        return status;
    struct list_table *made = store_at(me->map, offset, list_table_size(entries));
    if (made == NULL)
        return store_error(COMEM_DAMAGED, "the heap gave a block outside the store");
    word_store(&made->header.next, 0);
    word_store(&made->header.info, block_info(BLOCK_TABLE));
    word_store(&made->length, 0);
    word_store(&made->capacity, 0);
    word_store(&made->entry_count, entries);
    word_store(&made->tail_first, 0);
    word_store(&made->tail_entry, 0);
    word_store(&made->garbage, 0);
    struct record_line line = {kind, offset, flags};
    record_replace(me, keep, &line, 1); /* from "give it back" to "it is trash" */
    *table = made;
    return COMEM_OK;
}

comem_status list_build_block(struct participant *me, uint32_t keep, struct list_table *table, uint64_t cells)
{
    uint64_t offset, capacity = word_load(&table->capacity);
    comem_status status = heap_alloc(me, list_block_size(cells), &offset);
    if (status != COMEM_OK)
        return status;
    list_entry_fill(&table->entries[list_blocks(capacity)], offset, capacity, 0);
    record_add_word(me, &table->capacity);
    word_store(&table->capacity, capacity + (cells < LIST_BLOCK ? cells : LIST_BLOCK));
    record_savepoint(me, me->record_base + keep);
    return COMEM_OK;
}
