/* pydict_many.c - comem.Dict's many keys at once: snapshots, updates, |, comparing
 *
 * In              A built-in dict becomes arrays of keys and values before the engine is called, and goes in with one
 *                 call: all of it or nothing. Any other source becomes a built-in dict first, by dict.update(), whose
 *                 errors are raised. The arrays borrow from objects that are held until the call is over.
 * Out             Keys and values are read with one call, as they stood at one moment, and become objects afterwards.
 * Known texts     The keys of a dict that is read again are mostly those it had. A handle keeps what str it made of them, up to
 *                 KNOWN_TEXTS_MAX, and gives them again where the same text stands in the same place: making one and
 *                 its hash is half of what a copy of a dict costs.
 * Work on copies  Comparing and merging work on snapshots: the foreign code that they run may change the dict, and they
 *                 do not notice.
 */
#include "pydict.h"

#include "pyunbound.h"

#define READ_COST 10    /* nanoseconds a pair, about, for the engine to copy it */
#define UPDATE_COST 100 /* to store it */

#define KNOWN_TEXTS_MAX 65536u /* a handle keeps not more, */
#define KNOWN_TEXT_SIZE 64     /* nor longer ones: a few megabytes */

/* ---- out --------------------------------------------------------------------------------------------------------- */

void dict_snapshot_clear(struct dict_snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->count; i++) {
        if (snapshot->keys != NULL)
            pyvalue_clear(&snapshot->keys[i]);
        if (snapshot->values != NULL)
            pyvalue_clear(&snapshot->values[i]);
    }
    Py_XDECREF(snapshot->memory);
    *snapshot = (struct dict_snapshot){.count = 0};
}

static_assert(offsetof(PyBytesObject, ob_sval) % _Alignof(comem_value) == 0, "values can stand in a bytes object");

/* Room for `room` pairs, or for the part of them that is wanted. In one piece: malloc() keeps that for the next time. 0, or -1
 * with MemoryError. */
static int dict_snapshot_allocate(struct dict_snapshot *snapshot, enum dict_part part, size_t room)
{
    size_t columns = part == DICT_ITEMS ? 2 : 1;
    *snapshot = (struct dict_snapshot){.count = 0};
    snapshot->memory =
        PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(columns * room * (sizeof(comem_value) + CELL_NEAR_ROOM)));
    if (snapshot->memory == NULL)
        return -1;
    comem_value *first = (comem_value *)(void *)PyBytes_AS_STRING(snapshot->memory);
    snapshot->keys = part == DICT_VALUES ? NULL : first;
    snapshot->values = part == DICT_KEYS ? NULL : first + (columns - 1) * room;
    snapshot->texts = (char *)(first + columns * room);
    return 0;
}

/* Room is asked for some more than there are, since the dict may grow until it is read. */
int dict_snapshot_take(struct dict_snapshot *snapshot, PyObject *self, enum dict_part part)
{
    size_t count = 0;
    comem_status status = comem_dict_len(pydict_of(self), &count);
    for (;;) {
        if (status != COMEM_OK)
            return pyobject_fail(self, status);
        size_t room = count + count / 8 + 8;
        if (dict_snapshot_allocate(snapshot, part, room) < 0)
            return -1;
        PyThreadState *thread = module_let_go(room * READ_COST);
        status = dict_read_lent(pydict_of(self), snapshot->keys, snapshot->values, snapshot->texts, room, &count);
        module_take_back(thread);
        if (status == COMEM_OK && count <= room) {
            snapshot->count = count;
            return 0;
        }
        dict_snapshot_clear(snapshot);
    }
}

/* What stands in a place of a column, taken out of it; none where the column was not read. */
static comem_value value_take(comem_value *column, size_t i)
{
    comem_value value = column == NULL ? comem_none() : column[i];
    if (column != NULL)
        column[i] = comem_none();
    return value;
}

/* The text at place `i` of those that were read before, if `key` is that text. Borrowed. */
static PyObject *key_known(PyObject *texts, size_t i, const comem_value *key)
{
    if (texts == NULL || i >= (size_t)PyList_GET_SIZE(texts) || key->kind != COMEM_STR)
        return NULL;
    PyObject *text = PyList_GET_ITEM(texts, (Py_ssize_t)i);
    bool same = (size_t)PyUnicode_GET_LENGTH(text) == key->size &&
                memcmp(PyUnicode_1BYTE_DATA(text), key->as.data, key->size) == 0;
    return same ? text : NULL;
}

/* Puts a key into place `i` of the texts, which have places for those before it. 0, or -1 with MemoryError. */
static int key_remember(PyObject **texts, size_t i, PyObject *key)
{
    if (i >= KNOWN_TEXTS_MAX || !PyUnicode_CheckExact(key) || !PyUnicode_IS_COMPACT_ASCII(key) ||
        PyUnicode_GET_LENGTH(key) > KNOWN_TEXT_SIZE)
        return 0;
    if (*texts == NULL && (*texts = PyList_New(0)) == NULL)
        return -1;
    size_t count = (size_t)PyList_GET_SIZE(*texts);
    if (i > count)
        return 0;
    if (i == count)
        return PyList_Append(*texts, key);
    Py_INCREF(key);
    return PyList_SetItem(*texts, (Py_ssize_t)i, key);
}

/* The object for key number `i`, which is cleared. NULL with an exception. */
static PyObject *key_object(PyObject *self, size_t i, comem_value *key)
{
    PyObject **texts = &((struct handle_object *)(void *)self)->texts;
    PyObject *object = key_known(*texts, i, key);
    if (LIKELY(object != NULL)) {
        Py_INCREF(object);
        pyvalue_clear(key);
        return object;
    }
    object = pyvalue_into_python(self, key);
    if (object != NULL && key_remember(texts, i, object) < 0)
        Py_CLEAR(object);
    return object;
}

static PyObject *pair_object(PyObject *self, size_t i, comem_value *key, comem_value *value)
{
    PyObject *first = key_object(self, i, key);
    PyObject *second = first == NULL ? NULL : pydict_object(self, first, value);
    PyObject *pair = second == NULL ? NULL : PyTuple_Pack(2, first, second);
    pyvalue_clear(value);
    Py_XDECREF(second);
    Py_XDECREF(first);
    return pair;
}

PyObject *dict_part_object(PyObject *self, enum dict_part part, size_t i, comem_value *key, comem_value *value)
{
    if (part == DICT_ITEMS)
        return pair_object(self, i, key, value);
    PyObject *object = part == DICT_KEYS ? key_object(self, i, key) : pyvalue_into_python(self, value);
    if (UNLIKELY(object == NULL))
        pypickle_at_index(self, (int64_t)i);
    return object;
}

/* Making an object may run code that clears the snapshot: values are taken out first, and their memory is held. */
PyObject *dict_snapshot_object(struct dict_snapshot *snapshot, PyObject *self, enum dict_part part, size_t i)
{
    comem_value key = value_take(snapshot->keys, i), value = value_take(snapshot->values, i);
    PyObject *memory = snapshot->memory;
    Py_INCREF(memory);
    PyObject *object = dict_part_object(self, part, i, &key, &value);
    Py_DECREF(memory);
    return object;
}

/* Puts pair number `i` into the built-in dict `plain`. 0, or -1 with an exception. */
static int dict_snapshot_put(struct dict_snapshot *snapshot, PyObject *self, size_t i, PyObject *plain)
{
    PyObject *key = key_object(self, i, &snapshot->keys[i]);
    PyObject *value = key == NULL ? NULL : pydict_object(self, key, &snapshot->values[i]);
    int result = value == NULL ? -1 : PyDict_SetItem(plain, key, value);
    Py_XDECREF(value);
    Py_XDECREF(key);
    return result;
}

/* The same; what cannot be unpickled is something that says so. */
static int dict_snapshot_show(struct dict_snapshot *snapshot, PyObject *self, size_t i, PyObject *plain)
{
    PyObject *key = pyvalue_into_python(self, &snapshot->keys[i]);
    if (key == NULL)
        key = pypickle_shown(self);
    PyObject *value = key == NULL ? NULL : pyvalue_into_python(self, &snapshot->values[i]);
    if (key != NULL && value == NULL)
        value = pypickle_shown(self);
    int result = value == NULL ? -1 : PyDict_SetItem(plain, key, value);
    Py_XDECREF(value);
    Py_XDECREF(key);
    return result;
}

/* A new built-in dict of a snapshot's first `most` pairs. */
static PyObject *pydict_make_plain(PyObject *self, size_t most,
                                   int (*put)(struct dict_snapshot *, PyObject *, size_t, PyObject *))
{
    struct dict_snapshot snapshot = {.count = 0};
    if (dict_snapshot_take(&snapshot, self, DICT_ITEMS) < 0)
        return NULL;
    PyObject *plain = PyDict_New();
    for (size_t i = 0; plain != NULL && i < snapshot.count && i < most; i++)
        if (put(&snapshot, self, i, plain) < 0)
            Py_CLEAR(plain);
    dict_snapshot_clear(&snapshot);
    return plain;
}

PyObject *pydict_snapshot(PyObject *self)
{
    return pydict_make_plain(self, SIZE_MAX, dict_snapshot_put);
}

PyObject *pydict_shown(PyObject *self, Py_ssize_t most)
{
    return pydict_make_plain(self, (size_t)most, dict_snapshot_show);
}

PyObject *pydict_list(PyObject *self, enum dict_part part)
{
    struct dict_snapshot snapshot = {.count = 0};
    if (dict_snapshot_take(&snapshot, self, part) < 0)
        return NULL;
    PyObject *list = PyList_New((Py_ssize_t)snapshot.count);
    for (size_t i = 0; list != NULL && i < snapshot.count; i++) {
        PyObject *object = dict_snapshot_object(&snapshot, self, part, i);
        if (object == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, object);
    }
    dict_snapshot_clear(&snapshot);
    return list;
}

/* ---- in ---------------------------------------------------------------------------------------------------------- */

/* A key that has something to clear. Its address stays, since what it borrows may be in it. */
struct other_key {
    struct other_key *next;
    struct pykey made;
};

/* Pairs to be stored together, and what they borrow from. */
struct pairs {
    size_t count;      /* of keys and values that are made */
    size_t held_count; /* of objects */
    PyObject **held;   /* each key, and its value */
    struct key *keys;
    comem_value *values;
    PyObject **owners; /* of values; NULL: none */
    struct other_key *others, *spare;
};

static void pairs_close(struct pairs *pairs)
{
    while (pairs->others != NULL) {
        struct other_key *other = pairs->others;
        pairs->others = other->next;
        pykey_clear(&other->made);
        PyMem_Free(other);
    }
    for (size_t i = 0; i < pairs->count; i++)
        Py_XDECREF(pairs->owners[i]);
    for (size_t i = 0; i < pairs->held_count; i++)
        Py_DECREF(pairs->held[i]);
    PyMem_Free(pairs->spare);
    PyMem_Free(pairs->owners);
    PyMem_Free(pairs->values);
    PyMem_Free(pairs->keys);
    PyMem_Free(pairs->held);
}

/* Holds what a built-in dict holds now: making keys and values of it may run code that changes it. 0, and the pairs are
 * to be closed; or -1 with MemoryError. */
static int pairs_open(struct pairs *pairs, PyObject *plain)
{
    size_t room = (size_t)PyDict_GET_SIZE(plain);
    Py_ssize_t position = 0;
    PyObject *key, *value;
    *pairs = (struct pairs){0};
    pairs->held = PyMem_New(PyObject *, 2 * room + 1);
    pairs->keys = PyMem_New(struct key, room + 1);
    pairs->values = PyMem_New(comem_value, room + 1);
    pairs->owners = PyMem_New(PyObject *, room + 1);
    if (pairs->held == NULL || pairs->keys == NULL || pairs->values == NULL || pairs->owners == NULL) {
        pairs_close(pairs);
        PyErr_NoMemory();
        return -1;
    }
    while (PyDict_Next(plain, &position, &key, &value)) {
        Py_INCREF(key);
        Py_INCREF(value);
        pairs->held[pairs->held_count++] = key;
        pairs->held[pairs->held_count++] = value;
    }
    return 0;
}

/* Makes the next key. 0, or -1 with an exception. */
static int pairs_make_key(struct pairs *pairs, PyObject *self, PyObject *object)
{
    if (pairs->spare == NULL && (pairs->spare = PyMem_New(struct other_key, 1)) == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    struct other_key *other = pairs->spare;
    if (pykey_from_python(self, object, &other->made) < 0)
        return -1;
    pairs->keys[pairs->count] = other->made.key;
    if (!other->made.plain) {
        other->next = pairs->others;
        pairs->others = other;
        pairs->spare = NULL;
    }
    return 0;
}

/* Makes keys and values of what is held. 0, or -1 with an exception. */
static int pairs_make(struct pairs *pairs, PyObject *self, pydeep_memo *memo)
{
    for (size_t i = 0; i < pairs->held_count; i += 2) {
        PyObject *value = pairs->held[i + 1];
        size_t at = pairs->count;
        if (pairs_make_key(pairs, self, pairs->held[i]) < 0 ||
            pyvalue_from_one_of(self, value, &pairs->values[at], &pairs->owners[at], memo) < 0)
            return -1;
        pairs->count++;
    }
    return 0;
}

/* Stores what a built-in dict holds. 0, or -1 with an exception. */
static int pydict_fill_plain(PyObject *self, PyObject *plain, pydeep_memo *memo)
{
    struct pairs pairs;
    if (pairs_open(&pairs, plain) < 0)
        return -1;
    int result = pairs_make(&pairs, self, memo);
    if (result == 0) {
        PyThreadState *thread = module_let_go(pairs.count * UPDATE_COST);
        comem_status status = dict_update(pydict_of(self), pairs.keys, pairs.values, pairs.count);
        module_take_back(thread);
        if (status != COMEM_OK)
            result = pyobject_fail(self, status);
    }
    pairs_close(&pairs);
    return result;
}

/* Stores what another shared dict holds, or `self` itself. 0, or -1 with an exception. */
static int pydict_fill_shared(PyObject *self, comem_dict *other)
{
    size_t count;
    comem_status status = comem_dict_len(other, &count);
    if (status == COMEM_OK) {
        PyThreadState *thread = module_let_go(count * UPDATE_COST);
        status = comem_dict_update_from(pydict_of(self), other);
        module_take_back(thread);
    }
    return status == COMEM_OK ? 0 : pyobject_fail(self, status);
}

/* What `source` holds, a mapping or an iterable of pairs, as a built-in dict, which may be `source` itself. */
static PyObject *pydict_as_plain(PyObject *source)
{
    if (PyDict_CheckExact(source)) {
        Py_INCREF(source);
        return source;
    }
    if (pydict_is_dict(source) && Py_TYPE(source)->tp_iter == pydict_iterate)
        return pydict_snapshot(source);
    PyObject *plain = PyDict_New();
    PyObject *none = plain == NULL ? NULL : PyObject_CallMethod(plain, "update", "(O)", source);
    if (none == NULL)
        Py_CLEAR(plain);
    Py_XDECREF(none);
    return plain;
}

int pydict_fill(PyObject *self, PyObject *source, pydeep_memo *memo)
{
    if (pyunbound_settle(source) < 0)
        return -1;
    comem_dict *other = pydict_handle(self, source);
    if (other != NULL && Py_TYPE(source)->tp_iter == pydict_iterate && pyobject_same_rules(self, source))
        return pydict_fill_shared(self, other);
    PyObject *plain = pydict_as_plain(source);
    int result = plain == NULL ? -1 : pydict_fill_plain(self, plain, memo);
    Py_XDECREF(plain);
    return result;
}

int pydict_fill_any(PyObject *self, PyObject *source)
{
    pydeep_memo memo = NULL;
    int result = pydict_fill(self, source, &memo);
    Py_XDECREF(memo);
    return result;
}

int pydict_fill_from(PyObject *self, const char *name, PyObject *arguments, PyObject *keywords)
{
    PyObject *source = NULL;
    if (!PyArg_UnpackTuple(arguments, name, 0, 1, &source))
        return -1;
    if (source != NULL && (keywords == NULL || PyDict_GET_SIZE(keywords) == 0))
        return pydict_fill_any(self, source);
    PyObject *plain = PyDict_New(), *first = NULL;
    int result = plain == NULL ? -1 : 0;
    if (result == 0 && source != NULL) {
        first = pydict_as_plain(source);
        result = first == NULL ? -1 : PyDict_Update(plain, first);
    }
    if (result == 0 && keywords != NULL)
        result = PyArg_ValidateKeywordArguments(keywords) ? PyDict_Update(plain, keywords) : -1;
    if (result == 0)
        result = pydict_fill_any(self, plain);
    Py_XDECREF(first);
    Py_XDECREF(plain);
    return result;
}

const char pydict_update_doc[] =
    "update($self, mapping_or_pairs=(), /, **values)\n--\n\n"
    "Store the keys and values of a mapping or of an iterable of pairs, and then those given by name.\n\n"
    "All of them or none, also when the iterable raises; other threads and processes see all at once.\n"
    "TypeError for what cannot be a key or cannot be stored, MemoryError when the store is full,\n"
    "GoneError when the dict was shut down; none of them changes the dict. O(number and size of keys and\n"
    "values), about 200 ns a pair.";

PyObject *pydict_update(PyObject *self, PyObject *arguments, PyObject *keywords)
{
    if (pydict_fill_from(self, "update", arguments, keywords) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* ---- | and == ---------------------------------------------------------------------------------------------------- */

/* Whether `object` is a dict, built in or shared, of any class. */
static bool is_dict(PyObject *object)
{
    return PyDict_Check(object) || pydict_is_dict(object);
}

/* Whether it is a mapping of any kind, as dict.update() tells one, but by its class. */
static bool is_mapping(PyObject *object)
{
    return is_dict(object) || PyObject_HasAttrString((PyObject *)Py_TYPE(object), "keys") != 0;
}

/* What a shared dict holds, as a built-in one; anything else itself. A new reference; NULL with an exception. */
static PyObject *operand_plain(PyObject *object)
{
    if (pydict_is_dict(object))
        return pydict_snapshot(object);
    Py_INCREF(object);
    return object;
}

/* One mapping | another. Two dicts of any class give a built-in one; a mapping of another kind decides as beside a built-in dict. */
static PyObject *merge(PyObject *first, PyObject *second)
{
    if (!PyDict_Check(first) || !PyDict_Check(second))
        return PyNumber_Or(first, second);
    PyObject *both = PyDict_New(); /* PyDict_Copy() would take an OrderedDict's keys in another order */
    if (both != NULL && (PyDict_Update(both, first) < 0 || PyDict_Update(both, second) < 0))
        Py_CLEAR(both);
    return both;
}

PyObject *pydict_or(PyObject *left, PyObject *right)
{
    if (!is_mapping(left) || !is_mapping(right))
        Py_RETURN_NOTIMPLEMENTED;
    PyObject *first = operand_plain(left), *second = first == NULL ? NULL : operand_plain(right);
    PyObject *both = second == NULL ? NULL : merge(first, second);
    Py_XDECREF(second);
    Py_XDECREF(first);
    return both;
}

PyObject *pydict_inplace_or(PyObject *self, PyObject *other)
{
    if (pydict_fill_any(self, other) < 0)
        return NULL;
    Py_INCREF(self);
    return self;
}

/* Whether a dict has as many keys: 1, 0, or -1 with an exception. */
static int pydict_as_many(PyObject *self, PyObject *other)
{
    Py_ssize_t length = pydict_length(self);
    Py_ssize_t other_length = PyDict_Check(other) ? PyDict_Size(other) : pydict_length(other);
    return length < 0 || other_length < 0 ? -1 : length == other_length;
}

/* Whether a dict holds equal keys with equal values: 1, 0, or -1 with an exception. */
static int pydict_equal(PyObject *self, PyObject *other)
{
    int equal = pydict_as_many(self, other);
    if (equal <= 0)
        return equal;
    PyObject *first = pydict_snapshot(self), *second = first == NULL ? NULL : operand_plain(other);
    equal = second == NULL ? -1 : PyObject_RichCompareBool(first, second, Py_EQ);
    Py_XDECREF(second);
    Py_XDECREF(first);
    return equal;
}

/* What a mapping that is no dict says of a built-in one that holds the same. NULL with an exception. */
static PyObject *pydict_compare_plain(PyObject *self, PyObject *other, int operation)
{
    PyObject *plain = pydict_snapshot(self);
    PyObject *result = plain == NULL ? NULL : PyObject_RichCompare(plain, other, operation);
    Py_XDECREF(plain);
    return result;
}

PyObject *pydict_richcompare(PyObject *self, PyObject *other, int operation)
{
    if ((operation != Py_EQ && operation != Py_NE) || !is_mapping(other))
        Py_RETURN_NOTIMPLEMENTED;
    if (!is_dict(other))
        return pydict_compare_plain(self, other, operation);
    int equal = pydict_handle(self, other) == pydict_of(self) ? 1 : pydict_equal(self, other);
    return equal < 0 ? NULL : PyBool_FromLong(equal == (operation == Py_EQ));
}
