/* dict_probe.h - the shortest way to a key: without the lock, or under it
 *
 * The protocol of readers in dict_layout.h, in one piece, since dict_get() and dict_set() of numbers consist of little else.
 */
#ifndef COMEM_OBJECTS_DICT_PROBE_H
#define COMEM_OBJECTS_DICT_PROBE_H

#include "objects/dict_layout.h"

/* Where a value was read: while the table word and its entry's version are these, it is the same value, but for a change of its
 * body alone. */
struct dict_reading {
    uint64_t table, version;
    const word64 *table_at;
    struct dict_entry *entry;
};

static inline bool dict_reading_still(const void *context)
{
    const struct dict_reading *reading = context;
    word_fence_acquire();
    return word_load(&reading->entry->version) == reading->version && word_load(reading->table_at) == reading->table;
}

/* Finds a key and copies the cell of its value; not to be believed if ATTEMPT_AGAIN comes back. ATTEMPT_RANGE: it is not there. Who
 * holds the lock gets ATTEMPT_AGAIN for damage only, or for what was added to the store since its view was taken. */
static inline __attribute__((always_inline)) enum attempt dict_probe(const struct comem_object *dict,
                                                                     const struct key *key,
                                                                     struct dict_reading *reading,
                                                                     struct cell_image *image)
{
    struct store_view view = store_view(dict->map);
    struct dict_shape shape;
    reading->table_at = &dict->shared->table;
    reading->table = word_load_acquire(reading->table_at);
    uint64_t table_at = table_offset(reading->table);
    const struct dict_table *table = store_view_at(&view, table_at, sizeof *table);
    if (!WORD_LIKELY(table != NULL))
        return table_at != 0 ? ATTEMPT_AGAIN : ATTEMPT_RANGE;
    if (!dict_shape_read(word_load(&table->shape), &shape))
        return ATTEMPT_AGAIN;
    uint64_t pages_at = table_at + sizeof *table, slots_at = pages_at + (sizeof(word64) << shape.depth);
    const word64 *page_offset =
        store_view_at(&view, pages_at + dict_directory_index(key->hash, shape.depth) * sizeof(word64), sizeof(word64));
    if (!WORD_LIKELY(page_offset != NULL))
        return ATTEMPT_AGAIN;
    const word64 *page = store_view_at(&view, word_load(page_offset), shape.page_words * sizeof(word64));
    if (!WORD_LIKELY(page != NULL))
        return ATTEMPT_AGAIN;
    uint64_t part = dict_part(key->hash), at = dict_page_start(key->hash, shape.page_words);
    for (uint64_t n = DICT_PAGE_HEAD; n < shape.page_words; n++, at = dict_page_next(at, shape.page_words)) {
        uint64_t position = word_load_acquire(&page[at]);
        if (position == DICT_EMPTY)
            break;
        if (dict_part(position) != part || dict_number_unit(position) == 0)
            continue;
        const struct dict_slot *slot =
            store_view_at(&view, slots_at + dict_number_id(position) * sizeof(struct dict_slot), sizeof *slot);
        if (slot == NULL)
            return ATTEMPT_AGAIN;
        struct dict_entry *entry =
            store_view_at(&view, word_load(&slot->block) + dict_number_unit(position) * sizeof *entry, sizeof *entry);
        if (entry == NULL)
            return ATTEMPT_AGAIN;
        reading->entry = entry;
        reading->version = word_load_acquire(&entry->version);
        if (!WORD_LIKELY(reading->version % 2 == 0))
            return ATTEMPT_AGAIN;
        if (!WORD_LIKELY(dict_entry_is(dict->map, entry, key))) {
            word_fence_acquire();
            if (word_load(&entry->version) != reading->version)
                return ATTEMPT_AGAIN; /* a key that is being deleted still is there */
            continue;
        }
        *image = cell_load(&entry->value);
        return WORD_LIKELY(dict_reading_still(reading)) ? ATTEMPT_DONE : ATTEMPT_AGAIN;
    }
    word_fence_acquire();
    return word_load(reading->table_at) == reading->table ? ATTEMPT_RANGE : ATTEMPT_AGAIN;
}

#endif
