/* check.c - store check: marks everything that can be reached and compares with what is in use
 *
 * All blocks in use are listed in order of their offsets; walking the roots then marks each, once. A block in use that
 * nothing names has leaked; one that is named and not in use, or named twice, is damage. So this is the repair tool's eye and
 * the tests' oracle. It only reads, also through a mapping that can do no more.
 *
 * Damage       anything may stand anywhere, and change while it is looked at. Each offset is checked where it is used, with
 *              numbers loaded once; a walk ends at the first step that leads outside, and what it did not reach is reported as
 *              lost. Nothing nests deeper than the kinds of roots do.
 * Remedies     a finding says what one store, or one operation, would make right. Not all has one.
 */
#include "heap/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define TRACE_DEPTH 3u /* an object, its table; one more for what claims to be */

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
    unsigned depth; /* of tracing */
    bool out_of_memory;
    bool measuring; /* bytes of named blocks are summed up, nothing is marked or reported */
    uint64_t bytes;
    check_witness witness;
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

/* ---- findings ---- */

static void found(struct check *check, enum check_class class, struct check_remedy remedy, const char *format,
                  va_list arguments)
{
    char problem[200];
    if (check->measuring)
        return;
    check->problems++;
    vsnprintf(problem, sizeof problem, format, arguments);
    struct check_finding finding = {class, remedy, problem};
    if (check->witness != NULL)
        check->witness(check->context, &finding);
}

void check_problem(struct check *check, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    found(check, CHECK_BROKEN, remedy_none(), format, arguments);
    va_end(arguments);
}

void check_found(struct check *check, enum check_class class, struct check_remedy remedy, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    found(check, class, remedy, format, arguments);
    va_end(arguments);
}

static struct check_remedy remedy_block(enum remedy_kind kind, uint64_t offset)
{
    return (struct check_remedy){kind, offset, 0};
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
    if (check->measuring) {
        check->bytes += heap_block_size(check->map, offset);
        return;
    }
    struct check_mark *mark = mark_find(check, offset);
    if (mark == NULL)
        check_found(check, CHECK_BROKEN, remedy_block(REMEDY_USE, offset), "block %#llx is named but not in use",
                    (unsigned long long)offset);
    else if (mark->named++ > 0)
        check_problem(check, "block %#llx is named twice", (unsigned long long)offset);
}

void check_link(struct check *check, uint64_t object)
{
    if (check->measuring)
        return;
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
    if (tracers[kind] == NULL || check->depth == TRACE_DEPTH) {
        check_problem(check, "root %#llx is of no known kind", (unsigned long long)root);
        return;
    }
    check->depth++;
    tracers[kind](check, check->map, root);
    check->depth--;
}

/* ---- pages and spans ---- */

/* The first entry of a span: aligned, of a known class, with the header that says the same. */
static void check_span(struct check *check, uint64_t page, uint32_t entry, uint64_t end)
{
    struct store_map *map = check->map;
    uint32_t class = heap_page_class(entry);
    const word64 *info = store_at(map, page * PAGE_SIZE, sizeof *info);
    if (page % SPAN_PAGES != 0 || page + SPAN_PAGES > end || info == NULL || heap_class_size(class) == 0 ||
        heap_page_count(entry) != SPAN_PAGES)
        check_problem(check, "page %#llx begins a span that cannot be", (unsigned long long)page);
    else if (word_load(info) != heap_span_info(class))
        check_found(check, CHECK_BROKEN, remedy_word(map, info, heap_span_info(class)),
                    "the span at page %#llx does not say what it is", (unsigned long long)page);
}

/* What begins at `page`, a span, a run or nothing. Returns how many pages it has. */
static uint64_t check_page(struct check *check, uint64_t page, uint64_t end)
{
    struct store_map *map = check->map;
    uint32_t entry = word32_load(&map->page_table[page]);
    enum page_kind kind = heap_page_kind(entry);
    uint64_t pages = kind == PAGE_FREE ? 1 : heap_page_count(entry);
    if (kind == PAGE_TAIL || pages == 0 || pages > end - page) {
        check_found(check, kind == PAGE_TAIL ? CHECK_LOST : CHECK_BROKEN,
                    kind == PAGE_TAIL ? remedy_word32(map, &map->page_table[page], 0) : remedy_none(),
                    "page %#llx belongs to nothing", (unsigned long long)page);
        return 1;
    }
    for (uint64_t i = 1; i < pages; i++) {
        const word32 *later = &map->page_table[page + i];
        uint32_t found = word32_load(later), tail = heap_page_entry(PAGE_TAIL, 0, 0);
        if (heap_page_kind(found) != PAGE_TAIL)
            check_found(check, CHECK_BROKEN, found == 0 ? remedy_word32(map, later, tail) : remedy_none(),
                        "page %#llx does not belong to the run before it", (unsigned long long)page + i);
    }
    if (kind == PAGE_SPAN)
        check_span(check, page, entry, end);
    if (kind == PAGE_SPAN || kind == PAGE_RUN)
        heap_walk_page(map, page, mark_add, check);
    return pages;
}

static void check_pages(struct check *check)
{
    struct store_map *map = check->map;
    uint64_t said = word_load(&map->header->committed);
    uint64_t page = map->data / PAGE_SIZE + LAYOUT_FIXED_SPANS * SPAN_PAGES, end = store_end(map) / PAGE_SIZE;
    if (end * PAGE_SIZE == map->data || end * PAGE_SIZE < said)
        check_problem(check, "the store ends beyond its window");
    while (page < end && !check->out_of_memory)
        page += check_page(check, page, end);
}

/* ---- the heap's caches: they may promise too much, never too little ---- */

/* Where room really is, compared with the hints once all is seen. */
struct truth {
    uint64_t page, span;              /* the first free page, and the first of 16 aligned ones */
    uint64_t class[HEAP_CLASSES_MAX]; /* the first group with room for a block */
};

/* The spans of a group, class by class: which there are, and which have a free block. */
static void check_group(struct check *check, uint64_t group, uint64_t end, struct truth *truth)
{
    struct store_map *map = check->map;
    uint64_t spans[HEAP_CLASSES_MAX] = {0}, room[HEAP_CLASSES_MAX] = {0};
    for (uint64_t i = 0; i < GROUP_SPANS; i++) {
        uint64_t page = (group * GROUP_SPANS + i) * SPAN_PAGES;
        if (page * PAGE_SIZE < map->data || page + SPAN_PAGES > end)
            continue;
        uint32_t entry = word32_load(&map->page_table[page]);
        if (heap_page_kind(entry) != PAGE_SPAN)
            continue;
        spans[heap_page_class(entry)] |= UINT64_C(1) << i;
        if (heap_span_has_room(map, page * PAGE_SIZE))
            room[heap_page_class(entry)] |= UINT64_C(1) << i;
    }
    for (unsigned class = 0; class < HEAP_CLASSES_MAX; class ++) {
        const word64 *word = &map->groups[group].available[class];
        uint64_t available = word_load(word);
        if ((available & ~spans[class]) != 0)
            check_found(check, CHECK_CACHE, remedy_word(map, word, room[class]),
                        "group %llu says that spans are of class %u which are not", (unsigned long long)group, class);
        else if ((room[class] & ~available) != 0)
            check_found(check, CHECK_CACHE, remedy_word(map, word, available | room[class]),
                        "group %llu hides spans of class %u that have room", (unsigned long long)group, class);
        if (room[class] != 0 && truth->class[class] == UINT64_MAX)
            truth->class[class] = group;
    }
}

/* The first page, and the first of a span, that are free. */
static void find_free(struct check *check, uint64_t end, struct truth *truth)
{
    struct store_map *map = check->map;
    uint64_t free = 0;
    for (uint64_t page = map->data / PAGE_SIZE + LAYOUT_FIXED_SPANS * SPAN_PAGES; page < end; page++) {
        if (page % SPAN_PAGES == 0)
            free = 0;
        if (word32_load(&map->page_table[page]) != 0)
            continue;
        if (truth->page == UINT64_MAX)
            truth->page = page;
        if (++free == SPAN_PAGES) {
            truth->span = page + 1 - SPAN_PAGES;
            return;
        }
    }
}

static void check_hint(struct check *check, const word64 *hint, uint64_t truth, const char *what)
{
    if (word_load(hint) > truth)
        check_found(check, CHECK_CACHE, remedy_word(check->map, hint, truth), "the hint where %s begins is too high",
                    what);
}

static void check_caches(struct check *check)
{
    const struct store_header *header = check->map->header;
    uint64_t end = store_end(check->map) / PAGE_SIZE;
    struct truth truth = {UINT64_MAX, UINT64_MAX, {0}};
    for (unsigned class = 0; class < HEAP_CLASSES_MAX; class ++)
        truth.class[class] = UINT64_MAX;
    for (uint64_t group = 0; group <= (end - 1) / GROUP_PAGES; group++)
        check_group(check, group, end, &truth);
    find_free(check, end, &truth);
    check_hint(check, &header->page_hint, truth.page, "free room");
    check_hint(check, &header->span_hint, truth.span, "room for spans");
    for (unsigned class = 0; class < HEAP_CLASSES_MAX; class ++)
        check_hint(check, &header->class_hint[class], truth.class[class], "room for blocks");
}

/* ---- what the header names ---- */

static void check_roots(struct check *check)
{
    uint64_t roots = word_load(&check->map->header->roots);
    if (roots != 0)
        check_link(check, roots);
}

static void check_trash(struct check *check)
{
    const word64 *link = &check->map->header->trash;
    uint64_t steps = 0;
    for (uint64_t root = word_load(link); root != 0; root = word_load(link), steps++) {
        const struct block_header *header = store_at(check->map, root, sizeof *header);
        if (header == NULL || block_kind(word_load(&header->info)) == 0 || steps > check->count) {
            check_found(check, CHECK_BROKEN, remedy_word(check->map, link, 0), "the trash list is broken");
            return;
        }
        check_block(check, root);
        check_trace(check, root);
        link = &header->next;
    }
}

static void check_chunks(struct check *check, const word64 *chunks)
{
    for (uint64_t i = 1; i < LAYOUT_CHUNKS && word_load(&chunks[i]) != 0; i++)
        check_block(check, word_load(&chunks[i]));
}

static void check_leaf(struct check *check, const word32 *lock, const char *name)
{
    if (word32_load(lock) != 0)
        check_found(check, CHECK_UNSETTLED, remedy_word32(check->map, lock, 0), "the %s lock is held", name);
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
            check_found(check, CHECK_UNSETTLED, remedy_none(), "slot %u has an operation under way", i);
        for (unsigned k = 0; k < 8; k++) {
            uint64_t held = word_load(&slot->held[k]);
            if (held != 0)
                check_found(check, CHECK_UNSETTLED, remedy_none(), "slot %u holds lock %#llx", i,
                            (unsigned long long)held);
        }
    }
    check_leaf(check, &map->header->heap_lock, "heap");
    check_leaf(check, &map->header->grow_lock, "grow");
}

static void check_processes(struct check *check)
{
    struct store_map *map = check->map;
    for (uint32_t i = 0; i < seat_high(map, SEATS_OF_PROCESSES); i++) {
        const struct process *process = seat_at(map, SEATS_OF_PROCESSES, i);
        if (process == NULL || seat_state(word_load(&process->control)) == SEAT_FREE)
            continue;
        for (unsigned n = 0; n < PROCESS_TABLES; n++) {
            uint64_t table = word_load(&process->tables[n]);
            if (table == 0)
                break;
            check_block(check, table);
        }
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

static void check_lost(struct check *check)
{
    for (uint64_t i = 0; i < check->count; i++)
        if (check->marks[i].named == 0)
            check_found(check, CHECK_LOST, remedy_block(REMEDY_FREE, check->marks[i].offset),
                        "block %#llx of %llu bytes is in use but nothing names it",
                        (unsigned long long)check->marks[i].offset, (unsigned long long)check->marks[i].size);
}

uint64_t store_survey(struct store_map *map, check_witness witness, void *context)
{
    struct check check = {.map = map, .witness = witness, .context = context};
    check_pages(&check);
    if (check.out_of_memory) {
        check_problem(&check, "no memory to check more than %llu blocks", (unsigned long long)check.count);
    } else {
        check_caches(&check);
        check_slots(&check);
        check_processes(&check);
        check_chunks(&check, map->header->slot_chunks);
        check_chunks(&check, map->header->process_chunks);
        check_roots(&check);
        check_trash(&check);
        check_objects(&check);
        check_lost(&check);
    }
    free(check.marks);
    return check.problems;
}

/* ---- for who wants sentences, or sizes ---- */

struct sentences {
    check_report report;
    void *context;
};

static void pass_sentence(void *context, const struct check_finding *finding)
{
    const struct sentences *sentences = context;
    sentences->report(sentences->context, finding->problem);
}

uint64_t store_check(struct store_map *map, check_report report, void *context)
{
    struct sentences sentences = {report, context};
    return store_survey(map, report == NULL ? NULL : pass_sentence, &sentences);
}

uint64_t check_measure(struct store_map *map, uint64_t object)
{
    struct check check = {.map = map, .measuring = true};
    check_trace(&check, object);
    return check.bytes;
}
