/* trash_roots.pml — records with several roots: each gets into the trash once, whoever dies while they are given up
 *
 * Modelled      The trash, a list through its roots whose head word is written under the heap lock, and records that name
 *               several roots. Thread 0 gives up ROOTS of them at once: by heap_settle() after a commit, or by
 *               heap_abandon() before it. Thread 1 gives up OTHERS after a commit. It and thread 2 then take a root each
 *               out of the trash, and free it or put it back. All may be killed before any store, also inside
 *               repair.
 * Record        The head word {state, base, end} says which entries are valid; the model names the sets. Single entries
 *               are cleared in place:
 *                 IDLE        none
 *                 COMMITTED   [TRASH(root) ...]                              settled by heap_settle() or by repair
 *                 ACTIVE      [BUILD(root) ...]                              settled by heap_abandon() or by repair
 *                 HOLD        ACTIVE [HOLD(root)]                            the root is this slot's to give away
 *                 FREE        COMMITTED [FREE(root)]
 * Rule          Who settles a record does it from its last entry down, and clears each before the next. A push that is
 *               done again can then only be that of the root pushed last, which is the head of the list still.
 * Property      No root is pushed while it is in the list, none is popped or freed that is not in use, and when all is
 *               quiet the roots in use are exactly those in the list, each once. Nobody waits for ever.
 * Abstracted    The work on a root is one step (change.pml has what hangs from it). Roots are not allocated again
 *               (trash.pml). Slots are not reused. Sequential consistency.
 * Broken variants
 *   BROKEN_OWNER_UPWARDS               heap_settle() goes from the first entry up, repair downwards: the owner pushes a
 *                                      and dies before clearing it; repair pushes b, then a again.
 *   BROKEN_REPAIR_UPWARDS              the same the other way round.
 *   BROKEN_SETTLE_WITHOUT_CLEARING     heap_settle() clears the entries all at once, at its end: repair begins with the
 *                                      last one again, which is no longer the head.
 *   BROKEN_ABANDON_WITHOUT_CLEARING    the same in heap_abandon().
 *   BROKEN_REPAIR_WITHOUT_CLEARING     the same in repair: it takes two deaths.
 */
#ifndef SLOTS
#define SLOTS   3
#endif
#define FORGET  victim = 0; slot = 0; root = 0; at = 0; place = 0; named = 0
#include "death.pml"

#ifndef ROOTS
#define ROOTS   2               /* of thread 0, numbered from 1; 0 is no root */
#endif
#ifndef OTHERS
#define OTHERS  1               /* of thread 1, numbered from there on */
#endif
#define ALL     (ROOTS + OTHERS)
#define NONE    0
#define ENTRIES 3

mtype = { IDLE, COMMITTED, ACTIVE, HOLD, FREE };

/* The heap */
byte heap_lock = NOBODY;
bool used[ALL + 1] = true;      /* used[0] means nothing */
byte trash = NONE;
byte next[ALL + 1];
bool queued[ALL + 1];           /* in the list; for the assertions only */

/* The slots: claim and record */
#define ENTRY(s, i)  entry[(s) * ENTRIES + (i)]
bool  freed[SLOTS + 1];
byte  recoverer[SLOTS + 1] = NOBODY;
mtype state[SLOTS + 1] = IDLE;
byte  entry[(SLOTS + 1) * ENTRIES] = NONE;

/* A claim is never taken over from a dead recoverer (slot_reuse.pml): that one's slot is repaired first. */
#define REPAIRABLE(s)  (dead[s] && !freed[s] && recoverer[s] == NOBODY)
#define FIRST_OF(s)    (OWNER_DEAD(recoverer[s]) -> recoverer[s] - 1 : (s))

#ifdef BROKEN_OWNER_UPWARDS
#define OWNER_UPWARDS   true
#else
#define OWNER_UPWARDS   false
#endif
#ifdef BROKEN_REPAIR_UPWARDS
#define REPAIR_UPWARDS  true
#else
#define REPAIR_UPWARDS  false
#endif
#ifdef BROKEN_SETTLE_WITHOUT_CLEARING
#define SETTLE_CLEARS   false
#else
#define SETTLE_CLEARS   true
#endif
#ifdef BROKEN_ABANDON_WITHOUT_CLEARING
#define ABANDON_CLEARS  false
#else
#define ABANDON_CLEARS  true
#endif
#ifdef BROKEN_REPAIR_WITHOUT_CLEARING
#define REPAIR_CLEARS   false
#else
#define REPAIR_CLEARS   true
#endif

/* The record's head becomes 0. */
#define RECORD_CLEAR(s)                                                                 \
    state[s] = IDLE; ENTRY(s, 0) = NONE; ENTRY(s, 1) = NONE; ENTRY(s, 2) = NONE

inline push(r)
{
    if
    :: trash != r ->
        STEP(next[r] = trash);
        STEP(assert(!queued[r] && used[r]); queued[r] = true; trash = r)
    :: else                                             /* a push that was cut short */
    fi
}

/* Settles what one entry after the other says. The heap lock is held in the owner's name. */
inline settle(owner, upwards, clears)
{
    at = 0;
    do
    :: atomic { at < ENTRIES -> place = (upwards -> at : ENTRIES - 1 - at); named = ENTRY(owner, place); at++ };
        if
        :: named == NONE
        :: named != NONE ->
            if
            :: state[owner] == FREE -> STEP(used[named] = false)
            :: else -> push(named)
            fi;
            if
            :: clears -> STEP(ENTRY(owner, place) = NONE)
            :: else
            fi
        fi
    :: atomic { at == ENTRIES -> at = 0; place = 0; named = NONE }; break
    od
}

/* Drops the claims the dead slot holds on others. */
inline drop_claims()
{
    at = 0;
    do
    :: at < SLOTS && recoverer[at] == victim + 1 -> STEP(recoverer[at] = NOBODY); at++
    :: at < SLOTS && recoverer[at] != victim + 1 -> at++
    :: at == SLOTS -> break
    od;
    at = 0
}

/* Repairs a dead slot that this thread has claimed. When another dead slot holds the heap lock, it gives the claim up:
 * whoever waits or sweeps repairs the holder first. */
inline repair()
{
    drop_claims();
    if
    :: state[victim] != IDLE ->
        if
        :: heap_lock == victim + 1
        :: atomic { heap_lock == NOBODY -> heap_lock = victim + 1 }
        :: OWNER_DEAD(heap_lock) && heap_lock != victim + 1
        OR_DIE
        fi
    :: else
    fi;
    if
    :: state[victim] != IDLE && heap_lock != victim + 1 ->
        STEP(recoverer[victim] = NOBODY)
    :: else ->
        if
        :: state[victim] != IDLE ->
            settle(victim, REPAIR_UPWARDS, REPAIR_CLEARS);
            STEP(RECORD_CLEAR(victim))
        :: else
        fi;
        if
        :: heap_lock == victim + 1 -> STEP(heap_lock = NOBODY)
        :: else
        fi;
        STEP(freed[victim] = true; recoverer[victim] = NOBODY)
    fi;
    victim = 0
}

inline acquire()
{
    do
    :: atomic { heap_lock == NOBODY -> heap_lock = ME } -> break
    :: atomic { OWNER_DEAD(heap_lock) && REPAIRABLE(FIRST_OF(heap_lock - 1)) ->
                victim = FIRST_OF(heap_lock - 1); recoverer[victim] = ME };
        repair()
    OR_DIE
    od
}

/* The record names the roots already: the operation was committed, or ran out of memory while it was building. */
inline give_up()
{
    acquire();
    if
    :: state[_pid] == COMMITTED -> settle(_pid, OWNER_UPWARDS, SETTLE_CLEARS)
    :: else -> settle(_pid, OWNER_UPWARDS, ABANDON_CLEARS)
    fi;
    STEP(RECORD_CLEAR(_pid));
    STEP(heap_lock = NOBODY)
}

/* Takes one root out of the trash, works on it, and frees it or puts it back. */
inline reap_one()
{
    acquire();
    root = trash;
    if
    :: root == NONE ->
        STEP(heap_lock = NOBODY)
    :: else ->
        STEP(assert(used[root]); ENTRY(_pid, 0) = root; state[_pid] = HOLD);
        STEP(queued[root] = false; trash = next[root]);
        STEP(heap_lock = NOBODY);
        if
        :: STEP(state[_pid] = FREE)                     /* from HOLD to FREE in one store: from here on repair frees it */
        :: skip                                         /* some of it is left */
        fi;
        acquire();
        if
        :: state[_pid] == FREE -> STEP(assert(used[root]); used[root] = false)
        :: else -> push(root)
        fi;
        STEP(RECORD_CLEAR(_pid));
        STEP(heap_lock = NOBODY)
    fi;
    root = NONE
}

/* Repairs every dead slot that nobody living works on, the holder of the heap lock first. */
inline sweep()
{
    slot = 0;
    do
    :: slot < SLOTS ->
        if
        :: atomic { OWNER_DEAD(heap_lock) && REPAIRABLE(FIRST_OF(heap_lock - 1)) ->
                    victim = FIRST_OF(heap_lock - 1); recoverer[victim] = ME };
            repair()
        :: atomic { !OWNER_DEAD(heap_lock) && dead[slot] && REPAIRABLE(FIRST_OF(slot)) ->
                    victim = FIRST_OF(slot); recoverer[victim] = ME };
            repair()
        :: else -> slot++
        fi
    :: else -> break
    od;
    slot = 0
}

inline list_and_bitmap_agree()
{
    assert(heap_lock == NOBODY);
    assert(state[0] == IDLE && state[1] == IDLE && state[SLOTS - 1] == IDLE && state[JANITOR] == IDLE);
    root = trash; slot = 0;
    do
    :: root != NONE -> assert(used[root] && slot < ALL); slot++; root = next[root]
    :: else -> break
    od;
    at = 1;
    do
    :: at <= ALL -> slot = slot - used[at]; at++
    :: else -> break
    od;
    assert(slot == 0)
}

active [SLOTS + 1] proctype Thread()
{
    byte victim = 0, slot = 0, root = NONE, at = 0, place = 0, named = NONE;

    if
    :: _pid == JANITOR -> ended == SLOTS
    :: atomic { _pid == 0 ->
                if
                :: state[0] = COMMITTED
                :: state[0] = ACTIVE
                fi;
                ENTRY(0, 0) = 1; ENTRY(0, 1) = 2; ENTRY(0, 2) = (ROOTS > 2 -> 3 : NONE) };
        give_up()
    :: atomic { _pid == 1 -> state[1] = COMMITTED;
                ENTRY(1, 0) = ROOTS + 1; ENTRY(1, 1) = (OTHERS > 1 -> ROOTS + 2 : NONE) };
        give_up()
    :: _pid > 1 && _pid != JANITOR
    fi;
    if
    :: _pid != JANITOR && _pid != 0 -> reap_one()
    :: else
    fi;
    sweep();
    if
    :: _pid == JANITOR -> list_and_bitmap_agree()
    :: else
    fi;
    END_OF_THREAD
}
