/* pyblock.h - a value that the extension owns, as a Python object: it holds what others borrow from, and shows its bytes */
#ifndef COMEM_PYTHON_PYBLOCK_H
#define COMEM_PYTHON_PYBLOCK_H

#include "module.h"

struct block_object {
    PyObject_HEAD
    comem_value value;
};

/* A new object that takes `value` over, which is none afterwards. Its buffer is the value's bytes, to be written to as
 * well: nobody else has them. NULL with MemoryError, and the value is whole. */
PyObject *pyblock_new(struct module_state *state, comem_value *value);

/* Makes the type. 0, or -1 with an exception. */
int pyblock_setup(PyObject *module);

#endif
