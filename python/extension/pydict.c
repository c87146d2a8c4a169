/* pydict.c - comem.Dict: the types, single keys
 *
 * Every method is one call of the engine, or reads what is there at one moment, works on that and commits if it is still
 * so (pydict_change.c), or takes a snapshot (pydict_many.c, pydict_view.c). What runs foreign code (converting, comparing,
 * representing) runs before or after the call, never in it.
 *
 * Cost     A key that is a small int or a short str of ASCII makes no object and takes no memory; nor does a value that
 *          is a number.
 */
#include "pydict.h"

#include "pyreach.h"

/* ---- handles ----------------------------------------------------------------------------------------------------- */

bool pydict_is_dict(PyObject *object)
{
    struct module_state *state = module_find(Py_TYPE(object));
    return state != NULL && PyObject_TypeCheck(object, state->native_types[KIND_DICT]);
}

comem_dict *pydict_handle(PyObject *self, PyObject *object)
{
    PyTypeObject *type = module_state_of(Py_TYPE(self))->native_types[KIND_DICT];
    return PyObject_TypeCheck(object, type) ? pydict_of(object) : NULL;
}

/* ---- errors ------------------------------------------------------------------------------------------------------ */

PyObject *pydict_raise(PyObject *self, comem_status status, PyObject *key)
{
    if (status != COMEM_NOT_FOUND)
        return module_raise(module_state_of(Py_TYPE(self)), status);
    PyObject *error =
        PyObject_CallFunctionObjArgs(PyExc_KeyError, key, NULL); /* made here: a tuple is one argument, too */
    if (error != NULL) {
        PyErr_SetObject(PyExc_KeyError, error);
        Py_DECREF(error);
    }
    return NULL;
}

/* What self[key] gives for a key that is not there: what a subclass's __missing__() makes of it, or KeyError. */
static __attribute__((noinline)) PyObject *pydict_missing(PyObject *self, PyObject *key)
{
    struct module_state *state = module_state_of(Py_TYPE(self));
    PyTypeObject *type = Py_TYPE(self);
    if (type == state->native_types[KIND_DICT] || type == state->proxy_types[KIND_DICT])
        return pydict_raise(self, COMEM_NOT_FOUND, key);
    PyObject *method = PyObject_GetAttrString((PyObject *)type, "__missing__");
    if (method == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError))
            return NULL;
        PyErr_Clear();
        return pydict_raise(self, COMEM_NOT_FOUND, key);
    }
    PyObject *object = PyObject_CallFunctionObjArgs(method, self, key, NULL);
    Py_DECREF(method);
    return object;
}

/* ---- items ------------------------------------------------------------------------------------------------------- */

Py_ssize_t pydict_length(PyObject *self)
{
    size_t length;
    comem_status status = comem_dict_len(pydict_of(self), &length);
    return LIKELY(status == COMEM_OK) ? (Py_ssize_t)length : pyobject_fail(self, status);
}

/* The object that the engine's answer for `key` is. NULL without an exception for COMEM_NOT_FOUND. */
static inline PyObject *pydict_answer(PyObject *self, PyObject *key, comem_status status, comem_value *value)
{
    if (LIKELY(status == COMEM_OK))
        return pydict_object(self, key, value);
    if (status != COMEM_NOT_FOUND)
        pyobject_fail(self, status);
    return NULL;
}

/* pydict_find() for a key that takes more; apart, so that the way of most keys stays short. */
static __attribute__((noinline)) PyObject *pydict_find_other(PyObject *self, PyObject *key, comem_status *status)
{
    struct pykey made;
    comem_value value;
    *status = COMEM_OK;
    if (pykey_from_other(self, key, false, &made) < 0)
        return NULL;
    *status = dict_get(pydict_of(self), &made.key, &value);
    pykey_clear(&made);
    return pydict_answer(self, key, *status, &value);
}

/* The object under `key`. NULL with COMEM_NOT_FOUND when there is none, with an exception otherwise. */
static inline PyObject *pydict_find(PyObject *self, PyObject *key, comem_status *status)
{
    struct key made;
    comem_value value;
    if (UNLIKELY(!pykey_make_plain(self, key, &made)))
        return pydict_find_other(self, key, status);
    *status = dict_get(pydict_of(self), &made, &value);
    return pydict_answer(self, key, *status, &value);
}

PyObject *pydict_lookup(PyObject *self, PyObject *key)
{
    comem_status status;
    return pydict_find(self, key, &status);
}

PyObject *pydict_subscript(PyObject *self, PyObject *key)
{
    comem_status status;
    PyObject *object = pydict_find(self, key, &status);
    return LIKELY(status != COMEM_NOT_FOUND) ? object : pydict_missing(self, key);
}

static int pydict_delete(PyObject *self, PyObject *key)
{
    struct pykey made;
    if (UNLIKELY(pykey_to_find(self, key, &made) < 0))
        return -1;
    comem_status status = dict_pop(pydict_of(self), &made.key, NULL);
    pykey_clear(&made);
    if (LIKELY(status == COMEM_OK))
        return 0;
    pydict_raise(self, status, key);
    return -1;
}

int pydict_assign_subscript(PyObject *self, PyObject *key, PyObject *object)
{
    struct pykey made;
    comem_value value;
    PyObject *owner;
    if (UNLIKELY(object == NULL))
        return pydict_delete(self, key);
    if (UNLIKELY(pykey_from_python(self, key, &made) < 0))
        return -1;
    int result = pyvalue_from_python(self, object, &value, &owner);
    if (LIKELY(result == 0)) {
        comem_status status = dict_set(pydict_of(self), &made.key, &value);
        Py_XDECREF(owner);
        if (UNLIKELY(status != COMEM_OK))
            result = pyobject_fail(self, status);
    }
    pykey_clear(&made);
    return result;
}

int pydict_contains(PyObject *self, PyObject *key)
{
    struct pykey made;
    bool found;
    if (UNLIKELY(pykey_to_find(self, key, &made) < 0))
        return -1;
    comem_status status = dict_contains(pydict_of(self), &made.key, &found);
    pykey_clear(&made);
    return LIKELY(status == COMEM_OK) ? found : pyobject_fail(self, status);
}

const char pydict_get_doc[] =
    "get($self, key, default=None, /)\n--\n\n"
    "The value under key, or default if there is none.\n\n"
    "TypeError for what cannot be a key, GoneError when the dict was shut down. O(size of key and\n"
    "value), about 30 ns for a short str and a number.";

PyObject *pydict_get(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    if (UNLIKELY(pyobject_check_count("get", count, 1, 2) < 0))
        return NULL;
    comem_status status;
    PyObject *object = pydict_find(self, arguments[0], &status);
    if (LIKELY(status != COMEM_NOT_FOUND))
        return object;
    object = count == 2 ? arguments[1] : Py_None;
    Py_INCREF(object);
    return object;
}

const char pydict_setdefault_doc[] =
    "setdefault($self, key, default=None, /)\n--\n\n"
    "The value under key, which becomes default if there is none.\n\n"
    "Indivisible: of several threads and processes one stores, and all get what it stored. TypeError for\n"
    "what cannot be a key or cannot be stored, MemoryError when the store is full, GoneError when the\n"
    "dict was shut down; none of them changes the dict. O(size of key and value), about 30 ns for a\n"
    "short str that is there, 100 ns for one that is not.";

PyObject *pydict_setdefault(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    if (UNLIKELY(pyobject_check_count("setdefault", count, 1, 2) < 0))
        return NULL;
    comem_status status;
    PyObject *object = pydict_find(self, arguments[0], &status);
    if (status != COMEM_NOT_FOUND)
        return object; /* found: the default needs no conversion, which may cost a lot or fail */
    struct pykey key;
    comem_value value, stored;
    PyObject *owner;
    if (pykey_from_python(self, arguments[0], &key) < 0)
        return NULL;
    if (pyvalue_from_python(self, count == 2 ? arguments[1] : Py_None, &value, &owner) == 0) {
        status = dict_setdefault(pydict_of(self), &key.key, &value, &stored);
        Py_XDECREF(owner);
        object =
            status == COMEM_OK ? pydict_object(self, arguments[0], &stored) : pydict_raise(self, status, arguments[0]);
    }
    pykey_clear(&key);
    return object;
}

const char pydict_clear_doc[] =
    "clear($self, /)\n--\n\n"
    "Remove all keys.\n\n"
    "Indivisible: other threads and processes see all of them or none. GoneError when the dict was\n"
    "shut down. O(1); what they took is freed step by step.";

PyObject *pydict_clear(PyObject *self, PyObject *Py_UNUSED(unused))
{
    comem_status status = comem_dict_clear(pydict_of(self));
    if (UNLIKELY(status != COMEM_OK))
        return pydict_raise(self, status, NULL);
    Py_RETURN_NONE;
}

/* ---- the native type --------------------------------------------------------------------------------------------- */

static int pydict_init(PyObject *self, PyObject *arguments, PyObject *keywords)
{
    if ((PyTuple_GET_SIZE(arguments) == 0 && keywords == NULL) || pyreach_is_unbound(pyobject_of(self)))
        return 0;
    return pydict_fill_from(self, "Dict", arguments, keywords);
}

/* {key: value} for each key of an iterable, with dict.fromkeys()'s arguments. */
static PyObject *pydict_plain_from_keys(PyObject *const *arguments, Py_ssize_t count)
{
    if (pyobject_check_count("fromkeys", count, 1, 2) < 0)
        return NULL;
    PyObject *value = count == 2 ? arguments[1] : Py_None;
    return PyObject_CallMethod((PyObject *)&PyDict_Type, "fromkeys", "OO", arguments[0], value);
}

/* target[key] = value for each key of an iterable. 0, or -1 with an exception. */
static int pydict_assign_each(PyObject *target, PyObject *keys, PyObject *value)
{
    PyObject *iterator = PyObject_GetIter(keys), *key;
    if (iterator == NULL)
        return -1;
    int result = 0;
    while (result == 0 && (key = PyIter_Next(iterator)) != NULL) {
        result = PyObject_SetItem(target, key, value);
        Py_DECREF(key);
    }
    Py_DECREF(iterator);
    return PyErr_Occurred() ? -1 : result;
}

/* Puts the keys into what fromkeys()'s class has made: at once, if that is a Dict with no other way to store them. 0, or -1 with
 * an exception. */
static int pydict_fill_keys(PyObject *target, PyObject *const *arguments, Py_ssize_t count)
{
    bool shared = pydict_is_dict(target);
    if (shared && pyreach_is_unbound(pyobject_of(target)))
        return 0;
    if (!shared || Py_TYPE(target)->tp_as_mapping->mp_ass_subscript != pydict_assign_subscript)
        return pydict_assign_each(target, arguments[0], count == 2 ? arguments[1] : Py_None);
    PyObject *plain = pydict_plain_from_keys(arguments, count);
    int result = plain == NULL ? -1 : pydict_fill_any(target, plain);
    Py_XDECREF(plain);
    return result;
}

PyDoc_STRVAR(fromkeys_doc, "fromkeys($type, iterable, value=None, /)\n--\n\n"
                           "A new shared dict with the keys of iterable, each with the same value.\n\n"
                           "Called on a subclass it makes one of these, and stores key by key if that has a\n"
                           "__setitem__() of its own. TypeError for what cannot be a key or cannot be stored,\n"
                           "MemoryError when the store is full. O(number and size of the keys).");

static PyObject *pydict_from_keys(PyObject *class, PyObject *const *arguments, Py_ssize_t count)
{
    if (pyobject_check_count("fromkeys", count, 1, 2) < 0)
        return NULL;
    PyObject *target = PyObject_CallObject(class, NULL);
    if (target != NULL && pydict_fill_keys(target, arguments, count) < 0)
        Py_CLEAR(target);
    return target;
}

PyDoc_STRVAR(copy_doc, "copy($self, /)\n--\n\n"
                       "A new shared dict of the same keys and values, as they stood at one moment.\n\n"
                       "What a shared object in it holds is not copied: both then refer to that object. dict(d) and\n"
                       "{**d} give a built-in dict, key by key. MemoryError when the store is full, GoneError when\n"
                       "the dict was shut down. O(number and size of keys and values), about 150 ns a pair.");

PyDoc_STRVAR(keys_doc, "keys($self, /)\n--\n\n"
                       "A view of the keys: its len() and in are live, a loop over it meets the keys of one moment.");

static PyObject *pydict_keys_view(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return pydict_view(self, DICT_KEYS);
}

PyDoc_STRVAR(values_doc, "values($self, /)\n--\n\n"
                         "A view of the values: its len() is live, a loop over it meets the values of one moment.");

static PyObject *pydict_values_view(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return pydict_view(self, DICT_VALUES);
}

PyDoc_STRVAR(items_doc, "items($self, /)\n--\n\n"
                        "A view of the pairs (key, value): its len() and in are live, a loop over it meets the pairs\n"
                        "of one moment.");

static PyObject *pydict_items_view(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return pydict_view(self, DICT_ITEMS);
}

PyDoc_STRVAR(dict_doc,
             "Dict(mapping_or_pairs=(), /, **values)\n--\n\n"
             "A dict that every process of the program shares.\n\n"
             "Made before a fork, or handed over in another shared object, or pickled, it is the same dict in\n"
             "every process: what one changes, all see at once. Keys and values are copied in and out, shared\n"
             "objects stored by reference. Order is that of insertion.\n\n"
             "Every method may be called from any thread of any process at any time, and a process killed in one\n"
             "leaves the dict whole. Each is one change that others see all of or nothing; d[k] += 1 is two, and\n"
             "add(), cas() and update_if() are there to change a value that depends on the one before. A loop\n"
             "over the dict or a view meets the keys of the moment at which it began; it raises RuntimeError when\n"
             "this process adds or removes keys meanwhile. dict(d), {**d} and f(**d) look up key by key, and\n"
             "raise KeyError when another process takes a key out meanwhile; d.copy() does not. Two dicts are\n"
             "equal when what they hold is, also to a built-in dict. Like that it has no hash.\n\n"
             "Any use may raise GoneError (shut down, or out of reach), DamagedError (the store's memory fails\n"
             "its checks), OSError (the thread's first use could not join the store) and RuntimeError (called\n"
             "from a C signal handler that interrupted another call). MemoryError: the store is full.");

static PyMethodDef dict_methods[] = {
    PYDICT_METHODS,
    {"keys", pydict_keys_view, METH_NOARGS, keys_doc},
    {"values", pydict_values_view, METH_NOARGS, values_doc},
    {"items", pydict_items_view, METH_NOARGS, items_doc},
    {"copy", pyobject_copy, METH_NOARGS, copy_doc},
    {"fromkeys", PYOBJECT_METHOD(pydict_from_keys), METH_FASTCALL | METH_CLASS, fromkeys_doc},
    PYOBJECT_NATIVE_METHODS,
    PYOBJECT_SHOW_METHODS,
    {NULL, NULL, 0, NULL},
};

static PyType_Slot dict_slots[] = {
    {Py_tp_doc, (void *)dict_doc}, {Py_tp_init, (void *)pydict_init},
    {Py_tp_methods, dict_methods}, PYDICT_SLOTS,
    PYOBJECT_NATIVE_SLOTS,         {0, NULL},
};

#ifdef Py_TPFLAGS_MAPPING
#define DICT_FLAGS (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_MAPPING)
#else
#define DICT_FLAGS (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC)
#endif

static PyType_Spec dict_spec = {
    .name = "comem.Dict",
    .basicsize = sizeof(struct handle_object),
    .flags = DICT_FLAGS,
    .slots = dict_slots,
};

/* ---- its face in a manager --------------------------------------------------------------------------------------- */

PyDoc_STRVAR(proxy_keys_doc, "keys($self, /)\n--\n\nThe keys at one moment, as a built-in list.");

static PyObject *proxy_keys(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return pydict_list(self, DICT_KEYS);
}

PyDoc_STRVAR(proxy_values_doc, "values($self, /)\n--\n\nThe values at one moment, as a built-in list.");

static PyObject *proxy_values(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return pydict_list(self, DICT_VALUES);
}

PyDoc_STRVAR(proxy_items_doc, "items($self, /)\n--\n\nThe pairs (key, value) at one moment, as a built-in list.");

static PyObject *proxy_items(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return pydict_list(self, DICT_ITEMS);
}

PyDoc_STRVAR(proxy_fromkeys_doc, "fromkeys($type, iterable, value=None, /)\n--\n\n"
                                 "A built-in dict with the keys of iterable, each with the same value.");

static PyObject *proxy_fromkeys(PyObject *Py_UNUSED(class), PyObject *const *arguments, Py_ssize_t count)
{
    return pydict_plain_from_keys(arguments, count);
}

PyDoc_STRVAR(proxy_doc,
             "A dict made by a manager: a comem.Dict with the face of multiprocessing's DictProxy.\n\n"
             "Operations, errors and cost are comem.Dict's; but keys(), values() and items() give lists. It is\n"
             "equal to dicts that hold the same and hashed by identity, equal for all handles of one dict. str()\n"
             "gives what it holds, repr() the standard proxy's text, and neither raises when the manager was shut\n"
             "down. copy.copy() gives another handle, copy() and copy.deepcopy() a built-in dict.");

static PyMethodDef proxy_methods[] = {
    PYDICT_METHODS,
    {"keys", proxy_keys, METH_NOARGS, proxy_keys_doc},
    {"values", proxy_values, METH_NOARGS, proxy_values_doc},
    {"items", proxy_items, METH_NOARGS, proxy_items_doc},
    {"fromkeys", PYOBJECT_METHOD(proxy_fromkeys), METH_FASTCALL | METH_CLASS, proxy_fromkeys_doc},
    PYPROXY_METHODS,
    PYOBJECT_SHOW_METHODS,
    {NULL, NULL, 0, NULL},
};

static PyType_Slot proxy_slots[] = {
    {Py_tp_doc, (void *)proxy_doc},
    {Py_tp_methods, proxy_methods},
    PYDICT_SLOTS,
    {Py_tp_init, (void *)pyproxy_refuse_init},
    PYPROXY_SLOTS,
    {0, NULL},
};

static PyType_Spec proxy_spec = {
    .name = "comem.managers.DictProxy",
    .basicsize = sizeof(struct proxy_object),
    .flags = DICT_FLAGS,
    .slots = proxy_slots,
};

/* ---- the kind ---------------------------------------------------------------------------------------------------- */

static comem_status pydict_make(comem_store *store, uint64_t scope, uint32_t flags, comem_object **object)
{
    comem_dict *dict;
    comem_status status = dict_new_in(store, scope, flags, &dict);
    *object = status == COMEM_OK ? &dict->object : NULL;
    return status;
}

struct kind pydict_kind = {
    .type = OBJECT_DICT,
    .typeid = "dict",
    .nested = "{...}",
    .flags = OBJECT_DEEP,
    .native = &dict_spec,
    .proxy = &proxy_spec,
    .make = pydict_make,
    .plain = pydict_snapshot,
    .shown = pydict_shown,
    .fill = pydict_fill,
};
