/* pydict.h - comem.Dict, its Manager face, its views and its iterators, as the other files see them
 *
 * What both types have in common stands in the files pydict*.c and is declared here; PYDICT_METHODS and PYDICT_SLOTS put it
 * into both.
 */
#ifndef COMEM_PYTHON_PYDICT_H
#define COMEM_PYTHON_PYDICT_H

#include "pykey.h"
#include "pyobject.h"
#include "pypickle.h"
#include "pyvalue.h"

#include "objects/dict.h"

/* The engine's handle in a Dict. Borrowed. */
static inline comem_dict *pydict_of(PyObject *self)
{
    return (comem_dict *)(void *)pyobject_of(self);
}

/* Whether `object` is a Dict or a subclass's, when neither it nor another operand is known to be. */
bool pydict_is_dict(PyObject *object);

/* The engine's handle behind `object` when it is a Dict (or a subclass's), else NULL. `self` is any Dict. Borrowed. */
comem_dict *pydict_handle(PyObject *self, PyObject *object);

/* Raises for `status`; a key that was not found is the KeyError's argument. Returns NULL. */
PyObject *pydict_raise(PyObject *self, comem_status status, PyObject *key);

/* The object for `value`, which was under `key` in the Dict `self`; it is cleared. NULL with an exception. */
static inline PyObject *pydict_object(PyObject *self, PyObject *key, comem_value *value)
{
    PyObject *object = pyvalue_into_python(self, value);
    if (UNLIKELY(object == NULL))
        pypickle_at_key(self, key);
    return object;
}

/* ---- pydict.c: single keys ---- */

/* The object under `key`. NULL without an exception when there is none. */
PyObject *pydict_lookup(PyObject *self, PyObject *key);

Py_ssize_t pydict_length(PyObject *self);
PyObject *pydict_subscript(PyObject *self, PyObject *key);
int pydict_assign_subscript(PyObject *self, PyObject *key, PyObject *object);
int pydict_contains(PyObject *self, PyObject *key);
PyObject *pydict_get(PyObject *self, PyObject *const *arguments, Py_ssize_t count);
PyObject *pydict_setdefault(PyObject *self, PyObject *const *arguments, Py_ssize_t count);
PyObject *pydict_clear(PyObject *self, PyObject *unused);
extern const char pydict_get_doc[], pydict_setdefault_doc[], pydict_clear_doc[];

/* ---- pydict_change.c: what depends on what was there ---- */

PyObject *pydict_pop(PyObject *self, PyObject *const *arguments, Py_ssize_t count);
PyObject *pydict_popitem(PyObject *self, PyObject *unused);
PyObject *pydict_add(PyObject *self, PyObject *const *arguments, Py_ssize_t count);
PyObject *pydict_cas(PyObject *self, PyObject *const *arguments, Py_ssize_t count);
PyObject *pydict_update_if(PyObject *self, PyObject *const *arguments, Py_ssize_t count);
extern const char pydict_pop_doc[], pydict_popitem_doc[], pydict_add_doc[], pydict_cas_doc[], pydict_update_if_doc[];

/* Puts comem.MISSING and comem.KEEP into the module. 0, or -1 with an exception. */
int pydict_marks_setup(PyObject *module);

/* ---- pydict_many.c: many keys at once ---- */

/* Keys, values or both as they stood at one moment. */
struct dict_snapshot {
    PyObject *memory;           /* a bytes object that all of it is in, but for long texts */
    comem_value *keys, *values; /* NULL: not read */
    char *texts;                /* the short ones */
    size_t count;
};

/* Reads the Dict `self`. 0, or -1 with an exception. */
int dict_snapshot_take(struct dict_snapshot *snapshot, PyObject *self, enum dict_part part);
void dict_snapshot_clear(struct dict_snapshot *snapshot);

/* The object for a key, a value or a pair, which has number `i` and is cleared. NULL with an exception. */
PyObject *dict_part_object(PyObject *self, enum dict_part part, size_t i, comem_value *key, comem_value *value);
/* The same for what stands in a snapshot, where nothing is left of it. */
PyObject *dict_snapshot_object(struct dict_snapshot *snapshot, PyObject *self, enum dict_part part, size_t i);

/* What it holds at one moment, as a new built-in dict. */
PyObject *pydict_snapshot(PyObject *self);

/* The same as a new built-in list of keys, values or pairs. */
PyObject *pydict_list(PyObject *self, enum dict_part part);

/* The same for repr(), of the first `most` pairs, where what cannot be unpickled is something that says so. */
PyObject *pydict_shown(PyObject *self, Py_ssize_t most);

/* Stores what `source` holds, a mapping or an iterable of pairs: all of it or nothing. `memo` is of the call. 0, or -1 with an
 * exception. */
int pydict_fill(PyObject *self, PyObject *source, pydeep_memo *memo);
/* The same as a call. */
int pydict_fill_any(PyObject *self, PyObject *source);
/* The same for the arguments of dict.update() or dict(), which `name` names. */
int pydict_fill_from(PyObject *self, const char *name, PyObject *arguments, PyObject *keywords);

PyObject *pydict_richcompare(PyObject *self, PyObject *other, int operation);
PyObject *pydict_or(PyObject *left, PyObject *right);
PyObject *pydict_inplace_or(PyObject *self, PyObject *other);
PyObject *pydict_update(PyObject *self, PyObject *arguments, PyObject *keywords);
extern const char pydict_update_doc[];

/* ---- pydict_view.c: views and iterators ---- */

PyObject *pydict_iterate(PyObject *self);
PyObject *pydict_reversed(PyObject *self, PyObject *unused);
/* A view of the Dict `self`. */
PyObject *pydict_view(PyObject *self, enum dict_part part);
int pydict_view_setup(PyObject *module);
extern const char pydict_reversed_doc[];

/* ---- both types ---- */

#define PYDICT_SLOTS                                                                                         \
    {Py_nb_or, (void *)pydict_or}, {Py_nb_inplace_or, (void *)pydict_inplace_or},                            \
        {Py_tp_richcompare, (void *)pydict_richcompare}, {Py_tp_iter, (void *)pydict_iterate},               \
        {Py_mp_length, (void *)pydict_length}, {Py_sq_length, (void *)pydict_length},                        \
        {Py_mp_subscript, (void *)pydict_subscript}, {Py_mp_ass_subscript, (void *)pydict_assign_subscript}, \
    {                                                                                                        \
        Py_sq_contains, (void *)pydict_contains                                                              \
    }

#define PYDICT_METHODS                                                                               \
    {"get", PYOBJECT_METHOD(pydict_get), METH_FASTCALL, pydict_get_doc},                             \
        {"setdefault", PYOBJECT_METHOD(pydict_setdefault), METH_FASTCALL, pydict_setdefault_doc},    \
        {"pop", PYOBJECT_METHOD(pydict_pop), METH_FASTCALL, pydict_pop_doc},                         \
        {"popitem", pydict_popitem, METH_NOARGS, pydict_popitem_doc},                                \
        {"clear", pydict_clear, METH_NOARGS, pydict_clear_doc},                                      \
        {"update", PYOBJECT_METHOD(pydict_update), METH_VARARGS | METH_KEYWORDS, pydict_update_doc}, \
        {"add", PYOBJECT_METHOD(pydict_add), METH_FASTCALL, pydict_add_doc},                         \
        {"cas", PYOBJECT_METHOD(pydict_cas), METH_FASTCALL, pydict_cas_doc},                         \
        {"update_if", PYOBJECT_METHOD(pydict_update_if), METH_FASTCALL, pydict_update_if_doc},       \
    {                                                                                                \
        "__reversed__", pydict_reversed, METH_NOARGS, pydict_reversed_doc                            \
    }

#endif
