/*
 * The LSTM that serves: which content an HCP may engage with next, one O(1) step an event.
 *
 * EQUATIONS.  Two stacked cells over the contents c_1, c_2, ... of an HCP's window; per layer
 *
 *   i = sigm(W_i [x; h] + b_i)     f = sigm(W_f [x; h] + b_f)
 *   g = tanh(W_g [x; h] + b_g)     o = sigm(W_o [x; h] + b_o)
 *   c' = f * c + i * g             h' = o * tanh(c')
 *
 * with x = E[content] in layer 1 and x = h1' in layer 2; the scores are tied to the embedding:
 *
 *   score[n] = b[n] + E[n] . h2'          so H2 = the width of E
 *   P(next = n) = softmax(score)[n]
 *
 * A content the model doesn't know (NBA_LSTM_UNKNOWN) is passed over: the state stays.
 *
 * Sources: S. Hochreiter, J. Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997;
 * F. Gers et al., "Learning to Forget", 2000 (forget gate); B. Hidasi et al., "Session-based
 * Recommendations with Recurrent Neural Networks", ICLR 2016; O. Press, L. Wolf, "Using the Output
 * Embedding to Improve Language Models", EACL 2017 (tied softmax).
 *
 * SHAPES.  N contents, D = width of E, H1, H2 = D; usual 64 -> 128 -> 64.  Weights are row-major
 * with inputs as rows, gates stacked i f g o in the columns:
 *
 *   embedding (N, D)          w1 (D + H1, 4 H1), input rows first, then recurrent     b1 (4 H1)
 *   out_bias (N)              w2 (H1 + H2, 4 H2)                                      b2 (4 H2)
 *
 * PyTorch's weight_ih_l0 | weight_hh_l0 side by side and transposed; its two biases summed.
 * State of one HCP: floats [h1 | c1 | h2 | c2], 2 H1 + 2 H2 of them, all zero = nothing seen.
 *
 * BIT FOR BIT.  Every function gives the same bits for every batch size, row and instruction set
 * (nba/linalg/kernels.h).  A window re-run equals the steps it stands for.
 *
 * OWNERSHIP.  nba_lstm_create copies and packs: the weights may go afterwards.
 * THREADS.  A created model is immutable: any number of threads, each with its own states.
 */
#ifndef NBA_MODEL_LSTM_H
#define NBA_MODEL_LSTM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nba/base/hash_index.h"
#include "nba/base/status.h"
#include "nba/linalg/kernels.h"

/* Widest layer: scratch for a tile of rows lives on the stack (4 rows of 6 x 512 floats). */
#define NBA_LSTM_WIDTH_MAX 512u
/* Not in the vocabulary. */
#define NBA_LSTM_UNKNOWN NBA_HASH_INDEX_NONE

struct nba_lstm_shape {
    uint32_t contents; /* N, 1..NBA_CONTENTS_MAX */
    uint32_t width;    /* D = H2, a multiple of 16 */
    uint32_t hidden_1; /* H1, a multiple of 16 */
    uint32_t hidden_2; /* H2 */
};

struct nba_lstm_weights {
    struct nba_lstm_shape shape;
    const float *embedding; /* (N, D) */
    const float *w1;        /* (D + H1, 4 H1) */
    const float *b1;        /* (4 H1) */
    const float *w2;        /* (H1 + H2, 4 H2) */
    const float *b2;        /* (4 H2) */
    const float *out_bias;  /* (N) */
    bool bf16;              /* what every event reads is kept as bfloat16 (nba/linalg/kernels.h) */
};

struct nba_lstm;

/* NBA_E_SHAPE with the rule that is broken, or NBA_OK. */
NBA_MUST_USE
enum nba_status nba_lstm_shape_check(struct nba_lstm_shape shape, struct nba_error *error);

/* Packs the weights for `kernels`.  The shape must be valid (asserted), every value finite.
 * NBA_E_NO_MEMORY. */
NBA_MUST_USE
enum nba_status nba_lstm_create(const struct nba_lstm_weights *weights,
                                const struct nba_kernels *kernels, struct nba_lstm **ret_lstm,
                                struct nba_error *error);
void nba_lstm_destroy(struct nba_lstm *lstm);

struct nba_lstm_shape nba_lstm_shape(const struct nba_lstm *lstm);
/* Floats of one HCP's state: 2 H1 + 2 H2. */
size_t nba_lstm_state_floats(const struct nba_lstm *lstm);
/* Floats of one row of scores: N rounded up to a multiple of 16. */
size_t nba_lstm_score_floats(const struct nba_lstm *lstm);

/* One event each of `count` different HCPs: states[i] takes in contents[i]. */
void nba_lstm_step(const struct nba_lstm *lstm, const uint32_t *contents, float *const *states,
                   size_t count);

/* A window to be run from the zero state. */
struct nba_lstm_window {
    const uint32_t *contents; /* oldest first */
    uint32_t count;
    float *state; /* result */
};
/* Runs windows of any lengths side by side, which is what makes a re-run cheap: the t-th step of
 * all of them is one batch. */
void nba_lstm_run(const struct nba_lstm *lstm, const struct nba_lstm_window *windows, size_t count);

/* Scores of all contents for `count` states; row i starts at scores + i * nba_lstm_score_floats;
 * what lies beyond N in a row is -infinity. */
void nba_lstm_scores(const struct nba_lstm *lstm, const float *const *states, size_t count,
                     float *ret_scores);

/* What a state ranks first. */
struct nba_lstm_ranking {
    const float *state;
    const bool *skip;       /* (N) contents to leave out; NULL: none */
    uint32_t *ret_contents; /* (k) best first, ties by the lower index */
    size_t ret_count;       /* min(k, contents left in) */
};
/* The k best contents for each state, k <= NBA_TOP_MAX: the scores of nba_lstm_scores, ranked as
 * they leave the tile, 1,024 at a time, so that no row of them is ever written to memory. */
void nba_lstm_rank(const struct nba_lstm *lstm, struct nba_lstm_ranking *rankings, size_t count,
                   size_t k);

#endif
