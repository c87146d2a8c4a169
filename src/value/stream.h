/* stream.h - MessagePack to a stream and from it, item by item (docs/export.md)
 *
 * Private memory. All that goes by is hashed, so that the last item can say whether every byte before it is what was written.
 */
#ifndef COMEM_VALUE_STREAM_H
#define COMEM_VALUE_STREAM_H

#include "comem.h"

/* ---- writing ---- */

/* The first failure stays, everything after it does nothing; writer_end() tells. */
struct writer {
    FILE *stream; /* the caller's */
    comem_status status;
    char *buffer; /* malloc()ed, written to the stream when it is full */
    size_t size;  /* bytes in the buffer */
    void *hash;   /* malloc()ed: XXH3 of what went to the stream */
};

/* COMEM_NO_MEMORY. */
comem_status writer_open(struct writer *writer, FILE *stream);
void writer_close(struct writer *writer);
void writer_nil(struct writer *writer);
void writer_int(struct writer *writer, int64_t integer);
/* Begins an array of `count` items, which follow. */
void writer_array(struct writer *writer, size_t count);
void writer_bytes(struct writer *writer, const char *bytes, size_t size);
/* `size` is below 2^32. */
void writer_extension(struct writer *writer, int8_t type, const char *body, size_t size);
/* None, a bool, an int, a float, a str or bytes of less than 4 GiB. A str that is not UTF-8 fails with COMEM_DAMAGED. */
void writer_scalar(struct writer *writer, const comem_value *value);
/* Writes the hash of everything before it as 8 bytes, the highest first, and flushes. COMEM_SYSTEM: the stream took not all;
 * otherwise what failed first. */
comem_status writer_end(struct writer *writer);

/* ---- reading ---- */

struct reader {
    FILE *stream;
    unsigned char *buffer; /* malloc()ed */
    size_t at, size;       /* what was read, what is there */
    size_t hashed;         /* of it */
    uint64_t before;       /* bytes of the stream before the buffer */
    void *hash;
};

/* A str, bytes or an extension: its `size` bytes follow, to be read by reader_body(). An array: its `size` items follow. */
enum token_kind { TOKEN_NIL, TOKEN_BOOL, TOKEN_INT, TOKEN_FLOAT, TOKEN_STR, TOKEN_BYTES, TOKEN_EXTENSION, TOKEN_ARRAY };

struct token {
    enum token_kind kind;
    int8_t type;     /* of an extension */
    int64_t integer; /* a bool, an int, the bits of a float */
    uint32_t size;
};

comem_status reader_open(struct reader *reader, FILE *stream);
void reader_close(struct reader *reader);
/* Reads an item up to its bytes or items. COMEM_DAMAGED: none of these, or an int beyond 64 bits with a sign; the stream ends.
 * COMEM_SYSTEM: it cannot be read. */
comem_status reader_token(struct reader *reader, struct token *token);
/* Reads bytes. As reader_token(). */
comem_status reader_body(struct reader *reader, void *to, size_t size);
/* Reads the hash that writer_end() wrote and the end of the stream. COMEM_DAMAGED: it is another one, or there is more. */
comem_status reader_end(struct reader *reader);
/* COMEM_DAMAGED, with `what` is wrong and where. */
comem_status reader_damaged(const struct reader *reader, const char *what);

#endif
