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
    void (*visit)(struct object_walk *walk, struct object *shared);
    uint64_t now;   /* for stamps: what has run out by then goes, */
    uint64_t first; /* and the first that has not */
    uint64_t scope;
    bool any;
};

static void walk_visit(void *context, uint64_t offset, uint64_t size)
{
    struct object_walk *walk = context;
    (void)size;
    walk->visit(walk, (struct object *)(walk->me->map->base + offset));
}

/* Visits the objects of the first span of such at or after `page`; returns the page behind it, the last one if none is left. */
static uint64_t walk_span(struct object_walk *walk, uint64_t page)
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

static void walk_all(struct object_walk *walk)
{
    const struct store_map *map = walk->me->map;
    for (uint64_t page = map->data / PAGE_SIZE; page < store_end(map) / PAGE_SIZE;)
        page = walk_span(walk, page);
}

/* ---- stamps ---- */

/* Frees an object that only a pickled name kept, if the name has run out. */
static void visit_stamped(struct object_walk *walk, struct object *shared)
{
    uint64_t stamp = word_load(&shared->stamp);
    if (stamp != 0 && stamp <= walk->now && word_load(&shared->links) == 0)
        walk->any |= object_bury(walk->me, shared, walk->now);
}

/* Finds the first stamp of an object that nothing else keeps. Without its lock: visit_stamped() looks again. */
static void visit_to_find_first(struct object_walk *walk, struct object *shared)
{
    uint64_t stamp = word_load(&shared->stamp);
    if (stamp != 0 && stamp < walk->first && object_unnamed(walk->me, shared, word_load(&shared->links), stamp, NULL))
        walk->first = stamp;
}

bool walk_stamped(struct participant *me, uint64_t early)
{
    struct object_walk walk = {.me = me, .visit = visit_to_find_first, .now = os_clock(), .first = UINT64_MAX};
    if (early != 0) {
        walk_all(&walk);
        walk.now = walk.first > UINT64_MAX - early ? walk.first : walk.first + early;
    }
    walk.visit = visit_stamped;
    walk_all(&walk);
    return walk.any;
}

void walk_stamped_step(struct participant *me)
{
    struct object_walk walk = {.me = me, .visit = visit_stamped, .now = os_clock()};
    uint64_t page = me->map->sweep_page;
    if (page < me->map->data / PAGE_SIZE || page >= store_end(me->map) / PAGE_SIZE)
        page = me->map->data / PAGE_SIZE;
    me->map->sweep_page = walk_span(&walk, page); /* another thread may do the same span; no matter */
}

static void visit_to_forget(struct object_walk *walk, struct object *shared)
{
    (void)walk;
    if (word_load(&shared->stamp) != 0)
        word_store(&shared->stamp, 1); /* long ago */
}

void walk_forget_stamps(struct store_map *map)
{
    struct participant nobody = {.map = map};
    struct object_walk walk = {.me = &nobody, .visit = visit_to_forget};
    walk_all(&walk);
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
static void visit_to_shut_down(struct object_walk *walk, struct object *shared)
{
    struct participant *me = walk->me;
    uint64_t scope = walk->scope;
    if (word_load(&shared->scope) != scope || lock_acquire(me, &shared->lock) != COMEM_OK)
        return;
    uint64_t identity = word_load(&shared->identity);
    bool live = word_load(&shared->scope) == scope && object_identity_state(identity) == OBJECT_LIVE;
    if (live) {
        word_publish(&shared->identity,
                     object_identity(object_identity_type(identity), OBJECT_GONE, (uint32_t)identity)); /* commit */
        uint32_t version = record_open_version(me, &shared->version);
        object_drop_content(me, shared);
        record_commit(me);
        record_close_version(me, &shared->version, version);
    }
    lock_release(me, &shared->lock);
    if (live)
        object_finish(me);
    walk->any |= live;
}

comem_status object_shutdown(struct comem_object *handle)
{
    struct participant *me;
    comem_status status = object_enter(handle, &me);
    if (status != COMEM_OK)
        return status;
    struct object_walk walk = {.me = me, .visit = visit_to_shut_down, .scope = word_load(&handle->shared->scope)};
    walk.visit(&walk, handle->shared);
    while (trash_reap(me))
        ;
    participant_leave(me);
    return COMEM_OK;
}

comem_status object_scope_shutdown(comem_store *store, uint64_t scope)
{
    struct participant *me;
    comem_status status = participant_enter(handle_store_map(store), &me);
    if (status != COMEM_OK)
        return status;
    struct object_walk walk = {.me = me, .visit = visit_to_shut_down, .scope = scope};
    if (scope != 0)
        walk_all(&walk);
    while (trash_reap(me))
        ;
    participant_leave(me);
    return COMEM_OK;
}
