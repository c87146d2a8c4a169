/* value.c - values of a store, printed within bounds, as Python or as JSON
 *
 * Both forms come from one walk: `struct writer` says how each begins, ends and shows a leaf. Items of a list are read some at a
 * time, a dict as a whole if it is within the bounds; of a longer one the first keys are looked up one by one. So what is
 * printed of a container that changes meanwhile may be of several moments.
 */
#include "value.h"

#include <math.h>
#include <stdlib.h>

#include "look.h"
#include "objects/dict.h"
#include "objects/list.h"
#include "objects/print.h"
#include "objects/root.h"

#define CHUNK 64u
#define DEPTH_MAX 100u

struct printer {
    struct bounds left; /* `total` and `depth` fall on the way */
    FILE *stream;
    struct json *json; /* NULL: as Python */
    uint64_t path[DEPTH_MAX];
    unsigned depth; /* of objects */
};

static comem_status print_any(struct printer *printer, const comem_value *value);

const char *value_kind(const comem_value *reference)
{
    return object_type_name(object_identity_type(word_load(&reference->as.object->shared->identity)));
}

bool value_length(const comem_value *reference, uint64_t *length)
{
    size_t found = 0;
    comem_list *list = comem_value_list(reference);
    comem_dict *dict = comem_value_dict(reference);
    comem_status status = list != NULL   ? comem_list_len(list, &found)
                          : dict != NULL ? comem_dict_len(dict, &found)
                                         : COMEM_TYPE;
    *length = found;
    return status == COMEM_OK;
}

/* ---- the two forms of a container ---- */

enum form { FORM_LIST, FORM_TUPLE, FORM_SET, FORM_FROZENSET, FORM_DICT, FORM_PAIRS };

static const struct {
    const char *open, *close, *key; /* the last: of the object that stands for it in JSON */
} forms[] = {
    [FORM_LIST] = {"[", "]", NULL},  [FORM_TUPLE] = {"(", ")", "$tuple"},
    [FORM_SET] = {"{", "}", "$set"}, [FORM_FROZENSET] = {"frozenset({", "})", "$frozenset"},
    [FORM_DICT] = {"{", "}", NULL},  [FORM_PAIRS] = {"{", "}", "$dict"},
};

static void begin(struct printer *printer, enum form form)
{
    struct json *json = printer->json;
    if (json == NULL) {
        fputs(forms[form].open, printer->stream);
        return;
    }
    if (forms[form].key != NULL) {
        json_begin(json, '{');
        json_key(json, forms[form].key);
    }
    json_begin(json, form == FORM_DICT ? '{' : '[');
}

/* `shown` items were printed, `more` were left out. */
static void end(struct printer *printer, enum form form, uint64_t shown, uint64_t more)
{
    struct json *json = printer->json;
    if (json == NULL) {
        if (more > 0)
            fprintf(printer->stream, "%s... %llu more", shown > 0 ? ", " : "", (unsigned long long)more);
        fputs(form == FORM_TUPLE && shown == 1 && more == 0 ? ",)" : forms[form].close, printer->stream);
        return;
    }
    if (more > 0 && form != FORM_DICT)
        json_begin(json, '{');
    if (more > 0) {
        json_key(json, "$more");
        json_number(json, more);
    }
    if (more > 0 && form != FORM_DICT)
        json_end(json, '}');
    json_end(json, form == FORM_DICT ? '}' : ']');
    if (forms[form].key != NULL)
        json_end(json, '}');
}

static void between(struct printer *printer, uint64_t shown)
{
    if (printer->json == NULL && shown > 0)
        fputs(", ", printer->stream);
}

/* How many of `size` items are within the bounds. */
static uint64_t allowed(const struct printer *printer, uint64_t size)
{
    uint64_t limit = printer->left.items < printer->left.total ? printer->left.items : printer->left.total;
    return printer->left.depth == 0 ? 0 : size < limit ? size : limit;
}

static comem_status print_pair(struct printer *printer, enum form form, uint64_t shown, const comem_value *key,
                               const comem_value *value)
{
    comem_status status = COMEM_OK;
    between(printer, shown);
    if (printer->json == NULL || form == FORM_PAIRS) {
        if (printer->json != NULL)
            json_begin(printer->json, '[');
        status = print_any(printer, key);
        if (printer->json == NULL)
            fputs(": ", printer->stream);
        if (status == COMEM_OK)
            status = print_any(printer, value);
        if (printer->json != NULL)
            json_end(printer->json, ']');
        return status;
    }
    json_text(printer->json, key->as.data, key->size);
    fputc(':', printer->stream);
    printer->json->comma = false;
    return print_any(printer, value);
}

/* ---- leaves ---- */

/* A JSON object with one key, whose value is text. */
static void json_special(struct json *json, const char *key, const char *text)
{
    json_begin(json, '{');
    json_key(json, key);
    json_string(json, text);
    json_end(json, '}');
}

static void json_hex(struct json *json, const char *key, const comem_value *value, uint64_t bytes)
{
    json_begin(json, '{');
    json_key(json, key);
    json_raw(json);
    fputc('"', json->stream);
    for (uint64_t i = 0; i < bytes; i++)
        fprintf(json->stream, "%02x", (unsigned)(uint8_t)value->as.data[i]);
    fputc('"', json->stream);
    if (bytes < value->size) {
        json_key(json, "$size");
        json_number(json, value->size);
    }
    json_end(json, '}');
}

static void json_str(struct json *json, const comem_value *value, uint64_t bytes)
{
    if (bytes == value->size) {
        json_text(json, value->as.data, bytes);
        return;
    }
    json_begin(json, '{');
    json_key(json, "$text");
    json_text(json, value->as.data, bytes);
    json_key(json, "$size");
    json_number(json, value->size);
    json_end(json, '}');
}

/* As many bytes of a text as are within the bounds, whole characters of a str. */
static uint64_t allowed_bytes(const struct printer *printer, const comem_value *value)
{
    uint64_t bytes = value->size < printer->left.bytes ? value->size : printer->left.bytes;
    while (value->kind == COMEM_STR && bytes > 0 && bytes < value->size &&
           ((uint8_t)value->as.data[bytes] & 0xC0) == 0x80)
        bytes--;
    return bytes;
}

static comem_status print_text(struct printer *printer, const comem_value *value)
{
    uint64_t bytes = allowed_bytes(printer, value);
    if (printer->json != NULL) {
        if (value->kind == COMEM_STR)
            json_str(printer->json, value, bytes);
        else
            json_hex(printer->json, value->kind == COMEM_BYTES ? "$bytes" : "$bytearray", value, bytes);
        return COMEM_OK;
    }
    comem_value part = *value;
    part.size = bytes;
    comem_status status = print_value(printer->stream, &part);
    if (bytes < value->size)
        fprintf(printer->stream, "... (%zu bytes)", value->size);
    return status;
}

static void json_real(struct json *json, const comem_value *value)
{
    double real = value->as.real;
    if (isnan(real) || isinf(real)) {
        json_special(json, "$float", isnan(real) ? "nan" : real < 0 ? "-inf" : "inf");
        return;
    }
    json_raw(json);
    print_value(json->stream, value);
}

static comem_status print_leaf(struct printer *printer, const comem_value *value)
{
    struct json *json = printer->json;
    if (json == NULL)
        return print_value(printer->stream, value);
    switch (value->kind) {
    case COMEM_NONE:
        json_null(json);
        return COMEM_OK;
    case COMEM_BOOL:
        json_bool(json, value->as.boolean);
        return COMEM_OK;
    case COMEM_FLOAT:
        json_real(json, value);
        return COMEM_OK;
    case COMEM_COMPLEX:
        json_begin(json, '{');
        json_key(json, "$complex");
        json_begin(json, '[');
        json_real(json, &value->as.items[0]);
        json_real(json, &value->as.items[1]);
        json_end(json, ']');
        json_end(json, '}');
        return COMEM_OK;
    case COMEM_PICKLE:
        json_begin(json, '{');
        json_key(json, "$pickle");
        json_number(json, value->size);
        json_end(json, '}');
        return COMEM_OK;
    default: /* ints of any size */
        json_raw(json);
        return print_value(json->stream, value);
    }
}

/* ---- values within values ---- */

static enum form form_of(uint32_t kind)
{
    return kind == COMEM_TUPLE       ? FORM_TUPLE
           : kind == COMEM_SET       ? FORM_SET
           : kind == COMEM_FROZENSET ? FORM_FROZENSET
           : kind == COMEM_DICT      ? FORM_DICT
                                     : FORM_LIST;
}

/* A dict is an object in JSON if all keys that are shown are texts, whole, and none is taken for one of ours. */
static bool is_json_key(const struct printer *printer, const comem_value *key)
{
    return key->kind == COMEM_STR && key->size <= printer->left.bytes && (key->size == 0 || key->as.data[0] != '$');
}

/* Every `step`-th of `count` values is a key. */
static enum form dict_form(const struct printer *printer, const comem_value *keys, size_t step, uint64_t count)
{
    if (printer->json == NULL)
        return FORM_DICT;
    for (uint64_t i = 0; i < count; i++)
        if (!is_json_key(printer, &keys[i * step]))
            return FORM_PAIRS;
    return FORM_DICT;
}

static comem_status print_items(struct printer *printer, const comem_value *value)
{
    enum form form = form_of(value->kind);
    uint64_t count = allowed(printer, value->size);
    comem_status status = COMEM_OK;
    if (form == FORM_DICT)
        form = dict_form(printer, value->as.items, 2, count);
    begin(printer, form);
    printer->left.depth--;
    for (uint64_t i = 0; status == COMEM_OK && i < count; i++) {
        const comem_value *item = &value->as.items[value->kind == COMEM_DICT ? 2 * i : i];
        if (value->kind == COMEM_DICT) {
            status = print_pair(printer, form, i, item, item + 1);
        } else {
            between(printer, i);
            status = print_any(printer, item);
        }
    }
    printer->left.depth++;
    end(printer, form, count, value->size - count);
    return status;
}

static comem_status print_tree(struct printer *printer, const comem_value *value)
{
    bool empty = value->size == 0 && (value->kind == COMEM_SET || value->kind == COMEM_FROZENSET);
    switch (value->kind) {
    case COMEM_LIST:
    case COMEM_TUPLE:
    case COMEM_SET:
    case COMEM_FROZENSET:
    case COMEM_DICT: /* at depth 0 nothing is within the bounds */
        return empty && printer->json == NULL ? print_value(printer->stream, value) : print_items(printer, value);
    case COMEM_BYTEARRAY:
        return print_text(printer, value);
    default:
        return print_leaf(printer, value);
    }
}

static comem_status print_packed(struct printer *printer, const comem_value *value)
{
    comem_value tree;
    comem_status status = comem_value_unpack(value, &tree);
    if (status == COMEM_OK)
        status = print_tree(printer, &tree);
    comem_value_clear(&tree);
    return status;
}

/* ---- objects ---- */

static comem_status print_list(struct printer *printer, comem_list *list)
{
    comem_value items[CHUNK];
    size_t length, shown = 0, read = 1;
    comem_status status = comem_list_len(list, &length);
    if (status != COMEM_OK)
        return status;
    uint64_t count = allowed(printer, length);
    begin(printer, FORM_LIST);
    printer->left.depth--;
    while (status == COMEM_OK && shown < count && read > 0) {
        size_t wanted = count - shown < CHUNK ? count - shown : CHUNK;
        status = comem_list_read(list, shown, wanted, items, &read);
        for (size_t i = 0; i < read; i++) {
            if (status == COMEM_OK && printer->left.total > 0) {
                between(printer, shown++);
                status = print_any(printer, &items[i]);
            }
            comem_value_clear(&items[i]);
        }
        read = printer->left.total > 0 ? read : 0;
    }
    printer->left.depth++;
    end(printer, FORM_LIST, shown, length - (shown < length ? shown : length));
    return status;
}

/* Pairs of a dict that are to be printed. */
struct pairs {
    comem_dict *dict;
    comem_value *keys, *values;
    uint64_t count, room;
};

/* Looks the value up of a key of a dict that is too long to be copied. */
static bool take_pair(void *context, struct look_key *key)
{
    struct pairs *pairs = context;
    comem_status status = comem_dict_get(pairs->dict, key->canonical, &pairs->values[pairs->count]);
    comem_value_clear(&key->canonical);
    if (status == COMEM_OK)
        pairs->keys[pairs->count++] = key->shown;
    else
        comem_value_clear(&key->shown);
    return pairs->count < pairs->room;
}

/* The pairs of a dict of `length` keys, all of them if there is room. */
static comem_status read_pairs(struct pairs *pairs, size_t length)
{
    size_t read = 0;
    comem_status status = COMEM_OK;
    if (length <= pairs->room)
        status = comem_dict_read(pairs->dict, pairs->keys, pairs->values, pairs->room, &read);
    if (status != COMEM_OK)
        return status;
    if (length <= pairs->room && read <= pairs->room)
        pairs->count = read;
    else if (pairs->room > 0)
        look_keys(pairs->dict->object.map, pairs->dict->object.offset, UINT64_MAX, take_pair, pairs);
    return COMEM_OK;
}

static comem_status print_pairs(struct printer *printer, const struct pairs *pairs, uint64_t length)
{
    enum form form = dict_form(printer, pairs->keys, 1, pairs->count);
    comem_status status = COMEM_OK;
    uint64_t shown = 0;
    begin(printer, form);
    printer->left.depth--;
    for (; status == COMEM_OK && shown < pairs->count; shown++)
        status = print_pair(printer, form, shown, &pairs->keys[shown], &pairs->values[shown]);
    printer->left.depth++;
    end(printer, form, shown, length - (shown < length ? shown : length));
    return status;
}

static comem_status print_dict(struct printer *printer, comem_dict *dict)
{
    struct pairs pairs = {.dict = dict};
    size_t length;
    comem_status status = comem_dict_len(dict, &length);
    if (status != COMEM_OK)
        return status;
    pairs.room = allowed(printer, length);
    pairs.keys = calloc(pairs.room + 1, sizeof *pairs.keys);
    pairs.values = calloc(pairs.room + 1, sizeof *pairs.values);
    status = pairs.keys == NULL || pairs.values == NULL
                 ? store_error(COMEM_NO_MEMORY, "malloc for %llu pairs failed", (unsigned long long)pairs.room)
                 : read_pairs(&pairs, length);
    if (status == COMEM_OK)
        status = print_pairs(printer, &pairs, length);
    for (uint64_t i = 0; i < pairs.count; i++) {
        comem_value_clear(&pairs.keys[i]);
        comem_value_clear(&pairs.values[i]);
    }
    free(pairs.keys);
    free(pairs.values);
    return status;
}

static comem_status print_variable(struct printer *printer, comem_variable *variable)
{
    char typecode;
    comem_value value = comem_none();
    comem_status status = comem_variable_typecode(variable, &typecode);
    if (status == COMEM_OK)
        status = comem_variable_get(variable, &value);
    if (status != COMEM_OK)
        return status;
    if (printer->json != NULL) {
        json_begin(printer->json, '{');
        json_key(printer->json, "$value");
    } else if (typecode == 0) {
        fputs("Value(None, ", printer->stream);
    } else {
        fprintf(printer->stream, "Value('%c', ", typecode);
    }
    status = print_any(printer, &value);
    if (printer->json != NULL)
        json_end(printer->json, '}');
    else
        fputc(')', printer->stream);
    comem_value_clear(&value);
    return status;
}

/* What stands for an object that is inside itself, or too deep. */
static void print_stand_in(struct printer *printer, const char *text, const char *kind)
{
    if (printer->json != NULL)
        json_special(printer->json, "$again", kind);
    else
        fputs(text, printer->stream);
}

static comem_status print_object(struct printer *printer, const comem_value *reference)
{
    comem_list *list = comem_value_list(reference);
    comem_dict *dict = comem_value_dict(reference);
    comem_variable *variable = comem_value_variable(reference);
    bool again = printer->depth == DEPTH_MAX;
    for (unsigned i = 0; i < printer->depth; i++)
        again |= printer->path[i] == object_offset(reference->as.object);
    if (again) {
        print_stand_in(printer, list != NULL ? "[...]" : dict != NULL ? "{...}" : "Value(...)", value_kind(reference));
        return COMEM_OK;
    }
    printer->path[printer->depth++] = object_offset(reference->as.object);
    comem_status status = list != NULL   ? print_list(printer, list)
                          : dict != NULL ? print_dict(printer, dict)
                          : variable != NULL
                              ? print_variable(printer, variable)
                              : store_error(COMEM_TYPE, "an object of a kind that this version does not know");
    printer->depth--;
    return status;
}

static comem_status print_any(struct printer *printer, const comem_value *value)
{
    printer->left.total -= printer->left.total > 0;
    switch (value->kind) {
    case COMEM_STR:
    case COMEM_BYTES:
        return print_text(printer, value);
    case COMEM_REF:
        return print_object(printer, value);
    case COMEM_PACKED:
        return print_packed(printer, value);
    default:
        return print_tree(printer, value);
    }
}

comem_status value_print(FILE *stream, const comem_value *value, const struct bounds *bounds)
{
    struct printer printer = {.left = *bounds, .stream = stream};
    return print_any(&printer, value);
}

comem_status value_json(struct json *json, const comem_value *value, const struct bounds *bounds)
{
    struct printer printer = {.left = *bounds, .stream = json->stream, .json = json};
    return print_any(&printer, value);
}
