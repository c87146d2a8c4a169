/* pyiterator.c - iterators of shared lists
 *
 * Both are live by index, as a built-in list's: items appended while the loop runs are met, and an iterator that has met
 * the end stays there. The forward one reads through the engine's cursor, which fetches cells ahead and uses them while
 * they are unchanged. It gives an int that nobody has kept a new value instead of making another one, which is half of a
 * loop's time: the same block of memory as if it had been freed and allocated again. An iterator belongs to its process; threads may share
 * one, each item goes to one of them. Its copy, or its pickle, is another one of the same list at the same place.
 */
#include <sched.h>

#include "objects/list.h"
#include "pylist.h"
#include "pypickle.h"
#include "pyvalue.h"

struct iterator_object {
    PyObject_HEAD
    PyObject *list; /* NULL once the end was met */
    Py_ssize_t index;
    bool busy; /* a thread is in the engine with the cursor, perhaps without the interpreter's lock */
    unsigned turn;
    PyObject *spare[2]; /* ints of one digit above those that exist once, given out last and before; NULL: none yet */
    struct list_cursor cursor;
};

struct reverse_iterator_object {
    PyObject_HEAD
    PyObject *list; /* NULL once the end was met */
    Py_ssize_t index;
};

/* ---- both ----------------------------------------------------------------------------------------------------- */

PyDoc_STRVAR(length_hint_doc, "__length_hint__($self, /)\n--\n\nHow many items are left, if the list stays as it is.");

PyDoc_STRVAR(reduce_doc, "__reduce__($self, /)\n--\n\n"
                         "For pickle and copy: the list, and where in it the iterator stands.");

PyDoc_STRVAR(set_state_doc,
             "__setstate__($self, index, /)\n--\n\n"
             "Go on with the item at index, or with the one nearest to it. Nothing for an iterator that has\n"
             "met its end.");

/* `function`, iter() or reversed(), of `list` and then a move to `index`; of nothing when `list` is NULL: the end was met. */
static PyObject *iterator_recipe(const char *function, PyObject *list, Py_ssize_t index)
{
    PyObject *builtins = PyImport_ImportModule("builtins");
    if (builtins == NULL)
        return NULL;
    PyObject *make = PyObject_GetAttrString(builtins, list == NULL ? "iter" : function), *recipe = NULL;
    if (make != NULL && list == NULL)
        recipe = Py_BuildValue("O(())", make);
    else if (make != NULL)
        recipe = Py_BuildValue("O(O)n", make, list, index);
    Py_XDECREF(make);
    Py_DECREF(builtins);
    return recipe;
}

/* The index that `state` asks for, from `least` to the list's length less `behind`. 0, or -1 with an exception. */
static int iterator_state(PyObject *list, PyObject *state, Py_ssize_t least, Py_ssize_t behind, Py_ssize_t *index)
{
    Py_ssize_t wanted = PyLong_AsSsize_t(state), most;
    if ((wanted == -1 && PyErr_Occurred()) || (most = pylist_length(list)) < 0)
        return -1;
    most -= behind;
    *index = wanted < least ? least : wanted > most ? most : wanted;
    return 0;
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

PyObject *pyiterator_new(PyObject *self)
{
    PyTypeObject *type = module_state_of(Py_TYPE(self))->iterator_type;
    struct iterator_object *iterator = PyObject_GC_New(struct iterator_object, type);
    if (iterator == NULL)
        return NULL;
    Py_INCREF(self);
    iterator->list = self;
    iterator->index = 0;
    iterator->busy = false;
    iterator->turn = 0;
    iterator->spare[0] = iterator->spare[1] = NULL;
    list_cursor_start(&iterator->cursor, pylist_of(self));
    PyObject_GC_Track(iterator);
    return (PyObject *)iterator;
}

/* Drops the list. Nothing when it was dropped before. */
static int iterator_clear(PyObject *self)
{
    struct iterator_object *iterator = (struct iterator_object *)(void *)self;
    Py_CLEAR(iterator->spare[0]);
    Py_CLEAR(iterator->spare[1]);
    if (iterator->list != NULL) {
        list_cursor_clear(&iterator->cursor);
        Py_CLEAR(iterator->list);
    }
    return 0;
}

static void iterator_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    (void)iterator_clear(self);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static int iterator_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((struct iterator_object *)(void *)self)->list);
    return 0;
}

/* The end, or an exception for `status`. Returns NULL. */
static PyObject *iterator_stop(struct iterator_object *iterator, comem_status status)
{
    if (status != COMEM_OUT_OF_RANGE)
        return module_raise(module_state_of(Py_TYPE(iterator)), status);
    (void)iterator_clear((PyObject *)iterator);
    return NULL;
}

/* Waits while another thread, which sleeps in the engine, has the cursor. */
static void iterator_wait(struct iterator_object *iterator)
{
    while (iterator->busy) {
        Py_BEGIN_ALLOW_THREADS(void)
        sched_yield();
        Py_END_ALLOW_THREADS
    }
}

#if PY_VERSION_HEX < 0x030F0000
/* Where an int of one digit keeps it. */
static inline digit *iterator_digit(PyObject *object)
{
#if PY_VERSION_HEX >= 0x030C0000
    return &((PyLongObject *)(void *)object)->long_value.ob_digit[0];
#else
    return &((PyLongObject *)(void *)object)->ob_digit[0];
#endif
}

/* An int object. While a loop holds one, the one before is ours alone and takes the next value: sign and number of digits
 * stay, so the digit is all there is to change. */
static inline PyObject *iterator_int(struct iterator_object *iterator, int64_t integer)
{
    if (integer <= 256 || integer > PyLong_MASK) /* 256 and below: each exists once */
        return PyLong_FromLong((long)integer);
    PyObject **spare = &iterator->spare[iterator->turn++ % 2];
    if (LIKELY(*spare != NULL && Py_REFCNT(*spare) == 1)) {
        *iterator_digit(*spare) = (digit)integer;
    } else {
        PyObject *object = PyLong_FromLong((long)integer);
        if (object == NULL)
            return NULL;
        Py_XDECREF(*spare); /* an int: nothing runs at its end */
        *spare = object;
    }
    Py_INCREF(*spare);
    return *spare;
}
#else /* more ints exist once there, and what they look like may have changed */
static inline PyObject *iterator_int(struct iterator_object *Py_UNUSED(iterator), int64_t integer)
{
    return PyLong_FromLong((long)integer);
}
#endif

static PyObject *iterator_next(PyObject *self)
{
    struct iterator_object *iterator = (struct iterator_object *)(void *)self;
    if (UNLIKELY(iterator->busy))
        iterator_wait(iterator);
    PyObject *list = iterator->list;
    if (UNLIKELY(list == NULL))
        return NULL;
    comem_value value;
    iterator->busy = true;
    comem_status status = list_cursor_next(&iterator->cursor, &value);
    iterator->busy = false;
    if (UNLIKELY(status != COMEM_OK))
        return iterator_stop(iterator, status);
    iterator->index++;
    if (LIKELY(value.kind == COMEM_INT))
        return iterator_int(iterator, value.as.integer);
    Py_INCREF(list); /* a collection may run the iterator to its end */
    PyObject *object = pyvalue_into_python(list, &value);
    if (UNLIKELY(object == NULL))
        pypickle_at_index(list, iterator->index - 1);
    Py_DECREF(list);
    return object;
}

static PyObject *iterator_length_hint(PyObject *self, PyObject *Py_UNUSED(unused))
{
    struct iterator_object *iterator = (struct iterator_object *)(void *)self;
    Py_ssize_t length = iterator->list == NULL ? 0 : pylist_length(iterator->list);
    if (length < 0)
        return NULL;
    return PyLong_FromSsize_t(length > iterator->index ? length - iterator->index : 0);
}

static PyObject *iterator_reduce(PyObject *self, PyObject *Py_UNUSED(unused))
{
    struct iterator_object *iterator = (struct iterator_object *)(void *)self;
    return iterator_recipe("iter", iterator->list, iterator->index);
}

static PyObject *iterator_set_state(PyObject *self, PyObject *state)
{
    struct iterator_object *iterator = (struct iterator_object *)(void *)self;
    iterator_wait(iterator);
    if (iterator->list == NULL)
        Py_RETURN_NONE;
    if (iterator_state(iterator->list, state, 0, 0, &iterator->index) < 0)
        return NULL;
    list_cursor_move(&iterator->cursor, (uint64_t)iterator->index);
    Py_RETURN_NONE;
}

static PyMethodDef iterator_methods[] = {
    {"__length_hint__", iterator_length_hint, METH_NOARGS, length_hint_doc},
    {"__reduce__", iterator_reduce, METH_NOARGS, reduce_doc},
    {"__setstate__", iterator_set_state, METH_O, set_state_doc},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot iterator_slots[] = {
    {Py_tp_dealloc, (void *)iterator_dealloc},
    {Py_tp_traverse, (void *)iterator_traverse},
    {Py_tp_clear, (void *)iterator_clear},
    {Py_tp_iter, (void *)PyObject_SelfIter},
    {Py_tp_iternext, (void *)iterator_next},
    {Py_tp_methods, iterator_methods},
    {0, NULL},
};

static PyType_Spec iterator_spec = {
    .name = "comem._engine.ListIterator",
    .basicsize = sizeof(struct iterator_object),
    .flags = MODULE_NO_INSTANCES | Py_TPFLAGS_HAVE_GC,
    .slots = iterator_slots,
};

/* ---- backward ---------------------------------------------------------------------------------------------------- */

PyObject *pyiterator_new_reversed(PyObject *self)
{
    Py_ssize_t length = pylist_length(self);
    if (length < 0)
        return NULL;
    PyTypeObject *type = module_state_of(Py_TYPE(self))->reverse_iterator_type;
    struct reverse_iterator_object *iterator = PyObject_GC_New(struct reverse_iterator_object, type);
    if (iterator == NULL)
        return NULL;
    Py_INCREF(self);
    iterator->list = self;
    iterator->index = length - 1;
    PyObject_GC_Track(iterator);
    return (PyObject *)iterator;
}

static int reverse_iterator_clear(PyObject *self)
{
    Py_CLEAR(((struct reverse_iterator_object *)(void *)self)->list);
    return 0;
}

static void reverse_iterator_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    (void)reverse_iterator_clear(self);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static int reverse_iterator_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((struct reverse_iterator_object *)(void *)self)->list);
    return 0;
}

static PyObject *reverse_iterator_next(PyObject *self)
{
    struct reverse_iterator_object *iterator = (struct reverse_iterator_object *)(void *)self;
    if (iterator->list == NULL)
        return NULL;
    Py_ssize_t index = iterator->index--; /* before the call, in which another thread may come by */
    if (index < 0) {
        Py_CLEAR(iterator->list);
        return NULL;
    }
    comem_value value;
    PyObject *list = iterator->list;
    Py_INCREF(list);
    PyObject *object = NULL;
    comem_status status = comem_list_get(pylist_of(list), index, &value);
    if (status == COMEM_OK)
        object = pyvalue_into_python(list, &value);
    else if (status == COMEM_OUT_OF_RANGE)
        Py_CLEAR(iterator->list);
    else
        module_raise(module_state_of(Py_TYPE(self)), status);
    if (status == COMEM_OK && object == NULL)
        pypickle_at_index(list, index);
    Py_DECREF(list);
    return object;
}

static PyObject *reverse_iterator_length_hint(PyObject *self, PyObject *Py_UNUSED(unused))
{
    struct reverse_iterator_object *iterator = (struct reverse_iterator_object *)(void *)self;
    if (iterator->list == NULL)
        return PyLong_FromLong(0);
    Py_ssize_t length = pylist_length(iterator->list);
    if (length < 0)
        return NULL;
    return PyLong_FromSsize_t(length > iterator->index ? iterator->index + 1 : 0);
}

static PyObject *reverse_iterator_reduce(PyObject *self, PyObject *Py_UNUSED(unused))
{
    struct reverse_iterator_object *iterator = (struct reverse_iterator_object *)(void *)self;
    return iterator_recipe("reversed", iterator->list, iterator->index);
}

static PyObject *reverse_iterator_set_state(PyObject *self, PyObject *state)
{
    struct reverse_iterator_object *iterator = (struct reverse_iterator_object *)(void *)self;
    if (iterator->list != NULL && iterator_state(iterator->list, state, -1, 1, &iterator->index) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef reverse_iterator_methods[] = {
    {"__length_hint__", reverse_iterator_length_hint, METH_NOARGS, length_hint_doc},
    {"__reduce__", reverse_iterator_reduce, METH_NOARGS, reduce_doc},
    {"__setstate__", reverse_iterator_set_state, METH_O, set_state_doc},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot reverse_iterator_slots[] = {
    {Py_tp_dealloc, (void *)reverse_iterator_dealloc},
    {Py_tp_traverse, (void *)reverse_iterator_traverse},
    {Py_tp_clear, (void *)reverse_iterator_clear},
    {Py_tp_iter, (void *)PyObject_SelfIter},
    {Py_tp_iternext, (void *)reverse_iterator_next},
    {Py_tp_methods, reverse_iterator_methods},
    {0, NULL},
};

static PyType_Spec reverse_iterator_spec = {
    .name = "comem._engine.ListReverseIterator",
    .basicsize = sizeof(struct reverse_iterator_object),
    .flags = MODULE_NO_INSTANCES | Py_TPFLAGS_HAVE_GC,
    .slots = reverse_iterator_slots,
};

/* ---- set-up ------------------------------------------------------------------------------------------------------ */

int pyiterator_setup(PyObject *module)
{
    struct module_state *state = module_state(module);
    state->iterator_type = module_make_type(module, &iterator_spec);
    state->reverse_iterator_type = module_make_type(module, &reverse_iterator_spec);
    return state->iterator_type == NULL || state->reverse_iterator_type == NULL ? -1 : 0;
}
