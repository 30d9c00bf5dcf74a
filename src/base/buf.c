/* Growth by doubling; all length arithmetic stays below bytes_max, so it can't wrap. */
#include "nba/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/utf8.h"

#define CAPACITY_FIRST   256u
#define VARINT_BYTES_MAX 10u

void nba_buf_init(struct nba_buf *buf, size_t bytes_max)
{
    NBA_ASSERT(buf != NULL && bytes_max > 0);
    *buf = (struct nba_buf){.bytes_max = bytes_max};
}

void nba_buf_reset(struct nba_buf *buf)
{
    buf->bytes = 0;
    buf->failed = false;
}

void nba_buf_clear(struct nba_buf *buf)
{
    if (buf != NULL) {
        free(buf->data);
        *buf = (struct nba_buf){.bytes_max = buf->bytes_max};
    }
}

void *nba_buf_extend(struct nba_buf *buf, size_t bytes)
{
    NBA_ASSERT(buf != NULL);
    if (buf->failed || bytes > buf->bytes_max - buf->bytes) {
        buf->failed = true;
        return NULL;
    }
    const size_t needed = buf->bytes + bytes;
    if (needed > buf->capacity || buf->data == NULL) {
        size_t capacity = buf->capacity != 0 ? buf->capacity : CAPACITY_FIRST;
        while (capacity < needed) {
            capacity = capacity <= buf->bytes_max / 2 ? capacity * 2 : buf->bytes_max;
        }
        unsigned char *grown = realloc(buf->data, capacity);
        if (grown == NULL) {
            buf->failed = true;
            return NULL;
        }
        buf->data = grown;
        buf->capacity = capacity;
    }
    unsigned char *room = buf->data + buf->bytes;
    buf->bytes = needed;
    return room;
}

void nba_buf_append(struct nba_buf *buf, const void *data, size_t bytes)
{
    if (bytes != 0) {
        void *room = nba_buf_extend(buf, bytes);
        if (room != NULL) {
            memcpy(room, data, bytes);
        }
    }
}

void nba_buf_append_str(struct nba_buf *buf, struct nba_str text)
{
    nba_buf_append(buf, text.data, text.bytes);
}

void nba_buf_append_byte(struct nba_buf *buf, unsigned char byte)
{
    nba_buf_append(buf, &byte, 1);
}

void nba_buf_printf(struct nba_buf *buf, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) {
        buf->failed = true;
        return;
    }
    /* vsnprintf writes a NUL behind the text: take one byte more, give it back. */
    char *room = nba_buf_extend(buf, (size_t)length + 1);
    if (room != NULL) {
        va_start(arguments, format);
        (void)vsnprintf(room, (size_t)length + 1, format, arguments);
        va_end(arguments);
        buf->bytes -= 1;
    }
}

void nba_buf_append_varint(struct nba_buf *buf, uint64_t value)
{
    unsigned char bytes[VARINT_BYTES_MAX];
    size_t count = 0;
    while (value >= 0x80) {
        bytes[count++] = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    bytes[count++] = (unsigned char)value;
    nba_buf_append(buf, bytes, count);
}

void nba_buf_append_zigzag(struct nba_buf *buf, int64_t value)
{
    nba_buf_append_varint(buf, ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0));
}

void nba_buf_append_sized(struct nba_buf *buf, struct nba_str text)
{
    nba_buf_append_zigzag(buf, (int64_t)text.bytes);
    nba_buf_append_str(buf, text);
}

/* We are little-endian ourselves. */
void nba_buf_append_u32le(struct nba_buf *buf, uint32_t value)
{
    nba_buf_append(buf, &value, sizeof(value));
}

void nba_buf_append_u64le(struct nba_buf *buf, uint64_t value)
{
    nba_buf_append(buf, &value, sizeof(value));
}

struct nba_cursor nba_cursor(const void *data, size_t bytes)
{
    const unsigned char *start = data;
    return (struct nba_cursor){.next = start, .end = bytes != 0 ? start + bytes : start};
}

size_t nba_cursor_left(const struct nba_cursor *cursor)
{
    return (size_t)(cursor->end - cursor->next);
}

struct nba_str nba_cursor_take(struct nba_cursor *cursor, size_t bytes)
{
    if (cursor->failed || bytes > nba_cursor_left(cursor)) {
        cursor->failed = true;
        return nba_str(NULL, 0);
    }
    const unsigned char *start = cursor->next;
    if (bytes != 0) {
        cursor->next += bytes;
    }
    return nba_str((const char *)start, bytes);
}

uint8_t nba_cursor_byte(struct nba_cursor *cursor)
{
    const struct nba_str byte = nba_cursor_take(cursor, 1);
    return byte.bytes != 0 ? (uint8_t)byte.data[0] : 0;
}

uint32_t nba_cursor_u32le(struct nba_cursor *cursor)
{
    uint32_t value = 0;
    const struct nba_str bytes = nba_cursor_take(cursor, sizeof(value));
    if (bytes.bytes != 0) {
        memcpy(&value, bytes.data, sizeof(value));
    }
    return value;
}

uint64_t nba_cursor_u64le(struct nba_cursor *cursor)
{
    const uint64_t low = nba_cursor_u32le(cursor);
    const uint64_t high = nba_cursor_u32le(cursor);
    return low | high << 32;
}

uint64_t nba_cursor_varint(struct nba_cursor *cursor)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 7 * VARINT_BYTES_MAX; shift += 7) {
        const uint8_t byte = nba_cursor_byte(cursor);
        if (shift == 63 && byte > 1) {
            cursor->failed = true; /* more than 64 bits */
        }
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0 || cursor->failed) {
            return cursor->failed ? 0 : value;
        }
    }
    cursor->failed = true;
    return 0;
}

int64_t nba_cursor_zigzag(struct nba_cursor *cursor)
{
    const uint64_t value = nba_cursor_varint(cursor);
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

void nba_buf_append_quoted(struct nba_buf *buf, struct nba_str text)
{
    const unsigned char *p = (const unsigned char *)text.data;
    size_t bytes = 0;
    nba_buf_append_byte(buf, '"');
    for (size_t left = text.bytes; left != 0; left -= bytes, p += bytes) {
        bytes = nba_utf8_bytes(p, left);
        if (bytes == 0) {
            nba_buf_append_str(buf, nba_str_of("\xef\xbf\xbd"));
            bytes = 1;
        } else if (*p == '"' || *p == '\\') {
            nba_buf_printf(buf, "\\%c", *p);
        } else if (*p < ' ') {
            nba_buf_printf(buf, "\\u%04x", *p);
        } else {
            nba_buf_append(buf, p, bytes);
        }
    }
    nba_buf_append_byte(buf, '"');
}
