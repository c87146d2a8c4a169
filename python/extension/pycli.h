/* pycli.h - the comem command within the interpreter */
#ifndef COMEM_PYCLI_H
#define COMEM_PYCLI_H

#include "module.h"

PyDoc_STRVAR(pycli_run_doc,
             "_cli(words, /)\n--\n\n"
             "Run the comem command with these words, bytes, the first of which is its name. It writes to the\n"
             "process's standard output and error, not to sys.stdout. Returns its exit code.");
PyObject *pycli_run(PyObject *module, PyObject *list);

#endif
