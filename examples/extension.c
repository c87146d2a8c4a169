/* An extension module of Python that works on comem's lists from C, without a detour through Python's objects.
 *
 *   python=.venv/bin/python
 *   cc -shared -fPIC examples/extension.c -o extension.so -I$($python -c 'import comem; print(comem.get_include())') \
 *       -I$($python -c 'import sysconfig; print(sysconfig.get_path("include"))')
 *   $python -c 'import comem, extension; l = comem.List(); extension.append_squares(l, 5); print(l, extension.total(l))'
 */
#include <comem_python.h>

static PyObject *append_squares(PyObject *module, PyObject *arguments)
{
    PyObject *object;
    long long count;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "OL:append_squares", &object, &count))
        return NULL;
    comem_list *list = comem_python_list(object); /* TypeError: it is none */
    if (list == NULL)
        return NULL;
    for (long long i = 0; i < count; i++) {
        comem_status status = comem_list_append(list, comem_int(i * i));
        if (status != COMEM_OK)
            return comem_python_raise(status);
    }
    Py_RETURN_NONE;
}

/* Of what the list holds at one moment; what is no int counts for nothing. */
static PyObject *total(PyObject *module, PyObject *object)
{
    comem_value *values;
    size_t length, read;
    long long sum = 0;
    (void)module;
    comem_list *list = comem_python_list(object);
    if (list == NULL)
        return NULL;
    comem_status status = comem_list_len(list, &length);
    if (status != COMEM_OK)
        return comem_python_raise(status);
    if ((values = PyMem_New(comem_value, length)) == NULL)
        return PyErr_NoMemory();
    status = comem_list_read(list, 0, length, values, &read);
    for (size_t i = 0; status == COMEM_OK && i < read; i++) {
        if (values[i].kind == COMEM_INT)
            sum += values[i].as.integer;
        comem_value_clear(&values[i]);
    }
    PyMem_Free(values);
    return status == COMEM_OK ? PyLong_FromLongLong(sum) : comem_python_raise(status);
}

static PyMethodDef functions[] = {
    {"append_squares", append_squares, METH_VARARGS, "append_squares(list, count): the squares of 0 to count - 1."},
    {"total", total, METH_O, "total(list): the sum of its ints."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "extension", NULL, -1, functions, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_extension(void)
{
    if (comem_import() < 0) /* ImportError: no comem, or one of another version */
        return NULL;
    return PyModule_Create(&definition);
}
