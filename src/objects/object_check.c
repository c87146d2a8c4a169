/* object_check.c - what `store check` has to know of objects, values and lists */
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

/* One block of a table, and that it has the items it should have. */
static void trace_entry(struct check *check, struct store_map *map, uint64_t root, uint64_t number, bool part)
{
    const struct list_table *table = store_at(map, root, sizeof *table);
    const struct list_entry *entry = list_entry_at(map, root, number);
    struct list_spot spot;
    if (entry == NULL) {
        check_problem(check, "table %#llx reaches beyond the store", (unsigned long long)root);
        return;
    }
    uint64_t first = word_load(&entry->first);
    bool right = part || (list_spot(map, table, first, &spot) && spot.entry == number && spot.first == first);
    if (!right)
        check_problem(check, "entry %llu of table %#llx is wrong", (unsigned long long)number,
                      (unsigned long long)root);
    check_block(check, word_load(&entry->block));
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
        check_problem(check, "a cell of table %#llx is no value", (unsigned long long)root);
    else if (cell_is_far(image.head) && !cell_far_size(map, image, &size))
        check_problem(check, "a cell of table %#llx names no value block", (unsigned long long)root);
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
    if (length > capacity || to > word_load(&table->entry_count)) {
        check_problem(check, "table %#llx has %llu items in %llu cells", (unsigned long long)root,
                      (unsigned long long)length, (unsigned long long)capacity);
        return;
    }
    for (uint64_t i = from; i < to; i++)
        trace_entry(check, map, root, i, (flags & BLOCK_PART) != 0);
    struct list_view view = list_view(map, table, length);
    for (uint64_t i = 0; i < length; i++) {
        const struct cell *cell = list_view_cell(&view, i);
        object_check_cell(check, map, root, cell == NULL ? (struct cell_image){UINT64_MAX, 0} : cell_load(cell));
    }
}

/* Whether the blocks of a list in use are full enough. */
static void trace_fill(struct check *check, const struct list_table *table, uint64_t root)
{
    uint64_t tail = word_load(&table->tail_entry), tail_first = word_load(&table->tail_first);
    for (uint64_t i = 0; i < tail; i++) {
        uint64_t first = word_load(&table->entries[i].first);
        uint64_t next = i + 1 < tail ? word_load(&table->entries[i + 1].first) : tail_first;
        uint64_t last = i + 2 < tail    ? word_load(&table->entries[i + 2].first)
                        : i + 2 == tail ? tail_first
                                        : UINT64_MAX;
        if (next <= first || next - first > LIST_BLOCK || (last != UINT64_MAX && last - first <= LIST_BLOCK))
            check_problem(check, "entries %llu and %llu of table %#llx have too few or too many items",
                          (unsigned long long)i, (unsigned long long)i + 1, (unsigned long long)root);
    }
}

/* What only a list in use has to be. */
static void trace_list(struct check *check, struct store_map *map, uint64_t root, uint64_t table)
{
    const struct list_table *found = list_table_at(map, table);
    for (uint64_t i = 0; found != NULL && i < list_table_blocks(found); i++) {
        const struct list_entry *entry = list_entry_at(map, table, i);
        if (entry == NULL)
            return;
        if (word_load(&entry->version) % 2 != 0)
            check_problem(check, "an entry of object %#llx has an odd version", (unsigned long long)root);
    }
    if (found != NULL)
        trace_fill(check, found, root);
}

static void trace_object(struct check *check, struct store_map *map, uint64_t root)
{
    const struct object *shared = (const struct object *)(map->base + root);
    uint64_t table = table_offset(word_load(&shared->table));
    if (table == 0)
        return;
    check_block(check, table);
    check_trace(check, table);
    if (object_identity_type(word_load(&shared->identity)) == OBJECT_LIST)
        trace_list(check, map, root, table);
}

static void judge_object(struct check *check, struct store_map *map, uint64_t object, uint64_t links, bool in_trash)
{
    const struct object *shared = (const struct object *)(map->base + object);
    uint64_t identity = word_load(&shared->identity), at = object;
    enum object_state state = object_identity_state(identity);
    if (identity >> 48 != OBJECT_MAGIC)
        check_problem(check, "object %#llx has no header", (unsigned long long)at);
    if (word_load(&shared->links) != links)
        check_problem(check, "object %#llx counts %llu links, %llu cells refer to it", (unsigned long long)at,
                      (unsigned long long)word_load(&shared->links), (unsigned long long)links);
    if (word_load(&shared->version) % 2 != 0)
        check_problem(check, "object %#llx has an odd version", (unsigned long long)at);
    if (word32_load(&shared->lock) != 0)
        check_problem(check, "object %#llx is locked", (unsigned long long)at);
    if ((state == OBJECT_DEAD) != in_trash)
        check_problem(check, "object %#llx is %s the trash", (unsigned long long)at,
                      in_trash ? "alive in" : "dead outside");
    if (!in_trash && links == 0 && word_load(&shared->stamp) == 0 && !process_holds(map, object, NULL))
        check_problem(check, "object %#llx is kept by nothing", (unsigned long long)at);
}

void object_check_init(void)
{
    dict_check_init();
    check_register(BLOCK_VALUE, trace_value);
    check_register(BLOCK_TABLE, trace_table);
    check_register(BLOCK_OBJECT, trace_object);
    check_register_objects(judge_object);
}
