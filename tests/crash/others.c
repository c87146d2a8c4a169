/* others.c - what those do who live on: with what is left, and beside a repair */
#include "others.h"

/* ---- with what is left ---- */

void go_on_with_list(comem_list *list)
{
    comem_value value;
    for (unsigned i = 0; i < 12; i++)
        OK(comem_list_append(list, comem_int((int64_t)i + 1000)));
    OK(comem_list_set(list, 0, far_value(3)));
    OK(comem_list_append(list, far_value(4)));
    OK(comem_list_append(list, comem_ref(list)));
    OK(comem_list_pop(list, &value));
    comem_value_clear(&value);
    OK(comem_list_pop(list, &value));
    if (value.size != far_value(4).size)
        fail("an append after the repair is lost");
    OK(comem_list_set(list, -1, comem_none()));
    OK(comem_list_insert(list, 3, far_value(5)));
    OK(comem_list_slice_delete(list, (comem_slice){1, INT64_MAX, 3}));
    OK(comem_list_reverse(list));
    OK(comem_list_clear(list));
}

void go_on_with_dict(comem_dict *dict)
{
    comem_value value;
    size_t before, after;
    OK(comem_dict_len(dict, &before));
    for (unsigned i = 0; i < 12; i++)
        OK(comem_dict_set(dict, comem_int((int64_t)i + 1000), comem_int(i)));
    OK(comem_dict_set(dict, far_value(30), comem_ref_dict(dict)));
    OK(comem_dict_set(dict, comem_int(1003), far_value(4)));
    OK(comem_dict_get(dict, comem_int(1003), &value));
    if (value.size != far_value(4).size)
        fail("a set after the repair is lost");
    comem_value_clear(&value);
    OK(comem_dict_pop(dict, far_value(30), NULL));
    OK(comem_dict_popitem(dict, NULL, NULL));
    const comem_pair pairs[] = {{comem_int(1003), comem_int(5)}, {comem_int(2000), far_value(6)}};
    OK(comem_dict_update(dict, pairs, sizeof pairs / sizeof pairs[0]));
    OK(comem_dict_len(dict, &after));
    if (after != before + 12)
        fail("%zu keys, and 12 more, are %zu", before, after);
    content_text(&stores[SECOND], lists[SECOND], dicts[SECOND], variables[SECOND]);
    OK(comem_dict_clear(dict));
}

void go_on_with_variable(comem_variable *variable)
{
    comem_value value;
    char typecode;
    bool swapped;
    OK(comem_variable_typecode(variable, &typecode));
    if (typecode == 0) {
        OK(comem_variable_set(variable, comem_ref_variable(variable)));
        OK(comem_variable_set(variable, far_value(4)));
        OK(comem_variable_cas(variable, far_value(4), comem_int(3), &swapped));
        if (!swapped)
            fail("a set after the repair is lost");
        OK(comem_variable_set(variable, far_value(5)));
    }
    OK(comem_variable_set(variable, comem_int(3)));
    OK(comem_variable_add(variable, comem_int(1), &value));
    if (value.kind == COMEM_FLOAT ? value.as.real != 4 : value.as.integer != 4)
        fail("3 and 1 are not 4 after the repair");
}

void go_on_with_names(void)
{
    comem_list *list, *again;
    comem_value names[8];
    size_t before, after;
    OK(comem_roots(&stores[SECOND], NULL, 0, &before));
    OK(comem_root_list(&stores[SECOND], "another name, and a long one", &list));
    OK(comem_root_list(&stores[SECOND], "another name, and a long one", &again));
    if (list != again)
        fail("two lists have one name");
    comem_list_release(again);
    OK(comem_list_append(list, far_value(4)));
    OK(comem_root_add(&stores[SECOND], "x", comem_ref(list), NULL));
    comem_list_release(list);
    OK(comem_roots(&stores[SECOND], names, sizeof names / sizeof names[0], &after));
    if (after != before + 2)
        fail("%zu names, and 2 more, are %zu", before, after);
    for (size_t i = 0; i < after; i++) {
        OK(root_remove(&stores[SECOND], &names[i]));
        comem_value_clear(&names[i]);
    }
}

/* ---- beside a repair ---- */

static void write_set(void)
{
    OK(comem_list_set(lists[FIRST][0], 0, far_value(11)));
}

static void write_append(void)
{
    OK(comem_list_append(lists[FIRST][0], far_value(12)));
}

static void write_pop(void)
{
    OK(comem_list_pop(lists[FIRST][0], NULL));
}

static void write_insert(void)
{
    OK(comem_list_insert(lists[FIRST][0], 0, far_value(13)));
}

static void write_clear(void)
{
    OK(comem_list_clear(lists[FIRST][0]));
    OK(comem_list_append(lists[FIRST][0], comem_int(5)));
}

/* A key that is there, or is not when the victim had just come to add the dict's first one. */
static void write_known_key(void)
{
    OK(comem_dict_set(dicts[FIRST][0], comem_int(1), far_value(11)));
}

static void write_new_key(void)
{
    OK(comem_dict_set(dicts[FIRST][0], far_value(12), comem_int(12)));
}

static void write_popitem(void)
{
    OK(comem_dict_popitem(dicts[FIRST][0], NULL, NULL));
}

static void write_update(void)
{
    const comem_pair pairs[] = {{comem_int(1), far_value(11)}, {far_value(12), comem_int(5)}};
    OK(comem_dict_update(dicts[FIRST][0], pairs, sizeof pairs / sizeof pairs[0]));
}

static void write_dict_clear(void)
{
    OK(comem_dict_clear(dicts[FIRST][0]));
    OK(comem_dict_set(dicts[FIRST][0], comem_int(1), comem_int(5)));
}

static void write_number(void)
{
    OK(comem_variable_set(variables[FIRST][0], comem_int(11)));
}

static void write_sum(void)
{
    comem_status status = comem_variable_add(variables[FIRST][0], comem_int(1), NULL);
    if (status != COMEM_TYPE) /* it is no number then */
        expect(status, COMEM_OK, "comem_variable_add");
}

/* For a variable that takes any value. */
static void write_any(comem_value value)
{
    char typecode;
    OK(comem_variable_typecode(variables[FIRST][0], &typecode));
    if (typecode == 0)
        OK(comem_variable_set(variables[FIRST][0], value));
}

static void write_far(void)
{
    write_any(far_value(12));
}

static void write_reference(void)
{
    write_any(comem_ref_variable(variables[FIRST][0]));
    write_number();
}

static void write_known_name(void)
{
    OK(comem_root_add(&stores[FIRST], "known", comem_ref(lists[FIRST][1]), NULL));
}

/* Makes the dict of names if the victim did not come to that. */
static void write_new_root(void)
{
    comem_dict *made;
    OK(comem_root_dict(&stores[FIRST], "of the writer", &made));
    OK(comem_dict_set(made, comem_int(1), far_value(1)));
    comem_dict_release(made);
}

static void write_no_name(void)
{
    comem_status status = comem_root_remove(&stores[FIRST], "known");
    if (status != COMEM_NOT_FOUND)
        expect(status, COMEM_OK, "comem_root_remove");
}

void (*const list_writes[])(void) = {write_set, write_append, write_pop, write_insert, write_clear, NULL};
void (*const dict_writes[])(void) = {write_known_key, write_new_key,    write_popitem,
                                     write_update,    write_dict_clear, NULL};
void (*const variable_writes[])(void) = {write_number, write_sum, write_far, write_reference, NULL};
void (*const name_writes[])(void) = {write_known_name, write_new_root, write_no_name, NULL};
