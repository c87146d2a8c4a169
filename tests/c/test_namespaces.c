/* test_namespaces.c - one store in two PID namespaces whose threads have the same numbers
 *
 * The kernel marks a dead thread's robust mutexes by comparing thread numbers as the dead one's namespace counts them,
 * so two threads of one number are what could be taken for each other. A runner unshares and forks: its first child is
 * number 1 of a namespace of its own, the second thread there number 2. The runner stays outside and tells the test the
 * child's number there. Where unshare() is not allowed the tests are skipped.
 *
 * COMEM_TEST_KILLS says how many rounds of two deaths there are (50, under a sanitizer 15), in at most 15 seconds.
 */
#include "support.h"

#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#define SIDES 4 /* namespaces there are at most; most tests use two */
#define THREADS 2
#define PAIRS_MAX 600

/* What a thread tells of itself. `own` has consecutive ints; nobody else changes it. */
struct worker {
    comem_list *own;
    _Atomic int number; /* of the thread, as it sees it */
    _Atomic uint64_t slot, control;
    _Atomic long done, first, last; /* ints first .. last - 1 are in `own`, give or take the one being changed */
};

/* One namespace. */
struct side {
    struct arena *arena;
    int (*function)(struct side *side); /* of its process number 1 */
    _Atomic int process;                /* that one, as the test sees it */
    _Atomic int go, reached, told, stop;
    struct worker workers[THREADS];
};

struct arena {
    comem_store *store;
    comem_list *texts; /* of strs, each of one letter */
    comem_list *pairs; /* of ints {n, ~n}, changed by whole pairs */
    struct side sides[SIDES];
    struct worker outside; /* a process beside the test */
    _Atomic int stop, failed;
};

/* ---- namespaces ---- */

static bool unshare_numbers(void)
{
    return unshare(CLONE_NEWPID) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWPID) == 0;
}

static int probe(void *argument)
{
    (void)argument;
    if (!unshare_numbers())
        return errno;
    pid_t child = fork();
    int status = 0;
    if (child == 0)
        _exit(getpid() == 1 ? 0 : 1);
    return child < 0 || waitpid(child, &status, 0) != child || status != 0 ? EPERM : 0;
}

static void skip_without(int (*wanted)(void *argument), const char *what)
{
    int error = support_run(wanted, NULL);
    if (error == 0)
        return;
    print_message("skipped: %s not to be had here: %s\n", what, strerror(error));
    skip();
}

static void skip_without_namespaces(void)
{
    skip_without(probe, "PID namespaces are");
}

static void out_of_time(int number)
{
    (void)number;
    _exit(98);
}

/* The first process of a namespace ignores what has no handler. */
static void limit_time(void)
{
    signal(SIGALRM, out_of_time);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(50);
}

/* Stays outside; ends as its child does, killed as 100 + the signal's number. */
static int run_side(void *argument)
{
    struct side *side = argument;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    child_check(unshare_numbers());
    support_await(&side->go, 1);
    pid_t child = fork();
    if (child == 0) {
        limit_time();
        child_check(getpid() == 1);
        _exit(side->function(side));
    }
    side->process = child;
    int status;
    child_check(waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) ? 100 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Its first process comes when `go` is set. */
static pid_t side_prepare(struct side *side, int (*function)(struct side *side))
{
    side->function = function;
    side->process = side->go = side->reached = side->told = side->stop = 0;
    return support_fork(run_side, side);
}

static pid_t side_start(struct side *side, int (*function)(struct side *side))
{
    pid_t runner = side_prepare(side, function);
    side->go = 1;
    return runner;
}

static void side_kill(struct side *side, pid_t runner)
{
    support_await(&side->process, 1);
    assert_int_equal(kill(side->process, SIGKILL), 0);
    assert_int_equal(support_wait(runner), 100 + SIGKILL);
}

static void worker_begin(struct worker *worker)
{
    struct store_map *map = worker->own->object.map;
    struct participant *me;
    child_check(participant_enter(map, &me) == COMEM_OK);
    worker->slot = me->number;
    worker->control = word_load(&me->slot->control);
    participant_leave(me);
    worker->number = (int)os_thread_id();
}

/* Whether nobody took the thread for dead. */
static bool worker_untouched(struct worker *worker)
{
    struct slot *slot = slot_at(worker->own->object.map, (uint32_t)worker->slot);
    return word_load(&slot->control) == worker->control && !os_life_over(&slot->life);
}

static struct arena *arena_make(struct bench *bench)
{
    struct arena *arena = support_shared(sizeof *arena);
    arena->store = &bench->store;
    arena->texts = support_list(&bench->store);
    arena->pairs = support_list(&bench->store);
    arena->outside.own = support_list(&bench->store);
    for (unsigned s = 0; s < SIDES; s++) {
        arena->sides[s].arena = arena;
        for (unsigned t = 0; t < THREADS; t++)
            arena->sides[s].workers[t].own = support_list(&bench->store);
    }
    return arena;
}

/* ---- work ---- */

static void work_failed(struct arena *arena, const char *what, comem_status status)
{
    if (arena->failed++ < 10)
        fprintf(stderr, "%s: %s (%s)\n", what, comem_strerror(status), comem_detail());
}

static comem_status change_texts(struct dice *dice, struct arena *arena)
{
    char room[200];
    comem_value value = comem_none();
    size_t size = 1 + dice_roll(dice, sizeof room), length = 0;
    memset(room, 'a' + (int)dice_roll(dice, 26), size);
    comem_status status = comem_list_len(arena->texts, &length);
    if (status == COMEM_OK && length > 300)
        return comem_list_clear(arena->texts);
    switch (dice_roll(dice, 4)) {
    case 0:
        status = comem_list_append(arena->texts, comem_str(room, size));
        break;
    case 1:
        status = comem_list_insert(arena->texts, (int64_t)dice_roll(dice, length + 1), comem_str(room, size));
        break;
    case 2:
        status = comem_list_set(arena->texts, (int64_t)dice_roll(dice, length + 1), comem_str(room, size));
        break;
    default:
        status = comem_list_pop(arena->texts, &value);
    }
    for (size_t i = 1; status == COMEM_OK && i < value.size; i++)
        if (value.as.data[i] != value.as.data[0])
            work_failed(arena, "a torn text", status);
    comem_value_clear(&value);
    return status == COMEM_OUT_OF_RANGE ? COMEM_OK : status;
}

static comem_status read_pairs(struct arena *arena)
{
    comem_value values[2 * PAIRS_MAX];
    size_t read;
    comem_status status = comem_list_read(arena->pairs, 0, 2 * PAIRS_MAX, values, &read);
    for (size_t i = 0; status == COMEM_OK && i < read; i += 2)
        if (read % 2 != 0 || values[i].as.integer != ~values[i + 1].as.integer)
            work_failed(arena, "half a pair", status);
    return status;
}

static comem_status change_pairs(struct dice *dice, struct arena *arena)
{
    int64_t number = (int64_t)dice_roll(dice, UINT64_MAX);
    comem_value pair[2] = {comem_int(number), comem_int(~number)};
    size_t length = 0;
    comem_status status = comem_list_len(arena->pairs, &length);
    if (status != COMEM_OK || length > PAIRS_MAX)
        return status != COMEM_OK ? status : comem_list_clear(arena->pairs);
    int64_t start = 2 * (int64_t)dice_roll(dice, length / 2 + 1), stop = start + 2 * (int64_t)dice_roll(dice, 3);
    switch (dice_roll(dice, 3)) {
    case 0:
        return comem_list_extend(arena->pairs, pair, 2);
    case 1:
        return comem_list_slice_set(arena->pairs, (comem_slice){start, stop, 1}, pair, 2);
    default:
        return comem_list_slice_delete(arena->pairs, (comem_slice){start, stop, 1});
    }
}

/* The mirror follows the list, so a death leaves it behind by one change at most. */
static comem_status change_own(struct dice *dice, struct worker *worker)
{
    comem_status status;
    long length = worker->last - worker->first;
    if (length > 400 && dice_roll(dice, 2)) {
        status = comem_list_pop_at(worker->own, 0, NULL);
        worker->first += status == COMEM_OK;
    } else if (dice_roll(dice, 3) == 0) {
        status = comem_list_insert(worker->own, 0, comem_int(worker->first - 1));
        worker->first -= status == COMEM_OK;
    } else {
        status = comem_list_append(worker->own, comem_int(worker->last));
        worker->last += status == COMEM_OK;
    }
    return status;
}

static void work(struct arena *arena, struct worker *worker, const _Atomic int *stop)
{
    struct dice dice = {os_clock()};
    while (!*stop) {
        unsigned way = (unsigned)dice_roll(&dice, 8);
        comem_status status = way < 3   ? change_texts(&dice, arena)
                              : way < 5 ? change_pairs(&dice, arena)
                              : way < 6 ? read_pairs(arena)
                                        : change_own(&dice, worker);
        if (status != COMEM_OK)
            work_failed(arena, "an operation", status);
        worker->done++;
    }
}

static void own_is_whole(struct worker *worker)
{
    comem_value values[2048];
    size_t read;
    assert_ok(comem_list_read(worker->own, 0, 2048, values, &read));
    for (size_t i = 1; i < read; i++)
        assert_int_equal(values[i].as.integer, values[0].as.integer + (int64_t)i);
    long first = read == 0 ? worker->first : values[0].as.integer, last = first + (long)read;
    assert_true(labs(first - worker->first) + labs(last - worker->last) <= 1);
}

static void own_restart(struct worker *worker)
{
    assert_ok(comem_list_clear(worker->own));
    worker->number = 0;
    worker->first = worker->last = 0;
}

static void *work_in_second_thread(void *argument)
{
    struct side *side = argument;
    worker_begin(&side->workers[1]);
    side->reached++;
    work(side->arena, &side->workers[1], &side->stop);
    return NULL;
}

static int work_in_namespace(struct side *side)
{
    pthread_t thread;
    worker_begin(&side->workers[0]);
    child_check(pthread_create(&thread, NULL, work_in_second_thread, side) == 0);
    side->reached++;
    work(side->arena, &side->workers[0], &side->stop);
    pthread_join(thread, NULL);
    return 0;
}

static int work_outside(void *argument)
{
    struct arena *arena = argument;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    work(arena, &arena->outside, &arena->stop);
    return 0;
}

static bool goes_on(struct worker *worker)
{
    long before = worker->done;
    double limit = support_seconds() + 30; /* on a busy machine each turn takes its time */
    while (worker->done < before + 10 && support_seconds() < limit)
        support_nap(100);
    return worker->done >= before + 10;
}

/* ---- tests ---- */

static void wait_until_both_work(struct arena *arena)
{
    for (unsigned s = 0; s < 2; s++)
        support_await(&arena->sides[s].reached, THREADS);
    for (unsigned t = 0; t < THREADS; t++) {
        assert_int_equal(arena->sides[0].workers[t].number, t + 1);
        assert_int_equal(arena->sides[1].workers[t].number, t + 1);
    }
}

static void survivors_go_on(struct arena *arena, struct side *survivor)
{
    support_sweep(arena->store->map);
    assert_ok(comem_list_append(arena->texts, comem_str("parent", 0)));
    assert_true(goes_on(&arena->outside));
    for (unsigned t = 0; t < THREADS; t++) {
        assert_true(goes_on(&survivor->workers[t]));
        assert_true(worker_untouched(&survivor->workers[t]));
    }
}

static void one_round(struct arena *arena, struct dice *dice, unsigned round)
{
    pid_t runners[2];
    for (unsigned s = 0; s < 2; s++) {
        for (unsigned t = 0; t < THREADS; t++)
            own_restart(&arena->sides[s].workers[t]);
        runners[s] = side_start(&arena->sides[s], work_in_namespace);
    }
    wait_until_both_work(arena);
    unsigned first = round % 2, second = 1 - first;
    support_nap((long)dice_roll(dice, 3000));
    side_kill(&arena->sides[first], runners[first]);
    survivors_go_on(arena, &arena->sides[second]);
    if (round % 4 < 2) {
        side_kill(&arena->sides[second], runners[second]);
    } else {
        arena->sides[second].stop = 1;
        assert_int_equal(support_wait(runners[second]), 0);
    }
    assert_true(goes_on(&arena->outside));
    for (unsigned s = 0; s < 2; s++)
        for (unsigned t = 0; t < THREADS; t++)
            own_is_whole(&arena->sides[s].workers[t]);
}

/* A death in one namespace would end, stop or undo the work of a thread with the same number in another. */
static void a_death_in_one_namespace_is_nobodys_in_the_other(void **state)
{
    struct bench *bench = *state;
    skip_without_namespaces();
    struct arena *arena = arena_make(bench);
    struct dice dice = {support_count("COMEM_TEST_SEED", 12345)};
    unsigned rounds = support_count("COMEM_TEST_KILLS", support_sanitized() ? 15 : 50);
    pid_t outside = support_fork(work_outside, arena);
    double end = support_seconds() + 15;
    for (unsigned round = 0; round < rounds && (round < 4 || support_seconds() < end); round++) {
        one_round(arena, &dice, round);
        if (round % 10 == 9)
            assert_int_equal(arena->failed, 0);
    }
    arena->stop = 1;
    assert_int_equal(support_wait(outside), 0);
    own_is_whole(&arena->outside);
    support_sweep(bench->map);
    assert_int_equal(arena->failed, 0);
    assert_int_equal(support_problems(bench->map), 0);
}

static int hold_the_lock(struct side *side)
{
    struct comem_object *object = &side->arena->pairs->object;
    struct participant *me;
    worker_begin(&side->workers[0]);
    child_check(participant_enter(object->map, &me) == COMEM_OK && object_lock(me, object) == COMEM_OK);
    side->reached = 1;
    support_await(&side->told, 1);
    lock_release(me, &object->shared->lock);
    participant_leave(me);
    side->reached = 2;
    while (!side->stop)
        support_nap(100);
    return 0;
}

static int append_to_pairs(struct side *side)
{
    comem_value pair[2] = {comem_int(1), comem_int(~1)};
    worker_begin(&side->workers[0]);
    side->reached = 1;
    child_check(comem_list_extend(side->arena->pairs, pair, 2) == COMEM_OK);
    side->reached = 2;
    while (!side->stop)
        support_nap(100);
    return 0;
}

/* A lock whose holder was killed would be waited for for ever by one with the holder's number. */
static void a_lock_of_the_killed_goes_to_one_with_the_same_number(void **state)
{
    struct bench *bench = *state;
    skip_without_namespaces();
    struct arena *arena = arena_make(bench);
    struct side *holder = &arena->sides[0], *waiter = &arena->sides[1];
    pid_t holding = side_start(holder, hold_the_lock);
    support_await(&holder->reached, 1);
    pid_t waiting = side_start(waiter, append_to_pairs);
    support_await(&waiter->reached, 1);
    assert_int_equal(holder->workers[0].number, waiter->workers[0].number);
    support_nap(20000); /* it sleeps by now */
    assert_int_equal(waiter->reached, 1);
    side_kill(holder, holding);
    double limit = support_seconds() + 2;
    while (waiter->reached < 2 && support_seconds() < limit)
        support_nap(50);
    assert_int_equal(waiter->reached, 2);
    assert_int_equal(support_len(arena->pairs), 2);
    assert_true(worker_untouched(&waiter->workers[0]));
    waiter->stop = 1;
    assert_int_equal(support_wait(waiting), 0);
}

static void repair_all_dead(struct store_map *map)
{
    struct participant *me;
    assert_ok(participant_enter(map, &me));
    repair_dead(me); /* a sweep would also give back what they held, for which it takes the lock */
    participant_leave(me);
}

/* A lock would be taken from its living holder when one with the holder's number dies while waiting for it. */
static void a_holder_keeps_its_lock_when_one_with_its_number_is_killed(void **state)
{
    struct bench *bench = *state;
    skip_without_namespaces();
    struct arena *arena = arena_make(bench);
    struct side *holder = &arena->sides[0];
    const word32 *lock = &arena->pairs->object.shared->lock;
    pid_t holding = side_start(holder, hold_the_lock), waiting[SIDES];
    support_await(&holder->reached, 1);
    uint32_t owner = word32_load(lock) & LOCK_OWNER_MASK;
    for (unsigned s = 1; s < SIDES; s++) {
        waiting[s] = side_start(&arena->sides[s], append_to_pairs);
        support_await(&arena->sides[s].reached, 1);
        assert_int_equal(holder->workers[0].number, arena->sides[s].workers[0].number);
    }
    for (unsigned s = 1; s < SIDES; s++) {
        support_nap(5000);
        side_kill(&arena->sides[s], waiting[s]);
        repair_all_dead(bench->map);
        assert_int_equal(word32_load(lock) & LOCK_OWNER_MASK, owner);
        assert_true(worker_untouched(&holder->workers[0]));
    }
    holder->told = 1;
    support_await(&holder->reached, 2);
    assert_int_equal(support_len(arena->pairs), 0);
    assert_true(worker_untouched(&holder->workers[0]));
    holder->stop = 1;
    assert_int_equal(support_wait(holding), 0);
}

/* ---- a death on the way out ---- */

static int probe_tracing(void *argument)
{
    (void)argument;
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ? 0 : errno;
}

/* Steps the child until its life word is 0, while the C library still has the mutex noted for the kernel; there it
 * waits for its end. */
static int leave_step_by_step(void *argument)
{
    struct side *side = argument;
    struct store_map *map = side->arena->store->map;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    child_check(unshare_numbers());
    pid_t child = fork();
    if (child == 0) {
        limit_time();
        worker_begin(&side->workers[0]);
        child_check(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
        raise(SIGSTOP);
        store_detach_process();
        _exit(0);
    }
    int status;
    side->process = child;
    child_check(waitpid(child, &status, 0) == child && WIFSTOPPED(status));
    const struct slot *slot = slot_at(map, (uint32_t)side->workers[0].slot);
    while (word32_load(&slot->life.u.word) != 0) {
        child_check(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) == 0);
        child_check(waitpid(child, &status, 0) == child && WIFSTOPPED(status));
    }
    child_check(seat_state(word_load(&slot->control)) == SEAT_LEAVING);
    side->reached = 1;
    support_await(&side->told, 1);
    kill(child, SIGKILL);
    child_check(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
    return 0;
}

static int attach_and_stay(struct side *side)
{
    worker_begin(&side->workers[0]);
    side->reached = 1;
    support_await(&side->told, 1);
    child_check(comem_list_append(side->arena->texts, comem_int(5)) == COMEM_OK);
    side->reached = 2;
    while (!side->stop)
        support_nap(100);
    return 0;
}

/* A thread that gave up its life word, and is killed before the C library has forgotten it, would have the kernel mark
 * whoever of its number has its slot by then. */
static void one_killed_while_leaving_takes_nobody_of_its_number_along(void **state)
{
    struct bench *bench = *state;
    skip_without_namespaces();
    skip_without(probe_tracing, "ptrace() is");
    struct arena *arena = arena_make(bench);
    struct side *leaver = &arena->sides[0], *comer = &arena->sides[1];
    pid_t leaving = support_fork(leave_step_by_step, leaver), coming = side_prepare(comer, attach_and_stay);
    support_await(&leaver->reached, 1);
    support_sweep(bench->map);
    comer->go = 1; /* takes the first seat that is free */
    support_await(&comer->reached, 1);
    assert_int_equal(leaver->workers[0].number, comer->workers[0].number);
    leaver->told = 1;
    assert_int_equal(support_wait(leaving), 0);
    bool untouched = worker_untouched(&comer->workers[0]);
    support_sweep(bench->map);
    untouched = untouched && worker_untouched(&comer->workers[0]);
    comer->told = 1;
    support_await(&comer->reached, 2);
    comer->stop = 1;
    assert_int_equal(support_wait(coming), 0);
    assert_true(untouched);
    assert_int_equal(support_len(arena->texts), 1);
}

/* ---- namespaces that are not to be known ---- */

struct room_without_proc {
    struct store_map *map;
    char directory[32];
};

static int sweep_without_proc(void *argument)
{
    struct room_without_proc *room = argument;
    if (chroot(room->directory) != 0 && (unshare(CLONE_NEWUSER) != 0 || chroot(room->directory) != 0))
        return 1;
    child_check(chdir("/") == 0 && os_pid_namespace() == 0);
    support_sweep(room->map);
    return 0;
}

/* The claimer of a seat, alive in a namespace without /proc, would be looked for by its number in another such one, and
 * its seat be given to two. */
static void a_claimer_in_a_namespace_that_is_not_known_is_left_alone(void **state)
{
    struct bench *bench = *state;
    struct room_without_proc room = {bench->map, "/tmp/comem-test-XXXXXX"};
    struct participant *me;
    uint32_t number;
    skip_without_namespaces();
    assert_non_null(mkdtemp(room.directory));
    pid_t ended = support_fork(probe, NULL);
    support_wait(ended);
    assert_ok(participant_enter(bench->map, &me));
    assert_true(seat_take(bench->map, SEATS_OF_SLOTS, 0, &number));
    participant_leave(me);
    struct slot *slot = slot_at(bench->map, number);
    word_store(&slot->pid_namespace, 0);
    word_store(&slot->thread, (uint64_t)ended); /* no such number where the sweeper is */
    int result = support_run(sweep_without_proc, &room);
    rmdir(room.directory);
    enum seat_state seat = seat_state(word_load(&slot->control));
    word_store(&slot->thread, 0);
    word_store(&slot->control, 0);
    if (result == 1) {
        print_message("skipped: chroot() is not allowed here\n");
        skip();
    }
    assert_int_equal(result, 0);
    assert_int_equal(seat, SEAT_CLAIMED);
}

int main(int argc, char **argv)
{
    support_choose(argc, argv);
    const struct CMUnitTest tests[] = {
        WITH_STORE(a_death_in_one_namespace_is_nobodys_in_the_other),
        WITH_STORE(a_lock_of_the_killed_goes_to_one_with_the_same_number),
        WITH_STORE(a_holder_keeps_its_lock_when_one_with_its_number_is_killed),
        WITH_STORE(one_killed_while_leaving_takes_nobody_of_its_number_along),
        WITH_STORE(a_claimer_in_a_namespace_that_is_not_known_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
