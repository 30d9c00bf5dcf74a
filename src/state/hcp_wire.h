/*
 * The bytes of an HCP record, read and written by one walk: each primitive takes a place and either
 * writes what is there or fills it with what is read, so that a record has one description.
 * Inline, because a record has about a thousand fields.
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

/* 64 outcomes of 5, 16 actions of 11, 32 consents of 2, 32 timers, 84 in the profile, 64 contacts,
 * 8 held actions of 11, of triggers 32 events of 2 and 16 that fired, 16 awaited actions of 2, 64
 * reps of outcomes: 1,004. */
#define HCP_TEXTS_MAX 1024u
#define HCP_SLOTS     2048u /* a power of two, twice as many */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "fixed-size numbers are copied as bytes");

struct hcp_wire {
    bool failed; /* did not fit; is not a record */
    unsigned char *next, *end;
    struct nba_arena *arena; /* reading: for numbered ids, which are put together again */
    bool arena_full;
    uint32_t section; /* last begun */
    uint32_t text_count;
    struct nba_str texts[HCP_TEXTS_MAX];
    uint16_t slots[HCP_SLOTS]; /* writing: hash -> number of the text, 0 free */
};

/* What a walk is handed.  The direction is a constant where the walk begins: everything that takes
 * one is inlined, so that each direction has code of its own. */
struct hcp_walk {
    struct hcp_wire *w;
    bool writing;
};
#define HCP_WALK static inline __attribute__((always_inline))

static inline void hcp_check(struct hcp_wire *w, bool holds)
{
    w->failed = w->failed || !holds;
}

/* The next `bytes` bytes, to be filled or looked at; NULL when there are fewer. */
static inline unsigned char *hcp_span(struct hcp_wire *w, size_t bytes)
{
    if (bytes > (size_t)(w->end - w->next)) {
        w->failed = true;
        w->next = w->end;
        return NULL;
    }
    unsigned char *start = w->next;
    w->next += bytes;
    return start;
}

HCP_WALK void hcp_fixed(struct hcp_walk k, void *value, size_t bytes)
{
    unsigned char *at = hcp_span(k.w, bytes);
    if (at == NULL) {
        memset(value, 0, k.writing ? 0 : bytes);
    } else if (k.writing) {
        memcpy(at, value, bytes);
    } else {
        memcpy(value, at, bytes);
    }
}

static inline void hcp_put_byte(struct hcp_wire *w, uint32_t byte)
{
    if (w->next == w->end) {
        w->failed = true;
        return;
    }
    *w->next++ = (unsigned char)byte;
}

static inline uint32_t hcp_take_byte(struct hcp_wire *w)
{
    if (w->next == w->end) {
        w->failed = true;
        return 0;
    }
    return *w->next++;
}

/* A byte; what is read must be at most `max`.  The value is returned, 0 if it is wrong. */
HCP_WALK uint32_t hcp_byte(struct hcp_walk k, uint32_t value, uint32_t max)
{
    if (k.writing) {
        hcp_put_byte(k.w, value);
        return value;
    }
    const uint32_t byte = hcp_take_byte(k.w);
    hcp_check(k.w, byte <= max);
    return byte <= max ? byte : 0;
}

static inline void hcp_put_varint(struct hcp_wire *w, uint64_t value)
{
    while (value >= 0x80) {
        hcp_put_byte(w, (uint32_t)(value & 0x7f) | 0x80);
        value >>= 7;
    }
    hcp_put_byte(w, (uint32_t)value);
}

static inline uint64_t hcp_take_varint(struct hcp_wire *w)
{
    uint64_t value = 0;
    for (uint32_t shift = 0; shift < 64; shift += 7) {
        const uint64_t byte = hcp_take_byte(w);
        if (shift == 63 && byte > 1) {
            break;
        }
        value |= (byte & 0x7f) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
    w->failed = true;
    return 0;
}

/* A number that must be at most `max`, as a varint. */
HCP_WALK void hcp_count(struct hcp_walk k, uint32_t *value, uint32_t max)
{
    if (k.writing) {
        hcp_put_varint(k.w, *value);
        return;
    }
    const uint64_t taken = hcp_take_varint(k.w);
    hcp_check(k.w, taken <= max);
    *value = taken <= max ? (uint32_t)taken : 0;
}

static inline void hcp_put_zigzag(struct hcp_wire *w, int64_t value)
{
    hcp_put_varint(w, ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0));
}

static inline int64_t hcp_take_zigzag(struct hcp_wire *w)
{
    const uint64_t value = hcp_take_varint(w);
    return (int64_t)((value >> 1) ^ (UINT64_C(0) - (value & 1)));
}

HCP_WALK void hcp_zigzag(struct hcp_walk k, int64_t *value)
{
    if (k.writing) {
        hcp_put_zigzag(k.w, *value);
    } else {
        *value = hcp_take_zigzag(k.w);
    }
}

HCP_WALK void hcp_int(struct hcp_walk k, int32_t *value)
{
    int64_t wide = *value;
    hcp_zigzag(k, &wide);
    hcp_check(k.w, wide >= INT32_MIN && wide <= INT32_MAX);
    if (!k.writing) {
        *value = k.w->failed ? 0 : (int32_t)wide;
    }
}

/* Presence byte, then the value: for times that may be NBA_TIME_NONE. */
HCP_WALK void hcp_time(struct hcp_walk k, int64_t *time_ms)
{
    if (hcp_byte(k, *time_ms != NBA_TIME_NONE, 1) != 0) {
        hcp_zigzag(k, time_ms);
    } else if (!k.writing) {
        *time_ms = NBA_TIME_NONE;
    }
}

void nba_hcp_wire_put_text(struct hcp_wire *w, struct nba_str text);
struct nba_str nba_hcp_wire_take_text(struct hcp_wire *w);
/* An id that may end in ":<number>": as text before the colon and number, so that the ids of one
 * decision's actions share their text. */
void nba_hcp_wire_put_numbered(struct hcp_wire *w, struct nba_str text);
struct nba_str nba_hcp_wire_take_numbered(struct hcp_wire *w);
void nba_hcp_wire_put_times(struct hcp_wire *w, const int64_t *times, uint32_t count);
void nba_hcp_wire_take_times(struct hcp_wire *w, int64_t *ret_times, uint32_t count);

HCP_WALK void hcp_text(struct hcp_walk k, struct nba_str *text)
{
    if (k.writing) {
        nba_hcp_wire_put_text(k.w, *text);
    } else {
        *text = nba_hcp_wire_take_text(k.w);
    }
}

HCP_WALK void hcp_numbered(struct hcp_walk k, struct nba_str *text)
{
    if (k.writing) {
        nba_hcp_wire_put_numbered(k.w, *text);
    } else {
        *text = nba_hcp_wire_take_numbered(k.w);
    }
}

HCP_WALK void hcp_times(struct hcp_walk k, int64_t *times, uint32_t count)
{
    if (k.writing) {
        nba_hcp_wire_put_times(k.w, times, count);
    } else {
        nba_hcp_wire_take_times(k.w, times, count);
    }
}

#endif
