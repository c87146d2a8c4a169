/* text.c - whether bytes are text, and which characters it has
 *
 * Private memory only. UTF-8 as the standard has it, shortest forms alone, up to U+10FFFF; besides, the three bytes that a
 * lone surrogate would have, because Python's strings may hold some.
 */
#include "value/text.h"

#include "comem.h"

#include <string.h>

/* The length of a UTF-8 sequence at `text`, 0 if it is none. Lone surrogates pass and set the flag. */
static size_t utf8_sequence(const uint8_t *text, size_t left, uint8_t *flags)
{
    uint8_t first = text[0];
    size_t length = first < 0x80 ? 1 : first >= 0xC2 && first < 0xE0 ? 2 : first >= 0xE0 && first < 0xF0 ? 3 : 4;
    if (length == 1)
        return 1;
    if (first < 0xC2 || first > 0xF4 || left < length)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    if ((first == 0xE0 && text[1] < 0xA0) || (first == 0xF0 && text[1] < 0x90) || (first == 0xF4 && text[1] > 0x8F))
        return 0;
    if (first == 0xED && text[1] >= 0xA0)
        *flags |= COMEM_SURROGATES;
    return length;
}

bool text_check(const char *data, size_t size, uint8_t *flags)
{
    const uint8_t *text = (const uint8_t *)data;
    size_t i = 0;
    *flags = COMEM_ASCII;
    while (i < size) {
        uint64_t eight;
        if (size - i >= 8) {
            memcpy(&eight, text + i, 8); /* private: a register */
            if ((eight & UINT64_C(0x8080808080808080)) == 0) {
                i += 8;
                continue;
            }
        }
        size_t length = utf8_sequence(text + i, size - i, flags);
        if (length == 0)
            return false;
        if (length > 1)
            *flags &= (uint8_t)~COMEM_ASCII;
        i += length;
    }
    return true;
}

bool text_character(const char *text, size_t left, uint32_t *character, unsigned *size)
{
    const uint8_t *bytes = (const uint8_t *)text;
    uint8_t flags = 0;
    size_t length = utf8_sequence(bytes, left, &flags);
    *size = 1;
    if (length == 0)
        return false;
    *character = length == 1 ? bytes[0] : bytes[0] & (0xFFu >> (length + 1));
    for (; *size < length; ++*size)
        *character = *character << 6 | (bytes[*size] & 0x3F);
    return true;
}

bool text_is_printable(uint32_t character)
{
    bool control = character < 0x20 || (character >= 0x7F && character < 0xA0);
    bool format = character == 0xAD || (character >= 0x200B && character <= 0x200F) ||
                  (character >= 0x2028 && character <= 0x202E) || (character >= 0x2060 && character <= 0x206F) ||
                  character == 0x61C || character == 0xFEFF || (character >= 0xFFF0 && character <= 0xFFFB) ||
                  (character >= 0xE0000 && character <= 0xE0FFF);
    return !control && !format && (character < 0xD800 || character > 0xDFFF);
}
