/* pyframe.h - what the Python code that is running is about to do */
#ifndef COMEM_PYTHON_PYFRAME_H
#define COMEM_PYTHON_PYFRAME_H

#include "module.h"

/* Whether that code stands at a `+`, and not at a `+=` or in a call of a function of C. 1, 0, or -1 with an exception. */
int pyframe_adds(struct module_state *state);

#endif
