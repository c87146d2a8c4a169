/* import.c - a store's objects out of a stream of bytes that anybody may have written
 *
 * Order        a record makes the objects that it says are new, then fills its own, which one before it made. References are
 *              taken only to objects that are there, so each number is checked by one compare. Objects are held by
 *              handles until the end; then the dict of names becomes the store's, if the stream ends as it should.
 * Trust        none: kinds and sizes are checked as they are read. Room is taken for what has come, not for what is said to:
 *              a value's grows as its bytes arrive, values go into their object in batches. Nothing recurses.
 * A death      before the dict of names is the store's: what was made goes with this process's handles. Afterwards it is all there.
 */
#include "objects/export.h"

#include "objects/dict_layout.h"
#include "objects/handle.h"
#include "objects/list.h"
#include "objects/root.h"
#include "objects/variable.h"
#include "value/packed.h"
#include "value/stream.h"

#include <endian.h>
#include <stdlib.h>

#define BATCH 256u                       /* values that go into an object at once, */
#define BATCH_BYTES (UINT64_C(16) << 20) /* or less if they have so many bytes */
#define FIRST_ROOM 64u
#define FIRST_BYTES 4096u

/* An object that has a number. */
struct made {
    struct comem_object *handle;
    bool gone; /* to be shut down when everything is there */
};

struct import {
    comem_store *store;
    struct reader reader;
    struct made *made; /* by number; malloc()ed */
    uint64_t count, room;
};

/* ---- items ---- */

static comem_status import_damaged(const struct import *import, const char *what)
{
    return reader_damaged(&import->reader, what);
}

static comem_status read_array(struct import *import, uint32_t *size)
{
    struct token token;
    comem_status status = reader_token(&import->reader, &token);
    *size = token.size;
    if (status == COMEM_OK && token.kind != TOKEN_ARRAY)
        status = import_damaged(import, "an item where an array is due");
    return status;
}

/* An int from 0 to `most`. */
static comem_status read_number(struct import *import, int64_t most, int64_t *number)
{
    struct token token;
    comem_status status = reader_token(&import->reader, &token);
    *number = token.integer;
    if (status == COMEM_OK && (token.kind != TOKEN_INT || token.integer < 0 || token.integer > most))
        status = import_damaged(import, "an item where a small number is due");
    return status;
}

/* The object whose number is in the extension that `token` began. Borrowed. */
static comem_status read_object(struct import *import, const struct token *token, struct comem_object **object)
{
    uint32_t number;
    *object = NULL;
    if (token->kind != TOKEN_EXTENSION || token->type != PACKED_REF || token->size != sizeof number)
        return import_damaged(import, "an item where a reference is due");
    comem_status status = reader_body(&import->reader, &number, sizeof number);
    number = be32toh(number);
    if (status == COMEM_OK &&
        (number == 0 || number >= import->count)) /* 0: the dict of names, which nobody can hold */
        status = import_damaged(import, "a reference to an object that there is not");
    if (status == COMEM_OK)
        *object = import->made[number].handle;
    return status;
}

/* ---- values ---- */

/* Bytes in private memory: handles, as cell.h says of held values, and text, which grows. */
struct text {
    char *bytes;
    size_t front, size, room; /* for handles; of text; of both */
};

/* Makes room for `more` bytes and one behind them. */
static comem_status text_room(struct text *text, size_t more)
{
    size_t needed = text->front + text->size + more + 1;
    if (needed <= text->room)
        return COMEM_OK;
    size_t room = 2 * text->room > needed ? 2 * text->room : needed;
    char *bytes = realloc(text->bytes, room);
    if (bytes == NULL)
        return store_error(COMEM_NO_MEMORY, "malloc of %zu bytes for a value failed", room);
    text->bytes = bytes;
    text->room = room;
    return COMEM_OK;
}

/* Reads `size` bytes behind those there are. Room for them is made as they come. */
static comem_status read_bytes(struct import *import, struct text *text, size_t size)
{
    comem_status status = text_room(text, 0);
    while (status == COMEM_OK && size > 0) {
        size_t usual = text->size > FIRST_BYTES ? text->size : FIRST_BYTES, step = size < usual ? size : usual;
        status = text_room(text, step);
        if (status == COMEM_OK)
            status = reader_body(&import->reader, text->bytes + text->front + text->size, step);
        if (status == COMEM_OK)
            text->size += step;
        size -= step;
    }
    return status;
}

/* Makes the text an owned value. */
static void text_finish(struct text *text, comem_kind kind, comem_value *value)
{
    *value = comem_bytes(text->bytes + text->front, text->size);
    text->bytes[text->front + text->size] = 0; /* private: the text's */
    value->kind = kind;
    value->owned = 1;
    if (text->front > 0)
        value->flags = COMEM_HOLDS;
}

/* The handles of a value, `count` of them, and their number. */
static comem_status read_handles(struct import *import, struct text *text, uint64_t count)
{
    struct comem_object **objects = NULL;
    uint64_t read = 0, room = 0;
    comem_status status = COMEM_OK;
    for (; status == COMEM_OK && read < count; read += status == COMEM_OK) {
        struct token token;
        if (read + 1 >= room) { /* room for the number, too */
            room = room == 0 ? 8 : 2 * room;
            struct comem_object **grown = realloc(objects, room * sizeof(struct comem_object *));
            if (grown == NULL) {
                status = store_error(COMEM_NO_MEMORY, "malloc of %llu references failed", (unsigned long long)room);
                break;
            }
            objects = grown;
        }
        status = reader_token(&import->reader, &token);
        if (status == COMEM_OK)
            status = read_object(import, &token, &objects[read]);
    }
    if (status != COMEM_OK || objects == NULL) {
        free(objects);
        return status;
    }
    for (uint64_t i = 0; i < count; i++)
        object_hold(objects[i]);
    memcpy(&objects[count], &count, sizeof count); /* private: as cell.h says */
    *text = (struct text){(char *)objects, (count + 1) * sizeof(struct comem_object *), 0,
                          room * sizeof(struct comem_object *)};
    return COMEM_OK;
}

/* Gives back what a value that did not come about has. */
static void text_drop(struct text *text, comem_kind kind)
{
    comem_value value;
    if (text->front == 0) {
        free(text->bytes);
        return;
    }
    text->size = 0;
    text_finish(text, kind, &value);
    comem_value_clear(&value);
}

static comem_status read_pieces(struct import *import, struct text *text, uint32_t pieces)
{
    comem_status status = text_room(text, 0);
    for (uint32_t i = 0; status == COMEM_OK && i < pieces; i++) {
        struct token token;
        status = reader_token(&import->reader, &token);
        if (status == COMEM_OK && (token.kind != TOKEN_BYTES || token.size == 0))
            status = import_damaged(import, "an item where a piece of a value is due");
        if (status == COMEM_OK)
            status = read_bytes(import, text, token.size);
    }
    return status;
}

/* The first item of an array of `size` that is a value or a key. */
static comem_status read_first(struct import *import, uint32_t size, struct token *first)
{
    return size >= 2 ? reader_token(&import->reader, first) : import_damaged(import, "an array that is no value");
}

/* A value that is an array of `size`: its kind, which `first` is, references, pieces. */
static comem_status read_long(struct import *import, uint32_t size, const struct token *first, comem_value *value)
{
    struct text text = {.bytes = NULL};
    uint32_t references = 0;
    comem_kind kind = (comem_kind)first->integer;
    bool text_alone = first->integer == COMEM_STR || first->integer == COMEM_BYTES;
    if (first->kind != TOKEN_INT || (!text_alone && first->integer != COMEM_PACKED && first->integer != COMEM_PICKLE))
        return import_damaged(import, "an array that is no value");
    comem_status status = read_array(import, &references);
    if (status == COMEM_OK && text_alone && references > 0)
        status = import_damaged(import, "a text with references");
    if (status == COMEM_OK && references > 0)
        status = read_handles(import, &text, references);
    if (status == COMEM_OK)
        status = read_pieces(import, &text, size - 2);
    if (status == COMEM_OK)
        text_finish(&text, kind, value);
    else
        text_drop(&text, kind);
    return status;
}

static comem_status read_text(struct import *import, comem_kind kind, uint32_t size, comem_value *value)
{
    struct text text = {.bytes = NULL};
    comem_status status = read_bytes(import, &text, size);
    if (status == COMEM_OK)
        text_finish(&text, kind, value);
    else
        text_drop(&text, kind);
    return status;
}

static comem_status read_reference(struct import *import, const struct token *token, comem_value *value)
{
    struct comem_object *object;
    comem_status status = read_object(import, token, &object);
    if (status != COMEM_OK)
        return status;
    object_hold(object);
    value->kind = COMEM_REF;
    value->as.object = object;
    value->owned = 1;
    return COMEM_OK;
}

/* The value that `token` began, owned. */
static comem_status read_value_of(struct import *import, const struct token *token, comem_value *value)
{
    *value = comem_none();
    switch (token->kind) {
    case TOKEN_NIL:
        return COMEM_OK;
    case TOKEN_BOOL:
        *value = comem_bool(token->integer != 0);
        return COMEM_OK;
    case TOKEN_INT:
        *value = comem_int(token->integer);
        return COMEM_OK;
    case TOKEN_FLOAT:
        *value = comem_int(token->integer); /* its bits */
        value->kind = COMEM_FLOAT;
        return COMEM_OK;
    case TOKEN_STR:
        return read_text(import, COMEM_STR, token->size, value);
    case TOKEN_BYTES:
        return read_text(import, COMEM_BYTES, token->size, value);
    case TOKEN_EXTENSION:
        return token->type == PACKED_SURROGATES ? read_text(import, COMEM_STR, token->size, value)
                                                : read_reference(import, token, value);
    case TOKEN_ARRAY: {
        struct token first = {.kind = TOKEN_INT};
        comem_status status = read_first(import, token->size, &first);
        return status == COMEM_OK ? read_long(import, token->size, &first, value) : status;
    }
    }
    return COMEM_OK;
}

static comem_status read_value(struct import *import, comem_value *value)
{
    struct token token;
    comem_status status = reader_token(&import->reader, &token);
    *value = comem_none();
    return status == COMEM_OK ? read_value_of(import, &token, value) : status;
}

static uint64_t value_bytes(const comem_value *value)
{
    return value->kind >= COMEM_STR ? value->size : 0;
}

/* ---- lists ---- */

static comem_status fill_list(struct import *import, comem_list *list, uint32_t size)
{
    comem_value values[BATCH];
    comem_status status = COMEM_OK;
    for (uint32_t left = size; status == COMEM_OK && left > 0;) {
        size_t count = 0;
        for (uint64_t bytes = 0; status == COMEM_OK && left > 0 && count < BATCH && bytes < BATCH_BYTES; left--) {
            status = read_value(import, &values[count]);
            bytes += value_bytes(&values[count++]);
        }
        if (status == COMEM_OK)
            status = comem_list_extend(list, values, count);
        while (count > 0)
            comem_value_clear(&values[--count]);
    }
    return status;
}

/* ---- dicts ---- */

/* Keys of the dict of names are str, and what they name are objects. */
static comem_status check_root(const struct import *import, const comem_value *key, const comem_value *value)
{
    if (key->kind != COMEM_STR || key->size == 0 || value->kind != COMEM_REF)
        return import_damaged(import, "a root that has no name or is no object");
    return COMEM_OK;
}

/* A key as it was given, and its canonical form, which is borrowed from it if it is the same. */
static comem_status read_key(struct import *import, comem_value *shown, comem_value *canonical)
{
    struct token token, first;
    comem_status status = reader_token(&import->reader, &token);
    *shown = *canonical = comem_none();
    if (status == COMEM_OK && token.kind == TOKEN_ARRAY) {
        status = read_first(import, token.size, &first);
        if (status == COMEM_OK && first.kind == TOKEN_NIL && token.size == 3) {
            status = read_value(import, canonical);
            return status == COMEM_OK ? read_value(import, shown) : status;
        }
        if (status == COMEM_OK)
            status = read_long(import, token.size, &first, shown);
    } else if (status == COMEM_OK) {
        status = read_value_of(import, &token, shown);
    }
    *canonical = *shown;
    canonical->owned = 0;
    return status;
}

/* One more pair. */
static comem_status read_pair(struct import *import, struct dict_copy *copy)
{
    comem_value *shown = &copy->pairs.column[DICT_SHOWN][copy->count];
    comem_value *canonical = &copy->pairs.column[DICT_CANONICAL][copy->count];
    comem_value *value = &copy->pairs.column[DICT_VALUES][copy->count++];
    *value = comem_none();
    comem_status status = read_key(import, shown, canonical);
    if (status == COMEM_OK && shown->kind == COMEM_REF)
        status = import_damaged(import, "a reference as a key");
    return status == COMEM_OK ? read_value(import, value) : status;
}

/* Reads some of the `left` pairs that are to come and stores them. */
static comem_status fill_pairs(struct import *import, comem_dict *dict, uint32_t *left)
{
    struct dict_copy copy;
    bool names = &dict->object == import->made[0].handle;
    uint32_t room = *left < BATCH ? *left : BATCH;
    comem_status status = dict_copy_room(&copy, room);
    for (uint64_t bytes = 0; status == COMEM_OK && copy.count < room && bytes < BATCH_BYTES;) {
        const comem_value *shown = &copy.pairs.column[DICT_SHOWN][copy.count];
        const comem_value *value = &copy.pairs.column[DICT_VALUES][copy.count];
        status = read_pair(import, &copy);
        if (status == COMEM_OK && names)
            status = check_root(import, shown, value);
        bytes += value_bytes(shown) + value_bytes(value);
    }
    *left -= (uint32_t)copy.count;
    if (status == COMEM_OK)
        status = dict_copy_put(&copy, dict);
    dict_copy_clear(&copy);
    return status;
}

static comem_status fill_dict(struct import *import, comem_dict *dict, uint32_t size)
{
    comem_status status = size % 2 == 0 ? COMEM_OK : import_damaged(import, "a key without a value");
    size_t length = 0;
    for (uint32_t left = size / 2; status == COMEM_OK && left > 0;)
        status = fill_pairs(import, dict, &left);
    if (status == COMEM_OK)
        status = comem_dict_len(dict, &length);
    if (status == COMEM_OK && length != size / 2)
        status = import_damaged(import, "a dict with a key twice");
    return status;
}

/* ---- variables ---- */

static comem_status fill_variable(struct import *import, comem_variable *variable, uint32_t size)
{
    comem_value value = comem_none();
    comem_status status =
        size == 1 ? read_value(import, &value) : import_damaged(import, "a variable of several values");
    if (status == COMEM_OK)
        status = variable_set(variable, &value);
    comem_value_clear(&value);
    return status;
}

/* ---- objects ---- */

static comem_status import_add(struct import *import, struct comem_object *object)
{
    if (import->count == import->room) {
        uint64_t room = import->room == 0 ? FIRST_ROOM : 2 * import->room;
        struct made *made = realloc(import->made, room * sizeof *made);
        if (made == NULL) {
            object_release(object);
            return store_error(COMEM_NO_MEMORY, "malloc for %llu objects failed", (unsigned long long)room);
        }
        import->made = made;
        import->room = room;
    }
    import->made[import->count++] = (struct made){object, false};
    return COMEM_OK;
}

/* What is new in a record: type, flags, a variable's type code. */
static comem_status read_type(struct import *import, int64_t *type, uint32_t *flags)
{
    uint32_t size;
    int64_t number = 0, typecode = 0;
    comem_status status = read_array(import, &size);
    if (status == COMEM_OK && size < 2)
        status = import_damaged(import, "an object without type and flags");
    if (status == COMEM_OK)
        status = read_number(import, INT64_MAX, type);
    if (status == COMEM_OK && (*type < OBJECT_LIST || *type > OBJECT_VARIABLE))
        status = import_damaged(import, "an object of a type there is not");
    if (status == COMEM_OK && size != (*type == OBJECT_VARIABLE ? 3 : 2))
        status = import_damaged(import, "an object without type and flags");
    if (status == COMEM_OK)
        status = read_number(import, OBJECT_FLAGS, &number);
    if (status == COMEM_OK && *type == OBJECT_VARIABLE)
        status = read_number(import, INT8_MAX, &typecode);
    if (status == COMEM_OK && !variable_typecode_known((char)typecode))
        status = import_damaged(import, "a variable with a type code there is not");
    *flags = (uint32_t)(number | typecode << OBJECT_TYPECODE_SHIFT);
    return status;
}

static comem_status make_object(struct import *import)
{
    struct comem_object *object;
    int64_t type = 0;
    uint32_t flags;
    comem_status status = read_type(import, &type, &flags);
    if (status == COMEM_OK)
        status = object_new_in(import->store, (enum object_type)type, 0, flags, &object);
    return status == COMEM_OK ? import_add(import, object) : status;
}

static comem_status make_objects(struct import *import)
{
    uint32_t count;
    comem_status status = read_array(import, &count);
    if (status == COMEM_OK && count > UINT32_MAX - import->count)
        status = import_damaged(import, "more objects than have numbers");
    for (uint32_t i = 0; status == COMEM_OK && i < count; i++)
        status = make_object(import);
    return status;
}

static comem_status fill_object(struct import *import, struct made *made)
{
    struct token token;
    comem_status status = reader_token(&import->reader, &token);
    if (status != COMEM_OK)
        return status;
    if (token.kind == TOKEN_NIL && made != import->made) { /* the dict of names is never shut down */
        made->gone = true;
        return COMEM_OK;
    }
    if (token.kind != TOKEN_ARRAY)
        return import_damaged(import, "an object without content");
    switch (object_identity_type(made->handle->identity)) {
    case OBJECT_LIST:
        return fill_list(import, (comem_list *)made->handle, token.size);
    case OBJECT_DICT:
        return fill_dict(import, (comem_dict *)made->handle, token.size);
    default:
        return fill_variable(import, (comem_variable *)made->handle, token.size);
    }
}

/* Reads the record of object `number`. */
static comem_status read_record(struct import *import, uint64_t number)
{
    uint32_t size;
    comem_status status = read_array(import, &size);
    if (status == COMEM_OK && size != 2)
        status = import_damaged(import, "a record that is none");
    if (status == COMEM_OK)
        status = make_objects(import);
    return status == COMEM_OK ? fill_object(import, &import->made[number]) : status;
}

/* ---- the whole ---- */

static comem_status read_head(struct import *import)
{
    char name[sizeof EXPORT_NAME - 1];
    struct token whole, text, version;
    comem_status status = reader_token(&import->reader, &whole);
    if (status == COMEM_OK && whole.kind == TOKEN_ARRAY && whole.size == 2)
        status = reader_token(&import->reader, &text);
    else if (status != COMEM_SYSTEM)
        return store_error(COMEM_UNSUPPORTED, "this is no export of a store");
    if (status == COMEM_OK && (text.kind != TOKEN_STR || text.size != sizeof name))
        return store_error(COMEM_UNSUPPORTED, "this is no export of a store");
    if (status == COMEM_OK)
        status = reader_body(&import->reader, name, sizeof name);
    if (status == COMEM_OK && memcmp(name, EXPORT_NAME, sizeof name) != 0)
        return store_error(COMEM_UNSUPPORTED, "this is no export of a store");
    if (status == COMEM_OK)
        status = reader_token(&import->reader, &version);
    if (status == COMEM_OK && (version.kind != TOKEN_INT || version.integer != EXPORT_VERSION))
        return store_error(COMEM_UNSUPPORTED, "an export of version %lld; this library reads version %d",
                           (long long)version.integer, EXPORT_VERSION);
    return status;
}

static comem_status read_objects(struct import *import)
{
    struct comem_object *names;
    int64_t count;
    comem_status status = object_new_in(import->store, OBJECT_DICT, 0, 0, &names);
    if (status == COMEM_OK)
        status = import_add(import, names);
    for (uint64_t i = 0; status == COMEM_OK && i < import->count; i++)
        status = read_record(import, i);
    if (status == COMEM_OK)
        status = read_number(import, INT64_MAX, &count);
    if (status == COMEM_OK && (uint64_t)count != import->count)
        status = import_damaged(import, "the number of objects is not what it says at its end");
    return status;
}

/* Shuts down what was shut down when it was written, and gives the store its roots. */
static comem_status publish(struct import *import)
{
    comem_status status = COMEM_OK;
    for (uint64_t i = 0; status == COMEM_OK && i < import->count; i++)
        if (import->made[i].gone)
            status = object_shutdown(import->made[i].handle);
    return status == COMEM_OK ? roots_set(import->store, (comem_dict *)import->made[0].handle) : status;
}

/* What the engine refused, the stream brought. */
static comem_status blame(comem_status status)
{
    char why[160];
    if (status != COMEM_TYPE && status != COMEM_INVALID && status != COMEM_OUT_OF_RANGE)
        return status;
    snprintf(why, sizeof why, "%s", comem_detail());
    return store_error(COMEM_DAMAGED, "the export is damaged: %s", why);
}

static comem_status read_store(struct import *import)
{
    comem_status status = read_head(import);
    if (status == COMEM_OK)
        status = blame(read_objects(import));
    if (status == COMEM_OK)
        status = reader_end(&import->reader);
    return status == COMEM_OK ? publish(import) : status;
}

/* Gives back all handles. What failed left objects that refer to each other, so they are emptied first. */
static void import_close(struct import *import, comem_status status)
{
    for (uint64_t i = 0; status != COMEM_OK && i < import->count; i++)
        if (!import->made[i].gone)
            object_shutdown(import->made[i].handle);
    for (uint64_t i = 0; i < import->count; i++)
        object_release(import->made[i].handle);
    free(import->made);
    reader_close(&import->reader);
}

comem_status import_read(comem_store *store, FILE *stream)
{
    struct import import = {.store = store};
    comem_dict *names;
    comem_status status = roots_open(store, &names);
    if (status != COMEM_OK)
        return status;
    bool taken = names != NULL;
    comem_dict_release(names);
    if (taken)
        return store_error(COMEM_INVALID, "the store has roots already");
    status = reader_open(&import.reader, stream);
    if (status == COMEM_OK)
        status = read_store(&import);
    import_close(&import, status);
    return status;
}

comem_status import_new(const char *name, FILE *stream)
{
    struct comem_store store = {.map = NULL};
    comem_status status = handle_open_private(name, 0, &store.map);
    if (status != COMEM_OK)
        return status;
    status = import_read(&store, stream);
    if (status == COMEM_OK)
        status = handle_publish(store.map, name);
    handle_close_named(store.map);
    return status;
}
