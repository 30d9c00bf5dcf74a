/* The end of the line for a broken contract. */
#include "nba/base/assert.h"

#include <stdio.h>
#include <stdlib.h>

void nba_assert_failed(const char *file, int line, const char *condition)
{
    (void)fprintf(stderr, "nba: %s:%d: broken contract: %s\n", file, line, condition);
    abort();
}
