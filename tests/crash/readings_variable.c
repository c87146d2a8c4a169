/* readings_variable.c - variables that are read while their values change */
#include "readings.h"

/* ---- what is read ---- */

static void a_number(void)
{
    make_variable(0, comem_int(7));
}

static void an_int(void)
{
    make_variable('q', comem_int(9000));
}

static void a_far_value(void)
{
    make_variable(0, far_value(0));
}

/* It refers to a list that nothing else names. */
static void a_list(void)
{
    comem_list *made;
    OK(comem_list_new(&stores[FIRST], &made));
    OK(comem_list_append(made, comem_int(7)));
    make_variable(0, comem_ref(made));
    comem_list_release(made);
}

static void get(void)
{
    comem_value value;
    OK(comem_variable_get(variables[SECOND][0], &value));
    accept(&value);
}

/* ---- what is written meanwhile ---- */

static void set(comem_value value)
{
    OK(comem_variable_set(variables[writer][0], value));
}

/* The same memory comes back with other content. */
static void replace_values(void)
{
    for (unsigned round = 1; round < 4; round++) {
        set(far_value(round));
        set(comem_int(9000 + round));
        set(near_value(round));
    }
}

static void add(void)
{
    for (unsigned i = 0; i < 3; i++)
        OK(comem_variable_add(variables[writer][0], comem_int(1), NULL));
}

static void replace_lists(void)
{
    for (unsigned round = 0; round < 2; round++) {
        comem_list *made;
        set(comem_int(9000));
        OK(comem_list_new(&stores[writer], &made));
        OK(comem_list_append(made, comem_int(round)));
        set(comem_ref(made));
        comem_list_release(made);
    }
}

const struct reading variable_readings[] = {
    {"get a variable's number beside set", a_number, get, replace_values, NULL},
    {"get a variable's far str beside set", a_far_value, get, replace_values, NULL},
    {"get a variable's int beside add", an_int, get, add, NULL},
    {"get a variable's list beside its end", a_list, get, replace_lists, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
