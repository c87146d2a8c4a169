/* content.h - what objects hold, as text: two of it are equal when anybody who looks would find the same */
#ifndef COMEM_TESTS_CRASH_CONTENT_H
#define COMEM_TESTS_CRASH_CONTENT_H

#include "comem.h"

#define CONTENT_MAX 65536u

/* How many lists, dicts and variables a scenario has; NULL where there is none. */
#define LISTS 3
#define DICTS 3
#define VARIABLES 1

/* What these lists, dicts and variables hold, what those hold that they refer to, and the roots of the store. The text is good
 * until the next call. A value that is torn, or a key that is not found under its own name, ends the process with a message. */
const char *content_text(comem_store *store, comem_list *const *lists, comem_dict *const *dicts,
                         comem_variable *const *variables);

/* Takes all names of roots away. The bytes that the dict of names takes then, and for good; 0 when there is none. */
uint64_t content_forget_names(comem_store *store);

/* Ends the process with a message: the program's own. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
