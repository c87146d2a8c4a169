/* test_list_size.c - what changed lists take, what they keep alive, and what refused changes leave
 *
 * What the changes do is in test_list_edit.c.
 */
#include "support.h"

#include "objects/dict_layout.h"

#include <stdio.h>

static comem_value values[20000];

static comem_value text(const char *string)
{
    return comem_str(string, strlen(string));
}

static const char long_text[] = "a text of more than thirteen bytes";

static void numbers_append(comem_list *list, size_t count)
{
    while (count > 0) {
        size_t step = count < 20000 ? count : 20000;
        for (size_t i = 0; i < step; i++)
            values[i] = comem_int((int64_t)i);
        assert_ok(comem_list_extend(list, values, step));
        count -= step;
    }
}

static uint64_t links(const comem_list *list)
{
    return word_load(&list->object.shared->links);
}

/* ---- a short list is small ---- */

typedef void (*maker)(comem_list *list, struct dice *dice);

static void by_appends(comem_list *list, struct dice *dice)
{
    (void)dice;
    for (int i = 0; i < 3; i++)
        assert_ok(comem_list_append(list, comem_int(i)));
}

static void by_extend(comem_list *list, struct dice *dice)
{
    (void)dice;
    numbers_append(list, 3);
}

static void by_inserts(comem_list *list, struct dice *dice)
{
    for (int i = 0; i < 3; i++)
        assert_ok(comem_list_insert(list, (int64_t)dice_roll(dice, 4), comem_int(i)));
}

static void insert_many(comem_list *list, struct dice *dice)
{
    for (unsigned i = 0; i < 1000; i++)
        assert_ok(comem_list_insert(list, (int64_t)dice_roll(dice, i + 1), comem_int(i)));
}

static void by_inserts_and_deletes(comem_list *list, struct dice *dice)
{
    insert_many(list, dice);
    for (size_t length = 1000; length > 3; length--)
        assert_ok(comem_list_pop_at(list, (int64_t)dice_roll(dice, length), NULL));
}

static void by_inserts_and_pops(comem_list *list, struct dice *dice)
{
    insert_many(list, dice);
    for (size_t length = 1000; length > 3; length--)
        assert_ok(comem_list_pop(list, NULL));
}

static void by_extend_and_pops(comem_list *list, struct dice *dice)
{
    (void)dice;
    numbers_append(list, 1000);
    for (size_t length = 1000; length > 3; length--)
        assert_ok(comem_list_pop(list, NULL));
}

static void by_pops_from_the_front(comem_list *list, struct dice *dice)
{
    (void)dice;
    numbers_append(list, 1000);
    for (size_t length = 1000; length > 3; length--)
        assert_ok(comem_list_pop_at(list, 0, NULL));
}

static void by_slice_delete(comem_list *list, struct dice *dice)
{
    int64_t at = (int64_t)dice_roll(dice, 3);
    numbers_append(list, 1000);
    assert_ok(comem_list_slice_delete(list, (comem_slice){at, at + 997, 1}));
}

static void by_stepped_slice_deletes(comem_list *list, struct dice *dice)
{
    (void)dice;
    numbers_append(list, 1000);
    for (size_t length = 1000; length > 3; length = support_len(list))
        assert_ok(comem_list_slice_delete(list, (comem_slice){0, INT64_MAX, length == 4 ? 4 : 3}));
}

static void by_slice_set(comem_list *list, struct dice *dice)
{
    numbers_append(list, dice_roll(dice, 1000));
    assert_ok(comem_list_slice_set(list, COMEM_SLICE_ALL, values, 3));
}

static void by_removes(comem_list *list, struct dice *dice)
{
    (void)dice;
    numbers_append(list, 1000);
    for (int i = 500; support_len(list) > 3; i = (i + 7) % 1000)
        assert_ok(comem_list_remove(list, comem_int(i)));
}

static void by_multiply(comem_list *list, struct dice *dice)
{
    (void)dice;
    assert_ok(comem_list_append(list, comem_int(1)));
    assert_ok(comem_list_multiply(list, 3));
}

static void by_clear(comem_list *list, struct dice *dice)
{
    numbers_append(list, 1000);
    assert_ok(comem_list_clear(list));
    by_appends(list, dice);
}

static void by_sort_and_reverse(comem_list *list, struct dice *dice)
{
    by_inserts_and_deletes(list, dice);
    assert_ok(comem_list_sort(list));
    assert_ok(comem_list_reverse(list));
}

static void by_extend_list(comem_list *list, struct dice *dice)
{
    assert_ok(comem_list_append(list, comem_int(1)));
    assert_ok(comem_list_extend_list(list, list));
    assert_ok(comem_list_insert(list, (int64_t)dice_roll(dice, 3), comem_int(2)));
}

static const maker makers[] = {by_appends,
                               by_extend,
                               by_inserts,
                               by_inserts_and_deletes,
                               by_slice_delete,
                               by_slice_set,
                               by_extend_and_pops,
                               by_inserts_and_pops,
                               by_removes,
                               by_multiply,
                               by_clear,
                               by_pops_from_the_front,
                               by_extend_list,
                               by_sort_and_reverse,
                               by_stepped_slice_deletes};
static const char *const maker_names[] = {"appends",
                                          "extend",
                                          "inserts",
                                          "inserts and deletes",
                                          "slice_delete",
                                          "slice_set",
                                          "extend and pops",
                                          "inserts and pops",
                                          "removes",
                                          "multiply",
                                          "clear",
                                          "pops from the front",
                                          "extend_list",
                                          "sort and reverse",
                                          "stepped slice_delete"};
#define MAKERS (sizeof makers / sizeof *makers)

static void must_be_small(struct bench *bench, uint64_t before, comem_list *list, const char *name)
{
    uint64_t taken = support_used(bench->map) - before;
    assert_int_equal(support_len(list), 3);
    if (taken > 512)
        fail_msg("a list of 3 items by %s takes %llu bytes", name, (unsigned long long)taken);
}

/* A program of many short lists would need many times the memory, depending on how they came to be short. */
static void a_list_of_three_takes_at_most_512_bytes(void **state)
{
    struct bench *bench = *state;
    struct dice dice = {21};
    comem_list *kept = support_list(&bench->store); /* the process has its record */
    for (unsigned m = 0; m < MAKERS; m++)
        for (unsigned round = 0; round < 20; round++) {
            uint64_t before = support_used(bench->map);
            comem_list *list = support_list(&bench->store), *made;
            makers[m](list, &dice);
            must_be_small(bench, before, list, maker_names[m]);
            before = support_used(bench->map);
            assert_ok(comem_list_copy(list, &made));
            must_be_small(bench, before, made, "copy");
            comem_list_release(made);
            assert_ok(comem_list_repeat(list, 1, &made));
            must_be_small(bench, before, made, "repeat");
            comem_list_release(made);
            comem_list_release(list);
        }
    comem_list_release(kept);
    assert_int_equal(support_used(bench->map), 0);
}

/* ---- no list is more than half empty ---- */

/* Cells for twice the items, what the table says of blocks, a constant; any two neighbours more than one block's. */
static void must_be_half_full(struct bench *bench, uint64_t before, comem_list *list, const char *after)
{
    const struct list_table *table = list_table_at(bench->map, word_load(&list->object.shared->table));
    uint64_t length = support_len(list), blocks = table == NULL ? 0 : list_table_blocks(table);
    uint64_t taken = support_used(bench->map) - before, most = 2 * 16 * length + length + 8 * 1024;
    if (taken > most)
        fail_msg("%llu items after %s take %llu bytes", (unsigned long long)length, after, (unsigned long long)taken);
    if (blocks > 2 * length / LIST_BLOCK + 2)
        fail_msg("%llu items after %s have %llu blocks", (unsigned long long)length, after, (unsigned long long)blocks);
}

static void shrink(struct bench *bench, uint64_t before, comem_list *list, unsigned way, struct dice *dice)
{
    static const char *const names[] = {"pops", "random deletes", "deletes at the front",
                                        "deletes of every second item", "random slice deletes"};
    for (size_t length = support_len(list), looked = length; length > 0; length = support_len(list)) {
        int64_t at = (int64_t)dice_roll(dice, length);
        if (way == 0)
            assert_ok(comem_list_pop(list, NULL));
        else if (way < 3)
            assert_ok(comem_list_pop_at(list, way == 1 ? at : 0, NULL));
        else if (way == 3)
            assert_ok(comem_list_slice_delete(list, (comem_slice){at % 2, INT64_MAX, 2}));
        else
            assert_ok(comem_list_slice_delete(list, (comem_slice){at, at + 1 + (int64_t)dice_roll(dice, 300), 1}));
        if (way > 2 || looked - length >= 1 + looked / 50) {
            looked = length;
            must_be_half_full(bench, before, list, names[way]);
        }
    }
}

/* A list from which much was taken would keep its memory. */
static void a_shrunken_list_is_at_least_half_full(void **state)
{
    struct bench *bench = *state;
    struct dice dice = {22};
    comem_list *kept = support_list(&bench->store);
    uint64_t before = support_used(bench->map);
    comem_list *list = support_list(&bench->store);
    static const size_t lengths[] = {300, 1000, 20000};
    for (unsigned l = 0; l < 3; l++)
        for (unsigned way = 0; way < 5; way++)
            for (unsigned uneven = 0; uneven < 2; uneven++) {
                numbers_append(list, uneven ? lengths[l] / 2 : lengths[l]);
                for (size_t i = uneven ? lengths[l] / 2 : lengths[l]; i < lengths[l]; i++)
                    assert_ok(comem_list_insert(list, (int64_t)dice_roll(&dice, i), comem_int(1)));
                must_be_half_full(bench, before, list, "inserts");
                shrink(bench, before, list, way, &dice);
            }
    comem_list_release(list);
    comem_list_release(kept);
    assert_int_equal(support_used(bench->map), 0);
}

/* Blocks that keep one item each would make a list of few items as large as one of many. */
static void blocks_of_few_items_are_joined(void **state)
{
    struct bench *bench = *state;
    comem_list *kept = support_list(&bench->store);
    uint64_t before = support_used(bench->map);
    comem_list *list = support_list(&bench->store);
    for (unsigned keep = 1; keep < 200; keep = keep * 3 + 1)
        for (unsigned backwards = 0; backwards < 2; backwards++) {
            assert_ok(comem_list_clear(list));
            numbers_append(list, 20000);
            for (size_t i = 0; i < 20000 / 256; i++) {
                int64_t at = backwards ? (int64_t)((20000 / 256 - 1 - i) * 256) : (int64_t)(i * keep);
                assert_ok(comem_list_slice_delete(list, (comem_slice){at, at + 256 - (int64_t)keep, 1}));
            }
            must_be_half_full(bench, before, list, "a block but for a few items, many times");
        }
    comem_list_release(list);
    comem_list_release(kept);
    assert_int_equal(support_used(bench->map), 0);
}

/* Inserts at random places, or at the front, would split blocks until each is nearly empty. */
static void a_grown_list_is_at_least_half_full(void **state)
{
    struct bench *bench = *state;
    struct dice dice = {23};
    comem_list *kept = support_list(&bench->store);
    uint64_t before = support_used(bench->map);
    for (unsigned way = 0; way < 4; way++) {
        comem_list *list = support_list(&bench->store);
        for (size_t length = 0; length < 20000; length++) {
            int64_t places[] = {0, (int64_t)dice_roll(&dice, length + 1), (int64_t)length / 2,
                                (int64_t)length - (length > 0)};
            assert_ok(comem_list_insert(list, places[way], comem_int(1)));
            if (length % 500 == 0)
                must_be_half_full(bench, before, list, "inserts");
        }
        comem_list_release(list);
    }
    comem_list_release(kept);
    assert_int_equal(support_used(bench->map), 0);
}

/* A list used as a queue, or a pool, would grow although its length does not. */
static void a_million_inserts_and_pops_leave_the_bytes_there_were(void **state)
{
    struct bench *bench = *state;
    struct dice dice = {24};
    comem_list *list = support_list(&bench->store);
    size_t length = 3;
    by_appends(list, NULL);
    uint64_t short_list = support_used(bench->map);
    for (unsigned i = 0; i < (support_sanitized() ? 60000u : 1000000u); i++) {
        bool grow = length <= 3 || (length < 2000 && dice_roll(&dice, 2000) > length);
        int64_t at = (int64_t)dice_roll(&dice, length + grow);
        if (grow)
            assert_ok(comem_list_insert(list, at, i % 50 ? comem_int(i) : text(long_text)));
        else
            assert_ok(comem_list_pop_at(list, at, NULL));
        length = grow ? length + 1 : length - 1;
    }
    assert_int_equal(support_len(list), length);
    assert_int_equal(support_problems(bench->map), 0);
    for (; length > 3; length--)
        assert_ok(comem_list_pop_at(list, (int64_t)dice_roll(&dice, length), NULL));
    for (int i = 0; i < 3; i++) /* no text among them */
        assert_ok(comem_list_set(list, i, comem_int(i)));
    assert_int_equal(support_used(bench->map), short_list);
    comem_list_release(list);
    assert_int_equal(support_used(bench->map), 0);
}

/* ---- links ---- */

/* An object would go while cells name it, or stay when the last of them is gone. */
static void an_object_lives_until_the_last_cell_that_names_it_is_gone(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store), *child = support_list(&bench->store), *copy, *both;
    comem_value value;
    assert_ok(comem_list_append(child, comem_int(42)));
    assert_ok(comem_list_append(list, comem_ref(child)));
    assert_ok(comem_list_insert(list, 0, text(long_text)));
    assert_ok(comem_list_multiply(list, 1000));
    assert_int_equal(links(child), 1000);
    assert_ok(comem_list_copy(list, &copy));
    assert_int_equal(links(child), 2000);
    assert_ok(comem_list_concat(list, copy, &both));
    assert_int_equal(links(child), 4000);
    comem_list_release(both);
    comem_list_release(copy);
    support_used(bench->map);
    assert_int_equal(links(child), 1000);
    assert_ok(comem_list_reverse(list));
    assert_ok(comem_list_slice_set(list, (comem_slice){0, 20, 2}, values, 10)); /* of refs: every second is one */
    comem_list_release(child);
    assert_ok(comem_list_slice_delete(list, (comem_slice){1, INT64_MAX, 2}));
    assert_ok(comem_list_slice_delete(list, (comem_slice){11, INT64_MAX, 1}));
    assert_int_equal(support_len(list), 11);
    assert_ok(comem_list_get(list, 10, &value)); /* the last one */
    assert_int_equal(support_int(comem_value_list(&value), 0), 42);
    assert_int_equal(links(comem_value_list(&value)), 1);
    assert_ok(comem_list_pop_at(list, 10, NULL));
    assert_int_equal(support_int(comem_value_list(&value), 0), 42);
    uint64_t used = support_used(bench->map);
    comem_value_clear(&value);
    assert_true(support_used(bench->map) < used);
    comem_list_release(list);
    assert_int_equal(support_used(bench->map), 0);
}

/* Links would be counted wrongly by a change that puts in and takes out the same object. */
static void every_change_counts_the_links_it_makes_and_ends(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store), *child = support_list(&bench->store);
    struct dice dice = {25};
    for (unsigned i = 0; i < 600; i++)
        values[i] = i % 3 ? comem_ref(child) : comem_int(i);
    for (unsigned round = 0; round < 3000; round++) {
        size_t length = support_len(list), count = 0;
        int64_t at = (int64_t)dice_roll(&dice, length + 1), to = at + (int64_t)dice_roll(&dice, 600);
        switch (dice_roll(&dice, 6)) {
        case 0:
            assert_ok(comem_list_slice_set(list, (comem_slice){at, to, 1}, values, dice_roll(&dice, 600)));
            break;
        case 1:
            assert_ok(comem_list_slice_delete(list, (comem_slice){at, to, 1 + (int64_t)dice_roll(&dice, 4)}));
            break;
        case 2:
            assert_ok(comem_list_insert(list, at, comem_ref(child)));
            break;
        case 3:
            assert_ok(length < 1000 ? comem_list_multiply(list, 2) : comem_list_reverse(list));
            break;
        case 4:
            comem_list_remove(list, comem_ref(child));
            break;
        default:
            if (comem_list_pop_at(list, at, &values[600]) == COMEM_OK)
                comem_value_clear(&values[600]);
        }
        assert_ok(comem_list_count(list, comem_ref(child), &count));
        support_used(bench->map);
        assert_int_equal(links(child), count);
    }
    assert_int_equal(support_problems(bench->map), 0);
    comem_list_release(list);
    comem_list_release(child);
    assert_int_equal(support_used(bench->map), 0);
}

/* A list that holds itself would lock itself out, or be freed under its own change. */
static void a_list_may_be_changed_by_what_it_holds_of_itself(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store), *copy;
    comem_value value, own[3] = {comem_ref(list), comem_int(5), comem_ref(list)};
    size_t index, count;
    assert_ok(comem_list_insert(list, 0, comem_ref(list)));
    assert_ok(comem_list_slice_set(list, (comem_slice){0, 0, 1}, own, 3));
    assert_ok(comem_list_multiply(list, 100));
    assert_ok(comem_list_extend_list(list, list));
    assert_ok(comem_list_reverse(list));
    assert_int_equal(links(list), 600);
    assert_ok(comem_list_index(list, comem_ref(list), 2, INT64_MAX, &index));
    assert_int_equal(index, 3);
    assert_ok(comem_list_count(list, comem_ref(list), &count));
    assert_int_equal(count, 600);
    assert_ok(comem_list_copy(list, &copy));
    assert_ok(comem_list_remove(list, comem_ref(list)));
    assert_ok(comem_list_pop_at(list, 0, &value));
    assert_ptr_equal(comem_value_list(&value), list);
    comem_value_clear(&value);
    assert_ok(comem_list_slice_delete(list, (comem_slice){0, INT64_MAX, 2}));
    comem_list_release(copy);
    assert_int_equal(support_problems(bench->map), 0);
    assert_ok(comem_list_count(list, comem_ref(list), &count));
    assert_int_equal(links(list), count);
    assert_ok(comem_list_get(list, -1, &value));
    if (value.kind != COMEM_REF)
        assert_ok(comem_list_get(list, -2, &value));
    comem_list_release(list); /* `value` is the last handle */
    assert_ok(comem_list_slice_delete(comem_value_list(&value), COMEM_SLICE_ALL));
    comem_value_clear(&value);
    assert_int_equal(support_used(bench->map), 0);
}

/* ---- refused ---- */

/* A call without a list, or without a place for its result, would crash. */
static void missing_arguments_are_invalid(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store), *made = list;
    comem_value value = comem_int(1);
    comem_slice all = COMEM_SLICE_ALL, none = {0, 1, 0};
    size_t count = 7;
    bool equal;
    int order;
    by_appends(list, NULL);
    assert_status(COMEM_INVALID, comem_list_insert(NULL, 0, value));
    assert_status(COMEM_INVALID, comem_list_pop_at(NULL, 0, &value));
    assert_status(COMEM_INVALID, comem_list_remove(NULL, comem_int(1)));
    assert_status(COMEM_INVALID, comem_list_reverse(NULL));
    assert_status(COMEM_INVALID, comem_list_sort(NULL));
    assert_status(COMEM_INVALID, comem_list_sort_descending(NULL));
    assert_status(COMEM_INVALID, comem_list_multiply(NULL, 2));
    assert_status(COMEM_INVALID, comem_list_slice_get(NULL, all, &value, 1, &count));
    assert_int_equal(count, 0);
    assert_status(COMEM_INVALID, comem_list_slice_get(list, all, &value, 1, NULL));
    assert_status(COMEM_INVALID, comem_list_slice_get(list, all, NULL, 3, &count));
    assert_status(COMEM_INVALID, comem_list_slice_get(list, none, &value, 1, &count));
    assert_status(COMEM_INVALID, comem_list_slice_set(NULL, all, &value, 1));
    assert_status(COMEM_INVALID, comem_list_slice_set(list, all, NULL, 1));
    assert_status(COMEM_INVALID, comem_list_slice_set(list, none, &value, 1));
    assert_status(COMEM_INVALID, comem_list_slice_set(list, (comem_slice){0, 3, 2}, &value, 1));
    assert_status(COMEM_INVALID, comem_list_slice_set(list, (comem_slice){0, 3, -1}, &value, 1));
    assert_status(COMEM_INVALID, comem_list_slice_delete(NULL, all));
    assert_status(COMEM_INVALID, comem_list_slice_delete(list, none));
    assert_status(COMEM_INVALID, comem_list_extend_list(NULL, list));
    assert_status(COMEM_INVALID, comem_list_extend_list(list, NULL));
    assert_status(COMEM_INVALID, comem_list_copy(NULL, &made));
    assert_null(made);
    assert_status(COMEM_INVALID, comem_list_copy(list, NULL));
    assert_status(COMEM_INVALID, comem_list_concat(NULL, list, &made));
    assert_status(COMEM_INVALID, comem_list_concat(list, NULL, &made));
    assert_status(COMEM_INVALID, comem_list_concat(list, list, NULL));
    assert_status(COMEM_INVALID, comem_list_repeat(NULL, 1, &made));
    assert_status(COMEM_INVALID, comem_list_repeat(list, 1, NULL));
    assert_status(COMEM_INVALID, comem_list_index(NULL, value, 0, 1, &count));
    assert_status(COMEM_INVALID, comem_list_index(list, value, 0, 1, NULL));
    assert_status(COMEM_INVALID, comem_list_count(NULL, value, &count));
    assert_status(COMEM_INVALID, comem_list_count(list, value, NULL));
    assert_status(COMEM_INVALID, comem_list_equal(NULL, list, &equal));
    assert_status(COMEM_INVALID, comem_list_equal(list, NULL, &equal));
    assert_status(COMEM_INVALID, comem_list_equal(list, list, NULL));
    assert_status(COMEM_INVALID, comem_list_compare(NULL, list, &order));
    assert_status(COMEM_INVALID, comem_list_compare(list, NULL, &order));
    assert_status(COMEM_INVALID, comem_list_compare(list, list, NULL));
    assert_int_equal(support_len(list), 3);
}

/* A slice that does not fit would be copied beyond the caller's room, or its number of items not be told. */
static void a_slice_beyond_the_room_is_counted_only(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    comem_value out[3] = {comem_int(77), comem_int(77), comem_int(77)};
    size_t count;
    numbers_append(list, 1000);
    for (size_t room = 0; room < 3; room++) {
        assert_ok(comem_list_slice_get(list, (comem_slice){100, 103, 1}, out, room, &count));
        assert_int_equal(count, 3);
        for (unsigned i = 0; i < 3; i++)
            assert_true(out[i].kind == COMEM_NONE || out[i].as.integer == 77); /* nothing to clear */
    }
    assert_ok(comem_list_slice_get(list, COMEM_SLICE_ALL, NULL, 0, &count));
    assert_int_equal(count, 1000);
    assert_ok(comem_list_slice_get(list, (comem_slice){100, 103, 1}, out, 3, &count));
    assert_int_equal(out[2].as.integer, 102);
}

/* A refused value would leave something behind, or a part of the change. */
static void bad_values_are_refused_and_leave_nothing(void **state)
{
    struct bench *bench = *state, *other = support_begin(64 * MIB);
    comem_list *list = support_list(&bench->store), *foreign = support_list(&other->store), *made;
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
    numbers_append(list, 600);
    uint64_t used = support_used(bench->map);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        comem_value batch[3] = {text(long_text), cases[i].value, comem_ref(list)};
        assert_status(cases[i].status, comem_list_insert(list, 300, cases[i].value));
        assert_status(cases[i].status, comem_list_slice_set(list, (comem_slice){100, 400, 1}, batch, 3));
        assert_status(cases[i].status, comem_list_slice_set(list, (comem_slice){100, 400, 100}, batch, 3));
    }
    assert_ok(comem_list_append(foreign, comem_ref(foreign)));
    assert_status(COMEM_INVALID, comem_list_extend_list(list, foreign));
    assert_true(comem_list_concat(list, foreign, &made) != COMEM_OK); /* a reference must not cross */
    assert_null(made);
    for (int i = 0; i < 600; i++)
        assert_int_equal(support_int(list, i), i);
    assert_int_equal(support_len(list), 600);
    assert_int_equal(links(list), 0);
    assert_int_equal(support_used(bench->map), used);
    assert_ok(comem_list_clear(foreign));
    assert_int_equal(support_end(other), 0);
    comem_list_release(list); /* the thread has left this store, too: the handle is stale by now */
}

/* A product that no machine can hold would wrap around to a small one. */
static void products_that_are_too_long_are_refused(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store), *made = NULL;
    static const int64_t times[] = {INT64_MAX, INT64_MAX / 4, INT64_MAX / 4 + 1, INT64_C(1) << 40, INT64_C(1) << 62};
    numbers_append(list, 4);
    uint64_t used = support_used(bench->map);
    for (unsigned i = 0; i < 5; i++) { /* four times 2^62 is 0 in 64 bits */
        assert_status(COMEM_NO_MEMORY, comem_list_multiply(list, times[i]));
        assert_status(COMEM_NO_MEMORY, comem_list_repeat(list, times[i], &made));
        assert_null(made);
    }
    assert_int_equal(support_len(list), 4);
    assert_int_equal(support_used(bench->map), used);
    assert_ok(comem_list_clear(list));
    assert_ok(comem_list_multiply(list, INT64_MAX)); /* nothing, that often */
    assert_int_equal(support_len(list), 0);
}

#define FULL_ITEMS 20000

/* A store of 2 MiB that is full but for less than a second copy of `list`. */
static comem_list *fill_store(struct bench *bench, comem_list *ballast)
{
    comem_list *list = support_list(&bench->store);
    char block[8000];
    memset(block, 'x', sizeof block);
    for (unsigned i = 0; i < FULL_ITEMS; i += 500) {
        for (unsigned k = 0; k < 500; k++)
            values[k] = (i + k) % 1000 == 999 ? comem_bytes(block, 2000) : comem_bytes("a item", 6);
        assert_ok(comem_list_extend(list, values, 500));
    }
    comem_status status = COMEM_OK;
    for (size_t size = sizeof block; size > 100; size /= 2)
        while ((status = comem_list_append(ballast, comem_bytes(block, size))) == COMEM_OK)
            ;
    assert_int_equal(status, COMEM_NO_MEMORY);
    return list;
}

static void must_be_untouched(struct bench *bench, comem_list *list, uint64_t used)
{
    assert_int_equal(support_len(list), FULL_ITEMS);
    for (int i = 0; i < FULL_ITEMS; i += 333) {
        comem_value value;
        assert_ok(comem_list_get(list, i, &value));
        assert_int_equal(value.size, i % 1000 == 999 ? 2000 : 6);
        comem_value_clear(&value);
    }
    assert_int_equal(support_used(bench->map), used);
    assert_int_equal(support_problems(bench->map), 0);
}

/* A change that does not fit would leave a part of it, lose the list, or leak what it had built. */
static void a_full_store_leaves_the_list_whole(void **state)
{
    struct bench *bench = support_begin(2 * MIB);
    comem_list *ballast = support_list(&bench->store), *list = fill_store(bench, ballast), *made = NULL;
    uint64_t used = support_used(bench->map);
    char block[9000] = {1};
    (void)state;
    assert_status(COMEM_NO_MEMORY, comem_list_reverse(list));
    must_be_untouched(bench, list, used);
    assert_status(COMEM_NO_MEMORY, comem_list_sort(list));
    must_be_untouched(bench, list, used);
    assert_status(COMEM_NO_MEMORY, comem_list_multiply(list, 3));
    must_be_untouched(bench, list, used);
    assert_status(COMEM_NO_MEMORY, comem_list_extend_list(list, list));
    must_be_untouched(bench, list, used);
    assert_status(COMEM_NO_MEMORY, comem_list_copy(list, &made));
    assert_status(COMEM_NO_MEMORY, comem_list_repeat(list, 2, &made));
    assert_status(COMEM_NO_MEMORY, comem_list_concat(list, list, &made));
    assert_null(made);
    must_be_untouched(bench, list, used);
    assert_status(COMEM_NO_MEMORY, comem_list_insert(list, 10000, comem_bytes(block, sizeof block)));
    must_be_untouched(bench, list, used);
    for (unsigned i = 0; i < 20000; i++)
        values[i] = i % 2 ? comem_bytes(block, 1900) : comem_ref(ballast);
    assert_status(COMEM_NO_MEMORY, comem_list_slice_set(list, (comem_slice){500, 600, 1}, values, 5000));
    must_be_untouched(bench, list, used);
    assert_status(COMEM_NO_MEMORY, comem_list_slice_set(list, (comem_slice){0, INT64_MAX, 2}, values, 10000));
    must_be_untouched(bench, list, used);
    assert_int_equal(links(ballast), 0);
    assert_ok(comem_list_clear(ballast)); /* and with room it goes on */
    assert_ok(comem_list_insert(list, 10000, comem_bytes(block, sizeof block)));
    assert_ok(comem_list_reverse(list));
    assert_ok(comem_list_slice_delete(list, COMEM_SLICE_ALL));
    comem_list_release(list);
    comem_list_release(ballast);
    assert_int_equal(support_end(bench), 0);
}

/* A full store could not be emptied, because taking something out needs room. */
static void items_come_out_of_a_full_store(void **state)
{
    struct bench *bench = support_begin(2 * MIB);
    comem_list *ballast = support_list(&bench->store), *list = fill_store(bench, ballast);
    size_t length = FULL_ITEMS;
    (void)state;
    assert_ok(comem_list_pop(list, NULL));
    length--;
    for (unsigned i = 0; length > 0; i++) {
        comem_status status = comem_list_pop_at(list, (int64_t)(i * 7919u % length), NULL);
        if (status == COMEM_OK) {
            length--;
        } else {
            assert_status(COMEM_NO_MEMORY, status);
            assert_int_equal(support_len(list), length);
            assert_ok(comem_list_pop(list, NULL)); /* the last one needs none */
            length--;
        }
    }
    assert_ok(comem_list_clear(ballast));
    comem_list_release(list);
    comem_list_release(ballast);
    assert_int_equal(support_end(bench), 0);
}

/* A list that was shut down would still answer, or crash its user. */
static void a_list_that_was_shut_down_is_gone(void **state)
{
    struct bench *bench = *state;
    comem_list *list, *other = support_list(&bench->store), *made = NULL;
    comem_value value;
    uint64_t scope;
    size_t count;
    bool equal;
    int order;
    assert_ok(object_scope_new(&bench->store, &scope));
    assert_ok(list_new_in(&bench->store, scope, 0, &list));
    numbers_append(list, 600);
    numbers_append(other, 600);
    assert_ok(object_scope_shutdown(&bench->store, scope));
    values[0] = text(long_text);
    values[1] = comem_ref(other);
    assert_status(COMEM_GONE, comem_list_insert(list, 1, comem_int(1)));
    assert_status(COMEM_GONE, comem_list_insert(list, 1, values[0]));
    assert_status(COMEM_GONE, comem_list_insert(other, 1, comem_ref(list)));
    assert_status(COMEM_GONE, comem_list_pop_at(list, 1, &value));
    assert_status(COMEM_GONE, comem_list_remove(list, comem_int(1)));
    assert_status(COMEM_GONE, comem_list_reverse(list));
    assert_status(COMEM_GONE, comem_list_sort(list));
    assert_status(COMEM_GONE, comem_list_slice_get(list, COMEM_SLICE_ALL, &value, 1, &count));
    assert_status(COMEM_GONE, comem_list_slice_set(list, COMEM_SLICE_ALL, values, 2));
    assert_status(COMEM_GONE, comem_list_slice_delete(list, COMEM_SLICE_ALL));
    assert_status(COMEM_GONE, comem_list_extend_list(list, other));
    assert_status(COMEM_GONE, comem_list_extend_list(other, list));
    assert_status(COMEM_GONE, comem_list_multiply(list, 2));
    assert_status(COMEM_GONE, comem_list_copy(list, &made));
    assert_status(COMEM_GONE, comem_list_concat(list, other, &made));
    assert_status(COMEM_GONE, comem_list_concat(other, list, &made));
    assert_status(COMEM_GONE, comem_list_repeat(list, 2, &made));
    assert_null(made);
    assert_status(COMEM_GONE, comem_list_index(list, comem_int(1), 0, INT64_MAX, &count));
    assert_status(COMEM_GONE, comem_list_count(list, comem_int(1), &count));
    assert_status(COMEM_GONE, comem_list_equal(list, other, &equal));
    assert_status(COMEM_GONE, comem_list_equal(other, list, &equal));
    assert_status(COMEM_GONE, comem_list_compare(list, other, &order));
    assert_int_equal(links(other), 0);
    assert_int_equal(support_len(other), 600);
    comem_list_release(list);
    comem_list_release(other);
    assert_int_equal(support_used(bench->map), 0);
}

/* Memory would be asked for by a damaged number, as much as it says. */
static void a_length_beyond_the_store_is_damage(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store), *copy;
    comem_dict *dict = support_dict(&bench->store);
    size_t length;
    assert_ok(comem_list_append(list, comem_int(1)));
    assert_ok(comem_dict_set(dict, comem_int(1), comem_int(2)));
    struct object *shared = ((comem_object *)(void *)list)->shared;
    struct list_table *table = store_at(bench->map, table_offset(word_load(&shared->table)), sizeof *table);
    uint64_t capacity = word_load(&table->capacity);
    word_store(&table->length, UINT64_C(1) << 30);
    word_store(&table->capacity, UINT64_C(1) << 30);
    assert_status(COMEM_DAMAGED, comem_list_len(list, &length));
    assert_status(COMEM_DAMAGED, comem_list_repeat(list, 1, &copy));
    assert_status(COMEM_DAMAGED, comem_list_reverse(list));
    assert_status(COMEM_DAMAGED, comem_list_sort(list));
    word_store(&table->length, 1);
    word_store(&table->capacity, capacity);
    assert_int_equal(support_len(list), 1);

    const struct object *header = dict->object.shared;
    struct dict_table *keys = store_at(bench->map, table_offset(word_load(&header->table)), sizeof *keys);
    uint64_t counts = word_load(&keys->counts);
    word_store(&keys->counts, UINT64_MAX);
    assert_status(COMEM_DAMAGED, comem_dict_len(dict, &length));
    word_store(&keys->counts, counts);
    assert_int_equal(support_dict_len(dict), 1);
}

/* Every list made afterwards would be refused. */
static void lists_are_sound_beside_a_damaged_counter_of_versions(void **state)
{
    struct bench *bench = *state;
    word64 *counter = &bench->map->header->version_counter;
    word_store(counter, word_load(counter) | 1);
    comem_list *list = support_list(&bench->store);
    for (int64_t i = 0; i < 600; i++)
        assert_ok(comem_list_append(list, comem_int(i)));
    assert_ok(comem_list_insert(list, 1, comem_int(-1)));
    assert_int_equal(support_int(list, 1), -1);
    assert_int_equal(support_int(list, 600), 599);
}

int main(int argc, char **argv)
{
    support_choose(argc, argv);
    const struct CMUnitTest tests[] = {
        WITH_STORE(lists_are_sound_beside_a_damaged_counter_of_versions),
        WITH_STORE(a_length_beyond_the_store_is_damage),
        WITH_STORE(a_list_of_three_takes_at_most_512_bytes),
        WITH_STORE(a_shrunken_list_is_at_least_half_full),
        WITH_STORE(blocks_of_few_items_are_joined),
        WITH_STORE(a_grown_list_is_at_least_half_full),
        WITH_STORE(a_million_inserts_and_pops_leave_the_bytes_there_were),
        WITH_STORE(an_object_lives_until_the_last_cell_that_names_it_is_gone),
        WITH_STORE(every_change_counts_the_links_it_makes_and_ends),
        WITH_STORE(a_list_may_be_changed_by_what_it_holds_of_itself),
        WITH_STORE(missing_arguments_are_invalid),
        WITH_STORE(a_slice_beyond_the_room_is_counted_only),
        WITH_STORE(bad_values_are_refused_and_leave_nothing),
        WITH_STORE(products_that_are_too_long_are_refused),
        ALONE(a_full_store_leaves_the_list_whole),
        ALONE(items_come_out_of_a_full_store),
        WITH_STORE(a_list_that_was_shut_down_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
