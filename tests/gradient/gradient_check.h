/*
 * Compares every backward pass with finite differences of its forward pass.
 *
 * For each number w of each parameter: (loss(w + h) - loss(w - h)) / 2h, against the gradient that
 * one call of `learn` adds.  Floats carry 24 bits, so h is large and the tolerance is absolute and
 * relative; a wrong term in a backward pass is off by tens of percent.
 */
#ifndef NBA_TESTS_GRADIENT_CHECK_H
#define NBA_TESTS_GRADIENT_CHECK_H

#include <math.h>

#include "nba/train/parameter.h"

struct gradient_check {
    void *context;
    double (*loss)(void *context); /* mean loss; also adds gradients */
    struct nba_parameters *parameters;
    double step, absolute, relative;
};

static void gradient_zero(const struct gradient_check *check)
{
    for (size_t p = 0; p < check->parameters->count; p++) {
        struct nba_parameter *parameter = check->parameters->items[p];
        memset(parameter->grad, 0, nba_parameter_count(parameter) * sizeof(float));
    }
}

/* The number of gradients that are far from their finite difference; prints the first few. */
static size_t gradient_mistakes(const struct gradient_check *check)
{
    size_t mistakes = 0;
    for (size_t p = 0; p < check->parameters->count; p++) {
        struct nba_parameter *parameter = check->parameters->items[p];
        for (size_t i = 0; i < nba_parameter_count(parameter); i++) {
            gradient_zero(check);
            (void)check->loss(check->context);
            const double learned = (double)parameter->grad[i];
            const float value = parameter->value[i];
            parameter->value[i] = value + (float)check->step;
            const double above = check->loss(check->context);
            parameter->value[i] = value - (float)check->step;
            const double below = check->loss(check->context);
            parameter->value[i] = value;
            const double measured = (above - below) / (2.0 * check->step);
            if (!(fabs(learned - measured) <= check->absolute + check->relative * fabs(measured))) {
                if (mistakes++ < 5) {
                    print_message("%s[%zu]: backward says %.6f, differences say %.6f\n",
                                  parameter->name, i, learned, measured);
                }
            }
        }
    }
    return mistakes;
}

#endif
