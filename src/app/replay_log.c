#include "replay_log.h"

#include <sys/stat.h>

#include "nba/app/walk.h"

static enum nba_status take_input(void *replay, const struct nba_record *record,
                                  struct nba_error *error)
{
    return nba_replay_add(replay, record, error);
}

static enum nba_status add_stream(struct nba_replay *replay, const struct nba_config *config,
                                  struct nba_stream *stream, struct nba_error *error)
{
    const char *const topics[] = {config->topics.rep_capacity, config->topics.catalog,
                                  config->topics.control,      config->topics.journal,
                                  config->topics.mailbox,      config->topics.engagement};
    enum nba_status status = NBA_OK;
    for (size_t t = 0; t < NBA_ARRAY_COUNT(topics) && status == NBA_OK; t++) {
        status = nba_walk_topic(stream, topics[t], take_input, replay, error);
    }
    return status;
}

/* A log file, or the folder of an embedded log. */
static enum nba_status add_path(struct nba_replay *replay, const struct nba_workplace *place,
                                const char *path, struct nba_error *error)
{
    struct nba_stream *stream = NULL;
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) {
        const enum nba_status status =
            nba_walk_log_file(place->schemas, path, take_input, replay, error);
        return status == NBA_OK ? NBA_OK : nba_error_prefix(error, "%s", path);
    }
    enum nba_status status =
        nba_stream_open_local(path, NBA_LOCAL_READER, &nba_clock_system, NULL, &stream, error);
    status = status == NBA_OK ? add_stream(replay, &place->config, stream, error) : status;
    nba_stream_close(stream);
    return status;
}

enum nba_status nba_add_logs(struct nba_replay *replay, const struct nba_workplace *place,
                             const struct nba_operands *logs, struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    if (logs->count == 0) {
        return add_stream(replay, &place->config, place->stream, error);
    }
    for (size_t i = 0; i < logs->count && status == NBA_OK; i++) {
        status = add_path(replay, place, logs->items[i], error);
    }
    return status;
}

void nba_replay_tick(void *ticker, uint64_t done, uint64_t total)
{
    (void)total;
    nba_ticker_at(ticker, done);
}
