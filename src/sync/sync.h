/* sync.h - participants, locks, operation records, repair and reaping
 *
 * Order of locks: a map's private mutex; one object lock; then, as leaves and never together, the heap lock or the grow
 * lock. Nothing under an engine lock runs foreign code or waits for anything but another engine lock.
 */
#ifndef COMEM_SYNC_SYNC_H
#define COMEM_SYNC_SYNC_H

#include "store/store.h"
#include "sync/layout.h"

/* ---- participants (participant.c) ---- */

#define PARTICIPANT_INSIDE 1u
#define PARTICIPANT_TO_LEAVE 2u /* the store was closed: the thread leaves when it calls next */

/* One thread in one mapping: private memory that reads as zeros in a child of fork, however that was made, so that no child
 * takes itself for its parent. */
struct participant {
    struct store_map *map; /* NULL: free, or wiped by a fork */
    struct slot *slot;
    uint32_t number;          /* of the slot */
    uint32_t lock_word;       /* what this thread writes into a lock it takes */
    _Atomic uint32_t entered; /* private: PARTICIPANT_INSIDE an operation: a signal handler's call finds it so */
    uint32_t record_base, record_end; /* of the record's valid entries; both 0 when it is idle */
    void *sleep_token;                /* what the before-sleep hook gave */
    bool thrifty;                     /* frees what waits in the trash before it lets the store grow; see heap.h */
    bool quiet;                       /* attaching or leaving: no hook may run */
    struct participant *next_of_map, *next_of_thread;
};

extern _Thread_local struct participant *participant_tls; /* the thread's, the one used last in front */

comem_status participant_enter_slow(struct store_map *map, struct participant **me);
void participant_leave_slow(struct participant *me);

static inline bool participant_outside(const struct participant *me)
{
    return atomic_load_explicit(&me->entered, memory_order_relaxed) == 0; /* private: the thread's */
}

static inline void participant_set_entered(struct participant *me, uint32_t entered)
{
    atomic_store_explicit(&me->entered, entered, memory_order_relaxed); /* private: the thread's */
}

/* Begins an operation of the calling thread, attaching it first if need be. COMEM_BUSY: it is inside one already. */
static inline comem_status participant_enter(struct store_map *map, struct participant **me)
{
    struct participant *mine = participant_tls;
    if (!WORD_LIKELY(mine != NULL && mine->map == map && participant_outside(mine)))
        return participant_enter_slow(map, me);
    participant_set_entered(mine, PARTICIPANT_INSIDE);
    word_order();
    *me = mine;
    return COMEM_OK;
}

static inline void participant_leave(struct participant *me)
{
    if (!WORD_LIKELY(me->sleep_token == NULL))
        participant_leave_slow(me);
    word_order();
    participant_set_entered(me, 0);
}

/* Whether no hook may run around a sleep now: attaching, leaving, forking. */
bool participant_hooks_off(const struct participant *me);

/* Whether the calling thread is attached and outside any raw clone: what a reader without locks needs to know. */
static inline bool participant_present(const struct store_map *map)
{
    const struct participant *mine = participant_tls;
    return WORD_LIKELY(mine != NULL && mine->map == map);
}

/* Attaches a further participant of this thread, which participant_enter() does not find. For tests with several parties. */
comem_status participant_attach(struct store_map *map, struct participant **me);
/* Takes the thread out in good order; its record and locks are empty. */
void participant_detach(struct participant *me);
/* Detaches the calling thread from every store; if it is its process's last, gives back every reference first. */
comem_status store_detach_process(void);
/* Sets up fork handlers and the thread-exit destructor; once per process. */
comem_status participant_init(void);
/* Lists a map for the fork handlers, and opens it; one that holds no store is listed to be taken again. */
void participant_add_map(struct store_map *map);
/* The listed map of the store `id`, the one added first; NULL: this process has none. */
struct store_map *participant_find_map(const uint8_t id[16]);
/* The listed map of the store by name that this file holds; NULL: there is none. */
struct store_map *participant_find_file(uint64_t device, uint64_t inode);
/* Takes one that holds no store any more off the list; NULL: there is none. */
struct store_map *participant_take_map(void);
/* Closes a store by name: handles become stale, the calling thread leaves, and once no thread is attached it is unmapped. */
void participant_close(struct store_map *map);
/* Takes that back. False: it was unmapped. */
bool participant_reopen(struct store_map *map);

/* A process record that waits for a child to come: FORKING, with a witness. fork() has its own; this one goes by hand. */
struct child_record {
    uint64_t place; /* offset */
    uint32_t generation;
    int witness; /* a descriptor for the child; the record is nobody's once every copy of it is closed */
};
/* Makes one for a child that is started otherwise than by fork(). */
comem_status participant_expect(struct store_map *map, struct child_record *child);
/* The record, while it waits for its child; NULL: it does no more. */
struct process *participant_expected(struct store_map *map, const struct child_record *child);
/* In the child: attaches the calling thread, the process's first, with that record, and closes the witness. Without the record
 * if it is not to be had, or the process has one already. */
comem_status participant_come(struct store_map *map, const struct child_record *child);

/* ---- locks (lock.c) ---- */

/* `mine`: the caller's held[] had the lock before. */
comem_status lock_acquire_slow(struct participant *me, word32 *lock, bool mine);
void lock_wake(word32 *lock);

/* Takes the private mutex of the thread's map, inside an operation and before any object's lock. */
void map_lock(struct participant *me);

/* Where a slot says which lock its owner has, is about to take or has just released: an object's, and besides a leaf. */
enum { HELD_OBJECT, HELD_LEAF };

static inline comem_status lock_take(struct participant *me, word32 *lock, unsigned place)
{
    word64 *held = &me->slot->held[place];
    uint64_t offset = store_offset(me->map, lock), before = word_load(held);
    word_store(held, offset);
    word_order(); /* whoever finds our word in the lock also finds the lock in held[] */
    if (WORD_LIKELY(word32_swap_if(lock, 0, me->lock_word)))
        return COMEM_OK;
    comem_status status = lock_acquire_slow(me, lock, before == offset);
    if (status != COMEM_OK)
        word_store(held, before); /* of a lock that we do hold, the lock itself */
    return status;
}

static inline void lock_give(struct participant *me, word32 *lock, unsigned place)
{
    uint32_t was = word32_exchange(lock, 0);
    word_order();
    word_store(&me->slot->held[place], 0);
    if (!WORD_LIKELY((was & LOCK_WAITERS) == 0))
        lock_wake(lock);
}

/* Takes an object's lock. COMEM_BUSY: this thread holds it. COMEM_DAMAGED: its word names no slot, or one whose owner does not
 * have the lock. 5 ns when it is free. */
static inline comem_status lock_acquire(struct participant *me, word32 *lock)
{
    return lock_take(me, lock, HELD_OBJECT);
}

static inline void lock_release(struct participant *me, word32 *lock)
{
    lock_give(me, lock, HELD_OBJECT);
}

/* The same for the heap lock and the grow lock. Repair looks at both in any case; in held[] they are for those who wait. */
static inline comem_status leaf_acquire(struct participant *me, word32 *lock)
{
    return lock_take(me, lock, HELD_LEAF);
}

static inline void leaf_release(struct participant *me, word32 *lock)
{
    lock_give(me, lock, HELD_LEAF);
}

/* Whether the thread holds an object's lock, or is about to. */
static inline bool lock_held(const struct participant *me)
{
    return word_load(&me->slot->held[HELD_OBJECT]) != 0;
}

/* For a recoverer: takes a leaf lock in the name of the dead slot, whose lock word is `name`. 0: done, or it had it already;
 * otherwise the number + 1 of the slot that holds it. */
uint32_t lock_acquire_for(struct participant *me, uint32_t name, word32 *lock);
/* Releases `lock` if `name` holds it. */
void lock_release_for(uint32_t name, word32 *lock);

/* ---- seats: slots and process records (seat.c) ---- */

enum seat_table { SEATS_OF_SLOTS, SEATS_OF_PROCESSES };

uint64_t seat_control(uint32_t generation, enum seat_state state, uint32_t recoverer);
uint32_t seat_generation(uint64_t control);
enum seat_state seat_state(uint64_t control);
uint32_t seat_recoverer(uint64_t control); /* slot number + 1, 0 for none */

/* Seat `number`, NULL when its chunk is not there. */
void *seat_at(struct store_map *map, enum seat_table table, uint32_t number);
uint32_t seat_high(struct store_map *map, enum seat_table table);
/* Whether any slot or process record is taken. */
bool seat_any_taken(struct store_map *map);
/* Whether the thread of any slot is alive. */
bool seat_any_alive(struct store_map *map);
/* Declares every thread that a slot names dead: of a store that nobody is attached to. */
void seat_forgo_all(struct store_map *map);
/* Finds a FREE seat and makes it CLAIMED, with `recoverer`. False: none is free. */
bool seat_take(struct store_map *map, enum seat_table table, uint32_t recoverer, uint32_t *number);
/* Adds a chunk when few seats are free. Outside any object lock, record idle. */
comem_status seat_more(struct participant *me, enum seat_table table);
/* Claims a seat whose control word was `seen`: names `me` its recoverer. `rank` 0 for repairing, 1 for reaping. */
bool seat_claim(struct participant *me, word64 *control, uint64_t seen, unsigned rank);
/* Drops the claim and sets the state; a free seat's generation rises. */
void seat_settle(struct participant *me, word64 *control, enum seat_state state, unsigned rank);
struct slot *slot_at(struct store_map *map, uint32_t number);
/* The slot a lock word names; NULL when there is none. `number` may be NULL. */
struct slot *slot_of_lock(struct store_map *map, uint32_t lock_word, uint32_t *number);
uint32_t slot_lock_word(uint64_t control, uint32_t number);
/* Whether the slot has an owner and that one is dead. */
bool slot_dead(const struct slot *slot, uint64_t control);

/* ---- process records (process.c) ---- */

/* Makes a process record for the calling process, or for a child to come. */
comem_status process_open(struct participant *me, enum seat_state state, struct process **process);
/* Reserves a free row for `object`, adding a table if all that fit are taken. The map's mutex is held. */
comem_status process_row(struct participant *me, struct process *process, uint64_t object, word64 **row);
/* The same among the tables there are, NULL if they have none. Touches nothing. */
word64 *process_row_free(struct store_map *map, struct process *process, uint64_t object);
/* A row of `process` that holds `object`, NULL if none does. */
word64 *process_row_find(struct store_map *map, struct process *process, uint64_t object);
/* Whether any process but those whose row is `but` holds a reference to `object`. After a full fence. */
bool process_holds(struct store_map *map, uint64_t object, const word64 *but);
/* Gives back every reference of a process that is gone, and its record. `me` holds nothing. Returns whether it did. */
bool process_reap(struct participant *me, struct process *process);
bool process_dead(struct store_map *map, const struct process *process, uint64_t control);
/* Copies the references of `from` into `to`, a record of the same process made for its child. */
comem_status process_copy_rows(struct participant *me, const struct process *from, struct process *to);
/* The n-th table of rows; `rows` says how many. NULL when there is none. */
word64 *process_table(struct store_map *map, const struct process *process, unsigned n, uint64_t *rows);

/* Lets a map whose descriptor was closed borrow one from a living process; once per process. */
void process_init(void);

/* ---- repair (repair.c) ---- */

/* Repairs slot `number` if it is dead and nobody alive is at it. True when the lock in question may have become free;
 * false: a living recoverer is busy with it, whose life word is then `*life`. */
bool repair_slot(struct participant *me, uint32_t number, struct os_life **life);
/* Takes back what the running operation did: its record is undone as after a death. Object locks stay with the caller. */
void repair_rollback(struct participant *me);
/* Looks at every life word and repairs the dead. Whatever locks `me` holds. Whether there were any. */
bool repair_dead(struct participant *me);
/* Looks at every slot and process: repairs the dead, reaps what they owed and held. `me` holds no lock, record idle.
 * Returns whether anything was given back. */
bool repair_sweep(struct participant *me);

/* ---- what floors above register ---- */

struct sync_upward {
    /* Finishes or takes back one heap entry of `record`, whose state is `state`; the heap lock is held in its name. */
    void (*settle_heap_entry)(struct store_map *map, enum record_state state, uint64_t what, uint64_t argument);
    /* Allocates a zeroed chunk of seats and stores its offset in *entry, if that is still 0. */
    comem_status (*new_chunk)(struct participant *me, word64 *entry);
    /* Allocates a zeroed block of `size` bytes and stores its offset in *entry. */
    comem_status (*new_block)(struct participant *me, word64 *entry, uint64_t size);
    /* Frees the block that *entry names and stores 0 there, in one. */
    void (*drop_block)(struct participant *me, word64 *entry);
    /* Counts down one link of `object`, owed by `owing`, an entry's word that becomes 0 in the same operation. */
    void (*reap_link)(struct participant *me, uint64_t object, word64 *owing);
    /* Gives back the reference in `row`, which becomes 0 in the same operation. */
    void (*reap_row)(struct participant *me, word64 *row);
    /* Frees up to 256 cells of what waits in the trash. Whether there was anything. */
    bool (*reap_trash)(struct participant *me);
    /* Frees objects that only a pickled name keeps: those whose time has run out, and of the others the ones that would be
     * the first, within `early` nanoseconds of each other, if that is not 0. Whether there was any. */
    bool (*reap_stamped)(struct participant *me, uint64_t early);
    /* All handles of the process on objects of `map` become stale: it is a child that got no references. */
    void (*forget_handles)(struct store_map *map);
    /* The handles of a child, which still name the rows of its parent's record, find their own in map->process. */
    void (*adopt_handles)(struct store_map *map);
    /* Whether the process has any handle on objects of `map`. */
    bool (*has_handles)(struct store_map *map);
    /* All handles become stale, and the references that the process has are given back. The map's mutex is held. */
    void (*close_handles)(struct participant *me);
    /* What stale handles point at will be unmapped. */
    void (*cast_off_handles)(struct store_map *map);
};
extern const struct sync_upward *sync_upward;

#endif
