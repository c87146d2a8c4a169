/* pylist.c - comem.List: the type, its handles, single items, copies and pickles
 *
 * An object of this type is one handle of this process on a shared list; it holds nothing else. Every method is one call
 * of the engine, or takes a snapshot and works on that (pylist_many.c, pylist_slice.c, pylist_find.c, pylist_sort.c). What
 * runs foreign code (converting, comparing, representing) runs before or after the call, never in it.
 *
 * Lost and found  An item taken out whose Python object cannot be made is put back where it was before MemoryError is
 *                 raised.
 * Identity        The engine gives every handle of one shared list in a process the same address, so two Python objects
 *                 show the same list when their `list` is equal.
 * Cost            Indexing a number takes a few nanoseconds more than in a built-in list; it makes no temporary object.
 */
#include "pylist.h"

#include "objects/list.h"
#include "objects/object.h"
#include "pyreach.h"
#include "pyvalue.h"

/* ---- handles ----------------------------------------------------------------------------------------------------- */

bool pylist_is_list(PyObject *object)
{
    struct module_state *state = module_find(Py_TYPE(object));
    return state != NULL && PyObject_TypeCheck(object, state->list_type);
}

comem_list *pylist_handle(PyObject *container, PyObject *object)
{
    PyTypeObject *list_type = module_state_of(Py_TYPE(container))->list_type;
    return PyObject_TypeCheck(object, list_type) ? pylist_of(object) : NULL;
}

bool pylist_is_deep(PyObject *container)
{
    return (object_flags(pylist_object(container)) & OBJECT_DEEP) != 0;
}

PyObject *pylist_wrap(PyTypeObject *type, comem_list *list)
{
    PyObject *self = type->tp_alloc(type, 0);
    if (self == NULL) {
        comem_list_release(list);
        return NULL;
    }
    ((struct list_object *)(void *)self)->list = list;
    return self;
}

/* The type that shows `list`. Borrowed; NULL with an exception. The first list of a manager that a process meets imports
 * comem.managers, which registers the type. */
static PyTypeObject *pylist_face(struct module_state *state, comem_list *list)
{
    if ((object_flags((comem_object *)(void *)list) & OBJECT_FACE_MANAGER) == 0)
        return state->list_type;
    if (UNLIKELY(state->proxy_type == NULL)) {
        PyObject *module = PyImport_ImportModule("comem.managers");
        if (module == NULL)
            return NULL;
        Py_DECREF(module);
        if (state->proxy_type == NULL)
            PyErr_SetString(PyExc_ImportError, "comem.managers belongs to another import of comem");
    }
    return state->proxy_type;
}

PyObject *pylist_from_value(PyObject *container, comem_value *value)
{
    struct module_state *state = module_state_of(Py_TYPE(container));
    comem_list *list = comem_value_list(value);
    if (list == NULL) {
        PyErr_SetString(PyExc_TypeError, "a reference to an object that this release of comem does not know");
        return NULL;
    }
    PyTypeObject *type = pylist_face(state, list);
    PyObject *object = type == NULL ? NULL : type->tp_alloc(type, 0);
    if (object == NULL)
        return NULL;
    ((struct list_object *)(void *)object)->list = list;
    value->owned = 0; /* the handle is the object's now */
    return object;
}

void pylist_dealloc(PyObject *self)
{
    struct list_object *object = (struct list_object *)(void *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (object->weak_references != NULL)
        PyObject_ClearWeakRefs(self);
    if (object->list != NULL)
        comem_list_release(object->list);
    type->tp_free(self);
    Py_DECREF(type);
}

int pylist_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    return 0;
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

int pylist_fail(PyObject *self, comem_status status)
{
    module_raise(module_state_of(Py_TYPE(self)), status);
    return -1;
}

int pylist_check_count(const char *name, Py_ssize_t count, Py_ssize_t least, Py_ssize_t most)
{
    if (LIKELY(count >= least && count <= most))
        return 0;
    Py_ssize_t limit = count < least ? least : most;
    PyErr_Format(PyExc_TypeError, "%s expected %s%zd argument%s, got %zd", name,
                 least == most   ? ""
                 : count < least ? "at least "
                                 : "at most ",
                 limit, limit == 1 ? "" : "s", count);
    return -1;
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
    return pyvalue_into_python(self, &value);
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
    "TypeError for a type that cannot be stored, OverflowError for an int beyond 64 bits,\n"
    "MemoryError when the store is full, GoneError when the list was shut down; none of them\n"
    "changes the list. O(size of the object), about 50 ns for a number.";

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
    "Indivisible: other threads and processes see the item in its place or not yet. TypeError for a\n"
    "type that cannot be stored, OverflowError for an int beyond 64 bits, MemoryError when the store is\n"
    "full, GoneError when the list was shut down; none of them changes the list. O(size of the object +\n"
    "length / 100), about 1 us in a list of 1,000 items, 20 us in one of 1,000,000.";

PyObject *pylist_insert(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    int64_t index;
    comem_value value;
    PyObject *owner;
    if (UNLIKELY(pylist_check_count("insert", count, 2, 2) < 0 || pylist_argument(arguments[0], &index) < 0 ||
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
    if (UNLIKELY(pylist_check_count("pop", count, 0, 1) < 0) ||
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
    if (UNLIKELY(object == NULL))
        pylist_put_back(self, index, value);
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

/* ---- copies and pickles ------------------------------------------------------------------------------------------ */

const char pylist_reduce_doc[] =
    "__reduce__($self, /)\n--\n\n"
    "For pickle: the class and the name of the shared list.\n\n"
    "A pickle is a name, not a copy: loaded in this program it gives another handle of the same list,\n"
    "which outlives the pickling by comem.handle_grace seconds when nothing else holds it. Loaded where the store is\n"
    "out of reach it raises GoneError, as pickling does for a list that was shut down.";

PyObject *pylist_reduce(PyObject *self, PyObject *Py_UNUSED(unused))
{
    struct module_state *state = module_state_of(Py_TYPE(self));
    struct object_name name;
    if (pyreach_name(state, pylist_object(self), &name) < 0)
        return NULL;
    return Py_BuildValue("O(Oy#)", state->open_function, Py_TYPE(self), (const char *)&name, (Py_ssize_t)sizeof(name));
}

const char pylist_open_doc[] =
    "_open(cls, name, /)\n--\n\n"
    "A handle of class cls on the shared list that a pickle names. GoneError when it is out of reach.";

PyObject *pylist_open(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    struct module_state *state = module_state(module);
    struct object_name name;
    if (count != 2 || !PyType_Check(arguments[0]) ||
        !PyType_IsSubtype((PyTypeObject *)(void *)arguments[0], state->list_type) ||
        !PyBytes_CheckExact(arguments[1]) || PyBytes_GET_SIZE(arguments[1]) != (Py_ssize_t)sizeof(name)) {
        PyErr_SetString(PyExc_TypeError, "_open() takes a subclass of comem.List and a shared list's name");
        return NULL;
    }
    memcpy(&name, PyBytes_AS_STRING(arguments[1]), sizeof(name));
    comem_value value = comem_none();
    value.as.object = pyreach_open(state, OBJECT_LIST, &name);
    if (value.as.object == NULL)
        return NULL;
    value.kind = COMEM_REF;
    value.owned = 1;
    comem_list *list = comem_value_list(&value);
    if (list == NULL) {
        comem_value_clear(&value);
        PyErr_SetString(PyExc_TypeError, "the pickle names a shared object that is no list");
        return NULL;
    }
    return pylist_wrap((PyTypeObject *)(void *)arguments[0], list);
}

/* A new empty shared list in an object of `type`. */
static PyObject *pylist_make(PyTypeObject *type)
{
    struct module_state *state = module_state_of(type);
    int waits = pyreach_waits();
    comem_object *unbound = waits > 0 ? pyreach_unbound(state, OBJECT_LIST, OBJECT_DEEP) : NULL;
    if (UNLIKELY(waits != 0))
        return unbound == NULL ? NULL : pylist_wrap(type, (comem_list *)(void *)unbound);
    comem_store *store = module_store(state);
    if (store == NULL)
        return NULL;
    comem_list *list;
    comem_status status = list_new_in(store, 0, OBJECT_DEEP, &list);
    if (status != COMEM_OK)
        return module_raise(state, status);
    return pylist_wrap(type, list);
}

/* A new shared list of the same items, in an object of `type`. */
static PyObject *pylist_make_copy(PyTypeObject *type, PyObject *self)
{
    PyObject *copy = pylist_make(type);
    if (copy != NULL && pylist_extend_any(copy, self) < 0)
        Py_CLEAR(copy);
    return copy;
}

PyDoc_STRVAR(copy_doc, "copy($self, /)\n--\n\n"
                       "A new shared list of the same items, as they stood at one moment.\n\n"
                       "What a shared list in it holds is not copied: both then refer to that list. l[:] gives a\n"
                       "built-in list. MemoryError when the store is full, GoneError when the list was shut down.\n"
                       "O(number and size of the items), about 10 ns for a number.");

static PyObject *pylist_copy(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return pylist_make_copy(module_state_of(Py_TYPE(self))->list_type, self);
}

PyDoc_STRVAR(copy_module_doc, "__copy__($self, /)\n--\n\n"
                              "For copy.copy(): as copy(), of the class of the list.");

static PyObject *pylist_copy_same(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return pylist_make_copy(Py_TYPE(self), self);
}

PyDoc_STRVAR(deepcopy_doc, "__deepcopy__($self, memo, /)\n--\n\n"
                           "For copy.deepcopy(): a new shared list of deep copies of the items.");

/* Fills the new list `copy` with deep copies of what `self` holds; `memo` knows `self` as `copy` already. */
static int pylist_fill_deeply(PyObject *copy, PyObject *self, PyObject *memo)
{
    PyObject *module = PyImport_ImportModule("copy");
    PyObject *items = module == NULL ? NULL : pylist_snapshot(self);
    PyObject *copies = items == NULL ? NULL : PyObject_CallMethod(module, "deepcopy", "OO", items, memo);
    int result = copies == NULL ? -1 : pylist_extend_any(copy, copies);
    Py_XDECREF(copies);
    Py_XDECREF(items);
    Py_XDECREF(module);
    return result;
}

static PyObject *pylist_deepcopy(PyObject *self, PyObject *memo)
{
    if (!PyDict_Check(memo)) {
        PyErr_SetString(PyExc_TypeError, "__deepcopy__() takes copy.deepcopy()'s memo");
        return NULL;
    }
    /* Several handles of one list must give one copy, so the memo knows it by the address they share. */
    PyObject *key = Py_BuildValue("(sN)", "comem", PyLong_FromVoidPtr((void *)pylist_of(self)));
    if (key == NULL)
        return NULL;
    PyObject *copy = PyDict_GetItemWithError(memo, key);
    Py_XINCREF(copy);
    if (copy == NULL && !PyErr_Occurred()) {
        copy = pylist_make(Py_TYPE(self));
        if (copy != NULL && (PyDict_SetItem(memo, key, copy) < 0 || pylist_fill_deeply(copy, self, memo) < 0))
            Py_CLEAR(copy);
    }
    Py_DECREF(key);
    return copy;
}

const char pylist_reversed_doc[] = "__reversed__($self, /)\n--\n\n"
                                   "An iterator from the last item to the first, live by index as a built-in list's.";

PyObject *pylist_reversed(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return pyiterator_new_reversed(self);
}

/* ---- the type ---------------------------------------------------------------------------------------------------- */

static PyObject *pylist_new(PyTypeObject *type, PyObject *Py_UNUSED(arguments), PyObject *Py_UNUSED(keywords))
{
    return pylist_make(type);
}

static int pylist_init(PyObject *self, PyObject *arguments, PyObject *keywords)
{
    if (keywords != NULL && PyDict_GET_SIZE(keywords) != 0) {
        PyErr_SetString(PyExc_TypeError, "List() takes no keyword arguments");
        return -1;
    }
    PyObject *iterable = NULL;
    if (!PyArg_UnpackTuple(arguments, "List", 0, 1, &iterable))
        return -1;
    if (pyreach_is_unbound(pylist_object(self)))
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

const char pylist_class_getitem_doc[] = "For annotations: List[int].";

PyDoc_STRVAR(
    list_doc,
    "List(iterable=(), /)\n--\n\n"
    "A list that every process of the program shares.\n\n"
    "Made before a fork, or handed over in another shared object, or pickled, it is the same list in\n"
    "every process: what one changes, all see at once. Items are copied in and out; None, bool, int of\n"
    "64 bits, float, str, bytes and comem.List can be stored, the last by reference.\n\n"
    "Every method may be called from any thread of any process at any time, and a process killed in one\n"
    "leaves the list whole. Each is one change that others see all of or nothing, and they read one\n"
    "moment; but sort() with a key or of other items than plain ones works on a copy, and raises\n"
    "ValueError when the list was changed meanwhile. Slices, + and * give built-in lists. Two lists are equal when their items are, also to a built-in list, and ordered like built-in ones.\n"
    "A loop is live by index, as over a built-in list. Like that it has no hash.\n\n"
    "Any use may raise GoneError (shut down, or out of reach), DamagedError (the store's memory fails\n"
    "its checks), OSError (the thread's first use could not join the store) and RuntimeError (called\n"
    "from a C signal handler that interrupted another call). MemoryError: the store is full.");

static PyMethodDef list_methods[] = {
    PYLIST_METHODS,
    {"copy", pylist_copy, METH_NOARGS, copy_doc},
    {"__copy__", pylist_copy_same, METH_NOARGS, copy_module_doc},
    {"__deepcopy__", pylist_deepcopy, METH_O, deepcopy_doc},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef list_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct list_object, weak_references), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot list_slots[] = {
    {Py_tp_doc, (void *)list_doc},
    {Py_tp_new, (void *)pylist_new},
    {Py_tp_init, (void *)pylist_init},
    {Py_tp_dealloc, (void *)pylist_dealloc},
    {Py_tp_traverse, (void *)pylist_traverse},
    {Py_tp_repr, (void *)pylist_repr},
    {Py_tp_hash, (void *)PyObject_HashNotImplemented},
    {Py_tp_methods, list_methods},
    {Py_tp_members, list_members},
    PYLIST_SLOTS,
    {0, NULL},
};

static PyType_Spec list_spec = {
    .name = "comem.List",
    .basicsize = sizeof(struct list_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC
#ifdef Py_TPFLAGS_SEQUENCE
             | Py_TPFLAGS_SEQUENCE
#endif
    ,
    .slots = list_slots,
};

int pylist_setup(PyObject *module)
{
    struct module_state *state = module_state(module);
    state->list_type = (PyTypeObject *)(void *)PyType_FromModuleAndSpec(module, &list_spec, NULL);
    if (state->list_type == NULL)
        return -1;
    return PyModule_AddType(module, state->list_type);
}
