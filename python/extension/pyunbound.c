/* pyunbound.c - globals that wait for their store
 *
 * What var() gives where there is no store yet. The first operation finds or makes the global, and turns this very object into
 * a List, Dict or Value by giving it that type: the native ones are all laid out alike, and it is laid out as they are, with
 * what was asked for in the place of the engine's handle. Then the operation is done by the type's own slot, so it behaves, and
 * is refused, as if it had found that type at once. From there on nothing tells the object from any other.
 *
 * Asked for its __class__, as isinstance() does, it finds the global but stays what it is: isinstance() believes a class
 * only if it is not the type. Where the global cannot be had yet, questions that anybody asks of any object (isinstance, repr,
 * special attributes) are answered without it, so that modules can be imported and looked at; all else raises RuntimeError.
 */
#include "pyunbound.h"

#include "objects/object.h"
#include "pyobject.h"

struct unbound_object {
    PyObject_HEAD
    PyObject *request; /* (name, initial, factory); once it was found, the global */
    PyObject *weak_references;
    PyObject *unused; /* NULL */
};

static_assert(sizeof(struct unbound_object) == sizeof(struct handle_object) &&
                  offsetof(struct unbound_object, weak_references) == offsetof(struct handle_object, weak_references),
              "it becomes one of these");

/* ---- binding ----------------------------------------------------------------------------------------------------- */

static PyObject **unbound_request(PyObject *self)
{
    return &((struct unbound_object *)(void *)self)->request;
}

/* Finds the global of the request, or makes it. */
static PyObject *unbound_look_up(struct module_state *state, PyObject *request)
{
    struct global global = {"global", PyTuple_GET_ITEM(request, 0), PyTuple_GET_ITEM(request, 1),
                            PyTuple_GET_ITEM(request, 2)};
    comem_store *store;
    int ready = pyvar_store(state, &store);
    if (ready <= 0)
        return ready < 0 ? NULL : pyvar_refuse(global.name);
    if (Py_EnterRecursiveCall(" while a global is made by its factory") != 0)
        return NULL;
    PyObject *found = pyvar_bind(state, store, &global);
    Py_LeaveRecursiveCall();
    return found;
}

/* The global, as an object of its own. A new reference; NULL with an exception. */
static PyObject *unbound_find(PyObject *self)
{
    PyObject *request = pyunbound_is(self) ? *unbound_request(self) : self;
    Py_INCREF(request);
    if (!PyTuple_CheckExact(request))
        return request;
    PyObject *found = unbound_look_up(module_state_of(Py_TYPE(self)), request);
    if (found != NULL && pyunbound_is(self) && *unbound_request(self) == request) { /* no other thread was faster */
        Py_INCREF(found);
        *unbound_request(self) = found;
        Py_DECREF(request);
    }
    Py_DECREF(request);
    return found;
}

/* The type that it takes for `found`. A native one, also for a manager's object and one of a subclass: they have more room. */
static PyTypeObject *unbound_type_for(struct module_state *state, PyObject *found)
{
    return state->native_types[pyobject_kind_number(state, Py_TYPE(found))];
}

int pyunbound_bind(PyObject *self)
{
    struct module_state *state = module_state_of(Py_TYPE(self));
    PyObject *found = unbound_find(self);
    if (found == NULL)
        return -1;
    if (pyunbound_is(self)) {
        PyObject *request = *unbound_request(self);
        PyTypeObject *waiting = Py_TYPE(self), *type = unbound_type_for(state, found);
        object_hold(pyobject_of(found));
        ((struct handle_object *)(void *)self)->object = pyobject_of(found);
        Py_INCREF(type);
        Py_SET_TYPE(self, type);
        Py_DECREF(waiting);
        Py_DECREF(request);
    }
    Py_DECREF(found);
    return 0;
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

PyObject *pyunbound_new(struct module_state *state, const struct global *global)
{
    PyObject *request = PyTuple_Pack(3, global->name, global->initial, global->factory);
    PyObject *self = request == NULL ? NULL : state->unbound_type->tp_alloc(state->unbound_type, 0);
    if (self == NULL)
        Py_XDECREF(request);
    else
        *unbound_request(self) = request;
    return self;
}

void pyunbound_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (((struct unbound_object *)(void *)self)->weak_references != NULL)
        PyObject_ClearWeakRefs(self);
    Py_XDECREF(*unbound_request(self));
    type->tp_free(self);
    Py_DECREF(type);
}

static int unbound_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(*unbound_request(self)); /* what may be in a ring with it can be cleared, so this need not be */
    return pyobject_traverse(self, visit, arg);
}

/* ---- what is answered without the global, too -------------------------------------------------------------------- */

/* Whether the global cannot be had in this process now. 1, 0, or -1 with an exception. */
static int unbound_waits(PyObject *self)
{
    comem_store *store;
    if (!PyTuple_CheckExact(*unbound_request(self)))
        return 0;
    int ready = pyvar_store(module_state_of(Py_TYPE(self)), &store);
    return ready < 0 ? -1 : !ready;
}

static PyObject *unbound_class(PyObject *self, void *Py_UNUSED(closure))
{
    PyTypeObject *type = Py_TYPE(self);
    int waits = unbound_waits(self);
    if (waits < 0)
        return NULL;
    if (waits == 0) {
        PyObject *found = unbound_find(self);
        if (found == NULL)
            return NULL;
        type = unbound_type_for(module_state_of(Py_TYPE(self)), found);
        Py_DECREF(found);
    }
    Py_INCREF(type);
    return (PyObject *)type;
}

static bool is_special(PyObject *name)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(name);
    return length > 4 && PyUnicode_READ_CHAR(name, 0) == '_' && PyUnicode_READ_CHAR(name, 1) == '_' &&
           PyUnicode_READ_CHAR(name, length - 1) == '_' && PyUnicode_READ_CHAR(name, length - 2) == '_';
}

static PyObject *unbound_getattro(PyObject *self, PyObject *name)
{
    if (is_special(name)) {
        int waits = PyUnicode_CompareWithASCIIString(name, "__class__") == 0 ? 1 : unbound_waits(self);
        if (waits != 0)
            return waits < 0 ? NULL : PyObject_GenericGetAttr(self, name);
    }
    return pyunbound_settle(self) < 0 ? NULL : PyObject_GetAttr(self, name);
}

/* "<comem global 'name', waiting: ...>" with the sentence of the exception that is set, which goes. */
static PyObject *unbound_describe(PyObject *self)
{
    if (!PyErr_ExceptionMatches(PyExc_Exception))
        return NULL;
    PyObject *request = pyunbound_is(self) ? *unbound_request(self) : self;
    if (!PyTuple_CheckExact(request)) { /* another thread has found it by now */
        PyErr_Clear();
        return PyObject_Repr(self);
    }
    PyObject *type, *error, *traceback;
    PyErr_Fetch(&type, &error, &traceback);
    PyErr_NormalizeException(&type, &error, &traceback);
    PyObject *text = PyUnicode_FromFormat("<comem global %R, waiting: %S>", PyTuple_GET_ITEM(request, 0), error);
    Py_XDECREF(type);
    Py_XDECREF(error);
    Py_XDECREF(traceback);
    return text;
}

static PyObject *unbound_repr(PyObject *self)
{
    if (pyunbound_settle(self) == 0)
        return PyObject_Repr(self);
    return unbound_describe(self);
}

static PyObject *unbound_str(PyObject *self)
{
    if (pyunbound_settle(self) == 0)
        return PyObject_Str(self);
    return unbound_describe(self);
}

/* ---- all other slots: of any of the types that it may become ----------------------------------------------------- */

static int unbound_setattro(PyObject *self, PyObject *name, PyObject *value)
{
    return pyunbound_settle(self) < 0 ? -1 : PyObject_SetAttr(self, name, value);
}

static Py_hash_t unbound_hash(PyObject *self)
{
    return pyunbound_settle(self) < 0 ? -1 : PyObject_Hash(self);
}

static PyObject *unbound_richcompare(PyObject *self, PyObject *other, int operation)
{
    if (pyunbound_settle(self) < 0 || pyunbound_settle(other) < 0)
        return NULL;
    return Py_TYPE(self)->tp_richcompare(self, other,
                                         operation); /* the interpreter asks `other` if this does not know */
}

static PyObject *unbound_iter(PyObject *self)
{
    return pyunbound_settle(self) < 0 ? NULL : PyObject_GetIter(self);
}

static int unbound_bool(PyObject *self)
{
    return pyunbound_settle(self) < 0 ? -1 : PyObject_IsTrue(self);
}

static Py_ssize_t unbound_length(PyObject *self)
{
    return pyunbound_settle(self) < 0 ? -1 : PyObject_Size(self);
}

static PyObject *unbound_subscript(PyObject *self, PyObject *key)
{
    return pyunbound_settle(self) < 0 ? NULL : PyObject_GetItem(self, key);
}

static int unbound_assign_subscript(PyObject *self, PyObject *key, PyObject *value)
{
    if (pyunbound_settle(self) < 0)
        return -1;
    return value == NULL ? PyObject_DelItem(self, key) : PyObject_SetItem(self, key, value);
}

static int unbound_contains(PyObject *self, PyObject *object)
{
    return pyunbound_settle(self) < 0 ? -1 : PySequence_Contains(self, object);
}

/* Asked for an item by its number, the caller has added the length to a negative one already, so the slot must be called. */
static PyObject *unbound_item(PyObject *self, Py_ssize_t index)
{
    if (pyunbound_settle(self) < 0)
        return NULL;
    const PySequenceMethods *methods = Py_TYPE(self)->tp_as_sequence;
    bool has = methods != NULL && methods->sq_item != NULL;
    return has ? methods->sq_item(self, index) : PySequence_GetItem(self, index); /* which says that it is none */
}

static int unbound_assign_item(PyObject *self, Py_ssize_t index, PyObject *value)
{
    if (pyunbound_settle(self) < 0)
        return -1;
    const PySequenceMethods *methods = Py_TYPE(self)->tp_as_sequence;
    if (methods != NULL && methods->sq_ass_item != NULL)
        return methods->sq_ass_item(self, index, value);
    return value == NULL ? PySequence_DelItem(self, index) : PySequence_SetItem(self, index, value);
}

static PyObject *unbound_concat(PyObject *self, PyObject *other)
{
    return pyunbound_settle(self) < 0 ? NULL : PySequence_Concat(self, other);
}

static PyObject *unbound_repeat(PyObject *self, Py_ssize_t times)
{
    return pyunbound_settle(self) < 0 ? NULL : PySequence_Repeat(self, times);
}

static PyObject *unbound_inplace_concat(PyObject *self, PyObject *other)
{
    return pyunbound_settle(self) < 0 ? NULL : PySequence_InPlaceConcat(self, other);
}

static PyObject *unbound_inplace_repeat(PyObject *self, Py_ssize_t times)
{
    return pyunbound_settle(self) < 0 ? NULL : PySequence_InPlaceRepeat(self, times);
}

/* ---- operators --------------------------------------------------------------------------------------------------- */

/* The operators of a shared object, NULL for any other: the interpreter asks those itself. */
static const PyNumberMethods *operators_of(PyObject *object)
{
    return module_find(Py_TYPE(object)) == NULL ? NULL : Py_TYPE(object)->tp_as_number;
}

static binaryfunc operator_at(PyObject *object, size_t place)
{
    const PyNumberMethods *operators = operators_of(object);
    binaryfunc function = NULL;
    if (operators != NULL)
        memcpy(&function, (const char *)operators + place, sizeof(function));
    return function;
}

/* Does what the interpreter would have done with these operands: the left one's type first, then the right one's. */
static PyObject *unbound_operate(PyObject *left, PyObject *right, size_t place)
{
    if (pyunbound_settle(left) < 0 || pyunbound_settle(right) < 0)
        return NULL;
    binaryfunc first = operator_at(left, place), second = operator_at(right, place);
    PyObject *result = first == NULL ? NULL : first(left, right);
    if (first != NULL && result != Py_NotImplemented)
        return result;
    Py_XDECREF(result);
    if (second == NULL || second == first)
        Py_RETURN_NOTIMPLEMENTED;
    return second(left, right);
}

static PyObject *unbound_operate_inplace(PyObject *self, PyObject *other, size_t place)
{
    if (pyunbound_settle(self) < 0)
        return NULL;
    binaryfunc function = operator_at(self, place);
    if (function == NULL)
        Py_RETURN_NOTIMPLEMENTED;
    return function(self, other);
}

#define UNBOUND_OPERATOR(name, how)                                    \
    static PyObject *unbound_##name(PyObject *left, PyObject *right)   \
    {                                                                  \
        return how(left, right, offsetof(PyNumberMethods, nb_##name)); \
    }

UNBOUND_OPERATOR(add, unbound_operate)
UNBOUND_OPERATOR(multiply, unbound_operate)
UNBOUND_OPERATOR(or, unbound_operate)
UNBOUND_OPERATOR(inplace_add, unbound_operate_inplace)
UNBOUND_OPERATOR(inplace_subtract, unbound_operate_inplace)
UNBOUND_OPERATOR(inplace_multiply, unbound_operate_inplace)
UNBOUND_OPERATOR(inplace_or, unbound_operate_inplace)

/* ---- what is looked up on the type ------------------------------------------------------------------------------- */

PyDoc_STRVAR(reduce_doc, "__reduce__($self, /)\n--\n\nFor pickle: that of the shared object.");

static PyObject *unbound_reduce(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return pyunbound_settle(self) < 0 ? NULL : PyObject_CallMethod(self, "__reduce__", NULL);
}

PyDoc_STRVAR(copy_doc, "__copy__($self, /)\n--\n\nFor copy.copy(): that of the shared object.");

static PyObject *unbound_copy(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return pyunbound_settle(self) < 0 ? NULL : PyObject_CallMethod(self, "__copy__", NULL);
}

PyDoc_STRVAR(reversed_doc, "__reversed__($self, /)\n--\n\nThat of the shared object.");

static PyObject *unbound_reversed(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return pyunbound_settle(self) < 0 ? NULL : PyObject_CallFunctionObjArgs((PyObject *)&PyReversed_Type, self, NULL);
}

/* ---- the type ---------------------------------------------------------------------------------------------------- */

PyDoc_STRVAR(unbound_doc,
             "A global that waits for its store: the first use makes it the List, Dict or Value it stands for.");

static PyMethodDef unbound_methods[] = {
    {"__reduce__", unbound_reduce, METH_NOARGS, reduce_doc},
    {"__copy__", unbound_copy, METH_NOARGS, copy_doc},
    {"__reversed__", unbound_reversed, METH_NOARGS, reversed_doc},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef unbound_attributes[] = {
    {"__class__", unbound_class, NULL, "The type of the shared object.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot unbound_slots[] = {
    {Py_tp_doc, (void *)unbound_doc},
    {Py_tp_dealloc, (void *)pyunbound_dealloc},
    {Py_tp_traverse, (void *)unbound_traverse},
    {Py_tp_methods, unbound_methods},
    {Py_tp_getset, unbound_attributes},
    {Py_tp_members, pyobject_members},
    {Py_tp_getattro, (void *)unbound_getattro},
    {Py_tp_setattro, (void *)unbound_setattro},
    {Py_tp_repr, (void *)unbound_repr},
    {Py_tp_str, (void *)unbound_str},
    {Py_tp_hash, (void *)unbound_hash},
    {Py_tp_richcompare, (void *)unbound_richcompare},
    {Py_tp_iter, (void *)unbound_iter},
    {Py_mp_length, (void *)unbound_length},
    {Py_mp_subscript, (void *)unbound_subscript},
    {Py_mp_ass_subscript, (void *)unbound_assign_subscript},
    {Py_sq_length, (void *)unbound_length},
    {Py_sq_item, (void *)unbound_item},
    {Py_sq_ass_item, (void *)unbound_assign_item},
    {Py_sq_contains, (void *)unbound_contains},
    {Py_sq_concat, (void *)unbound_concat},
    {Py_sq_repeat, (void *)unbound_repeat},
    {Py_sq_inplace_concat, (void *)unbound_inplace_concat},
    {Py_sq_inplace_repeat, (void *)unbound_inplace_repeat},
    {Py_nb_bool, (void *)unbound_bool},
    {Py_nb_add, (void *)unbound_add},
    {Py_nb_multiply, (void *)unbound_multiply},
    {Py_nb_or, (void *)unbound_or},
    {Py_nb_inplace_add, (void *)unbound_inplace_add},
    {Py_nb_inplace_subtract, (void *)unbound_inplace_subtract},
    {Py_nb_inplace_multiply, (void *)unbound_inplace_multiply},
    {Py_nb_inplace_or, (void *)unbound_inplace_or},
    {0, NULL},
};

static PyType_Spec unbound_spec = {
    .name = "comem._engine.Unbound",
    .basicsize = sizeof(struct unbound_object),
    .flags = MODULE_NO_INSTANCES | Py_TPFLAGS_HAVE_GC,
    .slots = unbound_slots,
};

int pyunbound_setup(PyObject *module)
{
    struct module_state *state = module_state(module);
    for (unsigned i = 0; i < KINDS; i++) {
        PyTypeObject *type = state->native_types[i];
        if (type->tp_basicsize != (Py_ssize_t)sizeof(struct unbound_object) || !PyType_IS_GC(type)) {
            PyErr_Format(PyExc_SystemError, "%s is not laid out as what becomes one", type->tp_name);
            return -1;
        }
    }
    state->unbound_type = module_make_type(module, &unbound_spec);
    return state->unbound_type == NULL ? -1 : PyModule_AddType(module, state->unbound_type);
}
