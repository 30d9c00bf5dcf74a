/*
 * Any bytes as a policy file; one that loads decides about a small catalogue.
 *
 * Nothing may crash or hang; a refusal names the file; a decision accounts for every candidate.
 */
#include "fuzz_driver.h"

#include <string.h>

#include "nba/base/assert.h"
#include "nba/policy/funnel.h"

#define CONTENTS    6u
#define ARENA_BYTES ((size_t)8 * 1024 * 1024)

static struct nba_catalog *make_catalog(void)
{
    static const char *const ids[CONTENTS] = {"a", "b", "c", "d", "e", "f"};
    static const enum nba_channel channels[] = {NBA_CHANNEL_EMAIL, NBA_CHANNEL_REP,
                                                NBA_CHANNEL_WEB};
    static const enum nba_action_type types[] = {NBA_ACTION_TYPE_EMAIL, NBA_ACTION_TYPE_REP_CALL,
                                                 NBA_ACTION_TYPE_PORTAL_CONTENT};
    const struct nba_str topics[] = {nba_str_of("copd"), nba_str_of("heart_failure")};
    struct nba_catalog_builder *builder = nba_catalog_builder_create();
    struct nba_catalog *catalog = NULL;
    NBA_ASSERT(builder != NULL);
    for (uint32_t i = 0; i < CONTENTS; i++) {
        const struct nba_treatment treatment = {.channel = channels[i % 3],
                                                .action_type = types[i % 3],
                                                .approval_state = NBA_APPROVAL_APPROVED,
                                                .effective_from_ms = NBA_TIME_NONE,
                                                .expires_at_ms = NBA_TIME_NONE,
                                                .value = 1};
        const struct nba_reference record = {
            .content = {.content_id = nba_str_of(ids[i]),
                        .brand = nba_str_of(i < 3 ? "CARDIOX" : "PULMOVA"),
                        .topic_ids = {&topics[i % 2], 1},
                        .treatments = &treatment,
                        .treatment_count = 1}};
        NBA_ASSERT(nba_catalog_builder_apply(builder, &record, NULL) == NBA_OK);
    }
    NBA_ASSERT(nba_catalog_builder_build(builder, &catalog, NULL) == NBA_OK);
    nba_catalog_builder_destroy(builder);
    return catalog;
}

static void fill_hcp(struct nba_hcp *hcp, struct nba_arena *arena)
{
    nba_hcp_init(hcp, nba_str_of("hcp-1"), arena);
    hcp->profile.market = nba_str_of("US");
    hcp->profile.address[NBA_CHANNEL_EMAIL] = NBA_ADDRESS_OK;
    for (uint32_t i = 0; i < 4; i++) {
        hcp->outcomes[i] = (struct nba_outcome_entry){.family_id = nba_str_of("a"),
                                                      .topic = nba_str_of("copd"),
                                                      .brand = nba_str_of("CARDIOX"),
                                                      .outcome = NBA_OUTCOME_OPENED,
                                                      .channel = NBA_CHANNEL_EMAIL,
                                                      .time_ms = (int64_t)i * 1000};
    }
    hcp->outcome_count = 4;
}

static void decide(struct nba_policy *policy)
{
    struct nba_arena arena;
    nba_arena_init(&arena, ARENA_BYTES);
    struct nba_catalog *catalog = make_catalog();
    struct nba_control_state *control = nba_control_state_create();
    struct nba_funnel *funnel = NULL;
    NBA_ASSERT(nba_funnel_create(policy, catalog, control, &funnel, NULL) == NBA_OK);
    static const double propensity[CONTENTS] = {0.3, 0.2, 0.1, 0.3, 0.0, 1.0};
    static const double score[CONTENTS];
    static const bool known[CONTENTS];
    const struct nba_scores scores = {.propensity = propensity,
                                      .candidate_count = CONTENTS,
                                      .score = score,
                                      .known = known,
                                      .content_count = CONTENTS,
                                      .model_version = "table"};
    struct nba_hcp *hcp = nba_arena_take(&arena, sizeof(*hcp));
    NBA_ASSERT(hcp != NULL);
    fill_hcp(hcp, &arena);
    const struct nba_event event = {.type = NBA_EVENT_PORTAL_CONTENT_VIEWED,
                                    .event_id = nba_str_of("e"),
                                    .event_time_ms = 5000,
                                    .content_id = nba_str_of("b")};
    const struct nba_decide_request request = {.scores = &scores,
                                               .hcp = hcp,
                                               .event = &event,
                                               .decision_id = nba_str_of("dec:s#e"),
                                               .trigger_event_id = event.event_id,
                                               .now_ms = 5000,
                                               .watermark_ms = 5000,
                                               .top_n = 3};
    struct nba_decide_result result;
    NBA_ASSERT(nba_funnel_decide(funnel, &request, &arena, &result) == NBA_OK);
    int32_t sum = (int32_t)result.action_count;
    for (unsigned r = 0; r <= NBA_REASON_NUMBER_MAX; r++) {
        sum += result.decision.reason_count[r];
    }
    NBA_ASSERT(result.decision.kind == NBA_DECISION_SKIPPED || sum == (int32_t)CONTENTS);
    nba_funnel_destroy(funnel);
    nba_control_state_unref(control);
    nba_catalog_unref(catalog);
    nba_arena_clear(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nba_policy *policy = NULL;
    struct nba_error error = {0};
    const struct nba_str bytes = nba_str((const char *)data, size);
    if (nba_policy_parse("p.yaml", bytes, &policy, &error) != NBA_OK) {
        NBA_ASSERT(strncmp(error.message, "p.yaml", 6) == 0);
        return 0;
    }
    decide(policy);
    nba_policy_unref(policy);
    return 0;
}
