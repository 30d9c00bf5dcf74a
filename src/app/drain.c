/* Compares the group's offsets with what the input had. */
#include "drain.h"

enum nba_status nba_workplace_engine(const struct nba_workplace *place, struct nba_metrics *metrics,
                                     struct nba_engine **ret_engine, struct nba_error *error)
{
    const struct nba_engine_options options = {
        .config = &place->config,
        .schemas = place->schemas,
        .stream = place->stream,
        .clock = &nba_clock_system,
        .metrics = metrics,
    };
    return nba_engine_create(&options, ret_engine, error);
}

enum nba_status nba_drain_begin(const struct nba_workplace *place, struct nba_drain *ret_drain,
                                struct nba_error *error)
{
    const char *topic = place->config.topics.engagement;
    *ret_drain = (struct nba_drain){.count = 0};
    enum nba_status status =
        nba_stream_topic_partitions(place->stream, topic, &ret_drain->count, error);
    for (int32_t p = 0; status == NBA_OK && p < ret_drain->count; p++) {
        int64_t low = 0;
        int64_t high = 0;
        status =
            nba_stream_watermarks(place->stream, topic, p, NBA_READ_COMMITTED, &low, &high, error);
        ret_drain->highs[p] = low == high ? 0 : high; /* an empty partition commits nothing */
    }
    return status;
}

bool nba_drain_is_done(const struct nba_workplace *place, const struct nba_drain *drain)
{
    for (int32_t p = 0; p < drain->count; p++) {
        struct nba_error error = {0};
        int64_t committed = -1;
        if (drain->highs[p] != 0 &&
            (nba_stream_group_committed(place->stream, place->config.application_id,
                                        place->config.topics.engagement, p, &committed,
                                        &error) != NBA_OK ||
             committed < drain->highs[p])) {
            return false;
        }
    }
    return true;
}
