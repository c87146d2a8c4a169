/* write.c - text for terminals, and JSON */
#include "cli.h"

#include <string.h>

#include "value/text.h"

/* ---- characters ---- */

static void write_escape(FILE *stream, uint32_t character)
{
    static const char letters[] = "abtnvfr"; /* from 7 on */
    if (character >= 7 && character <= 13)
        fprintf(stream, "\\%c", letters[character - 7]);
    else
        fprintf(stream, character < 0x100 ? "\\x%02x" : character < 0x10000 ? "\\u%04x" : "\\U%08x", character);
}

void write_text(FILE *stream, const char *text, size_t size)
{
    unsigned step;
    for (size_t i = 0; i < size; i += step) {
        uint32_t character = (uint8_t)text[i];
        bool is_text = text_character(text + i, size - i, &character, &step);
        if (character == '\\')
            fputs("\\\\", stream);
        else if (is_text && text_is_printable(character))
            fwrite(text + i, 1, step, stream);
        else
            write_escape(stream, character);
    }
}

static bool is_plain(const char *name)
{
    size_t size = strlen(name);
    unsigned step;
    for (size_t i = 0; i < size; i += step) {
        uint32_t character;
        if (!text_character(name + i, size - i, &character, &step) || !text_is_printable(character) ||
            strchr(" \\'\"", (int)name[i]) != NULL)
            return false;
    }
    return size > 0;
}

void write_name(FILE *stream, const char *name)
{
    const char *quote = is_plain(name) ? "" : "'";
    fputs(quote, stream);
    write_text(stream, name, strlen(name));
    fputs(quote, stream);
}

const char *write_size(uint64_t bytes, char text[WRITE_SIZE_ROOM])
{
    static const char units[] = "KMGTPE";
    double size = (double)bytes;
    int unit = -1;
    for (; size >= 999.95 && unit < 5; unit++)
        size /= 1024;
    if (unit < 0)
        snprintf(text, WRITE_SIZE_ROOM, "%llu", (unsigned long long)bytes);
    else
        snprintf(text, WRITE_SIZE_ROOM, "%.1f%c", size, units[unit]);
    return text;
}

/* ---- JSON ---- */

void json_raw(struct json *json)
{
    if (json->comma)
        fputc(',', json->stream);
    json->comma = true;
}

void json_begin(struct json *json, char bracket)
{
    json_raw(json);
    fputc(bracket, json->stream);
    json->comma = false;
}

void json_end(struct json *json, char bracket)
{
    fputc(bracket, json->stream);
    json->comma = true;
}

/* A character that JSON, or a terminal, does not take as it is. */
static void json_escape(FILE *stream, uint32_t character)
{
    if (character == '"' || character == '\\')
        fprintf(stream, "\\%c", (char)character);
    else if (character < 0x10000)
        fprintf(stream, "\\u%04x", character);
    else
        fprintf(stream, "\\u%04x\\u%04x", 0xD7C0 + (character >> 10), 0xDC00 + (character & 0x3FF));
}

void json_text(struct json *json, const char *text, size_t size)
{
    unsigned step;
    json_raw(json);
    fputc('"', json->stream);
    for (size_t i = 0; i < size; i += step) {
        uint32_t character;
        if (!text_character(text + i, size - i, &character, &step))
            json_escape(json->stream, 0xDC00u + (uint8_t)text[i]);
        else if (character == '"' || character == '\\' || !text_is_printable(character))
            json_escape(json->stream, character);
        else
            fwrite(text + i, 1, step, json->stream);
    }
    fputc('"', json->stream);
}

void json_string(struct json *json, const char *text)
{
    json_text(json, text, strlen(text));
}

void json_key(struct json *json, const char *key)
{
    json_string(json, key);
    fputc(':', json->stream);
    json->comma = false;
}

void json_number(struct json *json, uint64_t number)
{
    json_raw(json);
    fprintf(json->stream, "%llu", (unsigned long long)number);
}

void json_bool(struct json *json, bool boolean)
{
    json_raw(json);
    fputs(boolean ? "true" : "false", json->stream);
}

void json_null(struct json *json)
{
    json_raw(json);
    fputs("null", json->stream);
}
