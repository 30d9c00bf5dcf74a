/* Reads three topics to their ends, then loads what the configuration names. */
#include "side_loader.h"

#include <stdio.h>

#include "nba/app/walk.h"
#include "nba/release/shelf.h"

enum nba_status nba_open_release(const struct nba_config *config, const char *id,
                                 const struct nba_kernels *kernels,
                                 struct nba_release **ret_release, struct nba_error *error)
{
    char champion[NBA_RELEASE_ID_BYTES];
    char path[NBA_PATH_BYTES_MAX];
    enum nba_status status = NBA_OK;
    if (id == NULL) {
        id = champion;
        status = nba_shelf_champion(config->release_dir, champion, error);
        if (status == NBA_E_NOT_FOUND) {
            *ret_release = NULL;
            return NBA_OK;
        }
    }
    if (status == NBA_OK) {
        status = nba_shelf_path(config->release_dir, id, path, sizeof(path), error);
    }
    return status == NBA_OK ? nba_release_load(path, kernels, ret_release, error) : status;
}

/* What the engine passes over, tools pass over. */
static enum nba_status forgive(enum nba_status status)
{
    return nba_status_class(status) == NBA_CLASS_SKIP || status == NBA_E_EXISTS ? NBA_OK : status;
}

static enum nba_status take_catalog(void *inputs, const struct nba_record *record,
                                    struct nba_error *error)
{
    return forgive(nba_side_inputs_catalog(inputs, record, error));
}

static enum nba_status take_control(void *inputs, const struct nba_record *record,
                                    struct nba_error *error)
{
    return forgive(nba_side_inputs_control(inputs, record, error));
}

static enum nba_status take_capacity(void *inputs, const struct nba_record *record,
                                     struct nba_error *error)
{
    return forgive(nba_side_inputs_capacity(inputs, record, error));
}

enum nba_status nba_side_load(const struct nba_workplace *place, const char *id,
                              struct nba_side **ret_side, struct nba_error *error)
{
    const struct nba_config *config = &place->config;
    struct nba_side_inputs *inputs = NULL;
    struct nba_policy *policy = NULL;
    struct nba_release *release = NULL;
    struct nba_release *challenger = NULL;
    char other[NBA_RELEASE_ID_BYTES];
    const bool both =
        id == NULL && nba_shelf_challenger(config->release_dir, other, NULL) == NBA_OK;
    const bool read =
        nba_side_inputs_create(place->schemas, config, &inputs, error) == NBA_OK &&
        nba_walk_topic(place->stream, config->topics.catalog, take_catalog, inputs, error) ==
            NBA_OK &&
        nba_walk_topic(place->stream, config->topics.control, take_control, inputs, error) ==
            NBA_OK &&
        nba_walk_topic(place->stream, config->topics.rep_capacity, take_capacity, inputs, error) ==
            NBA_OK &&
        nba_policy_load(config->policy_file, &policy, error) == NBA_OK &&
        nba_open_release(config, id, nba_kernels_best(), &release, error) == NBA_OK &&
        (!both ||
         nba_open_release(config, other, nba_kernels_best(), &challenger, error) == NBA_OK);
    enum nba_status status = nba_outcome(read, error);
    if (status == NBA_OK) {
        nba_side_inputs_set_policy(inputs, policy);
        nba_side_inputs_set_release(inputs, NBA_ROLE_CHAMPION, release);
        nba_side_inputs_set_release(inputs, NBA_ROLE_CHALLENGER, challenger);
        status = nba_side_inputs_take(inputs, ret_side, error);
    }
    nba_release_unref(release);
    nba_release_unref(challenger);
    nba_policy_unref(policy);
    nba_side_inputs_destroy(inputs);
    return status;
}
