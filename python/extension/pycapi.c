/* pycapi.c - the engine for other extension modules of the process
 *
 * The capsule comem._C_API holds a table of the engine's public functions, and of the few here that go between Python objects
 * and handles; include/comem_python.h says how it is used. The table is constant, and stays as long as the process.
 */
#define COMEM_PYTHON_ENGINE
#include "pycapi.h"

#include "comem_python.h"
#include "objects/handle.h"
#include "pyobject.h"
#include "pyunbound.h"

/* The engine's module, whose types and errors are shown. A new reference; NULL with an exception. */
static PyObject *capi_module(void)
{
    PyObject *module = PyImport_ImportModule("comem._engine");
    if (module != NULL && (!PyModule_Check(module) || PyModule_GetDef(module) != &module_definition)) {
        Py_CLEAR(module);
        PyErr_SetString(PyExc_ImportError, "comem._engine is another module than comem's");
    }
    return module;
}

/* The handle behind `object` if it shows a shared object of that kind. Borrowed; NULL with an exception. */
static comem_object *capi_handle(PyObject *object, enum kind_index index)
{
    struct module_state *state = module_find(Py_TYPE(object));
    if (state != NULL && pyunbound_settle(object) < 0)
        return NULL;
    if (state != NULL && pyobject_kind_number(state, Py_TYPE(object)) == (unsigned)index)
        return pyobject_of(object);
    PyErr_Format(PyExc_TypeError, "a shared %s of comem's is needed, not an object of type '%.200s'",
                 pyobject_kind_at(index)->typeid, Py_TYPE(object)->tp_name);
    return NULL;
}

comem_list *comem_python_list(PyObject *object)
{
    return (comem_list *)(void *)capi_handle(object, KIND_LIST);
}

comem_dict *comem_python_dict(PyObject *object)
{
    return (comem_dict *)(void *)capi_handle(object, KIND_DICT);
}

comem_variable *comem_python_variable(PyObject *object)
{
    return (comem_variable *)(void *)capi_handle(object, KIND_VARIABLE);
}

PyObject *comem_python_object(comem_value reference)
{
    if (reference.kind != COMEM_REF || reference.as.object == NULL) {
        PyErr_SetString(PyExc_TypeError, "comem_python_object() takes a reference to a shared object");
        return NULL;
    }
    PyObject *module = capi_module();
    if (module == NULL)
        return NULL;
    object_hold(reference.as.object);
    PyObject *object = pyobject_show(module_state(module), &reference);
    if (object == NULL)
        object_release(reference.as.object);
    Py_DECREF(module);
    return object;
}

PyObject *comem_python_raise(comem_status status)
{
    if (status == COMEM_OK) {
        PyErr_SetString(PyExc_SystemError, "comem_python_raise() was called for a call that did not fail");
    } else if (status == COMEM_NOT_FOUND) {
        module_raise_as(PyExc_KeyError, status);
    } else {
        PyObject *module = capi_module();
        if (module != NULL)
            module_raise(module_state(module), status);
        Py_XDECREF(module);
    }
    return NULL;
}

#define CAPI_ENTRY(name) .name##_ = (name),

static const struct comem_python table = {
    .abi = COMEM_PYTHON_ABI, .size = sizeof(table), COMEM_PYTHON_FUNCTIONS(CAPI_ENTRY)};

int pycapi_setup(PyObject *module)
{
    PyObject *capsule = PyCapsule_New((void *)(uintptr_t)&table, "comem._C_API", NULL);
    if (capsule == NULL)
        return -1;
    int result = PyObject_SetAttrString(module, "_C_API", capsule);
    Py_DECREF(capsule);
    return result;
}
