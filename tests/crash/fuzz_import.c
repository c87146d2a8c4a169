/* fuzz_import.c - random bytes as an export, under libFuzzer and the sanitizers
 *
 * An input is what stands between an export's head and its checksum, which are put around it: a fuzzer would not find a way past
 * them. What is refused leaves no block in the store; what passes is exported, imported again and exported again, to the same
 * bytes.
 */
#include <stdlib.h>

#include "heap/check.h"
#include "objects/export.h"
#include "objects/handle.h"
#include "objects/root.h"

#include <endian.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "fuzz.h"

#define SIZE_LIMIT (UINT64_C(8) << 20)
#define CHECK_EVERY 1000u /* inputs */

struct bytes {
    char *data; /* malloc()ed */
    size_t size;
};

static comem_store stores[2];

static _Noreturn void fuzz_fail(const char *what)
{
    fprintf(stderr, "fuzz: %s (%s)\n", what, comem_detail());
    abort();
}

static void expect(bool condition, const char *what)
{
    if (!condition)
        fuzz_fail(what);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    expect(handle_init() == COMEM_OK, "no engine");
    for (unsigned i = 0; i < 2; i++) {
        expect(store_map_create(SIZE_LIMIT, &stores[i].map) == COMEM_OK, "no store");
        participant_add_map(stores[i].map);
    }
    return 0;
}

/* ---- a store becomes empty again ---- */

struct objects {
    struct store_map *map;
    struct cell_image images[1u << 16]; /* more than fit into the store */
    size_t count;
};

static void find_object(void *context, uint64_t offset, uint64_t size)
{
    struct objects *objects = context;
    uint64_t identity = word_load(&object_at(objects->map, offset)->identity);
    (void)size;
    if (object_identity_state(identity) == OBJECT_LIVE)
        objects->images[objects->count++] = object_image(offset, (uint32_t)identity);
}

static bool surely(const void *context)
{
    (void)context;
    return true;
}

static void shut_down(struct participant *me, struct cell_image image)
{
    struct comem_object *handle = NULL;
    pthread_mutex_lock(&me->map->mutex);
    expect(object_take(me, image, surely, NULL, &handle) == COMEM_OK, "an object that nobody can have");
    pthread_mutex_unlock(&me->map->mutex);
    participant_leave(me);
    expect(object_shutdown(handle) == COMEM_OK, "an object that nobody can shut down");
    object_release(handle);
}

static void relieve(struct store_map *map)
{
    struct participant *me;
    expect(participant_enter(map, &me) == COMEM_OK, "no participant");
    while (heap_relieve(me))
        ;
    participant_leave(me);
}

static void forget_all(struct store_map *map)
{
    static struct objects objects;
    struct participant *me;
    uint64_t roots = word_load(&map->header->roots);
    objects.map = map;
    objects.count = 0;
    for (uint64_t page = map->data / PAGE_SIZE; page < store_end(map) / PAGE_SIZE; page++)
        if (heap_page_class(word32_load(&map->page_table[page])) == HEAP_CLASS_OBJECT)
            heap_walk_page(map, page, find_object, &objects);
    for (size_t i = 0; i < objects.count; i++)
        if (object_at(map, objects.images[i].body) != NULL && participant_enter(map, &me) == COMEM_OK)
            shut_down(me, objects.images[i]);
    expect(participant_enter(map, &me) == COMEM_OK, "no participant");
    word_store(&map->header->roots, 0);
    object_unlink(me, roots, 0, NULL, 0);
    participant_leave(me);
}

/* ---- inputs ---- */

static void print_problem(void *context, const char *problem)
{
    (void)context;
    fprintf(stderr, "store check: %s\n", problem);
}

static comem_status read_bytes(comem_store *store, const struct bytes *bytes)
{
    FILE *stream = fmemopen(bytes->data, bytes->size, "rb");
    expect(stream != NULL, "no stream");
    comem_status status = import_read(store, stream);
    fclose(stream);
    return status;
}

static struct bytes write_bytes(comem_store *store)
{
    struct bytes bytes = {NULL, 0};
    FILE *stream = open_memstream(&bytes.data, &bytes.size);
    expect(stream != NULL, "no stream");
    expect(export_write(store, stream) == COMEM_OK, "what was imported cannot be exported");
    fclose(stream);
    return bytes;
}

/* The input as an export. */
static struct bytes seal(const uint8_t *data, size_t size)
{
    static const char head[] = "\x92\xAC" EXPORT_NAME "\x01", tail[] = "\xC4\x08";
    struct bytes bytes = {.data = NULL};
    FILE *stream = open_memstream(&bytes.data, &bytes.size);
    expect(stream != NULL, "no stream");
    fwrite(head, 1, sizeof head - 1, stream);
    fwrite(data, 1, size, stream);
    fflush(stream);
    uint64_t hash = htobe64(XXH3_64bits(bytes.data, bytes.size));
    fwrite(tail, 1, sizeof tail - 1, stream);
    fwrite(&hash, 1, sizeof hash, stream);
    fclose(stream);
    return bytes;
}

static void send_on(void)
{
    struct bytes first = write_bytes(&stores[0]);
    comem_status status = read_bytes(&stores[1], &first);
    expect(status == COMEM_OK || status == COMEM_NO_MEMORY, "what was exported cannot be imported");
    if (status == COMEM_OK) {
        struct bytes second = write_bytes(&stores[1]);
        expect(first.size == second.size && memcmp(first.data, second.data, first.size) == 0,
               "what was imported is exported otherwise");
        free(second.data);
        forget_all(stores[1].map);
    }
    forget_all(stores[0].map);
    free(first.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned inputs;
    struct bytes bytes = seal(data, size);
    bool passed = read_bytes(&stores[0], &bytes) == COMEM_OK;
    if (passed)
        send_on();
    free(bytes.data);
    for (unsigned i = 0; i < 1u + passed; i++) {
        relieve(stores[i].map);
        expect(heap_used(stores[i].map) == 0, "blocks are in use that nobody should have");
    }
    if (++inputs % CHECK_EVERY == 0)
        expect(store_check(stores[0].map, print_problem, NULL) == 0, "the store contradicts itself");
    return 0;
}
