/*
 * What training and evaluation learn from: each user's touches in log order.
 *
 * A TOUCH is something that happened between a user (an HCP) and a content on a channel:
 *   ENGAGED   a positive engagement (column `ring` of the event vocabulary)
 *   REFUSED   ignored, dismissed, no-show
 *   SENT      we sent it and the answer is not known from this touch
 * A user's SEQUENCE is the contents of the engaged touches: what the engine's ring would have held.
 *
 * BUILDING.  Rows are added in log order; contents, users and specialties are interned.  Finishing
 * sorts rows by user (log order kept), drops duplicates as the engine does (by the functions of the
 * HCP's record), sorts the vocabulary bytewise by content id and forgets user ids: nothing after
 * that knows who a user was.
 *
 * BOUNDED.  A builder takes at most rows_max rows (of a log, every event is one); then NBA_E_LIMIT.
 * A row costs 32 bytes while building, a touch 16 afterwards; 10 million fit in half a gigabyte.
 *
 * INDEXES.  user: order of first mention; content: order of its id; segment: 0 everyone, 1 + i the
 * i-th specialty in bytewise order.  Times are ms since 1970.
 * OWNERSHIP.  A dataset owns its arrays and texts, all in its `pool`.
 * THREADS.  Immutable once finished.
 */
#ifndef NBA_TRAIN_DATASET_H
#define NBA_TRAIN_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nba/base/limits.h"
#include "nba/base/status.h"
#include "nba/event/event.h"
#include "nba/train/pool.h"

/* The default of rows_max: more than a year of a large company's engagements on one machine. */
#define NBA_DATASET_ROWS_MAX 50000000u

enum nba_touch_kind {
    NBA_TOUCH_SENT,
    NBA_TOUCH_ENGAGED,
    NBA_TOUCH_REFUSED,
};

struct nba_touch {
    int64_t time_ms;
    uint32_t content;
    uint8_t channel;     /* enum nba_channel */
    uint8_t kind;        /* enum nba_touch_kind */
    uint8_t week_events; /* before this one (nba_hcp_week_events) */
};

/* The user's touches are touches[touch_offset[u] .. touch_offset[u + 1]), the sequence is
 * sequence[sequence_offset[u] .. sequence_offset[u + 1]) with sequence_time beside it. */
struct nba_dataset {
    const char *name;
    uint32_t user_count, content_count, specialty_count;
    struct nba_str *contents;    /* (content_count) ascending */
    struct nba_str *specialties; /* (specialty_count) ascending */
    /* What a content is, in words of its catalogue: asset type, and unit (brand or business unit).
     * (content_count) each; 0: none said, 1 + i: the i-th of types or units, which ascend. */
    uint32_t type_count, unit_count;
    struct nba_str *types, *units;
    uint32_t *content_type, *content_unit;
    int64_t *content_first_ms; /* first touch of any kind; INT64_MIN when there is none */
    uint32_t *segment;         /* (user_count) */
    size_t *touch_offset;      /* (user_count + 1) */
    struct nba_touch *touches;
    size_t *sequence_offset; /* (user_count + 1) */
    uint32_t *sequence;
    int64_t *sequence_time;
    bool ordered;              /* false: the order inside a sequence means nothing */
    bool train_only;           /* counting models learn no validation before the test either */
    uint32_t *fixed_test;      /* (user_count) test content given by the data set, or NULL */
    uint32_t *fixed_negatives; /* (user_count, fixed_negative_count), or NULL */
    uint32_t fixed_negative_count;
    int64_t first_ms, last_ms; /* of all touches */
    size_t duplicate_count, late_count;
    struct nba_arena pool; /* all of it */
};

struct nba_dataset_builder;

struct nba_dataset_options {
    const char *name;            /* kept as pointer; for reports */
    size_t rows_max;             /* 0: NBA_DATASET_ROWS_MAX */
    uint32_t contents_max;       /* 0: NBA_CONTENTS_MAX, the most that is ever served */
    int64_t allowed_lateness_ms; /* rows older than their partition's watermark less this are
                                    dropped, as the engine does; 0: nothing is late */
    bool by_time;                /* rows are not in log order: a user's are sorted by time */
};

struct nba_dataset_builder *nba_dataset_builder_create(const struct nba_dataset_options *options);
void nba_dataset_builder_destroy(struct nba_dataset_builder *builder);

/* One row of any source. */
struct nba_dataset_row {
    struct nba_str user, content;
    int64_t time_ms;
    enum nba_channel channel;
    enum nba_touch_kind kind;
    uint64_t event_hash; /* nba_event_hash; 0: never a duplicate */
};
/* NBA_E_LIMIT: too many rows or contents. */
NBA_MUST_USE
enum nba_status nba_dataset_builder_add(struct nba_dataset_builder *builder,
                                        const struct nba_dataset_row *row);
/* A record of hcp.engagement.v1 of `partition`: a touch, a profile (specialty), or nothing. */
NBA_MUST_USE
enum nba_status nba_dataset_builder_add_event(struct nba_dataset_builder *builder,
                                              int32_t partition, const struct nba_event *event);
/* A user's specialty (the last one said counts); empty text: a user without one. */
void nba_dataset_builder_add_user(struct nba_dataset_builder *builder, struct nba_str user,
                                  struct nba_str specialty);
/* A content that is in the vocabulary even if nobody touches it.  NBA_E_LIMIT. */
NBA_MUST_USE
enum nba_status nba_dataset_builder_add_content(struct nba_dataset_builder *builder,
                                                struct nba_str content);

/* The type and unit of a content of the vocabulary, any other is passed over; empty: as it was. */
void nba_dataset_builder_label_content(struct nba_dataset_builder *builder, struct nba_str content,
                                       struct nba_str type, struct nba_str unit);

/* The builder is empty afterwards and may be destroyed.  NBA_E_NOT_FOUND without a single row. */
NBA_MUST_USE
enum nba_status nba_dataset_builder_finish(struct nba_dataset_builder *builder,
                                           struct nba_dataset **ret_dataset,
                                           struct nba_error *error);
void nba_dataset_destroy(struct nba_dataset *dataset);

static inline const uint32_t *nba_dataset_sequence(const struct nba_dataset *dataset, uint32_t user,
                                                   uint32_t *ret_count)
{
    *ret_count = (uint32_t)(dataset->sequence_offset[user + 1] - dataset->sequence_offset[user]);
    return dataset->sequence + dataset->sequence_offset[user];
}

#endif
