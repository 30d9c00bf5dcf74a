/*
 * Loops in several forms: plain, and compiled for AVX2 and AVX-512 where the machine has them.
 *
 * A loop is written once as an always-inlined NAME_body; NBA_VECTOR_FORMS makes the functions, and
 * NAME, which picks one at run time by nba_vector_level().  Compilers may neither reorder a sum nor
 * fuse a product into it (no -ffast-math, -ffp-contract=off), so all forms give the same bits.
 */
#ifndef NBA_BASE_VECTOR_H
#define NBA_BASE_VECTOR_H

enum nba_vector_level { NBA_VECTOR_PLAIN, NBA_VECTOR_AVX2, NBA_VECTOR_AVX512, NBA_VECTOR_COUNT };

/* The highest level this CPU runs: AVX2 with FMA3, AVX-512 with BW, DQ and VL. */
enum nba_vector_level nba_vector_best(void);
/* The level in force, of the whole process: the best one unless a lower limit was set. */
enum nba_vector_level nba_vector_level(void);
/* `score.kernels`, set once at the start; any thread may call. */
void nba_vector_limit(enum nba_vector_level limit);

#define NBA_VECTOR_BODY static inline __attribute__((always_inline)) void

#if defined(__x86_64__)
#define NBA_VECTOR_FORM(name, parameters, arguments, form, features)       \
    __attribute__((target(features))) static void name##_##form parameters \
    {                                                                      \
        name##_body arguments;                                             \
    }
#define NBA_VECTOR_FORMS(name, parameters, arguments)                                          \
    NBA_VECTOR_FORM(name, parameters, arguments, avx512, "avx512f,avx512bw,avx512dq,avx512vl") \
    NBA_VECTOR_FORM(name, parameters, arguments, avx2, "avx2")                                 \
    static void name##_plain parameters                                                        \
    {                                                                                          \
        name##_body arguments;                                                                 \
    }                                                                                          \
    static void name parameters                                                                \
    {                                                                                          \
        const enum nba_vector_level level = nba_vector_level();                                \
        if (level == NBA_VECTOR_AVX512) {                                                      \
            name##_avx512 arguments;                                                           \
        } else if (level == NBA_VECTOR_AVX2) {                                                 \
            name##_avx2 arguments;                                                             \
        } else {                                                                               \
            name##_plain arguments;                                                            \
        }                                                                                      \
    }
#else
#define NBA_VECTOR_FORMS(name, parameters, arguments) \
    static void name parameters                       \
    {                                                 \
        name##_body arguments;                        \
    }
#endif

#endif
