/* cell.c - values into cells and out of them
 *
 * Packing happens before any lock is taken, in private memory, up to the block of a far value, which nothing names until
 * the caller links it; a death before that gives the block back (ALLOC in the record). Unpacking copies first and is
 * validated by its caller, who knows the versions; nothing that a stale image says is used without a bounds check.
 */
#include "value/cell.h"

#include "value/text.h"

#include <stdlib.h>

#define RUN_ALIGN 128u /* where the bytes in a run of pages begin: copies from there are fast on all processors */

/* A str, bytes, a packed value or a pickle. */
static comem_status pack_text(const comem_value *value, struct cell_image *image)
{
    uint64_t references;
    uint8_t flags = 0;
    if (value->size > LAYOUT_WINDOW)
        return store_error(COMEM_NO_MEMORY, "%zu bytes are more than any store has", value->size);
    if (value->as.data == NULL && value->size > 0)
        return store_error(COMEM_INVALID, "a value of %zu bytes at NULL", value->size);
    if (value->kind == COMEM_STR && !text_check(value->as.data, value->size, &flags))
        return store_error(COMEM_INVALID, "a str that is not UTF-8; store it as bytes");
    cell_held_objects(value, &references);
    if (references > 0)
        flags = COMEM_HOLDS;
    if (value->size <= CELL_NEAR_MAX && references == 0)
        *image = cell_near_image((comem_kind)value->kind, flags, value->as.data, value->size);
    else
        *image = (struct cell_image){(uint64_t)CELL_FAR << 16 | (uint64_t)flags << 8 | value->kind, 0};
    return COMEM_OK;
}

comem_status cell_pack(const comem_value *value, struct cell_image *image)
{
    if (cell_pack_number(value, image))
        return COMEM_OK;
    image->body = 0;
    switch (value->kind) {
    case COMEM_STR:
    case COMEM_BYTES:
    case COMEM_PACKED:
    case COMEM_PICKLE:
        return pack_text(value, image);
    case COMEM_REF:
        return value->as.object != NULL ? COMEM_OK : store_error(COMEM_INVALID, "a reference to NULL");
    default:
        break;
    }
    if (value->kind < COMEM_MISSING)
        return store_error(COMEM_TYPE, "a compound value that is not packed yet; comem_value_pack() does it");
    return store_error(COMEM_TYPE, "a value of kind %u, which no container holds", value->kind);
}

/* Where the bytes of a far value begin in its block. */
static uint64_t payload_offset(uint64_t references, uint64_t size)
{
    uint64_t offset = sizeof(struct value_block) + references * sizeof(struct cell);
    return offset + size <= HEAP_BLOCK_MAX ? offset : (offset + RUN_ALIGN - 1) & ~(uint64_t)(RUN_ALIGN - 1);
}

/* References in front of the bytes of a value whose cell holds `image`. */
static uint64_t far_references(const struct value_block *block, struct cell_image image)
{
    return cell_is_held(image.head) ? value_block_references(word_load(&block->header.info)) : 0;
}

comem_status cell_pack_far(struct participant *me, const comem_value *value, struct cell_image *image)
{
    uint64_t offset, references;
    cell_held_objects(value, &references);
    if (references > UINT32_MAX)
        return store_error(COMEM_INVALID, "a value with more than 2^32 references");
    uint64_t payload = payload_offset(references, value->size);
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
    value->flags =
        cell_flags(image.head) & (COMEM_ASCII | COMEM_SURROGATES); /* it has no references, whatever it says */
    return COMEM_OK;
}

comem_status cell_unpack_near(struct cell_image image, comem_value *value)
{
    char *room = NULL, bytes[CELL_NEAR_ROOM];
    uint32_t size = cell_near_size(image.head);
    if (size > CELL_NEAR_MAX)
        return store_error(COMEM_DAMAGED, "a cell says that %u bytes stand in it", size);
    comem_status status = unpack_room(image, size, value, &room);
    if (status != COMEM_OK)
        return status;
    cell_near_bytes(image, bytes);
    memcpy(room, bytes, size); /* private: the copy */
    return COMEM_OK;
}

bool cell_far_size(struct store_map *map, struct cell_image image, uint64_t *size)
{
    const struct value_block *block = store_at(map, image.body, sizeof *block);
    if (block == NULL || block_kind(word_load(&block->header.info)) != BLOCK_VALUE)
        return false;
    *size = word_load(&block->size);
    return *size <= map->window &&
           store_holds(map, image.body, payload_offset(far_references(block, image), *size) + *size);
}

const void *cell_far_bytes(struct store_map *map, struct cell_image image, uint64_t size)
{
    const struct value_block *block = store_at(map, image.body, sizeof *block);
    if (block == NULL)
        return NULL;
    uint64_t payload = payload_offset(far_references(block, image), size);
    return store_holds(map, image.body, payload + size) ? (const uint8_t *)block + payload : NULL;
}

const struct cell *cell_far_references(struct store_map *map, struct cell_image image, uint64_t *count)
{
    const struct value_block *block = store_at(map, image.body, sizeof *block);
    *count = 0;
    if (block == NULL)
        return NULL;
    *count = far_references(block, image);
    return store_holds(map, image.body, sizeof *block + *count * sizeof(struct cell)) ? value_block_cells(block) : NULL;
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
