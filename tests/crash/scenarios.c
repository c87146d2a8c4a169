/* scenarios.c - all the operations that are cut; those that concern objects of any type, and the store */
#include "scenarios.h"

void leave(struct participant *me)
{
    participant_leave(me);
}

hook_mark trial_begin(void)
{
    hook_arena(true);
    return hook_now();
}

void trial_end(hook_mark mark)
{
    hook_rollback(mark);
    hook_arena(false);
    hook_arena_reset();
}

/* ---- birth and death of lists ---- */

static void new_list(void)
{
    comem_list *made;
    OK(comem_list_new(&stores[VICTIM], &made));
}

static void victim_alone_holds_everything(void)
{
    make_list(0);
    make_list(1);
    make_list(2);
    fill(0, 2);
    fill_far(1, 2);
    fill(2, 9);
    fill_far(2, 2);
    OK(comem_list_append(lists[FIRST][1], comem_ref(lists[FIRST][2])));
    OK(comem_list_append(lists[FIRST][1], comem_ref(lists[FIRST][0])));
    release_everywhere(2);
    for (unsigned i = 0; i < PARTIES; i++)
        if (i != VICTIM) {
            comem_list_release(lists[i][1]);
            lists[i][1] = NULL;
        }
}

static void release_list(void)
{
    comem_list_release(victims(1));
}

static void new_and_release(void)
{
    comem_list *made;
    OK(comem_list_new(&stores[VICTIM], &made));
    if (made != NULL)
        OK(comem_list_append(made, far_value(2)));
    comem_list_release(made);
}

static void take_nested_handle(void)
{
    comem_value value;
    OK(comem_list_get(victims(0), -1, &value));
    comem_value_clear(&value);
}

static void name_list(void)
{
    struct object_name name;
    OK(object_name_get(&victims(0)->object, UINT64_C(60000000000), &name));
}

static uint64_t victims_scope;

static void list_in_scope(void)
{
    make_list(1);
    OK(object_scope_new(&stores[FIRST], &victims_scope));
    OK(list_new_in(&stores[FIRST], victims_scope, 0, &lists[FIRST][0]));
    lists[SECOND][0] = share(lists[FIRST][0], SECOND);
    lists[VICTIM][0] = share(lists[FIRST][0], VICTIM);
    fill(0, 3);
    fill_far(0, 2);
    OK(comem_list_append(lists[FIRST][0], comem_ref(lists[FIRST][1])));
}

static void shut_scope_down(void)
{
    OK(object_scope_shutdown(&stores[VICTIM], victims_scope));
}

/* ---- the store itself ---- */

/* The next list that the victim makes finds no row in the tables there are. */
static void no_row_left(void)
{
    make_list(0);
    struct process *process = maps[VICTIM]->process;
    for (;;) {
        comem_list *made;
        uint64_t probe;
        OK(comem_list_new(&stores[VICTIM], &made));
        probe = made->object.offset + HEAP_OBJECT_SIZE;
        if (process_row_free(maps[VICTIM], process, probe) == NULL)
            break;
    }
}

static void victim_outside(void)
{
    make_list(0);
    fill(0, 3);
    comem_list_release(victims(0));
    lists[VICTIM][0] = NULL;
    struct participant *me = parties[VICTIM];
    participant_detach(me);
    parties[VICTIM] = NULL;
}

static void attach_victim(void)
{
    struct participant *me;
    OK(participant_attach(maps[VICTIM], &me));
}

/* As many threads as there are slots: the next one to attach adds a chunk. */
static void victim_outside_full_chunk(void)
{
    victim_outside();
    attach(BYSTANDER);
}

static void holding_victim(void)
{
    nested_lists();
    comem_list *made;
    OK(comem_list_new(&stores[VICTIM], &made));
    OK(comem_list_append(made, far_value(1)));
}

static void detach_victim(void)
{
    struct participant *me = parties[VICTIM];
    handle_forget_all(me->map);
    participant_detach(me);
}

static void make_fork_record(void)
{
    struct participant *me;
    struct process *child;
    OK(participant_enter(maps[VICTIM], &me));
    OK(process_open(me, SEAT_FORKING, &child));
    OK(process_copy_rows(me, me->map->process, child));
    participant_leave(me);
}

static struct child_record child;

/* As a parent does for the arguments of a child that it starts. */
static void expect_child(void)
{
    struct object_name name;
    OK(participant_expect(maps[VICTIM], &child));
    OK(object_name_pass(&victims(0)->object, &child, &name));
    OK(object_name_pass(&victims(1)->object, &child, &name));
}

/* The victim is to come with a record that holds two lists, which nobody else does. */
static void child_expected(void)
{
    victim_outside();
    struct object_name name;
    OK(participant_expect(maps[FIRST], &child));
    for (unsigned i = 0; i < 2; i++) {
        comem_list *argument;
        OK(comem_list_new(&stores[FIRST], &argument));
        OK(comem_list_append(argument, far_value(i)));
        OK(object_name_pass(&argument->object, &child, &name));
        comem_list_release(argument);
    }
}

/* As a child does that opens none of its arguments. */
static void come_as_child(void)
{
    OK(participant_come(maps[VICTIM], &child));
    object_child_loaded(maps[VICTIM]);
}

/* Lists that only a name keeps, with their time to come. */
static void names_on_their_way(void)
{
    list_of_far();
    for (unsigned i = 0; i < 3; i++) {
        comem_list *named;
        struct object_name name;
        OK(comem_list_new(&stores[FIRST], &named));
        OK(comem_list_append(named, far_value(i)));
        OK(object_name_get(&named->object, UINT64_C(60000000000), &name));
        comem_list_release(named);
    }
}

static void take_names_back(void)
{
    struct participant *me;
    OK(participant_enter(maps[VICTIM], &me));
    sync_upward->reap_stamped(me, 1);
    heap_relieve(me);
    participant_leave(me);
}

/* Somebody died before, in the middle of something, holding things. */
static void bystander_died(void)
{
    nested_lists();
    attach(BYSTANDER);
    lists[BYSTANDER][0] = share(lists[FIRST][0], BYSTANDER);
    comem_list *made;
    OK(comem_list_new(&stores[BYSTANDER], &made));
    OK(comem_list_append(made, far_value(1)));
    OK(comem_list_append(made, comem_ref(lists[BYSTANDER][0])));
    OK(comem_list_append(made, comem_ref(made)));
    OK(comem_list_pop(made, NULL));
    struct participant *me = parties[BYSTANDER];
    OK(lock_acquire(me, &lists[BYSTANDER][0]->object.shared->lock));
    record_add(me, RECORD_OWE, lists[BYSTANDER][0]->object.offset, 0);
    struct object *shared = lists[BYSTANDER][0]->object.shared;
    word_store(&shared->links, word_load(&shared->links) + 1); /* as object_link() leaves it */
    alive[BYSTANDER] = false;
}

static void sweep(void)
{
    struct participant *me;
    OK(participant_enter(maps[VICTIM], &me));
    repair_sweep(me);
    heap_relieve(me);
    participant_leave(me);
}

static void trash_everywhere(void)
{
    long_list_of_everything();
    comem_list *list = lists[FIRST][0];
    struct participant *me;
    struct object *shared = list->object.shared;
    OK(participant_enter(maps[FIRST], &me)); /* as comem_list_clear() does it, but for the reaping */
    uint64_t table = word_load(&shared->table);
    record_add(me, RECORD_TRASH, table_offset(table), 0);
    record_add_watch(me, &shared->table);
    word_publish(&shared->table, table_next(table, 0));
    record_commit(me);
    OK(heap_finish(me, 0));
    participant_leave(me);
    OK(comem_list_append(list, comem_int(1)));
}

const struct scenario store_scenarios[] = {
    {"new list", two_lists, new_list},
    {"new list and release", two_lists, new_and_release},
    {"release what holds others", victim_alone_holds_everything, release_list},
    {"take a nested handle and release it", nested_lists, take_nested_handle},
    {"name a list", list_of_far, name_list},
    {"shut a scope down", list_in_scope, shut_scope_down},
    {"new list adding a table of rows", no_row_left, new_list},
    {"attach", victim_outside, attach_victim},
    {"attach adding a chunk of slots", victim_outside_full_chunk, attach_victim},
    {"detach with references", holding_victim, detach_victim},
    {"make a record for a child", holding_victim, make_fork_record},
    {"start a child with arguments", two_lists, expect_child},
    {"come as a child and load nothing", child_expected, come_as_child},
    {"take names back before their time", names_on_their_way, take_names_back},
    {"sweep after another's death", bystander_died, sweep},
    {"reap the trash", trash_everywhere, sweep},
    {NULL, NULL, NULL},
};

const struct scenario *const scenario_parts[] = {
    list_scenarios, dict_scenarios, value_scenarios, root_scenarios, variable_scenarios, store_scenarios, NULL};
