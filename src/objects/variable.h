/* variable.h - variables: what front ends of this library may use besides comem.h */
#ifndef COMEM_OBJECTS_VARIABLE_H
#define COMEM_OBJECTS_VARIABLE_H

#include "objects/object.h"

/* A handle on a variable. */
struct comem_variable {
    struct comem_object object;
};

/* comem_variable_new() in a scope, with OBJECT_ flags. */
comem_status variable_new_in(comem_store *store, uint64_t scope, uint32_t flags, char typecode,
                             const comem_value *initial, comem_variable **variable);

/* Whether there is such a type code; 0 is one. */
bool variable_typecode_known(char typecode);

/* The zero of a type; none for 0. */
comem_value variable_zero(char typecode);

/* Whether `value` is of the variable's type. COMEM_TYPE, COMEM_OUT_OF_RANGE: it is not. */
comem_status variable_check(comem_variable *variable, const comem_value *value);
/* comem_variable_set() without a copy of the value. */
comem_status variable_set(comem_variable *variable, const comem_value *value);

/* A variable as it was when it was read, for who works on a copy and then changes it only if it is still the same. */
struct variable_moment {
    uint64_t version;
    struct cell_image image;
};

/* comem_variable_get(), and the moment. */
comem_status variable_find(comem_variable *variable, comem_value *value, struct variable_moment *moment);
/* comem_variable_set() if the variable is as it was at `moment`; *done says whether. */
comem_status variable_replace_if(comem_variable *variable, const struct variable_moment *moment,
                                 const comem_value *value, bool *done);

#endif
