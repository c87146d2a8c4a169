/* handle.h - this process's handles and stores; private memory */
#ifndef COMEM_OBJECTS_HANDLE_H
#define COMEM_OBJECTS_HANDLE_H

#include "objects/object.h"

struct comem_store {
    struct store_map *map;
};

struct store_map *handle_store_map(const comem_store *store);
/* The map of this program's own store, NULL before it is made. */
struct store_map *handle_default_map(void);
/* The same, made by the first call with `size_limit` (0: the default). */
comem_status handle_open_default(uint64_t size_limit, struct store_map **map);
/* Registers every floor; once per process, before anything else. */
comem_status handle_init(void);

/* The rest: under the map's mutex. */
struct comem_object *handle_allocate(void);
void handle_free(struct comem_object *handle);
struct comem_object *handle_find(const struct store_map *map, uint64_t offset);
void handle_insert(struct store_map *map, struct comem_object *handle, uint64_t offset, uint64_t identity, word64 *row);
/* Takes it out of the table and frees it. */
void handle_remove(struct store_map *map, struct comem_object *handle);
bool handle_any(struct store_map *map);
/* In a child: each handle finds its row in the process record that the parent made for it. */
void handle_adopt_all(struct store_map *map);
/* All handles become stale; the structs stay, because the program still has them. */
void handle_forget_all(struct store_map *map);

#endif
