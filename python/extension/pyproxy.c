/* pyproxy.c - the face that a manager's objects show: what is common to all kinds
 *
 * comem.managers.ListProxy is a List that is also an instance of the standard library's ListProxy, so isinstance() tests in
 * existing programs hold; DictProxy likewise. They differ where the standard ones differ from a list and a dict: repr and str,
 * a hash by identity, copies, a __dict__, and the few underscored names that programs use. Whatever a standard proxy has is
 * here or in the kind's own methods; inherited from there, it would ask a server that does not exist.
 *
 * The types are made when comem.managers is imported, since their second bases come from multiprocessing.managers.
 */
#include "objects/object.h"
#include "pyobject.h"
#include "pyreach.h"

/* ---- life -------------------------------------------------------------------------------------------------------- */

int pyproxy_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((struct proxy_object *)(void *)self)->dictionary);
    return pyobject_traverse(self, visit, arg);
}

int pyproxy_clear_references(PyObject *self)
{
    Py_CLEAR(((struct proxy_object *)(void *)self)->dictionary);
    return 0;
}

void pyproxy_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    if (((struct handle_object *)(void *)self)->weak_references != NULL)
        PyObject_ClearWeakRefs(self); /* before the attributes, whose end may run code that looks for the object */
    (void)pyproxy_clear_references(self);
    pyobject_dealloc(self);
}

/* The standard managers' name of its kind. */
static const char *proxy_typeid(PyObject *self)
{
    return pyobject_kind(Py_TYPE(self))->typeid;
}

PyObject *pyproxy_refuse_new(PyTypeObject *type, PyObject *Py_UNUSED(arguments), PyObject *Py_UNUSED(keywords))
{
    PyErr_Format(PyExc_TypeError, "cannot create '%.200s' instances: a manager's %s() makes them", type->tp_name,
                 pyobject_kind(type)->typeid);
    return NULL;
}

int pyproxy_refuse_init(PyObject *self, PyObject *Py_UNUSED(arguments), PyObject *Py_UNUSED(keywords))
{
    PyErr_Format(PyExc_TypeError, "a '%.200s' is made by a manager's %s() and cannot be made anew",
                 Py_TYPE(self)->tp_name, proxy_typeid(self));
    return -1;
}

const char pyproxy_new_doc[] =
    "_new_proxy(typeid, scope, deep, pickle, /)\n--\n\n"
    "The proxy of a new empty object of the kind in the scope; deep says whether it shares all the way\n"
    "down, pickle whether what only pickle can store may be stored in it.";

PyObject *pyproxy_new(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    struct module_state *state = module_state(module);
    enum kind_index index;
    if (count != 4) {
        PyErr_SetString(PyExc_TypeError, "_new_proxy() takes a typeid, a scope and two bools");
        return NULL;
    }
    if (pyobject_kind_named(arguments[0], &index) < 0)
        return NULL;
    if (state->proxy_types[index] == NULL) {
        PyErr_SetString(PyExc_TypeError, "_new_proxy() makes no objects before comem.managers is imported");
        return NULL;
    }
    unsigned long long scope = PyLong_AsUnsignedLongLong(arguments[1]);
    if (scope == (unsigned long long)-1 && PyErr_Occurred())
        return NULL;
    comem_object *object;
    uint32_t flags = OBJECT_FACE_MANAGER | (arguments[2] == Py_True ? OBJECT_DEEP : 0u) |
                     (arguments[3] == Py_True ? 0u : OBJECT_NO_PICKLE);
    if (UNLIKELY(scope == 0)) { /* of a manager that stands for nothing itself */
        object = pyreach_unbound(state, (enum object_type)pyobject_kind_at(index)->type, flags);
        return object == NULL ? NULL : pyobject_wrap(state->proxy_types[index], object);
    }
    comem_store *store = module_store(state);
    if (store == NULL)
        return NULL;
    comem_status status = pyobject_kind_at(index)->make(store, scope, flags, &object);
    if (status != COMEM_OK)
        return module_raise(state, status);
    return pyobject_wrap(state->proxy_types[index], object);
}

/* ---- as the standard proxy --------------------------------------------------------------------------------------- */

PyObject *pyproxy_repr(PyObject *self)
{
    return PyUnicode_FromFormat("<%s object, typeid '%s' at %p>", pyobject_type_name(Py_TYPE(self)), proxy_typeid(self),
                                (void *)self);
}

/* What it holds, as a new built-in object. */
static PyObject *proxy_plain(PyObject *self)
{
    return pyobject_kind(Py_TYPE(self))->plain(self);
}

/* The text of what it holds, as the built-in object gives it. */
static PyObject *proxy_plain_repr(PyObject *self)
{
    PyObject *plain = pyobject_kind(Py_TYPE(self))->shown(self, PY_SSIZE_T_MAX);
    bool arguments = plain != NULL && PyTuple_CheckExact(plain);
    PyObject *text = plain == NULL ? NULL : arguments ? pyobject_text(proxy_typeid(self), plain) : PyObject_Repr(plain);
    Py_XDECREF(plain);
    return text;
}

PyObject *pyproxy_str(PyObject *self)
{
    PyObject *text = proxy_plain_repr(self);
    if (text != NULL || !PyErr_ExceptionMatches(PyExc_Exception))
        return text;
    PyErr_Clear();
    return PyUnicode_FromFormat("<%s object, typeid '%s' at %p; '__str__()' failed>", pyobject_type_name(Py_TYPE(self)),
                                proxy_typeid(self), (void *)self);
}

Py_hash_t pyproxy_hash(PyObject *self)
{
    uint64_t offset = object_offset(pyobject_of(self));
    Py_hash_t hash = (Py_hash_t)((offset >> 7) | (offset << 57)); /* headers are 128 bytes apart */
    return hash == -1 ? -2 : hash;
}

const char pyproxy_copy_doc[] = "__copy__($self, /)\n--\n\nFor copy.copy(): another handle of the same object.";

PyObject *pyproxy_copy(PyObject *self, PyObject *Py_UNUSED(unused))
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject *copy = type->tp_alloc(type, 0);
    if (copy == NULL)
        return NULL;
    object_hold(pyobject_of(self));
    ((struct handle_object *)(void *)copy)->object = pyobject_of(self);
    return copy;
}

const char pyproxy_deepcopy_doc[] =
    "__deepcopy__($self, memo, /)\n--\n\nFor copy.deepcopy(): what it holds, as a built-in object.";

PyObject *pyproxy_deepcopy(PyObject *self, PyObject *Py_UNUSED(memo))
{
    return proxy_plain(self);
}

const char pyproxy_plain_doc[] = "copy($self, /)\n--\n\nWhat it holds, as a built-in object, at one moment.";

const char pyproxy_getvalue_doc[] = "_getvalue($self, /)\n--\n\nWhat it holds, as a built-in object, at one moment.";

PyObject *pyproxy_getvalue(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return proxy_plain(self);
}

const char pyproxy_close_doc[] = "_close($self, /)\n--\n\n"
                                 "Does nothing: there is no connection to close, and the handle goes with this object.";

PyObject *pyproxy_close(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(unused))
{
    Py_RETURN_NONE;
}

const char pyproxy_callmethod_doc[] = "_callmethod($self, methodname, args=(), kwds={})\n--\n\n"
                                      "Call a method by its name and return its result.";

PyObject *pyproxy_callmethod(PyObject *self, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"methodname", "args", "kwds", NULL};
    PyObject *name, *args = NULL, *kwds = NULL;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "U|OO!:_callmethod", names, &name, &args, &PyDict_Type,
                                     &kwds))
        return NULL;
    if (PyUnicode_CompareWithASCIIString(name, "#GETVALUE") == 0)
        return proxy_plain(self);
    if (PyUnicode_CompareWithASCIIString(name, "__repr__") == 0 ||
        PyUnicode_CompareWithASCIIString(name, "__str__") == 0)
        return proxy_plain_repr(self);
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
    PyOS_snprintf(id, sizeof(id), "%llx", (unsigned long long)object_offset(pyobject_of(self)));
    PyObject *token = PyObject_CallMethod(module, "Token", "sOs", proxy_typeid(self), Py_None, id);
    Py_DECREF(module);
    return token;
}

PyGetSetDef pyproxy_attributes[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, "Attributes of this handle; they are local.", NULL},
    {"_token", proxy_token, NULL, "The standard proxy's Token: the typeid, no address, and an id of the object.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyMemberDef pyproxy_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct handle_object, weak_references), READONLY, NULL},
    {"__dictoffset__", T_PYSSIZET, offsetof(struct proxy_object, dictionary), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

const char pyproxy_make_type_doc[] =
    "_make_proxy_type(typeid, standard, /)\n--\n\n"
    "The type ListProxy, DictProxy ..., a subclass of the kind's own and of standard, multiprocessing's.\n"
    "Made once.";

PyObject *pyproxy_make_type(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    struct module_state *state = module_state(module);
    enum kind_index index;
    if (pyobject_check_count("_make_proxy_type", count, 2, 2) < 0 || pyobject_kind_named(arguments[0], &index) < 0)
        return NULL;
    if (state->proxy_types[index] == NULL) {
        PyObject *bases = PyTuple_Pack(2, state->native_types[index], arguments[1]);
        if (bases == NULL)
            return NULL;
        state->proxy_types[index] =
            (PyTypeObject *)(void *)PyType_FromModuleAndSpec(module, pyobject_kind_at(index)->proxy, bases);
        Py_DECREF(bases);
    }
    Py_XINCREF(state->proxy_types[index]);
    return (PyObject *)state->proxy_types[index];
}
