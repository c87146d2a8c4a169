/* links.pml — counting the links to a child without ever holding two object locks
 *
 * Modelled      One container, whose cells all name one child. Two workers insert and pop in any order, a reaper and
 *               every worker at its end take over what dead slots left pending. Each may be killed before any store,
 *               also inside repair and reaping. Every lock is an object lock: nobody holds two.
 * Record        The head word of a slot's record says which entries are valid, and one store of it replaces the whole
 *               set. The model names the sets:
 *                 IDLE        none
 *                 COUNT_UP    ACTIVE [WORD(links)]
 *                 OWE         ACTIVE [OWE(child)]                             one link too many was counted
 *                 INSERT      ACTIVE [OWE(child), WATCH(length)]
 *                 INSERTED    COMMITTED [OWE(child), WATCH(length)]           nothing is owed any more
 *                 POP         ACTIVE [WATCH(length), UNLINK(child)]
 *                 UNLINK      COMMITTED [WATCH(length), UNLINK(child)]        one link too many is counted
 *                 COUNT_DOWN  ACTIVE [OWE(child), WORD(links), WORD(identity)]
 *                 REAP        ACTIVE [WORD(links), WORD(identity), WORD(record head of the reaped slot)]
 *                 HOLD        ACTIVE [HOLD(child)]                            the child is on its way to the trash
 * Property      When all is quiet: links = cells that name the child; the child is dead if and only if links = 0, and
 *               was given to the trash once if so; no lock is held, no record is pending. Nobody waits for ever.
 * Abstracted    Entries are written together with the head that first names them (before that nobody reads them). The
 *               trash is a counter, pushed in one step (trash.pml has the list). Slots are not reused
 *               (slot_reuse.pml). A reference held by a process does not keep the child alive (threads.pml): here a
 *               child dies with its last link, and an insert that finds it dead gives up. Sequential consistency.
 * Broken variants
 *   BROKEN_COMMIT_AFTER_UNLOCK       COMMITTED stored after the container's lock is released: another thread brings
 *                                    the watched length back to its old value, and a committed insert counts as
 *                                    undone.
 *   BROKEN_OWE_AFTER_UNLOCK          OWE recorded after the child's unlock: a death between leaves a link nobody
 *                                    owes.
 *   BROKEN_REAP_WITHOUT_DEAD_RECORD  the reaper's record covers links alone: a death before the dead record is
 *                                    cleared makes the next reaper count down again.
 *   BROKEN_REPAIR_WITHOUT_VERDICT    repair releases the container's lock before it stored what WATCH told it.
 *   BROKEN_CLAIMS_DROPPED_FIRST      repair of a dead reaper drops its claim before it undoes its words: the next
 *                                    reaper frees the slot on the word of a store that repair is about to undo.
 *   BROKEN_COUNT_DOWN_WITHOUT_OWE    UNLINK replaced by [WORD(links)] alone: undoing it forgets the debt.
 */
#define WORKERS 2
#ifndef REAPERS
#define REAPERS 1
#endif
#define SLOTS   (WORKERS + REAPERS)
#define FORGET  victim = 0; slot = 0; named = 0; operations = 0
#include "death.pml"

#ifndef OPERATIONS              /* of each worker */
#define OPERATIONS 2
#endif

mtype = { IDLE, COUNT_UP, OWE, INSERT, INSERTED, POP, UNLINK, COUNT_DOWN, REAP, HOLD };
mtype = { ATTACHED, REPAIRED, FREED };

/* The container and the child */
byte container_lock = NOBODY;
byte length = 1;
byte child_lock = NOBODY;
byte links = 1;
bool alive = true;              /* the child's identity */
byte trashed = 0;               /* times the child was given to the trash */

/* The slots: control word {state, recoverer}, record */
mtype state[SLOTS + 1] = ATTACHED;
byte  recoverer[SLOTS + 1] = NOBODY;
mtype head[SLOTS + 1] = IDLE;
byte  old_links[SLOTS + 1];
byte  old_length[SLOTS + 1];
byte  reaped_slot[SLOTS + 1];
mtype reaped_head[SLOTS + 1];

/* A claim is never taken over from a dead recoverer (slot_reuse.pml): that one's slot is repaired first. */
#define REPAIRABLE(s)  (dead[s] && state[s] == ATTACHED && recoverer[s] == NOBODY)
#define REAPABLE(s)    (state[s] == REPAIRED && recoverer[s] == NOBODY)
#define FIRST_OF(s)    (OWNER_DEAD(recoverer[s]) -> recoverer[s] - 1 : (s))

/* Gives the held child to the trash. Stands for the push under the heap lock. */
inline push_held(holder)
{
    if
    :: head[holder] == HOLD -> STEP(assert(!alive); trashed++; head[holder] = IDLE)
    :: else
    fi
}

/* Drops the claims a dead slot holds on others. */
inline drop_claims(victim)
{
    named = 0;
    do
    :: named < SLOTS && recoverer[named] == victim + 1 -> STEP(recoverer[named] = NOBODY); named++
    :: named < SLOTS && recoverer[named] != victim + 1 -> named++
    :: named == SLOTS -> break
    od;
    named = 0
}

/* Repairs a dead slot that this thread has claimed: words first, then one store of the head for what stays pending,
 * then its claims, then its locks. Takes no object lock. */
inline repair(victim)
{
#ifdef BROKEN_CLAIMS_DROPPED_FIRST
    drop_claims(victim);
#endif
#ifdef BROKEN_REPAIR_WITHOUT_VERDICT
    if
    :: container_lock == victim + 1 -> STEP(container_lock = NOBODY)
    :: else
    fi;
#endif
    if
    :: head[victim] == INSERT && length != old_length[victim] -> STEP(head[victim] = INSERTED)
    :: head[victim] == POP && length != old_length[victim] -> STEP(head[victim] = UNLINK)
    :: else
    fi;
    if
    :: head[victim] == COUNT_UP ->
        STEP(links = old_links[victim]);
        STEP(head[victim] = IDLE)
    :: head[victim] == COUNT_DOWN ->
        STEP(links = old_links[victim]);
        STEP(alive = true);
#ifdef BROKEN_COUNT_DOWN_WITHOUT_OWE
        STEP(head[victim] = IDLE)
#else
        STEP(head[victim] = OWE)
#endif
    :: head[victim] == REAP ->
        STEP(links = old_links[victim]);
        STEP(alive = true);
#ifndef BROKEN_REAP_WITHOUT_DEAD_RECORD
        STEP(head[reaped_slot[victim]] = reaped_head[victim]);
#endif
        STEP(head[victim] = IDLE)
    :: head[victim] == INSERT -> STEP(head[victim] = OWE)
    :: head[victim] == INSERTED || head[victim] == POP -> STEP(head[victim] = IDLE)
    :: else
    fi;
#ifndef BROKEN_CLAIMS_DROPPED_FIRST
    drop_claims(victim);
#endif
    if
    :: container_lock == victim + 1 -> STEP(container_lock = NOBODY)
    :: else
    fi;
    if
    :: child_lock == victim + 1 -> STEP(child_lock = NOBODY)
    :: else
    fi;
    push_held(victim);
    STEP(state[victim] = (head[victim] == IDLE -> FREED : REPAIRED); recoverer[victim] = NOBODY)
}

/* Takes an object lock under this thread's own name; repairs whoever died with it. */
inline acquire(lock)
{
    do
    :: atomic { lock == NOBODY -> lock = ME } -> break
    :: atomic { OWNER_DEAD(lock) && REPAIRABLE(FIRST_OF(lock - 1)) ->
                victim = FIRST_OF(lock - 1); recoverer[victim] = ME };
        repair(victim)
    OR_DIE
    od
}

/* Counts one link down under the child's lock; the record already covers it. */
inline count_down_child()
{
    STEP(assert(links > 0); links--);
    if
    :: links == 0 -> STEP(alive = false)
    :: else
    fi
}

inline insert()
{
    acquire(child_lock);
    if
    :: !alive ->                                        /* the caller gets an error */
        STEP(child_lock = NOBODY)
    :: else ->
        STEP(old_links[_pid] = links; head[_pid] = COUNT_UP);
        STEP(links++);
#ifdef BROKEN_OWE_AFTER_UNLOCK
        STEP(head[_pid] = IDLE);
        STEP(child_lock = NOBODY);
        STEP(head[_pid] = OWE);
#else
        STEP(head[_pid] = OWE);
        STEP(child_lock = NOBODY);
#endif
        acquire(container_lock);
        STEP(old_length[_pid] = length; head[_pid] = INSERT);
        STEP(length++);                                 /* commit */
#ifdef BROKEN_COMMIT_AFTER_UNLOCK
        STEP(container_lock = NOBODY);
        STEP(head[_pid] = INSERTED);
#else
        STEP(head[_pid] = INSERTED);
        STEP(container_lock = NOBODY);
#endif
        STEP(head[_pid] = IDLE)
    fi
}

inline pop()
{
    acquire(container_lock);
    if
    :: length == 0 ->
        STEP(container_lock = NOBODY)
    :: else ->
        STEP(old_length[_pid] = length; head[_pid] = POP);
        STEP(length--);                                 /* commit */
        STEP(head[_pid] = UNLINK);
        STEP(container_lock = NOBODY);
        acquire(child_lock);
        STEP(old_links[_pid] = links; head[_pid] = COUNT_DOWN);
        count_down_child();
        STEP(head[_pid] = (links == 0 -> HOLD : IDLE));
        STEP(child_lock = NOBODY);
        push_held(_pid)
    fi
}

/* Pays what a repaired slot left owing, then frees the slot. This thread has claimed it and holds no lock. */
inline reap(debtor)
{
    if
    :: head[debtor] != IDLE ->
        acquire(child_lock);
        STEP(old_links[_pid] = links; reaped_slot[_pid] = debtor; reaped_head[_pid] = head[debtor]; head[_pid] = REAP);
        count_down_child();
#ifdef BROKEN_REAP_WITHOUT_DEAD_RECORD
        STEP(head[_pid] = (links == 0 -> HOLD : IDLE));
        STEP(head[debtor] = IDLE);
#else
        STEP(head[debtor] = IDLE);
        STEP(head[_pid] = (links == 0 -> HOLD : IDLE));
#endif
        STEP(child_lock = NOBODY);
        push_held(_pid)
    :: else                                             /* a dead reaper had paid already */
    fi;
    STEP(state[debtor] = FREED; recoverer[debtor] = NOBODY)
}

/* Looks at every slot once; repairs and reaps the dead ones that no living thread works on. */
inline sweep()
{
    slot = 0;
    do
    :: slot < SLOTS ->
        if
        :: atomic { dead[slot] && REPAIRABLE(FIRST_OF(slot)) -> victim = FIRST_OF(slot); recoverer[victim] = ME };
            repair(victim)                              /* then look at `slot` again: it may be reapable now */
        :: atomic { REAPABLE(slot) -> recoverer[slot] = ME };
            reap(slot); slot++
        :: else -> slot++
        fi
    :: else -> break
    od;
    slot = 0; victim = 0
}

inline everything_is_settled()
{
    assert(container_lock == NOBODY && child_lock == NOBODY);
    assert(head[0] == IDLE && head[1] == IDLE && head[2] == IDLE && head[SLOTS - 1] == IDLE &&
           head[JANITOR] == IDLE);
    assert(links == length);
    assert(alive == (links > 0));
    assert(trashed == (alive -> 0 : 1))
}

active [SLOTS + 1] proctype Thread()
{
    byte victim = 0, slot = 0, named = 0, operations = 0;

    if
    :: _pid == JANITOR -> ended == SLOTS
    :: _pid != JANITOR
    fi;
    do
    :: _pid < WORKERS && operations < OPERATIONS ->
        if
        :: insert()
        :: length > 0 -> pop()
        fi;
        operations++
    :: else -> break
    od;
    operations = 0;
    sweep();
    if
    :: _pid == JANITOR -> everything_is_settled()
    :: else
    fi;
    END_OF_THREAD
}
