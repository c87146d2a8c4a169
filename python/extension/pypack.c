/* pypack.c - plain compound objects to packed values
 *
 * An object is packed if what comes out of the bytes cannot be told from it: exact types, and no container that is met
 * twice, which would come back as two. A container that only its parent refers to need not be remembered for that, by
 * its reference count; nearly all are such.
 *
 * Foreign code   runs in no case but one: making an iterator or bytes may, on older versions of Python, start a
 *                collection. So what a container holds is held meanwhile, and one whose size changes under our hands is
 *                not plain.
 * Cost           20 ns an item; no memory from the interpreter but for text that is not ASCII and for sets.
 */
#include "pypack.h"

#include "objects/object.h"
#include "pyblock.h"
#include "pyobject.h"
#include "pyunbound.h"
#include "pyvalue.h"
#include "value/packed.h"

#include <stdlib.h>

#define FEW_SEEN 32u /* places for containers that others refer to as well; a power of two */

/* Containers by address, with places left: open addressing. */
struct seen {
    PyObject **places;
    size_t count, room;
    PyObject *few[FEW_SEEN];
};

struct packing {
    struct packer packer;
    PyObject *container; /* that it is packed for */
    PyObject *root;
    bool key; /* only what can be a key */
    struct seen seen;
};

/* ---- containers met ---------------------------------------------------------------------------------------------- */

static void seen_open(struct seen *seen)
{
    seen->places = NULL;
    seen->count = seen->room = 0;
}

static void seen_close(struct seen *seen)
{
    if (seen->places != seen->few)
        PyMem_Free(seen->places);
}

/* The place of `object`, or where it would stand. */
static PyObject **seen_place(const struct seen *seen, PyObject *object)
{
    size_t at = ((uintptr_t)object >> 4) * 0x9E3779B97F4A7C15u >> 20;
    while (seen->places[at & (seen->room - 1)] != NULL && seen->places[at & (seen->room - 1)] != object)
        at++;
    return &seen->places[at & (seen->room - 1)];
}

static int seen_grow(struct seen *seen)
{
    struct seen grown = *seen;
    if (seen->room == 0) {
        memset(seen->few, 0, sizeof(seen->few));
        seen->places = seen->few;
        seen->room = FEW_SEEN;
        return 0;
    }
    grown.room = seen->room * 4;
    grown.places = PyMem_Calloc(grown.room, sizeof(PyObject *));
    if (grown.places == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < seen->room; i++)
        if (seen->places[i] != NULL)
            *seen_place(&grown, seen->places[i]) = seen->places[i];
    seen_close(seen);
    seen->places = grown.places;
    seen->room = grown.room;
    return 0;
}

/* Remembers a container. 1; 0 when it was met before; -1 with MemoryError. */
static int seen_add(struct seen *seen, PyObject *object)
{
    if (seen->count * 2 >= seen->room && seen_grow(seen) < 0)
        return -1;
    PyObject **place = seen_place(seen, object);
    if (*place == object)
        return 0;
    *place = object;
    seen->count++;
    return 1;
}

/* ---- items ------------------------------------------------------------------------------------------------------- */

static int pack(struct packing *packing, PyObject *object, Py_ssize_t explained);

/* What a function here returns for a status of the packer's. Values that its format has no room for are pickled. */
static int pack_said(struct packing *packing, comem_status status)
{
    if (LIKELY(status == COMEM_OK))
        return 1;
    if (status == COMEM_INVALID && !packing->key)
        return 0;
    if (status == COMEM_INVALID) {
        PyObject *detail = module_detail(status);
        if (detail != NULL)
            PyErr_Format(PyExc_TypeError, "cannot use this as a key: %U", detail);
        Py_XDECREF(detail);
        return -1;
    }
    return pyobject_fail(packing->container, status);
}

static int pack_item(struct packing *packing, const comem_value *value)
{
    return pack_said(packing, packer_item(&packing->packer, value));
}

static int pack_begin(struct packing *packing, comem_kind kind, Py_ssize_t size)
{
    comem_value value = comem_items(kind, NULL, (size_t)size);
    return pack_item(packing, &value);
}

static int pack_end(struct packing *packing, bool whole)
{
    return whole ? pack_said(packing, packer_end(&packing->packer)) : 0;
}

/* The exact size of an int's bytes does not matter, the packer leaves out what only repeats the sign. */
static int pack_int(struct packing *packing, PyObject *object)
{
    int overflow;
    comem_value value = comem_int(PyLong_AsLongLongAndOverflow(object, &overflow));
    if (LIKELY(overflow == 0))
        return pack_item(packing, &value);
    PyObject *bits = PyObject_CallMethod(object, "bit_length", NULL); /* exact: int's own */
    size_t size = bits == NULL ? 0 : PyLong_AsSize_t(bits) / 8 + 1;
    Py_XDECREF(bits);
    PyObject *bytes = size == 0 || PyErr_Occurred() ? NULL : PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    if (bytes == NULL)
        return -1;
#if PY_VERSION_HEX >= 0x030D0000
    int result =
        PyLong_AsNativeBytes(object, PyBytes_AS_STRING(bytes), (Py_ssize_t)size, Py_ASNATIVEBYTES_LITTLE_ENDIAN) < 0
            ? -1
            : 0;
#else
    int result =
        _PyLong_AsByteArray((PyLongObject *)object, (unsigned char *)PyBytes_AS_STRING(bytes), size, true, true);
#endif
    value = comem_bytes(PyBytes_AS_STRING(bytes), size);
    value.kind = COMEM_BIG_INT;
    if (result == 0)
        result = pack_item(packing, &value);
    Py_DECREF(bytes);
    return result;
}

static int pack_complex(struct packing *packing, PyObject *object)
{
    Py_complex number = PyComplex_AsCComplex(object);
    comem_value parts[2] = {comem_float(number.real), comem_float(number.imag)};
    comem_value value = comem_items(COMEM_COMPLEX, parts, 2);
    return pack_item(packing, &value);
}

static int pack_bytearray(struct packing *packing, PyObject *object)
{
    comem_value value = comem_bytes(PyByteArray_AS_STRING(object), (size_t)PyByteArray_GET_SIZE(object));
    value.kind = COMEM_BYTEARRAY;
    return pack_item(packing, &value);
}

/* ---- containers -------------------------------------------------------------------------------------------------- */

static int pack_list(struct packing *packing, PyObject *object)
{
    Py_ssize_t size = PyList_GET_SIZE(object);
    int result = pack_begin(packing, COMEM_LIST, size);
    for (Py_ssize_t i = 0; result > 0 && i < size && i < PyList_GET_SIZE(object); i++)
        result = pack(packing, PyList_GET_ITEM(object, i), 1);
    return result > 0 ? pack_end(packing, PyList_GET_SIZE(object) == size) : result;
}

static int pack_tuple(struct packing *packing, PyObject *object, comem_kind kind)
{
    Py_ssize_t size = PyTuple_GET_SIZE(object);
    int result = pack_begin(packing, kind, size);
    for (Py_ssize_t i = 0; result > 0 && i < size; i++)
        result = pack(packing, PyTuple_GET_ITEM(object, i), 1);
    return result > 0 ? pack_end(packing, true) : result;
}

static int pack_dict(struct packing *packing, PyObject *object)
{
    Py_ssize_t size = PyDict_GET_SIZE(object), at = 0, count = 0;
    PyObject *key, *item;
    int result = pack_begin(packing, COMEM_DICT, size);
    while (result > 0 && count <= size && PyDict_Next(object, &at, &key, &item)) {
        Py_INCREF(item);
        result = pack(packing, key, 1);
        if (result > 0)
            result = pack(packing, item, 2);
        Py_DECREF(item);
        count++;
    }
    return result > 0 ? pack_end(packing, count == size && PyDict_GET_SIZE(object) == size) : result;
}

static int pack_set(struct packing *packing, PyObject *object, comem_kind kind)
{
    Py_ssize_t size = PySet_GET_SIZE(object), count = 0;
    PyObject *items = PyObject_GetIter(object), *item = NULL;
    int result = items == NULL ? -1 : pack_begin(packing, kind, size);
    while (result > 0 && count <= size && (item = PyIter_Next(items)) != NULL) {
        result = pack(packing, item, 2);
        Py_DECREF(item);
        count++;
    }
    Py_XDECREF(items);
    if (result > 0 && PyErr_Occurred()) /* it was changed */
        PyErr_Clear();
    return result > 0 ? pack_end(packing, count == size) : result;
}

/* A container whose type the caller knows to be one of these. */
static int pack_container(struct packing *packing, PyObject *object)
{
    if (PyTuple_CheckExact(object))
        return pack_tuple(packing, object, COMEM_TUPLE);
    if (PyFrozenSet_CheckExact(object))
        return pack_set(packing, object, COMEM_FROZENSET);
    if (packing->key)
        return 0;
    if (PyList_CheckExact(object))
        return pack_list(packing, object);
    if (PyDict_CheckExact(object))
        return pack_dict(packing, object);
    if (PyByteArray_CheckExact(object))
        return pack_bytearray(packing, object);
    return pack_set(packing, object, COMEM_SET);
}

static bool is_container(PyObject *object)
{
    return PyTuple_CheckExact(object) || PyList_CheckExact(object) || PyDict_CheckExact(object) ||
           PyAnySet_CheckExact(object) || PyByteArray_CheckExact(object);
}

/* Whether there is only one such object anyway. */
static bool is_single(PyObject *object)
{
    return (PyTuple_CheckExact(object) && PyTuple_GET_SIZE(object) == 0) ||
           (PyFrozenSet_CheckExact(object) && PySet_GET_SIZE(object) == 0);
}

/* What is no scalar, nor a container. */
static int pack_other(struct packing *packing, PyObject *object)
{
    if (PyLong_CheckExact(object))
        return pack_int(packing, object);
    if (PyComplex_CheckExact(object))
        return pack_complex(packing, object);
    if (packing->key)
        return (PyObject *)Py_TYPE(object) == module_state_of(Py_TYPE(packing->container))->typed_type
                   ? pack_tuple(packing, object, (comem_kind)PACKED_KIND_TYPED)
                   : 0;
    if (pyunbound_settle(object) < 0)
        return -1;
    comem_object *shared = pyobject_handle(packing->container, object);
    if (shared == NULL)
        return 0;
    comem_value value = pyobject_ref(shared);
    return pack_item(packing, &value);
}

/* Packs one object, `explained` references to which are known. 1, 0 or -1 as pypack_value(). */
static int pack(struct packing *packing, PyObject *object, Py_ssize_t explained)
{
    comem_value value;
    PyObject *owner;
    if (LIKELY(pyvalue_is_small(object))) {
        value = comem_int(pyvalue_small(object));
        return pack_item(packing, &value);
    }
    if (PyUnicode_CheckExact(object) && PyUnicode_IS_COMPACT_ASCII(object)) {
        const char *text = (const char *)PyUnicode_1BYTE_DATA(object);
        return pack_said(packing, packer_ascii(&packing->packer, text, (size_t)PyUnicode_GET_LENGTH(object)));
    }
    if (is_container(object)) {
        int result = 1;
        if (object == packing->root || packing->packer.depth == PACKED_DEPTH_MAX)
            result = packing->key; /* then the packer says that it is too deep */
        else if (!packing->key && Py_REFCNT(object) > explained && !is_single(object))
            result = seen_add(&packing->seen, object);
        Py_INCREF(object);
        if (result > 0)
            result = pack_container(packing, object);
        Py_DECREF(object);
        return result;
    }
    int result = pyvalue_from_scalar(object, &value, &owner);
    if (result > 0) {
        result = pack_item(packing, &value);
    } else if (result == 0) {
        Py_INCREF(object); /* a global's factory may take it out of the list that it is in */
        result = pack_other(packing, object);
        Py_DECREF(object);
    }
    Py_XDECREF(owner);
    return result;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static void packing_open(struct packing *packing, PyObject *container, PyObject *object, bool key)
{
    packer_open(&packing->packer);
    packing->container = container;
    packing->root = object;
    packing->key = key;
    seen_open(&packing->seen);
}

/* Makes `packed` own its bytes, which are the packer's, and what they refer to. */
static comem_status packing_own(struct packer *packer, comem_value *packed)
{
    uint64_t count;
    size_t front = (size_t)(packed->as.data - packer->bytes);
    char *bytes = packer->bytes;
    if (bytes == packer->few) {
        bytes = malloc(front + packed->size + 1);
        if (bytes == NULL)
            return COMEM_NO_MEMORY;
        memcpy(bytes, packer->few, front + packed->size + 1);
    }
    packer->bytes = packer->few; /* not its own any more */
    packed->as.data = bytes + front;
    packed->owned = 1;
    struct comem_object **objects = cell_held_objects(packed, &count);
    for (uint64_t i = 0; i < count; i++)
        object_hold(objects[i]);
    return COMEM_OK;
}

/* Copies a small packed value into memory of the interpreter's, which is used again when nobody has it any more. */
static PyObject *packing_copy(struct module_state *state, comem_value *packed)
{
    if (UNLIKELY(state->scratch == NULL || Py_REFCNT(state->scratch) > 1)) {
        PyObject *fresh = PyBytes_FromStringAndSize(NULL, sizeof(((struct packer *)NULL)->few));
        if (fresh == NULL)
            return NULL;
        Py_XSETREF(state->scratch, fresh);
    }
    memcpy(PyBytes_AS_STRING(state->scratch), packed->as.data, packed->size);
    packed->as.data = PyBytes_AS_STRING(state->scratch);
    Py_INCREF(state->scratch);
    return state->scratch;
}

/* Makes the value of what was packed, and its owner. */
static int packing_finish(struct packing *packing, comem_value *value, PyObject **owner)
{
    struct packer *packer = &packing->packer;
    struct module_state *state = module_state_of(Py_TYPE(packing->container));
    comem_status status = packer_close(packer, value);
    if (status == COMEM_OK && packer->bytes == packer->few && packer->object_count == 0) {
        *owner = packing_copy(state, value);
        return *owner == NULL ? -1 : 1;
    }
    if (status == COMEM_OK)
        status = packing_own(packer, value);
    if (status != COMEM_OK)
        return pack_said(packing, status);
    comem_value owned = *value;
    value->owned = 0;
    *owner = pyblock_new(state, &owned);
    if (*owner == NULL)
        comem_value_clear(&owned);
    return *owner == NULL ? -1 : 1;
}

static void packing_close(struct packing *packing)
{
    packer_clear(&packing->packer);
    seen_close(&packing->seen);
}

static __attribute__((noinline)) int pypack(PyObject *container, PyObject *object, bool key, comem_value *value,
                                            PyObject **owner)
{
    struct packing packing;
    packing_open(&packing, container, object, key);
    int result = is_container(object) ? pack_container(&packing, object) : pack_other(&packing, object);
    if (result > 0)
        result = packing_finish(&packing, value, owner);
    packing_close(&packing);
    return result;
}

int pypack_value(PyObject *container, PyObject *object, comem_value *value, PyObject **owner)
{
    *owner = NULL;
    if (!is_container(object) && !PyLong_CheckExact(object) && !PyComplex_CheckExact(object))
        return 0;
    return pypack(container, object, false, value, owner);
}

int pypack_key(PyObject *container, PyObject *object, comem_value *value, PyObject **owner)
{
    int scalar = pyvalue_from_scalar(object, value, owner);
    return scalar != 0 ? scalar : pypack(container, object, true, value, owner);
}

const char pypack_function_doc[] =
    "_pack(container, value, /)\n--\n\n"
    "The bytes of a plain compound value stored in a shared object, without its references.";

PyObject *pypack_function(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    comem_value value;
    PyObject *owner;
    if (pyobject_argument(module, "_pack", arguments, count, 2) < 0)
        return NULL;
    int plain = pypack_value(arguments[0], arguments[1], &value, &owner);
    if (plain == 0)
        PyErr_SetString(PyExc_TypeError, "_pack() packs plain compound values");
    PyObject *bytes = plain <= 0 ? NULL : PyBytes_FromStringAndSize(value.as.data, (Py_ssize_t)value.size);
    Py_XDECREF(owner);
    return bytes;
}
