/* crash.c - cuts every operation at every store, twice
 *
 * For each scenario, in a process and a store of its own: the victim's operation is run once to count its stores, then
 * again and again, dying before store 0, 1, 2 ... At each of these points a reader looks without locks; then FIRST repairs
 * and reaps, once to the end and once dying before each of its own stores (and the reader looks again), and SECOND
 * finishes. After each such history:
 *   - store check finds nothing
 *   - the lists are as before the operation or as after it, and not as before if the reader saw the state after
 *   - further operations work, and store check still finds nothing
 * At each of the victim's points, too, FIRST lives on and writes to the list, and is stopped before each of its stores while
 * SECOND repairs: what was the victim's when it died may be another's by then.
 *
 * A history that leads to memory already seen is not followed again. Everything is then taken back, store by store.
 *
 * Readers are stopped at each of their loads while a writer replaces what they read and its memory is used again, to the end
 * or dying before each of its stores; and again, with the dead writer's work repaired, and more written, at a later load of
 * theirs. What they return must be something that was there.
 *
 * crash [--tenth] [--seed N] [NAME...]   a tenth: one in ten points of the victim, and of those at which a reader and a writer
 *                                        are, chosen by the seed; of FIRST's, all while it repairs, one in ten while it writes
 */
#include "others.h"

#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SEEN_BITS 23u

struct store_map *maps[PARTIES];
struct participant *parties[PARTIES];
comem_store stores[PARTIES];
bool alive[PARTIES];
comem_list *lists[PARTIES][LISTS];
comem_dict *dicts[PARTIES][DICTS];
comem_variable *variables[PARTIES][VARIABLES];
int first_free_fd;

static unsigned part = 1, seed; /* one of `part` of the victim's points, chosen by `seed` */
enum party writer = FIRST;
bool naming;
static bool starving; /* the operation may find the store full */
static const char *current = "";
static uint64_t cut_victim, cut_first;
static uint64_t repair_at = HOOK_NEVER; /* the load of a reader at which a dead writer's work is repaired */
static uint64_t seen[1u << SEEN_BITS], histories, states, cuts;

void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr,
            "crash: %s, victim's store (or reader's load) %lld, first's store %lld, repaired at load %lld: ", current,
            (long long)cut_victim, (long long)cut_first, (long long)repair_at);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    _exit(1);
}

void expect(comem_status status, comem_status expected, const char *what)
{
    if (starving && status == COMEM_NO_MEMORY)
        return;
    if (status != expected)
        fail("%s: %s (%s)", what, comem_strerror(status), comem_detail());
}

/* ---- the world the engine sees ---- */

static bool life_over(const struct os_life *life)
{
    for (unsigned i = 0; i < PARTIES; i++)
        for (unsigned k = 0; k < PARTIES && maps[i] != NULL; k++) {
            uint64_t offset = (uint64_t)((const uint8_t *)life - maps[i]->base);
            if (parties[k] != NULL && parties[k]->slot != NULL && offset < maps[i]->window &&
                offset == store_offset(maps[k], &parties[k]->slot->life))
                return !alive[k];
        }
    return !alive[VICTIM]; /* a slot that the victim was about to take */
}

static uint64_t now_ns(void)
{
    return UINT64_C(1000000000000) + (alive[VICTIM] ? 0 : UINT64_C(20000000000));
}

/* The victim is the only one that may be in the middle of attaching. */
static bool thread_alive(uint32_t thread)
{
    (void)thread;
    return alive[VICTIM];
}

static jmp_buf give_up_waiting;
static bool may_wait;

static void never_sleep(const word32 *word)
{
    if (may_wait)
        longjmp(give_up_waiting, 1);
    fail("somebody waits for ever for the lock at %#llx",
         (unsigned long long)((const uint8_t *)word - maps[SECOND]->base));
}

void attach(enum party party)
{
    OK(participant_attach(maps[party], &parties[party]));
    parties[party]->next_of_thread = participant_tls;
    participant_tls = parties[party];
    alive[party] = true;
}

static void set_up(void)
{
    os_seam_life_over = life_over;
    os_seam_clock = now_ns;
    os_seam_sleep = never_sleep;
    os_seam_thread_alive = thread_alive;
    OK(handle_init());
    OK(store_map_create(UINT64_C(4) << 20, &maps[0]));
    maps[0]->hash_seed = maps[0]->header->hash_seed = seed; /* where keys stand, too, can be had again */
    for (unsigned i = 1; i < PARTIES; i++)
        OK(store_map_again(maps[0], &maps[i]));
    for (unsigned i = 0; i < PARTIES; i++) {
        stores[i].map = maps[i];
        hook_add_mapping(maps[i]->base, maps[i]->window);
    }
    attach(FIRST);
    attach(SECOND);
    attach(VICTIM);
    first_free_fd = dup(0);
    close(first_free_fd);
}

/* A party died in the middle: what its process had in private memory is nobody's any more. */
static void bury(enum party party)
{
    alive[party] = false;
    pthread_mutex_init(&maps[party]->mutex, NULL);
    close_range((unsigned)first_free_fd, 63, 0); /* the stores have theirs above */
}

/* ---- objects of all parties ---- */

static bool always(const void *context)
{
    (void)context;
    return true;
}

struct comem_object *hold(struct cell_image image, enum party to)
{
    struct participant *me;
    struct comem_object *handle = NULL;
    OK(participant_enter(maps[to], &me));
    pthread_mutex_lock(&me->map->mutex);
    OK(object_take(me, image, always, NULL, &handle));
    pthread_mutex_unlock(&me->map->mutex);
    participant_leave(me);
    return handle;
}

comem_list *share(comem_list *from, enum party to)
{
    return (comem_list *)hold(object_ref_image(&from->object), to);
}

comem_dict *share_dict(comem_dict *from, enum party to)
{
    return (comem_dict *)hold(object_ref_image(&from->object), to);
}

void make_list(unsigned number)
{
    OK(comem_list_new(&stores[FIRST], &lists[FIRST][number]));
    for (unsigned i = 0; i < PARTIES; i++)
        if (i != FIRST && parties[i] != NULL)
            lists[i][number] = share(lists[FIRST][number], (enum party)i);
}

void make_dict(unsigned number)
{
    OK(comem_dict_new(&stores[FIRST], &dicts[FIRST][number]));
    for (unsigned i = 0; i < PARTIES; i++)
        if (i != FIRST && parties[i] != NULL)
            dicts[i][number] = share_dict(dicts[FIRST][number], (enum party)i);
}

void make_variable(char typecode, comem_value initial)
{
    OK(comem_variable_new(&stores[FIRST], typecode, initial, &variables[FIRST][0]));
    for (unsigned i = 0; i < PARTIES; i++)
        if (i != FIRST && parties[i] != NULL)
            variables[i][0] = (comem_variable *)hold(object_ref_image(&variables[FIRST][0]->object), (enum party)i);
}

void release_everywhere(unsigned number)
{
    for (unsigned i = 0; i < PARTIES; i++) {
        comem_list_release(lists[i][number]);
        lists[i][number] = NULL;
    }
}

void release_dict_everywhere(unsigned number)
{
    for (unsigned i = 0; i < PARTIES; i++) {
        comem_dict_release(dicts[i][number]);
        dicts[i][number] = NULL;
    }
}

/* `size` times the letter of `n`; good until this was called 16 times more. */
static const char *letters(unsigned n, size_t size)
{
    static char bytes[16][640];
    static unsigned next;
    char *data = bytes[next++ % 16];
    memset(data, 'a' + (int)(n % 26), size);
    return data;
}

comem_value near_value(unsigned n)
{
    return comem_str(letters(n, 3 + n % 8), 3 + n % 8);
}

comem_value far_value(unsigned n)
{
    return comem_str(letters(n, 40 + n % 8), 40 + n % 8);
}

comem_value run_value(unsigned n)
{
    return comem_bytes(letters(n, 600 + n % 8), 600 + n % 8);
}

/* One in `of` numbers, others with each seed and in each scenario. */
static bool chosen_of(uint64_t number, uint64_t of)
{
    uint64_t mixed = (number + 1) * UINT64_C(0x9E3779B97F4A7C15) + seed * UINT64_C(0xC2B2AE3D27D4EB4F);
    for (const char *letter = current; *letter != 0; letter++)
        mixed = (mixed ^ (uint8_t)*letter) * UINT64_C(0x100000001B3);
    mixed = (mixed ^ mixed >> 29) * UINT64_C(0xBF58476D1CE4E5B9);
    return (mixed >> 32) % of == 0;
}

static bool chosen(uint64_t number)
{
    return chosen_of(number, part);
}

static const char *text; /* what content() found last */

static uint64_t content(enum party party)
{
    uint64_t sum = UINT64_C(0xCBF29CE484222325);
    text = content_text(&stores[party], lists[party], dicts[party], variables[party]);
    for (const char *at = text; *at != 0; at++)
        sum = (sum ^ (uint8_t)*at) * UINT64_C(0x100000001B3);
    return sum;
}

/* ---- one history ---- */

static void problem(void *context, const char *what)
{
    (void)context;
    fail("%s", what);
}

static void check_clean(void)
{
    hook_arena(false);
    store_check(maps[FIRST], problem, NULL);
    hook_arena(true);
}

static void recover(enum party party)
{
    struct participant *me;
    OK(participant_enter_slow(maps[party], &me)); /* not the inline one: this file's own stores are not taken back */
    heap_relieve(me);
    leave(me);
}

static void go_on(void)
{
    for (unsigned i = 0; i < LISTS; i++)
        if (lists[SECOND][i] != NULL && object_alive(&lists[SECOND][i]->object))
            go_on_with_list(lists[SECOND][i]);
    for (unsigned i = 0; i < DICTS; i++)
        if (dicts[SECOND][i] != NULL && object_alive(&dicts[SECOND][i]->object))
            go_on_with_dict(dicts[SECOND][i]);
    if (variables[SECOND][0] != NULL && object_alive(&variables[SECOND][0]->object))
        go_on_with_variable(variables[SECOND][0]);
    if (naming)
        go_on_with_names();
    recover(SECOND);
}

struct expectation {
    uint64_t before, after;
    bool saw_after;
};

static void verify(const struct expectation *expectation)
{
    check_clean();
    uint64_t found = content(SECOND);
    if (found != expectation->before && found != expectation->after)
        fail("the objects are as neither before nor after: %s", text);
    if (expectation->saw_after && found != expectation->after)
        fail("a reader saw what is undone: %s", text);
    recover(SECOND);
    go_on();
    check_clean();
}

static bool is_new(uint64_t key)
{
    key |= 1;
    uint64_t mask = (UINT64_C(1) << SEEN_BITS) - 1;
    for (uint64_t i = key >> (64 - SEEN_BITS);; i = (i + 1) & mask) {
        if (seen[i] == key)
            return false;
        if (seen[i] == 0) {
            if (++states > mask / 4 * 3)
                fail("too many states to remember");
            seen[i] = key;
            return true;
        }
    }
}

/* What SECOND can read without storing anything: 0 when it cannot. */
static uint64_t peek(void)
{
    volatile uint64_t found = 0;
    hook_mark mark = hook_now();
    hook_arm(0);
    if (setjmp(hook_death) == 0)
        found = content(SECOND);
    hook_rollback(mark);
    pthread_mutex_init(&maps[SECOND]->mutex, NULL);
    return found;
}

/* A reader looks without locks, and without repairing anything. */
static void look(struct expectation *expectation)
{
    uint64_t saw = peek();
    if (saw != 0 && saw != expectation->before && saw != expectation->after)
        fail("a reader sees neither before nor after: %s", text);
    if (saw != 0 && saw != expectation->after && expectation->saw_after)
        fail("a reader saw what is undone meanwhile: %s", text);
    expectation->saw_after |= saw == expectation->after && saw != expectation->before;
}

static void recover_and_verify(const struct expectation *expectation)
{
    hook_mark mark = hook_now();
    hook_arena_reset();
    hook_arm(HOOK_NEVER);
    cut_first = HOOK_NEVER;
    recover(FIRST);
    uint64_t total = hook_stores();
    if (is_new(hook_image() * 4 + expectation->saw_after))
        verify(expectation);
    hook_rollback(mark);
    for (volatile uint64_t cut = 0; cut < total; cut++) {
        cut_first = cut;
        hook_arena_reset();
        hook_arm(cut);
        if (setjmp(hook_death) == 0) {
            recover(FIRST);
            fail("%llu stores the first time, fewer now", (unsigned long long)total);
        }
        cuts++;
        bury(FIRST);
        if (is_new(hook_image() * 4 + 2 + expectation->saw_after)) {
            struct expectation now = *expectation;
            look(&now);
            hook_arm(HOOK_NEVER);
            recover(SECOND);
            verify(&now);
            histories++;
        }
        hook_rollback(mark);
        alive[FIRST] = true;
    }
}

/* ---- repair beside a living writer ---- */

static bool reaps; /* whether who repairs goes on to free what there is in the trash, or leaves that to the writer */

/* SECOND repairs now; when it would have to wait for FIRST it is killed while it waits. */
static void repair_beside(void)
{
    struct participant *me;
    may_wait = true;
    if (setjmp(give_up_waiting) != 0) {
        bury(SECOND);
    } else if (reaps) {
        recover(SECOND);
    } else {
        OK(participant_enter_slow(maps[SECOND], &me));
        repair_sweep(me);
        leave(me);
    }
    may_wait = false;
}

static void beside_write(void (*write)(void))
{
    hook_mark mark = hook_now();
    hook_arm(HOOK_NEVER);
    hook_arena_reset();
    write();
    uint64_t total = hook_stores();
    hook_rollback(mark);
    for (uint64_t store = 0; store < total; store++) {
        if (!chosen(cut_victim * total + store))
            continue;
        cut_first = store;
        reaps = (cut_victim + store) % 2 == 0;
        hook_arena_reset();
        hook_stop_writer(store, repair_beside);
        write();
        recover(FIRST);
        content(FIRST);
        check_clean();
        cuts++;
        hook_rollback(mark);
        alive[SECOND] = true;
    }
}

static void beside_all(void (*const *writes)(void))
{
    for (; *writes != NULL; writes++)
        beside_write(*writes);
}

static void beside_writers(void)
{
    comem_list *list = lists[FIRST][0];
    comem_dict *dict = dicts[FIRST][0];
    comem_variable *variable = variables[FIRST][0];
    size_t length = 0;
    char typecode;
    if (naming)
        beside_all(name_writes);
    else if (variable != NULL && comem_variable_typecode(variable, &typecode) == COMEM_OK)
        beside_all(variable_writes);
    else if (list != NULL && comem_list_len(list, &length) == COMEM_OK && length > 0)
        beside_all(list_writes);
    if (!naming && dict != NULL && comem_dict_len(dict, &length) == COMEM_OK && length > 0)
        beside_all(dict_writes);
}

/* The victim's operation, with room for `room` allocations. */
static void operate(const struct scenario *scenario, uint64_t room)
{
    starving = room != UINT64_MAX;
    heap_seam_room = room;
    scenario->operation();
    heap_seam_room = UINT64_MAX;
    starving = false;
}

/* Cuts the operation at each of its stores. Returns how many they are. */
static uint64_t cut_operation(const struct scenario *scenario, uint64_t room, hook_mark base)
{
    struct expectation expectation = {0, 0, false};
    cut_victim = cut_first = HOOK_NEVER;
    expectation.before = content(SECOND);
    hook_rollback(base);
    hook_arm(HOOK_NEVER);
    operate(scenario, room);
    uint64_t total = hook_stores();
    expectation.after = content(SECOND);
    hook_rollback(base);
    for (volatile uint64_t cut = 0; cut < total; cut++) {
        if (!chosen(cut))
            continue;
        cut_victim = cut;
        cut_first = HOOK_NEVER;
        hook_arena_reset();
        hook_arm(cut);
        if (setjmp(hook_death) == 0) {
            operate(scenario, room);
            fail("%llu stores the first time, fewer now", (unsigned long long)total);
        }
        heap_seam_room = UINT64_MAX;
        starving = false;
        cuts++;
        bury(VICTIM);
        expectation.saw_after = false;
        look(&expectation);
        recover_and_verify(&expectation);
        if (room == UINT64_MAX)
            beside_writers();
        hook_rollback(base);
        alive[VICTIM] = true;
    }
    return total;
}

/* The allocations of the whole operation. */
static uint64_t count_allocations(const struct scenario *scenario, hook_mark base)
{
    const uint64_t plenty = UINT64_C(1) << 32;
    heap_seam_room = plenty;
    scenario->operation();
    uint64_t needed = plenty - heap_seam_room;
    heap_seam_room = UINT64_MAX;
    hook_rollback(base);
    return needed;
}

static void run_scenario(const struct scenario *scenario)
{
    uint64_t total = 0;
    current = scenario->name;
    set_up();
    scenario->prepare();
    hook_arena(true);
    hook_mark base = hook_now();
    total = cut_operation(scenario, UINT64_MAX, base);
    for (uint64_t room = 0, needed = count_allocations(scenario, base); room < needed; room++)
        total += cut_operation(scenario, room, base);
    printf("%-34s %5llu stores %8llu cuts %8llu states\n", scenario->name, (unsigned long long)total,
           (unsigned long long)cuts, (unsigned long long)states);
}

/* ---- stopped readers ---- */

static const struct reading *stopped;
static bool repairer_writes;

/* Whoever else is there repairs, and writes then: what the reader has met is used again. */
static void stop_and_repair(void)
{
    if (lock_held(parties[SECOND]))
        return; /* it repairs by itself, or has done so */
    may_wait = true;
    if (setjmp(give_up_waiting) == 0) {
        recover(VICTIM);
        writer = VICTIM;
        if (repairer_writes)
            stopped->write();
    } else {
        bury(VICTIM);
    }
    writer = FIRST;
    may_wait = false;
}

/* FIRST writes, and dies before its store `cut_first`, or lives on if it makes fewer. */
static void stop_and_write(void)
{
    const struct store_header *header = maps[FIRST]->header;
    if (lock_held(parties[SECOND]) || word32_load(&header->grow_lock) != 0 || word32_load(&header->heap_lock) != 0)
        return; /* a reader that has taken a lock is waited for */
    hook_arm(cut_first);
    if (setjmp(hook_death) == 0)
        stopped->write();
    else
        bury(FIRST);
    hook_arm(HOOK_NEVER);
    if (repair_at != HOOK_NEVER)
        hook_stop_reader(repair_at, stop_and_repair);
}

static void stop_at_load(uint64_t load, uint64_t writers_store)
{
    hook_mark mark = hook_now();
    cut_victim = load;
    cut_first = writers_store;
    hook_arena_reset();
    hook_stop_reader(load, stop_and_write);
    stopped->read();
    cuts++;
    hook_stop_reader(HOOK_NEVER, NULL);
    recover(SECOND);
    check_clean();
    if (stopped->judge != NULL)
        stopped->judge();
    hook_rollback(mark);
    alive[FIRST] = alive[VICTIM] = true;
}

#define REPAIRS 20000u /* of a reading, at most about so many */

/* The writer dies at each of its stores while the reader stands at `load`; it is repaired at once, or some loads later. */
static void stop_twice(uint64_t load, uint64_t loads, uint64_t writes)
{
    const uint64_t all = loads * (loads + 1) / 2 * writes, thin = all / REPAIRS + 1;
    for (uint64_t later = load + 1; later <= loads; later++)
        for (uint64_t store = 0; store < writes; store++) {
            uint64_t number = (load * (loads + 1) + later) * writes + store;
            if (!chosen_of(number, thin * part))
                continue;
            repair_at = later;
            for (unsigned i = 0; i < 2; i++) {
                repairer_writes = i != 0;
                stop_at_load(load, store);
            }
        }
    repair_at = HOOK_NEVER;
}

static void run_reading(const struct reading *reading)
{
    current = reading->name;
    cut_victim = cut_first = repair_at = HOOK_NEVER;
    set_up();
    reading->prepare();
    hook_arena(true);
    hook_mark base = hook_now();
    stopped = reading;
    hook_stop_reader(HOOK_NEVER, NULL);
    reading->read();
    uint64_t loads = hook_loads();
    hook_rollback(base);
    hook_arm(HOOK_NEVER);
    reading->write();
    uint64_t writes = hook_stores();
    hook_rollback(base);
    for (uint64_t load = 0; load < loads; load++) {
        for (uint64_t store = 0; store < writes; store++)
            if (chosen(load * writes + store))
                stop_at_load(load, store);
        stop_at_load(load, HOOK_NEVER);
        stop_twice(load, loads, writes);
    }
    printf("%-34s %5llu loads %8llu cuts\n", reading->name, (unsigned long long)loads, (unsigned long long)cuts);
}

/* ---- all of them ---- */

static bool wanted(const char *name, int count, char **names)
{
    for (int i = 0; i < count; i++)
        if (strstr(name, names[i]) != NULL)
            return true;
    return count == 0;
}

static unsigned running, started, failed;

static void wait_for_one(void)
{
    int status;
    if (wait(&status) > 0)
        failed += status != 0;
    running--;
}

/* One of the two, in a process of its own; two processes at a time. */
static void start(const struct scenario *scenario, const struct reading *reading)
{
    if (running == 2)
        wait_for_one();
    fflush(stdout);
    if (fork() == 0) {
        if (scenario != NULL)
            run_scenario(scenario);
        else
            run_reading(reading);
        fflush(stdout);
        _exit(0);
    }
    running++;
    started++;
}

int main(int argc, char **argv)
{
    int first = 1;
    seed = (unsigned)time(NULL);
    for (; first < argc && argv[first][0] == '-'; first++) {
        if (strcmp(argv[first], "--tenth") == 0)
            part = 10;
        else if (strcmp(argv[first], "--seed") == 0 && first + 1 < argc)
            seed = (unsigned)strtoul(argv[++first], NULL, 10);
        else
            return fprintf(stderr, "usage: crash [--tenth] [--seed N] [NAME...]\n"), 2;
    }
    printf("crash: %s, seed %u\n", part == 1 ? "every store" : "a tenth of the victim's stores", seed);
    for (unsigned i = 0; scenario_parts[i] != NULL; i++)
        for (const struct scenario *scenario = scenario_parts[i]; scenario->name != NULL; scenario++)
            if (wanted(scenario->name, argc - first, argv + first))
                start(scenario, NULL);
    for (unsigned i = 0; reading_parts[i] != NULL; i++)
        for (const struct reading *reading = reading_parts[i]; reading->name != NULL; reading++)
            if (wanted(reading->name, argc - first, argv + first))
                start(NULL, reading);
    while (running > 0)
        wait_for_one();
    printf("crash: %u passed, %u failed\n", started - failed, failed);
    return failed != 0;
}
