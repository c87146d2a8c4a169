/* pyobject.h - what the types of all kinds of shared objects have in common
 *
 * Two types show each kind: comem.List and comem.managers.ListProxy, a subclass; comem.Dict and comem.managers.DictProxy. Each
 * type owns its descriptors and slots, because the interpreter calls a method of C directly only on the type that has it.
 * What differs from kind to kind stands in a struct kind; macros put what is common into every type. Objects of all these
 * types begin alike, with a struct handle_object.
 */
#ifndef COMEM_PYTHON_PYOBJECT_H
#define COMEM_PYTHON_PYOBJECT_H

#include "pydeep.h"

/* A handle. `object` is never NULL in an object that Python code can see. The engine gives every handle of one shared object
 * in a process the same address, so two Python objects show the same one when their `object` is equal. */
struct handle_object {
    PyObject_HEAD
    comem_object *object;
    PyObject *weak_references;
    PyObject *texts; /* a list of a dict's keys that were read before, to be given again; or NULL */
};

/* A kind of shared object. */
struct kind {
    uint32_t type;      /* the engine's, an enum object_type */
    const char *typeid; /* the standard managers' name of it: "list" */
    const char *nested; /* what stands for what it holds inside its own repr(): "[...]" */
    uint32_t flags;     /* OBJECT_ flags of what constructors make */
    PyType_Spec *native, *proxy;

    /* Makes an empty one in a scope, with OBJECT_ flags. */
    comem_status (*make)(comem_store *store, uint64_t scope, uint32_t flags, comem_object **object);
    /* What it holds at one moment, as a new built-in object. NULL with an exception. */
    PyObject *(*plain)(PyObject *self);
    /* The same for repr(), of the first `most` items, where what cannot be unpickled is something that says so; a tuple: the
     * arguments that would make it. */
    PyObject *(*shown)(PyObject *self, Py_ssize_t most);
    /* Adds what `source`, one of this kind or a built-in one, holds; `memo` is of the call. 0, or -1 with an exception. */
    int (*fill)(PyObject *self, PyObject *source, pydeep_memo *memo);
};

extern struct kind pylist_kind, pydict_kind, pyvariable_kind;

/* The engine's handle. Borrowed. */
static inline comem_object *pyobject_of(PyObject *self)
{
    return ((struct handle_object *)(void *)self)->object;
}

/* A value that refers to `object`. */
static inline comem_value pyobject_ref(comem_object *object)
{
    comem_value value = comem_none();
    value.as.object = object;
    value.kind = COMEM_REF;
    return value;
}

/* The engine's handle behind `object` when it is a shared object of any kind, else NULL. `container` is one, too. Borrowed. */
comem_object *pyobject_handle(PyObject *container, PyObject *object);

/* Whether the shared object `container` was made to share all the way down. */
bool pyobject_is_deep(PyObject *container);

/* Whether what can be stored in one shared object can be stored in another, and means the same there. */
bool pyobject_same_rules(PyObject *one, PyObject *other);

/* A new object of `type` that takes over the handle `object`. NULL with MemoryError, and the handle is released. */
PyObject *pyobject_wrap(PyTypeObject *type, comem_object *object);

/* A new object for the reference `value`, of the type that shows its kind and face. The handle moves into it. NULL with an
 * exception, and the value is whole. */
PyObject *pyobject_from_value(PyObject *container, comem_value *value);
PyObject *pyobject_show(struct module_state *state, comem_value *value);

/* The kind that objects of `type`, a type of this module or a subclass, show. */
const struct kind *pyobject_kind(PyTypeObject *type);
const struct kind *pyobject_kind_at(enum kind_index index);

/* The number of the kind that objects of `type` show, KINDS when it is a type of no kind. */
unsigned pyobject_kind_number(struct module_state *state, PyTypeObject *type);

/* Finds a kind by its typeid. 0, or -1 with TypeError. */
int pyobject_kind_named(PyObject *typeid, enum kind_index *index);
int pyobject_kind_called(const char *typeid, enum kind_index *index);

/* Sets the exception for `status`, which is not COMEM_OK. Returns -1. */
int pyobject_fail(PyObject *self, comem_status status);

/* Whether a method may be called with `count` arguments: 0, or -1 with a built-in method's TypeError. */
int pyobject_check_count(const char *name, Py_ssize_t count, Py_ssize_t least, Py_ssize_t most);

/* Whether a function of the module is called with `wanted` arguments, a shared object first: 0, or -1 with TypeError. */
int pyobject_argument(PyObject *module, const char *name, PyObject *const *arguments, Py_ssize_t count,
                      Py_ssize_t wanted);

#define PYOBJECT_METHOD(function) ((PyCFunction)(void (*)(void))(function))

/* ---- of every type ---- */

void pyobject_dealloc(PyObject *self);
int pyobject_traverse(PyObject *self, visitproc visit, void *arg);
PyObject *pyobject_reduce(PyObject *self, PyObject *unused);
PyObject *pyobject_sizeof(PyObject *self, PyObject *unused);
extern const char pyobject_reduce_doc[], pyobject_sizeof_doc[], pyobject_class_getitem_doc[];

#define PYOBJECT_METHODS                                                                      \
    {"__reduce__", pyobject_reduce, METH_NOARGS, pyobject_reduce_doc},                        \
        {"__sizeof__", pyobject_sizeof, METH_NOARGS, pyobject_sizeof_doc},                    \
    {                                                                                         \
        "__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, pyobject_class_getitem_doc \
    }

/* ---- of the native types ---- */

PyObject *pyobject_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords);
PyObject *pyobject_copy(PyObject *self, PyObject *unused);
PyObject *pyobject_copy_same(PyObject *self, PyObject *unused);
PyObject *pyobject_deepcopy(PyObject *self, PyObject *memo);
extern const char pyobject_copy_same_doc[], pyobject_deepcopy_doc[];
extern PyMemberDef pyobject_members[];

/* A new empty shared object in an object of `type`, with further OBJECT_ flags than its kind's. */
PyObject *pyobject_make(PyTypeObject *type, uint32_t flags);

/* A new shared object in `store` that holds deep copies of what `self` holds, of another store. NULL with an exception. */
PyObject *pyobject_deepcopy_into(comem_store *store, PyObject *self);

#define PYOBJECT_NATIVE_METHODS                                                              \
    PYOBJECT_METHODS, {"__copy__", pyobject_copy_same, METH_NOARGS, pyobject_copy_same_doc}, \
    {                                                                                        \
        "__deepcopy__", pyobject_deepcopy, METH_O, pyobject_deepcopy_doc                     \
    }

#define PYOBJECT_NATIVE_SLOTS                                                             \
    {Py_tp_new, (void *)pyobject_new}, {Py_tp_dealloc, (void *)pyobject_dealloc},         \
        {Py_tp_traverse, (void *)pyobject_traverse}, {Py_tp_repr, (void *)pyobject_repr}, \
        {Py_tp_hash, (void *)PyObject_HashNotImplemented},                                \
    {                                                                                     \
        Py_tp_members, pyobject_members                                                   \
    }

/* ---- how they show themselves: pyshow.c ---- */

/* The name of `type` without its module. Borrowed. */
const char *pyobject_type_name(PyTypeObject *type);

/* The text of what an object of that kind shows: "Name([1, 2])". */
PyObject *pyobject_text(const char *name, PyObject *shown);

/* Of the native types. */
PyObject *pyobject_repr(PyObject *self);

/* Of lists and dicts in both faces. */
PyObject *pyobject_pretty(PyObject *self, PyObject *const *arguments, Py_ssize_t count);
PyObject *pyobject_html(PyObject *self, PyObject *unused);
extern const char pyobject_pretty_doc[], pyobject_html_doc[];

#define PYOBJECT_SHOW_METHODS                                                                \
    {"_repr_pretty_", PYOBJECT_METHOD(pyobject_pretty), METH_FASTCALL, pyobject_pretty_doc}, \
    {                                                                                        \
        "_repr_html_", pyobject_html, METH_NOARGS, pyobject_html_doc                         \
    }

/* Of the module. */
PyObject *pyobject_shown(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
extern const char pyobject_shown_doc[];

/* ---- of the proxies: pyproxy.c ---- */

struct proxy_object {
    struct handle_object handle;
    PyObject *dictionary;
};

PyObject *pyproxy_refuse_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords);
int pyproxy_refuse_init(PyObject *self, PyObject *arguments, PyObject *keywords);
void pyproxy_dealloc(PyObject *self);
int pyproxy_traverse(PyObject *self, visitproc visit, void *arg);
int pyproxy_clear_references(PyObject *self);
PyObject *pyproxy_repr(PyObject *self);
PyObject *pyproxy_str(PyObject *self);
Py_hash_t pyproxy_hash(PyObject *self);
PyObject *pyproxy_copy(PyObject *self, PyObject *unused);
PyObject *pyproxy_deepcopy(PyObject *self, PyObject *memo);
PyObject *pyproxy_getvalue(PyObject *self, PyObject *unused);
PyObject *pyproxy_callmethod(PyObject *self, PyObject *arguments, PyObject *keywords);
PyObject *pyproxy_close(PyObject *self, PyObject *unused);
extern const char pyproxy_plain_doc[], pyproxy_copy_doc[], pyproxy_deepcopy_doc[], pyproxy_getvalue_doc[],
    pyproxy_callmethod_doc[], pyproxy_close_doc[];
extern PyGetSetDef pyproxy_attributes[];
extern PyMemberDef pyproxy_members[];

#define PYPROXY_METHODS                                                                                             \
    PYOBJECT_METHODS, {"copy", pyproxy_getvalue, METH_NOARGS, pyproxy_plain_doc},                                   \
        {"__copy__", pyproxy_copy, METH_NOARGS, pyproxy_copy_doc},                                                  \
        {"__deepcopy__", pyproxy_deepcopy, METH_O, pyproxy_deepcopy_doc},                                           \
        {"_getvalue", pyproxy_getvalue, METH_NOARGS, pyproxy_getvalue_doc},                                         \
        {"_callmethod", PYOBJECT_METHOD(pyproxy_callmethod), METH_VARARGS | METH_KEYWORDS, pyproxy_callmethod_doc}, \
    {                                                                                                               \
        "_close", pyproxy_close, METH_NOARGS, pyproxy_close_doc                                                     \
    }

#define PYPROXY_SLOTS                                                                                             \
    {Py_tp_new, (void *)pyproxy_refuse_new}, {Py_tp_dealloc, (void *)pyproxy_dealloc},                            \
        {Py_tp_traverse, (void *)pyproxy_traverse}, {Py_tp_clear, (void *)pyproxy_clear_references},              \
        {Py_tp_repr, (void *)pyproxy_repr}, {Py_tp_str, (void *)pyproxy_str}, {Py_tp_hash, (void *)pyproxy_hash}, \
        {Py_tp_getattro, (void *)PyObject_GenericGetAttr}, {Py_tp_setattro, (void *)PyObject_GenericSetAttr},     \
        {Py_tp_getset, pyproxy_attributes},                                                                       \
    {                                                                                                             \
        Py_tp_members, pyproxy_members                                                                            \
    }

/* ---- of the module ---- */

/* Puts the native type of each kind into the module. 0, or -1 with an exception. */
int pyobject_setup(PyObject *module);
PyObject *pyobject_open(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
PyObject *pyproxy_new(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
PyObject *pyproxy_make_type(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
extern const char pyobject_open_doc[], pyproxy_new_doc[], pyproxy_make_type_doc[];

#endif
