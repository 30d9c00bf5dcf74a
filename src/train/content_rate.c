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
    struct tally *units; /* (1 + specialties, 1 + units) */
};

static void count(struct tally *tally, bool engaged)
{
    tally->touches += 1.0;
    tally->engaged += engaged ? 1.0 : 0.0;
}

static void visit(void *context, const struct nba_touch_sample *sample)
{
    struct counting *c = context;
    const struct nba_dataset *d = c->dataset;
    const uint32_t user = sample->query.user;
    const uint32_t segment = d->segment[user];
    const uint32_t unit = d->content_unit[sample->content];
    if (c->split->by_time ? sample->time_ms >= c->until_ms
                          : sample->query.position >= c->split->train_count[user]) {
        return;
    }
    count(&c->all, sample->engaged);
    count(&c->cells[sample->content], sample->engaged);
    count(&c->units[unit], sample->engaged);
    if (segment != 0) {
        count(&c->cells[(size_t)segment * d->content_count + sample->content], sample->engaged);
        count(&c->units[segment * (1 + (size_t)d->unit_count) + unit], sample->engaged);
    }
}

static double shrunk(const struct tally *tally, double to)
{
    return (tally->engaged + NBA_CONTENT_RATE_PRIOR * to) /
           (tally->touches + NBA_CONTENT_RATE_PRIOR);
}

/* r(k), raised or lowered as its unit is in the specialty. */
static double expected(const struct counting *c, size_t segment, uint32_t unit, double base,
                       double content)
{
    if (unit == 0) {
        return content;
    }
    const double everyone = shrunk(&c->units[unit], base);
    const double own =
        shrunk(&c->units[segment * (1 + (size_t)c->dataset->unit_count) + unit], everyone);
    return nba_sigmoid(nba_logit(content) + nba_logit(own) - nba_logit(everyone));
}

void nba_content_rates(const struct nba_dataset *dataset, const struct nba_split *split,
                       int64_t until_ms, float *ret_rates)
{
    const size_t N = dataset->content_count;
    const size_t segments = 1 + (size_t)dataset->specialty_count;
    struct counting c = {.dataset = dataset, .split = split, .until_ms = until_ms};
    c.cells = nba_zeros(segments * N, sizeof(*c.cells));
    c.units = nba_zeros(segments * (1 + (size_t)dataset->unit_count), sizeof(*c.units));
    nba_touch_samples_each(dataset, visit, &c);
    const double base = (c.all.engaged + 1.0) / (c.all.touches + 2.0);
    for (size_t k = 0; k < N; k++) {
        const double everyone = shrunk(&c.cells[k], base);
        ret_rates[k] = (float)(nba_logit(everyone) - nba_logit(base));
        for (size_t s = 1; s < segments; s++) {
            const double to = expected(&c, s, dataset->content_unit[k], base, everyone);
            ret_rates[s * N + k] =
                (float)(nba_logit(shrunk(&c.cells[s * N + k], to)) - nba_logit(base));
        }
    }
    free(c.cells);
    free(c.units);
}
