/* The well-formed byte sequences of table 3-7 of the Unicode standard, row by row. */
#include "nba/base/utf8.h"

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

size_t nba_utf8_bytes(const unsigned char *data, size_t left)
{
    size_t row = 0;
    while (row < NBA_ARRAY_COUNT(rows) && left > 0 && data[0] > rows[row].lead_last) {
        row++;
    }
    if (row == NBA_ARRAY_COUNT(rows) || rows[row].bytes > left || data[0] < rows[row].lead_first) {
        return 0;
    }
    for (size_t k = 1; k < rows[row].bytes; k++) {
        if (data[k] < (k == 1 ? rows[row].second_first : 0x80) ||
            data[k] > (k == 1 ? rows[row].second_last : 0xbf)) {
            return 0;
        }
    }
    return rows[row].bytes;
}
