/* pyunpack.c - packed values to plain compound objects
 *
 * Reads what the engine's packer writes (docs/format.md) straight into objects, out of a private copy: nobody changes
 * it meanwhile. No size is believed: the items of all containers together are no more than the value has bytes.
 *
 * Records have the same keys again and again. The short ones are remembered and given again: with their hash known, they take
 * a third of the time that new ones do.
 */
#include "pyunpack.h"

#include "objects/object.h"
#include "pyobject.h"
#include "pyvalue.h"
#include "value/packed.h"

struct reader {
    const uint8_t *at, *end;
    size_t budget;                 /* items that containers may still have */
    unsigned depth;                /* containers we are in */
    PyObject *container;           /* the shared object that the value was read from */
    struct comem_object **objects; /* the value's references */
    uint64_t object_count;
};

static PyObject *read_object(struct reader *reader);

static PyObject *reader_damaged(const struct reader *reader)
{
    PyErr_SetString(module_state_of(Py_TYPE(reader->container))->damaged_error,
                    "a packed value in the store is not whole");
    return NULL;
}

/* The next `size` bytes; NULL when there are not so many, without an exception. */
static inline const uint8_t *read_bytes(struct reader *reader, size_t size)
{
    const uint8_t *at = reader->at;
    if (UNLIKELY(size > (size_t)(reader->end - at)))
        return NULL;
    reader->at = at + size;
    return at;
}

/* A number of 1, 2, 4 or 8 bytes, the highest first. False when the bytes end before. */
static inline bool read_number(struct reader *reader, size_t size, uint64_t *number)
{
    const uint8_t *at = read_bytes(reader, size);
    *number = 0;
    for (size_t i = 0; at != NULL && i < size; i++)
        *number = *number << 8 | at[i];
    return at != NULL;
}

/* ---- scalars ----------------------------------------------------------------------------------------------------- */

static PyObject *read_text(struct reader *reader, size_t size)
{
    const char *text = (const char *)read_bytes(reader, size);
    if (UNLIKELY(text == NULL))
        return reader_damaged(reader);
    if (size > 1 && pyvalue_is_ascii(text, size))
        return pyvalue_ascii(text, size);
    PyObject *object = PyUnicode_DecodeUTF8(text, (Py_ssize_t)size, NULL);
    if (UNLIKELY(object == NULL) && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
        PyErr_Clear();
        object = PyUnicode_DecodeUTF8(text, (Py_ssize_t)size, "surrogatepass");
        if (object == NULL && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError))
            return reader_damaged(reader);
    }
    return object;
}

static PyObject *read_binary(struct reader *reader, size_t size)
{
    const char *bytes = (const char *)read_bytes(reader, size);
    return bytes == NULL ? reader_damaged(reader) : PyBytes_FromStringAndSize(bytes, (Py_ssize_t)size);
}

static PyObject *read_double(struct reader *reader)
{
    uint64_t bits;
    double real;
    if (!read_number(reader, 8, &bits))
        return reader_damaged(reader);
    memcpy(&real, &bits, sizeof(real));
    return PyFloat_FromDouble(real);
}

static PyObject *read_float(struct reader *reader)
{
    uint64_t number;
    if (!read_number(reader, 4, &number))
        return reader_damaged(reader);
    uint32_t bits = (uint32_t)number;
    float real;
    memcpy(&real, &bits, sizeof(real));
    return PyFloat_FromDouble((double)real);
}

static PyObject *read_unsigned(struct reader *reader, size_t size)
{
    uint64_t number;
    return read_number(reader, size, &number) ? PyLong_FromUnsignedLongLong(number) : reader_damaged(reader);
}

static PyObject *read_signed(struct reader *reader, size_t size)
{
    uint64_t number;
    if (!read_number(reader, size, &number))
        return reader_damaged(reader);
    unsigned above = 64 - 8 * (unsigned)size;
    return PyLong_FromLongLong((int64_t)(number << above) >> above);
}

/* ---- containers -------------------------------------------------------------------------------------------------- */

/* Goes into a container of `items` items, keys and values counted each. The caller goes out of it in any case. */
static bool reader_enter(struct reader *reader, size_t items)
{
    if (++reader->depth > PACKED_DEPTH_MAX || items > reader->budget) {
        reader_damaged(reader);
        return false;
    }
    reader->budget -= items;
    return true;
}

static PyObject *read_list(struct reader *reader, size_t size)
{
    PyObject *list = reader_enter(reader, size) ? PyList_New((Py_ssize_t)size) : NULL;
    for (size_t i = 0; list != NULL && i < size; i++) {
        PyObject *item = read_object(reader);
        if (UNLIKELY(item == NULL))
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, item);
    }
    reader->depth--;
    return list;
}

static PyObject *read_tuple(struct reader *reader, size_t size)
{
    PyObject *tuple = reader_enter(reader, size) ? PyTuple_New((Py_ssize_t)size) : NULL;
    for (size_t i = 0; tuple != NULL && i < size; i++) {
        PyObject *item = read_object(reader);
        if (UNLIKELY(item == NULL))
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, item);
    }
    reader->depth--;
    return tuple;
}

/* After an item was put into a set or dict: one without a hash was never there. Returns `result`. */
static int reader_put(const struct reader *reader, int result)
{
    if (UNLIKELY(result < 0) && PyErr_ExceptionMatches(PyExc_TypeError))
        reader_damaged(reader);
    return result;
}

static PyObject *read_set(struct reader *reader, size_t size, PyTypeObject *type)
{
    PyObject *set = reader_enter(reader, size) ? PyObject_CallObject((PyObject *)type, NULL) : NULL;
    if (set != NULL && size > 0 && type == &PyFrozenSet_Type)
        Py_SETREF(set, PyFrozenSet_New(NULL)); /* one of its own, to be filled */
    for (size_t i = 0; set != NULL && i < size; i++) {
        PyObject *item = read_object(reader);
        if (item == NULL || reader_put(reader, PySet_Add(set, item)) < 0)
            Py_CLEAR(set);
        Py_XDECREF(item);
    }
    reader->depth--;
    return set;
}

/* Where a text of up to CELL_NEAR_MAX bytes is remembered. */
static inline struct known_key *known_key(struct module_state *state, struct cell_image image)
{
    uint64_t mixed = (image.head ^ image.body * UINT64_C(0xBF58476D1CE4E5B9)) * UINT64_C(0x9E3779B97F4A7C15);
    return &state->known_keys[mixed >> (64 - KNOWN_KEYS_BITS)];
}

static PyObject *read_key(struct reader *reader, struct module_state *state)
{
    size_t size = reader->at < reader->end ? *reader->at - 0xA0u : 0; /* of a short text */
    if (size - 1 >= CELL_NEAR_MAX || size >= (size_t)(reader->end - reader->at))
        return read_object(reader);
    struct cell_image image = cell_near_image(COMEM_STR, 0, (const char *)reader->at + 1, size);
    struct known_key *known = known_key(state, image);
    if (LIKELY(known->head == image.head && known->body == image.body && known->text != NULL)) {
        reader->at += 1 + size;
        Py_INCREF(known->text);
        return known->text;
    }
    PyObject *text = read_object(reader);
    if (text == NULL)
        return NULL;
    Py_INCREF(text);
    Py_XSETREF(known->text, text);
    known->head = image.head;
    known->body = image.body;
    return text;
}

static PyObject *read_dict(struct reader *reader, size_t size)
{
    struct module_state *state = module_state_of(Py_TYPE(reader->container));
    PyObject *dict = reader_enter(reader, 2 * size) ? PyDict_New() : NULL;
    for (size_t i = 0; dict != NULL && i < size; i++) {
        PyObject *key = read_key(reader, state);
        PyObject *item = key == NULL ? NULL : read_object(reader);
        if (item == NULL || reader_put(reader, PyDict_SetItem(dict, key, item)) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(item);
        Py_XDECREF(key);
    }
    reader->depth--;
    return dict;
}

/* ---- extension types --------------------------------------------------------------------------------------------- */

static PyObject *read_int(struct reader *reader, size_t size)
{
    const uint8_t *bytes = read_bytes(reader, size);
    if (bytes == NULL || size == 0)
        return reader_damaged(reader);
#if PY_VERSION_HEX >= 0x030D0000
    return PyLong_FromNativeBytes(bytes, size, Py_ASNATIVEBYTES_LITTLE_ENDIAN);
#else
    return _PyLong_FromByteArray(bytes, size, true, true);
#endif
}

static PyObject *read_complex(struct reader *reader, size_t size)
{
    uint64_t bits[2];
    double parts[2];
    if (size != sizeof(bits) || !read_number(reader, 8, &bits[0]) || !read_number(reader, 8, &bits[1]))
        return reader_damaged(reader);
    memcpy(parts, bits, sizeof(parts));
    return PyComplex_FromDoubles(parts[0], parts[1]);
}

static PyObject *read_bytearray(struct reader *reader, size_t size)
{
    const char *bytes = (const char *)read_bytes(reader, size);
    return bytes == NULL ? reader_damaged(reader) : PyByteArray_FromStringAndSize(bytes, (Py_ssize_t)size);
}

static PyObject *read_reference(struct reader *reader, size_t size)
{
    uint64_t number;
    if (size != 4 || !read_number(reader, 4, &number) || number >= reader->object_count)
        return reader_damaged(reader);
    comem_value reference = pyobject_ref(reader->objects[number]);
    object_hold(reference.as.object);
    PyObject *object = pyobject_from_value(reader->container, &reference);
    if (object == NULL)
        object_release(reference.as.object);
    return object;
}

/* The array that is the body of a container's extension type, up to `end`. */
static PyObject *read_array(struct reader *reader, enum packed_type type, const uint8_t *end)
{
    const uint8_t *first = read_bytes(reader, 1);
    uint64_t size = 0;
    bool sound =
        first != NULL && ((*first >= 0x90 && *first <= 0x9F) ||
                          ((*first == 0xDC || *first == 0xDD) && read_number(reader, *first == 0xDC ? 2 : 4, &size)));
    if (!sound)
        return reader_damaged(reader);
    if (*first <= 0x9F)
        size = *first & 0xFu;
    PyObject *object = type == PACKED_TUPLE
                           ? read_tuple(reader, size)
                           : read_set(reader, size, type == PACKED_SET ? &PySet_Type : &PyFrozenSet_Type);
    if (object != NULL && reader->at != end) {
        Py_DECREF(object);
        return reader_damaged(reader);
    }
    return object;
}

static PyObject *read_extension(struct reader *reader, size_t size)
{
    const uint8_t *type = read_bytes(reader, 1);
    if (type == NULL || size > (size_t)(reader->end - reader->at))
        return reader_damaged(reader);
    switch ((enum packed_type) * type) {
    case PACKED_TUPLE:
    case PACKED_SET:
    case PACKED_FROZENSET:
        return read_array(reader, (enum packed_type) * type, reader->at + size);
    case PACKED_BIG_INT:
        return read_int(reader, size);
    case PACKED_COMPLEX:
        return read_complex(reader, size);
    case PACKED_BYTEARRAY:
        return read_bytearray(reader, size);
    case PACKED_SURROGATES:
        return read_text(reader, size);
    case PACKED_REF:
        return read_reference(reader, size);
    case PACKED_TYPED: /* in the canonical form of keys alone */
    default:
        return reader_damaged(reader);
    }
}

/* ---- everything -------------------------------------------------------------------------------------------------- */

/* What has its size in `bytes` bytes before it. */
static PyObject *read_sized(struct reader *reader, size_t bytes, PyObject *(*read)(struct reader *, size_t))
{
    uint64_t size;
    return read_number(reader, bytes, &size) ? read(reader, size) : reader_damaged(reader);
}

/* An object whose first byte is from 0xC0 to 0xDF. */
static PyObject *read_other(struct reader *reader, unsigned first)
{
    switch (first) {
    case 0xC0:
        Py_RETURN_NONE;
    case 0xC2:
        Py_RETURN_FALSE;
    case 0xC3:
        Py_RETURN_TRUE;
    case 0xC4:
    case 0xC5:
    case 0xC6:
        return read_sized(reader, 1u << (first - 0xC4), read_binary);
    case 0xC7:
    case 0xC8:
    case 0xC9:
        return read_sized(reader, 1u << (first - 0xC7), read_extension);
    case 0xCA:
        return read_float(reader);
    case 0xCB:
        return read_double(reader);
    case 0xCC:
    case 0xCD:
    case 0xCE:
    case 0xCF:
        return read_unsigned(reader, 1u << (first - 0xCC));
    case 0xD0:
    case 0xD1:
    case 0xD2:
    case 0xD3:
        return read_signed(reader, 1u << (first - 0xD0));
    case 0xD4:
    case 0xD5:
    case 0xD6:
    case 0xD7:
    case 0xD8:
        return read_extension(reader, 1u << (first - 0xD4));
    case 0xD9:
    case 0xDA:
    case 0xDB:
        return read_sized(reader, 1u << (first - 0xD9), read_text);
    case 0xDC:
    case 0xDD:
        return read_sized(reader, 2u << (first - 0xDC), read_list);
    case 0xDE:
    case 0xDF:
        return read_sized(reader, 2u << (first - 0xDE), read_dict);
    default:
        return reader_damaged(reader);
    }
}

static PyObject *read_object(struct reader *reader)
{
    const uint8_t *at = read_bytes(reader, 1);
    if (UNLIKELY(at == NULL))
        return reader_damaged(reader);
    unsigned first = *at;
    if (first < 0x80)
        return PyLong_FromLong((long)first);
    if (first >= 0xE0)
        return PyLong_FromLong((long)first - 0x100);
    if (first >= 0xC0)
        return read_other(reader, first);
    if (first >= 0xA0)
        return read_text(reader, first & 0x1Fu);
    return first >= 0x90 ? read_list(reader, first & 0xFu) : read_dict(reader, first & 0xFu);
}

PyObject *pyunpack_value(PyObject *container, const comem_value *value)
{
    struct reader reader;
    reader.at = (const uint8_t *)value->as.data;
    reader.end = reader.at + value->size;
    reader.budget = value->size;
    reader.depth = 0;
    reader.container = container;
    reader.objects = cell_held_objects(value, &reader.object_count);
    PyObject *object = read_object(&reader);
    if (object != NULL && reader.at != reader.end) {
        Py_DECREF(object);
        return reader_damaged(&reader);
    }
    return object;
}

const char pyunpack_function_doc[] =
    "_unpack(container, data, /)\n--\n\n"
    "The value that these bytes, in a shared object, stand for. DamagedError: for none.";

PyObject *pyunpack_function(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    if (pyobject_argument(module, "_unpack", arguments, count, 2) < 0)
        return NULL;
    if (!PyBytes_CheckExact(arguments[1])) {
        PyErr_SetString(PyExc_TypeError, "_unpack() takes bytes");
        return NULL;
    }
    comem_value value = comem_bytes(PyBytes_AS_STRING(arguments[1]), (size_t)PyBytes_GET_SIZE(arguments[1]));
    value.kind = COMEM_PACKED;
    return pyunpack_value(arguments[0], &value);
}
