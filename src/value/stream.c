/* stream.c - MessagePack to a stream and from it, item by item
 *
 * Writing is msgpack-c's packer, as in packed.c. Reading is by pull: a caller asks for the next item and says what it takes, so
 * nothing here recurses or allocates by what the stream says.
 *
 * Cost         2 ns a byte for small items, 0.3 ns for large ones.
 */
#include "value/stream.h"

#include "store/store.h"
#include "value/packed.h"
#include "value/text.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#include <msgpack/pack_define.h>
#include <msgpack/timestamp.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define BUFFER_SIZE 65536u
#define HASH_SIZE 8u

static comem_status no_buffer(void)
{
    return store_error(COMEM_NO_MEMORY, "malloc of a buffer failed");
}

/* A buffer and the state of a hash. False: no memory. */
static bool stream_allocate(void **buffer, void **hash)
{
    *buffer = malloc(BUFFER_SIZE);
    *hash = XXH3_createState();
    return *buffer != NULL && *hash != NULL && XXH3_64bits_reset(*hash) == XXH_OK;
}

/* ---- writing ---- */

comem_status writer_open(struct writer *writer, FILE *stream)
{
    void *buffer;
    *writer = (struct writer){.stream = stream, .status = COMEM_OK};
    bool done = stream_allocate(&buffer, &writer->hash);
    writer->buffer = buffer;
    if (done)
        return COMEM_OK;
    writer_close(writer);
    return no_buffer();
}

void writer_close(struct writer *writer)
{
    free(writer->buffer);
    XXH3_freeState(writer->hash);
    writer->buffer = NULL;
    writer->hash = NULL;
}

static void writer_send(struct writer *writer, const void *data, size_t size)
{
    if (writer->status != COMEM_OK || size == 0)
        return;
    XXH3_64bits_update(writer->hash, data, size);
    if (fwrite(data, 1, size, writer->stream) != size)
        writer->status = store_error(COMEM_SYSTEM, "writing failed: %s", strerror(errno));
}

static int writer_write(struct writer *writer, const void *data, size_t size)
{
    if (size > BUFFER_SIZE - writer->size) {
        writer_send(writer, writer->buffer, writer->size);
        writer->size = 0;
    }
    if (size > BUFFER_SIZE) {
        writer_send(writer, data, size);
    } else if (size > 0) {
        memcpy(writer->buffer + writer->size, data, size); /* private: the writer's */
        writer->size += size;
    }
    return 0;
}

#define msgpack_pack_inline_func(name) static inline int put##name
#define msgpack_pack_inline_func_cint(name) static inline int put##name
#define msgpack_pack_inline_func_fixint(name) static inline int put_fix##name
#define msgpack_pack_user struct writer *
#define msgpack_pack_append_buffer(writer, data, size) return writer_write(writer, data, size)
#define msgpack_pack_ext put_ext /* as in packed.c */
#include <msgpack/pack_template.h>
#undef msgpack_pack_ext

void writer_nil(struct writer *writer)
{
    put_nil(writer);
}

void writer_int(struct writer *writer, int64_t integer)
{
    put_int64(writer, integer);
}

void writer_array(struct writer *writer, size_t count)
{
    put_array(writer, count);
}

void writer_bytes(struct writer *writer, const char *bytes, size_t size)
{
    put_bin(writer, size);
    put_bin_body(writer, bytes, size);
}

void writer_extension(struct writer *writer, int8_t type, const char *body, size_t size)
{
    put_ext(writer, size, type);
    put_ext_body(writer, body, size);
}

static void write_str(struct writer *writer, const comem_value *value)
{
    uint8_t flags;
    if (!text_check(value->as.data, value->size, &flags)) {
        if (writer->status == COMEM_OK)
            writer->status = store_error(COMEM_DAMAGED, "the store holds a str that is not UTF-8");
    } else if ((flags & COMEM_SURROGATES) != 0) {
        writer_extension(writer, PACKED_SURROGATES, value->as.data, value->size);
    } else {
        put_str(writer, value->size);
        put_str_body(writer, value->as.data, value->size);
    }
}

void writer_scalar(struct writer *writer, const comem_value *value)
{
    switch (value->kind) {
    case COMEM_BOOL:
        value->as.boolean ? put_true(writer) : put_false(writer);
        break;
    case COMEM_INT:
        put_int64(writer, value->as.integer);
        break;
    case COMEM_FLOAT:
        put_double(writer, value->as.real);
        break;
    case COMEM_STR:
        write_str(writer, value);
        break;
    case COMEM_BYTES:
        writer_bytes(writer, value->as.data, value->size);
        break;
    default:
        put_nil(writer);
    }
}

comem_status writer_end(struct writer *writer)
{
    writer_send(writer, writer->buffer, writer->size);
    writer->size = 0;
    uint64_t hash = htobe64(XXH3_64bits_digest(writer->hash));
    writer_bytes(writer, (const char *)&hash, sizeof hash);
    writer_send(writer, writer->buffer, writer->size);
    if (writer->status == COMEM_OK && fflush(writer->stream) != 0)
        writer->status = store_error(COMEM_SYSTEM, "writing failed: %s", strerror(errno));
    return writer->status;
}

/* ---- reading ---- */

comem_status reader_open(struct reader *reader, FILE *stream)
{
    void *buffer;
    *reader = (struct reader){.stream = stream};
    bool done = stream_allocate(&buffer, &reader->hash);
    reader->buffer = buffer;
    if (done)
        return COMEM_OK;
    reader_close(reader);
    return no_buffer();
}

void reader_close(struct reader *reader)
{
    free(reader->buffer);
    XXH3_freeState(reader->hash);
    reader->buffer = NULL;
    reader->hash = NULL;
}

comem_status reader_damaged(const struct reader *reader, const char *what)
{
    return store_error(COMEM_DAMAGED, "the export is damaged: %s, before byte %llu", what,
                       (unsigned long long)(reader->before + reader->at));
}

/* Brings the hash up to what was read. */
static void reader_hash(struct reader *reader)
{
    XXH3_64bits_update(reader->hash, reader->buffer + reader->hashed, reader->at - reader->hashed);
    reader->hashed = reader->at;
}

/* Fills the buffer anew when all of it was read. False: the stream has nothing more, or fails. */
static bool reader_fill(struct reader *reader)
{
    if (reader->at < reader->size)
        return true;
    reader_hash(reader);
    reader->before += reader->size;
    reader->at = reader->hashed = 0;
    reader->size = fread(reader->buffer, 1, BUFFER_SIZE, reader->stream);
    return reader->size > 0;
}

static comem_status reader_ended(const struct reader *reader)
{
    if (ferror(reader->stream))
        return store_error(COMEM_SYSTEM, "reading failed: %s", strerror(errno));
    return store_error(COMEM_DAMAGED, "the export is cut short: it ends after %llu bytes",
                       (unsigned long long)(reader->before + reader->at));
}

comem_status reader_body(struct reader *reader, void *to, size_t size)
{
    unsigned char *bytes = to;
    while (size > 0) {
        if (!reader_fill(reader))
            return reader_ended(reader);
        size_t step = reader->size - reader->at < size ? reader->size - reader->at : size;
        memcpy(bytes, reader->buffer + reader->at, step); /* private: the caller's */
        reader->at += step;
        bytes += step;
        size -= step;
    }
    return COMEM_OK;
}

/* A number of 1, 2, 4 or 8 bytes, the highest first. */
static comem_status reader_number(struct reader *reader, unsigned size, uint64_t *number)
{
    unsigned char bytes[8];
    comem_status status = reader_body(reader, bytes, size);
    *number = 0;
    for (unsigned i = 0; status == COMEM_OK && i < size; i++)
        *number = *number << 8 | bytes[i];
    return status;
}

/* The size of what follows, as a number of `size` bytes. */
static comem_status reader_size(struct reader *reader, enum token_kind kind, unsigned size, struct token *token)
{
    uint64_t number;
    comem_status status = reader_number(reader, size, &number);
    token->kind = kind;
    token->size = (uint32_t)number;
    return status;
}

/* An extension, whose type stands behind its size. */
static comem_status reader_type(struct reader *reader, struct token *token)
{
    uint64_t type = 0;
    comem_status status = reader_number(reader, 1, &type);
    token->kind = TOKEN_EXTENSION;
    token->type = (int8_t)type;
    return status;
}

static comem_status reader_unsigned(struct reader *reader, unsigned size, struct token *token)
{
    uint64_t number;
    comem_status status = reader_number(reader, size, &number);
    if (status == COMEM_OK && number > INT64_MAX)
        return reader_damaged(reader, "an int beyond 64 bits");
    token->kind = TOKEN_INT;
    token->integer = (int64_t)number;
    return status;
}

static comem_status reader_signed(struct reader *reader, unsigned size, struct token *token)
{
    uint64_t number;
    unsigned shift = 64 - 8 * size;
    comem_status status = reader_number(reader, size, &number);
    token->kind = TOKEN_INT;
    token->integer = (int64_t)(number << shift) >> shift;
    return status;
}

static comem_status reader_float(struct reader *reader, struct token *token)
{
    uint64_t bits;
    comem_status status = reader_number(reader, 8, &bits);
    token->kind = TOKEN_FLOAT;
    token->integer = (int64_t)bits;
    return status;
}

/* What a first byte from 0xC0 to 0xDF begins. */
static comem_status reader_tagged(struct reader *reader, unsigned char first, struct token *token)
{
    comem_status status;
    switch (first) {
    case 0xC0:
        token->kind = TOKEN_NIL;
        return COMEM_OK;
    case 0xC2:
    case 0xC3:
        token->kind = TOKEN_BOOL;
        token->integer = first & 1;
        return COMEM_OK;
    case 0xC4:
    case 0xC5:
    case 0xC6:
        return reader_size(reader, TOKEN_BYTES, 1u << (first - 0xC4), token);
    case 0xC7:
    case 0xC8:
    case 0xC9:
        status = reader_size(reader, TOKEN_EXTENSION, 1u << (first - 0xC7), token);
        return status == COMEM_OK ? reader_type(reader, token) : status;
    case 0xCB:
        return reader_float(reader, token);
    case 0xCC:
    case 0xCD:
    case 0xCE:
    case 0xCF:
        return reader_unsigned(reader, 1u << (first - 0xCC), token);
    case 0xD0:
    case 0xD1:
    case 0xD2:
    case 0xD3:
        return reader_signed(reader, 1u << (first - 0xD0), token);
    case 0xD4:
    case 0xD5:
    case 0xD6:
    case 0xD7:
    case 0xD8:
        token->size = 1u << (first - 0xD4);
        return reader_type(reader, token);
    case 0xD9:
    case 0xDA:
    case 0xDB:
        return reader_size(reader, TOKEN_STR, 1u << (first - 0xD9), token);
    case 0xDC:
    case 0xDD:
        return reader_size(reader, TOKEN_ARRAY, 2u << (first - 0xDC), token);
    default:
        return reader_damaged(reader, "an item of a kind that no export has");
    }
}

comem_status reader_token(struct reader *reader, struct token *token)
{
    *token = (struct token){.kind = TOKEN_INT};
    if (!reader_fill(reader))
        return reader_ended(reader);
    unsigned char first = reader->buffer[reader->at++];
    if (first < 0x80 || first >= 0xE0) {
        token->integer = first < 0x80 ? first : (int64_t)first - 0x100; /* a byte, signed */
    } else if (first >= 0xC0) {
        return reader_tagged(reader, first, token);
    } else if (first >= 0xA0) {
        token->kind = TOKEN_STR;
        token->size = first & 0x1F;
    } else if (first >= 0x90) {
        token->kind = TOKEN_ARRAY;
        token->size = first & 0x0F;
    } else {
        return reader_damaged(reader, "an item of a kind that no export has");
    }
    return COMEM_OK;
}

comem_status reader_end(struct reader *reader)
{
    struct token token;
    uint64_t written = 0;
    reader_hash(reader);
    uint64_t hash = XXH3_64bits_digest(reader->hash);
    comem_status status = reader_token(reader, &token);
    if (status == COMEM_OK && (token.kind != TOKEN_BYTES || token.size != HASH_SIZE))
        status = reader_damaged(reader, "no checksum at its end");
    if (status == COMEM_OK)
        status = reader_number(reader, HASH_SIZE, &written);
    if (status == COMEM_OK && written != hash)
        status = reader_damaged(reader, "the checksum does not fit");
    if (status == COMEM_OK && reader_fill(reader))
        status = reader_damaged(reader, "there is more behind its end");
    if (status == COMEM_OK && ferror(reader->stream))
        status = reader_ended(reader);
    return status;
}
