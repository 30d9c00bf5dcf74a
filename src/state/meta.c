/* The meta record's bytes: a fixed row of numbers and sized texts behind a format number. */
#include "nba/state/meta.h"

void nba_meta_init(struct nba_meta *meta, int32_t partition_count)
{
    *meta = (struct nba_meta){.state_format = NBA_STATE_FORMAT,
                              .partition_count = partition_count,
                              .watermark_ms = NBA_TIME_NONE,
                              .clock_ms = NBA_TIME_NONE,
                              .silence_ms = NBA_TIME_NONE,
                              .wall_clock_ms = NBA_TIME_NONE,
                              .sweep_recalls = NBA_SWEEP_NONE};
}

bool nba_meta_set_text(char ret_text[NBA_META_TEXT_BYTES], struct nba_str text)
{
    if (text.bytes >= NBA_META_TEXT_BYTES ||
        (text.bytes != 0 && memchr(text.data, 0, text.bytes) != NULL)) {
        return false;
    }
    memset(ret_text, 0, NBA_META_TEXT_BYTES);
    if (text.bytes != 0) {
        memcpy(ret_text, text.data, text.bytes);
    }
    return true;
}

bool nba_meta_rules_differ(const struct nba_meta *meta, const struct nba_journal *now)
{
    return meta->catalog_next != now->catalog_next || meta->control_next != now->control_next ||
           !nba_str_is(now->policy_hash, meta->policy_hash);
}

bool nba_meta_differs(const struct nba_meta *meta, const struct nba_journal *now)
{
    return nba_meta_rules_differ(meta, now) || meta->mailbox_next != now->mailbox_next ||
           meta->capacity_next != now->capacity_next || meta->wall_clock_ms != now->wall_clock_ms ||
           !nba_str_is(now->policy_version, meta->policy_version) ||
           !nba_str_is(now->release_champion, meta->release_champion) ||
           !nba_str_is(now->release_challenger, meta->release_challenger) ||
           !nba_str_is(now->tzdata_version, meta->tzdata_version);
}

enum nba_status nba_meta_adopt(struct nba_meta *meta, const struct nba_journal *now,
                               struct nba_error *error)
{
    struct nba_meta adopted = *meta;
    if (!nba_meta_set_text(adopted.policy_hash, now->policy_hash) ||
        !nba_meta_set_text(adopted.policy_version, now->policy_version) ||
        !nba_meta_set_text(adopted.release_champion, now->release_champion) ||
        !nba_meta_set_text(adopted.release_challenger, now->release_challenger) ||
        !nba_meta_set_text(adopted.tzdata_version, now->tzdata_version)) {
        return nba_error_set(error, NBA_E_LIMIT,
                             "a version or hash is longer than %u bytes or has a zero byte",
                             NBA_META_TEXT_BYTES - 1);
    }
    adopted.catalog_next = now->catalog_next;
    adopted.control_next = now->control_next;
    if (now->control_next > meta->letters_next) { /* another instance may have read less so far */
        adopted.letters_next = now->control_next;
    }
    adopted.mailbox_next = now->mailbox_next;
    adopted.capacity_next = now->capacity_next;
    adopted.wall_clock_ms = now->wall_clock_ms;
    *meta = adopted;
    return NBA_OK;
}

static void put_text(struct nba_buf *buf, const char *text)
{
    const struct nba_str str = nba_str_of(text);
    nba_buf_append_varint(buf, str.bytes);
    nba_buf_append_str(buf, str);
}

void nba_meta_encode(const struct nba_meta *meta, struct nba_buf *buf)
{
    nba_buf_append_varint(buf, meta->state_format);
    nba_buf_append_zigzag(buf, meta->input_next);
    nba_buf_append_varint(buf, meta->txn_seq);
    nba_buf_append_zigzag(buf, meta->partition_count);
    nba_buf_append_zigzag(buf, meta->watermark_ms);
    nba_buf_append_zigzag(buf, meta->clock_ms);
    nba_buf_append_zigzag(buf, meta->wall_clock_ms);
    nba_buf_append_zigzag(buf, meta->catalog_next);
    nba_buf_append_zigzag(buf, meta->control_next);
    nba_buf_append_zigzag(buf, meta->mailbox_next);
    put_text(buf, meta->policy_hash);
    put_text(buf, meta->policy_version);
    put_text(buf, meta->release_champion);
    put_text(buf, meta->release_challenger);
    put_text(buf, meta->tzdata_version);
    /* The clock of silence is mostly the watermark, no sweep is under way, no rep full, and
     * control messages aren't taken over backwards: then they are left out, from the end. */
    const uint64_t more[] = {(uint64_t)meta->silence_ms, (uint64_t)meta->sweep_recalls,
                             (uint64_t)meta->capacity_next, (uint64_t)meta->letters_next};
    const size_t count = meta->letters_next != meta->control_next ? 4u
                         : meta->capacity_next != 0               ? 3u
                         : meta->sweep_recalls != NBA_SWEEP_NONE  ? 2u
                         : meta->silence_ms != meta->watermark_ms ? 1u
                                                                  : 0u;
    nba_buf_append_varint(buf, count * sizeof(*more));
    for (size_t i = 0; i < count; i++) {
        nba_buf_append_u64le(buf, more[i]);
    }
}

static void take_text(struct nba_cursor *cursor, char ret_text[NBA_META_TEXT_BYTES])
{
    const uint64_t bytes = nba_cursor_varint(cursor);
    if (bytes >= NBA_META_TEXT_BYTES ||
        !nba_meta_set_text(ret_text, nba_cursor_take(cursor, (size_t)bytes))) {
        cursor->failed = true;
    }
}

enum nba_status nba_meta_decode(struct nba_str bytes, struct nba_meta *ret_meta,
                                struct nba_error *error)
{
    struct nba_cursor cursor = nba_cursor(bytes.data, bytes.bytes);
    struct nba_meta meta = {0};
    const uint64_t format = nba_cursor_varint(&cursor);
    if (!cursor.failed && format > NBA_STATE_FORMAT) {
        return nba_error_set(error, NBA_E_VERSION, "state has format %llu, newest known is %u",
                             (unsigned long long)format, NBA_STATE_FORMAT);
    }
    meta.state_format = (uint32_t)format;
    meta.input_next = nba_cursor_zigzag(&cursor);
    meta.txn_seq = nba_cursor_varint(&cursor);
    const int64_t partition_count = nba_cursor_zigzag(&cursor);
    meta.partition_count = (int32_t)partition_count;
    meta.watermark_ms = nba_cursor_zigzag(&cursor);
    meta.clock_ms = nba_cursor_zigzag(&cursor);
    meta.wall_clock_ms = nba_cursor_zigzag(&cursor);
    meta.catalog_next = nba_cursor_zigzag(&cursor);
    meta.control_next = nba_cursor_zigzag(&cursor);
    meta.mailbox_next = nba_cursor_zigzag(&cursor);
    take_text(&cursor, meta.policy_hash);
    take_text(&cursor, meta.policy_version);
    take_text(&cursor, meta.release_champion);
    take_text(&cursor, meta.release_challenger);
    take_text(&cursor, meta.tzdata_version);
    const uint64_t more_bytes = nba_cursor_varint(&cursor);
    const struct nba_str more = nba_cursor_take(&cursor, (size_t)more_bytes);
    struct nba_cursor rest = nba_cursor(more.data, more.bytes);
    meta.silence_ms =
        more.bytes >= sizeof(uint64_t) ? (int64_t)nba_cursor_u64le(&rest) : meta.watermark_ms;
    meta.sweep_recalls =
        more.bytes >= 2 * sizeof(uint64_t) ? (int64_t)nba_cursor_u64le(&rest) : NBA_SWEEP_NONE;
    meta.capacity_next = more.bytes >= 3 * sizeof(uint64_t) ? (int64_t)nba_cursor_u64le(&rest) : 0;
    meta.letters_next =
        more.bytes >= 4 * sizeof(uint64_t) ? (int64_t)nba_cursor_u64le(&rest) : meta.control_next;
    if (cursor.failed || nba_cursor_left(&cursor) != 0 || format == 0 || partition_count < 1 ||
        partition_count > (int64_t)NBA_PARTITIONS_MAX) {
        return nba_error_set(error, NBA_E_CORRUPT, "meta record of %zu bytes is damaged",
                             bytes.bytes);
    }
    *ret_meta = meta;
    return NBA_OK;
}
