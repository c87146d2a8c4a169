/* test_store.c - making, mapping, growing stores; limits; offsets out of range */
#include "support.h"

#include <stdio.h>
#include <sys/resource.h>

/* The first growth, the last one and the size in between would not be what the limit says. */
static void a_store_grows_to_its_limit_and_no_further(void **state)
{
    static const uint64_t limits[] = {MIB, MIB + 12345, 5 * MIB, 100 * MIB};
    (void)state;
    for (unsigned i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct bench *bench = support_begin(limits[i]);
        struct participant *me;
        assert_ok(participant_enter(bench->map, &me));
        uint64_t data = store_end(bench->map) - bench->map->data;
        assert_true(data > 0 && data <= MIB);
        comem_status status;
        unsigned steps = 0;
        while ((status = heap_grow(me, SPAN_SIZE)) == COMEM_OK) {
            uint64_t now = store_end(bench->map) - bench->map->data;
            assert_true(now > data && now <= limits[i]);
            assert_true(now - data <= 32 * MIB);
            data = now;
            assert_true(++steps < 100);
        }
        assert_int_equal(status, COMEM_NO_MEMORY);
        assert_int_equal(data, limits[i] / SPAN_SIZE * SPAN_SIZE);
        char size[32];
        snprintf(size, sizeof size, "%llu", (unsigned long long)limits[i]);
        assert_non_null(strstr(comem_detail(), size));
        participant_leave(me);
        assert_int_equal(support_end(bench), 0);
    }
}

/* The byte at the end of the store, or an offset that is none, would be touched. */
static void offsets_outside_the_data_are_refused(void **state)
{
    struct bench *bench = *state;
    struct store_map *map = bench->map;
    uint64_t end = store_end(map), first = map->data;
    const struct {
        uint64_t offset, size;
        bool held;
    } cases[] = {
        {first, 8, true},
        {first, end - first, true},
        {end - 8, 8, true},
        {end, 0, true},
        {0, 8, false},
        {8, 8, false},
        {first - 8, 8, false},
        {first + 4, 8, false},
        {first + 1, 1, false},
        {end - 8, 16, false},
        {end, 8, false},
        {end + 8, 8, false},
        {first, end, false},
        {first, UINT64_MAX, false},
        {UINT64_MAX, 8, false},
        {UINT64_MAX - 7, 8, false},
        {UINT64_MAX - 7, 64, false},
        {map->window, 8, false},
        {first, UINT64_MAX - first + 1, false},
        {UINT64_C(1) << 63, UINT64_C(1) << 63, false},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(store_holds(map, cases[i].offset, cases[i].size), cases[i].held);
        assert_true((store_at(map, cases[i].offset, cases[i].size) != NULL) == cases[i].held);
    }
}

/* What one mapping adds would be out of reach for the other. */
static void growth_is_seen_by_every_mapping(void **state)
{
    struct bench *bench = *state;
    comem_store *again = support_again(bench);
    struct participant *me, *other;
    assert_ok(participant_enter(bench->map, &me));
    assert_ok(participant_enter(again->map, &other));
    assert_ptr_not_equal(again->map->base, bench->map->base);
    assert_memory_equal(again->map->id, bench->map->id, 16);
    for (unsigned i = 0; i < 10; i++) {
        assert_ok(heap_grow(i % 2 ? me : other, SPAN_SIZE));
        uint64_t end = store_end(bench->map);
        assert_int_equal(store_end(again->map), end);
        word64 *here = store_at(bench->map, end - 8, 8), *there = store_at(again->map, end - 8, 8);
        assert_true(here != NULL && there != NULL && here != there);
        word_store(here, 77 + i);
        assert_int_equal(word_load(there), 77 + i);
    }
    participant_leave(other);
    participant_leave(me);
}

/* Growth with nothing to give would not be told from damage: `committed` is beyond the window. */
static void an_end_beyond_the_window_is_not_believed(void **state)
{
    struct bench *bench = *state;
    uint64_t end = word_load(&bench->map->header->committed);
    word_store(&bench->map->header->committed, bench->map->window + SPAN_SIZE);
    assert_int_equal(store_end(bench->map), end); /* what this process knows to be there */
    assert_null(store_at(bench->map, end, 8));
    word_store(&bench->map->header->committed, end + SPAN_SIZE); /* nor is one that the memory object does not reach */
    assert_int_equal(store_end(bench->map), end);
    assert_true(store_check(bench->map, NULL, NULL) > 0);
    word_store(&bench->map->header->committed, end);
}

static int small_window(void *argument)
{
    struct rlimit limit = {UINT64_C(8) << 30, UINT64_C(8) << 30};
    (void)argument;
    if (support_sanitized())
        return 0; /* the sanitizer's own memory is beyond any such limit */
    child_check(setrlimit(RLIMIT_AS, &limit) == 0);
    struct bench *bench = support_begin(UINT64_C(100) << 30);
    child_check(bench->map->window <= UINT64_C(4) << 30);
    child_check(bench->map->window >= UINT64_C(1) << 30);
    comem_list *list;
    child_check(comem_list_new(&bench->store, &list) == COMEM_OK);
    for (int i = 0; i < 100000; i++)
        child_check(comem_list_append(list, comem_int(i)) == COMEM_OK);
    return support_end(bench) != 0;
}

/* A process with little address space could not have a store at all. */
static void the_window_is_smaller_where_address_space_is_limited(void **state)
{
    (void)state;
    assert_int_equal(support_run(small_window, NULL), 0);
}

static int file_size_limit(void *argument)
{
    struct bench *bench = support_begin(256 * MIB);
    comem_list *list;
    char block[30000] = {1};
    size_t count = 0, length;
    struct rlimit limit;
    (void)argument;
    child_check(comem_list_new(&bench->store, &list) == COMEM_OK);
    limit.rlim_cur = limit.rlim_max = word_load(&bench->map->header->committed) + 5 * MIB;
    child_check(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    comem_status status;
    while ((status = comem_list_append(list, comem_bytes(block, sizeof block))) == COMEM_OK)
        count++;
    child_check(status == COMEM_NO_MEMORY);
    child_check(strstr(comem_detail(), "RLIMIT_FSIZE") != NULL);
    child_check(count > 100); /* the last step was made as small as it has to be */
    child_check(word_load(&bench->map->header->committed) + 32768 + SPAN_SIZE > limit.rlim_cur);
    child_check(comem_list_len(list, &length) == COMEM_OK && length == count);
    child_check(comem_list_pop(list, NULL) == COMEM_OK);
    child_check(comem_list_append(list, comem_bytes(block, sizeof block)) == COMEM_OK);
    return support_end(bench) != 0;
}

/* A full file system would kill the process, or cost what was there. */
static void growth_beyond_the_file_size_limit_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(support_run(file_size_limit, NULL), 0);
}

static int no_store_at_all(void *argument)
{
    struct rlimit limit = {65536, 65536};
    struct store_map *map = NULL;
    (void)argument;
    child_check(handle_init() == COMEM_OK);
    child_check(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    child_check(store_map_create(MIB, &map) == COMEM_NO_MEMORY);
    child_check(comem_detail()[0] != 0 && map == NULL);
    return 0;
}

/* Where not even a header fits, making a store would crash. */
static void no_room_for_a_store_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(support_run(no_store_at_all, NULL), 0);
}

static int no_descriptor_for_a_store(void *argument)
{
    struct rlimit limit = {3, 3};
    struct store_map *map = NULL;
    (void)argument;
    child_check(handle_init() == COMEM_OK);
    child_check(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    child_check(store_map_create(MIB, &map) == COMEM_SYSTEM);
    child_check(map == NULL);
    limit.rlim_cur = 10; /* not enough for a descriptor at 64 */
    return 0;
}

/* Nor where there is no descriptor to be had. */
static void no_descriptor_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(support_run(no_descriptor_for_a_store, NULL), 0);
}

/* A full store would be unusable for good, or have lost something. */
static void a_full_store_works_on_when_something_is_freed(void **state)
{
    struct bench *bench = support_begin(3 * MIB);
    comem_list *lists[5000];
    unsigned count = 0;
    (void)state;
    comem_value numbers[64];
    for (unsigned i = 0; i < 64; i++)
        numbers[i] = comem_int(i);
    comem_status status = COMEM_OK;
    while (count < 5000 && (status = comem_list_new(&bench->store, &lists[count])) == COMEM_OK) {
        if ((status = comem_list_extend(lists[count++], numbers, 64)) != COMEM_OK)
            break;
    }
    assert_int_equal(status, COMEM_NO_MEMORY);
    assert_non_null(strstr(comem_detail(), "3145728"));
    size_t expected = support_len(lists[count - 1]);
    assert_true(expected == 0 || expected == 64);
    for (unsigned i = 0; i + 1 < count; i++)
        assert_int_equal(support_len(lists[i]), 64);
    for (unsigned round = 0; round < 20; round++) {
        comem_list_release(lists[round]);
        lists[round] = support_list(&bench->store);
        assert_ok(comem_list_extend(lists[round], numbers, 64));
    }
    assert_int_equal(support_problems(bench->map), 0);
    assert_int_equal(support_end(bench), 0);
}

struct filling {
    struct bench *bench;
    _Atomic int failed;
};

static void *fill_and_empty(void *argument)
{
    struct filling *filling = argument;
    comem_list *list;
    char block[5000] = {1};
    if (comem_list_new(&filling->bench->store, &list) != COMEM_OK) {
        filling->failed++;
        return NULL;
    }
    for (unsigned round = 0; round < 20; round++) {
        size_t count = 0, length;
        comem_status status;
        while ((status = comem_list_append(list, comem_bytes(block, sizeof block))) == COMEM_OK && count < 600)
            count++;
        filling->failed += status != COMEM_OK && status != COMEM_NO_MEMORY;
        filling->failed += comem_list_len(list, &length) != COMEM_OK || length != count + (status == COMEM_OK);
        filling->failed += comem_list_clear(list) != COMEM_OK;
    }
    comem_list_release(list);
    return NULL;
}

/* Threads that meet a full store at once would damage it. */
static void threads_that_fill_a_store_together_leave_it_whole(void **state)
{
    struct filling filling = {.bench = support_begin(4 * MIB)};
    pthread_t threads[4];
    (void)state;
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, fill_and_empty, &filling), 0);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(filling.failed, 0);
    assert_int_equal(support_used(filling.bench->map), 0);
    assert_int_equal(support_end(filling.bench), 0);
}

int main(int argc, char **argv)
{
    support_choose(argc, argv);
    const struct CMUnitTest tests[] = {
        ALONE(a_store_grows_to_its_limit_and_no_further),
        WITH_STORE(offsets_outside_the_data_are_refused),
        WITH_STORE(growth_is_seen_by_every_mapping),
        WITH_STORE(an_end_beyond_the_window_is_not_believed),
        ALONE(the_window_is_smaller_where_address_space_is_limited),
        ALONE(growth_beyond_the_file_size_limit_is_an_error),
        ALONE(no_room_for_a_store_is_an_error),
        ALONE(no_descriptor_is_an_error),
        ALONE(a_full_store_works_on_when_something_is_freed),
        ALONE(threads_that_fill_a_store_together_leave_it_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
