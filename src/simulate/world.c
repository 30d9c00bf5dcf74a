/* Making the world: contents in series, HCPs with their tastes, and what is known of them. */
#include "nba/simulate/world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/memory.h"
#include "nba/base/time_text.h"
#include "nba/linalg/elementary.h"
#include "world_internal.h"

#define START_MS INT64_C(1767592800000) /* 2026-01-05T06:00:00Z, a Monday */
#define SOURCE   "simulator"
#define TENANT   "acme"

struct nba_world_options nba_world_options_for(uint64_t events, uint64_t seed)
{
    const uint64_t hcps = events / 40;
    return (struct nba_world_options){
        .seed = seed,
        .hcps = (uint32_t)(hcps < 100       ? 100
                           : hcps > 1000000 ? 1000000
                                            : hcps),
        .contents = 160,
        .events = events,
        .start_ms = NBA_TIME_NONE,
        .days = 120,
        .bot_share = 0.08,
        .duplicate_share = 0.01,
        .late_share = 0.02,
    };
}

static void make_contents(struct nba_world *world)
{
    for (uint32_t k = 0; k < world->content_count; k++) {
        struct sim_content *content = &world->contents[k];
        content->series = k / STAGE_COUNT;
        content->stage = k % STAGE_COUNT;
        content->topic = content->series % TOPIC_COUNT;
        content->quality = (float)(0.5 * nba_sim_normal(world));
        content->approval =
            nba_sim_happens(world, 0.02) ? NBA_APPROVAL_WITHDRAWN : NBA_APPROVAL_APPROVED;
        content->from_ms = NBA_TIME_NONE;
        /* A twentieth is published while the log runs. */
        if (nba_sim_happens(world, 0.05)) {
            content->from_ms =
                world->options.start_ms +
                (int64_t)(world->options.days * nba_rng_double(&world->rng) * (double)NBA_DAY_MS);
        }
    }
    for (size_t i = 0; i < (size_t)CLUSTER_COUNT * world->content_count; i++) {
        world->peer[i] = (float)(nba_sim_happens(world, 0.1) ? 1.6 : 0.2 * nba_sim_normal(world));
    }
}

static void make_hcp(struct nba_world *world, struct sim_hcp *hcp)
{
    hcp->specialty = nba_sim_below(world, SPECIALTY_COUNT);
    hcp->second_specialty =
        nba_sim_happens(world, 0.1) ? nba_sim_below(world, SPECIALTY_COUNT) : UINT32_MAX;
    hcp->cluster = nba_sim_below(world, CLUSTER_COUNT);
    hcp->market = nba_sim_happens(world, 0.6) ? 0 : 1 + nba_sim_below(world, MARKET_COUNT - 1);
    hcp->zone = nba_sim_below(world, nba_sim_markets[hcp->market].zone_count);
    hcp->rep = nba_sim_below(world, world->rep_count);
    for (uint32_t t = 0; t < TOPIC_COUNT; t++) {
        double interest = nba_sim_interest[hcp->specialty][t];
        if (hcp->second_specialty != UINT32_MAX) {
            interest += 0.5 * nba_sim_interest[hcp->second_specialty][t];
        }
        hcp->taste[t] = (float)(0.8 * interest - 1.2 + 0.4 * nba_sim_normal(world));
    }
    for (unsigned c = NBA_CHANNEL_EMAIL; c < CHANNELS_LIKED; c++) {
        hcp->channel[c] = (float)(0.6 * nba_sim_normal(world));
    }
    /* Log-normal: a few are very active. */
    hcp->rate = (float)nba_exp(0.7 * nba_sim_normal(world) - 0.25);
    hcp->gateway = nba_sim_happens(world, world->options.bot_share);
    hcp->last_content = UINT32_MAX;
}

struct nba_world *nba_world_create(const struct nba_world_options *options)
{
    struct nba_world *world = nba_zeros(1, sizeof(*world));
    NBA_ASSERT(options->hcps > 0 && options->hcps <= NBA_WORLD_HCPS_MAX);
    world->options = *options;
    world->options.start_ms = options->start_ms == NBA_TIME_NONE ? START_MS : options->start_ms;
    world->options.days = options->days > 0 ? options->days : 120;
    world->rng = nba_rng(options->seed * UINT64_C(0x9E3779B97F4A7C15) + 1);
    const uint32_t series = (options->contents + STAGE_COUNT - 1) / STAGE_COUNT;
    world->content_count = (series > 0 ? series : 1) * STAGE_COUNT;
    world->rep_count = options->reps > 0 ? options->reps : options->hcps / 100 + 1;
    world->seen_bytes = (world->content_count + 7) / 8;
    world->now_ms = world->options.start_ms;
    nba_arena_init(&world->arena, SIZE_MAX);
    const size_t contents = world->content_count;
    world->contents = nba_zeros(contents, sizeof(*world->contents));
    world->peer = nba_zeros(CLUSTER_COUNT * contents, sizeof(*world->peer));
    world->weights = nba_zeros(contents, sizeof(*world->weights));
    world->hcps = nba_zeros(options->hcps, sizeof(*world->hcps));
    world->seen = nba_zeros(options->hcps, world->seen_bytes);
    make_contents(world);
    for (uint32_t i = 0; i < options->hcps; i++) {
        make_hcp(world, &world->hcps[i]);
    }
    for (uint32_t i = 0; i < options->hcps; i++) {
        const int64_t start_ms = world->options.start_ms;
        nba_sim_plan(world, STEP_VISIT, i, start_ms, nba_rng_double(&world->rng) * 4.0);
        nba_sim_plan(world, STEP_PUSH, i, start_ms, nba_rng_double(&world->rng) * 8.0);
    }
    return world;
}

void nba_world_destroy(struct nba_world *world)
{
    if (world != NULL) {
        nba_arena_clear(&world->arena);
        free(world->contents);
        free(world->peer);
        free(world->weights);
        free(world->hcps);
        free(world->seen);
        free(world->actions);
        free(world->heap);
        free(world);
    }
}

static void *take(struct nba_arena *arena, size_t count, size_t size)
{
    void *memory = nba_arena_zeros(arena, count, size);
    NBA_ASSERT(memory != NULL); /* some hundred bytes an event or record */
    return memory;
}

/* "hcp-00017", "rep-003", "CT-0042", "e-17" */
NBA_PRINTF(2, 3)
static struct nba_str id_of(struct nba_arena *arena, const char *format, ...)
{
    char text[64];
    va_list arguments;
    va_start(arguments, format);
    const int bytes = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return nba_arena_copy(arena, nba_str(text, (size_t)bytes));
}

static struct nba_str_list list_of(struct nba_arena *arena, const char *a, const char *b,
                                   const char *c)
{
    struct nba_str *items = take(arena, 3, sizeof(*items));
    items[0] = nba_str_of(a);
    items[1] = nba_str_of(b);
    items[2] = nba_str_of(c);
    return (struct nba_str_list){items, c != NULL ? 3 : b != NULL ? 2 : 1};
}

static void add_treatments(const struct nba_world *world, uint32_t index, struct nba_arena *arena,
                           struct nba_content *content)
{
    static const struct {
        enum nba_channel channel;
        enum nba_action_type type;
        const char *approval;
    } ways[] = {{NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL, "EM"},
                {NBA_CHANNEL_REP, NBA_ACTION_TYPE_REP_CALL_OBJECTIVE, "RC"},
                {NBA_CHANNEL_WEB, NBA_ACTION_TYPE_PORTAL_CONTENT, "WB"},
                {NBA_CHANNEL_EVENT, NBA_ACTION_TYPE_EVENT_INVITE, "EV"}};
    const struct sim_content *one = &world->contents[index];
    struct nba_treatment *treatments = take(arena, 4, sizeof(*treatments));
    for (uint32_t i = 0; i < 4; i++) {
        /* Patient material isn't for events; awareness isn't a call objective. */
        if ((i == 3 && one->stage == 3) || (i == 1 && one->stage == 0)) {
            continue;
        }
        treatments[content->treatment_count++] =
            (struct nba_treatment){.channel = ways[i].channel,
                                   .action_type = ways[i].type,
                                   .approval_state = one->approval,
                                   .approval_number = nba_str_of(ways[i].approval),
                                   .effective_from_ms = one->from_ms,
                                   .expires_at_ms = NBA_TIME_NONE,
                                   .value = i == 1 ? 1.2 : 1.0};
    }
    content->treatments = treatments;
}

uint32_t nba_world_reference_count(const struct nba_world *world)
{
    return world->content_count + BRAND_COUNT + world->rep_count;
}

static void describe_content(const struct nba_world *world, uint32_t index, struct nba_arena *arena,
                             struct nba_content *content)
{
    const struct sim_content *one = &world->contents[index];
    const struct sim_topic *topic = &nba_sim_topics[one->topic];
    const uint32_t variant = one->series / TOPIC_COUNT;
    content->content_id = id_of(arena, "CT-%04u", index);
    content->version = nba_str_of("1");
    content->brand = nba_str_of(nba_sim_brands[topic->brand]);
    content->campaign_ids = list_of(arena, nba_sim_brands[topic->brand], NULL, NULL);
    content->content_class = NBA_CONTENT_CLASS_PROMOTIONAL;
    content->title = nba_sim_title(one->topic, one->stage, variant, arena);
    content->abstract = nba_sim_abstract(one->topic, one->stage, variant, arena);
    content->keywords = list_of(arena, topic->first, topic->second, topic->third);
    content->topic_ids = list_of(arena, topic->id, NULL, NULL);
    content->asset_type = nba_str_of(nba_sim_stages[one->stage]);
    add_treatments(world, index, arena, content);
}

void nba_world_reference(const struct nba_world *world, uint32_t index, struct nba_arena *arena,
                         struct nba_reference *ret_reference)
{
    NBA_ASSERT(index < nba_world_reference_count(world));
    memset(ret_reference, 0, sizeof(*ret_reference));
    if (index < world->content_count) {
        ret_reference->kind = NBA_REFERENCE_CONTENT;
        describe_content(world, index, arena, &ret_reference->content);
        return;
    }
    index -= world->content_count;
    if (index < BRAND_COUNT) {
        ret_reference->kind = NBA_REFERENCE_CAMPAIGN;
        ret_reference->campaign =
            (struct nba_campaign){.campaign_id = nba_str_of(nba_sim_brands[index]),
                                  .brand = nba_str_of(nba_sim_brands[index]),
                                  .goal = nba_str_of("engagement"),
                                  .start_ms = world->options.start_ms - 30 * NBA_DAY_MS,
                                  .end_ms = world->options.start_ms + 3650 * NBA_DAY_MS};
        return;
    }
    index -= BRAND_COUNT;
    const struct sim_market *market = &nba_sim_markets[index % MARKET_COUNT];
    ret_reference->kind = NBA_REFERENCE_REP;
    ret_reference->rep = (struct nba_rep){.rep_id = id_of(arena, "rep-%03u", index),
                                          .tz = nba_str_of(nba_sim_zones[market->first_zone]),
                                          .territory_id = nba_str_of(market->id),
                                          .role = NBA_REP_ROLE_REP};
}

/* One profile and one e-mail consent each. */
uint64_t nba_world_fact_count(const struct nba_world *world)
{
    return 2 * (uint64_t)world->options.hcps;
}

static void begin_event(const struct nba_world *world, uint32_t hcp, enum nba_event_type type,
                        int64_t event_ms, struct nba_arena *arena, struct nba_event *ret_event)
{
    *ret_event =
        (struct nba_event){.type = type,
                           .source = nba_str_of(SOURCE),
                           .tenant_id = nba_str_of(TENANT),
                           .hcp_id = id_of(arena, "hcp-%05u", hcp),
                           .market = nba_str_of(nba_sim_markets[world->hcps[hcp].market].id),
                           .event_time_ms = event_ms,
                           .recorded_time_ms = NBA_TIME_NONE,
                           .captured_at_ms = NBA_TIME_NONE,
                           .expires_at_ms = NBA_TIME_NONE};
}

static void describe_profile(const struct nba_world *world, uint32_t index, struct nba_arena *arena,
                             struct nba_event *event)
{
    const struct sim_hcp *hcp = &world->hcps[index];
    const struct sim_market *market = &nba_sim_markets[hcp->market];
    const bool two = hcp->second_specialty != UINT32_MAX && hcp->second_specialty != hcp->specialty;
    struct nba_profile *profile = take(arena, 1, sizeof(*profile));
    profile->has_specialties = true;
    profile->specialties = list_of(arena, nba_sim_specialties[hcp->specialty],
                                   two ? nba_sim_specialties[hcp->second_specialty] : NULL, NULL);
    profile->market = profile->region = profile->territory_id = nba_str_of(market->id);
    profile->tz = nba_str_of(nba_sim_zones[market->first_zone + hcp->zone]);
    profile->language = nba_str_of(market->language);
    profile->rep_id = id_of(arena, "rep-%03u", hcp->rep);
    profile->has_open_complaint = true;
    for (int channel = NBA_CHANNEL_EMAIL; channel <= NBA_CHANNEL_EVENT; channel++) {
        profile->address[channel] = NBA_ADDRESS_OK;
    }
    event->profile = profile;
}

/* Where e-mail needs an opt-in, three of four gave it. */
static bool gave_opt_in(const struct nba_world *world, uint32_t index)
{
    return !nba_sim_markets[world->hcps[index].market].asks_opt_in || index % 4 != 3;
}

void nba_world_fact(const struct nba_world *world, uint64_t index, struct nba_arena *arena,
                    struct nba_event *ret_event)
{
    const uint32_t hcp = (uint32_t)(index / 2);
    const int64_t start_ms = world->options.start_ms;
    NBA_ASSERT(index < nba_world_fact_count(world));
    if (index % 2 == 0) {
        begin_event(world, hcp, NBA_EVENT_PROFILE_UPDATED, start_ms - 2 * NBA_DAY_MS, arena,
                    ret_event);
        ret_event->event_id = id_of(arena, "profile-%u", hcp);
        describe_profile(world, hcp, arena, ret_event);
    } else {
        begin_event(world, hcp, NBA_EVENT_CONSENT_CHANGED, start_ms - NBA_DAY_MS, arena, ret_event);
        ret_event->event_id = id_of(arena, "consent-%u", hcp);
        ret_event->channel = NBA_CHANNEL_EMAIL;
        ret_event->scope_type = NBA_CONSENT_SCOPE_CHANNEL;
        ret_event->status =
            gave_opt_in(world, hcp) ? NBA_CONSENT_STATUS_OPT_IN : NBA_CONSENT_STATUS_PENDING;
        ret_event->captured_at_ms = ret_event->event_time_ms;
    }
}

int64_t nba_world_now_ms(const struct nba_world *world)
{
    return world->now_ms;
}

struct nba_world_tally nba_world_tally(const struct nba_world *world)
{
    return world->tally;
}

/* The number behind the prefix, or UINT32_MAX. */
static uint32_t number_of(struct nba_str id, const char *prefix, uint32_t count)
{
    char text[16];
    const size_t skip = strlen(prefix);
    (void)snprintf(text, sizeof(text), "%.*s", NBA_STR_ARG(id));
    if (id.bytes <= skip || id.bytes > skip + 9 || strncmp(text, prefix, skip) != 0 ||
        strspn(text + skip, "0123456789") != id.bytes - skip) {
        return UINT32_MAX;
    }
    const unsigned long number = strtoul(text + skip, NULL, 10);
    return number < count ? (uint32_t)number : UINT32_MAX;
}

uint32_t nba_world_hcp_count(const struct nba_world *world)
{
    return world->options.hcps;
}

uint32_t nba_world_hcp_of(const struct nba_world *world, struct nba_str hcp_id)
{
    return number_of(hcp_id, "hcp-", world->options.hcps);
}

uint32_t nba_world_content_of(const struct nba_world *world, struct nba_str content_id)
{
    return number_of(content_id, "CT-", world->content_count);
}

/* A record of the flow as an event. */
static void describe_record(const struct nba_world *world, const struct sim_record *record,
                            struct nba_arena *arena, struct nba_event *event)
{
    begin_event(world, record->hcp, record->type, record->event_ms, arena, event);
    event->event_id = id_of(arena, "e-%" PRIu64, record->serial);
    event->channel = record->channel;
    event->bot = record->bot;
    event->dwell_s = (double)record->dwell_s;
    if (record->message != 0) {
        event->message_id = id_of(arena, "m-%" PRIu64, record->message);
    }
    if (record->content != UINT32_MAX) {
        const struct sim_topic *topic = &nba_sim_topics[world->contents[record->content].topic];
        event->content_id = id_of(arena, "CT-%04u", record->content);
        event->brand = nba_str_of(nba_sim_brands[topic->brand]);
        event->campaign_id = event->brand;
        event->topic_ids = list_of(arena, topic->id, NULL, NULL);
    }
    if (record->action != UINT32_MAX) {
        event->action_id = world->actions[record->action].action_id;
    }
    if (record->type == NBA_EVENT_REP_CALL_COMPLETED) {
        event->call_id = id_of(arena, "call-%" PRIu64, record->serial);
        event->rep_id = id_of(arena, "rep-%03u", world->hcps[record->hcp].rep);
    }
    if (record->type == NBA_EVENT_CONSENT_CHANGED) {
        event->scope_type = NBA_CONSENT_SCOPE_CHANNEL;
        event->status = record->status;
        event->captured_at_ms = record->event_ms;
    }
}

bool nba_world_next(struct nba_world *world, struct nba_arena *arena, struct nba_event *ret_event)
{
    struct sim_pending pending;
    while (world->said < world->options.events && nba_sim_pop(world, &pending)) {
        world->now_ms = pending.at_ms > world->now_ms ? pending.at_ms : world->now_ms;
        if (pending.step != STEP_EVENT) {
            nba_sim_step_taken(world, &pending);
            continue;
        }
        describe_record(world, &pending.record, arena, ret_event);
        world->said++;
        return true;
    }
    return false;
}
