/* Contents, reps and HCPs: profiles and consents, then what people and machines send. */
#include <stdio.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/compiler.h"
#include "nba/codec/json.h"
#include "nba/stream/producer.h"
#include "sim.h"

#define CONTENTS 8u
#define HCPS     8u
#define REPS     2u
#define START_MS INT64_C(1772600000000)
#define DAY_MS   INT64_C(86400000)

/* One record; `text` NULL: `value` as it is. */
static void produce(struct nba_producer *producer, enum nba_schema schema, const char *key,
                    const char *text, struct nba_str value, int64_t timestamp_ms)
{
    struct nba_error error = {0};
    struct nba_buf buf;
    nba_buf_init(&buf, 1u << 16);
    if (text != NULL) {
        const enum nba_status status =
            nba_json_parse_value(sim.schemas, schema, nba_str_of(text), &buf, &error);
        NBA_ASSERT(status == NBA_OK);
        value = nba_buf_str(&buf);
    }
    const struct nba_outgoing outgoing = {.topic = nba_schema_topic(schema),
                                          .partition = NBA_PARTITION_BY_KEY,
                                          .key = nba_str_of(key),
                                          .value = value,
                                          .value_null = value.data == NULL,
                                          .timestamp_ms = timestamp_ms};
    const enum nba_status status = nba_producer_produce(producer, &outgoing, &error);
    NBA_ASSERT(status == NBA_OK);
    nba_buf_clear(&buf);
}

static struct nba_producer *open_producer(void)
{
    struct nba_producer *producer = NULL;
    struct nba_error error = {0};
    const enum nba_status status = nba_producer_create(sim.stream, NULL, &producer, &error);
    NBA_ASSERT(status == NBA_OK);
    return producer;
}

void sim_produce_catalog(void)
{
    static const char *const brands[] = {"CARDIOX", "PULMOVA", "NEUROLA"};
    struct nba_producer *producer = open_producer();
    for (unsigned i = 0; i < CONTENTS; i++) {
        char key[32];
        char text[1024];
        (void)snprintf(key, sizeof(key), "content:C%u", i);
        (void)snprintf(
            text, sizeof(text),
            "{\"kind\":\"content\",\"content\":{\"content_id\":\"C%u\",\"brand\":\"%s\","
            "\"topic_ids\":[\"topic-%u\"],\"class\":\"promotional\",\"title\":\"Content %u\","
            "\"treatments\":[{\"channel\":\"email\",\"action_type\":\"email\",\"approval_state\":"
            "\"approved\",\"approval_number\":\"A%u\"},{\"channel\":\"%s\",\"action_type\":"
            "\"%s\",\"approval_state\":\"approved\",\"approval_number\":\"W%u\"}]}}",
            i, brands[i % 3], i % 4, i, i, i % 2 != 0 ? "web" : "rep",
            i % 2 != 0 ? "portal_content" : "rep_call", i);
        produce(producer, NBA_SCHEMA_CATALOG, key, text, nba_str(NULL, 0), START_MS - DAY_MS);
    }
    for (unsigned i = 0; i < REPS; i++) {
        char key[32];
        char text[256];
        (void)snprintf(key, sizeof(key), "rep:rep-%u", i);
        (void)snprintf(text, sizeof(text),
                       "{\"kind\":\"rep\",\"rep\":{\"rep_id\":\"rep-%u\",\"role\":\"rep\","
                       "\"tz\":\"Europe/Berlin\"}}",
                       i);
        produce(producer, NBA_SCHEMA_CATALOG, key, text, nba_str(NULL, 0), START_MS - DAY_MS);
    }
    nba_producer_destroy(producer);
}

/* In some seeds one HCP has half of the events, and with them most of its partition. */
static unsigned hcp_of(struct nba_rng *rng, unsigned i)
{
    const bool hot = sim.seed % 4 == 0 && i % 2 == 0;
    return i < HCPS ? i : hot ? 0 : (unsigned)nba_rng_below(rng, HCPS);
}

/* Event `i` of the seed, a function of both: so it doesn't matter in which lots they are sent. */
static void produce_event(struct nba_producer *producer, unsigned i)
{
    static const char *const types[] = {"email_opened", "email_clicked", "portal_content_viewed",
                                        "webinar_attended"};
    struct nba_rng rng = nba_rng(sim.seed * 1000003u + i);
    const unsigned h = hcp_of(&rng, i);
    const uint64_t dice = nba_rng_below(&rng, 100);
    int64_t time_ms = START_MS + (int64_t)i * 3600000;
    unsigned id = i;
    char key[16];
    char text[1024];
    (void)snprintf(key, sizeof(key), "hcp-%u", h);
    if (i < HCPS) {
        (void)snprintf(
            text, sizeof(text),
            "{\"event_id\":\"e%u\",\"source\":\"mdm\",\"event_type\":\"profile_updated\","
            "\"event_time\":%lld,\"hcp_id\":\"%s\",\"profile\":{\"market\":\"%s\","
            "\"tz\":\"%s\",\"language\":\"en\",\"specialties\":[\"cardiology\"],"
            "\"rep_id\":\"rep-%u\",\"addresses\":{\"email\":\"ok\",\"web\":\"ok\"}}}",
            i, (long long)(START_MS - DAY_MS), key, h % 2 != 0 ? "US" : "DE",
            h % 2 != 0 ? "America/New_York" : "Europe/Berlin", h % REPS);
        produce(producer, NBA_SCHEMA_ENGAGEMENT, key, text, nba_str(NULL, 0), time_ms);
        return;
    }
    if (dice < 4) { /* no event at all */
        produce(producer, NBA_SCHEMA_ENGAGEMENT, key, NULL,
                dice < 2 ? nba_str(NULL, 0) : nba_str("poison", 6), time_ms);
        return;
    }
    if (dice < 12) {
        (void)snprintf(
            text, sizeof(text),
            "{\"event_id\":\"e%u\",\"source\":\"crm\",\"event_type\":\"consent_changed\","
            "\"event_time\":%lld,\"hcp_id\":\"%s\",\"channel\":\"email\","
            "\"scope_type\":\"channel\",\"status\":\"%s\"}",
            i, (long long)time_ms, key, dice < 9 ? "opt_in" : "opt_out");
        produce(producer, NBA_SCHEMA_ENGAGEMENT, key, text, nba_str(NULL, 0), time_ms);
        return;
    }
    if (dice >= 88) { /* what a rep says of an action that an event before may have brought */
        static const char *const words[] = {"action_shown", "action_sent", "action_accepted",
                                            "action_not_sent"};
        const unsigned before = i - 1 - (unsigned)nba_rng_below(&rng, 4);
        struct nba_rng then = nba_rng(sim.seed * 1000003u + before);
        (void)snprintf(key, sizeof(key), "hcp-%u", hcp_of(&then, before));
        (void)snprintf(text, sizeof(text),
                       "{\"event_id\":\"e%u\",\"source\":\"crm\",\"event_type\":\"%s\","
                       "\"event_time\":%lld,\"hcp_id\":\"%s\",\"action_id\":\"dec:web#e%u:1\"}",
                       i, words[nba_rng_below(&rng, NBA_ARRAY_COUNT(words))], (long long)time_ms,
                       key, before);
        produce(producer, NBA_SCHEMA_ENGAGEMENT, key, text, nba_str(NULL, 0), time_ms);
        return;
    }
    if (dice < 18) { /* sent again, by another way */
        id = i - 1;
    } else if (dice < 24) {
        time_ms -= 5 * DAY_MS;
    }
    (void)snprintf(text, sizeof(text),
                   "{\"event_id\":\"e%u\",\"source\":\"web\",\"event_type\":\"%s\","
                   "\"event_time\":%lld,\"hcp_id\":\"%s\",\"content_id\":\"C%u\"}",
                   id, types[nba_rng_below(&rng, NBA_ARRAY_COUNT(types))], (long long)time_ms, key,
                   (unsigned)nba_rng_below(&rng, CONTENTS));
    produce(producer, NBA_SCHEMA_ENGAGEMENT, key, text, nba_str(NULL, 0), time_ms);
}

void sim_produce_events(unsigned from, unsigned to)
{
    struct nba_producer *producer = open_producer();
    for (unsigned i = from; i < to; i++) {
        produce_event(producer, i);
    }
    nba_producer_destroy(producer);
}
