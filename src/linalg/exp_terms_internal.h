/* The terms of exp on |r| <= ln 2 / 2, one table for the scalar and the vector form: they must
 * agree in every bit. */
#ifndef NBA_LINALG_EXP_TERMS_INTERNAL_H
#define NBA_LINALG_EXP_TERMS_INTERNAL_H

#define EXP_TERMS 14

/* 1 / k! from k = 13 down: |r| <= 0.3466, so the first term left out is below 2^-57. */
static const double exp_terms[EXP_TERMS] = {
    1.0 / 6227020800.0,
    1.0 / 479001600.0,
    1.0 / 39916800.0,
    1.0 / 3628800.0,
    1.0 / 362880.0,
    1.0 / 40320.0,
    1.0 / 5040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
    1.0,
    1.0,
};

#endif
