/* crash.h - parties, scenarios and what the harness gives them */
#ifndef COMEM_TESTS_CRASH_CRASH_H
#define COMEM_TESTS_CRASH_CRASH_H

#include "content.h"
#include "heap/check.h"
#include "hook.h"
#include "objects/dict.h"
#include "objects/handle.h"
#include "objects/list_layout.h"
#include "objects/root.h"
#include "objects/variable.h"

/* Each party is a process of its own as far as the engine can see: a mapping at another address, a slot, a process record.
 * VICTIM dies in the operation; FIRST repairs, reaps and dies, too; SECOND finishes and looks. */
enum party { VICTIM, FIRST, SECOND, BYSTANDER, PARTIES };

extern struct store_map *maps[PARTIES];
extern struct participant *parties[PARTIES];
extern comem_store stores[PARTIES];
extern bool alive[PARTIES];

/* The lists, dicts and variables of a scenario as each party holds them; NULL where it does not. */
extern comem_list *lists[PARTIES][LISTS];
extern comem_dict *dicts[PARTIES][DICTS];
extern comem_variable *variables[PARTIES][VARIABLES];

/* Is cut as it is, and again and again with each of its allocations in turn being the first that finds the store full. */
struct scenario {
    const char *name;
    void (*prepare)(void);
    void (*operation)(void); /* by VICTIM */
};
/* All of them, in parts that end with one without a name; NULL behind the last part. */
extern const struct scenario *const scenario_parts[];

struct reading {
    const char *name;
    void (*prepare)(void);
    void (*read)(void);  /* by SECOND; says with accept() what it found */
    void (*write)(void); /* by `writer`, at the load where the reader was stopped */
    void (*judge)(void); /* by SECOND, when all is repaired: whether what it found can be; or NULL */
};
extern enum party writer;
extern const struct reading *const reading_parts[]; /* as scenario_parts */

/* The scenario is about names of roots: others go on with them, and not with list 0. Set by `prepare`. */
extern bool naming;

/* For set-up and for operations: anything but `expected` fails. */
void expect(comem_status status, comem_status expected, const char *what);
#define OK(call) expect(call, COMEM_OK, #call)

/* participant_leave(), where the hooks see it. */
void leave(struct participant *me);
void attach(enum party party);
/* Makes a list, a dict or the variable by FIRST and shares it with every attached party. */
void make_list(unsigned number);
void make_dict(unsigned number);
void make_variable(char typecode, comem_value initial);
/* A handle of `to` on an object, and on what `from` holds. */
struct comem_object *hold(struct cell_image image, enum party to);
comem_list *share(comem_list *from, enum party to);
comem_dict *share_dict(comem_dict *from, enum party to);
void release_everywhere(unsigned number);
void release_dict_everywhere(unsigned number);

/* Values of each kind; `n` tells them apart. */
comem_value near_value(unsigned n);
comem_value far_value(unsigned n);
comem_value run_value(unsigned n);

/* Fork records are made in vain if nobody dies with them: closes every descriptor opened since the set-up. */
extern int first_free_fd;

#endif
