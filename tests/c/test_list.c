/* test_list.c - lists: every operation, its errors, growth, references, and what others see meanwhile */
#include "support.h"

#include <stdio.h>

#include "objects/list.h"

#define MANY (support_sanitized() ? 200000 : 1000000)

static comem_value text(const char *string)
{
    return comem_str(string, strlen(string));
}

static void assert_value(const comem_value *value, const comem_value *expected)
{
    assert_int_equal(value->kind, expected->kind);
    switch ((comem_kind)expected->kind) {
    case COMEM_NONE:
        break;
    case COMEM_BOOL:
        assert_int_equal(value->as.boolean, expected->as.boolean);
        break;
    case COMEM_INT:
        assert_int_equal(value->as.integer, expected->as.integer);
        break;
    case COMEM_FLOAT:
        assert_memory_equal(&value->as.real, &expected->as.real, sizeof(double));
        break;
    case COMEM_STR:
    case COMEM_BYTES:
        assert_int_equal(value->size, expected->size);
        assert_memory_equal(value->as.data, expected->as.data, expected->size);
        assert_int_equal(value->as.data[value->size], 0);
        break;
    case COMEM_REF:
        assert_ptr_equal(value->as.object, expected->as.object); /* one handle for each object */
        break;
    }
}

/* ---- what a list is ---- */

/* A new list would not be empty. */
static void a_new_list_is_empty(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    comem_value value;
    size_t read = 7;
    assert_int_equal(support_len(list), 0);
    assert_status(COMEM_OUT_OF_RANGE, comem_list_get(list, 0, &value));
    assert_status(COMEM_OUT_OF_RANGE, comem_list_get(list, -1, &value));
    assert_status(COMEM_OUT_OF_RANGE, comem_list_set(list, 0, comem_int(1)));
    assert_status(COMEM_OUT_OF_RANGE, comem_list_pop(list, &value));
    assert_status(COMEM_OUT_OF_RANGE, comem_list_pop(list, NULL));
    assert_ok(comem_list_read(list, 0, 0, NULL, &read));
    assert_int_equal(read, 0);
    assert_ok(comem_list_clear(list));
    assert_ok(comem_list_extend(list, NULL, 0));
    assert_int_equal(support_len(list), 0);
}

/* A kind would be changed on its way in or out. */
static void values_of_every_kind_come_back_as_they_went_in(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store), *other = support_list(&bench->store);
    static const char zeros[40];
    const comem_value values[] = {
        comem_none(),          comem_bool(true),
        comem_bool(false),     comem_int(0),
        comem_int(INT64_MIN),  comem_int(INT64_MAX),
        comem_float(-0.0),     comem_float(1e308),
        comem_str("", 0),      comem_str(NULL, 0),
        text("one"),           text("a text of more than thirteen bytes"),
        comem_bytes(zeros, 5), comem_bytes(zeros, 40),
        comem_bytes("", 0),    comem_str(zeros, 13),
        comem_str(zeros, 14),  text("\xC3\xA4\xE2\x82\xAC"),
        comem_ref(other),      comem_ref(list),
    };
    const size_t count = sizeof values / sizeof values[0];
    for (size_t i = 0; i < count; i++)
        assert_ok(comem_list_append(list, values[i]));
    assert_ok(comem_list_extend(list, values, count));
    for (size_t i = 0; i < count; i++) {
        assert_ok(comem_list_append(list, comem_none()));
        assert_ok(comem_list_set(list, -1, values[i]));
    }
    assert_int_equal(support_len(list), 3 * count);
    comem_value all[80];
    size_t read;
    assert_ok(comem_list_read(list, 0, 80, all, &read));
    assert_int_equal(read, 3 * count);
    for (size_t i = 0; i < read; i++) {
        comem_value value;
        assert_value(&all[i], &values[i % count]);
        comem_value_clear(&all[i]);
        comem_value_clear(&all[i]);
        assert_ok(comem_list_get(list, (int64_t)i, &value));
        assert_value(&value, &values[i % count]);
        comem_value_clear(&value);
        assert_ok(comem_list_get(list, (int64_t)i - (int64_t)read, &value));
        assert_value(&value, &values[i % count]);
        comem_value_clear(&value);
    }
    for (size_t i = 3 * count; i-- > 0;) {
        comem_value value;
        assert_ok(comem_list_pop(list, &value));
        assert_value(&value, &values[i % count]);
        comem_value_clear(&value);
    }
    comem_list_release(list);
    comem_list_release(other);
    assert_int_equal(support_used(bench->map), 0);
}

/* An index beyond the list would touch what is not the list's. */
static void indexes_beyond_the_list_are_refused(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    static const int64_t beyond[] = {10, -11, 11, 255, 256, INT64_MAX, INT64_MIN, 1LL << 40, -(1LL << 40)};
    for (int i = 0; i < 10; i++)
        assert_ok(comem_list_append(list, comem_int(i)));
    for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
        comem_value value = comem_int(5);
        assert_status(COMEM_OUT_OF_RANGE, comem_list_get(list, beyond[i], &value));
        assert_int_equal(value.kind, COMEM_NONE);
        assert_status(COMEM_OUT_OF_RANGE, comem_list_set(list, beyond[i], comem_int(99)));
        assert_status(COMEM_OUT_OF_RANGE, comem_list_set(list, beyond[i], text("a text of more than thirteen bytes")));
        assert_status(COMEM_OUT_OF_RANGE, comem_list_set(list, beyond[i], comem_ref(list)));
    }
    for (int i = 0; i < 10; i++) {
        assert_int_equal(support_int(list, i), i);
        assert_int_equal(support_int(list, i - 10), i);
    }
}

/* A refused value would leave something behind, or change the list. */
static void bad_values_are_refused_and_leave_nothing(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    struct bench *other = support_begin(64 * MIB);
    comem_list *foreign = support_list(&other->store);
    comem_value no_kind = comem_int(1), null_data = comem_str(NULL, 5), null_ref = comem_ref(NULL);
    no_kind.kind = 77;
    const struct {
        comem_value value;
        comem_status status;
    } cases[] = {{no_kind, COMEM_TYPE},
                 {null_data, COMEM_INVALID},
                 {null_ref, COMEM_INVALID},
                 {comem_str("\xFF", 1), COMEM_INVALID},
                 {comem_str("long enough to be far \xC0\x80", 24), COMEM_INVALID},
                 {comem_ref(foreign), COMEM_INVALID}};
    assert_ok(comem_list_append(list, comem_int(1)));
    uint64_t used = support_used(bench->map);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        comem_value batch[3] = {text("a text of more than thirteen bytes"), cases[i].value, comem_ref(list)};
        assert_status(cases[i].status, comem_list_append(list, cases[i].value));
        assert_status(cases[i].status, comem_list_set(list, 0, cases[i].value));
        assert_status(cases[i].status, comem_list_extend(list, batch, 3));
    }
    assert_int_equal(support_len(list), 1);
    assert_int_equal(support_int(list, 0), 1);
    assert_int_equal(support_used(bench->map), used);
    assert_int_equal(support_end(other), 0);
    comem_list_release(list); /* the thread has left this store, too: the handle is stale by now */
}

/* A block would be lost, or overlap another one, as a list grows from 4 cells to many blocks and back. */
static void a_list_grows_and_gives_its_blocks_back(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    const int count = 40000;
    for (int i = 0; i < count; i++) {
        assert_ok(comem_list_append(list, comem_int(i)));
        if (i < 1500)
            for (int k = 0; k <= i; k += 1 + i / 16)
                assert_int_equal(support_int(list, k), k);
    }
    uint64_t full = support_used(bench->map);
    for (int i = 0; i < count; i++)
        assert_int_equal(support_int(list, i), i);
    for (int i = count; i-- > 0;) {
        comem_value value;
        assert_ok(comem_list_pop(list, &value));
        assert_int_equal(value.as.integer, i);
        assert_int_equal(support_len(list), i);
    }
    assert_true(support_used(bench->map) < full / 10);
    for (int i = 0; i < 700; i++) /* and it grows again */
        assert_ok(comem_list_append(list, comem_int(-i)));
    for (int i = 0; i < 700; i++)
        assert_int_equal(support_int(list, i), -i);
}

/* extend() would lose or double items where blocks meet. */
static void extend_by_any_count_adds_exactly_that(void **state)
{
    struct bench *bench = *state;
    static const size_t counts[] = {1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 255, 256, 257, 511, 512, 513, 1000, 5000};
    comem_value *values = calloc(5000, sizeof *values);
    char(*texts)[24] = calloc(5000, sizeof *texts);
    assert_true(values != NULL && texts != NULL);
    for (unsigned far = 0; far < 2; far++)
        for (size_t a = 0; a < sizeof counts / sizeof counts[0]; a++)
            for (size_t b = 0; b < sizeof counts / sizeof counts[0]; b += 3) {
                comem_list *list = support_list(&bench->store);
                size_t length = 0;
                for (unsigned round = 0; round < 2; round++) {
                    size_t count = round ? counts[b] : counts[a];
                    for (size_t i = 0; i < count; i++) {
                        snprintf(texts[i], sizeof texts[i], "item number %8zu", length + i);
                        values[i] = far && i % 3 == 0 ? text(texts[i]) : comem_int((int64_t)(length + i));
                    }
                    assert_ok(comem_list_extend(list, values, count));
                    size_t from = length;
                    length += count;
                    assert_int_equal(support_len(list), length);
                    for (size_t i = 0; i<count; i += count> 600 ? 37 : 1) {
                        comem_value value;
                        assert_ok(comem_list_get(list, (int64_t)(from + i), &value));
                        assert_value(&value, &values[i]);
                        comem_value_clear(&value);
                    }
                }
                comem_list_release(list);
            }
    assert_int_equal(support_used(bench->map), 0);
    free(values);
    free(texts);
}

/* A short list whose block stands at the very end of the store would be called damaged. */
static void a_block_at_the_end_of_the_store_is_as_good_as_any(void **state)
{
    struct bench *bench = *state;
    comem_list *lists[4000];
    comem_value two[2] = {comem_int(1), comem_int(2)}, read[4];
    size_t count;
    for (unsigned i = 0; i < 4000; i++) {
        lists[i] = support_list(&bench->store);
        assert_ok(comem_list_append(lists[i], comem_int(0)));
        assert_ok(comem_list_extend(lists[i], two, 2));
        assert_ok(comem_list_read(lists[i], 0, 4, read, &count));
        assert_int_equal(count, 3);
    }
    for (unsigned i = 0; i < 4000; i++)
        comem_list_release(lists[i]);
}

/* Reading a range would return other items than the range's. */
static void read_returns_what_is_in_the_range_and_no_more(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    comem_value values[700];
    size_t read;
    for (int i = 0; i < 600; i++)
        assert_ok(comem_list_append(list, i % 7 ? comem_int(i) : text("a text of more than thirteen bytes")));
    static const size_t cases[][3] = {{0, 600, 600}, {0, 700, 600}, {250, 10, 10},    {255, 2, 2}, {599, 5, 1},
                                      {600, 5, 0},   {601, 5, 0},   {SIZE_MAX, 5, 0}, {1, 0, 0},   {256, 256, 256}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_ok(comem_list_read(list, cases[i][0], cases[i][1], values, &read));
        assert_int_equal(read, cases[i][2]);
        for (size_t k = 0; k < read; k++) {
            if ((cases[i][0] + k) % 7)
                assert_int_equal(values[k].as.integer, cases[i][0] + k);
            else
                assert_int_equal(values[k].kind, COMEM_STR);
            comem_value_clear(&values[k]);
        }
    }
    assert_ok(comem_list_read(list, 5, SIZE_MAX, values, &read)); /* as many as there are, wherever that ends */
    assert_int_equal(read, 595);
    for (size_t k = 0; k < read; k++)
        comem_value_clear(&values[k]);
}

/* The iteration of the Python face would skip, repeat or stop. */
static void a_cursor_sees_every_item_as_it_is_then(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    struct list_cursor cursor;
    comem_value value;
    for (int i = 0; i < 1000; i++)
        assert_ok(comem_list_append(list, i % 10 ? comem_int(i) : text("a text of more than thirteen bytes")));
    list_cursor_start(&cursor, list);
    for (int i = 0; i < 1000; i++) {
        assert_ok(list_cursor_next(&cursor, &value));
        assert_int_equal(value.kind, i % 10 ? COMEM_INT : COMEM_STR);
        if (i % 10)
            assert_int_equal(value.as.integer, i);
        comem_value_clear(&value);
    }
    assert_status(COMEM_OUT_OF_RANGE, list_cursor_next(&cursor, &value));
    assert_ok(comem_list_append(list, comem_int(77)));
    assert_ok(list_cursor_next(&cursor, &value)); /* live */
    assert_int_equal(value.as.integer, 77);
    list_cursor_start(&cursor, list);
    assert_ok(comem_list_set(list, 1, comem_int(-1)));
    assert_ok(list_cursor_next(&cursor, &value));
    comem_value_clear(&value);
    assert_ok(list_cursor_next(&cursor, &value));
    assert_int_equal(value.as.integer, -1);
    assert_ok(comem_list_set(list, 2, comem_int(-2)));
    assert_ok(list_cursor_next(&cursor, &value));
    assert_int_equal(value.as.integer, -2);
    assert_ok(comem_list_clear(list));
    assert_status(COMEM_OUT_OF_RANGE, list_cursor_next(&cursor, &value));
    list_cursor_clear(&cursor);
}

/* A million items would be freed in one long pause, or never. */
static void a_cleared_list_is_freed_in_steps(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    uint64_t before = support_used(bench->map);
    comem_value values[1000];
    for (unsigned i = 0; i < 1000; i++)
        values[i] = i % 100 ? comem_int(i) : text("a text of more than thirteen bytes");
    for (unsigned i = 0; i < (unsigned)MANY / 1000; i++)
        assert_ok(comem_list_extend(list, values, 1000));
    assert_int_equal(support_len(list), MANY);
    uint64_t full = heap_used(bench->map);
    double start = support_seconds();
    assert_ok(comem_list_clear(list));
    double took = support_seconds() - start;
    assert_true(took < 0.05);
    assert_int_equal(support_len(list), 0);
    assert_true(heap_used(bench->map) > full / 2);
    assert_ok(comem_list_append(list, comem_int(1))); /* usable at once */
    assert_int_equal(support_int(list, 0), 1);
    assert_ok(comem_list_clear(list));
    assert_int_equal(support_used(bench->map), before);
}

/* What works in a small store would not in a large one. */
static void a_store_of_two_gibibytes_works_to_its_end(void **state)
{
    enum { VALUE = 4 * 1024 * 1024 };
    struct bench *bench = support_begin(2048 * MIB);
    comem_list *list = support_list(&bench->store);
    char *bytes = malloc(VALUE);
    comem_status status = COMEM_OK;
    comem_value value;
    size_t length = 0;
    (void)state;
    memset(bytes, 'x', VALUE);
    for (; status == COMEM_OK; length += status == COMEM_OK) {
        bytes[0] = bytes[VALUE - 1] = (char)length;
        status = comem_list_append(list, comem_bytes(bytes, VALUE));
    }
    assert_int_equal(status, COMEM_NO_MEMORY);
    assert_true(length >= 500);
    assert_int_equal(support_len(list), length);
    assert_ok(comem_list_pop(list, &value));
    assert_int_equal((char)(length - 1), value.as.data[VALUE - 1]);
    comem_value_clear(&value);
    assert_ok(comem_list_append(list, comem_bytes(bytes, VALUE)));
    for (int64_t i = 0; i < 100000; i++)
        if (comem_list_append(list, comem_int(i)) == COMEM_NO_MEMORY)
            break;
    assert_ok(comem_list_get(list, 0, &value));
    assert_int_equal(value.size, VALUE);
    comem_value_clear(&value);
    assert_ok(comem_list_clear(list));
    assert_true(support_used(bench->map) < MIB);
    comem_list_release(list);
    free(bytes);
    assert_int_equal(support_end(bench), 0);
}

/* A store that runs full would lose what is in it, or stay unusable. */
static void a_full_store_keeps_what_it_has(void **state)
{
    struct bench *bench = support_begin(2 * MIB);
    comem_list *list = support_list(&bench->store);
    char block[3000];
    size_t count = 0;
    (void)state;
    memset(block, 'x', sizeof block);
    comem_status status;
    while ((status = comem_list_append(list, comem_str(block, sizeof block))) == COMEM_OK)
        count++;
    assert_int_equal(status, COMEM_NO_MEMORY);
    assert_non_null(strstr(comem_detail(), "2097152")); /* its size */
    assert_non_null(strstr(comem_detail(), "limit"));
    assert_true(count > 400);
    assert_int_equal(support_len(list), count);
    assert_status(COMEM_NO_MEMORY, comem_list_set(list, 0, comem_str(block, sizeof block)));
    comem_value value;
    for (size_t i = 0; i < count; i++) {
        assert_ok(comem_list_get(list, (int64_t)i, &value));
        assert_int_equal(value.size, sizeof block);
        comem_value_clear(&value);
    }
    assert_ok(comem_list_set(list, 1, comem_int(5)));
    for (unsigned i = 0; i < 10; i++)
        assert_ok(comem_list_pop(list, NULL));
    for (unsigned i = 0; i < 8; i++)
        assert_ok(comem_list_append(list, comem_str(block, sizeof block)));
    assert_int_equal(support_end(bench), 0);
}

/* An extend() that does not fit would leave a part of it, or leak what it had built. */
static void extend_is_all_or_nothing_on_a_full_store(void **state)
{
    struct bench *bench = support_begin(2 * MIB);
    comem_list *list = support_list(&bench->store), *child = support_list(&bench->store);
    comem_value values[3000];
    char block[1900];
    (void)state;
    memset(block, 'y', sizeof block);
    assert_ok(comem_list_append(list, comem_int(1)));
    for (unsigned plain = 0; plain < 2; plain++) {
        for (unsigned i = 0; i < 3000; i++)
            values[i] = i % 2 ? comem_ref(child) : comem_str(block, sizeof block);
        uint64_t used = support_used(bench->map);
        assert_status(COMEM_NO_MEMORY, comem_list_extend(list, values, 3000));
        assert_int_equal(support_len(list), 1);
        assert_int_equal(word_load(&child->object.shared->links), 0);
        assert_int_equal(support_used(bench->map), used);
        assert_ok(comem_list_extend(list, values, 300)); /* a smaller one fits */
        assert_int_equal(support_len(list), 301);
        assert_int_equal(word_load(&child->object.shared->links), 150);
        while (support_len(list) > 1)
            assert_ok(comem_list_pop(list, NULL));
        assert_int_equal(word_load(&child->object.shared->links), 0);
    }
    comem_value *numbers = calloc(300000, sizeof *numbers);
    assert_non_null(numbers);
    assert_status(COMEM_NO_MEMORY, comem_list_extend(list, numbers, 300000));
    assert_int_equal(support_len(list), 1);
    assert_int_equal(support_int(list, 0), 1);
    free(numbers);
    assert_int_equal(support_end(bench), 0);
}

/* ---- references ---- */

/* A nested list would leak, or go while somebody can still reach it. */
static void a_nested_list_lives_as_long_as_a_handle_or_a_link(void **state)
{
    struct bench *bench = *state;
    comem_list *outer = support_list(&bench->store), *inner = support_list(&bench->store);
    comem_value value;
    assert_ok(comem_list_append(outer, comem_ref(inner)));
    assert_ok(comem_list_append(inner, comem_int(42)));
    comem_list_release(inner);
    assert_int_equal(support_problems(bench->map), 0);
    assert_ok(comem_list_get(outer, 0, &value));
    assert_int_equal(support_int(comem_value_list(&value), 0), 42);
    assert_ok(comem_list_pop(outer, NULL)); /* the handle in `value` keeps it */
    assert_int_equal(support_problems(bench->map), 0);
    assert_int_equal(support_int(comem_value_list(&value), 0), 42);
    uint64_t used = support_used(bench->map);
    comem_value_clear(&value);
    assert_true(support_used(bench->map) < used);
    comem_list_release(outer);
    assert_int_equal(support_used(bench->map), 0);
}

/* A chain of lists, each held by the one before, would leak or overflow the stack when it goes. */
static void a_long_chain_of_lists_is_freed(void **state)
{
    struct bench *bench = *state;
    comem_list *first = support_list(&bench->store), *last = first;
    for (unsigned i = 0; i < 20000; i++) {
        comem_list *next = support_list(&bench->store);
        assert_ok(comem_list_append(last, comem_ref(next)));
        if (last != first)
            comem_list_release(last);
        last = next;
    }
    comem_list_release(last);
    assert_int_equal(support_problems(bench->map), 0);
    comem_list_release(first);
    assert_int_equal(support_used(bench->map), 0);
}

/* A list inside itself would lock itself out, or count itself wrongly. */
static void a_list_may_contain_itself(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    comem_value value, three[3] = {comem_ref(list), text("a text of more than thirteen bytes"), comem_ref(list)};
    assert_ok(comem_list_append(list, comem_ref(list)));
    assert_ok(comem_list_extend(list, three, 3));
    assert_ok(comem_list_set(list, 0, comem_ref(list)));
    assert_int_equal(word_load(&list->object.shared->links), 3);
    assert_int_equal(support_problems(bench->map), 0);
    assert_ok(comem_list_get(list, 0, &value));
    assert_ptr_equal(comem_value_list(&value), list);
    comem_value_clear(&value);
    assert_ok(comem_list_pop(list, &value));
    assert_ptr_equal(comem_value_list(&value), list);
    comem_value_clear(&value);
    assert_ok(comem_list_set(list, 0, comem_none()));
    assert_ok(comem_list_clear(list));
    assert_int_equal(support_problems(bench->map), 0);
    assert_int_equal(word_load(&list->object.shared->links), 0);
    comem_list_release(list);
    assert_int_equal(support_used(bench->map), 0);
}

/* A container whose own last reference is inside what it is given would be freed under its writer. */
static void a_container_released_by_its_own_change_survives_it(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    assert_ok(comem_list_append(list, comem_ref(list)));
    comem_value value;
    assert_ok(comem_list_get(list, 0, &value));
    comem_list_release(list); /* `value` is the last handle */
    assert_ok(comem_list_clear(comem_value_list(&value)));
    assert_int_equal(support_len(comem_value_list(&value)), 0);
    comem_value_clear(&value);
    assert_int_equal(support_used(bench->map), 0);
}

struct sharing {
    comem_list *outer;
    _Atomic int *step;
};

static int hold_nested(void *argument)
{
    struct sharing *sharing = argument;
    comem_value value, item;
    child_check(comem_list_get(sharing->outer, 0, &value) == COMEM_OK);
    *sharing->step = 1;
    support_await(sharing->step, 2);
    child_check(comem_list_get(comem_value_list(&value), 0, &item) == COMEM_OK && item.as.integer == 42);
    child_check(comem_list_append(comem_value_list(&value), comem_int(43)) == COMEM_OK);
    comem_value_clear(&value);
    *sharing->step = 3;
    support_await(sharing->step, 4);
    return 0;
}

/* A list taken out of its container would be freed although another process uses it. */
static void a_popped_list_lives_while_another_process_holds_it(void **state)
{
    struct bench *bench = *state;
    struct sharing sharing = {support_list(&bench->store), support_shared(4096)};
    comem_list *inner = support_list(&bench->store);
    assert_ok(comem_list_append(inner, comem_int(42)));
    assert_ok(comem_list_append(sharing.outer, comem_ref(inner)));
    comem_list_release(inner);
    pid_t child = support_fork(hold_nested, &sharing);
    support_await(sharing.step, 1);
    assert_ok(comem_list_pop(sharing.outer, NULL));
    uint64_t used = support_used(bench->map);
    *sharing.step = 2;
    support_await(sharing.step, 3);
    assert_true(support_used(bench->map) < used); /* gone with the child's handle, while the child lives */
    *sharing.step = 4;
    assert_int_equal(support_wait(child), 0);
}

/* A killed holder would keep the list for ever. */
static void a_list_held_by_the_killed_is_freed(void **state)
{
    struct bench *bench = *state;
    struct sharing sharing = {support_list(&bench->store), support_shared(4096)};
    comem_list *inner = support_list(&bench->store);
    assert_ok(comem_list_append(inner, comem_int(42)));
    assert_ok(comem_list_append(sharing.outer, comem_ref(inner)));
    comem_list_release(inner);
    pid_t child = support_fork(hold_nested, &sharing);
    support_await(sharing.step, 1);
    assert_ok(comem_list_pop(sharing.outer, NULL));
    uint64_t used = support_used(bench->map);
    kill(child, SIGKILL);
    assert_int_equal(support_wait(child), -SIGKILL);
    assert_true(support_used(bench->map) < used);
}

/* Two processes popping the same references would lose a link, give one object twice, or keep one for ever. */
struct popping {
    comem_list *queue;
    _Atomic int popped, failed;
    int rounds;
};

static void *pop_references(void *argument)
{
    struct popping *popping = argument;
    while (popping->popped < popping->rounds) {
        comem_value value, item;
        comem_status status = comem_list_pop(popping->queue, &value);
        if (status == COMEM_OUT_OF_RANGE)
            continue;
        popping->failed += status != COMEM_OK;
        if (status == COMEM_OK && value.kind == COMEM_REF) {
            popping->failed += comem_list_get(comem_value_list(&value), 0, &item) != COMEM_OK;
            popping->popped++;
        }
        comem_value_clear(&value);
    }
    return NULL;
}

static void *push_references(void *argument)
{
    struct popping *popping = argument;
    comem_store store = {popping->queue->object.map};
    for (int i = 0; i < popping->rounds; i++) {
        comem_list *list;
        comem_status status = comem_list_new(&store, &list);
        if (status == COMEM_OK)
            status = comem_list_append(list, comem_int(i));
        if (status == COMEM_OK)
            status = comem_list_append(popping->queue, comem_ref(list));
        if (status == COMEM_OK)
            status = comem_list_append(popping->queue, comem_int(i)); /* so that a popper may meet another item */
        comem_list_release(list);
        popping->failed += status != COMEM_OK;
    }
    return NULL;
}

static void references_popped_by_many_threads_neither_leak_nor_hang(void **state)
{
    struct bench *bench = *state;
    struct popping popping = {.queue = support_list(&bench->store), .rounds = 20000};
    pthread_t threads[4];
    assert_int_equal(pthread_create(&threads[0], NULL, push_references, &popping), 0);
    for (unsigned i = 1; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, pop_references, &popping), 0);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(popping.failed, 0);
    comem_list_release(popping.queue);
    uint64_t rows = 0, used = support_used(bench->map);
    if (process_table(bench->map, bench->map->process, 0, &rows) == NULL)
        rows = 0;
    if (used != rows * sizeof(word64))
        fprintf(stderr, "%llu bytes leaked\n", (unsigned long long)(used - rows * sizeof(word64)));
    assert_int_equal(used, rows * sizeof(word64));
}

/* A reader that is overtaken by a writer while it takes a reference would give a handle on a freed list. */
struct swapping {
    comem_list *outer;
    _Atomic int stop, failed;
};

static void *swap_references(void *argument)
{
    struct swapping *swapping = argument;
    comem_store store = {swapping->outer->object.map};
    for (int64_t i = 0; !swapping->stop; i++) {
        comem_list *list = NULL;
        comem_status status = comem_list_new(&store, &list);
        if (status == COMEM_OK)
            status = comem_list_append(list, comem_int(i));
        if (status == COMEM_OK)
            status = comem_list_set(swapping->outer, 0, comem_ref(list));
        comem_list_release(list);
        swapping->failed += status != COMEM_OK;
    }
    return NULL;
}

static void *read_references(void *argument)
{
    struct swapping *swapping = argument;
    while (!swapping->stop) {
        comem_value value, item;
        if (comem_list_get(swapping->outer, 0, &value) != COMEM_OK || value.kind != COMEM_REF ||
            comem_list_get(comem_value_list(&value), 0, &item) != COMEM_OK) {
            fprintf(stderr, "a reference just read: %s\n", comem_detail());
            swapping->failed++;
        }
        comem_value_clear(&value);
    }
    return NULL;
}

static int read_references_process(void *argument)
{
    read_references(argument);
    return 0;
}

static void a_reference_just_read_can_be_used(void **state)
{
    struct bench *bench = *state;
    struct swapping *swapping = support_shared(sizeof *swapping);
    pthread_t threads[3];
    swapping->outer = support_list(&bench->store);
    comem_list *first = support_list(&bench->store);
    assert_ok(comem_list_append(first, comem_int(0)));
    assert_ok(comem_list_append(swapping->outer, comem_ref(first)));
    comem_list_release(first);
    pid_t child = support_fork(read_references_process, swapping);
    assert_int_equal(pthread_create(&threads[0], NULL, swap_references, swapping), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, read_references, swapping), 0);
    assert_int_equal(pthread_create(&threads[2], NULL, read_references, swapping), 0);
    support_nap(1000000);
    swapping->stop = 1;
    for (unsigned i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(support_wait(child), 0);
    assert_int_equal(swapping->failed, 0);
    assert_ok(comem_list_clear(swapping->outer));
    comem_list_release(swapping->outer);
    assert_int_equal(support_used(bench->map), 0);
}

/* ---- two mappings ---- */

/* An address of one mapping would have got into the store. */
static void a_store_mapped_twice_is_one_store(void **state)
{
    struct bench *bench = *state;
    comem_store *again = support_again(bench);
    comem_list *list = support_list(&bench->store), *inner = support_list(&bench->store);
    assert_ptr_not_equal(again->map->base, bench->map->base);
    comem_list *twin = support_handle_on(again, list);
    char block[10000];
    memset(block, 'z', sizeof block);
    for (int i = 0; i < 3000; i++) {
        assert_ok(comem_list_append(i % 2 ? list : twin, comem_int(i)));
        if (i % 50 == 0) {
            assert_ok(comem_list_set(i % 4 ? list : twin, -1, comem_str(block, sizeof block)));
            assert_ok(comem_list_set(i % 4 ? twin : list, -1, comem_int(i)));
        }
    }
    assert_status(COMEM_INVALID,
                  comem_list_append(twin, comem_ref(inner))); /* of another mapping: as of another store */
    assert_ok(comem_list_append(list, comem_ref(inner)));
    comem_value value;
    assert_ok(comem_list_pop(twin, &value));
    assert_ok(comem_list_append(comem_value_list(&value), comem_int(1)));
    assert_int_equal(support_len(inner), 1);
    comem_value_clear(&value);
    for (int i = 0; i < 3000; i++) {
        assert_int_equal(support_int(list, i), i);
        assert_int_equal(support_int(twin, i), i);
    }
    comem_list_release(list);
    assert_int_equal(support_len(twin), 3000); /* the other mapping's process record keeps it */
    comem_list_release(inner);
    comem_list_release(twin);
    assert_int_equal(support_used(bench->map), 0);
}

/* ---- a random program against a plain model ---- */

#define MODEL_LISTS 4
#define MODEL_MAX 3000

struct model_item {
    comem_kind kind;
    int64_t number; /* seeds str and bytes: their length and bytes; of a reference: which list */
};

struct model {
    comem_list *lists[MODEL_LISTS];
    struct model_item items[MODEL_LISTS][MODEL_MAX];
    size_t lengths[MODEL_LISTS];
    char buffers[300][20000];
};

static size_t model_size(int64_t number)
{
    static const size_t sizes[] = {0, 5, 12, 13, 14, 15, 60, 200, 1000, 8100, 8168, 8169, 9000, 20000};
    return sizes[number % 14];
}

static comem_value model_value(struct model *model, struct model_item item, unsigned buffer)
{
    char *room = model->buffers[buffer];
    size_t size = model_size(item.number);
    switch (item.kind) {
    case COMEM_NONE:
        return comem_none();
    case COMEM_BOOL:
        return comem_bool(item.number % 2 != 0);
    case COMEM_INT:
        return comem_int(item.number);
    case COMEM_FLOAT:
        return comem_float((double)item.number * 0.37);
    case COMEM_STR:
        memset(room, 'a' + (int)(item.number % 26), size);
        return comem_str(room, size);
    case COMEM_BYTES:
        memset(room, (int)(item.number % 256), size);
        return comem_bytes(room, size);
    case COMEM_REF:
        return comem_ref(model->lists[item.number]);
    }
    return comem_none();
}

static struct model_item model_roll(struct dice *dice)
{
    static const comem_kind kinds[] = {COMEM_INT, COMEM_INT,   COMEM_NONE, COMEM_BOOL, COMEM_FLOAT,
                                       COMEM_STR, COMEM_BYTES, COMEM_REF,  COMEM_REF};
    struct model_item item = {kinds[dice_roll(dice, 9)], 0};
    item.number = (int64_t)dice_roll(dice, item.kind == COMEM_REF ? MODEL_LISTS : 100000);
    return item;
}

static void model_compare(struct model *model, unsigned which)
{
    comem_list *list = model->lists[which];
    size_t length = model->lengths[which], read;
    comem_value *values = calloc(length + 1, sizeof *values);
    assert_non_null(values);
    assert_int_equal(support_len(list), length);
    assert_ok(comem_list_read(list, 0, length + 1, values, &read));
    assert_int_equal(read, length);
    for (size_t i = 0; i < length; i++) {
        comem_value expected = model_value(model, model->items[which][i], 0);
        assert_value(&values[i], &expected);
        comem_value_clear(&values[i]);
    }
    free(values);
}

static void model_step(struct model *model, struct dice *dice)
{
    unsigned which = (unsigned)dice_roll(dice, MODEL_LISTS);
    comem_list *list = model->lists[which];
    struct model_item *items = model->items[which], item = model_roll(dice);
    size_t *length = &model->lengths[which], at = *length > 0 ? dice_roll(dice, *length) : 0;
    comem_value value;
    switch (dice_roll(dice, 100)) {
    case 0:
        assert_ok(comem_list_clear(list));
        *length = 0;
        break;
    case 1:
    case 2:
    case 3:
    case 4: {
        static comem_value values[300];
        size_t count = dice_roll(dice, dice_roll(dice, 4) == 0 ? 300 : 10);
        bool numbers = dice_roll(dice, 2) == 0;
        if (*length + count > MODEL_MAX)
            break;
        for (size_t i = 0; i < count; i++) {
            item = model_roll(dice);
            if (numbers)
                item.kind = COMEM_INT;
            items[*length + i] = item;
            values[i] = model_value(model, item, (unsigned)i);
        }
        assert_ok(comem_list_extend(list, values, count));
        *length += count;
        break;
    }
    case 5:
        model_compare(model, which);
        break;
    default:
        switch (dice_roll(dice, 4)) {
        case 0:
            if (*length == MODEL_MAX)
                break;
            assert_ok(comem_list_append(list, model_value(model, item, 0)));
            items[(*length)++] = item;
            break;
        case 1:
            assert_status(*length > 0 ? COMEM_OK : COMEM_OUT_OF_RANGE,
                          comem_list_set(list, (int64_t)at, model_value(model, item, 0)));
            if (*length > 0)
                items[at] = item;
            break;
        case 2: {
            bool wanted = dice_roll(dice, 2) == 0;
            assert_status(*length > 0 ? COMEM_OK : COMEM_OUT_OF_RANGE, comem_list_pop(list, wanted ? &value : NULL));
            if (*length == 0)
                break;
            comem_value expected = model_value(model, items[--*length], 0);
            if (wanted) {
                assert_value(&value, &expected);
                comem_value_clear(&value);
            }
            break;
        }
        default:
            assert_status(*length > 0 ? COMEM_OK : COMEM_OUT_OF_RANGE, comem_list_get(list, (int64_t)at, &value));
            if (*length > 0) {
                comem_value expected = model_value(model, items[at], 0);
                assert_value(&value, &expected);
                comem_value_clear(&value);
            }
            break;
        }
        break;
    }
}

/* Some sequence of operations would end in another list than Python's own would be. */
static void a_random_program_does_what_the_model_does(void **state)
{
    struct bench *bench = *state;
    struct model *model = calloc(1, sizeof *model);
    assert_non_null(model);
    unsigned steps = support_count("COMEM_TEST_STEPS", support_sanitized() ? 30000 : 100000);
    for (unsigned seed = 1; seed <= 3; seed++) {
        struct dice dice = {seed};
        for (unsigned i = 0; i < MODEL_LISTS; i++) {
            model->lists[i] = support_list(&bench->store);
            model->lengths[i] = 0;
        }
        for (unsigned i = 0; i < steps / 3; i++)
            model_step(model, &dice);
        for (unsigned i = 0; i < MODEL_LISTS; i++)
            model_compare(model, i);
        assert_int_equal(support_problems(bench->map), 0);
        for (unsigned i = 0; i < MODEL_LISTS; i++) {
            assert_ok(comem_list_clear(model->lists[i])); /* rings of lists would keep each other */
            comem_list_release(model->lists[i]);
        }
        assert_int_equal(support_used(bench->map), 0);
    }
    free(model);
}

/* ---- beside writers ---- */

#define RACE_ITEMS 300

struct race {
    comem_list *items, *batches;
    _Atomic int stop, torn;
    _Atomic long reads;
};

/* Values that show when their halves are of different writes. */
static comem_value whole_value(uint64_t number, char *room)
{
    static const size_t sizes[] = {1, 7, 13, 14, 90, 3000, 9000};
    size_t size = sizes[number % 7];
    switch (number % 3) {
    case 0:
        memset(room, 'a' + (int)(number % 26), size);
        return comem_str(room, size);
    case 1:
        return comem_int((int64_t)((number & 0xFFFFFFFF) << 32 | (~number & 0xFFFFFFFF)));
    default:
        memset(room, (int)(number % 251), size);
        return comem_bytes(room, size);
    }
}

static bool is_whole(const comem_value *value)
{
    if (value->kind == COMEM_INT)
        return ((uint64_t)value->as.integer >> 32 ^ ((uint64_t)value->as.integer & 0xFFFFFFFF)) == 0xFFFFFFFF;
    if (value->kind != COMEM_STR && value->kind != COMEM_BYTES)
        return false;
    for (size_t i = 1; i < value->size; i++)
        if (value->as.data[i] != value->as.data[0])
            return false;
    static const size_t sizes[] = {1, 7, 13, 14, 90, 3000, 9000};
    for (size_t i = 0; i < 7; i++)
        if (value->size == sizes[i])
            return true;
    return false;
}

static void *race_writer(void *argument)
{
    struct race *race = argument;
    struct dice dice = {(uint64_t)(uintptr_t)&dice};
    char room[9000], other[9000];
    while (!race->stop) {
        int64_t index = (int64_t)dice_roll(&dice, RACE_ITEMS);
        comem_status status = comem_list_set(race->items, index, whole_value(dice_roll(&dice, 1u << 20), room));
        if (status != COMEM_OK && status != COMEM_OUT_OF_RANGE)
            race->torn++;
        if (dice_roll(&dice, 4) == 0 && comem_list_pop(race->items, NULL) == COMEM_OK &&
            comem_list_append(race->items, whole_value(dice_roll(&dice, 1u << 20), room)) != COMEM_OK)
            race->torn++;
        uint64_t same = dice_roll(&dice, 1u << 20);
        comem_value three[3] = {whole_value(same, other), whole_value(same, other), whole_value(same, other)};
        if (dice_roll(&dice, 100) == 0 ? comem_list_clear(race->batches) != COMEM_OK
                                       : comem_list_extend(race->batches, three, 3) != COMEM_OK)
            race->torn++;
    }
    return NULL;
}

static bool same_value(const comem_value *one, const comem_value *other)
{
    if (one->kind != other->kind || one->size != other->size)
        return false;
    return one->kind == COMEM_INT ? one->as.integer == other->as.integer
                                  : memcmp(one->as.data, other->as.data, one->size) == 0;
}

static void race_fail(struct race *race, const char *what)
{
    if (race->torn++ < 5)
        fprintf(stderr, "%s (%s)\n", what, comem_detail());
}

static void *race_reader(void *argument)
{
    struct race *race = argument;
    struct dice dice = {(uint64_t)(uintptr_t)&dice + (uint64_t)getpid()};
    static _Thread_local comem_value values[600];
    while (!race->stop) {
        comem_value value;
        size_t read;
        comem_status status = comem_list_get(race->items, (int64_t)dice_roll(&dice, RACE_ITEMS) - 100, &value);
        if (status == COMEM_OK && !is_whole(&value))
            race_fail(race, "a torn value from get");
        if (status != COMEM_OK && status != COMEM_OUT_OF_RANGE)
            race_fail(race, "get failed");
        comem_value_clear(&value);
        size_t from = dice_roll(&dice, 5) * 3;
        if (comem_list_read(race->batches, from, 600, values, &read) != COMEM_OK)
            race_fail(race, "read failed");
        if (read % 3 != 0)
            race_fail(race, "an extend was seen in part");
        for (size_t i = 0; i < read; i++)
            if (!is_whole(&values[i]) || !same_value(&values[i], &values[i - i % 3]))
                race_fail(race, "a torn value from read");
        for (size_t i = 0; i < read; i++)
            comem_value_clear(&values[i]);
        struct list_cursor cursor;
        list_cursor_start(&cursor, race->items);
        for (unsigned i = 0; i < RACE_ITEMS && list_cursor_next(&cursor, &value) == COMEM_OK; i++) {
            if (!is_whole(&value))
                race_fail(race, "a torn value from a cursor");
            comem_value_clear(&value);
        }
        race->reads++;
    }
    return NULL;
}

static int race_process(void *argument)
{
    pthread_t writer;
    child_check(pthread_create(&writer, NULL, race_writer, argument) == 0);
    race_reader(argument);
    pthread_join(writer, NULL);
    return 0;
}

/* A reader beside writers would get half of one value and half of another, or a part of a batch. */
static void readers_never_see_a_torn_value(void **state)
{
    struct bench *bench = *state;
    struct race *race = support_shared(sizeof *race);
    char room[9000];
    pthread_t threads[3];
    pid_t children[2];
    race->items = support_list(&bench->store);
    race->batches = support_list(&bench->store);
    for (unsigned i = 0; i < RACE_ITEMS; i++)
        assert_ok(comem_list_append(race->items, whole_value(i, room)));
    for (unsigned i = 0; i < 2; i++)
        children[i] = support_fork(race_process, race);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i == 0 ? race_writer : race_reader, race), 0);
    support_nap(3000000);
    race->stop = 1;
    for (unsigned i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(support_wait(children[i]), 0);
    assert_int_equal(race->torn, 0);
    assert_true(race->reads > 10);
}

/* ---- what a child inherits of another thread's operation ---- */

static int set_in_child(void *argument)
{
    comem_list *list = argument;
    child_check(comem_list_set(list, 300, comem_int(-300)) == COMEM_OK);
    child_check(comem_list_set(list, 44, comem_int(-44)) == COMEM_OK);
    return 0;
}

/* A child forked while another thread was noting where it found a block would write into a wrong one. */
static void a_child_does_not_trust_what_another_thread_was_noting(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    for (int i = 0; i < 600; i++)
        assert_ok(comem_list_append(list, comem_int(i)));
    assert_ok(comem_list_set(list, 0, comem_int(0)));
    struct list_place place = list->place;
    list->place.number = 1; /* half of the change from block 0 to block 1, as fork may catch it */
    assert_int_equal(support_run(set_in_child, list), 0);
    list->place = place;
    for (int i = 0; i < 600; i++)
        assert_int_equal(support_int(list, i), i == 300 || i == 44 ? -i : i);
}

/* ---- damage and the end ---- */

/* A list whose words were overwritten would make its reader crash. */
static void a_damaged_list_is_refused(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    for (int i = 0; i < 600; i++)
        assert_ok(comem_list_append(list, i % 2 ? comem_int(i) : text("a text of more than thirteen bytes")));
    struct list_table *table = list_table_at(bench->map, word_load(&list->object.shared->table));
    struct list_entry *entry = &table->entries[0];
    struct cell *cell = store_at(bench->map, word_load(&entry->block), 16);
    word64 *words[] = {&list->object.shared->table, &entry->block, &cell->body};
    static const uint64_t nonsense[] = {8, 1, UINT64_C(0xFFFFFFFFFFF8), UINT64_C(1) << 40, UINT64_MAX};
    for (unsigned w = 0; w < 3; w++)
        for (unsigned n = 0; n < 5; n++) {
            uint64_t good = word_load(words[w]);
            comem_value value;
            size_t length;
            word_store(words[w], nonsense[n]);
            comem_status status = comem_list_get(list, 0, &value);
            assert_true(status == COMEM_DAMAGED);
            status = comem_list_read(list, 0, 1, &value, &length);
            assert_true(status == COMEM_DAMAGED);
            if (w < 2)
                assert_status(COMEM_DAMAGED, comem_list_set(list, 0, comem_int(1)));
            if (w == 0) {
                assert_status(COMEM_DAMAGED, comem_list_len(list, &length));
                assert_status(COMEM_DAMAGED, comem_list_append(list, comem_int(1)));
                assert_status(COMEM_DAMAGED, comem_list_pop(list, NULL));
            }
            word_store(words[w], good);
        }
    assert_int_equal(support_int(list, 1), 1);
    assert_int_equal(support_problems(bench->map), 0);
}

/* A list that was shut down would still answer, or crash its user. */
static void a_list_that_was_shut_down_is_gone(void **state)
{
    struct bench *bench = *state;
    uint64_t scope;
    comem_list *list, *outside = support_list(&bench->store);
    comem_value value;
    size_t length;
    assert_ok(object_scope_new(&bench->store, &scope));
    assert_ok(list_new_in(&bench->store, scope, 0, &list));
    for (int i = 0; i < 1000; i++)
        assert_ok(comem_list_append(list, i % 2 ? comem_int(i) : comem_ref(outside)));
    assert_ok(comem_list_append(outside, comem_ref(list)));
    assert_ok(object_scope_shutdown(&bench->store, scope));
    assert_status(COMEM_GONE, comem_list_len(list, &length));
    assert_status(COMEM_GONE, comem_list_get(list, 0, &value));
    assert_status(COMEM_GONE, comem_list_set(list, 0, comem_int(1)));
    assert_status(COMEM_GONE, comem_list_append(list, comem_int(1)));
    assert_status(COMEM_GONE, comem_list_append(list, text("a text of more than thirteen bytes")));
    assert_status(COMEM_GONE, comem_list_append(outside, comem_ref(list)));
    assert_status(COMEM_GONE, comem_list_extend(list, &value, 1));
    assert_status(COMEM_GONE, comem_list_extend(list, NULL, 0));
    assert_status(COMEM_GONE, comem_list_pop(list, &value));
    assert_status(COMEM_GONE, comem_list_clear(list));
    assert_status(COMEM_GONE, comem_list_read(list, 0, 1, &value, &length));
    assert_status(COMEM_GONE, comem_list_print(list, stdout));
    comem_value batch[2] = {text("a text of more than thirteen bytes"), comem_ref(list)};
    assert_status(COMEM_GONE, comem_list_extend(outside, batch, 2));
    assert_int_equal(word_load(&outside->object.shared->links), 0);
    assert_int_equal(support_len(outside), 1);
    comem_list_release(list);
    assert_ok(comem_list_pop(outside, NULL));
    comem_list_release(outside);
    assert_int_equal(support_used(bench->map), 0);
}

int main(int argc, char **argv)
{
    support_choose(argc, argv);
    const struct CMUnitTest tests[] = {
        WITH_STORE(a_new_list_is_empty),
        WITH_STORE(values_of_every_kind_come_back_as_they_went_in),
        WITH_STORE(indexes_beyond_the_list_are_refused),
        WITH_STORE(bad_values_are_refused_and_leave_nothing),
        WITH_STORE(a_list_grows_and_gives_its_blocks_back),
        WITH_STORE(extend_by_any_count_adds_exactly_that),
        WITH_STORE(a_block_at_the_end_of_the_store_is_as_good_as_any),
        WITH_STORE(read_returns_what_is_in_the_range_and_no_more),
        WITH_STORE(a_cursor_sees_every_item_as_it_is_then),
        WITH_STORE(a_cleared_list_is_freed_in_steps),
        ALONE(a_store_of_two_gibibytes_works_to_its_end),
        WITH_STORE(a_full_store_keeps_what_it_has),
        WITH_STORE(extend_is_all_or_nothing_on_a_full_store),
        WITH_STORE(a_nested_list_lives_as_long_as_a_handle_or_a_link),
        WITH_STORE(a_long_chain_of_lists_is_freed),
        WITH_STORE(a_list_may_contain_itself),
        WITH_STORE(a_container_released_by_its_own_change_survives_it),
        WITH_STORE(a_popped_list_lives_while_another_process_holds_it),
        WITH_STORE(a_list_held_by_the_killed_is_freed),
        WITH_STORE(references_popped_by_many_threads_neither_leak_nor_hang),
        WITH_STORE(a_reference_just_read_can_be_used),
        WITH_STORE(a_store_mapped_twice_is_one_store),
        WITH_STORE(a_random_program_does_what_the_model_does),
        WITH_STORE(readers_never_see_a_torn_value),
        WITH_STORE(a_child_does_not_trust_what_another_thread_was_noting),
        WITH_STORE(a_damaged_list_is_refused),
        WITH_STORE(a_list_that_was_shut_down_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
