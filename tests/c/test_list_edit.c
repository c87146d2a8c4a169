/* test_list_edit.c - changes in the middle of lists, slices, repetition: against a plain array, by hand and by chance
 *
 * What they take is in test_list_size.c, finding and sorting in test_list_find.c.
 */
#include "support.h"

#include <stdio.h>

#define MODEL_MAX 8192
#define NUMBERS_MAX 4096 /* different items there are */
#define CHILDREN 5

enum way { PLAIN, TEXTS, REFERENCES, NEAR_TEXTS, MIXED };

/* A list and what it should hold: item i is the value that items[i] stands for. */
struct model {
    comem_list *list;
    comem_list *children[CHILDREN];
    enum way way;
    size_t length;
    int items[MODEL_MAX];
    const char *doing; /* what a failure prints */
    comem_slice slice;
    char texts[NUMBERS_MAX][40];
};

static comem_value values[MODEL_MAX + 1];

static struct model *model_make(comem_store *store, enum way way)
{
    struct model *model = calloc(1, sizeof *model);
    assert_non_null(model);
    model->way = way;
    model->list = support_list(store);
    for (int i = 0; i < CHILDREN; i++)
        model->children[i] = support_list(store);
    for (int i = 0; i < NUMBERS_MAX; i++)
        snprintf(model->texts[i], sizeof model->texts[i], "%d is the text of item %d", i, i);
    return model;
}

static void model_free(struct model *model)
{
    comem_list_release(model->list);
    for (int i = 0; i < CHILDREN; i++)
        comem_list_release(model->children[i]);
    free(model);
}

static enum way item_way(const struct model *model, int item)
{
    return model->way == MIXED ? (enum way)(item % 4) : model->way;
}

static comem_value item_value(struct model *model, int item)
{
    switch (item_way(model, item)) {
    case TEXTS:
        return comem_str(model->texts[item], strlen(model->texts[item]));
    case NEAR_TEXTS:
        return comem_str(model->texts[item], strcspn(model->texts[item], " "));
    case REFERENCES:
        return comem_ref(model->children[item / 4 % CHILDREN]);
    default:
        return comem_int(item);
    }
}

static bool items_equal(const struct model *model, int one, int other)
{
    if (item_way(model, one) == REFERENCES && item_way(model, other) == REFERENCES)
        return one / 4 % CHILDREN == other / 4 % CHILDREN;
    return one == other;
}

static bool value_is(const comem_value *value, const comem_value *expected)
{
    if (value->kind != expected->kind || value->size != expected->size)
        return false;
    if (value->kind == COMEM_STR)
        return memcmp(value->as.data, expected->as.data, expected->size) == 0 && value->as.data[value->size] == 0;
    return value->kind == COMEM_REF ? value->as.object == expected->as.object
                                    : value->as.integer == expected->as.integer;
}

static void model_fail(const struct model *model)
{
    fail_msg("%s: %zu items of way %d, slice %lld:%lld:%lld", model->doing, model->length, (int)model->way,
             (long long)model->slice.start, (long long)model->slice.stop, (long long)model->slice.step);
}

/* values[0] to values[count - 1] are cleared. */
static void model_match_items(struct model *model, const int *items, size_t count)
{
    bool same = true;
    for (size_t i = 0; i < count; i++) {
        comem_value expected = item_value(model, items[i]);
        same = same && value_is(&values[i], &expected);
        comem_value_clear(&values[i]);
    }
    if (!same)
        model_fail(model);
}

static void model_match_list(struct model *model, comem_list *list)
{
    size_t read;
    assert_ok(comem_list_read(list, 0, model->length + 1, values, &read));
    if (read != model->length || support_len(list) != read)
        model_fail(model);
    model_match_items(model, model->items, read);
}

static void model_match(struct model *model)
{
    model_match_list(model, model->list);
}

static void model_expect(struct model *model, bool holds)
{
    if (!holds)
        model_fail(model);
}

/* The model's side of a change: `count` items at `at` become `with_count` others. */
static void items_replace(struct model *model, size_t at, size_t count, const int *with, size_t with_count)
{
    assert_true(model->length - count + with_count <= MODEL_MAX);
    memmove(model->items + at + with_count, model->items + at + count,
            (model->length - at - count) * sizeof *model->items);
    if (with_count > 0)
        memcpy(model->items + at, with, with_count * sizeof *with);
    model->length += with_count - count;
}

static void values_of(struct model *model, const int *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        values[i] = item_value(model, items[i]);
}

static void model_fill(struct model *model, size_t length)
{
    assert_ok(comem_list_clear(model->list));
    for (size_t i = 0; i < length; i++)
        model->items[i] = (int)(i * 29 % NUMBERS_MAX);
    model->length = length;
    values_of(model, model->items, length);
    assert_ok(comem_list_extend(model->list, values, length));
}

/* The same items in a list whose blocks are not all full. */
static void model_fill_unevenly(struct model *model, size_t length, struct dice *dice)
{
    assert_ok(comem_list_clear(model->list));
    model->length = 0;
    for (size_t i = 0; i < length; i++) {
        size_t at = dice_roll(dice, model->length + 1);
        int item = (int)dice_roll(dice, NUMBERS_MAX);
        items_replace(model, at, 0, &item, 1);
        assert_ok(comem_list_insert(model->list, (int64_t)at, item_value(model, item)));
    }
}

/* ---- slices, as Python resolves them ---- */

static int64_t clip(int64_t position, int64_t length, bool backwards)
{
    if (position < 0)
        position += length;
    if (position < 0)
        return backwards ? -1 : 0;
    return position < length ? position : backwards ? length - 1 : length;
}

/* Makes start and stop positions in a list of `length` items; how many items the slice has. */
static size_t slice_resolve(comem_slice *slice, size_t length)
{
    bool backwards = slice->step < 0;
    slice->start = clip(slice->start, (int64_t)length, backwards);
    slice->stop = clip(slice->stop, (int64_t)length, backwards);
    int64_t span = backwards ? slice->start - slice->stop : slice->stop - slice->start;
    uint64_t step = backwards ? -(uint64_t)slice->step : (uint64_t)slice->step;
    return span > 0 ? (size_t)(((uint64_t)span - 1) / step + 1) : 0;
}

static void try_slice_get(struct model *model, comem_slice slice)
{
    static int items[MODEL_MAX];
    comem_slice at = slice;
    size_t count = slice_resolve(&at, model->length), found = 77;
    model->doing = "slice_get";
    model->slice = slice;
    for (size_t i = 0; i < count; i++)
        items[i] = model->items[at.start + (int64_t)i * at.step];
    assert_ok(comem_list_slice_get(model->list, slice, values, count, &found));
    model_expect(model, found == count);
    model_match_items(model, items, count);
}

static void try_slice_delete(struct model *model, comem_slice slice)
{
    comem_slice at = slice;
    size_t count = slice_resolve(&at, model->length), kept = 0;
    model->doing = "slice_delete";
    model->slice = slice;
    assert_ok(comem_list_slice_delete(model->list, slice));
    for (size_t i = 0; i < model->length; i++) {
        int64_t from_start = (int64_t)i - at.start, step = at.step;
        bool inside =
            count > 0 && from_start % step == 0 && from_start / step >= 0 && (uint64_t)(from_start / step) < count;
        if (!inside)
            model->items[kept++] = model->items[i];
    }
    model->length = kept;
    model_match(model);
}

/* Puts `count` items, or as many as the slice has when that is SIZE_MAX. */
static void try_slice_set(struct model *model, comem_slice slice, size_t count)
{
    static int items[MODEL_MAX];
    comem_slice at = slice;
    size_t there = slice_resolve(&at, model->length), with = count == SIZE_MAX ? there : count;
    model->doing = "slice_set";
    model->slice = slice;
    for (size_t i = 0; i < with; i++)
        items[i] = (int)((i * 31 + 1000) % NUMBERS_MAX);
    values_of(model, items, with);
    bool fits = slice.step == 1 || with == there;
    assert_status(fits ? COMEM_OK : COMEM_INVALID, comem_list_slice_set(model->list, slice, values, with));
    if (slice.step == 1)
        items_replace(model, (size_t)at.start, there, items, with);
    for (size_t i = 0; i < with && fits && slice.step != 1; i++)
        model->items[at.start + (int64_t)i * at.step] = items[i];
    model_match(model);
}

static void try_slice(struct model *model, size_t length, comem_slice slice)
{
    comem_slice at = slice;
    size_t count = slice_resolve(&at, length), counts[] = {SIZE_MAX, 0, count + 1, count + 3, count / 2};
    try_slice_get(model, slice);
    for (unsigned i = 0; i < (slice.step == 1 ? 5 : 3); i++) {
        try_slice_set(model, slice, counts[i]);
        if (slice.step == 1 || count > 0)
            model_fill(model, length);
    }
    try_slice_delete(model, slice);
    if (count > 0)
        model_fill(model, length);
}

static void try_every_slice(comem_store *store, enum way way)
{
    struct model *model = model_make(store, way);
    int64_t leap = support_sanitized() ? 3 : 1;
    for (size_t length = 0; length <= 12; length++) {
        model_fill(model, length);
        for (int64_t start = -14; start <= 14; start++)
            for (int64_t stop = -14; stop <= 14; stop += leap)
                for (int64_t step = -14; step <= 14; step += step < -3 || step > 2 ? leap : 1)
                    if (step != 0)
                        try_slice(model, length, (comem_slice){start, stop, step});
    }
    model_free(model);
}

/* Some slice of a short list would be other items than Python's, for reading, replacing or removing. */
static void every_slice_of_a_short_list_is_pythons(void **state)
{
    struct bench *bench = *state;
    try_every_slice(&bench->store, PLAIN);
    assert_int_equal(support_used(bench->map), 0);
}

/* The same of values that have blocks of their own: they would be lost, or freed although they stay. */
static void every_slice_of_long_texts_is_pythons(void **state)
{
    struct bench *bench = *state;
    try_every_slice(&bench->store, TEXTS);
    assert_int_equal(support_used(bench->map), 0);
}

/* The same of references, whose objects count them. */
static void every_slice_of_references_is_pythons(void **state)
{
    struct bench *bench = *state;
    try_every_slice(&bench->store, REFERENCES);
    assert_int_equal(support_used(bench->map), 0);
}

/* Positions that no list has, and left out ones, would overflow. */
static void slices_may_have_any_numbers(void **state)
{
    struct bench *bench = *state;
    static const int64_t numbers[] = {INT64_MIN, INT64_MIN + 1, -300, -1, 0, 1, 299, 300, INT64_MAX - 1, INT64_MAX};
    static const int64_t steps[] = {INT64_MIN, INT64_MIN + 1, -300, -1, 1, 2, 300, INT64_MAX - 1, INT64_MAX};
    struct model *model = model_make(&bench->store, MIXED);
    static const size_t lengths[] = {0, 1, 5, 300};
    for (unsigned l = 0; l < 4; l++)
        for (unsigned i = 0; i < 10; i++)
            for (unsigned k = 0; k < 10; k++)
                for (unsigned s = 0; s < 9; s++) {
                    model_fill(model, lengths[l]);
                    try_slice(model, lengths[l], (comem_slice){numbers[i], numbers[k], steps[s]});
                }
    model_fill(model, 300);
    try_slice_get(model, COMEM_SLICE_ALL);
    try_slice_get(model, (comem_slice){INT64_MAX, INT64_MIN, -1});
    try_slice_delete(model, COMEM_SLICE_ALL);
    model_free(model);
}

/* A slice that goes from one block into the next would lose or double items there. */
static void slices_across_blocks_are_pythons(void **state)
{
    struct bench *bench = *state;
    static const size_t lengths[] = {255, 256, 257, 512, 513, 1100};
    static const int64_t numbers[] = {0, 1, 127, 255, 256, 257, 400, 511, 512, 513, 1024, 1099};
    static const int64_t steps[] = {1, 2, 3, 200, 256, 257, -1, -2, -255, -256};
    for (enum way way = PLAIN; way <= MIXED; way++) {
        struct model *model = model_make(&bench->store, way);
        unsigned leap = support_sanitized() ? 4 : way == PLAIN ? 1 : 3;
        for (unsigned l = 0; l < 6; l++)
            for (unsigned i = 0; i < 12; i++)
                for (unsigned k = 0; k < 12; k += leap)
                    for (unsigned s = 0; s < 10; s += leap)
                        if ((size_t)numbers[i] <= lengths[l] && (size_t)numbers[k] <= lengths[l]) {
                            if (k == 0 && s == 0)
                                model_fill(model, lengths[l]);
                            try_slice(model, lengths[l], (comem_slice){numbers[i], numbers[k], steps[s]});
                        }
        model_free(model);
    }
    assert_int_equal(support_used(bench->map), 0);
}

/* ---- one item in, one item out ---- */

static void try_insert(struct model *model, int64_t index, int item)
{
    model->doing = "insert";
    model->slice = (comem_slice){index, 0, 0};
    assert_ok(comem_list_insert(model->list, index, item_value(model, item)));
    items_replace(model, (size_t)clip(index, (int64_t)model->length, false), 0, &item, 1);
    model_match(model);
}

static void try_pop_at(struct model *model, int64_t index, bool wanted)
{
    int64_t at = index < 0 ? index + (int64_t)model->length : index;
    bool there = at >= 0 && (size_t)at < model->length;
    comem_value value = comem_int(77);
    model->doing = "pop_at";
    model->slice = (comem_slice){index, 0, 0};
    assert_status(there ? COMEM_OK : COMEM_OUT_OF_RANGE, comem_list_pop_at(model->list, index, wanted ? &value : NULL));
    if (there && wanted) {
        comem_value expected = item_value(model, model->items[at]);
        model_expect(model, value_is(&value, &expected));
        comem_value_clear(&value);
    }
    model_expect(model, there || !wanted || value.kind == COMEM_NONE);
    if (there)
        items_replace(model, (size_t)at, 1, NULL, 0);
    model_match(model);
}

/* insert() or pop_at() would hit another place than Python's, at the ends or beyond. */
static void insert_and_pop_at_mean_pythons_places(void **state)
{
    struct bench *bench = *state;
    static const int64_t beyond[] = {INT64_MIN, INT64_MIN + 1, -300, 300, INT64_MAX - 1, INT64_MAX};
    for (enum way way = PLAIN; way <= MIXED; way++) {
        struct model *model = model_make(&bench->store, way);
        for (size_t length = 0; length <= 70; length += length < 20 ? 1 : 11)
            for (int64_t index = -14 - (int64_t)length; index <= 14 + (int64_t)length + 6; index++) {
                int64_t at = index <= 14 + (int64_t)length ? index : beyond[index - 15 - (int64_t)length];
                model_fill(model, length);
                try_insert(model, at, 1234);
                try_pop_at(model, at, index % 2 == 0);
                try_pop_at(model, at, index % 2 != 0);
            }
        model_free(model);
    }
    assert_int_equal(support_used(bench->map), 0);
}

static void try_every_place(struct model *model, size_t length)
{
    for (size_t at = 0; at <= length; at += support_sanitized() ? 7 : 1) {
        try_insert(model, (int64_t)at, (int)at);
        try_pop_at(model, (int64_t)at, true);
        if (at < length) {
            int item = model->items[at];
            try_pop_at(model, (int64_t)at - (int64_t)length, false);
            try_insert(model, (int64_t)at, item);
        }
    }
}

/* A block that is split, filled up or emptied would lose items. */
static void insert_and_pop_at_work_at_every_place_around_blocks(void **state)
{
    struct bench *bench = *state;
    struct dice dice = {7};
    static const size_t lengths[] = {255, 256, 257, 512, 513};
    for (enum way way = PLAIN; way <= MIXED; way += 2) {
        struct model *model = model_make(&bench->store, way);
        for (unsigned l = 0; l < 5; l++) {
            model_fill(model, lengths[l]);
            try_every_place(model, lengths[l]);
            model_fill_unevenly(model, lengths[l], &dice);
            try_every_place(model, lengths[l]);
        }
        assert_int_equal(support_problems(bench->map), 0);
        model_free(model);
    }
    assert_int_equal(support_used(bench->map), 0);
}

/* A list that changes at one place alone, the front or the middle, would lose items as blocks fill up and go there. */
static void lists_grow_and_shrink_at_one_place(void **state)
{
    struct bench *bench = *state;
    struct model *model = model_make(&bench->store, MIXED);
    const size_t most = 3000;
    for (unsigned half = 0; half < 2; half++) { /* at the front, in the middle */
        for (size_t i = 0; i < most; i++) {
            int item = (int)i;
            size_t at = half ? model->length / 2 : 0;
            assert_ok(comem_list_insert(model->list, (int64_t)at, item_value(model, item)));
            items_replace(model, at, 0, &item, 1);
            if (i % 50 == 0)
                model_match(model);
        }
        while (model->length > 0) {
            size_t at = half ? model->length / 2 : 0;
            assert_ok(comem_list_pop_at(model->list, (int64_t)at, NULL));
            items_replace(model, at, 1, NULL, 0);
            if (model->length % 50 == 0)
                model_match(model);
        }
    }
    model_free(model);
}

/* ---- whole lists ---- */

static void items_multiply(struct model *model, int64_t times)
{
    size_t once = model->length;
    model->length = times <= 0 ? 0 : once * (size_t)times;
    for (size_t i = once; i < model->length; i++)
        model->items[i] = model->items[i - once];
}

static void try_whole(struct model *model, size_t length, int64_t times)
{
    comem_list *made;
    model->doing = "copy";
    assert_ok(comem_list_copy(model->list, &made));
    model_match_list(model, made);
    model->doing = "repeat";
    assert_ok(comem_list_repeat(model->list, times, &model->children[0]));
    model_match(model);
    items_multiply(model, times);
    model_match_list(model, model->children[0]);
    comem_list_release(model->children[0]);
    model->doing = "multiply";
    assert_ok(comem_list_multiply(model->list, times));
    model_match(model);
    model->doing = "concat";
    comem_list_release(made);
    model_fill(model, length);
    assert_ok(comem_list_concat(model->list, model->list, &made));
    assert_ok(comem_list_extend_list(made, model->list));
    items_multiply(model, 3);
    model_match_list(model, made);
    model->doing = "extend_list";
    comem_list_release(made);
    model_fill(model, length);
    assert_ok(comem_list_extend_list(model->list, model->list));
    items_multiply(model, 2);
    model_match(model);
}

/* Copies, sums and products of lists would lack items, have too many, or change what they are made of. */
static void copies_and_products_are_pythons(void **state)
{
    struct bench *bench = *state;
    static const size_t lengths[] = {0, 1, 2, 3, 4, 5, 16, 17, 64, 65, 255, 256, 257, 513};
    static const int64_t times[] = {INT64_MIN, -1, 0, 1, 2, 3, 5};
    for (enum way way = PLAIN; way <= TEXTS; way++) {
        struct model *model = model_make(&bench->store, way);
        comem_list_release(model->children[0]); /* its place is used for what is made */
        for (unsigned l = 0; l < sizeof lengths / sizeof *lengths; l++)
            for (unsigned t = 0; t < sizeof times / sizeof *times; t++) {
                model_fill(model, lengths[l]);
                try_whole(model, lengths[l], times[t]);
            }
        model->children[0] = NULL;
        model_free(model);
    }
    assert_int_equal(support_used(bench->map), 0);
}

static void items_reverse(struct model *model)
{
    for (size_t i = 0; i < model->length / 2; i++) {
        int item = model->items[i];
        model->items[i] = model->items[model->length - 1 - i];
        model->items[model->length - 1 - i] = item;
    }
}

/* Reversing would keep an item in its place, or lose one. */
static void reverse_is_pythons(void **state)
{
    struct bench *bench = *state;
    struct dice dice = {8};
    for (enum way way = PLAIN; way <= MIXED; way++) {
        struct model *model = model_make(&bench->store, way);
        model->doing = "reverse";
        for (size_t length = 0; length < 1400; length += length < 70 ? 1 : length < 600 ? 31 : 255)
            for (unsigned uneven = 0; uneven < 2; uneven++) {
                if (uneven)
                    model_fill_unevenly(model, length, &dice);
                else
                    model_fill(model, length);
                assert_ok(comem_list_reverse(model->list));
                items_reverse(model);
                model_match(model);
            }
        model_free(model);
    }
    assert_int_equal(support_used(bench->map), 0);
}

/* ---- a random program ---- */

static size_t items_find(const struct model *model, int item, size_t start)
{
    while (start < model->length && !items_equal(model, model->items[start], item))
        start++;
    return start;
}

static void random_search(struct model *model, struct dice *dice, int item)
{
    size_t found = items_find(model, item, 0), index = 77, count = 0;
    comem_value value = item_value(model, item);
    bool there = found < model->length;
    model->doing = "index, count or remove";
    assert_status(there ? COMEM_OK : COMEM_NOT_FOUND, comem_list_index(model->list, value, 0, INT64_MAX, &index));
    model_expect(model, !there || index == found);
    assert_ok(comem_list_count(model->list, value, &count));
    for (size_t i = found; i < model->length; i = items_find(model, item, i + 1))
        count--;
    model_expect(model, count == 0);
    if (dice_roll(dice, 2) == 0) {
        assert_status(there ? COMEM_OK : COMEM_NOT_FOUND, comem_list_remove(model->list, value));
        if (there)
            items_replace(model, found, 1, NULL, 0);
    }
}

static void random_whole(struct model *model, struct dice *dice)
{
    int64_t times = (int64_t)dice_roll(dice, 4) - (dice_roll(dice, 20) == 0);
    switch (dice_roll(dice, 3)) {
    case 0:
        assert_ok(comem_list_reverse(model->list));
        items_reverse(model);
        break;
    case 1:
        if (model->length * 3 > 2500 || (times <= 0 && model->length > 300))
            break;
        assert_ok(comem_list_multiply(model->list, times));
        items_multiply(model, times);
        break;
    default:
        if (model->length > 800)
            break;
        assert_ok(comem_list_extend_list(model->list, model->list));
        items_multiply(model, 2);
    }
}

static void random_slice(struct model *model, struct dice *dice)
{
    int64_t length = (int64_t)model->length, start = (int64_t)dice_roll(dice, model->length + 20) - 10;
    comem_slice slice = {start, start + (int64_t)dice_roll(dice, 40) - 5, (int64_t)dice_roll(dice, 9) - 4};
    if (dice_roll(dice, 10) == 0)
        slice.stop = (int64_t)dice_roll(dice, model->length + 1) - length / 2;
    if (dice_roll(dice, 2) == 0 || slice.step == 0)
        slice.step = 1;
    switch (dice_roll(dice, 3)) {
    case 0:
        try_slice_get(model, slice);
        break;
    case 1:
        try_slice_set(model, slice, dice_roll(dice, 3) != 0 ? dice_roll(dice, 60) : SIZE_MAX);
        break;
    default:
        try_slice_delete(model, slice);
    }
}

static void random_one(struct model *model, struct dice *dice, int item)
{
    size_t at = dice_roll(dice, model->length + 1);
    switch (dice_roll(dice, 5)) {
    case 0:
        assert_ok(comem_list_append(model->list, item_value(model, item)));
        items_replace(model, model->length, 0, &item, 1);
        break;
    case 1:
    case 2:
        assert_ok(comem_list_insert(model->list, (int64_t)at, item_value(model, item)));
        items_replace(model, at, 0, &item, 1);
        break;
    case 3:
        if (at == model->length)
            break;
        assert_ok(comem_list_set(model->list, (int64_t)at - (int64_t)model->length, item_value(model, item)));
        model->items[at] = item;
        break;
    default:
        if (at == model->length)
            break;
        assert_ok(comem_list_pop_at(model->list, (int64_t)at, NULL));
        items_replace(model, at, 1, NULL, 0);
    }
}

static void random_get(struct model *model, struct dice *dice)
{
    size_t at = dice_roll(dice, model->length + 1);
    comem_value value;
    model->doing = "get";
    assert_status(at < model->length ? COMEM_OK : COMEM_OUT_OF_RANGE, comem_list_get(model->list, (int64_t)at, &value));
    if (at == model->length)
        return;
    comem_value expected = item_value(model, model->items[at]);
    model_expect(model, value_is(&value, &expected));
    comem_value_clear(&value);
}

/* Two operations, each right alone, would not be one after the other. */
static void a_random_program_leaves_what_an_array_would_hold(void **state)
{
    struct bench *bench = *state;
    struct dice dice = {support_count("COMEM_TEST_SEED", 4711)};
    for (enum way way = PLAIN; way <= MIXED; way++) {
        struct model *model = model_make(&bench->store, way);
        for (unsigned i = 0; i < (support_sanitized() ? 3000 : 20000); i++) {
            unsigned step = (unsigned)dice_roll(&dice, 20);
            if (step < 1)
                random_whole(model, &dice);
            else if (step < 5)
                random_slice(model, &dice);
            else if (step < 8)
                random_search(model, &dice, (int)dice_roll(&dice, NUMBERS_MAX));
            else if (step < 10)
                random_get(model, &dice);
            else
                random_one(model, &dice, (int)dice_roll(&dice, NUMBERS_MAX));
            if (model->length > 2500)
                try_slice_delete(model, (comem_slice){(int64_t)dice_roll(&dice, 300), 2300, 1});
            if (i % 20 == 0)
                model_match(model);
            if (i % 1000 == 0)
                assert_int_equal(support_problems(bench->map), 0);
        }
        model_free(model);
    }
    assert_int_equal(support_used(bench->map), 0);
}

int main(int argc, char **argv)
{
    support_choose(argc, argv);
    const struct CMUnitTest tests[] = {
        WITH_STORE(every_slice_of_a_short_list_is_pythons),
        WITH_STORE(every_slice_of_long_texts_is_pythons),
        WITH_STORE(every_slice_of_references_is_pythons),
        WITH_STORE(slices_may_have_any_numbers),
        WITH_STORE(slices_across_blocks_are_pythons),
        WITH_STORE(insert_and_pop_at_mean_pythons_places),
        WITH_STORE(insert_and_pop_at_work_at_every_place_around_blocks),
        WITH_STORE(lists_grow_and_shrink_at_one_place),
        WITH_STORE(copies_and_products_are_pythons),
        WITH_STORE(reverse_is_pythons),
        WITH_STORE(a_random_program_leaves_what_an_array_would_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
