/* pylist_many.h - many items on their way out of a shared list and into it */
#ifndef COMEM_PYTHON_PYLIST_MANY_H
#define COMEM_PYTHON_PYLIST_MANY_H

#include "module.h"
#include "pydeep.h"

#include "objects/list.h"

#define READ_COST 5 /* nanoseconds an item, about, for the engine to copy it */

/* ---- out ---- */

/* The items of a slice as they stood at one moment, owned. */
struct snapshot {
    comem_value *values;
    size_t count;
    int64_t start, step; /* where they stood in the list */
    struct list_moment moment;
};

/* Reads the items of a slice of the List `self`. 0, or -1 with an exception. */
int snapshot_take(struct snapshot *snapshot, PyObject *self, comem_slice slice);
void snapshot_clear(struct snapshot *snapshot);

/* The same as a new built-in list. */
PyObject *pylist_items(PyObject *self, comem_slice slice);

/* ---- in ---- */

#define FEW_VALUES 16 /* as many need no memory from the interpreter */

/* Values to be stored together, and the objects they borrow from. */
struct batch {
    comem_value few[FEW_VALUES];
    comem_value *values;
    size_t count, room;
    bool owned;         /* the values own what they point at */
    pydeep_memo *memo;  /* of the call */
    PyObject *sequence; /* where the objects come from; NULL when there are none */
    PyObject **owners;  /* NULL until there is one; room for two for each value */
    size_t owner_count;
};

/* Takes values from any iterable, to be stored in the List `self`; foreign code may run in here. `sentence`: what a TypeError
 * says when it is no iterable, NULL for the usual; `memo` is of the call. 0, and the batch is to be closed; or -1 with an
 * exception, and it is. */
int batch_open(struct batch *batch, PyObject *self, PyObject *iterable, const char *sentence, pydeep_memo *memo);
void batch_close(struct batch *batch);

#endif
