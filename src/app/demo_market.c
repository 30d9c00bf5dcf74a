/* Feeding the log from a world, and reading back what the engine made of it. */
#include "demo_market.h"

#include <stdlib.h>
#include <string.h>

#include "nba/app/interrupt.h"
#include "nba/app/walk.h"
#include "nba/base/hash.h"
#include "nba/base/memory.h"

/* ---- what the log has ---- */

static enum nba_status take_input(void *context, const struct nba_record *record,
                                  struct nba_error *error)
{
    struct nba_demo_lane *lane = context;
    (void)error;
    lane->offsets = nba_room(lane->offsets, lane->count, &lane->capacity, sizeof(*lane->offsets));
    lane->offsets[lane->count++] = record->offset;
    return NBA_OK;
}

static enum nba_status read_input(struct nba_demo_market *market, struct nba_error *error)
{
    const struct nba_workplace *place = market->place;
    enum nba_status status = NBA_OK;
    for (int32_t p = 0; status == NBA_OK && p < market->lane_count; p++) {
        struct nba_demo_lane *lane = &market->lanes[p];
        status = nba_walk_partition(place->stream, place->config.topics.engagement, p,
                                    &lane->input_position, take_input, lane, error);
    }
    return status;
}

enum nba_status nba_demo_market_open(struct nba_workplace *place, uint64_t events, uint64_t seed,
                                     struct nba_demo_market *ret_market, struct nba_error *error)
{
    struct nba_demo_market *market = ret_market;
    const struct nba_world_options world = nba_world_options_for(events, seed);
    *market = (struct nba_demo_market){.place = place, .world = nba_world_create(&world)};
    const enum nba_status status = nba_stream_topic_partitions(
        place->stream, place->config.topics.engagement, &market->lane_count, error);
    if (status != NBA_OK) {
        return status;
    }
    market->lanes = nba_zeros((size_t)market->lane_count, sizeof(*market->lanes));
    const bool done =
        nba_sink_open(place, &market->sink, error) == NBA_OK && read_input(market, error) == NBA_OK;
    return nba_outcome(done, error);
}

void nba_demo_market_close(struct nba_demo_market *market)
{
    struct nba_error ignored = {0};
    const enum nba_status closed = nba_sink_close(&market->sink, NBA_OK, &ignored);
    (void)closed; /* each round has waited for its delivery */
    for (int32_t p = 0; market->lanes != NULL && p < market->lane_count; p++) {
        free(market->lanes[p].offsets);
    }
    free(market->lanes);
    nba_world_destroy(market->world);
}

/* ---- speaking ---- */

/* Sends the event unless an earlier run did. */
static enum nba_status emit(struct nba_demo_market *market, const struct nba_event *event,
                            struct nba_error *error)
{
    struct nba_demo_lane *lane =
        &market->lanes[nba_partition_of_key(event->hcp_id, market->lane_count)];
    lane->emitted++;
    lane->clock_ms = event->event_time_ms > lane->clock_ms ? event->event_time_ms : lane->clock_ms;
    return lane->emitted <= lane->count
               ? NBA_OK
               : nba_sink_event(&market->sink, market->place->config.topics.engagement, event,
                                error);
}

static enum nba_status emit_catalog(struct nba_demo_market *market, struct nba_error *error)
{
    struct nba_workplace *place = market->place;
    const char *topic = place->config.topics.catalog;
    int64_t low = 0;
    int64_t high = 0;
    enum nba_status status =
        nba_stream_watermarks(place->stream, topic, 0, NBA_READ_COMMITTED, &low, &high, error);
    /* A crash may have cut it short: what is there is the beginning. */
    for (uint32_t i = (uint32_t)high;
         status == NBA_OK && i < nba_world_reference_count(market->world); i++) {
        struct nba_reference reference;
        nba_arena_reset(&place->arena);
        nba_world_reference(market->world, i, &place->arena, &reference);
        status = nba_sink_reference(&market->sink, topic, &reference, NBA_TIMESTAMP_NOW, error);
    }
    return status;
}

static enum nba_status emit_flow(struct nba_demo_market *market, uint64_t until,
                                 struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    bool more = true;
    while (status == NBA_OK && more && market->flow < until) {
        struct nba_event event;
        nba_arena_reset(&market->place->arena);
        more = nba_world_next(market->world, &market->place->arena, &event);
        if (more) {
            status = emit(market, &event, error);
            market->flow++;
        }
        status = status == NBA_OK ? nba_interrupt_check(error) : status;
    }
    return status == NBA_OK ? read_input(market, error) : status;
}

enum nba_status nba_demo_market_past(struct nba_demo_market *market, uint64_t events,
                                     struct nba_error *error)
{
    struct nba_arena *arena = &market->place->arena;
    enum nba_status status = emit_catalog(market, error);
    const uint64_t facts = nba_world_fact_count(market->world);
    for (uint64_t i = 0; status == NBA_OK && i < facts; i++) {
        struct nba_event event;
        nba_arena_reset(arena);
        nba_world_fact(market->world, i, arena, &event);
        status = emit(market, &event, error);
    }
    status = status == NBA_OK ? emit_flow(market, events, error) : status;
    for (int32_t p = 0; status == NBA_OK && p < market->lane_count; p++) {
        struct nba_demo_lane *lane = &market->lanes[p];
        lane->past_ms = lane->clock_ms;
        lane->live_from = lane->emitted != 0 ? lane->offsets[lane->emitted - 1] + 1 : 0;
    }
    return status;
}

enum nba_status nba_demo_market_round(struct nba_demo_market *market, uint64_t events,
                                      bool *ret_more, struct nba_error *error)
{
    const uint64_t before = market->flow;
    const enum nba_status status = emit_flow(market, before + events, error);
    *ret_more = market->flow > before;
    return status;
}

/* ---- listening ---- */

int64_t nba_demo_cause(const struct nba_demo_market *market, const struct nba_record *record)
{
    const struct nba_str topic = nba_str_of(market->place->config.topics.engagement);
    int64_t offset = -1;
    for (uint32_t i = 0; i < record->header_count; i++) {
        const struct nba_str value = record->headers[i].value;
        if (nba_str_is(record->headers[i].name, "src") && value.bytes > topic.bytes &&
            memcmp(value.data, topic.data, topic.bytes) == 0) {
            for (size_t c = topic.bytes; c < value.bytes; c++) {
                offset = value.data[c] == '/' ? 0 : offset * 10 + (value.data[c] - '0');
            }
        }
    }
    return offset;
}

static enum nba_status take_action(void *context, const struct nba_record *record,
                                   struct nba_error *error)
{
    struct nba_demo_market *market = context;
    struct nba_workplace *place = market->place;
    struct nba_action action;
    const int64_t cause = nba_demo_cause(market, record);
    nba_arena_reset(&place->arena);
    const enum nba_status status =
        nba_decode_action(place->decoder, record->value, &place->arena, &action, error);
    if (status != NBA_OK) {
        return status;
    }
    /* The HCP's: what a rep's task publishes stands in the rep's partition. */
    const struct nba_demo_lane *lane =
        &market->lanes[nba_partition_of_key(action.hcp_id, market->lane_count)];
    if (lane->emitted == 0 ||
        (cause >= 0 ? cause > lane->offsets[lane->emitted - 1] : action.time_ms > lane->clock_ms)) {
        return NBA_E_INTERRUPTED; /* of a later round: an earlier run got that far */
    }
    if (cause >= 0 ? cause >= lane->live_from : action.time_ms > lane->past_ms) {
        (void)nba_world_react(market->world, &action);
    } /* else of the past: nobody waits for it any more */
    return NBA_OK;
}

enum nba_status nba_demo_market_answer(struct nba_demo_market *market, struct nba_error *error)
{
    const struct nba_workplace *place = market->place;
    enum nba_status status = NBA_OK;
    for (int32_t p = 0; status == NBA_OK && p < market->lane_count; p++) {
        status = nba_walk_partition(place->stream, place->config.topics.action, p,
                                    &market->lanes[p].action_position, take_action, market, error);
        status = status == NBA_E_INTERRUPTED ? nba_interrupt_check(error) : status;
    }
    return status;
}
