/*
 * NBA_ASSERT: a contract between our own functions, checked in release builds too.
 *
 * A failed assertion is a bug of ours: it prints file, line and condition to stderr and aborts.
 * Data from outside is never asserted; it is checked where it enters and answered with a status.
 */
#ifndef NBA_BASE_ASSERT_H
#define NBA_BASE_ASSERT_H

#include "nba/base/compiler.h"

NBA_NORETURN
void nba_assert_failed(const char *file, int line, const char *condition);

#define NBA_ASSERT(condition) \
    ((condition) ? (void)0 : nba_assert_failed(__FILE__, __LINE__, #condition))

#endif
