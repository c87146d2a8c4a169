/* pylist_find.c - comem.List's in, index(), count() and remove()
 *
 * Plain           What is exactly None, a bool, an int of 64 bits, a float, a str or bytes is looked for by the engine, whose
 *                 equality is Python's for these; a shared list equals none of them. Nobody's code runs. The engine leaves
 *                 it to us when it meets an item that may be equal by a rule of its own, such as a Decimal.
 * Anything else   is compared with copies of the items, by Python's ==, outside any lock. remove() then takes the item out
 *                 if the list is as it was read, but for items added behind; otherwise it looks again.
 * Cost            plain: 2 ns a number, 5 ns a str. Otherwise a snapshot, and what the comparisons cost.
 */
#include "pylist_many.h"

#include "pylist.h"
#include "pypickle.h"
#include "pyvalue.h"

#define FIND_COST 3 /* nanoseconds an item, about, for the engine to compare it */
#define REMOVE_TRIES \
    10000u /* so many processes cannot be in the way by chance; the comparison itself may change the list */

#define UNDECIDED 2 /* for the engine: neither found nor not */

/* ---- what is looked for ------------------------------------------------------------------------------------------ */

/* A plain value, and the interpreter's lock given up if looking for it will take long. */
struct needle {
    comem_value value;
    PyObject *owner;
    PyThreadState *thread;
};

/* 1, and the needle is to be closed; UNDECIDED when `object` is not plain; -1 with an exception. */
static int needle_open(struct needle *needle, PyObject *self, PyObject *object)
{
    int plain = pyvalue_from_scalar(object, &needle->value, &needle->owner);
    if (plain <= 0)
        return plain < 0 ? -1 : UNDECIDED;
    size_t length = 0;
    (void)comem_list_len(pylist_of(self), &length); /* should it fail, the call that follows says why */
    needle->thread = module_let_go(length * FIND_COST);
    return 1;
}

/* Returns 1 for COMEM_OK, 0 for COMEM_NOT_FOUND, UNDECIDED for COMEM_TYPE, -1 with an exception for another status. */
static int needle_close(struct needle *needle, PyObject *self, comem_status status)
{
    module_take_back(needle->thread);
    Py_XDECREF(needle->owner);
    return status == COMEM_OK          ? 1
           : status == COMEM_NOT_FOUND ? 0
           : status == COMEM_TYPE      ? UNDECIDED
                                       : pyobject_fail(self, status);
}

/* Which value of a snapshot, from `from` on, is the first that equals `object`; the number of values if none does. -1 with an
 * exception. */
static Py_ssize_t snapshot_find(struct snapshot *snapshot, size_t from, PyObject *self, PyObject *object)
{
    for (size_t i = from; i < snapshot->count; i++) {
        PyObject *item = pyvalue_to_python(self, &snapshot->values[i]);
        if (item == NULL) {
            pypickle_at_index(self, snapshot->start + (int64_t)i);
            return -1;
        }
        int equal = PyObject_RichCompareBool(item, object, Py_EQ);
        Py_DECREF(item);
        if (equal != 0)
            return equal < 0 ? -1 : (Py_ssize_t)i;
    }
    return (Py_ssize_t)snapshot->count;
}

/* ---- in, index, count -------------------------------------------------------------------------------------------- */

/* Where the first item of a slice that equals `object` is in the list. 1; 0 when there is none; -1 with an exception. */
static int pylist_find(PyObject *self, PyObject *object, comem_slice slice, size_t *index)
{
    struct needle needle;
    int found = needle_open(&needle, self, object);
    if (found == 1)
        found = needle_close(&needle, self, list_index_plain(pylist_of(self), &needle.value, slice, index));
    if (found != UNDECIDED)
        return found;
    struct snapshot snapshot;
    if (snapshot_take(&snapshot, self, slice) < 0)
        return -1;
    Py_ssize_t at = snapshot_find(&snapshot, 0, self, object);
    *index = (size_t)(snapshot.start + at);
    found = at < 0 ? -1 : (size_t)at < snapshot.count;
    snapshot_clear(&snapshot);
    return found;
}

int pylist_contains(PyObject *self, PyObject *object)
{
    size_t index;
    return pylist_find(self, object, COMEM_SLICE_ALL, &index);
}

/* A position given to index(). 0, or -1 with the built-in list's TypeError. */
static int pylist_position(PyObject *object, int64_t *position)
{
    if (!PyIndex_Check(object)) {
        PyErr_SetString(PyExc_TypeError, "slice indices must be integers or have an __index__ method");
        return -1;
    }
    *position = PyNumber_AsSsize_t(object, NULL);
    return *position == -1 && PyErr_Occurred() ? -1 : 0;
}

/* The ValueError of the built-in list; what it says depends on the version. Returns NULL. */
static PyObject *pylist_index_not_found(PyObject *object)
{
    PyObject *empty = PyList_New(0);
    PyObject *none = empty == NULL ? NULL : PyObject_CallMethod(empty, "index", "(O)", object);
    Py_XDECREF(none);
    Py_XDECREF(empty);
    return NULL;
}

const char pylist_index_doc[] =
    "index($self, value, start=0, stop=sys.maxsize, /)\n--\n\n"
    "The index of the first item that equals value, from start on and before stop, both as in a slice.\n\n"
    "Items are compared as they stood at one moment. ValueError when none is equal, GoneError when the\n"
    "list was shut down, whatever a comparison raises. O(length), about 2 ns for a number.";

PyObject *pylist_index(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    comem_slice slice = COMEM_SLICE_ALL;
    size_t index;
    if (pyobject_check_count("index", count, 1, 3) < 0 ||
        (count > 1 && pylist_position(arguments[1], &slice.start) < 0) ||
        (count > 2 && pylist_position(arguments[2], &slice.stop) < 0))
        return NULL;
    int found = pylist_find(self, arguments[0], slice, &index);
    if (found <= 0)
        return found < 0 ? NULL : pylist_index_not_found(arguments[0]);
    return PyLong_FromSize_t(index);
}

const char pylist_count_doc[] =
    "count($self, value, /)\n--\n\n"
    "How many items equal value.\n\n"
    "Items are compared as they stood at one moment. GoneError when the list was shut down, whatever a\n"
    "comparison raises. O(length), about 2 ns for a number.";

PyObject *pylist_count(PyObject *self, PyObject *object)
{
    size_t count = 0;
    struct needle needle;
    int found = needle_open(&needle, self, object);
    if (found == 1)
        found = needle_close(&needle, self, list_count_plain(pylist_of(self), &needle.value, &count));
    if (found != UNDECIDED)
        return found < 0 ? NULL : PyLong_FromSize_t(count);
    struct snapshot snapshot;
    if (snapshot_take(&snapshot, self, COMEM_SLICE_ALL) < 0)
        return NULL;
    Py_ssize_t at = snapshot_find(&snapshot, 0, self, object);
    for (; at >= 0 && (size_t)at < snapshot.count; at = snapshot_find(&snapshot, (size_t)at + 1, self, object))
        count++;
    snapshot_clear(&snapshot);
    return at < 0 ? NULL : PyLong_FromSize_t(count);
}

/* ---- remove ------------------------------------------------------------------------------------------------------ */

/* Looks for an item that equals `object` and takes it out, if the list did not change meanwhile; *done says whether. 1; 0 when
 * no item is equal; -1 with an exception. */
static int pylist_remove_once(PyObject *self, PyObject *object, bool *done)
{
    struct snapshot snapshot;
    *done = true;
    if (snapshot_take(&snapshot, self, COMEM_SLICE_ALL) < 0)
        return -1;
    Py_ssize_t at = snapshot_find(&snapshot, 0, self, object);
    int found = at < 0 ? -1 : (size_t)at < snapshot.count;
    if (found > 0) {
        comem_status status = list_delete_if(pylist_of(self), &snapshot.moment, (uint64_t)at, done);
        if (status != COMEM_OK)
            found = pyobject_fail(self, status);
        *done = *done || found < 0;
    }
    snapshot_clear(&snapshot);
    return found;
}

static int pylist_remove_other(PyObject *self, PyObject *object)
{
    for (unsigned i = 0; i < REMOVE_TRIES; i++) {
        bool done;
        int found = pylist_remove_once(self, object, &done);
        if (done || PyErr_CheckSignals() < 0)
            return done ? found : -1;
    }
    PyErr_Format(
        PyExc_RuntimeError,
        "the list was another one in each of %u tries to look through it: comparing its items must not change it",
        REMOVE_TRIES);
    return -1;
}

const char pylist_remove_doc[] =
    "remove($self, value, /)\n--\n\n"
    "Take the first item that equals value out.\n\n"
    "Indivisible: one of several threads and processes takes out one item. A value of a class of yours\n"
    "is compared outside any lock, and anew when the list has changed meanwhile. ValueError when no item\n"
    "is equal, MemoryError when the store is full, GoneError when the list was shut down, whatever a\n"
    "comparison raises; none of them changes the list. O(length), about 2 ns for a number.";

PyObject *pylist_remove(PyObject *self, PyObject *object)
{
    struct needle needle;
    int found = needle_open(&needle, self, object);
    if (found == 1)
        found = needle_close(&needle, self, list_remove_plain(pylist_of(self), &needle.value));
    if (found == UNDECIDED)
        found = pylist_remove_other(self, object);
    if (found < 0)
        return NULL;
    if (found == 0) {
        PyErr_SetString(PyExc_ValueError, "list.remove(x): x not in list");
        return NULL;
    }
    Py_RETURN_NONE;
}
