/* handle.c - this process's handles: one struct for each object it holds
 *
 * Private memory, guarded by the map's mutex: a hash table of chains from an object's offset to its handle. A handle that
 * was forgotten (the process left the store, closed it, or is a raw clone) is found by nobody. It stays in the table until the
 * program has released it as often as it got it, or until what it points at is unmapped; then it points at a dead object.
 */
#include "objects/handle.h"

#include "objects/dict.h"
#include "objects/list.h"
#include "objects/value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_BUCKETS 64u

struct handle_table {
    struct comem_object **buckets;
    uint64_t bucket_count, count, good; /* handles that are in it; that were not forgotten */
};

static struct store_map *default_map;
static char default_refusal[256]; /* why there is none, and none may be made; empty: it may */
static pthread_mutex_t default_mutex = PTHREAD_MUTEX_INITIALIZER;

struct store_map *handle_store_map(const comem_store *store)
{
    return store->map;
}

struct store_map *handle_default_map(void)
{
    pthread_mutex_lock(&default_mutex);
    struct store_map *map = default_map;
    pthread_mutex_unlock(&default_mutex);
    return map;
}

static pthread_once_t init_once = PTHREAD_ONCE_INIT;
static comem_status init_status;

void handle_lock_stores(void)
{
    pthread_mutex_lock(&default_mutex);
}

void handle_unlock_stores(void)
{
    pthread_mutex_unlock(&default_mutex);
}

static void init_floors(void)
{
    heap_init();
    process_init();
    object_init();
    list_init();
    dict_init();
    value_init();
    object_check_init();
    init_status = participant_init();
    if (init_status == COMEM_OK && pthread_atfork(handle_lock_stores, handle_unlock_stores, handle_unlock_stores) != 0)
        init_status = COMEM_SYSTEM;
}

comem_status handle_init(void)
{
    pthread_once(&init_once, init_floors);
    return init_status;
}

/* A number of bytes with K, M or G behind it; 0 when the text is none. */
static uint64_t parse_size(const char *text)
{
    char *end;
    unsigned long long number = strtoull(text, &end, 10);
    unsigned shift = *end == 'K' || *end == 'k'   ? 10
                     : *end == 'M' || *end == 'm' ? 20
                     : *end == 'G' || *end == 'g' ? 30
                                                  : 0;
    bool valid =
        end != text && *text != '-' && (shift == 0 ? *end == 0 : end[1] == 0 || end[1] == 'B' || end[1] == 'b');
    return valid && number <= UINT64_MAX >> shift ? (uint64_t)number << shift : 0;
}

comem_status handle_size_limit(uint64_t *size_limit)
{
    const char *text = *size_limit == 0 ? getenv("COMEM_SIZE_LIMIT") : NULL;
    if (text != NULL && *text != 0 && (*size_limit = parse_size(text)) == 0)
        return store_error(COMEM_INVALID, "COMEM_SIZE_LIMIT is '%s', not a number of bytes such as 500M or 4G", text);
    if (*size_limit == 0)
        *size_limit = os_memory_total() / 2;
    if (*size_limit < UINT64_C(1) << 20)
        return store_error(COMEM_INVALID, "a store's size limit of %llu bytes is below 1 MiB",
                           (unsigned long long)*size_limit);
    return COMEM_OK;
}

comem_status handle_open_default(uint64_t size_limit, struct store_map **map)
{
    comem_status status = handle_init();
    if (status != COMEM_OK)
        return status;
    pthread_mutex_lock(&default_mutex);
    if (default_refusal[0] != '\0') {
        status = store_error(COMEM_GONE, "%s", default_refusal);
        pthread_mutex_unlock(&default_mutex);
        return status;
    }
    /* A daemon that closed all descriptors before it ever used the store its parent made starts with one of its own. */
    if (default_map == NULL || (default_map->process == NULL && !os_memory_intact(&default_map->memory))) {
        status = handle_size_limit(&size_limit);
        if (status == COMEM_OK)
            status = store_map_create(size_limit, &default_map);
        if (status == COMEM_OK)
            participant_add_map(default_map);
    }
    *map = default_map;
    pthread_mutex_unlock(&default_mutex);
    return status;
}

/* ---- stores that are there already ---- */

/* The map of the store `id`, made from the descriptor `fd` if this process has none. A store by name stays open for good then:
 * nobody is to close it. default_mutex is held. */
static comem_status attach_locked(int fd, const uint8_t id[16], struct store_map **map)
{
    *map = participant_find_map(id);
    if (*map != NULL && participant_reopen(*map)) {
        os_close(fd);
        (*map)->openings += (*map)->openings == 0;
        return COMEM_OK;
    }
    comem_status status = store_map_attach(fd, id, map);
    if (status == COMEM_OK) {
        (*map)->openings = 1;
        participant_add_map(*map);
    }
    return status;
}

comem_status handle_adopt_default(int fd, const uint8_t id[16], const struct child_record *child)
{
    struct store_map *map;
    comem_status status = handle_init();
    if (status != COMEM_OK)
        return status;
    pthread_mutex_lock(&default_mutex);
    status = attach_locked(fd, id, &map);
    if (status == COMEM_OK && map->named)
        status = store_error(COMEM_GONE, "a store by name is no program's own");
    if (status == COMEM_OK) {
        default_map = map;
        default_refusal[0] = '\0';
    }
    pthread_mutex_unlock(&default_mutex);
    if (child == NULL)
        return status;
    if (status == COMEM_OK)
        return participant_come(map, child);
    os_witness_drop(child->witness);
    return status;
}

void handle_refuse_default(const char *reason)
{
    pthread_mutex_lock(&default_mutex);
    default_map = NULL;
    snprintf(default_refusal, sizeof default_refusal, "%s", reason);
    pthread_mutex_unlock(&default_mutex);
}

/* Says why the store cannot be opened at the sender, whose descriptor gave `error`. */
static comem_status reach_refused(const struct object_name *name, int error)
{
    const char *what = error == EACCES || error == EPERM ? "belongs to another user, or lets nobody look into it"
                       : os_process_exists(name->sender)
                           ? "no longer has it, or is another process that got the sender's number"
                           : "is gone";
    return store_error(
        COMEM_GONE,
        "the shared object is out of reach: this process is none of the program that has it, and process "
        "%d, which sent it, %s",
        name->sender, what);
}

/* Opens the store at the sender; what is opened is looked at by store_map_attach(). */
static comem_status reach_sender(const struct object_name *name, int *fd)
{
    uint64_t boot = os_boot(), namespace = os_pid_namespace();
    if (name->boot != boot && boot != 0)
        return store_error(COMEM_GONE, "the shared object is out of reach: it was sent from another machine, or before "
                                       "this one was last started");
    if (name->pid_namespace != namespace && namespace != 0)
        return store_error(COMEM_GONE,
                           "the shared object is out of reach: process %d, which sent it, is in another PID namespace "
                           "(another container, say), and this process is none of the program that has it",
                           name->sender);
    *fd = os_memory_open(name->sender, name->descriptor);
    return *fd >= 0 ? COMEM_OK : reach_refused(name, errno);
}

/* What the sender has was opened and turned out to be of no use; the detail says why. */
static comem_status reach_failed(const struct object_name *name, comem_status status)
{
    char why[160];
    snprintf(why, sizeof why, "%s", comem_detail());
    return store_error(status == COMEM_SYSTEM || status == COMEM_NO_MEMORY ? COMEM_GONE : status,
                       "the shared object is out of reach, at process %d, which sent it: %s", name->sender, why);
}

comem_status handle_reach(const struct object_name *name, struct store_map **map)
{
    int fd = -1;
    comem_status status = handle_init();
    if (status != COMEM_OK)
        return status;
    *map = participant_find_map(name->store);
    if (*map != NULL && !(*map)->closed)
        return COMEM_OK;
    status = reach_sender(name, &fd);
    if (status != COMEM_OK)
        return status;
    pthread_mutex_lock(&default_mutex);
    status = attach_locked(fd, name->store, map);
    if (status == COMEM_OK && !(*map)->named && default_map == NULL && default_refusal[0] == '\0')
        default_map = *map;
    pthread_mutex_unlock(&default_mutex);
    return status == COMEM_OK ? status : reach_failed(name, status);
}

/* ---- handles on nothing ---- */

/* What a handle on nothing has in the place of an object, so that whoever reads its flags finds some. Private memory. */
struct absence {
    struct object shared;
    comem_status status;
    char reason[256];
};

/* The map of such handles: nobody can enter it. */
static struct store_map nowhere = {.closed = true, .mutex = PTHREAD_MUTEX_INITIALIZER};

bool handle_is_absent(const struct comem_object *handle)
{
    return handle->map == &nowhere;
}

comem_status handle_absence(const struct comem_object *handle)
{
    const struct absence *absence = (const struct absence *)(const void *)handle->shared;
    return store_error(absence->status, "%s", absence->reason);
}

comem_status handle_absent(enum object_type type, uint32_t flags, comem_status status, const char *reason,
                           struct comem_object **handle)
{
    struct comem_object *made = handle_allocate();
    struct absence *absence = made == NULL ? NULL : calloc(1, sizeof *absence);
    if (absence == NULL) {
        handle_free(made);
        return store_error(COMEM_NO_MEMORY, "malloc of a handle failed");
    }
    word_store(&absence->shared.identity, object_identity(type, OBJECT_DEAD, 0));
    word_store(&absence->shared.flags, flags);
    absence->status = status; /* private: malloc()ed */
    snprintf(absence->reason, sizeof absence->reason, "%s", reason);
    made->map = &nowhere;
    made->shared = &absence->shared;
    made->count = 1;
    made->next = made;
    *handle = made;
    return COMEM_OK;
}

/* ---- the table ---- */

struct comem_object *handle_allocate(void)
{
    comem_list *handle = malloc(sizeof *handle); /* the largest kind there is; calloc() is slower in glibc */
    if (handle == NULL)
        return NULL;
    *handle = (comem_list){0};
    return &handle->object;
}

void handle_free(struct comem_object *handle)
{
    free(handle);
}

static struct comem_object **handle_bucket(const struct handle_table *table, uint64_t offset)
{
    return &table->buckets[offset / HEAP_OBJECT_SIZE & (table->bucket_count - 1)];
}

/* Keeps chains short; when there is no memory they grow longer, which is slower and right. */
static struct handle_table *handle_table_room(struct store_map *map)
{
    struct handle_table *table = map->handles;
    if (table == NULL) {
        table = calloc(1, sizeof *table);
        if (table == NULL)
            return NULL;
        map->handles = table;
    }
    if (table->bucket_count != 0 && table->count < table->bucket_count)
        return table;
    uint64_t wanted = table->bucket_count == 0 ? FIRST_BUCKETS : table->bucket_count * 2;
    struct comem_object **buckets = calloc(wanted, sizeof(struct comem_object *));
    if (buckets == NULL)
        return table->bucket_count != 0 ? table : NULL;
    struct handle_table grown = {buckets, wanted, table->count, table->good};
    for (uint64_t i = 0; i < table->bucket_count; i++)
        for (struct comem_object *handle = table->buckets[i], *next; handle != NULL; handle = next) {
            struct comem_object **bucket = handle_bucket(&grown, handle->offset);
            next = handle->next;
            handle->next = *bucket;
            *bucket = handle;
        }
    free(table->buckets);
    *table = grown;
    return table;
}

struct comem_object *handle_find(const struct store_map *map, uint64_t offset)
{
    if (map->handles == NULL || map->handles->bucket_count == 0)
        return NULL;
    struct comem_object *handle = *handle_bucket(map->handles, offset);
    while (handle != NULL && (handle->offset != offset || handle->identity == 0))
        handle = handle->next;
    return handle;
}

void handle_insert(struct store_map *map, struct comem_object *handle, uint64_t offset, uint64_t identity, word64 *row)
{
    handle->map = map;
    handle->shared = (struct object *)(map->base + offset);
    handle->identity = identity;
    handle->offset = offset;
    handle->row = row;
    handle->count = 1;
    struct handle_table *table = handle_table_room(map);
    if (table == NULL) {
        handle->next = handle; /* in no table: the object gets a second handle if it is read again */
        map->pinned = true;
        return;
    }
    struct comem_object **bucket = handle_bucket(table, offset);
    handle->next = *bucket;
    *bucket = handle;
    table->count++;
    table->good++;
}

void handle_remove(struct store_map *map, struct comem_object *handle)
{
    if (handle_is_absent(handle))
        free(handle->shared);
    struct comem_object **link =
        map->handles == NULL || map->handles->bucket_count == 0 ? NULL : handle_bucket(map->handles, handle->offset);
    while (link != NULL && *link != NULL && *link != handle)
        link = &(*link)->next;
    if (link != NULL && *link == handle) {
        *link = handle->next;
        map->handles->count--;
        map->handles->good -= handle->identity != 0;
    }
    free(handle);
}

bool handle_any(struct store_map *map)
{
    return map->handles != NULL && map->handles->good > 0;
}

void handle_adopt_all(struct store_map *map)
{
    struct handle_table *table = map->handles;
    for (uint64_t i = 0; table != NULL && i < table->bucket_count; i++)
        for (struct comem_object *handle = table->buckets[i]; handle != NULL; handle = handle->next) {
            if (handle->identity == 0)
                continue;
            if (object_identity_type(handle->identity) == OBJECT_LIST) /* another thread may have been changing it */
                ((struct comem_list *)handle)->place = (struct list_place){0};
            handle->row = process_row_find(map, map->process, handle->offset);
            if (handle->row == NULL) { /* nothing would keep the object */
                handle->identity = 0;
                table->good--;
            }
        }
}

void handle_forget_all(struct store_map *map)
{
    struct handle_table *table = map->handles;
    for (uint64_t i = 0; table != NULL && i < table->bucket_count; i++)
        for (struct comem_object *handle = table->buckets[i]; handle != NULL; handle = handle->next) {
            handle->identity = 0;
            handle->row = NULL;
        }
    if (table != NULL)
        table->good = 0;
}

/* ---- handles on what was unmapped ---- */

#define FLAGS_ALL (OBJECT_FACE_MANAGER | OBJECT_DEEP | OBJECT_NO_PICKLE)
#define NOBODYS_LOCK (UINT32_C(1) << 16) /* names no slot, so nobody takes it */

/* What they point at: for each combination of flags a dead object without content, in private memory. */
static struct object unmapped[FLAGS_ALL + 1];

bool handle_is_unmapped(const struct comem_object *handle)
{
    return handle->shared >= unmapped && handle->shared <= &unmapped[FLAGS_ALL];
}

static void unmapped_fill(void)
{
    for (uint32_t flags = 0; flags <= FLAGS_ALL; flags++) {
        word_store(&unmapped[flags].identity, object_identity(0, OBJECT_DEAD, 0));
        word_store(&unmapped[flags].flags, flags);
        word32_store(&unmapped[flags].lock, NOBODYS_LOCK);
    }
}

void handle_cast_off_all(struct store_map *map)
{
    static pthread_once_t filled = PTHREAD_ONCE_INIT;
    struct handle_table *table = map->handles;
    pthread_once(&filled, unmapped_fill);
    for (uint64_t i = 0; table != NULL && i < table->bucket_count; i++) {
        for (struct comem_object *handle = table->buckets[i], *next; handle != NULL; handle = next) {
            next = handle->next;
            handle->shared = &unmapped[word_load(&handle->shared->flags) & FLAGS_ALL];
            handle->next = handle;
        }
        table->buckets[i] = NULL;
    }
    if (table != NULL)
        table->count = 0;
}
