/* object.c - objects' headers: birth, links, death
 *
 * Layout       struct object, 128 bytes in spans that never hold anything else (heap.c), so that a stale offset meets a
 *              header, whose generation tells that it is another object's.
 * Lifetime     an object lives while a cell names it (links), a process holds it (process.c) or a pickled name was given out
 *              not long ago (stamp). There is no count of handles. Who takes away the last of these, under the object's
 *              lock, makes it DEAD and gives it to the trash, in one operation.
 * Lock order   one object lock at a time: a link is counted up before its container is locked and down after. Meanwhile the
 *              record owes it (OWE, UNLINK), so that a death between the two leaves a debt for a reaper, not a wrong count.
 * Commit       birth: the store of the row that holds it. Death: COMMITTED over {row or links, identity, TRASH}.
 * A death      before the commit: as if nothing had been; after it the trash has the object. Owing slots: repair.c.
 */
#include "objects/object.h"

#include "objects/handle.h"
#include "objects/value.h"

#define RELEASE_STEPS 4u /* of trash: the object, its table, and something besides */

/* ---- birth ---- */

/* The lock is held: somebody who walks all headers, or had a reference to what was here before, may want it at any time. */
static void object_fill(struct object *shared, uint64_t identity, uint64_t scope, uint32_t flags)
{
    word_store(&shared->header.next, 0);
    word_store(&shared->header.info, block_info(BLOCK_OBJECT));
    word_store(&shared->version, (word_load(&shared->version) + 1) & ~UINT64_C(1)); /* versions only rise */
    word_store(&shared->links, 0);
    word_store(&shared->stamp, 0);
    word_store(&shared->flags, flags);
    word_store(&shared->scope, scope);
    word_store(&shared->table, table_next(word_load(&shared->table), 0));
    cell_store(&shared->content, (struct cell_image){COMEM_NONE, 0});
    word_publish(&shared->identity, identity);
}

/* Allocates a header and finds it a row; ALLOC is in the record. The map's mutex is held. */
static comem_status object_room(struct participant *me, uint64_t *offset, word64 **row)
{
    for (;;) {
        comem_status status = heap_alloc_object(me, offset);
        if (status != COMEM_OK)
            return status;
        *row = process_row_free(me->map, me->map->process, *offset);
        if (*row != NULL)
            return COMEM_OK;
        heap_abandon(me, 0); /* a new table of rows is an operation of its own */
        status = process_row(me, me->map->process, *offset, row);
        if (status != COMEM_OK)
            return status;
    }
}

static comem_status object_make(struct participant *me, enum object_type type, uint64_t scope, uint32_t flags,
                                struct comem_object **handle)
{
    uint64_t offset;
    word64 *row;
    struct comem_object *made = handle_allocate();
    if (made == NULL)
        return store_error(COMEM_NO_MEMORY, "malloc of a handle failed");
    comem_status status = object_room(me, &offset, &row);
    struct object *shared = status == COMEM_OK ? store_at(me->map, offset, sizeof *shared) : NULL;
    if (shared == NULL) {
        handle_free(made);
        return status != COMEM_OK ? status : store_error(COMEM_DAMAGED, "the heap gave an object outside the store");
    }
    status =
        lock_acquire(me, &shared->lock); /* or who had a stale reference would find it named by nothing, and free it */
    if (status != COMEM_OK) {
        heap_abandon(me, 0);
        handle_free(made);
        return status;
    }
    uint64_t identity = object_identity(type, OBJECT_LIVE, (uint32_t)word_load(&shared->identity) + 1);
    object_fill(shared, identity, scope, flags);
    record_add_watch(me, row);
    word_store(row, offset); /* commit */
    record_clear(me);
    lock_release(me, &shared->lock);
    handle_insert(me->map, made, offset, identity, row);
    *handle = made;
    return COMEM_OK;
}

comem_status object_new(struct participant *me, enum object_type type, uint64_t scope, uint32_t flags,
                        struct comem_object **handle)
{
    map_lock(me);
    comem_status status = object_make(me, type, scope, flags, handle);
    pthread_mutex_unlock(&me->map->mutex);
    return status;
}

comem_status object_new_in(comem_store *store, enum object_type type, uint64_t scope, uint32_t flags,
                           struct comem_object **handle)
{
    struct participant *me;
    comem_status status = participant_enter(handle_store_map(store), &me);
    if (status != COMEM_OK)
        return status;
    unsigned tries = heap_first_try(me);
    do {
        status = object_new(me, type, scope, flags, handle);
    } while (heap_try_again(me, status, &tries));
    trash_work(me, 1);
    participant_leave(me);
    return status;
}

/* ---- locks ---- */

comem_status object_gone(const struct comem_object *handle)
{
    if (handle_is_absent(handle))
        return handle_absence(handle);
    if (handle->identity == 0 && (handle_is_unmapped(handle) || handle->map->closed))
        return store_answer(COMEM_GONE,
                            "the store was closed in this process: open it again, and take its objects from there");
    if (handle->identity == 0)
        return store_error(
            COMEM_GONE,
            "this process has no references: it left the store, was made by a raw clone(), or its parent could "
            "not make a record for it (store full, no /proc, descriptors closed)");
    if (object_identity_state(word_load(&handle->shared->identity)) == OBJECT_GONE)
        return store_error(COMEM_GONE,
                           "the object was shut down with its manager, by shutdown() or the end of a with block");
    return store_error(COMEM_GONE, "the object is no longer there");
}

comem_status object_lock_to_read(struct participant *me, struct comem_object *handle)
{
    for (;;) {
        comem_status status = object_lock(me, handle);
        if (status != COMEM_OK || pthread_mutex_trylock(&me->map->mutex) == 0)
            return status;
        lock_release(me, &handle->shared->lock); /* who has the mutex may be about to take it */
        map_lock(me);
        pthread_mutex_unlock(&me->map->mutex);
    }
}

comem_status object_foreign(const struct comem_object *handle)
{
    if (handle_is_absent(handle))
        return handle_absence(handle);
    return store_error(COMEM_INVALID,
                       "a shared object of another store cannot be referred to from this one: store a copy of "
                       "its content");
}

struct object *object_at(struct store_map *map, uint64_t offset)
{
    return heap_is_object(map, offset) ? (struct object *)(map->base + offset) : NULL;
}

/* ---- death; the object's lock is held ---- */

bool object_unnamed(struct participant *me, const struct object *shared, uint64_t links, uint64_t now,
                    const word64 *but)
{
    uint64_t stamp = word_load(&shared->stamp);
    return links == 0 && object_identity_state(word_load(&shared->identity)) != OBJECT_DEAD &&
           (stamp == 0 || now >= stamp) && !process_holds(me->map, store_offset(me->map, shared), but);
}

/* object_unnamed() at this moment. The clock is read for objects with a stamp only: it takes as long as the rest. */
static bool object_unnamed_now(struct participant *me, const struct object *shared, uint64_t links, const word64 *but)
{
    uint64_t now = word_load(&shared->stamp) == 0 ? 0 : os_clock();
    return object_unnamed(me, shared, links, now, but);
}

/* Records the death; the caller stores the identity and commits. */
static void object_record_death(struct participant *me, struct object *shared)
{
    record_add_word(me, &shared->identity);
    record_add(me, RECORD_TRASH, store_offset(me->map, shared), 0);
}

static void object_store_death(struct object *shared)
{
    uint64_t identity = word_load(&shared->identity);
    word_store(&shared->identity, object_identity(object_identity_type(identity), OBJECT_DEAD, (uint32_t)identity));
}

/* Ends an operation of {words, perhaps a death} on `shared` that keeps the first `keep` entries. */
static void object_close(struct participant *me, struct object *shared, bool died, uint32_t keep)
{
    if (died)
        record_commit(me);
    else if (keep > 0)
        record_savepoint(me, me->record_base + keep);
    else
        record_clear(me);
    lock_release(me, &shared->lock);
    if (died)
        heap_finish(me, keep);
}

/* ---- references ---- */

void object_drop_row(struct participant *me, word64 *row)
{
    struct object *shared = object_at(me->map, word_load(row));
    if (shared == NULL || lock_acquire(me, &shared->lock) != COMEM_OK) {
        word_store(row, 0);
        return;
    }
    bool died = object_unnamed_now(me, shared, word_load(&shared->links), row);
    if (died) {
        record_add_word(me, row);
        object_record_death(me, shared);
        object_store_death(shared);
    }
    word_store(row, 0);
    object_close(me, shared, died, 0);
}

bool object_bury(struct participant *me, struct object *shared, uint64_t now)
{
    if (lock_acquire(me, &shared->lock) != COMEM_OK)
        return false;
    bool died = object_unnamed(me, shared, word_load(&shared->links), now, NULL);
    if (died) {
        object_record_death(me, shared);
        object_store_death(shared);
    }
    object_close(me, shared, died, 0);
    return died;
}

bool object_drop(struct participant *me, struct comem_object *handle)
{
    word64 *row = handle->row;
    if (--handle->count > 0)
        return false;
    handle_remove(handle->map, handle);
    if (row != NULL && me != NULL) /* a handle that the process has lost has neither */
        object_drop_row(me, row);
    return true;
}

void object_release(struct comem_object *handle)
{
    struct participant *me = NULL;
    struct store_map *map = handle->map;
    if (handle->identity != 0 && participant_enter(map, &me) != COMEM_OK)
        return;     /* from a signal handler: the reference stays until the process ends */
    if (me != NULL) /* over both, or a fork between them would give the child a row without a handle */
        map_lock(me);
    else
        pthread_mutex_lock(&map->mutex);
    bool last = object_drop(me, handle);
    pthread_mutex_unlock(&map->mutex);
    if (me == NULL)
        return;
    if (last)
        trash_work(me, RELEASE_STEPS);
    participant_leave(me);
}

void object_hold(struct comem_object *handle)
{
    handle->count++; /* the caller holds one, so it is not on its way to 0 */
}

comem_status object_take(struct participant *me, struct cell_image image, bool (*still)(const void *),
                         const void *context, struct comem_object **handle)
{
    struct store_map *map = me->map;
    struct comem_object *known = handle_find(map, image.body);
    *handle = NULL;
    if (known != NULL && (uint32_t)known->identity == cell_ref_generation(image.head) && known->identity != 0) {
        if (still(context)) {
            known->count++;
            *handle = known;
        }
        return COMEM_OK;
    }
    word64 *row;
    const struct object *shared = object_at(map, image.body);
    if (shared == NULL)
        return still(context) ? store_error(COMEM_DAMAGED, "a cell refers to no object") : COMEM_OK;
    comem_status status = process_row(me, map->process, image.body, &row);
    struct comem_object *made = status == COMEM_OK ? handle_allocate() : NULL;
    if (made == NULL)
        return status != COMEM_OK ? status : store_error(COMEM_NO_MEMORY, "malloc of a handle failed");
    word_store(row, image.body);
    word_fence_full(); /* who frees the object has changed the cell, fences, and looks at this row */
    if (!still(context)) {
        handle_free(made);
        object_drop_row(me, row);
        return COMEM_OK;
    }
    uint64_t identity = word_load_acquire(&shared->identity);
    if (identity >> 48 != OBJECT_MAGIC || !object_type_known(object_identity_type(identity))) {
        handle_free(made);
        word_store(row, 0);
        return store_error(COMEM_DAMAGED, "a cell refers to a header that no object has");
    }
    handle_insert(map, made, image.body,
                  object_identity(object_identity_type(identity), OBJECT_LIVE, cell_ref_generation(image.head)), row);
    *handle = made;
    return COMEM_OK;
}

/* ---- links ---- */

struct cell_image object_ref_image(const struct comem_object *handle)
{
    return object_image(handle->offset, (uint32_t)handle->identity);
}

comem_status object_link(struct participant *me, struct comem_object *handle)
{
    struct object *shared = handle->shared;
    comem_status status = object_lock(me, handle);
    if (status != COMEM_OK)
        return status;
    record_add_word(me, &shared->links);
    record_stage(me, me->record_end, RECORD_OWE, handle->offset, 0);
    word_store(&shared->links, word_load(&shared->links) + 1);
    record_switch(me, RECORD_ACTIVE, me->record_end, me->record_end + 1); /* from "undo it" to "owe it" in one store */
    lock_release(me, &shared->lock);
    return COMEM_OK;
}

comem_status object_link_with(struct participant *me, struct comem_object *handle, uint32_t keep, word64 *with,
                              uint64_t value)
{
    struct object *shared = handle->shared;
    comem_status status = object_lock(me, handle);
    if (status != COMEM_OK)
        return status;
    record_add_word(me, &shared->links);
    record_add_word(me, with);
    word_store(&shared->links, word_load(&shared->links) + 1);
    word_store(with, value);
    object_close(me, shared, false, keep);
    return COMEM_OK;
}

void object_unlink(struct participant *me, uint64_t object, uint32_t keep, word64 *with, uint64_t value)
{
    struct object *shared = object_at(me->map, object);
    if (shared == NULL || lock_acquire(me, &shared->lock) != COMEM_OK) { /* damage: nothing to count */
        if (with != NULL)
            word_store(with, value);
        if (keep > 0)
            record_savepoint(me, me->record_base + keep);
        else
            record_clear(me);
        return;
    }
    uint64_t links = word_load(&shared->links);
    links -= links > 0;
    bool died = object_unnamed_now(me, shared, links, NULL);
    if (with != NULL)
        record_add_word(me, with);
    record_add_word(me, &shared->links);
    if (died)
        object_record_death(me, shared);
    if (with != NULL)
        word_store(with, value);
    word_store(&shared->links, links);
    if (died)
        object_store_death(shared);
    object_close(me, shared, died, keep);
}

comem_status object_finish(struct participant *me)
{
    uint64_t unlinked = 0;
    for (uint32_t i = me->record_base; i < me->record_end && unlinked == 0; i++) {
        uint64_t what = word_load(&me->slot->record.entries[i].what);
        if (record_kind(what) == RECORD_UNLINK)
            unlinked = what & RECORD_OFFSET_MASK;
    }
    if (unlinked == 0)
        return heap_finish(me, 0);
    comem_status status = heap_settle(me, 0);
    if (status != COMEM_OK)
        return status;
    record_stage(me, me->record_end, RECORD_OWE, unlinked, 0);
    record_switch(me, RECORD_ACTIVE, me->record_end, me->record_end + 1);
    object_unlink(me, unlinked, 0, NULL, 0);
    return COMEM_OK;
}

/* ---- freeing a dead object ---- */

void object_drop_content(struct participant *me, struct object *shared)
{
    uint64_t table = word_load(&shared->table);
    struct cell_image content = cell_load(&shared->content);
    if (table_offset(table) != 0) {
        record_add_word(me, &shared->table);
        record_add(me, RECORD_TRASH, table_offset(table), 0);
        word_store(&shared->table, table_next(table, 0));
    }
    if (!cell_is_plain(content.head)) {
        record_add_word(me, &shared->content.head);
        record_add_word(me, &shared->content.body);
        value_record_give_up(me, content);
        cell_store(&shared->content, (struct cell_image){COMEM_NONE, 0});
    }
}

/* A reference is counted down first, in an operation of its own that leaves HOLD. */
static bool object_reap(struct participant *me, uint64_t root)
{
    struct object *shared = object_at(me->map, root);
    if (shared == NULL) { /* damage: what it was is lost */
        record_clear(me);
        return true;
    }
    struct cell_image content = cell_load(&shared->content);
    if (cell_is_ref(content.head))
        object_unlink(me, content.body, 1, &shared->content.head, COMEM_NONE);
    object_drop_content(me, shared);
    record_commit(me);
    if (heap_finish(me, 1) != COMEM_OK)
        return true;
    record_stage(me, me->record_end, RECORD_FREE, root, 0);
    record_switch(me, RECORD_COMMITTED, me->record_end, me->record_end + 1); /* HOLD goes, FREE comes */
    heap_finish(me, 0);
    return true;
}

/* ---- what the floors below ask for ---- */

/* A zeroed block that is in the record and nowhere else. */
static comem_status make_block(struct participant *me, uint64_t size, uint64_t *made)
{
    uint64_t offset;
    comem_status status = heap_alloc(me, size, &offset);
    if (status != COMEM_OK)
        return status;
    void *block = store_at(me->map, offset, size);
    if (block == NULL)
        return store_error(COMEM_DAMAGED, "the heap gave a block outside the store");
    word_fill_zero(block, size);
    *made = offset;
    return COMEM_OK;
}

static void name_block(struct participant *me, word64 *entry, uint64_t offset)
{
    record_add_watch(me, entry);
    word_publish(entry, offset); /* commit */
    record_clear(me);
}

static comem_status new_block(struct participant *me, word64 *entry, uint64_t size)
{
    uint64_t offset = 0;
    comem_status status = make_block(me, size, &offset);
    if (status == COMEM_OK)
        name_block(me, entry, offset);
    return status;
}

/* Any process may add a chunk; the grow lock decides. */
static comem_status new_chunk(struct participant *me, word64 *entry)
{
    uint64_t offset = 0;
    word32 *grow_lock = &me->map->header->grow_lock;
    comem_status status = make_block(me, SPAN_SIZE, &offset);
    if (status == COMEM_OK)
        status = leaf_acquire(me, grow_lock);
    if (status != COMEM_OK)
        return status;
    bool first = word_load(entry) == 0;
    if (first)
        name_block(me, entry, offset);
    leaf_release(me, grow_lock);
    if (!first)
        heap_abandon(me, 0);
    return COMEM_OK;
}

static void drop_block(struct participant *me, word64 *entry)
{
    record_add_word(me, entry);
    record_add(me, RECORD_FREE, word_load(entry), 0);
    word_store(entry, 0);
    record_commit(me);
    heap_finish(me, 0);
}

static void reap_link(struct participant *me, uint64_t object, word64 *owing)
{
    object_unlink(me, object, 0, owing, 0);
}

static void close_handles(struct participant *me)
{
    handle_forget_all(me->map);
    object_drop_unheld(me);
}

/* ---- the tables that floors below call up through ---- */

static const struct sync_upward upward = {
    .settle_heap_entry = heap_settle_entry,
    .new_chunk = new_chunk,
    .new_block = new_block,
    .drop_block = drop_block,
    .reap_link = reap_link,
    .reap_row = object_drop_row,
    .reap_trash = trash_reap,
    .reap_stamped = walk_stamped,
    .forget_handles = handle_forget_all,
    .adopt_handles = handle_adopt_all,
    .has_handles = handle_any,
    .close_handles = close_handles,
    .cast_off_handles = handle_cast_off_all,
};

void object_init(void)
{
    sync_upward = &upward;
    trash_register(BLOCK_OBJECT, object_reap);
}

/* ---- what handles tell ---- */

uint64_t object_offset(const struct comem_object *handle)
{
    return handle->offset;
}

uint32_t object_flags(const struct comem_object *handle)
{
    bool refuses = atomic_load_explicit(&handle->map->refuse_pickle, memory_order_relaxed); /* private: the process's */
    return (uint32_t)word_load(&handle->shared->flags) | (refuses ? OBJECT_NO_PICKLE : 0);
}

bool object_alive(const struct comem_object *handle)
{
    return participant_present(handle->map) ? object_ok(handle) : handle->identity != 0 && object_ok(handle);
}
