/* scenarios_root.c - roots: objects by name, from the store's first one on
 *
 * Names are read by SECOND without a store into shared memory where it holds the dict of names and what they lead to.
 */
#include "scenarios.h"

#define FAR_NAME "a name that takes a block of its own"

/* ---- how names are before ---- */

/* Lists 0 and 1, which everybody holds, have no name, and there is no dict of names. */
static void no_name(void)
{
    two_lists();
    naming = true;
}

static void name(const char *text, unsigned number)
{
    OK(comem_root_add(&stores[FIRST], text, comem_ref(lists[FIRST][number]), NULL));
}

/* SECOND keeps the dict of names. */
static void hold_names(void)
{
    const struct store_map *map = maps[SECOND];
    uint64_t roots = word_load(&map->header->roots);
    const struct object *shared = object_at(maps[SECOND], roots);
    hold(object_image(roots, (uint32_t)word_load(&shared->identity)), SECOND);
}

static void one_name(void)
{
    no_name();
    name("known", 0);
    hold_names();
}

static void two_names(void)
{
    no_name();
    name("known", 0);
    name(FAR_NAME, 1);
    hold_names();
}

/* As many as the first room for names has: the next one makes more. */
static void four_names(void)
{
    two_names();
    name("third", 0);
    name("fourth", 1);
}

/* There is a dict of names, and nothing in it. */
static void no_name_any_more(void)
{
    one_name();
    OK(comem_root_remove(&stores[FIRST], "known"));
}

/* List 2 has far strs and list 1 in it, and nothing but its name. */
static void name_alone(void)
{
    two_names();
    make_list(2);
    fill_far(2, 2);
    OK(comem_list_append(lists[FIRST][2], comem_ref(lists[FIRST][1])));
    name("alone", 2);
    release_everywhere(2);
}

/* ---- giving names ---- */

static void name_list(void)
{
    OK(comem_root_add(&stores[VICTIM], "new", comem_ref(victims(0)), NULL));
}

static void name_list_and_find_it(void)
{
    comem_value found;
    OK(comem_root_add(&stores[VICTIM], FAR_NAME, comem_ref(victims(0)), &found));
    comem_value_clear(&found);
}

static void name_another_list(void)
{
    comem_value found;
    OK(comem_root_add(&stores[VICTIM], "known", comem_ref(victims(1)), &found));
    comem_value_clear(&found);
}

static void make_root_list(void)
{
    comem_list *list;
    OK(comem_root_list(&stores[VICTIM], "new", &list));
    comem_list_release(list);
}

static void make_root_dict(void)
{
    comem_dict *dict;
    OK(comem_root_dict(&stores[VICTIM], FAR_NAME " and more", &dict));
    comem_dict_release(dict);
}

/* ---- finding and taking away ---- */

static void open_root(void)
{
    comem_list *list;
    OK(comem_root_list(&stores[VICTIM], "known", &list));
    comem_list_release(list);
}

static void find_root(void)
{
    comem_value found;
    OK(comem_root(&stores[VICTIM], "alone", &found));
    comem_value_clear(&found);
}

static void read_names(void)
{
    comem_value names[8];
    size_t count;
    if (comem_roots(&stores[VICTIM], names, 8, &count) != COMEM_OK)
        return;
    for (size_t i = 0; i < count; i++)
        comem_value_clear(&names[i]);
}

static void remove_name(void)
{
    OK(comem_root_remove(&stores[VICTIM], "known"));
}

static void remove_far_name(void)
{
    OK(comem_root_remove(&stores[VICTIM], FAR_NAME));
}

static void remove_name_and_list(void)
{
    OK(comem_root_remove(&stores[VICTIM], "alone"));
}

const struct scenario root_scenarios[] = {
    {"name the first list", no_name, name_list},
    {"name the first list by a far name", no_name, name_list_and_find_it},
    {"make the first root", no_name, make_root_list},
    {"make the first root with a far name", no_name, make_root_dict},
    {"name a list when no name is left", no_name_any_more, name_list},
    {"name a second list", one_name, name_list},
    {"name a list by a known name", two_names, name_another_list},
    {"name a list making room for names", four_names, name_list},
    {"make a root", two_names, make_root_list},
    {"make a root with a far name", one_name, make_root_dict},
    {"open a root", two_names, open_root},
    {"find a root and release it", name_alone, find_root},
    {"read names", two_names, read_names},
    {"remove a name", two_names, remove_name},
    {"remove a far name", two_names, remove_far_name},
    {"remove the only name", one_name, remove_name},
    {"remove a name and its list", name_alone, remove_name_and_list},
    {NULL, NULL, NULL},
};
