/* dict_check.c - what `store check` has to know of dicts */
#include "heap/check.h"
#include "objects/dict_layout.h"

static void trace_entry(struct check *check, struct store_map *map, const struct dict_entry *entry, uint64_t root)
{
    if (word_load(&entry->key.head) == DICT_DEAD)
        return;
    object_check_cell(check, map, root, cell_load(&entry->key));
    if (word_load(&entry->given.head) != DICT_NOT_GIVEN)
        object_check_cell(check, map, root, cell_load(&entry->given));
    object_check_cell(check, map, root, cell_load(&entry->value));
    uint64_t version = word_load(&entry->version);
    if (version % 2 != 0)
        check_found(check, CHECK_UNSETTLED, remedy_word(map, &entry->version, version + 1),
                    "an entry of dict table %#llx has an odd version", (unsigned long long)root);
}

/* Whether the index leads to an entry. */
static bool is_found(struct store_map *map, const struct locked_dict *found, uint64_t hash, uint64_t number)
{
    uint64_t words = found->shape.page_words, at = dict_page_start(hash, words);
    const word64 *page = dict_page_of(map, found, hash);
    for (uint64_t n = DICT_PAGE_HEAD; page != NULL && n < words; n++, at = dict_page_next(at, words)) {
        if (word_load(&page[at]) == (dict_part(hash) | number))
            return true;
        if (word_load(&page[at]) == DICT_EMPTY)
            return false;
    }
    return false;
}

/* Returns the number of living entries. */
static uint64_t trace_segment(struct check *check, struct store_map *map, const struct locked_dict *found,
                              uint64_t place, bool in_use)
{
    uint64_t id = word_load(&found->slots[place].order), living = 0, root = store_offset(map, found->table);
    const struct dict_segment *segment = dict_segment_of(map, found, id);
    uint64_t capacity = segment == NULL ? UINT64_MAX : word_load(&segment->capacity);
    if (segment != NULL)
        check_block(check, store_offset(map, segment));
    if (capacity >= DICT_SEGMENT || /* what is behind its block looks like entries, and is none */
        (capacity + 1) * sizeof(struct dict_entry) > heap_block_size(map, store_offset(map, segment))) {
        check_problem(check, "a segment of dict table %#llx is none", (unsigned long long)root);
        return 0;
    }
    uint64_t end = place + 1 == found->ordered ? dict_end(found->counts) : word_load(&segment->end), dead = 0;
    for (uint64_t i = 0; i < end && i < capacity; i++) {
        const struct dict_entry *entry = &segment->entries[i];
        bool lives = word_load(&entry->key.head) != DICT_DEAD;
        trace_entry(check, map, entry, root);
        living += lives;
        dead += !lives;
        if (lives && in_use && !is_found(map, found, word_load(&entry->hash), id << DICT_INDEX_BITS | (i + 1)))
            check_problem(check, "entry %llu of a segment of dict table %#llx is not in the index",
                          (unsigned long long)i, (unsigned long long)root);
    }
    if (end > capacity || (in_use && dead != word_load(&segment->dead)))
        check_problem(check, "a segment of dict table %#llx counts wrong", (unsigned long long)root);
    return living;
}

static void trace_pages(struct check *check, struct store_map *map, const struct locked_dict *found, uint64_t from)
{
    uint64_t count = UINT64_C(1) << found->shape.depth, root = store_offset(map, found->table);
    for (uint64_t i = from; i < count;) {
        uint64_t offset = word_load(&found->pages[i]), first = i;
        const word64 *page = dict_page_at(map, offset, found->shape.page_words);
        check_block(check, offset);
        while (i < count && word_load(&found->pages[i]) == offset)
            i++;
        uint64_t depth = page == NULL ? UINT64_MAX : word_load(&page[1]);
        if (depth > found->shape.depth || i - first != UINT64_C(1) << (found->shape.depth - depth))
            check_problem(check, "a page of dict table %#llx is not as deep as it says", (unsigned long long)root);
    }
}

static void dict_trace(struct check *check, struct store_map *map, uint64_t root)
{
    struct locked_dict found;
    if (!dict_parts(map, root, &found)) {
        check_problem(check, "dict table %#llx is damaged", (unsigned long long)root);
        return;
    }
    uint64_t living = 0;
    bool in_use = dict_keys(found.counts) > 0;
    for (uint64_t place = 0; place < found.ordered; place++)
        living += trace_segment(check, map, &found, place, in_use);
    if (in_use && living != dict_keys(found.counts))
        check_problem(check, "dict table %#llx counts %llu keys, it has %llu", (unsigned long long)root,
                      (unsigned long long)dict_keys(found.counts), (unsigned long long)living);
    trace_pages(check, map, &found, word_load(&found.table->reaped));
}

void dict_check_init(void)
{
    check_register(BLOCK_DICT, dict_trace);
}
