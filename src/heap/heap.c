/* heap.c - spans, size classes, runs of pages
 *
 * Layout       A page table entry {kind 2, class 6, pages 24} says what a page is: free (0), the head of a span (16 aligned
 *              pages of blocks of one size class), the head of a run (one large block), or a later page of either. A span
 *              begins with its class and a bitmap, a bit per block; then its blocks. Size classes: steps of 8 bytes up to
 *              64, then four per doubling up to an eighth of a span. Objects' headers have a class of their own, whose spans
 *              are never given back, so that a stale handle always meets a header.
 * Truth        is the page table and the bitmaps. All else is a cache: available bits (clear only while the span is full),
 *              class_hint, page_hint, span_hint (lower bounds, lowered by every free).
 * Written by   the holder of the heap lock; a new span's header before the page table names it.
 * Lock order   the heap lock is a leaf. Growth (grow.c) runs without it; then the search starts over.
 * A death      in an allocation: ALLOC was recorded before the first bit, and repair clears bits or page entries, be they set
 *              or not. In a free: FREE is in a COMMITTED record until after the bits are clear and is dropped before the lock
 *              goes, so repair frees again what may be half free, and never what somebody else got since.
 *              A span that runs empty is given back by turning its head into a run's (one store), then clearing page
 *              entries, the head last: a repeated FREE finds the run and clears on.
 */
#include "heap/heap.h"
#include "heap/grow.h"

#define SPAN_MAGIC UINT64_C(0x5BA40000)
#define FINE_CLASSES 7u /* 16, 24 ... 64 */
#define PAGES_MAX ((UINT64_C(1) << 24) - 1)

struct heap_span {
    word64 info; /* SPAN_MAGIC | class */
    word64 zero;
    word64 used[]; /* a bit per block */
};

static uint32_t class_count;
static struct class_plan {
    uint32_t size, blocks, first; /* bytes of a block; blocks in a span; where the first one begins */
} plans[HEAP_CLASSES_MAX];        /* private: the same in every process */

/* ---- size classes ---- */

static struct class_plan class_make_plan(uint32_t size, uint32_t alignment)
{
    struct class_plan plan = {.size = size, .blocks = (uint32_t)SPAN_SIZE / size};
    for (;; plan.blocks--) {
        uint32_t header = (uint32_t)sizeof(struct heap_span) + (plan.blocks + 63) / 64 * 8;
        plan.first = (header + alignment - 1) / alignment * alignment;
        if (plan.first + plan.blocks * size <= SPAN_SIZE)
            return plan;
    }
}

static uint32_t class_of(uint64_t size)
{
    if (size <= 64)
        return size <= 16 ? 0 : (uint32_t)(size - 16 + 7) / 8;
    uint64_t last = size - 1;
    uint32_t doubling = 63 - (uint32_t)__builtin_clzll(last);
    return FINE_CLASSES + (doubling - 6) * 4 + (uint32_t)(last >> (doubling - 2) & 3);
}

void heap_init(void)
{
    for (uint32_t i = 0; i < FINE_CLASSES; i++)
        plans[i] = class_make_plan(16 + 8 * i, 64);
    uint32_t class = FINE_CLASSES;
    for (uint32_t base = 64; base < HEAP_BLOCK_MAX; base *= 2)
        for (uint32_t quarter = 1; quarter <= 4; quarter++)
            plans[class ++] = class_make_plan(base + base / 4 * quarter, 64);
    class_count = class;
    plans[HEAP_CLASS_OBJECT] = class_make_plan(HEAP_OBJECT_SIZE, 128);
}

uint64_t heap_class_size(uint32_t class)
{
    return class < HEAP_CLASSES_MAX ? plans[class].size : 0;
}

uint64_t heap_rounded(uint64_t size)
{
    return size <= HEAP_BLOCK_MAX ? plans[class_of(size)].size : (size + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;
}

/* ---- pages ---- */

enum page_kind heap_page_kind(uint32_t entry)
{
    return (enum page_kind)(entry >> 30);
}

uint32_t heap_page_class(uint32_t entry)
{
    return entry >> 24 & 0x3F;
}

uint32_t heap_page_count(uint32_t entry)
{
    return entry & 0xFFFFFF;
}

uint32_t heap_page_entry(enum page_kind kind, uint32_t class, uint64_t pages)
{
    return (uint32_t)kind << 30 | class << 24 | (uint32_t)pages;
}

static void hint_lower(word64 *hint, uint64_t value)
{
    if (value < word_load(hint))
        word_store(hint, value);
}

/* The first of `pages` free pages at or above *hint, 0 if there are none. The hint rises over what is in use. */
static uint64_t pages_find(struct store_map *map, uint64_t pages, uint64_t step, word64 *hint)
{
    uint64_t limit = store_end(map) / PAGE_SIZE;
    uint64_t start = word_load(hint), lowest = (map->data + LAYOUT_FIXED_SPANS * SPAN_SIZE) / PAGE_SIZE;
    bool passed_free = false;
    if (start < lowest || start > limit) /* above: damage */
        start = lowest;
    start = (start + step - 1) / step * step;
    for (uint64_t page = start; page + pages <= limit;) {
        uint64_t free = 0;
        while (free < pages && word32_load(&map->page_table[page + free]) == 0)
            free++;
        if (free == pages) {
            if (!passed_free)
                word_store(hint, page);
            return page;
        }
        if (free > 0)
            passed_free = true;
        uint64_t used = page + free;
        uint32_t entry = word32_load(&map->page_table[used]);
        uint64_t skip = heap_page_kind(entry) == PAGE_TAIL || heap_page_count(entry) == 0 ? 1 : heap_page_count(entry);
        page = (used + skip + step - 1) / step * step;
        if (!passed_free)
            word_store(hint, page);
    }
    return 0;
}

static void pages_set(struct store_map *map, uint64_t page, uint64_t pages, uint32_t head)
{
    for (uint64_t i = pages; i-- > 1;)
        word32_store(&map->page_table[page + i], heap_page_entry(PAGE_TAIL, 0, 0));
    word_order();
    word32_store(&map->page_table[page], head);
}

static void pages_clear(struct store_map *map, uint64_t page, uint64_t pages)
{
    hint_lower(&map->header->page_hint, page);
    hint_lower(&map->header->span_hint, page / SPAN_PAGES * SPAN_PAGES);
    for (uint64_t i = pages; i-- > 0;) {
        word_order();
        word32_store(&map->page_table[page + i], 0);
    }
}

static bool pages_within(struct store_map *map, uint64_t page, uint64_t pages)
{
    return pages <= PAGES_MAX && store_holds(map, page * PAGE_SIZE, pages * PAGE_SIZE);
}

/* ---- spans ---- */

static struct heap_span *span_of(struct store_map *map, uint64_t offset, uint64_t *start)
{
    *start = offset & ~(SPAN_SIZE - 1);
    if (!store_holds(map, *start, SPAN_SIZE))
        return NULL;
    uint32_t entry = word32_load(&map->page_table[*start / PAGE_SIZE]);
    struct heap_span *span = (struct heap_span *)(map->base + *start);
    if (heap_page_kind(entry) != PAGE_SPAN || word_load(&span->info) != (SPAN_MAGIC | heap_page_class(entry)))
        return NULL;
    return span;
}

static word64 *available_word(struct store_map *map, uint64_t span_start, uint32_t class)
{
    return &map->groups[(span_start >> SPAN_SHIFT) / GROUP_SPANS].available[class];
}

static uint64_t available_bit(uint64_t span_start)
{
    return UINT64_C(1) << ((span_start >> SPAN_SHIFT) % GROUP_SPANS);
}

static void available_set(struct store_map *map, uint64_t span_start, uint32_t class)
{
    word64 *word = available_word(map, span_start, class);
    word_store(word, word_load(word) | available_bit(span_start));
    hint_lower(&map->header->class_hint[class], (span_start >> SPAN_SHIFT) / GROUP_SPANS);
}

static void available_clear(struct store_map *map, uint64_t span_start, uint32_t class)
{
    word64 *word = available_word(map, span_start, class);
    word_store(word, word_load(word) & ~available_bit(span_start));
}

/* Index of a free block of the span, `blocks` when it is full. */
static uint32_t span_find(const struct heap_span *span, uint32_t blocks)
{
    for (uint32_t i = 0; i < blocks; i += 64) {
        uint64_t used = word_load(&span->used[i / 64]);
        if (used != UINT64_MAX) {
            uint32_t index = i + (uint32_t)__builtin_ctzll(~used);
            return index < blocks ? index : blocks;
        }
    }
    return blocks;
}

static bool span_empty(const struct heap_span *span, uint32_t blocks)
{
    for (uint32_t i = 0; i < blocks; i += 64)
        if (word_load(&span->used[i / 64]) != 0)
            return false;
    return true;
}

/* The span of `class` to take a block from, 0 when all are full. */
static uint64_t span_available(struct store_map *map, uint32_t class, uint32_t *index)
{
    uint64_t groups = store_end(map) / PAGE_SIZE / GROUP_PAGES + 1;
    word64 *hint = &map->header->class_hint[class];
    for (uint64_t group = word_load(hint); group < groups; group++) {
        uint64_t bits;
        while ((bits = word_load(&map->groups[group].available[class])) != 0) {
            uint64_t candidate = (group * GROUP_SPANS + (uint64_t)__builtin_ctzll(bits)) << SPAN_SHIFT, start;
            const struct heap_span *span = span_of(map, candidate, &start);
            bool ours = span != NULL && word_load(&span->info) == (SPAN_MAGIC | class);
            *index = ours ? span_find(span, plans[class].blocks) : plans[class].blocks;
            if (*index < plans[class].blocks) {
                if (word_load(hint) != group)
                    word_store(hint, group);
                return candidate;
            }
            available_clear(map, candidate, class);
        }
    }
    if (word_load(hint) != groups - 1)
        word_store(hint, groups - 1);
    return 0;
}

/* Makes a span of `class`; false: no room. Complete when it returns, and kept whatever becomes of the operation. */
static bool span_make(struct participant *me, uint32_t class)
{
    struct store_map *map = me->map;
    uint64_t page = pages_find(map, SPAN_PAGES, SPAN_PAGES, &map->header->span_hint);
    if (page == 0)
        return false;
    uint64_t start = page * PAGE_SIZE;
    uint32_t before = me->record_end;
    record_add(me, RECORD_ALLOC, start, SPAN_PAGES);
    struct heap_span *span = (struct heap_span *)(map->base + start);
    word_fill_zero(span, class == HEAP_CLASS_OBJECT ? SPAN_SIZE : plans[class].first); /* objects' locks begin free */
    word_store(&span->info, SPAN_MAGIC | class);
    pages_set(map, page, SPAN_PAGES, heap_page_entry(PAGE_SPAN, class, SPAN_PAGES));
    word_order();
    available_set(map, start, class);
    word_store(&map->header->span_hint, page + SPAN_PAGES);
    record_savepoint(me, before);
    return true;
}

/* ---- allocating ---- */

static uint64_t block_take(struct participant *me, uint32_t class)
{
    struct store_map *map = me->map;
    uint32_t index;
    uint64_t start = span_available(map, class, &index);
    if (start == 0) {
        if (!span_make(me, class))
            return 0;
        start = span_available(map, class, &index);
        if (start == 0)
            return 0;
    }
    struct heap_span *span = (struct heap_span *)(map->base + start);
    uint64_t offset = start + plans[class].first + (uint64_t)index * plans[class].size;
    record_add(me, RECORD_ALLOC, offset, 0);
    word_store(&span->used[index / 64], word_load(&span->used[index / 64]) | UINT64_C(1) << index % 64);
    return offset;
}

static uint64_t run_take(struct participant *me, uint64_t pages)
{
    struct store_map *map = me->map;
    uint64_t page = pages_find(map, pages, 1, &map->header->page_hint);
    if (page == 0)
        return 0;
    record_add(me, RECORD_ALLOC, page * PAGE_SIZE, pages);
    pages_set(map, page, pages, heap_page_entry(PAGE_RUN, 0, pages));
    return page * PAGE_SIZE;
}

#ifdef COMEM_TEST_SEAMS
uint64_t heap_seam_room = UINT64_MAX;

static bool seam_full(void)
{
    if (heap_seam_room == 0)
        return true;
    heap_seam_room -= heap_seam_room != UINT64_MAX;
    return false;
}
#endif

static comem_status heap_take(struct participant *me, uint32_t class, uint64_t pages, uint64_t *offset)
{
#ifdef COMEM_TEST_SEAMS
    if (seam_full())
        return store_error(COMEM_NO_MEMORY, "the test says that the store is full");
#endif
    for (;;) {
        comem_status status = leaf_acquire(me, &me->map->header->heap_lock);
        if (status != COMEM_OK)
            return status;
        uint64_t taken = pages == 0 ? block_take(me, class) : run_take(me, pages);
        leaf_release(me, &me->map->header->heap_lock);
        if (taken != 0) {
            *offset = taken;
            return COMEM_OK;
        }
        if (me->thrifty && trash_waiting(me))
            return store_error(COMEM_NO_MEMORY, "the trash is to be emptied first");
        status = heap_grow(me, (pages == 0 ? SPAN_PAGES : pages) * PAGE_SIZE);
        if (status != COMEM_OK)
            return status;
    }
}

comem_status heap_alloc(struct participant *me, uint64_t size, uint64_t *offset)
{
    if (size <= HEAP_BLOCK_MAX)
        return heap_take(me, class_of(size), 0, offset);
    uint64_t pages = size / PAGE_SIZE + (size % PAGE_SIZE != 0);
    if (pages > PAGES_MAX)
        return store_error(COMEM_NO_MEMORY, "%llu bytes are more than one block can have", (unsigned long long)size);
    return heap_take(me, 0, pages, offset);
}

comem_status heap_alloc_object(struct participant *me, uint64_t *offset)
{
    return heap_take(me, HEAP_CLASS_OBJECT, 0, offset);
}

bool heap_is_object(struct store_map *map, uint64_t offset)
{
    const struct class_plan *plan = &plans[HEAP_CLASS_OBJECT];
    uint64_t start = offset & ~(SPAN_SIZE - 1), at = offset - start;
    if (!store_holds(map, offset, HEAP_OBJECT_SIZE) || at < plan->first || (at - plan->first) % HEAP_OBJECT_SIZE != 0 ||
        (at - plan->first) / HEAP_OBJECT_SIZE >= plan->blocks)
        return false;
    uint32_t entry = word32_load(&map->page_table[start / PAGE_SIZE]);
    return heap_page_kind(entry) == PAGE_SPAN && heap_page_class(entry) == HEAP_CLASS_OBJECT;
}

/* ---- freeing; the heap lock is held in somebody's name ---- */

/* The span must be given back only while the group has another one with room: a block taken and given back in turn would
 * otherwise make and drop a span each time. */
static bool span_is_spare(struct store_map *map, uint64_t start, uint32_t class)
{
    return class != HEAP_CLASS_OBJECT && (word_load(available_word(map, start, class)) & ~available_bit(start)) != 0;
}

static void block_give(struct store_map *map, uint64_t offset, bool may_release)
{
    uint64_t start;
    struct heap_span *span = span_of(map, offset, &start);
    if (span == NULL) {
        bool releasing = store_holds(map, start, SPAN_SIZE) &&
                         word32_load(&map->page_table[start / PAGE_SIZE]) == heap_page_entry(PAGE_RUN, 0, SPAN_PAGES);
        if (releasing && may_release)
            pages_clear(map, start / PAGE_SIZE, SPAN_PAGES);
        return;
    }
    uint32_t class = heap_page_class(word32_load(&map->page_table[start / PAGE_SIZE]));
    const struct class_plan *plan = &plans[class];
    uint64_t index = (offset - start - plan->first) / plan->size;
    if (offset < start + plan->first || index >= plan->blocks)
        return;
    available_set(map, start, class);
    word_store(&span->used[index / 64], word_load(&span->used[index / 64]) & ~(UINT64_C(1) << index % 64));
    if (may_release && span_is_spare(map, start, class) && span_empty(span, plan->blocks)) {
        available_clear(map, start, class);
        word32_store(&map->page_table[start / PAGE_SIZE], heap_page_entry(PAGE_RUN, 0, SPAN_PAGES));
        word_order();
        pages_clear(map, start / PAGE_SIZE, SPAN_PAGES);
    }
}

static void give(struct store_map *map, uint64_t offset)
{
    uint32_t entry = store_holds(map, offset, 8) ? word32_load(&map->page_table[offset / PAGE_SIZE]) : 0;
    if (offset % PAGE_SIZE == 0 && heap_page_kind(entry) == PAGE_RUN &&
        pages_within(map, offset / PAGE_SIZE, heap_page_count(entry)))
        pages_clear(map, offset / PAGE_SIZE, heap_page_count(entry));
    else
        block_give(map, offset, true);
}

/* Takes an allocation back: a block, or `pages` pages that are a run or a span in the making. */
static void take_back(struct store_map *map, uint64_t offset, uint64_t pages)
{
    uint64_t page = offset / PAGE_SIZE;
    if (pages == 0) {
        block_give(map, offset, false);
    } else if (pages_within(map, page, pages)) {
        uint32_t entry = word32_load(&map->page_table[page]);
        if (heap_page_kind(entry) == PAGE_SPAN)
            available_clear(map, offset, heap_page_class(entry));
        pages_clear(map, page, pages);
    }
}

/* Done again after a death it must find that it was done: so all who settle a record do it from its last entry down, each cleared
 * before the next, and only the one pushed last can have been pushed and not cleared. */
static void trash_push(struct store_map *map, uint64_t root, uint64_t flags)
{
    struct block_header *header = store_at(map, root, sizeof *header);
    if (header == NULL || word_load(&map->header->trash) == root) /* it is there: a push that was cut short */
        return;
    if (flags != 0)
        word_store(&header->info, word_load(&header->info) | (flags & BLOCK_FLAGS) << 8);
    word_store(&header->next, word_load(&map->header->trash));
    word_order();
    word_store(&map->header->trash, root);
}

void heap_settle_entry(struct store_map *map, enum record_state state, uint64_t what, uint64_t argument)
{
    uint64_t offset = what & RECORD_OFFSET_MASK;
    bool active = state == RECORD_ACTIVE;
    switch (record_kind(what)) {
    case RECORD_ALLOC:
        if (active)
            take_back(map, offset, argument);
        break;
    case RECORD_FREE:
        if (!active)
            give(map, offset);
        break;
    case RECORD_BUILD:
        if (active)
            trash_push(map, offset, argument);
        break;
    case RECORD_TRASH:
        if (!active)
            trash_push(map, offset, argument);
        break;
    case RECORD_HOLD:
        trash_push(map, offset, 0);
        break;
    default:
        break;
    }
    word_order();
}

comem_status heap_settle(struct participant *me, uint32_t keep)
{
    bool work = false;
    struct record_entry *entries = me->slot->record.entries;
    for (uint32_t i = me->record_base + keep; i < me->record_end; i++) {
        enum record_kind kind = record_kind(word_load(&entries[i].what));
        work |= kind == RECORD_FREE || kind == RECORD_TRASH;
    }
    if (!work)
        return COMEM_OK;
    comem_status status = leaf_acquire(me, &me->map->header->heap_lock);
    if (status != COMEM_OK)
        return status; /* damage; the record stays, repair will meet the same */
    for (uint32_t i = me->record_end;
         i-- > me->record_base + keep;) { /* downwards, as repair does it: see trash_push() */
        uint64_t what = word_load(&entries[i].what);
        if (record_kind(what) != RECORD_FREE && record_kind(what) != RECORD_TRASH)
            continue;
        heap_settle_entry(me->map, RECORD_COMMITTED, what, word_load(&entries[i].argument));
        word_store(&entries[i].what, 0); /* before the lock goes: what was freed may be somebody else's from then on */
        word_order();
    }
    leaf_release(me, &me->map->header->heap_lock);
    return COMEM_OK;
}

comem_status heap_finish(struct participant *me, uint32_t keep)
{
    comem_status status = heap_settle(me, keep);
    if (status != COMEM_OK)
        return status;
    if (keep > 0)
        record_savepoint(me, me->record_base + keep);
    else
        record_clear(me);
    return COMEM_OK;
}

void heap_abandon(struct participant *me, uint32_t keep)
{
    if (me->record_end > me->record_base + keep) {
        if (leaf_acquire(me, &me->map->header->heap_lock) != COMEM_OK)
            return; /* damage; the record stays, repair will meet the same */
        for (uint32_t i = me->record_end; i-- > me->record_base + keep;) {
            struct record_entry *entry = &me->slot->record.entries[i];
            heap_settle_entry(me->map, RECORD_ACTIVE, word_load(&entry->what), word_load(&entry->argument));
            word_store(&entry->what, 0); /* before the next one: see trash_push() */
            word_order();
        }
        record_savepoint(me, me->record_base + keep);
        leaf_release(me, &me->map->header->heap_lock);
    }
    if (keep == 0)
        record_clear(me);
}

/* ---- looking at it all ---- */

void heap_walk_page(struct store_map *map, uint64_t page, heap_visitor visit, void *context)
{
    uint32_t entry = word32_load(&map->page_table[page]);
    if (heap_page_kind(entry) == PAGE_RUN)
        visit(context, page * PAGE_SIZE, heap_page_count(entry) * PAGE_SIZE);
    uint64_t start;
    const struct heap_span *span = heap_page_kind(entry) == PAGE_SPAN ? span_of(map, page * PAGE_SIZE, &start) : NULL;
    if (span == NULL)
        return;
    const struct class_plan *plan = &plans[heap_page_class(entry)];
    for (uint32_t i = 0; i < plan->blocks; i++)
        if (word_load(&span->used[i / 64]) >> i % 64 & 1)
            visit(context, start + plan->first + (uint64_t)i * plan->size, plan->size);
}

uint64_t heap_span_info(uint32_t class)
{
    return SPAN_MAGIC | class;
}

bool heap_span_has_room(struct store_map *map, uint64_t offset)
{
    uint64_t start;
    const struct heap_span *span = span_of(map, offset, &start);
    uint32_t blocks = plans[heap_page_class(word32_load(&map->page_table[start / PAGE_SIZE]))].blocks;
    return span != NULL && span_find(span, blocks) < blocks;
}

/* The span that has a block which begins at `offset`, and the block's number in it; NULL: none can. */
static struct heap_span *block_find(struct store_map *map, uint64_t offset, uint64_t *index, uint64_t *size)
{
    uint64_t start;
    struct heap_span *span = span_of(map, offset, &start);
    if (span == NULL)
        return NULL;
    const struct class_plan *plan = &plans[heap_page_class(word32_load(&map->page_table[start / PAGE_SIZE]))];
    uint64_t at = offset - start - plan->first;
    if (plan->size == 0 || offset < start + plan->first || at % plan->size != 0 || at / plan->size >= plan->blocks)
        return NULL;
    *index = at / plan->size;
    *size = plan->size;
    return span;
}

uint64_t heap_block_size(struct store_map *map, uint64_t offset)
{
    uint64_t index, size;
    uint32_t entry = store_holds(map, offset, 8) ? word32_load(&map->page_table[offset / PAGE_SIZE]) : 0;
    if (offset % PAGE_SIZE == 0 && heap_page_kind(entry) == PAGE_RUN)
        return heap_page_count(entry) * PAGE_SIZE;
    const struct heap_span *span = block_find(map, offset, &index, &size);
    return span != NULL && (word_load(&span->used[index / 64]) >> index % 64 & 1) != 0 ? size : 0;
}

bool heap_block_use(struct store_map *map, uint64_t offset)
{
    uint64_t index, size;
    struct heap_span *span = block_find(map, offset, &index, &size);
    if (span != NULL)
        word_store(&span->used[index / 64], word_load(&span->used[index / 64]) | UINT64_C(1) << index % 64);
    return span != NULL;
}

static void count_bytes(void *context, uint64_t offset, uint64_t size)
{
    (void)offset;
    *(uint64_t *)context += size; /* private: the caller's sum */
}

uint64_t heap_used(struct store_map *map)
{
    uint64_t used = 0, end = store_end(map) / PAGE_SIZE;
    for (uint64_t page = map->data / PAGE_SIZE; page < end; page++)
        heap_walk_page(map, page, count_bytes, &used);
    return used;
}
