/* value.h - values of a store, printed within bounds */
#ifndef COMEM_CLI_VALUE_H
#define COMEM_CLI_VALUE_H

#include "cli.h"

struct bounds {
    uint64_t items; /* of each container */
    uint64_t bytes; /* of each text */
    uint64_t total; /* values, all in all */
    unsigned depth; /* containers within containers */
};

/* Prints `value` as Python would, as far as the bounds go; what is left out is said to be. Returns what went wrong on the way. */
comem_status value_print(FILE *stream, const comem_value *value, const struct bounds *bounds);
/* The same as one JSON value. What JSON has no form for is an object with one key that begins with '$'. */
comem_status value_json(struct json *json, const comem_value *value, const struct bounds *bounds);

/* What the object that `reference` refers to is called, "list", and how many items it has; false: it is of a type without. */
const char *value_kind(const comem_value *reference);
bool value_length(const comem_value *reference, uint64_t *length);

#endif
