/* content.c - what objects hold, as text */
#include "content.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "objects/handle.h"
#include "objects/root.h"

#define DEPTH_MAX 3u
#define ROOTS_MAX 8u

static char text[CONTENT_MAX];
static size_t text_end;

static void add(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void add(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    text_end += (size_t)vsnprintf(text + text_end, CONTENT_MAX - text_end, format, arguments);
    va_end(arguments);
    if (text_end >= CONTENT_MAX)
        fail("the objects are too large to be told");
}

static void must(comem_status status, const char *what)
{
    if (status != COMEM_OK)
        fail("%s: %s (%s)", what, comem_strerror(status), comem_detail());
}

/* ---- values ---- */

static void add_list(comem_list *list, unsigned depth);
static void add_dict(comem_dict *dict, unsigned depth);
static void add_variable(comem_variable *variable, unsigned depth);

static void add_reference(const comem_value *value, unsigned depth)
{
    add("#%llx", (unsigned long long)object_offset(value->as.object));
    if (depth == DEPTH_MAX)
        return;
    if (comem_value_list(value) != NULL)
        add_list(comem_value_list(value), depth + 1);
    else if (comem_value_dict(value) != NULL)
        add_dict(comem_value_dict(value), depth + 1);
    else
        add_variable(comem_value_variable(value), depth + 1);
}

/* Scenarios store text of one letter alone, so that pieces of two show. */
static void add_letters(const comem_value *value)
{
    add("%d'%.*s'%zu,", (int)value->kind, value->size < 4 ? (int)value->size : 4, value->as.data, value->size);
    for (size_t k = 1; k < value->size; k++)
        if (value->as.data[k] != value->as.data[0])
            fail("a value of %zu bytes is torn at byte %zu", value->size, k);
}

/* Packed values: their bytes, and what they refer to. */
static void add_packed(const comem_value *value, unsigned depth)
{
    uint64_t count, sum = UINT64_C(0xCBF29CE484222325);
    struct comem_object **objects = cell_held_objects(value, &count);
    for (size_t k = 0; k < value->size; k++)
        sum = (sum ^ (uint8_t)value->as.data[k]) * UINT64_C(0x100000001B3);
    add("%d(%zu:%llx", (int)value->kind, value->size, (unsigned long long)sum);
    for (uint64_t i = 0; i < count; i++) {
        comem_value reference = comem_none();
        reference.kind = COMEM_REF;
        reference.as.object = objects[i];
        add_reference(&reference, depth);
    }
    add(")");
}

static void add_value(const comem_value *value, unsigned depth)
{
    switch (value->kind) {
    case COMEM_REF:
        add_reference(value, depth);
        break;
    case COMEM_STR:
    case COMEM_BYTES:
        add_letters(value);
        break;
    case COMEM_PACKED:
    case COMEM_PICKLE:
        add_packed(value, depth);
        break;
    default:
        add("%d:%lld,", (int)value->kind, (long long)value->as.integer);
    }
}

/* ---- objects ---- */

static void add_list(comem_list *list, unsigned depth)
{
    size_t length;
    comem_status status = comem_list_len(list, &length);
    if (status == COMEM_GONE) {
        add("gone;");
        return;
    }
    must(status, "comem_list_len");
    add("[%zu:", length);
    for (size_t i = 0; i < length; i++) {
        comem_value value;
        must(comem_list_get(list, (int64_t)i, &value), "comem_list_get");
        add_value(&value, depth);
        comem_value_clear(&value);
    }
    add("]");
}

/* The index must lead to the entry that holds the value. */
static void check_found(comem_dict *dict, const comem_value *key, size_t value_at, unsigned depth)
{
    size_t end = text_end;
    comem_value found;
    bool there;
    must(comem_dict_get(dict, *key, &found), "comem_dict_get of a key that was read");
    add_value(&found, depth);
    comem_value_clear(&found);
    if (text_end - end != end - value_at || memcmp(text + value_at, text + end, text_end - end) != 0)
        fail("a key's value was read as one thing and found as another: %s", text + value_at);
    text_end = end;
    text[end] = 0;
    must(comem_dict_contains(dict, *key, &there), "comem_dict_contains");
    if (!there)
        fail("a key that has a value is not there: %s", text);
}

static void add_pairs(comem_dict *dict, size_t length, unsigned depth)
{
    comem_value *keys = calloc(2 * length, sizeof *keys), *values = keys + length;
    size_t count;
    must(comem_dict_read(dict, keys, values, length, &count), "comem_dict_read");
    if (count != length)
        fail("%zu keys of %zu were read", count, length);
    for (size_t i = 0; i < count; i++) {
        add_value(&keys[i], depth);
        add("=");
        size_t value_at = text_end;
        add_value(&values[i], depth);
        check_found(dict, &keys[i], value_at, depth);
        comem_value_clear(&keys[i]);
        comem_value_clear(&values[i]);
    }
    free(keys);
}

static void add_dict(comem_dict *dict, unsigned depth)
{
    size_t length;
    bool there;
    comem_status status = comem_dict_len(dict, &length);
    if (status == COMEM_GONE) {
        add("gone;");
        return;
    }
    must(status, "comem_dict_len");
    add("{%zu:", length);
    if (length > 0)
        add_pairs(dict, length, depth);
    must(comem_dict_contains(dict, comem_str("never there", 11), &there), "comem_dict_contains");
    if (there)
        fail("a key that was never there is");
    add("}");
}

static void add_variable(comem_variable *variable, unsigned depth)
{
    comem_value value;
    char typecode;
    comem_status status = comem_variable_get(variable, &value);
    if (status == COMEM_GONE) {
        add("gone;");
        return;
    }
    must(status, "comem_variable_get");
    must(comem_variable_typecode(variable, &typecode), "comem_variable_typecode");
    add("<%d:", typecode);
    add_value(&value, depth);
    add(">");
    comem_value_clear(&value);
}

/* ---- roots ---- */

/* Names, and what each leads to. That nobody has a name is the same with and without a dict of names. */
static void add_roots(comem_store *store)
{
    comem_value names[ROOTS_MAX];
    size_t count;
    if (word_load(&handle_store_map(store)->header->roots) == 0)
        return; /* as it is for nearly all */
    must(comem_roots(store, names, ROOTS_MAX, &count), "comem_roots");
    if (count > ROOTS_MAX)
        fail("%zu roots are too many to be told", count);
    for (size_t i = 0; i < count; i++) {
        comem_value object;
        must(root_get(store, &names[i], &object), "a root whose name was read");
        add("%.*s->", (int)names[i].size, names[i].as.data);
        add_value(&object, 0);
        comem_value_clear(&object);
        comem_value_clear(&names[i]);
    }
}

static bool surely(const void *context)
{
    (void)context;
    return true;
}

uint64_t content_forget_names(comem_store *store)
{
    struct participant *me;
    struct comem_object *names = NULL;
    struct store_map *map = handle_store_map(store);
    uint64_t roots = word_load(&map->header->roots);
    const struct object *shared = roots == 0 ? NULL : object_at(map, roots);
    if (shared == NULL)
        return 0;
    must(participant_enter(map, &me), "participant_enter");
    map_lock(me);
    comem_status status =
        object_take(me, object_image(roots, (uint32_t)word_load(&shared->identity)), surely, NULL, &names);
    pthread_mutex_unlock(&map->mutex);
    participant_leave(me);
    must(status, "the dict of names");
    must(comem_dict_clear((comem_dict *)(void *)names), "comem_dict_clear");
    object_release(names);
    return HEAP_OBJECT_SIZE;
}

const char *content_text(comem_store *store, comem_list *const *lists, comem_dict *const *dicts,
                         comem_variable *const *variables)
{
    text_end = 0;
    text[0] = 0;
    for (unsigned i = 0; i < LISTS; i++)
        if (lists[i] != NULL)
            add_list(lists[i], 0);
    for (unsigned i = 0; i < DICTS; i++)
        if (dicts[i] != NULL)
            add_dict(dicts[i], 0);
    for (unsigned i = 0; i < VARIABLES; i++)
        if (variables[i] != NULL)
            add_variable(variables[i], 0);
    add_roots(store);
    return text;
}
