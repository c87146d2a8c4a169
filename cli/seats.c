/* seats.c - who takes part in a store, told from its slots */
#include "cli.h"
#include "look.h"

#include <stdlib.h>

/* Whether no thread that a slot names can be alive: the store was last used before the machine was started, or is a copy. */
static bool is_strange(const struct store_map *map)
{
    const struct store_header *header = map->header;
    return header->named != 0 &&
           (word_load(&header->boot) != os_boot() || word_load(&header->device) != map->memory.device ||
            word_load(&header->inode) != map->memory.inode);
}

/* The lock that the thread has or waits for. */
static void read_lock(struct store_map *map, const struct slot *slot, uint64_t control, struct seat *seat)
{
    uint32_t name = slot_lock_word(control, seat->number);
    for (unsigned i = 0; i < 8 && seat->lock == 0; i++) {
        uint64_t held = word_load(&slot->held[i]);
        bool in_header =
            held == offsetof(struct store_header, heap_lock) || held == offsetof(struct store_header, grow_lock);
        uint64_t word_at = held & ~UINT64_C(7); /* locks stand in words of 8 bytes */
        if (held == 0 || held % 4 != 0 || (!in_header && !store_holds(map, word_at, 8)))
            continue;
        seat->lock = held;
        seat->has_lock = (word32_load((const word32 *)(map->base + held)) & LOCK_OWNER_MASK) == name;
    }
}

static void read_seat(const struct look *look, uint32_t number, const struct slot *slot, struct seats *seats)
{
    struct store_map *map = look->map;
    uint64_t control = word_load_acquire(&slot->control);
    enum seat_state state = seat_state(control);
    if (state != SEAT_LIVE && state != SEAT_LEAVING && state != SEAT_OWING)
        return;
    struct seat *seat = &seats->seats[seats->count++];
    *seat = (struct seat){.process = word_load(&slot->process),
                          .namespace = word_load(&slot->pid_namespace),
                          .number = number,
                          .thread = (uint32_t)word_load(&slot->thread)};
    const struct process *process = store_at(map, seat->process, SEAT_SIZE);
    if (process != NULL)
        seat->pid = word_load(&process->id);
    seat->dead = seats->strange || state == SEAT_OWING || slot_dead(slot, control);
    seat->record = word_load(&slot->record.head);
    seat->working = record_state(seat->record) != RECORD_IDLE;
    read_lock(map, slot, control, seat);
}

static int by_process(const void *one, const void *other)
{
    const struct seat *first = one, *second = other;
    if (first->dead != second->dead)
        return first->dead ? 1 : -1;
    if (first->process != second->process)
        return first->process < second->process ? -1 : 1;
    return (first->number > second->number) - (first->number < second->number);
}

bool seats_begin_process(const struct seats *seats, size_t number)
{
    return number == 0 || seats->seats[number].process != seats->seats[number - 1].process ||
           seats->seats[number].dead != seats->seats[number - 1].dead;
}

bool seats_read(const struct look *look, struct seats *seats)
{
    uint32_t high = seat_high(look->map, SEATS_OF_SLOTS);
    *seats = (struct seats){.seats = calloc((size_t)high + 1, sizeof(struct seat)), .strange = is_strange(look->map)};
    if (seats->seats == NULL) {
        cli_fail("no memory for a list of %u threads", high);
        return false;
    }
    for (uint32_t i = 0; i < high; i++) {
        const struct slot *slot = slot_at(look->map, i);
        if (slot != NULL)
            read_seat(look, i, slot, seats);
    }
    qsort(seats->seats, seats->count, sizeof *seats->seats, by_process);
    for (size_t i = 0; i < seats->count; i++) {
        seats->dead += seats->seats[i].dead;
        seats->processes += !seats->seats[i].dead && seats_begin_process(seats, i);
    }
    return true;
}

void seats_free(struct seats *seats)
{
    free(seats->seats);
}
