/* readings.c - readers that are stopped at each of their loads while what they read is replaced and used again */
#include "readings.h"

/* ---- what is read ---- */

static void far_values(void)
{
    make_list(0);
    for (unsigned i = 0; i < 3; i++)
        OK(comem_list_append(lists[FIRST][0], far_value(0)));
}

static void numbers(void)
{
    make_list(0);
    for (unsigned i = 0; i < 12; i++)
        OK(comem_list_append(lists[FIRST][0], comem_int(7)));
}

static void short_texts(void)
{
    make_list(0);
    for (unsigned i = 0; i < 3; i++)
        OK(comem_list_append(lists[FIRST][0], near_value(0)));
}

/* Blocks of 8, 5, 4 and 8 items: found by searching. */
static void uneven_numbers(void)
{
    make_list(0);
    for (unsigned i = 0; i < 24; i++)
        OK(comem_list_append(lists[FIRST][0], comem_int(7)));
    OK(comem_list_insert(lists[FIRST][0], 12, comem_int(7)));
}

static void references(void)
{
    make_list(0);
    for (unsigned i = 0; i < 3; i++) {
        comem_list *made;
        OK(comem_list_new(&stores[FIRST], &made));
        OK(comem_list_append(made, comem_int(i)));
        OK(comem_list_append(lists[FIRST][0], comem_ref(made)));
        comem_list_release(made);
    }
}

void accept(comem_value *value)
{
    size_t length;
    switch (value->kind) {
    case COMEM_STR:
    case COMEM_BYTES:
        for (size_t i = 1; i < value->size; i++)
            if (value->as.data[i] != value->as.data[0])
                fail("a str of %zu bytes is torn at byte %zu", value->size, i);
        if (value->size != 40u + (unsigned)(value->as.data[0] - 'a') % 8 &&
            value->size != 3u + (unsigned)(value->as.data[0] - 'a') % 8)
            fail("a str of '%c' has %zu bytes", value->as.data[0], value->size);
        break;
    case COMEM_INT:
        if (value->as.integer != 7 && value->as.integer / 1000 != 9)
            fail("number %lld was never there", (long long)value->as.integer);
        break;
    case COMEM_REF:
        OK(comem_list_len(comem_value_list(value), &length));
        if (length == 0)
            fail("a list that was never empty is");
        break;
    default:
        fail("a value of kind %d was never there", value->kind);
    }
    comem_value_clear(value);
}

static void read_last(void)
{
    comem_value value;
    comem_status status = comem_list_get(lists[SECOND][0], -1, &value);
    if (status == COMEM_OK)
        accept(&value);
    else
        expect(status, COMEM_OUT_OF_RANGE, "comem_list_get");
}

static void read_third(void)
{
    comem_value value;
    comem_status status = comem_list_get(lists[SECOND][0], 2, &value);
    if (status == COMEM_OK)
        accept(&value);
    else
        expect(status, COMEM_OUT_OF_RANGE, "comem_list_get");
}

/* Writers change all items from one kind to another at once, so that a mixture is a range of two moments. */
static void read_all(void)
{
    comem_value values[32];
    size_t read;
    OK(comem_list_read(lists[SECOND][0], 0, 32, values, &read));
    uint32_t kind = read > 0 ? values[0].kind : 0;
    for (size_t i = 0; i < read; i++) {
        if (values[i].kind != kind)
            fail("a range holds items of two moments");
        accept(&values[i]);
    }
}

/* Texts that borrow their bytes; writers change all of them at once. */
static void read_lent(void)
{
    comem_value values[32];
    char texts[32 * CELL_NEAR_ROOM];
    struct list_moment moment;
    size_t count;
    OK(list_read_lent(lists[SECOND][0], COMEM_SLICE_ALL, values, texts, 32, &count, &moment));
    char letter = count > 0 ? values[0].as.data[0] : 0;
    for (size_t i = 0; i < count; i++) {
        if (values[i].as.data[0] != letter)
            fail("a range holds texts of two moments");
        accept(&values[i]);
    }
}

/* Lists and numbers, since writers change one after the other. */
static void read_lists(void)
{
    comem_value values[32];
    size_t read;
    OK(comem_list_read(lists[SECOND][0], 0, 32, values, &read));
    for (size_t i = 0; i < read; i++)
        accept(&values[i]);
}

static void iterate(void)
{
    struct list_cursor cursor;
    comem_value value;
    comem_status status;
    list_cursor_start(&cursor, lists[SECOND][0]);
    while ((status = list_cursor_next(&cursor, &value)) == COMEM_OK)
        accept(&value);
    expect(status, COMEM_OUT_OF_RANGE, "list_cursor_next");
    list_cursor_clear(&cursor);
}

static void read_backwards(void)
{
    comem_value values[32];
    size_t count;
    OK(comem_list_slice_get(lists[SECOND][0], (comem_slice){INT64_MAX, INT64_MIN, -3}, values, 32, &count));
    uint32_t kind = count > 0 ? values[0].kind : 0;
    for (size_t i = 0; i < count; i++) {
        if (values[i].kind != kind)
            fail("a slice holds items of two moments");
        accept(&values[i]);
    }
}

static void read_eleventh(void)
{
    comem_value value;
    comem_status status = comem_list_get(lists[SECOND][0], 10, &value);
    if (status == COMEM_OK)
        accept(&value);
    else
        expect(status, COMEM_OUT_OF_RANGE, "comem_list_get");
}

/* All items are 7, or none is. */
static void count_sevens(void)
{
    size_t count, length;
    OK(comem_list_count(lists[SECOND][0], comem_int(7), &count));
    OK(comem_list_len(lists[SECOND][0], &length));
    if (count != 0 && count != 25)
        fail("%zu items of 25 are 7", count);
}

static void find_far(void)
{
    size_t index;
    comem_status status = comem_list_index(lists[SECOND][0], far_value(1), 0, INT64_MAX, &index);
    if (status != COMEM_NOT_FOUND)
        expect(status, COMEM_OK, "comem_list_index");
    if (status == COMEM_OK && index != 0)
        fail("an item at the front was found at %zu", index);
}

static void measure(void)
{
    size_t length;
    OK(comem_list_len(lists[SECOND][0], &length));
    if (length > 40)
        fail("the list was never %zu long", length);
}

/* ---- what is written meanwhile ---- */

static void replace_twice(void)
{
    comem_list *list = lists[writer][0];
    size_t length;
    OK(comem_list_len(list, &length));
    for (unsigned round = 1; round < 4; round++)
        for (size_t i = 0; i < length; i++)
            OK(comem_list_set(list, (int64_t)i, far_value(round)));
    for (size_t i = 0; i < length; i++)
        OK(comem_list_set(list, (int64_t)i, near_value(5)));
}

/* The same memory comes back with other content: what was freed last is taken first. */
static void clear_and_refill(void)
{
    comem_list *list = lists[writer][0];
    for (unsigned round = 0; round < 2; round++) {
        OK(comem_list_clear(list));
        for (unsigned i = 0; i < 12; i++)
            OK(comem_list_append(list, round == 0 ? comem_int(9000 + i) : far_value(6)));
    }
}

static void pop_and_append(void)
{
    comem_list *list = lists[writer][0];
    size_t length;
    OK(comem_list_len(list, &length));
    for (unsigned round = 0; round < 2; round++) {
        for (size_t i = 0; i < length; i++)
            OK(comem_list_pop(list, NULL));
        for (size_t i = 0; i < length; i++)
            OK(comem_list_append(list, far_value(round + 1)));
    }
}

static void grow(void)
{
    for (unsigned i = 0; i < 28; i++)
        OK(comem_list_append(lists[writer][0], comem_int(9100 + i)));
}

/* Items come and go, and the memory of what was replaced is used again. */
static void insert_and_delete(void)
{
    comem_list *list = lists[writer][0];
    for (unsigned round = 0; round < 3; round++) {
        for (int64_t i = 0; i < 9; i++)
            OK(comem_list_insert(list, 3 * i, comem_int(9200 + i)));
        OK(comem_list_slice_delete(list, (comem_slice){0, INT64_MAX, 3}));
    }
    OK(comem_list_slice_delete(list, (comem_slice){2, -2, 1}));
}

static void assign_all(void)
{
    comem_list *list = lists[writer][0];
    comem_value values[12];
    for (unsigned round = 1; round < 4; round++) {
        for (unsigned i = 0; i < 12; i++)
            values[i] = round % 2 ? far_value(1) : comem_int(9300);
        OK(comem_list_slice_set(list, COMEM_SLICE_ALL, values, 12));
    }
}

static void assign_texts(void)
{
    comem_value values[3];
    for (unsigned round = 1; round < 3; round++) {
        for (unsigned i = 0; i < 3; i++)
            values[i] = near_value(round);
        OK(comem_list_slice_set(lists[writer][0], COMEM_SLICE_ALL, values, 3));
    }
}

/* Each list that 0 refers to is freed and its header becomes another's, twice. */
static void replace_references(void)
{
    for (unsigned round = 0; round < 2; round++)
        for (int64_t i = 0; i < 3; i++) {
            comem_list *made;
            OK(comem_list_set(lists[writer][0], i, comem_int(9000)));
            OK(comem_list_new(&stores[writer], &made));
            OK(comem_list_append(made, comem_int(i)));
            OK(comem_list_set(lists[writer][0], i, comem_ref(made)));
            comem_list_release(made);
        }
}

static const struct reading list_readings[] = {
    {"get beside set", far_values, read_third, replace_twice, NULL},
    {"get beside clear", far_values, read_third, clear_and_refill, NULL},
    {"get beside pop and append", far_values, read_last, pop_and_append, NULL},
    {"get a number beside pop and append", numbers, read_last, pop_and_append, NULL},
    {"get beside growth", far_values, read_last, grow, NULL},
    {"get a number beside clear", numbers, read_third, clear_and_refill, NULL},
    {"get a list beside its end", references, read_third, replace_references, NULL},
    {"get a list beside clear", references, read_third, clear_and_refill, NULL},
    {"read all beside clear", far_values, read_all, clear_and_refill, NULL},
    {"read numbers beside pop and append", numbers, read_all, pop_and_append, NULL},
    {"read all beside growth", numbers, read_all, grow, NULL},
    {"read lists beside their end", references, read_lists, replace_references, NULL},
    {"iterate beside set", numbers, iterate, replace_twice, NULL},
    {"iterate short texts beside set", short_texts, iterate, replace_twice, NULL},
    {"iterate beside clear", numbers, iterate, clear_and_refill, NULL},
    {"iterate beside growth", numbers, iterate, grow, NULL},
    {"get among uneven blocks beside inserts", uneven_numbers, read_eleventh, insert_and_delete, NULL},
    {"get among uneven blocks beside clear", uneven_numbers, read_eleventh, clear_and_refill, NULL},
    {"iterate uneven blocks beside inserts", uneven_numbers, iterate, insert_and_delete, NULL},
    {"read all beside assignment", uneven_numbers, read_all, assign_all, NULL},
    {"read short texts beside assignment", short_texts, read_lent, assign_texts, NULL},
    {"read far values beside assignment", far_values, read_all, assign_all, NULL},
    {"read backwards beside assignment", uneven_numbers, read_backwards, assign_all, NULL},
    {"count beside assignment", uneven_numbers, count_sevens, assign_all, NULL},
    {"index beside assignment", far_values, find_far, assign_all, NULL},
    {"len beside clear", numbers, measure, clear_and_refill, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

const struct reading *const reading_parts[] = {list_readings, dict_readings, root_readings, variable_readings, NULL};
