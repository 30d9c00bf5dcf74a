/* The well-formed byte sequences of table 3-7 of the Unicode standard, row by row. */
#include "utf8_internal.h"

#include "nba/base/compiler.h"

static const struct {
    unsigned char lead_first, lead_last;     /* first byte */
    unsigned char second_first, second_last; /* second byte; those behind it are 80..bf */
    unsigned char bytes;
} rows[] = {
    {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

bool nba_utf8_tail_is_valid(const unsigned char *data, size_t bytes)
{
    size_t i = 0;
    while (i < bytes) {
        size_t row = 0;
        while (row < NBA_ARRAY_COUNT(rows) && data[i] > rows[row].lead_last) {
            row++;
        }
        if (row == NBA_ARRAY_COUNT(rows) || data[i] < rows[row].lead_first ||
            rows[row].bytes > bytes - i) {
            return false;
        }
        for (size_t k = 1; k < rows[row].bytes; k++) {
            const unsigned char byte = data[i + k];
            if (byte < (k == 1 ? rows[row].second_first : 0x80) ||
                byte > (k == 1 ? rows[row].second_last : 0xbf)) {
                return false;
            }
        }
        i += rows[row].bytes;
    }
    return true;
}
