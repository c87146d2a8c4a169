/* scenarios.c - the operations that are cut: each way through each of them */
#include "crash.h"

void leave(struct participant *me)
{
    participant_leave(me);
}

static comem_list *victims(unsigned number)
{
    return lists[VICTIM][number];
}

/* ---- how lists are before ---- */

static void fill(unsigned number, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        OK(comem_list_append(lists[FIRST][number], comem_int((int64_t)i + 500)));
}

static void fill_far(unsigned number, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        OK(comem_list_append(lists[FIRST][number], far_value(i)));
}

static void empty_list(void)
{
    make_list(0);
}

static void list_of_3(void)
{
    make_list(0);
    fill(0, 3);
}

static void list_of_4(void)
{
    make_list(0);
    fill(0, 4);
}

static void list_of_8(void)
{
    make_list(0);
    fill(0, 8);
}

static void list_of_16(void)
{
    make_list(0);
    fill(0, 16);
}

static void list_of_24_in_table_of_4(void)
{
    make_list(0);
    fill(0, 24);
}

static void list_with_two_spare_blocks(void)
{
    make_list(0);
    fill(0, 17);
    for (unsigned i = 0; i < 1; i++)
        OK(comem_list_pop(lists[FIRST][0], NULL));
    fill(0, 1);
    for (unsigned i = 0; i < 8; i++)
        OK(comem_list_pop(lists[FIRST][0], NULL));
}

static void list_of_far(void)
{
    make_list(0);
    fill(0, 2);
    fill_far(0, 3);
}

/* 0 holds references to 1, which somebody else holds too, and to 2, which nothing else names. */
static void nested_lists(void)
{
    make_list(0);
    make_list(1);
    make_list(2);
    fill(1, 2);
    fill_far(2, 3);
    fill(2, 7);
    OK(comem_list_append(lists[FIRST][0], comem_ref(lists[FIRST][1])));
    OK(comem_list_append(lists[FIRST][0], comem_int(7)));
    OK(comem_list_append(lists[FIRST][2], comem_ref(lists[FIRST][1])));
    OK(comem_list_append(lists[FIRST][0], comem_ref(lists[FIRST][2])));
    release_everywhere(2);
}

static void two_lists(void)
{
    make_list(0);
    make_list(1);
    fill(0, 3);
    fill(1, 2);
}

static void long_list_of_everything(void)
{
    nested_lists();
    fill_far(0, 14);
    fill(0, 10);
}

/* ---- operations on lists ---- */

static void append_number(void)
{
    OK(comem_list_append(victims(0), comem_int(42)));
}

static void append_near(void)
{
    OK(comem_list_append(victims(0), near_value(5)));
}

static void append_far(void)
{
    OK(comem_list_append(victims(0), far_value(9)));
}

static void append_run(void)
{
    OK(comem_list_append(victims(0), run_value(9)));
}

static void append_reference(void)
{
    OK(comem_list_append(victims(0), comem_ref(victims(1))));
}

static void append_itself(void)
{
    OK(comem_list_append(victims(0), comem_ref(victims(0))));
}

static void set_number(void)
{
    OK(comem_list_set(victims(0), 1, comem_int(-1)));
}

static void set_first_far(void)
{
    OK(comem_list_set(victims(0), 0, far_value(7)));
}

static void set_last_number(void)
{
    OK(comem_list_set(victims(0), -1, comem_int(5)));
}

static void set_last_far(void)
{
    OK(comem_list_set(victims(0), -1, far_value(8)));
}

static void set_first_reference(void)
{
    OK(comem_list_set(victims(0), 0, comem_ref(victims(1))));
}

static void set_last_reference(void)
{
    OK(comem_list_set(victims(0), -1, comem_ref(victims(1))));
}

static void pop_last(void)
{
    comem_value value;
    OK(comem_list_pop(victims(0), &value));
    comem_value_clear(&value);
}

static void pop_away(void)
{
    OK(comem_list_pop(victims(0), NULL));
}

static void clear_list(void)
{
    OK(comem_list_clear(victims(0)));
}

static void extend_numbers(void)
{
    comem_value values[11];
    for (int i = 0; i < 11; i++)
        values[i] = comem_int(i);
    OK(comem_list_extend(victims(0), values, 11));
}

static void extend_everything(void)
{
    static char one[50], two[60];
    memset(one, 'o', sizeof one);
    memset(two, 't', sizeof two);
    comem_value values[6] = {comem_str(one, sizeof one), comem_ref(victims(1)),        comem_int(3),
                             comem_ref(victims(0)),      comem_bytes(two, sizeof two), comem_ref(victims(1))};
    OK(comem_list_extend(victims(0), values, 6));
}

static void extend_many_far(void)
{
    static char bytes[10][48];
    comem_value values[10];
    for (int i = 0; i < 10; i++) {
        memset(bytes[i], 'A' + i, sizeof bytes[i]);
        values[i] = comem_bytes(bytes[i], sizeof bytes[i]);
    }
    OK(comem_list_extend(victims(0), values, 10));
}

/* ---- insert, delete, slices, other orders ---- */

/* Two full blocks, two halves of one that was split, and a short tail: 8, 5, 4, 8, 3 items. */
static void list_of_uneven_blocks(void)
{
    make_list(0);
    fill(0, 27);
    OK(comem_list_insert(lists[FIRST][0], 12, comem_int(1)));
}

/* The same with far values and references among the items. */
static void uneven_list_of_everything(void)
{
    nested_lists();
    fill_far(0, 6);
    fill(0, 8);
    OK(comem_list_append(lists[FIRST][0], comem_ref(lists[FIRST][1])));
    fill_far(0, 5);
    OK(comem_list_insert(lists[FIRST][0], 10, comem_ref(lists[FIRST][1])));
}

/* Blocks of few items on either side of the one in the middle. */
static void list_with_a_block_of_one(void)
{
    make_list(0);
    fill(0, 24);
    OK(comem_list_slice_delete(lists[FIRST][0], (comem_slice){9, 16, 1}));
}

/* The tail is one block, and it is empty. */
static void list_popped_to_its_tail(void)
{
    list_of_uneven_blocks();
    for (unsigned i = 0; i < 11; i++)
        OK(comem_list_pop(lists[FIRST][0], NULL));
}

static void list_about_to_shrink(void)
{
    make_list(0);
    fill(0, 5);
    OK(comem_list_pop(lists[FIRST][0], NULL));
}

static void list_of_lists(void)
{
    make_list(0);
    make_list(1);
    make_list(2);
    fill_far(2, 1);
    for (unsigned i = 0; i < 5; i++)
        OK(comem_list_append(lists[FIRST][0], comem_ref(lists[FIRST][1 + i % 2])));
    release_everywhere(2);
}

static void insert_front(void)
{
    OK(comem_list_insert(victims(0), 0, comem_int(7)));
}

static void insert_middle(void)
{
    OK(comem_list_insert(victims(0), 10, comem_int(7)));
}

static void insert_middle_far(void)
{
    OK(comem_list_insert(victims(0), 10, far_value(7)));
}

static void insert_middle_reference(void)
{
    OK(comem_list_insert(victims(0), 2, comem_ref(victims(1))));
}

static void insert_behind_far(void)
{
    OK(comem_list_insert(victims(0), INT64_MAX, far_value(7)));
}

static void pop_first(void)
{
    comem_value value;
    OK(comem_list_pop_at(victims(0), 0, &value));
    comem_value_clear(&value);
}

static void pop_ninth(void)
{
    comem_value value;
    OK(comem_list_pop_at(victims(0), 8, &value));
    comem_value_clear(&value);
}

static void remove_far(void)
{
    OK(comem_list_remove(victims(0), far_value(2)));
}

static void remove_reference(void)
{
    OK(comem_list_remove(victims(0), comem_ref(victims(1))));
}

static void delete_run(void)
{
    OK(comem_list_slice_delete(victims(0), (comem_slice){3, 15, 1}));
}

static void delete_many_blocks(void)
{
    OK(comem_list_slice_delete(victims(0), (comem_slice){1, -1, 1}));
}

static void delete_end(void)
{
    OK(comem_list_slice_delete(victims(0), (comem_slice){9, INT64_MAX, 1}));
}

static void delete_with_step(void)
{
    OK(comem_list_slice_delete(victims(0), (comem_slice){1, INT64_MAX, 2}));
}

static void delete_everything(void)
{
    OK(comem_list_slice_delete(victims(0), COMEM_SLICE_ALL));
}

static void set_run_of_numbers(void)
{
    comem_value values[11];
    for (int i = 0; i < 11; i++)
        values[i] = comem_int(i);
    OK(comem_list_slice_set(victims(0), (comem_slice){4, 9, 1}, values, 11));
}

/* Values of every kind in the place of a slice; `slice` has four items if it has a step. */
static void set_everything(comem_slice slice)
{
    static char one[50], two[60];
    memset(one, 'o', sizeof one);
    memset(two, 't', sizeof two);
    comem_value values[4] = {comem_str(one, sizeof one), comem_ref(victims(1)), comem_int(3),
                             comem_bytes(two, sizeof two)};
    OK(comem_list_slice_set(victims(0), slice, values, 4));
}

static void set_run_to_everything(void)
{
    set_everything((comem_slice){1, 13, 1});
}

static void set_whole_to_everything(void)
{
    set_everything(COMEM_SLICE_ALL);
}

static void set_end_to_everything(void)
{
    set_everything((comem_slice){INT64_MAX, INT64_MAX, 1});
}

static void set_step_to_everything(void)
{
    set_everything((comem_slice){9, 2, -2});
}

static void set_run_to_nothing(void)
{
    OK(comem_list_slice_set(victims(0), (comem_slice){2, 11, 1}, NULL, 0));
}

static void reverse_list(void)
{
    OK(comem_list_reverse(victims(0)));
}

static void sort_list(void)
{
    OK(comem_list_sort_descending(victims(0)));
}

static void sort_upwards(void)
{
    OK(comem_list_sort(victims(0)));
}

static void list_of_far_only(void)
{
    make_list(0);
    for (unsigned i = 0; i < 10; i++)
        OK(comem_list_append(lists[FIRST][0], i % 3 == 0 ? near_value(i) : far_value(10 - i)));
}

static void permute_list(void)
{
    uint64_t order[32];
    size_t count;
    struct list_moment moment;
    bool done;
    OK(list_read_moment(victims(0), COMEM_SLICE_ALL, NULL, 0, &count, &moment));
    for (size_t i = 0; i < count; i++)
        order[i] = (i + 3) % count;
    OK(list_permute_if(victims(0), &moment, order, count, &done));
}

static void delete_as_read(void)
{
    size_t count;
    struct list_moment moment;
    bool done;
    OK(list_read_moment(victims(0), COMEM_SLICE_ALL, NULL, 0, &count, &moment));
    OK(list_delete_if(victims(0), &moment, 10, &done));
}

static void multiply_list(void)
{
    OK(comem_list_multiply(victims(0), 3));
}

static void extend_by_itself(void)
{
    OK(comem_list_extend_list(victims(0), victims(0)));
}

static void copy_list(void)
{
    comem_list *copy;
    OK(comem_list_copy(victims(0), &copy));
    comem_list_release(copy);
}

static void concat_lists(void)
{
    comem_list *both;
    OK(comem_list_concat(victims(0), victims(1), &both));
    comem_list_release(both);
}

static void repeat_list(void)
{
    comem_list *repeated;
    OK(comem_list_repeat(victims(0), 2, &repeated));
    comem_list_release(repeated);
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

/* Nothing free but what growth brings. */
static void full_store(void)
{
    make_list(0);
    fill_far(0, 3);
    const struct store_map *map = maps[FIRST];
    for (uint64_t free = 16; free >= 3;) {
        OK(comem_list_append(lists[FIRST][0], run_value(1)));
        free = 0;
        for (uint64_t page = map->data / PAGE_SIZE + LAYOUT_FIXED_SPANS * SPAN_PAGES; page < store_end(map) / PAGE_SIZE;
             page++)
            free += word32_load(&map->page_table[page]) == 0;
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

/* An operation of many words, as containers to come will have them: a block of further entries, then one commit. */
static void change_under_log(void)
{
    struct participant *me;
    OK(participant_enter(maps[VICTIM], &me));
    struct comem_object *list = &victims(0)->object;
    uint64_t log_at;
    OK(heap_alloc(me, 8 * sizeof(struct record_entry), &log_at));
    OK(lock_acquire(me, &list->shared->lock));
    struct list_entry *entry;
    uint64_t table = word_load(&list->shared->table);
    struct record_entry *log = store_at(me->map, log_at, 8 * sizeof *log);
    for (unsigned i = 0; i < 8; i++) {
        word64 *word =
            i == 7 ? &list_entry_at(me->map, table, 0)->version : &list_locked_cell(me->map, table, i, &entry)->body;
        word_store(&log[i].what, (uint64_t)(i == 7 ? RECORD_VERSION : RECORD_WORD) << 56 | store_offset(me->map, word));
        word_store(&log[i].argument, word_load(word));
    }
    record_add(me, RECORD_LOG, log_at, 8);
    uint32_t version = record_open_version(me, &list->shared->version);
    word_store(&entry->version, word_load(&entry->version) + 1);
    for (unsigned i = 0; i < 7; i++)
        word_store(&list_locked_cell(me->map, table, i, &entry)->body, 9000 + i);
    uint32_t give_up = me->record_end;
    record_add(me, RECORD_FREE, log_at, 0);
    record_commit(me);
    word_publish(&entry->version, word_load(&entry->version) + 1);
    record_close_version(me, &list->shared->version, version);
    record_switch(me, RECORD_COMMITTED, give_up, give_up + 1); /* the log counts no longer */
    lock_release(me, &list->shared->lock);
    OK(heap_finish(me, 0));
    participant_leave(me);
}

const struct scenario scenarios[] = {
    {"append a number", list_of_3, append_number, false},
    {"append to an empty list", empty_list, append_number, false},
    {"append growing the only block", list_of_4, append_number, false},
    {"append growing out of one block", list_of_8, append_number, false},
    {"append adding a block", list_of_16, append_number, false},
    {"append growing the table", list_of_24_in_table_of_4, append_number, false},
    {"append a near str", list_of_3, append_near, false},
    {"append a far str", list_of_3, append_far, false},
    {"append a far str to a full block", list_of_4, append_far, false},
    {"append a run of pages", list_of_3, append_run, false},
    {"append a reference", two_lists, append_reference, false},
    {"append itself", two_lists, append_itself, false},
    {"set a number", list_of_3, set_number, false},
    {"set a number to a far str", list_of_3, set_first_far, false},
    {"set a far str to another", list_of_far, set_last_far, false},
    {"set a far str to a number", list_of_far, set_last_number, false},
    {"set a number to a reference", two_lists, set_first_reference, false},
    {"set a reference to itself", nested_lists, set_first_reference, false},
    {"set the last reference to another", nested_lists, set_last_reference, false},
    {"set the last reference to a number", nested_lists, set_last_number, false},
    {"pop a number", list_of_3, pop_last, false},
    {"pop giving a block back", list_with_two_spare_blocks, pop_last, false},
    {"pop a far str", list_of_far, pop_last, false},
    {"pop a far str away", list_of_far, pop_away, false},
    {"pop the last reference", nested_lists, pop_last, false},
    {"pop the last reference away", nested_lists, pop_away, false},
    {"extend with numbers", list_of_3, extend_numbers, false},
    {"extend an empty list", empty_list, extend_numbers, false},
    {"extend with everything", two_lists, extend_everything, false},
    {"extend with many far values", list_of_far, extend_many_far, false},
    {"insert into one block", list_of_3, insert_front, false},
    {"insert into an empty list", empty_list, insert_front, false},
    {"insert splitting a block", list_of_16, insert_middle, false},
    {"insert in front of a full block", list_of_16, insert_front, false},
    {"insert among uneven blocks", list_of_uneven_blocks, insert_middle, false},
    {"insert a far str", list_of_uneven_blocks, insert_middle_far, false},
    {"insert a reference", nested_lists, insert_middle_reference, false},
    {"insert behind the last", list_of_16, insert_behind_far, false},
    {"insert beside a block of one", list_with_a_block_of_one, insert_front, false},
    {"insert growing the store", full_store, insert_front, false},
    {"pop the first number", list_of_uneven_blocks, pop_first, false},
    {"pop the first reference", nested_lists, pop_first, false},
    {"pop a far str in the middle", uneven_list_of_everything, pop_ninth, false},
    {"pop the only item of a block", list_with_a_block_of_one, pop_ninth, false},
    {"pop making the block smaller", list_about_to_shrink, pop_last, false},
    {"pop dropping the tail", list_popped_to_its_tail, pop_last, false},
    {"append to an empty tail", list_popped_to_its_tail, append_far, false},
    {"extend an empty tail", list_popped_to_its_tail, extend_numbers, false},
    {"remove a far str", uneven_list_of_everything, remove_far, false},
    {"remove a reference", uneven_list_of_everything, remove_reference, false},
    {"delete a run of numbers", list_of_uneven_blocks, delete_run, false},
    {"delete a run of everything", uneven_list_of_everything, delete_run, false},
    {"delete many blocks", list_of_uneven_blocks, delete_many_blocks, false},
    {"delete the end", uneven_list_of_everything, delete_end, false},
    {"delete with a step", uneven_list_of_everything, delete_with_step, false},
    {"delete everything", uneven_list_of_everything, delete_everything, false},
    {"set a run of numbers", list_of_uneven_blocks, set_run_of_numbers, false},
    {"set a run to everything", uneven_list_of_everything, set_run_to_everything, false},
    {"set the whole to everything", uneven_list_of_everything, set_whole_to_everything, false},
    {"set the end to everything", uneven_list_of_everything, set_end_to_everything, false},
    {"set with a step", uneven_list_of_everything, set_step_to_everything, false},
    {"set a run to nothing", uneven_list_of_everything, set_run_to_nothing, false},
    {"reverse numbers", list_of_uneven_blocks, reverse_list, false},
    {"reverse everything", uneven_list_of_everything, reverse_list, false},
    {"sort numbers", list_of_uneven_blocks, sort_list, false},
    {"sort numbers upwards", list_of_uneven_blocks, sort_upwards, false},
    {"sort far strs", list_of_far_only, sort_list, false},
    {"put into an order", uneven_list_of_everything, permute_list, false},
    {"multiply numbers", list_of_8, multiply_list, false},
    {"multiply references", list_of_lists, multiply_list, false},
    {"multiply far strs", list_of_far, multiply_list, false},
    {"extend by itself", list_of_lists, extend_by_itself, false},
    {"delete as it was read", uneven_list_of_everything, delete_as_read, false},
    {"concat lists", two_lists, concat_lists, false},
    {"repeat references", list_of_lists, repeat_list, false},
    {"copy everything", nested_lists, copy_list, false},
    {"clear references", list_of_lists, clear_list, false},
    {"delete all references", list_of_lists, delete_everything, false},
    {"insert a far str into a full store", list_of_uneven_blocks, insert_middle_far, true},
    {"insert a reference into a full store", nested_lists, insert_middle_reference, true},
    {"append in a full store", list_of_16, append_far, true},
    {"extend in a full store", two_lists, extend_everything, true},
    {"set with a step in a full store", uneven_list_of_everything, set_step_to_everything, true},
    {"delete with a step in a full store", uneven_list_of_everything, delete_with_step, true},
    {"multiply references in a full store", list_of_lists, multiply_list, true},
    {"pop making the block smaller in a full store", list_about_to_shrink, pop_last, true},
    {"clear numbers", list_of_8, clear_list, false},
    {"clear everything", long_list_of_everything, clear_list, false},
    {"new list", two_lists, new_list, false},
    {"new list and release", two_lists, new_and_release, false},
    {"release what holds others", victim_alone_holds_everything, release_list, false},
    {"take a nested handle and release it", nested_lists, take_nested_handle, false},
    {"name a list", list_of_far, name_list, false},
    {"shut a scope down", list_in_scope, shut_scope_down, false},
    {"new list adding a table of rows", no_row_left, new_list, false},
    {"append growing the store", full_store, append_run, false},
    {"attach", victim_outside, attach_victim, false},
    {"attach adding a chunk of slots", victim_outside_full_chunk, attach_victim, false},
    {"detach with references", holding_victim, detach_victim, false},
    {"make a record for a child", holding_victim, make_fork_record, false},
    {"sweep after another's death", bystander_died, sweep, false},
    {"reap the trash", trash_everywhere, sweep, false},
    {"change many words under a log", list_of_8, change_under_log, false},
};
const unsigned scenario_count = sizeof scenarios / sizeof scenarios[0];
