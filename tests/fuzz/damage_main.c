/* damage_main.c - damage.c without a fuzzer: random inputs for some seconds, or those in files
 *
 * damage [SECONDS [SEED]]      input i from a seed on is the same everywhere
 * damage FILE...               FUZZ_TRACE=1 shows each damage
 */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define INPUT_MAX 40u
#define FILE_MAX 100000u
#define WALL_SECONDS 60u /* of the processor an input has less: damage.c */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long long seed, inputs;
static const char *file_name;

static uint64_t roll(uint64_t *state)
{
    uint64_t mixed = *state += UINT64_C(0x9E3779B97F4A7C15); /* splitmix64 */
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ mixed >> 31;
}

static void say_which(int number)
{
    char text[200];
    int size = file_name != NULL ? snprintf(text, sizeof text, "damage: signal %d; input %s\n", number, file_name)
                                 : snprintf(text, sizeof text, "damage: signal %d; again: FUZZ_TRACE=1 damage 0 %llu\n",
                                            number, seed);
    if (write(STDERR_FILENO, text, (size_t)size) < 0)
        _exit(3);
    signal(number, SIG_DFL);
    raise(number);
}

static void run_random(void)
{
    uint8_t input[INPUT_MAX];
    uint64_t state = seed;
    size_t size = 7 + 6 * (roll(&state) % 4);
    for (size_t i = 0; i < size; i++)
        input[i] = (uint8_t)roll(&state);
    alarm(WALL_SECONDS);
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
    file_name = path;
    return LLVMFuzzerTestOneInput(input, size);
}

int main(int argc, char **argv)
{
    static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM};
    bool files = argc > 1 && strspn(argv[1], "0123456789") != strlen(argv[1]);
    time_t end = time(NULL) + (argc > 1 && !files ? atoi(argv[1]) : 10);
    int status = 0;
    alarm(WALL_SECONDS);
    LLVMFuzzerInitialize(&argc, &argv);
    for (unsigned i = 0; i < sizeof signals / sizeof signals[0]; i++)
        signal(signals[i], say_which);
    for (int i = 1; files && i < argc && status == 0; i++)
        status = run_file(argv[i]);
    if (files)
        return status;
    seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    do {
        run_random();
        seed++;
        inputs++;
    } while (time(NULL) < end);
    printf("damage: %llu damaged stores\n", inputs);
    return 0;
}
