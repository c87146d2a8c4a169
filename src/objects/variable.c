/* variable.c - one value in, changed or out
 *
 * Layout       a cell in the object's header; the type code stands in the object's flags, in bits 8 to 15.
 * Written by   the holder of the object's lock.
 * Order        a value's block is filled, or its object's link counted up, before the variable is locked: ALLOC, BUILD or OWE
 *              stand in the record meanwhile. What a change gives up is freed, or counted down, after the lock is gone: FREE,
 *              TRASH, UNLINK. Never are two object locks held.
 * Commit       a plain value in the place of one with the same head: the store of its body. Any other: COMMITTED, after both
 *              words of the cell (WORD), between odd versions.
 * Readers      copy the cell without the lock; it counts if the version was even and is unchanged afterwards. A store of the
 *              body alone leaves the version: whatever body is met belongs to that head. They finish whatever writers do
 *              (value_attempts()).
 * A death      before the commit: the cell as it was, the version even, the new value given back. After it: the new value, and
 *              what was given up is freed by repair or, for links, by a reaper. add and cas are one commit or none; what they
 *              look at outside the lock is looked at again under it.
 * Cost         numbers: 2 ns to read, 20 ns to store, 30 ns to add.
 */
#include "objects/variable.h"

#include "objects/value.h"
#include "value/key.h"
#include "value/order.h"
#include "value/packed.h"
#include "value/text.h"

#define CHANGE_WORK 2u /* steps of trash that a change of anything but a number does */

/* ---- types ---- */

enum form {
    FORM_NONE, /* there is no such type code */
    FORM_ANY,
    FORM_INT,
    FORM_UNSIGNED, /* an int that is beyond the 64 bits of a COMEM_INT from 2^63 on, and packed then */
    FORM_FLOAT,
    FORM_SINGLE,
    FORM_BOOL,
    FORM_BYTE,
    FORM_CHARACTER
};

struct type {
    enum form form;
    int64_t low, high; /* where an int fits as a COMEM_INT */
};

static const struct type types[128] = {
    [0] = {FORM_ANY, INT64_MIN, INT64_MAX},
    ['b'] = {FORM_INT, INT8_MIN, INT8_MAX},
    ['B'] = {FORM_INT, 0, UINT8_MAX},
    ['h'] = {FORM_INT, INT16_MIN, INT16_MAX},
    ['H'] = {FORM_INT, 0, UINT16_MAX},
    ['i'] = {FORM_INT, INT32_MIN, INT32_MAX},
    ['I'] = {FORM_INT, 0, UINT32_MAX},
    ['l'] = {FORM_INT, INT64_MIN, INT64_MAX},
    ['L'] = {FORM_UNSIGNED, 0, INT64_MAX},
    ['q'] = {FORM_INT, INT64_MIN, INT64_MAX},
    ['Q'] = {FORM_UNSIGNED, 0, INT64_MAX},
    ['f'] = {FORM_SINGLE, INT64_MIN, INT64_MAX},
    ['d'] = {FORM_FLOAT, INT64_MIN, INT64_MAX},
    ['?'] = {FORM_BOOL, INT64_MIN, INT64_MAX},
    ['c'] = {FORM_BYTE, 0, 0},
    ['u'] = {FORM_CHARACTER, 0, 0},
};

static inline const struct type *type_at(uint32_t typecode)
{
    return &types[typecode < sizeof types / sizeof types[0] ? typecode : 1]; /* 1 is none */
}

bool variable_typecode_known(char typecode)
{
    return type_at((unsigned char)typecode)->form != FORM_NONE;
}

comem_value variable_zero(char typecode)
{
    switch (type_at((unsigned char)typecode)->form) {
    case FORM_INT:
    case FORM_UNSIGNED:
        return comem_int(0);
    case FORM_FLOAT:
    case FORM_SINGLE:
        return comem_float(0);
    case FORM_BOOL:
        return comem_bool(false);
    case FORM_BYTE:
        return comem_bytes("\0", 1);
    case FORM_CHARACTER:
        return comem_str("\0", 1);
    default:
        return comem_none();
    }
}

static inline uint32_t typecode_of(const struct object *shared)
{
    return (uint32_t)(word_load(&shared->flags) >> OBJECT_TYPECODE_SHIFT & 0xFF);
}

static comem_status not_of_type(uint32_t typecode, const comem_value *value)
{
    return store_error(COMEM_TYPE, "a variable of type '%c' takes no %s", (char)typecode, order_kind_name(value->kind));
}

static comem_status beyond_type(uint32_t typecode)
{
    const struct type *type = type_at(typecode);
    if (type->form == FORM_UNSIGNED)
        return store_error(COMEM_OUT_OF_RANGE, "an int beyond the range of type '%c': 0 to %llu", (char)typecode,
                           (unsigned long long)UINT64_MAX);
    return store_error(COMEM_OUT_OF_RANGE, "an int beyond the range of type '%c': %lld to %lld", (char)typecode,
                       (long long)type->low, (long long)type->high);
}

static comem_status fit_int(uint32_t typecode, const comem_value *value, comem_value *fit)
{
    const struct type *type = type_at(typecode);
    uint64_t number;
    if (value->kind == COMEM_PACKED && packed_big_int(value, &number)) {
        *fit = *value;
        return type->form == FORM_UNSIGNED && number != 0 ? COMEM_OK : beyond_type(typecode);
    }
    if (value->kind != COMEM_INT && value->kind != COMEM_BOOL)
        return not_of_type(typecode, value);
    *fit = comem_int(value->kind == COMEM_BOOL ? value->as.boolean : value->as.integer);
    bool within = fit->as.integer >= type->low && fit->as.integer <= type->high;
    return within ? COMEM_OK : beyond_type(typecode);
}

static comem_status fit_float(uint32_t typecode, const comem_value *value, comem_value *fit)
{
    if (value->kind == COMEM_FLOAT)
        *fit = *value;
    else if (value->kind == COMEM_INT || value->kind == COMEM_BOOL)
        *fit = comem_float(value->kind == COMEM_INT ? (double)value->as.integer : value->as.boolean);
    else
        return not_of_type(typecode, value);
    if (type_at(typecode)->form == FORM_SINGLE)
        fit->as.real = (float)fit->as.real;
    return COMEM_OK;
}

static comem_status fit_bool(uint32_t typecode, const comem_value *value, comem_value *fit)
{
    if (value->kind != COMEM_BOOL && value->kind != COMEM_INT)
        return not_of_type(typecode, value);
    *fit = comem_bool(value->kind == COMEM_BOOL ? value->as.boolean : value->as.integer != 0);
    return COMEM_OK;
}

/* One byte of bytes, one character of a str. */
static comem_status fit_single(uint32_t typecode, const comem_value *value, comem_value *fit)
{
    bool byte = typecode == 'c';
    size_t characters = 0;
    if (value->kind != (byte ? COMEM_BYTES : COMEM_STR) || (value->as.data == NULL && value->size > 0))
        return not_of_type(typecode, value);
    for (size_t i = 0; i < value->size && characters < 2; i++) /* all but the bytes that go on with a character */
        characters += byte || ((uint8_t)value->as.data[i] & 0xC0) != 0x80;
    *fit = *value;
    if (characters != 1)
        return store_error(COMEM_TYPE, "a variable of type '%c' takes one %s, not %s", (char)typecode,
                           byte ? "byte" : "character", characters == 0 ? "none" : "more");
    return COMEM_OK;
}

/* What is stored for `value` in a variable of that type; borrowed. COMEM_TYPE, COMEM_OUT_OF_RANGE. COMEM_DAMAGED: no type has
 * this code. */
static comem_status fit_value(uint32_t typecode, const comem_value *value, comem_value *fit)
{
    switch (type_at(typecode)->form) {
    case FORM_ANY:
        *fit = *value;
        return COMEM_OK;
    case FORM_INT:
    case FORM_UNSIGNED:
        return fit_int(typecode, value, fit);
    case FORM_FLOAT:
    case FORM_SINGLE:
        return fit_float(typecode, value, fit);
    case FORM_BOOL:
        return fit_bool(typecode, value, fit);
    case FORM_BYTE:
    case FORM_CHARACTER:
        return fit_single(typecode, value, fit);
    default:
        return store_error(COMEM_DAMAGED, "a variable has a type code that there is not");
    }
}

/* ---- reading ---- */

struct reading {
    const word64 *version_at;
    uint64_t version;
};

static bool reading_still(const void *context)
{
    const struct reading *reading = context;
    word_fence_acquire();
    return word_load(reading->version_at) == reading->version;
}

/* Copies the cell. Not to be believed if ATTEMPT_AGAIN comes back. */
static inline enum attempt read_cell(const struct object *shared, struct reading *reading, struct cell_image *image)
{
    reading->version_at = &shared->version;
    reading->version = word_load_acquire(&shared->version);
    *image = cell_load(&shared->content);
    return WORD_LIKELY(reading->version % 2 == 0 && reading_still(reading)) ? ATTEMPT_DONE : ATTEMPT_AGAIN;
}

struct content {
    comem_value *value;
    struct variable_moment *moment;
};

/* One attempt. The map's mutex is held, but with `me` NULL; then a cell that refers to objects has to be read again. */
static enum attempt read_content(struct participant *me, struct comem_object *variable, void *context,
                                 comem_status *status)
{
    const struct content *content = context;
    struct cell_image image;
    struct reading reading;
    store_view_renew(variable->map);
    enum attempt attempt = read_cell(variable->shared, &reading, &image);
    if (attempt == ATTEMPT_DONE && me == NULL && cell_refers(image.head))
        attempt = ATTEMPT_AGAIN;
    if (attempt == ATTEMPT_DONE)
        attempt = value_read(me, variable, image, reading_still, &reading, content->value, status);
    *content->moment = (struct variable_moment){reading.version, image};
    return attempt;
}

static comem_status read_entered(struct participant *me, struct comem_object *variable, comem_value *value,
                                 struct variable_moment *moment)
{
    struct content content = {value, moment};
    comem_status status = object_ok(variable) ? COMEM_OK : object_gone(variable);
    enum attempt attempt = status == COMEM_OK ? read_content(NULL, variable, &content, &status) : ATTEMPT_FAILED;
    if (attempt == ATTEMPT_AGAIN)
        attempt = value_attempts(me, variable, read_content, &content, &status);
    if (attempt == ATTEMPT_AGAIN)
        return store_error(COMEM_DAMAGED, "a variable's version is odd and nobody changes it");
    if (status == COMEM_OK && !object_ok(variable)) { /* it was emptied by its end */
        value_drop(me, value);
        return object_gone(variable);
    }
    return status;
}

comem_status variable_find(comem_variable *variable, comem_value *value, struct variable_moment *moment)
{
    struct participant *me;
    *value = comem_none();
    comem_status status = object_enter(&variable->object, &me);
    if (status != COMEM_OK)
        return status;
    unsigned tries = heap_first_try(me);
    do {
        status = read_entered(me, &variable->object, value, moment);
    } while (heap_try_again(me, status, &tries));
    participant_leave(me);
    return status;
}

comem_status comem_variable_get(comem_variable *variable, comem_value *value)
{
    struct reading reading;
    struct variable_moment moment;
    if (!WORD_LIKELY(variable != NULL && value != NULL)) {
        if (value != NULL)
            *value = comem_none();
        return store_error(COMEM_INVALID, "the variable or the place for the value is NULL");
    }
    const struct comem_object *object = &variable->object;
    if (!WORD_LIKELY(participant_present(object->map) &&
                     read_cell(object->shared, &reading, &moment.image) == ATTEMPT_DONE &&
                     cell_is_number(moment.image.head) && object_ok(object)))
        return variable_find(variable, value, &moment);
    cell_unpack_number(moment.image, value);
    return COMEM_OK;
}

comem_status comem_variable_typecode(comem_variable *variable, char *typecode)
{
    struct participant *me;
    if (typecode != NULL)
        *typecode = 0;
    if (variable == NULL || typecode == NULL)
        return store_error(COMEM_INVALID, "the variable or the place for the type code is NULL");
    comem_status status = object_enter(&variable->object, &me);
    if (status != COMEM_OK)
        return status;
    participant_leave(me);
    uint32_t found = typecode_of(variable->object.shared);
    if (!object_ok(&variable->object))
        return object_gone(&variable->object);
    if (type_at(found)->form == FORM_NONE)
        return store_error(COMEM_DAMAGED, "a variable has a type code that there is not");
    *typecode = (char)found;
    return COMEM_OK;
}

/* ---- storing ---- */

static inline bool is_as_it_was(const struct object *shared, const struct variable_moment *moment)
{
    struct cell_image image = cell_load(&shared->content);
    return moment->version == word_load(&shared->version) && moment->image.head == image.head &&
           moment->image.body == image.body;
}

/* Stores a plain image in the place of one with the same head; the lock is held. False: it is none, or there is another head. */
static inline bool store_body(struct object *shared, struct cell_image image)
{
    if (!WORD_LIKELY(word_load(&shared->content.head) == image.head && cell_is_plain(image.head)))
        return false;
    word_publish(&shared->content.body, image.body); /* commit */
    return true;
}

/* Stores a cell that was prepared; the lock is held, the record has what value_prepare() left. object_finish() is due when the
 * lock is gone. */
static void store_cell(struct participant *me, struct object *shared, struct cell_image image)
{
    if (store_body(shared, image))
        return;
    uint32_t version = record_open_version(me, &shared->version);
    value_replace(me, &shared->content, image);
    record_close_version(me, &shared->version, version);
}

/* *stored: whether the variable was as it was at `moment`, which may be NULL. */
static comem_status store_once(struct participant *me, struct comem_object *variable, const comem_value *value,
                               struct cell_image image, const struct variable_moment *moment, bool *stored)
{
    comem_status status = value_prepare(me, value, &image);
    if (status != COMEM_OK)
        return status;
    status = object_lock(me, variable);
    if (status == COMEM_OK) {
        *stored = moment == NULL || is_as_it_was(variable->shared, moment);
        if (*stored)
            store_cell(me, variable->shared, image);
        lock_release(me, &variable->shared->lock);
    }
    if (*stored)
        return object_finish(me);
    if (!cell_is_plain(image.head))
        value_give_back(me, image);
    return status;
}

/* Stores a value that fits the type; inside an operation. */
static comem_status store_value(struct participant *me, struct comem_object *variable, const comem_value *value,
                                const struct variable_moment *moment, bool *stored)
{
    struct cell_image image;
    *stored = false;
    comem_status status = value_pack(variable, value, &image);
    if (status != COMEM_OK)
        return status;
    unsigned tries = heap_first_try(me);
    do {
        status = store_once(me, variable, value, image, moment, stored);
    } while (heap_try_again(me, status, &tries));
    if (trash_waiting(me))
        trash_work(me, CHANGE_WORK);
    return status;
}

/* A number in the place of one of its kind. *stored: it was. */
static inline comem_status store_number(struct participant *me, struct comem_object *variable, struct cell_image image,
                                        bool *stored)
{
    comem_status status = object_lock(me, variable);
    if (!WORD_LIKELY(status == COMEM_OK))
        return status;
    *stored = store_body(variable->shared, image);
    lock_release(me, &variable->shared->lock);
    return COMEM_OK;
}

comem_status variable_set(comem_variable *variable, const comem_value *value)
{
    struct participant *me;
    struct cell_image image;
    comem_value fit;
    bool stored = false;
    struct comem_object *object = &variable->object;
    comem_status status = object_enter(object, &me);
    if (!WORD_LIKELY(status == COMEM_OK))
        return status;
    status = fit_value(typecode_of(object->shared), value, &fit);
    if (status == COMEM_OK && cell_pack_number(&fit, &image))
        status = store_number(me, object, image, &stored);
    if (status == COMEM_OK && !stored)
        status = store_value(me, object, &fit, NULL, &stored);
    participant_leave(me);
    return status;
}

comem_status variable_check(comem_variable *variable, const comem_value *value)
{
    struct participant *me;
    comem_value fit;
    comem_status status = object_enter(&variable->object, &me);
    if (status != COMEM_OK)
        return status;
    status = fit_value(typecode_of(variable->object.shared), value, &fit);
    participant_leave(me);
    return status;
}

comem_status comem_variable_set(comem_variable *variable, comem_value value)
{
    if (variable == NULL)
        return store_error(COMEM_INVALID, "the variable is NULL");
    return variable_set(variable, &value);
}

comem_status variable_replace_if(comem_variable *variable, const struct variable_moment *moment,
                                 const comem_value *value, bool *done)
{
    struct participant *me;
    comem_value fit;
    *done = false;
    comem_status status = object_enter(&variable->object, &me);
    if (status != COMEM_OK)
        return status;
    status = fit_value(typecode_of(variable->object.shared), value, &fit);
    if (status == COMEM_OK)
        status = store_value(me, &variable->object, &fit, moment, done);
    participant_leave(me);
    return status;
}

/* ---- add ---- */

static inline double real_of(const comem_value *value)
{
    return value->kind == COMEM_FLOAT ? value->as.real : (double)value->as.integer;
}

/* An int added to an int, or an int or a float to a float, with a sum that is stored as it is; the lock is held. False: it is
 * something else, and nothing was changed. */
static inline bool add_number(struct object *shared, const comem_value *amount, comem_value *sum)
{
    struct cell_image old = cell_load(&shared->content), image;
    const struct type *type = type_at(typecode_of(shared));
    int64_t total;
    comem_value value;
    if (WORD_LIKELY(old.head == COMEM_INT && amount->kind == COMEM_INT)) {
        if (__builtin_add_overflow((int64_t)old.body, amount->as.integer, &total) || total < type->low ||
            total > type->high)
            return false;
        *sum = comem_int(total);
    } else if (old.head == COMEM_FLOAT && (amount->kind == COMEM_FLOAT || amount->kind == COMEM_INT) &&
               type->form != FORM_SINGLE) {
        cell_unpack_number(old, &value);
        *sum = comem_float(value.as.real + real_of(amount));
    } else {
        return false;
    }
    cell_pack_number(sum, &image);
    word_publish(&shared->content.body, image.body); /* commit */
    return true;
}

/* The sum of an unsigned number of 64 bits and an int, in `packer` when it is beyond a COMEM_INT. */
static comem_status sum_unsigned(uint32_t typecode, const comem_value *value, const comem_value *amount,
                                 struct packer *packer, comem_value *sum)
{
    uint64_t number = (uint64_t)value->as.integer, total;
    if (value->kind == COMEM_PACKED && !packed_big_int(value, &number))
        return store_error(COMEM_DAMAGED, "a variable of type '%c' holds no number", (char)typecode);
    if (__builtin_add_overflow(number, amount->as.integer, &total))
        return beyond_type(typecode);
    if (total <= INT64_MAX) {
        *sum = comem_int((int64_t)total);
        return COMEM_OK;
    }
    uint64_t bytes[2] = {htole64(total), 0};
    comem_value big = comem_bytes(bytes, 9);
    big.kind = COMEM_BIG_INT;
    comem_status status = packer_item(packer, &big);
    return status == COMEM_OK ? packer_close(packer, sum) : status;
}

/* What is stored when `amount` is added to `value`. */
static comem_status sum_for(uint32_t typecode, const comem_value *value, const comem_value *amount,
                            struct packer *packer, comem_value *sum)
{
    const struct type *type = type_at(typecode);
    comem_value total, adding = *amount;
    if (adding.kind == COMEM_BOOL)
        adding = comem_int(adding.as.boolean);
    if (type->form == FORM_BOOL || type->form == FORM_BYTE || type->form == FORM_CHARACTER)
        return store_error(COMEM_TYPE, "only numbers can be added, and type '%c' is none", (char)typecode);
    if (type->form == FORM_UNSIGNED && adding.kind == COMEM_INT &&
        (value->kind == COMEM_INT || value->kind == COMEM_PACKED))
        return sum_unsigned(typecode, value, &adding, packer, sum);
    comem_status status = value_sum(value, &adding, &total);
    return status == COMEM_OK ? fit_value(typecode, &total, sum) : status;
}

/* Adds to what was read outside the lock, until nobody has changed it meanwhile. */
static __attribute__((noinline)) comem_status add_other(comem_variable *variable, const comem_value *amount,
                                                        comem_value *result)
{
    comem_status status = COMEM_OK;
    bool done = false;
    while (status == COMEM_OK && !done) {
        struct variable_moment moment;
        struct packer packer;
        comem_value value, sum, copy = comem_none();
        status = variable_find(variable, &value, &moment);
        if (status != COMEM_OK)
            return status;
        packer_open(&packer);
        status = sum_for(typecode_of(variable->object.shared), &value, amount, &packer, &sum);
        if (status == COMEM_OK && result != NULL)
            status = value_copy(&sum, &copy); /* before it is stored, since nothing may fail afterwards */
        if (status == COMEM_OK)
            status = variable_replace_if(variable, &moment, &sum, &done);
        packer_clear(&packer);
        comem_value_clear(&value);
        if (done && result != NULL)
            *result = copy;
        else
            comem_value_clear(&copy);
    }
    return status;
}

comem_status comem_variable_add(comem_variable *variable, comem_value amount, comem_value *result)
{
    struct participant *me;
    comem_value sum;
    bool done = false;
    if (result != NULL)
        *result = comem_none();
    if (variable == NULL)
        return store_error(COMEM_INVALID, "the variable is NULL");
    comem_status status = object_enter(&variable->object, &me);
    if (!WORD_LIKELY(status == COMEM_OK))
        return status;
    status = object_lock(me, &variable->object);
    if (WORD_LIKELY(status == COMEM_OK)) {
        done = add_number(variable->object.shared, &amount, &sum);
        lock_release(me, &variable->object.shared->lock);
    }
    participant_leave(me);
    if (done && result != NULL)
        *result = sum;
    return WORD_LIKELY(done) || status != COMEM_OK ? status : add_other(variable, &amount, result);
}

/* ---- compare and swap ---- */

comem_status comem_variable_cas(comem_variable *variable, comem_value expected, comem_value value, bool *swapped)
{
    comem_status status = COMEM_OK;
    bool equal = true;
    if (swapped != NULL)
        *swapped = false;
    if (variable == NULL || swapped == NULL)
        return store_error(COMEM_INVALID, "the variable or the place for the answer is NULL");
    status = variable_check(variable, &value); /* said whatever is stored */
    while (status == COMEM_OK && !*swapped) {
        struct variable_moment moment;
        comem_value found;
        status = variable_find(variable, &found, &moment);
        if (status == COMEM_OK)
            status = key_values_equal(variable->object.map, &found, &expected, &equal);
        comem_value_clear(&found);
        if (status != COMEM_OK || !equal)
            return status;
        status = variable_replace_if(variable, &moment, &value, swapped);
    }
    return status;
}

/* ---- birth and release ---- */

comem_status variable_new_in(comem_store *store, uint64_t scope, uint32_t flags, char typecode,
                             const comem_value *initial, comem_variable **variable)
{
    struct comem_object *made;
    if (variable != NULL)
        *variable = NULL;
    if (store == NULL || variable == NULL)
        return store_error(COMEM_INVALID, "the store or the place for the variable is NULL");
    if (!variable_typecode_known(typecode))
        return store_error(COMEM_INVALID, "there is no type code %d", typecode);
    flags |= (uint32_t)(unsigned char)typecode << OBJECT_TYPECODE_SHIFT;
    comem_status status = object_new_in(store, OBJECT_VARIABLE, scope, flags, &made);
    if (status != COMEM_OK)
        return status;
    status = variable_set((comem_variable *)made, initial);
    if (status == COMEM_OK)
        *variable = (comem_variable *)made;
    else
        object_release(made);
    return status;
}

comem_status comem_variable_new(comem_store *store, char typecode, comem_value initial, comem_variable **variable)
{
    return variable_new_in(store, 0, 0, typecode, &initial, variable);
}

void comem_variable_release(comem_variable *variable)
{
    if (variable != NULL)
        object_release(&variable->object);
}
