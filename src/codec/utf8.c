/* The well-formed byte sequences of table 3-7 of the Unicode standard, row by row. */
#include "utf8_internal.h"

static bool between(unsigned char byte, unsigned low, unsigned high)
{
    return byte >= low && byte <= high;
}

/* Length of the sequence that starts with `lead`, and the range of its second byte; 0: none. */
static size_t sequence_of(unsigned char lead, unsigned *ret_low, unsigned *ret_high)
{
    *ret_low = 0x80;
    *ret_high = 0xbf;
    if (lead < 0x80) {
        return 1;
    }
    if (between(lead, 0xc2, 0xdf)) {
        return 2;
    }
    if (between(lead, 0xe0, 0xef)) {
        *ret_low = lead == 0xe0 ? 0xa0 : 0x80;
        *ret_high = lead == 0xed ? 0x9f : 0xbf;
        return 3;
    }
    if (between(lead, 0xf0, 0xf4)) {
        *ret_low = lead == 0xf0 ? 0x90 : 0x80;
        *ret_high = lead == 0xf4 ? 0x8f : 0xbf;
        return 4;
    }
    return 0;
}

bool nba_utf8_tail_is_valid(const unsigned char *data, size_t bytes)
{
    size_t i = 0;
    while (i < bytes) {
        unsigned low = 0;
        unsigned high = 0;
        const size_t length = sequence_of(data[i], &low, &high);
        if (length == 0 || length > bytes - i) {
            return false;
        }
        if (length > 1 && !between(data[i + 1], low, high)) {
            return false;
        }
        for (size_t k = 2; k < length; k++) {
            if (!between(data[i + k], 0x80, 0xbf)) {
                return false;
            }
        }
        i += length;
    }
    return true;
}
