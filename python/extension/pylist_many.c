/* pylist_many.c - comem.List's many items at once: snapshots, extending
 *
 * In              An iterable becomes an array of values before the engine is called, and goes in with one call: all of
 *                 it or nothing. The values borrow from objects that the array holds until the call is over.
 * Out             A list of up to PIECE items is read with one call. A longer one is read piece by piece, each turned into
 *                 objects while it is in the processor's first cache; a piece of another moment than the first one means
 *                 that writers interfere: after PIECE_TRIES the list is read with one call, which makes them wait.
 * Cost            Extending by a built-in list of small numbers makes no object, and takes memory from the interpreter
 *                 only for more than FEW_VALUES. A snapshot: 4 ns an item, and what its object costs.
 */
#include "pylist_many.h"

#include "pylist.h"
#include "pypickle.h"
#include "pyunbound.h"
#include "pyvalue.h"

/* ---- out --------------------------------------------------------------------------------------------------------- */

void snapshot_clear(struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->count; i++)
        pyvalue_clear(&snapshot->values[i]);
    PyMem_Free(snapshot->values);
    snapshot->values = NULL;
    snapshot->count = 0;
}

/* A slice for the list as it was at `moment`. */
static comem_slice slice_resolve(comem_slice slice, const struct list_moment *moment)
{
    Py_ssize_t start = slice.start, stop = slice.stop;
    (void)PySlice_AdjustIndices((Py_ssize_t)moment->length, &start, &stop, slice.step);
    return (comem_slice){start, stop, slice.step};
}

/* The first call says how many there are. Room is asked for some more, since the list may grow until the next one. */
int snapshot_take(struct snapshot *snapshot, PyObject *self, comem_slice slice)
{
    size_t room = 0;
    snapshot->values = NULL;
    for (;;) {
        PyThreadState *thread = module_let_go(room * READ_COST);
        comem_status status =
            list_read_moment(pylist_of(self), slice, snapshot->values, room, &snapshot->count, &snapshot->moment);
        module_take_back(thread);
        if (status == COMEM_OK && snapshot->count <= room) {
            slice = slice_resolve(slice, &snapshot->moment);
            snapshot->start = slice.start;
            snapshot->step = slice.step;
            return 0;
        }
        room = snapshot->count + snapshot->count / 8 + 8;
        snapshot->count = 0;
        snapshot_clear(snapshot);
        if (status != COMEM_OK)
            return pyobject_fail(self, status);
        snapshot->values = PyMem_New(comem_value, room);
        if (snapshot->values == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
}

/* Makes objects of `count` values of a slice, which is resolved, for the new built-in list `items`, from position `at` on.
 * The values are cleared. 0, or -1 with an exception. */
static int items_put(PyObject *items, size_t at, PyObject *self, comem_slice slice, comem_value *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        PyObject *item = pyvalue_into_python(self, &values[i]);
        if (UNLIKELY(item == NULL)) {
            pypickle_at_index(self, slice.start + (int64_t)(at + i) * slice.step);
            while (++i < count)
                pyvalue_clear(&values[i]);
            return -1;
        }
        PyList_SET_ITEM(items, (Py_ssize_t)(at + i), item);
    }
    return 0;
}

/* A new built-in list of the `count` values of a slice, which is resolved; they are cleared. NULL with an exception. */
static PyObject *items_make(PyObject *self, comem_slice slice, comem_value *values, size_t count)
{
    PyObject *items = PyList_New((Py_ssize_t)count);
    if (items != NULL && items_put(items, 0, self, slice, values, count) == 0)
        return items;
    for (size_t i = 0; items == NULL && i < count; i++)
        pyvalue_clear(&values[i]);
    Py_XDECREF(items);
    return NULL;
}

#define PIECE 256u     /* items; their values fit into half of the processor's first cache */
#define PIECE_TRIES 3u /* before the writers have to wait */

/* Items `at` to `at` + `count` - 1 of a slice that is resolved. */
static comem_slice slice_piece(comem_slice slice, size_t at, size_t count)
{
    int64_t first = slice.start + (int64_t)at * slice.step, last = first + (int64_t)(count - 1) * slice.step;
    int64_t stop = slice.step > 0 ? last + 1 : last - 1;
    return (comem_slice){first, stop < 0 ? INT64_MIN : stop, slice.step}; /* -1 would be the last item */
}

/* Fills `items`, a new built-in list, with the items of a slice as they stood at `moment`. 1; 0 when the list has changed
 * since; -1 with an exception. */
static int items_read(PyObject *items, PyObject *self, comem_slice slice, const struct list_moment *moment)
{
    comem_value values[PIECE];
    char texts[PIECE * CELL_NEAR_ROOM];
    size_t count = (size_t)PyList_GET_SIZE(items), read;
    for (size_t at = 0; at < count; at += read) {
        struct list_moment now;
        size_t wanted = count - at < PIECE ? count - at : PIECE;
        comem_status status =
            list_read_lent(pylist_of(self), slice_piece(slice, at, wanted), values, texts, PIECE, &read, &now);
        if (status != COMEM_OK)
            return pyobject_fail(self, status);
        if (now.table != moment->table || now.version != moment->version) {
            while (read > 0)
                pyvalue_clear(&values[--read]);
            return 0;
        }
        if (items_put(items, at, self, slice, values, read) < 0)
            return -1;
    }
    return 1;
}

/* The items of a slice, read piece by piece. NULL without an exception when the list changed meanwhile. */
static PyObject *items_in_pieces(PyObject *self, comem_slice slice)
{
    comem_value values[PIECE];
    char texts[PIECE * CELL_NEAR_ROOM];
    struct list_moment moment;
    size_t count;
    comem_status status = list_read_lent(pylist_of(self), slice, values, texts, PIECE, &count, &moment);
    if (status != COMEM_OK)
        return module_raise(module_state_of(Py_TYPE(self)), status);
    slice = slice_resolve(slice, &moment);
    if (count <= PIECE)
        return items_make(self, slice, values, count);
    PyObject *items = PyList_New((Py_ssize_t)count);
    if (items != NULL && items_read(items, self, slice, &moment) != 1)
        Py_CLEAR(items);
    return items;
}

PyObject *pylist_items(PyObject *self, comem_slice slice)
{
    struct snapshot snapshot;
    PyObject *items = NULL;
    for (unsigned i = 0; i < PIECE_TRIES && items == NULL; i++) {
        items = items_in_pieces(self, slice);
        if (items == NULL && PyErr_Occurred())
            return NULL;
    }
    if (items != NULL || snapshot_take(&snapshot, self, slice) < 0)
        return items;
    slice = (comem_slice){snapshot.start, 0, snapshot.step};
    items = items_make(self, slice, snapshot.values, snapshot.count);
    PyMem_Free(snapshot.values);
    return items;
}

PyObject *pylist_snapshot(PyObject *self)
{
    return pylist_items(self, COMEM_SLICE_ALL);
}

PyObject *pylist_shown(PyObject *self, Py_ssize_t most)
{
    struct snapshot snapshot;
    if (snapshot_take(&snapshot, self, comem_slice_of(0, most, 1)) < 0)
        return NULL;
    PyObject *items = PyList_New(0);
    for (size_t i = 0; items != NULL && i < snapshot.count; i++) {
        PyObject *item = pyvalue_to_python(self, &snapshot.values[i]);
        if (item == NULL)
            item = pypickle_shown(self);
        if (item == NULL || PyList_Append(items, item) < 0)
            Py_CLEAR(items);
        Py_XDECREF(item);
    }
    snapshot_clear(&snapshot);
    return items;
}

/* ---- in ---------------------------------------------------------------------------------------------------------- */

void batch_close(struct batch *batch)
{
    while (batch->owner_count > 0)
        Py_DECREF(batch->owners[--batch->owner_count]);
    PyMem_Free(batch->owners);
    for (size_t i = 0; batch->owned && i < batch->count; i++)
        pyvalue_clear(&batch->values[i]);
    if (batch->values != batch->few)
        PyMem_Free(batch->values);
    Py_XDECREF(batch->sequence);
}

/* Adds an object that is no small int. It is held until the batch is closed: while the engine works or sleeps other threads
 * run, and may take it out of where it came from. */
static int batch_add_other(struct batch *batch, PyObject *self, PyObject *object)
{
    if (batch->owners == NULL && (batch->owners = PyMem_New(PyObject *, 2 * batch->room)) == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    Py_INCREF(object);
    batch->owners[batch->owner_count++] = object;
    PyObject *owner;
    int result = pyvalue_from_one_of(self, object, &batch->values[batch->count], &owner, batch->memo);
    if (owner != NULL)
        batch->owners[batch->owner_count++] = owner;
    batch->count += result == 0;
    return result;
}

/* Takes the items of the batch's sequence, a built-in list or tuple. Making values may run a collection and with it foreign
 * code, so the length of a list is asked anew for each item. 0, or -1 with an exception. */
static int batch_fill(struct batch *batch, PyObject *self)
{
    PyObject *sequence = batch->sequence;
    int result = 0;
    batch->room = (size_t)PySequence_Fast_GET_SIZE(sequence);
    if (batch->room > FEW_VALUES)
        batch->values = PyMem_New(comem_value, batch->room);
    if (batch->values == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    while (result == 0 && batch->count < batch->room && (Py_ssize_t)batch->count < PySequence_Fast_GET_SIZE(sequence)) {
        PyObject *object = PySequence_Fast_GET_ITEM(sequence, (Py_ssize_t)batch->count);
        if (LIKELY(pyvalue_is_small(object)))
            batch->values[batch->count++] = comem_int(pyvalue_small(object));
        else
            result = batch_add_other(batch, self, object);
    }
    return result;
}

/* Takes the items of another List, or of `self` itself, as they stand at one moment. 0, or -1 with an exception. */
static int batch_fill_shared(struct batch *batch, PyObject *other)
{
    struct snapshot snapshot;
    if (snapshot_take(&snapshot, other, COMEM_SLICE_ALL) < 0)
        return -1;
    batch->owned = true;
    batch->count = snapshot.count;
    if (snapshot.values != NULL)
        batch->values = snapshot.values;
    return 0;
}

#define HINT_BELIEVED ((Py_ssize_t)1 << 24) /* items that the interpreter may take memory for before there is any */

/* The items that are left of an iterator as a new built-in list. NULL with an exception. */
static PyObject *batch_collect_each(PyObject *iterator)
{
    PyObject *items = PyList_New(0), *item;
    while (items != NULL && (item = PyIter_Next(iterator)) != NULL) {
        if (PyList_Append(items, item) < 0)
            Py_CLEAR(items);
        Py_DECREF(item);
    }
    if (PyErr_Occurred())
        Py_CLEAR(items);
    return items;
}

/* The items of any iterable as a new built-in list. What it says of their number may be wrong. NULL with an exception. */
static PyObject *batch_collect(PyObject *iterable, const char *sentence)
{
    PyObject *iterator = PyObject_GetIter(iterable), *items = NULL;
    if (iterator == NULL && sentence != NULL && PyErr_ExceptionMatches(PyExc_TypeError))
        PyErr_SetString(PyExc_TypeError, sentence);
    if (iterator == NULL)
        return NULL;
    Py_ssize_t hint = PyObject_LengthHint(iterable, 0);
    if (hint >= 0)
        items = hint > HINT_BELIEVED ? batch_collect_each(iterator) : PySequence_List(iterator);
    Py_DECREF(iterator);
    return items;
}

int batch_open(struct batch *batch, PyObject *self, PyObject *iterable, const char *sentence, pydeep_memo *memo)
{
    batch->few[0] = comem_none(); /* no items: the engine is called all the same, and says when the list is gone */
    batch->values = batch->few;
    batch->count = batch->room = batch->owner_count = 0;
    batch->owned = false;
    batch->owners = NULL;
    batch->memo = memo;
    batch->sequence = NULL;
    int result;
    if (pyunbound_settle(iterable) < 0)
        return -1;
    if (PyList_CheckExact(iterable) || PyTuple_CheckExact(iterable)) {
        Py_INCREF(iterable);
        batch->sequence = iterable;
    } else if (pylist_handle(self, iterable) == NULL || Py_TYPE(iterable)->tp_iter != pyiterator_new ||
               !pyobject_same_rules(self, iterable)) {
        batch->sequence = batch_collect(iterable, sentence);
        if (batch->sequence == NULL)
            return -1;
    }
    if (batch->sequence != NULL)
        result = batch_fill(batch, self);
    else
        result = batch_fill_shared(batch, iterable);
    if (result < 0)
        batch_close(batch);
    return result;
}

/* ---- extending --------------------------------------------------------------------------------------------------- */

int pylist_fill(PyObject *self, PyObject *iterable, pydeep_memo *memo)
{
    struct batch batch;
    if (batch_open(&batch, self, iterable, NULL, memo) < 0)
        return -1;
    PyThreadState *thread = module_let_go(batch.count * READ_COST);
    comem_status status = comem_list_extend(pylist_of(self), batch.values, batch.count);
    module_take_back(thread);
    int result = status == COMEM_OK ? 0 : pyobject_fail(self, status);
    batch_close(&batch);
    return result;
}

int pylist_extend_any(PyObject *self, PyObject *iterable)
{
    pydeep_memo memo = NULL;
    int result = pylist_fill(self, iterable, &memo);
    Py_XDECREF(memo);
    return result;
}

const char pylist_extend_doc[] =
    "extend($self, iterable, /)\n--\n\n"
    "Add the items of iterable behind the last item.\n\n"
    "All of them or none, also when iterable raises; other threads and processes see all at once.\n"
    "TypeError for what cannot be stored (it cannot be pickled), MemoryError when the store is full,\n"
    "GoneError when the list was shut down; none of them changes the list. O(number and size of the\n"
    "items), about 15 ns for a number.";

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
