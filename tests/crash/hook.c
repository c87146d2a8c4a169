/* hook.c - the sanitizer's entry points, answered in its stead; and an allocator whose memory goes with the trial */
#include "hook.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAPPINGS_MAX 4
#define JOURNAL_MAX (1u << 22)
#define ARENA_SIZE (64u << 20)

jmp_buf hook_death;

static struct {
    uint8_t *base;
    uint64_t size;
} mappings[MAPPINGS_MAX];
static unsigned mapping_count;

static struct journal_entry {
    void *address;
    uint64_t old;
    uint32_t size;
    uint32_t shared;
} journal[JOURNAL_MAX];
static uint64_t journal_end, stores, loads, die_at = HOOK_NEVER, stop_at = HOOK_NEVER, image;
static uint64_t stop_store_at = HOOK_NEVER;
static void (*stop_reader)(void), (*stop_writer)(void);
static bool stopped, marked, really;
static uintptr_t stack_top;

/* ---- shared memory ---- */

void hook_add_mapping(void *base, uint64_t size)
{
    if (stack_top == 0)
        stack_top = (uintptr_t)__builtin_frame_address(0) + 65536; /* main's frames are not far above */
    mappings[mapping_count].base = base;
    mappings[mapping_count++].size = size;
}

void hook_forget_mappings(void)
{
    mapping_count = 0;
}

/* The offset of a mapped address, UINT64_MAX for private ones. */
static uint64_t offset_of(const volatile void *address)
{
    for (unsigned i = 0; i < mapping_count; i++) {
        uint64_t offset = (uint64_t)((const volatile uint8_t *)address - mappings[i].base);
        if (offset < mappings[i].size)
            return offset;
    }
    return UINT64_MAX;
}

static uint64_t mix(uint64_t offset, uint64_t value)
{
    uint64_t sum = (offset + 1) * UINT64_C(0x9E3779B97F4A7C15) ^ value * UINT64_C(0xC2B2AE3D27D4EB4F);
    sum ^= sum >> 29;
    sum *= UINT64_C(0xBF58476D1CE4E5B9);
    sum ^= sum >> 32;
    return sum * UINT64_C(0x94D049BB133111EB);
}

static void journal_add(void *address, uint64_t old, uint32_t size, bool shared)
{
    if (!marked)
        journal_end = 0; /* the last entry is enough */
    if (journal_end == JOURNAL_MAX) {
        fprintf(stderr, "crash: the journal is full\n");
        abort();
    }
    journal[journal_end++] = (struct journal_entry){address, old, size, shared};
}

static void die(void)
{
    if (really)
        kill(getpid(), SIGKILL);
    longjmp(hook_death, 1);
}

/* Before a store of `size` bytes at `address`: dies, or writes down what was there. Returns the word around it. */
static volatile uint64_t *before_store(volatile void *address, bool shared)
{
    volatile uint64_t *word = (volatile uint64_t *)((uintptr_t)address & ~(uintptr_t)7);
    if (shared) {
        if (stores == die_at)
            die();
        if (stores == stop_store_at) {
            uint64_t at = stores;
            stop_store_at = HOOK_NEVER;
            stop_writer();
            stores = at;
        }
        stores++;
    }
    journal_add((void *)(uintptr_t)word, *word, 8, shared);
    return word;
}

static void after_store(uint64_t offset, volatile uint64_t *word)
{
    uint64_t old = journal[journal_end - 1].old, aligned = offset & ~UINT64_C(7);
    image ^= mix(aligned, old) ^ mix(aligned, *word);
}

static void on_load(const volatile void *address)
{
    if (offset_of(address) == UINT64_MAX)
        return;
    if (loads++ == stop_at && !stopped) {
        uint64_t at = loads;
        stopped = true; /* the writers' own loads stop nobody */
        stop_reader();
        loads = at;
    }
}

static void on_private_store(void *address, uint32_t size)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    if (!marked || ((uintptr_t)address + 4096 >= here && (uintptr_t)address < stack_top))
        return; /* the stack: gone, or left behind, with the operation */
    for (uint32_t done = 0; done < size; done += 8) {
        uint32_t part = size - done < 8 ? size - done : 8;
        uint64_t old = 0;
        memcpy(&old, (char *)address + done, part);
        journal_add((char *)address + done, old, part, false);
    }
}

void hook_die_really(void)
{
    really = true;
}

void hook_arm(uint64_t store)
{
    stores = 0;
    die_at = store;
}

uint64_t hook_stores(void)
{
    return stores;
}

void hook_stop_writer(uint64_t store, void (*stop)(void))
{
    stores = 0;
    die_at = HOOK_NEVER;
    stop_store_at = store;
    stop_writer = stop;
}

void hook_stop_reader(uint64_t load, void (*stop)(void))
{
    loads = 0;
    stop_at = load;
    stop_reader = stop;
    stopped = false;
}

uint64_t hook_loads(void)
{
    return loads;
}

hook_mark hook_now(void)
{
    marked = true;
    return journal_end;
}

void hook_rollback(hook_mark mark)
{
    die_at = stop_at = stop_store_at = HOOK_NEVER;
    while (journal_end > mark) {
        const struct journal_entry *entry = &journal[--journal_end];
        if (entry->shared) {
            uint64_t offset = offset_of(entry->address), now;
            memcpy(&now, entry->address, 8);
            image ^= mix(offset, now) ^ mix(offset, entry->old);
        }
        memcpy(entry->address, &entry->old, entry->size);
    }
}

uint64_t hook_image(void)
{
    return image;
}

/* ---- the sanitizer's names ---- */

void __tsan_init(void);
void __tsan_func_entry(void *caller);
void __tsan_func_exit(void);
void __tsan_read_range(void *address, unsigned long size);
void __tsan_write_range(void *address, unsigned long size);
void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_signal_fence(int order);

void __tsan_init(void)
{
}

void __tsan_func_entry(void *caller)
{
    (void)caller;
}

void __tsan_func_exit(void)
{
}

void __tsan_atomic_thread_fence(int order)
{
    (void)order;
}

void __tsan_atomic_signal_fence(int order)
{
    (void)order;
}

void __tsan_read_range(void *address, unsigned long size)
{
    (void)size;
    on_load(address);
}

/* No plain store may reach mapped memory: the word-store rule. */
static void plain_store(void *address, uint32_t size)
{
    if (offset_of(address) != UINT64_MAX) {
        fprintf(stderr, "crash: a plain store to shared memory at %p\n", address);
        abort();
    }
    on_private_store(address, size);
}

void __tsan_write_range(void *address, unsigned long size)
{
    plain_store(address, (uint32_t)size);
}

/* clang's, from version 15 on. */
void *__tsan_memcpy(void *to, const void *from, size_t size);
void *__tsan_memmove(void *to, const void *from, size_t size);
void *__tsan_memset(void *to, int byte, size_t size);

void *__tsan_memcpy(void *to, const void *from, size_t size)
{
    plain_store(to, (uint32_t)size);
    return memcpy(to, from, size);
}

void *__tsan_memmove(void *to, const void *from, size_t size)
{
    plain_store(to, (uint32_t)size);
    return memmove(to, from, size);
}

void *__tsan_memset(void *to, int byte, size_t size)
{
    plain_store(to, (uint32_t)size);
    return memset(to, byte, size);
}

#define PLAIN(size)                                   \
    void __tsan_read##size(void *address);            \
    void __tsan_write##size(void *address);           \
    void __tsan_unaligned_read##size(void *address);  \
    void __tsan_unaligned_write##size(void *address); \
    void __tsan_read##size(void *address)             \
    {                                                 \
        on_load(address);                             \
    }                                                 \
    void __tsan_write##size(void *address)            \
    {                                                 \
        plain_store(address, size);                   \
    }                                                 \
    void __tsan_unaligned_read##size(void *address)   \
    {                                                 \
        on_load(address);                             \
    }                                                 \
    void __tsan_unaligned_write##size(void *address)  \
    {                                                 \
        plain_store(address, size);                   \
    }

PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)

/* One thread plays all parties, so plain accesses do for atomic ones. */
#define STORE(address, expression)                                                            \
    uint64_t offset = offset_of(address);                                                     \
    volatile uint64_t *word = before_store((volatile void *)(address), offset != UINT64_MAX); \
    expression;                                                                               \
    if (offset != UINT64_MAX)                                                                 \
    after_store(offset, word)

#define ATOMIC(bits, type)                                                                                           \
    type __tsan_atomic##bits##_load(const volatile type *address, int order);                                        \
    void __tsan_atomic##bits##_store(volatile type *address, type value, int order);                                 \
    type __tsan_atomic##bits##_exchange(volatile type *address, type value, int order);                              \
    type __tsan_atomic##bits##_fetch_add(volatile type *address, type value, int order);                             \
    type __tsan_atomic##bits##_fetch_sub(volatile type *address, type value, int order);                             \
    type __tsan_atomic##bits##_fetch_or(volatile type *address, type value, int order);                              \
    int __tsan_atomic##bits##_compare_exchange_strong(volatile type *address, type *expected, type value, int order, \
                                                      int failure);                                                  \
    type __tsan_atomic##bits##_compare_exchange_val(volatile type *address, type expected, type value, int order,    \
                                                    int failure);                                                    \
    type __tsan_atomic##bits##_load(const volatile type *address, int order)                                         \
    {                                                                                                                \
        (void)order;                                                                                                 \
        on_load(address);                                                                                            \
        return *address;                                                                                             \
    }                                                                                                                \
    void __tsan_atomic##bits##_store(volatile type *address, type value, int order)                                  \
    {                                                                                                                \
        (void)order;                                                                                                 \
        STORE(address, *address = value);                                                                            \
    }                                                                                                                \
    type __tsan_atomic##bits##_exchange(volatile type *address, type value, int order)                               \
    {                                                                                                                \
        (void)order;                                                                                                 \
        type old = *address;                                                                                         \
        STORE(address, *address = value);                                                                            \
        return old;                                                                                                  \
    }                                                                                                                \
    type __tsan_atomic##bits##_fetch_add(volatile type *address, type value, int order)                              \
    {                                                                                                                \
        (void)order;                                                                                                 \
        type old = *address;                                                                                         \
        STORE(address, *address = (type)(old + value));                                                              \
        return old;                                                                                                  \
    }                                                                                                                \
    type __tsan_atomic##bits##_fetch_sub(volatile type *address, type value, int order)                              \
    {                                                                                                                \
        (void)order;                                                                                                 \
        type old = *address;                                                                                         \
        STORE(address, *address = (type)(old - value));                                                              \
        return old;                                                                                                  \
    }                                                                                                                \
    type __tsan_atomic##bits##_fetch_or(volatile type *address, type value, int order)                               \
    {                                                                                                                \
        (void)order;                                                                                                 \
        type old = *address;                                                                                         \
        STORE(address, *address = (type)(old | value));                                                              \
        return old;                                                                                                  \
    }                                                                                                                \
    int __tsan_atomic##bits##_compare_exchange_strong(volatile type *address, type *expected, type value, int order, \
                                                      int failure)                                                   \
    {                                                                                                                \
        (void)order;                                                                                                 \
        (void)failure;                                                                                               \
        on_load(address);                                                                                            \
        if (*address != *expected) {                                                                                 \
            *expected = *address;                                                                                    \
            return 0;                                                                                                \
        }                                                                                                            \
        STORE(address, *address = value);                                                                            \
        return 1;                                                                                                    \
    }                                                                                                                \
    type __tsan_atomic##bits##_compare_exchange_val(volatile type *address, type expected, type value, int order,    \
                                                    int failure)                                                     \
    {                                                                                                                \
        __tsan_atomic##bits##_compare_exchange_strong(address, &expected, value, order, failure);                    \
        return expected;                                                                                             \
    }

ATOMIC(8, uint8_t)
ATOMIC(32, uint32_t)
ATOMIC(64, uint64_t)

/* ---- malloc ---- */

/* The C library's own, under names it exports for this. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void __libc_free(void *block);

static _Alignas(16) uint8_t arena[ARENA_SIZE];
static size_t arena_end;
static bool arena_on;

void hook_arena(bool on)
{
    arena_on = on;
}

void hook_arena_reset(void)
{
    arena_end = 0;
}

static bool arena_has(const void *block)
{
    return (const uint8_t *)block >= arena && (const uint8_t *)block < arena + ARENA_SIZE;
}

void *malloc(size_t size)
{
    if (!arena_on)
        return __libc_malloc(size);
    size = (size + 15) & ~(size_t)15;
    if (size > ARENA_SIZE - arena_end)
        return NULL;
    void *block = arena + arena_end;
    arena_end += size;
    return block;
}

void *calloc(size_t count, size_t size)
{
    if (!arena_on)
        return __libc_calloc(count, size);
    void *block = malloc(count * size);
    return block == NULL ? NULL : memset(block, 0, count * size);
}

void *realloc(void *block, size_t size)
{
    return arena_has(block) ? NULL : __libc_realloc(block, size);
}

/* What is freed inside a trial may be wanted again after it was taken back. */
void free(void *block)
{
    if (!arena_on && !arena_has(block))
        __libc_free(block);
}
