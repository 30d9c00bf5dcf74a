/* JSON by hand for commands that print a few fixed objects: strings escaped, commas in place. */
#ifndef NBA_APP_JSON_TEXT_H
#define NBA_APP_JSON_TEXT_H

#include "nba/base/buf.h"

/* Appends the text as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void nba_json_text(struct nba_buf *buf, struct nba_str text);
/* ,"name":"text"   (the comma is left out behind an opening bracket) */
void nba_json_member_text(struct nba_buf *buf, const char *name, struct nba_str text);
/* ,"name":   and the caller goes on */
void nba_json_member(struct nba_buf *buf, const char *name);
/* ,"name":"2026-11-20T15:30:00Z", or null for NBA_TIME_NONE (INT64_MIN) */
void nba_json_member_time(struct nba_buf *buf, const char *name, int64_t ms);
void nba_json_member_number(struct nba_buf *buf, const char *name, double value);
/* A comma unless the last byte opens an object or array. */
void nba_json_comma(struct nba_buf *buf);

#endif
