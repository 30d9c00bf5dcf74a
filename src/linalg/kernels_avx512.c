/* Sixteen floats or eight doubles at a time: AVX-512 F, its foundation, and no more (Skylake-SP
 * 2017, Zen 4 2022 and later). */
#include "kernels_internal.h"

#if NBA_KERNELS_X86

#include <immintrin.h>

#define NBA_FORM   avx512
#define NBA_TARGET __attribute__((target("avx512f")))

/* 32 registers: 4 x 4 sums, 4 inputs and 1 weight vector.  A row alone waits for the second cache,
 * so more sums would hide nothing; with half the bytes they do. */
#define ROWS_MAX      4
#define VECTORS(rows) 4
#define VECTORS_PAIRS 8

#define LANES        16
#define V            __m512
#define SET(a)       _mm512_set1_ps(a)
#define LOAD(p)      _mm512_loadu_ps(p)
#define STORE(p, a)  _mm512_storeu_ps(p, a)
#define ADD(a, b)    _mm512_add_ps(a, b)
#define SUB(a, b)    _mm512_sub_ps(a, b)
#define MUL(a, b)    _mm512_mul_ps(a, b)
#define DIV(a, b)    _mm512_div_ps(a, b)
#define FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define MIN(a, b)    _mm512_min_ps(a, b)
#define MAX(a, b)    _mm512_max_ps(a, b)
#define REACH(a, b)  ((unsigned)_mm512_cmp_ps_mask(a, b, _CMP_GE_OQ))
/* p * 2^n, n in the low bits of t */
#define SCALE(p, t)      \
    _mm512_castsi512_ps( \
        _mm512_add_epi32(_mm512_castps_si512(p), _mm512_slli_epi32(_mm512_castps_si512(t), 23)))
/* The power of two of x, relative to a mantissa in [sqrt(1/2), sqrt(2)) */
#define POWER(x) \
    _mm512_srai_epi32(_mm512_sub_epi32(_mm512_castps_si512(x), _mm512_set1_epi32(0x3f3504f3)), 23)
#define POWER_TYPE     __m512i
#define POWER_FLOAT(e) _mm512_cvtepi32_ps(e)
#define MANTISSA(x, e) \
    _mm512_castsi512_ps(_mm512_sub_epi32(_mm512_castps_si512(x), _mm512_slli_epi32(e, 23)))

/* Two weights of bfloat16 a word */
#define PAIR         __m512i
#define LOAD_PAIR(p) _mm512_loadu_si512(p)
#define UPPER_HALF   _mm512_set1_epi32((int32_t)0xffff0000)
#define LOWER(a)     _mm512_castsi512_ps(_mm512_slli_epi32(a, 16))
#define UPPER(a)     _mm512_castsi512_ps(_mm512_and_si512(a, UPPER_HALF))

#define LANES_D            8
#define VD                 __m512d
#define SET_D(a)           _mm512_set1_pd(a)
#define LOAD_D(p)          _mm512_loadu_pd(p)
#define STORE_D(p, a)      _mm512_storeu_pd(p, a)
#define ADD_D(a, b)        _mm512_add_pd(a, b)
#define SUB_D(a, b)        _mm512_sub_pd(a, b)
#define DIV_D(a, b)        _mm512_div_pd(a, b)
#define FMA_D(a, b, c)     _mm512_fmadd_pd(a, b, c)
#define MIN_D(a, b)        _mm512_min_pd(a, b)
#define MAX_D(a, b)        _mm512_max_pd(a, b)
#define COUNTS             __m512i
#define NO_COUNTS          _mm512_setzero_si512()
#define STORE_COUNTS(p, n) _mm512_storeu_si512(p, n)
#define COUNT_ABOVE(n, a, b) \
    _mm512_mask_add_epi64(n, _mm512_cmp_pd_mask(a, b, _CMP_GT_OQ), n, _mm512_set1_epi64(1))
#define SCALE_D(p, t)    \
    _mm512_castsi512_pd( \
        _mm512_add_epi64(_mm512_castpd_si512(p), _mm512_slli_epi64(_mm512_castpd_si512(t), 52)))

#include "kernel_form.h"

#endif
