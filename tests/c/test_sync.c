/* test_sync.c - locks, records and their repair, threads and processes that come and go */
#include "support.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

/* ---- repair of each kind of record entry, with victims made by hand ---- */

/* Words that belong to nobody's operation: a block that the test frees itself. */
static word64 *scratch(struct participant *me, uint64_t *offset)
{
    assert_ok(heap_alloc(me, 256, offset));
    record_clear(me);
    word64 *words = store_at(me->map, *offset, 256);
    word_fill_zero(words, 256);
    return words;
}

static void scratch_free(struct participant *me, uint64_t offset)
{
    record_stage(me, 0, RECORD_FREE, offset, 0);
    record_switch(me, RECORD_COMMITTED, 0, 1);
    assert_ok(heap_finish(me, 0));
}

/* A quiet participant of the test's own, a victim beside it and some words. */
struct scene {
    struct store_map *map;
    struct participant *me, *victim;
    word64 *words;
    uint64_t offset, used;
};

static struct scene scene_set(void **state)
{
    struct bench *bench = *state;
    struct scene scene = {.map = bench->map};
    assert_ok(participant_enter(scene.map, &scene.me));
    scene.words = scratch(scene.me, &scene.offset);
    scene.victim = support_victim(scene.map);
    scene.used = heap_used(scene.map);
    return scene;
}

static void scene_death(struct scene *scene)
{
    support_kill(scene->victim);
    repair_sweep(scene->me);
    assert_int_equal(seat_state(word_load(&scene->victim->slot->control)), SEAT_FREE);
    support_bury(scene->victim);
}

static void scene_end(struct scene *scene)
{
    scratch_free(scene->me, scene->offset);
    participant_leave(scene->me);
}

/* A killed writer would leave half of its change behind. */
static void words_of_an_active_record_are_undone(void **state)
{
    struct scene scene = scene_set(state);
    word_store(&scene.words[0], 10);
    word_store(&scene.words[1], 20);
    record_add_word(scene.victim, &scene.words[0]);
    word_store(&scene.words[0], 11);
    record_add_word(scene.victim, &scene.words[1]);
    word_store(&scene.words[1], 21);
    record_add_word(scene.victim, &scene.words[0]); /* twice: the oldest value counts */
    word_store(&scene.words[0], 12);
    scene_death(&scene);
    assert_int_equal(word_load(&scene.words[0]), 10);
    assert_int_equal(word_load(&scene.words[1]), 20);
    scene_end(&scene);
}

/* A change that others may have seen would be taken back. */
static void words_of_a_committed_record_stay(void **state)
{
    struct scene scene = scene_set(state);
    word_store(&scene.words[0], 10);
    record_add_word(scene.victim, &scene.words[0]);
    word_store(&scene.words[0], 11);
    record_commit(scene.victim);
    scene_death(&scene);
    assert_int_equal(word_load(&scene.words[0]), 11);
    scene_end(&scene);
}

/* Readers would spin for ever, or believe a version they have seen with other content. */
static void versions_become_even_upwards_in_either_state(void **state)
{
    for (unsigned committed = 0; committed < 2; committed++) {
        struct scene scene = scene_set(state);
        word_store(&scene.words[0], 100);
        word_store(&scene.words[1], 200);
        record_open_version(scene.victim, &scene.words[0]);
        record_add(scene.victim, RECORD_VERSION, store_offset(scene.map, &scene.words[1]), 0); /* not yet made odd */
        if (committed)
            record_commit(scene.victim);
        scene_death(&scene);
        assert_int_equal(word_load(&scene.words[0]), 102);
        assert_int_equal(word_load(&scene.words[1]), 200);
        scene_end(&scene);
    }
}

/* A publishing store would not be the commit: repair would undo what readers saw, or keep what never happened. */
static void a_watched_word_decides_between_undoing_and_finishing(void **state)
{
    for (unsigned fired = 0; fired < 2; fired++) {
        struct scene scene = scene_set(state);
        uint64_t given_up;
        assert_ok(heap_alloc(scene.me, 500, &given_up));
        record_clear(scene.me);
        uint64_t used = heap_used(scene.map);
        word_store(&scene.words[0], 5);
        word_store(&scene.words[1], 6);
        record_add_word(scene.victim, &scene.words[0]);
        word_store(&scene.words[0], 50);
        record_add(scene.victim, RECORD_FREE, given_up, 0);
        record_add_watch(scene.victim, &scene.words[1]);
        if (fired)
            word_publish(&scene.words[1], 60);
        scene_death(&scene);
        assert_int_equal(word_load(&scene.words[0]), fired ? 50 : 5);
        assert_int_equal(word_load(&scene.words[1]), fired ? 60 : 6);
        assert_int_equal(heap_used(scene.map), fired ? used - heap_rounded(500) : used);
        if (!fired)
            scratch_free(scene.me, given_up);
        scene_end(&scene);
    }
}

/* An operation on more words than a record has would be undone in part. */
static void a_log_is_undone_as_a_whole(void **state)
{
    struct scene scene = scene_set(state);
    uint64_t log_at;
    word_store(&scene.words[0], 1);
    word_store(&scene.words[1], 2);
    word_store(&scene.words[2], 4);
    assert_ok(heap_alloc(scene.victim, 3 * sizeof(struct record_entry), &log_at));
    struct record_entry *log = store_at(scene.map, log_at, 3 * sizeof *log);
    for (unsigned i = 0; i < 3; i++) {
        enum record_kind kind = i < 2 ? RECORD_WORD : RECORD_VERSION;
        word_store(&log[i].what, (uint64_t)kind << 56 | store_offset(scene.map, &scene.words[i]));
        word_store(&log[i].argument, word_load(&scene.words[i]));
    }
    record_add(scene.victim, RECORD_LOG, log_at, 3);
    word_store(&scene.words[0], 100);
    word_store(&scene.words[1], 200);
    word_store(&scene.words[2], 5);
    scene_death(&scene);
    assert_int_equal(word_load(&scene.words[0]), 1);
    assert_int_equal(word_load(&scene.words[1]), 2);
    assert_int_equal(word_load(&scene.words[2]), 6);
    assert_int_equal(heap_used(scene.map), scene.used); /* the log itself was only allocated */
    scene_end(&scene);
}

/* What a killed thread had just allocated would be lost for good. */
static void allocations_of_an_active_record_are_given_back(void **state)
{
    struct scene scene = scene_set(state);
    uint64_t small, object, run;
    assert_ok(heap_alloc(scene.victim, 40, &small));
    assert_ok(heap_alloc_object(scene.victim, &object));
    assert_ok(heap_alloc(scene.victim, 100000, &run));
    assert_true(heap_used(scene.map) > scene.used);
    scene_death(&scene);
    assert_int_equal(heap_used(scene.map), scene.used);
    scene_end(&scene);
}

/* A value that a list names by now would be freed under it. */
static void allocations_of_a_committed_record_stay(void **state)
{
    struct scene scene = scene_set(state);
    uint64_t small, run;
    assert_ok(heap_alloc(scene.victim, 40, &small));
    assert_ok(heap_alloc(scene.victim, 100000, &run));
    record_commit(scene.victim);
    scene_death(&scene);
    assert_int_equal(heap_used(scene.map), scene.used + heap_rounded(40) + heap_rounded(100000));
    scratch_free(scene.me, small);
    scratch_free(scene.me, run);
    scene_end(&scene);
}

/* An allocation recorded but not yet made would free somebody's block, or break the page table. */
static void an_allocation_that_was_only_recorded_harms_nothing(void **state)
{
    struct scene scene = scene_set(state);
    uint64_t free_run;
    assert_ok(heap_alloc(scene.me, 5 * PAGE_SIZE, &free_run));
    record_clear(scene.me);
    scratch_free(scene.me, free_run);
    record_add(scene.victim, RECORD_ALLOC, free_run, 5);
    scene_death(&scene);
    assert_int_equal(heap_used(scene.map), scene.used);
    scene_end(&scene);
}

/* A committed free would leak; an uncommitted one would free what is still in use. */
static void frees_are_done_after_the_commit_and_only_then(void **state)
{
    for (unsigned committed = 0; committed < 2; committed++) {
        struct scene scene = scene_set(state);
        uint64_t small, run;
        assert_ok(heap_alloc(scene.me, 40, &small));
        assert_ok(heap_alloc(scene.me, 100000, &run));
        record_clear(scene.me);
        record_add(scene.victim, RECORD_FREE, small, 0);
        record_add(scene.victim, RECORD_FREE, run, 0);
        if (committed)
            record_commit(scene.victim);
        scene_death(&scene);
        if (!committed) {
            assert_int_equal(heap_used(scene.map), scene.used + heap_rounded(40) + heap_rounded(100000));
            scratch_free(scene.me, small);
            scratch_free(scene.me, run);
        }
        assert_int_equal(heap_used(scene.map), scene.used);
        scene_end(&scene);
    }
}

/* A table with two far values in it, built by `me` and named by its record alone. */
static uint64_t build_table(struct participant *me)
{
    struct list_table *table;
    assert_ok(list_build_aside(me, 2, &table));
    assert_ok(list_build_block(me, table));
    for (unsigned i = 0; i < 2; i++) {
        comem_value value = comem_bytes("a value of more than thirteen bytes", 35);
        struct cell_image image;
        struct list_entry *entry;
        assert_ok(cell_pack(&value, &image));
        assert_ok(cell_pack_far(me, &value, &image));
        cell_store(list_locked_cell(me->map, store_offset(me->map, table), i, &entry), image);
        record_add_word(me, &table->length);
        word_store(&table->length, i + 1);
        record_savepoint(me, me->record_base + 1);
    }
    return store_offset(me->map, table);
}

/* What was built aside would leak when its builder is killed, or be freed under the list that took it over. */
static void what_hangs_from_build_goes_to_the_trash_unless_committed(void **state)
{
    for (unsigned committed = 0; committed < 2; committed++) {
        struct scene scene = scene_set(state);
        uint64_t root = build_table(scene.victim);
        record_stage(scene.victim, scene.victim->record_end, RECORD_BUILD, root, 0);
        record_switch(scene.victim, RECORD_ACTIVE, scene.victim->record_end, scene.victim->record_end + 1);
        uint64_t used = heap_used(scene.map);
        if (committed)
            record_commit(scene.victim);
        scene_death(&scene);
        heap_relieve(scene.me);
        assert_int_equal(heap_used(scene.map), committed ? used : scene.used);
        if (committed) {
            record_stage(scene.me, 0, RECORD_TRASH, root, 0);
            record_switch(scene.me, RECORD_COMMITTED, 0, 1);
            assert_ok(heap_finish(scene.me, 0));
            heap_relieve(scene.me);
            assert_int_equal(heap_used(scene.map), scene.used);
        }
        scene_end(&scene);
    }
}

/* What was given away would leak, or what is still in use be freed. */
static void trash_is_given_away_after_the_commit_and_only_then(void **state)
{
    for (unsigned committed = 0; committed < 2; committed++) {
        struct scene scene = scene_set(state);
        uint64_t root = build_table(scene.me);
        record_clear(scene.me);
        uint64_t used = heap_used(scene.map);
        record_add(scene.victim, RECORD_TRASH, root, 0);
        if (committed)
            record_commit(scene.victim);
        scene_death(&scene);
        heap_relieve(scene.me);
        assert_int_equal(heap_used(scene.map), committed ? scene.used : used);
        if (!committed) {
            record_stage(scene.me, 0, RECORD_TRASH, root, 0);
            record_switch(scene.me, RECORD_COMMITTED, 0, 1);
            assert_ok(heap_finish(scene.me, 0));
            heap_relieve(scene.me);
        }
        scene_end(&scene);
    }
}

/* Values that were moved into a list would be freed together with the table they came in. */
static void a_shell_is_freed_without_its_values(void **state)
{
    struct scene scene = scene_set(state);
    uint64_t root = build_table(scene.me), values[2];
    record_clear(scene.me);
    for (unsigned i = 0; i < 2; i++) {
        struct list_entry *entry;
        values[i] = cell_load(list_locked_cell(scene.map, root, i, &entry)).body;
    }
    record_add(scene.victim, RECORD_TRASH, root, 1);
    record_commit(scene.victim);
    scene_death(&scene);
    heap_relieve(scene.me);
    assert_int_equal(heap_used(scene.map), scene.used + 2 * heap_rounded(sizeof(struct value_block) + 35));
    scratch_free(scene.me, values[0]);
    scratch_free(scene.me, values[1]);
    scene_end(&scene);
}

/* A root that was being freed when its reaper died would leak. */
static void a_held_root_goes_back_to_the_trash_in_either_state(void **state)
{
    for (unsigned committed = 0; committed < 2; committed++) {
        struct scene scene = scene_set(state);
        uint64_t root = build_table(scene.victim); /* leaves HOLD(root) */
        assert_int_equal(record_kind(word_load(&scene.victim->slot->record.entries[scene.victim->record_base].what)),
                         RECORD_HOLD);
        if (committed)
            record_commit(scene.victim);
        support_kill(scene.victim);
        struct os_life *life;
        assert_true(repair_slot(scene.me, scene.victim->number, &life));
        assert_int_equal(word_load(&scene.map->header->trash), root);
        support_bury(scene.victim);
        heap_relieve(scene.me);
        assert_int_equal(heap_used(scene.map), scene.used);
        scene_end(&scene);
    }
}

/* A reaper cut between pushing a root and clearing its entry would make the trash a ring. */
static void a_root_is_not_pushed_twice(void **state)
{
    struct scene scene = scene_set(state);
    uint64_t root = build_table(scene.victim);
    heap_settle_entry(scene.map, RECORD_ACTIVE, (uint64_t)RECORD_HOLD << 56 | root, 0);
    scene_death(&scene);
    heap_relieve(scene.me);
    assert_int_equal(heap_used(scene.map), scene.used);
    scene_end(&scene);
}

/* A link that a dead thread had still to count down would keep its object for ever; or one counted would be lost. */
static void owed_links_are_counted_down_by_a_reaper(void **state)
{
    static const struct {
        enum record_kind kind;
        bool committed, counts;
    } cases[] = {{RECORD_OWE, false, true},
                 {RECORD_OWE, true, false},
                 {RECORD_UNLINK, true, true},
                 {RECORD_UNLINK, false, false}};
    struct bench *bench = *state;
    for (unsigned i = 0; i < 4; i++) {
        comem_list *list = support_list(&bench->store);
        struct scene scene = scene_set(state);
        word_store(&list->object.shared->links, 1);
        record_add(scene.victim, cases[i].kind, list->object.offset, 0);
        if (cases[i].committed)
            record_commit(scene.victim);
        scene_death(&scene);
        assert_int_equal(word_load(&list->object.shared->links), cases[i].counts ? 0 : 1);
        word_store(&list->object.shared->links, 0);
        scene_end(&scene);
        comem_list_release(list);
    }
}

/* The last link would go without the object: a leak. */
static void an_object_whose_last_link_was_owed_is_freed(void **state)
{
    struct scene scene = scene_set(state);
    struct comem_object *object;
    assert_ok(object_new(scene.me, OBJECT_LIST, 0, 0, &object));
    word_store(&object->shared->links, 1);
    record_add(scene.victim, RECORD_OWE, object->offset, 0);
    pthread_mutex_lock(&scene.map->mutex);
    object_drop(scene.me, object);
    pthread_mutex_unlock(&scene.map->mutex);
    assert_int_equal(heap_used(scene.map), scene.used + HEAP_OBJECT_SIZE);
    scene_death(&scene);
    heap_relieve(scene.me);
    assert_int_equal(heap_used(scene.map), scene.used);
    scene_end(&scene);
}

/* A damaged record would make the repairing process crash. */
static void records_full_of_nonsense_are_survived(void **state)
{
    struct dice dice = {42};
    for (unsigned round = 0; round < 300; round++) {
        struct scene scene = scene_set(state);
        for (unsigned i = 0; i < RECORD_ENTRIES; i++) {
            enum record_kind kind = (enum record_kind)dice_roll(&dice, RECORD_OWE + 3);
            uint64_t offset = dice_roll(&dice, 4) == 0 ? dice_roll(&dice, RECORD_OFFSET_MASK)
                                                       : scene.map->window - 8 + dice_roll(&dice, 4096);
            record_stage(scene.victim, i, kind, offset, dice_roll(&dice, UINT64_MAX));
        }
        record_switch(scene.victim, dice_roll(&dice, 2) ? RECORD_ACTIVE : RECORD_COMMITTED, 0, RECORD_ENTRIES + 3);
        scene_death(&scene);
        scene_end(&scene);
    }
}

/* ---- locks ---- */

struct contest {
    comem_list *list;
    _Atomic int ready, stop;
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

/* A stopped holder would be taken for dead: two would change the list at once. */
static void a_stopped_holder_keeps_its_lock(void **state)
{
    struct bench *bench = *state;
    struct hostage hostage = {support_list(&bench->store), support_shared(4096)};
    pthread_t thread;
    void *failed;
    pid_t holder = support_fork(hold_until_killed, &hostage);
    support_await(hostage.held, 1);
    kill(holder, SIGSTOP);
    assert_int_equal(pthread_create(&thread, NULL, append_one, hostage.list), 0);
    support_nap(500000);
    assert_int_equal(support_len(hostage.list), 0);
    kill(holder, SIGKILL);
    pthread_join(thread, &failed);
    assert_null(failed);
    assert_int_equal(support_wait(holder), -SIGKILL);
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

/* A repairer that is killed would leave the slot claimed for good. */
static void a_dead_recoverers_claim_is_taken_over(void **state)
{
    struct scene scene = scene_set(state);
    struct participant *second = support_victim(scene.map);
    word_store(&scene.words[0], 1);
    record_add_word(scene.victim, &scene.words[0]);
    word_store(&scene.words[0], 2);
    support_kill(scene.victim);
    assert_true(seat_claim(second, &scene.victim->slot->control, word_load(&scene.victim->slot->control), 0));
    struct os_life *life = NULL;
    assert_false(repair_slot(scene.me, scene.victim->number, &life)); /* it is being repaired by a living one */
    assert_ptr_equal(life, &second->slot->life);
    assert_int_equal(word_load(&scene.words[0]), 2);
    support_kill(second);
    repair_sweep(scene.me);
    repair_sweep(scene.me);
    assert_int_equal(word_load(&scene.words[0]), 1);
    assert_int_equal(seat_state(word_load(&second->slot->control)), SEAT_FREE);
    support_bury(second);
    scene_death(&scene);
    scene_end(&scene);
}

/* Two dead, the second holding the heap lock that the first one's repair needs, would wait for each other. */
static void the_dead_holder_of_the_heap_lock_is_repaired_first(void **state)
{
    struct scene scene = scene_set(state);
    struct participant *holder = support_victim(scene.map);
    uint64_t block;
    assert_ok(heap_alloc(scene.victim, 100, &block));
    assert_ok(leaf_acquire(holder, &scene.map->header->heap_lock));
    support_kill(scene.victim);
    support_kill(holder);
    repair_sweep(scene.me);
    assert_int_equal(seat_state(word_load(&holder->slot->control)), SEAT_FREE);
    assert_int_equal(heap_used(scene.map), scene.used);
    support_bury(holder);
    scene_death(&scene);
    scene_end(&scene);
}

/* Growth would be impossible for ever after a death in it. */
static void the_grow_lock_of_the_dead_is_released(void **state)
{
    struct scene scene = scene_set(state);
    assert_ok(leaf_acquire(scene.victim, &scene.map->header->grow_lock));
    support_kill(scene.victim);
    assert_ok(heap_grow(scene.me, SPAN_SIZE));
    support_bury(scene.victim);
    scene_end(&scene);
}

/* ---- slots ---- */

static uint32_t slots_in_use(struct store_map *map)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < seat_high(map, SEATS_OF_SLOTS); i++)
        used += seat_state(word_load(&slot_at(map, i)->control)) != SEAT_FREE;
    return used;
}

struct crowd {
    comem_list *list;
    pthread_barrier_t inside, outside;
    _Atomic int failed;
};

static void *crowd_thread(void *argument)
{
    struct crowd *crowd = argument;
    if (comem_list_append(crowd->list, comem_int(1)) != COMEM_OK)
        crowd->failed++;
    pthread_barrier_wait(&crowd->inside);
    pthread_barrier_wait(&crowd->outside);
    return NULL;
}

/* The 65th thread would be refused, or slots of ended threads be lost. */
static void two_hundred_threads_attach_and_leave_their_slots(void **state)
{
    struct bench *bench = *state;
    struct crowd crowd = {.list = support_list(&bench->store)};
    pthread_t threads[200];
    for (unsigned round = 0; round < 3; round++) {
        pthread_barrier_init(&crowd.inside, NULL, 201);
        pthread_barrier_init(&crowd.outside, NULL, 201);
        for (unsigned i = 0; i < 200; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, crowd_thread, &crowd), 0);
        pthread_barrier_wait(&crowd.inside);
        assert_int_equal(slots_in_use(bench->map), 201);
        pthread_barrier_wait(&crowd.outside);
        for (unsigned i = 0; i < 200; i++)
            pthread_join(threads[i], NULL);
        pthread_barrier_destroy(&crowd.inside);
        pthread_barrier_destroy(&crowd.outside);
        assert_int_equal(crowd.failed, 0);
        assert_int_equal(slots_in_use(bench->map), 1);
    }
    assert_int_equal(support_len(crowd.list), 600);
    assert_true(seat_high(bench->map, SEATS_OF_SLOTS) < 256); /* slots are used again */
}

/* A seat just taken would be swept because its last owner took it long ago: two threads in one slot. */
static void a_seat_just_taken_is_not_swept(void **state)
{
    struct bench *bench = *state;
    struct participant *me;
    uint32_t number;
    assert_ok(participant_enter(bench->map, &me));
    assert_true(seat_take(bench->map, SEATS_OF_SLOTS, 0, &number)); /* slot_open() up to its first store */
    repair_sweep(me);
    assert_int_equal(seat_state(word_load(&slot_at(bench->map, number)->control)), SEAT_CLAIMED);
    word_store(&slot_at(bench->map, number)->control, 0);
    participant_leave(me);
}

static uint64_t late_clock(void)
{
    return UINT64_C(1) << 60;
}

/* A thread killed while attaching would cost a slot for good. */
static void a_seat_claimed_for_long_is_swept(void **state)
{
    struct bench *bench = *state;
    struct participant *me;
    uint32_t number;
    assert_ok(participant_enter(bench->map, &me));
    assert_true(seat_take(bench->map, SEATS_OF_SLOTS, 0, &number));
    word_store(&slot_at(bench->map, number)->claimed_at, os_clock());
    repair_sweep(me);
    assert_int_equal(seat_state(word_load(&slot_at(bench->map, number)->control)), SEAT_CLAIMED);
    os_seam_clock = late_clock;
    repair_sweep(me);
    assert_int_equal(seat_state(word_load(&slot_at(bench->map, number)->control)), SEAT_FREE);
    os_seam_clock = NULL;
    participant_leave(me);
}

/* Attaching to a full store would crash or hang instead of saying so. */
static void no_slot_left_in_a_full_store_is_said(void **state)
{
    struct bench *bench = support_begin(MIB);
    struct crowd crowd = {.list = support_list(&bench->store)};
    struct participant *me;
    pthread_t threads[66];
    (void)state;
    assert_ok(comem_list_append(crowd.list, comem_int(1)));
    assert_ok(participant_enter(bench->map, &me));
    uint64_t offset;
    while (heap_alloc(me, SPAN_SIZE, &offset) == COMEM_OK) /* no span left for a chunk of slots */
        record_clear(me);
    record_clear(me);
    participant_leave(me);
    pthread_barrier_init(&crowd.inside, NULL, 67);
    pthread_barrier_init(&crowd.outside, NULL, 67);
    for (unsigned i = 0; i < 66; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, crowd_thread, &crowd), 0);
    pthread_barrier_wait(&crowd.inside);
    assert_int_equal(slots_in_use(bench->map), 64);
    pthread_barrier_wait(&crowd.outside);
    for (unsigned i = 0; i < 66; i++)
        pthread_join(threads[i], NULL);
    assert_true(crowd.failed >= 3);
    assert_ok(comem_list_set(crowd.list, 0, comem_int(2)));
    store_detach_process();
    comem_list_release(crowd.list);
    os_memory_unmap(bench->map->base, bench->map->window); /* the blocks that filled it are nobody's: no look at them */
    free(bench);
}

/* ---- process records ---- */

/* A reference would be overlooked because the same process has given back another one to the same object. */
static void a_second_row_for_the_same_object_counts(void **state)
{
    struct bench *bench = *state;
    struct participant *me;
    word64 *first, *second;
    comem_list *list = support_list(&bench->store);
    uint64_t object = list->object.offset;
    assert_ok(participant_enter(bench->map, &me));
    first = list->object.row;
    assert_ok(process_row(me, bench->map->process, object, &second));
    word_store(second, object); /* as when another thread reads it while this one releases its handle */
    assert_true(process_holds(bench->map, object, first));
    assert_true(process_holds(bench->map, object, second));
    word_store(second, 0);
    assert_false(process_holds(bench->map, object, first));
    participant_leave(me);
}

static int use_every_list(void *argument)
{
    comem_list **lists = argument;
    for (unsigned i = 0; lists[i] != NULL; i++)
        child_check(comem_list_append(lists[i], comem_int(i)) == COMEM_OK);
    return 0;
}

static int release_every_list(void *argument)
{
    comem_list **lists = argument;
    use_every_list(lists);
    for (unsigned i = 0; lists[i] != NULL; i++)
        comem_list_release(lists[i]);
    return 0;
}

static int release_and_detach(void *argument)
{
    release_every_list(argument);
    store_detach_process();
    return 0;
}

static comem_list **many_lists(comem_store *store, unsigned count)
{
    comem_list **lists = calloc(count + 1, sizeof *lists);
    assert_non_null(lists);
    for (unsigned i = 0; i < count; i++)
        lists[i] = support_list(store);
    return lists;
}

static void release_lists(comem_list **lists)
{
    for (unsigned i = 0; lists[i] != NULL; i++)
        comem_list_release(lists[i]);
    free(lists);
}

/* A process could hold no more objects than its first table has rows; or its rows would leak. */
static void a_process_holds_thousands_of_objects(void **state)
{
    struct bench *bench = *state;
    comem_list **lists = many_lists(&bench->store, 5000);
    uint64_t rows;
    assert_non_null(process_table(bench->map, bench->map->process, 1, &rows));
    assert_int_equal(support_run(use_every_list, lists), 0);
    support_sweep(bench->map);
    for (unsigned i = 0; i < 5000; i++)
        assert_int_equal(support_int(lists[i], 0), i);
    release_lists(lists);
}

/* A child would be without its parent's handles. */
static void a_forked_child_has_all_handles_of_its_parent(void **state)
{
    struct bench *bench = *state;
    comem_list **lists = many_lists(&bench->store, 400);
    for (unsigned round = 0; round < 3; round++)
        assert_int_equal(support_run(use_every_list, lists), 0);
    support_sweep(bench->map);
    for (unsigned i = 0; i < 400; i++)
        assert_int_equal(support_len(lists[i]), 3);
    release_lists(lists);
}

/* A child that releases a handle would take the object away from its parent. */
static void a_childs_release_leaves_the_parents_handle(void **state)
{
    struct bench *bench = *state;
    comem_list **lists = many_lists(&bench->store, 400);
    assert_int_equal(support_run(release_every_list, lists), 0);
    support_sweep(bench->map);
    assert_int_equal(support_run(release_and_detach, lists), 0);
    support_sweep(bench->map);
    for (unsigned i = 0; i < 400; i++)
        assert_int_equal(support_len(lists[i]), 2);
    release_lists(lists);
}

struct outlive {
    comem_list **lists;
    _Atomic int *go;
};

static int use_when_parent_has_released(void *argument)
{
    struct outlive *outlive = argument;
    support_await(outlive->go, 1);
    return use_every_list(outlive->lists);
}

/* A parent that releases its handle would take the object away from its child. */
static void a_parents_release_leaves_the_childs_handle(void **state)
{
    struct bench *bench = *state;
    struct outlive outlive = {many_lists(&bench->store, 300), support_shared(4096)};
    pid_t child = support_fork(use_when_parent_has_released, &outlive);
    release_lists(outlive.lists);
    support_sweep(bench->map);
    *outlive.go = 1;
    assert_int_equal(support_wait(child), 0);
    assert_true(support_used(bench->map) < 300 * HEAP_OBJECT_SIZE); /* no list; the parent's table of rows */
}

static int exit_at_once(void *argument)
{
    (void)argument;
    return 0;
}

static int killed_at_once(void *argument)
{
    (void)argument;
    raise(SIGKILL);
    return 0;
}

static uint32_t processes_in_use(struct store_map *map)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < seat_high(map, SEATS_OF_PROCESSES); i++)
        used += seat_state(word_load((word64 *)seat_at(map, SEATS_OF_PROCESSES, i))) != SEAT_FREE;
    return used;
}

/* Records of processes that ended without detaching, or were killed, would fill the store. */
static void records_of_dead_processes_are_reaped(void **state)
{
    struct bench *bench = *state;
    comem_list **lists = many_lists(&bench->store, 400);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(support_run(i % 2 ? exit_at_once : killed_at_once, NULL), i % 2 ? 0 : -SIGKILL);
    support_sweep(bench->map);
    assert_int_equal(processes_in_use(bench->map), 1);
    assert_true(seat_high(bench->map, SEATS_OF_PROCESSES) <= 64); /* fork itself sweeps when it needs a seat */
    release_lists(lists);
}

/* More processes than a chunk of records has would be refused. */
static void a_hundred_processes_live_at_once(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    comem_list *lists[2] = {list, NULL};
    struct outlive outlive = {lists, support_shared(4096)};
    pid_t children[100];
    unsigned failed = 0;
    for (unsigned i = 0; i < 100; i++)
        children[i] = support_fork(use_when_parent_has_released, &outlive);
    uint32_t alive = processes_in_use(bench->map);
    *outlive.go = 1;
    for (unsigned i = 0; i < 100; i++)
        failed += support_wait(children[i]) != 0;
    assert_int_equal(failed, 0);
    assert_int_equal(alive, 101);
    support_sweep(bench->map);
    assert_int_equal(processes_in_use(bench->map), 1);
    assert_int_equal(support_len(list), 100);
}

/* The record made for a child that never came to be would keep everything its parent held. */
static void the_record_of_a_child_that_never_came_is_reaped(void **state)
{
    struct bench *bench = *state;
    struct participant *me;
    struct process *child;
    comem_list *list = support_list(&bench->store);
    assert_ok(participant_enter(bench->map, &me));
    assert_ok(process_open(me, SEAT_FORKING, &child));
    int witness = (int)word_load(&child->fd);
    assert_ok(process_copy_rows(me, bench->map->process, child));
    participant_leave(me);
    support_sweep(bench->map);
    assert_int_equal(seat_state(word_load(&child->control)), SEAT_FORKING); /* it may still come */
    comem_list_release(list);
    assert_int_equal(support_used(bench->map), HEAP_OBJECT_SIZE);
    os_witness_drop(witness);
    support_sweep(bench->map);
    assert_int_equal(seat_state(word_load(&child->control)), SEAT_FREE);
    assert_int_equal(support_used(bench->map), 0);
}

/* ---- threads ---- */

struct making {
    comem_store *store;
    comem_list *list;
};

static void *make_and_end(void *argument)
{
    struct making *making = argument;
    comem_status status = comem_list_new(making->store, &making->list);
    if (status == COMEM_OK)
        status = comem_list_append(making->list, comem_int(5));
    return status == COMEM_OK ? NULL : argument;
}

static int sweep_of_child(void *argument)
{
    struct making *making = argument;
    support_sweep(making->store->map);
    return 0;
}

static int keeper_process(void *argument)
{
    struct making *making = argument;
    pthread_t thread;
    void *failed;
    child_check(making->store->map->participants == NULL); /* nobody here is attached */
    child_check(pthread_create(&thread, NULL, make_and_end, making) == 0);
    pthread_join(thread, &failed);
    child_check(failed == NULL);
    child_check(slots_in_use(making->store->map) == 1); /* the keeper's */
    child_check(processes_in_use(making->store->map) == 1);
    comem_value value;
    child_check(comem_list_get(making->list, 0, &value) == COMEM_OK && value.as.integer == 5);
    pid_t sweeper = fork();
    if (sweeper == 0)
        _exit(sweep_of_child(making));
    waitpid(sweeper, NULL, 0);
    child_check(comem_list_append(making->list, comem_int(6)) == COMEM_OK);
    return 0;
}

/* Objects would go with the thread that made them although the program still has their handles. */
static void a_keeper_keeps_what_the_last_thread_leaves_behind(void **state)
{
    struct bench *bench = *state;
    struct making making = {.store = &bench->store};
    assert_int_equal(support_run(keeper_process, &making), 0);
}

static void *hold_lock_and_end(void *argument)
{
    comem_list *list = argument;
    struct participant *me;
    if (participant_enter(list->object.map, &me) == COMEM_OK && object_lock(me, &list->object) == COMEM_OK)
        return NULL; /* as a pthread_exit() out of an operation would */
    return argument;
}

/* A thread that ended with a lock would be waited for for ever. */
static void a_thread_that_ends_with_a_lock_is_repaired(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    pthread_t thread;
    void *failed;
    assert_ok(comem_list_append(list, comem_int(1)));
    assert_int_equal(pthread_create(&thread, NULL, hold_lock_and_end, list), 0);
    pthread_join(thread, &failed);
    assert_null(failed);
    double start = support_seconds();
    assert_ok(comem_list_append(list, comem_int(2)));
    assert_true(support_seconds() - start < 1.0);
    support_sweep(bench->map);
    assert_int_equal(slots_in_use(bench->map), 1);
}

/* ---- children made in other ways ---- */

struct way {
    comem_list *list, *nested;
    comem_store *store;
};

static int all_calls_say_gone(void *argument)
{
    struct way *way = argument;
    size_t length;
    comem_value value;
    child_check(comem_list_len(way->list, &length) == COMEM_GONE);
    child_check(comem_list_get(way->list, 0, &value) == COMEM_GONE);
    child_check(comem_list_append(way->list, comem_int(1)) == COMEM_GONE);
    child_check(comem_list_set(way->list, 0, comem_int(1)) == COMEM_GONE);
    child_check(comem_list_pop(way->list, NULL) == COMEM_GONE);
    child_check(comem_list_clear(way->list) == COMEM_GONE);
    child_check(comem_list_read(way->list, 0, 1, &value, &length) == COMEM_GONE);
    comem_list_release(way->nested); /* takes nothing from the parent */
    return 0;
}

static struct way way_make(struct bench *bench)
{
    struct way way = {support_list(&bench->store), support_list(&bench->store), &bench->store};
    assert_ok(comem_list_append(way.list, comem_int(1)));
    return way;
}

static void way_still_there(struct way *way)
{
    support_sweep(way->store->map);
    assert_int_equal(support_len(way->list), 1);
    assert_int_equal(support_len(way->nested), 0);
}

/* A child made by _Fork() would use its parent's slot and rows. */
static void a_child_of_underscore_fork_has_no_handles(void **state)
{
    struct way way = way_make(*state);
    pid_t child = _Fork();
    if (child == 0)
        _exit(all_calls_say_gone(&way));
    assert_int_equal(support_wait(child), 0);
    way_still_there(&way);
}

/* The same for a raw clone(), of which not even the C library knows. */
static void a_child_of_a_raw_clone_has_no_handles(void **state)
{
    struct way way = way_make(*state);
    pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0)
        _exit(all_calls_say_gone(&way));
    assert_int_equal(support_wait(child), 0);
    way_still_there(&way);
}

static int no_descriptors_left(void *argument)
{
    struct rlimit limit = {0, 0};
    child_check(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = 3; /* fork finds no descriptor for the witness */
    child_check(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    pid_t child = fork();
    if (child == 0)
        _exit(all_calls_say_gone(argument));
    int status = 0;
    waitpid(child, &status, 0);
    struct way *way = argument;
    child_check(comem_list_append(way->list, comem_int(2)) == COMEM_OK);
    child_check(comem_list_pop(way->list, NULL) == COMEM_OK);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

/* A child for which no record was to be had would work on without references, on its parent's rows. */
static void a_child_without_a_record_has_no_handles(void **state)
{
    struct way way = way_make(*state);
    assert_int_equal(support_run(no_descriptors_left, &way), 0);
    way_still_there(&way);
}

static int exec_something(void *argument)
{
    struct way *way = argument;
    struct participant *me;
    child_check(participant_enter(way->store->map, &me) == COMEM_OK);
    child_check(object_lock(me, &way->list->object) == COMEM_OK);
    execl("/bin/true", "true", NULL);
    return 97;
}

/* A process that became another program would still own its lock. */
static void exec_counts_as_death(void **state)
{
    struct way way = way_make(*state);
    assert_int_equal(support_run(exec_something, &way), 0);
    double start = support_seconds();
    assert_ok(comem_list_append(way.list, comem_int(2)));
    assert_true(support_seconds() - start < 1.0);
    support_sweep(way.store->map);
    assert_int_equal(processes_in_use(way.store->map), 1);
}

static int grow_after_closing_all(void *argument)
{
    struct way *way = argument;
    char block[5000] = {1};
    child_check(syscall(SYS_close_range, 3u, ~0u, 0u) == 0);
    int reused = open("/dev/null", O_RDWR);
    for (int fd = 3; fd < 200; fd++) /* the store's number is somebody else's now */
        if (fd != reused)
            dup2(reused, fd);
    for (unsigned i = 0; i < 400; i++)
        child_check(comem_list_append(way->list, comem_bytes(block, sizeof block)) == COMEM_OK);
    return 0;
}

/* A daemon that closes all descriptors would not be able to grow the store, or would write into another file. */
static void growth_borrows_a_closed_descriptor(void **state)
{
    struct way way = way_make(*state);
    uint64_t before = word_load(&way.store->map->header->committed);
    assert_int_equal(support_run(grow_after_closing_all, &way), 0);
    assert_true(word_load(&way.store->map->header->committed) > before);
    assert_int_equal(support_len(way.list), 401);
    assert_ok(comem_list_clear(way.list));
}

static int lone_grow(void *argument)
{
    struct bench *bench = support_begin(64 * MIB); /* nobody else has it */
    comem_list *list;
    char block[5000] = {1};
    unsigned appended = 0;
    size_t length;
    (void)argument;
    child_check(comem_list_new(&bench->store, &list) == COMEM_OK);
    for (; appended < 40; appended++)
        child_check(comem_list_append(list, comem_bytes(block, sizeof block)) == COMEM_OK);
    child_check(close(bench->map->memory.fd) == 0);
    comem_status status;
    while ((status = comem_list_append(list, comem_bytes(block, sizeof block))) == COMEM_OK)
        appended++;
    child_check(status == COMEM_SYSTEM || status == COMEM_NO_MEMORY);
    child_check(comem_list_len(list, &length) == COMEM_OK && length == appended);
    child_check(comem_list_pop(list, NULL) == COMEM_OK);
    child_check(comem_list_append(list, comem_bytes(block, sizeof block)) == COMEM_OK);
    return 0;
}

/* Without anybody to borrow from, growth would crash instead of answering an error. */
static void growth_without_a_descriptor_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(support_run(lone_grow, NULL), 0);
}

static int fork_after_closing_all(void *argument)
{
    struct way *way = argument;
    int status;
    child_check(syscall(SYS_close_range, 3u, ~0u, 0u) == 0);
    pid_t child = fork();
    if (child == 0) {
        comem_status append = comem_list_append(way->list, comem_int(2));
        if (append == COMEM_OK)
            comem_list_release(way->nested);
        _exit(append == COMEM_OK || append == COMEM_GONE ? 0 : 96);
    }
    waitpid(child, &status, 0);
    size_t length;
    child_check(comem_list_len(way->nested, &length) == COMEM_OK); /* ours is still there */
    return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

/* A daemon's child would work on its parent's rows. */
static void a_fork_after_closing_all_descriptors_harms_nobody(void **state)
{
    struct way way = way_make(*state);
    assert_int_equal(support_run(fork_after_closing_all, &way), 0);
    support_sweep(way.store->map);
    assert_int_equal(support_len(way.nested), 0);
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
    double until = support_seconds() + 0.7;
    while (support_seconds() < until) {
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
        WITH_STORE(words_of_an_active_record_are_undone),
        WITH_STORE(words_of_a_committed_record_stay),
        WITH_STORE(versions_become_even_upwards_in_either_state),
        WITH_STORE(a_watched_word_decides_between_undoing_and_finishing),
        WITH_STORE(a_log_is_undone_as_a_whole),
        WITH_STORE(allocations_of_an_active_record_are_given_back),
        WITH_STORE(allocations_of_a_committed_record_stay),
        WITH_STORE(an_allocation_that_was_only_recorded_harms_nothing),
        WITH_STORE(frees_are_done_after_the_commit_and_only_then),
        WITH_STORE(what_hangs_from_build_goes_to_the_trash_unless_committed),
        WITH_STORE(trash_is_given_away_after_the_commit_and_only_then),
        WITH_STORE(a_shell_is_freed_without_its_values),
        WITH_STORE(a_held_root_goes_back_to_the_trash_in_either_state),
        WITH_STORE(a_root_is_not_pushed_twice),
        WITH_STORE(owed_links_are_counted_down_by_a_reaper),
        WITH_STORE(an_object_whose_last_link_was_owed_is_freed),
        WITH_STORE(records_full_of_nonsense_are_survived),
        WITH_STORE(no_append_of_many_threads_is_lost),
        WITH_STORE(no_append_of_many_processes_is_lost),
        WITH_STORE(a_waiter_takes_over_within_a_second_and_finds_the_list_whole),
        WITH_STORE(sleepers_are_woken_by_the_holders_death),
        WITH_STORE(a_stopped_holder_keeps_its_lock),
        WITH_STORE(a_lock_that_this_thread_holds_is_refused),
        WITH_STORE(a_lock_word_that_names_nobody_is_damage),
        WITH_STORE(a_dead_recoverers_claim_is_taken_over),
        WITH_STORE(the_dead_holder_of_the_heap_lock_is_repaired_first),
        WITH_STORE(the_grow_lock_of_the_dead_is_released),
        WITH_STORE(two_hundred_threads_attach_and_leave_their_slots),
        WITH_STORE(a_seat_just_taken_is_not_swept),
        WITH_STORE(a_seat_claimed_for_long_is_swept),
        WITH_STORE(no_slot_left_in_a_full_store_is_said),
        WITH_STORE(a_second_row_for_the_same_object_counts),
        WITH_STORE(a_process_holds_thousands_of_objects),
        WITH_STORE(a_forked_child_has_all_handles_of_its_parent),
        WITH_STORE(a_childs_release_leaves_the_parents_handle),
        WITH_STORE(a_parents_release_leaves_the_childs_handle),
        WITH_STORE(records_of_dead_processes_are_reaped),
        WITH_STORE(a_hundred_processes_live_at_once),
        WITH_STORE(the_record_of_a_child_that_never_came_is_reaped),
        WITH_STORE(a_keeper_keeps_what_the_last_thread_leaves_behind),
        WITH_STORE(a_thread_that_ends_with_a_lock_is_repaired),
        WITH_STORE(a_child_of_underscore_fork_has_no_handles),
        WITH_STORE(a_child_of_a_raw_clone_has_no_handles),
        WITH_STORE(a_child_without_a_record_has_no_handles),
        WITH_STORE(exec_counts_as_death),
        WITH_STORE(growth_borrows_a_closed_descriptor),
        WITH_STORE(growth_without_a_descriptor_is_an_error),
        WITH_STORE(a_fork_after_closing_all_descriptors_harms_nobody),
        WITH_STORE(calls_from_a_signal_handler_answer_busy),
        WITH_STORE(handles_in_a_signal_handler_do_not_hang),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
