/* heap.h - blocks of shared memory, and roots waiting to be freed */
#ifndef COMEM_HEAP_HEAP_H
#define COMEM_HEAP_HEAP_H

#include "sync/record.h"

#define HEAP_BLOCK_MAX (SPAN_SIZE / 8) /* larger blocks are runs of pages */
#define HEAP_CLASS_OBJECT (HEAP_CLASSES_MAX - 1)
#define HEAP_OBJECT_SIZE 128u

/* How a block begins that can wait in the trash or that `store check` walks to. Others (cells) hang from one of these. */
struct block_header {
    word64 next; /* the next root in the trash, 0 at its end and outside it */
    word64 info; /* {BLOCK_MAGIC 16, zero 32, flags 8, kind 8} */
};

#define BLOCK_MAGIC UINT64_C(0xB10C)
#define BLOCK_SHELL 1u /* flag: the cells are not the root's any more, or not yet; only the blocks are to be freed */
#define BLOCK_PART 2u  /* flag: only the blocks that the root says are to be freed are its own */
#define BLOCK_FLAGS (BLOCK_SHELL | BLOCK_PART)

enum block_kind { BLOCK_VALUE = 1, BLOCK_TABLE, BLOCK_OBJECT, BLOCK_DICT, BLOCK_KINDS };

static inline uint64_t block_info(enum block_kind kind)
{
    return BLOCK_MAGIC << 48 | (uint64_t)kind;
}

static inline enum block_kind block_kind(uint64_t info)
{
    return info >> 48 == BLOCK_MAGIC && (info & 0xFF) < BLOCK_KINDS ? (enum block_kind)(info & 0xFF) : 0;
}

static inline uint32_t block_flags(uint64_t info)
{
    return (uint32_t)(info >> 8) & BLOCK_FLAGS;
}

/* Computes the size classes; once per process. */
void heap_init(void);

/* Allocates `size` bytes, aligned to 8, and adds ALLOC to the caller's record. What is in them is
 * undefined. Runs of pages are page-aligned. COMEM_NO_MEMORY: the detail says the size and what limits it. 30 ns; growth
 * 1 ms. No object lock is needed, one may be held. */
comem_status heap_alloc(struct participant *me, uint64_t size, uint64_t *offset);
/* The same for an object's header: HEAP_OBJECT_SIZE bytes in spans that never hold anything else. */
comem_status heap_alloc_object(struct participant *me, uint64_t *offset);
/* Bytes really taken by a block of `size` bytes. */
uint64_t heap_rounded(uint64_t size);
/* Whether `offset` may be an object's header: it stands where one can stand, in a span of such. */
bool heap_is_object(struct store_map *map, uint64_t offset);

/* Frees and gives to the trash what a COMMITTED record says behind its first `keep` entries, and drops those that said it; the
 * record stays COMMITTED. */
comem_status heap_settle(struct participant *me, uint32_t keep);
/* Ends a COMMITTED operation, best after its object locks are gone: frees FREE blocks, puts TRASH roots into the trash. The first
 * `keep` entries (HOLD) stay, ACTIVE; entries of other kinds are dropped. */
comem_status heap_finish(struct participant *me, uint32_t keep);
/* Gives back what the record's entries after the first `keep` say, ALLOC and BUILD: the operation is not to be. No words are
 * among them. */
void heap_abandon(struct participant *me, uint32_t keep);
/* For repair: settles one entry; the heap lock is held in the record's name. Can be done again at any step. */
void heap_settle_entry(struct store_map *map, enum record_state state, uint64_t what, uint64_t argument);

/* What frees a root of `kind`, a step of at most 256 cells at a time. At entry the record is ACTIVE with HOLD(root) alone;
 * the same at a return of false (more to do). At a return of true the root is freed and the record clear. */
typedef bool (*trash_reaper)(struct participant *me, uint64_t root);
void trash_register(enum block_kind kind, trash_reaper reaper);
/* Does one step for the root that was given up last. Whether there was any. Record idle, no lock held. */
bool trash_reap(struct participant *me);
/* Up to `steps` of them: who gives something up, or takes room, frees as much as it took. */
void trash_work(struct participant *me, unsigned steps);
/* For an operation that found the store full: sweeps and frees all there is. Whether it is worth trying again. Record idle,
 * no lock held. */
bool heap_relieve(struct participant *me);

/* An operation that may run out of memory is tried like this:
 *
 *     unsigned tries = heap_first_try(me);
 *     do {
 *         status = ...
 *     } while (heap_try_again(me, status, &tries));
 *
 * The first try does not make the store grow while something waits in the trash: that is freed first, some milliseconds of
 * it. The last one comes after a sweep. Between tries the record is idle and no lock is held. */
static inline unsigned heap_first_try(struct participant *me)
{
    me->thrifty = true;
    return 0;
}

bool heap_try_again_slow(struct participant *me, unsigned *tries);
static inline bool heap_try_again(struct participant *me, comem_status status, unsigned *tries)
{
    me->thrifty = false;
    return !WORD_LIKELY(status != COMEM_NO_MEMORY) && heap_try_again_slow(me, tries);
}

static inline bool trash_waiting(const struct participant *me)
{
    return word_load(&me->map->header->trash) != 0;
}

/* ---- for heap/check.c and tests ---- */

#ifdef COMEM_TEST_SEAMS
extern uint64_t heap_seam_room; /* allocations until the store is full; UINT64_MAX: as many as there is room for */
#endif

enum page_kind { PAGE_FREE = 0, PAGE_SPAN, PAGE_RUN, PAGE_TAIL };
uint32_t heap_page_entry(enum page_kind kind, uint32_t class, uint64_t pages);
enum page_kind heap_page_kind(uint32_t entry);
uint32_t heap_page_count(uint32_t entry);
uint32_t heap_page_class(uint32_t entry);
uint64_t heap_class_size(uint32_t class);
/* Calls `visit` for every block in use of the span or run at `page`. */
typedef void (*heap_visitor)(void *context, uint64_t offset, uint64_t size);
void heap_walk_page(struct store_map *map, uint64_t page, heap_visitor visit, void *context);
/* The word that a span of `class` begins with. */
uint64_t heap_span_info(uint32_t class);
/* Whether the span that begins at `offset`, as the page table says, has a free block. */
bool heap_span_has_room(struct store_map *map, uint64_t offset);
/* Bytes of the block in use that begins at `offset`; 0: there is none. */
uint64_t heap_block_size(struct store_map *map, uint64_t offset);
/* For repair, while nobody else has the store: marks a block of a span as in use. False: no block can begin there. */
bool heap_block_use(struct store_map *map, uint64_t offset);
/* Bytes of blocks in use. */
uint64_t heap_used(struct store_map *map);

#endif
