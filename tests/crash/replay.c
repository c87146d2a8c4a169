/* replay.c - writers killed at random moments; what each of them must have left is computed and compared
 *
 * Three victims live at once, beside a worker that survives and the parent, who reads. A victim runs a random program
 * on lists and dicts that only it writes, or two threads do so side by side; others read these and share the heap, the
 * trash, two common lists and a common dict with it, which everybody writes. Before and after each operation it says so in a page
 * that the parent sees. The parent kills it at a random moment, runs the same program on a model up to the operation
 * that was finished last, and compares: lists and dicts must be as after that operation, or, if another had been started, as
 * after this one. The next victim goes on with what it finds. Nothing else than exactly this passes: content, order,
 * kinds, references.
 *
 * Some victims fork in the middle, and the child goes on with the program on the handles it inherits. Every outcome is
 * compared with the model by the victim itself, too. From time to time nobody writes and store check looks at
 * everything; at the end all is cleared and released, and nothing may be in use any more.
 *
 * replay [KILLS] [--seed N]
 */
#include <pthread.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "../c/support.h"
#include "program.h"

#define SEATS 3u
#define THREADS 2u
#define KILLS_OTHERWISE 10000u
#define KILLS_BETWEEN_CHECKS 250u
#define LIFE_US 3000u
#define FAILURES_MAX 5u
#ifdef COMEM_SMALL_GEOMETRY
#define LIMIT 120u
#else
#define LIMIT 1200u
#endif
#define COMMON_LIMIT (LIMIT / 4)

enum way { ONE_THREAD, TWO_THREADS, FORKING, WAYS };

/* What a victim says of each of its threads. */
struct progress {
    _Atomic uint64_t started, finished;
};

struct common_page {
    struct progress progress[SEATS][THREADS];
    _Atomic int pause, paused, stop;
    _Atomic uint64_t worker_done;
};

/* One thread's lists, and where its program and its model stand when it begins. */
struct writer {
    struct program program;
    struct model *model;
    struct holding holding;
    struct progress *progress;
    struct program blind; /* on lists whose content nobody predicts */
};

static struct seat {
    struct writer writers[THREADS];
    enum way way;
    unsigned threads;
    pid_t process;
    _Atomic double kill_at; /* 0: it was killed, or there is none */
} seats[SEATS];
static struct writer worker;
static struct common_page *page;
static struct model *guess; /* the operation that was cut, done */
static struct dice dice;
static unsigned long long kills, replayed, cut, undone, done, failed;

/* ---- in a victim ---- */

static _Noreturn void victim_failed(const struct writer *writer, const struct operation *operation, const char *what)
{
    fprintf(stderr, "replay: process %d, operation %llu, ", getpid(), (unsigned long long)writer->progress->started);
    operation_print(stderr, operation);
    fprintf(stderr, ": %s (%s)\n", what, comem_detail());
    _exit(1);
}

/* The next operation that fits, applied to the model. */
static void replay_step(struct writer *writer, struct operation *operation, struct expectation *expectation)
{
    do
        program_next(&writer->program, operation);
    while (!model_fits(writer->model, operation));
    model_apply(writer->model, operation, expectation);
}

static void write_step(struct writer *writer)
{
    struct operation operation;
    struct expectation expectation;
    struct outcome outcome;
    replay_step(writer, &operation, &expectation);
    writer->progress->started++;
    operation_run(&writer->holding, &operation, &outcome);
    writer->progress->finished++;
    const char *difference = outcome_differs(&writer->holding, &outcome, &expectation);
    if (difference != NULL)
        victim_failed(writer, &operation, difference);
    outcome_clear(&outcome);
    expectation_clear(&expectation);
}

/* Whether lists and dicts that others may lengthen meanwhile are short enough for what grows with both, or with their depth. */
static bool blind_fits(const struct holding *holding, const struct operation *operation)
{
    size_t length = 0, other = 0;
    bool compares = operation->kind == OPERATION_EQUAL || operation->kind == OPERATION_COMPARE ||
                    operation->kind == OPERATION_DICT_EQUAL;
    if (operation_is_dicts(operation->kind)) {
        comem_dict_len(holding->dicts[operation->dict], &length);
        comem_dict_len(holding->dicts[operation->other_dict], &other);
    } else {
        comem_list_len(holding->lists[operation->list], &length);
        comem_list_len(holding->lists[operation->other], &other);
    }
    if (compares)
        return length < 16 && other < 16;
    if (operation->kind >= OPERATION_SET && length > COMMON_LIMIT) {
        if (operation_is_dicts(operation->kind))
            comem_dict_clear(holding->dicts[operation->dict]);
        else
            comem_list_clear(holding->lists[operation->list]);
    }
    return other <= LIMIT;
}

/* What everybody writes in the places of a writer's own; values are these and the last of its own. */
static struct holding common_first(const struct holding *own)
{
    struct holding common = *own;
    for (unsigned i = 0; i < MODEL_LISTS + MODEL_COMMONS; i++)
        common.lists[i] = i < MODEL_LISTS ? own->lists[MODEL_LISTS + i % MODEL_COMMONS] : own->lists[i - MODEL_COMMONS];
    for (unsigned i = 0; i < MODEL_DICTS + MODEL_COMMON_DICTS; i++)
        common.dicts[i] =
            i < MODEL_DICTS ? own->dicts[MODEL_DICTS + i % MODEL_COMMON_DICTS] : own->dicts[i - MODEL_COMMON_DICTS];
    return common;
}

/* Reads what another one writes, or writes what everybody does. */
static void blind_step(struct writer *writer)
{
    const struct writer *other =
        &seats[program_roll(&writer->blind, SEATS)].writers[program_roll(&writer->blind, THREADS)];
    struct operation operation;
    struct outcome outcome;
    program_next(&writer->blind, &operation);
    struct holding common = operation.kind >= OPERATION_SET ? common_first(&writer->holding) : other->holding;
    if (!blind_fits(&common, &operation))
        return;
    operation_run(&common, &operation, &outcome);
    const char *wrong = outcome_unsound(&outcome);
    if (wrong != NULL)
        victim_failed(writer, &operation, wrong);
    outcome_clear(&outcome);
}

static void blind_for_ever(struct writer *writer)
{
    writer->blind.state ^= (uint64_t)getpid();
    for (;;)
        blind_step(writer);
}

static void *write_for_ever(void *argument)
{
    struct writer *writer = argument;
    for (;;) {
        write_step(writer);
        if (program_roll(&writer->blind, 4) == 0)
            blind_step(writer);
    }
    return NULL;
}

/* A few operations, then a child that goes on with them, twice; who has a child works on the common lists. */
static void write_and_fork(struct writer *writer)
{
    for (unsigned generation = 0; generation < 2; generation++) {
        for (uint64_t left = 2 + program_roll(&writer->blind, 60); left > 0; left--)
            write_step(writer);
        if (fork() != 0)
            blind_for_ever(writer);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    }
    write_for_ever(writer);
}

static int victim(void *argument)
{
    struct seat *seat = argument;
    pthread_t thread;
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that gives up leaves nobody behind */
    if (seat->way == FORKING)
        write_and_fork(&seat->writers[0]);
    if (seat->way == TWO_THREADS && pthread_create(&thread, NULL, write_for_ever, &seat->writers[1]) != 0)
        return 2;
    write_for_ever(&seat->writers[0]);
    return 0;
}

/* Lives as long as the test and holds still when asked to. */
static int survive(void *argument)
{
    struct operation none = {0};
    (void)argument;
    alarm(0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (unsigned i = 0; page->stop == 0; i++) {
        write_step(&worker);
        blind_step(&worker);
        page->worker_done++;
        const char *difference = i % 64 == 0 ? content_differs(&worker.holding, worker.model) : NULL;
        if (difference != NULL)
            victim_failed(&worker, &none, difference);
        for (; page->pause != 0 && page->stop == 0; support_nap(100))
            page->paused = 1;
        page->paused = 0;
    }
    return 0;
}

/* ---- the parent ---- */

static void failure(const struct writer *writer, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void failure(const struct writer *writer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "replay: kill %llu: ", kills);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    if (++failed >= FAILURES_MAX)
        exit(1);
    if (writer == NULL)
        return;
    holding_clear(&writer->holding, MODEL_LISTS, MODEL_DICTS); /* go on from something known */
    for (unsigned i = 0; i < MODEL_LISTS; i++)
        writer->model->lists[i].length = 0;
    for (unsigned i = 0; i < MODEL_DICTS; i++)
        writer->model->dicts[i].length = 0;
}

static void writer_begin(struct writer *writer)
{
    program_from_seed(&writer->program, dice_roll(&dice, UINT64_MAX), LIMIT);
    program_from_seed(&writer->blind, dice_roll(&dice, UINT64_MAX), COMMON_LIMIT);
    writer->program.serial = (uint64_t)(kills * THREADS + 1) << 24 | (uint64_t)(writer->progress - page->progress[0])
                                                                         << 20;
    writer->blind.serial = writer->program.serial | UINT64_C(1) << 50;
    writer->progress->started = writer->progress->finished = 0;
}

static void seat_begin(struct seat *seat)
{
    seat->way = (enum way)dice_roll(&dice, WAYS);
    seat->threads = seat->way == TWO_THREADS ? 2 : 1;
    for (unsigned i = 0; i < seat->threads; i++)
        writer_begin(&seat->writers[i]);
    seat->process = support_fork(victim, seat);
    setpgid(seat->process, seat->process);
    seat->kill_at = support_seconds() + (double)(1 + dice_roll(&dice, LIFE_US)) * 1e-6;
}

/* A thread kills in time, whatever the parent computes meanwhile. On seats 0 and 2 it waits for the first operation. */
static void *kill_in_time(void *argument)
{
    (void)argument;
    for (;;) {
        double next = support_seconds() + 1e-4;
        for (unsigned i = 0; i < SEATS; i++) {
            double now = support_seconds(), kill_at = seats[i].kill_at;
            bool early = seats[i].writers[0].progress->started == 0 && i % 2 == 0 && now < kill_at + 0.1;
            if (kill_at != 0 && kill_at <= now && !early) {
                kill(-seats[i].process, SIGKILL);
                seats[i].kill_at = 0;
            } else if (kill_at > now && kill_at < next) {
                next = kill_at;
            }
        }
        support_nap((long)((next - support_seconds()) * 1e6) + 1);
    }
    return NULL;
}

/* Waits until a victim and its children, which are ours once it is dead, have been killed. */
static void seat_await_death(struct seat *seat)
{
    int status;
    while (seat->kill_at != 0)
        support_nap(50);
    for (pid_t ended; (ended = waitpid(-seat->process, &status, 0)) > 0;)
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
            failure(NULL, "process %d ended with status %#x", ended, (unsigned)status);
    kills++;
}

/* Where the writer's lists are, by its program. */
static void writer_verify(struct writer *writer)
{
    struct operation operation = {0};
    struct expectation expectation;
    uint64_t finished = writer->progress->finished, started = writer->progress->started;
    for (uint64_t i = 0; i < finished; i++, replayed++) {
        replay_step(writer, &operation, &expectation);
        expectation_clear(&expectation);
    }
    const char *difference = content_differs(&writer->holding, writer->model);
    if (started == finished) {
        if (difference != NULL)
            failure(writer, "between operations, after %llu: %s", (unsigned long long)finished, difference);
        return;
    }
    struct model *before = writer->model;
    model_copy(guess, before);
    writer->model = guess;
    replay_step(writer, &operation, &expectation);
    expectation_clear(&expectation);
    writer->model = before;
    bool is_before = difference == NULL, is_after = content_differs(&writer->holding, guess) == NULL;
    cut++;
    undone += is_before && !is_after;
    done += is_after && !is_before;
    if (is_after)
        model_copy(writer->model, guess);
    if (!is_before && !is_after) {
        operation_print(stderr, &operation);
        failure(writer, " cut, the %llu-th: neither before nor after: %s", (unsigned long long)started, difference);
    }
}

static void seat_end(struct seat *seat)
{
    seat_await_death(seat);
    for (unsigned i = 0; i < seat->threads; i++)
        writer_verify(&seat->writers[i]);
}

/* With nobody writing: the worker holds still, the victims are dead. */
static void check(struct store_map *map)
{
    double limit = support_seconds() + 20;
    page->pause = 1;
    while (page->paused == 0 && support_seconds() < limit)
        support_nap(100);
    if (page->paused == 0)
        failure(NULL, "the worker hangs");
    uint64_t problems = support_problems(map);
    if (problems > 0)
        failure(NULL, "store check has %llu problems", (unsigned long long)problems);
    page->pause = 0;
}

/* The writer's own lists and dicts, and the common ones behind them. */
static void writer_make(struct writer *writer, const struct holding *common, struct progress *progress)
{
    writer->model = model_new(LIMIT);
    writer->holding = *common;
    writer->progress = progress;
    if (holding_make(&writer->holding, MODEL_LISTS, MODEL_DICTS) != COMEM_OK)
        abort();
}

static void writer_release(struct writer *writer)
{
    holding_release(&writer->holding, MODEL_LISTS, MODEL_DICTS);
    free(writer->model);
}

static void run(unsigned long long wanted, struct store_map *map)
{
    for (unsigned i = 0; i < SEATS; i++)
        seat_begin(&seats[i]);
    for (unsigned next = 0; kills < wanted; next = (next + 1) % SEATS) {
        struct seat *seat = &seats[next];
        seat_end(seat);
        if (kills % KILLS_BETWEEN_CHECKS == 0) {
            for (unsigned i = 0; i < SEATS; i++)
                if (&seats[i] != seat)
                    seat_end(&seats[i]);
            check(map);
            for (unsigned i = 0; i < SEATS; i++)
                if (&seats[i] != seat)
                    seat_begin(&seats[i]);
        }
        seat_begin(seat);
    }
    for (unsigned i = 0; i < SEATS; i++)
        seat_end(&seats[i]);
}

int main(int argc, char **argv)
{
    unsigned long long wanted = KILLS_OTHERWISE, seed = (unsigned long long)(support_seconds() * 1e6);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            seed = strtoull(argv[++i], NULL, 10);
        else if ((wanted = strtoull(argv[i], NULL, 10)) == 0)
            return fprintf(stderr, "usage: replay [KILLS] [--seed N]\n"), 2;
    }
    struct bench *bench = support_begin(256 * MIB);
    struct holding common = {.store = &bench->store};
    struct progress *aside = support_shared(sizeof *aside);
    page = support_shared(sizeof *page);
    dice.state = seed;
    guess = model_new(LIMIT);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (unsigned i = 0; i < MODEL_COMMONS; i++)
        if (comem_list_new(common.store, &common.lists[MODEL_LISTS + i]) != COMEM_OK)
            abort();
    for (unsigned i = 0; i < MODEL_COMMON_DICTS; i++)
        if (comem_dict_new(common.store, &common.dicts[MODEL_DICTS + i]) != COMEM_OK)
            abort();
    for (unsigned i = 0; i < SEATS * THREADS; i++)
        writer_make(&seats[i / THREADS].writers[i % THREADS], &common, &page->progress[i / THREADS][i % THREADS]);
    writer_make(&worker, &common, aside);
    program_from_seed(&worker.program, seed, LIMIT);
    program_from_seed(&worker.blind, seed + 1, COMMON_LIMIT);
    pid_t survivor = support_fork(survive, NULL);
    pthread_t killer;
    if (pthread_create(&killer, NULL, kill_in_time, NULL) != 0)
        return 2;
    run(wanted, bench->map);
    check(bench->map);
    page->stop = 1;
    int ended = support_wait(survivor);
    if (ended != 0)
        failure(NULL, "the worker ended with %d", ended);
    for (unsigned i = 0; i < SEATS * THREADS; i++) /* all are emptied first: they name each other */
        holding_clear(&seats[i / THREADS].writers[i % THREADS].holding, MODEL_LISTS, MODEL_DICTS);
    holding_clear(&worker.holding, MODEL_LISTS + MODEL_COMMONS, MODEL_DICTS + MODEL_COMMON_DICTS);
    for (unsigned i = 0; i < SEATS * THREADS; i++)
        writer_release(&seats[i / THREADS].writers[i % THREADS]);
    for (unsigned i = 0; i < MODEL_COMMONS; i++)
        comem_list_release(common.lists[MODEL_LISTS + i]);
    for (unsigned i = 0; i < MODEL_COMMON_DICTS; i++)
        comem_dict_release(common.dicts[MODEL_DICTS + i]);
    writer_release(&worker);
    uint64_t problems = support_end(bench); /* nothing may be in use */
    if (problems > 0)
        failure(NULL, "%llu problems at the end", (unsigned long long)problems);
    printf("replay: %llu kills, %llu operations replayed, %llu in the middle of one, undone %llu, done %llu, "
           "failed %llu\n",
           kills, replayed, cut, undone, done, failed);
    return failed != 0;
}
