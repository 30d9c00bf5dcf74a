/*
 * The one frame every model is trained in: epochs, batches, Adam, averaging, validation, early
 * stopping, the best kept, and one line an epoch.  A model brings what differs (struct
 * nba_learner): how its batches are cut, their forward and backward pass, and its scores.
 *
 *   for each epoch:  a batch at a time: gradients, a step; then judge both parts, report one line
 *   the parameters of the epoch with the best validation NDCG@10 are kept and come back at the end
 *   stop after `patience` epochs without a better one, at `epochs` or on interruption
 *
 * JUDGING.  NDCG@10 and the loss on a sample of training positions and on the validation queries,
 * the same ones every epoch.  The loss is the softmax's cross-entropy over all contents, or (binary
 * models) that of the target and four negatives; binary models are slow over all contents and are
 * asked fewer queries.
 *
 * AVERAGING.  What is judged, kept and released is then not the last step's weights but their
 * exponential average over about `average_epochs` epochs of steps (B. Polyak, A. Juditsky, SIAM J.
 * Control and Optimization 30(4), 1992): with small batches the steps' noise would decide which
 * epoch is best.
 *
 * INTERRUPTION.  `interrupted` is read between batches; when it is set the epoch ends where it is
 * and the best so far is kept (the present parameters if there is none yet).
 * NaN.  A loss or gradient that isn't finite stops training with NBA_E_NON_FINITE and names the
 * step; the best so far is kept when there is one.
 *
 * The same data set, options and seed on the same machine give the same weights.
 * OWNERSHIP.  A learner borrows data set and split and is freed by nba_parameters_destroy.
 * THREADS.  One.
 */
#ifndef NBA_TRAIN_TRAINER_H
#define NBA_TRAIN_TRAINER_H

#include <signal.h>

#include "nba/base/buf.h"
#include "nba/base/clock.h"
#include "nba/train/parameter.h"
#include "nba/train/ranking.h"

/* More epochs than this have never paid; each leaves a line of history. */
#define NBA_EPOCHS_MAX 1000u

/* One line: how an epoch went. */
struct nba_epoch {
    const char *model; /* "lstm", "ncf" */
    uint32_t epoch;    /* from 1 */
    uint32_t epochs;   /* at most */
    double loss, validation_loss;
    double metric, validation_metric; /* NDCG@10 */
    double seconds;                   /* of this epoch */
    double seconds_left;              /* to the last epoch at most */
    bool best;
};
/* Called after every epoch, and with a line for every model that was
 * counted or left out (NULL: not). */
struct nba_progress {
    void (*epoch)(void *context, const struct nba_epoch *epoch);
    void (*note)(void *context, const char *line);
    void *context;
    const volatile sig_atomic_t *interrupted; /* NULL: never */
    const struct nba_clock *clock;
};
/* The line that `nba train` prints, without its end: "lstm epoch 3/40 loss 5.81 ...". */
void nba_epoch_print(const struct nba_epoch *epoch, struct nba_buf *text);

bool nba_progress_interrupted(const struct nba_progress *progress);

/* What all models are trained by. */
struct nba_fit_options {
    uint32_t window_events; /* W */
    uint32_t batch;         /* LSTM: sequences; NCF: positives */
    double rate, dropout;
    double decay, clip;    /* 0: none */
    double average_epochs; /* how far back the judged weights average; 0: not at all */
    uint32_t epochs;
    uint32_t patience; /* epochs without a better one; 0: no early stopping, the last is kept */
    uint64_t seed;
};

/* Batch, epochs and window are in range; learners assert it.  NBA_E_SHAPE. */
NBA_MUST_USE
enum nba_status nba_fit_options_check(const struct nba_fit_options *options, const char *model,
                                      uint32_t batch_min, uint32_t batch_max,
                                      struct nba_error *error);

/* A model as the trainer sees it; every function takes `model`. */
struct nba_learner {
    const char *name;
    uint32_t salt; /* of the trainer's chance, so that models with one seed differ */
    bool binary;   /* one probability a content in place of a softmax over all */
    void *model;
    struct nba_parameters *parameters; /* the learner's own, with its memory */
    /* Shuffles; returns the end of the epoch. */
    size_t (*begin)(void *model, struct nba_rng *rng);
    /* The batch from *at on: adds the gradients of the mean loss, moves *at behind it (to the end
     * at last), returns the summed loss and over how many targets. */
    double (*learn)(void *model, size_t *at, struct nba_rng *rng, size_t *ret_targets);
    /* Before scores are asked for, after parameters changed; NULL: nothing to prepare. */
    void (*prepare)(void *model);
    struct nba_ranker ranker; /* its context is the learner's own */
    struct nba_ranker served; /* the same on the anchored window, as it would be served */
};

struct nba_learned {
    uint32_t epochs_run;
    uint32_t best_epoch; /* 0: none finished */
    double best_metric;
    double seconds;
    bool interrupted;
    struct nba_epoch history[NBA_EPOCHS_MAX];
};

/* Trains the learner, whose parameters' pool takes what is needed beside them.  *ret_learned is
 * filled also on failure, with what had been done until then.  NBA_E_NON_FINITE. */
NBA_MUST_USE
enum nba_status nba_trainer_run(const struct nba_learner *learner,
                                const struct nba_dataset *dataset, const struct nba_split *split,
                                const struct nba_fit_options *options,
                                const struct nba_progress *progress,
                                struct nba_learned *ret_learned, struct nba_error *error);

/* The history as a JSON array. */
void nba_learned_print_json(const struct nba_learned *learned, struct nba_buf *text);

#endif
