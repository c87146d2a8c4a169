/* layout.h - where things stand in a store
 *
 *   offset 0        header              one span
 *   +               page table          one word32 for each page of the window   } only the parts that describe committed
 *   +               group table         one struct heap_group for each 64 spans  } pages are on real memory
 *   data            slots, chunk 0      one span
 *   + span          processes, chunk 0  one span
 *   + 2 spans       the heap, up to `committed`, which only rises
 *
 * An offset is counted from the header and is the same in every process; 0 names nothing. docs/format.md describes every
 * byte. The sizes below are part of the format's fingerprint: a store made with others is refused.
 */
#ifndef COMEM_STORE_LAYOUT_H
#define COMEM_STORE_LAYOUT_H

#include "os/word.h"

#define LAYOUT_FORMAT 2u

#ifdef COMEM_SMALL_GEOMETRY /* the crash tests: everything splits and grows after a few operations */
#define PAGE_SHIFT 8u
#define SPAN_SHIFT 12u
#define LIST_BLOCK_SHIFT 3u
#define DICT_PAGE_SHIFT 4u
#define DICT_SEGMENT_SHIFT 3u
#define LAYOUT_WINDOW (UINT64_C(16) << 20)
#else
#define PAGE_SHIFT 12u
#define SPAN_SHIFT 16u
#define LIST_BLOCK_SHIFT 8u
#define DICT_PAGE_SHIFT 11u
#define DICT_SEGMENT_SHIFT 12u
#define LAYOUT_WINDOW (UINT64_C(64) << 30)
#endif

#define PAGE_SIZE (UINT64_C(1) << PAGE_SHIFT)
#define SPAN_SIZE (UINT64_C(1) << SPAN_SHIFT)
#define SPAN_PAGES (UINT64_C(1) << (SPAN_SHIFT - PAGE_SHIFT))
#define GROUP_SPANS UINT64_C(64)
#define GROUP_PAGES (GROUP_SPANS * SPAN_PAGES)
#define HEAP_CLASSES_MAX 64u
#define LAYOUT_CHUNKS (SPAN_SIZE / 64) /* chunks of slots, and of processes, at most */
#define LAYOUT_FIXED_SPANS 2u          /* the data's first spans: a chunk of slots, a chunk of processes */
#define LAYOUT_HEAP_SPANS_AT_BIRTH (SPAN_SIZE >= 65536 ? 1u : 4u)

/* The heap's caches for 64 spans; see heap.c. */
struct heap_group {
    word64
        available[HEAP_CLASSES_MAX]; /* per size class: bit i is set when span i of the group may have a free block */
};

struct store_header {
    /* Written before anybody else can see the store, never again. */
    uint64_t magic;
    uint64_t fingerprint;
    uint8_t id[16]; /* of a store by name written again, with the last ones below */
    uint64_t hash_seed;
    uint64_t window;     /* bytes of address space every process maps */
    uint64_t size_limit; /* bytes of data there may be */
    uint64_t page_table;
    uint64_t group_table;
    uint64_t data;
    uint64_t named;       /* 1: a store by name, which a file in a folder holds; 0: a program's own */
    word64 boot;          /* of a store by name: os_boot() of the machine's start in which it is used, */
    word64 device, inode; /* and what file it is. Written again by whoever finds another start or file; named.c */

    /* Read by all, written now and then. */
    _Alignas(64) word64 committed; /* end of the data; holder of grow_lock */
    word64 slots_high;             /* no slot at or above this index was ever used; by compare and swap, only rises */
    word64 processes_high;         /* the same for process records */
    word64 version_counter;        /* where a new table's versions start; by atomic addition */
    word64 scope_counter;          /* the last scope given out; by atomic addition */
    word32 grow_lock;
    word32 zero_too;
    word64 roots; /* the dict that names objects, 0 before there is one; once, by the holder of grow_lock */

    /* The heap's; written by the holder of heap_lock. */
    _Alignas(64) word32 heap_lock;
    word32 zero;
    word64 trash;                        /* the first root waiting to be freed */
    word64 page_hint;                    /* no free page below */
    word64 span_hint;                    /* no free aligned run of a span's pages below */
    word64 class_hint[HEAP_CLASSES_MAX]; /* no group below has a span of the class with a free block */

    word64 slot_chunks[LAYOUT_CHUNKS]; /* offsets; filled in order, each by one compare and swap */
    word64 process_chunks[LAYOUT_CHUNKS];
};
static_assert(sizeof(struct store_header) <= SPAN_SIZE, "the header fits into its span");
static_assert(offsetof(struct store_header, committed) == 128, "docs/format.md says so");
static_assert(offsetof(struct store_header, heap_lock) == 192, "docs/format.md says so");

#endif
