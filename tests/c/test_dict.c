/* test_dict.c - dicts: each operation on one key, its errors, order, reading and clearing
 *
 * Which keys are equal is in test_dict_keys.c, what takes many keys or depends on a value in test_dict_change.c, references, a
 * second mapping, damage and the end in test_dict_life.c.
 */
#include "objects/dict.h"
#include "support.h"

#include <stdio.h>

#ifdef COMEM_SMALL_GEOMETRY
#define MANY 3000
#else
#define MANY 20000
#endif

static const char long_text[] = "a text of more than thirteen bytes";

static comem_value text(const char *string)
{
    return support_text(string);
}

/* A dict of the keys 0 to `count` - 1, each with its negative. */
static comem_dict *numbers(struct bench *bench, int count)
{
    comem_dict *dict = support_dict(&bench->store);
    for (int i = 0; i < count; i++)
        assert_ok(comem_dict_set(dict, comem_int(i), comem_int(-i)));
    return dict;
}

/* The keys as they stand, all ints. */
static void assert_keys(comem_dict *dict, const int *keys, size_t count)
{
    comem_value read[100];
    size_t there = 0;
    assert_true(count <= 100);
    assert_ok(comem_dict_read(dict, read, NULL, 100, &there));
    assert_int_equal(there, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(read[i].kind, COMEM_INT);
        assert_int_equal(read[i].as.integer, keys[i]);
    }
}

/* ---- what a dict is ---- */

/* A new dict would not be empty, or a call would find something in it. */
static void a_new_dict_is_empty(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store), *copy;
    comem_value key, value = comem_int(7);
    size_t count = 7;
    bool flag = true;
    assert_int_equal(support_dict_len(dict), 0);
    assert_status(COMEM_NOT_FOUND, comem_dict_get(dict, text("one"), &value));
    assert_int_equal(value.kind, COMEM_NONE);
    assert_ok(comem_dict_contains(dict, text("one"), &flag));
    assert_false(flag);
    assert_status(COMEM_NOT_FOUND, comem_dict_pop(dict, text("one"), &value));
    assert_status(COMEM_NOT_FOUND, comem_dict_pop(dict, text("one"), NULL));
    assert_status(COMEM_NOT_FOUND, comem_dict_popitem(dict, &key, &value));
    assert_int_equal(key.kind, COMEM_NONE);
    assert_int_equal(value.kind, COMEM_NONE);
    assert_status(COMEM_NOT_FOUND, comem_dict_popitem(dict, NULL, NULL));
    assert_ok(comem_dict_read(dict, &key, &value, 1, &count));
    assert_int_equal(count, 0);
    assert_ok(comem_dict_read(dict, NULL, NULL, 0, &count));
    assert_int_equal(count, 0);
    assert_ok(comem_dict_clear(dict));
    assert_ok(comem_dict_update(dict, NULL, 0));
    assert_ok(comem_dict_update_from(dict, dict));
    assert_ok(comem_dict_copy(dict, &copy));
    assert_int_equal(support_dict_len(copy), 0);
    assert_ok(comem_dict_equal(dict, copy, &flag));
    assert_true(flag);
    comem_dict_release(copy);
    comem_dict_release(dict);
    assert_int_equal(support_used(bench->map), 0);
}

/* A kind would be changed on its way in or out. */
static void values_of_every_kind_come_back_as_they_went_in(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store), *other = support_dict(&bench->store);
    comem_list *list = support_list(&bench->store);
    static char large[100000];
    memset(large, 'x', sizeof large);
    comem_value two[2] = {comem_int(1), text(long_text)}, tuple = comem_items(COMEM_TUPLE, two, 2), packed;
    assert_ok(comem_value_pack(&tuple, &packed));
    const comem_value values[] = {
        comem_none(),
        comem_bool(true),
        comem_bool(false),
        comem_int(0),
        comem_int(INT64_MIN),
        comem_int(INT64_MAX),
        comem_float(-0.0),
        comem_float(1e308),
        comem_str("", 0),
        comem_str(NULL, 0),
        text("one"),
        text(long_text),
        comem_str(large, 13),
        comem_str(large, 14),
        comem_bytes(large, 13),
        comem_bytes("", 0),
        comem_bytes(large, 14),
        comem_bytes(large, 100000),
        comem_ref(list),
        comem_str(large, 99999),
        text("\xC3\xA4\xE2\x82\xAC"),
        comem_ref_dict(dict),
        comem_ref_dict(other),
        packed,
    };
    const size_t count = sizeof values / sizeof *values;
    comem_pair pairs[sizeof values / sizeof *values];
    for (size_t i = 0; i < count; i++) {
        pairs[i].key = comem_int((int64_t)i);
        pairs[i].value = values[i];
        assert_ok(comem_dict_set(dict, pairs[i].key, values[i]));
    }
    support_assert_dict(dict, pairs, count);
    for (size_t i = 0; i < count; i++) {
        pairs[i].value = values[(i + 5) % count];
        assert_ok(comem_dict_set(dict, pairs[i].key, pairs[i].value));
    }
    support_assert_dict(dict, pairs, count);
    for (size_t i = 0; i < count; i++) {
        comem_value value;
        assert_ok(comem_dict_pop(dict, pairs[i].key, &value));
        support_assert_value(&value, &pairs[i].value);
        comem_value_clear(&value);
        comem_value_clear(&value);
    }
    comem_value_clear(&packed);
    comem_dict_release(dict);
    comem_dict_release(other);
    comem_list_release(list);
    assert_int_equal(support_used(bench->map), 0);
}

/* A key that is stored would not be found, or another one's value would come back, as a dict grows and shrinks. */
static void every_key_keeps_its_value_while_others_come_and_go(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    bool found = true;
    for (int i = 0; i < MANY; i++) {
        assert_ok(comem_dict_set(dict, comem_int(i), comem_int(-i)));
        assert_int_equal(support_dict_len(dict), i + 1);
        for (int k = 0; k <= i; k += 1 + i / 8)
            assert_int_equal(support_dict_int(dict, comem_int(k)), -k);
    }
    for (int i = 0; i < MANY; i++)
        assert_int_equal(support_dict_int(dict, comem_int(i)), -i);
    assert_int_equal(support_problems(bench->map), 0);
    for (int i = 0; i < MANY; i++) { /* in an order that goes all over it: 7919 is prime */
        int key = (int)((int64_t)i * 7919 % MANY);
        comem_value value;
        assert_ok(comem_dict_pop(dict, comem_int(key), &value));
        assert_int_equal(value.as.integer, -key);
        assert_ok(comem_dict_contains(dict, comem_int(key), &found));
        assert_false(found);
        for (int k = i + 1; k < MANY; k += 1 + (MANY - i) / 8)
            assert_int_equal(support_dict_int(dict, comem_int((int)((int64_t)k * 7919 % MANY))),
                             -((int64_t)k * 7919 % MANY));
    }
    assert_int_equal(support_dict_len(dict), 0);
    comem_dict_release(dict);
    assert_int_equal(support_used(bench->map), 0);
}

/* ---- order ---- */

/* A key would lose its place when it is set again, or keep it when it comes back. */
static void order_is_that_of_insertion(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    static const int added[] = {5, 3, 9, 1, 7};
    for (unsigned i = 0; i < 5; i++)
        assert_ok(comem_dict_set(dict, comem_int(added[i]), comem_int(0)));
    assert_keys(dict, added, 5);
    assert_ok(comem_dict_set(dict, comem_int(3), text(long_text)));
    assert_ok(comem_dict_add(dict, comem_int(9), comem_int(4), NULL));
    assert_keys(dict, added, 5);
    assert_ok(comem_dict_pop(dict, comem_int(3), NULL));
    assert_keys(dict, (const int[]){5, 9, 1, 7}, 4);
    assert_ok(comem_dict_set(dict, comem_int(3), comem_int(0)));
    assert_keys(dict, (const int[]){5, 9, 1, 7, 3}, 5);
    assert_ok(comem_dict_pop(dict, comem_int(5), NULL));
    assert_ok(comem_dict_setdefault(dict, comem_int(5), comem_int(0), NULL));
    assert_keys(dict, (const int[]){9, 1, 7, 3, 5}, 5);
    assert_ok(comem_dict_popitem(dict, NULL, NULL));
    assert_ok(comem_dict_set(dict, comem_int(6), comem_int(0)));
    assert_keys(dict, (const int[]){9, 1, 7, 3, 6}, 5);
}

/* Order would be lost where a dict grows, or closes the gaps that deleted keys leave. */
static void order_outlives_growth_and_gaps(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    comem_value *keys = calloc(MANY, sizeof *keys), *values = calloc(MANY, sizeof *values);
    assert_true(keys != NULL && values != NULL);
    size_t count;
    for (int i = 0; i < MANY; i++)
        assert_ok(comem_dict_set(dict, comem_int(i ^ 5), comem_int(i)));
    for (int step = 2; step < MANY; step *= 3) {
        assert_ok(comem_dict_read(dict, keys, values, MANY, &count));
        size_t left = count;
        for (size_t i = 0; i < count; i++)
            if (i % (size_t)step != 0) {
                assert_ok(comem_dict_pop(dict, keys[i], NULL));
                left--;
            }
        for (int i = 0; i < 10; i++) /* deleted long ago, or there */
            assert_ok(comem_dict_setdefault(dict, comem_int((i * 37 + 1) ^ 5), comem_int(MANY + step * 10 + i), NULL));
        assert_ok(comem_dict_read(dict, keys, values, MANY, &count));
        assert_true(count >= left && count <= left + 10);
        for (size_t i = 1; i < count; i++)
            assert_true(values[i].as.integer > values[i - 1].as.integer);
    }
    assert_int_equal(support_problems(bench->map), 0);
    free(keys);
    free(values);
}

/* popitem() would give another key than the last, or the value of another one. */
static void popitem_takes_the_last_key_first(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = numbers(bench, 1000);
    comem_value key, value;
    for (int i = 0; i < 1000; i += 3) /* gaps, also at the end */
        assert_ok(comem_dict_pop(dict, comem_int(i), NULL));
    assert_ok(comem_dict_set(dict, text(long_text), text(long_text)));
    assert_ok(comem_dict_popitem(dict, &key, &value));
    support_assert_value(&key, &(comem_value){.as.data = long_text, .size = strlen(long_text), .kind = COMEM_STR});
    support_assert_value(&value, &(comem_value){.as.data = long_text, .size = strlen(long_text), .kind = COMEM_STR});
    comem_value_clear(&key);
    comem_value_clear(&value);
    for (int i = 1000; i-- > 0;) {
        if (i % 3 == 0)
            continue;
        if (i % 5 == 0) {
            assert_ok(comem_dict_popitem(dict, NULL, i % 2 ? &value : NULL));
        } else {
            assert_ok(comem_dict_popitem(dict, &key, i % 2 ? &value : NULL));
            assert_int_equal(key.as.integer, i);
        }
        if (i % 2)
            assert_int_equal(value.as.integer, -i);
    }
    assert_int_equal(support_dict_len(dict), 0);
    assert_status(COMEM_NOT_FOUND, comem_dict_popitem(dict, &key, &value));
    comem_dict_release(dict);
    assert_int_equal(support_used(bench->map), 0);
}

/* ---- operations ---- */

/* set() would double a key, or leave its old value behind. */
static void a_key_set_again_has_the_new_value_only(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    assert_ok(comem_dict_set(dict, text("key"), comem_int(1)));
    uint64_t used = support_used(bench->map);
    for (int i = 0; i < 1000; i++) {
        assert_ok(comem_dict_set(dict, text("key"), i % 2 ? comem_int(i) : text(long_text)));
        assert_int_equal(support_dict_len(dict), 1);
    }
    assert_int_equal(support_dict_int(dict, text("key")), 999);
    assert_int_equal(support_used(bench->map), used);
}

/* setdefault() would replace a value that is there, or not store one that is not. */
static void setdefault_stores_only_where_nothing_is(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    comem_list *list = support_list(&bench->store);
    comem_value result;
    const comem_value first[] = {comem_int(1), text(long_text), comem_ref(list), comem_none()};
    for (int i = 0; i < 4; i++) {
        assert_ok(comem_dict_setdefault(dict, comem_int(i), first[i], &result));
        support_assert_value(&result, &first[i]);
        comem_value_clear(&result);
    }
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 4; k++) {
            assert_ok(comem_dict_setdefault(dict, comem_int(i), first[k], k % 2 ? NULL : &result));
            if (k % 2)
                continue;
            support_assert_value(&result, &first[i]);
            comem_value_clear(&result);
        }
    support_used(bench->map);
    assert_int_equal(word_load(&list->object.shared->links), 1);
    assert_ok(comem_dict_setdefault(dict, text(long_text), text("x"), NULL));
    assert_int_equal(support_dict_len(dict), 5);
    comem_dict_release(dict);
    comem_list_release(list);
    assert_int_equal(support_used(bench->map), 0);
}

/* pop() would leave the key, or take another one. */
static void pop_takes_its_key_and_no_other(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = numbers(bench, 10);
    comem_value value = comem_int(99);
    assert_ok(comem_dict_pop(dict, comem_int(4), &value));
    assert_int_equal(value.as.integer, -4);
    assert_status(COMEM_NOT_FOUND, comem_dict_pop(dict, comem_int(4), &value));
    assert_int_equal(value.kind, COMEM_NONE);
    assert_status(COMEM_NOT_FOUND, comem_dict_get(dict, comem_int(4), &value));
    assert_ok(comem_dict_pop(dict, comem_int(0), NULL));
    assert_ok(comem_dict_pop(dict, comem_int(9), NULL));
    assert_keys(dict, (const int[]){1, 2, 3, 5, 6, 7, 8}, 7);
}

/* ---- reading ---- */

/* A dict that does not fit would be copied beyond the caller's room, or its size not be told. */
static void a_dict_beyond_the_room_is_counted_only(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = numbers(bench, 3);
    comem_value keys[3], values[3];
    size_t count;
    assert_ok(comem_dict_set(dict, comem_int(1), text(long_text)));
    for (size_t room = 0; room < 3; room++) {
        for (unsigned i = 0; i < 3; i++)
            keys[i] = values[i] = comem_int(77);
        count = 0;
        assert_ok(comem_dict_read(dict, keys, values, room, &count));
        assert_int_equal(count, 3);
        for (unsigned i = 0; i < 3; i++) { /* nothing to clear */
            assert_true(keys[i].kind == COMEM_NONE || keys[i].as.integer == 77);
            assert_true(values[i].kind == COMEM_NONE || values[i].as.integer == 77);
        }
    }
    assert_ok(comem_dict_read(dict, NULL, NULL, 0, &count));
    assert_int_equal(count, 3);
    assert_ok(comem_dict_read(dict, keys, NULL, 3, &count));
    assert_int_equal(keys[2].as.integer, 2);
    assert_ok(comem_dict_read(dict, NULL, values, SIZE_MAX, &count));
    assert_int_equal(count, 3);
    assert_int_equal(values[2].as.integer, -2);
    comem_value_clear(&values[1]);
}

/* A short text would be cut, be mixed up with another one, or be freed by who reads; a long one would be lost. */
static void short_texts_are_lent_and_all_else_is_owned(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    static const char *const short_texts[] = {"", "a", "of 13 letters", "\xC3\xA9"};
    comem_value keys[6], values[6];
    char texts[2 * 6 * CELL_NEAR_ROOM];
    size_t count;
    for (int i = 0; i < 4; i++)
        assert_ok(comem_dict_set(dict, text(short_texts[i]), text(short_texts[3 - i])));
    assert_ok(comem_dict_set(dict, text("of 14 letters."), comem_int(1)));
    for (unsigned part = 0; part < 3; part++) { /* both, keys, values */
        comem_value *to_keys = part == 2 ? NULL : keys, *to_values = part == 1 ? NULL : values;
        assert_ok(dict_read_lent(dict, to_keys, to_values, texts, 6, &count));
        assert_int_equal(count, 5);
        for (int i = 0; i < 4; i++) {
            if (to_keys != NULL)
                assert_string_equal(keys[i].as.data, short_texts[i]);
            if (to_values != NULL)
                assert_string_equal(values[i].as.data, short_texts[3 - i]);
            assert_true((to_keys == NULL || keys[i].owned == 0) && (to_values == NULL || values[i].owned == 0));
        }
        assert_true(to_keys == NULL || keys[4].owned != 0);
        if (to_keys != NULL)
            comem_value_clear(&keys[4]);
    }
}

/* clear() would leave keys behind, break the dict for what comes next, or never free what there was. */
static void a_cleared_dict_is_empty_and_good_for_more(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    uint64_t used = support_used(bench->map);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 1000; i++)
            assert_ok(comem_dict_set(dict, comem_int(i), i % 3 ? comem_int(i) : text(long_text)));
        assert_ok(comem_dict_clear(dict));
        assert_int_equal(support_dict_len(dict), 0);
        bool found = true;
        assert_ok(comem_dict_contains(dict, comem_int(1), &found));
        assert_false(found);
        assert_int_equal(support_used(bench->map), used);
        assert_int_equal(support_problems(bench->map), 0);
    }
    assert_ok(comem_dict_set(dict, comem_int(1), comem_int(2)));
    assert_int_equal(support_dict_int(dict, comem_int(1)), 2);
}

/* ---- errors ---- */

static bool never(void *context, const comem_value *value, comem_value *next)
{
    (void)value;
    (void)next;
    ++*(int *)context;
    return false;
}

/* A missing argument would crash its caller. */
static void missing_arguments_are_invalid(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = numbers(bench, 3), *made = dict;
    comem_pair pair = {comem_int(1), comem_int(2)};
    comem_value key = comem_int(1), value = comem_int(1);
    size_t count;
    bool flag;
    int calls = 0;
    assert_status(COMEM_INVALID, comem_dict_new(NULL, &made));
    assert_null(made);
    assert_status(COMEM_INVALID, comem_dict_new(&bench->store, NULL));
    comem_dict_release(NULL);
    assert_status(COMEM_INVALID, comem_dict_len(NULL, &count));
    assert_status(COMEM_INVALID, comem_dict_len(dict, NULL));
    assert_status(COMEM_INVALID, comem_dict_get(NULL, key, &value));
    assert_int_equal(value.kind, COMEM_NONE);
    assert_status(COMEM_INVALID, comem_dict_get(dict, key, NULL));
    assert_status(COMEM_INVALID, comem_dict_contains(NULL, key, &flag));
    assert_status(COMEM_INVALID, comem_dict_contains(dict, key, NULL));
    assert_status(COMEM_INVALID, comem_dict_set(NULL, key, key));
    assert_status(COMEM_INVALID, comem_dict_setdefault(NULL, key, key, &value));
    assert_status(COMEM_INVALID, comem_dict_pop(NULL, key, &value));
    assert_status(COMEM_INVALID, comem_dict_popitem(NULL, &key, &value));
    key = comem_int(1);
    assert_status(COMEM_INVALID, comem_dict_clear(NULL));
    assert_status(COMEM_INVALID, comem_dict_read(NULL, &value, &value, 1, &count));
    assert_status(COMEM_INVALID, comem_dict_read(dict, &value, &value, 1, NULL));
    assert_status(COMEM_INVALID, comem_dict_update(NULL, &pair, 1));
    assert_status(COMEM_INVALID, comem_dict_update(dict, NULL, 1));
    assert_status(COMEM_INVALID, comem_dict_update_from(NULL, dict));
    assert_status(COMEM_INVALID, comem_dict_update_from(dict, NULL));
    made = dict;
    assert_status(COMEM_INVALID, comem_dict_copy(NULL, &made));
    assert_null(made);
    assert_status(COMEM_INVALID, comem_dict_copy(dict, NULL));
    assert_status(COMEM_INVALID, comem_dict_merge(NULL, dict, &made));
    assert_status(COMEM_INVALID, comem_dict_merge(dict, NULL, &made));
    assert_status(COMEM_INVALID, comem_dict_merge(dict, dict, NULL));
    assert_status(COMEM_INVALID, comem_dict_equal(NULL, dict, &flag));
    assert_status(COMEM_INVALID, comem_dict_equal(dict, NULL, &flag));
    assert_status(COMEM_INVALID, comem_dict_equal(dict, dict, NULL));
    assert_status(COMEM_INVALID, comem_dict_add(NULL, key, comem_int(1), &value));
    assert_status(COMEM_INVALID, comem_dict_cas(NULL, key, comem_int(-1), comem_int(1), &flag));
    assert_status(COMEM_INVALID, comem_dict_cas(dict, key, comem_int(-1), comem_int(1), NULL));
    assert_status(COMEM_INVALID, comem_dict_update_if(NULL, key, never, &calls));
    assert_status(COMEM_INVALID, comem_dict_update_if(dict, key, NULL, &calls));
    assert_status(COMEM_INVALID, comem_dict_print(NULL, stdout));
    assert_status(COMEM_INVALID, comem_dict_print(dict, NULL));
    assert_int_equal(calls, 0);
    assert_keys(dict, (const int[]){0, 1, 2}, 3);
    assert_int_equal(support_dict_int(dict, comem_int(1)), -1);
}

static bool make_given(void *context, const comem_value *value, comem_value *next)
{
    (void)value;
    *next = *(const comem_value *)context;
    return true;
}

/* A refused value would leave something behind, or a part of the change. */
static void bad_values_are_refused_and_leave_nothing(void **state)
{
    struct bench *bench = *state, *other = support_begin(8 * MIB);
    comem_dict *dict = support_dict(&bench->store), *foreign = support_dict(&other->store), *made;
    comem_value no_kind = comem_int(1), null_data = comem_str(NULL, 5), null_ref = comem_ref(NULL), result;
    no_kind.kind = 77;
    const struct {
        comem_value value;
        comem_status status;
    } cases[] = {{no_kind, COMEM_TYPE},
                 {null_data, COMEM_INVALID},
                 {null_ref, COMEM_INVALID},
                 {comem_missing(), COMEM_TYPE},
                 {comem_items(COMEM_LIST, NULL, 0), COMEM_TYPE},
                 {comem_str("\xFF", 1), COMEM_INVALID},
                 {comem_str("long enough to be far \xC0\x80", 24), COMEM_INVALID},
                 {comem_ref_dict(foreign), COMEM_INVALID}};
    uint64_t used = support_used(bench->map);
    for (int i = 0; i < 3; i++)
        assert_ok(comem_dict_set(dict, comem_int(i), comem_int(-i)));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const comem_value bad = cases[i].value;
        const comem_pair pairs[] = {
            {comem_int(1), text(long_text)}, {comem_int(5), bad}, {text(long_text), comem_none()}};
        bool swapped = true;
        assert_status(cases[i].status, comem_dict_set(dict, comem_int(1), bad));
        assert_status(cases[i].status, comem_dict_set(dict, comem_int(7), bad));
        assert_status(cases[i].status, comem_dict_set(dict, text(long_text), bad));
        assert_status(cases[i].status, comem_dict_setdefault(dict, comem_int(7), bad, &result));
        assert_int_equal(result.kind, COMEM_NONE);
        assert_status(cases[i].status, comem_dict_update(dict, pairs, 3));
        if (bad.kind == COMEM_MISSING)
            continue;
        assert_status(cases[i].status, comem_dict_cas(dict, comem_int(1), comem_int(-1), bad, &swapped));
        assert_status(cases[i].status, comem_dict_update_if(dict, comem_int(1), make_given, (void *)(uintptr_t)&bad));
    }
    assert_ok(comem_dict_set(foreign, comem_int(1), comem_ref_dict(foreign)));
    assert_status(COMEM_INVALID, comem_dict_update_from(dict, foreign));
    assert_true(comem_dict_merge(dict, foreign, &made) != COMEM_OK); /* a reference must not cross */
    assert_null(made);
    assert_keys(dict, (const int[]){0, 1, 2}, 3);
    assert_int_equal(support_dict_int(dict, comem_int(1)), -1);
    assert_ok(comem_dict_clear(dict)); /* with it goes room that was made for what was refused */
    assert_int_equal(support_used(bench->map), used);
    assert_ok(comem_dict_clear(foreign));
    assert_int_equal(support_end(other), 0);
    comem_dict_release(dict); /* the thread has left this store, too: the handle is stale by now */
}

int main(int argc, char **argv)
{
    support_choose(argc, argv);
    const struct CMUnitTest tests[] = {
        WITH_STORE(a_new_dict_is_empty),
        WITH_STORE(values_of_every_kind_come_back_as_they_went_in),
        WITH_STORE(every_key_keeps_its_value_while_others_come_and_go),
        WITH_STORE(order_is_that_of_insertion),
        WITH_STORE(order_outlives_growth_and_gaps),
        WITH_STORE(popitem_takes_the_last_key_first),
        WITH_STORE(a_key_set_again_has_the_new_value_only),
        WITH_STORE(setdefault_stores_only_where_nothing_is),
        WITH_STORE(pop_takes_its_key_and_no_other),
        WITH_STORE(a_dict_beyond_the_room_is_counted_only),
        WITH_STORE(short_texts_are_lent_and_all_else_is_owned),
        WITH_STORE(a_cleared_dict_is_empty_and_good_for_more),
        WITH_STORE(missing_arguments_are_invalid),
        WITH_STORE(bad_values_are_refused_and_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
