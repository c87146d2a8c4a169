/* memory.c - memory objects: memfd, or an unlinked file where memfd is forbidden
 *
 * A memfd is sealed against shrinking, so that no process can make another's mapping fault. Pages are made by fallocate
 * only: on a full file system it answers ENOSPC, where a bare ftruncate would let the first touch of a page kill us.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/os.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

#define LOWEST_FD 64
#define MAP_ALIGNMENT (UINT64_C(2) << 20)

static int memory_fd(void)
{
    int fd = memfd_create("comem", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL) /* a kernel that does not know NOEXEC_SEAL */
        fd = memfd_create("comem", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0) {
        if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL) == 0)
            return fd;
        int error = errno;
        os_close(fd);
        errno = error;
        return -1;
    }
    if (errno != EPERM && errno != ENOSYS)
        return -1;
    return (int)syscall(SYS_openat, AT_FDCWD, "/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
}

int os_open(const char *path)
{
    return (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
}

void os_close(int fd)
{
    syscall(SYS_close, fd);
}

bool os_memory_adopt(struct os_memory *memory, int fd)
{
    struct stat status;
    int high = fcntl(fd, F_DUPFD_CLOEXEC, LOWEST_FD);
    if (high >= 0)
        os_close(fd);
    else
        high = fd; /* the process may not have so many */
    if (fstat(high, &status) != 0) {
        os_close(high);
        return false;
    }
    memory->fd = high;
    memory->device = (uint64_t)status.st_dev;
    memory->inode = (uint64_t)status.st_ino;
    return true;
}

bool os_memory_create(struct os_memory *memory)
{
    int fd = memory_fd();
    return fd >= 0 && os_memory_adopt(memory, fd);
}

bool os_memory_intact(const struct os_memory *memory)
{
    struct stat status;
    return memory->fd >= 0 && fstat(memory->fd, &status) == 0 && (uint64_t)status.st_dev == memory->device &&
           (uint64_t)status.st_ino == memory->inode;
}

uint64_t os_memory_size(const struct os_memory *memory)
{
    struct stat status;
    return os_memory_intact(memory) && fstat(memory->fd, &status) == 0 ? (uint64_t)status.st_size : 0;
}

int os_memory_open(int pid, int fd)
{
    char path[64];
    struct stat status;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
    if (stat(path, &status) != 0)
        return -1;
    if (S_ISREG(status.st_mode))
        return os_open(path);
    errno = ESTALE; /* what it names may be a pipe or a device, which must not be opened */
    return -1;
}

bool os_memory_sealed(const struct os_memory *memory)
{
    int seals = fcntl(memory->fd, F_GET_SEALS); /* only memory has them */
    return seals >= 0 && (seals & F_SEAL_SHRINK) != 0;
}

bool os_memory_trusted(const struct os_memory *memory)
{
    struct stat status;
    return fstat(memory->fd, &status) == 0 && (status.st_uid == geteuid() || status.st_uid == 0 || geteuid() == 0);
}

bool os_memory_read(const struct os_memory *memory, void *data, size_t size)
{
    return syscall(SYS_pread64, memory->fd, data, size, 0) == (long)size; /* pread() is a cancellation point */
}

bool os_memory_reopen(struct os_memory *memory, int pid, int fd)
{
    int opened = os_memory_open(pid, fd);
    struct os_memory found;
    if (opened < 0 || !os_memory_adopt(&found, opened))
        return false;
    if (found.device != memory->device || found.inode != memory->inode) {
        os_close(found.fd);
        errno = ESTALE;
        return false;
    }
    memory->fd = found.fd;
    return true;
}

bool os_memory_commit(const struct os_memory *memory, uint64_t offset, uint64_t size)
{
    struct rlimit limit; /* going beyond it would raise SIGXFSZ, whose default kills */
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && offset + size > limit.rlim_cur) {
        errno = EFBIG;
        return false;
    }
    long result;
    do {
        result = syscall(SYS_fallocate, memory->fd, 0, offset, size); /* fallocate() is a cancellation point */
    } while (result != 0 && errno == EINTR);
    return result == 0;
}

static void *map_shared(const struct os_memory *memory, uint64_t size, int protection)
{
    uint8_t *reserved = mmap(NULL, size + MAP_ALIGNMENT, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (reserved == MAP_FAILED)
        return NULL;
    uint64_t before = (MAP_ALIGNMENT - (uintptr_t)reserved % MAP_ALIGNMENT) % MAP_ALIGNMENT;
    uint8_t *base = reserved + before;
    if (before > 0)
        munmap(reserved, before);
    if (MAP_ALIGNMENT - before > 0)
        munmap(base + size, MAP_ALIGNMENT - before);
    if (mmap(base, size, protection, MAP_SHARED | MAP_FIXED | MAP_NORESERVE, memory->fd, 0) == MAP_FAILED) {
        int error = errno;
        munmap(base, size);
        errno = error;
        return NULL;
    }
    return base;
}

void *os_memory_map(const struct os_memory *memory, uint64_t size)
{
    return map_shared(memory, size, PROT_READ | PROT_WRITE);
}

void *os_memory_map_to_read(const struct os_memory *memory, uint64_t size)
{
    return map_shared(memory, size, PROT_READ);
}

void os_memory_unmap(void *base, uint64_t size)
{
    munmap(base, size);
}

void os_memory_close(struct os_memory *memory)
{
    if (os_memory_intact(memory)) /* a number that was closed and reused is somebody else's */
        os_close(memory->fd);
    memory->fd = -1;
}

uint64_t os_memory_window(uint64_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur / 2 < wanted)
        wanted = limit.rlim_cur / 2; /* the other half is the program's own */
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < wanted)
        wanted = limit.rlim_cur;
    return wanted & ~(MAP_ALIGNMENT - 1);
}

uint64_t os_memory_total(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    return pages > 0 ? (uint64_t)pages * os_page_size() : UINT64_C(1) << 30;
}

void *os_page_wiped_on_fork(void)
{
    void *page = mmap(NULL, os_page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return NULL;
    if (madvise(page, os_page_size(), MADV_WIPEONFORK) != 0) {
        munmap(page, os_page_size());
        return NULL;
    }
    return page;
}

size_t os_page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}
