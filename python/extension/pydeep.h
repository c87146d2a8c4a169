/* pydeep.h - plain lists and dicts that become shared ones, because what they are put into shares all the way down */
#ifndef COMEM_PYTHON_PYDEEP_H
#define COMEM_PYTHON_PYDEEP_H

#include "module.h"

/* What was met in one call of Python's, by address. NULL at the start of a call; Py_XDECREF() at its end. */
typedef PyObject *pydeep_memo;

/* Whether `object`, to be stored in the shared object `container`, is to be shared itself. */
bool pydeep_wanted(PyObject *container, PyObject *object);

/* A new handle of a shared object with what `object` holds, like `container` in everything else; the same one if
 * `object` was met before. TypeError for a set, and what storing the items raises. NULL with an exception. */
PyObject *pydeep_share(PyObject *container, PyObject *object, pydeep_memo *memo);

/* A new shared object of the kind in `store`, with OBJECT_ flags, that holds what `object` does, as a call of its own. */
PyObject *pydeep_share_first(struct module_state *state, comem_store *store, uint32_t flags, enum kind_index index,
                             PyObject *object);

#endif
