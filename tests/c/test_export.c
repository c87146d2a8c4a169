/* test_export.c - what a store exports comes back from an import: values, keys, objects, rings, roots */
#include "export_support.h"

#include <math.h>
#include <sys/wait.h>

#include "objects/dict_layout.h"
#include "objects/export.h"
#include "objects/list_change.h"
#include "objects/root.h"

static comem_value text_of(comem_kind kind, const char *data, size_t size)
{
    comem_value value = comem_bytes(data, size);
    value.kind = kind;
    return value;
}

static comem_value float_of(uint64_t bits)
{
    comem_value value = comem_int((int64_t)bits);
    value.kind = COMEM_FLOAT;
    return value;
}

/* ---- values ---- */

#define LARGE (2 * (size_t)EXPORT_PIECE + 12345)

/* Stores the values, sends them, and compares what comes back. */
static void assert_values_come_back(comem_store *store, const comem_value *values, size_t count)
{
    comem_list *list = export_root_list(store, "values");
    assert_ok(comem_list_extend(list, values, count));
    struct bench *bench = import_of(store);
    comem_list *back = export_root_list(&bench->store, "values");
    assert_int_equal(support_len(back), count);
    for (size_t i = 0; i < count; i++) {
        comem_value value;
        assert_ok(comem_list_get(back, (int64_t)i, &value));
        support_assert_value(&value, &values[i]);
        comem_value_clear(&value);
    }
    comem_list_release(back);
    comem_list_release(list);
    export_end(bench);
}

/* A number would come back rounded, or of another sign. */
static void every_number_comes_back_with_all_its_bits(void **state)
{
    struct bench *bench = *state;
    comem_value values[600];
    size_t count = 0;
    for (unsigned i = 0; i < 64; i++)
        for (int64_t near = -2; near <= 2; near++)
            values[count++] = comem_int((int64_t)((UINT64_C(1) << i) + (uint64_t)near));
    values[count++] = comem_none();
    values[count++] = comem_bool(true);
    values[count++] = comem_bool(false);
    values[count++] = comem_float(-0.0);
    values[count++] = comem_float(0.0);
    values[count++] = comem_float(1e-320);
    values[count++] = comem_float(INFINITY);
    values[count++] = comem_float(-INFINITY);
    values[count++] = comem_float(0.1);
    values[count++] =
        float_of(UINT64_C(0x7FF8000000000001)); /* NaNs with something in them, the second one signalling */
    values[count++] = float_of(UINT64_C(0xFFF0000000000BAD));
    values[count++] = float_of(UINT64_MAX);
    assert_values_come_back(&bench->store, values, count);
}

/* A text of some length would be cut or taken for something else. */
static void texts_of_every_length_come_back(void **state)
{
    static const size_t sizes[] = {0, 1, 13, 14, 31, 32, 255, 256, 65535, 65536, EXPORT_PIECE, EXPORT_PIECE + 1, LARGE};
    static const comem_kind kinds[] = {COMEM_STR, COMEM_BYTES, COMEM_PACKED, COMEM_PICKLE};
    enum { SIZES = sizeof sizes / sizeof sizes[0], KINDS = sizeof kinds / sizeof kinds[0] };
    struct bench *bench = *state;
    comem_value values[SIZES * KINDS + 8];
    size_t count = 0;
    char *large = malloc(LARGE);
    assert_non_null(large);
    for (size_t i = 0; i < LARGE; i++)
        large[i] = (char)('a' + i % 23);
    for (unsigned i = 0; i < SIZES; i++)
        for (unsigned k = 0; k < KINDS && !(sizes[i] > MIB && k % 2 != 0); k++)
            values[count++] = text_of(kinds[k], large, sizes[i]);
    values[count++] = comem_str("\0zero\0", 6);
    values[count++] = comem_bytes("\xFF\x00\xC1", 3);
    values[count++] = comem_str("caf\xC3\xA9 \xF0\x9F\x8D\x83", 10);
    values[count++] = comem_str("\xED\xB2\x80", 3); /* lone surrogates, near and far */
    values[count++] = comem_str("fourteen and \xED\xA0\x80\xED\xBF\xBF", 19);
    values[count++] = text_of(COMEM_PACKED, "\xC1 is nothing that packs", 23);
    assert_values_come_back(&bench->store, values, count);
    free(large);
}

/* A reference within a value would lead to another object, or to none. */
static void references_within_values_come_back(void **state)
{
    struct bench *bench = *state;
    comem_list *outer = export_root_list(&bench->store, "outer");
    comem_dict *inner = support_dict(&bench->store);
    comem_list *other = support_list(&bench->store);
    assert_ok(comem_dict_set(inner, support_text("which"), support_text("inner")));
    assert_ok(comem_list_append(other, support_text("other")));
    const comem_value items[] = {comem_ref_dict(inner), comem_ref(other), comem_ref_dict(inner), comem_ref(outer)};
    comem_value tuple = comem_items(COMEM_TUPLE, items, 4), packed, pickle, read, tree, which;
    assert_ok(comem_value_pack(&tuple, &packed));
    assert_ok(comem_list_append(outer, packed));
    pickle = packed;
    pickle.kind = COMEM_PICKLE; /* the same references, and bytes that nobody looks at */
    assert_ok(comem_list_append(outer, pickle));
    comem_value_clear(&packed);

    struct bench *there = import_of(&bench->store);
    comem_list *back = export_root_list(&there->store, "outer");
    assert_int_equal(support_len(back), 2);
    assert_ok(comem_list_get(back, 1, &read));
    assert_int_equal(read.kind, COMEM_PICKLE);
    read.kind = COMEM_PACKED;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(read.kind, COMEM_PACKED);
        assert_ok(comem_value_unpack(&read, &tree));
        assert_int_equal(tree.size, 4);
        assert_ok(comem_dict_get(comem_value_dict(&tree.as.items[0]), support_text("which"), &which));
        support_assert_value(&which, &(comem_value){.kind = COMEM_STR, .size = 5, .as.data = "inner"});
        comem_value_clear(&which);
        assert_ok(comem_list_get(comem_value_list(&tree.as.items[1]), 0, &which));
        support_assert_value(&which, &(comem_value){.kind = COMEM_STR, .size = 5, .as.data = "other"});
        comem_value_clear(&which);
        assert_ptr_equal(tree.as.items[2].as.object, tree.as.items[0].as.object);
        assert_ptr_equal(tree.as.items[3].as.object, back);
        comem_value_clear(&tree);
        comem_value_clear(&read);
        assert_ok(comem_list_get(back, 0, &read));
    }
    comem_value_clear(&read);
    comem_list_release(back);
    comem_list_release(other);
    comem_dict_release(inner);
    comem_list_release(outer);
    export_forget_all(bench->map); /* one held itself */
    export_end(there);
}

/* ---- keys ---- */

static void assert_columns_equal(const struct dict_copy *one, const struct dict_copy *other)
{
    assert_int_equal(one->count, other->count);
    for (unsigned i = 0; i < DICT_COLUMNS; i++)
        for (size_t k = 0; k < one->count; k++)
            support_assert_value(&one->pairs.column[i][k], &other->pairs.column[i][k]);
}

/* Sends a dict; keys, in order, as they were given and in their canonical form, and values are the same. */
static void assert_dict_comes_back(struct bench *bench, comem_dict *dict)
{
    struct dict_copy here, there;
    struct bench *to = import_of(&bench->store);
    comem_dict *back = export_root_dict(&to->store, "dict");
    assert_ok(dict_copy_take(dict, &here));
    assert_ok(dict_copy_take(back, &there));
    assert_columns_equal(&here, &there);
    for (size_t i = 0; i < here.count; i++) {
        comem_value value;
        assert_ok(comem_dict_get(back, here.pairs.column[DICT_CANONICAL][i], &value));
        support_assert_value(&value, &here.pairs.column[DICT_VALUES][i]);
        comem_value_clear(&value);
    }
    dict_copy_clear(&here);
    dict_copy_clear(&there);
    comem_dict_release(back);
    export_end(to);
}

/* A key would not be found again, or be shown as another. */
static void keys_of_every_kind_come_back_in_order_and_as_given(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = export_root_dict(&bench->store, "dict");
    const comem_value items[] = {comem_float(2.0), comem_str("x", 1), comem_none()};
    comem_value tuple = comem_items(COMEM_TUPLE, items, 3), set = comem_items(COMEM_FROZENSET, items, 3), packed[2];
    assert_ok(comem_value_pack(&tuple, &packed[0]));
    assert_ok(comem_value_pack(&set, &packed[1]));
    const comem_value keys[] = {
        comem_str("last", 4),
        comem_bool(true),
        comem_float(0.5),
        comem_float(-0.0),
        comem_float(1e300),
        comem_none(),
        comem_bytes("\xFF", 1),
        float_of(UINT64_C(0x7FF8000000000123)),
        packed[0],
        packed[1],
        comem_str("\xED\xB2\x80", 3),
        comem_int(INT64_MIN),
        comem_str("a key that is too long for a cell", 33),
    };
    enum { KEYS = sizeof keys / sizeof keys[0] };
    for (unsigned i = 0; i < KEYS; i++)
        assert_ok(comem_dict_set(dict, keys[KEYS - 1 - i], comem_int(i)));
    struct key key;
    comem_value canonical = text_of(COMEM_PACKED,
                                    "\xC7\x06\x09\x92\xA3"
                                    "a:b\x07",
                                    9);
    comem_value given = text_of(COMEM_PICKLE, "as Python has it", 16);
    assert_ok(key_make_given(bench->map, &canonical, &given, &key));
    comem_value value = comem_str("under a key that only Python can read", 37);
    assert_ok(dict_set(dict, &key, &value));
    key_clear(&key);
    assert_ok(comem_dict_pop(dict, comem_bytes("\xFF", 1), NULL));
    assert_dict_comes_back(bench, dict);
    comem_value_clear(&packed[0]);
    comem_value_clear(&packed[1]);
    comem_dict_release(dict);
}

/* The batches in which pairs are stored would lose some, or mix up their order. */
static void large_dicts_come_back_in_order(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = export_root_dict(&bench->store, "dict");
    for (int64_t i = 0; i < 10001; i++)
        assert_ok(comem_dict_set(dict, comem_int(i * 7919 % 10007), comem_int(i)));
    for (int64_t i = 0; i < 10001; i += 3)
        assert_ok(comem_dict_pop(dict, comem_int(i * 7919 % 10007), NULL));
    assert_dict_comes_back(bench, dict);
    comem_dict_release(dict);
}

/* ---- objects ---- */

/* The export would run for ever, or the ring come back as a chain. */
static void rings_come_back_as_rings(void **state)
{
    struct bench *bench = *state;
    comem_list *list = export_root_list(&bench->store, "list");
    comem_dict *dict = support_dict(&bench->store);
    comem_value value;
    assert_ok(comem_list_append(list, comem_ref(list)));
    assert_ok(comem_list_append(list, comem_ref_dict(dict)));
    assert_ok(comem_list_append(list, comem_ref_dict(dict)));
    assert_ok(comem_dict_set(dict, comem_int(1), comem_ref(list)));
    struct bench *there = import_of(&bench->store);
    comem_list *back = export_root_list(&there->store, "list");
    assert_ok(comem_list_get(back, 0, &value));
    assert_ptr_equal(value.as.object, back);
    comem_value_clear(&value);
    comem_value twice[2];
    size_t read;
    assert_ok(comem_list_read(back, 1, 2, twice, &read));
    assert_ptr_equal(twice[0].as.object, twice[1].as.object);
    assert_ok(comem_dict_get(comem_value_dict(&twice[0]), comem_int(1), &value));
    assert_ptr_equal(value.as.object, back);
    comem_value_clear(&value);
    comem_value_clear(&twice[0]);
    comem_value_clear(&twice[1]);
    comem_list_release(back);
    comem_dict_release(dict);
    comem_list_release(list);
    export_forget_all(bench->map);
    export_end(there);
}

/* A variable would take other values than before, or have lost its own. */
static void variables_come_back_with_type_and_value(void **state)
{
    static const uint8_t most[] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0};
    struct bench *bench = *state;
    comem_list *list = export_root_list(&bench->store, "variables"), *other = support_list(&bench->store);
    comem_value big = text_of(COMEM_BIG_INT, (const char *)most, sizeof most),
                tuple = comem_items(COMEM_TUPLE, NULL, 0);
    comem_value unsigned_most, packed;
    assert_ok(comem_value_pack(&big, &unsigned_most));
    assert_ok(comem_value_pack(&tuple, &packed));
    const struct {
        char typecode;
        comem_value value;
    } cases[] = {
        {0, comem_none()},
        {0, comem_int(5)},
        {0, comem_str("a text that is far away", 23)},
        {0, packed},
        {'b', comem_int(-128)},
        {'B', comem_int(255)},
        {'h', comem_int(-32768)},
        {'Q', unsigned_most},
        {'q', comem_int(INT64_MIN)},
        {'f', comem_float(1.5)},
        {'d', comem_float(-0.0)},
        {'?', comem_bool(true)},
        {'c', comem_bytes("\0", 1)},
        {'u', comem_str("\xC3\xA9", 2)},
    };
    enum { CASES = sizeof cases / sizeof cases[0] };
    for (unsigned i = 0; i <= CASES; i++) {
        comem_variable *variable;
        assert_ok(comem_variable_new(&bench->store, i < CASES ? cases[i].typecode : 0,
                                     i < CASES ? cases[i].value : comem_ref(other), &variable));
        assert_ok(comem_list_append(list, comem_ref_variable(variable)));
        if (i == CASES) /* a ring through a variable */
            assert_ok(comem_list_append(other, comem_ref_variable(variable)));
        comem_variable_release(variable);
    }
    comem_list_release(other);
    struct bench *there = import_of(&bench->store);
    comem_list *back = export_root_list(&there->store, "variables");
    for (unsigned i = 0; i <= CASES; i++) {
        comem_value reference, value;
        char typecode;
        assert_ok(comem_list_get(back, i, &reference));
        assert_ok(comem_variable_typecode(comem_value_variable(&reference), &typecode));
        assert_ok(comem_variable_get(comem_value_variable(&reference), &value));
        assert_int_equal(typecode, i < CASES ? cases[i].typecode : 0);
        if (i < CASES)
            support_assert_value(&value, &cases[i].value);
        else
            assert_int_equal(support_len(comem_value_list(&value)), 1);
        comem_value_clear(&value);
        comem_value_clear(&reference);
    }
    comem_value_clear(&packed);
    comem_value_clear(&unsigned_most);
    comem_list_release(back);
    comem_list_release(list);
    export_forget_all(bench->map);
    export_end(there);
}

/* A list of a manager's would come back as one that shares all that is in it, or the other way round. */
static void flags_come_back(void **state)
{
    struct bench *bench = *state;
    comem_list *lists = export_root_list(&bench->store, "lists");
    for (uint32_t flags = 0; flags <= OBJECT_FLAGS; flags++) {
        comem_list *list;
        assert_ok(list_new_in(&bench->store, 7, flags, &list));
        assert_ok(comem_list_append(lists, comem_ref(list)));
        comem_list_release(list);
    }
    struct bench *there = import_of(&bench->store);
    comem_list *back = export_root_list(&there->store, "lists");
    for (uint32_t flags = 0; flags <= OBJECT_FLAGS; flags++) {
        comem_value value;
        assert_ok(comem_list_get(back, flags, &value));
        assert_int_equal(object_flags(value.as.object), flags);
        comem_value_clear(&value);
    }
    comem_list_release(back);
    comem_list_release(lists);
    export_end(there);
}

/* One object that was shut down would keep a store from being moved, or come to life again. */
static void what_was_shut_down_is_gone_again(void **state)
{
    struct bench *bench = *state;
    comem_list *outer = export_root_list(&bench->store, "outer"), *inner = support_list(&bench->store);
    size_t length;
    assert_ok(comem_list_append(inner, comem_int(1)));
    assert_ok(comem_list_append(outer, comem_ref(inner)));
    assert_ok(comem_list_append(outer, comem_int(2)));
    assert_ok(object_shutdown(&inner->object));
    struct bench *there = import_of(&bench->store);
    comem_list *back = export_root_list(&there->store, "outer");
    comem_value value;
    assert_int_equal(support_int(back, 1), 2);
    assert_ok(comem_list_get(back, 0, &value));
    assert_status(COMEM_GONE, comem_list_len(comem_value_list(&value), &length));
    comem_value_clear(&value);
    comem_list_release(back);
    comem_list_release(inner);
    comem_list_release(outer);
    export_end(there);
}

/* Names would be lost, or come in another order. */
static void roots_come_back_by_name_and_in_order(void **state)
{
    struct bench *bench = *state;
    const comem_value names[] = {comem_str("z", 1),
                                 comem_str("a name that is too long for a cell", 34),
                                 comem_str("\xED\xB2\x80", 3),
                                 comem_str("a", 1),
                                 comem_str("gone", 4),
                                 comem_str("b", 1)};
    enum { NAMES = sizeof names / sizeof names[0] };
    for (unsigned i = 0; i < NAMES; i++) {
        comem_list *list = support_list(&bench->store);
        comem_value reference = comem_ref(list);
        assert_ok(comem_list_append(list, comem_int(i == 5 ? 3 : i)));
        assert_ok(root_add(&bench->store, &names[i], &reference, NULL));
        comem_list_release(list);
    }
    assert_ok(root_remove(&bench->store, &names[4]));
    struct bench *there = import_of(&bench->store);
    comem_value read[NAMES];
    size_t count;
    assert_ok(comem_roots(&there->store, read, NAMES, &count));
    assert_int_equal(count, NAMES - 1);
    for (unsigned i = 0; i < count; i++) {
        comem_value list;
        support_assert_value(&read[i], &names[i == 4 ? 5 : i]);
        assert_ok(root_get(&there->store, &read[i], &list));
        assert_int_equal(support_int(comem_value_list(&list), 0), i == 4 ? 3 : i);
        comem_value_clear(&list);
        comem_value_clear(&read[i]);
    }
    export_end(there);
}

static void a_store_without_roots_comes_back_without(void **state)
{
    struct bench *bench = *state;
    size_t count;
    struct bench *first = import_of(&bench->store);
    assert_ok(comem_roots(&first->store, NULL, 0, &count));
    assert_int_equal(count, 0);
    export_end(first);
    comem_list_release(export_root_list(&bench->store, "gone"));
    assert_ok(comem_root_remove(&bench->store, "gone"));
    struct bench *second = import_of(&bench->store);
    assert_ok(comem_roots(&second->store, NULL, 0, &count));
    assert_int_equal(count, 0);
    export_end(second);
}

/* What goes into a chain link by link on the stack would end the process. */
static void a_chain_of_a_million_lists_comes_back(void **state)
{
    (void)state;
    const int64_t links = support_sanitized() ? 100000 : 1000000;
    struct bench *bench = support_begin(2048 * MIB);
    comem_list *list = export_root_list(&bench->store, "chain");
    for (int64_t i = 0; i < links; i++) {
        comem_list *next = support_list(&bench->store);
        assert_ok(comem_list_append(list, comem_ref(next)));
        comem_list_release(list);
        list = next;
    }
    assert_ok(comem_list_append(list, comem_int(links)));
    comem_list_release(list);
    struct bench *there = import_of(&bench->store);
    list = export_root_list(&there->store, "chain");
    for (int64_t i = 0; i < links; i++) {
        comem_value next;
        assert_ok(comem_list_get(list, 0, &next));
        comem_list_release(list);
        list = comem_value_list(&next);
        assert_non_null(list);
    }
    assert_int_equal(support_int(list, 0), links);
    comem_list_release(list);
    assert_int_equal(support_end(there), 0);
    assert_int_equal(support_end(bench), 0);
}

/* ---- graphs ---- */

#define OBJECTS 2000u

static comem_value random_value(struct dice *dice, comem_value *objects)
{
    switch (dice_roll(dice, 6)) {
    case 0:
        return comem_int((int64_t)dice_roll(dice, UINT64_MAX));
    case 1:
        return comem_str("a text that is longer than a cell, or not", dice_roll(dice, 41));
    case 2:
        return comem_none();
    default:
        return objects[dice_roll(dice, OBJECTS)];
    }
}

static void fill_at_random(struct dice *dice, comem_value *object, comem_value *objects)
{
    for (uint64_t i = dice_roll(dice, 8); i > 0; i--) {
        comem_value value = random_value(dice, objects), packed = comem_none();
        if (dice_roll(dice, 4) == 0) {
            const comem_value items[] = {value, random_value(dice, objects), comem_bool(true)};
            comem_value tree = comem_items(COMEM_LIST, items, 3);
            assert_ok(comem_value_pack(&tree, &packed));
            value = packed;
        }
        if (comem_value_list(object) != NULL)
            assert_ok(comem_list_append(comem_value_list(object), value));
        else
            assert_ok(comem_dict_set(comem_value_dict(object), comem_int((int64_t)dice_roll(dice, 100)), value));
        comem_value_clear(&packed);
    }
}

/* Rooms, numbers or batches would be right for a few objects and wrong for many. */
static void random_graphs_come_back(void **state)
{
    struct bench *bench = *state;
    struct dice dice = {20};
    comem_value *objects = calloc(OBJECTS, sizeof *objects);
    assert_non_null(objects);
    for (unsigned i = 0; i < OBJECTS; i++)
        objects[i] = dice_roll(&dice, 2) == 0 ? comem_ref(support_list(&bench->store))
                                              : comem_ref_dict(support_dict(&bench->store));
    for (unsigned i = 0; i < OBJECTS; i++)
        fill_at_random(&dice, &objects[i], objects);
    for (unsigned i = 0; i < 10; i++) {
        char name[2] = {(char)('a' + i), 0};
        assert_ok(comem_root_add(&bench->store, name, objects[i * 17], NULL));
    }
    for (unsigned i = 0; i < OBJECTS; i++) {
        objects[i].owned = 1;
        comem_value_clear(&objects[i]);
    }
    free(objects);
    struct bench *there = import_of(&bench->store);
    assert_true(support_used(there->map) > OBJECTS / 2 * HEAP_OBJECT_SIZE);
    export_forget_all(bench->map);
    export_end(there);
}

/* ---- a store in use ---- */

struct writer_job {
    comem_list *list;
    comem_dict *dict;
    _Atomic int *stop;
};

/* Both of a pair are there, or none. */
static int write_pairs(void *argument)
{
    struct writer_job *job = argument;
    for (int64_t i = 0; *job->stop == 0; i++) {
        const comem_value twice[] = {comem_int(i), comem_int(i)};
        const comem_pair pairs[] = {{comem_int(i % 50), comem_int(i)}, {comem_int(i % 50 + 50), comem_int(i)}};
        child_check(comem_list_extend(job->list, twice, 2) == COMEM_OK);
        child_check(comem_dict_update(job->dict, pairs, 2) == COMEM_OK);
        if (i % 100 == 99)
            child_check(comem_list_clear(job->list) == COMEM_OK);
    }
    return 0;
}

/* An object would be torn: half of it before a change of another process, half after it. */
static void each_object_is_exported_as_it_is_at_one_moment(void **state)
{
    struct bench *bench = *state;
    struct writer_job job = {export_root_list(&bench->store, "list"), export_root_dict(&bench->store, "dict"),
                             support_shared(sizeof(int))};
    struct bench *there = support_begin(16 * MIB);
    pid_t writer = support_fork(write_pairs, &job);
    for (unsigned round = 0; round < 50; round++) {
        struct bytes bytes = export_of(&bench->store);
        assert_ok(import_from(&there->store, bytes.data, bytes.size));
        comem_list *list = export_root_list(&there->store, "list");
        comem_dict *dict = export_root_dict(&there->store, "dict");
        assert_int_equal(support_len(list) % 2, 0);
        for (size_t i = 0; i < support_len(list); i += 2)
            assert_int_equal(support_int(list, (int64_t)i), support_int(list, (int64_t)i + 1));
        for (int64_t i = 0; i < (int64_t)support_dict_len(dict) / 2; i++)
            assert_int_equal(support_dict_int(dict, comem_int(i)), support_dict_int(dict, comem_int(i + 50)));
        comem_list_release(list);
        comem_dict_release(dict);
        export_forget_all(there->map);
        free(bytes.data);
    }
    *job.stop = 1;
    assert_int_equal(support_wait(writer), 0);
    comem_list_release(job.list);
    comem_dict_release(job.dict);
    export_end(there);
}

/* The bytes of the example on the page. Returns how many. */
static size_t example_on_page(uint8_t *bytes, size_t room)
{
    const char *name = getenv("COMEM_EXPORT_PAGE");
    FILE *page = name == NULL ? NULL : fopen(name, "rb");
    char line[200];
    bool example = false;
    size_t count = 0;
    assert_non_null(page);
    while (fgets(line, sizeof line, page) != NULL) {
        unsigned byte;
        int used;
        example = line[0] == '#' ? strcmp(line, "### An example\n") == 0 : example;
        if (!example || strncmp(line, "    ", 4) != 0)
            continue;
        for (const char *at = line; sscanf(at, " %2x%n", &byte, &used) == 1; at += used) {
            if (at[used - 2] == ' ' || strchr(" \n", at[used]) == NULL)
                break; /* a number of the words beside them */
            assert_true(count < room);
            bytes[count++] = (uint8_t)byte;
        }
    }
    fclose(page);
    return count;
}

/* Who reads or writes exports by the page would be misled. */
static void an_export_looks_as_on_the_page(void **state)
{
    struct bench *bench = *state;
    comem_list *list;
    assert_ok(list_new_in(&bench->store, 0, OBJECT_DEEP, &list));
    const comem_value two = comem_int(2);
    comem_value tuple = comem_items(COMEM_TUPLE, &two, 1), packed, reference = comem_ref(list);
    assert_ok(comem_value_pack(&tuple, &packed));
    assert_ok(comem_list_append(list, comem_str("one", 3)));
    assert_ok(comem_list_append(list, packed));
    assert_ok(comem_list_append(list, reference));
    assert_ok(comem_root_add(&bench->store, "words", reference, NULL));
    comem_value_clear(&packed);
    comem_list_release(list);
    uint8_t shown[200];
    struct bytes bytes = export_of(&bench->store);
    size_t count = example_on_page(shown, sizeof shown);
    for (size_t i = 0; count != bytes.size || memcmp(shown, bytes.data, count) != 0; i++) {
        if (i == bytes.size)
            fail_msg("the page shows %zu bytes, the export has %zu, which are those above", count, bytes.size);
        print_message("%02x ", (uint8_t)bytes.data[i]);
    }
    free(bytes.data);
    export_forget_all(bench->map);
}

/* A file system that is full would leave half a file and say nothing. */
static void a_stream_that_takes_not_all_is_an_error(void **state)
{
    struct bench *bench = *state;
    FILE *full = fopen("/dev/full", "wb");
    assert_non_null(full);
    comem_list_release(export_root_list(&bench->store, "list"));
    assert_status(COMEM_SYSTEM, export_write(&bench->store, full));
    assert_non_null(strstr(comem_detail(), strerror(ENOSPC)));
    fclose(full);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(every_number_comes_back_with_all_its_bits),
        WITH_STORE(texts_of_every_length_come_back),
        WITH_STORE(references_within_values_come_back),
        WITH_STORE(keys_of_every_kind_come_back_in_order_and_as_given),
        WITH_STORE(large_dicts_come_back_in_order),
        WITH_STORE(rings_come_back_as_rings),
        WITH_STORE(variables_come_back_with_type_and_value),
        WITH_STORE(flags_come_back),
        WITH_STORE(what_was_shut_down_is_gone_again),
        WITH_STORE(roots_come_back_by_name_and_in_order),
        WITH_STORE(a_store_without_roots_comes_back_without),
        ALONE(a_chain_of_a_million_lists_comes_back),
        WITH_STORE(random_graphs_come_back),
        WITH_STORE(each_object_is_exported_as_it_is_at_one_moment),
        WITH_STORE(an_export_looks_as_on_the_page),
        WITH_STORE(a_stream_that_takes_not_all_is_an_error),
    };
    support_choose(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
