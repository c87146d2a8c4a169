/* test_packed.c - compound values as bytes, and back; the vectors of tests/vectors/values.txt */
#include "support.h"

#include <stdio.h>

#include "objects/print.h"
#include "value/packed.h"

/* ---- the vectors ---- */

struct vector {
    char *word, *bytes, *meaning;
    unsigned line;
};

static size_t bytes_of_hex(const char *hex, char *bytes)
{
    size_t size = 0;
    for (; hex[0] > ' ' && hex[0] != '-'; hex += 2)
        assert_int_equal(sscanf(hex, "%2hhx", (unsigned char *)&bytes[size++]), 1);
    return size;
}

static comem_value packed_of_hex(const char *hex, char *bytes)
{
    comem_value value = comem_bytes(bytes, bytes_of_hex(hex, bytes));
    value.kind = COMEM_PACKED;
    return value;
}

/* Calls `test` for each vector; it returns whether it is content. */
static void each_vector(const char *word, bool (*test)(const struct vector *vector))
{
    char line[16384];
    unsigned failed = 0, tested = 0, number = 0;
    FILE *file = fopen(getenv("COMEM_VECTORS"), "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        struct vector vector = {.word = line, .line = ++number};
        line[strcspn(line, "\n")] = 0;
        vector.bytes = strchr(line, ' ');
        if (line[0] == '#' || vector.bytes == NULL)
            continue;
        *vector.bytes++ = 0;
        vector.meaning = strchr(vector.bytes, ' ');
        assert_non_null(vector.meaning);
        *vector.meaning++ = 0;
        if (strcmp(vector.word, word) != 0)
            continue;
        tested++;
        if (!test(&vector)) {
            fprintf(stderr, "line %u: %s %s %s\n", vector.line, vector.word, vector.bytes, vector.meaning);
            failed++;
        }
    }
    fclose(file);
    assert_true(tested > 10);
    assert_int_equal(failed, 0);
}

/* What a value prints as; to be freed. */
static char *printed(const comem_value *value)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    assert_ok(print_value(stream, value));
    fclose(stream);
    return text;
}

static bool reads_as(const struct vector *vector, bool *packs_as_well)
{
    char bytes[8192];
    comem_value value = packed_of_hex(vector->bytes, bytes), tree, again;
    comem_status status = comem_value_unpack(&value, &tree);
    if (status != COMEM_OK) {
        fprintf(stderr, "%s: %s\n", comem_strerror(status), comem_detail());
        return false;
    }
    char *text = printed(&tree);
    bool same = strcmp(text, vector->meaning) == 0;
    if (!same)
        fprintf(stderr, "it reads as %s\n", text);
    free(text);
    assert_ok(comem_value_pack(&tree, &again));
    *packs_as_well =
        again.kind == COMEM_PACKED && again.size == value.size && memcmp(again.as.data, value.as.data, value.size) == 0;
    comem_value_clear(&again);
    comem_value_clear(&tree);
    return same;
}

static bool value_is_right(const struct vector *vector)
{
    bool packs;
    return reads_as(vector, &packs) && packs;
}

static bool long_form_is_read(const struct vector *vector)
{
    bool packs;
    return reads_as(vector, &packs) && !packs;
}

static bool wrong_one_is_refused(const struct vector *vector)
{
    char bytes[8192];
    comem_value value = packed_of_hex(vector->bytes, bytes), tree;
    bool refused = comem_value_unpack(&value, &tree) == COMEM_DAMAGED;
    comem_value_clear(&tree);
    return refused;
}

/* Another program, or the next version, would read or write other bytes. */
static void values_have_the_bytes_that_the_format_says(void **state)
{
    (void)state;
    each_vector("value", value_is_right);
}

/* What another writer of MessagePack packs would be damage. */
static void longer_forms_are_read(void **state)
{
    (void)state;
    each_vector("read", long_form_is_read);
}

/* Damaged bytes would be read as some value, or beyond their end. */
static void what_nothing_packs_is_damage(void **state)
{
    (void)state;
    each_vector("wrong", wrong_one_is_refused);
}

/* ---- any bytes ---- */

/* Bytes that are cut or changed anywhere would lead the reader out of them; the sanitizers see it. */
static void no_bytes_lead_the_reader_astray(void **state)
{
    static const char hex[] =
        "86a16196c0c3cd012cfbcf8000000000000000cb3ff8000000000000d5019101d5029102d5039103c7030678797ac709"
        "04000000000000000040d80500000000000000003ff0000000000000c4027979c70307eda080d928c3a9c3a9c3a9c3a9"
        "c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9939080d40190";
    char bytes[sizeof hex];
    comem_value value = packed_of_hex(hex, bytes), tree;
    unsigned read = 0;
    (void)state;
    for (size_t i = 0; i < value.size; i++)
        for (unsigned change = 0; change < 256; change++) {
            char *copy = malloc(value.size - i % 7), was = bytes[i];
            comem_value changed = value;
            assert_non_null(copy);
            bytes[i] = (char)change;
            changed.size -= i % 7;
            memcpy(copy, bytes, changed.size);
            bytes[i] = was;
            changed.as.data = copy;
            comem_status status = comem_value_unpack(&changed, &tree);
            assert_true(status == COMEM_OK || status == COMEM_DAMAGED);
            read += status == COMEM_OK;
            comem_value_clear(&tree);
            free(copy);
        }
    assert_true(read > value.size * 10 && read < value.size * 256); /* some bytes are but content */
}

/* ---- depth and size ---- */

static comem_status pack_nested(comem_kind kind, unsigned depth, comem_value *packed)
{
    comem_value levels[PACKED_DEPTH_MAX + 1];
    assert_true(depth <= PACKED_DEPTH_MAX + 1);
    levels[0] = comem_items(kind, NULL, 0);
    for (unsigned i = 1; i < depth; i++)
        levels[i] = comem_items(kind, &levels[i - 1], 1);
    return comem_value_pack(&levels[depth - 1], packed);
}

/* The limit of depth would be another one for reading than for writing, or for tuples than for lists. */
static void a_hundred_levels_and_no_more(void **state)
{
    (void)state;
    for (comem_kind kind = COMEM_LIST; kind <= COMEM_FROZENSET; kind++) {
        comem_value packed, tree;
        assert_ok(pack_nested(kind, 100, &packed));
        assert_ok(comem_value_unpack(&packed, &tree));
        unsigned depth = 1;
        for (const comem_value *value = &tree; value->size > 0; value = value->as.items)
            depth++;
        assert_int_equal(depth, 100);
        comem_value_clear(&tree);
        comem_value_clear(&packed);
        assert_status(COMEM_INVALID, pack_nested(kind, 101, &packed));
        assert_int_equal(packed.kind, COMEM_NONE);
    }
    char bytes[101];
    memset(bytes, 0x91, 100);
    bytes[100] = (char)0x90;
    comem_value deep = comem_bytes(bytes, sizeof bytes), tree;
    deep.kind = COMEM_PACKED;
    assert_status(COMEM_DAMAGED, comem_value_unpack(&deep, &tree));
}

/* A body would be moved wrongly when its header grows, or lengths of 16 and 32 bits be mixed up. */
static void large_values_come_back(void **state)
{
    enum { SIZE = 200000 };
    comem_value *items = calloc(SIZE, sizeof *items), packed, tree;
    char *text = malloc(SIZE);
    (void)state;
    assert_true(items != NULL && text != NULL);
    memset(text, 'x', SIZE);
    for (int64_t i = 0; i < SIZE; i++)
        items[i] = comem_int(i);
    comem_value inner[3] = {comem_items(COMEM_TUPLE, items, SIZE), comem_str(text, SIZE), comem_bytes(text, 70000)};
    comem_value outer = comem_items(COMEM_TUPLE, inner, 3);
    assert_ok(comem_value_pack(&outer, &packed));
    assert_int_equal(packed.as.data[packed.size], 0);
    assert_ok(comem_value_unpack(&packed, &tree));
    comem_value_clear(&packed); /* the tree has copies */
    assert_int_equal(tree.kind, COMEM_TUPLE);
    assert_int_equal(tree.as.items[0].size, SIZE);
    for (int64_t i = 0; i < SIZE; i++)
        assert_int_equal(tree.as.items[0].as.items[i].as.integer, i);
    assert_int_equal(tree.as.items[1].size, SIZE);
    assert_memory_equal(tree.as.items[1].as.data, text, SIZE);
    assert_int_equal(tree.as.items[1].as.data[SIZE], 0);
    assert_int_equal(tree.as.items[1].flags, COMEM_ASCII);
    assert_int_equal(tree.as.items[2].size, 70000);
    comem_value_clear(&tree);
    comem_value_clear(&tree);
    free(items);
    free(text);
}

static comem_status believe(void *context, const comem_value *value)
{
    size_t *left = context;
    size_t items = value->kind == COMEM_DICT ? 2 * value->size : packed_is_container(value->kind) ? value->size : 0;
    assert_true(items <= *left);
    *left -= items;
    return COMEM_OK;
}

static comem_status end_of_any(void *context)
{
    (void)context;
    return COMEM_OK;
}

/* Who makes room for as many items as a container says would make gigabytes of it for a damaged one. */
static void no_size_is_larger_than_there_are_bytes(void **state)
{
    static const char *const lies[] = {"ddffffffff01", "df7fffffff0101", "92dc0004dc000401", "92840101840101"};
    static const struct packed_visitor visitor = {believe, end_of_any};
    char bytes[64];
    (void)state;
    for (unsigned i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        comem_value value = packed_of_hex(lies[i], bytes);
        size_t left = value.size;
        assert_status(COMEM_DAMAGED, packed_walk(&value, &visitor, &left));
    }
}

/* ---- what goes in ---- */

/* A value that cannot be packed would be stored as something else. */
static void what_cannot_be_packed_is_refused(void **state)
{
    static const struct {
        comem_kind kind;
        comem_status status;
    } cases[] = {{COMEM_PACKED, COMEM_TYPE},      {COMEM_PICKLE, COMEM_TYPE},  {COMEM_MISSING, COMEM_TYPE},
                 {COMEM_MISSING + 1, COMEM_TYPE}, {COMEM_STR, COMEM_INVALID},  {COMEM_BYTES, COMEM_INVALID},
                 {COMEM_REF, COMEM_INVALID},      {COMEM_LIST, COMEM_INVALID}, {COMEM_COMPLEX, COMEM_INVALID}};
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        comem_value item = comem_bytes(NULL, 3), packed; /* at NULL */
        item.kind = cases[i].kind;
        comem_value list = comem_items(COMEM_LIST, &item, 1);
        assert_status(cases[i].status, comem_value_pack(&list, &packed));
        assert_int_equal(packed.kind, COMEM_NONE);
    }
    comem_value text = comem_str("\xff", 1), list = comem_items(COMEM_LIST, &text, 1), packed;
    assert_status(COMEM_INVALID, comem_value_pack(&list, &packed));
    assert_status(COMEM_INVALID, comem_value_pack(NULL, &packed));
    assert_status(COMEM_INVALID, comem_value_pack(&list, NULL));
}

/* A scalar would be packed, or come back owned: freed twice. */
static void scalars_come_back_as_they_are(void **state)
{
    comem_value text = comem_str("text", 4), back;
    (void)state;
    text.owned = 1;
    assert_ok(comem_value_pack(&text, &back));
    assert_int_equal(back.kind, COMEM_STR);
    assert_ptr_equal(back.as.data, text.as.data);
    assert_int_equal(back.owned, 0);
    assert_ok(comem_value_unpack(&text, &back));
    assert_ptr_equal(back.as.data, text.as.data);
    assert_int_equal(back.owned, 0);
}

/* ---- references ---- */

/* A handle within a value would be lost, or kept for ever. */
static void handles_are_held_by_what_has_them(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    comem_value items[3] = {comem_ref(list), comem_int(1), comem_ref(list)}, packed, tree;
    comem_value outer = comem_items(COMEM_TUPLE, items, 3);
    assert_ok(comem_value_pack(&outer, &packed));
    assert_int_equal(packed.flags & COMEM_HOLDS, COMEM_HOLDS);
    comem_list_release(list);
    assert_ok(comem_value_unpack(&packed, &tree));
    comem_value_clear(&packed);
    assert_ok(comem_list_append(comem_value_list(&tree.as.items[0]), comem_int(7)));
    assert_int_equal(support_int(comem_value_list(&tree.as.items[2]), 0), 7);
    comem_value_clear(&tree);
    assert_int_equal(support_used(bench->map), 0);
}

/* One value would refer to objects that no one container can hold. */
static void objects_of_two_stores_are_not_packed_together(void **state)
{
    struct bench *bench = *state, *other = support_begin(MIB);
    comem_list *one = support_list(&bench->store), *two = support_list(&other->store);
    comem_value items[2] = {comem_ref(one), comem_ref(two)}, packed;
    comem_value outer = comem_items(COMEM_LIST, items, 2);
    assert_status(COMEM_INVALID, comem_value_pack(&outer, &packed));
    comem_list_release(one);
    comem_list_release(two);
    assert_int_equal(support_end(other), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        ALONE(values_have_the_bytes_that_the_format_says),
        ALONE(longer_forms_are_read),
        ALONE(what_nothing_packs_is_damage),
        ALONE(no_bytes_lead_the_reader_astray),
        ALONE(a_hundred_levels_and_no_more),
        ALONE(large_values_come_back),
        ALONE(no_size_is_larger_than_there_are_bytes),
        ALONE(what_cannot_be_packed_is_refused),
        ALONE(scalars_come_back_as_they_are),
        WITH_STORE(handles_are_held_by_what_has_them),
        WITH_STORE(objects_of_two_stores_are_not_packed_together),
    };
    support_choose(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
