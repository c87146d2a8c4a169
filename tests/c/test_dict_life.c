/* test_dict_life.c - dicts: what they keep alive, a second mapping, damage and the end
 *
 * COMEM_TEST_DAMAGE says how many dicts are damaged (400), COMEM_TEST_SEED where that begins.
 */
#include "support.h"

#include <stdio.h>
#include <sys/time.h>

static const char long_text[] = "a text of more than thirteen bytes";

static comem_value text(const char *string)
{
    return support_text(string);
}

static uint64_t links(const comem_dict *dict)
{
    return word_load(&dict->object.shared->links);
}

/* ---- references ---- */

/* An object would go while a dict names it, or stay when the last one that does is gone. */
static void an_object_lives_until_the_last_value_that_names_it_is_gone(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store), *child = support_dict(&bench->store), *copy;
    comem_value value;
    assert_ok(comem_dict_set(child, text("x"), comem_int(42)));
    for (int i = 0; i < 1000; i++)
        assert_ok(comem_dict_set(dict, comem_int(i), i % 2 ? comem_ref_dict(child) : text(long_text)));
    assert_int_equal(links(child), 500);
    assert_ok(comem_dict_copy(dict, &copy));
    assert_int_equal(links(child), 1000);
    assert_ok(comem_dict_update_from(copy, dict));
    support_used(bench->map);
    assert_int_equal(links(child), 1000);
    comem_dict_release(copy);
    support_used(bench->map);
    assert_int_equal(links(child), 500);
    comem_dict_release(child);
    for (int i = 0; i < 1000; i++)
        if (i != 501)
            assert_ok(comem_dict_pop(dict, comem_int(i), NULL));
    assert_ok(comem_dict_get(dict, comem_int(501), &value));
    assert_int_equal(support_dict_int(comem_value_dict(&value), text("x")), 42);
    support_used(bench->map);
    assert_int_equal(links(comem_value_dict(&value)), 1);
    assert_ok(comem_dict_set(dict, comem_int(501), comem_none()));
    assert_int_equal(support_dict_int(comem_value_dict(&value), text("x")), 42); /* the handle keeps it */
    assert_int_equal(support_problems(bench->map), 0);
    uint64_t used = support_used(bench->map);
    comem_value_clear(&value);
    assert_true(support_used(bench->map) < used);
    comem_dict_release(dict);
    assert_int_equal(support_used(bench->map), 0);
}

struct counting {
    comem_dict *dict, *child;
    comem_pair pairs[50];
};

static bool swap_reference(void *context, const comem_value *value, comem_value *next)
{
    *next = value->kind == COMEM_REF ? comem_missing() : comem_ref_dict(context);
    return true;
}

static void count_one_step(struct counting *counting, struct dice *dice)
{
    comem_value key = comem_int((int64_t)dice_roll(dice, 300)), result = comem_none(), other = comem_none();
    comem_value child = comem_ref_dict(counting->child);
    bool swapped;
    switch (dice_roll(dice, 11)) {
    case 0:
        for (unsigned i = 0; i < 50; i++) {
            counting->pairs[i].key = comem_int((int64_t)dice_roll(dice, 300));
            counting->pairs[i].value = dice_roll(dice, 3) ? child : comem_int(1);
        }
        assert_ok(comem_dict_update(counting->dict, counting->pairs, dice_roll(dice, 50)));
        break;
    case 1:
        assert_ok(comem_dict_set(counting->dict, key, dice_roll(dice, 2) ? text(long_text) : comem_int(1)));
        break;
    case 2:
        assert_ok(comem_dict_setdefault(counting->dict, key, child, dice_roll(dice, 2) ? &result : NULL));
        break;
    case 3:
        comem_dict_pop(counting->dict, key, dice_roll(dice, 2) ? &result : NULL);
        break;
    case 4:
        comem_dict_popitem(counting->dict, &other, dice_roll(dice, 2) ? &result : NULL);
        break;
    case 5:
        assert_ok(comem_dict_cas(counting->dict, key, dice_roll(dice, 2) ? child : comem_missing(), child, &swapped));
        break;
    case 6:
        assert_ok(comem_dict_cas(counting->dict, key, child, comem_missing(), &swapped));
        break;
    case 7:
        assert_ok(comem_dict_update_if(counting->dict, key, swap_reference, counting->child));
        break;
    case 8:
        if (dice_roll(dice, 20) == 0)
            assert_ok(comem_dict_clear(counting->dict));
        break;
    case 9:
        assert_ok(comem_dict_update_from(counting->dict, counting->dict));
        break;
    default:
        assert_ok(comem_dict_set(counting->dict, key, child));
    }
    comem_value_clear(&result);
    comem_value_clear(&other);
}

/* Links would be counted wrongly by a change that puts in and takes out the same object. */
static void every_change_counts_the_links_it_makes_and_ends(void **state)
{
    struct bench *bench = *state;
    struct counting counting = {.dict = support_dict(&bench->store), .child = support_dict(&bench->store)};
    static comem_value values[300];
    struct dice dice = {31};
    for (unsigned round = 0; round < 5000; round++) {
        size_t count = 0, refs = 0;
        count_one_step(&counting, &dice);
        assert_ok(comem_dict_read(counting.dict, NULL, values, 300, &count));
        for (size_t i = 0; i < count; i++) {
            refs += values[i].kind == COMEM_REF;
            comem_value_clear(&values[i]);
        }
        support_used(bench->map);
        assert_int_equal(links(counting.child), refs);
    }
    assert_int_equal(support_problems(bench->map), 0);
    comem_dict_release(counting.dict);
    comem_dict_release(counting.child);
    assert_int_equal(support_used(bench->map), 0);
}

/* A chain of dicts, each held by the one before, would leak or overflow the stack when it goes. */
static void a_long_chain_of_dicts_is_freed(void **state)
{
    struct bench *bench = *state;
    comem_dict *first = support_dict(&bench->store), *last = first;
    for (unsigned i = 0; i < 20000; i++) {
        comem_dict *next = support_dict(&bench->store);
        assert_ok(comem_dict_set(last, text("next"), comem_ref_dict(next)));
        if (last != first)
            comem_dict_release(last);
        last = next;
    }
    comem_dict_release(last);
    assert_int_equal(support_problems(bench->map), 0);
    comem_dict_release(first);
    assert_int_equal(support_used(bench->map), 0);
}

/* A dict inside itself would lock itself out, or count itself wrongly. */
static void a_dict_may_contain_itself(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    const comem_pair pairs[] = {
        {comem_int(0), comem_ref_dict(dict)}, {comem_int(1), text(long_text)}, {comem_int(2), comem_ref_dict(dict)}};
    comem_value value, key;
    bool swapped = false;
    assert_ok(comem_dict_update(dict, pairs, 3));
    assert_ok(comem_dict_set(dict, comem_int(0), comem_ref_dict(dict)));
    support_used(bench->map);
    assert_int_equal(links(dict), 2);
    assert_int_equal(support_problems(bench->map), 0);
    support_assert_dict(dict, pairs, 3);
    assert_ok(comem_dict_cas(dict, comem_int(0), comem_ref_dict(dict), comem_ref_dict(dict), &swapped));
    assert_true(swapped);
    assert_ok(comem_dict_popitem(dict, &key, &value));
    assert_ptr_equal(comem_value_dict(&value), dict);
    comem_value_clear(&value);
    assert_ok(comem_dict_pop(dict, comem_int(0), &value));
    comem_value_clear(&value);
    assert_ok(comem_dict_update(dict, pairs, 3));
    assert_ok(comem_dict_clear(dict));
    assert_int_equal(support_problems(bench->map), 0);
    assert_int_equal(links(dict), 0);
    comem_dict_release(dict);
    assert_int_equal(support_used(bench->map), 0);
}

/* A dict whose own last reference is inside it would be freed under its writer. */
static void a_dict_released_by_its_own_change_survives_it(void **state)
{
    struct bench *bench = *state;
    for (unsigned way = 0; way < 4; way++) {
        comem_dict *dict = support_dict(&bench->store);
        comem_value value;
        assert_ok(comem_dict_set(dict, text("self"), comem_ref_dict(dict)));
        assert_ok(comem_dict_get(dict, text("self"), &value));
        comem_dict_release(dict); /* `value` is the last handle */
        dict = comem_value_dict(&value);
        assert_ok(way == 0   ? comem_dict_clear(dict)
                  : way == 1 ? comem_dict_pop(dict, text("self"), NULL)
                  : way == 2 ? comem_dict_popitem(dict, NULL, NULL)
                             : comem_dict_set(dict, text("self"), text(long_text)));
        assert_int_equal(support_dict_len(dict), way == 3);
        comem_value_clear(&value);
        assert_int_equal(support_used(bench->map), 0);
    }
}

/* A list would be taken for a dict, or a dict for a list. */
static void lists_and_dicts_hold_each_other(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    comem_list *list = support_list(&bench->store);
    comem_value value;
    assert_ok(comem_list_append(list, comem_ref_dict(dict)));
    assert_ok(comem_dict_set(dict, text("list"), comem_ref(list)));
    assert_ok(comem_list_get(list, 0, &value));
    assert_null(comem_value_list(&value));
    assert_ptr_equal(comem_value_dict(&value), dict);
    comem_value_clear(&value);
    assert_ok(comem_dict_get(dict, text("list"), &value));
    assert_null(comem_value_dict(&value));
    assert_ptr_equal(comem_value_list(&value), list);
    comem_value_clear(&value);
    value = comem_int(1);
    assert_null(comem_value_dict(&value));
    assert_null(comem_value_dict(NULL));
    assert_int_equal(support_problems(bench->map), 0);
    comem_list_release(list);
    assert_ok(comem_dict_pop(dict, text("list"), &value));
    assert_ok(comem_list_pop(comem_value_list(&value), NULL));
    comem_value_clear(&value);
    comem_dict_release(dict);
    assert_int_equal(support_used(bench->map), 0);
}

/* ---- other processes ---- */

struct sharing {
    comem_dict *outer;
    _Atomic int *step;
};

static int hold_nested(void *argument)
{
    struct sharing *sharing = argument;
    comem_value value, item;
    child_check(comem_dict_get(sharing->outer, text("inner"), &value) == COMEM_OK);
    comem_dict *inner = comem_value_dict(&value);
    *sharing->step = 1;
    support_await(sharing->step, 2);
    child_check(comem_dict_get(inner, comem_int(0), &item) == COMEM_OK && item.as.integer == 42);
    child_check(comem_dict_set(inner, comem_int(1), comem_int(43)) == COMEM_OK);
    comem_value_clear(&value);
    *sharing->step = 3;
    support_await(sharing->step, 4);
    return 0;
}

/* A dict taken out of its container would be freed although another process uses it, or kept for a killed one. */
static void a_popped_dict_lives_while_another_process_holds_it(void **state)
{
    struct bench *bench = *state;
    for (unsigned killed = 0; killed < 2; killed++) {
        struct sharing sharing = {support_dict(&bench->store), support_shared(4096)};
        comem_dict *inner = support_dict(&bench->store);
        assert_ok(comem_dict_set(inner, comem_int(0), comem_int(42)));
        assert_ok(comem_dict_set(sharing.outer, text("inner"), comem_ref_dict(inner)));
        comem_dict_release(inner);
        pid_t child = support_fork(hold_nested, &sharing);
        support_await(sharing.step, 1);
        assert_ok(comem_dict_pop(sharing.outer, text("inner"), NULL));
        uint64_t used = support_used(bench->map);
        if (killed) {
            kill(child, SIGKILL);
        } else {
            *sharing.step = 2;
            support_await(sharing.step, 3);
            assert_true(support_used(bench->map) < used); /* gone with the child's handle, while the child lives */
            *sharing.step = 4;
        }
        assert_int_equal(support_wait(child), killed ? -SIGKILL : 0);
        assert_true(support_used(bench->map) < used);
    }
}

/* An address of one mapping would have got into the store, or a hash depend on the process. */
static void a_store_mapped_twice_is_one_store(void **state)
{
    struct bench *bench = *state;
    comem_store *again = support_again(bench);
    comem_dict *dict = support_dict(&bench->store), *inner = support_dict(&bench->store);
    comem_dict *twin = (comem_dict *)(void *)support_handle_on(again, (comem_list *)(void *)dict);
    static comem_pair pairs[3000];
    static char names[3000][32];
    for (int i = 0; i < 3000; i++) {
        snprintf(names[i], sizeof names[i], i % 3 ? "key %d" : "a longer key: %10d", i);
        pairs[i].key = text(names[i]);
        pairs[i].value = i % 7 ? comem_int(i) : text(names[i]);
        assert_ok(comem_dict_set(i % 2 ? dict : twin, pairs[i].key, comem_int(-1)));
        assert_ok(comem_dict_set(i % 2 ? twin : dict, pairs[i].key, pairs[i].value));
    }
    support_assert_dict(dict, pairs, 3000);
    support_assert_dict(twin, pairs, 3000);
    assert_status(COMEM_INVALID, comem_dict_set(twin, text("x"), comem_ref_dict(inner))); /* of another mapping */
    assert_ok(comem_dict_set(dict, text("x"), comem_ref_dict(inner)));
    comem_value value;
    assert_ok(comem_dict_popitem(twin, NULL, &value));
    assert_ok(comem_dict_set(comem_value_dict(&value), comem_int(1), comem_int(2)));
    assert_int_equal(support_dict_len(inner), 1);
    comem_value_clear(&value);
    for (int i = 0; i < 3000; i++)
        assert_ok(comem_dict_pop(i % 2 ? dict : twin, pairs[i * 7 % 3000].key, NULL));
    comem_dict_release(dict);
    assert_int_equal(support_dict_len(twin), 0); /* the other mapping's process record keeps it */
    comem_dict_release(inner);
    comem_dict_release(twin);
    assert_int_equal(support_used(bench->map), 0);
}

/* ---- signal handlers ---- */

static struct reentry {
    comem_dict *dict;
    unsigned way;
    _Atomic unsigned long calls;
    _Atomic int failed;
} reentry;

/* Lengths and numbers can always be read; whatever else may be refused, but neither hang nor fail. */
static void reenter(int signal_number)
{
    comem_value value;
    size_t length;
    bool found;
    comem_status status = COMEM_OK;
    int saved = errno;
    (void)signal_number;
    switch (reentry.way) {
    case 0:
        status = comem_dict_get(reentry.dict, comem_int(0), &value);
        reentry.failed += status != COMEM_OK || value.as.integer != 1;
        break;
    case 1:
        status = comem_dict_len(reentry.dict, &length);
        reentry.failed += status != COMEM_OK || length < 2 || length > 3;
        break;
    case 2:
        status = comem_dict_contains(reentry.dict, comem_int(0), &found);
        break;
    case 3:
        status = comem_dict_set(reentry.dict, comem_int(1), comem_int(2));
        break;
    default:
        status = comem_dict_add(reentry.dict, comem_int(1), comem_int(2), NULL);
    }
    reentry.failed += status != COMEM_OK && status != COMEM_BUSY;
    reentry.calls++;
    errno = saved;
}

static int interrupted(void *argument)
{
    const struct itimerval often = {{0, 40}, {0, 40}}, never = {{0, 0}, {0, 0}};
    reentry.dict = argument;
    signal(SIGVTALRM, reenter);
    setitimer(ITIMER_VIRTUAL, &often, NULL);
    alarm(10);
    double until = support_seconds() + 0.3, limit = until + 3; /* of its own time a busy machine gives it little */
    while (support_seconds() < until || (reentry.calls == 0 && support_seconds() < limit)) {
        child_check(comem_dict_set(reentry.dict, comem_int(2), text(long_text)) == COMEM_OK);
        child_check(comem_dict_set(reentry.dict, comem_int(0), comem_int(1)) == COMEM_OK);
        child_check(comem_dict_pop(reentry.dict, comem_int(2), NULL) == COMEM_OK);
    }
    setitimer(ITIMER_VIRTUAL, &never, NULL);
    child_check(reentry.failed == 0);
    child_check(reentry.calls > 0);
    return 0;
}

/* A signal handler that interrupts a call and makes one would hang its thread or break the dict. */
static void calls_from_a_signal_handler_do_not_hang(void **state)
{
    struct bench *bench = *state;
    for (unsigned way = 0; way < 5; way++) {
        comem_dict *dict = support_dict(&bench->store);
        reentry = (struct reentry){.way = way};
        assert_ok(comem_dict_set(dict, comem_int(0), comem_int(1)));
        assert_ok(comem_dict_set(dict, comem_int(1), comem_int(1)));
        assert_int_equal(support_run(interrupted, dict), 0);
        comem_dict_release(dict);
    }
}

/* ---- damage ---- */

#define DAMAGED_KEYS 40
#define DAMAGED_WORDS 100000

struct words {
    struct store_map *map;
    const word64 *rows; /* the process's handles: no part of the dict */
    uint64_t row_count;
    word64 *found[DAMAGED_WORDS];
    size_t count;
};

static void words_visit(void *context, uint64_t offset, uint64_t size)
{
    struct words *words = context;
    for (uint64_t at = 0; at + 8 <= size && words->count < DAMAGED_WORDS; at += 8) {
        word64 *word = store_at(words->map, offset + at, 8);
        if (word < words->rows || word >= words->rows + words->row_count)
            words->found[words->count++] = word;
    }
}

static bool keep_it(void *context, const comem_value *value, comem_value *next)
{
    (void)value;
    *next = *(const comem_value *)context;
    return true;
}

/* Every operation, whatever it answers: it must come back. */
static void use_every_operation(comem_store *store, comem_dict *dict)
{
    static comem_value keys[2 * DAMAGED_KEYS], values[2 * DAMAGED_KEYS];
    comem_value value, next = comem_int(1);
    comem_pair pairs[] = {
        {comem_int(3), text(long_text)}, {comem_int(100), comem_int(1)}, {text(long_text), comem_none()}};
    comem_dict *made = NULL, *other = NULL;
    size_t count = 0;
    bool flag;
    comem_dict_len(dict, &count);
    for (int i = 0; i < DAMAGED_KEYS; i++) {
        if (comem_dict_get(dict, comem_int(i), &value) == COMEM_OK)
            comem_value_clear(&value);
        comem_dict_contains(dict, comem_int(-i), &flag);
    }
    if (comem_dict_read(dict, keys, values, 2 * DAMAGED_KEYS, &count) == COMEM_OK && count <= 2 * DAMAGED_KEYS)
        for (size_t i = 0; i < count; i++) {
            comem_value_clear(&keys[i]);
            comem_value_clear(&values[i]);
        }
    if (comem_dict_copy(dict, &made) == COMEM_OK)
        comem_dict_equal(dict, made, &flag);
    if (comem_dict_new(store, &other) == COMEM_OK)
        comem_dict_update_from(other, dict);
    comem_dict_add(dict, comem_int(4), comem_int(1), NULL);
    comem_dict_cas(dict, comem_int(5), comem_int(1), text(long_text), &flag);
    comem_dict_update_if(dict, comem_int(6), keep_it, &next);
    comem_dict_setdefault(dict, comem_int(7), comem_int(1), NULL);
    comem_dict_set(dict, comem_int(8), text(long_text));
    comem_dict_update(dict, pairs, 3);
    for (int i = 0; i < 2 * DAMAGED_KEYS; i++)
        comem_dict_set(dict, comem_int(1000 + i), comem_int(i));
    for (int i = 0; i < DAMAGED_KEYS; i += 2)
        comem_dict_pop(dict, comem_int(i), NULL);
    for (int i = 0; i < DAMAGED_KEYS; i++)
        comem_dict_popitem(dict, NULL, NULL);
    comem_dict_clear(dict);
    comem_dict_set(dict, comem_int(1), comem_int(1));
    comem_dict_release(made);
    comem_dict_release(other);
    comem_dict_release(dict);
}

static const uint64_t nonsense[] = {
    0, 1, 8, 0xFF, UINT64_C(1) << 20, UINT64_C(1) << 35, UINT64_C(0xFFFFFFFFFFF8), UINT64_C(1) << 63, UINT64_MAX};
#define NONSENSE (sizeof nonsense / sizeof *nonsense)

static bool is_of_objects(uint32_t page)
{
    return heap_page_kind(page) == PAGE_SPAN && heap_page_class(page) == HEAP_CLASS_OBJECT;
}

/* One word of all blocks but the object's own lock and heads is overwritten; the store goes with this process. */
static int use_a_damaged_dict(void *argument)
{
    static struct words words;
    struct dice dice = {*(uint64_t *)argument * 7919};
    struct bench *bench = support_begin(8 * MIB);
    comem_dict *dict = support_dict(&bench->store);
    uint64_t seed = *(uint64_t *)argument;
    alarm(10);
    signal(SIGSEGV, SIG_DFL); /* cmocka's handler would jump out of a child */
    signal(SIGBUS, SIG_DFL);
    for (int i = 0; i < DAMAGED_KEYS; i++)
        child_check(comem_dict_set(dict, i % 3 ? comem_int(i) : comem_int(-i),
                                   i % 4 ? comem_int(i) : text(long_text)) == COMEM_OK);
    words.map = bench->map;
    words.rows = process_table(bench->map, bench->map->process, 0, &words.row_count);
    for (uint64_t page = bench->map->data / PAGE_SIZE; page < store_end(bench->map) / PAGE_SIZE; page++)
        if (!is_of_objects(word32_load(&bench->map->page_table[page])))
            heap_walk_page(bench->map, page, words_visit, &words);
    child_check(words.count > 0);
    word64 *word = seed % 16 == 0 ? &dict->object.shared->table : words.found[dice_roll(&dice, words.count)];
    word_store(word, dice_roll(&dice, 3) ? nonsense[dice_roll(&dice, NONSENSE)]
                                         : word_load(word) ^ UINT64_C(1) << dice_roll(&dice, 64));
    use_every_operation(&bench->store, dict);
    return 0;
}

/* A dict whose words were overwritten would make its user crash or hang. */
static void a_damaged_dict_crashes_nobody(void **state)
{
    unsigned first = support_count("COMEM_TEST_SEED", 1), rounds = support_count("COMEM_TEST_DAMAGE", 400);
    (void)state;
    for (uint64_t seed = first; seed < first + rounds; seed++) {
        int code = support_run(use_a_damaged_dict, &seed);
        if (code != 0)
            fail_msg("seed %llu ended with %d", (unsigned long long)seed, code);
    }
}

/* A dict whose table word names nothing would be taken for an empty one. */
static void a_damaged_dict_is_refused(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    static const uint64_t wrong[] = {8, 1, UINT64_C(0xFFFFFFFFFFF8), UINT64_C(1) << 35, UINT64_MAX};
    for (int i = 0; i < 100; i++)
        assert_ok(comem_dict_set(dict, comem_int(i), comem_int(-i)));
    word64 *table = &dict->object.shared->table;
    uint64_t good = word_load(table);
    for (unsigned n = 0; n < 5; n++) {
        comem_value value;
        size_t length;
        bool found;
        word_store(table, wrong[n]);
        assert_status(COMEM_DAMAGED, comem_dict_len(dict, &length));
        assert_status(COMEM_DAMAGED, comem_dict_get(dict, comem_int(1), &value));
        assert_int_equal(value.kind, COMEM_NONE);
        assert_status(COMEM_DAMAGED, comem_dict_contains(dict, comem_int(1), &found));
        assert_status(COMEM_DAMAGED, comem_dict_set(dict, comem_int(1), comem_int(1)));
        assert_status(COMEM_DAMAGED, comem_dict_set(dict, comem_int(1000), text(long_text)));
        assert_status(COMEM_DAMAGED, comem_dict_pop(dict, comem_int(1), NULL));
        assert_status(COMEM_DAMAGED, comem_dict_read(dict, &value, NULL, 1, &length));
        word_store(table, good);
    }
    for (int i = 0; i < 100; i++)
        assert_int_equal(support_dict_int(dict, comem_int(i)), -i);
    assert_int_equal(support_problems(bench->map), 0);
}

/* ---- the end ---- */

/* A dict that was shut down would still answer, keep what it held, or crash its user. */
static void a_dict_that_was_shut_down_is_gone(void **state)
{
    struct bench *bench = *state;
    uint64_t scope;
    comem_dict *dict, *outside = support_dict(&bench->store), *made = NULL;
    comem_value value, key = comem_int(1), next = comem_int(1);
    comem_pair pairs[] = {{comem_int(1), text(long_text)}, {text(long_text), comem_int(1)}};
    size_t count;
    bool flag;
    assert_ok(object_scope_new(&bench->store, &scope));
    assert_ok(dict_new_in(&bench->store, scope, 0, &dict));
    for (int i = 0; i < 1000; i++)
        assert_ok(comem_dict_set(dict, comem_int(i), i % 2 ? comem_int(i) : comem_ref_dict(outside)));
    assert_ok(comem_dict_set(outside, text("x"), comem_ref_dict(dict)));
    assert_ok(object_scope_shutdown(&bench->store, scope));
    assert_status(COMEM_GONE, comem_dict_len(dict, &count));
    assert_status(COMEM_GONE, comem_dict_get(dict, key, &value));
    assert_status(COMEM_GONE, comem_dict_contains(dict, key, &flag));
    assert_status(COMEM_GONE, comem_dict_set(dict, key, comem_int(1)));
    assert_status(COMEM_GONE, comem_dict_set(dict, text(long_text), text(long_text)));
    assert_status(COMEM_GONE, comem_dict_set(outside, key, comem_ref_dict(dict)));
    assert_status(COMEM_GONE, comem_dict_setdefault(dict, key, comem_int(1), &value));
    assert_status(COMEM_GONE, comem_dict_pop(dict, key, &value));
    assert_status(COMEM_GONE, comem_dict_popitem(dict, &value, NULL));
    assert_status(COMEM_GONE, comem_dict_clear(dict));
    assert_status(COMEM_GONE, comem_dict_read(dict, &value, NULL, 1, &count));
    assert_status(COMEM_GONE, comem_dict_update(dict, pairs, 2));
    assert_status(COMEM_GONE, comem_dict_update(dict, NULL, 0));
    assert_status(COMEM_GONE, comem_dict_update_from(dict, outside));
    assert_status(COMEM_GONE, comem_dict_update_from(outside, dict));
    assert_status(COMEM_GONE, comem_dict_copy(dict, &made));
    assert_status(COMEM_GONE, comem_dict_merge(dict, outside, &made));
    assert_status(COMEM_GONE, comem_dict_merge(outside, dict, &made));
    assert_null(made);
    assert_status(COMEM_GONE, comem_dict_equal(dict, outside, &flag));
    assert_status(COMEM_GONE, comem_dict_equal(outside, dict, &flag));
    assert_status(COMEM_GONE, comem_dict_add(dict, key, comem_int(1), &value));
    assert_status(COMEM_GONE, comem_dict_cas(dict, key, comem_int(1), comem_int(1), &flag));
    assert_status(COMEM_GONE, comem_dict_update_if(dict, key, keep_it, &next));
    assert_status(COMEM_GONE, comem_dict_print(dict, stdout));
    pairs[1].value = comem_ref_dict(dict);
    assert_status(COMEM_GONE, comem_dict_update(outside, pairs, 2));
    support_used(bench->map);
    assert_int_equal(links(outside), 0);
    assert_int_equal(support_dict_len(outside), 1);
    comem_dict_release(dict);
    assert_ok(comem_dict_pop(outside, text("x"), NULL));
    comem_dict_release(outside);
    assert_int_equal(support_used(bench->map), 0);
}

int main(int argc, char **argv)
{
    support_choose(argc, argv);
    const struct CMUnitTest tests[] = {
        WITH_STORE(an_object_lives_until_the_last_value_that_names_it_is_gone),
        WITH_STORE(every_change_counts_the_links_it_makes_and_ends),
        WITH_STORE(a_long_chain_of_dicts_is_freed),
        WITH_STORE(a_dict_may_contain_itself),
        WITH_STORE(a_dict_released_by_its_own_change_survives_it),
        WITH_STORE(lists_and_dicts_hold_each_other),
        WITH_STORE(a_popped_dict_lives_while_another_process_holds_it),
        WITH_STORE(a_store_mapped_twice_is_one_store),
        WITH_STORE(calls_from_a_signal_handler_do_not_hang),
        ALONE(a_damaged_dict_crashes_nobody),
        WITH_STORE(a_damaged_dict_is_refused),
        WITH_STORE(a_dict_that_was_shut_down_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
