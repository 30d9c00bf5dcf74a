/*
 * What is learned from, what is chosen by, what is judged by - and nothing from the future.
 *
 * A QUERY asks for content `position` of a user's sequence, given those before it.
 *
 * nba_split_by_time   all positions before the first moment train, those before the second are
 *                     validation queries, the rest test queries.  The moments are quantiles of the
 *                     engaged touches' times.
 * nba_split_last_two  leave-one-out: of users with at least three, the last is the test, the one
 *                     before it validation, the rest trains; other users train whole.
 * nba_split_fixed     data sets that name each user's test content themselves (fixed_test): the
 *                     sequence trains, less one position in users with at least two, drawn by
 *                     seed, which is moved to the end and is the validation; test queries stand
 *                     one past the end.
 *
 * Users' positions [0, train_count) train.  OWNERSHIP.  All lies in `pool`.
 */
#ifndef NBA_TRAIN_SPLIT_H
#define NBA_TRAIN_SPLIT_H

#include "nba/train/dataset.h"
#include "nba/train/pool.h"

struct nba_query {
    uint32_t user;
    uint32_t position;
};

struct nba_split {
    uint32_t *train_count; /* (user_count) */
    struct nba_query *validation;
    size_t validation_count;
    struct nba_query *test;
    size_t test_count;
    bool by_time;
    int64_t validation_from_ms, test_from_ms; /* by time only */
};

/* `train` + `validation` <= 1 are shares of the engaged touches; 1: no test part. */
struct nba_split nba_split_by_time(const struct nba_dataset *dataset, struct nba_arena *pool,
                                   double train, double validation);
struct nba_split nba_split_last_two(const struct nba_dataset *dataset, struct nba_arena *pool);
/* Reorders sequences inside `dataset`. */
struct nba_split nba_split_fixed(struct nba_dataset *dataset, struct nba_arena *pool,
                                 uint64_t seed);

/* Keeps every k-th of `queries` so that at most `most` are left; returns how many. */
size_t nba_split_thin(struct nba_query *queries, size_t count, size_t most);

#endif
