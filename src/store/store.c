/* store.c - making, mapping and growing a store
 *
 * A store is a memory object (os/memory.c) whose layout stands in layout.h. The whole window is mapped at once and never
 * remapped, so an address stays good for ever and offset -> address is one addition; only what is below `committed`, and
 * the tables that describe it, is on real memory and may be touched.
 *
 * Attaching    a descriptor of the object comes from a parent, or is opened at a process that has it. The object may be
 *              anything then: it is looked at from outside (seals, owner), its header is read into private memory, and
 *              every number in it is checked before the window is mapped; what is used later is the private copy.
 * Written by   everything up to scope_counter's line: the maker, before the object is handed to anybody.
 *              committed: the holder of grow_lock (heap/grow.c).
 * A death      while making or attaching: the object goes with its last descriptor, and nobody knows of who came to look. While growing: see store_commit_to().
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/store.h"

#define STORE_MAGIC UINT64_C(0x0A0D006D656D6F63) /* "comem\0\r\n" */

bool (*store_borrow_descriptor)(struct store_map *map);

static _Thread_local char detail_room[256];
static _Thread_local const char *detail = "";

void store_detail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail_room, sizeof detail_room, format, arguments);
    va_end(arguments);
    detail = detail_room;
}

void store_detail_fixed(const char *sentence)
{
    detail = sentence;
}

const char *comem_detail(void)
{
    return detail;
}

/* Whatever must be equal for two programs to understand each other's store, in one word. */
static uint64_t store_fingerprint(void)
{
    const uint64_t facts[] = {LAYOUT_FORMAT,
                              PAGE_SHIFT,
                              SPAN_SHIFT,
                              LIST_BLOCK_SHIFT,
                              DICT_PAGE_SHIFT,
                              DICT_SEGMENT_SHIFT,
                              sizeof(struct store_header),
                              sizeof(struct heap_group),
                              sizeof(pthread_mutex_t),
                              sizeof(void *)};
    const uint64_t order = UINT64_C(0x0102030405060708);
    uint64_t sum = UINT64_C(0xCBF29CE484222325); /* FNV-1a; the byte order of `order` brings in the machine's */
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++)
        for (unsigned byte = 0; byte < 8; byte++)
            sum = (sum ^ ((facts[i] >> (8 * byte)) & 0xFF)) * UINT64_C(0x100000001B3);
    for (size_t byte = 0; byte < sizeof order; byte++)
        sum = (sum ^ ((const uint8_t *)&order)[byte]) * UINT64_C(0x100000001B3);
    return sum;
}

static uint64_t round_up(uint64_t value, uint64_t multiple)
{
    return (value + multiple - 1) / multiple * multiple;
}

/* Puts the tables and the data of a window of `window` bytes in their places. */
static void header_plan(struct store_header *header, /* private: a plan on the stack */ uint64_t window)
{
    uint64_t pages = window / PAGE_SIZE, groups = pages / GROUP_PAGES + 1;
    header->window = window;
    header->page_table = SPAN_SIZE;
    header->group_table = header->page_table + round_up(pages * sizeof(word32), SPAN_SIZE);
    header->data = header->group_table + round_up(groups * sizeof(struct heap_group), SPAN_SIZE);
}

/* Refuses what another program, another version or another machine made, or what is no store. */
static comem_status header_check(const struct store_header *header)
{
    struct store_header plan; /* private: on the stack */
    if (header->magic != STORE_MAGIC)
        return store_error(COMEM_UNSUPPORTED, "this is no comem store");
    if (header->fingerprint != store_fingerprint())
        return store_error(COMEM_UNSUPPORTED,
                           "the store was made by another version of comem, or on another kind of machine");
    header_plan(&plan, header->window);
    if (header->window % PAGE_SIZE != 0 || header->window > LAYOUT_WINDOW || header->page_table != plan.page_table ||
        header->group_table != plan.group_table || header->data != plan.data || plan.data > header->window)
        return store_error(COMEM_DAMAGED, "the store's header contradicts itself");
    return COMEM_OK;
}

/* Takes `base`, where the window was mapped that `header`, a private copy, tells of; NULL: it could not be. */
static comem_status map_window(struct store_map *map, const struct store_header *header, void *base)
{
    map->window = header->window;
    map->data = header->data;
    map->size_limit = header->size_limit;
    map->hash_seed = header->hash_seed;
    map->named = header->named != 0;
    memcpy(map->id, header->id, sizeof map->id); /* private: the map's own copy */
    map->base = base;
    if (base == NULL)
        return store_error(errno == ENOMEM ? COMEM_NO_MEMORY : COMEM_SYSTEM,
                           "cannot map %llu bytes of address space: %s%s", (unsigned long long)map->window,
                           strerror(errno), errno == ENOMEM ? " (ulimit -v of this process)" : "");
    map->header = (struct store_header *)map->base;
    map->page_table = (word32 *)(map->base + header->page_table);
    map->groups = (struct heap_group *)(map->base + header->group_table);
    return COMEM_OK;
}

struct store_map *store_map_new(void)
{
    struct store_map *map = calloc(1, sizeof *map);
    if (map != NULL) {
        map->memory.fd = -1;
        pthread_mutex_init(&map->mutex, NULL);
    }
    return map;
}

comem_status store_make(struct store_map *map, uint64_t size_limit)
{
    struct store_header plan;
    memset(&plan, 0, sizeof plan); /* private: on the stack until the store is mapped */
    header_plan(&plan, os_memory_window(LAYOUT_WINDOW));
    uint64_t birth = plan.data + (LAYOUT_FIXED_SPANS + LAYOUT_HEAP_SPANS_AT_BIRTH) * SPAN_SIZE;
    if (birth > plan.window)
        return store_error(
            COMEM_NO_MEMORY,
            "this process's limits of address space and file size (ulimit -v, -f) leave no room for a store: "
            "it needs some MiB of each");
    plan.magic = STORE_MAGIC;
    plan.fingerprint = store_fingerprint();
    plan.size_limit = size_limit;
    if (!os_random(plan.id, sizeof plan.id) || !os_random(&plan.hash_seed, sizeof plan.hash_seed))
        return store_error(COMEM_SYSTEM, "getrandom: %s", strerror(errno));
    if (map->named) {
        plan.named = 1;
        word_store(&plan.boot, os_boot());
        word_store(&plan.device, map->memory.device);
        word_store(&plan.inode, map->memory.inode);
    }
    if (!os_memory_commit(&map->memory, 0, SPAN_SIZE))
        return store_error(COMEM_NO_MEMORY, "no room for a store's header: %s", strerror(errno));
    comem_status status = map_window(map, &plan, os_memory_map(&map->memory, plan.window));
    if (status != COMEM_OK)
        return status;
    word_fill(map->header, &plan, offsetof(struct store_header, committed));
    word_store(&map->header->committed, plan.data);
    status = store_commit_to(map, birth);
    if (status != COMEM_OK)
        return status;
    store_view_renew(map);
    word_store(&map->header->slot_chunks[0], plan.data);
    word_store(&map->header->process_chunks[0], plan.data + SPAN_SIZE);
    uint64_t first_page = (plan.data + LAYOUT_FIXED_SPANS * SPAN_SIZE) / PAGE_SIZE;
    word_store(&map->header->page_hint, first_page);
    word_store(&map->header->span_hint, first_page);
    return COMEM_OK;
}

comem_status store_map_create(uint64_t size_limit, struct store_map **map)
{
    struct store_map *made = store_map_new();
    if (made == NULL)
        return store_error(COMEM_NO_MEMORY, "malloc of %zu bytes failed", sizeof *made);
    comem_status status = os_memory_create(&made->memory)
                              ? store_make(made, size_limit)
                              : store_error(COMEM_SYSTEM, "cannot make a memory object: %s", strerror(errno));
    if (status == COMEM_OK)
        *map = made;
    else
        store_map_free(made);
    return status;
}

/* Reads the header of the object into `header`, private memory, and looks at every number in it. */
comem_status store_read(const struct os_memory *memory, struct store_header *header)
{
    header->magic = 0; /* private: the caller's */
    bool whole = os_memory_read(memory, header, sizeof *header);
    if (!whole && header->magic == STORE_MAGIC)
        return store_error(COMEM_DAMAGED, "the store is cut short: not even its header is whole");
    comem_status status = header_check(header);
    if (status != COMEM_OK)
        return status;
    uint64_t end = word_load(&header->committed);
    if (end < header->data || end > header->window)
        return store_error(COMEM_DAMAGED, "the store's header contradicts itself");
    uint64_t size = os_memory_size(memory); /* not before `end`: the store may grow meanwhile */
    if (end > size)
        return store_error(COMEM_DAMAGED, "the store is cut short: of %llu bytes %llu are there",
                           (unsigned long long)end, (unsigned long long)size);
    if (word_load(&header->slot_chunks[0]) != header->data ||
        word_load(&header->process_chunks[0]) != header->data + SPAN_SIZE)
        return store_error(COMEM_DAMAGED, "the store's header names the wrong tables");
    return COMEM_OK;
}

bool store_begins(const struct os_memory *memory)
{
    uint64_t magic;
    return os_memory_read(memory, &magic, sizeof magic) && magic == STORE_MAGIC;
}

comem_status store_map_read(struct store_map *map, const struct store_header *header)
{
    comem_status status = map_window(map, header, os_memory_map(&map->memory, header->window));
    if (status == COMEM_OK)
        store_view_renew(map);
    return status;
}

/* Whether the object is of those that nobody else can change or cut short. */
static comem_status look_from_outside(const struct os_memory *memory)
{
    struct os_file file;
    bool sealed = os_memory_sealed(memory);
    if (!os_file_of(memory->fd, &file) ||
        (!sealed && (file.kind != OS_FILE_REGULAR || !os_file_system_known(memory->fd))))
        return store_error(COMEM_GONE, "what was opened is no comem store");
    if (sealed ? !os_memory_trusted(memory) : !file.ours)
        return store_error(COMEM_GONE, "the store belongs to another user");
    if (!sealed && !file.secret)
        return store_error(COMEM_GONE, "others than its owner may use the store");
    return COMEM_OK;
}

/* Maps what a process gave a descriptor of: nothing of it is believed. */
static comem_status store_attach(struct store_map *map, const uint8_t id[16])
{
    struct store_header header; /* private: a copy that nobody changes between check and use */
    comem_status status = look_from_outside(&map->memory);
    if (status != COMEM_OK)
        return status;
    status = store_read(&map->memory, &header);
    if (status == COMEM_UNSUPPORTED && header.magic != STORE_MAGIC)
        status = COMEM_GONE;
    if (status == COMEM_OK && memcmp(header.id, id, sizeof header.id) != 0)
        status = store_error(COMEM_GONE, "what was opened is another store");
    if (status == COMEM_OK && header.named != 0 && !os_file_lock(map->memory.fd, STORE_LOCK_BYTE, OS_LOCK_SHARED))
        status = store_error(COMEM_GONE, "the store is being mended");
    return status == COMEM_OK ? store_map_read(map, &header) : status;
}

comem_status store_map_attach(int fd, const uint8_t id[16], struct store_map **map)
{
    struct store_map *made = store_map_new();
    if (made == NULL) {
        os_close(fd);
        return store_error(COMEM_NO_MEMORY, "malloc of %zu bytes failed", sizeof *made);
    }
    comem_status status = os_memory_adopt(&made->memory, fd)
                              ? store_attach(made, id)
                              : store_error(COMEM_GONE, "the store's descriptor is closed: %s", strerror(errno));
    if (status == COMEM_OK)
        *map = made;
    else
        store_map_free(made);
    return status;
}

/* Of a store that may be anybody's and anything. */
static comem_status store_look(struct store_map *map)
{
    struct store_header header; /* private: a copy that nobody changes between check and use */
    comem_status status = store_read(&map->memory, &header);
    if (status != COMEM_OK)
        return status;
    status = map_window(map, &header, os_memory_map_to_read(&map->memory, header.window));
    if (status == COMEM_OK)
        store_view_renew(map);
    return status;
}

comem_status store_map_look(int fd, struct store_map **map)
{
    struct store_map *made = store_map_new();
    if (made == NULL) {
        os_close(fd);
        return store_error(COMEM_NO_MEMORY, "malloc of %zu bytes failed", sizeof *made);
    }
    comem_status status = os_memory_adopt(&made->memory, fd)
                              ? store_look(made)
                              : store_error(COMEM_SYSTEM, "the store's descriptor is closed: %s", strerror(errno));
    if (status == COMEM_OK)
        *map = made;
    else
        store_map_free(made);
    return status;
}

comem_status store_map_again(const struct store_map *other, struct store_map **map)
{
    int fd = os_memory_open((int)os_process_id(), other->memory.fd);
    if (fd < 0)
        return store_error(COMEM_SYSTEM, "cannot open the store again: %s", strerror(errno));
    return store_map_attach(fd, other->id, map);
}

void store_map_clear(struct store_map *map)
{
    if (map->base != NULL)
        os_memory_unmap(map->base, map->window);
    if (map->memory.fd >= 0)
        os_memory_close(&map->memory);
    map->base = NULL;
    map->header = NULL;
    map->page_table = NULL;
    map->groups = NULL;
    map->window = map->data = 0;
    map->named = false;
    free(map->path);
    map->path = NULL;
    map->sweep_page = 0;
    memset(map->id, 0, sizeof map->id);                                      /* private: the map's own */
    atomic_store_explicit(&map->committed_seen, 0, memory_order_relaxed);    /* private: a cache */
    atomic_store_explicit(&map->refuse_pickle, false, memory_order_relaxed); /* private: the process's */
}

void store_map_free(struct store_map *map)
{
    store_map_clear(map);
    pthread_mutex_destroy(&map->mutex);
    free(map);
}

/* Opens the file of a store by name once more, if it is where it was. */
static bool open_again(struct store_map *map)
{
    struct os_memory found;
    int fd = map->path == NULL ? -1 : os_file_open(map->path);
    if (fd < 0 || !os_memory_adopt(&found, fd))
        return false;
    if (found.device != map->memory.device || found.inode != map->memory.inode) {
        os_close(found.fd);
        return false;
    }
    map->memory.fd = found.fd;
    return true;
}

/* The descriptor may have been closed by a daemon that closes all it finds; then the file is opened again, or a living process
 * lends its own. */
comem_status store_map_descriptor(struct store_map *map)
{
    if (os_memory_intact(&map->memory))
        return COMEM_OK;
    map->memory.fd = -1; /* whatever has the number now is not ours to close */
    if (open_again(map) || (store_borrow_descriptor != NULL && store_borrow_descriptor(map))) {
        if (map->named) /* the lock went with the descriptor */
            os_file_lock(map->memory.fd, STORE_LOCK_BYTE, OS_LOCK_SHARED);
        return COMEM_OK;
    }
    return store_error(COMEM_SYSTEM,
                       "this process closed the store's descriptor (a daemon closing all it finds?), and no other "
                       "process can lend one; close descriptors before using comem");
}

static comem_status commit_part(struct store_map *map, uint64_t offset, uint64_t end)
{
    if (os_memory_commit(&map->memory, offset, end - offset))
        return COMEM_OK;
    return store_error(COMEM_NO_MEMORY, "the store cannot grow beyond %llu bytes: %s%s",
                       (unsigned long long)(word_load(&map->header->committed) - map->data), strerror(errno),
                       errno == EFBIG ? " (RLIMIT_FSIZE of this process)" : "");
}

comem_status store_commit_to(struct store_map *map, uint64_t end)
{
    uint64_t start = word_load(&map->header->committed);
    uint64_t page_table = store_offset(map, map->page_table), group_table = store_offset(map, map->groups);
    comem_status status = store_map_descriptor(map);
    if (status == COMEM_OK)
        status = commit_part(map, start, end);
    if (status == COMEM_OK)
        status = commit_part(map, page_table + start / PAGE_SIZE * sizeof(word32),
                             page_table + end / PAGE_SIZE * sizeof(word32));
    if (status == COMEM_OK)
        status = commit_part(map, group_table + start / PAGE_SIZE / GROUP_PAGES * sizeof(struct heap_group),
                             group_table + (end / PAGE_SIZE / GROUP_PAGES + 1) * sizeof(struct heap_group));
    if (status == COMEM_OK)
        word_publish(&map->header->committed, end);
    return status;
}

comem_status store_commit_again(struct store_map *map)
{
    uint64_t end = word_load(&map->header->committed);
    uint64_t page_table = store_offset(map, map->page_table), group_table = store_offset(map, map->groups);
    uint64_t first_page = map->data / PAGE_SIZE, last_group = end / PAGE_SIZE / GROUP_PAGES;
    comem_status status = commit_part(map, 0, SPAN_SIZE);
    if (status == COMEM_OK)
        status = commit_part(map, map->data, end);
    if (status == COMEM_OK)
        status =
            commit_part(map, page_table + first_page * sizeof(word32), page_table + end / PAGE_SIZE * sizeof(word32));
    if (status == COMEM_OK)
        status = commit_part(map, group_table + first_page / GROUP_PAGES * sizeof(struct heap_group),
                             group_table + (last_group + 1) * sizeof(struct heap_group));
    return status;
}

/* What the object really has: a `committed` that was damaged upwards must not lead to where there is no page. */
static uint64_t end_that_is_there(struct store_map *map, uint64_t end)
{
    uint64_t size = os_memory_size(&map->memory);
    return size == 0 || end <= size ? end : map->data;
}

bool store_holds_slow(struct store_map *map, uint64_t offset, uint64_t size)
{
    uint64_t end = word_load_acquire(&map->header->committed),
             seen = atomic_load_explicit(&map->committed_seen, memory_order_relaxed); /* private: a cache */
    if (end > seen && end <= map->window && (end = end_that_is_there(map, end)) > seen) {
        atomic_store_explicit(&map->committed_seen, end, memory_order_relaxed); /* private: a cache, which only rises */
        seen = end;
    }
    return offset >= map->data && offset % 8 == 0 && offset <= seen && size <= seen - offset;
}
