/*
 * The machine that runs a program over bytes: what its two halves share.
 *
 *   program_run.c     the loop, and plain values
 *   program_frames.c  collections, records behind pointers, unions, defaults
 *
 * `p` is where the reader stands; every helper returns where it stands then, or NULL after it has
 * set the status.  A length is compared with the bytes left before anything else is done with it,
 * and a count with the bytes left and its limit before memory is taken.  Nothing here recurs: loops
 * and records push a frame, and the compiler has made sure that the stack holds them.
 */
#ifndef NBA_CODEC_MACHINE_INTERNAL_H
#define NBA_CODEC_MACHINE_INTERNAL_H

#include "nba/base/str.h"
#include "program_internal.h"
#include "utf8_internal.h"

struct nba_frame {
    unsigned char *outer; /* dst outside */
    unsigned char *items;
    uint32_t count;
    uint32_t capacity;
    uint64_t block_left; /* items still to come in this block */
    const struct nba_op *loop;
};

struct nba_machine {
    const struct nba_program *program;
    const struct nba_op *op; /* the one after the present one */
    const unsigned char *end;
    unsigned char *dst;
    struct nba_arena *arena;
    struct nba_error *error;
    enum nba_status status;
    uint32_t frame_count;
    const unsigned char *resume; /* of the value, while a default is read */
    const unsigned char *resume_end;
    uint64_t unread; /* where the value of an unknown slot goes */
    struct nba_frame frames[NBA_FRAMES_MAX];
};

/* Sets status and message, with the field's name; always NULL. */
const unsigned char *nba_machine_stop(struct nba_machine *m, enum nba_status status,
                                      const char *what);
const unsigned char *nba_machine_stop_number(struct nba_machine *m, enum nba_status status,
                                             const char *what, uint64_t number);

/* Varints of more than one byte. */
const unsigned char *nba_machine_varint_slow(struct nba_machine *m, const unsigned char *p,
                                             uint64_t *ret_value);
/* An array of strings, the commonest collection, without going through the loop. */
const unsigned char *nba_machine_strings(struct nba_machine *m, const struct nba_op *op,
                                         const unsigned char *p);
/* Operations that move between structs, loops and branches. */
const unsigned char *nba_machine_control(struct nba_machine *m, const struct nba_op *op,
                                         const unsigned char *p);

static inline const unsigned char *nba_machine_varint(struct nba_machine *m, const unsigned char *p,
                                                      uint64_t *ret_value)
{
    if (p != m->end && *p < 0x80) {
        *ret_value = *p;
        return p + 1;
    }
    return nba_machine_varint_slow(m, p, ret_value);
}

static inline int64_t nba_machine_zigzag(uint64_t value)
{
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

/* A length and as many bytes: *ret_data, and the place behind them. */
static inline const unsigned char *nba_machine_sized(struct nba_machine *m, const unsigned char *p,
                                                     const unsigned char **ret_data)
{
    uint64_t raw = 0;
    p = nba_machine_varint(m, p, &raw);
    if (p == NULL) {
        return NULL;
    }
    if ((raw & 1) != 0) {
        return nba_machine_stop(m, NBA_E_NOT_AVRO, "a negative length");
    }
    const uint64_t length = raw >> 1;
    if (length > (uint64_t)(m->end - p)) {
        return nba_machine_stop_number(m, NBA_E_TRUNCATED, "longer than the bytes left", length);
    }
    *ret_data = p;
    return p + length;
}

static inline const unsigned char *nba_machine_string(struct nba_machine *m, const unsigned char *p,
                                                      struct nba_str *text, uint32_t limit)
{
    const unsigned char *data = NULL;
    p = nba_machine_sized(m, p, &data);
    if (p == NULL) {
        return NULL;
    }
    const size_t length = (size_t)(p - data);
    if (length > limit) {
        return nba_machine_stop_number(m, NBA_E_LIMIT, "a text above its limit", length);
    }
    if (!nba_utf8_is_valid(data, length)) {
        return nba_machine_stop(m, NBA_E_BAD_UTF8, "not UTF-8");
    }
    *text = nba_str((const char *)data, length);
    return p;
}

#endif
