/* packed.h - compound values as bytes: MessagePack with extension types (docs/format.md)
 *
 * Both ways deal in items: a comem_value that is a scalar, or that begins a container of `size` items or pairs, which follow,
 * each an item or a container, up to its end. What a container's value points at does not matter. Private memory.
 */
#ifndef COMEM_VALUE_PACKED_H
#define COMEM_VALUE_PACKED_H

#include "value/cell.h"

#include <stdalign.h>

#define PACKED_DEPTH_MAX 100u /* containers within each other */

/* The extension types. */
enum packed_type {
    PACKED_TUPLE = 1,  /* an array */
    PACKED_SET,        /* an array */
    PACKED_FROZENSET,  /* an array */
    PACKED_BIG_INT,    /* two's complement, the lowest byte first */
    PACKED_COMPLEX,    /* two doubles, the highest byte first */
    PACKED_BYTEARRAY,  /* bytes */
    PACKED_SURROGATES, /* text that has lone surrogates */
    PACKED_REF,        /* which of the value's references it is, from 0: 4 bytes, the highest first */
    PACKED_TYPED       /* an array: a type's name and what says which of its objects it is; in keys only */
};

/* Besides those of comem_kind, a kind of container: what a PACKED_TYPED begins. */
#define PACKED_KIND_TYPED ((uint32_t)COMEM_MISSING + 1)

static inline bool packed_is_container(uint32_t kind)
{
    return (kind >= COMEM_LIST && kind <= COMEM_DICT) || kind == PACKED_KIND_TYPED;
}

/* ---- writing ---- */

struct packer_level {
    uint32_t kind;
    size_t start; /* where its array or map begins */
};

/* What was written so far. The first failure stays, everything after it does nothing. */
struct packer {
    comem_status status;
    unsigned depth;
    char *bytes; /* `few`, or malloc()ed */
    size_t size, room;
    struct comem_object **objects; /* borrowed, in the order of their references; malloc()ed */
    uint64_t object_count, object_room;
    struct packer_level levels[PACKED_DEPTH_MAX];
    alignas(8) char few[512];
};

void packer_open(struct packer *packer);
/* Frees what it has. */
void packer_clear(struct packer *packer);
/* Writes a scalar (a str, its flags are ignored; a big int that fits into 64 bits becomes one that does; a reference), or begins a
 * container. COMEM_INVALID: more than PACKED_DEPTH_MAX deep, text that is not UTF-8, 4 GiB or more. COMEM_TYPE: no kind of
 * these. COMEM_NO_MEMORY. */
comem_status packer_item(struct packer *packer, const comem_value *value);
/* The same for a str that is known to be ASCII. */
comem_status packer_ascii(struct packer *packer, const char *text, size_t size);
/* Ends the container that was begun last. */
comem_status packer_end(struct packer *packer);
/* Writes bytes of a packer's, one item or more. */
comem_status packer_bytes(struct packer *packer, const char *bytes, size_t size);
/* Takes back the container that was begun last and has not ended, with all that is in it. */
void packer_rewind(struct packer *packer);
/* Ends the writing: what was written, as a COMEM_PACKED that is good until the packer is cleared. */
comem_status packer_close(struct packer *packer, comem_value *packed);

/* ---- reading ---- */

struct packed_visitor {
    /* An item. Its data is borrowed and not terminated, a str's flags are right; COMEM_BIG_INT: beyond 64 bits, or from 2^63 to
     * 2^64 - 1; COMEM_REF: borrowed from the value that is walked. Any status but COMEM_OK ends the walk. */
    comem_status (*item)(void *context, const comem_value *value);
    /* The end of the container that began last and has not ended. */
    comem_status (*end)(void *context);
};

/* Walks over a COMEM_PACKED. The sizes of all containers together never exceed that of the value, so they may be believed.
 * COMEM_DAMAGED: it is not what a packer writes; else what the visitor said. 10 ns an item. */
comem_status packed_walk(const comem_value *packed, const struct packed_visitor *visitor, void *context);

#define PACKED_HEAD 6u /* bytes at the beginning that tell what kind of value it is */

/* Whether bytes that begin like these, all of `size` or PACKED_HEAD of them, are a list, tuple, set, frozenset or dict: no scalar
 * equals that. */
bool packed_heads_container(const uint8_t *head, size_t size);

/* ---- big ints; also for numbers that are none, of up to 8 bytes ---- */

/* The bytes that matter of a two's complement number of `size` bytes: those above only repeat the sign. At least 1. */
size_t packed_int_size(const uint8_t *bytes, size_t size);

/* Whether a COMEM_PACKED is an int, which then is beyond the 64 bits of a COMEM_INT. *number is that int if it is from 2^63 to
 * 2^64 - 1, else 0. */
bool packed_big_int(const comem_value *packed, uint64_t *number);

#endif
