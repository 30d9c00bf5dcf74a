/* A store and all its tasks. */
#include "state_view.h"

#include <stdio.h>

#include "nba/base/file.h"
#include "nba/base/time_text.h"

static void note_task(void *context, struct nba_str topic, int32_t partition)
{
    struct nba_state_view *view = context;
    if (view->partition_count < NBA_PARTITIONS_MAX) {
        (void)snprintf(view->topic, sizeof(view->topic), "%.*s", NBA_STR_ARG(topic));
        view->partitions[view->partition_count++] = partition;
    }
}

enum nba_status nba_state_view_open(const struct nba_config *config, bool writable,
                                    struct nba_state_view *ret_view, struct nba_error *error)
{
    struct nba_state_options options = {.secondary = !writable};
    char secret[NBA_SHA256_TEXT_BYTES] = ""; /* not there: erased HCPs are unknown ones */
    struct nba_state_view *view = ret_view;
    char path[NBA_PATH_BYTES_MAX];
    char secret_path[NBA_CONFIG_PATH_BYTES];
    *view = (struct nba_state_view){.store = NULL};
    (void)snprintf(path, sizeof(path), "%s/store", config->state.dir);
    if (!nba_file_exists(path)) {
        return nba_error_set(error, NBA_E_NOT_FOUND, "no state in '%s' (state.dir)",
                             config->state.dir);
    }
    if (nba_state_secret_load(nba_config_secret_file(config, secret_path), false, secret, NULL) ==
        NBA_OK) {
        options.secret = nba_str_of(secret);
    }
    enum nba_status status = nba_state_store_open(path, &options, &view->store, error);
    if (status == NBA_OK) {
        nba_state_store_visit(view->store, note_task, view);
    }
    for (size_t i = 0; status == NBA_OK && !writable && i < view->partition_count; i++) {
        status = nba_task_open(view->store, nba_str_of(view->topic), view->partitions[i], 0,
                               &view->tasks[i], error);
        view->task_count += status == NBA_OK ? 1 : 0;
    }
    return status;
}

enum nba_status nba_state_view_hcp(struct nba_state_view *view, const char *hcp_id,
                                   struct nba_arena *arena, struct nba_hcp *ret_hcp,
                                   struct nba_error *error)
{
    bool found = false;
    enum nba_status status =
        nba_state_store_read_hcp(view->store, nba_str_of(hcp_id), arena, ret_hcp, &found, error);
    int64_t erased_ms = NBA_TIME_NONE;
    for (size_t i = 0;
         i < view->task_count && status == NBA_OK && !found && erased_ms == NBA_TIME_NONE; i++) {
        nba_task_begin(view->tasks[i], arena);
        status = nba_task_erased_at(view->tasks[i], nba_str_of(hcp_id), &erased_ms, error);
        nba_task_drop(view->tasks[i]);
    }
    if (status != NBA_OK || found) {
        return status;
    }
    char time[NBA_TIME_TEXT_BYTES] = "";
    if (erased_ms != NBA_TIME_NONE) {
        nba_time_format(erased_ms, time);
    }
    return nba_error_set(error, NBA_E_NOT_FOUND, "no state of HCP '%s'%s%s", hcp_id,
                         time[0] != '\0' ? ": erased at " : "", time);
}

void nba_state_view_close(struct nba_state_view *view)
{
    for (size_t i = 0; i < view->task_count; i++) {
        nba_task_close(view->tasks[i]);
    }
    nba_state_store_close(view->store);
    *view = (struct nba_state_view){.store = NULL};
}
