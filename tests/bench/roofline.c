/* The best of a few short runs: what the machine can do, not what it did. */
#include "roofline.h"

#include <immintrin.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { CHAINS = 12, RUNS = 10, ROUNDS = 10000, PASSES = 20, HUGE_PAGE = 2 << 20 };
#define UNROLL _Pragma("GCC unroll 16")
/* The value is used and may have changed: neither a chain nor a load can be left out. */
#define KEEP(a) __asm__ volatile("" : "+x"(a))

/* Latency 4 x two a cycle asks for 8 chains; 12 and their operands fit 16 registers. */
#define FORM(name, TARGET, V, OP)                                                     \
    TARGET static void name##_multiply_adds(void)                                     \
    {                                                                                 \
        V sum[CHAINS];                                                                \
        V x = OP(set1_ps)(0.5f);                                                      \
        V y = OP(set1_ps)(0.25f);                                                     \
        KEEP(x);                                                                      \
        KEEP(y);                                                                      \
        UNROLL for (int j = 0; j < CHAINS; j++)                                       \
        {                                                                             \
            sum[j] = x;                                                               \
        }                                                                             \
        for (int i = 0; i < ROUNDS; i++) {                                            \
            UNROLL for (int j = 0; j < CHAINS; j++)                                   \
            {                                                                         \
                sum[j] = OP(fmadd_ps)(sum[j], x, y);                                  \
                KEEP(sum[j]);                                                         \
            }                                                                         \
        }                                                                             \
    }                                                                                 \
    TARGET static void name##_read(const float *memory)                               \
    {                                                                                 \
        const size_t lanes = sizeof(V) / sizeof *memory;                              \
        for (int pass = 0; pass < PASSES; pass++) {                                   \
            for (size_t i = 0; i < ROOFLINE_BYTES / sizeof *memory; i += 8 * lanes) { \
                UNROLL for (size_t j = 0; j < 8; j++)                                 \
                {                                                                     \
                    V a = OP(load_ps)(memory + i + j * lanes);                        \
                    KEEP(a);                                                          \
                }                                                                     \
            }                                                                         \
        }                                                                             \
    }
#define OP_256(name) _mm256_##name
#define OP_512(name) _mm512_##name
FORM(avx2, __attribute__((target("avx2,fma"))), __m256, OP_256)
FORM(avx512, __attribute__((target("avx512f"))), __m512, OP_512)

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct roofline roofline_measure(enum nba_kernels_form form)
{
    const bool wide = form == NBA_KERNELS_AVX512;
    if (form != NBA_KERNELS_AVX2 && !wide) {
        return (struct roofline){0};
    }
    float *memory = aligned_alloc(HUGE_PAGE, HUGE_PAGE);
    if (memory == NULL) {
        abort();
    }
    (void)madvise(memory, HUGE_PAGE, MADV_HUGEPAGE);
    memset(memory, 0, HUGE_PAGE);
    double add_s = 1.0;
    double read_s = 1.0;
    for (int run = 0; run < RUNS; run++) {
        const double start = now_s();
        wide ? avx512_multiply_adds() : avx2_multiply_adds();
        const double middle = now_s();
        wide ? avx512_read(memory) : avx2_read(memory);
        const double end = now_s();
        add_s = middle - start < add_s ? middle - start : add_s;
        read_s = end - middle < read_s ? end - middle : read_s;
    }
    free(memory);
    return (struct roofline){
        .gflops = (wide ? 16.0 : 8.0) * 2 * CHAINS * ROUNDS / add_s * 1e-9,
        .read_gbs = (double)ROOFLINE_BYTES * PASSES / read_s * 1e-9,
    };
}
