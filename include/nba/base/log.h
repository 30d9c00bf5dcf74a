/*
 * The log: one line an event, as key=value text, to stderr.
 *
 * Only app, serve and engine's worker loop log, each fact once.  No payload and no raw HCP id is
 * ever handed to it; control characters are escaped.  Any thread may call; a line is written whole.
 *
 *   2026-11-20T15:30:00.123Z info restored partition=3 records=1204 ms=87
 */
#ifndef NBA_BASE_LOG_H
#define NBA_BASE_LOG_H

#include "nba/base/compiler.h"

enum nba_log_level { NBA_LOG_ERROR, NBA_LOG_WARN, NBA_LOG_INFO, NBA_LOG_DEBUG };

/* What is written at all; INFO at start. */
void nba_log_set_level(enum nba_log_level level);

/* `what` is a fixed word or two that names the event; `format` gives its key=value pairs. */
NBA_PRINTF(3, 4)
void nba_log(enum nba_log_level level, const char *what, const char *format, ...);

#endif
