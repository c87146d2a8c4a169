/* api.c - the public functions that belong to no container: statuses, values, stores */
#include <stdlib.h>

#include "objects/handle.h"
#include "objects/list.h"
#include "store/named.h"

const char *comem_strerror(comem_status status)
{
    switch (status) {
    case COMEM_OK:
        return "done";
    case COMEM_NO_MEMORY:
        return "no memory left for this";
    case COMEM_OUT_OF_RANGE:
        return "index out of range";
    case COMEM_NOT_FOUND:
        return "nothing equals the value, or has the name";
    case COMEM_TYPE:
        return "a value of a kind that this call cannot take";
    case COMEM_INVALID:
        return "invalid argument";
    case COMEM_GONE:
        return "the shared object is gone";
    case COMEM_BUSY:
        return "called from a signal handler that interrupted another call";
    case COMEM_DAMAGED:
        return "the store is damaged";
    case COMEM_UNSUPPORTED:
        return "not supported here";
    case COMEM_SYSTEM:
        return "the operating system refused";
    case COMEM_DENIED:
        return "the store is not this user's alone";
    }
    return "unknown status";
}

const char *comem_version(void)
{
    return COMEM_VERSION;
}

/* The object that `value` refers to if it is of `type`; one whose handle this process has lost may be of any. */
static comem_object *value_object(const comem_value *value, enum object_type type)
{
    if (value == NULL || value->kind != COMEM_REF || value->as.object == NULL ||
        (value->as.object->identity != 0 && object_identity_type(value->as.object->identity) != type))
        return NULL;
    return value->as.object;
}

comem_list *comem_value_list(const comem_value *value)
{
    return (comem_list *)(void *)value_object(value, OBJECT_LIST);
}

comem_dict *comem_value_dict(const comem_value *value)
{
    return (comem_dict *)(void *)value_object(value, OBJECT_DICT);
}

comem_variable *comem_value_variable(const comem_value *value)
{
    return (comem_variable *)(void *)value_object(value, OBJECT_VARIABLE);
}

comem_status comem_open(const char *name, const comem_options *options, comem_store **store)
{
    struct store_map *map;
    if (store == NULL)
        return store_error(COMEM_INVALID, "the place for the store is NULL");
    *store = NULL;
    uint64_t size_limit = options == NULL ? 0 : options->size_limit;
    comem_status status = name == NULL
                              ? handle_open_default(size_limit, &map)
                              : handle_open_named(name, size_limit, options == NULL ? 0 : options->flags, &map);
    if (status != COMEM_OK)
        return status;
    comem_store *opened = malloc(sizeof *opened);
    if (opened == NULL) {
        if (name != NULL)
            handle_close_named(map);
        return store_error(COMEM_NO_MEMORY, "malloc of %zu bytes failed", sizeof *opened);
    }
    opened->map = map;
    opened->by_name = name != NULL;
    *store = opened;
    return COMEM_OK;
}

void comem_close(comem_store *store)
{
    if (store != NULL && store->by_name)
        handle_close_named(store->map);
    free(store);
}

comem_status comem_unlink(const char *name)
{
    char path[NAMED_PATH_MAX];
    comem_status status = name != NULL ? named_path(name, path) : store_error(COMEM_INVALID, "the name is NULL");
    return status == COMEM_OK ? named_remove(path) : status;
}
