/* pykey.h - Python objects to keys of shared dicts
 *
 * Equal keys have one canonical form in every process (value/key.h). Short text of ASCII and small ints, which most
 * keys are, are made here and leave nothing behind; the other plain keys in pykey.c; the rest in comem/_keys.py.
 */
#ifndef COMEM_PYTHON_PYKEY_H
#define COMEM_PYTHON_PYKEY_H

#include "objects/object.h"
#include "pyobject.h"
#include "pyvalue.h"
#include "value/key.h"

/* A key and what it borrows from. It stays where it was made, and the object it was made from alive, until it is
 * cleared. */
struct pykey {
    struct key key;
    bool plain;                        /* nothing below is set, and nothing is to be cleared */
    comem_value value, canonical;      /* as it was given; what it is equal to, if that is another value */
    PyObject *owner, *canonical_owner; /* what these borrow from; NULL: nothing, or the object it was made from */
};

/* Makes the key that a short str of ASCII or a small int is; there is nothing to clear. False when `object` is neither. */
static inline bool pykey_make_plain(PyObject *container, PyObject *object, struct key *key)
{
    struct store_map *map = pyobject_of(container)->map;
    if (LIKELY(PyUnicode_CheckExact(object) && PyUnicode_IS_COMPACT_ASCII(object) &&
               PyUnicode_GET_LENGTH(object) <= (Py_ssize_t)CELL_NEAR_MAX)) {
        key_make_short(map, (const char *)PyUnicode_1BYTE_DATA(object), (size_t)PyUnicode_GET_LENGTH(object), key);
        return true;
    }
    if (LIKELY(pyvalue_is_small(object))) {
        key_make_int(map, pyvalue_small(object), key);
        return true;
    }
    return false;
}

/* The slow ends of the functions below. */
int pykey_from_other(PyObject *container, PyObject *object, bool stored, struct pykey *key);
void pykey_clear_other(struct pykey *key);

/* Makes the key that `object` is in the shared dict `container`, where it may be stored. 0, and it is to be cleared; or
 * -1 with TypeError for an object that can be no key, MemoryError, or what the object's own methods raise. */
static inline int pykey_from_python(PyObject *container, PyObject *object, struct pykey *key)
{
    key->plain = pykey_make_plain(container, object, &key->key);
    return LIKELY(key->plain) ? 0 : pykey_from_other(container, object, true, key);
}

/* The same for a key that is only looked for, or taken out. */
static inline int pykey_to_find(PyObject *container, PyObject *object, struct pykey *key)
{
    key->plain = pykey_make_plain(container, object, &key->key);
    return LIKELY(key->plain) ? 0 : pykey_from_other(container, object, false, key);
}

static inline void pykey_clear(struct pykey *key)
{
    if (UNLIKELY(!key->plain))
        pykey_clear_other(key);
}

#endif
