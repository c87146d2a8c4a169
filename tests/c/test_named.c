/* test_named.c - stores by name: made, opened, refused, closed, removed */
#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "store/named.h"

/* Names of this test process's own. */
static const char *own_name(const char *what)
{
    static char names[8][64];
    static unsigned next;
    char *name = names[next++ % 8];
    snprintf(name, sizeof names[0], "test-%ld-%s", (long)getpid(), what);
    return name;
}

static const char *path_of(const char *name)
{
    static char path[NAMED_PATH_MAX];
    assert_ok(named_path(name, path));
    return path;
}

static comem_store *opened(const char *name)
{
    comem_store *store = NULL;
    assert_ok(comem_open(name, NULL, &store));
    return store;
}

static comem_status open_existing(const char *name)
{
    comem_options options = {.flags = COMEM_EXISTING};
    comem_store *store;
    comem_status status = comem_open(name, &options, &store);
    comem_close(store);
    return status;
}

static void assert_detail(const char *part)
{
    if (strstr(comem_detail(), part) == NULL)
        fail_msg("'%s' is not in '%s'", part, comem_detail());
}

/* The root list of a store, to be released. */
static comem_list *root_list(comem_store *store)
{
    comem_list *list = NULL;
    assert_ok(comem_root_list(store, "list", &list));
    return list;
}

static bool exists(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

/* ---- one program after the other ---- */

static void what_is_in_a_store_is_there_when_it_is_opened_again(void **state)
{
    const char *name = own_name("again");
    (void)state;
    comem_store *store = opened(name);
    comem_list *list = root_list(store);
    assert_ok(comem_list_append(list, comem_int(7)));
    comem_list_release(list);
    comem_close(store);
    store = opened(name);
    list = root_list(store);
    assert_int_equal(support_int(list, 0), 7);
    comem_list_release(list);
    comem_close(store);
    assert_ok(comem_unlink(name));
    assert_false(exists(path_of(name)));
    assert_status(COMEM_NOT_FOUND, open_existing(name));
    assert_status(COMEM_NOT_FOUND, comem_unlink(name));
}

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

int main(int argc, char **argv)
{
    support_choose(argc, argv);
    const struct CMUnitTest tests[] = {
        ALONE(a_name_that_is_none_is_refused),
        ALONE(a_name_is_found_in_its_files_name_again),
        ALONE(what_is_no_plain_file_of_ones_own_is_refused),
        ALONE(what_is_in_a_store_is_there_when_it_is_opened_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
