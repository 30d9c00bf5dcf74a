/*
 * How an epoch is judged: NDCG@10 and the loss on a sample of training positions and on the
 * validation queries, both at most MEASURE_QUERIES_MAX of them, the same ones every epoch.
 */
#ifndef NBA_TRAIN_MEASURE_INTERNAL_H
#define NBA_TRAIN_MEASURE_INTERNAL_H

#include "nba/train/learner.h"
#include "nba/train/ranking.h"

/* The peers' scripts choose by 3,000 users. */
#define MEASURE_QUERIES_MAX  3000u
#define MEASURE_TRAINING_MAX 500u

struct measure {
    const struct nba_dataset *dataset;
    struct nba_query *queries[2]; /* training, validation */
    size_t counts[2];
    enum nba_protocol protocol;
    double *ranks;
};

bool nba_measure_init(struct measure *measure, const struct nba_dataset *dataset,
                      const struct nba_split *split);
void nba_measure_clear(struct measure *measure);
/* Fewer queries for a model that is slow over all contents. */
void nba_measure_spare(struct measure *measure);

/* Loss = cross-entropy of the softmax over all contents. */
enum nba_status nba_measure_softmax(struct measure *measure, const struct nba_ranker *ranker,
                                    bool validation, struct nba_measured *ret_measured);
/* Loss = binary cross-entropy of the target and four sampled negatives; where the protocol is
 * SAMPLED only sampled negatives are ranked. */
enum nba_status nba_measure_binary(struct measure *measure, const struct nba_ranker *ranker,
                                   bool validation, struct nba_measured *ret_measured);

#endif
