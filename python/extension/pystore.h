/* pystore.h - stores by name and their roots */
#ifndef COMEM_PYTHON_PYSTORE_H
#define COMEM_PYTHON_PYSTORE_H

#include "module.h"

/* Makes the type comem._engine.Roots. 0, or -1 with an exception. */
int pystore_setup(PyObject *module);

extern PyMethodDef pystore_functions[];

#endif
