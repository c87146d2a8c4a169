/* support.h - what the tests of the engine share
 *
 * Each test has a store of its own, made by support_begin() and looked at by support_end(): quiet, store_check() finds
 * nothing, and once every handle is given back and every name is taken away nothing is in use. Processes made by a test say
 * what they found with their exit code, because an assertion of cmocka must not jump out of a child.
 */
#ifndef COMEM_TESTS_SUPPORT_H
#define COMEM_TESTS_SUPPORT_H

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#include <cmocka.h>

#include "heap/check.h"
#include "heap/grow.h"
#include "objects/dict.h"
#include "objects/handle.h"
#include "objects/list_layout.h"

#define MIB (UINT64_C(1) << 20)

struct bench {
    comem_store store;
    struct store_map *map;
};

/* A test with a store of at most 256 MiB as its state, and a time limit. */
#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, support_setup, support_teardown)
/* One that needs nothing but the time limit. */
#define ALONE(test) cmocka_unit_test_setup_teardown(test, support_setup_alone, support_teardown_alone)
int support_setup(void **state);
int support_teardown(void **state);
int support_setup_alone(void **state);
int support_teardown_alone(void **state);

/* Runs only the tests whose names match the first argument, if there is one; * stands for anything. */
void support_choose(int argc, char **argv);

/* A store of its own. */
struct bench *support_begin(uint64_t size_limit);
/* Takes this thread out of it and unmaps it; its problems, printed. */
uint64_t support_end(struct bench *bench);
/* The same store mapped once more, as another process would; good until the test ends. */
comem_store *support_again(struct bench *bench);

/* Frees all that can be freed and says how many bytes are in use. */
uint64_t support_used(struct store_map *map);
/* Frees all that can be freed; the problems of the store, printed. */
uint64_t support_problems(struct store_map *map);
/* Looks at every slot and process once. */
void support_sweep(struct store_map *map);

comem_list *support_list(comem_store *store);
int64_t support_int(comem_list *list, int64_t index);
size_t support_len(comem_list *list);
comem_dict *support_dict(comem_store *store);
int64_t support_dict_int(comem_dict *dict, comem_value key);
size_t support_dict_len(comem_dict *dict);
/* The dict holds these pairs and no others, in this order, whichever way one looks. */
void support_assert_dict(comem_dict *dict, const comem_pair *pairs, size_t count);
/* A text up to its zero byte. */
comem_value support_text(const char *text);
/* The same kind and the same content; of references, the same handle. */
void support_assert_value(const comem_value *value, const comem_value *expected);
/* A handle of another mapping on the object behind `list`. */
comem_list *support_handle_on(comem_store *store, comem_list *list);

#define assert_ok(call) assert_status(COMEM_OK, call)
#define assert_status(expected, call) support_assert_status((expected), (call), #call, __FILE__, __LINE__)
void support_assert_status(comem_status expected, comem_status status, const char *call, const char *file, int line);

/* ---- other processes ---- */

/* In a child: what a test would assert. */
#define child_check(condition)                                    \
    do {                                                          \
        if (!(condition))                                         \
            support_child_failed(#condition, __FILE__, __LINE__); \
    } while (0)
_Noreturn void support_child_failed(const char *condition, const char *file, int line);

/* fork(), the child runs function(argument) and ends with what it returned, without detaching. */
pid_t support_fork(int (*function)(void *argument), void *argument);
/* Waits; the exit code, or minus the signal. */
int support_wait(pid_t child);
int support_run(int (*function)(void *argument), void *argument);
/* Zeroed memory that children share with the test. */
void *support_shared(size_t size);
/* Waits until *flag is at least `value`. */
void support_await(_Atomic int *flag, int value);
void support_nap(long microseconds);
double support_seconds(void);
/* A number from the environment, or `otherwise`. */
unsigned support_count(const char *name, unsigned otherwise);
bool support_sanitized(void);

/* ---- staged deaths: a second participant of this thread, in the same mapping ---- */

struct participant *support_victim(struct store_map *map);
/* From now on it looks dead to everybody in this process. */
void support_kill(struct participant *victim);
/* After its slot was repaired: the thread gives up what made it look alive. */
void support_bury(struct participant *victim);

/* ---- random numbers of their own, the same on every machine ---- */

struct dice {
    uint64_t state;
};
uint64_t dice_roll(struct dice *dice, uint64_t sides);

#endif
