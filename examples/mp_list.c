/* mp_list.c - two processes fill one list
 *
 * Each worker appends the words of its input to final_list; afterwards the parent prints all ten.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comem.h"

struct job {
    comem_list *final_list;
    const char *const *words;
    size_t count;
};

static void check(comem_status status)
{
    if (status == COMEM_OK)
        return;
    fprintf(stderr, "mp_list: %s: %s\n", comem_strerror(status), comem_detail());
    exit(1);
}

static int worker(void *argument)
{
    const struct job *job = argument;
    for (size_t i = 0; i < job->count; i++)
        check(comem_list_append(job->final_list, comem_str(job->words[i], strlen(job->words[i]))));
    return 0;
}

int main(void)
{
    static const char *const input_one[] = {"one", "two", "three", "four", "five"};
    static const char *const input_two[] = {"six", "seven", "eight", "nine", "ten"};
    comem_store *store;
    comem_list *final_list;
    comem_process p1, p2;

    check(comem_open(NULL, NULL, &store));
    check(comem_list_new(store, &final_list));
    check(comem_process_start(&p1, worker, &(struct job){final_list, input_one, 5}));
    check(comem_process_start(&p2, worker, &(struct job){final_list, input_two, 5}));
    check(comem_process_join(&p1, NULL));
    check(comem_process_join(&p2, NULL));
    check(comem_list_print(final_list, stdout));
    putchar('\n');
    comem_list_release(final_list);
    comem_close(store);
    return 0;
}
