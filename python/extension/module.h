/* module.h - what the files of the extension module comem._engine share
 *
 * The interpreter's lock protects everything here. The engine is called with it held, but for calls that will be long; where
 * an operation has to sleep, the engine's wait hooks give it up and take it back after the operation's last unlock. So no
 * function of the engine ever runs Python code, and no Python code of the thread runs while one of its locks is held. What a
 * call borrows is held by its caller: other threads may run and drop what they have.
 */
#ifndef COMEM_MODULE_H
#define COMEM_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include "comem.h"

#pragma GCC diagnostic ignored "-Wpedantic" /* a PyType_Slot holds functions as void *: POSIX, not ISO C */

#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

enum kind_index { KIND_LIST, KIND_DICT, KIND_VARIABLE, KINDS }; /* kinds of shared objects */
enum dict_part { DICT_KEYS, DICT_VALUES, DICT_ITEMS };          /* what there is to read of a dict */

#define KNOWN_KEYS_BITS 10u

/* A short text that was read as a key, to be given again. */
struct known_key {
    PyObject *text;      /* NULL: none */
    uint64_t head, body; /* its image as a cell */
};

struct module_state {
    PyTypeObject *native_types[KINDS];   /* comem.List ... */
    PyTypeObject *proxy_types[KINDS];    /* comem.managers.ListProxy ...; NULL until that module is imported */
    PyTypeObject *unbound_type;          /* pyunbound.h */
    PyTypeObject *iterator_type;         /* iter(list) */
    PyTypeObject *reverse_iterator_type; /* reversed(list) */
    PyTypeObject *dict_iterator_type;    /* iter(dict) and those of its views */
    PyTypeObject *dict_view_types[DICT_ITEMS + 1];
    PyObject *missing;                                  /* comem.MISSING */
    PyObject *keep;                                     /* comem.KEEP */
    PyTypeObject *block_type;                           /* pyblock.h */
    PyTypeObject *roots_type;                           /* comem._engine.Roots */
    PyObject *kept_stores;                              /* a set: the maps of stores that were dropped open */
    PyObject *open_function;                            /* comem._engine._open, what a pickle calls */
    struct known_key known_keys[1u << KNOWN_KEYS_BITS]; /* of plain dicts that were read */
    PyObject *scratch;            /* bytes that small packed values borrow from, one at a time; NULL: none yet */
    PyObject *values_module;      /* comem._values; NULL until it is needed */
    PyObject *canonical_function; /* comem._keys.canonical, and */
    PyObject *typed_type;         /* comem._keys.Typed; NULL until they are needed */
    unsigned addition;            /* pyframe.c: the instruction of a +; 0: not known yet */
    PyObject *gone_error;
    PyObject *damaged_error;
    comem_store *store; /* the program's store; NULL until it is needed */
    comem_dict *names;  /* its names, held so that they are found fast; NULL until one was */
};

extern struct PyModuleDef module_definition;

static inline struct module_state *module_state(PyObject *module)
{
    return (struct module_state *)PyModule_GetState(module);
}

#define LONG_CALL 100000 /* nanoseconds that other threads may be kept waiting */

/* Gives the interpreter's lock up, before a call of the engine that takes `nanoseconds`, if that is long. Hand what it returns
 * to module_take_back() after the call, before anything of Python's is touched. */
static inline PyThreadState *module_let_go(size_t nanoseconds)
{
    return UNLIKELY(nanoseconds > LONG_CALL) ? PyEval_SaveThread() : NULL;
}

static inline void module_take_back(PyThreadState *thread)
{
    if (UNLIKELY(thread != NULL))
        PyEval_RestoreThread(thread);
}

/* The state of the module that made `type` or one of its bases, NULL when that is none of this extension's. */
struct module_state *module_find(PyTypeObject *type);

/* The state of the module that made `type` or one of its bases. Never NULL for the types of this module and their
 * subclasses. A walk along the bases: for paths that make objects or raise. */
struct module_state *module_state_of(PyTypeObject *type);

#ifdef Py_TPFLAGS_DISALLOW_INSTANTIATION
#define MODULE_NO_INSTANCES (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION)
#else
#define MODULE_NO_INSTANCES Py_TPFLAGS_DEFAULT
#endif

/* Makes a type that the module alone makes objects of; its spec has the flags MODULE_NO_INSTANCES. NULL with an exception. */
PyTypeObject *module_make_type(PyObject *module, PyType_Spec *spec);

/* The program's store, made if need be. NULL with an exception. */
comem_store *module_store(struct module_state *state);

/* The engine's sentence on its last failure, which `status` is of. It may name files and roots, cut short: what is no UTF-8 is
 * escaped. NULL with an exception. */
PyObject *module_detail(comem_status status);
/* Sets `exception` with that sentence. */
void module_raise_as(PyObject *exception, comem_status status);
/* Sets the exception that `status`, which is not COMEM_OK, stands for, with the engine's sentence. Returns NULL. */
PyObject *module_raise(struct module_state *state, comem_status status);

#endif
