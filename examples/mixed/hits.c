/* hits.c - shows what web.py has counted
 *
 *   hits STORE
 *
 * All counts are of one moment, however many servers go on counting, and none of them waits for it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "comem.h"

static void check(comem_status status)
{
    if (status == COMEM_OK)
        return;
    fprintf(stderr, "hits: %s: %s\n", comem_strerror(status), comem_detail());
    exit(1);
}

/* Copies all paths and counts; returns how many. There may be more by now than a moment ago. */
static size_t read_all(comem_dict *hits, comem_value **paths, comem_value **counts)
{
    size_t room = 0, count = 0;
    *paths = *counts = NULL;
    do {
        room = count + 16;
        free(*paths);
        free(*counts);
        *paths = malloc(room * sizeof **paths);
        *counts = malloc(room * sizeof **counts);
        if (*paths == NULL || *counts == NULL)
            exit(1);
        check(comem_dict_read(hits, *paths, *counts, room, &count));
    } while (count > room);
    return count;
}

int main(int count, char **arguments)
{
    const comem_options existing = {.flags = COMEM_EXISTING | COMEM_REFUSE_PICKLE};
    comem_store *store;
    comem_dict *hits;
    comem_value *paths, *counts;
    if (count != 2) {
        fprintf(stderr, "hits STORE\n");
        return 2;
    }
    check(comem_open(arguments[1], &existing, &store));
    check(comem_root_dict(store, "hits", &hits));
    size_t size = read_all(hits, &paths, &counts);
    for (size_t i = 0; i < size; i++) {
        if (paths[i].kind == COMEM_STR && counts[i].kind == COMEM_INT)
            printf("%lld %s\n", (long long)counts[i].as.integer, paths[i].as.data);
        comem_value_clear(&paths[i]);
        comem_value_clear(&counts[i]);
    }
    free(paths);
    free(counts);
    comem_dict_release(hits);
    comem_close(store);
    return 0;
}
