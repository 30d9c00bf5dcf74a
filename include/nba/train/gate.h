/*
 * The gate: may a challenger take the champion's place.
 *
 * Both rank the same engagements by their fusion, as they would serve; the figure is NDCG@10.  The
 * challenger passes unless it is worse by more than the champion's 95 % bootstrap interval: two
 * trainings on the same data differ by less, a broken one by more.
 *
 * FAIR.  Asked is what neither has seen: the validation part's engagements newer than all that the
 * champion learned from (its manifest says until when).  The challenger that answers has learned
 * until the same moment or until the validation part, whichever is later; who is released has
 * learned from everything.  Where there are fewer than NBA_GATE_QUERIES_MIN such engagements,
 * little is new, and both are asked what both have learned from: the whole part.
 */
#ifndef NBA_TRAIN_GATE_H
#define NBA_TRAIN_GATE_H

#include "nba/release/release.h"
#include "nba/train/members.h"
#include "nba/train/metrics.h"

#define NBA_GATE_QUERIES_MIN 100u

struct nba_gate {
    size_t n;    /* queries; 0: nobody was compared with */
    bool unseen; /* by both */
    bool passed;
    double challenger; /* NDCG@10 */
    struct nba_interval champion;
};

/* The newest engagement that the release's weights have seen; INT64_MAX: it doesn't say. */
int64_t nba_gate_learned_to_ms(const struct nba_release *release);

/* Validation queries about engagements newer than `after_ms`; ret_queries may be NULL. */
size_t nba_gate_queries(const struct nba_dataset *dataset, const struct nba_split *split,
                        int64_t after_ms, struct nba_query *ret_queries);

/* `challenger` ranks by its present weights; INT64_MIN asks for the whole part. */
struct nba_gate nba_gate(struct nba_release *champion, struct nba_members *challenger,
                         const struct nba_split *split, int64_t after_ms);

#endif
