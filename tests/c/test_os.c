/* test_os.c - memory objects, sleeping, life words, witnesses */
#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* ---- memory objects ---- */

/* Another process could shrink the store under us, or an exec'd program inherit it. */
static void a_memory_object_is_sealed_and_closed_on_exec(void **state)
{
    struct os_memory memory;
    (void)state;
    assert_true(os_memory_create(&memory));
    assert_true(os_memory_commit(&memory, 0, 65536));
    int seals = fcntl(memory.fd, F_GET_SEALS);
    if (seals >= 0) { /* not where memfd is forbidden and a file on tmpfs has to do */
        assert_true((seals & F_SEAL_SHRINK) != 0);
        assert_true((seals & F_SEAL_SEAL) != 0);
        assert_int_equal(ftruncate(memory.fd, 0), -1);
    }
    assert_true((fcntl(memory.fd, F_GETFD) & FD_CLOEXEC) != 0);
    os_memory_close(&memory);
    assert_int_equal(memory.fd, -1);
}

/* A daemon that closes and reuses low descriptors would meet the store's. */
static void a_memory_objects_descriptor_is_at_64_or_above(void **state)
{
    struct os_memory one, other;
    (void)state;
    assert_true(os_memory_create(&one));
    assert_true(os_memory_create(&other));
    assert_true(one.fd >= 64 && other.fd >= 64 && one.fd != other.fd);
    os_memory_close(&one);
    os_memory_close(&other);
}

/* A descriptor number that is somebody else's by now would be used, or closed. */
static void a_reused_descriptor_number_is_noticed_and_left_alone(void **state)
{
    struct os_memory memory;
    (void)state;
    assert_true(os_memory_create(&memory));
    assert_true(os_memory_intact(&memory));
    int number = memory.fd;
    close(number);
    assert_false(os_memory_intact(&memory));
    int other = open("/dev/null", O_RDWR);
    assert_int_equal(dup2(other, number), number);
    assert_false(os_memory_intact(&memory));
    os_memory_close(&memory);
    assert_true(fcntl(number, F_GETFD) >= 0);
    close(number);
    close(other);
}

/* A process that closed the descriptor could not get it back; or would take another file for it. */
static void a_memory_object_is_opened_again_through_another_descriptor(void **state)
{
    struct os_memory memory, again;
    (void)state;
    assert_true(os_memory_create(&memory));
    assert_true(os_memory_commit(&memory, 0, 4096));
    assert_int_equal(pwrite(memory.fd, "mark", 4, 0), 4);
    again = memory;
    assert_true(os_memory_reopen(&again, (int)os_process_id(), memory.fd));
    assert_int_not_equal(again.fd, memory.fd);
    assert_true(again.fd >= 64);
    char mark[4];
    assert_int_equal(pread(again.fd, mark, 4, 0), 4);
    assert_memory_equal(mark, "mark", 4);
    int other = open("/dev/null", O_RDWR), before = again.fd;
    assert_false(os_memory_reopen(&again, (int)os_process_id(), other));
    assert_false(os_memory_reopen(&again, (int)os_process_id(), 9999));
    assert_false(os_memory_reopen(&again, 0, memory.fd));
    assert_int_equal(again.fd, before);
    close(other);
    os_memory_close(&again);
    os_memory_close(&memory);
}

/* Committing would lose what is there already. */
static void committing_twice_keeps_the_content(void **state)
{
    struct os_memory memory;
    (void)state;
    assert_true(os_memory_create(&memory));
    assert_true(os_memory_commit(&memory, 0, 8192));
    char *base = os_memory_map(&memory, 4 * MIB);
    assert_non_null(base);
    assert_int_equal((uintptr_t)base % (2 * MIB), 0);
    memset(base, 'c', 8192);
    assert_true(os_memory_commit(&memory, 4096, 65536));
    for (unsigned i = 0; i < 8192; i++)
        assert_int_equal(base[i], 'c');
    for (unsigned i = 8192; i < 4096 + 65536; i++)
        assert_int_equal(base[i], 0);
    os_memory_unmap(base, 4 * MIB);
    os_memory_close(&memory);
}

static int commit_beyond_the_limit(void *argument)
{
    struct os_memory memory;
    struct rlimit limit = {MIB, MIB};
    (void)argument;
    child_check(os_memory_create(&memory));
    child_check(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    signal(SIGXFSZ, SIG_DFL);
    child_check(os_memory_commit(&memory, 0, MIB));
    child_check(!os_memory_commit(&memory, MIB, 4096));
    child_check(errno == EFBIG);
    child_check(!os_memory_commit(&memory, 0, MIB + 1));
    child_check(os_memory_commit(&memory, 4096, MIB - 4096));
    child_check(os_memory_window(UINT64_C(1) << 40) <= MIB);
    return 0;
}

/* Growing beyond RLIMIT_FSIZE would kill the process with SIGXFSZ. */
static void commit_beyond_the_file_size_limit_is_refused_without_a_signal(void **state)
{
    (void)state;
    assert_int_equal(support_run(commit_beyond_the_limit, NULL), 0);
}

static int window_under_limit(void *argument)
{
    struct rlimit limit = {UINT64_C(1) << 40, UINT64_C(1) << 40};
    (void)argument;
    if (setrlimit(RLIMIT_AS, &limit) != 0)
        return 0;
    child_check(os_memory_window(UINT64_C(1) << 45) == UINT64_C(1) << 39);
    child_check(os_memory_window(UINT64_C(1) << 30) == UINT64_C(1) << 30);
    return 0;
}

/* The window would not fit the address space that the process may have. */
static void the_window_follows_the_limit_of_address_space(void **state)
{
    (void)state;
    assert_int_equal(support_run(window_under_limit, NULL), 0);
}

static int page_is_wiped(void *argument)
{
    const char *page = argument;
    return page[0] != 0 || page[os_page_size() - 1] != 0;
}

/* A child would take its parent's private state for its own. */
static void the_wiped_page_is_zero_in_a_child_and_stays_in_the_parent(void **state)
{
    (void)state;
    char *page = os_page_wiped_on_fork();
    assert_non_null(page);
    page[0] = page[os_page_size() - 1] = 1;
    assert_int_equal(support_run(page_is_wiped, page), 0);
    assert_int_equal(page[0] + page[os_page_size() - 1], 2);
    munmap(page, os_page_size());
}

/* ---- life words ---- */

struct lives {
    struct os_life life;
    _Atomic int step;
};

static int begin_and_wait(void *argument)
{
    struct lives *lives = argument;
    child_check(os_life_begin(&lives->life));
    child_check(!os_life_over(&lives->life));
    lives->step = 1;
    for (;;)
        pause();
}

static void assert_soon_over(const struct os_life *life)
{
    double limit = support_seconds() + 5;
    while (!os_life_over(life) && support_seconds() < limit)
        support_nap(100);
    assert_true(os_life_over(life));
}

/* A killed process would be waited for as if it lived. */
static void a_kill_ends_a_life(void **state)
{
    struct lives *lives = support_shared(sizeof *lives);
    (void)state;
    pid_t child = support_fork(begin_and_wait, lives);
    support_await(&lives->step, 1);
    assert_false(os_life_over(&lives->life));
    kill(child, SIGSTOP); /* stopped is alive */
    support_nap(20000);
    assert_false(os_life_over(&lives->life));
    kill(child, SIGKILL);
    assert_int_equal(support_wait(child), -SIGKILL);
    assert_true(os_life_over(&lives->life));
}

static int begin_and_exec(void *argument)
{
    struct lives *lives = argument;
    child_check(os_life_begin(&lives->life));
    lives->step = 1;
    execl("/bin/sleep", "sleep", "30", NULL);
    return 97;
}

/* A process that became another program would be waited for. */
static void exec_ends_a_life(void **state)
{
    struct lives *lives = support_shared(sizeof *lives);
    (void)state;
    pid_t child = support_fork(begin_and_exec, lives);
    support_await(&lives->step, 1);
    assert_soon_over(&lives->life);
    kill(child, SIGKILL);
    assert_int_equal(support_wait(child), -SIGKILL);
}

static int begin_and_exit(void *argument)
{
    struct lives *lives = argument;
    return !os_life_begin(&lives->life);
}

/* So would one that exited without a word. */
static void exit_ends_a_life(void **state)
{
    struct lives *lives = support_shared(sizeof *lives);
    (void)state;
    assert_int_equal(support_run(begin_and_exit, lives), 0);
    assert_true(os_life_over(&lives->life));
}

static void *begin_and_return(void *argument)
{
    struct lives *lives = argument;
    return os_life_begin(&lives->life) ? NULL : argument;
}

/* So would a thread, while its process lives on. */
static void the_end_of_a_thread_ends_its_life(void **state)
{
    struct lives *lives = support_shared(sizeof *lives);
    pthread_t thread;
    void *failed;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, begin_and_return, lives), 0);
    pthread_join(thread, &failed);
    assert_null(failed);
    assert_soon_over(&lives->life);
}

/* A life ended in good order could not be begun again. */
static void a_life_ended_in_order_may_be_begun_again(void **state)
{
    struct lives *lives = support_shared(sizeof *lives);
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        assert_true(os_life_begin(&lives->life));
        assert_false(os_life_over(&lives->life));
        os_life_end(&lives->life);
        assert_true(os_life_over(&lives->life));
    }
    assert_int_equal(support_run(begin_and_exit, lives), 0);
    assert_true(os_life_begin(&lives->life)); /* and after somebody's death, too */
    assert_false(os_life_over(&lives->life));
    os_life_end(&lives->life);
}

/* One thread could have only one life: a process with two stores would lose one. */
static void a_thread_may_have_several_lives(void **state)
{
    struct lives *lives = support_shared(3 * sizeof *lives);
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        assert_true(os_life_begin(&lives[i].life));
    os_life_end(&lives[1].life);
    assert_false(os_life_over(&lives[0].life));
    assert_true(os_life_over(&lives[1].life));
    assert_false(os_life_over(&lives[2].life));
    os_life_end(&lives[0].life);
    os_life_end(&lives[2].life);
}

/* ---- sleeping ---- */

/* A sleeper would sleep on although the holder it waits for was killed. */
static void a_sleeper_is_woken_by_a_death(void **state)
{
    struct lives *lives = support_shared(sizeof *lives);
    word32 lock = {0};
    (void)state;
    word32_store(&lock, 1);
    pid_t child = support_fork(begin_and_wait, lives);
    support_await(&lives->step, 1);
    pid_t killer = fork();
    if (killer == 0) {
        support_nap(200000);
        kill(child, SIGKILL);
        _exit(0);
    }
    double start = support_seconds();
    while (!os_life_over(&lives->life)) {
        uint32_t watched = os_life_watch(&lives->life);
        if (!os_life_over(&lives->life))
            os_sleep(&lock, 1, &lives->life.u.word, watched, UINT64_C(5000000000));
    }
    double took = support_seconds() - start;
    assert_true(took > 0.1 && took < 2.0);
    assert_int_equal(support_wait(killer), 0);
    assert_int_equal(support_wait(child), -SIGKILL);
}

static void *wake_later(void *argument)
{
    word32 *word = argument;
    support_nap(100000);
    word32_store(word, 2);
    os_wake(word, 1);
    return NULL;
}

/* A sleeper would not be woken by a release, or sleep longer than it was told. */
static void a_sleeper_is_woken_by_a_wake_by_a_change_and_by_time(void **state)
{
    struct lives *lives = support_shared(sizeof *lives);
    word32 *word = (word32 *)support_shared(4096);
    pthread_t thread;
    (void)state;
    assert_true(os_life_begin(&lives->life));
    for (unsigned with_life = 0; with_life < 2; with_life++) {
        const word32 *life = with_life ? &lives->life.u.word : NULL;
        uint32_t watched = os_life_watch(&lives->life);
        word32_store(word, 1);
        assert_int_equal(pthread_create(&thread, NULL, wake_later, word), 0);
        double start = support_seconds();
        while (word32_load(word) == 1)
            os_sleep(word, 1, life, watched, UINT64_C(5000000000));
        assert_true(support_seconds() - start < 2);
        pthread_join(thread, NULL);
        start = support_seconds();
        os_sleep(word, 7, life, watched, UINT64_C(5000000000)); /* it is not 7 */
        assert_true(support_seconds() - start < 1);
        start = support_seconds();
        os_sleep(word, 2, life, watched, 50000000);
        assert_true(support_seconds() - start < 2);
    }
    os_life_end(&lives->life);
}

/* What others wrote into a life word would be taken for the C library's own, and its list of mutexes be broken. */
static int end_damaged_lives(void *argument)
{
    struct os_life *lives = argument;
    for (unsigned damage = 0; damage < 80; damage++) {
        for (unsigned i = 0; i < 3; i++)
            child_check(os_life_begin(&lives[i]));
        uint8_t *bytes = (uint8_t *)&lives[1];
        for (unsigned i = damage < 64 ? damage : 0; i < 64; i++)
            bytes[i] = damage < 64 ? 0xA5 : (uint8_t)damage;
        for (unsigned i = 1; i < 4; i++) {
            os_life_end(&lives[i % 3]);
            child_check(os_life_over(&lives[i % 3]));
        }
    }
    return 0;
}

static void a_life_that_was_written_to_ends_all_the_same(void **state)
{
    (void)state;
    assert_int_equal(support_run(end_damaged_lives, support_shared(3 * sizeof(struct os_life))), 0);
}

/* ---- witnesses, identity ---- */

_Noreturn static int hold_inherited(void *argument)
{
    struct lives *lives = argument;
    lives->step = 1;
    for (;;)
        pause();
}

/* A child that still may come would be taken for one that never came, or the other way round. */
static void a_witness_goes_with_its_last_holder(void **state)
{
    struct os_memory memory;
    struct lives *lives = support_shared(sizeof *lives);
    (void)state;
    assert_true(os_memory_create(&memory));
    assert_false(os_witness_held(&memory, 1000));
    int witness = os_witness_take(&memory, 1000);
    assert_true(witness >= 0);
    assert_true(os_witness_held(&memory, 1000));
    assert_false(os_witness_held(&memory, 1001));
    assert_int_equal(os_witness_take(&memory, 1000), -1); /* one holder at a time */
    pid_t child = support_fork(hold_inherited, lives);
    support_await(&lives->step, 1);
    os_witness_drop(witness);
    assert_true(os_witness_held(&memory, 1000)); /* the child's copy */
    kill(child, SIGKILL);
    assert_int_equal(support_wait(child), -SIGKILL);
    assert_false(os_witness_held(&memory, 1000));
    os_witness_drop(-1);
    os_memory_close(&memory);
}

static void *thread_number(void *argument)
{
    *(uint32_t *)argument = os_thread_id();
    return NULL;
}

/* Two threads would be taken for one; time would go backwards. */
static void threads_differ_and_the_clock_rises(void **state)
{
    uint32_t other = 0;
    pthread_t thread;
    uint64_t one[2], two[2];
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, thread_number, &other), 0);
    pthread_join(thread, NULL);
    assert_int_not_equal(other, os_thread_id());
    assert_int_equal(os_thread_id(), os_process_id()); /* the main thread's */
    uint64_t before = os_clock();
    support_nap(1000);
    assert_true(os_clock() >= before + 1000000);
    assert_true(os_random(one, sizeof one) && os_random(two, sizeof two));
    assert_memory_not_equal(one, two, sizeof one);
    assert_true(os_memory_total() > 64 * MIB);
}

int main(int argc, char **argv)
{
    support_choose(argc, argv);
    const struct CMUnitTest tests[] = {
        ALONE(a_memory_object_is_sealed_and_closed_on_exec),
        ALONE(a_memory_objects_descriptor_is_at_64_or_above),
        ALONE(a_reused_descriptor_number_is_noticed_and_left_alone),
        ALONE(a_memory_object_is_opened_again_through_another_descriptor),
        ALONE(committing_twice_keeps_the_content),
        ALONE(commit_beyond_the_file_size_limit_is_refused_without_a_signal),
        ALONE(the_window_follows_the_limit_of_address_space),
        ALONE(the_wiped_page_is_zero_in_a_child_and_stays_in_the_parent),
        ALONE(a_kill_ends_a_life),
        ALONE(exec_ends_a_life),
        ALONE(exit_ends_a_life),
        ALONE(the_end_of_a_thread_ends_its_life),
        ALONE(a_life_ended_in_order_may_be_begun_again),
        ALONE(a_thread_may_have_several_lives),
        ALONE(a_life_that_was_written_to_ends_all_the_same),
        ALONE(a_sleeper_is_woken_by_a_death),
        ALONE(a_sleeper_is_woken_by_a_wake_by_a_change_and_by_time),
        ALONE(a_witness_goes_with_its_last_holder),
        ALONE(threads_differ_and_the_clock_rises),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
