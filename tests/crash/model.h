/* model.h - what model.c and program.c know of each other: anonymous lists, values by number, slices */
#ifndef COMEM_TESTS_CRASH_MODEL_H
#define COMEM_TESTS_CRASH_MODEL_H

#include "program.h"

/* Numbers of lists from here on are anonymous: what such a list holds follows from its number alone. */
#define ANONYMOUS (UINT64_C(1) << 16)
#define ANONYMOUS_INNER (UINT64_C(1) << 63) /* flag: the list within an anonymous list */
#define ANONYMOUS_ITEMS 4u

size_t anonymous_items(uint64_t number, struct model_value *items);

/* The n-th value of an operation. */
struct model_value operation_value(const struct operation *operation, size_t number);
/* Resolves a slice, whose step is not 0, for a list of `length` items; how many items it has. */
size_t slice_resolve(comem_slice *slice, size_t length);

#endif
