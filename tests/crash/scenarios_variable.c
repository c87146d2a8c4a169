/* scenarios_variable.c - variables: a value of every kind in the place of every other, sums, exchanges, births and ends
 *
 * List 1 is somebody else's, too; list 2 has nothing but the variable that refers to it.
 */
#include "scenarios.h"

/* ---- how the variable is before ---- */

static void of_number(void)
{
    two_lists();
    make_variable(0, comem_int(5));
}

static void of_near(void)
{
    two_lists();
    make_variable(0, near_value(2));
}

static void of_far(void)
{
    two_lists();
    make_variable(0, far_value(2));
}

static void of_list(void)
{
    two_lists();
    make_variable(0, comem_ref(lists[FIRST][1]));
}

static void of_lone_list(void)
{
    two_lists();
    make_list(2);
    fill_far(2, 1);
    make_variable(0, comem_ref(lists[FIRST][2]));
    release_everywhere(2);
}

static void of_held(void)
{
    two_lists();
    make_list(2);
    fill_far(2, 1);
    comem_value value = held_value(FIRST, 1, comem_ref(lists[FIRST][2]));
    make_variable(0, value);
    comem_value_clear(&value);
    release_everywhere(2);
}

static void of_itself(void)
{
    of_number();
    OK(comem_variable_set(variables[FIRST][0], comem_ref_variable(variables[FIRST][0])));
}

static void of_int(void)
{
    make_variable('i', comem_int(5));
}

static void of_float(void)
{
    make_variable('d', comem_float(0.5));
}

/* ---- set ---- */

static void set(comem_value value)
{
    OK(comem_variable_set(variables[VICTIM][0], value));
    comem_value_clear(&value);
}

static void set_number(void)
{
    set(comem_int(6));
}

static void set_near(void)
{
    set(near_value(3));
}

static void set_far(void)
{
    set(far_value(3));
}

static void set_run(void)
{
    set(run_value(3));
}

static void set_list(void)
{
    set(comem_ref(victims(0)));
}

static void set_itself(void)
{
    set(comem_ref_variable(variables[VICTIM][0]));
}

static void set_held(void)
{
    set(held_value(VICTIM, 7, comem_ref_variable(variables[VICTIM][0])));
}

/* ---- what depends on the value before ---- */

static void add_int(void)
{
    OK(comem_variable_add(variables[VICTIM][0], comem_int(3), NULL));
}

static void add_float(void)
{
    comem_value sum;
    OK(comem_variable_add(variables[VICTIM][0], comem_float(0.5), &sum));
}

static void cas(comem_value expected, comem_value value)
{
    bool swapped;
    OK(comem_variable_cas(variables[VICTIM][0], expected, value, &swapped));
    comem_value_clear(&expected);
    comem_value_clear(&value);
}

static void cas_number(void)
{
    cas(comem_float(5), comem_int(7));
}

static void cas_far(void)
{
    cas(far_value(2), comem_ref(victims(0)));
}

static void cas_in_vain(void)
{
    cas(far_value(3), held_value(VICTIM, 7, comem_none()));
}

static void cas_list(void)
{
    cas(comem_ref(victims(1)), far_value(3));
}

static void replace_as_found(void)
{
    comem_value found, value = far_value(3);
    struct variable_moment moment;
    bool done = false;
    OK(variable_find(variables[VICTIM][0], &found, &moment));
    OK(variable_replace_if(variables[VICTIM][0], &moment, &value, &done));
    comem_value_clear(&found);
}

/* ---- reading ---- */

static void get(void)
{
    comem_value value;
    OK(comem_variable_get(variables[VICTIM][0], &value));
    comem_value_clear(&value);
}

/* ---- birth and end ---- */

static void new_and_release(char typecode, comem_value initial)
{
    comem_variable *made;
    OK(comem_variable_new(&stores[VICTIM], typecode, initial, &made));
    comem_variable_release(made);
    comem_value_clear(&initial);
}

static void new_int(void)
{
    new_and_release('q', comem_int(5));
}

static void new_far(void)
{
    new_and_release(0, far_value(3));
}

static void new_list(void)
{
    new_and_release(0, comem_ref(victims(1)));
}

static void new_held(void)
{
    new_and_release(0, held_value(VICTIM, 7, comem_none()));
}

static void only_victims(void)
{
    for (unsigned i = 0; i < PARTIES; i++)
        if (i != VICTIM) {
            comem_variable_release(variables[i][0]);
            variables[i][0] = NULL;
        }
}

static void victims_far(void)
{
    of_far();
    only_victims();
}

static void victims_lone_list(void)
{
    of_lone_list();
    only_victims();
}

static void victims_held(void)
{
    of_held();
    only_victims();
}

static void release(void)
{
    comem_variable_release(variables[VICTIM][0]);
}

/* Nothing but list 0 has the variable, which has list 2. */
static void in_list(void)
{
    of_lone_list();
    OK(comem_list_append(lists[FIRST][0], comem_ref_variable(variables[FIRST][0])));
    for (unsigned i = 0; i < PARTIES; i++) {
        comem_variable_release(variables[i][0]);
        variables[i][0] = NULL;
    }
}

static void pop(void)
{
    OK(comem_list_pop(victims(0), NULL));
}

static void append(void)
{
    OK(comem_list_append(victims(0), comem_ref_variable(variables[VICTIM][0])));
}

/* ---- roots ---- */

static void no_name(void)
{
    two_lists();
    naming = true;
}

static void make_root(void)
{
    comem_variable *made;
    OK(comem_root_variable(&stores[VICTIM], "new", far_value(3), &made));
    comem_variable_release(made);
}

static void make_root_that_refers(void)
{
    comem_variable *made;
    OK(comem_root_variable(&stores[VICTIM], "new", comem_ref(victims(1)), &made));
    comem_variable_release(made);
}

/* ---- the end of a scope ---- */

static uint64_t scope;

static void in_scope(void)
{
    two_lists();
    make_list(2);
    fill_far(2, 1);
    comem_value value = comem_ref(lists[FIRST][2]);
    OK(object_scope_new(&stores[FIRST], &scope));
    OK(variable_new_in(&stores[FIRST], scope, 0, 0, &value, &variables[FIRST][0]));
    variables[SECOND][0] = (comem_variable *)hold(object_ref_image(&variables[FIRST][0]->object), SECOND);
    variables[VICTIM][0] = (comem_variable *)hold(object_ref_image(&variables[FIRST][0]->object), VICTIM);
    release_everywhere(2);
}

static void shut_down(void)
{
    OK(object_scope_shutdown(&stores[VICTIM], scope));
}

const struct scenario variable_scenarios[] = {
    {"set a variable from a number to a number", of_number, set_number},
    {"set a variable from a number to a near str", of_number, set_near},
    {"set a variable from a number to a far str", of_number, set_far},
    {"set a variable from a number to a run of pages", of_number, set_run},
    {"set a variable from a number to a list", of_number, set_list},
    {"set a variable from a number to the variable itself", of_number, set_itself},
    {"set a variable from a number to a held value", of_number, set_held},
    {"set a variable from a near str to a number", of_near, set_number},
    {"set a variable from a near str to a far str", of_near, set_far},
    {"set a variable from a near str to a list", of_near, set_list},
    {"set a variable from a near str to the variable itself", of_near, set_itself},
    {"set a variable from a near str to a held value", of_near, set_held},
    {"set a variable from a far str to a number", of_far, set_number},
    {"set a variable from a far str to a near str", of_far, set_near},
    {"set a variable from a far str to a far str", of_far, set_far},
    {"set a variable from a far str to a run of pages", of_far, set_run},
    {"set a variable from a far str to a list", of_far, set_list},
    {"set a variable from a far str to the variable itself", of_far, set_itself},
    {"set a variable from a far str to a held value", of_far, set_held},
    {"set a variable from a list to a number", of_list, set_number},
    {"set a variable from a list to a far str", of_list, set_far},
    {"set a variable from a list to a list", of_list, set_list},
    {"set a variable from a list to the variable itself", of_list, set_itself},
    {"set a variable from a list to a held value", of_list, set_held},
    {"set a variable from a lone list to a number", of_lone_list, set_number},
    {"set a variable from a lone list to a far str", of_lone_list, set_far},
    {"set a variable from a lone list to a list", of_lone_list, set_list},
    {"set a variable from a lone list to the variable itself", of_lone_list, set_itself},
    {"set a variable from a lone list to a held value", of_lone_list, set_held},
    {"set a variable from a held value to a number", of_held, set_number},
    {"set a variable from a held value to a far str", of_held, set_far},
    {"set a variable from a held value to a list", of_held, set_list},
    {"set a variable from a held value to the variable itself", of_held, set_itself},
    {"set a variable from a held value to a held value", of_held, set_held},
    {"set a variable from the variable itself to a number", of_itself, set_number},
    {"set a variable from the variable itself to a far str", of_itself, set_far},
    {"set a variable from the variable itself to a list", of_itself, set_list},
    {"set a variable from the variable itself to the variable itself", of_itself, set_itself},
    {"set a variable from the variable itself to a held value", of_itself, set_held},
    {"set a variable of ints", of_int, set_number},
    {"set a variable of floats", of_float, set_number},
    {"add to a variable of ints", of_int, add_int},
    {"add to a variable of floats", of_float, add_int},
    {"add to a variable of any value", of_number, add_int},
    {"add making a variable's int a float", of_number, add_float},
    {"cas of a variable's number", of_number, cas_number},
    {"cas of a variable's far str", of_far, cas_far},
    {"cas of a variable that finds something else", of_far, cas_in_vain},
    {"cas of a variable's list", of_list, cas_list},
    {"replace a variable's value as it was found", of_far, replace_as_found},
    {"get a variable's far str", of_far, get},
    {"get a variable's lone list", of_lone_list, get},
    {"get a variable's held value", of_held, get},
    {"new variable of ints and release", two_lists, new_int},
    {"new variable of a far str and release", two_lists, new_far},
    {"new variable of a list and release", two_lists, new_list},
    {"new variable of a held value and release", two_lists, new_held},
    {"release a variable with a far str", victims_far, release},
    {"release a variable with a lone list", victims_lone_list, release},
    {"release a variable with a held value", victims_held, release},
    {"append a variable", of_number, append},
    {"pop a variable with a lone list", in_list, pop},
    {"make the first root, a variable", no_name, make_root},
    {"make the first root, a variable of a list", no_name, make_root_that_refers},
    {"shut a scope with a variable down", in_scope, shut_down},
    {NULL, NULL, NULL},
};
