/* dict_calls.c - comem.h's calls on keys: the key is made, then used; and what is done with a value in several steps
 *
 * cas and update_if look at a value outside all locks and store another one if the key is still as it was; otherwise they look
 * again. So a death between the two leaves the value as it was.
 */
#include "objects/dict_layout.h"
#include "value/order.h"

/* Checks the handle and makes the key. */
static comem_status open_key(comem_dict *dict, const comem_value *value, struct key *key)
{
    if (!WORD_LIKELY(dict != NULL))
        return store_error(COMEM_INVALID, "the dict is NULL");
    return key_make(dict->object.map, value, key);
}

comem_status comem_dict_get(comem_dict *dict, comem_value key, comem_value *value)
{
    struct key made;
    if (value == NULL)
        return store_error(COMEM_INVALID, "the place for the value is NULL");
    *value = comem_none();
    comem_status status = open_key(dict, &key, &made);
    if (status != COMEM_OK)
        return status;
    status = dict_get(dict, &made, value);
    key_clear(&made);
    return status;
}

comem_status comem_dict_contains(comem_dict *dict, comem_value key, bool *found)
{
    struct key made;
    if (found == NULL)
        return store_error(COMEM_INVALID, "the place for the answer is NULL");
    *found = false;
    comem_status status = open_key(dict, &key, &made);
    if (status != COMEM_OK)
        return status;
    status = dict_contains(dict, &made, found);
    key_clear(&made);
    return status;
}

comem_status comem_dict_set(comem_dict *dict, comem_value key, comem_value value)
{
    struct key made;
    comem_status status = open_key(dict, &key, &made);
    if (status != COMEM_OK)
        return status;
    status = dict_set(dict, &made, &value);
    key_clear(&made);
    return status;
}

comem_status comem_dict_pop(comem_dict *dict, comem_value key, comem_value *value)
{
    struct key made;
    if (value != NULL)
        *value = comem_none();
    comem_status status = open_key(dict, &key, &made);
    if (status != COMEM_OK)
        return status;
    status = dict_pop(dict, &made, value);
    key_clear(&made);
    return status;
}

comem_status comem_dict_popitem(comem_dict *dict, comem_value *key, comem_value *value)
{
    struct dict_moment moment;
    comem_status status;
    bool done = false;
    do {
        status = dict_last(dict, key, value, &moment);
        if (status == COMEM_OK)
            status = dict_remove_last_if(dict, &moment, &done);
        if (status != COMEM_OK || !done) {
            comem_value_clear(key);
            comem_value_clear(value);
        }
    } while (status == COMEM_OK && !done);
    return status;
}

/* What is there, a copy of it if anybody wants one. COMEM_NOT_FOUND. */
static comem_status look_up(comem_dict *dict, const struct key *key, comem_value *result)
{
    bool found;
    if (result != NULL)
        return dict_get(dict, key, result);
    comem_status status = dict_contains(dict, key, &found);
    return status == COMEM_OK && !found ? COMEM_NOT_FOUND : status;
}

comem_status dict_setdefault(comem_dict *dict, const struct key *key, const comem_value *value, comem_value *result)
{
    struct dict_moment absent = {.entry = 0};
    struct cell_image image;
    comem_value copy = comem_none();
    bool stored = false;
    comem_status status = value_pack(&dict->object, value, &image); /* COMEM_MISSING would mean to take the key out */
    if (status != COMEM_OK)
        return status;
    status = look_up(dict, key, result);
    if (status == COMEM_NOT_FOUND && result != NULL) { /* before it is stored, since nothing may fail afterwards */
        comem_status copied = value_copy(value, &copy);
        if (copied != COMEM_OK)
            return copied;
    }
    while (status == COMEM_NOT_FOUND) {
        status = dict_replace_if(dict, key, &absent, value, &stored);
        if (status == COMEM_OK && !stored)
            status = look_up(dict, key, result);
    }
    if (stored && result != NULL) {
        *result = copy; /* what this call stored, whatever has become of it since */
        result->flags = value->kind == COMEM_STR ? cell_flags(image.head) : copy.flags;
    } else {
        comem_value_clear(&copy);
    }
    return status;
}

comem_status comem_dict_setdefault(comem_dict *dict, comem_value key, comem_value value, comem_value *result)
{
    struct key made;
    if (result != NULL)
        *result = comem_none();
    comem_status status = open_key(dict, &key, &made);
    if (status != COMEM_OK)
        return status;
    status = dict_setdefault(dict, &made, &value, result);
    key_clear(&made);
    return status;
}

comem_status comem_dict_add(comem_dict *dict, comem_value key, comem_value amount, comem_value *result)
{
    struct key made;
    if (result != NULL)
        *result = comem_none();
    comem_status status = open_key(dict, &key, &made);
    if (status != COMEM_OK)
        return status;
    status = dict_add(dict, &made, &amount, result);
    key_clear(&made);
    return status;
}

/* ---- compare and swap ---- */

static comem_status cas(comem_dict *dict, const struct key *key, const comem_value *expected, const comem_value *value,
                        bool *swapped)
{
    comem_status status = COMEM_OK;
    bool equal = true;
    while (status == COMEM_OK && !*swapped) {
        struct dict_moment moment;
        comem_value found;
        status = dict_find(dict, key, &found, &moment);
        if (status == COMEM_OK || status == COMEM_NOT_FOUND) {
            status = COMEM_OK;
            if (found.kind == COMEM_MISSING || expected->kind == COMEM_MISSING)
                equal = found.kind == expected->kind;
            else
                status = key_values_equal(dict->object.map, &found, expected, &equal);
            comem_value_clear(&found);
        }
        if (status != COMEM_OK || !equal)
            return status;
        status = dict_replace_if(dict, key, &moment, value, swapped);
    }
    return status;
}

comem_status comem_dict_cas(comem_dict *dict, comem_value key, comem_value expected, comem_value value, bool *swapped)
{
    struct key made;
    if (swapped == NULL)
        return store_error(COMEM_INVALID, "the place for the answer is NULL");
    *swapped = false;
    comem_status status = open_key(dict, &key, &made);
    if (status != COMEM_OK)
        return status;
    status = cas(dict, &made, &expected, &value, swapped);
    key_clear(&made);
    return status;
}

/* ---- update_if ---- */

static comem_status update_if(comem_dict *dict, const struct key *key, comem_updater update, void *context)
{
    bool stored = false;
    comem_status status = COMEM_OK;
    while (status == COMEM_OK && !stored) {
        struct dict_moment moment;
        comem_value found, next = comem_none();
        status = dict_find(dict, key, &found, &moment);
        if (status != COMEM_OK && status != COMEM_NOT_FOUND)
            return status;
        bool change = update(context, &found, &next);
        comem_value_clear(&found);
        status = change ? dict_replace_if(dict, key, &moment, &next, &stored) : COMEM_OK;
        comem_value_clear(&next);
        stored |= !change;
    }
    return status;
}

comem_status comem_dict_update_if(comem_dict *dict, comem_value key, comem_updater update, void *context)
{
    struct key made;
    if (update == NULL)
        return store_error(COMEM_INVALID, "the function is NULL");
    comem_status status = open_key(dict, &key, &made);
    if (status != COMEM_OK)
        return status;
    status = update_if(dict, &made, update, context);
    key_clear(&made);
    return status;
}
