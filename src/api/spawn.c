/* spawn.c - starting and joining processes from C
 *
 * The child is made by fork(), so it has the store, and every handle its parent can see, without further ado. It leaves by
 * _exit() after detaching, so that nothing the parent registered with atexit() runs twice.
 */
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sync/sync.h"

comem_status comem_process_start(comem_process *process, int (*function)(void *argument), void *argument)
{
    if (process == NULL || function == NULL)
        return store_error(COMEM_INVALID, "the process or its function is NULL");
    process->id = 0;
    fflush(NULL); /* what is buffered would be written by both */
    pid_t child = fork();
    if (child < 0)
        return store_error(COMEM_SYSTEM, "fork: %s", strerror(errno));
    if (child == 0) {
        int code = function(argument);
        store_detach_process();
        fflush(NULL);
        _exit(code);
    }
    process->id = child;
    return COMEM_OK;
}

comem_status comem_process_join(comem_process *process, int *exit_code)
{
    int status;
    pid_t ended;
    if (process == NULL || process->id <= 0)
        return store_error(COMEM_INVALID, "the process was not started, or was joined before");
    do {
        ended = waitpid((pid_t)process->id, &status, 0);
    } while (ended < 0 && errno == EINTR);
    if (ended < 0)
        return store_error(COMEM_SYSTEM, "waitpid for process %lld: %s", (long long)process->id, strerror(errno));
    process->id = 0;
    if (exit_code != NULL)
        *exit_code = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
    return COMEM_OK;
}
