/* pycapi.h - the engine for other extension modules of the process: include/comem_python.h */
#ifndef COMEM_PYTHON_PYCAPI_H
#define COMEM_PYTHON_PYCAPI_H

#include "module.h"

/* Puts the capsule _C_API into the module. 0, or -1 with an exception. */
int pycapi_setup(PyObject *module);

#endif
