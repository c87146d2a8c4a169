/* test_heap.c - blocks of every size, what becomes of freed ones, the trash */
#include "support.h"

#include <stdio.h>

static struct participant *enter(void **state)
{
    struct participant *me;
    struct bench *bench = *state;
    assert_ok(participant_enter(bench->map, &me));
    return me;
}

static uint64_t take(struct participant *me, uint64_t size)
{
    uint64_t offset = 0;
    assert_ok(heap_alloc(me, size, &offset));
    record_clear(me);
    return offset;
}

static void give(struct participant *me, uint64_t offset)
{
    record_stage(me, 0, RECORD_FREE, offset, 0);
    record_switch(me, RECORD_COMMITTED, 0, 1);
    assert_ok(heap_finish(me, 0));
}

/* A size would get a block that is too small, out of line, or much too large. */
static void every_size_gets_a_block_that_fits(void **state)
{
    struct participant *me = enter(state);
    for (uint64_t size = 1; size <= 70000; size += size < 9000 ? 1 : 97) {
        uint64_t rounded = heap_rounded(size), offset = take(me, size);
        assert_true(rounded >= size);
        assert_true(size <= 16 || rounded <= size + 7 || rounded <= size + size / 4 + 1 || size > HEAP_BLOCK_MAX);
        assert_true(size <= HEAP_BLOCK_MAX || rounded < size + PAGE_SIZE);
        assert_int_equal(offset % 8, 0);
        if (size >= 64)
            assert_int_equal(offset % 64, 0);
        if (size > HEAP_BLOCK_MAX)
            assert_int_equal(offset % PAGE_SIZE, 0);
        assert_non_null(store_at(me->map, offset, rounded));
        assert_int_equal(heap_used(me->map), rounded);
        give(me, offset);
        assert_int_equal(heap_used(me->map), 0);
    }
    participant_leave(me);
}

/* Two blocks of one class would overlap, or one of a span never be given out. */
static void a_span_of_every_class_gives_all_its_blocks(void **state)
{
    struct participant *me = enter(state);
    static uint64_t offsets[5000];
    for (uint64_t size = 16; size <= HEAP_BLOCK_MAX; size = heap_rounded(size + 1)) {
        uint64_t rounded = heap_rounded(size), count = SPAN_SIZE / rounded + 5;
        for (uint64_t i = 0; i < count; i++) {
            offsets[i] = take(me, size);
            word_fill_zero(store_at(me->map, offsets[i], rounded), rounded);
            word_store(store_at(me->map, offsets[i], 8), i);
            word_store(store_at(me->map, offsets[i] + rounded - 8, 8), i);
        }
        for (uint64_t i = 0; i < count; i++) {
            assert_int_equal(word_load(store_at(me->map, offsets[i] + rounded - 8, 8)), i);
            if (rounded > 8)
                assert_int_equal(word_load(store_at(me->map, offsets[i], 8)), i);
        }
        assert_int_equal(heap_used(me->map), count * rounded);
        for (uint64_t i = 0; i < count; i += 2)
            give(me, offsets[i]);
        for (uint64_t i = 1; i < count; i += 2)
            give(me, offsets[i]);
        assert_int_equal(heap_used(me->map), 0);
    }
    participant_leave(me);
}

/* A block larger than a step of growth could not be had, or would not come back. */
static void a_block_beyond_any_step_of_growth_is_given(void **state)
{
    struct participant *me = enter(state);
    static const uint64_t sizes[] = {9 * MIB, 33 * MIB, 70 * MIB, 100 * MIB};
    for (unsigned i = 0; i < 4; i++) {
        uint64_t offset = take(me, sizes[i]);
        assert_non_null(store_at(me->map, offset, sizes[i]));
        word_store(store_at(me->map, offset + sizes[i] - 8, 8), i);
        assert_int_equal(heap_used(me->map), sizes[i]);
        give(me, offset);
        assert_int_equal(heap_used(me->map), 0);
    }
    uint64_t end = store_end(me->map), offset = take(me, 100 * MIB); /* the same room again */
    assert_int_equal(store_end(me->map), end);
    give(me, offset);
    assert_status(COMEM_NO_MEMORY, heap_alloc(me, UINT64_C(1) << 30, &offset));
    assert_status(COMEM_NO_MEMORY, heap_alloc(me, UINT64_C(1) << 60, &offset));
    assert_status(COMEM_NO_MEMORY, heap_alloc(me, UINT64_MAX, &offset));
    assert_int_equal(heap_used(me->map), 0);
    participant_leave(me);
}

/* The store would grow for ever although what is in it is freed again. */
static void freed_memory_of_any_size_serves_any_other(void **state)
{
    struct participant *me = enter(state);
    static uint64_t offsets[60000];
    static const uint64_t sizes[] = {16, 40, 64, 200, 1000, 8192, 20000, 65536, 300000};
    uint64_t end = 0;
    for (unsigned round = 0; round < 3; round++)
        for (unsigned s = 0; s < 9; s++) {
            uint64_t count = 3 * MIB / heap_rounded(sizes[s]);
            if (count > 60000)
                count = 60000;
            for (uint64_t i = 0; i < count; i++)
                offsets[i] = take(me, sizes[s]);
            for (uint64_t i = 0; i < count; i++)
                give(me, offsets[i]);
            assert_int_equal(heap_used(me->map), 0);
            if (round == 0)
                end = store_end(me->map);
        }
    assert_int_equal(store_end(me->map), end);
    assert_true(end - me->map->data < 12 * MIB);
    participant_leave(me);
}

/* A stale handle would meet somebody's string where its object was. */
static void spans_of_objects_hold_objects_for_ever(void **state)
{
    struct participant *me = enter(state);
    static uint64_t objects[2000];
    for (unsigned i = 0; i < 2000; i++) {
        assert_ok(heap_alloc_object(me, &objects[i]));
        record_clear(me);
        assert_true(heap_is_object(me->map, objects[i]));
        assert_int_equal(objects[i] % HEAP_OBJECT_SIZE, 0);
    }
    for (unsigned i = 0; i < 2000; i++)
        give(me, objects[i]);
    assert_int_equal(heap_used(me->map), 0);
    for (unsigned i = 0; i < 3000; i++) {
        uint64_t offset = take(me, i % 3 == 0 ? 128 : i % 3 == 1 ? 5000 : 70000);
        assert_false(heap_is_object(me->map, offset));
        for (unsigned k = 0; k < 2000; k += 100)
            assert_true(offset / SPAN_SIZE != objects[k] / SPAN_SIZE);
        if (i % 3 == 2)
            give(me, offset);
        if (i > 200)
            i += 50;
    }
    for (unsigned i = 0; i < 2000; i++)
        assert_true(heap_is_object(me->map, objects[i]));
    assert_false(heap_is_object(me->map, objects[0] + 8));
    assert_false(heap_is_object(me->map, objects[0] / SPAN_SIZE * SPAN_SIZE));
    assert_false(heap_is_object(me->map, 0));
    assert_false(heap_is_object(me->map, UINT64_MAX - 127));
    uint64_t again; /* and the headers are used again */
    assert_ok(heap_alloc_object(me, &again));
    record_clear(me);
    bool known = false;
    for (unsigned i = 0; i < 2000; i++)
        known |= objects[i] == again;
    assert_true(known);
    give(me, again);
    participant_leave(me);
}

struct gather {
    uint64_t offsets[4000];
    unsigned count;
};

static void gather_block(void *context, uint64_t offset, uint64_t size)
{
    struct gather *gather = context;
    (void)size;
    if (gather->count < 4000)
        gather->offsets[gather->count++] = offset;
}

static void free_everything(struct participant *me)
{
    static struct gather gather;
    gather.count = 0;
    for (uint64_t page = me->map->data / PAGE_SIZE; page < store_end(me->map) / PAGE_SIZE; page++)
        heap_walk_page(me->map, page, gather_block, &gather);
    for (unsigned i = 0; i < gather.count; i++)
        give(me, gather.offsets[i]);
}

static int teardown_with_blocks(void **state)
{
    struct participant *me = enter(state);
    free_everything(me);
    participant_leave(me);
    return support_teardown(state);
}

/* An operation given up would keep what it had allocated, or more would be given back than it had. */
static void abandoned_allocations_are_given_back(void **state)
{
    struct participant *me = enter(state);
    uint64_t kept, offset;
    assert_ok(heap_alloc(me, 100, &kept));
    for (unsigned i = 0; i < 5; i++) {
        assert_ok(heap_alloc(me, 50, &offset));
        assert_ok(heap_alloc(me, 50000, &offset));
    }
    heap_abandon(me, 1);
    assert_int_equal(heap_used(me->map), heap_rounded(100));
    assert_int_equal(me->record_end - me->record_base, 1);
    heap_abandon(me, 0);
    assert_int_equal(heap_used(me->map), 0);
    assert_int_equal(me->record_end, 0);
    heap_abandon(me, 0);
    participant_leave(me);
}

#define MODEL_BLOCKS 3000

/* Some order of taking and giving would make two blocks overlap, lose one, or damage the tables. */
static void a_random_program_of_blocks_keeps_the_heap_whole(void **state)
{
    struct participant *me = enter(state);
    struct store_map *map = me->map;
    static struct {
        uint64_t offset, size;
    } blocks[MODEL_BLOCKS];
    static const uint64_t limits[] = {16, 64, 200, 1000, 8192, 8193, 30000, 200000, 2000000};
    struct dice dice = {2024};
    unsigned steps = support_count("COMEM_TEST_STEPS", support_sanitized() ? 20000 : 100000);
    uint64_t expected = 0;
    memset(blocks, 0, sizeof blocks);
    for (unsigned i = 0; i < steps; i++) {
        unsigned which = (unsigned)dice_roll(&dice, MODEL_BLOCKS);
        if (blocks[which].offset != 0) {
            uint64_t last = blocks[which].offset + (blocks[which].size - 1) / 8 * 8;
            assert_int_equal(word_load(store_at(map, blocks[which].offset, 8)), which);
            assert_int_equal(word_load(store_at(map, last, 8)), which);
            give(me, blocks[which].offset);
            expected -= heap_rounded(blocks[which].size);
            blocks[which].offset = 0;
        } else if (expected < 100 * MIB) {
            uint64_t size = 1 + dice_roll(&dice, limits[dice_roll(&dice, dice_roll(&dice, 20) == 0 ? 9 : 7)]);
            blocks[which].size = size;
            blocks[which].offset = take(me, size);
            word_store(store_at(map, blocks[which].offset + (size - 1) / 8 * 8, 8), which);
            word_store(store_at(map, blocks[which].offset, 8), which);
            expected += heap_rounded(size);
        }
        if (i % 5000 == 0)
            assert_int_equal(heap_used(map), expected);
    }
    for (unsigned which = 0; which < MODEL_BLOCKS; which++)
        if (blocks[which].offset != 0)
            give(me, blocks[which].offset);
    assert_int_equal(heap_used(map), 0);
    participant_leave(me);
}

struct crowd {
    struct bench *bench;
    _Atomic int failed;
};

static void *random_blocks(void *argument)
{
    struct crowd *crowd = argument;
    struct participant *me;
    struct dice dice = {(uint64_t)(uintptr_t)&dice};
    uint64_t offsets[100] = {0};
    for (unsigned i = 0; i < 20000; i++) {
        unsigned which = (unsigned)dice_roll(&dice, 100);
        if (participant_enter(crowd->bench->map, &me) != COMEM_OK) {
            crowd->failed++;
            return NULL;
        }
        word64 *word = store_at(me->map, offsets[which], 8);
        if (offsets[which] != 0) {
            crowd->failed += word_load(word) != (uint64_t)(uintptr_t)&offsets[which];
            record_stage(me, 0, RECORD_FREE, offsets[which], 0);
            record_switch(me, RECORD_COMMITTED, 0, 1);
            heap_finish(me, 0);
            offsets[which] = 0;
        } else if (i < 19000) {
            uint64_t size = 8 + dice_roll(&dice, dice_roll(&dice, 10) == 0 ? 50000 : 500);
            crowd->failed += heap_alloc(me, size, &offsets[which]) != COMEM_OK;
            record_clear(me);
            word_store(store_at(me->map, offsets[which], 8), (uint64_t)(uintptr_t)&offsets[which]);
        }
        participant_leave(me);
    }
    participant_enter(crowd->bench->map, &me);
    for (unsigned which = 0; which < 100; which++)
        if (offsets[which] != 0) {
            record_stage(me, 0, RECORD_FREE, offsets[which], 0);
            record_switch(me, RECORD_COMMITTED, 0, 1);
            heap_finish(me, 0);
        }
    participant_leave(me);
    return NULL;
}

/* Two threads would get one block. */
static void threads_never_get_the_same_block(void **state)
{
    struct crowd crowd = {.bench = *state};
    pthread_t threads[4];
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, random_blocks, &crowd), 0);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(crowd.failed, 0);
    assert_int_equal(support_used(crowd.bench->map), 0);
}

/* Nonsense in a FREE entry would free what is in use, or crash. */
static void freeing_what_is_no_block_harms_nothing(void **state)
{
    struct participant *me = enter(state);
    uint64_t small = take(me, 100), run = take(me, 50000), used = heap_used(me->map);
    uint64_t span = small / SPAN_SIZE * SPAN_SIZE;
    const uint64_t nonsense[] = {
        0, 8, span, span + 8, run + PAGE_SIZE, me->map->data, store_end(me->map), me->map->window, UINT64_C(1) << 55};
    for (unsigned i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        give(me, nonsense[i]);
        assert_int_equal(heap_used(me->map), used);
    }
    give(me, small);
    give(me, run);
    assert_int_equal(heap_used(me->map), 0);
    participant_leave(me);
}

/* store check would not find what it is there for. */
static void the_check_finds_leaks_and_damage(void **state)
{
    struct bench *bench = *state;
    struct store_map *map = bench->map;
    comem_list *list = support_list(&bench->store), *other = support_list(&bench->store);
    struct participant *me;
    assert_ok(comem_list_append(list, comem_ref(other)));
    assert_ok(comem_list_append(list, comem_bytes("a value of more than thirteen bytes", 35)));
    assert_int_equal(store_check(map, NULL, NULL), 0);
    assert_ok(participant_enter(map, &me));
    uint64_t lost = take(me, 100);
    assert_true(store_check(map, NULL, NULL) > 0); /* a block that nothing names */
    give(me, lost);
    assert_int_equal(store_check(map, NULL, NULL), 0);
    struct object *shared = other->object.shared;
    struct list_entry *entry;
    struct cell *cell = list_locked_cell(map, word_load(&list->object.shared->table), 1, &entry);
    word64 *words[] = {&shared->links,  &shared->version, &cell->body,
                       &entry->version, &entry->block,    &map->header->trash};
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        uint64_t good = word_load(words[i]);
        word_store(words[i], good + (i == 5 ? lost : 1));
        assert_true(store_check(map, NULL, NULL) > 0);
        word_store(words[i], good);
        assert_int_equal(store_check(map, NULL, NULL), 0);
    }
    participant_leave(me);
}

/* A hint that names a span of another size would give blocks that lie over others. */
static void a_hint_that_names_a_span_of_another_class_is_passed_over(void **state)
{
    struct bench *bench = *state;
    struct participant *me;
    uint64_t small, large, again;
    assert_ok(participant_enter(bench->map, &me));
    assert_ok(heap_alloc(me, 16, &small));
    assert_ok(heap_alloc(me, 4096, &large));
    struct heap_group *group = &bench->map->groups[(small >> SPAN_SHIFT) / GROUP_SPANS];
    uint64_t sound[HEAP_CLASSES_MAX];
    for (unsigned i = 0; i < HEAP_CLASSES_MAX; i++) {
        sound[i] = word_load(&group->available[i]);
        word_store(&group->available[i], UINT64_MAX);
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_ok(heap_alloc(me, 100, &again));
        assert_int_not_equal(again & ~(SPAN_SIZE - 1), small & ~(SPAN_SIZE - 1));
        assert_int_not_equal(again & ~(SPAN_SIZE - 1), large & ~(SPAN_SIZE - 1));
    }
    for (unsigned i = 0; i < HEAP_CLASSES_MAX; i++)
        word_store(&group->available[i], word_load(&group->available[i]) & sound[i]);
    heap_abandon(me, 0);
    participant_leave(me);
}

int main(int argc, char **argv)
{
    support_choose(argc, argv);
    const struct CMUnitTest tests[] = {
        WITH_STORE(every_size_gets_a_block_that_fits),
        WITH_STORE(a_span_of_every_class_gives_all_its_blocks),
        WITH_STORE(a_block_beyond_any_step_of_growth_is_given),
        WITH_STORE(freed_memory_of_any_size_serves_any_other),
        cmocka_unit_test_setup_teardown(spans_of_objects_hold_objects_for_ever, support_setup, teardown_with_blocks),
        WITH_STORE(abandoned_allocations_are_given_back),
        WITH_STORE(a_random_program_of_blocks_keeps_the_heap_whole),
        WITH_STORE(threads_never_get_the_same_block),
        WITH_STORE(freeing_what_is_no_block_harms_nothing),
        WITH_STORE(a_hint_that_names_a_span_of_another_class_is_passed_over),
        WITH_STORE(the_check_finds_leaks_and_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
