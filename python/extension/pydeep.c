/* pydeep.c - plain lists and dicts that become shared ones
 *
 * An exact list or dict that is an item or a value of an object made to share all the way down is copied into a new
 * shared object of the same scope and flags, and so on down; not those inside tuples or other objects, which are
 * values. What is met twice in one call becomes one shared object, so an object may contain itself. Nothing names the
 * new objects before the whole is stored: if that fails, or the process dies, they go.
 */
#include "pydeep.h"

#include "objects/handle.h"
#include "pyobject.h"

#define DEPTH_MAX 1000 /* 3 MB of the stack; the interpreter's own count for functions of C allows for less a level */

static _Thread_local int depth; /* objects being shared, one within the other */

bool pydeep_wanted(PyObject *container, PyObject *object)
{
    return (PyList_CheckExact(object) || PyDict_CheckExact(object) || Py_IS_TYPE(object, &PySet_Type)) &&
           pyobject_is_deep(container);
}

/* The kind that an object becomes, KINDS when there is none yet. */
static enum kind_index deep_kind(PyObject *object)
{
    const char *typeid = PyList_CheckExact(object) ? "list" : PyDict_CheckExact(object) ? "dict" : "set";
    unsigned i = 0;
    while (i < KINDS && strcmp(pyobject_kind_at((enum kind_index)i)->typeid, typeid) != 0)
        i++;
    return (enum kind_index)i;
}

static PyObject *deep_refuse(PyObject *object)
{
    const char *instead = "; store a frozenset, or a dict with the members as keys, each with True";
    PyErr_Format(
        PyExc_TypeError,
        "cannot store a plain '%.200s' in an object that shares all the way down: it would be a private copy%s",
        Py_TYPE(object)->tp_name, Py_IS_TYPE(object, &PySet_Type) ? instead : "");
    return NULL;
}

/* A new empty shared object like `container`. */
static PyObject *deep_make(PyObject *container, enum kind_index index)
{
    struct module_state *state = module_state_of(Py_TYPE(container));
    comem_object *like = pyobject_of(container), *object;
    if (handle_is_absent(like))
        return module_raise(state, handle_absence(like));
    comem_store store = {.map = like->map}; /* which need not be the one that constructors use */
    uint64_t scope = word_load(&like->shared->scope);
    comem_status status = pyobject_kind_at(index)->make(&store, scope, object_flags(like), &object);
    if (status != COMEM_OK)
        return module_raise(state, status);
    comem_value value = pyobject_ref(object);
    PyObject *shared = pyobject_from_value(container, &value);
    if (shared == NULL)
        object_release(object);
    return shared;
}

/* Puts {address: (shared, object)} into the memo; the object is held so that its address stays its own. */
static int deep_remember(pydeep_memo *memo, PyObject *key, PyObject *shared, PyObject *object)
{
    if (*memo == NULL && (*memo = PyDict_New()) == NULL)
        return -1;
    PyObject *both = PyTuple_Pack(2, shared, object);
    int result = both == NULL ? -1 : PyDict_SetItem(*memo, key, both);
    Py_XDECREF(both);
    return result;
}

static PyObject *deep_share_new(PyObject *container, PyObject *object, PyObject *key, pydeep_memo *memo)
{
    enum kind_index index = deep_kind(object);
    if (index == KINDS)
        return deep_refuse(object);
    if (depth >= (Py_GetRecursionLimit() < DEPTH_MAX ? Py_GetRecursionLimit() : DEPTH_MAX)) {
        PyErr_SetString(PyExc_RecursionError, "maximum recursion depth exceeded while sharing a nested object");
        return NULL;
    }
    PyObject *shared = deep_make(container, index);
    if (shared == NULL)
        return NULL;
    depth++;
    if (deep_remember(memo, key, shared, object) < 0 || pyobject_kind_at(index)->fill(shared, object, memo) < 0)
        Py_CLEAR(shared);
    depth--;
    return shared;
}

PyObject *pydeep_share_first(struct module_state *state, comem_store *store, uint32_t flags, enum kind_index index,
                             PyObject *object)
{
    comem_object *made;
    pydeep_memo memo = NULL;
    comem_status status = pyobject_kind_at(index)->make(store, 0, flags, &made);
    if (status != COMEM_OK)
        return module_raise(state, status);
    PyObject *shared = pyobject_wrap(state->native_types[index], made);
    PyObject *key = shared == NULL ? NULL : PyLong_FromVoidPtr((void *)object);
    if (key == NULL || deep_remember(&memo, key, shared, object) < 0 ||
        pyobject_kind_at(index)->fill(shared, object, &memo) < 0)
        Py_CLEAR(shared);
    Py_XDECREF(key);
    Py_XDECREF(memo);
    return shared;
}

PyObject *pydeep_share(PyObject *container, PyObject *object, pydeep_memo *memo)
{
    PyObject *key = PyLong_FromVoidPtr((void *)object);
    if (key == NULL)
        return NULL;
    PyObject *both = *memo == NULL ? NULL : PyDict_GetItemWithError(*memo, key);
    PyObject *shared = NULL;
    if (both != NULL) {
        shared = PyTuple_GET_ITEM(both, 0);
        Py_INCREF(shared);
    } else if (!PyErr_Occurred()) {
        shared = deep_share_new(container, object, key, memo);
    }
    Py_DECREF(key);
    return shared;
}
