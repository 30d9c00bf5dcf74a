/*
 * Chance, seeded and handed in: splitmix64 (G. Steele, D. Lea, C. Flood, "Fast splittable
 * pseudorandom number generators", OOPSLA 2014).  Small state, good enough for simulation,
 * initial weights, dropout and the negatives of the evaluation protocol; not for secrets.
 */
#ifndef NBA_BASE_RANDOM_H
#define NBA_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct nba_rng {
    uint64_t state;
};

static inline struct nba_rng nba_rng(uint64_t seed)
{
    return (struct nba_rng){seed};
}

static inline uint64_t nba_rng_next(struct nba_rng *rng)
{
    rng->state += 0x9E3779B97F4A7C15u;
    uint64_t z = rng->state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Uniform in [0, 1), 53 bits. */
static inline double nba_rng_double(struct nba_rng *rng)
{
    return (double)(nba_rng_next(rng) >> 11) * 0x1p-53;
}

/* 0 .. bound - 1 by remainder (the protocol's definition; the bias is below 2^-40 here). */
static inline uint64_t nba_rng_below(struct nba_rng *rng, uint64_t bound)
{
    return nba_rng_next(rng) % bound;
}

/* Standard normal, Box-Muller (uses libm: for offline work only). */
double nba_rng_normal(struct nba_rng *rng);

/* Puts `count` items of `size` bytes, at most 64, into a random order (R. Durstenfeld, CACM 7(7),
 * 1964). */
void nba_rng_shuffle(struct nba_rng *rng, void *items, size_t count, size_t size);

#endif
