/* scenarios_dict.c - the operations on dicts that are cut: each way through each of them
 *
 * Where a key goes depends on the store's seed, so that the way that a change takes through the index cannot be told from the keys.
 * Who wants a certain way has changes made up to the one that takes it: up_to().
 */
#include "objects/dict_layout.h"
#include "scenarios.h"

static comem_dict *victims_dict(unsigned number)
{
    return dicts[VICTIM][number];
}

/* ---- how dicts are before ---- */

static void add_number(comem_dict *dict, unsigned n)
{
    OK(comem_dict_set(dict, comem_int(n), comem_int((int64_t)n + 500)));
}

/* A key that takes a block, and so does its value. */
static void add_far(comem_dict *dict, unsigned n)
{
    OK(comem_dict_set(dict, far_value(n), far_value(n + 5)));
}

static void take_number(comem_dict *dict, unsigned n)
{
    OK(comem_dict_pop(dict, comem_int(n), NULL));
}

static void add_numbers(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        add_number(dicts[FIRST][0], i);
}

static void empty_dict(void)
{
    make_dict(0);
}

static void dict_of_1(void)
{
    make_dict(0);
    add_numbers(1);
}

static void dict_of_3(void)
{
    make_dict(0);
    add_numbers(3);
}

/* Of several segments and pages. */
static void dict_of_24(void)
{
    make_dict(0);
    add_numbers(24);
}

static void dict_of_far(void)
{
    make_dict(0);
    add_numbers(2);
    for (unsigned i = 0; i < 2; i++)
        add_far(dicts[FIRST][0], i);
}

static void dict_and_list(void)
{
    dict_of_3();
    make_list(1);
    fill(1, 2);
}

/* 0 refers to list 1, which somebody else holds, too; to a dict with a far value that nothing else names; to itself. */
static void nested_dicts(void)
{
    dict_and_list();
    make_dict(1);
    add_far(dicts[FIRST][1], 3);
    OK(comem_dict_set(dicts[FIRST][1], comem_int(1), comem_ref(lists[FIRST][1])));
    OK(comem_dict_set(dicts[FIRST][0], near_value(1), comem_ref(lists[FIRST][1])));
    OK(comem_dict_set(dicts[FIRST][0], near_value(2), comem_ref_dict(dicts[FIRST][0])));
    OK(comem_dict_set(dicts[FIRST][0], far_value(3), comem_ref_dict(dicts[FIRST][1])));
    release_dict_everywhere(1);
}

static void dict_of_everything(void)
{
    nested_dicts();
    for (unsigned i = 0; i < 4; i++)
        add_far(dicts[FIRST][0], i + 8);
}

/* Of both, one key is the same; each has a number or a far str, and something that it refers to. */
static void two_dicts(void)
{
    make_list(1);
    fill(1, 1);
    make_dict(0);
    make_dict(1);
    add_number(dicts[FIRST][0], 1);
    OK(comem_dict_set(dicts[FIRST][0], far_value(1), comem_ref(lists[FIRST][1])));
    OK(comem_dict_set(dicts[FIRST][1], comem_int(1), comem_ref_dict(dicts[FIRST][0])));
    add_far(dicts[FIRST][1], 9);
}

/* ---- changes that take a certain way ---- */

/* What makes up a dict, whatever its keys are. */
struct shape {
    unsigned page_words, pages, segments; /* words of a page; different pages; segments in use */
    uint64_t page_sum, block_sum;         /* tell other pages, or other blocks of segments, apart */
};

static struct shape shape_now(void)
{
    struct participant *me;
    struct locked_dict locked;
    struct comem_object *dict = &dicts[FIRST][0]->object;
    OK(participant_enter_slow(maps[FIRST], &me));
    OK(dict_lock(me, dict, &locked));
    struct shape shape = {.page_words = locked.shape.page_words, .segments = (unsigned)locked.ordered};
    for (uint64_t i = 0, last = 0; locked.table != NULL && i < UINT64_C(1) << locked.shape.depth; i++) {
        uint64_t page = word_load(&locked.pages[i]);
        shape.pages += page != last; /* those of one page stand side by side */
        shape.page_sum += page == last ? 0 : page * (shape.pages + 1);
        last = page;
    }
    for (uint64_t i = 0; i < locked.ordered; i++)
        shape.block_sum += word_load(&locked.slots[word_load(&locked.slots[i].order)].block) * (i + 1);
    lock_release(me, &dict->shared->lock);
    leave(me);
    return shape;
}

static unsigned next; /* the number of the change that is the victim's to make */

/* Makes changes until the next one would take the dict from one shape to another as `wanted` says. */
static void up_to(void (*change)(comem_dict *dict, unsigned n),
                  bool (*wanted)(const struct shape *before, const struct shape *after))
{
    for (next = 0; next < 200; next++) {
        struct shape before = shape_now();
        hook_mark mark = trial_begin();
        change(dicts[FIRST][0], next);
        struct shape after = shape_now();
        bool found = wanted(&before, &after);
        trial_end(mark);
        if (found)
            return;
        change(dicts[FIRST][0], next);
    }
    fail("two hundred changes did not take the way that they were to take");
}

static bool is_larger(const struct shape *before, const struct shape *after)
{
    return before->page_words != 0 && after->page_words > before->page_words;
}

static bool has_split(const struct shape *before, const struct shape *after)
{
    return before->page_words == after->page_words && after->pages > before->pages;
}

static bool has_merged(const struct shape *before, const struct shape *after)
{
    return before->page_words == after->page_words && after->pages < before->pages;
}

static bool has_new_page(const struct shape *before, const struct shape *after)
{
    return before->page_words == after->page_words && after->pages == before->pages &&
           after->page_sum != before->page_sum;
}

static bool has_new_segment(const struct shape *before, const struct shape *after)
{
    return before->segments != 0 && after->segments > before->segments;
}

static bool has_lost_segment(const struct shape *before, const struct shape *after)
{
    return after->segments < before->segments;
}

static bool has_compacted(const struct shape *before, const struct shape *after)
{
    return before->page_words == after->page_words && after->segments == before->segments &&
           after->block_sum != before->block_sum;
}

/* Keys come and go in turn, the oldest first: the dict keeps its size, and what they leave behind grows. */
static void come_and_go(comem_dict *dict, unsigned n)
{
    if (n % 2 == 0)
        take_number(dict, n / 2);
    else
        add_number(dict, n / 2 + 24);
}

static void dict_about_to_grow(void)
{
    empty_dict();
    up_to(add_number, is_larger);
}

static void dict_about_to_split(void)
{
    empty_dict();
    up_to(add_number, has_split);
}

static void dict_about_to_have_another_segment(void)
{
    empty_dict();
    up_to(add_far, has_new_segment);
}

static void dict_about_to_clean_a_page(void)
{
    dict_of_24();
    up_to(come_and_go, has_new_page);
}

static void dict_about_to_merge(void)
{
    dict_of_24();
    up_to(take_number, has_merged);
}

static void dict_about_to_compact(void)
{
    dict_of_24();
    up_to(take_number, has_compacted);
}

static void dict_about_to_lose_a_segment(void)
{
    dict_of_24();
    up_to(take_number, has_lost_segment);
}

static void add_next(void)
{
    add_number(victims_dict(0), next);
}

static void add_next_far(void)
{
    add_far(victims_dict(0), next);
}

static void take_next(void)
{
    take_number(victims_dict(0), next);
}

static void come_and_go_next(void)
{
    come_and_go(victims_dict(0), next);
}

/* ---- one key ---- */

static void set(comem_value key, comem_value value)
{
    OK(comem_dict_set(victims_dict(0), key, value));
}

static void set_number(void)
{
    set(comem_int(1), comem_int(-1));
}

static void set_number_to_near(void)
{
    set(comem_int(1), near_value(4));
}

static void set_number_to_far(void)
{
    set(comem_int(1), far_value(4));
}

static void set_number_to_reference(void)
{
    set(comem_int(1), comem_ref(victims(1)));
}

static void set_number_to_dict(void)
{
    set(comem_int(1), comem_ref_dict(victims_dict(0)));
}

static void set_far_to_far(void)
{
    set(far_value(1), far_value(9));
}

static void set_far_to_number(void)
{
    set(far_value(1), comem_int(-1));
}

static void set_reference_to_another(void)
{
    set(far_value(3), comem_ref(victims(1)));
}

static void set_reference_to_itself(void)
{
    set(near_value(2), comem_ref_dict(victims_dict(0)));
}

static void set_reference_to_far(void)
{
    set(far_value(3), far_value(4));
}

static void set_new_number(void)
{
    set(comem_int(77), comem_int(7));
}

static void set_new_as_float(void)
{
    set(comem_float(77.0), comem_float(7.5));
}

static void set_new_far_key(void)
{
    set(far_value(7), near_value(7));
}

static void set_new_far_value(void)
{
    set(near_value(7), far_value(7));
}

static void set_new_far_both(void)
{
    set(far_value(7), run_value(7));
}

static void set_new_reference(void)
{
    set(far_value(7), comem_ref(victims(1)));
}

static void set_new_itself(void)
{
    set(comem_int(77), comem_ref_dict(victims_dict(0)));
}

static void setdefault(comem_value key, comem_value value)
{
    comem_value result;
    OK(comem_dict_setdefault(victims_dict(0), key, value, &result));
    comem_value_clear(&result);
}

static void setdefault_there(void)
{
    setdefault(far_value(3), comem_ref(victims(1)));
}

static void setdefault_new(void)
{
    setdefault(far_value(7), comem_ref(victims(1)));
}

static void setdefault_new_far(void)
{
    setdefault(comem_int(77), far_value(7));
}

static void add_in_place(void)
{
    OK(comem_dict_add(victims_dict(0), comem_int(1), comem_int(3), NULL));
}

static void add_float(void)
{
    comem_value result;
    OK(comem_dict_add(victims_dict(0), comem_int(1), comem_float(0.5), &result));
}

static void add_to_absent(void)
{
    OK(comem_dict_add(victims_dict(0), far_value(7), comem_int(3), NULL));
}

static void cas(comem_value key, comem_value expected, comem_value value, bool fits)
{
    bool swapped;
    comem_dict *dict = victims_dict(0);
    comem_status status = comem_dict_cas(dict, key, expected, value, &swapped);
    OK(status);
    if (status == COMEM_OK && swapped != fits)
        fail("cas %s", swapped ? "swapped what was not as expected" : "found what was there to be something else");
}

static void cas_fits(void)
{
    cas(far_value(1), far_value(6), far_value(9), true);
}

static void cas_does_not_fit(void)
{
    cas(far_value(1), far_value(7), comem_ref_dict(victims_dict(0)), false);
}

static void cas_absent(void)
{
    cas(far_value(7), comem_missing(), far_value(9), true);
}

static void cas_away(void)
{
    cas(far_value(1), far_value(6), comem_missing(), true);
}

/* The key's value becomes what the context says, if it is what it was. */
static bool becomes(void *context, const comem_value *value, comem_value *next_value)
{
    (void)value;
    *next_value = *(const comem_value *)context;
    return true;
}

static bool stays(void *context, const comem_value *value, comem_value *next_value)
{
    (void)context;
    (void)value;
    (void)next_value;
    return false;
}

static void update_if(comem_value key, comem_value value)
{
    OK(comem_dict_update_if(victims_dict(0), key, becomes, &value));
}

static void update_if_there(void)
{
    update_if(far_value(3), comem_ref(victims(1)));
}

static void update_if_absent(void)
{
    update_if(far_value(7), far_value(8));
}

static void update_if_away(void)
{
    update_if(far_value(3), comem_missing());
}

static void update_if_not(void)
{
    OK(comem_dict_update_if(victims_dict(0), far_value(3), stays, NULL));
}

static void replace_as_found(void)
{
    struct key key;
    struct dict_moment moment;
    comem_value value, name = far_value(3), reference = comem_ref(victims(1));
    bool done;
    OK(key_make(maps[VICTIM], &name, &key));
    OK(dict_find(victims_dict(0), &key, &value, &moment));
    comem_value_clear(&value);
    OK(dict_replace_if(victims_dict(0), &key, &moment, &reference, &done));
    key_clear(&key);
}

/* ---- taking keys out ---- */

static void pop_away(comem_value key)
{
    OK(comem_dict_pop(victims_dict(0), key, NULL));
}

static void pop(comem_value key)
{
    comem_value value;
    OK(comem_dict_pop(victims_dict(0), key, &value));
    comem_value_clear(&value);
}

static void pop_first(void)
{
    pop_away(comem_int(0));
}

static void pop_middle(void)
{
    pop(comem_int(1));
}

static void pop_last(void)
{
    pop_away(comem_int(2));
}

static void pop_far(void)
{
    pop(far_value(0));
}

static void pop_far_away(void)
{
    pop_away(far_value(0));
}

static void pop_reference(void)
{
    pop(far_value(3));
}

static void pop_reference_away(void)
{
    pop_away(far_value(3));
}

static void popitem(void)
{
    comem_value key, value;
    OK(comem_dict_popitem(victims_dict(0), &key, &value));
    comem_value_clear(&key);
    comem_value_clear(&value);
}

static void popitem_away(void)
{
    OK(comem_dict_popitem(victims_dict(0), NULL, NULL));
}

static void remove_last_as_found(void)
{
    struct dict_moment moment;
    comem_value value;
    bool done;
    OK(dict_last(victims_dict(0), NULL, &value, &moment));
    comem_value_clear(&value);
    OK(dict_remove_last_if(victims_dict(0), &moment, &done));
}

/* The last segment is empty: the last key is one of the segment before. */
static void dict_with_an_empty_segment(void)
{
    empty_dict();
    up_to(add_number, has_new_segment);
    add_number(dicts[FIRST][0], next);
    take_number(dicts[FIRST][0], next);
}

/* ---- many keys ---- */

static void update(const comem_pair *pairs, size_t count)
{
    OK(comem_dict_update(victims_dict(0), pairs, count));
}

/* Keys that are there, of one kind and of another. */
static void update_old_keys(void)
{
    const comem_pair pairs[] = {
        {comem_int(0), comem_int(-1)}, {comem_int(1), far_value(9)}, {far_value(1), comem_int(-2)}};
    update(pairs, sizeof pairs / sizeof pairs[0]);
}

static void update_new_keys(void)
{
    comem_pair pairs[6];
    for (unsigned i = 0; i < 6; i++)
        pairs[i] = (comem_pair){comem_int(i + 70), comem_int(i)};
    update(pairs, 6);
}

/* Several roots are given up at once, several links are counted up, and one key comes twice. */
static void update_everything(void)
{
    const comem_pair pairs[] = {
        {far_value(3), far_value(9)},          {near_value(1), comem_ref_dict(victims_dict(0))},
        {far_value(7), comem_ref(victims(1))}, {comem_int(1), comem_ref(victims(1))},
        {near_value(2), comem_int(3)},         {far_value(7), far_value(10)},
        {comem_int(80), comem_int(3)},
    };
    update(pairs, sizeof pairs / sizeof pairs[0]);
}

static void update_empty(void)
{
    const comem_pair pairs[] = {{comem_int(0), far_value(9)}, {far_value(1), comem_int(-2)}};
    update(pairs, sizeof pairs / sizeof pairs[0]);
}

static void update_from_other(void)
{
    OK(comem_dict_update_from(victims_dict(0), victims_dict(1)));
}

static void update_from_itself(void)
{
    OK(comem_dict_update_from(victims_dict(0), victims_dict(0)));
}

static void clear_dict(void)
{
    OK(comem_dict_clear(victims_dict(0)));
}

static void copy_dict(void)
{
    comem_dict *copy;
    OK(comem_dict_copy(victims_dict(0), &copy));
    comem_dict_release(copy);
}

static void merge_dicts(void)
{
    comem_dict *both;
    OK(comem_dict_merge(victims_dict(0), victims_dict(1), &both));
    comem_dict_release(both);
}

/* ---- birth and death of dicts ---- */

static void new_dict(void)
{
    comem_dict *made;
    OK(comem_dict_new(&stores[VICTIM], &made));
    if (made != NULL)
        OK(comem_dict_set(made, far_value(1), far_value(2)));
    comem_dict_release(made);
}

/* Only the victim has dict 1, which alone refers to further ones. */
static void victim_alone_holds_dict(void)
{
    nested_dicts();
    make_dict(1);
    add_far(dicts[FIRST][1], 9);
    OK(comem_dict_set(dicts[FIRST][1], near_value(1), comem_ref_dict(dicts[FIRST][0])));
    OK(comem_dict_set(dicts[FIRST][1], near_value(6), comem_ref(lists[FIRST][1])));
    for (unsigned i = 0; i < PARTIES; i++)
        if (i != VICTIM) {
            comem_dict_release(dicts[i][1]);
            dicts[i][1] = NULL;
        }
}

static void release_dict(void)
{
    comem_dict_release(victims_dict(1));
}

static void take_nested_dict(void)
{
    comem_value value;
    OK(comem_dict_get(victims_dict(0), far_value(3), &value));
    comem_value_clear(&value);
}

/* All keys and values are handles at once. */
static void read_everything(void)
{
    comem_value keys[24], values[24];
    size_t count;
    if (comem_dict_read(victims_dict(0), keys, values, 24, &count) != COMEM_OK)
        return;
    for (size_t i = 0; i < count; i++) {
        comem_value_clear(&keys[i]);
        comem_value_clear(&values[i]);
    }
}

static uint64_t victims_scope;

static void dict_in_scope(void)
{
    make_list(1);
    fill(1, 2);
    OK(object_scope_new(&stores[FIRST], &victims_scope));
    OK(dict_new_in(&stores[FIRST], victims_scope, 0, &dicts[FIRST][0]));
    dicts[SECOND][0] = share_dict(dicts[FIRST][0], SECOND);
    dicts[VICTIM][0] = share_dict(dicts[FIRST][0], VICTIM);
    add_numbers(9);
    add_far(dicts[FIRST][0], 1);
    OK(comem_dict_set(dicts[FIRST][0], near_value(1), comem_ref(lists[FIRST][1])));
}

static void shut_scope_down(void)
{
    OK(object_scope_shutdown(&stores[VICTIM], victims_scope));
}

const struct scenario dict_scenarios[] = {
    {"set the first key", empty_dict, set_new_number},
    {"set a new key", dict_of_1, set_new_number},
    {"set a new key that is a float", dict_of_1, set_new_as_float},
    {"set a new far key", dict_of_1, set_new_far_key},
    {"set a new key to a far str", dict_of_1, set_new_far_value},
    {"set a new far key to a run of pages", dict_of_1, set_new_far_both},
    {"set a new key to a list", dict_and_list, set_new_reference},
    {"set a new key to the dict itself", dict_of_1, set_new_itself},
    {"set a key", dict_of_3, set_number},
    {"set a key to a near str", dict_of_3, set_number_to_near},
    {"set a key to a far str", dict_of_3, set_number_to_far},
    {"set a key to a list", dict_and_list, set_number_to_reference},
    {"set a key to the dict itself", dict_of_3, set_number_to_dict},
    {"set a key from far str to far str", dict_of_far, set_far_to_far},
    {"set a key from far str to number", dict_of_far, set_far_to_number},
    {"set a key from dict to list", nested_dicts, set_reference_to_another},
    {"set a key from the dict itself to itself", nested_dicts, set_reference_to_itself},
    {"set a key from dict to far str", nested_dicts, set_reference_to_far},
    {"set a key growing the small dict", dict_about_to_grow, add_next},
    {"set a key splitting a page", dict_about_to_split, add_next},
    {"set a key adding a segment", dict_about_to_have_another_segment, add_next_far},
    {"set a key cleaning a page", dict_about_to_clean_a_page, come_and_go_next},
    {"setdefault of a key that is there", nested_dicts, setdefault_there},
    {"setdefault of a new key to a list", dict_and_list, setdefault_new},
    {"setdefault of a new key to a far str", dict_of_3, setdefault_new_far},
    {"add to a number", dict_of_3, add_in_place},
    {"add making an int a float", dict_of_3, add_float},
    {"add to nothing", dict_of_3, add_to_absent},
    {"cas of a far str", dict_of_far, cas_fits},
    {"cas that finds something else", dict_of_far, cas_does_not_fit},
    {"cas of an absent key", dict_of_far, cas_absent},
    {"cas to nothing", dict_of_far, cas_away},
    {"update_if of a dict to a list", nested_dicts, update_if_there},
    {"update_if of an absent key", nested_dicts, update_if_absent},
    {"update_if to nothing", nested_dicts, update_if_away},
    {"update_if that keeps", nested_dicts, update_if_not},
    {"replace as it was found", nested_dicts, replace_as_found},
    {"delete the first key", dict_of_3, pop_first},
    {"pop the middle key", dict_of_3, pop_middle},
    {"delete the last key", dict_of_3, pop_last},
    {"delete the only key", dict_of_1, pop_first},
    {"pop a far key with a far str", dict_of_far, pop_far},
    {"delete a far key with a far str", dict_of_far, pop_far_away},
    {"pop a dict", nested_dicts, pop_reference},
    {"delete a dict", nested_dicts, pop_reference_away},
    {"delete a key merging pages", dict_about_to_merge, take_next},
    {"delete a key compacting a segment", dict_about_to_compact, take_next},
    {"delete a key giving a segment back", dict_about_to_lose_a_segment, take_next},
    {"popitem of a number", dict_of_3, popitem},
    {"popitem of a far str", dict_of_far, popitem},
    {"popitem of a dict", nested_dicts, popitem},
    {"popitem of a dict away", nested_dicts, popitem_away},
    {"popitem of the only key", dict_of_1, popitem_away},
    {"popitem across an empty segment", dict_with_an_empty_segment, popitem},
    {"remove the last as it was found", nested_dicts, remove_last_as_found},
    {"update keys that are there", dict_of_far, update_old_keys},
    {"update with new keys", dict_of_3, update_new_keys},
    {"update of an empty dict", empty_dict, update_empty},
    {"update with everything", nested_dicts, update_everything},
    {"update from another dict", two_dicts, update_from_other},
    {"update from the dict itself", two_dicts, update_from_itself},
    {"clear a dict of numbers", dict_of_24, clear_dict},
    {"clear a dict of everything", dict_of_everything, clear_dict},
    {"copy a dict", two_dicts, copy_dict},
    {"merge dicts", two_dicts, merge_dicts},
    {"new dict and release", empty_dict, new_dict},
    {"release a dict that holds others", victim_alone_holds_dict, release_dict},
    {"take a nested dict and release it", nested_dicts, take_nested_dict},
    {"read a dict of everything", nested_dicts, read_everything},
    {"shut a scope with a dict down", dict_in_scope, shut_scope_down},
    {NULL, NULL, NULL},
};
