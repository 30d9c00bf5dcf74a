/*
 * The counting models: what was touched together, and what came after what.  Each is a matrix B of
 * weights from a content that was touched to one that may come next, served and judged in one form,
 * nba/model/neighbours.h:
 *
 *   EASE    G = X'X + lambda I, P = G^-1:  B[i][j] = -P[i][j] / P[j][j], B[j][j] = 0
 *           (H. Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019); dense
 *   KNN     s(i, j) = both / (sqrt(users of i) sqrt(users of j) + shrink): B[i][j] = s(i, j) where
 *           i is among the k most similar to j, ties to the lower index, else 0
 *           (B. Sarwar et al., "Item-based collaborative filtering", WWW 2001); sparse
 *   RULES   sequential rules: B[i][j] = sum of 1 / d over the times that j came d touches after i,
 *           d <= window (M. Ludewig, D. Jannach, "Evaluation of session-based recommendation
 *           algorithms", UMUAI 28, 2018); sparse
 *
 * X is nba/train/cooccurrence.h's.  Where a data set has no order, decay is 1 and `last` is no
 * limit, and RULES can't be counted.  The prior of RULES is 0.001 users of j / users of the most
 * popular: it orders what no rule names.  That of the others is 0.
 *
 * ASSET WEIGHTS.  B[.][j] and the prior of j are multiplied by content j's weight: a content of
 * more weight ranks higher wherever its score is above 0.
 *
 * CHOICE.  Options that are 0 are chosen on validation, by NDCG@10 under the protocol that the data
 * set is judged by, each from a short list: EASE's lambda, KNN's k, and the decay of all three.
 *
 * COST.  KNN: half of the sum over users of (contents of a user)^2; RULES: touches x window; EASE:
 * that of KNN and N^3, and 4 N^2 bytes.
 * OWNERSHIP.  Borrows; all that is made lies in `pool`.  THREADS.  One.
 */
#ifndef NBA_TRAIN_ITEM_ITEM_H
#define NBA_TRAIN_ITEM_ITEM_H

#include "nba/model/neighbours.h"
#include "nba/train/ranking.h"

/* A dense square of them is 256 MiB, half of what a release may hold. */
#define NBA_EASE_CONTENTS_MAX 8192u

enum nba_item_item {
    NBA_ITEM_ITEM_EASE,
    NBA_ITEM_ITEM_KNN,
    NBA_ITEM_ITEM_RULES,
    NBA_ITEM_ITEM_COUNT
};

struct nba_item_item_options {
    double lambda;        /* EASE; 0: chosen */
    uint32_t neighbours;  /* KNN's k; 0: chosen */
    double shrink;        /* KNN */
    uint32_t window;      /* RULES */
    uint32_t last;        /* touches that are scored from, at least 1 */
    double decay;         /* at most 1; 0: chosen */
    const float *weights; /* (content_count) asset weights; NULL: all 1 */
};

/* What is chosen on validation, and the rest as published. */
struct nba_item_item_options nba_item_item_options(enum nba_item_item kind);

/* Gives options that are 0 a value, learning from what trains and looking at validation, with what
 * a window of `window_events` shows (nba/train/models.h). */
NBA_MUST_USE
enum nba_status nba_item_item_choose(enum nba_item_item kind, const struct nba_dataset *dataset,
                                     const struct nba_split *split, uint32_t window_events,
                                     struct nba_item_item_options *options,
                                     struct nba_error *error);

/* Counts over the users' positions [0, train_count); no option is to be chosen.  NBA_E_LIMIT: EASE
 * of more than NBA_EASE_CONTENTS_MAX contents; NBA_E_SHAPE: RULES of a data set without order;
 * NBA_E_NON_FINITE: EASE whose lambda is too small for an inverse. */
NBA_MUST_USE
enum nba_status nba_item_item_count(enum nba_item_item kind, const struct nba_dataset *dataset,
                                    const uint32_t *train_count,
                                    const struct nba_item_item_options *options,
                                    struct nba_arena *pool, struct nba_neighbours *ret_neighbours,
                                    struct nba_error *error);

#endif
