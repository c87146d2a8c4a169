/* model.h - what the parts of models and programs know of each other
 *
 * model.c lists; model_dict.c dicts; model_compare.c what is equal. program.c drawing and showing; program_value.c values for
 * comem.h and back; program_run.c, program_dict.c running.
 */
#ifndef COMEM_TESTS_CRASH_MODEL_H
#define COMEM_TESTS_CRASH_MODEL_H

#include "program.h"

/* ---- references by number: lists from 0 on, dicts from here on, */
#define REFERENCE_DICT 256u
/* and from here on what is anonymous: what such a list or dict holds follows from its number alone. A dict has the items under
 * 0, 1 ... */
#define ANONYMOUS (UINT64_C(1) << 16)
#define ANONYMOUS_INNER (UINT64_C(1) << 63) /* flag: the list within an anonymous one */
#define ANONYMOUS_ITEMS 5u

size_t anonymous_items(uint64_t number, struct model_value *items);
bool reference_is_dict(uint64_t number);

/* ---- packed values: a tuple with an int or a float, which are equal as keys; a list of this and that; one with references */
enum packed_shape { PACKED_INT, PACKED_FLOAT, PACKED_PLAIN, PACKED_HOLDING, PACKED_SHAPES };

/* ---- of an operation: its n-th value, its n-th key */
struct model_value operation_value(const struct operation *operation, size_t number);
struct model_value operation_key(const struct operation *operation, size_t number);
/* Resolves a slice, whose step is not 0, for a list of `length` items; how many items it has. */
size_t slice_resolve(comem_slice *slice, size_t length);

/* ---- models ---- */

void expect_values(struct expectation *expectation, const struct model_value *values, size_t count);

bool is_number(const struct model_value *value);
bool is_text(const struct model_value *value);
bool value_same(const struct model_value *one, const struct model_value *other);
bool value_equal(const struct model_value *one, const struct model_value *other);
/* Of two numbers, or two texts of one kind. */
int compare_plain(const struct model_value *one, const struct model_value *other);
comem_status model_compare(const struct model *model, const struct operation *operation,
                           struct expectation *expectation);

bool key_allowed(const struct model_value *key);
bool key_equal(const struct model_value *one, const struct model_value *other);
uint64_t key_hash(const struct model_value *key);
bool dict_op_fits(const struct model *model, const struct operation *operation);
struct model_pair *pair_find(const struct model_dict *dict, const struct model_value *key);
comem_status apply_dict(struct model *model, const struct operation *operation, const struct model_value *value,
                        struct expectation *expectation);

/* ---- running ---- */

size_t text_size(const struct model_value *value);
uint16_t text_flags(const struct model_value *value);

/* The keys and values of one operation, and what they take. */
struct arguments {
    comem_value *values, *keys;
    size_t count;
    char *text;
    size_t text_end;
    comem_value made[OPERATION_BASES]; /* references to what is anonymous */
    unsigned made_count;
};

comem_status arguments_make(const struct holding *holding, const struct operation *operation, size_t count,
                            struct arguments *arguments);
void arguments_free(struct arguments *arguments);

bool value_matches(const struct holding *holding, const comem_value *found, const struct model_value *expected);
bool values_match(const struct holding *holding, const struct outcome *outcome, const struct model_value *expected,
                  size_t count);
/* Whether a value is one that a program may have stored. */
bool value_whole(const comem_value *value);

comem_value *outcome_room(struct outcome *outcome, size_t count);
comem_status read_list(comem_list *list, struct outcome *outcome);
comem_status read_dict(comem_dict *dict, struct outcome *outcome);
comem_status run_dict(const struct holding *holding, const struct operation *operation, struct outcome *outcome);

#endif
