/*
 * The loop every model is trained by: epochs, validation, early stopping, the best kept.
 *
 *   for each epoch:  learn over the training part, measure both parts, report one line
 *   the parameters of the epoch with the best validation NDCG@10 are kept and come back at the end
 *   stop after `patience` epochs without a better one, at `epochs` or on interruption
 *
 * INTERRUPTION.  `interrupted` is read between batches; when it is set the epoch ends where it is
 * and the best so far is kept (the present parameters if there is none yet).
 * NaN.  A loss or gradient that isn't finite stops training with NBA_E_NON_FINITE and names the
 * step; the best so far is kept when there is one.
 */
#ifndef NBA_TRAIN_LEARNER_H
#define NBA_TRAIN_LEARNER_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nba/base/buf.h"
#include "nba/base/clock.h"
#include "nba/base/status.h"

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
/* Called after every epoch. */
struct nba_progress {
    void (*epoch)(void *context, const struct nba_epoch *epoch);
    void *context;
    const volatile sig_atomic_t *interrupted; /* NULL: never */
    const struct nba_clock *clock;
};
/* The line that `nba train` prints, without its end: "lstm epoch 3/40 loss 5.81 ...". */
void nba_epoch_print(const struct nba_epoch *epoch, struct nba_buf *text);

bool nba_progress_interrupted(const struct nba_progress *progress);

struct nba_measured {
    double loss, metric;
};

/* A model as the loop sees it.  `learn` runs one epoch and may return NBA_E_NON_FINITE (with the
 * step in *ret_step), NBA_E_INTERRUPTED or NBA_OK; `measure` judges it on training (false) or
 * validation queries (true). */
struct nba_learner {
    const char *model;
    void *context;
    enum nba_status (*learn)(void *context, uint32_t epoch, double *ret_loss, uint64_t *ret_step);
    enum nba_status (*measure)(void *context, bool validation, struct nba_measured *ret_measured);
    void (*keep)(void *context);
    void (*recall)(void *context);
};

struct nba_learner_options {
    uint32_t epochs;
    uint32_t patience; /* epochs without a better one; 0: no early stopping, the last is kept */
};

struct nba_learned {
    uint32_t epochs_run;
    uint32_t best_epoch; /* 0: none finished */
    double best_metric;
    double seconds;
    bool interrupted;
    struct nba_epoch history[NBA_EPOCHS_MAX];
};

/* Runs the loop; *ret_learned is filled also on failure, with what had been done until then.
 * NBA_E_NON_FINITE, NBA_E_NO_MEMORY. */
NBA_MUST_USE
enum nba_status nba_learner_run(const struct nba_learner *learner,
                                const struct nba_learner_options *options,
                                const struct nba_progress *progress,
                                struct nba_learned *ret_learned, struct nba_error *error);

/* The history as a JSON array. */
void nba_learned_print_json(const struct nba_learned *learned, struct nba_buf *text);

#endif
