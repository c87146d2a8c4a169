/* text.h - whether bytes are text */
#ifndef COMEM_VALUE_TEXT_H
#define COMEM_VALUE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether `size` bytes at `data` are UTF-8; lone surrogates pass. *flags becomes COMEM_ASCII, COMEM_SURROGATES or neither.
 * O(size), 8 bytes of ASCII a nanosecond. */
bool text_check(const char *data, size_t size, uint8_t *flags);

#endif
