/* list_find.c - finding items of a list that equal a value
 *
 * Looking      without the lock, as list_range.c does it; remove() looks under the lock, because it goes on from there. Values
 *              of C compare as in Python and run nobody's code, so both may happen in the engine.
 * For Python   Some items only Python compares with a scalar: a pickle may be of any class, a big int equals a float, a complex
 *              number an int, a bytearray bytes. The functions called _plain() stop where one of them comes first.
 * Cost         2 ns a number, 5 ns a str.
 */
#include "objects/list_change.h"
#include "objects/list_read.h"
#include "value/order.h"
#include "value/packed.h"

#include <stdlib.h>

#define CHANGE_WORK 2u

/* ---- one value among many ---- */

struct find {
    const comem_value *value;
    struct cell_image needle;
    comem_slice slice;
    bool all;   /* count them all */
    bool plain; /* stop at an item that only Python compares */
    uint64_t index, count;
};

enum meeting { MEET_OTHER, MEET_EQUAL, MEET_UNKNOWN };

static comem_status find_open(struct find *find, const comem_value *value)
{
    comem_status status = cell_pack(value, &find->needle);
    if (status == COMEM_OK && cell_is_ref(find->needle.head))
        find->needle = object_ref_image(value->as.object);
    find->value = value;
    return status;
}

/* Whether a held value refers to the same objects as the one looked for. */
static bool find_same_references(struct store_map *map, const struct find *find, struct cell_image image)
{
    uint64_t count, found;
    struct comem_object **objects = cell_held_objects(find->value, &count);
    const struct cell *references = cell_far_references(map, image, &found);
    bool same = references != NULL && found == count;
    for (uint64_t i = 0; same && i < count; i++) {
        struct cell_image one = cell_load(&references[i]), other = object_ref_image(objects[i]);
        same = one.head == other.head && one.body == other.body;
    }
    return same;
}

/* Whether a cell that is neither number nor str nor bytes may equal a scalar for all that the engine knows. */
static bool find_is_unknown(struct store_map *map, struct cell_image image)
{
    uint8_t head[PACKED_HEAD] = {0};
    uint64_t size = cell_near_size(image.head);
    if (cell_kind(image.head) != COMEM_PACKED)
        return cell_kind(image.head) == COMEM_PICKLE;
    if (!cell_is_far(image.head)) {
        uint64_t low = image.head >> 24 | image.body << 40; /* the first bytes of near text */
        for (unsigned i = 0; i < sizeof head; i++)
            head[i] = (uint8_t)(low >> 8 * i);
        return !packed_heads_container(head, size);
    }
    const void *bytes = cell_far_size(map, image, &size) ? cell_far_bytes(map, image, size) : NULL;
    if (bytes == NULL)
        return false; /* not what it was */
    word_copy_out(head, bytes, size < sizeof head ? size : sizeof head);
    return !packed_heads_container(head, size);
}

/* What a cell holds that is no number, or is when a number is not looked for. */
static enum meeting find_meet_other(struct store_map *map, const struct find *find, struct cell_image image)
{
    if (find->plain && cell_kind(image.head) > COMEM_BYTES)
        return find_is_unknown(map, image) ? MEET_UNKNOWN : MEET_OTHER;
    uint64_t size;
    if (!cell_is_far(image.head) || (image.head & UINT32_MAX) != (find->needle.head & UINT32_MAX) ||
        !cell_far_size(map, image, &size) || size != find->value->size)
        return MEET_OTHER;
    const void *bytes = cell_far_bytes(map, image, size);
    bool equal = bytes != NULL && word_equal(bytes, find->value->as.data, size) &&
                 (!cell_is_held(image.head) || find_same_references(map, find, image));
    return equal ? MEET_EQUAL : MEET_OTHER;
}

static enum meeting find_meet_number(const struct find *find, struct cell_image image)
{
    bool both = cell_kind(image.head) != COMEM_NONE && cell_kind(find->needle.head) != COMEM_NONE;
    return both && order_numbers(image, find->needle) == ORDER_EQUAL ? MEET_EQUAL : MEET_OTHER;
}

static inline enum meeting find_meet(struct store_map *map, const struct find *find, struct cell_image image)
{
    if (image.head == find->needle.head && !cell_is_far(image.head) && cell_kind(image.head) != COMEM_FLOAT) {
        if (image.body == find->needle.body)
            return MEET_EQUAL;
        if (cell_kind(image.head) == COMEM_INT) /* what most lists hold, and are looked through for */
            return MEET_OTHER;
    }
    if (cell_is_number(image.head) && cell_is_number(find->needle.head))
        return find_meet_number(find, image);
    return find_meet_other(map, find, image);
}

static comem_status find_unknown(void)
{
    return store_error(COMEM_TYPE, "the list holds an item that only Python compares");
}

static enum attempt find_see(struct participant *me, struct list_look *look, void *context, comem_status *status)
{
    struct find *find = context;
    struct list_range range;
    find->count = 0;
    *status = list_range(find->slice, look->moment.length, &range);
    if (*status != COMEM_OK)
        return ATTEMPT_FAILED;
    for (uint64_t i = 0; i < range.count; i++) {
        uint64_t block = look->view.first, index = range.start + i;
        const struct cell *cell = list_view_cell(&look->view, index);
        if (cell == NULL || (look->view.first != block && !list_look_holds(look)))
            return ATTEMPT_AGAIN;
        enum meeting meeting = find_meet(me->map, find, cell_load(cell));
        if (meeting == MEET_UNKNOWN) {
            if (!list_look_holds(look))
                return ATTEMPT_AGAIN;
            *status = find_unknown();
            return ATTEMPT_FAILED;
        }
        if (meeting == MEET_OTHER)
            continue;
        if (find->count++ == 0)
            find->index = index;
        if (!find->all)
            break;
    }
    return ATTEMPT_DONE;
}

static void find_forget(struct participant *me, void *context)
{
    (void)me;
    (void)context;
}

static comem_status find_in(comem_list *list, struct find *find)
{
    static const struct list_seer seer = {false, find_see, find_forget};
    struct participant *me;
    comem_status status = list_enter(list, &me);
    if (status != COMEM_OK)
        return status;
    status = list_look(me, &list->object, &seer, find);
    participant_leave(me);
    return status;
}

static comem_status not_found(void)
{
    return store_error(COMEM_NOT_FOUND, "the list was looked through as it stood at one moment");
}

static comem_status find_index(comem_list *list, struct find *find, const comem_value *value, size_t *index)
{
    if (index == NULL)
        return store_error(COMEM_INVALID, "the place for the index is NULL");
    *index = 0;
    comem_status status = find_open(find, value);
    if (status == COMEM_OK)
        status = find_in(list, find);
    if (status != COMEM_OK)
        return status;
    *index = (size_t)find->index;
    return find->count > 0 ? COMEM_OK : not_found();
}

comem_status comem_list_index(comem_list *list, comem_value value, int64_t start, int64_t stop, size_t *index)
{
    struct find find = {.slice = {start, stop, 1}};
    return find_index(list, &find, &value, index);
}

comem_status list_index_plain(comem_list *list, const comem_value *value, comem_slice slice, size_t *index)
{
    struct find find = {.slice = slice, .plain = true};
    return find_index(list, &find, value, index);
}

static comem_status find_count(comem_list *list, struct find *find, const comem_value *value, size_t *count)
{
    if (count == NULL)
        return store_error(COMEM_INVALID, "the place for the number is NULL");
    *count = 0;
    comem_status status = find_open(find, value);
    if (status == COMEM_OK)
        status = find_in(list, find);
    if (status == COMEM_OK)
        *count = (size_t)find->count;
    return status;
}

comem_status comem_list_count(comem_list *list, comem_value value, size_t *count)
{
    struct find find = {.slice = {0, INT64_MAX, 1}, .all = true};
    return find_count(list, &find, &value, count);
}

comem_status list_count_plain(comem_list *list, const comem_value *value, size_t *count)
{
    struct find find = {.slice = {0, INT64_MAX, 1}, .all = true, .plain = true};
    return find_count(list, &find, value, count);
}

/* ---- remove ---- */

static comem_status remove_once(struct participant *me, struct comem_object *list, const struct find *find)
{
    struct locked_list locked;
    comem_status status = list_lock(me, list, &locked);
    if (status != COMEM_OK)
        return status;
    struct list_view view = list_view(me->map, locked.table, locked.length);
    uint64_t index = 0;
    enum meeting meeting = MEET_OTHER;
    for (; index < locked.length; index++) {
        const struct cell *cell = list_view_cell(&view, index);
        if (cell == NULL)
            return list_damaged(me, list);
        meeting = find_meet(me->map, find, cell_load(cell));
        if (meeting != MEET_OTHER)
            break;
    }
    struct list_change change = {.start = index, .stop = index + 1};
    status = meeting == MEET_EQUAL     ? list_change(me, list, &locked, &change)
             : meeting == MEET_UNKNOWN ? find_unknown()
                                       : not_found();
    if (status == COMEM_OK)
        return list_change_end(me, list);
    lock_release(me, &list->shared->lock);
    return status;
}

static comem_status find_remove(comem_list *list, struct find *find, const comem_value *value)
{
    struct participant *me;
    comem_status status = find_open(find, value);
    if (status == COMEM_OK)
        status = list_enter(list, &me);
    if (status != COMEM_OK)
        return status;
    unsigned tries = heap_first_try(me);
    do {
        status = remove_once(me, &list->object, find);
    } while (heap_try_again(me, status, &tries));
    trash_work(me, CHANGE_WORK);
    participant_leave(me);
    return status;
}

comem_status comem_list_remove(comem_list *list, comem_value value)
{
    struct find find = {.plain = false};
    return find_remove(list, &find, &value);
}

comem_status list_remove_plain(comem_list *list, const comem_value *value)
{
    struct find find = {.plain = true};
    return find_remove(list, &find, value);
}
