/* trash.c - roots that were given up and wait to be freed
 *
 * Layout       a list through the roots' first words (struct block_header), from the header's `trash`, last in first out.
 * Written by   the holder of the heap lock: pushing by heap_settle_entry(), popping here.
 * Popping      HOLD(root) is recorded, then `trash` moves on. From there on the root is the popper's, who frees a step of it
 *              or all, and pushes it back if some is left.
 * A death      at any step: repair pushes the held root again, unless it still is the head. How far freeing had come stands
 *              in the root itself (its length), which each step moves in the operation that frees.
 */
#include "heap/heap.h"

#define THRIFT_STEPS 256u /* before the store grows: at most about 10 ms */
#define EARLY_NS UINT64_C(1000000)
#define PROGRESS_WORDS 8u /* of a table, all before its entries */
#define EARLY_TRIES 40u   /* the last one takes all there are */

static trash_reaper reapers[BLOCK_KINDS]; /* private: set once, before the first operation */

void trash_register(enum block_kind kind, trash_reaper reaper)
{
    reapers[kind] = reaper;
}

/* Takes the first root; it is then held by the record. 0: none. */
static uint64_t trash_pop(struct participant *me)
{
    struct store_map *map = me->map;
    if (leaf_acquire(me, &map->header->heap_lock) != COMEM_OK)
        return 0;
    uint64_t root = word_load(&map->header->trash);
    struct block_header *header = root == 0 ? NULL : store_at(map, root, sizeof *header);
    if (header != NULL) {
        record_add(me, RECORD_HOLD, root, 0);
        word_store(&map->header->trash, word_load(&header->next));
        word_order();
        word_store(&header->next, 0); /* where damage has made a ring of the list, that is its end */
    }
    leaf_release(me, &map->header->heap_lock);
    return header == NULL ? 0 : root;
}

static void trash_put_back(struct participant *me, uint64_t root)
{
    if (leaf_acquire(me, &me->map->header->heap_lock) != COMEM_OK)
        return;
    heap_settle_entry(me->map, RECORD_ACTIVE, (uint64_t)RECORD_HOLD << 56 | root, 0);
    record_clear(me);
    leaf_release(me, &me->map->header->heap_lock);
}

/* How far the freeing of a root has come: whatever its kind, that stands in the words at its beginning. */
static uint64_t trash_progress(struct store_map *map, uint64_t root)
{
    const word64 *words = store_at(map, root, PROGRESS_WORDS * sizeof *words);
    uint64_t sum = 0;
    for (unsigned i = 1; words != NULL && i < PROGRESS_WORDS; i++)
        sum = sum * 31 + word_load(&words[i]);
    return sum;
}

bool trash_reap(struct participant *me)
{
    if (!trash_waiting(me))
        return false;
    uint64_t root = trash_pop(me);
    if (root == 0)
        return false;
    const struct block_header *header = store_at(me->map, root, sizeof *header);
    enum block_kind kind = block_kind(word_load(&header->info));
    if (reapers[kind] == NULL) { /* damage: left out of the list, so that it is met once */
        record_clear(me);
        return true;
    }
    uint64_t before = trash_progress(me->map, root);
    bool done = reapers[kind](me, root);
    if (!done && before != trash_progress(me->map, root))
        trash_put_back(me, root);
    else if (!done) /* damage: a step that moves nothing would never be the last one. What is left leaks */
        record_clear(me);
    word_store(&me->slot->counters[2], word_load(&me->slot->counters[2]) + 1);
    return true;
}

void trash_work(struct participant *me, unsigned steps)
{
    while (steps-- > 0 && trash_reap(me))
        ;
}

/* Frees all that waits in the trash. Whether there was anything. */
static bool trash_empty(struct participant *me)
{
    bool any = false;
    while (trash_reap(me))
        any = true;
    return any;
}

bool heap_relieve(struct participant *me)
{
    bool gained = repair_sweep(me);
    gained |= sync_upward->reap_stamped(me, 0);
    gained |= trash_empty(me);
    return gained;
}

/* The last resort of an operation that found the store full, see sync_upward. */
static bool heap_relieve_early(struct participant *me, uint64_t early)
{
    bool gained = sync_upward->reap_stamped(me, early);
    trash_empty(me);
    return gained;
}

bool heap_try_again_slow(struct participant *me, unsigned *tries)
{
    if (++*tries == 1) {
        trash_work(me, THRIFT_STEPS);
        return true;
    }
    if (*tries == 2 && heap_relieve(me))
        return true;
    /* Then names that may still be on their way, the oldest first, more of them each time. */
    return *tries < EARLY_TRIES && heap_relieve_early(me, EARLY_NS << (*tries - 2));
}
