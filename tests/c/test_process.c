/* test_process.c - threads and processes that come and go: their slots, their records, children made in any way */
#include "support.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

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

/* A thread killed while attaching would cost a slot for good, or a stopped one would find its slot another's. */
static void a_claimed_seat_is_freed_when_its_claimer_is_known_to_be_dead(void **state)
{
    struct bench *bench = *state;
    struct participant *me;
    uint32_t number;
    assert_ok(participant_enter(bench->map, &me));
    assert_true(seat_take(bench->map, SEATS_OF_SLOTS, 0, &number));
    struct slot *slot = slot_at(bench->map, number);
    word_store(&slot->pid_namespace, os_pid_namespace());
    word_store(&slot->thread, os_thread_id()); /* as slot_open() has it: alive, however long it takes */
    repair_sweep(me);
    assert_int_equal(seat_state(word_load(&slot->control)), SEAT_CLAIMED);
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    word_store(&slot->thread, (uint64_t)child);
    word_store(&slot->pid_namespace, os_pid_namespace() + 1); /* another namespace's number says nothing here */
    repair_sweep(me);
    assert_int_equal(seat_state(word_load(&slot->control)), SEAT_CLAIMED);
    word_store(&slot->pid_namespace, os_pid_namespace());
    repair_sweep(me);
    assert_int_equal(seat_state(word_load(&slot->control)), SEAT_FREE);
    assert_int_equal(word_load(&slot->thread), 0); /* or the next claimer would pass for the dead one */
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

/* ---- repairers and children that come and go ---- */

struct stage {
    struct store_map *map;
    comem_list *list;
    _Atomic int *reached;
};

static void stage_wait(const struct stage *stage, int number)
{
    stage->reached[number] = 1;
    for (;;)
        pause();
}

static int hold_list_with_block(void *argument)
{
    const struct stage *stage = argument;
    struct participant *me;
    uint64_t block;
    child_check(participant_enter(stage->map, &me) == COMEM_OK && heap_alloc(me, 100, &block) == COMEM_OK);
    child_check(lock_acquire(me, &stage->list->object.shared->lock) == COMEM_OK);
    stage_wait(stage, 0);
    return 0;
}

static int do_nothing(void *argument)
{
    stage_wait(argument, 1);
    return 0;
}

static int hold_heap_while_stopped(void *argument)
{
    const struct stage *stage = argument;
    struct participant *me;
    child_check(participant_enter(stage->map, &me) == COMEM_OK);
    child_check(leaf_acquire(me, &stage->map->header->heap_lock) == COMEM_OK);
    stage->reached[2] = 1;
    raise(SIGSTOP);
    leaf_release(me, &stage->map->header->heap_lock);
    participant_leave(me);
    stage_wait(stage, 3);
    return 0;
}

static int append_when_told(void *argument)
{
    const struct stage *stage = argument;
    support_await(&stage->reached[4], 1);
    return comem_list_append(stage->list, comem_int(1)) != COMEM_OK;
}

static void kill_child(pid_t child)
{
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

/* A repairer that waits for the heap lock would repair somebody else meanwhile and forget its claim: killed then, it would
 * leave a slot that nobody could ever repair. */
static void a_repairer_killed_while_it_waits_leaves_no_claim_behind(void **state)
{
    struct bench *bench = *state;
    struct stage stage = {bench->map, support_list(&bench->store), support_shared(4096)};
    pid_t dead = support_fork(hold_list_with_block, &stage), other = support_fork(do_nothing, &stage);
    support_await(&stage.reached[0], 1); /* it has its block before the heap is held */
    pid_t holder = support_fork(hold_heap_while_stopped, &stage), repairer = support_fork(append_when_told, &stage);
    for (int i = 1; i < 3; i++)
        support_await(&stage.reached[i], 1);
    kill_child(dead);
    stage.reached[4] = 1;
    support_nap(50000);
    kill_child(other); /* the repairer sleeps for the heap lock with its claim on the first */
    support_nap(500000);
    kill_child(repairer);
    kill(holder, SIGCONT);
    support_await(&stage.reached[3], 1);
    double start = support_seconds();
    assert_ok(comem_list_append(stage.list, comem_int(7)));
    assert_true(support_seconds() - start < 1.0);
    assert_int_equal(support_len(stage.list), 1);
    kill_child(holder);
    comem_list_release(stage.list);
}

/* A child that has been and gone before its parent's fork returned would leave its witness's byte locked, and the next child
 * to get its seat would start without handles. */
static void a_seat_used_again_has_another_witness(void **state)
{
    struct bench *bench = *state;
    struct participant *me;
    struct process *first, *second;
    assert_ok(participant_enter(bench->map, &me));
    assert_ok(process_open(me, SEAT_FORKING, &first));
    int witness = (int)word_load(&first->fd);
    uint64_t control =
        word_load(&first->control); /* the child is gone and reaped, the parent still has the descriptor */
    assert_true(word_swap_if(&first->control, control, seat_control(seat_generation(control) + 1, SEAT_FREE, 0)));
    assert_ok(process_open(me, SEAT_FORKING, &second));
    assert_ptr_equal(first, second);
    assert_false(process_dead(bench->map, second, word_load(&second->control)));
    os_witness_drop(witness);
    assert_false(process_dead(bench->map, second, word_load(&second->control)));
    os_witness_drop((int)word_load(&second->fd));
    assert_true(process_dead(bench->map, second, word_load(&second->control)));
    repair_sweep(me);
    participant_leave(me);
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

/* ---- damage ---- */

/* Who comes would look for a free seat for ever, or step out of the store. */
static void a_table_of_seats_that_is_none_is_passed_over(void **state)
{
    struct bench *bench = *state;
    struct participant *me;
    struct process *process;
    word64 *chunk = &bench->map->header->process_chunks[0];
    uint64_t sound = word_load(chunk), wrong[] = {UINT64_C(1) << 40, 8, UINT64_MAX};
    assert_ok(participant_enter(bench->map, &me));
    for (unsigned i = 0; i < 3; i++) {
        word_store(chunk, wrong[i]);
        assert_ok(process_open(me, SEAT_LIVE, &process));
        assert_int_not_equal(store_offset(bench->map, process) & ~(SPAN_SIZE - 1), sound);
        word_store(&process->control, 0);
        word_store(chunk, sound);
        word_store(&me->slot->process, store_offset(bench->map, bench->map->process));
    }
    participant_leave(me);
}

int main(int argc, char **argv)
{
    support_choose(argc, argv);
    const struct CMUnitTest tests[] = {
        WITH_STORE(two_hundred_threads_attach_and_leave_their_slots),
        WITH_STORE(a_seat_just_taken_is_not_swept),
        WITH_STORE(a_claimed_seat_is_freed_when_its_claimer_is_known_to_be_dead),
        WITH_STORE(no_slot_left_in_a_full_store_is_said),
        WITH_STORE(a_second_row_for_the_same_object_counts),
        WITH_STORE(a_process_holds_thousands_of_objects),
        WITH_STORE(a_forked_child_has_all_handles_of_its_parent),
        WITH_STORE(a_childs_release_leaves_the_parents_handle),
        WITH_STORE(a_parents_release_leaves_the_childs_handle),
        WITH_STORE(records_of_dead_processes_are_reaped),
        WITH_STORE(a_repairer_killed_while_it_waits_leaves_no_claim_behind),
        WITH_STORE(a_seat_used_again_has_another_witness),
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
        WITH_STORE(a_table_of_seats_that_is_none_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
