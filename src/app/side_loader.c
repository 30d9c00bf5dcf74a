/* Reads two topics to their ends, then loads what the configuration names. */
#include "side_loader.h"

#include <stdio.h>

#include "nba/base/limits.h"
#include "nba/release/shelf.h"
#include "nba/stream/reader.h"

#define POLL_MS        200
#define PATH_BYTES_MAX 4096u

typedef enum nba_status take_fn(struct nba_side_inputs *, const struct nba_record *,
                                struct nba_error *);

static enum nba_status read_topic(struct nba_stream *stream, const char *topic,
                                  struct nba_side_inputs *inputs, take_fn *take,
                                  struct nba_error *error)
{
    struct nba_reader *reader = NULL;
    struct nba_position start = {topic, 0, 0};
    int64_t high = 0;
    enum nba_status status =
        nba_stream_watermarks(stream, topic, 0, NBA_READ_COMMITTED, &start.offset, &high, error);
    int64_t position = start.offset;
    if (status == NBA_OK) {
        status = nba_reader_create(stream, NBA_READ_COMMITTED, &reader, error);
    }
    if (status == NBA_OK) {
        status = nba_reader_assign(reader, &start, 1, error);
    }
    while (status == NBA_OK && position < high) {
        enum nba_poll what = NBA_POLL_NONE;
        struct nba_record record = {0};
        status = nba_reader_poll(reader, POLL_MS, &what, &record, error);
        if (status == NBA_OK && what == NBA_POLL_RECORD) {
            position = record.offset + 1;
            status = take(inputs, &record, error);
            /* What the engine passes over, tools pass over. */
            status = nba_status_class(status) == NBA_CLASS_SKIP || status == NBA_E_EXISTS ? NBA_OK
                                                                                          : status;
        } else if (status == NBA_OK && what == NBA_POLL_END) {
            position = record.offset;
        }
        nba_record_release(&record);
    }
    nba_reader_destroy(reader);
    return status;
}

static enum nba_status load_release(const struct nba_config *config, const char *wanted,
                                    struct nba_side_inputs *inputs, struct nba_error *error)
{
    char id[NBA_RELEASE_ID_BYTES];
    char path[PATH_BYTES_MAX];
    struct nba_release *release = NULL;
    enum nba_status status = NBA_OK;
    if (wanted != NULL) {
        (void)snprintf(id, sizeof(id), "%s", wanted);
    } else {
        status = nba_shelf_champion(config->release_dir, id, error);
        if (status == NBA_E_NOT_FOUND) {
            return NBA_OK;
        }
    }
    if (status == NBA_OK) {
        status = nba_shelf_path(config->release_dir, id, path, sizeof(path), error);
    }
    if (status == NBA_OK) {
        status = nba_release_load(path, nba_kernels_best(), &release, error);
    }
    if (status == NBA_OK) {
        nba_side_inputs_set_release(inputs, release);
    }
    nba_release_unref(release);
    return status;
}

enum nba_status nba_side_load(const struct nba_workplace *place, const char *release,
                              struct nba_side **ret_side, struct nba_error *error)
{
    const struct nba_config *config = &place->config;
    struct nba_side_inputs *inputs = NULL;
    struct nba_policy *policy = NULL;
    enum nba_status status = nba_side_inputs_create(place->schemas, config, &inputs, error);
    if (status == NBA_OK) {
        status = read_topic(place->stream, config->topics.catalog, inputs, nba_side_inputs_catalog,
                            error);
    }
    if (status == NBA_OK) {
        status = read_topic(place->stream, config->topics.control, inputs, nba_side_inputs_control,
                            error);
    }
    if (status == NBA_OK) {
        status = nba_policy_load(config->policy_file, &policy, error);
    }
    if (status == NBA_OK) {
        nba_side_inputs_set_policy(inputs, policy);
        status = load_release(config, release, inputs, error);
    }
    if (status == NBA_OK) {
        status = nba_side_inputs_take(inputs, ret_side, error);
    }
    nba_policy_unref(policy);
    nba_side_inputs_destroy(inputs);
    return status;
}
