/* import.c - comem import: a new store out of a file */
#include "cli.h"
#include "objects/export.h"

#include <errno.h>
#include <string.h>

/* What the complaint is about. */
static const char *culprit(const struct cli_line *line, comem_status status)
{
    bool file = status == COMEM_DAMAGED || status == COMEM_UNSUPPORTED || status == COMEM_SYSTEM;
    return line->words[file ? 0 : 1];
}

static int run(const struct cli_line *line)
{
    bool standard = strcmp(line->words[0], "-") == 0;
    FILE *stream = standard ? stdin : fopen(line->words[0], "rbe");
    if (stream == NULL)
        return cli_fail("%s: it cannot be opened: %s", line->words[0], strerror(errno));
    comem_status status = import_new(line->words[1], stream);
    int code = status == COMEM_OK ? CLI_OK : cli_fail_at(culprit(line, status), status);
    if (!standard)
        fclose(stream);
    return code;
}

const struct cli_command command_import = {
    .name = "import",
    .arguments = "FILE NAME",
    .summary = "make a new store of what an export wrote",
    .help =
        "Makes the store NAME of FILE, or of stdin if that is -. It appears when all is there; a NAME that is taken is\n"
        "refused. Values that are pickles are taken over: import files of people you trust.",
    .least = 2,
    .most = 2,
    .run = run,
};
