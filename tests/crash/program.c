/* program.c - drawing operations, running them through comem.h, comparing */
#include "program.h"

#include <stdlib.h>
#include <string.h>

#include "model.h"

#define CHARACTERS 8u

/* By their code points, so that numbers order as texts do: one to four bytes, one lone surrogate, one behind it. */
static const char *const characters[CHARACTERS] = {
    "a", "b", "z", "\xC3\xA9", "\xE2\x82\xAC", "\xED\xA0\x80", "\xEF\xBF\xBF", "\xF0\x9F\x98\x80"};
#define SURROGATE 5u
#define FIRST_BEYOND_ASCII 3u
static const char octets[CHARACTERS] = {'\0', '\1', 'a', 'b', '\x7F', '\x80', '\xFE', '\xFF'};

/* ---- drawing ---- */

void program_from_seed(struct program *program, uint64_t seed, size_t limit)
{
    *program = (struct program){.state = seed, .limit = limit};
}

void program_from_bytes(struct program *program, const uint8_t *bytes, size_t size, size_t limit)
{
    *program = (struct program){.bytes = bytes, .left = size, .limit = limit};
}

uint64_t program_roll(struct program *program, uint64_t sides)
{
    if (program->bytes == NULL) {
        uint64_t mixed = program->state += UINT64_C(0x9E3779B97F4A7C15); /* splitmix64 */
        mixed = (mixed ^ mixed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
        mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
        return (mixed ^ mixed >> 31) % sides;
    }
    uint64_t roll = 0;
    for (uint64_t reach = 1; reach < sides && program->left > 0; reach <<= 8) {
        roll = roll << 8 | *program->bytes++;
        program->left--;
    }
    return roll % sides;
}

/* Most often a small one, since most lists are short; now and then far out. */
static int64_t draw_index(struct program *program)
{
    static const int64_t far_out[] = {INT64_MIN, INT64_MAX, INT64_MIN + 1, -1, 0, INT64_C(1) << 32};
    int64_t range = (int64_t)(program->limit + program->limit / 4);
    int64_t roll = (int64_t)program_roll(program, 2 * (uint64_t)range);
    if (roll < 6)
        return far_out[roll];
    return (roll - range) * (roll - range) / range * (roll - range) / range;
}

static uint64_t float_bits(double real)
{
    uint64_t bits;
    memcpy(&bits, &real, sizeof bits);
    return bits;
}

static uint64_t draw_int(struct program *program)
{
    static const int64_t wide[] = {
        INT64_MAX, INT64_MIN, INT64_MAX - 1, (INT64_C(1) << 53) + 1, INT64_C(1) << 53, -(INT64_C(1) << 53) - 1, -1, 0};
    uint64_t roll = program_roll(program, 256);
    return roll < 16 ? (uint64_t)wide[roll % 8] : roll % 24;
}

static uint64_t draw_float(struct program *program)
{
    static const double reals[] = {0.0,
                                   -0.0,
                                   1.0,
                                   0.5,
                                   7.0,
                                   12.5,
                                   -1.0,
                                   3.0,
                                   9007199254740992.0,
                                   9223372036854775808.0,
                                   -9223372036854775808.0,
                                   1e300,
                                   -1e300,
                                   1.0 / 0.0,
                                   -1.0 / 0.0,
                                   5e-324};
    return float_bits(reals[program_roll(program, 16)]);
}

static void draw_text(struct program *program, struct model_value *value)
{
    static const uint16_t counts[] = {0, 1, 1, 2, 3, 4, 5, 7, 12, 13, 14, 14, 20, 40, 100, 2};
    uint64_t roll = program_roll(program, 256);
    value->count = counts[roll % 16];
    if (roll >= 252) /* of a size that takes pages of its own */
        value->count = (uint16_t)(program->limit * 8);
    if (value->count > 0)
        value->last = roll / 16 % CHARACTERS;
    if (value->count > 1)
        value->fill = roll % 3 == 0 ? 0 : (uint8_t)program_roll(program, CHARACTERS);
}

/* A value for list `list`, of its flavour. */
static struct model_value draw_value(struct program *program, unsigned list, unsigned number)
{
    static const uint8_t kinds[][16] = {
        {1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 1},
        {4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4},
        {5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5},
        {0, 1, 2, 2, 2, 3, 4, 4, 4, 5, 5, 6, 6, 6, 7, 7},
    };
    uint64_t roll = program_roll(program, 256);
    unsigned flavour = list < 3 && roll < 255 ? list : 3;
    struct model_value value = {.kind = kinds[flavour][roll % 16]};
    if (value.kind == COMEM_BOOL)
        value.bits = roll / 16 % 2;
    else if (value.kind == COMEM_INT)
        value.bits = draw_int(program);
    else if (value.kind == COMEM_FLOAT)
        value.bits = draw_float(program);
    else if (value.kind == COMEM_STR || value.kind == COMEM_BYTES)
        draw_text(program, &value);
    else if (value.kind == COMEM_REF)
        value.bits = roll / 16 % (MODEL_LISTS + MODEL_COMMONS);
    else if (value.kind > COMEM_REF)
        value = (struct model_value){.kind = COMEM_REF, .bits = ANONYMOUS + program->serial * OPERATION_BASES + number};
    return value;
}

static void draw_slice(struct program *program, comem_slice *slice)
{
    static const int64_t steps[] = {1, 1, 1, 1, 1, 1, 1, -1, 2, -2, 3, -3, 7, INT64_MIN, INT64_MAX, 0};
    uint64_t roll = program_roll(program, 256);
    slice->step = steps[roll % 16];
    slice->start = (roll & 48) == 16 ? slice->step < 0 ? INT64_MAX : 0 : draw_index(program);
    if ((roll & 192) == 64)
        slice->stop = slice->step < 0 ? INT64_MIN : INT64_MAX;
    else if ((roll & 192) == 128) /* a short one */
        slice->stop = slice->start > INT64_MAX - 16 ? slice->start : slice->start + (int64_t)(roll & 15);
    else
        slice->stop = draw_index(program);
}

static void draw_values(struct program *program, struct operation *operation, unsigned bases)
{
    static const uint8_t counts[] = {0, 1, 2, 2, 3, 3, 4, 5, 6, 8};
    uint64_t roll = program_roll(program, 256);
    operation->count = roll < 16 ? program_roll(program, program->limit) : counts[roll % 10];
    operation->base_count = operation->count > bases ? bases : operation->count;
    if (operation->base_count == 0)
        operation->base_count = 1;
    for (unsigned i = 0; i < operation->base_count; i++)
        operation->bases[i] = draw_value(program, operation->list, i);
}

/* One value: drawn, or an item that is there, or, to look for, what is no number. */
static void draw_one(struct program *program, struct operation *operation)
{
    operation->bases[0] = draw_value(program, operation->list, 0);
    uint64_t roll = program_roll(program, 256);
    operation->from_item = roll < 48;
    if (operation->from_item)
        operation->from = draw_index(program);
    bool looks = operation->kind == OPERATION_INDEX || operation->kind == OPERATION_COUNT;
    if (roll == 255 && looks)
        operation->bases[0] = (struct model_value){.kind = COMEM_FLOAT, .bits = UINT64_C(0x7FF8) << 48};
}

static const uint8_t kind_weights[OPERATION_KINDS] = {
    [OPERATION_LEN] = 2,         [OPERATION_GET] = 6,
    [OPERATION_READ] = 5,        [OPERATION_SLICE_GET] = 8,
    [OPERATION_INDEX] = 6,       [OPERATION_COUNT] = 5,
    [OPERATION_EQUAL] = 3,       [OPERATION_COMPARE] = 3,
    [OPERATION_COPY] = 3,        [OPERATION_CONCAT] = 3,
    [OPERATION_REPEAT] = 3,      [OPERATION_SET] = 18,
    [OPERATION_APPEND] = 30,     [OPERATION_EXTEND] = 20,
    [OPERATION_POP] = 16,        [OPERATION_INSERT] = 26,
    [OPERATION_POP_AT] = 20,     [OPERATION_REMOVE] = 10,
    [OPERATION_CLEAR] = 3,       [OPERATION_REVERSE] = 6,
    [OPERATION_SORT] = 7,        [OPERATION_SORT_DESCENDING] = 4,
    [OPERATION_SLICE_SET] = 24,  [OPERATION_SLICE_DELETE] = 13,
    [OPERATION_EXTEND_LIST] = 7, [OPERATION_MULTIPLY] = 5,
};

static enum operation_kind draw_kind(struct program *program)
{
    unsigned roll = (unsigned)program_roll(program, 256), kind = 0;
    while (roll >= kind_weights[kind]) {
        roll -= kind_weights[kind];
        kind = kind + 1 == OPERATION_KINDS ? 0 : kind + 1;
    }
    return (enum operation_kind)kind;
}

static void draw_arguments(struct program *program, struct operation *operation)
{
    switch (operation->kind) {
    case OPERATION_SET:
    case OPERATION_INSERT:
        operation->index = draw_index(program);
        draw_one(program, operation);
        break;
    case OPERATION_APPEND:
    case OPERATION_REMOVE:
    case OPERATION_COUNT:
        draw_one(program, operation);
        break;
    case OPERATION_INDEX:
        draw_one(program, operation);
        draw_slice(program, &operation->slice);
        break;
    case OPERATION_GET:
    case OPERATION_POP_AT:
        operation->index = draw_index(program);
        break;
    case OPERATION_READ:
        operation->from = (int64_t)program_roll(program, program->limit + 4);
        operation->count = program_roll(program, program->limit);
        break;
    case OPERATION_EXTEND:
        draw_values(program, operation, OPERATION_BASES);
        break;
    case OPERATION_SLICE_SET:
        draw_slice(program, &operation->slice);
        draw_values(program, operation, OPERATION_BASES);
        operation->exact = operation->slice.step != 1 && program_roll(program, 8) != 0;
        break;
    case OPERATION_SLICE_GET:
    case OPERATION_SLICE_DELETE:
        draw_slice(program, &operation->slice);
        break;
    case OPERATION_MULTIPLY:
    case OPERATION_REPEAT:
        operation->times = (int64_t)program_roll(program, 6) - 1;
        break;
    default:
        break;
    }
}

bool program_next(struct program *program, struct operation *operation)
{
    static const uint8_t lists[16] = {0, 0, 1, 1, 2, 2, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4};
    if (program->bytes != NULL && program->left == 0)
        return false;
    memset(operation, 0, sizeof *operation);
    operation->base_count = 1;
    operation->kind = draw_kind(program);
    uint64_t roll = program_roll(program, 256);
    operation->list = lists[roll % 16];
    operation->other = operation->list < 3 && roll % 64 < 60 ? operation->list : lists[roll / 16];
    operation->throw = roll >= 160;
    draw_arguments(program, operation);
    program->serial++;
    return true;
}

/* ---- showing ---- */

static const char *const kind_names[OPERATION_KINDS] = {
    "len",    "get",     "read", "slice_get",       "index",     "count",        "equal",       "compare", "copy",
    "concat", "repeat",  "set",  "append",          "extend",    "pop",          "insert",      "pop_at",  "remove",
    "clear",  "reverse", "sort", "sort_descending", "slice_set", "slice_delete", "extend_list", "multiply"};

static void value_print(FILE *stream, const struct model_value *value)
{
    static const char *const kinds[] = {"None", "bool", "int", "float", "str", "bytes", "list"};
    fprintf(stream, " %s", kinds[value->kind]);
    if (value->kind == COMEM_STR || value->kind == COMEM_BYTES)
        fprintf(stream, ":%u*%u+%u", value->fill, value->count, value->last);
    else if (value->kind == COMEM_FLOAT)
        fprintf(stream, ":%#llx", (unsigned long long)value->bits);
    else if (value->kind != COMEM_NONE)
        fprintf(stream, ":%lld", (long long)value->bits);
}

void operation_print(FILE *stream, const struct operation *operation)
{
    fprintf(stream, "%s(list %u, other %u, index %lld, slice %lld:%lld:%lld, times %lld, throw %d, ",
            kind_names[operation->kind], operation->list, operation->other, (long long)operation->index,
            (long long)operation->slice.start, (long long)operation->slice.stop, (long long)operation->slice.step,
            (long long)operation->times, operation->throw);
    if (operation->from_item)
        fprintf(stream, "item %lld of list %u)", (long long)operation->from, operation->other);
    else
        fprintf(stream, "%zu%s values:", operation->count, operation->exact ? " exact" : "");
    for (size_t i = 0; i < operation->base_count && !operation->from_item; i++)
        value_print(stream, &operation->bases[i]);
    fputs(operation->from_item ? "" : ")", stream);
}

/* ---- values for comem.h ---- */

static size_t character_size(const struct model_value *value, unsigned number)
{
    return value->kind == COMEM_BYTES ? 1 : strlen(characters[number]);
}

static size_t text_size(const struct model_value *value)
{
    if (value->count == 0)
        return 0;
    return (value->count - 1) * character_size(value, value->fill) + character_size(value, value->last);
}

static void text_write(const struct model_value *value, char *text)
{
    for (unsigned i = 0; i < value->count; i++) {
        unsigned number = i + 1 == value->count ? value->last : value->fill;
        size_t size = character_size(value, number);
        memcpy(text, value->kind == COMEM_BYTES ? &octets[number] : characters[number], size);
        text += size;
    }
}

static uint16_t text_flags(const struct model_value *value)
{
    bool fill = value->count > 1;
    if (value->kind == COMEM_BYTES)
        return 0;
    bool ascii = value->last < FIRST_BEYOND_ASCII && (!fill || value->fill < FIRST_BEYOND_ASCII);
    bool surrogates = value->count > 0 && (value->last == SURROGATE || (fill && value->fill == SURROGATE));
    return (uint16_t)((ascii ? COMEM_ASCII : 0) | (surrogates ? COMEM_SURROGATES : 0));
}

size_t anonymous_items(uint64_t number, struct model_value *items)
{
    uint64_t plain = number & ~ANONYMOUS_INNER;
    size_t count = 2;
    items[0] = (struct model_value){.kind = COMEM_INT, .bits = plain};
    if ((number & ANONYMOUS_INNER) != 0)
        return 1;
    items[1] =
        (struct model_value){.kind = COMEM_BYTES, .fill = plain % CHARACTERS, .count = (uint16_t)(5 + plain % 40)};
    if (plain % 3 == 0)
        items[count++] = (struct model_value){.kind = COMEM_REF, .bits = plain / 3 % MODEL_LISTS};
    if (plain % 4 == 0)
        items[count++] = (struct model_value){.kind = COMEM_REF, .bits = number | ANONYMOUS_INNER};
    return count;
}

/* The values of one operation, and what they take. */
struct arguments {
    comem_value *values;
    char *text;
    size_t text_end;
    comem_list *made[OPERATION_BASES];
    unsigned made_count;
};

static comem_status value_make(const struct holding *holding, const struct model_value *value, char *text,
                               comem_value *made);

/* A new list that holds what the number says. */
static comem_status anonymous_make(const struct holding *holding, uint64_t number, comem_list **list)
{
    struct model_value items[ANONYMOUS_ITEMS];
    size_t count = anonymous_items(number, items);
    comem_status status = comem_list_new(holding->store, list);
    for (size_t i = 0; i < count && status == COMEM_OK; i++) {
        char text[64];
        comem_value value;
        comem_list *inner = NULL;
        if (items[i].kind == COMEM_REF && items[i].bits >= ANONYMOUS) {
            status = anonymous_make(holding, items[i].bits, &inner);
            value = comem_ref(inner);
        } else {
            status = value_make(holding, &items[i], text, &value);
        }
        if (status == COMEM_OK)
            status = comem_list_append(*list, value);
        comem_list_release(inner);
    }
    return status;
}

/* Anything but an anonymous list; a text is written to `text`. */
static comem_status value_make(const struct holding *holding, const struct model_value *value, char *text,
                               comem_value *made)
{
    *made = comem_none();
    switch ((int)(enum comem_kind)value->kind) {
    case COMEM_NONE:
        break;
    case COMEM_BOOL:
        *made = comem_bool(value->bits != 0);
        break;
    case COMEM_INT:
        *made = comem_int((int64_t)value->bits);
        break;
    case COMEM_FLOAT:
        *made = comem_float(0);
        memcpy(&made->as.real, &value->bits, sizeof value->bits);
        break;
    case COMEM_STR:
    case COMEM_BYTES:
        text_write(value, text);
        *made = comem_str(text, text_size(value));
        made->kind = value->kind;
        break;
    case COMEM_REF:
        *made = comem_ref(holding->lists[value->bits]);
        break;
    }
    return COMEM_OK;
}

static comem_status arguments_make(const struct holding *holding, const struct operation *operation, size_t count,
                                   struct arguments *arguments)
{
    size_t size = 0;
    comem_status status = COMEM_OK;
    memset(arguments, 0, sizeof *arguments);
    for (size_t i = 0; i < operation->base_count; i++)
        size += text_size(&operation->bases[i]);
    arguments->values = malloc((count + 1) * sizeof *arguments->values);
    arguments->text = malloc(size + 1);
    if (arguments->values == NULL || arguments->text == NULL)
        abort();
    for (size_t i = 0; i < count && status == COMEM_OK; i++) {
        struct model_value value = operation_value(operation, i);
        if (i >= operation->base_count && value.kind != COMEM_INT) {
            arguments->values[i] = arguments->values[i - operation->base_count];
        } else if (value.kind == COMEM_REF && value.bits >= ANONYMOUS) {
            comem_list **made = &arguments->made[arguments->made_count++];
            status = anonymous_make(holding, value.bits, made);
            arguments->values[i] = comem_ref(*made);
        } else {
            status = value_make(holding, &value, arguments->text + arguments->text_end, &arguments->values[i]);
            arguments->text_end += i < operation->base_count ? text_size(&value) : 0;
        }
    }
    return status;
}

static void arguments_free(struct arguments *arguments)
{
    while (arguments->made_count > 0)
        comem_list_release(arguments->made[--arguments->made_count]);
    free(arguments->values);
    free(arguments->text);
}

/* ---- running ---- */

static comem_value *outcome_room(struct outcome *outcome, size_t count)
{
    outcome->values = malloc((count + 1) * sizeof *outcome->values);
    if (outcome->values == NULL)
        abort();
    for (size_t i = 0; i < count; i++)
        outcome->values[i] = comem_none();
    return outcome->values;
}

static comem_status read_all(comem_list *list, struct outcome *outcome)
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
        status = read_all(made, outcome);
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

static bool text_matches(const comem_value *found, const struct model_value *expected)
{
    size_t at = 0;
    if (found->size != text_size(expected) || found->flags != text_flags(expected) || found->as.data[found->size] != 0)
        return false;
    for (unsigned i = 0; i < expected->count; i++) {
        unsigned number = i + 1 == expected->count ? expected->last : expected->fill;
        size_t size = character_size(expected, number);
        const char *wanted = expected->kind == COMEM_BYTES ? &octets[number] : characters[number];
        if (memcmp(found->as.data + at, wanted, size) != 0)
            return false;
        at += size;
    }
    return true;
}

static bool reference_matches(const struct holding *holding, comem_list *found, uint64_t number);

static bool value_matches(const struct holding *holding, const comem_value *found, const struct model_value *expected)
{
    if (found->kind != expected->kind)
        return false;
    switch ((int)(enum comem_kind)expected->kind) {
    case COMEM_NONE:
        return true;
    case COMEM_BOOL:
        return found->as.boolean == (expected->bits != 0);
    case COMEM_INT:
    case COMEM_FLOAT:
        return memcmp(&found->as, &expected->bits, sizeof expected->bits) == 0;
    case COMEM_STR:
    case COMEM_BYTES:
        return text_matches(found, expected);
    case COMEM_REF:
        return reference_matches(holding, comem_value_list(found), expected->bits);
    }
    return false;
}

static bool values_match(const struct holding *holding, const struct outcome *outcome,
                         const struct model_value *expected, size_t count)
{
    if (outcome->count != count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!value_matches(holding, &outcome->values[i], &expected[i]))
            return false;
    return true;
}

/* An object has one handle in a process: references to a list that is held give the same. What there is no memory to look at
 * may be anything. */
static bool reference_matches(const struct holding *holding, comem_list *found, uint64_t number)
{
    struct model_value items[ANONYMOUS_ITEMS];
    struct outcome content = {0};
    if (number < ANONYMOUS)
        return found == holding->lists[number];
    content.status = read_all(found, &content);
    size_t count = anonymous_items(number, items);
    bool matches = content.status == COMEM_NO_MEMORY ||
                   (content.status == COMEM_OK && values_match(holding, &content, items, count));
    outcome_clear(&content);
    return matches;
}

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

const char *content_differs(const struct holding *holding, const struct model *model)
{
    static const char *const answers[MODEL_LISTS] = {"list 0", "list 1", "list 2", "list 3", "list 4"};
    for (unsigned i = 0; i < MODEL_LISTS; i++) {
        struct outcome content = {0};
        content.status = read_all(holding->lists[i], &content);
        bool matches = content.status == COMEM_OK &&
                       values_match(holding, &content, model->lists[i].values, model->lists[i].length);
        bool full = content.status == COMEM_NO_MEMORY;
        outcome_clear(&content);
        if (!matches && !(full && items_match(holding, holding->lists[i], &model->lists[i])))
            return answers[i];
    }
    return NULL;
}

/* Whether a text is one that value_make() writes: equal characters but for the last one. */
static bool text_whole(const comem_value *value)
{
    size_t at = 0, size = 0;
    const char *fill = NULL;
    while (at < value->size) {
        unsigned number = 0;
        bool bytes = value->kind == COMEM_BYTES;
        for (; number < CHARACTERS; number++) {
            size = bytes ? 1 : strlen(characters[number]);
            const char *character = bytes ? &octets[number] : characters[number];
            if (size <= value->size - at && memcmp(value->as.data + at, character, size) == 0)
                break;
        }
        if (number == CHARACTERS)
            return false;
        const char *character = bytes ? &octets[number] : characters[number];
        if (fill != NULL && character != fill && at + size < value->size)
            return false;
        if (fill == NULL)
            fill = character;
        at += size;
    }
    return true;
}

const char *outcome_unsound(const struct outcome *outcome)
{
    static const bool possible[] = {[COMEM_OK] = true,   [COMEM_OUT_OF_RANGE] = true, [COMEM_NOT_FOUND] = true,
                                    [COMEM_TYPE] = true, [COMEM_INVALID] = true,      [COMEM_SYSTEM] = false};
    if (!possible[outcome->status])
        return comem_strerror(outcome->status);
    for (size_t i = 0; i < outcome->count; i++) {
        const comem_value *value = &outcome->values[i];
        bool text = value->kind == COMEM_STR || value->kind == COMEM_BYTES;
        if (value->kind > COMEM_REF || (text && !text_whole(value)) ||
            (value->kind == COMEM_REF && comem_value_list(value) == NULL))
            return "a value that nobody stored";
    }
    return NULL;
}
