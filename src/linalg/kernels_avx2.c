/* Eight floats or four doubles at a time: AVX2 and FMA3 (Haswell 2013, Zen 2017 and later). */
#include "kernels_internal.h"

#if NBA_KERNELS_X86

#include <immintrin.h>

#define NBA_FORM   avx2
#define NBA_TARGET __attribute__((target("avx2,fma")))

/* 16 registers: 8 sums, or 3 x 4 sums, 3 inputs and 1 weight vector. */
#define ROWS_MAX      4
#define VECTORS(rows) ((rows) == 1 ? 8 : (rows) < 4 ? 4 : 2)
#define VECTORS_PAIRS 8

#define LANES        8
#define V            __m256
#define SET(a)       _mm256_set1_ps(a)
#define LOAD(p)      _mm256_loadu_ps(p)
#define STORE(p, a)  _mm256_storeu_ps(p, a)
#define ADD(a, b)    _mm256_add_ps(a, b)
#define SUB(a, b)    _mm256_sub_ps(a, b)
#define MUL(a, b)    _mm256_mul_ps(a, b)
#define DIV(a, b)    _mm256_div_ps(a, b)
#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define MIN(a, b)    _mm256_min_ps(a, b)
#define MAX(a, b)    _mm256_max_ps(a, b)
#define REACH(a, b)  ((unsigned)_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GE_OQ)))
/* p * 2^n, n in the low bits of t */
#define SCALE(p, t)      \
    _mm256_castsi256_ps( \
        _mm256_add_epi32(_mm256_castps_si256(p), _mm256_slli_epi32(_mm256_castps_si256(t), 23)))
/* The power of two of x, relative to a mantissa in [sqrt(1/2), sqrt(2)) */
#define POWER(x) \
    _mm256_srai_epi32(_mm256_sub_epi32(_mm256_castps_si256(x), _mm256_set1_epi32(0x3f3504f3)), 23)
#define POWER_TYPE     __m256i
#define POWER_FLOAT(e) _mm256_cvtepi32_ps(e)
#define MANTISSA(x, e) \
    _mm256_castsi256_ps(_mm256_sub_epi32(_mm256_castps_si256(x), _mm256_slli_epi32(e, 23)))

/* Two weights of bfloat16 a word */
#define PAIR         __m256i
#define LOAD_PAIR(p) _mm256_castps_si256(_mm256_loadu_ps((const float *)(const void *)(p)))
#define UPPER_HALF   _mm256_set1_epi32((int32_t)0xffff0000)
#define LOWER(a)     _mm256_castsi256_ps(_mm256_slli_epi32(a, 16))
#define UPPER(a)     _mm256_castsi256_ps(_mm256_and_si256(a, UPPER_HALF))

#define LANES_D            4
#define VD                 __m256d
#define SET_D(a)           _mm256_set1_pd(a)
#define LOAD_D(p)          _mm256_loadu_pd(p)
#define STORE_D(p, a)      _mm256_storeu_pd(p, a)
#define ADD_D(a, b)        _mm256_add_pd(a, b)
#define SUB_D(a, b)        _mm256_sub_pd(a, b)
#define DIV_D(a, b)        _mm256_div_pd(a, b)
#define FMA_D(a, b, c)     _mm256_fmadd_pd(a, b, c)
#define MIN_D(a, b)        _mm256_min_pd(a, b)
#define MAX_D(a, b)        _mm256_max_pd(a, b)
#define COUNTS             __m256i
#define NO_COUNTS          _mm256_setzero_si256()
#define STORE_COUNTS(p, n) _mm256_storeu_si256((__m256i *)(void *)(p), n)
#define COUNT_ABOVE(n, a, b) \
    _mm256_sub_epi64(n, _mm256_castpd_si256(_mm256_cmp_pd(a, b, _CMP_GT_OQ)))
#define SCALE_D(p, t)    \
    _mm256_castsi256_pd( \
        _mm256_add_epi64(_mm256_castpd_si256(p), _mm256_slli_epi64(_mm256_castpd_si256(t), 52)))

#include "kernel_form.h"

#endif
