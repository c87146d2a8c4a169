/* step_others.c - what anybody may do with what a victim has left, and what must come of it */
#include "step.h"

static void go_on_with_list(comem_list *list)
{
    comem_value value;
    for (unsigned i = 0; i < 12; i++)
        OK(comem_list_append(list, comem_int((int64_t)i + 1000)));
    OK(comem_list_set(list, 0, far_value(3)));
    OK(comem_list_append(list, far_value(4)));
    OK(comem_list_append(list, comem_ref(list)));
    OK(comem_list_pop(list, NULL));
    OK(comem_list_pop(list, &value));
    if (value.size != far_value(4).size)
        fail("an append after the repair is lost");
    comem_value_clear(&value);
    OK(comem_list_clear(list));
}

static void go_on_with_dict(comem_dict *dict)
{
    comem_value value;
    for (unsigned i = 0; i < 12; i++)
        OK(comem_dict_set(dict, comem_int((int64_t)i + 1000), comem_int(i)));
    OK(comem_dict_set(dict, far_value(30), comem_ref_dict(dict)));
    OK(comem_dict_set(dict, comem_int(1003), far_value(4)));
    OK(comem_dict_pop(dict, far_value(30), NULL));
    OK(comem_dict_pop(dict, comem_int(1003), &value));
    if (value.size != far_value(4).size)
        fail("a set after the repair is lost");
    comem_value_clear(&value);
    content_text(store, lists, dicts, variables);
    OK(comem_dict_clear(dict));
}

static void go_on_with_variable(comem_variable *variable)
{
    comem_value value;
    OK(comem_variable_set(variable, comem_ref_variable(variable)));
    OK(comem_variable_set(variable, far_value(4)));
    OK(comem_variable_get(variable, &value));
    if (value.size != far_value(4).size)
        fail("a set after the repair is lost");
    comem_value_clear(&value);
    OK(comem_variable_set(variable, comem_int(3)));
    OK(comem_variable_add(variable, comem_int(1), &value));
    if (value.as.integer != 4)
        fail("3 and 1 are not 4 after the repair");
}

void go_on(void)
{
    for (unsigned i = 0; i < LISTS; i++)
        if (lists[i] != NULL)
            go_on_with_list(lists[i]);
    for (unsigned i = 0; i < DICTS; i++)
        if (dicts[i] != NULL)
            go_on_with_dict(dicts[i]);
    for (unsigned i = 0; i < VARIABLES; i++)
        if (variables[i] != NULL)
            go_on_with_variable(variables[i]);
}
