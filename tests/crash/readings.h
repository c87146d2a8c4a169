/* readings.h - what the files of readings share */
#ifndef COMEM_TESTS_CRASH_READINGS_H
#define COMEM_TESTS_CRASH_READINGS_H

#include "crash.h"

/* The parts of reading_parts[]. */
extern const struct reading dict_readings[], root_readings[], variable_readings[];

/* Clears a value that a reader got. Whatever it is, it is whole: bytes that are all alike, a number that was once put there,
 * a list that is alive. */
void accept(comem_value *value);

#endif
