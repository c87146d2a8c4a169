/* pyobject.c - what the types of all kinds of shared objects have in common: handles, copies, pickles
 *
 * An object of these types is one handle of this process on a shared object; it holds nothing else. Which type shows a
 * reference that was read out of a container is decided by the kind of what it refers to and by its face; both are the shared
 * object's, not the handle's.
 */
#include "pyobject.h"

#include "heap/check.h"
#include "objects/handle.h"
#include "pyreach.h"

#define TYPECODE ((uint32_t)0xFF << OBJECT_TYPECODE_SHIFT)
#define STORE_OF_COPIES "comem.store" /* in the memo of a deep copy: the store that it goes to, by its map's address */

static struct kind *const kinds[KINDS] = {
    [KIND_LIST] = &pylist_kind,
    [KIND_DICT] = &pydict_kind,
    [KIND_VARIABLE] = &pyvariable_kind,
};

/* ---- kinds ------------------------------------------------------------------------------------------------------- */

unsigned pyobject_kind_number(struct module_state *state, PyTypeObject *type)
{
    unsigned number = 0;
    while (number < KINDS && !PyType_IsSubtype(type, state->native_types[number]))
        number++;
    return number;
}

const struct kind *pyobject_kind(PyTypeObject *type)
{
    unsigned number = pyobject_kind_number(module_state_of(type), type);
    return number < KINDS ? kinds[number] : NULL;
}

int pyobject_kind_named(PyObject *typeid, enum kind_index *index)
{
    const char *text = PyUnicode_Check(typeid) ? PyUnicode_AsUTF8(typeid) : "";
    return text == NULL ? -1 : pyobject_kind_called(text, index);
}

int pyobject_kind_called(const char *typeid, enum kind_index *index)
{
    unsigned i = 0;
    while (i < KINDS && strcmp(typeid, kinds[i]->typeid) != 0)
        i++;
    *index = (enum kind_index)i;
    if (i < KINDS)
        return 0;
    PyErr_Format(PyExc_TypeError, "'%.200s' names no kind of shared object", typeid);
    return -1;
}

const struct kind *pyobject_kind_at(enum kind_index index)
{
    return kinds[index];
}

/* The type that shows `object`. Borrowed; NULL with an exception. The first object of a manager that a process meets imports
 * comem.managers, which registers the types. An object that this process has lost may be of any kind. */
static PyTypeObject *pyobject_face(struct module_state *state, const comem_object *object)
{
    unsigned index = 0;
    while (index < KINDS && object->identity != 0 && object_identity_type(object->identity) != kinds[index]->type)
        index++;
    if (index == KINDS) {
        PyErr_SetString(PyExc_TypeError, "a reference to an object that this release of comem does not know");
        return NULL;
    }
    if ((object_flags(object) & OBJECT_FACE_MANAGER) == 0)
        return state->native_types[index];
    if (UNLIKELY(state->proxy_types[index] == NULL)) {
        PyObject *standard = PyImport_ImportModule("multiprocessing.managers"); /* first, as in comem._managers() */
        PyObject *module = standard == NULL ? NULL : PyImport_ImportModule("comem.managers");
        Py_XDECREF(standard);
        if (module == NULL)
            return NULL;
        Py_DECREF(module);
        if (state->proxy_types[index] == NULL)
            PyErr_SetString(PyExc_ImportError, "comem.managers belongs to another import of comem");
    }
    return state->proxy_types[index];
}

/* ---- handles ----------------------------------------------------------------------------------------------------- */

comem_object *pyobject_handle(PyObject *container, PyObject *object)
{
    struct module_state *state = module_state_of(Py_TYPE(container));
    return pyobject_kind_number(state, Py_TYPE(object)) < KINDS ? pyobject_of(object) : NULL;
}

bool pyobject_is_deep(PyObject *container)
{
    return (object_flags(pyobject_of(container)) & OBJECT_DEEP) != 0;
}

bool pyobject_same_rules(PyObject *one, PyObject *other)
{
    uint32_t differences = object_flags(pyobject_of(one)) ^ object_flags(pyobject_of(other));
    if (pyobject_of(one)->map->refuse_pickle) /* what the other has may be pickles that other processes stored */
        return false;
    return (differences & (OBJECT_DEEP | OBJECT_NO_PICKLE)) == 0;
}

PyObject *pyobject_wrap(PyTypeObject *type, comem_object *object)
{
    PyObject *self = type->tp_alloc(type, 0);
    if (self == NULL) {
        object_release(object);
        return NULL;
    }
    ((struct handle_object *)(void *)self)->object = object;
    return self;
}

PyObject *pyobject_from_value(PyObject *container, comem_value *value)
{
    return pyobject_show(module_state_of(Py_TYPE(container)), value);
}

PyObject *pyobject_show(struct module_state *state, comem_value *value)
{
    PyTypeObject *type = pyobject_face(state, value->as.object);
    PyObject *object = type == NULL ? NULL : type->tp_alloc(type, 0);
    if (object == NULL)
        return NULL;
    ((struct handle_object *)(void *)object)->object = value->as.object;
    value->owned = 0; /* the handle is the object's now */
    return object;
}

void pyobject_dealloc(PyObject *self)
{
    struct handle_object *handle = (struct handle_object *)(void *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (handle->weak_references != NULL)
        PyObject_ClearWeakRefs(self);
    if (handle->object != NULL)
        object_release(handle->object);
    Py_XDECREF(handle->texts);
    type->tp_free(self);
    Py_DECREF(type);
}

int pyobject_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    return 0;
}

PyMemberDef pyobject_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct handle_object, weak_references), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

const char pyobject_sizeof_doc[] =
    "__sizeof__($self, /)\n--\n\n"
    "For sys.getsizeof(): bytes of this handle, and in the store of the object with its tables and values.\n\n"
    "The shared objects that it refers to are not counted. What other threads and processes change\n"
    "meanwhile may be counted in part. O(number of items), about 10 ns for an item of a list, 100 ns for a\n"
    "key of a dict.";

PyObject *pyobject_sizeof(PyObject *self, PyObject *Py_UNUSED(unused))
{
    const struct comem_object *object = pyobject_of(self);
    uint64_t size = (uint64_t)Py_TYPE(self)->tp_basicsize;
    if (!handle_is_absent(object)) {
        Py_BEGIN_ALLOW_THREADS
        size += HEAP_OBJECT_SIZE + check_measure(object->map, object_offset(object));
        Py_END_ALLOW_THREADS
    }
    return PyLong_FromUnsignedLongLong(size);
}

/* ---- errors ------------------------------------------------------------------------------------------------------ */

int pyobject_fail(PyObject *self, comem_status status)
{
    module_raise(module_state_of(Py_TYPE(self)), status);
    return -1;
}

int pyobject_check_count(const char *name, Py_ssize_t count, Py_ssize_t least, Py_ssize_t most)
{
    if (LIKELY(count >= least && count <= most))
        return 0;
    Py_ssize_t limit = count < least ? least : most;
    PyErr_Format(PyExc_TypeError, "%s expected %s%zd argument%s, got %zd", name,
                 least == most   ? ""
                 : count < least ? "at least "
                                 : "at most ",
                 limit, limit == 1 ? "" : "s", count);
    return -1;
}

int pyobject_argument(PyObject *module, const char *name, PyObject *const *arguments, Py_ssize_t count,
                      Py_ssize_t wanted)
{
    if (pyobject_check_count(name, count, wanted, wanted) < 0)
        return -1;
    if (pyobject_kind_number(module_state(module), Py_TYPE(arguments[0])) < KINDS)
        return 0;
    PyErr_Format(PyExc_TypeError, "%s() takes a shared object first", name);
    return -1;
}

/* ---- pickles ----------------------------------------------------------------------------------------------------- */

const char pyobject_reduce_doc[] =
    "__reduce__($self, /)\n--\n\n"
    "For pickle: the class and the name of the shared object.\n\n"
    "A pickle is a name, not a copy: loaded in this program it gives another handle of the same object,\n"
    "which outlives the pickling by comem.handle_grace seconds when nothing else holds it. Loaded where the store is\n"
    "out of reach it raises GoneError, as pickling does for an object that was shut down.";

PyObject *pyobject_reduce(PyObject *self, PyObject *Py_UNUSED(unused))
{
    struct module_state *state = module_state_of(Py_TYPE(self));
    struct object_name name;
    if (pyreach_name(state, pyobject_of(self), &name) < 0)
        return NULL;
    return Py_BuildValue("O(Oy#)", state->open_function, Py_TYPE(self), (const char *)&name, (Py_ssize_t)sizeof(name));
}

const char pyobject_open_doc[] =
    "_open(cls, name, /)\n--\n\n"
    "A handle of class cls on the shared object that a pickle names. GoneError when it is out of reach.";

PyObject *pyobject_open(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    struct module_state *state = module_state(module);
    struct object_name name;
    unsigned number = KINDS;
    if (count == 2 && PyType_Check(arguments[0]))
        number = pyobject_kind_number(state, (PyTypeObject *)(void *)arguments[0]);
    if (number == KINDS || !PyBytes_CheckExact(arguments[1]) ||
        PyBytes_GET_SIZE(arguments[1]) != (Py_ssize_t)sizeof(name)) {
        PyErr_SetString(PyExc_TypeError, "_open() takes a type of comem's and a shared object's name");
        return NULL;
    }
    memcpy(&name, PyBytes_AS_STRING(arguments[1]), sizeof(name));
    comem_object *object = pyreach_open(state, (enum object_type)kinds[number]->type, &name);
    if (object == NULL)
        return NULL;
    if (object->identity != 0 && object_identity_type(object->identity) != kinds[number]->type) {
        object_release(object);
        PyErr_Format(PyExc_TypeError, "the pickle names a shared object that is no %s", kinds[number]->typeid);
        return NULL;
    }
    return pyobject_wrap((PyTypeObject *)(void *)arguments[0], object);
}

/* ---- copies ------------------------------------------------------------------------------------------------------ */

static PyObject *pyobject_make_at(PyTypeObject *type, comem_store *store, uint32_t flags)
{
    const struct kind *kind = pyobject_kind(type);
    comem_object *object;
    comem_status status = kind->make(store, 0, kind->flags | flags, &object);
    if (status != COMEM_OK)
        return module_raise(module_state_of(type), status);
    return pyobject_wrap(type, object);
}

/* A new empty shared object in `store`, NULL: in the program's own. */
static PyObject *pyobject_make_in(PyTypeObject *type, comem_store *store, uint32_t flags)
{
    struct module_state *state = module_state_of(type);
    const struct kind *kind = pyobject_kind(type);
    comem_object *object;
    int waits = pyreach_waits();
    if (UNLIKELY(waits != 0)) {
        object = waits < 0 ? NULL : pyreach_unbound(state, (enum object_type)kind->type, kind->flags | flags);
        return object == NULL ? NULL : pyobject_wrap(type, object);
    }
    if (pyreach_mind_copies() < 0)
        return NULL;
    if (store == NULL)
        store = module_store(state);
    return store == NULL ? NULL : pyobject_make_at(type, store, flags);
}

PyObject *pyobject_make(PyTypeObject *type, uint32_t flags)
{
    return pyobject_make_in(type, NULL, flags);
}

/* A new empty one in the store of `self`, whose references it can hold. */
static PyObject *pyobject_make_beside(PyTypeObject *type, PyObject *self, uint32_t flags)
{
    comem_store store = {.map = pyobject_of(self)->map};
    return pyobject_make_in(type, handle_is_absent(pyobject_of(self)) ? NULL : &store, flags);
}

PyObject *pyobject_new(PyTypeObject *type, PyObject *Py_UNUSED(arguments), PyObject *Py_UNUSED(keywords))
{
    return pyobject_make(type, 0);
}

/* Adds what `source` holds, as one call. 0, or -1 with an exception. */
static int pyobject_fill(PyObject *self, PyObject *source)
{
    pydeep_memo memo = NULL;
    int result = pyobject_kind(Py_TYPE(self))->fill(self, source, &memo);
    Py_XDECREF(memo);
    return result;
}

/* Gives `copy` the attributes of its original, of a subclass: deep copies of them with the memo of a deep copy. 0, or -1 with
 * an exception. */
static int pyobject_copy_attributes(PyObject *copy, PyObject *self, PyObject *memo)
{
    if (Py_TYPE(self)->tp_dictoffset == 0)
        return 0;
    PyObject *module = NULL, *attributes = PyObject_GenericGetDict(self, NULL), *own = NULL;
    if (attributes != NULL && memo != NULL) {
        module = PyImport_ImportModule("copy");
        Py_SETREF(attributes, module == NULL ? NULL : PyObject_CallMethod(module, "deepcopy", "OO", attributes, memo));
    }
    if (attributes != NULL)
        own = PyObject_GenericGetDict(copy, NULL);
    int result = own == NULL ? -1 : PyDict_Update(own, attributes);
    Py_XDECREF(own);
    Py_XDECREF(attributes);
    Py_XDECREF(module);
    return result;
}

/* A new shared object that holds the same, in an object of `type`. */
static PyObject *pyobject_make_copy(PyTypeObject *type, PyObject *self)
{
    PyObject *copy = pyobject_make_beside(type, self, 0);
    if (copy != NULL && pyobject_fill(copy, self) < 0)
        Py_CLEAR(copy);
    return copy;
}

PyObject *pyobject_copy(PyObject *self, PyObject *Py_UNUSED(unused))
{
    struct module_state *state = module_state_of(Py_TYPE(self));
    return pyobject_make_copy(state->native_types[pyobject_kind_number(state, Py_TYPE(self))], self);
}

const char pyobject_copy_same_doc[] =
    "__copy__($self, /)\n--\n\n"
    "For copy.copy(): as copy(), with the class and what is in the __dict__ of this object.";

PyObject *pyobject_copy_same(PyObject *self, PyObject *Py_UNUSED(unused))
{
    PyObject *copy = pyobject_make_copy(Py_TYPE(self), self);
    if (copy != NULL && pyobject_copy_attributes(copy, self, NULL) < 0)
        Py_CLEAR(copy);
    return copy;
}

const char pyobject_deepcopy_doc[] = "__deepcopy__($self, memo, /)\n--\n\n"
                                     "For copy.deepcopy(): a new shared object that holds deep copies.";

/* Fills the new object `copy` with deep copies of what `self` holds; `memo` knows `self` as `copy` already. */
static int pyobject_fill_deeply(PyObject *copy, PyObject *self, PyObject *memo)
{
    const struct kind *kind = pyobject_kind(Py_TYPE(self));
    PyObject *module = PyImport_ImportModule("copy");
    PyObject *held = module == NULL ? NULL : kind->plain(self);
    PyObject *copies = held == NULL ? NULL : PyObject_CallMethod(module, "deepcopy", "OO", held, memo);
    int result = copies == NULL ? -1 : pyobject_fill(copy, copies);
    Py_XDECREF(copies);
    Py_XDECREF(held);
    Py_XDECREF(module);
    return result;
}

/* A new empty one like `self` for its deep copy: in the store that the memo says, else in that of `self`. */
static PyObject *pyobject_make_for_copy(PyTypeObject *type, PyObject *self, PyObject *memo)
{
    uint32_t flags = object_flags(pyobject_of(self)) & TYPECODE;
    PyObject *key = PyUnicode_InternFromString(STORE_OF_COPIES);
    PyObject *map = key == NULL ? NULL : PyDict_GetItemWithError(memo, key);
    Py_XDECREF(key);
    if (map == NULL)
        return PyErr_Occurred() ? NULL : pyobject_make_beside(type, self, flags);
    comem_store store = {.map = PyLong_AsVoidPtr(map)};
    return store.map == NULL ? NULL : pyobject_make_at(type, &store, flags);
}

/* The deep copy of `self` in an object of `type`. */
static PyObject *pyobject_copy_deeply(PyTypeObject *type, PyObject *self, PyObject *memo)
{
    /* Several handles of one object must give one copy, so the memo knows it by the address they share. */
    PyObject *key = Py_BuildValue("(sN)", "comem", PyLong_FromVoidPtr((void *)pyobject_of(self)));
    if (key == NULL)
        return NULL;
    PyObject *copy = PyDict_GetItemWithError(memo, key);
    Py_XINCREF(copy);
    if (copy == NULL && !PyErr_Occurred()) {
        copy = pyobject_make_for_copy(type, self, memo);
        if (copy != NULL && (PyDict_SetItem(memo, key, copy) < 0 || pyobject_fill_deeply(copy, self, memo) < 0 ||
                             (type == Py_TYPE(self) && pyobject_copy_attributes(copy, self, memo) < 0)))
            Py_CLEAR(copy);
    }
    Py_DECREF(key);
    return copy;
}

PyObject *pyobject_deepcopy(PyObject *self, PyObject *memo)
{
    if (PyDict_Check(memo))
        return pyobject_copy_deeply(Py_TYPE(self), self, memo);
    PyErr_SetString(PyExc_TypeError, "__deepcopy__() takes copy.deepcopy()'s memo");
    return NULL;
}

PyObject *pyobject_deepcopy_into(comem_store *store, PyObject *self)
{
    struct module_state *state = module_state_of(Py_TYPE(self));
    PyTypeObject *type = state->native_types[pyobject_kind_number(state, Py_TYPE(self))];
    PyObject *memo = Py_BuildValue("{sN}", STORE_OF_COPIES, PyLong_FromVoidPtr(store->map));
    PyObject *copy = memo == NULL ? NULL : pyobject_copy_deeply(type, self, memo);
    Py_XDECREF(memo);
    return copy;
}

/* ---- set-up ------------------------------------------------------------------------------------------------------ */

const char pyobject_class_getitem_doc[] = "__class_getitem__($type, item, /)\n--\n\n"
                                          "For annotations: List[int], Dict[str, int].";

int pyobject_setup(PyObject *module)
{
    struct module_state *state = module_state(module);
    for (unsigned i = 0; i < KINDS; i++) {
        PyTypeObject *type = (PyTypeObject *)(void *)PyType_FromModuleAndSpec(module, kinds[i]->native, NULL);
        state->native_types[i] = type;
        if (type == NULL || PyModule_AddType(module, type) < 0)
            return -1;
    }
    return 0;
}
