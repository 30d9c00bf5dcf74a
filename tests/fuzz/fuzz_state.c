/*
 * Any bytes as an HCP record and as a meta record.  First byte of the input: 'h' or 'm'.
 *
 * Nothing may crash; what is accepted must encode to a record that decodes and encodes to the same
 * bytes, and must live through an event.
 */
#include "fuzz_driver.h"

#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/state/hcp.h"
#include "nba/state/meta.h"

#define ARENA_BYTES ((size_t)4 * 1024 * 1024)

static void check_hcp(struct nba_str bytes)
{
    static const struct nba_content_facts facts = {.topic = {"topic", 5}, .brand = {"brand", 5}};
    struct nba_arena arena;
    struct nba_buf first;
    struct nba_buf second;
    struct nba_error error;
    nba_arena_init(&arena, ARENA_BYTES);
    nba_buf_init(&first, NBA_HCP_BYTES_MAX);
    nba_buf_init(&second, NBA_HCP_BYTES_MAX);
    struct nba_hcp *hcp = nba_arena_take(&arena, sizeof(*hcp));
    struct nba_hcp *again = nba_arena_take(&arena, sizeof(*again));
    NBA_ASSERT(hcp != NULL && again != NULL);
    const struct nba_str id = nba_str_of("hcp-1");
    if (nba_hcp_decode(bytes, id, &arena, hcp, &error) == NBA_OK &&
        nba_hcp_encode(hcp, &first) == NBA_OK) {
        NBA_ASSERT(nba_hcp_decode(nba_buf_str(&first), id, &arena, again, &error) == NBA_OK);
        NBA_ASSERT(nba_hcp_encode(again, &second) == NBA_OK);
        NBA_ASSERT(nba_str_equal(nba_buf_str(&first), nba_buf_str(&second)));
        uint64_t start = 0;
        uint32_t count = 0;
        nba_hcp_window(again, NBA_RING_EVENTS / 2, &start, &count);
        NBA_ASSERT(count <= again->ring_count);
        const struct nba_event event = {.type = NBA_EVENT_EMAIL_CLICKED,
                                        .event_time_ms = 1,
                                        .event_id = nba_str_of("e"),
                                        .source = nba_str_of("s"),
                                        .content_id = nba_str_of("c"),
                                        .message_id = nba_str_of("m")};
        nba_hcp_apply_event(again, &event, &facts, 1, NBA_ARRIVAL_FRESH);
        nba_buf_reset(&second);
        NBA_ASSERT(nba_hcp_encode(again, &second) == NBA_OK);
    }
    nba_buf_clear(&first);
    nba_buf_clear(&second);
    nba_arena_clear(&arena);
}

static void check_meta(struct nba_str bytes)
{
    struct nba_meta meta;
    struct nba_error error;
    struct nba_buf buf;
    if (nba_meta_decode(bytes, &meta, &error) != NBA_OK) {
        return;
    }
    nba_buf_init(&buf, 8192);
    nba_meta_encode(&meta, &buf);
    NBA_ASSERT(!buf.failed);
    NBA_ASSERT(nba_meta_decode(nba_buf_str(&buf), &meta, &error) == NBA_OK);
    nba_buf_clear(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0 && data[0] == 'm') {
        check_meta(nba_str((const char *)data + 1, size - 1));
    } else if (size > 0) {
        /* The length field would stop nearly every mutation: it is mended. */
        unsigned char *copy = malloc(size);
        NBA_ASSERT(copy != NULL);
        memcpy(copy, data, size);
        if (size > 3) {
            copy[2] = (unsigned char)(size - 1);
            copy[3] = (unsigned char)((size - 1) >> 8);
        }
        check_hcp(nba_str((const char *)copy + 1, size - 1));
        free(copy);
    }
    return 0;
}
