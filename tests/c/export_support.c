#include "export_support.h"

#include "objects/export.h"
#include "objects/root.h"

#define SIZE_LIMIT (1024 * MIB)

struct bytes export_of(comem_store *store)
{
    struct bytes bytes = {NULL, 0};
    FILE *stream = open_memstream(&bytes.data, &bytes.size);
    assert_non_null(stream);
    assert_ok(export_write(store, stream));
    assert_int_equal(fclose(stream), 0);
    return bytes;
}

comem_status import_from(comem_store *store, const char *data, size_t size)
{
    char nothing;
    FILE *stream = fmemopen(size == 0 ? &nothing : (void *)(uintptr_t)data, size == 0 ? 1 : size, "rb");
    assert_non_null(stream);
    if (size == 0)
        fgetc(stream);
    comem_status status = import_read(store, stream);
    fclose(stream);
    return status;
}

struct bench *import_of(comem_store *source)
{
    struct bench *bench = support_begin(SIZE_LIMIT);
    struct bytes first = export_of(source);
    assert_ok(import_from(&bench->store, first.data, first.size));
    struct bytes second = export_of(&bench->store);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    free(first.data);
    free(second.data);
    return bench;
}

/* ---- the end ---- */

struct found {
    struct store_map *map;
    struct cell_image *images;
    size_t count, room;
};

static void find_object(void *context, uint64_t offset, uint64_t size)
{
    struct found *found = context;
    const struct object *shared = object_at(found->map, offset);
    (void)size;
    if (shared == NULL || object_identity_state(word_load(&shared->identity)) != OBJECT_LIVE)
        return;
    if (found->count == found->room) {
        found->room = 2 * found->room + 64;
        found->images = realloc(found->images, found->room * sizeof *found->images);
        assert_non_null(found->images);
    }
    found->images[found->count++] = object_image(offset, (uint32_t)word_load(&shared->identity));
}

static bool surely(const void *context)
{
    (void)context;
    return true;
}

static void shut_down(struct store_map *map, struct cell_image image)
{
    struct participant *me;
    struct comem_object *handle = NULL;
    assert_ok(participant_enter(map, &me));
    pthread_mutex_lock(&map->mutex);
    assert_ok(object_take(me, image, surely, NULL, &handle));
    pthread_mutex_unlock(&map->mutex);
    participant_leave(me);
    assert_ok(object_shutdown(handle));
    object_release(handle);
}

void export_forget_all(struct store_map *map)
{
    struct found found = {.map = map};
    struct participant *me;
    uint64_t roots = word_load(&map->header->roots);
    for (uint64_t page = map->data / PAGE_SIZE; page < store_end(map) / PAGE_SIZE; page++)
        if (heap_page_class(word32_load(&map->page_table[page])) == HEAP_CLASS_OBJECT)
            heap_walk_page(map, page, find_object, &found);
    for (size_t i = 0; i < found.count; i++)
        if (object_at(map, found.images[i].body) != NULL)
            shut_down(map, found.images[i]);
    free(found.images);
    if (roots == 0)
        return;
    assert_ok(participant_enter(map, &me));
    word_store(&map->header->roots, 0);
    object_unlink(me, roots, 0, NULL, 0);
    participant_leave(me);
}

void export_end(struct bench *bench)
{
    export_forget_all(bench->map);
    assert_int_equal(support_end(bench), 0);
}

/* ---- roots ---- */

comem_value export_root(comem_store *store, const char *name)
{
    comem_value value;
    assert_ok(comem_root(store, name, &value));
    return value;
}

comem_list *export_root_list(comem_store *store, const char *name)
{
    comem_list *list;
    assert_ok(comem_root_list(store, name, &list));
    return list;
}

comem_dict *export_root_dict(comem_store *store, const char *name)
{
    comem_dict *dict;
    assert_ok(comem_root_dict(store, name, &dict));
    return dict;
}
