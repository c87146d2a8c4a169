/* futex.c - sleeping until a word changes or its holder dies
 *
 * futex_waitv sleeps on both words at once. Where it is unknown (Linux before 5.16) or forbidden, a timed wait on the
 * lock word alone does: the death is then noticed a few milliseconds later.
 */
#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "os/os.h"

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

#define BLIND_WAIT_NS UINT64_C(5000000) /* how long to sleep when the kernel cannot tell us of the death */

/* The kernel's struct futex_waitv, which older headers lack. */
struct wait_on {
    uint64_t value, address;
    uint32_t flags, zero;
};

static _Atomic bool no_waitv; /* private: learnt once per process */

#ifdef COMEM_TEST_SEAMS
void (*os_seam_sleep)(const word32 *word);
#endif

static struct timespec to_timespec(uint64_t nanoseconds)
{
    struct timespec time = {.tv_sec = (time_t)(nanoseconds / 1000000000u),
                            .tv_nsec = (long)(nanoseconds % 1000000000u)};
    return time;
}

bool os_sleep(const word32 *word, uint32_t value, const word32 *life, uint32_t life_value, uint64_t nanoseconds)
{
#ifdef COMEM_TEST_SEAMS
    if (os_seam_sleep != NULL) {
        os_seam_sleep(word);
        return false;
    }
#endif
    if (life != NULL && !no_waitv) {
        struct wait_on waits[2] = {{.value = value, .address = (uintptr_t)word, .flags = FUTEX_32},
                                   {.value = life_value, .address = (uintptr_t)life, .flags = FUTEX_32}};
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        struct timespec until = to_timespec((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec + nanoseconds);
        if (syscall(SYS_futex_waitv, waits, 2, 0, &until, CLOCK_MONOTONIC) >= 0)
            return false;
        if (errno != ENOSYS && errno != EPERM)
            return errno == ETIMEDOUT;
        no_waitv = true; /* private: learnt once per process */
    }
    if (life != NULL && nanoseconds > BLIND_WAIT_NS)
        nanoseconds = BLIND_WAIT_NS;
    struct timespec timeout = to_timespec(nanoseconds);
    return syscall(SYS_futex, word, FUTEX_WAIT, value, &timeout, NULL, 0) != 0 && errno == ETIMEDOUT;
}

void os_nap(uint64_t nanoseconds)
{
#ifdef COMEM_TEST_SEAMS
    if (os_seam_sleep != NULL) {
        os_seam_sleep(NULL);
        return;
    }
#endif
    struct timespec time = to_timespec(nanoseconds);
    syscall(SYS_nanosleep, &time, NULL);
}

void os_wake(const word32 *word, int count)
{
    syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
}
