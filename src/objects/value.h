/* value.h - values on their way into containers and out of them */
#ifndef COMEM_OBJECTS_VALUE_H
#define COMEM_OBJECTS_VALUE_H

#include "objects/object.h"

/* Makes the image of `value` for a cell of `container`, as cell_pack(). COMEM_TYPE: a pickle, and there are to be none. */
comem_status value_pack(const struct comem_object *container, const comem_value *value, struct cell_image *image);
/* Completes the image of a value that was accepted: fills its block, or counts the link up. The record, idle before,
 * then has one entry: ALLOC (far), BUILD (held) or OWE (a reference), or none. No object lock is held. COMEM_NO_MEMORY,
 * COMEM_INVALID (an object of another store), COMEM_GONE (an object that a held value refers to). */
comem_status value_prepare(struct participant *me, const comem_value *value, struct cell_image *image);
/* The same for a far value, behind the first `keep` entries of the record. */
comem_status value_build(struct participant *me, uint32_t keep, const comem_value *value, struct cell_image *image);
/* Takes that back: the value was not stored. The record has that one entry, no object lock is held. */
void value_give_back(struct participant *me, struct cell_image image);
/* How a cell's value is given up: a FREE, TRASH or UNLINK. False: there is nothing to give up. */
bool value_line(struct cell_image image, struct record_line *line);
/* Records that for the operation under way. At most one cell that refers to an object in an operation. */
void value_record_give_up(struct participant *me, struct cell_image image);
/* Stores a prepared cell in the place of another, whose value the record then gives up, and commits. The versions that readers
 * look at are open, the lock is held; object_finish() is due when it is gone. */
static inline void value_replace(struct participant *me, struct cell *cell, struct cell_image image)
{
    record_add_word(me, &cell->head);
    record_add_word(me, &cell->body);
    value_record_give_up(me, cell_load(cell));
    cell_store(cell, image);
    record_commit(me);
}

/* The sum of two numbers. COMEM_OUT_OF_RANGE: of ints, beyond 64 bits. COMEM_TYPE: they are none. */
comem_status value_sum(const comem_value *one, const comem_value *other, comem_value *sum);

/* A private copy, which owns what it has; of a value that a container can hold. COMEM_NO_MEMORY: none. */
comem_status value_copy(const comem_value *value, comem_value *copy);
/* Clears a value inside an operation, with no object lock held and the record idle. */
void value_drop(struct participant *me, comem_value *value);
/* The same with the map's mutex held. */
void value_forget(struct participant *me, comem_value *value);

#define READ_TRIES 8u /* attempts to read without the lock; then it is taken */

enum attempt { ATTEMPT_DONE, ATTEMPT_AGAIN, ATTEMPT_RANGE, ATTEMPT_FAILED };

/* Whether pickles are handed out that a container is not to have, and taken back: a front end that loads pickles says that it
 * refuses them itself, so that the rest of what is there can be shown, and what was taken out and refused can be put back. */
extern bool value_pickles_are_looked_after;

/* Turns the image of a cell that was read in `container` into a private value; `still` says whether it is still where it was read. ATTEMPT_AGAIN:
 * it is not. ATTEMPT_FAILED: *status says why. The map's mutex is held if the cell refers to objects (cell_refers()), `me` may be
 * NULL otherwise. */
enum attempt value_read(struct participant *me, const struct comem_object *container, struct cell_image image,
                        bool (*still)(const void *), const void *context, comem_value *value, comem_status *status);

/* One attempt to read something of an object without its lock, as value_read(). */
typedef enum attempt (*value_attempt)(struct participant *me, struct comem_object *object, void *context,
                                      comem_status *status);
/* Attempts it up to READ_TRIES times, then with the object's lock, which repairs what a dead writer left: a reader finishes whatever
 * writers do. The map's mutex is held meanwhile, not before and not afterwards. ATTEMPT_AGAIN: damage, since nobody else can have
 * changed it. ATTEMPT_FAILED: *status says why. */
enum attempt value_attempts(struct participant *me, struct comem_object *object, value_attempt attempt, void *context,
                            comem_status *status);

/* Registers values that have references with the trash; once per process. (value_reap.c) */
void value_init(void);

#endif
