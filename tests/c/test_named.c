/* test_named.c - stores by name: made, opened, closed, removed */
#include "named_support.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "store/named.h"

/* ---- one program after the other ---- */

static void what_is_in_a_store_is_there_when_it_is_opened_again(void **state)
{
    const char *name = own_name("again");
    (void)state;
    comem_store *store = opened(name);
    comem_list *list = root_list(store);
    assert_ok(comem_list_append(list, comem_int(7)));
    comem_list_release(list);
    comem_close(store);
    store = opened(name);
    list = root_list(store);
    assert_int_equal(support_int(list, 0), 7);
    comem_list_release(list);
    comem_close(store);
    assert_ok(comem_unlink(name));
    assert_false(exists(path_of(name)));
    assert_status(COMEM_NOT_FOUND, open_existing(name));
    assert_status(COMEM_NOT_FOUND, comem_unlink(name));
}

/* ---- opening and closing ---- */

/* Descriptors and mappings of this process that are of stores in memory; of one that it made itself no name is shown. */
static unsigned count_traces(void)
{
    unsigned count = 0;
    char line[512], link[512];
    FILE *maps = fopen("/proc/self/maps", "re");
    while (fgets(line, sizeof line, maps) != NULL)
        count += strstr(line, NAMED_FOLDER "/") != NULL;
    fclose(maps);
    DIR *folder = opendir("/proc/self/fd");
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        snprintf(line, sizeof line, "/proc/self/fd/%.20s", entry->d_name);
        ssize_t size = readlink(line, link, sizeof link - 1);
        link[size < 0 ? 0 : size] = '\0';
        count += strstr(link, NAMED_FOLDER "/") != NULL;
    }
    closedir(folder);
    return count;
}

/* A program that opens a store now and then would run out of descriptors or address space. */
static void a_thousand_openings_leave_nothing(void **state)
{
    char name[64];
    (void)state;
    strcpy(name, own_name("often"));
    unsigned before = count_traces();
    comem_store *kept = opened(name);
    assert_int_equal(count_traces(), before + 2);
    comem_close(kept);
    for (unsigned i = 0; i < 1000; i++) {
        comem_store *store = opened(name);
        comem_list *list = root_list(store);
        assert_ok(comem_list_append(list, comem_int(i)));
        assert_int_equal(support_len(list), i + 1);
        comem_list_release(list);
        comem_close(store);
    }
    assert_int_equal(count_traces(), before);
    assert_ok(comem_unlink(name));
}

/* Two mappings of one store would not know each other's handles. */
static void a_store_is_mapped_once_and_closed_with_its_last_opening(void **state)
{
    char name[64], path[NAMED_PATH_MAX], link_path[NAMED_PATH_MAX + 8];
    (void)state;
    strcpy(name, own_name("once"));
    comem_store *first = opened(name);
    strcpy(path, path_of(name));
    comem_store *second = opened(path);
    snprintf(link_path, sizeof link_path, "%s-2", path);
    assert_int_equal(link(path, link_path), 0);
    comem_store *third = opened(link_path);
    assert_ptr_equal(first->map, second->map);
    assert_ptr_equal(first->map, third->map);
    comem_list *list = root_list(first), *same = root_list(second);
    assert_ptr_equal(list, same);
    comem_close(first);
    comem_close(third);
    assert_ok(comem_list_append(list, comem_int(1)));
    comem_close(second);
    assert_status(COMEM_GONE, comem_list_append(list, comem_int(1)));
    comem_list_release(list);
    comem_list_release(same);
    unlink(link_path);
    assert_ok(comem_unlink(name));
}

/* Every kind of call on a handle of a store that is not there. */
static void assert_gone(comem_list *list, comem_dict *dict, comem_variable *variable)
{
    comem_value value = comem_int(1), key = comem_str("key", 3);
    size_t length;
    bool found;
    struct object_name name;
    const comem_status answers[] = {
        comem_list_len(list, &length),
        comem_list_get(list, 0, &value),
        comem_list_append(list, comem_int(1)),
        comem_list_append(list, comem_str("longer than a cell", 18)),
        comem_list_set(list, 0, comem_int(1)),
        comem_list_extend(list, &key, 1),
        comem_list_pop(list, NULL),
        comem_list_clear(list),
        comem_list_sort(list),
        comem_list_read(list, 0, 1, &value, &length),
        comem_dict_len(dict, &length),
        comem_dict_get(dict, key, &value),
        comem_dict_set(dict, key, comem_int(1)),
        comem_dict_set(dict, key, comem_str("longer than a cell", 18)),
        comem_dict_contains(dict, key, &found),
        comem_dict_pop(dict, key, NULL),
        comem_dict_read(dict, NULL, NULL, 0, &length),
        comem_dict_clear(dict),
        comem_variable_get(variable, &value),
        comem_variable_set(variable, comem_int(2)),
        comem_variable_add(variable, comem_int(2), NULL),
        object_name_get(&list->object, 0, &name),
    };
    for (unsigned i = 0; i < sizeof answers / sizeof answers[0]; i++)
        if (answers[i] != COMEM_GONE)
            fail_msg("call %u: %s", i, comem_strerror(answers[i]));
    assert_detail("the store was closed in this process: open it again, and take its objects from there");
    assert_false(object_alive(&list->object));
    assert_int_equal(object_flags(&dict->object) & ~OBJECT_DEEP, 0);
}

/* A handle points into the window. */
static void handles_of_a_closed_store_are_gone_for_good(void **state)
{
    char name[64], other[64];
    comem_dict *dict;
    comem_variable *variable;
    struct list_cursor cursor;
    comem_value value;
    (void)state;
    strcpy(name, own_name("closed"));
    strcpy(other, own_name("another"));
    comem_store *store = opened(name);
    comem_list *list = root_list(store);
    assert_ok(comem_list_append(list, comem_int(1)));
    assert_ok(comem_list_append(list, comem_int(2)));
    assert_ok(comem_root_dict(store, "dict", &dict));
    assert_ok(comem_root_variable(store, "variable", comem_int(1), &variable));
    list_cursor_start(&cursor, list);
    assert_ok(list_cursor_next(&cursor, &value));
    comem_close(store);
    assert_gone(list, dict, variable);
    comem_store *elsewhere = opened(other); /* fills the map that the handles point to */
    assert_gone(list, dict, variable);
    comem_list *there = root_list(elsewhere);
    assert_status(COMEM_GONE, comem_list_append(there, comem_ref(list)));
    store = opened(name);
    assert_gone(list, dict, variable);
    assert_status(COMEM_GONE, list_cursor_next(&cursor, &value));
    comem_list *again = root_list(store);
    assert_int_equal(support_len(again), 2);
    comem_list_release(list);
    comem_dict_release(dict);
    comem_close(store);
    comem_variable_release(variable);
    comem_list_release(again);
    comem_list_release(there);
    comem_close(elsewhere);
    assert_ok(comem_unlink(name));
    assert_ok(comem_unlink(other));
}

/* ---- threads ---- */

struct bystander {
    comem_list *list;
    _Atomic int there, go, answer;
};

static void *stand_by(void *argument)
{
    struct bystander *bystander = argument;
    bystander->answer = comem_list_append(bystander->list, comem_int(1)) == COMEM_OK;
    bystander->there = 1;
    support_await(&bystander->go, 1);
    bystander->answer = (int)comem_list_append(bystander->list, comem_int(1));
    bystander->there = 2;
    support_await(&bystander->go, 2);
    return NULL;
}

/* What a closed handle held would stay in the store as long as any thread of this process is attached. */
static void closing_gives_back_what_the_process_held(void **state)
{
    const char *name = own_name("held");
    comem_list *lists[100];
    pthread_t thread;
    (void)state;
    comem_store *store = opened(name);
    struct bystander bystander = {.list = root_list(store)};
    assert_int_equal(pthread_create(&thread, NULL, stand_by, &bystander), 0);
    support_await(&bystander.there, 1);
    for (unsigned i = 0; i < 100; i++) /* the table of what the process holds grows once, and stays */
        lists[i] = support_list(store);
    for (unsigned i = 0; i < 100; i++)
        comem_list_release(lists[i]);
    uint64_t used = support_used(store->map);
    for (unsigned i = 0; i < 100; i++)
        lists[i] = support_list(store);
    comem_close(store);
    store = opened(name);
    assert_true(support_used(store->map) <= used);
    assert_int_equal(support_problems(store->map), 0);
    bystander.go = 2;
    pthread_join(thread, NULL);
    comem_close(store);
    for (unsigned i = 0; i < 100; i++)
        comem_list_release(lists[i]);
    comem_list_release(bystander.list);
    assert_ok(comem_unlink(name));
}

/* The kernel would look for a thread's life word where nothing is mapped any more. */
static void a_store_closed_under_other_threads_goes_with_the_last_of_them(void **state)
{
    char name[64];
    pthread_t thread;
    (void)state;
    strcpy(name, own_name("threads"));
    for (unsigned calls = 0; calls < 2; calls++) { /* whether the thread calls again, or ends */
        unsigned before = count_traces();
        comem_store *store = opened(name);
        struct bystander bystander = {.list = root_list(store)};
        assert_int_equal(pthread_create(&thread, NULL, stand_by, &bystander), 0);
        support_await(&bystander.there, 1);
        assert_true(bystander.answer);
        comem_close(store);
        assert_status(COMEM_GONE, comem_list_append(bystander.list, comem_int(1)));
        assert_int_equal(count_traces(), before + 2); /* the thread's life is in there */
        if (calls == 1) {
            bystander.go = 1;
            support_await(&bystander.there, 2);
            assert_int_equal(bystander.answer, COMEM_GONE);
            assert_int_equal(count_traces(), before);
        }
        bystander.go = 2;
        pthread_join(thread, NULL);
        assert_int_equal(count_traces(), before);
        comem_list_release(bystander.list);
    }
    assert_ok(comem_unlink(name));
}

static void a_store_opened_again_under_other_threads_goes_on(void **state)
{
    char name[64];
    pthread_t thread;
    (void)state;
    strcpy(name, own_name("reopened"));
    comem_store *store = opened(name);
    struct bystander bystander = {.list = root_list(store)};
    assert_int_equal(pthread_create(&thread, NULL, stand_by, &bystander), 0);
    support_await(&bystander.there, 1);
    comem_close(store);
    store = opened(name);
    comem_list *list = root_list(store);
    assert_int_equal(support_len(list), 1);
    bystander.go = 2; /* its handle stays stale */
    pthread_join(thread, NULL);
    assert_int_equal(bystander.answer, COMEM_GONE);
    assert_ok(comem_list_append(list, comem_int(2)));
    comem_list_release(list);
    comem_list_release(bystander.list);
    comem_close(store);
    assert_int_equal(count_traces(), 0);
    assert_ok(comem_unlink(name));
}

static void *open_and_leave(void *argument)
{
    comem_store **store = argument;
    *store = opened((const char *)*store);
    return root_list(*store);
}

/* A keeper sleeps for good; the store would stay mapped for good. */
static void a_keeper_leaves_with_the_store(void **state)
{
    char name[64];
    pthread_t thread;
    void *list;
    (void)state;
    strcpy(name, own_name("keeper"));
    comem_store *store = (comem_store *)(void *)name;
    assert_int_equal(pthread_create(&thread, NULL, open_and_leave, &store), 0);
    pthread_join(thread, &list); /* no other thread is attached, and there is a handle: a keeper came */
    assert_int_equal(count_traces(), 2);
    comem_close(store);
    for (unsigned i = 0; i < 10000 && count_traces() > 0; i++)
        support_nap(1000);
    assert_int_equal(count_traces(), 0);
    comem_list_release(list);
    assert_ok(comem_unlink(name));
}

/* ---- removing ---- */

static void a_removed_store_is_used_on_and_its_name_given_to_another(void **state)
{
    char name[64];
    (void)state;
    strcpy(name, own_name("removed"));
    comem_store *store = opened(name);
    comem_list *list = root_list(store);
    assert_ok(comem_unlink(name));
    assert_ok(comem_list_append(list, comem_int(1)));
    comem_store *next = opened(name);
    assert_ptr_not_equal(next->map, store->map);
    comem_list *other = root_list(next);
    assert_int_equal(support_len(other), 0);
    assert_int_equal(support_len(list), 1);
    comem_list_release(other);
    comem_list_release(list);
    comem_close(store);
    comem_close(next);
    assert_ok(comem_unlink(name));
    assert_int_equal(count_traces(), 0);
}

/* ---- several at once ---- */

struct race {
    char name[64];
    _Atomic int ready, go;
    _Atomic int made;
};

static int open_at_once(void *argument)
{
    struct race *race = argument;
    race->ready++;
    support_await(&race->go, 1);
    for (unsigned i = 0; i < 50; i++) {
        comem_store *store;
        child_check(comem_open(race->name, NULL, &store) == COMEM_OK);
        comem_list *list;
        child_check(comem_root_list(store, "list", &list) == COMEM_OK);
        child_check(comem_list_append(list, comem_int(1)) == COMEM_OK);
        comem_list_release(list);
        comem_close(store);
    }
    return 0;
}

static void one_of_several_makes_a_store_and_all_have_it(void **state)
{
    enum { MANY = 8, ROUNDS = 5 };
    (void)state;
    struct race *race = support_shared(sizeof *race);
    for (unsigned round = 0; round < ROUNDS; round++) {
        pid_t children[MANY];
        strcpy(race->name, own_name("race"));
        race->ready = race->go = 0;
        for (unsigned i = 0; i < MANY; i++)
            children[i] = support_fork(open_at_once, race);
        support_await(&race->ready, MANY);
        race->go = 1;
        for (unsigned i = 0; i < MANY; i++)
            assert_int_equal(support_wait(children[i]), 0);
        comem_store *store = opened(race->name);
        comem_list *list = root_list(store);
        assert_int_equal(support_len(list), MANY * 50);
        assert_int_equal(support_problems(store->map), 0);
        comem_list_release(list);
        comem_close(store);
        assert_ok(comem_unlink(race->name));
    }
}

/* After the machine's start all come at once. */
static void one_of_several_adopts_a_store_and_all_have_it(void **state)
{
    enum { MANY = 8, ROUNDS = 5 };
    (void)state;
    struct race *race = support_shared(sizeof *race);
    strcpy(race->name, own_name("adopted"));
    comem_close(opened(race->name));
    os_seam_boot = another_boot;
    for (unsigned round = 0; round < ROUNDS; round++) {
        pid_t children[MANY];
        played_boot++;
        race->ready = race->go = 0;
        for (unsigned i = 0; i < MANY; i++)
            children[i] = support_fork(open_at_once, race);
        support_await(&race->ready, MANY);
        race->go = 1;
        for (unsigned i = 0; i < MANY; i++)
            assert_int_equal(support_wait(children[i]), 0);
    }
    comem_store *store = opened(race->name);
    comem_list *list = root_list(store);
    assert_int_equal(support_len(list), MANY * 50 * ROUNDS);
    comem_list_release(list);
    comem_close(store);
    os_seam_boot = NULL;
    assert_ok(comem_unlink(race->name));
}

/* ---- fork, exec, other processes ---- */

static int use_inherited(void *argument)
{
    struct bystander *inherited = argument;
    child_check(comem_list_append(inherited->list, comem_int(2)) == COMEM_OK);
    store_detach_process();
    return 0;
}

static int close_inherited(void *argument)
{
    comem_store *store = argument;
    comem_close(store);
    child_check(count_traces() == 0);
    return 0;
}

/* A child would have no handles, or its closing be its parent's. */
static void a_child_has_its_parents_stores_and_closes_its_own(void **state)
{
    char name[64], other[64];
    (void)state;
    strcpy(name, own_name("fork"));
    strcpy(other, own_name("fork2"));
    comem_store *store = opened(name), *second = opened(other);
    struct bystander inherited = {.list = root_list(store)}, also = {.list = root_list(second)};
    assert_int_equal(support_run(use_inherited, &inherited), 0);
    assert_int_equal(support_run(use_inherited, &also), 0);
    comem_close(second);
    assert_int_equal(support_run(close_inherited, store), 0);
    assert_int_equal(support_len(inherited.list), 1);
    comem_list_release(inherited.list);
    comem_list_release(also.list);
    comem_close(store);
    assert_ok(comem_unlink(name));
    assert_ok(comem_unlink(other));
}

/* Closed in one thread while another is attached; then the program forks. */
static void a_child_does_not_have_what_its_parent_closed(void **state)
{
    char name[64];
    pthread_t thread;
    (void)state;
    strcpy(name, own_name("forked"));
    comem_store *store = opened(name);
    struct bystander bystander = {.list = root_list(store)};
    assert_int_equal(pthread_create(&thread, NULL, stand_by, &bystander), 0);
    support_await(&bystander.there, 1);
    comem_close(store);
    pid_t child = fork();
    if (child == 0) {
        child_check(count_traces() == 0);
        child_check(comem_list_append(bystander.list, comem_int(1)) == COMEM_GONE);
        _exit(0);
    }
    assert_int_equal(support_wait(child), 0);
    bystander.go = 2;
    pthread_join(thread, NULL);
    comem_list_release(bystander.list);
    assert_ok(comem_unlink(name));
}

/* An exec'd program could write into the store without knowing that it has it. */
static void no_descriptor_is_inherited_by_another_program(void **state)
{
    const char *name = own_name("exec");
    (void)state;
    comem_store *store = opened(name);
    assert_int_equal(fcntl(store->map->memory.fd, F_GETFD), FD_CLOEXEC);
    assert_true(store->map->memory.fd >= 64);
    comem_close(store);
    assert_ok(comem_unlink(name));
}

struct parcel {
    struct object_name name;
    _Atomic int there, go;
    char store[64];
};

/* Made before there is any store in the test process, so it inherits none. */
static int reach_by_name(void *argument)
{
    struct parcel *parcel = argument;
    struct comem_object *handle;
    support_await(&parcel->there, 1);
    child_check(object_name_open(&parcel->name, &handle) == COMEM_OK);
    child_check(handle->map->named && handle_default_map() != handle->map);
    child_check(comem_list_append((comem_list *)handle, comem_int(9)) == COMEM_OK);
    comem_store *store = NULL;
    child_check(comem_open(parcel->store, NULL, &store) == COMEM_OK && store->map == handle->map);
    comem_close(store); /* what came with a name stays open */
    child_check(comem_list_append((comem_list *)handle, comem_int(10)) == COMEM_OK);
    child_check(comem_open(NULL, NULL, &store) == COMEM_OK && store->map != handle->map);
    object_release(handle);
    return 0;
}

/* Its objects could not be sent to another program, or its store be taken for the program's own. */
static void an_object_of_a_store_by_name_is_reached_by_its_own_name(void **state)
{
    (void)state;
    struct parcel *parcel = support_shared(sizeof *parcel);
    strcpy(parcel->store, own_name("reach"));
    pid_t child = support_fork(reach_by_name, parcel);
    comem_store *store = opened(parcel->store);
    comem_list *list = root_list(store);
    assert_ok(object_name_get(&list->object, UINT64_C(60000000000), &parcel->name));
    parcel->there = 1;
    assert_int_equal(support_wait(child), 0);
    assert_int_equal(support_int(list, 1), 10);
    comem_list_release(list);
    comem_close(store);
    assert_ok(comem_unlink(parcel->store));
}

int main(int argc, char **argv)
{
    support_choose(argc, argv);
    const struct CMUnitTest tests[] = {
        ALONE(what_is_in_a_store_is_there_when_it_is_opened_again),
        ALONE(a_thousand_openings_leave_nothing),
        ALONE(a_store_is_mapped_once_and_closed_with_its_last_opening),
        ALONE(handles_of_a_closed_store_are_gone_for_good),
        ALONE(closing_gives_back_what_the_process_held),
        ALONE(a_store_closed_under_other_threads_goes_with_the_last_of_them),
        ALONE(a_store_opened_again_under_other_threads_goes_on),
        ALONE(a_keeper_leaves_with_the_store),
        ALONE(a_removed_store_is_used_on_and_its_name_given_to_another),
        ALONE(one_of_several_makes_a_store_and_all_have_it),
        ALONE(one_of_several_adopts_a_store_and_all_have_it),
        ALONE(a_child_has_its_parents_stores_and_closes_its_own),
        ALONE(a_child_does_not_have_what_its_parent_closed),
        ALONE(no_descriptor_is_inherited_by_another_program),
        ALONE(an_object_of_a_store_by_name_is_reached_by_its_own_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
