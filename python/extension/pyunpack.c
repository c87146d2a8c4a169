/* pyunpack.c - packed values to plain compound objects
 *
 * The engine walks over the bytes, a private copy, and says what it meets; the containers under way are on a stack here. A
 * container goes into its parent when it is complete, so that tuples can be items of sets and keys of dicts.
 */
#include "pyunpack.h"

#include "objects/object.h"
#include "pyobject.h"
#include "pyvalue.h"
#include "value/packed.h"

/* A container that lacks items. */
struct level {
    PyObject *object;
    PyObject *key; /* of a dict: the key whose value comes next */
    Py_ssize_t count;
};

struct unpacking {
    PyObject *container; /* the value was read from */
    PyObject *result;
    unsigned depth;
    struct level levels[PACKED_DEPTH_MAX];
};

static PyObject *unpack_begin(const comem_value *value)
{
    switch (value->kind) {
    case COMEM_LIST:
        return PyList_New((Py_ssize_t)value->size);
    case COMEM_TUPLE:
        return PyTuple_New((Py_ssize_t)value->size);
    case COMEM_SET:
        return PySet_New(NULL);
    case COMEM_FROZENSET:
        return value->size == 0 ? PyObject_CallNoArgs((PyObject *)&PyFrozenSet_Type) : PyFrozenSet_New(NULL);
    default:
        return PyDict_New();
    }
}

static PyObject *unpack_int(const comem_value *value)
{
    const unsigned char *bytes = (const unsigned char *)value->as.data;
#if PY_VERSION_HEX >= 0x030D0000
    return PyLong_FromNativeBytes(bytes, value->size, Py_ASNATIVEBYTES_LITTLE_ENDIAN);
#else
    return _PyLong_FromByteArray(bytes, value->size, true, true);
#endif
}

static PyObject *unpack_reference(PyObject *container, const comem_value *value)
{
    comem_value reference = pyobject_ref(value->as.object);
    object_hold(reference.as.object);
    PyObject *object = pyobject_from_value(container, &reference);
    if (object == NULL)
        object_release(reference.as.object);
    return object;
}

static PyObject *unpack_scalar(PyObject *container, const comem_value *value)
{
    comem_value copy = *value;
    switch (value->kind) {
    case COMEM_BIG_INT:
        return unpack_int(value);
    case COMEM_COMPLEX:
        return PyComplex_FromDoubles(value->as.items[0].as.real, value->as.items[1].as.real);
    case COMEM_BYTEARRAY:
        return PyByteArray_FromStringAndSize(value->as.data, (Py_ssize_t)value->size);
    case COMEM_REF:
        return unpack_reference(container, value);
    default:
        return pyvalue_to_python(container, &copy);
    }
}

/* Puts a complete object, a new reference, where it belongs. 0, or -1 with an exception. */
static int unpack_put(struct unpacking *unpacking, PyObject *object)
{
    if (unpacking->depth == 0) {
        unpacking->result = object;
        return 0;
    }
    struct level *level = &unpacking->levels[unpacking->depth - 1];
    int result = 0;
    if (PyList_CheckExact(level->object)) {
        PyList_SET_ITEM(level->object, level->count++, object);
        return 0;
    }
    if (PyTuple_CheckExact(level->object)) {
        PyTuple_SET_ITEM(level->object, level->count++, object);
        return 0;
    }
    if (PyAnySet_CheckExact(level->object)) {
        result = PySet_Add(level->object, object);
    } else if (level->key == NULL) {
        level->key = object;
        return 0;
    } else {
        result = PyDict_SetItem(level->object, level->key, object);
        Py_CLEAR(level->key);
    }
    Py_DECREF(object);
    return result;
}

/* What the walk calls. An exception of Python's is COMEM_TYPE, and set. */

static comem_status unpack_item(void *context, const comem_value *value)
{
    struct unpacking *unpacking = context;
    PyObject *object;
    if (packed_is_container(value->kind)) {
        object = unpack_begin(value);
        if (object != NULL)
            unpacking->levels[unpacking->depth++] = (struct level){object, NULL, 0};
        return object == NULL ? COMEM_TYPE : COMEM_OK;
    }
    object = unpack_scalar(unpacking->container, value);
    return object == NULL || unpack_put(unpacking, object) < 0 ? COMEM_TYPE : COMEM_OK;
}

static comem_status unpack_end(void *context)
{
    struct unpacking *unpacking = context;
    PyObject *object = unpacking->levels[--unpacking->depth].object;
    return unpack_put(unpacking, object) < 0 ? COMEM_TYPE : COMEM_OK;
}

PyObject *pyunpack_value(PyObject *container, const comem_value *value)
{
    static const struct packed_visitor visitor = {unpack_item, unpack_end};
    struct unpacking unpacking;
    unpacking.container = container;
    unpacking.result = NULL;
    unpacking.depth = 0;
    comem_status status = packed_walk(value, &visitor, &unpacking);
    if (LIKELY(status == COMEM_OK))
        return unpacking.result;
    while (unpacking.depth > 0) {
        Py_DECREF(unpacking.levels[--unpacking.depth].object);
        Py_XDECREF(unpacking.levels[unpacking.depth].key);
    }
    Py_XDECREF(unpacking.result);
    return PyErr_Occurred() ? NULL : module_raise(module_state_of(Py_TYPE(container)), status);
}
