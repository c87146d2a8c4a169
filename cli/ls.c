/* ls.c - comem ls: the stores there are */
#include "cli.h"
#include "look.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct row {
    struct place place;
    uint64_t size, used;
    size_t processes;
    bool readable, strange, removed;
    bool foreign;      /* not readable, and nothing is wrong: no store, or not for this user */
    char problem[256]; /* why it is not readable */
};

struct rows {
    struct row **rows;
    size_t count;
    bool no_memory;
};

static int measure(struct look *look, void *context)
{
    struct row *row = context;
    struct seats seats;
    if (!seats_read(look, &seats))
        return CLI_PROBLEM;
    row->size = store_end(look->map) - look->map->data;
    row->used = heap_used(look->map);
    row->processes = seats.processes;
    row->strange = seats.strange;
    row->removed = look->place.pid != 0 && look->map->header->named != 0;
    row->readable = true;
    seats_free(&seats);
    return CLI_OK;
}

/* Whether it is this user's own; root's is what root owns. */
static bool is_own(const struct place *place)
{
    struct stat status;
    return stat(place->path, &status) == 0 && status.st_uid == geteuid();
}

/* Adds a row for a store, and for what seems to be one by its name. */
static void add_row(void *context, const struct place *place)
{
    struct rows *rows = context;
    struct row **grown = realloc(rows->rows, (rows->count + 1) * sizeof(struct row *));
    struct row *row = calloc(1, sizeof *row);
    if (grown != NULL)
        rows->rows = grown;
    if (grown == NULL || row == NULL) {
        free(row);
        rows->no_memory = true;
        return;
    }
    struct look look;
    comem_status status = look_open(place, &look);
    bool own = is_own(place);
    if (status == COMEM_NOT_FOUND || /* gone meanwhile, or another program's */
        (status != COMEM_OK && (place->pid != 0 || (!own && geteuid() != 0)))) {
        free(row);
        return;
    }
    row->place = *place;
    row->foreign = !own || status == COMEM_DENIED || status == COMEM_UNSUPPORTED;
    if (status == COMEM_OK) {
        look_guarded(&look, measure, row);
        look_close(&look);
    }
    snprintf(row->problem, sizeof row->problem, "%s", row->readable ? "" : comem_detail());
    if (row->removed)
        snprintf(row->place.name, sizeof row->place.name, "%s", place->path);
    rows->rows[rows->count++] = row;
}

/* ---- printing ---- */

/* The name as it is printed, to be freed. */
static char *shown_name(const char *name, size_t *size)
{
    char *text = NULL;
    FILE *stream = open_memstream(&text, size);
    if (stream == NULL)
        return NULL;
    write_name(stream, name);
    return fclose(stream) == 0 ? text : NULL;
}

static void print_row(const struct row *row, int width)
{
    char size[WRITE_SIZE_ROOM], used[WRITE_SIZE_ROOM];
    size_t room = 0;
    char *name = shown_name(row->place.name, &room);
    printf("%-*s  ", width, name == NULL ? "?" : name);
    free(name);
    if (row->readable)
        printf("%7s  %7s  %9zu  ", write_size(row->size, size), write_size(row->used, used), row->processes);
    else
        printf("%7s  %7s  %9s  ", "-", "-", "-");
    write_name(stdout, row->place.path);
    fputs(row->strange ? " (from before the last start, or a copy)" : row->removed ? " (removed)" : "", stdout);
    putchar('\n');
}

static void print_rows(const struct rows *rows)
{
    int width = 5;
    for (size_t i = 0; i < rows->count; i++) {
        size_t size = 0;
        free(shown_name(rows->rows[i]->place.name, &size));
        if (size < 60 && (int)size > width)
            width = (int)size;
    }
    if (rows->count > 0)
        printf("%-*s  %7s  %7s  %9s  %s\n", width, "STORE", "SIZE", "USED", "PROCESSES", "PATH");
    for (size_t i = 0; i < rows->count; i++)
        print_row(rows->rows[i], width);
}

static void print_json_number(struct json *json, const char *key, bool known, uint64_t number)
{
    json_key(json, key);
    if (known)
        json_number(json, number);
    else
        json_null(json);
}

static void print_json(const struct rows *rows)
{
    struct json json = {.stream = stdout};
    json_begin(&json, '[');
    for (size_t i = 0; i < rows->count; i++) {
        const struct row *row = rows->rows[i];
        json_begin(&json, '{');
        json_key(&json, "store");
        json_string(&json, row->place.name);
        json_key(&json, "path");
        json_string(&json, row->place.path);
        print_json_number(&json, "size", row->readable, row->size);
        print_json_number(&json, "used", row->readable, row->used);
        print_json_number(&json, "processes", row->readable, row->processes);
        json_key(&json, "strange");
        json_bool(&json, row->strange);
        json_key(&json, "removed");
        json_bool(&json, row->removed);
        json_key(&json, "problem");
        if (row->readable)
            json_null(&json);
        else
            json_string(&json, row->problem);
        json_end(&json, '}');
    }
    json_end(&json, ']');
    putchar('\n');
}

static int run(const struct cli_line *line)
{
    struct rows rows = {.rows = NULL};
    look_for_all(add_row, &rows);
    if ((line->options & CLI_JSON) != 0)
        print_json(&rows);
    else
        print_rows(&rows);
    int code = rows.no_memory ? cli_fail("no memory for a list of stores") : CLI_OK;
    for (size_t i = 0; i < rows.count; i++) {
        if (!rows.rows[i]->readable) {
            store_detail("%s", rows.rows[i]->problem);
            int failed = cli_fail_at(rows.rows[i]->place.path, COMEM_DAMAGED);
            code = rows.rows[i]->foreign ? code : failed;
        }
        free(rows.rows[i]);
    }
    free(rows.rows);
    return code;
}

const struct cli_command command_ls = {
    .name = "ls",
    .arguments = "",
    .summary = "the stores of this user",
    .help =
        "Lists the stores of this user, one a line: those that have a name, and those of living processes, which are\n"
        "called after the oldest process that has them. USED is what is in use of SIZE; PROCESSES take part. What\n"
        "belongs to other users is passed over; root sees all. What cannot be read has dashes and a complaint; the\n"
        "exit code is 1 if that is a store of this user's, not where a file is only named like one.",
    .options = CLI_JSON,
    .most = 0,
    .run = run,
};
