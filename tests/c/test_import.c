/* test_import.c - what no export wrote is refused with a sentence, and leaves nothing behind */
#include "export_support.h"

#include <sys/resource.h>

#include "objects/export.h"
#include "objects/root.h"
#include "value/stream.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Imports what is to be refused; nothing of it stays. */
static void assert_refused(struct bench *bench, comem_status expected, const char *sentence, const char *data,
                           size_t size)
{
    comem_status status = import_from(&bench->store, data, size);
    if (status != expected || strstr(comem_detail(), sentence) == NULL)
        fail_msg("status %d, '%s' instead of %d, '%s'", status, comem_detail(), expected, sentence);
    assert_int_equal(word_load(&bench->map->header->roots), 0);
    assert_int_equal(support_used(bench->map), 0);
}

/* A small store with something of every kind. */
static struct bytes small_export(void)
{
    struct bench *bench = support_begin(16 * MIB);
    comem_dict *dict = export_root_dict(&bench->store, "a dict");
    comem_list *list = export_root_list(&bench->store, "a list");
    const comem_value items[] = {comem_ref(list), comem_str("\xED\xB2\x80", 3), comem_float(1.5)};
    comem_value tuple = comem_items(COMEM_TUPLE, items, 3), packed;
    assert_ok(comem_value_pack(&tuple, &packed));
    for (unsigned i = 0; i < 3; i++)
        assert_ok(comem_list_append(list, items[i]));
    assert_ok(comem_list_append(list, comem_ref_dict(dict)));
    assert_ok(comem_list_append(list, comem_int(-100000)));
    assert_ok(comem_list_append(list, packed));
    assert_ok(comem_dict_set(dict, comem_bool(true), comem_bytes("\x01\x02", 2)));
    assert_ok(comem_dict_set(dict, comem_none(), packed));
    assert_ok(comem_dict_set(dict, comem_str("a key of more than a cell", 25), comem_ref_dict(dict)));
    packed.kind = COMEM_PICKLE;
    assert_ok(comem_list_append(list, packed));
    comem_value_clear(&packed);
    struct bytes bytes = export_of(&bench->store);
    comem_list_release(list);
    comem_dict_release(dict);
    export_end(bench);
    return bytes;
}

/* Half a file would pass for a whole one. */
static void a_file_cut_short_anywhere_is_refused(void **state)
{
    (void)state;
    struct bytes bytes = small_export();
    struct bench *bench = support_begin(16 * MIB);
    assert_refused(bench, COMEM_UNSUPPORTED, "no export", bytes.data, 0);
    for (size_t size = 1; size < bytes.size; size++)
        assert_refused(bench, COMEM_DAMAGED, "cut short", bytes.data, size);
    assert_ok(import_from(&bench->store, bytes.data, bytes.size));
    export_end(bench);
    free(bytes.data);
}

/* Gives the data, whose last 8 bytes are its checksum, one that fits. */
static void seal(char *data, size_t size)
{
    uint64_t hash = htobe64(XXH3_64bits(data, size - 10));
    memcpy(data + size - 8, &hash, sizeof hash); /* private: the test's */
}

static void damage_at_random(struct dice *dice, char *data, size_t size)
{
    static const uint8_t telling[] = {0x00, 0x7F, 0x80, 0x90, 0x92, 0xA1, 0xC0, 0xC4, 0xC6, 0xC7, 0xC9,
                                      0xCB, 0xCF, 0xD3, 0xD6, 0xD8, 0xDB, 0xDC, 0xDD, 0xDE, 0xE0, 0xFF};
    for (uint64_t i = 1 + dice_roll(dice, 4); i > 0; i--) {
        char *at = data + dice_roll(dice, size - 10);
        switch (dice_roll(dice, 3)) {
        case 0:
            *at = (char)dice_roll(dice, 256);
            break;
        case 1:
            *at = (char)telling[dice_roll(dice, sizeof telling)];
            break;
        default:
            *at = (char)(*at ^ (1 << dice_roll(dice, 8)));
        }
    }
}

/* A damaged file would end the process, leave blocks that nobody frees, or pass. */
static void random_damage_is_refused_and_leaves_nothing(void **state)
{
    (void)state;
    struct bytes bytes = small_export();
    struct bench *bench = support_begin(16 * MIB);
    struct dice dice = {7};
    char *data = malloc(bytes.size);
    unsigned passed = 0;
    assert_non_null(data);
    for (unsigned i = 0; i < 10000; i++) {
        memcpy(data, bytes.data, bytes.size); /* private: the test's */
        damage_at_random(&dice, data, bytes.size);
        if (i % 2 != 0)
            seal(data, bytes.size);
        bool same = memcmp(data, bytes.data, bytes.size) == 0;
        comem_status status = import_from(&bench->store, data, bytes.size);
        assert_true(i % 2 != 0 || same || status != COMEM_OK);
        if (status == COMEM_OK) { /* as good as another: what it says can be said again */
            struct bytes again = export_of(&bench->store);
            free(again.data);
            export_forget_all(bench->map);
            passed++;
        } else {
            assert_true(comem_detail()[0] != '\0');
            assert_int_equal(word_load(&bench->map->header->roots), 0);
        }
        assert_int_equal(support_used(bench->map), 0);
    }
    assert_true(passed > 100 && passed < 5000);
    export_end(bench);
    free(data);
    free(bytes.data);
}

/* ---- files written by hand ---- */

#define HEAD "\x92\xAC" EXPORT_NAME "\x01"
#define RECORD "\x92\x90"                        /* nothing new, and its content */
#define LIST "\x92\x91\x92\x01\x00"              /* a list is new */
#define NAME "\x92\xA1r\xD6\x08\x00\x00\x00\x01" /* {"r": object 1} */
#define ONE_LIST HEAD LIST NAME RECORD           /* its content */
#define ONE_DICT HEAD "\x92\x91\x92\x02\x00" NAME RECORD
#define ONE_INT HEAD "\x92\x91\x93\x03\x00i" NAME RECORD /* a variable */
#define TWO "\x02"                                       /* objects there were */

struct forgery {
    const char *data;
    size_t size;
    comem_status status;
    const char *sentence;
};

#define FORGERY(text, status, sentence)          \
    {                                            \
        text, sizeof(text) - 1, status, sentence \
    }

static const struct forgery forgeries[] = {
    /* the head */
    FORGERY("\x00", COMEM_UNSUPPORTED, "no export"),
    FORGERY("PK\x03\x04", COMEM_UNSUPPORTED, "no export"),
    FORGERY("\x92\xACsomething el\x01", COMEM_UNSUPPORTED, "no export"),
    FORGERY("\x92\xA3"
            "com\x01",
            COMEM_UNSUPPORTED, "no export"),
    FORGERY("\x92\xAC" EXPORT_NAME "\x02", COMEM_UNSUPPORTED, "version 2"),
    FORGERY("\x92\xAC" EXPORT_NAME "\xC0", COMEM_UNSUPPORTED, "version"),
    /* records */
    FORGERY(HEAD "\xC0", COMEM_DAMAGED, "where an array is due"),
    FORGERY(HEAD "\x93", COMEM_DAMAGED, "a record that is none"),
    FORGERY(HEAD "\x92\x01", COMEM_DAMAGED, "where an array is due"),
    FORGERY(HEAD "\x92\x91\x93\x01", COMEM_DAMAGED, "without type and flags"),
    FORGERY(HEAD "\x92\x91\x92\x00\x00", COMEM_DAMAGED, "a type there is not"),
    FORGERY(HEAD "\x92\x91\x92\x7F\x00", COMEM_DAMAGED, "a type there is not"),
    FORGERY(HEAD "\x92\x91\x92\xCF\x00\x00\x00\x01\x00\x00\x00\x01\x00", COMEM_DAMAGED, "a type there is not"),
    FORGERY(HEAD "\x92\x91\x92\x01\x08", COMEM_DAMAGED, "small number"),
    FORGERY(HEAD "\x92\x91\x92\x01\xFF", COMEM_DAMAGED, "small number"),
    FORGERY(HEAD "\x92\x90\xC0", COMEM_DAMAGED, "without content"), /* the dict of names was shut down */
    FORGERY(HEAD "\x92\x90\x05", COMEM_DAMAGED, "without content"),
    FORGERY(HEAD "\x92\x90\x80", COMEM_DAMAGED, "no export has"), /* a map */
    /* names */
    FORGERY(HEAD "\x92\x90\x91\xA1r", COMEM_DAMAGED, "a key without a value"),
    FORGERY(HEAD "\x92\x90\x92\xA1r\x05", COMEM_DAMAGED, "no object"),
    FORGERY(HEAD LIST "\x92\x05\xD6\x08\x00\x00\x00\x01", COMEM_DAMAGED, "no name"),
    FORGERY(HEAD LIST "\x92\xA0\xD6\x08\x00\x00\x00\x01", COMEM_DAMAGED, "no name"),
    FORGERY(HEAD LIST "\x92\xA1r\xD6\x08\x00\x00\x00\x00", COMEM_DAMAGED, "an object that there is not"),
    FORGERY(HEAD LIST "\x92\xA1r\xD6\x08\x00\x00\x00\x02", COMEM_DAMAGED, "an object that there is not"),
    FORGERY(HEAD LIST "\x92\xA1r\xD6\x08\xFF\xFF\xFF\xFF", COMEM_DAMAGED, "an object that there is not"),
    FORGERY(HEAD LIST "\x92\xA1\xFF\xD6\x08\x00\x00\x00\x01", COMEM_DAMAGED, "not UTF-8"),
    /* values */
    FORGERY(ONE_LIST "\x91\xC1", COMEM_DAMAGED, "no export has"),
    FORGERY(ONE_LIST "\x91\xCA\x00\x00\x00\x00", COMEM_DAMAGED, "no export has"),
    FORGERY(ONE_LIST "\x91\xDF\x00\x00\x00\x00", COMEM_DAMAGED, "no export has"),
    FORGERY(ONE_LIST "\x91\xCF\x80\x00\x00\x00\x00\x00\x00\x00", COMEM_DAMAGED, "beyond 64 bits"),
    FORGERY(ONE_LIST "\x91\xD6\x09\x00\x00\x00\x01", COMEM_DAMAGED, "where a reference is due"),
    FORGERY(ONE_LIST "\x91\xD5\x08\x00\x01", COMEM_DAMAGED, "where a reference is due"),
    FORGERY(ONE_LIST "\x91\xA2\xC3\x28", COMEM_DAMAGED, "not UTF-8"),
    FORGERY(ONE_LIST "\x91\xD5\x07\xC3\x28", COMEM_DAMAGED, "not UTF-8"),
    FORGERY(ONE_LIST "\x91\x90", COMEM_DAMAGED, "no value"),
    FORGERY(ONE_LIST "\x91\x91\x07", COMEM_DAMAGED, "no value"),
    FORGERY(ONE_LIST "\x91\x92\x06\x90", COMEM_DAMAGED, "no value"),
    FORGERY(ONE_LIST "\x91\x92\x09\x90", COMEM_DAMAGED, "no value"),
    FORGERY(ONE_LIST "\x91\x92\xC0\x90", COMEM_DAMAGED, "no value"),
    FORGERY(ONE_LIST "\x91\x92\xD3\x00\x00\x00\x01\x00\x00\x00\x07\x90", COMEM_DAMAGED, "no value"),
    FORGERY(ONE_LIST "\x91\x92\x07\x05", COMEM_DAMAGED, "where an array is due"),
    FORGERY(ONE_LIST "\x91\x92\x04\x91\xD6\x08\x00\x00\x00\x01", COMEM_DAMAGED, "a text with references"),
    FORGERY(ONE_LIST "\x91\x93\x07\x91\xD6\x08\x00\x00\x00\x09", COMEM_DAMAGED, "an object that there is not"),
    FORGERY(ONE_LIST "\x91\x93\x07\x92\xD6\x08\x00\x00\x00\x01\x05", COMEM_DAMAGED, "where a reference is due"),
    FORGERY(ONE_LIST "\x91\x93\x07\x91\xD6\x08\x00\x00\x00\x01\xA1x", COMEM_DAMAGED, "a piece"),
    FORGERY(ONE_LIST "\x91\x93\x05\x90\xC4\x00", COMEM_DAMAGED, "a piece"),
    /* keys */
    FORGERY(ONE_DICT "\x92\xD6\x08\x00\x00\x00\x01\x05", COMEM_DAMAGED, "a reference as a key"),
    FORGERY(ONE_DICT "\x92\x93\xC0\x05\xD6\x08\x00\x00\x00\x01\x05", COMEM_DAMAGED, "a reference as a key"),
    FORGERY(ONE_DICT "\x92\x93\xC0\xD6\x08\x00\x00\x00\x01\x05\x05", COMEM_DAMAGED, "cannot be a key"),
    FORGERY(ONE_DICT "\x92\x93\x08\x90\xC4\x01x\x05", COMEM_DAMAGED, "cannot be a key"),
    FORGERY(ONE_DICT "\x92\x93\x07\x90\xC4\x01\x90\x05", COMEM_DAMAGED, "cannot be a key"), /* packed: [] */
    FORGERY(ONE_DICT "\x92\x93\x07\x90\xC4\x01\xC1\x05", COMEM_DAMAGED, "nothing packs"),
    FORGERY(ONE_DICT "\x92\x93\xC0\x05\x93\x08\x91\xD6\x08\x00\x00\x00\x01\xC4\x01x\x05", COMEM_DAMAGED,
            "cannot be a key"),
    FORGERY(ONE_DICT "\x92\x93\xC0\xC0", COMEM_DAMAGED, "cut short"),
    FORGERY(ONE_DICT "\x92\x92\xC0\x05", COMEM_DAMAGED, "no value"),
    FORGERY(ONE_DICT "\x94\x01\x01\x01\x02", COMEM_DAMAGED, "a key twice"),
    FORGERY(ONE_DICT "\x94\x01\x01\xC3\x02", COMEM_DAMAGED, "a key twice"),
    /* variables */
    FORGERY(HEAD "\x92\x91\x92\x03\x00", COMEM_DAMAGED, "without type and flags"),
    FORGERY(HEAD "\x92\x91\x93\x03\x00x", COMEM_DAMAGED, "type code"),
    FORGERY(HEAD "\x92\x91\x93\x03\x00\xCD\x01\x00", COMEM_DAMAGED, "small number"),
    FORGERY(ONE_INT "\x90", COMEM_DAMAGED, "several values"),
    FORGERY(ONE_INT "\x92\x05\x05", COMEM_DAMAGED, "several values"),
    FORGERY(ONE_INT "\x91\xC0", COMEM_DAMAGED, "the export is damaged"),
    FORGERY(ONE_INT "\x91\xCE\x80\x00\x00\x00", COMEM_DAMAGED, "the export is damaged"),
    /* the end */
    FORGERY(ONE_LIST "\x90\x01", COMEM_DAMAGED, "the number of objects"),
    FORGERY(ONE_LIST "\x90\xC0", COMEM_DAMAGED, "small number"),
    FORGERY(ONE_LIST "\x90" TWO "\xC0", COMEM_DAMAGED, "no checksum"),
    FORGERY(ONE_LIST "\x90" TWO "\xC4\x04xxxx", COMEM_DAMAGED, "no checksum"),
    FORGERY(ONE_LIST "\x90" TWO "\xC4\x08xxxxxxxx", COMEM_DAMAGED, "does not fit"),
};

/* Something nobody checked would be used as a number of an object, a size or a kind. */
static void what_no_export_says_is_refused_with_a_sentence(void **state)
{
    struct bench *bench = *state;
    for (unsigned i = 0; i < sizeof forgeries / sizeof forgeries[0]; i++)
        assert_refused(bench, forgeries[i].status, forgeries[i].sentence, forgeries[i].data, forgeries[i].size);
}

/* The forgeries would be refused for another reason than theirs. */
static void what_is_written_by_hand_as_it_should_be_passes(void **state)
{
    (void)state;
    static const char good[] = ONE_LIST "\x92\x05\xD6\x08\x00\x00\x00\x01" TWO "\xC4\x08xxxxxxxx";
    struct bench *bench = support_begin(16 * MIB);
    char data[sizeof good];
    memcpy(data, good, sizeof good); /* private: the test's */
    seal(data, sizeof good - 1);
    assert_refused(bench, COMEM_DAMAGED, "more behind its end", data, sizeof good);
    assert_ok(import_from(&bench->store, data, sizeof good - 1));
    comem_list *list = export_root_list(&bench->store, "r");
    assert_int_equal(support_len(list), 2);
    assert_int_equal(support_int(list, 0), 5);
    comem_list_release(list);
    export_end(bench);
}

/* A few bytes could make the process ask for gigabytes. */
static int believe_sizes(void *argument)
{
    static const struct forgery claims[] = {
        FORGERY(ONE_LIST "\xDD\xFF\xFF\xFF\xFF\x05", COMEM_DAMAGED, "cut short"),
        FORGERY(ONE_DICT "\xDD\xFF\xFF\xFF\xFE\x05\x05", COMEM_DAMAGED, "cut short"),
        FORGERY(ONE_LIST "\x91\xDB\xFF\xFF\xFF\xFFx", COMEM_DAMAGED, "cut short"),
        FORGERY(ONE_LIST "\x91\xC6\xFF\xFF\xFF\xFFx", COMEM_DAMAGED, "cut short"),
        FORGERY(ONE_LIST "\x91\xC9\xFF\xFF\xFF\xFF\x07x", COMEM_DAMAGED, "cut short"),
        FORGERY(ONE_LIST "\x91\xDD\xFF\xFF\xFF\xFF\x07\xDD\xFF\xFF\xFF\xFF\xD6\x08\x00\x00\x00\x01", COMEM_DAMAGED,
                "cut short"),
        FORGERY(ONE_LIST "\x91\xDD\xFF\xFF\xFF\xFF\x07\x90\xC6\xFF\xFF\xFF\xFFx", COMEM_DAMAGED, "cut short"),
        FORGERY(HEAD "\x92\xDD\xFF\xFF\xFF\xFE\x92\x01\x00", COMEM_DAMAGED, "cut short"),
    };
    struct bench *bench = argument;
    struct rlimit limit;
    char line[64];
    unsigned long pages;
    FILE *statm = fopen("/proc/self/statm", "r");
    child_check(statm != NULL && fgets(line, sizeof line, statm) != NULL && sscanf(line, "%lu", &pages) == 1);
    limit.rlim_cur = limit.rlim_max = pages * 4096 + 16 * MIB;
    child_check(setrlimit(RLIMIT_AS, &limit) == 0);
    for (unsigned i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        child_check(import_from(&bench->store, claims[i].data, claims[i].size) == claims[i].status);
        child_check(strstr(comem_detail(), claims[i].sentence) != NULL);
    }
    return 0;
}

static void sizes_are_believed_only_as_far_as_there_are_bytes(void **state)
{
    if (support_sanitized())
        skip();
    assert_int_equal(support_run(believe_sizes, *state), 0);
}

/* Names that somebody relies on would lead to other objects. */
static void a_store_that_has_roots_is_left_alone(void **state)
{
    (void)state;
    struct bytes bytes = small_export();
    struct bench *bench = support_begin(16 * MIB);
    comem_list *list = export_root_list(&bench->store, "mine");
    size_t count;
    assert_status(COMEM_INVALID, import_from(&bench->store, bytes.data, bytes.size));
    assert_non_null(strstr(comem_detail(), "roots already"));
    assert_ok(comem_roots(&bench->store, NULL, 0, &count));
    assert_int_equal(count, 1);
    comem_list_release(list);
    export_end(bench);
    free(bytes.data);
}

/* A store too small for what comes would keep a part of it. */
static void a_store_that_becomes_full_keeps_nothing(void **state)
{
    (void)state;
    struct bench *large = support_begin(64 * MIB), *bench = support_begin(2 * MIB);
    comem_list *list = export_root_list(&large->store, "large");
    for (int64_t i = 0; i < 300000; i++)
        assert_ok(comem_list_append(list, comem_int(i)));
    comem_list_release(list);
    struct bytes bytes = export_of(&large->store);
    assert_refused(bench, COMEM_NO_MEMORY, "", bytes.data, bytes.size);
    free(bytes.data);
    export_end(large);
    export_end(bench);
}

/* The reason why a file cannot be read would be that it is cut short. */
static void a_stream_that_cannot_be_read_is_an_error(void **state)
{
    struct bench *bench = *state;
    FILE *folder = fopen("/", "rb");
    assert_non_null(folder);
    assert_status(COMEM_SYSTEM, import_read(&bench->store, folder));
    assert_non_null(strstr(comem_detail(), strerror(EISDIR)));
    fclose(folder);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        ALONE(a_file_cut_short_anywhere_is_refused),
        ALONE(random_damage_is_refused_and_leaves_nothing),
        WITH_STORE(what_no_export_says_is_refused_with_a_sentence),
        ALONE(what_is_written_by_hand_as_it_should_be_passes),
        WITH_STORE(sizes_are_believed_only_as_far_as_there_are_bytes),
        ALONE(a_store_that_has_roots_is_left_alone),
        ALONE(a_store_that_becomes_full_keeps_nothing),
        WITH_STORE(a_stream_that_cannot_be_read_is_an_error),
    };
    support_choose(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
