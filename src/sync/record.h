/* record.h - the operation record: what to take back, or to finish, when its owner dies
 *
 * While an operation changes shared memory its slot's record says how to make the store whole again. The record is one
 * head word {state, base, end} over 16 entries. An entry is written first, then the head that makes it count, then the
 * change it covers; each a store of its own, in program order. So one store of the head adds an entry, drops the last
 * ones (a savepoint), commits, or replaces all entries by others staged behind them.
 *
 *   ACTIVE     a death takes the operation back: WORD and VERSION entries are undone, blocks given back
 *   COMMITTED  a death finishes the operation: what it gave up is freed
 *   OWING      left by repair: only links to be counted down are there, for a thread that holds no lock
 *
 *   WORD(off, old)       the word becomes `old` again
 *   VERSION(off)         the version becomes even again, upwards, in either state
 *   WATCH(off, old)      when that word no longer equals `old`, the record counts as COMMITTED: storing it is the commit.
 *                        The owner stores COMMITTED before it lets go of the word's lock
 *   LOG(off, n)          a block of n further WORD and VERSION entries, which has room for all there will be: each is written,
 *                        then counted in n, then what it covers is changed. No heap lock may be taken between the first
 *                        change and the commit, and the entry goes before the object's lock does
 *   ALLOC(off, pages)    ACTIVE: the block (pages 0) or the run of pages is given back
 *   FREE(off)            COMMITTED: the block or run is given back
 *   BUILD(root, flags)   ACTIVE: what hangs from root, built aside, goes to the trash; flags (BLOCK_SHELL, BLOCK_PART of
 *                        heap.h) say how much of it is root's
 *   TRASH(root, flags)   COMMITTED: what hangs from root goes to the trash; flags as above
 *   HOLD(root)           in either state root goes (back) to the trash
 *   UNLINK(object)       COMMITTED: one link of the object is still to be counted down
 *   OWE(object)          ACTIVE: the same
 */
#ifndef COMEM_SYNC_RECORD_H
#define COMEM_SYNC_RECORD_H

#include "sync/sync.h"

#define RECORD_OFFSET_MASK ((UINT64_C(1) << 56) - 1)

static inline uint64_t record_head(enum record_state state, uint32_t base, uint32_t end)
{
    return (uint64_t)state << 56 | (uint64_t)base << 8 | end;
}

static inline enum record_state record_state(uint64_t head)
{
    return (enum record_state)(head >> 56);
}

static inline uint32_t record_base(uint64_t head)
{
    return (uint32_t)(head >> 8 & 0xFF);
}

static inline uint32_t record_end(uint64_t head)
{
    return (uint32_t)(head & 0xFF);
}

static inline enum record_kind record_kind(uint64_t what)
{
    return (enum record_kind)(what >> 56);
}

/* Writes an entry behind the valid ones; it counts from the next record_switch() or record_add() on. Returns its index. */
static inline uint32_t record_stage(struct participant *me, uint32_t index, enum record_kind kind, uint64_t offset,
                                    uint64_t argument)
{
    struct record_entry *entry = &me->slot->record.entries[index];
    assert(index < RECORD_ENTRIES);
    word_store(&entry->what, (uint64_t)kind << 56 | (offset & RECORD_OFFSET_MASK));
    word_store(&entry->argument, argument);
    return index;
}

/* Makes entries[base] to entries[end - 1] the valid ones, and `state` the record's, in one store. */
static inline void record_switch(struct participant *me, enum record_state state, uint32_t base, uint32_t end)
{
    word_order();
    me->record_base = base;
    me->record_end = end;
    word_store(&me->slot->record.head, record_head(state, base, end));
    word_order();
}

/* Adds an entry to an ACTIVE record, or begins one. */
static inline void record_add(struct participant *me, enum record_kind kind, uint64_t offset, uint64_t argument)
{
    record_stage(me, me->record_end, kind, offset, argument);
    record_switch(me, RECORD_ACTIVE, me->record_base, me->record_end + 1);
}

static inline void record_add_word(struct participant *me, word64 *word)
{
    record_add(me, RECORD_WORD, store_offset(me->map, word), word_load(word));
}

static inline void record_add_watch(struct participant *me, word64 *word)
{
    record_add(me, RECORD_WATCH, store_offset(me->map, word), word_load(word));
}

struct record_line {
    enum record_kind kind;
    uint64_t offset, argument;
};

/* Keeps the first `keep` entries and replaces all others by `count` lines, in one store; the record is ACTIVE. */
static inline void record_replace(struct participant *me, uint32_t keep, const struct record_line *lines,
                                  uint32_t count)
{
    struct record_entry *entries = me->slot->record.entries;
    uint32_t base = me->record_base, at = keep + count <= base ? 0 : me->record_end; /* where nothing valid stands */
    for (uint32_t i = 0; i < keep; i++) {
        uint64_t what = word_load(&entries[base + i].what);
        record_stage(me, at + i, record_kind(what), what & RECORD_OFFSET_MASK, word_load(&entries[base + i].argument));
    }
    for (uint32_t i = 0; i < count; i++)
        record_stage(me, at + keep + i, lines[i].kind, lines[i].offset, lines[i].argument);
    record_switch(me, RECORD_ACTIVE, at, at + keep + count);
}

/* Records the version and makes it odd: readers without locks turn back from here on. Returns the entry's index. */
static inline uint32_t record_open_version(struct participant *me, word64 *version)
{
    uint64_t even = word_load(version);
    uint32_t index = me->record_end;
    record_add(me, RECORD_VERSION, store_offset(me->map, version), 0);
    word_store(version, even + 1);
    word_fence_release();
    return index;
}

/* Makes it even again and drops its entry, so that repair leaves it alone: once the lock is gone the version may be another
 * writer's, or its memory another's altogether. After the commit, before the lock goes. */
static inline void record_close_version(struct participant *me, word64 *version, uint32_t index)
{
    word_publish(version, word_load(version) + 1);
    word_order();
    word_store(&me->slot->record.entries[index].what, 0);
    word_order();
}

/* From here on a death finishes the operation. */
static inline void record_commit(struct participant *me)
{
    record_switch(me, RECORD_COMMITTED, me->record_base, me->record_end);
}

/* Drops the entries from `end` on: what they covered is complete. */
static inline void record_savepoint(struct participant *me, uint32_t end)
{
    record_switch(me, RECORD_ACTIVE, me->record_base, end);
}

/* The operation is over and owes nothing. */
static inline void record_clear(struct participant *me)
{
    record_switch(me, RECORD_IDLE, 0, 0);
}

#endif
