/* program_value.c - values for comem.h, and whether what it gives is what is expected */
#include <stdlib.h>
#include <string.h>

#include "model.h"

#define CHARACTERS 8u

/* By their code points, so that numbers order as texts do: one to four bytes, one lone surrogate, one behind it. */
static const char *const characters[CHARACTERS] = {
    "a", "b", "z", "\xC3\xA9", "\xE2\x82\xAC", "\xED\xA0\x80", "\xEF\xBF\xBF", "\xF0\x9F\x98\x80"};
#define SURROGATE 5u
#define FIRST_BEYOND_ASCII 3u
static const char octets[CHARACTERS] = {'\0', '\1', 'a', 'b', '\x7F', '\x80', '\xFE', '\xFF'};
#define SHORT_TEXT 3u
#define LONG_TEXT 40u

/* What packed values have in them. */
static const char filler[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";

/* ---- texts and what is anonymous ---- */

static size_t character_size(const struct model_value *value, unsigned number)
{
    return value->kind == COMEM_BYTES ? 1 : strlen(characters[number]);
}

size_t text_size(const struct model_value *value)
{
    if (value->count == 0)
        return 0;
    return (value->count - 1) * character_size(value, value->fill) + character_size(value, value->last);
}

static void text_write(const struct model_value *value, char *text)
{
    for (unsigned i = 0; i < value->count; i++) {
        unsigned number = i + 1 == value->count ? value->last : value->fill;
        size_t size = character_size(value, number);
        memcpy(text, value->kind == COMEM_BYTES ? &octets[number] : characters[number], size);
        text += size;
    }
}

uint16_t text_flags(const struct model_value *value)
{
    bool fill = value->count > 1;
    if (value->kind == COMEM_BYTES)
        return 0;
    bool ascii = value->last < FIRST_BEYOND_ASCII && (!fill || value->fill < FIRST_BEYOND_ASCII);
    bool surrogates = value->count > 0 && (value->last == SURROGATE || (fill && value->fill == SURROGATE));
    return (uint16_t)((ascii ? COMEM_ASCII : 0) | (surrogates ? COMEM_SURROGATES : 0));
}

bool reference_is_dict(uint64_t number)
{
    if (number < ANONYMOUS)
        return number >= REFERENCE_DICT;
    return (number & ANONYMOUS_INNER) == 0 && number % 5 == 0;
}

size_t anonymous_items(uint64_t number, struct model_value *items)
{
    uint64_t plain = number & ~ANONYMOUS_INNER;
    size_t count = 2;
    items[0] = (struct model_value){.kind = COMEM_INT, .bits = plain};
    if ((number & ANONYMOUS_INNER) != 0)
        return 1;
    items[1] =
        (struct model_value){.kind = COMEM_BYTES, .fill = plain % CHARACTERS, .count = (uint16_t)(5 + plain % 40)};
    if (plain % 3 == 0)
        items[count++] = (struct model_value){.kind = COMEM_REF, .bits = plain / 3 % MODEL_LISTS};
    if (plain % 7 == 0)
        items[count++] = (struct model_value){.kind = COMEM_REF, .bits = REFERENCE_DICT + plain / 7 % MODEL_DICTS};
    if (plain % 4 == 0)
        items[count++] = (struct model_value){.kind = COMEM_REF, .bits = number | ANONYMOUS_INNER};
    return count;
}

/* ---- packed values ---- */

struct packed_tree {
    comem_value root, items[3], inner[4];
};

static void packed_tree(const struct holding *holding, const struct model_value *value, struct packed_tree *tree)
{
    int64_t number = (int64_t)value->bits;
    size_t size = number % 3 == 0 ? LONG_TEXT : SHORT_TEXT;
    memset(tree, 0, sizeof *tree);
    tree->items[0] = value->fill == PACKED_FLOAT ? comem_float((double)number) : comem_int(number);
    tree->items[1] = comem_str(filler, size);
    tree->items[1].flags = COMEM_ASCII;
    tree->root = comem_items(COMEM_TUPLE, tree->items, 2);
    if (value->fill < PACKED_PLAIN)
        return;
    tree->root = comem_items(COMEM_LIST, tree->items, 3);
    if (value->fill == PACKED_PLAIN) {
        tree->items[1] = comem_bytes(filler, size);
        tree->inner[0] = tree->items[1];
        tree->inner[1] = comem_none();
        tree->inner[2] = comem_int(number);
        tree->inner[3] = comem_bool(number % 2 != 0);
        tree->items[2] = comem_items(COMEM_DICT, tree->inner, 2);
    } else {
        tree->items[1] = comem_ref(holding->lists[number % (MODEL_LISTS + MODEL_COMMONS)]);
        tree->inner[0] = comem_ref_dict(holding->dicts[number % (MODEL_DICTS + MODEL_COMMON_DICTS)]);
        tree->inner[1] = tree->items[1];
        tree->items[2] = comem_items(COMEM_TUPLE, tree->inner, 2);
    }
}

static bool trees_match(const comem_value *found, const comem_value *expected)
{
    if (found->kind != expected->kind || found->size != expected->size)
        return false;
    switch (found->kind) {
    case COMEM_NONE:
        return true;
    case COMEM_BOOL:
        return found->as.boolean == expected->as.boolean;
    case COMEM_STR:
    case COMEM_BYTES:
        return memcmp(found->as.data, expected->as.data, found->size) == 0;
    case COMEM_REF:
        return found->as.object == expected->as.object;
    case COMEM_LIST:
    case COMEM_TUPLE:
    case COMEM_DICT:
        for (size_t i = 0; i < found->size * (found->kind == COMEM_DICT ? 2 : 1); i++)
            if (!trees_match(&found->as.items[i], &expected->as.items[i]))
                return false;
        return true;
    default: /* an int, or a float's bits */
        return found->as.integer == expected->as.integer;
    }
}

/* What there is no memory to look at may be anything. */
static bool packed_matches(const struct holding *holding, const comem_value *found, const struct model_value *expected)
{
    struct packed_tree tree;
    comem_value unpacked;
    comem_status status = comem_value_unpack(found, &unpacked);
    packed_tree(holding, expected, &tree);
    bool matches = status == COMEM_NO_MEMORY || (status == COMEM_OK && trees_match(&unpacked, &tree.root));
    comem_value_clear(&unpacked);
    return matches && ((found->flags & COMEM_HOLDS) != 0) == (expected->fill == PACKED_HOLDING);
}

/* ---- making ---- */

static comem_status value_make(const struct holding *holding, const struct model_value *value, char *text,
                               comem_value *made);

static void container_release(const comem_value *container)
{
    comem_list_release(comem_value_list(container));
    comem_dict_release(comem_value_dict(container));
}

/* A new list or dict that holds what the number says. */
static comem_status anonymous_make(const struct holding *holding, uint64_t number, comem_value *container)
{
    struct model_value items[ANONYMOUS_ITEMS];
    size_t count = anonymous_items(number, items);
    comem_list *list = NULL;
    comem_dict *dict = NULL;
    bool is_dict = reference_is_dict(number);
    comem_status status = is_dict ? comem_dict_new(holding->store, &dict) : comem_list_new(holding->store, &list);
    *container = status != COMEM_OK ? comem_none() : is_dict ? comem_ref_dict(dict) : comem_ref(list);
    for (size_t i = 0; i < count && status == COMEM_OK; i++) {
        char text[64];
        comem_value value, inner = comem_none();
        if (items[i].kind == COMEM_REF && items[i].bits >= ANONYMOUS) {
            status = anonymous_make(holding, items[i].bits, &inner);
            value = inner;
        } else {
            status = value_make(holding, &items[i], text, &value);
        }
        if (status == COMEM_OK)
            status = is_dict ? comem_dict_set(dict, comem_int((int64_t)i), value) : comem_list_append(list, value);
        container_release(&inner);
    }
    return status;
}

/* Anything but what is anonymous; a text is written to `text`. A packed value is to be cleared. */
static comem_status value_make(const struct holding *holding, const struct model_value *value, char *text,
                               comem_value *made)
{
    struct packed_tree tree;
    *made = comem_none();
    switch ((int)(enum comem_kind)value->kind) {
    case COMEM_NONE:
        break;
    case COMEM_BOOL:
        *made = comem_bool(value->bits != 0);
        break;
    case COMEM_INT:
        *made = comem_int((int64_t)value->bits);
        break;
    case COMEM_FLOAT:
        *made = comem_float(0);
        memcpy(&made->as.real, &value->bits, sizeof value->bits);
        break;
    case COMEM_STR:
    case COMEM_BYTES:
        text_write(value, text);
        *made = comem_str(text, text_size(value));
        made->kind = value->kind;
        break;
    case COMEM_REF:
        *made = reference_is_dict(value->bits) ? comem_ref_dict(holding->dicts[value->bits - REFERENCE_DICT])
                                               : comem_ref(holding->lists[value->bits]);
        break;
    case COMEM_PACKED:
        packed_tree(holding, value, &tree);
        return comem_value_pack(&tree.root, made);
    }
    return COMEM_OK;
}

/* Makes argument `number`, a value or a key, which is the n-th one of the operation. */
static comem_status argument_make(const struct holding *holding, const struct model_value *value,
                                  struct arguments *arguments, comem_value *made)
{
    if (value->kind == COMEM_REF && value->bits >= ANONYMOUS) {
        comem_value *anonymous = &arguments->made[arguments->made_count++];
        comem_status status = anonymous_make(holding, value->bits, anonymous);
        *made = *anonymous;
        return status;
    }
    comem_status status = value_make(holding, value, arguments->text + arguments->text_end, made);
    if (is_text(value))
        arguments->text_end += text_size(value);
    return status;
}

/* What was made before is lent again. */
static comem_value lend(const comem_value *value)
{
    comem_value lent = *value;
    lent.owned = 0;
    return lent;
}

comem_status arguments_make(const struct holding *holding, const struct operation *operation, size_t count,
                            struct arguments *arguments)
{
    size_t size = 0, bases = operation->base_count;
    comem_status status = COMEM_OK;
    memset(arguments, 0, sizeof *arguments);
    for (size_t i = 0; i < bases; i++)
        size += text_size(&operation->bases[i]) + text_size(&operation->keys[i]);
    arguments->values = calloc(count + 1, sizeof *arguments->values);
    arguments->keys = calloc(count + 1, sizeof *arguments->keys);
    arguments->text = malloc(size + 1);
    if (arguments->values == NULL || arguments->keys == NULL || arguments->text == NULL)
        abort();
    for (size_t i = 0; i < count && status == COMEM_OK; i++) {
        struct model_value value = operation_value(operation, i), key = operation_key(operation, i);
        arguments->count = i + 1;
        if (i >= bases && value.kind != COMEM_INT)
            arguments->values[i] = lend(&arguments->values[i - bases]);
        else
            status = argument_make(holding, &value, arguments, &arguments->values[i]);
        if (status != COMEM_OK)
            break;
        if (i >= bases && key.kind != COMEM_INT)
            arguments->keys[i] = lend(&arguments->keys[i - bases]);
        else
            status = argument_make(holding, &key, arguments, &arguments->keys[i]);
    }
    return status;
}

void arguments_free(struct arguments *arguments)
{
    while (arguments->made_count > 0)
        container_release(&arguments->made[--arguments->made_count]);
    for (size_t i = 0; i < arguments->count; i++) {
        comem_value_clear(&arguments->values[i]);
        comem_value_clear(&arguments->keys[i]);
    }
    free(arguments->values);
    free(arguments->keys);
    free(arguments->text);
}

/* ---- matching ---- */

static bool text_matches(const comem_value *found, const struct model_value *expected)
{
    size_t at = 0;
    if (found->size != text_size(expected) || found->flags != text_flags(expected) || found->as.data[found->size] != 0)
        return false;
    for (unsigned i = 0; i < expected->count; i++) {
        unsigned number = i + 1 == expected->count ? expected->last : expected->fill;
        size_t size = character_size(expected, number);
        const char *wanted = expected->kind == COMEM_BYTES ? &octets[number] : characters[number];
        if (memcmp(found->as.data + at, wanted, size) != 0)
            return false;
        at += size;
    }
    return true;
}

static bool reference_matches(const struct holding *holding, const comem_value *found, uint64_t number);

bool value_matches(const struct holding *holding, const comem_value *found, const struct model_value *expected)
{
    if (found->kind != expected->kind)
        return false;
    switch ((int)(enum comem_kind)expected->kind) {
    case COMEM_NONE:
        return true;
    case COMEM_BOOL:
        return found->as.boolean == (expected->bits != 0);
    case COMEM_INT:
    case COMEM_FLOAT:
        return memcmp(&found->as, &expected->bits, sizeof expected->bits) == 0;
    case COMEM_STR:
    case COMEM_BYTES:
        return text_matches(found, expected);
    case COMEM_REF:
        return reference_matches(holding, found, expected->bits);
    case COMEM_PACKED:
        return packed_matches(holding, found, expected);
    case COMEM_MISSING:
        return true;
    }
    return false;
}

bool values_match(const struct holding *holding, const struct outcome *outcome, const struct model_value *expected,
                  size_t count)
{
    if (outcome->count != count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!value_matches(holding, &outcome->values[i], &expected[i]))
            return false;
    return true;
}

static bool anonymous_matches(const struct holding *holding, const comem_value *found, uint64_t number)
{
    struct model_value items[ANONYMOUS_ITEMS], pairs[2 * ANONYMOUS_ITEMS];
    struct outcome content = {0};
    size_t count = anonymous_items(number, items);
    bool matches;
    if (reference_is_dict(number)) {
        for (size_t i = 0; i < count; i++) {
            pairs[2 * i] = (struct model_value){.kind = COMEM_INT, .bits = i};
            pairs[2 * i + 1] = items[i];
        }
        content.status = read_dict(comem_value_dict(found), &content);
        matches = content.status == COMEM_OK && values_match(holding, &content, pairs, 2 * count);
    } else {
        content.status = read_list(comem_value_list(found), &content);
        matches = content.status == COMEM_OK && values_match(holding, &content, items, count);
    }
    matches |= content.status == COMEM_NO_MEMORY;
    outcome_clear(&content);
    return matches;
}

/* An object has one handle in a process: references to what is held give the same. What there is no memory to look at may be
 * anything. */
static bool reference_matches(const struct holding *holding, const comem_value *found, uint64_t number)
{
    if (number >= ANONYMOUS)
        return anonymous_matches(holding, found, number);
    return reference_is_dict(number) ? comem_value_dict(found) == holding->dicts[number - REFERENCE_DICT]
                                     : comem_value_list(found) == holding->lists[number];
}

/* Whether a text is one that value_make() writes: equal characters but for the last one. */
static bool text_whole(const comem_value *value)
{
    size_t at = 0, size = 0;
    const char *fill = NULL;
    while (at < value->size) {
        unsigned number = 0;
        bool bytes = value->kind == COMEM_BYTES;
        for (; number < CHARACTERS; number++) {
            size = bytes ? 1 : strlen(characters[number]);
            const char *character = bytes ? &octets[number] : characters[number];
            if (size <= value->size - at && memcmp(value->as.data + at, character, size) == 0)
                break;
        }
        if (number == CHARACTERS)
            return false;
        const char *character = bytes ? &octets[number] : characters[number];
        if (fill != NULL && character != fill && at + size < value->size)
            return false;
        if (fill == NULL)
            fill = character;
        at += size;
    }
    return true;
}

static bool packed_whole(const comem_value *value)
{
    comem_value tree;
    comem_status status = comem_value_unpack(value, &tree);
    bool whole =
        status == COMEM_NO_MEMORY ||
        (status == COMEM_OK && ((tree.kind == COMEM_TUPLE && tree.size == 2) ||
                                (tree.kind == COMEM_LIST && tree.size == 3 && tree.as.items[0].kind == COMEM_INT)));
    comem_value_clear(&tree);
    return whole;
}

bool value_whole(const comem_value *value)
{
    switch ((int)(enum comem_kind)value->kind) {
    case COMEM_STR:
    case COMEM_BYTES:
        return text_whole(value);
    case COMEM_REF:
        return comem_value_list(value) != NULL || comem_value_dict(value) != NULL;
    case COMEM_PACKED:
        return packed_whole(value);
    default:
        return value->kind < COMEM_STR;
    }
}
