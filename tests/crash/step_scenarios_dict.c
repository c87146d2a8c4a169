/* step_scenarios_dict.c - the same for dicts, held values, and structures within structures */
#include "objects/dict.h"
#include "step.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* ---- how dicts are before ---- */

static void new_list(unsigned number, unsigned count)
{
    OK(comem_list_new(store, &lists[number]));
    for (unsigned i = 0; i < count; i++)
        OK(comem_list_append(lists[number], comem_int(i)));
}

static void set(unsigned number, comem_value key, comem_value value)
{
    OK(comem_dict_set(dicts[number], key, value));
}

static void new_dict(unsigned number, unsigned count)
{
    OK(comem_dict_new(store, &dicts[number]));
    for (unsigned i = 0; i < count; i++)
        set(number, comem_int(i), comem_int((int64_t)i + 500));
}

static void add_far(unsigned number, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        set(number, far_value(i), far_value(i + 5));
}

static void empty_dict(void)
{
    new_dict(0, 0);
}

static void dict_of_1(void)
{
    new_dict(0, 1);
}

static void dict_of_3(void)
{
    new_dict(0, 3);
}

/* Full: the next key makes it a larger one. */
static void dict_of_4(void)
{
    new_dict(0, 4);
}

static void dict_of_20(void)
{
    new_dict(0, 20);
}

/* Of so many keys that were that it has far too much room: what is done by the pop of the next but one. */
static void dict_about_to_shrink(void)
{
    new_dict(0, 40);
    for (unsigned i = 39; i > 5; i--)
        OK(comem_dict_pop(dicts[0], comem_int(i), NULL));
}

static void dict_of_far(void)
{
    new_dict(0, 1);
    add_far(0, 3);
}

/* Packs a tuple of a far str and references to list 1 and, unless that is none, to `other`. */
static comem_value held_value(unsigned n, comem_value other)
{
    comem_value packed;
    const comem_value items[] = {far_value(n), comem_ref(lists[1]), other, comem_ref(lists[1])};
    comem_value tuple = comem_items(COMEM_TUPLE, items, COUNT(items));
    OK(comem_value_pack(&tuple, &packed));
    return packed;
}

static void set_held(unsigned number, comem_value key, unsigned n, comem_value other)
{
    comem_value value = held_value(n, other);
    set(number, key, value);
    comem_value_clear(&value);
}

/* Dict 0 has a number, a far str, list 1, a dict that nothing else names, itself, and held values. */
static void dict_of_everything(void)
{
    comem_dict *inner;
    new_list(1, 2);
    new_dict(0, 1);
    add_far(0, 1);
    OK(comem_dict_new(store, &inner));
    OK(comem_dict_set(inner, far_value(1), comem_ref(lists[1])));
    set(0, comem_int(1), comem_ref(lists[1]));
    set_held(0, comem_int(2), 6, comem_ref_dict(inner));
    set_held(0, comem_int(3), 7, comem_none());
    set(0, comem_int(4), comem_ref_dict(dicts[0]));
    set(0, comem_int(5), comem_ref_dict(inner));
    comem_dict_release(inner);
}

/* Dict 1 has keys of dict 0 and others. */
static void two_dicts(void)
{
    dict_of_everything();
    new_dict(1, 2);
    add_far(1, 2);
    set(1, comem_int(1), comem_ref_dict(dicts[0]));
}

/* List 0 has held values: its first, and its last. */
static void list_of_held(void)
{
    new_list(0, 0);
    new_list(1, 2);
    for (unsigned i = 0; i < 3; i++) {
        comem_value value = held_value(i, i == 2 ? comem_ref(lists[0]) : comem_none());
        OK(comem_list_append(lists[0], value));
        comem_value_clear(&value);
    }
}

/* Puts a dict that has a dict with a far str behind the last item of list 0. */
static void append_structure(void)
{
    comem_dict *outer, *inner;
    OK(comem_dict_new(store, &inner));
    OK(comem_dict_set(inner, far_value(1), far_value(2)));
    OK(comem_dict_set(inner, comem_int(2), comem_ref(lists[0])));
    OK(comem_dict_new(store, &outer));
    OK(comem_dict_set(outer, comem_int(1), comem_ref_dict(inner)));
    OK(comem_list_append(lists[0], comem_ref_dict(outer)));
    comem_dict_release(outer);
    comem_dict_release(inner);
}

static void one_list(void)
{
    new_list(0, 1);
}

static void list_of_structures(void)
{
    one_list();
    append_structure();
    append_structure();
}

/* ---- one key ---- */

static void set_number(void)
{
    set(0, comem_int(0), comem_int(-1));
}

static void set_new_number(void)
{
    set(0, comem_int(77), comem_int(-1));
}

static void set_new_far(void)
{
    set(0, far_value(9), far_value(8));
}

static void set_new_reference(void)
{
    set(0, comem_int(77), comem_ref_dict(dicts[0]));
}

static void set_new_held(void)
{
    set_held(0, comem_int(77), 9, comem_ref_dict(dicts[0]));
}

static void set_number_to_far(void)
{
    set(0, comem_int(0), far_value(8));
}

static void set_far_to_far(void)
{
    set(0, far_value(0), far_value(9));
}

static void set_dict_to_list(void)
{
    set(0, comem_int(5), comem_ref(lists[1]));
}

static void set_held_to_held(void)
{
    set_held(0, comem_int(2), 9, comem_none());
}

static void set_held_to_reference(void)
{
    set(0, comem_int(2), comem_ref(lists[1]));
}

static void set_reference_to_held(void)
{
    set_held(0, comem_int(1), 9, comem_none());
}

static void pop(comem_value key)
{
    comem_value value;
    OK(comem_dict_pop(dicts[0], key, &value));
    comem_value_clear(&value);
}

static void pop_number(void)
{
    pop(comem_int(0));
}

static void pop_far(void)
{
    pop(far_value(0));
}

static void pop_dict(void)
{
    pop(comem_int(5));
}

static void pop_held(void)
{
    pop(comem_int(2));
}

static void pop_held_away(void)
{
    OK(comem_dict_pop(dicts[0], comem_int(2), NULL));
}

static void popitem(void)
{
    comem_value key, value;
    OK(comem_dict_popitem(dicts[0], &key, &value));
    comem_value_clear(&key);
    comem_value_clear(&value);
}

static void setdefault(void)
{
    comem_value result;
    OK(comem_dict_setdefault(dicts[0], far_value(9), far_value(8), &result));
    comem_value_clear(&result);
}

static void add_int(void)
{
    OK(comem_dict_add(dicts[0], comem_int(0), comem_int(2), NULL));
}

static void add_float(void)
{
    OK(comem_dict_add(dicts[0], comem_int(0), comem_float(0.5), NULL));
}

static void cas(void)
{
    bool swapped;
    OK(comem_dict_cas(dicts[0], far_value(0), far_value(5), comem_ref_dict(dicts[0]), &swapped));
    if (!swapped)
        fail("the value was changed by nobody");
}

static void cas_away(void)
{
    bool swapped;
    OK(comem_dict_cas(dicts[0], far_value(0), far_value(5), comem_missing(), &swapped));
    if (!swapped)
        fail("the value was changed by nobody");
}

static bool becomes_far(void *context, const comem_value *value, comem_value *next)
{
    (void)context;
    (void)value;
    *next = far_value(9);
    return true;
}

static void update_if(void)
{
    OK(comem_dict_update_if(dicts[0], comem_int(5), becomes_far, NULL));
}

static void replace_as_found(void)
{
    struct key key;
    struct dict_moment moment;
    comem_value value, name = comem_int(5), reference = comem_ref(lists[1]);
    bool done;
    OK(key_make(dicts[0]->object.map, &name, &key));
    OK(dict_find(dicts[0], &key, &value, &moment));
    comem_value_clear(&value);
    OK(dict_replace_if(dicts[0], &key, &moment, &reference, &done));
    key_clear(&key);
    if (!done)
        fail("the value was changed by nobody");
}

static void remove_last_as_found(void)
{
    struct dict_moment moment;
    bool done;
    OK(dict_last(dicts[0], NULL, NULL, &moment));
    OK(dict_remove_last_if(dicts[0], &moment, &done));
    if (!done)
        fail("the dict was changed by nobody");
}

/* ---- many keys ---- */

static void update_numbers(void)
{
    const comem_pair pairs[] = {
        {comem_int(0), comem_int(-1)}, {comem_int(77), comem_int(-2)}, {comem_int(1), comem_str("nnnn", 4)}};
    OK(comem_dict_update(dicts[0], pairs, COUNT(pairs)));
}

static void update_everything(void)
{
    comem_value held = held_value(9, comem_none());
    const comem_pair pairs[] = {{comem_int(5), far_value(9)},
                                {comem_int(1), held},
                                {far_value(0), comem_ref_dict(dicts[0])},
                                {far_value(8), comem_ref(lists[1])},
                                {comem_int(2), comem_int(1)}};
    OK(comem_dict_update(dicts[0], pairs, COUNT(pairs)));
    comem_value_clear(&held);
}

static void update_from_other(void)
{
    OK(comem_dict_update_from(dicts[0], dicts[1]));
}

static void update_from_itself(void)
{
    OK(comem_dict_update_from(dicts[0], dicts[0]));
}

static void clear(void)
{
    OK(comem_dict_clear(dicts[0]));
}

/* What was made is seen when dict 1 refers to it. */
static void show(comem_dict *made)
{
    set(1, comem_int(9), comem_ref_dict(made));
    comem_dict_release(made);
}

static void copy(void)
{
    comem_dict *made;
    OK(comem_dict_copy(dicts[0], &made));
    show(made);
}

static void merge(void)
{
    comem_dict *made;
    OK(comem_dict_merge(dicts[0], dicts[1], &made));
    show(made);
}

static void new_and_release(void)
{
    comem_dict *made;
    OK(comem_dict_new(store, &made));
    comem_dict_release(made);
}

/* ---- held values in lists, structures within structures ---- */

static void append_held(void)
{
    comem_value value = held_value(9, comem_ref(lists[0]));
    OK(comem_list_append(lists[0], value));
    comem_value_clear(&value);
}

static void insert_held(void)
{
    comem_value value = held_value(9, comem_none());
    OK(comem_list_insert(lists[0], 1, value));
    comem_value_clear(&value);
}

static void list_pop_held(void)
{
    comem_value value;
    OK(comem_list_pop(lists[0], &value));
    comem_value_clear(&value);
}

static void list_set_held(void)
{
    comem_value value = held_value(9, comem_none());
    OK(comem_list_set(lists[0], 1, value));
    comem_value_clear(&value);
}

static void list_clear_held(void)
{
    OK(comem_list_clear(lists[0]));
}

static void list_multiply_held(void)
{
    OK(comem_list_multiply(lists[0], 2));
}

static void pop_deep(void)
{
    OK(comem_list_pop(lists[0], NULL));
}

static void append_through(void)
{
    comem_value outer, inner, list;
    OK(comem_list_get(lists[0], -1, &outer));
    OK(comem_dict_get(comem_value_dict(&outer), comem_int(1), &inner));
    OK(comem_dict_get(comem_value_dict(&inner), comem_int(2), &list));
    OK(comem_list_append(comem_value_list(&list), comem_int(9)));
    comem_value_clear(&list);
    comem_value_clear(&inner);
    comem_value_clear(&outer);
}

const struct scenario dict_scenarios[] = {
    {"set the first key", empty_dict, set_new_number},
    {"set a key", dict_of_3, set_number},
    {"set a new key", dict_of_3, set_new_number},
    {"set a new far key", dict_of_far, set_new_far},
    {"set a new key to the dict itself", dict_of_3, set_new_reference},
    {"set a new key to a held value", dict_of_everything, set_new_held},
    {"set a key growing the small dict", dict_of_4, set_new_number},
    {"set a key from number to far str", dict_of_far, set_number_to_far},
    {"set a key from far str to far str", dict_of_far, set_far_to_far},
    {"set a key from dict to list", dict_of_everything, set_dict_to_list},
    {"set a key from held to held", dict_of_everything, set_held_to_held},
    {"set a key from held to list", dict_of_everything, set_held_to_reference},
    {"set a key from list to held", dict_of_everything, set_reference_to_held},
    {"pop a key", dict_of_20, pop_number},
    {"pop the only key", dict_of_1, pop_number},
    {"pop a far key", dict_of_far, pop_far},
    {"pop a dict", dict_of_everything, pop_dict},
    {"pop a key's held value", dict_of_everything, pop_held},
    {"pop a key's held value away", dict_of_everything, pop_held_away},
    {"popitem making the dict smaller", dict_about_to_shrink, popitem},
    {"popitem of a far key", dict_of_far, popitem},
    {"popitem of a dict", dict_of_everything, popitem},
    {"setdefault of a new key", dict_of_far, setdefault},
    {"add to a number", dict_of_3, add_int},
    {"add making an int a float", dict_of_3, add_float},
    {"add to nothing", empty_dict, add_int},
    {"cas of a far str", dict_of_far, cas},
    {"cas to nothing", dict_of_far, cas_away},
    {"update_if of a dict", dict_of_everything, update_if},
    {"replace as it was found", dict_of_everything, replace_as_found},
    {"remove the last as it was found", dict_of_everything, remove_last_as_found},
    {"update with numbers", dict_of_3, update_numbers},
    {"update with everything", dict_of_everything, update_everything},
    {"update from another dict", two_dicts, update_from_other},
    {"update from the dict itself", dict_of_everything, update_from_itself},
    {"clear a dict of numbers", dict_of_20, clear},
    {"clear a dict of everything", dict_of_everything, clear},
    {"copy a dict", two_dicts, copy},
    {"merge dicts", two_dicts, merge},
    {"new dict and release", empty_dict, new_and_release},
    {"append a held value", list_of_held, append_held},
    {"insert a held value", list_of_held, insert_held},
    {"set a held value to another", list_of_held, list_set_held},
    {"pop a held value", list_of_held, list_pop_held},
    {"clear held values", list_of_held, list_clear_held},
    {"multiply held values", list_of_held, list_multiply_held},
    {"append a dict with a dict", one_list, append_structure},
    {"pop a dict with a dict", list_of_structures, pop_deep},
    {"append to a list in a dict in a dict in a list", list_of_structures, append_through},
    {NULL, NULL, NULL},
};
