/*
 * Texts put together piece by piece: each function copies to `at`, where there is room, and returns
 * the place behind it.  For heads and ids of outputs, where printf costs more than all else.
 */
#ifndef NBA_BASE_STR_PUT_H
#define NBA_BASE_STR_PUT_H

#include <stdint.h>

#include "nba/base/str.h"

static inline char *nba_str_put(char *at, struct nba_str text)
{
    if (text.bytes != 0) {
        memcpy(at, text.data, text.bytes);
    }
    return at + text.bytes;
}

/* In decimal, as printf's %0*d; 20 characters at most, or `width`. */
static inline char *nba_str_put_number(char *at, int64_t value, unsigned width)
{
    char digits[20];
    unsigned count = 0;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    if (value < 0) {
        *at++ = '-';
        width -= width > 0;
    }
    do {
        digits[count++] = (char)('0' + left % 10);
        left /= 10;
    } while (left != 0);
    for (; width > count; width--) {
        *at++ = '0';
    }
    while (count > 0) {
        *at++ = digits[--count];
    }
    return at;
}

#endif
