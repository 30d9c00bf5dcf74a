/*
 * One JSON object (RFC 8259) as named cells: the members wanted, their texts unescaped; numbers and
 * booleans as written; null absent; an object or array as its JSON text.
 */
#ifndef NBA_INGEST_FLAT_JSON_INTERNAL_H
#define NBA_INGEST_FLAT_JSON_INTERNAL_H

#include "nba/base/buf.h"
#include "nba/base/status.h"

/* ret_cells[k] is the member names[k]; absent ones have data NULL.  Texts with escapes are put into
 * `scratch`, the others borrow `text`.  NBA_E_CONFIG: no JSON object. */
NBA_MUST_USE
enum nba_status nba_flat_json_read(struct nba_str text, const char *const *names, size_t count,
                                   struct nba_buf *scratch, struct nba_str *ret_cells,
                                   struct nba_error *error);

#endif
