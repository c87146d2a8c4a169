/* process.c - process records: which objects each process of the store holds
 *
 * Layout       sync/layout.h: a hash table whose rows never move. When the bucket that an object hashes to is full in every
 *              table there is, the next table is eight times as large.
 * Written by   rows and tables: the record's process, under its map's mutex; afterwards whoever reaps it, under its claim.
 *              Read by anybody who is about to free an object (process_holds).
 * A row        is a hazard pointer: stored, then a full fence, then the caller looks again whether the object is still
 *              linked where it was found. Who frees an object has counted its links down to 0, fences, and then looks at all
 *              rows. One of the two sees the other.
 * Dead         a record is dead when no slot names it that is in use, even by a dead thread that is still to be repaired; a
 *              FORKING one, when its witness is gone as well.
 * A death      of the process: each row is given back and cleared in one operation (objects/object.c), then the tables, then
 *              the seat becomes free. A recoverer that dies leaves the rest to the next.
 */
#include <errno.h>

#include "sync/record.h"

static uint64_t process_offset(struct store_map *map, const struct process *process)
{
    return store_offset(map, process);
}

/* The byte of a child's witness: another one each time the seat is used, because the parent may still have the last one's
 * when the child has been and gone. */
static uint64_t witness_byte(struct store_map *map, const struct process *process, uint64_t control)
{
    return (uint64_t)(seat_generation(control) & 0x3FFFFFF) << 36 | process_offset(map, process);
}

/* The store's memory object through any living process that still has its descriptor. */
static bool borrow_descriptor(struct store_map *map)
{
    for (uint32_t i = 0; i < seat_high(map, SEATS_OF_PROCESSES); i++) {
        const struct process *process = seat_at(map, SEATS_OF_PROCESSES, i);
        if (process != NULL && seat_state(word_load_acquire(&process->control)) == SEAT_LIVE &&
            os_memory_reopen(&map->memory, (int)word_load(&process->id), (int)word_load(&process->fd)))
            return true;
    }
    return false;
}

comem_status process_open(struct participant *me, enum seat_state state, struct process **process)
{
    struct store_map *map = me->map;
    uint32_t number;
    while (!seat_take(map, SEATS_OF_PROCESSES, me->number + 1, &number)) {
        repair_sweep(me);
        if (seat_take(map, SEATS_OF_PROCESSES, me->number + 1, &number))
            break;
        comem_status status = seat_more(me, SEATS_OF_PROCESSES);
        if (status != COMEM_OK)
            return status;
    }
    struct process *made = seat_at(map, SEATS_OF_PROCESSES, number);
    word_store(&made->id, os_process_id());
    word_store(&made->fd, (uint64_t)map->memory.fd);
    for (unsigned i = 0; i < PROCESS_TABLES; i++)
        word_store(&made->tables[i], 0);
    for (unsigned i = 0; i < PROCESS_ROWS; i++)
        word_store(&made->rows[i], 0);
    if (state == SEAT_FORKING) {
        bool open = os_memory_intact(&map->memory) || borrow_descriptor(map);
        int witness = open ? os_witness_take(&map->memory, witness_byte(map, made, word_load(&made->control))) : -1;
        if (witness < 0) {
            seat_settle(me, &made->control, SEAT_FREE, 1);
            return store_error(COMEM_SYSTEM, "no witness for a child to be had: %s", strerror(errno));
        }
        word_store(&made->fd, (uint64_t)witness);
    } else {
        word_store(&me->slot->process, process_offset(map, made));
    }
    word_order();
    seat_settle(me, &made->control, state, 1);
    *process = made;
    return COMEM_OK;
}

word64 *process_table(struct store_map *map, const struct process *process, unsigned n, uint64_t *rows)
{
    uint64_t offset = n < PROCESS_TABLES ? word_load_acquire(&process->tables[n]) : 0;
    *rows = (uint64_t)PROCESS_ROWS << (3 * (n + 1));
    return offset == 0 ? NULL : store_at(map, offset, *rows * sizeof(word64));
}

/* The bucket of `object` in a table of `rows` rows, a power of two. */
static uint64_t row_bucket(uint64_t object, uint64_t rows)
{
    return (object * UINT64_C(0x9E3779B97F4A7C15) >> 20) & (rows / PROCESS_BUCKET - 1);
}

static word64 *bucket_find(word64 *rows, uint64_t count, uint64_t object, uint64_t wanted)
{
    word64 *bucket = &rows[row_bucket(object, count) * PROCESS_BUCKET];
    for (unsigned i = 0; i < PROCESS_BUCKET; i++)
        if (word_load(&bucket[i]) == wanted)
            return &bucket[i];
    return NULL;
}

/* A row in the bucket of `object` that has `wanted`, in whichever table. */
static word64 *process_find(struct store_map *map, struct process *process, uint64_t object, uint64_t wanted)
{
    word64 *found = bucket_find(process->rows, PROCESS_ROWS, object, wanted);
    for (unsigned n = 0; found == NULL; n++) {
        uint64_t count;
        word64 *rows = process_table(map, process, n, &count);
        if (rows == NULL)
            return NULL;
        found = bucket_find(rows, count, object, wanted);
    }
    return found;
}

word64 *process_row_free(struct store_map *map, struct process *process, uint64_t object)
{
    return process_find(map, process, object, 0);
}

word64 *process_row_find(struct store_map *map, struct process *process, uint64_t object)
{
    return process_find(map, process, object, object);
}

comem_status process_row(struct participant *me, struct process *process, uint64_t object, word64 **row)
{
    while ((*row = process_row_free(me->map, process, object)) == NULL) {
        uint64_t count;
        unsigned n = 0;
        while (process_table(me->map, process, n, &count) != NULL)
            n++;
        if (n == PROCESS_TABLES || word_load(&process->tables[n]) != 0)
            return store_error(COMEM_SYSTEM, "this process holds too many objects of the store");
        comem_status status = sync_upward->new_block(me, &process->tables[n], count * sizeof(word64));
        if (status != COMEM_OK)
            return status;
    }
    return COMEM_OK;
}

/* Whether the bucket has a row of `object` besides `but`: a process may have two while one of its threads gives one back. */
static bool bucket_holds(const word64 *rows, uint64_t count, uint64_t object, const word64 *but)
{
    const word64 *bucket = &rows[row_bucket(object, count) * PROCESS_BUCKET];
    for (unsigned i = 0; i < PROCESS_BUCKET; i++)
        if (word_load(&bucket[i]) == object && &bucket[i] != but)
            return true;
    return false;
}

static bool process_holds_one(struct store_map *map, struct process *process, uint64_t object, const word64 *but)
{
    bool found = bucket_holds(process->rows, PROCESS_ROWS, object, but);
    for (unsigned n = 0; !found; n++) {
        uint64_t count;
        const word64 *rows = process_table(map, process, n, &count);
        if (rows == NULL)
            return false;
        found = bucket_holds(rows, count, object, but);
    }
    return true;
}

bool process_holds(struct store_map *map, uint64_t object, const word64 *but)
{
    word_fence_full();
    for (uint32_t i = 0; i < seat_high(map, SEATS_OF_PROCESSES); i++) {
        struct process *process = seat_at(map, SEATS_OF_PROCESSES, i);
        if (process != NULL && seat_state(word_load_acquire(&process->control)) != SEAT_FREE &&
            process_holds_one(map, process, object, but))
            return true;
    }
    return false;
}

comem_status process_copy_rows(struct participant *me, const struct process *from, struct process *to)
{
    for (unsigned i = 0; i < PROCESS_ROWS; i++)
        word_store(&to->rows[i], word_load(&from->rows[i]));
    for (unsigned n = 0; n < PROCESS_TABLES; n++) {
        uint64_t count;
        const word64 *rows = process_table(me->map, from, n, &count);
        if (rows == NULL)
            break;
        comem_status status = sync_upward->new_block(me, &to->tables[n], count * sizeof(word64));
        word64 *copy = status == COMEM_OK ? process_table(me->map, to, n, &count) : NULL;
        if (copy == NULL)
            return status != COMEM_OK ? status : COMEM_DAMAGED;
        for (uint64_t i = 0; i < count; i++)
            word_store(&copy[i], word_load(&rows[i]));
    }
    return COMEM_OK;
}

bool process_dead(struct store_map *map, const struct process *process, uint64_t control)
{
    enum seat_state state = seat_state(control);
    uint64_t offset = process_offset(map, process);
    if (state != SEAT_LIVE && state != SEAT_FORKING)
        return false;
    for (uint32_t i = 0; i < seat_high(map, SEATS_OF_SLOTS); i++) {
        const struct slot *slot = slot_at(map, i);
        enum seat_state seat = slot == NULL ? SEAT_FREE : seat_state(word_load_acquire(&slot->control));
        if (seat != SEAT_FREE && seat != SEAT_OWING && word_load(&slot->process) == offset)
            return false;
    }
    return state == SEAT_LIVE ||
           (os_memory_intact(&map->memory) && !os_witness_held(&map->memory, witness_byte(map, process, control)));
}

static void reap_rows(struct participant *me, word64 *rows, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        if (word_load(&rows[i]) != 0)
            sync_upward->reap_row(me, &rows[i]);
}

bool process_reap(struct participant *me, struct process *process)
{
    uint64_t control = word_load_acquire(&process->control);
    if (!process_dead(me->map, process, control) || !seat_claim(me, &process->control, control, 1))
        return false;
    reap_rows(me, process->rows, PROCESS_ROWS);
    for (unsigned n = 0; n < PROCESS_TABLES; n++) {
        uint64_t count;
        word64 *rows = process_table(me->map, process, n, &count);
        if (rows == NULL)
            break;
        reap_rows(me, rows, count);
    }
    for (unsigned n = PROCESS_TABLES; n-- > 0;) /* the last first: a walk stops at the first that is 0 */
        if (word_load(&process->tables[n]) != 0)
            sync_upward->drop_block(me, &process->tables[n]);
    seat_settle(me, &process->control, SEAT_FREE, 1);
    return true;
}

void process_init(void)
{
    store_borrow_descriptor = borrow_descriptor;
}
