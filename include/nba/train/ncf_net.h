/*
 * NCF in training: NeuMF with a user vector that is folded in (as served, nba/model/ncf.h) or, to
 * compare with, learned per user.
 *
 *   folded   p = prior[s] + 1 / sqrt(n) * sum of history rows of the n contents of the context
 *   learned  p = prior[u], a row a user in place of a row a segment, and nothing folded in
 *   score    w_out . [p_gmf * q_gmf ; relu(W3 relu(W2 relu(W1 [p_mlp; q_mlp] + b1) + b2) + b3)]
 *            + b_out
 *   loss     mean over samples of  log(1 + exp(-score)) for what was engaged with,
 *                                  log(1 + exp(score)) for `negatives` drawn contents each
 *
 * CONTEXTS.  A group is one user's run of contents and the positions in it, side by side, that are
 * learned from.  Each position is one context: what is known when that content is the target,
 *   ordered    the contents before it (what serving sees)
 *   unordered  all the others of the run (S. Kabbur et al., KDD 2013: the target is left out)
 * and the target with its negatives share the context's user vector.  Running sums make a context
 * cost O(D), forwards and backwards.
 *
 * SHAPES.  C contexts, S = C (1 + negatives) samples; D half width, M1, M2, M3 layers as in
 * nba/model/ncf.h.  w1 (2 D, M1): the user's half is multiplied once a context, not once a sample.
 *
 * OWNERSHIP, THREADS.  As lstm_net.h.
 */
#ifndef NBA_TRAIN_NCF_NET_H
#define NBA_TRAIN_NCF_NET_H

#include "nba/model/ncf.h"
#include "nba/train/parameter.h"

struct nba_ncf_net_options {
    uint32_t contexts_max; /* in one batch */
    uint32_t negatives;    /* a context */
    bool learned;          /* the shape's segments are users */
    double dropout;        /* behind layers 1 and 2 */
    uint64_t seed;
};

struct nba_ncf_group {
    uint32_t segment;    /* or the user */
    const uint32_t *run; /* contents */
    uint32_t run_count;
    bool ordered;
    uint32_t first, count;     /* positions in the run */
    const uint32_t *negatives; /* (count, negatives) */
};

struct nba_ncf_net;

struct nba_ncf_net *nba_ncf_net_create(struct nba_parameters *all, struct nba_ncf_shape shape,
                                       struct nba_ncf_net_options options);

/* Forward and backward: gradients of the mean loss a sample are added.  The groups' positions
 * together are at most contexts_max (asserted).  Returns the summed loss; *ret_samples over how
 * many.  rng draws the dropout; NULL: none. */
double nba_ncf_net_learn(struct nba_ncf_net *net, const struct nba_ncf_group *groups, size_t count,
                         struct nba_rng *rng, size_t *ret_samples);

/* Before scoring, after the last change of a parameter: the item's half of layer 1. */
void nba_ncf_net_prepare(struct nba_ncf_net *net);
/* The user vector (2 D), folded in from a window; a learned one from nothing. */
void nba_ncf_net_fold_in(const struct nba_ncf_net *net, uint32_t segment, const uint32_t *contents,
                         size_t count, float *ret_user);
/* Scores of `count` contents; contents NULL: of all, in order. */
void nba_ncf_net_score(struct nba_ncf_net *net, const float *user, const uint32_t *contents,
                       size_t count, float *ret_scores);

/* Points into the net, in the layout of nba/model/ncf.h (folded nets only, asserted). */
struct nba_ncf_weights nba_ncf_net_weights(const struct nba_ncf_net *net);

#endif
