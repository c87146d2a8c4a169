/* check.c - store check: marks everything that can be reached and compares with what is in use
 *
 * All blocks in use are listed in order of their offsets; walking the roots then marks each, once. A block in use that
 * nothing names has leaked; one that is named and not in use, or named twice, is damage. So this is the repair tool's eye and
 * the tests' oracle. It only reads.
 */
#include "heap/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct check_mark {
    uint64_t offset, size;
    uint32_t named; /* how often */
    uint32_t links; /* cells that refer to it, if it is an object */
};

struct check {
    struct store_map *map;
    struct check_mark *marks;
    uint64_t count, room;
    uint64_t problems;
    bool out_of_memory;
    check_report report;
    void *context;
};

static check_tracer tracers[BLOCK_KINDS]; /* private: set once */
static check_object_judge judge_object;   /* private: set once */

void check_register(enum block_kind kind, check_tracer tracer)
{
    tracers[kind] = tracer;
}

void check_register_objects(check_object_judge judge)
{
    judge_object = judge;
}

void check_problem(struct check *check, const char *format, ...)
{
    char problem[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(problem, sizeof problem, format, arguments);
    va_end(arguments);
    check->problems++;
    if (check->report != NULL)
        check->report(check->context, problem);
}

/* ---- marks ---- */

static void mark_add(void *context, uint64_t offset, uint64_t size)
{
    struct check *check = context;
    if (check->count == check->room) {
        uint64_t room = check->room == 0 ? 1024 : check->room * 2;
        struct check_mark *marks = realloc(check->marks, room * sizeof *marks);
        if (marks == NULL) {
            check->out_of_memory = true;
            return;
        }
        check->marks = marks;
        check->room = room;
    }
    check->marks[check->count++] = (struct check_mark){offset, size, 0, 0};
}

static struct check_mark *mark_find(const struct check *check, uint64_t offset)
{
    uint64_t low = 0, high = check->count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (check->marks[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < check->count && check->marks[low].offset == offset ? &check->marks[low] : NULL;
}

void check_block(struct check *check, uint64_t offset)
{
    struct check_mark *mark = mark_find(check, offset);
    if (mark == NULL)
        check_problem(check, "block %#llx is named but not in use", (unsigned long long)offset);
    else if (mark->named++ > 0)
        check_problem(check, "block %#llx is named twice", (unsigned long long)offset);
}

void check_link(struct check *check, uint64_t object)
{
    struct check_mark *mark = heap_is_object(check->map, object) ? mark_find(check, object) : NULL;
    if (mark == NULL)
        check_problem(check, "a cell refers to %#llx, where there is no object", (unsigned long long)object);
    else
        mark->links++;
}

void check_trace(struct check *check, uint64_t root)
{
    const struct block_header *header = store_at(check->map, root, sizeof *header);
    enum block_kind kind = header == NULL ? 0 : block_kind(word_load(&header->info));
    if (tracers[kind] == NULL)
        check_problem(check, "root %#llx is of no known kind", (unsigned long long)root);
    else
        tracers[kind](check, check->map, root);
}

/* ---- the parts of a store ---- */

static void check_pages(struct check *check)
{
    struct store_map *map = check->map;
    uint64_t page = map->data / PAGE_SIZE + LAYOUT_FIXED_SPANS * SPAN_PAGES, end = store_end(map) / PAGE_SIZE;
    if (store_end(map) != word_load(&map->header->committed))
        check_problem(check, "the store ends beyond its window");
    while (page < end) {
        uint32_t entry = word32_load(&map->page_table[page]);
        enum page_kind kind = heap_page_kind(entry);
        uint64_t pages = kind == PAGE_FREE ? 1 : heap_page_count(entry);
        if (kind == PAGE_TAIL || pages == 0 || page + pages > end) {
            check_problem(check, "page %#llx belongs to nothing", (unsigned long long)page);
            pages = 1;
        }
        for (uint64_t i = 1; kind != PAGE_TAIL && i < pages; i++)
            if (heap_page_kind(word32_load(&map->page_table[page + i])) != PAGE_TAIL)
                check_problem(check, "page %#llx does not belong to the run before it", (unsigned long long)page + i);
        if (kind == PAGE_SPAN || kind == PAGE_RUN)
            heap_walk_page(map, page, mark_add, check);
        page += pages;
    }
}

static void check_roots(struct check *check)
{
    uint64_t roots = word_load(&check->map->header->roots);
    if (roots != 0)
        check_link(check, roots);
}

static void check_trash(struct check *check)
{
    uint64_t steps = 0;
    for (uint64_t root = word_load(&check->map->header->trash); root != 0; steps++) {
        const struct block_header *header = store_at(check->map, root, sizeof *header);
        if (header == NULL || steps > check->count) {
            check_problem(check, "the trash list is broken");
            return;
        }
        check_block(check, root);
        check_trace(check, root);
        root = word_load(&header->next);
    }
}

static void check_chunks(struct check *check, const word64 *chunks)
{
    for (uint64_t i = 1; i < LAYOUT_CHUNKS && word_load(&chunks[i]) != 0; i++)
        check_block(check, word_load(&chunks[i]));
}

static void check_slots(struct check *check)
{
    struct store_map *map = check->map;
    for (uint32_t i = 0; i < seat_high(map, SEATS_OF_SLOTS); i++) {
        const struct slot *slot = slot_at(map, i);
        uint64_t control = slot == NULL ? 0 : word_load(&slot->control);
        if (slot == NULL || seat_state(control) == SEAT_FREE)
            continue;
        if (record_state(word_load(&slot->record.head)) != RECORD_IDLE)
            check_problem(check, "slot %u has an operation under way", i);
        for (unsigned k = 0; k < 8; k++)
            if (word_load(&slot->held[k]) != 0)
                check_problem(check, "slot %u holds lock %#llx", i, (unsigned long long)word_load(&slot->held[k]));
    }
    if (word32_load(&map->header->heap_lock) != 0 || word32_load(&map->header->grow_lock) != 0)
        check_problem(check, "the heap lock or the grow lock is held");
}

static void check_processes(struct check *check)
{
    struct store_map *map = check->map;
    for (uint32_t i = 0; i < seat_high(map, SEATS_OF_PROCESSES); i++) {
        const struct process *process = seat_at(map, SEATS_OF_PROCESSES, i);
        if (process == NULL || seat_state(word_load(&process->control)) == SEAT_FREE)
            continue;
        for (unsigned n = 0; n < PROCESS_TABLES && word_load(&process->tables[n]) != 0; n++)
            check_block(check, word_load(&process->tables[n]));
    }
}

/* An object header is named by being one; a dead one by the trash alone. */
static void check_objects(struct check *check)
{
    uint64_t count = check->count;
    for (uint64_t i = 0; i < count; i++)
        if (heap_is_object(check->map, check->marks[i].offset) && check->marks[i].named == 0)
            check_trace(check, check->marks[i].offset);
    for (uint64_t i = 0; i < count; i++) {
        struct check_mark *mark = &check->marks[i];
        if (!heap_is_object(check->map, mark->offset))
            continue;
        bool in_trash = mark->named > 0;
        mark->named = 1;
        judge_object(check, check->map, mark->offset, mark->links, in_trash);
    }
}

uint64_t store_check(struct store_map *map, check_report report, void *context)
{
    struct check check = {.map = map, .report = report, .context = context};
    check_pages(&check);
    if (check.out_of_memory) {
        check_problem(&check, "no memory to check %llu blocks", (unsigned long long)check.count);
    } else {
        check_slots(&check);
        check_processes(&check);
        check_chunks(&check, map->header->slot_chunks);
        check_chunks(&check, map->header->process_chunks);
        check_roots(&check);
        check_trash(&check);
        check_objects(&check);
        for (uint64_t i = 0; i < check.count; i++)
            if (check.marks[i].named == 0)
                check_problem(&check, "block %#llx of %llu bytes is in use but nothing names it",
                              (unsigned long long)check.marks[i].offset, (unsigned long long)check.marks[i].size);
    }
    free(check.marks);
    return check.problems;
}
