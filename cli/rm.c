/* rm.c - comem rm: removing stores by name */
#include "cli.h"
#include "look.h"

#include <string.h>

struct use {
    size_t processes;
};

static int count_users(struct look *look, void *context)
{
    struct use *use = context;
    struct seats seats;
    if (!seats_read(look, &seats))
        return CLI_PROBLEM;
    use->processes = seats.processes;
    seats_free(&seats);
    return CLI_OK;
}

/* How many processes will go on using it; 0 also where that cannot be told. */
static size_t users_of(const struct place *place)
{
    struct use use = {0};
    struct look look;
    if (look_open(place, &look) != COMEM_OK)
        return 0;
    look_guarded(&look, count_users, &use);
    look_close(&look);
    return use.processes;
}

static int remove_store(const char *name, bool forced)
{
    struct place place;
    if (strncmp(name, "pid:", 4) == 0)
        return cli_fail("%s has no name to take away: it goes with the last process that has it", name);
    if (!look_find(name, &place))
        return CLI_PROBLEM;
    size_t users = users_of(&place);
    comem_status status = comem_unlink(name);
    if (status == COMEM_NOT_FOUND && forced)
        return CLI_OK;
    if (status != COMEM_OK)
        return cli_fail_at(name, status);
    if (users > 0) {
        write_name(stdout, name);
        printf(": removed; %zu process%s go%s on using it until closed\n", users, users == 1 ? "" : "es",
               users == 1 ? "es" : "");
    }
    return CLI_OK;
}

static int run(const struct cli_line *line)
{
    int code = CLI_OK;
    for (int i = 0; i < line->count; i++)
        if (remove_store(line->words[i], (line->options & CLI_FORCE) != 0) != CLI_OK)
            code = CLI_PROBLEM;
    return code;
}

const struct cli_command command_rm = {
    .name = "rm",
    .arguments = "NAME...",
    .summary = "remove stores by name",
    .help =
        "Takes the names of stores away. Processes that have such a store open go on using it, and it is gone when the\n"
        "last of them closes it; who opens the name from now on makes another.",
    .options = CLI_FORCE,
    .least = 1,
    .most = -1,
    .run = run,
};
