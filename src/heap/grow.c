/* grow.c - making the store larger
 *
 * Growth takes the grow lock alone, a leaf: never together with the heap lock, so that allocations which find room go on
 * while the kernel zeroes pages (1.3 ms per 16 MiB). It changes one word, `committed`, and only when the pages are there;
 * a step is half of what there is, up to 32 MiB.
 *
 * A death      before that store: pages of the file that nobody knows of, which the next growth commits again. After it: the
 *              store is larger. Repair only releases the lock.
 */
#include "heap/grow.h"

#define STEP_MAX (UINT64_C(32) << 20)
#define STEP_MIN (SPAN_SIZE >= 65536 ? UINT64_C(256) << 10 : 4 * SPAN_SIZE)

static uint64_t grow_step(uint64_t data, uint64_t need, uint64_t room)
{
    uint64_t step = data / 2 / SPAN_SIZE * SPAN_SIZE;
    if (step < need)
        step = (need + SPAN_SIZE - 1) / SPAN_SIZE * SPAN_SIZE + SPAN_SIZE;
    if (step < STEP_MIN)
        step = STEP_MIN;
    if (step > STEP_MAX)
        step = STEP_MAX;
    return step < room ? step : room / SPAN_SIZE * SPAN_SIZE;
}

/* Free bytes at the end of the data, as far as `most`. Looked at without the heap lock: good enough to see that growth would
 * be in vain. */
static uint64_t free_at_end(const struct store_map *map, uint64_t end, uint64_t most)
{
    uint64_t free = 0;
    while (free < most && end - free > map->data && word32_load(&map->page_table[(end - free) / PAGE_SIZE - 1]) == 0)
        free += PAGE_SIZE;
    return free;
}

static comem_status grow_locked(struct store_map *map, uint64_t need)
{
    uint64_t end = word_load(&map->header->committed), data = end - map->data;
    uint64_t limit = map->window - map->data < map->size_limit ? map->window - map->data : map->size_limit;
    uint64_t step = data < limit ? grow_step(data, need, limit - data) : 0;
    if (step == 0 || need > limit - data + free_at_end(map, end, need))
        return store_error(
            COMEM_NO_MEMORY, "the store is full: %llu bytes more do not fit, it has %llu and may have %llu (%s)",
            (unsigned long long)need, (unsigned long long)data, (unsigned long long)limit,
            limit == map->size_limit ? "its size limit, see COMEM_SIZE_LIMIT"
                                     : "the limits of address space and file size of the process that made it");
    comem_status status = store_commit_to(map, end + step);
    uint64_t least = (need + SPAN_SIZE - 1) / SPAN_SIZE * SPAN_SIZE;
    if (status == COMEM_NO_MEMORY && least < step) /* the file system is nearly full: what is needed may just fit */
        status = store_commit_to(map, end + least);
    return status;
}

comem_status heap_grow(struct participant *me, uint64_t need)
{
    repair_dead(me);
    uint64_t seen = word_load_acquire(&me->map->header->committed);
    comem_status status = leaf_acquire(me, &me->map->header->grow_lock);
    if (status != COMEM_OK)
        return status;
    if (word_load(&me->map->header->committed) == seen) /* otherwise somebody else has just grown it */
        status = grow_locked(me->map, need);
    leaf_release(me, &me->map->header->grow_lock);
    return status;
}
