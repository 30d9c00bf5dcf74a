/* Every committed record of a task, for batch jobs: one in memory at a time. */
#include "task_internal.h"

#define RECORD_BYTES_MAX ((size_t)4 << 20)

enum nba_status nba_task_visit(struct nba_task *task, struct nba_hcp_visitor visitor,
                               struct nba_error *error)
{
    static const char lower[] = {NBA_KEY_HCP};
    static const char upper[] = {NBA_KEY_HCP + 1};
    struct nba_arena arena;
    struct nba_kv_iter *iter =
        nba_kv_iter_create(task->kv, task->cf, NULL, nba_str(lower, 1), nba_str(upper, 1));
    if (iter == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "no room for an iterator");
    }
    nba_arena_init(&arena, RECORD_BYTES_MAX);
    enum nba_status status = NBA_OK;
    nba_kv_iter_seek(iter, nba_str(lower, 1));
    while (status == NBA_OK && nba_kv_iter_valid(iter)) {
        struct nba_hcp hcp;
        nba_arena_reset(&arena);
        status = nba_hcp_decode(nba_kv_iter_value(iter), nba_key_id(nba_kv_iter_key(iter)), &arena,
                                &hcp, error);
        if (status == NBA_OK) {
            status = visitor.visit(visitor.context, &hcp, error);
        }
        nba_kv_iter_next(iter);
    }
    if (status == NBA_OK) {
        status = nba_kv_iter_status(iter, error);
    }
    nba_kv_iter_destroy(iter);
    nba_arena_clear(&arena);
    return status;
}
