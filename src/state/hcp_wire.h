/*
 * Reading and writing an HCP record's bytes: varints, columns of times, and texts that are written
 * once and named by number afterwards.  Inline, because a record has about a thousand fields.
 *
 * TEXTS.  A reference is a varint: 0 the empty text; 1..k the k texts met so far in this record;
 * k + 1 a new one, whose length (varint) and bytes follow.  Equal texts get equal numbers, found by
 * content, so the bytes depend on nothing but the record's content.
 *
 * TIMES of a list are a column: index of the largest unit that divides all (1 ms, 1 s, 1 min, 1 h,
 * 1 day), then zigzag varints of the first and of the differences, in that unit.  Differences wrap
 * like unsigned numbers, so that any 64-bit times survive.
 */
#ifndef NBA_STATE_HCP_WIRE_H
#define NBA_STATE_HCP_WIRE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/state/hcp.h"

#define HCP_FORMAT       1u
#define HCP_HEADER_BYTES 3u /* format byte, total length u16le */
/* 64 outcomes of 5, 16 actions of 11, 32 consents of 2, 32 timers and 84 in the profile: 676. */
#define HCP_TEXTS_MAX 704u
#define HCP_SLOTS     2048u /* a power of two, three times as many */
/* One text: a decision id of two ids of 256 bytes is the longest. */
#define HCP_TEXT_BYTES_MAX 1024u
#define HCP_UNITS          5u

/* Section tags, in the order they are written; an empty section isn't. */
enum hcp_section {
    HCP_COUNTERS = 1,
    HCP_RING = 2,
    HCP_RECENT = 3,
    HCP_CHANNELS = 4,
    HCP_CONSENTS = 5,
    HCP_OUTCOMES = 6,
    HCP_ACTIONS = 7,
    HCP_TIMERS = 8,
    HCP_PROFILE = 9,
};

static inline int64_t hcp_unit_ms(uint32_t index)
{
    static const int64_t units[HCP_UNITS] = {1, 1000, 60000, 3600000, 86400000};
    return units[index];
}

/* ---- writer ---- */

struct hcp_writer {
    unsigned char *next;
    unsigned char *end;
    bool failed; /* did not fit */
    uint32_t text_count;
    struct nba_str texts[HCP_TEXTS_MAX];
    uint16_t slots[HCP_SLOTS]; /* hash -> number of the text, 0 free */
};

static inline void hcp_put_byte(struct hcp_writer *w, uint32_t byte)
{
    if (w->next == w->end) {
        w->failed = true;
        return;
    }
    *w->next++ = (unsigned char)byte;
}

static inline void hcp_put_bytes(struct hcp_writer *w, const void *data, size_t bytes)
{
    if (bytes > (size_t)(w->end - w->next)) {
        w->failed = true;
        w->next = w->end;
        return;
    }
    if (bytes != 0) {
        memcpy(w->next, data, bytes);
        w->next += bytes;
    }
}

static inline void hcp_put_u32(struct hcp_writer *w, uint32_t value)
{
    const unsigned char bytes[4] = {(unsigned char)value, (unsigned char)(value >> 8),
                                    (unsigned char)(value >> 16), (unsigned char)(value >> 24)};
    hcp_put_bytes(w, bytes, sizeof(bytes));
}

static inline void hcp_put_u64(struct hcp_writer *w, uint64_t value)
{
    hcp_put_u32(w, (uint32_t)value);
    hcp_put_u32(w, (uint32_t)(value >> 32));
}

static inline void hcp_put_varint(struct hcp_writer *w, uint64_t value)
{
    while (value >= 0x80) {
        hcp_put_byte(w, (uint32_t)(value & 0x7f) | 0x80);
        value >>= 7;
    }
    hcp_put_byte(w, (uint32_t)value);
}

static inline void hcp_put_zigzag(struct hcp_writer *w, int64_t value)
{
    hcp_put_varint(w, ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0));
}

/* Presence byte, then the value: for times that may be NBA_TIME_NONE. */
static inline void hcp_put_time(struct hcp_writer *w, int64_t time_ms)
{
    hcp_put_byte(w, time_ms != NBA_TIME_NONE);
    if (time_ms != NBA_TIME_NONE) {
        hcp_put_zigzag(w, time_ms);
    }
}

void nba_hcp_wire_put_text(struct hcp_writer *w, struct nba_str text);
/* An id that may end in ":<number>": as text before the colon and number, so that the ids of one
 * decision's actions share their text. */
void nba_hcp_wire_put_numbered(struct hcp_writer *w, struct nba_str text);
void nba_hcp_wire_put_times(struct hcp_writer *w, const int64_t *times, uint32_t count);

/* ---- reader ---- */

struct hcp_reader {
    const unsigned char *next;
    const unsigned char *end;
    bool failed;
    struct nba_arena *arena; /* for numbered ids, which are put together again */
    bool arena_full;
    uint32_t text_count;
    struct nba_str texts[HCP_TEXTS_MAX];
};

static inline uint32_t hcp_take_byte(struct hcp_reader *r)
{
    if (r->next == r->end) {
        r->failed = true;
        return 0;
    }
    return *r->next++;
}

static inline const unsigned char *hcp_take_bytes(struct hcp_reader *r, size_t bytes)
{
    if (bytes > (size_t)(r->end - r->next)) {
        r->failed = true;
        r->next = r->end;
        return NULL;
    }
    const unsigned char *start = r->next;
    r->next += bytes;
    return start;
}

static inline uint32_t hcp_load_u32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t hcp_load_u64(const unsigned char *p)
{
    return hcp_load_u32(p) | (uint64_t)hcp_load_u32(p + 4) << 32;
}

static inline uint32_t hcp_take_u32(struct hcp_reader *r)
{
    const unsigned char *p = hcp_take_bytes(r, 4);
    return p != NULL ? hcp_load_u32(p) : 0;
}

static inline uint64_t hcp_take_u64(struct hcp_reader *r)
{
    const unsigned char *p = hcp_take_bytes(r, 8);
    return p != NULL ? hcp_load_u64(p) : 0;
}

static inline uint64_t hcp_take_varint(struct hcp_reader *r)
{
    uint64_t value = 0;
    for (uint32_t shift = 0; shift < 64; shift += 7) {
        const uint64_t byte = hcp_take_byte(r);
        if (shift == 63 && byte > 1) {
            break;
        }
        value |= (byte & 0x7f) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
    r->failed = true;
    return 0;
}

static inline int64_t hcp_take_zigzag(struct hcp_reader *r)
{
    const uint64_t value = hcp_take_varint(r);
    return (int64_t)((value >> 1) ^ (UINT64_C(0) - (value & 1)));
}

/* A number that must be at most `max`. */
static inline uint32_t hcp_take_max(struct hcp_reader *r, uint32_t max)
{
    const uint64_t value = hcp_take_varint(r);
    if (value > max) {
        r->failed = true;
        return 0;
    }
    return (uint32_t)value;
}

/* A byte that must be at most `max`. */
static inline uint32_t hcp_take_enum(struct hcp_reader *r, uint32_t max)
{
    const uint32_t value = hcp_take_byte(r);
    if (value > max) {
        r->failed = true;
        return 0;
    }
    return value;
}

static inline int32_t hcp_take_int(struct hcp_reader *r)
{
    const int64_t value = hcp_take_zigzag(r);
    if (value < INT32_MIN || value > INT32_MAX) {
        r->failed = true;
        return 0;
    }
    return (int32_t)value;
}

static inline int64_t hcp_take_time(struct hcp_reader *r)
{
    return hcp_take_enum(r, 1) != 0 ? hcp_take_zigzag(r) : NBA_TIME_NONE;
}

struct nba_str nba_hcp_wire_take_text(struct hcp_reader *r);
struct nba_str nba_hcp_wire_take_numbered(struct hcp_reader *r);
void nba_hcp_wire_take_times(struct hcp_reader *r, int64_t *ret_times, uint32_t count);

#endif
