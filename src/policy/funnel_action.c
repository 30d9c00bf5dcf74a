/*
 * The messages about chosen candidates and about actions still open, and why each was chosen.
 *
 * DRIVERS.  One for every reason that spoke for the candidate, strongest first, each with the ids
 * of the events behind it.  Weights are shares from 0 to 1: of the score by model (what each member
 * added to it, of all that was added), of the priority by context weight or lever (1 - 1/w), of the
 * channel (how far its best P is above the mean of the others), and one small weight for what the
 * HCP's history says.  They order the drivers; they don't add up to one.
 */
#include <string.h>

#include "funnel_internal.h"
#include "nba/base/assert.h"
#include "nba/base/str_put.h"

/* A driver that says less than this is left out. */
#define DRIVER_WEIGHT_MIN 0.05
/* What engagement with the same topic counts when no rule gives it a weight. */
#define TOPIC_WEIGHT_MIN 0.1
/* What the HCP's history counts, */
#define HISTORY_WEIGHT 0.1
/* a content that became effective less than so long ago, and a silence as long as that. */
#define NEW_CONTENT_MS    (30 * NBA_DAY_MS)
#define LONG_SILENCE_MS   (90 * NBA_DAY_MS)
#define DRIVER_TEXT_BYTES 400u
#define RANK_DIGITS       10u

/* Texts by language, with the topic or the channel in between. */
static const struct text {
    const char *before, *after;
} texts[NBA_DRIVER_COUNT][2] = {
    [NBA_DRIVER_RECENT_TOPIC_ENGAGEMENT] = {{"Just engaged with the topic ", ""},
                                            {"Hat sich gerade mit dem Thema ", " befasst"}},
    [NBA_DRIVER_SEQUENCE_NEXT] = {{"Follows from the order of recent engagements", ""},
                                  {"Folgt aus der Reihenfolge der letzten Kontakte", ""}},
    [NBA_DRIVER_PEERS_ENGAGED] = {{"HCPs with a similar history engaged with it", ""},
                                  {"HCPs mit aehnlichem Verlauf haben es genutzt", ""}},
    [NBA_DRIVER_POPULAR_IN_SPECIALTY] = {{"Popular among HCPs of the specialty", ""},
                                         {"In der Fachrichtung viel genutzt", ""}},
    [NBA_DRIVER_CHANNEL_AFFINITY] = {{"Answers more often on the channel ", ""},
                                     {"Reagiert haeufiger auf dem Kanal ", ""}},
    [NBA_DRIVER_NEW_CONTENT] = {{"New content", ""}, {"Neuer Inhalt", ""}},
    [NBA_DRIVER_EMAIL_UNOPENED_STREAK] = {{"Several e-mails in a row stayed unopened", ""},
                                          {"Mehrere E-Mails in Folge blieben ungeoeffnet", ""}},
    [NBA_DRIVER_OPENED_NOT_CLICKED] = {{"Opened an e-mail without following its links", ""},
                                       {"Hat eine E-Mail geoeffnet, aber keinen Link", ""}},
    [NBA_DRIVER_CALL_FOLLOW_UP] = {{"Follows up a call", ""}, {"Folgt auf ein Gespraech", ""}},
    [NBA_DRIVER_LONG_SINCE_CONTACT] = {{"No contact for a long time", ""},
                                       {"Lange kein Kontakt", ""}},
    [NBA_DRIVER_REACTIVATION] = {{"Was active before and has been silent since", ""},
                                 {"War frueher aktiv und ist seitdem still", ""}},
    [NBA_DRIVER_EXPLORATION] = {{"Tried to learn how it is taken", ""},
                                {"Wird versucht, um daraus zu lernen", ""}},
    [NBA_DRIVER_LEVER] = {{"Raised by a business lever of the policy", ""},
                          {"Durch einen Hebel der Richtlinie angehoben", ""}},
};

struct drivers {
    struct nba_action_driver list[NBA_DRIVER_COUNT];
    uint32_t count;
    struct nba_str_list evidence; /* the trigger */
    struct nba_str language;
    struct nba_arena *arena;
    bool failed;
};

static void add_driver(struct drivers *drivers, enum nba_driver code, double weight,
                       struct nba_str detail)
{
    const struct text *parts = &texts[code][nba_str_is(drivers->language, "de") ? 1 : 0];
    const struct nba_str before = nba_str_of(parts->before);
    const struct nba_str after = nba_str_of(parts->after);
    char text[DRIVER_TEXT_BYTES];
    NBA_ASSERT(before.bytes + detail.bytes + after.bytes <= sizeof(text));
    const char *end = nba_str_put(nba_str_put(nba_str_put(text, before), detail), after);
    struct nba_action_driver driver = {
        .code = code,
        .text = nba_arena_copy(drivers->arena, nba_str(text, (size_t)(end - text))),
        .weight = nba_round9(weight),
        .evidence_event_ids = drivers->evidence,
    };
    if (code == NBA_DRIVER_LEVER || code == NBA_DRIVER_EXPLORATION) {
        driver.evidence_event_ids = (struct nba_str_list){NULL, 0}; /* a wish of the business */
    }
    drivers->failed = drivers->failed || driver.text.data == NULL;
    uint32_t i = drivers->count++;
    for (; i > 0 && drivers->list[i - 1].weight < driver.weight; i--) {
        drivers->list[i] = drivers->list[i - 1];
    }
    drivers->list[i] = driver;
}

static double positive(double x)
{
    return x > 0 ? x : 0;
}

/* What each member's share stands for: order (LSTM, rules), the company kept by contents and HCPs
 * (NCF, EASE, kNN), or how many engaged. */
static const enum nba_driver driver_of[NBA_MEMBER_COUNT] = {
    [NBA_MEMBER_LSTM] = NBA_DRIVER_SEQUENCE_NEXT,
    [NBA_MEMBER_NCF] = NBA_DRIVER_PEERS_ENGAGED,
    [NBA_MEMBER_POPULARITY] = NBA_DRIVER_POPULAR_IN_SPECIALTY,
    [NBA_MEMBER_EASE] = NBA_DRIVER_PEERS_ENGAGED,
    [NBA_MEMBER_KNN] = NBA_DRIVER_PEERS_ENGAGED,
    [NBA_MEMBER_RULES] = NBA_DRIVER_SEQUENCE_NEXT,
};

static void add_score_drivers(struct drivers *drivers, struct nba_score_shares shares)
{
    static const enum nba_driver codes[] = {NBA_DRIVER_SEQUENCE_NEXT, NBA_DRIVER_PEERS_ENGAGED,
                                            NBA_DRIVER_POPULAR_IN_SPECIALTY};
    double share[NBA_ARRAY_COUNT(codes)] = {0};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(codes); i++) {
        for (int m = 0; m < NBA_MEMBER_COUNT; m++) {
            share[i] += driver_of[m] == codes[i] ? positive(shares.of[m]) : 0;
        }
    }
    const double sum = share[0] + share[1] + share[2];
    for (size_t i = 0; i < NBA_ARRAY_COUNT(codes) && sum > 0; i++) {
        if (share[i] / sum >= DRIVER_WEIGHT_MIN) {
            add_driver(drivers, codes[i], share[i] / sum, nba_str("", 0));
        }
    }
}

/* How far this channel's best P is above the mean of the other channels', of itself. */
static double channel_affinity(const struct nba_scores *scores, enum nba_channel channel)
{
    double others = 0;
    uint32_t count = 0;
    for (unsigned i = 1; i < NBA_CHANNEL_COUNT; i++) {
        if (i != (unsigned)channel && scores->channel_present[i]) {
            others += scores->channel_probability[i];
            count++;
        }
    }
    const double own = scores->channel_probability[channel];
    return count != 0 && own > 0 ? 1 - others / count / own : 0;
}

/* What the moment of the event says: all of it with this event as evidence. */
static void add_history_drivers(const struct nba_catalog *catalog, const struct moment *moment,
                                uint32_t c, struct drivers *drivers)
{
    const struct nba_hcp *hcp = moment->hcp;
    const int64_t from_ms = catalog->effective_from_ms[c];
    const struct nba_ring_event *last = hcp->ring + hcp->ring_count - (hcp->ring_count != 0);
    int64_t contact_ms = NBA_TIME_NONE; /* the least of all times */
    for (unsigned i = 0; i < NBA_CHANNEL_COUNT; i++) {
        const int64_t time_ms = hcp->channels[i].last_contact_ms;
        contact_ms = time_ms > contact_ms ? time_ms : contact_ms;
    }
    const struct {
        enum nba_driver code;
        bool holds;
    } history[] = {
        {NBA_DRIVER_NEW_CONTENT,
         from_ms != NBA_TIME_NONE && moment->now_ms - from_ms < NEW_CONTENT_MS},
        {NBA_DRIVER_CALL_FOLLOW_UP, moment->event->type == NBA_EVENT_REP_CALL_COMPLETED &&
                                        catalog->channel[c] != (uint8_t)NBA_CHANNEL_REP},
        {NBA_DRIVER_LONG_SINCE_CONTACT,
         contact_ms != NBA_TIME_NONE && moment->now_ms - contact_ms >= LONG_SILENCE_MS},
        {NBA_DRIVER_REACTIVATION, hcp->ring_count > 1 && nba_event_in_ring(moment->event) &&
                                      last[0].time_ms - last[-1].time_ms >= LONG_SILENCE_MS},
    };
    for (size_t i = 0; i < NBA_ARRAY_COUNT(history); i++) {
        if (history[i].holds) {
            add_driver(drivers, history[i].code, HISTORY_WEIGHT, nba_str("", 0));
        }
    }
}

static void find_drivers(const struct nba_funnel *funnel, const struct nba_decide_request *request,
                         const struct moment *moment, uint32_t c, struct drivers *drivers)
{
    const struct nba_catalog *catalog = funnel->catalog;
    const uint32_t k = catalog->candidates[c].content;
    const enum nba_channel channel = (enum nba_channel)catalog->channel[c];
    const double context = funnel->pairs[funnel->weights.unit[c]].context;
    const double lever = funnel->pairs[funnel->weights.unit[c]].lever;
    const struct nba_str topic = moment->context.event_topic;
    if (funnel->trigger != NULL) {
        add_driver(drivers, funnel->trigger->driver, 1, nba_str("", 0));
    }
    if (topic.bytes != 0 && nba_catalog_find_word(catalog, topic) == catalog->content_topic[k] &&
        catalog->content_topic[k] != 0) {
        const double share = context > 1 ? 1 - 1 / context : 0;
        add_driver(drivers, NBA_DRIVER_RECENT_TOPIC_ENGAGEMENT,
                   share > TOPIC_WEIGHT_MIN ? share : TOPIC_WEIGHT_MIN, topic);
    }
    if (funnel->trigger == NULL) {
        add_score_drivers(drivers, nba_score_shares_of(request->scores, k));
    }
    const double affinity = channel_affinity(request->scores, channel);
    if (affinity >= DRIVER_WEIGHT_MIN) {
        add_driver(drivers, NBA_DRIVER_CHANNEL_AFFINITY, affinity,
                   nba_str_of(nba_channel_name(channel)));
    }
    if (moment->event != NULL) {
        add_history_drivers(catalog, moment, c, drivers);
    }
    if (lever > 1) {
        add_driver(drivers, NBA_DRIVER_LEVER, 1 - 1 / lever, nba_str("", 0));
    }
    if (drivers->count == 0 || drivers->list[drivers->count - 1].code == NBA_DRIVER_EXPLORATION) {
        add_driver(drivers, NBA_DRIVER_POPULAR_IN_SPECIALTY, DRIVER_WEIGHT_MIN, nba_str("", 0));
    }
}

struct nba_str nba_funnel_campaign(const struct nba_catalog *catalog,
                                   const struct nba_content *content, int64_t now_ms)
{
    for (uint32_t i = 0; i < content->campaign_ids.count; i++) {
        const struct nba_campaign *campaign =
            nba_catalog_find_campaign(catalog, content->campaign_ids.items[i]);
        if (campaign != NULL && campaign->start_ms <= now_ms &&
            (campaign->end_ms == NBA_TIME_NONE || now_ms < campaign->end_ms)) {
            return content->campaign_ids.items[i];
        }
    }
    return content->campaign_ids.count != 0 ? content->campaign_ids.items[0] : nba_str("", 0);
}

/* The HCP's own language where the treatment has it, else the treatment's first. */
static struct nba_str language_of(const struct nba_treatment *treatment, struct nba_str wanted)
{
    for (uint32_t i = 0; i < treatment->languages.count; i++) {
        if (nba_str_equal(treatment->languages.items[i], wanted)) {
            return wanted;
        }
    }
    return treatment->languages.count != 0 ? treatment->languages.items[0] : wanted;
}

static void set_person(const struct moment *moment, enum nba_content_class content_class,
                       struct nba_action *action)
{
    const struct person *person = &moment->persons[content_class];
    action->rep_id = person->rep_id;
    action->territory_id = person->rep != NULL && person->rep->territory_id.bytes != 0
                               ? person->rep->territory_id
                               : moment->hcp->profile.territory_id;
}

void nba_funnel_fill_treatment(const struct nba_funnel *funnel, const struct moment *moment,
                               uint32_t c, struct nba_action *action)
{
    const struct nba_catalog *catalog = funnel->catalog;
    const struct nba_content *content = nba_catalog_content(catalog, c);
    const struct nba_treatment *treatment = nba_catalog_treatment(catalog, c);
    action->brand = content->brand;
    action->campaign_id = nba_funnel_campaign(catalog, content, moment->now_ms);
    action->action_type = treatment->action_type;
    action->channel = treatment->channel;
    action->content_id = nba_funnel_content_id(funnel, c);
    action->content_version = funnel->nameless ? nba_str("", 0) : content->version;
    action->approval_number = treatment->approval_number;
    action->language = language_of(treatment, moment->hcp->profile.language);
    action->topic_ids = content->topic_ids;
    if (catalog->gates[catalog->gate_class[c]].needs_rep) {
        set_person(moment, content->content_class, action);
    }
}

static bool fill_action(struct nba_funnel *funnel, const struct nba_decide_request *request,
                        const struct moment *moment, uint32_t c, struct drivers *drivers,
                        struct nba_action *action)
{
    const uint32_t u = funnel->weights.unit[c];
    const double p = request->scores->propensity[c];
    const double *value = request->values != NULL ? request->values : funnel->catalog->value;
    nba_funnel_fill_treatment(funnel, moment, c, action);
    action->status = NBA_ACTION_PROPOSED;
    action->tenant_id = funnel->policy->head.tenant;
    action->hcp_id = moment->hcp->hcp_id;
    action->market = moment->market;
    action->priority = nba_round9(nba_funnel_priority(funnel, request, c));
    action->propensity = nba_round9(p);
    action->sampled_propensity = nba_round9(p);
    action->control_group = moment->experiment.control_group;
    action->arm = moment->experiment.arm;
    action->bucket = moment->experiment.bucket;
    action->context_weight = nba_round9(funnel->pairs[u].context);
    action->value = nba_round9(value[c]);
    action->lever_weight = nba_round9(funnel->pairs[u].lever);
    action->selection_probability = 1; /* the best is taken, but for the first place: below */
    action->time_ms = moment->now_ms;
    action->not_before_ms = nba_funnel_plan(funnel, moment, c).at_ms;
    action->best_send_time_ms = action->not_before_ms;
    action->expires_at_ms =
        nba_policy_expires_at(funnel->policy, action->channel, action->not_before_ms);
    action->policy_version = funnel->policy->head.version;
    action->model_version = nba_str_of(request->scores->model_version);
    action->engine_version = request->engine_version;
    action->trigger_event_id = request->trigger_event_id;
    find_drivers(funnel, request, moment, c, drivers);
    action->driver_count = drivers->count < NBA_DRIVERS_MAX ? drivers->count : NBA_DRIVERS_MAX;
    memcpy(action->drivers, drivers->list, action->driver_count * sizeof(*action->drivers));
    return !drivers->failed;
}

bool nba_funnel_fill_drivers(const struct nba_held_action *held, struct nba_str language,
                             struct nba_str topic, struct nba_arena *arena,
                             struct nba_action *action)
{
    struct nba_str *evidence = nba_arena_zeros(arena, NBA_HCP_EVIDENCE_MAX, sizeof(*evidence));
    struct drivers drivers = {.language = language, .arena = arena, .failed = evidence == NULL};
    if (evidence != NULL) {
        memcpy(evidence, held->evidence, held->evidence_count * sizeof(*evidence));
        drivers.evidence = (struct nba_str_list){evidence, held->evidence_count};
    }
    for (uint32_t i = 0; i < held->driver_count && !drivers.failed; i++) {
        const enum nba_driver code = held->drivers[i];
        const struct nba_str detail = code == NBA_DRIVER_RECENT_TOPIC_ENGAGEMENT ? topic
                                      : code == NBA_DRIVER_CHANNEL_AFFINITY
                                          ? nba_str_of(nba_channel_name(action->channel))
                                          : nba_str("", 0);
        add_driver(&drivers, code, held->driver_weights[i], detail);
    }
    action->driver_count = drivers.count;
    memcpy(action->drivers, drivers.list, drivers.count * sizeof(*action->drivers));
    return !drivers.failed;
}

enum nba_status nba_funnel_write_actions(struct nba_funnel *funnel,
                                         const struct nba_decide_request *request,
                                         const struct moment *moment,
                                         const struct selection *selection, struct nba_arena *arena,
                                         const struct nba_action **ret_actions)
{
    struct nba_action *actions = nba_arena_zeros(arena, selection->count + 1, sizeof(*actions));
    struct nba_str *trigger = nba_arena_zeros(arena, 1, sizeof(*trigger));
    if (actions == NULL || trigger == NULL) {
        return NBA_E_NO_MEMORY;
    }
    struct nba_str_list evidence = request->evidence;
    if (request->event != NULL) {
        *trigger = request->event->event_id;
        evidence = (struct nba_str_list){trigger, trigger->bytes != 0};
    }
    for (uint32_t i = 0; i < selection->count; i++) {
        struct drivers drivers = {
            .evidence = evidence,
            .language = moment->hcp->profile.language,
            .arena = arena,
        };
        actions[i].rank = (int32_t)i + 1;
        actions[i].slate_size = (int32_t)selection->count;
        const size_t room = request->decision_id.bytes + sizeof(":") + RANK_DIGITS;
        char *id = nba_arena_take(arena, room);
        if (i == 0 && selection->explored) {
            add_driver(&drivers, NBA_DRIVER_EXPLORATION, 1, nba_str("", 0));
        }
        if (id == NULL || !fill_action(funnel, request, moment, selection->candidates[i], &drivers,
                                       &actions[i])) {
            return NBA_E_NO_MEMORY;
        }
        if (i == 0) {
            actions[i].selection_probability = nba_round9(selection->probability);
            actions[i].sampled_propensity = selection->sampled >= 0 ? nba_round9(selection->sampled)
                                                                    : actions[i].sampled_propensity;
        }
        char *end = nba_str_put(id, request->decision_id);
        *end++ = ':';
        end = nba_str_put_number(end, (int64_t)i + 1, 0);
        actions[i].action_id = nba_str(id, (size_t)(end - id));
        actions[i].decision_id = request->decision_id;
    }
    *ret_actions = actions;
    return NBA_OK;
}

/* What the record kept of it, completed by the catalogue where it still has the content. */
void nba_funnel_open_action(const struct nba_funnel *funnel, const struct moment *moment,
                            const struct nba_open_action *open, struct nba_str *topic,
                            struct nba_action *ret_action)
{
    const struct nba_catalog *catalog = funnel->catalog;
    const uint32_t k = nba_catalog_find_content(catalog, open->content_id);
    const struct nba_experiment experiment =
        nba_policy_assign(funnel->policy, moment->hcp->hcp_id, open->proposed_at_ms);
    *topic = open->topic;
    *ret_action = (struct nba_action){
        .action_id = open->action_id,
        .decision_id = open->decision_id,
        .status = NBA_ACTION_PROPOSED,
        .tenant_id = funnel->policy->head.tenant,
        .hcp_id = moment->hcp->hcp_id,
        .market = moment->market,
        .brand = open->brand,
        .campaign_id = open->campaign_id,
        .action_type = open->action_type,
        .channel = open->channel,
        .content_id = open->content_id,
        .content_version = open->content_version,
        .language = moment->hcp->profile.language,
        .topic_ids = {topic, topic->bytes != 0},
        .rep_id = open->rep_id,
        .territory_id =
            open->rep_id.bytes != 0 ? moment->hcp->profile.territory_id : nba_str("", 0),
        .rank = open->rank,
        .slate_size = open->slate_size,
        .priority = nba_round9(open->priority),
        .selection_probability = 1,
        .arm = experiment.arm,
        .bucket = experiment.bucket,
        .time_ms = open->proposed_at_ms,
        .not_before_ms = open->proposed_at_ms,
        .best_send_time_ms = open->proposed_at_ms,
        .expires_at_ms = open->expires_at_ms,
        .policy_version = funnel->policy->head.version,
    };
    for (uint32_t c = k != NBA_CATALOG_NONE ? catalog->first_candidate[k] : 0;
         k != NBA_CATALOG_NONE && c < catalog->first_candidate[k + 1]; c++) {
        if (catalog->action_type[c] == (uint8_t)open->action_type) {
            const struct nba_treatment *treatment = nba_catalog_treatment(catalog, c);
            ret_action->approval_number = treatment->approval_number;
            ret_action->language = language_of(treatment, moment->hcp->profile.language);
            ret_action->topic_ids = catalog->contents[k].topic_ids;
        }
    }
}
