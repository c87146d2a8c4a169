/* mend.c - repairing a store that nobody else has open
 *
 * Store check looks, and says of each thing it finds what would make it right (heap/check.h): that is done, and the store looked
 * at again, because one remedy may bring the next thing to light. It ends when nothing is found, or nothing more can be done.
 *
 * Order        First what is broken and has a remedy, versions and locks that the dead left, and caches. What belongs to nothing is
 *              freed, and a count lowered, only while nothing else is broken: what seems to be lost may hang from the
 *              broken part, and somebody may want to save it. A count that is too low is raised at once.
 * Written by   the calling thread, alone: the caller has the store to himself. Dead participants were swept when it attached.
 * A death      at any step: a remedy is one store of a word, or an operation of the engine with its record (freeing a block,
 *              giving an object to the trash), which whoever comes next finishes or takes back. None relies on another, so
 *              the store is as good as before or better, and mending it can begin anew.
 * Cost         a store check for each round, of which there are two or three.
 */
#include "objects/mend.h"

#include <stdlib.h>

#include "heap/check.h"
#include "objects/handle.h"

#define ROUNDS_MAX 64u

struct task {
    enum check_class class;
    struct check_remedy remedy;
    char *problem;
};

struct round {
    struct task *tasks;
    size_t count, room;
    bool broken; /* something is */
    bool no_memory;
};

static void round_add(void *context, const struct check_finding *finding)
{
    struct round *round = context;
    if (round->count == round->room) {
        size_t room = round->room == 0 ? 64 : round->room * 2;
        struct task *tasks = realloc(round->tasks, room * sizeof *tasks);
        if (tasks == NULL) {
            round->no_memory = true;
            return;
        }
        round->tasks = tasks;
        round->room = room;
    }
    size_t size = strlen(finding->problem) + 1;
    char *problem = malloc(size);
    if (problem == NULL) {
        round->no_memory = true;
        return;
    }
    memcpy(problem, finding->problem, size); /* private: malloc()ed */
    round->tasks[round->count++] = (struct task){finding->class, finding->remedy, problem};
    round->broken |= finding->class == CHECK_BROKEN;
}

static void round_clear(struct round *round)
{
    for (size_t i = 0; i < round->count; i++)
        free(round->tasks[i].problem);
    free(round->tasks);
    *round = (struct round){.tasks = NULL};
}

/* ---- remedies ---- */

static word64 *word_at(struct store_map *map, uint64_t offset)
{
    return (word64 *)(map->base + offset);
}

/* Whether it does no harm while something else is broken. */
static bool is_safe(struct store_map *map, const struct task *task)
{
    const struct check_remedy *remedy = &task->remedy;
    if (task->class != CHECK_LOST)
        return true;
    return remedy->kind == REMEDY_WORD && remedy->value > word_load(word_at(map, remedy->offset));
}

static bool give_to_trash(struct participant *me, uint64_t object)
{
    record_add(me, RECORD_BUILD, object, 0);
    heap_abandon(me, 0);
    return me->record_end == 0;
}

static bool free_block(struct participant *me, uint64_t block)
{
    record_add(me, RECORD_FREE, block, 0);
    record_commit(me);
    return heap_finish(me, 0) == COMEM_OK;
}

/* Whether something was done. */
static bool apply(struct participant *me, const struct check_remedy *remedy)
{
    struct store_map *map = me->map;
    switch (remedy->kind) {
    case REMEDY_WORD:
        word_store(word_at(map, remedy->offset), remedy->value);
        return true;
    case REMEDY_WORD32:
        word32_store((word32 *)(map->base + remedy->offset), (uint32_t)remedy->value);
        return true;
    case REMEDY_USE:
        return heap_block_use(map, remedy->offset);
    case REMEDY_FREE:
        return free_block(me, remedy->offset);
    case REMEDY_BURY:
        return object_bury(me, (struct object *)(map->base + remedy->offset), os_clock());
    case REMEDY_TRASH:
        return give_to_trash(me, remedy->offset);
    case REMEDY_NONE:
        break;
    }
    return false;
}

/* Does what can be done; what was is told. Returns how much. */
static uint64_t round_apply(struct participant *me, const struct round *round, mend_report report, void *context)
{
    uint64_t done = 0;
    for (size_t i = 0; i < round->count; i++) {
        const struct task *task = &round->tasks[i];
        if ((round->broken && !is_safe(me->map, task)) || !apply(me, &task->remedy))
            continue;
        word_order();
        report(context, task->problem, true);
        done++;
    }
    return done;
}

comem_status mend_store(comem_store *store, mend_report report, void *context, struct mend_result *result)
{
    struct participant *me;
    struct round round = {.tasks = NULL};
    *result = (struct mend_result){0, 0};
    comem_status status = participant_enter(handle_store_map(store), &me);
    if (status != COMEM_OK)
        return status;
    repair_sweep(me);
    for (unsigned rounds = 0; rounds < ROUNDS_MAX; rounds++) {
        round_clear(&round);
        store_survey(me->map, round_add, &round);
        uint64_t done = round_apply(me, &round, report, context);
        result->mended += done;
        if (done == 0)
            break;
    }
    result->left = round.count;
    for (size_t i = 0; i < round.count; i++)
        report(context, round.tasks[i].problem, false);
    bool no_memory = round.no_memory;
    round_clear(&round);
    participant_leave(me);
    return no_memory ? store_error(COMEM_NO_MEMORY, "malloc for a list of what is to be repaired failed") : COMEM_OK;
}
