/* scenarios_list.c - the operations on lists that are cut: each way through each of them */
#include "scenarios.h"

comem_list *victims(unsigned number)
{
    return lists[VICTIM][number];
}

void fill(unsigned number, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        OK(comem_list_append(lists[FIRST][number], comem_int((int64_t)i + 500)));
}

void fill_far(unsigned number, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        OK(comem_list_append(lists[FIRST][number], far_value(i)));
}

/* ---- how lists are before ---- */

static void empty_list(void)
{
    make_list(0);
}

static void list_of_3(void)
{
    make_list(0);
    fill(0, 3);
}

static void list_of_4(void)
{
    make_list(0);
    fill(0, 4);
}

static void list_of_8(void)
{
    make_list(0);
    fill(0, 8);
}

static void list_of_16(void)
{
    make_list(0);
    fill(0, 16);
}

static void list_of_24_in_table_of_4(void)
{
    make_list(0);
    fill(0, 24);
}

static void list_with_two_spare_blocks(void)
{
    make_list(0);
    fill(0, 17);
    for (unsigned i = 0; i < 1; i++)
        OK(comem_list_pop(lists[FIRST][0], NULL));
    fill(0, 1);
    for (unsigned i = 0; i < 8; i++)
        OK(comem_list_pop(lists[FIRST][0], NULL));
}

void list_of_far(void)
{
    make_list(0);
    fill(0, 2);
    fill_far(0, 3);
}

/* 0 holds references to 1, which somebody else holds too, and to 2, which nothing else names. */
void nested_lists(void)
{
    make_list(0);
    make_list(1);
    make_list(2);
    fill(1, 2);
    fill_far(2, 3);
    fill(2, 7);
    OK(comem_list_append(lists[FIRST][0], comem_ref(lists[FIRST][1])));
    OK(comem_list_append(lists[FIRST][0], comem_int(7)));
    OK(comem_list_append(lists[FIRST][2], comem_ref(lists[FIRST][1])));
    OK(comem_list_append(lists[FIRST][0], comem_ref(lists[FIRST][2])));
    release_everywhere(2);
}

void two_lists(void)
{
    make_list(0);
    make_list(1);
    fill(0, 3);
    fill(1, 2);
}

void long_list_of_everything(void)
{
    nested_lists();
    fill_far(0, 14);
    fill(0, 10);
}

/* Nothing free but what growth brings. */
static void full_store(void)
{
    make_list(0);
    fill_far(0, 3);
    const struct store_map *map = maps[FIRST];
    for (uint64_t free = 16; free >= 3;) {
        OK(comem_list_append(lists[FIRST][0], run_value(1)));
        free = 0;
        for (uint64_t page = map->data / PAGE_SIZE + LAYOUT_FIXED_SPANS * SPAN_PAGES; page < store_end(map) / PAGE_SIZE;
             page++)
            free += word32_load(&map->page_table[page]) == 0;
    }
}

/* ---- operations on lists ---- */

static void append_number(void)
{
    OK(comem_list_append(victims(0), comem_int(42)));
}

static void append_near(void)
{
    OK(comem_list_append(victims(0), near_value(5)));
}

static void append_far(void)
{
    OK(comem_list_append(victims(0), far_value(9)));
}

static void append_run(void)
{
    OK(comem_list_append(victims(0), run_value(9)));
}

static void append_reference(void)
{
    OK(comem_list_append(victims(0), comem_ref(victims(1))));
}

static void append_itself(void)
{
    OK(comem_list_append(victims(0), comem_ref(victims(0))));
}

static void set_number(void)
{
    OK(comem_list_set(victims(0), 1, comem_int(-1)));
}

static void set_first_far(void)
{
    OK(comem_list_set(victims(0), 0, far_value(7)));
}

static void set_last_number(void)
{
    OK(comem_list_set(victims(0), -1, comem_int(5)));
}

static void set_last_far(void)
{
    OK(comem_list_set(victims(0), -1, far_value(8)));
}

static void set_first_reference(void)
{
    OK(comem_list_set(victims(0), 0, comem_ref(victims(1))));
}

static void set_last_reference(void)
{
    OK(comem_list_set(victims(0), -1, comem_ref(victims(1))));
}

static void pop_last(void)
{
    comem_value value;
    OK(comem_list_pop(victims(0), &value));
    comem_value_clear(&value);
}

static void pop_away(void)
{
    OK(comem_list_pop(victims(0), NULL));
}

static void clear_list(void)
{
    OK(comem_list_clear(victims(0)));
}

static void extend_numbers(void)
{
    comem_value values[11];
    for (int i = 0; i < 11; i++)
        values[i] = comem_int(i);
    OK(comem_list_extend(victims(0), values, 11));
}

static void extend_everything(void)
{
    static char one[50], two[60];
    memset(one, 'o', sizeof one);
    memset(two, 't', sizeof two);
    comem_value values[6] = {comem_str(one, sizeof one), comem_ref(victims(1)),        comem_int(3),
                             comem_ref(victims(0)),      comem_bytes(two, sizeof two), comem_ref(victims(1))};
    OK(comem_list_extend(victims(0), values, 6));
}

static void extend_many_far(void)
{
    static char bytes[10][48];
    comem_value values[10];
    for (int i = 0; i < 10; i++) {
        memset(bytes[i], 'A' + i, sizeof bytes[i]);
        values[i] = comem_bytes(bytes[i], sizeof bytes[i]);
    }
    OK(comem_list_extend(victims(0), values, 10));
}

/* ---- insert, delete, slices, other orders ---- */

/* Two full blocks, two halves of one that was split, and a short tail: 8, 5, 4, 8, 3 items. */
static void list_of_uneven_blocks(void)
{
    make_list(0);
    fill(0, 27);
    OK(comem_list_insert(lists[FIRST][0], 12, comem_int(1)));
}

/* The same with far values and references among the items. */
static void uneven_list_of_everything(void)
{
    nested_lists();
    fill_far(0, 6);
    fill(0, 8);
    OK(comem_list_append(lists[FIRST][0], comem_ref(lists[FIRST][1])));
    fill_far(0, 5);
    OK(comem_list_insert(lists[FIRST][0], 10, comem_ref(lists[FIRST][1])));
}

/* Blocks of few items on either side of the one in the middle. */
static void list_with_a_block_of_one(void)
{
    make_list(0);
    fill(0, 24);
    OK(comem_list_slice_delete(lists[FIRST][0], (comem_slice){9, 16, 1}));
}

/* The tail is one block, and it is empty. */
static void list_popped_to_its_tail(void)
{
    list_of_uneven_blocks();
    for (unsigned i = 0; i < 11; i++)
        OK(comem_list_pop(lists[FIRST][0], NULL));
}

static void list_about_to_shrink(void)
{
    make_list(0);
    fill(0, 5);
    OK(comem_list_pop(lists[FIRST][0], NULL));
}

static void list_of_lists(void)
{
    make_list(0);
    make_list(1);
    make_list(2);
    fill_far(2, 1);
    for (unsigned i = 0; i < 5; i++)
        OK(comem_list_append(lists[FIRST][0], comem_ref(lists[FIRST][1 + i % 2])));
    release_everywhere(2);
}

static void insert_front(void)
{
    OK(comem_list_insert(victims(0), 0, comem_int(7)));
}

static void insert_middle(void)
{
    OK(comem_list_insert(victims(0), 10, comem_int(7)));
}

static void insert_middle_far(void)
{
    OK(comem_list_insert(victims(0), 10, far_value(7)));
}

static void insert_middle_reference(void)
{
    OK(comem_list_insert(victims(0), 2, comem_ref(victims(1))));
}

static void insert_behind_far(void)
{
    OK(comem_list_insert(victims(0), INT64_MAX, far_value(7)));
}

static void pop_first(void)
{
    comem_value value;
    OK(comem_list_pop_at(victims(0), 0, &value));
    comem_value_clear(&value);
}

static void pop_ninth(void)
{
    comem_value value;
    OK(comem_list_pop_at(victims(0), 8, &value));
    comem_value_clear(&value);
}

static void remove_far(void)
{
    OK(comem_list_remove(victims(0), far_value(2)));
}

static void remove_reference(void)
{
    OK(comem_list_remove(victims(0), comem_ref(victims(1))));
}

static void delete_run(void)
{
    OK(comem_list_slice_delete(victims(0), (comem_slice){3, 15, 1}));
}

static void delete_many_blocks(void)
{
    OK(comem_list_slice_delete(victims(0), (comem_slice){1, -1, 1}));
}

static void delete_end(void)
{
    OK(comem_list_slice_delete(victims(0), (comem_slice){9, INT64_MAX, 1}));
}

static void delete_with_step(void)
{
    OK(comem_list_slice_delete(victims(0), (comem_slice){1, INT64_MAX, 2}));
}

static void delete_everything(void)
{
    OK(comem_list_slice_delete(victims(0), COMEM_SLICE_ALL));
}

static void set_run_of_numbers(void)
{
    comem_value values[11];
    for (int i = 0; i < 11; i++)
        values[i] = comem_int(i);
    OK(comem_list_slice_set(victims(0), (comem_slice){4, 9, 1}, values, 11));
}

/* Values of every kind in the place of a slice; `slice` has four items if it has a step. */
static void set_everything(comem_slice slice)
{
    static char one[50], two[60];
    memset(one, 'o', sizeof one);
    memset(two, 't', sizeof two);
    comem_value values[4] = {comem_str(one, sizeof one), comem_ref(victims(1)), comem_int(3),
                             comem_bytes(two, sizeof two)};
    OK(comem_list_slice_set(victims(0), slice, values, 4));
}

static void set_run_to_everything(void)
{
    set_everything((comem_slice){1, 13, 1});
}

static void set_whole_to_everything(void)
{
    set_everything(COMEM_SLICE_ALL);
}

static void set_end_to_everything(void)
{
    set_everything((comem_slice){INT64_MAX, INT64_MAX, 1});
}

static void set_step_to_everything(void)
{
    set_everything((comem_slice){9, 2, -2});
}

static void set_run_to_nothing(void)
{
    OK(comem_list_slice_set(victims(0), (comem_slice){2, 11, 1}, NULL, 0));
}

static void reverse_list(void)
{
    OK(comem_list_reverse(victims(0)));
}

static void sort_list(void)
{
    OK(comem_list_sort_descending(victims(0)));
}

static void sort_upwards(void)
{
    OK(comem_list_sort(victims(0)));
}

static void list_of_far_only(void)
{
    make_list(0);
    for (unsigned i = 0; i < 10; i++)
        OK(comem_list_append(lists[FIRST][0], i % 3 == 0 ? near_value(i) : far_value(10 - i)));
}

static void permute_list(void)
{
    uint64_t order[32];
    size_t count;
    struct list_moment moment;
    bool done;
    OK(list_read_moment(victims(0), COMEM_SLICE_ALL, NULL, 0, &count, &moment));
    for (size_t i = 0; i < count; i++)
        order[i] = (i + 3) % count;
    OK(list_permute_if(victims(0), &moment, order, count, &done));
}

static void delete_as_read(void)
{
    size_t count;
    struct list_moment moment;
    bool done;
    OK(list_read_moment(victims(0), COMEM_SLICE_ALL, NULL, 0, &count, &moment));
    OK(list_delete_if(victims(0), &moment, 10, &done));
}

static void multiply_list(void)
{
    OK(comem_list_multiply(victims(0), 3));
}

static void extend_by_itself(void)
{
    OK(comem_list_extend_list(victims(0), victims(0)));
}

static void copy_list(void)
{
    comem_list *copy;
    OK(comem_list_copy(victims(0), &copy));
    comem_list_release(copy);
}

static void concat_lists(void)
{
    comem_list *both;
    OK(comem_list_concat(victims(0), victims(1), &both));
    comem_list_release(both);
}

static void repeat_list(void)
{
    comem_list *repeated;
    OK(comem_list_repeat(victims(0), 2, &repeated));
    comem_list_release(repeated);
}

const struct scenario list_scenarios[] = {
    {"append a number", list_of_3, append_number},
    {"append to an empty list", empty_list, append_number},
    {"append growing the only block", list_of_4, append_number},
    {"append growing out of one block", list_of_8, append_number},
    {"append adding a block", list_of_16, append_number},
    {"append growing the table", list_of_24_in_table_of_4, append_number},
    {"append a near str", list_of_3, append_near},
    {"append a far str", list_of_3, append_far},
    {"append a far str to a full block", list_of_4, append_far},
    {"append a run of pages", list_of_3, append_run},
    {"append a reference", two_lists, append_reference},
    {"append itself", two_lists, append_itself},
    {"set a number", list_of_3, set_number},
    {"set a number to a far str", list_of_3, set_first_far},
    {"set a far str to another", list_of_far, set_last_far},
    {"set a far str to a number", list_of_far, set_last_number},
    {"set a number to a reference", two_lists, set_first_reference},
    {"set a reference to itself", nested_lists, set_first_reference},
    {"set the last reference to another", nested_lists, set_last_reference},
    {"set the last reference to a number", nested_lists, set_last_number},
    {"pop a number", list_of_3, pop_last},
    {"pop giving a block back", list_with_two_spare_blocks, pop_last},
    {"pop a far str", list_of_far, pop_last},
    {"pop a far str away", list_of_far, pop_away},
    {"pop the last reference", nested_lists, pop_last},
    {"pop the last reference away", nested_lists, pop_away},
    {"extend with numbers", list_of_3, extend_numbers},
    {"extend an empty list", empty_list, extend_numbers},
    {"extend with everything", two_lists, extend_everything},
    {"extend with many far values", list_of_far, extend_many_far},
    {"insert into one block", list_of_3, insert_front},
    {"insert into an empty list", empty_list, insert_front},
    {"insert splitting a block", list_of_16, insert_middle},
    {"insert in front of a full block", list_of_16, insert_front},
    {"insert among uneven blocks", list_of_uneven_blocks, insert_middle},
    {"insert a far str", list_of_uneven_blocks, insert_middle_far},
    {"insert a reference", nested_lists, insert_middle_reference},
    {"insert behind the last", list_of_16, insert_behind_far},
    {"insert beside a block of one", list_with_a_block_of_one, insert_front},
    {"pop the first number", list_of_uneven_blocks, pop_first},
    {"pop the first reference", nested_lists, pop_first},
    {"pop a far str in the middle", uneven_list_of_everything, pop_ninth},
    {"pop the only item of a block", list_with_a_block_of_one, pop_ninth},
    {"pop making the block smaller", list_about_to_shrink, pop_last},
    {"pop dropping the tail", list_popped_to_its_tail, pop_last},
    {"append to an empty tail", list_popped_to_its_tail, append_far},
    {"extend an empty tail", list_popped_to_its_tail, extend_numbers},
    {"remove a far str", uneven_list_of_everything, remove_far},
    {"remove a reference", uneven_list_of_everything, remove_reference},
    {"delete a run of numbers", list_of_uneven_blocks, delete_run},
    {"delete a run of everything", uneven_list_of_everything, delete_run},
    {"delete many blocks", list_of_uneven_blocks, delete_many_blocks},
    {"delete the end", uneven_list_of_everything, delete_end},
    {"delete with a step", uneven_list_of_everything, delete_with_step},
    {"delete everything", uneven_list_of_everything, delete_everything},
    {"set a run of numbers", list_of_uneven_blocks, set_run_of_numbers},
    {"set a run to everything", uneven_list_of_everything, set_run_to_everything},
    {"set the whole to everything", uneven_list_of_everything, set_whole_to_everything},
    {"set the end to everything", uneven_list_of_everything, set_end_to_everything},
    {"set with a step", uneven_list_of_everything, set_step_to_everything},
    {"set a run to nothing", uneven_list_of_everything, set_run_to_nothing},
    {"reverse numbers", list_of_uneven_blocks, reverse_list},
    {"reverse everything", uneven_list_of_everything, reverse_list},
    {"sort numbers", list_of_uneven_blocks, sort_list},
    {"sort numbers upwards", list_of_uneven_blocks, sort_upwards},
    {"sort far strs", list_of_far_only, sort_list},
    {"put into an order", uneven_list_of_everything, permute_list},
    {"multiply numbers", list_of_8, multiply_list},
    {"multiply references", list_of_lists, multiply_list},
    {"multiply far strs", list_of_far, multiply_list},
    {"extend by itself", list_of_lists, extend_by_itself},
    {"delete as it was read", uneven_list_of_everything, delete_as_read},
    {"concat lists", two_lists, concat_lists},
    {"repeat references", list_of_lists, repeat_list},
    {"copy everything", nested_lists, copy_list},
    {"clear references", list_of_lists, clear_list},
    {"delete all references", list_of_lists, delete_everything},
    {"append a far str adding a block", list_of_16, append_far},
    {"clear numbers", list_of_8, clear_list},
    {"clear everything", long_list_of_everything, clear_list},
    {"insert growing the store", full_store, insert_front},
    {"append growing the store", full_store, append_run},
    {NULL, NULL, NULL},
};
