/*
 * exp, log, sigmoid, tanh of our own: the same bits from every compiler, libc and CPU.
 *
 * glibc picks variants of exp, log and pow by CPU, so what enters state or an output must not call
 * them.  Ours are polynomials in explicit fused multiply-adds (fma and fmaf are exact by IEEE 754,
 * whoever computes them) after exact argument reduction; compile with -ffp-contract=off.
 *
 * METHODS
 *   exp      x = n ln 2 + r, |r| <= ln 2 / 2, ln 2 in two parts (W. Cody, W. Waite, "Software Manual
 *            for the Elementary Functions", 1980); e^r by a polynomial; 2^n into the exponent
 *   log      x = 2^e m, sqrt(1/2) <= m < sqrt(2); log m by a polynomial (float) or by
 *            2 atanh((m - 1) / (m + 1)) (double)
 *   sigmoid  1 / (1 + e^-x)
 *   tanh     2 sigmoid(2 x) - 1, in float; absolute, not relative accuracy near 0
 *
 * ERROR, largest over a sweep against libm (tests/unit/linalg/test_elementary.c holds the bounds)
 *   double  exp 1 ulp .. log 2 ulp .. sigmoid, tanh, logit: see the functions
 *   float   kernels of nba/linalg/kernels.h: exp 1.2e-7 relative, sigmoid and tanh 1.2e-7 and
 *           1.8e-7 absolute, log 1.2e-7 relative or 1e-7 absolute
 *
 * SPECIAL VALUES.  Float kernels clamp: exp takes x into [-87, 87], so neither e^x nor
 * 1 / (1 + e^x) is subnormal; NaN becomes e^-87 (models refuse NaN when they are loaded; events
 * when they are decoded).  log takes x <= smallest normal as the smallest normal.
 * THREADS.  Pure.
 */
#ifndef NBA_LINALG_ELEMENTARY_H
#define NBA_LINALG_ELEMENTARY_H

/* e^x; 0 below -708, DBL_MAX above 709; NaN for NaN. */
double nba_exp(double x);
/* ln x of x > 0; -DBL_MAX for x <= 0 and NaN for NaN; +infinity for itself. */
double nba_log(double x);
/* 1 / (1 + e^-x), 0 < result < 1 for |x| <= 36, exactly 0 and 1 never for |x| <= 700. */
double nba_sigmoid(double x);
/* ln(p / (1 - p)); p is first taken into [1e-12, 1 - 1e-12]. */
double nba_logit(double p);
double nba_tanh(double x);
/* The nearest multiple of 1e-9, ties to even: how scores leave for an output. */
double nba_round_9(double x);

#endif
