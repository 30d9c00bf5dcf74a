/*
 * Loops in several forms: plain, and compiled for AVX2 and AVX-512 where the machine has them.
 *
 * A loop is written once as an always-inlined NAME_body; NBA_VECTOR_FORMS makes the functions, and
 * NAME, which picks one at run time.  Compilers may neither reorder a sum nor fuse a product into
 * it (no -ffast-math, -ffp-contract=off), so all forms give the same bits.
 */
#ifndef NBA_BASE_VECTOR_H
#define NBA_BASE_VECTOR_H

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
        if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&        \
            __builtin_cpu_supports("avx512vl")) {                                              \
            name##_avx512 arguments;                                                           \
        } else if (__builtin_cpu_supports("avx2")) {                                           \
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
