/* look.h - stores as the command looks at them: from outside, without taking part */
#ifndef COMEM_CLI_LOOK_H
#define COMEM_CLI_LOOK_H

#include "objects/object.h"

#define LOOK_PATH_MAX 4096u

/* Where a store is. */
struct place {
    char path[LOOK_PATH_MAX]; /* of its file; of a program's own store, of a descriptor in /proc */
    char name[LOOK_PATH_MAX]; /* as the user writes it */
    int pid, descriptor;      /* of the process that has a store without a file; pid 0: it has one */
    bool alone;               /* joined by a thread that took part in no store before */
};

struct look {
    struct place place;
    struct store_map *map;
};

/* Finds the store that the user calls `store`. False after a complaint. */
bool look_find(const char *store, struct place *place);
/* Maps it to be read only. COMEM_NOT_FOUND, COMEM_DENIED, COMEM_UNSUPPORTED, COMEM_DAMAGED, COMEM_SYSTEM. */
comem_status look_open(const struct place *place, struct look *look);
void look_close(struct look *look);
/* look_find(), look_open() and `work`, whose exit code it returns, or that of a complaint. What `work` reads may be cut off while it
 * does. */
int look_at(const char *store, int (*work)(struct look *look, void *context), void *context);
/* Calls `work` and returns what it does, CLI_PROBLEM after a complaint if the file was cut short under it. */
int look_guarded(struct look *look, int (*work)(struct look *look, void *context), void *context);

/* Opens a store to take part in it. A complaint on failure. */
bool look_join(const char *store, comem_store **joined, struct place *place);
void look_leave(comem_store *store, const struct place *place);

/* Calls `visit` for every store of this user, of root's for everybody's: those with a file first, then those of processes. A
 * store is visited once. */
void look_for_all(void (*visit)(void *context, const struct place *place), void *context);

/* ---- who takes part ---- */

/* An attached thread. */
struct seat {
    uint64_t process;        /* offset of its process's record, 0 while it comes or goes */
    uint64_t pid, namespace; /* pid 0: not known */
    uint32_t number;         /* of its slot */
    uint32_t thread;
    bool dead;       /* and not cleaned up after yet */
    bool working;    /* an operation of it is under way, */
    uint64_t record; /* and this is the head of its record */
    uint64_t lock;   /* offset of the lock it has or waits for, 0 for none */
    bool has_lock;
};

struct seats {
    struct seat *seats; /* the threads of a process stand together */
    size_t count;
    size_t processes, dead; /* living processes; dead threads */
    bool strange;           /* it was last used in another start of the machine, or is a copy: nobody takes part */
};

/* False after a complaint: no memory. */
bool seats_read(const struct look *look, struct seats *seats);
void seats_free(struct seats *seats);
/* Whether `number` begins a process among the seats. */
bool seats_begin_process(const struct seats *seats, size_t number);

/* ---- what is in it ---- */

/* "list", "dict" ...; of the type of the object at `offset`. */
const char *look_kind(struct store_map *map, uint64_t offset);
/* Items of the object at `offset`; false: it is of a type without. */
bool look_length(struct store_map *map, uint64_t offset, uint64_t *length);

/* A key of a dict. */
struct look_key {
    comem_value shown;       /* as comem_dict_read() gives it, */
    comem_value canonical;   /* and as it can be looked up */
    struct cell_image value; /* of what stands under it */
};

/* Calls `visit` for the first `limit` keys of the dict at `dict`, as far as they can be read; false ends it. What a key owns goes over
 * to the visitor. Nothing keeps the dict from changing meanwhile. */
void look_keys(struct store_map *map, uint64_t dict, uint64_t limit, bool (*visit)(void *context, struct look_key *key),
               void *context);

#endif
