/* image.c - a store with something of everything in it, as bytes */
#include "damage.h"
#include "objects/list_layout.h"

#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_LIMIT (UINT64_C(4) << 20)
#define ITEMS ((int)LIST_BLOCK * 2 + 60)

enum { ALIVE, UNDONE, FINISHED, BUILDING, HEAP_HOLDER, GROW_HOLDER, OWING, ROWS, PARTIES };

static struct store_map *map;
static comem_store store;
static struct participant *me, *parties[PARTIES];
static comem_list *numbers, *texts, *nested, *edited, *held, *scoped;
static comem_dict *words, *small;

static void must(comem_status status)
{
    if (status == COMEM_OK)
        return;
    fprintf(stderr, "image: %s (%s)\n", comem_strerror(status), comem_detail());
    exit(2);
}

static comem_value text_of(char *room, size_t size, int number)
{
    memset(room, 'a' + number % 26, size); /* private: the caller's */
    return comem_str(room, size);
}

/* ---- content ---- */

static void fill_lists(void)
{
    char room[3000];
    must(comem_root_list(&store, "numbers", &numbers));
    must(comem_root_list(&store, "texts", &texts));
    must(comem_root_list(&store, "edited", &edited));
    for (int i = 0; i < ITEMS; i++) {
        must(comem_list_append(numbers, comem_int(i)));
        must(comem_list_append(edited, i % 3 == 0 ? comem_float(i) : comem_int(i)));
    }
    for (int i = 0; i < 40; i++)
        must(comem_list_append(texts, text_of(room, (size_t)i * 3, i)));
    must(comem_list_append(texts, text_of(room, sizeof room, 3)));
    must(comem_list_append(texts, comem_bytes(room, 100)));
    for (int i = 0; i < 12; i++) {
        must(comem_list_insert(edited, 5 + 4 * i, text_of(room, 30, i)));
        must(comem_list_pop_at(edited, 3 * i, NULL));
    }
}

static comem_value tuple_with(comem_list *list)
{
    comem_value items[3] = {comem_int(1), comem_ref(list), comem_str("a text in a tuple", 17)}, packed;
    comem_value tuple = comem_items(COMEM_TUPLE, items, 3);
    must(comem_value_pack(&tuple, &packed));
    return packed;
}

static void fill_variables(void)
{
    comem_variable *number, *value;
    must(comem_root_variable(&store, "number", comem_int(4), &number));
    must(comem_root_variable(&store, "value", comem_str("a text that needs a block", 25), &value));
    must(comem_list_append(nested, comem_ref_variable(number)));
    must(comem_variable_set(value, comem_ref_variable(number)));
    must(comem_variable_set(value, comem_str("another text that needs a block", 31)));
}

static void fill_nested(void)
{
    must(comem_root_list(&store, "nested", &nested));
    must(comem_root_list(&store, "held", &held));
    must(list_new_in(&store, 7, OBJECT_FACE_MANAGER, &scoped));
    comem_value packed = tuple_with(texts), plain = comem_items(COMEM_LIST, NULL, 0), pickle = comem_none();
    must(comem_list_append(nested, comem_ref(numbers)));
    must(comem_list_append(nested, comem_ref(nested)));
    must(comem_list_append(nested, comem_ref(scoped)));
    must(comem_list_append(nested, packed));
    must(comem_list_append(held, packed));
    comem_value_clear(&packed);
    must(comem_value_pack(&plain, &packed));
    must(comem_list_append(held, packed));
    comem_value_clear(&packed);
    pickle = comem_bytes("\x80\x05\x95 a pickle that is none", 26);
    pickle.kind = COMEM_PICKLE;
    must(comem_list_append(held, pickle));
    must(comem_list_append(held, comem_none()));
    must(comem_list_append(held, comem_bool(true)));
    must(comem_list_append(scoped, comem_ref_dict(words)));
}

static void fill_dicts(void)
{
    char room[64];
    must(comem_root_dict(&store, "words", &words));
    must(comem_root_dict(&store, "small", &small));
    for (int i = 0; i < ITEMS; i++)
        must(comem_dict_set(words, comem_int(i * 7), comem_int(i)));
    for (int i = 0; i < 40; i++)
        must(comem_dict_set(words, text_of(room, 5 + (size_t)i, i), text_of(room, 40, i)));
    for (int i = 0; i < ITEMS; i += 3)
        must(comem_dict_pop(words, comem_int(i * 7), NULL));
    must(comem_dict_set(small, comem_str("list", 4), comem_ref(numbers)));
    must(comem_dict_set(small, comem_str("number", 6), comem_float(1.5)));
    comem_value packed = tuple_with(numbers);
    must(comem_dict_set(small, comem_str("tuple", 5), packed));
    comem_value_clear(&packed);
}

/* Something in the trash, which nothing is done for afterwards. */
static void fill_trash(void)
{
    comem_list *given;
    comem_dict *also;
    must(comem_list_new(&store, &given));
    must(comem_dict_new(&store, &also));
    for (int i = 0; i < ITEMS * 3; i++)
        must(comem_list_append(given, i % 20 == 0 ? comem_ref(numbers) : comem_str("some text of some size", 22)));
    for (int i = 0; i < ITEMS; i++)
        must(comem_dict_set(also, comem_int(i), comem_str("some text of some size", 22)));
    comem_list_release(given);
    comem_dict_release(also);
}

/* ---- participants ---- */

static struct object *shared_of(comem_list *list)
{
    return list->object.shared;
}

/* In the midst of a change that a death takes back. */
static void begin_undone(struct participant *party)
{
    struct object *shared = shared_of(edited);
    uint64_t offset;
    must(lock_acquire(party, &shared->lock));
    record_open_version(party, &shared->version);
    record_add_word(party, &shared->table);
    record_add_watch(party, &shared->links);
    must(heap_alloc(party, 100, &offset));
    must(heap_alloc(party, HEAP_BLOCK_MAX + 1, &offset));
    must(heap_alloc(party, 2 * sizeof(struct record_entry), &offset));
    struct record_entry *log = store_at(map, offset, 2 * sizeof *log);
    word_store(&log[0].what, (uint64_t)RECORD_WORD << 56 | store_offset(map, &shared->flags));
    word_store(&log[1].what, (uint64_t)RECORD_VERSION << 56 | store_offset(map, &shared->version));
    record_add(party, RECORD_LOG, offset, 2);
    record_add(party, RECORD_OWE, numbers->object.offset, 0);
}

/* Behind the commit of a change, whose leavings a death leaves to others. */
static void begin_finished(struct participant *party)
{
    struct object *shared = shared_of(texts);
    uint64_t blocks[2];
    for (unsigned i = 0; i < 2; i++)
        must(heap_alloc(party, 100 + 20000 * i, &blocks[i]));
    record_clear(party);
    must(lock_acquire(party, &shared->lock));
    record_open_version(party, &shared->version);
    for (unsigned i = 0; i < 2; i++)
        record_add(party, RECORD_FREE, blocks[i], 0);
    record_add(party, RECORD_UNLINK, numbers->object.offset, 0);
    record_commit(party);
}

/* A value that is built and has no cell yet. */
static void begin_building(struct participant *party)
{
    comem_value packed = tuple_with(numbers);
    struct cell_image image;
    must(cell_pack(&packed, &image));
    must(cell_pack_far(party, &packed, &image));
    record_add(party, RECORD_BUILD, image.body, 0);
    comem_value_clear(&packed);
}

/* Repaired, with a link that is still to be counted down. */
static void begin_owing(struct participant *party)
{
    record_add(party, RECORD_UNLINK, numbers->object.offset, 0);
    record_switch(party, RECORD_OWING, 0, 1);
}

/* A process record of its own, with rows and a table of rows. */
static void begin_rows(struct participant *party)
{
    struct process *process;
    word64 *row;
    must(process_open(party, SEAT_LIVE, &process));
    must(sync_upward->new_block(party, &process->tables[0], PROCESS_ROWS * 8 * sizeof(word64)));
    comem_list *lists[] = {numbers, texts, nested, edited};
    for (unsigned i = 0; i < 4; i++) {
        must(process_row(party, process, lists[i]->object.offset, &row));
        word_store(row, lists[i]->object.offset);
    }
    uint64_t rows;
    word_store(process_table(map, process, 0, &rows) + 3, held->object.offset);
}

static void begin_parties(void)
{
    for (unsigned i = 0; i < PARTIES; i++)
        must(participant_attach(map, &parties[i]));
    begin_undone(parties[UNDONE]);
    begin_finished(parties[FINISHED]);
    begin_building(parties[BUILDING]);
    begin_owing(parties[OWING]);
    begin_rows(parties[ROWS]);
    must(leaf_acquire(parties[HEAP_HOLDER], &map->header->heap_lock)); /* from here on nothing can be allocated */
    must(leaf_acquire(parties[GROW_HOLDER], &map->header->grow_lock));
}

/* ---- bytes ---- */

static void part_copy(struct image_part *part, uint64_t offset, uint64_t size)
{
    part->offset = offset; /* private: the image is malloc()ed */
    part->size = size;
    part->bytes = malloc(size);
    if (part->bytes == NULL)
        exit(2);
    word_copy_out(part->bytes, map->base + offset, size);
}

uint8_t *image_word(const struct image *image, uint64_t offset)
{
    for (unsigned i = 0; i < 4; i++) {
        const struct image_part *part = &image->parts[i];
        if (offset >= part->offset && offset - part->offset + 8 <= part->size)
            return part->bytes + (offset - part->offset);
    }
    return NULL;
}

static void words_add(struct image_words *words_of, uint64_t offset, uint64_t size)
{
    words_of->offsets = realloc(words_of->offsets, (words_of->count + size / 8) * sizeof(uint64_t));
    if (words_of->offsets == NULL)
        exit(2);
    for (uint64_t i = 0; i < size / 8; i++)
        words_of->offsets[words_of->count++] = offset + i * 8;
}

#define WORDS_OF_A_BLOCK 128u

static void visit_block(void *context, uint64_t offset, uint64_t size)
{
    struct image *image = context;
    bool object = heap_is_object(map, offset);
    words_add(&image->words[object ? 4 : 5], offset, size < WORDS_OF_A_BLOCK ? size : WORDS_OF_A_BLOCK);
    image->blocks = realloc(image->blocks, (image->block_count + 1) * sizeof(uint64_t));
    if (image->blocks == NULL)
        exit(2);
    image->blocks[image->block_count++] = offset;
}

static void find_words(struct image *image)
{
    words_add(&image->words[0], 0, offsetof(struct store_header, class_hint) + 8);
    words_add(&image->words[0], offsetof(struct store_header, slot_chunks), 16);
    words_add(&image->words[0], offsetof(struct store_header, process_chunks), 16);
    words_add(&image->words[1], image->parts[1].offset, image->parts[1].size);
    words_add(&image->words[2], image->parts[2].offset, image->parts[2].size);
    for (uint32_t i = 0; i < PARTIES + 2; i++) {
        words_add(&image->words[3], store_offset(map, slot_at(map, i)), offsetof(struct slot, counters));
        words_add(&image->words[3], store_offset(map, seat_at(map, SEATS_OF_PROCESSES, i)),
                  i < 3 ? offsetof(struct process, rows) + 64 : 8);
    }
    for (uint64_t page = map->data / PAGE_SIZE; page < store_end(map) / PAGE_SIZE; page++)
        heap_walk_page(map, page, visit_block, image);
}

static void mark_dead(struct image *image, const struct participant *party)
{
    uint8_t *life = image_word(image, store_offset(map, &party->slot->life));
    uint32_t word = FUTEX_OWNER_DIED;
    memcpy(life, &word, sizeof word); /* private: the image */
}

static void copy_store(struct image *image)
{
    uint64_t end = store_end(map), first = map->data / PAGE_SIZE, page_table = store_offset(map, map->page_table);
    uint64_t groups = store_offset(map, map->groups);
    uint64_t group = first / GROUP_PAGES, group_end = end / PAGE_SIZE / GROUP_PAGES + 1;
    memcpy(image->id, map->id, sizeof image->id); /* private: the image */
    image->size = os_memory_size(&map->memory);
    part_copy(&image->parts[0], 0, sizeof(struct store_header));
    part_copy(&image->parts[1], page_table + first * sizeof(word32), end / PAGE_SIZE * 4 - first * 4);
    part_copy(&image->parts[2], groups + group * sizeof(struct heap_group),
              (group_end - group) * sizeof(struct heap_group));
    part_copy(&image->parts[3], map->data, end - map->data);
    for (unsigned i = ALIVE + 1; i < PARTIES; i++)
        mark_dead(image, parties[i]);
    for (unsigned i = 0; i < PARTIES; i++)
        image->locks[i] = parties[i]->lock_word;
}

void image_make(struct image *image)
{
    must(handle_init());
    must(store_map_create(SIZE_LIMIT, &map));
    store.map = map;
    map->hash_seed = map->header->hash_seed = 1; /* an input means the same every time */
    must(participant_enter(map, &me));
    participant_leave(me);
    fill_lists();
    fill_dicts();
    fill_nested();
    fill_variables();
    struct object_name name;
    comem_list *stamped;
    must(comem_list_new(&store, &stamped));
    must(object_name_get(&stamped->object, UINT64_C(1000000000), &name));
    comem_list_release(stamped);
    fill_trash();
    begin_parties();
    copy_store(image);
    find_words(image);
}
