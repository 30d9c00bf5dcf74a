/* The operations of kernel_form.h with vectors of one lane, for kernels_portable.c and
 * kernels_scalar.c.  NBA_TARGET decides whether fmaf becomes an instruction or a call of libm. */
#ifndef NBA_LINALG_KERNEL_OPS_SCALAR_H
#define NBA_LINALG_KERNEL_OPS_SCALAR_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define ROWS_MAX      2
#define VECTORS(rows) ((rows) == 1 ? 8 : 4)
#define VECTORS_PAIRS 4

#define LANES        1
#define V            float
#define SET(a)       (a)
#define LOAD(p)      (*(p))
#define STORE(p, a)  (*(p) = (a))
#define ADD(a, b)    ((a) + (b))
#define SUB(a, b)    ((a) - (b))
#define MUL(a, b)    ((a) * (b))
#define DIV(a, b)    ((a) / (b))
#define FMA(a, b, c) fmaf(a, b, c)
/* As the instructions: the second operand where one is NaN or both are zero. */
#define MIN(a, b)      ((a) < (b) ? (a) : (b))
#define MAX(a, b)      ((a) > (b) ? (a) : (b))
#define REACH(a, b)    ((unsigned)((a) >= (b)))
#define SCALE(p, t)    scale_float(p, t)
#define POWER(x)       power_float(x)
#define POWER_TYPE     int32_t
#define POWER_FLOAT(e) ((float)(e))
#define MANTISSA(x, e) mantissa_float(x, e)

/* Two weights of bfloat16 a word */
#define PAIR         uint32_t
#define LOAD_PAIR(p) (*(p))
#define LOWER(a)     float_of_bits((a) << 16)
#define UPPER(a)     float_of_bits((a)&0xffff0000)

#define LANES_D              1
#define VD                   double
#define SET_D(a)             (a)
#define LOAD_D(p)            (*(p))
#define STORE_D(p, a)        (*(p) = (a))
#define ADD_D(a, b)          ((a) + (b))
#define SUB_D(a, b)          ((a) - (b))
#define DIV_D(a, b)          ((a) / (b))
#define FMA_D(a, b, c)       fma(a, b, c)
#define MIN_D(a, b)          ((a) < (b) ? (a) : (b))
#define MAX_D(a, b)          ((a) > (b) ? (a) : (b))
#define COUNTS               uint64_t
#define NO_COUNTS            0
#define STORE_COUNTS(p, n)   (*(p) = (n))
#define COUNT_ABOVE(n, a, b) ((n) + ((a) > (b)))
#define SCALE_D(p, t)        scale_double(p, t)

static inline uint32_t bits_of_float(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float float_of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* p * 2^n, n in the low bits of t */
static inline float scale_float(float p, float t)
{
    return float_of_bits(bits_of_float(p) + (bits_of_float(t) << 23));
}

/* The power of two of x, relative to a mantissa in [sqrt(1/2), sqrt(2)); x is positive */
static inline int32_t power_float(float x)
{
    const int64_t difference = (int64_t)bits_of_float(x) - 0x3f3504f3;
    return (int32_t)(difference >> 23);
}

static inline float mantissa_float(float x, int32_t power)
{
    return float_of_bits(bits_of_float(x) - ((uint32_t)power << 23));
}

static inline double scale_double(double p, double t)
{
    uint64_t p_bits;
    uint64_t t_bits;
    memcpy(&p_bits, &p, sizeof p_bits);
    memcpy(&t_bits, &t, sizeof t_bits);
    p_bits += t_bits << 52;
    memcpy(&p, &p_bits, sizeof p);
    return p;
}

#endif
