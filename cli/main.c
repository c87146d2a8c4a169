/* main.c - the comem command: its subcommands, its options, its help */
#include "cli.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct cli_command *const commands[] = {&command_ls,     &command_stat,   &command_show, &command_check,
                                                     &command_export, &command_import, &command_rm};
#define COMMANDS (sizeof commands / sizeof commands[0])

static const struct option {
    const char *name;
    char letter; /* 0: none */
    unsigned bit;
    const char *argument, *help;
} options[] = {
    {"json", 0, CLI_JSON, NULL, "print JSON"},
    {"all", 0, CLI_ALL, NULL, "all there is, without bounds"},
    {"limit", 0, CLI_LIMIT, " N", "at most N items of each container (100), and 10 N bytes of each text"},
    {"repair", 0, CLI_REPAIR, NULL, "make right what can be made right; nobody else may have the store open"},
    {"force", 'f', CLI_FORCE, NULL, "say nothing of stores that are not there"},
    {"help", 'h', CLI_HELP, NULL, "this text"},
};
#define OPTIONS (sizeof options / sizeof options[0])

/* What the words that commands ask for are. */
static const struct word {
    const char *name, *meaning;
} words[] = {
    {"STORE", "a name, as comem.open() takes it; a path, with a slash; or pid:N, the own store of process N"},
    {"NAME", "the name of a store, as comem.open() takes it, or its path, with a slash"},
    {"FILE", "what comem export wrote, or - for stdin"},
};
#define WORDS (sizeof words / sizeof words[0])

/* ---- complaints ---- */

int cli_fail(const char *format, ...)
{
    va_list arguments;
    fputs("comem: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return CLI_PROBLEM;
}

int cli_fail_at(const char *what, comem_status status)
{
    const char *detail = comem_detail();
    if (detail[0] == '\0')
        detail = comem_strerror(status);
    fputs("comem: ", stderr);
    if (strncmp(detail, what, strlen(what)) != 0) {
        write_name(stderr, what);
        fputs(": ", stderr);
    }
    write_text(stderr, detail, strlen(detail));
    fputc('\n', stderr);
    return CLI_PROBLEM;
}

static int fail_usage(const char *problem, const char *word, const struct cli_command *command)
{
    fprintf(stderr, "comem: %s", problem);
    if (word != NULL)
        write_name(stderr, word);
    if (command != NULL)
        fprintf(stderr, "; try comem %s --help\n", command->name);
    else
        fputs("; try comem --help\n", stderr);
    return CLI_USAGE;
}

/* Complains of the first word that is not there. */
static int fail_missing(const struct cli_command *command, int given)
{
    const char *name = command->arguments;
    for (; given > 0; given--)
        name = strchr(name, ' ') + 1;
    for (size_t i = 0; i < WORDS; i++)
        if (strncmp(name, words[i].name, strlen(words[i].name)) == 0)
            fprintf(stderr, "comem: comem %s takes a %s: %s; try comem %s --help\n", command->name, words[i].name,
                    words[i].meaning, command->name);
    return CLI_USAGE;
}

/* ---- help ---- */

static void print_help(FILE *stream)
{
    fputs("usage: comem COMMAND [OPTION...] [WORD...]\n\n"
          "Looks at stores: memory that the processes of a program share, through comem.\n\n",
          stream);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(stream, "  %-7s %-25s %s\n", commands[i]->name, commands[i]->arguments, commands[i]->summary);
    fputs(
        "\nA STORE is a NAME, as comem.open() takes it; a PATH, which has a slash; or pid:N, the program's own store\n"
        "of process N.\n\n"
        "comem COMMAND --help says more, comem --version which version this is.\n"
        "Exit codes: 0 done, all is well; 1 something failed or was found; 2 no such command, option or word;\n"
        "of check --repair also 3 all that was found is repaired; 4 something could not be.\n",
        stream);
}

static void print_command_help(const struct cli_command *command)
{
    printf("usage: comem %s [OPTION...] %s\n\n%s\n", command->name, command->arguments, command->help);
    for (size_t i = 0; i < OPTIONS; i++)
        if ((command->options & options[i].bit) != 0 || options[i].bit == CLI_HELP) {
            char text[40];
            snprintf(text, sizeof text, "%s--%s%s", options[i].letter == 'f' ? "-f, " : "", options[i].name,
                     options[i].argument == NULL ? "" : options[i].argument);
            printf("  %-13s %s\n", text, options[i].help);
        }
}

/* ---- the command line ---- */

static const struct option *find_option(const struct cli_command *command, const char *word, size_t size)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        bool taken = (command->options & options[i].bit) != 0 || options[i].bit == CLI_HELP;
        bool is_long = size > 2 && strncmp(word, "--", 2) == 0 && strlen(options[i].name) == size - 2 &&
                       strncmp(word + 2, options[i].name, size - 2) == 0;
        bool is_short = size == 2 && word[0] == '-' && options[i].letter != 0 && word[1] == options[i].letter;
        if (taken && (is_long || is_short))
            return &options[i];
    }
    return NULL;
}

static bool parse_number(const char *text, uint64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}

/* Takes the option at argv[at]. Returns where the next word is, 0 after a complaint. */
static int take_option(const struct cli_command *command, int argc, char **argv, int at, struct cli_line *line)
{
    const char *word = argv[at], *equals = strchr(word, '=');
    const struct option *option = find_option(command, word, equals == NULL ? strlen(word) : (size_t)(equals - word));
    if (option == NULL || (equals != NULL && option->argument == NULL)) {
        fail_usage("no such option: ", word, command);
        return 0;
    }
    line->options |= option->bit;
    if (option->argument == NULL)
        return at + 1;
    const char *argument = equals != NULL ? equals + 1 : at + 1 < argc ? argv[at + 1] : "";
    if (!parse_number(argument, &line->limit)) {
        fail_usage("--limit takes a number, not ", argument, command);
        return 0;
    }
    return equals != NULL ? at + 1 : at + 2;
}

/* Parts options from words, which move to the front of argv. */
static bool parse_line(const struct cli_command *command, int argc, char **argv, struct cli_line *line)
{
    bool words_only = false;
    line->words = argv;
    for (int at = 0; at < argc;) {
        if (words_only || argv[at][0] != '-' || argv[at][1] == '\0') {
            line->words[line->count++] = argv[at++];
        } else if (strcmp(argv[at], "--") == 0) {
            words_only = true;
            at++;
        } else if ((at = take_option(command, argc, argv, at, line)) == 0) {
            return false;
        }
    }
    return true;
}

static int run_command(const struct cli_command *command, int argc, char **argv)
{
    struct cli_line line = {.limit = 100};
    if (!parse_line(command, argc, argv, &line))
        return CLI_USAGE;
    if ((line.options & CLI_HELP) != 0) {
        print_command_help(command);
        return CLI_OK;
    }
    if (line.count < command->least)
        return fail_missing(command, line.count);
    if (command->most >= 0 && line.count > command->most)
        return fail_usage("one word too many: ", line.words[command->most], command);
    return command->run(&line);
}

static const struct cli_command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(name, commands[i]->name) == 0)
            return commands[i];
    fputs("comem: no such command: ", stderr);
    write_name(stderr, name);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(stderr, "%s%s", i == 0 ? "; there are " : i < COMMANDS - 1 ? ", " : " and ", commands[i]->name);
    fputs("; try comem --help\n", stderr);
    return NULL;
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return CLI_USAGE;
    }
    bool help = strcmp(argv[1], "help") == 0;
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || (help && argc == 2)) {
        print_help(stdout);
        return CLI_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("comem %s\n", comem_version());
        return CLI_OK;
    }
    const struct cli_command *command = find_command(argv[help ? 2 : 1]);
    if (command == NULL)
        return CLI_USAGE;
    if (!help)
        return run_command(command, argc - 2, argv + 2);
    print_command_help(command);
    return CLI_OK;
}

/* Whether whoever reads stdout went away, as `head` does. */
static bool reader_is_gone(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLHUP)) != 0;
}

/* Nobody wants to hear of a reader that went away. */
int cli_main(int argc, char **argv)
{
    clearerr(stdout);
    int code = run(argc, argv);
    bool failed = ferror(stdout) != 0; /* the reason is lost */
    errno = 0;
    failed |= fflush(stdout) != 0;
    int error = errno;
    clearerr(stdout);
    if (failed && !reader_is_gone())
        cli_fail("the output could not be written%s%s", error != 0 ? ": " : "", error != 0 ? strerror(error) : "");
    return failed && code == CLI_OK ? CLI_PROBLEM : code;
}
