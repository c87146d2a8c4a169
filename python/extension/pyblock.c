/* pyblock.c - a value that the extension owns, as a Python object
 *
 * Values on their way in borrow from it until they are stored. On the way out it is the memory of the arrays that come
 * out of a pickle, which so are copied out of the store once.
 */
#include "pyblock.h"

PyObject *pyblock_new(struct module_state *state, comem_value *value)
{
    struct block_object *block = PyObject_New(struct block_object, state->block_type);
    if (block == NULL)
        return NULL;
    block->value = *value;
    *value = comem_none();
    return (PyObject *)(void *)block;
}

static void block_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    comem_value_clear(&((struct block_object *)(void *)self)->value);
    PyObject_Free(self);
    Py_DECREF(type);
}

static int block_get_buffer(PyObject *self, Py_buffer *view, int flags)
{
    const comem_value *value = &((struct block_object *)(void *)self)->value;
    return PyBuffer_FillInfo(view, self, (void *)(uintptr_t)value->as.data, (Py_ssize_t)value->size, 0, flags);
}

static PyType_Slot block_slots[] = {
    {Py_tp_dealloc, (void *)block_dealloc},
    {Py_bf_getbuffer, (void *)block_get_buffer},
    {0, NULL},
};

static PyType_Spec block_spec = {
    .name = "comem._engine.Block",
    .basicsize = sizeof(struct block_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = block_slots,
};

int pyblock_setup(PyObject *module)
{
    struct module_state *state = module_state(module);
    state->block_type = (PyTypeObject *)(void *)PyType_FromModuleAndSpec(module, &block_spec, NULL);
    if (state->block_type == NULL)
        return -1;
    state->block_type->tp_new = NULL; /* made by pyblock_new() alone */
    return 0;
}
