/*
 * vector_exp: Cephes' expf (S. Moshier): x = n ln 2 + r, a polynomial in r, 2^n put into the
 * exponent; relative error about 1e-7 in [-87, 88], clamped outside; NaN
 * stays NaN, or a training that broke would go on unseen.
 */
#ifndef NBA_TRAIN_VECTOR_INTERNAL_H
#define NBA_TRAIN_VECTOR_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "nba/base/vector.h"

static inline __attribute__((always_inline)) float vector_exp(float x)
{
    union {
        int32_t i;
        float f;
    } scale;
    /* NaN goes the way of -87, so that none is ever made an integer, and comes back at the end. */
    const float clamped = x > -87.0f ? (x < 88.0f ? x : 88.0f) : -87.0f;
    /* Adding and taking away 1.5 * 2^23 rounds to the nearest whole number. */
    const float n = (clamped * 1.44269504f + 12582912.0f) - 12582912.0f;
    const float r = (clamped - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    scale.i = ((int32_t)n + 127) * (1 << 23);
    const float result = (p * r * r + r + 1.0f) * scale.f;
    return x == x ? result : x;
}

/* to += scale * from */
static inline void vector_add(float *to, const float *from, float scale, size_t count)
{
    for (size_t j = 0; j < count; j++) {
        to[j] += scale * from[j];
    }
}

static inline __attribute__((always_inline)) float vector_sigmoid(float x)
{
    return 1.0f / (1.0f + vector_exp(-x));
}

static inline __attribute__((always_inline)) float vector_tanh(float x)
{
    return 2.0f / (1.0f + vector_exp(-2.0f * x)) - 1.0f;
}

#endif
