/* step_scenarios_root.c - the same for roots */
#include "objects/dict.h"
#include "step.h"

#define FAR_NAME "a name that takes a block of its own"

/* ---- how names are before ---- */

static void no_name(void)
{
    OK(comem_list_new(store, &lists[0]));
    OK(comem_list_append(lists[0], comem_int(1)));
}

static void one_name(void)
{
    no_name();
    OK(comem_root_add(store, "known", comem_ref(lists[0]), NULL));
}

static void two_names(void)
{
    one_name();
    OK(comem_root_add(store, FAR_NAME, comem_ref(lists[0]), NULL));
}

/* A dict with a far str and the list in it has nothing but its name. */
static void name_alone(void)
{
    comem_dict *dict;
    two_names();
    OK(comem_root_dict(store, "alone", &dict));
    OK(comem_dict_set(dict, far_value(1), far_value(2)));
    OK(comem_dict_set(dict, comem_int(2), comem_ref(lists[0])));
    comem_dict_release(dict);
}

/* ---- operations ---- */

static void name_list(void)
{
    OK(comem_root_add(store, "new", comem_ref(lists[0]), NULL));
}

static void name_list_far(void)
{
    OK(comem_root_add(store, FAR_NAME " and more", comem_ref(lists[0]), NULL));
}

static void make_root(void)
{
    comem_dict *dict;
    OK(comem_root_dict(store, "new", &dict));
    comem_dict_release(dict);
}

static void open_root(void)
{
    comem_dict *dict;
    OK(comem_root_dict(store, "alone", &dict));
    comem_dict_release(dict);
}

static void remove_name(void)
{
    OK(comem_root_remove(store, "known"));
}

static void remove_far_name(void)
{
    OK(comem_root_remove(store, FAR_NAME));
}

static void remove_name_and_dict(void)
{
    OK(comem_root_remove(store, "alone"));
}

const struct scenario root_scenarios[] = {
    {"name the first list", no_name, name_list},
    {"make the first root", no_name, make_root},
    {"name a third list", two_names, name_list},
    {"name a list by a far name", two_names, name_list_far},
    {"make a root", two_names, make_root},
    {"open a root", name_alone, open_root},
    {"remove a name", two_names, remove_name},
    {"remove a far name", two_names, remove_far_name},
    {"remove the only name", one_name, remove_name},
    {"remove a name and its dict", name_alone, remove_name_and_dict},
    {NULL, NULL, NULL},
};
