/*
 * Reading bytes that came from outside, for programs and for JSON alike.
 *
 * `p` is where the reader stands; every helper returns where it stands then, or NULL after it has
 * set the status.  A length is compared with the bytes left before anything else is done with it,
 * and a count with the bytes left and its limit before memory is taken.  `name` is the field's, for
 * messages.
 */
#ifndef NBA_CODEC_MACHINE_INTERNAL_H
#define NBA_CODEC_MACHINE_INTERNAL_H

#include <math.h>

#include "nba/base/arena.h"
#include "nba/base/compiler.h"
#include "nba/base/limits.h"
#include "nba/base/status.h"
#include "nba/base/str.h"
#include "nba/codec/avro_schema.h"
#include "utf8_internal.h"

struct nba_machine {
    const unsigned char *end;
    struct nba_arena *arena;
    struct nba_error *error;
    enum nba_status status;
    uint32_t depth; /* of what may contain itself */
};

/* Sets status and message; always NULL. */
NBA_COLD
const unsigned char *nba_machine_stop(struct nba_machine *m, const char *name,
                                      enum nba_status status, const char *what);
NBA_COLD
const unsigned char *nba_machine_stop_number(struct nba_machine *m, const char *name,
                                             enum nba_status status, const char *what,
                                             uint64_t number);

/* Goes one deeper, which whoever comes back takes off again; false with the status set when that is
 * above NBA_VALUE_DEPTH_MAX. */
static inline bool nba_machine_enter(struct nba_machine *m, const char *name)
{
    return ++m->depth <= NBA_VALUE_DEPTH_MAX ||
           nba_machine_stop(m, name, NBA_E_LIMIT, "a value inside a value too often") != NULL;
}

/* Varints of more than one byte. */
const unsigned char *nba_machine_varint_slow(struct nba_machine *m, const char *name,
                                             const unsigned char *p, uint64_t *ret_value);
const unsigned char *nba_machine_bool(struct nba_machine *m, const char *name,
                                      const unsigned char *p, bool *ret_value);
/* Blocks of more than 63 items, or with their size. */
const unsigned char *nba_machine_block_slow(struct nba_machine *m, const char *name,
                                            const unsigned char *p, uint32_t bytes_min,
                                            uint64_t *ret_count);

/* Fewest bytes of one item of an array or map. */
static inline uint32_t nba_item_bytes_min(const struct nba_avro_type *type)
{
    return type->items->bytes_min + (type->kind == NBA_AVRO_MAP ? 1 : 0);
}

static inline const unsigned char *nba_machine_varint(struct nba_machine *m, const char *name,
                                                      const unsigned char *p, uint64_t *ret_value)
{
    if (p != m->end && *p < 0x80) {
        *ret_value = *p;
        return p + 1;
    }
    uint64_t longer = 0; /* the caller's value need not have an address */
    p = nba_machine_varint_slow(m, name, p, &longer);
    *ret_value = longer;
    return p;
}

static inline int64_t nba_machine_zigzag(uint64_t value)
{
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static inline const unsigned char *nba_machine_int(struct nba_machine *m, const char *name,
                                                   const unsigned char *p, int64_t *ret_value)
{
    uint64_t raw = 0;
    p = nba_machine_varint(m, name, p, &raw);
    if (p != NULL && raw > UINT32_MAX) {
        return nba_machine_stop(m, name, NBA_E_NOT_AVRO, "an int of more than 32 bits");
    }
    *ret_value = nba_machine_zigzag(raw);
    return p;
}

/* A double, or with `bytes` 4 a float. */
static inline const unsigned char *nba_machine_real(struct nba_machine *m, const char *name,
                                                    const unsigned char *p, size_t bytes,
                                                    double *ret_value)
{
    double value = 0;
    float narrow = 0;
    if ((size_t)(m->end - p) < bytes) {
        return nba_machine_stop(m, name, NBA_E_TRUNCATED, "the value ends inside a number");
    }
    /* Little-endian in Avro and on x86-64. */
    if (bytes == sizeof(narrow)) {
        memcpy(&narrow, p, sizeof(narrow));
        value = (double)narrow;
    } else {
        memcpy(&value, p, sizeof(value));
    }
    *ret_value = value;
    return p + bytes;
}

/* The same, and finite. */
static inline const unsigned char *nba_machine_finite(struct nba_machine *m, const char *name,
                                                      const unsigned char *p, size_t bytes,
                                                      double *ret_value)
{
    p = nba_machine_real(m, name, p, bytes, ret_value);
    return p == NULL || isfinite(*ret_value)
               ? p
               : nba_machine_stop(m, name, NBA_E_NON_FINITE, "NaN or infinite");
}

/* How many items of at least `bytes_min` each follow in this block, 0 at the collection's end. */
static inline const unsigned char *nba_machine_block(struct nba_machine *m, const char *name,
                                                     const unsigned char *p, uint32_t bytes_min,
                                                     uint64_t *ret_count)
{
    if (p != m->end && (*p & 0x81) == 0 && (size_t)(*p >> 1) * bytes_min < (size_t)(m->end - p)) {
        *ret_count = *p >> 1;
        return p + 1;
    }
    uint64_t count = 0;
    p = nba_machine_block_slow(m, name, p, bytes_min, &count);
    *ret_count = count;
    return p;
}

/* The index of an enum's symbol or a union's branch, below `count`. */
static inline const unsigned char *nba_machine_index(struct nba_machine *m, const char *name,
                                                     const unsigned char *p, uint32_t count,
                                                     uint32_t *ret_index)
{
    uint64_t raw = 0;
    p = nba_machine_varint(m, name, p, &raw);
    if (p != NULL && ((raw & 1) != 0 || raw >> 1 >= count)) {
        return nba_machine_stop_number(m, name, NBA_E_NOT_AVRO, "an index that its schema lacks",
                                       raw >> 1);
    }
    *ret_index = (uint32_t)(raw >> 1);
    return p;
}

/* `bytes` bytes: the place behind them. */
static inline const unsigned char *nba_machine_take(struct nba_machine *m, const char *name,
                                                    const unsigned char *p, uint64_t bytes)
{
    return bytes <= (uint64_t)(m->end - p)
               ? p + bytes
               : nba_machine_stop_number(m, name, NBA_E_TRUNCATED, "longer than the bytes left",
                                         bytes);
}

/* A length and as many bytes: *ret_data, and the place behind them. */
static inline const unsigned char *nba_machine_sized(struct nba_machine *m, const char *name,
                                                     const unsigned char *p,
                                                     const unsigned char **ret_data)
{
    uint64_t raw = 0;
    p = nba_machine_varint(m, name, p, &raw);
    if (p == NULL) {
        return NULL;
    }
    if ((raw & 1) != 0) {
        return nba_machine_stop(m, name, NBA_E_NOT_AVRO, "a negative length");
    }
    *ret_data = p;
    return nba_machine_take(m, name, p, raw >> 1);
}

/* Texts of more than 63 bytes, or not all ASCII. */
const unsigned char *nba_machine_string_slow(struct nba_machine *m, const char *name,
                                             const unsigned char *p, size_t limit,
                                             struct nba_str *ret_text);

static inline const unsigned char *nba_machine_string(struct nba_machine *m, const char *name,
                                                      const unsigned char *p, size_t limit,
                                                      struct nba_str *ret_text)
{
    const size_t left = (size_t)(m->end - p);
    if (left != 0 && (*p & 0x81) == 0) {
        const size_t length = *p >> 1;
        if (length < left && length <= limit && nba_utf8_is_ascii(p + 1, length)) {
            *ret_text = nba_str((const char *)p + 1, length);
            return p + 1 + length;
        }
    }
    struct nba_str text = {0};
    p = nba_machine_string_slow(m, name, p, limit, &text);
    *ret_text = text;
    return p;
}

#endif
