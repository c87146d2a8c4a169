/* test_dict_change.c - dicts: many keys at once, values that depend on the one before, comparing, printing, moments */
#include "support.h"

#include <stdio.h>

static const char long_text[] = "a text of more than thirteen bytes";

static comem_value text(const char *string)
{
    return support_text(string);
}

static uint64_t links(const comem_dict *dict)
{
    return word_load(&dict->object.shared->links);
}

/* ---- add ---- */

/* A sum would be wrong, of the wrong kind, or not be stored. */
static void add_stores_the_sum(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    const struct {
        comem_value there, amount, sum;
    } cases[] = {
        {comem_int(2), comem_int(3), comem_int(5)},
        {comem_int(2), comem_int(-3), comem_int(-1)},
        {comem_int(0), comem_int(0), comem_int(0)},
        {comem_int(INT64_MAX - 1), comem_int(1), comem_int(INT64_MAX)},
        {comem_int(INT64_MIN + 1), comem_int(-1), comem_int(INT64_MIN)},
        {comem_int(INT64_MAX), comem_int(INT64_MIN), comem_int(-1)},
        {comem_int(2), comem_float(0.5), comem_float(2.5)},
        {comem_float(0.5), comem_int(2), comem_float(2.5)},
        {comem_float(0.5), comem_float(0.25), comem_float(0.75)},
        {comem_float(1e308), comem_float(-1e308), comem_float(0.0)},
        {comem_int(INT64_MAX), comem_float(0.0), comem_float(0x1p63)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        comem_value result;
        assert_ok(comem_dict_set(dict, text("sum"), cases[i].there));
        assert_ok(comem_dict_add(dict, text("sum"), cases[i].amount, &result));
        support_assert_value(&result, &cases[i].sum);
        assert_ok(comem_dict_get(dict, text("sum"), &result));
        support_assert_value(&result, &cases[i].sum);
        assert_ok(comem_dict_set(dict, text("sum"), cases[i].there));
        assert_ok(comem_dict_add(dict, text("sum"), cases[i].amount, NULL));
        assert_ok(comem_dict_get(dict, text("sum"), &result));
        support_assert_value(&result, &cases[i].sum);
    }
    assert_int_equal(support_dict_len(dict), 1);
}

/* A key that is not there would not count as 0. */
static void add_begins_at_nothing(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    comem_value result;
    assert_ok(comem_dict_add(dict, text("int"), comem_int(7), &result));
    support_assert_value(&result, &(comem_value){.kind = COMEM_INT, .as.integer = 7});
    assert_ok(comem_dict_add(dict, text("float"), comem_float(0.5), &result));
    support_assert_value(&result, &(comem_value){.kind = COMEM_FLOAT, .as.real = 0.5});
    assert_ok(comem_dict_add(dict, text(long_text), comem_int(INT64_MIN), NULL));
    const comem_pair pairs[] = {
        {text("int"), comem_int(7)}, {text("float"), comem_float(0.5)}, {text(long_text), comem_int(INT64_MIN)}};
    support_assert_dict(dict, pairs, 3);
}

/* A sum that cannot be would be stored, or its key be. */
static void add_refuses_what_has_no_sum_and_changes_nothing(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    const comem_value no_numbers[] = {comem_none(), text("1"), text(long_text), comem_bytes("1", 1),
                                      comem_ref_dict(dict)};
    comem_value result = comem_int(1);
    const comem_pair pairs[] = {{text("most"), comem_int(INT64_MAX)}, {text("least"), comem_int(INT64_MIN)}};
    assert_ok(comem_dict_update(dict, pairs, 2));
    assert_status(COMEM_OUT_OF_RANGE, comem_dict_add(dict, text("most"), comem_int(1), &result));
    assert_int_equal(result.kind, COMEM_NONE);
    assert_status(COMEM_OUT_OF_RANGE, comem_dict_add(dict, text("most"), comem_int(INT64_MAX), NULL));
    assert_status(COMEM_OUT_OF_RANGE, comem_dict_add(dict, text("least"), comem_int(-1), &result));
    assert_status(COMEM_OUT_OF_RANGE, comem_dict_add(dict, text("least"), comem_int(INT64_MIN), &result));
    for (unsigned i = 0; i < 5; i++) {
        assert_status(COMEM_TYPE, comem_dict_add(dict, text("most"), no_numbers[i], &result));
        assert_status(COMEM_TYPE, comem_dict_add(dict, text("absent"), no_numbers[i], &result));
        assert_int_equal(result.kind, COMEM_NONE);
    }
    support_assert_dict(dict, pairs, 2);
    for (unsigned i = 0; i < 5; i++) {
        assert_ok(comem_dict_set(dict, text("other"), no_numbers[i]));
        assert_status(COMEM_TYPE, comem_dict_add(dict, text("other"), comem_int(1), &result));
        comem_value value;
        assert_ok(comem_dict_get(dict, text("other"), &value));
        support_assert_value(&value, &no_numbers[i]);
        comem_value_clear(&value);
    }
    assert_ok(comem_dict_clear(dict));
}

/* ---- cas ---- */

/* cas() would swap what is not as expected, or not swap what is. */
static void cas_swaps_only_what_it_expects(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store), *one = support_dict(&bench->store),
               *other = support_dict(&bench->store);
    comem_value item = comem_int(1), list = comem_items(COMEM_LIST, &item, 1), packed;
    assert_ok(comem_value_pack(&list, &packed));
    const struct {
        comem_value there, expected;
        bool swaps;
    } cases[] = {
        {comem_int(1), comem_int(1), true},
        {comem_int(1), comem_float(1.0), true},
        {comem_bool(true), comem_int(1), true},
        {comem_float(-0.0), comem_int(0), true},
        {comem_int(1), comem_int(2), false},
        {comem_int(1), comem_none(), false},
        {comem_int(1), text("1"), false},
        {comem_int(1), comem_missing(), false},
        {comem_none(), comem_none(), true},
        {comem_none(), comem_missing(), false},
        {text("1"), text("1"), true},
        {text("1"), comem_bytes("1", 1), false},
        {text(long_text), text(long_text), true},
        {text(long_text), text("a text of more than thirteen bytez"), false},
        {text(long_text), comem_bytes(long_text, sizeof long_text - 1), false},
        {comem_ref_dict(one), comem_ref_dict(one), true},
        {comem_ref_dict(one), comem_ref_dict(other), false},
        {packed, packed, true},
        {packed, comem_int(1), false},
    };
    const comem_value news[] = {comem_int(42), text(long_text), comem_ref_dict(one)};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (unsigned n = 0; n < 3; n++) {
            bool swapped = !cases[i].swaps;
            comem_pair pair = {text("key"), cases[i].there};
            assert_ok(comem_dict_set(dict, pair.key, cases[i].there));
            assert_ok(comem_dict_cas(dict, pair.key, cases[i].expected, news[n], &swapped));
            assert_int_equal(swapped, cases[i].swaps);
            pair.value = swapped ? news[n] : cases[i].there;
            support_assert_dict(dict, &pair, 1);
        }
    assert_ok(comem_dict_clear(dict));
    support_used(bench->map);
    assert_int_equal(links(one), 0);
    comem_value_clear(&packed);
    comem_dict_release(dict);
    comem_dict_release(one);
    comem_dict_release(other);
    assert_int_equal(support_used(bench->map), 0);
}

/* A key could not be made by cas() only if it is not there, or be taken out only if it is as expected. */
static void cas_makes_and_takes_keys(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    bool swapped = true;
    assert_ok(comem_dict_cas(dict, text("key"), comem_int(1), comem_int(2), &swapped));
    assert_false(swapped);
    assert_int_equal(support_dict_len(dict), 0);
    assert_ok(comem_dict_cas(dict, text("key"), comem_int(1), comem_missing(), &swapped));
    assert_false(swapped);
    assert_ok(comem_dict_cas(dict, text("key"), comem_missing(), comem_missing(), &swapped));
    assert_true(swapped); /* it is not there, as expected */
    assert_int_equal(support_dict_len(dict), 0);
    assert_ok(comem_dict_cas(dict, text("key"), comem_missing(), text(long_text), &swapped));
    assert_true(swapped);
    assert_int_equal(support_dict_len(dict), 1);
    assert_ok(comem_dict_cas(dict, text("key"), comem_missing(), comem_int(3), &swapped));
    assert_false(swapped);
    assert_ok(comem_dict_cas(dict, text("key"), comem_missing(), comem_missing(), &swapped));
    assert_false(swapped);
    assert_ok(comem_dict_cas(dict, text("key"), comem_int(3), comem_missing(), &swapped));
    assert_false(swapped);
    comem_pair pair = {text("key"), text(long_text)};
    support_assert_dict(dict, &pair, 1);
    assert_ok(comem_dict_cas(dict, text("key"), text(long_text), comem_missing(), &swapped));
    assert_true(swapped);
    assert_int_equal(support_dict_len(dict), 0);
    comem_dict_release(dict);
    assert_int_equal(support_used(bench->map), 0);
}

/* ---- update_if ---- */

struct updating {
    comem_dict *dict;
    int calls;
    int disturb;           /* so many first calls find that somebody else was faster */
    comem_value next;      /* what it makes, where not a number more */
    bool keep, count;      /* it declines; it counts up */
    uint32_t seen_kind[8]; /* what it got */
};

static bool update(void *context, const comem_value *value, comem_value *next)
{
    struct updating *updating = context;
    updating->seen_kind[updating->calls++ % 8] = value->kind;
    if (updating->calls <= updating->disturb)
        assert_ok(comem_dict_add(updating->dict, text("key"), comem_int(100), NULL));
    if (updating->keep)
        return false;
    *next = !updating->count               ? updating->next
            : value->kind == COMEM_MISSING ? comem_int(1)
                                           : comem_int(value->as.integer + 1);
    return true;
}

/* update_if() would not store what its function makes, or call it for nothing. */
static void update_if_stores_what_its_function_makes(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    struct updating updating = {.dict = dict, .count = true};
    comem_pair pair = {text("key"), comem_int(0)};
    for (int i = 1; i <= 3; i++) {
        assert_ok(comem_dict_update_if(dict, text("key"), update, &updating));
        assert_int_equal(updating.calls, i);
        assert_int_equal(updating.seen_kind[i - 1], i == 1 ? COMEM_MISSING : COMEM_INT);
        pair.value = comem_int(i);
        support_assert_dict(dict, &pair, 1);
    }
    updating = (struct updating){.dict = dict, .keep = true};
    assert_ok(comem_dict_update_if(dict, text("key"), update, &updating));
    assert_ok(comem_dict_update_if(dict, text("absent"), update, &updating));
    assert_int_equal(updating.calls, 2);
    support_assert_dict(dict, &pair, 1);
    updating = (struct updating){.dict = dict, .next = text(long_text)};
    assert_ok(comem_dict_update_if(dict, text("key"), update, &updating));
    pair.value = text(long_text);
    support_assert_dict(dict, &pair, 1);
    updating.next = comem_missing();
    assert_ok(comem_dict_update_if(dict, text("absent"), update, &updating));
    support_assert_dict(dict, &pair, 1);
    assert_ok(comem_dict_update_if(dict, text("key"), update, &updating));
    assert_int_equal(support_dict_len(dict), 0);
    comem_dict_release(dict);
    assert_int_equal(support_used(bench->map), 0);
}

/* A change made by somebody else meanwhile would be overwritten. */
static void update_if_starts_again_when_somebody_was_faster(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    for (int there = 0; there < 2; there++) {
        struct updating updating = {.dict = dict, .count = true, .disturb = 3};
        if (there)
            assert_ok(comem_dict_set(dict, text("key"), comem_int(7)));
        assert_ok(comem_dict_update_if(dict, text("key"), update, &updating));
        assert_int_equal(updating.calls, 4);
        assert_int_equal(support_dict_int(dict, text("key")), there ? 308 : 301);
        assert_int_equal(updating.seen_kind[0], there ? COMEM_INT : COMEM_MISSING);
        updating = (struct updating){.dict = dict, .next = comem_missing(), .disturb = 2};
        assert_ok(comem_dict_update_if(dict, text("key"), update, &updating));
        assert_int_equal(updating.calls, 3);
        assert_int_equal(support_dict_len(dict), 0);
    }
}

static bool update_by_another(void *context, const comem_value *value, comem_value *next)
{
    (void)value;
    comem_dict *dict = context;
    assert_ok(comem_dict_set(dict, text("bystander"), comem_int(1)));
    assert_ok(comem_dict_get(dict, text("other"), next)); /* owned: cleared by the caller */
    return true;
}

/* What the function allocated would leak, or its use of the dict deadlock. */
static void update_if_clears_what_its_function_made(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store), *child = support_dict(&bench->store);
    comem_value value;
    assert_ok(comem_dict_set(dict, text("other"), comem_ref_dict(child)));
    assert_ok(comem_dict_update_if(dict, text("key"), update_by_another, dict));
    assert_ok(comem_dict_get(dict, text("key"), &value));
    assert_ptr_equal(comem_value_dict(&value), child);
    comem_value_clear(&value);
    assert_int_equal(links(child), 2);
    assert_int_equal(child->object.count, 1); /* the test's own handle */
    assert_ok(comem_dict_set(dict, text("other"), text(long_text)));
    assert_ok(comem_dict_update_if(dict, text("key"), update_by_another, dict));
    assert_ok(comem_dict_get(dict, text("key"), &value));
    assert_int_equal(value.size, strlen(long_text));
    comem_value_clear(&value);
    comem_dict_release(dict);
    support_used(bench->map);
    assert_int_equal(links(child), 0);
    comem_dict_release(child);
    assert_int_equal(support_used(bench->map), 0);
}

/* ---- many keys ---- */

/* update() would order, double or overwrite keys other than one set() after the other does. */
static void update_does_what_sets_one_after_the_other_do(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    const comem_pair first[] = {{comem_int(5), comem_int(50)},
                                {comem_int(1), comem_int(10)},
                                {comem_float(5.0), comem_int(51)},
                                {comem_bool(true), text(long_text)},
                                {text("x"), comem_ref_dict(dict)}};
    const comem_pair after_first[] = {{comem_int(5), comem_int(51)}, {comem_int(1), text(long_text)}, first[4]};
    const comem_pair second[] = {
        {text(long_text), comem_none()}, {comem_int(1), comem_none()}, {text("x"), comem_int(2)}};
    const comem_pair after_second[] = {{comem_int(5), comem_int(51)}, second[1], second[2], second[0]};
    assert_ok(comem_dict_update(dict, first, 5));
    support_assert_dict(dict, after_first, 3);
    assert_ok(comem_dict_update(dict, second, 3));
    support_assert_dict(dict, after_second, 4);
    assert_ok(comem_dict_update(dict, second, 0));
    support_assert_dict(dict, after_second, 4);
    comem_dict_release(dict);
    assert_int_equal(support_used(bench->map), 0);
}

#define LARGE 5000

/* An update of many keys, old ones among new ones, would lose some where the dict grows. */
static void update_takes_any_number_of_keys(void **state)
{
    struct bench *bench = *state;
    static const size_t counts[] = {1, 2, 5, 8, 16, 31, 100, 1000, LARGE};
    static comem_pair pairs[LARGE], all[2 * LARGE];
    for (size_t a = 0; a < 9; a++)
        for (size_t b = 0; b < 9; b++) {
            comem_dict *dict = support_dict(&bench->store);
            size_t overlap = counts[a] < counts[b] ? counts[a] / 2 : counts[b] / 2, length = 0;
            for (unsigned round = 0; round < 2; round++) {
                size_t count = round ? counts[b] : counts[a], from = round ? counts[a] - overlap : 0;
                for (size_t i = 0; i < count; i++) {
                    pairs[i].key = comem_int((int64_t)(from + i));
                    pairs[i].value = i % 5 ? comem_int((int64_t)(i + round)) : text(long_text);
                    all[from + i] = pairs[i];
                }
                assert_ok(comem_dict_update(dict, pairs, count));
                length = from + count;
            }
            if (a + b < 12 || a == b)
                support_assert_dict(dict, all, length);
            assert_int_equal(support_dict_len(dict), length);
            comem_dict_release(dict);
        }
    assert_int_equal(support_used(bench->map), 0);
}

/* Equal keys in one update would count as so many new ones, and find no room where they need next to none. */
static void update_may_name_a_key_many_times(void **state)
{
    struct bench *bench = *state;
    static comem_pair pairs[LARGE];
    static const int counts[] = {1, 8, 100};
    for (unsigned c = 0; c < 3; c++) {
        comem_dict *dict = support_dict(&bench->store);
        for (unsigned round = 0; round < 2; round++) {
            for (int i = 0; i < LARGE; i++) {
                int key = i % counts[c];
                pairs[i].key = i % 2 ? comem_int(key) : comem_float(key);
                pairs[i].value = i % 7 ? comem_int(i) : text(long_text);
            }
            assert_ok(comem_dict_update(dict, pairs, LARGE));
            assert_int_equal(support_dict_len(dict), counts[c]);
            for (int i = LARGE - counts[c]; i < LARGE; i++) {
                comem_value value;
                assert_ok(comem_dict_get(dict, comem_int(i % counts[c]), &value));
                support_assert_value(&value, &pairs[i].value);
                comem_value_clear(&value);
            }
        }
        comem_dict_release(dict);
        assert_int_equal(support_used(bench->map), 0);
    }
}

/* A bad pair would leave those before it behind. */
static void update_is_all_or_nothing(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store), *child = support_dict(&bench->store);
    static comem_pair pairs[1000];
    comem_pair kept = {comem_int(3), text(long_text)};
    assert_ok(comem_dict_set(dict, kept.key, kept.value));
    uint64_t used = support_used(bench->map);
    for (size_t bad = 0; bad < 1000; bad += 333) {
        for (size_t i = 0; i < 1000; i++) {
            pairs[i].key = comem_int((int64_t)i);
            pairs[i].value = i % 3 == 0 ? text(long_text) : i % 3 == 1 ? comem_ref_dict(child) : comem_int(1);
        }
        pairs[bad].key = comem_ref_dict(child);
        assert_status(COMEM_TYPE, comem_dict_update(dict, pairs, 1000));
        pairs[bad].key = text("\xFF");
        assert_status(COMEM_INVALID, comem_dict_update(dict, pairs, 1000));
        pairs[bad].key = comem_int(1);
        pairs[bad].value = comem_str("long enough to be far \xC0\x80", 24);
        assert_status(COMEM_INVALID, comem_dict_update(dict, pairs, 1000));
        pairs[bad].value = comem_missing();
        assert_status(COMEM_TYPE, comem_dict_update(dict, pairs, 1000));
        support_assert_dict(dict, &kept, 1);
        assert_int_equal(support_used(bench->map), used);
        assert_int_equal(links(child), 0);
    }
}

/* ---- dicts from dicts ---- */

/* What one dict gives another would differ from what Python's |= and | do. */
static void dicts_are_merged_as_in_python(void **state)
{
    struct bench *bench = *state;
    comem_dict *first = support_dict(&bench->store), *second = support_dict(&bench->store), *made, *again;
    const comem_pair one[] = {
        {comem_int(1), text("a")}, {comem_int(2), text(long_text)}, {text(long_text), comem_ref_dict(first)}};
    const comem_pair two[] = {{comem_int(3), comem_ref_dict(first)}, {comem_float(2.0), text("c")}};
    const comem_pair both[] = {one[0], {comem_int(2), text("c")}, one[2], two[0]};
    const comem_pair back[] = {two[0], {comem_float(2.0), text(long_text)}, one[0], one[2]};
    assert_ok(comem_dict_update(first, one, 3));
    assert_ok(comem_dict_update(second, two, 2));
    assert_ok(comem_dict_merge(first, second, &made));
    support_assert_dict(made, both, 4);
    assert_ok(comem_dict_merge(second, first, &again));
    support_assert_dict(again, back, 4);
    assert_int_equal(links(first), 1 + 1 + 2 + 2);
    comem_dict_release(again);
    comem_dict_release(made);
    assert_ok(comem_dict_copy(first, &made));
    support_assert_dict(made, one, 3);
    assert_ok(comem_dict_set(made, comem_int(1), comem_none())); /* a copy: nobody else's */
    support_assert_dict(first, one, 3);
    comem_dict_release(made);
    assert_ok(comem_dict_merge(first, first, &made));
    support_assert_dict(made, one, 3);
    comem_dict_release(made);
    assert_ok(comem_dict_update_from(first, first));
    support_assert_dict(first, one, 3);
    assert_ok(comem_dict_update_from(first, second));
    support_assert_dict(first, both, 4);
    support_assert_dict(second, two, 2);
    assert_ok(comem_dict_clear(first));
    assert_ok(comem_dict_clear(second));
    comem_dict_release(first);
    comem_dict_release(second);
    assert_int_equal(support_used(bench->map), 0);
}

/* Keys and values that cross from one store to another would be looked for in the wrong one. */
static void a_dict_takes_from_a_dict_of_another_store(void **state)
{
    struct bench *bench = *state, *other = support_begin(8 * MIB);
    comem_dict *dict = support_dict(&bench->store), *foreign = support_dict(&other->store), *made;
    const comem_pair pairs[] = {
        {text(long_text), text(long_text)}, {comem_int(1), comem_float(0.5)}, {text("x"), text("y")}};
    bool equal = false;
    assert_ok(comem_dict_update(foreign, pairs, 3));
    assert_ok(comem_dict_update_from(dict, foreign));
    support_assert_dict(dict, pairs, 3);
    assert_ok(comem_dict_merge(dict, foreign, &made));
    support_assert_dict(made, pairs, 3);
    assert_ok(comem_dict_equal(foreign, made, &equal));
    assert_true(equal);
    comem_dict_release(made);
    comem_dict_release(dict);
    assert_int_equal(support_used(bench->map), 0);
    assert_int_equal(support_end(other), 0);
}

/* ---- comparing ---- */

/* Dicts of equal content would differ, or others be equal. */
static void dicts_are_equal_by_content_in_any_order(void **state)
{
    struct bench *bench = *state;
    comem_dict *one = support_dict(&bench->store), *other = support_dict(&bench->store),
               *inner_one = support_dict(&bench->store), *inner_other = support_dict(&bench->store);
    comem_list *list_one = support_list(&bench->store), *list_other = support_list(&bench->store);
    bool equal = false;
    for (int i = 0; i < 500; i++) {
        assert_ok(comem_dict_set(one, comem_int(i), i % 2 ? comem_int(1) : text(long_text)));
        assert_ok(comem_dict_set(other, comem_float(499 - i), i % 2 ? text(long_text) : comem_float(1.0)));
    }
    assert_ok(comem_dict_set(inner_one, text("x"), comem_int(1)));
    assert_ok(comem_dict_set(inner_other, text("x"), comem_bool(true)));
    assert_ok(comem_list_append(list_one, comem_ref_dict(inner_one)));
    assert_ok(comem_list_append(list_other, comem_ref_dict(inner_other)));
    assert_ok(comem_dict_set(one, text("inner"), comem_ref_dict(inner_one)));
    assert_ok(comem_dict_set(other, text("list"), comem_ref(list_other)));
    assert_ok(comem_dict_set(other, text("inner"), comem_ref_dict(inner_other)));
    assert_ok(comem_dict_equal(one, other, &equal));
    assert_false(equal); /* one key less */
    assert_ok(comem_dict_set(one, text("list"), comem_ref(list_one)));
    assert_ok(comem_dict_equal(one, other, &equal));
    assert_true(equal);
    assert_ok(comem_list_equal(list_one, list_other, &equal));
    assert_true(equal);
    assert_ok(comem_dict_set(inner_one, text("x"), comem_int(2)));
    assert_ok(comem_dict_equal(one, other, &equal));
    assert_false(equal); /* far inside */
    assert_ok(comem_list_equal(list_one, list_other, &equal));
    assert_false(equal);
    assert_ok(comem_dict_set(inner_one, text("x"), comem_int(1)));
    assert_ok(comem_dict_pop(one, comem_int(77), NULL));
    assert_ok(comem_dict_set(one, text("77"), comem_int(1)));
    assert_ok(comem_dict_equal(one, other, &equal));
    assert_false(equal); /* as many keys, one of them another */
    assert_ok(comem_dict_equal(one, one, &equal));
    assert_true(equal);
}

/* Dicts without end would overflow the stack of who compares them. */
static void dicts_too_deep_are_not_compared(void **state)
{
    struct bench *bench = *state;
    comem_dict *chains[2][150];
    bool equal;
    for (unsigned c = 0; c < 2; c++)
        for (unsigned i = 0; i < 150; i++) {
            chains[c][i] = support_dict(&bench->store);
            if (i > 0)
                assert_ok(comem_dict_set(chains[c][i], text("x"), comem_ref_dict(chains[c][i - 1])));
        }
    assert_ok(comem_dict_equal(chains[0][90], chains[1][90], &equal));
    assert_true(equal);
    assert_ok(comem_dict_equal(chains[0][91], chains[1][90], &equal));
    assert_false(equal);
    assert_status(COMEM_INVALID, comem_dict_equal(chains[0][149], chains[1][149], &equal));
    assert_ok(comem_dict_set(chains[0][0], text("x"), comem_ref_dict(chains[0][149]))); /* and two rings */
    assert_ok(comem_dict_set(chains[1][0], text("x"), comem_ref_dict(chains[1][149])));
    assert_status(COMEM_INVALID, comem_dict_equal(chains[0][149], chains[1][149], &equal));
    assert_ok(comem_dict_clear(chains[0][0]));
    assert_ok(comem_dict_clear(chains[1][0]));
}

/* ---- printing ---- */

static void assert_printed(comem_dict *dict, const char *expected)
{
    char *printed = NULL;
    size_t size;
    FILE *stream = open_memstream(&printed, &size);
    assert_non_null(stream);
    assert_ok(comem_dict_print(dict, stream));
    fclose(stream);
    assert_string_equal(printed, expected);
    free(printed);
}

/* A dict would be printed other than Python prints one. */
static void a_dict_is_printed_as_in_python(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store), *inner = support_dict(&bench->store);
    comem_list *list = support_list(&bench->store);
    assert_printed(dict, "{}");
    assert_ok(comem_dict_set(dict, text("one"), comem_int(1)));
    assert_printed(dict, "{'one': 1}");
    assert_ok(comem_dict_set(dict, comem_int(2), comem_none()));
    assert_ok(comem_dict_set(dict, comem_bytes("x", 1), comem_float(0.5)));
    assert_ok(comem_dict_set(dict, comem_none(), comem_bool(true)));
    assert_ok(comem_dict_set(dict, text("list"), comem_ref(list)));
    assert_ok(comem_dict_set(dict, text("dict"), comem_ref_dict(inner)));
    assert_ok(comem_dict_set(inner, text("back"), comem_ref_dict(dict)));
    assert_ok(comem_list_append(list, comem_ref_dict(inner)));
    assert_printed(dict,
                   "{'one': 1, 2: None, b'x': 0.5, None: True, 'list': [{'back': {...}}], 'dict': {'back': {...}}}");
    assert_ok(comem_dict_clear(dict));
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    setvbuf(full, NULL, _IONBF, 0);
    assert_status(COMEM_SYSTEM, comem_dict_print(inner, full));
    fclose(full);
    comem_dict_release(dict);
    comem_dict_release(inner);
    comem_list_release(list);
    assert_int_equal(support_used(bench->map), 0);
}

/* ---- keys made before, and moments ---- */

/* The key borrows the value. */
static struct key key_of(comem_dict *dict, const comem_value *value)
{
    struct key key;
    assert_ok(key_make(dict->object.map, value, &key));
    return key;
}

/* A key made before would not be the one that comem.h makes. */
static void keys_made_before_are_the_same_keys(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    const comem_value values[] = {comem_int(5), comem_float(7.0), text("short"), text(long_text), comem_none()};
    comem_value value, ten = comem_int(10), one = comem_int(1), found_value;
    bool found;
    for (unsigned i = 0; i < 5; i++) {
        struct key key = key_of(dict, &values[i]);
        comem_pair pair = {values[i], comem_int(11)};
        assert_status(COMEM_NOT_FOUND, dict_get(dict, &key, &value));
        assert_ok(dict_set(dict, &key, &ten));
        assert_ok(dict_setdefault(dict, &key, &one, &value));
        assert_int_equal(value.as.integer, 10);
        assert_ok(dict_add(dict, &key, &one, &value));
        assert_ok(dict_contains(dict, &key, &found));
        assert_true(found);
        support_assert_dict(dict, &pair, 1);
        assert_ok(dict_get(dict, &key, &found_value));
        assert_int_equal(found_value.as.integer, 11);
        assert_ok(dict_update(dict, &key, &one, 1));
        assert_ok(dict_pop(dict, &key, &value));
        assert_int_equal(value.as.integer, 1);
        key_clear(&key);
    }
    struct key quick;
    key_make_short(bench->map, "short", 5, &quick);
    assert_ok(dict_set(dict, &quick, &ten));
    assert_int_equal(support_dict_int(dict, text("short")), 10);
    key_make_int(bench->map, 5, &quick);
    assert_ok(dict_set(dict, &quick, &one));
    assert_int_equal(support_dict_int(dict, comem_float(5.0)), 1);
}

/* A change between a look and a replacement would be lost. */
static void a_value_is_replaced_only_as_it_was_looked_at(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    const comem_value name = text("key");
    struct key key = key_of(dict, &name);
    struct dict_moment moment;
    comem_value value, next = comem_int(2), missing = comem_missing();
    bool done = true;
    assert_status(COMEM_NOT_FOUND, dict_find(dict, &key, &value, &moment));
    assert_int_equal(value.kind, COMEM_MISSING);
    assert_ok(comem_dict_set(dict, text("key"), comem_int(1)));
    assert_ok(dict_replace_if(dict, &key, &moment, &next, &done));
    assert_false(done); /* it came meanwhile */
    assert_ok(dict_find(dict, &key, &value, &moment));
    assert_ok(comem_dict_set(dict, text("key"), comem_int(5)));
    assert_ok(dict_replace_if(dict, &key, &moment, &next, &done));
    assert_false(done); /* it changed meanwhile */
    assert_ok(dict_find(dict, &key, &value, &moment));
    assert_ok(comem_dict_pop(dict, text("key"), NULL));
    assert_ok(dict_replace_if(dict, &key, &moment, &missing, &done));
    assert_false(done); /* it went meanwhile */
    assert_int_equal(support_dict_len(dict), 0);
    assert_status(COMEM_NOT_FOUND, dict_find(dict, &key, &value, &moment));
    assert_ok(dict_replace_if(dict, &key, &moment, &next, &done));
    assert_true(done);
    assert_int_equal(support_dict_int(dict, text("key")), 2);
    assert_ok(dict_find(dict, &key, &value, &moment));
    assert_int_equal(value.as.integer, 2);
    assert_ok(comem_dict_set(dict, text("other"), text(long_text))); /* of no concern, or a reason to look again */
    next = text(long_text);
    assert_ok(dict_replace_if(dict, &key, &moment, &next, &done));
    if (!done) {
        assert_ok(dict_find(dict, &key, &value, &moment));
        assert_ok(dict_replace_if(dict, &key, &moment, &next, &done));
    }
    assert_true(done);
    assert_ok(dict_find(dict, &key, &value, &moment));
    support_assert_value(&value, &next);
    comem_value_clear(&value);
    assert_ok(dict_replace_if(dict, &key, &moment, &missing, &done));
    assert_true(done);
    assert_int_equal(support_dict_len(dict), 1);
    key_clear(&key);
}

/* A last item would be taken out unseen. */
static void the_last_item_is_removed_only_as_it_was_looked_at(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    struct dict_moment moment;
    comem_value key, value;
    bool done = true;
    assert_status(COMEM_NOT_FOUND, dict_last(dict, &key, &value, &moment));
    for (int i = 0; i < 10; i++)
        assert_ok(comem_dict_set(dict, comem_int(i), comem_int(-i)));
    assert_ok(dict_last(dict, &key, &value, &moment));
    assert_int_equal(key.as.integer, 9);
    assert_int_equal(value.as.integer, -9);
    assert_ok(comem_dict_set(dict, comem_int(10), comem_int(-10)));
    assert_ok(dict_remove_last_if(dict, &moment, &done));
    assert_false(done); /* no longer the last */
    assert_ok(dict_last(dict, NULL, NULL, &moment));
    assert_ok(comem_dict_set(dict, comem_int(10), comem_int(0)));
    assert_ok(dict_remove_last_if(dict, &moment, &done));
    assert_false(done); /* another value */
    assert_ok(dict_last(dict, NULL, &value, &moment));
    assert_int_equal(value.as.integer, 0);
    assert_ok(comem_dict_pop(dict, comem_int(10), NULL));
    assert_ok(dict_remove_last_if(dict, &moment, &done));
    assert_false(done); /* gone */
    assert_ok(dict_last(dict, &key, NULL, &moment));
    assert_int_equal(key.as.integer, 9);
    assert_ok(dict_remove_last_if(dict, &moment, &done));
    assert_true(done);
    assert_int_equal(support_dict_len(dict), 9);
}

int main(int argc, char **argv)
{
    support_choose(argc, argv);
    const struct CMUnitTest tests[] = {
        WITH_STORE(add_stores_the_sum),
        WITH_STORE(add_begins_at_nothing),
        WITH_STORE(add_refuses_what_has_no_sum_and_changes_nothing),
        WITH_STORE(cas_swaps_only_what_it_expects),
        WITH_STORE(cas_makes_and_takes_keys),
        WITH_STORE(update_if_stores_what_its_function_makes),
        WITH_STORE(update_if_starts_again_when_somebody_was_faster),
        WITH_STORE(update_if_clears_what_its_function_made),
        WITH_STORE(update_does_what_sets_one_after_the_other_do),
        WITH_STORE(update_takes_any_number_of_keys),
        WITH_STORE(update_may_name_a_key_many_times),
        WITH_STORE(update_is_all_or_nothing),
        WITH_STORE(dicts_are_merged_as_in_python),
        WITH_STORE(a_dict_takes_from_a_dict_of_another_store),
        WITH_STORE(dicts_are_equal_by_content_in_any_order),
        WITH_STORE(dicts_too_deep_are_not_compared),
        WITH_STORE(a_dict_is_printed_as_in_python),
        WITH_STORE(keys_made_before_are_the_same_keys),
        WITH_STORE(a_value_is_replaced_only_as_it_was_looked_at),
        WITH_STORE(the_last_item_is_removed_only_as_it_was_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
