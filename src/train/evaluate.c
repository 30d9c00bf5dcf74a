/* A release's own models under the rankers' interface, what the engine would have computed; and
 * judging by them. */
#include "nba/train/evaluate.h"

#include <math.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/score/fusion.h"
#include "nba/train/window.h"

/* One of the release's item-item members. */
struct served_neighbours {
    struct served *served;
    const struct nba_neighbours *neighbours;
};

struct served {
    struct nba_release *release;
    const struct nba_dataset *dataset;
    struct nba_members members;
    uint32_t *to_release; /* (data set's contents) index in the release, or UNKNOWN */
    uint32_t *segments;   /* (1 + data set's specialties) segment of the release */
    float *popularity;    /* (release's segments, release's contents) */
    float *states;        /* (NBA_RANKING_BATCH, state) */
    float *scores;        /* (NBA_RANKING_BATCH, release's contents, rounded up) */
    uint32_t *window;     /* (NBA_RANKING_BATCH, 2 W) */
    uint32_t *known;      /* (N) release contents among those asked for */
    float *some;          /* (N) */
    uint32_t *all;        /* (N) 0, 1, 2 ... */
    float *release_row;   /* (release's contents) */
    struct served_neighbours neighbours[NBA_MEMBER_COUNT];
};

/* The window before a query as release contents. */
static uint32_t gather_window(const struct served *s, struct nba_query query,
                              uint32_t *ret_contents)
{
    const struct nba_dataset *d = s->dataset;
    const uint32_t *sequence = d->sequence + d->sequence_offset[query.user];
    const uint32_t start =
        nba_window_start(query.position, nba_release_parts(s->release)->window_events);
    for (uint32_t p = start; p < query.position; p++) {
        ret_contents[p - start] = s->to_release[sequence[p]];
    }
    return query.position - start;
}

/* A row over the release's contents -> one over the data set's. */
static void spread(const struct served *s, const float *from, float *to)
{
    for (uint32_t c = 0; c < s->dataset->content_count; c++) {
        to[c] = s->to_release[c] != NBA_RELEASE_UNKNOWN ? from[s->to_release[c]] : -INFINITY;
    }
}

static void served_lstm_score(void *context, const struct nba_query *queries, size_t count,
                              float *ret_scores)
{
    struct served *s = context;
    const struct nba_lstm *lstm = nba_release_lstm(s->release);
    const size_t state_floats = nba_lstm_state_floats(lstm);
    const size_t row_floats = nba_lstm_score_floats(lstm);
    const size_t window_max = 2 * (size_t)nba_release_parts(s->release)->window_events;
    struct nba_lstm_window windows[NBA_RANKING_BATCH];
    const float *states[NBA_RANKING_BATCH];
    NBA_ASSERT(count <= NBA_RANKING_BATCH);
    memset(s->states, 0, count * state_floats * sizeof(float));
    for (size_t i = 0; i < count; i++) {
        uint32_t *contents = s->window + i * window_max;
        windows[i] = (struct nba_lstm_window){contents, gather_window(s, queries[i], contents),
                                              s->states + i * state_floats};
        states[i] = windows[i].state;
    }
    nba_lstm_run(lstm, windows, count);
    nba_lstm_scores(lstm, states, count, s->scores);
    for (size_t i = 0; i < count; i++) {
        spread(s, s->scores + i * row_floats, ret_scores + i * s->dataset->content_count);
    }
}

static void served_popularity_score(void *context, const struct nba_query *queries, size_t count,
                                    float *ret_scores)
{
    const struct served *s = context;
    const size_t known = nba_release_parts(s->release)->content_count;
    for (size_t i = 0; i < count; i++) {
        const uint32_t segment = s->segments[s->dataset->segment[queries[i].user]];
        spread(s, s->popularity + segment * known, ret_scores + i * s->dataset->content_count);
    }
}

static void served_neighbours_score(void *context, const struct nba_query *queries, size_t count,
                                    float *ret_scores)
{
    const struct served_neighbours *n = context;
    struct served *s = n->served;
    for (size_t i = 0; i < count; i++) {
        const uint32_t events = gather_window(s, queries[i], s->window);
        nba_neighbours_scores(n->neighbours, s->window, events, s->release_row);
        spread(s, s->release_row, ret_scores + i * s->dataset->content_count);
    }
}

static void served_ncf_score_some(void *context, struct nba_query query, const uint32_t *contents,
                                  size_t count, float *ret_scores)
{
    struct served *s = context;
    const struct nba_ncf *ncf = nba_release_ncf(s->release);
    float user[2 * NBA_NCF_WIDTH_MAX];
    size_t known = 0;
    const uint32_t events = gather_window(s, query, s->window);
    nba_ncf_fold_in(ncf, s->segments[s->dataset->segment[query.user]], s->window, events, user);
    for (size_t i = 0; i < count; i++) {
        const uint32_t content = s->to_release[contents[i]];
        if (content != NBA_RELEASE_UNKNOWN) {
            s->known[known++] = content;
        }
    }
    nba_ncf_scores(ncf, user, s->known, known, s->some);
    known = 0;
    for (size_t i = 0; i < count; i++) {
        const bool is_known = s->to_release[contents[i]] != NBA_RELEASE_UNKNOWN;
        ret_scores[i] = is_known ? s->some[known++] : -INFINITY;
    }
}

static void served_ncf_score(void *context, const struct nba_query *queries, size_t count,
                             float *ret_scores)
{
    struct served *s = context;
    const uint32_t N = s->dataset->content_count;
    for (size_t i = 0; i < count; i++) {
        served_ncf_score_some(s, queries[i], s->all, N, ret_scores + i * N);
    }
}

static void served_find(struct served *s)
{
    const struct nba_dataset *d = s->dataset;
    const struct nba_release_parts *parts = nba_release_parts(s->release);
    for (uint32_t c = 0; c < d->content_count; c++) {
        s->to_release[c] = nba_release_content_find(s->release, d->contents[c]);
        s->all[c] = c;
    }
    for (uint32_t i = 0; i < d->specialty_count; i++) {
        s->segments[1 + i] = nba_release_segment_find(s->release, d->specialties[i]);
    }
    for (uint32_t g = 0; g <= parts->specialty_count; g++) {
        nba_popularity_scores(nba_release_popularity(s->release, g),
                              nba_release_popularity(s->release, 0), parts->content_count,
                              s->popularity + (size_t)g * parts->content_count);
    }
}

/* The release's, by the data set's specialties and contents; 0 for what it doesn't know. */
static const float *served_content_rates(const struct served *s, struct nba_arena *pool)
{
    const struct nba_release_parts *parts = nba_release_parts(s->release);
    const size_t N = s->dataset->content_count;
    float *rates = nba_pool_floats(pool, (1 + (size_t)s->dataset->specialty_count) * N);
    for (size_t g = 0; g <= s->dataset->specialty_count; g++) {
        const float *row = parts->content_rate + (size_t)s->segments[g] * parts->content_count;
        for (size_t c = 0; c < N; c++) {
            const uint32_t content = s->to_release[c];
            rates[g * N + c] = content != NBA_RELEASE_UNKNOWN ? row[content] : 0.0f;
        }
    }
    return rates;
}

struct nba_members *nba_served_members(struct nba_release *release,
                                       const struct nba_dataset *dataset, struct nba_arena *pool)
{
    const size_t N = dataset->content_count;
    const struct nba_release_parts *parts = nba_release_parts(release);
    const struct nba_lstm *lstm = nba_release_lstm(release);
    struct served *s = nba_pool_take(pool, 1, sizeof(*s));
    struct nba_ranker *rankers = s->members.rankers;
    s->release = release;
    s->dataset = dataset;
    s->to_release = nba_pool_take(pool, N, sizeof(*s->to_release));
    s->segments = nba_pool_take(pool, 1 + (size_t)dataset->specialty_count, sizeof(*s->segments));
    s->popularity =
        nba_pool_floats(pool, (1 + (size_t)parts->specialty_count) * parts->content_count);
    s->window = nba_pool_take(pool, (size_t)NBA_RANKING_BATCH * 2 * NBA_RELEASE_WINDOW_MAX,
                              sizeof(*s->window));
    s->known = nba_pool_take(pool, N, sizeof(*s->known));
    s->some = nba_pool_floats(pool, N + NBA_LANES);
    s->all = nba_pool_take(pool, N, sizeof(*s->all));
    served_find(s);
    s->members = nba_members(dataset, pool);
    rankers[NBA_MEMBER_POPULARITY] =
        (struct nba_ranker){.name = "popularity", .context = s, .score = served_popularity_score};
    if (lstm != NULL) {
        s->states = nba_pool_floats(pool, NBA_RANKING_BATCH * nba_lstm_state_floats(lstm));
        s->scores = nba_pool_floats(pool, NBA_RANKING_BATCH * nba_lstm_score_floats(lstm));
        rankers[NBA_MEMBER_LSTM] =
            (struct nba_ranker){.name = "lstm", .context = s, .score = served_lstm_score};
    }
    if (nba_release_ncf(release) != NULL) {
        rankers[NBA_MEMBER_NCF] =
            (struct nba_ranker){"ncf", s, served_ncf_score, served_ncf_score_some};
    }
    s->release_row = nba_pool_floats(pool, parts->content_count);
    for (enum nba_fusion_member m = NBA_NEIGHBOURS_FIRST; m < NBA_MEMBER_COUNT; m++) {
        s->neighbours[m] = (struct served_neighbours){s, nba_release_neighbours(release, m)};
        if (s->neighbours[m].neighbours != NULL) {
            rankers[m] = (struct nba_ranker){.name = nba_fusion_member_name(m),
                                             .context = &s->neighbours[m],
                                             .score = served_neighbours_score};
        }
    }
    memcpy(s->members.blend.fusion, parts->fusion, sizeof(parts->fusion));
    s->members.blend.calibrator = parts->calibrator;
    s->members.content_rate = served_content_rates(s, pool);
    return &s->members;
}

/* ---- judging ---- */

static void judge_release(const struct nba_evaluate_config *config, const struct nba_dataset *d,
                          struct nba_report *report)
{
    const struct nba_ranking ranking = {d, NBA_PROTOCOL_EXISTING, 0};
    const struct nba_split split = {
        .by_time = true, .validation_from_ms = config->from_ms, .test_from_ms = config->from_ms};
    struct nba_arena pool = {0};
    struct nba_members *members = nba_served_members(config->release, d, &pool);
    struct nba_query *queries =
        nba_pool_take(&pool, d->sequence_offset[d->user_count], sizeof(*queries));
    size_t count = 0;
    for (uint32_t u = 0; u < d->user_count; u++) {
        const size_t from = d->sequence_offset[u];
        for (size_t i = from; i < d->sequence_offset[u + 1]; i++) {
            if (d->sequence_time[i] >= config->from_ms) {
                queries[count++] = (struct nba_query){u, (uint32_t)(i - from)};
            }
        }
    }
    count = nba_split_thin(queries, count, NBA_REPORT_SCORES_MAX / d->content_count);
    const struct nba_ranker fusion = nba_members_fusion_ranker(members);
    nba_report_members(report, &ranking, members, &fusion, 1, queries, count);
    nba_report_touches(report, members, &split, NBA_TOUCHES_TEST, NBA_REPORT_TOUCHES_MAX);
    nba_report_weights(report, members);
    nba_arena_clear(&pool);
}

enum nba_status nba_evaluate_run(const struct nba_evaluate_config *config,
                                 struct nba_dataset *dataset, const struct nba_progress *progress,
                                 struct nba_report *ret_report, struct nba_error *error)
{
    struct nba_training *training = NULL;
    struct nba_train_config train = config->train;
    if (config->release != NULL) {
        *ret_report = (struct nba_report){.count = 0};
        judge_release(config, dataset, ret_report);
        return NBA_OK;
    }
    train.refit = false;
    const enum nba_status status = nba_training_run(&train, dataset, progress, &training, error);
    if (status == NBA_OK) {
        *ret_report = training->report;
    }
    nba_training_destroy(training);
    return status;
}
