/* program.c - drawing operations, and showing them */
#include "program.h"

#include <stdlib.h>
#include <string.h>

#include "model.h"

#define CHARACTERS 8u

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

static uint64_t draw_reference(uint64_t roll)
{
    uint64_t number = roll % (MODEL_LISTS + MODEL_COMMONS + MODEL_DICTS + MODEL_COMMON_DICTS);
    return number < MODEL_LISTS + MODEL_COMMONS ? number : REFERENCE_DICT + number - MODEL_LISTS - MODEL_COMMONS;
}

/* One of the first `shapes` shapes. */
static void draw_packed(struct program *program, struct model_value *value, unsigned shapes)
{
    uint64_t roll = program_roll(program, 256);
    value->fill = (uint8_t)(roll % shapes);
    value->bits = roll / shapes;
}

/* A value for list `list`, of its flavour. */
static struct model_value draw_value(struct program *program, unsigned list, unsigned number)
{
    static const uint8_t kinds[][16] = {
        {1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 1},
        {4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4},
        {5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5},
        {0, 1, 2, 2, 2, 3, 4, 4, 4, 5, 6, 6, 7, 7, 17, 17},
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
        value.bits = draw_reference(roll / 16);
    else if (value.kind == COMEM_PACKED)
        draw_packed(program, &value, PACKED_SHAPES);
    else if (value.kind == COMEM_MISSING)
        value = (struct model_value){.kind = COMEM_REF, .bits = ANONYMOUS + program->serial * OPERATION_BASES + number};
    return value;
}

/* A key for dict `dict`, of its flavour; now and then what cannot be one. */
static struct model_value draw_key(struct program *program, unsigned dict)
{
    static const uint8_t kinds[][16] = {
        {1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 2},
        {0, 1, 2, 2, 3, 4, 4, 4, 4, 4, 4, 5, 5, 5, 7, 7},
        {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2},
    };
    uint64_t roll = program_roll(program, 256);
    struct model_value key = {.kind = kinds[roll / 16 == 15 ? 1 : dict][roll % 16]};
    if (key.kind == COMEM_BOOL)
        key.bits = roll / 16 % 2;
    else if (key.kind == COMEM_INT)
        key.bits = dict == 2 ? program_roll(program, 8 * program->limit) : draw_int(program);
    else if (key.kind == COMEM_FLOAT)
        key.bits = roll / 16 == 0 ? UINT64_C(0x7FF8) << 48 : draw_float(program);
    else if (key.kind == COMEM_STR || key.kind == COMEM_BYTES)
        draw_text(program, &key);
    else if (key.kind == COMEM_PACKED)
        draw_packed(program, &key, roll / 16 == 1 ? PACKED_SHAPES : PACKED_PLAIN);
    return key;
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
    uint64_t many = operation_is_dicts(operation->kind) && operation->dict == 2 ? 2 * program->limit : program->limit;
    operation->count = roll < 16 ? program_roll(program, many) : counts[roll % 10];
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

/* Those of lists, and those of dicts, make 256. */
static const uint8_t kind_weights[OPERATION_KINDS] = {
    [OPERATION_LEN] = 2,
    [OPERATION_GET] = 6,
    [OPERATION_READ] = 5,
    [OPERATION_SLICE_GET] = 8,
    [OPERATION_INDEX] = 6,
    [OPERATION_COUNT] = 5,
    [OPERATION_EQUAL] = 3,
    [OPERATION_COMPARE] = 3,
    [OPERATION_COPY] = 3,
    [OPERATION_CONCAT] = 3,
    [OPERATION_REPEAT] = 3,
    [OPERATION_SET] = 18,
    [OPERATION_APPEND] = 30,
    [OPERATION_EXTEND] = 20,
    [OPERATION_POP] = 16,
    [OPERATION_INSERT] = 26,
    [OPERATION_POP_AT] = 20,
    [OPERATION_REMOVE] = 10,
    [OPERATION_CLEAR] = 3,
    [OPERATION_REVERSE] = 6,
    [OPERATION_SORT] = 7,
    [OPERATION_SORT_DESCENDING] = 4,
    [OPERATION_SLICE_SET] = 24,
    [OPERATION_SLICE_DELETE] = 13,
    [OPERATION_EXTEND_LIST] = 7,
    [OPERATION_MULTIPLY] = 5,
    [OPERATION_DICT_LEN] = 2,
    [OPERATION_DICT_GET] = 12,
    [OPERATION_DICT_CONTAINS] = 6,
    [OPERATION_DICT_READ] = 6,
    [OPERATION_DICT_COPY] = 3,
    [OPERATION_DICT_MERGE] = 3,
    [OPERATION_DICT_EQUAL] = 3,
    [OPERATION_DICT_SET] = 61,
    [OPERATION_DICT_SETDEFAULT] = 18,
    [OPERATION_DICT_POP] = 44,
    [OPERATION_DICT_POPITEM] = 14,
    [OPERATION_DICT_CLEAR] = 1,
    [OPERATION_DICT_UPDATE] = 34,
    [OPERATION_DICT_UPDATE_FROM] = 6,
    [OPERATION_DICT_ADD] = 17,
    [OPERATION_DICT_CAS] = 14,
    [OPERATION_DICT_UPDATE_IF] = 12,
};

static enum operation_kind draw_kind(struct program *program)
{
    bool dicts = program_roll(program, 2) != 0;
    unsigned roll = (unsigned)program_roll(program, 256), kind = 0;
    for (;; kind++) {
        if (operation_is_dicts((enum operation_kind)kind) != dicts)
            continue;
        if (roll < kind_weights[kind])
            return (enum operation_kind)kind;
        roll -= kind_weights[kind];
    }
}

static void draw_keys(struct program *program, struct operation *operation)
{
    for (unsigned i = 0; i < operation->base_count; i++)
        operation->keys[i] = draw_key(program, operation->dict);
}

static void draw_dict_arguments(struct program *program, struct operation *operation)
{
    switch (operation->kind) {
    case OPERATION_DICT_UPDATE:
        draw_values(program, operation, OPERATION_BASES);
        break;
    case OPERATION_DICT_CAS:
        operation->base_count = 2;
        operation->bases[0] = draw_value(program, operation->list, 0);
        operation->bases[1] = draw_value(program, operation->list, 1);
        break;
    case OPERATION_DICT_ADD:
        operation->bases[0] = draw_value(program, program_roll(program, 16) == 0 ? operation->list : 0, 0);
        break;
    case OPERATION_DICT_SET:
    case OPERATION_DICT_SETDEFAULT:
        draw_one(program, operation);
        break;
    case OPERATION_DICT_UPDATE_IF:
        operation->bases[0] = draw_value(program, operation->list, 0);
        break;
    default:
        break;
    }
    draw_keys(program, operation);
    if (operation->kind == OPERATION_DICT_CAS || operation->kind == OPERATION_DICT_UPDATE_IF ||
        operation->kind == OPERATION_DICT_READ)
        operation->how = (enum operation_how)program_roll(program, HOW_MISSING + 1);
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
    static const uint8_t dicts[16] = {0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2};
    if (program->bytes != NULL && program->left == 0)
        return false;
    memset(operation, 0, sizeof *operation);
    operation->base_count = 1;
    operation->kind = draw_kind(program);
    uint64_t roll = program_roll(program, 256);
    operation->list = lists[roll % 16];
    operation->other = operation->list < 3 && roll % 64 < 60 ? operation->list : lists[roll / 16];
    operation->throw = roll >= 160;
    operation->dict = dicts[roll % 16];
    operation->other_dict = dicts[roll / 16];
    if (operation_is_dicts(operation->kind)) {
        operation->list = lists[roll / 16];
        draw_dict_arguments(program, operation);
    } else {
        draw_arguments(program, operation);
    }
    program->serial++;
    return true;
}

/* ---- showing ---- */

static const char *const kind_names[OPERATION_KINDS] = {"len",
                                                        "get",
                                                        "read",
                                                        "slice_get",
                                                        "index",
                                                        "count",
                                                        "equal",
                                                        "compare",
                                                        "copy",
                                                        "concat",
                                                        "repeat",
                                                        "dict_len",
                                                        "dict_get",
                                                        "dict_contains",
                                                        "dict_read",
                                                        "dict_copy",
                                                        "dict_merge",
                                                        "dict_equal",
                                                        "set",
                                                        "append",
                                                        "extend",
                                                        "pop",
                                                        "insert",
                                                        "pop_at",
                                                        "remove",
                                                        "clear",
                                                        "reverse",
                                                        "sort",
                                                        "sort_descending",
                                                        "slice_set",
                                                        "slice_delete",
                                                        "extend_list",
                                                        "multiply",
                                                        "dict_set",
                                                        "dict_setdefault",
                                                        "dict_pop",
                                                        "dict_popitem",
                                                        "dict_clear",
                                                        "dict_update",
                                                        "dict_update_from",
                                                        "dict_add",
                                                        "dict_cas",
                                                        "dict_update_if"};

static void value_print(FILE *stream, const struct model_value *value)
{
    static const char *const kinds[] = {"None", "bool", "int", "float", "str", "bytes", "ref", "packed"};
    fprintf(stream, " %s", kinds[value->kind]);
    if (value->kind == COMEM_STR || value->kind == COMEM_BYTES)
        fprintf(stream, ":%u*%u+%u", value->fill, value->count, value->last);
    else if (value->kind == COMEM_PACKED)
        fprintf(stream, ":%u/%llu", value->fill, (unsigned long long)value->bits);
    else if (value->kind == COMEM_FLOAT)
        fprintf(stream, ":%#llx", (unsigned long long)value->bits);
    else if (value->kind != COMEM_NONE)
        fprintf(stream, ":%lld", (long long)value->bits);
}

void operation_print(FILE *stream, const struct operation *operation)
{
    if (operation_is_dicts(operation->kind)) {
        fprintf(stream, "%s(dict %u, other %u, throw %d, how %d, keys:", kind_names[operation->kind], operation->dict,
                operation->other_dict, operation->throw, operation->how);
        for (size_t i = 0; i < operation->base_count; i++)
            value_print(stream, &operation->keys[i]);
        fputs(", ", stream);
    } else {
        fprintf(stream, "%s(list %u, other %u, index %lld, slice %lld:%lld:%lld, times %lld, throw %d, ",
                kind_names[operation->kind], operation->list, operation->other, (long long)operation->index,
                (long long)operation->slice.start, (long long)operation->slice.stop, (long long)operation->slice.step,
                (long long)operation->times, operation->throw);
    }
    if (operation->from_item)
        fprintf(stream, "item %lld of list %u)", (long long)operation->from, operation->other);
    else
        fprintf(stream, "%zu%s values:", operation->count, operation->exact ? " exact" : "");
    for (size_t i = 0; i < operation->base_count && !operation->from_item; i++)
        value_print(stream, &operation->bases[i]);
    fputs(operation->from_item ? "" : ")", stream);
}
