/*
 * Popularity by specialty: engagements of the training positions, counted, and the ranker that
 * shrinks a segment's counts to everyone's (nba/score/fusion.h).  Row 0 is everyone.
 */
#ifndef NBA_TRAIN_POPULARITY_H
#define NBA_TRAIN_POPULARITY_H

#include "nba/train/pool.h"
#include "nba/train/ranking.h"

struct nba_popularity {
    const struct nba_dataset *dataset;
    uint32_t *counts; /* (1 + specialties, N) */
    float *scores;    /* (1 + specialties, N) */
};

struct nba_popularity nba_popularity(const struct nba_dataset *dataset,
                                     const struct nba_split *split, struct nba_arena *pool);
struct nba_ranker nba_popularity_ranker(struct nba_popularity *popularity);

#endif
