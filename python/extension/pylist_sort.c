/* pylist_sort.c - comem.List's sort() and reverse()
 *
 * Plain           Numbers, or str, or bytes alone are sorted by the engine, as one change of the list as it is.
 * Anything else   (a key, lists within, items that have no order among each other) is sorted outside any lock: the built-in
 *                 sort orders the indices of a snapshot by the keys made from it, so stability, `reverse` and every exception
 *                 are its own. The order is then given to the list if that is as it was read.
 */
#include "pylist_many.h"

#include "pylist.h"
#include "pypickle.h"
#include "pyvalue.h"

#define REVERSE_COST 8 /* nanoseconds an item, about */
#define SORT_COST 40

const char pylist_reverse_doc[] =
    "reverse($self, /)\n--\n\n"
    "Put the items into reverse order.\n\n"
    "Indivisible: other threads and processes see all of them in the one order or in the other.\n"
    "MemoryError when the store has no room for the second copy it takes, GoneError when the list was\n"
    "shut down; none of them changes the list. O(length), about 5 ns an item.";

PyObject *pylist_reverse(PyObject *self, PyObject *Py_UNUSED(unused))
{
    Py_ssize_t length = pylist_length(self);
    if (length < 0)
        return NULL;
    PyThreadState *thread = module_let_go((size_t)length * REVERSE_COST);
    comem_status status = comem_list_reverse(pylist_of(self));
    module_take_back(thread);
    if (status != COMEM_OK)
        return module_raise(module_state_of(Py_TYPE(self)), status);
    Py_RETURN_NONE;
}

/* ---- objects ----------------------------------------------------------------------------------------------------- */

/* A snapshot's objects, or what `key` makes of each: a new built-in list. The values are the caller's to clear. */
static PyObject *sort_keys(PyObject *self, struct snapshot *snapshot, PyObject *key)
{
    PyObject *keys = PyList_New(0);
    for (size_t i = 0; keys != NULL && i < snapshot->count; i++) {
        PyObject *made = pyvalue_to_python(self, &snapshot->values[i]);
        if (made == NULL)
            pypickle_at_index(self, snapshot->start + (int64_t)i);
        if (made != NULL && key != Py_None) {
            PyObject *item = made;
            made = PyObject_CallFunctionObjArgs(key, item, NULL);
            Py_DECREF(item);
        }
        if (made == NULL || PyList_Append(keys, made) < 0)
            Py_CLEAR(keys);
        Py_XDECREF(made);
    }
    return keys;
}

/* list(range(count)) */
static PyObject *sort_indices(size_t count)
{
    PyObject *indices = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; indices != NULL && i < count; i++) {
        PyObject *index = PyLong_FromSize_t(i);
        if (index == NULL)
            Py_CLEAR(indices);
        else
            PyList_SET_ITEM(indices, (Py_ssize_t)i, index);
    }
    return indices;
}

/* indices.sort(key=keys.__getitem__, reverse=reverse). 0, or -1 with an exception. */
static int sort_by_keys(PyObject *indices, PyObject *keys, PyObject *reverse)
{
    PyObject *sort = PyObject_GetAttrString(indices, "sort");
    PyObject *none = sort == NULL ? NULL : PyTuple_New(0);
    PyObject *how =
        none == NULL ? NULL
                     : Py_BuildValue("{sNsO}", "key", PyObject_GetAttrString(keys, "__getitem__"), "reverse", reverse);
    PyObject *result = how == NULL ? NULL : PyObject_Call(sort, none, how);
    Py_XDECREF(result);
    Py_XDECREF(how);
    Py_XDECREF(none);
    Py_XDECREF(sort);
    return result == NULL ? -1 : 0;
}

/* The order of the items by their keys, as indices, from PyMem_New(). NULL with an exception. */
static uint64_t *sort_order(PyObject *keys, PyObject *reverse)
{
    size_t count = (size_t)PyList_GET_SIZE(keys);
    PyObject *indices = sort_indices(count);
    uint64_t *order = NULL;
    if (indices != NULL && sort_by_keys(indices, keys, reverse) == 0) {
        order = PyMem_New(uint64_t, count);
        if (order == NULL)
            PyErr_NoMemory();
    }
    for (size_t i = 0; order != NULL && i < count; i++)
        order[i] = PyLong_AsSize_t(PyList_GET_ITEM(indices, (Py_ssize_t)i));
    Py_XDECREF(indices);
    return order;
}

/* Gives the list the order found for its snapshot. 0, or -1 with an exception. */
static int sort_store(PyObject *self, const struct list_moment *moment, const uint64_t *order, size_t count)
{
    bool done;
    PyThreadState *thread = module_let_go(count * REVERSE_COST);
    comem_status status = list_permute_if(pylist_of(self), moment, order, count, &done);
    module_take_back(thread);
    if (status != COMEM_OK)
        return pyobject_fail(self, status);
    if (done)
        return 0;
    PyErr_SetString(PyExc_ValueError, "list modified during sort");
    return -1;
}

static int sort_objects(PyObject *self, PyObject *key, PyObject *reverse)
{
    struct snapshot snapshot;
    if (snapshot_take(&snapshot, self, COMEM_SLICE_ALL) < 0)
        return -1;
    PyObject *keys = sort_keys(self, &snapshot, key);
    size_t count = snapshot.count;
    snapshot_clear(&snapshot);
    uint64_t *order = keys == NULL ? NULL : sort_order(keys, reverse);
    int result = order == NULL ? -1 : sort_store(self, &snapshot.moment, order, count);
    PyMem_Free(order);
    Py_XDECREF(keys);
    return result;
}

/* ---- sort -------------------------------------------------------------------------------------------------------- */

/* Sorts plain items in one change. 1; 0 when there are others; -1 with an exception. */
static int sort_plain(PyObject *self, bool downwards)
{
    Py_ssize_t length = pylist_length(self);
    if (length < 0)
        return -1;
    PyThreadState *thread = module_let_go((size_t)length * SORT_COST);
    comem_status status = downwards ? comem_list_sort_descending(pylist_of(self)) : comem_list_sort(pylist_of(self));
    module_take_back(thread);
    return status == COMEM_OK ? 1 : status == COMEM_TYPE ? 0 : pyobject_fail(self, status);
}

/* The argument `reverse` as a truth value. 1, 0, or -1 with the built-in list's exceptions. */
static int sort_downwards(PyObject *reverse)
{
    if (PyBool_Check(reverse))
        return reverse == Py_True;
    PyObject *empty = PyList_New(0); /* what it takes depends on the version */
    int result = empty == NULL ? -1 : sort_by_keys(empty, empty, reverse);
    Py_XDECREF(empty);
    return result < 0 ? -1 : PyObject_IsTrue(reverse);
}

const char pylist_sort_doc[] =
    "sort($self, /, *, key=None, reverse=False)\n--\n\n"
    "Sort the items in ascending order by <, or by what key makes of each; equal ones keep their order.\n\n"
    "Without a key, a list of numbers, of str or of bytes alone is sorted indivisibly: other threads and\n"
    "processes see it in the one order or in the other. Anything else is sorted as a copy, outside any\n"
    "lock: ValueError when the list has changed meanwhile. TypeError when two items have no order,\n"
    "MemoryError when the store has no room for the second copy it takes, GoneError when the list was\n"
    "shut down, whatever key or a comparison raises; none of them changes the list.\n"
    "O(length log length), about 10 ms for 100,000 ints in random order.";

PyObject *pylist_sort(PyObject *self, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"key", "reverse", NULL};
    PyObject *key = Py_None, *reverse = Py_False;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "|$OO:sort", names, &key, &reverse))
        return NULL;
    int downwards = sort_downwards(reverse);
    int done = downwards < 0 ? -1 : 0;
    if (done == 0 && key == Py_None)
        done = sort_plain(self, downwards > 0);
    if (done == 0)
        done = sort_objects(self, key, reverse);
    if (done < 0)
        return NULL;
    Py_RETURN_NONE;
}
