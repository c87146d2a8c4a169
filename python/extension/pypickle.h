/* pypickle.h - values that are pickles */
#ifndef COMEM_PYTHON_PYPICKLE_H
#define COMEM_PYTHON_PYPICKLE_H

#include "module.h"

/* Pickles an object that is to be stored in the shared object `container`. The value borrows from *owner, a new
 * reference. 0; or -1 with TypeError when it cannot be pickled, or `container` takes no pickles, MemoryError, or what
 * its own methods raise. */
int pypickle_value(PyObject *container, PyObject *object, comem_value *value, PyObject **owner);

/* The same for a key, which may be of a class that stands inside a function: it is found by canonical forms all the same. */
int pypickle_key(PyObject *container, PyObject *object, comem_value *value, PyObject **owner);

/* The object that a value of kind COMEM_PICKLE, read from `container`, stands for. It may take the value over, which is
 * none then. NULL with an exception, and the value is whole: ValueUnreadable, MemoryError, DamagedError, or what is no
 * Exception. */
PyObject *pypickle_load(PyObject *container, comem_value *value);

/* Tells a ValueUnreadable that has just been raised, if it is one, where the value is. */
void pypickle_at_index(PyObject *container, int64_t index);
void pypickle_at_key(PyObject *container, PyObject *key);

/* For repr(): if a ValueUnreadable has just been raised, clears it and gives what stands for the value; else NULL. */
PyObject *pypickle_shown(PyObject *container);

extern const char pypickle_handle_doc[];
PyObject *pypickle_handle(PyObject *module, PyObject *const *arguments, Py_ssize_t count);

#endif
