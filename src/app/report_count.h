/*
 * Counting what decisions did: one partition after the other, since an HCP's decisions and events
 * are in one.
 *
 * PROPOSED is what a decision selected.  Feedback is an action's by its action_id, else by the
 * message_id of an event that had both, if it came within the policy's reward window; the first of
 * a kind is counted for the action (unique), each for the outcome (events).  What answers none,
 * or too late, is "the rest"; what answers an action of another period isn't counted.  Machines'
 * opens and clicks, and events that the engine passed over as duplicates or of the erased, don't
 * count.  An HCP is TREATED after the first decision that selected something, CONTROL after the
 * first that CONTROL_GROUP stopped; who was both is left out of the comparison.
 *
 * MEMORY.  While a partition is read 100 to 200 bytes for each action and each HCP of it, then
 * nothing of it but the groups' counts: a million HCPs with ten actions each in 16 partitions take
 * some 100 MB, in one partition 1.6 GB.  More than NBA_REPORT_ACTIONS_MAX actions in a
 * partition are NBA_E_LIMIT: the period must be shorter then.
 */
#ifndef NBA_APP_REPORT_COUNT_H
#define NBA_APP_REPORT_COUNT_H

#include "archive.h"
#include "nba/app/lift.h"
#include "nba/base/hash_index.h"
#include "nba/catalog/catalog.h"
#include "nba/policy/policy.h"

#define NBA_REPORT_ACTIONS_MAX 33554432u

enum nba_report_by {
    NBA_REPORT_BY_BRAND,
    NBA_REPORT_BY_CAMPAIGN,
    NBA_REPORT_BY_BUSINESS_UNIT,
    NBA_REPORT_BY_CHANNEL,
    NBA_REPORT_BY_SPECIALTY,
    NBA_REPORT_BY_REGION,
    NBA_REPORT_BY_REP,
};

struct nba_report_counts {
    uint64_t reach; /* HCPs something was proposed to */
    uint64_t proposed, taken_back;
    uint64_t unique[NBA_OUTCOME_COUNT]; /* actions with this outcome */
    uint64_t events[NBA_OUTCOME_COUNT], rest[NBA_OUTCOME_COUNT];
    double value, rest_value; /* of conversions */
};

struct nba_report_group {
    char *name;
    struct nba_report_counts counts;
};

/* How often a rep or an HCP dismissed with this reason. */
struct nba_report_dismissal {
    uint32_t group;
    char *reason;
    uint64_t count;
};

/* HCPs of one arm: how many, and how many of them did what. */
struct nba_report_arm {
    uint64_t people, engaged, converted;
};

struct nba_report {
    /* What is asked for. */
    enum nba_report_by by;
    int64_t from_ms, to_ms; /* of decisions and of what people did */
    /* What came out. */
    struct nba_report_counts total;
    struct nba_report_group *groups;
    struct nba_report_dismissal *dismissals;
    size_t group_count, dismissal_count;
    uint64_t decisions, candidates, stopped[NBA_REASON_NUMBER_MAX + 1];
    uint64_t taken_back[NBA_REASON_NUMBER_MAX + 1];
    struct nba_report_arm treated, control;
    uint64_t both_arms;
    /* HCPs, those without an action by what stopped their last decision's best (0: no decision). */
    uint64_t people, without_action[NBA_REASON_NUMBER_MAX + 1];
    /* While it is counted. */
    struct nba_history *history;
    const struct nba_catalog *catalog;
    const struct nba_policy *policy; /* whose reward windows they are */
    struct nba_hash_index group_index;
    size_t group_capacity, dismissal_capacity;
    struct report_partition *partition;
};

/* `history` is open.  NBA_E_LIMIT, NBA_E_CORRUPT and what reading may say. */
NBA_MUST_USE
enum nba_status nba_report_count(struct nba_report *report, struct nba_history *history,
                                 struct nba_error *error);
void nba_report_clear(struct nba_report *report);

#endif
