/* compare.c - comparing lists and dicts by what they hold
 *
 * Copies of both are compared, each of one moment, with no lock held; containers inside are compared the same way, up to
 * 100 deep. The same container equals itself, as identity is equality in Python.
 */
#include "objects/dict_layout.h"
#include "objects/list_change.h"
#include "value/order.h"

#include <stdlib.h>

#define DEPTH_MAX 100u

static comem_status compare_lists(comem_list *one, comem_list *other, unsigned depth, bool ordered, enum order *order);
static comem_status compare_dicts(comem_dict *one, comem_dict *other, unsigned depth, enum order *order);

static comem_status compare_begin(const struct comem_object *one, const struct comem_object *other, unsigned depth,
                                  enum order *order)
{
    *order = ORDER_EQUAL;
    if (depth > DEPTH_MAX)
        return store_error(COMEM_INVALID, "containers within containers more than %u deep, or in a ring", DEPTH_MAX);
    return one != other || object_ok(one) ? COMEM_OK : object_gone(one);
}

/* Compares two values; lists and dicts among them by what they hold. */
static comem_status compare_items(const comem_value *one, const comem_value *other, unsigned depth, bool ordered,
                                  enum order *order)
{
    comem_list *first = comem_value_list(one), *second = comem_value_list(other);
    comem_dict *left = comem_value_dict(one), *right = comem_value_dict(other);
    if (first != NULL && second != NULL)
        return compare_lists(first, second, depth + 1, ordered, order);
    if (left != NULL && right != NULL && !ordered)
        return compare_dicts(left, right, depth + 1, order);
    *order = order_values(one, other);
    return COMEM_OK;
}

static comem_status no_order(const comem_value *one, const comem_value *other)
{
    return store_error(COMEM_TYPE, "'<' not supported between instances of '%s' and '%s'", order_kind_name(one->kind),
                       order_kind_name(other->kind));
}

static comem_status compare_values(const struct list_copy *one, const struct list_copy *other, unsigned depth,
                                   bool ordered, enum order *order)
{
    size_t both = one->count < other->count ? one->count : other->count;
    for (size_t i = 0; i < both; i++) {
        comem_status status = compare_items(&one->values[i], &other->values[i], depth, ordered, order);
        if (status != COMEM_OK)
            return status;
        if (*order == ORDER_NONE && ordered)
            return no_order(&one->values[i], &other->values[i]);
        if (*order != ORDER_EQUAL)
            return COMEM_OK;
    }
    *order = one->count < other->count ? ORDER_BEFORE : one->count > other->count ? ORDER_AFTER : ORDER_EQUAL;
    return COMEM_OK;
}

static comem_status compare_lists(comem_list *one, comem_list *other, unsigned depth, bool ordered, enum order *order)
{
    struct list_copy first = {.values = NULL}, second = {.values = NULL};
    comem_status status = compare_begin(&one->object, &other->object, depth, order);
    if (status != COMEM_OK || one == other)
        return status;
    status = list_copy_take(one, &first);
    if (status == COMEM_OK)
        status = list_copy_take(other, &second);
    if (status == COMEM_OK)
        status = compare_values(&first, &second, depth, ordered, order);
    list_copy_clear(&first);
    list_copy_clear(&second);
    return status;
}

/* ---- dicts ---- */

struct pair {
    const comem_value *key, *value;
};

/* Some order of canonical keys, in which equal ones are side by side. */
static int compare_keys(const void *one, const void *other)
{
    const comem_value *left = ((const struct pair *)one)->key, *right = ((const struct pair *)other)->key;
    if (left->kind != right->kind)
        return left->kind < right->kind ? -1 : 1;
    if (left->size != right->size)
        return left->size < right->size ? -1 : 1;
    if (left->kind >= COMEM_STR)
        return memcmp(left->as.data, right->as.data, left->size);
    return left->as.integer < right->as.integer ? -1 : left->as.integer > right->as.integer; /* or a float's bits */
}

static struct pair *sort_pairs(const struct dict_copy *copy)
{
    struct pair *pairs = malloc((copy->count + 1) * sizeof *pairs);
    for (size_t i = 0; pairs != NULL && i < copy->count; i++)
        pairs[i] = (struct pair){&copy->pairs.column[DICT_CANONICAL][i], &copy->pairs.column[DICT_VALUES][i]};
    if (pairs != NULL)
        qsort(pairs, copy->count, sizeof *pairs, compare_keys);
    return pairs;
}

static comem_status compare_pairs(const struct dict_copy *one, const struct dict_copy *other, unsigned depth,
                                  enum order *order)
{
    comem_status status = COMEM_OK;
    *order = one->count == other->count ? ORDER_EQUAL : ORDER_NONE;
    if (*order != ORDER_EQUAL)
        return COMEM_OK;
    struct pair *first = sort_pairs(one), *second = sort_pairs(other);
    if (first == NULL || second == NULL)
        status = store_error(COMEM_NO_MEMORY, "malloc of %zu pairs failed", one->count);
    for (size_t i = 0; i < one->count && status == COMEM_OK && *order == ORDER_EQUAL; i++) {
        if (compare_keys(&first[i], &second[i]) != 0)
            *order = ORDER_NONE;
        else
            status = compare_items(first[i].value, second[i].value, depth, false, order);
    }
    free(first);
    free(second);
    return status;
}

static comem_status compare_dicts(comem_dict *one, comem_dict *other, unsigned depth, enum order *order)
{
    struct dict_copy first = {.count = 0}, second = {.count = 0};
    comem_status status = compare_begin(&one->object, &other->object, depth, order);
    if (status != COMEM_OK || one == other)
        return status;
    status = dict_copy_take(one, &first);
    if (status == COMEM_OK)
        status = dict_copy_take(other, &second);
    if (status == COMEM_OK)
        status = compare_pairs(&first, &second, depth, order);
    dict_copy_clear(&first);
    dict_copy_clear(&second);
    return status;
}

comem_status comem_dict_equal(comem_dict *one, comem_dict *other, bool *equal)
{
    enum order order;
    if (equal != NULL)
        *equal = false;
    if (one == NULL || other == NULL || equal == NULL)
        return store_error(COMEM_INVALID, "a dict or the place for the answer is NULL");
    comem_status status = compare_dicts(one, other, 0, &order);
    if (status == COMEM_OK)
        *equal = order == ORDER_EQUAL;
    return status;
}

/* ---- lists ---- */

comem_status comem_list_equal(comem_list *one, comem_list *other, bool *equal)
{
    enum order order;
    if (equal != NULL)
        *equal = false;
    if (one == NULL || other == NULL || equal == NULL)
        return store_error(COMEM_INVALID, "a list or the place for the answer is NULL");
    comem_status status = compare_lists(one, other, 0, false, &order);
    if (status == COMEM_OK)
        *equal = order == ORDER_EQUAL;
    return status;
}

comem_status comem_list_compare(comem_list *one, comem_list *other, int *order)
{
    enum order found;
    if (order != NULL)
        *order = 0;
    if (one == NULL || other == NULL || order == NULL)
        return store_error(COMEM_INVALID, "a list or the place for the answer is NULL");
    comem_status status = compare_lists(one, other, 0, true, &found);
    if (status == COMEM_OK && found == ORDER_NEITHER)
        return store_error(COMEM_TYPE, "a float that is not a number has no place in an order");
    if (status == COMEM_OK)
        *order = (int)found;
    return status;
}
