/* dict_copy.c - dicts into dicts: updates from pairs and from others, copies, sums
 *
 * Pairs are read at one moment into private memory, where references are handles that keep their objects, and go in again from
 * there with one call: each dict is locked alone, and no two at a time.
 */
#include "objects/dict_layout.h"
#include "objects/handle.h"

#include <stdlib.h>

void dict_copy_clear(struct dict_copy *copy)
{
    for (unsigned i = 0; i < DICT_COLUMNS; i++) {
        for (size_t k = 0; copy->pairs.column[i] != NULL && k < copy->count; k++)
            comem_value_clear(&copy->pairs.column[i][k]);
        free(copy->pairs.column[i]);
    }
    *copy = (struct dict_copy){.count = 0};
}

/* Gives it columns of `room` pairs, whatever it had. */
static comem_status copy_columns(struct dict_copy *copy, size_t room)
{
    for (unsigned i = 0; i < DICT_COLUMNS; i++) {
        free(copy->pairs.column[i]);
        copy->pairs.column[i] = malloc(room * sizeof(comem_value));
    }
    for (unsigned i = 0; i < DICT_COLUMNS; i++)
        if (copy->pairs.column[i] == NULL)
            return store_error(COMEM_NO_MEMORY, "malloc of %zu pairs failed", room);
    return COMEM_OK;
}

comem_status dict_copy_room(struct dict_copy *copy, size_t room)
{
    *copy = (struct dict_copy){.count = 0};
    return copy_columns(copy, room);
}

comem_status dict_copy_take(comem_dict *dict, struct dict_copy *copy)
{
    size_t room;
    *copy = (struct dict_copy){.count = 0};
    comem_status status = comem_dict_len(dict, &room);
    while (status == COMEM_OK) {
        room += room / 8 + 1;
        status = copy_columns(copy, room);
        if (status == COMEM_OK)
            status = dict_read_columns(dict, &copy->pairs, room, &copy->count);
        if (status == COMEM_OK && copy->count <= room)
            return COMEM_OK;
        room = copy->count; /* it has grown meanwhile */
        copy->count = 0;
    }
    dict_copy_clear(copy);
    return status;
}

/* ---- into a dict there is ---- */

static void clear_keys(struct key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++)
        key_clear(&keys[i]);
    free(keys);
}

static comem_status no_room_for_keys(size_t count)
{
    return store_error(COMEM_NO_MEMORY, "malloc of %zu keys failed", count);
}

comem_status comem_dict_update(comem_dict *dict, const comem_pair *pairs, size_t count)
{
    if (dict == NULL || (pairs == NULL && count > 0))
        return store_error(COMEM_INVALID, "the dict is NULL, or the pairs are");
    struct key *keys = calloc(count + 1, sizeof *keys);
    comem_value *values = calloc(count + 1, sizeof *values);
    comem_status status = keys == NULL || values == NULL ? no_room_for_keys(count) : COMEM_OK;
    size_t made = 0;
    for (; status == COMEM_OK && made < count; made++) {
        status = key_make(dict->object.map, &pairs[made].key, &keys[made]);
        if (status != COMEM_OK)
            break;
        values[made] = pairs[made].value;
    }
    if (status == COMEM_OK)
        status = dict_update(dict, keys, values, count);
    clear_keys(keys, made);
    free(values);
    return status;
}

bool dict_copy_is_canonical(const struct dict_copy *copy, size_t pair)
{
    const comem_value *canonical = &copy->pairs.column[DICT_CANONICAL][pair];
    const comem_value *shown = &copy->pairs.column[DICT_SHOWN][pair];
    return canonical->kind == shown->kind && canonical->size == shown->size &&
           (canonical->kind < COMEM_STR ? canonical->as.integer == shown->as.integer
                                        : memcmp(canonical->as.data, shown->as.data, shown->size) == 0);
}

/* The key of a copied pair: what was given is given again if it is not the canonical form itself. */
static comem_status key_of(struct store_map *map, const struct dict_copy *copy, size_t pair, struct key *key)
{
    const comem_value *canonical = &copy->pairs.column[DICT_CANONICAL][pair];
    const comem_value *shown = &copy->pairs.column[DICT_SHOWN][pair];
    return dict_copy_is_canonical(copy, pair) ? key_make(map, canonical, key)
                                              : key_make_given(map, canonical, shown, key);
}

comem_status dict_copy_put(const struct dict_copy *copy, comem_dict *dict)
{
    struct key *keys = calloc(copy->count + 1, sizeof *keys);
    comem_status status = keys == NULL ? no_room_for_keys(copy->count) : COMEM_OK;
    size_t made = 0;
    for (; status == COMEM_OK && made < copy->count; made++) {
        status = key_of(dict->object.map, copy, made, &keys[made]);
        if (status != COMEM_OK)
            break;
    }
    if (status == COMEM_OK)
        status = dict_update(dict, keys, copy->pairs.column[DICT_VALUES], copy->count);
    clear_keys(keys, made);
    return status;
}

comem_status comem_dict_update_from(comem_dict *dict, comem_dict *other)
{
    struct dict_copy copy;
    if (dict == NULL || other == NULL)
        return store_error(COMEM_INVALID, "a dict is NULL");
    comem_status status = dict_copy_take(other, &copy);
    if (status == COMEM_OK)
        status = dict_copy_put(&copy, dict);
    dict_copy_clear(&copy);
    return status;
}

/* ---- into a new dict ---- */

comem_status comem_dict_merge(comem_dict *first, comem_dict *second, comem_dict **both)
{
    if (both != NULL)
        *both = NULL;
    if (first == NULL || second == NULL || both == NULL)
        return store_error(COMEM_INVALID, "a dict or the place for the new one is NULL");
    comem_dict *made;
    struct comem_store store = {.map = first->object.map};
    comem_status status = comem_dict_new(&store, &made);
    if (status != COMEM_OK)
        return status;
    status = comem_dict_update_from(made, first);
    if (status == COMEM_OK && second != first)
        status = comem_dict_update_from(made, second);
    if (status == COMEM_OK)
        *both = made;
    else
        comem_dict_release(made);
    return status;
}

comem_status comem_dict_copy(comem_dict *dict, comem_dict **copy)
{
    return comem_dict_merge(dict, dict, copy);
}
