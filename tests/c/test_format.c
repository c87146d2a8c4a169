/* test_format.c - what docs/format.md shows as bytes is what stands in memory */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "objects/dict_layout.h"

#define SHOWN_MAX 1024u

static char *page;

static int load_page(void **state)
{
    const char *name = getenv("COMEM_FORMAT_PAGE");
    FILE *file = name == NULL ? NULL : fopen(name, "rb");
    (void)state;
    if (file == NULL)
        return -1;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    page = calloc(1, (size_t)size + 1);
    bool loaded = page != NULL && fread(page, 1, (size_t)size, file) == (size_t)size;
    fclose(file);
    return loaded ? 0 : -1;
}

static int forget_page(void **state)
{
    (void)state;
    free(page);
    return 0;
}

/* Where `text` stands on the page, once. */
static const char *find_on_page(const char *text)
{
    const char *found = strstr(page, text);
    if (found == NULL || strstr(found + 1, text) != NULL)
        fail_msg("docs/format.md does not have this once: %s", text);
    return found;
}

/* The bytes of one line of a dump, `  16   01 02 ...`; how many. */
static unsigned parse_line(const char *line, uint8_t bytes[16])
{
    unsigned count = 0, byte;
    int used;
    for (; count < 16 && sscanf(line, " %2x%n", &byte, &used) == 1 && *line == ' ' && used >= 3; line += used)
        bytes[count++] = (uint8_t)byte;
    return count;
}

/* The dump behind `title` and an empty line shows these bytes, all of them; a line of "00 ..." stands for zeros to the end. */
static void assert_shown(const char *title, const void *address, size_t size)
{
    static const char zeros[] = "   00 …";
    const char *line = strstr(find_on_page(title), "\n\n") + 2, *memory = address;
    for (size_t at = 0; at < size; line = strchr(line, '\n') + 1) {
        uint8_t bytes[16];
        char *dump;
        assert_int_equal(strtoul(line, &dump, 10), at);
        if (strncmp(dump, zeros, strlen(zeros)) == 0) {
            for (; at < size; at++)
                assert_int_equal(memory[at], 0);
            return;
        }
        unsigned count = parse_line(dump, bytes);
        assert_true(count > 0 && count <= size - at);
        if (memcmp(memory + at, bytes, count) != 0) {
            for (unsigned i = 0; i < count; i++)
                print_message("%s%02x", i == 8 ? "  " : " ", (uint8_t)memory[at + i]);
            fail_msg(" stands in memory, not what the page shows behind %zu: %s", at, title);
        }
        at += count;
    }
}

/* Where the content of an object begins. */
static const void *table_of(struct bench *bench, const void *handle)
{
    uint64_t table_word = word_load(&((const struct comem_object *)handle)->shared->table);
    const void *table = store_at(bench->map, table_offset(table_word), sizeof(struct dict_table));
    assert_non_null(table);
    return table;
}

/* Programs would take each other's stores for what they are not. */
static void the_fingerprint_is_the_one_on_the_page(void **state)
{
    struct bench *bench = *state;
    char number[32];
    snprintf(number, sizeof number, "0x%016llx", (unsigned long long)bench->map->header->fingerprint);
    find_on_page(number);
}

/* Who reads a core dump by the page would find no object. */
static void an_empty_list_looks_as_on_the_page(void **state)
{
    struct bench *bench = *state;
    comem_list *outer = support_list(&bench->store), *inner = support_list(&bench->store);
    assert_ok(comem_list_append(outer, comem_ref(inner)));
    assert_shown("A list of generation 1 without content that one cell names:", ((struct comem_object *)inner)->shared,
                 sizeof(struct object));
    comem_list_release(inner);
    comem_list_release(outer);
}

/* The cells of a list would be looked for in the wrong places. */
static void lists_look_as_on_the_page(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    for (int64_t i = 0; i < 600; i++) {
        assert_ok(comem_list_append(list, comem_int(i)));
        if (i + 1 == 14)
            assert_shown("A table with 14 items in 16 cells,", table_of(bench, list), 88);
    }
    assert_ok(comem_list_insert(list, 10, comem_int(0)));
    assert_shown("A table after `insert` at 10 into 600 items:", table_of(bench, list), 160);
    comem_list_release(list);
}

/* The value of a variable would be looked for in the wrong place. */
static void a_variable_looks_as_on_the_page(void **state)
{
    struct bench *bench = *state;
    comem_variable *variable = NULL;
    assert_ok(comem_variable_new(&bench->store, 'q', comem_int(1000), &variable));
    assert_shown("A variable of type `q` that is 1000,", ((struct comem_object *)variable)->shared,
                 sizeof(struct object));
    comem_variable_release(variable);
}

static const void *part(struct bench *bench, const word64 *offset, size_t size)
{
    const void *address = store_at(bench->map, word_load(offset), size);
    assert_non_null(address);
    return address;
}

static const struct dict_segment *first_segment(struct bench *bench, const struct dict_table *table,
                                                struct dict_shape shape)
{
    const struct dict_slot *slot = (const struct dict_slot *)&table->rest[UINT64_C(1) << shape.depth];
    return part(bench, &slot->block, sizeof(struct dict_segment));
}

/* Who reads a core dump by the page would find no key. */
static void a_small_dict_looks_as_on_the_page(void **state)
{
    struct bench *bench = *state;
    bench->map->hash_seed = bench->map->header->hash_seed = 0; /* before the first key */
    comem_dict *dict = support_dict(&bench->store);
    assert_ok(comem_dict_set(dict, comem_bool(true), comem_int(1000)));
    assert_ok(comem_dict_set(dict, support_text("two"), support_text("fourteen chars")));
    assert_ok(comem_dict_set(dict, support_text("three"), comem_none()));
    assert_ok(comem_dict_pop(dict, support_text("two"), NULL));

    const struct dict_table *table = table_of(bench, dict);
    struct dict_shape shape = {0, 0, 0};
    assert_true(dict_shape_read(word_load(&table->shape), &shape));
    const word64 *first_page = part(bench, &table->rest[0], shape.page_words * sizeof(word64));
    const struct dict_segment *segment = first_segment(bench, table, shape);
    uint64_t end = dict_end(word_load(&table->counts));
    assert_shown("Its table, at", table, dict_table_size(shape));
    assert_shown("Its page, at", first_page, shape.page_words * sizeof(word64));
    assert_shown("Its segment, at", segment, (end + 1) * sizeof(struct dict_entry));
    comem_dict_release(dict);
}

/* The sizes of small dicts that the page lists would be others. */
static void small_dicts_grow_as_on_the_page(void **state)
{
    struct bench *bench = *state;
    comem_dict *dict = support_dict(&bench->store);
    char row[64];
    uint64_t words = 0;
    for (int64_t key = 0; words < DICT_PAGE; key++) {
        struct dict_shape shape = {0, 0, 0};
        assert_ok(comem_dict_set(dict, comem_int(key), comem_int(0)));
        const struct dict_table *table = table_of(bench, dict);
        assert_true(dict_shape_read(word_load(&table->shape), &shape));
        if (shape.page_words == words)
            continue;
        words = shape.page_words;
        const struct dict_segment *segment = first_segment(bench, table, shape);
        snprintf(row, sizeof row, "| %llu | %llu | %llu |\n", (unsigned long long)words,
                 (unsigned long long)dict_page_limit(words), (unsigned long long)word_load(&segment->capacity));
        find_on_page(row);
    }
    comem_dict_release(dict);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(the_fingerprint_is_the_one_on_the_page), WITH_STORE(an_empty_list_looks_as_on_the_page),
        WITH_STORE(a_variable_looks_as_on_the_page),        WITH_STORE(lists_look_as_on_the_page),
        WITH_STORE(a_small_dict_looks_as_on_the_page),      WITH_STORE(small_dicts_grow_as_on_the_page),
    };
    support_choose(argc, argv);
    return cmocka_run_group_tests(tests, load_page, forget_page);
}
