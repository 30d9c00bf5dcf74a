/* What every cmocka program includes first: cmocka wants these headers before its own. */
#ifndef NBA_TEST_H
#define NBA_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nba/base/str.h"

#define assert_str_equal(actual, text)                                \
    do {                                                              \
        const struct nba_str actual_str = (actual);                   \
        assert_int_equal(actual_str.bytes, strlen(text));             \
        assert_memory_equal(actual_str.data, text, actual_str.bytes); \
    } while (0)

#endif
