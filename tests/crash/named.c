/* named.c - stores by name whose makers, openers, importers, adopters and removers are killed at every store and every system call
 *
 * For each scenario the same state of the file system is prepared again and again, by a process of its own, and a victim runs the
 * operation: real processes, real files, deaths by SIGKILL.
 *
 *   stores   the victim dies before store 0, 1, 2 ... that it makes into the mapped file (hook.c counts them)
 *   calls    it dies before and after system call 0, 1, 2 ..., by ptrace
 *   twice    after some of these deaths who comes next is killed in the same way, before each of its stores in turn
 *   beside   it is stopped before and after each system call, another process does something with the name, and it goes on
 *
 * After each, somebody opens the name: what is there is a whole store as before or as after, store check finds nothing, it can
 * be worked with; or there is none, if there was none before or need be none after. No other file is there. The machine stops and
 * starts by another number in the place of os_boot().
 *
 * named [--tenth] [--seed N] [NAME...]   a tenth: of the deaths of the second
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "content.h"
#include "heap/check.h"
#include "hook.h"
#include "objects/dict_layout.h"
#include "objects/export.h"
#include "objects/handle.h"
#include "objects/list_layout.h"
#include "objects/mend.h"
#include "store/named.h"

#define DEATHS_MAX 20000u
#define TWICE 7u /* after one in so many deaths the next one is killed, too, at one in so many stores */
#define SECONDS_MAX 60u
#define FILE_MAX (8u << 20)
#define FAR_NAME "a name that takes a block of its own"

/* What somebody found who opened a name. */
struct report {
    comem_status status;
    uint64_t stores; /* that it made itself */
    char text[CONTENT_MAX];
};

struct scenario_of_names {
    const char *name;
    void (*prepare)(void);
    void (*operation)(void);
    bool restarted;      /* between the two the machine was started again */
    void (*other)(void); /* beside it; or NULL */
};

static char store_name[64], copy_name[72];
static struct report *report; /* shared */
static int exported;          /* a file without a name */
static const char *current = "";
static long long killed_at = -1, killed_twice = -1;
static const char *killed_by = "";
static unsigned part = 1, seed;
static uint64_t cuts;

void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "named: %s, %s %lld, next one's store %lld: ", current, killed_by, killed_at, killed_twice);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    _exit(1);
}

#define OK(call) expect(call, COMEM_OK, #call)
static void expect(comem_status status, comem_status expected, const char *what)
{
    if (status != expected)
        fail("%s: %s (%s)", what, comem_strerror(status), comem_detail());
}

/* ---- what the engine sees ---- */

static uint64_t boot_number = 1;

static uint64_t boot(void)
{
    return boot_number;
}

void *__real_os_memory_map(const struct os_memory *memory, uint64_t size);
void *__wrap_os_memory_map(const struct os_memory *memory, uint64_t size);
void __real_os_memory_unmap(void *base, uint64_t size);
void __wrap_os_memory_unmap(void *base, uint64_t size);

void *__wrap_os_memory_map(const struct os_memory *memory, uint64_t size)
{
    void *base = __real_os_memory_map(memory, size);
    if (base != NULL)
        hook_add_mapping(base, size);
    return base;
}

void __wrap_os_memory_unmap(void *base, uint64_t size)
{
    hook_forget_mappings(); /* none has two at a time */
    __real_os_memory_unmap(base, size);
}

/* ---- processes ---- */

static pid_t process_begin(void (*function)(void), uint64_t store)
{
    fflush(NULL);
    pid_t process = fork();
    if (process != 0)
        return process;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(SECONDS_MAX);
    hook_die_really();
    hook_arm(store);
    function();
    report->stores = hook_stores();
    _exit(0);
}

/* Whether it came to its end; false: it was killed, as it was to be. */
static bool process_ended(pid_t process)
{
    int status;
    if (process < 0 || waitpid(process, &status, 0) != process)
        fail("a process is lost: %s", strerror(errno));
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return false;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail("a process ended with status %#x", (unsigned)status);
    return true;
}

static void process_run(void (*function)(void))
{
    if (!process_ended(process_begin(function, HOOK_NEVER)))
        fail("a process was killed that should not be");
}

/* ---- how things are before ---- */

static void fill_store(void)
{
    comem_store *store;
    comem_list *words;
    comem_dict *counts;
    OK(comem_open(store_name, NULL, &store));
    OK(comem_root_list(store, "words", &words));
    OK(comem_root_dict(store, FAR_NAME, &counts));
    OK(comem_list_append(words, comem_int(1)));
    OK(comem_list_append(words, comem_str("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 36)));
    OK(comem_dict_set(counts, comem_int(2), comem_ref(words)));
    comem_list_release(words);
    comem_dict_release(counts);
    comem_close(store);
}

static void nothing(void)
{
}

static void stop_here(void)
{
    raise(SIGSTOP);
}

/* Stands still in the middle of an append, with the list's lock. */
static void stop_at_work(void)
{
    comem_store *store;
    comem_list *words;
    OK(comem_open(store_name, NULL, &store));
    OK(comem_root_list(store, "words", &words));
    hook_stop_writer(6, stop_here);
    comem_list_append(words, comem_str("bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", 36));
    fail("an append makes fewer stores than it did");
}

static pid_t begin_to_work(void)
{
    int status;
    pid_t process = process_begin(stop_at_work, HOOK_NEVER);
    if (waitpid(process, &status, WUNTRACED) != process || !WIFSTOPPED(status))
        fail("nobody stands in the middle of work");
    return process;
}

static void end_work(pid_t process)
{
    kill(process, SIGKILL);
    if (process_ended(process))
        fail("nobody died at work");
}

static void store_after_a_death(void)
{
    fill_store();
    end_work(begin_to_work());
}

/* Somebody is at work when the machine stops: the file is as he has left it, and nothing tells of his death. */
static void store_in_use(void)
{
    static char bytes[FILE_MAX];
    char path[NAMED_PATH_MAX];
    fill_store();
    pid_t process = begin_to_work();
    OK(named_path(store_name, path));
    int file = open(path, O_RDWR | O_CLOEXEC);
    ssize_t size = read(file, bytes, sizeof bytes);
    end_work(process);
    if (size <= 0 || size == FILE_MAX || pwrite(file, bytes, (size_t)size, 0) != size)
        fail("%s: %s", path, strerror(errno));
    close(file);
}

static void copy_file(const char *from, const char *to)
{
    char path[NAMED_PATH_MAX], page[4096];
    OK(named_path(from, path));
    int source = open(path, O_RDONLY | O_CLOEXEC);
    OK(named_path(to, path));
    int target = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    for (ssize_t size; (size = read(source, page, sizeof page)) > 0;)
        if (write(target, page, (size_t)size) != size)
            fail("write: %s", strerror(errno));
    if (source < 0 || target < 0)
        fail("%s: %s", path, strerror(errno));
    close(source);
    close(target);
}

static void store_and_copy(void)
{
    fill_store();
    copy_file(store_name, copy_name);
}

/* Of a store that somebody has open. */
static void store_in_use_and_copy(void)
{
    fill_store();
    pid_t process = begin_to_work();
    copy_file(store_name, copy_name);
    end_work(process);
}

/* Words that nobody wrote: a list that is never freed, a dict that readers wait for. */
static void damaged_store(void)
{
    comem_store *store;
    comem_list *words;
    comem_dict *counts;
    fill_store();
    OK(comem_open(store_name, NULL, &store));
    OK(comem_root_list(store, "words", &words));
    OK(comem_root_dict(store, FAR_NAME, &counts));
    word64 *links = &words->object.shared->links, *version = &counts->object.shared->version;
    word_store(links, word_load(links) + 3);
    word_store(version, word_load(version) | 1);
    comem_list_release(words);
    comem_dict_release(counts);
    comem_close(store);
}

/* ---- operations ---- */

static void make_store(void)
{
    comem_store *store;
    OK(comem_open(store_name, NULL, &store));
    comem_close(store);
}

static void open_store(void)
{
    const comem_options options = {.flags = COMEM_EXISTING};
    comem_store *store;
    comem_list *words;
    OK(comem_open(store_name, &options, &store));
    OK(comem_root_list(store, "words", &words));
    comem_list_release(words);
    comem_close(store);
}

/* With handles that are not given back. */
static void open_store_and_close_it_at_once(void)
{
    comem_store *store, *again;
    comem_value words;
    OK(comem_open(store_name, NULL, &store));
    OK(comem_open(store_name, NULL, &again));
    OK(comem_root(store, "words", &words));
    comem_close(again);
    comem_close(store);
    comem_value_clear(&words);
}

static void unlink_store(void)
{
    OK(comem_unlink(store_name));
}

static void unlink_store_in_use(void)
{
    comem_store *store;
    comem_list *words;
    OK(comem_open(store_name, NULL, &store));
    OK(comem_root_list(store, "words", &words));
    OK(comem_unlink(store_name));
    comem_list_release(words);
    comem_close(store);
}

static void repair(const char *name)
{
    struct store_map *map;
    OK(handle_open_repair(name, &map));
    handle_close_named(map);
}

static void tell_nobody(void *context, const char *said, bool mended)
{
    (void)context;
    (void)said;
    (void)mended;
}

static void mend(void)
{
    comem_store store = {0};
    struct mend_result result;
    OK(handle_open_repair(store_name, &store.map));
    OK(mend_store(&store, tell_nobody, NULL, &result));
    if (result.left != 0)
        fail("%llu problems are left", (unsigned long long)result.left);
    handle_close_named(store.map);
}

static void repair_store(void)
{
    repair(store_name);
}

static void repair_copy(void)
{
    repair(copy_name);
}

static void open_copy(void)
{
    comem_store *store;
    OK(comem_open(copy_name, NULL, &store));
    comem_close(store);
}

static FILE *stream_of(const char *mode)
{
    FILE *stream = fdopen(dup(exported), mode);
    if (stream == NULL || lseek(exported, 0, SEEK_SET) != 0)
        fail("the exported store: %s", strerror(errno));
    return stream;
}

static void export_store(void)
{
    comem_store *store;
    FILE *stream = stream_of("w");
    OK(comem_open(store_name, NULL, &store));
    OK(export_write(store, stream));
    fclose(stream);
    comem_close(store);
}

static void import_store(void)
{
    FILE *stream = stream_of("r");
    OK(import_new(store_name, stream));
    fclose(stream);
}

/* It is exported, and removed. */
static void exported_store(void)
{
    fill_store();
    export_store();
    OK(comem_unlink(store_name));
}

/* ---- beside others: what may be there, or not ---- */

static void append_to_store(void)
{
    comem_store *store;
    comem_list *words;
    OK(comem_open(store_name, NULL, &store));
    OK(comem_root_list(store, "words", &words));
    OK(comem_list_append(words, comem_int(7)));
    comem_list_release(words);
    comem_close(store);
}

static void import_if_free(void)
{
    FILE *stream = stream_of("r");
    comem_status status = import_new(store_name, stream);
    if (status != COMEM_INVALID) /* the name is taken */
        expect(status, COMEM_OK, "import_new");
    fclose(stream);
}

static void unlink_if_there(void)
{
    comem_status status = comem_unlink(store_name);
    if (status != COMEM_NOT_FOUND)
        expect(status, COMEM_OK, "comem_unlink");
}

static void unlink_and_make(void)
{
    unlink_if_there();
    make_store();
}

/* ---- looking ---- */

static bool mends;   /* who looks mends the store first */
static bool repairs; /* who looks may find that the machine stopped while the store was in use */

static void problem(void *context, const char *what)
{
    (void)context;
    fail("store check: %s", what);
}

static void go_on(comem_store *store)
{
    comem_list *list;
    comem_value item;
    OK(comem_root_list(store, "of who comes next", &list));
    for (unsigned i = 0; i < 20; i++)
        OK(comem_list_append(list, comem_str("cccccccccccccccccccccc", 22)));
    OK(comem_list_pop(list, &item));
    comem_value_clear(&item);
    comem_list_release(list);
    OK(comem_root_remove(store, "of who comes next"));
}

static const char *looked_at; /* the name of the scenario's store */

/* Opens it, and takes away what the dead have left. NULL: there is none. */
static comem_store *come(void)
{
    const comem_options options = {.flags = COMEM_EXISTING};
    struct participant *me;
    comem_store *store = NULL;
    if (mends)
        mend();
    report->status = comem_open(looked_at, &options, &store);
    if (report->status == COMEM_DAMAGED && repairs) {
        repair(looked_at);
        report->status = comem_open(looked_at, &options, &store);
    }
    if (report->status != COMEM_OK)
        return NULL;
    OK(participant_enter_slow(handle_store_map(store), &me));
    repair_sweep(me);
    while (heap_relieve(me))
        ;
    participant_leave(me);
    return store;
}

static void come_and_go(void)
{
    comem_close(come());
}

static void look(void)
{
    comem_list *const no_lists[LISTS] = {NULL};
    comem_dict *const no_dicts[DICTS] = {NULL};
    comem_variable *const no_variables[VARIABLES] = {NULL};
    comem_store *store = come();
    report->text[0] = 0;
    if (store == NULL)
        return;
    store_check(handle_store_map(store), problem, NULL);
    strcpy(report->text, content_text(store, no_lists, no_dicts, no_variables));
    go_on(store);
    store_check(handle_store_map(store), problem, NULL);
    comem_close(store);
}

/* Files of this test. */
static unsigned files(void)
{
    unsigned count = 0;
    DIR *folder = opendir(NAMED_FOLDER);
    if (folder == NULL)
        fail("%s: %s", NAMED_FOLDER, strerror(errno));
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        count += strstr(entry->d_name, store_name) != NULL;
    closedir(folder);
    return count;
}

static void remove_files(void)
{
    const char *const names[] = {store_name, copy_name};
    char path[NAMED_PATH_MAX];
    for (unsigned i = 0; i < 2; i++) {
        OK(named_path(names[i], path));
        unlink(path);
    }
    if (files() != 0)
        fail("a file of another name was made");
}

/* ---- one history ---- */

static const struct scenario_of_names *scenario;
static struct report before, after;

/* Until it has come to its end, the store asks for that. */
static bool repairs_itself(void)
{
    return scenario->operation == repair_store || scenario->operation == repair_copy;
}

static void prepare(void)
{
    remove_files();
    boot_number = 1;
    process_run(scenario->prepare);
    boot_number = scenario->restarted ? 2 : 1;
}

static bool is(const struct report *expected)
{
    return report->status == expected->status && strcmp(report->text, expected->text) == 0;
}

static void look_and_compare(void)
{
    unsigned there = files();
    process_run(look);
    if (!is(&before) && !is(&after))
        fail("the store is as neither before nor after: %s, '%s'", comem_strerror(report->status), report->text);
    if (there != files() || there > 1 + (looked_at == copy_name) ||
        (report->status == COMEM_OK) != (there > (looked_at == copy_name)))
        fail("there are %u files", there);
}

/* The next one finds the store, and dies before its store `at`, too. */
static void look_twice(uint64_t death)
{
    for (uint64_t at = (death * 31 + seed) % (TWICE * part); at < DEATHS_MAX; at += TWICE * part) {
        prepare();
        pid_t victim = process_begin(scenario->operation, death);
        if (process_ended(victim))
            fail("fewer stores than before");
        killed_twice = (long long)at;
        if (process_ended(process_begin(come_and_go, at)))
            break;
        cuts++;
        look_and_compare();
    }
    killed_twice = -1;
}

static uint64_t kill_at_stores(void)
{
    killed_by = "store";
    for (uint64_t at = 0; at < DEATHS_MAX; at++) {
        killed_at = (long long)at;
        prepare();
        if (process_ended(process_begin(scenario->operation, at)))
            return at;
        cuts++;
        look_and_compare();
        if (scenario->restarted) { /* and the machine stops once more */
            prepare();
            process_ended(process_begin(scenario->operation, at));
            boot_number = 3;
            repairs = true;
            look_and_compare();
            repairs = repairs_itself();
            cuts++;
        }
        if ((at + seed) % (TWICE * part) == 0)
            look_twice(at);
    }
    fail("the operation does not come to an end");
}

/* ---- system calls ---- */

static void traced_operation(void)
{
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        _exit(77);
    raise(SIGSTOP);
    scenario->operation();
}

/* A victim that stands before or after its system call `at`; 0 if it came to its end before, -1 without ptrace. */
static pid_t bring_to_call(uint64_t at)
{
    int status;
    pid_t victim = process_begin(traced_operation, HOOK_NEVER);
    for (uint64_t calls = 0; waitpid(victim, &status, 0) == victim; calls++) {
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
            return -1;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
            return 0;
        if (!WIFSTOPPED(status) || (WSTOPSIG(status) != SIGTRAP && WSTOPSIG(status) != SIGSTOP))
            break;
        if (calls == at + 1)
            return victim;
        ptrace(PTRACE_SYSCALL, victim, NULL, NULL);
    }
    fail("the victim ended with status %#x", (unsigned)status);
}

static uint64_t kill_at_calls(void)
{
    killed_by = "call";
    for (uint64_t at = 0; at < DEATHS_MAX; at++) {
        killed_at = (long long)at;
        prepare();
        pid_t victim = bring_to_call(at);
        if (victim <= 0)
            return victim == 0 ? at : 0;
        kill(victim, SIGKILL);
        if (process_ended(victim))
            fail("the victim did not die");
        cuts++;
        look_and_compare();
    }
    fail("the operation does not come to an end");
}

/* Another one does something while the victim is stopped; if it has to wait for that, both go on. */
static uint64_t stop_at_calls(void)
{
    killed_by = "stopped at call";
    for (uint64_t at = 0; at < DEATHS_MAX; at++) {
        siginfo_t ended = {.si_pid = 0};
        killed_at = (long long)at;
        prepare();
        pid_t victim = bring_to_call(at);
        if (victim <= 0)
            return victim == 0 ? at : 0;
        pid_t other = process_begin(scenario->other, HOOK_NEVER);
        for (unsigned naps = 0; naps < 100 && ended.si_pid == 0; naps++) {
            nanosleep(&(struct timespec){.tv_nsec = 300000}, NULL);
            waitid(P_PID, (id_t)other, &ended, WEXITED | WNOHANG | WNOWAIT);
        }
        ptrace(PTRACE_DETACH, victim, NULL, NULL);
        if (!process_ended(victim) || !process_ended(other))
            fail("one of the two was killed");
        cuts++;
        process_run(look);
        if ((report->status != COMEM_OK && report->status != COMEM_NOT_FOUND) || files() > 1)
            fail("afterwards: %s, and %u files", comem_strerror(report->status), files());
        if (scenario->other == append_to_store && !is(&after))
            fail("afterwards the store is not as both left it: '%s'", report->text);
    }
    fail("the operation does not come to an end");
}

/* ---- all of them ---- */

static const struct scenario_of_names scenarios[] = {
    {"make a store by name", nothing, make_store, false, NULL},
    {"open a store by name", fill_store, open_store, false, NULL},
    {"close a store with handles", fill_store, open_store_and_close_it_at_once, false, NULL},
    {"open a store after a death", store_after_a_death, open_store, false, NULL},
    {"unlink a store", fill_store, unlink_store, false, NULL},
    {"unlink a store in use", fill_store, unlink_store_in_use, false, NULL},
    {"open a store of the last start", fill_store, open_store, true, NULL},
    {"repair a store of the last start", store_in_use, repair_store, true, NULL},
    {"open a copy", store_and_copy, open_copy, false, NULL},
    {"repair a copy of a store in use", store_in_use_and_copy, repair_copy, false, NULL},
    {"mend a damaged store", damaged_store, mend, false, NULL},
    {"export a store", fill_store, export_store, false, NULL},
    {"import a store", exported_store, import_store, false, NULL},
    {"import a store beside a maker", exported_store, import_if_free, false, make_store},
    {"make a store beside an import", exported_store, make_store, false, import_if_free},
    {"make a store beside a maker", nothing, append_to_store, false, append_to_store},
    {"open a store of the last start beside another", fill_store, append_to_store, true, append_to_store},
    {"make a store beside one who unlinks it", nothing, make_store, false, unlink_if_there},
    {"open or make a store beside one who replaces it", fill_store, make_store, false, unlink_and_make},
    {"unlink a store beside one who replaces it", fill_store, unlink_if_there, false, unlink_and_make},
    {NULL, NULL, NULL, false, NULL},
};

/* What there is before and after, with nobody killed. */
static void look_before_and_after(void)
{
    killed_by = "nobody killed";
    killed_at = -1;
    looked_at = scenario->operation == open_copy || scenario->operation == repair_copy ? copy_name : store_name;
    mends = scenario->operation == mend;
    prepare();
    repairs = true;
    process_run(look);
    before = *report;
    prepare();
    process_run(scenario->operation);
    if (scenario->other != NULL)
        process_run(scenario->other);
    repairs = repairs_itself();
    process_run(look);
    after = *report;
}

static void run(void)
{
    uint64_t stores = 0, calls;
    cuts = 0;
    look_before_and_after();
    if (scenario->other == NULL) {
        stores = kill_at_stores();
        calls = kill_at_calls();
    } else {
        calls = stop_at_calls();
    }
    remove_files();
    printf("%-48s %5llu stores %4llu calls %7llu cuts\n", scenario->name, (unsigned long long)stores,
           (unsigned long long)calls, (unsigned long long)cuts);
    fflush(stdout);
}

static bool wanted(const char *name, int count, char **names)
{
    for (int i = 0; i < count; i++)
        if (strstr(name, names[i]) != NULL)
            return true;
    return count == 0;
}

int main(int argc, char **argv)
{
    int first = 1, status;
    unsigned failed = 0, passed = 0;
    seed = (unsigned)time(NULL);
    for (; first < argc && argv[first][0] == '-'; first++) {
        if (strcmp(argv[first], "--tenth") == 0)
            part = 10;
        else if (strcmp(argv[first], "--seed") == 0 && first + 1 < argc)
            seed = (unsigned)strtoul(argv[++first], NULL, 10);
        else
            return fprintf(stderr, "usage: named [--tenth] [--seed N] [NAME...]\n"), 2;
    }
    os_seam_boot = boot;
    snprintf(store_name, sizeof store_name, "crash-%d", getpid());
    snprintf(copy_name, sizeof copy_name, "%s-copy", store_name);
    report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (report == MAP_FAILED)
        fail("mmap: %s", strerror(errno));
    exported = memfd_create("exported", MFD_CLOEXEC);
    printf("named: seed %u\n", seed);
    for (scenario = scenarios; scenario->name != NULL; scenario++) {
        if (!wanted(scenario->name, argc - first, argv + first))
            continue;
        current = scenario->name;
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
            run();
            _exit(0);
        }
        bool well = waitpid(child, &status, 0) == child && status == 0;
        passed += well;
        failed += !well;
    }
    remove_files();
    printf("named: %u passed, %u failed\n", passed, failed);
    return failed != 0;
}
