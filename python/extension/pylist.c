/* pylist.c - comem.List: the type, its face in a manager, single items
 *
 * Every method is one call of the engine, or takes a snapshot and works on that (the other files pylist_*.c). What runs
 * foreign code (converting, comparing, representing) runs before or after the call, never in it.
 *
 * Lost and found  An item taken out whose Python object cannot be made is put back where it was before MemoryError is
 *                 raised.
 * Cost            Indexing a number takes a few nanoseconds more than in a built-in list; it makes no temporary object.
 */
#include "pylist.h"

#include "objects/list.h"
#include "objects/object.h"
#include "pypickle.h"
#include "pyreach.h"
#include "pyvalue.h"

/* ---- handles ----------------------------------------------------------------------------------------------------- */

bool pylist_is_list(PyObject *object)
{
    struct module_state *state = module_find(Py_TYPE(object));
    return state != NULL && PyObject_TypeCheck(object, state->native_types[KIND_LIST]);
}

comem_list *pylist_handle(PyObject *container, PyObject *object)
{
    PyTypeObject *list_type = module_state_of(Py_TYPE(container))->native_types[KIND_LIST];
    return PyObject_TypeCheck(object, list_type) ? pylist_of(object) : NULL;
}

/* ---- errors ------------------------------------------------------------------------------------------------------ */

/* Raises for `status`; an index out of range says `sentence`, as the built-in list does. Returns NULL. */
static PyObject *pylist_raise(PyObject *self, comem_status status, const char *sentence)
{
    if (status == COMEM_OUT_OF_RANGE) {
        PyErr_SetString(PyExc_IndexError, sentence);
        return NULL;
    }
    return module_raise(module_state_of(Py_TYPE(self)), status);
}

/* The index that the subscript `key` stands for. Returns 0, or -1 with the built-in list's exceptions. */
static int pylist_index_of(PyObject *key, int64_t *index)
{
    if (LIKELY(pyvalue_is_small(key))) {
        *index = pyvalue_small(key);
        return 0;
    }
    if (PyIndex_Check(key)) {
        Py_ssize_t number = PyNumber_AsSsize_t(key, PyExc_IndexError);
        *index = number;
        return number == -1 && PyErr_Occurred() ? -1 : 0;
    }
    PyErr_Format(PyExc_TypeError, "list indices must be integers or slices, not %.200s", Py_TYPE(key)->tp_name);
    return -1;
}

/* The index that the argument `object` stands for. Returns 0, or -1 with the built-in list's exceptions. */
static int pylist_argument(PyObject *object, int64_t *index)
{
    if (LIKELY(pyvalue_is_small(object))) {
        *index = pyvalue_small(object);
        return 0;
    }
    PyObject *number = PyNumber_Index(object);
    if (number == NULL)
        return -1;
    Py_ssize_t argument = PyLong_AsSsize_t(number);
    Py_DECREF(number);
    *index = argument;
    return argument == -1 && PyErr_Occurred() ? -1 : 0;
}

/* ---- items ------------------------------------------------------------------------------------------------------- */

Py_ssize_t pylist_length(PyObject *self)
{
    size_t length;
    comem_status status = comem_list_len(pylist_of(self), &length);
    if (UNLIKELY(status != COMEM_OK)) {
        pylist_raise(self, status, "");
        return -1;
    }
    return (Py_ssize_t)length;
}

static inline PyObject *pylist_get(PyObject *self, int64_t index)
{
    comem_value value;
    comem_status status = comem_list_get(pylist_of(self), index, &value);
    if (UNLIKELY(status != COMEM_OK))
        return pylist_raise(self, status, "list index out of range");
    PyObject *object = pyvalue_into_python(self, &value);
    if (UNLIKELY(object == NULL))
        pypickle_at_index(self, index);
    return object;
}

PyObject *pylist_item(PyObject *self, Py_ssize_t index)
{
    if (UNLIKELY(index < 0)) /* the caller has added the length already */
        return pylist_raise(self, COMEM_OUT_OF_RANGE, "list index out of range");
    return pylist_get(self, index);
}

PyObject *pylist_subscript(PyObject *self, PyObject *key)
{
    int64_t index;
    if (UNLIKELY(PySlice_Check(key)))
        return pylist_get_slice(self, key);
    if (UNLIKELY(pylist_index_of(key, &index) < 0))
        return NULL;
    return pylist_get(self, index);
}

/* Replaces an item; with NULL takes it out. */
static int pylist_set(PyObject *self, int64_t index, PyObject *object)
{
    comem_status status;
    if (UNLIKELY(object == NULL)) {
        status = comem_list_pop_at(pylist_of(self), index, NULL);
    } else {
        comem_value value;
        PyObject *owner;
        if (UNLIKELY(pyvalue_from_python(self, object, &value, &owner) < 0))
            return -1;
        status = comem_list_set(pylist_of(self), index, value);
        Py_XDECREF(owner);
    }
    if (LIKELY(status == COMEM_OK))
        return 0;
    pylist_raise(self, status, "list assignment index out of range");
    return -1;
}

int pylist_assign_item(PyObject *self, Py_ssize_t index, PyObject *object)
{
    if (UNLIKELY(index < 0)) { /* the caller has added the length already */
        pylist_raise(self, COMEM_OUT_OF_RANGE, "list assignment index out of range");
        return -1;
    }
    return pylist_set(self, index, object);
}

int pylist_assign_subscript(PyObject *self, PyObject *key, PyObject *object)
{
    int64_t index;
    if (UNLIKELY(PySlice_Check(key)))
        return pylist_assign_slice(self, key, object);
    if (UNLIKELY(pylist_index_of(key, &index) < 0))
        return -1;
    return pylist_set(self, index, object);
}

const char pylist_append_doc[] =
    "append($self, object, /)\n--\n\n"
    "Add object behind the last item.\n\n"
    "Indivisible: several threads and processes may append at once, and nothing is lost.\n"
    "TypeError for what cannot be stored (it cannot be pickled), MemoryError when the store is full,\n"
    "GoneError when the list was shut down; none of them changes the list.\n"
    "O(size of the object), about 50 ns for a number.";

PyObject *pylist_append(PyObject *self, PyObject *object)
{
    comem_value value;
    PyObject *owner;
    if (UNLIKELY(pyvalue_from_python(self, object, &value, &owner) < 0))
        return NULL;
    comem_status status = list_append(pylist_of(self), &value);
    Py_XDECREF(owner);
    if (UNLIKELY(status != COMEM_OK))
        return pylist_raise(self, status, "");
    Py_RETURN_NONE;
}

const char pylist_insert_doc[] =
    "insert($self, index, object, /)\n--\n\n"
    "Put object before the item at index; an index beyond an end means that end.\n\n"
    "Indivisible: other threads and processes see the item in its place or not yet. TypeError for\n"
    "what cannot be stored (it cannot be pickled), MemoryError when the store is full, GoneError when\n"
    "the list was shut down; none of them changes the list. O(size of the object + length / 100),\n"
    "about 1 us in a list of 1,000 items, 20 us in one of 1,000,000.";

PyObject *pylist_insert(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    int64_t index;
    comem_value value;
    PyObject *owner;
    if (UNLIKELY(pyobject_check_count("insert", count, 2, 2) < 0 || pylist_argument(arguments[0], &index) < 0 ||
                 pyvalue_from_python(self, arguments[1], &value, &owner) < 0))
        return NULL;
    comem_status status = comem_list_insert(pylist_of(self), index, value);
    Py_XDECREF(owner);
    if (UNLIKELY(status != COMEM_OK))
        return pylist_raise(self, status, "");
    Py_RETURN_NONE;
}

/* Puts an item back that was taken out from `index`. It can fail only when another process has taken its room since. */
static void pylist_put_back(PyObject *self, int64_t index, comem_value value)
{
    if (index == -1)
        (void)comem_list_append(pylist_of(self), value);
    else
        (void)comem_list_insert(pylist_of(self), index < 0 ? index + 1 : index, value); /* the list is shorter now */
}

const char pylist_pop_doc[] =
    "pop($self, index=-1, /)\n--\n\n"
    "Take the item at index out and return it, the last one by default.\n\n"
    "Indivisible: one of several threads and processes gets the item. IndexError when the list is empty\n"
    "or has no such item, MemoryError when there is no memory for the result (the item stays),\n"
    "GoneError when the list was shut down. The last item: O(size of the item), about 50 ns for a\n"
    "number; another one: as insert().";

PyObject *pylist_pop(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    int64_t index = -1;
    if (UNLIKELY(pyobject_check_count("pop", count, 0, 1) < 0) ||
        (count == 1 && UNLIKELY(pylist_argument(arguments[0], &index) < 0)))
        return NULL;
    comem_value value;
    comem_status status =
        index == -1 ? comem_list_pop(pylist_of(self), &value) : comem_list_pop_at(pylist_of(self), index, &value);
    if (UNLIKELY(status != COMEM_OK)) {
        size_t length;
        bool empty = status == COMEM_OUT_OF_RANGE &&
                     (index == -1 || (comem_list_len(pylist_of(self), &length) == COMEM_OK && length == 0));
        return pylist_raise(self, status, empty ? "pop from empty list" : "pop index out of range");
    }
    PyObject *object = pyvalue_to_python(self, &value);
    if (UNLIKELY(object == NULL)) {
        pylist_put_back(self, index, value);
        pypickle_at_index(self, index);
    }
    pyvalue_clear(&value);
    return object;
}

const char pylist_clear_doc[] =
    "clear($self, /)\n--\n\n"
    "Remove all items.\n\n"
    "Indivisible: other threads and processes see all of them or none. GoneError when the list was\n"
    "shut down. O(1); what the items took is freed step by step.";

PyObject *pylist_clear(PyObject *self, PyObject *Py_UNUSED(unused))
{
    comem_status status = comem_list_clear(pylist_of(self));
    if (UNLIKELY(status != COMEM_OK))
        return pylist_raise(self, status, "");
    Py_RETURN_NONE;
}

/* ---- the type ---------------------------------------------------------------------------------------------------- */

PyDoc_STRVAR(copy_doc, "copy($self, /)\n--\n\n"
                       "A new shared list of the same items, as they stood at one moment.\n\n"
                       "What a shared list in it holds is not copied: both then refer to that list. l[:] gives a\n"
                       "built-in list. MemoryError when the store is full, GoneError when the list was shut down.\n"
                       "O(number and size of the items), about 10 ns for a number.");

const char pylist_reversed_doc[] = "__reversed__($self, /)\n--\n\n"
                                   "An iterator from the last item to the first, live by index as a built-in list's.";

PyObject *pylist_reversed(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return pyiterator_new_reversed(self);
}

/* Whether a class has a __new__() of its own, which may take keywords that are none of ours. */
static bool pylist_has_own_new(PyTypeObject *type)
{
    return type->tp_new != pyobject_new && type->tp_new != pyproxy_refuse_new;
}

static int pylist_init(PyObject *self, PyObject *arguments, PyObject *keywords)
{
    PyTypeObject *type = Py_TYPE(self);
    if (keywords != NULL && PyDict_GET_SIZE(keywords) != 0 && !pylist_has_own_new(type)) {
        PyErr_Format(PyExc_TypeError, "%.200s() takes no keyword arguments", pyobject_type_name(type));
        return -1;
    }
    PyObject *iterable = NULL;
    if (!PyArg_UnpackTuple(arguments, pyobject_type_name(type), 0, 1, &iterable))
        return -1;
    if (pyreach_is_unbound(pyobject_of(self)))
        return 0;
    Py_ssize_t length = pylist_length(self);
    if (length < 0)
        return -1;
    if (length != 0) { /* called again: as list.__init__(), not indivisible */
        comem_status status = comem_list_clear(pylist_of(self));
        if (status != COMEM_OK) {
            pylist_raise(self, status, "");
            return -1;
        }
    }
    return iterable == NULL ? 0 : pylist_extend_any(self, iterable);
}

PyDoc_STRVAR(list_doc,
             "List(iterable=(), /)\n--\n\n"
             "A list that every process of the program shares.\n\n"
             "Made before a fork, or handed over in another shared object, or pickled, it is the same list in\n"
             "every process: what one changes, all see at once. Items are copied in and out; whatever can be\n"
             "pickled can be stored. Shared objects are stored by reference, and a plain list or dict becomes a\n"
             "shared one, and so on down: l[0].append(1) is seen by all.\n\n"
             "Every method may be called from any thread of any process at any time, and a process killed in one\n"
             "leaves the list whole. Each is one change that others see all of or nothing, and they read one\n"
             "moment; but sort() with a key or of other items than plain ones works on a copy, and raises\n"
             "ValueError when the list was changed meanwhile. Slices, + and * give built-in lists. Two lists are\n"
             "equal when their items are, also to a built-in list, and ordered like built-in ones. A loop is live\n"
             "by index, as over a built-in list. Like that it has no hash.\n\n"
             "Any use may raise GoneError (shut down, or out of reach), DamagedError (the store's memory fails\n"
             "its checks), OSError (the thread's first use could not join the store) and RuntimeError (called\n"
             "from a C signal handler that interrupted another call). MemoryError: the store is full.");

static PyMethodDef list_methods[] = {
    PYLIST_METHODS,          {"copy", pyobject_copy, METH_NOARGS, copy_doc},
    PYOBJECT_NATIVE_METHODS, PYOBJECT_SHOW_METHODS,
    {NULL, NULL, 0, NULL},
};

static PyType_Slot list_slots[] = {
    {Py_tp_doc, (void *)list_doc}, {Py_tp_init, (void *)pylist_init},
    {Py_tp_methods, list_methods}, PYLIST_SLOTS,
    PYOBJECT_NATIVE_SLOTS,         {0, NULL},
};

#ifdef Py_TPFLAGS_SEQUENCE
#define LIST_FLAGS (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_SEQUENCE)
#else
#define LIST_FLAGS (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC)
#endif

static PyType_Spec list_spec = {
    .name = "comem.List",
    .basicsize = sizeof(struct handle_object),
    .flags = LIST_FLAGS,
    .slots = list_slots,
};

/* ---- its face in a manager ---- */

PyDoc_STRVAR(proxy_doc,
             "A list made by a manager: a comem.List with the face of multiprocessing's ListProxy.\n\n"
             "Operations, errors and cost are comem.List's. It is equal to lists of equal items and hashed by\n"
             "identity, equal for all handles of one list. str() gives the items, repr() the standard proxy's\n"
             "text, and neither raises when the manager was shut down. copy.copy() gives another handle,\n"
             "copy() and copy.deepcopy() a built-in list.");

static PyMethodDef proxy_methods[] = {
    PYLIST_METHODS,
    PYPROXY_METHODS,
    PYOBJECT_SHOW_METHODS,
    {NULL, NULL, 0, NULL},
};

static PyType_Slot proxy_slots[] = {
    {Py_tp_doc, (void *)proxy_doc},
    {Py_tp_methods, proxy_methods},
    PYLIST_SLOTS,
    {Py_tp_init, (void *)pylist_init},
    PYPROXY_SLOTS,
    {0, NULL},
};

static PyType_Spec proxy_spec = {
    .name = "comem.managers.ListProxy",
    .basicsize = sizeof(struct proxy_object),
    .flags = LIST_FLAGS,
    .slots = proxy_slots,
};

/* ---- the kind ---- */

static comem_status pylist_make(comem_store *store, uint64_t scope, uint32_t flags, comem_object **object)
{
    comem_list *list;
    comem_status status = list_new_in(store, scope, flags, &list);
    *object = status == COMEM_OK ? &list->object : NULL;
    return status;
}

struct kind pylist_kind = {
    .type = OBJECT_LIST,
    .typeid = "list",
    .nested = "[...]",
    .flags = OBJECT_DEEP,
    .native = &list_spec,
    .proxy = &proxy_spec,
    .make = pylist_make,
    .plain = pylist_snapshot,
    .shown = pylist_shown,
    .fill = pylist_fill,
};
