/* Reads two topics to their ends, then loads what the configuration names. */
#include "side_loader.h"

#include <stdio.h>

#include "nba/release/shelf.h"
#include "partition_reader.h"

#define PATH_BYTES_MAX 4096u

typedef enum nba_status take_fn(struct nba_side_inputs *, const struct nba_record *,
                                struct nba_error *);

static enum nba_status read_topic(struct nba_stream *stream, const char *topic,
                                  struct nba_side_inputs *inputs, take_fn *take,
                                  struct nba_error *error)
{
    struct nba_partition_reader reader;
    struct nba_record record;
    bool more = true;
    enum nba_status status = nba_partition_reader_open(&reader, stream, topic, 0, 0, error);
    while (status == NBA_OK && more) {
        status = nba_partition_reader_next(&reader, &record, &more, error);
        if (status == NBA_OK && more) {
            status = take(inputs, &record, error);
            /* What the engine passes over, tools pass over. */
            status = nba_status_class(status) == NBA_CLASS_SKIP || status == NBA_E_EXISTS ? NBA_OK
                                                                                          : status;
            nba_record_release(&record);
        }
    }
    nba_partition_reader_close(&reader);
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
