/*
 * Scoring inside a wave: each model of the side has a lane of jobs, the champion's and the
 * challenger's; an HCP's arm says which one is its.  Whoever shares a lane can't be seen in the
 * scores, so neither can the arms.
 */
#include <string.h>

#include "nba/base/hash.h"
#include "nba/release/release.h"
#include "pipeline_internal.h"

static const enum nba_vector_slot vector_slots[NBA_ROLE_COUNT] = {NBA_VECTOR_CHAMPION_SEQUENCE,
                                                                  NBA_VECTOR_CHALLENGER_SEQUENCE};

void nba_lanes_create(struct nba_pipeline *pipeline)
{
    for (int role = 0; role < NBA_ROLE_COUNT; role++) {
        pipeline->lanes[role].scorer = nba_scorer_create();
    }
    pipeline->alone.scorer = nba_scorer_create();
}

void nba_lanes_destroy(struct nba_pipeline *pipeline)
{
    for (int role = 0; role < NBA_ROLE_COUNT; role++) {
        nba_scorer_destroy(pipeline->lanes[role].scorer);
    }
    nba_scorer_destroy(pipeline->alone.scorer);
}

void nba_lanes_clear(struct nba_pipeline *pipeline)
{
    for (int role = 0; role < NBA_ROLE_COUNT; role++) {
        pipeline->lanes[role].count = 0;
    }
    pipeline->job_count = 0;
    pipeline->horizon_ms = INT64_MAX;
}

struct nba_str nba_wave_specialty(const struct nba_hcp *hcp)
{
    return hcp->profile.specialty_count != 0 ? hcp->profile.specialties[0] : nba_str(NULL, 0);
}

const char *nba_lane_model_version(const struct nba_pipeline *pipeline, const struct nba_hcp *hcp,
                                   int64_t now_ms)
{
    const enum nba_role role =
        hcp != NULL ? nba_side_role_of(pipeline->side, hcp->hcp_id, now_ms) : NBA_ROLE_CHAMPION;
    return nba_score_binding_version(pipeline->side->models[role].binding);
}

/* This event included; the counts live in `arena`. */
static struct nba_score_tally read_tally(struct nba_pipeline *pipeline, struct nba_task *task,
                                         const struct nba_hcp *hcp, struct nba_arena *arena)
{
    const size_t count = pipeline->side->catalog->content_count;
    uint32_t *counts = nba_arena_need(arena, (2 * count + 1) * sizeof(*counts));
    uint32_t *everyone = counts + count;
    const struct nba_str specialty = nba_wave_specialty(hcp);
    nba_tally_rows_read(&pipeline->tally_rows, task, 0, everyone);
    if (specialty.bytes != 0) {
        nba_tally_rows_read(&pipeline->tally_rows, task, nba_content_hash(specialty), counts);
    } else {
        memcpy(counts, everyone, count * sizeof(*counts));
    }
    return (struct nba_score_tally){.segment = counts, .everyone = everyone};
}

void nba_lanes_count(struct nba_pipeline *pipeline, struct nba_task *task,
                     const struct nba_hcp *hcp, const struct nba_event *event)
{
    if (pipeline->side->models[NBA_ROLE_CHAMPION].release != NULL || !nba_event_in_ring(event)) {
        return;
    }
    const uint32_t content = nba_content_hash(event->content_id);
    const struct nba_str specialty = nba_wave_specialty(hcp);
    nba_tally_rows_add(&pipeline->tally_rows, task, 0, content);
    if (specialty.bytes != 0) {
        nba_tally_rows_add(&pipeline->tally_rows, task, nba_content_hash(specialty), content);
    }
}

static uint64_t release_hash(const struct nba_release *release)
{
    const char *id = nba_release_id(release);
    return nba_xxh64(id, strlen(id));
}

static void choose_role(struct nba_pipeline *pipeline, struct nba_wave_item *item)
{
    item->role = nba_side_role_of(pipeline->side, item->hcp->hcp_id, item->now_ms);
}

/* Of the model of the item's role; item->job from then on, its inputs in `arena`. */
static void fill_job(struct nba_pipeline *pipeline, struct nba_wave_item *item,
                     struct nba_arena *arena, struct nba_score_job *job)
{
    const struct nba_side_model *model = &pipeline->side->models[item->role];
    const size_t floats = nba_score_binding_state_floats(model->binding);
    *job = (struct nba_score_job){.hcp = item->hcp, .watermark_ms = item->watermark_ms};
    if (model->release == NULL) {
        job->tally = item->tally.everyone != NULL
                         ? item->tally
                         : read_tally(pipeline, item->task, item->hcp, arena);
    } else if (floats != 0) {
        job->state = nba_arena_need(arena, floats * sizeof(*job->state));
        uint32_t count = 0;
        struct nba_vector_tag tag = {.release = release_hash(model->release),
                                     .pushed = item->hcp->pushed};
        nba_hcp_window(item->hcp, nba_release_parts(model->release)->window_events, &tag.start,
                       &count);
        if (nba_task_get_vector(item->task, item->hcp->hcp_id, vector_slots[item->role], &tag,
                                (uint32_t)floats, job->state, &job->known_pushed)) {
            job->known_start = tag.start;
        }
    }
    item->job = job;
}

void nba_lanes_add(struct nba_pipeline *pipeline, struct nba_wave_item *item)
{
    choose_role(pipeline, item);
    struct nba_lane *lane = &pipeline->lanes[item->role];
    fill_job(pipeline, item, &pipeline->scratch, &lane->jobs[lane->count++]);
    pipeline->job_count++;
    const int64_t horizon_ms = nba_funnel_horizon(pipeline->funnel, item->hcp, item->now_ms);
    pipeline->horizon_ms = horizon_ms < pipeline->horizon_ms ? horizon_ms : pipeline->horizon_ms;
}

void nba_lanes_note(struct nba_pipeline *pipeline, struct nba_wave_item *item)
{
    if (nba_wave_says_slates(pipeline) &&
        pipeline->side->models[NBA_ROLE_CHAMPION].release == NULL) {
        item->tally = read_tally(pipeline, item->task, item->hcp, &pipeline->scratch);
    }
}

void nba_lanes_start(struct nba_pipeline *pipeline)
{
    for (int role = 0; role < NBA_ROLE_COUNT; role++) {
        struct nba_lane *lane = &pipeline->lanes[role];
        if (lane->count != 0) {
            nba_scorer_start(lane->scorer, pipeline->side->models[role].binding, lane->jobs,
                             lane->count);
        }
    }
}

enum nba_status nba_lanes_finish(struct nba_pipeline *pipeline, const struct nba_wave_item *item,
                                 struct nba_error *error)
{
    struct nba_lane *lane = &pipeline->lanes[item->role];
    return nba_scorer_finish(lane->scorer, pipeline->side->models[item->role].binding, lane->jobs,
                             (size_t)(item->job - lane->jobs), &pipeline->said, error);
}

enum nba_status nba_wave_score(struct nba_pipeline *pipeline, struct nba_wave_item *item,
                               struct nba_error *error)
{
    choose_role(pipeline, item);
    const struct nba_score_binding *binding = pipeline->side->models[item->role].binding;
    struct nba_lane *alone = &pipeline->alone;
    fill_job(pipeline, item, &pipeline->said, alone->jobs);
    nba_scorer_start(alone->scorer, binding, alone->jobs, 1);
    return nba_scorer_finish(alone->scorer, binding, alone->jobs, 0, &pipeline->said, error);
}

void nba_lanes_keep(struct nba_pipeline *pipeline, const struct nba_wave_item *item)
{
    const struct nba_side_model *model = &pipeline->side->models[item->role];
    const size_t floats = nba_score_binding_state_floats(model->binding);
    if (floats != 0) {
        const struct nba_vector_tag tag = {
            .release = release_hash(model->release),
            .pushed = item->job->pushed,
            .start = item->job->start,
        };
        nba_task_put_vector(item->task, item->hcp->hcp_id, vector_slots[item->role], &tag,
                            item->job->state, (uint32_t)floats);
    }
}
