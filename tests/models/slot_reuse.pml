/* slot_reuse.pml — slots that are repaired, freed and attached to again, while others still look at their last owner
 *
 * Modelled      Three threads and the janitor over four words each slot has. A thread attaches to any free slot,
 *               sweeps, takes a lock, changes a word under a record, releases the lock, detaches, and does so once
 *               more as a new owner of any free slot. It may be killed before any store, also inside repair.
 * Slot          control word {generation, state, recoverer}, every change one compare-and-swap of the whole word;
 *               life word; record. The recoverer is named by its slot alone. The lock word names its owner by slot
 *               and generation.
 * Repair        reads the control word, then the life word; claims by replacing exactly the control word it read, and
 *               only if no recoverer is named in it. When a dead recoverer is named, that one's slot is repaired
 *               instead: repair first drops the claims its slot holds on others. Then it undoes the record, releases
 *               the lock, and frees the slot with the next generation.
 * Property      No slot of a living owner is ever claimed, and no slot is repaired by two at once. The word is whole
 *               for everyone who gets the lock. When all is quiet the lock is free, and so is every slot. Nobody
 *               waits for ever: a claim that nobody will ever drop shows as an invalid end state.
 * Abstracted    Attaching and detaching are one step each: CLAIMED and its sweep after 10 s are left out. The kernel
 *               marks the life word some steps after the death. Generations do not wrap. One lock. Waiting is a guard
 *               that opens when there is something to do. Sequential consistency.
 * Broken variants
 *   BROKEN_CLAIM_WITHOUT_GENERATION   the claim compares state and recoverer only: a slow waiter claims the slot of a
 *                                     living successor.
 *   BROKEN_FREED_WITH_CLAIM           a dead recoverer's slot is freed with its claim in place: nobody repairs the
 *                                     slot it had claimed.
 *   BROKEN_LIFE_READ_FIRST            the life word is read before the control word: it was the predecessor's.
 *   BROKEN_TAKEOVER                   a claim is taken over from a dead recoverer: between the look at its life word
 *                                     and the compare-and-swap, its slot is reused by a thread that claims the same
 *                                     slot.
 *   BROKEN_UNLOCK_AFTER_FREE          repair frees the slot first and then releases the lock by slot number alone: a
 *                                     death between leaves the lock to nobody, or it is taken from a living successor.
 */
#ifdef SWEEP_ONLY
#define SLOTS   5               /* threads beside the janitor */
#define MAY_DIE _pid == 1
#else
#define SLOTS   3
#endif
#define FORGET                                                                          \
    if                                                                                  \
    :: mine != NO_SLOT -> alive[mine] = false                                           \
    :: else                                                                             \
    fi;                                                                                 \
    mine = NO_SLOT; suspect = 0; look = 0; rounds = 0; seen_generation = 0; seen_recoverer = 0;    \
    seen_attached = false; seen_alive = false
#include "death.pml"

#ifndef ROUNDS
#define ROUNDS  2
#endif
#define PLACES  SLOTS           /* slots; a thread is not tied to one */
#define NO_SLOT 9

/* SWEEP_ONLY: no lock, no record; threads attach once, sweep and detach. The first is dead from the beginning, the
 * second alone may be killed. Each has its own place, save that the last and the janitor may succeed the second. */
#ifdef SWEEP_ONLY
#define ROUNDS_LEFT(thread)  1
#define SUCCESSOR            (_pid >= SLOTS - 1)
#define MAY_SIT(place)                                                                  \
    (!attached[place] &&                                                                \
     (SUCCESSOR -> place == SLOTS - 1 || (place == 1 && generation[1] > 0) : place == _pid))
#else
#define ROUNDS_LEFT(thread)  ROUNDS
#define MAY_SIT(place)       (!attached[place])
#endif

/* The slots */
byte generation[PLACES];
bool attached[PLACES];
byte recoverer[PLACES] = NOBODY;        /* the recoverer's slot + 1 */
bool alive[PLACES];                     /* the life word */
bool record[PLACES];                    /* the word is to be undone */

/* The lock and the word it protects */
byte lock_slot = NOBODY;                /* the owner's slot + 1 */
byte lock_generation;
bool half_changed = false;

/* The lock's owner is dead, and there is something for this thread to do about it. */
#define LOST(s)     (attached[s] && !alive[s])
#define HELPABLE(s) (LOST(s) && (recoverer[s] == NOBODY || LOST(recoverer[s] - 1)))

/* Repairs the slot `suspect`, which this thread has claimed. */
inline repair()
{
    assert(!alive[suspect]);
#ifndef BROKEN_FREED_WITH_CLAIM
    atomic {                                            /* one step: the dead make no new claims, and had one at most */
        look = 0;
        do
        :: look < PLACES && recoverer[look] == suspect + 1 -> recoverer[look] = NOBODY; look++
        :: look < PLACES && recoverer[look] != suspect + 1 -> look++
        :: look == PLACES -> break
        od;
        look = 0
    };
#endif
    if
    :: record[suspect] ->
        STEP(assert(recoverer[suspect] == mine + 1); half_changed = false);
        STEP(assert(recoverer[suspect] == mine + 1); record[suspect] = false)
    :: else
    fi;
#ifdef BROKEN_UNLOCK_AFTER_FREE
    STEP(attached[suspect] = false; generation[suspect]++; recoverer[suspect] = NOBODY);
    if
    :: lock_slot == suspect + 1 -> STEP(lock_slot = NOBODY)
    :: else
    fi
#else
    if
    :: lock_slot == suspect + 1 && lock_generation == generation[suspect] -> STEP(lock_slot = NOBODY)
    :: else
    fi;
    STEP(assert(recoverer[suspect] == mine + 1);
         attached[suspect] = false; generation[suspect]++; recoverer[suspect] = NOBODY)
#endif
}

#define READ_CONTROL                                                                    \
    atomic { seen_generation = generation[suspect]; seen_attached = attached[suspect];  \
             seen_recoverer = recoverer[suspect] }

#ifdef BROKEN_CLAIM_WITHOUT_GENERATION
#define UNCHANGED  (attached[suspect] == seen_attached && recoverer[suspect] == seen_recoverer)
#else
#define UNCHANGED  (generation[suspect] == seen_generation && attached[suspect] == seen_attached && \
                    recoverer[suspect] == seen_recoverer)
#endif

/* Looks at the slot `suspect`, and if it is lost, repairs it or the dead recoverer in the way. */
inline examine()
{
    do
    ::
#ifdef BROKEN_LIFE_READ_FIRST
        seen_alive = alive[suspect];
        READ_CONTROL;
#else
        READ_CONTROL;
        seen_alive = alive[suspect];
#endif
        if
        :: !seen_attached || seen_alive -> break
        :: else
        fi;
        if
        :: seen_recoverer == NOBODY
#ifdef BROKEN_TAKEOVER
        :: seen_recoverer != NOBODY && !alive[seen_recoverer - 1]
        :: seen_recoverer != NOBODY && alive[seen_recoverer - 1] -> break
#else
        :: seen_recoverer != NOBODY -> suspect = seen_recoverer - 1; goto_next = true
#endif
        fi;
        if
        :: goto_next -> goto_next = false               /* look at the recoverer */
        :: atomic { !goto_next && UNCHANGED -> recoverer[suspect] = mine + 1 };
            repair();
            break
        :: else -> break                                /* somebody was faster */
        fi
    od;
    seen_generation = 0; seen_recoverer = 0; seen_attached = false; seen_alive = false
}

active [SLOTS + 1] proctype Thread()
{
    byte mine = NO_SLOT, suspect = 0, look = 0, rounds = 0;
    byte seen_generation = 0, seen_recoverer = 0;
    bool seen_attached = false, seen_alive = false, goto_next = false;
    bool sweeping;

    if
#ifdef SWEEP_ONLY
    :: atomic { _pid == 0 -> attached[0] = true; deaths++; dead[0] = true; goto killed }
    :: _pid != 0 && _pid != JANITOR -> dead[0]
#else
    :: _pid != JANITOR
#endif
    :: _pid == JANITOR -> ended == SLOTS; rounds = ROUNDS_LEFT(JANITOR) - 1
    fi;
    do
    :: rounds < ROUNDS_LEFT(_pid) ->
        if                                              /* attach */
        :: atomic { MAY_SIT(0) -> mine = 0; attached[0] = true; alive[0] = true }
        :: atomic { MAY_SIT(1) -> mine = 1; attached[1] = true; alive[1] = true }
        :: atomic { MAY_SIT(2) -> mine = 2; attached[2] = true; alive[2] = true }
#if PLACES > 3
        :: atomic { MAY_SIT(3) -> mine = 3; attached[3] = true; alive[3] = true }
        :: atomic { MAY_SIT(4) -> mine = 4; attached[4] = true; alive[4] = true }
#endif
        OR_DIE
        fi;
        sweeping = true; suspect = 0;
        do
        :: atomic { sweeping && suspect < PLACES && HELPABLE(suspect) } ; examine(); suspect = 0
        :: sweeping && suspect < PLACES && !HELPABLE(suspect) -> suspect++
#ifdef SWEEP_ONLY
        :: sweeping && suspect == PLACES -> break
#else
        :: sweeping && suspect == PLACES -> sweeping = false; suspect = 0
        :: atomic { !sweeping && lock_slot == NOBODY ->
                    lock_slot = mine + 1; lock_generation = generation[mine] } -> break
        :: atomic { !sweeping && lock_slot != NOBODY && HELPABLE(lock_slot - 1) -> suspect = lock_slot - 1 };
            examine()
#endif
        OR_DIE
        od;
#ifndef SWEEP_ONLY
        suspect = 0;
        assert(!half_changed);
        STEP(record[mine] = true);
        STEP(half_changed = true);
        STEP(assert(lock_slot == mine + 1); half_changed = false);
        STEP(record[mine] = false);
        STEP(assert(lock_slot == mine + 1); lock_slot = NOBODY);
#endif
        suspect = 0;
        STEP(assert(recoverer[mine] == NOBODY);         /* detach */
             alive[mine] = false; attached[mine] = false; generation[mine]++; mine = NO_SLOT);
        rounds++
    :: else -> break
    od;
    if
    :: _pid == JANITOR ->
        assert(lock_slot == NOBODY && !half_changed);
        assert(!attached[0] && !attached[1] && !attached[2] && !attached[PLACES - 1])
    :: else
    fi;
    END_OF_THREAD
}
