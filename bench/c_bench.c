/* c_bench.c - a list's get and append and a dict's get and set from C, beside get and put transactions of LMDB
 *
 * Use        c_bench [--pairs N] [--operations N] ROW... prints a line of JSON for each row: c.list.get, c.list.append,
 *            c.dict.get, c.dict.set. c_bench --version prints one line with the compiler and both libraries' versions.
 * Measures   a pair is one sample of each side, right after each other, the first one alternating. Both sides run once
 *            before the first pair. A sample is the time of a raw loop over the operations, from CLOCK_MONOTONIC, with
 *            nothing subtracted. A row's figures are medians over its pairs; its ratio is the median of the pairs'.
 * LMDB       is opened with MDB_WRITEMAP and MDB_NOSYNC in memory (/dev/shm where there is one). Beside a list it is
 *            keyed by integers and filled with MDB_APPEND: the fastest it can be asked for. Processes share it too, and
 *            may be killed. A get renews one read transaction and resets it, cheaper than to begin and abort one.
 * Dicts      have 100,000 keys of 16 bytes, which are there before anything is timed. They are asked for in an order of
 *            their own, and each sample goes on where the one before ended.
 * Values     64-bit numbers above 256. What a get returned is added up, so that no compiler leaves it out.
 * Exit       0; 1 with a sentence on stderr when a call failed or a container did not hold what was put into it.
 */
#include <comem.h>
#include <errno.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FIRST_VALUE 1000
#define MAP_BYTES ((size_t)1 << 30)
#define MAX_PAIRS 999
#define KEYS ((size_t)100000)
#define KEY_BYTES ((size_t)16)

/* ---- failures ---------------------------------------------------------------------------------------------------- */

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "c_bench: %s: %s\n", what, why);
    exit(1);
}

static void need_comem(comem_status status, const char *call)
{
    if (status != COMEM_OK)
        fail(call, comem_strerror(status));
}

static void need_lmdb(int error, const char *call)
{
    if (error != MDB_SUCCESS)
        fail(call, mdb_strerror(error));
}

/* ---- the two sides ----------------------------------------------------------------------------------------------- */

struct sides {
    long operations;
    comem_store *store;
    comem_list *list;
    comem_dict *dict;
    char (*keys)[KEY_BYTES]; /* KEYS of them, in the order in which they are asked for */
    size_t next;             /* the key that is asked for next */
    MDB_env *env;
    MDB_dbi dbi;
    char folder[256];
};

static const char *memory_folder(void)
{
    if (access("/dev/shm", W_OK) == 0)
        return "/dev/shm";
    const char *named = getenv("TMPDIR");
    return named != NULL ? named : "/tmp";
}

/* `lmdb_flags`: MDB_INTEGERKEY, or 0 for keys that are text. */
static void sides_open(struct sides *sides, long operations, unsigned lmdb_flags)
{
    sides->operations = operations;
    need_comem(comem_open(NULL, NULL, &sides->store), "comem_open");
    need_comem(comem_list_new(sides->store, &sides->list), "comem_list_new");
    need_comem(comem_dict_new(sides->store, &sides->dict), "comem_dict_new");
    sides->keys = malloc(KEYS * sizeof *sides->keys);
    if (sides->keys == NULL)
        fail("malloc", strerror(errno));

    int size = snprintf(sides->folder, sizeof sides->folder, "%s/comem-bench-XXXXXX", memory_folder());
    if (size < 0 || (size_t)size >= sizeof sides->folder || mkdtemp(sides->folder) == NULL)
        fail("a folder for LMDB", strerror(errno));
    need_lmdb(mdb_env_create(&sides->env), "mdb_env_create");
    need_lmdb(mdb_env_set_mapsize(sides->env, MAP_BYTES), "mdb_env_set_mapsize");
    need_lmdb(mdb_env_open(sides->env, sides->folder, MDB_WRITEMAP | MDB_NOSYNC, 0600), "mdb_env_open");

    MDB_txn *txn;
    need_lmdb(mdb_txn_begin(sides->env, NULL, 0, &txn), "mdb_txn_begin");
    need_lmdb(mdb_dbi_open(txn, NULL, lmdb_flags | MDB_CREATE, &sides->dbi), "mdb_dbi_open");
    need_lmdb(mdb_txn_commit(txn), "mdb_txn_commit");
}

static void sides_close(struct sides *sides)
{
    static const char *const files[] = {"data.mdb", "lock.mdb"};
    free(sides->keys);
    comem_dict_release(sides->dict);
    comem_list_release(sides->list);
    comem_close(sides->store);
    mdb_env_close(sides->env);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[sizeof sides->folder + 16];
        snprintf(path, sizeof path, "%s/%s", sides->folder, files[i]);
        unlink(path);
    }
    rmdir(sides->folder);
}

/* ---- lists: each loop does sides->operations operations ---------------------------------------------------------- */

static void comem_empty(struct sides *sides)
{
    need_comem(comem_list_clear(sides->list), "comem_list_clear");
}

static void comem_append_loop(struct sides *sides)
{
    for (long i = 0; i < sides->operations; i++)
        need_comem(comem_list_append(sides->list, comem_int(FIRST_VALUE + i)), "comem_list_append");
}

static void comem_get_loop(struct sides *sides)
{
    int64_t sum = 0;
    for (long i = 0; i < sides->operations; i++) {
        comem_value value;
        need_comem(comem_list_get(sides->list, i, &value), "comem_list_get");
        sum += value.as.integer; /* a number owns nothing: there is nothing to clear */
    }
    if (sum != sides->operations * (sides->operations - 1) / 2 + FIRST_VALUE * sides->operations)
        fail("comem_list_get", "the list does not hold what was appended");
}

static void lmdb_empty(struct sides *sides)
{
    MDB_txn *txn;
    need_lmdb(mdb_txn_begin(sides->env, NULL, 0, &txn), "mdb_txn_begin");
    need_lmdb(mdb_drop(txn, sides->dbi, 0), "mdb_drop");
    need_lmdb(mdb_txn_commit(txn), "mdb_txn_commit");
}

static void lmdb_put_loop(struct sides *sides)
{
    for (long i = 0; i < sides->operations; i++) {
        size_t number = (size_t)i;
        int64_t content = FIRST_VALUE + i;
        MDB_val key = {sizeof number, &number};
        MDB_val value = {sizeof content, &content};
        MDB_txn *txn;
        need_lmdb(mdb_txn_begin(sides->env, NULL, 0, &txn), "mdb_txn_begin");
        need_lmdb(mdb_put(txn, sides->dbi, &key, &value, MDB_APPEND), "mdb_put");
        need_lmdb(mdb_txn_commit(txn), "mdb_txn_commit");
    }
}

static void lmdb_get_loop(struct sides *sides)
{
    int64_t sum = 0;
    MDB_txn *txn;
    need_lmdb(mdb_txn_begin(sides->env, NULL, MDB_RDONLY, &txn), "mdb_txn_begin");
    mdb_txn_reset(txn);
    for (long i = 0; i < sides->operations; i++) {
        size_t number = (size_t)i;
        int64_t content;
        MDB_val key = {sizeof number, &number};
        MDB_val value;
        need_lmdb(mdb_txn_renew(txn), "mdb_txn_renew");
        need_lmdb(mdb_get(txn, sides->dbi, &key, &value), "mdb_get");
        memcpy(&content, value.mv_data, sizeof content);
        mdb_txn_reset(txn);
        sum += content;
    }
    mdb_txn_abort(txn);
    if (sum != sides->operations * (sides->operations - 1) / 2 + FIRST_VALUE * sides->operations)
        fail("mdb_get", "the database does not hold what was put");
}

static void fill_both(struct sides *sides)
{
    comem_append_loop(sides);
    lmdb_put_loop(sides);
}

/* ---- dicts: the value of key `place` is FIRST_VALUE + place ------------------------------------------------------ */

static size_t next_place(struct sides *sides)
{
    size_t place = sides->next;
    sides->next = place + 1 < KEYS ? place + 1 : 0;
    return place;
}

static void dict_set(struct sides *sides, size_t place)
{
    comem_value key = comem_str(sides->keys[place], KEY_BYTES);
    need_comem(comem_dict_set(sides->dict, key, comem_int(FIRST_VALUE + (int64_t)place)), "comem_dict_set");
}

static void dict_set_loop(struct sides *sides)
{
    for (long i = 0; i < sides->operations; i++)
        dict_set(sides, next_place(sides));
}

static void dict_get_loop(struct sides *sides)
{
    int64_t wrong = 0;
    for (long i = 0; i < sides->operations; i++) {
        size_t place = next_place(sides);
        comem_value value;
        need_comem(comem_dict_get(sides->dict, comem_str(sides->keys[place], KEY_BYTES), &value), "comem_dict_get");
        wrong |= value.as.integer ^ (FIRST_VALUE + (int64_t)place);
    }
    if (wrong != 0)
        fail("comem_dict_get", "the dict does not hold what was stored");
}

static void lmdb_put_key(struct sides *sides, size_t place)
{
    int64_t content = FIRST_VALUE + (int64_t)place;
    MDB_val key = {KEY_BYTES, sides->keys[place]};
    MDB_val value = {sizeof content, &content};
    MDB_txn *txn;
    need_lmdb(mdb_txn_begin(sides->env, NULL, 0, &txn), "mdb_txn_begin");
    need_lmdb(mdb_put(txn, sides->dbi, &key, &value, 0), "mdb_put");
    need_lmdb(mdb_txn_commit(txn), "mdb_txn_commit");
}

static void lmdb_put_key_loop(struct sides *sides)
{
    for (long i = 0; i < sides->operations; i++)
        lmdb_put_key(sides, next_place(sides));
}

static void lmdb_get_key_loop(struct sides *sides)
{
    int64_t wrong = 0;
    MDB_txn *txn;
    need_lmdb(mdb_txn_begin(sides->env, NULL, MDB_RDONLY, &txn), "mdb_txn_begin");
    mdb_txn_reset(txn);
    for (long i = 0; i < sides->operations; i++) {
        size_t place = next_place(sides);
        int64_t content;
        MDB_val key = {KEY_BYTES, sides->keys[place]};
        MDB_val value;
        need_lmdb(mdb_txn_renew(txn), "mdb_txn_renew");
        need_lmdb(mdb_get(txn, sides->dbi, &key, &value), "mdb_get");
        memcpy(&content, value.mv_data, sizeof content);
        mdb_txn_reset(txn);
        wrong |= content ^ (FIRST_VALUE + (int64_t)place);
    }
    mdb_txn_abort(txn);
    if (wrong != 0)
        fail("mdb_get", "the database does not hold what was put");
}

/* Makes the keys, in no order of the alphabet, and stores them in the order in which they are asked for. */
static void fill_keys(struct sides *sides)
{
    for (size_t place = 0; place < KEYS; place++) {
        char text[KEY_BYTES + 1];
        snprintf(text, sizeof text, "%016llx", (place + 1) * 0x9e3779b97f4a7c15ULL);
        memcpy(sides->keys[place], text, KEY_BYTES);
    }
    for (size_t place = 0; place < KEYS; place++) {
        dict_set(sides, place);
        lmdb_put_key(sides, place);
    }
}

static void nothing(struct sides *sides)
{
    (void)sides;
}

/* ---- measuring --------------------------------------------------------------------------------------------------- */

typedef void step(struct sides *sides);

struct row {
    const char *name;
    unsigned lmdb_flags;
    step *once; /* before everything */
    struct side {
        step *before; /* each sample, untimed */
        step *loop;
    } comem, peer;
};

static const struct row rows[] = {
    {"c.list.get", MDB_INTEGERKEY, fill_both, {nothing, comem_get_loop}, {nothing, lmdb_get_loop}},
    {"c.list.append", MDB_INTEGERKEY, nothing, {comem_empty, comem_append_loop}, {lmdb_empty, lmdb_put_loop}},
    {"c.dict.get", 0, fill_keys, {nothing, dict_get_loop}, {nothing, lmdb_get_key_loop}},
    {"c.dict.set", 0, fill_keys, {nothing, dict_set_loop}, {nothing, lmdb_put_key_loop}},
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* Nanoseconds an operation. */
static double sample(struct sides *sides, const struct side *side)
{
    side->before(sides);
    double start = now();
    side->loop(sides);
    return (now() - start) / (double)sides->operations;
}

static int by_size(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Sorts `numbers`. */
static double median(double *numbers, size_t count)
{
    qsort(numbers, count, sizeof *numbers, by_size);
    return (numbers[(count - 1) / 2] + numbers[count / 2]) / 2;
}

static void measure(const struct row *row, size_t pairs, long operations)
{
    static double comem_ns[MAX_PAIRS], peer_ns[MAX_PAIRS], ratios[MAX_PAIRS];
    struct sides sides = {0};
    sides_open(&sides, operations, row->lmdb_flags);
    row->once(&sides);
    sample(&sides, &row->comem);
    sample(&sides, &row->peer);
    for (size_t i = 0; i < pairs; i++) {
        if (i % 2 == 0)
            comem_ns[i] = sample(&sides, &row->comem);
        peer_ns[i] = sample(&sides, &row->peer);
        if (i % 2 == 1)
            comem_ns[i] = sample(&sides, &row->comem);
        ratios[i] = comem_ns[i] / peer_ns[i];
    }
    printf("{\"row\": \"%s\", \"comem_ns\": %.3f, \"peer_ns\": %.3f, \"ratio\": %.6f}\n", row->name,
           median(comem_ns, pairs), median(peer_ns, pairs), median(ratios, pairs));
    sides_close(&sides);
}

/* ---- command line ------------------------------------------------------------------------------------------------ */

static const struct row *row_named(const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    fail(name, "no such row");
    return NULL;
}

/* The number `text` between `least` and `most`. */
static long number(const char *text, long least, long most)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < least || value > most)
        fail(text, "not a number in its range");
    return value;
}

static void print_versions(void)
{
#if defined(__clang__)
    const char *compiler = __VERSION__;
#else
    const char *compiler = "gcc " __VERSION__;
#endif
    printf("{\"compiler\": \"%s\", \"comem\": \"%s\", \"lmdb\": \"%d.%d.%d\"}\n", compiler, comem_version(),
           MDB_VERSION_MAJOR, MDB_VERSION_MINOR, MDB_VERSION_PATCH);
}

int main(int argc, char **argv)
{
    long pairs = 31;
    long operations = 50000;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--version") == 0)
            print_versions();
        else if (strcmp(argv[i], "--pairs") == 0 && i + 1 < argc)
            pairs = number(argv[++i], 1, MAX_PAIRS);
        else if (strcmp(argv[i], "--operations") == 0 && i + 1 < argc)
            operations = number(argv[++i], 1, 4000000);
        else
            measure(row_named(argv[i]), (size_t)pairs, operations);
    }
    return 0;
}
