/* test_repair.c - what a participant that died leaves behind: its record, its claims and its leaf locks
 *
 * A victim is a second participant of the test's own thread: the test writes by hand what an operation would have
 * written up to its death, then says that the victim is dead, and looks at what repair makes of it.
 */
#include "support.h"

#include "objects/list_change.h"

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

/* ---- each kind of record entry ---- */

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
    assert_ok(list_table_aside(me, 0, RECORD_HOLD, 0, 1, &table));
    assert_ok(list_build_block(me, 1, table, LIST_BLOCK));
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

/* ---- claims and leaf locks ---- */

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

/* Who waits for a dead holder whose control word says that somebody alive repairs it would wait for ever. */
static void a_claim_that_its_recoverer_does_not_have_is_damage(void **state)
{
    struct scene scene = scene_set(state);
    struct participant *other = support_victim(scene.map);
    word32 *lock = (word32 *)(void *)scene.words;
    uint64_t control = word_load(&scene.victim->slot->control);
    assert_ok(lock_acquire(scene.victim, lock));
    word_store(&scene.victim->slot->control, control + other->number + 1);
    support_kill(scene.victim);
    assert_ok(lock_acquire(scene.me, lock));
    lock_release(scene.me, lock);
    assert_int_equal(seat_state(word_load(&scene.victim->slot->control)), SEAT_FREE);
    support_bury(scene.victim);
    participant_detach(other);
    scene_end(&scene);
}

/* Of two dead slots that each say that the other repairs it none would ever be repaired. */
static void claims_in_a_ring_are_dropped(void **state)
{
    for (unsigned named = 0; named < 2; named++) {
        struct scene scene = scene_set(state);
        struct participant *other = support_victim(scene.map);
        word64 *one = &scene.victim->slot->control, *two = &other->slot->control;
        word_store(one, word_load(one) + other->number + 1);
        word_store(two, word_load(two) + scene.victim->number + 1);
        if (named == 1) {
            word_store(&scene.victim->slot->claims[0], store_offset(scene.map, two));
            word_store(&other->slot->claims[0], store_offset(scene.map, one));
        }
        support_kill(other);
        scene_death(&scene);
        assert_int_equal(seat_state(word_load(two)), SEAT_FREE);
        support_bury(other);
        scene_end(&scene);
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
        WITH_STORE(a_dead_recoverers_claim_is_taken_over),
        WITH_STORE(the_dead_holder_of_the_heap_lock_is_repaired_first),
        WITH_STORE(a_claim_that_its_recoverer_does_not_have_is_damage),
        WITH_STORE(claims_in_a_ring_are_dropped),
        WITH_STORE(the_grow_lock_of_the_dead_is_released),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
