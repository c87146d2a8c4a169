/* pyproxy.c - comem.managers.ListProxy, the face that a manager's lists show
 *
 * A List that is also an instance of the standard library's ListProxy, so isinstance() tests in existing programs hold.
 * It differs where the standard one differs from a list: repr and str, a hash by identity, copies, a __dict__, and the
 * few underscored names that programs use. Whatever the standard proxy has is here or in List; inherited from there, it
 * would ask a server that does not exist.
 *
 * The type is made when comem.managers is imported, since its second base comes from multiprocessing.managers.
 */
#include "objects/list.h"
#include "objects/object.h"
#include "pylist.h"
#include "pyreach.h"

struct proxy_object {
    struct list_object list;
    PyObject *dictionary;
};

/* ---- life -------------------------------------------------------------------------------------------------------- */

static int proxy_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((struct proxy_object *)(void *)self)->dictionary);
    return pylist_traverse(self, visit, arg);
}

static int proxy_clear_references(PyObject *self)
{
    Py_CLEAR(((struct proxy_object *)(void *)self)->dictionary);
    return 0;
}

static void proxy_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    if (((struct list_object *)(void *)self)->weak_references != NULL)
        PyObject_ClearWeakRefs(self); /* before the attributes, whose end may run code that looks for the object */
    (void)proxy_clear_references(self);
    pylist_dealloc(self);
}

static PyObject *proxy_new(PyTypeObject *type, PyObject *Py_UNUSED(arguments), PyObject *Py_UNUSED(keywords))
{
    PyErr_Format(PyExc_TypeError, "cannot create '%.200s' instances: a manager's list() makes them", type->tp_name);
    return NULL;
}

static int proxy_init(PyObject *self, PyObject *Py_UNUSED(arguments), PyObject *Py_UNUSED(keywords))
{
    PyErr_Format(PyExc_TypeError, "a '%.200s' is made by a manager's list() and cannot be made anew",
                 Py_TYPE(self)->tp_name);
    return -1;
}

const char pyproxy_new_doc[] =
    "_new_proxy(scope, deep, /)\n--\n\n"
    "A ListProxy of a new empty list in the scope; deep says whether it shares all the way down.";

PyObject *pyproxy_new(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    struct module_state *state = module_state(module);
    if (count != 2 || state->proxy_type == NULL) {
        PyErr_SetString(PyExc_TypeError, "_new_proxy() takes a scope and a bool, once comem.managers is imported");
        return NULL;
    }
    unsigned long long scope = PyLong_AsUnsignedLongLong(arguments[0]);
    if (scope == (unsigned long long)-1 && PyErr_Occurred())
        return NULL;
    comem_list *list;
    uint32_t flags = OBJECT_FACE_MANAGER | (arguments[1] == Py_True ? OBJECT_DEEP : 0u);
    if (UNLIKELY(scope == 0)) { /* of a manager that stands for nothing itself */
        comem_object *unbound = pyreach_unbound(state, OBJECT_LIST, flags);
        return unbound == NULL ? NULL : pylist_wrap(state->proxy_type, (comem_list *)(void *)unbound);
    }
    comem_store *store = module_store(state);
    if (store == NULL)
        return NULL;
    comem_status status = list_new_in(store, scope, flags, &list);
    if (status != COMEM_OK)
        return module_raise(state, status);
    return pylist_wrap(state->proxy_type, list);
}

/* ---- as the standard proxy --------------------------------------------------------------------------------------- */

static PyObject *proxy_repr(PyObject *self)
{
    return PyUnicode_FromFormat("<%s object, typeid 'list' at %p>", pylist_type_name(Py_TYPE(self)), (void *)self);
}

/* The text of the items, as the built-in list gives it. */
static PyObject *proxy_items_repr(PyObject *self)
{
    PyObject *items = pylist_snapshot(self);
    PyObject *text = items == NULL ? NULL : PyObject_Repr(items);
    Py_XDECREF(items);
    return text;
}

static PyObject *proxy_str(PyObject *self)
{
    PyObject *text = proxy_items_repr(self);
    if (text != NULL || !PyErr_ExceptionMatches(PyExc_Exception))
        return text;
    PyErr_Clear();
    return PyUnicode_FromFormat("<%s object, typeid 'list' at %p; '__str__()' failed>", pylist_type_name(Py_TYPE(self)),
                                (void *)self);
}

static Py_hash_t proxy_hash(PyObject *self)
{
    uint64_t offset = object_offset(pylist_object(self));
    Py_hash_t hash = (Py_hash_t)((offset >> 7) | (offset << 57)); /* headers are 128 bytes apart */
    return hash == -1 ? -2 : hash;
}

PyDoc_STRVAR(copy_doc, "__copy__($self, /)\n--\n\nFor copy.copy(): another handle of the same list.");

static PyObject *proxy_copy(PyObject *self, PyObject *Py_UNUSED(unused))
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject *copy = type->tp_alloc(type, 0);
    if (copy == NULL)
        return NULL;
    object_hold(pylist_object(self));
    ((struct list_object *)(void *)copy)->list = pylist_of(self);
    return copy;
}

PyDoc_STRVAR(deepcopy_doc, "__deepcopy__($self, memo, /)\n--\n\nFor copy.deepcopy(): the items as a built-in list.");

static PyObject *proxy_deepcopy(PyObject *self, PyObject *Py_UNUSED(memo))
{
    return pylist_snapshot(self);
}

PyDoc_STRVAR(items_doc, "copy($self, /)\n--\n\nThe items as a built-in list, as they stood at one moment.");

PyDoc_STRVAR(getvalue_doc, "_getvalue($self, /)\n--\n\nThe items as a built-in list, as they stood at one moment.");

static PyObject *proxy_getvalue(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return pylist_snapshot(self);
}

PyDoc_STRVAR(close_doc, "_close($self, /)\n--\n\n"
                        "Does nothing: there is no connection to close, and the handle goes with this object.");

static PyObject *proxy_close(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(unused))
{
    Py_RETURN_NONE;
}

PyDoc_STRVAR(callmethod_doc, "_callmethod($self, methodname, args=(), kwds={})\n--\n\n"
                             "Call a method of the list by name and return its result.");

static PyObject *proxy_callmethod(PyObject *self, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"methodname", "args", "kwds", NULL};
    PyObject *name, *args = NULL, *kwds = NULL;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "U|OO!:_callmethod", names, &name, &args, &PyDict_Type,
                                     &kwds))
        return NULL;
    if (PyUnicode_CompareWithASCIIString(name, "#GETVALUE") == 0)
        return pylist_snapshot(self);
    if (PyUnicode_CompareWithASCIIString(name, "__repr__") == 0 ||
        PyUnicode_CompareWithASCIIString(name, "__str__") == 0)
        return proxy_items_repr(self);
    PyObject *method = PyObject_GetAttr(self, name);
    PyObject *list = args == NULL ? PyTuple_New(0) : PySequence_Tuple(args);
    PyObject *result = method == NULL || list == NULL ? NULL : PyObject_Call(method, list, kwds);
    Py_XDECREF(list);
    Py_XDECREF(method);
    return result;
}

/* The standard proxy's name of the object: Token(typeid, address, id). */
static PyObject *proxy_token(PyObject *self, void *Py_UNUSED(closure))
{
    PyObject *module = PyImport_ImportModule("multiprocessing.managers");
    if (module == NULL)
        return NULL;
    char id[17];
    PyOS_snprintf(id, sizeof(id), "%llx", (unsigned long long)object_offset(pylist_object(self)));
    PyObject *token = PyObject_CallMethod(module, "Token", "sOs", "list", Py_None, id);
    Py_DECREF(module);
    return token;
}

/* ---- the type ---------------------------------------------------------------------------------------------------- */

PyDoc_STRVAR(proxy_doc,
             "A list made by a manager: a comem.List with the face of multiprocessing's ListProxy.\n\n"
             "Operations, errors and cost are comem.List's. It is equal to lists of equal items and hashed by\n"
             "identity, equal for all handles of one list. str() gives the items, repr() the standard proxy's\n"
             "text, and neither raises when the manager was shut down. copy.copy() gives another handle,\n"
             "copy() and copy.deepcopy() a built-in list.");

static PyMethodDef proxy_methods[] = {
    PYLIST_METHODS,
    {"copy", proxy_getvalue, METH_NOARGS, items_doc},
    {"__copy__", proxy_copy, METH_NOARGS, copy_doc},
    {"__deepcopy__", proxy_deepcopy, METH_O, deepcopy_doc},
    {"_getvalue", proxy_getvalue, METH_NOARGS, getvalue_doc},
    {"_callmethod", (PyCFunction)(void (*)(void))proxy_callmethod, METH_VARARGS | METH_KEYWORDS, callmethod_doc},
    {"_close", proxy_close, METH_NOARGS, close_doc},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef proxy_attributes[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, "Attributes of this handle; they are local.", NULL},
    {"_token", proxy_token, NULL, "The standard proxy's Token: 'list', no address, and an id of the list.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef proxy_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct list_object, weak_references), READONLY, NULL},
    {"__dictoffset__", T_PYSSIZET, offsetof(struct proxy_object, dictionary), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot proxy_slots[] = {
    {Py_tp_doc, (void *)proxy_doc},
    {Py_tp_new, (void *)proxy_new},
    {Py_tp_init, (void *)proxy_init},
    {Py_tp_dealloc, (void *)proxy_dealloc},
    {Py_tp_traverse, (void *)proxy_traverse},
    {Py_tp_clear, (void *)proxy_clear_references},
    {Py_tp_repr, (void *)proxy_repr},
    {Py_tp_str, (void *)proxy_str},
    {Py_tp_hash, (void *)proxy_hash},
    {Py_tp_getattro, (void *)PyObject_GenericGetAttr},
    {Py_tp_setattro, (void *)PyObject_GenericSetAttr},
    {Py_tp_methods, proxy_methods},
    {Py_tp_getset, proxy_attributes},
    {Py_tp_members, proxy_members},
    PYLIST_SLOTS,
    {0, NULL},
};

static PyType_Spec proxy_spec = {
    .name = "comem.managers.ListProxy",
    .basicsize = sizeof(struct proxy_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC
#ifdef Py_TPFLAGS_SEQUENCE
             | Py_TPFLAGS_SEQUENCE
#endif
    ,
    .slots = proxy_slots,
};

const char pyproxy_make_type_doc[] =
    "_make_proxy_type(standard, /)\n--\n\n"
    "The type ListProxy, a subclass of List and of standard, multiprocessing's. Made once.";

PyObject *pyproxy_make_type(PyObject *module, PyObject *standard)
{
    struct module_state *state = module_state(module);
    if (state->proxy_type == NULL) {
        PyObject *bases = PyTuple_Pack(2, state->list_type, standard);
        if (bases == NULL)
            return NULL;
        state->proxy_type = (PyTypeObject *)(void *)PyType_FromModuleAndSpec(module, &proxy_spec, bases);
        Py_DECREF(bases);
    }
    Py_XINCREF(state->proxy_type);
    return (PyObject *)state->proxy_type;
}
