/* damage.c - a store is damaged as an input says, and then used: errors may come of it, and nothing else
 *
 * An input is a series of damages, and what the program does first:
 *
 *   byte 0        where the operations begin, see operations.c; with LATER the damage comes when the store is in use
 *   then, each    {where, which 16, what, argument 16}: a word of a table of words that matter, or any byte of the store, becomes
 *                 what it should not be: a number, an offset, a lock's word, another word of the store, a word with a bit flipped
 *
 * A crash, an access outside the store's mapping, which guard pages and its end make a crash, and an operation that takes
 * more than a second of the processor are findings. A wait for somebody who is alive ends when that one is killed, which is
 * after a while that the test's own clock measures.
 */
#include "damage.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#define COMMAND_SIZE 6u
#define CPU_SECONDS 2
#define CHANGES_MAX 64u
#define LATER 64u

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__asan_default_options(void);

static struct image image, damaged;
static bool trace;

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1:detect_leaks=0:malloc_context_size=3:quarantine_size_mb=16";
}

/* ---- damage ---- */

/* The word that `which` picks; 0: `where` picks any byte, which is no word. */
static uint64_t pick(uint8_t where, uint16_t which)
{
    unsigned table = where % 8;
    if (table >= 6) {
        uint64_t size = image.parts[3].size;
        return image.parts[3].offset + (uint64_t)which * (size / 65536 + 1) % (size - 8);
    }
    const struct image_words *words = &image.words[table];
    return words->offsets[which % words->count];
}

static uint64_t load(const struct image *from, uint64_t offset)
{
    uint64_t value = 0;
    const uint8_t *word = image_word(from, offset);
    if (word != NULL)
        memcpy(&value, word, sizeof value); /* private: an image */
    return value;
}

static uint64_t value_of(uint64_t offset, uint8_t what, uint16_t argument)
{
    uint64_t was = load(&damaged, offset);
    uint64_t block = image.blocks[argument % image.block_count];
    switch (what % 20) {
    case 0:
        return 0;
    case 1:
        return UINT64_MAX;
    case 2:
        return argument;
    case 3:
        return was + argument % 17 - 8;
    case 4:
        return was ^ UINT64_C(1) << argument % 64;
    case 5:
        return UINT64_C(1) << argument % 64;
    case 6:
        return (UINT64_C(1) << argument % 64) - 1;
    case 7:
        return block;
    case 8:
        return block + 8;
    case 9:
        return (was & ~UINT64_C(0xFFFFFFFFF)) | block; /* a table word, a reference */
    case 10:
        return image.locks[argument % 8] | (argument & 256 ? LOCK_WAITERS : 0);
    case 11:
        return load(&image, pick((uint8_t)(argument >> 13), (uint16_t)(argument << 3)));
    case 12:
        return (was & UINT64_C(0xFFFFFFFF00000000)) | argument;
    case 13:
        return (was & UINT64_C(0xFFFFFFFF)) | (uint64_t)argument << 32;
    case 14:
        return (uint64_t)(argument % 16) << 56 | block; /* an entry of a record */
    case 15:
        return (uint64_t)(argument % 5) << 56 | (argument & 0xFF00) | (argument & 31); /* its head */
    case 16:
        return image.parts[3].offset + image.parts[3].size - 8 * (argument % 64);
    case 17:
        return (uint64_t)argument << 48 | (was & UINT64_C(0xFFFFFFFFFFFF));
    case 18:
        return offset; /* itself */
    default:
        return (was & ~UINT64_C(0xFF)) | (argument & 0xFF);
    }
}

static struct change damage_one(const uint8_t *command)
{
    uint16_t which = (uint16_t)(command[1] | command[2] << 8), argument = (uint16_t)(command[4] | command[5] << 8);
    uint64_t offset = pick(command[0], which), value = value_of(offset, command[3], argument);
    uint8_t *word = image_word(&damaged, offset);
    unsigned width = command[0] & 8 ? 4 : 8, shift = command[0] & 16 && width == 4 ? 4 : 0;
    if (word == NULL)
        return (struct change){0, 0, 0};
    if (trace)
        fprintf(stderr, "damage: %#llx, %u bytes: %#llx becomes %#llx\n", (unsigned long long)offset + shift, width,
                (unsigned long long)load(&damaged, offset), (unsigned long long)value);
    memcpy(word + shift, &value, width); /* private: an image */
    return (struct change){offset + shift, value, width};
}

/* ---- the store of an input ---- */

static int store_file(const struct image *from)
{
    struct os_memory memory;
    if (!os_memory_create(&memory) || ftruncate(memory.fd, (off_t)image.size) != 0)
        abort();
    for (unsigned i = 0; i < 4; i++) {
        const struct image_part *part = &from->parts[i];
        if (pwrite(memory.fd, part->bytes, part->size, (off_t)part->offset) != (ssize_t)part->size)
            abort();
    }
    return memory.fd;
}

/* A wait that nothing ends would be one for somebody who is stopped. In the end that one is killed. */
static uint64_t slept, now;

static uint64_t clock_of_the_test(void)
{
    return now;
}

static bool all_are_dead(const struct os_life *life)
{
    return participant_tls == NULL || participant_tls->map == NULL || life != &participant_tls->slot->life;
}

static void sleep_of_the_test(const word32 *word)
{
    (void)word;
    now += UINT64_C(200000000);
    if (++slept == 400)
        os_seam_life_over = all_are_dead;
}

static void limit(unsigned seconds)
{
    struct itimerval processor = {{0, 0}, {seconds, 0}};
    setitimer(ITIMER_PROF, &processor, NULL);
}

static void took_too_long(int number)
{
    static const char text[] = "damage: an operation does not end\n";
    (void)number;
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        _exit(3);
    abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct rlimit files = {UINT64_C(256) << 20, UINT64_C(256) << 20};
    (void)argc;
    (void)argv;
    trace = getenv("FUZZ_TRACE") != NULL;
    image_make(&image);
    damaged = image;
    for (unsigned i = 0; i < 4; i++)
        if ((damaged.parts[i].bytes = malloc(image.parts[i].size)) == NULL)
            abort();
    setrlimit(RLIMIT_FSIZE, &files);
    signal(SIGPROF, took_too_long);
    os_seam_sleep = sleep_of_the_test;
    os_seam_clock = clock_of_the_test;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (unsigned i = 0; i < 4; i++)
        memcpy(damaged.parts[i].bytes, image.parts[i].bytes, image.parts[i].size); /* private: images */
    struct change changes[CHANGES_MAX];
    struct order order = {size > 0 ? data[0] : 0, changes, 0};
    for (size_t at = 1; at + COMMAND_SIZE <= size && order.count < CHANGES_MAX; at += COMMAND_SIZE)
        changes[order.count++] = damage_one(data + at);
    bool later = (order.first & LATER) != 0;
    slept = 0;
    now = UINT64_C(1000000000000);
    os_seam_life_over = NULL;
    limit(CPU_SECONDS);
    order.count = later ? order.count : 0;
    operations_run(store_file(later ? &image : &damaged), image.id, &order);
    limit(0);
    return 0;
}
