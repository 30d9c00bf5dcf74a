/*
 * Reference records: contents, campaigns and reps, the values of nba.catalog.v1
 * (schemas/nba.catalog.v1.avsc).  Key = kind:id, for example "content:CX-EM-011".
 *
 * OWNERSHIP.  As in event.h: texts borrow the record or the owner's arena.
 */
#ifndef NBA_EVENT_REFERENCE_H
#define NBA_EVENT_REFERENCE_H

#include "nba/event/event.h"

struct nba_treatment {
    enum nba_channel channel;
    enum nba_action_type action_type;
    enum nba_approval approval_state;
    struct nba_str approval_number;
    struct nba_str_list markets;   /* empty: every market */
    struct nba_str_list languages; /* empty: every language */
    int64_t effective_from_ms;     /* NBA_TIME_NONE: since ever */
    int64_t expires_at_ms;         /* NBA_TIME_NONE: never */
    double value;                  /* V of P*C*V*L; 1 when not given */
};

struct nba_content {
    struct nba_str content_id;
    struct nba_str family_id; /* empty in a message: the content's own id */
    struct nba_str version;
    struct nba_str brand;
    struct nba_str_list campaign_ids;
    struct nba_str business_unit;
    enum nba_content_class content_class;
    struct nba_str title, abstract;
    struct nba_str_list keywords, topic_ids, codes;
    struct nba_str asset_type;
    struct nba_str event_id; /* the webinar or congress it invites to */
    const struct nba_treatment *treatments;
    uint32_t treatment_count;
};

struct nba_campaign {
    struct nba_str campaign_id, brand, goal;
    int64_t start_ms, end_ms;
};

struct nba_absence {
    int64_t from_ms, to_ms;
};

struct nba_rep {
    struct nba_str rep_id, tz, territory_id;
    enum nba_rep_role role;
    const struct nba_absence *absences;
    uint32_t absence_count;
};

enum nba_reference_kind {
    NBA_REFERENCE_CONTENT,
    NBA_REFERENCE_CAMPAIGN,
    NBA_REFERENCE_REP,
};

struct nba_reference {
    enum nba_reference_kind kind;
    struct nba_content content;
    struct nba_campaign campaign;
    struct nba_rep rep;
};

/* A message of nba.control.v1: what changes at run time without a deploy. */
enum nba_control_kind {
    NBA_CONTROL_UNKNOWN,
    NBA_CONTROL_MODE,    /* mode: live, shadow, stopped */
    NBA_CONTROL_EXCLUDE, /* content_id or brand or campaign_id, until */
    NBA_CONTROL_INCLUDE, /* takes an exclusion back */
    NBA_CONTROL_RELEASE, /* announces a model release by hash */
    NBA_CONTROL_POLICY,  /* announces a policy by hash */
};

struct nba_control {
    enum nba_control_kind kind;
    struct nba_str id;     /* of the message */
    struct nba_str target; /* mode word, content id, release id, policy hash */
    struct nba_str scope;  /* exclude: "content", "brand" or "campaign" */
    struct nba_str reason, by;
    int64_t time_ms, until_ms;
};

#endif
