/* object_check.c - what `store check` has to know of objects, values, lists and variables */
#include "heap/check.h"
#include "objects/dict_layout.h"
#include "objects/list_layout.h"

static void trace_reference(struct check *check, struct store_map *map, struct cell_image image)
{
    const struct object *shared = heap_is_object(map, image.body) ? store_at(map, image.body, sizeof *shared) : NULL;
    if (shared != NULL && (uint32_t)word_load(&shared->identity) != cell_ref_generation(image.head))
        check_problem(check, "a cell refers to an object that was at %#llx before", (unsigned long long)image.body);
    check_link(check, image.body);
}

/* How many entries there is room for where the table is, whatever it says itself: behind them stands something else, whose
 * words look like entries. */
static uint64_t entries_room(struct store_map *map, uint64_t table)
{
    uint64_t size = heap_block_size(map, table);
    return size < list_table_size(0) ? 0 : (size - list_table_size(0)) / sizeof(struct list_entry);
}

/* One block of a table, and that it has the items it should have. False: the table is none. */
static bool trace_entry(struct check *check, struct store_map *map, uint64_t root, uint64_t number, bool part)
{
    const struct list_table *table = store_at(map, root, sizeof *table);
    const struct list_entry *entry = list_entry_at(map, root, number);
    struct list_spot spot;
    if (entry == NULL) {
        check_problem(check, "table %#llx reaches beyond the store", (unsigned long long)root);
        return false;
    }
    uint64_t first = word_load(&entry->first);
    bool right = part || (list_spot(map, table, first, &spot) && spot.entry == number && spot.first == first);
    if (!right)
        check_problem(check, "entry %llu of table %#llx is wrong", (unsigned long long)number,
                      (unsigned long long)root);
    check_block(check, word_load(&entry->block));
    return true;
}

/* The references of a value block: those of its cell, or, in the trash, those that are left. */
static void trace_references(struct check *check, struct store_map *map, uint64_t block, const struct cell *references,
                             uint64_t count)
{
    if (references == NULL)
        check_problem(check, "value %#llx has more references than there is room for", (unsigned long long)block);
    for (uint64_t i = 0; references != NULL && i < count; i++) {
        struct cell_image image = cell_load(&references[i]);
        if (cell_is_ref(image.head))
            trace_reference(check, map, image);
        else
            check_problem(check, "reference %llu of value %#llx is none", (unsigned long long)i,
                          (unsigned long long)block);
    }
}

static void trace_far(struct check *check, struct store_map *map, struct cell_image image)
{
    uint64_t count;
    const struct cell *references = cell_far_references(map, image, &count);
    trace_references(check, map, image.body, references, count);
    check_block(check, image.body);
}

/* In the trash. */
static void trace_value(struct check *check, struct store_map *map, uint64_t root)
{
    const struct value_block *block = store_at(map, root, sizeof *block);
    uint64_t count = block == NULL ? 0 : value_block_references(word_load(&block->header.info));
    bool inside = store_holds(map, root, sizeof *block + count * sizeof(struct cell));
    trace_references(check, map, root, inside ? value_block_cells(block) : NULL, count);
}

void object_check_cell(struct check *check, struct store_map *map, uint64_t root, struct cell_image image)
{
    uint64_t size;
    if (!cell_kind_known(image.head))
        check_problem(check, "a cell of %#llx is no value", (unsigned long long)root);
    else if (cell_is_far(image.head) && !cell_far_size(map, image, &size))
        check_problem(check, "a cell of %#llx names no value block", (unsigned long long)root);
    else if (cell_is_far(image.head))
        trace_far(check, map, image);
    else if (cell_is_ref(image.head))
        trace_reference(check, map, image);
}

static void trace_table(struct check *check, struct store_map *map, uint64_t root)
{
    const struct list_table *table = store_at(map, root, sizeof *table);
    if (table == NULL || block_kind(word_load(&table->header.info)) != BLOCK_TABLE) {
        check_problem(check, "%#llx is named as a table and is none", (unsigned long long)root);
        return;
    }
    uint64_t length = word_load(&table->length), capacity = word_load(&table->capacity), from = 0;
    uint64_t to = list_table_blocks(table);
    uint32_t flags = block_flags(word_load(&table->header.info));
    if ((flags & BLOCK_SHELL) != 0)
        length = 0;
    if ((flags & BLOCK_PART) != 0) {
        from = word_load(&table->garbage) >> 32;
        to = word_load(&table->garbage) & UINT32_MAX;
    }
    uint64_t room = entries_room(map, root);
    if (length > capacity || to > word_load(&table->entry_count) || to > room || capacity > room * LIST_BLOCK ||
        word_load(&table->tail_first) > capacity) {
        check_problem(check, "table %#llx has %llu items in %llu cells", (unsigned long long)root,
                      (unsigned long long)length, (unsigned long long)capacity);
        return;
    }
    for (uint64_t i = from; i < to; i++)
        if (!trace_entry(check, map, root, i, (flags & BLOCK_PART) != 0))
            return;
    struct list_view view = list_view(map, table, length);
    for (uint64_t i = 0; i < length; i++) {
        const struct cell *cell = list_view_cell(&view, i);
        if (cell == NULL) {
            check_problem(check, "the items of table %#llx from %llu on are not in the store", (unsigned long long)root,
                          (unsigned long long)i);
            return;
        }
        object_check_cell(check, map, root, cell_load(cell));
    }
}

/* The first item behind the entries before `number`, of a list whose tail begins with entry `tail` and item `tail_first`;
 * UINT64_MAX: there is none. */
static uint64_t first_of(struct store_map *map, uint64_t table, uint64_t number, uint64_t tail, uint64_t tail_first)
{
    const struct list_entry *entry = number < tail ? list_entry_at(map, table, number) : NULL;
    if (number >= tail)
        return number == tail ? tail_first : UINT64_MAX;
    return entry == NULL ? UINT64_MAX : word_load(&entry->first);
}

/* Whether the blocks of a list in use are full enough. */
static void trace_fill(struct check *check, struct store_map *map, const struct list_table *table, uint64_t root)
{
    uint64_t tail = word_load(&table->tail_entry), tail_first = word_load(&table->tail_first);
    uint64_t at = store_offset(map, table);
    for (uint64_t i = 0; i < tail && list_entry_at(map, at, i) != NULL; i++) {
        uint64_t first = first_of(map, at, i, tail, tail_first), next = first_of(map, at, i + 1, tail, tail_first);
        uint64_t last = first_of(map, at, i + 2, tail, tail_first);
        if (next <= first || next - first > LIST_BLOCK || (last != UINT64_MAX && last - first <= LIST_BLOCK))
            check_problem(check, "entries %llu and %llu of table %#llx have too few or too many items",
                          (unsigned long long)i, (unsigned long long)i + 1, (unsigned long long)root);
    }
}

/* What only a list in use has to be. */
static void trace_list(struct check *check, struct store_map *map, uint64_t root, uint64_t table)
{
    const struct list_table *found = list_table_at(map, table);
    uint64_t blocks = found == NULL ? 0 : list_table_blocks(found), room = entries_room(map, table);
    if (found == NULL || blocks > room || word_load(&found->tail_entry) > room)
        return; /* trace_table() has said so */
    for (uint64_t i = 0; i < blocks; i++) {
        const struct list_entry *entry = list_entry_at(map, table, i);
        if (entry == NULL)
            return;
        uint64_t version = word_load(&entry->version);
        if (version % 2 != 0)
            check_found(check, CHECK_UNSETTLED, remedy_word(map, &entry->version, version + 1),
                        "an entry of object %#llx has an odd version", (unsigned long long)root);
    }
    trace_fill(check, map, found, root);
}

static void trace_object(struct check *check, struct store_map *map, uint64_t root)
{
    const struct object *shared = store_at(map, root, sizeof *shared);
    uint64_t table = shared == NULL ? 0 : table_offset(word_load(&shared->table));
    if (shared != NULL)
        object_check_cell(check, map, root, cell_load(&shared->content));
    if (table == 0)
        return;
    const struct block_header *header = store_at(map, table, sizeof *header);
    enum block_kind kind = header == NULL ? 0 : block_kind(word_load(&header->info));
    bool is_list = object_identity_type(word_load(&shared->identity)) == OBJECT_LIST;
    check_block(check, table);
    if (kind != (is_list ? BLOCK_TABLE : BLOCK_DICT)) {
        check_problem(check, "object %#llx names a table that is none", (unsigned long long)root);
        return;
    }
    check_trace(check, table);
    if (is_list)
        trace_list(check, map, root, table);
}

/* What repair can do about an object in the wrong place. */
static struct check_remedy remedy_object(bool in_trash, uint64_t object)
{
    return (struct check_remedy){in_trash ? REMEDY_NONE : REMEDY_TRASH, object, 0};
}

static void judge_object(struct check *check, struct store_map *map, uint64_t object, uint64_t links, bool in_trash)
{
    const struct object *shared = (const struct object *)(map->base + object);
    uint64_t identity = word_load(&shared->identity), at = object, counted = word_load(&shared->links);
    uint64_t version = word_load(&shared->version);
    enum object_state state = object_identity_state(identity);
    if (identity >> 48 != OBJECT_MAGIC || !object_type_known(object_identity_type(identity)))
        check_problem(check, "object %#llx has no header", (unsigned long long)at);
    if (counted != links)
        check_found(check, CHECK_LOST, remedy_word(map, &shared->links, links),
                    "object %#llx counts %llu links, %llu cells refer to it", (unsigned long long)at,
                    (unsigned long long)counted, (unsigned long long)links);
    if (version % 2 != 0)
        check_found(check, CHECK_UNSETTLED, remedy_word(map, &shared->version, version + 1),
                    "object %#llx has an odd version", (unsigned long long)at);
    if (word32_load(&shared->lock) != 0)
        check_found(check, CHECK_UNSETTLED, remedy_word32(map, &shared->lock, 0), "object %#llx is locked",
                    (unsigned long long)at);
    if ((state == OBJECT_DEAD) != in_trash)
        check_found(check, in_trash ? CHECK_BROKEN : CHECK_LOST, remedy_object(in_trash, object),
                    "object %#llx is %s the trash", (unsigned long long)at, in_trash ? "alive in" : "dead outside");
    else if (!in_trash && links == 0 && word_load(&shared->stamp) == 0 && !process_holds(map, object, NULL))
        check_found(check, CHECK_LOST, (struct check_remedy){REMEDY_BURY, object, 0}, "object %#llx is kept by nothing",
                    (unsigned long long)at);
}

void object_check_init(void)
{
    dict_check_init();
    check_register(BLOCK_VALUE, trace_value);
    check_register(BLOCK_TABLE, trace_table);
    check_register(BLOCK_OBJECT, trace_object);
    check_register_objects(judge_object);
}
