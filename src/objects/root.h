/* root.h - roots: objects by name */
#ifndef COMEM_OBJECTS_ROOT_H
#define COMEM_OBJECTS_ROOT_H

#include "objects/dict.h"

/* comem_root(), comem_root_add() and comem_root_remove() for a name that is a COMEM_STR of any content. */
comem_status root_get(comem_store *store, const comem_value *name, comem_value *object);
comem_status root_add(comem_store *store, const comem_value *name, const comem_value *object, comem_value *found);
comem_status root_remove(comem_store *store, const comem_value *name);

/* A handle on the dict of names, to be released; NULL when no name was ever given. */
comem_status roots_open(comem_store *store, comem_dict **roots);

/* The object of `type` named `name`; if there is no root of that name, a new one: a variable that is `initial`, or an empty list
 * or dict. These share all the way down, whoever makes them: what one by name does must not depend on who came first.
 * COMEM_TYPE: it is of another type. */
comem_status root_open(comem_store *store, const comem_value *name, enum object_type type, const comem_value *initial,
                       comem_object **object);
/* Makes `names`, whose keys are str and whose values are references, the dict of names: all roots appear at once.
 * COMEM_INVALID: the store has one already. */
comem_status roots_set(comem_store *store, comem_dict *names);

/* What a type of objects is called in sentences: "list". */
const char *object_type_name(enum object_type type);

#endif
