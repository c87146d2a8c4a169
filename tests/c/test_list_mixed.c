/* test_list_mixed.c - operations on lists mixed: by a random program, by threads and processes at once, by a fork */
#include "support.h"

#include <stdio.h>

/* ---- a random program against a plain model ---- */

#define MODEL_LISTS 4
#define MODEL_MAX 3000

struct model_item {
    comem_kind kind;
    int64_t number; /* seeds str and bytes: their length and bytes; of a reference: which list */
};

struct model {
    comem_list *lists[MODEL_LISTS];
    struct model_item items[MODEL_LISTS][MODEL_MAX];
    size_t lengths[MODEL_LISTS];
    char buffers[300][20000];
};

static size_t model_size(int64_t number)
{
    static const size_t sizes[] = {0, 5, 12, 13, 14, 15, 60, 200, 1000, 8100, 8168, 8169, 9000, 20000};
    return sizes[number % 14];
}

static comem_value model_value(struct model *model, struct model_item item, unsigned buffer)
{
    char *room = model->buffers[buffer];
    size_t size = model_size(item.number);
    switch ((int)item.kind) {
    case COMEM_NONE:
        return comem_none();
    case COMEM_BOOL:
        return comem_bool(item.number % 2 != 0);
    case COMEM_INT:
        return comem_int(item.number);
    case COMEM_FLOAT:
        return comem_float((double)item.number * 0.37);
    case COMEM_STR:
        memset(room, 'a' + (int)(item.number % 26), size);
        return comem_str(room, size);
    case COMEM_BYTES:
        memset(room, (int)(item.number % 256), size);
        return comem_bytes(room, size);
    case COMEM_REF:
        return comem_ref(model->lists[item.number]);
    }
    return comem_none();
}

static struct model_item model_roll(struct dice *dice)
{
    static const comem_kind kinds[] = {COMEM_INT, COMEM_INT,   COMEM_NONE, COMEM_BOOL, COMEM_FLOAT,
                                       COMEM_STR, COMEM_BYTES, COMEM_REF,  COMEM_REF};
    struct model_item item = {kinds[dice_roll(dice, 9)], 0};
    item.number = (int64_t)dice_roll(dice, item.kind == COMEM_REF ? MODEL_LISTS : 100000);
    return item;
}

static void model_compare(struct model *model, unsigned which)
{
    comem_list *list = model->lists[which];
    size_t length = model->lengths[which], read;
    comem_value *values = calloc(length + 1, sizeof *values);
    assert_non_null(values);
    assert_int_equal(support_len(list), length);
    assert_ok(comem_list_read(list, 0, length + 1, values, &read));
    assert_int_equal(read, length);
    for (size_t i = 0; i < length; i++) {
        comem_value expected = model_value(model, model->items[which][i], 0);
        support_assert_value(&values[i], &expected);
        comem_value_clear(&values[i]);
    }
    free(values);
}

static void model_step(struct model *model, struct dice *dice)
{
    unsigned which = (unsigned)dice_roll(dice, MODEL_LISTS);
    comem_list *list = model->lists[which];
    struct model_item *items = model->items[which], item = model_roll(dice);
    size_t *length = &model->lengths[which], at = *length > 0 ? dice_roll(dice, *length) : 0;
    comem_value value;
    switch (dice_roll(dice, 100)) {
    case 0:
        assert_ok(comem_list_clear(list));
        *length = 0;
        break;
    case 1:
    case 2:
    case 3:
    case 4: {
        static comem_value values[300];
        size_t count = dice_roll(dice, dice_roll(dice, 4) == 0 ? 300 : 10);
        bool numbers = dice_roll(dice, 2) == 0;
        if (*length + count > MODEL_MAX)
            break;
        for (size_t i = 0; i < count; i++) {
            item = model_roll(dice);
            if (numbers)
                item.kind = COMEM_INT;
            items[*length + i] = item;
            values[i] = model_value(model, item, (unsigned)i);
        }
        assert_ok(comem_list_extend(list, values, count));
        *length += count;
        break;
    }
    case 5:
        model_compare(model, which);
        break;
    default:
        switch (dice_roll(dice, 4)) {
        case 0:
            if (*length == MODEL_MAX)
                break;
            assert_ok(comem_list_append(list, model_value(model, item, 0)));
            items[(*length)++] = item;
            break;
        case 1:
            assert_status(*length > 0 ? COMEM_OK : COMEM_OUT_OF_RANGE,
                          comem_list_set(list, (int64_t)at, model_value(model, item, 0)));
            if (*length > 0)
                items[at] = item;
            break;
        case 2: {
            bool wanted = dice_roll(dice, 2) == 0;
            assert_status(*length > 0 ? COMEM_OK : COMEM_OUT_OF_RANGE, comem_list_pop(list, wanted ? &value : NULL));
            if (*length == 0)
                break;
            comem_value expected = model_value(model, items[--*length], 0);
            if (wanted) {
                support_assert_value(&value, &expected);
                comem_value_clear(&value);
            }
            break;
        }
        default:
            assert_status(*length > 0 ? COMEM_OK : COMEM_OUT_OF_RANGE, comem_list_get(list, (int64_t)at, &value));
            if (*length > 0) {
                comem_value expected = model_value(model, items[at], 0);
                support_assert_value(&value, &expected);
                comem_value_clear(&value);
            }
            break;
        }
        break;
    }
}

/* Some sequence of operations would end in another list than Python's own would be. */
static void a_random_program_does_what_the_model_does(void **state)
{
    struct bench *bench = *state;
    struct model *model = calloc(1, sizeof *model);
    assert_non_null(model);
    unsigned steps = support_count("COMEM_TEST_STEPS", support_sanitized() ? 30000 : 100000);
    for (unsigned seed = 1; seed <= 3; seed++) {
        struct dice dice = {seed};
        for (unsigned i = 0; i < MODEL_LISTS; i++) {
            model->lists[i] = support_list(&bench->store);
            model->lengths[i] = 0;
        }
        for (unsigned i = 0; i < steps / 3; i++)
            model_step(model, &dice);
        for (unsigned i = 0; i < MODEL_LISTS; i++)
            model_compare(model, i);
        assert_int_equal(support_problems(bench->map), 0);
        for (unsigned i = 0; i < MODEL_LISTS; i++) {
            assert_ok(comem_list_clear(model->lists[i])); /* rings of lists would keep each other */
            comem_list_release(model->lists[i]);
        }
        assert_int_equal(support_used(bench->map), 0);
    }
    free(model);
}

/* ---- references beside those who take them away ---- */

struct popping {
    comem_list *queue;
    _Atomic int popped, failed;
    int rounds;
};

static void *pop_references(void *argument)
{
    struct popping *popping = argument;
    while (popping->popped < popping->rounds) {
        comem_value value, item;
        comem_status status = comem_list_pop(popping->queue, &value);
        if (status == COMEM_OUT_OF_RANGE)
            continue;
        popping->failed += status != COMEM_OK;
        if (status == COMEM_OK && value.kind == COMEM_REF) {
            popping->failed += comem_list_get(comem_value_list(&value), 0, &item) != COMEM_OK;
            popping->popped++;
        }
        comem_value_clear(&value);
    }
    return NULL;
}

static void *push_references(void *argument)
{
    struct popping *popping = argument;
    comem_store store = {.map = popping->queue->object.map};
    for (int i = 0; i < popping->rounds; i++) {
        comem_list *list;
        comem_status status = comem_list_new(&store, &list);
        if (status == COMEM_OK)
            status = comem_list_append(list, comem_int(i));
        if (status == COMEM_OK)
            status = comem_list_append(popping->queue, comem_ref(list));
        if (status == COMEM_OK)
            status = comem_list_append(popping->queue, comem_int(i)); /* so that a popper may meet another item */
        comem_list_release(list);
        popping->failed += status != COMEM_OK;
    }
    return NULL;
}

/* Two processes popping the same references would lose a link, give one object twice, or keep one for ever. */
static void references_popped_by_many_threads_neither_leak_nor_hang(void **state)
{
    struct bench *bench = *state;
    struct popping popping = {.queue = support_list(&bench->store), .rounds = 20000};
    pthread_t threads[4];
    assert_int_equal(pthread_create(&threads[0], NULL, push_references, &popping), 0);
    for (unsigned i = 1; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, pop_references, &popping), 0);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(popping.failed, 0);
    comem_list_release(popping.queue);
    uint64_t rows = 0, used = support_used(bench->map);
    if (process_table(bench->map, bench->map->process, 0, &rows) == NULL)
        rows = 0;
    if (used != rows * sizeof(word64))
        fprintf(stderr, "%llu bytes leaked\n", (unsigned long long)(used - rows * sizeof(word64)));
    assert_int_equal(used, rows * sizeof(word64));
}

struct swapping {
    comem_list *outer;
    _Atomic int stop, failed;
};

static void *swap_references(void *argument)
{
    struct swapping *swapping = argument;
    comem_store store = {.map = swapping->outer->object.map};
    for (int64_t i = 0; !swapping->stop; i++) {
        comem_list *list = NULL;
        comem_status status = comem_list_new(&store, &list);
        if (status == COMEM_OK)
            status = comem_list_append(list, comem_int(i));
        if (status == COMEM_OK)
            status = comem_list_set(swapping->outer, 0, comem_ref(list));
        comem_list_release(list);
        swapping->failed += status != COMEM_OK;
    }
    return NULL;
}

static void *read_references(void *argument)
{
    struct swapping *swapping = argument;
    while (!swapping->stop) {
        comem_value value, item;
        if (comem_list_get(swapping->outer, 0, &value) != COMEM_OK || value.kind != COMEM_REF ||
            comem_list_get(comem_value_list(&value), 0, &item) != COMEM_OK) {
            fprintf(stderr, "a reference just read: %s\n", comem_detail());
            swapping->failed++;
        }
        comem_value_clear(&value);
    }
    return NULL;
}

static int read_references_process(void *argument)
{
    read_references(argument);
    return 0;
}

/* A reader that is overtaken by a writer while it takes a reference would give a handle on a freed list. */
static void a_reference_just_read_can_be_used(void **state)
{
    struct bench *bench = *state;
    struct swapping *swapping = support_shared(sizeof *swapping);
    pthread_t threads[3];
    swapping->outer = support_list(&bench->store);
    comem_list *first = support_list(&bench->store);
    assert_ok(comem_list_append(first, comem_int(0)));
    assert_ok(comem_list_append(swapping->outer, comem_ref(first)));
    comem_list_release(first);
    pid_t child = support_fork(read_references_process, swapping);
    assert_int_equal(pthread_create(&threads[0], NULL, swap_references, swapping), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, read_references, swapping), 0);
    assert_int_equal(pthread_create(&threads[2], NULL, read_references, swapping), 0);
    support_nap(1000000);
    swapping->stop = 1;
    for (unsigned i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(support_wait(child), 0);
    assert_int_equal(swapping->failed, 0);
    assert_ok(comem_list_clear(swapping->outer));
    comem_list_release(swapping->outer);
    assert_int_equal(support_used(bench->map), 0);
}

/* ---- beside writers ---- */

#define RACE_ITEMS 300

struct race {
    comem_list *items, *batches;
    _Atomic int stop, torn;
    _Atomic long reads;
};

/* Values that show when their halves are of different writes. */
static comem_value whole_value(uint64_t number, char *room)
{
    static const size_t sizes[] = {1, 7, 13, 14, 90, 3000, 9000};
    size_t size = sizes[number % 7];
    switch (number % 3) {
    case 0:
        memset(room, 'a' + (int)(number % 26), size);
        return comem_str(room, size);
    case 1:
        return comem_int((int64_t)((number & 0xFFFFFFFF) << 32 | (~number & 0xFFFFFFFF)));
    default:
        memset(room, (int)(number % 251), size);
        return comem_bytes(room, size);
    }
}

static bool is_whole(const comem_value *value)
{
    if (value->kind == COMEM_INT)
        return ((uint64_t)value->as.integer >> 32 ^ ((uint64_t)value->as.integer & 0xFFFFFFFF)) == 0xFFFFFFFF;
    if (value->kind != COMEM_STR && value->kind != COMEM_BYTES)
        return false;
    for (size_t i = 1; i < value->size; i++)
        if (value->as.data[i] != value->as.data[0])
            return false;
    static const size_t sizes[] = {1, 7, 13, 14, 90, 3000, 9000};
    for (size_t i = 0; i < 7; i++)
        if (value->size == sizes[i])
            return true;
    return false;
}

static void *race_writer(void *argument)
{
    struct race *race = argument;
    struct dice dice = {(uint64_t)(uintptr_t)&dice};
    char room[9000], other[9000];
    while (!race->stop) {
        int64_t index = (int64_t)dice_roll(&dice, RACE_ITEMS);
        comem_status status = comem_list_set(race->items, index, whole_value(dice_roll(&dice, 1u << 20), room));
        if (status != COMEM_OK && status != COMEM_OUT_OF_RANGE)
            race->torn++;
        if (dice_roll(&dice, 4) == 0 && comem_list_pop(race->items, NULL) == COMEM_OK &&
            comem_list_append(race->items, whole_value(dice_roll(&dice, 1u << 20), room)) != COMEM_OK)
            race->torn++;
        uint64_t same = dice_roll(&dice, 1u << 20);
        comem_value three[3] = {whole_value(same, other), whole_value(same, other), whole_value(same, other)};
        if (dice_roll(&dice, 100) == 0 ? comem_list_clear(race->batches) != COMEM_OK
                                       : comem_list_extend(race->batches, three, 3) != COMEM_OK)
            race->torn++;
    }
    return NULL;
}

static bool same_value(const comem_value *one, const comem_value *other)
{
    if (one->kind != other->kind || one->size != other->size)
        return false;
    return one->kind == COMEM_INT ? one->as.integer == other->as.integer
                                  : memcmp(one->as.data, other->as.data, one->size) == 0;
}

static void race_fail(struct race *race, const char *what)
{
    if (race->torn++ < 5)
        fprintf(stderr, "%s (%s)\n", what, comem_detail());
}

static void *race_reader(void *argument)
{
    struct race *race = argument;
    struct dice dice = {(uint64_t)(uintptr_t)&dice + (uint64_t)getpid()};
    static _Thread_local comem_value values[600];
    while (!race->stop) {
        comem_value value;
        size_t read;
        comem_status status = comem_list_get(race->items, (int64_t)dice_roll(&dice, RACE_ITEMS) - 100, &value);
        if (status == COMEM_OK && !is_whole(&value))
            race_fail(race, "a torn value from get");
        if (status != COMEM_OK && status != COMEM_OUT_OF_RANGE)
            race_fail(race, "get failed");
        comem_value_clear(&value);
        size_t from = dice_roll(&dice, 5) * 3;
        if (comem_list_read(race->batches, from, 600, values, &read) != COMEM_OK)
            race_fail(race, "read failed");
        if (read % 3 != 0)
            race_fail(race, "an extend was seen in part");
        for (size_t i = 0; i < read; i++)
            if (!is_whole(&values[i]) || !same_value(&values[i], &values[i - i % 3]))
                race_fail(race, "a torn value from read");
        for (size_t i = 0; i < read; i++)
            comem_value_clear(&values[i]);
        struct list_cursor cursor;
        list_cursor_start(&cursor, race->items);
        for (unsigned i = 0; i < RACE_ITEMS && list_cursor_next(&cursor, &value) == COMEM_OK; i++) {
            if (!is_whole(&value))
                race_fail(race, "a torn value from a cursor");
            comem_value_clear(&value);
        }
        race->reads++;
    }
    return NULL;
}

static int race_process(void *argument)
{
    pthread_t writer;
    child_check(pthread_create(&writer, NULL, race_writer, argument) == 0);
    race_reader(argument);
    pthread_join(writer, NULL);
    return 0;
}

/* A reader beside writers would get half of one value and half of another, or a part of a batch. */
static void readers_never_see_a_torn_value(void **state)
{
    struct bench *bench = *state;
    struct race *race = support_shared(sizeof *race);
    char room[9000];
    pthread_t threads[3];
    pid_t children[2];
    race->items = support_list(&bench->store);
    race->batches = support_list(&bench->store);
    for (unsigned i = 0; i < RACE_ITEMS; i++)
        assert_ok(comem_list_append(race->items, whole_value(i, room)));
    for (unsigned i = 0; i < 2; i++)
        children[i] = support_fork(race_process, race);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i == 0 ? race_writer : race_reader, race), 0);
    support_nap(3000000);
    race->stop = 1;
    for (unsigned i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(support_wait(children[i]), 0);
    assert_int_equal(race->torn, 0);
    assert_true(race->reads > 10);
}

/* ---- what a child inherits of another thread's operation ---- */

static int set_in_child(void *argument)
{
    comem_list *list = argument;
    child_check(comem_list_set(list, 300, comem_int(-300)) == COMEM_OK);
    child_check(comem_list_set(list, 44, comem_int(-44)) == COMEM_OK);
    return 0;
}

/* A child forked while another thread was noting where it found a block would write into a wrong one. */
static void a_child_does_not_trust_what_another_thread_was_noting(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    for (int i = 0; i < 600; i++)
        assert_ok(comem_list_append(list, comem_int(i)));
    assert_ok(comem_list_set(list, 0, comem_int(0)));
    struct list_place place = list->place;
    list->place.first = LIST_BLOCK; /* half of the change from block 0 to block 1, as fork may catch it */
    assert_int_equal(support_run(set_in_child, list), 0);
    list->place = place;
    for (int i = 0; i < 600; i++)
        assert_int_equal(support_int(list, i), i == 300 || i == 44 ? -i : i);
}

int main(int argc, char **argv)
{
    support_choose(argc, argv);
    const struct CMUnitTest tests[] = {
        WITH_STORE(a_random_program_does_what_the_model_does),
        WITH_STORE(references_popped_by_many_threads_neither_leak_nor_hang),
        WITH_STORE(a_reference_just_read_can_be_used),
        WITH_STORE(readers_never_see_a_torn_value),
        WITH_STORE(a_child_does_not_trust_what_another_thread_was_noting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
