#include "nba/train/logistic.h"

#include <math.h>
#include <string.h>

#include "nba/base/assert.h"

#define ROUNDS_MAX 50u
#define CLOSE      1e-12
/* Of a step that made things worse. */
#define HALVINGS_MAX 40

struct newton {
    double gradient[NBA_LOGISTIC_FEATURES_MAX];
    double hessian[NBA_LOGISTIC_FEATURES_MAX][NBA_LOGISTIC_FEATURES_MAX];
};

static double score_of(const struct nba_logistic_sample *sample, size_t features,
                       const double *weights)
{
    double score = sample->offset;
    for (size_t j = 0; j < features; j++) {
        score += weights[j] * sample->x[j];
    }
    return score;
}

static void add_sample(struct newton *n, const struct nba_logistic_sample *sample, size_t features,
                       const double *weights)
{
    const double score = score_of(sample, features, weights);
    const double p = 1.0 / (1.0 + exp(-score));
    const double d = p - (sample->y ? 1.0 : 0.0);
    const double curve = fmax(p * (1.0 - p), 1e-9);
    for (size_t j = 0; j < features; j++) {
        n->gradient[j] += d * sample->x[j];
        for (size_t k = 0; k <= j; k++) {
            n->hessian[j][k] += curve * sample->x[j] * sample->x[k];
        }
    }
}

/* hessian (lower half) = L L^T; then L L^T step = gradient.  Ridge makes it positive definite. */
static void solve(struct newton *n, size_t features, double *ret_step)
{
    for (size_t j = 0; j < features; j++) {
        for (size_t k = 0; k <= j; k++) {
            double sum = n->hessian[j][k];
            for (size_t l = 0; l < k; l++) {
                sum -= n->hessian[j][l] * n->hessian[k][l];
            }
            n->hessian[j][k] = j == k ? sqrt(fmax(sum, 1e-12)) : sum / n->hessian[k][k];
        }
    }
    for (size_t j = 0; j < features; j++) {
        double sum = n->gradient[j];
        for (size_t l = 0; l < j; l++) {
            sum -= n->hessian[j][l] * ret_step[l];
        }
        ret_step[j] = sum / n->hessian[j][j];
    }
    for (size_t j = features; j-- > 0;) {
        double sum = ret_step[j];
        for (size_t l = j + 1; l < features; l++) {
            sum -= n->hessian[l][j] * ret_step[l];
        }
        ret_step[j] = sum / n->hessian[j][j];
    }
}

/* The ridge's part; a fixed weight's row and column become those of the unit matrix. */
static void add_ridge(struct newton *n, size_t features, const double *ridge, const double *weights,
                      const double *start)
{
    for (size_t j = 0; j < features; j++) {
        if (ridge[j] >= 0.0) {
            n->gradient[j] += ridge[j] * (weights[j] - start[j]);
            n->hessian[j][j] += ridge[j];
            continue;
        }
        for (size_t k = 0; k < features; k++) {
            n->hessian[j][k] = 0.0;
            n->hessian[k][j] = 0.0;
        }
        n->hessian[j][j] = 1.0;
        n->gradient[j] = 0.0;
    }
}

static double objective(const struct nba_logistic_sample *samples, size_t count, size_t features,
                        const double *ridge, const double *weights, const double *start)
{
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        const double score = score_of(&samples[i], features, weights);
        const double margin = samples[i].y ? -score : score;
        sum += margin > 30.0 ? margin : log1p(exp(margin));
    }
    for (size_t j = 0; j < features; j++) {
        const double away = weights[j] - start[j];
        sum += ridge[j] > 0.0 ? 0.5 * ridge[j] * away * away : 0.0;
    }
    return sum;
}

void nba_logistic_fit(const struct nba_logistic_sample *samples, size_t count, size_t features,
                      const double *ridge, double *weights)
{
    double start[NBA_LOGISTIC_FEATURES_MAX];
    NBA_ASSERT(features <= NBA_LOGISTIC_FEATURES_MAX);
    memcpy(start, weights, features * sizeof(double));
    double best = objective(samples, count, features, ridge, weights, start);
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        struct newton n;
        double step[NBA_LOGISTIC_FEATURES_MAX];
        double tried[NBA_LOGISTIC_FEATURES_MAX];
        memset(&n, 0, sizeof(n));
        for (size_t i = 0; i < count; i++) {
            add_sample(&n, &samples[i], features, weights);
        }
        add_ridge(&n, features, ridge, weights, start);
        solve(&n, features, step);
        /* From far away a whole step overshoots and would come back and forth for ever. */
        double now = best;
        for (int halving = 0; halving < HALVINGS_MAX; halving++) {
            const double part = ldexp(1.0, -halving);
            for (size_t j = 0; j < features; j++) {
                tried[j] = weights[j] - part * step[j];
            }
            now = objective(samples, count, features, ridge, tried, start);
            if (now < best) {
                break;
            }
        }
        if (!(now < best)) {
            break;
        }
        memcpy(weights, tried, features * sizeof(double));
        const bool close = best - now < CLOSE * (1.0 + best);
        best = now;
        if (close) {
            break;
        }
    }
}
