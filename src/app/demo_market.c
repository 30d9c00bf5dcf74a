/* Feeding the log from a world, and reading back what the engine made of it. */
#include "demo_market.h"

#include <stdlib.h>
#include <string.h>

#include "nba/app/interrupt.h"
#include "nba/base/hash.h"
#include "partition_reader.h"

#define ARENA_BYTES_MAX ((size_t)64 << 20)

/* One partition of the input and of the action topic. */
struct lane {
    int64_t *offsets; /* of the input's records, in their order */
    size_t count, capacity;
    int64_t input_position;
    size_t emitted;    /* of the world's events, those in this partition */
    int64_t live_from; /* first offset that isn't the past's */
    int64_t action_position;
};

struct nba_demo_market {
    struct nba_demo_market_options options;
    struct nba_world *world;
    struct nba_sink sink;
    bool sink_open;
    struct nba_decoder *decoder;
    struct nba_arena arena;
    struct lane *lanes;
    int32_t lane_count;
    uint64_t emitted; /* facts and flow together */
    uint64_t flow;    /* flow alone */
};

/* ---- what the log has ---- */

static bool remember_offset(struct lane *lane, int64_t offset)
{
    if (lane->count == lane->capacity) {
        const size_t capacity = lane->capacity != 0 ? lane->capacity * 2 : 1024;
        int64_t *grown = realloc(lane->offsets, capacity * sizeof(*grown));
        if (grown == NULL) {
            return false;
        }
        lane->offsets = grown;
        lane->capacity = capacity;
    }
    lane->offsets[lane->count++] = offset;
    return true;
}

typedef enum nba_status take_fn(struct nba_demo_market *market, struct lane *lane,
                                const struct nba_record *record, bool *ret_stop,
                                struct nba_error *error);

/* Reads one partition from *position to its present end, or until `take` says stop. */
static enum nba_status read_lane(struct nba_demo_market *market, const char *topic,
                                 int32_t partition, int64_t *position, take_fn *take,
                                 struct nba_error *error)
{
    struct nba_partition_reader reader;
    struct nba_record record;
    bool more = true;
    bool stop = false;
    enum nba_status status = nba_partition_reader_open(&reader, market->options.place->stream,
                                                       topic, partition, *position, error);
    while (status == NBA_OK && more && !stop) {
        status = nba_partition_reader_next(&reader, &record, &more, error);
        if (status == NBA_OK && more) {
            status = take(market, &market->lanes[partition], &record, &stop, error);
            nba_record_release(&record);
        }
        *position = stop ? *position : reader.position;
    }
    nba_partition_reader_close(&reader);
    return status;
}

static enum nba_status take_input(struct nba_demo_market *market, struct lane *lane,
                                  const struct nba_record *record, bool *ret_stop,
                                  struct nba_error *error)
{
    (void)market;
    (void)ret_stop;
    return remember_offset(lane, record->offset)
               ? NBA_OK
               : nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
}

static enum nba_status read_input(struct nba_demo_market *market, struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    for (int32_t p = 0; status == NBA_OK && p < market->lane_count; p++) {
        status = read_lane(market, market->options.place->config.topics.engagement, p,
                           &market->lanes[p].input_position, take_input, error);
    }
    return status;
}

/* ---- life ---- */

static enum nba_status open_parts(struct nba_demo_market *market, struct nba_error *error)
{
    const struct nba_workplace *place = market->options.place;
    const struct nba_world_options world =
        nba_world_options_for(market->options.events, market->options.seed);
    market->world = nba_world_create(&world);
    if (market->world == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory making the market");
    }
    enum nba_status status = nba_stream_topic_partitions(
        place->stream, place->config.topics.engagement, &market->lane_count, error);
    if (status != NBA_OK) {
        return status;
    }
    market->lanes = calloc((size_t)market->lane_count, sizeof(*market->lanes));
    if (market->lanes == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    status = nba_decoder_create(place->schemas, &market->decoder, error);
    if (status == NBA_OK) {
        status = nba_sink_open(place->stream, place->schemas, &market->sink, error);
        market->sink_open = status == NBA_OK;
    }
    return status == NBA_OK ? read_input(market, error) : status;
}

enum nba_status nba_demo_market_open(const struct nba_demo_market_options *options,
                                     struct nba_demo_market **ret_market, struct nba_error *error)
{
    struct nba_demo_market *market = calloc(1, sizeof(*market));
    if (market == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    market->options = *options;
    nba_arena_init(&market->arena, ARENA_BYTES_MAX);
    const enum nba_status status = open_parts(market, error);
    if (status != NBA_OK) {
        nba_demo_market_close(market);
        return status;
    }
    *ret_market = market;
    return NBA_OK;
}

void nba_demo_market_close(struct nba_demo_market *market)
{
    if (market == NULL) {
        return;
    }
    if (market->sink_open) {
        struct nba_error ignored = {0};
        const enum nba_status closed = nba_sink_close(&market->sink, &ignored);
        (void)closed; /* each round has waited for its delivery */
    }
    for (int32_t p = 0; market->lanes != NULL && p < market->lane_count; p++) {
        free(market->lanes[p].offsets);
    }
    free(market->lanes);
    nba_decoder_destroy(market->decoder);
    nba_world_destroy(market->world);
    nba_arena_clear(&market->arena);
    free(market);
}

uint64_t nba_demo_market_events(const struct nba_demo_market *market)
{
    return market->flow;
}

int64_t nba_demo_market_live_from(const struct nba_demo_market *market, int32_t partition)
{
    return market->lanes[partition].live_from;
}

struct nba_world *nba_demo_market_world(struct nba_demo_market *market)
{
    return market->world;
}

/* ---- speaking ---- */

/* Sends the event unless an earlier run did. */
static enum nba_status emit(struct nba_demo_market *market, const struct nba_event *event,
                            struct nba_error *error)
{
    struct lane *lane = &market->lanes[nba_partition_of_key(event->hcp_id, market->lane_count)];
    market->emitted++;
    lane->emitted++;
    if (lane->emitted <= lane->count) {
        return NBA_OK;
    }
    return nba_sink_event(&market->sink, market->options.place->config.topics.engagement, event,
                          error);
}

static enum nba_status emit_catalog(struct nba_demo_market *market, struct nba_error *error)
{
    const struct nba_config_topics *topics = &market->options.place->config.topics;
    const uint32_t count = nba_world_reference_count(market->world);
    int64_t low = 0;
    int64_t high = 0;
    enum nba_status status = nba_stream_watermarks(market->options.place->stream, topics->catalog,
                                                   0, NBA_READ_COMMITTED, &low, &high, error);
    /* A crash may have cut it short: what is there is the beginning. */
    for (uint32_t i = (uint32_t)high; status == NBA_OK && i < count; i++) {
        struct nba_reference reference;
        nba_arena_reset(&market->arena);
        nba_world_reference(market->world, i, &market->arena, &reference);
        status = nba_sink_reference(&market->sink, topics->catalog, &reference, NBA_TIMESTAMP_NOW,
                                    error);
    }
    return status;
}

static enum nba_status emit_flow(struct nba_demo_market *market, uint64_t until, bool *ret_more,
                                 struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    *ret_more = true;
    while (status == NBA_OK && *ret_more && market->flow < until && !nba_interrupted()) {
        struct nba_event event;
        nba_arena_reset(&market->arena);
        *ret_more = nba_world_next(market->world, &market->arena, &event);
        if (*ret_more) {
            status = emit(market, &event, error);
            market->flow++;
        }
    }
    if (status == NBA_OK && nba_interrupted()) {
        return nba_error_set(error, NBA_E_INTERRUPTED, "interrupted");
    }
    return status == NBA_OK ? read_input(market, error) : status;
}

enum nba_status nba_demo_market_past(struct nba_demo_market *market, struct nba_error *error)
{
    bool more = true;
    enum nba_status status = emit_catalog(market, error);
    const uint64_t facts = nba_world_fact_count(market->world);
    for (uint64_t i = 0; status == NBA_OK && i < facts; i++) {
        struct nba_event event;
        nba_arena_reset(&market->arena);
        nba_world_fact(market->world, i, &market->arena, &event);
        status = emit(market, &event, error);
    }
    if (status == NBA_OK) {
        status = emit_flow(market, market->options.past_events, &more, error);
    }
    for (int32_t p = 0; status == NBA_OK && p < market->lane_count; p++) {
        struct lane *lane = &market->lanes[p];
        lane->live_from = lane->emitted != 0 ? lane->offsets[lane->emitted - 1] + 1 : 0;
    }
    return status;
}

enum nba_status nba_demo_market_round(struct nba_demo_market *market, bool *ret_more,
                                      struct nba_error *error)
{
    const uint64_t before = market->flow;
    const enum nba_status status =
        emit_flow(market, market->flow + market->options.round_events, ret_more, error);
    *ret_more = market->flow > before;
    return status;
}

/* ---- listening ---- */

/* The input offset in header src, -1 without one. */
static int64_t cause_of(const struct nba_record *record)
{
    for (uint32_t i = 0; i < record->header_count; i++) {
        const struct nba_str value = record->headers[i].value;
        if (nba_str_is(record->headers[i].name, "src")) {
            int64_t offset = 0;
            for (size_t c = 0; c < value.bytes; c++) {
                offset = value.data[c] == '/' ? 0 : offset * 10 + (value.data[c] - '0');
            }
            return value.bytes != 0 ? offset : -1;
        }
    }
    return -1;
}

static enum nba_status take_action(struct nba_demo_market *market, struct lane *lane,
                                   const struct nba_record *record, bool *ret_stop,
                                   struct nba_error *error)
{
    struct nba_action action;
    const int64_t cause = cause_of(record);
    if (lane->emitted == 0 || cause > lane->offsets[lane->emitted - 1]) {
        *ret_stop = true; /* of a later round: an earlier run got that far */
        return NBA_OK;
    }
    if (cause < lane->live_from) {
        return NBA_OK; /* of the past: nobody waits for it any more */
    }
    nba_arena_reset(&market->arena);
    const enum nba_status status =
        nba_decode_action(market->decoder, record->value, &market->arena, &action, error);
    if (status == NBA_OK) {
        (void)nba_world_react(market->world, &action);
    }
    return status;
}

enum nba_status nba_demo_market_answer(struct nba_demo_market *market, struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    for (int32_t p = 0; status == NBA_OK && p < market->lane_count; p++) {
        status = read_lane(market, market->options.place->config.topics.action, p,
                           &market->lanes[p].action_position, take_action, error);
    }
    return status;
}
