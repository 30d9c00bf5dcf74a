/* Is a whole text UTF-8 (nba/base/utf8.h)? */
#ifndef NBA_CODEC_UTF8_INTERNAL_H
#define NBA_CODEC_UTF8_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "nba/base/utf8.h"

/* ASCII, which nearly every text is, goes eight bytes a step, the last step overlapping the one
 * before. */
static inline bool nba_utf8_is_ascii(const unsigned char *data, size_t bytes)
{
    uint64_t high = 0;
    uint64_t eight = 0;
    uint32_t four = 0;
    if (bytes >= 8) {
        for (size_t i = 0; i + 8 < bytes; i += 8) {
            memcpy(&eight, data + i, sizeof(eight));
            high |= eight;
        }
        memcpy(&eight, data + bytes - 8, sizeof(eight));
        high |= eight;
    } else if (bytes >= 4) {
        memcpy(&four, data, sizeof(four));
        high = four;
        memcpy(&four, data + bytes - 4, sizeof(four));
        high |= four;
    } else {
        for (size_t i = 0; i < bytes; i++) {
            high |= data[i];
        }
    }
    return (high & UINT64_C(0x8080808080808080)) == 0;
}

static inline bool nba_utf8_is_valid(const unsigned char *data, size_t bytes)
{
    if (nba_utf8_is_ascii(data, bytes)) {
        return true;
    }
    size_t i = 0;
    for (size_t one = 1; one != 0 && i < bytes; i += one) {
        one = nba_utf8_bytes(data + i, bytes - i);
    }
    return i == bytes;
}

#endif
