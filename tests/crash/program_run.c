/* program_run.c - running operations through comem.h, and whether they did what was expected */
#include <stdlib.h>
#include <string.h>

#include "model.h"

/* ---- what is held ---- */

comem_status holding_make(struct holding *holding, unsigned lists, unsigned dicts)
{
    comem_status status = COMEM_OK;
    for (unsigned i = 0; i < lists && status == COMEM_OK; i++)
        status = comem_list_new(holding->store, &holding->lists[i]);
    for (unsigned i = 0; i < dicts && status == COMEM_OK; i++)
        status = comem_dict_new(holding->store, &holding->dicts[i]);
    return status;
}

comem_status holding_clear(const struct holding *holding, unsigned lists, unsigned dicts)
{
    comem_status status = COMEM_OK;
    for (unsigned i = 0; i < lists && status == COMEM_OK; i++)
        status = comem_list_clear(holding->lists[i]);
    for (unsigned i = 0; i < dicts && status == COMEM_OK; i++)
        status = comem_dict_clear(holding->dicts[i]);
    return status;
}

void holding_release(const struct holding *holding, unsigned lists, unsigned dicts)
{
    for (unsigned i = 0; i < lists; i++)
        comem_list_release(holding->lists[i]);
    for (unsigned i = 0; i < dicts; i++)
        comem_dict_release(holding->dicts[i]);
}

/* ---- running ---- */

comem_value *outcome_room(struct outcome *outcome, size_t count)
{
    outcome->values = malloc((count + 1) * sizeof *outcome->values);
    if (outcome->values == NULL)
        abort();
    for (size_t i = 0; i < count; i++)
        outcome->values[i] = comem_none();
    return outcome->values;
}

comem_status read_list(comem_list *list, struct outcome *outcome)
{
    size_t length;
    comem_status status = comem_list_len(list, &length);
    if (status != COMEM_OK)
        return status;
    return comem_list_read(list, 0, length, outcome_room(outcome, length), &outcome->count);
}

/* Runs what makes a list, and reads it. */
static comem_status run_making(const struct operation *operation, comem_list *list, comem_list *other,
                               struct outcome *outcome)
{
    comem_list *made = NULL;
    comem_status status = operation->kind == OPERATION_COPY     ? comem_list_copy(list, &made)
                          : operation->kind == OPERATION_CONCAT ? comem_list_concat(list, other, &made)
                                                                : comem_list_repeat(list, operation->times, &made);
    if (status == COMEM_OK)
        status = read_list(made, outcome);
    comem_list_release(made);
    return status;
}

static comem_status run_slice_get(const struct operation *operation, comem_list *list, struct outcome *outcome)
{
    size_t length;
    comem_slice slice = operation->slice;
    comem_status status = comem_list_len(list, &length);
    if (status != COMEM_OK)
        return status;
    size_t room = slice.step == 0 ? 0 : slice_resolve(&slice, length);
    if (operation->throw &&room > 0)
        room--;
    status = comem_list_slice_get(list, operation->slice, outcome_room(outcome, room), room, &outcome->number);
    if (status == COMEM_OK && outcome->number <= room)
        outcome->count = outcome->number;
    return status;
}

static comem_status run_pop(const struct operation *operation, comem_list *list, struct outcome *outcome)
{
    comem_value *value = operation->throw ? NULL : outcome_room(outcome, 1);
    comem_status status = operation->kind == OPERATION_POP ? comem_list_pop(list, value)
                                                           : comem_list_pop_at(list, operation->index, value);
    outcome->count = status == COMEM_OK && value != NULL;
    return status;
}

static comem_status run_one(const struct operation *operation, comem_list *list, comem_value value,
                            struct outcome *outcome)
{
    switch (operation->kind) {
    case OPERATION_SET:
        return comem_list_set(list, operation->index, value);
    case OPERATION_APPEND:
        return comem_list_append(list, value);
    case OPERATION_INSERT:
        return comem_list_insert(list, operation->index, value);
    case OPERATION_REMOVE:
        return comem_list_remove(list, value);
    case OPERATION_INDEX:
        return comem_list_index(list, value, operation->slice.start, operation->slice.stop, &outcome->number);
    default: /* OPERATION_COUNT */
        return comem_list_count(list, value, &outcome->number);
    }
}

/* With values: of the operation, or an item. */
static comem_status run_with_values(const struct holding *holding, const struct operation *operation, comem_list *list,
                                    struct outcome *outcome)
{
    struct arguments arguments;
    comem_status status;
    size_t count = operation->count, length;
    comem_slice slice = operation->slice;
    if (operation->from_item) {
        comem_value item;
        status = comem_list_get(holding->lists[operation->other], operation->from, &item);
        if (status == COMEM_OK)
            status = run_one(operation, list, item, outcome);
        comem_value_clear(&item);
        return status;
    }
    if (operation->exact && slice.step != 0) {
        status = comem_list_len(list, &length);
        if (status != COMEM_OK)
            return status;
        count = slice_resolve(&slice, length);
    }
    bool many = operation->kind == OPERATION_EXTEND || operation->kind == OPERATION_SLICE_SET;
    status = arguments_make(holding, operation, many ? count : 1, &arguments);
    if (status == COMEM_OK && operation->kind == OPERATION_EXTEND)
        status = comem_list_extend(list, arguments.values, count);
    else if (status == COMEM_OK && operation->kind == OPERATION_SLICE_SET)
        status = comem_list_slice_set(list, operation->slice, arguments.values, count);
    else if (status == COMEM_OK)
        status = run_one(operation, list, arguments.values[0], outcome);
    arguments_free(&arguments);
    return status;
}

static comem_status run(const struct holding *holding, const struct operation *operation, struct outcome *outcome)
{
    comem_list *list = holding->lists[operation->list], *other = holding->lists[operation->other];
    comem_status status;
    bool equal = false;
    if (operation_is_dicts(operation->kind))
        return run_dict(holding, operation, outcome);
    int order = 0;
    switch (operation->kind) {
    case OPERATION_LEN:
        return comem_list_len(list, &outcome->number);
    case OPERATION_GET:
        status = comem_list_get(list, operation->index, outcome_room(outcome, 1));
        outcome->count = status == COMEM_OK;
        return status;
    case OPERATION_READ:
        status = comem_list_read(list, (size_t)operation->from, operation->count,
                                 outcome_room(outcome, operation->count), &outcome->number);
        outcome->count = outcome->number;
        return status;
    case OPERATION_SLICE_GET:
        return run_slice_get(operation, list, outcome);
    case OPERATION_EQUAL:
        status = comem_list_equal(list, other, &equal);
        outcome->number = equal;
        return status;
    case OPERATION_COMPARE:
        status = comem_list_compare(list, other, &order);
        outcome->number = (size_t)(order + 1);
        return status;
    case OPERATION_COPY:
    case OPERATION_CONCAT:
    case OPERATION_REPEAT:
        return run_making(operation, list, other, outcome);
    case OPERATION_POP:
    case OPERATION_POP_AT:
        return run_pop(operation, list, outcome);
    case OPERATION_CLEAR:
        return comem_list_clear(list);
    case OPERATION_REVERSE:
        return comem_list_reverse(list);
    case OPERATION_SORT:
        return comem_list_sort(list);
    case OPERATION_SORT_DESCENDING:
        return comem_list_sort_descending(list);
    case OPERATION_SLICE_DELETE:
        return comem_list_slice_delete(list, operation->slice);
    case OPERATION_EXTEND_LIST:
        return comem_list_extend_list(list, other);
    case OPERATION_MULTIPLY:
        return comem_list_multiply(list, operation->times);
    default:
        return run_with_values(holding, operation, list, outcome);
    }
}

void operation_run(const struct holding *holding, const struct operation *operation, struct outcome *outcome)
{
    memset(outcome, 0, sizeof *outcome);
    outcome->status = run(holding, operation, outcome);
}

void outcome_clear(struct outcome *outcome)
{
    for (size_t i = 0; i < outcome->count; i++)
        comem_value_clear(&outcome->values[i]);
    free(outcome->values);
    memset(outcome, 0, sizeof *outcome);
}

/* ---- comparing ---- */

const char *outcome_differs(const struct holding *holding, const struct outcome *outcome,
                            const struct expectation *expectation)
{
    if (expectation->anything)
        return NULL;
    if (outcome->status != expectation->status)
        return comem_strerror(outcome->status);
    if (outcome->status != COMEM_OK)
        return NULL;
    if (outcome->number != expectation->number)
        return "a number in the answer";
    return values_match(holding, outcome, expectation->values, expectation->count) ? NULL : "the values in the answer";
}

/* For a full store: with one handle at a time on what the items refer to. */
static bool items_match(const struct holding *holding, comem_list *list, const struct model_list *expected)
{
    size_t length;
    bool match = comem_list_len(list, &length) == COMEM_OK && length == expected->length;
    for (size_t i = 0; match && i < length; i++) {
        comem_value value;
        comem_status status = comem_list_get(list, (int64_t)i, &value);
        match =
            status == COMEM_NO_MEMORY || (status == COMEM_OK && value_matches(holding, &value, &expected->values[i]));
        comem_value_clear(&value);
    }
    return match;
}

static bool pairs_match(const struct holding *holding, const struct outcome *content, const struct model_dict *dict)
{
    bool match = content->count == 2 * dict->length;
    for (size_t i = 0; match && i < dict->length; i++)
        match = value_matches(holding, &content->values[2 * i], &dict->pairs[i].key) &&
                value_matches(holding, &content->values[2 * i + 1], &dict->pairs[i].value);
    return match;
}

/* The same as items_match(); keys are looked for one by one, their order is not seen. */
static bool pairs_match_one_by_one(const struct holding *holding, comem_dict *dict, const struct model_dict *expected)
{
    size_t length;
    bool match = comem_dict_len(dict, &length) == COMEM_OK && length == expected->length;
    for (size_t i = 0; match && i < length; i++) {
        struct operation one = {.base_count = 1, .keys = {expected->pairs[i].key}};
        struct arguments arguments;
        comem_value value = comem_none();
        comem_status status = arguments_make(holding, &one, 1, &arguments);
        if (status == COMEM_OK)
            status = comem_dict_get(dict, arguments.keys[0], &value);
        match = status == COMEM_NO_MEMORY ||
                (status == COMEM_OK && value_matches(holding, &value, &expected->pairs[i].value));
        comem_value_clear(&value);
        arguments_free(&arguments);
    }
    return match;
}

static const char *dicts_differ(const struct holding *holding, const struct model *model)
{
    static const char *const answers[MODEL_DICTS] = {"dict 0", "dict 1", "dict 2"};
    for (unsigned i = 0; i < MODEL_DICTS; i++) {
        struct outcome content = {0};
        content.status = read_dict(holding->dicts[i], &content);
        bool matches = content.status == COMEM_OK && pairs_match(holding, &content, &model->dicts[i]);
        bool full = content.status == COMEM_NO_MEMORY;
        outcome_clear(&content);
        if (!matches && !(full && pairs_match_one_by_one(holding, holding->dicts[i], &model->dicts[i])))
            return answers[i];
    }
    return NULL;
}

const char *content_differs(const struct holding *holding, const struct model *model)
{
    static const char *const answers[MODEL_LISTS] = {"list 0", "list 1", "list 2", "list 3", "list 4"};
    for (unsigned i = 0; i < MODEL_LISTS; i++) {
        struct outcome content = {0};
        content.status = read_list(holding->lists[i], &content);
        bool matches = content.status == COMEM_OK &&
                       values_match(holding, &content, model->lists[i].values, model->lists[i].length);
        bool full = content.status == COMEM_NO_MEMORY;
        outcome_clear(&content);
        if (!matches && !(full && items_match(holding, holding->lists[i], &model->lists[i])))
            return answers[i];
    }
    return dicts_differ(holding, model);
}

const char *outcome_unsound(const struct outcome *outcome)
{
    static const bool possible[] = {[COMEM_OK] = true,   [COMEM_OUT_OF_RANGE] = true, [COMEM_NOT_FOUND] = true,
                                    [COMEM_TYPE] = true, [COMEM_INVALID] = true,      [COMEM_SYSTEM] = false};
    if (!possible[outcome->status])
        return comem_strerror(outcome->status);
    for (size_t i = 0; i < outcome->count; i++)
        if (!value_whole(&outcome->values[i]))
            return "a value that nobody stored";
    return NULL;
}
