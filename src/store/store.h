/* store.h - mapped stores: making, growing, finding addresses */
#ifndef COMEM_STORE_STORE_H
#define COMEM_STORE_STORE_H

#include "comem.h"
#include "os/os.h"
#include "store/layout.h"

struct participant;
struct process;
struct handle_table;

/* One store mapped into this process: private memory, kept as long as the process lives, because handles point to it. */
struct store_map {
    uint8_t *base; /* NULL: it holds no store now */
    struct store_header *header;
    word32 *page_table;
    struct heap_group *groups;
    uint64_t window, data, size_limit, hash_seed;
    _Atomic uint64_t committed_seen; /* private: the end as last read; it only rises */
    struct os_memory memory;
    uint8_t id[16];
    bool named;                 /* it is a store by name, */
    char *path;                 /* and this is where its file was when it was opened; NULL: not known */
    _Atomic bool refuse_pickle; /* private: this process neither stores pickles there nor reads them */
    uint64_t sweep_page;        /* where the walk for forgotten names goes on; a hint */

    pthread_mutex_t mutex;            /* guards what follows and the handle table; taken before any engine lock */
    struct participant *participants; /* of this process's threads */
    struct process *process;          /* our process record, NULL while no thread is attached */
    struct handle_table *handles;
    _Atomic bool closed;    /* private: closed by name: nobody attaches, and who is attached leaves. Read by anybody */
    bool pinned;            /* something that cannot be told points into it: it is not unmapped */
    struct store_map *next; /* all maps of the process */
    unsigned openings;      /* of a store by name: what comem_close() has to undo; guarded by handle.c */
};

/* Of a store by name: everybody who has it open locks this byte of the file, shared; see named.c. */
#define STORE_LOCK_BYTE 1u

/* Sets the calling thread's detail message. */
void store_detail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same of a sentence that stays, for what is no rare failure: nothing is formatted. */
void store_detail_fixed(const char *sentence);
/* Either, with a status to pass on; a macro, so that compilers and checkers see which one. */
#define store_error(status, ...) (store_detail(__VA_ARGS__), (comem_status)(status))
#define store_answer(status, sentence) (store_detail_fixed(sentence), (comem_status)(status))

/* A map of nothing, to be filled; NULL: no memory. */
struct store_map *store_map_new(void);
/* Unmaps and closes what it holds; the caller has seen to it that no thread uses it. */
void store_map_clear(struct store_map *map);
/* Makes a store in map->memory, which is empty, and maps it. After a failure the map is to be cleared. */
comem_status store_make(struct store_map *map, uint64_t size_limit);
/* Reads the header of what map->memory holds, checks it, and maps it. The same. */
comem_status store_read(const struct os_memory *memory, struct store_header *header);
comem_status store_map_read(struct store_map *map, const struct store_header *header);
/* Whether it begins as a store does, of whatever version. */
bool store_begins(const struct os_memory *memory);
/* Gives what should be on real memory real memory: a copy of a file may have holes. */
comem_status store_commit_again(struct store_map *map);

/* Makes an anonymous store with at most `size_limit` bytes of data and maps it. Its memory object is shared with children. */
comem_status store_map_create(uint64_t size_limit, struct store_map **map);
/* Maps the store that the open descriptor `fd` is of, which is taken over, also on failure. COMEM_GONE: it is not the store
 * `id`, or not to be trusted; COMEM_UNSUPPORTED: it is of another kind; COMEM_DAMAGED; COMEM_SYSTEM: it cannot be mapped. */
comem_status store_map_attach(int fd, const uint8_t id[16], struct store_map **map);
/* Maps the store that the open descriptor `fd` is of, which is taken over, also on failure, to be read only: nothing may enter
 * it, and who has it is not disturbed. COMEM_UNSUPPORTED: no store, or one of another kind; COMEM_DAMAGED: cut short, or it
 * contradicts itself; COMEM_SYSTEM. */
comem_status store_map_look(int fd, struct store_map **map);
/* Whether the map's descriptor is good, or has been made so by borrowing another process's. */
comem_status store_map_descriptor(struct store_map *map);
/* Maps the store of `other` a second time, at another address, as another process would. For tests. */
comem_status store_map_again(const struct store_map *other, struct store_map **map);
/* Clears and frees; the caller has seen to it that no thread uses it. */
void store_map_free(struct store_map *map);

/* Gives the data real memory up to `end` and publishes it. Only by the holder of grow_lock, whose death at any step leaves
 * pages that nobody knows of yet and that the next growth commits again. */
comem_status store_commit_to(struct store_map *map, uint64_t end);

/* Opens the store's memory object again through another process; set by the floor that knows the others. */
extern bool (*store_borrow_descriptor)(struct store_map *map);

/* Whether [offset, offset + size) is data that may be touched. `committed` is read again only when it has to be. */
bool store_holds_slow(struct store_map *map, uint64_t offset, uint64_t size);

/* The end of the data, all of which may be touched. */
static inline uint64_t store_end(const struct store_map *map)
{
    uint64_t end = word_load_acquire(&map->header->committed);
    if (!WORD_LIKELY(end <= atomic_load_explicit(&map->committed_seen, memory_order_relaxed))) { /* private: a cache */
        store_holds_slow((struct store_map *)(uintptr_t)map, 0, 0);
        end = atomic_load_explicit(&map->committed_seen, memory_order_relaxed); /* private: a cache */
    }
    return end < map->data ? map->data : end;
}
static inline bool store_holds(struct store_map *map, uint64_t offset, uint64_t size)
{
    uint64_t end = atomic_load_explicit(&map->committed_seen, memory_order_relaxed); /* private: a cache */
    if (WORD_LIKELY(offset >= map->data && offset % 8 == 0 && offset <= end && size <= end - offset))
        return true;
    return store_holds_slow(map, offset, size);
}

/* The address of [offset, offset + size), NULL when it is not wholly within the data. Nothing read from a store is used as
 * an offset but through this. */
static inline void *store_at(struct store_map *map, uint64_t offset, uint64_t size)
{
    return WORD_LIKELY(store_holds(map, offset, size)) ? map->base + offset : NULL;
}

/* Whether there is room for `count` things of `size` bytes each; a number that says otherwise is damaged. */
static inline bool store_could_hold(struct store_map *map, uint64_t count, uint64_t size)
{
    uint64_t end = atomic_load_explicit(&map->committed_seen, memory_order_relaxed); /* private: a cache */
    if (WORD_LIKELY(count <= (end - map->data) / size))
        return true;
    store_holds_slow(map, 0, 0);
    end = atomic_load_explicit(&map->committed_seen, memory_order_relaxed); /* private: the same, renewed */
    return count <= (end - map->data) / size;
}

/* store_at() for a run of checks: what they compare with is loaded once. */
struct store_view {
    uint8_t *base;
    uint64_t data, room; /* bytes of data */
};

static inline struct store_view store_view(const struct store_map *map)
{
    uint64_t end = atomic_load_explicit(&map->committed_seen, memory_order_relaxed); /* private: a cache */
    struct store_view view = {map->base, map->data, end - map->data};
    return view;
}

/* `size` is at most a span's; NULL: outside, or in what was added since the view was taken. */
static inline void *store_view_at(const struct store_view *view, uint64_t offset, uint64_t size)
{
    bool inside = offset - view->data <= view->room - size && offset % 8 == 0;
    return WORD_LIKELY(inside) ? view->base + offset : NULL;
}

/* Learns how far the data reaches by now, for the views to come. */
static inline void store_view_renew(struct store_map *map)
{
    store_holds_slow(map, 0, 0);
}

static inline uint64_t store_offset(const struct store_map *map, const void *address)
{
    return (uint64_t)((const uint8_t *)address - map->base);
}

#endif
