/* UTF-8 as RFC 3629 defines it: shortest forms only, no surrogates, at most U+10FFFF. */
#ifndef NBA_BASE_UTF8_H
#define NBA_BASE_UTF8_H

#include <stddef.h>

/* Bytes of the character at `data`; 0 when the `left` bytes there don't begin with one. */
size_t nba_utf8_bytes(const unsigned char *data, size_t left);

#endif
