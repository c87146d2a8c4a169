/* name.c - names of objects, which pickles carry, and what they keep
 *
 * A name is no debt: it may be opened once, often or never, in any process of the machine, also when its sender is gone. What
 * it names has to live meanwhile, and whoever made it owes nothing for that:
 *
 *   anybody's name      stamps the object: until then it lives, whoever dies (object.c)
 *   a child's name      of one that is being started: a row in the record that its parent made for it (participant.c). The
 *                       child gives back what it did not open once its arguments are loaded; if it does not come to that,
 *                       the record is reaped
 *
 * A death      of the sender before its row or stamp is stored: nobody has the name. Afterwards: as above.
 */
#include "objects/handle.h"

static void name_fill(const struct participant *me, const struct comem_object *handle, struct object_name *name)
{
    struct object_name made = {.offset = handle->offset,
                               .generation = (uint32_t)handle->identity,
                               .sender = (int32_t)os_process_id(),
                               .pid_namespace = word_load(&me->slot->pid_namespace),
                               .boot = os_boot(),
                               .descriptor = handle->map->memory.fd};
    memcpy(made.store, handle->map->id, sizeof made.store); /* private: the caller's */
    *name = made;
}

comem_status object_name_get(struct comem_object *handle, uint64_t grace, struct object_name *name)
{
    struct participant *me;
    comem_status status = object_enter(handle, &me);
    if (status != COMEM_OK)
        return status;
    status = object_lock(me, handle);
    if (status == COMEM_OK) {
        uint64_t now = os_clock(), until = grace < UINT64_MAX - now ? now + grace : UINT64_MAX - 1;
        if (word_load(&handle->shared->stamp) < until) /* an earlier name may have been promised more */
            word_store(&handle->shared->stamp, until);
        lock_release(me, &handle->shared->lock);
        walk_stamped_step(me);
        name_fill(me, handle, name);
    }
    participant_leave(me);
    return status;
}

/* Stores the object in the record of a child to come. The map's mutex is held. */
static comem_status pass_locked(struct participant *me, struct comem_object *handle, struct process *process)
{
    word64 *row = process_row_find(me->map, process, handle->offset);
    if (row != NULL)
        return COMEM_OK;
    comem_status status = process_row(me, process, handle->offset, &row);
    if (status == COMEM_OK) {
        word_store(row, handle->offset); /* this process's own row keeps the object meanwhile */
        word_fence_full();
    }
    return status;
}

comem_status object_name_pass(struct comem_object *handle, const struct child_record *child, struct object_name *name)
{
    struct participant *me;
    comem_status status = object_enter(handle, &me);
    if (status != COMEM_OK)
        return status;
    struct process *process = participant_expected(me->map, child);
    if (!object_ok(handle))
        status = object_gone(handle);
    else if (process == NULL)
        status = store_error(COMEM_INVALID, "the child that the object is for is not being started");
    unsigned tries = heap_first_try(me);
    if (status == COMEM_OK) {
        do {
            map_lock(me);
            status = pass_locked(me, handle, process);
            pthread_mutex_unlock(&me->map->mutex);
        } while (heap_try_again(me, status, &tries));
        name_fill(me, handle, name);
    }
    me->thrifty = false;
    participant_leave(me);
    return status;
}

/* Gives back those of `count` rows that no handle has. */
static void rows_unheld(struct participant *me, word64 *rows, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t offset = word_load(&rows[i]);
        const struct comem_object *handle = offset == 0 ? NULL : handle_find(me->map, offset);
        if (offset != 0 && (handle == NULL || handle->row != &rows[i]))
            object_drop_row(me, &rows[i]);
    }
}

void object_drop_unheld(struct participant *me)
{
    struct process *process = me->map->process;
    rows_unheld(me, process->rows, PROCESS_ROWS);
    for (unsigned n = 0; n < PROCESS_TABLES; n++) {
        uint64_t count;
        word64 *rows = process_table(me->map, process, n, &count);
        if (rows == NULL)
            break;
        rows_unheld(me, rows, count);
    }
}

void object_child_loaded(struct store_map *map)
{
    struct participant *me;
    if (participant_enter(map, &me) != COMEM_OK)
        return; /* what is kept stays until the process ends */
    map_lock(me);
    object_drop_unheld(me);
    pthread_mutex_unlock(&map->mutex);
    participant_leave(me);
}

/* What names an object by a pickle is no cell: its lock, held, keeps it where it is. */
static bool always(const void *context)
{
    (void)context;
    return true;
}

static comem_status no_longer_there(void)
{
    return store_answer(COMEM_GONE, "the object is no longer there: nobody held it when its name was loaded, and a "
                                    "pickle keeps it for a time only (comem.handle_grace)");
}

static comem_status name_open_locked(struct participant *me, const struct object_name *name,
                                     struct comem_object **handle)
{
    struct object *shared = object_at(me->map, name->offset);
    if (shared == NULL)
        return no_longer_there();
    word64 *row; /* reserved before the lock is taken: it may need a table */
    comem_status status = process_row(me, me->map->process, name->offset, &row);
    if (status == COMEM_OK)
        status = lock_acquire(me, &shared->lock);
    if (status != COMEM_OK)
        return status;
    uint64_t identity = word_load(&shared->identity);
    struct cell_image image = {(uint64_t)name->generation << 32 | COMEM_REF, name->offset};
    if ((uint32_t)identity == name->generation && object_identity_state(identity) == OBJECT_LIVE)
        status = object_take(me, image, always, NULL, handle);
    else
        status = no_longer_there();
    lock_release(me, &shared->lock);
    return status;
}

comem_status object_name_open(const struct object_name *name, struct comem_object **handle)
{
    struct participant *me;
    struct store_map *map;
    comem_status status = handle_reach(name, &map);
    if (status == COMEM_OK)
        status = participant_enter(map, &me);
    if (status != COMEM_OK)
        return status;
    unsigned tries = heap_first_try(me);
    do {
        map_lock(me);
        status = name_open_locked(me, name, handle);
        pthread_mutex_unlock(&map->mutex);
    } while (heap_try_again(me, status, &tries));
    participant_leave(me);
    return status;
}
