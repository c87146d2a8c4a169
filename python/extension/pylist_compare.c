/* pylist_compare.c - comem.List's ==, <, and so on
 *
 * In pieces       Scalars are compared as values, without an object of them: a piece of the one list, as many of the other. A
 *                 piece of another moment than the first one, or an item that is no scalar, ends this without an answer.
 * By copies       Then both are compared as built-in lists of what they hold at one moment: the foreign code that this runs
 *                 may change them, and it does not notice.
 * Cost            10 ns an item for numbers; by copies what the objects and their comparison cost.
 */
#include "pylist_many.h"

#include "pylist.h"
#include "pyvalue.h"
#include "value/order.h"

#define PIECE 256u  /* items; two pieces fit into half of the processor's first cache */
#define UNDECIDED 2 /* neither true nor false */

/* ---- in pieces --------------------------------------------------------------------------------------------------- */

/* One of the two lists, a List or a built-in one. */
struct side {
    PyObject *list;
    bool shared;
    size_t length, count; /* items of the list; values of the piece */
    struct list_moment moment;
    comem_value values[PIECE];
};

/* 0, or -1 with an exception. */
static int side_open(struct side *side, PyObject *list, bool shared)
{
    side->list = list;
    side->shared = shared;
    side->count = 0;
    if (!shared) {
        side->length = (size_t)PyList_GET_SIZE(list);
        return 0;
    }
    comem_status status = list_read_moment(pylist_of(list), COMEM_SLICE_ALL, NULL, 0, &side->length, &side->moment);
    return status == COMEM_OK ? 0 : pyobject_fail(list, status);
}

static void side_clear(struct side *side)
{
    while (side->count > 0)
        pyvalue_clear(&side->values[--side->count]);
}

/* The value of an item of a built-in list, borrowed. Whether it has one that needs no memory. */
static bool side_take(PyObject *object, comem_value *value)
{
    PyObject *owner = NULL;
    if (LIKELY(pyvalue_is_small(object))) {
        *value = comem_int(pyvalue_small(object));
        return true;
    }
    if (PyUnicode_CheckExact(object) && !PyUnicode_IS_COMPACT_ASCII(object))
        return false;
    return pyvalue_from_scalar(object, value, &owner) > 0;
}

/* Reads `count` values from item `at` on. 1; 0 when that does not go in pieces; -1 with an exception. */
static int side_read(struct side *side, size_t at, size_t count)
{
    struct list_moment now;
    if (!side->shared) { /* what is borrowed is good until the engine is called, where other threads may run */
        if ((size_t)PyList_GET_SIZE(side->list) != side->length)
            return 0;
        for (size_t i = 0; i < count; i++)
            if (!side_take(PyList_GET_ITEM(side->list, (Py_ssize_t)(at + i)), &side->values[i]))
                return 0;
        return 1;
    }
    comem_slice slice = {(int64_t)at, (int64_t)(at + count), 1};
    comem_status status = list_read_moment(pylist_of(side->list), slice, side->values, PIECE, &side->count, &now);
    if (status != COMEM_OK)
        return pyobject_fail(side->list, status);
    return side->count == count && now.table == side->moment.table && now.version == side->moment.version;
}

/* Compares values up to the first two that differ. 1, and *order says how; 0 when they are not all scalars. */
static int compare_values(const comem_value *ones, const comem_value *others, size_t count, enum order *order)
{
    for (size_t i = 0; i < count && *order == ORDER_EQUAL; i++) {
        const comem_value *one = &ones[i], *other = &others[i];
        if (LIKELY(one->kind == COMEM_INT && other->kind == COMEM_INT && one->as.integer == other->as.integer))
            continue;
        if (one->kind > COMEM_BYTES || other->kind > COMEM_BYTES)
            return 0;
        *order = order_values(one, other);
    }
    return 1;
}

/* Compares the lists' items up to the first two that differ. 1, and *order says how; 0 when that does not go in pieces; -1 with
 * an exception. */
static int compare_pieces(struct side *one, struct side *other, enum order *order)
{
    size_t both = one->length < other->length ? one->length : other->length;
    int result = 1;
    for (size_t at = 0; at < both && result == 1 && *order == ORDER_EQUAL; at += PIECE) {
        size_t count = both - at < PIECE ? both - at : PIECE;
        result = side_read(one, at, count);
        if (result == 1)
            result = side_read(other, at, count); /* the built-in one is last */
        if (result == 1)
            result = compare_values(one->values, other->values, count, order);
        side_clear(one);
        side_clear(other);
    }
    return result;
}

/* What `operation` says of two that stand in this order; UNDECIDED where the built-in list raises an exception. */
static int order_answers(enum order order, int operation)
{
    switch (operation) {
    case Py_EQ:
        return order == ORDER_EQUAL;
    case Py_NE:
        return order != ORDER_EQUAL;
    case Py_LT:
        return order == ORDER_NONE ? UNDECIDED : order == ORDER_BEFORE;
    case Py_LE:
        return order == ORDER_NONE ? UNDECIDED : order == ORDER_BEFORE || order == ORDER_EQUAL;
    case Py_GT:
        return order == ORDER_NONE ? UNDECIDED : order == ORDER_AFTER;
    default:
        return order == ORDER_NONE ? UNDECIDED : order == ORDER_AFTER || order == ORDER_EQUAL;
    }
}

/* 1, 0, UNDECIDED, or -1 with an exception. */
static int compare_scalars(PyObject *self, PyObject *other, bool shared, int operation)
{
    struct side one, two;
    if (side_open(&one, self, true) < 0 || side_open(&two, other, shared) < 0)
        return -1;
    enum order order = ORDER_EQUAL;
    bool alike = one.length == two.length;
    if (!alike && (operation == Py_EQ || operation == Py_NE))
        return operation == Py_NE;
    int result = compare_pieces(&one, &two, &order);
    if (result != 1)
        return result == 0 ? UNDECIDED : -1;
    if (order == ORDER_EQUAL && !alike)
        order = one.length < two.length ? ORDER_BEFORE : ORDER_AFTER;
    return order_answers(order, operation);
}

/* ---- by copies --------------------------------------------------------------------------------------------------- */

static PyObject *compare_copies(PyObject *self, PyObject *other, bool shared, int operation)
{
    PyObject *own = pylist_snapshot(self);
    PyObject *others = own == NULL ? NULL : other;
    if (own != NULL && shared)
        others = pylist_snapshot(other);
    else
        Py_XINCREF(others);
    PyObject *result = others == NULL ? NULL : PyObject_RichCompare(own, others, operation);
    Py_XDECREF(others);
    Py_XDECREF(own);
    return result;
}

PyObject *pylist_richcompare(PyObject *self, PyObject *other, int operation)
{
    comem_list *shared = pylist_handle(self, other);
    if (shared == NULL && !PyList_Check(other))
        Py_RETURN_NOTIMPLEMENTED;
    if (shared == pylist_of(self)) { /* at one moment it is equal to itself */
        bool asked = operation == Py_EQ || operation == Py_NE || pylist_length(self) >= 0;
        return asked ? PyBool_FromLong(order_answers(ORDER_EQUAL, operation)) : NULL;
    }
    int answer = UNDECIDED;
    if (shared != NULL || PyList_CheckExact(other)) /* a class of the program's may compare in its own way */
        answer = compare_scalars(self, other, shared != NULL, operation);
    if (answer == UNDECIDED)
        return compare_copies(self, other, shared != NULL, operation);
    return answer < 0 ? NULL : PyBool_FromLong(answer);
}
