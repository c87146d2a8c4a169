/* pyreach.c - how shared objects get to other processes, and how the store does
 *
 * comem._process decides what is to be done in which process; here is what it is done with. What a pickle carries is a
 * struct object_name; it either stamps the object or, for the arguments of a child that is being started, stores it in that
 * child's record (objects/object.h).
 */
#include "pyreach.h"

#include "objects/handle.h"
#include "pyobject.h"
#include "pyvar.h"

#define UNBOUND                                                                                                   \
    "this object stands for nothing: it was made while this process imported its parent's main module again. "    \
    "For a global use comem.var(name, initial); make any other under `if __name__ == \"__main__\":` and pass it " \
    "as an argument"

static unsigned children; /* being started by this process */

/* Calls a function of comem._process that takes nothing. */
static PyObject *process_call(const char *name)
{
    PyObject *module = PyImport_ImportModule("comem._process");
    PyObject *result = module == NULL ? NULL : PyObject_CallMethod(module, name, NULL);
    Py_XDECREF(module);
    return result;
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

/* comem.handle_grace in nanoseconds. 0, or -1 with an exception. */
static int grace_get(uint64_t *nanoseconds)
{
    PyObject *module = PyImport_ImportModule("comem");
    PyObject *grace = module == NULL ? NULL : PyObject_GetAttrString(module, "handle_grace");
    double seconds = grace == NULL ? -1.0 : PyFloat_AsDouble(grace);
    bool type = grace != NULL && PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_TypeError);
    if (type || (grace != NULL && !PyErr_Occurred() && !(seconds >= 0.0)))
        PyErr_Format(type ? PyExc_TypeError : PyExc_ValueError,
                     "comem.handle_grace is a number of seconds, not below 0, and not %.100R", grace);
    Py_XDECREF(grace);
    Py_XDECREF(module);
    if (PyErr_Occurred())
        return -1;
    *nanoseconds = seconds < 1e10 ? (uint64_t)(seconds * 1e9) : UINT64_MAX;
    return 0;
}

/* The record of the child that the pickle is for. 1, 0 when it is for anybody, or -1 with an exception. */
static int child_get(struct child_record *child)
{
    if (LIKELY(children == 0))
        return 0;
    PyObject *pair = process_call("child_to_start");
    unsigned long long place;
    unsigned int generation;
    int result = pair == NULL                                             ? -1
                 : pair == Py_None                                        ? 0
                 : PyArg_ParseTuple(pair, "KI", &place, &generation) != 0 ? 1
                                                                          : -1;
    Py_XDECREF(pair);
    if (result == 1)
        *child = (struct child_record){place, generation, -1};
    return result;
}

int pyreach_name(struct module_state *state, comem_object *object, struct object_name *name)
{
    struct child_record child;
    uint64_t grace;
    int passed = child_get(&child);
    comem_status status = COMEM_INVALID;
    if (passed == 1 && object->map == handle_default_map())
        status = object_name_pass(object, &child, name);
    if (passed < 0 || (status != COMEM_OK && grace_get(&grace) < 0))
        return -1;
    if (status != COMEM_OK) /* for anybody, of another store than the child's, or there was no room in its record */
        status = object_name_get(object, grace, name);
    if (status == COMEM_OK)
        return 0;
    module_raise(state, status);
    return -1;
}

comem_object *pyreach_open(struct module_state *state, enum object_type type, const struct object_name *name)
{
    comem_object *object;
    comem_status status = object_name_open(name, &object);
    if (status == COMEM_OK)
        return object;
    module_raise(state, status);
    PyObject *kind, *error, *traceback;
    PyErr_Fetch(&kind, &error, &traceback);
    PyObject *must_return = process_call("must_return");
    if (must_return == Py_True) {
        status = handle_absent(type, 0, status, comem_detail(), &object);
        Py_XDECREF(kind);
        Py_XDECREF(error);
        Py_XDECREF(traceback);
        if (status != COMEM_OK) {
            module_raise(state, status);
            object = NULL;
        }
    } else {
        PyErr_Restore(kind, error, traceback);
        object = NULL;
    }
    Py_XDECREF(must_return);
    return object;
}

/* ---- handles on nothing ------------------------------------------------------------------------------------------ */

/* What is known about this process: nothing; that it is a child of multiprocessing's, or none, and imports no parent's main
 * module any more. */
static enum { UNSETTLED, SETTLED_CHILD, SETTLED } settled;

/* The answer of a function of comem._process that gives an int, INT_MIN with an exception. */
static int process_ask(const char *name)
{
    PyObject *answer = process_call(name);
    long number = answer == NULL ? -1 : PyLong_AsLong(answer);
    Py_XDECREF(answer);
    return number == -1 && PyErr_Occurred() ? INT_MIN : (int)number;
}

int pyreach_waits(void)
{
    if (LIKELY(settled != UNSETTLED))
        return 0;
    int waits = process_ask("waiting");
    if (waits == INT_MIN)
        return -1;
    if (waits < 0)
        settled = waits == -1 ? SETTLED : SETTLED_CHILD;
    return waits > 0;
}

int pyreach_is_forkserver(void)
{
    int answer = process_ask("is_forkserver");
    return answer == INT_MIN ? -1 : answer;
}

/* Whether the code that calls is the top of a module, or of something else that is run like one. */
static bool is_top_level(void)
{
    PyFrameObject *frame = PyEval_GetFrame(); /* borrowed */
    PyCodeObject *code = frame == NULL ? NULL : PyFrame_GetCode(frame);
    bool top = code != NULL && PyUnicode_CompareWithASCIIString(code->co_name, "<module>") == 0;
    Py_XDECREF(code);
    return top;
}

static _Thread_local const PyFrameObject *naming; /* whose call of var() runs a factory; borrowed, to compare */

PyObject *pyreach_call_factory(PyObject *factory)
{
    const PyFrameObject *outer = naming;
    naming = PyEval_GetFrame();
    PyObject *made = PyObject_CallObject(factory, NULL);
    naming = outer;
    return made;
}

int pyreach_mind_copies(void)
{
    if (LIKELY(settled == SETTLED) || !is_top_level() || PyEval_GetFrame() == naming)
        return 0;
    PyObject *answer = process_call("warn_of_private_copy");
    Py_XDECREF(answer);
    return answer == NULL ? -1 : 0;
}

comem_object *pyreach_unbound(struct module_state *state, enum object_type type, uint32_t flags)
{
    comem_object *object;
    comem_status status = handle_absent(type, flags, OBJECT_UNBOUND, UNBOUND, &object);
    if (status == COMEM_OK)
        return object;
    module_raise(state, status);
    return NULL;
}

bool pyreach_is_unbound(const comem_object *object)
{
    return handle_is_absent(object) && handle_absence(object) == OBJECT_UNBOUND;
}

/* ---- functions of the module ------------------------------------------------------------------------------------- */

PyDoc_STRVAR(descriptor_doc, "_descriptor()\n--\n\n"
                             "(descriptor, id) of the program's store, which is made if it is not there.");

static PyObject *reach_descriptor(PyObject *module, PyObject *Py_UNUSED(unused))
{
    struct store_map *map;
    comem_status status = handle_open_default(0, &map);
    if (status == COMEM_OK)
        status = store_map_descriptor(map);
    if (status != COMEM_OK)
        return module_raise(module_state(module), status);
    return Py_BuildValue("iy#", map->memory.fd, (const char *)map->id, (Py_ssize_t)sizeof map->id);
}

PyDoc_STRVAR(child_expect_doc, "_child_expect()\n--\n\n"
                               "(witness, place, generation) of a record for a child that is being started.");

static PyObject *reach_child_expect(PyObject *module, PyObject *Py_UNUSED(unused))
{
    struct store_map *map;
    struct child_record child;
    comem_status status = handle_open_default(0, &map);
    if (status == COMEM_OK)
        status = participant_expect(map, &child);
    if (status != COMEM_OK)
        return module_raise(module_state(module), status);
    children++;
    return Py_BuildValue("iKI", child.witness, (unsigned long long)child.place, (unsigned int)child.generation);
}

PyDoc_STRVAR(child_started_doc, "_child_started(witness, /)\n--\n\n"
                                "The child has its record by now, or will never come.");

static PyObject *reach_child_started(PyObject *Py_UNUSED(module), PyObject *number)
{
    long witness = PyLong_AsLong(number);
    if (witness == -1 && PyErr_Occurred())
        return NULL;
    os_witness_drop((int)witness);
    children--;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(child_loaded_doc, "_child_loaded()\n--\n\nGive back what the record of this process's start still keeps.");

static PyObject *reach_child_loaded(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    struct store_map *map = handle_default_map();
    if (map != NULL)
        object_child_loaded(map);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(attach_doc, "_attach(descriptor, id, witness, place, generation, /)\n--\n\n"
                         "Make the store behind the descriptor this process's own; both descriptors are taken over.");

static PyObject *reach_attach(PyObject *module, PyObject *arguments)
{
    struct module_state *state = module_state(module);
    int descriptor, witness;
    const char *id;
    Py_ssize_t size;
    unsigned long long place;
    unsigned int generation;
    if (!PyArg_ParseTuple(arguments, "iy#iKI", &descriptor, &id, &size, &witness, &place, &generation))
        return NULL;
    if (size != (Py_ssize_t)sizeof((struct store_map *)NULL)->id) {
        PyErr_SetString(PyExc_ValueError, "a store's id has 16 bytes");
        return NULL;
    }
    struct child_record child = {place, generation, witness};
    pyvar_close_store(state);
    comem_status status = handle_adopt_default(descriptor, (const uint8_t *)id, witness >= 0 ? &child : NULL);
    if (status != COMEM_OK)
        return module_raise(state, status);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(refuse_doc, "_refuse(reason, /)\n--\n\n"
                         "This process makes no store: who asks for it gets GoneError with the reason.");

static PyObject *reach_refuse(PyObject *module, PyObject *reason)
{
    struct module_state *state = module_state(module);
    const char *text = PyUnicode_AsUTF8(reason);
    if (text == NULL)
        return NULL;
    pyvar_close_store(state);
    handle_refuse_default(text);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(forked_doc, "_forked()\n--\n\nThis process was forked: what it is has to be looked at anew.");

static PyObject *reach_forked(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    settled = UNSETTLED;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(is_foreign_doc, "_is_foreign(handle, /)\n--\n\n"
                             "Whether the object is of another store than those that this process makes.");

static PyObject *reach_is_foreign(PyObject *Py_UNUSED(module), PyObject *object)
{
    const comem_object *handle = module_find(Py_TYPE(object)) == NULL ? NULL : pyobject_handle(object, object);
    if (handle == NULL) {
        PyErr_SetString(PyExc_TypeError, "_is_foreign() takes a shared object");
        return NULL;
    }
    const struct store_map *map = handle_default_map();
    return PyBool_FromLong(map != NULL && handle->identity != 0 && handle->map != map);
}

PyMethodDef pyreach_functions[] = {
    {"_is_foreign", reach_is_foreign, METH_O, is_foreign_doc},
    {"_descriptor", reach_descriptor, METH_NOARGS, descriptor_doc},
    {"_child_expect", reach_child_expect, METH_NOARGS, child_expect_doc},
    {"_child_started", reach_child_started, METH_O, child_started_doc},
    {"_child_loaded", reach_child_loaded, METH_NOARGS, child_loaded_doc},
    {"_attach", reach_attach, METH_VARARGS, attach_doc},
    {"_refuse", reach_refuse, METH_O, refuse_doc},
    {"_forked", reach_forked, METH_NOARGS, forked_doc},
    {NULL, NULL, 0, NULL},
};
