/* pyunpack.h - packed values to plain compound objects */
#ifndef COMEM_PYTHON_PYUNPACK_H
#define COMEM_PYTHON_PYUNPACK_H

#include "module.h"

/* The object that a value of kind COMEM_PACKED, read from the shared object `container`, stands for. NULL with an
 * exception: DamagedError when it is not what a packer writes, MemoryError. O(size), 15 ns an item and its object. */
PyObject *pyunpack_value(PyObject *container, const comem_value *value);

/* Functions of the module. */
PyObject *pyunpack_function(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
extern const char pyunpack_function_doc[];

#endif
