/* export.c - a store's objects as a stream of bytes
 *
 * Order        object 0 is the dict of names; every other has the next number when it is met first. Objects are written by number,
 *              each as a record: those met in it for the first time, then its content. So a reader can make them before
 *              they are referred to, and a ring of objects is as good as a tree. Nothing recurses.
 * Moments      an object is copied at one moment and then written from the copy; no lock is held while the stream is.
 * Held         what has a number and is not written yet is held by a handle, so nobody frees it. After that only its name stays:
 *              its place and generation, by which it is known when it is met again.
 * A death      takes nothing with it but the handles.
 */
#include "objects/export.h"

#include "objects/dict_layout.h"
#include "objects/list_change.h"
#include "objects/root.h"
#include "value/packed.h"
#include "value/stream.h"

#include <endian.h>
#include <stdlib.h>

#define FIRST_ROOM 64u

/* An object that has a number. */
struct seen {
    uint64_t name;               /* {place 32, generation 32} */
    struct comem_object *handle; /* until it is written */
};

struct export
{
    struct writer writer;
    struct seen *seen; /* by number; malloc()ed */
    uint64_t count, room;
    uint32_t *positions; /* number + 1 of an object, found by its name's hash; 0: empty; twice as many as `room` */
};

/* ---- numbers ---- */

static uint64_t name_of(const struct comem_object *object)
{
    return object->offset / HEAP_OBJECT_SIZE << 32 | (uint32_t)object->identity;
}

/* The position of a name, or the empty one where it belongs. */
static uint32_t *export_position(const struct export *export, uint64_t name)
{
    uint64_t mask = 2 * export->room - 1;
    uint64_t at = name * UINT64_C(0x9E3779B97F4A7C15) >> 32;
    while (export->positions[at & mask] != 0 && export->seen[export->positions[at & mask] - 1].name != name)
        at++;
    return &export->positions[at & mask];
}

static comem_status export_grow(struct export *export)
{
    uint64_t room = export->room == 0 ? FIRST_ROOM : 2 * export->room;
    struct seen *seen = realloc(export->seen, room * sizeof *seen);
    if (seen != NULL)
        export->seen = seen;
    uint32_t *positions = seen == NULL ? NULL : calloc(2 * room, sizeof *positions);
    if (positions == NULL)
        return store_error(COMEM_NO_MEMORY, "malloc for %llu objects failed", (unsigned long long)room);
    free(export->positions);
    export->positions = positions;
    export->room = room;
    for (uint64_t i = 0; i < export->count; i++)
        *export_position(export, export->seen[i].name) = (uint32_t)i + 1;
    return COMEM_OK;
}

/* Gives an object a number, unless it has one. */
static comem_status export_see(struct export *export, struct comem_object *object)
{
    comem_status status = export->count == export->room ? export_grow(export) : COMEM_OK;
    if (status != COMEM_OK)
        return status;
    uint32_t *position = export_position(export, name_of(object));
    if (*position != 0)
        return COMEM_OK;
    if (export->count >= UINT32_MAX)
        return store_error(COMEM_UNSUPPORTED, "more objects than an export has numbers for");
    object_hold(object);
    export->seen[export->count++] = (struct seen){name_of(object), object};
    *position = (uint32_t) export->count;
    return COMEM_OK;
}

static comem_status export_see_all(struct export *export, const comem_value *values, size_t count)
{
    comem_status status = COMEM_OK;
    for (size_t i = 0; status == COMEM_OK && i < count; i++) {
        uint64_t references;
        struct comem_object **objects = cell_held_objects(&values[i], &references);
        if (values[i].kind == COMEM_REF)
            status = export_see(export, values[i].as.object);
        for (uint64_t k = 0; status == COMEM_OK && k < references; k++)
            status = export_see(export, objects[k]);
    }
    return status;
}

/* ---- values ---- */

static void write_reference(struct export *export, const struct comem_object *object)
{
    uint32_t number = htobe32(*export_position(export, name_of(object)) - 1);
    writer_extension(&export->writer, PACKED_REF, (const char *)&number, sizeof number);
}

/* What MessagePack has no form for, or what is long: its kind, what it refers to, its bytes in pieces. */
static void write_text(struct export *export, const comem_value *value)
{
    uint64_t references;
    struct comem_object **objects = cell_held_objects(value, &references);
    size_t pieces = value->size / EXPORT_PIECE + (value->size % EXPORT_PIECE != 0);
    writer_array(&export->writer, 2 + pieces);
    writer_int(&export->writer, value->kind);
    writer_array(&export->writer, references);
    for (uint64_t i = 0; i < references; i++)
        write_reference(export, objects[i]);
    for (size_t at = 0; at < value->size; at += EXPORT_PIECE)
        writer_bytes(&export->writer, value->as.data + at,
                     value->size - at < EXPORT_PIECE ? value->size - at : EXPORT_PIECE);
}

static void write_value(struct export *export, const comem_value *value)
{
    if (value->kind == COMEM_REF)
        write_reference(export, value->as.object);
    else if (value->kind > COMEM_BYTES || (value->kind >= COMEM_STR && value->size > EXPORT_PIECE))
        write_text(export, value);
    else
        writer_scalar(&export->writer, value);
}

/* ---- objects ---- */

/* Begins the record of an object: the objects numbered from `first` on were met in it for the first time. */
static comem_status write_new(struct export *export, uint64_t first)
{
    writer_array(&export->writer, 2);
    writer_array(&export->writer, export->count - first);
    for (uint64_t i = first; i < export->count; i++) {
        const struct comem_object *object = export->seen[i].handle;
        uint64_t flags = word_load(&object->shared->flags);
        bool typed = object_identity_type(object->identity) == OBJECT_VARIABLE;
        writer_array(&export->writer, typed ? 3 : 2);
        writer_int(&export->writer, object_identity_type(object->identity));
        writer_int(&export->writer, (int64_t)(flags & OBJECT_FLAGS));
        if (typed)
            writer_int(&export->writer, (int64_t)(flags >> OBJECT_TYPECODE_SHIFT & 0xFF));
    }
    return export->writer.status;
}

static comem_status write_list(struct export *export, comem_list *list)
{
    struct list_copy copy;
    uint64_t first = export->count;
    comem_status status = list_copy_take(list, &copy);
    if (status != COMEM_OK)
        return status;
    status = export_see_all(export, copy.values, copy.count);
    if (status == COMEM_OK)
        status = write_new(export, first);
    if (status == COMEM_OK)
        writer_array(&export->writer, copy.count);
    for (size_t i = 0; status == COMEM_OK && i < copy.count; i++)
        write_value(export, &copy.values[i]);
    list_copy_clear(&copy);
    return status;
}

/* A key, and with it what it was given as if that is not its canonical form. */
static void write_key(struct export *export, const struct dict_copy *copy, size_t pair)
{
    if (!dict_copy_is_canonical(copy, pair)) {
        writer_array(&export->writer, 3);
        writer_nil(&export->writer);
        write_value(export, &copy->pairs.column[DICT_CANONICAL][pair]);
    }
    write_value(export, &copy->pairs.column[DICT_SHOWN][pair]);
}

static comem_status write_dict(struct export *export, comem_dict *dict)
{
    struct dict_copy copy;
    uint64_t first = export->count;
    comem_status status = dict_copy_take(dict, &copy);
    if (status != COMEM_OK)
        return status;
    status = export_see_all(export, copy.pairs.column[DICT_VALUES], copy.count);
    if (status == COMEM_OK)
        status = write_new(export, first);
    if (status == COMEM_OK)
        writer_array(&export->writer, 2 * copy.count);
    for (size_t i = 0; status == COMEM_OK && i < copy.count; i++) {
        write_key(export, &copy, i);
        write_value(export, &copy.pairs.column[DICT_VALUES][i]);
    }
    dict_copy_clear(&copy);
    return status;
}

/* One value, in an array, since None alone says that the object was shut down. */
static comem_status write_variable(struct export *export, comem_variable *variable)
{
    comem_value value;
    uint64_t first = export->count;
    comem_status status = comem_variable_get(variable, &value);
    if (status != COMEM_OK)
        return status;
    status = export_see_all(export, &value, 1);
    if (status == COMEM_OK)
        status = write_new(export, first);
    if (status == COMEM_OK) {
        writer_array(&export->writer, 1);
        write_value(export, &value);
    }
    comem_value_clear(&value);
    return status;
}

/* An object that was shut down: it has no content, and who uses it learns that it is gone. */
static comem_status write_gone(struct export *export)
{
    comem_status status = write_new(export, export->count);
    writer_nil(&export->writer);
    return status;
}

static comem_status write_object(struct export *export, struct comem_object *object)
{
    comem_status status;
    if (!object_alive(object))
        return write_gone(export);
    switch (object_identity_type(object->identity)) {
    case OBJECT_LIST:
        status = write_list(export, (comem_list *)object);
        break;
    case OBJECT_DICT:
        status = write_dict(export, (comem_dict *)object);
        break;
    case OBJECT_VARIABLE:
        status = write_variable(export, (comem_variable *)object);
        break;
    default:
        return store_error(COMEM_DAMAGED, "an object of type %u, and there is none",
                           (unsigned)object_identity_type(object->identity));
    }
    return status == COMEM_GONE ? write_gone(export) : status; /* meanwhile */
}

/* Writes all there are; each may bring about more. */
static comem_status write_objects(struct export *export)
{
    comem_status status = COMEM_OK;
    for (uint64_t i = 0; status == COMEM_OK && i < export->count; i++) {
        status = write_object(export, export->seen[i].handle);
        object_release(export->seen[i].handle);
        export->seen[i].handle = NULL;
    }
    return status == COMEM_OK ? export->writer.status : status;
}

/* ---- the whole ---- */

static void write_head(struct export *export)
{
    comem_value name = comem_str(EXPORT_NAME, strlen(EXPORT_NAME));
    writer_array(&export->writer, 2);
    writer_scalar(&export->writer, &name);
    writer_int(&export->writer, EXPORT_VERSION);
}

/* The dict of names is the first object; a store without one has an empty one. */
static comem_status write_store(struct export *export, comem_dict *names)
{
    comem_status status = COMEM_OK;
    write_head(export);
    if (names != NULL) {
        status = export_see(export, &names->object);
        if (status == COMEM_OK)
            status = write_objects(export);
    } else {
        status = write_new(export, 0);
        writer_array(&export->writer, 0);
    }
    if (status != COMEM_OK)
        return status;
    writer_int(&export->writer, names == NULL ? 1 : (int64_t) export->count);
    return writer_end(&export->writer);
}

static void export_close(struct export *export)
{
    for (uint64_t i = 0; i < export->count; i++)
        if (export->seen[i].handle != NULL)
            object_release(export->seen[i].handle);
    free(export->seen);
    free(export->positions);
    writer_close(&export->writer);
}

comem_status export_write(comem_store *store, FILE *stream)
{
    struct export export = {.count = 0};
    comem_dict *names;
    comem_status status = roots_open(store, &names);
    if (status != COMEM_OK)
        return status;
    status = writer_open(&export.writer, stream);
    if (status == COMEM_OK)
        status = write_store(&export, names);
    export_close(&export);
    comem_dict_release(names);
    return status;
}
