/* operations.c - everything a program may do with a store, on one that is damaged: whatever the calls answer is right
 *
 * What is found by names and what those objects refer to is read, changed, compared, printed and emptied, up to a number of
 * objects; then comes what a store does by itself. Which of the parts is first is the input's to say.
 */
#include "damage.h"

#include "heap/check.h"
#include "objects/export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OBJECTS_MAX 14u
#define READ_MAX 64u
#define NAMES_MAX 16u
#define RELIEFS_MAX 4u

struct run {
    comem_store store;
    FILE *null;
    unsigned objects; /* left to be looked at */
    char text[64];
};

static const char long_text[] = "a text that does not fit into a cell";

static void walk_value(struct run *run, const comem_value *value, unsigned depth);

static void clear_all(comem_value *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        comem_value_clear(&values[i]);
}

/* ---- lists ---- */

static void list_look(struct run *run, comem_list *list, unsigned depth)
{
    comem_value values[READ_MAX], value;
    size_t count = 0, length = 0, index;
    static const int64_t places[] = {0, -1, 7, 100};
    comem_list_len(list, &length);
    for (unsigned i = 0; i < 4; i++)
        if (comem_list_get(list, places[i], &value) == COMEM_OK) {
            walk_value(run, &value, depth + 1);
            comem_value_clear(&value);
        }
    if (comem_list_read(list, length / 2, READ_MAX, values, &count) == COMEM_OK) {
        for (size_t i = 0; i < count; i++)
            walk_value(run, &values[i], depth + 1);
        clear_all(values, count);
    }
    if (comem_list_slice_get(list, comem_slice_of(-1, 3, -5), values, READ_MAX, &count) == COMEM_OK &&
        count <= READ_MAX)
        clear_all(values, count);
    comem_list_index(list, comem_str(long_text, 20), 0, INT64_MAX, &index);
    comem_list_count(list, comem_int(5), &count);
    if (depth == 0)
        comem_list_print(list, run->null);
    struct list_cursor cursor;
    list_cursor_start(&cursor, list);
    for (unsigned i = 0; i < 3 * READ_MAX && list_cursor_next(&cursor, &value) == COMEM_OK; i++)
        comem_value_clear(&value);
    list_cursor_clear(&cursor);
}

static void list_make_others(struct run *run, comem_list *list)
{
    comem_list *other;
    bool equal;
    int order;
    (void)run;
    if (comem_list_copy(list, &other) == COMEM_OK) {
        comem_list_equal(list, other, &equal);
        comem_list_compare(list, other, &order);
        comem_list_extend_list(other, list);
        comem_list_release(other);
    }
    if (comem_list_concat(list, list, &other) == COMEM_OK)
        comem_list_release(other);
    if (comem_list_repeat(list, 2, &other) == COMEM_OK)
        comem_list_release(other);
}

static void list_change(struct run *run, comem_list *list)
{
    comem_value text = comem_str(long_text, sizeof long_text - 1), value;
    comem_value some[3] = {comem_int(1), text, comem_ref(list)};
    comem_list_set(list, 0, text);
    comem_list_set(list, -1, comem_int(4));
    comem_list_set(list, 3, comem_ref(list));
    for (unsigned i = 0; i < 10; i++)
        comem_list_append(list, i % 2 == 0 ? comem_int(i) : text);
    comem_list_append(list, comem_ref(list));
    comem_list_extend(list, some, 3);
    comem_list_insert(list, 2, text);
    comem_list_insert(list, 1000, comem_float(1));
    if (comem_list_pop(list, &value) == COMEM_OK)
        comem_value_clear(&value);
    for (unsigned i = 0; i < 12; i++)
        comem_list_pop(list, NULL);
    comem_list_pop_at(list, 1, NULL);
    comem_list_remove(list, comem_int(5));
    comem_list_slice_set(list, comem_slice_of(2, 5, 1), some, 2);
    comem_list_slice_set(list, comem_slice_of(0, 30, 11), some, 3);
    comem_list_slice_delete(list, comem_slice_of(1, 40, 3));
    comem_list_reverse(list);
    comem_list_sort(list);
    comem_list_multiply(list, 2);
    (void)run;
}

/* ---- dicts ---- */

static bool updater(void *context, const comem_value *value, comem_value *next)
{
    (void)context;
    (void)value;
    *next = comem_int(1);
    return true;
}

static void dict_look(struct run *run, comem_dict *dict, unsigned depth)
{
    comem_value keys[READ_MAX], values[READ_MAX], value;
    size_t count = 0;
    bool found;
    comem_dict_len(dict, &count);
    comem_dict_contains(dict, comem_str(long_text, 20), &found);
    for (int i = 0; i < 8; i++)
        if (comem_dict_get(dict, comem_int(i * 21 + 7), &value) == COMEM_OK) {
            walk_value(run, &value, depth + 1);
            comem_value_clear(&value);
        }
    if (comem_dict_get(dict, comem_str("list", 4), &value) == COMEM_OK) {
        walk_value(run, &value, depth + 1);
        comem_value_clear(&value);
    }
    if (comem_dict_read(dict, keys, values, READ_MAX, &count) == COMEM_OK && count <= READ_MAX) {
        for (size_t i = 0; i < count; i++)
            walk_value(run, &values[i], depth + 1);
        clear_all(keys, count);
        clear_all(values, count);
    }
    if (depth == 0)
        comem_dict_print(dict, run->null);
}

static void dict_make_others(comem_dict *dict)
{
    comem_dict *other;
    bool equal;
    if (comem_dict_copy(dict, &other) == COMEM_OK) {
        comem_dict_equal(dict, other, &equal);
        comem_dict_update_from(other, dict);
        comem_dict_release(other);
    }
    if (comem_dict_merge(dict, dict, &other) == COMEM_OK)
        comem_dict_release(other);
}

static void dict_change(comem_dict *dict)
{
    comem_value text = comem_str(long_text, sizeof long_text - 1), value, key;
    comem_pair pairs[20];
    bool swapped;
    for (int i = 0; i < 20; i++)
        pairs[i] = (comem_pair){comem_int(i * 5), i % 2 == 0 ? comem_int(i) : text};
    comem_dict_set(dict, text, text);
    comem_dict_set(dict, comem_int(7), comem_ref_dict(dict));
    for (int i = 0; i < 12; i++)
        comem_dict_set(dict, comem_int(1000 + i), comem_int(i));
    if (comem_dict_setdefault(dict, comem_int(77), text, &value) == COMEM_OK)
        comem_value_clear(&value);
    if (comem_dict_add(dict, comem_int(14), comem_int(1), &value) == COMEM_OK)
        comem_value_clear(&value);
    comem_dict_cas(dict, comem_int(28), comem_int(4), text, &swapped);
    comem_dict_update_if(dict, comem_int(28), updater, NULL);
    comem_dict_update(dict, pairs, 20);
    for (int i = 0; i < 30; i++)
        comem_dict_pop(dict, comem_int(i * 7), NULL);
    if (comem_dict_popitem(dict, &key, &value) == COMEM_OK) {
        comem_value_clear(&key);
        comem_value_clear(&value);
    }
}

/* ---- variables ---- */

static void variable_look(struct run *run, comem_variable *variable, unsigned depth)
{
    comem_value value;
    char typecode;
    comem_variable_typecode(variable, &typecode);
    if (comem_variable_get(variable, &value) == COMEM_OK) {
        walk_value(run, &value, depth + 1);
        comem_value_clear(&value);
    }
}

static void variable_change(comem_variable *variable)
{
    comem_value result;
    bool swapped;
    if (comem_variable_add(variable, comem_int(2), &result) == COMEM_OK)
        comem_value_clear(&result);
    comem_variable_cas(variable, comem_int(5), comem_str(long_text, 30), &swapped);
    comem_variable_set(variable, comem_ref_variable(variable));
    comem_variable_set(variable, comem_str(long_text, 20));
    comem_variable_set(variable, comem_int(3));
}

/* ---- values ---- */

static void walk_value(struct run *run, const comem_value *value, unsigned depth)
{
    comem_value tree;
    if (value->kind == COMEM_PACKED && comem_value_unpack(value, &tree) == COMEM_OK)
        comem_value_clear(&tree);
    if (value->kind == COMEM_STR || value->kind == COMEM_BYTES || value->kind == COMEM_PICKLE) {
        volatile char sum = 0; /* private: every byte is there */
        for (size_t i = 0; i < value->size; i++)
            sum = (char)(sum ^ value->as.data[i]);
    }
    if (run->objects == 0 || depth > 3)
        return;
    comem_list *list = comem_value_list(value);
    comem_dict *dict = comem_value_dict(value);
    comem_variable *variable = comem_value_variable(value);
    run->objects -= list != NULL || dict != NULL || variable != NULL;
    if (variable != NULL)
        variable_look(run, variable, depth);
    if (list != NULL)
        list_look(run, list, depth);
    if (dict != NULL)
        dict_look(run, dict, depth);
}

static void change_value(struct run *run, const comem_value *value)
{
    comem_list *list = comem_value_list(value);
    comem_dict *dict = comem_value_dict(value);
    if (list != NULL) {
        list_make_others(run, list);
        list_change(run, list);
    }
    if (dict != NULL) {
        dict_make_others(dict);
        dict_change(dict);
    }
    if (comem_value_variable(value) != NULL)
        variable_change(comem_value_variable(value));
}

static void empty_value(const comem_value *value)
{
    if (comem_value_list(value) != NULL)
        comem_list_clear(comem_value_list(value));
    if (comem_value_dict(value) != NULL)
        comem_dict_clear(comem_value_dict(value));
}

/* ---- the parts of a run ---- */

typedef void (*part)(struct run *run);

static void for_roots(struct run *run, void (*act)(struct run *run, const comem_value *value))
{
    static const char *const names[] = {"numbers", "texts", "words",  "nested", "small",
                                        "edited",  "held",  "number", "value"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        comem_value value;
        if (comem_root(&run->store, names[i], &value) != COMEM_OK)
            continue;
        act(run, &value);
        comem_value_clear(&value);
    }
}

static void look_at(struct run *run, const comem_value *value)
{
    walk_value(run, value, 0);
}

static void empty_it(struct run *run, const comem_value *value)
{
    (void)run;
    empty_value(value);
}

static void look(struct run *run)
{
    comem_value names[NAMES_MAX];
    size_t count = 0;
    if (comem_roots(&run->store, names, NAMES_MAX, &count) == COMEM_OK && count <= NAMES_MAX)
        clear_all(names, count);
    run->objects = OBJECTS_MAX;
    for_roots(run, look_at);
}

static void change(struct run *run)
{
    for_roots(run, change_value);
}

static void add(struct run *run)
{
    comem_list *list;
    comem_dict *dict;
    comem_variable *variable;
    if (comem_root_variable(&run->store, "a new variable", comem_int(1), &variable) == COMEM_OK) {
        variable_change(variable);
        comem_variable_release(variable);
    }
    if (comem_root_list(&run->store, "a new list", &list) == COMEM_OK) {
        list_change(run, list);
        comem_list_release(list);
    }
    if (comem_root_dict(&run->store, "a new dict", &dict) == COMEM_OK) {
        dict_change(dict);
        comem_dict_release(dict);
    }
    comem_root_remove(&run->store, "a new list");
    comem_root_remove(&run->store, "texts");
}

static void shut_down(struct run *run)
{
    object_scope_shutdown(&run->store, 7);
}

static void empty(struct run *run)
{
    for_roots(run, empty_it);
}

static void check(struct run *run)
{
    store_check(run->store.map, NULL, NULL);
    heap_used(run->store.map);
}

static void export(struct run *run)
{
    export_write(&run->store, run->null);
}

static void sweep(struct run *run)
{
    struct participant *me;
    if (participant_enter(run->store.map, &me) != COMEM_OK)
        return;
    repair_sweep(me);
    for (unsigned i = 0; i < RELIEFS_MAX && heap_relieve(me); i++)
        ;
    participant_leave(me);
}

static void run_parts(struct run *run, uint8_t order)
{
    static const part parts[] = {look, change, add, check, export, sweep, shut_down, empty};
    unsigned count = sizeof parts / sizeof parts[0];
    for (unsigned i = 0; i < count; i++)
        parts[(order + i * (order & 128 ? 3 : 1)) % count](run);
}

/* ---- the store ---- */

#define GUARD_LARGEST (UINT64_C(1) << 30)

/* Pages that nobody may touch, before or behind the window: as many as are free there. By the system call, since a sanitizer
 * would clear its notes on all of them. */
static uint64_t guard(uint8_t *edge, bool before)
{
    for (uint64_t size = GUARD_LARGEST; size >= 4096; size /= 2) {
        uint8_t *at = before ? edge - size : edge;
        long made = syscall(SYS_mmap, at, size, PROT_NONE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
        if (made == (long)(uintptr_t)at)
            return size;
        if (made > 0)
            syscall(SYS_munmap, made, size);
    }
    return 0;
}

static void unguard(uint8_t *at, uint64_t size)
{
    if (size > 0)
        syscall(SYS_munmap, at, size);
}

/* A stray write of somebody who has the store. */
static void make_changes(struct store_map *map, const struct order *order)
{
    for (size_t i = 0; i < order->count; i++) {
        const struct change *change = &order->changes[i];
        if (change->width != 0)
            memcpy(map->base + change->offset, &change->value, change->width); /* private: the test's damage */
    }
}

void operations_run(int fd, const uint8_t id[16], const struct order *order)
{
    static FILE *null;
    if (null == NULL && (null = fopen("/dev/null", "w")) == NULL)
        abort();
    struct run run = {.null = null};
    if (store_map_attach(fd, id, &run.store.map) != COMEM_OK)
        return;
    struct store_map *map = run.store.map;
    uint64_t before = guard(map->base, true), behind = guard(map->base + map->window, false);
    if (order->count > 0) {
        look(&run);
        make_changes(map, order);
    }
    run_parts(&run, order->first);
    for (struct participant *mine = participant_tls; mine != NULL; mine = mine->next_of_thread)
        if (mine->map == map) {
            participant_detach(mine);
            break;
        }
    unguard(map->base - before, before);
    unguard(map->base + map->window, behind);
    store_map_free(map);
}
