/* Keys are a kind byte and an id; the table stands in key.h. */
#include "nba/state/key.h"

#include "nba/base/assert.h"

void nba_key_append(struct nba_buf *buf, enum nba_key_kind kind, struct nba_str id)
{
    nba_buf_append_byte(buf, (unsigned char)kind);
    nba_buf_append_str(buf, id);
}

bool nba_key_travels(struct nba_str key)
{
    static const char kinds[] = {NBA_KEY_ERASED, NBA_KEY_HCP, NBA_KEY_META, NBA_KEY_REP,
                                 NBA_KEY_VOLUME};
    return key.bytes > 1 && memchr(kinds, key.data[0], sizeof(kinds)) != NULL;
}

struct nba_str nba_key_id(struct nba_str key)
{
    NBA_ASSERT(key.bytes > 0);
    return nba_str(key.data + 1, key.bytes - 1);
}

struct nba_str nba_key_hcp(struct nba_str key, struct nba_str value)
{
    const size_t time_bytes = 1 + sizeof(int64_t);
    const char kind = key.data[0];
    if (kind == NBA_KEY_HCP || kind == NBA_KEY_VECTORS) {
        return nba_str(key.data + 1, key.bytes - 1);
    }
    if ((kind != NBA_KEY_SILENCE && kind != NBA_KEY_TIMER) || key.bytes < time_bytes) {
        return nba_str(NULL, 0);
    }
    struct nba_str id = nba_str(key.data + time_bytes, key.bytes - time_bytes);
    if (kind == NBA_KEY_TIMER) {
        struct nba_cursor cursor = nba_cursor(value.data, value.bytes);
        const uint32_t bytes = nba_cursor_u32le(&cursor);
        id.bytes = bytes < id.bytes ? bytes : id.bytes;
    }
    return id;
}
