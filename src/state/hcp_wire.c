/* Texts and columns of times of an HCP record; the rules stand in hcp_wire.h. */
#include "hcp_wire.h"

/* One text: a decision id of two ids of 256 bytes is the longest. */
#define TEXT_BYTES_MAX 1024u
#define NUMBER_MAX     9999u /* after the colon: a rank, no longer than four digits */

/* Length, head and tail: event ids differ at their end, content ids at their start.  Texts that
 * still meet are told apart by memcmp. */
static uint32_t text_slot(struct nba_str text)
{
    uint64_t head = 0;
    uint64_t tail = 0;
    const size_t part = text.bytes < 8 ? text.bytes : 8;
    memcpy(&head, text.data, part);
    memcpy(&tail, text.data + text.bytes - part, part);
    uint64_t h = (head ^ (tail << 29 | tail >> 35) ^ text.bytes) * 0x9E3779B97F4A7C15u;
    h ^= h >> 32;
    return (uint32_t)(h * 0xBF58476D1CE4E5B9u >> 40) & (HCP_SLOTS - 1);
}

void nba_hcp_wire_put_text(struct hcp_wire *w, struct nba_str text)
{
    if (text.bytes == 0) {
        hcp_put_byte(w, 0);
        return;
    }
    uint32_t slot = text_slot(text);
    while (w->slots[slot] != 0) {
        const struct nba_str met = w->texts[w->slots[slot] - 1];
        if (met.bytes == text.bytes &&
            (met.data == text.data || memcmp(met.data, text.data, met.bytes) == 0)) {
            hcp_put_varint(w, w->slots[slot]);
            return;
        }
        slot = (slot + 1) & (HCP_SLOTS - 1);
    }
    NBA_ASSERT(w->text_count < HCP_TEXTS_MAX);
    w->texts[w->text_count++] = text;
    w->slots[slot] = (uint16_t)w->text_count;
    hcp_put_varint(w, w->text_count);
    hcp_put_varint(w, text.bytes);
    unsigned char *room = hcp_span(w, text.bytes);
    if (room != NULL) {
        memcpy(room, text.data, text.bytes);
    }
}

struct nba_str nba_hcp_wire_take_text(struct hcp_wire *w)
{
    const uint64_t number = hcp_take_varint(w);
    if (number == 0 || w->failed) {
        return nba_str(NULL, 0);
    }
    if (number <= w->text_count) {
        return w->texts[number - 1];
    }
    const uint64_t bytes = hcp_take_varint(w);
    hcp_check(w, number == (uint64_t)w->text_count + 1 && number <= HCP_TEXTS_MAX && bytes != 0 &&
                     bytes <= TEXT_BYTES_MAX);
    const unsigned char *data = w->failed ? NULL : hcp_span(w, (size_t)bytes);
    if (data == NULL) {
        return nba_str(NULL, 0);
    }
    w->texts[w->text_count++] = nba_str((const char *)data, (size_t)bytes);
    return w->texts[w->text_count - 1];
}

/* The number after the last colon; 0 if there is none in canonical form (1..9999, no leading 0). */
static uint32_t number_of(struct nba_str text, size_t *ret_text_bytes)
{
    size_t i = text.bytes;
    while (i > 0 && text.bytes - i < 4 && text.data[i - 1] >= '0' && text.data[i - 1] <= '9') {
        i--;
    }
    if (i < 2 || i == text.bytes || text.data[i - 1] != ':' || text.data[i] == '0') {
        return 0;
    }
    uint32_t number = 0;
    for (size_t k = i; k < text.bytes; k++) {
        number = number * 10 + (uint32_t)(text.data[k] - '0');
    }
    *ret_text_bytes = i - 1;
    return number;
}

void nba_hcp_wire_put_numbered(struct hcp_wire *w, struct nba_str text)
{
    const uint32_t number = number_of(text, &text.bytes);
    nba_hcp_wire_put_text(w, text);
    hcp_put_varint(w, number);
}

struct nba_str nba_hcp_wire_take_numbered(struct hcp_wire *w)
{
    const struct nba_str head = nba_hcp_wire_take_text(w);
    uint64_t number = hcp_take_varint(w);
    hcp_check(w, number <= NUMBER_MAX);
    if (number == 0 || w->failed) {
        return head;
    }
    char *joined = nba_arena_take(w->arena, head.bytes + sizeof(":9999"));
    if (joined == NULL) {
        w->arena_full = true;
        w->failed = true;
        return nba_str(NULL, 0);
    }
    char tail[sizeof(":9999") - 1];
    size_t at = sizeof(tail);
    for (; number != 0; number /= 10) {
        tail[--at] = (char)('0' + number % 10);
    }
    tail[--at] = ':';
    if (head.bytes != 0) {
        memcpy(joined, head.data, head.bytes);
    }
    memcpy(joined + head.bytes, tail + at, sizeof(tail) - at);
    return nba_str(joined, head.bytes + sizeof(tail) - at);
}

static const int64_t units_ms[] = {1, 1000, 60000, 3600000, 86400000};

static uint32_t common_unit(const int64_t *times, uint32_t count)
{
    /* Each unit divides the next, so the search stops at the first that fails.  Written out for
     * constant divisors. */
    uint32_t i;
    for (i = 0; i < count && times[i] % 1000 == 0; i++) {
    }
    if (i < count) {
        return 0;
    }
    for (i = 0; i < count && times[i] % 60000 == 0; i++) {
    }
    if (i < count) {
        return 1;
    }
    for (i = 0; i < count && times[i] % 3600000 == 0; i++) {
    }
    if (i < count) {
        return 2;
    }
    for (i = 0; i < count && times[i] % 86400000 == 0; i++) {
    }
    return i < count ? 3 : 4;
}

void nba_hcp_wire_put_times(struct hcp_wire *w, const int64_t *times, uint32_t count)
{
    const uint32_t unit = common_unit(times, count);
    uint64_t previous = 0;
    hcp_put_byte(w, unit);
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t time = (uint64_t)(unit == 0 ? times[i] : times[i] / units_ms[unit]);
        hcp_put_zigzag(w, (int64_t)(time - previous));
        previous = time;
    }
}

void nba_hcp_wire_take_times(struct hcp_wire *w, int64_t *ret_times, uint32_t count)
{
    const uint32_t unit = hcp_take_byte(w);
    hcp_check(w, unit < NBA_ARRAY_COUNT(units_ms));
    const uint64_t unit_ms = (uint64_t)units_ms[w->failed ? 0 : unit];
    uint64_t time = 0;
    for (uint32_t i = 0; i < count; i++) {
        time += (uint64_t)hcp_take_zigzag(w);
        ret_times[i] = (int64_t)(time * unit_ms);
    }
}
