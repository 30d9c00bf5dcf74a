/* nba: one program; the commands stand in commands.c. */
#include <signal.h>
#include <sys/stat.h>

#include "nba/app/command.h"

int main(int argc, char **argv)
{
    /* A reader that goes away (`nba consume | head`) is an error of a write, not a death. */
    (void)signal(SIGPIPE, SIG_IGN);
    /* State, logs and releases are for their owner alone. */
    (void)umask(077);
    return nba_main_run(argc, argv);
}
