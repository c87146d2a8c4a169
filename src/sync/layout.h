/* layout.h - slots, process records and locks in shared memory
 *
 * A seat is 1 KiB with a control word in front; slots and process records are seats, in chunks of a span each that the
 * header's slot_chunks and process_chunks name. A seat is never given to another purpose, so its control word may be read
 * at any time.
 *
 * Control word   {generation 32, state 16, recoverer 16}; every change is one compare and swap of the whole word.
 *                generation  rises each time the seat becomes free
 *                recoverer   slot number + 1 of who is claiming, repairing or reaping the seat, 0 when nobody is
 * Lock word      {waiters 1, generation 15, owner 16}; owner is slot number + 1, generation the lowest bits of its slot's.
 */
#ifndef COMEM_SYNC_LAYOUT_H
#define COMEM_SYNC_LAYOUT_H

#include "os/os.h"
#include "store/layout.h"

#define SEAT_SIZE 1024u
#define SEATS_PER_CHUNK ((uint32_t)(SPAN_SIZE / SEAT_SIZE))
#define SEATS_MAX 65535u /* seat number + 1 has to fit into 16 bits */

enum seat_state {
    SEAT_FREE = 0,
    SEAT_CLAIMED, /* being set up: by its recoverer (processes), by `thread` (slots) */
    SEAT_LIVE,
    SEAT_LEAVING, /* slots: its thread is on its way out, with nothing held */
    SEAT_OWING,   /* slots: repaired, but its record still holds links that somebody has to count down */
    SEAT_FORKING  /* processes: made for a child that is not there yet; a witness tells whether it may still come */
};

#define LOCK_WAITERS (UINT32_C(1) << 31)
#define LOCK_OWNER_MASK UINT32_C(0x7FFFFFFF)

#define RECORD_ENTRIES 16u

enum record_state { RECORD_IDLE = 0, RECORD_ACTIVE, RECORD_COMMITTED, RECORD_OWING };

/* What an entry of a record says; see record.h. */
enum record_kind {
    RECORD_NONE = 0,
    RECORD_WORD,
    RECORD_VERSION,
    RECORD_WATCH,
    RECORD_LOG,
    RECORD_ALLOC,
    RECORD_FREE,
    RECORD_BUILD,
    RECORD_TRASH,
    RECORD_HOLD,
    RECORD_UNLINK,
    RECORD_OWE
};

struct record_entry {
    word64 what; /* kind in the top byte, offset below */
    word64 argument;
};

struct record {
    word64 head; /* {state 8, zero 40, base 8, end 8}: entries[base] to entries[end - 1] count */
    word64 zero;
    struct record_entry entries[RECORD_ENTRIES];
};

/* Written by its owner, and after the owner's death by the recoverer alone; `control` by compare and swap. */
struct slot {
    word64 control;
    word64 process;   /* offset of the owner's process record, 0 before it has one */
    word64 claims[2]; /* offsets of the control words that name this slot as recoverer: repairing, reaping */
    word64 zero;
    word64 thread;        /* the owner's thread number in its PID namespace; 0 while the seat is free */
    word64 thread_start;  /* of the second witness, 0 as yet */
    word64 pid_namespace; /* its inode */
    struct os_life life;
    word64 held[8]; /* locks the owner has, is about to take or has just released: [0] an object's, [1] a leaf */
    struct record record;
    word64 counters[8]; /* statistics: [0] locks slept for, [1] slots repaired, [2] roots reaped; the rest 0 */
    word64 rest[62];
};
static_assert(offsetof(struct slot, life) == 64 && offsetof(struct slot, held) == 128, "docs/format.md says so");
static_assert(offsetof(struct slot, record) == 192 && offsetof(struct slot, counters) == 464, "docs/format.md says so");

#define PROCESS_ROWS 64u
#define PROCESS_TABLES 8u
#define PROCESS_BUCKET 8u

/* The references a process holds: a hash table that never moves a row. An object hashes to one bucket of 8 rows in `rows`,
 * and in each of `tables`, the n-th of which is a block of PROCESS_ROWS << (3 * (n + 1)) rows. Written by its process
 * alone while that lives, then by the recoverer. */
struct process {
    word64 control;
    word64 id;    /* its process number, for opening its descriptor */
    word64 fd;    /* the store's descriptor there */
    word64 start; /* of the second witness, 0 as yet */
    word64 pid_namespace;
    word64 zero[3];
    word64 tables[PROCESS_TABLES]; /* offsets of blocks; 0 behind the last */
    word64 rows[PROCESS_ROWS];     /* offsets of objects, 0 where free */
    word64 rest[48];
};
static_assert(sizeof(struct slot) == SEAT_SIZE && sizeof(struct process) == SEAT_SIZE, "seats are all of one size");
static_assert(offsetof(struct process, rows) == 128, "docs/format.md says so");

#endif
