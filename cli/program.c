/* program.c - the comem command as a program of its own */
#include <signal.h>

#include "cli.h"

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); /* a reader that goes away is met as an error */
    return cli_main(argc, argv);
}
