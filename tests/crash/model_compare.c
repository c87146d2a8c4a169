/* model_compare.c - what is equal, and what comes first
 *
 * Numbers are compared as long double, which holds every int64 and every double on all systems comem runs on.
 */
#include <string.h>

#include "model.h"

#define EQUAL_DEPTH 100u
#define CONTAINERS_MAX 5000u

bool is_number(const struct model_value *value)
{
    return value->kind == COMEM_BOOL || value->kind == COMEM_INT || value->kind == COMEM_FLOAT;
}

bool is_text(const struct model_value *value)
{
    return value->kind == COMEM_STR || value->kind == COMEM_BYTES;
}

static long double number_of(const struct model_value *value)
{
    double real;
    if (value->kind != COMEM_FLOAT)
        return (long double)(int64_t)value->bits;
    memcpy(&real, &value->bits, sizeof real);
    return real;
}

static unsigned character_at(const struct model_value *text, unsigned at)
{
    return at + 1 == text->count ? text->last : text->fill;
}

/* Characters are numbered in their order. Between the first one and the last of the shorter text nothing changes. */
static int compare_texts(const struct model_value *one, const struct model_value *other)
{
    unsigned shorter = one->count < other->count ? one->count : other->count;
    for (unsigned i = 0; i < shorter; i = i == 0 && shorter > 1 ? shorter - 1 : shorter)
        if (character_at(one, i) != character_at(other, i))
            return character_at(one, i) < character_at(other, i) ? -1 : 1;
    return (one->count > other->count) - (one->count < other->count);
}

/* Of two numbers, or two texts of one kind. */
int compare_plain(const struct model_value *one, const struct model_value *other)
{
    if (is_text(one))
        return compare_texts(one, other);
    long double a = number_of(one), b = number_of(other);
    return (a > b) - (a < b);
}

bool value_same(const struct model_value *one, const struct model_value *other)
{
    return one->kind == other->kind && one->fill == other->fill && one->last == other->last &&
           one->count == other->count && one->bits == other->bits;
}

bool value_equal(const struct model_value *one, const struct model_value *other)
{
    if (is_number(one) && is_number(other))
        return number_of(one) == number_of(other); /* what is no number equals nothing */
    return value_same(one, other);
}

/* ---- containers, down to their bottom ---- */

struct comparison {
    const struct model *model;
    comem_status status;
    bool ordered;  /* dicts have no order: two are equal only when they are the same one */
    bool unknown;  /* it depends on what nobody predicts, or on the order in which dicts are looked through */
    unsigned left; /* pairs of containers that may still be looked at */
};

static const struct model_value *items_of(const struct model *model, uint64_t number, struct model_value *room,
                                          size_t *length)
{
    *length = 0;
    if (number < MODEL_LISTS) {
        *length = model->lists[number].length;
        return model->lists[number].values;
    }
    if (number < ANONYMOUS)
        return NULL;
    *length = anonymous_items(number, room);
    return room;
}

/* The dict of that number; an anonymous one is made in `room`. NULL: nobody knows what is in it. */
static const struct model_dict *dict_of(const struct model *model, uint64_t number, struct model_dict *room,
                                        struct model_pair *pairs)
{
    struct model_value items[ANONYMOUS_ITEMS];
    if (number < ANONYMOUS)
        return number - REFERENCE_DICT < MODEL_DICTS ? &model->dicts[number - REFERENCE_DICT] : NULL;
    *room = (struct model_dict){anonymous_items(number, items), pairs};
    for (size_t i = 0; i < room->length; i++) {
        pairs[i] = (struct model_pair){.key = {.kind = COMEM_INT, .bits = i}, .value = items[i]};
        pairs[i].hash = key_hash(&pairs[i].key);
    }
    return room;
}

static bool containers_equal(struct comparison *comparison, uint64_t one, uint64_t other, unsigned depth);

/* The first index at which two lists differ, or the length of the shorter one. */
static size_t first_difference(struct comparison *comparison, uint64_t one, uint64_t other, unsigned depth, bool *equal)
{
    struct model_value room[2][ANONYMOUS_ITEMS];
    size_t lengths[2], i;
    const struct model_value *a = items_of(comparison->model, one, room[0], &lengths[0]);
    const struct model_value *b = items_of(comparison->model, other, room[1], &lengths[1]);
    *equal = false;
    if (depth > EQUAL_DEPTH)
        comparison->status = COMEM_INVALID;
    if (a == NULL || b == NULL)
        comparison->unknown = true;
    for (i = 0; i < lengths[0] && i < lengths[1] && comparison->status == COMEM_OK && !comparison->unknown; i++) {
        bool same = value_equal(&a[i], &b[i]);
        if (!same && a[i].kind == COMEM_REF && b[i].kind == COMEM_REF)
            same = containers_equal(comparison, a[i].bits, b[i].bits, depth + 1);
        if (!same)
            return i;
    }
    *equal = lengths[0] == lengths[1];
    return i;
}

/* In whatever order: if one pair of values is too deep and another one differs, either may be the answer. */
static bool dicts_equal(struct comparison *comparison, uint64_t one, uint64_t other, unsigned depth)
{
    struct model_pair pairs[2][ANONYMOUS_ITEMS];
    struct model_dict room[2];
    const struct model_dict *a = dict_of(comparison->model, one, &room[0], pairs[0]);
    const struct model_dict *b = dict_of(comparison->model, other, &room[1], pairs[1]);
    bool differ = false, invalid = false;
    if (depth > EQUAL_DEPTH)
        comparison->status = COMEM_INVALID;
    if (a == NULL || b == NULL)
        comparison->unknown = true;
    if (comparison->status != COMEM_OK || comparison->unknown || a->length != b->length)
        return false;
    for (size_t i = 0; i < a->length && !comparison->unknown; i++) {
        const struct model_value *value = &a->pairs[i].value;
        const struct model_pair *match = pair_find(b, &a->pairs[i].key);
        bool same = match != NULL && value_equal(value, &match->value);
        if (match != NULL && !same && value->kind == COMEM_REF && match->value.kind == COMEM_REF)
            same = containers_equal(comparison, value->bits, match->value.bits, depth + 1);
        invalid |= comparison->status != COMEM_OK;
        differ |= comparison->status == COMEM_OK && !same;
        comparison->status = COMEM_OK;
    }
    comparison->unknown |= invalid && differ;
    comparison->status = invalid ? COMEM_INVALID : COMEM_OK;
    return !invalid && !differ;
}

static bool containers_equal(struct comparison *comparison, uint64_t one, uint64_t other, unsigned depth)
{
    bool equal;
    if (comparison->left-- == 0)
        comparison->unknown = true;
    if (reference_is_dict(one) != reference_is_dict(other) || comparison->unknown)
        return false;
    if (reference_is_dict(one))
        return !comparison->ordered && dicts_equal(comparison, one, other, depth);
    first_difference(comparison, one, other, depth, &equal);
    return equal;
}

static int compare_lists(struct comparison *comparison, uint64_t one, uint64_t other, unsigned depth)
{
    struct model_value room[2][ANONYMOUS_ITEMS];
    size_t lengths[2];
    bool equal;
    size_t at = first_difference(comparison, one, other, depth, &equal);
    const struct model_value *a = items_of(comparison->model, one, room[0], &lengths[0]);
    const struct model_value *b = items_of(comparison->model, other, room[1], &lengths[1]);
    if (comparison->status != COMEM_OK || comparison->unknown)
        return 0;
    if (at == lengths[0] || at == lengths[1])
        return (lengths[0] > lengths[1]) - (lengths[0] < lengths[1]);
    bool references = a[at].kind == COMEM_REF && b[at].kind == COMEM_REF;
    if (references && !reference_is_dict(a[at].bits) && !reference_is_dict(b[at].bits))
        return compare_lists(comparison, a[at].bits, b[at].bits, depth + 1);
    if ((is_number(&a[at]) && is_number(&b[at])) || (is_text(&a[at]) && a[at].kind == b[at].kind))
        return compare_plain(&a[at], &b[at]);
    comparison->status = COMEM_TYPE;
    return 0;
}

comem_status model_compare(const struct model *model, const struct operation *operation,
                           struct expectation *expectation)
{
    struct comparison comparison = {model, COMEM_OK, operation->kind == OPERATION_COMPARE, false, CONTAINERS_MAX};
    bool equal;
    if (operation->kind == OPERATION_DICT_EQUAL) {
        uint64_t one = REFERENCE_DICT + operation->dict, other = REFERENCE_DICT + operation->other_dict;
        expectation->number = one == other || dicts_equal(&comparison, one, other, 0);
    } else if (operation->kind == OPERATION_EQUAL) {
        first_difference(&comparison, operation->list, operation->other, 0, &equal);
        expectation->number = equal;
    } else {
        expectation->number = (size_t)(compare_lists(&comparison, operation->list, operation->other, 0) + 1);
    }
    expectation->anything = comparison.unknown;
    return comparison.status;
}
