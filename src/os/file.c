/* file.c - files that hold stores: making, publishing, opening, and what there is to know of them
 *
 * A file is made without a name and linked into its folder when it is whole, so a death before that leaves nothing. Opening
 * follows no link at the end of a path, waits for nobody (a pipe, a terminal), and takes what it finds for what its descriptor
 * says, not its name.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/os.h"

#define TMPFS 0x01021994
#define EXT4 0xEF53
#define XFS 0x58465342

static void facts_fill(const struct stat *status, struct os_file *file)
{
    *file = (struct os_file){.kind = S_ISREG(status->st_mode)   ? OS_FILE_REGULAR
                                     : S_ISLNK(status->st_mode) ? OS_FILE_LINK
                                     : S_ISDIR(status->st_mode) ? OS_FILE_FOLDER
                                                                : OS_FILE_OTHER,
                             .ours = status->st_uid == geteuid(),
                             .secret = (status->st_mode & 077) == 0,
                             .size = (uint64_t)status->st_size,
                             .device = (uint64_t)status->st_dev,
                             .inode = (uint64_t)status->st_ino};
}

bool os_file_at(const char *path, struct os_file *file)
{
    struct stat status;
    if (lstat(path, &status) != 0)
        return false;
    facts_fill(&status, file);
    return true;
}

bool os_file_of(int fd, struct os_file *file)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return false;
    facts_fill(&status, file);
    return true;
}

bool os_file_system_known(int fd)
{
    struct statfs status;
    if (fstatfs(fd, &status) != 0)
        return false;
    unsigned long type = (unsigned long)status.f_type & 0xFFFFFFFF;
    return type == TMPFS || type == EXT4 || type == XFS;
}

static int open_with(const char *path, int access)
{
    return (int)syscall(SYS_openat, AT_FDCWD, path, access | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
}

int os_file_open(const char *path)
{
    return open_with(path, O_RDWR);
}

int os_file_open_to_read(const char *path)
{
    return open_with(path, O_RDONLY);
}

int os_file_make(const char *folder)
{
    int fd = (int)syscall(SYS_openat, AT_FDCWD, folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 || fchmod(fd, 0600) == 0) /* whatever the folder's access lists add to new files */
        return fd;
    int error = errno;
    os_close(fd);
    errno = error;
    return -1;
}

bool os_file_publish(int fd, const char *path)
{
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, name, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0;
}

bool os_file_remove(const char *path)
{
    return unlink(path) == 0;
}

bool os_file_lock(int fd, uint64_t byte, enum os_lock lock)
{
    struct flock wanted = {
        .l_type = lock == OS_LOCK_ALONE ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET, .l_start = (off_t)byte, .l_len = 1};
    return fcntl(fd, F_OFD_SETLK, &wanted) == 0;
}

uint32_t os_user(void)
{
    return (uint32_t)geteuid();
}
