/* life.c - how a thread's death is known: a robust mutex it holds for life
 *
 * The kernel walks a dying thread's list of robust mutexes and sets FUTEX_OWNER_DIED in each. That needs the thread number
 * in the mutex to be the one the kernel knows and the list to be registered: both are checked at the beginning, because a
 * sandbox or an emulator may offer neither.
 */
#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/os.h"

#ifdef COMEM_TEST_SEAMS
bool (*os_seam_life_over)(const struct os_life *life);
#endif

static_assert(offsetof(pthread_mutex_t, __data.__lock) == 0,
              "the C library keeps the owner in the mutex's first field");
static_assert(sizeof(pthread_mutex_t) <= 64, "a mutex fits into its line");

bool os_life_begin(struct os_life *life)
{
    pthread_mutexattr_t attributes;
    void *list = NULL;
    size_t size = 0;
    if (syscall(SYS_get_robust_list, 0, &list, &size) != 0)
        return false;
    if (list == NULL) {
        errno = ENOSYS;
        return false;
    }
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    int error = pthread_mutex_init(&life->u.mutex, &attributes);
    if (error == 0)
        error = pthread_mutex_lock(&life->u.mutex);
    pthread_mutexattr_destroy(&attributes);
    if (error == 0 && (word32_load(&life->u.word) & FUTEX_TID_MASK) != os_thread_id())
        error = ENOSYS;
    errno = error;
    return error == 0;
}

void os_life_end(struct os_life *life)
{
    pthread_mutex_unlock(&life->u.mutex);
}

bool os_life_ended(const struct os_life *life)
{
    return word32_load_acquire(&life->u.word) == 0;
}

bool os_life_over(const struct os_life *life)
{
#ifdef COMEM_TEST_SEAMS
    if (os_seam_life_over != NULL)
        return os_seam_life_over(life);
#endif
    uint32_t word = word32_load_acquire(&life->u.word);
    return (word & FUTEX_OWNER_DIED) != 0 || (word & FUTEX_TID_MASK) == 0;
}

void os_life_forgo(struct os_life *life)
{
    word32_store(&life->u.word, FUTEX_OWNER_DIED);
}

uint32_t os_life_watch(struct os_life *life)
{
    uint32_t word = word32_load(&life->u.word);
    if ((word & FUTEX_OWNER_DIED) != 0 || (word & FUTEX_TID_MASK) == 0 || (word & FUTEX_WAITERS) != 0)
        return word;
    return word32_swap_if(&life->u.word, word, word | FUTEX_WAITERS) ? word | FUTEX_WAITERS : word;
}
