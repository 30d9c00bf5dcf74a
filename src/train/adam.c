/* A parameter is a list of row ranges: one range when dense, its touched rows when sparse. */
#include "nba/train/adam.h"

#include <math.h>
#include <string.h>

#include "vector_internal.h"

struct adam_step {
    float scale; /* of the gradient: clipping */
    float beta1, beta2;
    float rate;    /* with both corrections: rate sqrt(1 - beta2^t) / (1 - beta1^t) */
    float epsilon; /* corrected alike */
    float shrink;  /* rate * decay */
};

struct nba_adam nba_adam(double rate)
{
    return (struct nba_adam){.rate = rate, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
}

static double range_square_sum(const float *grad, size_t count)
{
    double lanes[8] = {0};
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        for (size_t j = 0; j < 8; j++) {
            lanes[j] += (double)grad[i + j] * (double)grad[i + j];
        }
    }
    for (; i < count; i++) {
        lanes[i % 8] += (double)grad[i] * (double)grad[i];
    }
    return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) +
           ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

NBA_VECTOR_BODY range_step_body(float *restrict w, float *restrict g, float *restrict m,
                                float *restrict v, size_t count, const struct adam_step *step)
{
    const struct adam_step s = *step;
    for (size_t i = 0; i < count; i++) {
        const float gradient = g[i] * s.scale;
        m[i] = s.beta1 * m[i] + (1.0f - s.beta1) * gradient;
        v[i] = s.beta2 * v[i] + (1.0f - s.beta2) * gradient * gradient;
        w[i] -= s.rate * m[i] / (__builtin_sqrtf(v[i]) + s.epsilon) + s.shrink * w[i];
        g[i] = 0.0f;
    }
}
NBA_VECTOR_FORMS(range_step,
                 (float *restrict w, float *restrict g, float *restrict m, float *restrict v,
                  size_t count, const struct adam_step *step),
                 (w, g, m, v, count, step))

static double parameter_square_sum(const struct nba_parameter *p)
{
    if (!p->sparse) {
        return range_square_sum(p->grad, nba_parameter_count(p));
    }
    double sum = 0.0;
    for (size_t i = 0; i < p->touched_count; i++) {
        sum += range_square_sum(p->grad + p->touched[i] * p->columns, p->columns);
    }
    return sum;
}

static void parameter_step(struct nba_parameter *p, const struct adam_step *step)
{
    if (!p->sparse) {
        range_step(p->value, p->grad, p->first, p->second, nba_parameter_count(p), step);
        return;
    }
    for (size_t i = 0; i < p->touched_count; i++) {
        const size_t at = p->touched[i] * p->columns;
        range_step(p->value + at, p->grad + at, p->first + at, p->second + at, p->columns, step);
        p->is_touched[p->touched[i]] = 0;
    }
    p->touched_count = 0;
}

static void parameter_forget_gradient(struct nba_parameter *p)
{
    memset(p->grad, 0, nba_parameter_count(p) * sizeof(float));
    if (p->sparse) {
        memset(p->is_touched, 0, p->rows);
        p->touched_count = 0;
    }
}

double nba_adam_step(struct nba_adam *adam, struct nba_parameters *parameters)
{
    double sum = 0.0;
    for (size_t i = 0; i < parameters->count; i++) {
        sum += parameter_square_sum(parameters->items[i]);
    }
    const double norm = sqrt(sum);
    if (!isfinite(norm)) {
        for (size_t i = 0; i < parameters->count; i++) {
            parameter_forget_gradient(parameters->items[i]);
        }
        return norm;
    }
    adam->step++;
    const double t = (double)adam->step;
    const double correction1 = 1.0 - pow(adam->beta1, t);
    const double correction2 = sqrt(1.0 - pow(adam->beta2, t));
    const struct adam_step step = {
        .scale = adam->clip > 0.0 && norm > adam->clip ? (float)(adam->clip / norm) : 1.0f,
        .beta1 = (float)adam->beta1,
        .beta2 = (float)adam->beta2,
        .rate = (float)(adam->rate * correction2 / correction1),
        .epsilon = (float)(adam->epsilon * correction2),
        .shrink = (float)(adam->rate * adam->decay),
    };
    for (size_t i = 0; i < parameters->count; i++) {
        parameter_step(parameters->items[i], &step);
    }
    return norm;
}
