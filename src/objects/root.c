/* root.c - roots: objects by name
 *
 * Layout       a dict from names to references, which the header's `roots` names and links. It is made by the first who gives a
 *              name, and stays.
 * Written by   `roots`: once, by the holder of the grow lock; the dict as any dict.
 * Commit       the first name: storing `roots`, then one change of the dict. A further one: that change.
 * A death      before `roots` is stored: the new dict owes its link and goes with its maker's row. Afterwards there is a dict
 *              without names.
 */
#include "objects/root.h"

#include "objects/handle.h"
#include "objects/variable.h"

const char *object_type_name(enum object_type type)
{
    switch (type) {
    case OBJECT_LIST:
        return "list";
    case OBJECT_DICT:
        return "dict";
    case OBJECT_VARIABLE:
        return "variable";
    }
    return "unknown object";
}

/* ---- the dict of names ---- */

static bool roots_still(const void *context)
{
    (void)context;
    return true; /* once stored it stays */
}

/* A handle on the dict, *roots NULL when there is none. */
static comem_status roots_take(struct participant *me, comem_dict **roots)
{
    uint64_t offset = word_load_acquire(&me->map->header->roots);
    *roots = NULL;
    if (offset == 0)
        return COMEM_OK;
    const struct object *shared = object_at(me->map, offset);
    uint64_t identity = shared == NULL ? 0 : word_load_acquire(&shared->identity);
    if (object_identity_state(identity) != OBJECT_LIVE || object_identity_type(identity) != OBJECT_DICT)
        return store_error(COMEM_DAMAGED, "the store's dict of names is none");
    struct comem_object *taken = NULL;
    struct cell_image image = object_image(offset, (uint32_t)identity);
    map_lock(me);
    comem_status status = object_take(me, image, roots_still, NULL, &taken);
    pthread_mutex_unlock(&me->map->mutex);
    *roots = (comem_dict *)taken;
    return status;
}

/* Makes `made` the dict of names if there is none yet. */
static comem_status roots_publish(struct participant *me, struct comem_object *made)
{
    struct store_header *header = me->map->header;
    comem_status status = object_link(me, made);
    if (status != COMEM_OK)
        return status;
    status = leaf_acquire(me, &header->grow_lock);
    bool first = status == COMEM_OK && word_load(&header->roots) == 0;
    if (first) {
        record_add_watch(me, &header->roots);
        word_publish(&header->roots, made->offset); /* commit */
        record_clear(me);
    }
    if (status == COMEM_OK)
        leaf_release(me, &header->grow_lock);
    if (!first)
        object_unlink(me, made->offset, 0, NULL, 0);
    return status;
}

static comem_status roots_make(comem_store *store)
{
    struct participant *me;
    comem_dict *made;
    comem_status status = dict_new_in(store, 0, 0, &made);
    if (status != COMEM_OK)
        return status;
    status = participant_enter(handle_store_map(store), &me);
    if (status == COMEM_OK) {
        status = roots_publish(me, &made->object);
        participant_leave(me);
    }
    comem_dict_release(made);
    return status;
}

comem_status roots_open(comem_store *store, comem_dict **roots)
{
    struct participant *me;
    *roots = NULL;
    if (store == NULL)
        return store_error(COMEM_INVALID, "the store is NULL");
    comem_status status = participant_enter(handle_store_map(store), &me);
    if (status != COMEM_OK)
        return status;
    status = roots_take(me, roots);
    participant_leave(me);
    return status;
}

static comem_status roots_open_or_make(comem_store *store, comem_dict **roots)
{
    comem_status status = roots_open(store, roots);
    if (status != COMEM_OK || *roots != NULL)
        return status;
    status = roots_make(store);
    return status == COMEM_OK ? roots_open(store, roots) : status;
}

comem_status roots_set(comem_store *store, comem_dict *names)
{
    struct participant *me;
    struct store_map *map = handle_store_map(store);
    comem_status status = participant_enter(map, &me);
    if (status != COMEM_OK)
        return status;
    status = roots_publish(me, &names->object);
    participant_leave(me);
    if (status == COMEM_OK && word_load(&map->header->roots) != names->object.offset)
        status = store_error(COMEM_INVALID, "the store has roots already");
    return status;
}

/* ---- names ---- */

static comem_status name_check(const comem_value *name)
{
    if (name->as.data == NULL || name->size == 0)
        return store_error(COMEM_INVALID, "a root's name has at least one character");
    return COMEM_OK;
}

static comem_value name_of(const char *name)
{
    return comem_str(name, name == NULL ? 0 : strlen(name));
}

static comem_status name_unknown(const comem_value *name)
{
    return store_error(COMEM_NOT_FOUND, "there is no root named '%.*s'", name->size < 100 ? (int)name->size : 100,
                       name->as.data);
}

/* The dict of names, to look for `name` in it. */
static comem_status roots_open_for(comem_store *store, const comem_value *name, comem_dict **roots)
{
    comem_status status = name_check(name);
    return status == COMEM_OK ? roots_open(store, roots) : status;
}

comem_status root_get(comem_store *store, const comem_value *name, comem_value *object)
{
    comem_dict *roots;
    comem_status status = roots_open_for(store, name, &roots);
    *object = comem_none();
    if (status != COMEM_OK)
        return status;
    status = roots == NULL ? COMEM_NOT_FOUND : comem_dict_get(roots, *name, object);
    comem_dict_release(roots);
    if (status == COMEM_OK && object->kind != COMEM_REF) {
        comem_value_clear(object);
        return store_error(COMEM_DAMAGED, "a root is no object");
    }
    return status == COMEM_NOT_FOUND ? name_unknown(name) : status;
}

comem_status root_add(comem_store *store, const comem_value *name, const comem_value *object, comem_value *found)
{
    comem_dict *roots;
    comem_status status = name_check(name);
    if (found != NULL)
        *found = comem_none();
    if (status == COMEM_OK && (object->kind != COMEM_REF || object->as.object == NULL))
        status = store_error(COMEM_TYPE, "a root is a shared object, and this is none");
    if (status == COMEM_OK)
        status = roots_open_or_make(store, &roots);
    if (status != COMEM_OK)
        return status;
    status = comem_dict_setdefault(roots, *name, *object, found);
    comem_dict_release(roots);
    return status;
}

comem_status root_remove(comem_store *store, const comem_value *name)
{
    comem_dict *roots;
    comem_status status = roots_open_for(store, name, &roots);
    if (status != COMEM_OK)
        return status;
    status = roots == NULL ? COMEM_NOT_FOUND : comem_dict_pop(roots, *name, NULL);
    comem_dict_release(roots);
    return status == COMEM_NOT_FOUND ? name_unknown(name) : status;
}

comem_status comem_root(comem_store *store, const char *name, comem_value *object)
{
    comem_value text = name_of(name);
    if (object == NULL)
        return store_error(COMEM_INVALID, "the place for the object is NULL");
    return root_get(store, &text, object);
}

comem_status comem_root_add(comem_store *store, const char *name, comem_value object, comem_value *found)
{
    comem_value text = name_of(name);
    return root_add(store, &text, &object, found);
}

comem_status comem_root_remove(comem_store *store, const char *name)
{
    comem_value text = name_of(name);
    return root_remove(store, &text);
}

comem_status comem_roots(comem_store *store, comem_value *names, size_t room, size_t *count)
{
    comem_dict *roots;
    if (count == NULL)
        return store_error(COMEM_INVALID, "the place for the count is NULL");
    *count = 0;
    comem_status status = roots_open(store, &roots);
    if (status != COMEM_OK || roots == NULL)
        return status;
    status = comem_dict_read(roots, names, NULL, room, count);
    comem_dict_release(roots);
    return status;
}

/* ---- open or make ---- */

/* Gives the object that `found`, a reference, refers to if it is of `type`. Takes `found` over. */
static comem_status root_of_type(const comem_value *name, comem_value *found, enum object_type type,
                                 comem_object **object)
{
    uint64_t identity = word_load(&found->as.object->shared->identity);
    if (object_identity_type(identity) != type) {
        comem_value_clear(found);
        return store_error(COMEM_TYPE, "the root '%.*s' is a %s, not a %s", name->size < 100 ? (int)name->size : 100,
                           name->as.data, object_type_name(object_identity_type(identity)), object_type_name(type));
    }
    *object = found->as.object; /* the handle moves */
    return COMEM_OK;
}

comem_status root_open(comem_store *store, const comem_value *name, enum object_type type, const comem_value *initial,
                       comem_object **object)
{
    comem_value found;
    *object = NULL;
    comem_status status = root_get(store, name, &found);
    if (status == COMEM_NOT_FOUND) {
        comem_value made = comem_none();
        made.kind = COMEM_REF;
        status = type == OBJECT_VARIABLE
                     ? variable_new_in(store, 0, 0, 0, initial, (comem_variable **)(void *)&made.as.object)
                     : object_new_in(store, type, 0, OBJECT_DEEP, &made.as.object);
        if (status != COMEM_OK)
            return status;
        status = root_add(store, name, &made, &found);
        object_release(made.as.object);
    }
    return status == COMEM_OK ? root_of_type(name, &found, type, object) : status;
}

comem_status comem_root_list(comem_store *store, const char *name, comem_list **list)
{
    comem_value text = name_of(name);
    if (list == NULL)
        return store_error(COMEM_INVALID, "the place for the list is NULL");
    return root_open(store, &text, OBJECT_LIST, NULL, (comem_object **)(void *)list);
}

comem_status comem_root_dict(comem_store *store, const char *name, comem_dict **dict)
{
    comem_value text = name_of(name);
    if (dict == NULL)
        return store_error(COMEM_INVALID, "the place for the dict is NULL");
    return root_open(store, &text, OBJECT_DICT, NULL, (comem_object **)(void *)dict);
}

comem_status comem_root_variable(comem_store *store, const char *name, comem_value initial, comem_variable **variable)
{
    comem_value text = name_of(name);
    if (variable == NULL)
        return store_error(COMEM_INVALID, "the place for the variable is NULL");
    return root_open(store, &text, OBJECT_VARIABLE, &initial, (comem_object **)(void *)variable);
}
