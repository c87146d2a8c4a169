/* mp_dict.c - three processes count words in one dict
 *
 * Each worker adds the words of its text; afterwards the parent prints how often each word came up. comem_dict_add() is
 * one change, so no count is lost, whatever the others do and whoever is killed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comem.h"

#define TEXTS 3

static comem_dict *words; /* handles are good in children, too */

static void check(comem_status status)
{
    if (status == COMEM_OK)
        return;
    fprintf(stderr, "mp_dict: %s: %s\n", comem_strerror(status), comem_detail());
    exit(1);
}

static int worker(void *argument)
{
    const char *text = argument;
    while (*text != '\0') {
        size_t size = strcspn(text, " ");
        check(comem_dict_add(words, comem_str(text, size), comem_int(1), NULL));
        text += size;
        text += strspn(text, " ");
    }
    return 0;
}

static int compare_pairs(const void *one, const void *other)
{
    const comem_pair *left = one, *right = other;
    return strcmp(left->key.as.data, right->key.as.data); /* what was read has a zero byte behind it */
}

/* All words and counts, as they stand at one moment. */
static void print_counts(void)
{
    comem_value keys[32], values[32];
    comem_pair pairs[32];
    size_t count;
    check(comem_dict_read(words, keys, values, 32, &count));
    if (count > 32)
        exit(1); /* then nothing was read; a program for any text would make room for `count` and ask again */
    for (size_t i = 0; i < count; i++)
        pairs[i] = (comem_pair){keys[i], values[i]};
    qsort(pairs, count, sizeof *pairs, compare_pairs);
    for (size_t i = 0; i < count; i++) {
        printf("%lld %s\n", (long long)pairs[i].value.as.integer, pairs[i].key.as.data);
        comem_value_clear(&pairs[i].key);
        comem_value_clear(&pairs[i].value);
    }
}

int main(void)
{
    static char texts[TEXTS][32] = {
        "the rain falls on the roof",
        "the cat sleeps on the stairs",
        "and the rain falls on the cat",
    };
    comem_store *store;
    comem_process processes[TEXTS];

    check(comem_open(NULL, NULL, &store));
    check(comem_dict_new(store, &words));
    for (unsigned i = 0; i < TEXTS; i++)
        check(comem_process_start(&processes[i], worker, texts[i]));
    for (unsigned i = 0; i < TEXTS; i++)
        check(comem_process_join(&processes[i], NULL));
    print_counts();
    comem_dict_release(words);
    comem_close(store);
    return 0;
}
