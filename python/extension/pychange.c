/* pychange.c - what changes that depend on the value before have in common, in a Dict and in a Value
 *
 * They work on what was read and store the result if it still is the same, attempt after attempt.
 */
#include "pychange.h"

#define CHANGE_TRIES \
    10000u /* so many processes cannot be in the way by chance; the code that runs may itself change the value */

int pychange_again(unsigned *tries)
{
    if (PyErr_CheckSignals() < 0)
        return -1;
    if (++*tries < CHANGE_TRIES)
        return 0;
    PyErr_SetString(
        PyExc_RuntimeError,
        "the value was another one in each of 10000 tries to change it: what computes the new one must not store"
        " one itself");
    return -1;
}

bool pychange_is_plain(PyObject *amount, comem_value *value)
{
    int overflow = 0;
    if (PyLong_CheckExact(amount))
        *value = comem_int(PyLong_AsLongLongAndOverflow(amount, &overflow));
    else if (PyFloat_CheckExact(amount))
        *value = comem_float(PyFloat_AS_DOUBLE(amount));
    else
        return false;
    return overflow == 0;
}

PyObject *pychange_sum(PyObject *object, PyObject *amount)
{
    if (PyNumber_Check(object) && PyNumber_Check(amount))
        return PyNumber_Add(object, amount);
    PyErr_Format(PyExc_TypeError, "add() adds numbers, not '%.200s' and '%.200s'", Py_TYPE(object)->tp_name,
                 Py_TYPE(amount)->tp_name);
    return NULL;
}

int pychange_equal(PyObject *stored, PyObject *expected)
{
    int equal = PyObject_RichCompareBool(stored, expected, Py_EQ);
    if (equal != 0 || !PyFloat_CheckExact(stored) || !PyFloat_CheckExact(expected))
        return equal;
    comem_value one = comem_float(PyFloat_AS_DOUBLE(stored)), other = comem_float(PyFloat_AS_DOUBLE(expected));
    return one.as.integer == other.as.integer; /* the bits */
}
