/* test_key.c - equal keys have one form and one hash, others another; the vectors of tests/vectors/values.txt */
#include "support.h"

#include <math.h>
#include <stdio.h>

#include "value/key.h"
#include "value/packed.h"

static struct store_map *map; /* of the test that runs */

static bool same_key(const struct key *one, const struct key *other)
{
    return one->hash == other->hash && one->image.head == other->image.head && one->image.body == other->image.body &&
           one->size == other->size && (one->size == 0 || memcmp(one->bytes, other->bytes, one->size) == 0);
}

static size_t bytes_of_hex(const char *hex, char *bytes)
{
    size_t size = 0;
    for (; hex[0] > ' '; hex += 2)
        assert_int_equal(sscanf(hex, "%2hhx", (unsigned char *)&bytes[size++]), 1);
    return size;
}

/* Whether the first two numbers of a line's rest are one key, and the second is its form. */
static bool key_has_the_form(const char *rest)
{
    char bytes[2][8192];
    comem_value values[2];
    struct key keys[2];
    bool right = true;
    for (unsigned i = 0; i < 2; i++, rest = strchr(rest, ' ') + 1) {
        values[i] = comem_bytes(bytes[i], bytes_of_hex(rest, bytes[i]));
        values[i].kind = COMEM_PACKED;
        if (key_make(map, &values[i], &keys[i]) != COMEM_OK)
            return false;
    }
    if (cell_kind(keys[1].image.head) ==
        COMEM_PACKED) /* else it is a number or a text, whose form is no packed value */
        right = keys[1].given == NULL &&
                (keys[0].given == &values[0]) ==
                    (values[0].size != values[1].size || memcmp(bytes[0], bytes[1], values[0].size) != 0);
    right = right && same_key(&keys[0], &keys[1]);
    key_clear(&keys[0]);
    key_clear(&keys[1]);
    return right;
}

static bool it_is_no_key(const char *rest)
{
    char bytes[8192];
    struct key key;
    comem_value value = comem_bytes(bytes, bytes_of_hex(rest, bytes));
    value.kind = COMEM_PACKED;
    return key_make(map, &value, &key) == COMEM_TYPE;
}

static void each_vector(const char *word, bool (*test)(const char *rest))
{
    char line[16384];
    unsigned tested = 0, failed = 0;
    FILE *file = fopen(getenv("COMEM_VECTORS"), "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        size_t length = strlen(word);
        if (strncmp(line, word, length) != 0 || line[length] != ' ')
            continue;
        tested++;
        if (!test(line + length + 1)) {
            fprintf(stderr, "%s", line);
            failed++;
        }
    }
    fclose(file);
    assert_true(tested > 5);
    assert_int_equal(failed, 0);
}

/* A process would not find what another stored, because the two write the key differently. */
static void keys_have_the_form_that_the_format_says(void **state)
{
    map = ((struct bench *)*state)->map;
    each_vector("key", key_has_the_form);
}

/* A key that can change, or whose copy is another one, would be stored and never be found. */
static void what_has_no_form_is_no_key(void **state)
{
    struct key key;
    comem_value pickle = comem_bytes("pickle", 6), list = comem_items(COMEM_LIST, NULL, 0), missing = comem_missing();
    map = ((struct bench *)*state)->map;
    each_vector("nokey", it_is_no_key);
    pickle.kind = COMEM_PICKLE;
    assert_status(COMEM_TYPE, key_make(map, &pickle, &key));
    assert_status(COMEM_TYPE, key_make(map, &list, &key));
    assert_status(COMEM_TYPE, key_make(map, &missing, &key));
}

/* A reference within a tuple would be a key that does not keep its object. */
static void a_reference_is_no_key_anywhere(void **state)
{
    struct bench *bench = *state;
    struct key key;
    comem_list *list = support_list(&bench->store);
    comem_value reference = comem_ref(list), tuple = comem_items(COMEM_TUPLE, &reference, 1), packed;
    assert_status(COMEM_TYPE, key_make(bench->map, &reference, &key));
    assert_ok(comem_value_pack(&tuple, &packed));
    assert_status(COMEM_TYPE, key_make(bench->map, &packed, &key));
    comem_value one = comem_int(1);
    assert_status(COMEM_TYPE, key_make_given(bench->map, &one, &packed, &key));
    comem_value_clear(&packed);
    comem_list_release(list);
}

/* ---- scalars ---- */

static void assert_one_key(comem_value one, comem_value other, bool expected)
{
    struct key first, second;
    assert_ok(key_make(map, &one, &first));
    assert_ok(key_make(map, &other, &second));
    assert_int_equal(same_key(&first, &second), expected);
    key_clear(&first);
    key_clear(&second);
}

/* 1, 1.0 and True would be three keys, or 0.1 and 0 one. */
static void numbers_that_are_equal_are_one_key(void **state)
{
    map = ((struct bench *)*state)->map;
    assert_one_key(comem_int(1), comem_float(1.0), true);
    assert_one_key(comem_int(1), comem_bool(true), true);
    assert_one_key(comem_bool(false), comem_float(-0.0), true);
    assert_one_key(comem_int(INT64_MIN), comem_float(-9223372036854775808.0), true);
    assert_one_key(comem_int(INT64_MAX), comem_float(9223372036854775808.0), false);
    assert_one_key(comem_int(0), comem_none(), false);
    assert_one_key(comem_int(0), comem_float(0.1), false);
    assert_one_key(comem_float(NAN), comem_float(NAN), true);
    assert_one_key(comem_float(NAN), comem_float(-NAN), false);
    assert_one_key(comem_str("1", 1), comem_bytes("1", 1), false);
    assert_one_key(comem_str("12345678901234", 14), comem_bytes("12345678901234", 14), false);
}

/* A float beyond 64 bits would be another key than the int it equals. */
static void large_floats_are_the_ints_they_equal(void **state)
{
    map = ((struct bench *)*state)->map;
    for (int exponent = 63; exponent < 1024; exponent++)
        for (int sign = -1; sign <= 1; sign += 2) {
            uint8_t bytes[130] = {0};
            double real = sign * ldexp(1 + 0x1p-20, exponent);
            for (int bit = 0; bit < 1040; bit++) { /* of 2^e + 2^(e - 20), negated as a borrow goes through */
                bool set = bit == exponent || bit == exponent - 20;
                bool turned = sign < 0 && bit > exponent - 20;
                bytes[bit / 8] |= (uint8_t)((set != turned) << bit % 8);
            }
            comem_value integer = comem_bytes(bytes, sizeof bytes), packed;
            integer.kind = COMEM_BIG_INT;
            assert_ok(comem_value_pack(&integer, &packed));
            if (sign < 0 && exponent == 63)
                assert_true(packed.size > 9);
            assert_one_key(packed, comem_float(real), true);
            assert_one_key(packed, comem_float(real * (1 + 0x1p-50)), false);
            comem_value_clear(&packed);
        }
}

/* The shortest way would make another key than the long one. */
static void short_ways_make_the_same_key(void **state)
{
    static const char text[] = "abcdefghijklmnop";
    map = ((struct bench *)*state)->map;
    for (size_t size = 0; size <= CELL_NEAR_MAX; size++) {
        struct key shortest, usual;
        char *copy = malloc(size + 1); /* so that a sanitizer sees a load beyond it */
        assert_non_null(copy);
        memcpy(copy, text + 3 - (size & 3), size);
        char *exact = realloc(copy, size > 0 ? size : 1);
        assert_non_null(exact);
        comem_value value = comem_str(exact, size);
        key_make_short(map, exact, size, &shortest);
        assert_ok(key_make(map, &value, &usual));
        assert_true(same_key(&shortest, &usual));
        comem_value back;
        assert_ok(cell_unpack_near(usual.image, &back));
        assert_int_equal(back.size, size);
        assert_memory_equal(back.as.data, exact, size);
        comem_value_clear(&back);
        free(exact);
    }
    for (int64_t i = -3; i < 4; i++) {
        struct key shortest, usual;
        comem_value value = comem_int(i);
        key_make_int(map, i, &shortest);
        assert_ok(key_make(map, &value, &usual));
        assert_true(same_key(&shortest, &usual));
    }
}

/* Texts that differ in one byte would be one key, or hash alike. */
static void every_byte_of_a_text_counts(void **state)
{
    char text[300];
    map = ((struct bench *)*state)->map;
    memset(text, 'x', sizeof text);
    for (size_t size = 1; size < sizeof text; size += size < 40 ? 1 : 37)
        for (size_t i = 0; i < size; i++) {
            struct key one, other;
            comem_value value = comem_str(text, size);
            assert_ok(key_make(map, &value, &one));
            uint64_t hash = one.hash;
            text[i] = 'y';
            assert_ok(key_make(map, &value, &other));
            assert_true(hash != other.hash);
            text[i] = 'x';
        }
}

/* A store would hash as any other: somebody who knows it could fill it with keys that collide. */
static void each_store_hashes_its_own_way(void **state)
{
    struct bench *bench = *state, *other = support_begin(MIB);
    struct key one, two;
    key_make_int(bench->map, 1, &one);
    key_make_int(other->map, 1, &two);
    assert_true(one.hash != two.hash);
    assert_int_equal(support_end(other), 0);
}

/* The first key stored would not come back as it was given. */
static void what_keys_gives_is_what_was_given(void **state)
{
    struct key key;
    comem_value yes = comem_bool(true), real = comem_float(2.0), integer = comem_int(2), half = comem_float(0.5);
    map = ((struct bench *)*state)->map;
    assert_ok(key_make(map, &yes, &key));
    assert_ptr_equal(key.given, &yes);
    assert_ok(key_make(map, &real, &key));
    assert_ptr_equal(key.given, &real);
    assert_ok(key_make(map, &integer, &key));
    assert_null(key.given);
    assert_ok(key_make(map, &half, &key));
    assert_null(key.given);
    assert_ok(key_make_given(map, &integer, &yes, &key));
    assert_ptr_equal(key.given, &yes);
    assert_int_equal(key.image.body, 2);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(keys_have_the_form_that_the_format_says),
        WITH_STORE(what_has_no_form_is_no_key),
        WITH_STORE(a_reference_is_no_key_anywhere),
        WITH_STORE(numbers_that_are_equal_are_one_key),
        WITH_STORE(large_floats_are_the_ints_they_equal),
        WITH_STORE(short_ways_make_the_same_key),
        WITH_STORE(every_byte_of_a_text_counts),
        WITH_STORE(each_store_hashes_its_own_way),
        WITH_STORE(what_keys_gives_is_what_was_given),
    };
    support_choose(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
