/* key.h - dict keys: one canonical form for all keys that are equal
 *
 * None, int, str and bytes are their own canonical form. A bool, and a float without a fraction (-0.0, too), is the int it
 * equals; any other float is itself, by its bits. An int beyond 64 bits is packed. A packed value's canonical form is packed: of
 * canonical forms, a frozenset's items in order of their bytes (docs/format.md). Anything else is no key, unless its maker
 * gives a canonical form with it.
 *
 * The hash is XXH3 of 64 bits with the store's seed: over the 16 bytes of the canonical cell where that is complete, else over
 * the bytes of the text, with the kind added to the seed. Private memory; made before any lock is taken.
 */
#ifndef COMEM_VALUE_KEY_H
#define COMEM_VALUE_KEY_H

#include "value/cell.h"

struct key {
    struct cell_image image; /* the canonical form; of far text the body is 0 */
    uint64_t hash;
    const void *bytes; /* far text; borrowed from the value or from `room` */
    size_t size;
    const comem_value *given; /* what keys() gives, when that is not the canonical form; borrowed */
    char *room;               /* to be freed; NULL most often */
};

/* Makes the key of `value`, which is borrowed. COMEM_TYPE: it cannot be one. COMEM_INVALID: text that is not UTF-8.
 * COMEM_NO_MEMORY. */
comem_status key_make(struct store_map *map, const comem_value *value, struct key *key);
/* The key whose canonical form is that of `canonical` and that keys() gives as `given`, which refers to no object. As key_make(). */
comem_status key_make_given(struct store_map *map, const comem_value *canonical, const comem_value *given,
                            struct key *key);
void key_clear(struct key *key);

/* The key of a str of ASCII, known to be such, of at most CELL_NEAR_MAX bytes. Nothing to clear. */
void key_make_short(struct store_map *map, const char *text, size_t size, struct key *key);
void key_make_int(struct store_map *map, int64_t integer, struct key *key);

/* Whether two values are equal as keys are: 1 and 1.0, packed tuples of such. Those that are no keys, when they are the same. */
comem_status key_values_equal(struct store_map *map, const comem_value *one, const comem_value *other, bool *equal);

#endif
