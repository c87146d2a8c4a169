/* test_held.c - compound values and pickles in containers, above all those that refer to shared objects */
#include "support.h"

#include <stdio.h>

#include "objects/value.h"

/* A tuple of `count` references to `list`; to be cleared. */
static comem_value tuple_of(comem_list *list, size_t count)
{
    comem_value *items = calloc(count, sizeof *items), packed;
    assert_non_null(items);
    for (size_t i = 0; i < count; i++)
        items[i] = comem_ref(list);
    comem_value tuple = comem_items(COMEM_TUPLE, items, count);
    assert_ok(comem_value_pack(&tuple, &packed));
    free(items);
    return packed;
}

static uint64_t links_of(comem_list *list)
{
    return word_load(&list->object.shared->links);
}

static comem_value text_of(comem_kind kind, const char *data, size_t size)
{
    comem_value value = comem_bytes(data, size);
    value.kind = kind;
    return value;
}

/* ---- without references ---- */

/* A value would come back changed from some way in or out of a list. */
static void packed_values_and_pickles_come_back_from_every_call(void **state)
{
    enum { KINDS = 8 };
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store), *copy;
    char *large = malloc(MIB);
    assert_non_null(large);
    memset(large, 0x90, MIB);
    const comem_value values[KINDS] = {
        text_of(COMEM_PACKED, "\x91\x01", 2),  text_of(COMEM_PICKLE, "", 0),       text_of(COMEM_PACKED, large, 13),
        text_of(COMEM_PICKLE, large, 13),      text_of(COMEM_PACKED, large, 14),   text_of(COMEM_PICKLE, large, 14),
        text_of(COMEM_PACKED, large, MIB - 1), text_of(COMEM_PICKLE, large, 9000),
    };
    for (unsigned i = 0; i < KINDS; i++)
        assert_ok(comem_list_append(list, values[i]));
    assert_ok(comem_list_extend(list, values, KINDS));
    for (unsigned i = 0; i < KINDS; i++)
        assert_ok(comem_list_insert(list, 0, values[KINDS - 1 - i]));
    assert_ok(comem_list_set(list, 3, comem_none()));
    assert_ok(comem_list_set(list, 3, values[3]));
    assert_ok(comem_list_multiply(list, 2));
    assert_ok(comem_list_slice_set(list, comem_slice_of(0, 2 * KINDS, 2), values, KINDS));
    assert_ok(comem_list_slice_delete(list, comem_slice_of(0, 2 * KINDS, 1)));
    assert_ok(comem_list_copy(list, &copy));
    comem_value read[KINDS * 4], popped;
    size_t count;
    assert_ok(comem_list_read(copy, 0, KINDS * 4, read, &count));
    assert_int_equal(count, KINDS * 4);
    for (unsigned i = 0; i < count; i++) {
        support_assert_value(&read[i], &values[i % KINDS]);
        comem_value_clear(&read[i]);
    }
    bool equal;
    assert_ok(comem_list_equal(list, copy, &equal));
    assert_true(equal);
    for (unsigned i = 0; i < count; i++) {
        assert_ok(comem_list_pop_at(copy, 0, &popped));
        support_assert_value(&popped, &values[i % KINDS]);
        comem_value_clear(&popped);
    }
    comem_list_release(list);
    comem_list_release(copy);
    free(large);
    assert_int_equal(support_used(bench->map), 0);
}

/* A tree would be stored as garbage. */
static void what_is_not_packed_is_refused(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    for (uint32_t kind = COMEM_LIST; kind <= COMEM_MISSING + 1; kind++) {
        comem_value value = comem_none();
        value.kind = kind;
        assert_status(COMEM_TYPE, comem_list_append(list, value));
    }
    assert_int_equal(support_len(list), 0);
    comem_list_release(list);
}

/* ---- counted ---- */

/* An object would be freed under a value that refers to it, or never. */
static void a_value_keeps_what_it_refers_to(void **state)
{
    struct bench *bench = *state;
    comem_list *outer = support_list(&bench->store), *inner = support_list(&bench->store);
    comem_value packed = tuple_of(inner, 3), value, tree;
    assert_ok(comem_list_append(inner, comem_int(5)));
    assert_ok(comem_list_append(outer, packed));
    comem_value_clear(&packed);
    assert_int_equal(links_of(inner), 3);
    comem_list_release(inner);
    assert_int_equal(support_problems(bench->map), 0);
    assert_ok(comem_list_get(outer, 0, &value));
    assert_ok(comem_list_clear(outer));
    assert_int_equal(support_problems(bench->map), 0);
    assert_ok(comem_value_unpack(&value, &tree));
    comem_value_clear(&value);
    comem_list *found = comem_value_list(&tree.as.items[2]);
    assert_int_equal(support_int(found, 0), 5);
    assert_int_equal(links_of(found), 0);
    comem_value_clear(&tree);
    comem_list_release(outer);
    assert_int_equal(support_used(bench->map), 0);
}

/* Some change of a list would count a reference twice, or not at all. */
static void every_change_of_a_list_counts_right(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store), *inner = support_list(&bench->store), *copy;
    comem_value two = tuple_of(inner, 2), values[3] = {two, comem_ref(inner), comem_int(1)}, popped;
    for (unsigned i = 0; i < 20; i++)
        assert_ok(comem_list_extend(list, values, 3));
    assert_int_equal(links_of(inner), 60);
    assert_ok(comem_list_set(list, 0, comem_int(1)));
    assert_ok(comem_list_set(list, 1, two));
    support_used(bench->map);
    assert_int_equal(links_of(inner), 59);
    assert_ok(comem_list_insert(list, 7, two));
    assert_int_equal(links_of(inner), 61);
    assert_ok(comem_list_pop_at(list, 7, &popped));
    comem_value_clear(&popped);
    support_used(bench->map);
    assert_int_equal(links_of(inner), 59);
    assert_ok(comem_list_slice_set(list, comem_slice_of(0, 6, 1), values, 3));
    support_used(bench->map);
    assert_int_equal(links_of(inner), 57);
    assert_ok(comem_list_slice_delete(list, comem_slice_of(0, 9, 3)));
    support_used(bench->map);
    assert_int_equal(links_of(inner), 51);
    assert_ok(comem_list_multiply(list, 3));
    assert_int_equal(links_of(inner), 153);
    assert_ok(comem_list_reverse(list));
    assert_ok(comem_list_copy(list, &copy));
    assert_int_equal(links_of(inner), 306);
    assert_status(COMEM_TYPE, comem_list_sort(list));
    assert_ok(comem_list_remove(list, two));
    support_used(bench->map);
    assert_int_equal(links_of(inner), 304);
    while (comem_list_pop(copy, NULL) == COMEM_OK)
        ;
    support_used(bench->map);
    assert_int_equal(links_of(inner), 151);
    assert_int_equal(support_problems(bench->map), 0);
    comem_list_release(copy);
    comem_list_release(list);
    comem_value_clear(&two);
    support_used(bench->map);
    assert_int_equal(links_of(inner), 0);
    comem_list_release(inner);
    assert_int_equal(support_used(bench->map), 0);
}

/* A value with more references than a record has entries, or than a step frees, would not be whole. */
static void a_thousand_references_in_one_value(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store), *inner = support_list(&bench->store);
    comem_value packed = tuple_of(inner, 1000), read;
    struct participant *me;
    assert_ok(comem_list_append(list, packed));
    support_used(bench->map); /* it was built twice, before there was room and after */
    assert_int_equal(links_of(inner), 1000);
    assert_int_equal(support_problems(bench->map), 0);
    assert_ok(comem_list_get(list, 0, &read));
    support_assert_value(&read, &packed);
    comem_value_clear(&read);
    comem_value_clear(&packed);
    assert_ok(participant_enter(bench->map, &me));
    while (trash_reap(me))
        ;
    participant_leave(me);
    assert_ok(comem_list_set(list, 0, comem_none()));
    assert_int_equal(links_of(inner), 1000); /* a number does no work for others */
    assert_ok(participant_enter(bench->map, &me));
    for (uint64_t left = 1000 - 256; left < 1000; left -= 256) {
        assert_true(trash_reap(me));
        assert_int_equal(links_of(inner), left);
    }
    assert_true(trash_reap(me));
    assert_int_equal(links_of(inner), 0);
    assert_false(trash_reap(me));
    participant_leave(me);
    comem_list_release(inner);
    comem_list_release(list);
    assert_int_equal(support_used(bench->map), 0);
}

/* A list that holds itself within a tuple would be freed while it is held, or its values would be lost. */
static void a_list_may_hold_itself_within_a_value(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    comem_value packed = tuple_of(list, 1), read, tree;
    assert_ok(comem_list_append(list, packed));
    comem_value_clear(&packed);
    assert_ok(comem_list_pop(list, &read));
    assert_ok(comem_value_unpack(&read, &tree));
    assert_ptr_equal(comem_value_list(&tree.as.items[0]), list);
    comem_value_clear(&read);
    comem_list_release(list);
    assert_int_equal(support_len(comem_value_list(&tree.as.items[0])), 0);
    comem_value_clear(&tree);
    assert_int_equal(support_used(bench->map), 0);
}

/* Some change of a dict would count a reference twice, or not at all. */
static void every_change_of_a_dict_counts_right(void **state)
{
    struct bench *bench = *state;
    comem_list *inner = support_list(&bench->store);
    comem_value two = tuple_of(inner, 2), three = tuple_of(inner, 3), value, expected = two;
    comem_dict *dict, *copy;
    bool swapped;
    assert_ok(comem_dict_new(&bench->store, &dict));
    assert_ok(comem_dict_set(dict, comem_int(1), two));
    assert_ok(comem_dict_set(dict, comem_int(1), three));
    assert_ok(comem_dict_setdefault(dict, comem_int(1), two, &value));
    support_assert_value(&value, &three);
    comem_value_clear(&value);
    assert_ok(comem_dict_setdefault(dict, comem_int(2), two, NULL));
    support_used(bench->map);
    assert_int_equal(links_of(inner), 5);
    const comem_pair pairs[] = {{comem_int(1), two}, {comem_int(3), three}, {comem_float(1), two}, {comem_none(), two}};
    assert_ok(comem_dict_update(dict, pairs, 4));
    support_used(bench->map);
    assert_int_equal(links_of(inner), 2 + 2 + 3 + 2);
    assert_ok(comem_dict_cas(dict, comem_int(1), expected, three, &swapped));
    assert_true(swapped);
    assert_ok(comem_dict_cas(dict, comem_int(1), expected, comem_missing(), &swapped));
    assert_false(swapped);
    support_used(bench->map);
    assert_int_equal(links_of(inner), 3 + 2 + 3 + 2);
    assert_ok(comem_dict_copy(dict, &copy));
    assert_int_equal(links_of(inner), 20);
    assert_ok(comem_dict_pop(copy, comem_int(3), &value));
    support_assert_value(&value, &three);
    comem_value_clear(&value);
    assert_ok(comem_dict_popitem(copy, NULL, NULL));
    support_used(bench->map);
    assert_int_equal(links_of(inner), 15);
    assert_ok(comem_dict_clear(dict));
    support_used(bench->map);
    assert_int_equal(links_of(inner), 5);
    assert_int_equal(support_problems(bench->map), 0);
    comem_dict_release(dict);
    comem_dict_release(copy);
    comem_value_clear(&two);
    comem_value_clear(&three);
    support_used(bench->map);
    assert_int_equal(links_of(inner), 0);
    comem_list_release(inner);
    assert_int_equal(support_used(bench->map), 0);
}

/* ---- compared ---- */

/* Values would be equal that refer to different objects, or unequal that are the same. */
static void equal_values_have_the_same_bytes_and_references(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store), *one = support_list(&bench->store);
    comem_list *other = support_list(&bench->store);
    comem_value first = tuple_of(one, 2), second = tuple_of(other, 2), third = tuple_of(one, 3);
    size_t index;
    assert_ok(comem_list_append(list, first));
    assert_ok(comem_list_append(list, second));
    assert_ok(comem_list_append(list, text_of(COMEM_PACKED, "\x91\x01", 2)));
    assert_ok(comem_list_append(list, text_of(COMEM_PICKLE, "\x91\x01", 2)));
    assert_ok(comem_list_append(list, text_of(COMEM_PICKLE, "as long as it takes", 19)));
    assert_ok(comem_list_index(list, second, 0, INT64_MAX, &index));
    assert_int_equal(index, 1);
    assert_status(COMEM_NOT_FOUND, comem_list_index(list, third, 0, INT64_MAX, &index));
    assert_ok(comem_list_index(list, text_of(COMEM_PICKLE, "\x91\x01", 2), 0, INT64_MAX, &index));
    assert_int_equal(index, 3);
    assert_ok(comem_list_index(list, text_of(COMEM_PICKLE, "as long as it takes", 19), 0, INT64_MAX, &index));
    assert_int_equal(index, 4);
    assert_status(COMEM_NOT_FOUND,
                  comem_list_index(list, text_of(COMEM_PACKED, "as long as it takes", 19), 0, INT64_MAX, &index));
    comem_list *copy;
    bool equal;
    int order;
    assert_ok(comem_list_copy(list, &copy));
    assert_ok(comem_list_equal(list, copy, &equal));
    assert_true(equal);
    assert_ok(comem_list_set(copy, 1, first));
    assert_ok(comem_list_equal(list, copy, &equal));
    assert_false(equal);
    assert_status(COMEM_TYPE, comem_list_compare(list, copy, &order));
    comem_value_clear(&first);
    comem_value_clear(&second);
    comem_value_clear(&third);
    comem_list_release(one);
    comem_list_release(other);
    comem_list_release(list);
    comem_list_release(copy);
    assert_int_equal(support_used(bench->map), 0);
}

/* ---- when it does not work ---- */

typedef comem_status (*change)(comem_list *list, const comem_value *value);

static comem_status by_append(comem_list *list, const comem_value *value)
{
    return comem_list_append(list, *value);
}

static comem_status by_set(comem_list *list, const comem_value *value)
{
    return comem_list_set(list, 0, *value);
}

static comem_status by_insert(comem_list *list, const comem_value *value)
{
    return comem_list_insert(list, 0, *value);
}

static comem_status by_extend(comem_list *list, const comem_value *value)
{
    comem_value values[3] = {*value, comem_int(1), *value};
    return comem_list_extend(list, values, 3);
}

/* A call that runs out of memory half-way would leave references counted, or a block that nothing names. */
static void out_of_memory_leaves_nothing_counted(void **state)
{
    static const change changes[] = {by_append, by_set, by_insert, by_extend};
    struct bench *bench = *state;
    comem_list *inner = support_list(&bench->store);
    comem_value packed = tuple_of(inner, 40);
    for (unsigned i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        comem_list *list = support_list(&bench->store);
        assert_ok(comem_list_append(list, comem_int(1)));
        comem_status status = COMEM_NO_MEMORY;
        unsigned failed = 0;
        for (uint64_t room = 0; status == COMEM_NO_MEMORY; room++) {
            heap_seam_room = room;
            status = changes[i](list, &packed);
            heap_seam_room = UINT64_MAX;
            if (status != COMEM_NO_MEMORY)
                break;
            failed++;
            assert_int_equal(support_problems(bench->map), 0);
            assert_int_equal(links_of(inner), 0);
            assert_int_equal(support_len(list), 1);
        }
        assert_ok(status);
        assert_true(failed > 0);
        comem_list_release(list);
        support_used(bench->map);
        assert_int_equal(links_of(inner), 0);
    }
    comem_value_clear(&packed);
    comem_list_release(inner);
    assert_int_equal(support_used(bench->map), 0);
}

/* A reference into another store would be an offset into this one. */
static void references_into_another_store_are_refused(void **state)
{
    struct bench *bench = *state, *other = support_begin(MIB);
    comem_list *list = support_list(&bench->store), *foreign = support_list(&other->store);
    comem_value packed = tuple_of(foreign, 2), values[2] = {comem_int(1), packed};
    assert_status(COMEM_INVALID, comem_list_append(list, packed));
    assert_status(COMEM_INVALID, comem_list_extend(list, values, 2));
    assert_int_equal(support_len(list), 0);
    assert_int_equal(support_problems(bench->map), 0);
    comem_value_clear(&packed);
    comem_list_release(foreign);
    comem_list_release(list);
    assert_int_equal(support_used(bench->map), 0);
    assert_int_equal(support_end(other), 0);
}

/* A value that its maker did not live to store would keep its objects for ever. */
static void a_death_before_the_value_is_stored_gives_everything_back(void **state)
{
    struct bench *bench = *state;
    comem_list *inner = support_list(&bench->store);
    comem_value packed = tuple_of(inner, 300);
    struct participant *me, *victim = support_victim(bench->map);
    struct cell_image image;
    assert_ok(cell_pack(&packed, &image));
    assert_ok(participant_enter(bench->map, &me));
    assert_ok(value_prepare(victim, &packed, &image));
    assert_int_equal(links_of(inner), 300);
    support_kill(victim);
    repair_sweep(me);
    support_bury(victim);
    while (trash_reap(me))
        ;
    participant_leave(me);
    assert_int_equal(links_of(inner), 0);
    comem_value_clear(&packed);
    comem_list_release(inner);
    assert_int_equal(support_used(bench->map), 0);
}

/* ---- damage ---- */

static struct value_block *block_of_first(comem_list *list)
{
    struct list_entry *entry;
    struct store_map *map = list->object.map;
    const struct cell *cell = list_locked_cell(map, table_offset(word_load(&list->object.shared->table)), 0, &entry);
    return store_at(map, word_load(&cell->body), sizeof(struct value_block));
}

static void count_problem(void *context, const char *problem)
{
    (void)problem;
    ++*(unsigned *)context;
}

/* A damaged block would lead a reader or the trash out of the store; a check would not see it. */
static void a_damaged_value_is_refused(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store), *inner = support_list(&bench->store);
    comem_value packed = tuple_of(inner, 4), value;
    assert_ok(comem_list_append(list, packed));
    struct value_block *block = block_of_first(list);
    uint64_t info = word_load(&block->header.info), size = word_load(&block->size);
    static const uint64_t counts[] = {UINT32_MAX, 1u << 20, 1u << 28};
    unsigned problems = 0;
    for (unsigned i = 0; i < 3; i++) {
        word_store(&block->header.info, value_block_info(info, counts[i]));
        assert_status(COMEM_DAMAGED, comem_list_get(list, 0, &value));
        problems = 0;
        store_check(bench->map, count_problem, &problems);
        assert_true(problems > 0);
    }
    word_store(&block->header.info, info);
    word_store(&block->size, UINT64_C(1) << 40);
    assert_status(COMEM_DAMAGED, comem_list_get(list, 0, &value));
    word_store(&block->size, size);
    static const struct cell_image wrong[] = {{COMEM_INT, 5}, {COMEM_REF, 8}, {COMEM_REF, UINT64_MAX}};
    for (unsigned i = 0; i < 3; i++) {
        cell_store(&value_block_cells(block)[2], wrong[i]);
        assert_status(COMEM_DAMAGED, comem_list_get(list, 0, &value));
        assert_int_equal(value.kind, COMEM_NONE);
        problems = 0;
        store_check(bench->map, count_problem, &problems);
        assert_true(problems > 0);
    }
    assert_ok(comem_list_clear(list)); /* what the trash makes of it */
    support_used(bench->map);
    assert_int_equal(links_of(inner), 1); /* the one that was overwritten */
    struct participant *me;
    assert_ok(participant_enter(bench->map, &me));
    record_stage(me, 0, RECORD_OWE, object_offset(&inner->object), 0);
    record_switch(me, RECORD_ACTIVE, 0, 1);
    object_unlink(me, object_offset(&inner->object), 0, NULL, 0);
    participant_leave(me);
    comem_value_clear(&packed);
    comem_list_release(inner);
    comem_list_release(list);
    assert_int_equal(support_used(bench->map), 0);
}

/* A cell that is not what its kind should be would be given as a value that is freed or read at a wrong place. */
static void a_damaged_cell_is_refused(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    comem_value value;
    struct list_entry *entry;
    assert_ok(comem_list_append(list, text_of(COMEM_STR, "a text that is far away", 23)));
    uint64_t table = table_offset(word_load(&list->object.shared->table));
    struct cell *cell = list_locked_cell(bench->map, table, 0, &entry);
    uint64_t head = word_load(&cell->head);
    for (uint64_t kind = COMEM_STR; kind < 256; kind++)
        for (uint64_t flags = 0; flags < 32; flags++) {
            uint64_t size = flags < 16 ? CELL_FAR : 5;
            word_store(&cell->head, size << 16 | (flags & 15) << 8 | kind);
            comem_status status = comem_list_get(list, 0, &value);
            assert_true(status == COMEM_OK || status == COMEM_DAMAGED);
            assert_true(status == COMEM_DAMAGED || value.kind <= COMEM_PICKLE);
            if (kind > COMEM_PICKLE || kind == COMEM_REF)
                assert_int_equal(status, COMEM_DAMAGED);
            comem_value_clear(&value);
        }
    word_store(&cell->head, head);
    comem_list_release(list);
    assert_int_equal(support_used(bench->map), 0);
}

/* ---- readers overtaken by writers ---- */

/* A cell that is where it was read for so many looks. */
static bool still_for(const void *context)
{
    unsigned *looks = (unsigned *)(uintptr_t)context;
    return *looks > 0 && (*looks)-- > 0;
}

/* What was read before a writer came would be given for good, or its handles be kept. */
static void a_reader_overtaken_at_any_look_starts_again(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store), *inner = support_list(&bench->store);
    comem_value packed = tuple_of(inner, 5), value = comem_none();
    struct participant *me;
    struct list_entry *entry;
    enum attempt attempt = ATTEMPT_AGAIN;
    unsigned looks = 0;
    assert_ok(comem_list_append(list, packed));
    comem_value_clear(&packed);
    uint64_t table = table_offset(word_load(&list->object.shared->table));
    struct cell_image image = cell_load(list_locked_cell(bench->map, table, 0, &entry));
    for (; attempt == ATTEMPT_AGAIN; looks++) {
        unsigned left = looks;
        comem_status status;
        assert_ok(participant_enter(bench->map, &me));
        map_lock(me);
        attempt = value_read(me, &list->object, image, still_for, &left, &value, &status);
        pthread_mutex_unlock(&bench->map->mutex);
        participant_leave(me);
        assert_ok(status);
        assert_int_equal(inner->object.count, attempt == ATTEMPT_DONE ? 6 : 1);
    }
    assert_int_equal(attempt, ATTEMPT_DONE);
    assert_int_equal(looks, 8); /* before, for each reference, after; and none left over */
    comem_value_clear(&value);
    comem_list_release(inner);
    comem_list_release(list);
    assert_int_equal(support_used(bench->map), 0);
}

/* ---- several processes ---- */

struct race {
    comem_list *list;
    _Atomic int stop, failed;
};

static int read_race(void *argument)
{
    struct race *race = argument;
    while (!race->stop) {
        comem_value value, tree;
        if (comem_list_get(race->list, 0, &value) != COMEM_OK)
            return 1;
        bool right = comem_value_unpack(&value, &tree) == COMEM_OK && tree.kind == COMEM_TUPLE;
        for (size_t i = 0; right && i < tree.size; i++) {
            comem_value item;
            right = comem_list_get(comem_value_list(&tree.as.items[i]), 0, &item) == COMEM_OK &&
                    item.as.integer == (int64_t)tree.size;
        }
        comem_value_clear(&value);
        comem_value_clear(&tree);
        if (!right)
            return 2;
    }
    return 0;
}

/* A reader overtaken by a writer would take handles of objects that are freed, or of the next value's. */
static void a_value_just_read_has_its_objects(void **state)
{
    struct bench *bench = *state;
    struct race *race = support_shared(sizeof *race);
    race->list = support_list(&bench->store);
    assert_ok(comem_list_append(race->list, text_of(COMEM_PACKED, "\xd4\x01\x90", 3)));
    pid_t readers[2] = {support_fork(read_race, race), support_fork(read_race, race)};
    double end = support_seconds() + 1;
    for (unsigned i = 0; support_seconds() < end; i++) {
        size_t count = 1 + i % 5;
        comem_list *inner = support_list(&bench->store);
        assert_ok(comem_list_append(inner, comem_int((int64_t)count)));
        comem_value packed = tuple_of(inner, count);
        comem_list_release(inner);
        assert_ok(comem_list_set(race->list, 0, packed));
        comem_value_clear(&packed);
    }
    race->stop = 1;
    assert_int_equal(support_wait(readers[0]), 0);
    assert_int_equal(support_wait(readers[1]), 0);
    comem_list_release(race->list);
    assert_int_equal(support_used(bench->map), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(packed_values_and_pickles_come_back_from_every_call),
        WITH_STORE(what_is_not_packed_is_refused),
        WITH_STORE(a_value_keeps_what_it_refers_to),
        WITH_STORE(every_change_of_a_list_counts_right),
        WITH_STORE(every_change_of_a_dict_counts_right),
        WITH_STORE(a_thousand_references_in_one_value),
        WITH_STORE(a_list_may_hold_itself_within_a_value),
        WITH_STORE(equal_values_have_the_same_bytes_and_references),
        WITH_STORE(out_of_memory_leaves_nothing_counted),
        WITH_STORE(references_into_another_store_are_refused),
        WITH_STORE(a_death_before_the_value_is_stored_gives_everything_back),
        WITH_STORE(a_damaged_value_is_refused),
        WITH_STORE(a_damaged_cell_is_refused),
        WITH_STORE(a_reader_overtaken_at_any_look_starts_again),
        WITH_STORE(a_value_just_read_has_its_objects),
    };
    support_choose(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
