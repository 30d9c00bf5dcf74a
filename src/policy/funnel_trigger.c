/*
 * Candidates that no catalogue lists.  How: a catalogue of one content with one treatment, and of
 * the people and campaigns it may need, bound to the policy and control state of the funnel.
 */
#include <string.h>

#include "funnel_internal.h"
#include "nba/base/assert.h"
#include "nba/base/str_put.h"

#define FAMILY_BYTES_MAX \
    (sizeof("timer::") + POLICY_TRIGGER_ID_BYTES_MAX + NBA_HCP_PATTERN_TEXT_BYTES_MAX)

static enum nba_status add_people(struct nba_catalog_builder *builder,
                                  const struct nba_catalog *catalog,
                                  const struct nba_hcp_profile *profile, struct nba_error *error)
{
    const struct nba_str ids[] = {profile->rep_id, profile->msl_id};
    enum nba_status status = NBA_OK;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(ids) && status == NBA_OK; i++) {
        const struct nba_rep *rep = nba_catalog_find_rep(catalog, ids[i]);
        if (rep != NULL) {
            status = nba_catalog_builder_apply(
                builder, &(struct nba_reference){.kind = NBA_REFERENCE_REP, .rep = *rep}, error);
        }
    }
    return status;
}

static enum nba_status add_content(struct nba_catalog_builder *builder,
                                   const struct nba_catalog *catalog,
                                   const struct nba_content *content, struct nba_error *error)
{
    const struct nba_reference record = {.kind = NBA_REFERENCE_CONTENT, .content = *content};
    enum nba_status status = nba_catalog_builder_apply(builder, &record, error);
    for (uint32_t i = 0; i < content->campaign_ids.count && status == NBA_OK; i++) {
        const struct nba_campaign *campaign =
            nba_catalog_find_campaign(catalog, content->campaign_ids.items[i]);
        if (campaign != NULL) {
            status = nba_catalog_builder_apply(
                builder,
                &(struct nba_reference){.kind = NBA_REFERENCE_CAMPAIGN, .campaign = *campaign},
                error);
        }
    }
    return status;
}

static enum nba_status create(const struct nba_funnel *funnel, const struct nba_hcp *hcp,
                              const struct nba_content *content, struct nba_funnel **ret_funnel,
                              struct nba_error *error)
{
    struct nba_catalog_builder *builder = nba_catalog_builder_create();
    struct nba_catalog *catalog = NULL;
    enum nba_status status = add_content(builder, funnel->catalog, content, error);
    if (status == NBA_OK) {
        status = add_people(builder, funnel->catalog, &hcp->profile, error);
    }
    if (status == NBA_OK) {
        status = nba_catalog_builder_build(builder, &catalog, error);
    }
    if (status == NBA_OK) {
        status = nba_funnel_create(funnel->policy, catalog, funnel->control, ret_funnel, error);
    }
    nba_catalog_unref(catalog);
    nba_catalog_builder_destroy(builder);
    return status;
}

static struct nba_treatment treatment_of(enum nba_action_type type, enum nba_channel channel)
{
    return (struct nba_treatment){.channel = channel,
                                  .action_type = type,
                                  .approval_state = NBA_APPROVAL_APPROVED,
                                  .effective_from_ms = NBA_TIME_NONE,
                                  .expires_at_ms = NBA_TIME_NONE};
}

/* The content that the trigger names, with its treatment for this action.  What isn't in the
 * catalogue is one that was withdrawn, or isn't approved for this action. */
static void name(const struct nba_catalog *catalog, const struct policy_trigger *trigger,
                 struct nba_content *content, struct nba_treatment *treatment)
{
    const uint32_t k = nba_catalog_find_content(catalog, trigger->content_id);
    content->content_id = trigger->content_id;
    content->family_id = trigger->content_id;
    treatment->approval_state = k == NBA_CATALOG_NONE ? NBA_APPROVAL_WITHDRAWN : NBA_APPROVAL_DRAFT;
    if (k == NBA_CATALOG_NONE) {
        return;
    }
    *content = catalog->contents[k];
    for (uint32_t i = content->treatment_count; i-- > 0;) {
        const struct nba_treatment *known = &content->treatments[i];
        if (known->action_type == trigger->action_type && known->channel == trigger->channel) {
            *treatment = *known;
        }
    }
}

enum nba_status nba_funnel_create_trigger(const struct nba_funnel *funnel,
                                          const struct nba_hcp *hcp, uint32_t trigger_index,
                                          struct nba_str brand, struct nba_funnel **ret_funnel,
                                          struct nba_error *error)
{
    NBA_ASSERT(trigger_index < funnel->policy->trigger_count);
    NBA_ASSERT(brand.bytes <= NBA_HCP_PATTERN_TEXT_BYTES_MAX);
    const struct policy_trigger *trigger = &funnel->policy->triggers[trigger_index];
    char family[FAMILY_BYTES_MAX];
    char *end = nba_str_put(nba_str_put(family, nba_str_of("timer:")), trigger->id);
    end = nba_str_put(nba_str_put(end, nba_str_of(":")), brand);
    struct nba_treatment treatment = treatment_of(trigger->action_type, trigger->channel);
    struct nba_content content = {
        .content_id = nba_str(family, (size_t)(end - family)),
        .brand = brand,
        .topic_ids = {&trigger->topic, trigger->topic.bytes != 0},
    };
    if (trigger->content_id.bytes != 0) {
        name(funnel->catalog, trigger, &content, &treatment);
    }
    treatment.value = 1;
    content.treatments = &treatment;
    content.treatment_count = 1;
    const enum nba_status status = create(funnel, hcp, &content, ret_funnel, error);
    if (status == NBA_OK) {
        (*ret_funnel)->trigger = trigger;
        (*ret_funnel)->nameless = trigger->content_id.bytes == 0;
    }
    return status;
}

enum nba_status nba_funnel_create_open(const struct nba_funnel *funnel, const struct nba_hcp *hcp,
                                       const struct nba_open_action *open,
                                       struct nba_funnel **ret_funnel, struct nba_error *error)
{
    NBA_ASSERT(open->content_id.bytes == 0);
    struct nba_treatment treatment = treatment_of(open->action_type, open->channel);
    const struct nba_content content = {
        .content_id = open->family_id,
        .brand = open->brand,
        .topic_ids = {&open->topic, open->topic.bytes != 0},
        .treatments = &treatment,
        .treatment_count = 1,
    };
    treatment.value = 1;
    const enum nba_status status = create(funnel, hcp, &content, ret_funnel, error);
    if (status == NBA_OK) {
        (*ret_funnel)->nameless = true;
    }
    return status;
}

struct nba_scores nba_funnel_certain(const char *model_version)
{
    static const double propensity = 1;
    static const double score = 0;
    static const bool known = true;
    return (struct nba_scores){.propensity = &propensity,
                               .candidate_count = 1,
                               .score = &score,
                               .known = &known,
                               .content_count = 1,
                               .model_version = model_version};
}

struct nba_str nba_funnel_family(const struct nba_funnel *funnel)
{
    return funnel->catalog->contents[0].family_id;
}
