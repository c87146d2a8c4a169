/* participant.c - threads that take part in a store: attaching, leaving, fork
 *
 * Attaching    a slot is taken (CLAIMED), its life begun, then it becomes LIVE; the process's record is opened by its first
 *              thread and named in the slot. Leaving goes the other way: LEAVING, the life ended, FREE.
 * Private      participants stand in pages that fork wipes. A child therefore finds none of its own, however it was made;
 *              after fork() proper the child handler attaches it with the record its parent made for it, after a raw clone
 *              the first operation notices, and all handles are stale (COMEM_GONE).
 * Starting     a child that is made otherwise than by fork, a fresh interpreter say, is handed a descriptor of the store, and
 *              a record like a forked child's: its parent makes it and stores in it what the child is to find, then closes
 *              its copy of the witness; the child attaches with it, then closes its own.
 * Keeper       a process that holds references needs one living thread: when the last attached thread leaves, a keeper
 *              thread attaches first and sleeps until the store is closed.
 * Closing      of a store by name: handles are stale from then on, and no thread attaches any more. The thread that closes
 *              leaves; each other one at its next call that has to look for its participant, or at its end, since only it can
 *              unlock its life word. The last one unmaps the window. What a thread that was cut short still holds there is
 *              the kernel's to find, so then the window stays.
 * Mutexes      a map's mutex guards its list of participants and its process record; maps_mutex the list of maps. Taken in
 *              the order default_mutex (objects/handle.c), maps_mutex, map mutexes, engine locks; held over a fork.
 * A death      while attaching: see seat.c. Between LIVE and the process record: the slot is repaired, holding nothing.
 *              Of a parent in fork or while it starts a child, or of a child before it attached: the record made for it
 *              stays FORKING, its witness is gone, and the next sweep reaps it.
 */
#include <errno.h>
#include <limits.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "sync/record.h"

#define SEAT_NAP_NS UINT64_C(1000000)
#define KEEPER_NAP_NS UINT64_C(3600000000000)
#define SEAT_WAIT_NS UINT64_C(1000000000)

_Thread_local struct participant *participant_tls;
static _Thread_local bool silent;    /* no hook may run: between the fork handlers, and in a closing */
static _Thread_local bool attaching; /* a signal handler's call must not wait for the mutex that its thread has */

static pthread_mutex_t maps_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct store_map *maps;

static pthread_mutex_t pool_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct pool_page {
    struct participant *participants;
    struct pool_page *next;
} * pool;
static pthread_key_t thread_key;

bool participant_hooks_off(const struct participant *me)
{
    return me->quiet || silent;
}

/* ---- the pool of participants ---- */

static struct participant *pool_take(struct store_map *map)
{
    size_t per_page = os_page_size() / sizeof(struct participant);
    struct participant *found = NULL;
    pthread_mutex_lock(&pool_mutex);
    for (struct pool_page *page = pool; page != NULL && found == NULL; page = page->next)
        for (size_t i = 0; i < per_page && found == NULL; i++)
            if (page->participants[i].map == NULL)
                found = &page->participants[i];
    if (found == NULL) {
        struct pool_page *page = malloc(sizeof *page);
        if (page != NULL && (page->participants = os_page_wiped_on_fork()) != NULL) {
            page->next = pool;
            pool = page;
            found = &page->participants[0];
        } else {
            free(page);
        }
    }
    if (found != NULL) {
        memset(found, 0, sizeof *found); /* private: the pool is this process's */
        found->map = map;
        found->quiet = true;
    }
    pthread_mutex_unlock(&pool_mutex);
    return found;
}

/* ---- attaching ---- */

/* COMEM_NO_MEMORY: no seat is free. */
static comem_status slot_open(struct participant *me)
{
    struct store_map *map = me->map;
    uint32_t number;
    if (!seat_take(map, SEATS_OF_SLOTS, 0, &number))
        return COMEM_NO_MEMORY;
    struct slot *slot = slot_at(map, number);
    uint64_t claimed = word_load(&slot->control);
    word_store(&slot->pid_namespace, os_pid_namespace());
    word_order();
    word_store(&slot->thread, os_thread_id()); /* whoever finds the seat CLAIMED can ask whether we live */
    word_order();
    for (unsigned i = 0; i < 2; i++)
        word_store(&slot->claims[i], 0);
    for (unsigned i = 0; i < 8; i++)
        word_store(&slot->held[i], 0);
    word_store(&slot->record.head, 0);
    word_store(&slot->process, 0);
    if (!os_life_begin(&slot->life)) {
        word_store(&slot->thread, 0);
        word_order();
        word_swap_if(&slot->control, claimed, seat_control(seat_generation(claimed) + 1, SEAT_FREE, 0));
        return store_error(COMEM_SYSTEM, "robust mutexes do not work here: %s", strerror(errno));
    }
    me->slot = slot;
    me->number = number;
    me->lock_word = slot_lock_word(claimed, number);
    if (!word_swap_if(&slot->control, claimed, seat_control(seat_generation(claimed), SEAT_LIVE, 0)))
        return store_error(COMEM_DAMAGED, "the slot that this thread took was taken from it");
    return COMEM_OK;
}

/* Takes a slot, waiting for one if need be: who has one adds a chunk when few are left. Then sees to it that the next thread
 * finds one, too. */
static comem_status slot_attach(struct participant *me)
{
    if (slot_at(me->map, 0) == NULL)
        return store_error(COMEM_DAMAGED, "the store's table of threads is outside the store");
    comem_status status = slot_open(me);
    for (uint64_t waited = 0; status == COMEM_NO_MEMORY && waited < SEAT_WAIT_NS; status = slot_open(me)) {
        os_nap(SEAT_NAP_NS);
        waited += SEAT_NAP_NS;
    }
    if (status != COMEM_OK)
        return status == COMEM_NO_MEMORY ? store_error(COMEM_SYSTEM, "the store's table of threads is full") : status;
    participant_set_entered(me, PARTICIPANT_INSIDE);
    seat_more(me, SEATS_OF_SLOTS); /* when that fails, the next thread to attach says so */
    return COMEM_OK;
}

static void unlink_participant(struct participant *me)
{
    struct participant **link = &me->map->participants;
    while (*link != NULL && *link != me)
        link = &(*link)->next_of_map;
    if (*link == me)
        *link = me->next_of_map;
    for (link = &participant_tls; *link != NULL && *link != me;)
        link = &(*link)->next_of_thread;
    if (*link == me)
        *link = me->next_of_thread;
}

/* Leaves the slot and the lists. The map's mutex is held. */
static void slot_leave(struct participant *me)
{
    struct slot *slot = me->slot;
    uint64_t live = word_load(&slot->control);
    uint64_t leaving = seat_control(seat_generation(live), SEAT_LEAVING, 0);
    word_store(&slot->process, 0);
    word_order();
    if (word_swap_if(&slot->control, live, leaving)) {
        os_life_end(&slot->life);
        word_store(&slot->thread, 0); /* not before: until here a sweep can ask whether we live */
        word_order();
        word_swap_if(&slot->control, leaving, seat_control(seat_generation(live) + 1, SEAT_FREE, 0));
    }
    unlink_participant(me);
    me->map = NULL;
}

/* Attaches under the map's mutex. `inherited` is the record a parent made for us, or NULL. */
static comem_status attach_locked(struct store_map *map, struct process *inherited, struct participant **result)
{
    struct participant *me = pool_take(map);
    if (me == NULL)
        return store_error(COMEM_NO_MEMORY, "no memory for a thread's own record");
    comem_status status = slot_attach(me);
    if (status != COMEM_OK) {
        me->map = NULL;
        return status;
    }
    me->next_of_map = map->participants;
    map->participants = me;
    struct process *process = map->process;
    if (process == NULL && inherited != NULL) {
        word_store(&me->slot->process, store_offset(map, inherited));
        uint64_t control = word_load(&inherited->control);
        word_store(&inherited->id, os_process_id());
        word_store(&inherited->fd, (uint64_t)map->memory.fd);
        if (word_swap_if(&inherited->control, control, seat_control(seat_generation(control), SEAT_LIVE, 0)))
            process = inherited;
    }
    if (process == NULL)
        status = process_open(me, SEAT_LIVE, &process);
    else
        word_store(&me->slot->process, store_offset(map, process));
    if (status != COMEM_OK) {
        slot_leave(me);
        return status;
    }
    map->process = process;
    participant_set_entered(me, 0);
    me->quiet = false;
    *result = me;
    return COMEM_OK;
}

comem_status participant_attach(struct store_map *map, struct participant **me)
{
    pthread_mutex_lock(&map->mutex);
    comem_status status = attach_locked(map, NULL, me);
    pthread_mutex_unlock(&map->mutex);
    return status;
}

/* A raw clone leaves no participants, yet a process record that is our parent's. */
static void disown_parent(struct store_map *map)
{
    bool wiped = false;
    for (const struct participant *p = map->participants; p != NULL && !wiped; p = p->next_of_map)
        wiped = p->map == NULL;
    if (!wiped)
        return;
    map->participants = NULL;
    map->process = NULL;
    sync_upward->forget_handles(map);
}

/* What the calling thread does at first with a participant of its own. */
static void participant_begin(struct participant *me)
{
    me->next_of_thread = participant_tls;
    participant_tls = me;
    pthread_setspecific(thread_key, me);
    participant_set_entered(me, PARTICIPANT_INSIDE);
    repair_sweep(me);
    participant_set_entered(me, 0);
}

static void leave_closed(void);

static bool map_is_closed(const struct store_map *map)
{
    return atomic_load_explicit(&map->closed, memory_order_relaxed); /* private: the process's */
}

static comem_status closed_error(void)
{
    return store_answer(COMEM_GONE,
                        "the store was closed in this process: open it again, and take its objects from there");
}

comem_status participant_enter_slow(struct store_map *map, struct participant **me)
{
    if (participant_tls != NULL && participant_tls->map == NULL)
        participant_tls = NULL; /* wiped: this process is a raw clone */
    leave_closed();
    if (map_is_closed(map))
        return closed_error();
    struct participant **link = &participant_tls, *found = NULL;
    while (*link != NULL && (*link)->map != map)
        link = &(*link)->next_of_thread;
    if (*link != NULL) { /* to the front: the next call finds it at once */
        found = *link;
        *link = found->next_of_thread;
        found->next_of_thread = participant_tls;
        participant_tls = found;
    } else {
        if (attaching)
            return store_error(COMEM_BUSY, "called from a signal handler that interrupted another call of this thread");
        attaching = true;
        pthread_mutex_lock(&map->mutex);
        disown_parent(map);
        comem_status status = map_is_closed(map) ? closed_error() : attach_locked(map, NULL, &found);
        pthread_mutex_unlock(&map->mutex);
        attaching = false;
        if (status != COMEM_OK)
            return status;
        participant_begin(found);
    }
    if (!participant_outside(found))
        return store_error(COMEM_BUSY, "called from a signal handler that interrupted another call of this thread");
    participant_set_entered(found, PARTICIPANT_INSIDE);
    word_order();
    *me = found;
    return COMEM_OK;
}

/* ---- leaving ---- */

static bool map_has_other_thread(const struct store_map *map, const struct participant *me)
{
    return map->participants != me || me->next_of_map != NULL;
}

/* Leaves, under the map's mutex. Of the process's last thread the references go with it. */
static void detach_locked(struct participant *me)
{
    struct store_map *map = me->map;
    /* Cut short by pthread_exit() or the like: whoever waits for us repairs the slot once the thread is gone. */
    bool cut_short = lock_held(me) || record_state(word_load(&me->slot->record.head)) != RECORD_IDLE;
    me->quiet = true;
    if (!map_has_other_thread(map, me) && map->process != NULL) {
        sync_upward->forget_handles(map);
        participant_set_entered(me, PARTICIPANT_INSIDE);
        if (!cut_short) {
            word_store(&me->slot->process, 0);
            process_reap(me, map->process);
        }
        map->process = NULL;
    }
    if (cut_short) {
        map->pinned = true;
        unlink_participant(me);
        me->map = NULL;
    } else {
        slot_leave(me);
    }
}

/* Unmaps a closed store that no thread is attached to. Its mutex and maps_mutex are held. */
static void map_end_locked(struct store_map *map)
{
    if (!map_is_closed(map) || map->participants != NULL || map->pinned || map->base == NULL)
        return;
    sync_upward->cast_off_handles(map);
    store_map_clear(map);
}

static void map_end(struct store_map *map)
{
    if (!map_is_closed(map))
        return;
    pthread_mutex_lock(&maps_mutex);
    pthread_mutex_lock(&map->mutex);
    map_end_locked(map);
    pthread_mutex_unlock(&map->mutex);
    pthread_mutex_unlock(&maps_mutex);
}

void participant_detach(struct participant *me)
{
    struct store_map *map = me->map;
    pthread_mutex_lock(&map->mutex);
    detach_locked(me);
    pthread_mutex_unlock(&map->mutex);
    map_end(map);
}

/* Takes the calling thread out of the stores that were closed since its last call. */
static void leave_closed(void)
{
    for (struct participant *me = participant_tls, *next; me != NULL; me = next) {
        struct store_map *map = me->map;
        next = me->next_of_thread;
        if (map == NULL || atomic_load_explicit(&me->entered, memory_order_relaxed) != /* private: the thread's */
                               PARTICIPANT_TO_LEAVE)
            continue;
        participant_set_entered(me, PARTICIPANT_INSIDE); /* a signal handler's call must not wait for the mutex */
        pthread_mutex_lock(&map->mutex);
        if (map_is_closed(map))
            detach_locked(me);
        else
            participant_set_entered(me, 0); /* somebody has opened it again */
        pthread_mutex_unlock(&map->mutex);
        map_end(map);
    }
}

static word32 closings; /* of stores, by this process: what keepers sleep on */

struct keeper_start {
    struct store_map *map;
    sem_t ready;
    bool attached;
};

static void *keeper_main(void *argument)
{
    struct keeper_start *start = argument;
    struct participant *me;
    bool attached = participant_enter(start->map, &me) == COMEM_OK;
    if (attached)
        participant_leave(me);
    struct store_map *map = start->map;
    start->attached = attached;
    sem_post(&start->ready); /* `start` is gone from here on */
    for (uint32_t seen = word32_load_acquire(&closings); attached && !map_is_closed(map);
         seen = word32_load_acquire(&closings))
        os_sleep(&closings, seen, NULL, 0, KEEPER_NAP_NS);
    return NULL; /* and leaves as every thread does */
}

/* Starts a thread that keeps this process's references; it lives as long as the process. */
static bool keeper_start(struct store_map *map)
{
    struct keeper_start start = {.map = map};
    sigset_t all, before;
    pthread_t thread;
    sem_init(&start.ready, 0, 0);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&thread, NULL, keeper_main, &start) == 0;
    if (started) {
        while (sem_wait(&start.ready) != 0)
            ;
        pthread_detach(thread);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    sem_destroy(&start.ready);
    return started && start.attached;
}

/* The last thread of a process that still holds references has a keeper take its place first. Who is last is decided under
 * the mutex under which it leaves: of two that leave at once, one is. */
static void thread_leave(struct participant *me)
{
    struct store_map *map = me->map;
    pthread_mutex_lock(&map->mutex);
    while (!map_has_other_thread(map, me) && sync_upward->has_handles(map) && !map_is_closed(map)) {
        pthread_mutex_unlock(&map->mutex);
        bool kept = keeper_start(map);
        pthread_mutex_lock(&map->mutex);
        if (!kept)
            break; /* the references are lost, and the handles know */
    }
    detach_locked(me);
    pthread_mutex_unlock(&map->mutex);
    map_end(map);
}

static void thread_exit(void *marker)
{
    (void)marker;
    while (participant_tls != NULL) {
        struct participant *me = participant_tls;
        struct store_map *map = me->map;
        if (map == NULL) {
            participant_tls = NULL;
            return;
        }
        if (me->record_end != 0 || lock_held(me))
            repair_rollback(me); /* the thread was ended inside an operation: its locks go when the slot is repaired */
        participant_tls = me->next_of_thread;
        thread_leave(me);
    }
}

comem_status store_detach_process(void)
{
    while (participant_tls != NULL) {
        struct participant *me = participant_tls;
        if (me->map == NULL || !participant_outside(me))
            break;
        sync_upward->forget_handles(me->map);
        participant_tls = me->next_of_thread;
        participant_detach(me);
    }
    return COMEM_OK;
}

/* ---- closing ---- */

/* Tells every thread that is attached to leave. The map's mutex is held. */
static void call_out(struct store_map *map)
{
    for (struct participant *p = map->participants; p != NULL; p = p->next_of_map) {
        uint32_t outside = 0; /* one that is inside an operation learns by its handles that the store is closed */
        atomic_compare_exchange_strong(&p->entered, &outside, PARTICIPANT_TO_LEAVE); /* private: the process's */
    }
}

void participant_close(struct store_map *map)
{
    struct participant *me = NULL;
    silent = true; /* the caller has default_mutex, and who waits for that may have what a hook takes */
    if (map->process != NULL && participant_enter(map, &me) != COMEM_OK)
        me = NULL; /* references that are not given back now go with the process */
    pthread_mutex_lock(&map->mutex);
    atomic_store(&map->closed, true); /* private: the process's */
    if (me != NULL)
        sync_upward->close_handles(me);
    else
        sync_upward->forget_handles(map);
    pthread_mutex_unlock(&map->mutex);
    if (me != NULL)
        participant_leave(me);
    pthread_mutex_lock(&map->mutex);
    call_out(map);
    pthread_mutex_unlock(&map->mutex);
    word32_store(&closings, word32_load(&closings) + 1); /* one at a time */
    os_wake(&closings, INT_MAX);
    leave_closed();
    map_end(map);
    silent = false;
}

bool participant_reopen(struct store_map *map)
{
    pthread_mutex_lock(&map->mutex);
    bool mapped = map->base != NULL;
    if (mapped) {
        atomic_store(&map->closed, false); /* private: the process's */
        for (struct participant *p = map->participants; p != NULL; p = p->next_of_map) {
            uint32_t leaving = PARTICIPANT_TO_LEAVE;
            atomic_compare_exchange_strong(&p->entered, &leaving, 0); /* private: the process's */
        }
    }
    pthread_mutex_unlock(&map->mutex);
    return mapped;
}

/* ---- fork ---- */

/* What the prepare handler leaves for the two that come after it, one for each map. */
static struct fork_plan {
    struct store_map *map;
    struct process *child;
    int witness;
    struct fork_plan *next;
} * fork_plans;

/* Makes the record of the child to come. Without one the child starts with no references. */
static void fork_prepare_map(struct store_map *map, struct fork_plan *plan)
{
    struct participant *me = participant_tls;
    while (me != NULL && me->map != map)
        me = me->next_of_thread;
    if (me == NULL || !participant_outside(me) || map->process == NULL)
        return;
    participant_set_entered(me, PARTICIPANT_INSIDE);
    if (process_open(me, SEAT_FORKING, &plan->child) == COMEM_OK) {
        plan->witness = (int)word_load(&plan->child->fd);
        if (process_copy_rows(me, map->process, plan->child) != COMEM_OK)
            plan->child = NULL; /* without its witness the record is reaped */
    } else {
        plan->child = NULL;
    }
    participant_set_entered(me, 0);
}

static void fork_prepare(void)
{
    silent = true;
    for (struct store_map *map = maps; map != NULL; map = map->next) { /* threads that are not attached attach now */
        struct participant *me;
        if (map->process != NULL && participant_enter(map, &me) == COMEM_OK) {
            repair_sweep(me); /* children that ended without leaving give back what they held */
            participant_leave(me);
        }
    }
    pthread_mutex_lock(&maps_mutex);
    for (struct store_map *map = maps; map != NULL; map = map->next) {
        pthread_mutex_lock(&map->mutex);
        struct fork_plan *plan = calloc(1, sizeof *plan);
        if (plan == NULL)
            continue;
        plan->map = map;
        plan->witness = -1;
        plan->next = fork_plans;
        fork_plans = plan;
        fork_prepare_map(map, plan);
    }
    pthread_mutex_lock(&pool_mutex);
}

static void fork_plans_drop(void)
{
    while (fork_plans != NULL) {
        struct fork_plan *plan = fork_plans;
        fork_plans = plan->next;
        os_witness_drop(plan->witness);
        free(plan);
    }
}

static void fork_unlock(void)
{
    pthread_mutex_unlock(&pool_mutex);
    for (struct store_map *map = maps; map != NULL; map = map->next)
        pthread_mutex_unlock(&map->mutex);
    pthread_mutex_unlock(&maps_mutex);
}

static void fork_parent(void)
{
    silent = false;
    fork_plans_drop();
    fork_unlock();
}

static void fork_child(void)
{
    silent = false;
    participant_tls = NULL;
    pthread_mutex_unlock(&pool_mutex);
    for (struct store_map *map = maps; map != NULL; map = map->next) {
        struct process *inherited = NULL;
        bool had_parent = map->process != NULL;
        for (struct fork_plan *plan = fork_plans; plan != NULL; plan = plan->next)
            if (plan->map == map)
                inherited = plan->child;
        map->participants = NULL;
        map->process = NULL;
        struct participant *me;
        if (had_parent && inherited != NULL && attach_locked(map, inherited, &me) == COMEM_OK) {
            participant_tls = me;
            pthread_setspecific(thread_key, me);
        }
        if (had_parent && (inherited == NULL || map->process != inherited))
            sync_upward->forget_handles(map);
        else if (had_parent)
            sync_upward->adopt_handles(map);
        map_end_locked(map);
        pthread_mutex_unlock(&map->mutex);
    }
    pthread_mutex_unlock(&maps_mutex);
    fork_plans_drop();
}

/* ---- children started otherwise ---- */

comem_status participant_expect(struct store_map *map, struct child_record *child)
{
    struct participant *me;
    struct process *made = NULL;
    comem_status status = participant_enter(map, &me);
    if (status != COMEM_OK)
        return status;
    repair_sweep(me); /* children that ended without leaving, or never came, give back what they held */
    status = process_open(me, SEAT_FORKING, &made);
    if (status == COMEM_OK) {
        child->place = store_offset(map, made);
        child->generation = seat_generation(word_load(&made->control));
        child->witness = (int)word_load(&made->fd);
    }
    participant_leave(me);
    return status;
}

struct process *participant_expected(struct store_map *map, const struct child_record *child)
{
    for (uint32_t i = 0; i < seat_high(map, SEATS_OF_PROCESSES); i++) {
        struct process *process = seat_at(map, SEATS_OF_PROCESSES, i);
        if (process == NULL || store_offset(map, process) != child->place)
            continue;
        uint64_t waiting = seat_control(child->generation, SEAT_FORKING, 0);
        return word_load_acquire(&process->control) == waiting ? process : NULL;
    }
    return NULL;
}

comem_status participant_come(struct store_map *map, const struct child_record *child)
{
    struct participant *me = NULL;
    comem_status status = COMEM_OK;
    pthread_mutex_lock(&map->mutex);
    if (map->process == NULL)
        status = attach_locked(map, participant_expected(map, child), &me);
    pthread_mutex_unlock(&map->mutex);
    os_witness_drop(child->witness); /* not before: until the record is LIVE it keeps reapers away */
    if (me != NULL) {
        participant_begin(me);
        participant_leave(me); /* takes back what the sweep let go of for a sleep */
    }
    return status;
}

comem_status participant_init(void)
{
    if (pthread_key_create(&thread_key, thread_exit) != 0 || pthread_atfork(fork_prepare, fork_parent, fork_child) != 0)
        return store_error(COMEM_SYSTEM, "no room for a thread key or for fork handlers");
    return COMEM_OK;
}

void participant_add_map(struct store_map *map)
{
    pthread_mutex_lock(&maps_mutex);
    pthread_mutex_lock(&map->mutex);
    map->pinned = false;
    atomic_store(&map->closed, map->base == NULL); /* private: the process's */
    pthread_mutex_unlock(&map->mutex);
    map->next = maps;
    maps = map;
    pthread_mutex_unlock(&maps_mutex);
}

struct store_map *participant_find_map(const uint8_t id[16])
{
    struct store_map *found = NULL;
    pthread_mutex_lock(&maps_mutex);
    for (struct store_map *map = maps; map != NULL; map = map->next)
        if (memcmp(map->id, id, sizeof map->id) == 0)
            found = map;
    pthread_mutex_unlock(&maps_mutex);
    return found;
}

struct store_map *participant_find_file(uint64_t device, uint64_t inode)
{
    struct store_map *found = NULL;
    pthread_mutex_lock(&maps_mutex);
    for (struct store_map *map = maps; map != NULL && found == NULL; map = map->next)
        if (map->named && map->base != NULL && map->memory.device == device && map->memory.inode == inode)
            found = map;
    pthread_mutex_unlock(&maps_mutex);
    return found;
}

struct store_map *participant_take_map(void)
{
    struct store_map *found = NULL;
    pthread_mutex_lock(&maps_mutex);
    for (struct store_map **link = &maps; *link != NULL; link = &(*link)->next)
        if ((*link)->base == NULL) {
            found = *link;
            found->pinned = true; /* while it is filled; a thread that left it may still be about to look */
            *link = found->next;
            break;
        }
    pthread_mutex_unlock(&maps_mutex);
    return found;
}
