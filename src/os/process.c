/* process.c - who we are, what time it is, and witnesses of children to come
 *
 * A witness is a lock of an open file description: it belongs to every process that inherited the descriptor and goes
 * when the last of them closed it or died. So a process record made for a child before fork() can be told from one whose
 * child never came to be. The description has to be one of its own, which /proc gives.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "os/os.h"

#ifdef COMEM_TEST_SEAMS
uint64_t (*os_seam_clock)(void);
bool (*os_seam_thread_alive)(uint32_t thread);
uint64_t (*os_seam_boot)(void);
#endif

uint32_t os_thread_id(void)
{
    return (uint32_t)syscall(SYS_gettid);
}

uint32_t os_process_id(void)
{
    return (uint32_t)getpid();
}

bool os_process_exists(int pid)
{
    return kill(pid, 0) == 0 || errno != ESRCH;
}

static pthread_once_t boot_once = PTHREAD_ONCE_INIT;
static uint64_t boot; /* the same for every process that inherits it */

static void boot_read(void)
{
    char text[64];
    int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    long length = fd < 0 ? 0 : syscall(SYS_read, fd, text, sizeof text);
    if (fd >= 0)
        os_close(fd);
    if (length > 0)
        boot = UINT64_C(0xCBF29CE484222325); /* FNV-1a */
    for (long i = 0; i < length; i++)
        boot = (boot ^ (uint8_t)text[i]) * UINT64_C(0x100000001B3);
}

uint64_t os_boot(void)
{
#ifdef COMEM_TEST_SEAMS
    if (os_seam_boot != NULL)
        return os_seam_boot();
#endif
    pthread_once(&boot_once, boot_read);
    return boot;
}

uint64_t os_pid_namespace(void)
{
    struct stat status;
    return stat("/proc/self/ns/pid", &status) == 0 ? (uint64_t)status.st_ino : 0;
}

bool os_thread_alive(uint32_t thread)
{
#ifdef COMEM_TEST_SEAMS
    if (os_seam_thread_alive != NULL)
        return os_seam_thread_alive(thread);
#endif
    return syscall(SYS_tkill, (pid_t)thread, 0) == 0 || errno != ESRCH;
}

uint64_t os_clock(void)
{
#ifdef COMEM_TEST_SEAMS
    if (os_seam_clock != NULL)
        return os_seam_clock();
#endif
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

bool os_random(void *data, size_t size)
{
    return getrandom(data, size, 0) == (ssize_t)size;
}

static struct flock witness_lock(uint64_t byte)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)byte, .l_len = 1};
    return lock;
}

int os_witness_take(const struct os_memory *memory, uint64_t byte)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", memory->fd);
    int fd = os_open(path);
    if (fd < 0)
        return -1;
    struct flock lock = witness_lock(byte);
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return fd;
    os_close(fd);
    return -1;
}

bool os_witness_held(const struct os_memory *memory, uint64_t byte)
{
    struct flock lock = witness_lock(byte);
    return fcntl(memory->fd, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK; /* in doubt it lives */
}

void os_witness_drop(int witness)
{
    if (witness >= 0)
        os_close(witness);
}
