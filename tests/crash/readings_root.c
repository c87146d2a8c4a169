/* readings_root.c - roots that are looked for, and made, while others give names and take them away
 *
 * Who makes a root is stopped at its loads as a reader is: two processes then make the store's first root at once.
 */
#include "readings.h"

static comem_object *got; /* by SECOND, when it made a root */

/* ---- how names are before ---- */

static void no_name(void)
{
    make_list(0);
    OK(comem_list_append(lists[FIRST][0], comem_int(7)));
    naming = true;
}

/* "known" leads to a list that nothing else names. */
static void known_name(void)
{
    no_name();
    make_list(1);
    OK(comem_list_append(lists[FIRST][1], comem_int(7)));
    OK(comem_root_add(&stores[FIRST], "first", comem_ref(lists[FIRST][0]), NULL));
    OK(comem_root_add(&stores[FIRST], "known", comem_ref(lists[FIRST][1]), NULL));
    release_everywhere(1);
}

/* ---- what is read ---- */

static void find_known(void)
{
    comem_value found;
    comem_status status = comem_root(&stores[SECOND], "known", &found);
    if (status == COMEM_OK)
        accept(&found);
    else
        expect(status, COMEM_NOT_FOUND, "comem_root");
}

/* "first" is there all the time, and no name is there twice. */
static void read_names(void)
{
    comem_value names[8];
    size_t count, known = 0, first = 0;
    OK(comem_roots(&stores[SECOND], names, 8, &count));
    for (size_t i = 0; i < count && i < 8; i++) {
        known += names[i].size == 5 && memcmp(names[i].as.data, "known", 5) == 0;
        first += names[i].size == 5 && memcmp(names[i].as.data, "first", 5) == 0;
        comem_value_clear(&names[i]);
    }
    if (count > 3 || known > 1 || first != 1)
        fail("%zu names, %zu times 'known' and %zu times 'first'", count, known, first);
}

static void make_root(void)
{
    comem_list *list;
    OK(comem_root_list(&stores[SECOND], "new", &list));
    got = &list->object;
}

static void name_list(void)
{
    comem_value found;
    OK(comem_root_add(&stores[SECOND], "new", comem_ref(lists[SECOND][0]), &found));
    got = found.as.object;
}

/* Whoever made it: there is one root of that name, and it is what SECOND was told. */
static void one_new_root(void)
{
    comem_value found, names[8];
    size_t count;
    OK(comem_root(&stores[SECOND], "new", &found));
    if (found.as.object != got)
        fail("who made a root was told of another one");
    comem_value_clear(&found);
    OK(comem_roots(&stores[SECOND], names, 8, &count));
    if (count > 3)
        fail("%zu names where there are at most three", count);
    for (size_t i = 0; i < count; i++)
        comem_value_clear(&names[i]);
}

/* ---- what is written meanwhile ---- */

/* The list goes, its header becomes another's, and the name leads to that; twice. */
static void replace_known(void)
{
    for (unsigned round = 0; round < 2; round++) {
        comem_list *made;
        comem_status status = comem_root_remove(&stores[writer], "known");
        if (status != COMEM_NOT_FOUND)
            expect(status, COMEM_OK, "comem_root_remove");
        OK(comem_list_new(&stores[writer], &made));
        OK(comem_list_append(made, comem_int(9000 + round)));
        OK(comem_root_add(&stores[writer], "known", comem_ref(made), NULL));
        comem_list_release(made);
    }
}

/* The store's first name, and the first one that SECOND may have found missing. */
static void give_first_names(void)
{
    OK(comem_root_add(&stores[writer], "first", comem_ref(lists[writer][0]), NULL));
    OK(comem_root_add(&stores[writer], "known", comem_ref(lists[writer][0]), NULL));
}

static void make_root_as_well(void)
{
    comem_list *list;
    OK(comem_root_list(&stores[writer], "new", &list));
    comem_list_release(list);
}

static void make_another_root(void)
{
    comem_dict *dict;
    OK(comem_root_dict(&stores[writer], "of the writer", &dict));
    comem_dict_release(dict);
}

const struct reading root_readings[] = {
    {"find a root beside its end", known_name, find_known, replace_known, NULL},
    {"find a root beside the first name", no_name, find_known, give_first_names, NULL},
    {"read names beside names that come and go", known_name, read_names, replace_known, NULL},
    {"make the first root beside another maker", no_name, make_root, make_root_as_well, one_new_root},
    {"make the first root beside another first root", no_name, make_root, make_another_root, one_new_root},
    {"name the first list beside a maker", no_name, name_list, make_root_as_well, one_new_root},
    {"make a root beside another maker", known_name, make_root, make_root_as_well, one_new_root},
    {NULL, NULL, NULL, NULL, NULL},
};
