/* fuzz.h - one input of the fuzz test */
#ifndef COMEM_TESTS_CRASH_FUZZ_H
#define COMEM_TESTS_CRASH_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* libFuzzer's names. Both return 0; a failure prints what failed and aborts. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Prints each step; set by FUZZ_TRACE in the environment. */
extern bool fuzz_trace;

struct fuzz_counts {
    unsigned long long inputs, narrow, operations, full, deaths, undecided;
};
extern struct fuzz_counts fuzz_counts;

#endif
