/* pylist.h - comem.List, its Manager face and its iterators, as the other files see them
 *
 * Two types show one kind of shared list: comem.List and comem.managers.ListProxy, a subclass. Each owns its descriptors
 * and slots, because the interpreter calls a method of C directly only on the type that has it. What they have in common
 * stands in pylist.c and pylist_many.c and is declared here.
 */
#ifndef COMEM_PYTHON_PYLIST_H
#define COMEM_PYTHON_PYLIST_H

#include "module.h"

/* A handle. `list` is never NULL in an object that Python code can see. */
struct list_object {
    PyObject_HEAD
    comem_list *list;
    PyObject *weak_references;
};

/* The engine's handle in a List. Borrowed. */
static inline comem_list *pylist_of(PyObject *self)
{
    return ((struct list_object *)(void *)self)->list;
}

/* The same as any shared object's handle. */
static inline comem_object *pylist_object(PyObject *self)
{
    return (comem_object *)(void *)pylist_of(self);
}

/* The engine's handle behind `object` when it is a List (or a subclass's), else NULL. `container` is any List. Borrowed. */
comem_list *pylist_handle(PyObject *container, PyObject *object);

/* Whether the shared list behind the List `container` was made to share all the way down. */
bool pylist_is_deep(PyObject *container);

/* A new object of `type`, a List, that takes over the handle `list`. NULL with MemoryError, and the handle is released. */
PyObject *pylist_wrap(PyTypeObject *type, comem_list *list);

/* A new List, or ListProxy where the shared list was made by a manager, for the reference `value`. The handle moves into
 * it. NULL with an exception, and the value is whole. */
PyObject *pylist_from_value(PyObject *container, comem_value *value);

/* The items as they stood at one moment, as a new built-in list. */
PyObject *pylist_snapshot(PyObject *self);

/* Appends the items of any iterable. 0, or -1 with an exception. */
int pylist_extend_any(PyObject *self, PyObject *iterable);

/* Appends a snapshot of another List, or of the same. 0, or -1 with an exception. */
int pylist_extend_shared(PyObject *self, PyObject *other);

/* The name of `type` without its module. Borrowed. */
const char *pylist_type_name(PyTypeObject *type);

/* Slot of List alone: a ListProxy represents itself otherwise. */
PyObject *pylist_repr(PyObject *self);

/* Slots of both types. */
void pylist_dealloc(PyObject *self);
int pylist_traverse(PyObject *self, visitproc visit, void *arg);
PyObject *pylist_richcompare(PyObject *self, PyObject *other, int operation);
Py_ssize_t pylist_length(PyObject *self);
PyObject *pylist_item(PyObject *self, Py_ssize_t index);
int pylist_assign_item(PyObject *self, Py_ssize_t index, PyObject *object);
PyObject *pylist_subscript(PyObject *self, PyObject *key);
int pylist_assign_subscript(PyObject *self, PyObject *key, PyObject *object);
int pylist_contains(PyObject *self, PyObject *object);
PyObject *pylist_inplace_extend(PyObject *self, PyObject *iterable);

/* Methods of both types. */
PyObject *pylist_append(PyObject *self, PyObject *object);
PyObject *pylist_extend(PyObject *self, PyObject *iterable);
PyObject *pylist_pop(PyObject *self, PyObject *const *arguments, Py_ssize_t count);
PyObject *pylist_clear(PyObject *self, PyObject *unused);
PyObject *pylist_reduce(PyObject *self, PyObject *unused);
PyObject *pylist_reversed(PyObject *self, PyObject *unused);
extern const char pylist_append_doc[], pylist_extend_doc[], pylist_pop_doc[], pylist_clear_doc[], pylist_reduce_doc[],
    pylist_reversed_doc[], pylist_class_getitem_doc[];

/* Puts List into the module. 0, or -1 with an exception. */
int pylist_setup(PyObject *module);

/* Functions of the module. */
PyObject *pylist_open(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
extern const char pylist_open_doc[];

/* pyproxy.c */
PyObject *pyproxy_new(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
PyObject *pyproxy_make_type(PyObject *module, PyObject *standard);
extern const char pyproxy_new_doc[], pyproxy_make_type_doc[];

/* pyiterator.c: a new iterator of the List `self`. */
PyObject *pyiterator_new(PyObject *self);
PyObject *pyiterator_new_reversed(PyObject *self);
int pyiterator_setup(PyObject *module);

#endif
