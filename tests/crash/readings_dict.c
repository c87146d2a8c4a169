/* readings_dict.c - the same for dicts: readers are stopped while keys come and go, and while pages and segments are replaced
 *
 * What a reader is told must have been so at one moment. So keys 0, 1 and 2 are there all the time where nothing is cleared;
 * key 77 never is; and writers that change several values change all of them, in one operation, to values of one kind.
 */
#include "readings.h"

#define KEYS_MAX 64u

/* ---- what is read ---- */

static void add_sevens(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        OK(comem_dict_set(dicts[FIRST][0], comem_int(i), comem_int(7)));
}

static void few_numbers(void)
{
    make_dict(0);
    add_sevens(3);
}

static void short_texts(void)
{
    make_dict(0);
    for (unsigned i = 0; i < 3; i++)
        OK(comem_dict_set(dicts[FIRST][0], comem_int(i), near_value(0)));
}

static void two_dicts(void)
{
    few_numbers();
    make_dict(1);
    for (unsigned i = 0; i < 3; i++)
        OK(comem_dict_set(dicts[FIRST][1], comem_int(i), comem_int(7)));
}

/* Several pages and segments. */
static void many_numbers(void)
{
    make_dict(0);
    add_sevens(24);
}

static void one_more(void)
{
    few_numbers();
    OK(comem_dict_set(dicts[FIRST][0], far_value(20), comem_int(7)));
}

static void one_more_of_many(void)
{
    many_numbers();
    OK(comem_dict_set(dicts[FIRST][0], far_value(20), comem_int(7)));
}

static void many_and_another(void)
{
    many_numbers();
    make_dict(1);
}

static void far_keys(void)
{
    make_dict(0);
    add_sevens(3);
    for (unsigned i = 1; i < 4; i++)
        OK(comem_dict_set(dicts[FIRST][0], far_value(i), far_value(0)));
}

static void references(void)
{
    make_dict(0);
    for (unsigned i = 0; i < 3; i++) {
        comem_list *made;
        OK(comem_list_new(&stores[FIRST], &made));
        OK(comem_list_append(made, comem_int(i)));
        OK(comem_dict_set(dicts[FIRST][0], comem_int(i), comem_ref(made)));
        comem_list_release(made);
    }
}

/* Whether the key is there; its value is as accept() wants it. */
static bool get(comem_value key)
{
    comem_value value;
    comem_status status = comem_dict_get(dicts[SECOND][0], key, &value);
    if (status == COMEM_NOT_FOUND)
        return false;
    expect(status, COMEM_OK, "comem_dict_get");
    accept(&value);
    return true;
}

static void get_kept(void)
{
    if (!get(comem_int(1)))
        fail("a key that was there all the time was not found");
}

static void get_cleared(void)
{
    get(comem_int(1));
}

static void get_far(void)
{
    get(far_value(2));
}

static void get_absent(void)
{
    if (get(comem_int(77)))
        fail("a key that was never there was found");
}

static bool contains(comem_value key)
{
    bool found;
    OK(comem_dict_contains(dicts[SECOND][0], key, &found));
    return found;
}

static void contains_kept(void)
{
    if (!contains(comem_int(2)))
        fail("a key that was there all the time is not");
}

static void contains_absent(void)
{
    if (contains(comem_int(77)))
        fail("a key that was never there is");
}

static void measure(void)
{
    size_t length;
    OK(comem_dict_len(dicts[SECOND][0], &length));
    if (length > KEYS_MAX)
        fail("the dict never had %zu keys", length);
}

/* All keys at one moment: numbers stand in rising order, since writers add them like that, and all values are of one kind. */
static void read_all(void)
{
    comem_value keys[KEYS_MAX], values[KEYS_MAX];
    size_t count;
    OK(comem_dict_read(dicts[SECOND][0], keys, values, KEYS_MAX, &count));
    uint32_t kind = count > 0 ? values[0].kind : 0;
    for (size_t i = 0; i < count; i++) {
        if (values[i].kind != kind)
            fail("a dict's values are of two moments");
        accept(&values[i]);
        if (i > 0 && keys[i].as.integer <= keys[i - 1].as.integer)
            fail("key %lld comes behind %lld", (long long)keys[i].as.integer, (long long)keys[i - 1].as.integer);
    }
}

/* Texts that borrow their bytes; writers change all of them at once. */
static void read_lent(void)
{
    comem_value keys[KEYS_MAX], values[KEYS_MAX];
    char texts[2 * KEYS_MAX * CELL_NEAR_ROOM];
    size_t count;
    OK(dict_read_lent(dicts[SECOND][0], keys, values, texts, KEYS_MAX, &count));
    char letter = count > 0 ? values[0].as.data[0] : 0;
    for (size_t i = 0; i < count; i++) {
        if (values[i].as.data[0] != letter)
            fail("a dict's texts are of two moments");
        accept(&values[i]);
    }
}

/* The same as read_all(), where kinds of keys and of values are mixed. */
static void read_mixed(void)
{
    comem_value keys[KEYS_MAX], values[KEYS_MAX];
    size_t count;
    OK(comem_dict_read(dicts[SECOND][0], keys, values, KEYS_MAX, &count));
    for (size_t i = 0; i < count; i++) {
        if (keys[i].kind == COMEM_STR)
            accept(&keys[i]);
        else if (keys[i].as.integer < 0 || keys[i].as.integer == 77 || keys[i].as.integer > 200)
            fail("key %lld was never there", (long long)keys[i].as.integer);
        accept(&values[i]);
    }
}

static void compare(void)
{
    bool equal;
    OK(comem_dict_equal(dicts[SECOND][0], dicts[SECOND][1], &equal));
}

static void last_key(void)
{
    struct dict_moment moment;
    comem_value key, value;
    comem_status status = dict_last(dicts[SECOND][0], &key, &value, &moment);
    if (status == COMEM_NOT_FOUND)
        return;
    expect(status, COMEM_OK, "dict_last");
    if (key.kind == COMEM_STR)
        accept(&key);
    accept(&value);
}

/* One key that one operation adds or takes out: what a reader saw of it cannot have been undone. */
static bool found_one;

static void find_one(void)
{
    found_one = get(far_value(20));
}

static void read_one(void)
{
    comem_value keys[KEYS_MAX], values[KEYS_MAX];
    size_t count;
    OK(comem_dict_read(dicts[SECOND][0], keys, values, KEYS_MAX, &count));
    found_one = count > 3;
    for (size_t i = 0; i < count; i++) {
        comem_value_clear(&keys[i]);
        accept(&values[i]);
    }
}

static void one_must_be_there(void)
{
    if (found_one && !contains(far_value(20)))
        fail("a key was found that was never stored");
}

static void one_must_be_gone(void)
{
    if (!found_one && contains(far_value(20)))
        fail("a key was not found that was there all the time");
}

/* ---- what is written meanwhile ---- */

/* Whoever writes after another one died may find it done. */
static void take(comem_value key)
{
    comem_status status = comem_dict_pop(dicts[writer][0], key, NULL);
    if (status != COMEM_NOT_FOUND)
        expect(status, COMEM_OK, "comem_dict_pop");
}

static void insert_one(void)
{
    OK(comem_dict_set(dicts[writer][0], far_value(20), comem_int(7)));
}

static void take_one(void)
{
    take(far_value(20));
}

static void set_again(void)
{
    for (unsigned round = 1; round < 4; round++)
        for (unsigned i = 0; i < 3; i++)
            OK(comem_dict_set(dicts[writer][0], comem_int(i), round == 2 ? comem_int(9000) : far_value(round)));
}

static void set_far_again(void)
{
    for (unsigned round = 1; round < 4; round++)
        for (unsigned i = 1; i < 4; i++)
            OK(comem_dict_set(dicts[writer][0], far_value(i), round == 2 ? near_value(5) : far_value(round)));
}

/* The dict grows out of its small shape, pages split, segments fill. */
static void add_many(void)
{
    for (unsigned i = 0; i < 26; i++)
        OK(comem_dict_set(dicts[writer][0], comem_int(i + 100), comem_int(9100)));
}

/* All but the first three keys go, the last one first; what is left is compacted. */
static void take_many(void)
{
    for (unsigned i = 23; i >= 3; i--)
        take(comem_int(i));
}

/* The same; but when it is undone, what was used for it becomes another dict's, with the same keys and values that the reader must
 * not see. */
static void take_or_fill(void)
{
    if (writer == FIRST)
        take_many();
    for (unsigned i = 0; writer != FIRST && i < 24; i++)
        OK(comem_dict_set(dicts[writer][1], comem_int(i), comem_int(5)));
}

/* The same from the front, and new ones come: places are used again. */
static void replace_keys(void)
{
    for (unsigned i = 3; i < 24; i++) {
        take(comem_int(i));
        OK(comem_dict_set(dicts[writer][0], comem_int(i + 100), comem_int(9200)));
    }
}

static void take_far_keys_and_add(void)
{
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 1; i < 4; i++) {
            take(far_value(i));
            OK(comem_dict_set(dicts[writer][0], far_value(i), far_value(i + 3 * round)));
        }
}

/* The same memory comes back with other content: what was freed last is taken first. */
static void clear_and_refill(void)
{
    for (unsigned round = 0; round < 2; round++) {
        OK(comem_dict_clear(dicts[writer][0]));
        for (unsigned i = 0; i < 12; i++)
            OK(comem_dict_set(dicts[writer][0], comem_int(i), round == 0 ? comem_int(9300) : far_value(6)));
    }
}

static void update_all(void)
{
    comem_pair pairs[24];
    size_t length;
    OK(comem_dict_len(dicts[writer][0], &length));
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < length; i++)
            pairs[i] = (comem_pair){comem_int(i), round == 1 ? comem_int(9400) : far_value(round + 1)};
        OK(comem_dict_update(dicts[writer][0], pairs, length));
    }
}

static void update_texts(void)
{
    comem_pair pairs[3];
    for (unsigned round = 1; round < 3; round++) {
        for (unsigned i = 0; i < 3; i++)
            pairs[i] = (comem_pair){comem_int(i), near_value(round)};
        OK(comem_dict_update(dicts[writer][0], pairs, 3));
    }
}

static void popitem_and_add(void)
{
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < 3; i++) {
            OK(comem_dict_popitem(dicts[writer][0], NULL, NULL));
            OK(comem_dict_set(dicts[writer][0], comem_int(i + 150), far_value(i)));
        }
}

/* Each list that the dict refers to is freed and its header becomes another's. */
static void replace_references(void)
{
    for (unsigned i = 0; i < 3; i++) {
        comem_list *made;
        OK(comem_dict_set(dicts[writer][0], comem_int(i), comem_int(9000)));
        OK(comem_list_new(&stores[writer], &made));
        OK(comem_list_append(made, comem_int(i)));
        OK(comem_dict_set(dicts[writer][0], comem_int(i), comem_ref(made)));
        comem_list_release(made);
    }
}

const struct reading dict_readings[] = {
    {"get a key beside set", few_numbers, get_kept, set_again, NULL},
    {"get a key beside growth", few_numbers, get_kept, add_many, NULL},
    {"get a key beside splits", many_numbers, get_kept, add_many, NULL},
    {"get a key beside compaction", many_numbers, get_kept, take_many, NULL},
    {"get a key beside compaction that is undone", many_and_another, get_kept, take_or_fill, NULL},
    {"get a key beside keys that come and go", many_numbers, get_kept, replace_keys, NULL},
    {"get a key beside clear", many_numbers, get_cleared, clear_and_refill, NULL},
    {"get a key beside update", many_numbers, get_kept, update_all, NULL},
    {"get a far key beside set", far_keys, get_far, set_far_again, NULL},
    {"get a far key beside delete", far_keys, get_far, take_far_keys_and_add, NULL},
    {"get a far key beside clear", far_keys, get_far, clear_and_refill, NULL},
    {"get a list of a dict beside its end", references, get_kept, replace_references, NULL},
    {"get a list of a dict beside clear", references, get_cleared, clear_and_refill, NULL},
    {"get a key beside its insert", few_numbers, find_one, insert_one, one_must_be_there},
    {"get a key beside its delete", one_more, find_one, take_one, one_must_be_gone},
    {"get a key beside its delete among others", one_more_of_many, find_one, take_one, one_must_be_gone},
    {"read a dict beside an insert", few_numbers, read_one, insert_one, one_must_be_there},
    {"read a dict beside a delete", one_more, read_one, take_one, one_must_be_gone},
    {"get an absent key beside growth", few_numbers, get_absent, add_many, NULL},
    {"get an absent key beside splits", many_numbers, get_absent, add_many, NULL},
    {"get an absent key beside keys that come and go", many_numbers, get_absent, replace_keys, NULL},
    {"get an absent key beside clear", many_numbers, get_absent, clear_and_refill, NULL},
    {"contains beside splits", many_numbers, contains_kept, add_many, NULL},
    {"contains beside compaction", many_numbers, contains_kept, take_many, NULL},
    {"contains of an absent key beside keys that come and go", many_numbers, contains_absent, replace_keys, NULL},
    {"len of a dict beside clear", many_numbers, measure, clear_and_refill, NULL},
    {"read a dict beside update", few_numbers, read_all, update_all, NULL},
    {"read short texts of a dict beside update", short_texts, read_lent, update_texts, NULL},
    {"read a dict beside growth", few_numbers, read_all, add_many, NULL},
    {"read a dict beside splits", many_numbers, read_all, add_many, NULL},
    {"read a dict beside compaction", many_numbers, read_all, take_many, NULL},
    {"read a dict beside keys that come and go", many_numbers, read_all, replace_keys, NULL},
    {"read a dict beside clear", few_numbers, read_all, clear_and_refill, NULL},
    {"read far keys beside delete", far_keys, read_mixed, take_far_keys_and_add, NULL},
    {"read lists of a dict beside their end", references, read_mixed, replace_references, NULL},
    {"compare a dict beside update", two_dicts, compare, update_all, NULL},
    {"the last key beside popitem", far_keys, last_key, popitem_and_add, NULL},
    {"popitem's key beside clear", far_keys, last_key, clear_and_refill, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
