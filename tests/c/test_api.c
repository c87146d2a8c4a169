/* test_api.c - the public functions as a program sees them */
#include "support.h"

#include <stdio.h>
#include <sys/wait.h>

/* ---- statuses and details ---- */

/* A status would have no sentence, or two the same. */
static void every_status_has_a_sentence_of_its_own(void **state)
{
    (void)state;
    for (int i = COMEM_OK; i <= COMEM_SYSTEM; i++) {
        assert_non_null(comem_strerror((comem_status)i));
        assert_true(strlen(comem_strerror((comem_status)i)) > 3);
        for (int k = COMEM_OK; k < i; k++)
            assert_string_not_equal(comem_strerror((comem_status)i), comem_strerror((comem_status)k));
    }
    assert_non_null(comem_strerror((comem_status)99));
    assert_non_null(comem_strerror((comem_status)-1));
}

static void *detail_of_a_thread(void *argument)
{
    comem_list *list = argument;
    comem_value value;
    if (comem_detail()[0] != 0) /* nothing failed here yet */
        return argument;
    if (comem_list_get(list, 12345, &value) != COMEM_OUT_OF_RANGE || strstr(comem_detail(), "12345") == NULL)
        return argument;
    return NULL;
}

/* A thread would read what another one's call had to say. */
static void details_belong_to_their_thread(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    comem_value value;
    pthread_t thread;
    void *failed;
    assert_status(COMEM_OUT_OF_RANGE, comem_list_get(list, 777, &value));
    assert_non_null(strstr(comem_detail(), "777"));
    assert_int_equal(pthread_create(&thread, NULL, detail_of_a_thread, list), 0);
    pthread_join(thread, &failed);
    assert_null(failed);
    assert_non_null(strstr(comem_detail(), "777"));
    assert_ok(comem_list_append(list, comem_int(1)));
    assert_non_null(strstr(comem_detail(), "777")); /* until the next failure */
}

/* A program could not tell that it runs with another library than it was built with. */
static void the_version_is_the_headers(void **state)
{
    (void)state;
    assert_string_equal(comem_version(), COMEM_VERSION);
}

/* ---- arguments ---- */

static int nothing(void *argument)
{
    (void)argument;
    return 0;
}

/* A NULL would crash the program instead of being refused. */
static void null_is_invalid_everywhere(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    comem_value value = comem_int(1);
    size_t size = 1;
    comem_process process = {0};
    assert_status(COMEM_INVALID, comem_open(NULL, NULL, NULL));
    assert_status(COMEM_INVALID, comem_list_new(NULL, &list));
    list = support_list(&bench->store);
    assert_status(COMEM_INVALID, comem_list_new(&bench->store, NULL));
    assert_status(COMEM_INVALID, comem_list_len(NULL, &size));
    assert_status(COMEM_INVALID, comem_list_len(list, NULL));
    assert_status(COMEM_INVALID, comem_list_get(NULL, 0, &value));
    assert_status(COMEM_INVALID, comem_list_get(list, 0, NULL));
    assert_status(COMEM_INVALID, comem_list_set(NULL, 0, comem_none()));
    assert_status(COMEM_INVALID, comem_list_append(NULL, comem_none()));
    assert_status(COMEM_INVALID, comem_list_extend(NULL, &value, 1));
    assert_status(COMEM_INVALID, comem_list_extend(NULL, NULL, 0));
    assert_status(COMEM_INVALID, comem_list_extend(list, NULL, 1));
    assert_status(COMEM_INVALID, comem_list_pop(NULL, &value));
    assert_status(COMEM_INVALID, comem_list_pop(NULL, NULL));
    assert_status(COMEM_INVALID, comem_list_read(NULL, 0, 1, &value, &size));
    assert_status(COMEM_INVALID, comem_list_read(list, 0, 1, NULL, &size));
    assert_status(COMEM_INVALID, comem_list_read(list, 0, 1, &value, NULL));
    assert_status(COMEM_INVALID, comem_list_clear(NULL));
    assert_status(COMEM_INVALID, comem_list_print(NULL, stdout));
    assert_status(COMEM_INVALID, comem_list_print(list, NULL));
    assert_status(COMEM_INVALID, comem_process_start(NULL, nothing, NULL));
    assert_status(COMEM_INVALID, comem_process_start(&process, NULL, NULL));
    assert_status(COMEM_INVALID, comem_process_join(NULL, NULL));
    assert_status(COMEM_INVALID, comem_process_join(&process, NULL));
    comem_list_release(NULL);
    comem_close(NULL);
    comem_value_clear(NULL);
    assert_null(comem_value_list(NULL));
    assert_int_equal(support_len(list), 0);
}

/* An output would hold something after an error. */
static void outputs_are_none_after_an_error(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    comem_value value = comem_int(5);
    comem_store *store = &bench->store;
    size_t number = 9;
    assert_status(COMEM_OUT_OF_RANGE, comem_list_get(list, 3, &value));
    assert_int_equal(value.kind, COMEM_NONE);
    value = comem_int(5);
    assert_status(COMEM_OUT_OF_RANGE, comem_list_pop(list, &value));
    assert_int_equal(value.kind, COMEM_NONE);
    assert_status(COMEM_INVALID, comem_open("no:name", NULL, &store));
    assert_null(store);
    assert_status(COMEM_INVALID, comem_list_read(NULL, 0, 0, NULL, &number));
    comem_list *made = list;
    assert_status(COMEM_INVALID, comem_list_new(NULL, &made));
    assert_null(made);
    number = 9;
    assert_status(COMEM_INVALID, comem_list_read(list, 0, 1, NULL, &number));
    assert_int_equal(number, 0);
    number = 9;
    assert_status(COMEM_INVALID, comem_list_len(NULL, &number));
    assert_int_equal(number, 0);
    value = comem_int(5);
    assert_status(COMEM_INVALID, comem_list_get(NULL, 0, &value));
    assert_int_equal(value.kind, COMEM_NONE);
    value = comem_int(5);
    assert_status(COMEM_INVALID, comem_list_pop(NULL, &value));
    assert_int_equal(value.kind, COMEM_NONE);
}

/* A value cleared twice would be freed twice, or a borrowed one be freed at all. */
static void a_value_may_be_cleared_twice_and_when_borrowed(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    comem_value borrowed[] = {comem_none(), comem_int(1), comem_str("text", 4), comem_bytes("b", 1), comem_ref(list)};
    for (unsigned i = 0; i < 5; i++) {
        comem_value_clear(&borrowed[i]);
        assert_int_equal(borrowed[i].kind, COMEM_NONE);
        comem_value_clear(&borrowed[i]);
    }
    comem_value value;
    assert_ok(comem_list_append(list, comem_str("text", 4)));
    assert_ok(comem_list_append(list, comem_ref(list)));
    for (int i = 0; i < 2; i++) {
        assert_ok(comem_list_get(list, i, &value));
        assert_true(value.owned);
        comem_value_clear(&value);
        comem_value_clear(&value);
    }
    assert_int_equal(support_len(list), 2);
    assert_null(comem_value_list(&value));
    value = comem_int(7);
    assert_null(comem_value_list(&value));
    value = comem_ref(list);
    assert_ptr_equal(comem_value_list(&value), list);
    assert_ok(comem_list_clear(list));
}

/* ---- the program's own store; each in a process of its own ---- */

static int open_default(void *argument)
{
    comem_store *store, *again;
    comem_options options = {.size_limit = 3 * MIB};
    comem_list *list;
    (void)argument;
    child_check(comem_open(NULL, &options, &store) == COMEM_OK);
    child_check(store->map->size_limit == 3 * MIB);
    options.size_limit = 5 * MIB;
    child_check(comem_open(NULL, &options, &again) == COMEM_OK); /* options matter to the first call only */
    child_check(again->map == store->map && again->map->size_limit == 3 * MIB);
    child_check(comem_list_new(store, &list) == COMEM_OK);
    comem_close(store);
    child_check(comem_list_append(list, comem_int(1)) == COMEM_OK); /* handles stay good */
    comem_close(again);
    comem_list_release(list);
    return 0;
}

static int open_too_small(void *argument)
{
    comem_store *store;
    comem_options options = {.size_limit = MIB - 1};
    (void)argument;
    child_check(comem_open(NULL, &options, &store) == COMEM_INVALID && store == NULL);
    options.size_limit = MIB;
    child_check(comem_open(NULL, &options, &store) == COMEM_OK);
    return 0;
}

struct limit_text {
    const char *text;
    uint64_t limit; /* 0: refused */
};

static int open_by_environment(void *argument)
{
    const struct limit_text *limit = argument;
    comem_store *store;
    setenv("COMEM_SIZE_LIMIT", limit->text, 1);
    comem_status status = comem_open(NULL, NULL, &store);
    if (limit->limit == 0) {
        child_check(status == COMEM_INVALID && store == NULL && comem_detail()[0] != 0);
        return 0;
    }
    child_check(status == COMEM_OK);
    child_check(store->map->size_limit == limit->limit);
    return 0;
}

/* The limit would be another one than the program or its user asked for. */
static void the_size_limit_is_what_was_asked_for(void **state)
{
    static const struct limit_text limits[] = {
        {"2M", 2 * MIB},    {"2097152", 2 * MIB}, {"3000k", 3000 * 1024},
        {"1G", 1024 * MIB}, {"4MB", 4 * MIB},     {"", 0},
        {"x", 0},           {"-5M", 0},           {"5Q", 0},
        {"5MM", 0},         {"99999999999G", 0},  {"1K", 0},
        {"0", 0},           {" 2M", 2 * MIB},
    };
    (void)state;
    unsetenv("COMEM_SIZE_LIMIT");
    assert_int_equal(support_run(open_default, NULL), 0);
    assert_int_equal(support_run(open_too_small, NULL), 0);
    for (unsigned i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct limit_text limit = limits[i];
        if (limit.text[0] == 0)
            limit.limit = os_memory_total() / 2; /* empty is as unset */
        assert_int_equal(support_run(open_by_environment, &limit), 0);
    }
}

/* ---- processes ---- */

struct job {
    comem_list *list;
    int code;
};

static int append_and_return(void *argument)
{
    struct job *job = argument;
    if (comem_list_append(job->list, comem_int(job->code)) != COMEM_OK)
        return 99;
    printf("a line in the buffer of a child that must be flushed once\n");
    return job->code;
}

/* The exit code of a child would not be what its function returned. */
static void a_childs_exit_code_is_what_its_function_returned(void **state)
{
    struct bench *bench = *state;
    struct job job = {.list = support_list(&bench->store)};
    static const int codes[] = {0, 1, 7, 255, 256, 300, -1};
    for (unsigned i = 0; i < 7; i++) {
        comem_process process;
        int code = 1234;
        job.code = codes[i];
        assert_ok(comem_process_start(&process, append_and_return, &job));
        assert_true(process.id > 0);
        assert_ok(comem_process_join(&process, &code));
        assert_int_equal(code, codes[i] & 0xFF);
        assert_int_equal(process.id, 0);
        assert_status(COMEM_INVALID, comem_process_join(&process, &code));
        assert_int_equal(support_int(job.list, -1), codes[i]);
    }
    comem_process process;
    assert_ok(comem_process_start(&process, nothing, NULL));
    assert_ok(comem_process_join(&process, NULL));
}

static int die_by(void *argument)
{
    raise(*(int *)argument);
    return 0;
}

/* A child killed by a signal would look as if it had ended well. */
static void a_killed_childs_exit_code_is_minus_the_signal(void **state)
{
    static int signals[] = {SIGKILL, SIGTERM, SIGUSR1};
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        comem_process process;
        int code = 0;
        assert_ok(comem_process_start(&process, die_by, &signals[i]));
        assert_ok(comem_process_join(&process, &code));
        assert_int_equal(code, -signals[i]);
    }
}

/* Somebody else's child, or one waited for already, would be joined for ever. */
static void a_process_that_is_no_child_cannot_be_joined(void **state)
{
    comem_process process = {getpid()};
    (void)state;
    assert_status(COMEM_SYSTEM, comem_process_join(&process, NULL));
    assert_ok(comem_process_start(&process, nothing, NULL));
    int status;
    assert_int_equal(waitpid((pid_t)process.id, &status, 0), process.id);
    int code = 5;
    assert_status(COMEM_SYSTEM, comem_process_join(&process, &code));
}

static int fill_from_words(void *argument)
{
    struct job *job = argument;
    static const char *const words[] = {"one", "two", "three", "four", "five"};
    for (unsigned i = 0; i < 5; i++)
        if (comem_list_append(job->list, comem_str(words[i], strlen(words[i]))) != COMEM_OK)
            return 1;
    return 0;
}

/* The main job: what two processes append would not all be there. */
static void two_processes_fill_one_list(void **state)
{
    struct bench *bench = *state;
    struct job job = {.list = support_list(&bench->store)};
    comem_process one, two;
    int codes[2] = {1, 1};
    assert_ok(comem_process_start(&one, fill_from_words, &job));
    assert_ok(comem_process_start(&two, fill_from_words, &job));
    assert_ok(comem_process_join(&one, &codes[0]));
    assert_ok(comem_process_join(&two, &codes[1]));
    assert_int_equal(codes[0] + codes[1], 0);
    assert_int_equal(support_len(job.list), 10);
}

static int start_from_child(void *argument)
{
    comem_process process;
    int code = 99;
    struct job *job = argument;
    if (job->code-- > 0 && (comem_process_start(&process, start_from_child, job) != COMEM_OK ||
                            comem_process_join(&process, &code) != COMEM_OK || code != 0))
        return 98;
    return comem_list_append(job->list, comem_int(job->code)) != COMEM_OK;
}

/* A grandchild would have lost its handles. */
static void children_of_children_have_the_handles_too(void **state)
{
    struct bench *bench = *state;
    struct job job = {support_list(&bench->store), 10};
    assert_int_equal(support_run(start_from_child, &job), 0);
    assert_int_equal(support_len(job.list), 11);
}

/* ---- printing ---- */

static void assert_printed(comem_list *list, const char *expected, size_t size)
{
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    assert_non_null(stream);
    assert_ok(comem_list_print(list, stream));
    fclose(stream);
    if (length != size || memcmp(text, expected, size) != 0)
        fprintf(stderr, "printed  %s\nexpected %s\n", text, expected);
    assert_int_equal(length, size);
    assert_memory_equal(text, expected, size);
    free(text);
}

static void assert_item_printed(comem_store *store, comem_value value, const char *repr)
{
    char expected[400];
    comem_list *list = support_list(store);
    int size = snprintf(expected, sizeof expected, "[%s]", repr);
    assert_ok(comem_list_append(list, value));
    assert_printed(list, expected, (size_t)size);
    comem_list_release(list);
}

/* A dict, or what is within values, would be printed otherwise than repr() prints it, or for ever. */
static void dicts_and_compound_values_are_printed(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store), *outer = support_list(&bench->store);
    comem_dict *dict;
    assert_ok(comem_dict_new(&bench->store, &dict));
    assert_ok(comem_list_append(list, comem_int(1)));
    comem_value inside[3] = {comem_ref(list), comem_ref_dict(dict), comem_str("a", 1)}, packed;
    comem_value tuple = comem_items(COMEM_TUPLE, inside, 3);
    assert_ok(comem_value_pack(&tuple, &packed));
    comem_value pickle = comem_bytes("not shown", 9);
    pickle.kind = COMEM_PICKLE;
    assert_ok(comem_dict_set(dict, comem_str("one", 3), packed));
    assert_ok(comem_dict_set(dict, comem_float(2), pickle));
    assert_ok(comem_dict_set(dict, comem_none(), comem_ref(list)));
    assert_ok(comem_list_append(outer, comem_ref_dict(dict)));
    static const char expected[] = "[{'one': ([1], {...}, 'a'), 2.0: <pickle of 9 bytes>, None: [1]}]";
    assert_printed(outer, expected, strlen(expected));
    char text[100] = {0};
    FILE *stream = fmemopen(text, sizeof text, "w");
    assert_non_null(stream);
    assert_ok(comem_dict_print(dict, stream));
    fclose(stream);
    assert_memory_equal(text, expected + 1, strlen(expected) - 2);
    assert_ok(comem_dict_clear(dict));
    comem_value_clear(&packed);
    comem_dict_release(dict);
    comem_list_release(outer);
    comem_list_release(list);
    assert_int_equal(support_used(bench->map), 0);
}

/* A float would be printed otherwise than Python's repr() prints it, or not read back as the same. */
static void floats_are_printed_as_repr_does(void **state)
{
    static const struct {
        uint64_t bits;
        const char *repr;
    } cases[] = {
        {UINT64_C(0x0000000000000000), "0.0"},
        {UINT64_C(0x8000000000000000), "-0.0"},
        {UINT64_C(0x3FF0000000000000), "1.0"},
        {UINT64_C(0xBFF8000000000000), "-1.5"},
        {UINT64_C(0x3FB999999999999A), "0.1"},
        {UINT64_C(0x3FC999999999999A), "0.2"},
        {UINT64_C(0x3FD3333333333334), "0.30000000000000004"},
        {UINT64_C(0x3FD5555555555555), "0.3333333333333333"},
        {UINT64_C(0x3FE5555555555555), "0.6666666666666666"},
        {UINT64_C(0x4059000000000000), "100.0"},
        {UINT64_C(0x430C6BF526340000), "1000000000000000.0"},
        {UINT64_C(0x4341C37937E08000), "1e+16"},
        {UINT64_C(0x42DC12218377DE66), "123456789012345.6"},
        {UINT64_C(0x43118B54F22AEB03), "1234567890123456.8"},
        {UINT64_C(0x4345EE2A2EB5A5C4), "1.2345678901234568e+16"},
        {UINT64_C(0x4341C37937E07FFF), "9999999999999998.0"},
        {UINT64_C(0x4376345785D8A000), "1e+17"},
        {UINT64_C(0x4480F0CF064DD592), "1e+22"},
        {UINT64_C(0x44B52D02C7E14AF6), "1e+23"},
        {UINT64_C(0x7E41EB2D66005835), "1.5e+300"},
        {UINT64_C(0x0000000000000001), "5e-324"},
        {UINT64_C(0x0010000000000000), "2.2250738585072014e-308"},
        {UINT64_C(0x7FEFFFFFFFFFFFFF), "1.7976931348623157e+308"},
        {UINT64_C(0x3F1A36E2EB1C432D), "0.0001"},
        {UINT64_C(0x3EE4F8B588E368F1), "1e-05"},
        {UINT64_C(0x3F202E4B6CE5DC68), "0.00012345"},
        {UINT64_C(0x3EE9E3ABE16FC70D), "1.2345e-05"},
        {UINT64_C(0x3EE9CB8320B15070), "1.23e-05"},
        {UINT64_C(0xBDDB7CDFD9D7BDBB), "-1e-10"},
        {UINT64_C(0x7FF0000000000000), "inf"},
        {UINT64_C(0xFFF0000000000000), "-inf"},
        {UINT64_C(0x7FF8000000000000), "nan"},
        {UINT64_C(0x4330000000000000), "4503599627370496.0"},
        {UINT64_C(0x4340000000000000), "9007199254740992.0"},
        {UINT64_C(0x54B249AD2594C37D), "1e+100"},
        {UINT64_C(0x400921FB54442D11), "3.14159265358979"},
        {UINT64_C(0x4004000000000000), "2.5"},
        {UINT64_C(0x412E848000000000), "1000000.0"},
        {UINT64_C(0x40FE240C9FBE76C9), "123456.789"},
        {UINT64_C(0x3FF0000000000001), "1.0000000000000002"},
    };
    struct bench *bench = *state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double real;
        memcpy(&real, &cases[i].bits, sizeof real);
        assert_item_printed(&bench->store, comem_float(real), cases[i].repr);
    }
}

/* A text would be printed otherwise than repr() prints it. */
static void texts_are_printed_as_repr_does(void **state)
{
    static const struct {
        const char *text;
        size_t size;
        const char *repr;
    } texts[] =
        {
            {"", 0, "''"},
            {"one", 3, "'one'"},
            {"it's", 4, "\"it's\""},
            {"say \"hi\"", 8, "'say \"hi\"'"},
            {"both ' and \"", 12, "'both \\' and \"'"},
            {"back\\slash", 10, "'back\\\\slash'"},
            {"tab\tline\nreturn\r", 16, "'tab\\tline\\nreturn\\r'"},
            {"\0zero", 5, "'\\x00zero'"},
            {"\x01\x1F\x7F", 3, "'\\x01\\x1f\\x7f'"},
            {"\x0B\x0C", 2, "'\\x0b\\x0c'"},
            {"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80", 9, "'\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80'"},
            {"long enough not to stand in the cell \xC3\xA4", 39, "'long enough not to stand in the cell \xC3\xA4'"},
            {"\xED\xA0\x80", 3, "'\\ud800'"},
            {"a\xED\xBF\xBF\x62", 5, "'a\\udfffb'"},
            {"ends in \xED\xB3\xBF", 11, "'ends in \\udcff'"},
            {"\xED\x9F\xBD", 3, "'\xED\x9F\xBD'"}, /* next to the surrogates */
            {"'", 1, "\"'\""},
            {"\"", 1, "'\"'"},
        },
      bytes[] = {
          {"", 0, "b''"},
          {"one", 3, "b'one'"},
          {"it's", 4, "b\"it's\""},
          {"both ' and \"", 12, "b'both \\' and \"'"},
          {"\\\t\n\r", 4, "b'\\\\\\t\\n\\r'"},
          {"\x00\x01\x1F\x7F\x80\xFF", 6, "b'\\x00\\x01\\x1f\\x7f\\x80\\xff'"},
          {"\xC3\xA4", 2, "b'\\xc3\\xa4'"},
      };
    struct bench *bench = *state;
    for (unsigned i = 0; i < sizeof bytes / sizeof bytes[0]; i++)
        assert_item_printed(&bench->store, comem_bytes(bytes[i].text, bytes[i].size), bytes[i].repr);
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_item_printed(&bench->store, comem_str(texts[i].text, texts[i].size), texts[i].repr);
}

/* Other kinds and nested lists would be printed otherwise than Python prints them. */
static void lists_are_printed_as_python_does(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store), *inner = support_list(&bench->store);
    assert_printed(list, "[]", 2);
    assert_ok(comem_list_append(list, comem_str("one", 3)));
    assert_printed(list, "['one']", 7);
    assert_ok(comem_list_append(list, comem_int(2)));
    assert_ok(comem_list_append(list, comem_none()));
    assert_printed(list, "['one', 2, None]", 16);
    assert_ok(comem_list_append(list, comem_bool(true)));
    assert_ok(comem_list_append(list, comem_bool(false)));
    assert_ok(comem_list_append(list, comem_int(INT64_MIN)));
    assert_ok(comem_list_append(list, comem_ref(inner)));
    assert_ok(comem_list_append(inner, comem_int(1)));
    assert_ok(comem_list_append(inner, comem_ref(list)));
    assert_ok(comem_list_append(list, comem_ref(list)));
    assert_ok(comem_list_append(list, comem_ref(inner)));
    static const char expected[] = "['one', 2, None, True, False, -9223372036854775808, [1, [...]], [...], [1, [...]]]";
    assert_printed(list, expected, sizeof expected - 1);
    assert_printed(inner, "[1, ['one', 2, None, True, False, -9223372036854775808, [...], [...], [...]]]", 77);
    assert_ok(comem_list_clear(list));
}

/* A stream that refuses to write would go unnoticed. */
static void a_stream_that_fails_is_said(void **state)
{
    struct bench *bench = *state;
    comem_list *list = support_list(&bench->store);
    assert_ok(comem_list_append(list, comem_int(1)));
    FILE *stream = fopen("/dev/full", "w");
    assert_non_null(stream);
    setvbuf(stream, NULL, _IONBF, 0);
    assert_status(COMEM_SYSTEM, comem_list_print(list, stream));
    fclose(stream);
}

int main(int argc, char **argv)
{
    support_choose(argc, argv);
    const struct CMUnitTest tests[] = {
        ALONE(every_status_has_a_sentence_of_its_own),
        WITH_STORE(details_belong_to_their_thread),
        ALONE(the_version_is_the_headers),
        WITH_STORE(null_is_invalid_everywhere),
        WITH_STORE(outputs_are_none_after_an_error),
        WITH_STORE(a_value_may_be_cleared_twice_and_when_borrowed),
        ALONE(the_size_limit_is_what_was_asked_for),
        WITH_STORE(a_childs_exit_code_is_what_its_function_returned),
        WITH_STORE(a_killed_childs_exit_code_is_minus_the_signal),
        WITH_STORE(a_process_that_is_no_child_cannot_be_joined),
        WITH_STORE(two_processes_fill_one_list),
        WITH_STORE(children_of_children_have_the_handles_too),
        WITH_STORE(dicts_and_compound_values_are_printed),
        WITH_STORE(floats_are_printed_as_repr_does),
        WITH_STORE(texts_are_printed_as_repr_does),
        WITH_STORE(lists_are_printed_as_python_does),
        WITH_STORE(a_stream_that_fails_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
