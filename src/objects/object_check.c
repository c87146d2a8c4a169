/* object_check.c - what `store check` has to know of objects and lists */
#include "heap/check.h"
#include "objects/list_layout.h"

static void trace_reference(struct check *check, struct store_map *map, struct cell_image image)
{
    const struct object *shared = heap_is_object(map, image.body) ? store_at(map, image.body, sizeof *shared) : NULL;
    if (shared != NULL && (uint32_t)word_load(&shared->identity) != cell_ref_generation(image.head))
        check_problem(check, "a cell refers to an object that was at %#llx before", (unsigned long long)image.body);
    check_link(check, image.body);
}

static void trace_table(struct check *check, struct store_map *map, uint64_t root)
{
    const struct list_table *table = store_at(map, root, sizeof *table);
    if (table == NULL || block_kind(word_load(&table->header.info)) != BLOCK_TABLE) {
        check_problem(check, "%#llx is named as a table and is none", (unsigned long long)root);
        return;
    }
    uint64_t length = word_load(&table->length), capacity = word_load(&table->capacity);
    if (block_is_shell(word_load(&table->header.info)))
        length = 0;
    if (length > capacity || list_blocks(capacity) > word_load(&table->entry_count)) {
        check_problem(check, "table %#llx has %llu items in %llu cells", (unsigned long long)root,
                      (unsigned long long)length, (unsigned long long)capacity);
        return;
    }
    for (uint64_t i = 0; i < capacity; i += LIST_BLOCK) {
        const struct list_entry *entry = list_entry_at(map, root, i);
        if (entry == NULL || word_load(&entry->first) != i)
            check_problem(check, "table %#llx has a wrong entry for item %llu", (unsigned long long)root,
                          (unsigned long long)i);
        if (entry != NULL)
            check_block(check, word_load(&entry->block));
    }
    for (uint64_t i = 0; i < length; i++) {
        struct list_entry *entry;
        const struct cell *cell = list_locked_cell(map, root, i, &entry);
        struct cell_image image = cell == NULL ? (struct cell_image){UINT64_MAX, 0} : cell_load(cell);
        uint64_t size;
        if (cell == NULL || cell_kind(image.head) > COMEM_REF)
            check_problem(check, "item %llu of table %#llx is no value", (unsigned long long)i,
                          (unsigned long long)root);
        else if (cell_is_far(image.head) && !cell_far_size(map, image, &size))
            check_problem(check, "item %llu of table %#llx names no value block", (unsigned long long)i,
                          (unsigned long long)root);
        else if (cell_is_far(image.head))
            check_block(check, image.body);
        else if (cell_is_ref(image.head))
            trace_reference(check, map, image);
    }
}

static void trace_object(struct check *check, struct store_map *map, uint64_t root)
{
    const struct object *shared = (const struct object *)(map->base + root);
    uint64_t table = table_offset(word_load(&shared->table));
    if (table == 0)
        return;
    check_block(check, table);
    trace_table(check, map, table);
    const struct list_table *found = list_table_at(map, table);
    for (uint64_t i = 0; found != NULL && i < list_blocks(word_load(&found->capacity)); i++) {
        const struct list_entry *entry = list_entry_at(map, table, i << LIST_BLOCK_SHIFT);
        if (entry != NULL && word_load(&entry->version) % 2 != 0)
            check_problem(check, "an entry of object %#llx has an odd version", (unsigned long long)root);
    }
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
    check_register(BLOCK_TABLE, trace_table);
    check_register(BLOCK_OBJECT, trace_object);
    check_register_objects(judge_object);
}
