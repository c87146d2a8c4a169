/* print.h - values as Python prints them */
#ifndef COMEM_OBJECTS_PRINT_H
#define COMEM_OBJECTS_PRINT_H

#include "objects/object.h"

/* Writes a value of any kind, tree or packed, as Python's repr() writes it. COMEM_NO_MEMORY, COMEM_DAMAGED, or why an object could
 * not be read. */
comem_status print_value(FILE *stream, const comem_value *value);

#endif
