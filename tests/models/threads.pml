/* threads.pml — references held by a process with several threads, against the count-down that frees
 *
 * Modelled      Process A has two threads, 0 and 1, and one process record with a row (a hazard pointer) for the
 *               reference each of them takes. Both take a nested reference to a child through a cell of its parent,
 *               use the child, release it. Thread 2, of process B, pops that cell, counts the child's links down to
 *               zero and frees it unless a row holds it. Thread 2 at its end, and the janitor (process C) from the
 *               beginning, reap what the dead have left. Threads 0, 1 and 2 may be killed before any step, one at a
 *               time: the threads of a killed process do not stop in the same instant.
 * Memory        Each store into a row, the parent's version or the child's links waits in a buffer of its own and
 *               reaches memory at any later time, in any order; a fence waits until the thread's buffers are empty.
 *               Locks are not fences. A death is seen only after the dead thread's stores are (the kernel switched
 *               away from it).
 * Protocol      take: read the version, read the cell, store the row, fence, read the version again; if it has
 *               changed, release. release: record PENDING(child), clear the row, fence, look whether the child has to
 *               be freed, clear PENDING. pop: change the cell and the version; record PENDING(child), store links = 0
 *               under the child's lock, fence, look, clear PENDING. look: if links = 0 then, under the child's lock,
 *               free the child unless it is freed already or a row holds it. A dead slot's PENDING is looked at by
 *               whoever reaps it. The rows of a process are reaped, by release, only when none of its threads is
 *               left.
 * Property      Nobody uses a freed child, it is freed once, and when all is quiet it is freed and no row is left.
 *               Nobody waits for ever.
 * Abstracted    The pop itself cannot be interrupted (recovery.pml), a count of links goes down in one go
 *               (links.pml), and the child is never born again under the same offset: the look needs the generation
 *               then.
 * Broken variants
 *   BROKEN_NO_FENCE_IN_TAKE          the row is still in the buffer when the version is read again: use after free.
 *   BROKEN_NO_FENCE_IN_RELEASE       the releasing thread still sees links, the popping thread still sees the row:
 *                                    leak.
 *   BROKEN_NO_FENCE_IN_COUNT_DOWN    the same from the other side.
 *   BROKEN_LINKS_BEFORE_VERSION      links = 0 can be seen before the version of the pop: a releasing thread frees
 *                                    the child while another takes it: use after free.
 *   BROKEN_NO_VALIDATION             the version is not read again: use after free.
 *   BROKEN_FAILED_TAKE_ONLY_CLEARS   a take that fails clears its row without the look: the popping thread has seen
 *                                    that row and left the child to it: leak.
 *   BROKEN_RELEASE_WITHOUT_PENDING   a death between clearing the row and the look: leak.
 *   BROKEN_ONE_THREAD_DEAD           the process counts as dead when one of its threads is: use after free, or a row
 *                                    that nobody reaps.
 */
#define SLOTS    3
#define FORGET   seen = 0; taken = false; turn = 0; finished[_pid] = true
#define MAY_DIE  row_writer[0] != ME && row_writer[1] != ME && version_writer != ME && links_writer != ME

bool finished[4];               /* the slot is detached, or its owner dead */
byte row_writer[2], version_writer, links_writer;
#include "death.pml"

#define POPPER   2

/* Memory, and the one store to each word that has not reached it yet */
bool row[2];            bool row_new[2];
byte version = 0;       byte version_new;
byte links = 1;         byte links_new;

byte child_lock = NOBODY;
bool freed = false;
bool pending[SLOTS + 1];        /* the record of a slot: PENDING(child) */
byte reaper = NOBODY;           /* who reaps the record of process A */
bool reaped = false;

#define ALL_STORES_ARRIVED                                                              \
    row_writer[0] == NOBODY && row_writer[1] == NOBODY && version_writer == NOBODY && links_writer == NOBODY

#define FENCE            STEP(MAY_DIE -> skip)
#define STORE_ROW(r, v)  STEP(row_writer[r] == NOBODY -> row_new[r] = v; row_writer[r] = ME)

#ifdef BROKEN_ONE_THREAD_DEAD
#define PROCESS_A_DEAD   (dead[0] || dead[1])
#else
#define PROCESS_A_DEAD   (finished[0] && finished[1] && (dead[0] || dead[1]))
#endif

/* Frees the child unless links or rows still name it. Its lock decides who does. */
inline look()
{
    if
    :: links == 0 ->
        STEP((child_lock == NOBODY || dead[child_lock - 1]) -> child_lock = ME);
        if
        :: freed || links != 0
        :: else ->
            if
            :: row[0]
            :: else ->
                if
                :: row[1]
                :: else -> STEP(assert(!freed); freed = true)
                fi
            fi
        fi;
        STEP(child_lock = NOBODY)
    :: else
    fi
}

/* Gives up the reference in row r: the thread's own, or one of a dead process. */
inline release(r)
{
#ifndef BROKEN_RELEASE_WITHOUT_PENDING
    STEP(pending[_pid] = true);
#endif
    STORE_ROW(r, false);
#ifndef BROKEN_NO_FENCE_IN_RELEASE
    FENCE;
#endif
    look();
    STEP(pending[_pid] = false)
}

inline take()
{
    seen = version;
    if
    :: seen != 0                                        /* the cell is gone */
    :: else ->
        STORE_ROW(_pid, true);
#ifndef BROKEN_NO_FENCE_IN_TAKE
        FENCE;
#endif
#ifdef BROKEN_NO_VALIDATION
        taken = true;
#else
        taken = (version == seen);
#endif
        if
        :: taken
        :: else ->
#ifdef BROKEN_FAILED_TAKE_ONLY_CLEARS
            STORE_ROW(_pid, false)
#else
            release(_pid)
#endif
        fi
    fi
}

inline pop_and_count_down()
{
    atomic { version_new = 1; version_writer = ME };    /* the cell goes with it */
    pending[_pid] = true;
#ifndef BROKEN_LINKS_BEFORE_VERSION
    STEP(version_writer == NOBODY -> skip);             /* the parent's unlock: a release */
#endif
    STEP((child_lock == NOBODY || dead[child_lock - 1]) -> child_lock = ME);
    STEP(links_new = 0; links_writer = ME);
    STEP(child_lock = NOBODY);
#ifndef BROKEN_NO_FENCE_IN_COUNT_DOWN
    FENCE;
#endif
    look();
    STEP(pending[_pid] = false)
}

/* Reaps what the dead left: what is pending in their slots, then the rows of process A when it is dead. */
inline reap()
{
    turn = 0;
    do
    :: turn < SLOTS && finished[turn] && dead[turn] && pending[turn] ->
        if
        :: turn == POPPER -> STEP(links_new = 0; links_writer = ME); FENCE     /* counted down again: the same store */
        :: else
        fi;
        look();
        STEP(pending[turn] = false);
        turn++
    :: turn < SLOTS && !(finished[turn] && dead[turn] && pending[turn]) -> turn++
    :: turn == SLOTS -> break
    od;
    turn = 0;
    if
    :: atomic { PROCESS_A_DEAD && !reaped && (reaper == NOBODY || dead[reaper - 1]) -> reaper = ME };
        do
        :: turn < 2 && row[turn] -> release(turn); turn++
        :: turn < 2 && !row[turn] -> turn++
        :: turn == 2 -> break
        od;
        turn = 0;
        STEP(reaped = true; reaper = NOBODY)
    :: else
    fi
}

active [SLOTS + 1] proctype Thread()
{
    byte seen = 0, turn = 0;
    bool taken = false;

    if
    :: _pid < POPPER ->
        take();
        if
        :: taken -> STEP(assert(!freed)); STEP(assert(!freed)); release(_pid)
        :: else
        fi
    :: _pid == POPPER -> pop_and_count_down(); reap()
    :: _pid == JANITOR ->
        do
        :: ended < SLOTS && PROCESS_A_DEAD && !reaped && (reaper == NOBODY || dead[reaper - 1]) -> reap()
        :: ended == SLOTS -> break
        od;
        ALL_STORES_ARRIVED;
        reap();
        reap();
        ALL_STORES_ARRIVED;
        assert(!row[0] && !row[1]);
        assert(freed)
    fi;
    END_OF_THREAD
}

/* Lets a waiting store reach memory, at any time. */
active proctype Memory()
{
end:
    do
    :: atomic { row_writer[0] != NOBODY -> row[0] = row_new[0]; row_writer[0] = NOBODY }
    :: atomic { row_writer[1] != NOBODY -> row[1] = row_new[1]; row_writer[1] = NOBODY }
    :: atomic { version_writer != NOBODY -> version = version_new; version_writer = NOBODY }
    :: atomic { links_writer != NOBODY -> links = links_new; links_writer = NOBODY }
    od
}
