/*
 * One wave: recurrent states forward, LSTM scores for all rows at once, then each HCP's fusion and
 * its candidates' propensities.
 */
#include "nba/score/scorer.h"

#include <stdlib.h>
#include <string.h>

#include "binding_internal.h"
#include "nba/base/assert.h"
#include "nba/base/memory.h"
#include "nba/base/vector.h"
#include "nba/event/message.h"
#include "nba/linalg/elementary.h"
#include "nba/linalg/reduce.h"
#include "nba/score/fusion.h"

/* One HCP's window as the release's content indexes, and what is left to take in. */
struct window {
    uint32_t *contents; /* start .. pushed - 1 */
    uint32_t count;
    uint32_t done; /* already in the state */
    bool known;    /* some content of it is in the vocabulary */
};

/* Room for one HCP's sums; K contents that the release knows, or all without one. */
struct work {
    double *score;            /* (K) the fusion's opinion of each */
    float *x;                 /* (K) a member's scores */
    float *open;              /* (K) of those not engaged with */
    float *all;               /* (release's contents) */
    uint32_t *best, *indexes; /* (K) */
    bool *skip;               /* (release's contents) */
    bool *in_ring;            /* (K) engaged with, as far as the ring remembers */
    float user[2 * NBA_NCF_WIDTH_MAX];
};

struct nba_scorer {
    struct nba_arena scratch; /* reset at the start of a wave */
    struct nba_arena pages;   /* of work; reset at each HCP: the same few stay in the cache */
    struct work work;
    struct window windows[NBA_SCORE_WAVE];
    const float *rows; /* LSTM scores of the wave; NULL without LSTM */
    size_t row_floats;
};

/* A wave needs the LSTM's score rows and a few arrays of the catalogue's size for one HCP. */
#define SCRATCH_BYTES_MAX ((size_t)64 << 20)

const char *nba_score_model_name(enum nba_score_model model)
{
    NBA_ASSERT((size_t)model < NBA_SCORE_MODELS);
    return model == NBA_SCORE_FUSION ? "fusion"
                                     : nba_fusion_member_name((enum nba_fusion_member)(model - 1));
}

const char *nba_score_model_label(const char *word)
{
    const bool member = strcmp(word, nba_score_model_name(NBA_SCORE_POPULARITY)) == 0;
    return member ? "popularity in specialty" : word;
}

struct nba_scorer *nba_scorer_create(void)
{
    struct nba_scorer *scorer = nba_zeros(1, sizeof(*scorer));
    nba_arena_init(&scorer->scratch, SCRATCH_BYTES_MAX);
    nba_arena_init(&scorer->pages, SCRATCH_BYTES_MAX);
    return scorer;
}

void nba_scorer_destroy(struct nba_scorer *scorer)
{
    if (scorer != NULL) {
        nba_arena_clear(&scorer->scratch);
        nba_arena_clear(&scorer->pages);
        free(scorer);
    }
}

/* ---- recurrent states ---- */

static struct window window_of(const struct nba_score_binding *binding, struct nba_score_job *job,
                               struct nba_arena *scratch)
{
    uint64_t start = 0;
    uint32_t count = 0;
    nba_hcp_window(job->hcp, nba_release_parts(binding->release)->window_events, &start, &count);
    uint32_t *contents = nba_arena_need(scratch, (count + 1) * sizeof(*contents));
    bool known = false;
    for (uint32_t i = 0; i < count; i++) {
        const struct nba_ring_event *event = nba_hcp_ring_at(job->hcp, start + i);
        contents[i] = nba_release_content_of_hash(binding->release, event->content_hash);
        known = known || contents[i] != NBA_RELEASE_UNKNOWN;
    }
    const bool steps_on = job->known_pushed > start && job->known_start == start &&
                          job->known_pushed <= job->hcp->pushed;
    job->start = start;
    job->pushed = job->hcp->pushed;
    return (struct window){
        .contents = contents,
        .count = count,
        .done = steps_on ? (uint32_t)(job->known_pushed - start) : 0,
        .known = known,
    };
}

static void advance_states(const struct nba_lstm *lstm, struct nba_score_job *jobs,
                           struct window *windows, size_t count)
{
    struct nba_lstm_window runs[NBA_SCORE_WAVE];
    size_t run_count = 0;
    uint32_t left_max = 0;
    for (size_t i = 0; i < count; i++) {
        if (windows[i].done == 0) {
            runs[run_count++] =
                (struct nba_lstm_window){windows[i].contents, windows[i].count, jobs[i].state};
            windows[i].done = windows[i].count;
        } else if (windows[i].count - windows[i].done > left_max) {
            left_max = windows[i].count - windows[i].done;
        }
    }
    nba_lstm_run(lstm, runs, run_count);
    for (uint32_t step = 0; step < left_max; step++) {
        uint32_t contents[NBA_SCORE_WAVE];
        float *states[NBA_SCORE_WAVE];
        size_t stepping = 0;
        for (size_t i = 0; i < count; i++) {
            if (windows[i].done < windows[i].count) {
                contents[stepping] = windows[i].contents[windows[i].done++];
                states[stepping++] = jobs[i].state;
            }
        }
        nba_lstm_step(lstm, contents, states, stepping);
    }
}

/* ---- one HCP's contents ---- */

NBA_VECTOR_BODY gather_body(const float *restrict from, const uint32_t *restrict index,
                            uint32_t count, float *restrict to)
{
    for (uint32_t i = 0; i < count; i++) {
        to[i] = from[index[i]];
    }
}
NBA_VECTOR_FORMS(gather,
                 (const float *restrict from, const uint32_t *restrict index, uint32_t count,
                  float *restrict to),
                 (from, index, count, to))

struct nba_score_shares nba_score_shares_of(const struct nba_scores *scores, uint32_t content)
{
    const struct nba_score_members *members = &scores->members;
    struct nba_score_shares shares = {0};
    if (members->tallied) {
        shares.of[NBA_MEMBER_POPULARITY] = scores->score[content];
    } else if (members->rescored != NULL && members->rescored[content] != 0) {
        shares = members->shares[members->rescored[content] - 1];
    } else if (scores->known[content]) {
        const uint32_t i = members->place[content];
        for (int m = 0; m < NBA_MEMBER_COUNT; m++) {
            const float *z = members->z[m];
            shares.of[m] = z != NULL ? members->weight[m] * (double)z[i] : 0.0;
        }
    }
    return shares;
}

/* The best by the cheap fusion, as indexes into `known`; all of them when NCF ranks alone. */
static size_t ncf_set(const struct nba_score_binding *binding, const double *cheap,
                      uint32_t *ret_best)
{
    if (binding->ncf_candidates >= binding->known_count) {
        for (uint32_t i = 0; i < binding->known_count; i++) {
            ret_best[i] = i;
        }
        return binding->known_count;
    }
    return nba_top_k_double(cheap, binding->known_count, binding->ncf_candidates, ret_best);
}

/* They get NCF's opinion too. */
static bool fuse_full(struct work *work, const struct nba_score_binding *binding, uint32_t segment,
                      const struct window *window, struct nba_score_members *members, double *score,
                      struct nba_arena *arena)
{
    const struct nba_ncf *ncf = nba_release_ncf(binding->release);
    const uint32_t *best = work->best;
    const size_t count = ncf_set(binding, score, work->best);
    uint16_t *rescored =
        nba_arena_zeros(arena, binding->catalog->content_count + 1u, sizeof(*rescored));
    struct nba_score_shares *shares = nba_arena_take(arena, (count + 1) * sizeof(*shares));
    if (rescored == NULL || shares == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        work->indexes[i] = binding->known_index[best[i]];
    }
    nba_ncf_fold_in(ncf, segment, window->contents, window->count, work->user);
    nba_ncf_scores(ncf, work->user, work->indexes, count, work->x);
    nba_standardise(work->x, count, work->x);
    for (size_t i = 0; i < count; i++) {
        double z[NBA_MEMBER_COUNT] = {0};
        for (int m = 0; m < NBA_MEMBER_COUNT; m++) {
            z[m] = members->z[m] != NULL ? (double)members->z[m][best[i]] : 0.0;
        }
        z[NBA_MEMBER_NCF] = (double)work->x[i];
        const struct nba_fused fused = nba_fuse(&binding->full, z);
        score[best[i]] = fused.score;
        rescored[binding->known[best[i]]] = (uint16_t)(i + 1);
        memcpy(shares[i].of, fused.share, sizeof(fused.share));
    }
    members->rescored = rescored;
    members->shares = shares;
    return true;
}

static uint32_t segment_of(const struct nba_score_binding *binding, const struct nba_hcp *hcp)
{
    return nba_release_segment_find(binding->release, hcp->profile.specialty_count != 0
                                                          ? hcp->profile.specialties[0]
                                                          : nba_str(NULL, 0));
}

/* What the release doesn't know stands below all that it knows: nothing speaks for it yet. */
static void place(const struct nba_score_binding *binding, const double *known, double *score)
{
    const uint32_t content_count = binding->catalog->content_count;
    double lowest = 0.0;
    for (uint32_t i = 0; i < binding->known_count; i++) {
        lowest = i == 0 || known[i] < lowest ? known[i] : lowest;
    }
    for (uint32_t k = 0; k < content_count; k++) {
        score[k] = binding->is_known[k] ? known[binding->place[k]] : lowest;
    }
}

/* What every member but NCF says of the contents it knows, standardised; of a cold HCP only
 * popularity says something.  `lstm_scores`: a row of the release's contents.  False: the arena is
 * full. */
static bool standardise_members(struct work *work, const struct nba_score_binding *binding,
                                const struct window *window, const float *lstm_scores,
                                struct nba_score_members *members, struct nba_arena *arena)
{
    const uint32_t count = binding->known_count;
    for (int m = 0; m < NBA_MEMBER_COUNT; m++) {
        const struct nba_neighbours *neighbours =
            nba_release_neighbours(binding->release, (enum nba_fusion_member)m);
        const float *scores = m == NBA_MEMBER_LSTM ? lstm_scores : NULL;
        if (!binding->uses[m] || !window->known || (neighbours == NULL && scores == NULL)) {
            continue;
        }
        float *z = nba_arena_take(arena, (count + 1u) * sizeof(*z));
        if (z == NULL) {
            return false;
        }
        if (neighbours != NULL) {
            nba_neighbours_scores(neighbours, window->contents, window->count, work->all);
            scores = work->all;
        }
        gather(scores, binding->known_index, count, z);
        nba_standardise(z, count, z);
        members->z[m] = z;
    }
    return true;
}

/* `score`: (K).  False: the arena is full. */
static bool score_contents(struct work *work, const struct nba_score_binding *binding,
                           struct nba_score_job *job, const struct window *window,
                           const float *lstm_scores, struct nba_arena *arena, double *score)
{
    const uint32_t segment = segment_of(binding, job->hcp);
    const uint32_t count = binding->known_count;
    const bool all = count == binding->catalog->content_count;
    double *known = all ? score : work->score;
    job->scores.cold = !window->known;
    const struct nba_fusion fusion =
        job->scores.cold ? nba_fusion_cold(&binding->cheap) : binding->cheap;
    struct nba_score_members *members = &job->scores.members;
    *members = (struct nba_score_members){.place = binding->place};
    members->z[NBA_MEMBER_POPULARITY] = binding->popularity + (size_t)segment * count;
    for (int m = 0; m < NBA_MEMBER_COUNT; m++) {
        members->weight[m] = fusion.a * fusion.weights[m];
    }
    if (!standardise_members(work, binding, window, lstm_scores, members, arena)) {
        return false;
    }
    nba_fuse_cheap(&fusion, members->z, count, known);
    if (!job->scores.cold && binding->ncf_candidates != 0 &&
        !fuse_full(work, binding, segment, window, members, known, arena)) {
        return false;
    }
    nba_round9_all(known, count);
    if (!all) {
        place(binding, known, score);
    }
    return true;
}

/* ---- candidates ---- */

/* P = sigmoid(score + what its content and its channel add), several lanes at a time;
 * `content_offset`: (K). */
static void propensities(const struct nba_catalog *catalog, struct nba_score_job *job,
                         const float *restrict content_offset, const double *channel_offset,
                         double *restrict p)
{
    const double *restrict score = job->scores.score;
    const struct nba_candidate *restrict candidates = catalog->candidates;
    const uint8_t *restrict channels = catalog->channel;
    for (uint32_t c = 0; c < catalog->candidate_count; c++) {
        const uint32_t k = candidates[c].content;
        p[c] = score[k] + (double)content_offset[k] + channel_offset[channels[c]];
    }
    nba_kernels_best()->sigmoid_double(catalog->candidate_count, p, p);
    nba_round9_all(p, catalog->candidate_count);
    double best[NBA_CHANNEL_COUNT] = {0};
    for (uint32_t c = 0; c < catalog->candidate_count; c++) {
        const uint8_t channel = channels[c];
        if (p[c] > best[channel]) { /* seldom: no store that the next one must wait for */
            best[channel] = p[c];
        }
    }
    memcpy(job->scores.channel_probability, best, sizeof(best));
}

/* Nothing trained yet: a content's share of the engagements seen, relative to the most popular
 * one, times the HCP's own rate on the channel. */
static void score_by_tally(const struct nba_score_binding *binding, struct nba_score_job *job,
                           double *score, bool *known, double *channel_offset)
{
    const uint32_t count = binding->catalog->content_count;
    double total = 0.0;
    double segment_total = 0.0;
    double best = 0.0;
    for (uint32_t k = 0; k < count; k++) {
        total += job->tally.everyone[k];
        segment_total += job->tally.segment[k];
    }
    for (uint32_t k = 0; k < count; k++) {
        const double share = (job->tally.everyone[k] + 1.0) / (total + count);
        score[k] = (job->tally.segment[k] + NBA_POPULARITY_PRIOR * share) /
                   (segment_total + NBA_POPULARITY_PRIOR);
        best = score[k] > best ? score[k] : best;
    }
    for (uint32_t k = 0; k < count; k++) {
        score[k] = nba_ln(score[k] / best);
    }
    nba_round9_all(score, count);
    for (uint32_t k = 0; k < count; k++) {
        known[k] = job->tally.everyone[k] != 0;
    }
    job->scores.members.tallied = true;
    for (size_t channel = 0; channel < NBA_CHANNEL_COUNT; channel++) {
        channel_offset[channel] =
            nba_logit(nba_hcp_channel_rate(job->hcp, (enum nba_channel)channel));
    }
    job->scores.cold = true;
}

static void channel_offsets(const struct nba_release *release, const struct nba_score_job *job,
                            double *channel_offset)
{
    const uint32_t week_events = nba_hcp_week_events(job->hcp, job->watermark_ms);
    for (int channel = 0; channel < NBA_CHANNEL_COUNT; channel++) {
        const enum nba_channel ch = (enum nba_channel)channel;
        channel_offset[channel] =
            nba_engagement_offset(&nba_release_parts(release)->calibrator, ch,
                                  nba_hcp_channel_rate(job->hcp, ch), week_events);
    }
}

static void mark_ring(const struct nba_catalog *catalog, const struct nba_hcp *hcp, bool *in_ring)
{
    for (uint32_t i = 0; i < hcp->ring_count; i++) {
        const uint32_t k = nba_catalog_find_hash(catalog, hcp->ring[i].content_hash);
        if (k != NBA_CATALOG_NONE) {
            in_ring[k] = true;
        }
    }
}

/* The best of `x` (one a known content) that the HCP hasn't engaged with, as catalogue contents. */
static void rank_member(struct work *work, const struct nba_score_binding *binding, const float *x,
                        struct nba_scores *scores, enum nba_score_model which)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < binding->known_count; i++) {
        const uint32_t k = binding->known[i];
        if (!work->in_ring[k]) {
            work->open[count] = x != NULL ? x[i] : (float)scores->score[k];
            work->best[count++] = k;
        }
    }
    uint32_t best[NBA_SCORE_RANKING_MAX];
    const size_t ranked = nba_top_k(work->open, count, binding->rankings_top_n, best);
    for (size_t i = 0; i < ranked; i++) {
        scores->rankings[which][i] = work->best[best[i]];
    }
    scores->ranking_count[which] = (uint32_t)ranked;
}

/* The same for the LSTM: scored once more, ranked as the scores come. */
static void rank_lstm(struct work *work, const struct nba_score_binding *binding,
                      struct nba_score_job *job)
{
    struct nba_scores *scores = &job->scores;
    uint32_t *best = scores->rankings[NBA_SCORE_LSTM];
    const uint32_t count = nba_release_parts(binding->release)->content_count;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t k = binding->of_release[i];
        work->skip[i] = k == NBA_CATALOG_NONE || work->in_ring[k];
    }
    struct nba_lstm_ranking ranking = {
        .state = job->state, .skip = work->skip, .ret_contents = best};
    nba_lstm_rank(nba_release_lstm(binding->release), &ranking, 1, binding->rankings_top_n);
    for (size_t i = 0; i < ranking.ret_count; i++) {
        best[i] = binding->of_release[best[i]];
    }
    scores->ranking_count[NBA_SCORE_LSTM] = (uint32_t)ranking.ret_count;
}

/* The audit's rankings: the fusion as decided, then each member alone. */
static void rank_all(struct work *work, const struct nba_score_binding *binding,
                     struct nba_score_job *job, const struct window *window)
{
    const uint32_t segment = segment_of(binding, job->hcp);
    const struct nba_ncf *ncf = nba_release_ncf(binding->release);
    memset(work->in_ring, 0, binding->catalog->content_count * sizeof(*work->in_ring));
    mark_ring(binding->catalog, job->hcp, work->in_ring);
    rank_member(work, binding, NULL, &job->scores, NBA_SCORE_FUSION);
    rank_member(work, binding, binding->popularity + (size_t)segment * binding->known_count,
                &job->scores, NBA_SCORE_POPULARITY);
    if (window->known && binding->uses[NBA_MEMBER_LSTM]) {
        rank_lstm(work, binding, job);
    }
    for (enum nba_fusion_member m = NBA_NEIGHBOURS_FIRST; m < NBA_MEMBER_COUNT; m++) {
        if (job->scores.members.z[m] != NULL) {
            rank_member(work, binding, job->scores.members.z[m], &job->scores,
                        nba_score_model_of(m));
        }
    }
    if (ncf != NULL) {
        nba_ncf_fold_in(ncf, segment, window->contents, window->count, work->user);
        nba_ncf_scores(ncf, work->user, binding->known_index, binding->known_count, work->x);
        rank_member(work, binding, work->x, &job->scores, NBA_SCORE_NCF);
    }
}

/* A table's row for each candidate; what it says of every HCP is worked out once, in binding.c. */
static void score_by_table(const struct nba_score_binding *binding, struct nba_score_job *job,
                           double *score, bool *known, double *propensity, double *values)
{
    const struct nba_catalog *catalog = binding->catalog;
    struct nba_scores *scores = &job->scores;
    memset(known, 0, catalog->content_count * sizeof(*known));
    if (!nba_score_table_names(binding->table, job->hcp->hcp_id)) {
        scores->propensity = binding->table_propensity;
        scores->values = binding->table_value;
        scores->score = binding->table_score;
        memcpy(scores->channel_probability, binding->table_channel, sizeof(binding->table_channel));
        return;
    }
    for (uint32_t c = 0; c < catalog->candidate_count; c++) {
        const struct nba_score_row *row = nba_score_table_find(
            binding->table, job->hcp->hcp_id, nba_catalog_content(catalog, c)->content_id,
            (enum nba_action_type)catalog->action_type[c]);
        propensity[c] = row != NULL ? row->propensity : -1.0;
        values[c] = row != NULL ? row->value : 1.0;
    }
    nba_score_fold(catalog, propensity, score, scores->channel_probability);
    scores->values = values;
}

static void take_work(struct nba_scorer *scorer, const struct nba_catalog *catalog)
{
    const size_t K = catalog->content_count + (size_t)1;
    struct work *work = &scorer->work;
    struct nba_arena *pages = &scorer->pages;
    nba_arena_reset(pages);
    work->score = nba_arena_need(pages, K * sizeof(*work->score));
    work->x = nba_arena_need(pages, K * sizeof(*work->x));
    work->best = nba_arena_need(pages, K * sizeof(*work->best));
    work->indexes = nba_arena_need(pages, K * sizeof(*work->indexes));
    work->open = nba_arena_need(pages, K * sizeof(*work->open));
    work->all = nba_arena_need(pages, NBA_CONTENTS_MAX * sizeof(*work->all));
    work->in_ring = nba_arena_need(pages, K * sizeof(*work->in_ring));
    work->skip = nba_arena_need(pages, NBA_CONTENTS_MAX * sizeof(*work->skip));
}

static bool score_job(struct nba_scorer *scorer, const struct nba_score_binding *binding,
                      struct nba_score_job *job, const struct window *window,
                      const float *lstm_scores, struct nba_arena *arena)
{
    const struct nba_catalog *catalog = binding->catalog;
    struct work *work = &scorer->work;
    double channel_offset[NBA_CHANNEL_COUNT] = {0};
    const float *content_offset = binding->content_offset;
    const size_t contents = catalog->content_count + (size_t)1;
    double *score = nba_arena_take(arena, contents * sizeof(*score));
    bool *tallied = nba_arena_take(arena, contents * sizeof(*tallied));
    double *propensity =
        nba_arena_take(arena, (catalog->candidate_count + 1u) * sizeof(*propensity));
    if (score == NULL || tallied == NULL || propensity == NULL) {
        return false;
    }
    take_work(scorer, catalog);
    job->scores = (struct nba_scores){
        .score = score,
        .known = binding->release != NULL ? binding->is_known : tallied,
        .examples = binding->release != NULL ? binding->examples : job->tally.everyone,
        .content_count = catalog->content_count,
        .propensity = propensity,
        .candidate_count = catalog->candidate_count,
        .model_version = nba_score_binding_version(binding),
    };
    memcpy(job->scores.channel_present, catalog->channel_present,
           sizeof(job->scores.channel_present));
    if (binding->table != NULL) {
        double *values = nba_arena_take(arena, (catalog->candidate_count + 1u) * sizeof(*values));
        if (values == NULL) {
            return false;
        }
        score_by_table(binding, job, score, tallied, propensity, values);
        return true;
    }
    if (binding->release == NULL) {
        score_by_tally(binding, job, score, tallied, channel_offset);
    } else {
        if (!score_contents(work, binding, job, window, lstm_scores, arena, score)) {
            return false;
        }
        channel_offsets(binding->release, job, channel_offset);
        content_offset += (size_t)segment_of(binding, job->hcp) * catalog->content_count;
    }
    if (binding->rankings_top_n != 0 && binding->release != NULL) {
        rank_all(work, binding, job, window);
    }
    propensities(catalog, job, content_offset, channel_offset, propensity);
    return true;
}

void nba_scorer_start(struct nba_scorer *scorer, const struct nba_score_binding *binding,
                      struct nba_score_job *jobs, size_t count)
{
    NBA_ASSERT(count <= NBA_SCORE_WAVE);
    nba_arena_reset(&scorer->scratch);
    memset(scorer->windows, 0, sizeof(scorer->windows));
    scorer->rows = NULL;
    scorer->row_floats = 0;
    const struct nba_lstm *lstm =
        binding->uses[NBA_MEMBER_LSTM] ? nba_release_lstm(binding->release) : NULL;
    for (size_t i = 0; binding->release != NULL && i < count; i++) {
        scorer->windows[i] = window_of(binding, &jobs[i], &scorer->scratch);
    }
    if (lstm != NULL && count != 0) {
        const float *states[NBA_SCORE_WAVE];
        advance_states(lstm, jobs, scorer->windows, count);
        for (size_t i = 0; i < count; i++) {
            states[i] = jobs[i].state;
        }
        scorer->row_floats = nba_lstm_score_floats(lstm);
        float *rows = nba_arena_need(&scorer->scratch, count * scorer->row_floats * sizeof(*rows));
        nba_lstm_scores(lstm, states, count, rows);
        scorer->rows = rows;
    }
}

enum nba_status nba_scorer_finish(struct nba_scorer *scorer,
                                  const struct nba_score_binding *binding,
                                  struct nba_score_job *jobs, size_t index, struct nba_arena *arena,
                                  struct nba_error *error)
{
    const float *row = scorer->rows != NULL ? scorer->rows + index * scorer->row_floats : NULL;
    return score_job(scorer, binding, &jobs[index], &scorer->windows[index], row, arena)
               ? NBA_OK
               : nba_error_set(error, NBA_E_NO_MEMORY, "out of memory scoring");
}

enum nba_status nba_scorer_run(struct nba_scorer *scorer, const struct nba_score_binding *binding,
                               struct nba_score_job *jobs, size_t count, struct nba_arena *arena,
                               struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    nba_scorer_start(scorer, binding, jobs, count);
    for (size_t i = 0; status == NBA_OK && i < count; i++) {
        status = nba_scorer_finish(scorer, binding, jobs, i, arena, error);
    }
    return status;
}
