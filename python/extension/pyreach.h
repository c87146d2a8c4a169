/* pyreach.h - how shared objects get to other processes, and how the store does */
#ifndef COMEM_PYTHON_PYREACH_H
#define COMEM_PYTHON_PYREACH_H

#include "module.h"

#include "objects/object.h"

/* The name of `object`, for a pickle that is being made. 0, or -1 with an exception. */
int pyreach_name(struct module_state *state, comem_object *object, struct object_name *name);

/* A handle by name, on an object of `type`. NULL with an exception. Where none may be raised: a handle on nothing. */
comem_object *pyreach_open(struct module_state *state, enum object_type type, const struct object_name *name);

/* Whether a constructor called now has to make a handle on nothing: because the process is importing its parent's main module,
 * or is a forkserver. 1, 0, or -1 with an exception. */
int pyreach_waits(void);

/* Whether this process is a forkserver. 1, 0, or -1 with an exception. */
int pyreach_is_forkserver(void);

/* Issues PrivateCopyWarning when a constructor is called at the top of a module that every child of multiprocessing's imports
 * for itself. Costs nothing in a process that is no such child. 0, or -1 with an exception. */
int pyreach_mind_copies(void);

/* Calls the factory of a global. A constructor that is the factory itself is not minded: what it makes gets a name. */
PyObject *pyreach_call_factory(PyObject *factory);

/* That handle, with OBJECT_ flags. NULL with an exception. */
comem_object *pyreach_unbound(struct module_state *state, enum object_type type, uint32_t flags);

/* Whether `object` is such a handle, which has no content to be filled. */
bool pyreach_is_unbound(const comem_object *object);

extern PyMethodDef pyreach_functions[];

#endif
