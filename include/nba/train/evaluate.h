/*
 * Judging: the one entry for `nba evaluate`.
 *
 *   with a release   prequential over `dataset`: every engagement from `from_ms` on is ranked among
 *                    all contents existing then, before it enters the state; members lstm, ncf,
 *                    fusion and popularity, by the weights and kernels that serve; and AUC and log
 *                    loss of P over the touches from then on
 *   without one      trains by `train` (learn, choose on validation) and judges on the data set's
 *                    test part: leave-one-out full and with 100 sampled negatives, or the data
 *                    set's fixed negatives, or prequential after a split by time
 */
#ifndef NBA_TRAIN_EVALUATE_H
#define NBA_TRAIN_EVALUATE_H

#include "nba/train/train.h"

struct nba_evaluate_config {
    struct nba_release *release;   /* NULL: train first; loaded with kernels */
    int64_t from_ms;               /* with a release; INT64_MIN: from the first on */
    struct nba_train_config train; /* without one */
};

NBA_MUST_USE
enum nba_status nba_evaluate_run(const struct nba_evaluate_config *config,
                                 struct nba_dataset *dataset, const struct nba_progress *progress,
                                 struct nba_report *ret_report, struct nba_error *error);

/* Members as rankers over a data set, as the release serves them.  Contents and specialties are
 * matched by name; contents that the release doesn't know score -infinity. */
/* Its fusion's ranker is nba_members_fusion_ranker of these.  They lie in `pool` and borrow release
 * and data set. */
struct nba_members *nba_served_members(struct nba_release *release,
                                       const struct nba_dataset *dataset, struct nba_arena *pool);

#endif
