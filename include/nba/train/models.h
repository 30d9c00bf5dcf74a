/*
 * The models that can be trained, a row each: what `--only` and the configuration call it, as which
 * member of the fusion it serves, and how it is fitted.
 *
 * By gradients a row brings a learner (nba/train/trainer.h).  By counting it brings the numbers of
 * a struct nba_neighbours in one pass over what trains; it is fitted again on train + validation
 * before the test part is judged, as popularity is (learning.md section 3).
 *
 * A row without a member is trained to be compared and stands in no release.
 *
 * To add one: its constant here, a row in models.c, its options in struct nba_train_config.
 */
#ifndef NBA_TRAIN_MODELS_H
#define NBA_TRAIN_MODELS_H

#include "nba/model/neighbours.h"
#include "nba/release/release.h"
#include "nba/train/report.h"
#include "nba/train/trainer.h"

/* Members first, in the order of the fusion. */
enum nba_model_kind {
    NBA_MODEL_LSTM,
    NBA_MODEL_NCF,
    NBA_MODEL_EASE,
    NBA_MODEL_KNN,
    NBA_MODEL_RULES,
    NBA_MODEL_NCF_USERS,
    NBA_MODEL_COUNT
};

struct nba_train_config;

struct nba_model {
    const char *name;
    enum nba_fusion_member member; /* NBA_MEMBER_COUNT: none, it is compared only */
    bool by_order;                 /* nothing to learn where sequences have no order */
    uint32_t contents_max;         /* not learned of more; 0: no limit of its own */
    /* Options that can't be trained or served by; NULL: there are none. */
    enum nba_status (*check)(const struct nba_train_config *config,
                             const struct nba_dataset *dataset, struct nba_error *error);
    /* By gradients: its options in a configuration, and its learner; NULL: by counting. */
    struct nba_fit_options *(*options)(struct nba_train_config *config);
    enum nba_status (*learner)(const struct nba_train_config *config,
                               const struct nba_dataset *dataset, const struct nba_split *split,
                               struct nba_learner *ret_learner, struct nba_error *error);
    /* The form it serves in, and what that costs, into `report`; NULL: the one it learns in. */
    void (*round)(const struct nba_learner *learner, const struct nba_dataset *dataset,
                  const struct nba_split *split, struct nba_report *report);
    /* By counting: arrays in `pool`.  What it chooses on validation it leaves in `config`, where a
     * refit (split->train_count has grown) finds it. */
    enum nba_status (*count)(struct nba_train_config *config, const struct nba_dataset *dataset,
                             const struct nba_split *split, struct nba_arena *pool,
                             struct nba_neighbours *ret_neighbours, struct nba_error *error);
};
extern const struct nba_model nba_models[NBA_MODEL_COUNT];

/* False where the data set can't teach the model, which is said. */
bool nba_model_can_learn(const struct nba_model *model, const struct nba_dataset *dataset,
                         const struct nba_progress *progress);

/* "lstm,ncf" into flags.  NBA_E_USAGE. */
NBA_MUST_USE
enum nba_status nba_models_named(const char *list, bool ret_wanted[NBA_MODEL_COUNT],
                                 struct nba_error *error);

/*
 * A counting model over a data set.  As a member it sees what serving sees, the anchored window of
 * `window_events` (nba/train/window.h); 0, and data sets without order: all that came before.
 */
struct nba_counted {
    struct nba_neighbours neighbours;
    const struct nba_dataset *dataset;
    uint32_t window_events;
};
struct nba_ranker nba_counted_ranker(struct nba_counted *counted, const char *name);

#endif
