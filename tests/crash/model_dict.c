/* model_dict.c - what Python's dicts do, on plain arrays in the order of insertion */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

#define EQUAL_LENGTH 64u

/* ---- keys ---- */

bool key_allowed(const struct model_value *key)
{
    return key->kind != COMEM_REF && (key->kind != COMEM_PACKED || key->fill < PACKED_PLAIN);
}

/* Whether a key equals an int of 64 bits, and which one. */
static bool key_as_int(const struct model_value *key, int64_t *integer)
{
    double real;
    *integer = (int64_t)key->bits;
    if (key->kind == COMEM_BOOL || key->kind == COMEM_INT)
        return true;
    if (key->kind != COMEM_FLOAT)
        return false;
    memcpy(&real, &key->bits, sizeof real);
    if (!(real >= -9223372036854775808.0 && real < 9223372036854775808.0) || floor(real) != real)
        return false;
    *integer = (int64_t)real;
    return true;
}

/* A float that is no int has its own bits alone. */
bool key_equal(const struct model_value *one, const struct model_value *other)
{
    int64_t first, second;
    bool first_is_int = key_as_int(one, &first), second_is_int = key_as_int(other, &second);
    if (first_is_int || second_is_int)
        return first_is_int && second_is_int && first == second;
    if (one->kind == COMEM_PACKED && other->kind == COMEM_PACKED && key_allowed(one) && key_allowed(other))
        return one->bits == other->bits;
    return value_same(one, other);
}

uint64_t key_hash(const struct model_value *key)
{
    int64_t integer;
    uint64_t hash = key->bits;
    if (key_as_int(key, &integer))
        hash = (uint64_t)integer;
    else if (is_text(key))
        hash = (uint64_t)key->kind << 32 | (uint64_t)key->fill << 24 | (uint64_t)key->last << 16 | key->count;
    return hash * UINT64_C(0x9E3779B97F4A7C15);
}

/* ---- pairs ---- */

struct model_pair *pair_find(const struct model_dict *dict, const struct model_value *key)
{
    uint64_t hash = key_hash(key);
    for (size_t i = 0; i < dict->length; i++)
        if (dict->pairs[i].hash == hash && key_equal(&dict->pairs[i].key, key))
            return &dict->pairs[i];
    return NULL;
}

static void set(struct model_dict *dict, const struct model_value *key, const struct model_value *value)
{
    struct model_pair *pair = pair_find(dict, key);
    if (pair == NULL) {
        pair = &dict->pairs[dict->length++];
        pair->key = *key;
        pair->hash = key_hash(key);
    }
    pair->value = *value;
}

static void take_out(struct model_dict *dict, struct model_pair *pair)
{
    if (pair == NULL)
        return;
    size_t behind = dict->length - (size_t)(pair - dict->pairs) - 1;
    memmove(pair, pair + 1, behind * sizeof *pair);
    dict->length--;
}

static void expect_pairs(struct expectation *expectation, const struct model_dict *dict, bool keys, bool values)
{
    struct model_value *both = malloc(2 * dict->length * sizeof *both + 1);
    size_t count = 0;
    if (both == NULL)
        abort();
    for (size_t i = 0; i < dict->length; i++) {
        if (keys)
            both[count++] = dict->pairs[i].key;
        if (values)
            both[count++] = dict->pairs[i].value;
    }
    expect_values(expectation, both, count);
    free(both);
}

/* ---- operations ---- */

bool dict_op_fits(const struct model *model, const struct operation *operation)
{
    size_t length = model->dicts[operation->dict].length, other = model->dicts[operation->other_dict].length;
    switch (operation->kind) {
    case OPERATION_DICT_SET:
    case OPERATION_DICT_SETDEFAULT:
    case OPERATION_DICT_ADD:
    case OPERATION_DICT_CAS:
    case OPERATION_DICT_UPDATE_IF:
        return length < model->dict_limit;
    case OPERATION_DICT_UPDATE:
        return length + operation->count <= model->dict_limit;
    case OPERATION_DICT_UPDATE_FROM:
    case OPERATION_DICT_MERGE:
        return length + other <= model->dict_limit;
    case OPERATION_DICT_EQUAL:
        return length <= EQUAL_LENGTH &&
               other <= EQUAL_LENGTH; /* values that are containers are compared to their bottom */
    default:
        return true;
    }
}

static void merge(const struct model_dict *dict, const struct model_dict *other, struct expectation *expectation)
{
    struct model_dict both = {dict->length, malloc((dict->length + other->length) * sizeof *both.pairs + 1)};
    if (both.pairs == NULL)
        abort();
    if (dict->length > 0)
        memcpy(both.pairs, dict->pairs, dict->length * sizeof *both.pairs);
    for (size_t i = 0; i < other->length; i++)
        set(&both, &other->pairs[i].key, &other->pairs[i].value);
    expect_pairs(expectation, &both, true, true);
    free(both.pairs);
}

static comem_status update(struct model_dict *dict, const struct operation *operation)
{
    for (size_t i = 0; i < operation->count; i++) {
        struct model_value key = operation_key(operation, i);
        if (!key_allowed(&key))
            return COMEM_TYPE;
    }
    for (size_t i = 0; i < operation->count; i++) {
        struct model_value key = operation_key(operation, i), value = operation_value(operation, i);
        set(dict, &key, &value);
    }
    return COMEM_OK;
}

static double real_of(const struct model_value *value)
{
    double real;
    if (value->kind != COMEM_FLOAT)
        return (double)(int64_t)value->bits;
    memcpy(&real, &value->bits, sizeof real);
    return real;
}

static comem_status add(struct model_dict *dict, const struct model_value *key, const struct model_value *amount,
                        struct model_value *sum)
{
    const struct model_pair *pair = pair_find(dict, key);
    struct model_value left = {.kind = COMEM_INT};
    if (pair != NULL)
        left = pair->value;
    if (!is_number(&left) || !is_number(amount))
        return COMEM_TYPE;
    *sum = (struct model_value){.kind = COMEM_INT};
    if (left.kind == COMEM_FLOAT || amount->kind == COMEM_FLOAT) {
        double real = real_of(&left) + real_of(amount);
        sum->kind = COMEM_FLOAT;
        memcpy(&sum->bits, &real, sizeof real);
    } else {
        int64_t total;
        if (__builtin_add_overflow((int64_t)left.bits, (int64_t)amount->bits, &total))
            return COMEM_OUT_OF_RANGE;
        sum->bits = (uint64_t)total;
    }
    set(dict, key, sum);
    return COMEM_OK;
}

static bool cas(struct model_dict *dict, const struct operation *operation, const struct model_value *key,
                const struct model_value *value)
{
    struct model_pair *pair = pair_find(dict, key);
    const struct model_value *expected = &operation->bases[1];
    bool both_packed = pair != NULL && pair->value.kind == COMEM_PACKED && expected->kind == COMEM_PACKED;
    bool equal = pair == NULL;
    if (operation->how == HOW_CURRENT && pair != NULL)
        equal = value_equal(&pair->value, &pair->value); /* not so for what is no number */
    else if (operation->how == HOW_VALUE)
        equal = pair != NULL && (value_equal(&pair->value, expected) ||
                                 (both_packed && key_allowed(expected) && key_equal(&pair->value, expected)));
    if (!equal)
        return false;
    if (operation->throw)
        take_out(dict, pair);
    else
        set(dict, key, value);
    return true;
}

static void update_if(struct model_dict *dict, const struct operation *operation, const struct model_value *key,
                      const struct model_value *value, struct expectation *expectation)
{
    struct model_pair *pair = pair_find(dict, key);
    expectation->number = pair == NULL ? COMEM_MISSING : pair->value.kind;
    if (operation->how == HOW_VALUE)
        set(dict, key, value);
    else if (operation->how == HOW_MISSING)
        take_out(dict, pair);
}

/* What has one key. */
static comem_status apply_one(struct model_dict *dict, const struct operation *operation, const struct model_value *key,
                              const struct model_value *value, struct expectation *expectation)
{
    struct model_pair *pair = pair_find(dict, key);
    struct model_value result = pair == NULL ? *value : pair->value;
    comem_status status = COMEM_OK;
    switch (operation->kind) {
    case OPERATION_DICT_CONTAINS:
        expectation->number = pair != NULL;
        return COMEM_OK;
    case OPERATION_DICT_CAS:
        expectation->number = cas(dict, operation, key, value);
        return COMEM_OK;
    case OPERATION_DICT_UPDATE_IF:
        update_if(dict, operation, key, value, expectation);
        return COMEM_OK;
    case OPERATION_DICT_SET:
        set(dict, key, value);
        return COMEM_OK;
    case OPERATION_DICT_GET:
        if (pair == NULL)
            return COMEM_NOT_FOUND;
        expect_values(expectation, &result, 1);
        return COMEM_OK;
    case OPERATION_DICT_SETDEFAULT:
        set(dict, key, &result);
        break;
    case OPERATION_DICT_POP:
        status = pair == NULL ? COMEM_NOT_FOUND : COMEM_OK;
        take_out(dict, pair);
        break;
    default: /* OPERATION_DICT_ADD */
        status = add(dict, key, value, &result);
        break;
    }
    if (status == COMEM_OK && !operation->throw)
        expect_values(expectation, &result, 1);
    return status;
}

static comem_status popitem(struct model_dict *dict, bool throw, struct expectation *expectation)
{
    if (dict->length == 0)
        return COMEM_NOT_FOUND;
    const struct model_pair *pair = &dict->pairs[--dict->length];
    if (!throw) {
        expect_values(expectation, &pair->key, 1);
        expect_values(expectation, &pair->value, 1);
    }
    return COMEM_OK;
}

comem_status apply_dict(struct model *model, const struct operation *operation, const struct model_value *value,
                        struct expectation *expectation)
{
    struct model_dict *dict = &model->dicts[operation->dict];
    const struct model_dict *other = &model->dicts[operation->other_dict];
    const struct model_value *key = &operation->keys[0];
    switch (operation->kind) {
    case OPERATION_DICT_LEN:
        expectation->number = dict->length;
        return COMEM_OK;
    case OPERATION_DICT_READ:
        expectation->number = dict->length;
        if (!operation->throw)
            expect_pairs(expectation, dict, operation->how != HOW_MISSING, operation->how != HOW_CURRENT);
        return COMEM_OK;
    case OPERATION_DICT_COPY:
        expect_pairs(expectation, dict, true, true);
        return COMEM_OK;
    case OPERATION_DICT_MERGE:
        merge(dict, other, expectation);
        return COMEM_OK;
    case OPERATION_DICT_EQUAL:
        return model_compare(model, operation, expectation);
    case OPERATION_DICT_POPITEM:
        return popitem(dict, operation->throw, expectation);
    case OPERATION_DICT_CLEAR:
        dict->length = 0;
        return COMEM_OK;
    case OPERATION_DICT_UPDATE:
        return update(dict, operation);
    case OPERATION_DICT_UPDATE_FROM:
        for (size_t i = 0; i < other->length; i++)
            set(dict, &other->pairs[i].key, &other->pairs[i].value);
        return COMEM_OK;
    default:
        return key_allowed(key) ? apply_one(dict, operation, key, value, expectation) : COMEM_TYPE;
    }
}
