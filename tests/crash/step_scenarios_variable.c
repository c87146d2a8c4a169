/* step_scenarios_variable.c - the same for variables */
#include "step.h"

/* ---- how the variable is before ---- */

static void one_list(void)
{
    OK(comem_list_new(store, &lists[1]));
    OK(comem_list_append(lists[1], comem_int(1)));
}

static void new_variable(comem_value initial)
{
    OK(comem_variable_new(store, 0, initial, &variables[0]));
}

static void of_number(void)
{
    one_list();
    new_variable(comem_int(5));
}

static void of_far(void)
{
    one_list();
    new_variable(far_value(2));
}

/* Nothing but the variable has the list. */
static void of_lone_list(void)
{
    comem_list *list;
    one_list();
    OK(comem_list_new(store, &list));
    OK(comem_list_append(list, far_value(1)));
    new_variable(comem_ref(list));
    comem_list_release(list);
}

/* Packs a tuple of a far str, list 1 and itself. */
static comem_value held_value(unsigned n)
{
    comem_value packed;
    const comem_value items[] = {far_value(n), comem_ref(lists[1]), comem_ref_variable(variables[0])};
    comem_value tuple = comem_items(COMEM_TUPLE, items, sizeof items / sizeof items[0]);
    OK(comem_value_pack(&tuple, &packed));
    return packed;
}

static void set(comem_value value)
{
    OK(comem_variable_set(variables[0], value));
    comem_value_clear(&value);
}

static void of_held(void)
{
    of_number();
    set(held_value(1));
}

/* Nothing but list 0 has the variable. */
static void in_list(void)
{
    of_lone_list();
    OK(comem_list_new(store, &lists[0]));
    OK(comem_list_append(lists[0], comem_ref_variable(variables[0])));
    comem_variable_release(variables[0]);
    variables[0] = NULL;
}

/* ---- operations ---- */

static void set_number(void)
{
    set(comem_int(6));
}

static void set_far(void)
{
    set(far_value(3));
}

static void set_list(void)
{
    set(comem_ref(lists[1]));
}

static void set_held(void)
{
    set(held_value(3));
}

static void add_int(void)
{
    comem_value sum;
    OK(comem_variable_add(variables[0], comem_int(3), &sum));
}

static void add_float(void)
{
    OK(comem_variable_add(variables[0], comem_float(0.5), NULL));
}

static void cas(void)
{
    bool swapped;
    OK(comem_variable_cas(variables[0], far_value(2), comem_ref(lists[1]), &swapped));
}

static void new_and_release(void)
{
    comem_variable *made;
    OK(comem_variable_new(store, 0, comem_ref(lists[1]), &made));
    comem_variable_release(made);
}

static void pop(void)
{
    OK(comem_list_pop(lists[0], NULL));
}

static void make_root(void)
{
    comem_variable *made;
    OK(comem_root_variable(store, "new", comem_ref(lists[1]), &made));
    comem_variable_release(made);
}

const struct scenario variable_scenarios[] = {
    {"set a variable from number to number", of_number, set_number},
    {"set a variable from number to far str", of_number, set_far},
    {"set a variable from far str to far str", of_far, set_far},
    {"set a variable from far str to list", of_far, set_list},
    {"set a variable from list to number", of_lone_list, set_number},
    {"set a variable from list to another", of_lone_list, set_list},
    {"set a variable from list to held", of_lone_list, set_held},
    {"set a variable from held to far str", of_held, set_far},
    {"set a variable from held to held", of_held, set_held},
    {"add to a variable", of_number, add_int},
    {"add making a variable a float", of_number, add_float},
    {"cas of a variable", of_far, cas},
    {"new variable and release", one_list, new_and_release},
    {"pop a variable", in_list, pop},
    {"make a root that is a variable", one_list, make_root},
    {NULL, NULL, NULL},
};
