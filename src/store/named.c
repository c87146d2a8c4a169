/* named.c - stores by name: a file that holds a store, from its making to its end
 *
 * A name      is that of a file in memory, /dev/shm/comem-USER-NAME; a path is a file on tmpfs, ext4 or xfs. Either has to be a
 *             plain file of this user alone. What is at a path is looked at before it is opened, and its descriptor after.
 * Making      the file has no name until the store in it is whole; linking it publishes. Of several that make it at once one
 *             does, and the others open that one.
 * Opening     the header is read into private memory and checked (store.c); boot, device and inode in it have to be what they
 *             are. Once the window is mapped the path has to name the file still, or all begins again: somebody removed it,
 *             and perhaps made another.
 * Lock        an open file's lock on byte 1, which lives as long as a copy of the descriptor, in whatever process: shared by
 *             all who have the store open, exclusive for who adopts or mends it. Nobody waits for it asleep.
 * Adopting    boot, device or inode differ: the machine was started again, or this is a copy. No thread that a slot names is
 *             alive then, whatever its life word says. Who finds it so takes the lock alone, reads the header again, and has the
 *             store to himself: nobody is attached, as who attaches has found the three right. He sees to it that no seat is
 *             taken (objects/handle.c) and stores a new id, device, inode, boot.
 * Written by  id, device, inode, boot: the holder of the exclusive lock, in that order, the id first. All else: store.c.
 * A death     before the file is linked: nothing is left. While adopting: one of the three still differs, and the next one does
 *             it again; an id alone means nothing. While removing: the name is there, or it is not.
 * Cost        about 15 calls of the system, none that depends on the store's size: 40 us.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/named.h"

#define NAP_NS UINT64_C(1000000)
#define NAPS_MAX 2000u  /* for who adopts the store, or mends it */
#define CHASES_MAX 100u /* of a path whose file is replaced again and again */

#define PREFIX "comem-%u-"

/* ---- names ---- */

/* The character at `text`, and its bytes in *size; 0: no UTF-8. */
static uint32_t next_character(const char *text, unsigned *size)
{
    const uint8_t *bytes = (const uint8_t *)text;
    unsigned more = bytes[0] < 0x80 ? 0 : bytes[0] < 0xE0 ? 1 : bytes[0] < 0xF0 ? 2 : 3;
    static const uint32_t least[] = {1, 0x80, 0x800, 0x10000};
    uint32_t character = more == 0 ? bytes[0] : bytes[0] & (0x3Fu >> more);
    if (bytes[0] >= 0xF8 || (bytes[0] & 0xC0) == 0x80)
        return 0;
    for (unsigned i = 1; i <= more; i++) {
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
        character = character << 6 | (bytes[i] & 0x3F);
    }
    *size = more + 1;
    return character < least[more] || character > 0x10FFFF || (character >= 0xD800 && character < 0xE000) ? 0
                                                                                                          : character;
}

/* NULL, or what is wrong with a name without a slash. */
static const char *name_fault(const char *name)
{
    unsigned size;
    if (name[0] == '\0')
        return "a store's name has at least one character";
    if (strlen(name) > NAMED_MAX)
        return "a store's name has at most 200 bytes of UTF-8";
    if (name[0] == '.')
        return "a store's name does not begin with a '.'; a path has a '/' in it";
    for (; *name != '\0'; name += size) {
        uint32_t character = next_character(name, &size);
        if (character == 0)
            return "a store's name is UTF-8";
        if (character < 0x20 || (character >= 0x7F && character < 0xA0))
            return "a store's name has no control characters";
        if (character == ':')
            return "a store's name has no ':' in it";
    }
    return NULL;
}

comem_status named_path(const char *name, char path[NAMED_PATH_MAX])
{
    bool is_path = strchr(name, '/') != NULL;
    const char *fault = is_path ? NULL : name_fault(name);
    if (fault != NULL)
        return store_error(COMEM_INVALID, "%s", fault);
    if (is_path && name[strlen(name) - 1] == '/')
        return store_error(COMEM_INVALID, "a store's path ends with the name of a file, not with a '/'");
    int size = is_path ? snprintf(path, NAMED_PATH_MAX, "%s", name)
                       : snprintf(path, NAMED_PATH_MAX, NAMED_FOLDER "/" PREFIX "%s", os_user(), name);
    return size > 0 && (unsigned)size < NAMED_PATH_MAX
               ? COMEM_OK
               : store_error(COMEM_INVALID, "a store's path has less than %u bytes", NAMED_PATH_MAX);
}

const char *named_name(const char *file)
{
    char prefix[32];
    size_t size = (size_t)snprintf(prefix, sizeof prefix, PREFIX, os_user());
    if (strncmp(file, prefix, size) != 0 || name_fault(file + size) != NULL)
        return NULL;
    return file + size;
}

/* ---- what is at a path ---- */

static comem_status path_error(const char *path, comem_status status, const char *sentence)
{
    return store_error(status, "%.100s: %s", path, sentence);
}

/* The same with the sentence that a floor below has said. */
static comem_status path_says(const char *path, comem_status status)
{
    char said[160];
    snprintf(said, sizeof said, "%s", comem_detail());
    return path_error(path, status, said);
}

static comem_status system_error(const char *path, const char *act)
{
    int error = errno;
    comem_status status = error == EACCES || error == EPERM                       ? COMEM_DENIED
                          : error == ENOSPC || error == EDQUOT || error == ENOMEM ? COMEM_NO_MEMORY
                          : error == ENAMETOOLONG                                 ? COMEM_INVALID
                                                                                  : COMEM_SYSTEM;
    return store_error(status, "%.100s: %s: %s", path, act, strerror(error));
}

/* Whether a plain file may be a store, of whomever: it begins as one, or lets nobody look. */
static bool may_be_store(const char *path)
{
    struct os_memory memory;
    int fd = os_file_open_to_read(path);
    if (fd < 0 || !os_memory_adopt(&memory, fd))
        return true;
    bool begins = store_begins(&memory);
    os_memory_close(&memory);
    return begins;
}

static comem_status file_check(const char *path, const struct os_file *file)
{
    if (file->kind == OS_FILE_LINK)
        return path_error(path, COMEM_DENIED, "this is a symbolic link, which is not followed");
    if (file->kind == OS_FILE_FOLDER)
        return path_error(path, COMEM_UNSUPPORTED, "this is a folder, no store");
    if (file->kind != OS_FILE_REGULAR)
        return path_error(path, COMEM_UNSUPPORTED, "this is no plain file, so no store");
    if ((!file->ours || !file->secret) && !may_be_store(path))
        return path_error(path, COMEM_UNSUPPORTED, "this is no comem store");
    if (!file->ours)
        return path_error(path, COMEM_DENIED, "the store belongs to another user");
    if (!file->secret)
        return path_error(path, COMEM_DENIED,
                          "others than its owner may use the store; chmod 600 takes that from them");
    return COMEM_OK;
}

comem_status named_find(const char *path, struct os_file *file)
{
    if (os_file_at(path, file))
        return file_check(path, file);
    if (errno == ENOENT || errno == ENOTDIR)
        return path_error(path, COMEM_NOT_FOUND, "there is no such store");
    return system_error(path, "it cannot be looked at");
}

static comem_status place_check(const char *path, int fd)
{
    if (os_file_system_known(fd))
        return COMEM_OK;
    return path_error(path, COMEM_UNSUPPORTED, "a store has to be on tmpfs, ext4 or xfs");
}

/* COMEM_OK with memory->fd -1: there was something, and then it was gone. */
static comem_status look_once(const char *path, struct os_memory *memory)
{
    struct os_file file;
    memory->fd = -1;
    comem_status status = named_find(path, &file); /* a device or a pipe is not even opened */
    if (status != COMEM_OK)
        return status;
    int fd = os_file_open(path);
    if (fd < 0)
        return errno == ENOENT || errno == ELOOP ? COMEM_OK : system_error(path, "it cannot be opened");
    if (!os_memory_adopt(memory, fd)) {
        memory->fd = -1;
        return system_error(path, "it cannot be looked at");
    }
    if (!os_file_of(memory->fd, &file))
        status = system_error(path, "it cannot be looked at");
    if (status == COMEM_OK)
        status = file_check(path, &file);
    if (status == COMEM_OK)
        status = place_check(path, memory->fd);
    if (status != COMEM_OK)
        os_memory_close(memory);
    return status;
}

comem_status named_look(const char *path, struct os_memory *memory)
{
    for (unsigned i = 0; i < CHASES_MAX; i++) {
        comem_status status = look_once(path, memory);
        if (status != COMEM_OK || memory->fd >= 0)
            return status;
    }
    return path_error(path, COMEM_SYSTEM, "the file is replaced again and again");
}

bool named_is_at(const struct os_memory *memory, const char *path)
{
    struct os_file file;
    return os_file_at(path, &file) && file.device == memory->device && file.inode == memory->inode;
}

bool named_lock_alone(const struct os_memory *memory)
{
    return os_file_lock(memory->fd, STORE_LOCK_BYTE, OS_LOCK_ALONE);
}

bool named_lock_shared(const struct os_memory *memory)
{
    return os_file_lock(memory->fd, STORE_LOCK_BYTE, OS_LOCK_SHARED);
}

/* ---- opening ---- */

static comem_status header_read(const char *path, const struct os_memory *memory, struct store_header *header)
{
    comem_status status = store_read(memory, header);
    if (status == COMEM_OK && header->named != 1)
        status = store_error(COMEM_UNSUPPORTED, "this is a copy of a program's own store, not a store by name");
    return status == COMEM_OK ? status : path_says(path, status);
}

static bool header_is_strange(const struct os_memory *memory, const struct store_header *header)
{
    return word_load(&header->boot) != os_boot() || word_load(&header->device) != memory->device ||
           word_load(&header->inode) != memory->inode;
}

/* Reads the header and takes the lock that goes with it: alone for what is strange. *locked is false when that is not to be
 * had, or the header is another one by now. */
static comem_status read_and_lock(const char *path, const struct os_memory *memory, struct store_header *header,
                                  bool *strange, bool *locked)
{
    comem_status status = header_read(path, memory, header);
    *locked = false;
    if (status != COMEM_OK)
        return status;
    *strange = header_is_strange(memory, header);
    if (!(*strange ? named_lock_alone(memory) : named_lock_shared(memory)))
        return COMEM_OK;
    status = header_read(path, memory, header); /* under the lock it stays what it is */
    *locked = status == COMEM_OK && header_is_strange(memory, header) == *strange;
    return status;
}

/* Opens what is at the path now. */
static comem_status open_once(const char *path, struct os_memory *memory, struct store_header *header, bool *strange)
{
    comem_status status = named_look(path, memory);
    if (status != COMEM_OK)
        return status;
    for (unsigned naps = 0; naps < NAPS_MAX; naps++) {
        bool locked;
        status = read_and_lock(path, memory, header, strange, &locked);
        if (status == COMEM_OK && locked)
            return COMEM_OK;
        if (status != COMEM_OK)
            break;
        os_nap(NAP_NS);
    }
    os_memory_close(memory);
    if (status != COMEM_OK)
        return status;
    return path_error(path, COMEM_SYSTEM,
                      *strange ? "the store is in use in another container, whose machine was started at another time"
                               : "the store is being mended by another process");
}

comem_status named_open(const char *path, struct store_map *map, bool *strange)
{
    struct store_header header; /* private: a copy that nobody changes between check and use */
    if (os_boot() == 0)
        return path_error(path, COMEM_SYSTEM, "without /proc it cannot be told when the machine was started");
    for (unsigned i = 0; i < CHASES_MAX; i++) {
        comem_status status = open_once(path, &map->memory, &header, strange);
        if (status != COMEM_OK)
            return status;
        status = store_map_read(map, &header);
        if (status != COMEM_OK) {
            store_map_clear(map);
            return path_says(path, status);
        }
        if (named_is_at(&map->memory, path)) {
            map->path = strdup(path);
            return COMEM_OK;
        }
        store_map_clear(map);
    }
    return path_error(path, COMEM_SYSTEM, "the file is replaced again and again");
}

comem_status named_adopt(struct store_map *map)
{
    uint64_t id[2];
    struct store_header *header = map->header;
    if (!os_random(id, sizeof id))
        return store_error(COMEM_SYSTEM, "getrandom: %s", strerror(errno));
    for (unsigned i = 0; i < 2; i++)
        word_store((word64 *)(void *)header->id + i, id[i]);
    word_order();
    word_store(&header->device, map->memory.device);
    word_order();
    word_store(&header->inode, map->memory.inode);
    word_order();
    word_store(&header->boot, os_boot());
    memcpy(map->id, id, sizeof map->id); /* private: the map's own copy */
    return COMEM_OK;
}

/* ---- making, removing ---- */

static comem_status make_file(const char *path, struct os_memory *memory)
{
    char folder[NAMED_PATH_MAX];
    const char *end = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", end == path ? 1 : (int)(end - path), path);
    int fd = os_file_make(folder);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return path_error(path, COMEM_NOT_FOUND, "there is no such folder");
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
        return path_error(path, COMEM_UNSUPPORTED, "a store has to be on tmpfs, ext4 or xfs");
    if (fd < 0)
        return system_error(path, "it cannot be made");
    if (!os_memory_adopt(memory, fd)) {
        memory->fd = -1;
        return system_error(path, "it cannot be made");
    }
    return place_check(path, memory->fd);
}

comem_status named_make(const char *path, uint64_t size_limit, struct store_map *map)
{
    if (os_boot() == 0)
        return path_error(path, COMEM_SYSTEM, "without /proc it cannot be told when the machine was started");
    comem_status status = make_file(path, &map->memory);
    map->named = true;
    if (status == COMEM_OK) {
        status = store_make(map, size_limit);
        status = status == COMEM_OK ? status : path_says(path, status);
    }
    if (status == COMEM_OK)
        named_lock_shared(&map->memory);
    else
        store_map_clear(map);
    return status;
}

comem_status named_publish(struct store_map *map, const char *path)
{
    if (os_file_publish(map->memory.fd, path)) {
        map->path = strdup(path);
        return COMEM_OK;
    }
    if (errno == EEXIST)
        return path_error(path, COMEM_BUSY, "there is such a file already");
    if (errno == ENOENT || errno == ENOTDIR)
        return path_error(path, COMEM_NOT_FOUND, "there is no such folder");
    return system_error(path, "it cannot be made");
}

comem_status named_remove(const char *path)
{
    struct os_memory memory;
    comem_status status = named_look(path, &memory);
    if (status != COMEM_OK)
        return status;
    if (!store_begins(&memory))
        status = path_error(path, COMEM_UNSUPPORTED, "this is no comem store, and stays");
    else if (named_is_at(&memory, path) && !os_file_remove(path) && errno != ENOENT)
        status = system_error(path, "it cannot be removed");
    os_memory_close(&memory);
    return status;
}
