/* named_support.c - names of stores, and stores that have one */
#include "named_support.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "store/named.h"

const char *own_name(const char *what)
{
    static char names[8][64];
    static unsigned next;
    char *name = names[next++ % 8];
    snprintf(name, sizeof names[0], "test-%ld-%s", (long)getpid(), what);
    return name;
}

const char *path_of(const char *name)
{
    static char paths[4][NAMED_PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % 4];
    assert_ok(named_path(name, path));
    return path;
}

comem_store *opened(const char *name)
{
    comem_store *store = NULL;
    assert_ok(comem_open(name, NULL, &store));
    return store;
}

comem_status open_existing(const char *name)
{
    comem_options options = {.flags = COMEM_EXISTING};
    comem_store *store;
    comem_status status = comem_open(name, &options, &store);
    comem_close(store);
    return status;
}

void assert_detail(const char *part)
{
    if (strstr(comem_detail(), part) == NULL)
        fail_msg("'%s' is not in '%s'", part, comem_detail());
}

comem_list *root_list(comem_store *store)
{
    comem_list *list = NULL;
    assert_ok(comem_root_list(store, "list", &list));
    return list;
}

bool exists(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

uint64_t played_boot = 5;

uint64_t another_boot(void)
{
    return played_boot;
}
