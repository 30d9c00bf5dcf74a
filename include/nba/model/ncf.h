/*
 * NCF that serves: neural collaborative filtering (NeuMF) whose user vector is folded in.
 *
 * EQUATIONS.  For an HCP of segment s whose window holds the known contents j_1 .. j_n:
 *
 *   p = prior[s] + 1 / sqrt(n) * (history[j_1] + ... + history[j_n])     p = prior[s] when n = 0
 *       p = [p_gmf (D) | p_mlp (D)]
 *   gmf = p_gmf * q_gmf[i]                                               elementwise, (D)
 *   z1 = relu(W1 [p_mlp; q_mlp[i]] + b1)      (M1)
 *   z2 = relu(W2 z1 + b2)                     (M2)
 *   z3 = relu(W3 z2 + b3)                     (M3)
 *   score[i] = w_out . [gmf; z3] + b_out      the log-odds of an engagement with content i
 *
 * The user vector is a pure function of segment and window: no per-HCP parameter exists, so a
 * release holds none and a new HCP needs no training.  Segment 0 is everyone (specialty unknown).
 * When training on an HCP's own past, the target's row is left out of the sum (FISM's rule).
 *
 * Sources: X. He et al., "Neural Collaborative Filtering", WWW 2017 (GMF, MLP, NeuMF);
 * S. Kabbur, X. Ning, G. Karypis, "FISM: Factored Item Similarity Models", KDD 2013, and
 * Y. Koren, "Factorization Meets the Neighborhood", KDD 2008 (asymmetric SVD): the folded-in user.
 *
 * SHAPES.  N contents, G segments, D = width of each half, M1-M2-M3 (usual D = 64, 128-64-32);
 * matrices row-major with inputs as rows, the user's half of w1 first:
 *
 *   item_gmf (N, D)   item_mlp (N, D)   history (N, 2 D)   prior (G, 2 D)
 *   w1 (2 D, M1)  b1 (M1)   w2 (M1, M2)  b2 (M2)   w3 (M2, M3)  b3 (M3)   w_out (D + M3)  b_out (1)
 *
 * COST.  The item's half of layer 1 (b1 + W1_item q_mlp[i]) is computed once, at creation; the
 * user's half once an event; what is left for a candidate is M1 M2 + M2 M3 + 2 D multiply-adds.
 *
 * BIT FOR BIT.  The sum over the window runs in the window's order; everything else as in
 * nba/linalg/kernels.h: equal for every batch size, order of candidates and instruction set.
 *
 * OWNERSHIP.  nba_ncf_create copies and packs: the weights may go afterwards.
 * THREADS.  A created model is immutable: any number of threads.
 */
#ifndef NBA_MODEL_NCF_H
#define NBA_MODEL_NCF_H

#include <stddef.h>
#include <stdint.h>

#include "nba/base/hash_index.h"
#include "nba/base/status.h"
#include "nba/linalg/kernels.h"

/* Widest layer: scratch lives on the stack. */
#define NBA_NCF_WIDTH_MAX 512u
/* Segments: specialties of one release and "everyone". */
#define NBA_NCF_SEGMENTS_MAX 1025u
/* Not in the vocabulary; passed over in a window, not allowed as a candidate. */
#define NBA_NCF_UNKNOWN NBA_HASH_INDEX_NONE

struct nba_ncf_shape {
    uint32_t contents; /* N, 1..NBA_CONTENTS_MAX */
    uint32_t segments; /* G, 1..NBA_NCF_SEGMENTS_MAX */
    uint32_t width;    /* D, a multiple of 16 */
    uint32_t layer_1;  /* M1, M2, M3: multiples of 16 */
    uint32_t layer_2;
    uint32_t layer_3;
};

struct nba_ncf_weights {
    struct nba_ncf_shape shape;
    const float *item_gmf; /* (N, D) */
    const float *item_mlp; /* (N, D) */
    const float *history;  /* (N, 2 D) */
    const float *prior;    /* (G, 2 D) */
    const float *w1;       /* (2 D, M1), rows 0 .. D - 1 for the user, D .. 2 D - 1 for the item */
    const float *b1;
    const float *w2; /* (M1, M2) */
    const float *b2;
    const float *w3; /* (M2, M3) */
    const float *b3;
    const float *w_out; /* (D + M3), GMF's part first */
    const float *b_out; /* (1) */
};

struct nba_ncf;

/* NBA_E_SHAPE with the rule that is broken, or NBA_OK. */
NBA_MUST_USE
enum nba_status nba_ncf_shape_check(struct nba_ncf_shape shape, struct nba_error *error);

/* Packs the weights for `kernels`.  The shape must be valid (asserted), every value finite.
 * NBA_E_NO_MEMORY. */
NBA_MUST_USE
enum nba_status nba_ncf_create(const struct nba_ncf_weights *weights,
                               const struct nba_kernels *kernels, struct nba_ncf **ret_ncf,
                               struct nba_error *error);
void nba_ncf_destroy(struct nba_ncf *ncf);

struct nba_ncf_shape nba_ncf_shape(const struct nba_ncf *ncf);
/* Floats of a user vector: 2 D. */
size_t nba_ncf_user_floats(const struct nba_ncf *ncf);

/* The user vector of `segment` (< G) and a window of contents, oldest first. */
void nba_ncf_fold_in(const struct nba_ncf *ncf, uint32_t segment, const uint32_t *contents,
                     size_t count, float *ret_user);

/* Scores (log-odds) of `count` contents, each < N, for one user vector. */
void nba_ncf_scores(const struct nba_ncf *ncf, const float *user, const uint32_t *contents,
                    size_t count, float *ret_scores);

#endif
