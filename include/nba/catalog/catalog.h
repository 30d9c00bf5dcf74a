/*
 * The catalogue: which contents, campaigns and reps exist, as one immutable snapshot.
 *
 * Built from the records of nba.catalog.v1.  A builder takes records, one by one or by the
 * thousand; nba_catalog_builder_build makes a snapshot of what it holds.  Snapshots share the
 * records that didn't change, so the one after a single change costs some arrays, not the texts.
 *
 * ORDER.  Contents bytewise by content_id; candidates = content x treatment in that order, a
 * content's treatments as its record lists them.  Scores, decisions and packed reasons use these
 * indices, and ties break by them.
 *
 * COLUMNS.  What every decision asks of every candidate stands in arrays of small numbers: words
 * (brands, topics, families, asset types, campaigns) are interned to numbers from 1, 0 = none;
 * market and language lists are interned as whole sets; candidates that are equal in all that
 * consent, reach and availability look at share one `gate` class, those equal in all that weights
 * and slate rules look at share one `weight` class.  So the funnel asks each class once and each
 * candidate little.
 *
 * ID HASH.  An HCP's record names a content by nba_content_hash(content_id), 32 bits.  Two contents
 * with one hash can't both be in the catalogue: the second is refused.
 *
 * OWNERSHIP.  A snapshot never changes.  It is counted: nba_catalog_ref, nba_catalog_unref.
 * Everything it returns lives as long.  THREADS.  Snapshots may be read and counted by any thread;
 * a builder has one.
 * LIMITS.  NBA_CONTENTS_MAX, NBA_TREATMENTS_MAX, NBA_CANDIDATES_MAX, NBA_TOPICS_PER_CONTENT_MAX,
 * and NBA_CATALOG_OTHERS_MAX reps and campaigns.
 */
#ifndef NBA_CATALOG_CATALOG_H
#define NBA_CATALOG_CATALOG_H

#include <stdbool.h>
#include <stdint.h>

#include "nba/base/status.h"
#include "nba/event/reference.h"

/* Reps, and campaigns: a world-wide field force is below 100,000. */
#define NBA_CATALOG_OTHERS_MAX 200000u
/* "Not in the catalogue" of every look-up. */
#define NBA_CATALOG_NONE UINT32_MAX

struct nba_candidate {
    uint32_t content;   /* index into contents */
    uint32_t treatment; /* index into that content's treatments */
};

/* What candidates of one gate class have in common. */
struct nba_gate_class {
    enum nba_channel channel;
    bool needs_rep; /* on channel rep, or of a type that a rep carries out */
    bool known;     /* channel and action type are of our vocabulary */
    enum nba_content_class content_class;
    enum nba_approval approval;
    uint32_t brand;        /* word number */
    uint32_t asset_type;   /* word number */
    uint32_t market_set;   /* set number */
    uint32_t language_set; /* set number */
};

struct nba_weight_class {
    enum nba_channel channel;
    enum nba_action_type action_type;
    enum nba_content_class content_class;
    uint32_t brand; /* word numbers */
    uint32_t topic;
    uint32_t campaign; /* the content's first */
};

struct nba_catalog {
    struct nba_content *contents; /* (content_count), bytewise by id */
    uint32_t content_count;
    uint32_t *first_candidate; /* (content_count + 1) candidates of content k start here */
    uint32_t *content_hash;    /* (content_count) */
    uint32_t *content_family;  /* (content_count) word number, never 0 */
    uint32_t *content_topic;   /* (content_count) word number of the first topic */
    uint32_t *content_brand;   /* (content_count) */

    struct nba_candidate *candidates; /* (candidate_count) */
    uint32_t candidate_count;
    uint16_t *gate_class;       /* (candidate_count) */
    uint16_t *weight_class;     /* (candidate_count) */
    uint8_t *channel;           /* (candidate_count) enum nba_channel */
    uint8_t *action_type;       /* (candidate_count) enum nba_action_type */
    int64_t *effective_from_ms; /* (candidate_count) INT64_MIN: since ever */
    int64_t *expires_at_ms;     /* (candidate_count) INT64_MAX: never */
    double *value;              /* (candidate_count) V */

    struct nba_gate_class *gates; /* (gate_count) */
    uint32_t gate_count;
    struct nba_weight_class *weights; /* (weight_count) */
    uint32_t weight_count;
    struct nba_str_list *sets; /* (set_count) distinct market or language lists; 0: any */
    uint32_t set_count;
    struct nba_str *words; /* (word_count) 0: the empty one */
    uint32_t word_count;
    bool channel_present[NBA_CHANNEL_COUNT]; /* some candidate uses it */

    uint32_t rep_count, campaign_count;
};

/* The content with this id, or NBA_CATALOG_NONE. */
uint32_t nba_catalog_find_content(const struct nba_catalog *catalog, struct nba_str content_id);
uint32_t nba_catalog_find_hash(const struct nba_catalog *catalog, uint32_t content_hash);
/* The number of a word (brand, topic, family...), 0 when no content uses it. */
uint32_t nba_catalog_find_word(const struct nba_catalog *catalog, struct nba_str word);
/* NULL when unknown. */
const struct nba_rep *nba_catalog_find_rep(const struct nba_catalog *catalog,
                                           struct nba_str rep_id);
const struct nba_campaign *nba_catalog_find_campaign(const struct nba_catalog *catalog,
                                                     struct nba_str campaign_id);

const struct nba_treatment *nba_catalog_treatment(const struct nba_catalog *catalog,
                                                  uint32_t candidate);
const struct nba_content *nba_catalog_content(const struct nba_catalog *catalog,
                                              uint32_t candidate);

struct nba_catalog *nba_catalog_ref(struct nba_catalog *catalog);
void nba_catalog_unref(struct nba_catalog *catalog);

struct nba_catalog_builder;

struct nba_catalog_builder *nba_catalog_builder_create(void);
void nba_catalog_builder_destroy(struct nba_catalog_builder *builder);

/* Adds a record or puts it in the place of the one with its id; deep copies it.  On failure the
 * builder is as before.  NBA_E_LIMIT (too many, or a list or text too long), NBA_E_EXISTS (the
 * hash of another content), NBA_E_EMPTY_KEY (no id), NBA_E_NON_FINITE (a treatment's value is NaN,
 * negative or above 1e6). */
NBA_MUST_USE
enum nba_status nba_catalog_builder_apply(struct nba_catalog_builder *builder,
                                          const struct nba_reference *record,
                                          struct nba_error *error);
/* Takes out the record with this key of the topic ("content:CX-EM-011"), as a tombstone asks;
 * false when there is none. */
bool nba_catalog_builder_remove(struct nba_catalog_builder *builder, struct nba_str key);

/* A snapshot with one reference.  NBA_E_LIMIT (candidates). */
NBA_MUST_USE
enum nba_status nba_catalog_builder_build(struct nba_catalog_builder *builder,
                                          struct nba_catalog **ret_catalog,
                                          struct nba_error *error);

#endif
