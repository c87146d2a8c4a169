/* object.h - shared objects: headers, handles, links, scopes, names */
#ifndef COMEM_OBJECTS_OBJECT_H
#define COMEM_OBJECTS_OBJECT_H

#include "value/cell.h"

enum object_type { OBJECT_LIST = 1, OBJECT_DICT, OBJECT_VARIABLE };
enum object_state { OBJECT_LIVE = 1, OBJECT_GONE, OBJECT_DEAD }; /* in use; shut down; given to the trash */

#define OBJECT_FACE_MANAGER 1u
#define OBJECT_DEEP 2u
#define OBJECT_NO_PICKLE 4u
#define OBJECT_TYPECODE_SHIFT 8u /* of 8 bits of a variable's flags */
#define OBJECT_FLAGS (OBJECT_FACE_MANAGER | OBJECT_DEEP | OBJECT_NO_PICKLE)
#define OBJECT_MAGIC UINT64_C(0xC03E)

/* An object's header. The first line is its writers', the second its readers'. */
struct object {
    struct block_header header;
    word32 lock;
    word32 zero;
    word64 version;      /* odd while the lock's holder changes something that readers without locks look at */
    word64 links;        /* cells that name it: in containers, in what is built aside, in the trash */
    word64 stamp;        /* os_clock() until which a pickled name keeps it, 0 if it never was pickled */
    struct cell content; /* a variable's value, beside its lock: who changes it takes one line; in other objects none */

    word64 identity; /* {OBJECT_MAGIC 16, type 8, state 8, generation 32} */
    word64 flags;
    word64 scope; /* the manager it was made in, 0 for none */
    word64 table; /* {change count 28, offset 36} of its content, offset 0 when it is empty */
    word64 rest[4];
};
#define OBJECT_UNBOUND ((comem_status)1000) /* a status of handles on nothing, for the front ends alone */

static_assert(sizeof(struct object) == HEAP_OBJECT_SIZE && offsetof(struct object, identity) == 64 &&
                  offsetof(struct object, content) == 48,
              "docs/format.md says so");

/* A handle: private memory, one for each object that this process holds, however often it holds it. comem_list and the like
 * are this struct under their own name. */
struct comem_object {
    struct store_map *map;
    struct object *shared;
    uint64_t identity; /* what the object's must be; 0 once this process has lost its references */
    uint64_t offset;
    word64 *row;            /* in the process record */
    _Atomic uint64_t count; /* private: handles given out */
    struct comem_object *next;
};

static inline uint64_t object_identity(enum object_type type, enum object_state state, uint32_t generation)
{
    return OBJECT_MAGIC << 48 | (uint64_t)type << 40 | (uint64_t)state << 32 | generation;
}

static inline enum object_state object_identity_state(uint64_t identity)
{
    return (enum object_state)(identity >> 32 & 0xFF);
}

static inline enum object_type object_identity_type(uint64_t identity)
{
    return (enum object_type)(identity >> 40 & 0xFF);
}

static inline bool object_type_known(enum object_type type)
{
    return type >= OBJECT_LIST && type <= OBJECT_VARIABLE;
}

static inline bool object_ok(const struct comem_object *handle)
{
    return WORD_LIKELY(word_load_acquire(&handle->shared->identity) == handle->identity);
}

#define TABLE_OFFSET_BITS 36u
static_assert(LAYOUT_WINDOW <= UINT64_C(1) << TABLE_OFFSET_BITS, "a table word holds every offset");

static inline uint64_t table_offset(uint64_t table_word)
{
    return table_word & ((UINT64_C(1) << TABLE_OFFSET_BITS) - 1);
}

/* The table word that follows `table_word` and names `offset`. */
static inline uint64_t table_next(uint64_t table_word, uint64_t offset)
{
    return ((table_word >> TABLE_OFFSET_BITS) + 1) << TABLE_OFFSET_BITS | offset;
}

/* Registers what the floors below call; once per process. */
void object_init(void);

/* What `store check` has to know; once per process. */
void object_check_init(void);
struct check;
/* A cell that belongs to the table, or the object, at `root`. */
void object_check_cell(struct check *check, struct store_map *map, uint64_t root, struct cell_image image);

/* COMEM_GONE with the reason: shut down, or never this process's. Of a handle on nothing: what that says. */
comem_status object_gone(const struct comem_object *handle);
/* COMEM_INVALID: `handle` is of another store than what it is to be put into. Of a handle on nothing: what that says. */
comem_status object_foreign(const struct comem_object *handle);
/* Begins an operation on the object. */
static inline comem_status object_enter(struct comem_object *handle, struct participant **me)
{
    comem_status status = participant_enter(handle->map, me);
    return WORD_LIKELY(status == COMEM_OK || handle->identity != 0) ? status : object_gone(handle);
}

/* Takes the object's lock, in an operation, if it is still there. */
static inline comem_status object_lock(struct participant *me, struct comem_object *handle)
{
    comem_status status = lock_acquire(me, &handle->shared->lock);
    if (!WORD_LIKELY(status == COMEM_OK))
        return handle->identity != 0 ? status : object_gone(handle);
    if (WORD_LIKELY(object_ok(handle)))
        return COMEM_OK;
    lock_release(me, &handle->shared->lock);
    return object_gone(handle);
}

/* Takes the object's lock and, besides, the map's mutex, waiting for neither while it has the other. */
comem_status object_lock_to_read(struct participant *me, struct comem_object *handle);

/* Makes an object, empty, with one handle. Record idle. */
comem_status object_new(struct participant *me, enum object_type type, uint64_t scope, uint32_t flags,
                        struct comem_object **handle);
/* The same as a call of its own. COMEM_NO_MEMORY. */
comem_status object_new_in(comem_store *store, enum object_type type, uint64_t scope, uint32_t flags,
                           struct comem_object **handle);
/* A handle on the object that `image`, just read, refers to. `still` is asked after the reference is taken whether the
 * image is still where it was read; when not, *handle is NULL and the reader tries again. The map's mutex is held. */
comem_status object_take(struct participant *me, struct cell_image image, bool (*still)(const void *),
                         const void *context, struct comem_object **handle);
void object_hold(struct comem_object *handle);
void object_release(struct comem_object *handle);
/* The same inside an operation of `me`, with the map's mutex held and no object lock. Whether it was the last handle. */
bool object_drop(struct participant *me, struct comem_object *handle);

/* The image of a reference to the object at `offset`, and to `handle`. */
static inline struct cell_image object_image(uint64_t offset, uint32_t generation)
{
    struct cell_image image = {(uint64_t)generation << 32 | COMEM_REF, offset};
    return image;
}
struct cell_image object_ref_image(const struct comem_object *handle);
/* Counts a link up. Afterwards the record has OWE(object) alone, to be dropped by the commit that stores the cell, or handed
 * back by object_unlink(). Record idle, no object lock held. */
comem_status object_link(struct participant *me, struct comem_object *handle);
/* Counts a link up and stores `value` in *with, in one operation that leaves the first `keep` entries. */
comem_status object_link_with(struct participant *me, struct comem_object *handle, uint32_t keep, word64 *with,
                              uint64_t value);
/* Counts a link down, and stores `value` in *with in the same operation (with NULL: the record has OWE(object) behind the
 * first `keep` entries, which goes). An object that nobody names any more goes to the trash. No object lock held. */
void object_unlink(struct participant *me, uint64_t object, uint32_t keep, word64 *with, uint64_t value);
/* Ends a COMMITTED operation: frees what it gave up, and counts down the one link it unlinked, if any. */
comem_status object_finish(struct participant *me);

uint64_t object_offset(const struct comem_object *handle);
/* OBJECT_NO_PICKLE also when this process refuses pickles in the whole store. */
uint32_t object_flags(const struct comem_object *handle);
/* False once it was shut down. */
bool object_alive(const struct comem_object *handle);

/* ---- names: what a pickle carries ---- */

struct object_name {
    uint8_t store[16];
    uint64_t offset;
    uint32_t generation;
    int32_t sender;         /* process number, */
    uint64_t pid_namespace; /* in this one; 0: not known */
    uint64_t boot;          /* os_boot() of the sender */
    int32_t descriptor;     /* of the store, there */
    int32_t zero;
};
static_assert(sizeof(struct object_name) == 56, "it is written and read as bytes");

/* The object's name. It keeps the object for `grace` nanoseconds, whoever dies. */
comem_status object_name_get(struct comem_object *handle, uint64_t grace, struct object_name *name);
/* The object's name for a child that is being started: its record keeps the object until object_child_loaded(). */
comem_status object_name_pass(struct comem_object *handle, const struct child_record *child, struct object_name *name);
/* A handle by name. The store is this process's, or opened at the sender. COMEM_GONE: freed, or out of reach, and the detail
 * says what is. */
comem_status object_name_open(const struct object_name *name, struct comem_object **handle);
/* In a child: gives back what its record keeps and no handle of it holds. */
void object_child_loaded(struct store_map *map);

/* Gives back every reference of this process's record that no handle has. The map's mutex is held, no object lock. */
void object_drop_unheld(struct participant *me);

/* ---- scopes ---- */

comem_status object_scope_new(comem_store *store, uint64_t *scope);
/* Shuts down every object made in `scope`: their content is freed, their handles answer COMEM_GONE. */
comem_status object_scope_shutdown(comem_store *store, uint64_t scope);
/* The same of one object. */
comem_status object_shutdown(struct comem_object *handle);

/* ---- for name.c and walk.c ---- */

/* The header at `offset`, for whoever has only that. NULL: there is none. */
struct object *object_at(struct store_map *map, uint64_t offset);
/* Whether nothing would keep the object at the time `now` once its links are `links` and `but` is no row of it. */
bool object_unnamed(struct participant *me, const struct object *shared, uint64_t links, uint64_t now,
                    const word64 *but);
/* Gives up what the object holds, its table and what its cell names, as part of the caller's operation. */
void object_drop_content(struct participant *me, struct object *shared);
/* Gives the object to the trash if nothing keeps it at the time `now`. Whether it did. */
bool object_bury(struct participant *me, struct object *shared, uint64_t now);
/* Gives back the reference in `row`, of this process or of a dead one. */
void object_drop_row(struct participant *me, word64 *row);
/* Frees objects as sync_upward's reap_stamped says. */
bool walk_stamped(struct participant *me, uint64_t early);
/* Lets all names run out: of a store that nobody is attached to, whose clock was another machine's. */
void walk_forget_stamps(struct store_map *map);
/* Goes a span of objects further each time, so that names which are never opened do not fill the store. */
void walk_stamped_step(struct participant *me);

#endif
