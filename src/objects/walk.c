/* walk.c - looking at all objects: names that have run out, managers that are shut down
 *
 * A walk goes along the page table from one span of objects to the next and visits the headers in use. Objects that are made
 * or freed meanwhile may be visited or not. A visit takes the object's lock, if it does more than look.
 *
 * Early        when the store is full, an object that only a pickled name keeps goes before its time: the one whose time would
 *              be the first, and what is within a span of it that doubles with each try (trash.c).
 * A death      in a visit: each is an operation of its own.
 */
#include "objects/handle.h"

struct object_walk {
    struct participant *me;
    bool (*visit)(struct participant *me, struct object *shared, uint64_t *argument);
    uint64_t *argument;
    bool any;
};

static void walk_visit(void *context, uint64_t offset, uint64_t size)
{
    struct object_walk *walk = context;
    (void)size;
    walk->any |= walk->visit(walk->me, (struct object *)(walk->me->map->base + offset), walk->argument);
}

/* Visits the objects of the first span of such at or after `page`; returns the page behind it, the last one if none is left. */
static uint64_t object_walk_span(struct object_walk *walk, uint64_t page)
{
    struct store_map *map = walk->me->map;
    for (uint64_t end = store_end(map) / PAGE_SIZE; page < end; page++) {
        uint32_t entry = word32_load(&map->page_table[page]);
        if (heap_page_kind(entry) != PAGE_SPAN || heap_page_class(entry) != HEAP_CLASS_OBJECT)
            continue;
        heap_walk_page(map, page, walk_visit, walk);
        return page + SPAN_PAGES;
    }
    return page;
}

static bool object_walk_all(struct participant *me, bool (*visit)(struct participant *, struct object *, uint64_t *),
                            uint64_t *argument)
{
    struct object_walk walk = {me, visit, argument, false};
    for (uint64_t page = me->map->data / PAGE_SIZE; page < store_end(me->map) / PAGE_SIZE;)
        page = object_walk_span(&walk, page);
    return walk.any;
}

/* ---- stamps ---- */

/* Frees an object that only a pickled name kept, if the name has run out by `now`. */
static bool sweep_stamped_one(struct participant *me, struct object *shared, uint64_t *now)
{
    uint64_t stamp = word_load(&shared->stamp);
    return stamp != 0 && stamp <= *now && word_load(&shared->links) == 0 && object_bury(me, shared, *now);
}

/* Lowers *first to the object's stamp, if that is all that keeps it. */
static bool find_stamped_one(struct participant *me, struct object *shared, uint64_t *first)
{
    uint64_t stamp = word_load(&shared->stamp);
    if (stamp != 0 && stamp < *first && object_unnamed(me, shared, word_load(&shared->links), stamp, NULL))
        *first = stamp; /* without its lock: a first look, and sweep_stamped_one() takes another */
    return false;
}

bool walk_stamped(struct participant *me, uint64_t early)
{
    uint64_t now = os_clock();
    if (early != 0) {
        uint64_t first = UINT64_MAX;
        object_walk_all(me, find_stamped_one, &first);
        now = first > UINT64_MAX - early ? first : first + early;
    }
    return object_walk_all(me, sweep_stamped_one, &now);
}

void walk_stamped_step(struct participant *me)
{
    uint64_t now = os_clock();
    struct object_walk walk = {me, sweep_stamped_one, &now, false};
    uint64_t page = me->map->sweep_page;
    if (page < me->map->data / PAGE_SIZE || page >= store_end(me->map) / PAGE_SIZE)
        page = me->map->data / PAGE_SIZE;
    me->map->sweep_page = object_walk_span(&walk, page); /* another thread may do the same span; no matter */
}

/* ---- scopes ---- */

comem_status object_scope_new(comem_store *store, uint64_t *scope)
{
    struct store_map *map = handle_store_map(store);
    *scope = word_add(&map->header->scope_counter, 1) + 1;
    return COMEM_OK;
}

/* First the state, which one store changes, then what the object held. After a death between the two that goes with the
 * object. */
static bool shutdown_one(struct participant *me, struct object *shared, uint64_t *argument)
{
    uint64_t scope = *argument;
    if (word_load(&shared->scope) != scope || lock_acquire(me, &shared->lock) != COMEM_OK)
        return false;
    uint64_t identity = word_load(&shared->identity), table = word_load(&shared->table);
    bool live = word_load(&shared->scope) == scope && object_identity_state(identity) == OBJECT_LIVE;
    if (live) {
        word_publish(&shared->identity,
                     object_identity(object_identity_type(identity), OBJECT_GONE, (uint32_t)identity)); /* commit */
        uint32_t version = record_open_version(me, &shared->version);
        if (table_offset(table) != 0)
            record_add(me, RECORD_TRASH, table_offset(table), 0);
        record_add_watch(me, &shared->table);
        word_publish(&shared->table, table_next(table, 0)); /* commit */
        record_commit(me);
        record_close_version(me, &shared->version, version);
    }
    lock_release(me, &shared->lock);
    if (live)
        heap_finish(me, 0);
    return live;
}

comem_status object_scope_shutdown(comem_store *store, uint64_t scope)
{
    struct participant *me;
    comem_status status = participant_enter(handle_store_map(store), &me);
    if (status != COMEM_OK)
        return status;
    if (scope != 0)
        object_walk_all(me, shutdown_one, &scope);
    while (trash_reap(me))
        ;
    participant_leave(me);
    return COMEM_OK;
}
