/* dict_layout.h - a dict's table, pages, segments and entries, and how a key is found
 *
 *   object.table -> table {counts, shape, pages ..., segments ...}
 *   page of an index: positions, each {part of the hash, number of an entry} in one word; found by the hash's first bits
 *   segment: entries in the order in which they were stored
 *
 * The index is extendible hashing: the table has 2^depth page offsets, of which several may be of one page; a page that is full
 * is split in two, or written anew without its tombstones, and no operation touches more than that. Within a page keys are found
 * by linear probing. A small dict has one page and one segment, both cut short, that are built anew when they are full.
 *
 * Segments hold DICT_SEGMENT - 1 entries, or fewer when they were compacted; only the last one is added to. They have an id,
 * by which positions find them, and a place in `order`. An entry never moves within its segment. An entry whose key is
 * DICT_DEAD was deleted; one position may still name it, which makes that a tombstone.
 *
 * Written by     the holder of the object's lock.
 * Commit         of a key more or less: the store of `counts`, {keys, entries of the last segment}. What else changes for it
 *                is either covered by the entry's version, odd until then, or not to be seen. Of a change of the shape: the
 *                store of the table word; the new table shares all that stays the same.
 * Versions       an entry's is odd while it changes; it goes on rising when the place is used again. A value that becomes
 *                another of the same kind and size in one store of its body needs no version. The object's version changes
 *                with every change of content, and is odd while that takes more than one store: a snapshot is of one moment
 *                if it is even and the same before and after.
 * Readers        take the table word, the page, a position, the entry's version (even), key and value; afterwards version and
 *                table word must be what they were, also when the key is another one. That a key is not there counts if the
 *                table word is what it was. What they find may be anything by then: offsets are checked before they are used.
 */
#ifndef COMEM_OBJECTS_DICT_LAYOUT_H
#define COMEM_OBJECTS_DICT_LAYOUT_H

#include "objects/dict.h"
#include "objects/value.h"

#define DICT_SEGMENT \
    (UINT64_C(1) << DICT_SEGMENT_SHIFT)            /* units of 64 bytes in a full segment; the first is its head */
#define DICT_PAGE (UINT64_C(1) << DICT_PAGE_SHIFT) /* words in a full page; the first two are its head */
#define DICT_PAGE_HEAD 2u
#define DICT_PAGE_FIRST 8u /* words of the smallest page */
#define DICT_DEPTH_MAX 18u
#define DICT_INDEX_BITS 12u
#define DICT_NUMBER_BITS 30u /* {id of a segment 18, unit in it 12} */
#define DICT_IDS_MAX (UINT64_C(1) << (DICT_NUMBER_BITS - DICT_INDEX_BITS))
static_assert(DICT_SEGMENT_SHIFT <= DICT_INDEX_BITS, "a unit's number fits");

#define DICT_EMPTY UINT64_C(0)
#define DICT_TOMBSTONE (UINT64_C(1) << DICT_INDEX_BITS) /* unit 0 of a segment is no entry */
#define DICT_DEAD UINT64_C(0xFF)                        /* as the head of a key */
#define DICT_NOT_GIVEN ((uint64_t)COMEM_MISSING)        /* as the head of `given`: keys() gives the canonical form */

struct dict_entry {
    word64 hash;
    word64 version;
    struct cell key;   /* the canonical form */
    struct cell given; /* as it was stored first, when that is something else */
    struct cell value;
};
static_assert(sizeof(struct dict_entry) == 64, "an entry is a cache line");

struct dict_segment {
    word64 capacity; /* entries there is room for */
    word64 end;      /* entries in use, while it is not the last; of the last, `counts` says it */
    word64 dead;     /* of them, those that were deleted */
    word64 spare[5];
    struct dict_entry entries[];
};
static_assert(sizeof(struct dict_segment) == 64, "entry n of a segment is its unit n + 1");

/* By id: where the segment stands. By place: which one comes there. */
struct dict_slot {
    word64 block; /* 0: the id is free */
    word64 order; /* the id of the segment at this place in the order */
};

struct dict_table {
    struct block_header header;
    word64 counts;  /* {keys 32, entries in use of the last segment 32} */
    word64 shape;   /* {slots 24 from bit 32, words of a page 16 from bit 8, depth 8} */
    word64 ordered; /* segments in use: places 0 .. ordered - 1 */
    word64 reaped;  /* in the trash: page offsets done with */
    word64 spare[2];
    word64 rest[]; /* 2^depth page offsets, then the slots */
};
static_assert(sizeof(struct dict_table) == 64, "docs/format.md says so");

/* A page: words[0] {positions that are not empty 32, of them tombstones 32}, words[1] its own depth, then the positions. */

/* ---- shapes ---- */

struct dict_shape {
    uint32_t depth, page_words, slots;
};

static inline uint64_t dict_shape_word(struct dict_shape shape)
{
    return (uint64_t)shape.slots << 32 | (uint64_t)shape.page_words << 8 | shape.depth;
}

/* False: it is none, be it that the table is none any more. */
static inline bool dict_shape_read(uint64_t word, struct dict_shape *shape)
{
    shape->depth = (uint32_t)(word & 0xFF);
    shape->page_words = (uint32_t)(word >> 8 & 0xFFFF);
    shape->slots = (uint32_t)(word >> 32);
    return WORD_LIKELY(shape->depth <= DICT_DEPTH_MAX &&
                       shape->page_words - DICT_PAGE_FIRST <= DICT_PAGE - DICT_PAGE_FIRST);
}

static inline uint64_t dict_table_size(struct dict_shape shape)
{
    return sizeof(struct dict_table) + (sizeof(word64) << shape.depth) + shape.slots * sizeof(struct dict_slot);
}

/* Positions of a page that may be in use. */
static inline uint64_t dict_page_limit(uint64_t page_words)
{
    return (page_words - DICT_PAGE_HEAD) * 3 / 4;
}

static inline uint64_t dict_counts(uint64_t keys, uint64_t end)
{
    return keys << 32 | end;
}

static inline uint64_t dict_keys(uint64_t counts)
{
    return counts >> 32;
}

static inline uint64_t dict_end(uint64_t counts)
{
    return counts & UINT32_MAX;
}

/* ---- hashes and positions ---- */

static inline uint64_t dict_directory_index(uint64_t hash, uint32_t depth)
{
    return (hash >> 1) >> (63 - depth);
}

/* What a position keeps of a hash: all of it that the index looks at. */
static inline uint64_t dict_part(uint64_t hash)
{
    return hash & ~((UINT64_C(1) << DICT_NUMBER_BITS) - 1);
}

/* The first word to look at for a hash, or for a position. */
static inline uint64_t dict_page_start(uint64_t hash, uint64_t page_words)
{
    return DICT_PAGE_HEAD + ((hash >> DICT_NUMBER_BITS & 0xFFFF) * (page_words - DICT_PAGE_HEAD) >> 16);
}

static inline uint64_t dict_page_next(uint64_t at, uint64_t page_words)
{
    return WORD_LIKELY(at + 1 < page_words) ? at + 1 : DICT_PAGE_HEAD;
}

static inline uint64_t dict_number_unit(uint64_t position)
{
    return position & ((UINT64_C(1) << DICT_INDEX_BITS) - 1);
}

static inline uint64_t dict_number_id(uint64_t position)
{
    return position >> DICT_INDEX_BITS & (DICT_IDS_MAX - 1);
}

static inline uint64_t dict_position(uint64_t hash, uint64_t id, uint64_t unit)
{
    return dict_part(hash) | id << DICT_INDEX_BITS | unit;
}

static inline uint64_t dict_page_used(uint64_t head)
{
    return head >> 32;
}

static inline uint64_t dict_page_tombs(uint64_t head)
{
    return head & UINT32_MAX;
}

static inline uint64_t dict_page_head(uint64_t used, uint64_t tombs)
{
    return used << 32 | tombs;
}

/* The head when one more position is in use, which was empty or a tombstone. A death may have left too few tombstones counted. */
static inline uint64_t dict_page_with_one_more(uint64_t head, bool empty)
{
    uint64_t used = dict_page_used(head), tombs = dict_page_tombs(head);
    return empty ? dict_page_head(used + 1, tombs) : dict_page_head(used, tombs - (tombs > 0));
}

/* ---- finding parts; NULL: not within the store ---- */

static inline struct dict_table *dict_table_at(struct store_map *map, uint64_t table_word)
{
    uint64_t offset = table_offset(table_word);
    return offset == 0 ? NULL : store_at(map, offset, sizeof(struct dict_table));
}

static inline word64 *dict_page_at(struct store_map *map, uint64_t offset, uint64_t page_words)
{
    return store_at(map, offset, page_words * sizeof(word64));
}

static inline struct dict_slot *dict_slots(struct dict_table *table, uint32_t depth)
{
    return (struct dict_slot *)&table->rest[UINT64_C(1) << depth];
}

/* Whether an entry has the key. `map` is for far text, which the caller, if it holds no lock, validates afterwards. */
bool dict_same_text(struct store_map *map, const struct dict_entry *entry, const struct key *key);

static inline bool dict_entry_is(struct store_map *map, const struct dict_entry *entry, const struct key *key)
{
    if (word_load(&entry->key.head) != key->image.head)
        return false;
    if (WORD_LIKELY(!cell_is_far(key->image.head)))
        return word_load(&entry->key.body) == key->image.body;
    return word_load(&entry->hash) == key->hash && dict_same_text(map, entry, key);
}

/* ---- the dict while this thread holds its lock (dict.c) ---- */

struct locked_dict {
    uint64_t table_word, counts;
    struct dict_table *table; /* NULL: empty */
    struct dict_shape shape;
    word64 *pages; /* 2^depth offsets */
    struct dict_slot *slots;
    uint64_t ordered;
    uint64_t last_id;
    struct dict_segment *last; /* the segment that is added to; NULL: there is none */
};

static inline comem_status dict_enter(comem_dict *dict, struct participant **me)
{
    if (!WORD_LIKELY(dict != NULL))
        return store_error(COMEM_INVALID, "the dict is NULL");
    return object_enter(&dict->object, me);
}

/* Takes the lock and looks at the table. COMEM_DAMAGED: the lock is not held. */
comem_status dict_lock(struct participant *me, struct comem_object *dict, struct locked_dict *locked);
/* The same when the lock is held already, after the table was changed. COMEM_DAMAGED: it still is. */
comem_status dict_look_at_table(struct participant *me, struct comem_object *dict, struct locked_dict *locked);
/* Releases the lock and says that the dict is damaged. */
comem_status dict_damaged(struct participant *me, struct comem_object *dict);

/* Finds the parts of the table at `root`, in use or in the trash, all but `last`. False: damage. */
bool dict_parts(struct store_map *map, uint64_t root, struct locked_dict *found);

/* Where a key is, or would be. */
struct dict_spot {
    word64 *page;
    uint64_t at;              /* its position; if it is not there, the first one that it may have */
    struct dict_entry *entry; /* NULL: the key is not there */
    uint64_t number;          /* {id, unit} of the entry */
};

/* False: damage. The dict has a table. */
bool dict_find_locked(struct store_map *map, const struct locked_dict *locked, const struct key *key,
                      struct dict_spot *spot);
/* Finds the position of `spot`'s entry by its number. False: it has none. */
bool dict_find_position(struct store_map *map, const struct locked_dict *locked, struct dict_spot *spot);
/* Gives back the places of dead entries at the end of the last segment, of which no position is left then: an operation of its own
 * that changes no content, in a dict that has a table. `locked` follows. (dict_remove.c) */
void dict_trim(struct participant *me, struct locked_dict *locked);
/* The page of a hash; NULL: damage. */
word64 *dict_page_of(struct store_map *map, const struct locked_dict *locked, uint64_t hash);
/* The segment with an id; NULL: there is none. All of its `capacity` entries are within the store. */
struct dict_segment *dict_segment_of(struct store_map *map, const struct locked_dict *locked, uint64_t id);

/* Readers who copy all of the dict find out that it changed. Before the store that commits: who sees one sees the other. */
static inline void dict_version_passes(struct object *shared)
{
    word_store(&shared->version, word_load(&shared->version) + 2);
}

static inline void dict_count_resize(struct comem_object *dict)
{
    _Atomic uint64_t *count = &((struct comem_dict *)dict)->resized; /* private: the dict's lock guards it */
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1,
                          memory_order_relaxed); /* private: as said */
    dict_resizes++;
}

/* Whether a key, found or not, is as it was at `moment`. */
bool dict_is_as_it_was(struct store_map *map, const struct locked_dict *locked, const struct dict_spot *spot,
                       const struct dict_moment *moment);
/* Takes the key out if it is as it was (dict_remove.c). */
comem_status dict_remove_if(struct participant *me, struct comem_object *dict, const struct key *key,
                            const struct dict_moment *moment, bool *done);

/* Removes everything; the lock is held, the record idle. Release it, then heap_finish(). (dict.c) */
void dict_drop_table(struct participant *me, struct comem_object *dict);

/* ---- room (dict_room.c); the lock is held, the record idle, each step an operation that changes no content ---- */

/* Sees to it that a key of this hash can be added. `locked` follows. COMEM_NO_MEMORY, COMEM_DAMAGED. */
comem_status dict_room(struct participant *me, struct comem_object *dict, struct locked_dict *locked, uint64_t hash);
/* The same for `count` keys, whose hashes are in rising order. */
comem_status dict_room_for_many(struct participant *me, struct comem_object *dict, struct locked_dict *locked,
                                const uint64_t *hashes, uint64_t count);
/* How many of the hashes, in rising order, fall into the first one's page from the first on; 0: damage. */
uint64_t dict_together(const uint64_t *hashes, uint64_t count, const word64 *page, const struct locked_dict *locked);
/* Takes segments without entries from the end, all but the first one: room that was made for nothing, or that popitem() left. */
comem_status dict_drop_empty_tail(struct participant *me, struct comem_object *dict, struct locked_dict *locked);
/* Whether something is to be gained after a key was taken out of this page and this segment. */
bool dict_is_loose(const struct locked_dict *locked, const word64 *page, const struct dict_segment *segment);
/* Gives room back after `hash` was taken out, whose entry had this number: takes the lock for a step or two. The record is idle, no lock held. */
void dict_tighten(struct participant *me, struct comem_object *dict, uint64_t hash, uint64_t number);

/* Registers dicts with store check. */
void dict_check_init(void);

/* ---- reading (dict_read.c) ---- */

/* Takes the dict's lock and the map's mutex, waiting for neither while it has the other. */
comem_status dict_lock_to_read(struct participant *me, struct comem_object *dict, struct locked_dict *locked);

enum { DICT_SHOWN, DICT_VALUES, DICT_CANONICAL, DICT_COLUMNS };

/* Where keys as they were given, values, and canonical keys go; each may be NULL. A column of which there are `texts`,
 * CELL_NEAR_ROOM bytes for each value, borrows short str and bytes from there and owns the others. */
struct dict_columns {
    comem_value *column[DICT_COLUMNS];
    char *texts[DICT_COLUMNS];
};

/* comem_dict_read() of columns. */
comem_status dict_read_columns(comem_dict *dict, const struct dict_columns *to, size_t room, size_t *count);

/* ---- copies (dict_copy.c) ---- */

/* All pairs in private memory, as they stood at one moment. */
struct dict_copy {
    struct dict_columns pairs;
    size_t count;
};

/* All columns. COMEM_NO_MEMORY, COMEM_GONE. Outside any operation. */
comem_status dict_copy_take(comem_dict *dict, struct dict_copy *copy);
/* An empty copy with room for so many pairs. COMEM_NO_MEMORY; to be cleared in any case. */
comem_status dict_copy_room(struct dict_copy *copy, size_t room);
void dict_copy_clear(struct dict_copy *copy);
/* Whether a key was given in its canonical form. */
bool dict_copy_is_canonical(const struct dict_copy *copy, size_t pair);
/* Stores the pairs, all at once, as comem_dict_update(). */
comem_status dict_copy_put(const struct dict_copy *copy, comem_dict *dict);

#endif
