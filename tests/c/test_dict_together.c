/* test_dict_together.c - threads of several processes on the same dicts at once, and what the killed leave
 *
 * COMEM_TEST_SECONDS says how long the races go on (1), COMEM_TEST_KILLS how many are killed (250, under a sanitizer 100).
 */
#include "support.h"

#include <stdio.h>
#include <sys/prctl.h>

#define PROCESSES 4

static comem_value text(const char *string)
{
    return support_text(string);
}

static double seconds(void)
{
    return support_count("COMEM_TEST_SECONDS", 1);
}

/* ---- values that show when they are torn, or another key's ---- */

#define SOLID 200    /* keys that are there all the time */
#define PASSING 3000 /* keys that come and go */

static const size_t sizes[] = {8, 16, 24, 96, 3000, 9000};

/* The value number `number`: that number over and over. */
static comem_value whole_value(uint64_t number, char room[9000])
{
    if (number / SOLID % 3 == 1)
        return comem_int((int64_t)((number & 0xFFFFFFFF) << 32 | (~number & 0xFFFFFFFF)));
    size_t size = sizes[number / SOLID % 6];
    char digits[9];
    snprintf(digits, sizeof digits, "%08x", (unsigned)number);
    for (size_t i = 0; i < size; i += 8)
        memcpy(room + i, digits, 8);
    return number / SOLID % 3 == 0 ? comem_str(room, size) : comem_bytes(room, size);
}

/* The number of a value, -1 when it is none that whole_value() makes. */
static int64_t whole_number(const comem_value *value)
{
    char digits[9] = "", room[9000];
    uint64_t number = (uint64_t)value->as.integer >> 32;
    if (value->kind == COMEM_STR || value->kind == COMEM_BYTES) {
        if (value->size < 8 || value->size > 9000)
            return -1;
        memcpy(digits, value->as.data, 8);
        number = strtoul(digits, NULL, 16);
    }
    comem_value expected = whole_value(number, room);
    if (expected.kind != value->kind || expected.size != value->size)
        return -1;
    if (value->kind == COMEM_INT ? expected.as.integer != value->as.integer
                                 : memcmp(room, value->as.data, value->size) != 0)
        return -1;
    return (int64_t)number;
}

struct race {
    comem_store *store;
    comem_dict *dict;
    _Atomic int stop, failed;
    _Atomic long reads, writes, turns;
};

static void complain(struct race *race, const char *what, comem_status status)
{
    if (race->failed++ < 5)
        fprintf(stderr, "process %d: %s: %s (%s)\n", getpid(), what, comem_strerror(status), comem_detail());
}

static struct dice dice_of_thread(void)
{
    return (struct dice){(uint64_t)os_thread_id() * 7919};
}

/* Stores values under the solid keys: those of key k are the numbers whose remainder is k. */
static void *write_solid(void *argument)
{
    struct race *race = argument;
    struct dice dice = dice_of_thread();
    char room[9000];
    while (!race->stop) {
        uint64_t key = dice_roll(&dice, SOLID), number = dice_roll(&dice, 1u << 20) / SOLID * SOLID + key;
        comem_status status = comem_dict_set(race->dict, comem_int((int64_t)key), whole_value(number, room));
        if (status != COMEM_OK)
            complain(race, "set", status);
        race->writes++;
    }
    return NULL;
}

static comem_value passing_key(uint64_t number, char room[32])
{
    int size = snprintf(room, 32, number % 4 ? "p%u" : "a passing key: %u", (unsigned)number);
    return comem_str(room, (size_t)size);
}

/* Many keys come, so that the dict grows and splits, and go, so that it shrinks and closes gaps. */
static void *write_passing(void *argument)
{
    struct race *race = argument;
    struct dice dice = dice_of_thread();
    char room[32], value[9000];
    while (!race->stop) {
        unsigned count = (unsigned)dice_roll(&dice, PASSING), way = (unsigned)dice_roll(&dice, 3);
        comem_status status = COMEM_OK;
        for (unsigned i = 0; i < count && status == COMEM_OK && !race->stop; i++)
            status = comem_dict_set(race->dict, passing_key(i, room), whole_value(i % 50, value));
        for (unsigned i = 0; i < PASSING && (status == COMEM_OK || status == COMEM_NOT_FOUND) && !race->stop; i++)
            status = comem_dict_pop(race->dict,
                                    passing_key(way == 0   ? i
                                                : way == 1 ? PASSING - i
                                                           : i * 7919u % PASSING,
                                                room),
                                    NULL);
        if (status != COMEM_OK && status != COMEM_NOT_FOUND)
            complain(race, "a passing key", status);
        race->turns++;
    }
    return NULL;
}

static void read_solid(struct race *race, struct dice *dice)
{
    int64_t key = (int64_t)dice_roll(dice, SOLID);
    comem_value value;
    bool found = false;
    comem_status status = comem_dict_get(race->dict, comem_int(key), &value);
    if (status != COMEM_OK)
        complain(race, "a key that is there all the time", status);
    else if (whole_number(&value) < 0)
        complain(race, "a torn value", status);
    else if (whole_number(&value) % SOLID != key)
        complain(race, "another key's value", status);
    comem_value_clear(&value);
    status = comem_dict_contains(race->dict, comem_float((double)key), &found);
    if (status != COMEM_OK || !found)
        complain(race, "a key that is there is not", status);
    status = comem_dict_contains(race->dict, comem_int(-1 - key), &found);
    if (status != COMEM_OK || found)
        complain(race, "a key that is not there is", status);
}

static void read_all(struct race *race)
{
    static _Thread_local comem_value keys[SOLID + PASSING], values[SOLID + PASSING];
    size_t count = 0, solid = 0;
    comem_status status = comem_dict_read(race->dict, keys, values, SOLID + PASSING, &count);
    if (status != COMEM_OK || count > SOLID + PASSING) {
        complain(race, "read", status);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        int64_t number = whole_number(&values[i]);
        if (number < 0 || (keys[i].kind == COMEM_INT && number % SOLID != keys[i].as.integer))
            complain(race, "a torn value or another key's in a snapshot", status);
        if (keys[i].kind == COMEM_INT && keys[i].as.integer != (int64_t)solid++)
            complain(race, "a snapshot out of order", status);
        comem_value_clear(&keys[i]);
        comem_value_clear(&values[i]);
    }
    if (solid != SOLID)
        complain(race, "a snapshot without some key", status);
}

static void *read_on(void *argument)
{
    struct race *race = argument;
    struct dice dice = dice_of_thread();
    while (!race->stop) {
        read_solid(race, &dice);
        if (dice_roll(&dice, 200) == 0)
            read_all(race);
        race->reads++;
    }
    return NULL;
}

static int in_process(void *(*function)(void *argument), void *argument)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGSEGV, SIG_DFL); /* cmocka's handler would jump out of a child */
    function(argument);
    return 0;
}

static int process_write_solid(void *argument)
{
    return in_process(write_solid, argument);
}

static int process_write_passing(void *argument)
{
    return in_process(write_passing, argument);
}

static int process_read_on(void *argument)
{
    return in_process(read_on, argument);
}

/* A reader beside writers would get half of one value and half of another, or miss a key because others come and go. */
static void readers_see_whole_values_and_every_key_that_stays(void **state)
{
    struct bench *bench = *state;
    struct race *race = support_shared(sizeof *race);
    char room[9000];
    pthread_t threads[2];
    race->dict = support_dict(&bench->store);
    for (uint64_t i = 0; i < SOLID; i++)
        assert_ok(comem_dict_set(race->dict, comem_int((int64_t)i), whole_value(i, room)));
    pid_t children[] = {support_fork(process_write_solid, race), support_fork(process_write_passing, race),
                        support_fork(process_read_on, race)};
    assert_int_equal(pthread_create(&threads[0], NULL, read_on, race), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, write_solid, race), 0);
    double end = support_seconds() + seconds() * 1.5;
    while (support_seconds() < end && race->failed == 0)
        support_nap(10000);
    race->stop = 1;
    for (unsigned i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(support_wait(children[i]), 0);
    print_message("%ld reads beside %ld writes, grown and shrunk %ld times\n", race->reads, race->writes, race->turns);
    assert_int_equal(race->failed, 0);
    assert_true(race->reads > 10 && race->writes > 10);
    assert_int_equal(support_problems(bench->map), 0);
    comem_dict_release(race->dict);
}

/* ---- sums ---- */

#define ADDS (support_sanitized() ? 10000 : 100000)

struct summing {
    comem_store *store;
    comem_dict *dict;
};

static int add_up(void *argument)
{
    struct summing *summing = argument;
    comem_value before = comem_int(0), result;
    bool swapped;
    for (int i = 0; i < ADDS; i++) {
        child_check(comem_dict_add(summing->dict, text("count"), comem_int(1), &result) == COMEM_OK);
        child_check(result.kind == COMEM_INT && result.as.integer > before.as.integer); /* its own is in it */
        before = result;
        child_check(comem_dict_add(summing->dict, text("a sum of floats, far from here"), comem_float(0.5), NULL) ==
                    COMEM_OK);
        child_check(comem_dict_add(summing->dict, comem_int(i % 50), comem_int(-2), NULL) == COMEM_OK);
        if (i % 20 == 0)
            do { /* the same by hand */
                comem_status status = comem_dict_get(summing->dict, text("cas"), &result);
                child_check(status == COMEM_OK || status == COMEM_NOT_FOUND);
                comem_value old = status == COMEM_OK ? result : comem_missing();
                comem_value next = comem_int(status == COMEM_OK ? result.as.integer + 1 : 1);
                child_check(comem_dict_cas(summing->dict, text("cas"), old, next, &swapped) == COMEM_OK);
            } while (!swapped);
    }
    return 0;
}

static bool one_more(void *context, const comem_value *value, comem_value *next)
{
    (void)context;
    *next = value->kind == COMEM_INT ? comem_int(value->as.integer + 1) : comem_int(1);
    return true;
}

static bool one_more_in_text(void *context, const comem_value *value, comem_value *next)
{
    char *room = context;
    long long number = value->kind == COMEM_STR ? strtoll(value->as.data, NULL, 10) : 0;
    int size = snprintf(room, 64, "%020lld, counted in a text", number + 1);
    *next = comem_str(room, (size_t)size);
    return true;
}

static int count_up(void *argument)
{
    struct summing *summing = argument;
    char room[64];
    for (int i = 0; i < ADDS / 10; i++) {
        child_check(comem_dict_update_if(summing->dict, text("update_if"), one_more, NULL) == COMEM_OK);
        child_check(comem_dict_update_if(summing->dict, text("text"), one_more_in_text, room) == COMEM_OK);
    }
    return 0;
}

/* Of two changes made at once one would be lost. */
static void no_change_by_one_call_is_lost(void **state)
{
    struct bench *bench = *state;
    struct summing summing = {&bench->store, support_dict(&bench->store)};
    pid_t children[2 * PROCESSES];
    comem_value value;
    for (unsigned i = 0; i < 2 * PROCESSES; i++)
        children[i] = support_fork(i % 2 ? add_up : count_up, &summing);
    for (unsigned i = 0; i < 2 * PROCESSES; i++)
        assert_int_equal(support_wait(children[i]), 0);
    assert_int_equal(support_dict_int(summing.dict, text("count")), PROCESSES * ADDS);
    assert_int_equal(support_dict_int(summing.dict, text("cas")), PROCESSES * (ADDS / 20));
    assert_int_equal(support_dict_int(summing.dict, text("update_if")), PROCESSES * (ADDS / 10));
    assert_ok(comem_dict_get(summing.dict, text("text"), &value));
    assert_int_equal(strtoll(value.as.data, NULL, 10), PROCESSES * (ADDS / 10));
    comem_value_clear(&value);
    assert_ok(comem_dict_get(summing.dict, text("a sum of floats, far from here"), &value));
    assert_true(value.as.real == PROCESSES * ADDS * 0.5);
    for (int i = 0; i < 50; i++)
        assert_int_equal(support_dict_int(summing.dict, comem_int(i)), -2 * PROCESSES * ADDS / 50);
    support_sweep(bench->map);
    assert_int_equal(support_problems(bench->map), 0);
    comem_dict_release(summing.dict);
}

/* ---- each token once ---- */

#ifdef COMEM_SMALL_GEOMETRY
#define TOKENS 5000
#else
#define TOKENS (support_sanitized() ? 5000 : 40000)
#endif

struct tokens {
    comem_dict *dict;
    _Atomic int next_maker;
    _Atomic int made, done; /* makers that are at the end */
    _Atomic long taken, sum, won;
};

static void take_tokens(struct tokens *tokens, bool all)
{
    comem_value key, value;
    comem_status status;
    while ((status = comem_dict_popitem(tokens->dict, &key, &value)) == COMEM_OK) {
        child_check(key.kind == COMEM_INT && value.kind == COMEM_INT && value.as.integer == key.as.integer * 3);
        tokens->taken++;
        tokens->sum += key.as.integer;
        if (!all)
            return;
    }
    child_check(status == COMEM_NOT_FOUND);
}

/* Makes tokens that all others want to make, too: setdefault() lets one of them win. */
static int make_and_take(void *argument)
{
    struct tokens *tokens = argument;
    comem_dict *dict = tokens->dict;
    comem_value result;
    int64_t me = tokens->next_maker++;
    for (int64_t i = 0; i < TOKENS; i++) {
        child_check(comem_dict_set(dict, comem_int(me * TOKENS + i), comem_int((me * TOKENS + i) * 3)) == COMEM_OK);
        if (i % 3 != 0)
            take_tokens(tokens, false);
    }
    tokens->made++;
    support_await(&tokens->made, PROCESSES);
    take_tokens(tokens, true);
    tokens->done++;
    support_await(&tokens->done, PROCESSES);
    for (int64_t i = 0; i < 500; i++) {
        child_check(comem_dict_setdefault(dict, comem_int(i), comem_int(me), &result) == COMEM_OK);
        tokens->won += result.as.integer == me;
        child_check(comem_dict_get(dict, comem_int(i), &result) == COMEM_OK);
    }
    return 0;
}

/* A key would be given to two, or to nobody; or two would believe that theirs was the first. */
static void every_key_is_taken_once_and_made_once(void **state)
{
    struct bench *bench = *state;
    struct tokens *tokens = support_shared(sizeof *tokens);
    pid_t children[PROCESSES];
    long all = (long)PROCESSES * TOKENS;
    tokens->dict = support_dict(&bench->store);
    for (unsigned i = 0; i < PROCESSES; i++)
        children[i] = support_fork(make_and_take, tokens);
    for (unsigned i = 0; i < PROCESSES; i++)
        assert_int_equal(support_wait(children[i]), 0);
    assert_int_equal(tokens->taken, all);
    assert_int_equal(tokens->sum, all * (all - 1) / 2);
    assert_int_equal(tokens->won, 500);
    assert_int_equal(support_dict_len(tokens->dict), 500);
    support_sweep(bench->map);
    assert_int_equal(support_problems(bench->map), 0);
    comem_dict_release(tokens->dict);
}

/* ---- many keys at once ---- */

#define BATCH 40

/* All keys get the same number; now and then they all go, or others come between. */
static void *write_batches(void *argument)
{
    struct race *race = argument;
    struct dice dice = dice_of_thread();
    static _Thread_local char rooms[BATCH][64];
    comem_pair pairs[BATCH];
    while (!race->stop) {
        long long number = (long long)dice_roll(&dice, 1000000) * 4 + getpid() % 4;
        comem_status status = COMEM_OK;
        for (int i = 0; i < BATCH; i++) {
            int size = snprintf(rooms[i], sizeof rooms[i], "%020lld: a value of a batch", number);
            pairs[i].key = comem_int(i);
            pairs[i].value = i % 3 ? comem_int(number) : comem_str(rooms[i], (size_t)size);
        }
        if (dice_roll(&dice, 30) == 0)
            status = comem_dict_clear(race->dict);
        else if (dice_roll(&dice, 3) == 0)
            status = comem_dict_set(race->dict, comem_int(BATCH + (int64_t)dice_roll(&dice, 300)), comem_int(1));
        if (status == COMEM_OK)
            status = comem_dict_update(race->dict, pairs, BATCH);
        if (status != COMEM_OK)
            complain(race, "update", status);
        race->writes++;
    }
    return NULL;
}

/* All of one batch, or none. */
static void look_at_batch(struct race *race, comem_dict *dict)
{
    static _Thread_local comem_value keys[BATCH + 400], values[BATCH + 400];
    size_t count = 0, found = 0;
    long long number = -1;
    comem_status status = comem_dict_read(dict, keys, values, BATCH + 400, &count);
    if (status != COMEM_OK || count > BATCH + 400) {
        complain(race, "reading a batch", status);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (keys[i].as.integer < BATCH) {
            long long its = values[i].kind == COMEM_INT ? values[i].as.integer : strtoll(values[i].as.data, NULL, 10);
            if (found++ == 0)
                number = its;
            else if (its != number)
                complain(race, "values of two batches", status);
        }
        comem_value_clear(&values[i]);
    }
    if (found != 0 && found != BATCH)
        complain(race, "a part of a batch", status);
}

static void *read_batches(void *argument)
{
    struct race *race = argument;
    struct dice dice = dice_of_thread();
    while (!race->stop) {
        comem_dict *copy = NULL;
        look_at_batch(race, race->dict);
        comem_status status = COMEM_OK;
        if (dice_roll(&dice, 3) == 0) {
            status = comem_dict_copy(race->dict, &copy);
        } else if (dice_roll(&dice, 3) == 0) {
            status = comem_dict_new(race->store, &copy);
            if (status == COMEM_OK)
                status = comem_dict_update_from(copy, race->dict);
        }
        if (status != COMEM_OK)
            complain(race, "copying a batch", status);
        else if (copy != NULL)
            look_at_batch(race, copy);
        comem_dict_release(copy);
        race->reads++;
    }
    return NULL;
}

static int process_write_batches(void *argument)
{
    return in_process(write_batches, argument);
}

static int process_read_batches(void *argument)
{
    return in_process(read_batches, argument);
}

/* A part of an update would be seen, or two updates mixed. */
static void a_snapshot_sees_all_of_an_update_or_nothing(void **state)
{
    struct bench *bench = *state;
    struct race *race = support_shared(sizeof *race);
    pthread_t threads[2];
    race->store = &bench->store;
    race->dict = support_dict(&bench->store);
    pid_t children[] = {support_fork(process_write_batches, race), support_fork(process_read_batches, race)};
    assert_int_equal(pthread_create(&threads[0], NULL, read_batches, race), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, write_batches, race), 0);
    double end = support_seconds() + seconds();
    while (support_seconds() < end && race->failed == 0)
        support_nap(10000);
    race->stop = 1;
    for (unsigned i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(support_wait(children[i]), 0);
    print_message("%ld snapshots beside %ld updates\n", race->reads, race->writes);
    assert_int_equal(race->failed, 0);
    assert_true(race->reads > 10 && race->writes > 10);
    assert_int_equal(support_problems(bench->map), 0);
    comem_dict_release(race->dict);
}

/* ---- kills ---- */

#define WORKERS 3
#define WINDOW 30 /* keys a worker leaves behind it */
#define GROUP 5   /* keys of its group */

/* Each worker has keys of its own, {worker, number}, and does step after step; what they are after a step follows from its
 * number alone. */
struct work {
    comem_dict *dict;
    int worker;
    _Atomic int64_t done;   /* steps that came back */
    _Atomic int64_t shared; /* additions to the key of all that came back */
};

static comem_value worker_key(int worker, int64_t number)
{
    return comem_int((int64_t)worker << 40 | number);
}

#define GROUP_KEY (INT64_C(1) << 39)
#define COUNT_KEY (GROUP_KEY + 100)

static comem_value stepped_value(int64_t step, char room[9000])
{
    return whole_value((uint64_t)step & 0xFFFFF, room);
}

/* One step: a key more; a group set at once; the oldest key goes; the count goes up. */
static comem_status do_step(struct work *work, int64_t step)
{
    char room[9000];
    comem_pair group[GROUP];
    int64_t turn = step / 4;
    switch (step % 4) {
    case 0:
        return comem_dict_set(work->dict, worker_key(work->worker, turn), stepped_value(turn, room));
    case 1:
        for (int i = 0; i < GROUP; i++) {
            group[i].key = worker_key(work->worker, GROUP_KEY + i);
            group[i].value = stepped_value(turn, room);
        }
        return comem_dict_update(work->dict, group, GROUP);
    case 2:
        return turn < WINDOW ? COMEM_OK : comem_dict_pop(work->dict, worker_key(work->worker, turn - WINDOW), NULL);
    default:
        return comem_dict_add(work->dict, worker_key(work->worker, COUNT_KEY), comem_int(1), NULL);
    }
}

static int work_until_killed(void *argument)
{
    struct work *work = argument;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGSEGV, SIG_DFL);
    for (int64_t step = work->done;; step++) {
        comem_status status = do_step(work, step);
        if (status != COMEM_OK)
            fprintf(stderr, "step %lld: %s (%s)\n", (long long)step, comem_strerror(status), comem_detail());
        child_check(status == COMEM_OK);
        work->done = step + 1;
        child_check(comem_dict_add(work->dict, text("shared"), comem_int(1), NULL) == COMEM_OK);
        work->shared++;
    }
}

static bool has_number(comem_dict *dict, comem_value key, int64_t number)
{
    comem_value value;
    comem_status status = comem_dict_get(dict, key, &value);
    if (number < 0)
        return status == COMEM_NOT_FOUND;
    bool has = status == COMEM_OK && whole_number(&value) == (number & 0xFFFFF);
    comem_value_clear(&value);
    return has;
}

/* Whether the worker's keys are what they are after `done` steps. */
static bool is_after(struct work *work, int64_t done)
{
    comem_dict *dict = work->dict;
    int64_t added = (done + 3) / 4, grouped = (done + 2) / 4 - 1, turns = (done + 1) / 4, counted = done / 4;
    int64_t first = turns > WINDOW ? turns - WINDOW : 0;
    comem_value value;
    for (int64_t i = first > 3 ? first - 3 : 0; i < added + 3; i++)
        if (!has_number(dict, worker_key(work->worker, i), i >= first && i < added ? i : -1))
            return false;
    for (int i = 0; i < GROUP; i++)
        if (!has_number(dict, worker_key(work->worker, GROUP_KEY + i), grouped))
            return false;
    comem_status status = comem_dict_get(dict, worker_key(work->worker, COUNT_KEY), &value);
    return counted == 0 ? status == COMEM_NOT_FOUND : status == COMEM_OK && value.as.integer == counted;
}

/* The next worker goes on where the dict is. */
static void must_be_a_prefix(struct work *work)
{
    int64_t done = work->done;
    if (is_after(work, done))
        return;
    if (!is_after(work, done + 1))
        fail_msg("worker %d did %lld steps; the dict is neither after that nor after one more", work->worker,
                 (long long)done);
    work->done++;
}

static struct work *work_make(comem_dict *dict, int worker)
{
    struct work *work = support_shared(sizeof *work);
    work->dict = dict;
    work->worker = worker;
    return work;
}

static void kill_and_look(pid_t victim, struct work *work)
{
    kill(victim, SIGKILL);
    assert_int_equal(support_wait(victim), -SIGKILL);
    must_be_a_prefix(work);
}

/* Some moment of some operation would not survive a kill: half of it left, done twice, or the dict damaged. */
static void the_killed_leave_what_they_did_and_no_half_of_more(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    struct work *works[WORKERS];
    struct dice dice = {support_count("COMEM_TEST_SEED", 4711)};
    unsigned kills = support_count("COMEM_TEST_KILLS", support_sanitized() ? 100 : 250);
    pid_t workers[WORKERS];
    int64_t shared = 0;
    for (int i = 0; i < WORKERS; i++)
        works[i] = work_make(dict, i);
    for (int i = 1; i < WORKERS; i++) /* those live on until the end */
        workers[i] = support_fork(work_until_killed, works[i]);
    for (unsigned i = 0; i < kills; i++) {
        workers[0] = support_fork(work_until_killed, works[0]);
        support_nap((long)dice_roll(&dice, 3000));
        kill_and_look(workers[0], works[0]);
    }
    for (int i = 1; i < WORKERS; i++)
        kill_and_look(workers[i], works[i]);
    support_sweep(bench->map);
    for (int i = 0; i < WORKERS; i++) {
        print_message("worker %d: %lld steps\n", i, (long long)works[i]->done);
        must_be_a_prefix(works[i]);
        shared += works[i]->shared;
    }
    int64_t sum = support_dict_int(dict, text("shared"));
    assert_true(sum >= shared && sum <= shared + (int64_t)kills + WORKERS - 1); /* each may die with one uncounted */
    assert_int_equal(support_problems(bench->map), 0);
    comem_dict_release(dict);
}

#ifdef COMEM_SMALL_GEOMETRY
#define LARGE 3000
#else
#define LARGE 20000
#endif

struct large {
    comem_dict *dict;
    _Atomic int64_t done; /* updates that came back */
};

static comem_value large_value(int64_t number, char room[40])
{
    int size = snprintf(room, 40, "update number %lld", (long long)number);
    return comem_str(room, (size_t)size);
}

/* Each update stores its number under half of the keys or more; every fifth time they all go. */
static int update_until_killed(void *argument)
{
    static comem_pair pairs[LARGE];
    struct large *large = argument;
    char room[40];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGSEGV, SIG_DFL);
    for (int64_t number = large->done + 1;; number++) {
        size_t count = LARGE / 2 + (size_t)(number % 4) * LARGE / 8;
        for (size_t i = 0; i < count; i++) {
            pairs[i].key = comem_int((int64_t)i);
            pairs[i].value = i % 10 ? comem_int(number) : large_value(number, room);
        }
        child_check(comem_dict_update(large->dict, pairs, count) == COMEM_OK);
        large->done = number;
        if (number % 5 == 0)
            child_check(comem_dict_clear(large->dict) == COMEM_OK);
    }
}

/* Whether the keys that update `number` stored have its number, and the dict at least as many keys as it stored. */
static bool is_update(const comem_value *values, size_t count, int64_t number)
{
    size_t stored = LARGE / 2 + (size_t)(number % 4) * LARGE / 8;
    char room[40];
    comem_value expected = large_value(number, room);
    if (count < stored)
        return false;
    for (size_t i = 0; i < stored; i++)
        if (i % 10 ? values[i].kind != COMEM_INT || values[i].as.integer != number
                   : values[i].kind != COMEM_STR || values[i].size != expected.size ||
                         memcmp(values[i].as.data, room, expected.size) != 0)
            return false;
    return true;
}

/* An update of very many keys would be left half done by a kill. */
static void a_killed_update_of_many_keys_is_all_or_nothing(void **state)
{
    struct bench *bench = *state;
    struct large *large = support_shared(sizeof *large);
    struct dice dice = {support_count("COMEM_TEST_SEED", 4712)};
    comem_value *values = calloc(LARGE, sizeof *values);
    unsigned kills = support_count("COMEM_TEST_KILLS", support_sanitized() ? 100 : 250) / 5;
    assert_non_null(values);
    large->dict = support_dict(&bench->store);
    for (unsigned i = 0; i < kills; i++) {
        size_t count;
        pid_t victim = support_fork(update_until_killed, large);
        support_nap((long)dice_roll(&dice, 20000));
        kill(victim, SIGKILL);
        assert_int_equal(support_wait(victim), -SIGKILL);
        assert_ok(comem_dict_read(large->dict, NULL, values, LARGE, &count));
        assert_true(count <= LARGE);
        if (is_update(values, count, large->done + 1))
            large->done++;
        else if (!(count == 0 && large->done % 5 == 0) && !is_update(values, count, large->done))
            fail_msg("%lld updates were made, and what is there is neither the last nor the next one's",
                     (long long)large->done);
        for (size_t k = 0; k < count; k++)
            comem_value_clear(&values[k]);
    }
    print_message("%u killed in %lld updates\n", kills, (long long)large->done);
    free(values);
    support_sweep(bench->map);
    assert_int_equal(support_problems(bench->map), 0);
    comem_dict_release(large->dict);
}

int main(int argc, char **argv)
{
    support_choose(argc, argv);
    const struct CMUnitTest tests[] = {
        WITH_STORE(readers_see_whole_values_and_every_key_that_stays),
        WITH_STORE(no_change_by_one_call_is_lost),
        WITH_STORE(every_key_is_taken_once_and_made_once),
        WITH_STORE(a_snapshot_sees_all_of_an_update_or_nothing),
        WITH_STORE(the_killed_leave_what_they_did_and_no_half_of_more),
        WITH_STORE(a_killed_update_of_many_keys_is_all_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
