/* mend.h - repairing a store that nobody else has open */
#ifndef COMEM_OBJECTS_MEND_H
#define COMEM_OBJECTS_MEND_H

#include "comem.h"

/* Called for each problem that was dealt with, when it was, and at last for each that is left. */
typedef void (*mend_report)(void *context, const char *problem, bool mended);

struct mend_result {
    uint64_t mended, left;
};

/* Makes right what store check finds, as far as it can be. The caller has seen to it that nobody else takes part in the store, or
 * comes while this goes on. May be ended at any moment and run again. COMEM_NO_MEMORY: some is left, and not told. */
comem_status mend_store(comem_store *store, mend_report report, void *context, struct mend_result *result);

#endif
