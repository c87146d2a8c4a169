/* export.c - comem export: a store's objects into a file
 *
 * The file has no name while it is written, so that who is killed leaves none behind; where a file system cannot do that it has a
 * name of its own. It gets its name, and with it the place of one that was there, when all of it is on the disk. Whatever is no
 * file, a pipe or a device, is written to as it is.
 */
#include "objects/export.h"
#include "cli.h"
#include "look.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES 100u

struct output {
    const char *path; /* what it is to be called */
    char *temporary;  /* malloc()ed; a name it has or may have meanwhile */
    bool named;       /* it has that one */
    int fd;
};

static int fail_system(const char *path, const char *what)
{
    return cli_fail("%s: %s: %s", path, what, strerror(errno));
}

/* ---- names ---- */

/* A nameless file in the folder of `path`, or -1. */
static int open_nameless(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    int fd = folder == NULL ? -1 : open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    free(folder);
    return fd;
}

static bool output_open(struct output *output, const char *path)
{
    *output = (struct output){.path = path};
    if (asprintf(&output->temporary, "%s.XXXXXX", path) < 0) {
        output->temporary = NULL;
        return false;
    }
    output->fd = open_nameless(path);
    if (output->fd < 0) {
        output->fd = mkostemp(output->temporary, O_CLOEXEC); /* 0600 */
        output->named = output->fd >= 0;
    }
    return output->fd >= 0;
}

/* Gives a nameless file the name `name`. */
static bool output_link(const struct output *output, const char *name)
{
    char self[40];
    snprintf(self, sizeof self, "/proc/self/fd/%d", output->fd);
    return linkat(AT_FDCWD, self, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0;
}

/* Gives it its name. One that is taken can only be replaced by a file that has another. */
static bool output_publish(struct output *output)
{
    if (!output->named && output_link(output, output->path))
        return true;
    for (unsigned i = 0; !output->named && i < TRIES && errno == EEXIST; i++) {
        snprintf(output->temporary + strlen(output->path), sizeof ".XXXXXX", ".%06x",
                 ((unsigned)getpid() * TRIES + i) & 0xFFFFFF);
        output->named = output_link(output, output->temporary);
    }
    if (!output->named || rename(output->temporary, output->path) != 0)
        return false;
    output->named = false;
    return true;
}

static void output_close(struct output *output)
{
    if (output->named)
        unlink(output->temporary);
    close(output->fd);
    free(output->temporary);
}

/* ---- writing ---- */

static int write_stream(comem_store *store, const struct place *place, FILE *stream)
{
    comem_status status = export_write(store, stream);
    return status == COMEM_OK ? CLI_OK : cli_fail_at(place->name, status);
}

/* Writes through a descriptor, which stays open. */
static int write_descriptor(comem_store *store, const struct place *place, int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    FILE *stream = copy < 0 ? NULL : fdopen(copy, "wb");
    if (stream == NULL) {
        if (copy >= 0)
            close(copy);
        return fail_system(place->name, "no stream");
    }
    int code = write_stream(store, place, stream);
    fclose(stream); /* all was flushed */
    return code;
}

static int write_file(comem_store *store, const struct place *place, const char *path)
{
    struct output output;
    if (!output_open(&output, path)) {
        int code = fail_system(path, "no file can be made there");
        free(output.temporary);
        return code;
    }
    int code = write_descriptor(store, place, output.fd);
    if (code == CLI_OK && (fsync(output.fd) != 0 || !output_publish(&output)))
        code = fail_system(path, "the file cannot be put in its place");
    output_close(&output);
    return code;
}

static int write_device(comem_store *store, const struct place *place, const char *path)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_system(path, "it cannot be opened");
    int code = write_descriptor(store, place, fd);
    close(fd);
    return code;
}

static int write_to(comem_store *store, const struct place *place, const char *path)
{
    struct stat found;
    if (strcmp(path, "-") == 0)
        return write_stream(store, place, stdout);
    if (stat(path, &found) == 0 && !S_ISREG(found.st_mode))
        return write_device(store, place, path);
    return write_file(store, place, path);
}

static int run(const struct cli_line *line)
{
    const char *path = line->count > 1 ? line->words[1] : "-";
    struct place place;
    comem_store *store;
    if (strcmp(path, "-") == 0 && isatty(STDOUT_FILENO))
        return cli_fail("an export is nothing for a terminal: name a file, or pipe it into something");
    if (!look_join(line->words[0], &store, &place))
        return CLI_PROBLEM;
    int code = write_to(store, &place, path);
    look_leave(store, &place);
    return code;
}

const struct cli_command command_export = {
    .name = "export",
    .arguments = "STORE [FILE]",
    .summary = "write all that a store's roots reach to a file",
    .help =
        "Writes all objects that the store's roots reach to FILE, or to stdout, in a format that every version reads;\n"
        "comem import makes a store of it. A FILE that is there is replaced when all is written.",
    .least = 1,
    .most = 2,
    .run = run,
};
