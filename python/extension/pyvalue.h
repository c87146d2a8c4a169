/* pyvalue.h - Python objects to comem values and back
 *
 * Everything that can be pickled; what comes out is of the same type and equal, and shared objects are the same ones.
 * Numbers take the inline path; nothing is allocated for them on the way in.
 */
#ifndef COMEM_PYVALUE_H
#define COMEM_PYVALUE_H

#include "pydeep.h"

#if PY_VERSION_HEX < 0x030B0000
#include <longintrepr.h>
#endif

/* An int of one digit: at most 30 bits, which covers what programs count with. */
static inline bool pyvalue_is_small(PyObject *object)
{
#if PY_VERSION_HEX >= 0x030C0000
    return PyLong_CheckExact(object) && PyUnstable_Long_IsCompact((PyLongObject *)object);
#else
    return PyLong_CheckExact(object) && (size_t)(Py_SIZE(object) + 1) <= 2;
#endif
}

/* The value of an int for which pyvalue_is_small() holds. */
static inline int64_t pyvalue_small(PyObject *object)
{
#if PY_VERSION_HEX >= 0x030C0000
    return PyUnstable_Long_CompactValue((PyLongObject *)object);
#else
    Py_ssize_t size = Py_SIZE(object); /* -1, 0 or 1 */
    return size == 0 ? 0 : size * (int64_t)((PyLongObject *)object)->ob_digit[0];
#endif
}

/* Fills `value` from an object that is exactly None, bool, int of 64 bits, float, str or bytes, and *owner as below. 1; 0 when
 * it is nothing of these; -1 with MemoryError. */
int pyvalue_from_scalar(PyObject *object, comem_value *value, PyObject **owner);

/* pyvalue_from_python() for one of the objects that a call stores together; `memo` is of the call. */
int pyvalue_from_one_of(PyObject *container, PyObject *object, comem_value *value, PyObject **owner, pydeep_memo *memo);

/* The slow ends of the two functions below. */
int pyvalue_from_other(PyObject *container, PyObject *object, comem_value *value, PyObject **owner);
PyObject *pyvalue_to_other(PyObject *container, comem_value *value);

/* Fills `value` from `object`, which is to be stored in the shared object `container`. The value borrows from `object` and
 * from *owner, a new reference or NULL: drop it after the value was stored. Returns 0, or -1 with TypeError for what cannot
 * be stored, MemoryError, or what the object's own methods raise. */
static inline int pyvalue_from_python(PyObject *container, PyObject *object, comem_value *value, PyObject **owner)
{
    *owner = NULL;
    if (LIKELY(pyvalue_is_small(object))) {
        *value = comem_int(pyvalue_small(object));
        return 0;
    }
    return pyvalue_from_other(container, object, value, owner);
}

/* Whether all of `size` bytes are below 128. */
static inline bool pyvalue_is_ascii(const char *data, size_t size)
{
    uint64_t all = 0, eight;
    size_t i = 0;
    for (; i + sizeof eight <= size; i += sizeof eight) {
        memcpy(&eight, data + i, sizeof eight);
        all |= eight;
    }
    for (; i < size; i++)
        all |= (unsigned char)data[i];
    return (all & UINT64_C(0x8080808080808080)) == 0;
}

/* A new str of bytes that are. */
static inline PyObject *pyvalue_ascii(const char *data, size_t size)
{
    PyObject *text = PyUnicode_New((Py_ssize_t)size, 127);
    if (text != NULL)
        memcpy(PyUnicode_1BYTE_DATA(text), data, size);
    return text;
}

/* comem_value_clear(), at no cost for values that own nothing. */
static inline void pyvalue_clear(comem_value *value)
{
    if (value->owned != 0)
        comem_value_clear(value);
}

/* The Python object for `value`, read from the shared object `container`. The value is the caller's: a reference or an
 * array's memory has moved into the object, the rest is to be cleared. NULL with an exception, ValueUnreadable among
 * others, and the value is whole. */
static inline PyObject *pyvalue_to_python(PyObject *container, comem_value *value)
{
    if (LIKELY(value->kind == COMEM_INT))
        return PyLong_FromLong((long)value->as.integer);
    return pyvalue_to_other(container, value);
}

/* The same, and the value is cleared. */
static inline PyObject *pyvalue_into_python(PyObject *container, comem_value *value)
{
    if (LIKELY(value->kind == COMEM_INT))
        return PyLong_FromLong((long)value->as.integer);
    PyObject *object = pyvalue_to_other(container, value);
    pyvalue_clear(value);
    return object;
}

#endif
