/* test_root.c - roots: objects by name */
#include "support.h"

#include "objects/root.h"

#include <stdio.h>

#define RACERS 4u

static comem_list *root_list(comem_store *store, const char *name)
{
    comem_list *list = NULL;
    assert_ok(comem_root_list(store, name, &list));
    return list;
}

static comem_dict *root_dict(comem_store *store, const char *name)
{
    comem_dict *dict = NULL;
    assert_ok(comem_root_dict(store, name, &dict));
    return dict;
}

static size_t root_count(comem_store *store)
{
    size_t count = 99;
    comem_status status = comem_roots(store, NULL, 0, &count);
    assert_true(status == COMEM_OK);
    return count;
}

/* ---- names ---- */

/* A name would lead to another object, or to none, for somebody else. */
static void a_root_is_found_by_its_name_in_every_mapping(void **state)
{
    struct bench *bench = *state;
    comem_store *again = support_again(bench);
    comem_list *list = root_list(&bench->store, "list");
    comem_value found;
    assert_ok(comem_list_append(list, comem_int(7)));
    comem_list_release(list);
    assert_ok(comem_root(again, "list", &found));
    assert_non_null(comem_value_list(&found));
    assert_int_equal(support_int(comem_value_list(&found), 0), 7);
    comem_value_clear(&found);
    comem_dict *dict = root_dict(again, "dict");
    assert_ok(comem_dict_set(dict, comem_int(1), comem_int(8)));
    comem_dict_release(dict);
    dict = root_dict(&bench->store, "dict");
    assert_int_equal(support_dict_int(dict, comem_int(1)), 8);
    comem_dict_release(dict);
}

/* Looking for a name would make something. */
static void a_store_without_names_has_none_and_stays_empty(void **state)
{
    struct bench *bench = *state;
    comem_value found;
    assert_int_equal(root_count(&bench->store), 0);
    assert_status(COMEM_NOT_FOUND, comem_root(&bench->store, "nobody", &found));
    assert_non_null(strstr(comem_detail(), "'nobody'"));
    assert_int_equal(found.kind, COMEM_NONE);
    assert_status(COMEM_NOT_FOUND, comem_root_remove(&bench->store, "nobody"));
    assert_int_equal(word_load(&bench->map->header->roots), 0);
    assert_int_equal(support_used(bench->map), 0);
}

/* Who comes second would take the name away from who was first. */
static void the_first_object_that_gets_a_name_keeps_it(void **state)
{
    struct bench *bench = *state;
    comem_list *first = support_list(&bench->store), *second = support_list(&bench->store);
    comem_value found;
    assert_ok(comem_root_add(&bench->store, "name", comem_ref(first), &found));
    assert_ptr_equal(comem_value_list(&found), first);
    comem_value_clear(&found);
    assert_ok(comem_root_add(&bench->store, "name", comem_ref(second), &found));
    assert_ptr_equal(comem_value_list(&found), first);
    comem_value_clear(&found);
    assert_ok(comem_root_add(&bench->store, "name", comem_ref(second), NULL));
    assert_ok(comem_root(&bench->store, "name", &found));
    assert_ptr_equal(comem_value_list(&found), first);
    comem_value_clear(&found);
    assert_int_equal(root_count(&bench->store), 1);
    comem_list_release(first);
    comem_list_release(second);
}

/* Names would come in no order, or one would be lost. */
static void names_come_in_the_order_in_which_they_were_given(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    comem_value names[300];
    char name[32];
    size_t count;
    for (unsigned i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "name %u of three hundred", i * 7919 % 300);
        assert_ok(comem_root_add(&bench->store, name, comem_ref(list), NULL));
    }
    assert_ok(comem_root_remove(&bench->store, "name 0 of three hundred"));
    assert_ok(comem_root_add(&bench->store, "name 0 of three hundred", comem_ref(list), NULL));
    comem_list_release(list);
    assert_ok(comem_roots(&bench->store, names, 299, &count)); /* no room: none */
    assert_int_equal(count, 300);
    assert_ok(comem_roots(&bench->store, names, 300, &count));
    assert_int_equal(count, 300);
    for (unsigned i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "name %u of three hundred", (i + 1) % 300 * 7919 % 300);
        comem_value expected = support_text(name);
        support_assert_value(&names[i], &expected);
        comem_value_clear(&names[i]);
    }
}

/* A name would be cut at 13 bytes, at a zero byte, or be taken for another one. */
static void names_are_any_text(void **state)
{
    struct bench *bench = *state;
    char *large = malloc(100001);
    assert_non_null(large);
    memset(large, 'x', 100000);
    large[100000] = 0;
    const comem_value names[] = {support_text("\xC3\xA4"),
                                 support_text("a\xCC\x88"),
                                 support_text("\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E"),
                                 support_text("\xF0\x9F\x90\x8D"),
                                 comem_str("a\0b", 3),
                                 comem_str("a\0c", 3),
                                 support_text("a"),
                                 support_text("A"),
                                 support_text(" "),
                                 support_text("thirteen byte"),
                                 support_text("fourteen bytes"),
                                 support_text("/a/path.with-signs"),
                                 support_text(large)};
    const size_t count = sizeof names / sizeof names[0];
    comem_value found;
    for (size_t i = 0; i < count; i++) {
        comem_list *list = support_list(&bench->store);
        comem_value reference = comem_ref(list);
        assert_ok(comem_list_append(list, comem_int((int64_t)i)));
        assert_ok(root_add(&bench->store, &names[i], &reference, NULL));
        comem_list_release(list);
    }
    assert_int_equal(root_count(&bench->store), count);
    for (size_t i = 0; i < count; i++) {
        assert_ok(root_get(&bench->store, &names[i], &found));
        assert_int_equal(support_int(comem_value_list(&found), 0), i);
        comem_value_clear(&found);
    }
    assert_ok(root_remove(&bench->store, &names[4]));
    assert_status(COMEM_NOT_FOUND, root_get(&bench->store, &names[4], &found));
    assert_ok(root_get(&bench->store, &names[5], &found));
    comem_value_clear(&found);
    free(large);
}

/* What is no object, or another store's, would be named; what is no name would be one. */
static void what_is_no_root_is_refused(void **state)
{
    struct bench *bench = *state;
    struct bench *other = support_begin(MIB);
    comem_list *list = support_list(&bench->store), *foreign = support_list(&other->store);
    comem_value found;
    size_t count;
    assert_status(COMEM_TYPE, comem_root_add(&bench->store, "x", comem_int(1), &found));
    assert_status(COMEM_TYPE, comem_root_add(&bench->store, "x", comem_ref(NULL), &found));
    assert_status(COMEM_INVALID, comem_root_add(&bench->store, "x", comem_ref(foreign), &found));
    assert_status(COMEM_INVALID, comem_root_add(&bench->store, "", comem_ref(list), &found));
    assert_status(COMEM_INVALID, comem_root_add(&bench->store, NULL, comem_ref(list), &found));
    assert_status(COMEM_INVALID, comem_root_add(&bench->store, "\xFF", comem_ref(list), &found));
    assert_status(COMEM_INVALID, comem_root_add(NULL, "x", comem_ref(list), &found));
    assert_status(COMEM_INVALID, comem_root(&bench->store, "", &found));
    assert_status(COMEM_INVALID, comem_root(&bench->store, "x", NULL));
    assert_status(COMEM_INVALID, comem_root(NULL, "x", &found));
    assert_status(COMEM_INVALID, comem_root_remove(&bench->store, NULL));
    assert_status(COMEM_INVALID, comem_root_list(&bench->store, "x", NULL));
    assert_status(COMEM_INVALID, comem_root_dict(&bench->store, "x", NULL));
    assert_status(COMEM_INVALID, comem_roots(&bench->store, NULL, 0, NULL));
    assert_status(COMEM_INVALID, comem_roots(NULL, NULL, 0, &count));
    assert_int_equal(root_count(&bench->store), 0);
    comem_list_release(list);
    comem_list_release(foreign);
    assert_int_equal(support_end(other), 0);
}

/* A list would be handed out as a dict; or who asked for a dict would not learn what there is. */
static void a_root_of_another_kind_is_refused_with_both_kinds(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = (comem_dict *)(void *)state;
    comem_list *list = root_list(&bench->store, "words");
    assert_ok(comem_list_append(list, comem_int(1)));
    assert_status(COMEM_TYPE, comem_root_dict(&bench->store, "words", &dict));
    assert_null(dict);
    assert_non_null(strstr(comem_detail(), "'words' is a list, not a dict"));
    dict = root_dict(&bench->store, "counts");
    comem_list *none = list;
    assert_status(COMEM_TYPE, comem_root_list(&bench->store, "counts", &none));
    assert_null(none);
    assert_non_null(strstr(comem_detail(), "'counts' is a dict, not a list"));
    assert_int_equal(support_len(list), 1);
    comem_list_release(list);
    comem_dict_release(dict);
}

/* ---- what a name keeps ---- */

/* A name that was taken away would keep its object, or take it from those who have it. */
static void a_removed_name_frees_the_object_when_nobody_holds_it(void **state)
{
    struct bench *bench = *state;
    comem_list_release(root_list(&bench->store, "stays"));
    uint64_t used = support_used(bench->map);
    comem_list *list = root_list(&bench->store, "goes");
    for (int i = 0; i < 1000; i++)
        assert_ok(comem_list_append(list, support_text("a text of more than thirteen bytes")));
    comem_list_release(list);
    assert_true(support_used(bench->map) > used + 32000);
    assert_ok(comem_root_remove(&bench->store, "goes"));
    assert_int_equal(support_used(bench->map), used);
    assert_int_equal(root_count(&bench->store), 1);
    list = root_list(&bench->store, "held");
    assert_ok(comem_list_append(list, comem_int(5)));
    assert_ok(comem_root_remove(&bench->store, "held"));
    comem_list *next = root_list(&bench->store, "held");
    assert_ptr_not_equal(list, next);
    assert_int_equal(support_len(next), 0);
    assert_int_equal(support_int(list, 0), 5);
    comem_list_release(list);
    assert_ok(comem_root_remove(&bench->store, "held"));
    comem_list_release(next);
    assert_int_equal(support_used(bench->map), used);
}

static int make_a_root(void *argument)
{
    comem_list *list;
    child_check(comem_root_list(argument, "made by a child", &list) == COMEM_OK);
    child_check(comem_list_append(list, comem_int(3)) == COMEM_OK);
    raise(SIGKILL);
    return 1;
}

/* What only a dead process held would go although it has a name. */
static void a_root_outlives_the_process_that_made_it(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(support_run(make_a_root, &bench->store), -SIGKILL);
    support_sweep(bench->map);
    assert_int_equal(support_problems(bench->map), 0);
    comem_list *list = root_list(&bench->store, "made by a child");
    assert_int_equal(support_int(list, 0), 3);
    comem_list_release(list);
}

/* A full store would have half a root: a name for nothing, or an object without one. */
static void a_full_store_gives_no_name_and_keeps_nothing(void **state)
{
    struct bench *bench = *state;
    comem_status status = COMEM_NO_MEMORY;
    comem_value found;
    comem_list *list;
    uint64_t room = 0, used = 0;
    for (; status == COMEM_NO_MEMORY; room++) {
        heap_seam_room = room;
        status = comem_root_list(&bench->store, "a name of more than thirteen bytes", &list);
        heap_seam_room = UINT64_MAX;
        if (status != COMEM_NO_MEMORY)
            break;
        assert_null(list);
        assert_status(COMEM_NOT_FOUND, comem_root(&bench->store, "a name of more than thirteen bytes", &found));
        assert_int_equal(support_problems(bench->map), 0);
        used = support_used(bench->map);
    }
    assert_ok(status);
    assert_true(room >= 4); /* an object, the dict of names, its room, the name */
    assert_true(used < support_used(bench->map));
    comem_list_release(list);
}

/* A damaged word would be followed. */
static void a_damaged_dict_of_names_is_an_error(void **state)
{
    struct bench *bench = *state;
    word64 *roots = &bench->map->header->roots;
    comem_list *list = root_list(&bench->store, "x"), *found;
    uint64_t before = word_load(roots);
    const uint64_t wrong[] = {list->object.offset, before + 8,      before + 64, UINT64_MAX, 8,
                              bench->map->window,  bench->map->data};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        comem_value value;
        size_t count;
        word_store(roots, wrong[i]);
        assert_status(COMEM_DAMAGED, comem_root(&bench->store, "x", &value));
        assert_status(COMEM_DAMAGED, comem_root_list(&bench->store, "x", &found));
        assert_status(COMEM_DAMAGED, comem_root_remove(&bench->store, "x"));
        assert_status(COMEM_DAMAGED, comem_roots(&bench->store, NULL, 0, &count));
    }
    word_store(roots, before);
    comem_list_release(list);
}

/* ---- races ---- */

struct race {
    comem_store *store;
    _Atomic int ready, go;
    _Atomic uint64_t object[RACERS], next;
};

static void wait_for_the_others(struct race *race)
{
    race->ready++;
    while (race->go == 0)
        ;
}

static int race_for_the_first_name(void *argument)
{
    struct race *race = argument;
    comem_list *list;
    uint64_t me = race->next++;
    comem_root(race->store, "nobody's", &(comem_value){0}); /* it is attached */
    wait_for_the_others(race);
    child_check(comem_root_list(race->store, "first", &list) == COMEM_OK);
    race->object[me] = list->object.offset;
    child_check(comem_list_append(list, comem_int((int64_t)me)) == COMEM_OK);
    comem_list_release(list);
    return 0;
}

static void start_racers(struct race *race, int (*function)(void *argument))
{
    pid_t racers[RACERS];
    for (unsigned i = 0; i < RACERS; i++)
        racers[i] = support_fork(function, race);
    support_await(&race->ready, RACERS);
    race->go = 1;
    for (unsigned i = 0; i < RACERS; i++)
        assert_int_equal(support_wait(racers[i]), 0);
}

/* Two would make a dict of names each, and one of them lose its root; or a loser's objects would stay. */
static void processes_that_race_for_the_first_name_get_one_object(void **state)
{
    (void)state;
    struct race *race = support_shared(sizeof *race);
    for (unsigned round = support_count("COMEM_TEST_RACES", 60); round > 0; round--) {
        struct bench *bench = support_begin(MIB);
        memset(race, 0, sizeof *race); /* private: no store */
        race->store = &bench->store;
        start_racers(race, race_for_the_first_name);
        for (unsigned i = 1; i < RACERS; i++)
            assert_int_equal(race->object[i], race->object[0]);
        comem_list *list = root_list(&bench->store, "first");
        assert_int_equal(support_len(list), RACERS);
        comem_list_release(list);
        assert_int_equal(root_count(&bench->store), 1);
        assert_int_equal(support_end(bench), 0);
    }
}

static int give_and_take_names(void *argument)
{
    struct race *race = argument;
    comem_list *list;
    wait_for_the_others(race);
    for (int i = 0; i < 2000; i++) {
        const char *name = i % 3 == 0 ? "one" : "another name, too long for a cell";
        child_check(comem_root_list(race->store, name, &list) == COMEM_OK);
        child_check(comem_list_append(list, comem_int(i)) == COMEM_OK);
        comem_list_release(list);
        comem_status status = comem_root_remove(race->store, name);
        child_check(status == COMEM_OK || status == COMEM_NOT_FOUND);
    }
    return 0;
}

/* An object that a reader is about to take would go with its name, or stay without one. */
static void names_may_be_given_and_taken_by_many_at_once(void **state)
{
    struct bench *bench = *state;
    struct race *race = support_shared(sizeof *race);
    race->store = &bench->store;
    start_racers(race, give_and_take_names);
    assert_int_equal(support_problems(bench->map), 0);
    assert_true(root_count(&bench->store) <= 2);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(a_root_is_found_by_its_name_in_every_mapping),
        WITH_STORE(a_store_without_names_has_none_and_stays_empty),
        WITH_STORE(the_first_object_that_gets_a_name_keeps_it),
        WITH_STORE(names_come_in_the_order_in_which_they_were_given),
        WITH_STORE(names_are_any_text),
        WITH_STORE(what_is_no_root_is_refused),
        WITH_STORE(a_root_of_another_kind_is_refused_with_both_kinds),
        WITH_STORE(a_removed_name_frees_the_object_when_nobody_holds_it),
        WITH_STORE(a_root_outlives_the_process_that_made_it),
        WITH_STORE(a_full_store_gives_no_name_and_keeps_nothing),
        WITH_STORE(a_damaged_dict_of_names_is_an_error),
        ALONE(processes_that_race_for_the_first_name_get_one_object),
        WITH_STORE(names_may_be_given_and_taken_by_many_at_once),
    };
    support_choose(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
