/* comem_python.h - the engine inside the Python package comem, for other extension modules
 *
 * A module in C or C++ that includes this header, in the place of comem.h, calls every function of comem.h as a program in C
 * does, and uses the very objects of the process it is loaded into: the engine is reached through a table that the package
 * holds ready, comem._C_API. Nothing is linked; this finds the headers of an installed comem:
 *
 *   cc -shared -fPIC module.c -o module.so -I$(python -c 'import comem; print(comem.get_include())') $(python3-config --includes)
 *
 * (A libcomem that the module were linked with would be another participant, which shares stores by name alone.)
 *
 * Start      comem_import() comes first, in each source file that includes this: in the set-up of its module, say. Whatever is
 *            called before it crashes.
 * Lock       The functions of comem.h may be called with and without the interpreter's lock. One that has to sleep gives it
 *            up, if its thread has it, and takes it back at its end. Those declared here need it.
 * Handles    A handle borrowed from a Python object is good as long as somebody holds that object.
 */
#ifndef COMEM_PYTHON_H
#define COMEM_PYTHON_H

#include <Python.h>

#include "comem.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The list, dict or variable behind a comem.List, Dict or Value, or the same of a manager. Borrowed from `object`. NULL with
 * TypeError: it is none; or with what using it raises: a global that cannot be had yet. Of an object that is gone it is a handle
 * with which every call answers COMEM_GONE. O(1), 20 ns. */
comem_list *comem_python_list(PyObject *object);
comem_dict *comem_python_dict(PyObject *object);
comem_variable *comem_python_variable(PyObject *object);

/* A new Python object for what `reference` refers to, as comem_ref() and comem_ref_dict() make one and containers give them. It
 * has a handle of its own: that of `reference` stays the caller's. NULL with TypeError: no reference. O(1), 0.1 us. */
PyObject *comem_python_object(comem_value reference);

/* Raises the exception that comem's own methods raise for `status`, with comem_detail()'s sentence. Returns NULL.
 * COMEM_NOT_FOUND is a KeyError without a key: callers that know it raise their own. COMEM_OK is a SystemError. */
PyObject *comem_python_raise(comem_status status);

/* ---- the table --------------------------------------------------------------------------------------------------- */

/* Rises when what was compiled before can no longer work: a signature, a struct, a meaning of comem.h has changed. New functions
 * stand at the end, and modules that do not know them go on working. */
#define COMEM_PYTHON_ABI 1

/* clang-format off */
#define COMEM_PYTHON_FUNCTIONS(F) \
    F(comem_strerror) F(comem_detail) F(comem_version) F(comem_value_pack) F(comem_value_unpack) F(comem_value_clear) \
    F(comem_value_list) F(comem_value_dict) F(comem_value_variable) F(comem_open) F(comem_close) F(comem_unlink) \
    F(comem_root) F(comem_root_add) F(comem_root_list) F(comem_root_dict) F(comem_root_variable) F(comem_root_remove) \
    F(comem_roots) F(comem_list_new) F(comem_list_release) F(comem_list_len) F(comem_list_get) F(comem_list_set) \
    F(comem_list_append) F(comem_list_extend) F(comem_list_pop) F(comem_list_insert) F(comem_list_pop_at) \
    F(comem_list_remove) F(comem_list_clear) F(comem_list_reverse) F(comem_list_sort) F(comem_list_sort_descending) \
    F(comem_list_read) F(comem_list_slice_get) F(comem_list_slice_set) F(comem_list_slice_delete) \
    F(comem_list_extend_list) F(comem_list_multiply) F(comem_list_copy) F(comem_list_concat) F(comem_list_repeat) \
    F(comem_list_index) F(comem_list_count) F(comem_list_equal) F(comem_list_compare) F(comem_list_print) \
    F(comem_dict_new) F(comem_dict_release) F(comem_dict_len) F(comem_dict_get) F(comem_dict_contains) \
    F(comem_dict_set) F(comem_dict_setdefault) F(comem_dict_pop) F(comem_dict_popitem) F(comem_dict_clear) \
    F(comem_dict_read) F(comem_dict_update) F(comem_dict_update_from) F(comem_dict_copy) F(comem_dict_merge) \
    F(comem_dict_equal) F(comem_dict_add) F(comem_dict_cas) F(comem_dict_update_if) F(comem_dict_print) \
    F(comem_variable_new) F(comem_variable_release) F(comem_variable_typecode) F(comem_variable_get) \
    F(comem_variable_set) F(comem_variable_add) F(comem_variable_cas) F(comem_process_start) F(comem_process_join) \
    F(comem_python_list) F(comem_python_dict) F(comem_python_variable) F(comem_python_object) F(comem_python_raise)
/* clang-format on */

struct comem_python {
    uint32_t abi;  /* COMEM_PYTHON_ABI */
    uint32_t size; /* of this struct */
#define COMEM_PYTHON_MEMBER(name) __typeof__(name) *name##_;
    COMEM_PYTHON_FUNCTIONS(COMEM_PYTHON_MEMBER)
#undef COMEM_PYTHON_MEMBER
};

#ifndef COMEM_PYTHON_ENGINE /* comem itself fills the table */

static const struct comem_python *comem_python; /* of this source file; NULL until comem_import() */

/* Finds the package and its table. 0, or -1 with ImportError: there is no comem here, or it cannot be used, or is of another
 * version; the sentence says which. May be called again. 1 us, and the import of comem the first time. */
static inline int comem_import(void)
{
    PyObject *package = PyImport_ImportModule("comem");
    PyObject *capsule = package == NULL ? NULL : PyObject_GetAttrString(package, "_C_API");
    const struct comem_python *table =
        capsule == NULL ? NULL : (const struct comem_python *)PyCapsule_GetPointer(capsule, "comem._C_API");
    Py_XDECREF(capsule);
    Py_XDECREF(package);
    if (table == NULL)
        return -1;
    if (table->abi != COMEM_PYTHON_ABI || table->size < sizeof(*table)) {
        PyErr_Format(PyExc_ImportError,
                     "this module was compiled with the headers of comem " COMEM_VERSION
                     ", and here is comem %s, which differs: compile it again with those of comem.get_include()",
                     table->comem_version_());
        return -1;
    }
    comem_python = table;
    return 0;
}

#define comem_strerror comem_python->comem_strerror_
#define comem_detail comem_python->comem_detail_
#define comem_version comem_python->comem_version_
#define comem_value_pack comem_python->comem_value_pack_
#define comem_value_unpack comem_python->comem_value_unpack_
#define comem_value_clear comem_python->comem_value_clear_
#define comem_value_list comem_python->comem_value_list_
#define comem_value_dict comem_python->comem_value_dict_
#define comem_value_variable comem_python->comem_value_variable_
#define comem_open comem_python->comem_open_
#define comem_close comem_python->comem_close_
#define comem_unlink comem_python->comem_unlink_
#define comem_root comem_python->comem_root_
#define comem_root_add comem_python->comem_root_add_
#define comem_root_list comem_python->comem_root_list_
#define comem_root_dict comem_python->comem_root_dict_
#define comem_root_variable comem_python->comem_root_variable_
#define comem_root_remove comem_python->comem_root_remove_
#define comem_roots comem_python->comem_roots_
#define comem_list_new comem_python->comem_list_new_
#define comem_list_release comem_python->comem_list_release_
#define comem_list_len comem_python->comem_list_len_
#define comem_list_get comem_python->comem_list_get_
#define comem_list_set comem_python->comem_list_set_
#define comem_list_append comem_python->comem_list_append_
#define comem_list_extend comem_python->comem_list_extend_
#define comem_list_pop comem_python->comem_list_pop_
#define comem_list_insert comem_python->comem_list_insert_
#define comem_list_pop_at comem_python->comem_list_pop_at_
#define comem_list_remove comem_python->comem_list_remove_
#define comem_list_clear comem_python->comem_list_clear_
#define comem_list_reverse comem_python->comem_list_reverse_
#define comem_list_sort comem_python->comem_list_sort_
#define comem_list_sort_descending comem_python->comem_list_sort_descending_
#define comem_list_read comem_python->comem_list_read_
#define comem_list_slice_get comem_python->comem_list_slice_get_
#define comem_list_slice_set comem_python->comem_list_slice_set_
#define comem_list_slice_delete comem_python->comem_list_slice_delete_
#define comem_list_extend_list comem_python->comem_list_extend_list_
#define comem_list_multiply comem_python->comem_list_multiply_
#define comem_list_copy comem_python->comem_list_copy_
#define comem_list_concat comem_python->comem_list_concat_
#define comem_list_repeat comem_python->comem_list_repeat_
#define comem_list_index comem_python->comem_list_index_
#define comem_list_count comem_python->comem_list_count_
#define comem_list_equal comem_python->comem_list_equal_
#define comem_list_compare comem_python->comem_list_compare_
#define comem_list_print comem_python->comem_list_print_
#define comem_dict_new comem_python->comem_dict_new_
#define comem_dict_release comem_python->comem_dict_release_
#define comem_dict_len comem_python->comem_dict_len_
#define comem_dict_get comem_python->comem_dict_get_
#define comem_dict_contains comem_python->comem_dict_contains_
#define comem_dict_set comem_python->comem_dict_set_
#define comem_dict_setdefault comem_python->comem_dict_setdefault_
#define comem_dict_pop comem_python->comem_dict_pop_
#define comem_dict_popitem comem_python->comem_dict_popitem_
#define comem_dict_clear comem_python->comem_dict_clear_
#define comem_dict_read comem_python->comem_dict_read_
#define comem_dict_update comem_python->comem_dict_update_
#define comem_dict_update_from comem_python->comem_dict_update_from_
#define comem_dict_copy comem_python->comem_dict_copy_
#define comem_dict_merge comem_python->comem_dict_merge_
#define comem_dict_equal comem_python->comem_dict_equal_
#define comem_dict_add comem_python->comem_dict_add_
#define comem_dict_cas comem_python->comem_dict_cas_
#define comem_dict_update_if comem_python->comem_dict_update_if_
#define comem_dict_print comem_python->comem_dict_print_
#define comem_variable_new comem_python->comem_variable_new_
#define comem_variable_release comem_python->comem_variable_release_
#define comem_variable_typecode comem_python->comem_variable_typecode_
#define comem_variable_get comem_python->comem_variable_get_
#define comem_variable_set comem_python->comem_variable_set_
#define comem_variable_add comem_python->comem_variable_add_
#define comem_variable_cas comem_python->comem_variable_cas_
#define comem_process_start comem_python->comem_process_start_
#define comem_process_join comem_python->comem_process_join_
#define comem_python_list comem_python->comem_python_list_
#define comem_python_dict comem_python->comem_python_dict_
#define comem_python_variable comem_python->comem_python_variable_
#define comem_python_object comem_python->comem_python_object_
#define comem_python_raise comem_python->comem_python_raise_

#endif

#ifdef __cplusplus
}
#endif
#endif
