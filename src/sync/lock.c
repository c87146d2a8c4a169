/* lock.c - the slow path of locks: spinning, sleeping, learning of the holder's death
 *
 * Layout       one 32-bit word {waiters 1, generation 15, owner's slot + 1 16}; 0 when free.
 * Taking       the lock's offset goes into held[] first, then 0 is swapped for the own word. Releasing swaps 0 in, then takes
 *              the offset out of held[]. So whoever holds the lock has it in held[], and a survivor who finds an offset there
 *              only has to look whether the lock still carries the dead slot's word.
 * Sleeping     on the lock word and the holder's life word at once, or the recoverer's while the holder is being repaired;
 *              at most 200 ms, then everything is looked at again. A waiter never takes a dead holder's lock: it repairs
 *              the whole slot (repair.c), which releases the lock.
 * Damage       a lock word that names nobody, or somebody alive who does not have the lock in held[]. The latter may also be a
 *              holder that released and took it again between two looks; so it has to be found again and again, for a
 *              second, with the same word, which has the waiters bit (a release takes that away) and stays the same around
 *              each look. A holder that is stopped or slow has the lock in held[] and is waited for.
 * Fairness     none. Priorities are not inherited.
 * A death      while waiting: nothing is held; a wake-up that went to us is lost, and the next waiter's cap makes up for it.
 */
#include "sync/sync.h"
#include "sync/wait.h"

#define SPIN_LOOKS 4u
#define SPIN_PAUSES 32u
#define SLEEP_CAP_NS UINT64_C(200000000)
#define STALE_LOOKS_MAX 1000u
#define DISOWNED_LOOKS 6u
#define DISOWNED_NS UINT64_C(1000000000)

static void *(*hook_before_sleep)(void);
static void (*hook_after_operation)(void *token);

void wait_hooks_set(void *(*before_sleep)(void), void (*after_operation)(void *token))
{
    hook_before_sleep = before_sleep;
    hook_after_operation = after_operation;
}

void participant_leave_slow(struct participant *me)
{
    void *token = me->sleep_token;
    me->sleep_token = NULL;
    if (hook_after_operation != NULL)
        hook_after_operation(token);
}

/* Looks again only after a pause that is long against an operation: the holder gets dozens of them done meanwhile with the
 * object in its own cache, where two that took turns would wait for each other's lines every time. */
static bool lock_spin(struct participant *me, word32 *lock)
{
    for (unsigned look = 0; look < SPIN_LOOKS; look++) {
        for (unsigned pause = 0; pause < SPIN_PAUSES; pause++)
            word_pause();
        if (word32_load(lock) == 0 && word32_swap_if(lock, 0, me->lock_word))
            return true;
    }
    return false;
}

/* Whether the slot whose control word was read is the one that a lock word, read before, means. */
static bool lock_owner_there(uint64_t control, uint32_t number, uint32_t seen)
{
    enum seat_state state = seat_state(control);
    return slot_lock_word(control, number) == (seen & LOCK_OWNER_MASK) && (state == SEAT_LIVE || state == SEAT_LEAVING);
}

/* Before this thread sleeps, however it does: an interpreter's lock is nothing to sleep with. */
static void let_go(struct participant *me)
{
    if (me->sleep_token == NULL && hook_before_sleep != NULL && !participant_hooks_off(me))
        me->sleep_token = hook_before_sleep();
}

void map_lock(struct participant *me)
{
    if (pthread_mutex_trylock(&me->map->mutex) == 0)
        return;
    let_go(me);
    pthread_mutex_lock(&me->map->mutex);
}

/* Sleeps until `lock`, seen as `seen`, may have changed or the owner of `life` may be dead. */
static void lock_sleep(struct participant *me, word32 *lock, uint32_t seen, struct os_life *life)
{
    word_store(&me->slot->counters[0], word_load(&me->slot->counters[0]) + 1);
    let_go(me);
    if ((seen & LOCK_WAITERS) == 0 && !word32_swap_if(lock, seen, seen | LOCK_WAITERS))
        return;
    uint32_t watched = os_life_watch(life);
    if (!os_life_over(life) && os_sleep(lock, seen | LOCK_WAITERS, &life->u.word, watched, SLEEP_CAP_NS) &&
        word_load(&me->slot->claims[0]) == 0) /* a repairer has one claim at a time, and claims[] knows of one */
        repair_dead(me); /* somebody died whom nobody waited for, or the wake-up for us went to one who did */
}

/* What a waiter has seen of a lock whose owner lives and does not have it in held[]. */
struct suspicion {
    unsigned looks; /* one after the other, since: */
    uint64_t since;
    uint32_t seen;
};

/* Whether the owner, alive, says that the lock is none of its own. Only while the word is the same before and after the look at
 * held[] does that look say anything of this hold. */
static bool lock_disowned(struct store_map *map, const struct slot *slot, uint64_t control, const word32 *lock,
                          uint32_t seen)
{
    uint64_t offset = store_offset(map, lock);
    word_fence_acquire();
    bool named =
        word_load_acquire(&slot->held[HELD_OBJECT]) == offset || word_load_acquire(&slot->held[HELD_LEAF]) == offset;
    return !named && word32_load_acquire(lock) == seen && word_load(&slot->control) == control;
}

/* Takes another look, before the next sleep. Whether the word is damage by now: nobody will ever release the lock. */
static bool lock_suspect(struct suspicion *suspicion, bool disowned, uint32_t seen)
{
    if (!disowned || (seen & LOCK_WAITERS) == 0 || seen != suspicion->seen) {
        suspicion->looks = 0;
        suspicion->seen = seen;
        return false;
    }
    uint64_t now = os_clock();
    if (suspicion->looks++ == 0)
        suspicion->since = now;
    return suspicion->looks > DISOWNED_LOOKS && now - suspicion->since >= DISOWNED_NS;
}

/* What to do about a lock that, as `seen`, says that somebody has it, and nobody has. An object's is refused. An operation may need
 * a leaf lock to end in good order, so that one is freed, and the caller tries again. */
static comem_status lock_of_nobody(struct participant *me, word32 *lock, uint32_t seen, const char *sentence)
{
    if (store_offset(me->map, lock) >= me->map->data)
        return store_answer(COMEM_DAMAGED, sentence);
    word32_swap_if(lock, seen, 0);
    return COMEM_OK;
}

comem_status lock_acquire_slow(struct participant *me, word32 *lock, bool mine)
{
    unsigned stale = 0;
    struct suspicion suspicion = {0};
    comem_status status = COMEM_OK;
    if (lock_spin(me, lock))
        return COMEM_OK;
    while (status == COMEM_OK) {
        uint32_t seen = word32_load_acquire(lock), number;
        if (seen == 0) { /* others may be asleep, whom only a released lock with the waiters bit wakes */
            if (word32_swap_if(lock, 0, me->lock_word | LOCK_WAITERS))
                return COMEM_OK;
            continue;
        }
        if ((seen & LOCK_OWNER_MASK) == me->lock_word) {
            if (mine)
                return store_error(COMEM_BUSY, "this thread is inside an operation on the same object");
            status = lock_of_nobody(me, lock, seen, "a lock names this thread, which does not have it");
            continue;
        }
        struct slot *slot = slot_of_lock(me->map, seen, &number);
        if (slot == NULL) {
            status = lock_of_nobody(me, lock, seen, "a lock names a participant that was never there");
            continue;
        }
        uint64_t control = word_load_acquire(&slot->control);
        if (!lock_owner_there(control, number, seen)) { /* released by now, or the word is damaged */
            if (word32_load_acquire(lock) == seen && ++stale > STALE_LOOKS_MAX)
                status = lock_of_nobody(me, lock, seen, "a lock names a participant that is gone");
            continue;
        }
        struct os_life *life = &slot->life;
        bool dead = slot_dead(slot, control);
        if (dead && repair_slot(me, number, &life))
            continue;
        if (lock_suspect(&suspicion, !dead && lock_disowned(me->map, slot, control, lock, seen), seen))
            status = lock_of_nobody(me, lock, seen, "a lock names a participant that does not have it");
        else
            lock_sleep(me, lock, seen, life);
    }
    return status;
}

void lock_wake(word32 *lock)
{
    os_wake(lock, 1);
}

uint32_t lock_acquire_for(struct participant *me, uint32_t name, word32 *lock)
{
    struct store_map *map = me->map;
    unsigned stale = 0;
    struct suspicion suspicion = {0};
    for (;;) {
        uint32_t seen = word32_load_acquire(lock), number;
        if ((seen & LOCK_OWNER_MASK) == name)
            return 0;
        if (seen == 0) {
            if (word32_swap_if(lock, 0, name | LOCK_WAITERS))
                return 0;
            continue;
        }
        struct slot *slot = slot_of_lock(map, seen, &number);
        if (slot == NULL) { /* damage: nobody can ever release it */
            word32_swap_if(lock, seen, 0);
            continue;
        }
        uint64_t control = word_load_acquire(&slot->control);
        if (!lock_owner_there(control, number, seen)) {
            if (++stale > STALE_LOOKS_MAX)
                word32_swap_if(lock, seen, 0);
            continue;
        }
        if (slot_dead(slot, control))
            return number + 1;
        if (lock_suspect(&suspicion, lock_disowned(map, slot, control, lock, seen), seen)) {
            word32_swap_if(lock, seen, 0); /* damage, as above */
            continue;
        }
        lock_sleep(me, lock, seen, &slot->life);
    }
}

void lock_release_for(uint32_t name, word32 *lock)
{
    uint32_t seen = word32_load(lock);
    if ((seen & LOCK_OWNER_MASK) == name && (word32_exchange(lock, 0) & LOCK_WAITERS) != 0)
        lock_wake(lock);
}
