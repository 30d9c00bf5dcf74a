/*
 * Training from a data set to a release: the one entry for `nba train`, and for the comparisons of
 * `nba evaluate` (nba/train/evaluate.h).
 *
 * ROAD.  Split -> popularity and the wanted models (early stopping on validation) -> fusion weights
 * and calibration on validation -> what is counted, counted again with validation -> figures on the
 * test part (on validation without one) -> refit on all data but the test part, as many epochs as
 * were best -> release.  Beside a champion the gate (nba/train/gate.h) says whether it may be
 * replaced; the release is written either way.
 *
 * SEEDED.  The same data set, configuration, library and machine give the same release id.
 * INTERRUPTION.  After the interrupt flag is set the model in training stops with its best so far,
 * the next ones are trained for no epoch more than it takes to have one, no refit is made, and a
 * release is still written: Ctrl-C loses nothing.
 *
 * MEMORY.  Data set + weights x 6 + buffers of one batch; 100 MB for 10,000 contents.
 * THREADS.  One; OpenBLAS is kept to one thread.
 */
#ifndef NBA_TRAIN_TRAIN_H
#define NBA_TRAIN_TRAIN_H

#include "nba/train/blend.h"
#include "nba/train/gate.h"
#include "nba/train/item_item.h"
#include "nba/train/lstm_learner.h"
#include "nba/train/models.h"
#include "nba/train/ncf_learner.h"
#include "nba/train/popularity.h"
#include "nba/train/report.h"

enum nba_split_kind {
    NBA_SPLIT_TIME,     /* what a live system needs */
    NBA_SPLIT_LAST_TWO, /* what papers compare with; data sets with a fixed test use that */
};

struct nba_train_config {
    enum nba_split_kind split;
    double train_share, validation_share; /* NBA_SPLIT_TIME; what is left is the test part */
    bool wanted[NBA_MODEL_COUNT];         /* which are trained, where the data set can teach them */
    bool refit;
    uint32_t window_events; /* W */
    uint64_t seed;
    struct nba_lstm_options lstm_options; /* window_events and seed are taken from above */
    struct nba_ncf_options ncf_options;
    struct nba_item_item_options item_item_options[NBA_ITEM_ITEM_COUNT]; /* weights: from below */
    const char *asset_weights; /* nba/train/asset_weights.h */
    struct nba_str parent;     /* id of the release that is replaced; empty: none */
    struct nba_release *init;  /* models start from its weights; NULL: from chance. By time only */
    struct nba_release *champion; /* for the gate, loaded with kernels; NULL: none */
    const char *engine_version;
};
struct nba_train_config nba_train_config(void); /* defaults: 0.9 and 0.1 by time, refit */

/* A training that was run; what is kept for the release lies behind it. */
struct nba_training {
    struct nba_report report;
    struct nba_gate gate; /* n is 0 where there was no champion */
    /* Did models start from `init`: not where less than NBA_GATE_QUERIES_MIN engagements are newer
     * than it, since validation is on what it hasn't seen. */
    bool warm;
    int64_t
        test_from_ms; /* INT64_MAX without a test part, INT64_MIN when the split is not by time */
};

/* Everything but the release.  `dataset` is borrowed until the training is destroyed (a data set
 * without order is shuffled by its split).  Errors: those of the trainers. */
NBA_MUST_USE
enum nba_status nba_training_run(const struct nba_train_config *config, struct nba_dataset *dataset,
                                 const struct nba_progress *progress,
                                 struct nba_training **ret_training, struct nba_error *error);
void nba_training_destroy(struct nba_training *training);

/* Writes the release below `folder`.  Errors of nba_release_write; NBA_E_NOT_FOUND when no member
 * but popularity was trained. */
NBA_MUST_USE
enum nba_status nba_training_release(const struct nba_training *training, const char *folder,
                                     char ret_id[NBA_RELEASE_ID_BYTES], struct nba_error *error);

/* Both: what `nba train` does.  ret_report may be NULL. */
NBA_MUST_USE
enum nba_status nba_train_run(const struct nba_train_config *config, struct nba_dataset *dataset,
                              const struct nba_progress *progress, const char *folder,
                              char ret_id[NBA_RELEASE_ID_BYTES], struct nba_report *ret_report,
                              struct nba_error *error);

#endif
