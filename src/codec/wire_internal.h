/* Confluent wire format: a zero byte and the schema's id, big-endian, in front of the datum. */
#ifndef NBA_CODEC_WIRE_INTERNAL_H
#define NBA_CODEC_WIRE_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "nba/base/buf.h"
#include "nba/base/compiler.h"
#include "nba/base/status.h"
#include "nba/base/str.h"

#define NBA_WIRE_HEAD_BYTES 5u

static inline void nba_wire_put_head(uint32_t id, struct nba_buf *buf)
{
    const unsigned char head[NBA_WIRE_HEAD_BYTES] = {0, (unsigned char)(id >> 24),
                                                     (unsigned char)(id >> 16),
                                                     (unsigned char)(id >> 8), (unsigned char)id};
    nba_buf_append(buf, head, sizeof(head));
}

/* NBA_E_TRUNCATED, NBA_E_NOT_AVRO. */
NBA_MUST_USE
static inline enum nba_status nba_wire_take_head(struct nba_str value, uint32_t *ret_id,
                                                 struct nba_cursor *ret_body,
                                                 struct nba_error *error)
{
    const unsigned char *bytes = (const unsigned char *)value.data;
    if (value.bytes != 0 && bytes[0] != 0) {
        return nba_error_set(error, NBA_E_NOT_AVRO, "first byte is %u, expected 0", bytes[0]);
    }
    if (value.bytes < NBA_WIRE_HEAD_BYTES) {
        return nba_error_set(error, NBA_E_TRUNCATED, "%zu bytes, expected a head of %u",
                             value.bytes, NBA_WIRE_HEAD_BYTES);
    }
    *ret_id = (uint32_t)bytes[1] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 8 |
              (uint32_t)bytes[4];
    *ret_body = nba_cursor(bytes + NBA_WIRE_HEAD_BYTES, value.bytes - NBA_WIRE_HEAD_BYTES);
    return NBA_OK;
}

#endif
