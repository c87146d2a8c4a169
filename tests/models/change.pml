/* change.pml — a change of a list's table: shared blocks, one commit, and every block owned by exactly one
 *
 * Modelled      A list whose table names two blocks of cells. Changers replace the second one: what the values on their
 *               way in need is built aside; under the list's lock a new table is built that shares the first block with
 *               the old one, with a fresh block, and a table of what goes for good; the store of the list's table word
 *               commits; then all that is not needed goes to the trash. Reapers, and changers after their change, take
 *               roots out of the trash and free what these own, step by step. Each thread may be killed before any
 *               store, also inside repair and in reaping; any allocation may find the heap full. A changer may
 *               first make room: a new table that shares all blocks, while the record goes on holding the values.
 * Blocks        T the old table, D the new one, A the values aside, R what goes for good: tables. S shared by T and D;
 *               O of T, N of D alone; A and R have a block of cells of their own. A block of cells names one far value or
 *               none. `garbage` of a table says which blocks it owns alone, `capacity` whether it names a second one,
 *               `length` whether the cell there counts. A free block says anything (MARK).
 * Record        One head store makes entries valid or void, or replaces them all; entries are written together with the
 *               head that first names them. While ACTIVE a death undoes WORD, ALLOC, BUILD; COMMITTED, it finishes FREE,
 *               TRASH; HOLD goes to the trash either way. WATCH turns ACTIVE into COMMITTED when the table word has
 *               changed.
 *                 values aside     [HOLD(A), ALLOC, WORD(capacity or length of A)]
 *                 a fresh block    [HOLD(A), BUILD(D, SHELL PART), ALLOC(N), WORD(garbage of D)]
 *                 what goes        [HOLD(A), BUILD(D, SHELL PART), BUILD(R, SHELL), ALLOC, WORD(capacity of R)]
 *                 the change       [BUILD(A), TRASH(A, SHELL), BUILD(D, SHELL PART), BUILD(R, SHELL), TRASH(R),
 *                                   TRASH(T, SHELL PART), WATCH(table)]
 *                 without values   [BUILD(D, SHELL PART), FREE(O), FREE(T), FREE(value), WATCH(table)]
 *                 room             [HOLD(A), BUILD(D, SHELL PART), FREE(T), WATCH(table)]
 *                 reaping          [HOLD(root), WORD(length or garbage of root), FREE ...], then [FREE(root)]
 * Property      Whenever a block is freed it is in use, and the list does not name it; no root is pushed while it is in
 *               the trash. When all is quiet each block in use belongs to exactly one of the list and the roots in the
 *               trash, and when these are reaped, to the list; no record is pending. Nobody waits for ever.
 * Abstracted    One block and one value stand for any number. Readers and versions are left out; so are the list's
 *               length and what is behind it. Table words have generations in the engine. Slots are not reused.
 *               Sequential consistency.
 * Broken variants
 *   BROKEN_FRESH_WITHOUT_PART         D goes to the trash as a shell with all blocks: S is freed, which the list names.
 *   BROKEN_OLD_WHOLE                  T goes to the trash whole: S is freed, and the values twice.
 *   BROKEN_REMOVED_WITHOUT_SHELL      R, undone, frees values that the list still has.
 *   BROKEN_SAVEPOINT_BEFORE_GARBAGE   ALLOC(N) is dropped before `garbage` of D says that N is its own: N leaks.
 *   BROKEN_GARBAGE_WITHOUT_WORD       `garbage` is raised while ALLOC(N) counts and no WORD does: N is freed twice.
 *   BROKEN_ENTRY_AFTER_SAVEPOINT      D names N only after `garbage` says so: reaping D frees anything.
 *   BROKEN_OLD_GARBAGE_AFTER_COMMIT   `garbage` of T is stored after the commit: O leaks.
 *   BROKEN_HOLD_DROPPED_FIRST         HOLD(A) is dropped, then BUILD and TRASH come: A leaks.
 *   BROKEN_HOLD_DROPPED_LAST          BUILD and TRASH come behind the rest, then HOLD(A) is dropped: A is pushed twice.
 *   BROKEN_FLAGS_AFTER_PUSH           SHELL and PART are stored after the root is in the list: repair finds the push done.
 *   BROKEN_WORDS_LAST                 repair undoes words when it has let go of the heap: D is reaped with a `garbage` that
 *                                     names N, which ALLOC gave back.
 *   BROKEN_REAP_WITHOUT_WORD          reaping lowers `garbage` before the commit, unrecorded: the blocks leak.
 *   BROKEN_REAP_GARBAGE_LAST          reaping lowers `garbage` after the frees: they are done again.
 *   BROKEN_PART_BEFORE_GARBAGE        a whole root becomes a part before `garbage` names its blocks: they leak.
 */
#ifndef CHANGERS
#define CHANGERS 1
#endif
#ifndef REAPERS
#define REAPERS 1
#endif
#ifndef VALUES
#define VALUES  CHANGERS        /* changers that may bring values; each may do without */
#endif                          /* READY: the first changer has its values aside from the start, the others bring none */
#define SLOTS   (CHANGERS + REAPERS)
#define FORGET                                                                          \
    victim = 0; slot = 0; at = 0; now = 0; block = 0; aside = 0; fresh = 0; removed = 0; root = 0; keep = 0; \
    few = false; room = false; reaps = 0; phase = 0; making = 0; then = 0
#include "death.pml"

#ifndef BLOCKS
#define BLOCKS  12              /* numbered from 1; 0 is no block */
#endif
#ifndef REAPS
#define REAPS   1               /* roots that each thread takes out of the trash */
#endif
#define NONE    0
#define MARK    15

#define SHELL   1
#define PART    2
#define FIRST   1               /* in `garbage` */
#define SECOND  2

mtype = { IDLE, ACTIVE, COMMITTED };
mtype = { ALLOCATE, LOCK, SETTLE, POP, SWEEP, DONE };
mtype = { ASIDE, ASIDE_CELLS, VALUE, FRESH, FRESH_CELLS, REMOVED, REMOVED_CELLS };
mtype = { OVER, ABANDONED, ROOM_MADE, CELLS_REAPED, BLOCKS_REAPED };

/* The heap, and what its blocks say: tables all but `cell`, blocks of cells that alone */
byte heap_lock = NOBODY;
bool used[BLOCKS + 1];
byte trash = NONE;
bool queued[BLOCKS + 1];        /* in the trash; for the assertions only */
byte next[BLOCKS + 1];
byte flags[BLOCKS + 1];
byte first[BLOCKS + 1] = MARK;
byte second[BLOCKS + 1] = MARK;
byte garbage[BLOCKS + 1] = FIRST + SECOND;
bit  capacity[BLOCKS + 1] = 1;
bit  length[BLOCKS + 1] = 1;
byte cell[BLOCKS + 1] = MARK;

/* The list */
byte list_lock = NOBODY;
byte table = NONE;

/* The slots: claim and record. An entry is {kind, flags, block}. */
#ifdef BROKEN_HOLD_DROPPED_LAST
#define ENTRIES 7
#else
#define ENTRIES 6
#endif
#define ALLOC   1
#define FREE    2
#define BUILD   3
#define TRASH   4
#define HOLD    5
#define OF(kind, flags, block)  ((kind) * 64 + (flags) * 16 + (block))
#define KIND(e)         ((e) / 64)
#define FLAGS(e)        ((e) / 16 % 4)
#define BLOCK(e)        ((e) % 16)
#define ENTRY(s, i)     entry[(s) * ENTRIES + (i)]
#define MINE(i)         entry[_pid * ENTRIES + (i)]
bool  freed[SLOTS + 1];
byte  recoverer[SLOTS + 1] = NOBODY;
mtype state[SLOTS + 1] = IDLE;
short entry[(SLOTS + 1) * ENTRIES] = 0;
byte  watch[SLOTS + 1] = NONE;          /* the table word's old value */
#define CAPACITY 1
#define LENGTH   2
#define GARBAGE  3
byte  word[SLOTS + 1] = 0;              /* {which word, of which block} */
byte  old[SLOTS + 1];
bool  redone[SLOTS + 1];                /* the entry that is being settled was settled before; for the assertions only */

#ifdef BROKEN_FRESH_WITHOUT_PART
#define FRESH_IS    SHELL
#else
#define FRESH_IS    (SHELL + PART)
#endif
#ifdef BROKEN_OLD_WHOLE
#define OLD_IS      0
#else
#define OLD_IS      (SHELL + PART)
#endif
#ifdef BROKEN_REMOVED_WITHOUT_SHELL
#define REMOVED_IS  0
#else
#define REMOVED_IS  SHELL
#endif

/* A claim is never taken over from a dead recoverer (slot_reuse.pml): that one's slot is repaired first. */
#define REPAIRABLE(s)  (dead[s] && !freed[s] && recoverer[s] == NOBODY)
#define FIRST_OF(s)    (OWNER_DEAD(recoverer[s]) -> recoverer[s] - 1 : (s))

#define NAMED(b)  (table == b || first[table] == b || second[table] == b || cell[second[table]] == b)

/* Clears the bit: from now on the block says anything. */
#define GIVE(b)                                                                         \
    assert(b != NONE && b <= BLOCKS); assert(!NAMED(b));                                \
    used[b] = false; flags[b] = 0; first[b] = MARK; second[b] = MARK; garbage[b] = FIRST + SECOND; \
    capacity[b] = 1; length[b] = 1; cell[b] = MARK; next[b] = NONE

/* A table with nothing in it */
#define FILL(b)                                                                         \
    flags[b] = 0; first[b] = NONE; garbage[b] = 0; capacity[b] = 0; length[b] = 0

#define RECORD_DROP(s, from)                                                            \
    at = from;                                                                          \
    do                                                                                  \
    :: at < ENTRIES -> ENTRY(s, at) = 0; at++                                           \
    :: else -> break                                                                    \
    od;                                                                                 \
    at = 0; word[s] = 0; old[s] = 0; watch[s] = NONE

#define RECORD_WORD(which, b, value)  word[_pid] = which * 16 + b; old[_pid] = value

/* The flags first, so that a push found done is done. */
inline push(root_pushed, flags_given)
{
    if
    :: trash != root_pushed ->
#ifndef BROKEN_FLAGS_AFTER_PUSH
        if
        :: flags_given != 0 -> STEP(flags[root_pushed] = flags[root_pushed] | flags_given)
        :: else
        fi;
#endif
        STEP(next[root_pushed] = trash);
        STEP(assert(used[root_pushed] && !queued[root_pushed]); queued[root_pushed] = true; trash = root_pushed)
#ifdef BROKEN_FLAGS_AFTER_PUSH
        ;
        STEP(flags[root_pushed] = flags[root_pushed] | flags_given)
#endif
    :: else
    fi
}

/* Settles the entries from the last one down to number `kept`, each cleared before the next. The heap lock is held in the
 * owner's name. Entries that mean nothing in this state are left alone. */
inline settle(owner, kept)
{
    at = ENTRIES;
    do
    :: atomic { at > kept -> at--; now = ENTRY(owner, at) };
        if
        :: state[owner] == ACTIVE && KIND(now) == ALLOC ->
            STEP(GIVE(BLOCK(now)));
            STEP(ENTRY(owner, at) = 0)
        :: state[owner] == COMMITTED && KIND(now) == FREE ->
            STEP(assert(redone[owner] || used[BLOCK(now)]); GIVE(BLOCK(now)); redone[owner] = true);
            STEP(ENTRY(owner, at) = 0; redone[owner] = false)
        :: KIND(now) == HOLD || (KIND(now) == BUILD && state[owner] == ACTIVE) ||
           (KIND(now) == TRASH && state[owner] == COMMITTED) ->
            push(BLOCK(now), FLAGS(now));
            STEP(ENTRY(owner, at) = 0)
        :: else
        fi
    :: atomic { at == kept -> at = 0; now = 0 }; break
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

inline undo_word()
{
    if
    :: state[victim] == ACTIVE && word[victim] / 16 == CAPACITY -> STEP(capacity[BLOCK(word[victim])] = old[victim])
    :: state[victim] == ACTIVE && word[victim] / 16 == LENGTH -> STEP(length[BLOCK(word[victim])] = old[victim])
    :: state[victim] == ACTIVE && word[victim] / 16 == GARBAGE -> STEP(garbage[BLOCK(word[victim])] = old[victim])
    :: else
    fi
}

#define WANTS_HEAP(s)                                                                   \
    (ENTRY(s, 0) != 0 || ENTRY(s, 1) != 0 || ENTRY(s, 2) != 0 || ENTRY(s, 3) != 0 || ENTRY(s, 4) != 0 || \
     ENTRY(s, 5) != 0 || ENTRY(s, ENTRIES - 1) != 0)

/* Repairs a dead slot that this thread has claimed. When another dead slot holds the heap lock, it gives the claim up:
 * whoever waits or sweeps repairs the holder first. */
inline repair()
{
    if
    :: state[victim] == ACTIVE && watch[victim] != NONE && watch[victim] != table -> STEP(state[victim] = COMMITTED)
    :: state[victim] == ACTIVE && watch[victim] == table && table != NONE -> STEP(watch[victim] = NONE)
    :: else
    fi;
#ifndef BROKEN_WORDS_LAST
    undo_word();
#endif
    drop_claims();
    if
    :: WANTS_HEAP(victim) ->
        if
        :: heap_lock == victim + 1
        :: atomic { heap_lock == NOBODY -> heap_lock = victim + 1 }
        :: OWNER_DEAD(heap_lock) && heap_lock != victim + 1
        OR_DIE
        fi
    :: else
    fi;
    if
    :: WANTS_HEAP(victim) && heap_lock != victim + 1 ->
        STEP(recoverer[victim] = NOBODY)
    :: else ->
        settle(victim, 0);
#ifdef BROKEN_WORDS_LAST
        if
        :: heap_lock == victim + 1 -> STEP(heap_lock = NOBODY)
        :: else
        fi;
        undo_word();
#endif
        STEP(state[victim] = IDLE; RECORD_DROP(victim, 0));
        if
        :: heap_lock == victim + 1 -> STEP(heap_lock = NOBODY)
        :: else
        fi;
        if
        :: list_lock == victim + 1 -> STEP(list_lock = NOBODY)
        :: else
        fi;
        STEP(freed[victim] = true; recoverer[victim] = NOBODY)
    fi;
    victim = 0
}

/* ---- the change ---- */

/* Names a block of cells by a table aside; `ALLOC` is at `index`. */
inline hang(owner, index, value)
{
    STEP(second[owner] = block; cell[block] = NONE; RECORD_WORD(CAPACITY, owner, 0));
    STEP(capacity[owner] = 1);
    STEP(RECORD_DROP(_pid, index));
    if
    :: value != NONE ->
        STEP(cell[block] = value);
        STEP(length[owner] = 1)
    :: else
    fi
}

/* Names the fresh block by the new table. */
inline hang_fresh()
{
#ifndef BROKEN_ENTRY_AFTER_SAVEPOINT
    STEP(second[fresh] = block);
#endif
#ifdef BROKEN_SAVEPOINT_BEFORE_GARBAGE
    STEP(RECORD_DROP(_pid, 2));
    STEP(garbage[fresh] = SECOND);
#else
#ifndef BROKEN_GARBAGE_WITHOUT_WORD
    STEP(RECORD_WORD(GARBAGE, fresh, 0));
#endif
    STEP(garbage[fresh] = SECOND);
    STEP(RECORD_DROP(_pid, 2));
#endif
#ifdef BROKEN_ENTRY_AFTER_SAVEPOINT
    STEP(second[fresh] = block);
#endif
    STEP(cell[block] = (few -> NONE : cell[second[aside]]))
}

/* One store of the table word, and the record that says what becomes of everything before and after it. */
inline commit()
{
    STEP(first[fresh] = first[table]; second[fresh] = (room -> second[table] : second[fresh]);
         capacity[fresh] = 1; length[fresh] = 1);
    if
    :: room ->
        STEP(MINE(2) = OF(FREE, 0, table))
    :: !room && few ->
        STEP(MINE(2) = OF(FREE, 0, second[table]); MINE(3) = OF(FREE, 0, table);
             MINE(4) = (cell[second[table]] == NONE -> 0 : OF(FREE, 0, cell[second[table]])))
    :: else ->
#ifndef BROKEN_OLD_GARBAGE_AFTER_COMMIT
        STEP(garbage[table] = SECOND);
#endif
#ifdef BROKEN_HOLD_DROPPED_FIRST
        STEP(MINE(0) = 0);
#endif
#ifdef BROKEN_HOLD_DROPPED_LAST
        STEP(MINE(3) = (removed == NONE -> 0 : OF(TRASH, 0, removed)); MINE(4) = OF(TRASH, OLD_IS, table);
             MINE(5) = OF(BUILD, 0, aside); MINE(6) = OF(TRASH, SHELL, aside));
        STEP(MINE(0) = 0);
#else
        STEP(MINE(0) = OF(BUILD, 0, aside); MINE(1) = OF(TRASH, SHELL, aside); MINE(2) = OF(BUILD, FRESH_IS, fresh);
             MINE(3) = (removed == NONE -> 0 : OF(BUILD, REMOVED_IS, removed));
             MINE(4) = (removed == NONE -> 0 : OF(TRASH, 0, removed)); MINE(5) = OF(TRASH, OLD_IS, table));
#endif
    fi;
    STEP(watch[_pid] = table);
    STEP(table = fresh);                                /* commit */
    STEP(state[_pid] = COMMITTED);
#ifdef BROKEN_OLD_GARBAGE_AFTER_COMMIT
    if
    :: !room && !few -> STEP(garbage[watch[_pid]] = SECOND)
    :: else
    fi;
#endif
    fresh = NONE;
    phase = SETTLE; making = 0;
    if
    :: room -> keep = 1; then = ROOM_MADE
    :: else ->
        STEP(list_lock = NOBODY);
        aside = NONE; removed = NONE; keep = 0; then = OVER
    fi
}

/* The heap lock is held, and a block was found: records and marks it, releases the lock, makes of it what it is for. */
inline make()
{
    STEP(MINE((making == ASIDE -> 0 : (making == ASIDE_CELLS || making == VALUE || making == FRESH -> 1 :
              (making == REMOVED_CELLS -> 3 : 2)))) = OF(ALLOC, 0, block); state[_pid] = ACTIVE);
    STEP(used[block] = true);
    STEP(heap_lock = NOBODY);
    if
    :: making == ASIDE ->
        STEP(FILL(block));
        STEP(MINE(0) = OF(HOLD, 0, block));
        aside = block; making = ASIDE_CELLS
    :: making == ASIDE_CELLS ->
        hang(aside, 1, NONE);
        making = VALUE
    :: making == VALUE ->
        STEP(cell[second[aside]] = block; RECORD_WORD(LENGTH, aside, 0));
        STEP(length[aside] = 1);
        STEP(RECORD_DROP(_pid, 1));
        phase = LOCK; making = 0
    :: making == FRESH ->
        STEP(FILL(block));
        STEP(MINE(1) = OF(BUILD, FRESH_IS, block));
        fresh = block;
        if
        :: room -> commit()
        :: else -> making = FRESH_CELLS
        fi
    :: making == FRESH_CELLS ->
        hang_fresh();
        if
        :: !few && cell[second[table]] != NONE -> making = REMOVED
        :: else -> commit()
        fi
    :: making == REMOVED ->
        STEP(FILL(block));
        STEP(MINE(2) = OF(BUILD, REMOVED_IS, block));
        removed = block; making = REMOVED_CELLS
    :: making == REMOVED_CELLS ->
        hang(removed, 3, cell[second[table]]);
        commit()
    fi;
    block = NONE
}

/* The heap is full: the operation is not to be. The heap lock is held. */
inline give_up()
{
    if
    :: list_lock == ME ->
        settle(_pid, 1);                                /* heap_abandon() */
        STEP(heap_lock = NOBODY);
        fresh = NONE; removed = NONE;
        STEP(list_lock = NOBODY)
    :: else ->
        STEP(heap_lock = NOBODY)
    fi;
    making = 0;
    if
    :: aside != NONE ->                                 /* the values go back whole */
        STEP(RECORD_DROP(_pid, 1); MINE(0) = OF(TRASH, 0, aside); state[_pid] = COMMITTED);
        aside = NONE; phase = SETTLE; keep = 0; then = OVER
    :: else ->
        STEP(RECORD_DROP(_pid, 0); state[_pid] = IDLE);
        phase = POP
    fi
}

/* ---- reaping ---- */

/* The blocks are done: the root itself. */
inline reap_root()
{
    STEP(RECORD_DROP(_pid, 1); MINE(0) = OF(FREE, 0, root); state[_pid] = COMMITTED);
    root = NONE; phase = SETTLE; keep = 0; then = OVER
}

/* The cells are done: what is whole becomes a part that owns all its blocks; then these. */
inline reap_blocks()
{
    if
    :: flags[root] < PART ->
#ifdef BROKEN_PART_BEFORE_GARBAGE
        STEP(flags[root] = SHELL + PART);
        STEP(garbage[root] = (first[root] != NONE -> FIRST : 0) + (capacity[root] == 1 -> SECOND : 0))
#else
        STEP(garbage[root] = (first[root] != NONE -> FIRST : 0) + (capacity[root] == 1 -> SECOND : 0));
        STEP(flags[root] = SHELL + PART)
#endif
    :: else
    fi;
    if
    :: garbage[root] == 0 -> reap_root()
    :: else ->
        STEP(MINE(1) = (garbage[root] % 2 == 1 -> OF(FREE, 0, first[root]) : 0);
             MINE(2) = (garbage[root] > 1 -> OF(FREE, 0, second[root]) : 0);
#ifndef BROKEN_REAP_WITHOUT_WORD
             RECORD_WORD(GARBAGE, root, garbage[root])
#endif
             );
#ifndef BROKEN_REAP_GARBAGE_LAST
        STEP(garbage[root] = 0);
#endif
        STEP(state[_pid] = COMMITTED);
        phase = SETTLE; keep = 1; then = BLOCKS_REAPED
    fi
}

/* The heap lock is held: takes the first root out of the trash, and does the first step of reaping it. */
inline pop()
{
    root = trash;
    if
    :: root == NONE ->
        STEP(heap_lock = NOBODY);
        phase = (_pid == JANITOR -> DONE : SWEEP)
    :: else ->
        STEP(MINE(0) = OF(HOLD, 0, root); state[_pid] = ACTIVE);
        STEP(queued[root] = false; trash = next[root]);
        STEP(heap_lock = NOBODY);
        if
        :: flags[root] == 0 && length[root] == 1 ->
            STEP(RECORD_WORD(LENGTH, root, 1);
                 MINE(1) = (cell[second[root]] == NONE -> 0 : OF(FREE, 0, cell[second[root]])));
            STEP(length[root] = 0);
            STEP(state[_pid] = COMMITTED);
            phase = SETTLE; keep = 1; then = CELLS_REAPED
        :: else -> reap_blocks()
        fi
    fi
}

/* What comes after heap_finish(). */
inline go_on()
{
    if
    :: then == OVER ->
        STEP(RECORD_DROP(_pid, 0); state[_pid] = IDLE);
        phase = (reaps == REAPS && _pid != JANITOR -> SWEEP : POP);
        reaps = (_pid == JANITOR -> 0 : reaps + 1)
    :: then == ROOM_MADE ->
        STEP(RECORD_DROP(_pid, 1); state[_pid] = (aside == NONE -> IDLE : ACTIVE));
        room = false; phase = ALLOCATE; making = FRESH
    :: then == CELLS_REAPED ->
        STEP(RECORD_DROP(_pid, 1); state[_pid] = ACTIVE);
        if
        :: reap_blocks()
        :: _pid != JANITOR ->                           /* that was a step: back into the trash */
            root = NONE; phase = SETTLE; keep = 0; then = OVER
        fi
    :: then == BLOCKS_REAPED ->
        STEP(RECORD_DROP(_pid, 1); state[_pid] = ACTIVE);
#ifdef BROKEN_REAP_GARBAGE_LAST
        STEP(garbage[root] = 0);
#endif
        reap_root()
    fi
}

/* ---- the properties ---- */

hidden int once, in_use;

#define OWNED(b)                                                                        \
    assert(b != NONE && b <= BLOCKS && used[b]); assert((once & (1 << b)) == 0); once = once | (1 << b)

/* Each block in use belongs to exactly one of the list and the roots in the trash. */
inline each_block_has_one_owner()
{
    d_step {
        assert(heap_lock == NOBODY && list_lock == NOBODY);
        at = 0;
        do
        :: at <= SLOTS -> assert(state[at] == IDLE); at++
        :: else -> break
        od;
        once = 0; in_use = 0;
        OWNED(table); OWNED(first[table]); OWNED(second[table]);
        if
        :: cell[second[table]] != NONE -> OWNED(cell[second[table]])
        :: else
        fi;
        root = trash;
        do
        :: root != NONE ->
            OWNED(root);
            if
            :: flags[root] == 0 && length[root] == 1 && cell[second[root]] != NONE -> OWNED(cell[second[root]])
            :: else
            fi;
            if
            :: (flags[root] < PART && first[root] != NONE) || (flags[root] >= PART && garbage[root] % 2 == 1) ->
                OWNED(first[root])
            :: else
            fi;
            if
            :: (flags[root] < PART && capacity[root] == 1) || (flags[root] >= PART && garbage[root] > 1) ->
                OWNED(second[root])
            :: else
            fi;
            root = next[root]
        :: else -> break
        od;
        at = 1;
        do
        :: at <= BLOCKS -> in_use = in_use + (used[at] -> 1 << at : 0); at++
        :: else -> break
        od;
        assert(once == in_use);
        at = 0
    }
}

/* A thread takes the lock its phase wants, does the work of the phase, releases the lock; or repairs a holder. */
active [SLOTS + 1] proctype Thread()
{
    byte victim = 0, slot = 0, at = 0, block = NONE, aside = NONE, fresh = NONE, removed = NONE, root = NONE, keep = 0;
    byte reaps = 0;
    short now = 0;
    bool few = false, room = false;
    mtype phase = POP, making = 0, then = 0;

    atomic {
        if
        :: table == NONE ->
            used[1] = true; used[2] = true; used[3] = true; used[4] = true;
            FILL(1); first[1] = 2; second[1] = 3; capacity[1] = 1; length[1] = 1; cell[3] = 4; table = 1;
#ifdef READY
            used[5] = true; used[6] = true; used[7] = true;
            FILL(5); second[5] = 6; capacity[5] = 1; length[5] = 1; cell[6] = 7;
            state[0] = ACTIVE; ENTRY(0, 0) = OF(HOLD, 0, 5)
#endif
        :: else
        fi;
        if
        :: _pid == JANITOR -> ended == SLOTS; phase = SWEEP
#ifdef READY
        :: _pid == 0 -> aside = 5; phase = LOCK
        :: _pid > 0 && _pid < CHANGERS -> phase = LOCK; few = true
#else
        :: _pid < VALUES -> phase = ALLOCATE; making = ASIDE
        :: _pid < CHANGERS -> phase = LOCK; few = true
#endif
        :: else
        fi;
#ifdef ROOM
        if
        :: phase == ALLOCATE || phase == LOCK -> room = true
        :: true
        fi
#endif
    }
    do
    :: atomic { (phase == ALLOCATE || phase == SETTLE || phase == POP) && heap_lock == NOBODY -> heap_lock = ME };
        if
        :: phase == ALLOCATE ->
            atomic {
                block = 1;
                do
                :: block <= BLOCKS && used[block] -> block++
                :: else -> break
                od
            };
            if
            :: block <= BLOCKS -> make()
            :: true -> block = NONE; give_up()
            fi
        :: phase == SETTLE ->
            settle(_pid, keep);
            STEP(heap_lock = NOBODY);
            go_on()
        :: phase == POP -> pop()
        fi
    :: atomic { phase == LOCK && list_lock == NOBODY -> list_lock = ME };
        phase = ALLOCATE; making = FRESH
    :: atomic { phase != DONE && OWNER_DEAD(heap_lock) && REPAIRABLE(FIRST_OF(heap_lock - 1)) ->
                victim = FIRST_OF(heap_lock - 1); recoverer[victim] = ME };
        repair()
    :: atomic { phase == LOCK && !OWNER_DEAD(heap_lock) && OWNER_DEAD(list_lock) &&
                REPAIRABLE(FIRST_OF(list_lock - 1)) ->
                victim = FIRST_OF(list_lock - 1); recoverer[victim] = ME };
        repair()
    :: atomic { phase == SWEEP && slot < SLOTS && !OWNER_DEAD(heap_lock) && dead[slot] && REPAIRABLE(FIRST_OF(slot)) ->
                victim = FIRST_OF(slot); recoverer[victim] = ME };
        repair()
    :: phase == SWEEP && slot < SLOTS && !(dead[slot] && REPAIRABLE(FIRST_OF(slot))) -> slot++
    :: phase == SWEEP && slot == SLOTS ->
        if
        :: _pid == JANITOR -> each_block_has_one_owner(); phase = POP
        :: else -> phase = DONE
        fi
    :: phase == DONE -> break
    OR_DIE
    od;
    if
    :: _pid == JANITOR -> assert(trash == NONE); each_block_has_one_owner()
    :: else
    fi;
    END_OF_THREAD
}
