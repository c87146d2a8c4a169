/* test_kill.c - random writers killed at random moments while others work on
 *
 * COMEM_TEST_KILLS says how many (1000, under a sanitizer 300).
 */
#include "support.h"

#include <stdio.h>
#include <sys/wait.h>

#define LISTS 4
#define NUMBERS 3

/* A program of random operations on lists that everybody shares; values show when they are torn. */
struct arena {
    comem_store *store;
    comem_list *lists[LISTS];     /* of anything */
    comem_list *numbers[NUMBERS]; /* of ints that were appended in pairs {n, ~n}, never popped singly */
    _Atomic int stop;
    _Atomic long done, failed;
};

static comem_value random_value(struct dice *dice, struct arena *arena, char *room)
{
    static const size_t sizes[] = {3, 13, 14, 100, 3000, 9000};
    size_t size = sizes[dice_roll(dice, 6)];
    switch (dice_roll(dice, 8)) {
    case 0:
    case 1:
        return comem_ref(arena->lists[dice_roll(dice, LISTS)]);
    case 2:
    case 3:
    case 4:
        memset(room, 'a' + (int)dice_roll(dice, 26), size);
        return comem_str(room, size);
    default:
        return comem_int((int64_t)dice_roll(dice, 1000));
    }
}

static bool is_sound(const comem_value *value)
{
    if (value->kind == COMEM_STR)
        for (size_t i = 1; i < value->size; i++)
            if (value->as.data[i] != value->as.data[0])
                return false;
    return value->kind == COMEM_INT || value->kind == COMEM_REF || value->kind == COMEM_STR;
}

static void arena_failed(struct arena *arena, const char *what, comem_status status)
{
    if (arena->failed++ < 10)
        fprintf(stderr, "process %d: %s: %s (%s)\n", getpid(), what, comem_strerror(status), comem_detail());
}

static comem_status nested_list(struct dice *dice, struct arena *arena, comem_list *list)
{
    comem_list *inner;
    char room[9000];
    comem_status status = comem_list_new(arena->store, &inner);
    for (unsigned i = 0; status == COMEM_OK && i < 3; i++)
        status = comem_list_append(inner, random_value(dice, arena, room));
    if (status == COMEM_OK)
        status = comem_list_append(list, comem_ref(inner));
    comem_list_release(inner);
    return status;
}

static comem_status random_extend(struct dice *dice, struct arena *arena, comem_list *list)
{
    static _Thread_local char rooms[20][9000];
    comem_value values[20];
    size_t count = dice_roll(dice, 20);
    for (size_t i = 0; i < count; i++)
        values[i] = random_value(dice, arena, rooms[i]);
    return comem_list_extend(list, values, count);
}

static comem_status extend_numbers(struct dice *dice, struct arena *arena)
{
    comem_value pair[2];
    int64_t number = (int64_t)dice_roll(dice, UINT64_MAX);
    comem_list *list = arena->numbers[dice_roll(dice, NUMBERS)];
    size_t length = 0;
    comem_status status = comem_list_len(list, &length);
    if (status == COMEM_OK && length > 2000)
        status = comem_list_clear(list);
    pair[0] = comem_int(number);
    pair[1] = comem_int(~number);
    return status == COMEM_OK ? comem_list_extend(list, pair, 2) : status;
}

static comem_status read_numbers(struct dice *dice, struct arena *arena)
{
    comem_value values[64];
    size_t read = 0;
    comem_status status =
        comem_list_read(arena->numbers[dice_roll(dice, NUMBERS)], 2 * dice_roll(dice, 500), 64, values, &read);
    if (status == COMEM_OK && read % 2 != 0)
        arena_failed(arena, "half a pair", status);
    for (size_t i = 0; i + 1 < read; i += 2)
        if (values[i].as.integer != ~values[i + 1].as.integer)
            arena_failed(arena, "two halves of different pairs", status);
    return status;
}

static void random_step(struct dice *dice, struct arena *arena)
{
    comem_list *list = arena->lists[dice_roll(dice, LISTS)];
    char room[9000];
    comem_value value = comem_none();
    comem_status status = COMEM_OK;
    size_t length = 0;
    unsigned step = (unsigned)dice_roll(dice, 100);
    if (step < 25)
        status = comem_list_append(list, random_value(dice, arena, room));
    else if (step < 45)
        status = comem_list_pop(list, dice_roll(dice, 2) ? &value : NULL);
    else if (step < 60)
        status = comem_list_set(list, (int64_t)dice_roll(dice, 300) - 100, random_value(dice, arena, room));
    else if (step < 70)
        status = random_extend(dice, arena, list);
    else if (step < 72)
        status = comem_list_clear(list);
    else if (step < 78)
        status = nested_list(dice, arena, list);
    else if (step < 88)
        status = comem_list_get(list, (int64_t)dice_roll(dice, 300) - 100, &value);
    else if (step < 95)
        status = extend_numbers(dice, arena);
    else
        status = read_numbers(dice, arena);
    if (status == COMEM_OK && value.kind != COMEM_NONE && !is_sound(&value))
        arena_failed(arena, "a torn value", status);
    comem_value_clear(&value);
    if (status != COMEM_OK && status != COMEM_OUT_OF_RANGE) {
        char what[40];
        snprintf(what, sizeof what, "an operation (%u)", step);
        arena_failed(arena, what, status);
    }
    if (comem_list_len(list, &length) == COMEM_OK && length > 3000)
        comem_list_clear(list);
    arena->done++;
}

static int work_until_killed(void *argument)
{
    struct arena *arena = argument;
    struct dice dice = {(uint64_t)getpid() * 7919};
    while (!arena->stop)
        random_step(&dice, arena);
    return 0;
}

static void *work_in_thread(void *argument)
{
    work_until_killed(argument);
    return NULL;
}

/* Two threads: both die at once. */
static int work_with_two_threads(void *argument)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, work_in_thread, argument) != 0)
        return 99;
    return work_until_killed(argument);
}

/* Forks in the middle of its work; the grandchild works on until the next kill of its parent's group. */
static int work_and_fork(void *argument)
{
    struct arena *arena = argument;
    struct dice dice = {(uint64_t)getpid() * 104729};
    setpgid(0, 0);
    for (unsigned i = 0; !arena->stop; i++) {
        random_step(&dice, arena);
        if (i % 50 == 10) {
            pid_t child = fork();
            if (child == 0)
                return work_until_killed(argument);
            support_nap((long)dice_roll(&dice, 300));
            kill(child, SIGKILL);
            waitpid(child, NULL, 0);
        }
    }
    return 0;
}

/* Some moment of some operation would not survive a kill: the store damaged, a value torn, memory lost, or a lock held
 * for ever. */
static void random_kills_leave_the_store_whole(void **state)
{
    struct bench *bench = *state;
    struct arena *arena = support_shared(sizeof *arena);
    unsigned kills = support_count("COMEM_TEST_KILLS", support_sanitized() ? 300 : 1000);
    struct dice dice = {support_count("COMEM_TEST_SEED", 12345)};
    pthread_t survivor;
    arena->store = &bench->store;
    for (unsigned i = 0; i < LISTS; i++)
        arena->lists[i] = support_list(&bench->store);
    for (unsigned i = 0; i < NUMBERS; i++)
        arena->numbers[i] = support_list(&bench->store);
    pid_t worker = support_fork(work_until_killed, arena); /* a process that survives, and a thread of ours */
    assert_int_equal(pthread_create(&survivor, NULL, work_in_thread, arena), 0);
    for (unsigned i = 0; i < kills; i++) {
        int (*const works[])(void *) = {work_until_killed, work_until_killed, work_with_two_threads, work_and_fork};
        unsigned way = (unsigned)dice_roll(&dice, 4);
        pid_t victim = support_fork(works[way], arena);
        support_nap((long)dice_roll(&dice, 2000));
        if (way == 3)
            kill(-victim, SIGKILL);
        kill(victim, SIGKILL);
        assert_int_equal(support_wait(victim), -SIGKILL);
        if (i % 100 == 99) {
            long before = arena->done;
            double limit = support_seconds() + 10;
            while (arena->done < before + 10 && support_seconds() < limit)
                support_nap(1000);
            assert_true(arena->done >= before + 10); /* the survivors get on */
        }
    }
    arena->stop = 1;
    pthread_join(survivor, NULL);
    assert_int_equal(support_wait(worker), 0);
    uint64_t problems = support_problems(bench->map);
    assert_int_equal(arena->failed, 0);
    assert_int_equal(problems, 0);
    for (unsigned i = 0; i < LISTS; i++)
        assert_ok(comem_list_clear(arena->lists[i]));
    for (unsigned i = 0; i < LISTS; i++)
        comem_list_release(arena->lists[i]);
    for (unsigned i = 0; i < NUMBERS; i++)
        comem_list_release(arena->numbers[i]);
    assert_int_equal(support_problems(bench->map), 0);
}

int main(int argc, char **argv)
{
    support_choose(argc, argv);
    const struct CMUnitTest tests[] = {
        WITH_STORE(random_kills_leave_the_store_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
