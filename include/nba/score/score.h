/*
 * Scores: what one HCP may want next, from every model, before any rule is asked.
 *
 * Everything is scored first and filtered afterwards (the funnel of nba/policy/policy.h): only so
 * can the audit say "the best by score was X, stopped at consent".
 *
 * SHAPES.  K = contents of the catalogue, C = its candidates (content x treatment), in the
 * catalogue's own order: contents bytewise by id, treatments as in the record.
 *
 * DEFINITION
 *   z_m(k)    score of member m for content k, standardised over the contents m knows:
 *             (s - mean) / standard deviation, fixed 16-lane order; 0 for a content m doesn't know
 *   cheap(k)  = sum over the members but NCF of w_m z_m(k)            every content
 *   full(k)   = sum over all members of v_m z_m(k)
 *             the NBA_SCORE_NCF_CANDIDATES best by cheap(k): NCF costs per candidate
 * A member without weight in either costs nothing.
 *   score(k)  = a cheap + b, or a' full + b': the log-odds of an engagement whatever the channel,
 *             so that both kinds stand on one scale; (a, b) and (a', b') are fitted on validation
 *   P(k, ch)  = sigmoid(score(k) + b_ch + w . x), x of HCP, channel and content (score/fusion.h)
 * Weights and calibration are the release's.  An HCP with an empty ring, or whose ring knows no
 * content of the release, is cold: popularity within the specialty alone.
 *
 * Without a release (nothing trained yet) popularity comes from the partition's own tally of
 * engagements, in the HCP's specialty first, and every output says model=popularity.
 *
 * BIT FOR BIT.  Equal for every batch size, order of HCPs in a batch, instruction set and thread
 * count: the kernels of nba/linalg sum in one order; no libm.
 */
#ifndef NBA_SCORE_SCORE_H
#define NBA_SCORE_SCORE_H

#include <stdbool.h>
#include <stdint.h>

#include "nba/event/vocabulary.h"
#include "nba/release/release.h"

/* The most contents of a ranking. */
#define NBA_SCORE_RANKING_MAX 50u

/* What ranks: the release's fusion, as the engine does, or one member alone, for comparisons and
 * for the audit's rankings. */
enum nba_score_model {
    NBA_SCORE_FUSION,
#define NBA_X(constant, name) NBA_SCORE_##constant,
    NBA_MEMBER_MAP(NBA_X)
#undef NBA_X
        NBA_SCORE_MODELS
};
static inline enum nba_score_model nba_score_model_of(enum nba_fusion_member member)
{
    return (enum nba_score_model)(member + 1);
}
const char *nba_score_model_name(enum nba_score_model model);
/* A model's word as tables for people say it: what others call popularity is over all HCPs, our
 * member is popularity in the HCP's specialty. */
const char *nba_score_model_label(const char *word);

/* What each member added to a content's score; not rounded. */
struct nba_score_shares {
    double of[NBA_MEMBER_COUNT];
};

/* What shares follow from: few contents are asked for theirs (nba_score_shares_of). */
struct nba_score_members {
    bool tallied;             /* no release: popularity is all of the score */
    const uint16_t *rescored; /* (K) 1 + where in `shares`, 0: NCF wasn't asked; NULL: for none */
    const struct nba_score_shares *shares;
    const uint32_t *place; /* (K) where in `z`; those not known aren't there */
    const float
        *z[NBA_MEMBER_COUNT];        /* standardised; NULL: absent, not asked, or the HCP is cold */
    double weight[NBA_MEMBER_COUNT]; /* of the cheap fusion, a in it */
};

struct nba_scores {
    const double *propensity; /* (C) P, 0 < P < 1, rounded to 1e-9; a table's may be 0 or 1, and -1
                                 where it has no row */
    const double *values;     /* (C) V in place of the catalogue's; NULL: the catalogue's */
    uint32_t candidate_count;
    const double *score;      /* (K) log-odds, rounded to 1e-9 */
    const bool *known;        /* (K) in the release's vocabulary (or tallied) */
    const uint32_t *examples; /* (K) engagements the models learned from; NULL: not counted */
    uint32_t content_count;
    struct nba_score_members members;
    double channel_probability[NBA_CHANNEL_COUNT]; /* best P a channel offers; 0 without one */
    bool channel_present[NBA_CHANNEL_COUNT];
    bool cold;                 /* no history that a model knows */
    const char *model_version; /* release id, "popularity" or "table" */
    /* Catalogue contents, best first; empty for what wasn't asked or isn't there. */
    uint32_t rankings[NBA_SCORE_MODELS][NBA_SCORE_RANKING_MAX];
    uint32_t ranking_count[NBA_SCORE_MODELS];
};

struct nba_score_shares nba_score_shares_of(const struct nba_scores *scores, uint32_t content);

#endif
