/* cell.c - values into cells and out of them
 *
 * Packing happens before any lock is taken, in private memory, up to the block of a far value, which nothing names until
 * the caller links it; a death before that gives the block back (ALLOC in the record). Unpacking copies first and is
 * validated by its caller, who knows the versions; nothing that a stale image says is used without a bounds check.
 */
#include "value/cell.h"

#include <stdlib.h>

#define RUN_PAYLOAD 128u /* where the bytes of a run begin: copies from there are fast on all processors */

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

static bool utf8_check(const char *data, size_t size, uint8_t *flags)
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

static void pack_near(const comem_value *value, struct cell_image *image)
{
    uint8_t bytes[16] = {0};
    bytes[0] = (uint8_t)value->kind;
    bytes[1] = cell_flags(image->head);
    bytes[2] = (uint8_t)value->size;
    if (value->size > 0)
        memcpy(bytes + 3, value->as.data, value->size); /* private: on the stack */
    image->head = image->body = 0;
    for (unsigned i = 8; i-- > 0;) {
        image->head = image->head << 8 | bytes[i];
        image->body = image->body << 8 | bytes[8 + i];
    }
}

comem_status cell_pack(const comem_value *value, struct cell_image *image)
{
    if (cell_pack_number(value, image))
        return COMEM_OK;
    image->body = 0;
    switch (value->kind) {
    case COMEM_STR:
    case COMEM_BYTES: {
        uint8_t flags = 0;
        if (value->size > LAYOUT_WINDOW)
            return store_error(COMEM_NO_MEMORY, "%zu bytes are more than any store has", value->size);
        if (value->as.data == NULL && value->size > 0)
            return store_error(COMEM_INVALID, "a str or bytes of %zu bytes at NULL", value->size);
        if (value->kind == COMEM_STR && !utf8_check(value->as.data, value->size, &flags))
            return store_error(COMEM_INVALID, "a str that is not UTF-8; store it as bytes");
        image->head |= (uint64_t)flags << 8;
        if (value->size <= CELL_NEAR_MAX)
            pack_near(value, image);
        else
            image->head |= (uint64_t)CELL_FAR << 16;
        return COMEM_OK;
    }
    case COMEM_REF:
        return value->as.object != NULL ? COMEM_OK : store_error(COMEM_INVALID, "a reference to NULL");
    default:
        break;
    }
    return store_error(COMEM_TYPE, "a value of kind %u, which there is not", value->kind);
}

/* Where the bytes of a far value begin in its block. */
static uint64_t payload_offset(uint64_t size)
{
    return sizeof(struct value_block) + size <= HEAP_BLOCK_MAX ? sizeof(struct value_block) : RUN_PAYLOAD;
}

comem_status cell_pack_far(struct participant *me, const comem_value *value, struct cell_image *image)
{
    uint64_t offset, payload = payload_offset(value->size);
    comem_status status = heap_alloc(me, payload + value->size, &offset);
    if (status != COMEM_OK)
        return status;
    struct value_block *block = store_at(me->map, offset, payload + value->size);
    if (block == NULL)
        return store_error(COMEM_DAMAGED, "the heap gave a block outside the store");
    word_store(&block->header.next, 0);
    word_store(&block->header.info, block_info(BLOCK_VALUE));
    word_store(&block->size, value->size);
    word_fill((uint8_t *)block + payload, value->as.data, value->size);
    image->body = offset;
    return COMEM_OK;
}

static comem_status unpack_room(struct cell_image image, uint64_t size, comem_value *value, char **room)
{
    char *data = malloc(size + 1);
    if (data == NULL)
        return store_error(COMEM_NO_MEMORY, "malloc of %llu bytes for a copy failed", (unsigned long long)size + 1);
    data[size] = 0;
    value->as.data = *room = data;
    value->size = size;
    value->kind = cell_kind(image.head);
    value->owned = 1;
    value->flags = cell_flags(image.head);
    return COMEM_OK;
}

comem_status cell_unpack_near(struct cell_image image, comem_value *value)
{
    char *room = NULL;
    uint32_t size = cell_near_size(image.head);
    if (size > CELL_NEAR_MAX)
        return store_error(COMEM_DAMAGED, "a cell says that %u bytes stand in it", size);
    comem_status status = unpack_room(image, size, value, &room);
    for (uint32_t i = 0; status == COMEM_OK && i < size; i++) {
        uint64_t half = i + 3 < 8 ? image.head : image.body;
        room[i] = (char)(half >> (i + 3) % 8 * 8);
    }
    return status;
}

bool cell_far_size(struct store_map *map, struct cell_image image, uint64_t *size)
{
    const struct value_block *block = store_at(map, image.body, sizeof *block);
    if (block == NULL || block_kind(word_load(&block->header.info)) != BLOCK_VALUE)
        return false;
    *size = word_load(&block->size);
    return *size <= map->window && store_holds(map, image.body, payload_offset(*size) + *size);
}

const void *cell_far_bytes(struct store_map *map, struct cell_image image, uint64_t size)
{
    uint64_t payload = payload_offset(size);
    const uint8_t *block = store_at(map, image.body, payload + size);
    return block == NULL ? NULL : block + payload;
}

comem_status cell_unpack_far(struct store_map *map, struct cell_image image, uint64_t size, comem_value *value)
{
    char *room = NULL;
    const void *bytes = cell_far_bytes(map, image, size);
    if (bytes == NULL)
        return store_error(COMEM_DAMAGED, "a value names a block outside the store");
    comem_status status = unpack_room(image, size, value, &room);
    if (status == COMEM_OK)
        word_copy_out(room, bytes, size);
    return status;
}
