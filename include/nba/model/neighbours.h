/*
 * Item-item models that serve: what the newest contents of a window say of every other one.
 *
 *   score[k] = prior[k] + sum over a = 0 .. last - 1 of decay^a B[i_a][k]
 *
 * where i_0 is the content of the window's newest event, i_1 that of the one before it, and so on
 * to the window's oldest.  One form for three members; they differ in what B holds (nba/train):
 *
 *   EASE    H. Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019: B from the
 *           inverse of the item-item Gram matrix.
 *   kNN     B. Sarwar et al., "Item-based Collaborative Filtering Recommendation Algorithms",
 *           WWW 2001: the nearest neighbours' similarities, shrunk.
 *   rules   sequential rules (M. Ludewig, D. Jannach, "Evaluation of Session-based Recommendation
 *           Algorithms", UMUAI 28, 2018): weighted counts of what followed what.
 *
 * The decay makes a history of any length a window: recency is worth more than depth.  A content
 * that is not in the vocabulary says nothing; its event still makes the older ones older.
 *
 * SHAPES.  N contents; B (N, N), row i what content i says.  Dense, or sparse by rows (CSR): row i
 * is the entries offsets[i] .. offsets[i + 1] - 1, `columns` strictly ascending within a row.  Both
 * storages of the same numbers give the same scores.
 *
 * COST.  Dense N multiply-adds an event of the window, sparse as many as its row has entries; no
 * state but the window.
 *
 * BIT FOR BIT.  Each score is one chain, newest event first, product and sum each rounded; weights
 * are decay multiplied on, event by event.  The same on every machine.
 *
 * OWNERSHIP.  Plain data that borrows its arrays (of a release, or of training's pool).
 * THREADS.  Pure.
 */
#ifndef NBA_MODEL_NEIGHBOURS_H
#define NBA_MODEL_NEIGHBOURS_H

#include <stddef.h>
#include <stdint.h>

#include "nba/base/hash_index.h"
#include "nba/base/status.h"

/* Not in the vocabulary: passed over in a window. */
#define NBA_NEIGHBOURS_UNKNOWN NBA_HASH_INDEX_NONE

struct nba_neighbours {
    uint32_t contents;       /* N, 1..NBA_CONTENTS_MAX */
    uint32_t entries;        /* of `values`: N^2 when dense */
    uint32_t last;           /* the newest events that count, from 1 on; UINT32_MAX: all */
    float decay;             /* above 0, at most 1 */
    const float *values;     /* (entries) */
    const uint32_t *offsets; /* (N + 1) from 0 up to `entries`; NULL: dense */
    const uint32_t *columns; /* (entries) each < N; NULL: dense */
    const float *prior;      /* (N) */
};

/* Sizes in their limits, rows that lie one behind the other, columns ascending.  `name` begins the
 * message.  NBA_E_SHAPE. */
NBA_MUST_USE
enum nba_status nba_neighbours_check(const struct nba_neighbours *neighbours, const char *name,
                                     struct nba_error *error);

/* Scores of all N contents after a window of `count` contents, oldest first. */
void nba_neighbours_scores(const struct nba_neighbours *neighbours, const uint32_t *contents,
                           size_t count, float *ret_scores);

#endif
