/*
 * exp, log, sigmoid, tanh of our own: the same bits from every compiler, libc and CPU.
 *
 * glibc picks variants of exp, log and pow by CPU, so what enters state or an output must not call
 * them.  Ours are polynomials in explicit fused multiply-adds (fma and fmaf are exact by IEEE 754,
 * whoever computes them) after exact argument reduction; compile with -ffp-contract=off.
 *
 * METHODS
 *   exp      x = n ln 2 + r, |r| <= ln 2 / 2, ln 2 in two parts (W. Cody, W. Waite, "Software
 *            Manual for the Elementary Functions", 1980); e^r a polynomial; 2^n into the exponent
 *   ln       x = 2^e m, sqrt(1/2) <= m < sqrt(2); log m by a polynomial (float) or by
 *            2 atanh((m - 1) / (m + 1)) (double)
 *   sigmoid  1 / (1 + e^-x)
 *   tanh     2 sigmoid(2 x) - 1, float only; absolute, not relative accuracy near 0
 *
 * ERROR, largest over a sweep against glibc (tests/unit/linalg/test_elementary.c holds the bounds)
 *   double  exp and ln 1 ulp, sigmoid 3 ulp
 *   float   (kernels of nba/linalg/kernels.h) exp 7e-8 relative, sigmoid 9e-8 and tanh 1.8e-7
 *           absolute, log 8e-8 of max(|ln x|, 1)
 *
 * SPECIAL VALUES.  Arguments are clamped, so that neither e^x nor 1 / (1 + e^x) is subnormal or
 * infinite: float exp takes x into [-87, 87], double into [-708, 709]; NaN counts as the lower end
 * (models refuse NaN when they are loaded, events when they are decoded).  Float log takes what is
 * below the smallest normal number, NaN too, as that number.
 * THREADS.  Pure.
 */
#ifndef NBA_LINALG_ELEMENTARY_H
#define NBA_LINALG_ELEMENTARY_H

/* e^x of x taken into [-708, 709]. */
double nba_exp(double x);
/* ln x of x > 0; -DBL_MAX for x <= 0 and NaN for NaN; +infinity for itself. */
double nba_ln(double x);
/* 1 / (1 + e^-x); never 0, 1 from x = 37 on.  Many at a time: nba_kernels.sigmoid_double. */
double nba_sigmoid(double x);
/* ln(p / (1 - p)); p is first taken into [1e-12, 1 - 1e-12]. */
double nba_logit(double p);

#endif
