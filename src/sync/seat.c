/* seat.c - seats: slots and process records, how they are taken, claimed and given back
 *
 * Layout       sync/layout.h. Chunks are added in order and never removed; slots_high and processes_high bound every walk.
 * Written by   control words by compare and swap. claims[] of a slot by its owner, before the control word that it names,
 *              so that a survivor who repairs the owner finds and drops the claim.
 * A death      as CLAIMED: a slot is freed once its claimer, who wrote its number, is known to be dead; a process record
 *              when its recoverer is repaired.
 *              between claims[] and the control word: the control word names somebody else or nobody; nothing to drop.
 */
#include "sync/sync.h"

#define SEATS_SPARE (SEATS_PER_CHUNK / 4) /* for those who come at once, before anybody has added a chunk */

uint64_t seat_control(uint32_t generation, enum seat_state state, uint32_t recoverer)
{
    return (uint64_t)generation << 32 | (uint64_t)state << 16 | recoverer;
}

uint32_t seat_generation(uint64_t control)
{
    return (uint32_t)(control >> 32);
}

enum seat_state seat_state(uint64_t control)
{
    return (enum seat_state)(control >> 16 & 0xFFFF);
}

uint32_t seat_recoverer(uint64_t control)
{
    return (uint32_t)(control & 0xFFFF);
}

static word64 *seat_chunks(struct store_map *map, enum seat_table table)
{
    return table == SEATS_OF_SLOTS ? map->header->slot_chunks : map->header->process_chunks;
}

static word64 *seat_high_word(struct store_map *map, enum seat_table table)
{
    return table == SEATS_OF_SLOTS ? &map->header->slots_high : &map->header->processes_high;
}

void *seat_at(struct store_map *map, enum seat_table table, uint32_t number)
{
    uint32_t chunk = number / SEATS_PER_CHUNK;
    if (chunk >= LAYOUT_CHUNKS)
        return NULL;
    uint64_t offset = word_load_acquire(&seat_chunks(map, table)[chunk]);
    uint8_t *base = offset == 0 ? NULL : store_at(map, offset, SPAN_SIZE);
    return base == NULL ? NULL : base + (size_t)(number % SEATS_PER_CHUNK) * SEAT_SIZE;
}

uint32_t seat_high(struct store_map *map, enum seat_table table)
{
    uint64_t high = word_load_acquire(seat_high_word(map, table)), limit = LAYOUT_CHUNKS * SEATS_PER_CHUNK;
    return (uint32_t)(high < limit ? high : limit);
}

static void seat_raise_high(struct store_map *map, enum seat_table table, uint32_t number)
{
    word64 *high = seat_high_word(map, table);
    for (uint64_t seen = word_load(high); seen <= number; seen = word_load(high))
        word_swap_if(high, seen, (uint64_t)number + 1);
}

static bool seat_is_free(uint64_t control)
{
    return seat_state(control) == SEAT_FREE && seat_recoverer(control) == 0;
}

bool seat_take(struct store_map *map, enum seat_table table, uint32_t recoverer, uint32_t *number)
{
    for (uint32_t i = 0; i < SEATS_MAX; i++) {
        word64 *control = seat_at(map, table, i);
        if (control == NULL && word_load(&seat_chunks(map, table)[i / SEATS_PER_CHUNK]) == 0)
            return false;
        if (control == NULL) { /* damage: what its seats are is lost, others may do */
            i |= SEATS_PER_CHUNK - 1;
            continue;
        }
        uint64_t seen = word_load_acquire(control);
        if (!seat_is_free(seen))
            continue;
        seat_raise_high(map, table, i); /* first: a walk that stops short of a seat in use would miss it */
        if (recoverer != 0)
            word_store(&slot_at(map, recoverer - 1)->claims[1], store_offset(map, control));
        word_order();
        if (word_swap_if(control, seen, seat_control(seat_generation(seen), SEAT_CLAIMED, recoverer))) {
            *number = i;
            return true;
        }
    }
    return false;
}

comem_status seat_more(struct participant *me, enum seat_table table)
{
    uint32_t chunk = 0, free = 0;
    for (; chunk < LAYOUT_CHUNKS && word_load(&seat_chunks(me->map, table)[chunk]) != 0; chunk++)
        for (uint32_t i = 0; i < SEATS_PER_CHUNK; i++) {
            const word64 *control = seat_at(me->map, table, chunk * SEATS_PER_CHUNK + i);
            free += control != NULL && seat_is_free(word_load(control));
        }
    if (free >= SEATS_SPARE)
        return COMEM_OK;
    if (chunk == LAYOUT_CHUNKS || (chunk + 1) * SEATS_PER_CHUNK > SEATS_MAX)
        return store_error(COMEM_SYSTEM, "the store is used by as many %s as it has room for: about %u at a time",
                           table == SEATS_OF_SLOTS ? "threads" : "processes", SEATS_MAX);
    return sync_upward->new_chunk(me, &seat_chunks(me->map, table)[chunk]);
}

bool seat_claim(struct participant *me, word64 *control, uint64_t seen, unsigned rank)
{
    word_store(&me->slot->claims[rank], store_offset(me->map, control));
    word_order();
    if (word_swap_if(control, seen, seat_control(seat_generation(seen), seat_state(seen), me->number + 1)))
        return true;
    word_store(&me->slot->claims[rank], 0);
    return false;
}

void seat_settle(struct participant *me, word64 *control, enum seat_state state, unsigned rank)
{
    for (uint64_t seen = word_load(control); seat_recoverer(seen) == me->number + 1; seen = word_load(control)) {
        uint32_t generation = seat_generation(seen) + (state == SEAT_FREE);
        if (word_swap_if(control, seen, seat_control(generation, state, 0)))
            break;
    }
    word_order();
    word_store(&me->slot->claims[rank], 0);
}

struct slot *slot_at(struct store_map *map, uint32_t number)
{
    return seat_at(map, SEATS_OF_SLOTS, number);
}

struct slot *slot_of_lock(struct store_map *map, uint32_t lock_word, uint32_t *number)
{
    uint32_t owner = lock_word & 0xFFFF;
    if (owner == 0)
        return NULL;
    if (number != NULL)
        *number = owner - 1;
    return slot_at(map, owner - 1);
}

uint32_t slot_lock_word(uint64_t control, uint32_t number)
{
    return (seat_generation(control) & 0x7FFF) << 16 | (number + 1);
}

bool slot_dead(const struct slot *slot, uint64_t control)
{
    enum seat_state state = seat_state(control);
    return (state == SEAT_LIVE || (state == SEAT_LEAVING && !os_life_ended(&slot->life))) && os_life_over(&slot->life);
}

static bool any_taken(struct store_map *map, enum seat_table table)
{
    for (uint32_t i = 0; i < seat_high(map, table); i++) {
        const word64 *control = seat_at(map, table, i);
        if (control != NULL && seat_state(word_load_acquire(control)) != SEAT_FREE)
            return true;
    }
    return false;
}

bool seat_any_taken(struct store_map *map)
{
    return any_taken(map, SEATS_OF_SLOTS) || any_taken(map, SEATS_OF_PROCESSES);
}

bool seat_any_alive(struct store_map *map)
{
    for (uint32_t i = 0; i < seat_high(map, SEATS_OF_SLOTS); i++) {
        const struct slot *slot = slot_at(map, i);
        if (slot != NULL && seat_state(word_load_acquire(&slot->control)) == SEAT_LIVE && !os_life_over(&slot->life))
            return true;
    }
    return false;
}

void seat_forgo_all(struct store_map *map)
{
    for (uint32_t i = 0; i < seat_high(map, SEATS_OF_SLOTS); i++) {
        struct slot *slot = slot_at(map, i);
        uint64_t control = slot == NULL ? 0 : word_load(&slot->control);
        if (seat_state(control) == SEAT_LIVE || seat_state(control) == SEAT_LEAVING) {
            os_life_forgo(&slot->life);
        } else if (seat_state(control) == SEAT_CLAIMED) { /* its thread had done nothing yet */
            word_store(&slot->thread, 0);
            word_order();
            word_store(&slot->control, seat_control(seat_generation(control) + 1, SEAT_FREE, 0));
        }
    }
}
