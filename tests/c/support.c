#include "support.h"

#include <linux/futex.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#define TIME_LIMIT 60u
#define VICTIMS_MAX 32u

static comem_store *agains[8]; /* further mappings of the running test */
static unsigned again_count;

/* ---- stores ---- */

static void print_problem(void *context, const char *problem)
{
    (void)context;
    fprintf(stderr, "store check: %s\n", problem);
}

struct bench *support_begin(uint64_t size_limit)
{
    struct bench *bench = calloc(1, sizeof *bench);
    if (bench == NULL || handle_init() != COMEM_OK || store_map_create(size_limit, &bench->map) != COMEM_OK) {
        fprintf(stderr, "no store: %s\n", comem_detail());
        abort();
    }
    bench->store.map = bench->map;
    participant_add_map(bench->map);
    return bench;
}

comem_store *support_again(struct bench *bench)
{
    comem_store *store = calloc(1, sizeof *store);
    if (store == NULL || again_count == sizeof agains / sizeof agains[0] ||
        store_map_again(bench->map, &store->map) != COMEM_OK)
        abort();
    participant_add_map(store->map);
    agains[again_count++] = store;
    return store;
}

static void in_operation(struct store_map *map, void (*function)(struct participant *me))
{
    struct participant *me;
    comem_status status = participant_enter(map, &me);
    if (status != COMEM_OK) {
        fprintf(stderr, "cannot enter: %s\n", comem_detail());
        abort();
    }
    function(me);
    participant_leave(me);
}

static void relieve(struct participant *me)
{
    while (heap_relieve(me))
        ;
}

static void sweep(struct participant *me)
{
    repair_sweep(me);
}

uint64_t support_used(struct store_map *map)
{
    in_operation(map, relieve);
    return heap_used(map);
}

uint64_t support_problems(struct store_map *map)
{
    in_operation(map, relieve);
    return store_check(map, print_problem, NULL);
}

void support_sweep(struct store_map *map)
{
    in_operation(map, sweep);
}

static bool surely(const void *context)
{
    (void)context;
    return true;
}

static struct comem_object *handle_on(struct store_map *map, struct cell_image image)
{
    struct participant *me;
    struct comem_object *handle = NULL;
    assert_ok(participant_enter(map, &me));
    pthread_mutex_lock(&map->mutex);
    comem_status status = object_take(me, image, surely, NULL, &handle);
    pthread_mutex_unlock(&map->mutex);
    participant_leave(me);
    assert_ok(status);
    return handle;
}

/* Takes every root its name. */
static void forget_names(struct store_map *map)
{
    uint64_t roots = word_load(&map->header->roots);
    struct object *shared = roots == 0 ? NULL : object_at(map, roots);
    if (shared == NULL)
        return;
    struct cell_image image = object_image(roots, (uint32_t)word_load(&shared->identity));
    comem_dict *dict = (comem_dict *)(void *)handle_on(map, image);
    comem_dict_clear(dict);
    comem_dict_release(dict);
}

/* Chunks of seats and the dict of names, without what was in it, stay for good; nothing else does. */
static uint64_t bytes_that_stay(const struct store_map *map)
{
    uint64_t bytes = word_load(&map->header->roots) != 0 ? HEAP_OBJECT_SIZE : 0;
    for (uint64_t i = 1; i < LAYOUT_CHUNKS; i++)
        bytes += (word_load(&map->header->slot_chunks[i]) != 0 ? SPAN_SIZE : 0) +
                 (word_load(&map->header->process_chunks[i]) != 0 ? SPAN_SIZE : 0);
    return bytes;
}

/* The handles that the test did not give back: their memory is the test's, whatever becomes of the objects. */
struct leftovers {
    struct store_map *map;
    struct comem_object **handles;
    size_t count;
};

static void leftover_visit(void *context, uint64_t offset, uint64_t size)
{
    struct leftovers *leftovers = context;
    struct comem_object *handle = handle_find(leftovers->map, offset);
    (void)size;
    if (handle == NULL)
        return;
    leftovers->handles = realloc(leftovers->handles, (leftovers->count + 1) * sizeof handle);
    if (leftovers->handles == NULL)
        abort();
    leftovers->handles[leftovers->count++] = handle;
}

static void leftovers_find(struct leftovers *leftovers, struct store_map *map)
{
    leftovers->map = map;
    for (uint64_t page = map->data / PAGE_SIZE; page < store_end(map) / PAGE_SIZE; page++)
        heap_walk_page(map, page, leftover_visit, leftovers);
}

static void leftovers_free(struct leftovers *leftovers)
{
    while (leftovers->count > 0) {
        struct comem_object *handle = leftovers->handles[--leftovers->count];
        handle_remove(handle->map, handle);
    }
    free(leftovers->handles);
}

uint64_t support_end(struct bench *bench)
{
    struct store_map *map = bench->map;
    struct leftovers leftovers = {.map = map};
    heap_seam_room = UINT64_MAX;
    for (struct participant *mine = participant_tls; mine != NULL; mine = mine->next_of_thread)
        mine->entered = 0; /* of a test that failed inside an operation */
    uint64_t problems = support_problems(map);
    leftovers_find(&leftovers, map);
    for (unsigned i = 0; i < again_count; i++)
        leftovers_find(&leftovers, agains[i]->map);
    store_detach_process(); /* gives back every reference this process has, in all mappings */
    leftovers_free(&leftovers);
    forget_names(map);
    uint64_t used = support_used(map), kept = bytes_that_stay(map);
    if (used != kept) {
        fprintf(stderr, "%llu bytes are in use that nobody should have\n", (unsigned long long)(used - kept));
        problems++;
    }
    problems += support_problems(map);
    store_detach_process();
    while (again_count > 0) {
        comem_store *again = agains[--again_count];
        os_memory_unmap(again->map->base, again->map->window);
        os_memory_close(&again->map->memory);
        free(again); /* the map itself stays listed for fork */
    }
    os_memory_unmap(map->base, map->window);
    os_memory_close(&map->memory);
    free(bench);
    return problems;
}

void support_choose(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
}

int support_setup_alone(void **state)
{
    (void)state;
    setvbuf(stdout, NULL, _IOLBF, 0);
    alarm(TIME_LIMIT); /* a test that hangs fails */
    return 0;
}

int support_teardown_alone(void **state)
{
    (void)state;
    alarm(0);
    os_seam_life_over = NULL;
    os_seam_clock = NULL;
    os_seam_sleep = NULL;
    return 0;
}

int support_setup(void **state)
{
    support_setup_alone(state);
    *state = support_begin(256 * MIB);
    return 0;
}

int support_teardown(void **state)
{
    uint64_t problems = support_end(*state);
    support_teardown_alone(state);
    return problems == 0 ? 0 : -1;
}

/* ---- lists and dicts ---- */

void support_assert_status(comem_status expected, comem_status status, const char *call, const char *file, int line)
{
    if (status == expected)
        return;
    fprintf(stderr, "%s: '%s' instead of '%s' (%s)\n", call, comem_strerror(status), comem_strerror(expected),
            comem_detail());
    _fail(file, line);
}

comem_list *support_list(comem_store *store)
{
    comem_list *list = NULL;
    assert_ok(comem_list_new(store, &list));
    return list;
}

int64_t support_int(comem_list *list, int64_t index)
{
    comem_value value;
    assert_ok(comem_list_get(list, index, &value));
    assert_int_equal(value.kind, COMEM_INT);
    return value.as.integer;
}

size_t support_len(comem_list *list)
{
    size_t length = 0;
    assert_ok(comem_list_len(list, &length));
    return length;
}

comem_dict *support_dict(comem_store *store)
{
    comem_dict *dict = NULL;
    assert_ok(comem_dict_new(store, &dict));
    return dict;
}

int64_t support_dict_int(comem_dict *dict, comem_value key)
{
    comem_value value;
    assert_ok(comem_dict_get(dict, key, &value));
    assert_int_equal(value.kind, COMEM_INT);
    return value.as.integer;
}

size_t support_dict_len(comem_dict *dict)
{
    size_t length = 0;
    assert_ok(comem_dict_len(dict, &length));
    return length;
}

static void assert_pair(comem_dict *dict, const comem_pair *pair)
{
    comem_value value;
    bool found = false;
    assert_ok(comem_dict_contains(dict, pair->key, &found));
    assert_true(found);
    assert_ok(comem_dict_get(dict, pair->key, &value));
    support_assert_value(&value, &pair->value);
    comem_value_clear(&value);
}

void support_assert_dict(comem_dict *dict, const comem_pair *pairs, size_t count)
{
    comem_value *keys = calloc(count + 1, sizeof *keys), *values = calloc(count + 1, sizeof *values);
    size_t read = 0;
    assert_true(keys != NULL && values != NULL);
    assert_int_equal(support_dict_len(dict), count);
    assert_ok(comem_dict_read(dict, keys, values, count + 1, &read));
    assert_int_equal(read, count);
    for (size_t i = 0; i < count; i++) {
        support_assert_value(&keys[i], &pairs[i].key);
        support_assert_value(&values[i], &pairs[i].value);
        comem_value_clear(&keys[i]);
        comem_value_clear(&values[i]);
        assert_pair(dict, &pairs[i]);
    }
    free(keys);
    free(values);
}

comem_value support_text(const char *text)
{
    return comem_str(text, strlen(text));
}

void support_assert_value(const comem_value *value, const comem_value *expected)
{
    assert_int_equal(value->kind, expected->kind);
    switch (expected->kind) {
    case COMEM_NONE:
        break;
    case COMEM_BOOL:
        assert_int_equal(value->as.boolean, expected->as.boolean);
        break;
    case COMEM_INT:
        assert_int_equal(value->as.integer, expected->as.integer);
        break;
    case COMEM_FLOAT:
        assert_memory_equal(&value->as.real, &expected->as.real, sizeof(double));
        break;
    case COMEM_STR:
    case COMEM_BYTES:
    case COMEM_PACKED:
    case COMEM_PICKLE:
        assert_int_equal(value->size, expected->size);
        assert_memory_equal(value->as.data, expected->as.data, expected->size);
        assert_int_equal(value->as.data[value->size], 0);
        break;
    case COMEM_REF:
        assert_ptr_equal(value->as.object, expected->as.object); /* one handle for each object */
        break;
    }
}

comem_list *support_handle_on(comem_store *store, comem_list *list)
{
    return (comem_list *)(void *)handle_on(store->map, object_ref_image(&list->object));
}

/* ---- processes ---- */

_Noreturn void support_child_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: in a child: %s does not hold (%s)\n", file, line, condition, comem_detail());
    _exit(99);
}

pid_t support_fork(int (*function)(void *argument), void *argument)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        alarm(TIME_LIMIT); /* alarms are not inherited */
        _exit(function(argument));
    }
    assert_true(child > 0);
    return child;
}

int support_wait(pid_t child)
{
    int status;
    pid_t ended;
    do {
        ended = waitpid(child, &status, 0);
    } while (ended < 0 && errno == EINTR);
    assert_int_equal(ended, child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int support_run(int (*function)(void *argument), void *argument)
{
    return support_wait(support_fork(function, argument));
}

void *support_shared(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    return memory;
}

void support_nap(long microseconds)
{
    struct timespec time = {microseconds / 1000000, microseconds % 1000000 * 1000};
    nanosleep(&time, NULL);
}

void support_await(_Atomic int *flag, int value)
{
    while (*flag < value)
        support_nap(50);
}

double support_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

unsigned support_count(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);
    return text != NULL && *text != 0 ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

bool support_sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__)
    return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    return true;
#else
    return false;
#endif
#else
    return false;
#endif
}

/* ---- staged deaths ---- */

static const struct os_life *dead[VICTIMS_MAX];
static unsigned dead_count;

static bool looks_dead(const struct os_life *life)
{
    for (unsigned i = 0; i < dead_count; i++)
        if (dead[i] == life)
            return true;
    uint32_t word = word32_load_acquire(&life->u.word);
    return (word & FUTEX_OWNER_DIED) != 0 || (word & FUTEX_TID_MASK) == 0;
}

struct participant *support_victim(struct store_map *map)
{
    struct participant *victim;
    assert_ok(participant_attach(map, &victim));
    return victim;
}

void support_kill(struct participant *victim)
{
    assert_true(dead_count < VICTIMS_MAX);
    dead[dead_count++] = &victim->slot->life;
    os_seam_life_over = looks_dead;
}

void support_bury(struct participant *victim)
{
    struct participant **link = &victim->map->participants;
    for (unsigned i = 0; i < dead_count; i++)
        if (dead[i] == &victim->slot->life)
            dead[i] = dead[--dead_count];
    os_life_end(&victim->slot->life);
    while (*link != victim)
        link = &(*link)->next_of_map;
    *link = victim->next_of_map;
    victim->map = NULL;
}

/* ---- random numbers ---- */

uint64_t dice_roll(struct dice *dice, uint64_t sides)
{
    uint64_t mixed = dice->state += UINT64_C(0x9E3779B97F4A7C15); /* splitmix64 */
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
    return (mixed ^ mixed >> 31) % sides;
}
