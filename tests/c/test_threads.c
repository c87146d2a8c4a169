/* test_threads.c - threads of several processes on the same lists at once: what holds whoever comes first
 *
 * COMEM_TEST_SECONDS says how long each test goes on (3, under a sanitizer 2).
 */
#include "support.h"

#include <stdio.h>
#include <sys/prctl.h>
#include <time.h>

#define PROCESSES 3
#define THREADS 4
#define PAIRS_MAX 1500
#define RANGE 700
#define FREE_MAX 2000

struct arena {
    comem_store *store;
    comem_list *pairs;  /* of ints {n, ~n}, changed by whole pairs */
    comem_list *range;  /* 0 to RANGE - 1, upwards or downwards */
    comem_list *tokens; /* what a thread puts in, it alone takes out */
    comem_list *free;   /* of anything, changed in any way */
    _Atomic int stop, failed;
    _Atomic long done;
};

static void complain(struct arena *arena, const char *what, comem_status status)
{
    if (arena->failed++ < 10)
        fprintf(stderr, "process %d: %s: %s (%s)\n", getpid(), what, comem_strerror(status), comem_detail());
}

static double seconds(void)
{
    return support_count("COMEM_TEST_SECONDS", support_sanitized() ? 2 : 3);
}

/* What a thread reads into. */
static _Thread_local comem_value room[2 * PAIRS_MAX + FREE_MAX];
#define ROOM (sizeof room / sizeof *room)

/* ---- pairs ---- */

static bool are_pairs(const comem_value *items, size_t count)
{
    for (size_t i = 0; i + 1 < count; i += 2)
        if (items[i].as.integer != ~items[i + 1].as.integer)
            return false;
    return count % 2 == 0;
}

static void look_at_pairs(struct arena *arena, comem_list *list)
{
    size_t count = 0;
    comem_status status = comem_list_slice_get(list, COMEM_SLICE_ALL, room, ROOM, &count);
    if (status != COMEM_OK)
        complain(arena, "reading pairs", status);
    else if (count <= ROOM && !are_pairs(room, count))
        complain(arena, "pairs that are not whole", status);
    status = comem_list_len(list, &count);
    if (status != COMEM_OK || count % 2 != 0)
        complain(arena, "half a pair", status);
}

static void copy_pairs(struct arena *arena, struct dice *dice)
{
    comem_list *made = NULL;
    unsigned way = (unsigned)dice_roll(dice, 3);
    comem_status status = way == 0   ? comem_list_copy(arena->pairs, &made)
                          : way == 1 ? comem_list_repeat(arena->pairs, 2, &made)
                                     : comem_list_concat(arena->pairs, arena->pairs, &made);
    if (status == COMEM_OK)
        look_at_pairs(arena, made);
    else
        complain(arena, "copying pairs", status);
    comem_list_release(made);
}

/* Positions are even, counted from either end. */
static comem_status change_pairs(struct arena *arena, struct dice *dice)
{
    comem_value pairs[40];
    size_t count = 2 * dice_roll(dice, 20), length = 0;
    int64_t at = 2 * ((int64_t)dice_roll(dice, PAIRS_MAX) - PAIRS_MAX / 2), to = at + 2 * (int64_t)dice_roll(dice, 20);
    for (size_t i = 0; i < count; i += 2) {
        pairs[i] = comem_int((int64_t)dice_roll(dice, UINT64_MAX));
        pairs[i + 1] = comem_int(~pairs[i].as.integer);
    }
    comem_status status = comem_list_len(arena->pairs, &length);
    if (status == COMEM_OK && length > PAIRS_MAX)
        return comem_list_slice_delete(arena->pairs, (comem_slice){20, -20, 1});
    switch (status == COMEM_OK ? dice_roll(dice, 8) : 8) {
    case 0:
    case 1:
        return comem_list_extend(arena->pairs, pairs, count);
    case 2:
        return comem_list_slice_delete(arena->pairs, (comem_slice){at, at < 0 && to >= 0 ? INT64_MAX : to, 1});
    case 3:
    case 4:
        return comem_list_slice_set(arena->pairs, (comem_slice){at, at < 0 && to >= 0 ? INT64_MAX : to, 1}, pairs,
                                    count);
    case 5: /* the second half first; too short a list has no such pair */
        if (count < 2)
            return COMEM_OK;
        at = at < 0 ? -at : at;
        status = comem_list_slice_set(arena->pairs, (comem_slice){at + 1, at == 0 ? INT64_MIN : at - 1, -1}, pairs, 2);
        return status == COMEM_INVALID ? COMEM_OK : status;
    case 6:
        return comem_list_reverse(arena->pairs);
    case 7:
        if (length > PAIRS_MAX / 4)
            return COMEM_OK;
        return dice_roll(dice, 2) ? comem_list_multiply(arena->pairs, 2)
                                  : comem_list_extend_list(arena->pairs, arena->pairs);
    default:
        return status;
    }
}

/* ---- a range in order ---- */

static bool is_range(const comem_value *items, size_t count)
{
    int64_t first = count == RANGE ? items[0].as.integer : -1, step = first == 0 ? 1 : -1;
    for (size_t i = 1; i < count; i++)
        if (items[i].as.integer != first + (int64_t)i * step)
            return false;
    return first == 0 || first == RANGE - 1;
}

static void look_at_range(struct arena *arena)
{
    size_t count = 0;
    comem_status status = comem_list_read(arena->range, 0, ROOM, room, &count);
    if (status != COMEM_OK)
        complain(arena, "reading the range", status);
    else if (!is_range(room, count))
        complain(arena, "a range out of order", status);
}

static comem_status change_range(struct arena *arena, struct dice *dice)
{
    unsigned way = (unsigned)dice_roll(dice, 3);
    return way == 0   ? comem_list_sort(arena->range)
           : way == 1 ? comem_list_sort_descending(arena->range)
                      : comem_list_reverse(arena->range);
}

/* ---- tokens ---- */

static comem_status use_token(struct arena *arena, struct dice *dice, int64_t token)
{
    size_t count = 0, index = 0;
    comem_status status = comem_list_insert(arena->tokens, (int64_t)dice_roll(dice, 20) - 10, comem_int(token));
    if (status == COMEM_OK)
        status = dice_roll(dice, 2) ? comem_list_count(arena->tokens, comem_int(token), &count)
                                    : comem_list_index(arena->tokens, comem_int(token), 0, INT64_MAX, &index);
    if (status == COMEM_OK && count > 1)
        complain(arena, "a token doubled", status);
    if (status == COMEM_OK && dice_roll(dice, 4) == 0)
        status = dice_roll(dice, 2) ? comem_list_sort(arena->tokens) : comem_list_reverse(arena->tokens);
    return status == COMEM_OK ? comem_list_remove(arena->tokens, comem_int(token)) : status;
}

/* ---- anything ---- */

static comem_value anything(struct arena *arena, struct dice *dice, char *text)
{
    static const size_t sizes[] = {0, 5, 13, 14, 40, 300};
    size_t size = sizes[dice_roll(dice, 6)];
    switch (dice_roll(dice, 4)) {
    case 0:
        return comem_ref(dice_roll(dice, 2) ? arena->free : arena->pairs);
    case 1:
        memset(text, 'a' + (int)dice_roll(dice, 26), 300);
        return comem_str(text, size);
    default:
        return comem_int((int64_t)dice_roll(dice, 50));
    }
}

static bool is_sound(const comem_value *value)
{
    for (size_t i = 1; value->kind == COMEM_STR && i < value->size; i++)
        if (value->as.data[i] != value->as.data[0])
            return false;
    return value->kind == COMEM_INT || value->kind == COMEM_REF || value->kind == COMEM_STR;
}

static comem_status look_at_free(struct arena *arena, struct dice *dice)
{
    size_t count = 0;
    int64_t at = (int64_t)dice_roll(dice, FREE_MAX), steps[] = {1, 2, -1, 77};
    comem_slice slice = {at, dice_roll(dice, 2) ? at + 100 : at - 100, steps[dice_roll(dice, 4)]};
    comem_status status = comem_list_slice_get(arena->free, slice, room, ROOM, &count);
    for (size_t i = 0; status == COMEM_OK && count <= ROOM && i < count; i++) {
        if (!is_sound(&room[i]))
            complain(arena, "a torn item", status);
        comem_value_clear(&room[i]);
    }
    return status;
}

static comem_status change_free_slice(struct arena *arena, struct dice *dice)
{
    static _Thread_local char texts[30][300];
    comem_value some[30];
    size_t count = dice_roll(dice, 30);
    int64_t at = (int64_t)dice_roll(dice, 800) - 400, steps[] = {1, 1, 2, -3};
    comem_slice slice = {at, at + (int64_t)dice_roll(dice, 80) - 20, steps[dice_roll(dice, 4)]};
    for (size_t i = 0; i < count; i++)
        some[i] = anything(arena, dice, texts[i]);
    switch (dice_roll(dice, 3)) {
    case 0:
        return comem_list_extend(arena->free, some, count);
    case 1:
        return comem_list_slice_delete(arena->free, slice);
    default:
        return comem_list_slice_set(arena->free, slice, some, count);
    }
}

static comem_status change_free_whole(struct arena *arena, struct dice *dice, size_t length)
{
    switch (dice_roll(dice, 5)) {
    case 0:
        return comem_list_sort(arena->free);
    case 1:
        return comem_list_multiply(arena->free, length < FREE_MAX / 3 ? 3 : 1);
    case 2:
        return length < FREE_MAX / 2 ? comem_list_extend_list(arena->free, arena->free) : COMEM_OK;
    case 3:
        return dice_roll(dice, 20) == 0 ? comem_list_clear(arena->free) : COMEM_OK;
    default:
        return comem_list_reverse(arena->free);
    }
}

static comem_status change_free_item(struct arena *arena, struct dice *dice, comem_value *taken)
{
    char text[300];
    comem_value value = anything(arena, dice, text);
    int64_t at = (int64_t)dice_roll(dice, 800) - 400;
    size_t count;
    switch (dice_roll(dice, 9)) {
    case 0:
        return comem_list_insert(arena->free, at, value);
    case 1:
        return comem_list_pop_at(arena->free, at, taken);
    case 2:
        return comem_list_set(arena->free, at, value);
    case 3:
        return comem_list_get(arena->free, at, taken);
    case 4:
        return comem_list_remove(arena->free, value);
    case 5:
        return comem_list_index(arena->free, value, at, INT64_MAX, &count);
    case 6:
        return comem_list_count(arena->free, value, &count);
    case 7:
        return comem_list_pop(arena->free, taken);
    default:
        return comem_list_append(arena->free, value);
    }
}

static void work_on_free(struct arena *arena, struct dice *dice)
{
    comem_value taken = comem_int(0);
    size_t length = 0;
    comem_status status = comem_list_len(arena->free, &length);
    if (status == COMEM_OK && length > FREE_MAX)
        status = comem_list_slice_delete(arena->free, (comem_slice){0, INT64_MAX, 2});
    else if (status == COMEM_OK)
        switch (dice_roll(dice, 8)) {
        case 0:
            status = change_free_whole(arena, dice, length);
            break;
        case 1:
        case 2:
            status = change_free_slice(arena, dice);
            break;
        case 3:
            status = look_at_free(arena, dice);
            break;
        default:
            status = change_free_item(arena, dice, &taken);
        }
    if (status == COMEM_OK && !is_sound(&taken))
        complain(arena, "a torn item", status);
    comem_value_clear(&taken);
    if (status == COMEM_NO_MEMORY || status == COMEM_DAMAGED || status == COMEM_GONE || status == COMEM_SYSTEM)
        complain(arena, "a change of anything", status);
}

/* ---- all of it at once ---- */

static void *work(void *argument)
{
    struct arena *arena = argument;
    struct dice dice = {(uint64_t)os_thread_id() * 7919};
    for (int64_t token = (int64_t)os_thread_id() << 32; !arena->stop; token++) {
        comem_status status = COMEM_OK;
        switch (dice_roll(&dice, 12)) {
        case 0:
        case 1:
        case 2:
            status = change_pairs(arena, &dice);
            break;
        case 3:
            look_at_pairs(arena, arena->pairs);
            break;
        case 4:
            copy_pairs(arena, &dice);
            break;
        case 5:
            status = change_range(arena, &dice);
            break;
        case 6:
            look_at_range(arena);
            break;
        case 7:
        case 8:
            status = use_token(arena, &dice, token);
            break;
        default:
            work_on_free(arena, &dice);
        }
        if (status != COMEM_OK)
            complain(arena, "an operation", status);
        arena->done++;
    }
    return NULL;
}

static int work_in_threads(void *argument)
{
    pthread_t threads[THREADS - 1];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGSEGV, SIG_DFL); /* cmocka's handler would jump out of a child */
    for (unsigned i = 0; i < THREADS - 1; i++)
        child_check(pthread_create(&threads[i], NULL, work, argument) == 0);
    work(argument);
    for (unsigned i = 0; i < THREADS - 1; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

static struct arena *arena_make(struct bench *bench)
{
    struct arena *arena = support_shared(sizeof *arena);
    arena->store = &bench->store;
    arena->pairs = support_list(&bench->store);
    arena->range = support_list(&bench->store);
    arena->tokens = support_list(&bench->store);
    arena->free = support_list(&bench->store);
    for (int i = 0; i < RANGE; i++)
        assert_ok(comem_list_append(arena->range, comem_int(i)));
    return arena;
}

/* A change would not be indivisible: half of it seen, lost or done twice, when another thread or process is at the same
 * list. */
static void every_change_is_indivisible_for_threads_and_processes(void **state)
{
    struct bench *bench = *state;
    struct arena *arena = arena_make(bench);
    pid_t children[PROCESSES];
    for (unsigned i = 0; i < PROCESSES; i++)
        children[i] = support_fork(work_in_threads, arena);
    double end = support_seconds() + seconds();
    while (support_seconds() < end && arena->failed == 0)
        support_nap(10000);
    arena->stop = 1;
    for (unsigned i = 0; i < PROCESSES; i++)
        assert_int_equal(support_wait(children[i]), 0);
    print_message("%ld operations\n", arena->done);
    assert_int_equal(arena->failed, 0);
    support_sweep(bench->map);
    look_at_pairs(arena, arena->pairs);
    look_at_range(arena);
    assert_int_equal(arena->failed, 0);
    assert_int_equal(support_len(arena->tokens), 0);
    assert_int_equal(support_problems(bench->map), 0);
    assert_ok(comem_list_clear(arena->free));
    comem_list_release(arena->pairs);
    comem_list_release(arena->range);
    comem_list_release(arena->tokens);
    comem_list_release(arena->free);
    assert_int_equal(support_used(bench->map), 0);
}

/* ---- long reads ---- */

#define LONG (support_sanitized() ? 200000 : 1000000)
#define READS_MAX 2000
#define READ_SECONDS 20.0    /* a machine with too much to do may take its time */
#define READ_CPU_SECONDS 0.5 /* a hundred times what one walk takes */

struct reading {
    comem_list *list;
    int64_t length; /* or one more, while the writer has an item too many */
    _Atomic int stop;
    _Atomic long writes;
    _Atomic int failed;
};

/* Whether what was read is of one moment. */
typedef bool (*view)(const struct reading *reading, const comem_value *items, size_t count);

/* Three far apart cells change in one call, now and then; items come and go before the last of them all the time. */
static int write_far_apart(void *argument)
{
    struct reading *reading = argument;
    int64_t step = reading->length / 2 - 1, middle = reading->length * 7 / 10;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int64_t i = 0; !reading->stop; i++) {
        comem_value three[3] = {comem_int(i), comem_int(i), comem_int(i)};
        if (i % 200 == 0)
            child_check(comem_list_slice_set(reading->list, (comem_slice){0, INT64_MAX, step}, three, 3) == COMEM_OK);
        child_check(comem_list_insert(reading->list, middle, comem_int(-i)) == COMEM_OK);
        child_check(comem_list_pop_at(reading->list, middle, NULL) == COMEM_OK);
        reading->writes++;
    }
    return 0;
}

/* No item that is looked at changes, but the list does so every other moment, on a busy machine too. */
static void *write_middle(void *argument)
{
    struct reading *reading = argument;
    for (int64_t i = 0; !reading->stop; i++) {
        child_check(comem_list_set(reading->list, reading->length * 6 / 10 + i % 999, comem_int(-i)) == COMEM_OK);
        support_nap(20);
    }
    return NULL;
}

static int write_middle_in_threads(void *argument)
{
    pthread_t threads[THREADS];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (unsigned i = 0; i < THREADS; i++)
        child_check(pthread_create(&threads[i], NULL, write_middle, argument) == 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

/* Items come in at the front and go at the end. */
static void *write_through(void *argument)
{
    struct reading *reading = argument;
    for (int64_t i = reading->length; !reading->stop && !reading->failed; i++) {
        if (comem_list_insert(reading->list, 0, comem_int(i)) != COMEM_OK ||
            comem_list_pop(reading->list, NULL) != COMEM_OK)
            reading->failed++;
        reading->writes++;
    }
    return NULL;
}

static bool far_apart_are_equal(const struct reading *reading, const comem_value *items, size_t count)
{
    int64_t step = reading->length / 2 - 1, more = (int64_t)count - reading->length;
    return items[0].as.integer == items[step].as.integer && items[0].as.integer == items[2 * step + more].as.integer;
}

static bool all_are_in_sequence(const struct reading *reading, const comem_value *items, size_t count)
{
    (void)reading;
    for (size_t i = 1; i < count; i++)
        if (items[i].as.integer != items[0].as.integer - (int64_t)i)
            return false;
    return true;
}

static int compare_seconds(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* One read of the whole list. False: it took too long, failed, or was of two moments. */
static bool read_once(const struct reading *reading, comem_value *items, bool slice, view holds, double *took)
{
    size_t most = (size_t)reading->length + 2, count = 0;
    double start = support_seconds(), cpu = cpu_seconds();
    comem_status status = slice ? comem_list_slice_get(reading->list, COMEM_SLICE_ALL, items, most, &count)
                                : comem_list_read(reading->list, 0, most, items, &count);
    *took = support_seconds() - start;
    bool in_time = *took < READ_SECONDS && cpu_seconds() - cpu < READ_CPU_SECONDS;
    int64_t more = (int64_t)count - reading->length;
    return status == COMEM_OK && in_time && (more == 0 || more == 1) && holds(reading, items, count);
}

/* Reads again and again; prints how long that took. False: one read was not as it should be. */
static bool read_on(const struct reading *reading, view holds)
{
    static double took[READS_MAX];
    comem_value *items = calloc((size_t)reading->length + 2, sizeof *items);
    double end = support_seconds() + seconds();
    unsigned reads = 0;
    bool sound = items != NULL;
    while (reading->writes == 0 && support_seconds() < end)
        support_nap(100);
    for (; sound && reads < READS_MAX && (reads == 0 || support_seconds() < end); reads++)
        sound = read_once(reading, items, reads % 2, holds, &took[reads]);
    qsort(took, reads, sizeof *took, compare_seconds);
    if (reads > 0)
        print_message("%u reads of %lld items beside %ld writes: half of them within %.1f ms, the longest %.1f ms\n",
                      reads, (long long)reading->length, reading->writes, took[reads / 2] * 1e3, took[reads - 1] * 1e3);
    free(items);
    return sound && reads > 0;
}

static struct reading *reading_make(struct bench *bench)
{
    struct reading *reading = support_shared(sizeof *reading);
    comem_value *items = calloc((size_t)LONG, sizeof *items);
    assert_non_null(items);
    reading->list = support_list(&bench->store);
    reading->length = LONG;
    for (int64_t i = 0; i < reading->length; i++)
        items[i] = comem_int(reading->length - 1 - i);
    assert_ok(comem_list_extend(reading->list, items, (size_t)reading->length));
    free(items);
    return reading;
}

/* A reader of a long list would never finish while others change it, or would mix what it was before and after. */
static void a_long_read_ends_and_is_of_one_moment(void **state)
{
    struct reading *reading = reading_make(*state);
    comem_value three[3] = {comem_int(0), comem_int(0), comem_int(0)};
    assert_ok(comem_list_slice_set(reading->list, (comem_slice){0, INT64_MAX, reading->length / 2 - 1}, three, 3));
    pid_t writers[2] = {support_fork(write_far_apart, reading), support_fork(write_middle_in_threads, reading)};
    bool sound = read_on(reading, far_apart_are_equal);
    reading->stop = 1;
    assert_int_equal(support_wait(writers[0]), 0);
    assert_int_equal(support_wait(writers[1]), 0);
    assert_true(sound);
    assert_true(reading->writes > 0);
    assert_int_equal(support_len(reading->list), reading->length);
}

/* The same where every write moves all items; the writer is a thread beside the reader. */
static void a_long_read_beside_moving_items_is_of_one_moment(void **state)
{
    struct reading *reading = reading_make(*state);
    pthread_t writer;
    assert_int_equal(pthread_create(&writer, NULL, write_through, reading), 0);
    bool sound = read_on(reading, all_are_in_sequence);
    reading->stop = 1;
    pthread_join(writer, NULL);
    assert_true(sound);
    assert_int_equal(reading->failed, 0);
    assert_true(reading->writes > 10);
    assert_int_equal(support_len(reading->list), reading->length);
}

int main(int argc, char **argv)
{
    support_choose(argc, argv);
    const struct CMUnitTest tests[] = {
        WITH_STORE(every_change_is_indivisible_for_threads_and_processes),
        WITH_STORE(a_long_read_ends_and_is_of_one_moment),
        WITH_STORE(a_long_read_beside_moving_items_is_of_one_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
