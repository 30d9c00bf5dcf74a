#include "nba/train/touch_samples.h"

#include <stdlib.h>
#include <string.h>

#include "nba/base/memory.h"
#include "nba/state/hcp.h"

struct sampler {
    const struct nba_dataset *dataset;
    const struct nba_split *split;
    enum nba_touch_part part;
    struct nba_hcp *hcp; /* only its channel statistics are used */
    struct nba_touch_sample *samples;
    size_t count;
};

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

static bool in_part(const struct sampler *s, uint32_t user, uint32_t position, int64_t time_ms)
{
    const struct nba_split *split = s->split;
    if (split->by_time) {
        const bool test = time_ms >= split->test_from_ms;
        return s->part == NBA_TOUCHES_TEST ? test : !test && time_ms >= split->validation_from_ms;
    }
    const uint32_t from = split->train_count[user] + (s->part == NBA_TOUCHES_TEST ? 1u : 0u);
    return position == from;
}

static void count_touch(struct nba_channel_stats *stats, enum nba_touch_kind kind)
{
    stats->sent += kind == NBA_TOUCH_SENT ? 1u : 0u;
    stats->engaged += kind == NBA_TOUCH_ENGAGED ? 1u : 0u;
    stats->refused += kind == NBA_TOUCH_REFUSED ? 1u : 0u;
}

static void sample_user(struct sampler *s, uint32_t user)
{
    const struct nba_dataset *d = s->dataset;
    const size_t end = d->touch_offset[user + 1];
    uint32_t position = 0;
    memset(s->hcp->channels, 0, sizeof(s->hcp->channels));
    for (size_t at = d->touch_offset[user]; at < end; at++) {
        const struct nba_touch *t = &d->touches[at];
        const bool sent = t->kind == NBA_TOUCH_SENT;
        const bool says =
            !sent || (t->time_ms <= d->last_ms - NBA_ANSWER_MS && !is_answered(d, at, end));
        if (says && in_part(s, user, position, t->time_ms)) {
            s->samples[s->count++] = (struct nba_touch_sample){
                .query = {user, position},
                .content = t->content,
                .channel = (enum nba_channel)t->channel,
                .engaged = t->kind == NBA_TOUCH_ENGAGED,
                .rate = nba_hcp_channel_rate(s->hcp, (enum nba_channel)t->channel),
            };
        }
        count_touch(&s->hcp->channels[t->channel], (enum nba_touch_kind)t->kind);
        position += t->kind == NBA_TOUCH_ENGAGED ? 1u : 0u;
    }
}

struct nba_touch_sample *nba_touch_samples(const struct nba_dataset *dataset,
                                           const struct nba_split *split, enum nba_touch_part part,
                                           size_t most, size_t *ret_count)
{
    struct sampler s = {.dataset = dataset, .split = split, .part = part};
    s.samples = nba_zeros(dataset->touch_offset[dataset->user_count] + 1, sizeof(*s.samples));
    s.hcp = nba_zeros(1, sizeof(*s.hcp));
    for (uint32_t u = 0; u < dataset->user_count; u++) {
        sample_user(&s, u);
    }
    free(s.hcp);
    if (s.count > most) {
        for (size_t i = 0; i < most; i++) {
            s.samples[i] = s.samples[(size_t)((double)i * (double)s.count / (double)most)];
        }
        s.count = most;
    }
    *ret_count = s.count;
    return s.samples;
}
