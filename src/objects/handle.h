/* handle.h - this process's handles and stores; private memory */
#ifndef COMEM_OBJECTS_HANDLE_H
#define COMEM_OBJECTS_HANDLE_H

#include "objects/object.h"
#include "sync/sync.h"

struct comem_store {
    struct store_map *map;
    bool by_name; /* and to be closed */
};

struct store_map *handle_store_map(const comem_store *store);
/* The map of this program's own store, NULL before it is made. */
struct store_map *handle_default_map(void);
/* The same, made by the first call with `size_limit` (0: the default). */
comem_status handle_open_default(uint64_t size_limit, struct store_map **map);
/* Opens the store `name`, or makes it, as comem_open() does; `size_limit` 0: the default. */
comem_status handle_open_named(const char *name, uint64_t size_limit, uint32_t flags, struct store_map **map);
/* Closes what that opened. */
void handle_close_named(struct store_map *map);
/* Opens the store `name` to mend it. COMEM_DENIED: somebody has it open. Nobody can open it until it is closed. What was in use
 * when the machine stopped is repaired. */
comem_status handle_open_repair(const char *name, struct store_map **map);
/* Makes a store for `name` that nobody sees before it is published. COMEM_INVALID: there is one of that name. */
comem_status handle_open_private(const char *name, uint64_t size_limit, struct store_map **map);
comem_status handle_publish(struct store_map *map, const char *name);
/* Puts in the default where *size_limit is 0. COMEM_INVALID. */
comem_status handle_size_limit(uint64_t *size_limit);
/* Guards the opening and closing of stores; taken before any map's mutex. */
void handle_lock_stores(void);
void handle_unlock_stores(void);

/* The map of the store that `name` is of: this process's own, or opened at the sender and then its own if it has none yet.
 * COMEM_GONE: it is out of reach, and the detail says what is. */
comem_status handle_reach(const struct object_name *name, struct store_map **map);
/* Makes the store `id`, which the open descriptor `fd` is of, the program's own, whatever store this process had. The
 * descriptor is taken over. `child` may have a record for this process. */
comem_status handle_adopt_default(int fd, const uint8_t id[16], const struct child_record *child);
/* From now on there is no store of the program's, and none is made: whoever asks gets COMEM_GONE and `reason`. */
void handle_refuse_default(const char *reason);
/* A handle on nothing: every use fails with `status` and the sentence `reason`. It has a type and flags, to be shown. */
comem_status handle_absent(enum object_type type, uint32_t flags, comem_status status, const char *reason,
                           struct comem_object **handle);
bool handle_is_absent(const struct comem_object *handle);
/* Its status, and its reason as the detail. */
comem_status handle_absence(const struct comem_object *handle);
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
/* Stale handles, all of them, point at dead objects from now on: the window is unmapped. */
void handle_cast_off_all(struct store_map *map);
/* Whether that was done to it. */
bool handle_is_unmapped(const struct comem_object *handle);

#endif
