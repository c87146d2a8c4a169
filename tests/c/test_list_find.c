/* test_list_find.c - what is equal, which comes first: index, count, remove, comparing lists, sorting them */
#include "support.h"

#include <math.h>
#include <stdio.h>

#define ITEMS_MAX 70000

static comem_value values[ITEMS_MAX];

static comem_value text(const char *string)
{
    return comem_str(string, strlen(string));
}

static comem_list *list_of(comem_store *store, const comem_value *items, size_t count)
{
    comem_list *list = support_list(store);
    assert_ok(comem_list_extend(list, items, count));
    return list;
}

/* ---- what is equal ---- */

#define TWO_53 9007199254740992LL

/* Exact: a long double has at least 64 bits of mantissa wherever this runs. */
static long double exact(const comem_value *value)
{
    return value->kind == COMEM_BOOL  ? (long double)value->as.boolean
           : value->kind == COMEM_INT ? (long double)value->as.integer
                                      : (long double)value->as.real;
}

static bool is_number(const comem_value *value)
{
    return value->kind == COMEM_BOOL || value->kind == COMEM_INT || value->kind == COMEM_FLOAT;
}

/* Values of every kind that are equal or nearly so; references are added by who uses them. */
static const comem_value alike[] = {
    {.kind = COMEM_NONE},
    {.kind = COMEM_BOOL, .as.boolean = true},
    {.kind = COMEM_BOOL, .as.boolean = false},
    {.kind = COMEM_INT, .as.integer = 0},
    {.kind = COMEM_INT, .as.integer = 1},
    {.kind = COMEM_INT, .as.integer = -1},
    {.kind = COMEM_INT, .as.integer = 49},
    {.kind = COMEM_INT, .as.integer = TWO_53},
    {.kind = COMEM_INT, .as.integer = TWO_53 + 1},
    {.kind = COMEM_INT, .as.integer = INT64_MAX},
    {.kind = COMEM_INT, .as.integer = INT64_MAX - 1},
    {.kind = COMEM_INT, .as.integer = INT64_MIN},
    {.kind = COMEM_FLOAT, .as.real = 0.0},
    {.kind = COMEM_FLOAT, .as.real = -0.0},
    {.kind = COMEM_FLOAT, .as.real = 1.0},
    {.kind = COMEM_FLOAT, .as.real = 1.5},
    {.kind = COMEM_FLOAT, .as.real = -1.0},
    {.kind = COMEM_FLOAT, .as.real = 5e-324},
    {.kind = COMEM_FLOAT, .as.real = 9007199254740992.0},
    {.kind = COMEM_FLOAT, .as.real = 9007199254740994.0},
    {.kind = COMEM_FLOAT, .as.real = 9223372036854775808.0},
    {.kind = COMEM_FLOAT, .as.real = 9223372036854774784.0},
    {.kind = COMEM_FLOAT, .as.real = -9223372036854775808.0},
    {.kind = COMEM_FLOAT, .as.real = 1e300},
    {.kind = COMEM_FLOAT, .as.real = (double)INFINITY},
    {.kind = COMEM_FLOAT, .as.real = -(double)INFINITY},
    {.kind = COMEM_FLOAT, .as.real = (double)NAN},
    {.kind = COMEM_STR, .as.data = "", .size = 0},
    {.kind = COMEM_STR, .as.data = "1", .size = 1},
    {.kind = COMEM_STR, .as.data = "1\0", .size = 2},
    {.kind = COMEM_STR, .as.data = "thirteen byte", .size = 13},
    {.kind = COMEM_STR, .as.data = "thirteen byte\0", .size = 14},
    {.kind = COMEM_STR, .as.data = "thirteen bytes and many more", .size = 28},
    {.kind = COMEM_STR, .as.data = "thirteen bytes and many mora", .size = 28},
    {.kind = COMEM_STR, .as.data = "\xC3\xA9", .size = 2},
    {.kind = COMEM_STR, .as.data = "e\xCC\x81", .size = 3},
    {.kind = COMEM_STR, .as.data = "\xED\xA0\x80", .size = 3},
    {.kind = COMEM_BYTES, .as.data = "", .size = 0},
    {.kind = COMEM_BYTES, .as.data = "1", .size = 1},
    {.kind = COMEM_BYTES, .as.data = "thirteen byte", .size = 13},
    {.kind = COMEM_BYTES, .as.data = "thirteen bytes and many more", .size = 28},
    {.kind = COMEM_BYTES, .as.data = "\xFF", .size = 1},
};
#define ALIKE (sizeof alike / sizeof *alike)

static bool are_equal(const comem_value *one, const comem_value *other)
{
    if (is_number(one) && is_number(other))
        return exact(one) == exact(other);
    if (one->kind != other->kind)
        return false;
    if (one->kind == COMEM_STR || one->kind == COMEM_BYTES)
        return one->size == other->size && memcmp(one->as.data, other->as.data, one->size) == 0;
    return one->kind == COMEM_REF ? one->as.object == other->as.object : true;
}

static size_t with_references(comem_store *store, comem_value *all)
{
    memcpy(all, alike, sizeof alike);
    all[ALIKE] = comem_ref(support_list(store));
    all[ALIKE + 1] = comem_ref(support_list(store)); /* holds the same, nothing, and is another one */
    return ALIKE + 2;
}

static void release_references(comem_value *all)
{
    comem_list_release(comem_value_list(&all[ALIKE]));
    comem_list_release(comem_value_list(&all[ALIKE + 1]));
}

/* Two values would be equal that are not in Python, or not equal that are. */
static void equal_is_what_is_equal_in_python(void **state)
{
    struct bench *bench = *state;
    comem_value all[ALIKE + 2];
    size_t count = with_references(&bench->store, all);
    for (size_t i = 0; i < count; i++) {
        comem_list *list = list_of(&bench->store, &all[i], 1);
        for (size_t k = 0; k < count; k++) {
            bool equal = are_equal(&all[i], &all[k]);
            size_t index = 77, found = 77;
            if (comem_list_index(list, all[k], 0, INT64_MAX, &index) != (equal ? COMEM_OK : COMEM_NOT_FOUND))
                fail_msg("value %zu and value %zu, equal: %d", i, k, equal);
            assert_int_equal(index, 0);
            assert_ok(comem_list_count(list, all[k], &found));
            assert_int_equal(found, equal);
        }
        comem_list_release(list);
    }
    release_references(all);
    assert_int_equal(support_used(bench->map), 0);
}

/* index() would find another than the first one, or one outside its bounds; count() would count others. */
static void index_and_count_find_what_a_walk_finds(void **state)
{
    struct bench *bench = *state;
    struct dice dice = {11};
    comem_value all[ALIKE + 2], items[600];
    size_t kinds = with_references(&bench->store, all);
    static const size_t lengths[] = {0, 1, 7, 255, 256, 257, 600};
    for (unsigned l = 0; l < 7; l++) {
        for (size_t i = 0; i < lengths[l]; i++)
            items[i] = all[dice_roll(&dice, kinds)];
        comem_list *list = list_of(&bench->store, items, lengths[l]);
        for (unsigned round = 0; round < 4000; round++) {
            const comem_value *wanted = &all[dice_roll(&dice, kinds)];
            int64_t length = (int64_t)lengths[l], from = (int64_t)dice_roll(&dice, 1300) - 650;
            int64_t to = round % 3 ? INT64_MAX : (int64_t)dice_roll(&dice, 1300) - 650;
            int64_t first = from < 0 ? (from + length < 0 ? 0 : from + length) : from;
            int64_t end = to < 0 ? to + length : to < length ? to : length;
            size_t index = 77, number = 77, expected = 0;
            while (first < end && !are_equal(&items[first], wanted))
                first++;
            assert_status(first < end ? COMEM_OK : COMEM_NOT_FOUND, comem_list_index(list, *wanted, from, to, &index));
            if (first < end)
                assert_int_equal(index, first);
            for (size_t i = 0; i < lengths[l]; i++)
                expected += are_equal(&items[i], wanted);
            assert_ok(comem_list_count(list, *wanted, &number));
            assert_int_equal(number, expected);
        }
        comem_list_release(list);
    }
    release_references(all);
    assert_int_equal(support_used(bench->map), 0);
}

/* remove() would take another than the first equal item, or change the list when there is none. */
static void remove_takes_the_first_equal_item(void **state)
{
    struct bench *bench = *state;
    comem_value items[] = {comem_none(), comem_float(1.0), text("one"), comem_bool(true), comem_int(1), text("one")};
    comem_list *list = list_of(&bench->store, items, 6);
    comem_value value;
    assert_ok(comem_list_remove(list, comem_int(1)));
    assert_int_equal(support_len(list), 5);
    assert_ok(comem_list_get(list, 2, &value));
    assert_int_equal(value.kind, COMEM_BOOL);
    assert_ok(comem_list_remove(list, comem_float(1.0)));
    assert_ok(comem_list_remove(list, text("one")));
    assert_status(COMEM_NOT_FOUND, comem_list_remove(list, text("two")));
    assert_status(COMEM_NOT_FOUND, comem_list_remove(list, comem_bytes("one", 3)));
    assert_int_equal(support_len(list), 3); /* [None, 1, 'one'] */
    assert_int_equal(support_int(list, 1), 1);
    assert_ok(comem_list_remove(list, comem_bool(true)));
    assert_ok(comem_list_remove(list, comem_none()));
    assert_ok(comem_list_remove(list, text("one")));
    assert_status(COMEM_NOT_FOUND, comem_list_remove(list, comem_none()));
    assert_int_equal(support_len(list), 0);
    comem_list_release(list);
    assert_int_equal(support_used(bench->map), 0);
}

/* ---- comparing lists ---- */

/* Python's order of two values that have one: numbers, or two strs, or two bytes. */
static int order_of(const comem_value *one, const comem_value *other)
{
    if (is_number(one))
        return (exact(one) > exact(other)) - (exact(one) < exact(other));
    size_t common = one->size < other->size ? one->size : other->size;
    int order = memcmp(one->as.data, other->as.data, common); /* of UTF-8: by code point, surrogates too */
    return order != 0 ? (order > 0) - (order < 0) : (one->size > other->size) - (one->size < other->size);
}

static void compare_must_be(comem_list *one, comem_list *other, int order)
{
    int found = 77;
    bool equal = order != 0;
    assert_ok(comem_list_compare(one, other, &found));
    assert_int_equal(found, order);
    assert_ok(comem_list_compare(other, one, &found));
    assert_int_equal(found, -order);
    assert_ok(comem_list_equal(one, other, &equal));
    assert_int_equal(equal, order == 0);
}

/* One pair of values would be ordered otherwise than Python does, or be given an order that has none. */
static void the_first_items_that_differ_decide(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < ALIKE; i++)
        for (size_t k = 0; k < ALIKE; k++) {
            const comem_value *a = &alike[i], *b = &alike[k];
            if (isnan(a->kind == COMEM_FLOAT ? a->as.real : 0) || isnan(b->kind == COMEM_FLOAT ? b->as.real : 0))
                continue;
            bool equal = are_equal(a, b),
                 ordered = equal || (is_number(a) && is_number(b)) || (a->kind == b->kind && a->kind != COMEM_NONE);
            comem_value first[] = {comem_int(5), *a, comem_int(9)}, second[] = {comem_float(5.0), *b, comem_int(8)};
            comem_list *one = list_of(&bench->store, first, 3), *other = list_of(&bench->store, second, 3);
            int order = 77;
            if (ordered)
                compare_must_be(one, other, equal ? 1 : order_of(a, b));
            else
                assert_status(COMEM_TYPE, comem_list_compare(one, other, &order));
            comem_list_release(one);
            comem_list_release(other);
        }
    assert_int_equal(support_used(bench->map), 0);
}

/* Lists of different lengths, or long ones, would be compared wrongly. */
static void a_list_comes_before_what_it_begins(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < 600; i++)
        values[i] = i % 3 ? comem_int((int64_t)i) : text("thirteen bytes and many more");
    static const size_t lengths[] = {0, 1, 2, 3, 255, 256, 257, 599, 600};
    for (unsigned a = 0; a < 9; a++)
        for (unsigned b = 0; b < 9; b++) {
            comem_list *one = list_of(&bench->store, values, lengths[a]);
            comem_list *other = list_of(&bench->store, values, lengths[b]);
            compare_must_be(one, other, (lengths[a] > lengths[b]) - (lengths[a] < lengths[b]));
            compare_must_be(one, one, 0);
            if (lengths[a] > 0 && lengths[b] > 0) {
                size_t last = (lengths[a] < lengths[b] ? lengths[a] : lengths[b]) - 1;
                if (values[last].kind == COMEM_INT) {
                    assert_ok(comem_list_set(other, (int64_t)last, comem_float((double)last + 0.5)));
                    compare_must_be(one, other, -1);
                }
            }
            comem_list_release(one);
            comem_list_release(other);
        }
    assert_int_equal(support_used(bench->map), 0);
}

static comem_list *nest(comem_store *store, unsigned depth, int64_t number)
{
    comem_list *list = support_list(store);
    assert_ok(comem_list_append(list, comem_int(number)));
    while (depth-- > 0) {
        comem_list *outer = support_list(store);
        assert_ok(comem_list_append(outer, comem_ref(list)));
        comem_list_release(list);
        list = outer;
    }
    return list;
}

/* Lists within lists would be compared by which they are, not by what they hold; deep or endless ones would crash. */
static void nested_lists_are_compared_by_what_they_hold(void **state)
{
    struct bench *bench = *state;
    static const unsigned depths[] = {1, 2, 50, 98};
    bool equal;
    int order;
    for (unsigned i = 0; i < 4; i++) {
        comem_list *one = nest(&bench->store, depths[i], 1), *same = nest(&bench->store, depths[i], 1);
        comem_list *more = nest(&bench->store, depths[i], 2), *deeper = nest(&bench->store, depths[i] + 1, 1);
        compare_must_be(one, same, 0);
        compare_must_be(one, more, -1);
        assert_ok(comem_list_equal(one, deeper, &equal));
        assert_false(equal);
        assert_status(COMEM_TYPE, comem_list_compare(one, deeper, &order)); /* in the end an int and a list */
        comem_list_release(one);
        comem_list_release(same);
        comem_list_release(more);
        comem_list_release(deeper);
    }
    comem_list *one = nest(&bench->store, 200, 1), *other = nest(&bench->store, 200, 1);
    assert_status(COMEM_INVALID, comem_list_equal(one, other, &equal));
    assert_status(COMEM_INVALID, comem_list_compare(one, other, &order));
    comem_list_release(one);
    comem_list_release(other);
    assert_int_equal(support_problems(bench->map), 0);
}

/* A list inside itself would be compared for ever. */
static void endless_lists_are_compared_up_to_a_depth(void **state)
{
    struct bench *bench = *state;
    comem_list *one = support_list(&bench->store), *other = support_list(&bench->store);
    bool equal;
    int order;
    assert_ok(comem_list_append(one, comem_ref(one)));
    assert_ok(comem_list_append(other, comem_ref(other)));
    assert_status(COMEM_INVALID, comem_list_equal(one, other, &equal));
    assert_status(COMEM_INVALID, comem_list_compare(one, other, &order));
    assert_ok(comem_list_equal(one, one, &equal)); /* the same object, as Python sees it */
    assert_true(equal);
    assert_ok(comem_list_append(other, comem_int(1)));
    assert_ok(comem_list_set(other, 0, comem_ref(one)));
    compare_must_be(one, other, -1);
    assert_ok(comem_list_clear(one));
    assert_ok(comem_list_clear(other));
    comem_list_release(one);
    comem_list_release(other);
    assert_int_equal(support_used(bench->map), 0);
}

/* ---- sorting ---- */

struct placed {
    comem_value value;
    size_t place;
};

static int upwards(const void *one, const void *other)
{
    const struct placed *a = one, *b = other;
    int order = order_of(&a->value, &b->value);
    return order != 0 ? order : (a->place > b->place) - (a->place < b->place);
}

static int downwards(const void *one, const void *other)
{
    const struct placed *a = one, *b = other;
    int order = order_of(&b->value, &a->value);
    return order != 0 ? order : (a->place > b->place) - (a->place < b->place);
}

/* Sorts values[0] to values[count - 1] in a list, both ways, and compares kind by kind with a plain stable sort. */
static void sort_must_be_pythons(comem_store *store, size_t count)
{
    struct placed *placed = calloc(count + 1, sizeof *placed);
    comem_value *sorted = calloc(count + 1, sizeof *sorted);
    size_t read;
    assert_true(placed != NULL && sorted != NULL);
    for (unsigned down = 0; down < 2; down++) {
        comem_list *list = list_of(store, values, count);
        for (size_t i = 0; i < count; i++)
            placed[i] = (struct placed){values[i], i};
        qsort(placed, count, sizeof *placed, down ? downwards : upwards);
        assert_ok(down ? comem_list_sort_descending(list) : comem_list_sort(list));
        assert_ok(comem_list_read(list, 0, count + 1, sorted, &read));
        assert_int_equal(read, count);
        for (size_t i = 0; i < count; i++) {
            support_assert_value(&sorted[i], &placed[i].value);
            comem_value_clear(&sorted[i]);
        }
        comem_list_release(list);
    }
    free(placed);
    free(sorted);
}

static void numbers_roll(struct dice *dice, size_t count, uint64_t different)
{
    for (size_t i = 0; i < count; i++) {
        int64_t number = (int64_t)dice_roll(dice, different) - (int64_t)(different / 2);
        unsigned kind = (unsigned)dice_roll(dice, 3);
        values[i] = kind == 0 ? comem_float((double)number) : comem_int(number);
        if (kind == 2 && (number == 0 || number == 1))
            values[i] = comem_bool(number == 1);
    }
}

/* sort() would lose items, put them into another order than Python's, or swap equal ones. */
static void sort_is_pythons_and_stable(void **state)
{
    struct bench *bench = *state;
    struct dice dice = {12};
    static const size_t lengths[] = {0, 1, 2, 3, 5, 16, 17, 63, 64, 65, 255, 256, 257, 513, 3000, 20000};
    static const uint64_t different[] = {1, 2, 4, 1000, 1u << 30};
    for (unsigned l = 0; l < sizeof lengths / sizeof *lengths; l++)
        for (unsigned d = 0; d < 5; d++) {
            numbers_roll(&dice, lengths[l], different[d]);
            sort_must_be_pythons(&bench->store, lengths[l]);
        }
    for (unsigned round = 0; round < 2000; round++) { /* many short ones */
        size_t length = dice_roll(&dice, 40);
        numbers_roll(&dice, length, 1 + dice_roll(&dice, 12));
        sort_must_be_pythons(&bench->store, length);
    }
    assert_int_equal(support_used(bench->map), 0);
}

/* Lists that are in order, or nearly, in either direction, would be the sort's worst or wrong case. */
static void sort_takes_any_pattern(void **state)
{
    struct bench *bench = *state;
    struct dice dice = {13};
    const size_t count = support_sanitized() ? 7000 : ITEMS_MAX;
    for (unsigned pattern = 0; pattern < 7; pattern++) {
        for (size_t i = 0; i < count; i++) {
            int64_t up = (int64_t)i, down = (int64_t)(count - i);
            int64_t numbers[] = {up, down, 7, up / 100, down / 100, i % 2 ? up : down, up % 1000};
            values[i] = comem_int(numbers[pattern]);
        }
        sort_must_be_pythons(&bench->store, count);
        for (unsigned i = 0; i < 20; i++)
            values[dice_roll(&dice, count)] = comem_int((int64_t)dice_roll(&dice, count));
        sort_must_be_pythons(&bench->store, count);
    }
}

/* Ints and floats beyond 2**53 would be compared as floats, where several ints are one. */
static void big_numbers_are_compared_exactly(void **state)
{
    struct bench *bench = *state;
    struct dice dice = {14};
    static const double reals[] = {9007199254740991.0,
                                   9007199254740992.0,
                                   9007199254740994.0,
                                   9223372036854774784.0,
                                   9223372036854775808.0,
                                   -9223372036854775808.0,
                                   -9223372036854777856.0,
                                   (double)INFINITY,
                                   -(double)INFINITY,
                                   0.0,
                                   -0.0,
                                   0.5,
                                   5e-324};
    static const int64_t near[] = {TWO_53, -TWO_53, INT64_MAX - 3, INT64_MIN + 3, 0};
    for (unsigned round = 0; round < 300; round++) {
        size_t count = 2 + dice_roll(&dice, 60);
        for (size_t i = 0; i < count; i++)
            values[i] = dice_roll(&dice, 2) ? comem_float(reals[dice_roll(&dice, 13)])
                                            : comem_int(near[dice_roll(&dice, 5)] + ((int64_t)dice_roll(&dice, 7) - 3));
        sort_must_be_pythons(&bench->store, count);
    }
    comem_value known[] = {comem_float(9223372036854775808.0), comem_int(INT64_MAX), comem_int(TWO_53 + 1),
                           comem_float(9007199254740992.0), comem_float(9007199254740994.0)};
    static const unsigned expected[] = {3, 2, 4, 1, 0};
    comem_list *list = list_of(&bench->store, known, 5);
    assert_ok(comem_list_sort(list));
    for (unsigned i = 0; i < 5; i++) {
        comem_value value;
        assert_ok(comem_list_get(list, i, &value));
        support_assert_value(&value, &known[expected[i]]);
    }
    comem_list_release(list);
    assert_int_equal(support_used(bench->map), 0);
}

/* Text would be sorted by UTF-16, by locale, or only up to a zero byte; bytes as signed chars. */
static void text_is_sorted_by_code_point(void **state)
{
    struct bench *bench = *state;
    struct dice dice = {15};
    static const char *const pieces[] = {"a",
                                         "b",
                                         "Z",
                                         "",
                                         "\xC3\xA9",
                                         "\xE2\x82\xAC",
                                         "\xED\xA0\x80",
                                         "\xEE\x80\x80",
                                         "\xEF\xBF\xBF",
                                         "\xF0\x90\x80\x80",
                                         "thirteen byte",
                                         "\0\0"};
    static const size_t sizes[] = {1, 1, 1, 0, 2, 3, 3, 3, 3, 4, 13, 2};
    static char room[3000][64];
    for (unsigned kind = 0; kind < 2; kind++)
        for (unsigned round = 0; round < 60; round++) {
            size_t count = dice_roll(&dice, round < 50 ? 60 : 3000);
            for (size_t i = 0; i < count; i++) {
                size_t size = 0;
                for (unsigned parts = (unsigned)dice_roll(&dice, 4); parts > 0; parts--) {
                    unsigned piece = (unsigned)dice_roll(&dice, 12);
                    memcpy(room[i] + size, pieces[piece], sizes[piece]);
                    size += sizes[piece];
                }
                values[i] = kind ? comem_bytes(room[i], size) : comem_str(room[i], size);
            }
            sort_must_be_pythons(&bench->store, count);
        }
    /* sorted(['\ud800', '\U00010000', 'z', '\uffff', 'é', 'e\0', 'e']) */
    comem_value known[] = {text("\xED\xA0\x80"), text("\xF0\x90\x80\x80"), text("z"), text("\xEF\xBF\xBF"),
                           text("\xC3\xA9"),     comem_str("e\0", 2),      text("e")};
    static const unsigned expected[] = {6, 5, 2, 4, 0, 3, 1};
    comem_list *list = list_of(&bench->store, known, 7);
    assert_ok(comem_list_sort(list));
    for (unsigned i = 0; i < 7; i++) {
        comem_value value;
        assert_ok(comem_list_get(list, i, &value));
        support_assert_value(&value, &known[expected[i]]);
        comem_value_clear(&value);
    }
    comem_list_release(list);
    assert_int_equal(support_used(bench->map), 0);
}

/* Items that have no order would be put into one, or the list be left half sorted. */
static void sort_refuses_what_has_no_order(void **state)
{
    struct bench *bench = *state;
    comem_list *child = support_list(&bench->store);
    const comem_value pairs[][2] = {{comem_int(1), text("one")},
                                    {text("one"), comem_bytes("one", 3)},
                                    {comem_none(), comem_none()},
                                    {comem_int(1), comem_none()},
                                    {comem_float(0.5), comem_bytes("", 0)},
                                    {comem_ref(child), comem_ref(child)},
                                    {comem_bool(true), comem_ref(child)}};
    for (unsigned p = 0; p < 7; p++)
        for (size_t where = 0; where < 300; where = where == 150 ? 299 : where + 150) { /* first, middle, last */
            for (size_t i = 0; i < 300; i++)
                values[i] = pairs[p][0].kind == COMEM_INT ? comem_int((int64_t)(300 - i)) : pairs[p][0];
            values[where] = pairs[p][1];
            comem_list *list = list_of(&bench->store, values, 300);
            uint64_t used = support_used(bench->map);
            assert_status(COMEM_TYPE, comem_list_sort(list));
            assert_status(COMEM_TYPE, comem_list_sort_descending(list));
            for (size_t i = 0; i < 300; i++) {
                comem_value value;
                assert_ok(comem_list_get(list, (int64_t)i, &value));
                support_assert_value(&value, &values[i]);
                comem_value_clear(&value);
            }
            assert_int_equal(support_used(bench->map), used);
            comem_list_release(list);
        }
    comem_list_release(child);
    assert_int_equal(support_used(bench->map), 0);
}

/* A float that is not a number would make the sort run for ever, or lose items. */
static void sort_ends_with_floats_that_are_no_numbers(void **state)
{
    struct bench *bench = *state;
    struct dice dice = {16};
    for (unsigned round = 0; round < 200; round++) {
        size_t count = dice_roll(&dice, 700), nans = 0;
        int64_t sum = 0;
        for (size_t i = 0; i < count; i++) {
            bool nan = dice_roll(&dice, 3) == 0;
            values[i] = nan ? comem_float((double)NAN) : comem_int((int64_t)dice_roll(&dice, 1000));
            nans += nan;
            sum += nan ? 0 : values[i].as.integer;
        }
        comem_list *list = list_of(&bench->store, values, count);
        assert_ok(round % 2 ? comem_list_sort(list) : comem_list_sort_descending(list));
        assert_int_equal(support_len(list), count);
        for (size_t i = 0; i < count; i++) {
            comem_value value;
            assert_ok(comem_list_get(list, (int64_t)i, &value));
            nans -= value.kind == COMEM_FLOAT;
            sum -= value.kind == COMEM_FLOAT ? 0 : value.as.integer;
        }
        assert_int_equal(nans, 0);
        assert_int_equal(sum, 0);
        comem_list_release(list);
    }
    assert_int_equal(support_used(bench->map), 0);
}

/* ---- what only Python compares ---- */

static comem_value packed(comem_value tree)
{
    comem_value value;
    assert_ok(comem_value_pack(&tree, &value));
    return value;
}

static comem_value of_kind(comem_kind kind, const void *data, size_t size)
{
    comem_value value = comem_bytes(data, size);
    value.kind = kind;
    return value;
}

/* Looks for 7 in a list of `other` and 7, and in one of 7 and `other`. */
static void look_beside(comem_store *store, comem_value other, bool unknown)
{
    const comem_value seven = comem_int(7), behind[] = {other, seven, seven}, before[] = {seven, other, seven};
    comem_list *list = list_of(store, behind, 3);
    size_t found;
    assert_int_equal(list_index_plain(list, &seven, COMEM_SLICE_ALL, &found), unknown ? COMEM_TYPE : COMEM_OK);
    assert_int_equal(found, unknown ? 0 : 1);
    assert_ok(list_index_plain(list, &seven, comem_slice_of(1, 3, 1), &found));
    assert_int_equal(list_count_plain(list, &seven, &found), unknown ? COMEM_TYPE : COMEM_OK);
    assert_int_equal(found, unknown ? 0 : 2);
    assert_int_equal(list_remove_plain(list, &seven), unknown ? COMEM_TYPE : COMEM_OK);
    assert_int_equal(support_len(list), unknown ? 3 : 2);
    assert_ok(comem_list_index(list, seven, 0, INT64_MAX, &found)); /* for C, only what has the same bytes is equal */
    comem_list_release(list);
    list = list_of(store, before, 3);
    assert_ok(list_index_plain(list, &seven, COMEM_SLICE_ALL, &found));
    assert_int_equal(list_count_plain(list, &seven, &found), unknown ? COMEM_TYPE : COMEM_OK);
    assert_ok(list_remove_plain(list, &seven));
    assert_int_equal(list_remove_plain(list, &seven), unknown ? COMEM_TYPE : COMEM_OK);
    comem_list_release(list);
}

/* A Decimal(7) would not be found, or a list of tuples be looked through by Python. */
static void looking_stops_where_only_python_can_tell(void **state)
{
    enum { ITEMS = 70000 };
    struct bench *bench = *state;
    static comem_value many[ITEMS];
    static const char bytes[400] = {[399] = 1};
    for (size_t i = 0; i < ITEMS; i++)
        many[i] = comem_int(7);
    for (size_t size = 0; size <= ITEMS; size = size == 0 ? 1 : size * 3) {
        const comem_kind containers[] = {COMEM_LIST, COMEM_TUPLE, COMEM_SET, COMEM_FROZENSET};
        for (unsigned i = 0; i < 4; i++) {
            comem_value value = packed(comem_items(containers[i], many, i < 2 ? size : size > 0));
            look_beside(&bench->store, value, false);
            comem_value_clear(&value);
        }
        comem_value dict = packed(comem_items(COMEM_DICT, many, size > 0));
        look_beside(&bench->store, dict, false);
        comem_value_clear(&dict);
    }
    const comem_value parts[] = {comem_float(7), comem_float(0)};
    comem_value unknown[] = {packed(comem_items(COMEM_COMPLEX, parts, 2)),
                             packed(of_kind(COMEM_BIG_INT, bytes, sizeof bytes)),
                             packed(of_kind(COMEM_BIG_INT, bytes + 390, 10)),
                             packed(of_kind(COMEM_BIG_INT, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 9)), /* 2^64 - 1 */
                             packed(of_kind(COMEM_BYTEARRAY, bytes, 0)),
                             packed(of_kind(COMEM_BYTEARRAY, bytes, 1)),
                             packed(of_kind(COMEM_BYTEARRAY, bytes, sizeof bytes)),
                             of_kind(COMEM_PICKLE, bytes, 0),
                             of_kind(COMEM_PICKLE, bytes, 13),
                             of_kind(COMEM_PICKLE, bytes, sizeof bytes)};
    for (unsigned i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        look_beside(&bench->store, unknown[i], true);
        comem_value_clear(&unknown[i]);
    }
    comem_list *inner = support_list(&bench->store);
    look_beside(&bench->store, comem_ref(inner), false);
    comem_list_release(inner);
}

int main(int argc, char **argv)
{
    support_choose(argc, argv);
    const struct CMUnitTest tests[] = {
        WITH_STORE(equal_is_what_is_equal_in_python),
        WITH_STORE(index_and_count_find_what_a_walk_finds),
        WITH_STORE(remove_takes_the_first_equal_item),
        WITH_STORE(looking_stops_where_only_python_can_tell),
        WITH_STORE(the_first_items_that_differ_decide),
        WITH_STORE(a_list_comes_before_what_it_begins),
        WITH_STORE(nested_lists_are_compared_by_what_they_hold),
        WITH_STORE(endless_lists_are_compared_up_to_a_depth),
        WITH_STORE(sort_is_pythons_and_stable),
        WITH_STORE(sort_takes_any_pattern),
        WITH_STORE(big_numbers_are_compared_exactly),
        WITH_STORE(text_is_sorted_by_code_point),
        WITH_STORE(sort_refuses_what_has_no_order),
        WITH_STORE(sort_ends_with_floats_that_are_no_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
