/* pypickle.c - values that are pickles
 *
 * comem/_values.py pickles and loads; here its pieces become one value and come out of it again. A value's bytes are a
 * frame (docs/format.md): the size of the pickle, the number of its buffers and their sizes, each 8 bytes, lowest
 * first; the pickle; each buffer from the next multiple of FRAME_ALIGN on.
 *
 * Copies       a buffer is never part of the pickle. On its way in it is copied into the frame, and that into the store;
 *              on its way out once: the private copy of the value becomes the memory of the arrays that are made of it.
 * References   of a value stand before its bytes (value/cell.h); the pickle has their numbers.
 */
#include "pypickle.h"

#include <endian.h>
#include <stdlib.h>

#include "objects/object.h"
#include "objects/value.h"
#include "pyblock.h"
#include "pyobject.h"

#define FRAME_ALIGN 64u
#define FRAME_FIXED 16u /* bytes before the sizes of buffers */

static size_t align_up(size_t size)
{
    return (size + FRAME_ALIGN - 1) & ~(size_t)(FRAME_ALIGN - 1);
}

static void put_number(char *at, uint64_t number)
{
    number = htole64(number);
    memcpy(at, &number, sizeof(number));
}

static uint64_t get_number(const char *at)
{
    uint64_t number;
    memcpy(&number, at, sizeof(number));
    return le64toh(number);
}

/* The attribute `name` of comem._values, loaded when it is needed first. Borrowed; NULL with an exception. */
static PyObject *pypickle_tool(PyObject *container, const char *name)
{
    struct module_state *state = module_state_of(Py_TYPE(container));
    if (UNLIKELY(state->values_module == NULL)) {
        state->values_module = PyImport_ImportModule("comem._values");
        if (state->values_module == NULL)
            return NULL;
    }
    PyObject *key = PyUnicode_FromString(name); /* PyDict_GetItemString() takes having no memory for absence */
    PyObject *tool = key == NULL ? NULL : PyDict_GetItemWithError(PyModule_GetDict(state->values_module), key);
    Py_XDECREF(key);
    if (tool == NULL && !PyErr_Occurred())
        PyErr_Format(PyExc_SystemError, "comem._values lacks %s", name);
    return tool;
}

/* ---- in ---------------------------------------------------------------------------------------------------------- */

/* What dumps() gave: a pickle, its buffers, and the shared objects in it. */
struct pieces {
    PyObject *stream, *buffers, *held;
};

static size_t piece_count(PyObject *list)
{
    return (size_t)PyList_GET_SIZE(list);
}

/* `tool` is the function that pickles. */
static int pieces_open(struct pieces *pieces, PyObject *container, PyObject *object, const char *tool)
{
    PyObject *dumps = pypickle_tool(container, tool);
    PyObject *made = dumps == NULL ? NULL : PyObject_CallFunctionObjArgs(dumps, object, NULL);
    if (made == NULL)
        return -1;
    int parsed =
        PyArg_ParseTuple(made, "SO!O!", &pieces->stream, &PyList_Type, &pieces->buffers, &PyList_Type, &pieces->held);
    if (parsed) {
        Py_INCREF(pieces->stream);
        Py_INCREF(pieces->buffers);
        Py_INCREF(pieces->held);
    }
    Py_DECREF(made);
    return parsed ? 0 : -1;
}

static void pieces_close(struct pieces *pieces)
{
    Py_DECREF(pieces->stream);
    Py_DECREF(pieces->buffers);
    Py_DECREF(pieces->held);
}

/* The size of the frame. 0 with an exception. */
static size_t frame_size(const struct pieces *pieces)
{
    size_t size = FRAME_FIXED + 8 * piece_count(pieces->buffers) + (size_t)PyBytes_GET_SIZE(pieces->stream);
    for (size_t i = 0; i < piece_count(pieces->buffers); i++) {
        const Py_buffer *view = PyPickleBuffer_GetBuffer(PyList_GET_ITEM(pieces->buffers, (Py_ssize_t)i));
        if (view == NULL)
            return 0;
        if (!PyBuffer_IsContiguous(view, 'A')) {
            PyErr_SetString(PyExc_BufferError, "cannot pickle a buffer that is not contiguous");
            return 0;
        }
        size = align_up(size) + (size_t)view->len;
    }
    return size;
}

static void frame_fill(const struct pieces *pieces, char *bytes)
{
    size_t count = piece_count(pieces->buffers), size = (size_t)PyBytes_GET_SIZE(pieces->stream);
    size_t at = FRAME_FIXED + 8 * count;
    put_number(bytes, size);
    put_number(bytes + 8, count);
    memcpy(bytes + at, PyBytes_AS_STRING(pieces->stream), size);
    at += size;
    for (size_t i = 0; i < count; i++) {
        const Py_buffer *view = PyPickleBuffer_GetBuffer(PyList_GET_ITEM(pieces->buffers, (Py_ssize_t)i));
        size_t start = align_up(at), length = (size_t)view->len;
        put_number(bytes + FRAME_FIXED + 8 * i, length);
        memset(bytes + at, 0, start - at);
        if (length > 0)
            memcpy(bytes + start, view->buf, length);
        at = start + length;
    }
}

/* Makes the value, which owns its bytes and references. 0, or -1 with an exception. */
static int pieces_join(const struct pieces *pieces, comem_value *value)
{
    uint64_t held = piece_count(pieces->held);
    size_t front = held == 0 ? 0 : 8 * (held + 1), size = frame_size(pieces);
    char *bytes = size == 0 ? NULL : malloc(front + size + 1);
    if (bytes == NULL) {
        if (size != 0)
            PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < held; i++) {
        comem_object *object = pyobject_of(PyList_GET_ITEM(pieces->held, (Py_ssize_t)i));
        object_hold(object);
        memcpy(bytes + 8 * i, &object, 8);
    }
    if (held > 0)
        memcpy(bytes + 8 * held, &held, 8);
    frame_fill(pieces, bytes + front);
    bytes[front + size] = 0;
    *value = comem_bytes(bytes + front, size);
    value->kind = COMEM_PICKLE;
    value->flags = held > 0 ? COMEM_HOLDS : 0;
    value->owned = 1;
    return 0;
}

static int pypickle_make(PyObject *container, PyObject *object, const char *tool, comem_value *value, PyObject **owner)
{
    struct pieces pieces;
    comem_value owned;
    if ((object_flags(pyobject_of(container)) & OBJECT_NO_PICKLE) != 0) {
        PyErr_Format(
            PyExc_TypeError,
            "cannot store an object of type '%.200s' here: it would have to be pickled, and this shared object "
            "was made with pickle=False",
            Py_TYPE(object)->tp_name);
        return -1;
    }
    if (pieces_open(&pieces, container, object, tool) < 0)
        return -1;
    int result = pieces_join(&pieces, &owned);
    pieces_close(&pieces);
    if (result < 0)
        return -1;
    *value = owned;
    value->owned = 0;
    *owner = pyblock_new(module_state_of(Py_TYPE(container)), &owned);
    if (*owner != NULL)
        return 0;
    comem_value_clear(&owned);
    return -1;
}

int pypickle_value(PyObject *container, PyObject *object, comem_value *value, PyObject **owner)
{
    return pypickle_make(container, object, "dumps", value, owner);
}

int pypickle_key(PyObject *container, PyObject *object, comem_value *value, PyObject **owner)
{
    return pypickle_make(container, object, "dumps_key", value, owner);
}

/* ---- out --------------------------------------------------------------------------------------------------------- */

/* Where the pieces of a frame are. */
struct frame {
    size_t size, buffers; /* of the pickle; their number */
    const char *bytes, *stream;
};

/* False when the bytes are no frame. */
static bool frame_read(struct frame *frame, const comem_value *value)
{
    const char *bytes = value->as.data;
    size_t left = value->size;
    if (left < FRAME_FIXED)
        return false;
    frame->bytes = bytes;
    frame->size = get_number(bytes);
    frame->buffers = get_number(bytes + 8);
    left -= FRAME_FIXED;
    if (frame->buffers > left / 8 || frame->size > left - 8 * frame->buffers)
        return false;
    frame->stream = bytes + FRAME_FIXED + 8 * frame->buffers;
    size_t at = FRAME_FIXED + 8 * frame->buffers + frame->size;
    for (size_t i = 0; i < frame->buffers; i++) {
        size_t start = align_up(at), length = get_number(bytes + FRAME_FIXED + 8 * i);
        if (start > value->size || length > value->size - start)
            return false;
        at = start + length;
    }
    return at == value->size;
}

/* The buffers of a frame as views of the block that has its bytes. NULL with an exception. */
static PyObject *frame_buffers(const struct frame *frame, PyObject *block)
{
    PyObject *whole = PyMemoryView_FromObject(block);
    PyObject *buffers = whole == NULL ? NULL : PyList_New(0);
    size_t at = FRAME_FIXED + 8 * frame->buffers + frame->size;
    for (size_t i = 0; buffers != NULL && i < frame->buffers; i++) {
        size_t start = align_up(at);
        at = start + get_number(frame->bytes + FRAME_FIXED + 8 * i);
        PyObject *view = PySequence_GetSlice(whole, (Py_ssize_t)start, (Py_ssize_t)at);
        if (view == NULL || PyList_Append(buffers, view) < 0)
            Py_CLEAR(buffers);
        Py_XDECREF(view);
    }
    Py_XDECREF(whole);
    return buffers;
}

/* The shared objects that a value refers to. NULL with an exception. */
static PyObject *held_objects(PyObject *container, const comem_value *value)
{
    uint64_t count;
    struct comem_object **objects = cell_held_objects(value, &count);
    PyObject *held = PyList_New((Py_ssize_t)count);
    for (uint64_t i = 0; held != NULL && i < count; i++) {
        comem_value reference = pyobject_ref(objects[i]);
        object_hold(objects[i]);
        PyObject *object = pyobject_from_value(container, &reference);
        if (object == NULL) {
            object_release(objects[i]);
            Py_CLEAR(held);
        } else {
            PyList_SET_ITEM(held, (Py_ssize_t)i, object);
        }
    }
    return held;
}

/* The pickle's object. `view` is of the pickle, `buffers` a list. */
static PyObject *load_stream(PyObject *container, const comem_value *value, PyObject *view, PyObject *buffers)
{
    PyObject *held = held_objects(container, value);
    PyObject *loads = held == NULL ? NULL : pypickle_tool(container, "loads");
    PyObject *object = loads == NULL ? NULL : PyObject_CallFunctionObjArgs(loads, view, buffers, held, NULL);
    Py_XDECREF(held);
    return object;
}

/* Raises ValueUnreadable for `reason`, an exception or a sentence. */
static void raise_unreadable(PyObject *container, PyObject *view, PyObject *reason)
{
    PyObject *make = pypickle_tool(container, "unreadable");
    PyObject *error = make == NULL || reason == NULL ? NULL : PyObject_CallFunctionObjArgs(make, view, reason, NULL);
    if (error != NULL)
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    Py_XDECREF(error);
}

/* Makes ValueUnreadable of what loading has raised, unless that says something about this process. */
static void explain_failure(PyObject *container, PyObject *view)
{
    PyObject *type, *error, *traceback;
    if (!PyErr_ExceptionMatches(PyExc_Exception) || PyErr_ExceptionMatches(PyExc_MemoryError))
        return;
    PyErr_Fetch(&type, &error, &traceback);
    PyErr_NormalizeException(&type, &error, &traceback);
    if (traceback != NULL)
        PyException_SetTraceback(error, traceback);
    raise_unreadable(container, view, error);
    Py_XDECREF(traceback);
    Py_XDECREF(error);
    Py_XDECREF(type);
}

/* Loads a frame that has buffers. A block takes the value over; where loading fails, parts of it may live on. */
static PyObject *load_buffers(PyObject *container, comem_value *value, const struct frame *frame, PyObject *view)
{
    comem_value moved = *value;
    PyObject *block = pyblock_new(module_state_of(Py_TYPE(container)), &moved);
    if (block == NULL)
        return NULL;
    PyObject *buffers = frame_buffers(frame, block);
    PyObject *object = buffers == NULL ? NULL : load_stream(container, value, view, buffers);
    if (object == NULL)
        explain_failure(container, view);
    if (object != NULL || value_copy(value, &moved) != COMEM_OK)
        moved = comem_none();
    *value = moved;
    Py_XDECREF(buffers);
    Py_DECREF(block);
    return object;
}

static PyObject *load_plain(PyObject *container, const comem_value *value, PyObject *view)
{
    PyObject *buffers = PyList_New(0);
    PyObject *object = buffers == NULL ? NULL : load_stream(container, value, view, buffers);
    if (object == NULL)
        explain_failure(container, view);
    Py_XDECREF(buffers);
    return object;
}

static PyObject *load_refused(PyObject *container, PyObject *view)
{
    PyObject *reason = PyUnicode_FromString("the shared object was made with pickle=False");
    raise_unreadable(container, view, reason);
    Py_XDECREF(reason);
    return NULL;
}

/* Ends a view of the value's bytes, which a traceback may still have. Where somebody looks through it, the bytes stay for good. */
static void view_release(PyObject *view, comem_value *value)
{
    PyObject *type, *error, *traceback;
    PyErr_Fetch(&type, &error, &traceback);
    PyObject *released = PyObject_CallMethod(view, "release", NULL);
    if (released == NULL) {
        PyErr_Clear();
        value->owned = 0;
    }
    Py_XDECREF(released);
    Py_DECREF(view);
    PyErr_Restore(type, error, traceback);
}

PyObject *pypickle_load(PyObject *container, comem_value *value)
{
    struct frame frame;
    if (!frame_read(&frame, value)) {
        PyErr_SetString(module_state_of(Py_TYPE(container))->damaged_error, "a pickle in the store is not whole");
        return NULL;
    }
    PyObject *view = PyMemoryView_FromMemory((char *)(uintptr_t)frame.stream, (Py_ssize_t)frame.size, PyBUF_READ);
    if (view == NULL)
        return NULL;
    PyObject *object;
    if ((object_flags(pyobject_of(container)) & OBJECT_NO_PICKLE) != 0)
        object = load_refused(container, view);
    else if (frame.buffers > 0)
        object = load_buffers(container, value, &frame, view);
    else
        object = load_plain(container, value, view);
    view_release(view, value);
    return object;
}

const char pypickle_handle_doc[] = "_handle(cls, shared, /)\n--\n\n"
                                   "Another handle of a shared object, of class cls, which is one for its kind.";

PyObject *pypickle_handle(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    struct module_state *state = module_state(module);
    for (unsigned i = 0; count == 2 && PyType_Check(arguments[0]) && i < KINDS; i++) {
        PyTypeObject *type = (PyTypeObject *)(void *)arguments[0];
        if (!PyType_IsSubtype(type, state->native_types[i]) ||
            !PyObject_TypeCheck(arguments[1], state->native_types[i]))
            continue;
        object_hold(pyobject_of(arguments[1]));
        return pyobject_wrap(type, pyobject_of(arguments[1]));
    }
    PyErr_SetString(PyExc_TypeError, "_handle() takes a type of comem's and an object of its kind");
    return NULL;
}

/* ---- where it was ------------------------------------------------------------------------------------------------ */

/* The ValueUnreadable that has just been raised, taken out of the interpreter; NULL when it is another exception. */
static PyObject *take_unreadable(PyObject *container)
{
    struct module_state *state = module_state_of(Py_TYPE(container));
    PyObject *type, *error, *traceback;
    PyObject *wanted = state->values_module == NULL ? NULL : pypickle_tool(container, "ValueUnreadable");
    if (wanted == NULL || !PyErr_ExceptionMatches(wanted))
        return NULL;
    PyErr_Fetch(&type, &error, &traceback);
    PyErr_NormalizeException(&type, &error, &traceback);
    Py_XDECREF(traceback);
    Py_XDECREF(type);
    return error;
}

/* Takes over `where`, a str, which may be NULL with an exception. */
static void place_unreadable(PyObject *error, PyObject *where)
{
    PyObject *done = where == NULL ? NULL : PyObject_CallMethod(error, "_at", "O", where);
    if (done != NULL)
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    Py_XDECREF(done);
    Py_XDECREF(where);
    Py_DECREF(error);
}

void pypickle_at_index(PyObject *container, int64_t index)
{
    PyObject *error = take_unreadable(container);
    if (error != NULL)
        place_unreadable(error, PyUnicode_FromFormat("item %lld", (long long)index));
}

void pypickle_at_key(PyObject *container, PyObject *key)
{
    PyObject *error = take_unreadable(container);
    if (error != NULL)
        place_unreadable(error, PyUnicode_FromFormat("key %R", key));
}

PyObject *pypickle_shown(PyObject *container)
{
    PyObject *error = take_unreadable(container);
    if (error == NULL)
        return NULL;
    PyObject *type = pypickle_tool(container, "Unreadable");
    PyObject *shown = type == NULL ? NULL : PyObject_CallFunctionObjArgs(type, error, NULL);
    Py_DECREF(error);
    return shown;
}
