/*
 * Training again and again: `nba train --every 24h`.
 *
 * The service sleeps until the newest release on the shelf is as old as the period (at once where
 * there is none), so a restart of it neither trains twice nor skips.  Each training is a process of
 * its own: what it does to memory, and a crash, end with it.
 *
 *   it ended with     next
 *   0, 3              a period after it began
 *   2                 the service ends too: the same command line would fail for ever
 *   1, a signal       a tenth of the period later
 *
 * SIGTERM or Ctrl-C wakes the sleeper, or interrupts the training, which keeps its best so far;
 * then the service ends with 0.
 */
#ifndef NBA_APP_TRAIN_SERVICE_H
#define NBA_APP_TRAIN_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "nba/base/status.h"

/* "90s", "30m", "24h", "7d" in ms.  NBA_E_USAGE. */
NBA_MUST_USE
enum nba_status nba_period_parse(const char *text, int64_t *ret_ms, struct nba_error *error);

/* Returns in each training's process with *ret_trains, to train once and end; in the service's own
 * when it was told to stop.  Before any thread is started and any log opened.
 * NBA_E_CONFIG, NBA_E_IO. */
NBA_MUST_USE
enum nba_status nba_train_service(const char *release_dir, int64_t every_ms, bool *ret_trains,
                                  struct nba_error *error);

#endif
