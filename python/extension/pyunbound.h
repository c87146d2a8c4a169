/* pyunbound.h - globals that wait for their store */
#ifndef COMEM_PYTHON_PYUNBOUND_H
#define COMEM_PYTHON_PYUNBOUND_H

#include "pyvar.h"

/* A new object that becomes `global`, which pyvar_check() let through, when it is first used. */
PyObject *pyunbound_new(struct module_state *state, const struct global *global);

void pyunbound_dealloc(PyObject *self);

/* Whether `object` is one that has not been used yet. */
static inline bool pyunbound_is(PyObject *object)
{
    return Py_TYPE(object)->tp_dealloc == pyunbound_dealloc;
}

/* Makes `object` the shared object that it stands for; any other stays as it is. 0, or -1 with an exception. */
int pyunbound_bind(PyObject *object);

static inline int pyunbound_settle(PyObject *object)
{
    return LIKELY(!pyunbound_is(object)) ? 0 : pyunbound_bind(object);
}

/* Puts the type into the module. 0, or -1 with an exception. */
int pyunbound_setup(PyObject *module);

#endif
