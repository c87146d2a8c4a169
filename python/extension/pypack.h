/* pypack.h - plain compound objects to packed values */
#ifndef COMEM_PYTHON_PYPACK_H
#define COMEM_PYTHON_PYPACK_H

#include "module.h"

/* Packs an object that is exactly an int, a complex, a bytearray, or a list, tuple, dict, set or frozenset, with plain
 * objects or shared ones in it, to be stored in the shared object `container`. The value borrows from *owner, a new
 * reference. 1; 0 when there is something else in it, or a container that is met twice, or too much within each other;
 * -1 with an exception. */
int pypack_value(PyObject *container, PyObject *object, comem_value *value, PyObject **owner);

/* The same for keys, scalars as well: None, numbers, str, bytes, tuples and frozensets, and the Typed of comem._keys.
 * The value borrows from *owner, which is a new reference, or from `object` if that is NULL. 1; 0 when there is
 * something else in it; -1 with an exception. */
int pypack_key(PyObject *container, PyObject *object, comem_value *value, PyObject **owner);

/* Functions of the module. */
PyObject *pypack_function(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
extern const char pypack_function_doc[];

#endif
