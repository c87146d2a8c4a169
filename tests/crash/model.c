/* model.c - what Python's lists do, on plain arrays
 *
 * Written from Python's definitions, not from the engine: slices as PySlice_AdjustIndices() resolves them, sorting by a
 * merge.
 */
#include "model.h"

#include <stdlib.h>
#include <string.h>

#define DICT_LIMITS 4u /* as long as so many lists */

/* ---- models ---- */

struct model *model_new(size_t limit)
{
    size_t dict_limit = DICT_LIMITS * limit;
    struct model *model = calloc(1, sizeof *model + MODEL_LISTS * limit * sizeof(struct model_value) +
                                        MODEL_DICTS * dict_limit * sizeof(struct model_pair));
    if (model == NULL)
        abort();
    struct model_value *values = (struct model_value *)(void *)(model + 1);
    struct model_pair *pairs = (struct model_pair *)(void *)(values + MODEL_LISTS * limit);
    model->limit = limit;
    model->dict_limit = dict_limit;
    for (unsigned i = 0; i < MODEL_LISTS; i++)
        model->lists[i].values = values + i * limit;
    for (unsigned i = 0; i < MODEL_DICTS; i++)
        model->dicts[i].pairs = pairs + i * dict_limit;
    return model;
}

void model_copy(struct model *to, const struct model *from)
{
    for (unsigned i = 0; i < MODEL_LISTS; i++) {
        to->lists[i].length = from->lists[i].length;
        memcpy(to->lists[i].values, from->lists[i].values, from->lists[i].length * sizeof(struct model_value));
    }
    for (unsigned i = 0; i < MODEL_DICTS; i++) {
        to->dicts[i].length = from->dicts[i].length;
        memcpy(to->dicts[i].pairs, from->dicts[i].pairs, from->dicts[i].length * sizeof(struct model_pair));
    }
}

bool model_same(const struct model *one, const struct model *other)
{
    for (unsigned i = 0; i < MODEL_LISTS; i++) {
        if (one->lists[i].length != other->lists[i].length)
            return false;
        for (size_t k = 0; k < one->lists[i].length; k++)
            if (!value_same(&one->lists[i].values[k], &other->lists[i].values[k]))
                return false;
    }
    for (unsigned i = 0; i < MODEL_DICTS; i++) {
        if (one->dicts[i].length != other->dicts[i].length)
            return false;
        for (size_t k = 0; k < one->dicts[i].length; k++)
            if (!value_same(&one->dicts[i].pairs[k].key, &other->dicts[i].pairs[k].key) ||
                !value_same(&one->dicts[i].pairs[k].value, &other->dicts[i].pairs[k].value))
                return false;
    }
    return true;
}

/* ---- positions ---- */

static bool index_resolve(int64_t index, size_t length, size_t *resolved)
{
    if (index < 0)
        index += (int64_t)length;
    *resolved = (size_t)index;
    return index >= 0 && index < (int64_t)length;
}

/* A position between `lowest` and `highest`, as slices, insert and index clip it. */
static int64_t position_clip(int64_t position, int64_t length, int64_t lowest, int64_t highest)
{
    if (position < 0)
        position += length;
    return position < lowest ? lowest : position > highest ? highest : position;
}

size_t slice_resolve(comem_slice *slice, size_t count)
{
    int64_t length = (int64_t)count;
    if (slice->step < -INT64_MAX)
        slice->step = -INT64_MAX;
    bool down = slice->step < 0;
    slice->start = position_clip(slice->start, length, down ? -1 : 0, down ? length - 1 : length);
    slice->stop = position_clip(slice->stop, length, down ? -1 : 0, down ? length - 1 : length);
    if (down)
        return slice->stop < slice->start ? (size_t)((slice->start - slice->stop - 1) / -slice->step + 1) : 0;
    return slice->start < slice->stop ? (size_t)((slice->stop - slice->start - 1) / slice->step + 1) : 0;
}

/* ---- operations ---- */

struct model_value operation_value(const struct operation *operation, size_t number)
{
    struct model_value value = operation->bases[number % operation->base_count];
    if (value.kind == COMEM_INT)
        value.bits += number / operation->base_count;
    return value;
}

struct model_value operation_key(const struct operation *operation, size_t number)
{
    struct model_value key = operation->keys[number % operation->base_count];
    if (key.kind == COMEM_INT)
        key.bits += number / operation->base_count;
    return key;
}

static size_t slice_count(const struct operation *operation, size_t length)
{
    comem_slice slice = operation->slice;
    return operation->exact && slice.step != 0 ? slice_resolve(&slice, length) : operation->count;
}

bool model_fits(const struct model *model, const struct operation *operation)
{
    size_t length = model->lists[operation->list].length, other = model->lists[operation->other].length;
    size_t times = operation->times < 0 ? 0 : (size_t)operation->times;
    if (operation_is_dicts(operation->kind))
        return dict_op_fits(model, operation);
    switch (operation->kind) {
    case OPERATION_APPEND:
    case OPERATION_INSERT:
        return length < model->limit;
    case OPERATION_EXTEND:
        return length + operation->count <= model->limit;
    case OPERATION_SLICE_SET:
        return operation->slice.step != 1 || length + operation->count <= model->limit;
    case OPERATION_EXTEND_LIST:
    case OPERATION_CONCAT:
        return length + other <= model->limit;
    case OPERATION_MULTIPLY:
    case OPERATION_REPEAT:
        return length * times <= model->limit;
    case OPERATION_EQUAL:
    case OPERATION_COMPARE:
        return length <= 64 && other <= 64; /* items that are lists are compared to their bottom */
    default:
        return true;
    }
}

void expect_values(struct expectation *expectation, const struct model_value *values, size_t count)
{
    size_t size = (expectation->count + count) * sizeof *values;
    struct model_value *grown = malloc(size + 1);
    if (grown == NULL)
        abort();
    if (expectation->count > 0)
        memcpy(grown, expectation->values, expectation->count * sizeof *values);
    if (count > 0)
        memcpy(grown + expectation->count, values, count * sizeof *values);
    free(expectation->values);
    expectation->values = grown;
    expectation->count += count;
}

/* Makes room for `count` items in the place of `gone` from `at` on. */
static struct model_value *open_gap(struct model_list *list, size_t at, size_t gone, size_t count)
{
    struct model_value *gap = list->values + at;
    memmove(gap + count, gap + gone, (list->length - at - gone) * sizeof *gap);
    list->length += count - gone;
    return gap;
}

static comem_status find(const struct model_list *list, const struct model_value *value, comem_slice part,
                         size_t *index)
{
    part.step = 1;
    slice_resolve(&part, list->length);
    for (int64_t i = part.start; i < part.stop; i++)
        if (value_equal(&list->values[i], value)) {
            *index = (size_t)i;
            return COMEM_OK;
        }
    return COMEM_NOT_FOUND;
}

/* From the bottom up; of equal items the left one stays left, whichever way the order goes. */
static void merge_sort(struct model_value *values, size_t length, int way)
{
    struct model_value *room = malloc(length * sizeof *room + 1);
    if (room == NULL)
        abort();
    for (size_t run = 1; run < length; run *= 2) {
        for (size_t low = 0; low < length; low += 2 * run) {
            size_t middle = low + run < length ? low + run : length,
                   high = middle + run < length ? middle + run : length;
            size_t left = low, right = middle;
            for (size_t to = low; to < high; to++) {
                bool take_right =
                    left == middle || (right < high && compare_plain(&values[right], &values[left]) * way < 0);
                room[to] = values[take_right ? right++ : left++];
            }
        }
        memcpy(values, room, length * sizeof *room);
    }
    free(room);
}

/* A single item is in order, whatever it is. */
static comem_status sort(struct model_list *list, int way)
{
    for (size_t i = 1; i < list->length; i++) {
        const struct model_value *one = &list->values[i - 1], *other = &list->values[i];
        if (!(is_number(one) && is_number(other)) && !(is_text(one) && one->kind == other->kind))
            return COMEM_TYPE;
    }
    merge_sort(list->values, list->length, way);
    return COMEM_OK;
}

static void reverse(struct model_list *list)
{
    for (size_t i = 0; i < list->length / 2; i++) {
        struct model_value value = list->values[i];
        list->values[i] = list->values[list->length - 1 - i];
        list->values[list->length - 1 - i] = value;
    }
}

static comem_status slice_get(const struct model_list *list, const struct operation *operation,
                              struct expectation *expectation)
{
    comem_slice slice = operation->slice;
    if (slice.step == 0)
        return COMEM_INVALID;
    expectation->number = slice_resolve(&slice, list->length);
    bool fits = !operation->throw || expectation->number == 0;
    for (size_t i = 0; i < expectation->number && fits; i++)
        expect_values(expectation, &list->values[slice.start + (int64_t)i * slice.step], 1);
    return COMEM_OK;
}

static comem_status slice_set(struct model_list *list, const struct operation *operation)
{
    comem_slice slice = operation->slice;
    if (slice.step == 0)
        return COMEM_INVALID;
    size_t gone = slice_resolve(&slice, list->length), count = slice_count(operation, list->length);
    if (slice.step != 1 && count != gone)
        return COMEM_INVALID;
    struct model_value *to =
        slice.step == 1 ? open_gap(list, (size_t)slice.start, gone, count) : list->values + slice.start;
    for (size_t i = 0; i < count; i++)
        to[(int64_t)i * slice.step] = operation_value(operation, i);
    return COMEM_OK;
}

static comem_status slice_delete(struct model_list *list, const struct operation *operation)
{
    comem_slice slice = operation->slice;
    if (slice.step == 0)
        return COMEM_INVALID;
    size_t gone = slice_resolve(&slice, list->length), kept = 0;
    if (gone == 0)
        return COMEM_OK;
    int64_t last = slice.start + ((int64_t)gone - 1) * slice.step;
    size_t first = (size_t)(slice.step > 0 ? slice.start : last);
    size_t stride = (size_t)(slice.step > 0 ? slice.step : -slice.step);
    for (size_t i = 0; i < list->length; i++)
        if (i < first || (i - first) % stride != 0 || (i - first) / stride >= gone)
            list->values[kept++] = list->values[i];
    list->length = kept;
    return COMEM_OK;
}

/* What only reads. */
static comem_status apply_reading(const struct model *model, const struct operation *operation,
                                  const struct model_value *value, struct expectation *expectation)
{
    const struct model_list *list = &model->lists[operation->list], *other = &model->lists[operation->other];
    size_t at, left = list->length;
    switch (operation->kind) {
    case OPERATION_LEN:
        expectation->number = list->length;
        return COMEM_OK;
    case OPERATION_GET:
        if (!index_resolve(operation->index, list->length, &at))
            return COMEM_OUT_OF_RANGE;
        expect_values(expectation, &list->values[at], 1);
        return COMEM_OK;
    case OPERATION_READ:
        left -= (size_t)operation->from < left ? (size_t)operation->from : left;
        expectation->number = operation->count < left ? operation->count : left;
        if (expectation->number > 0)
            expect_values(expectation, &list->values[operation->from], expectation->number);
        return COMEM_OK;
    case OPERATION_SLICE_GET:
        return slice_get(list, operation, expectation);
    case OPERATION_INDEX:
        return find(list, value, operation->slice, &expectation->number);
    case OPERATION_COUNT:
        for (size_t i = 0; i < list->length; i++)
            expectation->number += value_equal(&list->values[i], value);
        return COMEM_OK;
    case OPERATION_COPY:
        expect_values(expectation, list->values, list->length);
        return COMEM_OK;
    case OPERATION_CONCAT:
        expect_values(expectation, list->values, list->length);
        expect_values(expectation, other->values, other->length);
        return COMEM_OK;
    case OPERATION_REPEAT:
        for (int64_t i = 0; i < operation->times; i++)
            expect_values(expectation, list->values, list->length);
        return COMEM_OK;
    default:
        return model_compare(model, operation, expectation);
    }
}

static comem_status apply_pop(struct model_list *list, int64_t index, bool throw, struct expectation *expectation)
{
    size_t at;
    if (!index_resolve(index, list->length, &at))
        return COMEM_OUT_OF_RANGE;
    if (!throw)
        expect_values(expectation, &list->values[at], 1);
    open_gap(list, at, 1, 0);
    return COMEM_OK;
}

static comem_status apply_change(struct model *model, const struct operation *operation,
                                 const struct model_value *value, struct expectation *expectation)
{
    struct model_list *list = &model->lists[operation->list];
    const struct model_list *other = &model->lists[operation->other];
    size_t at, length = list->length, added = other->length;
    switch (operation->kind) {
    case OPERATION_SET:
        if (!index_resolve(operation->index, length, &at))
            return COMEM_OUT_OF_RANGE;
        list->values[at] = *value;
        return COMEM_OK;
    case OPERATION_APPEND:
        *open_gap(list, length, 0, 1) = *value;
        return COMEM_OK;
    case OPERATION_EXTEND:
        for (size_t i = 0; i < operation->count; i++)
            list->values[list->length++] = operation_value(operation, i);
        return COMEM_OK;
    case OPERATION_POP:
        return apply_pop(list, -1, operation->throw, expectation);
    case OPERATION_INSERT:
        at = (size_t)position_clip(operation->index, (int64_t)length, 0, (int64_t)length);
        *open_gap(list, at, 0, 1) = *value;
        return COMEM_OK;
    case OPERATION_POP_AT:
        return apply_pop(list, operation->index, operation->throw, expectation);
    case OPERATION_REMOVE:
        if (find(list, value, COMEM_SLICE_ALL, &at) != COMEM_OK)
            return COMEM_NOT_FOUND;
        open_gap(list, at, 1, 0);
        return COMEM_OK;
    case OPERATION_CLEAR:
        list->length = 0;
        return COMEM_OK;
    case OPERATION_REVERSE:
        reverse(list);
        return COMEM_OK;
    case OPERATION_SORT:
    case OPERATION_SORT_DESCENDING:
        return sort(list, operation->kind == OPERATION_SORT ? 1 : -1);
    case OPERATION_SLICE_SET:
        return slice_set(list, operation);
    case OPERATION_SLICE_DELETE:
        return slice_delete(list, operation);
    case OPERATION_EXTEND_LIST:
        memcpy(open_gap(list, length, 0, added), other->values, added * sizeof *value);
        return COMEM_OK;
    default: /* OPERATION_MULTIPLY */
        list->length = 0;
        for (int64_t i = 0; i < operation->times; i++, list->length += length)
            memmove(list->values + list->length, list->values, length * sizeof *value);
        return COMEM_OK;
    }
}

void model_apply(struct model *model, const struct operation *operation, struct expectation *expectation)
{
    struct model_value value = operation_value(operation, 0);
    size_t at;
    memset(expectation, 0, sizeof *expectation);
    if (operation->from_item) {
        const struct model_list *other = &model->lists[operation->other];
        expectation->status = COMEM_OUT_OF_RANGE;
        if (!index_resolve(operation->from, other->length, &at))
            return;
        value = other->values[at];
    }
    if (operation_is_dicts(operation->kind))
        expectation->status = apply_dict(model, operation, &value, expectation);
    else if (operation->kind < OPERATION_SET)
        expectation->status = apply_reading(model, operation, &value, expectation);
    else
        expectation->status = apply_change(model, operation, &value, expectation);
}

void expectation_clear(struct expectation *expectation)
{
    free(expectation->values);
    expectation->values = NULL;
}
