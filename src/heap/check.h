/* check.h - store check: does everything in a store hang together? */
#ifndef COMEM_HEAP_CHECK_H
#define COMEM_HEAP_CHECK_H

#include "heap/heap.h"

struct check;

/* Called for each problem, with a sentence. */
typedef void (*check_report)(void *context, const char *problem);

/* Walks a quiet store (no operation under way in any thread): from the objects, the process records, the trash and the
 * slots' records to every block, and compares with the heap's bitmaps, the links with the cells that make them. Returns the
 * number of problems. Private memory: 24 bytes a block. */
uint64_t store_check(struct store_map *map, check_report report, void *context);

/* What walks a root of its kind: calls check_block() for each block it owns and check_link() for each cell that refers to an
 * object. Registered by the floor that knows the kind. */
typedef void (*check_tracer)(struct check *check, struct store_map *map, uint64_t root);
void check_register(enum block_kind kind, check_tracer tracer);

/* Walks a root that the one being walked owns. */
void check_trace(struct check *check, uint64_t root);

/* The root, or what traces it, owns the block at `offset`. */
void check_block(struct check *check, uint64_t offset);
/* A cell refers to `object`. */
void check_link(struct check *check, uint64_t object);
void check_problem(struct check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What knows objects: tells whether a lone object may exist (a link, a holder or a stamp keeps it, or it is dead) and
 * compares its links with `links`, the number of cells found. */
typedef void (*check_object_judge)(struct check *check, struct store_map *map, uint64_t object, uint64_t links,
                                   bool in_trash);
void check_register_objects(check_object_judge judge);

#endif
