/* pykey.c - Python objects to keys of shared dicts: all but short text and small ints
 *
 * Plain        None, numbers of any size, str, bytes, and tuples and frozensets of these, of exactly these types,
 *              become values, and the engine makes the canonical form.
 * Other keys   comem._keys.canonical() gives what they are equal to in every process. keys() gives back what was
 *              stored, so the object goes along as a value, where it may be stored.
 */
#include "pykey.h"

#include "pypack.h"
#include "pypickle.h"

void pykey_clear_other(struct pykey *key)
{
    key_clear(&key->key);
    Py_CLEAR(key->owner);
    Py_CLEAR(key->canonical_owner);
}

/* 0; or -1 with an exception, and what the key borrows from is dropped. */
static int pykey_finish(PyObject *container, struct pykey *key, comem_status status)
{
    if (LIKELY(status == COMEM_OK))
        return 0;
    Py_CLEAR(key->owner);
    Py_CLEAR(key->canonical_owner);
    return pyobject_fail(container, status);
}

/* Loads what canonical forms are made with. 0, or -1 with an exception. */
static int pykey_prepare(struct module_state *state)
{
    if (LIKELY(state->typed_type != NULL))
        return 0;
    PyObject *module = PyImport_ImportModule("comem._keys");
    if (module == NULL)
        return -1;
    Py_XSETREF(state->canonical_function, PyObject_GetAttrString(module, "canonical"));
    if (state->canonical_function != NULL)
        state->typed_type = PyObject_GetAttrString(module, "Typed");
    Py_DECREF(module);
    return state->typed_type == NULL ? -1 : 0;
}

/* Fills key->canonical and key->canonical_owner for an object that is not plain. 0, or -1 with an exception. */
static int pykey_look_up(PyObject *container, PyObject *object, struct pykey *key)
{
    struct module_state *state = module_state_of(Py_TYPE(container));
    if (pykey_prepare(state) < 0)
        return -1;
    PyObject *canonical = PyObject_CallFunctionObjArgs(state->canonical_function, object, NULL), *owner = NULL;
    if (canonical == NULL)
        return -1;
    int plain = pypack_key(container, canonical, &key->canonical, &owner);
    if (plain == 0)
        PyErr_SetString(PyExc_SystemError, "comem._keys gave a key that is not plain");
    if (plain > 0)
        key->canonical_owner = owner == NULL ? canonical : owner;
    if (plain <= 0 || owner != NULL)
        Py_DECREF(canonical);
    return plain > 0 ? 0 : -1;
}

/* Fills key->value and key->owner with an object that is not plain, as it was given. 0, or -1 with an exception. */
static int pykey_give(PyObject *container, PyObject *object, struct pykey *key)
{
    int packed = pypack_value(container, object, &key->value, &key->owner);
    if (packed != 0)
        return packed > 0 ? 0 : -1;
    return pypickle_key(container, object, &key->value, &key->owner);
}

int pykey_from_other(PyObject *container, PyObject *object, bool stored, struct pykey *key)
{
    struct store_map *map = pyobject_of(container)->map;
    key->plain = false;
    key->owner = key->canonical_owner = NULL;
    int plain = pypack_key(container, object, &key->value, &key->owner);
    if (plain > 0)
        return pykey_finish(container, key, key_make(map, &key->value, &key->key));
    if (plain < 0 || pykey_look_up(container, object, key) < 0)
        return -1;
    if (!stored)
        return pykey_finish(container, key, key_make(map, &key->canonical, &key->key));
    if (pykey_give(container, object, key) < 0) {
        Py_CLEAR(key->canonical_owner);
        return -1;
    }
    return pykey_finish(container, key, key_make_given(map, &key->canonical, &key->value, &key->key));
}
