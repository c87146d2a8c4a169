/* stat.c - comem stat: what is in a store, and who takes part in it */
#include "cli.h"
#include "look.h"

#include <stdlib.h>
#include <string.h>

#include "heap/check.h"
#include "objects/root.h"

#define BIGGEST 10u
#define TYPES 8u

struct big {
    uint64_t object, bytes;
};

struct content {
    struct store_map *map;
    uint64_t count[TYPES], bytes[TYPES]; /* by type */
    struct big biggest[BIGGEST];         /* those with more bytes first */
    uint64_t trash;                      /* roots that wait to be freed */
};

struct root_name {
    comem_value name;
    uint64_t object;
};

struct roots {
    struct root_name *names;
    size_t count;
};

/* ---- gathering ---- */

static void rank(struct content *content, uint64_t object, uint64_t bytes)
{
    size_t at = BIGGEST;
    while (at > 0 && content->biggest[at - 1].bytes < bytes)
        at--;
    if (at == BIGGEST)
        return;
    for (size_t i = BIGGEST - 1; i > at; i--)
        content->biggest[i] = content->biggest[i - 1];
    content->biggest[at] = (struct big){object, bytes};
}

static void visit_object(void *context, uint64_t offset, uint64_t size)
{
    struct content *content = context;
    const struct object *shared = store_at(content->map, offset, sizeof *shared);
    uint64_t identity = shared == NULL ? 0 : word_load_acquire(&shared->identity);
    enum object_type type = object_identity_type(identity);
    if (object_identity_state(identity) == OBJECT_DEAD || !object_type_known(type) || type >= TYPES)
        return;
    uint64_t bytes = size + check_measure(content->map, offset);
    content->count[type]++;
    content->bytes[type] += bytes;
    rank(content, offset, bytes);
}

static void read_content(struct content *content)
{
    struct store_map *map = content->map;
    uint64_t end = store_end(map) / PAGE_SIZE, limit = end;
    for (uint64_t page = map->data / PAGE_SIZE; page < end; page++) {
        uint32_t entry = word32_load(&map->page_table[page]);
        if (heap_page_kind(entry) == PAGE_SPAN && heap_page_class(entry) == HEAP_CLASS_OBJECT)
            heap_walk_page(map, page, visit_object, content);
    }
    for (uint64_t root = word_load(&map->header->trash); root != 0 && content->trash < limit * 16; content->trash++) {
        const struct block_header *header = store_at(map, root, sizeof *header);
        if (header == NULL)
            break;
        root = word_load(&header->next);
    }
}

static bool add_root(void *context, struct look_key *key)
{
    struct roots *roots = context;
    struct root_name *grown = realloc(roots->names, (roots->count + 1) * sizeof *grown);
    if (grown != NULL)
        roots->names = grown;
    comem_value_clear(&key->canonical);
    if (grown == NULL || key->shown.kind != COMEM_STR || !cell_is_ref(key->value.head))
        comem_value_clear(&key->shown);
    else
        grown[roots->count++] = (struct root_name){key->shown, key->value.body};
    return grown != NULL;
}

static void read_roots(struct store_map *map, struct roots *roots)
{
    uint64_t names = word_load_acquire(&map->header->roots);
    if (names != 0)
        look_keys(map, names, UINT64_MAX, add_root, roots);
}

static void free_roots(struct roots *roots)
{
    for (size_t i = 0; i < roots->count; i++)
        comem_value_clear(&roots->names[i].name);
    free(roots->names);
}

/* ---- a lock in words ---- */

/* The object that a lock belongs to, 0: none. */
static uint64_t lock_object(struct store_map *map, uint64_t lock)
{
    uint64_t object = lock - offsetof(struct object, lock);
    return lock >= offsetof(struct object, lock) && heap_is_object(map, object) ? object : 0;
}

static const char *lock_name(struct store_map *map, uint64_t lock)
{
    uint64_t object = lock_object(map, lock);
    return object != 0                                        ? look_kind(map, object)
           : lock == offsetof(struct store_header, heap_lock) ? "heap"
           : lock == offsetof(struct store_header, grow_lock) ? "growth"
                                                              : "nothing";
}

/* ---- text ---- */

static void print_seat(struct store_map *map, const struct seat *seat)
{
    printf("             thread %u%s", seat->thread, seat->dead ? ", dead" : "");
    uint64_t object = lock_object(map, seat->lock);
    if (seat->lock != 0)
        printf(", %s the lock of %s", seat->has_lock ? "has" : "wants", lock_name(map, seat->lock));
    if (object != 0)
        printf(" %#llx", (unsigned long long)object);
    puts(seat->working ? ", in an operation" : "");
}

static void print_seats(struct store_map *map, const struct seats *seats)
{
    uint64_t here = os_pid_namespace();
    printf("processes    %zu%s\n", seats->processes,
           seats->strange ? " (the machine was started since, or this is a copy)" : "");
    for (size_t i = 0; i < seats->count; i++) {
        const struct seat *seat = &seats->seats[i];
        if (seats_begin_process(seats, i) && seat->dead)
            puts("  dead, and not cleaned up after yet:");
        else if (seats_begin_process(seats, i))
            printf("  process %llu%s:\n", (unsigned long long)seat->pid,
                   seat->namespace == here || here == 0 ? "" : " of another PID namespace");
        print_seat(map, seat);
    }
}

static void print_root_names(struct store_map *map, const struct roots *roots, uint64_t object)
{
    if (object == word_load(&map->header->roots))
        fputs("  (the names of the roots)", stdout);
    for (size_t i = 0; i < roots->count; i++)
        if (roots->names[i].object == object) {
            fputs("  ", stdout);
            write_text(stdout, roots->names[i].name.as.data, roots->names[i].name.size);
        }
}

static void print_length(struct store_map *map, uint64_t object)
{
    uint64_t length;
    if (look_length(map, object, &length))
        printf(" of %llu", (unsigned long long)length);
}

static void print_content(const struct content *content, const struct roots *roots)
{
    char text[WRITE_SIZE_ROOM];
    puts("objects");
    for (enum object_type type = OBJECT_LIST; object_type_known(type); type++)
        printf("  %-10s %llu, %s\n", object_type_name(type), (unsigned long long)content->count[type],
               write_size(content->bytes[type], text));
    if (content->biggest[0].bytes > 0)
        puts("biggest");
    for (size_t i = 0; i < BIGGEST && content->biggest[i].bytes > 0; i++) {
        const struct big *big = &content->biggest[i];
        printf("  %-10s %s %#llx", write_size(big->bytes, text), look_kind(content->map, big->object),
               (unsigned long long)big->object);
        print_length(content->map, big->object);
        print_root_names(content->map, roots, big->object);
        putchar('\n');
    }
    printf("roots        %zu\n", roots->count);
    for (size_t i = 0; i < roots->count; i++) {
        fputs("  ", stdout);
        write_text(stdout, roots->names[i].name.as.data, roots->names[i].name.size);
        printf(": %s", look_kind(content->map, roots->names[i].object));
        print_length(content->map, roots->names[i].object);
        putchar('\n');
    }
    printf("trash        %llu\n", (unsigned long long)content->trash);
}

static void print_text(const struct look *look, const struct seats *seats, const struct content *content,
                       const struct roots *roots)
{
    const struct store_map *map = look->map;
    char text[WRITE_SIZE_ROOM];
    fputs("store        ", stdout);
    write_name(stdout, look->place.name);
    fputs("\npath         ", stdout);
    write_name(stdout, look->place.path);
    fputs("\nid           ", stdout);
    for (size_t i = 0; i < sizeof map->id; i++)
        printf("%02x", map->id[i]);
    printf("\nsize         %s", write_size(store_end(map) - map->data, text));
    printf("\nused         %s", write_size(heap_used(look->map), text));
    printf("\nlimit        %s\n", write_size(map->size_limit, text));
    print_seats(look->map, seats);
    print_content(content, roots);
}

/* ---- JSON ---- */

static void json_field(struct json *json, const char *key, uint64_t number)
{
    json_key(json, key);
    json_number(json, number);
}

static void json_object_at(struct json *json, struct store_map *map, uint64_t object)
{
    uint64_t length;
    json_field(json, "object", object);
    json_key(json, "kind");
    json_string(json, look_kind(map, object));
    json_key(json, "length");
    if (look_length(map, object, &length))
        json_number(json, length);
    else
        json_null(json);
}

static void json_seat(struct json *json, struct store_map *map, const struct seat *seat)
{
    json_begin(json, '{');
    json_field(json, "thread", seat->thread);
    json_key(json, "working");
    json_bool(json, seat->working);
    json_key(json, seat->has_lock ? "has_lock" : "wants_lock");
    if (seat->lock == 0)
        json_null(json);
    else
        json_string(json, lock_name(map, seat->lock));
    json_key(json, "object");
    if (lock_object(map, seat->lock) == 0)
        json_null(json);
    else
        json_number(json, lock_object(map, seat->lock));
    json_end(json, '}');
}

static void json_seats(struct json *json, struct store_map *map, const struct seats *seats)
{
    json_key(json, "processes");
    json_begin(json, '[');
    for (size_t i = 0; i < seats->count && !seats->seats[i].dead;) {
        json_begin(json, '{');
        json_field(json, "pid", seats->seats[i].pid);
        json_field(json, "pid_namespace", seats->seats[i].namespace);
        json_key(json, "threads");
        json_begin(json, '[');
        do
            json_seat(json, map, &seats->seats[i]);
        while (++i < seats->count && !seats_begin_process(seats, i));
        json_end(json, ']');
        json_end(json, '}');
    }
    json_end(json, ']');
    json_field(json, "dead_threads", seats->dead);
}

static void json_content(struct json *json, const struct content *content, const struct roots *roots)
{
    json_key(json, "objects");
    json_begin(json, '{');
    for (enum object_type type = OBJECT_LIST; object_type_known(type); type++) {
        json_key(json, object_type_name(type));
        json_begin(json, '{');
        json_field(json, "count", content->count[type]);
        json_field(json, "bytes", content->bytes[type]);
        json_end(json, '}');
    }
    json_end(json, '}');
    json_key(json, "biggest");
    json_begin(json, '[');
    for (size_t i = 0; i < BIGGEST && content->biggest[i].bytes > 0; i++) {
        json_begin(json, '{');
        json_object_at(json, content->map, content->biggest[i].object);
        json_field(json, "bytes", content->biggest[i].bytes);
        json_end(json, '}');
    }
    json_end(json, ']');
    json_key(json, "roots");
    json_begin(json, '[');
    for (size_t i = 0; i < roots->count; i++) {
        json_begin(json, '{');
        json_key(json, "name");
        json_text(json, roots->names[i].name.as.data, roots->names[i].name.size);
        json_object_at(json, content->map, roots->names[i].object);
        json_end(json, '}');
    }
    json_end(json, ']');
    json_field(json, "trash", content->trash);
}

static void print_json(const struct look *look, const struct seats *seats, const struct content *content,
                       const struct roots *roots)
{
    const struct store_map *map = look->map;
    struct json json = {.stream = stdout};
    char id[2 * sizeof map->id + 1];
    for (size_t i = 0; i < sizeof map->id; i++)
        snprintf(id + 2 * i, 3, "%02x", map->id[i]);
    json_begin(&json, '{');
    json_key(&json, "store");
    json_string(&json, look->place.name);
    json_key(&json, "path");
    json_string(&json, look->place.path);
    json_key(&json, "id");
    json_string(&json, id);
    json_field(&json, "size", store_end(map) - map->data);
    json_field(&json, "used", heap_used(look->map));
    json_field(&json, "limit", map->size_limit);
    json_key(&json, "strange");
    json_bool(&json, seats->strange);
    json_seats(&json, look->map, seats);
    json_content(&json, content, roots);
    json_end(&json, '}');
    putchar('\n');
}

/* ---- the command ---- */

static int stat_store(struct look *look, void *context)
{
    const struct cli_line *line = context;
    struct content content = {.map = look->map};
    struct roots roots = {.names = NULL};
    struct seats seats;
    if (!seats_read(look, &seats))
        return CLI_PROBLEM;
    read_content(&content);
    read_roots(look->map, &roots);
    if ((line->options & CLI_JSON) != 0)
        print_json(look, &seats, &content, &roots);
    else
        print_text(look, &seats, &content, &roots);
    free_roots(&roots);
    seats_free(&seats);
    return CLI_OK;
}

static int run(const struct cli_line *line)
{
    struct cli_line copy = *line;
    return look_at(line->words[0], stat_store, &copy);
}

const struct cli_command command_stat = {
    .name = "stat",
    .arguments = "STORE",
    .summary = "what is in a store, and who takes part",
    .help =
        "Shows the size of a store, the processes that take part with their threads and the locks they have or want,\n"
        "the objects by type, the biggest of them with the bytes of all that they hold, the roots, and how many things\n"
        "that were given up wait to be freed. It works from outside, also beside a process that is stopped.",
    .options = CLI_JSON,
    .least = 1,
    .most = 1,
    .run = run,
};
