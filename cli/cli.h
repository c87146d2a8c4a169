/* cli.h - what the subcommands of the comem command share
 *
 * A subcommand is one file with one function, command_NAME, which main.c has in its table. It prints what was asked for to
 * stdout and complaints to stderr, as `comem: ...`, and returns an exit code. The whole also runs inside a Python process: it
 * keeps no state between two runs, and changes none of the process's.
 */
#ifndef COMEM_CLI_H
#define COMEM_CLI_H

#include <stdio.h>

#include "comem.h"

enum {
    CLI_OK = 0,
    CLI_PROBLEM = 1,  /* something failed, or a check found something */
    CLI_USAGE = 2,    /* the command line is none */
    CLI_REPAIRED = 3, /* check --repair found something, and all of it is repaired */
    CLI_DAMAGED = 4   /* check --repair left something, or could not begin */
};

/* Options; each subcommand takes some of them. */
enum {
    CLI_JSON = 1u << 0,   /* --json */
    CLI_ALL = 1u << 1,    /* --all */
    CLI_LIMIT = 1u << 2,  /* --limit N */
    CLI_REPAIR = 1u << 3, /* --repair */
    CLI_FORCE = 1u << 4,  /* -f, --force */
    CLI_HELP = 1u << 5    /* --help; every subcommand */
};

struct cli_line {
    unsigned options; /* those that were given */
    uint64_t limit;
    int count; /* words that are no options */
    char **words;
};

struct cli_command {
    const char *name, *arguments, *summary, *help; /* of --help; `arguments` are words */
    unsigned options;
    int least, most; /* words; most < 0: any number */
    int (*run)(const struct cli_line *line);
};

extern const struct cli_command command_ls, command_stat, command_show, command_check, command_rm, command_export,
    command_import;

/* Runs `comem` with these arguments, the first of which is the program's name, and flushes stdout. The exit code. */
int cli_main(int argc, char **argv);

/* Complains. Returns CLI_PROBLEM. */
int cli_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same of `what`, a name that may have anything in it, with what the engine said about its last failure. */
int cli_fail_at(const char *what, comem_status status);

/* ---- output (write.c) ---- */

/* Writes text that may be anything to a terminal: what is not printable, or would change how a line is shown, is escaped. */
void write_text(FILE *stream, const char *text, size_t size);
/* The same of a string, between quotes where it has blanks or escapes. */
void write_name(FILE *stream, const char *name);
/* A number of bytes as people read it: 512, 3.4K, 1.2G. Into `text`, which it returns. */
#define WRITE_SIZE_ROOM 16
const char *write_size(uint64_t bytes, char text[WRITE_SIZE_ROOM]);

/* JSON, one value after the other, without blanks. */
struct json {
    FILE *stream;
    bool comma; /* a comma comes before the next value */
};

void json_begin(struct json *json, char bracket);
void json_end(struct json *json, char bracket);
void json_key(struct json *json, const char *key);
/* Text of any bytes; what is not UTF-8 becomes what Python calls surrogateescape. */
void json_text(struct json *json, const char *text, size_t size);
void json_string(struct json *json, const char *text);
void json_number(struct json *json, uint64_t number);
void json_bool(struct json *json, bool boolean);
void json_null(struct json *json);
/* What comes next is written to the stream by the caller, as one value. */
void json_raw(struct json *json);

#endif
