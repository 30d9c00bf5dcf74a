/*
 * Association rules: contents that are touched in one sitting, {A, B} -> C.
 *
 *   transaction  the contents of a user's session, which ends where more than `gap_ms` pass without
 *                an engagement; of a data set without order, all contents of a user.  What
 *                a representative shows in a call is one session.
 *   support      share of the transactions that hold all of a set
 *   confidence   support of {A, B, C} / support of {A, B}
 *   lift         confidence / support of C: above 1, A and B make C likelier
 *   coverage     share of the contents that some rule leads to
 *
 * Frequent sets are found by FP-growth (J. Han, J. Pei, Y. Yin, "Mining frequent patterns without
 * candidate generation", SIGMOD 2000).
 *
 * OWNERSHIP.  The list is the caller's to free.  THREADS.  One.
 */
#ifndef NBA_TRAIN_ASSOCIATION_H
#define NBA_TRAIN_ASSOCIATION_H

#include "nba/train/dataset.h"

/* Half an hour, as the session of the web is usually cut. */
#define NBA_SESSION_GAP_MS 1800000
/* Contents of a rule, both sides together. */
#define NBA_ASSOCIATION_ITEMS_MAX 4u
/* More frequent sets than this are nobody's to read: ask for more support. */
#define NBA_ASSOCIATION_SETS_MAX 2000000u

struct nba_association_options {
    double support;     /* at least this share, above 0 */
    double confidence;  /* at least */
    int64_t gap_ms;     /* NBA_SESSION_GAP_MS */
    uint32_t items_max; /* 2 .. NBA_ASSOCIATION_ITEMS_MAX */
};

struct nba_association {
    uint32_t if_count;
    uint32_t if_contents[NBA_ASSOCIATION_ITEMS_MAX - 1]; /* ascending */
    uint32_t then_content;
    uint32_t count; /* transactions that hold all of it */
    double support, confidence, lift;
};

/* By descending lift, then support, then contents. */
struct nba_associations {
    struct nba_association *items;
    size_t count;
    size_t transactions, sets; /* frequent ones */
    double coverage;
};

/* NBA_E_LIMIT: more than NBA_ASSOCIATION_SETS_MAX frequent sets. */
NBA_MUST_USE
enum nba_status nba_associations_find(const struct nba_dataset *dataset,
                                      const struct nba_association_options *options,
                                      struct nba_associations *ret_associations,
                                      struct nba_error *error);

#endif
