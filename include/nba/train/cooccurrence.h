/*
 * Which contents share users, counted over the training positions.
 *
 *   X (users, N)    1 where a user touched a content, however often
 *   X' X [i][j]     how many users touched both i and j; [i][i]: how many touched i
 *
 * Symmetric, so a row counts only what stands right of the diagonal; one at a time, so that N x N
 * is nobody's memory unless he wants it.  The users of i are walked through, and of each the
 * contents above i: half of the sum over users of (contents of a user)^2 for all rows.
 *
 * OWNERSHIP.  All lies in `pool`.  THREADS.  Immutable.
 */
#ifndef NBA_TRAIN_COOCCURRENCE_H
#define NBA_TRAIN_COOCCURRENCE_H

#include "nba/train/pool.h"
#include "nba/train/split.h"

struct nba_cooccurrence {
    uint32_t content_count;
    uint32_t *contents;   /* each user's, ascending, without repeats, then UINT32_MAX */
    size_t *content_from; /* content i stands at contents[places[content_from[i] ..
                             content_from[i + 1])] */
    uint32_t *places;
};

/* Users' positions [0, train_count) count. */
struct nba_cooccurrence nba_cooccurrence(const struct nba_dataset *dataset,
                                         const uint32_t *train_count, struct nba_arena *pool);
/* How many users touched `content`. */
size_t nba_cooccurrence_users(const struct nba_cooccurrence *counts, uint32_t content);
/* ret_row[k] for k above `content` is set, others aren't touched. */
void nba_cooccurrence_row(const struct nba_cooccurrence *counts, uint32_t content, float *ret_row);

#endif
