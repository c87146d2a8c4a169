/* pyframe.c - what the Python code that is running is about to do
 *
 * The interpreter asks an object on the right of a built-in list for their sum by the same call, whether the program says
 * left + right or left += right, and only if it has none extends the built-in list itself. What the program says stands in the
 * instruction that its code is at. Code of C that adds is in no such instruction: one cannot tell what it does.
 *
 * Learnt       How a + is compiled differs between versions of Python, so the interpreter is asked: it is the first
 *              instruction in which the code of a sum is not that of a difference.
 */
#include "pyframe.h"

#define INSTRUCTION 2 /* bytes */

/* The instruction that begins at byte `at` of the bytes object `code`. */
static unsigned instruction_at(PyObject *code, Py_ssize_t at)
{
    const unsigned char *bytes = (const unsigned char *)PyBytes_AS_STRING(code) + at;
    return (unsigned)bytes[0] << 8 | bytes[1];
}

/* The instructions of a code object; the reference to that is taken over, NULL is an exception. NULL with an exception. */
static PyObject *instructions_of(PyObject *code)
{
    PyObject *instructions = code == NULL ? NULL : PyObject_GetAttrString(code, "co_code");
    Py_XDECREF(code);
    if (instructions == NULL || PyBytes_CheckExact(instructions))
        return instructions;
    PyErr_SetString(PyExc_SystemError, "co_code is not bytes");
    Py_DECREF(instructions);
    return NULL;
}

/* Finds out what a + is. 0, or -1 with an exception. */
static int learn_addition(struct module_state *state)
{
    PyObject *sum = instructions_of(Py_CompileString("left + right", "<comem>", Py_eval_input));
    PyObject *difference =
        sum == NULL ? NULL : instructions_of(Py_CompileString("left - right", "<comem>", Py_eval_input));
    Py_ssize_t at = 0, size = difference == NULL ? 0 : PyBytes_GET_SIZE(sum);
    if (difference != NULL && PyBytes_GET_SIZE(difference) < size)
        size = PyBytes_GET_SIZE(difference);
    while (at + INSTRUCTION <= size && instruction_at(sum, at) == instruction_at(difference, at))
        at += INSTRUCTION;
    if (at + INSTRUCTION <= size)
        state->addition = instruction_at(sum, at);
    else if (difference != NULL)
        PyErr_SetString(PyExc_SystemError, "a sum has the code of a difference");
    Py_XDECREF(difference);
    Py_XDECREF(sum);
    return state->addition == 0 ? -1 : 0;
}

int pyframe_adds(struct module_state *state)
{
    PyFrameObject *frame = PyEval_GetFrame(); /* borrowed */
    if (frame == NULL)
        return 0;
    if (state->addition == 0 && learn_addition(state) < 0)
        return -1;
    PyObject *at = PyObject_GetAttrString((PyObject *)(void *)frame, "f_lasti");
    Py_ssize_t offset = at == NULL ? -1 : PyLong_AsSsize_t(at);
    Py_XDECREF(at);
    if (offset < 0)
        return PyErr_Occurred() ? -1 : 0;
    PyObject *instructions = instructions_of((PyObject *)(void *)PyFrame_GetCode(frame));
    if (instructions == NULL)
        return -1;
    bool adds = offset + INSTRUCTION <= PyBytes_GET_SIZE(instructions) &&
                instruction_at(instructions, offset) == state->addition;
    Py_DECREF(instructions);
    return adds;
}
