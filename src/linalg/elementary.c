/*
 * Double versions, one value at a time.  The bodies are written once and compiled twice: with the
 * FMA3 instruction and with libm's fma, which gives the same bits, slower.
 */
#include "nba/linalg/elementary.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "exp_terms_internal.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))

static ALWAYS_INLINE double exp_body(double x)
{
    x = x > -708.0 ? x : -708.0;
    x = x < 709.0 ? x : 709.0;
    /* Adding 1.5 * 2^52 leaves n = round(x / ln 2) in the low bits. */
    const double t = fma(x, 0x1.71547652b82fep+0, 0x1.8p52);
    const double n = t - 0x1.8p52;
    const double r = fma(n, -0x1.abc9e3b39803fp-56, fma(n, -0x1.62e42fefa39efp-1, x));
    double p = exp_terms[0];
    for (size_t i = 1; i < EXP_TERMS; i++) {
        p = fma(p, r, exp_terms[i]);
    }
    uint64_t p_bits;
    uint64_t t_bits;
    memcpy(&p_bits, &p, sizeof p_bits);
    memcpy(&t_bits, &t, sizeof t_bits);
    p_bits += t_bits << 52;
    memcpy(&p, &p_bits, sizeof p);
    return p;
}

/*
 * With f = m - 1 and s = f / (2 + f):  ln m = 2 atanh(s) = f - (f^2/2 - s (f^2/2 + R)),
 * R = 2 s^2/3 + 2 s^4/5 + ...; the leading f is exact, which is where the accuracy comes from.
 */
static ALWAYS_INLINE double ln_body(double x)
{
    static const double coefficients[] = {
        2.0 / 25.0, 2.0 / 23.0, 2.0 / 21.0, 2.0 / 19.0, 2.0 / 17.0, 2.0 / 15.0,
        2.0 / 13.0, 2.0 / 11.0, 2.0 / 9.0,  2.0 / 7.0,  2.0 / 5.0,  2.0 / 3.0,
    };
    if (!(x > 0.0)) {
        return isnan(x) ? x : -DBL_MAX;
    }
    if (x > DBL_MAX) {
        return x;
    }
    double e = 0.0;
    if (x < DBL_MIN) {
        x *= 0x1p54;
        e = -54.0;
    }
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    /* sqrt(1/2)'s bits: what is above them counts as the next power of two */
    const uint64_t above = bits - UINT64_C(0x3fe6a09e667f3bcd) + (UINT64_C(1023) << 52);
    const uint64_t power = above >> 52;
    e += (double)power - 1023.0;
    bits -= (power - 1023) << 52;
    memcpy(&x, &bits, sizeof x);

    const double f = x - 1.0;
    const double s = f / (2.0 + f);
    const double s2 = s * s;
    double p = coefficients[0];
    for (size_t i = 1; i < sizeof coefficients / sizeof coefficients[0]; i++) {
        p = fma(p, s2, coefficients[i]);
    }
    const double half = 0.5 * f * f;
    const double rest = fma(e, 0x1.ef35793c76730p-45, s * fma(p, s2, half));
    return fma(e, 0x1.62e42fefa3800p-1, f - (half - rest));
}

static ALWAYS_INLINE double sigmoid_body(double x)
{
    return 1.0 / (1.0 + exp_body(0.0 - x));
}

#if defined(__x86_64__)
#define TWICE(name)                                                             \
    __attribute__((target("fma"))) static double name##_fma3(double x)          \
    {                                                                           \
        return name##_body(x);                                                  \
    }                                                                           \
    static double name##_libm(double x)                                         \
    {                                                                           \
        return name##_body(x);                                                  \
    }                                                                           \
    double nba_##name(double x)                                                 \
    {                                                                           \
        return __builtin_cpu_supports("fma") ? name##_fma3(x) : name##_libm(x); \
    }
#else
#define TWICE(name)             \
    double nba_##name(double x) \
    {                           \
        return name##_body(x);  \
    }
#endif

TWICE(exp)
TWICE(ln)
TWICE(sigmoid)

double nba_logit(double p)
{
    p = p > 1e-12 ? p : 1e-12;
    p = p < 1.0 - 1e-12 ? p : 1.0 - 1e-12;
    return nba_ln(p / (1.0 - p));
}
