/* What the CPU has, and how much of it is used. */
#include "nba/base/vector.h"

#include <stdatomic.h>

static _Atomic int level_limit = NBA_VECTOR_AVX512;

enum nba_vector_level nba_vector_best(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
        return NBA_VECTOR_AVX512;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        return NBA_VECTOR_AVX2;
    }
#endif
    return NBA_VECTOR_PLAIN;
}

enum nba_vector_level nba_vector_level(void)
{
    const enum nba_vector_level best = nba_vector_best();
    const int limit = atomic_load_explicit(&level_limit, memory_order_relaxed);
    return (int)best < limit ? best : (enum nba_vector_level)limit;
}

void nba_vector_limit(enum nba_vector_level limit)
{
    atomic_store_explicit(&level_limit, (int)limit, memory_order_relaxed);
}
