/* test_mend.c - store check on damaged stores, and what repair makes of them */
#include "objects/dict_layout.h"
#include "objects/mend.h"
#include "support.h"

#include <sys/wait.h>

#define ITEMS 3000

struct content {
    comem_list *list, *inner;
    comem_dict *dict;
};

static struct content fill(comem_store *store)
{
    struct content content = {support_list(store), support_list(store), support_dict(store)};
    char text[64];
    for (int i = 0; i < ITEMS; i++) {
        snprintf(text, sizeof text, "a text that stands in a block of its own, %d", i);
        assert_ok(comem_list_append(content.list, support_text(text)));
        assert_ok(comem_dict_set(content.dict, comem_int(i), support_text(text)));
    }
    assert_ok(comem_list_append(content.list, comem_ref(content.inner)));
    return content;
}

static void assert_whole(const struct content *content)
{
    assert_int_equal(support_len(content->list), ITEMS + 1);
    assert_int_equal(support_dict_len(content->dict), ITEMS);
    for (int i = 0; i < ITEMS; i++) {
        comem_value one, other;
        bool equal;
        assert_ok(comem_list_get(content->list, i, &one));
        assert_ok(comem_dict_get(content->dict, comem_int(i), &other));
        equal = one.size == other.size && memcmp(one.as.data, other.as.data, one.size) == 0;
        comem_value_clear(&one);
        comem_value_clear(&other);
        assert_true(equal);
    }
}

static void give_back(const struct content *content)
{
    comem_list_release(content->list);
    comem_list_release(content->inner);
    comem_dict_release(content->dict);
}

static void tell_nobody(void *context, const char *problem, bool mended)
{
    if (!mended)
        print_message("left: %s\n", problem);
    (void)context;
}

static struct mend_result mend(struct bench *bench)
{
    struct mend_result result;
    assert_ok(mend_store(&bench->store, tell_nobody, NULL, &result));
    return result;
}

/* ---- damage ---- */

static struct object *shared_of(comem_list *list)
{
    return ((struct comem_object *)(void *)list)->shared;
}

static uint64_t text_block(struct store_map *map, comem_list *list)
{
    struct list_entry *entry;
    return word_load(&list_locked_cell(map, word_load(&shared_of(list)->table), 7, &entry)->body);
}

static void too_many_links(struct store_map *map, const struct content *content)
{
    (void)map;
    word_store(&shared_of(content->inner)->links, 5);
}

static void too_few_links(struct store_map *map, const struct content *content)
{
    (void)map;
    word_store(&shared_of(content->inner)->links, 0);
}

static void an_odd_version(struct store_map *map, const struct content *content)
{
    (void)map;
    word_store(&shared_of(content->list)->version, word_load(&shared_of(content->list)->version) + 1);
}

static void an_odd_entry(struct store_map *map, const struct content *content)
{
    struct list_entry *entry = list_entry_at(map, word_load(&shared_of(content->list)->table), 2);
    word_store(&entry->version, word_load(&entry->version) + 1);
}

static void a_lock_of_nobody(struct store_map *map, const struct content *content)
{
    (void)map;
    word32_store(&shared_of(content->list)->lock, 0x00070005);
}

static void a_leaked_block(struct store_map *map, const struct content *content)
{
    struct participant *me;
    uint64_t offset;
    (void)content;
    assert_ok(participant_enter(map, &me));
    assert_ok(heap_alloc(me, 100, &offset));
    record_clear(me);
    assert_ok(heap_alloc(me, 100000, &offset));
    record_clear(me);
    participant_leave(me);
}

/* The bitmap of the span that a value's block stands in loses a bit. */
static void a_named_block_not_in_use(struct store_map *map, const struct content *content)
{
    uint64_t block = text_block(map, content->list), start = block & ~(SPAN_SIZE - 1), size;
    word64 *used = (word64 *)(map->base + start + 16);
    size = heap_block_size(map, block);
    for (unsigned bit = 0; heap_block_size(map, block) == size; bit++) {
        uint64_t word = word_load(&used[bit / 64]), without = word & ~(UINT64_C(1) << bit % 64);
        word_store(&used[bit / 64], without);
        if (heap_block_size(map, block) == size)
            word_store(&used[bit / 64], word);
    }
}

static void a_span_that_is_none(struct store_map *map, const struct content *content)
{
    uint64_t start = text_block(map, content->list) & ~(SPAN_SIZE - 1);
    word_store((word64 *)(map->base + start), 12345);
}

static void a_page_of_nothing(struct store_map *map, const struct content *content)
{
    uint64_t page = store_end(map) / PAGE_SIZE - 1;
    (void)content;
    assert_int_equal(word32_load(&map->page_table[page]), 0);
    word32_store(&map->page_table[page], heap_page_entry(PAGE_TAIL, 0, 0));
}

static void a_later_page_free(struct store_map *map, const struct content *content)
{
    uint64_t start = text_block(map, content->list) & ~(SPAN_SIZE - 1);
    word32_store(&map->page_table[start / PAGE_SIZE + 3], 0);
}

/* Every span of every class is taken for full, and some for what they are not. */
static void wrong_caches(struct store_map *map, const struct content *content)
{
    struct heap_group *group = &map->groups[map->data / PAGE_SIZE / GROUP_PAGES];
    (void)content;
    for (unsigned class = 0; class < HEAP_CLASSES_MAX; class ++)
        word_store(&group->available[class], class % 2 == 0 ? 0 : UINT64_MAX);
}

static void hints_too_high(struct store_map *map, const struct content *content)
{
    (void)content;
    word_store(&map->header->page_hint, UINT64_MAX / 2);
    word_store(&map->header->span_hint, UINT64_MAX / 2);
    for (unsigned class = 0; class < HEAP_CLASSES_MAX; class ++)
        word_store(&map->header->class_hint[class], 1000);
}

static void a_broken_trash(struct store_map *map, const struct content *content)
{
    (void)content;
    word_store(&map->header->trash, store_end(map) + 64);
}

/* A list that is dead, and that the trash has lost. */
static void a_dead_object(struct store_map *map, const struct content *content)
{
    comem_store store = {.map = map};
    comem_list *list = support_list(&store);
    struct object *shared = shared_of(list);
    (void)content;
    comem_list_release(list);
    while (object_identity_state(word_load(&shared->identity)) != OBJECT_DEAD)
        support_sweep(map);
    uint64_t offset = store_offset(map, shared);
    assert_true(heap_block_use(map, offset));
}

/* One that no cell, no process and no name keeps. */
static void an_orphan(struct store_map *map, const struct content *content)
{
    comem_store store = {.map = map};
    comem_list *list = support_list(&store);
    struct comem_object *handle = (struct comem_object *)(void *)list;
    (void)content;
    word_store(handle->row, 0);
    handle->row = NULL;
    comem_list_release(list);
}

static void locked_leaves(struct store_map *map, const struct content *content)
{
    (void)content;
    word32_store(&map->header->grow_lock, 0x00070005);
}

typedef void (*damage)(struct store_map *map, const struct content *content);

static const struct {
    const char *name;
    damage damage;
} damages[] = {
    {"too many links", too_many_links},
    {"too few links", too_few_links},
    {"an odd version", an_odd_version},
    {"an odd entry", an_odd_entry},
    {"a lock of nobody", a_lock_of_nobody},
    {"a leaked block", a_leaked_block},
    {"a named block not in use", a_named_block_not_in_use},
    {"a span that is none", a_span_that_is_none},
    {"a page of nothing", a_page_of_nothing},
    {"a later page free", a_later_page_free},
    {"wrong caches", wrong_caches},
    {"hints too high", hints_too_high},
    {"a broken trash", a_broken_trash},
    {"a dead object", a_dead_object},
    {"an orphan", an_orphan},
    {"locked leaves", locked_leaves},
};
#define DAMAGES (sizeof damages / sizeof damages[0])

/* ---- tests ---- */

/* Repair leaves something wrong that it could make right, or says so of what was not. */
static void each_damage_without_loss_is_found_and_mended(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < DAMAGES; i++) {
        struct content content = fill(&bench->store);
        damages[i].damage(bench->map, &content);
        if (store_check(bench->map, NULL, NULL) == 0)
            fail_msg("not found: %s", damages[i].name);
        struct mend_result result = mend(bench);
        if (result.mended == 0 || result.left != 0 || store_check(bench->map, NULL, NULL) != 0)
            fail_msg("not mended: %s", damages[i].name);
        assert_whole(&content);
        give_back(&content);
    }
}

/* A remedy makes another one wrong. */
static void all_damages_at_once_are_mended(void **state)
{
    struct bench *bench = *state;
    struct content content = fill(&bench->store);
    for (size_t i = 0; i < DAMAGES; i++)
        if (damages[i].damage != too_many_links && damages[i].damage != wrong_caches &&
            damages[i].damage != hints_too_high) /* before the others they would keep those from being made */
            damages[i].damage(bench->map, &content);
    wrong_caches(bench->map, &content);
    hints_too_high(bench->map, &content);
    assert_int_equal(mend(bench).left, 0);
    assert_int_equal(store_check(bench->map, NULL, NULL), 0);
    assert_whole(&content);
    give_back(&content);
}

/* Repair of a whole store changes something. */
static void a_whole_store_is_left_alone(void **state)
{
    struct bench *bench = *state;
    struct content content = fill(&bench->store);
    struct mend_result result = mend(bench);
    assert_int_equal(result.mended, 0);
    assert_int_equal(result.left, 0);
    assert_whole(&content);
    give_back(&content);
}

/* What hangs from a broken part is freed as if it were lost. */
static void nothing_is_freed_while_something_is_broken(void **state)
{
    struct bench *bench = *state;
    struct content content = fill(&bench->store);
    struct list_entry *entry = list_entry_at(bench->map, word_load(&shared_of(content.list)->table), 1);
    uint64_t block = word_load(&entry->block), used = heap_used(bench->map);
    word_store(&entry->block, bench->map->data + 16);
    a_leaked_block(bench->map, &content);
    wrong_caches(bench->map, &content);
    struct mend_result result = mend(bench);
    assert_true(result.left > 0);
    assert_true(result.mended > 0); /* the caches */
    assert_true(heap_used(bench->map) >= used);
    word_store(&entry->block, block);
    assert_int_equal(mend(bench).left, 0);
    assert_whole(&content);
    give_back(&content);
}

/* What stands behind a damaged table, or where a damaged slot leads, is taken for entries, and "repaired". */
static void a_table_that_lies_about_its_size_costs_nothing_else(void **state)
{
    struct bench *bench = *state;
    struct content content = fill(&bench->store);
    struct list_table *table = list_table_at(bench->map, word_load(&shared_of(content.inner)->table));
    assert_null(table);
    assert_ok(comem_list_append(content.inner, comem_int(1)));
    table = list_table_at(bench->map, word_load(&shared_of(content.inner)->table));
    static const size_t fields[] = {offsetof(struct list_table, length), offsetof(struct list_table, capacity),
                                    offsetof(struct list_table, entry_count), offsetof(struct list_table, tail_first),
                                    offsetof(struct list_table, tail_entry)};
    static const uint64_t values[] = {0, 11, 1000, 100000, UINT64_C(1) << 40, UINT64_MAX, UINT64_MAX / 2};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        for (size_t k = 0; k < sizeof values / sizeof values[0]; k++) {
            word64 *word = (word64 *)(void *)((uint8_t *)table + fields[i]);
            uint64_t before = word_load(word);
            word_store(word, values[k]);
            assert_int_equal(mend(bench).mended, 0);
            word_store(word, before);
            assert_whole(&content);
        }
    assert_int_equal(store_check(bench->map, NULL, NULL), 0);
    give_back(&content);
}

struct short_life {
    struct bench *bench;
    int left;
};

static void die_soon(void *context, const char *problem, bool mended)
{
    struct short_life *life = context;
    (void)problem;
    (void)mended;
    if (life->left-- == 0)
        raise(SIGKILL);
}

static int mend_and_die(void *argument)
{
    struct short_life *life = argument;
    struct mend_result result;
    child_check(mend_store(&life->bench->store, die_soon, life, &result) == COMEM_OK);
    return 0;
}

/* A repair that was cut short cannot be done again. */
static void a_repair_killed_after_any_step_is_finished_by_the_next(void **state)
{
    struct bench *bench = *state;
    int killed = 1;
    for (int steps = 0; killed; steps++) {
        struct content content = fill(&bench->store);
        too_few_links(bench->map, &content);
        a_leaked_block(bench->map, &content);
        a_named_block_not_in_use(bench->map, &content);
        a_later_page_free(bench->map, &content);
        an_odd_entry(bench->map, &content);
        a_dead_object(bench->map, &content);
        wrong_caches(bench->map, &content);
        struct short_life life = {bench, steps};
        killed = support_run(mend_and_die, &life) == -SIGKILL;
        assert_int_equal(mend(bench).left, 0);
        assert_int_equal(support_problems(bench->map), 0);
        assert_whole(&content);
        give_back(&content);
        assert_true(steps > 0 || killed);
    }
}

/* ---- anything at all ---- */

static uint64_t a_word(struct dice *dice, const struct store_map *map)
{
    switch (dice_roll(dice, 6)) {
    case 0:
        return 0;
    case 1:
        return UINT64_MAX >> dice_roll(dice, 64);
    case 2:
        return dice_roll(dice, UINT64_MAX);
    case 3:
        return store_end(map) - dice_roll(dice, 256);
    default:
        return map->data + dice_roll(dice, (store_end(map) - map->data) / 8) * 8;
    }
}

/* A word of the header behind what is written once, of the tables that are in use, or of the data. */
static word64 *a_place(struct dice *dice, struct store_map *map)
{
    uint64_t pages = store_end(map) / PAGE_SIZE, first = map->data / PAGE_SIZE;
    switch (dice_roll(dice, 4)) {
    case 0:
        return (word64 *)(map->base + offsetof(struct store_header, slots_high) + dice_roll(dice, 80) * 8);
    case 1:
        return (word64 *)(void *)&map->page_table[(first + dice_roll(dice, pages - first - 1)) & ~UINT64_C(1)];
    default:
        return (word64 *)(map->base + map->data + dice_roll(dice, (store_end(map) - map->data) / 8) * 8);
    }
}

static int damage_and_check(void *argument)
{
    struct dice dice = {*(unsigned *)argument + 1};
    struct bench *bench = support_begin(64 * MIB);
    struct content content = fill(&bench->store);
    (void)content;
    alarm(20);
    for (uint64_t i = 0, words = 1 + dice_roll(&dice, 100); i < words; i++)
        word_store(a_place(&dice, bench->map), a_word(&dice, bench->map));
    store_check(bench->map, NULL, NULL);
    for (unsigned i = 0; i < 64; i++)
        check_measure(bench->map, a_word(&dice, bench->map));
    _exit(0);
}

/* Store check crashes, or goes on for ever, on a damaged store. */
static void store_check_ends_whatever_stands_in_the_store(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < support_count("COMEM_DAMAGED", 150); seed++) {
        int ended = support_run(damage_and_check, &seed);
        if (ended != 0)
            fail_msg("seed %u: %d", seed, ended);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(each_damage_without_loss_is_found_and_mended),
        WITH_STORE(all_damages_at_once_are_mended),
        WITH_STORE(a_whole_store_is_left_alone),
        WITH_STORE(nothing_is_freed_while_something_is_broken),
        WITH_STORE(a_table_that_lies_about_its_size_costs_nothing_else),
        WITH_STORE(a_repair_killed_after_any_step_is_finished_by_the_next),
        ALONE(store_check_ends_whatever_stands_in_the_store),
    };
    support_choose(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
