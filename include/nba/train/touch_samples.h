/*
 * Touches as labelled samples: was it engaged with?  For the calibrator and for AUC.
 *
 *   ENGAGED   1
 *   REFUSED   0
 *   SENT      0 if neither follows for the same user, content and channel within
 *             NBA_ANSWER_MS; otherwise the answer is the sample, not the sending.  Sendings of the
 *             log's last NBA_ANSWER_MS say nothing yet and are passed over.
 *
 * `position` = engagements before the touch: its query.  `rate` = the smoothed HCP x channel rate
 * before it, by the function that serves (nba_hcp_channel_rate); `week_events` likewise.
 */
#ifndef NBA_TRAIN_TOUCH_SAMPLES_H
#define NBA_TRAIN_TOUCH_SAMPLES_H

#include "nba/train/split.h"

/* Two weeks: what is not answered then is not going to be. */
#define NBA_ANSWER_MS (INT64_C(14) * 24 * 3600 * 1000)

struct nba_touch_sample {
    struct nba_query query; /* what is known before the touch */
    uint32_t content;
    enum nba_channel channel;
    bool engaged;
    uint8_t week_events;
    double rate;
    int64_t time_ms;
};

enum nba_touch_part { NBA_TOUCHES_VALIDATION, NBA_TOUCHES_TEST };

/* Every sample of the data set, users in their order. */
void nba_touch_samples_each(const struct nba_dataset *dataset,
                            void (*visit)(void *context, const struct nba_touch_sample *sample),
                            void *context);

/* Samples of a part of the split, at most `most` (thinned evenly); the caller's to free. */
struct nba_touch_sample *nba_touch_samples(const struct nba_dataset *dataset,
                                           const struct nba_split *split, enum nba_touch_part part,
                                           size_t most, size_t *ret_count);

#endif
