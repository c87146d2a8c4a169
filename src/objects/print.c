/* print.c - values and objects as Python prints them
 *
 * Items of a list are read one by one, so that one of any length is printed in the memory of one item; a list that changes
 * meanwhile is printed as it was item by item. A dict is printed as it stood at one moment. Text is printed as it is where a
 * terminal may be given it (text_is_printable), else escaped as Python's repr() does. What is inside itself, or too deep, is
 * [...], {...} or Value(...).
 */
#include "objects/print.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "objects/dict_layout.h"
#include "objects/list.h"
#include "value/text.h"

#define DEPTH_MAX 100u

struct print {
    FILE *stream;
    uint64_t path[DEPTH_MAX]; /* offsets of the objects that are being printed */
    unsigned depth;
};

static comem_status print_any(struct print *print, const comem_value *value);

/* ---- numbers ---- */

/* The shortest text that reads back as the same number; without a point if it has no fraction. */
static void print_real(FILE *stream, double real, const char *fraction)
{
    char text[40];
    int digits = 1;
    if (isnan(real) || isinf(real)) {
        fputs(isnan(real) ? "nan" : real < 0 ? "-inf" : "inf", stream);
        return;
    }
    do {
        snprintf(text, sizeof text, "%.*g", digits, real);
    } while (strtod(text, NULL) != real && ++digits <= 17);
    double size = fabs(real);
    if (size >= 1e16 || (size < 1e-4 && size != 0))
        snprintf(text, sizeof text, "%.*e", digits - 1, real);
    else if (strchr(text, 'e') != NULL)
        snprintf(text, sizeof text, "%.0f", real);
    char *point = strchr(text, ',');
    if (point != NULL) /* the locale's */
        *point = '.';
    fputs(text, stream);
    if (strpbrk(text, ".e") == NULL)
        fputs(fraction, stream);
}

static void print_complex(FILE *stream, double real, double imaginary)
{
    bool alone = real == 0 && !signbit(real);
    if (!alone) {
        fputc('(', stream);
        print_real(stream, real, "");
        if (!signbit(imaginary) || isnan(imaginary))
            fputc('+', stream);
    }
    print_real(stream, imaginary, "");
    fputs(alone ? "j" : "j)", stream);
}

/* Makes limbs of 32 bits, the lowest first, of the amount of a big int. Returns how many. */
static size_t big_int_limbs(const comem_value *value, bool negative, uint32_t *limbs)
{
    const uint8_t *bytes = (const uint8_t *)value->as.data;
    size_t count = value->size / 4 + 1;
    uint64_t carry = negative;
    for (size_t i = 0; i < count; i++) {
        uint32_t limb = 0;
        for (size_t k = 0; k < 4; k++) {
            uint8_t byte = 4 * i + k < value->size ? bytes[4 * i + k] : negative ? 0xFF : 0;
            limb |= (uint32_t)byte << 8 * k;
        }
        carry += negative ? ~limb : limb;
        limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    return count;
}

/* By division: 9 digits at a time, the last ones first. */
static comem_status print_big_int(FILE *stream, const comem_value *value)
{
    bool negative = value->size > 0 && (uint8_t)value->as.data[value->size - 1] >= 0x80;
    size_t room = (value->size / 4 + 1) * 2, count = 0;
    uint32_t *limbs = malloc((room + room / 2) * sizeof *limbs);
    if (limbs == NULL)
        return store_error(COMEM_NO_MEMORY, "malloc for the digits of an int failed");
    uint32_t *digits = limbs + room / 2;
    for (size_t left = big_int_limbs(value, negative, limbs); left > 0;) {
        uint64_t rest = 0;
        for (size_t i = left; i-- > 0;) {
            rest = rest << 32 | limbs[i];
            limbs[i] = (uint32_t)(rest / 1000000000u);
            rest %= 1000000000u;
        }
        digits[count++] = (uint32_t)rest;
        while (left > 0 && limbs[left - 1] == 0)
            left--;
    }
    fprintf(stream, negative ? "-%" PRIu32 : "%" PRIu32, digits[count - 1]);
    for (size_t i = count - 1; i-- > 0;)
        fprintf(stream, "%09" PRIu32, digits[i]);
    free(limbs);
    return COMEM_OK;
}

/* ---- text ---- */

static char quote_for(const comem_value *value)
{
    bool single = value->size > 0 && memchr(value->as.data, '\'', value->size) != NULL;
    return single && memchr(value->as.data, '"', value->size) == NULL ? '"' : '\'';
}

/* A character that is not printed as it is. */
static void print_escape(FILE *stream, uint32_t character)
{
    if (character == '\n' || character == '\r' || character == '\t')
        fprintf(stream, "\\%c", character == '\n' ? 'n' : character == '\r' ? 'r' : 't');
    else
        fprintf(stream, character < 0x100 ? "\\x%02x" : character < 0x10000 ? "\\u%04x" : "\\U%08x", character);
}

static void print_text(FILE *stream, const comem_value *value)
{
    const char *text = value->as.data;
    char quote = quote_for(value);
    unsigned step;
    if (value->kind != COMEM_STR)
        fputc('b', stream);
    fputc(quote, stream);
    for (size_t i = 0; i < value->size; i += step) {
        uint32_t character = (uint8_t)text[i];
        bool whole = text_character(text + i, value->kind == COMEM_STR ? value->size - i : 1, &character, &step);
        if (character == (uint8_t)quote || character == '\\')
            fprintf(stream, "\\%c", text[i]);
        else if (whole && text_is_printable(character))
            fwrite(text + i, 1, step, stream);
        else
            print_escape(stream, character);
    }
    fputc(quote, stream);
}

/* ---- trees ---- */

/* Items with `open` before and `close` behind them; pairs in a dict. */
static comem_status print_items(struct print *print, const comem_value *value, const char *open, const char *close)
{
    comem_status status = COMEM_OK;
    fputs(open, print->stream);
    for (size_t i = 0; status == COMEM_OK && i < value->size; i++) {
        size_t first = value->kind == COMEM_DICT ? 2 * i : i;
        if (i > 0)
            fputs(", ", print->stream);
        status = print_any(print, &value->as.items[first]);
        if (status == COMEM_OK && value->kind == COMEM_DICT) {
            fputs(": ", print->stream);
            status = print_any(print, &value->as.items[first + 1]);
        }
    }
    fputs(close, print->stream);
    return status;
}

static comem_status print_tree(struct print *print, const comem_value *value)
{
    switch (value->kind) {
    case COMEM_LIST:
        return print_items(print, value, "[", "]");
    case COMEM_TUPLE:
        return print_items(print, value, "(", value->size == 1 ? ",)" : ")");
    case COMEM_SET:
        return value->size > 0 ? print_items(print, value, "{", "}") : print_items(print, value, "set(", ")");
    case COMEM_FROZENSET:
        return value->size > 0 ? print_items(print, value, "frozenset({", "})")
                               : print_items(print, value, "frozenset(", ")");
    case COMEM_DICT:
        return print_items(print, value, "{", "}");
    case COMEM_BIG_INT:
        return print_big_int(print->stream, value);
    case COMEM_COMPLEX:
        print_complex(print->stream, value->as.items[0].as.real, value->as.items[1].as.real);
        return COMEM_OK;
    case COMEM_BYTEARRAY:
        fputs("bytearray(", print->stream);
        print_text(print->stream, value);
        fputc(')', print->stream);
        return COMEM_OK;
    default:
        return store_error(COMEM_TYPE, "a value of kind %u, which there is not", value->kind);
    }
}

static comem_status print_packed(struct print *print, const comem_value *value)
{
    comem_value tree;
    comem_status status = comem_value_unpack(value, &tree);
    if (status == COMEM_OK)
        status = print_tree(print, &tree);
    comem_value_clear(&tree);
    return status;
}

/* ---- objects ---- */

static comem_status print_dict(struct print *print, comem_dict *dict)
{
    struct dict_copy copy;
    comem_status status = dict_copy_take(dict, &copy);
    const comem_value *keys = copy.pairs.column[DICT_SHOWN], *values = copy.pairs.column[DICT_VALUES];
    fputc('{', print->stream);
    for (size_t i = 0; status == COMEM_OK && i < copy.count; i++) {
        if (i > 0)
            fputs(", ", print->stream);
        status = print_any(print, &keys[i]);
        fputs(": ", print->stream);
        if (status == COMEM_OK)
            status = print_any(print, &values[i]);
    }
    fputc('}', print->stream);
    dict_copy_clear(&copy);
    return status;
}

/* Whether the object is being printed already, or is too deep. */
static bool print_is_inside(const struct print *print, const comem_object *object)
{
    for (unsigned i = 0; i < print->depth; i++)
        if (print->path[i] == object_offset(object))
            return true;
    return print->depth == DEPTH_MAX;
}

static comem_status print_list(struct print *print, comem_list *list)
{
    comem_status status = COMEM_OK;
    fputc('[', print->stream);
    for (int64_t i = 0; status == COMEM_OK; i++) {
        comem_value value;
        status = comem_list_get(list, i, &value);
        if (status != COMEM_OK)
            break;
        if (i > 0)
            fputs(", ", print->stream);
        status = print_any(print, &value);
        comem_value_clear(&value);
    }
    fputc(']', print->stream);
    return status == COMEM_OUT_OF_RANGE ? COMEM_OK : status;
}

static comem_status print_variable(struct print *print, comem_variable *variable)
{
    char typecode;
    comem_value value = comem_none();
    comem_status status = comem_variable_typecode(variable, &typecode);
    if (status == COMEM_OK)
        status = comem_variable_get(variable, &value);
    if (status != COMEM_OK)
        return status;
    if (typecode == 0)
        fputs("Value(None, ", print->stream);
    else
        fprintf(print->stream, "Value('%c', ", typecode);
    status = print_any(print, &value);
    fputc(')', print->stream);
    comem_value_clear(&value);
    return status;
}

static comem_status print_object(struct print *print, const comem_value *reference)
{
    comem_list *list = comem_value_list(reference);
    comem_dict *dict = comem_value_dict(reference);
    if (print_is_inside(print, reference->as.object)) {
        fputs(list != NULL ? "[...]" : dict != NULL ? "{...}" : "Value(...)", print->stream);
        return COMEM_OK;
    }
    print->path[print->depth++] = object_offset(reference->as.object);
    comem_status status = list != NULL   ? print_list(print, list)
                          : dict != NULL ? print_dict(print, dict)
                                         : print_variable(print, comem_value_variable(reference));
    print->depth--;
    return status;
}

static comem_status print_any(struct print *print, const comem_value *value)
{
    switch (value->kind) {
    case COMEM_NONE:
        fputs("None", print->stream);
        return COMEM_OK;
    case COMEM_BOOL:
        fputs(value->as.boolean ? "True" : "False", print->stream);
        return COMEM_OK;
    case COMEM_INT:
        fprintf(print->stream, "%" PRId64, value->as.integer);
        return COMEM_OK;
    case COMEM_FLOAT:
        print_real(print->stream, value->as.real, ".0");
        return COMEM_OK;
    case COMEM_STR:
    case COMEM_BYTES:
        print_text(print->stream, value);
        return COMEM_OK;
    case COMEM_REF:
        return print_object(print, value);
    case COMEM_PACKED:
        return print_packed(print, value);
    case COMEM_PICKLE:
        fprintf(print->stream, "<pickle of %zu bytes>", value->size);
        return COMEM_OK;
    default:
        return print_tree(print, value);
    }
}

comem_status print_value(FILE *stream, const comem_value *value)
{
    struct print print = {.stream = stream};
    clearerr(stream);
    comem_status status = print_any(&print, value);
    if (status == COMEM_OK && ferror(stream))
        return store_error(COMEM_SYSTEM, "writing to the stream failed");
    return status;
}

comem_status comem_list_print(comem_list *list, FILE *stream)
{
    size_t length;
    if (list == NULL || stream == NULL)
        return store_error(COMEM_INVALID, "the list or the stream is NULL");
    comem_status status = comem_list_len(list, &length); /* nothing is printed of a list that is gone */
    if (status != COMEM_OK)
        return status;
    comem_value reference = comem_ref(list);
    return print_value(stream, &reference);
}

comem_status comem_dict_print(comem_dict *dict, FILE *stream)
{
    size_t length;
    if (dict == NULL || stream == NULL)
        return store_error(COMEM_INVALID, "the dict or the stream is NULL");
    comem_status status = comem_dict_len(dict, &length); /* nothing is printed of a dict that is gone */
    if (status != COMEM_OK)
        return status;
    comem_value reference = comem_ref_dict(dict);
    return print_value(stream, &reference);
}
