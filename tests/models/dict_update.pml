/* dict_update.pml — many keys of a dict at once: all of them or none
 *
 * Modelled      A dict with one key and room for another. Writers, under the dict's lock, store both at once: the first update
 *               changes a value and adds a key, the next one changes two values. A reader gets either key or copies all. Writers
 *               may be killed before any store, also inside repair.
 * Aside         `new` names the values that go in; `old` will name those that come out. Each is a root with cells.
 * Record        [BUILD(new), TRASH(new, SHELL), BUILD(old, SHELL), TRASH(old), VERSION(dict), LOG, WATCH(counts)]. While ACTIVE
 *               a death frees new with its values and the shell of old; COMMITTED, the shell of new and old with its values.
 *               WATCH comes only if a key is added; storing counts commits then, else storing COMMITTED.
 * Log           grows one entry before each store: VERSION(entry), odd, before WORD(value), or WORD(key), which an undoing makes
 *               DEAD, and WORD(position). It goes from the record before the lock does.
 * Repair        a fired WATCH makes ACTIVE COMMITTED; then from the last entry of the record down, and within LOG from its last
 *               entry down: words become what they were, unless it is COMMITTED, and versions even. Then roots are given up.
 * Property      What a reader answers was the state of the key, or of both, at one moment of its search. A block is freed
 *               while it is in use and the dict does not name it. When all is quiet the dict is what the commits made of it, the
 *               blocks in use are those it names, no version is odd, no lock is held, no record pending. Nobody waits for ever.
 * Abstracted    A root is built in one step and given up in one (change.pml, trash_roots.pml have the steps); the heap lock is
 *               left out. Keys are compared in one step. Sequential consistency.
 * Broken variants
 *   BROKEN_DICT_EVEN_BEFORE_LOG  VERSION(dict) is behind LOG: repair makes it even while words are still to be undone.
 *   BROKEN_VERSION_LOGGED_LAST   VERSION(entry) is behind WORD(value): the same for one key.
 *   BROKEN_CHANGE_BEFORE_LOG     a value is stored before WORD of it is in the log.
 *   BROKEN_KEY_STAYS             an undone key stays in its entry, for a reader who has the position.
 *   BROKEN_OLD_IS_BUILT_WHOLE    an undoing frees what was to come out.
 *   BROKEN_NEW_IS_TRASHED_WHOLE  a commit frees what has gone in.
 *   BROKEN_OLD_FILLED_LATE       a value that comes out is hung from old after the commit: a death loses it.
 *   BROKEN_COUNTS_WITHOUT_WATCH  counts are stored before COMMITTED and nothing watches them.
 *   BROKEN_LOG_KEPT              LOG is in the record after the unlock: repair makes the next holder's versions even.
 */
#define WRITERS 2
#define SLOTS   (WRITERS + 1)   /* the reader is the last one */
#define READER  WRITERS
#define MAY_DIE (_pid != READER)    /* its death leaves nothing that a writer's does not */
#define FORGET  victim = 0; at = 0; entry = 0; seen = 0; end = 0; found = 0; one = 0; other = 0; tries = 0; now_entry = 0
#include "death.pml"

#define EMPTY     0             /* a position; otherwise the entry's number + 1 */
#define DEAD      3             /* a key */
#define LOGS      6

/* Blocks: 0 the first value; of writer w two values, new, old */
#define BLOCKS        9
#define FRESH(w, e)   (1 + (w) * 4 + (e))
#define NEW(w)        (3 + (w) * 4)
#define OLD(w)        (4 + (w) * 4)
#define NONE          15

mtype = { IDLE, ACTIVE, COMMITTED };

/* The dict: entry n is for key n + 1, and position n for it */
byte lock = NOBODY;
byte dict_version = 0;
byte position[2] = EMPTY;
byte version[2] = 0;
byte entry_key[2] = 0;
byte value[2] = NONE;
byte counts = 1;                /* keys, and entries in use */
bool used[BLOCKS];

/* The records */
mtype state[SLOTS + 1] = IDLE;
bool  has_new[SLOTS + 1], has_old[SLOTS + 1], opened_dict[SLOTS + 1], has_log[SLOTS + 1];
byte  watch[SLOTS + 1] = NONE;
byte  out[(SLOTS + 1) * 2] = NONE;      /* the cells of old */
byte  logged[SLOTS + 1];
#define LOG(s, i)  log_entry[(s) * LOGS + (i)]
#define OF_VERSION  0           /* {what 16, entry}, and the old value */
#define OF_VALUE    16
#define OF_KEY      32
#define OF_POSITION 48
byte  log_entry[(SLOTS + 1) * LOGS];
byte  log_old[(SLOTS + 1) * LOGS];
byte  recoverer[SLOTS + 1] = NOBODY;
bool  freed[SLOTS + 1];

#define REPAIRABLE(s)  (dead[s] && !freed[s] && recoverer[s] == NOBODY)
#define FIRST_OF(s)    (OWNER_DEAD(recoverer[s]) -> recoverer[s] - 1 : (s))

#define NAMED(b)  ((entry_key[0] == 1 && value[0] == b) || (counts == 2 && value[1] == b))
#define GIVE(b)   assert(used[b] && !NAMED(b)); used[b] = false

/* What the commits have made of the dict: of each key its value's block, NONE for none; and what both were while the reader
 * reads, a set. */
byte now[2] = NONE;
bool reading = false;
int  was = 0;
#define RANK(b)     (b == NONE -> 3 : (b == 0 -> 0 : (b < 5 -> 1 : 2)))
#define PAIR(a, b)  (1 << (RANK(a) * 4 + RANK(b)))
#define BOTH        PAIR(now[0], now[1])

/* ---- repair ---- */

/* Frees what the two roots still name, and the roots, as the state says. */
inline give_up_roots(s)
{
    if
    :: has_old[s] && state[s] == COMMITTED ->
        STEP(if
             :: out[(s) * 2] != NONE -> GIVE(out[(s) * 2])
             :: else
             fi;
             if
             :: out[(s) * 2 + 1] != NONE -> GIVE(out[(s) * 2 + 1])
             :: else
             fi;
             used[OLD(s)] = false; has_old[s] = false; out[(s) * 2] = NONE; out[(s) * 2 + 1] = NONE)
    :: has_old[s] && state[s] == ACTIVE ->
#ifdef BROKEN_OLD_IS_BUILT_WHOLE
        STEP(if
             :: out[(s) * 2] != NONE -> GIVE(out[(s) * 2])
             :: else
             fi;
             used[OLD(s)] = false; has_old[s] = false; out[(s) * 2] = NONE; out[(s) * 2 + 1] = NONE)
#else
        STEP(used[OLD(s)] = false; has_old[s] = false; out[(s) * 2] = NONE; out[(s) * 2 + 1] = NONE)
#endif
    :: else
    fi;
    if
#ifndef BROKEN_NEW_IS_TRASHED_WHOLE
    :: has_new[s] && state[s] == COMMITTED ->
        STEP(used[NEW(s)] = false; has_new[s] = false)
    :: has_new[s] && state[s] == ACTIVE ->
#else
    :: has_new[s] ->
#endif
        STEP(GIVE(FRESH(s, 0)); GIVE(FRESH(s, 1)); used[NEW(s)] = false; has_new[s] = false)
    :: else
    fi
}

inline undo_log()
{
    at = logged[victim];
    do
    :: has_log[victim] && at > 0 ->
        at--;
        now_entry = LOG(victim, at) % 16;
        if
        :: LOG(victim, at) < OF_VALUE && version[now_entry] % 2 == 1 -> STEP(version[now_entry]++)
        :: state[victim] == ACTIVE && LOG(victim, at) / 16 == OF_VALUE / 16 ->
            STEP(value[now_entry] = log_old[victim * LOGS + at])
        :: state[victim] == ACTIVE && LOG(victim, at) / 16 == OF_KEY / 16 ->
            STEP(entry_key[now_entry] = log_old[victim * LOGS + at])
        :: state[victim] == ACTIVE && LOG(victim, at) / 16 == OF_POSITION / 16 ->
            STEP(position[now_entry] = log_old[victim * LOGS + at])
        :: else
        fi;
        now_entry = 0
    :: else -> break
    od;
    at = 0
}

inline even_dict()
{
    if
    :: opened_dict[victim] && dict_version % 2 == 1 -> STEP(dict_version++)
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

#define LOG_OVER(s)                                                                     \
    has_log[s] = false; logged[s] = 0; LOG(s, 0) = 0; LOG(s, 1) = 0; LOG(s, 2) = 0; LOG(s, 3) = 0; LOG(s, 4) = 0; \
    LOG(s, 5) = 0; log_old[(s) * LOGS] = 0; log_old[(s) * LOGS + 1] = 0; log_old[(s) * LOGS + 2] = 0; \
    log_old[(s) * LOGS + 3] = 0; log_old[(s) * LOGS + 4] = 0; log_old[(s) * LOGS + 5] = 0
#define RECORD_OVER(s)  state[s] = IDLE; opened_dict[s] = false; watch[s] = NONE; LOG_OVER(s)

/* Repairs a dead slot that this thread has claimed. */
inline repair()
{
    if
    :: state[victim] == ACTIVE && watch[victim] != NONE && watch[victim] != counts -> STEP(state[victim] = COMMITTED)
    :: else
    fi;
#ifdef BROKEN_DICT_EVEN_BEFORE_LOG
    even_dict();
    undo_log();
#else
    undo_log();
    even_dict();
#endif
    drop_claims();
    give_up_roots(victim);
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

/* ---- writers ---- */

inline log_add(what, old)
{
    STEP(LOG(_pid, logged[_pid]) = what; log_old[_pid * LOGS + logged[_pid]] = old; logged[_pid]++)
}

inline open_entry()
{
    log_add(OF_VERSION + entry, 0);
    STEP(version[entry]++)
}

inline take_out()
{
    STEP(out[_pid * 2 + entry] = value[entry])
}

/* The key is there. */
inline change_value()
{
#ifndef BROKEN_VERSION_LOGGED_LAST
    open_entry();
#endif
#ifdef BROKEN_CHANGE_BEFORE_LOG
    found = value[entry];
    take_out();
    STEP(value[entry] = FRESH(_pid, entry));
    log_add(OF_VALUE + entry, found);
    found = 0
#else
    log_add(OF_VALUE + entry, value[entry]);
#ifdef BROKEN_VERSION_LOGGED_LAST
    open_entry();
#endif
#ifndef BROKEN_OLD_FILLED_LATE
    take_out();
#endif
    STEP(value[entry] = FRESH(_pid, entry))
#endif
}

inline add_key()
{
    open_entry();
#ifndef BROKEN_KEY_STAYS
    log_add(OF_KEY + entry, DEAD);
#endif
    STEP(entry_key[entry] = entry + 1);
    STEP(value[entry] = FRESH(_pid, entry));
    log_add(OF_POSITION + entry, position[entry]);
    STEP(position[entry] = entry + 1)
}

#define COMMITS  now[0] = FRESH(_pid, 0); now[1] = FRESH(_pid, 1); was = (reading -> was | BOTH : 0)

inline commit()
{
    if
    :: counts == 1 ->
#ifndef BROKEN_COUNTS_WITHOUT_WATCH
        STEP(watch[_pid] = counts);
#endif
        STEP(counts = 2; COMMITS);                      /* commit */
        STEP(state[_pid] = COMMITTED)
    :: else ->
        STEP(state[_pid] = COMMITTED; COMMITS)          /* commit */
    fi;
    STEP(version[0]++);
    STEP(version[1]++)
}

inline update()
{
    STEP(has_new[_pid] = true; used[NEW(_pid)] = true; used[FRESH(_pid, 0)] = true; used[FRESH(_pid, 1)] = true;
         state[_pid] = ACTIVE);
    acquire();
    STEP(has_old[_pid] = true; used[OLD(_pid)] = true);
    STEP(opened_dict[_pid] = true);
    STEP(dict_version++);
    STEP(has_log[_pid] = true);
    entry = 0;
    change_value();
    entry = 1;
    if
    :: counts == 1 -> add_key()
    :: else -> change_value()
    fi;
#ifdef BROKEN_OLD_FILLED_LATE
    one = log_old[_pid * LOGS + 1];
    other = (counts == 2 -> log_old[_pid * LOGS + 3] : NONE);
#endif
    commit();
#ifdef BROKEN_OLD_FILLED_LATE
    STEP(out[_pid * 2] = one);
    STEP(out[_pid * 2 + 1] = other);
    one = 0; other = 0;
#endif
#ifndef BROKEN_LOG_KEPT
    STEP(LOG_OVER(_pid));
#endif
    STEP(dict_version++);
    STEP(opened_dict[_pid] = false);
    STEP(lock = NOBODY);
    give_up_roots(_pid);
    STEP(RECORD_OVER(_pid));
    entry = 0
}

/* ---- the reader ---- */

/* What key `entry` + 1 has, into `found`. */
inline get()
{
    found = NONE;
    at = position[entry];
    if
    :: at == EMPTY
    :: else ->
        seen = version[entry];
        if
        :: seen % 2 == 1 -> tries++
        :: else ->
            if
            :: entry_key[entry] == entry + 1 -> found = value[entry]
            :: else
            fi;
            if
            :: version[entry] != seen -> tries++
            :: else
            fi
        fi
    fi;
    at = 0
}

/* Both keys, into `one` and `other`. */
inline copy()
{
    seen = dict_version;
    one = NONE; other = NONE;
    if
    :: seen % 2 == 1 -> tries++
    :: else ->
        end = counts;
        one = value[0];
        if
        :: end == 2 -> other = value[1]
        :: else
        fi;
        if
        :: dict_version != seen -> tries++
        :: else
        fi
    fi
}

#define ANY_FIRST(b)   (PAIR(0, b) | PAIR(1, b) | PAIR(5, b) | PAIR(NONE, b))
#define ANY_SECOND(a)  (PAIR(a, 0) | PAIR(a, 2) | PAIR(a, 6) | PAIR(a, NONE))

inline read_one()
{
    get();
    if
    :: tries > 0 ->
        acquire();
        found = (position[entry] == EMPTY || entry_key[entry] != entry + 1 -> NONE : value[entry]);
        STEP(lock = NOBODY)
    :: else
    fi;
    if
    :: entry == 0 -> assert((was & ANY_SECOND(found)) != 0)
    :: else -> assert((was & ANY_FIRST(found)) != 0)
    fi
}

inline read_all()
{
    copy();
    if
    :: tries > 0 ->
        acquire();
        one = value[0]; other = (counts == 2 -> value[1] : NONE);
        STEP(lock = NOBODY)
    :: else
    fi;
    assert((was & PAIR(one, other)) != 0)
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
        assert(lock == NOBODY && dict_version % 2 == 0 && version[0] % 2 == 0 && version[1] % 2 == 0);
        assert(state[0] == IDLE && state[1] == IDLE && state[2] == IDLE);
        assert(value[0] == now[0]);
        assert(now[1] == (counts == 2 -> value[1] : NONE) && (counts == 2 || position[1] == EMPTY));
        at = 0;
        do
        :: at < BLOCKS -> assert(used[at] == (now[0] == at || now[1] == at)); at++
        :: else -> break
        od
    }
}

bool filled = false;

active [SLOTS + 1] proctype Thread()
{
    byte victim = 0, at = 0, entry = 0, seen = 0, end = 0, found = 0, one = 0, other = 0, tries = 0, now_entry = 0;

    atomic {
        if
        :: !filled ->
            position[0] = 1; entry_key[0] = 1; value[0] = 0; used[0] = true; now[0] = 0;
            filled = true
        :: else
        fi
    };
    if
    :: _pid < READER -> update()
    :: _pid == READER ->
        if
        :: skip
        :: deaths > 0 -> sweep()
        fi;
        atomic { reading = true; was = BOTH };
        if
        :: entry = 0; read_one()
        :: entry = 1; read_one()
        :: read_all()
        fi
    :: _pid == JANITOR ->
        ended == SLOTS;
        sweep();
        everything_is_settled()
    fi;
    END_OF_THREAD
}
