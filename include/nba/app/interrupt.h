/*
 * SIGINT and SIGTERM as a flag: long work looks at it and ends in order.  A second signal ends the
 * process at once, as without us.
 */
#ifndef NBA_APP_INTERRUPT_H
#define NBA_APP_INTERRUPT_H

#include <stdbool.h>

#include "nba/base/status.h"

void nba_interrupt_install(void);
bool nba_interrupted(void);
/* NBA_E_INTERRUPTED once a signal came. */
NBA_MUST_USE
enum nba_status nba_interrupt_check(struct nba_error *error);
/* For whoever polls the flag from a thread of its own. */
const volatile int *nba_interrupt_flag(void);

#endif
