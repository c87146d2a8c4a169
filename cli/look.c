/* look.c - finding stores and opening them, to look at or to take part in
 *
 * A look       is a mapping that can only be read. It takes no lock and no slot, so it works beside a process that is stopped
 *              with a lock, and nobody notices. What is read may be wrong by the time it is used, or be damage from the
 *              start: the engine's readers check every offset against the size that the file has. If the file is cut short
 *              afterwards, the kernel's signal ends the look with a sentence (look_guarded).
 * Own stores   have no name. They are found as descriptors of living processes, in /proc; of a process that has several, the
 *              one with the lowest number came first and is its program's own. Processes of other users cannot be looked
 *              into, and are passed over.
 */
#include "look.h"
#include "cli.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "objects/handle.h"
#include "store/named.h"

/* ---- descriptors of processes ---- */

/* The number that `text` is, 0 and more; -1: none. */
static int number_of(const char *text)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    bool valid = text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && number <= INT32_MAX;
    return valid ? (int)number : -1;
}

static void place_descriptor(struct place *place, int pid, int descriptor)
{
    place->pid = pid;
    place->descriptor = descriptor;
    snprintf(place->path, sizeof place->path, "/proc/%d/fd/%d", pid, descriptor);
    snprintf(place->name, sizeof place->name, "pid:%d", pid);
}

/* Whether a descriptor may be of a store without a name: a memfd of ours, or a file on /dev/shm that was unlinked. */
static bool may_be_store(const char *path)
{
    char target[LOOK_PATH_MAX];
    struct stat status;
    ssize_t size = readlink(path, target, sizeof target - 1);
    if (size < 0)
        return false;
    target[size] = '\0';
    bool memfd = strncmp(target, "/memfd:comem", 12) == 0, shm = strncmp(target, "/dev/shm/", 9) == 0;
    return (memfd || shm) && stat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 0;
}

/* Calls `visit` for each descriptor of the process that may be a store, the lowest first, until it says false. */
static void visit_descriptors(int pid, bool (*visit)(void *context, const struct place *place), void *context)
{
    struct place place;
    char folder[64];
    int last = -1;
    snprintf(folder, sizeof folder, "/proc/%d/fd", pid);
    for (bool more = true; more;) {
        DIR *directory = opendir(folder);
        int next = INT32_MAX;
        if (directory == NULL)
            return;
        for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
            int number = number_of(entry->d_name);
            if (number <= last || number >= next)
                continue;
            place_descriptor(&place, pid, number);
            if (may_be_store(place.path))
                next = number;
        }
        closedir(directory);
        if (next == INT32_MAX)
            return;
        last = next;
        place_descriptor(&place, pid, next);
        more = visit(context, &place);
    }
}

/* ---- opening ---- */

/* Opens what a descriptor of a process is of. */
static comem_status open_descriptor(const char *path, int *fd)
{
    struct stat status;
    *fd = -1;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
        return store_error(COMEM_UNSUPPORTED, "this is no comem store");
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (*fd >= 0)
        return COMEM_OK;
    return store_error(errno == ENOENT ? COMEM_NOT_FOUND : COMEM_DENIED, "%s", strerror(errno));
}

comem_status look_open(const struct place *place, struct look *look)
{
    struct os_memory memory = {.fd = -1};
    comem_status status = handle_init();
    if (status == COMEM_OK)
        status = place->pid != 0 ? open_descriptor(place->path, &memory.fd) : named_look(place->path, &memory);
    look->place = *place;
    return status == COMEM_OK ? store_map_look(memory.fd, &look->map) : status;
}

/* Complains. Who gives a number that is no store's name may mean a process. */
static int fail_open(const struct place *place, comem_status status)
{
    if (status != COMEM_NOT_FOUND || place->pid != 0 || number_of(place->name) <= 0)
        return cli_fail_at(place->name, status);
    return cli_fail("%s: there is no such store; that of process %s is pid:%s", place->path, place->name, place->name);
}

void look_close(struct look *look)
{
    store_map_free(look->map);
}

struct first_store {
    struct place place;
    bool found;
};

static bool is_own(void *context, const struct place *place)
{
    struct first_store *first = context;
    struct look look;
    if (look_open(place, &look) != COMEM_OK)
        return true;
    first->found = look.map->header->named == 0;
    first->place = *place;
    look_close(&look);
    return !first->found;
}

/* pid:N */
static bool find_process(const char *store, struct place *place)
{
    struct first_store first = {.found = false};
    char folder[64];
    int pid = number_of(store + 4);
    if (pid <= 0) {
        cli_fail("pid:N takes the number of a process, not %s", store + 4);
        return false;
    }
    snprintf(folder, sizeof folder, "/proc/%d/fd", pid);
    if (access(folder, R_OK | X_OK) != 0) {
        cli_fail(errno == ENOENT ? "there is no process %d"
                                 : "process %d is another user's, or lets nobody look into it",
                 pid);
        return false;
    }
    visit_descriptors(pid, is_own, &first);
    if (!first.found)
        cli_fail("process %d has no store of its own", pid);
    *place = first.place;
    return first.found;
}

bool look_find(const char *store, struct place *place)
{
    int pid, descriptor, size = 0;
    *place = (struct place){.pid = 0};
    if (strncmp(store, "pid:", 4) == 0)
        return find_process(store, place);
    bool own = sscanf(store, "/proc/self/fd/%d%n", &descriptor, &size) == 1 && store[size] == '\0';
    bool others = !own && sscanf(store, "/proc/%d/fd/%d%n", &pid, &descriptor, &size) == 2 && store[size] == '\0';
    if (own || (others && pid > 0)) {
        pid = own ? (int)getpid() : pid;
        place_descriptor(place, pid, descriptor);
        snprintf(place->name, sizeof place->name, "%s", place->path);
        return true;
    }
    comem_status status = named_path(store, place->path);
    snprintf(place->name, sizeof place->name, "%s", store);
    if (status != COMEM_OK)
        cli_fail_at(store, status);
    return status == COMEM_OK;
}

/* ---- a look, guarded ---- */

static _Thread_local sigjmp_buf cut_short;
static _Thread_local volatile sig_atomic_t guarded;
static struct sigaction handler_before;

static void on_bus_error(int number, siginfo_t *information, void *context)
{
    if (guarded)
        siglongjmp(cut_short, 1);
    sigaction(number, &handler_before, NULL); /* another thread's: it happens again, and is met as it would have been */
    (void)information;
    (void)context;
}

int look_guarded(struct look *look, int (*work)(struct look *look, void *context), void *context)
{
    struct sigaction handler = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO | SA_NODEFER};
    volatile int code = CLI_PROBLEM;
    sigaction(SIGBUS, &handler, &handler_before);
    if (sigsetjmp(cut_short, 1) == 0) {
        guarded = 1;
        code = work(look, context);
    } else {
        store_detail("the file was cut short while it was looked at");
        cli_fail_at(look->place.name, COMEM_DAMAGED);
    }
    guarded = 0;
    sigaction(SIGBUS, &handler_before, NULL);
    return code;
}

int look_at(const char *store, int (*work)(struct look *look, void *context), void *context)
{
    struct place place;
    struct look look;
    if (!look_find(store, &place))
        return CLI_PROBLEM;
    comem_status status = look_open(&place, &look);
    if (status != COMEM_OK)
        return fail_open(&place, status);
    int code = look_guarded(&look, work, context);
    look_close(&look);
    return code;
}

/* ---- taking part ---- */

/* A store without a name is reached as an object of it would be that its process had sent. */
static comem_status join_process(const struct place *place, comem_store **joined)
{
    struct look look;
    struct store_map *map;
    comem_status status = look_open(place, &look);
    if (status != COMEM_OK)
        return status;
    struct object_name name = {
        .sender = place->pid, .pid_namespace = os_pid_namespace(), .boot = os_boot(), .descriptor = place->descriptor};
    for (size_t i = 0; i < sizeof name.store; i++)
        name.store[i] = look.map->id[i];
    look_close(&look);
    status = handle_reach(&name, &map);
    if (status != COMEM_OK)
        return status;
    *joined = calloc(1, sizeof **joined);
    if (*joined == NULL)
        return store_error(COMEM_NO_MEMORY, "malloc of %zu bytes failed", sizeof **joined);
    (*joined)->map = map;
    return COMEM_OK;
}

bool look_join(const char *store, comem_store **joined, struct place *place)
{
    const comem_options options = {.flags = COMEM_EXISTING};
    if (!look_find(store, place))
        return false;
    place->alone = participant_tls == NULL;
    comem_status status = place->pid != 0 ? join_process(place, joined) : comem_open(store, &options, joined);
    if (status != COMEM_OK)
        fail_open(place, status);
    return status == COMEM_OK;
}

void look_leave(comem_store *store, const struct place *place)
{
    comem_close(store); /* leaves a store that has a name */
    if (place->pid != 0 && place->alone)
        store_detach_process();
}

/* ---- all stores ---- */

struct known_store {
    struct place place;
    uint64_t device, inode;
    uint64_t started; /* when its process began */
};

struct search {
    struct known_store *stores;
    size_t count;
    uint64_t started; /* of the process that is looked into */
};

/* When a process began, in ticks; UINT64_MAX: not known. */
static uint64_t process_start(int pid)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *stream = fopen(path, "re");
    size_t size = stream == NULL ? 0 : fread(text, 1, sizeof text - 1, stream);
    if (stream != NULL)
        fclose(stream);
    text[size] = '\0';
    const char *at = strrchr(text, ')'); /* the name before it may have anything in it; the time is the 20th after it */
    for (unsigned i = 0; at != NULL && i < 20; i++)
        at = strchr(at + 1, ' ');
    return at == NULL ? UINT64_MAX : strtoull(at, NULL, 10);
}

/* Of several processes that have a store, it is called after the oldest. */
static bool add_store(void *context, const struct place *place)
{
    struct search *search = context;
    struct stat status;
    if (stat(place->path, &status) != 0)
        return true;
    for (size_t i = 0; i < search->count; i++) {
        struct known_store *known = &search->stores[i];
        if (known->device != (uint64_t)status.st_dev || known->inode != (uint64_t)status.st_ino)
            continue;
        if (place->pid != known->place.pid && search->started < known->started) {
            known->place = *place;
            known->started = search->started;
        }
        return true;
    }
    struct known_store *stores = realloc(search->stores, (search->count + 1) * sizeof *stores);
    if (stores == NULL)
        return false;
    search->stores = stores;
    stores[search->count++] =
        (struct known_store){*place, (uint64_t)status.st_dev, (uint64_t)status.st_ino, search->started};
    return true;
}

static void search_processes(struct search *search)
{
    DIR *directory = opendir("/proc");
    for (const struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        int pid = number_of(entry->d_name);
        if (pid <= 0)
            continue;
        search->started = process_start(pid);
        visit_descriptors(pid, add_store, search);
    }
    if (directory != NULL)
        closedir(directory);
}

/* Files that are named as stores are, of this user; root sees everybody's, by their paths. */
static void search_files(struct search *search)
{
    DIR *directory = opendir(NAMED_FOLDER);
    for (const struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        unsigned user;
        int size = 0;
        const char *name = named_name(entry->d_name);
        bool is_store = sscanf(entry->d_name, "comem-%u-%n", &user, &size) == 1 && size > 0;
        if (name == NULL && !(is_store && geteuid() == 0))
            continue;
        struct place place = {.pid = 0};
        snprintf(place.path, sizeof place.path, NAMED_FOLDER "/%s", entry->d_name);
        snprintf(place.name, sizeof place.name, "%s", name != NULL ? name : place.path);
        add_store(search, &place);
    }
    if (directory != NULL)
        closedir(directory);
}

static int by_name(const void *one, const void *other)
{
    const struct place *first = &((const struct known_store *)one)->place;
    const struct place *second = &((const struct known_store *)other)->place;
    if ((first->pid == 0) != (second->pid == 0))
        return first->pid == 0 ? -1 : 1;
    if (first->pid != second->pid)
        return first->pid < second->pid ? -1 : 1;
    return first->pid == 0 ? strcmp(first->name, second->name) : first->descriptor - second->descriptor;
}

void look_for_all(void (*visit)(void *context, const struct place *place), void *context)
{
    struct search search = {.stores = NULL};
    search_files(&search);
    search_processes(&search);
    if (search.count > 0)
        qsort(search.stores, search.count, sizeof *search.stores, by_name);
    for (size_t i = 0; i < search.count; i++) {
        struct known_store *store = &search.stores[i];
        if (i > 0 && store->place.pid != 0 && store->place.pid == store[-1].place.pid) /* pid:N is another one */
            snprintf(store->place.name, sizeof store->place.name, "%s", store->place.path);
        visit(context, &store->place);
    }
    free(search.stores);
}
