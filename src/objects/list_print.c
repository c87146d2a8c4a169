/* list_print.c - a list as Python prints one
 *
 * Items are read one by one, so that a list of any length is printed in the memory of one item; a list that changes
 * meanwhile is printed as it was item by item. Text is printed as it is where it is printable without tables (ASCII and
 * whole UTF-8 sequences), else escaped as Python's repr() does.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "objects/list.h"

#define DEPTH_MAX 100u

struct print {
    FILE *stream;
    uint64_t path[DEPTH_MAX]; /* offsets of the lists that are being printed */
    unsigned depth;
};

static comem_status print_list(struct print *print, comem_list *list);

static void print_float(FILE *stream, double real)
{
    char text[40];
    int digits = 1;
    if (isnan(real) || isinf(real)) {
        fputs(isnan(real) ? "nan" : real < 0 ? "-inf" : "inf", stream);
        return;
    }
    do { /* the shortest text that reads back as the same number */
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
        fputs(".0", stream);
}

static char quote_for(const comem_value *value)
{
    bool single = memchr(value->as.data, '\'', value->size) != NULL;
    return single && memchr(value->as.data, '"', value->size) == NULL ? '"' : '\'';
}

/* The lone surrogate at `text`, 0 if there is none. */
static unsigned surrogate_at(const uint8_t *text, size_t left)
{
    if (left < 3 || text[0] != 0xED || text[1] < 0xA0)
        return 0;
    return 0xD000u | (text[1] & 0x3Fu) << 6 | (text[2] & 0x3Fu);
}

static void print_text(FILE *stream, const comem_value *value)
{
    const uint8_t *text = (const uint8_t *)value->as.data;
    char quote = quote_for(value);
    if (value->kind == COMEM_BYTES)
        fputc('b', stream);
    fputc(quote, stream);
    for (size_t i = 0; i < value->size; i++) {
        uint8_t byte = text[i];
        unsigned surrogate = value->kind == COMEM_STR ? surrogate_at(text + i, value->size - i) : 0;
        if (surrogate != 0) {
            fprintf(stream, "\\u%04x", surrogate);
            i += 2;
        } else if (byte == (uint8_t)quote || byte == '\\') {
            fprintf(stream, "\\%c", byte);
        } else if (byte == '\n' || byte == '\r' || byte == '\t') {
            fprintf(stream, "\\%c", byte == '\n' ? 'n' : byte == '\r' ? 'r' : 't');
        } else if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && value->kind == COMEM_BYTES)) {
            fprintf(stream, "\\x%02x", byte);
        } else {
            fputc(byte, stream);
        }
    }
    fputc(quote, stream);
}

static comem_status print_value(struct print *print, const comem_value *value)
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
        print_float(print->stream, value->as.real);
        return COMEM_OK;
    case COMEM_STR:
    case COMEM_BYTES:
        print_text(print->stream, value);
        return COMEM_OK;
    case COMEM_REF:
        return print_list(print, comem_value_list(value));
    }
    return COMEM_OK;
}

static bool print_is_inside(const struct print *print, const comem_list *list)
{
    for (unsigned i = 0; i < print->depth; i++)
        if (print->path[i] == object_offset(&list->object))
            return true;
    return print->depth == DEPTH_MAX;
}

static comem_status print_list(struct print *print, comem_list *list)
{
    comem_status status = COMEM_OK;
    if (print_is_inside(print, list)) {
        fputs("[...]", print->stream);
        return COMEM_OK;
    }
    print->path[print->depth++] = object_offset(&list->object);
    fputc('[', print->stream);
    for (int64_t i = 0; status == COMEM_OK; i++) {
        comem_value value;
        status = comem_list_get(list, i, &value);
        if (status != COMEM_OK)
            break;
        if (i > 0)
            fputs(", ", print->stream);
        status = print_value(print, &value);
        comem_value_clear(&value);
    }
    fputc(']', print->stream);
    print->depth--;
    return status == COMEM_OUT_OF_RANGE ? COMEM_OK : status;
}

comem_status comem_list_print(comem_list *list, FILE *stream)
{
    size_t length;
    if (list == NULL || stream == NULL)
        return store_error(COMEM_INVALID, "the list or the stream is NULL");
    comem_status status = comem_list_len(list, &length); /* nothing is printed of a list that is gone */
    if (status != COMEM_OK)
        return status;
    struct print print = {.stream = stream};
    clearerr(stream);
    status = print_list(&print, list);
    if (status == COMEM_OK && ferror(stream))
        return store_error(COMEM_SYSTEM, "writing to the stream failed");
    return status;
}
