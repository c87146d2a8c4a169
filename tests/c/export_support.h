/* export_support.h - stores to and from bytes in memory */
#ifndef COMEM_TESTS_EXPORT_SUPPORT_H
#define COMEM_TESTS_EXPORT_SUPPORT_H

#include "support.h"

#include <stdio.h>

struct bytes {
    char *data; /* malloc()ed */
    size_t size;
};

/* A store's export; to be freed. */
struct bytes export_of(comem_store *store);
comem_status import_from(comem_store *store, const char *data, size_t size);
/* Imports what `source` exports into a store of its own; what that exports is the same to the last byte. */
struct bench *import_of(comem_store *source);
/* Frees every object, also those in rings, and the dict of names. */
void export_forget_all(struct store_map *map);
/* export_forget_all() and support_end(), which finds nothing. */
void export_end(struct bench *bench);

comem_value export_root(comem_store *store, const char *name);
comem_list *export_root_list(comem_store *store, const char *name);
comem_dict *export_root_dict(comem_store *store, const char *name);

#endif
