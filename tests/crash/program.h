/* program.h - random programs of operations on lists and dicts, run on shared ones and on a model
 *
 * A program is a sequence of operations drawn from a seed, which never ends, or from bytes, which do. An operation is
 * run on shared lists and dicts through comem.h, and applied to a model: the same ones as plain arrays in private memory,
 * with Python's semantics written down a second time. What the run gave (the outcome) must be what the model expects.
 *
 *   flavours     list 0 gets numbers, 1 str, 2 bytes, so that sorting them succeeds now and then; 3 and 4 get
 *                everything. Dict 0 has keys that are numbers, often equal ones of different kinds; 1 keys of all kinds,
 *                short and long; 2 many ints, so that it becomes large. All get values of every kind
 *   references   to the model's own lists and dicts, to common ones whose content nobody predicts, and to anonymous ones:
 *                made for the operation, never changed, held by nothing but the items that name them. They stand as values
 *                of their own or within packed ones
 *   limit        what would make a list or a dict longer does not fit and is left out, so that models have a fixed size
 *
 * Nothing here depends on time, on addresses or on other processes; threads may run programs of their own side by side.
 */
#ifndef COMEM_TESTS_CRASH_PROGRAM_H
#define COMEM_TESTS_CRASH_PROGRAM_H

#include <stdio.h>

#include "comem.h"

#define MODEL_LISTS 5u
#define MODEL_DICTS 3u
#define MODEL_COMMONS 2u      /* lists, */
#define MODEL_COMMON_DICTS 1u /* and dicts, that everybody writes */
#define OPERATION_BASES 8u

/* ---- models ---- */

struct model_value {
    uint8_t kind; /* a comem_kind */
    uint8_t fill,
        last; /* str and bytes: characters by number; all are `fill` but the last one. Packed: its shape is `fill` */
    uint16_t count; /* of characters */
    uint64_t
        bits; /* a bool, an int, a float's bits; a reference: the number of what it refers to; packed: what is in it */
};

struct model_list {
    size_t length;
    struct model_value *values;
};

struct model_pair {
    struct model_value key, value;
    uint64_t hash;
};

/* In the order of insertion. */
struct model_dict {
    size_t length;
    struct model_pair *pairs;
};

struct model {
    size_t limit, dict_limit;
    struct model_list lists[MODEL_LISTS];
    struct model_dict dicts[MODEL_DICTS];
};

/* Empty lists with room for `limit` items each, and dicts with room for four times as many; to be given to free(). */
struct model *model_new(size_t limit);
/* Both have the same limit. */
void model_copy(struct model *to, const struct model *from);
bool model_same(const struct model *one, const struct model *other);

/* ---- programs ---- */

struct program {
    const uint8_t *bytes; /* NULL: from `state` */
    size_t left;
    uint64_t state;
    size_t limit;
    uint64_t serial; /* of the next operation; names anonymous lists */
};

void program_from_seed(struct program *program, uint64_t seed, size_t limit);
void program_from_bytes(struct program *program, const uint8_t *bytes, size_t size, size_t limit);
/* The next `sides`-sided roll; 0 when the bytes have run out. */
uint64_t program_roll(struct program *program, uint64_t sides);

enum operation_kind {
    OPERATION_LEN,
    OPERATION_GET,
    OPERATION_READ,
    OPERATION_SLICE_GET,
    OPERATION_INDEX,
    OPERATION_COUNT,
    OPERATION_EQUAL,
    OPERATION_COMPARE,
    OPERATION_COPY,
    OPERATION_CONCAT,
    OPERATION_REPEAT,
    OPERATION_DICT_LEN,
    OPERATION_DICT_GET,
    OPERATION_DICT_CONTAINS,
    OPERATION_DICT_READ,
    OPERATION_DICT_COPY,
    OPERATION_DICT_MERGE,
    OPERATION_DICT_EQUAL,
    OPERATION_SET, /* from here on they change something */
    OPERATION_APPEND,
    OPERATION_EXTEND,
    OPERATION_POP,
    OPERATION_INSERT,
    OPERATION_POP_AT,
    OPERATION_REMOVE,
    OPERATION_CLEAR,
    OPERATION_REVERSE,
    OPERATION_SORT,
    OPERATION_SORT_DESCENDING,
    OPERATION_SLICE_SET,
    OPERATION_SLICE_DELETE,
    OPERATION_EXTEND_LIST,
    OPERATION_MULTIPLY,
    OPERATION_DICT_SET, /* from here on, a dict */
    OPERATION_DICT_SETDEFAULT,
    OPERATION_DICT_POP,
    OPERATION_DICT_POPITEM,
    OPERATION_DICT_CLEAR,
    OPERATION_DICT_UPDATE,
    OPERATION_DICT_UPDATE_FROM,
    OPERATION_DICT_ADD,
    OPERATION_DICT_CAS,
    OPERATION_DICT_UPDATE_IF,
    OPERATION_KINDS
};

static inline bool operation_is_dicts(enum operation_kind kind)
{
    return (kind >= OPERATION_DICT_LEN && kind < OPERATION_SET) || kind >= OPERATION_DICT_SET;
}

enum operation_how {
    HOW_VALUE,   /* cas expects the second value; update_if stores the first one */
    HOW_CURRENT, /* cas expects what is there, looked at before; update_if leaves it */
    HOW_MISSING  /* cas expects that there is no such key; update_if takes it out */
};

struct operation {
    enum operation_kind kind;
    uint8_t list, other;
    uint8_t dict, other_dict;
    bool from_item; /* the value is item `from` of list `other`, got first */
    bool throw; /* pop: the item is thrown away; what reads: there is room for one item less; cas: the key is to go */
    bool exact; /* slice_set: as many values as the slice has items */
    int64_t from, index, times;
    comem_slice slice;
    struct model_value bases[OPERATION_BASES]; /* the values are these, over and over */
    size_t base_count, count;                  /* of read: how many are asked for */
    struct model_value keys[OPERATION_BASES];  /* of a dict, over and over as well */
    enum operation_how how;
};

/* False: the bytes have run out. */
bool program_next(struct program *program, struct operation *operation);
void operation_print(FILE *stream, const struct operation *operation);

/* ---- what it should do ---- */

struct expectation {
    comem_status status;
    bool anything;              /* it depends on common lists: any outcome will do */
    size_t number;              /* a length, an index, a count, 0 or 1 for equal, swapped, found; 0 to 2 for compare */
    struct model_value *values; /* what was read, or what a new list or dict holds, keys before their values; free() */
    size_t count;
};

bool model_fits(const struct model *model, const struct operation *operation);
/* Changes the model and says what the caller of the operation should see. */
void model_apply(struct model *model, const struct operation *operation, struct expectation *expectation);
void expectation_clear(struct expectation *expectation);

/* ---- what it does ---- */

/* The model's lists and dicts as a process holds them, and behind them the common ones. */
struct holding {
    comem_store *store;
    comem_list *lists[MODEL_LISTS + MODEL_COMMONS];
    comem_dict *dicts[MODEL_DICTS + MODEL_COMMON_DICTS];
};

/* Of the first `lists` lists and the first `dicts` dicts: makes them, empties them, gives them back. */
comem_status holding_make(struct holding *holding, unsigned lists, unsigned dicts);
comem_status holding_clear(const struct holding *holding, unsigned lists, unsigned dicts);
void holding_release(const struct holding *holding, unsigned lists, unsigned dicts);

struct outcome {
    comem_status status;
    size_t number;
    comem_value *values;
    size_t count;
};

void operation_run(const struct holding *holding, const struct operation *operation, struct outcome *outcome);
void outcome_clear(struct outcome *outcome);

/* ---- whether it did ---- */

/* NULL, or what differs. */
const char *outcome_differs(const struct holding *holding, const struct outcome *outcome,
                            const struct expectation *expectation);
/* The same for the content of all of the model's lists and dicts, to the last byte. */
const char *content_differs(const struct holding *holding, const struct model *model);
/* For lists that others change: whether a status can be, and each value is whole. NULL, or what is wrong. */
const char *outcome_unsound(const struct outcome *outcome);

#endif
