#include "advisor.h"

enum nba_status nba_advisor_open(struct nba_workplace *place, const char *release,
                                 enum nba_score_model model, struct nba_advisor *ret_advisor,
                                 struct nba_error *error)
{
    struct nba_advisor *a = ret_advisor;
    const struct nba_score_options score_options = {
        .ncf_candidates = (uint32_t)place->config.score_ncf_candidates,
        .model = model,
    };
    *a = (struct nba_advisor){0};
    const enum nba_status status = nba_side_load(place, release, &a->side, error);
    if (status != NBA_OK) {
        return status;
    }
    if (a->side->release == NULL && model != NBA_SCORE_FUSION && model != NBA_SCORE_POPULARITY) {
        return nba_error_set(error, NBA_E_NOT_FOUND, "no release: nothing was trained yet");
    }
    a->scorer = nba_scorer_create();
    const bool done = nba_score_binding_create(a->side->catalog, a->side->release, &score_options,
                                               &a->binding, error) == NBA_OK &&
                      nba_funnel_create(a->side->policy, a->side->catalog, a->side->control,
                                        &a->funnel, error) == NBA_OK;
    return nba_outcome(done, error);
}

void nba_advisor_close(struct nba_advisor *advisor)
{
    nba_funnel_destroy(advisor->funnel);
    nba_scorer_destroy(advisor->scorer);
    nba_score_binding_destroy(advisor->binding);
    nba_side_unref(advisor->side);
}

enum nba_status nba_advisor_score(struct nba_advisor *advisor, const struct nba_hcp *hcp,
                                  struct nba_arena *arena, struct nba_score_job *ret_job,
                                  struct nba_error *error)
{
    const size_t floats = nba_score_binding_state_floats(advisor->binding);
    const size_t contents = advisor->side->catalog->content_count;
    /* Without a release there is nothing to count by outside the engine: every content the same. */
    uint32_t *counts = nba_arena_zeros(arena, contents + 1, sizeof(*counts));
    *ret_job = (struct nba_score_job){.hcp = hcp,
                                      .state = nba_arena_take(arena, (floats + 1) * sizeof(float)),
                                      .tally = {counts, counts}};
    if (ret_job->state == NULL || counts == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    const enum nba_status status =
        nba_scorer_run(advisor->scorer, advisor->binding, ret_job, 1, arena, error);
    if (advisor->side->release == NULL) {
        ret_job->scores.examples = NULL;
    }
    return status;
}
