/* test_dict_mixed.c - operations on dicts mixed: by a random program, by long use, by a store that is full at any moment
 *
 * COMEM_TEST_STEPS says how many steps the random program has.
 */
#include "support.h"

#include <stdio.h>

#ifdef COMEM_SMALL_GEOMETRY
#define STEPS 60000
#define GROWN 10000
#define PASSING 200000
#define EMPTIED (48 * 1024) /* a table that once had a slot for every seven keys */
#else
#define STEPS 120000
#define GROWN 100000
#define PASSING 1000000
#define EMPTIED 1024
#endif

static unsigned fewer_if_sanitized(unsigned count)
{
    return support_sanitized() ? count / 10 : count;
}

static const char long_text[] = "a text of more than thirteen bytes";

static comem_value text(const char *string)
{
    return support_text(string);
}

/* ---- a random program against a plain model ---- */

#define MODEL_DICTS 3
#define MODEL_KEYS 400
#define MODEL_UPDATE 60

struct model_value {
    comem_kind kind;
    int64_t number; /* seeds str and bytes: their length and bytes; of a reference: which dict */
};

struct model_dict {
    comem_dict *dict;
    size_t length;
    uint32_t order[MODEL_KEYS];            /* ids as they came */
    uint32_t forms[MODEL_KEYS];            /* by id: how the key was written when it came */
    bool there[MODEL_KEYS];                /* by id */
    struct model_value values[MODEL_KEYS]; /* by id */
};

struct model {
    comem_store *store;
    struct model_dict dicts[MODEL_DICTS];
    char keys[MODEL_UPDATE + 1][4000], buffers[MODEL_UPDATE + 1][20000];
};

/* The key of `id`; ids below 100 have forms that are equal. */
static comem_value model_key(struct model *model, uint32_t id, uint32_t form, unsigned buffer)
{
    char *room = model->keys[buffer];
    if (id < 2)
        return form % 3 == 0 ? comem_int(id) : form % 3 == 1 ? comem_float(id) : comem_bool(id == 1);
    if (id < 100)
        return form % 2 ? comem_float(id) : comem_int(id);
    if (id == 100)
        return comem_none();
    static const size_t sizes[] = {4, 5, 13, 14, 60, 3000};
    size_t size = sizes[id % 6];
    memset(room, 'k', size);
    for (unsigned i = 0; i < 3; i++)
        room[i] = (char)('0' + (i == 0 ? id / 100 : i == 1 ? id / 10 % 10 : id % 10));
    return id % 4 == 3 ? comem_bytes(room, size) : comem_str(room, size);
}

static comem_value model_value(struct model *model, struct model_value item, unsigned buffer)
{
    static const size_t sizes[] = {0, 5, 12, 13, 14, 15, 60, 200, 1000, 8100, 8168, 8169, 9000, 20000};
    char *room = model->buffers[buffer];
    size_t size = sizes[item.number % 14];
    switch ((int)item.kind) {
    case COMEM_BOOL:
        return comem_bool(item.number % 2 != 0);
    case COMEM_INT:
        return comem_int(item.number);
    case COMEM_FLOAT:
        return comem_float((double)item.number * 0.37);
    case COMEM_STR:
        memset(room, 'a' + (int)(item.number % 26), size);
        return comem_str(room, size);
    case COMEM_BYTES:
        memset(room, (int)(item.number % 256), size);
        return comem_bytes(room, size);
    case COMEM_REF:
        return comem_ref_dict(model->dicts[item.number].dict);
    }
    return comem_none();
}

static struct model_value model_roll(struct dice *dice)
{
    static const comem_kind kinds[] = {COMEM_INT,   COMEM_INT, COMEM_INT,   COMEM_NONE, COMEM_BOOL,
                                       COMEM_FLOAT, COMEM_STR, COMEM_BYTES, COMEM_REF};
    struct model_value item = {kinds[dice_roll(dice, 9)], 0};
    item.number = (int64_t)dice_roll(dice, item.kind == COMEM_REF ? MODEL_DICTS : 100000);
    return item;
}

static void model_store(struct model_dict *dict, uint32_t id, uint32_t form, struct model_value value)
{
    if (!dict->there[id]) {
        dict->there[id] = true;
        dict->order[dict->length++] = id;
        dict->forms[id] = form;
    }
    dict->values[id] = value;
}

static void model_delete(struct model_dict *dict, uint32_t id)
{
    size_t at = 0;
    while (dict->order[at] != id)
        at++;
    memmove(&dict->order[at], &dict->order[at + 1], (--dict->length - at) * sizeof *dict->order);
    dict->there[id] = false;
}

static void assert_is(struct model *model, comem_value *value, struct model_value item)
{
    comem_value expected = model_value(model, item, 0);
    support_assert_value(value, &expected);
    comem_value_clear(value);
}

static void model_compare(struct model *model, struct model_dict *dict)
{
    static comem_value keys[MODEL_KEYS], values[MODEL_KEYS];
    size_t count;
    assert_int_equal(support_dict_len(dict->dict), dict->length);
    assert_ok(comem_dict_read(dict->dict, keys, values, MODEL_KEYS, &count));
    assert_int_equal(count, dict->length);
    for (size_t i = 0; i < count; i++) {
        uint32_t id = dict->order[i];
        comem_value key = model_key(model, id, dict->forms[id], 0);
        support_assert_value(&keys[i], &key);
        comem_value_clear(&keys[i]);
        assert_is(model, &values[i], dict->values[id]);
    }
}

struct model_next {
    struct model *model;
    comem_kind got;
    struct model_value next;
    unsigned way; /* 0: store, 1: keep, 2: delete */
};

static bool model_update_if(void *context, const comem_value *value, comem_value *next)
{
    struct model_next *wish = context;
    wish->got = (comem_kind)value->kind;
    if (wish->way == 1)
        return false;
    *next = wish->way == 2 ? comem_missing() : model_value(wish->model, wish->next, 1);
    return true;
}

static void step_update_if(struct model *model, struct model_dict *dict, uint32_t id, uint32_t form, struct dice *dice)
{
    struct model_next wish = {model, COMEM_NONE, model_roll(dice), (unsigned)dice_roll(dice, 3)};
    bool there = dict->there[id];
    assert_ok(comem_dict_update_if(dict->dict, model_key(model, id, form, 0), model_update_if, &wish));
    assert_int_equal(wish.got, there ? dict->values[id].kind : COMEM_MISSING);
    if (wish.way == 0)
        model_store(dict, id, form, wish.next);
    else if (wish.way == 2 && there)
        model_delete(dict, id);
}

static void step_cas(struct model *model, struct model_dict *dict, uint32_t id, uint32_t form, struct dice *dice)
{
    struct model_value next = model_roll(dice);
    bool there = dict->there[id], right = dice_roll(dice, 3) > 0, take = dice_roll(dice, 3) == 0, swapped = !right;
    comem_value expected = (there == right && there) ? model_value(model, dict->values[id], 0)
                           : !there && right         ? comem_missing()
                                                     : comem_bytes("nothing of the kind", 19);
    assert_ok(comem_dict_cas(dict->dict, model_key(model, id, form, 0), expected,
                             take ? comem_missing() : model_value(model, next, 1), &swapped));
    assert_int_equal(swapped, right);
    if (swapped && take && there)
        model_delete(dict, id);
    else if (swapped && !take)
        model_store(dict, id, form, next);
}

static void step_add(struct model *model, struct model_dict *dict, uint32_t id, uint32_t form, struct dice *dice)
{
    int64_t amount = (int64_t)dice_roll(dice, 1000);
    bool there = dict->there[id];
    comem_value result;
    if (there && (dict->values[id].kind == COMEM_FLOAT || dict->values[id].kind == COMEM_BOOL))
        return; /* sums of floats are tested elsewhere */
    comem_status status = comem_dict_add(dict->dict, model_key(model, id, form, 0), comem_int(amount), &result);
    if (there && dict->values[id].kind != COMEM_INT) {
        assert_status(COMEM_TYPE, status);
        return;
    }
    assert_ok(status);
    model_store(dict, id, form, (struct model_value){COMEM_INT, (there ? dict->values[id].number : 0) + amount});
    assert_int_equal(result.as.integer, dict->values[id].number);
}

static void step_update(struct model *model, struct model_dict *dict, struct dice *dice)
{
    static comem_pair pairs[MODEL_UPDATE];
    size_t count = dice_roll(dice, dice_roll(dice, 3) ? 10 : MODEL_UPDATE);
    for (size_t i = 0; i < count; i++) {
        uint32_t id = (uint32_t)dice_roll(dice, MODEL_KEYS), form = (uint32_t)dice_roll(dice, 3);
        struct model_value value = model_roll(dice);
        pairs[i].key = model_key(model, id, form, (unsigned)i);
        pairs[i].value = model_value(model, value, (unsigned)i);
        model_store(dict, id, form, value);
    }
    assert_ok(comem_dict_update(dict->dict, pairs, count));
}

static void step_whole(struct model *model, struct model_dict *dict, struct dice *dice)
{
    struct model_dict *other = &model->dicts[dice_roll(dice, MODEL_DICTS)];
    struct model_dict made = *dict;
    bool equal = false;
    unsigned way = (unsigned)dice_roll(dice, 8);
    if (way == 0) {
        assert_ok(comem_dict_clear(dict->dict));
        memset(dict->there, 0, sizeof dict->there);
        dict->length = 0;
        return;
    }
    struct model_dict *target = way == 1 ? dict : &made; /* |= or | */
    for (size_t i = 0; way < 3 && i < other->length; i++)
        model_store(target, other->order[i], other->forms[other->order[i]], other->values[other->order[i]]);
    if (way == 1) {
        assert_ok(comem_dict_update_from(dict->dict, other->dict));
        return;
    }
    if (way == 2)
        assert_ok(comem_dict_merge(dict->dict, other->dict, &made.dict));
    else
        assert_ok(comem_dict_copy(dict->dict, &made.dict));
    model_compare(model, &made);
    for (size_t i = 0; i < dict->length; i++) /* a float that is not a number would be unequal, a ring without end */
        if (dict->values[dict->order[i]].kind == COMEM_REF)
            way = 2;
    if (way > 2) {
        assert_ok(comem_dict_equal(dict->dict, made.dict, &equal));
        assert_true(equal);
    }
    comem_dict_release(made.dict);
}

static void step_popitem(struct model *model, struct model_dict *dict)
{
    comem_value key, value;
    assert_status(dict->length > 0 ? COMEM_OK : COMEM_NOT_FOUND, comem_dict_popitem(dict->dict, &key, &value));
    if (dict->length == 0)
        return;
    uint32_t id = dict->order[dict->length - 1];
    comem_value expected = model_key(model, id, dict->forms[id], 0);
    support_assert_value(&key, &expected);
    comem_value_clear(&key);
    assert_is(model, &value, dict->values[id]);
    model_delete(dict, id);
}

static void model_step(struct model *model, struct dice *dice)
{
    struct model_dict *dict = &model->dicts[dice_roll(dice, MODEL_DICTS)];
    uint32_t id = (uint32_t)dice_roll(dice, MODEL_KEYS), form = (uint32_t)dice_roll(dice, 3);
    struct model_value item = model_roll(dice);
    bool there = dict->there[id], found = !there;
    comem_value key = model_key(model, id, form, 0), value;
    switch (dice_roll(dice, 20)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
        assert_ok(comem_dict_set(dict->dict, key, model_value(model, item, 0)));
        model_store(dict, id, form, item);
        break;
    case 5:
    case 6:
        assert_ok(comem_dict_setdefault(dict->dict, key, model_value(model, item, 0), &value));
        if (!there)
            model_store(dict, id, form, item);
        assert_is(model, &value, dict->values[id]);
        break;
    case 7:
    case 8:
    case 9:
    case 10:
        assert_status(there ? COMEM_OK : COMEM_NOT_FOUND, comem_dict_pop(dict->dict, key, &value));
        if (there) {
            assert_is(model, &value, dict->values[id]);
            model_delete(dict, id);
        }
        break;
    case 11:
        step_popitem(model, dict);
        break;
    case 12:
        assert_status(there ? COMEM_OK : COMEM_NOT_FOUND, comem_dict_get(dict->dict, key, &value));
        if (there)
            assert_is(model, &value, dict->values[id]);
        break;
    case 13:
        assert_ok(comem_dict_contains(dict->dict, key, &found));
        assert_int_equal(found, there);
        break;
    case 14:
        step_cas(model, dict, id, form, dice);
        break;
    case 15:
        step_update_if(model, dict, id, form, dice);
        break;
    case 16:
    case 17:
        step_add(model, dict, id, form, dice);
        break;
    case 18:
        if (dice_roll(dice, 4) == 0)
            step_update(model, dict, dice);
        break;
    default:
        if (dice_roll(dice, 8) == 0)
            step_whole(model, dict, dice);
    }
    if (dice_roll(dice, 200) == 0)
        model_compare(model, dict);
}

/* Some sequence of operations would end in another dict than Python's own would be. */
static void a_random_program_does_what_the_model_does(void **state)
{
    struct bench *bench = *state;
    struct model *model = calloc(1, sizeof *model);
    assert_non_null(model);
    unsigned steps = support_count("COMEM_TEST_STEPS", fewer_if_sanitized(STEPS));
    model->store = &bench->store;
    for (unsigned seed = 1; seed <= 3; seed++) {
        struct dice dice = {seed};
        memset(model->dicts, 0, sizeof model->dicts);
        for (unsigned i = 0; i < MODEL_DICTS; i++)
            model->dicts[i].dict = support_dict(&bench->store);
        for (unsigned i = 0; i < steps / 3; i++) {
            model_step(model, &dice);
            if (i % (steps / 15) == 0)
                assert_int_equal(support_problems(bench->map), 0);
        }
        for (unsigned i = 0; i < MODEL_DICTS; i++)
            model_compare(model, &model->dicts[i]);
        assert_int_equal(support_problems(bench->map), 0);
        for (unsigned i = 0; i < MODEL_DICTS; i++)
            while (model->dicts[i].length > 0) /* rings of dicts would keep each other */
                step_popitem(model, &model->dicts[i]);
        for (unsigned i = 0; i < MODEL_DICTS; i++)
            comem_dict_release(model->dicts[i].dict);
        assert_int_equal(support_used(bench->map), 0);
    }
    free(model);
}

/* ---- long use ---- */

static comem_value numbered(int64_t number, char room[32])
{
    int size = snprintf(room, 32, number % 5 ? "k%lld" : "a key of some length: %lld", (long long)number);
    return number % 3 ? comem_int(number) : comem_str(room, (size_t)size);
}

/* A dict from which all was taken would keep its memory, or have lost a key on the way. */
static void a_dict_that_grew_gives_all_back(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    uint64_t used = support_used(bench->map);
    char room[32];
    int64_t count = fewer_if_sanitized(GROWN);
    for (unsigned way = 0; way < 4; way++) {
        comem_value value;
        for (int64_t i = 0; i < count; i++)
            assert_ok(comem_dict_set(dict, numbered(i, room), comem_int(i)));
        assert_int_equal(support_dict_len(dict), count);
        assert_int_equal(support_problems(bench->map), 0);
        for (int64_t i = 0; i < count; i++) {
            int64_t key = way == 0 ? i : way == 1 ? count - 1 - i : i * 7919 % count; /* 7919: a prime */
            if (way == 3)
                assert_ok(comem_dict_popitem(dict, NULL, &value));
            else
                assert_ok(comem_dict_pop(dict, numbered(key, room), &value));
            assert_int_equal(value.as.integer, way == 3 ? count - 1 - i : key);
        }
        assert_int_equal(support_dict_len(dict), 0);
        assert_int_equal(support_problems(bench->map), 0);
        uint64_t left = support_used(bench->map);
        if (left > used + EMPTIED)
            fail_msg("emptied in way %u, the dict keeps %llu bytes", way, (unsigned long long)(left - used));
    }
    comem_dict_release(dict);
    assert_int_equal(support_used(bench->map), 0);
}

/* A few keys left of many, here and there, would keep the memory of all. */
static void a_few_survivors_do_not_keep_the_room_of_all(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    int64_t count = GROWN;
    for (int64_t i = 0; i < count; i++)
        assert_ok(comem_dict_set(dict, comem_int(i), comem_int(i)));
    uint64_t full = support_used(bench->map);
    for (int64_t i = 0; i < count; i++)
        if (i % 100 != 0)
            assert_ok(comem_dict_pop(dict, comem_int(i), NULL));
    uint64_t left = support_used(bench->map);
    print_message("%llu bytes of %llu with a hundredth of the keys\n", (unsigned long long)left,
                  (unsigned long long)full);
    assert_true(left < full / 4);
    comem_value *keys = calloc((size_t)count, sizeof *keys);
    assert_non_null(keys);
    size_t read;
    assert_ok(comem_dict_read(dict, keys, NULL, (size_t)count, &read));
    assert_int_equal(read, (count + 99) / 100);
    for (size_t i = 0; i < read; i++)
        assert_int_equal(keys[i].as.integer, i * 100);
    free(keys);
}

struct passing {
    struct bench *bench;
    comem_dict *dict;
    uint64_t early, most; /* bytes in use at most: in the first tenth, in all */
    int64_t steps;
};

static struct passing passing_begin(struct bench *bench)
{
    struct passing passing = {.bench = bench, .dict = support_dict(&bench->store)};
    passing.steps = fewer_if_sanitized(PASSING);
    return passing;
}

static void passing_look(struct passing *passing, int64_t step)
{
    if (step % (passing->steps / 1000) != 0)
        return;
    uint64_t used = support_used(passing->bench->map);
    if (used > passing->most)
        passing->most = used;
    if (step <= passing->steps / 10)
        passing->early = passing->most;
}

static void passing_end(struct passing *passing, uint64_t live)
{
    print_message("%llu keys at most: %llu bytes in the first tenth, %llu in all\n", (unsigned long long)live,
                  (unsigned long long)passing->early, (unsigned long long)passing->most);
    assert_true(passing->most <= passing->early + passing->early / 4);
    assert_true(passing->most <= 400 * live + 16 * 1024);
    assert_int_equal(support_problems(passing->bench->map), 0);
    comem_dict_release(passing->dict);
    assert_int_equal(support_used(passing->bench->map), 0);
}

/* A dict used as a queue would grow although its length does not. */
static void keys_that_pass_through_leave_no_room_behind(void **state)
{
    static const int64_t windows[] = {1, 10, 1000};
    for (unsigned w = 0; w < 3; w++) {
        struct passing passing = passing_begin(*state);
        comem_value value;
        for (int64_t i = 0; i < passing.steps; i++) {
            assert_ok(comem_dict_set(passing.dict, comem_int(i), comem_int(-i)));
            if (i >= windows[w]) {
                assert_ok(comem_dict_pop(passing.dict, comem_int(i - windows[w]), &value));
                assert_int_equal(value.as.integer, windows[w] - i);
            }
            passing_look(&passing, i);
        }
        assert_int_equal(support_dict_len(passing.dict), windows[w]);
        passing_end(&passing, (uint64_t)windows[w] + 1);
    }
}

/* A dict used as a stack would grow although its length does not. */
static void keys_that_come_and_go_at_the_end_leave_no_room_behind(void **state)
{
    struct passing passing = passing_begin(*state);
    struct dice dice = {5};
    int64_t length = 0;
    bool rising = true; /* on the whole: it goes up and down again and again */
    comem_value key;
    for (int64_t i = 0; i < passing.steps; i++) {
        rising = length == 0 || (rising && length < 500);
        if (length == 0 || dice_roll(&dice, 4) < (rising ? 3 : 1)) {
            assert_ok(comem_dict_set(passing.dict, comem_int(length), comem_int(i)));
            length++;
        } else {
            assert_ok(comem_dict_popitem(passing.dict, &key, NULL));
            assert_int_equal(key.as.integer, --length);
        }
        passing_look(&passing, i);
    }
    passing_end(&passing, 510);
}

/* One key that stays would keep the room of all that came after it. */
static void keys_that_pass_by_one_that_stays_leave_no_room_behind(void **state)
{
    struct passing passing = passing_begin(*state);
    assert_ok(comem_dict_set(passing.dict, text(long_text), text(long_text)));
    for (int64_t i = 0; i < passing.steps; i++) {
        assert_ok(comem_dict_set(passing.dict, comem_int(i), i % 50 ? comem_int(i) : text(long_text)));
        assert_ok(comem_dict_pop(passing.dict, comem_int(i), NULL));
        passing_look(&passing, i);
    }
    comem_pair pair = {text(long_text), text(long_text)};
    support_assert_dict(passing.dict, &pair, 1);
    passing_end(&passing, 2);
}

/* ---- a full store ---- */

#ifdef COMEM_SMALL_GEOMETRY
#define FULL_KEYS 600
#else
#define FULL_KEYS 4500
#endif

struct full {
    struct bench *bench;
    comem_dict *dict, *child;
    comem_pair *pairs; /* what the dict holds */
    size_t count;
};

static bool make_long_text(void *context, const comem_value *value, comem_value *next)
{
    (void)context;
    (void)value;
    *next = text(long_text);
    return true;
}

#define WAYS 20
#define MANY_AT_ONCE 40

/* An operation by number; those that change nothing are among them. What it makes of the dict is undone by undo_operation(). */
static comem_status operate(struct full *full, unsigned way)
{
    static comem_pair pairs[MANY_AT_ONCE];
    comem_dict *dict = full->dict, *made = NULL;
    comem_value old = comem_int(0), new = text("a new key of more than thirteen bytes"), result = comem_none();
    comem_status status = COMEM_OK;
    bool flag = true;
    for (unsigned i = 0; i < MANY_AT_ONCE; i++) {
        pairs[i].key = comem_int(way % 2 ? i : 1000000 + i);
        pairs[i].value = i % 3 == 0 ? text(long_text) : i % 3 == 1 ? comem_ref_dict(full->child) : comem_int(1);
    }
    switch (way) {
    case 0:
        return comem_dict_set(dict, old, text(long_text));
    case 1:
        return comem_dict_set(dict, new, text(long_text));
    case 2:
        return comem_dict_set(dict, old, comem_ref_dict(full->child));
    case 3:
        return comem_dict_set(dict, new, comem_ref_dict(full->child));
    case 4:
        return comem_dict_set(dict, comem_int(-5), comem_int(5));
    case 5:
        return comem_dict_setdefault(dict, new, text(long_text), NULL);
    case 6:
        return comem_dict_add(dict, new, comem_int(1), NULL);
    case 7:
        return comem_dict_pop(dict, old, NULL);
    case 8:
        return comem_dict_cas(dict, old, full->pairs[0].value, text(long_text), &flag);
    case 9:
        return comem_dict_cas(dict, new, comem_missing(), comem_ref_dict(full->child), &flag);
    case 10:
        return comem_dict_update_if(dict, old, make_long_text, NULL);
    case 11:
        return comem_dict_update_if(dict, new, make_long_text, NULL);
    case 12:
    case 13:
        return comem_dict_update(dict, pairs, MANY_AT_ONCE);
    case 14:
        return comem_dict_update_from(dict, full->child);
    case 15:
        return comem_dict_update_from(dict, dict);
    case 16:
        status = comem_dict_copy(dict, &made);
        break;
    case 17:
        status = comem_dict_merge(dict, full->child, &made);
        break;
    case 18:
        status = comem_dict_equal(dict, full->child, &flag);
        break;
    default:
        status = comem_dict_get(dict, old, &result);
    }
    comem_dict_release(made);
    comem_value_clear(&result);
    return status;
}

static struct full full_begin(struct bench *bench, size_t count)
{
    struct full full = {bench, support_dict(&bench->store), support_dict(&bench->store),
                        calloc(count + 1, sizeof(comem_pair)), count};
    assert_non_null(full.pairs);
    for (size_t i = 0; i < count; i++) {
        full.pairs[i].key = comem_int((int64_t)i);
        full.pairs[i].value = i % 3 == 0 ? text(long_text) : i % 3 == 1 ? comem_int(1) : comem_ref_dict(full.child);
        assert_ok(comem_dict_set(full.dict, full.pairs[i].key, full.pairs[i].value));
    }
    for (int i = 0; i < 30; i++)
        assert_ok(comem_dict_set(full.child, comem_int(i * 3), i % 2 ? comem_int(1) : text(long_text)));
    return full;
}

static void full_end(struct full *full)
{
    comem_dict_release(full->dict);
    comem_dict_release(full->child);
    free(full->pairs);
    assert_int_equal(support_used(full->bench->map), 0);
}

/* One try with room for so many allocations. */
static comem_status operate_with_room(struct bench *bench, size_t count, unsigned way, uint64_t room)
{
    struct full full = full_begin(bench, count);
    uint64_t used = support_used(bench->map);
    heap_seam_room = room;
    comem_status status = operate(&full, way);
    heap_seam_room = UINT64_MAX;
    if (status == COMEM_NO_MEMORY) {
        uint64_t left = support_used(bench->map), kept = 256 * (count + MANY_AT_ONCE); /* room made, if any */
        if (left < used || left > used + kept)
            fail_msg("operation %u on %zu keys, with room for %llu blocks: %llu bytes instead of %llu", way, count,
                     (unsigned long long)room, (unsigned long long)left, (unsigned long long)used);
        support_assert_dict(full.dict, full.pairs, full.count);
        assert_int_equal(support_problems(bench->map), 0);
    }
    full_end(&full);
    return status;
}

/* An operation that finds no room at some step would leave a part of it, lose a key, or leak what it had built. */
static void an_operation_without_room_leaves_the_dict_whole(void **state)
{
    static const size_t counts[] = {1, 4, 5, 7, 8, 16, 31, 32, 50, 63, 64, 100, 128, 500};
    for (unsigned c = 0; c < sizeof counts / sizeof *counts; c++)
        for (unsigned way = 0; way < WAYS; way++) {
            uint64_t room = 0;
            comem_status status;
            while ((status = operate_with_room(*state, counts[c], way, room)) == COMEM_NO_MEMORY && room < 3000)
                room++;
            assert_ok(status);
        }
}

/* A dict that cannot grow would lose a key, wherever in its growth that is. */
static void growth_without_room_leaves_the_dict_whole(void **state)
{
    struct full full = full_begin(*state, FULL_KEYS);
    assert_ok(comem_dict_clear(full.dict));
    for (size_t i = 0; i < FULL_KEYS; i++) {
        comem_status status = COMEM_NO_MEMORY;
        for (uint64_t room = 0; status == COMEM_NO_MEMORY; room++) {
            assert_true(room < 100);
            heap_seam_room = room;
            status = comem_dict_set(full.dict, full.pairs[i].key, full.pairs[i].value);
            heap_seam_room = UINT64_MAX;
            if (status == COMEM_NO_MEMORY && full.pairs[i].value.kind == COMEM_INT) /* the dict's own need */
                support_assert_dict(full.dict, full.pairs, i);
        }
        assert_ok(status);
    }
    support_assert_dict(full.dict, full.pairs, FULL_KEYS);
    assert_int_equal(support_problems(full.bench->map), 0);
    full_end(&full);
}

/* A full store could not be emptied, because taking something out needs room. */
static void keys_come_out_of_a_full_store(void **state)
{
    for (unsigned way = 0; way < 3; way++) {
        struct full full = full_begin(*state, FULL_KEYS);
        comem_value value;
        bool swapped = true;
        heap_seam_room = 0;
        for (size_t i = 0; i < FULL_KEYS; i++) {
            size_t at = i * 7919 % FULL_KEYS;
            assert_ok(way == 0   ? comem_dict_pop(full.dict, full.pairs[at].key, &value)
                      : way == 1 ? comem_dict_popitem(full.dict, NULL, &value)
                                 : comem_dict_cas(full.dict, full.pairs[at].key, full.pairs[at].value, comem_missing(),
                                                  &swapped));
            assert_true(swapped);
            if (way == 2)
                continue;
            support_assert_value(&value, &full.pairs[way == 0 ? at : FULL_KEYS - 1 - i].value);
            comem_value_clear(&value);
        }
        heap_seam_room = UINT64_MAX;
        assert_int_equal(support_dict_len(full.dict), 0);
        assert_int_equal(support_problems(full.bench->map), 0);
        full_end(&full);
    }
}

/* A dict in a store that is really full would be lost, or not go on once there is room. */
static void a_full_store_keeps_what_it_has(void **state)
{
    struct bench *bench = support_begin(2 * MIB);
    comem_dict *dict = support_dict(&bench->store);
    static char block[3000];
    char room[32];
    comem_status status = COMEM_OK;
    int64_t count = 0;
    (void)state;
    memset(block, 'x', sizeof block);
    for (size_t size = sizeof block; size > 10; size /= 8) {
        while ((status = comem_dict_set(dict, numbered(count, room), comem_bytes(block, size))) == COMEM_OK)
            count++;
        assert_status(COMEM_NO_MEMORY, status);
        assert_true(*comem_detail() != 0);
    }
    assert_true(count > 100);
    for (unsigned round = 0; round < 3; round++) {
        assert_int_equal(support_dict_len(dict), count);
        for (int64_t i = 0; i < count; i++) {
            comem_value value;
            assert_ok(comem_dict_get(dict, numbered(i, room), &value));
            assert_memory_equal(value.as.data, block, value.size);
            comem_value_clear(&value);
        }
        assert_int_equal(support_problems(bench->map), 0);
        for (int64_t i = count - 50; i < count; i++)
            assert_ok(comem_dict_pop(dict, numbered(i, room), NULL));
        for (int64_t i = count - 50; i < count; i++)
            assert_ok(comem_dict_set(dict, numbered(i, room), comem_int(1)));
        for (int64_t i = count - 50; i < count; i++)
            assert_ok(comem_dict_set(dict, numbered(i, room), comem_bytes(block, 5)));
    }
    assert_ok(comem_dict_clear(dict));
    assert_ok(comem_dict_set(dict, text("x"), comem_bytes(block, sizeof block)));
    comem_dict_release(dict);
    assert_int_equal(support_end(bench), 0);
}

int main(int argc, char **argv)
{
    support_choose(argc, argv);
    const struct CMUnitTest tests[] = {
        WITH_STORE(a_random_program_does_what_the_model_does),
        WITH_STORE(a_dict_that_grew_gives_all_back),
        WITH_STORE(a_few_survivors_do_not_keep_the_room_of_all),
        WITH_STORE(keys_that_pass_through_leave_no_room_behind),
        WITH_STORE(keys_that_come_and_go_at_the_end_leave_no_room_behind),
        WITH_STORE(keys_that_pass_by_one_that_stays_leave_no_room_behind),
        WITH_STORE(an_operation_without_room_leaves_the_dict_whole),
        WITH_STORE(growth_without_room_leaves_the_dict_whole),
        WITH_STORE(keys_come_out_of_a_full_store),
        ALONE(a_full_store_keeps_what_it_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
