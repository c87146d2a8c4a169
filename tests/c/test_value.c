/* test_value.c - values into cells and out: sizes at every boundary, UTF-8, flags */
#include "support.h"

#include <stdio.h>

#include "value/cell.h"

/* Packs a value and unpacks it again, as a list would. */
static comem_value round_trip(struct participant *me, comem_value value)
{
    struct cell_image image;
    comem_value back = comem_none();
    assert_ok(cell_pack(&value, &image));
    assert_int_equal(cell_kind(image.head), value.kind);
    if (!cell_is_far(image.head)) {
        if (cell_is_number(image.head))
            cell_unpack_number(image, &back);
        else
            assert_ok(cell_unpack_near(image, &back));
        return back;
    }
    uint64_t size;
    assert_true(value.size > CELL_NEAR_MAX);
    assert_ok(cell_pack_far(me, &value, &image));
    assert_true(cell_far_size(me->map, image, &size));
    assert_int_equal(size, value.size);
    assert_ok(cell_unpack_far(me->map, image, size, &back));
    heap_abandon(me, 0);
    return back;
}

static void assert_same_bytes(const comem_value *value, const char *data, size_t size)
{
    assert_int_equal(value->size, size);
    assert_int_equal(value->owned, 1);
    if (size > 0)
        assert_memory_equal(value->as.data, data, size);
    assert_int_equal(value->as.data[size], 0);
}

/* A size at some boundary would lose or gain a byte. */
static void bytes_of_every_size_come_back(void **state)
{
    struct bench *bench = *state;
    struct participant *me;
    char *data = malloc(2 * MIB);
    assert_non_null(data);
    for (size_t i = 0; i < 2 * MIB; i++)
        data[i] = (char)(i * 31 + i / 251);
    assert_ok(participant_enter(bench->map, &me));
    static const size_t around[] = {4096, 8192, 12288, 65536, 131072, MIB, 2 * MIB - 40};
    for (size_t size = 0; size < 300; size++) {
        comem_value back = round_trip(me, comem_bytes(data + size, size));
        assert_same_bytes(&back, data + size, size);
        comem_value_clear(&back);
    }
    for (size_t a = 0; a < sizeof around / sizeof around[0]; a++)
        for (size_t size = around[a] - 140; size <= around[a] + 30; size += size < 10000 ? 1 : 7) {
            comem_value back = round_trip(me, comem_bytes(data, size));
            assert_same_bytes(&back, data, size);
            comem_value_clear(&back);
        }
    participant_leave(me);
    free(data);
}

/* The threshold between near and far values would be somewhere else than the format says. */
static void up_to_thirteen_bytes_stand_in_the_cell(void **state)
{
    struct cell_image image;
    (void)state;
    for (size_t size = 0; size < 20; size++) {
        comem_value value = comem_str("aaaaaaaaaaaaaaaaaaaaaaa", size);
        assert_ok(cell_pack(&value, &image));
        assert_int_equal(cell_is_far(image.head), size > 13);
        assert_int_equal(cell_is_plain(image.head), size <= 13);
        assert_int_equal(cell_near_size(image.head), size > 13 ? CELL_FAR : size);
    }
}

/* A number would change on its way. */
static void numbers_come_back_bit_by_bit(void **state)
{
    struct bench *bench = *state;
    struct participant *me;
    static const int64_t integers[] = {0, 1, -1, INT64_MAX, INT64_MIN, 255, 256, 1LL << 52};
    static const uint64_t bits[] = {0,
                                    UINT64_C(0x8000000000000000),
                                    UINT64_C(0x7FF0000000000000),
                                    UINT64_C(0x7FF8000000000001),
                                    UINT64_C(0xFFF8123456789ABC),
                                    1};
    assert_ok(participant_enter(bench->map, &me));
    for (unsigned i = 0; i < sizeof integers / sizeof integers[0]; i++) {
        comem_value back = round_trip(me, comem_int(integers[i]));
        assert_int_equal(back.kind, COMEM_INT);
        assert_int_equal(back.as.integer, integers[i]);
        assert_int_equal(back.owned, 0);
    }
    for (unsigned i = 0; i < sizeof bits / sizeof bits[0]; i++) {
        double real;
        memcpy(&real, &bits[i], sizeof real);
        comem_value back = round_trip(me, comem_float(real));
        assert_int_equal(back.kind, COMEM_FLOAT);
        assert_memory_equal(&back.as.real, &bits[i], sizeof real);
    }
    assert_int_equal(round_trip(me, comem_bool(true)).as.boolean, true);
    assert_int_equal(round_trip(me, comem_bool(false)).as.boolean, false);
    assert_int_equal(round_trip(me, comem_none()).kind, COMEM_NONE);
    participant_leave(me);
}

/* A text would be called ASCII or be said to have surrogates when it is not so: the wrong decoder reads it. */
static void flags_say_what_is_in_a_text(void **state)
{
    static const struct {
        const char *text;
        uint8_t flags;
    } cases[] = {
        {"", COMEM_ASCII},
        {"a", COMEM_ASCII},
        {"\x7F", COMEM_ASCII},
        {"thirteen is !", COMEM_ASCII},
        {"more than thirteen bytes, all of ASCII", COMEM_ASCII},
        {"\xC2\x80", 0},
        {"eight by\xC3\xA4", 0},
        {"seven b\xC3\xA4 and a word behind", 0},
        {"\xE2\x82\xAC", 0},
        {"\xF0\x9F\x98\x80", 0},
        {"\xED\x9F\xBF", 0},                /* U+D7FF, the last below the surrogates */
        {"\xEE\x80\x80", 0},                /* U+E000, the first above */
        {"\xED\xA0\x80", COMEM_SURROGATES}, /* U+D800 */
        {"\xED\xBF\xBF", COMEM_SURROGATES}, /* U+DFFF */
        {"a lone surrogate in a long text \xED\xB2\x80", COMEM_SURROGATES},
        {"\xED\xB2\x80\xC3\xA4", COMEM_SURROGATES},
    };
    struct bench *bench = *state;
    struct participant *me;
    assert_ok(participant_enter(bench->map, &me));
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        comem_value value = comem_str(cases[i].text, strlen(cases[i].text));
        value.flags = 0xFF; /* ignored in inputs */
        comem_value back = round_trip(me, value);
        assert_int_equal(back.flags, cases[i].flags);
        assert_same_bytes(&back, cases[i].text, strlen(cases[i].text));
        comem_value_clear(&back);
        back = round_trip(me, comem_bytes(cases[i].text, strlen(cases[i].text)));
        assert_int_equal(back.flags, 0);
        comem_value_clear(&back);
    }
    participant_leave(me);
}

/* The slow and sure way to tell whether bytes are UTF-8 with surrogates passed. */
static bool is_utf8(const uint8_t *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        uint32_t point = text[i];
        size_t more = point < 0x80 ? 0 : point >> 5 == 6 ? 1 : point >> 4 == 14 ? 2 : point >> 3 == 30 ? 3 : 9;
        if (more == 9 || i + more >= size)
            return false;
        point &= more == 0 ? 0x7Fu : 0x3Fu >> more;
        for (size_t k = 1; k <= more; k++) {
            if (text[i + k] >> 6 != 2)
                return false;
            point = point << 6 | (text[i + k] & 0x3Fu);
        }
        static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        if (point < least[more] || point > 0x10FFFF)
            return false;
        i += more + 1;
    }
    return true;
}

static void assert_judged_rightly(const uint8_t *text, size_t size)
{
    struct cell_image image;
    comem_value value = comem_str((const char *)text, size);
    comem_status expected = is_utf8(text, size) ? COMEM_OK : COMEM_INVALID;
    if (cell_pack(&value, &image) != expected) {
        for (size_t i = 0; i < size; i++)
            fprintf(stderr, "%02x ", text[i]);
        fprintf(stderr, "is %s UTF-8\n", expected == COMEM_OK ? "" : "no");
        fail();
    }
}

/* A malformed text would be stored, and some decoder fall over it; or a good one be refused. */
static void malformed_utf8_is_refused_and_all_else_accepted(void **state)
{
    uint8_t text[40];
    (void)state;
    for (unsigned first = 0; first < 256; first++)
        for (unsigned second = 0; second < 256; second++) {
            text[0] = (uint8_t)first;
            text[1] = (uint8_t)second;
            assert_judged_rightly(text, 1);
            assert_judged_rightly(text, 2);
            for (unsigned third = 0; third < 256; third += third < 0x7E ? 0x7E : 1) {
                text[2] = (uint8_t)third;
                assert_judged_rightly(text, 3);
                if (first >= 0xEE && (third >= 0xBE || third <= 0x80)) {
                    text[3] = 0x80;
                    assert_judged_rightly(text, 4);
                    text[3] = 0xC0;
                    assert_judged_rightly(text, 4);
                }
            }
        }
    struct dice dice = {7};
    for (unsigned i = 0; i < 300000; i++) { /* at any place among others, across the eight bytes looked at at once */
        size_t size = dice_roll(&dice, sizeof text);
        memset(text, 'a', sizeof text);
        for (unsigned k = 0; k < 2 && size > 0; k++) {
            static const uint8_t likely[] = {0x80, 0xBF, 0xC2, 0xC3, 0xE0, 0xED, 0xA0,
                                             0xF0, 0x90, 0xF4, 0x8F, 0xF5, 0xFF, 0xC1};
            size_t at = dice_roll(&dice, size);
            for (unsigned n = 0; n < 4 && at + n < size; n++)
                text[at + n] = likely[dice_roll(&dice, sizeof likely)];
        }
        assert_judged_rightly(text, size);
    }
}

/* A reader that met a stale or damaged cell would touch memory outside the store. */
static void images_of_nonsense_are_refused(void **state)
{
    struct bench *bench = *state;
    struct participant *me;
    comem_value value = comem_bytes("a value of more than thirteen bytes", 35), back = comem_none();
    struct cell_image image, wrong;
    uint64_t size;
    assert_ok(participant_enter(bench->map, &me));
    assert_ok(cell_pack(&value, &image));
    assert_ok(cell_pack_far(me, &value, &image));
    struct value_block *block = store_at(me->map, image.body, sizeof *block);
    static const uint64_t offsets[] = {0, 8, 1, UINT64_MAX, UINT64_MAX - 7, UINT64_C(1) << 40};
    for (unsigned i = 0; i < 6; i++) {
        wrong = image;
        wrong.body = offsets[i];
        assert_false(cell_far_size(me->map, wrong, &size));
        assert_status(COMEM_DAMAGED, cell_unpack_far(me->map, wrong, 35, &back));
    }
    static const uint64_t sizes[] = {UINT64_MAX, UINT64_C(1) << 63, UINT64_C(1) << 40, UINT64_MAX - 24,
                                     UINT64_MAX - 127};
    for (unsigned i = 0; i < 5; i++) {
        word_store(&block->size, sizes[i]);
        assert_false(cell_far_size(me->map, image, &size));
    }
    word_store(&block->size, 35);
    word_store(&block->header.info, 0);
    assert_false(cell_far_size(me->map, image, &size));
    wrong = image;
    wrong.head = (wrong.head & ~UINT64_C(0xFF0000)) | 14u << 16;
    assert_status(COMEM_DAMAGED, cell_unpack_near(wrong, &back));
    heap_abandon(me, 0);
    participant_leave(me);
}

int main(int argc, char **argv)
{
    support_choose(argc, argv);
    const struct CMUnitTest tests[] = {
        WITH_STORE(bytes_of_every_size_come_back),
        ALONE(up_to_thirteen_bytes_stand_in_the_cell),
        WITH_STORE(numbers_come_back_bit_by_bit),
        WITH_STORE(flags_say_what_is_in_a_text),
        ALONE(malformed_utf8_is_refused_and_all_else_accepted),
        WITH_STORE(images_of_nonsense_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
