/* opening.c - opening and closing stores by name, and the stores of other processes
 *
 * A process has one map of a store (participant.c lists them), found by the file's device and inode. map->openings counts what
 * comem_close() has to undo; a map that came with the name of an object counts as opened once, for good. The last closing makes
 * handles stale; see participant.c. A map that holds no store any more is filled again by the next opening.
 *
 * Order        handle_lock_stores() is held from the look at the path to the end of the opening, over all calls of the system.
 * Strange      is a store that was last used in another start of the machine, or is a copy (named.c): if every seat in it is
 *              free it is adopted as it is; otherwise its threads have to be declared dead, which only handle_open_repair()
 *              does, since somebody should look at what is left.
 * A death      leaves what named.c says. Of a mender after the adoption: slots with a life that is over, which the next who
 *              attaches repairs as ever.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "objects/handle.h"
#include "store/named.h"

#define PUBLISH_TRIES 100u

/* An empty map, in no list. */
static comem_status empty_map(struct store_map **map)
{
    *map = participant_take_map();
    if (*map == NULL)
        *map = store_map_new();
    return *map != NULL ? COMEM_OK : store_error(COMEM_NO_MEMORY, "malloc of %zu bytes failed", sizeof **map);
}

/* The map that this process has of the file at `path`, NULL: none. */
static comem_status known_map(const char *path, struct store_map **map)
{
    struct os_file file;
    comem_status status = named_find(path, &file);
    *map = status == COMEM_OK ? participant_find_file(file.device, file.inode) : NULL;
    if (*map != NULL && !participant_reopen(*map))
        *map = NULL; /* unmapped meanwhile */
    return status;
}

/* ---- what is strange ---- */

/* `name` is NULL for one who mends. */
static comem_status settle(struct store_map *map, const char *path, const char *name)
{
    comem_status status = store_commit_again(map); /* first: a copy's holes cannot be touched where there is no room */
    if (status != COMEM_OK)
        return status;
    if (name != NULL && seat_any_taken(map))
        return store_error(
            COMEM_DAMAGED,
            "%.100s: the store was in use when the machine stopped, or is a copy of one in use; look after "
            "it with `comem check --repair %.40s`",
            path, name);
    if (name == NULL)
        seat_forgo_all(map);
    walk_forget_stamps(map);
    return named_adopt(map);
}

/* ---- opening ---- */

static comem_status make(const char *path, uint64_t size_limit, struct store_map *map)
{
    comem_status status = handle_size_limit(&size_limit);
    return status == COMEM_OK ? named_make(path, size_limit, map) : status;
}

/* Opens or makes it. COMEM_BUSY: it was not there, and then it was. */
static comem_status open_or_make(const char *name, const char *path, uint64_t size_limit, bool existing,
                                 struct store_map *map)
{
    bool strange;
    comem_status status = named_open(path, map, &strange);
    if (status == COMEM_OK && strange)
        status = settle(map, path, name);
    if (status == COMEM_OK && strange)
        named_lock_shared(&map->memory);
    if (status == COMEM_NOT_FOUND && !existing) {
        status = make(path, size_limit, map);
        if (status == COMEM_OK)
            status = named_publish(map, path);
    }
    if (status != COMEM_OK)
        store_map_clear(map);
    return status;
}

static comem_status open_locked(const char *name, const char *path, uint64_t size_limit, uint32_t flags,
                                struct store_map **map)
{
    comem_status status = known_map(path, map);
    if (*map != NULL || (status != COMEM_OK && status != COMEM_NOT_FOUND))
        return status;
    status = empty_map(map);
    if (status != COMEM_OK)
        return status;
    unsigned tries = 0;
    do {
        status = open_or_make(name, path, size_limit, (flags & COMEM_EXISTING) != 0, *map);
    } while (status == COMEM_BUSY && ++tries < PUBLISH_TRIES);
    (*map)->openings = 0;
    participant_add_map(*map);
    return status;
}

comem_status handle_open_named(const char *name, uint64_t size_limit, uint32_t flags, struct store_map **map)
{
    char path[NAMED_PATH_MAX];
    comem_status status = handle_init();
    if (status == COMEM_OK)
        status = named_path(name, path);
    if (status != COMEM_OK)
        return status;
    handle_lock_stores();
    status = open_locked(name, path, size_limit, flags, map);
    if (status == COMEM_OK)
        (*map)->openings++;
    if (status == COMEM_OK && (flags & COMEM_REFUSE_PICKLE) != 0)
        (*map)->refuse_pickle = true; /* private: the process's */
    handle_unlock_stores();
    return status;
}

void handle_close_named(struct store_map *map)
{
    handle_lock_stores();
    if (--map->openings == 0) {
        map->refuse_pickle = false; /* private: the process's */
        participant_close(map);
    }
    handle_unlock_stores();
}

/* ---- for those who mend and import ---- */

/* Whether nobody else has the store; from then on nobody gets it. A daemon that closed all descriptors has no lock any more,
 * but threads that are alive, unless what seems to live in a strange store is long dead. */
static bool is_alone(struct store_map *map, bool strange)
{
    return named_lock_alone(&map->memory) && (strange || !seat_any_alive(map));
}

/* Opens it with the lock that keeps everybody else away. */
static comem_status open_alone(const char *path, struct store_map *map)
{
    bool strange;
    comem_status status = named_open(path, map, &strange);
    if (status == COMEM_OK && !is_alone(map, strange))
        status = store_error(COMEM_DENIED, "%.100s: another process has the store open", path);
    if (status == COMEM_OK && strange)
        status = settle(map, path, NULL);
    if (status != COMEM_OK)
        store_map_clear(map);
    return status;
}

static comem_status repair_locked(const char *path, struct store_map **map)
{
    struct os_file file;
    comem_status status = named_find(path, &file);
    if (status == COMEM_OK && participant_find_file(file.device, file.inode) != NULL)
        status = store_error(COMEM_DENIED, "%.100s: this process has the store open", path);
    if (status == COMEM_OK)
        status = empty_map(map);
    if (status != COMEM_OK)
        return status;
    status = open_alone(path, *map);
    (*map)->openings = status == COMEM_OK;
    participant_add_map(*map);
    return status;
}

comem_status handle_open_repair(const char *name, struct store_map **map)
{
    char path[NAMED_PATH_MAX];
    struct participant *me;
    comem_status status = handle_init();
    if (status == COMEM_OK)
        status = named_path(name, path);
    if (status != COMEM_OK)
        return status;
    handle_lock_stores();
    status = repair_locked(path, map);
    handle_unlock_stores();
    if (status != COMEM_OK)
        return status;
    status = participant_enter(*map, &me);
    if (status != COMEM_OK) {
        handle_close_named(*map);
        return status;
    }
    repair_sweep(me);
    participant_leave(me);
    return COMEM_OK;
}

comem_status handle_open_private(const char *name, uint64_t size_limit, struct store_map **map)
{
    char path[NAMED_PATH_MAX];
    struct os_file file;
    comem_status status = handle_init();
    if (status == COMEM_OK)
        status = named_path(name, path);
    if (status != COMEM_OK)
        return status;
    if (named_find(path, &file) != COMEM_NOT_FOUND)
        return store_error(COMEM_INVALID, "%.100s: there is such a file already", path);
    handle_lock_stores();
    status = empty_map(map);
    if (status == COMEM_OK) {
        status = make(path, size_limit, *map);
        (*map)->openings = status == COMEM_OK;
        participant_add_map(*map);
    }
    handle_unlock_stores();
    return status;
}

comem_status handle_publish(struct store_map *map, const char *name)
{
    char path[NAMED_PATH_MAX];
    comem_status status = named_path(name, path);
    if (status == COMEM_OK)
        status = named_publish(map, path);
    if (status == COMEM_BUSY)
        status = store_error(COMEM_INVALID, "%.100s: there is such a file already", path);
    return status;
}
