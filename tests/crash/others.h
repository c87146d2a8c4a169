/* others.h - what those do who live on */
#ifndef COMEM_TESTS_CRASH_OTHERS_H
#define COMEM_TESTS_CRASH_OTHERS_H

#include "crash.h"

/* What SECOND may do with what is left, and what must come of it. */
void go_on_with_list(comem_list *list);
void go_on_with_dict(comem_dict *dict);
void go_on_with_variable(comem_variable *variable);
void go_on_with_names(void);

/* What FIRST writes beside a repair: to its list 0, to its dict 0, to the variable, to the names. NULL ends them. */
extern void (*const list_writes[])(void);
extern void (*const dict_writes[])(void);
extern void (*const variable_writes[])(void);
extern void (*const name_writes[])(void);

#endif
