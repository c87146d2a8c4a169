/* trash.pml — the trash list of the heap: given away once, reaped once, whoever dies
 *
 * Modelled      Blocks of the heap, its lock, and the trash: a list, last in first out, whose head word is written
 *               under the heap lock. A thread allocates a block, gives it away to the trash, then takes a block out
 *               of the trash, works on it and frees it. Blocks are allocated again, so a root may come back to the
 *               list. Three threads, killed before any store, also inside repair.
 * Record        The head word {state, base, count} of a slot's record says which entries are valid, and one store of
 *               it replaces the whole set. The model names the sets; root[] is the argument of their entries:
 *                 IDLE        none
 *                 ALLOC       ACTIVE [ALLOC(root)]
 *                 HOLD        ACTIVE [HOLD(root)]                            the root is this slot's to give away
 *                 FREE        COMMITTED [FREE(root)]
 * Repair        holds the heap lock in the dead slot's name until the record is IDLE. HOLD pushes the root, unless it
 *               is the head of the list already, be it that the pop did not get further or that the push did.
 * Property      No block is allocated, popped or freed while it is not the thread's to do so, and when all is quiet
 *               the blocks in use are exactly the blocks in the list, each once. Nobody waits for ever.
 * Abstracted    The work on a root is one step, with no children (links.pml). Entries are written together with the
 *               head that first names them. Slots are not reused, so a claim may be taken over from a dead recoverer
 *               in one step (slot_reuse.pml shows why the engine may not). Sequential consistency.
 * Broken variants
 *   BROKEN_CLEAR_AFTER_UNLOCK   push releases the heap lock before the record is cleared: another thread pops the
 *                               root or pushes one above it, and repair pushes it a second time.
 *   BROKEN_PUSH_WITHOUT_TEST    repair pushes a root that is the head already: the list becomes a cycle.
 *   BROKEN_HOLD_AFTER_POP       pop moves the head before a record holds the root: a death between loses the root.
 *   BROKEN_FREE_FROM_HOLD       the bit is cleared while the record still says HOLD: repair gives a free block away.
 */
#define SLOTS   3
#define FORGET  victim = 0; slot = 0; block = 0
#include "death.pml"

#define BLOCKS  2               /* numbered from 1; 0 is no block */
#define NONE    0

mtype = { IDLE, ALLOC, HOLD, FREE };

/* The heap */
byte heap_lock = NOBODY;
bool used[BLOCKS + 1];
byte trash_head = NONE;
byte next[BLOCKS + 1];

/* The slots */
bool  freed[SLOTS + 1];
byte  recoverer[SLOTS + 1] = NOBODY;
mtype head[SLOTS + 1] = IDLE;
byte  root[SLOTS + 1];

#define REPAIRABLE(s)  (dead[s] && !freed[s] && (recoverer[s] == NOBODY || dead[recoverer[s] - 1]))

/* Finishes or undoes the record of a dead slot. The heap lock is held in its name. */
inline settle_record(victim)
{
    if
    :: head[victim] == ALLOC || head[victim] == FREE ->
        STEP(used[root[victim]] = false)
    :: else
    fi;
    if
#ifdef BROKEN_PUSH_WITHOUT_TEST
    :: head[victim] == HOLD ->
#else
    :: head[victim] == HOLD && trash_head != root[victim] ->
#endif
        STEP(next[root[victim]] = trash_head);
        STEP(trash_head = root[victim])
    :: else
    fi;
    STEP(head[victim] = IDLE)
}

/* Repairs a dead slot that this thread has claimed. When another dead slot holds the heap lock, it gives the claim up:
 * whoever waits or sweeps repairs the holder first. */
inline repair(victim)
{
    if
    :: head[victim] != IDLE ->
        if
        :: heap_lock == victim + 1
        :: atomic { heap_lock == NOBODY -> heap_lock = victim + 1 }
        :: OWNER_DEAD(heap_lock) && heap_lock != victim + 1
        OR_DIE
        fi
    :: else
    fi;
    if
    :: head[victim] != IDLE && heap_lock != victim + 1 ->
        STEP(recoverer[victim] = NOBODY)
    :: else ->
        if
        :: head[victim] != IDLE -> settle_record(victim)
        :: else
        fi;
        if
        :: heap_lock == victim + 1 -> STEP(heap_lock = NOBODY)
        :: else
        fi;
        STEP(freed[victim] = true; recoverer[victim] = NOBODY)
    fi
}

inline acquire()
{
    do
    :: atomic { heap_lock == NOBODY -> heap_lock = ME } -> break
    :: atomic { OWNER_DEAD(heap_lock) && REPAIRABLE(heap_lock - 1) -> victim = heap_lock - 1; recoverer[victim] = ME };
        repair(victim)
    OR_DIE
    od
}

/* Allocates a block, if there is one, and gives it away whole: the record goes from ALLOC to HOLD in one store. */
inline make_garbage()
{
    acquire();
    block = (!used[1] -> 1 : (!used[2] -> 2 : NONE));
    if
    :: block != NONE ->
        STEP(root[_pid] = block; head[_pid] = ALLOC);
        STEP(assert(trash_head != block); used[block] = true)
    :: else
    fi;
    STEP(heap_lock = NOBODY);
    if
    :: block != NONE ->
        STEP(head[_pid] = HOLD);
        acquire();
        STEP(next[block] = trash_head);
        STEP(trash_head = block);
#ifdef BROKEN_CLEAR_AFTER_UNLOCK
        STEP(heap_lock = NOBODY);
        STEP(head[_pid] = IDLE)
#else
        STEP(head[_pid] = IDLE);
        STEP(heap_lock = NOBODY)
#endif
    :: else
    fi
}

/* Takes one root out of the trash, works on it, frees it. */
inline reap_one()
{
    acquire();
    block = trash_head;
    if
    :: block == NONE ->
        STEP(heap_lock = NOBODY)
    :: else ->
        assert(used[block]);
#ifdef BROKEN_HOLD_AFTER_POP
        STEP(trash_head = next[block]);
        STEP(root[_pid] = block; head[_pid] = HOLD);
#else
        STEP(root[_pid] = block; head[_pid] = HOLD);
        STEP(trash_head = next[block]);
#endif
        STEP(heap_lock = NOBODY);
        STEP(skip);                                     /* work on the root, under its own locks */
        acquire();
#ifndef BROKEN_FREE_FROM_HOLD
        STEP(head[_pid] = FREE);                        /* commit: from here on repair frees it */
#endif
        STEP(assert(used[block]); used[block] = false);
        STEP(head[_pid] = IDLE);
        STEP(heap_lock = NOBODY)
    fi
}

/* Repairs every dead slot that nobody living works on, the holder of the heap lock first. */
inline sweep()
{
    slot = 0;
    do
    :: slot < SLOTS ->
        if
        :: atomic { OWNER_DEAD(heap_lock) && REPAIRABLE(heap_lock - 1) ->
                    victim = heap_lock - 1; recoverer[victim] = ME };
            repair(victim)
        :: atomic { !OWNER_DEAD(heap_lock) && REPAIRABLE(slot) -> victim = slot; recoverer[victim] = ME };
            repair(victim)
        :: else -> slot++
        fi
    :: else -> break
    od
}

inline list_and_bitmap_agree()
{
    assert(heap_lock == NOBODY);
    assert(head[0] == IDLE && head[1] == IDLE && head[2] == IDLE && head[JANITOR] == IDLE);
    block = trash_head; slot = 0;
    do
    :: block != NONE -> assert(used[block] && slot < BLOCKS); slot++; block = next[block]
    :: else -> break
    od;
    assert(slot == used[1] + used[2])
}

active [SLOTS + 1] proctype Thread()
{
    byte victim = 0, slot = 0, block = NONE;

    if
    :: _pid == JANITOR -> ended == SLOTS
    :: else -> make_garbage(); reap_one(); block = NONE
    fi;
    sweep();
    if
    :: _pid == JANITOR -> list_and_bitmap_agree()
    :: else
    fi;
    END_OF_THREAD
}
