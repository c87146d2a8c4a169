/* pyvar.h - globals: shared objects by name */
#ifndef COMEM_PYTHON_PYVAR_H
#define COMEM_PYTHON_PYVAR_H

#include "module.h"

/* A global, or a root of a store by name, as a program asks for it. Borrowed. */
struct global {
    const char *what; /* "global" or "root", for what is said of it */
    PyObject *name;
    PyObject *initial; /* comem.MISSING: none */
    PyObject *factory; /* None: none */
};

/* Whether it is asked for in a way that can be answered: 0, or -1 with TypeError or ValueError. */
int pyvar_check(struct module_state *state, const struct global *global);

/* Passes on `object`, which has the name, if it is of the kind `wanted`. Takes it over. NULL with TypeError, or when it is. */
PyObject *pyvar_of_kind(struct module_state *state, const struct global *global, enum kind_index wanted,
                        PyObject *object);

/* The name of a root, a str, as a value that borrows from it and from *owner, which may be NULL. 0, or -1 with an exception. */
int pyvar_name(PyObject *name, comem_value *value, PyObject **owner);

/* The object that has the name in `store`. If there is none, one is made there of the initial value, deep, and published; an
 * initial value that is a shared object is named itself, one of another store becomes a deep copy. KeyError: nothing is there
 * and nothing was given. TypeError: a kind of container that cannot be shared, or another kind is there. NULL with an
 * exception. */
PyObject *pyvar_bind(struct module_state *state, comem_store *store, const struct global *global);

/* Takes the name away from its object. 0, or -1 with KeyError or another exception. */
int pyvar_forget(struct module_state *state, comem_store *store, PyObject *name);

/* Closes the program's store, which becomes another one. */
void pyvar_close_store(struct module_state *state);

/* The store that this process's globals are in. 1; 0 when it has none yet and may make none now, because it imports its parent's
 * main module or is a forkserver; -1 with an exception. */
int pyvar_store(struct module_state *state, comem_store **store);

/* Sets the RuntimeError for a global that was used when pyvar_store() gave 0. Returns NULL. */
PyObject *pyvar_refuse(PyObject *name);

extern PyMethodDef pyvar_functions[];

#endif
