#include "nba/train/content_rate.h"

#include <stdlib.h>

#include "nba/base/memory.h"
#include "nba/linalg/elementary.h"
#include "nba/score/fusion.h"
#include "nba/train/touch_samples.h"

struct tally {
    double touches, engaged;
};

struct counting {
    const struct nba_dataset *dataset;
    const struct nba_split *split;
    int64_t until_ms;
    struct tally all;
    struct tally *cells; /* (1 + specialties, N) */
};

static void count(struct tally *tally, bool engaged)
{
    tally->touches += 1.0;
    tally->engaged += engaged ? 1.0 : 0.0;
}

static void visit(void *context, const struct nba_touch_sample *sample)
{
    struct counting *c = context;
    const uint32_t user = sample->query.user;
    const uint32_t segment = c->dataset->segment[user];
    const size_t N = c->dataset->content_count;
    if (c->split->by_time ? sample->time_ms >= c->until_ms
                          : sample->query.position >= c->split->train_count[user]) {
        return;
    }
    count(&c->all, sample->engaged);
    count(&c->cells[sample->content], sample->engaged);
    if (segment != 0) {
        count(&c->cells[segment * N + sample->content], sample->engaged);
    }
}

static double shrunk(const struct tally *tally, double to)
{
    return (tally->engaged + NBA_CONTENT_RATE_PRIOR * to) /
           (tally->touches + NBA_CONTENT_RATE_PRIOR);
}

void nba_content_rates(const struct nba_dataset *dataset, const struct nba_split *split,
                       int64_t until_ms, float *ret_rates)
{
    const size_t N = dataset->content_count;
    struct counting c = {.dataset = dataset, .split = split, .until_ms = until_ms};
    c.cells = nba_zeros((1 + (size_t)dataset->specialty_count) * N, sizeof(*c.cells));
    nba_touch_samples_each(dataset, visit, &c);
    const double base = (c.all.engaged + 1.0) / (c.all.touches + 2.0);
    for (size_t k = 0; k < N; k++) {
        const double everyone = shrunk(&c.cells[k], base);
        ret_rates[k] = (float)(nba_logit(everyone) - nba_logit(base));
        for (size_t s = 1; s <= dataset->specialty_count; s++) {
            const double rate = shrunk(&c.cells[s * N + k], everyone);
            ret_rates[s * N + k] = (float)(nba_logit(rate) - nba_logit(base));
        }
    }
    free(c.cells);
}
