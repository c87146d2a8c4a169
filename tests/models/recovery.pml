/* recovery.pml — operation records and the repair of dead slots, in the dead slot's name
 *
 * Modelled      HEAPS heaps (1 or 2), each with its lock and bitmap, a grow lock, and one container with its lock.
 *               The container has one cell per heap and a pair of words that must always be equal. Three threads;
 *               each runs one operation and may be killed before any store, also inside repair:
 *                 replace   allocate a block in each heap (growing the store when there is none), put them into the
 *                           cells, commit, free the old blocks
 *                 build     allocate a root and a block that hangs from it (savepoint), put the root into a cell,
 *                           commit, free what the cell named before
 *                 pair      allocate a log block, write the old pair into it, record LOG, change the pair, commit, free
 *                           the log block
 *               The heap locks and the grow lock are leaves, never held together: an operation that finds no free block
 *               releases the heap lock, grows under the grow lock alone by one store of `committed`, starts over.
 * Record        IDLE, ACTIVE or COMMITTED, and entries. While ACTIVE, a death undoes WORD, LOG, ALLOC and BUILD; once
 *               COMMITTED, it finishes FREE. Undoing BUILD frees the root and what hangs from it, under one hold of
 *               the heap lock.
 * Repair        claims the dead slot, or the dead recoverer named in it; (1) finishes the entries of each heap whose
 *               lock the slot holds and releases it; undoes words; drops the claims the slot holds on others; (2)
 *               locks the other heaps in the dead slot's name, one at a time; (3) when one is held by another dead
 *               slot, gives its claim up and repairs that slot first; then releases the other locks and frees the
 *               slot.
 * Properties    safety: no block is handed out or freed twice; when all is quiet the blocks in use are exactly those
 *               the cells name, the pair is what the last commit wrote, no lock is held, no record is pending; nobody
 *               waits for ever. liveness: every thread ends, however often repair has to start again.
 * Abstracted    An entry is one word, written in one step. The claim is a word of its own, slots are not reused
 *               (slot_reuse.pml). Readers and versions are left out. Sequential consistency.
 * Broken variants
 *   BROKEN_BIT_BEFORE_ALLOC          the bitmap bit is set before ALLOC is recorded: the block leaks.
 *   BROKEN_CLEAR_AFTER_UNLOCK        a free releases the heap lock before its entry is cleared: the block is freed
 *                                    twice.
 *   BROKEN_LOCK_IN_OWN_NAME          the recoverer locks the heap under its own name: after its death the next
 *                                    recoverer frees a block that has a new owner.
 *   BROKEN_HELD_ONLY                 repair without (3): two dead slots, the second never repaired (livelock).
 *   BROKEN_HELP_ONLY                 repair without (1): with two heaps, two dead slots wait for each other's lock
 *                                    and are repaired in turn for ever (livelock).
 *   BROKEN_CLAIMS_DROPPED_LAST       claims are dropped after (2): a dead recoverer wants the heap lock of the slot
 *                                    it had claimed, which cannot be repaired before it is (livelock).
 *   BROKEN_WORDS_LAST                words are undone after the heaps: the log block is reused before it is read
 *                                    back.
 *   BROKEN_CHANGE_BEFORE_LOG         the pair is changed while the log is half written.
 *   BROKEN_HEAP_UNDER_LOG            a heap lock is taken between the first change under LOG and the commit: step (1)
 *                                    frees the log block before the words are undone.
 *   BROKEN_SAVEPOINT_BEFORE_LINK     the count goes back to just after BUILD before the block hangs from its root.
 *   BROKEN_BUILD_BEFORE_BLANK        BUILD names a root whose link word is not blank yet.
 */
#define SLOTS   3
#define FORGET                                                                          \
    victim = 0; blocker = 0; heap = 0; block = 0; root = 0; slot = 0; starved = 0; wanted = 0; phase = 0; \
    operation = 0
#include "death.pml"

#ifndef HEAPS
#define HEAPS 1
#endif
#ifndef BLOCKS
#define BLOCKS 3                /* per heap, once the store has grown to its limit */
#endif
#ifndef COMMITTED_AT_START
#define COMMITTED_AT_START 2    /* per heap */
#endif
#if HEAPS > 1                   /* the choices each thread has */
#define OPERATIONS_OF_THREADS  operation = REPLACE
#elif defined(LIVENESS) || defined(ONE_OF_EACH)
#define OPERATIONS_OF_THREADS  operation = (_pid == 0 -> REPLACE : (_pid == 1 -> PAIR : BUILD))
#else
#define OPERATIONS_OF_THREADS                                                           \
    if                                                                                  \
    :: _pid == 0 || _pid == 1 -> operation = REPLACE                                    \
    :: _pid == 1 || _pid == 2 -> operation = PAIR                                       \
    :: _pid == 2 || _pid == 0 -> operation = BUILD                                      \
    fi
#endif

mtype = { IDLE, ACTIVE, COMMITTED };
mtype = { REPLACE, BUILD, PAIR };
mtype = { ALLOCATE, GROW, CHANGE, FREE, SWEEP, DONE };

/* Locks: one per heap, then the grow lock, then the container's. */
#define GROW_LOCK       HEAPS
#define CONTAINER_LOCK  (HEAPS + 1)
byte lock[HEAPS + 2] = NOBODY;

/* The heaps. Blocks are numbered from 1 in every heap. Heap 0 alone holds structures and logs. */
#define NONE            0       /* no block */
#define MARK            9       /* what the words of a log hold after its block was freed; no operation writes it */
#define AT(h, b)        ((h) * BLOCKS + (b) - 1)
bool used[HEAPS * BLOCKS];
byte committed = COMMITTED_AT_START;
byte link[BLOCKS] = 2;          /* the block that hangs from this one; in a free block stale, and it may say anything */
byte log0[BLOCKS] = MARK;       /* a log of the pair's words */
byte log1[BLOCKS] = MARK;

/* The container */
byte cell[HEAPS] = NONE;
byte pair0 = 0, pair1 = 0;
byte committed_pair = 0;        /* what the last committed operation wrote; for the final check only */

/* The slots: claim and record */
#define ENTRY(s, h)     ((s) * HEAPS + (h))
bool  freed[SLOTS + 1];
byte  recoverer[SLOTS + 1] = NOBODY;
mtype state[SLOTS + 1] = IDLE;
byte  alloc_entry[(SLOTS + 1) * HEAPS] = NONE;
byte  free_entry[(SLOTS + 1) * HEAPS] = NONE;
byte  old_cell[(SLOTS + 1) * HEAPS] = NONE;
bool  word_entry[SLOTS + 1];            /* WORD of every cell */
byte  build_entry[SLOTS + 1] = NONE;
byte  log_entry[SLOTS + 1] = NONE;

/* A claim is never taken over from a dead recoverer (slot_reuse.pml): that one's slot is repaired first. */
#define REPAIRABLE(s)   (dead[s] && !freed[s] && recoverer[s] == NOBODY)
#define FIRST_OF(s)     (OWNER_DEAD(recoverer[s]) -> recoverer[s] - 1 : (s))

/* What a record still wants from a heap: to undo ALLOC and BUILD, or to finish FREE. */
#define WANTS(s, h)                                                                     \
    ((state[s] == ACTIVE && alloc_entry[ENTRY(s, h)] != NONE) ||                        \
     (state[s] == ACTIVE && h == 0 && build_entry[s] != NONE) ||                        \
     (state[s] == COMMITTED && free_entry[ENTRY(s, h)] != NONE))

/* A freed block no longer holds a log: its next owner may write anything there. Its link stays. */
#define CLEAR_BIT(h, b)                                                                 \
    used[AT(h, b)] = false;                                                             \
    if                                                                                  \
    :: h == 0 -> log0[b - 1] = MARK; log1[b - 1] = MARK             \
    :: else                                                                             \
    fi

/* Frees a block and the one that hangs from it. May be repeated under one hold of the heap lock. */
inline free_structure(h, b)
{
    if
    :: h == 0 && link[b - 1] != NONE -> STEP(used[AT(0, link[b - 1])] = false)
    :: else
    fi;
    STEP(CLEAR_BIT(h, b))
}

/* Finishes the entries of heap h in the record of `owner`, whose name is in the heap lock; clears each when done. */
inline finish_heap(owner, h)
{
    if
    :: state[owner] == ACTIVE && alloc_entry[ENTRY(owner, h)] != NONE ->
        STEP(CLEAR_BIT(h, alloc_entry[ENTRY(owner, h)]));
        STEP(alloc_entry[ENTRY(owner, h)] = NONE)
    :: else
    fi;
    if
    :: state[owner] == ACTIVE && h == 0 && build_entry[owner] != NONE ->
        free_structure(h, build_entry[owner]);
        STEP(build_entry[owner] = NONE)
    :: else
    fi;
    if
    :: state[owner] == COMMITTED && free_entry[ENTRY(owner, h)] != NONE ->
        assert(cell[h] != free_entry[ENTRY(owner, h)]);
        free_structure(h, free_entry[ENTRY(owner, h)]);
        STEP(free_entry[ENTRY(owner, h)] = NONE)
    :: else
    fi
}

/* Undoes LOG and WORD entries. Needs no lock: the dead slot holds the container's. */
inline undo_words()
{
    if
    :: state[victim] == ACTIVE && log_entry[victim] != NONE ->
        STEP(pair0 = log0[log_entry[victim] - 1]);
        STEP(pair1 = log1[log_entry[victim] - 1]);
        STEP(log_entry[victim] = NONE)
    :: else
    fi;
    if
    :: state[victim] == ACTIVE && word_entry[victim] ->
        STEP(cell[0] = old_cell[ENTRY(victim, 0)]);
#if HEAPS > 1
        STEP(cell[1] = old_cell[ENTRY(victim, 1)]);
#endif
        STEP(word_entry[victim] = false)
    :: else
    fi
}

inline release_if_held(number)
{
    if
    :: lock[number] == victim + 1 -> STEP(lock[number] = NOBODY)
    :: else
    fi
}

#ifdef BROKEN_LOCK_IN_OWN_NAME
#define REPAIR_NAME  ME
#else
#define REPAIR_NAME  (victim + 1)
#endif

/* Drops the claims the dead slot holds on others. */
inline drop_claims()
{
    do
    :: heap < SLOTS && recoverer[heap] == victim + 1 -> STEP(recoverer[heap] = NOBODY); heap++
    :: heap < SLOTS && recoverer[heap] != victim + 1 -> heap++
    :: heap == SLOTS -> break
    od;
    heap = 0
}

/* One attempt to repair `victim`, which this thread has claimed. Ends with blocker = NOBODY and the slot free, or with
 * the claim dropped and blocker = the other dead holder of a heap lock that was wanted. */
inline repair()
{
    heap = 0;
#ifndef BROKEN_HELP_ONLY
    do                                                  /* (1) */
    :: heap < HEAPS && lock[heap] == victim + 1 ->
        finish_heap(victim, heap);
        STEP(lock[heap] = NOBODY);
        heap++
    :: heap < HEAPS && lock[heap] != victim + 1 -> heap++
    :: heap == HEAPS -> break
    od;
    heap = 0;
#endif
#ifndef BROKEN_WORDS_LAST
    undo_words();
#endif
#ifndef BROKEN_CLAIMS_DROPPED_LAST
    drop_claims();
#endif
    do                                                  /* (2) */
    :: heap < HEAPS && WANTS(victim, heap) ->
        if
        :: lock[heap] == REPAIR_NAME
        :: atomic { lock[heap] == NOBODY -> lock[heap] = REPAIR_NAME }
        :: atomic { OWNER_DEAD(lock[heap]) && lock[heap] != REPAIR_NAME -> blocker = lock[heap] }; break
        OR_DIE
        fi;
        finish_heap(victim, heap);
#ifndef BROKEN_HELP_ONLY
        STEP(lock[heap] = NOBODY);
#endif
        heap++
    :: heap < HEAPS && !WANTS(victim, heap) -> heap++
    :: heap == HEAPS -> break
    od;
    heap = 0;
    if
    :: blocker != NOBODY ->                             /* (3) */
        STEP(recoverer[victim] = NOBODY)
    :: else ->
#ifdef BROKEN_WORDS_LAST
        undo_words();
#endif
        STEP(state[victim] = IDLE);
#ifdef BROKEN_HELP_ONLY
        release_if_held(0);
#if HEAPS > 1
        release_if_held(1);
#endif
#endif
        release_if_held(GROW_LOCK);
        release_if_held(CONTAINER_LOCK);
#ifdef BROKEN_CLAIMS_DROPPED_LAST
        drop_claims();
#endif
        STEP(freed[victim] = true; recoverer[victim] = NOBODY)
    fi
}

/* Repairs `victim`, then whoever was in its way. */
inline repair_with_blockers()
{
    do
    :: repair();
#ifdef BROKEN_HELD_ONLY
        blocker = NOBODY;
#endif
        if
        :: atomic { blocker != NOBODY && REPAIRABLE(FIRST_OF(blocker - 1)) ->
                    victim = FIRST_OF(blocker - 1); recoverer[victim] = ME; blocker = NOBODY }
        :: else -> break                                /* done, or somebody living is at work on the blocker */
        fi
    od;
    blocker = NOBODY; victim = 0
}

/* Ends an operation: entries are void once the record is IDLE. */
#define RECORD_IDLE                                                                     \
    state[_pid] = IDLE; word_entry[_pid] = false; log_entry[_pid] = NONE; build_entry[_pid] = NONE; \
    heap = 0;                                                                           \
    do                                                                                  \
    :: heap < HEAPS ->                                                                  \
        alloc_entry[ENTRY(_pid, heap)] = NONE; free_entry[ENTRY(_pid, heap)] = NONE;    \
        old_cell[ENTRY(_pid, heap)] = NONE; heap++                                      \
    :: else -> break                                                                    \
    od;                                                                                 \
    heap = 0; block = NONE; root = NONE

#define FIRST_HEAP  (_pid % HEAPS)              /* threads begin with different heaps */
#define LAST_HEAP   (HEAPS - 1 - _pid % HEAPS)

/* Frees, or gives back, what the own record still wants from the heaps; ends the operation when that is nothing. */
inline then_free()
{
    if
    :: WANTS(_pid, FIRST_HEAP) -> phase = FREE; wanted = FIRST_HEAP
    :: !WANTS(_pid, FIRST_HEAP) && WANTS(_pid, LAST_HEAP) -> phase = FREE; wanted = LAST_HEAP
    :: else -> STEP(RECORD_IDLE); phase = DONE
    fi
}

/* The heap lock is held: allocates a block and goes on to what the operation does next, or to grow. */
inline allocate()
{
    block = (!used[AT(wanted, 1)] -> 1 : (!used[AT(wanted, 2)] && committed > 1 -> 2 :
            (BLOCKS > 2 && committed > 2 && !used[AT(wanted, BLOCKS)] -> BLOCKS : NONE)));
    if
    :: block != NONE ->
#ifdef BROKEN_BIT_BEFORE_ALLOC
        STEP(used[AT(wanted, block)] = true);
        STEP(alloc_entry[ENTRY(_pid, wanted)] = block);
#else
        STEP(alloc_entry[ENTRY(_pid, wanted)] = block);
        STEP(assert(!used[AT(wanted, block)]); used[AT(wanted, block)] = true);
#endif
        STEP(lock[wanted] = NOBODY);
        if
        :: operation != BUILD && wanted == 0 -> STEP(link[block - 1] = NONE)
        :: else
        fi;
        if
        :: operation == REPLACE && wanted != LAST_HEAP ->
            wanted = LAST_HEAP
        :: operation == BUILD && root == NONE ->
            root = block;
#ifdef BROKEN_BUILD_BEFORE_BLANK
            STEP(build_entry[_pid] = root; alloc_entry[ENTRY(_pid, 0)] = NONE);
            STEP(link[root - 1] = NONE)
#else
            STEP(link[root - 1] = NONE);
            STEP(build_entry[_pid] = root; alloc_entry[ENTRY(_pid, 0)] = NONE)  /* ALLOC turns into BUILD: one store */
#endif
        :: operation == BUILD && root != NONE ->
#ifdef BROKEN_SAVEPOINT_BEFORE_LINK
            STEP(alloc_entry[ENTRY(_pid, 0)] = NONE);
            STEP(link[root - 1] = block);
#else
            STEP(link[root - 1] = block);
            STEP(alloc_entry[ENTRY(_pid, 0)] = NONE);                           /* savepoint */
#endif
            phase = CHANGE; wanted = CONTAINER_LOCK
        :: else ->
            phase = CHANGE; wanted = CONTAINER_LOCK
        fi
    :: else ->
        STEP(lock[wanted] = NOBODY);
        starved = wanted; phase = GROW; wanted = GROW_LOCK
    fi
}

/* The grow lock is held: grows and starts the allocation over, or gives the operation up. */
inline grow()
{
    if
    :: committed < BLOCKS ->
        STEP(committed++);
        STEP(lock[GROW_LOCK] = NOBODY);
        phase = ALLOCATE; wanted = starved; starved = 0
    :: else ->
        STEP(lock[GROW_LOCK] = NOBODY);
        starved = 0;
        then_free()
    fi
}

inline change_cells()
{
    STEP(old_cell[ENTRY(_pid, 0)] = cell[0]; free_entry[ENTRY(_pid, 0)] = cell[0]);
#if HEAPS > 1
    STEP(old_cell[ENTRY(_pid, 1)] = cell[1]; free_entry[ENTRY(_pid, 1)] = cell[1]);
#endif
    STEP(word_entry[_pid] = true);
    STEP(cell[0] = (operation == BUILD -> root : alloc_entry[ENTRY(_pid, 0)]));
#if HEAPS > 1
    STEP(cell[1] = alloc_entry[ENTRY(_pid, 1)]);
#endif
    STEP(state[_pid] = COMMITTED)
}

inline change_pair()
{
    STEP(log0[block - 1] = pair0);
#ifndef BROKEN_CHANGE_BEFORE_LOG
    STEP(log1[block - 1] = pair1);
#endif
    STEP(free_entry[ENTRY(_pid, 0)] = block);
    STEP(log_entry[_pid] = block);
    STEP(pair0 = ME);
#ifdef BROKEN_CHANGE_BEFORE_LOG
    STEP(log1[block - 1] = pair1);
#endif
#ifdef BROKEN_HEAP_UNDER_LOG
    if
    :: atomic { lock[0] == NOBODY -> lock[0] = ME };
        STEP(lock[0] = NOBODY)
    :: else                                             /* taken: does without */
    fi;
#endif
    STEP(pair1 = ME);
    STEP(state[_pid] = COMMITTED; committed_pair = ME)
}

inline change()
{
    if
    :: operation == PAIR -> change_pair()
    :: else -> change_cells()
    fi;
    STEP(lock[CONTAINER_LOCK] = NOBODY);
    then_free()
}

/* The heap lock is held. */
inline free_own()
{
#ifdef BROKEN_CLEAR_AFTER_UNLOCK
    block = free_entry[ENTRY(_pid, wanted)];
    if
    :: state[_pid] == COMMITTED && block != NONE ->
        free_structure(wanted, block);
        STEP(lock[wanted] = NOBODY);
        STEP(free_entry[ENTRY(_pid, wanted)] = NONE)
    :: else ->
        finish_heap(_pid, wanted);
        STEP(lock[wanted] = NOBODY)
    fi;
#else
    assert(state[_pid] != COMMITTED || used[AT(wanted, free_entry[ENTRY(_pid, wanted)])]);
    finish_heap(_pid, wanted);
    STEP(lock[wanted] = NOBODY);
#endif
    then_free()
}

inline nothing_is_lost()
{
    assert(lock[0] == NOBODY && lock[HEAPS - 1] == NOBODY);
    assert(lock[GROW_LOCK] == NOBODY && lock[CONTAINER_LOCK] == NOBODY);
    assert(state[0] == IDLE && state[1] == IDLE && state[2] == IDLE);
    assert(pair0 == committed_pair && pair1 == committed_pair);
    heap = 0;
    do
    :: heap < HEAPS ->
        block = 1;
        do
        :: block <= BLOCKS ->
            assert(used[AT(heap, block)] ==
                   (cell[heap] == block || (heap == 0 && cell[0] != NONE && link[cell[0] - 1] == block)));
            block++
        :: else -> break
        od;
        heap++
    :: else -> break
    od
}

/* Whom this thread has to ask about: the holder of the lock it wants, or the slot its sweep has come to. */
#define SUSPECT  (phase == SWEEP -> slot + 1 : lock[wanted])

/* A thread takes the lock its phase wants, does the work of the phase, releases the lock; or repairs the holder. */
active [SLOTS + 1] proctype Thread()
{
    byte victim = 0, blocker = NOBODY, heap = 0, block = NONE, root = NONE, slot = 0, starved = 0;
    byte wanted = FIRST_HEAP;
    mtype phase = ALLOCATE, operation = 0;

    if
    :: _pid == JANITOR -> ended == SLOTS; phase = SWEEP
    :: else ->
        OPERATIONS_OF_THREADS;
        STEP(state[_pid] = ACTIVE)
    fi;
    do
    :: atomic { phase != SWEEP && phase != DONE && lock[wanted] == NOBODY -> lock[wanted] = ME };
        if
        :: phase == ALLOCATE -> allocate()
        :: phase == GROW     -> grow()
        :: phase == CHANGE   -> change()
        :: phase == FREE     -> free_own()
        fi
    :: atomic { phase != DONE && OWNER_DEAD(SUSPECT) && REPAIRABLE(FIRST_OF(SUSPECT - 1)) ->
                victim = FIRST_OF(SUSPECT - 1); recoverer[victim] = ME };
        repair_with_blockers()
    :: phase == SWEEP && !(dead[slot] && REPAIRABLE(FIRST_OF(slot))) ->
        if
        :: slot < SLOTS - 1 -> slot++
        :: else -> phase = DONE
        fi
    :: phase == DONE -> break
    OR_DIE
    od;
    if
    :: _pid == JANITOR -> nothing_is_lost()
    :: else
    fi;
    END_OF_THREAD
}

#ifdef LIVENESS
ltl every_thread_ends { <> (ended >= SLOTS) }
#endif
