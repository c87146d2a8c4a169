/* word.h - words that several processes share, and the only floor that writes them
 *
 * Memory that others can reach consists of word32 and word64: structs around an atomic member, so that no assignment, no
 * memcpy and no arithmetic reaches it but through the functions below. Each store is one aligned machine store that
 * cannot tear, that the compiler can neither split nor drop, and that the crash tests see and cut.
 *
 * Two kinds of order are needed and kept apart:
 *   word_order()       order of this thread's stores as a survivor finds them after our death. The kernel's own barriers
 *                      on the way of a thread to its death make program order enough, on every processor: only the
 *                      compiler has to be held back.
 *   acquire / publish  order between running threads, for readers that take no lock.
 *
 * A block that nothing names yet is private to its maker and may be filled in one go: word_fill().
 */
#ifndef COMEM_OS_WORD_H
#define COMEM_OS_WORD_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    _Atomic uint64_t value_;
} word64;

typedef struct {
    _Atomic uint32_t value_;
} word32;

static_assert(sizeof(word64) == 8 && sizeof(word32) == 4, "a word is as large as its value");
static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2, "words need no library lock");

#define WORD_LIKELY(condition) __builtin_expect(!!(condition), 1)

/* What is above stands in memory before what is below, for whoever survives this thread. Costs no instruction. */
static inline void word_order(void)
{
    atomic_signal_fence(memory_order_seq_cst);
}

/* Between running threads: loads above are done before loads and stores below. */
static inline void word_fence_acquire(void)
{
    atomic_thread_fence(memory_order_acquire);
}

/* Between running threads: loads and stores above are done before stores below. */
static inline void word_fence_release(void)
{
    atomic_thread_fence(memory_order_release);
}

/* Between running threads: everything above is done before everything below (store before load, too). */
static inline void word_fence_full(void)
{
    atomic_thread_fence(memory_order_seq_cst);
}

static inline uint64_t word_load(const word64 *word)
{
    return atomic_load_explicit(&word->value_, memory_order_relaxed);
}

static inline uint64_t word_load_acquire(const word64 *word)
{
    return atomic_load_explicit(&word->value_, memory_order_acquire);
}

static inline void word_store(word64 *word, uint64_t value)
{
    atomic_store_explicit(&word->value_, value, memory_order_relaxed);
}

/* A store that makes visible, to whoever loads it with acquire, everything stored before. */
static inline void word_publish(word64 *word, uint64_t value)
{
    atomic_store_explicit(&word->value_, value, memory_order_release);
}

/* Stores `next` if the word equals `expected`. Full acquire and release. */
static inline bool word_swap_if(word64 *word, uint64_t expected, uint64_t next)
{
    return atomic_compare_exchange_strong_explicit(&word->value_, &expected, next, memory_order_acq_rel,
                                                   memory_order_acquire);
}

/* Adds and returns what was there before. */
static inline uint64_t word_add(word64 *word, uint64_t amount)
{
    return atomic_fetch_add_explicit(&word->value_, amount, memory_order_relaxed);
}

static inline uint32_t word32_load(const word32 *word)
{
    return atomic_load_explicit(&word->value_, memory_order_relaxed);
}

static inline uint32_t word32_load_acquire(const word32 *word)
{
    return atomic_load_explicit(&word->value_, memory_order_acquire);
}

static inline void word32_store(word32 *word, uint32_t value)
{
    atomic_store_explicit(&word->value_, value, memory_order_relaxed);
}

static inline bool word32_swap_if(word32 *word, uint32_t expected, uint32_t next)
{
    return atomic_compare_exchange_strong_explicit(&word->value_, &expected, next, memory_order_acq_rel,
                                                   memory_order_acquire);
}

static inline uint32_t word32_exchange(word32 *word, uint32_t next)
{
    return atomic_exchange_explicit(&word->value_, next, memory_order_acq_rel);
}

/* Fills `size` bytes at `block`, which nothing shared names yet, from private memory. */
static inline void word_fill(void *block, const void *data, size_t size)
{
#ifdef COMEM_TEST_SEAMS
    /* The crash tests roll memory back store by store, so they have to see these as well. */
    for (size_t i = 0; i < size; i++)
        atomic_store_explicit((_Atomic uint8_t *)block + i, ((const uint8_t *)data)[i], memory_order_relaxed);
#else
    memcpy(block, data, size);
#endif
}

/* Zeroes `size` bytes at `block`, which nothing shared names yet. */
static inline void word_fill_zero(void *block, size_t size)
{
#ifdef COMEM_TEST_SEAMS
    for (size_t i = 0; i < size / 8; i++)
        word_store((word64 *)block + i, 0);
#else
    memset(block, 0, size);
#endif
}

/* Copies `size` bytes out of shared memory that may change meanwhile; the caller validates afterwards. `block` is aligned
 * to 8 bytes, and the bytes up to the next multiple of 8 are readable. */
static inline void word_copy_out(void *data, const void *block, size_t size)
{
    const word64 *words = block;
    uint8_t *bytes = data;
    size_t whole = size / 8;
    for (size_t i = 0; i < whole; i++) {
        uint64_t value = word_load(&words[i]);
        memcpy(bytes + i * 8, &value, 8); /* private: the caller's copy */
    }
    if (size % 8 != 0) {
        uint64_t value = word_load(&words[whole]);
        memcpy(bytes + whole * 8, &value, size % 8); /* private: the caller's copy */
    }
}

/* Whether `size` bytes of shared memory, of which as word_copy_out(), equal those at `data`; the caller validates. */
static inline bool word_equal(const void *block, const void *data, size_t size)
{
    const word64 *words = block;
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size / 8; i++) {
        uint64_t value = word_load(&words[i]);
        if (memcmp(bytes + i * 8, &value, 8) != 0)
            return false;
    }
    if (size % 8 != 0) {
        uint64_t value = word_load(&words[size / 8]);
        return memcmp(bytes + size / 8 * 8, &value, size % 8) == 0;
    }
    return true;
}

/* Brings a line that will be written soon. Any address will do. */
static inline void word_prefetch(const void *address)
{
    __builtin_prefetch(address, 1);
}

/* For a thread that spins. */
static inline void word_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield" ::: "memory");
#else
    word_order();
#endif
}

#endif
