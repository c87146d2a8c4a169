/* key.c - dict keys: one canonical form for all keys that are equal
 *
 * Private memory, no lock. A packed value is walked and written anew, so it does not matter who packed it: numbers become the
 * int or float they are as keys, the items of a frozenset are sorted by their bytes and those met twice are left out.
 *
 * Cost         a short text or an int 3 ns; a long text 1 ns per 10 bytes; a packed value 40 ns an item.
 */
#include "value/key.h"

#include "value/order.h"
#include "value/packed.h"
#include "value/text.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <math.h>
#include <stdlib.h>

#define BIG_FLOAT 136u /* bytes of the largest int that is a float */
#define INT_LIMIT 9223372036854775808.0

/* ---- hashing ---- */

static inline uint64_t hash_bytes(const struct store_map *map, const void *bytes, size_t size, uint64_t kind)
{
    return XXH3_64bits_withSeed(bytes, size, map->hash_seed + kind);
}

/* The key of a cell that is complete. */
static inline void key_near(const struct store_map *map, struct cell_image image, struct key *key)
{
    key->image = image;
    key->hash = hash_bytes(map, &image, sizeof image, 0);
    key->bytes = NULL;
    key->size = 0;
    key->given = NULL;
    key->room = NULL;
}

static void key_far(const struct store_map *map, uint64_t head, const void *bytes, size_t size, struct key *key)
{
    key->image = (struct cell_image){head, 0};
    key->hash = hash_bytes(map, bytes, size, cell_kind(head));
    key->bytes = bytes;
    key->size = size;
    key->given = NULL;
    key->room = NULL;
}

void key_make_short(struct store_map *map, const char *text, size_t size, struct key *key)
{
    key_near(map, cell_near_image(COMEM_STR, COMEM_ASCII, text, size), key);
}

void key_make_int(struct store_map *map, int64_t integer, struct key *key)
{
    struct cell_image image = {COMEM_INT, (uint64_t)integer};
    key_near(map, image, key);
}

/* ---- numbers ---- */

/* A float from 2^63 on, or below -2^63, as two's complement. Returns the size. */
static size_t big_int_of_float(double real, uint8_t bytes[BIG_FLOAT])
{
    uint64_t bits;
    memcpy(&bits, &real, sizeof bits); /* private: a register */
    uint64_t mantissa = (bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1) << 52;
    unsigned shift = (unsigned)(bits >> 52 & 0x7FF) - 1075, carry = real < 0;
    memset(bytes, 0, BIG_FLOAT); /* private: the caller's */
    for (unsigned i = 0; i < 8; i++) {
        unsigned two = (unsigned)(mantissa >> 8 * i & 0xFF) << shift % 8;
        bytes[shift / 8 + i] |= (uint8_t)two;
        bytes[shift / 8 + i + 1] |= (uint8_t)(two >> 8);
    }
    for (unsigned i = 0; i < BIG_FLOAT && real < 0; i++) {
        carry += (uint8_t)~bytes[i];
        bytes[i] = (uint8_t)carry;
        carry >>= 8;
    }
    return BIG_FLOAT;
}

/* Makes a bool or a float what it is as a key. `bytes` is for big ints. */
static void canonical_number(const comem_value *value, comem_value *canonical, uint8_t bytes[BIG_FLOAT])
{
    *canonical = *value;
    if (value->kind == COMEM_BOOL)
        *canonical = comem_int(value->as.boolean);
    if (value->kind != COMEM_FLOAT || !isfinite(value->as.real))
        return;
    if (value->as.real >= -INT_LIMIT && value->as.real < INT_LIMIT) {
        int64_t whole = (int64_t)value->as.real;
        if ((double)whole == value->as.real)
            *canonical = comem_int(whole);
    } else { /* so large that it has no fraction */
        *canonical = comem_bytes(bytes, big_int_of_float(value->as.real, bytes));
        canonical->kind = COMEM_BIG_INT;
    }
}

/* ---- packed values ---- */

/* A container under way: where the first of its items begins, and the first of their ends. */
struct canonical_level {
    size_t first;
    size_t ends;
};

struct canonical {
    struct store_map *map;
    struct key *key;
    bool scalar; /* it is no packed value: the key was made */
    struct packer packer;
    size_t *ends; /* of the items of frozensets under way; malloc()ed */
    size_t end_count, end_room;
    struct canonical_level levels[PACKED_DEPTH_MAX + 1];
};

/* Bytes of one item. */
struct slice {
    const char *bytes;
    size_t size;
};

static int compare_slices(const void *one, const void *other)
{
    const struct slice *first = one, *second = other;
    return (int)order_bytes(first->bytes, first->size, second->bytes, second->size);
}

/* After an item, whose container may be a frozenset. */
static comem_status canonical_after(struct canonical *canonical)
{
    const struct packer *packer = &canonical->packer;
    if (packer->status != COMEM_OK || packer->depth == 0 || packer->levels[packer->depth - 1].kind != COMEM_FROZENSET)
        return packer->status;
    if (canonical->end_count == canonical->end_room) {
        size_t room = canonical->end_room == 0 ? 16 : canonical->end_room * 2;
        size_t *ends = realloc(canonical->ends, room * sizeof *ends);
        if (ends == NULL)
            return store_error(COMEM_NO_MEMORY, "malloc for a frozenset of %zu items failed", room);
        canonical->ends = ends;
        canonical->end_room = room;
    }
    canonical->ends[canonical->end_count++] = packer->size;
    return COMEM_OK;
}

static comem_status canonical_scalar(struct canonical *canonical, const comem_value *value)
{
    uint8_t bytes[BIG_FLOAT];
    comem_value scalar, parts[2];
    canonical_number(value, &scalar, bytes);
    if (scalar.kind == COMEM_COMPLEX) {
        for (unsigned i = 0; i < 2; i++)
            parts[i] = comem_float(value->as.items[i].as.real + 0.0); /* -0.0 becomes 0.0 */
        scalar.as.items = parts;
    }
    packer_item(&canonical->packer, &scalar);
    return canonical_after(canonical);
}

static comem_status no_key(uint32_t kind)
{
    return store_error(COMEM_TYPE, "a value of type '%s' cannot be a key, nor be in one", order_kind_name(kind));
}

static comem_status canonical_item(void *context, const comem_value *value)
{
    struct canonical *canonical = context;
    struct packer *packer = &canonical->packer;
    switch (value->kind) {
    case COMEM_NONE:
    case COMEM_BOOL:
    case COMEM_INT:
    case COMEM_FLOAT:
    case COMEM_STR:
    case COMEM_BYTES:
        if (packer->depth > 0)
            return canonical_scalar(canonical, value);
        canonical->scalar = true;
        return key_make(canonical->map, value, canonical->key);
    case COMEM_BIG_INT:
    case COMEM_COMPLEX:
        return canonical_scalar(canonical, value);
    case COMEM_TUPLE:
    case COMEM_FROZENSET:
    case PACKED_KIND_TYPED:
        packer_item(packer, value);
        canonical->levels[packer->depth] = (struct canonical_level){packer->size, canonical->end_count};
        return packer->status;
    default:
        return no_key(value->kind);
    }
}

/* Writes the items of the frozenset that is about to end in order, each once. */
static comem_status canonical_sort(struct canonical *canonical, const struct canonical_level *level)
{
    struct packer *packer = &canonical->packer;
    size_t count = canonical->end_count - level->ends, size = packer->size - level->first, unique = 0;
    comem_value set = comem_items(COMEM_FROZENSET, NULL, 0);
    struct slice *slices = malloc(count * sizeof *slices + size);
    if (slices == NULL)
        return store_error(COMEM_NO_MEMORY, "malloc for a frozenset of %zu items failed", count);
    char *copy = (char *)(slices + count);
    memcpy(copy, packer->bytes + level->first, size); /* private: a copy */
    for (size_t i = 0, start = level->first; i < count; start = canonical->ends[level->ends + i++])
        slices[i] = (struct slice){copy + start - level->first, canonical->ends[level->ends + i] - start};
    qsort(slices, count, sizeof *slices, compare_slices);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || compare_slices(&slices[unique - 1], &slices[i]) != 0)
            slices[unique++] = slices[i];
    packer_rewind(packer);
    set.size = unique;
    packer_item(packer, &set);
    for (size_t i = 0; i < unique; i++)
        packer_bytes(packer, slices[i].bytes, slices[i].size);
    free(slices);
    canonical->end_count = level->ends;
    return packer->status;
}

static comem_status canonical_end(void *context)
{
    struct canonical *canonical = context;
    struct packer *packer = &canonical->packer;
    const struct canonical_level *level = &canonical->levels[packer->depth];
    comem_status status = COMEM_OK;
    if (canonical->end_count > level->ends)
        status = canonical_sort(canonical, level);
    if (status == COMEM_OK)
        status = packer_end(packer);
    return status == COMEM_OK ? canonical_after(canonical) : status;
}

/* The key of a packed value that is canonical, in private memory of its own. */
static comem_status key_of_packed(struct store_map *map, const comem_value *packed, struct key *key)
{
    struct cell_image image;
    comem_status status = cell_pack(packed, &image);
    if (status == COMEM_OK && !cell_is_far(image.head))
        key_near(map, image, key);
    if (status != COMEM_OK || !cell_is_far(image.head))
        return status;
    char *room = malloc(packed->size);
    if (room == NULL)
        return store_error(COMEM_NO_MEMORY, "malloc of %zu bytes for a key failed", packed->size);
    memcpy(room, packed->as.data, packed->size); /* private: a copy */
    key_far(map, image.head, room, packed->size, key);
    key->room = room;
    return COMEM_OK;
}

static comem_status key_of_canonical(struct canonical *canonical, const comem_value *value)
{
    comem_value packed;
    comem_status status = packer_close(&canonical->packer, &packed);
    if (status == COMEM_OK)
        status = key_of_packed(canonical->map, &packed, canonical->key);
    if (status == COMEM_OK && (value->kind != COMEM_PACKED || packed.size != value->size ||
                               memcmp(packed.as.data, value->as.data, packed.size) != 0))
        canonical->key->given = value;
    return status;
}

/* For packed values, and for floats that are big ints. */
static __attribute__((noinline)) comem_status key_make_packed(struct store_map *map, const comem_value *value,
                                                              struct key *key)
{
    static const struct packed_visitor visitor = {canonical_item, canonical_end};
    struct canonical canonical;
    canonical.map = map;
    canonical.key = key;
    canonical.scalar = false;
    canonical.ends = NULL;
    canonical.end_count = canonical.end_room = 0;
    packer_open(&canonical.packer);
    comem_status status =
        value->kind == COMEM_PACKED ? packed_walk(value, &visitor, &canonical) : canonical_scalar(&canonical, value);
    if (status == COMEM_OK && !canonical.scalar)
        status = key_of_canonical(&canonical, value);
    else if (status == COMEM_OK)
        key->given = value;
    free(canonical.ends);
    packer_clear(&canonical.packer);
    return status;
}

/* ---- all of them ---- */

/* The key of a str or bytes. */
static comem_status key_of_text(struct store_map *map, const comem_value *value, struct key *key)
{
    struct cell_image image;
    comem_status status = cell_pack(value, &image);
    if (status == COMEM_OK && cell_is_far(image.head))
        key_far(map, image.head, value->as.data, value->size, key);
    else if (status == COMEM_OK)
        key_near(map, image, key);
    return status;
}

static comem_status key_of_number(struct store_map *map, const comem_value *value, struct key *key)
{
    uint8_t bytes[BIG_FLOAT];
    comem_value number;
    struct cell_image image;
    canonical_number(value, &number, bytes);
    if (number.kind == COMEM_BIG_INT)
        return key_make_packed(map, value, key);
    cell_pack_number(&number, &image);
    key_near(map, image, key);
    if (number.kind != value->kind)
        key->given = value;
    return COMEM_OK;
}

comem_status key_make(struct store_map *map, const comem_value *value, struct key *key)
{
    key->room = NULL;
    key->given = NULL;
    switch (value->kind) {
    case COMEM_NONE:
    case COMEM_BOOL:
    case COMEM_INT:
    case COMEM_FLOAT:
        return key_of_number(map, value, key);
    case COMEM_STR:
    case COMEM_BYTES:
        return key_of_text(map, value, key);
    case COMEM_PACKED:
        return value->as.data != NULL ? key_make_packed(map, value, key)
                                      : store_error(COMEM_INVALID, "a packed value at NULL");
    default:
        return no_key(value->kind);
    }
}

comem_status key_make_given(struct store_map *map, const comem_value *canonical, const comem_value *given,
                            struct key *key)
{
    uint64_t references;
    comem_status status = key_make(map, canonical, key);
    cell_held_objects(given, &references);
    if (status != COMEM_OK)
        return status;
    key->given = given;
    if (references == 0)
        return COMEM_OK;
    key_clear(key);
    return store_error(COMEM_TYPE, "a value that refers to shared objects cannot be a key");
}

void key_clear(struct key *key)
{
    free(key->room);
    key->room = NULL;
}

comem_status key_values_equal(struct store_map *map, const comem_value *one, const comem_value *other, bool *equal)
{
    struct key first, second;
    *equal = order_values(one, other) == ORDER_EQUAL;
    if (*equal || one->kind != COMEM_PACKED)
        return COMEM_OK;
    comem_status status = key_make(map, one, &first);
    if (status == COMEM_TYPE)
        return COMEM_OK;
    if (status != COMEM_OK)
        return status;
    status = key_make(map, other, &second);
    if (status == COMEM_OK) {
        *equal = first.hash == second.hash && first.image.head == second.image.head &&
                 (cell_is_far(first.image.head)
                      ? first.size == second.size && memcmp(first.bytes, second.bytes, first.size) == 0
                      : first.image.body == second.image.body);
        key_clear(&second);
    }
    key_clear(&first);
    return status == COMEM_TYPE ? COMEM_OK : status;
}
