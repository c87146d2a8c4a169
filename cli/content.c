/* content.c - objects as a look from outside finds them
 *
 * Nothing here holds an object, so each of them may be another one a moment later: what is read is checked as the engine checks
 * it, copied, and true of some moment at best.
 */
#include "cli.h"
#include "look.h"

#include "objects/dict_layout.h"
#include "objects/list_layout.h"
#include "objects/root.h"

static enum object_type type_at(struct store_map *map, uint64_t offset)
{
    const struct object *shared = store_at(map, offset, sizeof *shared);
    return shared == NULL ? 0 : object_identity_type(word_load_acquire(&shared->identity));
}

const char *look_kind(struct store_map *map, uint64_t offset)
{
    return object_type_name(type_at(map, offset));
}

bool look_length(struct store_map *map, uint64_t offset, uint64_t *length)
{
    const struct object *shared = store_at(map, offset, sizeof *shared);
    enum object_type type = type_at(map, offset);
    uint64_t word = shared == NULL ? 0 : word_load_acquire(&shared->table);
    const struct list_table *list = type == OBJECT_LIST ? list_table_at(map, word) : NULL;
    const struct dict_table *dict = type == OBJECT_DICT ? dict_table_at(map, word) : NULL;
    *length = list != NULL ? word_load(&list->length) : dict != NULL ? dict_keys(word_load(&dict->counts)) : 0;
    return type == OBJECT_LIST || type == OBJECT_DICT;
}

/* A copy of a key. False: it is none, or is there no more. */
static bool read_key(struct store_map *map, struct cell_image image, comem_value *key)
{
    uint64_t size;
    *key = comem_none();
    if (!cell_kind_known(image.head) || cell_refers(image.head))
        return false;
    if (cell_is_far(image.head))
        return cell_far_size(map, image, &size) && size <= store_end(map) &&
               cell_unpack_far(map, image, size, key) == COMEM_OK;
    if (!cell_is_number(image.head))
        return cell_unpack_near(image, key) == COMEM_OK;
    cell_unpack_number(image, key);
    return true;
}

static bool read_entry(struct store_map *map, const struct dict_entry *entry, struct look_key *key)
{
    struct cell_image canonical = cell_load(&entry->key), given = cell_load(&entry->given);
    key->value = cell_load(&entry->value);
    if (canonical.head == DICT_DEAD || !read_key(map, canonical, &key->canonical))
        return false;
    if (read_key(map, given.head == DICT_NOT_GIVEN ? canonical : given, &key->shown))
        return true;
    comem_value_clear(&key->canonical);
    return false;
}

void look_keys(struct store_map *map, uint64_t dict, uint64_t limit, bool (*visit)(void *context, struct look_key *key),
               void *context)
{
    const struct object *shared = store_at(map, dict, sizeof *shared);
    struct locked_dict found;
    struct look_key key;
    uint64_t table = shared == NULL ? 0 : table_offset(word_load_acquire(&shared->table));
    if (table == 0 || !dict_parts(map, table, &found))
        return;
    for (uint64_t place = 0; place < found.ordered && limit > 0; place++) {
        const struct dict_segment *segment = dict_segment_of(map, &found, word_load(&found.slots[place].order));
        if (segment == NULL)
            return;
        uint64_t end = place + 1 == found.ordered ? dict_end(found.counts) : word_load(&segment->end);
        if (end >= DICT_SEGMENT || !store_holds(map, store_offset(map, segment), (end + 1) * sizeof(struct dict_entry)))
            return;
        for (uint64_t i = 0; i < end && limit > 0; i++) {
            if (!read_entry(map, &segment->entries[i], &key))
                continue;
            limit--;
            if (!visit(context, &key))
                return;
        }
    }
}
