/* write.c - text for terminals, and JSON */
#include "cli.h"

#include <string.h>

/* ---- characters ---- */

/* The character at `text`, with its size; size 1 and no character: a byte that is no UTF-8. Lone surrogates are characters. */
static bool character_at(const char *text, size_t left, uint32_t *character, unsigned *size)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    const uint8_t *bytes = (const uint8_t *)text;
    unsigned more = bytes[0] < 0x80 ? 0 : bytes[0] < 0xE0 ? 1 : bytes[0] < 0xF0 ? 2 : 3;
    uint32_t found = more == 0 ? bytes[0] : bytes[0] & (0x3Fu >> more);
    *size = 1;
    if (bytes[0] >= 0xF8 || (bytes[0] & 0xC0) == 0x80 || more >= left)
        return false;
    for (unsigned i = 1; i <= more; i++) {
        if ((bytes[i] & 0xC0) != 0x80)
            return false;
        found = found << 6 | (bytes[i] & 0x3F);
    }
    if (found < least[more] || found > 0x10FFFF)
        return false;
    *character = found;
    *size = more + 1;
    return true;
}

/* Control characters, those that turn the direction of writing or take no room, and surrogates. */
static bool is_printable(uint32_t character)
{
    bool control = character < 0x20 || (character >= 0x7F && character < 0xA0);
    bool format = character == 0xAD || (character >= 0x200B && character <= 0x200F) ||
                  (character >= 0x2028 && character <= 0x202E) || (character >= 0x2060 && character <= 0x206F) ||
                  character == 0x61C || character == 0xFEFF || (character >= 0xFFF0 && character <= 0xFFFB) ||
                  (character >= 0xE0000 && character <= 0xE0FFF);
    return !control && !format && (character < 0xD800 || character > 0xDFFF);
}

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
        bool is_text = character_at(text + i, size - i, &character, &step);
        if (character == '\\')
            fputs("\\\\", stream);
        else if (is_text && is_printable(character))
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
        if (!character_at(name + i, size - i, &character, &step) || !is_printable(character) ||
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
        if (!character_at(text + i, size - i, &character, &step))
            json_escape(json->stream, 0xDC00u + (uint8_t)text[i]);
        else if (character == '"' || character == '\\' || !is_printable(character))
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
