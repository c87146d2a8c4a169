/* scenarios.h - what the files of scenarios share */
#ifndef COMEM_TESTS_CRASH_SCENARIOS_H
#define COMEM_TESTS_CRASH_SCENARIOS_H

#include "crash.h"

/* The parts of scenario_parts[]. */
extern const struct scenario list_scenarios[], dict_scenarios[], value_scenarios[], root_scenarios[],
    variable_scenarios[], store_scenarios[];

/* The victim's handle of a list. */
comem_list *victims(unsigned number);

/* Adds items to a list, by FIRST: numbers, or strs with a block each. */
void fill(unsigned number, unsigned count);
void fill_far(unsigned number, unsigned count);

/* Packs a tuple of a far str, a number, and references to what `party` has: twice list 1, and `last` unless that is none. */
comem_value held_value(enum party party, unsigned n, comem_value last);

/* For a look, while preparing, at what would become of a change: all that happens between the two is taken back. */
hook_mark trial_begin(void);
void trial_end(hook_mark mark);

/* How lists are before. */
void two_lists(void);
void list_of_far(void);
/* 0 holds references to 1, which somebody else holds too, and to 2, which nothing else names. */
void nested_lists(void);
void long_list_of_everything(void);

#endif
