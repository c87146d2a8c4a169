/* test_lock.c - locks: many who want one, a holder that dies or stops, a signal handler that comes in between */
#include "support.h"

#include <sys/time.h>

/* ---- one lock and those who want it ---- */

struct contest {
    comem_list *list;
    unsigned rounds;
};

static void *contest_thread(void *argument)
{
    struct contest *contest = argument;
    for (unsigned i = 0; i < contest->rounds; i++)
        if (comem_list_append(contest->list, comem_int(1)) != COMEM_OK)
            return argument;
    return NULL;
}

/* Appends would be lost, or a waiter sleep for ever, when many threads want one lock. */
static void no_append_of_many_threads_is_lost(void **state)
{
    struct bench *bench = *state;
    struct contest contest = {.list = support_list(&bench->store), .rounds = 20000};
    pthread_t threads[8];
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, contest_thread, &contest), 0);
    for (unsigned i = 0; i < 8; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(support_len(contest.list), 160000);
}

static int contest_process(void *argument)
{
    pthread_t thread;
    void *failed = NULL;
    child_check(pthread_create(&thread, NULL, contest_thread, argument) == 0);
    child_check(contest_thread(argument) == NULL);
    pthread_join(thread, &failed);
    return failed != NULL;
}

/* The same with processes, each with two threads. */
static void no_append_of_many_processes_is_lost(void **state)
{
    struct bench *bench = *state;
    struct contest contest = {.list = support_list(&bench->store), .rounds = 20000};
    pid_t children[4];
    for (unsigned i = 0; i < 4; i++)
        children[i] = support_fork(contest_process, &contest);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(support_wait(children[i]), 0);
    assert_int_equal(support_len(contest.list), 160000);
}

/* Takes the list's lock, changes an item half, and dies with it. */
static int die_holding(void *argument)
{
    comem_list *list = argument;
    struct participant *me;
    struct list_entry *entry;
    child_check(participant_enter(list->object.map, &me) == COMEM_OK);
    child_check(object_lock(me, &list->object) == COMEM_OK);
    struct cell *cell = list_locked_cell(me->map, word_load(&list->object.shared->table), 0, &entry);
    record_open_version(me, &list->object.shared->version);
    record_open_version(me, &entry->version);
    record_add_word(me, &cell->body);
    word_store(&cell->body, 666);
    raise(SIGKILL);
    return 0;
}

/* A lock would be lost with its holder, or the half change be seen. */
static void a_waiter_takes_over_within_a_second_and_finds_the_list_whole(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    assert_ok(comem_list_append(list, comem_int(7)));
    for (unsigned way = 0; way < 4; way++) {
        assert_int_equal(support_run(die_holding, list), -SIGKILL);
        double start = support_seconds();
        comem_value value = comem_none();
        size_t read;
        if (way == 0)
            assert_ok(comem_list_append(list, comem_int(8)));
        if (way == 1)
            assert_int_equal(support_int(list, 0), 7);
        if (way == 2)
            assert_ok(comem_list_set(list, 0, comem_int(7)));
        if (way == 3)
            assert_ok(comem_list_read(list, 0, 1, &value, &read));
        assert_true(support_seconds() - start < 1.0);
        assert_int_equal(support_int(list, 0), 7);
    }
    assert_int_equal(support_len(list), 2);
}

struct hostage {
    comem_list *list;
    _Atomic int *held;
};

static int hold_until_killed(void *argument)
{
    struct hostage *hostage = argument;
    struct participant *me;
    child_check(participant_enter(hostage->list->object.map, &me) == COMEM_OK);
    child_check(object_lock(me, &hostage->list->object) == COMEM_OK);
    *hostage->held = 1;
    for (;;)
        pause();
}

static void *append_one(void *argument)
{
    return comem_list_append(argument, comem_int(1)) == COMEM_OK ? NULL : argument;
}

/* Threads that already sleep for a lock would not learn that its holder was killed. */
static void sleepers_are_woken_by_the_holders_death(void **state)
{
    struct bench *bench = *state;
    struct hostage hostage = {support_list(&bench->store), support_shared(4096)};
    pthread_t threads[3];
    pid_t holder = support_fork(hold_until_killed, &hostage);
    support_await(hostage.held, 1);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, append_one, hostage.list), 0);
    support_nap(300000);
    assert_int_equal(support_len(hostage.list), 0); /* all of them wait */
    kill(holder, SIGKILL);
    double start = support_seconds();
    for (unsigned i = 0; i < 3; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_true(support_seconds() - start < 1.0);
    assert_int_equal(support_wait(holder), -SIGKILL);
    assert_int_equal(support_len(hostage.list), 3);
}

static int hold_the_heap_until_killed(void *argument)
{
    struct hostage *hostage = argument;
    struct participant *me;
    child_check(participant_enter(hostage->list->object.map, &me) == COMEM_OK);
    child_check(leaf_acquire(me, &me->map->header->heap_lock) == COMEM_OK);
    *hostage->held = 1;
    for (;;)
        pause();
}

static void *append_text(void *argument)
{
    return comem_list_append(argument, support_text("a text that needs a block")) == COMEM_OK ? NULL : argument;
}

/* A stopped holder would be taken for dead, or its lock for damaged: two would change the list, or the heap, at once. */
static void a_stopped_holder_keeps_its_lock(void **state)
{
    struct bench *bench = *state;
    int (*holders[])(void *) = {hold_until_killed, hold_the_heap_until_killed};
    for (unsigned i = 0; i < 2; i++) {
        struct hostage hostage = {support_list(&bench->store), support_shared(4096)};
        pthread_t thread;
        void *failed;
        pid_t holder = support_fork(holders[i], &hostage);
        support_await(hostage.held, 1);
        kill(holder, SIGSTOP);
        assert_int_equal(pthread_create(&thread, NULL, append_text, hostage.list), 0);
        support_nap(2500000);
        assert_int_equal(support_len(hostage.list), 0);
        kill(holder, SIGKILL);
        pthread_join(thread, &failed);
        assert_null(failed);
        assert_int_equal(support_wait(holder), -SIGKILL);
        assert_int_equal(support_len(hostage.list), 1);
        comem_list_release(hostage.list);
    }
}

/* A lock that takes turns all the time would be found between two turns at every look, and be called damaged. */
static void a_lock_that_is_busy_for_seconds_is_no_damage(void **state)
{
    struct bench *bench = *state;
    struct contest contest = {.list = support_list(&bench->store), .rounds = 20000};
    pthread_t threads[4];
    for (double end = support_seconds() + 3; support_seconds() < end;) {
        for (unsigned i = 0; i < 4; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, contest_thread, &contest), 0);
        for (unsigned i = 0; i < 4; i++) {
            void *failed;
            pthread_join(threads[i], &failed);
            assert_null(failed);
        }
        assert_int_equal(support_len(contest.list), 80000);
        assert_ok(comem_list_clear(contest.list));
    }
}

/* A lock taken twice by one thread would hang it. */
static void a_lock_that_this_thread_holds_is_refused(void **state)
{
    struct bench *bench = *state;
    struct participant *me;
    comem_list *list = support_list(&bench->store);
    word32 *lock = &list->object.shared->lock;
    assert_ok(participant_enter(bench->map, &me));
    assert_ok(lock_acquire(me, lock));
    assert_status(COMEM_BUSY, lock_acquire(me, lock));
    lock_release(me, lock);
    participant_leave(me);
}

/* A damaged lock word would be waited for for ever. */
static void a_lock_word_that_names_nobody_is_damage(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    word32 *lock = &list->object.shared->lock;
    static const uint32_t words[] = {0x00010FFF, 0x7FFF0001, 0x00010020, 0x00010000};
    for (unsigned i = 0; i < 4; i++) {
        word32_store(lock, words[i]);
        assert_status(COMEM_DAMAGED, comem_list_append(list, comem_int(1)));
        word32_store(lock, 0);
    }
    assert_ok(comem_list_append(list, comem_int(1)));
}

/* One that names somebody alive who does not have the lock, too; and this thread would take itself for its holder. */
static void a_lock_word_that_names_somebody_else_is_damage(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    struct participant *me, *other = support_victim(bench->map);
    word32 *lock = &list->object.shared->lock;
    double start = support_seconds();
    word32_store(lock, other->lock_word);
    assert_status(COMEM_DAMAGED, comem_list_append(list, comem_int(1)));
    assert_true(support_seconds() - start >= 1 && support_seconds() - start < 10);
    assert_ok(participant_enter(bench->map, &me));
    word32_store(lock, me->lock_word);
    assert_status(COMEM_DAMAGED, lock_acquire(me, lock));
    assert_int_equal(word_load(&me->slot->held[0]), 0);
    participant_leave(me);
    word32_store(lock, 0);
    assert_ok(comem_list_append(list, comem_int(1)));
    participant_detach(other);
}

/* A leaf lock that nobody has would stop an operation that cannot be stopped half-way. */
static void a_leaf_lock_that_nobody_has_is_taken(void **state)
{
    struct bench *bench = *state;
    struct participant *me, *other = support_victim(bench->map);
    word32 *locks[] = {&bench->map->header->heap_lock, &bench->map->header->grow_lock};
    assert_ok(participant_enter(bench->map, &me));
    const uint32_t words[] = {other->lock_word, me->lock_word, 0x00010FFF, 0x00010000};
    for (unsigned i = 0; i < 2; i++)
        for (unsigned k = 0; k < 4; k++) {
            double start = support_seconds();
            word32_store(locks[i], words[k]);
            assert_ok(leaf_acquire(me, locks[i]));
            assert_true((k != 0 || support_seconds() - start >= 1) && support_seconds() - start < 10);
            assert_int_equal(word32_load(locks[i]) & LOCK_OWNER_MASK, me->lock_word);
            leaf_release(me, locks[i]);
            assert_int_equal(word_load(&me->slot->held[1]), 0);
        }
    participant_leave(me);
    participant_detach(other);
}

/* ---- signal handlers ---- */

static struct reentry {
    comem_store *store;
    comem_list *list, *nested, *spare;
    _Atomic unsigned long calls, busy;
    unsigned way;
    _Atomic int failed;
} reentry;

static void reenter(int signal_number)
{
    comem_status status = COMEM_OK;
    comem_value value = comem_none();
    comem_list *made = NULL;
    size_t read;
    int saved = errno;
    (void)signal_number;
    switch (reentry.way) {
    case 0:
        status = comem_list_append(reentry.list, comem_int(2));
        break;
    case 1:
        status = comem_list_set(reentry.list, 0, comem_int(3));
        break;
    case 2:
        status = comem_list_get(reentry.list, 0, &value);
        break;
    case 3:
        status = comem_list_len(reentry.list, &read);
        break;
    case 4:
        status = comem_list_read(reentry.nested, 0, 1, &value, &read); /* a reference */
        break;
    default:
        if (reentry.spare != NULL)
            comem_list_release(reentry.spare);
        reentry.spare = NULL;
        status = comem_list_new(reentry.store, &made);
        reentry.spare = made;
        break;
    }
    reentry.calls++;
    reentry.busy += status == COMEM_BUSY;
    if (status != COMEM_OK && status != COMEM_BUSY)
        reentry.failed = 1;
    errno = saved;
}

static int interrupted(void *argument)
{
    struct itimerval often = {{0, 40}, {0, 40}}, never = {{0, 0}, {0, 0}};
    char text[40];
    memset(text, 'x', sizeof text);
    reentry.way = *(unsigned *)argument;
    child_check(comem_list_append(reentry.list, comem_int(1)) == COMEM_OK);
    child_check(comem_list_append(reentry.nested, comem_ref(reentry.list)) == COMEM_OK);
    signal(SIGVTALRM, reenter);
    setitimer(ITIMER_VIRTUAL, &often, NULL);
    alarm(5);
    double until = support_seconds() + 0.7, limit = until + 3; /* of its own time a busy machine gives it little */
    while (support_seconds() < until || (reentry.calls == 0 && support_seconds() < limit)) {
        comem_value value;
        child_check(comem_list_append(reentry.list, comem_str(text, sizeof text)) == COMEM_OK);
        child_check(comem_list_pop(reentry.list, NULL) == COMEM_OK);
        child_check(comem_list_get(reentry.nested, 0, &value) == COMEM_OK);
        comem_value_clear(&value);
    }
    setitimer(ITIMER_VIRTUAL, &never, NULL);
    child_check(reentry.failed == 0);
    child_check(reentry.calls > 0);
    child_check(reentry.way >= 2 || reentry.busy > 0 || reentry.calls < 100); /* the others hardly need the lock */
    child_check(comem_list_pop(reentry.nested, NULL) == COMEM_OK);
    return 0;
}

/* A signal handler that interrupts a call and makes one would hang its thread or break the list. */
static void calls_from_a_signal_handler_answer_busy(void **state)
{
    struct bench *bench = *state;
    for (unsigned way = 0; way < 4; way++) {
        reentry = (struct reentry){
            .store = &bench->store, .list = support_list(&bench->store), .nested = support_list(&bench->store)};
        assert_int_equal(support_run(interrupted, &way), 0);
    }
}

/* The same for calls that take and give back handles, whose table has a mutex. */
static void handles_in_a_signal_handler_do_not_hang(void **state)
{
    struct bench *bench = *state;
    for (unsigned way = 4; way < 6; way++) {
        reentry = (struct reentry){
            .store = &bench->store, .list = support_list(&bench->store), .nested = support_list(&bench->store)};
        assert_int_equal(support_run(interrupted, &way), 0);
    }
}

int main(int argc, char **argv)
{
    support_choose(argc, argv);
    const struct CMUnitTest tests[] = {
        WITH_STORE(no_append_of_many_threads_is_lost),
        WITH_STORE(no_append_of_many_processes_is_lost),
        WITH_STORE(a_waiter_takes_over_within_a_second_and_finds_the_list_whole),
        WITH_STORE(sleepers_are_woken_by_the_holders_death),
        WITH_STORE(a_stopped_holder_keeps_its_lock),
        WITH_STORE(a_lock_that_is_busy_for_seconds_is_no_damage),
        WITH_STORE(a_lock_that_this_thread_holds_is_refused),
        WITH_STORE(a_lock_word_that_names_nobody_is_damage),
        WITH_STORE(a_lock_word_that_names_somebody_else_is_damage),
        WITH_STORE(a_leaf_lock_that_nobody_has_is_taken),
        WITH_STORE(calls_from_a_signal_handler_answer_busy),
        WITH_STORE(handles_in_a_signal_handler_do_not_hang),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
