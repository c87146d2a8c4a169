/* life.c - how a thread's death is known: a robust mutex it holds for life
 *
 * The kernel walks a dying thread's list of robust mutexes and sets FUTEX_OWNER_DIED in each. That needs the thread number
 * in the mutex to be the one the kernel knows and the list to be registered: both are checked at the beginning, because a
 * sandbox or an emulator may offer neither.
 *
 * That list goes through the mutexes, which others can write to, and the C library believes what it finds there. So the end
 * of a life first puts right what stands in the mutex: the list's two ends are private memory, and from both the neighbours
 * are found.
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

#define LIST_MAX 4096u /* mutexes that a thread may have in its list, of whatever library */

/* A mutex in the list: the list's pointers are to `next`. The thread's own one, where it begins and ends, looks the same. */
struct life_node {
    void *previous_next, *next;
};

static struct life_node *node_of(const void *next)
{
    return (struct life_node *)(((uintptr_t)next & ~(uintptr_t)1) -
                                offsetof(struct life_node, next)); /* 1: of another kind */
}

static struct life_node *life_list(void)
{
    struct robust_list_head *head = NULL;
    size_t size = 0;
    if (syscall(SYS_get_robust_list, 0, &head, &size) != 0)
        return NULL;
    if (head == NULL)
        errno = ENOSYS;
    return head == NULL ? NULL : node_of(head);
}

static bool mutex_make(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    errno = pthread_mutex_init(mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return errno == 0;
}

bool os_life_begin(struct os_life *life)
{
    if (life_list() == NULL || !mutex_make(&life->u.mutex))
        return false;
    int error = pthread_mutex_lock(&life->u.mutex);
    if (error == 0 && (word32_load(&life->u.word) & FUTEX_TID_MASK) != os_thread_id())
        error = ENOSYS;
    errno = error;
    return error == 0;
}

/* Of the mutex, which is shared memory. */
static void field_put_right(void *field, uint32_t value)
{
    if (word32_load((const word32 *)field) != value)
        word32_store((word32 *)field, value);
}

/* Writes what the C library wrote when the mutex was locked, wherever something else stands by now. False: the thread's list
 * does not have it. */
static bool life_put_right(struct os_life *life)
{
    struct life_node *ends = life_list(), *mine = (struct life_node *)(void *)&life->u.mutex.__data.__list;
    struct life_node *before = ends, *behind = ends;
    pthread_mutex_t fresh;
    if (ends == NULL || !mutex_make(&fresh))
        return false;
    for (unsigned i = 0; i < LIST_MAX && node_of(before->next) != mine && node_of(before->next) != ends; i++)
        before = node_of(before->next);
    for (unsigned i = 0;
         i < LIST_MAX && node_of(behind->previous_next) != mine && node_of(behind->previous_next) != ends; i++)
        behind = node_of(behind->previous_next);
    if (node_of(before->next) != mine || node_of(behind->previous_next) != mine)
        return false;
    if (node_of(mine->previous_next) != before)
        word_store((word64 *)(void *)&mine->previous_next, (uintptr_t)&before->next);
    if (node_of(mine->next) != behind)
        word_store((word64 *)(void *)&mine->next, (uintptr_t)&behind->next);
    uint32_t word = word32_load(&life->u.word);
    if ((word & FUTEX_TID_MASK) != os_thread_id() || (word & FUTEX_OWNER_DIED) != 0)
        word32_store(&life->u.word, os_thread_id() | FUTEX_WAITERS);
    field_put_right(&life->u.mutex.__data.__kind, (uint32_t)fresh.__data.__kind);
    field_put_right(&life->u.mutex.__data.__owner, os_thread_id());
    field_put_right(&life->u.mutex.__data.__count, 1);
    field_put_right(&life->u.mutex.__data.__nusers, 1);
    return true;
}

void os_life_end(struct os_life *life)
{
    if (life_put_right(life))
        pthread_mutex_unlock(&life->u.mutex);
    else
        word32_store(&life->u.word, 0);
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
