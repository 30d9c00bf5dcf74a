/* A rep's record: a list, and its bytes (docs/formats/state.md). */
#include "nba/state/rep.h"

#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/limits.h"
#include "nba/event/event.h"

#define FORMAT 1u
#define OPEN   1u
#define SEEN   2u

static struct nba_str keep(struct nba_rep_state *rep, struct nba_str text)
{
    const struct nba_str copy = nba_arena_copy(rep->arena, text);
    rep->failed = rep->failed || copy.bytes != text.bytes;
    return copy;
}

void nba_rep_init(struct nba_rep_state *rep, struct nba_str rep_id, struct nba_arena *arena)
{
    rep->arena = arena;
    rep->failed = false;
    rep->clock_ms = NBA_TIME_NONE;
    rep->count = 0;
    rep->rep_id = keep(rep, rep_id);
}

static void put_text(struct nba_buf *buf, struct nba_str text)
{
    nba_buf_append_varint(buf, text.bytes);
    nba_buf_append_str(buf, text);
}

static struct nba_str take_text(struct nba_cursor *cursor)
{
    const uint64_t bytes = nba_cursor_varint(cursor);
    return nba_cursor_take(cursor, (size_t)bytes);
}

enum nba_status nba_rep_encode(const struct nba_rep_state *rep, struct nba_buf *buf)
{
    if (rep->count == 0) {
        return rep->failed ? NBA_E_NO_MEMORY : NBA_OK;
    }
    nba_buf_append_byte(buf, FORMAT);
    nba_buf_append_zigzag(buf, rep->clock_ms);
    nba_buf_append_varint(buf, rep->count);
    for (uint32_t i = 0; i < rep->count; i++) {
        const struct nba_rep_alert *alert = &rep->alerts[i];
        const unsigned flags = (alert->open ? OPEN : 0u) | (alert->seen ? SEEN : 0u);
        nba_buf_append_byte(buf, (unsigned char)flags);
        nba_buf_append_byte(buf, (unsigned char)alert->channel);
        nba_buf_append_zigzag(buf, alert->time_ms);
        if (alert->open) {
            uint64_t bits = 0;
            memcpy(&bits, &alert->priority, sizeof(bits));
            nba_buf_append_varint(buf, (uint64_t)alert->partition);
            nba_buf_append_u64le(buf, bits);
            nba_buf_append_zigzag(buf, alert->expires_at_ms);
            put_text(buf, alert->action_id);
            put_text(buf, alert->message);
        }
    }
    return rep->failed || buf->failed ? NBA_E_NO_MEMORY : NBA_OK;
}

static void take_alert(struct nba_cursor *cursor, struct nba_rep_alert *alert)
{
    const unsigned flags = nba_cursor_byte(cursor);
    const unsigned channel = nba_cursor_byte(cursor);
    *alert = (struct nba_rep_alert){
        .channel = (enum nba_channel)channel,
        .time_ms = nba_cursor_zigzag(cursor),
        .open = (flags & OPEN) != 0,
        .seen = (flags & SEEN) != 0,
    };
    bool good = flags <= (OPEN | SEEN) && channel < NBA_CHANNEL_COUNT;
    if (alert->open) {
        const uint64_t partition = nba_cursor_varint(cursor);
        const uint64_t bits = nba_cursor_u64le(cursor);
        memcpy(&alert->priority, &bits, sizeof(bits));
        alert->partition = (int32_t)partition;
        alert->expires_at_ms = nba_cursor_zigzag(cursor);
        alert->action_id = take_text(cursor);
        alert->message = take_text(cursor);
        good = good && partition < NBA_PARTITIONS_MAX && alert->action_id.bytes != 0;
    } else {
        good = good && !alert->seen;
    }
    cursor->failed = cursor->failed || !good;
}

enum nba_status nba_rep_decode(struct nba_str bytes, struct nba_str rep_id, struct nba_arena *arena,
                               struct nba_rep_state *ret_rep, struct nba_error *error)
{
    struct nba_cursor cursor = nba_cursor(bytes.data, bytes.bytes);
    nba_rep_init(ret_rep, rep_id, arena);
    const unsigned format = nba_cursor_byte(&cursor);
    if (!cursor.failed && format > FORMAT) {
        return nba_error_set(error, NBA_E_VERSION, "rep record has format %u, newest known is %u",
                             format, FORMAT);
    }
    ret_rep->clock_ms = nba_cursor_zigzag(&cursor);
    const uint64_t count = nba_cursor_varint(&cursor);
    cursor.failed = cursor.failed || format != FORMAT || count == 0 || count > NBA_REP_ALERTS_MAX;
    for (uint64_t i = 0; i < count && !cursor.failed; i++) {
        take_alert(&cursor, &ret_rep->alerts[i]);
    }
    if (cursor.failed || nba_cursor_left(&cursor) != 0) {
        return nba_error_set(error, NBA_E_CORRUPT, "rep record of %zu bytes is damaged",
                             bytes.bytes);
    }
    ret_rep->count = (uint32_t)count;
    return ret_rep->failed ? nba_error_set(error, NBA_E_NO_MEMORY, "no room for a rep record")
                           : NBA_OK;
}

bool nba_rep_add(struct nba_rep_state *rep, const struct nba_rep_alert *alert)
{
    NBA_ASSERT(alert->open && alert->action_id.bytes != 0);
    if (rep->count == NBA_REP_ALERTS_MAX) {
        return false;
    }
    struct nba_rep_alert *kept = &rep->alerts[rep->count++];
    *kept = *alert;
    kept->action_id = keep(rep, alert->action_id);
    kept->message = keep(rep, alert->message);
    return true;
}

struct nba_rep_alert *nba_rep_find(struct nba_rep_state *rep, struct nba_str action_id)
{
    for (uint32_t i = 0; i < rep->count; i++) {
        if (rep->alerts[i].open && nba_str_equal(rep->alerts[i].action_id, action_id)) {
            return &rep->alerts[i];
        }
    }
    return NULL;
}

void nba_rep_remove(struct nba_rep_state *rep, struct nba_rep_alert *alert)
{
    const size_t behind = (size_t)(rep->alerts + rep->count - alert) - 1;
    NBA_ASSERT(alert >= rep->alerts && alert < rep->alerts + rep->count);
    memmove(alert, alert + 1, behind * sizeof(*alert));
    rep->count--;
}

void nba_rep_end(struct nba_rep_alert *alert)
{
    *alert = (struct nba_rep_alert){.channel = alert->channel, .time_ms = alert->time_ms};
}
