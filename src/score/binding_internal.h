/* What a binding holds; shared by binding.c and scorer.c. */
#ifndef NBA_SCORE_BINDING_INTERNAL_H
#define NBA_SCORE_BINDING_INTERNAL_H

#include "nba/score/scorer.h"

struct nba_score_binding {
    struct nba_catalog *catalog;
    struct nba_release *release;   /* NULL without one */
    struct nba_score_table *table; /* NULL: models score */
    double *table_propensity;      /* (C) of its rows for every HCP; -1: there is none */
    double *table_value;           /* (C) */
    double *table_score;           /* (K) of its best candidate */
    double table_channel[NBA_CHANNEL_COUNT];
    struct nba_fusion cheap, full;
    bool uses[NBA_MEMBER_COUNT]; /* what is computed: it weighs something, or is ranked */
    uint32_t ncf_candidates;     /* 0: only the cheap fusion */
    uint32_t rankings_top_n;
    /* (known_count) the catalogue's contents that the release knows, ascending. */
    uint32_t *known;
    uint32_t known_count;
    /* (contents) among `known`: is it there, and where */
    bool *is_known;
    uint32_t *place;
    uint32_t *examples; /* engagements it was trained on */
    /* (known_count) their indexes in the release's vocabulary. */
    uint32_t *known_index;
    /* (release's contents) the catalogue's content, or NBA_CATALOG_NONE */
    uint32_t *of_release;
    /* (segments, known_count) standardised popularity of the known contents. */
    float *popularity;
    /* (segments, K) what a content adds to the log-odds of an engagement; one row of zeros without
     * a release. */
    float *content_offset;
};

/* binding.c: a content's score is that of its best candidate, a channel's probability too. */
void nba_score_fold(const struct nba_catalog *catalog, const double *propensity, double *ret_score,
                    double ret_channel[NBA_CHANNEL_COUNT]);

#endif
