/*
 * Which contents share users, counted over the training positions.
 *
 *   X (users, N)   1 where a user touched a content, however often
 *   row i of X' X  how many users touched both i and each content; itself: how many touched i
 *
 * A row at a time, so that N x N is nobody's memory unless he wants it: the users of i are walked
 * through, and each one's contents are counted, sum over users of (contents of a user)^2 for all.
 *
 * OWNERSHIP.  All lies in `pool`.  THREADS.  Immutable.
 */
#ifndef NBA_TRAIN_COOCCURRENCE_H
#define NBA_TRAIN_COOCCURRENCE_H

#include "nba/train/pool.h"
#include "nba/train/split.h"

/* User u's contents are contents[user_from[u] .. user_from[u + 1]), content i's users
 * users[content_from[i] .. content_from[i + 1]) ascending; both without repeats. */
struct nba_cooccurrence {
    uint32_t content_count;
    size_t *user_from, *content_from;
    uint32_t *contents, *users;
};

/* Users' positions [0, train_count) count. */
struct nba_cooccurrence nba_cooccurrence(const struct nba_dataset *dataset,
                                         const uint32_t *train_count, struct nba_arena *pool);
/* ret_row (content_count) */
void nba_cooccurrence_row(const struct nba_cooccurrence *counts, uint32_t content, float *ret_row);

#endif
