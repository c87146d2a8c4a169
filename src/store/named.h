/* named.h - stores by name: files that hold a store */
#ifndef COMEM_STORE_NAMED_H
#define COMEM_STORE_NAMED_H

#include "store/store.h"

#define NAMED_FOLDER "/dev/shm"
#define NAMED_MAX 200u       /* bytes of a name */
#define NAMED_PATH_MAX 4096u /* of a path, with the zero byte */

/* The file of the store `name`: a path as it is, of a name its place in memory. COMEM_INVALID: it is neither. */
comem_status named_path(const char *name, char path[NAMED_PATH_MAX]);
/* The name of the store whose file in NAMED_FOLDER is called `file`; NULL: it is no store's, or another user's. Points into
 * `file`. */
const char *named_name(const char *file);

/* Looks at what is at `path`. COMEM_NOT_FOUND, COMEM_DENIED, COMEM_UNSUPPORTED: no plain file; COMEM_SYSTEM. */
comem_status named_find(const char *path, struct os_file *file);
/* Opens the file at `path` and looks at what can be told from outside. Nothing is written, no lock taken. COMEM_NOT_FOUND,
 * COMEM_DENIED, COMEM_UNSUPPORTED, COMEM_SYSTEM. */
comem_status named_look(const char *path, struct os_memory *memory);
/* Locks it against all who would open it. False: somebody has it open. */
bool named_lock_alone(const struct os_memory *memory);
/* Lets others open it again, and keeps away who would be alone with it. */
bool named_lock_shared(const struct os_memory *memory);
/* Whether `path` still names it. */
bool named_is_at(const struct os_memory *memory, const char *path);

/* Opens the store at `path` into `map`, which is empty and stays so on failure. *strange: it was last used in another start
 * of the machine, or is a copy; then it is locked, and to be adopted or given up. COMEM_NOT_FOUND and so on: comem.h. */
comem_status named_open(const char *path, struct store_map *map, bool *strange);
/* Makes what was strange this file's and this start's; the lock stays. Nobody is attached; all seats are free, or forgone. */
comem_status named_adopt(struct store_map *map);
/* Makes a store for `path` that nobody sees yet. As store_make(). */
comem_status named_make(const char *path, uint64_t size_limit, struct store_map *map);
/* Shows it. COMEM_BUSY: there is a file of that name by now, and `map` stays as it is. */
comem_status named_publish(struct store_map *map, const char *path);
/* Removes the store at `path`. */
comem_status named_remove(const char *path);

#endif
