/* show.c - comem show: a value, as Python would print it */
#include "cli.h"
#include "look.h"
#include "value.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "objects/root.h"

#define DEPTH 10u
#define TOTAL 100u /* times the items of one container */
#define FEW 8u     /* roots that a complaint names */

static struct bounds bounds_of(const struct cli_line *line)
{
    uint64_t items = line->limit;
    if ((line->options & CLI_ALL) != 0)
        return (struct bounds){UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT32_MAX};
    return (struct bounds){items, items > UINT64_MAX / 10 ? UINT64_MAX : items * 10,
                           items > UINT64_MAX / TOTAL ? UINT64_MAX : items * TOTAL + 1, DEPTH};
}

/* ---- all roots ---- */

static void print_root(const comem_value *name, const comem_value *root)
{
    uint64_t length;
    write_text(stdout, name->as.data, name->size);
    printf(": %s", value_kind(root));
    if (value_length(root, &length))
        printf(" of %" PRIu64, length);
    putchar('\n');
}

static void json_root(struct json *json, const comem_value *name, const comem_value *root)
{
    uint64_t length;
    json_begin(json, '{');
    json_key(json, "name");
    json_text(json, name->as.data, name->size);
    json_key(json, "kind");
    json_string(json, value_kind(root));
    json_key(json, "length");
    if (value_length(root, &length))
        json_number(json, length);
    else
        json_null(json);
    json_end(json, '}');
}

/* One that is taken away meanwhile is left out. */
static void show_names(comem_store *store, const comem_value *names, size_t count, struct json *json)
{
    for (size_t i = 0; i < count; i++) {
        comem_value root;
        if (names[i].kind != COMEM_STR || root_get(store, &names[i], &root) != COMEM_OK)
            continue;
        if (json != NULL)
            json_root(json, &names[i], &root);
        else
            print_root(&names[i], &root);
        comem_value_clear(&root);
    }
}

/* All names; their number changes while they are read, perhaps. */
static comem_status read_names(comem_store *store, comem_value **names, size_t *count)
{
    size_t room = 0;
    *names = NULL;
    comem_status status = comem_roots(store, NULL, 0, count);
    while (status == COMEM_OK && *count > room) {
        room = *count;
        free(*names);
        *names = calloc(room, sizeof **names);
        status = *names == NULL ? store_error(COMEM_NO_MEMORY, "malloc for %zu names failed", room)
                                : comem_roots(store, *names, room, count);
    }
    return status;
}

static comem_status show_roots(comem_store *store, struct json *json)
{
    comem_value *names;
    size_t count;
    comem_status status = read_names(store, &names, &count);
    if (json != NULL)
        json_begin(json, '[');
    if (status == COMEM_OK) {
        show_names(store, names, count, json);
        for (size_t i = 0; i < count; i++)
            comem_value_clear(&names[i]);
    }
    if (json != NULL)
        json_end(json, ']');
    free(names);
    return status;
}

/* ---- one root ---- */

static comem_status show_root(comem_store *store, const char *name, const struct bounds *bounds, struct json *json)
{
    comem_value root;
    comem_status status = comem_root(store, name, &root);
    if (status != COMEM_OK)
        return status;
    if (json != NULL) {
        status = value_json(json, &root, bounds);
    } else {
        status = value_print(stdout, &root, bounds);
        putchar('\n');
    }
    comem_value_clear(&root);
    return status;
}

static void write_root(const comem_value *name)
{
    size_t size = name->kind == COMEM_STR ? name->size : 0; /* what else it is, is damage */
    fputc('\'', stderr);
    write_text(stderr, name->as.data, size < 100 ? size : 100);
    fputc('\'', stderr);
}

/* Complains that there is none of that name, and says which there are. */
static int fail_root(comem_store *store, const char *place, const char *name)
{
    const comem_value missing = comem_str(name, strlen(name));
    comem_value *names;
    size_t count;
    comem_status status = read_names(store, &names, &count);
    if (status == COMEM_OK) {
        fputs("comem: ", stderr);
        write_name(stderr, place);
        fputs(": there is no root named ", stderr);
        write_root(&missing);
        fputs(count == 0 ? ", nor any other" : count == 1 ? "; there is " : "; there are ", stderr);
        for (size_t i = 0; i < count; i++) {
            if (i < FEW) {
                fputs(i == 0 ? "" : ", ", stderr);
                write_root(&names[i]);
            }
            comem_value_clear(&names[i]);
        }
        if (count > FEW)
            fprintf(stderr, " and %zu more", count - FEW);
        fputc('\n', stderr);
    }
    free(names);
    return status == COMEM_OK ? CLI_PROBLEM : cli_fail_at(place, status);
}

/* Unless the reader of stdout is what failed. */
static int fail(comem_store *store, const char *place, const struct cli_line *line, comem_status status)
{
    if (ferror(stdout) != 0)
        return CLI_PROBLEM;
    return line->count == 2 && status == COMEM_NOT_FOUND ? fail_root(store, place, line->words[1])
                                                         : cli_fail_at(place, status);
}

static int run(const struct cli_line *line)
{
    struct json json = {.stream = stdout}, *form = (line->options & CLI_JSON) != 0 ? &json : NULL;
    struct bounds bounds = bounds_of(line);
    struct place place;
    comem_store *store;
    if (!look_join(line->words[0], &store, &place))
        return CLI_PROBLEM;
    comem_status status = line->count == 1 ? show_roots(store, form) : show_root(store, line->words[1], &bounds, form);
    if (form != NULL && status == COMEM_OK)
        putchar('\n');
    int code = status == COMEM_OK ? CLI_OK : fail(store, place.name, line, status);
    look_leave(store, &place);
    return code;
}

const struct cli_command command_show = {
    .name = "show",
    .arguments = "STORE [ROOT]",
    .summary = "a root's value, or which roots there are",
    .help =
        "Prints the object that has a name in a store, as Python would, within bounds; without a name, which names\n"
        "there are. It takes part in the store to do so, and waits for a lock that is held. What JSON has no form for is\n"
        "an object whose key begins with '$', so is what was left out.",
    .options = CLI_JSON | CLI_ALL | CLI_LIMIT,
    .least = 1,
    .most = 2,
    .run = run,
};
