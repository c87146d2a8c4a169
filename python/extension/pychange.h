/* pychange.h - changes that depend on the value before: add() and cas() of a Dict and of a Value */
#ifndef COMEM_PYTHON_PYCHANGE_H
#define COMEM_PYTHON_PYCHANGE_H

#include "module.h"

/* After an attempt in vain: 0 to go on, or -1 with an exception. */
int pychange_again(unsigned *tries);

/* A number of the engine's: a float or an int of 64 bits. */
bool pychange_is_plain(PyObject *amount, comem_value *value);

/* What was read plus `amount`, as Python adds numbers. NULL with an exception. */
PyObject *pychange_sum(PyObject *object, PyObject *amount);

/* Whether what is stored equals what is expected, as keys do: a float that is not a number is met, too. 1, 0, or -1 with an
 * exception. */
int pychange_equal(PyObject *stored, PyObject *expected);

#endif
