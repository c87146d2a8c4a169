/* pylist_slice.c - comem.List's slices, sums and multiples
 *
 * Out             Slices, + and * give built-in lists of copies, each operand as it stands at one moment.
 * In              The values are made first, which may run foreign code; then the engine resolves the slice for the list as
 *                 it is and exchanges its items in one change.
 * += and *=       change the shared list itself, in one change.
 * list + List     is a sum as well, where Python code says so. The interpreter asks for list += List by the same call, and that
 *                 has to extend the built-in list itself; so where it is not plain which of them is meant (sum(),
 *                 operator.add() and other code of C), no sum is given and a + is the built-in list's TypeError.
 */
#include "pylist_many.h"

#include "pyframe.h"
#include "pylist.h"

#define MOVE_COST 5 /* nanoseconds an item, about, for the engine to put it into another place */

/* ---- slices ------------------------------------------------------------------------------------------------------ */

/* The numbers in a slice; positions left out are what the engine takes for them. 0, or -1 with an exception. */
static int slice_unpack(PyObject *key, comem_slice *slice)
{
    Py_ssize_t start, stop, step;
    if (PySlice_Unpack(key, &start, &stop, &step) < 0)
        return -1;
    *slice = (comem_slice){start, stop, step};
    return 0;
}

PyObject *pylist_get_slice(PyObject *self, PyObject *key)
{
    comem_slice slice;
    return slice_unpack(key, &slice) < 0 ? NULL : pylist_items(self, slice);
}

/* What a TypeError says when something else than an iterable is assigned. */
static const char *slice_sentence(comem_slice slice)
{
#if PY_VERSION_HEX < 0x030D0000
    if (slice.step == 1)
        return "can only assign an iterable";
#else
    (void)slice;
#endif
    return "must assign iterable to extended slice";
}

static int pylist_delete_slice(PyObject *self, comem_slice slice)
{
    Py_ssize_t length = pylist_length(self);
    if (length < 0)
        return -1;
    PyThreadState *thread = module_let_go(slice.step == 1 ? 0 : (size_t)length * MOVE_COST);
    comem_status status = comem_list_slice_delete(pylist_of(self), slice);
    module_take_back(thread);
    return status == COMEM_OK ? 0 : pyobject_fail(self, status);
}

int pylist_assign_slice(PyObject *self, PyObject *key, PyObject *object)
{
    comem_slice slice;
    struct batch batch;
    if (slice_unpack(key, &slice) < 0)
        return -1;
    if (object == NULL)
        return pylist_delete_slice(self, slice);
    pydeep_memo memo = NULL;
    int result = batch_open(&batch, self, object, slice_sentence(slice), &memo);
    Py_XDECREF(memo);
    if (result < 0)
        return -1;
    PyThreadState *thread = module_let_go(batch.count * MOVE_COST);
    comem_status status = comem_list_slice_set(pylist_of(self), slice, batch.values, batch.count);
    module_take_back(thread);
    result = status == COMEM_OK ? 0 : pyobject_fail(self, status);
    batch_close(&batch);
    return result;
}

/* ---- + ----------------------------------------------------------------------------------------------------------- */

/* A new built-in list of the items of two lists, shared ones or not. */
static PyObject *lists_add(PyObject *left, PyObject *right)
{
    PyObject *sum = pylist_is_list(left) ? pylist_snapshot(left) : PyList_GetSlice(left, 0, PY_SSIZE_T_MAX);
    PyObject *others = sum == NULL ? NULL : right;
    if (sum != NULL && pylist_is_list(right))
        others = pylist_snapshot(right);
    else
        Py_XINCREF(others);
    if (others == NULL || PyList_SetSlice(sum, PyList_GET_SIZE(sum), PyList_GET_SIZE(sum), others) < 0)
        Py_CLEAR(sum);
    Py_XDECREF(others);
    return sum;
}

/* Whether a built-in list that is on the left of a List is to be added to it: 1, 0, or -1 with an exception. */
static int list_is_added(PyObject *left, PyObject *right)
{
    return PyList_Check(left) ? pyframe_adds(module_state_of(Py_TYPE(right))) : 0;
}

PyObject *pylist_add(PyObject *left, PyObject *right)
{
    int added = pylist_is_list(left) ? PyList_Check(right) || pylist_is_list(right) : list_is_added(left, right);
    if (added > 0)
        return lists_add(left, right);
    if (added < 0)
        return NULL;
    Py_RETURN_NOTIMPLEMENTED;
}

PyObject *pylist_concat(PyObject *self, PyObject *other)
{
    if (PyList_Check(other) || pylist_is_list(other))
        return lists_add(self, other);
    PyErr_Format(PyExc_TypeError, "can only concatenate list (not \"%.200s\") to list", Py_TYPE(other)->tp_name);
    return NULL;
}

/* ---- * ----------------------------------------------------------------------------------------------------------- */

PyObject *pylist_repeat(PyObject *self, Py_ssize_t times)
{
    PyObject *items = pylist_snapshot(self);
    PyObject *repeated = items == NULL ? NULL : PySequence_Repeat(items, times);
    Py_XDECREF(items);
    return repeated;
}

PyObject *pylist_inplace_repeat(PyObject *self, Py_ssize_t times)
{
    Py_ssize_t length = pylist_length(self);
    if (length < 0)
        return NULL;
    size_t cost;
    if (times < 0 || __builtin_mul_overflow((size_t)length * MOVE_COST, (size_t)times, &cost))
        cost = 0; /* all go, or it fails at once */
    PyThreadState *thread = module_let_go(cost);
    comem_status status = comem_list_multiply(pylist_of(self), times);
    module_take_back(thread);
    if (status != COMEM_OK)
        return module_raise(module_state_of(Py_TYPE(self)), status);
    Py_INCREF(self);
    return self;
}

/* What `multiply` gives for the List `self` and the number `factor`. Another kind of factor is left to the interpreter, which
 * then finds that we are a sequence and refuses it as the built-in list does. */
static PyObject *pylist_times(PyObject *self, PyObject *factor, PyObject *(*multiply)(PyObject *, Py_ssize_t))
{
    if (!PyIndex_Check(factor))
        Py_RETURN_NOTIMPLEMENTED;
    Py_ssize_t times = PyNumber_AsSsize_t(factor, PyExc_OverflowError);
    if (times == -1 && PyErr_Occurred())
        return NULL;
    return multiply(self, times);
}

PyObject *pylist_multiply(PyObject *left, PyObject *right)
{
    return pylist_is_list(left) ? pylist_times(left, right, pylist_repeat) : pylist_times(right, left, pylist_repeat);
}

PyObject *pylist_inplace_multiply(PyObject *self, PyObject *factor)
{
    return pylist_times(self, factor, pylist_inplace_repeat);
}
