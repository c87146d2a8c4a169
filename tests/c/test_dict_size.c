/* test_dict_size.c - what dicts take: bytes, and time for a single call however many keys there are
 *
 * "large" as argument: ten million keys instead of a million. That takes 1 GB and half a minute.
 */
#include "support.h"

#include <stdio.h>
#include <time.h>

#define CALL_SECONDS 0.05 /* of the thread's own time */

static uint64_t many = 1000000;

static comem_value text(const char *string)
{
    return support_text(string);
}

/* A short text as key, the same for the same number. */
static comem_value short_key(uint64_t number, char room[16])
{
    int size = snprintf(room, 16, "k%llu", (unsigned long long)number);
    return comem_str(room, (size_t)size);
}

/* ---- bytes ---- */

/* A program of many empty dicts, new or emptied, would need many times the memory. */
static void an_empty_dict_takes_at_most_512_bytes(void **state)
{
    struct bench *bench = *state;
    comem_dict *kept = support_dict(&bench->store), *copy; /* the process has its record */
    char room[16];
    for (unsigned way = 0; way < 5; way++) {
        uint64_t before = support_used(bench->map), most = way == 0 || way == 4 ? 512 : 1024;
        comem_dict *dict = support_dict(&bench->store);
        for (unsigned i = 0; way > 0 && i < (way == 1 ? 1 : 1000); i++)
            assert_ok(comem_dict_set(dict, short_key(i, room), comem_int(1)));
        if (way == 1 || way == 2)
            while (comem_dict_popitem(dict, NULL, NULL) == COMEM_OK)
                ;
        for (unsigned i = 0; way == 3 && i < 1000; i++)
            assert_ok(comem_dict_pop(dict, short_key(i, room), NULL));
        if (way == 4)
            assert_ok(comem_dict_clear(dict));
        uint64_t taken = support_used(bench->map) - before;
        assert_int_equal(support_dict_len(dict), 0);
        if (taken > most)
            fail_msg("an empty dict, in way %u, takes %llu bytes", way, (unsigned long long)taken);
        before = support_used(bench->map);
        assert_ok(comem_dict_copy(dict, &copy));
        assert_true(support_used(bench->map) - before <= 512);
        comem_dict_release(copy);
        comem_dict_release(dict);
    }
    comem_dict_release(kept);
    assert_int_equal(support_used(bench->map), 0);
}

/* A dict would take more than 100 bytes for a number under a short text. */
static void an_entry_takes_at_most_100_bytes(void **state)
{
    struct bench *bench = support_begin(1024 * MIB);
    comem_dict *dict = support_dict(&bench->store);
    static const uint64_t looks[] = {1000000, 1100000};
    uint64_t scale = support_sanitized() ? 10 : 1, number = 0, before = support_used(bench->map);
    char room[16];
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        while (number < looks[i] / scale) {
            assert_ok(comem_dict_set(dict, short_key(number, room), comem_int((int64_t)number)));
            number++;
        }
        uint64_t taken = support_used(bench->map) - before;
        print_message("%llu keys: %.1f bytes each\n", (unsigned long long)number, (double)taken / (double)number);
        assert_true(taken <= 100 * number);
    }
    comem_dict_release(dict);
    assert_int_equal(support_end(bench), 0);
}

/* ---- time ---- */

struct timing {
    const char *name;
    uint64_t calls;
    double longest, all;
};

static double thread_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void timing_add(struct timing *timing, double start)
{
    double took = thread_seconds() - start;
    timing->calls++;
    timing->all += took;
    if (took > timing->longest)
        timing->longest = took;
}

static void timing_check(const struct timing *timing)
{
    print_message("%-11s %8llu calls, %.2f s, the longest %.2f ms\n", timing->name, (unsigned long long)timing->calls,
                  timing->all, timing->longest * 1e3);
    if (timing->longest > CALL_SECONDS)
        fail_msg("a single %s took %.1f ms", timing->name, timing->longest * 1e3);
}

/* Some single call would take as long as all keys need: to make room for twice as many, to close gaps, to free. */
static void no_single_call_takes_long(void **state)
{
    struct bench *bench = support_begin(4096 * MIB);
    comem_dict *dict = support_dict(&bench->store);
    struct timing set = {.name = "set"}, get = {.name = "get"}, setdefault = {.name = "setdefault"},
                  pop = {.name = "pop"}, popitem = {.name = "popitem"}, clear = {.name = "clear"};
    uint64_t count = support_sanitized() ? many / 10 : many;
    char room[16];
    comem_value value;
    (void)state;
    for (uint64_t i = 0; i < count; i++) {
        comem_value key = short_key(i, room);
        double start = thread_seconds();
        comem_status status = i % 4 ? comem_dict_set(dict, key, comem_int((int64_t)i))
                                    : comem_dict_setdefault(dict, key, comem_int((int64_t)i), &value);
        timing_add(i % 4 ? &set : &setdefault, start);
        assert_ok(status);
    }
    uint64_t taken = support_used(bench->map);
    print_message("%llu keys: %.1f bytes each\n", (unsigned long long)count, (double)taken / (double)count);
    for (uint64_t i = 0; i < count; i += 7) {
        uint64_t number = i * 7919 % count;
        comem_value key = short_key(number, room);
        double start = thread_seconds();
        comem_status status = comem_dict_get(dict, key, &value);
        timing_add(&get, start);
        assert_ok(status);
        assert_int_equal(value.as.integer, number);
    }
    for (uint64_t i = 0; i < count / 2; i++) { /* half of them, here and there: gaps everywhere */
        comem_value key = short_key(i * 7919 % count, room);
        double start = thread_seconds();
        comem_status status = comem_dict_pop(dict, key, i % 2 ? &value : NULL);
        timing_add(&pop, start);
        assert_ok(status);
    }
    for (uint64_t i = 0; i < count / 10; i++) {
        comem_value key = short_key(count + i, room);
        double start = thread_seconds();
        comem_status status = comem_dict_set(dict, key, comem_int((int64_t)i));
        timing_add(&set, start);
        assert_ok(status);
    }
    for (uint64_t i = 0; i < count / 4; i++) {
        double start = thread_seconds();
        comem_status status = comem_dict_popitem(dict, NULL, &value);
        timing_add(&popitem, start);
        assert_ok(status);
    }
    assert_int_equal(support_dict_len(dict), count - count / 2 + count / 10 - count / 4);
    double start = thread_seconds();
    assert_ok(comem_dict_clear(dict));
    timing_add(&clear, start);
    for (uint64_t i = 0; i < 20000; i++) { /* those do some of what clear() left to do */
        start = thread_seconds();
        comem_status status = comem_dict_set(dict, comem_int((int64_t)i), comem_int(1));
        timing_add(&set, start);
        assert_ok(status);
    }
    timing_check(&set);
    timing_check(&setdefault);
    timing_check(&get);
    timing_check(&pop);
    timing_check(&popitem);
    timing_check(&clear);
    comem_dict_release(dict);
    assert_int_equal(support_used(bench->map), 0);
    assert_int_equal(support_end(bench), 0);
}

/* A copy, a comparison or an update of many keys would not end in a time that goes with their number. */
static void whole_dicts_are_copied_and_compared_in_proportion(void **state)
{
    struct bench *bench = support_begin(4096 * MIB);
    comem_dict *dict = support_dict(&bench->store), *copy;
    double took[2];
    bool equal = false;
    char room[16];
    uint64_t number = 0;
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        for (; number < (i == 0 ? 20000u : 200000u); number++)
            assert_ok(comem_dict_set(dict, short_key(number, room), comem_int((int64_t)number)));
        double start = thread_seconds();
        assert_ok(comem_dict_copy(dict, &copy));
        assert_ok(comem_dict_update_from(copy, dict));
        assert_ok(comem_dict_equal(dict, copy, &equal));
        took[i] = thread_seconds() - start;
        assert_true(equal);
        assert_int_equal(support_dict_len(copy), number);
        comem_dict_release(copy);
        support_used(bench->map);
    }
    print_message("copy, |= and == of 20,000 keys %.1f ms, of ten times as many %.1f ms\n", took[0] * 1e3,
                  took[1] * 1e3);
    assert_true(took[1] < took[0] * 40);
    assert_ok(comem_dict_set(dict, text("x"), comem_int(1)));
    comem_dict_release(dict);
    assert_int_equal(support_end(bench), 0);
}

static int setup_long(void **state)
{
    int failed = support_setup_alone(state);
    alarm(600);
    return failed;
}

#define LONG(test) cmocka_unit_test_setup_teardown(test, setup_long, support_teardown_alone)

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "large") == 0) {
        many = 10000000;
        argc--;
        argv++;
    }
    support_choose(argc, argv);
    const struct CMUnitTest tests[] = {
        WITH_STORE(an_empty_dict_takes_at_most_512_bytes),
        LONG(an_entry_takes_at_most_100_bytes),
        LONG(no_single_call_takes_long),
        ALONE(whole_dicts_are_copied_and_compared_in_proportion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
