/* step.h - the operations that are killed instruction by instruction, and what the sweep gives them */
#ifndef COMEM_TESTS_CRASH_STEP_H
#define COMEM_TESTS_CRASH_STEP_H

#include "content.h"

/* What a world has before its victim is made; both have handles on all of it. */
extern comem_store *store;
extern comem_list *lists[LISTS];
extern comem_dict *dicts[DICTS];
extern comem_variable *variables[VARIABLES];

struct scenario {
    const char *name;
    void (*prepare)(void);
    void (*operation)(void); /* by the victim; one change that others can see */
};
/* All of them, in parts that end with one without a name; NULL behind the last part. */
extern const struct scenario *const scenario_parts[];
extern const struct scenario dict_scenarios[], root_scenarios[], variable_scenarios[];

/* Works with all that a world has; a value that is not what it should be fails. */
void go_on(void);

/* For whatever must work: anything but COMEM_OK fails. */
#define OK(call) expect_ok(call, #call)
void expect_ok(comem_status status, const char *what);

/* A str that takes a block of its own; `n` tells them apart. Good until it was called FAR_VALUES times more. */
#define FAR_VALUES 16
comem_value far_value(unsigned n);

#endif
