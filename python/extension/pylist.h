/* pylist.h - comem.List, its Manager face and its iterators, as the other files see them
 *
 * What both types have in common stands in the files pylist*.c and is declared here; PYLIST_METHODS and PYLIST_SLOTS put it
 * into both.
 */
#ifndef COMEM_PYTHON_PYLIST_H
#define COMEM_PYTHON_PYLIST_H

#include "pyobject.h"

/* The engine's handle in a List. Borrowed. */
static inline comem_list *pylist_of(PyObject *self)
{
    return (comem_list *)(void *)pyobject_of(self);
}

/* Whether `object` is a List or a subclass's, when neither it nor another operand is known to be. */
bool pylist_is_list(PyObject *object);

/* The engine's handle behind `object` when it is a List (or a subclass's), else NULL. `container` is any List. Borrowed. */
comem_list *pylist_handle(PyObject *container, PyObject *object);

/* The items as they stood at one moment, as a new built-in list. */
PyObject *pylist_snapshot(PyObject *self);
PyObject *pylist_shown(PyObject *self, Py_ssize_t most);

/* Appends the items of any iterable. 0, or -1 with an exception. */
int pylist_extend_any(PyObject *self, PyObject *iterable);
int pylist_fill(PyObject *self, PyObject *iterable, pydeep_memo *memo);

/* pylist_slice.c: l[slice], l[slice] = object, del l[slice] with NULL. */
PyObject *pylist_get_slice(PyObject *self, PyObject *slice);
int pylist_assign_slice(PyObject *self, PyObject *slice, PyObject *object);

/* Slots of both types. */
PyObject *pylist_richcompare(PyObject *self, PyObject *other, int operation);
Py_ssize_t pylist_length(PyObject *self);
PyObject *pylist_item(PyObject *self, Py_ssize_t index);
int pylist_assign_item(PyObject *self, Py_ssize_t index, PyObject *object);
PyObject *pylist_subscript(PyObject *self, PyObject *key);
int pylist_assign_subscript(PyObject *self, PyObject *key, PyObject *object);
int pylist_contains(PyObject *self, PyObject *object);
PyObject *pylist_add(PyObject *left, PyObject *right);
PyObject *pylist_concat(PyObject *self, PyObject *other);
PyObject *pylist_multiply(PyObject *left, PyObject *right);
PyObject *pylist_repeat(PyObject *self, Py_ssize_t times);
PyObject *pylist_inplace_extend(PyObject *self, PyObject *iterable);
PyObject *pylist_inplace_multiply(PyObject *self, PyObject *factor);
PyObject *pylist_inplace_repeat(PyObject *self, Py_ssize_t times);

/* Both as numbers and as sequences: the standard proxy has methods for the numbers, which would come first otherwise; the
 * sequences raise the built-in list's TypeError, and serve operator.concat() and the like. */
#define PYLIST_SLOTS                                                                                                   \
    {Py_nb_add, (void *)pylist_add}, {Py_nb_multiply, (void *)pylist_multiply},                                        \
        {Py_nb_inplace_add, (void *)pylist_inplace_extend}, {Py_nb_inplace_multiply, (void *)pylist_inplace_multiply}, \
        {Py_tp_richcompare, (void *)pylist_richcompare}, {Py_tp_iter, (void *)pyiterator_new},                         \
        {Py_mp_length, (void *)pylist_length}, {Py_mp_subscript, (void *)pylist_subscript},                            \
        {Py_mp_ass_subscript, (void *)pylist_assign_subscript}, {Py_sq_length, (void *)pylist_length},                 \
        {Py_sq_item, (void *)pylist_item}, {Py_sq_ass_item, (void *)pylist_assign_item},                               \
        {Py_sq_contains, (void *)pylist_contains}, {Py_sq_concat, (void *)pylist_concat},                              \
        {Py_sq_repeat, (void *)pylist_repeat}, {Py_sq_inplace_concat, (void *)pylist_inplace_extend},                  \
    {                                                                                                                  \
        Py_sq_inplace_repeat, (void *)pylist_inplace_repeat                                                            \
    }

/* Methods of both types. */
PyObject *pylist_append(PyObject *self, PyObject *object);
PyObject *pylist_extend(PyObject *self, PyObject *iterable);
PyObject *pylist_insert(PyObject *self, PyObject *const *arguments, Py_ssize_t count);
PyObject *pylist_pop(PyObject *self, PyObject *const *arguments, Py_ssize_t count);
PyObject *pylist_remove(PyObject *self, PyObject *object);
PyObject *pylist_clear(PyObject *self, PyObject *unused);
PyObject *pylist_index(PyObject *self, PyObject *const *arguments, Py_ssize_t count);
PyObject *pylist_count(PyObject *self, PyObject *object);
PyObject *pylist_reverse(PyObject *self, PyObject *unused);
PyObject *pylist_sort(PyObject *self, PyObject *arguments, PyObject *keywords);
PyObject *pylist_reversed(PyObject *self, PyObject *unused);
extern const char pylist_append_doc[], pylist_extend_doc[], pylist_insert_doc[], pylist_pop_doc[], pylist_remove_doc[],
    pylist_clear_doc[], pylist_index_doc[], pylist_count_doc[], pylist_reverse_doc[], pylist_sort_doc[],
    pylist_reversed_doc[];

#define PYLIST_METHODS                                                                                                \
    {"append", pylist_append, METH_O, pylist_append_doc}, {"extend", pylist_extend, METH_O, pylist_extend_doc},       \
        {"insert", PYOBJECT_METHOD(pylist_insert), METH_FASTCALL, pylist_insert_doc},                                 \
        {"pop", PYOBJECT_METHOD(pylist_pop), METH_FASTCALL, pylist_pop_doc},                                          \
        {"remove", pylist_remove, METH_O, pylist_remove_doc}, {"clear", pylist_clear, METH_NOARGS, pylist_clear_doc}, \
        {"index", PYOBJECT_METHOD(pylist_index), METH_FASTCALL, pylist_index_doc},                                    \
        {"count", pylist_count, METH_O, pylist_count_doc},                                                            \
        {"reverse", pylist_reverse, METH_NOARGS, pylist_reverse_doc},                                                 \
        {"sort", PYOBJECT_METHOD(pylist_sort), METH_VARARGS | METH_KEYWORDS, pylist_sort_doc},                        \
    {                                                                                                                 \
        "__reversed__", pylist_reversed, METH_NOARGS, pylist_reversed_doc                                             \
    }

/* pyiterator.c: a new iterator of the List `self`. */
PyObject *pyiterator_new(PyObject *self);
PyObject *pyiterator_new_reversed(PyObject *self);
int pyiterator_setup(PyObject *module);

#endif
