/* fuzz.c - random programs of list and dict operations whose executants die at random stores
 *
 * An input is a program (program.h). Up to three parties, each a mapping, a slot and a process record of its own, take
 * turns in running it on one store of small geometry; the input says whose turn it is and before which of the
 * operation's stores to die. Survivors go on, with no more repair than what their own operations bring about; a
 * survivor may die in that, too, and the dead come back as new processes. At least one party is always alive.
 *
 * Worlds    A cut operation was done or it was not; who says so are the survivors. So there are several models: the
 *           cut splits each into one before and one after the operation, and every outcome that a survivor sees must
 *           be right in at least one of them; those in which it is wrong are dropped. What was once seen is never
 *           undone.
 * Full      Every fourth input has a store of a few dozen KiB. There COMEM_NO_MEMORY is an answer, too, and changes
 *           nothing.
 * The end   A survivor repairs and reaps everything: store check finds nothing, and lists and dicts are, to the
 *           last byte, those of a world. When all is cleared, released and detached, nothing is in use.
 *
 * Each input starts with a new store and leaves nothing behind: what it takes from malloc() goes with hook.c's arena.
 */
#include "fuzz.h"

#include <linux/futex.h>
#include <stdlib.h>

#include "heap/check.h"
#include "hook.h"
#include "objects/dict.h"
#include "objects/handle.h"
#include "objects/list.h"
#include "program.h"

#define PARTIES 3u
#define WORLDS 16u
#define LISTS (MODEL_LISTS + MODEL_COMMONS)
#define DICTS (MODEL_DICTS + MODEL_COMMON_DICTS)
#define LIMIT 72u
#define SIZE_LIMIT (UINT64_C(8) << 20)
#define SPANS_IN_A_FULL_STORE 9u /* and up to 7 more */

#define DEATHS_SEEN (1u << 15)

/* What libFuzzer counts as coverage besides the engine's edges: how deaths were. In a section that it looks for. */
static uint8_t deaths_seen[DEATHS_SEEN] __attribute__((section("__libfuzzer_extra_counters"), used));

bool fuzz_trace;
struct fuzz_counts fuzz_counts;

static struct party {
    struct store_map *map;
    comem_store store;
    struct participant *participant; /* NULL: not there */
    struct holding holding;
} parties[PARTIES];

static struct program program;
static struct operation operation;
static struct outcome outcome;
static struct model *worlds[WORLDS];
static unsigned world_count, turn, deaths;
static uint64_t step;
static bool operating; /* this step is about `operation` */
static bool narrow;    /* the store may become full */
static bool seat_lost; /* by a death after which a slot stays taken */

static _Noreturn void fuzz_fail(const char *what)
{
    fprintf(stderr, "fuzz: step %llu, party %u: %s (%s)", (unsigned long long)step, turn, what, comem_detail());
    if (operating) {
        fputs(", in ", stderr);
        operation_print(stderr, &operation);
    }
    fputc('\n', stderr);
    abort();
}

static void expect_ok(comem_status status, const char *what)
{
    if (status != COMEM_OK)
        fuzz_fail(what);
}
#define OK(call) expect_ok(call, #call)

static void trace(const char *what, uint64_t store)
{
    if (!fuzz_trace)
        return;
    fprintf(stderr, "step %llu, party %u: %s", (unsigned long long)step, turn, what);
    if (store != HOOK_NEVER)
        fprintf(stderr, ", to die before store %llu", (unsigned long long)store);
    fputc('\n', stderr);
}

/* ---- the world the engine sees ---- */

/* Slots are given out again: who is there decides, not who was. */
static bool life_over(const struct os_life *life)
{
    for (unsigned i = 0; i < PARTIES; i++) {
        uint64_t offset = (uint64_t)((const uint8_t *)life - parties[i].map->base);
        for (unsigned k = 0; k < PARTIES && offset < parties[i].map->window; k++)
            if (parties[k].participant != NULL && parties[k].participant->slot != NULL &&
                offset == store_offset(parties[k].map, &parties[k].participant->slot->life))
                return false;
    }
    return true;
}

static uint64_t now_ns(void)
{
    return UINT64_C(1000000000000) + deaths * UINT64_C(20000000000);
}

/* Asked about seats that somebody is taking or leaving: nobody alive is in the middle of that. */
static bool thread_alive(uint32_t thread)
{
    (void)thread;
    return false;
}

static void never_sleep(const word32 *word)
{
    (void)word;
    fuzz_fail("waits for ever for a lock");
}

/* ---- parties ---- */

static bool always(const void *context)
{
    (void)context;
    return true;
}

static void *share(const struct comem_object *from, const struct party *to)
{
    struct participant *me;
    struct comem_object *handle = NULL;
    OK(participant_enter(to->map, &me));
    pthread_mutex_lock(&me->map->mutex);
    OK(object_take(me, object_ref_image(from), always, NULL, &handle));
    pthread_mutex_unlock(&me->map->mutex);
    participant_leave(me);
    return handle;
}

static void attach(struct party *party)
{
    OK(participant_attach(party->map, &party->participant));
    party->participant->next_of_thread = participant_tls;
    participant_tls = party->participant;
}

static struct party *somebody(const struct party *but)
{
    for (unsigned i = 0; i < PARTIES; i++)
        if (&parties[i] != but && parties[i].participant != NULL)
            return &parties[i];
    return NULL;
}

/* Comes as a new process, and gets handles on everything from one who has them. */
static void come(struct party *party)
{
    const struct party *from = somebody(party);
    attach(party);
    party->holding.store = &party->store;
    if (from == NULL) {
        OK(holding_make(&party->holding, LISTS, DICTS));
        return;
    }
    for (unsigned i = 0; i < LISTS; i++)
        party->holding.lists[i] = share(&from->holding.lists[i]->object, party);
    for (unsigned i = 0; i < DICTS; i++)
        party->holding.dicts[i] = share(&from->holding.dicts[i]->object, party);
}

static void leave_in_good_order(struct party *party)
{
    holding_release(&party->holding, LISTS, DICTS);
    handle_forget_all(party->map);
    struct participant *me = party->participant;
    participant_detach(me);
    party->participant = NULL;
}

/* A death is new when no operation of its kind died with such entries in its record, or before that store. */
static void see_death(const struct slot *slot, uint64_t store)
{
    uint64_t head = word_load(&slot->record.head), sum = operating ? (uint64_t)operation.kind + 1 : 0;
    deaths_seen[(sum << 9 | (store < 511 ? store : 511)) % (DEATHS_SEEN / 2)]++;
    sum = sum << 8 | head >> 56;
    for (uint32_t i = record_base(head); i < record_end(head) && i < RECORD_ENTRIES; i++)
        sum = (sum ^ word_load(&slot->record.entries[i].what) >> 56) * UINT64_C(0x100000001B3);
    deaths_seen[DEATHS_SEEN / 2 + (sum >> 17 ^ sum) % (DEATHS_SEEN / 2)]++;
}

/* What a process has in private memory is nobody's once it is dead. */
static void bury(struct party *party)
{
    struct participant *me = party->participant;
    struct participant **link = &participant_tls;
    while (*link != NULL && *link != me)
        link = &(*link)->next_of_thread;
    if (*link == me)
        *link = me->next_of_thread;
    struct slot *slot = me->slot;
    if (!os_life_ended(&slot->life)) {
        os_life_end(&slot->life);
        word32_store(&slot->life.u.word, FUTEX_OWNER_DIED); /* the kernel's part */
    } else if (seat_state(word_load(&slot->control)) == SEAT_LEAVING && word_load(&slot->thread) == 0) {
        seat_lost = true; /* nobody can tell that it is not still leaving */
    }
    me->map = NULL;
    party->participant = NULL;
    party->map->participants = NULL;
    party->map->process = NULL;
    party->map->handles = NULL;
    pthread_mutex_init(&party->map->mutex, NULL);
    deaths++;
    fuzz_counts.deaths++;
}

/* Whether the party whose turn it is survives `action`, in which it dies before store number `store`. */
static bool survives(void (*action)(struct party *party), uint64_t store)
{
    hook_arm(store);
    if (setjmp(hook_death) == 0) {
        action(&parties[turn]);
        hook_arm(HOOK_NEVER);
        return true;
    }
    hook_arm(HOOK_NEVER);
    see_death(parties[turn].participant->slot, store);
    bury(&parties[turn]);
    trace("dies", HOOK_NEVER);
    return false;
}

/* ---- worlds ---- */

static void world_drop(unsigned number)
{
    struct model *dropped = worlds[number];
    worlds[number] = worlds[--world_count];
    worlds[world_count] = dropped;
}

/* Drops the worlds whose lists are not what the party finds. */
static void see_content(void)
{
    const char *difference = NULL;
    for (unsigned i = world_count; i-- > 0;) {
        const char *differs = content_differs(&parties[turn].holding, worlds[i]);
        if (differs == NULL)
            continue;
        difference = differs;
        world_drop(i);
    }
    if (world_count == 0)
        fuzz_fail(difference);
}

/* Applies the operation to every world and drops those in which the outcome is wrong. */
static void see_outcome(void)
{
    const char *difference = NULL;
    if (narrow && outcome.status == COMEM_NO_MEMORY)
        return;
    for (unsigned i = world_count; i-- > 0;) {
        struct expectation expectation;
        model_apply(worlds[i], &operation, &expectation);
        const char *differs = outcome_differs(&parties[turn].holding, &outcome, &expectation);
        expectation_clear(&expectation);
        if (differs == NULL)
            continue;
        difference = differs;
        world_drop(i);
    }
    if (world_count == 0)
        fuzz_fail(difference);
}

/* The operation was cut: besides each world there is now one in which it was done. */
static void split(void)
{
    for (unsigned i = world_count; i-- > 0;) {
        struct expectation expectation;
        struct model *after = worlds[world_count];
        model_copy(after, worlds[i]);
        model_apply(after, &operation, &expectation);
        expectation_clear(&expectation);
        bool known = false;
        for (unsigned k = 0; k < world_count; k++)
            known |= model_same(after, worlds[k]);
        world_count += !known;
    }
}

/* ---- steps ---- */

static void run_operation(struct party *party)
{
    operation_run(&party->holding, &operation, &outcome);
}

static void sweep(struct party *party)
{
    struct participant *me;
    OK(participant_enter_slow(party->map, &me));
    heap_relieve(me);
    participant_leave_slow(me);
    me->entered = 0;
}

static void operate(uint64_t store)
{
    if (!program_next(&program, &operation))
        return;
    for (unsigned i = 0; i < world_count; i++)
        if (!model_fits(worlds[i], &operation))
            return;
    if (fuzz_trace) {
        trace("operates", store);
        operation_print(stderr, &operation);
        fputc('\n', stderr);
    }
    fuzz_counts.operations++;
    if (survives(run_operation, store)) {
        fuzz_counts.full += outcome.status == COMEM_NO_MEMORY;
        see_outcome();
        outcome_clear(&outcome);
        return;
    }
    split();
    fuzz_counts.undecided += world_count > 1;
    if (world_count > WORLDS / 2) { /* the next cut may double them */
        turn = (unsigned)(somebody(NULL) - parties);
        see_content();
    }
}

/* Most often one of the first stores; some operations have thousands. */
static uint64_t draw_store(void)
{
    uint64_t roll = program_roll(&program, 256);
    return roll < 192 ? roll : (roll - 192) << 8 | program_roll(&program, 256);
}

static void one_step(void)
{
    uint64_t roll = program_roll(&program, 256);
    unsigned living = 0;
    for (unsigned i = 0; i < PARTIES; i++)
        living += parties[i].participant != NULL;
    turn = (unsigned)(roll % PARTIES);
    while (parties[turn].participant == NULL)
        turn = (turn + 1) % PARTIES;
    uint64_t store = living > 1 && roll / PARTIES % 3 == 0 ? draw_store() : HOOK_NEVER;
    operating = roll < 216;
    if (operating) {
        operate(store);
    } else if (roll < 232) {
        turn = 0;
        while (turn < PARTIES && parties[turn].participant != NULL)
            turn++;
        if (turn == PARTIES || (narrow && seat_lost))
            return;
        trace("comes", HOOK_NEVER);
        if (narrow)
            sweep(somebody(NULL)); /* there may be no room for seats but those of the dead */
        come(&parties[turn]);
    } else if (roll < 240) {
        trace("sees everything", HOOK_NEVER);
        see_content();
    } else if (roll < 248) {
        trace("repairs and reaps", store);
        survives(sweep, store);
    } else if (living > 1) {
        trace("leaves", store);
        survives(leave_in_good_order, store);
    }
}

/* ---- one input ---- */

static void problem(void *context, const char *what)
{
    (void)context;
    fuzz_fail(what);
}

static void check(struct store_map *map)
{
    hook_arena(false); /* it uses realloc() */
    store_check(map, problem, NULL);
    hook_arena(true);
}

static uint64_t bytes_of_chunks(const struct store_map *map)
{
    uint64_t bytes = 0;
    for (uint64_t i = 1; i < LAYOUT_CHUNKS; i++)
        bytes += (word_load(&map->header->slot_chunks[i]) != 0 ? SPAN_SIZE : 0) +
                 (word_load(&map->header->process_chunks[i]) != 0 ? SPAN_SIZE : 0);
    return bytes;
}

static void begin(void)
{
    deaths = 0;
    step = 0;
    seat_lost = false;
    participant_tls = NULL;
    uint64_t roll = program_roll(&program, 256);
    narrow = roll % 4 == 0;
    fuzz_counts.narrow += narrow;
    uint64_t size_limit = narrow ? (SPANS_IN_A_FULL_STORE + roll / 4 % 8) * SPAN_SIZE : SIZE_LIMIT;
    OK(store_map_create(size_limit, &parties[0].map));
    for (unsigned i = 1; i < PARTIES; i++)
        OK(store_map_again(parties[0].map, &parties[i].map));
    for (unsigned i = 0; i < PARTIES; i++) {
        parties[i].store.map = parties[i].map;
        parties[i].participant = NULL;
        hook_add_mapping(parties[i].map->base, parties[i].map->window);
    }
    come(&parties[0]);
    come(&parties[1]);
    world_count = 1;
    for (unsigned i = 0; i < WORLDS; i++)
        worlds[i] = model_new(LIMIT);
}

/* Repairs, looks at everything, and gives everything back. */
static void end(void)
{
    turn = (unsigned)(somebody(NULL) - parties);
    operating = false;
    trace("ends", HOOK_NEVER);
    sweep(&parties[turn]);
    check(parties[turn].map);
    see_content();
    OK(holding_clear(&parties[turn].holding, LISTS, DICTS));
    for (unsigned i = 0; i < PARTIES; i++)
        if (parties[i].participant != NULL)
            leave_in_good_order(&parties[i]);
    attach(&parties[0]);
    sweep(&parties[0]);
    check(parties[0].map);
    if (heap_used(parties[0].map) != bytes_of_chunks(parties[0].map))
        fuzz_fail("memory is in use that nobody has");
    participant_detach(parties[0].participant);
    for (unsigned i = 0; i < PARTIES; i++)
        store_map_free(parties[i].map);
    hook_forget_mappings();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hook_arena(true);
    program_from_bytes(&program, data, size, LIMIT);
    begin();
    for (step = 1; program.left > 0; step++)
        one_step();
    end();
    hook_arena(false);
    hook_arena_reset();
    fuzz_counts.inputs++;
    return 0;
}

/* What the engine keeps for good is not to come from the arena: the first participants do without. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    struct store_map *map;
    struct participant *warm[PARTIES + 1];
    os_seam_life_over = life_over;
    os_seam_clock = now_ns;
    os_seam_sleep = never_sleep;
    os_seam_thread_alive = thread_alive;
    OK(handle_init());
    OK(store_map_create(SIZE_LIMIT, &map));
    for (unsigned i = 0; i < PARTIES; i++)
        parties[i].map = map;
    for (unsigned i = 0; i < PARTIES + 1; i++)
        OK(participant_attach(map, &warm[i]));
    for (unsigned i = 0; i < PARTIES + 1; i++)
        participant_detach(warm[i]);
    store_map_free(map);
    fuzz_trace = getenv("FUZZ_TRACE") != NULL;
    return 0;
}
