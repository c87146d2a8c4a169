/* list_room.c - making and giving back room in a list
 *
 * Room is made before an operation needs it, by steps that change no item, each an operation of its own:
 *   a block    allocated, then named by the entry behind the last; storing `capacity` is the commit (WATCH)
 *   a table    with twice the entries, filled under the lock; storing the table word is the commit (WATCH), the old one is
 *              FREE. Entries keep their blocks and get fresh versions.
 *   the only block of a short list is replaced together with its table: four times as many cells
 *
 * A death      before the commit: ALLOC gives the new ones back; after it FREE the old ones. Nobody but readers without
 *              locks can be in the old ones, and those find the table word changed.
 */
#include "objects/list_layout.h"

/* What list_make_room() found out without the lock, and has to find again under it. */
struct room_view {
    uint64_t table_word, capacity, entries;
};

static bool room_view(const struct participant *me, const struct comem_object *list, struct room_view *view)
{
    view->table_word = word_load_acquire(&list->shared->table);
    const struct list_table *table = list_table_at(me->map, view->table_word);
    if (table == NULL) {
        view->capacity = view->entries = 0;
        return table_offset(view->table_word) == 0;
    }
    view->capacity = word_load(&table->capacity);
    view->entries = word_load(&table->entry_count);
    return view->table_word == word_load_acquire(&list->shared->table);
}

/* After allocating, which went as `status` says: takes the lock if the list still is as in `view`. Otherwise what was
 * allocated is given back, *locked is false, and the caller returns the status; COMEM_OK then means to look again. */
static comem_status room_lock(struct participant *me, struct comem_object *list, const struct room_view *view,
                              uint32_t keep, comem_status status, bool *locked)
{
    *locked = false;
    if (status == COMEM_OK)
        status = object_lock(me, list);
    if (status == COMEM_OK) {
        const struct list_table *table = list_table_at(me->map, view->table_word);
        *locked = word_load(&list->shared->table) == view->table_word &&
                  (table == NULL || word_load(&table->capacity) == view->capacity);
        if (!*locked)
            lock_release(me, &list->shared->lock);
    }
    if (!*locked)
        heap_abandon(me, keep);
    return status;
}

static comem_status room_damaged(struct participant *me, struct comem_object *list, uint32_t keep)
{
    lock_release(me, &list->shared->lock);
    heap_abandon(me, keep);
    return store_error(COMEM_DAMAGED, "a list's table reaches beyond the store");
}

static void table_fill(struct list_table *table, uint64_t length, uint64_t capacity, uint64_t entries)
{
    word_store(&table->header.next, 0);
    word_store(&table->header.info, block_info(BLOCK_TABLE));
    word_store(&table->length, length);
    word_store(&table->capacity, capacity);
    word_store(&table->entry_count, entries);
    word_store(&table->flags, LIST_UNIFORM);
    word_store(&table->zero[0], 0);
    word_store(&table->zero[1], 0);
}

static void entry_fill(struct list_entry *entry, uint64_t block, uint64_t index, uint64_t version)
{
    word_store(&entry->block, block);
    word_store(&entry->first, index);
    word_store(&entry->version, version);
}

/* Replaces the table by `fresh`, already in the record as allocated, and ends the operation. The lock is held. */
static comem_status table_replace(struct participant *me, struct comem_object *list, const struct room_view *view,
                                  uint64_t fresh, uint64_t old_block, uint32_t keep)
{
    uint64_t old_table = table_offset(view->table_word);
    if (old_table != 0)
        record_add(me, RECORD_FREE, old_table, 0);
    if (old_block != 0)
        record_add(me, RECORD_FREE, old_block, 0);
    record_add_watch(me, &list->shared->table);
    word_publish(&list->shared->table, table_next(view->table_word, fresh)); /* commit */
    record_commit(me);
    lock_release(me, &list->shared->lock);
    return heap_finish(me, keep);
}

static uint64_t short_capacity(uint64_t capacity, uint64_t wanted)
{
    uint64_t cells = capacity == 0 ? LIST_FIRST_CAPACITY : capacity;
    while (cells < LIST_BLOCK && (cells <= capacity || cells < wanted))
        cells *= 4;
    return cells < LIST_BLOCK ? cells : LIST_BLOCK;
}

/* From nothing, or a short list's only block, to a larger one. */
static comem_status room_short(struct participant *me, struct comem_object *list, const struct room_view *view,
                               uint64_t wanted, uint32_t keep)
{
    uint64_t cells = short_capacity(view->capacity, wanted), table_at, block_at;
    uint64_t entries = list_blocks(wanted);
    bool locked;
    comem_status status = heap_alloc(me, list_table_size(entries), &table_at);
    if (status == COMEM_OK)
        status = heap_alloc(me, list_block_size(cells), &block_at);
    status = room_lock(me, list, view, keep, status, &locked);
    if (!locked)
        return status;
    struct list_table *fresh = store_at(me->map, table_at, list_table_size(entries));
    struct cell *block = store_at(me->map, block_at, list_block_size(cells));
    const struct list_table *old = list_table_at(me->map, view->table_word);
    const struct list_entry *old_entry = old == NULL ? NULL : list_entry_at(me->map, view->table_word, 0);
    uint64_t length = old == NULL ? 0 : word_load(&old->length), old_block = 0;
    if (fresh == NULL || block == NULL || (old != NULL && old_entry == NULL))
        return room_damaged(me, list, keep);
    if (old != NULL) {
        old_block = word_load(&old_entry->block);
        const struct cell *from = store_at(me->map, old_block, list_block_size(view->capacity));
        for (uint64_t i = 0; from != NULL && i < length && i < cells; i++)
            cell_store(&block[i], cell_load(&from[i]));
    }
    table_fill(fresh, length, cells, entries);
    entry_fill(&fresh->entries[0], block_at, 0, list_fresh_version(me->map));
    return table_replace(me, list, view, table_at, old_block, keep);
}

/* A table with room for more entries. */
static comem_status room_table(struct participant *me, struct comem_object *list, const struct room_view *view,
                               uint64_t wanted, uint32_t keep)
{
    uint64_t entries = view->entries * 2 > list_blocks(wanted) ? view->entries * 2 : list_blocks(wanted), table_at;
    bool locked;
    comem_status status = heap_alloc(me, list_table_size(entries), &table_at);
    status = room_lock(me, list, view, keep, status, &locked);
    if (!locked)
        return status;
    struct list_table *fresh = store_at(me->map, table_at, list_table_size(entries));
    const struct list_table *old = store_at(me->map, table_offset(view->table_word), list_table_size(view->entries));
    if (fresh == NULL || old == NULL || list_blocks(view->capacity) > view->entries)
        return room_damaged(me, list, keep);
    table_fill(fresh, word_load(&old->length), view->capacity, entries);
    uint64_t version = list_fresh_version(me->map);
    for (uint64_t i = 0; i < list_blocks(view->capacity); i++)
        entry_fill(&fresh->entries[i], word_load(&old->entries[i].block), word_load(&old->entries[i].first), version);
    return table_replace(me, list, view, table_at, 0, keep);
}

/* Names one more block. */
static comem_status room_block(struct participant *me, struct comem_object *list, const struct room_view *view,
                               uint32_t keep)
{
    uint64_t block_at;
    bool locked;
    comem_status status = heap_alloc(me, list_block_size(LIST_BLOCK), &block_at);
    status = room_lock(me, list, view, keep, status, &locked);
    if (!locked)
        return status;
    struct list_table *table = list_table_at(me->map, view->table_word);
    struct list_entry *entry = list_entry_at(me->map, view->table_word, view->capacity);
    if (entry == NULL)
        return room_damaged(me, list, keep);
    entry_fill(entry, block_at, view->capacity, list_fresh_version(me->map));
    record_add_watch(me, &table->capacity);
    word_publish(&table->capacity, view->capacity + LIST_BLOCK); /* commit */
    if (keep > 0)
        record_savepoint(me, me->record_base + keep);
    else
        record_clear(me);
    lock_release(me, &list->shared->lock);
    return COMEM_OK;
}

comem_status list_make_room(struct participant *me, struct comem_object *list, uint64_t wanted, uint32_t keep)
{
    if (wanted > LIST_LENGTH_MAX)
        return store_error(COMEM_NO_MEMORY, "a list of %llu items is longer than any may be",
                           (unsigned long long)wanted);
    for (;;) {
        struct room_view view;
        comem_status status = COMEM_OK;
        if (!object_ok(list))
            return object_gone(list);
        if (!room_view(me, list, &view)) {
            if (table_offset(view.table_word) != 0 && list_table_at(me->map, view.table_word) == NULL &&
                view.table_word == word_load(&list->shared->table))
                return store_error(COMEM_DAMAGED, "a list names a table outside the store");
            continue;
        }
        if (view.capacity >= wanted)
            return COMEM_OK;
        if (keep == 0 && trash_waiting(me))
            trash_reap(me); /* who takes room gives some back first */
        if (view.capacity < LIST_BLOCK)
            status = room_short(me, list, &view, wanted, keep);
        else if (list_blocks(view.capacity) >= view.entries)
            status = room_table(me, list, &view, wanted, keep);
        else
            status = room_block(me, list, &view, keep);
        if (status != COMEM_OK)
            return status;
    }
}

void list_trim(struct participant *me, struct comem_object *list)
{
    if (object_lock(me, list) != COMEM_OK)
        return;
    uint64_t table_word = word_load(&list->shared->table);
    struct list_table *table = list_table_at(me->map, table_word);
    uint64_t capacity = table == NULL ? 0 : word_load(&table->capacity);
    struct list_entry *last = capacity <= LIST_BLOCK ? NULL : list_entry_at(me->map, table_word, capacity - 1);
    bool spare = last != NULL && capacity >= word_load(&table->length) + 2 * LIST_BLOCK;
    if (spare) {
        record_add(me, RECORD_FREE, word_load(&last->block), 0);
        record_add_watch(me, &table->capacity);
        word_store(&table->capacity, capacity - LIST_BLOCK); /* commit */
        record_commit(me);
    }
    lock_release(me, &list->shared->lock);
    if (spare)
        heap_finish(me, 0);
}

/* ---- aside ---- */

comem_status list_build_aside(struct participant *me, uint64_t count, struct list_table **table)
{
    uint64_t entries = list_blocks(count), offset;
    if (count > LIST_LENGTH_MAX)
        return store_error(COMEM_NO_MEMORY, "%llu items are more than a list may have", (unsigned long long)count);
    comem_status status = heap_alloc(me, list_table_size(entries), &offset);
    if (status != COMEM_OK)
        return status;
    *table = store_at(me->map, offset, list_table_size(entries));
    if (*table == NULL)
        return store_error(COMEM_DAMAGED, "the heap gave a block outside the store");
    table_fill(*table, 0, 0, entries);
    record_stage(me, me->record_end, RECORD_HOLD, offset, 0);
    record_switch(me, RECORD_ACTIVE, me->record_end, me->record_end + 1); /* from "give it back" to "it is trash" */
    return COMEM_OK;
}

comem_status list_build_block(struct participant *me, struct list_table *table)
{
    uint64_t offset, capacity = word_load(&table->capacity);
    comem_status status = heap_alloc(me, list_block_size(LIST_BLOCK), &offset);
    if (status != COMEM_OK)
        return status;
    entry_fill(&table->entries[list_blocks(capacity)], offset, capacity, 0);
    record_add_word(me, &table->capacity);
    word_store(&table->capacity, capacity + LIST_BLOCK);
    record_savepoint(me, me->record_base + 1);
    return COMEM_OK;
}
