/* export.h - a store's objects as a stream of bytes, and back (docs/export.md) */
#ifndef COMEM_OBJECTS_EXPORT_H
#define COMEM_OBJECTS_EXPORT_H

#include "comem.h"

#define EXPORT_NAME "comem export"
#define EXPORT_VERSION 1
#define EXPORT_PIECE (UINT32_C(16) << 20) /* what is longer is written in pieces of so many bytes */

/* Writes all that the roots of `store` reach. Others may go on using it: each object is written as it stands at one moment, each at
 * another. While it is written nothing that waits for its turn is freed. COMEM_SYSTEM: the stream took not all. COMEM_DAMAGED,
 * COMEM_NO_MEMORY. O(size), 1 us an object, 15 ns an item; private memory for the largest object, and 30 bytes for each, 150 more
 * while it waits. */
comem_status export_write(comem_store *store, FILE *stream);

/* Reads what export_write() wrote into a store without roots; they appear all at once, at the end. Every byte may be anybody's.
 * COMEM_DAMAGED: cut short, changed, or it contradicts itself. COMEM_UNSUPPORTED: no export, or one of another version.
 * COMEM_INVALID: the store has roots. COMEM_SYSTEM: the stream cannot be read. COMEM_NO_MEMORY. On any failure the store has no
 * more objects than before. O(size), 1 us an object. */
comem_status import_read(comem_store *store, FILE *stream);

/* Makes the store `name` of it. Nobody sees it before it is complete; on failure, or after a death, there is none. COMEM_INVALID: a
 * name that is taken, or none; else as comem_open() and import_read(). */
comem_status import_new(const char *name, FILE *stream);

#endif
