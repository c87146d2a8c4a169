/* scenarios_value.c - values that refer to objects, structures within structures, and the tables of handles
 *
 * A value with references inside is held: its block counts as a link of each object that it refers to, and goes by way of the
 * trash. Here it stands in lists, in dicts and under keys that are packed values themselves.
 */
#include "scenarios.h"

/* ---- values ---- */

comem_value held_value(enum party party, unsigned n, comem_value last)
{
    comem_value packed = comem_none();
    const comem_value items[] = {far_value(n), comem_ref(lists[party][1]), comem_int(n), comem_ref(lists[party][1]),
                                 last};
    comem_value tuple = comem_items(COMEM_TUPLE, items, sizeof items / sizeof items[0]);
    OK(comem_value_pack(&tuple, &packed));
    return packed;
}

/* The same in a run of pages. */
static comem_value held_run(enum party party)
{
    comem_value packed = comem_none();
    const comem_value items[] = {run_value(3), comem_ref(lists[party][1])};
    comem_value tuple = comem_items(COMEM_LIST, items, sizeof items / sizeof items[0]);
    OK(comem_value_pack(&tuple, &packed));
    return packed;
}

/* A tuple of numbers: nothing to refer to, and with a float without a fraction another key than its canonical form. */
static comem_value packed_value(unsigned n, unsigned count)
{
    comem_value packed = comem_none(), items[8];
    for (unsigned i = 0; i < count; i++)
        items[i] = i % 2 ? comem_float(n + i) : comem_int(n + i);
    comem_value tuple = comem_items(COMEM_TUPLE, items, count);
    OK(comem_value_pack(&tuple, &packed));
    return packed;
}

/* ---- how things are before ---- */

static void first_appends(comem_value value)
{
    OK(comem_list_append(lists[FIRST][0], value));
    comem_value_clear(&value);
}

/* 0 has numbers, packed values, and held ones at the end and elsewhere: list 1 is somebody else's, too, list 2 nobody's. */
static void list_of_held(void)
{
    two_lists();
    make_list(2);
    fill_far(2, 1);
    first_appends(held_value(FIRST, 1, comem_ref(lists[FIRST][2])));
    first_appends(packed_value(3, 8));
    first_appends(comem_ref(lists[FIRST][1]));
    first_appends(held_value(FIRST, 2, comem_none()));
    release_everywhere(2);
}

static void first_sets(comem_value key, comem_value value)
{
    OK(comem_dict_set(dicts[FIRST][0], key, value));
    comem_value_clear(&key);
    comem_value_clear(&value);
}

/* The same in a dict, the last under a key that is a packed value. */
static void dict_of_held(void)
{
    two_lists();
    make_list(2);
    fill_far(2, 1);
    make_dict(0);
    first_sets(comem_int(1), comem_int(1));
    first_sets(comem_int(2), held_value(FIRST, 1, comem_ref(lists[FIRST][2])));
    first_sets(comem_int(3), comem_ref(lists[FIRST][2]));
    first_sets(packed_value(3, 2), held_value(FIRST, 2, comem_ref_dict(dicts[FIRST][0])));
    first_sets(packed_value(5, 8), packed_value(5, 8));
    release_everywhere(2);
}

static void small_dict_of_held(void)
{
    two_lists();
    make_dict(0);
    first_sets(comem_int(2), held_value(FIRST, 1, comem_none()));
    first_sets(packed_value(5, 8), packed_value(5, 8));
}

static void small_list_of_held(void)
{
    two_lists();
    first_appends(held_value(FIRST, 1, comem_none()));
}

/* ---- held values in lists ---- */

static void append(comem_value value)
{
    OK(comem_list_append(victims(0), value));
    comem_value_clear(&value);
}

static void append_held(void)
{
    append(held_value(VICTIM, 7, comem_ref(victims(0))));
}

static void append_held_run(void)
{
    append(held_run(VICTIM));
}

static void append_packed(void)
{
    append(packed_value(7, 8));
}

static void list_set(int64_t index, comem_value value)
{
    OK(comem_list_set(victims(0), index, value));
    comem_value_clear(&value);
}

static void set_number_to_held(void)
{
    list_set(0, held_value(VICTIM, 7, comem_none()));
}

static void set_held_to_number(void)
{
    list_set(-1, comem_int(5));
}

static void set_held_to_held(void)
{
    list_set(3, held_value(VICTIM, 7, comem_ref(victims(0))));
}

static void set_held_to_reference(void)
{
    list_set(3, comem_ref(victims(1)));
}

static void set_reference_to_held(void)
{
    list_set(5, held_value(VICTIM, 7, comem_none()));
}

static void pop_held(void)
{
    comem_value value;
    OK(comem_list_pop(victims(0), &value));
    comem_value_clear(&value);
}

static void pop_held_away(void)
{
    OK(comem_list_pop(victims(0), NULL));
}

static void pop_held_in_the_middle(void)
{
    comem_value value;
    OK(comem_list_pop_at(victims(0), 3, &value));
    comem_value_clear(&value);
}

static void insert_held(void)
{
    comem_value value = held_value(VICTIM, 7, comem_ref(victims(0)));
    OK(comem_list_insert(victims(0), 2, value));
    comem_value_clear(&value);
}

static void extend_with_held(void)
{
    comem_value values[] = {held_value(VICTIM, 7, comem_none()), comem_ref(victims(1)), packed_value(7, 8),
                            held_value(VICTIM, 8, comem_ref(victims(0)))};
    OK(comem_list_extend(victims(0), values, 4));
    for (unsigned i = 0; i < 4; i++)
        comem_value_clear(&values[i]);
}

static void set_run_with_held(void)
{
    comem_value values[] = {held_value(VICTIM, 7, comem_none()), held_value(VICTIM, 8, comem_ref(victims(0)))};
    OK(comem_list_slice_set(victims(0), (comem_slice){2, 6, 1}, values, 2));
    for (unsigned i = 0; i < 2; i++)
        comem_value_clear(&values[i]);
}

static void delete_run_of_held(void)
{
    OK(comem_list_slice_delete(victims(0), (comem_slice){1, 5, 1}));
}

static void clear_held(void)
{
    OK(comem_list_clear(victims(0)));
}

static void multiply_held(void)
{
    OK(comem_list_multiply(victims(0), 2));
}

static void copy_held(void)
{
    comem_list *copy;
    OK(comem_list_copy(victims(0), &copy));
    comem_list_release(copy);
}

static void get_held(void)
{
    comem_value value;
    OK(comem_list_get(victims(0), 3, &value));
    comem_value_clear(&value);
}

/* ---- held values in dicts, and packed keys ---- */

static void dict_set_to(comem_value key, comem_value value)
{
    OK(comem_dict_set(dicts[VICTIM][0], key, value));
    comem_value_clear(&key);
    comem_value_clear(&value);
}

static void set_new_key_to_held(void)
{
    dict_set_to(comem_int(9), held_value(VICTIM, 7, comem_ref_dict(dicts[VICTIM][0])));
}

static void set_new_packed_key_to_held(void)
{
    dict_set_to(packed_value(9, 8), held_run(VICTIM));
}

static void set_new_short_packed_key(void)
{
    dict_set_to(packed_value(9, 2), comem_int(1));
}

static void set_key_to_held(void)
{
    dict_set_to(comem_int(1), held_value(VICTIM, 7, comem_ref_dict(dicts[VICTIM][0])));
}

static void set_key_from_held_to_held(void)
{
    dict_set_to(comem_int(2), held_value(VICTIM, 7, comem_none()));
}

static void set_key_from_held_to_reference(void)
{
    dict_set_to(comem_int(2), comem_ref(victims(1)));
}

static void set_key_from_reference_to_held(void)
{
    dict_set_to(comem_int(3), held_value(VICTIM, 7, comem_none()));
}

static void set_key_from_held_to_number(void)
{
    dict_set_to(packed_value(3, 2), comem_int(1));
}

static void dict_pop_held(void)
{
    comem_value value;
    OK(comem_dict_pop(dicts[VICTIM][0], comem_int(2), &value));
    comem_value_clear(&value);
}

static void dict_pop_packed_key(void)
{
    comem_value key = packed_value(3, 2);
    OK(comem_dict_pop(dicts[VICTIM][0], key, NULL));
    comem_value_clear(&key);
}

static void dict_popitem_packed(void)
{
    comem_value key, value;
    OK(comem_dict_popitem(dicts[VICTIM][0], &key, &value));
    comem_value_clear(&key);
    comem_value_clear(&value);
}

static void dict_setdefault_held(void)
{
    comem_value value = held_value(VICTIM, 7, comem_none()), result;
    OK(comem_dict_setdefault(dicts[VICTIM][0], comem_int(9), value, &result));
    comem_value_clear(&result);
    comem_value_clear(&value);
}

static void dict_cas_held(void)
{
    bool swapped;
    comem_value expected = held_value(VICTIM, 2, comem_ref_dict(dicts[VICTIM][0])), key = packed_value(3, 2);
    OK(comem_dict_cas(dicts[VICTIM][0], key, expected, comem_ref(victims(1)), &swapped));
    comem_value_clear(&expected);
    comem_value_clear(&key);
}

static void dict_update_held(void)
{
    comem_pair pairs[] = {
        {comem_int(2), held_value(VICTIM, 7, comem_none())},
        {packed_value(3, 2), comem_int(1)},
        {packed_value(9, 8), held_value(VICTIM, 9, comem_none())},
    };
    OK(comem_dict_update(dicts[VICTIM][0], pairs, 3));
    for (unsigned i = 0; i < 3; i++) {
        comem_value_clear(&pairs[i].key);
        comem_value_clear(&pairs[i].value);
    }
}

static void dict_clear_held(void)
{
    OK(comem_dict_clear(dicts[VICTIM][0]));
}

static void dict_copy_held(void)
{
    comem_dict *copy;
    OK(comem_dict_copy(dicts[VICTIM][0], &copy));
    comem_dict_release(copy);
}

static void dict_get_held(void)
{
    comem_value value;
    OK(comem_dict_get(dicts[VICTIM][0], comem_int(2), &value));
    comem_value_clear(&value);
}

/* ---- structures within structures ---- */

/* Puts a dict that has a dict with a far value and the list itself behind the last item of list 0. */
static void append_structure(enum party party)
{
    comem_dict *outer, *inner;
    OK(comem_dict_new(&stores[party], &inner));
    if (inner == NULL)
        return;
    OK(comem_dict_set(inner, far_value(1), far_value(2)));
    OK(comem_dict_set(inner, comem_int(2), comem_ref(lists[party][0])));
    OK(comem_dict_new(&stores[party], &outer));
    if (outer != NULL) {
        OK(comem_dict_set(outer, comem_int(1), comem_ref_dict(inner)));
        OK(comem_list_append(lists[party][0], comem_ref_dict(outer)));
    }
    comem_dict_release(outer);
    comem_dict_release(inner);
}

static void append_deep(void)
{
    append_structure(VICTIM);
}

static void list_of_structures(void)
{
    two_lists();
    append_structure(FIRST);
    append_structure(FIRST);
}

static void pop_deep(void)
{
    OK(comem_list_pop(victims(0), NULL));
}

/* list[-1][1][2].append(...), with a handle for each step. */
static void append_through(void)
{
    comem_value outer, inner, list;
    OK(comem_list_get(victims(0), -1, &outer));
    OK(comem_dict_get(comem_value_dict(&outer), comem_int(1), &inner));
    OK(comem_dict_get(comem_value_dict(&inner), comem_int(2), &list));
    OK(comem_list_append(comem_value_list(&list), comem_int(9)));
    comem_value_clear(&list);
    comem_value_clear(&inner);
    comem_value_clear(&outer);
}

static void set_through(void)
{
    comem_value outer, inner;
    OK(comem_list_get(victims(0), -1, &outer));
    OK(comem_dict_get(comem_value_dict(&outer), comem_int(1), &inner));
    comem_value_clear(&outer);
    OK(comem_dict_set(comem_value_dict(&inner), far_value(1), held_value(VICTIM, 7, inner)));
    comem_value_clear(&inner);
}

/* Nobody but the victim has dict 0, which alone has values and a dict that refer to others; no longer to itself. */
static void victim_alone_holds_structure(void)
{
    comem_value itself = packed_value(3, 2);
    dict_of_held();
    OK(comem_dict_pop(dicts[FIRST][0], itself, NULL));
    comem_value_clear(&itself);
    make_dict(1);
    OK(comem_dict_set(dicts[FIRST][1], far_value(1), comem_ref(lists[FIRST][1])));
    first_sets(comem_int(9), held_value(FIRST, 4, comem_ref_dict(dicts[FIRST][1])));
    for (unsigned i = 0; i < PARTIES; i++)
        if (i != VICTIM) {
            comem_dict_release(dicts[i][0]);
            dicts[i][0] = NULL;
        }
    release_dict_everywhere(1);
}

static void release_structure(void)
{
    comem_dict_release(dicts[VICTIM][0]);
}

/* ---- tables of handles ---- */

static void read_and_release(void)
{
    static comem_value values[128];
    size_t count;
    if (comem_list_read(victims(1), 0, 128, values, &count) != COMEM_OK)
        return;
    for (size_t i = 0; i < count; i++)
        comem_value_clear(&values[i]);
}

/* As many lists in list 1 as the victim has rows for, and one more. */
static void more_lists_than_rows(void)
{
    const struct process *process = maps[VICTIM]->process;
    make_list(1);
    for (unsigned i = 0; i < 100; i++) {
        comem_list *made;
        OK(comem_list_new(&stores[FIRST], &made));
        OK(comem_list_append(lists[FIRST][1], comem_ref(made)));
        comem_list_release(made);
        hook_mark mark = trial_begin();
        read_and_release();
        bool enough = word_load(&process->tables[0]) != 0;
        trial_end(mark);
        if (enough)
            return;
    }
    fail("a hundred lists find rows in the first table");
}

const struct scenario value_scenarios[] = {
    {"append a packed value", two_lists, append_packed},
    {"append a held value", two_lists, append_held},
    {"append a held value in a run of pages", two_lists, append_held_run},
    {"set a number to a held value", list_of_held, set_number_to_held},
    {"set a held value to a number", list_of_held, set_held_to_number},
    {"set a held value to another", list_of_held, set_held_to_held},
    {"set a held value to a reference", list_of_held, set_held_to_reference},
    {"set a reference to a held value", list_of_held, set_reference_to_held},
    {"pop a held value", list_of_held, pop_held},
    {"pop a held value away", list_of_held, pop_held_away},
    {"pop a held value in the middle", list_of_held, pop_held_in_the_middle},
    {"insert a held value", list_of_held, insert_held},
    {"extend with held values", two_lists, extend_with_held},
    {"set a run with held values", list_of_held, set_run_with_held},
    {"delete a run of held values", list_of_held, delete_run_of_held},
    {"clear held values", list_of_held, clear_held},
    {"multiply held values", small_list_of_held, multiply_held},
    {"copy held values", small_list_of_held, copy_held},
    {"get a held value", list_of_held, get_held},
    {"set a new key to a held value", dict_of_held, set_new_key_to_held},
    {"set a new packed key to a held run", dict_of_held, set_new_packed_key_to_held},
    {"set a new short packed key", dict_of_held, set_new_short_packed_key},
    {"set a key to a held value", dict_of_held, set_key_to_held},
    {"set a key from held to held", dict_of_held, set_key_from_held_to_held},
    {"set a key from held to reference", dict_of_held, set_key_from_held_to_reference},
    {"set a key from reference to held", dict_of_held, set_key_from_reference_to_held},
    {"set a packed key from held to number", dict_of_held, set_key_from_held_to_number},
    {"pop a key's held value", dict_of_held, dict_pop_held},
    {"delete a packed key with a held value", dict_of_held, dict_pop_packed_key},
    {"popitem of packed key and value", dict_of_held, dict_popitem_packed},
    {"setdefault of a new key to a held value", dict_of_held, dict_setdefault_held},
    {"cas of a held value", dict_of_held, dict_cas_held},
    {"update with held values", dict_of_held, dict_update_held},
    {"clear a dict of held values", dict_of_held, dict_clear_held},
    {"copy a dict of held values", small_dict_of_held, dict_copy_held},
    {"get a held value of a dict", dict_of_held, dict_get_held},
    {"append a dict with a dict", two_lists, append_deep},
    {"pop a dict with a dict", list_of_structures, pop_deep},
    {"append to a list in a dict in a dict in a list", list_of_structures, append_through},
    {"set a key in a dict in a dict in a list", list_of_structures, set_through},
    {"release a dict of everything within everything", victim_alone_holds_structure, release_structure},
    {"read lists adding a table of rows", more_lists_than_rows, read_and_release},
    {NULL, NULL, NULL},
};
