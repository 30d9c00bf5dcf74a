/*
 * Intake: a record of the engagement topic becomes an event, or a reason why it can't.
 *
 * Everything about the outside is checked here, once: value, schema, key, tenant, time window.
 */
#ifndef NBA_ENGINE_INTAKE_H
#define NBA_ENGINE_INTAKE_H

#include "nba/catalog/catalog.h"
#include "nba/codec/decoder.h"
#include "nba/policy/policy.h"
#include "nba/state/hcp.h"
#include "nba/stream/record.h"

/* Event time must lie in [record timestamp - 5 years, record timestamp + 10 minutes]: never against
 * the wall clock, so that a replay years later accepts the same events. */
#define NBA_INTAKE_PAST_MS   (INT64_C(5) * 366 * 24 * 3600 * 1000)
#define NBA_INTAKE_FUTURE_MS (INT64_C(10) * 60 * 1000)

/* NBA_OK with the event, or a status of class SKIP: its name is the dead letter's reason, the
 * error's message the detail. */
NBA_MUST_USE
enum nba_status nba_intake(struct nba_decoder *decoder, const struct nba_policy *policy,
                           const struct nba_record *record, struct nba_arena *arena,
                           struct nba_event *ret_event, struct nba_error *error);

/* What the catalogue knows of its content; and what the HCP's record and the policy make of it: a
 * duplicate, late, a machine's, or none of these. */
struct nba_content_facts nba_intake_facts(const struct nba_catalog *catalog,
                                          const struct nba_event *event);
enum nba_arrival nba_intake_arrival(const struct nba_policy *policy, const struct nba_hcp *hcp,
                                    const struct nba_event *event, int64_t watermark_ms);

#endif
