/* test_list.c - lists: each operation, its errors, growth, references, a second mapping, damage and the end */
#include "support.h"

#include <stdio.h>

#define MANY (support_sanitized() ? 200000 : 1000000)

static comem_value text(const char *string)
{
    return comem_str(string, strlen(string));
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
        support_assert_value(&all[i], &values[i % count]);
        comem_value_clear(&all[i]);
        comem_value_clear(&all[i]);
        assert_ok(comem_list_get(list, (int64_t)i, &value));
        support_assert_value(&value, &values[i % count]);
        comem_value_clear(&value);
        assert_ok(comem_list_get(list, (int64_t)i - (int64_t)read, &value));
        support_assert_value(&value, &values[i % count]);
        comem_value_clear(&value);
    }
    for (size_t i = 3 * count; i-- > 0;) {
        comem_value value;
        assert_ok(comem_list_pop(list, &value));
        support_assert_value(&value, &values[i % count]);
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
                        support_assert_value(&value, &values[i]);
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

/* A short text would be cut, be that of another item, or be freed by who reads; a long one would be lost. */
static void short_texts_are_lent_and_all_else_is_owned(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    static const char *const texts[] = {"", "a", "of 13 letters", "\xC3\xA9", "of 14 letters."};
    comem_value values[5];
    char room[5 * CELL_NEAR_ROOM];
    struct list_moment moment;
    struct list_cursor cursor;
    size_t count;
    for (int i = 0; i < 5; i++)
        assert_ok(comem_list_append(list, text(texts[i])));
    assert_ok(list_read_lent(list, COMEM_SLICE_ALL, values, room, 5, &count, &moment));
    assert_int_equal(count, 5);
    list_cursor_start(&cursor, list);
    for (int i = 0; i < 5; i++) {
        comem_value next;
        assert_string_equal(values[i].as.data, texts[i]);
        assert_int_equal(values[i].owned != 0, i == 4);
        assert_ok(list_cursor_next(&cursor, &next));
        assert_string_equal(next.as.data, texts[i]);
        assert_int_equal(next.owned != 0, i == 4);
        comem_value_clear(&next);
    }
    comem_value_clear(&values[4]);
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
    static const uint64_t nonsense[] = {8, 1, UINT64_C(0xFFFFFFFFFFF8), UINT64_C(1) << 35, UINT64_MAX};
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
        WITH_STORE(short_texts_are_lent_and_all_else_is_owned),
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
        WITH_STORE(a_store_mapped_twice_is_one_store),
        WITH_STORE(a_damaged_list_is_refused),
        WITH_STORE(a_list_that_was_shut_down_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
