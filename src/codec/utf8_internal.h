/* Is it UTF-8 as RFC 3629 defines it: shortest forms only, no surrogates, at most U+10FFFF? */
#ifndef NBA_CODEC_UTF8_INTERNAL_H
#define NBA_CODEC_UTF8_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The part behind the ASCII that nearly every text is made of. */
bool nba_utf8_tail_is_valid(const unsigned char *data, size_t bytes);

static inline bool nba_utf8_is_valid(const unsigned char *data, size_t bytes)
{
    while (bytes >= 8) {
        uint64_t eight;
        memcpy(&eight, data, sizeof(eight));
        if ((eight & UINT64_C(0x8080808080808080)) != 0) {
            return nba_utf8_tail_is_valid(data, bytes);
        }
        data += 8;
        bytes -= 8;
    }
    unsigned high = 0;
    for (size_t i = 0; i < bytes; i++) {
        high |= data[i];
    }
    return high < 0x80 || nba_utf8_tail_is_valid(data, bytes);
}

#endif
