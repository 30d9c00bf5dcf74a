/* JSON by hand for commands that print a few fixed objects: strings escaped, commas in place.
 * `name` NULL: an item of a list. */
#ifndef NBA_APP_JSON_TEXT_H
#define NBA_APP_JSON_TEXT_H

#include "nba/base/buf.h"

/* A comma unless this is the first, the name, and the bracket; the caller closes it. */
void nba_json_open(struct nba_buf *buf, const char *name, char bracket);
/* Bytes that are not UTF-8 become U+FFFD. */
void nba_json_text(struct nba_buf *buf, const char *name, struct nba_str text);
/* One of our own words: ASCII, nothing to escape. */
void nba_json_word(struct nba_buf *buf, const char *name, const char *word);
/* "2026-11-20T15:30:00Z", or null for NBA_TIME_NONE. */
void nba_json_time(struct nba_buf *buf, const char *name, int64_t ms);
void nba_json_number(struct nba_buf *buf, const char *name, double value);

#endif
