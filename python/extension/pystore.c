/* pystore.c - stores by name and their roots
 *
 * One type, comem._engine.Roots: the roots of a store that was opened once. comem.Store is made of it. To drop the object does not
 * close the store, because the lists and dicts that came from it may be in use.
 *
 * Threads      While an operation sleeps or is long, other threads run, and one may close the store: it is closed in truth by the
 *              last operation that leaves.
 */
#include "pystore.h"

#include <errno.h>
#include <stdlib.h>

#include "objects/handle.h"
#include "objects/root.h"
#include "pyobject.h"
#include "pyreach.h"
#include "pyvalue.h"
#include "pyvar.h"

struct roots_object {
    PyObject_HEAD
    comem_store *store; /* NULL: closed, and nobody inside */
    PyObject *name;     /* bytes */
    bool closed;
    unsigned busy; /* operations that threads are in */
};

static struct roots_object *roots_of(PyObject *self)
{
    return (struct roots_object *)(void *)self;
}

/* ---- errors ------------------------------------------------------------------------------------------------------ */

/* Sets what opening or removing a store came to: a number for programs, the engine's sentence, with the path, for people. */
static PyObject *store_fail(PyObject *module, comem_status status)
{
    int number = status == COMEM_NOT_FOUND     ? ENOENT
                 : status == COMEM_DENIED      ? EACCES
                 : status == COMEM_UNSUPPORTED ? ENOTSUP
                                               : 0;
    if (number == 0)
        return module_raise(module_state(module), status);
    PyObject *detail = module_detail(status);
    if (detail == NULL)
        return NULL;
    PyObject *error = PyObject_CallFunction(PyExc_OSError, "iN", number, detail); /* of the subclass for the number */
    if (error != NULL)
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    Py_XDECREF(error);
    return NULL;
}

/* Sets what an operation on the root `name` came to. */
static PyObject *roots_fail(PyObject *self, comem_status status, PyObject *name)
{
    if (status != COMEM_NOT_FOUND)
        return module_raise(module_state_of(Py_TYPE(self)), status);
    PyErr_SetObject(PyExc_KeyError, name);
    return NULL;
}

/* ---- operations -------------------------------------------------------------------------------------------------- */

static void raise_closed(PyObject *self)
{
    PyObject *bytes = roots_of(self)->name;
    PyObject *name = PyUnicode_DecodeFSDefaultAndSize(PyBytes_AS_STRING(bytes), PyBytes_GET_SIZE(bytes));
    if (name != NULL)
        PyErr_Format(module_state_of(Py_TYPE(self))->gone_error,
                     "the store %R was closed in this process; comem.open() opens it again", name);
    Py_XDECREF(name);
}

/* The store, for an operation that ends with roots_leave(). NULL with an exception. */
static comem_store *roots_enter(PyObject *self)
{
    struct roots_object *roots = roots_of(self);
    if (roots->closed) {
        raise_closed(self);
        return NULL;
    }
    roots->busy++;
    return roots->store;
}

static void roots_leave(PyObject *self)
{
    struct roots_object *roots = roots_of(self);
    roots->busy--;
    if (roots->closed && roots->busy == 0) {
        comem_store *store = roots->store;
        roots->store = NULL;
        Py_BEGIN_ALLOW_THREADS /* it may sleep with the table of stores locked, which others wait for with the lock */
        comem_close(store);
        Py_END_ALLOW_THREADS
    }
}

/* A root's name as a value that borrows from `name` and *owner. 0, or -1 with TypeError. */
static int root_name(PyObject *name, comem_value *value, PyObject **owner)
{
    if (LIKELY(PyUnicode_Check(name)))
        return pyvar_name(name, value, owner);
    PyErr_Format(PyExc_TypeError, "a root's name is a str, not '%.200s'", Py_TYPE(name)->tp_name);
    return -1;
}

/* The object for the reference that an operation on the root `name` gave, or the exception for its status. */
static PyObject *roots_answer(PyObject *self, comem_status status, PyObject *name, comem_value *found)
{
    if (status != COMEM_OK)
        return roots_fail(self, status, name);
    PyObject *object = pyobject_from_value(self, found);
    comem_value_clear(found);
    return object;
}

PyDoc_STRVAR(get_doc, "get($self, name, /)\n--\n\nThe shared object of that name. KeyError: there is none.");

static PyObject *roots_get(PyObject *self, PyObject *name)
{
    comem_value text, found = comem_none();
    PyObject *owner;
    if (root_name(name, &text, &owner) < 0)
        return NULL;
    PyObject *object = NULL;
    comem_store *store = roots_enter(self);
    if (store != NULL) {
        object = roots_answer(self, root_get(store, &text, &found), name, &found);
        roots_leave(self);
    }
    Py_XDECREF(owner);
    return object;
}

/* The root `name`, which was of another kind than `wanted`. NULL with TypeError, or when it is gone by now. */
static PyObject *roots_get_as(PyObject *self, PyObject *name, enum kind_index wanted)
{
    const struct global root = {"root", name, NULL, NULL};
    return pyvar_of_kind(module_state_of(Py_TYPE(self)), &root, wanted, roots_get(self, name));
}

PyDoc_STRVAR(open_doc, "open($self, typeid, name, /)\n--\n\n"
                       "The shared object of that kind and name; if there is no root of that name, a new empty one.\n"
                       "TypeError: the root is of another kind.");

static PyObject *roots_open_object(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    comem_value text, found = comem_none();
    PyObject *owner;
    enum kind_index index;
    if (pyobject_check_count("open", count, 2, 2) < 0 || pyobject_kind_named(arguments[0], &index) < 0 ||
        root_name(arguments[1], &text, &owner) < 0)
        return NULL;
    PyObject *object = NULL;
    comem_store *store = roots_enter(self);
    if (store != NULL) {
        comem_object *opened;
        comem_status status = root_open(store, &text, (enum object_type)pyobject_kind_at(index)->type, &found, &opened);
        if (status == COMEM_OK) {
            found = pyobject_ref(opened);
            found.owned = 1;
        }
        object = status == COMEM_TYPE ? roots_get_as(self, arguments[1], index)
                                      : roots_answer(self, status, arguments[1], &found);
        roots_leave(self);
    }
    Py_XDECREF(owner);
    return object;
}

PyDoc_STRVAR(var_doc, "var($self, name, initial, factory, /)\n--\n\n"
                      "What comem.var() does, with these roots; initial may be MISSING and factory None.");

static PyObject *roots_var(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    struct module_state *state = module_state_of(Py_TYPE(self));
    if (pyobject_check_count("var", count, 3, 3) < 0)
        return NULL;
    const struct global global = {"root", arguments[0], arguments[1], arguments[2]};
    if (pyvar_check(state, &global) < 0)
        return NULL;
    comem_store *store = roots_enter(self);
    if (store == NULL)
        return NULL;
    PyObject *object = pyvar_bind(state, store, &global);
    roots_leave(self);
    return object;
}

PyDoc_STRVAR(remove_doc, "remove($self, name, /)\n--\n\n"
                         "Take the name away; the object goes when nothing else names it. KeyError: there is none.");

static PyObject *roots_remove(PyObject *self, PyObject *name)
{
    comem_value text;
    PyObject *owner;
    if (root_name(name, &text, &owner) < 0)
        return NULL;
    comem_status status = COMEM_OK;
    comem_store *store = roots_enter(self);
    if (store != NULL) {
        status = root_remove(store, &text);
        roots_leave(self);
    }
    Py_XDECREF(owner);
    if (store == NULL)
        return NULL;
    if (status != COMEM_OK)
        return roots_fail(self, status, name);
    Py_RETURN_NONE;
}

/* All names, each to be cleared, in memory to be freed. Others may add names while room is made. */
static comem_status names_read(comem_store *store, comem_value **names, size_t *count)
{
    size_t room = 16;
    *names = NULL;
    for (;;) {
        comem_value *larger = realloc(*names, room * sizeof *larger);
        if (larger == NULL)
            return store_error(COMEM_NO_MEMORY, "malloc of %zu names failed", room);
        *names = larger;
        comem_status status = comem_roots(store, larger, room, count);
        if (status != COMEM_OK || *count <= room)
            return status;
        room = *count + *count / 4;
    }
}

/* A list of str; what is none in the store is damage. */
static PyObject *names_list(PyObject *self, const comem_value *names, size_t count)
{
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; list != NULL && i < count; i++) {
        comem_value name = names[i];
        PyObject *text = NULL;
        if (name.kind == COMEM_STR)
            text = pyvalue_to_other(self, &name);
        else
            PyErr_SetString(module_state_of(Py_TYPE(self))->damaged_error, "a root's name in the store is no str");
        if (text == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, text);
    }
    return list;
}

PyDoc_STRVAR(names_doc,
             "names($self, /)\n--\n\nThe names of all roots at one moment, in the order in which they were given.");

static PyObject *roots_names(PyObject *self, PyObject *Py_UNUSED(unused))
{
    comem_value *names;
    size_t count = 0;
    comem_store *store = roots_enter(self);
    if (store == NULL)
        return NULL;
    comem_status status = names_read(store, &names, &count);
    roots_leave(self);
    PyObject *list =
        status == COMEM_OK ? names_list(self, names, count) : module_raise(module_state_of(Py_TYPE(self)), status);
    for (size_t i = 0; status == COMEM_OK && i < count; i++)
        comem_value_clear(&names[i]);
    free(names);
    return list;
}

PyDoc_STRVAR(id_doc, "id($self, /)\n--\n\nThe store's random number, 16 bytes.");

static PyObject *roots_id(PyObject *self, PyObject *Py_UNUSED(unused))
{
    comem_store *store = roots_enter(self);
    if (store == NULL)
        return NULL;
    const struct store_map *map = handle_store_map(store);
    PyObject *id = PyBytes_FromStringAndSize((const char *)map->id, (Py_ssize_t)sizeof map->id);
    roots_leave(self);
    return id;
}

PyDoc_STRVAR(close_doc, "close($self, /)\n--\n\nClose the store, once.");

static PyObject *roots_close(PyObject *self, PyObject *Py_UNUSED(unused))
{
    struct roots_object *roots = roots_of(self);
    if (!roots->closed) {
        roots->busy++;
        roots->closed = true;
        roots_leave(self);
    }
    Py_RETURN_NONE;
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

/* A store that was dropped open stays open: one handle for each, however often that happens. */
static void roots_keep_open(struct module_state *state, comem_store *store)
{
    PyObject *mark = PyLong_FromVoidPtr(handle_store_map(store));
    int kept = mark == NULL ? -1 : PySet_Contains(state->kept_stores, mark);
    if (kept > 0)
        comem_close(store);
    else if (kept < 0 || PySet_Add(state->kept_stores, mark) < 0)
        PyErr_Clear(); /* it stays open all the same */
    Py_XDECREF(mark);
}

static void roots_dealloc(PyObject *self)
{
    struct roots_object *roots = roots_of(self);
    PyTypeObject *type = Py_TYPE(self);
    PyObject *error, *value, *traceback;
    PyErr_Fetch(&error, &value, &traceback);
    if (roots->store != NULL)
        roots_keep_open(module_state_of(type), roots->store);
    PyErr_Restore(error, value, traceback);
    Py_XDECREF(roots->name);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef roots_methods[] = {
    {"get", roots_get, METH_O, get_doc},
    {"open", PYOBJECT_METHOD(roots_open_object), METH_FASTCALL, open_doc},
    {"var", PYOBJECT_METHOD(roots_var), METH_FASTCALL, var_doc},
    {"remove", roots_remove, METH_O, remove_doc},
    {"names", roots_names, METH_NOARGS, names_doc},
    {"id", roots_id, METH_NOARGS, id_doc},
    {"close", roots_close, METH_NOARGS, close_doc},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef roots_members[] = {
    {"closed", T_BOOL, offsetof(struct roots_object, closed), READONLY, "Whether close() was called."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot roots_slots[] = {
    {Py_tp_dealloc, (void *)roots_dealloc},
    {Py_tp_methods, roots_methods},
    {Py_tp_members, roots_members},
    {0, NULL},
};

static PyType_Spec roots_spec = {
    .name = "comem._engine.Roots",
    .basicsize = sizeof(struct roots_object),
    .flags = MODULE_NO_INSTANCES,
    .slots = roots_slots,
};

int pystore_setup(PyObject *module)
{
    struct module_state *state = module_state(module);
    state->roots_type = module_make_type(module, &roots_spec);
    state->kept_stores = PySet_New(NULL);
    return state->roots_type == NULL || state->kept_stores == NULL ? -1 : PyModule_AddType(module, state->roots_type);
}

/* ---- functions of the module ------------------------------------------------------------------------------------- */

PyDoc_STRVAR(open_roots_doc, "_open_roots(name, create, size_limit, pickle, /)\n--\n\n"
                             "The roots of the store by that name, bytes, which is opened.");

static PyObject *store_open_roots(PyObject *module, PyObject *arguments)
{
    PyObject *name;
    int create, pickle;
    unsigned long long size_limit;
    if (!PyArg_ParseTuple(arguments, "SpKp", &name, &create, &size_limit, &pickle))
        return NULL;
    PyTypeObject *type = module_state(module)->roots_type;
    struct roots_object *roots = (struct roots_object *)(void *)type->tp_alloc(type, 0);
    if (roots == NULL)
        return NULL;
    Py_INCREF(name);
    roots->name = name;
    comem_options options = {size_limit, (create ? 0 : COMEM_EXISTING) | (pickle ? 0 : COMEM_REFUSE_PICKLE)};
    comem_status status;
    Py_BEGIN_ALLOW_THREADS /* it may wait for whoever repairs it, or for a disk */
    status = comem_open(PyBytes_AS_STRING(name), &options, &roots->store);
    Py_END_ALLOW_THREADS
    if (status != COMEM_OK) {
        Py_DECREF(roots);
        return store_fail(module, status);
    }
    return (PyObject *)(void *)roots;
}

PyDoc_STRVAR(unlink_doc, "_unlink(name, /)\n--\n\nRemove the store by that name, bytes.");

static PyObject *store_unlink(PyObject *module, PyObject *name)
{
    if (!PyBytes_Check(name)) {
        PyErr_SetString(PyExc_TypeError, "_unlink() takes bytes");
        return NULL;
    }
    comem_status status;
    Py_BEGIN_ALLOW_THREADS
    status = comem_unlink(PyBytes_AS_STRING(name));
    Py_END_ALLOW_THREADS
    if (status != COMEM_OK)
        return store_fail(module, status);
    Py_RETURN_NONE;
}

PyMethodDef pystore_functions[] = {
    {"_open_roots", store_open_roots, METH_VARARGS, open_roots_doc},
    {"_unlink", store_unlink, METH_O, unlink_doc},
    {NULL, NULL, 0, NULL},
};
