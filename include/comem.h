/* comem.h - variables that every process of a program shares
 *
 * A store is memory that several processes map; the objects in it, lists and dicts, are used through handles. Every
 * process of a program sees every change at once, and a process killed at any instruction leaves every object whole.
 *
 * Conventions
 *   Result     Every call returns a comem_status, the handle comes first, outputs come last. On any status but COMEM_OK
 *              nothing stored was changed or lost, outputs are none or NULL, and comem_detail() has a sentence.
 *   Values     A comem_value is one struct. Inputs borrow: comem_str("x", 1) points at the caller's bytes, which are
 *              copied before the call returns. Outputs own what they point at: give them back with comem_value_clear(),
 *              which is safe on borrowed values and may be called twice.
 *   Handles    comem_list_new() and values read out of a container give handles. A handle may be used by any thread of
 *              the process and, after fork(), by the child; each handle is released once in each process that has it.
 *   Threads    Every function may be called from any thread of any process at any time, and each change is indivisible.
 *              A thread attaches to the store by itself at its first call and detaches when it ends.
 *   Signals    A call from a signal handler that interrupted another comem call of its thread returns COMEM_BUSY, but for
 *              reading a length or a number, which works. Other calls do not belong into handlers, since they malloc().
 *              fork() there is not safe.
 *   Fork       fork() between two calls is safe. A child made by a raw clone() or _Fork() has no handles: COMEM_GONE.
 *   Death      A process may die at any instruction. Who waits for its lock learns of it from the kernel, repairs what
 *              the dead process was doing (all of the operation or nothing of it) and goes on.
 *   Cost       Given for each function as order and as what was seen on a 2-core machine without contention. A call that
 *              finds its object locked spins for about a microsecond, then sleeps until the holder leaves or dies.
 *
 * Any call may answer, besides what is listed with it:
 *   COMEM_GONE      the object was shut down, or this process never had the handle
 *   COMEM_BUSY      called from a signal handler, see above
 *   COMEM_DAMAGED   the store's memory does not hold what it should; the call touched nothing outside the store
 *   COMEM_SYSTEM    the thread's first call could not attach: the store's tables are full or the system refused
 *   COMEM_INVALID   a NULL where a handle or an output is due
 */
#ifndef COMEM_H
#define COMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define COMEM_API __attribute__((visibility("default")))
#else
#define COMEM_API
#endif

#define COMEM_VERSION "0.1.0"

/* ---- status ------------------------------------------------------------------------------------------------------ */

typedef enum comem_status {
    COMEM_OK = 0,
    COMEM_NO_MEMORY,    /* the store is full (its limit, the file system's, the process's) or malloc() failed */
    COMEM_OUT_OF_RANGE, /* an index beyond the list, or pop from an empty one */
    COMEM_NOT_FOUND,    /* no item equals the value, no key, no root or no store of that name */
    COMEM_TYPE,         /* a value of a kind that this call cannot take */
    COMEM_INVALID,      /* an argument outside its range */
    COMEM_GONE,         /* the object or its store is no longer there, or out of this process's reach */
    COMEM_BUSY,         /* re-entered from a signal handler */
    COMEM_DAMAGED,      /* the store fails its checks */
    COMEM_UNSUPPORTED,  /* not on this system, or a store of another format */
    COMEM_SYSTEM,       /* the operating system refused a call; the detail names it */
    COMEM_DENIED /* a store that is not this user's alone: another owner, others may use it, or a link leads to it */
} comem_status;

/* A fixed sentence for `status`, never NULL, never to be freed. O(1). */
COMEM_API const char *comem_strerror(comem_status status);

/* What the calling thread's last failed call had to say: sizes, limits, names. "" when there was none. The text is the
 * thread's own; look at it right after the failure, since a later call may change it. O(1). */
COMEM_API const char *comem_detail(void);

/* The library's version, "major.minor.patch". Equal to COMEM_VERSION when header and library belong together. O(1). */
COMEM_API const char *comem_version(void);

/* ---- values ------------------------------------------------------------------------------------------------------ */

typedef struct comem_store comem_store;
typedef struct comem_object comem_object; /* any shared object's handle */
typedef struct comem_list comem_list;
typedef struct comem_dict comem_dict;
typedef struct comem_variable comem_variable;

typedef enum comem_kind {
    COMEM_NONE = 0,
    COMEM_BOOL,
    COMEM_INT,   /* 64 bits, signed */
    COMEM_FLOAT, /* IEEE double */
    COMEM_STR,   /* UTF-8; lone surrogates as three bytes each, as Python's 'surrogatepass' writes them */
    COMEM_BYTES,
    COMEM_REF,    /* a shared object */
    COMEM_PACKED, /* a compound value, in MessagePack: comem_value_unpack() takes it apart, comem_value_pack() makes one */
    COMEM_PICKLE, /* an object of Python's that only Python can read: bytes as docs/format.md describes them */

    /* Only in what comem_value_unpack() gives and comem_value_pack() takes: */
    COMEM_LIST, /* `items`: `size` values */
    COMEM_TUPLE,
    COMEM_SET,
    COMEM_FROZENSET,
    COMEM_DICT,    /* `items`: `size` keys, each followed by its value */
    COMEM_BIG_INT, /* `data`: `size` bytes, two's complement, the lowest byte first */
    COMEM_COMPLEX, /* `items`: two floats, real and imaginary part; `size` is 2 */
    COMEM_BYTEARRAY,

    COMEM_MISSING /* only where a call says so: no value at all */
} comem_kind;

typedef struct comem_value {
    union {
        bool boolean;
        int64_t integer;
        double real;
        const char *data; /* STR, BYTES, PACKED, PICKLE ...: `size` bytes; outputs have one zero byte after them */
        comem_object *object;
        const struct comem_value *items;
    } as;
    size_t size;    /* of `data` in bytes, of `items` in values or pairs; 0 for other kinds */
    uint32_t kind;  /* a comem_kind */
    uint16_t owned; /* not 0: comem_value_clear() frees what `as` points at */
    uint16_t flags; /* see below */
} comem_value;

/* Flags, set in outputs. Of a COMEM_STR, ignored in inputs: */
#define COMEM_ASCII 1u      /* every byte is below 128 */
#define COMEM_SURROGATES 2u /* has lone surrogates: not valid UTF-8 to a strict decoder */
/* Of a COMEM_PACKED or COMEM_PICKLE: */
#define COMEM_HOLDS \
    4u /* references to shared objects stand before its bytes: to be handed on as it is, and not made up */

/* Makers of inputs. They cannot fail, allocate nothing and cost nothing: the data stays the caller's. */
static inline comem_value comem_none(void)
{
    comem_value value;
    value.as.integer = 0;
    value.size = 0;
    value.kind = COMEM_NONE;
    value.owned = 0;
    value.flags = 0;
    return value;
}

static inline comem_value comem_bool(bool boolean)
{
    comem_value value = comem_none();
    value.as.boolean = boolean;
    value.kind = COMEM_BOOL;
    return value;
}

static inline comem_value comem_int(int64_t integer)
{
    comem_value value = comem_none();
    value.as.integer = integer;
    value.kind = COMEM_INT;
    return value;
}

static inline comem_value comem_float(double real)
{
    comem_value value = comem_none();
    value.as.real = real;
    value.kind = COMEM_FLOAT;
    return value;
}

/* `size` bytes of UTF-8 at `utf8`, any length from 0; may hold zero bytes. Not UTF-8: COMEM_INVALID from the call that
 * stores it. */
static inline comem_value comem_str(const char *utf8, size_t size)
{
    comem_value value = comem_none();
    value.as.data = utf8;
    value.size = size;
    value.kind = COMEM_STR;
    return value;
}

static inline comem_value comem_bytes(const void *data, size_t size)
{
    comem_value value = comem_none();
    value.as.data = (const char *)data;
    value.size = size;
    value.kind = COMEM_BYTES;
    return value;
}

/* A reference to the shared object behind `list`, of the same store as the container it is put into. */
static inline comem_value comem_ref(comem_list *list)
{
    comem_value value = comem_none();
    value.as.object = (comem_object *)(void *)list;
    value.kind = COMEM_REF;
    return value;
}

/* The same for a dict. */
static inline comem_value comem_ref_dict(comem_dict *dict)
{
    comem_value value = comem_none();
    value.as.object = (comem_object *)(void *)dict;
    value.kind = COMEM_REF;
    return value;
}

/* The same for a variable. */
static inline comem_value comem_ref_variable(comem_variable *variable)
{
    comem_value value = comem_none();
    value.as.object = (comem_object *)(void *)variable;
    value.kind = COMEM_REF;
    return value;
}

/* `count` values as one of kind COMEM_LIST, COMEM_TUPLE, COMEM_SET or COMEM_FROZENSET, `count` pairs as a COMEM_DICT, or two floats
 * as a COMEM_COMPLEX: for comem_value_pack(). */
static inline comem_value comem_items(comem_kind kind, const comem_value *items, size_t count)
{
    comem_value value = comem_none();
    value.as.items = items;
    value.size = count;
    value.kind = kind;
    return value;
}

static inline comem_value comem_missing(void)
{
    comem_value value = comem_none();
    value.kind = COMEM_MISSING;
    return value;
}

/* Makes one value of kind COMEM_PACKED, which a container can hold, of values within values (COMEM_LIST ... COMEM_BYTEARRAY, and
 * COMEM_INT, COMEM_STR and so on inside them, references, too). A value of any other kind comes back as it is, borrowed.
 * COMEM_TYPE: pickles or packed values inside, or a kind there is not. COMEM_INVALID: more than 100 deep, text that is not
 * UTF-8 or has 4 GiB, objects of several stores. COMEM_NO_MEMORY. O(size), 20 ns a value. */
COMEM_API comem_status comem_value_pack(const comem_value *value, comem_value *packed);

/* Takes a value of kind COMEM_PACKED apart: values within values, copies that need `value` no longer. comem_value_clear(tree) frees
 * all at once; what is in it is borrowed from it. A value of any other kind comes back as it is, borrowed. COMEM_DAMAGED: it is not what
 * comem_value_pack() makes. COMEM_NO_MEMORY. O(size), 20 ns a value. */
COMEM_API comem_status comem_value_unpack(const comem_value *value, comem_value *tree);

/* Frees or releases what an output owns and makes it none. Nothing on a borrowed or already cleared value, or NULL. */
COMEM_API void comem_value_clear(comem_value *value);

/* The list that `value` refers to, NULL when it is no reference to a list. Borrowed: good until the value is cleared. */
COMEM_API comem_list *comem_value_list(const comem_value *value);
COMEM_API comem_dict *comem_value_dict(const comem_value *value);
COMEM_API comem_variable *comem_value_variable(const comem_value *value);

/* ---- stores ------------------------------------------------------------------------------------------------------ */

#define COMEM_EXISTING 1u /* a store that is not there is not made: COMEM_NOT_FOUND */
#define COMEM_REFUSE_PICKLE \
    2u /* this process neither stores pickles there nor reads them, whoever wrote them: COMEM_TYPE */

typedef struct comem_options {
    uint64_t size_limit; /* bytes the store may grow to, at least 1 MiB; 0: half of the machine's memory, or what the
                          * environment's COMEM_SIZE_LIMIT says (a number, with K, M or G behind it). It counts for the
                          * call that makes the store */
    uint32_t flags;      /* of the two above; COMEM_EXISTING counts for a name alone */
} comem_options;

/* Opens a store. `options` may be NULL.
 *
 * `name` NULL: this program's own, which the first call makes and children made by fork() share.
 *
 * Otherwise a store that programs without a common ancestor share: one file, of this user alone (mode 0600), which lives until
 * comem_unlink() or, in memory, until the machine stops. A name without a slash is that of a file in /dev/shm: 1 to 200 bytes
 * of UTF-8, no control characters, no ':', not a '.' in front. One with a slash is a path on tmpfs, ext4 or xfs. If it is not
 * there it is made: privately, then published whole; of several that make it at once, one does. A process has one mapping of a
 * store, however often it opens it; COMEM_REFUSE_PICKLE given once holds until it is closed.
 *
 * COMEM_NOT_FOUND: it is not there and COMEM_EXISTING was given, or there is no such folder. COMEM_DENIED: it belongs to another
 * user, others may read or write it, or it is a symbolic link. COMEM_DAMAGED: cut short, or it contradicts itself, or the machine
 * stopped while it was in use (`comem check --repair` looks after that). COMEM_UNSUPPORTED: no store, a store of another version
 * or kind of machine, or a file system that is none of the three. COMEM_INVALID: a name that is none, a size limit below 1 MiB, or a
 * COMEM_SIZE_LIMIT that is no size. COMEM_NO_MEMORY: not even the first 256 KiB were to be had, or the address space that this
 * process may use (ulimit -v) is too small for the store. COMEM_SYSTEM: no memfd, no tables left, ...
 * O(1), about 100 us; 1 us for one that this process has. */
COMEM_API comem_status comem_open(const char *name, const comem_options *options, comem_store **store);

/* Closes what comem_open() gave; NULL is ignored. Of the program's own store handles stay good: it goes with the last process.
 * When a store by name was closed as often as it was opened, handles on its objects answer COMEM_GONE; no other thread may be
 * inside a call on it then. O(1), about 20 us. */
COMEM_API void comem_close(comem_store *store);

/* Removes a store by name; those that have it open go on using it, and it is gone when the last of them closes it. Whoever
 * opens the name from now on makes another. COMEM_NOT_FOUND; COMEM_DENIED: not this user's; COMEM_INVALID: a name that is none;
 * COMEM_UNSUPPORTED: the file is no store, and stays. COMEM_SYSTEM. O(1), about 10 us. */
COMEM_API comem_status comem_unlink(const char *name);

/* ---- roots: objects by name -------------------------------------------------------------------------------------- */

/* A store has roots: objects that keep their name, and live, until it is taken away. Names are UTF-8, at least one byte.
 * Unless stated otherwise a call is one change of a dict, about 0.3 us. */

/* The object named `name`: a value of kind COMEM_REF, to be cleared. COMEM_NOT_FOUND, COMEM_NO_MEMORY. */
COMEM_API comem_status comem_root(comem_store *store, const char *name, comem_value *object);

/* Names `object`, a reference, `name`, unless there is a root of that name: the first one wins. `found`, which may be NULL, is
 * the object that has the name then. COMEM_TYPE: no reference. COMEM_INVALID: of another store. COMEM_NO_MEMORY. */
COMEM_API comem_status comem_root_add(comem_store *store, const char *name, comem_value object, comem_value *found);

/* The list, the dict, the variable named `name`; if there is no root of that name, a new one: empty, or a variable that is
 * `initial`. COMEM_TYPE: the root is of another kind; the detail names both. COMEM_NO_MEMORY. 1 us for a new one. */
COMEM_API comem_status comem_root_list(comem_store *store, const char *name, comem_list **list);
COMEM_API comem_status comem_root_dict(comem_store *store, const char *name, comem_dict **dict);
COMEM_API comem_status comem_root_variable(comem_store *store, const char *name, comem_value initial,
                                           comem_variable **variable);

/* Takes the name away; the object goes when nothing else names it. COMEM_NOT_FOUND, COMEM_NO_MEMORY. */
COMEM_API comem_status comem_root_remove(comem_store *store, const char *name);

/* All names in the order in which they were given, as comem_dict_read() gives keys. */
COMEM_API comem_status comem_roots(comem_store *store, comem_value *names, size_t room, size_t *count);

/* ---- lists ------------------------------------------------------------------------------------------------------- */

/* An index counts from 0; -1 is the last item, as in Python. A list has as many items as the store has room for, 16 bytes
 * each. Values of every kind can be stored;
 * but those that say they are for comem_value_pack();
 * those of COMEM_REF must refer to objects of the same store (COMEM_INVALID). */

/* Makes an empty list in `store`. COMEM_NO_MEMORY. O(1), about 0.2 us. */
COMEM_API comem_status comem_list_new(comem_store *store, comem_list **list);

/* Gives a handle back; NULL is ignored. The list is freed when no handle in any process and no container names it any
 * more. O(1), about 0.1 us, plus what is freed, in steps of 256 items. */
COMEM_API void comem_list_release(comem_list *list);

/* The number of items. O(1), 2 ns; takes no lock. */
COMEM_API comem_status comem_list_len(comem_list *list, size_t *length);

/* A copy of item `index`. COMEM_OUT_OF_RANGE. COMEM_NO_MEMORY: no memory for the copy. O(size of the item), 5 ns for
 * numbers; takes no lock unless writers keep changing the item. */
COMEM_API comem_status comem_list_get(comem_list *list, int64_t index, comem_value *value);

/* Replaces item `index`. COMEM_OUT_OF_RANGE, COMEM_NO_MEMORY. O(size of the value), 20 ns for numbers. */
COMEM_API comem_status comem_list_set(comem_list *list, int64_t index, comem_value value);

/* Adds `value` behind the last item. COMEM_NO_MEMORY. O(size of the value) amortised, 15 ns for numbers. */
COMEM_API comem_status comem_list_append(comem_list *list, comem_value value);

/* Adds `count` values from `values` behind the last item, all of them or none; other processes see all at once.
 * COMEM_NO_MEMORY. O(count), 3 ns a number, 100 ns a long str or a reference. */
COMEM_API comem_status comem_list_extend(comem_list *list, const comem_value *values, size_t count);

/* Takes the last item out and gives it to `value`; NULL throws it away. COMEM_OUT_OF_RANGE: the list is empty.
 * COMEM_NO_MEMORY: no memory for the copy, the item stays. O(size of the item), 20 ns for numbers. */
COMEM_API comem_status comem_list_pop(comem_list *list, comem_value *value);

/* Puts `value` before item `index`; an index beyond either end means that end. COMEM_NO_MEMORY. O(size of the value +
 * length / 100): 1 us in a list of 1,000 items, 20 us in one of 1,000,000. */
COMEM_API comem_status comem_list_insert(comem_list *list, int64_t index, comem_value value);

/* Takes item `index` out and gives it to `value`; NULL throws it away. COMEM_OUT_OF_RANGE, COMEM_NO_MEMORY (the item stays).
 * Cost as comem_list_insert(), for the last item as comem_list_pop(). */
COMEM_API comem_status comem_list_pop_at(comem_list *list, int64_t index, comem_value *value);

/* Takes the first item that equals `value` out (comem_list_index() says what is equal). COMEM_NOT_FOUND, COMEM_NO_MEMORY.
 * O(length). */
COMEM_API comem_status comem_list_remove(comem_list *list, comem_value value);

/* Removes every item. O(1), 0.3 us; what they took is freed in steps of 256 items by this and later calls. */
COMEM_API comem_status comem_list_clear(comem_list *list);

/* Puts the items into reverse order. COMEM_NO_MEMORY: no room for the second copy it takes. O(length). */
COMEM_API comem_status comem_list_reverse(comem_list *list);

/* Sorts by Python's order, upwards or downwards; equal items keep the order they have. All bools, ints and floats, or all
 * str (by code points), or all bytes, else COMEM_TYPE. Where a float that is not a number goes is undefined.
 * COMEM_NO_MEMORY: no room for the second copy it takes. Writers wait meanwhile, readers do not. O(length log length),
 * 10 ms for 100,000 ints in random order, 1 ms if they are in order. */
COMEM_API comem_status comem_list_sort(comem_list *list);
COMEM_API comem_status comem_list_sort_descending(comem_list *list);

/* ---- many items */

/* Copies items `from` .. `from` + `count` - 1 into `out`, as they stood at one moment; fewer where the list ends before,
 * none where `from` is at or beyond its end. `read` says how many. Each is to be cleared. COMEM_NO_MEMORY: none were read.
 * O(count), 3 ns a number; takes the list's lock only when writers interfere. */
COMEM_API comem_status comem_list_read(comem_list *list, size_t from, size_t count, comem_value *out, size_t *read);

/* A slice as in Python, start:stop:step. Negative positions count from the end, those beyond an end mean that end; for a
 * position left out take COMEM_SLICE_ALL's, or with a negative step INT64_MAX as start and INT64_MIN as stop. It is resolved
 * in the call, for the list as it is then. A step of 0: COMEM_INVALID. */
typedef struct comem_slice {
    int64_t start, stop, step;
} comem_slice;

static inline comem_slice comem_slice_of(int64_t start, int64_t stop, int64_t step)
{
    comem_slice slice;
    slice.start = start;
    slice.stop = stop;
    slice.step = step;
    return slice;
}

#define COMEM_SLICE_ALL comem_slice_of(0, INT64_MAX, 1)

/* Copies the items of a slice into `out`, as they stood at one moment, if they are at most `room`; otherwise none. `count`
 * says how many they are. Each is to be cleared. COMEM_NO_MEMORY: none were copied. Cost as comem_list_read(). */
COMEM_API comem_status comem_list_slice_get(comem_list *list, comem_slice slice, comem_value *out, size_t room,
                                            size_t *count);

/* Puts `count` values in the place of a slice, all at once. With a step of 1 they may be any number, the list grows or
 * shrinks; else as many as the slice has items (COMEM_INVALID). COMEM_NO_MEMORY. O(count + items replaced + length / 100);
 * with another step O(items from the first to the last one). */
COMEM_API comem_status comem_list_slice_set(comem_list *list, comem_slice slice, const comem_value *values,
                                            size_t count);

/* Removes the items of a slice, all at once. COMEM_NO_MEMORY. O(items from the first to the last one + length / 100). */
COMEM_API comem_status comem_list_slice_delete(comem_list *list, comem_slice slice);

/* Adds copies of the items of `other`, which may be `list` itself, behind the last, all at once: list += other.
 * COMEM_NO_MEMORY, COMEM_INVALID (references into another store). Cost as comem_list_read() and comem_list_extend(). */
COMEM_API comem_status comem_list_extend_list(comem_list *list, comem_list *other);

/* list *= times: what it holds, `times` times over; nothing when that is 0 or less. COMEM_NO_MEMORY. O(length * times). */
COMEM_API comem_status comem_list_multiply(comem_list *list, int64_t times);

/* New lists in the store of the first argument: the items of a list, of two one behind the other, of one `times` times
 * over. References are copied as such: both lists then refer to the same object. COMEM_NO_MEMORY. Cost as
 * comem_list_read() and comem_list_extend(). */
COMEM_API comem_status comem_list_copy(comem_list *list, comem_list **copy);
COMEM_API comem_status comem_list_concat(comem_list *first, comem_list *second, comem_list **both);
COMEM_API comem_status comem_list_repeat(comem_list *list, int64_t times, comem_list **repeated);

/* ---- finding and comparing */

/* Equal is what is equal in Python: 1, 1.0 and true; a str equals a str of the same bytes, bytes equal bytes; a float that is
 * not a number equals nothing. References are equal when they are to the same object; packed values and pickles when they have the
 * same bytes. */

/* The index of the first item from `start` on, before `stop`, that equals `value`; both as in a slice, 0 and INT64_MAX for
 * all. COMEM_NOT_FOUND. O(stop - start), 2 ns a number; takes the list's lock only when writers interfere. */
COMEM_API comem_status comem_list_index(comem_list *list, comem_value value, int64_t start, int64_t stop,
                                        size_t *index);

/* How many items equal `value`. Cost as comem_list_index(). */
COMEM_API comem_status comem_list_count(comem_list *list, comem_value value, size_t *count);

/* Whether two lists hold equal items in the same order; here, lists referred to are equal when what they hold is. Each list is
 * taken as it stands at one moment. COMEM_INVALID: lists within lists, more than 100 deep. COMEM_NO_MEMORY. O(length). */
COMEM_API comem_status comem_list_equal(comem_list *one, comem_list *other, bool *equal);

/* Which of two lists comes first, -1, 0 or 1: the first items that differ decide, else the length. COMEM_TYPE: those items
 * have no order (None, a str and a number). COMEM_INVALID, COMEM_NO_MEMORY as comem_list_equal(). */
COMEM_API comem_status comem_list_compare(comem_list *one, comem_list *other, int *order);

/* Writes the list to `stream` as Python prints one, without a newline: ['one', 2, None]. Text beyond ASCII is written as it
 * is. A list inside itself, or more than 100 deep, is [...]. The stream's error state is cleared first.
 * COMEM_SYSTEM: the stream failed. COMEM_NO_MEMORY. O(length). */
COMEM_API comem_status comem_list_print(comem_list *list, FILE *stream);

/* ---- dicts ------------------------------------------------------------------------------------------------------- */

/* Keys are compared by what they mean: 1, 1.0 and true are one key, as in Python, and -0.0 is 0; a float that is not a number
 * equals itself if its bits are the same; str, bytes, None; packed tuples and frozensets of keys. The first key stored is the
 * one that comem_dict_read() gives. COMEM_TYPE from any call that takes a key: a reference, a list, a dict, a set, a pickle.
 * Order is that of insertion; a key that is set again keeps its place. Values of every kind a list can hold.
 *
 * Costs are for keys that are numbers or short texts (up to 13 bytes) and values that are numbers; longer ones add O(size). */

/* Makes an empty dict in `store`. COMEM_NO_MEMORY. O(1), about 0.2 us. */
COMEM_API comem_status comem_dict_new(comem_store *store, comem_dict **dict);

/* Gives a handle back, as comem_list_release(). */
COMEM_API void comem_dict_release(comem_dict *dict);

/* The number of keys. O(1), 2 ns; takes no lock. */
COMEM_API comem_status comem_dict_len(comem_dict *dict, size_t *length);

/* A copy of the value of `key`. COMEM_NOT_FOUND, COMEM_NO_MEMORY. O(1), 15 ns in a small dict, 100 ns in one of a million keys;
 * takes no lock unless writers keep changing this key. */
COMEM_API comem_status comem_dict_get(comem_dict *dict, comem_value key, comem_value *value);

/* Whether `key` is there. As comem_dict_get(). */
COMEM_API comem_status comem_dict_contains(comem_dict *dict, comem_value key, bool *found);

/* Stores `value` under `key`. COMEM_NO_MEMORY. O(1), 20 ns for a key that is there, 60 ns for a new one; now and then a new key
 * costs up to some milliseconds for room. */
COMEM_API comem_status comem_dict_set(comem_dict *dict, comem_value key, comem_value value);

/* A copy of the value of `key`, which becomes `value` if there is none. `result`, which may be NULL, is what is stored then.
 * COMEM_NO_MEMORY. As comem_dict_set(). */
COMEM_API comem_status comem_dict_setdefault(comem_dict *dict, comem_value key, comem_value value, comem_value *result);

/* Takes `key` out and gives its value to `value`; NULL throws it away. COMEM_NOT_FOUND, COMEM_NO_MEMORY (the key stays). O(1),
 * 50 ns. */
COMEM_API comem_status comem_dict_pop(comem_dict *dict, comem_value key, comem_value *value);

/* Takes the key that was stored last out. `key` and `value` may be NULL. COMEM_NOT_FOUND: the dict is empty. COMEM_NO_MEMORY: it
 * stays. O(1). */
COMEM_API comem_status comem_dict_popitem(comem_dict *dict, comem_value *key, comem_value *value);

/* Removes every key. O(1), 0.3 us; what they took is freed in steps of 256 keys by this and later calls. */
COMEM_API comem_status comem_dict_clear(comem_dict *dict);

/* Copies all keys and values in their order, as they stood at one moment, if they are at most `room`; otherwise none. `count`
 * says how many there are. `keys` or `values` may be NULL. Each is to be cleared. COMEM_NO_MEMORY. O(keys), 10 ns each; takes the
 * dict's lock only when writers interfere. */
COMEM_API comem_status comem_dict_read(comem_dict *dict, comem_value *keys, comem_value *values, size_t room,
                                       size_t *count);

/* ---- many keys at once */

typedef struct comem_pair {
    comem_value key, value;
} comem_pair;

/* Stores `count` pairs, the last one of equal keys counts: all of them or none, and other processes see all at once.
 * COMEM_NO_MEMORY. O(count), 100 ns a pair. */
COMEM_API comem_status comem_dict_update(comem_dict *dict, const comem_pair *pairs, size_t count);

/* The same with what `other` holds, which may be `dict` itself: dict |= other. COMEM_INVALID: references into another store. */
COMEM_API comem_status comem_dict_update_from(comem_dict *dict, comem_dict *other);

/* New dicts in the store of the first argument: a copy; what two hold, where the second one's values count: first | second.
 * References are copied as such. COMEM_NO_MEMORY. Cost as comem_dict_read() and comem_dict_update(). */
COMEM_API comem_status comem_dict_copy(comem_dict *dict, comem_dict **copy);
COMEM_API comem_status comem_dict_merge(comem_dict *first, comem_dict *second, comem_dict **both);

/* Whether two dicts have equal keys with equal values, in whatever order; dicts and lists referred to are equal when what they
 * hold is. COMEM_INVALID: more than 100 deep. COMEM_NO_MEMORY. O(keys). */
COMEM_API comem_status comem_dict_equal(comem_dict *one, comem_dict *other, bool *equal);

/* ---- a value that depends on the one before: indivisible */

/* Adds `amount`, an int or a float, to the number stored under `key`; no key counts as 0. `result`, which may be NULL, is the sum.
 * COMEM_TYPE: the value or the amount is no number. COMEM_OUT_OF_RANGE: the sum of ints is beyond 64 bits. COMEM_NO_MEMORY.
 * O(1), 20 ns. */
COMEM_API comem_status comem_dict_add(comem_dict *dict, comem_value key, comem_value amount, comem_value *result);

/* Stores `value` under `key` if what is there equals `expected`, as keys are equal; `swapped` says whether. comem_missing() as
 * `expected`: there is no such key; as `value`: the key is taken out. COMEM_NO_MEMORY. As comem_dict_set(). */
COMEM_API comem_status comem_dict_cas(comem_dict *dict, comem_value key, comem_value expected, comem_value value,
                                      bool *swapped);

/* Stores what `update` makes of the value under `key`. It is called outside all locks and may be called several times, when others
 * were faster. It gets the value that is there (kind COMEM_MISSING: none) and returns true with the new one in *next, which is
 * cleared afterwards (COMEM_MISSING: the key goes), or false: everything stays. COMEM_NO_MEMORY. */
typedef bool (*comem_updater)(void *context, const comem_value *value, comem_value *next);
COMEM_API comem_status comem_dict_update_if(comem_dict *dict, comem_value key, comem_updater update, void *context);

/* Writes the dict to `stream` as Python prints one, as comem_list_print(): {'one': 1, 2: None}. */
COMEM_API comem_status comem_dict_print(comem_dict *dict, FILE *stream);

/* ---- variables --------------------------------------------------------------------------------------------------- */

/* One value that every process shares. A type code, as Python's array has them, says what it may be: 'b' 'B' 'h' 'H' 'i' 'I' 'l'
 * 'L' 'q' 'Q' ints of 1, 2, 4, 8 and 8 bytes (capitals: not below 0), 'f' 'd' floats ('f' rounds to 4 bytes), '?' a bool, 'c' bytes
 * of one byte, 'u' a str of one character; 0: any value a list can hold. Ints are taken for floats, bools for ints, an int other
 * than 0 for true. From 2^63 on, the value of an 'L' or 'Q' is a COMEM_PACKED, which comem_value_unpack() makes a COMEM_BIG_INT. */

/* Makes a variable that is `initial`. COMEM_INVALID: there is no such type code. COMEM_TYPE: `initial` is not of the type.
 * COMEM_OUT_OF_RANGE: too large for it. COMEM_NO_MEMORY. O(1), about 0.2 us. */
COMEM_API comem_status comem_variable_new(comem_store *store, char typecode, comem_value initial,
                                          comem_variable **variable);

/* Gives a handle back, as comem_list_release(). */
COMEM_API void comem_variable_release(comem_variable *variable);

/* Its type code, 0 for any value. O(1). */
COMEM_API comem_status comem_variable_typecode(comem_variable *variable, char *typecode);

/* A copy of the value. COMEM_NO_MEMORY. O(size), 2 ns for numbers; takes no lock unless writers keep changing it. */
COMEM_API comem_status comem_variable_get(comem_variable *variable, comem_value *value);

/* Stores a value. COMEM_TYPE, COMEM_OUT_OF_RANGE, COMEM_NO_MEMORY. O(size), 20 ns for numbers. */
COMEM_API comem_status comem_variable_set(comem_variable *variable, comem_value value);

/* Adds `amount`, an int or a float. `result`, which may be NULL, is the sum. COMEM_TYPE: the value or the amount is no number.
 * COMEM_OUT_OF_RANGE: the sum is beyond the type, or beyond 64 bits. COMEM_NO_MEMORY. O(1), 30 ns. */
COMEM_API comem_status comem_variable_add(comem_variable *variable, comem_value amount, comem_value *result);

/* Stores `value` if what is there equals `expected`, as keys are equal; `swapped` says whether. COMEM_TYPE, COMEM_OUT_OF_RANGE,
 * COMEM_NO_MEMORY. As comem_variable_set(). */
COMEM_API comem_status comem_variable_cas(comem_variable *variable, comem_value expected, comem_value value,
                                          bool *swapped);

/* ---- processes --------------------------------------------------------------------------------------------------- */

typedef struct comem_process {
    int64_t id; /* the child's process id; 0 before start and after join */
} comem_process;

/* Starts a process: flushes stdio, forks, runs function(argument) in the child, detaches, flushes, and _exits with what
 * the function returned (its lowest 8 bits). The child has every handle the caller can see.
 * COMEM_SYSTEM: fork failed. O(size of the process), 0.2 ms and up. */
COMEM_API comem_status comem_process_start(comem_process *process, int (*function)(void *argument), void *argument);

/* Waits until the process ends. `exit_code`, which may be NULL, is what the function returned, 0 to 255, or minus the
 * number of the signal that killed it. COMEM_INVALID: not started, or joined before. COMEM_SYSTEM: it is not a child of
 * the caller, or somebody else waited for it. */
COMEM_API comem_status comem_process_join(comem_process *process, int *exit_code);

#ifdef __cplusplus
}
#endif
#endif
