/* storm.c - processes that come to a store by name and go, most of them killed; what they were told was done is there
 *
 * The parent starts workers by fork and exec, so that nobody inherits the store: each opens it by its name, finds lists, dicts
 * and variables by theirs, and works on them. Operation number n of worker i is of kind (n + i) mod KINDS, and before and after
 * each one the worker says so in a page that the parent sees. So for each worker and kind it is known how often it was done: that
 * often, or once more if it was killed in the middle of one.
 *
 * Workers are killed at random moments, from before they have opened the store on. Some exec themselves in the middle and go
 * on, some fork and the child goes on, some end in good order or by _exit(); some have a second thread that opens the store,
 * reads all of it and closes it again. Another store is opened, used and unlinked by all of them all the time.
 *
 * From time to time there is nobody, and the parent opens the store and looks; every other time the machine was started again
 * before. Store check finds nothing, each acknowledged change is there, and no other. When all names are taken away nothing is in use; after comem_unlink() there is no file, and
 * the parent has as many descriptors as before.
 *
 * storm [KILLS] [--seed N]
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "../c/support.h"
#undef fail /* cmocka's, which jumps; here it ends the process */
#include "content.h"

#define SEATS 4u
#define KILLS_OTHERWISE 2000u
#define KILLS_BETWEEN_LOOKS 250u
#define LIFE_US 12000u
#define WORKERS_MAX 65536u
#define JOBS 64u
#define PAGE_FD 3

enum kind { APPEND, COUNT, SET, PAIR, MAKE_ROOT, REMOVE_ROOT, NEST, TAKE_JOB, TOTAL, LAST, BRIEF, REOPEN, KINDS };
enum way { GOING_ON, EXECING, FORKING, ENDING, EXITING, READING, WAYS };

/* What a worker says of itself; its number is its place. */
struct progress {
    _Atomic uint64_t started, finished;
};

struct page {
    _Atomic uint64_t boot; /* counts the machine's starts */
    struct progress workers[WORKERS_MAX];
};

/* The store as one thread has it open. */
struct hands {
    comem_store *store;
    comem_list *log, *nested, *jobs;
    comem_dict *counts, *latest, *pairs;
    comem_variable *total, *last;
};

static struct page *page;
static char name[64], brief_name[72];

void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "storm: process %d: ", getpid());
    vfprintf(stderr, format, arguments);
    fprintf(stderr, " (%s)\n", comem_detail());
    va_end(arguments);
    exit(1);
}

static void must(comem_status status, const char *what)
{
    if (status != COMEM_OK)
        fail("%s: %s", what, comem_strerror(status));
}
#define OK(call) must(call, #call)

static uint64_t boot(void)
{
    return page->boot;
}

static void page_map(int fd)
{
    page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED)
        fail("mmap: %s", strerror(errno));
    os_seam_boot = boot;
}

static enum kind kind_of(uint64_t worker, uint64_t number)
{
    return (enum kind)((worker + number) % KINDS);
}

/* How many of a worker's first `count` operations are of a kind. */
static uint64_t of_kind(uint64_t worker, uint64_t count, enum kind kind)
{
    uint64_t before = (kind + KINDS - worker % KINDS) % KINDS;
    return count <= before ? 0 : (count - before - 1) / KINDS + 1;
}

/* ---- in a worker ---- */

static comem_value far_text(uint64_t n)
{
    static _Thread_local char text[600];
    size_t size = 20 + n * 37 % 580;
    memset(text, 'a' + (int)(n % 26), size);
    return comem_str(text, size);
}

static void hands_open(struct hands *hands)
{
    OK(comem_open(name, NULL, &hands->store));
    OK(comem_root_list(hands->store, "log", &hands->log));
    OK(comem_root_list(hands->store, "nested", &hands->nested));
    OK(comem_root_list(hands->store, "jobs", &hands->jobs));
    OK(comem_root_dict(hands->store, "counts", &hands->counts));
    OK(comem_root_dict(hands->store, "latest values of all workers", &hands->latest));
    OK(comem_root_dict(hands->store, "pairs", &hands->pairs));
    OK(comem_root_variable(hands->store, "total", comem_int(0), &hands->total));
    OK(comem_root_variable(hands->store, "last", far_text(0), &hands->last));
}

static void hands_close(struct hands *hands)
{
    comem_list_release(hands->log);
    comem_list_release(hands->nested);
    comem_list_release(hands->jobs);
    comem_dict_release(hands->counts);
    comem_dict_release(hands->latest);
    comem_dict_release(hands->pairs);
    comem_variable_release(hands->total);
    comem_variable_release(hands->last);
    comem_close(hands->store);
}

static const char *root_name(uint64_t worker)
{
    static _Thread_local char text[64];
    snprintf(text, sizeof text, "list of worker %llu", (unsigned long long)worker);
    return text;
}

static void make_root(const struct hands *hands, uint64_t worker, uint64_t n)
{
    comem_list *list;
    OK(comem_root_list(hands->store, root_name(worker), &list));
    OK(comem_list_append(list, comem_int((int64_t)n)));
    comem_list_release(list);
}

/* A dict {worker: n, "self": the dict of pairs} behind the last one. */
static void nest(const struct hands *hands, uint64_t worker, uint64_t n)
{
    comem_dict *dict;
    OK(comem_dict_new(hands->store, &dict));
    OK(comem_dict_set(dict, comem_int((int64_t)worker), comem_int((int64_t)n)));
    OK(comem_dict_set(dict, comem_str("pairs", 5), comem_ref_dict(hands->pairs)));
    OK(comem_list_append(hands->nested, comem_ref_dict(dict)));
    comem_dict_release(dict);
}

/* From the front to the end. Who is killed between the two has lost the job. */
static void take_job(const struct hands *hands)
{
    comem_value job;
    comem_status status = comem_list_pop_at(hands->jobs, 0, &job);
    if (status == COMEM_OUT_OF_RANGE)
        return; /* others have them all */
    must(status, "comem_list_pop_at");
    OK(comem_list_append(hands->jobs, job));
}

/* A store that is there for a moment: whole whenever it is, and gone when nobody has it. */
static void use_brief_store(uint64_t worker)
{
    comem_store *store;
    comem_list *list;
    OK(comem_open(brief_name, NULL, &store));
    OK(comem_root_list(store, "visitors", &list));
    OK(comem_list_append(list, comem_int((int64_t)worker)));
    comem_value first;
    OK(comem_list_get(list, 0, &first));
    if (first.kind != COMEM_INT || first.as.integer < 0 || first.as.integer > (int64_t)WORKERS_MAX)
        fail("the brief store holds something that nobody stored");
    comem_list_release(list);
    comem_status status = worker % 2 == 0 ? comem_unlink(brief_name) : COMEM_NOT_FOUND;
    if (status != COMEM_NOT_FOUND) /* somebody was faster */
        must(status, "comem_unlink");
    comem_close(store);
}

static void run(struct hands *hands, uint64_t worker, uint64_t number)
{
    enum kind kind = kind_of(worker, number);
    uint64_t n = of_kind(worker, number, kind); /* how often it was done before */
    comem_value id = comem_int((int64_t)worker), value = comem_int((int64_t)n);
    const comem_pair pairs[] = {{comem_int(2 * id.as.integer), far_text(n)}, {comem_int(2 * id.as.integer + 1), value}};
    switch (kind) {
    case APPEND:
        OK(comem_list_append(hands->log, comem_int((int64_t)(worker << 32 | n))));
        break;
    case COUNT:
        OK(comem_dict_add(hands->counts, id, comem_int(1), NULL));
        break;
    case SET:
        OK(comem_dict_set(hands->latest, id, far_text(n)));
        break;
    case PAIR:
        OK(comem_dict_update(hands->pairs, pairs, 2));
        break;
    case MAKE_ROOT:
        make_root(hands, worker, n);
        break;
    case REMOVE_ROOT:
        if (comem_root_remove(hands->store, root_name(worker)) != COMEM_OK && n > 0)
            fail("comem_root_remove");
        break;
    case NEST:
        nest(hands, worker, n);
        break;
    case TAKE_JOB:
        take_job(hands);
        break;
    case TOTAL:
        OK(comem_variable_add(hands->total, comem_int(1), NULL));
        break;
    case LAST:
        OK(comem_variable_set(hands->last, far_text(n)));
        break;
    case BRIEF:
        use_brief_store(worker);
        break;
    default: /* REOPEN */
        hands_close(hands);
        hands_open(hands);
    }
}

/* Does up to `count` operations, from where the worker is. */
static void work(struct hands *hands, uint64_t worker, uint64_t count)
{
    struct progress *progress = &page->workers[worker];
    for (uint64_t number = progress->finished; count > 0; count--, number++) {
        progress->started = number + 1;
        run(hands, worker, number);
        progress->finished = number + 1;
    }
}

/* Keys are whole, and the two of a worker's pair are of one moment. */
static void read_pairs(comem_dict *dict)
{
    static comem_value keys[2 * WORKERS_MAX], values[2 * WORKERS_MAX];
    size_t count;
    OK(comem_dict_read(dict, keys, values, 2 * WORKERS_MAX, &count));
    if (count % 2 != 0)
        fail("half a pair");
    for (size_t i = 0; i + 1 < count; i += 2) {
        comem_value expected = far_text((uint64_t)values[i + 1].as.integer);
        if (keys[i].as.integer + 1 != keys[i + 1].as.integer || values[i].size != expected.size ||
            memcmp(values[i].as.data, expected.as.data, expected.size) != 0)
            fail("the pair of worker %lld is of two moments", (long long)keys[i].as.integer / 2);
    }
    for (size_t i = 0; i < count; i++) {
        comem_value_clear(&keys[i]);
        comem_value_clear(&values[i]);
    }
}

/* Everybody sets it to a text of one letter. */
static void read_last(comem_variable *last)
{
    comem_value value;
    OK(comem_variable_get(last, &value));
    for (size_t i = 0; i < value.size; i++)
        if (value.as.data[i] != value.as.data[0])
            fail("the last text is torn at byte %zu", i);
    comem_value_clear(&value);
}

static void *read_for_ever(void *argument)
{
    struct hands hands;
    (void)argument;
    for (;;) {
        comem_value last;
        hands_open(&hands);
        read_pairs(hands.pairs);
        read_last(hands.last);
        comem_status status = comem_list_get(hands.nested, -1, &last);
        if (status == COMEM_OK && comem_value_dict(&last) == NULL)
            fail("what was nested is no dict");
        comem_value_clear(&last);
        hands_close(&hands);
    }
    return NULL;
}

static _Noreturn void worker_main(char **argv)
{
    uint64_t worker = strtoull(argv[3], NULL, 10);
    enum way way = (enum way)strtoul(argv[4], NULL, 10);
    struct dice dice = {.state = strtoull(argv[5], NULL, 10)};
    struct hands hands;
    pthread_t thread;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that gives up leaves nobody behind */
    page_map(PAGE_FD);
    hands_open(&hands);
    if (way == READING && pthread_create(&thread, NULL, read_for_ever, NULL) != 0)
        fail("pthread_create");
    if (way == GOING_ON || way == READING)
        work(&hands, worker, UINT64_MAX);
    work(&hands, worker, dice_roll(&dice, 100));
    if (way == EXECING)
        execl("/proc/self/exe", argv[0], argv[1], argv[2], argv[3], "0", argv[5], NULL);
    if (way == FORKING) {
        if (fork() != 0)
            pause();
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        work(&hands, worker, UINT64_MAX);
    }
    if (way == EXITING)
        _exit(0);
    hands_close(&hands);
    exit(0);
}

/* ---- the parent ---- */

static struct seat {
    pid_t process;
    uint64_t worker;
    enum way way;
    double kill_at;
} seats[SEATS];
static uint64_t workers, kills, ended, looks;
static struct dice dice;
static int page_fd;

static void seat_begin(struct seat *seat)
{
    char worker[24], way[24], dice_seed[24];
    if (workers == WORKERS_MAX)
        fail("too many workers");
    seat->worker = workers++;
    seat->way = (enum way)dice_roll(&dice, WAYS);
    snprintf(worker, sizeof worker, "%llu", (unsigned long long)seat->worker);
    snprintf(way, sizeof way, "%u", (unsigned)seat->way);
    snprintf(dice_seed, sizeof dice_seed, "%llu", (unsigned long long)dice_roll(&dice, UINT64_MAX));
    seat->process = fork();
    if (seat->process == 0) {
        setpgid(0, 0);
        if (dup2(page_fd, PAGE_FD) == PAGE_FD)
            execl("/proc/self/exe", "storm", "--worker", name, worker, way, dice_seed, NULL);
        fail("exec: %s", strerror(errno));
    }
    setpgid(seat->process, seat->process);
    seat->kill_at = support_seconds() + (double)(1 + dice_roll(&dice, LIFE_US)) * 1e-6;
}

/* Kills a worker in time, with the child it may have; those that end by themselves may do so. */
static void seat_end(struct seat *seat)
{
    int status;
    double now = support_seconds();
    bool worked = dice_roll(&dice, 4) != 0; /* most have begun to work by then */
    while (now < seat->kill_at || (worked && page->workers[seat->worker].started == 0 && now < seat->kill_at + 1)) {
        support_nap(now < seat->kill_at ? (long)((seat->kill_at - now) * 1e6) + 1 : 50);
        now = support_seconds();
    }
    kill(-seat->process, SIGKILL);
    bool killed = false;
    for (pid_t gone; (gone = waitpid(-seat->process, &status, 0)) > 0;) {
        killed |= WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        if (WIFSIGNALED(status) ? WTERMSIG(status) != SIGKILL : WEXITSTATUS(status) != 0)
            fail("worker %llu, way %u, ended with status %#x", (unsigned long long)seat->worker, (unsigned)seat->way,
                 (unsigned)status);
    }
    kills += killed;
    ended += !killed;
}

/* ---- what must be there ---- */

/* For each worker how often each kind was seen to be done; what stands for worker 0 is first. */
static uint64_t (*seen)[KINDS];

static void see_log(comem_list *log)
{
    size_t length, read;
    OK(comem_list_len(log, &length));
    comem_value *values = calloc(length + 1, sizeof *values);
    OK(comem_list_read(log, 0, length, values, &read));
    for (size_t i = 0; i < read; i++) {
        uint64_t item = (uint64_t)values[i].as.integer, worker = item >> 32;
        if (values[i].kind != COMEM_INT || worker >= workers || (item & UINT32_MAX) != seen[worker][APPEND])
            fail("item %zu of the log is %llu of worker %llu, which had appended %llu", i,
                 (unsigned long long)(item & UINT32_MAX), (unsigned long long)worker,
                 (unsigned long long)(worker < workers ? seen[worker][APPEND] : 0));
        seen[worker][APPEND]++;
    }
    free(values);
}

static void see_nested(const struct hands *hands)
{
    size_t length;
    OK(comem_list_len(hands->nested, &length));
    for (size_t i = 0; i < length; i++) {
        comem_value item, keys[2], values[2];
        size_t count;
        OK(comem_list_get(hands->nested, (int64_t)i, &item));
        OK(comem_dict_read(comem_value_dict(&item), keys, values, 2, &count));
        uint64_t worker = count == 2 ? (uint64_t)keys[0].as.integer : workers;
        if (worker >= workers || (uint64_t)values[0].as.integer != seen[worker][NEST]++ ||
            comem_value_dict(&values[1]) != hands->pairs)
            fail("nested dict %zu is not as its maker left it", i);
        for (size_t k = 0; k < 2; k++) {
            comem_value_clear(&keys[k]);
            comem_value_clear(&values[k]);
        }
        comem_value_clear(&item);
    }
}

/* What a far text is the n-th of, or one of the two that may be. */
static void see_latest(comem_dict *latest, uint64_t worker, uint64_t least)
{
    comem_value value;
    comem_status status = comem_dict_get(latest, comem_int((int64_t)worker), &value);
    if (status != COMEM_NOT_FOUND)
        must(status, "comem_dict_get");
    for (uint64_t n = least; status == COMEM_OK && n <= least + 1; n++) {
        comem_value expected = far_text(n - 1);
        if (n > 0 && value.size == expected.size && memcmp(value.as.data, expected.as.data, value.size) == 0)
            seen[worker][SET] = n;
    }
    comem_value_clear(&value);
}

static int64_t int_of(comem_dict *dict, uint64_t key)
{
    comem_value value;
    comem_status status = comem_dict_get(dict, comem_int((int64_t)key), &value);
    if (status != COMEM_OK && status != COMEM_NOT_FOUND)
        must(status, "comem_dict_get");
    return status == COMEM_OK ? value.as.integer : -1;
}

/* Of a root that is made and removed by turns: whether it can be there, and how long its list can be. */
static void look_at_root(comem_store *store, uint64_t worker)
{
    const struct progress *progress = &page->workers[worker];
    comem_value found;
    size_t length;
    comem_status status = comem_root(store, root_name(worker), &found);
    bool in_doubt = progress->started > progress->finished && (kind_of(worker, progress->finished) == MAKE_ROOT ||
                                                               kind_of(worker, progress->finished) == REMOVE_ROOT);
    uint64_t last_made = UINT64_MAX, last_removed = UINT64_MAX, number = progress->finished;
    for (uint64_t i = 0; i < KINDS && i < number; i++) {
        last_made = kind_of(worker, number - 1 - i) == MAKE_ROOT ? i : last_made;
        last_removed = kind_of(worker, number - 1 - i) == REMOVE_ROOT ? i : last_removed;
    }
    if (!in_doubt && (status == COMEM_OK) != (last_made < last_removed))
        fail("the root of worker %llu is %sthere", (unsigned long long)worker, status == COMEM_OK ? "" : "not ");
    if (status == COMEM_NOT_FOUND)
        return;
    must(status, "comem_root");
    OK(comem_list_len(comem_value_list(&found), &length));
    if (length > 1 || (!in_doubt && length != 1))
        fail("the list of worker %llu has %zu items", (unsigned long long)worker, length);
    comem_value_clear(&found);
}

/* Each is there once, but for those that somebody had taken out when he was killed. */
static void look_at_jobs(comem_list *jobs)
{
    bool there[JOBS] = {false};
    uint64_t lost = 0;
    size_t length;
    OK(comem_list_len(jobs, &length));
    for (size_t i = 0; i < length; i++) {
        comem_value job;
        OK(comem_list_get(jobs, (int64_t)i, &job));
        if (job.kind != COMEM_INT || (uint64_t)job.as.integer >= JOBS || there[job.as.integer])
            fail("job %lld is there twice", (long long)job.as.integer);
        there[job.as.integer] = true;
    }
    for (uint64_t worker = 0; worker < workers; worker++)
        lost += page->workers[worker].started > page->workers[worker].finished &&
                kind_of(worker, page->workers[worker].finished) == TAKE_JOB;
    if (JOBS - length > lost)
        fail("%llu jobs are gone, and only %llu workers were killed with one", (unsigned long long)(JOBS - length),
             (unsigned long long)lost);
}

static void look_at_total(comem_variable *total)
{
    comem_value value;
    uint64_t done = 0, most = 0;
    for (uint64_t worker = 0; worker < workers; worker++) {
        done += of_kind(worker, page->workers[worker].finished, TOTAL);
        most += of_kind(worker, page->workers[worker].started, TOTAL);
    }
    OK(comem_variable_get(total, &value));
    if ((uint64_t)value.as.integer < done || (uint64_t)value.as.integer > most)
        fail("the total is %lld, of between %llu and %llu additions", (long long)value.as.integer,
             (unsigned long long)done, (unsigned long long)most);
}

static void look_at_worker(const struct hands *hands, uint64_t worker)
{
    const struct progress *progress = &page->workers[worker];
    uint64_t finished = progress->finished;
    int64_t counted = int_of(hands->counts, worker), paired = int_of(hands->pairs, 2 * worker + 1);
    seen[worker][COUNT] = counted < 0 ? 0 : (uint64_t)counted;
    seen[worker][PAIR] = (uint64_t)(paired + 1);
    see_latest(hands->latest, worker, of_kind(worker, finished, SET));
    look_at_root(hands->store, worker);
    for (enum kind kind = 0; kind < KINDS; kind++) {
        uint64_t done = of_kind(worker, finished, kind), most = of_kind(worker, progress->started, kind);
        if (kind != APPEND && kind != COUNT && kind != SET && kind != PAIR && kind != NEST)
            continue;
        if (seen[worker][kind] < done || seen[worker][kind] > most)
            fail("worker %llu did kind %d %llu times, and it was told of %llu of %llu", (unsigned long long)worker,
                 (int)kind, (unsigned long long)seen[worker][kind], (unsigned long long)done, (unsigned long long)most);
    }
}

/* The machine is started again, and whoever had the store open was killed; some had it in order. */
static void restart(void)
{
    comem_store *store;
    struct store_map *map;
    comem_status status = comem_unlink(brief_name);
    if (status != COMEM_NOT_FOUND)
        must(status, "comem_unlink");
    page->boot++;
    status = comem_open(name, NULL, &store);
    if (status == COMEM_OK) {
        comem_close(store);
    } else if (status == COMEM_DAMAGED) { /* in use when the machine stopped */
        OK(handle_open_repair(name, &map));
        handle_close_named(map);
    } else {
        must(status, "comem_open");
    }
}

/* There is nobody but the parent. */
static void look(void)
{
    struct hands hands;
    if (looks++ % 2 == 0)
        restart();
    hands_open(&hands);
    if (support_problems(handle_store_map(hands.store)) != 0)
        fail("store check has problems after %llu kills", (unsigned long long)kills);
    seen = calloc(workers + 1, sizeof *seen);
    see_log(hands.log);
    see_nested(&hands);
    read_pairs(hands.pairs);
    read_last(hands.last);
    look_at_jobs(hands.jobs);
    look_at_total(hands.total);
    for (uint64_t worker = 0; worker < workers; worker++)
        look_at_worker(&hands, worker);
    free(seen);
    hands_close(&hands);
}

/* ---- what must not be there ---- */

static uint64_t entries(const char *folder, const char *part)
{
    uint64_t count = 0;
    DIR *open = opendir(folder);
    if (open == NULL)
        fail("%s: %s", folder, strerror(errno));
    for (struct dirent *entry; (entry = readdir(open)) != NULL;)
        count += strstr(entry->d_name, part) != NULL;
    closedir(open);
    return count;
}

/* Without any name nothing is in use but what stays for good. */
static void take_all_away(void)
{
    comem_store *store;
    OK(comem_open(name, NULL, &store));
    struct store_map *map = handle_store_map(store);
    uint64_t stays = content_forget_names(store), used = support_used(map);
    for (uint64_t i = 1; i < LAYOUT_CHUNKS; i++)
        stays += (word_load(&map->header->slot_chunks[i]) != 0 ? SPAN_SIZE : 0) +
                 (word_load(&map->header->process_chunks[i]) != 0 ? SPAN_SIZE : 0);
    if (used != stays)
        fail("%llu bytes are in use that nobody should have", (unsigned long long)(used - stays));
    comem_close(store);
    OK(comem_unlink(name));
    comem_status status = comem_unlink(brief_name);
    if (status != COMEM_NOT_FOUND)
        must(status, "comem_unlink");
}

static void make_jobs(void)
{
    struct hands hands;
    hands_open(&hands);
    for (unsigned i = 0; i < JOBS; i++)
        OK(comem_list_append(hands.jobs, comem_int(i)));
    hands_close(&hands);
}

static void storm(uint64_t wanted)
{
    uint64_t next_look = KILLS_BETWEEN_LOOKS;
    for (unsigned i = 0; i < SEATS; i++)
        seat_begin(&seats[i]);
    for (unsigned i = 0; kills < wanted; i = (i + 1) % SEATS) {
        seat_end(&seats[i]);
        if (kills >= next_look) {
            for (unsigned k = 1; k < SEATS; k++)
                seat_end(&seats[(i + k) % SEATS]);
            look();
            for (unsigned k = 1; k < SEATS; k++)
                seat_begin(&seats[(i + k) % SEATS]);
            next_look = kills + KILLS_BETWEEN_LOOKS;
        }
        seat_begin(&seats[i]);
    }
    for (unsigned i = 0; i < SEATS; i++)
        seat_end(&seats[i]);
    look();
}

int main(int argc, char **argv)
{
    uint64_t wanted = KILLS_OTHERWISE, seed = (uint64_t)(support_seconds() * 1e6);
    if (argc == 6 && strcmp(argv[1], "--worker") == 0) {
        snprintf(name, sizeof name, "%s", argv[2]);
        snprintf(brief_name, sizeof brief_name, "%s-brief", name);
        worker_main(argv);
    }
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            seed = strtoull(argv[++i], NULL, 10);
        else if ((wanted = strtoull(argv[i], NULL, 10)) == 0)
            return fprintf(stderr, "usage: storm [KILLS] [--seed N]\n"), 2;
    }
    dice.state = seed;
    snprintf(name, sizeof name, "comem-storm-%d", getpid());
    snprintf(brief_name, sizeof brief_name, "%s-brief", name);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    page_fd = memfd_create("storm", 0); /* workers inherit it */
    if (page_fd < 0 || ftruncate(page_fd, sizeof *page) != 0)
        fail("memfd_create: %s", strerror(errno));
    page_map(page_fd);
    page->boot = 1;
    uint64_t descriptors = entries("/proc/self/fd", "");
    make_jobs();
    storm(wanted);
    take_all_away();
    if (entries("/dev/shm", name) != 0)
        fail("there are files of the stores in /dev/shm");
    if (entries("/proc/self/fd", "") != descriptors)
        fail("descriptors are left");
    uint64_t done = 0;
    for (uint64_t worker = 0; worker < workers; worker++)
        done += page->workers[worker].finished;
    printf("storm: %llu kills, %llu ends, %llu operations, seed %llu\n", (unsigned long long)kills,
           (unsigned long long)ended, (unsigned long long)done, (unsigned long long)seed);
    return 0;
}
