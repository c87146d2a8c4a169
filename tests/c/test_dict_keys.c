/* test_dict_keys.c - which keys are equal, which are none, and what a key's bytes may be */
#include "support.h"

#include <math.h>
#include <stdio.h>

static const char long_text[] = "a text of more than thirteen bytes";

static comem_value text(const char *string)
{
    return support_text(string);
}

static comem_value packed(comem_value value)
{
    comem_value made;
    assert_ok(comem_value_pack(&value, &made));
    assert_int_equal(made.kind, COMEM_PACKED);
    return made;
}

static comem_value packed_items(comem_kind kind, const comem_value *items, size_t count)
{
    return packed(comem_items(kind, items, count));
}

static double from_bits(uint64_t bits)
{
    double real;
    memcpy(&real, &bits, sizeof real);
    return real;
}

/* Stores `one`; all of `same` must find it, change it and take it out. */
static void must_be_one_key(comem_dict *dict, comem_value one, const comem_value *same, size_t count)
{
    size_t length = support_dict_len(dict), there;
    assert_ok(comem_dict_set(dict, one, comem_int(-1)));
    assert_int_equal(support_dict_len(dict), length + 1);
    for (size_t i = 0; i < count; i++) {
        assert_ok(comem_dict_set(dict, same[i], comem_int((int64_t)i)));
        assert_int_equal(support_dict_len(dict), length + 1);
        for (size_t k = 0; k < count; k++)
            assert_int_equal(support_dict_int(dict, same[k]), i);
        comem_value first; /* of an otherwise empty dict */
        if (length == 0) {
            assert_ok(comem_dict_read(dict, &first, NULL, 1, &there));
            support_assert_value(&first, &one);
            comem_value_clear(&first);
        }
    }
    for (size_t i = 0; i < count; i++) {
        assert_ok(comem_dict_pop(dict, same[i], NULL));
        assert_int_equal(support_dict_len(dict), length);
        assert_ok(comem_dict_set(dict, one, comem_int(-1)));
    }
    assert_ok(comem_dict_pop(dict, one, NULL));
}

/* ---- equal keys ---- */

/* A number would be another key when it comes as a float or a bool; or keys() would change with the last one set. */
static void equal_numbers_are_one_key_and_the_first_stays(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    const comem_value ones[] = {comem_int(1), comem_float(1.0), comem_bool(true)};
    const comem_value zeros[] = {comem_int(0), comem_float(0.0), comem_float(-0.0), comem_bool(false)};
    const comem_value large[] = {comem_int(INT64_C(1) << 62), comem_float(0x1p62)};
    const comem_value least[] = {comem_int(INT64_MIN), comem_float(-0x1p63)};
    for (size_t i = 0; i < 3; i++)
        must_be_one_key(dict, ones[i], ones, 3);
    for (size_t i = 0; i < 4; i++)
        must_be_one_key(dict, zeros[i], zeros, 4);
    for (size_t i = 0; i < 2; i++) {
        must_be_one_key(dict, large[i], large, 2);
        must_be_one_key(dict, least[i], least, 2);
    }
    comem_dict_release(dict);
    assert_int_equal(support_used(bench->map), 0);
}

/* An int beyond 64 bits would not be found as the float that equals it. */
static void an_int_beyond_64_bits_equals_its_float(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    char bytes[10] = {0, 0, 0, 0, 0, 0, 0, 0, 64, 0}, above[10] = {1, 0, 0, 0, 0, 0, 0, 0, 64, 0};
    comem_value big = comem_none();
    big.kind = COMEM_BIG_INT;
    big.as.data = bytes; /* 2 to the power of 70 */
    big.size = sizeof bytes;
    comem_value one = packed(big);
    big.as.data = above;
    comem_value next = packed(big);
    const comem_value same[] = {one, comem_float(0x1p70)};
    bool found = true;
    for (size_t i = 0; i < 2; i++)
        must_be_one_key(dict, same[i], same, 2);
    assert_ok(comem_dict_set(dict, comem_float(0x1p70), comem_int(1)));
    assert_ok(comem_dict_contains(dict, next, &found));
    assert_false(found);
    comem_value_clear(&one);
    comem_value_clear(&next);
}

/* Numbers that differ by less than a float can say would be one key. */
static void unequal_numbers_are_different_keys(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    const comem_pair pairs[] = {
        {comem_int(INT64_MAX), comem_int(0)},
        {comem_float(0x1p63), comem_int(1)},
        {comem_int(INT64_MAX - 1), comem_int(2)},
        {comem_int((INT64_C(1) << 53) + 1), comem_int(3)},
        {comem_float(0x1p53), comem_int(4)},
        {comem_float(0.5), comem_int(5)},
        {comem_float(1.0000000000000002), comem_int(6)},
        {comem_int(1), comem_int(7)},
        {comem_int(-1), comem_int(8)},
        {comem_float((double)INFINITY), comem_int(9)},
        {comem_float(-(double)INFINITY), comem_int(10)},
        {comem_float(5e-324), comem_int(11)},
        {comem_float(-5e-324), comem_int(12)},
        {comem_int(0), comem_int(13)},
        {comem_int(INT64_C(0x3FE0000000000000)), comem_int(14)}, /* the bits of 0.5 */
        {comem_float(0x1p64), comem_int(15)},
        {comem_float(-0x1p64), comem_int(16)},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        assert_ok(comem_dict_set(dict, pairs[i].key, pairs[i].value));
    support_assert_dict(dict, pairs, sizeof pairs / sizeof *pairs);
}

/* A float that is not a number could never be found or deleted again, or would stand for every other one. */
static void a_float_that_is_no_number_is_found_by_its_bits(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    const comem_pair pairs[] = {
        {comem_float(from_bits(UINT64_C(0x7FF8000000000000))), comem_int(1)},
        {comem_float(from_bits(UINT64_C(0xFFF8000000000000))), comem_int(2)},
        {comem_float(from_bits(UINT64_C(0x7FF8000000000001))), comem_int(3)},
    };
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < 3; i++)
            assert_ok(comem_dict_set(dict, pairs[i].key, pairs[i].value));
    support_assert_dict(dict, pairs, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_ok(comem_dict_pop(dict, pairs[i].key, NULL));
    assert_int_equal(support_dict_len(dict), 0);
}

/* ---- text ---- */

/* Texts of other lengths, of other bytes at either end, or of the other kind, would be one key. */
static void texts_are_told_apart_by_every_byte_and_their_kind(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    static const size_t sizes[] = {0, 1, 4, 5, 6, 12, 13, 14, 15, 16, 17, 100, 240, 241, 3000, 8168, 8169, 100000};
    enum { SIZES = sizeof sizes / sizeof *sizes };
    static char bytes[SIZES][3][100000];
    comem_pair pairs[SIZES * 3 * 2 + 1];
    size_t count = 0;
    for (unsigned s = 0; s < SIZES; s++)
        for (unsigned way = 0; way < (s == 0 ? 1 : 3); way++) { /* zeros; the first byte another one; the last one */
            if (way != 0)
                bytes[s][way][way == 1 ? 0 : sizes[s] - 1] = (char)way;
            pairs[count++].key = comem_str(bytes[s][way], sizes[s]);
            pairs[count++].key = comem_bytes(bytes[s][way], sizes[s]);
        }
    pairs[count++].key = comem_none();
    for (size_t i = 0; i < count; i++) {
        pairs[i].value = comem_int((int64_t)i);
        assert_ok(comem_dict_set(dict, pairs[i].key, pairs[i].value));
    }
    support_assert_dict(dict, pairs, count);
    assert_int_equal(support_problems(bench->map), 0);
    for (size_t i = 0; i < count; i++) {
        comem_value value;
        assert_ok(comem_dict_pop(dict, pairs[i].key, &value));
        assert_int_equal(value.as.integer, i);
        assert_status(COMEM_NOT_FOUND, comem_dict_pop(dict, pairs[i].key, &value));
    }
    comem_dict_release(dict);
    assert_int_equal(support_used(bench->map), 0);
}

/* A key would be found where its text stands, not by what it says. */
static void a_text_is_found_by_a_copy_of_it(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    char *copy = malloc(100000), *large = malloc(100000);
    assert_true(copy != NULL && large != NULL);
    memset(large, 'k', 100000);
    assert_ok(comem_dict_set(dict, comem_str(large, 100000), comem_str(large, 99999)));
    assert_ok(comem_dict_set(dict, text("\xC3\xA4"), comem_int(2)));
    assert_ok(comem_dict_set(dict, text("\xED\xA0\x80 a lone surrogate"), comem_int(3)));
    memcpy(copy, large, 100000);
    memset(large, 'x', 100000);
    comem_value value;
    assert_ok(comem_dict_get(dict, comem_str(copy, 100000), &value));
    assert_int_equal(value.size, 99999);
    assert_memory_equal(value.as.data, copy, 99999);
    comem_value_clear(&value);
    comem_value flagged = text("\xED\xA0\x80 a lone surrogate");
    flagged.flags = COMEM_ASCII; /* ignored in inputs */
    assert_int_equal(support_dict_int(dict, flagged), 3);
    assert_int_equal(support_dict_int(dict, text("\xC3\xA4")), 2);
    free(copy);
    free(large);
}

/* ---- packed keys ---- */

/* Tuples of equal keys would be different ones, or tuples that differ the same. */
static void tuples_are_equal_when_their_items_are(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    const comem_value ones[3][2] = {
        {comem_int(1), text("x")}, {comem_float(1.0), text("x")}, {comem_bool(true), text("x")}};
    comem_value same[3], nested[3], others[5];
    for (unsigned i = 0; i < 3; i++)
        same[i] = packed_items(COMEM_TUPLE, ones[i], 2);
    for (unsigned i = 0; i < 3; i++) {
        const comem_value items[] = {comem_items(COMEM_TUPLE, ones[i], 2), text(long_text)};
        nested[i] = packed_items(COMEM_TUPLE, items, 2);
    }
    for (unsigned i = 0; i < 3; i++) {
        must_be_one_key(dict, same[i], same, 3);
        must_be_one_key(dict, nested[i], nested, 3);
    }
    const comem_value swapped[] = {text("x"), comem_int(1)}, bytes[] = {comem_int(1), comem_bytes("x", 1)};
    others[0] = packed_items(COMEM_TUPLE, swapped, 2);
    others[1] = packed_items(COMEM_TUPLE, bytes, 2);
    others[2] = packed_items(COMEM_TUPLE, ones[0], 1);
    others[3] = packed_items(COMEM_TUPLE, NULL, 0);
    others[4] = packed_items(COMEM_FROZENSET, ones[0], 2);
    comem_pair pairs[7];
    for (unsigned i = 0; i < 7; i++) {
        pairs[i].key = i < 5 ? others[i] : i == 5 ? same[1] : nested[2];
        pairs[i].value = comem_int(i);
        assert_ok(comem_dict_set(dict, pairs[i].key, pairs[i].value));
    }
    support_assert_dict(dict, pairs, 7); /* each comes back as it went in */
    assert_int_equal(support_dict_int(dict, same[0]), 5);
    assert_int_equal(support_dict_int(dict, nested[0]), 6);
    comem_dict_release(dict);
    assert_int_equal(support_used(bench->map), 0);
    for (unsigned i = 0; i < 5; i++)
        comem_value_clear(&others[i]);
    for (unsigned i = 0; i < 3; i++) {
        comem_value_clear(&same[i]);
        comem_value_clear(&nested[i]);
    }
}

/* A frozenset would be another key when its items come in another order. */
static void frozensets_are_equal_in_any_order(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    const comem_value items[3][4] = {{comem_int(1), text("x"), text(long_text), comem_none()},
                                     {text(long_text), comem_none(), comem_float(1.0), text("x")},
                                     {comem_none(), comem_bool(true), text("x"), text(long_text)}};
    comem_value same[3], inside[3];
    for (unsigned i = 0; i < 3; i++) {
        same[i] = packed_items(COMEM_FROZENSET, items[i], 4);
        const comem_value one = comem_items(COMEM_FROZENSET, items[i], 4);
        inside[i] = packed_items(COMEM_TUPLE, &one, 1);
    }
    for (unsigned i = 0; i < 3; i++) {
        must_be_one_key(dict, same[i], same, 3);
        must_be_one_key(dict, inside[i], inside, 3);
    }
    for (unsigned i = 0; i < 3; i++) {
        comem_value_clear(&same[i]);
        comem_value_clear(&inside[i]);
    }
    comem_dict_release(dict);
    assert_int_equal(support_used(bench->map), 0);
}

/* A key of many items would be cut short. */
static void a_tuple_may_be_large(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    static comem_value items[20000];
    for (int i = 0; i < 20000; i++)
        items[i] = comem_int(i * 1000);
    comem_value one = packed_items(COMEM_TUPLE, items, 20000);
    items[19999] = comem_int(-1);
    comem_value other = packed_items(COMEM_TUPLE, items, 20000);
    const comem_pair pairs[] = {{one, comem_int(1)}, {other, comem_int(2)}};
    assert_ok(comem_dict_update(dict, pairs, 2));
    support_assert_dict(dict, pairs, 2);
    comem_value_clear(&one);
    comem_value_clear(&other);
    comem_dict_release(dict);
    assert_int_equal(support_used(bench->map), 0);
}

/* ---- no keys ---- */

static bool make_one(void *context, const comem_value *value, comem_value *next)
{
    (void)value;
    *next = comem_int(1);
    ++*(int *)context;
    return true;
}

static void must_be_no_key(comem_dict *dict, comem_value key, comem_status status)
{
    comem_value result = comem_int(1);
    comem_pair pairs[] = {{text(long_text), text(long_text)}, {key, comem_int(1)}, {comem_int(8), comem_int(8)}};
    bool flag;
    int calls = 0;
    assert_status(status, comem_dict_get(dict, key, &result));
    assert_int_equal(result.kind, COMEM_NONE);
    assert_status(status, comem_dict_contains(dict, key, &flag));
    assert_status(status, comem_dict_set(dict, key, comem_int(1)));
    assert_status(status, comem_dict_set(dict, key, text(long_text)));
    assert_status(status, comem_dict_set(dict, key, comem_ref_dict(dict)));
    assert_status(status, comem_dict_setdefault(dict, key, comem_int(1), &result));
    assert_status(status, comem_dict_pop(dict, key, &result));
    assert_status(status, comem_dict_update(dict, pairs, 3));
    assert_status(status, comem_dict_add(dict, key, comem_int(1), &result));
    assert_status(status, comem_dict_cas(dict, key, comem_missing(), comem_int(1), &flag));
    assert_status(status, comem_dict_update_if(dict, key, make_one, &calls));
    assert_int_equal(calls, 0);
    assert_int_equal(result.kind, COMEM_NONE);
}

/* What could not be found again would become a key, or leave a part of what it came with. */
static void what_cannot_be_a_key_is_refused_by_every_call(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    comem_list *list = support_list(&bench->store);
    comem_value no_kind = comem_int(1), pickle = comem_bytes(long_text, 20);
    const comem_value inner[] = {comem_items(COMEM_LIST, NULL, 0), comem_items(COMEM_SET, NULL, 0),
                                 comem_items(COMEM_DICT, NULL, 0), comem_ref(list)};
    const comem_kind kinds[] = {COMEM_LIST, COMEM_SET, COMEM_DICT};
    no_kind.kind = 77;
    pickle.kind = COMEM_PICKLE;
    assert_ok(comem_dict_set(dict, comem_int(1), comem_int(2)));
    uint64_t used = support_used(bench->map);
    must_be_no_key(dict, comem_ref(list), COMEM_TYPE);
    must_be_no_key(dict, comem_ref_dict(dict), COMEM_TYPE);
    must_be_no_key(dict, pickle, COMEM_TYPE);
    must_be_no_key(dict, no_kind, COMEM_TYPE);
    must_be_no_key(dict, comem_missing(), COMEM_TYPE);
    must_be_no_key(dict, comem_str("\xFF", 1), COMEM_INVALID);
    must_be_no_key(dict, comem_str("long enough to be far \xC0\x80", 24), COMEM_INVALID);
    must_be_no_key(dict, comem_str(NULL, 5), COMEM_INVALID);
    must_be_no_key(dict, comem_bytes(NULL, 50), COMEM_INVALID);
    for (unsigned i = 0; i < 4; i++) {
        must_be_no_key(dict, inner[i], COMEM_TYPE);
        comem_value tuple = packed_items(COMEM_TUPLE, &inner[i], 1);
        must_be_no_key(dict, tuple, COMEM_TYPE);
        comem_value_clear(&tuple);
        if (i == 3)
            continue;
        comem_value lone = packed_items(kinds[i], NULL, 0);
        must_be_no_key(dict, lone, COMEM_TYPE);
        comem_value_clear(&lone);
    }
    assert_int_equal(support_dict_len(dict), 1);
    assert_int_equal(support_dict_int(dict, comem_int(1)), 2);
    assert_int_equal(support_used(bench->map), used);
    comem_dict_release(dict);
    comem_list_release(list);
    assert_int_equal(support_used(bench->map), 0);
}

int main(int argc, char **argv)
{
    support_choose(argc, argv);
    const struct CMUnitTest tests[] = {
        WITH_STORE(equal_numbers_are_one_key_and_the_first_stays),
        WITH_STORE(an_int_beyond_64_bits_equals_its_float),
        WITH_STORE(unequal_numbers_are_different_keys),
        WITH_STORE(a_float_that_is_no_number_is_found_by_its_bits),
        WITH_STORE(texts_are_told_apart_by_every_byte_and_their_kind),
        WITH_STORE(a_text_is_found_by_a_copy_of_it),
        WITH_STORE(tuples_are_equal_when_their_items_are),
        WITH_STORE(frozensets_are_equal_in_any_order),
        WITH_STORE(a_tuple_may_be_large),
        WITH_STORE(what_cannot_be_a_key_is_refused_by_every_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
