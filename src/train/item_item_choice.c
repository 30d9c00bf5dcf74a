/* Counted once for each strength.  The decay needs no counting again and is chosen by the first
 * strength, the strength then by that decay. */
#include <string.h>

#include "nba/base/assert.h"
#include "nba/train/item_item.h"
#include "nba/train/metrics.h"
#include "nba/train/models.h"

/* Validation queries that are looked at. */
#define QUERIES_MAX 3000u
#define K           10u

static const double lambdas[] = {500, 250, 1000};
static const uint32_t neighbours[] = {200, 100, 50};
static const double decays[] = {0.95, 0.9, 0.8, 0.7, 0.6};

struct choice {
    const struct nba_dataset *dataset;
    struct nba_ranking ranking;
    struct nba_query *queries;
    double *ranks;
    size_t count;
    uint32_t window_events;
};

static struct choice choice_of(const struct nba_dataset *d, const struct nba_split *split,
                               uint32_t window_events, struct nba_arena *pool)
{
    struct choice choice = {
        .dataset = d,
        .ranking = {d, NBA_PROTOCOL_FULL, 100},
        .queries = nba_pool_take(pool, split->validation_count, sizeof(*choice.queries)),
        .ranks = nba_pool_take(pool, split->validation_count, sizeof(*choice.ranks)),
        .window_events = window_events,
    };
    if (d->fixed_test != NULL) {
        choice.ranking.protocol = NBA_PROTOCOL_SAMPLED;
    } else if (split->by_time) {
        choice.ranking.protocol = NBA_PROTOCOL_EXISTING;
    }
    memcpy(choice.queries, split->validation, split->validation_count * sizeof(*choice.queries));
    choice.count = nba_split_thin(choice.queries, split->validation_count, QUERIES_MAX);
    return choice;
}

static double judge(const struct choice *choice, const struct nba_neighbours *counted)
{
    struct nba_counted model = {*counted, choice->dataset, choice->window_events};
    const struct nba_ranker ranker = nba_counted_ranker(&model, "");
    nba_ranking_run(&choice->ranking, &ranker, choice->queries, choice->count, choice->ranks);
    return nba_metric_mean(NBA_METRIC_NDCG, K, choice->ranks, choice->count);
}

/* How many values there are to try beside the decay; 1: the option is given, or there is none. */
static size_t strength_count(enum nba_item_item kind, const struct nba_item_item_options *options)
{
    if (kind == NBA_ITEM_ITEM_EASE && options->lambda <= 0.0) {
        return NBA_ARRAY_COUNT(lambdas);
    }
    return kind == NBA_ITEM_ITEM_KNN && options->neighbours == 0 ? NBA_ARRAY_COUNT(neighbours) : 1;
}

enum nba_status nba_item_item_choose(enum nba_item_item kind, const struct nba_dataset *dataset,
                                     const struct nba_split *split, uint32_t window_events,
                                     struct nba_item_item_options *options, struct nba_error *error)
{
    const struct nba_item_item_options open = *options;
    const bool any_decay = open.decay <= 0.0 && dataset->ordered;
    const size_t strengths = strength_count(kind, &open);
    double best = -1.0;
    enum nba_status status = NBA_OK;
    options->decay = dataset->ordered ? open.decay : 1.0;
    if (strengths == 1 && !any_decay) {
        return NBA_OK;
    }
    struct nba_arena pool = {0};
    const struct choice choice = choice_of(dataset, split, window_events, &pool);
    for (size_t i = 0; status == NBA_OK && i < strengths; i++) {
        struct nba_item_item_options tried = open;
        struct nba_arena arrays = {0};
        struct nba_neighbours counted;
        tried.lambda = open.lambda > 0.0 ? open.lambda : lambdas[i];
        tried.neighbours = open.neighbours > 0 ? open.neighbours : neighbours[i];
        tried.decay = open.decay > 0.0 && dataset->ordered ? open.decay : 1.0;
        status = nba_item_item_count(kind, dataset, split->train_count, &tried, &arrays, &counted,
                                     error);
        const size_t fadings = any_decay && i == 0 ? NBA_ARRAY_COUNT(decays) : 1;
        const double chosen = options->decay;
        for (size_t j = 0; status == NBA_OK && j < fadings; j++) {
            tried.decay = !any_decay ? tried.decay : i == 0 ? decays[j] : chosen;
            counted.decay = (float)tried.decay;
            const double value = judge(&choice, &counted);
            if (value > best) {
                best = value;
                *options = tried;
            }
        }
        nba_arena_clear(&arrays);
    }
    nba_arena_clear(&pool);
    return status;
}
