/* module.c - the extension module comem._engine: set-up, errors, store, wait hooks
 *
 * One interpreter of a process uses comem: the main one. Importing the module makes types and registers the wait hooks;
 * it opens no store and starts no thread. The store is opened by the first list, by the first manager or before the
 * first fork, and is never closed: it goes with the last process that has it.
 */
#include "module.h"

#include "heap/check.h"
#include "objects/handle.h"
#include "objects/value.h"
#include "pyblock.h"
#include "pycapi.h"
#include "pycli.h"
#include "pydict.h"
#include "pylist.h"
#include "pyobject.h"
#include "pypack.h"
#include "pypickle.h"
#include "pyreach.h"
#include "pystore.h"
#include "pyunbound.h"
#include "pyunpack.h"
#include "pyvar.h"
#include "sync/sync.h"
#include "sync/wait.h"

struct module_state *module_find(PyTypeObject *type)
{
    PyObject *bases = type->tp_mro;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(bases); i++) {
        PyTypeObject *base = (PyTypeObject *)PyTuple_GET_ITEM(bases, i);
        if ((base->tp_flags & Py_TPFLAGS_HEAPTYPE) == 0)
            continue;
        PyObject *module = ((PyHeapTypeObject *)base)->ht_module;
        if (module != NULL && PyModule_GetDef(module) == &module_definition)
            return module_state(module);
    }
    return NULL;
}

struct module_state *module_state_of(PyTypeObject *type)
{
    struct module_state *state = module_find(type);
    if (state == NULL)
        Py_FatalError("comem: a type without its module");
    return state;
}

PyTypeObject *module_make_type(PyObject *module, PyType_Spec *spec)
{
    PyTypeObject *type = (PyTypeObject *)(void *)PyType_FromModuleAndSpec(module, spec, NULL);
#ifndef Py_TPFLAGS_DISALLOW_INSTANTIATION
    if (type != NULL)
        type->tp_new = NULL;
#endif
    return type;
}

comem_store *module_store(struct module_state *state)
{
    if (UNLIKELY(state->store == NULL)) {
        comem_status status = comem_open(NULL, NULL, &state->store);
        if (status != COMEM_OK) {
            state->store = NULL;
            module_raise(state, status);
        }
    }
    return state->store;
}

static PyObject *module_exception(struct module_state *state, comem_status status)
{
    switch (status) {
    case COMEM_NO_MEMORY:
        return PyExc_MemoryError;
    case COMEM_OUT_OF_RANGE:
        return PyExc_IndexError;
    case COMEM_TYPE:
        return PyExc_TypeError;
    case COMEM_INVALID:
        return PyExc_ValueError;
    case COMEM_GONE:
        return state->gone_error;
    case COMEM_DAMAGED:
        return state->damaged_error;
    case COMEM_UNSUPPORTED:
    case COMEM_SYSTEM:
        return PyExc_OSError;
    case COMEM_DENIED:
        return PyExc_PermissionError;
    case COMEM_BUSY:
    case COMEM_OK:
    default:
        return PyExc_RuntimeError;
    }
}

PyObject *module_detail(comem_status status)
{
    const char *detail = comem_detail();
    if (detail[0] == '\0')
        detail = comem_strerror(status);
    return PyUnicode_DecodeUTF8(detail, (Py_ssize_t)strlen(detail), "backslashreplace");
}

void module_raise_as(PyObject *exception, comem_status status)
{
    PyObject *detail = module_detail(status);
    if (detail != NULL)
        PyErr_SetObject(exception, detail);
    Py_XDECREF(detail);
}

PyObject *module_raise(struct module_state *state, comem_status status)
{
    module_raise_as(module_exception(state, status), status);
    return NULL;
}

/* ---- wait hooks -------------------------------------------------------------------------------------------------- */

/* Gives up the interpreter's lock, if this thread has it: the engine also works in threads that are none of Python's,
 * and in a thread's last moments. */
static void *module_before_sleep(void)
{
    PyThreadState *own = PyGILState_GetThisThreadState();
#if PY_VERSION_HEX >= 0x030D0000
    PyThreadState *current = PyThreadState_GetUnchecked();
#else
    PyThreadState *current = _PyThreadState_UncheckedGet();
#endif
    if (own == NULL || own != current)
        return NULL;
    return PyEval_SaveThread();
}

static void module_after_operation(void *token)
{
    if (token != NULL)
        PyEval_RestoreThread((PyThreadState *)token);
}

/* ---- functions --------------------------------------------------------------------------------------------------- */

PyDoc_STRVAR(open_store_doc,
             "_open_store()\n--\n\n"
             "Make the program's store if it is not there. MemoryError, OSError. About 100 us the first time.");

static PyObject *module_open_store(PyObject *module, PyObject *Py_UNUSED(unused))
{
    comem_store *store; /* not kept: a child that becomes a daemon may need another one */
    comem_status status = comem_open(NULL, NULL, &store);
    if (status != COMEM_OK)
        return module_raise(module_state(module), status);
    comem_close(store);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(detach_doc, "_detach()\n--\n\n"
                         "Leave the store in good order. The lists that this process has are gone for it from now on.");

static PyObject *module_detach(PyObject *module, PyObject *Py_UNUSED(unused))
{
    comem_status status = store_detach_process();
    if (status != COMEM_OK)
        return module_raise(module_state(module), status);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(scope_new_doc,
             "_scope_new()\n--\n\n"
             "The number of a new scope, whose objects can be shut down together. 0 where none can be made\n"
             "now: what is made in it stands for nothing. MemoryError, OSError.");

static PyObject *module_scope_new(PyObject *module, PyObject *Py_UNUSED(unused))
{
    struct module_state *state = module_state(module);
    int waits = pyreach_waits();
    if (waits != 0)
        return waits < 0 ? NULL : PyLong_FromLong(0);
    comem_store *store = module_store(state);
    if (store == NULL)
        return NULL;
    uint64_t scope;
    comem_status status = object_scope_new(store, &scope);
    if (status != COMEM_OK)
        return module_raise(state, status);
    return PyLong_FromUnsignedLongLong(scope);
}

PyDoc_STRVAR(scope_shutdown_doc,
             "_scope_shutdown(scope, /)\n--\n\n"
             "Shut down every object made in the scope: using one raises GoneError from now on, in every process.");

static PyObject *module_scope_shutdown(PyObject *module, PyObject *number)
{
    struct module_state *state = module_state(module);
    unsigned long long scope = PyLong_AsUnsignedLongLong(number);
    if (scope == (unsigned long long)-1 && PyErr_Occurred())
        return NULL;
    comem_store *store = module_store(state);
    if (store == NULL)
        return NULL;
    comem_status status = object_scope_shutdown(store, scope);
    if (status != COMEM_OK)
        return module_raise(state, status);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(
    check_doc,
    "_check()\n--\n\n"
    "What does not hang together in the store once the dead are cleaned up after, as a list of sentences. For tests: nobody\n"
    "may use it meanwhile.");

/* Adds a sentence to the list; one that cannot be made is None. */
static void module_note_problem(void *list, const char *problem)
{
    PyObject *text = PyUnicode_FromString(problem);
    if (PyList_Append((PyObject *)list, text == NULL ? Py_None : text) < 0)
        PyErr_Clear();
    Py_XDECREF(text);
}

static PyObject *module_check(PyObject *module, PyObject *Py_UNUSED(unused))
{
    struct module_state *state = module_state(module);
    struct participant *me;
    comem_store *store = module_store(state);
    if (store == NULL)
        return NULL;
    comem_status status = participant_enter(handle_store_map(store), &me);
    if (status != COMEM_OK)
        return module_raise(state, status);
    heap_relieve(me);
    participant_leave(me);
    PyObject *problems = PyList_New(0);
    if (problems != NULL)
        (void)store_check(handle_store_map(store), module_note_problem, problems);
    return problems;
}

static PyMethodDef module_functions[] = {
    {"_open_store", module_open_store, METH_NOARGS, open_store_doc},
    {"_detach", module_detach, METH_NOARGS, detach_doc},
    {"_check", module_check, METH_NOARGS, check_doc},
    {"_scope_new", module_scope_new, METH_NOARGS, scope_new_doc},
    {"_scope_shutdown", module_scope_shutdown, METH_O, scope_shutdown_doc},
    {"_cli", pycli_run, METH_O, pycli_run_doc},
    {"_new_proxy", PYOBJECT_METHOD(pyproxy_new), METH_FASTCALL, pyproxy_new_doc},
    {"_open", PYOBJECT_METHOD(pyobject_open), METH_FASTCALL, pyobject_open_doc},
    {"_handle", (PyCFunction)(void (*)(void))pypickle_handle, METH_FASTCALL, pypickle_handle_doc},
    {"_pack", (PyCFunction)(void (*)(void))pypack_function, METH_FASTCALL, pypack_function_doc},
    {"_unpack", (PyCFunction)(void (*)(void))pyunpack_function, METH_FASTCALL, pyunpack_function_doc},
    {"_shown", PYOBJECT_METHOD(pyobject_shown), METH_FASTCALL, pyobject_shown_doc},
    {"_make_proxy_type", PYOBJECT_METHOD(pyproxy_make_type), METH_FASTCALL, pyproxy_make_type_doc},
    {NULL, NULL, 0, NULL},
};

/* ---- set-up ------------------------------------------------------------------------------------------------------ */

PyDoc_STRVAR(gone_error_doc,
             "The shared object was shut down, or its store is out of this process's reach.\n\n"
             "A BrokenPipeError and an EOFError, because programs written for multiprocessing's managers\n"
             "catch those.");

PyDoc_STRVAR(damaged_error_doc, "The store's memory does not hold what it should.\n\n"
                                "The operation that raised it changed nothing.");

static int module_add_errors(PyObject *module)
{
    struct module_state *state = module_state(module);
    PyObject *bases = PyTuple_Pack(2, PyExc_BrokenPipeError, PyExc_EOFError);
    if (bases == NULL)
        return -1;
    state->gone_error = PyErr_NewExceptionWithDoc("comem.GoneError", gone_error_doc, bases, NULL);
    Py_DECREF(bases);
    state->damaged_error = PyErr_NewExceptionWithDoc("comem.DamagedError", damaged_error_doc, PyExc_RuntimeError, NULL);
    if (state->gone_error == NULL || state->damaged_error == NULL ||
        PyObject_SetAttrString(module, "GoneError", state->gone_error) < 0)
        return -1;
    return PyObject_SetAttrString(module, "DamagedError", state->damaged_error);
}

/* Refuses where comem cannot keep its promises. 0, or -1 with ImportError. */
static int module_check_interpreter(void)
{
#ifdef Py_GIL_DISABLED
    PyErr_SetString(PyExc_ImportError, "comem needs a Python build with the global interpreter lock");
    return -1;
#else
    if (PyInterpreterState_Get() == PyInterpreterState_Main())
        return 0;
    PyErr_SetString(PyExc_ImportError, "comem can be imported in the main interpreter of a process only");
    return -1;
#endif
}

/* At the end of a process whose interpreter is no more: of all but multiprocessing's children, which leave by comem._process. What
 * a store by name on a disk is worth after the machine stopped depends on it. */
static void module_leave(void)
{
    (void)store_detach_process();
}

/* Where the interpreter takes no more such functions, the process counts as killed, and is cleaned up after. */
static void module_leave_at_end(void)
{
    static bool registered; /* the module may be imported again */
    if (!registered)
        registered = Py_AtExit(module_leave) == 0;
}

static int module_execute(PyObject *module)
{
    if (module_check_interpreter() < 0)
        return -1;
    if (module_add_errors(module) < 0 || pyobject_setup(module) < 0 || pyiterator_setup(module) < 0 ||
        pyblock_setup(module) < 0 || pydict_view_setup(module) < 0 || pydict_marks_setup(module) < 0 ||
        pyunbound_setup(module) < 0 || pystore_setup(module) < 0 || pycapi_setup(module) < 0)
        return -1;
    struct module_state *state = module_state(module);
    state->open_function = PyObject_GetAttrString(module, "_open");
    if (state->open_function == NULL || PyModule_AddFunctions(module, pyreach_functions) < 0 ||
        PyModule_AddFunctions(module, pystore_functions) < 0 || PyModule_AddFunctions(module, pyvar_functions) < 0 ||
        PyModule_AddStringConstant(module, "__version__", comem_version()) < 0)
        return -1;
    value_pickles_are_looked_after = true; /* pypickle.c refuses them, so that lists that have some can be printed */
    wait_hooks_set(module_before_sleep, module_after_operation);
    module_leave_at_end();
    return 0;
}

static int module_traverse(PyObject *module, visitproc visit, void *arg)
{
    struct module_state *state = module_state(module);
    for (unsigned i = 0; i < KINDS; i++) {
        Py_VISIT(state->native_types[i]);
        Py_VISIT(state->proxy_types[i]);
    }
    Py_VISIT(state->unbound_type);
    Py_VISIT(state->iterator_type);
    Py_VISIT(state->reverse_iterator_type);
    Py_VISIT(state->block_type);
    Py_VISIT(state->roots_type);
    Py_VISIT(state->kept_stores);
    Py_VISIT(state->dict_iterator_type);
    for (unsigned i = DICT_KEYS; i <= DICT_ITEMS; i++)
        Py_VISIT(state->dict_view_types[i]);
    Py_VISIT(state->missing);
    Py_VISIT(state->keep);
    Py_VISIT(state->open_function);
    for (size_t i = 0; i < sizeof(state->known_keys) / sizeof(state->known_keys[0]); i++)
        Py_VISIT(state->known_keys[i].text);
    Py_VISIT(state->scratch);
    Py_VISIT(state->values_module);
    Py_VISIT(state->canonical_function);
    Py_VISIT(state->typed_type);
    Py_VISIT(state->gone_error);
    Py_VISIT(state->damaged_error);
    return 0;
}

static int module_clear(PyObject *module)
{
    struct module_state *state = module_state(module);
    for (unsigned i = 0; i < KINDS; i++) {
        Py_CLEAR(state->native_types[i]);
        Py_CLEAR(state->proxy_types[i]);
    }
    Py_CLEAR(state->unbound_type);
    Py_CLEAR(state->iterator_type);
    Py_CLEAR(state->reverse_iterator_type);
    Py_CLEAR(state->block_type);
    Py_CLEAR(state->roots_type);
    Py_CLEAR(state->kept_stores);
    Py_CLEAR(state->dict_iterator_type);
    for (unsigned i = DICT_KEYS; i <= DICT_ITEMS; i++)
        Py_CLEAR(state->dict_view_types[i]);
    Py_CLEAR(state->missing);
    Py_CLEAR(state->keep);
    Py_CLEAR(state->open_function);
    for (size_t i = 0; i < sizeof(state->known_keys) / sizeof(state->known_keys[0]); i++)
        Py_CLEAR(state->known_keys[i].text);
    Py_CLEAR(state->scratch);
    Py_CLEAR(state->values_module);
    Py_CLEAR(state->canonical_function);
    Py_CLEAR(state->typed_type);
    Py_CLEAR(state->gone_error);
    Py_CLEAR(state->damaged_error);
    return 0;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, (void *)module_execute},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
#ifdef Py_GIL_DISABLED
    {Py_mod_gil, Py_MOD_GIL_NOT_USED}, /* refused with our sentence, without a warning before it */
#endif
    {0, NULL},
};

PyDoc_STRVAR(module_doc, "The C part of comem. Its public names are in the package comem.");

struct PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT,         .m_name = "comem._engine",
    .m_doc = module_doc,           .m_size = sizeof(struct module_state),
    .m_methods = module_functions, .m_slots = module_slots,
    .m_traverse = module_traverse, .m_clear = module_clear,
};

PyMODINIT_FUNC PyInit__engine(void)
{
    return PyModuleDef_Init(&module_definition);
}
