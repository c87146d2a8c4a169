/* The extension module that test_capi.py looks at include/comem_python.h with. */
#define PY_SSIZE_T_CLEAN
#include "comem_python.h"

/* append(list, number, locked): with the interpreter's lock, or without it. */
static PyObject *append(PyObject *module, PyObject *arguments)
{
    PyObject *object;
    comem_list *list;
    comem_status status;
    long long number;
    int locked;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "OLp:append", &object, &number, &locked))
        return NULL;
    list = comem_python_list(object);
    if (list == NULL)
        return NULL;
    if (locked) {
        status = comem_list_append(list, comem_int(number));
    } else {
        Py_BEGIN_ALLOW_THREADS
        status = comem_list_append(list, comem_int(number));
        Py_END_ALLOW_THREADS
    }
    if (status != COMEM_OK)
        return comem_python_raise(status);
    Py_RETURN_NONE;
}

/* add_to_dict(dict, key): the number under the key, one more. */
static PyObject *add_to_dict(PyObject *module, PyObject *arguments)
{
    PyObject *object;
    const char *key;
    Py_ssize_t size;
    comem_dict *dict;
    comem_value sum;
    comem_status status;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "Os#:add_to_dict", &object, &key, &size))
        return NULL;
    dict = comem_python_dict(object);
    if (dict == NULL)
        return NULL;
    status = comem_dict_add(dict, comem_str(key, (size_t)size), comem_int(1), &sum);
    return status == COMEM_OK ? PyLong_FromLongLong(sum.as.integer) : comem_python_raise(status);
}

static PyObject *add_to_variable(PyObject *module, PyObject *object)
{
    comem_value sum;
    comem_status status;
    comem_variable *variable = comem_python_variable(object);
    (void)module;
    if (variable == NULL)
        return NULL;
    status = comem_variable_add(variable, comem_int(1), &sum);
    return status == COMEM_OK ? PyLong_FromLongLong(sum.as.integer) : comem_python_raise(status);
}

/* again(list): another object of the same list. */
static PyObject *again(PyObject *module, PyObject *object)
{
    comem_list *list = comem_python_list(object);
    (void)module;
    return list == NULL ? NULL : comem_python_object(comem_ref(list));
}

/* made(): a dict that was made in C, in the program's own store. */
static PyObject *made(PyObject *module, PyObject *unused)
{
    comem_store *store;
    comem_dict *dict = NULL;
    PyObject *object;
    comem_status status = comem_open(NULL, NULL, &store);
    (void)module, (void)unused;
    if (status == COMEM_OK) {
        status = comem_dict_new(store, &dict);
        comem_close(store);
    }
    if (status != COMEM_OK)
        return comem_python_raise(status);
    object = comem_python_object(comem_ref_dict(dict));
    comem_dict_release(dict);
    return object;
}

static PyObject *no_object(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return comem_python_object(comem_int(1));
}

static PyObject *fail(PyObject *module, PyObject *number)
{
    (void)module;
    return comem_python_raise((comem_status)PyLong_AsLong(number));
}

static PyMethodDef functions[] = {
    {"append", append, METH_VARARGS, NULL},
    {"add_to_dict", add_to_dict, METH_VARARGS, NULL},
    {"add_to_variable", add_to_variable, METH_O, NULL},
    {"again", again, METH_O, NULL},
    {"made", made, METH_NOARGS, NULL},
    {"no_object", no_object, METH_NOARGS, NULL},
    {"fail", fail, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "capi", NULL, -1, functions, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_capi(void)
{
    return comem_import() < 0 ? NULL : PyModule_Create(&definition);
}
