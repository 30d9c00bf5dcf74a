/* The state of an instance, seen from outside. */
#ifndef NBA_APP_STATE_VIEW_H
#define NBA_APP_STATE_VIEW_H

#include "nba/app/workplace.h"
#include "nba/state/task.h"

struct nba_state_view {
    struct nba_state_store *store;
    int32_t partitions[NBA_PARTITIONS_MAX]; /* of the tasks there are */
    size_t partition_count;
    char topic[NBA_TOPIC_NAME_BYTES_MAX + 1];
    struct nba_task *tasks[NBA_PARTITIONS_MAX];
    size_t task_count;
};

/* Opens <state.dir>/store: every task to read, beside a running writer if there is one; or, to
 * change it, with its partitions listed and no task open.  NBA_E_NOT_FOUND: no instance ran with
 * this state.dir. */
NBA_MUST_USE
enum nba_status nba_state_view_open(const struct nba_config *config, bool writable,
                                    struct nba_state_view *ret_view, struct nba_error *error);
/* Texts live in `arena`.  NBA_E_NOT_FOUND. */
NBA_MUST_USE
enum nba_status nba_state_view_hcp(struct nba_state_view *view, const char *hcp_id,
                                   struct nba_arena *arena, struct nba_hcp *ret_hcp,
                                   struct nba_error *error);
/* Fine also after an open that failed, or on a zeroed one. */
void nba_state_view_close(struct nba_state_view *view);

#endif
