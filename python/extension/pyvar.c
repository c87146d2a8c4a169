/* pyvar.c - globals: shared objects by name
 *
 * The name alone is the key: whoever comes first makes the object and gives it the name in one change of the engine's, and who
 * loses the race drops what it made and has the winner's. The name keeps the object until forget().
 *
 * Where there is no store yet and none may be made, in a forkserver or while the parent's main module is imported by a process
 * without a ticket, var() gives an object that finds or makes its global when it is used (pyunbound.c).
 *
 * Cost     of a name that is there: one look-up in the store's dict of names and one new handle.
 */
#include "pyvar.h"

#include "objects/handle.h"
#include "objects/root.h"
#include "pyobject.h"
#include "pyreach.h"
#include "pyunbound.h"
#include "pyvalue.h"

#define WAITS                                                                                                       \
    "the global %R cannot be used here: this process is %s. What it does with it belongs into a function that the " \
    "worker processes call, or under `if __name__ == \"__main__\":`; each of them has the global, by the same "     \
    "comem.var()"
#define FORKSERVER "multiprocessing's forkserver, which only starts processes, and has no part in what they share"
#define IMPORTING "importing its parent's main module, and the parent had not imported comem when it started it"

/* ---- names ------------------------------------------------------------------------------------------------------- */

int pyvar_name(PyObject *name, comem_value *value, PyObject **owner)
{
    if (LIKELY(PyUnicode_CheckExact(name)))
        return pyvalue_from_scalar(name, value, owner) < 0 ? -1 : 0;
    PyObject *exact = PyUnicode_FromObject(name); /* of a subclass */
    if (exact == NULL)
        return -1;
    int result = pyvalue_from_scalar(exact, value, owner);
    if (result > 0 && *owner == NULL)
        *owner = exact;
    else
        Py_DECREF(exact);
    return result < 0 ? -1 : 0;
}

static int var_check_name(const char *what, PyObject *name)
{
    if (UNLIKELY(!PyUnicode_Check(name))) {
        PyErr_Format(PyExc_TypeError, "a %s's name is a str, not '%.200s'", what, Py_TYPE(name)->tp_name);
        return -1;
    }
    if (UNLIKELY(PyUnicode_GET_LENGTH(name) == 0)) {
        PyErr_Format(PyExc_ValueError, "a %s's name has at least one character", what);
        return -1;
    }
    return 0;
}

/* ---- kinds ------------------------------------------------------------------------------------------------------- */

/* Whether it is a container that changes: what would be a private copy as a value. 1, 0, or -1 with an exception. */
static int var_is_container(PyObject *object)
{
    static const char *const names[] = {"MutableSequence", "MutableMapping", "MutableSet"};
    if (PyUnicode_Check(object) || PyLong_Check(object) || PyFloat_Check(object) || PyTuple_Check(object) ||
        PyBytes_Check(object) || object == Py_None)
        return 0;
    PyObject *module = PyImport_ImportModule("collections.abc");
    int result = module == NULL ? -1 : 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && result == 0; i++) {
        PyObject *class = PyObject_GetAttrString(module, names[i]);
        result = class == NULL ? -1 : PyObject_IsInstance(object, class);
        Py_XDECREF(class);
    }
    Py_XDECREF(module);
    return result;
}

/* The kind of shared object that is made of `initial`, or that it is. 0, or -1 with TypeError. */
static int var_kind(struct module_state *state, const char *what, PyObject *initial, enum kind_index *index)
{
    unsigned shared = pyobject_kind_number(state, Py_TYPE(initial));
    const char *typeid = "Value";
    if (shared < KINDS) {
        *index = (enum kind_index)shared;
        return 0;
    }
    if (PyType_Check(initial) || PyFunction_Check(initial)) {
        PyErr_Format(
            PyExc_TypeError,
            "%R cannot become a %s: factory= takes what makes the initial value, and comem.Value(None, it) holds "
            "a class or function",
            initial, what);
        return -1;
    }
    if (PyList_CheckExact(initial))
        typeid = "list";
    else if (PyDict_CheckExact(initial))
        typeid = "dict";
    else {
        int container = var_is_container(initial);
        if (container > 0)
            PyErr_Format(
                PyExc_TypeError,
                "a '%.200s' cannot become a %s: comem has no shared kind of this container yet. A list or a "
                "dict becomes a shared one; comem.Value(None, it) is one value, of which everybody gets copies",
                Py_TYPE(initial)->tp_name, what);
        if (container != 0)
            return -1;
    }
    return pyobject_kind_called(typeid, index);
}

PyObject *pyvar_of_kind(struct module_state *state, const struct global *global, enum kind_index wanted,
                        PyObject *object)
{
    if (object == NULL || PyObject_TypeCheck(object, state->native_types[wanted]))
        return object;
    PyErr_Format(PyExc_TypeError, "the %s %R is a %s, and was asked for as a %s", global->what, global->name,
                 pyobject_kind(Py_TYPE(object))->typeid, pyobject_kind_at(wanted)->typeid);
    Py_DECREF(object);
    return NULL;
}

/* The same with the kind of `initial`, or any. */
static PyObject *var_checked(struct module_state *state, const struct global *global, PyObject *initial,
                             PyObject *object)
{
    enum kind_index wanted;
    if (object == NULL || initial == state->missing)
        return object;
    if (var_kind(state, global->what, initial, &wanted) < 0) {
        Py_DECREF(object);
        return NULL;
    }
    return pyvar_of_kind(state, global, wanted, object);
}

int pyvar_check(struct module_state *state, const struct global *global)
{
    enum kind_index index;
    if (var_check_name(global->what, global->name) < 0)
        return -1;
    bool given = global->initial != state->missing;
    if (global->factory != Py_None && (given || !PyCallable_Check(global->factory))) {
        PyErr_SetString(PyExc_TypeError, given ? "var() takes an initial value or a factory, not both"
                                               : "var() takes a factory that can be called");
        return -1;
    }
    return given && !pyunbound_is(global->initial) ? var_kind(state, global->what, global->initial, &index) : 0;
}

/* ---- finding and making ------------------------------------------------------------------------------------------ */

/* A new object that shows the reference `found`, which it takes over. */
static PyObject *var_show(struct module_state *state, comem_value *found)
{
    PyObject *object = pyobject_show(state, found);
    if (object == NULL)
        comem_value_clear(found);
    return object;
}

/* The shared object that `initial` is or becomes. NULL with an exception. */
static PyObject *var_share(struct module_state *state, comem_store *store, const char *what, PyObject *initial)
{
    enum kind_index index;
    if (var_kind(state, what, initial, &index) < 0)
        return NULL;
    if (PyObject_TypeCheck(initial, state->native_types[index])) {
        comem_object *shared = pyobject_of(initial);
        if (shared->map != handle_store_map(store) && !handle_is_absent(shared))
            return pyobject_deepcopy_into(store, initial);
        Py_INCREF(initial);
        return initial;
    }
    return pydeep_share_first(state, store, OBJECT_DEEP, index, initial);
}

/* Gives `made` the name, unless another object has it by now. That object. */
static PyObject *var_publish(struct module_state *state, comem_store *store, const comem_value *name, PyObject *made)
{
    comem_value reference = pyobject_ref(pyobject_of(made)), found;
    comem_status status = root_add(store, name, &reference, &found);
    if (status != COMEM_OK)
        return module_raise(state, status);
    if (found.as.object != reference.as.object)
        return var_show(state, &found);
    comem_value_clear(&found);
    Py_INCREF(made);
    return made;
}

/* What was given to make the object of, or what the factory makes. NULL with an exception, KeyError when nothing was. */
static PyObject *var_initial(struct module_state *state, const struct global *global)
{
    PyObject *initial = global->initial;
    if (global->factory != Py_None) {
        initial = pyreach_call_factory(global->factory);
    } else if (initial != state->missing) {
        Py_INCREF(initial);
    } else {
        PyErr_SetObject(PyExc_KeyError, global->name);
        initial = NULL;
    }
    if (initial != NULL && pyunbound_settle(initial) < 0)
        Py_CLEAR(initial);
    return initial;
}

/* The object of a name that nobody has. */
static PyObject *var_make(struct module_state *state, comem_store *store, const struct global *global,
                          const comem_value *name)
{
    PyObject *initial = var_initial(state, global);
    PyObject *made = initial == NULL ? NULL : var_share(state, store, global->what, initial);
    PyObject *object = made == NULL ? NULL : var_publish(state, store, name, made);
    object = var_checked(state, global, initial, object);
    Py_XDECREF(made);
    Py_XDECREF(initial);
    return object;
}

PyObject *pyvar_bind(struct module_state *state, comem_store *store, const struct global *global)
{
    comem_value name, found;
    PyObject *owner, *object = NULL;
    if (pyvar_name(global->name, &name, &owner) < 0)
        return NULL;
    comem_status status = root_get(store, &name, &found);
    if (LIKELY(status == COMEM_OK))
        object = var_show(state, &found);
    else if (status == COMEM_NOT_FOUND)
        object = var_make(state, store, global, &name);
    else
        module_raise(state, status);
    Py_XDECREF(owner);
    if (status != COMEM_OK || pyunbound_is(global->initial))
        return object;
    return var_checked(state, global, global->initial, object);
}

int pyvar_forget(struct module_state *state, comem_store *store, PyObject *name)
{
    comem_value text;
    PyObject *owner;
    if (var_check_name("global", name) < 0 || pyvar_name(name, &text, &owner) < 0)
        return -1;
    comem_status status = root_remove(store, &text);
    Py_XDECREF(owner);
    if (status == COMEM_OK)
        return 0;
    if (status == COMEM_NOT_FOUND)
        PyErr_SetObject(PyExc_KeyError, name);
    else
        module_raise(state, status);
    return -1;
}

/* ---- where ------------------------------------------------------------------------------------------------------- */

int pyvar_store(struct module_state *state, comem_store **store)
{
    *store = state->store;
    if (LIKELY(*store != NULL))
        return 1;
    if (handle_default_map() == NULL) {
        int waits = pyreach_waits();
        if (waits != 0)
            return waits < 0 ? -1 : 0;
    }
    *store = module_store(state);
    return *store == NULL ? -1 : 1;
}

void pyvar_close_store(struct module_state *state)
{
    comem_dict_release(state->names);
    state->names = NULL;
    comem_close(state->store);
    state->store = NULL;
}

/* The global of the program. */
static PyObject *var_bind(struct module_state *state, comem_store *store, const struct global *global)
{
    PyObject *object = pyvar_bind(state, store, global);
    comem_dict *names = NULL;
    if (UNLIKELY(state->names == NULL) && object != NULL)
        (void)roots_open(store, &names); /* otherwise the next call is slower */
    if (UNLIKELY(names != NULL) && state->names == NULL)
        state->names = names;
    else
        comem_dict_release(names); /* another thread was faster */
    return object;
}

PyObject *pyvar_refuse(PyObject *name)
{
    int forkserver = pyreach_is_forkserver();
    if (forkserver >= 0)
        PyErr_Format(PyExc_RuntimeError, WAITS, name, forkserver > 0 ? FORKSERVER : IMPORTING);
    return NULL;
}

/* ---- functions of the module ------------------------------------------------------------------------------------- */

PyDoc_STRVAR(
    var_doc,
    "var(name, initial=..., *, factory=None)\n--\n\n"
    "The shared object that has the name in this program: a global of all its processes.\n\n"
    "The first process that asks for a name makes the object and names it, in one step, and all others get\n"
    "that object, whatever they give: parent and children under fork, spawn and forkserver. A list becomes a\n"
    "comem.List and a dict a comem.Dict, shared all the way down; a shared object is named itself, but one of\n"
    "another store becomes a deep copy; whatever else can be pickled, a number, str, None or tuple say, becomes\n"
    "a comem.Value that holds it. Instead of initial, factory may be given, which is called without arguments\n"
    "when nothing has the name and returns an initial value; when two processes come at once it may run in\n"
    "both, and one result counts. With neither, the name must be there: KeyError. The object stays until\n"
    "forget(name) and the end of its last handle.\n\n"
    "TypeError: another kind of container has the name (a Value is one kind, whatever it holds), initial is a\n"
    "container of which there is no shared kind (a set, say), a class or a function, or cannot be pickled, both\n"
    "initial and factory are given, name is no str. ValueError: name is empty. MemoryError: the store is full. OSError: the store could\n"
    "not be made. GoneError: a promised store is out of reach. What factory raises.\n\n"
    "Where the process can have no store yet, in a module that a forkserver preloads, it gives an object that\n"
    "becomes the global at its first use in a worker; a use before that raises RuntimeError.\n"
    "Safe in any thread and process; a process killed in it has named the object or not. About 0.2 us for a\n"
    "name that is there.");

/* Puts the argument given by the keyword `name` into its place. 0, or -1 with TypeError. */
static int var_keyword(struct global *global, Py_ssize_t positional, PyObject *name, PyObject *argument)
{
    static const char *const names[] = {"name", "initial", "factory"};
    PyObject **places[] = {&global->name, &global->initial, &global->factory};
    int i = 0;
    while (i < 3 && PyUnicode_CompareWithASCIIString(name, names[i]) != 0)
        i++;
    if (i == 3 || i < positional) {
        PyErr_Format(
            PyExc_TypeError,
            i == 3 ? "var() got an unexpected keyword argument %R" : "var() got multiple values for argument %R", name);
        return -1;
    }
    *places[i] = argument;
    return 0;
}

/* Takes var()'s arguments apart; PyArg_Parse...() would take as long as all the rest. 0, or -1 with TypeError. */
static int var_arguments(struct global *global, PyObject *const *arguments, Py_ssize_t count, PyObject *keywords)
{
    Py_ssize_t named = keywords == NULL ? 0 : PyTuple_GET_SIZE(keywords);
    if (pyobject_check_count("var", count, 0, 2) < 0)
        return -1;
    if (count > 0)
        global->name = arguments[0];
    if (count > 1)
        global->initial = arguments[1];
    for (Py_ssize_t i = 0; i < named; i++) {
        if (var_keyword(global, count, PyTuple_GET_ITEM(keywords, i), arguments[count + i]) < 0)
            return -1;
    }
    if (global->name != NULL)
        return 0;
    pyobject_check_count("var", 0, 1, 2);
    return -1;
}

static PyObject *var_function(PyObject *module, PyObject *const *arguments, Py_ssize_t count, PyObject *keywords)
{
    struct module_state *state = module_state(module);
    struct global global = {"global", NULL, state->missing, Py_None};
    comem_store *store;
    if (var_arguments(&global, arguments, count, keywords) < 0 || pyvar_check(state, &global) < 0)
        return NULL;
    int ready = pyvar_store(state, &store);
    if (ready <= 0)
        return ready < 0 ? NULL : pyunbound_new(state, &global);
    return var_bind(state, store, &global);
}

PyDoc_STRVAR(forget_doc, "forget(name, /)\n--\n\n"
                         "Take the name away from its shared object: the next var(name, ...) makes another.\n\n"
                         "Who has the object keeps it; it is freed with its last handle. KeyError: nothing has the\n"
                         "name. TypeError, ValueError: name is no str, or empty. RuntimeError: this process is a\n"
                         "forkserver. MemoryError, OSError, GoneError: no store. Safe in any thread and process; a\n"
                         "process killed in it has taken the name away or not. About 0.5 us.");

static PyObject *var_forget(PyObject *module, PyObject *name)
{
    struct module_state *state = module_state(module);
    comem_store *store;
    int ready = pyvar_store(state, &store);
    if (ready <= 0)
        return ready < 0 ? NULL : pyvar_refuse(name);
    if (pyvar_forget(state, store, name) < 0)
        return NULL;
    Py_RETURN_NONE;
}

PyMethodDef pyvar_functions[] = {
    {"var", PYOBJECT_METHOD(var_function), METH_FASTCALL | METH_KEYWORDS, var_doc},
    {"forget", var_forget, METH_O, forget_doc},
    {NULL, NULL, 0, NULL},
};
