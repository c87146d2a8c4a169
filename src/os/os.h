/* os.h - everything that comem asks of the operating system
 *
 * Nothing above this folder knows Linux. Functions that can fail return false and leave errno. None is a cancellation
 * point: they may be called with locks held.
 */
#ifndef COMEM_OS_OS_H
#define COMEM_OS_OS_H

#include <pthread.h>

#include "os/word.h"

/* ---- memory objects (memory.c) ---- */

struct os_memory {
    int fd; /* at 64 or above, so that daemons which close and reuse low numbers do not meet it */
    uint64_t device, inode;
};

/* open() for reading and writing, and close(). */
int os_open(const char *path);
void os_close(int fd);

/* Makes an anonymous memory object that no exec'd process inherits. */
bool os_memory_create(struct os_memory *memory);
/* Takes over the open descriptor `fd`, whatever it is of; on failure it is closed. */
bool os_memory_adopt(struct os_memory *memory, int fd);
/* Opens descriptor `fd` of process `pid` once more; -1 when that is not there, not to be opened, or no plain file. */
int os_memory_open(int pid, int fd);
/* Whether it is sealed: nobody can cut it short. */
bool os_memory_sealed(const struct os_memory *memory);
/* Whether it is this user's or root's; root trusts everybody's. */
bool os_memory_trusted(const struct os_memory *memory);
/* Reads the object's first `size` bytes; false when it has not so many. */
bool os_memory_read(const struct os_memory *memory, void *data, size_t size);
/* Whether `fd` still is the object it was. */
bool os_memory_intact(const struct os_memory *memory);
/* Bytes of the object, 0 when its descriptor is gone. */
uint64_t os_memory_size(const struct os_memory *memory);
/* Opens the object again through descriptor `fd` of process `pid`; false when that is something else by now. */
bool os_memory_reopen(struct os_memory *memory, int pid, int fd);
/* Gives `size` bytes from `offset` on real pages; what is there stays. ENOSPC, EFBIG and ENOMEM say that there is no room. */
bool os_memory_commit(const struct os_memory *memory, uint64_t offset, uint64_t size);
/* Maps `size` bytes shared, aligned to 2 MiB; NULL on failure. Pages beyond what was committed must not be touched. */
void *os_memory_map(const struct os_memory *memory, uint64_t size);
/* The same for a descriptor that is open for reading only: writing to it faults. */
void *os_memory_map_to_read(const struct os_memory *memory, uint64_t size);
void os_memory_unmap(void *base, uint64_t size);
void os_memory_close(struct os_memory *memory);
/* The largest window that fits this process's limits, at most `wanted`. */
uint64_t os_memory_window(uint64_t wanted);
/* Bytes of memory the machine has. */
uint64_t os_memory_total(void);
/* A zeroed private page of os_page_size() bytes that reads as zeros in a child of fork; NULL on failure. */
void *os_page_wiped_on_fork(void);
size_t os_page_size(void);

/* ---- files with a name (file.c) ---- */

enum os_file_kind { OS_FILE_REGULAR, OS_FILE_LINK, OS_FILE_FOLDER, OS_FILE_OTHER };
struct os_file {
    enum os_file_kind kind;
    bool ours;   /* the effective user's */
    bool secret; /* nobody else has any right */
    uint64_t size, device, inode;
};

/* What stands at `path`, links not followed, and what `fd` is of. */
bool os_file_at(const char *path, struct os_file *file);
bool os_file_of(int fd, struct os_file *file);
/* Whether it is on tmpfs, ext4 or xfs. */
bool os_file_system_known(int fd);
/* Opens for reading and writing what is at `path`, but no link, and waits for nothing. */
int os_file_open(const char *path);
/* The same for reading alone. */
int os_file_open_to_read(const char *path);
/* Makes a file of this user alone in `folder`, without a name. */
int os_file_make(const char *folder);
/* Gives it its name; EEXIST: somebody else has it. */
bool os_file_publish(int fd, const char *path);
bool os_file_remove(const char *path);
/* Takes or changes this descriptor's lock on a byte of the file, which goes with its last copy. False when others' are in the
 * way. */
enum os_lock { OS_LOCK_SHARED, OS_LOCK_ALONE };
bool os_file_lock(int fd, uint64_t byte, enum os_lock lock);
/* The effective user's number. */
uint32_t os_user(void);

/* ---- sleeping (futex.c) ---- */

/* Sleeps while *word == value and, if `life` is not NULL, *life == life_value; at most `nanoseconds`. May wake early.
 * Whether the time ran out. */
bool os_sleep(const word32 *word, uint32_t value, const word32 *life, uint32_t life_value, uint64_t nanoseconds);
void os_nap(uint64_t nanoseconds);
/* Wakes up to `count` sleepers of `word`. */
void os_wake(const word32 *word, int count);

/* ---- life words (life.c) ---- */

/* A robust mutex that its owner locks for life: the kernel marks it when the owning thread dies, execs or exits, whoever
 * kills it and however fast its thread number is given out again. Others only read it, and may ask to be woken. */
struct os_life {
    union {
        pthread_mutex_t mutex;
        word32 word; /* the mutex's first field: owner's thread number, and what the kernel adds at death */
        uint64_t space[8];
    } u;
};
static_assert(sizeof(struct os_life) == 64, "a life word is a cache line");

/* Begins the calling thread's life in `life`, which nobody else may use. False: this system's robust mutexes do not work. */
bool os_life_begin(struct os_life *life);
/* Ends it in good order. Only by the thread that began it. */
void os_life_end(struct os_life *life);
/* Whether its thread has let go of it, which says nothing of the thread. */
bool os_life_ended(const struct os_life *life);
/* Whether the thread that began it is gone. Acquires what it did before. */
bool os_life_over(const struct os_life *life);
/* Ends the life of a thread that is gone without the kernel's knowing: the machine was started again since. */
void os_life_forgo(struct os_life *life);
/* Asks the kernel to wake sleepers on the life word at the owner's death; returns the word to sleep on. */
uint32_t os_life_watch(struct os_life *life);

/* ---- identity, clock, witness (process.c) ---- */

uint32_t os_thread_id(void);
uint32_t os_process_id(void);
/* Whether there is a process of that number in this namespace, of whatever user. */
bool os_process_exists(int pid);
/* A number of this machine and its last start, 0 when it is not to be known. */
uint64_t os_boot(void);
/* The inode of this process's PID namespace, 0 when it is not to be known; and whether a thread of it is there. */
uint64_t os_pid_namespace(void);
bool os_thread_alive(uint32_t thread);
/* Nanoseconds since some point of this boot, the same for every process. */
uint64_t os_clock(void);
bool os_random(void *data, size_t size);
/* A witness tells whether some process of a group that inherited it is alive: a lock on byte `byte` of the object that goes
 * with the last copy of the returned descriptor. -1 when there is none to be had. */
int os_witness_take(const struct os_memory *memory, uint64_t byte);
bool os_witness_held(const struct os_memory *memory, uint64_t byte);
void os_witness_drop(int witness);

#ifdef COMEM_TEST_SEAMS
/* Tests play the kernel and the clock. NULL: the real ones. */
extern bool (*os_seam_life_over)(const struct os_life *life);
extern uint64_t (*os_seam_clock)(void);
extern void (*os_seam_sleep)(const word32 *word);
extern bool (*os_seam_thread_alive)(uint32_t thread);
extern uint64_t (*os_seam_boot)(void);
#endif

#endif
