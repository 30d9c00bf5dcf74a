#include "nba/train/touch_samples.h"

#include <stdlib.h>
#include <string.h>

#include "nba/base/memory.h"
#include "nba/state/hcp.h"

static bool is_answered(const struct nba_dataset *d, size_t at, size_t end)
{
    const struct nba_touch *sent = &d->touches[at];
    for (size_t i = at + 1; i < end && d->touches[i].time_ms - sent->time_ms <= NBA_ANSWER_MS;
         i++) {
        const struct nba_touch *t = &d->touches[i];
        if (t->kind != NBA_TOUCH_SENT && t->content == sent->content &&
            t->channel == sent->channel) {
            return true;
        }
    }
    return false;
}

static void count_touch(struct nba_channel_stats *stats, enum nba_touch_kind kind)
{
    stats->sent += kind == NBA_TOUCH_SENT ? 1u : 0u;
    stats->engaged += kind == NBA_TOUCH_ENGAGED ? 1u : 0u;
    stats->refused += kind == NBA_TOUCH_REFUSED ? 1u : 0u;
}

void nba_touch_samples_each(const struct nba_dataset *d,
                            void (*visit)(void *context, const struct nba_touch_sample *sample),
                            void *context)
{
    struct nba_hcp *hcp = nba_zeros(1, sizeof(*hcp)); /* only its channel statistics are used */
    for (uint32_t user = 0; user < d->user_count; user++) {
        const size_t end = d->touch_offset[user + 1];
        uint32_t position = 0;
        memset(hcp->channels, 0, sizeof(hcp->channels));
        for (size_t at = d->touch_offset[user]; at < end; at++) {
            const struct nba_touch *t = &d->touches[at];
            const bool sent = t->kind == NBA_TOUCH_SENT;
            if (!sent || (t->time_ms <= d->last_ms - NBA_ANSWER_MS && !is_answered(d, at, end))) {
                const struct nba_touch_sample sample = {
                    .query = {user, position},
                    .content = t->content,
                    .channel = (enum nba_channel)t->channel,
                    .engaged = t->kind == NBA_TOUCH_ENGAGED,
                    .week_events = t->week_events,
                    .rate = nba_hcp_channel_rate(hcp, (enum nba_channel)t->channel),
                    .time_ms = t->time_ms,
                };
                visit(context, &sample);
            }
            count_touch(&hcp->channels[t->channel], (enum nba_touch_kind)t->kind);
            position += t->kind == NBA_TOUCH_ENGAGED ? 1u : 0u;
        }
    }
    free(hcp);
}

struct sampler {
    const struct nba_split *split;
    enum nba_touch_part part;
    struct nba_touch_sample *samples;
    size_t count;
};

static void take(void *context, const struct nba_touch_sample *sample)
{
    struct sampler *s = context;
    const struct nba_split *split = s->split;
    const bool wants_test = s->part == NBA_TOUCHES_TEST;
    bool in_part;
    if (split->by_time) {
        const bool test = sample->time_ms >= split->test_from_ms;
        in_part = wants_test ? test : !test && sample->time_ms >= split->validation_from_ms;
    } else {
        in_part = sample->query.position ==
                  split->train_count[sample->query.user] + (wants_test ? 1u : 0u);
    }
    if (in_part) {
        s->samples[s->count++] = *sample;
    }
}

struct nba_touch_sample *nba_touch_samples(const struct nba_dataset *dataset,
                                           const struct nba_split *split, enum nba_touch_part part,
                                           size_t most, size_t *ret_count)
{
    struct sampler s = {.split = split, .part = part};
    s.samples = nba_zeros(dataset->touch_offset[dataset->user_count] + 1, sizeof(*s.samples));
    nba_touch_samples_each(dataset, take, &s);
    if (s.count > most) {
        for (size_t i = 0; i < most; i++) {
            s.samples[i] = s.samples[(size_t)((double)i * (double)s.count / (double)most)];
        }
        s.count = most;
    }
    *ret_count = s.count;
    return s.samples;
}
