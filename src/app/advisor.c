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
    const struct nba_side_model *models = a->side->models;
    if (models[NBA_ROLE_CHAMPION].release == NULL && model != NBA_SCORE_FUSION &&
        model != NBA_SCORE_POPULARITY) {
        return nba_error_set(error, NBA_E_NOT_FOUND, "no release: nothing was trained yet");
    }
    a->scorer = nba_scorer_create();
    bool done = true;
    for (int role = 0; done && role < NBA_ROLE_COUNT; role++) {
        done = models[role].binding == NULL ||
               nba_score_binding_create(a->side->catalog, models[role].release, &score_options,
                                        &a->bindings[role], error) == NBA_OK;
    }
    done = done && nba_funnel_create(a->side->policy, a->side->catalog, a->side->control,
                                     &a->funnel, error) == NBA_OK;
    return nba_outcome(done, error);
}

void nba_advisor_close(struct nba_advisor *advisor)
{
    nba_funnel_destroy(advisor->funnel);
    nba_scorer_destroy(advisor->scorer);
    for (int role = 0; role < NBA_ROLE_COUNT; role++) {
        nba_score_binding_destroy(advisor->bindings[role]);
    }
    nba_side_unref(advisor->side);
}

enum nba_status nba_advisor_score(struct nba_advisor *advisor, const struct nba_hcp *hcp,
                                  int64_t now_ms, struct nba_arena *arena,
                                  struct nba_score_job *ret_job, struct nba_error *error)
{
    const enum nba_role role = nba_side_role_of(advisor->side, hcp->hcp_id, now_ms);
    const struct nba_score_binding *binding = advisor->bindings[role];
    const size_t floats = nba_score_binding_state_floats(binding);
    const size_t contents = advisor->side->catalog->content_count;
    /* Without a release there is nothing to count by outside the engine: every content the same. */
    uint32_t *counts = nba_arena_zeros(arena, contents + 1, sizeof(*counts));
    *ret_job = (struct nba_score_job){.hcp = hcp,
                                      .watermark_ms = now_ms,
                                      .state = nba_arena_take(arena, (floats + 1) * sizeof(float)),
                                      .tally = {counts, counts}};
    if (ret_job->state == NULL || counts == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    const enum nba_status status =
        nba_scorer_run(advisor->scorer, binding, ret_job, 1, arena, error);
    if (advisor->side->models[role].release == NULL) {
        ret_job->scores.examples = NULL;
    }
    return status;
}
