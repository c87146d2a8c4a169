/* hook.h - a call at every load and store of the engine
 *
 * The engine is compiled with -fsanitize=thread and linked against hook.c instead of the sanitizer: so each store into
 * mapped memory is counted and can be the one before which its thread dies (a jump out of the operation), each load can be
 * the one at which a reader is stopped, and everything written since a mark can be taken back.
 *
 * clang and gcc call by the same names, but for those of compare and swap and of copies. What clang before version 15
 * copies in private memory is not seen: taking back needs gcc.
 */
#ifndef COMEM_TESTS_CRASH_HOOK_H
#define COMEM_TESTS_CRASH_HOOK_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#define HOOK_NEVER UINT64_MAX

/* Stores into these bytes count, and aliases are one memory. */
void hook_add_mapping(void *base, uint64_t size);
/* No mapping is left: they are unmapped. */
void hook_forget_mappings(void);

/* Where a death jumps to. */
extern jmp_buf hook_death;
/* The number of the store before which to die, HOOK_NEVER for none. Counting starts over. */
void hook_arm(uint64_t store);
/* From now on a death is the process's own: SIGKILL in the place of a jump. */
void hook_die_really(void);
uint64_t hook_stores(void);

/* Calls `stop` before store number `store`, counted from here; its own stores do not count. */
void hook_stop_writer(uint64_t store, void (*stop)(void));

/* Calls `stop` at load number `load`, counted from here; hooks are off meanwhile. */
void hook_stop_reader(uint64_t load, void (*stop)(void));
uint64_t hook_loads(void);

/* What was written by the engine since, in mapped and in private memory, can be taken back to this point. Before the
 * first call nothing is kept for that. */
typedef uint64_t hook_mark;
hook_mark hook_now(void);
void hook_rollback(hook_mark mark);
/* A number that differs, for practical purposes, when the mapped memory differs. */
uint64_t hook_image(void);

/* Memory for malloc() inside trials, all taken back at once. */
void hook_arena(bool on);
void hook_arena_reset(void);

#endif
