/* pydict_view.c - comem.Dict's views and iterators
 *
 * Views        know the dict and no more. len() and in ask it; a loop, a comparison and the set operations work on what
 *              it holds at one moment, the latter two by means of the built-in views.
 * Iterators    have the keys, values or pairs of one moment, so they meet what was there together. They raise
 *              RuntimeError once this process has added or removed keys, as a built-in dict's do; what other processes
 *              change they do not notice. Objects are made one by one. An iterator belongs to its process; threads may
 *              share one, each item goes to one of them. Its copy, or its pickle, is one of a list of what is left.
 */
#include "pydict.h"

#include "objects/value.h"

struct dict_iterator {
    PyObject_HEAD
    PyObject *dict; /* NULL once the end was met */
    struct dict_snapshot snapshot;
    size_t next; /* how many were met */
    enum dict_part part;
    bool backward;
    uint64_t resized; /* the dict's count at the beginning, */
    uint64_t resizes; /* and the thread's: what other threads do is no mistake of this loop's */
};

struct dict_view {
    PyObject_HEAD
    PyObject *dict;
    enum dict_part part;
};

/* ---- iterators --------------------------------------------------------------------------------------------------- */

/* How often this process has added or removed keys. */
static uint64_t dict_resized(PyObject *dict)
{
    return atomic_load_explicit(&pydict_of(dict)->resized, memory_order_relaxed);
}

static PyObject *iterator_new(PyObject *dict, enum dict_part part, bool backward)
{
    struct dict_snapshot snapshot = {.count = 0};
    if (dict_snapshot_take(&snapshot, dict, part) < 0)
        return NULL;
    PyTypeObject *type = module_state_of(Py_TYPE(dict))->dict_iterator_type;
    struct dict_iterator *iterator = PyObject_GC_New(struct dict_iterator, type);
    if (iterator == NULL) {
        dict_snapshot_clear(&snapshot);
        return NULL;
    }
    Py_INCREF(dict);
    iterator->dict = dict;
    iterator->snapshot = snapshot;
    iterator->next = 0;
    iterator->part = part;
    iterator->backward = backward;
    iterator->resized = dict_resized(dict);
    iterator->resizes = dict_resizes;
    PyObject_GC_Track(iterator);
    return (PyObject *)iterator;
}

PyObject *pydict_iterate(PyObject *self)
{
    return iterator_new(self, DICT_KEYS, false);
}

const char pydict_reversed_doc[] = "__reversed__($self, /)\n--\n\n"
                                   "An iterator over the keys of one moment, from the last stored to the first.";

PyObject *pydict_reversed(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return iterator_new(self, DICT_KEYS, true);
}

/* Drops dict and snapshot. Nothing when they were dropped before. */
static int iterator_clear(PyObject *self)
{
    struct dict_iterator *iterator = (struct dict_iterator *)(void *)self;
    dict_snapshot_clear(&iterator->snapshot);
    Py_CLEAR(iterator->dict);
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
    Py_VISIT(((struct dict_iterator *)(void *)self)->dict);
    return 0;
}

/* Whether this thread has added or removed keys since. */
static inline bool iterator_is_spoilt(const struct dict_iterator *iterator)
{
    return UNLIKELY(iterator->resized != dict_resized(iterator->dict) && iterator->resizes != dict_resizes);
}

static PyObject *iterator_raise_spoilt(void)
{
    PyErr_SetString(PyExc_RuntimeError, "dictionary changed size during iteration");
    return NULL;
}

/* The place in the snapshot of what is met after `met` others. */
static inline size_t iterator_place(const struct dict_iterator *iterator, size_t met)
{
    return iterator->backward ? iterator->snapshot.count - 1 - met : met;
}

static PyObject *iterator_next(PyObject *self)
{
    struct dict_iterator *iterator = (struct dict_iterator *)(void *)self;
    PyObject *dict = iterator->dict;
    if (UNLIKELY(dict == NULL))
        return NULL;
    if (iterator_is_spoilt(iterator))
        return iterator_raise_spoilt();
    size_t place = iterator_place(iterator, iterator->next);
    if (UNLIKELY(iterator->next == iterator->snapshot.count)) {
        (void)iterator_clear(self);
        return NULL;
    }
    iterator->next++;
    Py_INCREF(dict); /* making the object may run code that takes the iterator to its end */
    PyObject *object = dict_snapshot_object(&iterator->snapshot, dict, iterator->part, place);
    Py_DECREF(dict);
    return object;
}

/* ---- copies of iterators ----------------------------------------------------------------------------------------- */

/* Copies what stands in a place of the snapshot, if it was read. 0, or -1 with MemoryError. */
static int place_copy(const comem_value *column, size_t place, comem_value *copy)
{
    *copy = comem_none();
    if (column == NULL || value_copy(&column[place], copy) == COMEM_OK)
        return 0;
    PyErr_NoMemory();
    return -1;
}

/* The object for a place of the snapshot, which keeps it. NULL with an exception. */
static PyObject *iterator_look(struct dict_iterator *iterator, PyObject *dict, size_t place)
{
    comem_value key, value;
    if (place_copy(iterator->snapshot.keys, place, &key) < 0)
        return NULL;
    if (place_copy(iterator->snapshot.values, place, &value) < 0) {
        pyvalue_clear(&key);
        return NULL;
    }
    return dict_part_object(dict, iterator->part, place, &key, &value);
}

/* A list of what is left. NULL with an exception. */
static PyObject *iterator_rest(struct dict_iterator *iterator, PyObject *dict)
{
    PyObject *rest = PyList_New(0);
    for (size_t met = iterator->next; rest != NULL && iterator->dict != NULL && met < iterator->snapshot.count; met++) {
        if (met < iterator->next)
            continue; /* met meanwhile by another thread, or by what unpickling runs */
        PyObject *object = iterator_look(iterator, dict, iterator_place(iterator, met));
        if (object == NULL || PyList_Append(rest, object) < 0)
            Py_CLEAR(rest);
        Py_XDECREF(object);
    }
    return rest;
}

PyDoc_STRVAR(iterator_reduce_doc,
             "__reduce__($self, /)\n--\n\n"
             "For pickle and copy: iter() and a list of what is left. RuntimeError when this process has added\n"
             "or removed keys meanwhile, ValueUnreadable as for reading.");

static PyObject *iterator_reduce(PyObject *self, PyObject *Py_UNUSED(unused))
{
    struct dict_iterator *iterator = (struct dict_iterator *)(void *)self;
    PyObject *dict = iterator->dict;
    if (dict != NULL && iterator_is_spoilt(iterator))
        return iterator_raise_spoilt();
    Py_XINCREF(dict); /* as in iterator_next() */
    PyObject *rest = iterator_rest(iterator, dict);
    Py_XDECREF(dict);
    PyObject *builtins = rest == NULL ? NULL : PyImport_ImportModule("builtins");
    PyObject *make = builtins == NULL ? NULL : PyObject_GetAttrString(builtins, "iter");
    PyObject *recipe = make == NULL ? NULL : Py_BuildValue("O(O)", make, rest);
    Py_XDECREF(make);
    Py_XDECREF(builtins);
    Py_XDECREF(rest);
    return recipe;
}

PyDoc_STRVAR(length_hint_doc, "__length_hint__($self, /)\n--\n\nHow many are left.");

static PyObject *iterator_length_hint(PyObject *self, PyObject *Py_UNUSED(unused))
{
    struct dict_iterator *iterator = (struct dict_iterator *)(void *)self;
    bool over = iterator->dict == NULL || iterator->resized != dict_resized(iterator->dict);
    return PyLong_FromSize_t(over ? 0 : iterator->snapshot.count - iterator->next);
}

static PyMethodDef iterator_methods[] = {
    {"__length_hint__", iterator_length_hint, METH_NOARGS, length_hint_doc},
    {"__reduce__", iterator_reduce, METH_NOARGS, iterator_reduce_doc},
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
    .name = "comem._engine.DictIterator",
    .basicsize = sizeof(struct dict_iterator),
    .flags = MODULE_NO_INSTANCES | Py_TPFLAGS_HAVE_GC,
    .slots = iterator_slots,
};

/* ---- views ------------------------------------------------------------------------------------------------------- */

static struct dict_view *view_of(PyObject *self)
{
    return (struct dict_view *)(void *)self;
}

PyObject *pydict_view(PyObject *self, enum dict_part part)
{
    PyTypeObject *type = module_state_of(Py_TYPE(self))->dict_view_types[part];
    struct dict_view *view = PyObject_GC_New(struct dict_view, type);
    if (view == NULL)
        return NULL;
    Py_INCREF(self);
    view->dict = self;
    view->part = part;
    PyObject_GC_Track(view);
    return (PyObject *)view;
}

static void view_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_DECREF(view_of(self)->dict);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static int view_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(view_of(self)->dict);
    return 0;
}

static PyObject *view_repr(PyObject *self)
{
    const char *name = pyobject_type_name(Py_TYPE(self));
    int entered = Py_ReprEnter(self);
    if (entered != 0)
        return entered < 0 ? NULL : PyUnicode_FromFormat("%s([...])", name);
    PyObject *list = pydict_list(view_of(self)->dict, view_of(self)->part);
    PyObject *text = list == NULL ? NULL : PyUnicode_FromFormat("%s(%R)", name, list);
    Py_XDECREF(list);
    Py_ReprLeave(self);
    return text;
}

static Py_ssize_t view_length(PyObject *self)
{
    return pydict_length(view_of(self)->dict);
}

static PyObject *view_iterate(PyObject *self)
{
    return iterator_new(view_of(self)->dict, view_of(self)->part, false);
}

PyDoc_STRVAR(view_reversed_doc, "__reversed__($self, /)\n--\n\n"
                                "An iterator from what was stored last to what was stored first, of one moment.");

static PyObject *view_reversed(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return iterator_new(view_of(self)->dict, view_of(self)->part, true);
}

PyDoc_STRVAR(view_reduce_doc,
             "__reduce__($self, /)\n--\n\nTypeError: a view cannot be pickled, the dict or a list of it can.");

static PyObject *view_reduce(PyObject *self, PyObject *Py_UNUSED(unused))
{
    const char *name = pyobject_type_name(Py_TYPE(self));
    PyErr_Format(PyExc_TypeError, "cannot pickle '%s' object: pickle the dict, or list() of the view", name);
    return NULL;
}

static int keys_contain(PyObject *self, PyObject *key)
{
    return pydict_contains(view_of(self)->dict, key);
}

static int items_contain(PyObject *self, PyObject *pair)
{
    if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2)
        return 0;
    PyObject *value = pydict_lookup(view_of(self)->dict, PyTuple_GET_ITEM(pair, 0));
    if (value == NULL)
        return PyErr_Occurred() ? -1 : 0;
    int equal = PyObject_RichCompareBool(value, PyTuple_GET_ITEM(pair, 1), Py_EQ);
    Py_DECREF(value);
    return equal;
}

static PyObject *view_mapping(PyObject *self, void *Py_UNUSED(closure))
{
    return PyDictProxy_New(view_of(self)->dict);
}

/* ---- views as sets ----------------------------------------------------------------------------------------------- */

/* Whether `object` is a view of keys or items. */
static bool view_is_set(PyObject *object)
{
    struct module_state *state = module_find(Py_TYPE(object));
    return state != NULL && (Py_TYPE(object) == state->dict_view_types[DICT_KEYS] ||
                             Py_TYPE(object) == state->dict_view_types[DICT_ITEMS]);
}

/* The built-in view of what the dict of a view of keys or items holds now; of anything else, itself. A new reference; NULL
 * with an exception. */
static PyObject *view_operand(PyObject *object)
{
    if (!view_is_set(object)) {
        Py_INCREF(object);
        return object;
    }
    PyObject *dict = view_of(object)->dict, *plain = NULL;
    if (view_of(object)->part == DICT_ITEMS) {
        plain = pydict_snapshot(dict);
    } else {
        PyObject *keys = pydict_list(dict, DICT_KEYS);
        plain = keys == NULL ? NULL : PyObject_CallMethod((PyObject *)&PyDict_Type, "fromkeys", "(O)", keys);
        Py_XDECREF(keys);
    }
    if (plain == NULL)
        return NULL;
    PyObject *view = PyObject_CallMethod(plain, view_of(object)->part == DICT_ITEMS ? "items" : "keys", NULL);
    Py_DECREF(plain);
    return view;
}

static PyObject *view_operate(PyObject *left, PyObject *right, binaryfunc operate)
{
    PyObject *first = view_operand(left), *second = first == NULL ? NULL : view_operand(right);
    PyObject *result = second == NULL ? NULL : operate(first, second);
    Py_XDECREF(second);
    Py_XDECREF(first);
    return result;
}

static PyObject *view_and(PyObject *left, PyObject *right)
{
    return view_operate(left, right, PyNumber_And);
}

static PyObject *view_or(PyObject *left, PyObject *right)
{
    return view_operate(left, right, PyNumber_Or);
}

static PyObject *view_xor(PyObject *left, PyObject *right)
{
    return view_operate(left, right, PyNumber_Xor);
}

static PyObject *view_subtract(PyObject *left, PyObject *right)
{
    return view_operate(left, right, PyNumber_Subtract);
}

static PyObject *view_richcompare(PyObject *self, PyObject *other, int operation)
{
    if (!view_is_set(other) && !PyAnySet_Check(other) && !PyDictViewSet_Check(other))
        Py_RETURN_NOTIMPLEMENTED;
    PyObject *first = view_operand(self), *second = first == NULL ? NULL : view_operand(other);
    PyObject *result = second == NULL ? NULL : PyObject_RichCompare(first, second, operation);
    Py_XDECREF(second);
    Py_XDECREF(first);
    return result;
}

PyDoc_STRVAR(isdisjoint_doc, "isdisjoint($self, other, /)\n--\n\n"
                             "Whether nothing in the view, as it stands at one moment, is in other.");

static PyObject *view_isdisjoint(PyObject *self, PyObject *other)
{
    PyObject *first = view_operand(self), *second = first == NULL ? NULL : view_operand(other);
    PyObject *result = second == NULL ? NULL : PyObject_CallMethod(first, "isdisjoint", "(O)", second);
    Py_XDECREF(second);
    Py_XDECREF(first);
    return result;
}

/* ---- the types of views ------------------------------------------------------------------------------------------ */

static PyGetSetDef view_attributes[] = {
    {"mapping", view_mapping, NULL, "The dict, to be read only.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef set_methods[] = {
    {"__reversed__", view_reversed, METH_NOARGS, view_reversed_doc},
    {"__reduce__", view_reduce, METH_NOARGS, view_reduce_doc},
    {"isdisjoint", view_isdisjoint, METH_O, isdisjoint_doc},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef values_methods[] = {
    {"__reversed__", view_reversed, METH_NOARGS, view_reversed_doc},
    {"__reduce__", view_reduce, METH_NOARGS, view_reduce_doc},
    {NULL, NULL, 0, NULL},
};

#define VIEW_SLOTS                                                                                                   \
    {Py_tp_dealloc, (void *)view_dealloc}, {Py_tp_traverse, (void *)view_traverse}, {Py_tp_repr, (void *)view_repr}, \
        {Py_tp_iter, (void *)view_iterate}, {Py_tp_getset, view_attributes},                                         \
    {                                                                                                                \
        Py_sq_length, (void *)view_length                                                                            \
    }

#define SET_SLOTS                                                                                                      \
    {Py_tp_methods, set_methods}, {Py_tp_richcompare, (void *)view_richcompare},                                       \
        {Py_tp_hash, (void *)PyObject_HashNotImplemented}, {Py_nb_and, (void *)view_and}, {Py_nb_or, (void *)view_or}, \
        {Py_nb_xor, (void *)view_xor},                                                                                 \
    {                                                                                                                  \
        Py_nb_subtract, (void *)view_subtract                                                                          \
    }

#define VIEW_DOC(what)                                                                                             \
    {                                                                                                              \
        Py_tp_doc, "The " what                                                                                     \
                   " of a shared dict, as they are when they are looked at; a loop goes over those of one moment." \
    }

static PyType_Slot keys_slots[] = {
    VIEW_SLOTS, SET_SLOTS, {Py_sq_contains, (void *)keys_contain}, VIEW_DOC("keys"), {0, NULL}};
static PyType_Slot values_slots[] = {VIEW_SLOTS, {Py_tp_methods, values_methods}, VIEW_DOC("values"), {0, NULL}};
static PyType_Slot items_slots[] = {
    VIEW_SLOTS, SET_SLOTS, {Py_sq_contains, (void *)items_contain}, VIEW_DOC("items"), {0, NULL}};

static PyType_Spec view_specs[] = {
    [DICT_KEYS] = {"comem._engine.DictKeys", sizeof(struct dict_view), 0, MODULE_NO_INSTANCES | Py_TPFLAGS_HAVE_GC,
                   keys_slots},
    [DICT_VALUES] = {"comem._engine.DictValues", sizeof(struct dict_view), 0, MODULE_NO_INSTANCES | Py_TPFLAGS_HAVE_GC,
                     values_slots},
    [DICT_ITEMS] = {"comem._engine.DictItems", sizeof(struct dict_view), 0, MODULE_NO_INSTANCES | Py_TPFLAGS_HAVE_GC,
                    items_slots},
};

int pydict_view_setup(PyObject *module)
{
    struct module_state *state = module_state(module);
    state->dict_iterator_type = module_make_type(module, &iterator_spec);
    if (state->dict_iterator_type == NULL)
        return -1;
    for (unsigned part = DICT_KEYS; part <= DICT_ITEMS; part++) {
        state->dict_view_types[part] = module_make_type(module, &view_specs[part]);
        if (state->dict_view_types[part] == NULL || PyModule_AddType(module, state->dict_view_types[part]) < 0)
            return -1;
    }
    return 0;
}
