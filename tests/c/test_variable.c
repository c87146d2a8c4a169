/* test_variable.c - variables: every kind of value, types, add and cas, several processes at once, damage and the end
 *
 * COMEM_TEST_SECONDS says how long the races go on (1).
 */
#include "support.h"

#include <stdio.h>
#include <sys/prctl.h>

#include "objects/value.h"
#include "objects/variable.h"

#define PROCESSES 4
#define FAR_TEXT "a text of more than thirteen bytes"

static comem_value text(const char *string)
{
    return support_text(string);
}

static comem_variable *variable_of(struct bench *bench, char typecode, comem_value initial)
{
    comem_variable *variable = NULL;
    assert_ok(comem_variable_new(&bench->store, typecode, initial, &variable));
    return variable;
}

static void assert_holds(comem_variable *variable, comem_value expected)
{
    comem_value value;
    assert_ok(comem_variable_get(variable, &value));
    support_assert_value(&value, &expected);
    comem_value_clear(&value);
}

/* 2^63 to 2^64 - 1, as a COMEM_INT cannot be; to be cleared. */
static comem_value unsigned_of(uint64_t number)
{
    uint64_t bytes[2] = {htole64(number), 0};
    comem_value big = comem_bytes(bytes, 9), packed;
    big.kind = COMEM_BIG_INT;
    assert_ok(comem_value_pack(&big, &packed));
    return packed;
}

/* A tuple of a reference and a text; to be cleared. */
static comem_value held_value(comem_value reference)
{
    comem_value items[] = {reference, text("beside it")}, packed;
    comem_value tuple = comem_items(COMEM_TUPLE, items, 2);
    assert_ok(comem_value_pack(&tuple, &packed));
    return packed;
}

/* ---- values ---- */

/* A value would be changed on its way in or out, or what it took would not be given back. */
static void values_of_every_kind_take_each_others_place(void **state)
{
    struct bench *bench = *state;
    static char large[9000];
    memset(large, 'x', sizeof large);
    uint64_t empty = support_used(bench->map);
    comem_list *list = support_list(&bench->store);
    comem_value held = held_value(comem_ref(list));
    const comem_value values[] = {
        comem_none(),
        comem_int(INT64_MIN),
        comem_int(7),
        comem_float(0.5),
        comem_bool(true),
        text(""),
        text("thirteen char"),
        text("thirteen byte"),
        text(FAR_TEXT),
        comem_bytes(large, sizeof large),
        comem_bytes("\0\1", 2),
        comem_ref(list),
        held,
    };
    const size_t count = sizeof values / sizeof values[0];
    comem_variable *variable = variable_of(bench, 0, comem_none());
    for (size_t i = 0; i < count * count; i++) { /* each after each */
        assert_ok(comem_variable_set(variable, values[i / count]));
        assert_holds(variable, values[i / count]);
        assert_ok(comem_variable_set(variable, values[i % count]));
        assert_holds(variable, values[i % count]);
        assert_int_equal(support_problems(bench->map), 0);
    }
    comem_variable_release(variable);
    for (size_t i = 0; i < count; i++) { /* and each with the variable's end */
        variable = variable_of(bench, 0, values[i]);
        assert_holds(variable, values[i]);
        comem_variable_release(variable);
        assert_int_equal(support_problems(bench->map), 0);
    }
    comem_value_clear(&held);
    comem_list_release(list);
    assert_int_equal(support_used(bench->map), empty);
}

/* What cannot be stored would be, or take something with it. */
static void bad_values_are_refused_and_leave_the_value(void **state)
{
    struct bench *bench = *state;
    comem_variable *variable = variable_of(bench, 0, text(FAR_TEXT)), *none = NULL;
    struct bench *other = support_begin(8 * MIB);
    comem_list *foreign = support_list(&other->store);
    uint64_t used = support_used(bench->map);
    bool swapped = true;
    char typecode;
    assert_status(COMEM_INVALID, comem_variable_set(variable, comem_str("\xFF", 1)));
    assert_status(COMEM_INVALID, comem_variable_set(variable, comem_ref(foreign)));
    assert_status(COMEM_INVALID, comem_variable_set(variable, comem_ref(NULL)));
    assert_status(COMEM_TYPE, comem_variable_set(variable, comem_missing()));
    assert_status(COMEM_TYPE, comem_variable_set(variable, comem_items(COMEM_LIST, NULL, 0)));
    assert_status(COMEM_TYPE, comem_variable_cas(variable, text(FAR_TEXT), comem_missing(), &swapped));
    assert_false(swapped);
    assert_status(COMEM_INVALID, comem_variable_new(&bench->store, 0, comem_ref(foreign), &none));
    assert_status(COMEM_INVALID, comem_variable_new(&bench->store, 'x', comem_int(0), &none));
    assert_status(COMEM_INVALID, comem_variable_new(&bench->store, (char)200, comem_int(0), &none));
    assert_status(COMEM_TYPE, comem_variable_new(&bench->store, 'i', comem_none(), &none));
    assert_null(none);
    assert_status(COMEM_INVALID, comem_variable_new(NULL, 0, comem_int(0), &none));
    assert_status(COMEM_INVALID, comem_variable_new(&bench->store, 0, comem_int(0), NULL));
    assert_status(COMEM_INVALID, comem_variable_set(NULL, comem_int(0)));
    assert_status(COMEM_INVALID, comem_variable_get(variable, NULL));
    assert_status(COMEM_INVALID, comem_variable_add(NULL, comem_int(0), NULL));
    assert_status(COMEM_INVALID, comem_variable_cas(variable, comem_int(0), comem_int(0), NULL));
    assert_status(COMEM_INVALID, comem_variable_typecode(NULL, &typecode));
    assert_holds(variable, text(FAR_TEXT));
    assert_int_equal(support_used(bench->map), used);
    comem_list_release(foreign);
    assert_int_equal(support_end(other), 0);
    comem_variable_release(variable);
    comem_variable_release(NULL);
}

/* ---- types ---- */

/* A number beyond its type would be cut, as C does it, or one at its edge refused. */
static void ints_fit_their_type_to_the_edge(void **state)
{
    struct bench *bench = *state;
    static const struct {
        char typecode;
        int64_t low, high;
    } edges[] = {
        {'b', INT8_MIN, INT8_MAX},   {'B', 0, UINT8_MAX},  {'h', INT16_MIN, INT16_MAX}, {'H', 0, UINT16_MAX},
        {'i', INT32_MIN, INT32_MAX}, {'I', 0, UINT32_MAX}, {'l', INT64_MIN, INT64_MAX}, {'q', INT64_MIN, INT64_MAX},
        {'L', 0, INT64_MAX},         {'Q', 0, INT64_MAX},
    };
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        comem_variable *variable = variable_of(bench, edges[i].typecode, comem_int(edges[i].low));
        bool whole = edges[i].high == INT64_MAX, swapped;
        char typecode = 0;
        assert_ok(comem_variable_typecode(variable, &typecode));
        assert_int_equal(typecode, edges[i].typecode);
        assert_holds(variable, comem_int(edges[i].low));
        assert_status(COMEM_OUT_OF_RANGE, comem_variable_add(variable, comem_int(-1), NULL));
        assert_ok(comem_variable_set(variable, comem_int(edges[i].high)));
        if (!whole) {
            assert_status(COMEM_OUT_OF_RANGE, comem_variable_set(variable, comem_int(edges[i].high + 1)));
            assert_status(COMEM_OUT_OF_RANGE, comem_variable_cas(variable, comem_int(edges[i].high),
                                                                 comem_int(edges[i].high + 1), &swapped));
        }
        if (edges[i].low > INT64_MIN)
            assert_status(COMEM_OUT_OF_RANGE, comem_variable_set(variable, comem_int(edges[i].low - 1)));
        if (edges[i].low < 0 || !whole)
            assert_status(COMEM_OUT_OF_RANGE, comem_variable_add(variable, comem_int(1), NULL));
        assert_holds(variable, comem_int(edges[i].high));
        assert_ok(comem_variable_set(variable, comem_bool(true)));
        assert_holds(variable, comem_int(1)); /* an int, as from array */
        assert_status(COMEM_TYPE, comem_variable_set(variable, comem_float(1)));
        assert_status(COMEM_TYPE, comem_variable_set(variable, text("1")));
        assert_status(COMEM_TYPE, comem_variable_set(variable, comem_none()));
        assert_status(COMEM_TYPE, comem_variable_add(variable, comem_float(0.5), NULL));
        assert_holds(variable, comem_int(1));
        comem_variable_release(variable);
    }
}

/* The upper half of 'Q' and 'L' would be refused, or counted wrong across 2^63. */
static void unsigned_numbers_reach_to_2_to_the_64(void **state)
{
    struct bench *bench = *state;
    comem_value half = unsigned_of(UINT64_C(1) << 63), last = unsigned_of(UINT64_MAX), result;
    uint8_t beyond[9] = {0, 0, 0, 0, 0, 0, 0, 0, 1};
    comem_value over = comem_bytes(beyond, 9), more;
    over.kind = COMEM_BIG_INT;
    assert_ok(comem_value_pack(&over, &more)); /* 2^64 */
    bool swapped;
    for (unsigned i = 0; i < 2; i++) {
        comem_variable *variable = variable_of(bench, "LQ"[i], comem_int(INT64_MAX));
        assert_ok(comem_variable_add(variable, comem_int(1), &result));
        support_assert_value(&result, &half);
        comem_value_clear(&result);
        assert_holds(variable, half);
        assert_ok(comem_variable_add(variable, comem_int(INT64_MAX), NULL));
        assert_holds(variable, last);
        assert_status(COMEM_OUT_OF_RANGE, comem_variable_add(variable, comem_int(1), &result));
        assert_int_equal(result.kind, COMEM_NONE);
        assert_status(COMEM_OUT_OF_RANGE, comem_variable_set(variable, more));
        assert_ok(comem_variable_cas(variable, last, half, &swapped));
        assert_true(swapped);
        assert_ok(comem_variable_add(variable, comem_int(-1), &result));
        assert_int_equal(result.as.integer, INT64_MAX);
        assert_holds(variable, comem_int(INT64_MAX));
        comem_variable_release(variable);
    }
    comem_variable *smaller = variable_of(bench, 'q', comem_int(0));
    assert_status(COMEM_OUT_OF_RANGE, comem_variable_set(smaller, half));
    comem_variable_release(smaller);
    comem_value_clear(&half);
    comem_value_clear(&last);
    comem_value_clear(&more);
}

/* Types that are no ints would take each other's values. */
static void other_types_take_what_is_theirs(void **state)
{
    struct bench *bench = *state;
    comem_variable *real = variable_of(bench, 'd', comem_int(3)), *single = variable_of(bench, 'f', comem_float(0.1));
    comem_variable *truth = variable_of(bench, '?', comem_int(5)),
                   *byte = variable_of(bench, 'c', comem_bytes("\0", 1));
    comem_variable *character = variable_of(bench, 'u', text("\xE2\x82\xAC"));
    comem_value result;
    assert_holds(real, comem_float(3));
    assert_ok(comem_variable_add(real, comem_int(1), &result));
    assert_true(result.kind == COMEM_FLOAT && result.as.real == 4);
    assert_ok(comem_variable_add(real, comem_float(0.5), &result));
    assert_true(result.as.real == 4.5);
    assert_status(COMEM_TYPE, comem_variable_set(real, text("1")));
    assert_holds(single, comem_float((float)0.1));
    assert_ok(comem_variable_add(single, comem_float(0.2), &result));
    assert_true(result.as.real == (double)(float)((double)(float)0.1 + 0.2));
    assert_holds(single, result);
    assert_holds(truth, comem_bool(true));
    assert_status(COMEM_TYPE, comem_variable_add(truth, comem_int(1), NULL));
    assert_status(COMEM_TYPE, comem_variable_set(truth, text("")));
    assert_holds(byte, comem_bytes("\0", 1));
    assert_status(COMEM_TYPE, comem_variable_set(byte, comem_bytes("", 0)));
    assert_status(COMEM_TYPE, comem_variable_set(byte, comem_bytes("ab", 2)));
    assert_status(COMEM_TYPE, comem_variable_set(byte, text("a")));
    assert_status(COMEM_TYPE, comem_variable_add(byte, comem_int(1), NULL));
    assert_holds(character, text("\xE2\x82\xAC"));
    assert_status(COMEM_TYPE, comem_variable_set(character, text("")));
    assert_status(COMEM_TYPE, comem_variable_set(character, text("ab")));
    assert_status(COMEM_TYPE, comem_variable_set(character, comem_bytes("a", 1)));
    assert_status(COMEM_TYPE, comem_variable_add(character, text("a"), NULL));
    comem_variable *all[] = {real, single, truth, byte, character};
    for (unsigned i = 0; i < 5; i++)
        comem_variable_release(all[i]);
}

/* ---- add and cas ---- */

/* A sum would be of another kind than in Python, or something that is no number would be lost. */
static void add_counts_in_ints_and_floats(void **state)
{
    struct bench *bench = *state;
    comem_variable *variable = variable_of(bench, 0, comem_bool(true));
    comem_value result;
    assert_ok(comem_variable_add(variable, comem_int(1), &result));
    assert_true(result.kind == COMEM_INT && result.as.integer == 2);
    assert_ok(comem_variable_add(variable, comem_bool(true), NULL));
    assert_holds(variable, comem_int(3));
    assert_ok(comem_variable_add(variable, comem_float(0.25), &result));
    assert_true(result.kind == COMEM_FLOAT && result.as.real == 3.25);
    assert_ok(comem_variable_set(variable, comem_int(INT64_MAX)));
    assert_status(COMEM_OUT_OF_RANGE, comem_variable_add(variable, comem_int(1), &result));
    assert_int_equal(result.kind, COMEM_NONE);
    assert_status(COMEM_TYPE, comem_variable_add(variable, text("1"), NULL));
    assert_holds(variable, comem_int(INT64_MAX));
    assert_ok(comem_variable_set(variable, text(FAR_TEXT)));
    assert_status(COMEM_TYPE, comem_variable_add(variable, comem_int(1), NULL));
    assert_holds(variable, text(FAR_TEXT));
    comem_variable_release(variable);
}

/* A value would be swapped for one that is not expected. */
static void cas_stores_only_over_what_is_expected(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    comem_value held = held_value(comem_ref(list));
    comem_variable *variable = variable_of(bench, 0, comem_int(1));
    bool swapped;
    const struct {
        comem_value expected, value;
        bool swapped;
    } steps[] = {
        {comem_int(2), comem_int(3), false},     {comem_bool(true), comem_float(2), true},
        {comem_int(2), text(FAR_TEXT), true},    {text("other"), comem_none(), false},
        {text(FAR_TEXT), comem_ref(list), true}, {text(FAR_TEXT), comem_none(), false},
        {comem_ref(list), held, true},           {held, comem_none(), true},
        {comem_missing(), comem_int(1), false},  {comem_none(), comem_int(9), true},
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        comem_value before;
        assert_ok(comem_variable_get(variable, &before));
        assert_ok(comem_variable_cas(variable, steps[i].expected, steps[i].value, &swapped));
        assert_int_equal(swapped, steps[i].swapped);
        assert_holds(variable, swapped ? steps[i].value : before);
        comem_value_clear(&before);
    }
    comem_variable_release(variable);
    comem_value_clear(&held);
    comem_list_release(list);
    assert_int_equal(support_used(bench->map), 0);
}

/* A change of something else in between would be overwritten. */
static void a_moment_that_has_passed_changes_nothing(void **state)
{
    struct bench *bench = *state;
    comem_variable *variable = variable_of(bench, 0, text(FAR_TEXT));
    struct variable_moment moment;
    comem_value value, next = comem_int(1);
    bool done = true;
    assert_ok(variable_find(variable, &value, &moment));
    assert_ok(
        comem_variable_set(variable, value)); /* the same text in another block, or, in the end, in the same one */
    assert_ok(comem_variable_set(variable, value));
    assert_ok(variable_replace_if(variable, &moment, &next, &done));
    assert_false(done);
    assert_holds(variable, text(FAR_TEXT));
    comem_value_clear(&value);
    assert_ok(variable_find(variable, &value, &moment));
    assert_ok(variable_replace_if(variable, &moment, &next, &done));
    assert_true(done);
    comem_value_clear(&value);
    assert_holds(variable, comem_int(1));
    comem_variable_release(variable);
}

/* ---- references and lives ---- */

/* A ring would be counted wrong, and a chain freed by calls within calls. */
static void variables_refer_to_each_other_and_to_themselves(void **state)
{
    struct bench *bench = *state;
    comem_variable *variable = variable_of(bench, 0, comem_none()), *chain = NULL;
    comem_value value;
    assert_ok(comem_variable_set(variable, comem_ref_variable(variable)));
    assert_ok(comem_variable_get(variable, &value));
    assert_ptr_equal(comem_value_variable(&value), variable);
    assert_null(comem_value_list(&value));
    assert_null(comem_value_dict(&value));
    comem_value_clear(&value);
    assert_int_equal(support_problems(bench->map), 0);
    assert_ok(comem_variable_set(variable, comem_none())); /* or nothing would ever free it */
    comem_variable_release(variable);
    for (unsigned i = 0; i < 20000; i++) {
        comem_variable *next = variable_of(bench, 0, chain == NULL ? comem_none() : comem_ref_variable(chain));
        comem_variable_release(chain);
        chain = next;
    }
    comem_variable_release(chain);
    assert_int_equal(support_used(bench->map), 0);
}

/* Containers would lose or confuse variables. */
static void variables_are_items_values_and_roots(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store), *other = support_list(&bench->store), *wrong;
    comem_dict *dict = support_dict(&bench->store);
    comem_variable *variable = variable_of(bench, 'i', comem_int(5)), *twin = variable_of(bench, 'i', comem_int(5)),
                   *root;
    comem_value value;
    bool equal;
    assert_ok(comem_list_append(list, comem_ref_variable(variable)));
    assert_ok(comem_list_append(other, comem_ref_variable(variable)));
    assert_ok(comem_list_equal(list, other, &equal));
    assert_true(equal);
    assert_ok(comem_list_set(other, 0, comem_ref_variable(twin)));
    assert_ok(comem_list_equal(list, other, &equal));
    assert_false(equal); /* two variables that happen to hold the same */
    assert_ok(comem_dict_set(dict, text("count"), comem_ref_variable(variable)));
    assert_status(COMEM_TYPE, comem_dict_set(dict, comem_ref_variable(variable), comem_none()));
    assert_ok(comem_dict_get(dict, text("count"), &value));
    assert_ok(comem_variable_add(comem_value_variable(&value), comem_int(1), NULL));
    comem_value_clear(&value);
    assert_holds(variable, comem_int(6));
    assert_ok(comem_root_variable(&bench->store, "answer", comem_int(42), &root));
    assert_ok(comem_variable_set(root, comem_int(43)));
    comem_variable_release(root);
    assert_ok(comem_root_variable(&bench->store, "answer", comem_int(1), &root));
    assert_holds(root, comem_int(43));
    assert_status(COMEM_TYPE, comem_root_list(&bench->store, "answer", &wrong));
    assert_string_equal(comem_detail(), "the root 'answer' is a variable, not a list");
    assert_status(COMEM_INVALID, comem_root_variable(&bench->store, "more", comem_str("\xFF", 1), &root));
    assert_ok(comem_root_remove(&bench->store, "answer"));
    assert_int_equal(support_problems(bench->map), 0);
}

/* What is printed would not be what Python prints. */
static void variables_are_printed_as_python_prints_them(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    comem_variable *ring = variable_of(bench, 0, comem_none());
    char *printed = NULL;
    size_t size;
    comem_variable *variables[] = {variable_of(bench, 'i', comem_int(42)), variable_of(bench, 0, text("it's")),
                                   variable_of(bench, 'c', comem_bytes("x", 1)), ring};
    assert_ok(comem_variable_set(ring, comem_ref_variable(ring)));
    for (unsigned i = 0; i < 4; i++)
        assert_ok(comem_list_append(list, comem_ref_variable(variables[i])));
    FILE *stream = open_memstream(&printed, &size);
    assert_non_null(stream);
    assert_ok(comem_list_print(list, stream));
    fclose(stream);
    assert_string_equal(printed, "[Value('i', 42), Value(None, \"it's\"), Value('c', b'x'), Value(None, Value(...))]");
    free(printed);
    assert_ok(comem_variable_set(ring, comem_none()));
}

/* A store that is full would lose the value, or keep half of the next one. */
static void a_full_store_keeps_the_value(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    comem_value held = held_value(comem_ref(list)), made = text(FAR_TEXT);
    comem_variable *variable = variable_of(bench, 0, text("what was there before"));
    comem_variable *none;
    bool swapped;
    heap_seam_room = 0;
    assert_status(COMEM_NO_MEMORY, comem_variable_set(variable, made));
    assert_status(COMEM_NO_MEMORY, comem_variable_set(variable, held));
    assert_status(COMEM_NO_MEMORY, comem_variable_cas(variable, text("what was there before"), made, &swapped));
    assert_false(swapped);
    assert_status(COMEM_NO_MEMORY, comem_variable_new(&bench->store, 0, comem_int(1), &none));
    heap_seam_room = 1; /* the header, but not the text */
    assert_status(COMEM_NO_MEMORY, comem_variable_new(&bench->store, 0, made, &none));
    heap_seam_room = UINT64_MAX;
    assert_holds(variable, text("what was there before"));
    assert_int_equal(support_problems(bench->map), 0);
    comem_value_clear(&held);
    comem_variable_release(variable);
    comem_list_release(list);
    assert_int_equal(support_used(bench->map), 0);
}

/* ---- several processes ---- */

#define ADDS (support_sanitized() ? 10000 : 200000)

struct counting {
    comem_variable *ints, *floats, *singles, *swapped;
    _Atomic int *here; /* how many have begun: all are to be at it at once */
};

static int count_up(void *argument)
{
    const struct counting *counting = argument;
    comem_value before = comem_int(0), result;
    bool swapped;
    ++*counting->here;
    support_await(counting->here, PROCESSES);
    for (int i = 0; i < ADDS; i++) {
        child_check(comem_variable_add(counting->ints, comem_int(1), &result) == COMEM_OK);
        child_check(result.kind == COMEM_INT && result.as.integer > before.as.integer); /* its own is in it */
        before = result;
        child_check(comem_variable_add(counting->floats, comem_float(0.5), NULL) == COMEM_OK);
        if (i % 10 == 0)
            child_check(comem_variable_add(counting->singles, comem_int(1), NULL) == COMEM_OK);
        if (i % 20 == 0)
            do { /* the same by hand */
                child_check(comem_variable_get(counting->swapped, &result) == COMEM_OK);
                comem_value next = comem_int(result.as.integer + 1);
                child_check(comem_variable_cas(counting->swapped, result, next, &swapped) == COMEM_OK);
            } while (!swapped);
    }
    return 0;
}

/* Of two changes made at once one would be lost. */
static void no_change_by_one_call_is_lost(void **state)
{
    struct bench *bench = *state;
    struct counting counting = {variable_of(bench, 'q', comem_int(0)), variable_of(bench, 0, comem_float(0)),
                                variable_of(bench, 'f', comem_int(0)), variable_of(bench, 0, comem_int(0)),
                                support_shared(sizeof(int))};
    pid_t children[PROCESSES];
    for (unsigned i = 0; i < PROCESSES; i++)
        children[i] = support_fork(count_up, &counting);
    for (unsigned i = 0; i < PROCESSES; i++)
        assert_int_equal(support_wait(children[i]), 0);
    assert_holds(counting.ints, comem_int(PROCESSES * ADDS));
    assert_holds(counting.floats, comem_float(PROCESSES * ADDS * 0.5));
    assert_holds(counting.singles, comem_float(PROCESSES * (ADDS / 10)));
    assert_holds(counting.swapped, comem_int(PROCESSES * (ADDS / 20)));
    support_sweep(bench->map);
    assert_int_equal(support_problems(bench->map), 0);
}

struct race {
    comem_variable *variable;
    comem_list *lists[2];
    _Atomic int stop;
    _Atomic long reads, writes;
};

/* The value number `number`: each kind says its number again and again. References are to one of two lists; to be cleared. */
static comem_value whole_value(const struct race *race, uint64_t number, char room[3000])
{
    static const size_t sizes[] = {8, 24, 3000};
    char digits[9];
    switch (number % 6) {
    case 0:
        return comem_int((int64_t)(number << 32 | (~number & 0xFFFFFFFF)));
    case 1:
        return comem_ref(race->lists[number / 6 % 2]);
    case 2:
        return held_value(comem_ref(race->lists[number / 6 % 2]));
    default:
        break;
    }
    size_t size = sizes[number % 6 - 3];
    snprintf(digits, sizeof digits, "%08x", (unsigned)number);
    for (size_t i = 0; i < size; i += 8)
        memcpy(room + i, digits, 8);
    return comem_bytes(room, size);
}

static bool is_whole(const comem_value *value)
{
    if (value->kind == COMEM_INT)
        return (uint32_t)value->as.integer == (uint32_t) ~(value->as.integer >> 32);
    if (value->kind == COMEM_REF)
        return comem_value_list(value) != NULL;
    if (value->kind == COMEM_PACKED) {
        comem_value tree;
        bool whole = comem_value_unpack(value, &tree) == COMEM_OK && tree.size == 2 &&
                     comem_value_list(&tree.as.items[0]) != NULL && tree.as.items[1].size == strlen("beside it");
        comem_value_clear(&tree);
        return whole;
    }
    for (size_t i = 8; i < value->size; i++)
        if (value->as.data[i] != value->as.data[i - 8])
            return false;
    return value->kind == COMEM_BYTES && (value->size == 8 || value->size == 24 || value->size == 3000);
}

static int write_on(void *argument)
{
    struct race *race = argument;
    struct dice dice = {(uint64_t)getpid() * 7919};
    char room[3000];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (!race->stop) {
        comem_value value = whole_value(race, dice_roll(&dice, 1u << 20), room);
        child_check(comem_variable_set(race->variable, value) == COMEM_OK);
        comem_value_clear(&value);
        race->writes++;
    }
    return 0;
}

static int read_on(void *argument)
{
    struct race *race = argument;
    comem_value value;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (!race->stop) {
        child_check(comem_variable_get(race->variable, &value) == COMEM_OK);
        child_check(is_whole(&value));
        comem_value_clear(&value);
        race->reads++;
    }
    return 0;
}

/* A reader beside writers would get half of one value and half of another, or an object that is freed. */
static void readers_see_whole_values(void **state)
{
    struct bench *bench = *state;
    struct race *race = support_shared(sizeof *race);
    race->variable = variable_of(bench, 0, comem_bytes("01234567", 8));
    race->lists[0] = support_list(&bench->store);
    race->lists[1] = support_list(&bench->store);
    pid_t children[] = {support_fork(write_on, race), support_fork(read_on, race), support_fork(write_on, race),
                        support_fork(read_on, race)};
    double end = support_seconds() + support_count("COMEM_TEST_SECONDS", 1);
    while (support_seconds() < end)
        support_nap(10000);
    race->stop = 1;
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(support_wait(children[i]), 0);
    assert_true(race->reads > 10 && race->writes > 10);
    support_sweep(bench->map);
    assert_int_equal(support_problems(bench->map), 0);
}

/* What the killed had in hand would stay locked, torn or lost. */
static void a_killed_writer_leaves_a_whole_value(void **state)
{
    struct bench *bench = *state;
    struct race *race = support_shared(sizeof *race);
    comem_value value;
    race->variable = variable_of(bench, 0, comem_none());
    race->lists[0] = support_list(&bench->store);
    race->lists[1] = support_list(&bench->store);
    for (unsigned i = 0; i < (support_sanitized() ? 20 : 100); i++) {
        long before = race->writes;
        pid_t child = support_fork(write_on, race);
        while (race->writes < before + 20)
            support_nap(100);
        kill(child, SIGKILL);
        assert_int_equal(support_wait(child), -SIGKILL);
        assert_ok(comem_variable_get(race->variable, &value));
        assert_true(is_whole(&value));
        comem_value_clear(&value);
        assert_ok(comem_variable_set(race->variable, comem_ref(race->lists[0])));
        support_sweep(bench->map);
        assert_int_equal(support_problems(bench->map), 0);
    }
    assert_ok(comem_variable_set(race->variable, comem_none()));
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(word_load(&race->lists[i]->object.shared->links), 0);
}

/* ---- damage and the end ---- */

/* A variable whose words were overwritten would make its reader crash. */
static void a_damaged_variable_is_refused(void **state)
{
    struct bench *bench = *state;
    static const struct {
        enum { HEAD, BODY, VERSION } word;
        uint64_t nonsense;
        bool writable; /* overwritten, it is as good as ever */
    } damages[] = {
        {HEAD, 0x77, false},         {HEAD, UINT64_MAX, false},        {HEAD, COMEM_STR | 14u << 16, true},
        {HEAD, COMEM_MISSING, true}, {HEAD, COMEM_REF, false},         {BODY, 8, false},
        {BODY, UINT64_MAX, false},   {BODY, UINT64_C(1) << 35, false}, {VERSION, 7, false},
    };
    comem_variable *variable = variable_of(bench, 0, text(FAR_TEXT));
    struct object *shared = variable->object.shared;
    comem_value value;
    bool swapped;
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        word64 *words[] = {&shared->content.head, &shared->content.body, &shared->version};
        word64 *word = words[damages[i].word];
        uint64_t good = word_load(word);
        struct cell_image whole = cell_load(&shared->content);
        word_store(word, damages[i].nonsense);
        assert_status(COMEM_DAMAGED, comem_variable_get(variable, &value));
        assert_int_equal(value.kind, COMEM_NONE);
        assert_status(COMEM_DAMAGED, comem_variable_add(variable, comem_int(1), NULL));
        assert_status(COMEM_DAMAGED, comem_variable_cas(variable, text(FAR_TEXT), comem_int(1), &swapped));
        word_store(word, good);
        if (damages[i].writable) {
            word_store(word, damages[i].nonsense);
            assert_ok(comem_variable_set(variable, comem_int(1)));
            assert_holds(variable, comem_int(1));
            cell_store(&shared->content, whole);
        }
    }
    uint64_t flags = word_load(&shared->flags);
    char typecode = 1;
    word_store(&shared->flags, UINT64_C(0xF3) << OBJECT_TYPECODE_SHIFT);
    assert_status(COMEM_DAMAGED, comem_variable_typecode(variable, &typecode));
    assert_status(COMEM_DAMAGED, comem_variable_set(variable, comem_int(1)));
    assert_int_equal(typecode, 0);
    word_store(&shared->flags, flags);
    assert_holds(variable, text(FAR_TEXT));
}

/* Freeing a variable whose words were overwritten would crash, or free what is not its own. */
static void a_damaged_variable_is_freed_all_the_same(void **state)
{
    struct bench *bench = *state;
    static const struct cell_image damages[] = {
        {0x77, 1},
        {UINT64_MAX, UINT64_MAX},
        {COMEM_REF, 8},
        {COMEM_REF, UINT64_MAX},
        {(uint64_t)CELL_FAR << 16 | COMEM_STR, UINT64_C(1) << 35},
        {(uint64_t)CELL_FAR << 16 | (uint64_t)COMEM_HOLDS << 8 | COMEM_PACKED, UINT64_C(1) << 35},
    };
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        comem_variable *variable = variable_of(bench, 0, comem_none());
        cell_store(&variable->object.shared->content, damages[i]);
        comem_variable_release(variable);
        assert_int_equal(support_problems(bench->map), 0);
    }
}

/* store_check() would find nothing wrong with a cell that names nothing. */
static void store_check_looks_at_the_value(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    comem_variable *variable = variable_of(bench, 0, comem_ref(list));
    struct cell *content = &variable->object.shared->content;
    struct cell_image good = cell_load(content);
    static const struct cell_image damages[] = {{0x77, 0}, {(uint64_t)CELL_FAR << 16 | COMEM_STR, 8}, {COMEM_NONE, 0}};
    assert_int_equal(store_check(bench->map, NULL, NULL), 0);
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        cell_store(content, damages[i]);
        assert_true(store_check(bench->map, NULL, NULL) > 0);
    }
    cell_store(content, good);
}

/* A variable of a manager would outlive its manager's end, or take what it refers to along. */
static void a_variable_that_was_shut_down_is_gone(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    comem_value held = held_value(comem_ref(list)), none = comem_none(), value;
    const comem_value values[] = {comem_int(1), text(FAR_TEXT), comem_ref(list), held};
    comem_variable *variables[4];
    uint64_t scope;
    bool swapped;
    char typecode;
    assert_ok(object_scope_new(&bench->store, &scope));
    for (unsigned i = 0; i < 4; i++) {
        assert_ok(variable_new_in(&bench->store, scope, OBJECT_FACE_MANAGER, 0, &none, &variables[i]));
        assert_ok(comem_variable_set(variables[i], values[i]));
    }
    assert_ok(object_scope_shutdown(&bench->store, scope));
    assert_int_equal(word_load(&list->object.shared->links), 0);
    for (unsigned i = 0; i < 4; i++) {
        assert_status(COMEM_GONE, comem_variable_get(variables[i], &value));
        assert_status(COMEM_GONE, comem_variable_set(variables[i], values[i]));
        assert_status(COMEM_GONE, comem_variable_add(variables[i], comem_int(1), NULL));
        assert_status(COMEM_GONE, comem_variable_cas(variables[i], values[i], comem_int(1), &swapped));
        assert_status(COMEM_GONE, comem_variable_typecode(variables[i], &typecode));
        comem_variable_release(variables[i]);
    }
    comem_value_clear(&held);
    comem_list_release(list);
    assert_int_equal(support_used(bench->map), 0);
}

struct ending {
    comem_variable *_Atomic variable; /* being read */
    _Atomic int rounds, wrong;
};

static void *read_to_the_end(void *argument)
{
    struct ending *ending = argument;
    while (ending->rounds > 0) {
        comem_variable *variable = ending->variable;
        comem_value value;
        if (variable == NULL)
            continue;
        comem_status status = comem_variable_get(variable, &value);
        ending->wrong += status == COMEM_OK ? value.kind == COMEM_NONE : status != COMEM_GONE;
        comem_value_clear(&value);
        if (status != COMEM_OK)
            ending->variable = NULL;
    }
    return NULL;
}

/* A reader at that moment would get the emptied cell: None, which nobody stored. */
static void the_end_of_a_manager_is_no_value(void **state)
{
    struct bench *bench = *state;
    struct ending ending = {.rounds = support_sanitized() ? 100 : 2000};
    comem_value none = comem_none();
    pthread_t reader;
    uint64_t scope;
    assert_int_equal(pthread_create(&reader, NULL, read_to_the_end, &ending), 0);
    for (; ending.rounds > 0; ending.rounds--) {
        comem_variable *variable = NULL;
        assert_ok(object_scope_new(&bench->store, &scope));
        assert_ok(variable_new_in(&bench->store, scope, 0, 0, &none, &variable));
        assert_ok(comem_variable_set(variable, ending.rounds % 2 ? text(FAR_TEXT) : comem_int(1)));
        ending.variable = variable;
        support_nap(ending.rounds % 20);
        assert_ok(object_scope_shutdown(&bench->store, scope));
        while (ending.variable != NULL)
            support_nap(1);
        comem_variable_release(variable);
    }
    pthread_join(reader, NULL);
    assert_int_equal(ending.wrong, 0);
}

int main(int argc, char **argv)
{
    support_choose(argc, argv);
    const struct CMUnitTest tests[] = {
        WITH_STORE(values_of_every_kind_take_each_others_place),
        WITH_STORE(bad_values_are_refused_and_leave_the_value),
        WITH_STORE(ints_fit_their_type_to_the_edge),
        WITH_STORE(unsigned_numbers_reach_to_2_to_the_64),
        WITH_STORE(other_types_take_what_is_theirs),
        WITH_STORE(add_counts_in_ints_and_floats),
        WITH_STORE(cas_stores_only_over_what_is_expected),
        WITH_STORE(a_moment_that_has_passed_changes_nothing),
        WITH_STORE(variables_refer_to_each_other_and_to_themselves),
        WITH_STORE(variables_are_items_values_and_roots),
        WITH_STORE(variables_are_printed_as_python_prints_them),
        WITH_STORE(a_full_store_keeps_the_value),
        WITH_STORE(no_change_by_one_call_is_lost),
        WITH_STORE(readers_see_whole_values),
        WITH_STORE(a_killed_writer_leaves_a_whole_value),
        WITH_STORE(a_damaged_variable_is_refused),
        WITH_STORE(a_damaged_variable_is_freed_all_the_same),
        WITH_STORE(store_check_looks_at_the_value),
        WITH_STORE(a_variable_that_was_shut_down_is_gone),
        WITH_STORE(the_end_of_a_manager_is_no_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
