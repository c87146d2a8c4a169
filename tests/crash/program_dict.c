/* program_dict.c - running operations on dicts through comem.h */
#include <stdlib.h>
#include <string.h>

#include "model.h"

/* Reads keys, values or both, if they are at most `room`; the outcome has them one behind the other. */
static comem_status read_pairs(comem_dict *dict, bool keys, bool values, size_t room, struct outcome *outcome)
{
    struct outcome first = {0}, second = {0};
    comem_value *to_keys = keys ? outcome_room(&first, room) : NULL;
    comem_value *to_values = values ? outcome_room(&second, room) : NULL;
    comem_status status = comem_dict_read(dict, to_keys, to_values, room, &outcome->number);
    size_t count = status == COMEM_OK && outcome->number <= room ? outcome->number : 0;
    comem_value *to = outcome_room(outcome, 2 * count);
    for (size_t i = 0; i < count; i++) {
        if (keys)
            to[outcome->count++] = to_keys[i];
        if (values)
            to[outcome->count++] = to_values[i];
    }
    outcome_clear(&first); /* the values themselves are the outcome's now */
    outcome_clear(&second);
    return status;
}

comem_status read_dict(comem_dict *dict, struct outcome *outcome)
{
    size_t length;
    comem_status status = comem_dict_len(dict, &length);
    if (status == COMEM_OK)
        status = read_pairs(dict, true, true, length, outcome);
    outcome->number = 0;
    return status;
}

static comem_status run_read(const struct operation *operation, comem_dict *dict, struct outcome *outcome)
{
    size_t room;
    comem_status status = comem_dict_len(dict, &room);
    if (status != COMEM_OK)
        return status;
    room -= operation->throw &&room > 0;
    return read_pairs(dict, operation->how != HOW_MISSING, operation->how != HOW_CURRENT, room, outcome);
}

/* Runs what makes a dict, and reads it. */
static comem_status run_making(const struct operation *operation, comem_dict *dict, comem_dict *other,
                               struct outcome *outcome)
{
    comem_dict *made = NULL;
    comem_status status =
        operation->kind == OPERATION_DICT_COPY ? comem_dict_copy(dict, &made) : comem_dict_merge(dict, other, &made);
    if (status == COMEM_OK)
        status = read_dict(made, outcome);
    comem_dict_release(made);
    return status;
}

static comem_status run_popitem(const struct operation *operation, comem_dict *dict, struct outcome *outcome)
{
    if (operation->throw)
        return comem_dict_popitem(dict, NULL, NULL);
    comem_value *pair = outcome_room(outcome, 2);
    comem_status status = comem_dict_popitem(dict, &pair[0], &pair[1]);
    outcome->count = status == COMEM_OK ? 2 : 0;
    return status;
}

static comem_status run_update(comem_dict *dict, const struct arguments *arguments, size_t count)
{
    comem_pair *pairs = malloc((count + 1) * sizeof *pairs);
    if (pairs == NULL)
        abort();
    for (size_t i = 0; i < count; i++)
        pairs[i] = (comem_pair){arguments->keys[i], arguments->values[i]};
    comem_status status = comem_dict_update(dict, pairs, count);
    free(pairs);
    return status;
}

/* The key goes with `throw`. */
static comem_status run_cas(const struct operation *operation, comem_dict *dict, const struct arguments *arguments,
                            struct outcome *outcome)
{
    comem_value current = comem_missing(), expected = current;
    comem_status status = COMEM_OK;
    bool swapped = false;
    if (operation->how == HOW_CURRENT) {
        status = comem_dict_get(dict, arguments->keys[0], &current);
        if (status == COMEM_NOT_FOUND) {
            current = comem_missing();
            status = COMEM_OK;
        }
        expected = current;
    } else if (operation->how == HOW_VALUE) {
        expected = arguments->values[1];
    }
    if (status == COMEM_OK)
        status = comem_dict_cas(dict, arguments->keys[0], expected,
                                operation->throw ? comem_missing() : arguments->values[0], &swapped);
    comem_value_clear(&current);
    outcome->number = swapped;
    return status;
}

/* What an updater is told to do, and what it saw last. */
struct updating {
    const struct operation *operation;
    comem_value next;
    uint32_t seen;
};

static bool update_as_told(void *context, const comem_value *value, comem_value *next)
{
    struct updating *updating = context;
    updating->seen = value->kind;
    *next = updating->operation->how == HOW_MISSING ? comem_missing() : updating->next;
    next->owned = 0;
    return updating->operation->how != HOW_CURRENT;
}

static comem_status run_update_if(const struct operation *operation, comem_dict *dict,
                                  const struct arguments *arguments, struct outcome *outcome)
{
    struct updating updating = {operation, arguments->values[0], 0};
    comem_status status = comem_dict_update_if(dict, arguments->keys[0], update_as_told, &updating);
    outcome->number = updating.seen;
    return status;
}

/* Runs what has a key and one value, and may give one. */
static comem_status run_one(const struct operation *operation, comem_dict *dict, comem_value key, comem_value value,
                            struct outcome *outcome)
{
    comem_value *result = operation->throw ? NULL : outcome_room(outcome, 1);
    comem_status status;
    bool found = false;
    switch (operation->kind) {
    case OPERATION_DICT_SET:
        return comem_dict_set(dict, key, value);
    case OPERATION_DICT_CONTAINS:
        status = comem_dict_contains(dict, key, &found);
        outcome->number = found;
        return status;
    case OPERATION_DICT_GET:
        if (result == NULL)
            result = outcome_room(outcome, 1);
        status = comem_dict_get(dict, key, result);
        break;
    case OPERATION_DICT_SETDEFAULT:
        status = comem_dict_setdefault(dict, key, value, result);
        break;
    case OPERATION_DICT_POP:
        status = comem_dict_pop(dict, key, result);
        break;
    default: /* OPERATION_DICT_ADD */
        status = comem_dict_add(dict, key, value, result);
        break;
    }
    outcome->count = status == COMEM_OK && result != NULL;
    return status;
}

static comem_status run_with_keys(const struct holding *holding, const struct operation *operation, comem_dict *dict,
                                  struct outcome *outcome)
{
    struct arguments arguments;
    comem_value item = comem_none();
    size_t count = operation->kind == OPERATION_DICT_UPDATE ? operation->count : operation->base_count;
    comem_status status = arguments_make(holding, operation, count, &arguments);
    if (status == COMEM_OK && operation->from_item)
        status = comem_list_get(holding->lists[operation->other], operation->from, &item);
    if (status == COMEM_OK && operation->kind == OPERATION_DICT_UPDATE)
        status = run_update(dict, &arguments, count);
    else if (status == COMEM_OK && operation->kind == OPERATION_DICT_CAS)
        status = run_cas(operation, dict, &arguments, outcome);
    else if (status == COMEM_OK && operation->kind == OPERATION_DICT_UPDATE_IF)
        status = run_update_if(operation, dict, &arguments, outcome);
    else if (status == COMEM_OK)
        status =
            run_one(operation, dict, arguments.keys[0], operation->from_item ? item : arguments.values[0], outcome);
    comem_value_clear(&item);
    arguments_free(&arguments);
    return status;
}

comem_status run_dict(const struct holding *holding, const struct operation *operation, struct outcome *outcome)
{
    comem_dict *dict = holding->dicts[operation->dict], *other = holding->dicts[operation->other_dict];
    comem_status status;
    bool equal = false;
    switch (operation->kind) {
    case OPERATION_DICT_LEN:
        return comem_dict_len(dict, &outcome->number);
    case OPERATION_DICT_READ:
        return run_read(operation, dict, outcome);
    case OPERATION_DICT_COPY:
    case OPERATION_DICT_MERGE:
        return run_making(operation, dict, other, outcome);
    case OPERATION_DICT_EQUAL:
        status = comem_dict_equal(dict, other, &equal);
        outcome->number = equal;
        return status;
    case OPERATION_DICT_POPITEM:
        return run_popitem(operation, dict, outcome);
    case OPERATION_DICT_CLEAR:
        return comem_dict_clear(dict);
    case OPERATION_DICT_UPDATE_FROM:
        return comem_dict_update_from(dict, other);
    default:
        return run_with_keys(holding, operation, dict, outcome);
    }
}
