/* step.c - kills operations of the optimised engine between any two machine instructions
 *
 * The crash harness (crash.c) sees each store that the sources make; it cannot see what the optimiser made of them. So
 * here the engine is the one that is shipped: built for release, without seams, in its normal geometry. For each
 * scenario:
 *
 *   first walk   a victim, attached to the store by fork, runs the operation under PTRACE_SINGLESTEP. After each
 *                instruction the store is compared with what it was: each change makes a new image, what a survivor
 *                would find.
 *   kills        for each distinct image a world of its own: a process that makes a store, prepares it, forks a victim,
 *                brings it to that image, kills it by SIGKILL, and then goes on with the store as anybody would.
 *   twice        at some of the images, the repair of the first victim is an operation itself: a survivor is walked
 *                through it, and killed at some of its own images before the world goes on.
 *
 * An operation takes the same steps in every world. So a victim is brought to an image in one of two ways: walked there
 * step by step, or, since a step costs 20 us or more, left before its first one while the changes of the first walk are
 * stored for it. Some of each scenario's victims are walked, and the store is then compared with the image: this shows
 * that both ways lead to the same. With --every all are walked, to every instruction.
 *
 * After each kill: a reader sees the objects as before or as after the operation; after repair they are as before or as
 * after, not as before if the reader saw the state after, and the same however often repair was cut short; store check
 * finds nothing; further operations work; once every handle is given back nothing is in use.
 *
 * On arm64 an exclusive load and store never succeed under single step: the processor must have the atomic instructions
 * of ARMv8.1, which compilers' helpers find by themselves. STEPS_MAX ends it where not.
 *
 * step [--tenth] [--every] [--at STEP] [--seed N] [NAME...]
 *
 * A tenth: of the images, chosen by the seed. At: after that instruction only, with all of the repair. Exits with 77
 * where there is no ptrace.
 */
#include "step.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "heap/check.h"
#include "heap/grow.h"
#include "objects/handle.h"

#define STORE_LIMIT (UINT64_C(1) << 20)
#define STORE_END (UINT64_C(256) << 20) /* no offset is beyond: the tables of 64 GiB, and the data */
#define STEPS_MAX 1000000u
#define IMAGES_MAX (1u << 16)
#define CHANGES_MAX (1u << 18)
#define SEEN_BITS 18u
#define WALKED 8u  /* victims of a scenario */
#define TWICE 8u   /* images of a scenario at which the repair is swept, in which */
#define REPAIRS 4u /* one in so many images is a kill */
#define FAILURES_SHOWN 3u
#define WORLD_SECONDS 30u
#define SKIPPED 77

#ifdef __clang__
#define COMPILER __VERSION__
#else
#define COMPILER "gcc " __VERSION__
#endif

comem_store *store;
comem_list *lists[LISTS];
comem_dict *dicts[DICTS];
comem_variable *variables[VARIABLES];

/* A word of the store that an instruction changed. */
struct change {
    uint64_t offset, value;
};

struct image {
    uint64_t step, sum;
    uint64_t changes; /* how many of the walk's changes lead to it */
    bool distinct;
    bool after; /* once a victim was killed there: what became of the operation */
};

/* What the first walk found, for the worlds to come: memory that a scenario's processes share. Of a repair, `earlier`
 * is the image that the first victim left, and earlier_walk that one's walk; else they are NULL. */
struct walk {
    uint8_t *start; /* the store at the first step, each word at its offset */
    const struct walk *earlier_walk;
    const struct image *earlier;
    uint64_t steps, images, changes;
    char before[CONTENT_MAX], after[CONTENT_MAX]; /* what the objects hold */
    struct image image[IMAGES_MAX];
    struct change change[CHANGES_MAX];
};

#define HASH_SEED UINT64_C(0x5EED) /* every world's, so that keys stand in the same places */

static const struct scenario *scenario;
static struct walk *walk;
static struct store_map *map;
static int64_t killed_at = -1; /* the step, once there is one */

/* A line about what went wrong, and where: how to see it again. */
static void complain(const char *what)
{
    if (scenario == NULL)
        fprintf(stderr, "step: %s\n", what);
    else if (walk->earlier == NULL)
        fprintf(stderr, "step: %s, --at %lld: %s\n", scenario->name, (long long)killed_at, what);
    else
        fprintf(stderr, "step: %s, --at %llu, repair's instruction %lld: %s\n", scenario->name,
                (unsigned long long)walk->earlier->step, (long long)killed_at, what);
}

void fail(const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    complain(line);
    _exit(1);
}

void expect_ok(comem_status status, const char *what)
{
    if (status != COMEM_OK)
        fail("%s: %s (%s)", what, comem_strerror(status), comem_detail());
}

/* The engine's clock stands still: what it does by the time, and how long the answer takes, would differ from world to world. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
    (void)clock;
    *now = (struct timespec){.tv_sec = 1000000};
    return 0;
}

static void *pages(uint64_t size, int flags)
{
    void *made = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (made == MAP_FAILED)
        fail("mmap of %llu bytes: %s", (unsigned long long)size, strerror(errno));
    return made;
}

comem_value far_value(unsigned n)
{
    static char bytes[FAR_VALUES][48];
    static unsigned next;
    char *data = bytes[next++ % FAR_VALUES];
    memset(data, 'a' + (int)(n % 26), sizeof bytes[0]);
    return comem_str(data, 40 + n % 8);
}

/* ---- the store as an image ---- */

/* Calls visit(offset, end) for all that belongs to the image: not seats that nobody ever had, nor free pages. */
static void image_parts(void (*visit)(uint64_t offset, uint64_t end))
{
    const uint64_t processes = map->data + SPAN_SIZE, heap = map->data + LAYOUT_FIXED_SPANS * SPAN_SIZE;
    uint64_t end = store_end(map), first = map->data / PAGE_SIZE, last = end / PAGE_SIZE;
    uint64_t table = store_offset(map, map->page_table), groups = store_offset(map, map->groups);
    visit(0, sizeof(struct store_header));
    visit(table + first * sizeof(word32), table + last * sizeof(word32));
    visit(groups + first / GROUP_PAGES * sizeof(struct heap_group),
          groups + (last / GROUP_PAGES + 1) * sizeof(struct heap_group));
    visit(map->data, map->data + seat_high(map, SEATS_OF_SLOTS) * SEAT_SIZE);
    visit(processes, processes + seat_high(map, SEATS_OF_PROCESSES) * SEAT_SIZE);
    for (uint64_t page = heap / PAGE_SIZE; page < last; page++)
        if (word32_load(&map->page_table[page]) != 0)
            visit(page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
}

static uint64_t word_in(const uint8_t *memory, uint64_t offset)
{
    uint64_t value;
    memcpy(&value, memory + offset, sizeof value);
    return value;
}

static uint64_t mix(uint64_t offset, uint64_t value)
{
    uint64_t mixed = (value + offset * UINT64_C(0x9E3779B97F4A7C15)) ^ offset << 32;
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ mixed >> 31;
}

/* What `value` at `offset` adds to the sum of an image: nothing where it is as it was at the start, so that numbers of
 * processes and the like, which differ from world to world, are not in it. */
static uint64_t share_of_sum(const uint8_t *origin, uint64_t offset, uint64_t value)
{
    return word_in(origin, offset) == value ? 0 : mix(offset, value);
}

/* The store as it was when it was looked at last, and what this found; each word at its offset. */
static uint8_t *seen;
static const uint8_t *origin;
static uint64_t sum;
static void (*on_change)(uint64_t offset, uint64_t value);

static void compare_part(uint64_t offset, uint64_t end)
{
    for (uint64_t size; offset < end; offset += size) {
        size = end - offset < PAGE_SIZE ? end - offset : PAGE_SIZE;
        if (memcmp(seen + offset, map->base + offset, size) == 0)
            continue;
        for (uint64_t at = offset; at < offset + size; at += 8) {
            uint64_t was = word_in(seen, at), is = word_in(map->base, at);
            if (was == is)
                continue;
            sum ^= share_of_sum(origin, at, was) ^ share_of_sum(origin, at, is);
            memcpy(seen + at, &is, sizeof is);
            if (on_change != NULL)
                on_change(at, is);
        }
    }
}

/* Free pages, too: an operation may take them. */
static void copy_store(uint8_t *to)
{
    uint64_t end = store_end(map), table = store_offset(map, map->page_table), groups = store_offset(map, map->groups);
    memcpy(to, map->base, sizeof(struct store_header));
    memcpy(to + table + map->data / PAGE_SIZE * sizeof(word32), &map->page_table[map->data / PAGE_SIZE],
           (end - map->data) / PAGE_SIZE * sizeof(word32));
    for (uint64_t i = map->data / PAGE_SIZE / GROUP_PAGES; i <= end / PAGE_SIZE / GROUP_PAGES; i++)
        memcpy(to + groups + i * sizeof(struct heap_group), &map->groups[i], sizeof(struct heap_group));
    memcpy(to + map->data, map->base + map->data, end - map->data);
}

static void look_from_here(void)
{
    seen = pages(STORE_END, MAP_PRIVATE);
    copy_store(seen);
    sum = 0;
}

static const char *content(void)
{
    return content_text(store, lists, dicts, variables);
}

/* ---- a world ---- */

static void relieve(void)
{
    struct participant *me;
    OK(participant_enter(map, &me));
    while (heap_relieve(me))
        ;
    participant_leave(me);
}

/* What a survivor does who forks or is new; a victim itself when the repair is swept. */
static void sweep_up(void)
{
    struct participant *me;
    OK(participant_enter(map, &me));
    repair_sweep(me);
    participant_leave(me);
}

/* All the store may have is there before the operation begins, so that no image differs in the size of the file. */
static void grow_to_the_limit(void)
{
    struct participant *me;
    OK(participant_enter(map, &me));
    while (store_end(map) - map->data < STORE_LIMIT)
        OK(heap_grow(me, SPAN_SIZE));
    participant_leave(me);
}

/* Makes a process that runs the operation, and waits before its first step. */
static pid_t victim_fork(void (*operation)(void))
{
    int status;
    pid_t victim = fork();
    if (victim == 0) {
        struct participant *me;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        OK(participant_enter(map, &me)); /* it is attached */
        participant_leave(me);
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
            fail("ptrace: %s", strerror(errno));
        raise(SIGSTOP);
        operation();
        raise(SIGSTOP);
        _exit(0);
    }
    if (victim < 0 || waitpid(victim, &status, 0) != victim || !WIFSTOPPED(status))
        fail("the victim did not begin");
    ptrace(PTRACE_SETOPTIONS, victim, NULL, (void *)PTRACE_O_EXITKILL);
    return victim;
}

/* Lets the victim execute one instruction. False: its operation is over. */
static bool step(pid_t victim)
{
    int status;
    if (ptrace(PTRACE_SINGLESTEP, victim, NULL, NULL) != 0)
        fail("ptrace: %s", strerror(errno));
    if (waitpid(victim, &status, 0) != victim || !WIFSTOPPED(status))
        fail("the victim ended by itself");
    if (WSTOPSIG(status) != SIGTRAP && WSTOPSIG(status) != SIGSTOP)
        fail("the victim got signal %d", WSTOPSIG(status));
    return WSTOPSIG(status) == SIGTRAP;
}

static void kill_victim(pid_t victim)
{
    int status;
    kill(victim, SIGKILL);
    if (waitpid(victim, &status, 0) != victim || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        fail("the victim did not die of SIGKILL");
}

/* Single steps; then the store must be the image. */
static void bring_by_steps(pid_t victim, uint64_t steps, const struct image *image)
{
    look_from_here();
    uint8_t *before = pages(STORE_END, MAP_PRIVATE);
    copy_store(before);
    origin = before;
    for (uint64_t i = 0; i < steps; i++)
        step(victim);
    image_parts(compare_part);
    if (sum != image->sum)
        fail("the store is not as it was at this instruction of the first walk");
}

/* A slot's thread number, which repair clears, is another one in each world. */
static bool differs_between_worlds(uint64_t offset)
{
    return offset >= map->data && offset < map->data + SPAN_SIZE &&
           (offset - map->data) % SEAT_SIZE == offsetof(struct slot, thread);
}

/* No steps: what they would have changed is stored. */
static void bring_by_changes(const struct walk *found, const struct image *image)
{
    const struct change *change = found->change;
    for (uint64_t i = 0; i < image->changes; i++)
        if (word_in(map->base, change[i].offset) != word_in(found->start, change[i].offset) &&
            !differs_between_worlds(change[i].offset))
            fail("the store did not begin as that of the first walk, at offset %#llx",
                 (unsigned long long)change[i].offset);
    for (uint64_t i = 0; i < image->changes; i++)
        word_store((word64 *)(map->base + change[i].offset), change[i].value);
}

/* Makes a store, prepares it, and makes the victim: the operation's, or the one that repairs after it. */
static pid_t world_begin(void)
{
    const comem_options options = {.size_limit = STORE_LIMIT};
    OK(comem_open(NULL, &options, &store));
    map = handle_store_map(store);
    map->hash_seed = map->header->hash_seed = HASH_SEED;
    if (map->data + STORE_LIMIT > STORE_END)
        fail("the store is larger than it should be");
    grow_to_the_limit();
    scenario->prepare();
    relieve();
    pid_t victim = victim_fork(scenario->operation);
    if (walk->earlier == NULL)
        return victim;
    pid_t survivor = victim_fork(sweep_up);
    bring_by_changes(walk->earlier_walk, walk->earlier);
    kill_victim(victim);
    return survivor;
}

/* ---- the first walk ---- */

static void note_change(uint64_t offset, uint64_t value)
{
    if (walk->changes == CHANGES_MAX)
        fail("more than %u changes", CHANGES_MAX);
    walk->change[walk->changes++] = (struct change){offset, value};
}

static bool is_new(uint64_t key)
{
    static uint64_t *keys;
    if (keys == NULL)
        keys = pages(sizeof *keys << SEEN_BITS, MAP_PRIVATE);
    key |= 1;
    uint64_t at = key >> (64 - SEEN_BITS);
    for (; keys[at] != 0; at = (at + 1) % (1u << SEEN_BITS))
        if (keys[at] == key)
            return false;
    keys[at] = key;
    return true;
}

static void note_image(void)
{
    if (walk->images == IMAGES_MAX)
        fail("more than %u images", IMAGES_MAX);
    walk->image[walk->images++] = (struct image){walk->steps, sum, walk->changes, is_new(sum), false};
}

static void walk_first(void)
{
    pid_t victim = world_begin();
    uint64_t end = store_end(map);
    strcpy(walk->before, walk->earlier == NULL ? content() : walk->earlier_walk->before);
    look_from_here();
    copy_store(walk->start);
    origin = walk->start;
    on_change = note_change;
    note_image(); /* nothing done yet */
    for (bool more = true; more;) {
        uint64_t changes = walk->changes;
        more = step(victim);
        walk->steps++;
        killed_at = (int64_t)walk->steps;
        if (walk->steps > STEPS_MAX)
            fail("the operation does not come to an end");
        image_parts(compare_part);
        if (walk->changes != changes)
            note_image();
    }
    if (store_end(map) != end)
        fail("the store has grown");
    strcpy(walk->after, walk->earlier == NULL ? content() : walk->earlier_walk->after);
    kill_victim(victim);
}

/* ---- kills ---- */

static void problem(void *context, const char *what)
{
    (void)context;
    fail("%s", what);
}

static bool is_after(const char *who)
{
    const char *found = content();
    if (strcmp(found, walk->before) != 0 && strcmp(found, walk->after) != 0)
        fail("%s sees the objects as neither before nor after: %s", who, found);
    return strcmp(found, walk->before) != 0;
}

/* Chunks of seats and the dict of names stay for good; nothing else does. */
static void nothing_left(void)
{
    uint64_t kept = content_forget_names(store);
    for (unsigned i = 0; i < LISTS; i++)
        comem_list_release(lists[i]);
    for (unsigned i = 0; i < DICTS; i++)
        comem_dict_release(dicts[i]);
    for (unsigned i = 0; i < VARIABLES; i++)
        comem_variable_release(variables[i]);
    relieve();
    store_check(map, problem, NULL);
    for (uint64_t i = 1; i < LAYOUT_CHUNKS; i++)
        kept += (word_load(&map->header->slot_chunks[i]) != 0 ? SPAN_SIZE : 0) +
                (word_load(&map->header->process_chunks[i]) != 0 ? SPAN_SIZE : 0);
    if (heap_used(map) != kept)
        fail("%llu bytes are in use that nobody should have", (unsigned long long)(heap_used(map) - kept));
}

/* Whether the operation was done, as everybody who looks agrees. */
static bool verify(void)
{
    bool saw_after = is_after("a reader");
    relieve();
    store_check(map, problem, NULL);
    bool after = is_after("who comes after the repair");
    if (saw_after && !after)
        fail("a reader saw what was then undone");
    if (walk->earlier != NULL && after != walk->earlier->after)
        fail("repair that was cut short %s what it would have %s", after ? "finished" : "took back",
             after ? "taken back" : "finished");
    go_on();
    nothing_left();
    return after;
}

/* One kill, after `steps` instructions; there the store is `image`. */
static void kill_at(uint64_t steps, struct image *image, bool walked)
{
    pid_t victim = world_begin();
    killed_at = (int64_t)steps;
    if (walked)
        bring_by_steps(victim, steps, image);
    else
        bring_by_changes(walk, image);
    kill_victim(victim);
    image->after = verify();
}

/* ---- a scenario ---- */

/* Whether the process that is made here and ends with the world ended well. */
static bool world_ended(pid_t world)
{
    int status;
    if (waitpid(world, &status, 0) == world && WIFEXITED(status))
        return WEXITSTATUS(status) == 0;
    complain(WTERMSIG(status) == SIGALRM ? "somebody waits for ever" : "a survivor was killed by a signal");
    return false;
}

static pid_t world_fork(void)
{
    pid_t world = fork();
    if (world == 0)
        alarm(WORLD_SECONDS);
    return world;
}

static double seconds(void)
{
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct sweep {
    unsigned part, seed;
    bool every;
    int64_t at; /* -1: everywhere */
};

/* One in `part` numbers, others with each seed. */
static bool chosen(const struct sweep *sweep, uint64_t number, unsigned part)
{
    return (number + sweep->seed) % part == 0;
}

/* `some` of the numbers below `all`, at even distances. */
static bool spread(const struct sweep *sweep, uint64_t number, uint64_t all, uint64_t some)
{
    uint64_t place = (number + sweep->seed) % all;
    return some >= all || place * some / all != (place + 1) * some / all;
}

static bool walked_well(void)
{
    walk->steps = walk->images = walk->changes = 0;
    killed_at = -1;
    pid_t world = world_fork();
    if (world == 0) {
        walk_first();
        _exit(0);
    }
    return world_ended(world);
}

static bool killed_well(uint64_t steps, struct image *image, bool walked)
{
    killed_at = (int64_t)steps;
    pid_t world = world_fork();
    if (world == 0) {
        kill_at(steps, image, walked);
        _exit(0);
    }
    return world_ended(world);
}

/* What a scenario's process tells of it. */
struct tally {
    uint64_t steps, distinct, kills, twice, failures;
};

/* The first victim dies at `image` of `found`; its repair is walked, and cut at some of its images. */
static void sweep_repair(const struct sweep *sweep, struct walk *repairs, const struct walk *found,
                         const struct image *image, struct tally *tally)
{
    struct walk *outer = walk;
    walk = repairs;
    walk->earlier_walk = found;
    walk->earlier = image;
    tally->failures += !walked_well();
    for (uint64_t i = 0; i < walk->images && tally->failures < FAILURES_SHOWN; i++) {
        if (!walk->image[i].distinct || !chosen(sweep, i, sweep->at < 0 ? sweep->part * REPAIRS : 1))
            continue;
        tally->failures += !killed_well(walk->image[i].step, &walk->image[i], spread(sweep, i, walk->images, 1));
        tally->twice++;
    }
    walk = outer;
}

static bool run_scenario(const struct sweep *sweep, struct walk *repairs, struct tally *tally)
{
    double began = seconds();
    const uint64_t walked = WALKED / sweep->part + 1, twice = TWICE / sweep->part + 1; /* of about `all` kills */
    if (!walked_well())
        return false;
    tally->steps = walk->steps;
    const uint64_t all = walk->images / sweep->part + 1;
    for (uint64_t i = 0; i < walk->images && tally->failures < FAILURES_SHOWN; i++) {
        struct image *image = &walk->image[i];
        uint64_t next = i + 1 < walk->images ? image[1].step : walk->steps + 1;
        tally->distinct += image->distinct;
        if (sweep->at >= 0) {
            if ((uint64_t)sweep->at < image->step || (uint64_t)sweep->at >= next)
                continue;
            tally->failures += !killed_well((uint64_t)sweep->at, image, true);
            tally->kills++;
            sweep_repair(sweep, repairs, walk, image, tally);
            continue;
        }
        if ((!image->distinct && !sweep->every) || !chosen(sweep, i, sweep->part))
            continue;
        bool repair = image->distinct && spread(sweep, tally->kills, all, twice);
        bool steps = sweep->every || spread(sweep, tally->kills, all, walked);
        tally->failures += !killed_well(image->step, image, steps);
        tally->kills++;
        for (uint64_t at = image->step + 1; sweep->every && at < next; at++, tally->kills++)
            tally->failures += !killed_well(at, image, true);
        if (repair && tally->failures == 0)
            sweep_repair(sweep, repairs, walk, image, tally);
    }
    printf("%-40s %6llu instructions %5llu images %6llu kills %6llu twice %6.1f s%s\n", scenario->name,
           (unsigned long long)walk->steps, (unsigned long long)tally->distinct, (unsigned long long)tally->kills,
           (unsigned long long)tally->twice, seconds() - began, tally->failures == 0 ? "" : "  FAILED");
    return tally->failures == 0;
}

static struct walk *walk_new(void)
{
    struct walk *made = pages(sizeof *made, MAP_SHARED);
    made->start = pages(STORE_END, MAP_SHARED);
    return made;
}

/* A process of its own on a processor of its own: a step costs four times as much when victim and world are apart. */
static pid_t run_apart(const struct scenario *wanted, const struct sweep *sweep, const cpu_set_t *processors,
                       int processor, struct tally *tally)
{
    fflush(stdout);
    pid_t child = fork();
    if (child != 0)
        return child;
    cpu_set_t one;
    CPU_ZERO(&one);
    for (size_t i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, processors) && processor-- == 0)
            CPU_SET(i, &one);
    sched_setaffinity(0, sizeof one, &one);
    scenario = wanted;
    walk = walk_new();
    bool passed = run_scenario(sweep, walk_new(), tally);
    fflush(stdout);
    _exit(!passed);
}

/* Why there can be no single steps, NULL when there can. */
static const char *no_steps(void)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
            _exit(errno);
        raise(SIGSTOP);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        return "fork failed";
    if (WIFEXITED(status))
        return strerror(WEXITSTATUS(status));
    const char *reason = ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) != 0 ? strerror(errno) : NULL;
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return reason;
}

static bool matches(const char *name, int count, char **names)
{
    for (int i = 0; i < count; i++)
        if (strstr(name, names[i]) != NULL)
            return true;
    return count == 0;
}

#define JOBS_MAX 16
#define SCENARIOS_MAX 256

/* Those that are wanted; how many they are. */
static unsigned choose(const struct scenario **chosen, int count, char **names)
{
    unsigned found = 0;
    for (unsigned i = 0; scenario_parts[i] != NULL; i++)
        for (const struct scenario *each = scenario_parts[i]; each->name != NULL; each++)
            if (found < SCENARIOS_MAX && matches(each->name, count, names))
                chosen[found++] = each;
    return found;
}

int main(int argc, char **argv)
{
    struct sweep sweep = {1, (unsigned)time(NULL), false, -1};
    unsigned failed = 0;
    int first = 1, jobs;
    for (; first < argc && argv[first][0] == '-'; first++) {
        if (strcmp(argv[first], "--tenth") == 0)
            sweep.part = 10;
        else if (strcmp(argv[first], "--every") == 0)
            sweep.every = true;
        else if (strcmp(argv[first], "--at") == 0 && first + 1 < argc)
            sweep.at = strtoll(argv[++first], NULL, 10);
        else if (strcmp(argv[first], "--seed") == 0 && first + 1 < argc)
            sweep.seed = (unsigned)strtoul(argv[++first], NULL, 10);
        else
            return fprintf(stderr, "usage: step [--tenth] [--every] [--at STEP] [--seed N] [NAME...]\n"), 2;
    }
    const char *reason = no_steps();
    if (reason != NULL)
        return printf("step: no single steps here, so nothing is tested (ptrace: %s)\n", reason), SKIPPED;
    printf("step: %s, %s of each operation, seed %u\n", COMPILER,
           sweep.part > 1 ? "a tenth of the images"
           : sweep.every  ? "every instruction"
                          : "every image",
           sweep.seed);
    cpu_set_t processors;
    CPU_ZERO(&processors);
    sched_getaffinity(0, sizeof processors, &processors);
    jobs = CPU_COUNT(&processors) < JOBS_MAX ? CPU_COUNT(&processors) : JOBS_MAX;
    jobs = jobs < 1 ? 1 : jobs;
    pid_t job[JOBS_MAX] = {0};
    const struct scenario *wanted[SCENARIOS_MAX];
    unsigned run = choose(wanted, argc - first, argv + first);
    struct tally *tallies = pages(SCENARIOS_MAX * sizeof *tallies, MAP_SHARED), all = {0};
    for (unsigned i = 0; i < run; i++) {
        int free = 0, status;
        while (free < jobs && job[free] != 0)
            free++;
        if (free == jobs) {
            pid_t ended = wait(&status);
            failed += status != 0;
            for (free = 0; job[free] != ended; free++)
                ;
        }
        job[free] = run_apart(wanted[i], &sweep, &processors, free, &tallies[i]);
    }
    for (int status; wait(&status) > 0;)
        failed += status != 0;
    for (unsigned i = 0; i < run; i++) {
        all.steps += tallies[i].steps;
        all.distinct += tallies[i].distinct;
        all.kills += tallies[i].kills + tallies[i].twice;
    }
    printf("step: %llu instructions, %llu images, %llu kills\n", (unsigned long long)all.steps,
           (unsigned long long)all.distinct, (unsigned long long)all.kills);
    printf("step: %u passed, %u failed\n", run - failed, failed);
    return failed != 0;
}
