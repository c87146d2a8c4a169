/* pyvariable.c - comem.Value: one shared value
 *
 * A Value with a type code takes what array.array or ctypes take for it, and nothing beyond its range; one without takes
 * whatever can be stored. Objects are converted before the engine is called and after it. add() of plain numbers is one call of
 * the engine; other numbers, and what cas() compares, are worked on outside and stored if the value is still as it was read.
 */
#include "pychange.h"
#include "pyobject.h"
#include "pypack.h"
#include "pypickle.h"
#include "pyreach.h"
#include "pyvalue.h"

#include "objects/variable.h"

#define TYPECODES "'b', 'B', 'h', 'H', 'i', 'I', 'l', 'L', 'q', 'Q', 'f', 'd', '?', 'c', 'u'"

static inline comem_variable *variable_of(PyObject *self)
{
    return (comem_variable *)(void *)pyobject_of(self);
}

static inline unsigned variable_code(PyObject *self)
{
    return object_flags(pyobject_of(self)) >> OBJECT_TYPECODE_SHIFT & 0xFF;
}

/* Raises for `status`. Returns -1. */
static int variable_fail(PyObject *self, comem_status status)
{
    if (status != COMEM_OUT_OF_RANGE)
        return pyobject_fail(self, status);
    module_raise_as(PyExc_OverflowError, status);
    return -1;
}

/* The same; returns NULL. */
static PyObject *variable_raise(PyObject *self, comem_status status)
{
    variable_fail(self, status);
    return NULL;
}

/* ---- type codes -------------------------------------------------------------------------------------------------- */

/* The type code that `text` is, of `object`, the first argument of Value(). 0, or -1 with ValueError. */
static int code_of_text(PyObject *object, PyObject *text, uint32_t *code)
{
    Py_UCS4 character = PyUnicode_GET_LENGTH(text) == 1 ? PyUnicode_READ_CHAR(text, 0) : 0;
    *code = character;
    if (character > 0 && character < 128 && variable_typecode_known((char)character))
        return 0;
    PyErr_Format(PyExc_ValueError,
                 "bad typecode %.100R (must be one of " TYPECODES ", or None); for any value: "
                 "Value(None, %.100R)",
                 text, object);
    return -1;
}

/* The type code that `object`, the first argument of Value(), stands for. 0, or -1 with an exception. */
static int code_of(PyObject *object, uint32_t *code)
{
    *code = 0;
    if (object == Py_None)
        return 0;
    if (PyUnicode_Check(object))
        return code_of_text(object, object, code);
    PyObject *text = PyType_Check(object) ? PyObject_GetAttrString(object, "_type_") : NULL;
    if (text == NULL && PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_AttributeError))
        return -1;
    PyErr_Clear();
    int result = -1;
    if (text != NULL && PyUnicode_Check(text))
        result = code_of_text(object, text, code);
    else
        PyErr_Format(PyExc_TypeError,
                     "Value() takes a typecode, a ctypes type of one value, or None first, not %.100R; for any value: "
                     "Value(None, %.100R)",
                     object, object);
    Py_XDECREF(text);
    return result;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

/* These fill `value` and *owner as pyvalue_from_python(). 0, or -1 with an exception. */

static int value_from_int(PyObject *self, PyObject *object, comem_value *value, PyObject **owner)
{
    int overflow;
    PyObject *number = PyNumber_Index(object);
    if (number == NULL)
        return -1;
    *value = comem_int(PyLong_AsLongLongAndOverflow(number, &overflow));
    int packed = overflow == 0 ? 1 : pypack_value(self, number, value, owner); /* the engine says whether it fits */
    Py_DECREF(number);
    return packed < 0 ? -1 : 0;
}

static int value_from_float(unsigned code, PyObject *object, comem_value *value)
{
    double real = PyFloat_AsDouble(object);
    if (real == -1.0 && PyErr_Occurred())
        return -1;
    *value = comem_float(code == 'f' ? (double)(float)real : real);
    return 0;
}

/* One byte, as ctypes takes it. */
static int value_from_byte(PyObject *object, comem_value *value, PyObject **owner)
{
    int overflow = 0;
    long number = PyLong_Check(object) ? PyLong_AsLongAndOverflow(object, &overflow) : -1;
    char byte = (char)number;
    if (number >= 0 && number < 256 && overflow == 0)
        *owner = PyBytes_FromStringAndSize(&byte, 1);
    else if (PyBytes_Check(object) && PyBytes_GET_SIZE(object) == 1)
        *owner = PyBytes_FromStringAndSize(PyBytes_AS_STRING(object), 1);
    else if (PyByteArray_Check(object) && PyByteArray_GET_SIZE(object) == 1)
        *owner = PyBytes_FromStringAndSize(PyByteArray_AS_STRING(object), 1);
    else
        PyErr_SetString(PyExc_TypeError,
                        "one character bytes, bytearray, or an integer in range(256) expected for type 'c'");
    if (*owner == NULL)
        return -1;
    *value = comem_bytes(PyBytes_AS_STRING(*owner), 1);
    return 0;
}

static int value_from_character(PyObject *object, comem_value *value, PyObject **owner)
{
    if (!PyUnicode_Check(object) || PyUnicode_GET_LENGTH(object) != 1) {
        PyErr_Format(PyExc_TypeError, "a str of one character expected for type 'u', not %.100R", object);
        return -1;
    }
    PyObject *exact = PyUnicode_FromObject(object), *encoded;
    int result = exact == NULL ? -1 : pyvalue_from_scalar(exact, value, &encoded);
    if (result > 0)
        *owner = encoded == NULL ? exact : encoded;
    if (exact != NULL && *owner != exact)
        Py_DECREF(exact);
    return result > 0 ? 0 : -1;
}

/* For a Value with a type code. */
static __attribute__((noinline)) int value_from_typed(PyObject *self, PyObject *object, comem_value *value,
                                                      PyObject **owner)
{
    unsigned code = variable_code(self);
    int truth;
    *owner = NULL;
    switch (code) {
    case 'f':
    case 'd':
        return value_from_float(code, object, value);
    case '?':
        truth = PyObject_IsTrue(object);
        *value = comem_bool(truth > 0);
        return truth < 0 ? -1 : 0;
    case 'c':
        return value_from_byte(object, value, owner);
    case 'u':
        return value_from_character(object, value, owner);
    default:
        return value_from_int(self, object, value, owner);
    }
}

static inline int value_from(PyObject *self, PyObject *object, comem_value *value, PyObject **owner)
{
    return variable_code(self) == 0 ? pyvalue_from_python(self, object, value, owner)
                                    : value_from_typed(self, object, value, owner);
}

/* ---- get, set ---------------------------------------------------------------------------------------------------- */

static PyObject *variable_get(PyObject *self, PyObject *Py_UNUSED(unused))
{
    comem_value value;
    comem_status status = comem_variable_get(variable_of(self), &value);
    return LIKELY(status == COMEM_OK) ? pyvalue_into_python(self, &value) : variable_raise(self, status);
}

/* 0, or -1 with an exception. */
static int variable_assign(PyObject *self, PyObject *object)
{
    comem_value value;
    PyObject *owner;
    if (UNLIKELY(value_from(self, object, &value, &owner) < 0))
        return -1;
    comem_status status = variable_set(variable_of(self), &value);
    Py_XDECREF(owner);
    return LIKELY(status == COMEM_OK) ? 0 : variable_fail(self, status);
}

PyDoc_STRVAR(get_doc,
             "get($self, /)\n--\n\n"
             "The value: v.value.\n\n"
             "MemoryError when there is no memory for the result, ValueUnreadable when it cannot be unpickled\n"
             "here, GoneError. O(size of the value), about 15 ns for a number.");

PyDoc_STRVAR(set_doc,
             "set($self, value, /)\n--\n\n"
             "Store value: v.value = value.\n\n"
             "Indivisible: others read the value before or this one. With a type code TypeError for what is not of\n"
             "the type and OverflowError for an int beyond it; without, TypeError for what cannot be stored (it\n"
             "cannot be pickled). MemoryError when the store is full, GoneError. None of them changes the value.\n"
             "O(size of the value), about 30 ns for a number.");

static PyObject *variable_set_method(PyObject *self, PyObject *object)
{
    if (variable_assign(self, object) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *value_getter(PyObject *self, void *Py_UNUSED(closure))
{
    return variable_get(self, NULL);
}

static int value_setter(PyObject *self, PyObject *object, void *Py_UNUSED(closure))
{
    if (object == NULL) {
        PyErr_SetString(PyExc_AttributeError, "the value cannot be deleted");
        return -1;
    }
    return variable_assign(self, object);
}

static PyObject *typecode_getter(PyObject *self, void *Py_UNUSED(closure))
{
    unsigned code = variable_code(self);
    if (code != 0)
        return PyUnicode_FromOrdinal((int)code);
    Py_RETURN_NONE;
}

/* ---- add, cas ---------------------------------------------------------------------------------------------------- */

/* What is stored now. A new reference; NULL with an exception. */
static PyObject *variable_read(PyObject *self, struct variable_moment *moment)
{
    comem_value value;
    comem_status status = variable_find(variable_of(self), &value, moment);
    return status == COMEM_OK ? pyvalue_into_python(self, &value) : variable_raise(self, status);
}

/* Stores `value` if what is stored is as it was read. 1; 0 when it is not, to read again; -1 with an exception. */
static int variable_commit(PyObject *self, const struct variable_moment *moment, const comem_value *value,
                           unsigned *tries)
{
    bool done;
    comem_status status = variable_replace_if(variable_of(self), moment, value, &done);
    if (status == COMEM_OK)
        return done ? 1 : pychange_again(tries);
    return variable_fail(self, status);
}

/* One attempt to add as Python does: what is stored then; NULL without an exception when it was in vain. */
static PyObject *add_once(PyObject *self, PyObject *amount, unsigned *tries)
{
    struct variable_moment moment;
    comem_value value;
    PyObject *owner, *old = variable_read(self, &moment);
    PyObject *sum = old == NULL ? NULL : pychange_sum(old, amount);
    Py_XDECREF(old);
    if (sum == NULL || value_from(self, sum, &value, &owner) < 0) {
        Py_XDECREF(sum);
        return NULL;
    }
    if (variable_commit(self, &moment, &value, tries) <= 0)
        Py_CLEAR(sum);
    else if (variable_code(self) != 0) /* an int made a float, say */
        Py_SETREF(sum, pyvalue_to_python(self, &value));
    Py_XDECREF(owner);
    return sum;
}

/* add() of whatever else is a number to Python. */
static __attribute__((noinline)) PyObject *add_other(PyObject *self, PyObject *amount)
{
    unsigned code = variable_code(self), tries = 0;
    PyObject *sum = NULL;
    if (code == '?' || code == 'c' || code == 'u')
        PyErr_Format(PyExc_TypeError, "add() adds numbers, and type '%c' is none", (int)code);
    while (sum == NULL && !PyErr_Occurred())
        sum = add_once(self, amount, &tries);
    return sum;
}

PyDoc_STRVAR(add_doc,
             "add($self, amount=1, /)\n--\n\n"
             "Add amount and return the sum, which is the value then.\n\n"
             "Indivisible, unlike v.value += amount: no addition of another thread or process is lost. TypeError\n"
             "when one of them is no number or the sum is not of the type, OverflowError when it is beyond the\n"
             "type, MemoryError when the store is full, GoneError, what adding raises; none of them changes the\n"
             "value. O(1), about 50 ns for ints of 64 bits and floats; other numbers are added by Python, anew\n"
             "when the value has changed meanwhile.");

static PyObject *variable_add(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    comem_value value = comem_int(1), result;
    if (UNLIKELY(pyobject_check_count("add", count, 0, 1) < 0))
        return NULL;
    comem_status status = COMEM_TYPE;
    if (LIKELY(count == 0 || pychange_is_plain(arguments[0], &value)))
        status = comem_variable_add(variable_of(self), value, &result);
    if (LIKELY(status == COMEM_OK))
        return pyvalue_into_python(self, &result);
    if (status != COMEM_TYPE && status != COMEM_OUT_OF_RANGE)
        return variable_raise(self, status);
    if (count == 1)
        return add_other(self, arguments[0]);
    PyObject *one = PyLong_FromLong(1), *sum = one == NULL ? NULL : add_other(self, one);
    Py_XDECREF(one);
    return sum;
}

/* 1; 0 when another value is there; -1 with an exception. */
static int cas_run(PyObject *self, PyObject *expected, const comem_value *value)
{
    unsigned tries = 0;
    int done = 0;
    while (done == 0) {
        struct variable_moment moment;
        PyObject *stored = variable_read(self, &moment);
        if (stored == NULL)
            return -1;
        int equal = pychange_equal(stored, expected);
        Py_DECREF(stored);
        if (equal <= 0)
            return equal;
        done = variable_commit(self, &moment, value, &tries);
    }
    return done;
}

PyDoc_STRVAR(cas_doc,
             "cas($self, old, new, /)\n--\n\n"
             "Compare and swap: store new if the value equals old; return whether it did.\n\n"
             "Indivisible: nothing comes between the comparison and the change. TypeError and OverflowError for a\n"
             "new value as set(), MemoryError when the store is full, GoneError, what the comparison raises; none of\n"
             "them changes the value. O(size of the values), about 60 ns for numbers.");

static PyObject *variable_cas(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    comem_value value;
    PyObject *owner;
    if (pyobject_check_count("cas", count, 2, 2) < 0 || value_from(self, arguments[1], &value, &owner) < 0)
        return NULL;
    comem_status status = variable_check(variable_of(self), &value); /* said whatever is stored */
    int done = status == COMEM_OK ? cas_run(self, arguments[0], &value) : variable_fail(self, status);
    Py_XDECREF(owner);
    return done < 0 ? NULL : PyBool_FromLong(done);
}

/* ---- both types -------------------------------------------------------------------------------------------------- */

/* Equal is what shows the same shared object. */
static PyObject *variable_richcompare(PyObject *self, PyObject *other, int operation)
{
    comem_object *handle = pyobject_handle(self, other);
    if (handle == NULL || (operation != Py_EQ && operation != Py_NE))
        Py_RETURN_NOTIMPLEMENTED;
    return PyBool_FromLong((handle == pyobject_of(self)) == (operation == Py_EQ));
}

/* v += n would need an object to assign to v, and the name v is to go on meaning the shared one. */
static PyObject *variable_inplace_add(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(amount))
{
    PyErr_SetString(PyExc_TypeError, "use add(n), which is one change; .value += n would be two");
    return NULL;
}

static PyObject *variable_inplace_subtract(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(amount))
{
    PyErr_SetString(PyExc_TypeError, "use add(-n), which is one change; .value -= n would be two");
    return NULL;
}

#define VARIABLE_METHODS                                                                        \
    {"get", variable_get, METH_NOARGS, get_doc}, {"set", variable_set_method, METH_O, set_doc}, \
        {"add", PYOBJECT_METHOD(variable_add), METH_FASTCALL, add_doc},                         \
    {                                                                                           \
        "cas", PYOBJECT_METHOD(variable_cas), METH_FASTCALL, cas_doc                            \
    }

#define VARIABLE_FLAGS (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC)

/* ---- the type ---------------------------------------------------------------------------------------------------- */

static PyObject *variable_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    PyObject *first, *initial = NULL;
    uint32_t code;
    if (keywords != NULL && PyDict_GET_SIZE(keywords) != 0) {
        PyErr_SetString(
            PyExc_TypeError,
            "Value() takes a typecode and a value, by position, and no lock: .value, add() and cas() are one change "
            "each");
        return NULL;
    }
    if (!PyArg_UnpackTuple(arguments, "Value", 1, 2, &first, &initial) || code_of(first, &code) < 0)
        return NULL;
    PyObject *self = pyobject_make(type, code << OBJECT_TYPECODE_SHIFT);
    if (self != NULL && initial != NULL && !pyreach_is_unbound(pyobject_of(self)) && variable_assign(self, initial) < 0)
        Py_CLEAR(self);
    return self;
}

PyDoc_STRVAR(value_attribute_doc,
             "The value. Reading and assigning are indivisible, each for itself; v.value += 1 is two, and loses\n"
             "what others do in between: v.add(1) does not. As get() and set().");

PyDoc_STRVAR(typecode_doc, "The type code, None for any value.");

static PyGetSetDef variable_attributes[] = {
    {"value", value_getter, value_setter, value_attribute_doc, NULL},
    {"typecode", typecode_getter, NULL, typecode_doc, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(variable_copy_doc, "__copy__($self, /)\n--\n\nFor copy.copy(): another handle of the same shared value.");

PyDoc_STRVAR(variable_doc,
             "Value(typecode, value=..., /)\n--\n\n"
             "One value that every process of the program shares.\n\n"
             "typecode says what it may be: 'b' 'B' 'h' 'H' 'i' 'I' 'l' 'L' 'q' 'Q' ints, 'f' 'd' floats, '?' a\n"
             "bool, 'c' bytes of one byte, 'u' a str of one character, as array and ctypes have them; or a ctypes\n"
             "type such as ctypes.c_int; or None: anything that can be pickled, of which everybody gets copies.\n"
             "Without value it is zero, or None. ValueError, TypeError: no such typecode; then as set().\n\n"
             "Made before a fork, or handed over in another shared object, or pickled, it is the same value in\n"
             "every process: what one stores, all read at once. Every method may be called from any thread of any\n"
             "process at any time, and a process killed in one leaves the value whole. v.value += 1 is two\n"
             "operations; add() and cas() are one. Two Values are equal when they are one and the same.\n\n"
             "Any use may raise GoneError (shut down, or out of reach), DamagedError (the store's memory fails\n"
             "its checks), OSError (the thread's first use could not join the store) and RuntimeError (called\n"
             "from a C signal handler that interrupted another call). MemoryError: the store is full. About 0.5 us.");

static PyMethodDef variable_methods[] = {
    VARIABLE_METHODS,
    PYOBJECT_METHODS,
    {"__copy__", pyproxy_copy, METH_NOARGS, variable_copy_doc},
    {"__deepcopy__", pyobject_deepcopy, METH_O, pyobject_deepcopy_doc},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot variable_slots[] = {
    {Py_tp_doc, (void *)variable_doc},
    {Py_tp_new, (void *)variable_new},
    {Py_tp_dealloc, (void *)pyobject_dealloc},
    {Py_tp_traverse, (void *)pyobject_traverse},
    {Py_tp_repr, (void *)pyobject_repr},
    {Py_tp_hash, (void *)pyproxy_hash},
    {Py_tp_richcompare, (void *)variable_richcompare},
    {Py_nb_inplace_add, (void *)variable_inplace_add},
    {Py_nb_inplace_subtract, (void *)variable_inplace_subtract},
    {Py_tp_methods, variable_methods},
    {Py_tp_getset, variable_attributes},
    {Py_tp_members, pyobject_members},
    {0, NULL},
};

static PyType_Spec variable_spec = {
    .name = "comem.Value",
    .basicsize = sizeof(struct handle_object),
    .flags = VARIABLE_FLAGS,
    .slots = variable_slots,
};

/* ---- its face in a manager --------------------------------------------------------------------------------------- */

/* The object that a standard proxy refers to. */
static PyObject *proxy_referent(PyObject *self)
{
    PyObject *module = PyImport_ImportModule("multiprocessing.managers");
    PyObject *value = module == NULL ? NULL : variable_get(self, NULL);
    PyObject *referent = value == NULL ? NULL : PyObject_CallMethod(module, "Value", "OO", Py_None, value);
    Py_XDECREF(value);
    Py_XDECREF(module);
    return referent;
}

PyDoc_STRVAR(proxy_getvalue_doc,
             "_getvalue($self, /)\n--\n\nA multiprocessing.managers.Value that holds a copy of the value.");

static PyObject *proxy_getvalue(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return proxy_referent(self);
}

PyDoc_STRVAR(proxy_deepcopy_doc, "__deepcopy__($self, memo, /)\n--\n\nFor copy.deepcopy(): as _getvalue().");

static PyObject *proxy_deepcopy(PyObject *self, PyObject *Py_UNUSED(memo))
{
    return proxy_referent(self);
}

PyDoc_STRVAR(proxy_doc,
             "A value made by a manager: a comem.Value with the face of multiprocessing's ValueProxy.\n\n"
             "Operations, errors and cost are those of a comem.Value without a type code. str() gives what it\n"
             "holds, repr() the standard proxy's text, and neither raises when the manager was shut down.\n"
             "copy.copy() gives another handle, copy.deepcopy() a multiprocessing.managers.Value.");

static PyMethodDef proxy_methods[] = {
    VARIABLE_METHODS,
    PYOBJECT_METHODS,
    {"__copy__", pyproxy_copy, METH_NOARGS, pyproxy_copy_doc},
    {"__deepcopy__", proxy_deepcopy, METH_O, proxy_deepcopy_doc},
    {"_getvalue", proxy_getvalue, METH_NOARGS, proxy_getvalue_doc},
    {"_callmethod", PYOBJECT_METHOD(pyproxy_callmethod), METH_VARARGS | METH_KEYWORDS, pyproxy_callmethod_doc},
    {"_close", pyproxy_close, METH_NOARGS, pyproxy_close_doc},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot proxy_slots[] = {
    {Py_tp_doc, (void *)proxy_doc},
    {Py_tp_methods, proxy_methods},
    {Py_tp_richcompare, (void *)variable_richcompare},
    {Py_tp_init, (void *)pyproxy_refuse_init},
    PYPROXY_SLOTS,
    {0, NULL},
};

static PyType_Spec proxy_spec = {
    .name = "comem.managers.ValueProxy",
    .basicsize = sizeof(struct proxy_object),
    .flags = VARIABLE_FLAGS,
    .slots = proxy_slots,
};

/* ---- the kind ---------------------------------------------------------------------------------------------------- */

/* One that is zero, of the type code that the flags have. It holds plain lists as values whatever is wanted: it is no container. */
static comem_status pyvariable_make(comem_store *store, uint64_t scope, uint32_t flags, comem_object **object)
{
    comem_variable *variable;
    char code = (char)(flags >> OBJECT_TYPECODE_SHIFT & 0xFF);
    comem_value zero = variable_zero(code);
    uint32_t rest = flags & (OBJECT_FACE_MANAGER | OBJECT_NO_PICKLE);
    comem_status status = variable_new_in(store, scope, rest, code, &zero, &variable);
    *object = status == COMEM_OK ? &variable->object : NULL;
    return status;
}

static PyObject *pyvariable_plain(PyObject *self)
{
    return variable_get(self, NULL);
}

/* (typecode, value) */
static PyObject *pyvariable_shown(PyObject *self, Py_ssize_t Py_UNUSED(most))
{
    PyObject *value = variable_get(self, NULL);
    if (value == NULL)
        value = pypickle_shown(self);
    PyObject *code = value == NULL ? NULL : typecode_getter(self, NULL);
    PyObject *both = code == NULL ? NULL : PyTuple_Pack(2, code, value);
    Py_XDECREF(code);
    Py_XDECREF(value);
    return both;
}

/* A Value has one value: it becomes `source`. */
static int pyvariable_fill(PyObject *self, PyObject *source, pydeep_memo *Py_UNUSED(memo))
{
    return variable_assign(self, source);
}

struct kind pyvariable_kind = {
    .type = OBJECT_VARIABLE,
    .typeid = "Value",
    .nested = "...",
    .native = &variable_spec,
    .proxy = &proxy_spec,
    .make = pyvariable_make,
    .plain = pyvariable_plain,
    .shown = pyvariable_shown,
    .fill = pyvariable_fill,
};
