/* pyvalue.c - Python objects to comem values and back: everything but small ints
 *
 * In       A str of ASCII and bytes are borrowed as they are. Any other str is encoded into a bytes object that the
 *          caller holds until the value is stored; lone surrogates become three bytes each ('surrogatepass'). Plain compound
 *          objects are packed (pypack.c); everything else is pickled (pypickle.c).
 * Out      Text comes as a private copy, so no other process can change it while the decoder counts. ASCII is copied
 *          into a new str and checked there: a store that lies about it is an error, never a malformed str.
 */
#include "pyvalue.h"

#include "pyobject.h"
#include "pypack.h"
#include "pypickle.h"
#include "pyunbound.h"
#include "pyunpack.h"

/* 1, or 0 when it is beyond 64 bits. */
static int pyvalue_from_int(PyObject *object, comem_value *value)
{
    int overflow;
    long long integer = PyLong_AsLongLongAndOverflow(object, &overflow);
    *value = comem_int(integer);
    return overflow == 0;
}

/* 1, or -1 with an exception. */
static int pyvalue_from_str(PyObject *object, comem_value *value, PyObject **owner)
{
    if (LIKELY(PyUnicode_IS_COMPACT_ASCII(object))) {
        *value = comem_str((const char *)PyUnicode_1BYTE_DATA(object), (size_t)PyUnicode_GET_LENGTH(object));
        return 1;
    }
    PyObject *bytes = PyUnicode_AsUTF8String(object);
    if (bytes == NULL && PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) {
        PyErr_Clear();
        bytes = PyUnicode_AsEncodedString(object, "utf-8", "surrogatepass");
    }
    if (bytes == NULL)
        return -1;
    *value = comem_str(PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    *owner = bytes;
    return 1;
}

int pyvalue_from_scalar(PyObject *object, comem_value *value, PyObject **owner)
{
    *owner = NULL;
    if (PyUnicode_CheckExact(object))
        return pyvalue_from_str(object, value, owner);
    if (PyFloat_CheckExact(object)) {
        *value = comem_float(PyFloat_AS_DOUBLE(object));
        return 1;
    }
    if (PyLong_CheckExact(object))
        return pyvalue_from_int(object, value);
    if (object == Py_None) {
        *value = comem_none();
        return 1;
    }
    if (PyBool_Check(object)) {
        *value = comem_bool(object == Py_True);
        return 1;
    }
    if (PyBytes_CheckExact(object)) {
        *value = comem_bytes(PyBytes_AS_STRING(object), (size_t)PyBytes_GET_SIZE(object));
        return 1;
    }
    return 0;
}

/* Whether it is comem.MISSING or comem.KEEP. */
static bool pyvalue_is_mark(PyObject *container, PyObject *object)
{
    const struct module_state *state = module_state_of(Py_TYPE(container));
    return object == state->missing || object == state->keep;
}

int pyvalue_from_one_of(PyObject *container, PyObject *object, comem_value *value, PyObject **owner, pydeep_memo *memo)
{
    int plain = pyvalue_from_scalar(object, value, owner);
    if (LIKELY(plain != 0))
        return plain > 0 ? 0 : -1;
    if (pydeep_wanted(container, object)) {
        *owner = pydeep_share(container, object, memo);
        if (*owner == NULL)
            return -1;
        *value = pyobject_ref(pyobject_of(*owner));
        return 0;
    }
    plain = pypack_value(container, object, value, owner);
    if (plain != 0)
        return plain > 0 ? 0 : -1;
    if (pyunbound_settle(object) < 0)
        return -1;
    comem_object *shared = pyobject_handle(container, object);
    if (shared == NULL && pyvalue_is_mark(container, object)) {
        PyErr_Format(PyExc_TypeError, "%R says what becomes of a value, it is none that can be stored", object);
        return -1;
    }
    if (shared == NULL)
        return pypickle_value(container, object, value, owner);
    *value = pyobject_ref(shared);
    return 0;
}

int pyvalue_from_other(PyObject *container, PyObject *object, comem_value *value, PyObject **owner)
{
    pydeep_memo memo = NULL;
    int result = pyvalue_from_one_of(container, object, value, owner, &memo);
    Py_XDECREF(memo);
    return result;
}

static PyObject *pyvalue_to_str(PyObject *container, const comem_value *value)
{
    if (LIKELY((value->flags & COMEM_ASCII) != 0)) {
        if (value->size == 0)
            return PyUnicode_New(0, 0);
        if (!pyvalue_is_ascii(value->as.data, value->size)) {
            PyErr_SetString(module_state_of(Py_TYPE(container))->damaged_error,
                            "a str marked as ASCII in the store holds other bytes");
            return NULL;
        }
        return pyvalue_ascii(value->as.data, value->size);
    }
    const char *errors = (value->flags & COMEM_SURROGATES) != 0 ? "surrogatepass" : NULL;
    return PyUnicode_DecodeUTF8(value->as.data, (Py_ssize_t)value->size, errors);
}

PyObject *pyvalue_to_other(PyObject *container, comem_value *value)
{
    switch (value->kind) {
    case COMEM_NONE:
        Py_RETURN_NONE;
    case COMEM_BOOL:
        return PyBool_FromLong(value->as.boolean);
    case COMEM_INT:
        return PyLong_FromLong((long)value->as.integer);
    case COMEM_FLOAT:
        return PyFloat_FromDouble(value->as.real);
    case COMEM_STR:
        return pyvalue_to_str(container, value);
    case COMEM_BYTES:
        return PyBytes_FromStringAndSize(value->as.data, (Py_ssize_t)value->size);
    case COMEM_REF:
        return pyobject_from_value(container, value);
    case COMEM_PACKED:
        return pyunpack_value(container, value);
    case COMEM_PICKLE:
        return pypickle_load(container, value);
    default:
        PyErr_Format(module_state_of(Py_TYPE(container))->damaged_error, "a value of unknown kind %d in the store",
                     (int)value->kind);
        return NULL;
    }
}
