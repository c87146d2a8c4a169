/* fuzz_mutate.c - how libFuzzer makes a new input from one it has
 *
 * Left to itself it repeats bytes and stays short, while a good program is long and varied. So half of its inputs
 * begin as one that it has and go on, or begin anew, at random.
 */
#include <stddef.h>
#include <stdint.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t size_max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed);

static uint64_t roll(uint64_t *state)
{
    uint64_t mixed = *state += UINT64_C(0x9E3779B97F4A7C15); /* splitmix64 */
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ mixed >> 31;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
    uint64_t state = seed;
    if (roll(&state) % 2 == 0)
        return LLVMFuzzerMutate(data, size, size_max);
    size_t kept = roll(&state) % 4 == 0 ? 0 : roll(&state) % (size + 1);
    size_t end = kept + roll(&state) % (size_max - kept + 1);
    for (size_t i = kept; i < end; i++)
        data[i] = (uint8_t)roll(&state);
    return end;
}
