/* Whether a text is JSON, for those who keep and hand on JSON that they don't look into. */
#ifndef NBA_CODEC_JSON_VALUE_H
#define NBA_CODEC_JSON_VALUE_H

#include <stdbool.h>

#include "nba/base/str.h"

/* The bytes of the JSON value that `text` begins with (an object, if asked), nested at most
 * NBA_DEPTH_MAX deep; 0: there is none. */
size_t nba_json_value_bytes(struct nba_str text, bool object);
/* One such value with nothing after it but blanks. */
bool nba_json_value_is(struct nba_str text, bool object);

#endif
