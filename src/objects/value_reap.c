/* value_reap.c - freeing values that refer to objects
 *
 * Their blocks go to the trash, where the references are counted down, from the last one on, 256 a step; the number of those
 * that are left stands in the block and moves in the operation that counts. Then the block is freed.
 *
 * A death      in a step: repair puts the block back into the trash (HOLD), and the next step goes on with what is left.
 */
#include "objects/value.h"

#define REAP_REFERENCES 256u

/* Counts down the last of `left` references. */
static void reap_reference(struct participant *me, struct value_block *block, uint64_t left)
{
    uint64_t info = value_block_info(word_load(&block->header.info), left - 1);
    struct cell_image image = cell_load(&value_block_cells(block)[left - 1]);
    if (cell_is_ref(image.head))
        object_unlink(me, image.body, 1, &block->header.info, info);
    else
        word_store(&block->header.info, info); /* damage: there is nothing to count */
}

static bool value_reap(struct participant *me, uint64_t root)
{
    struct value_block *block = store_at(me->map, root, sizeof *block);
    if (block == NULL) {
        record_clear(me);
        return true;
    }
    uint64_t left = value_block_references(word_load(&block->header.info));
    if (!store_holds(me->map, root, sizeof *block + left * sizeof(struct cell)))
        left = 0; /* damage: what they were is lost */
    for (unsigned i = 0; i < REAP_REFERENCES && left > 0; i++)
        reap_reference(me, block, left--);
    if (left > 0)
        return false;
    record_stage(me, me->record_end, RECORD_FREE, root, 0);
    record_switch(me, RECORD_COMMITTED, me->record_end, me->record_end + 1); /* HOLD goes, FREE comes */
    heap_finish(me, 0);
    return true;
}

void value_init(void)
{
    trash_register(BLOCK_VALUE, value_reap);
}
