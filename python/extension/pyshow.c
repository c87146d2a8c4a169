/* pyshow.c - how shared objects show themselves: repr() of the native types, and both faces in IPython
 *
 * Every read of a reference makes another handle, so what is met again within itself is known by the shared object's address,
 * for each thread, and not by the Python object's.
 */
#include "pyobject.h"

const char *pyobject_type_name(PyTypeObject *type)
{
    const char *dot = strrchr(type->tp_name, '.');
    return dot == NULL ? type->tp_name : dot + 1;
}

PyObject *pyobject_text(const char *name, PyObject *shown)
{
    return PyUnicode_FromFormat(PyTuple_CheckExact(shown) ? "%s%R" : "%s(%R)", name, shown);
}

/* ---- what a thread is showing ------------------------------------------------------------------------------------ */

/* The set of shared objects that this thread is showing, by address. Borrowed; NULL with an exception. */
static PyObject *being_shown(void)
{
    PyObject *thread = PyThreadState_GetDict(); /* borrowed, without an exception when NULL */
    if (thread == NULL)
        return PyErr_NoMemory();
    PyObject *key = PyUnicode_InternFromString("comem.__repr__");
    if (key == NULL)
        return NULL;
    PyObject *set = PyDict_GetItemWithError(thread, key);
    if (set == NULL && !PyErr_Occurred()) {
        set = PySet_New(NULL);
        if (set != NULL && PyDict_SetItem(thread, key, set) < 0)
            Py_CLEAR(set);
        Py_XDECREF(set); /* the thread's dictionary has it */
    }
    Py_DECREF(key);
    return set;
}

/* The text of `self` by `represent`, or what stands for it inside itself. */
static PyObject *show_once(PyObject *self, PyObject *(*represent)(PyObject *, void *), void *context)
{
    PyObject *shown = being_shown();
    PyObject *mark = shown == NULL ? NULL : PyLong_FromVoidPtr((void *)pyobject_of(self));
    if (mark == NULL)
        return NULL;
    PyObject *text = NULL;
    Py_INCREF(shown);
    int met = PySet_Contains(shown, mark);
    if (met > 0) {
        text = PyUnicode_FromFormat("%s(%s)", pyobject_type_name(Py_TYPE(self)), pyobject_kind(Py_TYPE(self))->nested);
    } else if (met == 0 && PySet_Add(shown, mark) == 0) {
        text = represent(self, context);
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        if (PySet_Discard(shown, mark) < 0)
            PyErr_Clear();
        PyErr_Restore(type, value, traceback);
    }
    Py_DECREF(shown);
    Py_DECREF(mark);
    return text;
}

/* ---- repr() ------------------------------------------------------------------------------------------------------ */

/* "List(['one'])" of a snapshot. */
static PyObject *represent(PyObject *self, void *Py_UNUSED(context))
{
    PyObject *held = pyobject_kind(Py_TYPE(self))->shown(self, PY_SSIZE_T_MAX);
    if (held == NULL && PyErr_ExceptionMatches(module_state_of(Py_TYPE(self))->gone_error)) {
        PyErr_Clear();
        return PyUnicode_FromFormat("<%s object at %p, gone>", pyobject_type_name(Py_TYPE(self)), (void *)self);
    }
    PyObject *text = held == NULL ? NULL : pyobject_text(pyobject_type_name(Py_TYPE(self)), held);
    Py_XDECREF(held);
    return text;
}

PyObject *pyobject_repr(PyObject *self)
{
    return show_once(self, represent, NULL);
}

/* ---- IPython ----------------------------------------------------------------------------------------------------- */

/* What the function `name` of comem._show returns for `self` and, if it is not NULL, `more`. */
static PyObject *show_by(const char *name, PyObject *self, PyObject *more)
{
    PyObject *module = PyImport_ImportModule("comem._show");
    PyObject *function = module == NULL ? NULL : PyObject_GetAttrString(module, name);
    PyObject *result = function == NULL ? NULL : PyObject_CallFunctionObjArgs(function, self, more, NULL);
    Py_XDECREF(function);
    Py_XDECREF(module);
    return result;
}

static PyObject *show_pretty(PyObject *self, void *printer)
{
    return show_by("pretty", self, (PyObject *)printer);
}

const char pyobject_pretty_doc[] =
    "_repr_pretty_($self, printer, cycle, /)\n--\n\n"
    "For IPython: what it holds, as much as the printer takes, on as many lines as it needs.";

/* show_pretty() has printed, or returns what is to be printed. */
PyObject *pyobject_pretty(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    if (pyobject_check_count("_repr_pretty_", count, 2, 2) < 0)
        return NULL;
    PyObject *text = show_once(self, show_pretty, arguments[0]);
    if (text == NULL || !PyUnicode_Check(text))
        return text;
    PyObject *result = PyObject_CallMethod(arguments[0], "text", "O", text);
    Py_DECREF(text);
    return result;
}

const char pyobject_html_doc[] =
    "_repr_html_($self, /)\n--\n\n"
    "For IPython's notebooks: a table of the first items, cut short; None when it is gone.";

PyObject *pyobject_html(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return show_by("html", self, NULL);
}

const char pyobject_shown_doc[] =
    "_shown(shared, most, /)\n--\n\n"
    "The first items of a shared list or dict, most of them at most, as a built-in one; what cannot be unpickled is\n"
    "something that says so.";

PyObject *pyobject_shown(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    if (pyobject_argument(module, "_shown", arguments, count, 2) < 0)
        return NULL;
    Py_ssize_t most = PyNumber_AsSsize_t(arguments[1], NULL);
    if (most == -1 && PyErr_Occurred())
        return NULL;
    return pyobject_kind(Py_TYPE(arguments[0]))->shown(arguments[0], most);
}
