/* The state of an instance, read-only, beside a running writer if there is one. */
#ifndef NBA_APP_STATE_VIEW_H
#define NBA_APP_STATE_VIEW_H

#include "nba/config/config.h"
#include "nba/state/task.h"

struct nba_state_view {
    struct nba_state_store *store;
    struct nba_task *tasks[NBA_PARTITIONS_MAX];
    size_t task_count;
};

/* Opens every task of <state.dir>/store.  NBA_E_NOT_FOUND: no instance ran with this state.dir. */
NBA_MUST_USE
enum nba_status nba_state_view_open(const struct nba_config *config,
                                    struct nba_state_view *ret_view, struct nba_error *error);
void nba_state_view_close(struct nba_state_view *view);

#endif
