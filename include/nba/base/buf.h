/*
 * A growable run of bytes with a ceiling given at birth.
 *
 * OWNERSHIP.  The buffer owns its memory; nba_buf_clear frees it, nba_buf_reset keeps it for the
 * next use, which is how the event path encodes without allocating.
 * ERRORS.  Appending never fails at the call: a buffer that met its ceiling or ran out of memory
 * turns `failed` and ignores what follows, so that an encoder checks once, at its end.
 */
#ifndef NBA_BASE_BUF_H
#define NBA_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nba/base/compiler.h"
#include "nba/base/str.h"

struct nba_buf {
    unsigned char *data;
    size_t bytes;     /* used */
    size_t capacity;  /* allocated */
    size_t bytes_max; /* ceiling */
    bool failed;      /* an append did not fit */
};

void nba_buf_init(struct nba_buf *buf, size_t bytes_max);
void nba_buf_reset(struct nba_buf *buf); /* empty again, memory kept, failed forgotten */
void nba_buf_clear(struct nba_buf *buf); /* frees; NULL and zeroed buffers are fine */

/* Room for `bytes` more and a pointer to it (the caller fills it); NULL when it doesn't fit. */
void *nba_buf_extend(struct nba_buf *buf, size_t bytes);
void nba_buf_append(struct nba_buf *buf, const void *data, size_t bytes);
void nba_buf_append_str(struct nba_buf *buf, struct nba_str text);
void nba_buf_append_byte(struct nba_buf *buf, unsigned char byte);
NBA_PRINTF(2, 3)
void nba_buf_printf(struct nba_buf *buf, const char *format, ...);

/* LEB128: seven bits a byte, low first; at most ten bytes.  The signed form is zig-zag: exactly
 * Avro's long (Avro 1.11 specification, "Binary Encoding"). */
void nba_buf_append_varint(struct nba_buf *buf, uint64_t value);
void nba_buf_append_zigzag(struct nba_buf *buf, int64_t value);

/* Avro's bytes and string: the length as a long, then the bytes. */
void nba_buf_append_sized(struct nba_buf *buf, struct nba_str text);

static inline struct nba_str nba_buf_str(const struct nba_buf *buf)
{
    return nba_str((const char *)buf->data, buf->bytes);
}

/*
 * A cursor over bytes that came from outside.  Like the buffer, it turns `failed` once and then
 * returns zeros; the reader checks at the end of each part.
 */
struct nba_cursor {
    const unsigned char *next;
    const unsigned char *end;
    bool failed;
};

struct nba_cursor nba_cursor(const void *data, size_t bytes);
size_t nba_cursor_left(const struct nba_cursor *cursor);
uint8_t nba_cursor_byte(struct nba_cursor *cursor);
uint32_t nba_cursor_u32le(struct nba_cursor *cursor);
uint64_t nba_cursor_u64le(struct nba_cursor *cursor);
uint64_t nba_cursor_varint(struct nba_cursor *cursor);
int64_t nba_cursor_zigzag(struct nba_cursor *cursor);
/* The next `bytes` bytes, borrowed; empty and failed when there are fewer. */
struct nba_str nba_cursor_take(struct nba_cursor *cursor, size_t bytes);

void nba_buf_append_u32le(struct nba_buf *buf, uint32_t value);
void nba_buf_append_u64le(struct nba_buf *buf, uint64_t value);
/* As a string of JSON (RFC 8259), quotes around it; what isn't UTF-8 is replaced by U+FFFD. */
void nba_buf_append_quoted(struct nba_buf *buf, struct nba_str text);

#endif
