/* Stage 8: what a budget over all HCPs (nba/policy/volume.h) has no place for, as marks. */
#include "funnel_internal.h"

static struct nba_volume_subject subject_of(const struct nba_funnel *funnel,
                                            const struct moment *moment, uint32_t c)
{
    const struct nba_catalog *catalog = funnel->catalog;
    const struct nba_content *content = nba_catalog_content(catalog, c);
    return (struct nba_volume_subject){
        .channel = (enum nba_channel)catalog->channel[c],
        .family_id = funnel->nameless
                         ? nba_str("", 0)
                         : catalog->words[catalog->content_family[catalog->candidates[c].content]],
        .brand = content->brand,
        .campaign_id = nba_funnel_campaign(catalog, content, moment->now_ms),
    };
}

static void try_candidate(struct nba_funnel *funnel, const struct moment *moment, uint32_t r,
                          struct nba_str full_id, const struct nba_capacity_window *window,
                          uint32_t c)
{
    const struct policy_volume *rule = &funnel->policy->volumes[r];
    const struct nba_volume_subject subject = subject_of(funnel, moment, c);
    char id[NBA_VOLUME_ID_BYTES_MAX];
    if (nba_policy_volume_counts(rule, &subject) &&
        (window == NULL || (nba_str_equal(nba_policy_volume_id(rule, &subject, id), full_id) &&
                            nba_funnel_has_no_room(funnel, moment, rule->when_full, window, c)))) {
        nba_funnel_set_mark(funnel, MARK_VOLUME, c, r + 1);
    }
}

/* Marks what a full budget counts; without a window: all that the rule does. */
static void mark_budget(struct nba_funnel *funnel, const struct moment *moment, uint32_t r,
                        struct nba_str full_id, size_t prefix_bytes,
                        const struct nba_capacity_window *window)
{
    const struct nba_catalog *catalog = funnel->catalog;
    const enum volume_per per = funnel->policy->volumes[r].per;
    const bool grouped =
        window != NULL && !funnel->nameless && (per == VOLUME_CONTENT || per == VOLUME_BRAND);
    if (!grouped) {
        for (uint32_t c = 0; c < catalog->candidate_count; c++) {
            try_candidate(funnel, moment, r, full_id, window, c);
        }
        return;
    }
    const struct groups *groups = &funnel->groups[per == VOLUME_CONTENT ? 0 : GROUPINGS - 1];
    const struct nba_str counted =
        nba_str(full_id.data + prefix_bytes, full_id.bytes - prefix_bytes);
    const uint32_t word = nba_catalog_find_word(catalog, counted);
    for (uint32_t i = word != 0 ? groups->start[word] : 0; word != 0 && i < groups->start[word + 1];
         i++) {
        const uint32_t k = groups->items[i];
        for (uint32_t c = catalog->first_candidate[k]; c < catalog->first_candidate[k + 1]; c++) {
            try_candidate(funnel, moment, r, full_id, window, c);
        }
    }
}

void nba_funnel_mark_volume(struct nba_funnel *funnel, const struct moment *moment)
{
    for (uint32_t r = 0; r < funnel->policy->volume_count; r++) {
        const struct policy_volume *rule = &funnel->policy->volumes[r];
        char text[NBA_VOLUME_ID_BYTES_MAX];
        const struct nba_str prefix = nba_policy_volume_id(rule, NULL, text);
        const struct nba_capacity_window *window = NULL;
        struct nba_str id;
        size_t at = 0;
        if (rule->max == 0) {
            mark_budget(funnel, moment, r, prefix, prefix.bytes, NULL);
            continue;
        }
        while (
            moment->capacity != NULL &&
            nba_capacity_table_next(moment->capacity, prefix, moment->now_ms, &at, &id, &window)) {
            if (window->used >= (int32_t)rule->max) {
                mark_budget(funnel, moment, r, id, prefix.bytes, window);
            }
        }
    }
}

struct evidence nba_funnel_explain_volume(const struct nba_funnel *funnel,
                                          const struct moment *moment, uint32_t candidate,
                                          uint32_t value, struct nba_suppressed *item)
{
    const struct policy_volume *rule = &funnel->policy->volumes[value - 1];
    const struct nba_volume_subject subject = subject_of(funnel, moment, candidate);
    char text[NBA_VOLUME_ID_BYTES_MAX];
    const struct nba_capacity_window *window =
        rule->max != 0 && moment->capacity != NULL
            ? nba_capacity_table_find(moment->capacity, nba_policy_volume_id(rule, &subject, text),
                                      rule->id, moment->now_ms)
            : NULL;
    item->rule_id = rule->id;
    item->limit = rule->max;
    if (window != NULL) {
        item->counter = window->used;
        item->retry_after_ms = window->end_ms;
    }
    return (struct evidence){.bits = 0};
}
