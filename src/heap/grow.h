/* grow.h - making the store larger */
#ifndef COMEM_HEAP_GROW_H
#define COMEM_HEAP_GROW_H

#include "sync/sync.h"

/* Grows the store by a step, at least by `need` bytes if the step allows; the caller looks for room again and comes back
 * if it has to. COMEM_NO_MEMORY: nothing was to be had; the detail says the size and what limits it. The heap lock is not
 * held. */
comem_status heap_grow(struct participant *me, uint64_t need);

#endif
