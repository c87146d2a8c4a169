/* pydict_change.c - comem.Dict's changes that depend on what was there: pop(), popitem(), add(), cas(), update_if()
 *
 * The value is read and made an object, what is to be done with it is worked out, by foreign code perhaps, and only then
 * the engine is asked to commit, if the key is still as it was read; otherwise all of it runs again. So a value that cannot
 * be read, or code that raises, leaves the dict as it was. add() of plain numbers is one call of the engine.
 *
 * Progress      An attempt is in vain only when another one succeeded meanwhile.
 */
#include "pychange.h"
#include "pydict.h"

/* ---- marks ------------------------------------------------------------------------------------------------------- */

/* A constant that stands for itself. */
struct mark_object {
    PyObject_HEAD
    const char *name;
};

static PyObject *mark_repr(PyObject *self)
{
    return PyUnicode_FromFormat("comem.%s", ((struct mark_object *)(void *)self)->name);
}

PyDoc_STRVAR(mark_reduce_doc, "__reduce__($self, /)\n--\n\nFor pickle and copy: the constant itself.");

static PyObject *mark_reduce(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return PyUnicode_FromString(((struct mark_object *)(void *)self)->name);
}

static PyMethodDef mark_methods[] = {
    {"__reduce__", mark_reduce, METH_NOARGS, mark_reduce_doc},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(mark_doc, "The type of comem.MISSING, or of comem.KEEP.");

static PyType_Slot mark_slots[] = {
    {Py_tp_doc, (void *)mark_doc},
    {Py_tp_repr, (void *)mark_repr},
    {Py_tp_methods, mark_methods},
    {0, NULL},
};

/* Each has a type of its own, since messages name an object by its type. */
static PyType_Spec mark_specs[] = {
    {"comem.MISSING", sizeof(struct mark_object), 0, MODULE_NO_INSTANCES, mark_slots},
    {"comem.KEEP", sizeof(struct mark_object), 0, MODULE_NO_INSTANCES, mark_slots},
};

/* Makes a mark and puts it into the module. NULL with an exception. */
static PyObject *mark_make(PyObject *module, PyType_Spec *spec)
{
    PyTypeObject *type = module_make_type(module, spec);
    struct mark_object *mark = type == NULL ? NULL : (struct mark_object *)(void *)type->tp_alloc(type, 0);
    Py_XDECREF(type);
    if (mark == NULL)
        return NULL;
    mark->name = strchr(spec->name, '.') + 1;
    if (PyObject_SetAttrString(module, mark->name, (PyObject *)mark) < 0)
        Py_CLEAR(mark);
    return (PyObject *)mark;
}

int pydict_marks_setup(PyObject *module)
{
    struct module_state *state = module_state(module);
    state->missing = mark_make(module, &mark_specs[0]);
    state->keep = state->missing == NULL ? NULL : mark_make(module, &mark_specs[1]);
    return state->keep == NULL ? -1 : 0;
}

/* ---- attempts ---------------------------------------------------------------------------------------------------- */

/* A change of one key, attempt after attempt. */
struct change {
    PyObject *self;
    struct module_state *state;
    PyObject *object; /* the key as given, and as made */
    struct pykey key;
    struct dict_moment moment; /* when the value was read */
    unsigned tries;
};

static void change_start(struct change *change, PyObject *self, PyObject *key)
{
    change->self = self;
    change->state = module_state_of(Py_TYPE(self));
    change->object = key;
    change->tries = 0;
}

/* 0, and the change is to be closed; or -1 with an exception. */
static int change_open(struct change *change, PyObject *self, PyObject *key)
{
    change_start(change, self, key);
    return pykey_from_python(self, key, &change->key);
}

/* The same for a change that does not store the key. */
static int change_open_to_take(struct change *change, PyObject *self, PyObject *key)
{
    change_start(change, self, key);
    return pykey_to_find(self, key, &change->key);
}

static void change_close(struct change *change)
{
    pykey_clear(&change->key);
}

/* What is under the key now, comem.MISSING for nothing. A new reference; NULL with an exception. */
static PyObject *change_read(struct change *change)
{
    comem_value value;
    comem_status status = dict_find(pydict_of(change->self), &change->key.key, &value, &change->moment);
    if (status == COMEM_OK)
        return pydict_object(change->self, change->object, &value);
    if (status != COMEM_NOT_FOUND)
        return module_raise(change->state, status);
    Py_INCREF(change->state->missing);
    return change->state->missing;
}

/* Stores `value`, or takes the key out, if the key is as it was read. 1; 0 when it is not, to read again; -1 with an
 * exception. */
static int change_commit(struct change *change, const comem_value *value)
{
    bool done;
    comem_status status = dict_replace_if(pydict_of(change->self), &change->key.key, &change->moment, value, &done);
    if (status != COMEM_OK)
        return pyobject_fail(change->self, status);
    return done ? 1 : pychange_again(&change->tries);
}

/* Fills `value` from an object to be stored; of comem.MISSING, for taking the key out. As pyvalue_from_python(). */
static int change_value(struct change *change, PyObject *object, comem_value *value, PyObject **owner)
{
    if (object != change->state->missing)
        return pyvalue_from_python(change->self, object, value, owner);
    *owner = NULL;
    *value = comem_missing();
    return 0;
}

/* ---- pop, popitem ------------------------------------------------------------------------------------------------ */

const char pydict_pop_doc[] =
    "pop(key[, default])\n\n"
    "Take key out and return its value; if there is none, return default.\n\n"
    "Indivisible: one of several threads and processes gets the value. KeyError when there is no such\n"
    "key and no default, MemoryError or ValueUnreadable when the value cannot be made an object here (it\n"
    "stays), GoneError when the dict was shut down. O(size of key and value), about 100 ns for a short\n"
    "str and a number.";

PyObject *pydict_pop(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    struct change change;
    if (pyobject_check_count("pop", count, 1, 2) < 0 || change_open_to_take(&change, self, arguments[0]) < 0)
        return NULL;
    const comem_value nothing = comem_missing();
    PyObject *object = NULL;
    int done = 0;
    while (done == 0) {
        object = change_read(&change);
        if (object == NULL || object == change.state->missing)
            break;
        done = change_commit(&change, &nothing);
        if (done <= 0)
            Py_CLEAR(object);
    }
    change_close(&change);
    if (object == NULL || object != change.state->missing)
        return object;
    Py_DECREF(object);
    if (count == 1)
        return pydict_raise(self, COMEM_NOT_FOUND, arguments[0]);
    Py_INCREF(arguments[1]);
    return arguments[1];
}

/* The last pair, if it was taken out; Py_None, borrowed, when another process was faster; NULL with an exception. */
static PyObject *pydict_popitem_once(PyObject *self)
{
    struct dict_moment moment;
    comem_value key, value;
    comem_status status = dict_last(pydict_of(self), &key, &value, &moment);
    if (status == COMEM_NOT_FOUND) {
        PyErr_SetString(PyExc_KeyError, "popitem(): dictionary is empty");
        return NULL;
    }
    if (status != COMEM_OK)
        return pydict_raise(self, status, NULL);
    PyObject *first = pyvalue_into_python(self, &key);
    PyObject *second = first == NULL ? NULL : pydict_object(self, first, &value);
    PyObject *pair = second == NULL ? NULL : PyTuple_Pack(2, first, second);
    pyvalue_clear(&value);
    Py_XDECREF(first);
    Py_XDECREF(second);
    bool done = true;
    status = pair == NULL ? COMEM_OK : dict_remove_last_if(pydict_of(self), &moment, &done);
    if (status == COMEM_OK && done)
        return pair;
    Py_DECREF(pair);
    return status == COMEM_OK ? Py_None : pydict_raise(self, status, NULL);
}

const char pydict_popitem_doc[] =
    "popitem($self, /)\n--\n\n"
    "Take the key that was stored last out and return it with its value, as a tuple.\n\n"
    "Indivisible: one of several threads and processes gets the pair. KeyError when the dict is empty,\n"
    "MemoryError or ValueUnreadable when the value cannot be made an object here (the pair stays),\n"
    "GoneError when the dict was shut down. O(size of key and value), about 150 ns.";

PyObject *pydict_popitem(PyObject *self, PyObject *Py_UNUSED(unused))
{
    unsigned tries = 0;
    PyObject *pair = pydict_popitem_once(self);
    while (pair == Py_None)
        pair = pychange_again(&tries) < 0 ? NULL : pydict_popitem_once(self);
    return pair;
}

/* ---- add --------------------------------------------------------------------------------------------------------- */

/* What is there plus `amount`, as Python adds them. NULL with an exception. */
static PyObject *add_sum(struct change *change, PyObject *amount)
{
    PyObject *object = change_read(change);
    if (object == change->state->missing)
        Py_SETREF(object, PyLong_FromLong(0));
    if (object == NULL)
        return NULL;
    PyObject *sum = pychange_sum(object, amount);
    Py_DECREF(object);
    return sum;
}

/* add() of whatever else is a number to Python. */
static PyObject *add_other(struct change *change, PyObject *amount)
{
    for (;;) {
        comem_value value;
        PyObject *owner, *sum = add_sum(change, amount);
        if (sum == NULL)
            return NULL;
        int done = pyvalue_from_python(change->self, sum, &value, &owner);
        if (done == 0) {
            done = change_commit(change, &value);
            Py_XDECREF(owner);
        }
        if (done > 0)
            return sum;
        Py_DECREF(sum);
        if (done < 0)
            return NULL;
    }
}

const char pydict_add_doc[] =
    "add($self, key, amount=1, /)\n--\n\n"
    "Add amount to the number under key, no key counting as 0, and return the sum.\n\n"
    "Indivisible, unlike d[key] += amount: no addition of another thread or process is lost. TypeError\n"
    "when one of them is no number, MemoryError when the store is full, GoneError when the dict was shut\n"
    "down, what adding raises; none of them changes the dict. O(size of the key), about 50 ns for ints\n"
    "of 64 bits and floats; other numbers are added by Python, anew when the value has changed meanwhile.";

PyObject *pydict_add(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    struct change change;
    if (UNLIKELY(pyobject_check_count("add", count, 1, 2) < 0 || change_open(&change, self, arguments[0]) < 0))
        return NULL;
    PyObject *sum = NULL, *amount = count == 2 ? arguments[1] : NULL;
    comem_value value = comem_int(1), result;
    comem_status status = COMEM_TYPE;
    if (LIKELY(amount == NULL || pychange_is_plain(amount, &value)))
        status = dict_add(pydict_of(self), &change.key.key, &value, &result);
    if (LIKELY(status == COMEM_OK)) {
        sum = pyvalue_into_python(self, &result);
    } else if (status != COMEM_TYPE && status != COMEM_OUT_OF_RANGE) {
        module_raise(change.state, status);
    } else {
        PyObject *other = amount == NULL ? PyLong_FromLong(1) : amount;
        sum = other == NULL ? NULL : add_other(&change, other);
        if (amount == NULL)
            Py_XDECREF(other);
    }
    change_close(&change);
    return sum;
}

/* ---- cas --------------------------------------------------------------------------------------------------------- */

/* 1; 0 when another value is there; -1 with an exception. */
static int cas_run(struct change *change, PyObject *expected, const comem_value *value)
{
    int done = 0;
    while (done == 0) {
        PyObject *stored = change_read(change);
        if (stored == NULL)
            return -1;
        bool absent = stored == change->state->missing || expected == change->state->missing;
        int equal = absent ? stored == expected : pychange_equal(stored, expected);
        Py_DECREF(stored);
        if (equal <= 0)
            return equal;
        done = change_commit(change, value);
    }
    return done;
}

const char pydict_cas_doc[] =
    "cas($self, key, old, new, /)\n--\n\n"
    "Compare and swap: store new under key if the value there equals old; return whether it was.\n\n"
    "comem.MISSING as old means that there is no such key, as new that the key is taken out. Indivisible:\n"
    "nothing comes between the comparison and the change. TypeError for what cannot be a key or cannot be\n"
    "stored, MemoryError when the store is full, GoneError when the dict was shut down, what a comparison\n"
    "raises; none of them changes the dict. O(size of key and values), about 100 ns for short ones.";

PyObject *pydict_cas(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    struct change change;
    comem_value value;
    PyObject *owner;
    if (pyobject_check_count("cas", count, 3, 3) < 0 || change_open(&change, self, arguments[0]) < 0)
        return NULL;
    int done = change_value(&change, arguments[2], &value, &owner);
    if (done == 0) {
        done = cas_run(&change, arguments[1], &value);
        Py_XDECREF(owner);
    }
    change_close(&change);
    return done < 0 ? NULL : PyBool_FromLong(done);
}

/* ---- update_if --------------------------------------------------------------------------------------------------- */

/* One attempt: what is stored afterwards; NULL without an exception when it was in vain. */
static PyObject *update_if_once(struct change *change, PyObject *function)
{
    comem_value value;
    PyObject *owner, *old = change_read(change);
    PyObject *new = old == NULL ? NULL : PyObject_CallFunctionObjArgs(function, old, NULL);
    if (new != NULL &&new == change->state->keep) {
        Py_DECREF(new);
        return old;
    }
    Py_XDECREF(old);
    PyObject *stored = NULL;
    if (new != NULL && change_value(change, new, &value, &owner) == 0) {
        if (change_commit(change, &value) > 0) {
            stored = value.kind == COMEM_REF && owner != NULL ? owner : new; /* shared now */
            Py_INCREF(stored);
        }
        Py_XDECREF(owner);
    }
    Py_XDECREF(new);
    return stored;
}

const char pydict_update_if_doc[] =
    "update_if($self, key, function, /)\n--\n\n"
    "Store what function(value) returns under key, and return what is stored there afterwards.\n\n"
    "function gets a copy of the value, comem.MISSING if there is none. It may return comem.KEEP, which\n"
    "leaves everything as it is, or comem.MISSING, which takes the key out. It runs outside any lock, and\n"
    "again when the value has changed meanwhile, so it should do nothing but work out the new value.\n"
    "Indivisible: the new value is stored only where the old one still is. TypeError for what cannot be a\n"
    "key or cannot be stored, MemoryError when the store is full, GoneError when the dict was shut down,\n"
    "RuntimeError when the value changes in every run, what function raises; none of them changes the\n"
    "dict. O(size of key and value), about 200 ns and what function takes.";

PyObject *pydict_update_if(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    struct change change;
    if (pyobject_check_count("update_if", count, 2, 2) < 0 || change_open(&change, self, arguments[0]) < 0)
        return NULL;
    PyObject *stored;
    do
        stored = update_if_once(&change, arguments[1]);
    while (stored == NULL && !PyErr_Occurred());
    change_close(&change);
    return stored;
}
