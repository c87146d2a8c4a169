/* pycli.c - the comem command within the interpreter */
#include "pycli.h"

#include "cli.h"

/* Borrows the words from `list`, a list of bytes. NULL with an exception. */
static char **words_of(PyObject *list, Py_ssize_t count)
{
    char **words = PyMem_Calloc((size_t)count + 1, sizeof *words);
    if (words == NULL)
        return (char **)PyErr_NoMemory();
    for (Py_ssize_t i = 0; i < count; i++)
        if (PyBytes_AsStringAndSize(PyTuple_GET_ITEM(list, i), &words[i], NULL) < 0) {
            PyMem_Free(words);
            return NULL;
        }
    return words;
}

PyObject *pycli_run(PyObject *module, PyObject *list)
{
    (void)module;
    PyObject *held = PySequence_Tuple(list); /* nobody changes it while the interpreter's lock is gone */
    if (held == NULL)
        return NULL;
    Py_ssize_t count = PyTuple_GET_SIZE(held);
    char **words = words_of(held, count);
    if (words == NULL) {
        Py_DECREF(held);
        return NULL;
    }
    int code;
    Py_BEGIN_ALLOW_THREADS
    code = cli_main((int)count, words);
    Py_END_ALLOW_THREADS
    PyMem_Free(words);
    Py_DECREF(held);
    return PyLong_FromLong(code);
}
