/* jansson reads and forgets; it knows no limit of nesting of ours. */
#include "nba/codec/json_value.h"

#include <jansson.h>

#include "nba/base/limits.h"

/* Brackets open at once in a text that is JSON. */
static size_t depth_of(struct nba_str json)
{
    size_t depth = 0;
    size_t deepest = 0;
    bool quoted = false;
    for (size_t i = 0; i < json.bytes; i++) {
        const char c = json.data[i];
        quoted = c == '"' ? !quoted : quoted;
        i += quoted && c == '\\' ? 1 : 0;
        depth += !quoted && (c == '{' || c == '[') ? 1 : 0;
        depth -= !quoted && (c == '}' || c == ']') ? 1 : 0;
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest;
}

static size_t read_value(struct nba_str text, bool object, size_t flags)
{
    json_error_t why;
    json_t *json = text.bytes != 0 ? json_loadb(text.data, text.bytes,
                                                flags | (object ? 0 : JSON_DECODE_ANY), &why)
                                   : NULL;
    const bool fits = json != NULL && (!object || json_is_object(json));
    json_decref(json);
    const size_t bytes = fits ? (size_t)why.position : 0;
    return depth_of(nba_str(text.data, bytes)) <= NBA_DEPTH_MAX ? bytes : 0;
}

size_t nba_json_value_bytes(struct nba_str text, bool object)
{
    return read_value(text, object, JSON_DISABLE_EOF_CHECK);
}

bool nba_json_value_is(struct nba_str text, bool object)
{
    return read_value(text, object, 0) != 0;
}
