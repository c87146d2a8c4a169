/* test_named_files.c - which files are stores: their names, kinds, contents, copies, file systems */
#include "named_support.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "objects/value.h"
#include "store/named.h"

/* ---- names ---- */

/* A name that leads elsewhere than to one file of its own would be somebody else's file. */
static void a_name_that_is_none_is_refused(void **state)
{
    static char long_name[202], long_path[NAMED_PATH_MAX + 1];
    char path[NAMED_PATH_MAX];
    comem_store *store = (comem_store *)(void *)long_name;
    memset(long_name, 'x', sizeof long_name - 1);
    memset(long_path, '/', sizeof long_path - 1);
    long_path[sizeof long_path - 2] = 'x';
    const char *const names[] = {"",         ".",           ".hidden",
                                 "..",       "a:b",         "a\nb",
                                 "a\x7f",    "a\xc2\x85",   "\xff",
                                 "a\xc3",    "\xe2\x82",    "\xed\xa0\x80",
                                 "\xc0\xaf", "\xf8",        "\xf4\x90\x80\x80",
                                 "folder/",  "/",           long_name,
                                 long_path,  "\xe0\x80\xaf"};
    (void)state;
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_status(COMEM_INVALID, comem_open(names[i], NULL, &store));
        assert_null(store);
        assert_status(COMEM_INVALID, comem_unlink(names[i]));
        assert_true(comem_detail()[0] != '\0');
    }
    assert_status(COMEM_INVALID, comem_unlink(NULL));
    long_name[200] = '\0';
    assert_ok(named_path(long_name, path));
    assert_ok(named_path("\xc3\xa9t\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x8d", path));
    assert_ok(named_path("./here", path));
    assert_string_equal(path, "./here");
}

/* Who lists stores would show what is none, or not what there is. */
static void a_name_is_found_in_its_files_name_again(void **state)
{
    const char *path = path_of("a name");
    char foreign[64];
    (void)state;
    assert_int_equal(strncmp(path, NAMED_FOLDER "/comem-", 15), 0);
    assert_string_equal(named_name(strrchr(path, '/') + 1), "a name");
    snprintf(foreign, sizeof foreign, "comem-%u-a name", os_user() + 1);
    assert_null(named_name(foreign));
    assert_null(named_name("comem-"));
    snprintf(foreign, sizeof foreign, "comem-%u-", os_user());
    assert_null(named_name(foreign));
    snprintf(foreign, sizeof foreign, "comem-%u-.x", os_user());
    assert_null(named_name(foreign));
}

/* ---- what is refused ---- */

/* Opens, and looks that nothing was changed about it; what it said is in comem_detail(). */
static void assert_refused(comem_status expected, const char *name, const char *sentence)
{
    comem_store *store;
    assert_status(expected, comem_open(name, NULL, &store));
    assert_null(store);
    assert_detail(sentence);
    assert_detail(path_of(name));
}

static void what_is_no_plain_file_of_ones_own_is_refused(void **state)
{
    const char *name = own_name("odd"), *other = own_name("other");
    char path[NAMED_PATH_MAX];
    (void)state;
    strcpy(path, path_of(name));
    comem_close(opened(other));

    assert_int_equal(symlink(path_of(other), path), 0);
    assert_refused(COMEM_DENIED, name, "symbolic link");
    assert_status(COMEM_DENIED, comem_unlink(name));
    unlink(path);
    assert_int_equal(symlink("/nowhere/at/all", path), 0); /* nor is a store made at its end */
    assert_refused(COMEM_DENIED, name, "symbolic link");
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_refused(COMEM_UNSUPPORTED, name, "folder");
    assert_status(COMEM_UNSUPPORTED, comem_unlink(name));
    rmdir(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_refused(COMEM_UNSUPPORTED, name, "no plain file");
    unlink(path);
    assert_int_equal(chmod(path_of(other), 0640), 0);
    assert_refused(COMEM_DENIED, other, "others than its owner");
    assert_int_equal(chmod(path_of(other), 0600), 0);
    assert_ok(open_existing(other));
    assert_ok(comem_unlink(other));
    assert_status(COMEM_NOT_FOUND, comem_open("/nowhere/at/all", NULL, &(comem_store *){NULL}));
    assert_detail("no such folder");
}

/* ---- what is in the file ---- */

/* Writes over the store's file, closed, and says what opening it answers. */
static void assert_damage_refused(const char *name, uint64_t offset, uint64_t word, comem_status expected,
                                  const char *sentence)
{
    uint64_t before;
    int fd = open(path_of(name), O_RDWR | O_CLOEXEC);
    assert_int_equal(pread(fd, &before, sizeof before, (off_t)offset), sizeof before);
    assert_int_equal(pwrite(fd, &word, sizeof word, (off_t)offset), sizeof word);
    assert_refused(expected, name, sentence);
    assert_int_equal(pwrite(fd, &before, sizeof before, (off_t)offset), sizeof before);
    close(fd);
    assert_ok(open_existing(name));
}

static void what_is_no_sound_store_is_refused(void **state)
{
    const char *name = own_name("odd");
    (void)state;
    comem_close(opened(name));
    assert_damage_refused(name, offsetof(struct store_header, magic), 1, COMEM_UNSUPPORTED, "no comem store");
    assert_damage_refused(name, offsetof(struct store_header, fingerprint), 1, COMEM_UNSUPPORTED, "another version");
    assert_damage_refused(name, offsetof(struct store_header, named), 0, COMEM_UNSUPPORTED, "a program's own");
    assert_damage_refused(name, offsetof(struct store_header, window), 4096, COMEM_DAMAGED, "contradicts itself");
    assert_damage_refused(name, offsetof(struct store_header, committed), UINT64_C(1) << 33, COMEM_DAMAGED,
                          "cut short");
    assert_damage_refused(name, offsetof(struct store_header, committed), 8, COMEM_DAMAGED, "contradicts itself");
    const off_t sizes[] = {80000000, 70000, 10000, 8};
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_int_equal(truncate(path_of(name), sizes[i] < 75000000 ? sizes[i] : 75000000), 0);
        assert_refused(COMEM_DAMAGED, name, "cut short");
    }
    assert_int_equal(truncate(path_of(name), 0), 0);
    assert_refused(COMEM_UNSUPPORTED, name, "no comem store");
    assert_status(COMEM_UNSUPPORTED, comem_unlink(name));
    assert_true(exists(path_of(name)));
    unlink(path_of(name));
}

/* A store of another version could never be got rid of. */
static void a_store_of_another_version_can_be_removed(void **state)
{
    const char *name = own_name("old");
    uint64_t other = 1;
    (void)state;
    comem_close(opened(name));
    int fd = open(path_of(name), O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite(fd, &other, sizeof other, offsetof(struct store_header, fingerprint)), sizeof other);
    close(fd);
    assert_ok(comem_unlink(name));
    assert_false(exists(path_of(name)));
}

/* ---- other users ---- */

#define NOBODY 65534

struct theirs {
    const char *path;   /* of a store */
    const char *folder; /* that others may not enter */
};

static int as_another(void *argument)
{
    const struct theirs *theirs = argument;
    const char *path = theirs->path;
    char within[64];
    comem_store *store;
    snprintf(within, sizeof within, "%s/store", theirs->folder);
    child_check(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
    child_check(comem_open(path, NULL, &store) == COMEM_DENIED);
    child_check(strstr(comem_detail(), "another user") != NULL);
    child_check(comem_unlink(path) == COMEM_DENIED);
    child_check(comem_open(within, NULL, &store) == COMEM_DENIED);
    return 0;
}

/* What one user stores another could read, change, or break. */
static void the_store_of_another_user_is_refused(void **state)
{
    const char *name = own_name("theirs"), *path = path_of(name);
    char folder[] = "/dev/shm/named-test-XXXXXX";
    struct theirs theirs = {path, folder};
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_non_null(mkdtemp(folder)); /* with mode 0700 */
    comem_close(opened(name));
    assert_int_equal(support_run(as_another, &theirs), 0);
    assert_int_equal(rmdir(folder), 0);
    assert_true(exists(path));
    assert_int_equal(chown(path, NOBODY, NOBODY), 0);
    assert_refused(COMEM_DENIED, name, "another user"); /* not even root: it is theirs to change at any time */
    assert_status(COMEM_DENIED, comem_unlink(name));
    unlink(path);
}

/* ---- limits ---- */

static int small_address_space(void *argument)
{
    struct rlimit limit = {UINT64_C(8) << 30, UINT64_C(8) << 30};
    comem_store *store;
    child_check(setrlimit(RLIMIT_AS, &limit) == 0);
    child_check(comem_open(argument, NULL, &store) == COMEM_NO_MEMORY && store == NULL);
    child_check(strstr(comem_detail(), "ulimit -v") != NULL);
    return 0;
}

static int small_files(void *argument)
{
    struct rlimit limit = {MIB, MIB};
    comem_store *store;
    child_check(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    child_check(comem_open(argument, NULL, &store) == COMEM_NO_MEMORY && store == NULL);
    return 0;
}

/* The window would be mapped in part, or SIGXFSZ would kill. */
static void limits_of_the_process_are_errors(void **state)
{
    char name[64], other[64];
    (void)state;
    strcpy(name, own_name("limits"));
    strcpy(other, own_name("files"));
    comem_close(opened(name));
    if (!support_sanitized())
        assert_int_equal(support_run(small_address_space, name), 0);
    assert_int_equal(support_run(small_files, other), 0);
    assert_false(exists(path_of(other))); /* nor is anything left of it */
    assert_ok(comem_unlink(name));
}

static void a_size_limit_that_is_none_makes_no_store(void **state)
{
    const char *name = own_name("size");
    comem_options options = {.size_limit = MIB - 1};
    comem_store *store;
    (void)state;
    assert_status(COMEM_INVALID, comem_open(name, &options, &store));
    setenv("COMEM_SIZE_LIMIT", "much", 1);
    assert_status(COMEM_INVALID, comem_open(name, NULL, &store));
    unsetenv("COMEM_SIZE_LIMIT");
    assert_false(exists(path_of(name)));
}

/* A full store, or a full file system, would be a SIGBUS. */
static void a_store_by_name_keeps_to_its_size_limit(void **state)
{
    const char *name = own_name("full");
    comem_options options = {.size_limit = 2 * MIB};
    comem_store *store;
    comem_status status;
    char *bytes = calloc(1, 10000);
    (void)state;
    assert_ok(comem_open(name, &options, &store));
    comem_list *list = root_list(store);
    while ((status = comem_list_append(list, comem_bytes(bytes, 10000))) == COMEM_OK)
        ;
    assert_int_equal(status, COMEM_NO_MEMORY);
    assert_true(support_len(list) > 100);
    assert_ok(comem_list_clear(list));
    assert_ok(comem_list_append(list, comem_int(1)));
    comem_list_release(list);
    comem_close(store);
    assert_ok(comem_unlink(name));
    free(bytes);
}

/* ---- another start of the machine, copies ---- */

static void copy_file(const char *from, const char *to)
{
    char block[65536];
    ssize_t got;
    int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(in >= 0 && out >= 0);
    while ((got = read(in, block, sizeof block)) > 0)
        assert_int_equal(write(out, block, (size_t)got), got);
    close(in);
    close(out);
}

static struct store_header *header_of(comem_store *store)
{
    return store->map->header;
}

/* What was left in good order would have to be repaired. */
static void a_store_that_was_closed_outlives_the_machines_start(void **state)
{
    const char *name = own_name("boot");
    uint8_t id[16];
    (void)state;
    comem_store *store = opened(name);
    comem_list *list = root_list(store);
    memcpy(id, store->map->id, sizeof id);
    assert_ok(comem_list_append(list, comem_int(3)));
    comem_list_release(list);
    comem_close(store);
    os_seam_boot = another_boot;
    store = opened(name);
    assert_int_equal(word_load(&header_of(store)->boot), played_boot);
    assert_memory_not_equal(store->map->id, id, sizeof id); /* names of objects from before mean nothing now */
    assert_memory_equal(store->map->id, header_of(store)->id, sizeof id);
    list = root_list(store);
    assert_int_equal(support_int(list, 0), 3);
    comem_list_release(list);
    comem_close(store);
    assert_ok(open_existing(name)); /* and it is this start's now */
    os_seam_boot = NULL;
    assert_ok(comem_unlink(name));
}

static int die_inside(void *argument)
{
    comem_store *store = opened(argument);
    comem_list *list = root_list(store);
    struct participant *me;
    child_check(comem_list_append(list, comem_int(4)) == COMEM_OK);
    child_check(participant_enter(store->map, &me) == COMEM_OK);
    child_check(object_lock(me, &list->object) == COMEM_OK);
    _exit(0); /* the kernel marks its life word */
}

/* What the power took: the slots stand as those of living threads, whose numbers may be anybody's by now. */
static void revive(comem_store *store)
{
    for (uint32_t i = 0; i < seat_high(store->map, SEATS_OF_SLOTS); i++) {
        struct slot *slot = slot_at(store->map, i);
        if (seat_state(word_load(&slot->control)) == SEAT_LIVE && os_life_over(&slot->life))
            word32_store(&slot->life.u.word, 1);
    }
}

static void a_store_in_use_when_the_machine_stopped_is_refused_until_it_is_mended(void **state)
{
    char name[64];
    struct store_map *map;
    struct os_memory memory;
    struct store_header header;
    (void)state;
    strcpy(name, own_name("unclean"));
    assert_int_equal(support_run(die_inside, name), 0);
    assert_ok(named_look(path_of(name), &memory));
    assert_ok(store_read(&memory, &header));
    comem_store raw = {.map = store_map_new()};
    raw.map->memory = memory;
    assert_ok(store_map_read(raw.map, &header));
    revive(&raw);
    store_map_free(raw.map);

    os_seam_boot = another_boot;
    comem_store *store;
    for (unsigned i = 0; i < 2; i++) { /* looking changes nothing */
        assert_status(COMEM_DAMAGED, comem_open(name, NULL, &store));
        assert_detail("comem check --repair");
        assert_detail(name);
    }
    assert_ok(handle_open_repair(name, &map));
    assert_int_equal(support_problems(map), 0);
    handle_close_named(map);
    store = opened(name);
    comem_list *list = root_list(store);
    assert_int_equal(support_int(list, 0), 4);
    assert_ok(comem_list_append(list, comem_int(5))); /* the dead one's lock is gone */
    comem_list_release(list);
    comem_close(store);
    os_seam_boot = NULL;
    assert_ok(comem_unlink(name));
}

/* Two who write into one store, each taking it for another one's, or threads of the one for threads of the other. */
static void a_copy_is_a_store_of_its_own(void **state)
{
    char name[64], clean[64], unclean[64];
    (void)state;
    strcpy(name, own_name("original"));
    strcpy(clean, own_name("clean"));
    strcpy(unclean, own_name("unclean"));
    comem_store *store = opened(name);
    comem_list *list = root_list(store);
    assert_ok(comem_list_append(list, comem_int(1)));
    copy_file(path_of(name), path_of(unclean));
    assert_refused(COMEM_DAMAGED, unclean, "copy of one in use");
    comem_list_release(list);
    comem_close(store);
    copy_file(path_of(name), path_of(clean));

    store = opened(name);
    list = root_list(store);
    comem_store *copied = opened(clean);
    assert_ptr_not_equal(store->map, copied->map);
    assert_memory_not_equal(store->map->id, copied->map->id, sizeof store->map->id);
    comem_list *other = root_list(copied);
    assert_ok(comem_list_append(other, comem_int(2)));
    assert_int_equal(support_len(list), 1);
    assert_int_equal(support_len(other), 2);
    assert_status(COMEM_INVALID, comem_list_append(list, comem_ref(other)));
    comem_list_release(list);
    comem_list_release(other);
    comem_close(store);
    comem_close(copied);
    assert_ok(comem_unlink(name));
    assert_ok(comem_unlink(clean));
    unlink(path_of(unclean));
}

static int open_and_stay(void *argument)
{
    int *const *pipes = argument;
    char byte;
    comem_store *store = opened((const char *)pipes[2]);
    child_check(write(pipes[0][1], "x", 1) == 1);
    child_check(read(pipes[1][0], &byte, 1) == 0); /* until the test closes it */
    comem_close(store);
    return 0;
}

/* What one process mends another one would change meanwhile. */
static void a_store_is_mended_by_one_who_has_it_alone(void **state)
{
    char name[64], byte;
    int there[2], go[2];
    struct store_map *map;
    (void)state;
    strcpy(name, own_name("mend"));
    assert_true(pipe(there) == 0 && pipe2(go, O_CLOEXEC) == 0);
    comem_close(opened(name));
    int *pipes[] = {there, go, (int *)(void *)name};
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        close(go[1]);
        _exit(open_and_stay(pipes));
    }
    assert_int_equal(read(there[0], &byte, 1), 1);
    assert_status(COMEM_DENIED, handle_open_repair(name, &map));
    assert_detail("another process has the store open");
    close(go[1]);
    assert_int_equal(support_wait(child), 0);
    assert_ok(handle_open_repair(name, &map));
    assert_status(COMEM_DENIED, handle_open_repair(name, &map));
    handle_close_named(map);
    assert_ok(open_existing(name));
    assert_ok(comem_unlink(name));
    close(there[0]);
    close(there[1]);
    close(go[0]);
}

/* ---- other file systems ---- */

static void a_path_on_a_disk_is_a_store_too(void **state)
{
    char folder[] = "./named-test-XXXXXX", path[64];
    (void)state;
    assert_non_null(mkdtemp(folder));
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool known = os_file_system_known(fd);
    close(fd);
    snprintf(path, sizeof path, "%s/store", folder);
    comem_store *store;
    if (known) {
        for (int64_t i = 0; i < 2; i++) {
            store = opened(path);
            comem_list *list = root_list(store);
            assert_int_equal(support_len(list), i);
            assert_ok(comem_list_append(list, comem_int(i)));
            comem_list_release(list);
            comem_close(store);
        }
        assert_ok(comem_unlink(path));
    } else {
        assert_status(COMEM_UNSUPPORTED, comem_open(path, NULL, &store));
    }
    assert_int_equal(rmdir(folder), 0); /* and nothing is left in it */
}

/* Mounts a file system of its own where nobody else sees it. */
static bool mount_at(const char *folder, const char *type, const char *options)
{
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", folder, type, 0, options) == 0;
}

#define NO_MOUNT 77

static int on_a_full_tmpfs(void *argument)
{
    comem_store *store;
    if (!mount_at(argument, "tmpfs", "size=128k") || chdir(argument) != 0)
        return NO_MOUNT;
    child_check(comem_open("./store", NULL, &store) == COMEM_NO_MEMORY && store == NULL);
    child_check(!exists("./store"));
    return 0;
}

static int on_ramfs(void *argument)
{
    comem_store *store;
    if (!mount_at(argument, "ramfs", NULL) || chdir(argument) != 0)
        return NO_MOUNT;
    child_check(comem_open("./store", NULL, &store) == COMEM_UNSUPPORTED && store == NULL);
    child_check(strstr(comem_detail(), "tmpfs, ext4 or xfs") != NULL);
    child_check(!exists("./store"));
    return 0;
}

struct copying {
    const char *from, *folder;
};

/* A copy with holes, which `cp` makes, where no room is left for them. */
static int opens_a_copy_with_holes_in_a_full_tmpfs(void *argument)
{
    const struct copying *copying = argument;
    struct store_header header;
    comem_store *store;
    int from = open(copying->from, O_RDONLY | O_CLOEXEC);
    child_check(from >= 0 && read(from, &header, sizeof header) == (ssize_t)sizeof header);
    if (!mount_at(copying->folder, "tmpfs", "size=256k") || chdir(copying->folder) != 0)
        return NO_MOUNT;
    int to = open("./copy", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    child_check(to >= 0 && write(to, &header, sizeof header) == (ssize_t)sizeof header);
    child_check(ftruncate(to, (off_t)word_load(&header.committed)) == 0);
    int filler = open("./filler", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    while (write(filler, &header, 4096) == 4096)
        ;
    child_check(comem_open("./copy", NULL, &store) == COMEM_NO_MEMORY && store == NULL);
    return 0;
}

/* It is killed by SIGBUS when it looks for who takes part in it. */
static void a_copy_with_holes_in_a_full_file_system_is_an_error(void **state)
{
    char folder[] = "./named-test-XXXXXX";
    const char *name = own_name("holes");
    struct copying copying = {path_of(name), folder};
    (void)state;
    assert_non_null(mkdtemp(folder));
    comem_close(opened(name));
    int full = support_run(opens_a_copy_with_holes_in_a_full_tmpfs, &copying);
    assert_int_equal(rmdir(folder), 0);
    assert_ok(comem_unlink(name));
    if (full == NO_MOUNT)
        skip();
    assert_int_equal(full, 0);
}

/* A page that is not to be had would be a SIGBUS, on whatever the file system does not promise. */
static void a_full_or_unknown_file_system_is_an_error(void **state)
{
    char folder[] = "./named-test-XXXXXX";
    (void)state;
    assert_non_null(mkdtemp(folder));
    int full = support_run(on_a_full_tmpfs, folder), unknown = support_run(on_ramfs, folder);
    assert_int_equal(rmdir(folder), 0);
    if (full == NO_MOUNT || unknown == NO_MOUNT)
        skip();
    assert_int_equal(full, 0);
    assert_int_equal(unknown, 0);
}

/* ---- without pickles ---- */

static comem_value pickle(void)
{
    comem_value value = comem_bytes("as if from Python, and longer than a cell", 40);
    value.kind = COMEM_PICKLE;
    return value;
}

static void a_store_without_pickles_takes_and_gives_none(void **state)
{
    char name[64];
    comem_options refuse = {.flags = COMEM_REFUSE_PICKLE};
    comem_store *store, *strict;
    comem_dict *dict;
    comem_variable *variable;
    comem_value value = comem_none(), values[2] = {comem_int(1), pickle()}, key = comem_str("key", 3);
    size_t count;
    (void)state;
    strcpy(name, own_name("pickles"));
    store = opened(name);
    comem_list *list = root_list(store);
    assert_ok(comem_root_dict(store, "dict", &dict));
    assert_ok(comem_root_variable(store, "variable", pickle(), &variable));
    assert_ok(comem_list_append(list, comem_int(5)));
    assert_ok(comem_list_append(list, pickle()));
    assert_ok(comem_dict_set(dict, key, pickle()));
    assert_ok(comem_list_get(list, 1, &value));
    assert_int_equal(value.kind, COMEM_PICKLE);
    comem_value_clear(&value);
    assert_ok(comem_open(name, &refuse, &strict));
    comem_close(strict); /* until the last is closed */
    const comem_status answers[] = {
        comem_list_get(list, 1, &value),
        comem_list_pop(list, &value),
        comem_list_read(list, 0, 2, values, &count),
        comem_list_append(list, pickle()),
        comem_list_set(list, 0, pickle()),
        comem_list_insert(list, 0, pickle()),
        comem_list_extend(list, (comem_value[]){comem_int(1), pickle()}, 2),
        comem_list_slice_set(list, COMEM_SLICE_ALL, (comem_value[]){pickle()}, 1),
        comem_dict_get(dict, key, &value),
        comem_dict_pop(dict, key, &value),
        comem_dict_set(dict, comem_int(1), pickle()),
        comem_dict_setdefault(dict, comem_int(1), pickle(), NULL),
        comem_variable_get(variable, &value),
        comem_variable_set(variable, pickle()),
    };
    for (unsigned i = 0; i < sizeof answers / sizeof answers[0]; i++)
        if (answers[i] != COMEM_TYPE)
            fail_msg("call %u: %s", i, comem_strerror(answers[i]));
    assert_detail("pickle");
    assert_int_equal(support_len(list), 2); /* nothing was changed, and what is no pickle is there */
    assert_int_equal(support_int(list, 0), 5);
    assert_int_equal(support_dict_len(dict), 1);
    assert_ok(comem_dict_pop(dict, key, NULL)); /* to be thrown away it need not be read */
    assert_true((object_flags(&list->object) & OBJECT_NO_PICKLE) != 0);
    comem_list_release(list);
    comem_dict_release(dict);
    comem_variable_release(variable);
    comem_close(store);
    store = opened(name);
    list = root_list(store);
    assert_ok(comem_list_get(list, 1, &value));
    comem_value_clear(&value);
    comem_list_release(list);
    comem_close(store);
    assert_ok(comem_unlink(name));
}

/* A list that Python made without pickles would get some from C. */
static void an_object_made_without_pickles_takes_and_gives_none(void **state)
{
    struct bench *bench = *state;
    struct comem_object *made;
    comem_value value;
    assert_ok(object_new_in(&bench->store, OBJECT_LIST, 0, OBJECT_NO_PICKLE, &made));
    comem_list *list = (comem_list *)made, *other = support_list(&bench->store);
    assert_status(COMEM_TYPE, comem_list_append(list, pickle()));
    assert_ok(comem_list_append(other, pickle()));
    assert_status(COMEM_TYPE, comem_list_extend_list(list, other));
    word_store(&made->shared->flags, 0);
    assert_ok(comem_list_append(list, pickle()));
    word_store(&made->shared->flags, OBJECT_NO_PICKLE);
    assert_status(COMEM_TYPE, comem_list_get(list, 0, &value));
    value_pickles_are_looked_after = true;
    assert_ok(comem_list_get(list, 0, &value));
    value_pickles_are_looked_after = false;
    comem_value_clear(&value);
    comem_list_release(list);
    comem_list_release(other);
}

int main(int argc, char **argv)
{
    support_choose(argc, argv);
    const struct CMUnitTest tests[] = {
        ALONE(a_name_that_is_none_is_refused),
        ALONE(a_name_is_found_in_its_files_name_again),
        ALONE(what_is_no_plain_file_of_ones_own_is_refused),
        ALONE(what_is_no_sound_store_is_refused),
        ALONE(a_store_of_another_version_can_be_removed),
        ALONE(the_store_of_another_user_is_refused),
        ALONE(limits_of_the_process_are_errors),
        ALONE(a_size_limit_that_is_none_makes_no_store),
        ALONE(a_store_by_name_keeps_to_its_size_limit),
        ALONE(a_store_that_was_closed_outlives_the_machines_start),
        ALONE(a_store_in_use_when_the_machine_stopped_is_refused_until_it_is_mended),
        ALONE(a_copy_is_a_store_of_its_own),
        ALONE(a_copy_with_holes_in_a_full_file_system_is_an_error),
        ALONE(a_store_is_mended_by_one_who_has_it_alone),
        ALONE(a_path_on_a_disk_is_a_store_too),
        ALONE(a_full_or_unknown_file_system_is_an_error),
        ALONE(a_store_without_pickles_takes_and_gives_none),
        WITH_STORE(an_object_made_without_pickles_takes_and_gives_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
