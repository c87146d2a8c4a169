/* check.c - comem check: does everything in a store hang together?
 *
 * Quiet    nobody takes part: one pass tells the truth.
 * Live     others work meanwhile, so a pass may see what was true at no moment. What is found by every one of several passes, in
 *          the same words, is reported; there are more of them as long as something is left. What only says that an operation is
 *          under way is left out.
 * Excused  of threads that died, or whose operation does not go on from the first pass to the last, blocks and counts are left
 *          that belong to nothing yet. These are counted and not reported.
 * Repair   has the store to itself, by the lock that all hold who have it open: src/objects/mend.c.
 */
#include "cli.h"
#include "look.h"

#include <stdlib.h>
#include <string.h>

#include "heap/check.h"
#include "objects/handle.h"
#include "objects/mend.h"

#define PASSES_LEAST 3u
#define PASSES_MOST 16u
#define NAP UINT64_C(10000000)
#define KEPT 100000u /* problems that are compared */
#define SHOWN 100u   /* that are printed without --all */

struct finding {
    enum check_class class;
    unsigned passes; /* that found it */
    size_t number;   /* in the order in which the first found them */
    char *problem;
};

struct findings {
    struct finding *list;
    size_t count;
    unsigned pass; /* the one under way, from 1 on */
    bool live;
    uint64_t beyond;           /* more than are kept, */
    uint64_t beyond_excusable; /* and of them those that may be excused */
};

/* What a check came to. */
struct verdict {
    bool live;
    unsigned passes;
    size_t processes, dead, stuck;
    uint64_t excused;
    bool unclean; /* who used it last was cut off by the end of the machine's start, or it is a copy of one in use */
};

/* ---- findings ---- */

static int by_problem(const void *one, const void *other)
{
    return strcmp(((const struct finding *)one)->problem, ((const struct finding *)other)->problem);
}

static int by_number(const void *one, const void *other)
{
    size_t first = ((const struct finding *)one)->number, second = ((const struct finding *)other)->number;
    return (first > second) - (first < second);
}

static void findings_free(struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        free(findings->list[i].problem);
    free(findings->list);
}

/* What the dead, and operations that do not go on, may leave. */
static bool is_excusable(enum check_class class)
{
    return class == CHECK_LOST || class == CHECK_UNSETTLED;
}

static void note_first(struct findings *findings, const struct check_finding *found)
{
    struct finding *grown = NULL;
    char *problem = findings->count < KEPT ? strdup(found->problem) : NULL;
    if (problem != NULL && (findings->count & (findings->count - 1)) == 0)
        grown = realloc(findings->list, (findings->count == 0 ? 1 : findings->count * 2) * sizeof *grown);
    else if (problem != NULL)
        grown = findings->list;
    if (grown == NULL) {
        free(problem);
        findings->beyond++;
        findings->beyond_excusable += is_excusable(found->class);
        return;
    }
    findings->list = grown;
    grown[findings->count] = (struct finding){found->class, 1, findings->count, problem};
    findings->count++;
}

/* One of a later pass counts if all passes before had it. */
static void note(void *context, const struct check_finding *found)
{
    struct findings *findings = context;
    if (findings->live && found->class == CHECK_UNSETTLED)
        return;
    if (findings->pass == 1) {
        note_first(findings, found);
        return;
    }
    struct finding wanted = {.problem = (char *)(uintptr_t)found->problem}, *known = NULL;
    if (findings->count > 0)
        known = bsearch(&wanted, findings->list, findings->count, sizeof wanted, by_problem);
    if (known != NULL && known->passes == findings->pass - 1)
        known->passes = findings->pass;
}

/* Drops what this pass did not find. Of what was not kept nobody knows then whether it is still there. */
static void findings_settle(struct findings *findings)
{
    size_t kept = 0;
    for (size_t i = 0; i < findings->count; i++) {
        if (findings->list[i].passes == findings->pass)
            findings->list[kept++] = findings->list[i];
        else
            free(findings->list[i].problem);
    }
    if (kept < findings->count)
        findings->beyond = findings->beyond_excusable = 0;
    findings->count = kept;
    if (kept > 0)
        qsort(findings->list, kept, sizeof *findings->list, by_problem);
}

/* Drops what the dead, or operations that do not go on, may have left. Returns how many. */
static uint64_t findings_excuse(struct findings *findings)
{
    size_t kept = 0;
    uint64_t excused = findings->beyond_excusable;
    findings->beyond -= findings->beyond_excusable;
    for (size_t i = 0; i < findings->count; i++) {
        struct finding *finding = &findings->list[i];
        if (is_excusable(finding->class)) {
            free(finding->problem);
            excused++;
        } else {
            findings->list[kept++] = *finding;
        }
    }
    findings->count = kept;
    return excused;
}

/* ---- passes ---- */

/* How many operations are under way in both. */
static size_t count_stuck(const struct seats *before, const struct seats *after)
{
    size_t stuck = 0;
    for (size_t i = 0; i < before->count; i++)
        for (size_t k = 0; k < after->count; k++) {
            const struct seat *then = &before->seats[i], *now = &after->seats[k];
            stuck += then->number == now->number && then->thread == now->thread && !now->dead &&
                     (then->working || then->has_lock) && then->lock == now->lock && then->record == now->record;
        }
    return stuck;
}

static void pass(const struct look *look, struct findings *findings)
{
    findings->pass++;
    uint64_t found = store_survey(look->map, note, findings);
    (void)found; /* `note` has them */
    findings_settle(findings);
}

static bool check_passes(const struct look *look, struct findings *findings, struct verdict *verdict)
{
    struct seats before, after;
    if (!seats_read(look, &before))
        return false;
    findings->live = before.processes > 0;
    pass(look, findings);
    bool known = seats_read(look, &after);
    findings->live |= known && after.processes > 0; /* somebody came */
    while (findings->live && findings->pass < PASSES_MOST && (findings->count > 0 || findings->pass < PASSES_LEAST)) {
        os_nap(NAP * findings->pass);
        pass(look, findings);
    }
    if (known)
        seats_free(&after);
    known = seats_read(look, &after);
    if (known) {
        *verdict = (struct verdict){.live = findings->live,
                                    .passes = findings->pass,
                                    .processes = after.processes,
                                    .dead = after.dead,
                                    .stuck = count_stuck(&before, &after),
                                    .unclean = after.strange && after.count > 0};
        seats_free(&after);
    }
    seats_free(&before);
    if (known && verdict->dead + verdict->stuck > 0)
        verdict->excused = findings_excuse(findings);
    if (findings->count > 0)
        qsort(findings->list, findings->count, sizeof *findings->list, by_number);
    return known;
}

/* ---- printing ---- */

static const char unclean[] =
    "it was in use when the machine stopped, or when it was copied: nobody can open it until it is "
    "repaired";

static uint64_t count_problems(const struct findings *findings, const struct verdict *verdict)
{
    return findings->count + findings->beyond + verdict->unclean;
}

static void print_mode(const struct verdict *verdict)
{
    if (verdict->live)
        printf("live: %zu process%s; what each of %u passes found in the same words\n", verdict->processes,
               verdict->processes == 1 ? "" : "es", verdict->passes);
    else
        puts("quiet: nobody takes part");
    if (verdict->dead > 0 && !verdict->unclean)
        printf("%zu thread%s died, and nobody cleaned up since; who opens the store next does\n", verdict->dead,
               verdict->dead == 1 ? "" : "s");
    if (verdict->stuck > 0)
        printf("%zu operation%s did not go on meanwhile\n", verdict->stuck, verdict->stuck == 1 ? "" : "s");
    if (verdict->excused > 0)
        printf("%llu things that may be due to that are not told\n", (unsigned long long)verdict->excused);
}

static void print_findings(const struct findings *findings, const struct verdict *verdict, bool all)
{
    size_t shown = all || findings->count < SHOWN ? findings->count : SHOWN;
    uint64_t problems = count_problems(findings, verdict);
    print_mode(verdict);
    if (verdict->unclean)
        puts(unclean);
    for (size_t i = 0; i < shown; i++)
        puts(findings->list[i].problem);
    uint64_t more = findings->count + findings->beyond - shown;
    if (more > 0)
        printf("... and %llu more\n", (unsigned long long)more);
    if (problems == 0)
        puts("nothing found");
    else
        printf("%llu problem%s\n", (unsigned long long)problems, problems == 1 ? "" : "s");
}

static void json_field(struct json *json, const char *key, uint64_t number)
{
    json_key(json, key);
    json_number(json, number);
}

static void print_json(const struct look *look, const struct findings *findings, const struct verdict *verdict)
{
    struct json json = {.stream = stdout};
    json_begin(&json, '{');
    json_key(&json, "store");
    json_string(&json, look->place.name);
    json_key(&json, "path");
    json_string(&json, look->place.path);
    json_key(&json, "mode");
    json_string(&json, verdict->live ? "live" : "quiet");
    json_field(&json, "passes", verdict->passes);
    json_field(&json, "processes", verdict->processes);
    json_field(&json, "dead_threads", verdict->dead);
    json_field(&json, "stuck_operations", verdict->stuck);
    json_field(&json, "excused", verdict->excused);
    json_key(&json, "unclean");
    json_bool(&json, verdict->unclean);
    json_key(&json, "problems");
    json_begin(&json, '[');
    for (size_t i = 0; i < findings->count; i++)
        json_string(&json, findings->list[i].problem);
    json_end(&json, ']');
    json_field(&json, "more", findings->beyond);
    json_end(&json, '}');
    putchar('\n');
}

static int check_store(struct look *look, void *context)
{
    const struct cli_line *line = context;
    struct findings findings = {.list = NULL};
    struct verdict verdict;
    if (!check_passes(look, &findings, &verdict))
        return CLI_PROBLEM;
    if ((line->options & CLI_JSON) != 0)
        print_json(look, &findings, &verdict);
    else
        print_findings(&findings, &verdict, (line->options & CLI_ALL) != 0);
    int code = count_problems(&findings, &verdict) == 0 ? CLI_OK : CLI_PROBLEM;
    findings_free(&findings);
    return code;
}

/* ---- repair ---- */

struct report {
    struct json *json; /* NULL: text */
    bool all;
    uint64_t shown;
};

static void tell(void *context, const char *problem, bool mended)
{
    struct report *report = context;
    if (report->json != NULL) {
        json_begin(report->json, '{');
        json_key(report->json, "problem");
        json_string(report->json, problem);
        json_key(report->json, "repaired");
        json_bool(report->json, mended);
        json_end(report->json, '}');
    } else if (report->all || report->shown++ < SHOWN) {
        printf("%s: %s\n", mended ? "repaired" : "cannot be repaired", problem);
    }
}

static void print_result(const struct mend_result *result)
{
    if (result->mended + result->left == 0)
        puts("nothing found");
    else
        printf("%llu repaired, %llu left\n", (unsigned long long)result->mended, (unsigned long long)result->left);
}

static int mend(comem_store *store, const struct place *place, const struct cli_line *line,
                const struct verdict *before)
{
    struct json json = {.stream = stdout};
    struct report report = {(line->options & CLI_JSON) != 0 ? &json : NULL, (line->options & CLI_ALL) != 0, 0};
    struct mend_result result;
    if (report.json != NULL) {
        json_begin(&json, '{');
        json_key(&json, "store");
        json_string(&json, place->name);
        json_key(&json, "path");
        json_string(&json, place->path);
        json_key(&json, "problems");
        json_begin(&json, '[');
    }
    if (before->unclean)
        tell(&report, unclean, true);
    else if (before->dead > 0 && report.json == NULL)
        printf("cleaned up after %zu thread%s that died\n", before->dead, before->dead == 1 ? "" : "s");
    comem_status status = mend_store(store, tell, &report, &result);
    result.mended += before->unclean;
    if (report.json != NULL) {
        json_end(&json, ']');
        json_field(&json, "dead_threads", before->dead);
        json_field(&json, "repaired", result.mended);
        json_field(&json, "left", result.left);
        json_end(&json, '}');
        putchar('\n');
    } else {
        print_result(&result);
    }
    if (status != COMEM_OK) {
        cli_fail_at(place->name, status);
        return CLI_DAMAGED;
    }
    return result.left > 0 ? CLI_DAMAGED : result.mended > 0 ? CLI_REPAIRED : CLI_OK;
}

static int find_dead(struct look *look, void *context)
{
    struct verdict *verdict = context;
    struct seats seats;
    if (!seats_read(look, &seats))
        return CLI_PROBLEM;
    verdict->unclean = seats.strange && seats.count > 0;
    verdict->dead = seats.dead;
    seats_free(&seats);
    return CLI_OK;
}

static int repair(const struct cli_line *line)
{
    struct verdict verdict = {.unclean = false};
    struct place place;
    struct look look;
    comem_store store = {.map = NULL};
    if (!look_find(line->words[0], &place))
        return CLI_DAMAGED;
    if (place.pid != 0) {
        cli_fail("%s cannot be repaired: it is in use as long as it is there", place.name);
        return CLI_DAMAGED;
    }
    comem_status status = look_open(&place, &look);
    if (status == COMEM_OK) {
        look_guarded(&look, find_dead, &verdict);
        look_close(&look);
        status = handle_open_repair(line->words[0], &store.map);
    }
    if (status != COMEM_OK) {
        cli_fail_at(place.name, status);
        return CLI_DAMAGED;
    }
    int code = mend(&store, &place, line, &verdict);
    handle_close_named(store.map);
    return code;
}

static int run(const struct cli_line *line)
{
    struct cli_line copy = *line;
    return (line->options & CLI_REPAIR) != 0 ? repair(line) : look_at(line->words[0], check_store, &copy);
}

const struct cli_command command_check = {
    .name = "check",
    .arguments = "STORE",
    .summary = "does all in it hang together? --repair",
    .help =
        "Looks at every block of a store: does it belong to something, once, and is it what it should be? Says whether\n"
        "the store was quiet, so that this is certain, or in use; then only what several passes find is told. With\n"
        "--repair what can be made right is; this takes a store with a name that nobody has open.\n"
        "Exit codes: 0 nothing found; 1 something was; with --repair 3 all of it is repaired, 4 some is not.",
    .options = CLI_JSON | CLI_ALL | CLI_REPAIR,
    .least = 1,
    .most = 1,
    .run = run,
};
