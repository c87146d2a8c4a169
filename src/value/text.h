/* text.h - whether bytes are text, and which characters it has */
#ifndef COMEM_VALUE_TEXT_H
#define COMEM_VALUE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether `size` bytes at `data` are UTF-8; lone surrogates pass. *flags becomes COMEM_ASCII, COMEM_SURROGATES or neither.
 * O(size), 8 bytes of ASCII a nanosecond. */
bool text_check(const char *data, size_t size, uint8_t *flags);

/* The character at `text`, of which `left` > 0 bytes are there, with its size; false, and size 1: a byte that is no UTF-8. Lone
 * surrogates are characters. */
bool text_character(const char *text, size_t left, uint32_t *character, unsigned *size);

/* Whether a terminal may be given it: no control character, none that turns the direction of writing, ends a line or takes no
 * room, and no surrogate. */
bool text_is_printable(uint32_t character);

#endif
