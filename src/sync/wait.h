/* wait.h - what a front end wants done around sleeping */
#ifndef COMEM_SYNC_WAIT_H
#define COMEM_SYNC_WAIT_H

/* `before_sleep` runs before an operation sleeps for the first time and may let go of an interpreter's lock; what it
 * returns, unless that is NULL, is handed to `after_operation` once the operation has released its last engine lock. Set
 * before the first operation of the process; both NULL again to stop. */
void wait_hooks_set(void *(*before_sleep)(void), void (*after_operation)(void *token));

#endif
