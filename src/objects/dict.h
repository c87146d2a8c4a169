/* dict.h - dicts: what front ends of this library may use besides comem.h
 *
 * The functions here are those of comem.h for keys that were made before (key.h).
 */
#ifndef COMEM_OBJECTS_DICT_H
#define COMEM_OBJECTS_DICT_H

#include "objects/object.h"
#include "value/key.h"

/* A handle on a dict. */
struct comem_dict {
    struct comem_object object;
    _Atomic uint64_t resized; /* private: how often this process added or removed keys */
};

extern _Thread_local uint64_t dict_resizes; /* how often this thread did, in whatever dict */

/* Makes an empty dict in a scope, with OBJECT_ flags; see comem_dict_new(). */
comem_status dict_new_in(comem_store *store, uint64_t scope, uint32_t flags, comem_dict **dict);

comem_status dict_get(comem_dict *dict, const struct key *key, comem_value *value);
comem_status dict_contains(comem_dict *dict, const struct key *key, bool *found);
comem_status dict_set(comem_dict *dict, const struct key *key, const comem_value *value);
comem_status dict_setdefault(comem_dict *dict, const struct key *key, const comem_value *value, comem_value *result);
comem_status dict_pop(comem_dict *dict, const struct key *key, comem_value *value);
comem_status dict_add(comem_dict *dict, const struct key *key, const comem_value *amount, comem_value *result);
comem_status dict_update(comem_dict *dict, const struct key *keys, const comem_value *values, size_t count);

/* comem_dict_read() that takes no memory for a short str or bytes: it borrows from `texts`, CELL_NEAR_ROOM bytes for
 * each key and each value that is read and that there is room for. Everything else is owned. */
comem_status dict_read_lent(comem_dict *dict, comem_value *keys, comem_value *values, char *texts, size_t room,
                            size_t *count);

/* A key's value as it was when it was read, for who works on a copy and then changes it only if it is still the same. */
struct dict_moment {
    uint64_t table, entry, version; /* entry 0: the key was not there */
    struct cell_image image;
};

/* dict_get(), and the moment. On COMEM_NOT_FOUND *value is COMEM_MISSING, and the moment says so. */
comem_status dict_find(comem_dict *dict, const struct key *key, comem_value *value, struct dict_moment *moment);
/* Stores `value` (COMEM_MISSING: takes the key out) if the key is as it was at `moment`; *done says whether. */
comem_status dict_replace_if(comem_dict *dict, const struct key *key, const struct dict_moment *moment,
                             const comem_value *value, bool *done);
/* The last key and its value, either of which may be NULL, and the moment. COMEM_NOT_FOUND: the dict is empty. */
comem_status dict_last(comem_dict *dict, comem_value *key, comem_value *value, struct dict_moment *moment);
/* Takes the last key out if it is still that of dict_last(); *done says whether. */
comem_status dict_remove_last_if(comem_dict *dict, const struct dict_moment *moment, bool *done);

/* Registers dicts with the trash; once per process. */
void dict_init(void);

#endif
