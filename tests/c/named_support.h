/* named_support.h - names of stores, and stores that have one */
#ifndef COMEM_TESTS_NAMED_SUPPORT_H
#define COMEM_TESTS_NAMED_SUPPORT_H

#include "support.h"

#include <stdbool.h>

/* A name of this test process's own; good until seven more were asked for. */
const char *own_name(const char *what);
/* The file of a store; good until three more were asked for. */
const char *path_of(const char *name);
bool exists(const char *path);

comem_store *opened(const char *name);
/* Opens what is there, and closes it. */
comem_status open_existing(const char *name);
/* The root list of a store, to be released. */
comem_list *root_list(comem_store *store);
void assert_detail(const char *part);

/* For os_seam_boot: another start of the machine, of this number. */
extern uint64_t played_boot;
uint64_t another_boot(void);

#endif
