/* words.c - appends lines to a list and counts their words in a dict that programs share
 *
 *   words STORE LINE...
 *
 * words.py is the same program in Python, and both work on one store at the same time: whichever comes first makes it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comem.h"

static void check(comem_status status)
{
    if (status == COMEM_OK)
        return;
    fprintf(stderr, "words: %s: %s\n", comem_strerror(status), comem_detail());
    exit(1);
}

static void count_words(comem_dict *words, const char *line)
{
    line += strspn(line, " ");
    while (*line != '\0') {
        size_t size = strcspn(line, " ");
        check(comem_dict_add(words, comem_str(line, size), comem_int(1), NULL));
        line += size;
        line += strspn(line, " ");
    }
}

int main(int count, char **arguments)
{
    comem_store *store;
    comem_list *lines;
    comem_dict *words;
    if (count < 2) {
        fprintf(stderr, "words STORE LINE...\n");
        return 2;
    }
    check(comem_open(arguments[1], NULL, &store));
    check(comem_root_list(store, "lines", &lines));
    check(comem_root_dict(store, "words", &words));
    for (int i = 2; i < count; i++) {
        check(comem_list_append(lines, comem_str(arguments[i], strlen(arguments[i]))));
        count_words(words, arguments[i]);
    }
    comem_dict_release(words);
    comem_list_release(lines);
    comem_close(store);
    return 0;
}
