/* pylist_many.c - comem.List's many items at once: snapshots, extending, comparing, representing
 *
 * In              An iterable becomes an array of values before the engine is called, and goes in with one call: all of
 *                 it or nothing. The values borrow from objects that the array holds until the call is over.
 * Out             A snapshot is read with one call. Comparing and representing work on snapshots: the foreign code that
 *                 they run may change the list, and they do not notice. Only `in` meets the items as they are when it
 *                 comes to them, as a loop does.
 * Cost            Extending by a built-in list of small numbers makes no object, and takes memory from the interpreter
 *                 only for more than FEW_VALUES. `in` makes none where numbers and ASCII text tell without.
 */
#include "objects/list.h"
#include "pylist.h"
#include "pyvalue.h"

/* ---- snapshots --------------------------------------------------------------------------------------------------- */

/* Items of a list as they stood at one moment, owned. */
struct snapshot {
    comem_value *values;
    size_t count;
};

static void snapshot_clear(struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->count; i++)
        pyvalue_clear(&snapshot->values[i]);
    PyMem_Free(snapshot->values);
    snapshot->values = NULL;
    snapshot->count = 0;
}

/* Reads all items. Room is asked for some more than there are, so that a full array says that the list has grown between
 * the two calls; then it is read anew. Returns 0, or -1 with an exception. */
static int snapshot_take(struct snapshot *snapshot, PyObject *self)
{
    *snapshot = (struct snapshot){NULL, 0};
    Py_ssize_t length = pylist_length(self);
    if (length < 0)
        return -1;
    for (size_t room = (size_t)length + 8;; room *= 2) {
        snapshot->values = PyMem_New(comem_value, room);
        if (snapshot->values == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        comem_status status = comem_list_read(pylist_of(self), 0, room, snapshot->values, &snapshot->count);
        if (status != COMEM_OK) {
            snapshot->count = 0;
            snapshot_clear(snapshot);
            module_raise(module_state_of(Py_TYPE(self)), status);
            return -1;
        }
        if (snapshot->count < room)
            return 0;
        snapshot_clear(snapshot);
    }
}

PyObject *pylist_snapshot(PyObject *self)
{
    struct snapshot snapshot;
    if (snapshot_take(&snapshot, self) < 0)
        return NULL;
    PyObject *items = PyList_New((Py_ssize_t)snapshot.count);
    for (size_t i = 0; items != NULL && i < snapshot.count; i++) {
        PyObject *item = pyvalue_to_python(self, &snapshot.values[i]);
        if (item == NULL)
            Py_CLEAR(items);
        else
            PyList_SET_ITEM(items, (Py_ssize_t)i, item);
    }
    snapshot_clear(&snapshot);
    return items;
}

/* ---- extending --------------------------------------------------------------------------------------------------- */

int pylist_extend_shared(PyObject *self, PyObject *other)
{
    struct snapshot snapshot;
    if (snapshot_take(&snapshot, other) < 0)
        return -1;
    comem_status status = comem_list_extend(pylist_of(self), snapshot.values, snapshot.count);
    snapshot_clear(&snapshot);
    if (status == COMEM_OK)
        return 0;
    module_raise(module_state_of(Py_TYPE(self)), status);
    return -1;
}

#define FEW_VALUES 16 /* as many need no memory from the interpreter */

/* Values to be stored together, and the objects they borrow from. */
struct batch {
    comem_value few[FEW_VALUES];
    comem_value *values;
    size_t count, room;
    PyObject **owners; /* NULL until there is one; room for two for each value */
    size_t owner_count;
};

static int batch_open(struct batch *batch, size_t room)
{
    batch->few[0] = comem_none(); /* no items: the engine is called all the same, and says when the list is gone */
    batch->count = batch->owner_count = 0;
    batch->room = room;
    batch->owners = NULL;
    batch->values = room <= FEW_VALUES ? batch->few : PyMem_New(comem_value, room);
    if (batch->values != NULL)
        return 0;
    PyErr_NoMemory();
    return -1;
}

static void batch_close(struct batch *batch)
{
    while (batch->owner_count > 0)
        Py_DECREF(batch->owners[--batch->owner_count]);
    PyMem_Free(batch->owners);
    if (batch->values != batch->few)
        PyMem_Free(batch->values);
}

/* Adds an object that is no small int. It is held until the batch is closed: while the engine sleeps other threads run, and
 * may take it out of where it came from. */
static int batch_add_other(struct batch *batch, PyObject *self, PyObject *object)
{
    if (batch->owners == NULL && (batch->owners = PyMem_New(PyObject *, 2 * batch->room)) == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    Py_INCREF(object);
    batch->owners[batch->owner_count++] = object;
    PyObject *owner;
    int result = pyvalue_from_other(self, object, &batch->values[batch->count], &owner);
    if (owner != NULL)
        batch->owners[batch->owner_count++] = owner;
    batch->count += result == 0;
    return result;
}

/* Appends the items of a built-in list or tuple. Making values may run a collection and with it foreign code, so the
 * length of a list is asked anew for each item. Returns 0, or -1 with an exception. */
static int pylist_extend_sequence(PyObject *self, PyObject *sequence)
{
    struct batch batch;
    int result = batch_open(&batch, (size_t)PySequence_Fast_GET_SIZE(sequence));
    while (result == 0 && batch.count < batch.room && (Py_ssize_t)batch.count < PySequence_Fast_GET_SIZE(sequence)) {
        PyObject *object = PySequence_Fast_GET_ITEM(sequence, (Py_ssize_t)batch.count);
        if (LIKELY(pyvalue_is_small(object)))
            batch.values[batch.count++] = comem_int(pyvalue_small(object));
        else
            result = batch_add_other(&batch, self, object);
    }
    if (result == 0) {
        comem_status status = comem_list_extend(pylist_of(self), batch.values, batch.count);
        if (status != COMEM_OK) {
            module_raise(module_state_of(Py_TYPE(self)), status);
            result = -1;
        }
    }
    batch_close(&batch);
    return result;
}

int pylist_extend_any(PyObject *self, PyObject *iterable)
{
    if (PyList_CheckExact(iterable) || PyTuple_CheckExact(iterable))
        return pylist_extend_sequence(self, iterable);
    comem_list *shared = pylist_handle(self, iterable);
    if (shared != NULL && Py_TYPE(iterable)->tp_iter == pyiterator_new)
        return pylist_extend_shared(self, iterable);
    PyObject *items = PySequence_Tuple(iterable); /* foreign code runs in here, before anything is changed */
    if (items == NULL)
        return -1;
    int result = pylist_extend_sequence(self, items);
    Py_DECREF(items);
    return result;
}

const char pylist_extend_doc[] =
    "extend($self, iterable, /)\n--\n\n"
    "Add the items of iterable behind the last item.\n\n"
    "All of them or none, also when iterable raises; other threads and processes see all at once.\n"
    "TypeError for a type that cannot be stored, OverflowError for an int beyond 64 bits,\n"
    "MemoryError when the store is full, GoneError when the list was shut down; none of them\n"
    "changes the list. O(number and size of the items), about 15 ns for a number.";

PyObject *pylist_extend(PyObject *self, PyObject *iterable)
{
    if (pylist_extend_any(self, iterable) < 0)
        return NULL;
    Py_RETURN_NONE;
}

PyObject *pylist_inplace_extend(PyObject *self, PyObject *iterable)
{
    if (pylist_extend_any(self, iterable) < 0)
        return NULL;
    Py_INCREF(self);
    return self;
}

/* ---- comparing and representing ---------------------------------------------------------------------------------- */

/* Whether `value` equals `object` as far as that needs no Python object: 1 yes, 0 no, -1 to be asked of the objects. */
static int pylist_equals_plainly(const comem_value *value, PyObject *object)
{
    if (pyvalue_is_small(object)) {
        if (value->kind == COMEM_INT)
            return value->as.integer == pyvalue_small(object);
        return value->kind == COMEM_STR || value->kind == COMEM_BYTES || value->kind == COMEM_NONE ? 0 : -1;
    }
    if (PyUnicode_CheckExact(object) && PyUnicode_IS_COMPACT_ASCII(object)) {
        if (value->kind != COMEM_STR)
            return value->kind == COMEM_REF ? -1 : 0;
        return value->size == (size_t)PyUnicode_GET_LENGTH(object) &&
               memcmp(value->as.data, PyUnicode_1BYTE_DATA(object), value->size) == 0;
    }
    return -1;
}

int pylist_contains(PyObject *self, PyObject *object)
{
    struct list_cursor cursor;
    comem_value value;
    comem_status status;
    int found = 0;
    list_cursor_start(&cursor, pylist_of(self));
    while (found == 0 && (status = list_cursor_next(&cursor, &value)) == COMEM_OK) {
        found = pylist_equals_plainly(&value, object);
        if (found >= 0) {
            pyvalue_clear(&value);
            continue;
        }
        PyObject *item = pyvalue_into_python(self, &value);
        found = item == NULL ? -1 : PyObject_RichCompareBool(item, object, Py_EQ);
        Py_XDECREF(item);
    }
    list_cursor_clear(&cursor);
    if (found == 0 && status != COMEM_OUT_OF_RANGE) {
        module_raise(module_state_of(Py_TYPE(self)), status);
        return -1;
    }
    return found;
}

PyObject *pylist_richcompare(PyObject *self, PyObject *other, int operation)
{
    if (operation != Py_EQ && operation != Py_NE)
        Py_RETURN_NOTIMPLEMENTED;
    comem_list *shared = pylist_handle(self, other);
    if (shared == NULL && !PyList_Check(other))
        Py_RETURN_NOTIMPLEMENTED;
    if (shared == pylist_of(self))
        return PyBool_FromLong(operation == Py_EQ);
    PyObject *own = pylist_snapshot(self);
    if (own == NULL)
        return NULL;
    PyObject *others = other;
    if (shared != NULL)
        others = pylist_snapshot(other);
    else
        Py_INCREF(other);
    PyObject *result = others == NULL ? NULL : PyObject_RichCompare(own, others, operation);
    Py_XDECREF(others);
    Py_DECREF(own);
    return result;
}

/* The set of shared lists that this thread is representing, by address. Borrowed; NULL with an exception. */
static PyObject *pylist_being_represented(void)
{
    PyObject *thread = PyThreadState_GetDict(); /* borrowed, without an exception when NULL */
    if (thread == NULL)
        return PyErr_NoMemory();
    PyObject *key = PyUnicode_InternFromString("comem.List.__repr__");
    if (key == NULL)
        return NULL;
    PyObject *set = PyDict_GetItemWithError(thread, key);
    if (set == NULL && !PyErr_Occurred()) {
        set = PySet_New(NULL);
        if (set != NULL && PyDict_SetItem(thread, key, set) < 0)
            Py_CLEAR(set);
        Py_XDECREF(set); /* the thread's dictionary has it */
    }
    Py_DECREF(key);
    return set;
}

const char *pylist_type_name(PyTypeObject *type)
{
    const char *dot = strrchr(type->tp_name, '.');
    return dot == NULL ? type->tp_name : dot + 1;
}

/* "List(['one'])" of a snapshot. */
static PyObject *pylist_represent(PyObject *self)
{
    PyObject *items = pylist_snapshot(self);
    if (items == NULL && PyErr_ExceptionMatches(module_state_of(Py_TYPE(self))->gone_error)) {
        PyErr_Clear();
        return PyUnicode_FromFormat("<%s object at %p, gone>", pylist_type_name(Py_TYPE(self)), (void *)self);
    }
    PyObject *text = items == NULL ? NULL : PyUnicode_FromFormat("%s(%R)", pylist_type_name(Py_TYPE(self)), items);
    Py_XDECREF(items);
    return text;
}

PyObject *pylist_repr(PyObject *self)
{
    PyObject *represented = pylist_being_represented();
    PyObject *mark = represented == NULL ? NULL : PyLong_FromVoidPtr((void *)pylist_of(self));
    if (mark == NULL)
        return NULL;
    PyObject *text = NULL;
    Py_INCREF(represented);
    int met = PySet_Contains(represented, mark);
    if (met > 0) {
        text = PyUnicode_FromFormat("%s([...])", pylist_type_name(Py_TYPE(self)));
    } else if (met == 0 && PySet_Add(represented, mark) == 0) {
        text = pylist_represent(self);
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        if (PySet_Discard(represented, mark) < 0)
            PyErr_Clear();
        PyErr_Restore(type, value, traceback);
    }
    Py_DECREF(represented);
    Py_DECREF(mark);
    return text;
}
