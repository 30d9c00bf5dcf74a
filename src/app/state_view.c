/* A secondary store and all its tasks. */
#include "state_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/file.h"

#define PATH_BYTES_MAX 4096u

struct found {
    struct nba_state_view *view;
    int32_t partitions[NBA_PARTITIONS_MAX];
    char topic[256];
    size_t count;
};

static void note_task(void *context, struct nba_str topic, int32_t partition)
{
    struct found *found = context;
    if (found->count < NBA_PARTITIONS_MAX) {
        (void)snprintf(found->topic, sizeof(found->topic), "%.*s", NBA_STR_ARG(topic));
        found->partitions[found->count++] = partition;
    }
}

enum nba_status nba_state_view_open(const struct nba_config *config,
                                    struct nba_state_view *ret_view, struct nba_error *error)
{
    static struct found found; /* commands run on one thread */
    char path[PATH_BYTES_MAX];
    struct nba_state_view view = {0};
    (void)snprintf(path, sizeof(path), "%s/store", config->state.dir);
    if (!nba_file_exists(path)) {
        return nba_error_set(error, NBA_E_NOT_FOUND, "no state in '%s' (state.dir)",
                             config->state.dir);
    }
    const struct nba_state_options options = {.secondary = true};
    found = (struct found){.view = &view};
    enum nba_status status = nba_state_store_open(path, &options, &view.store, error);
    if (status == NBA_OK) {
        nba_state_store_visit(view.store, note_task, &found);
    }
    for (size_t i = 0; status == NBA_OK && i < found.count; i++) {
        status = nba_task_open(view.store, nba_str_of(found.topic), found.partitions[i], 0,
                               &view.tasks[view.task_count], error);
        view.task_count += status == NBA_OK ? 1 : 0;
    }
    if (status != NBA_OK) {
        nba_state_view_close(&view);
        return status;
    }
    *ret_view = view;
    return NBA_OK;
}

void nba_state_view_close(struct nba_state_view *view)
{
    for (size_t i = 0; i < view->task_count; i++) {
        nba_task_close(view->tasks[i]);
    }
    nba_state_store_close(view->store);
    view->store = NULL;
    view->task_count = 0;
}
