/* repair.c - making the store whole after a death
 *
 * Repair undoes or finishes what a dead slot's record says and releases its locks. It is bounded by the record, needs only
 * the heap lock, may run in any thread whatever that holds, and may itself be cut short at any store: every step can be
 * done again by the next one.
 *
 *   1  claim      the control word names the recoverer, if it named nobody. Where it names a dead one, that one's slot is
 *                 repaired first, which drops the claim; a claim is never taken over
 *   2  settle     a fired WATCH turns ACTIVE into COMMITTED; the grow lock goes; words are undone and versions made even; the
 *                 dead slot's own claims are dropped; then, with the heap lock in the dead slot's name (it may hold it
 *                 already), heap entries are settled and each is cleared; the record is emptied, or left OWING; the heap
 *                 lock goes
 *   3  release    only now the object locks: a WATCH must not be looked at again once its word may change
 *   4  let go     the seat becomes FREE, or OWING
 *
 * Locks are taken in the dead slot's name, never the recoverer's own: so a dead recoverer leaves nothing of its own behind,
 * and whoever comes next finds the heap lock where the last one left it. If another dead slot holds the heap lock, the claim
 * is dropped, that slot is repaired first, and the first one starts again.
 *
 * Reaping counts down links, gives back references and frees what is in the trash. It takes object locks, so it runs only
 * where the thread holds none (repair_sweep), in steps that are operations of their own with the reaper's record.
 */
#include "sync/record.h"

#define SWEEP_TRASH_STEPS 64u
#define CLAIM_NAP_FIRST_NS UINT64_C(1000000) /* ten naps, a second */
#define CLAIM_NAP_LAST_NS UINT64_C(512000000)
#define REPAIRS_DEPTH 1000u /* who died repairing one that died repairing ... */

const struct sync_upward *sync_upward;

/* A word that an entry names: in the data, or one of the header's. NULL when the offset is nonsense. */
static word64 *entry_word(struct store_map *map, uint64_t what)
{
    uint64_t offset = what & RECORD_OFFSET_MASK;
    if (offset % 8 == 0 && offset >= offsetof(struct store_header, committed) && offset < sizeof(struct store_header))
        return (word64 *)(map->base + offset);
    return store_at(map, offset, sizeof(word64));
}

static bool entry_is_heaps(enum record_kind kind)
{
    return kind == RECORD_ALLOC || kind == RECORD_FREE || kind == RECORD_BUILD || kind == RECORD_TRASH ||
           kind == RECORD_HOLD;
}

static bool record_watch_fired(struct store_map *map, struct record *record, uint64_t head)
{
    for (uint32_t i = record_base(head); i < record_end(head) && i < RECORD_ENTRIES; i++) {
        uint64_t what = word_load(&record->entries[i].what);
        const word64 *word = record_kind(what) == RECORD_WATCH ? entry_word(map, what) : NULL;
        if (word != NULL && word_load(word) != word_load(&record->entries[i].argument))
            return true;
    }
    return false;
}

/* Undoes one entry; of LOG the caller goes through the block. */
static void undo_word(struct store_map *map, enum record_state state, uint64_t what, uint64_t argument)
{
    word64 *word = entry_word(map, what);
    if (word != NULL && record_kind(what) == RECORD_WORD && state == RECORD_ACTIVE)
        word_store(word, argument);
    if (word != NULL && record_kind(what) == RECORD_VERSION && word_load(word) % 2 != 0)
        word_publish(word, word_load(word) + 1);
}

static void undo_log(struct store_map *map, enum record_state state, uint64_t offset, uint64_t count)
{
    bool sound = count <= map->window / sizeof(struct record_entry);
    const struct record_entry *log = sound ? store_at(map, offset, count * sizeof *log) : NULL;
    for (uint64_t i = log == NULL ? 0 : count; i-- > 0;)
        undo_word(map, state, word_load(&log[i].what), word_load(&log[i].argument));
}

static void undo_words(struct store_map *map, enum record_state state, const struct record_entry *entries,
                       uint64_t base, uint64_t end)
{
    for (uint64_t i = end; i-- > base;) {
        uint64_t what = word_load(&entries[i].what), argument = word_load(&entries[i].argument);
        if (record_kind(what) == RECORD_LOG)
            undo_log(map, state, what & RECORD_OFFSET_MASK, argument);
        else
            undo_word(map, state, what, argument);
    }
}

/* Step 2a, while the lock of the watched word is still held: a fired WATCH commits, one that has not fired is dropped, so
 * that the next recoverer cannot decide otherwise. */
static void record_decide(struct store_map *map, struct record *record)
{
    uint64_t head = word_load(&record->head);
    if (record_state(head) != RECORD_ACTIVE)
        return;
    if (record_watch_fired(map, record, head)) {
        word_store(&record->head, record_head(RECORD_COMMITTED, record_base(head), record_end(head)));
    } else {
        for (uint32_t i = record_base(head); i < record_end(head) && i < RECORD_ENTRIES; i++)
            if (record_kind(word_load(&record->entries[i].what)) == RECORD_WATCH)
                word_store(&record->entries[i].what, 0);
    }
    word_order();
}

/* A seat that the dead slot claimed is nobody's again; a process record that it was still setting up is free. */
static void drop_claims(struct store_map *map, struct slot *slot, uint32_t number)
{
    for (unsigned rank = 0; rank < 2; rank++) {
        word64 *control = store_at(map, word_load(&slot->claims[rank]), SEAT_SIZE);
        if (word_load(&slot->claims[rank]) == 0 || control == NULL)
            continue;
        for (uint64_t seen = word_load(control); seat_recoverer(seen) == number + 1; seen = word_load(control)) {
            bool unfinished = seat_state(seen) == SEAT_CLAIMED;
            uint64_t next =
                seat_control(seat_generation(seen) + unfinished, unfinished ? SEAT_FREE : seat_state(seen), 0);
            if (word_swap_if(control, seen, next))
                break;
        }
        word_store(&slot->claims[rank], 0);
    }
}

/* Step 2b, for the slot whose lock word is `name`: undoes words, drops claims, settles heap entries, empties the record. 0, or
 * the number + 1 of the dead slot that is in the way. */
static uint32_t slot_settle(struct participant *me, struct slot *slot, uint32_t number, uint32_t name)
{
    struct store_map *map = me->map;
    struct record *record = &slot->record;
    word32 *heap_lock = &map->header->heap_lock;
    uint64_t head = word_load(&record->head);
    enum record_state state = record_state(head);
    uint32_t base = record_base(head), end = record_end(head) < RECORD_ENTRIES ? record_end(head) : RECORD_ENTRIES;
    bool open = state == RECORD_ACTIVE || state == RECORD_COMMITTED, heap = false, owing = false;
    if (open)
        undo_words(map, state, record->entries, base, end);
    /* Not before the words, which may be a claimed record's; not after the heap lock, whose dead holder may be the claimed
     * slot and wait for us. */
    drop_claims(map, slot, number);
    for (uint32_t i = base; open && i < end; i++)
        heap |= entry_is_heaps(record_kind(word_load(&record->entries[i].what)));
    uint32_t blocker = heap ? lock_acquire_for(me, name, heap_lock) : 0;
    if (blocker != 0)
        return blocker;
    for (uint32_t i = end; open && i-- > base;) {
        struct record_entry *entry = &record->entries[i];
        uint64_t what = word_load(&entry->what);
        enum record_kind kind = record_kind(what);
        if (kind == (state == RECORD_ACTIVE ? RECORD_OWE : RECORD_UNLINK)) {
            owing = true;
            continue;
        }
        if (entry_is_heaps(kind))
            sync_upward->settle_heap_entry(map, state, what, word_load(&entry->argument));
        if (entry_is_heaps(kind) || kind == RECORD_OWE || kind == RECORD_UNLINK) {
            word_order();
            word_store(&entry->what, 0);
        }
    }
    word_order();
    if (open)
        word_store(&record->head, owing ? record_head(RECORD_OWING, base, end) : 0);
    word_order();
    lock_release_for(name, heap_lock);
    return 0;
}

static void release_held(struct store_map *map, struct slot *slot, uint32_t name)
{
    for (unsigned i = 0; i < 8; i++) {
        uint64_t offset = word_load(&slot->held[i]);
        word32 *lock = offset >= map->data ? store_at(map, offset, sizeof(word64)) : NULL;
        if (lock != NULL)
            lock_release_for(name, lock);
        word_store(&slot->held[i], 0);
    }
}

/* Repairs a slot that `me` has claimed. 0: done. Otherwise the claim is dropped and that slot comes first. */
static uint32_t repair_claimed(struct participant *me, struct slot *slot, uint32_t number)
{
    uint64_t control = word_load(&slot->control);
    uint32_t name = slot_lock_word(control, number);
    record_decide(me->map, &slot->record);
    lock_release_for(name, &me->map->header->grow_lock);
    uint32_t blocker = slot_settle(me, slot, number, name);
    if (blocker != 0) {
        seat_settle(me, &slot->control, seat_state(control), 0);
        return blocker;
    }
    release_held(me->map, slot, name);
    word_store(&slot->process, 0);
    word_store(&slot->thread, 0);
    word_order();
    bool owing = record_state(word_load(&slot->record.head)) == RECORD_OWING;
    seat_settle(me, &slot->control, owing ? SEAT_OWING : SEAT_FREE, 0);
    word_store(&me->slot->counters[1], word_load(&me->slot->counters[1]) + 1);
    return 0;
}

/* A claim is in claims[] before it is in the control word and until it left that. */
static bool claim_is_named(struct store_map *map, const struct slot *slot, const struct slot *recoverer)
{
    uint64_t offset = store_offset(map, &slot->control);
    return word_load_acquire(&recoverer->claims[0]) == offset || word_load_acquire(&recoverer->claims[1]) == offset;
}

/* Whether the living `recoverer` has no such claim. It may have claimed, dropped and claimed again between two looks, so that has
 * to be found again and again for a second. */
static bool claim_is_damage(struct store_map *map, const struct slot *slot, uint64_t control,
                            const struct slot *recoverer)
{
    for (uint64_t nap = CLAIM_NAP_FIRST_NS; nap <= CLAIM_NAP_LAST_NS; nap *= 2) {
        if (claim_is_named(map, slot, recoverer) || word_load_acquire(&slot->control) != control)
            return false;
        os_nap(nap);
    }
    return true;
}

/* What to do about a dead slot that somebody claimed. A claim is never taken over: by now the recoverer's slot may be another
 * thread's, with a claim that looks the same. Whoever repairs the recoverer drops its claims. */
enum claim { CLAIM_DAMAGED, CLAIM_OF_THE_DEAD, CLAIM_OF_THE_LIVING };

static enum claim claim_look(struct participant *me, const struct slot *slot, uint64_t control, struct os_life **life)
{
    uint32_t recoverer = seat_recoverer(control);
    struct slot *other = slot_at(me->map, recoverer - 1);
    enum seat_state state = other == NULL ? SEAT_FREE : seat_state(word_load_acquire(&other->control));
    if (recoverer == me->number + 1 || (state != SEAT_LIVE && state != SEAT_LEAVING))
        return CLAIM_DAMAGED; /* nobody there can have claimed it */
    if (os_life_over(&other->life))
        return claim_is_named(me->map, slot, other) ? CLAIM_OF_THE_DEAD : CLAIM_DAMAGED;
    if (claim_is_damage(me->map, slot, control, other))
        return CLAIM_DAMAGED;
    *life = &other->life;
    return CLAIM_OF_THE_LIVING;
}

/* repair_slot(), for a slot that `depth` others wait for. */
static bool repair_slot_first(struct participant *me, uint32_t number, struct os_life **life, unsigned depth)
{
    for (;;) {
        struct slot *slot = slot_at(me->map, number);
        uint64_t control = slot == NULL ? 0 : word_load_acquire(&slot->control);
        if (slot == NULL || !slot_dead(slot, control))
            return true;
        uint32_t blocker = seat_recoverer(control);
        enum claim claim = blocker == 0            ? CLAIM_OF_THE_DEAD
                           : depth > REPAIRS_DEPTH ? CLAIM_DAMAGED /* in a ring */
                                                   : claim_look(me, slot, control, life);
        if (claim == CLAIM_OF_THE_LIVING)
            return false;
        if (claim == CLAIM_DAMAGED) {
            word_swap_if(&slot->control, control, control - blocker);
            continue;
        }
        if (blocker == 0 && !seat_claim(me, &slot->control, control, 0))
            continue;
        if (blocker == 0 && (blocker = repair_claimed(me, slot, number)) == 0)
            return true;
        if (blocker - 1 != number && !repair_slot_first(me, blocker - 1, life, depth + 1))
            return false;
    }
}

bool repair_slot(struct participant *me, uint32_t number, struct os_life **life)
{
    return repair_slot_first(me, number, life, 0);
}

void repair_rollback(struct participant *me)
{
    uint32_t blocker;
    record_decide(me->map, &me->slot->record);
    while ((blocker = slot_settle(me, me->slot, me->number, me->lock_word)) != 0) {
        struct os_life *life = NULL;
        repair_slot(me, blocker - 1, &life); /* when a living recoverer is at it, the next look finds its work done */
    }
    me->record_base = me->record_end = 0;
}

static bool reap_owing(struct participant *me, struct slot *slot, uint64_t control)
{
    if (!seat_claim(me, &slot->control, control, 1))
        return false;
    uint64_t head = word_load(&slot->record.head);
    bool done = true;
    for (uint32_t i = record_base(head); i < record_end(head) && i < RECORD_ENTRIES; i++) {
        uint64_t what = word_load(&slot->record.entries[i].what);
        if (record_kind(what) != RECORD_OWE && record_kind(what) != RECORD_UNLINK)
            continue;
        sync_upward->reap_link(me, what & RECORD_OFFSET_MASK, &slot->record.entries[i].what);
        done &= word_load(&slot->record.entries[i].what) == 0;
    }
    if (done) {
        word_store(&slot->record.head, 0);
        word_order();
    }
    seat_settle(me, &slot->control, done ? SEAT_FREE : SEAT_OWING, 1);
    return done;
}

/* Whether a seat belongs to a thread that has no life word: not yet, or no more. While a thread unlocks its life word the
 * kernel may still look at it should the thread die, and mark it as another's of the same number in another namespace. */
static bool seat_is_between(const struct slot *slot, uint64_t control)
{
    enum seat_state state = seat_state(control);
    return state == SEAT_CLAIMED || (state == SEAT_LEAVING && os_life_ended(&slot->life));
}

/* Whether such a thread is known to be dead. Of one in another PID namespace, or in one that cannot be told, or killed when
 * its number was not there, nothing is known: its seat is lost rather than given to two. */
static bool owner_is_dead(const struct slot *slot)
{
    uint64_t thread = word_load(&slot->thread), namespace = word_load(&slot->pid_namespace);
    return thread != 0 && namespace != 0 && namespace == os_pid_namespace() && !os_thread_alive((uint32_t)thread);
}

bool repair_dead(struct participant *me)
{
    bool gained = false;
    for (uint32_t i = 0; i < seat_high(me->map, SEATS_OF_SLOTS); i++) {
        struct slot *slot = slot_at(me->map, i);
        struct os_life *life;
        uint64_t control = slot == NULL ? 0 : word_load_acquire(&slot->control);
        if (slot != NULL && slot_dead(slot, control))
            gained |= repair_slot(me, i, &life);
        if (slot != NULL && seat_is_between(slot, control) && owner_is_dead(slot)) {
            word_store(&slot->thread, 0); /* before the seat is free: the next claimer must not be taken for this one */
            word_order();
            if (word_swap_if(&slot->control, control, seat_control(seat_generation(control) + 1, SEAT_FREE, 0)))
                gained = true;
        }
    }
    return gained;
}

/* First all dead slots are repaired, so that no claim is left but those of the living; then what they left is reaped. */
bool repair_sweep(struct participant *me)
{
    struct store_map *map = me->map;
    bool gained = repair_dead(me);
    for (uint32_t i = 0; i < seat_high(map, SEATS_OF_SLOTS); i++) {
        struct slot *slot = slot_at(map, i);
        uint64_t control = slot == NULL ? 0 : word_load_acquire(&slot->control);
        if (seat_state(control) == SEAT_OWING && seat_recoverer(control) == 0)
            gained |= reap_owing(me, slot, control);
    }
    for (uint32_t i = 0; i < seat_high(map, SEATS_OF_PROCESSES); i++) {
        struct process *process = seat_at(map, SEATS_OF_PROCESSES, i);
        uint64_t control = process == NULL ? 0 : word_load_acquire(&process->control);
        if (seat_recoverer(control) == 0 && process_dead(map, process, control))
            gained |= process_reap(me, process);
    }
    for (unsigned steps = 0; steps < SWEEP_TRASH_STEPS && sync_upward->reap_trash(me); steps++)
        gained = true;
    return gained;
}
