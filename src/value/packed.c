/* packed.c - compound values as bytes: MessagePack with extension types
 *
 * The encoding is msgpack-c's, of which only headers are used: its packer writes into our buffer, its parser calls us for what it
 * meets. The body of an extension type is MessagePack, too, if it is a container's, and is parsed by the same parser again, in
 * a context of its own.
 *
 * Writing      shortest forms only, so equal values in equal order have equal bytes. The length of a body is known at its end,
 *              which moves it if its header is not of 3 bytes.
 * Reading      never believes a size: a container's is taken off the number of bytes there are in all, since every item has one.
 *              Depth is limited, and with it the recursion: 2.5 KiB of stack each container of an extension type.
 */
#include "value/packed.h"

#include "value/text.h"

#define MSGPACK_EMBED_STACK_SIZE PACKED_DEPTH_MAX
#include <msgpack/pack_define.h>
#include <msgpack/timestamp.h>
#include <msgpack/unpack.h>
#include <msgpack/unpack_define.h>

#include <endian.h>
#include <stdlib.h>

#define HEADER_USUAL 3u /* bytes before the body of an extension type of up to 255 bytes */
#define SIZE_MAX_PACKED UINT32_MAX

size_t packed_int_size(const uint8_t *bytes, size_t size)
{
    uint8_t sign = size > 0 && bytes[size - 1] >= 0x80 ? 0xFF : 0;
    while (size > 1 && bytes[size - 1] == sign && (bytes[size - 2] >= 0x80) == (sign != 0))
        size--;
    return size;
}

/* A number of at most 8 bytes. */
static int64_t int_of_bytes(const uint8_t *bytes, size_t size)
{
    uint64_t number = size > 0 && bytes[size - 1] >= 0x80 ? UINT64_MAX : 0;
    for (size_t i = size; i-- > 0;)
        number = number << 8 | bytes[i];
    return (int64_t)number;
}

/* ---- writing ---- */

static comem_status packer_fail(struct packer *packer, comem_status status)
{
    if (packer->status == COMEM_OK)
        packer->status = status;
    return packer->status;
}

/* Makes room for `more` bytes. */
static bool packer_room(struct packer *packer, size_t more)
{
    if (WORD_LIKELY(more <= packer->room - packer->size))
        return true;
    size_t room = packer->room * 2 > packer->size + more ? packer->room * 2 : packer->size + more;
    char *bytes = realloc(packer->bytes == packer->few ? NULL : packer->bytes, room);
    if (bytes == NULL) {
        packer_fail(packer, store_error(COMEM_NO_MEMORY, "malloc of %zu bytes for a value failed", room));
        return false;
    }
    if (packer->bytes == packer->few)
        memcpy(bytes, packer->few, packer->size); /* private: the packer's */
    packer->bytes = bytes;
    packer->room = room;
    return true;
}

static inline int packer_write(struct packer *packer, const void *data, size_t size)
{
    if (!packer_room(packer, size))
        return -1;
    if (size > 0)
        memcpy(packer->bytes + packer->size, data, size); /* private: the packer's */
    packer->size += size;
    return 0;
}

/* msgpack-c's packer, compiled to write there, each piece with its size known: put_int64() and so on. */
#define msgpack_pack_inline_func(name) static inline int put##name
#define msgpack_pack_inline_func_cint(name) static inline int put##name
#define msgpack_pack_inline_func_fixint(name) static inline int put_fix##name
#define msgpack_pack_user struct packer *
#define msgpack_pack_append_buffer(packer, data, size) return packer_write(packer, data, size)
#define msgpack_pack_ext put_ext /* newer ones pack time stamps, by this name */
#include <msgpack/pack_template.h>
#undef msgpack_pack_ext

void packer_open(struct packer *packer)
{
    packer->status = COMEM_OK;
    packer->depth = 0;
    packer->bytes = packer->few;
    packer->size = 0;
    packer->room = sizeof packer->few;
    packer->objects = NULL;
    packer->object_count = packer->object_room = 0;
}

void packer_clear(struct packer *packer)
{
    if (packer->bytes != packer->few)
        free(packer->bytes);
    free(packer->objects);
    packer_open(packer);
}

static void write_extension(struct packer *packer, enum packed_type type, const void *body, size_t size)
{
    put_ext(packer, size, (int8_t)type);
    put_ext_body(packer, body, size);
}

static comem_status write_text(struct packer *packer, const comem_value *value)
{
    uint8_t flags;
    if (!text_check(value->as.data, value->size, &flags))
        return packer_fail(packer, store_error(COMEM_INVALID, "a str that is not UTF-8; store it as bytes"));
    if ((flags & COMEM_SURROGATES) != 0) {
        write_extension(packer, PACKED_SURROGATES, value->as.data, value->size);
    } else {
        put_str(packer, value->size);
        put_str_body(packer, value->as.data, value->size);
    }
    return packer->status;
}

/* A number that fits into 64 bits, with a sign or without, is written as MessagePack has it. */
static void write_big_int(struct packer *packer, const comem_value *value)
{
    const uint8_t *bytes = (const uint8_t *)value->as.data;
    size_t size = packed_int_size(bytes, value->size);
    if (size <= 8)
        put_int64(packer, int_of_bytes(bytes, size));
    else if (size == 9 && bytes[8] == 0)
        put_uint64(packer, (uint64_t)int_of_bytes(bytes, 8));
    else
        write_extension(packer, PACKED_BIG_INT, bytes, size);
}

static void write_complex(struct packer *packer, const comem_value *value)
{
    uint64_t parts[2];
    for (unsigned i = 0; i < 2; i++) {
        memcpy(&parts[i], &value->as.items[i].as.real, sizeof parts[i]); /* private: on the stack */
        parts[i] = htobe64(parts[i]);
    }
    write_extension(packer, PACKED_COMPLEX, parts, sizeof parts);
}

static comem_status write_reference(struct packer *packer, comem_object *object)
{
    if (packer->object_count == packer->object_room) {
        uint64_t room = packer->object_room == 0 ? 8 : packer->object_room * 2;
        struct comem_object **objects = realloc(packer->objects, room * sizeof(struct comem_object *));
        if (objects == NULL)
            return packer_fail(
                packer, store_error(COMEM_NO_MEMORY, "malloc for %llu references failed", (unsigned long long)room));
        packer->objects = objects;
        packer->object_room = room;
    }
    uint32_t number = htobe32((uint32_t)packer->object_count);
    packer->objects[packer->object_count++] = object;
    write_extension(packer, PACKED_REF, &number, sizeof number);
    return packer->status;
}

/* Whether a container is written as an extension type. */
static bool kind_is_extension(uint32_t kind)
{
    return kind != COMEM_LIST && kind != COMEM_DICT;
}

static comem_status packer_begin(struct packer *packer, const comem_value *value)
{
    if (packer->depth == PACKED_DEPTH_MAX)
        return packer_fail(packer, store_error(COMEM_INVALID, "values within values more than %u deep, or in a ring",
                                               PACKED_DEPTH_MAX));
    if (kind_is_extension(value->kind) && packer_room(packer, HEADER_USUAL))
        packer->size += HEADER_USUAL;
    packer->levels[packer->depth++] = (struct packer_level){value->kind, packer->size};
    if (value->kind == COMEM_DICT)
        put_map(packer, value->size);
    else
        put_array(packer, value->size);
    return packer->status;
}

comem_status packer_item(struct packer *packer, const comem_value *value)
{
    bool data = (value->kind >= COMEM_STR && value->kind <= COMEM_BYTES) || value->kind == COMEM_BIG_INT ||
                value->kind == COMEM_BYTEARRAY;
    if (packer->status != COMEM_OK)
        return packer->status;
    if (value->size > SIZE_MAX_PACKED)
        return packer_fail(packer, store_error(COMEM_INVALID, "%zu are more than one value can have", value->size));
    if (value->kind == COMEM_COMPLEX && (value->size != 2 || value->as.items == NULL))
        return packer_fail(packer, store_error(COMEM_INVALID, "a complex number without its two parts"));
    if (data && value->as.data == NULL && value->size > 0)
        return packer_fail(packer, store_error(COMEM_INVALID, "a value of %zu bytes at NULL", value->size));
    if (value->kind == COMEM_BIG_INT && value->size == 0)
        return packer_fail(packer, store_error(COMEM_INVALID, "an int of no bytes"));
    switch (value->kind) {
    case COMEM_NONE:
        put_nil(packer);
        break;
    case COMEM_BOOL:
        value->as.boolean ? put_true(packer) : put_false(packer);
        break;
    case COMEM_INT:
        put_int64(packer, value->as.integer);
        break;
    case COMEM_FLOAT:
        put_double(packer, value->as.real);
        break;
    case COMEM_STR:
        return write_text(packer, value);
    case COMEM_BYTES:
        put_bin(packer, value->size);
        put_bin_body(packer, value->as.data, value->size);
        break;
    case COMEM_REF:
        return value->as.object != NULL ? write_reference(packer, value->as.object)
                                        : packer_fail(packer, store_error(COMEM_INVALID, "a reference to NULL"));
    case COMEM_BIG_INT:
        write_big_int(packer, value);
        break;
    case COMEM_COMPLEX:
        write_complex(packer, value);
        break;
    case COMEM_BYTEARRAY:
        write_extension(packer, PACKED_BYTEARRAY, value->as.data, value->size);
        break;
    default:
        return packed_is_container(value->kind)
                   ? packer_begin(packer, value)
                   : packer_fail(packer, store_error(COMEM_TYPE, "a value of kind %u within a value", value->kind));
    }
    return packer->status;
}

comem_status packer_ascii(struct packer *packer, const char *text, size_t size)
{
    if (packer->status != COMEM_OK)
        return packer->status;
    if (size > SIZE_MAX_PACKED)
        return packer_fail(packer, store_error(COMEM_INVALID, "%zu bytes are more than one value can have", size));
    put_str(packer, size);
    put_str_body(packer, text, size);
    return packer->status;
}

static enum packed_type container_type(uint32_t kind)
{
    return kind == COMEM_TUPLE       ? PACKED_TUPLE
           : kind == COMEM_SET       ? PACKED_SET
           : kind == COMEM_FROZENSET ? PACKED_FROZENSET
                                     : PACKED_TYPED;
}

comem_status packer_end(struct packer *packer)
{
    if (packer->status != COMEM_OK)
        return packer->status;
    const struct packer_level *level = &packer->levels[--packer->depth];
    if (!kind_is_extension(level->kind))
        return COMEM_OK;
    size_t start = level->start, body = packer->size - start;
    bool fixed = body == 2 || body == 4 || body == 8 || body == 16 || body == 1;
    size_t header = fixed ? 2 : body < 256 ? 3 : body < 65536 ? 4 : 6;
    if (body > SIZE_MAX_PACKED)
        return packer_fail(packer, store_error(COMEM_INVALID, "a value of more than 4 GiB within a value"));
    if (!packer_room(packer, header))
        return packer->status;
    start -= HEADER_USUAL;
    if (header != HEADER_USUAL)
        memmove(packer->bytes + start + header, packer->bytes + start + HEADER_USUAL, body); /* private: the packer's */
    packer->size = start;
    put_ext(packer, body, (int8_t)container_type(level->kind));
    packer->size += body;
    return packer->status;
}

comem_status packer_bytes(struct packer *packer, const char *bytes, size_t size)
{
    if (packer->status == COMEM_OK)
        packer_write(packer, bytes, size);
    return packer->status;
}

void packer_rewind(struct packer *packer)
{
    const struct packer_level *level = &packer->levels[--packer->depth];
    packer->size = level->start - (kind_is_extension(level->kind) ? HEADER_USUAL : 0);
}

comem_status packer_close(struct packer *packer, comem_value *packed)
{
    size_t front = packer->object_count == 0 ? 0 : (packer->object_count + 1) * 8, size = packer->size;
    *packed = comem_none();
    if (packer->status != COMEM_OK || !packer_room(packer, front + 1))
        return packer->status;
    if (front > 0) {                                                 /* what belongs before the bytes: see cell.h */
        memmove(packer->bytes + front, packer->bytes, size);         /* private: the packer's */
        memcpy(packer->bytes, packer->objects, front - 8);           /* private: the same */
        memcpy(packer->bytes + front - 8, &packer->object_count, 8); /* private: the same */
        packed->flags = COMEM_HOLDS;
    }
    packer->bytes[front + size] = 0;
    packed->kind = COMEM_PACKED;
    packed->as.data = packer->bytes + front;
    packed->size = size;
    return COMEM_OK;
}

/* ---- reading ---- */

struct walk {
    const struct packed_visitor *visitor;
    void *context;
    comem_status status; /* the visitor's, if it ended the walk */
    unsigned depth;
    uint32_t pending; /* the kind of container whose array comes next, as the body of its extension type */
    uint64_t budget;  /* bytes that no container has claimed yet for its items */
    struct comem_object **objects;
    uint64_t object_count;
};

/* What the parser calls gives 0, or less to end the walk. */
static inline int walk_said(struct walk *walk, comem_status status)
{
    walk->status = status;
    return status == COMEM_OK ? 0 : -1;
}

static inline int walk_item(struct walk *walk, const comem_value *value)
{
    if (walk->pending != 0)
        return -1;
    return walk_said(walk, walk->visitor->item(walk->context, value));
}

static int walk_end(struct walk *walk)
{
    walk->depth--;
    return walk_said(walk, walk->visitor->end(walk->context));
}

/* `items` counts both keys and values. */
static int walk_begin(struct walk *walk, uint32_t kind, uint64_t size, uint64_t items, uint32_t *left)
{
    comem_value value = comem_none();
    value.kind = kind;
    value.size = size;
    value.as.items = NULL;
    *left = (uint32_t)size; /* as the parser has it */
    if (items > walk->budget || walk->depth == PACKED_DEPTH_MAX)
        return -1;
    walk->budget -= items;
    walk->depth++;
    if (walk_said(walk, walk->visitor->item(walk->context, &value)) != 0)
        return -1;
    return size > 0 ? 0 : walk_end(walk);
}

/* The parser's callbacks. Its object is the number of items that a container still lacks. */

static inline uint32_t meet_root(struct walk **walk)
{
    (void)walk;
    return 0;
}

static inline int meet_nil(struct walk **walk, uint32_t *left)
{
    comem_value value = comem_none();
    *left = 0;
    return walk_item(*walk, &value);
}

static inline int meet_bool(struct walk *walk, bool boolean)
{
    comem_value value = comem_bool(boolean);
    return walk_item(walk, &value);
}

static inline int meet_true(struct walk **walk, uint32_t *left)
{
    *left = 0;
    return meet_bool(*walk, true);
}

static inline int meet_false(struct walk **walk, uint32_t *left)
{
    *left = 0;
    return meet_bool(*walk, false);
}

static inline int meet_int64(struct walk **walk, int64_t integer, uint32_t *left)
{
    comem_value value = comem_int(integer);
    *left = 0;
    return walk_item(*walk, &value);
}

static int meet_uint64(struct walk **walk, uint64_t integer, uint32_t *left)
{
    if (integer <= INT64_MAX)
        return meet_int64(walk, (int64_t)integer, left);
    uint64_t bytes[2] = {htole64(integer), 0};
    *left = 0;
    comem_value value = comem_bytes(bytes, 9);
    value.kind = COMEM_BIG_INT;
    return walk_item(*walk, &value);
}

static inline int meet_double(struct walk **walk, double real, uint32_t *left)
{
    comem_value value = comem_float(real);
    *left = 0;
    return walk_item(*walk, &value);
}

static int meet_text(struct walk *walk, const char *data, size_t size)
{
    uint8_t flags;
    comem_value value = comem_str(data, size);
    if (!text_check(data, size, &flags))
        return -1;
    value.flags = flags;
    return walk_item(walk, &value);
}

static inline int meet_str(struct walk **walk, const char *all, const char *data, unsigned size, uint32_t *left)
{
    (void)all;
    *left = 0;
    return meet_text(*walk, data, size);
}

static int meet_bytes(struct walk *walk, comem_kind kind, const char *data, size_t size)
{
    comem_value value = comem_bytes(data, size);
    value.kind = kind;
    return walk_item(walk, &value);
}

static inline int meet_bin(struct walk **walk, const char *all, const char *data, unsigned size, uint32_t *left)
{
    (void)all;
    *left = 0;
    return meet_bytes(*walk, COMEM_BYTES, data, size);
}

static inline int meet_array(struct walk **walk, uint64_t size, uint32_t *left)
{
    uint32_t kind = (*walk)->pending != 0 ? (*walk)->pending : COMEM_LIST;
    (*walk)->pending = 0;
    return walk_begin(*walk, kind, size, size, left);
}

static inline int meet_array_item(struct walk **walk, uint32_t *left, uint32_t item)
{
    (void)item;
    return --*left > 0 ? 0 : walk_end(*walk);
}

static inline int meet_map(struct walk **walk, uint64_t size, uint32_t *left)
{
    return (*walk)->pending != 0 ? -1 : walk_begin(*walk, COMEM_DICT, size, 2 * size, left);
}

static inline int meet_map_item(struct walk **walk, uint32_t *left, uint32_t key, uint32_t value)
{
    (void)key;
    (void)value;
    return --*left > 0 ? 0 : walk_end(*walk);
}

static int meet_extension(struct walk *walk, enum packed_type type, const char *body, size_t size);

/* `size` is that of the type's byte and the body together. */
static inline int meet_ext(struct walk **walk, const char *all, const char *data, unsigned size, uint32_t *left)
{
    (void)all;
    *left = 0;
    return size == 0 ? -1 : meet_extension(*walk, (enum packed_type)(uint8_t)data[0], data + 1, size - 1);
}

#define meet_uint8 meet_int64
#define meet_uint16 meet_int64
#define meet_uint32 meet_int64
#define meet_int8 meet_int64
#define meet_int16 meet_int64
#define meet_int32 meet_int64
#define meet_float meet_double

#define msgpack_unpack_struct(name) struct parser##name
#define msgpack_unpack_func(result, name) static inline result parser##name
#define msgpack_unpack_callback(name) meet##name
#define msgpack_unpack_object uint32_t
#define msgpack_unpack_user struct walk *
#include <msgpack/unpack_template.h>

/* One value, and nothing behind it. */
static __attribute__((noinline)) int walk_bytes(struct walk *walk, const char *bytes, size_t size)
{
    struct parser_context parser;
    size_t at = 0;
    parser.user = walk;
    parser_init(&parser);
    int result = parser_execute(&parser, bytes, size, &at);
    return result == 1 && at == size ? 0 : -1;
}

static int meet_complex(struct walk *walk, const char *body)
{
    comem_value parts[2], value = comem_none();
    for (size_t i = 0; i < 2; i++) {
        uint64_t bits;
        memcpy(&bits, body + 8 * i, sizeof bits); /* private: a register */
        bits = be64toh(bits);
        parts[i] = comem_float(0);
        memcpy(&parts[i].as.real, &bits, sizeof bits); /* private: on the stack */
    }
    value.kind = COMEM_COMPLEX;
    value.size = 2;
    value.as.items = parts;
    return walk_item(walk, &value);
}

static int meet_reference(struct walk *walk, const char *body)
{
    uint32_t number;
    comem_value value = comem_none();
    memcpy(&number, body, sizeof number); /* private: a register */
    number = be32toh(number);
    if (number >= walk->object_count)
        return -1;
    value.kind = COMEM_REF;
    value.as.object = walk->objects[number];
    return walk_item(walk, &value);
}

static int meet_container(struct walk *walk, uint32_t kind, const char *body, size_t size)
{
    if (walk->pending != 0 || walk->depth == PACKED_DEPTH_MAX)
        return -1;
    walk->pending = kind;
    return walk_bytes(walk, body, size);
}

static int meet_extension(struct walk *walk, enum packed_type type, const char *body, size_t size)
{
    switch (type) {
    case PACKED_TUPLE:
        return meet_container(walk, COMEM_TUPLE, body, size);
    case PACKED_SET:
        return meet_container(walk, COMEM_SET, body, size);
    case PACKED_FROZENSET:
        return meet_container(walk, COMEM_FROZENSET, body, size);
    case PACKED_TYPED:
        return meet_container(walk, PACKED_KIND_TYPED, body, size);
    case PACKED_BIG_INT: {
        const uint8_t *bytes = (const uint8_t *)body;
        uint32_t left;
        return size == 0   ? -1
               : size <= 8 ? meet_int64(&walk, int_of_bytes(bytes, size), &left)
                           : meet_bytes(walk, COMEM_BIG_INT, body, size);
    }
    case PACKED_COMPLEX:
        return size == 16 ? meet_complex(walk, body) : -1;
    case PACKED_BYTEARRAY:
        return meet_bytes(walk, COMEM_BYTEARRAY, body, size);
    case PACKED_SURROGATES:
        return meet_text(walk, body, size);
    case PACKED_REF:
        return size == 4 ? meet_reference(walk, body) : -1;
    }
    return -1;
}

comem_status packed_walk(const comem_value *packed, const struct packed_visitor *visitor, void *context)
{
    struct walk walk = {.visitor = visitor, .context = context, .budget = packed->size};
    walk.objects = cell_held_objects(packed, &walk.object_count);
    if (walk_bytes(&walk, packed->as.data, packed->size) == 0)
        return COMEM_OK;
    return walk.status != COMEM_OK ? walk.status : store_error(COMEM_DAMAGED, "a packed value that nothing packs");
}

/* ---- one big int ---- */

struct root {
    bool big;
    uint64_t number;
};

static comem_status root_item(void *context, const comem_value *value)
{
    struct root *root = context;
    const uint8_t *bytes = (const uint8_t *)value->as.data;
    root->big = value->kind == COMEM_BIG_INT && bytes != NULL;
    if (root->big && value->size == 9 && bytes[8] == 0)
        root->number = (uint64_t)int_of_bytes(bytes, 8);
    return COMEM_TYPE; /* there is nothing more to see */
}

static comem_status root_end(void *context)
{
    (void)context;
    return COMEM_OK;
}

bool packed_big_int(const comem_value *packed, uint64_t *number)
{
    static const struct packed_visitor visitor = {root_item, root_end};
    struct root root = {false, 0};
    (void)packed_walk(packed, &visitor, &root);
    *number = root.number;
    return root.big;
}

/* ---- kinds ---- */

bool packed_heads_container(const uint8_t *head, size_t size)
{
    uint8_t first = size > 0 ? head[0] : 0;
    bool map_or_array = (first >= 0x80 && first <= 0x9F) || (first >= 0xDC && first <= 0xDF);
    size_t type = first >= 0xD4 && first <= 0xD8 ? 1 : first == 0xC7 ? 2 : first == 0xC8 ? 3 : first == 0xC9 ? 5 : 0;
    return map_or_array || (type > 0 && type < size && head[type] >= PACKED_TUPLE && head[type] <= PACKED_FROZENSET);
}
