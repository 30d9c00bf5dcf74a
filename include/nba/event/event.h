/*
 * One engagement event as the pipeline sees it: the decoded value of a record of
 * hcp.engagement.v1 (schemas/hcp.engagement.v1.avsc).
 *
 * OWNERSHIP.  Every nba_str borrows the record's bytes (decoding is zero-copy) or a default inside
 * the compiled schema; arrays borrow the decoder's arena.  The event lives as long as both.
 * An absent text is empty, an absent time is NBA_TIME_NONE, an absent number is 0.
 *
 * UNITS.  Times are ms since 1970 UTC; dwell_s, duration_s, minutes as named.
 */
#ifndef NBA_EVENT_EVENT_H
#define NBA_EVENT_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "nba/base/str.h"
#include "nba/event/vocabulary.h"

#define NBA_TIME_NONE INT64_MIN

struct nba_str_list {
    const struct nba_str *items;
    uint32_t count;
};

/* Facts of profile_updated; a field that is absent leaves the stored fact as it was. */
struct nba_profile {
    bool has_specialties, has_interests, has_registered_events, has_open_complaint;
    bool has_do_not_contact;
    struct nba_str market, region, tz, language; /* empty = absent */
    struct nba_str_list specialties;
    struct nba_str_list interests;
    struct nba_str_list registered_events;
    struct nba_str rep_id, msl_id, territory_id;
    /* Address state by channel: 0 absent, 1 ok, 2 bounced, 3 none. */
    uint8_t address[NBA_CHANNEL_COUNT];
    bool open_complaint, do_not_contact;
    struct nba_str npi, onekey_id, veeva_id;
};
enum nba_address { NBA_ADDRESS_ABSENT, NBA_ADDRESS_OK, NBA_ADDRESS_BOUNCED, NBA_ADDRESS_NONE };

struct nba_attribute {
    struct nba_str name;
    struct nba_str value;
};

struct nba_event {
    enum nba_event_type type;
    enum nba_channel channel; /* of consent_changed, or where the type doesn't say */
    enum nba_bot bot;
    enum nba_bounce bounce_class;
    enum nba_consent_scope scope_type; /* consent_changed, email_unsubscribed */
    enum nba_consent_status status;
    int64_t event_time_ms;
    int64_t recorded_time_ms;
    int64_t captured_at_ms; /* consent: NBA_TIME_NONE = event time */
    int64_t expires_at_ms;  /* consent: NBA_TIME_NONE = none */

    struct nba_str event_id, source, tenant_id, hcp_id;
    struct nba_str market, brand, campaign_id, content_id;
    struct nba_str_list topic_ids;
    struct nba_str action_id, message_id, session_id, device, region;
    struct nba_str scope_id; /* consent: brand or content type */
    struct nba_str rep_id, call_id, link_id, hcp_event_id;
    struct nba_str dismiss_reason, goal, currency, text, language;
    struct nba_str from_hcp_id, to_hcp_id, request_id;
    int32_t reaction; /* clm_slide_viewed: -1, 0, +1 */
    int32_t rank;
    double dwell_s, duration_s, minutes, value, rating;
    const struct nba_profile *profile; /* NULL unless profile_updated */
    const struct nba_attribute *attributes;
    uint32_t attribute_count;
};

/* The event's channel: its own field when set, else its type's. */
enum nba_channel nba_event_channel(const struct nba_event *event);

/* Does it enter the ring: the type's column, not a bot, a slide's reaction not negative. */
bool nba_event_in_ring(const struct nba_event *event);

#endif
