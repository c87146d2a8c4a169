/* step_scenarios.c - the operations that are killed instruction by instruction
 *
 * The shortest lists that take each operation through its parts: an instruction costs a step, a store a kill.
 */
#include "step.h"

#include "objects/list.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* ---- how lists are before ---- */

static void fill(unsigned number, unsigned count)
{
    if (lists[number] == NULL)
        OK(comem_list_new(store, &lists[number]));
    for (unsigned i = 0; i < count; i++)
        OK(comem_list_append(lists[number], comem_int((int64_t)(i * 37 % 101))));
}

static void fill_far(unsigned number, unsigned count)
{
    fill(number, 0);
    for (unsigned i = 0; i < count; i++)
        OK(comem_list_append(lists[number], far_value(i * 5)));
}

static void list_of_3(void)
{
    fill(0, 3);
}

static void list_of_4(void)
{
    fill(0, 4);
}

static void list_of_20(void)
{
    fill(0, 20);
}

static void list_of_256(void)
{
    fill(0, 256);
}

static void list_of_300(void)
{
    fill(0, 300);
}

static void list_of_1400(void)
{
    fill(0, 1400);
}

static void list_of_far(void)
{
    fill_far(0, 9);
}

static void list_of_everything(void)
{
    fill(0, 3);
    fill_far(0, 3);
    fill(0, 2);
    fill_far(0, 2);
}

/* Beside the list there is another to refer to. */
static void two_lists(void)
{
    fill(0, 3);
    fill(1, 2);
}

static void two_lists_of_far(void)
{
    fill_far(0, 2);
    fill(1, 1);
    fill_far(1, 3);
}

/* List 0 names lists that nothing else names, the last of them twice, and list 1. */
static void list_of_lists(void)
{
    fill(0, 1);
    fill(1, 2);
    for (unsigned i = 0; i < 3; i++) {
        comem_list *inner;
        OK(comem_list_new(store, &inner));
        OK(comem_list_append(inner, far_value(i)));
        OK(comem_list_append(inner, comem_ref(lists[1])));
        OK(comem_list_append(lists[0], comem_ref(inner)));
        if (i == 2)
            OK(comem_list_append(lists[0], comem_ref(inner)));
        comem_list_release(inner);
    }
    OK(comem_list_append(lists[0], comem_ref(lists[1])));
}

/* ---- one item ---- */

static void append_number(void)
{
    OK(comem_list_append(lists[0], comem_int(42)));
}

static void append_far(void)
{
    OK(comem_list_append(lists[0], far_value(9)));
}

static void append_reference(void)
{
    OK(comem_list_append(lists[0], comem_ref(lists[1])));
}

static void insert_number(void)
{
    OK(comem_list_insert(lists[0], 2, comem_int(42)));
}

static void insert_far(void)
{
    OK(comem_list_insert(lists[0], 2, far_value(9)));
}

static void insert_reference(void)
{
    OK(comem_list_insert(lists[0], 2, comem_ref(lists[1])));
}

static void set_number(void)
{
    OK(comem_list_set(lists[0], 1, comem_int(-1)));
}

static void set_last_far(void)
{
    OK(comem_list_set(lists[0], -1, far_value(8)));
}

static void set_last_reference(void)
{
    OK(comem_list_set(lists[0], -1, comem_ref(lists[0])));
}

static void pop_last(void)
{
    comem_value value;
    OK(comem_list_pop(lists[0], &value));
    comem_value_clear(&value);
}

static void pop_last_away(void)
{
    OK(comem_list_pop(lists[0], NULL));
}

static void pop_middle(void)
{
    comem_value value;
    OK(comem_list_pop_at(lists[0], 3, &value));
    comem_value_clear(&value);
}

static void pop_middle_away(void)
{
    OK(comem_list_pop_at(lists[0], 3, NULL));
}

static void remove_number(void)
{
    OK(comem_list_remove(lists[0], comem_int(37)));
}

static void remove_far(void)
{
    OK(comem_list_remove(lists[0], far_value(5)));
}

static void delete_as_read(void)
{
    struct list_moment moment;
    size_t count;
    bool done;
    OK(list_read_moment(lists[0], COMEM_SLICE_ALL, NULL, 0, &count, &moment));
    OK(list_delete_if(lists[0], &moment, 4, &done));
    if (!done)
        fail("the list was changed by nobody");
}

/* ---- many items ---- */

static void clear(void)
{
    OK(comem_list_clear(lists[0]));
}

static void extend_numbers(void)
{
    comem_value values[6];
    for (unsigned i = 0; i < COUNT(values); i++)
        values[i] = comem_int((int64_t)i - 3);
    OK(comem_list_extend(lists[0], values, COUNT(values)));
}

static void extend_references(void)
{
    const comem_value values[] = {comem_ref(lists[1]), far_value(1), comem_ref(lists[1]), comem_ref(lists[0])};
    OK(comem_list_extend(lists[0], values, COUNT(values)));
}

static void extend_by_list(void)
{
    OK(comem_list_extend_list(lists[0], lists[1]));
}

static void extend_by_itself(void)
{
    OK(comem_list_extend_list(lists[0], lists[0]));
}

static void multiply(void)
{
    OK(comem_list_multiply(lists[0], 3));
}

static void assign(int64_t start, int64_t stop, int64_t step, const comem_value *values, size_t count)
{
    OK(comem_list_slice_set(lists[0], (comem_slice){start, stop, step}, values, count));
}

static void assign_fewer(void)
{
    const comem_value values[] = {comem_int(-1), comem_int(-2)};
    assign(3, 12, 1, values, COUNT(values));
}

static void assign_more(void)
{
    const comem_value values[] = {comem_int(-1), comem_int(-2), comem_int(-3), comem_int(-4), comem_int(-5)};
    assign(2, 4, 1, values, COUNT(values));
}

static void assign_behind(void)
{
    const comem_value values[] = {comem_int(-1), far_value(7)};
    assign(INT64_MAX, INT64_MAX, 1, values, COUNT(values));
}

static void assign_far(void)
{
    const comem_value values[] = {far_value(7), comem_int(-2), far_value(8)};
    assign(2, 7, 1, values, COUNT(values));
}

static void assign_references(void)
{
    const comem_value values[] = {comem_ref(lists[1]), far_value(8), comem_ref(lists[0])};
    assign(1, 5, 1, values, COUNT(values));
}

static void assign_all(void)
{
    const comem_value values[] = {comem_int(-1), far_value(8)};
    assign(0, INT64_MAX, 1, values, COUNT(values));
}

static void assign_every_third(void)
{
    const comem_value values[] = {far_value(6), comem_int(-2), far_value(7), far_value(8)};
    assign(0, INT64_MAX, 3, values, COUNT(values));
}

static void assign_across_blocks(void)
{
    const comem_value values[] = {comem_int(-1), far_value(8)};
    assign(200, 280, 1, values, COUNT(values));
}

static void delete_slice(int64_t start, int64_t stop, int64_t step)
{
    OK(comem_list_slice_delete(lists[0], (comem_slice){start, stop, step}));
}

static void delete_middle(void)
{
    delete_slice(1, 5, 1);
}

static void delete_every_second(void)
{
    delete_slice(0, INT64_MAX, 2);
}

static void delete_backwards(void)
{
    delete_slice(INT64_MAX, INT64_MIN, -2);
}

static void delete_across_blocks(void)
{
    delete_slice(200, 280, 1);
}

static void delete_whole_blocks(void)
{
    delete_slice(240, 1300, 1);
}

static void delete_all(void)
{
    delete_slice(0, INT64_MAX, 1);
}

static void reverse(void)
{
    OK(comem_list_reverse(lists[0]));
}

static void sort(void)
{
    OK(comem_list_sort(lists[0]));
}

static void sort_downwards(void)
{
    OK(comem_list_sort_descending(lists[0]));
}

static void permute_as_read(void)
{
    const uint64_t order[] = {4, 3, 0, 1, 5, 2};
    struct list_moment moment;
    size_t count;
    bool done;
    OK(list_read_moment(lists[0], COMEM_SLICE_ALL, NULL, 0, &count, &moment));
    OK(list_permute_if(lists[0], &moment, order, COUNT(order), &done));
    if (!done)
        fail("the list was changed by nobody");
}

/* ---- new lists; what was made is seen when list 1 refers to it ---- */

static void new_list(void)
{
    comem_list *made;
    OK(comem_list_new(store, &made));
    comem_list_release(made);
}

static void show(comem_list *made)
{
    OK(comem_list_append(lists[1], comem_ref(made)));
    comem_list_release(made);
}

static void copy(void)
{
    comem_list *made;
    OK(comem_list_copy(lists[0], &made));
    show(made);
}

static void concat(void)
{
    comem_list *made;
    OK(comem_list_concat(lists[0], lists[1], &made));
    show(made);
}

static void repeat(void)
{
    comem_list *made;
    OK(comem_list_repeat(lists[0], 2, &made));
    show(made);
}

static const struct scenario list_scenarios[] = {
    {"append a number", list_of_3, append_number},
    {"append a number to a full block", list_of_4, append_number},
    {"append a number adding a block", list_of_256, append_number},
    {"append a far str", list_of_3, append_far},
    {"append a reference", two_lists, append_reference},
    {"insert a number", list_of_20, insert_number},
    {"insert a number splitting a block", list_of_256, insert_number},
    {"insert a far str", list_of_everything, insert_far},
    {"insert a reference", list_of_lists, insert_reference},
    {"set a number", list_of_3, set_number},
    {"set a far str to another", list_of_everything, set_last_far},
    {"set a reference", list_of_lists, set_last_reference},
    {"pop a number", list_of_3, pop_last},
    {"pop a far str", list_of_everything, pop_last},
    {"pop a reference", list_of_lists, pop_last},
    {"pop a reference away", list_of_lists, pop_last_away},
    {"pop a number from the middle", list_of_20, pop_middle},
    {"pop a number from many blocks", list_of_1400, pop_middle},
    {"pop a far str from the middle", list_of_everything, pop_middle},
    {"pop a reference from the middle", list_of_lists, pop_middle},
    {"pop a reference from the middle away", list_of_lists, pop_middle_away},
    {"remove a number", list_of_20, remove_number},
    {"remove a far str", list_of_far, remove_far},
    {"delete a reference as it was read", list_of_lists, delete_as_read},
    {"clear numbers", list_of_20, clear},
    {"clear far strs", list_of_everything, clear},
    {"clear lists", list_of_lists, clear},
    {"extend with numbers", list_of_3, extend_numbers},
    {"extend with references", two_lists, extend_references},
    {"extend by a list", two_lists_of_far, extend_by_list},
    {"extend by a list of lists, itself", list_of_lists, extend_by_itself},
    {"multiply numbers", list_of_3, multiply},
    {"multiply lists", list_of_lists, multiply},
    {"assign fewer numbers", list_of_20, assign_fewer},
    {"assign more numbers", list_of_20, assign_more},
    {"assign behind the last", list_of_3, assign_behind},
    {"assign far strs", list_of_everything, assign_far},
    {"assign references", list_of_lists, assign_references},
    {"assign instead of everything", list_of_everything, assign_all},
    {"assign across blocks", list_of_300, assign_across_blocks},
    {"assign with a step", list_of_everything, assign_every_third},
    {"delete a slice of numbers", list_of_20, delete_middle},
    {"delete a slice of far strs", list_of_far, delete_middle},
    {"delete a slice of lists", list_of_lists, delete_middle},
    {"delete with a step", list_of_everything, delete_every_second},
    {"delete lists with a step backwards", list_of_lists, delete_backwards},
    {"delete across blocks", list_of_300, delete_across_blocks},
    {"delete whole blocks", list_of_1400, delete_whole_blocks},
    {"delete all lists", list_of_lists, delete_all},
    {"reverse numbers", list_of_20, reverse},
    {"reverse everything", list_of_lists, reverse},
    {"sort numbers", list_of_20, sort},
    {"sort far strs downwards", list_of_far, sort_downwards},
    {"permute lists as they were read", list_of_lists, permute_as_read},
    {"new list and release", two_lists, new_list},
    {"copy far strs", two_lists_of_far, copy},
    {"copy lists", list_of_lists, copy},
    {"concat", two_lists_of_far, concat},
    {"repeat", two_lists_of_far, repeat},
    {NULL, NULL, NULL},
};

const struct scenario *const scenario_parts[] = {list_scenarios, dict_scenarios, root_scenarios, variable_scenarios,
                                                 NULL};
