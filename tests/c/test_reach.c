/* test_reach.c - a store and its objects in processes that did not inherit them: descriptors, records, names */
#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define SECOND UINT64_C(1000000000)

static uint64_t time_now;

static uint64_t played_clock(void)
{
    return time_now;
}

/* ---- attaching by descriptor ---- */

/* A memory object with the header of `map`, and as large. */
static int copy_of_header(const struct store_map *map, struct store_header *header, unsigned seals)
{
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_true(fd >= 0);
    memcpy(header, map->header, sizeof *header); /* private: the test's */
    assert_int_equal(ftruncate(fd, (off_t)word_load(&header->committed)), 0);
    if (seals != 0)
        assert_int_equal(fcntl(fd, F_ADD_SEALS, (int)seals), 0);
    return fd;
}

static comem_status attach_copy(int fd, const struct store_header *header, const uint8_t id[16])
{
    struct store_map *map;
    assert_int_equal(pwrite(fd, header, sizeof *header, 0), sizeof *header);
    comem_status status = store_map_attach(fd, id, &map);
    if (status == COMEM_OK)
        store_map_free(map);
    return status;
}

/* A number of a header that nobody checked would lead outside the mapping. */
static void a_header_that_is_wrong_anywhere_is_refused(void **state)
{
    struct bench *bench = *state;
    struct store_header good, bad;
    const struct {
        size_t offset;
        uint64_t value;
        comem_status status;
    } cases[] = {
        {offsetof(struct store_header, magic), 1, COMEM_GONE},
        {offsetof(struct store_header, fingerprint), 1, COMEM_UNSUPPORTED},
        {offsetof(struct store_header, id), 1, COMEM_GONE},
        {offsetof(struct store_header, window), 0, COMEM_DAMAGED},
        {offsetof(struct store_header, window), LAYOUT_WINDOW * 2, COMEM_DAMAGED},
        {offsetof(struct store_header, window), 4096, COMEM_DAMAGED},
        {offsetof(struct store_header, window), 4097, COMEM_DAMAGED},
        {offsetof(struct store_header, page_table), 0, COMEM_DAMAGED},
        {offsetof(struct store_header, group_table), UINT64_MAX, COMEM_DAMAGED},
        {offsetof(struct store_header, data), 8, COMEM_DAMAGED},
        {offsetof(struct store_header, committed), 0, COMEM_DAMAGED},
        {offsetof(struct store_header, committed), LAYOUT_WINDOW, COMEM_DAMAGED},
        {offsetof(struct store_header, committed), UINT64_MAX, COMEM_DAMAGED},
    };
    assert_ok(attach_copy(copy_of_header(bench->map, &good, F_SEAL_SHRINK), &good, bench->map->id));
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int fd = copy_of_header(bench->map, &bad, F_SEAL_SHRINK);
        memcpy((char *)&bad + cases[i].offset, &cases[i].value, sizeof cases[i].value); /* private: the test's */
        assert_status(cases[i].status, attach_copy(fd, &bad, bench->map->id));
        assert_true(comem_detail()[0] != '\0');
        assert_int_equal(fcntl(fd, F_GETFD), -1); /* taken over */
    }
}

/* Somebody could cut the object short, and every access would raise SIGBUS. */
static void memory_that_may_shrink_and_what_is_no_memory_is_refused(void **state)
{
    struct bench *bench = *state;
    struct store_header header;
    struct store_map *map;
    char path[] = "/tmp/comem-test-XXXXXX";
    int ends[2], file = mkstemp(path), unsealed = copy_of_header(bench->map, &header, 0);
    assert_true(file >= 0 && pipe(ends) == 0);
    unlink(path);
    assert_int_equal(pwrite(unsealed, &header, sizeof header, 0), sizeof header);
    assert_int_equal(fchmod(unsealed, 0666), 0);
    const int fds[] = {unsealed, file, ends[0], ends[1], open("/dev/null", O_RDWR | O_CLOEXEC), 987654};
    for (unsigned i = 0; i < sizeof fds / sizeof fds[0]; i++)
        assert_status(COMEM_GONE, store_map_attach(fds[i], bench->map->id, &map));
}

static void an_attached_store_is_the_same_one(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store), *there;
    comem_store *again = support_again(bench); /* by descriptor */
    assert_ok(comem_list_append(list, comem_int(7)));
    there = support_handle_on(again, list);
    assert_int_equal(support_int(there, 0), 7);
    assert_ok(comem_list_append(there, comem_str("more than a cell has room for", 29)));
    assert_int_equal(support_len(list), 2);
    comem_list_release(there);
    comem_list_release(list);
}

/* ---- children that are started otherwise than by fork ---- */

static struct participant *present(struct store_map *map)
{
    struct participant *me;
    assert_ok(participant_enter(map, &me));
    participant_leave(me);
    return me;
}

/* The child would find its arguments freed when its parent drops them at once. */
static void a_childs_record_keeps_its_arguments_until_it_has_loaded_them(void **state)
{
    struct bench *bench = *state;
    struct child_record child;
    struct object_name name;
    comem_list *kept = support_list(&bench->store), *opened = support_list(&bench->store);
    comem_store *again = support_again(bench); /* as the child has it */
    assert_ok(participant_expect(bench->map, &child));
    assert_ok(object_name_pass(&kept->object, &child, &name));
    assert_ok(object_name_pass(&opened->object, &child, &name));
    assert_ok(object_name_pass(&opened->object, &child, &name)); /* one row is enough */
    uint64_t used = support_used(bench->map), offset = opened->object.offset;
    comem_list_release(kept);
    comem_list *there = NULL;
    assert_int_equal(support_used(bench->map), used);
    assert_ok(participant_come(again->map, &child));
    assert_int_equal(seat_state(word_load(&again->map->process->control)), SEAT_LIVE);
    there = support_handle_on(again, opened);
    assert_int_equal(there->object.offset, offset);
    comem_list_release(opened);
    assert_int_equal(support_used(bench->map), used);
    object_child_loaded(again->map);
    assert_true(support_used(bench->map) < used); /* the one that it did not open */
    assert_ok(comem_list_append(there, comem_int(1)));
    comem_list_release(there);
    assert_int_equal(support_used(bench->map), 0);
}

/* What a child that never came was to load would stay for ever. */
static void the_record_of_a_child_that_never_comes_is_reaped(void **state)
{
    struct bench *bench = *state;
    struct child_record child;
    struct object_name name;
    comem_list *list = support_list(&bench->store);
    assert_ok(participant_expect(bench->map, &child));
    assert_ok(object_name_pass(&list->object, &child, &name));
    comem_list_release(list);
    assert_true(support_used(bench->map) > 0);
    assert_non_null(participant_expected(bench->map, &child));
    os_witness_drop(child.witness);
    assert_int_equal(support_used(bench->map), 0);
    assert_null(participant_expected(bench->map, &child));
}

/* A record that was reaped and given to another would be written by two. */
static void a_record_that_is_no_more_is_not_taken_for_the_childs(void **state)
{
    struct bench *bench = *state;
    struct child_record child, other;
    struct object_name name;
    comem_list *list = support_list(&bench->store);
    comem_store *again = support_again(bench);
    assert_ok(participant_expect(bench->map, &child));
    os_witness_drop(child.witness);
    support_sweep(bench->map);
    assert_ok(participant_expect(bench->map, &other));
    assert_int_equal(child.place, other.place);
    assert_int_not_equal(child.generation, other.generation);
    assert_status(COMEM_INVALID, object_name_pass(&list->object, &child, &name));
    child.witness = -1;
    assert_ok(participant_come(again->map, &child)); /* with a record of its own making */
    assert_non_null(participant_expected(bench->map, &other));
    const uint64_t nonsense[] = {0, 8, other.place + 8, bench->map->window, UINT64_MAX};
    for (unsigned i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        struct child_record none = {.place = nonsense[i], .generation = other.generation, .witness = -1};
        assert_null(participant_expected(bench->map, &none));
    }
    os_witness_drop(other.witness);
    comem_list_release(list);
}

/* The rows of a process beyond the 64 in its record stand in tables. */
static void a_child_may_have_a_thousand_arguments(void **state)
{
    enum { MANY = 1000 };
    struct bench *bench = *state;
    struct child_record child;
    struct object_name name;
    static comem_list *lists[MANY];
    comem_store *again = support_again(bench);
    for (unsigned i = 0; i < MANY; i++)
        lists[i] = support_list(&bench->store);
    assert_ok(participant_expect(bench->map, &child));
    for (unsigned i = 0; i < MANY; i++)
        assert_ok(object_name_pass(&lists[i]->object, &child, &name));
    uint64_t used = support_used(bench->map);
    for (unsigned i = 0; i < MANY; i++)
        comem_list_release(lists[i]);
    assert_true(support_used(bench->map) + 100000 > used);
    assert_ok(participant_come(again->map, &child));
    object_child_loaded(again->map);
    present(again->map);
    assert_true(support_used(bench->map) < 100000); /* tables of rows */
}

/* ---- names ---- */

static comem_status open_name(const struct object_name *name)
{
    struct comem_object *handle;
    comem_status status = object_name_open(name, &handle);
    if (status == COMEM_OK)
        object_release(handle);
    return status;
}

static void a_name_keeps_its_object_for_as_long_as_was_asked(void **state)
{
    struct bench *bench = *state;
    struct object_name name;
    time_now = os_clock();
    os_seam_clock = played_clock;
    comem_list *list = support_list(&bench->store);
    assert_ok(object_name_get(&list->object, 60 * SECOND, &name));
    assert_ok(object_name_get(&list->object, 5 * SECOND, &name)); /* takes nothing back */
    comem_list_release(list);
    time_now += 59 * SECOND;
    support_used(bench->map);
    assert_ok(open_name(&name));
    time_now += 2 * SECOND;
    assert_int_equal(support_used(bench->map), 0);
    assert_status(COMEM_GONE, open_name(&name));
    os_seam_clock = NULL;
}

/* A store full of names that nobody opens would be full for a minute. */
static void a_full_store_takes_names_back_oldest_first(void **state)
{
    enum { NAMES = 8 };
    struct bench *bench = support_begin(2 * MIB);
    struct object_name names[NAMES];
    size_t size = 100000;
    char *bytes = calloc(1, size);
    (void)state;
    assert_non_null(bytes);
    time_now = os_clock();
    os_seam_clock = played_clock;
    for (unsigned i = 0; i < NAMES; i++) {
        comem_list *list = support_list(&bench->store);
        assert_ok(comem_list_append(list, comem_bytes(bytes, size)));
        assert_ok(object_name_get(&list->object, 60 * SECOND, &names[i]));
        comem_list_release(list);
        time_now += SECOND / 10;
    }
    comem_list *holder = support_list(&bench->store);
    unsigned gone = 0;
    while (gone < NAMES) {
        assert_ok(comem_list_append(holder, comem_bytes(bytes, size)));
        unsigned before = gone;
        while (gone < NAMES && open_name(&names[gone]) == COMEM_GONE)
            gone++;
        for (unsigned i = gone; i < NAMES; i++)
            assert_ok(open_name(&names[i]));
        assert_true(gone - before <= 2); /* no more of them than had to */
    }
    os_seam_clock = NULL;
    comem_list_release(holder);
    free(bytes);
    assert_int_equal(support_end(bench), 0);
}

/* A descriptor that was opened because a pickle says so might be a pipe that blocks, or another program's file. */
static void a_name_of_what_is_out_of_reach_says_what_is(void **state)
{
    struct bench *bench = *state;
    struct object_name name, other;
    int ends[2];
    comem_list *list = support_list(&bench->store);
    assert_int_equal(pipe(ends), 0);
    assert_ok(object_name_get(&list->object, 0, &name));
    assert_ok(open_name(&name));
    name.store[0] ^= 1; /* of a store that this process does not have */
    const struct {
        int32_t sender, descriptor;
        uint64_t boot, pid_namespace;
        const char *sentence;
    } cases[] = {
        {name.sender, name.descriptor, name.boot, name.pid_namespace, "another store"},
        {name.sender, ends[0], name.boot, name.pid_namespace, "no longer has it"},
        {name.sender, 987654, name.boot, name.pid_namespace, "no longer has it"},
        {name.sender, -1, name.boot, name.pid_namespace, "no longer has it"},
        {0x3FFFFFFF, 64, name.boot, name.pid_namespace, "is gone"},
        {name.sender, name.descriptor, name.boot ^ 1, name.pid_namespace, "another machine"},
        {name.sender, name.descriptor, name.boot, name.pid_namespace ^ 1, "PID namespace"},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        other = name;
        other.sender = cases[i].sender;
        other.descriptor = cases[i].descriptor;
        other.boot = cases[i].boot;
        other.pid_namespace = cases[i].pid_namespace;
        assert_status(COMEM_GONE, open_name(&other));
        assert_non_null(strstr(comem_detail(), cases[i].sentence));
    }
    close(ends[0]);
    close(ends[1]);
    comem_list_release(list);
}

/* ---- handles on nothing ---- */

static void a_handle_on_nothing_answers_every_call_with_its_reason(void **state)
{
    struct bench *bench = *state;
    comem_list *real = support_list(&bench->store);
    struct comem_object *handle;
    struct object_name name;
    comem_value value;
    size_t length;
    assert_ok(handle_absent(OBJECT_LIST, OBJECT_DEEP, COMEM_GONE, "made of nothing", &handle));
    comem_list *list = (comem_list *)handle;
    assert_int_equal(object_flags(handle), OBJECT_DEEP);
    assert_false(object_alive(handle));
    const comem_status answers[] = {
        comem_list_len(list, &length),
        comem_list_append(list, comem_int(1)),
        comem_list_get(list, 0, &value),
        comem_list_pop(list, &value),
        comem_list_clear(list),
        object_name_get(handle, 0, &name),
        comem_list_append(real, comem_ref(list)),
    };
    for (unsigned i = 0; i < sizeof answers / sizeof answers[0]; i++)
        assert_int_equal(answers[i], COMEM_GONE);
    assert_string_equal(comem_detail(), "made of nothing");
    object_hold(handle);
    comem_list_release(list);
    comem_list_release(list);
    assert_int_equal(support_len(real), 0);
    comem_list_release(real);
}

int main(int argc, char **argv)
{
    support_choose(argc, argv);
    const struct CMUnitTest tests[] = {
        WITH_STORE(a_header_that_is_wrong_anywhere_is_refused),
        WITH_STORE(memory_that_may_shrink_and_what_is_no_memory_is_refused),
        WITH_STORE(an_attached_store_is_the_same_one),
        WITH_STORE(a_childs_record_keeps_its_arguments_until_it_has_loaded_them),
        WITH_STORE(the_record_of_a_child_that_never_comes_is_reaped),
        WITH_STORE(a_record_that_is_no_more_is_not_taken_for_the_childs),
        WITH_STORE(a_child_may_have_a_thousand_arguments),
        WITH_STORE(a_name_keeps_its_object_for_as_long_as_was_asked),
        ALONE(a_full_store_takes_names_back_oldest_first),
        WITH_STORE(a_name_of_what_is_out_of_reach_says_what_is),
        WITH_STORE(a_handle_on_nothing_answers_every_call_with_its_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
