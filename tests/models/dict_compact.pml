/* dict_compact.pml — a dict's segment on its way to another block, beside a reader that takes no lock
 *
 * Modelled      A dict of one key. Its segment has two entries, the first one dead, with a position that still names it; so
 *               the copy has the key as its first entry. Writers, under the dict's lock, compact it or change the key's value.
 *               A reader gets the key. Writers may be killed before any store, also inside repair.
 * Layout        The table word names one of two tables and counts changes. A table has slots: block by id. The index, which
 *               both tables share, has positions {id, entry}.
 * Compaction    a block of another id and a new table, built aside (ALLOC, ALLOC); LOG of both positions, complete; WORD(table
 *               word), which an undoing makes count on; WORD(slot of the new id). Then the slot of the table in use names the
 *               copy; position by position goes to it; WATCH(table); the store of the table word commits; COMMITTED. The old
 *               block and the old table are freed, then the lock goes.
 * Change        VERSION(entry), odd; WORD(value), value; COMMITTED: commit; even; unlock.
 * A reader      table word, position, slot, the entry's version (even), key, value; version and table word unchanged. An id
 *               without a block: once more. After a try in vain, with the lock.
 * Repair        a fired WATCH makes ACTIVE COMMITTED, one that has not fired is dropped; from the last entry down words become
 *               what they were: positions, slot, then the table word goes up; only then are the new blocks freed.
 * Property      What a reader answers was the key's value at one moment of its search. When all is quiet the dict has one
 *               block in use, which its one slot and both positions or a tombstone name; no lock is held, no record pending.
 *               Nobody waits for ever.
 * Abstracted    What is freed is at once somebody else's, with the key, another value and the same version, until it is given
 *               again. The heap lock is left out. Keys are compared in one step. Sequential consistency.
 * Broken variants
 *   BROKEN_UNDONE_UNSEEN         the table word is not in the record: a reader on its way to the copy finds somebody else's key.
 *   BROKEN_UNDONE_SEEN_EARLY     it goes up before the positions go back: the same for a reader who begins between.
 *   BROKEN_GIVEN_FIRST           repair frees the copy before the positions go back.
 *   BROKEN_FREED_BEFORE_COMMIT   the old block is freed before the table word is stored.
 *   BROKEN_TABLE_UNCHECKED       the reader does not look at the table word again.
 *   BROKEN_NO_BLOCK_NO_KEY       an id without a block is passed by: the compaction that gave it one is undone by then.
 *   BROKEN_MOVED_BEFORE_LOG      positions move before LOG is in the record: a death leaves them with the copy.
 *   BROKEN_SLOT_WITHOUT_WORD     an undoing leaves the slot: it names a block that is somebody else's.
 *   BROKEN_SAME_ID               the copy has the old id: a position that has moved means another entry of the old block.
 *   BROKEN_COPIED_LATE           positions move before the copy is filled.
 *   BROKEN_WATCH_IGNORED         repair undoes what the table word has committed.
 */
#ifndef WRITERS
#define WRITERS 2
#endif
#ifndef OPERATIONS              /* of each writer */
#define OPERATIONS 1
#endif
#define SLOTS   (WRITERS + 1)   /* the reader is the last one */
#define READER  WRITERS
#define MAY_DIE (_pid != READER)    /* its death leaves nothing that a writer's does not */
#define FORGET                                                                          \
    victim = 0; operations = 0; at = 0; block = 0; entry = 0; seen = 0; read = 0; place = 0; found = 0; tries = 0; id = 0; \
    copy = 0
#include "death.pml"

#define BLOCKS    3
#define POSITIONS 2
#define TOMBSTONE 15
#define NONE      7             /* no block, no id */
#define DEAD      3             /* a key */
#define STRANGE   9             /* a value: somebody else's */
#define E(b, n)   ((b) * 2 + (n))           /* entry n of block b */
#define S(t, i)   ((t) % 2 * 2 + (i))       /* slot i of the table that table word t names */
#define AT(i, n)  ((i) * 2 + (n))           /* a position */
#define ID(p)     ((p) / 2)
#define UNIT(p)   ((p) % 2)

mtype = { IDLE, ACTIVE, COMMITTED };

/* The dict: block 0 with id 0 to begin with */
byte lock = NOBODY;
byte table = 0;
byte slot_block[4] = NONE;
byte position[POSITIONS];
bool used[BLOCKS];
byte entry_key[BLOCKS * 2];
byte value[BLOCKS * 2] = STRANGE;
byte version[BLOCKS * 2] = 0;

/* The records. Their entries stand in the order of these lines; repair goes from the last one up. */
mtype state[SLOTS + 1] = IDLE;
byte  allocated[SLOTS + 1] = NONE;      /* ALLOC of the copy */
byte  given_up[SLOTS + 1] = NONE;       /* FREE */
byte  opened[SLOTS + 1] = NONE;         /* VERSION and WORD of an entry's value */
byte  old_value[SLOTS + 1];
bool  counted[SLOTS + 1];               /* WORD of the table word */
byte  old_table[SLOTS + 1];
byte  slot_word[SLOTS + 1] = NONE;      /* WORD of a slot, which was empty */
bool  logged[SLOTS + 1];                /* LOG of both positions */
byte  old_position[(SLOTS + 1) * POSITIONS];
byte  watch[SLOTS + 1];                 /* the table word, with one added; 0: no WATCH */
byte  recoverer[SLOTS + 1] = NOBODY;
bool  freed[SLOTS + 1];

#define RECORD_OVER(s)                                                                  \
    state[s] = IDLE; allocated[s] = NONE; given_up[s] = NONE; opened[s] = NONE; old_value[s] = 0; counted[s] = false; \
    old_table[s] = 0; slot_word[s] = NONE; logged[s] = false; old_position[(s) * POSITIONS] = 0; old_position[(s) * POSITIONS + 1] = 0; \
    watch[s] = 0

#define REPAIRABLE(s)  (dead[s] && !freed[s] && recoverer[s] == NOBODY)
#define FIRST_OF(s)    (OWNER_DEAD(recoverer[s]) -> recoverer[s] - 1 : (s))

/* The block is somebody else's from now on. */
#define GIVE(b)                                                                         \
    used[b] = false; entry_key[E(b, 0)] = 1; entry_key[E(b, 1)] = 1; value[E(b, 0)] = STRANGE; value[E(b, 1)] = STRANGE

/* What the commits have made of the value, and what it was while the reader reads: a set */
byte now = 1;
bool reading = false;
short was = 0;
#define BECOMES(v)  now = v; was = (reading -> was | 1 << (v) : 0)

/* ---- repair ---- */

inline undo_positions()
{
    if
    :: state[victim] == ACTIVE && logged[victim] ->
        STEP(position[1] = old_position[victim * POSITIONS + 1]);
        STEP(position[0] = old_position[victim * POSITIONS])
    :: else
    fi
}

/* That the table word was not stored was decided before. */
inline undo_table()
{
    if
    :: state[victim] == ACTIVE && counted[victim] ->
        STEP(table = (table == old_table[victim] -> table + 2 : table))     /* the same table, whose parity tells it */
    :: else
    fi
}

inline undo_words()
{
#ifdef BROKEN_UNDONE_SEEN_EARLY
    undo_table();
#endif
    undo_positions();
    if
    :: state[victim] == ACTIVE && slot_word[victim] != NONE -> STEP(slot_block[slot_word[victim]] = NONE)
    :: else
    fi;
#ifndef BROKEN_UNDONE_SEEN_EARLY
    undo_table();
#endif
    if
    :: state[victim] == ACTIVE && opened[victim] != NONE -> STEP(value[opened[victim]] = old_value[victim])
    :: else
    fi;
    if
    :: opened[victim] != NONE && version[opened[victim]] % 2 == 1 -> STEP(version[opened[victim]]++)
    :: else
    fi
}

inline settle_blocks()
{
    if
    :: state[victim] == ACTIVE && allocated[victim] != NONE ->
        STEP(GIVE(allocated[victim]));
        STEP(allocated[victim] = NONE)
    :: state[victim] == COMMITTED && given_up[victim] != NONE ->
        STEP(GIVE(given_up[victim]));
        STEP(given_up[victim] = NONE)
    :: else
    fi
}

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

/* Repairs a dead slot that this thread has claimed. */
inline repair()
{
    if
#ifndef BROKEN_WATCH_IGNORED
    :: state[victim] == ACTIVE && watch[victim] != 0 && watch[victim] != table + 1 -> STEP(state[victim] = COMMITTED)
#endif
    :: state[victim] == ACTIVE && watch[victim] == table + 1 -> STEP(watch[victim] = 0)
    :: else
    fi;
#ifdef BROKEN_GIVEN_FIRST
    settle_blocks();
    undo_words();
#else
    undo_words();
    settle_blocks();
#endif
    drop_claims();
    STEP(RECORD_OVER(victim));
    if
    :: lock == victim + 1 -> STEP(lock = NOBODY)
    :: else
    fi;
    STEP(freed[victim] = true; recoverer[victim] = NOBODY);
    victim = 0
}

/* Takes the lock; repairs whoever died with it. */
inline acquire()
{
    do
    :: atomic { lock == NOBODY -> lock = ME } -> break
    :: atomic { OWNER_DEAD(lock) && REPAIRABLE(FIRST_OF(lock - 1)) ->
                victim = FIRST_OF(lock - 1); recoverer[victim] = ME };
        repair()
    OR_DIE
    od
}

/* ---- writers; the lock is held ---- */

/* Where the key is: `at` and `entry`; `id` and `block` of its segment. What only lock holders change is looked at in one step. */
inline find()
{
    d_step {
        at = 0;
        do
        :: at < POSITIONS && (position[at] == TOMBSTONE || slot_block[S(table, ID(position[at]))] == NONE ||
                              entry_key[E(slot_block[S(table, ID(position[at]))], UNIT(position[at]))] != 1) -> at++
        :: else -> break
        od;
        assert(at < POSITIONS);
        id = ID(position[at]);
        block = slot_block[S(table, id)];
        entry = E(block, UNIT(position[at]))
    }
}

inline change()
{
    find();
    STEP(opened[_pid] = entry; old_value[_pid] = value[entry]; state[_pid] = ACTIVE);
    STEP(version[entry]++);
    STEP(value[entry] = 3 - value[entry]);
    STEP(state[_pid] = COMMITTED; BECOMES(value[entry]));   /* commit */
    STEP(version[entry]++);
    STEP(opened[_pid] = NONE)
}

/* Copies the living entry. */
inline fill()
{
    STEP(entry_key[E(copy, 0)] = 1; entry_key[E(copy, 1)] = 0; value[E(copy, 0)] = value[entry];
         version[E(copy, 0)] = version[entry])
}

/* A position that names the dead entry becomes a tombstone. */
inline move_positions()
{
    at = 0;
    do
    :: at < POSITIONS ->
        if
        :: position[at] == TOMBSTONE
        :: position[at] != TOMBSTONE ->
            STEP(position[at] = (E(block, UNIT(position[at])) == entry -> AT(place, 0) : TOMBSTONE))
        fi;
        at++
    :: else -> break
    od;
    at = 0
}

inline record_log()
{
    STEP(logged[_pid] = true; old_position[_pid * POSITIONS] = position[0];
         old_position[_pid * POSITIONS + 1] = position[1])
}

inline compact()
{
    find();
    atomic {
        copy = 0;
        do
        :: used[copy] -> copy++
        :: else -> break
        od
    };
    STEP(allocated[_pid] = copy; used[copy] = true; state[_pid] = ACTIVE);
#ifdef BROKEN_SAME_ID
    place = id;
#else
    place = 1 - id;
#endif
#ifndef BROKEN_COPIED_LATE
    fill();
#endif
    STEP(slot_block[S(table + 1, 0)] = NONE; slot_block[S(table + 1, 1)] = NONE; slot_block[S(table + 1, place)] = copy;
         given_up[_pid] = block);
#ifndef BROKEN_UNDONE_UNSEEN
    STEP(counted[_pid] = true; old_table[_pid] = table);
#endif
#ifndef BROKEN_SAME_ID
#ifndef BROKEN_SLOT_WITHOUT_WORD
    STEP(slot_word[_pid] = S(table, place));
#endif
#ifndef BROKEN_MOVED_BEFORE_LOG
    record_log();
#endif
    STEP(slot_block[S(table, place)] = copy);
#else
    record_log();
#endif
    move_positions();
#ifdef BROKEN_COPIED_LATE
    fill();
#endif
#ifdef BROKEN_MOVED_BEFORE_LOG
    record_log();
#endif
#ifdef BROKEN_FREED_BEFORE_COMMIT
    STEP(GIVE(block));
#endif
    STEP(watch[_pid] = table + 1);
    STEP(table = table + 1);                                /* commit */
    STEP(state[_pid] = COMMITTED);
#ifndef BROKEN_FREED_BEFORE_COMMIT
    STEP(GIVE(block));
#endif
    STEP(slot_block[S(table + 1, 0)] = 0; slot_block[S(table + 1, 1)] = 2);     /* the old table is somebody else's */
    copy = 0
}

inline operate()
{
    acquire();
    if
    :: compact()
    :: change()
    fi;
    STEP(RECORD_OVER(_pid));
    STEP(lock = NOBODY);
    id = 0; block = 0; entry = 0; at = 0; place = 0
}

/* ---- the reader ---- */

inline get()
{
    at = 0; found = 0;
    read = table;
    do
    :: at < POSITIONS ->
        place = position[at];
        if
        :: place == TOMBSTONE -> at++
        :: else ->
            block = slot_block[S(read, ID(place))];
            if
#ifdef BROKEN_NO_BLOCK_NO_KEY
            :: block == NONE -> at++
#else
            :: block == NONE -> tries++; break
#endif
            :: else ->
                entry = E(block, UNIT(place));
                seen = version[entry];
                if
                :: seen % 2 == 1 -> tries++; break
                :: else
                fi;
                if
                :: entry_key[entry] == 1 -> found = value[entry]
                :: else
                fi;
                if
                :: version[entry] != seen -> tries++; break
                :: else
                fi;
                if
                :: found != 0 -> break
                :: else -> at++
                fi
            fi
        fi
    :: else -> break
    od;
#ifndef BROKEN_TABLE_UNCHECKED
    if
    :: table != read -> tries++
    :: else
    fi
#endif
}

inline read_one()
{
    atomic { reading = true; was = 1 << now };
    get();
    if
    :: tries > 0 ->
        acquire();
        find(); found = value[entry];
        STEP(lock = NOBODY)
    :: else
    fi;
    assert((was >> found & 1) == 1)
}

/* ---- the end ---- */

inline sweep()
{
    entry = 0;
    do
    :: atomic { entry < SLOTS && dead[entry] && REPAIRABLE(FIRST_OF(entry)) ->
                victim = FIRST_OF(entry); recoverer[victim] = ME };
        repair()
    :: entry < SLOTS && !(dead[entry] && REPAIRABLE(FIRST_OF(entry))) -> entry++
    :: entry == SLOTS -> break
    od;
    entry = 0
}

inline everything_is_settled()
{
    d_step {
        assert(lock == NOBODY);
        at = 0;
        do
        :: at < SLOTS -> assert(state[at] == IDLE); at++
        :: else -> break
        od;
        find();
        assert(value[entry] == now && version[entry] % 2 == 0 && used[block]);
        assert(used[0] + used[1] + used[2] == 1);
        assert(slot_block[S(table, 1 - id)] == NONE);
        assert(position[1 - at] == TOMBSTONE || ID(position[1 - at]) == id)
    }
}

bool filled = false;

active [SLOTS + 1] proctype Thread()
{
    byte victim = 0, operations = 0, at = 0, block = 0, entry = 0, seen = 0, read = 0, place = 0, found = 0, tries = 0;
    byte id = 0, copy = 0;

    atomic {
        if
        :: !filled ->
            used[0] = true; slot_block[S(0, 0)] = 0; entry_key[E(0, 0)] = DEAD; entry_key[E(0, 1)] = 1; value[E(0, 1)] = 1;
            entry_key[E(1, 0)] = 1; entry_key[E(1, 1)] = 1; entry_key[E(2, 0)] = 1; entry_key[E(2, 1)] = 1;
            position[0] = AT(0, 0); position[1] = AT(0, 1);
            filled = true
        :: else
        fi
    };
    if
    :: _pid < READER ->
        do
        :: operations < OPERATIONS -> operate(); operations++
        :: else -> break
        od
    :: _pid == READER ->
        if
        :: skip
        :: deaths > 0 -> sweep()
        fi;
        read_one()
    :: _pid == JANITOR ->
        ended == SLOTS;
        sweep();
        everything_is_settled()
    fi;
    END_OF_THREAD
}
