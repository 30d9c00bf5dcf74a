/* The handler only sets a flag; SA_RESETHAND makes the second signal final. */
#include "nba/app/interrupt.h"

#include <signal.h>
#include <string.h>

static volatile sig_atomic_t flag;

static void on_signal(int number)
{
    (void)number;
    flag = 1;
}

void nba_interrupt_install(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    action.sa_flags = (int)SA_RESETHAND;
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

bool nba_interrupted(void)
{
    return flag != 0;
}

enum nba_status nba_interrupt_check(struct nba_error *error)
{
    return flag != 0 ? nba_error_set(error, NBA_E_INTERRUPTED, "interrupted") : NBA_OK;
}

const volatile int *nba_interrupt_flag(void)
{
    return &flag;
}
