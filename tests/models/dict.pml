/* dict.pml — changes of a dict's entries beside readers that take no lock
 *
 * Modelled      A dict of three entries and an index of three positions, all in one chain; two keys. Writers insert, take
 *               out, change a value (two words), touch one (its second word alone) and trim, under the dict's lock. A reader
 *               gets a key or copies the whole dict. Writers may be killed before any store, also inside repair.
 * Insert        VERSION(dict) and VERSION(entry), odd; WORD(key), which an undoing makes DEAD; key and value; WORD(position),
 *               WATCH(counts); the position; the store of counts {keys, entries in use} commits; versions even, record empty,
 *               unlock.
 * Taking out    VERSION(dict) and VERSION(entry), odd; WORD(key), WATCH(counts); the key is DEAD; the store of counts commits.
 *               COMMITTED, versions even. Then the position becomes a tombstone, which a death may forget: a position whose
 *               entry is dead is passed by.
 * Trimming      the position of the last entry, which is dead, becomes a tombstone, if there still is one; WATCH(counts); the
 *               store of counts commits; record empty. The entry is used again by the next insert.
 * Change        VERSION(dict) and VERSION(entry), odd; WORD, WORD, both words of the value; COMMITTED: commit; even; unlock.
 * Touch         no record: the dict's version goes up by two, then the one word is stored.
 * A reader      of a key: position, the entry's version (even), key, value; version unchanged, also when the key was another
 *               one. Of everything: the dict's version (even), counts, entries; version unchanged. After a try in vain, with
 *               the lock.
 * Repair        a fired WATCH makes ACTIVE COMMITTED; from the last entry down words become what they were, unless it is
 *               COMMITTED, and versions even, upwards; the record is emptied; the lock goes.
 * Property      What a reader answers was the state of the key, or of both, at one moment of its search. When all is quiet
 *               the dict is what the commits made of it, positions name entries in use, each at most one; no version is odd, no
 *               lock held, no record pending. Nobody waits for ever.
 * Abstracted    The table word does not change (dict_compact.pml). Keys are compared in one step, hashes left out. What
 *               comes and goes with keys and values (links, blocks) is in other models. Sequential consistency.
 * Broken variants
 *   BROKEN_UNDONE_KEY_STAYS          an insert that is undone leaves its key: a reader who has its position finds what was
 *                                    never stored.
 *   BROKEN_MISMATCH_UNCHECKED        the version is not read again after another key: it was DEAD by a death that is undone.
 *   BROKEN_DEAD_WITHOUT_VERSION      the key is marked dead under an even version: the same.
 *   BROKEN_EVEN_BEFORE_COMMIT        the entry's version is even again before counts are stored: the same.
 *   BROKEN_TAKEN_OUT_UNSEEN          taking out leaves the dict's version alone: a copy of two moments.
 *   BROKEN_CHANGE_UNSEEN             the same for change,
 *   BROKEN_TOUCH_UNSEEN              and for touch.
 *   BROKEN_PASSES_BEFORE_COMMIT      taking out and insert add two to the dict's version before they store counts: a copy has
 *                                    counts from before, and the next key in a place that was trimmed.
 *   BROKEN_TOUCH_SEEN_LATE           the version goes up after the word: so does a death between them.
 *   BROKEN_VERSION_KEPT              VERSION(entry) is in the record after the unlock: repair makes the next holder's even.
 *   BROKEN_TOMBSTONE_BEFORE_COMMIT   the tombstone is stored before counts: a key is there and not found.
 *   BROKEN_POSITION_WITHOUT_WORD     the position names an entry that was undone.
 *   BROKEN_TRIMMED_WITH_POSITION     an entry is used again whose old position a death has left.
 *   BROKEN_VERSIONS_DOWN             repair restores versions: a reader takes the undone change for none.
 *   BROKEN_VERSIONS_FIRST            repair makes versions even before it restores words.
 *   BROKEN_UNLOCK_FIRST              repair releases the lock before it restores words.
 *   BROKEN_WATCH_IGNORED             repair undoes what counts have committed.
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
#define FORGET  victim = 0; operations = 0; key = 0; at = 0; entry = 0; seen = 0; end = 0; found = 0; one = 0; other = 0; tries = 0
#include "death.pml"

#define ENTRIES   3
#define POSITIONS 3
#define EMPTY     0             /* a position; otherwise the entry's number + 1 */
#define TOMBSTONE 7
#define DEAD      3             /* a key */

mtype = { IDLE, ACTIVE, COMMITTED };

/* The dict */
byte lock = NOBODY;
byte dict_version = 0;
byte position[POSITIONS] = EMPTY;
byte version[ENTRIES] = 0;
byte entry_key[ENTRIES] = 0;
bit  first[ENTRIES], second[ENTRIES];
byte counts = 0;                /* {keys 4, entries 4} */
#define COUNTS(keys, entries)  ((keys) << 4 | (entries))
#define USED                   (counts & 15)
#define KEYS                   (counts >> 4)

/* The records. Their entries stand in the order of these lines; repair goes from the last one up. */
#define NONE        255
#define OF_VALUE    16          /* both words, for which there are two entries */
mtype state[SLOTS + 1] = IDLE;
bool  opened_dict[SLOTS + 1];
byte  opened[SLOTS + 1] = NONE; /* an entry's version */
byte  key_word[SLOTS + 1] = NONE;       /* the entry whose key is recorded */
byte  old_key[SLOTS + 1];
byte  word[SLOTS + 1] = NONE;           /* a position, or the entry whose value is recorded */
byte  old[SLOTS + 1];
byte  watch[SLOTS + 1] = NONE;
byte  recoverer[SLOTS + 1] = NOBODY;
bool  freed[SLOTS + 1];
#ifdef BROKEN_VERSIONS_DOWN
byte  even_version[SLOTS + 1];
byte  even_dict[SLOTS + 1];
#endif

#define RECORD_OVER(s)                                                                  \
    state[s] = IDLE; opened_dict[s] = false; opened[s] = NONE; key_word[s] = NONE; old_key[s] = 0; word[s] = NONE; \
    old[s] = 0; watch[s] = NONE

#define REPAIRABLE(s)  (dead[s] && !freed[s] && recoverer[s] == NOBODY)
#define FIRST_OF(s)    (OWNER_DEAD(recoverer[s]) -> recoverer[s] - 1 : (s))

/* What the commits have made of the dict: of each key 0, or 1 + its value; and what it was while the reader reads */
byte now[3];
bool reading = false;
byte was = 0;                   /* of key 1: a set of states */
int  both = 0;                  /* of both keys */
#define VALUE(e)        (1 + first[e] * 2 + second[e])
#define PAIR(a, b)      (1 << ((a) * 5 + (b)))
#define NOTE            was = (reading -> was | 1 << now[1] : 0); both = (reading -> both | PAIR(now[1], now[2]) : 0)
#define BECOMES(k, v)   now[k] = v; NOTE

/* ---- repair ---- */

inline undo_words()
{
    if
    :: state[victim] == ACTIVE && word[victim] < OF_VALUE -> STEP(position[word[victim]] = old[victim])
    :: state[victim] == ACTIVE && word[victim] != NONE && word[victim] >= OF_VALUE ->
        STEP(second[word[victim] - OF_VALUE] = old[victim] & 1);
        STEP(first[word[victim] - OF_VALUE] = old[victim] >> 1)
    :: else
    fi;
    if
    :: state[victim] == ACTIVE && key_word[victim] != NONE -> STEP(entry_key[key_word[victim]] = old_key[victim])
    :: else
    fi
}

inline even_versions()
{
#ifdef BROKEN_VERSIONS_DOWN
    if
    :: opened[victim] != NONE && version[opened[victim]] % 2 == 1 -> STEP(version[opened[victim]] = even_version[victim])
    :: else
    fi;
    if
    :: opened_dict[victim] && dict_version % 2 == 1 -> STEP(dict_version = even_dict[victim])
    :: else
    fi
#else
    if
    :: opened[victim] != NONE && version[opened[victim]] % 2 == 1 -> STEP(version[opened[victim]]++)
    :: else
    fi;
    if
    :: opened_dict[victim] && dict_version % 2 == 1 -> STEP(dict_version++)
    :: else
    fi
#endif
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

/* Gives the dead slot's lock back. */
inline unlock_for()
{
    if
    :: lock == victim + 1 -> STEP(lock = NOBODY)
    :: else
    fi
}

/* Repairs a dead slot that this thread has claimed. */
inline repair()
{
#ifdef BROKEN_UNLOCK_FIRST
    unlock_for();
#endif
    if
#ifndef BROKEN_WATCH_IGNORED
    :: state[victim] == ACTIVE && watch[victim] != NONE && watch[victim] != counts -> STEP(state[victim] = COMMITTED)
#endif
    :: else
    fi;
#ifdef BROKEN_VERSIONS_FIRST
    even_versions();
#endif
    undo_words();
    even_versions();
    drop_claims();
    STEP(RECORD_OVER(victim));
    unlock_for();
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

/* Finds `key`: `at` and `entry`, or at = POSITIONS. What only lock holders change is looked at in one step. */
inline find()
{
    d_step {
        at = 0;
        do
        :: at == POSITIONS || position[at] == EMPTY -> at = POSITIONS; break
        :: at < POSITIONS && position[at] != EMPTY && position[at] != TOMBSTONE && entry_key[position[at] - 1] == key ->
            entry = position[at] - 1; break
        :: else -> at++
        od
    }
}

/* Finds where a new key's position goes: at = POSITIONS when there is no room. */
inline find_room()
{
    d_step {
        at = 0;
        do
        :: at < POSITIONS && position[at] != EMPTY && position[at] != TOMBSTONE -> at++
        :: else -> break
        od
    }
}

inline open_version(e)
{
    STEP(opened[_pid] = e; state[_pid] = ACTIVE);
#ifdef BROKEN_VERSIONS_DOWN
    even_version[_pid] = version[e];
#endif
    STEP(version[e]++)
}

inline close_version(e)
{
    STEP(version[e]++);
    STEP(opened[_pid] = NONE)
}

inline open_dict()
{
    STEP(opened_dict[_pid] = true; state[_pid] = ACTIVE);
#ifdef BROKEN_VERSIONS_DOWN
    even_dict[_pid] = dict_version;
#endif
    STEP(dict_version++)
}

inline close_dict()
{
    STEP(dict_version++);
    STEP(opened_dict[_pid] = false)
}

inline dict_passes()
{
    STEP(dict_version = dict_version + 2)
}

/* `at` is where its position goes. */
inline insert()
{
    entry = USED;
#ifndef BROKEN_PASSES_BEFORE_COMMIT
    open_dict();
#endif
    open_version(entry);
#ifndef BROKEN_UNDONE_KEY_STAYS
    STEP(key_word[_pid] = entry; old_key[_pid] = DEAD);
#endif
    STEP(entry_key[entry] = key);
    STEP(first[entry] = 0);
    STEP(second[entry] = 0);
#ifndef BROKEN_POSITION_WITHOUT_WORD
    STEP(word[_pid] = at; old[_pid] = position[at]);
#endif
    STEP(watch[_pid] = counts);
    STEP(position[at] = entry + 1);
#ifdef BROKEN_PASSES_BEFORE_COMMIT
    dict_passes();
#endif
    STEP(counts = COUNTS(KEYS + 1, USED + 1); BECOMES(key, 1));     /* commit */
#ifdef BROKEN_VERSION_KEPT
    STEP(version[entry]++);
    STEP(state[_pid] = COMMITTED);
#else
    close_version(entry);
#endif
#ifndef BROKEN_PASSES_BEFORE_COMMIT
    close_dict();
#endif
#ifndef BROKEN_VERSION_KEPT
    STEP(RECORD_OVER(_pid))
#else
    skip
#endif
}

inline take_out()
{
#if !defined(BROKEN_TAKEN_OUT_UNSEEN) && !defined(BROKEN_PASSES_BEFORE_COMMIT)
    open_dict();
#endif
#ifndef BROKEN_DEAD_WITHOUT_VERSION
    open_version(entry);
#endif
    STEP(key_word[_pid] = entry; old_key[_pid] = entry_key[entry]; state[_pid] = ACTIVE);
    STEP(watch[_pid] = counts);
    STEP(entry_key[entry] = DEAD);
#ifdef BROKEN_TOMBSTONE_BEFORE_COMMIT
    STEP(position[at] = TOMBSTONE);
#endif
#ifdef BROKEN_EVEN_BEFORE_COMMIT
    close_version(entry);
#endif
#ifdef BROKEN_PASSES_BEFORE_COMMIT
    dict_passes();
#endif
    STEP(counts = COUNTS(KEYS - 1, USED); BECOMES(key, 0));         /* commit */
    STEP(state[_pid] = COMMITTED);
#if !defined(BROKEN_DEAD_WITHOUT_VERSION) && !defined(BROKEN_EVEN_BEFORE_COMMIT)
    close_version(entry);
#endif
#if !defined(BROKEN_TAKEN_OUT_UNSEEN) && !defined(BROKEN_PASSES_BEFORE_COMMIT)
    close_dict();
#endif
    STEP(position[at] = TOMBSTONE)
}

/* The last entry is dead. */
inline trim()
{
#ifndef BROKEN_TRIMMED_WITH_POSITION
    at = 0;
    do
    :: at < POSITIONS && position[at] == USED -> STEP(position[at] = TOMBSTONE); at++
    :: at < POSITIONS && position[at] != USED -> at++
    :: else -> break
    od;
#endif
    STEP(watch[_pid] = counts; state[_pid] = ACTIVE);
    STEP(counts = COUNTS(KEYS, USED - 1));                          /* commit */
    STEP(RECORD_OVER(_pid))
}

inline change()
{
#ifndef BROKEN_CHANGE_UNSEEN
    open_dict();
#endif
    open_version(entry);
    STEP(word[_pid] = OF_VALUE + entry; old[_pid] = first[entry] << 1 | second[entry]);
    STEP(first[entry] = 1 - first[entry]);
    STEP(second[entry] = 1 - second[entry]);
    STEP(state[_pid] = COMMITTED; BECOMES(key, VALUE(entry)));      /* commit */
    close_version(entry)
#ifndef BROKEN_CHANGE_UNSEEN
    ;
    close_dict()
#endif
}

inline touch()
{
#if !defined(BROKEN_TOUCH_UNSEEN) && !defined(BROKEN_TOUCH_SEEN_LATE)
    dict_passes();
#endif
    STEP(second[entry] = 1 - second[entry]; BECOMES(key, VALUE(entry)))     /* commit */
#ifdef BROKEN_TOUCH_SEEN_LATE
    ;
    dict_passes()
#endif
}

inline operate()
{
    acquire();
    if
    :: key = 1
#ifndef ONE_KEY
    :: key = 2
#endif
    fi;
    find();
    if
    :: at < POSITIONS -> take_out()
    :: at < POSITIONS -> change()
    :: at < POSITIONS -> touch()
    :: at == POSITIONS ->
        find_room();
        if
        :: at < POSITIONS && USED < ENTRIES -> insert()
        :: else
        fi
    :: USED > 0 && entry_key[USED - 1] == DEAD -> trim()
    fi;
    STEP(lock = NOBODY);
    STEP(RECORD_OVER(_pid));
    key = 0; at = 0; entry = 0; end = 0
}

/* ---- the reader ---- */

#define BEGIN_READING  reading = true; was = 1 << now[1]; both = PAIR(now[1], now[2])

/* What key 1 has, into `found`; `tries` counts what was in vain. */
inline get()
{
    at = 0; found = 0;
    do
    :: at < POSITIONS ->
        end = position[at];
        if
        :: end == EMPTY -> break
        :: end == TOMBSTONE -> at++
        :: else ->
            entry = end - 1;
            seen = version[entry];
            if
            :: seen % 2 == 1 -> tries++; break
            :: else
            fi;
            if
            :: entry_key[entry] == 1 ->
                found = 1 + 2 * first[entry];
                found = found + second[entry]
            :: else
            fi;
            if
#ifdef BROKEN_MISMATCH_UNCHECKED
            :: found != 0 && version[entry] != seen -> tries++; break
#else
            :: version[entry] != seen -> tries++; break
#endif
            :: else
            fi;
            if
            :: found != 0 -> break
            :: else -> at++
            fi
        fi
    :: else -> break
    od
}

/* Both keys, into `one` and `other`. */
inline copy()
{
    one = 0; other = 0;
    seen = dict_version;
    if
    :: seen % 2 == 1 -> tries++
    :: else ->
        end = USED;
        entry = 0;
        do
        :: entry < end ->
            key = entry_key[entry];
            if
            :: key == DEAD
            :: else ->
                found = 1 + 2 * first[entry];
                found = found + second[entry];
                if
                :: key == 1 -> one = found
                :: else -> other = found
                fi
            fi;
            entry++
        :: else -> break
        od;
        if
        :: dict_version != seen -> tries++
        :: else
        fi
    fi
}

inline read_one()
{
    atomic { BEGIN_READING };
    get();
    if
    :: tries > 0 ->
        acquire();
        key = 1; find();
        found = (at == POSITIONS -> 0 : VALUE(entry));
        STEP(lock = NOBODY)
    :: else
    fi;
    assert((was >> found & 1) == 1)
}

inline read_all()
{
    atomic { BEGIN_READING };
    copy();
    if
    :: tries > 0 ->
        acquire();
        key = 1; find(); one = (at == POSITIONS -> 0 : VALUE(entry));
        key = 2; find(); other = (at == POSITIONS -> 0 : VALUE(entry));
        STEP(lock = NOBODY)
    :: else
    fi;
    assert((both & PAIR(one, other)) != 0)
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
        assert(lock == NOBODY && dict_version % 2 == 0);
        at = 0;
        do
        :: at < SLOTS -> assert(state[at] == IDLE); at++
        :: else -> break
        od;
        key = 1; find(); assert(now[1] == (at == POSITIONS -> 0 : VALUE(entry)));
        key = 2; find(); assert(now[2] == (at == POSITIONS -> 0 : VALUE(entry)));
        entry = 0; found = 0;
        do
        :: entry < ENTRIES ->
            assert(version[entry] % 2 == 0);
            found = found + (entry < USED && entry_key[entry] != DEAD -> 1 : 0);
            entry++
        :: else -> break
        od;
        assert(found == KEYS);
        at = 0; seen = 0;
        do
        :: at < POSITIONS && position[at] != EMPTY && position[at] != TOMBSTONE ->
            assert(position[at] <= USED && (seen >> position[at] & 1) == 0);
            seen = seen | 1 << position[at]; at++
        :: at < POSITIONS && (position[at] == EMPTY || position[at] == TOMBSTONE) -> at++
        :: else -> break
        od
    }
}

/* The dict has no key, one or both to begin with. */
inline fill()
{
    if
    :: skip
    :: position[0] = 1; entry_key[0] = 1; counts = COUNTS(1, 1); now[1] = 1
    :: position[0] = 1; entry_key[0] = 1; position[1] = 2; entry_key[1] = 2; counts = COUNTS(2, 2); now[1] = 1; now[2] = 1
    fi
}

bool filled = false;

active [SLOTS + 1] proctype Thread()
{
    byte victim = 0, operations = 0, key = 0, at = 0, entry = 0, seen = 0, end = 0, found = 0, one = 0, other = 0;
    byte tries = 0;

    atomic {
        if
        :: !filled -> fill(); filled = true
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
#ifndef COPIES
        read_one()
#else
        read_all()
#endif
    :: _pid == JANITOR ->
        ended == SLOTS;
        sweep();
        everything_is_settled()
    fi;
    END_OF_THREAD
}
