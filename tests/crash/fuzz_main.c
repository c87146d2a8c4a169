/* fuzz_main.c - the fuzz test without a fuzzer: a fixed series of random inputs, or those in files
 *
 * fuzz_plain [INPUTS [SEED]]      input i of a seed is the same everywhere
 * fuzz_plain FILE...              what libFuzzer kept; FUZZ_TRACE=1 shows each step
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

#define INPUTS 4000u
#define INPUT_MAX 700u
#define FILE_MAX 1000000u

static unsigned long long seed, number;

static uint64_t roll(uint64_t *state)
{
    uint64_t mixed = *state += UINT64_C(0x9E3779B97F4A7C15); /* splitmix64 */
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ mixed >> 31;
}

static void say_which(int signal_number)
{
    char text[120];
    int size = snprintf(text, sizeof text, "fuzz: to run this input again: FUZZ_TRACE=1 fuzz_plain 1 %llu\n", seed);
    if (write(STDERR_FILENO, text, (size_t)size) < 0)
        _exit(3);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void run_random(void)
{
    uint8_t input[INPUT_MAX];
    uint64_t state = seed;
    size_t size = 1 + roll(&state) % INPUT_MAX;
    for (size_t i = 0; i < size; i++)
        input[i] = (uint8_t)roll(&state);
    LLVMFuzzerTestOneInput(input, size);
}

static int run_file(const char *path)
{
    static uint8_t input[FILE_MAX];
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return perror(path), 2;
    size_t size = fread(input, 1, FILE_MAX, file);
    fclose(file);
    return LLVMFuzzerTestOneInput(input, size);
}

int main(int argc, char **argv)
{
    bool files = argc > 1 && strspn(argv[1], "0123456789") != strlen(argv[1]);
    unsigned long long inputs = argc > 1 && !files ? strtoull(argv[1], NULL, 10) : INPUTS;
    int status = 0;
    LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; files && i < argc && status == 0; i++)
        status = run_file(argv[i]);
    if (files)
        return status;
    signal(SIGABRT, say_which);
    signal(SIGSEGV, say_which);
    seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    for (; number < inputs; number++, seed++)
        run_random();
    printf(
        "fuzz: %llu inputs, %llu in a small store; %llu operations, %llu found it full; %llu deaths, %llu of them undecided "
        "at first\n",
        fuzz_counts.inputs, fuzz_counts.narrow, fuzz_counts.operations, fuzz_counts.full, fuzz_counts.deaths,
        fuzz_counts.undecided);
    return 0;
}
