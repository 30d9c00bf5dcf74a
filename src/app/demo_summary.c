/* Events and decisions of a partition stand in the same order: one pass puts them side by side for
 * the figures; then come stories of HCPs, each from its own partition; then the control group. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decision_text.h"
#include "demo_market.h"
#include "nba/app/walk.h"
#include "nba/base/hash.h"
#include "nba/base/memory.h"
#include "nba/base/time_text.h"
#include "nba/score/score.h"
#include "report_count.h"

#define TOP          10u
#define STORY_EVENTS 6u
#define LINE_BYTES   400u

/* What is known of an HCP while the log goes by. */
struct seen {
    uint32_t ranking[NBA_SCORE_MODELS][TOP]; /* world's content indexes */
    uint8_t ranked[NBA_SCORE_MODELS];
    uint32_t decisions, hits;
};

/* An event of the partition at hand. */
struct happened {
    uint32_t hcp, content;
    bool live, positive;
};

/* ---- what stories are of, besides what is foreseen ---- */

static bool proposed(const struct nba_decision *decision)
{
    return decision->kind == NBA_DECISION_DECIDED && decision->selected_count != 0;
}

static bool took_back(const struct nba_decision *decision)
{
    return decision->closed_count != 0;
}

static bool held(const struct nba_decision *decision)
{
    return decision->held_count != 0 && decision->held[0].reason == NBA_REASON_HELD_QUIET_HOURS;
}

static bool triggered(const struct nba_decision *decision)
{
    static const char timer[] = "dec:timer#";
    return proposed(decision) && decision->decision_id.bytes > sizeof(timer) &&
           memcmp(decision->decision_id.data, timer, sizeof(timer) - 1) == 0;
}

/* What matches, or whose reasons have one. */
struct kind {
    const char *title;
    bool (*matches)(const struct nba_decision *decision);
    enum nba_reason reason;
};

static const struct kind kinds[] = {
    {"One who said no: open actions were taken back", took_back, NBA_REASON_NONE},
    {"One who had enough: a limit", NULL, NBA_REASON_FREQUENCY_CAP},
    {"One whose rep is busy: no alert left today", NULL, NBA_REASON_REP_CAPACITY},
    {"One who sleeps: held until the morning", held, NBA_REASON_NONE},
    {"One who didn't answer in time: a trigger", triggered, NBA_REASON_NONE},
    {"One of the control group: nothing is sent", NULL, NBA_REASON_CONTROL_GROUP},
};
static const struct kind a_proposal = {NULL, proposed, NBA_REASON_NONE};
/* The kind that is being looked for: nba_decision_find has no place for it. */
static const struct kind *wanted;

static bool is_of_kind(const struct kind *kind, const struct nba_decision *decision)
{
    return kind->matches != NULL ? kind->matches(decision)
                                 : decision->reason_count[kind->reason] != 0;
}

static bool is_wanted(const struct nba_decision *decision)
{
    return is_of_kind(wanted, decision);
}

struct summary {
    struct nba_demo_market *market;
    uint32_t of_kind[NBA_ARRAY_COUNT(kinds)]; /* an HCP; UINT32_MAX: none */
    struct nba_workplace *place;
    struct seen *hcps;
    uint32_t hcp_count;
    struct happened *events;
    size_t event_count, event_capacity, at;
    uint64_t judged, hits[NBA_SCORE_MODELS];
    uint64_t decided, proposed, decided_with_proposal;
    int64_t live_ms; /* of the first live event */
};

/* ---- figures ---- */

static enum nba_status note_event(void *context, const struct nba_record *record,
                                  struct nba_error *error)
{
    struct summary *s = context;
    struct nba_world *world = s->market->world;
    struct nba_event event;
    nba_arena_reset(&s->place->arena);
    const enum nba_status status =
        nba_decode_event(s->place->decoder, record->value, &s->place->arena, &event, error);
    if (status == NBA_OK) {
        s->events = nba_room(s->events, s->event_count, &s->event_capacity, sizeof(*s->events));
        s->events[s->event_count++] = (struct happened){
            .hcp = nba_world_hcp_of(world, event.hcp_id),
            .content = nba_world_content_of(world, event.content_id),
            .live = record->offset >= s->market->lanes[record->partition].live_from,
            .positive = nba_event_in_ring(&event),
        };
        if (s->events[s->event_count - 1].live && event.event_time_ms < s->live_ms) {
            s->live_ms = event.event_time_ms;
        }
    }
    return status;
}

static void judge(struct summary *s, struct seen *seen, uint32_t content)
{
    if (seen->ranked[NBA_SCORE_FUSION] == 0) {
        return; /* no decision yet: nobody foresaw anything */
    }
    s->judged++;
    for (unsigned model = 0; model < NBA_SCORE_MODELS; model++) {
        /* A newcomer's LSTM has no list: it falls back on popularity, as the engine does. */
        const unsigned list = seen->ranked[model] != 0 ? model : NBA_SCORE_POPULARITY;
        bool hit = false;
        for (unsigned i = 0; i < seen->ranked[list]; i++) {
            hit = hit || seen->ranking[list][i] == content;
        }
        s->hits[model] += hit;
        seen->hits += hit && model == NBA_SCORE_FUSION;
    }
}

static void remember_rankings(struct summary *s, struct seen *seen,
                              const struct nba_decision *decision)
{
    memset(seen->ranked, 0, sizeof(seen->ranked));
    for (uint32_t r = 0; r < decision->ranking_count; r++) {
        const struct nba_model_ranking *ranking = &decision->rankings[r];
        unsigned model = 0;
        while (model < NBA_SCORE_MODELS &&
               !nba_str_is(ranking->model, nba_score_model_name((enum nba_score_model)model))) {
            model++;
        }
        for (uint32_t i = 0; model < NBA_SCORE_MODELS && i < ranking->content_ids.count && i < TOP;
             i++) {
            seen->ranking[model][i] =
                nba_world_content_of(s->market->world, ranking->content_ids.items[i]);
            seen->ranked[model]++;
        }
    }
}

/* The first HCP of each kind that isn't in another story. */
static void note_kind(struct summary *s, const struct nba_decision *decision)
{
    const uint32_t hcp = nba_world_hcp_of(s->market->world, decision->hcp_id);
    bool told = hcp >= s->hcp_count;
    for (size_t k = 0; k < NBA_ARRAY_COUNT(kinds); k++) {
        told = told || s->of_kind[k] == hcp;
    }
    for (size_t k = 0; k < NBA_ARRAY_COUNT(kinds) && !told; k++) {
        if (s->of_kind[k] == UINT32_MAX && is_of_kind(&kinds[k], decision)) {
            s->of_kind[k] = hcp;
            told = true;
        }
    }
}

static enum nba_status count_decision(void *context, const struct nba_record *record,
                                      struct nba_error *error)
{
    struct summary *s = context;
    struct nba_decision decision;
    const bool input = nba_demo_cause(s->market, record) >= 0; /* else a timer or another task */
    if (input && s->at == s->event_count) {
        return NBA_OK;
    }
    const struct happened nothing = {.hcp = UINT32_MAX};
    const struct happened *event = input ? &s->events[s->at++] : &nothing;
    nba_arena_reset(&s->place->arena);
    const enum nba_status status =
        nba_decode_decision(s->place->decoder, record->value, &s->place->arena, &decision, error);
    if (status != NBA_OK) {
        return status;
    }
    if (event->live || (!input && s->at != 0 && s->events[s->at - 1].live)) {
        note_kind(s, &decision);
    }
    if (event->hcp >= s->hcp_count) {
        return NBA_OK;
    }
    struct seen *seen = &s->hcps[event->hcp];
    if (event->live && event->positive && decision.kind != NBA_DECISION_SKIPPED) {
        judge(s, seen, event->content);
    }
    if (decision.kind == NBA_DECISION_DECIDED) {
        seen->decisions += event->live;
        s->decided += event->live;
        s->proposed += event->live ? decision.selected_count : 0;
        s->decided_with_proposal += event->live && decision.selected_count != 0;
        remember_rankings(s, seen, &decision);
    }
    return NBA_OK;
}

static enum nba_status count_all(struct summary *s, struct nba_error *error)
{
    const struct nba_config_topics *topics = &s->place->config.topics;
    enum nba_status status = NBA_OK;
    for (int32_t p = 0; status == NBA_OK && p < s->market->lane_count; p++) {
        int64_t input = 0;
        int64_t decisions = 0;
        s->event_count = s->at = 0;
        status = nba_walk_partition(s->place->stream, topics->engagement, p, &input, note_event, s,
                                    error);
        if (status == NBA_OK) {
            status = nba_walk_partition(s->place->stream, topics->decision, p, &decisions,
                                        count_decision, s, error);
        }
    }
    return status;
}

static void print_figures(const struct summary *s, struct nba_buf *out)
{
    const double decided = (double)(s->decided != 0 ? s->decided : 1);
    const double judged = (double)(s->judged != 0 ? s->judged : 1);
    nba_buf_printf(
        out, "\ndecisions in the live part: %llu, %.1f %% proposed something, %llu actions\n",
        (unsigned long long)s->decided, 100.0 * (double)s->decided_with_proposal / decided,
        (unsigned long long)s->proposed);
    nba_buf_printf(out,
                   "next content among the ten ranked highest (prequential HR@10, %llu "
                   "engagements):\n",
                   (unsigned long long)s->judged);
    for (unsigned model = 0; model < NBA_SCORE_MODELS; model++) {
        const char *word = nba_score_model_name((enum nba_score_model)model);
        nba_buf_printf(out, "  %-23s %.4f\n", nba_score_model_label(word),
                       (double)s->hits[model] / judged);
    }
}

/* ---- stories ---- */

struct story {
    struct nba_workplace *place;
    char hcp_id[16];
    char events[STORY_EVENTS][LINE_BYTES]; /* a ring of lines */
    size_t event_count;
};

static enum nba_status note_line(void *context, const struct nba_record *record,
                                 struct nba_error *error)
{
    struct story *story = context;
    struct nba_workplace *place = story->place;
    struct nba_event event;
    if (!nba_str_is(record->key, story->hcp_id)) {
        return NBA_OK;
    }
    nba_arena_reset(&place->arena);
    const enum nba_status status =
        nba_decode_event(place->decoder, record->value, &place->arena, &event, error);
    if (status == NBA_OK) {
        char when[NBA_TIME_TEXT_BYTES];
        nba_time_format(event.event_time_ms / 1000 * 1000, when);
        (void)snprintf(story->events[story->event_count++ % STORY_EVENTS], LINE_BYTES,
                       "  %s  %-24s %.*s%s", when, nba_event_type_name(event.type),
                       NBA_STR_ARG(event.content_id),
                       event.bot != NBA_BOT_NONE ? " (a machine)" : "");
    }
    return status;
}

/* The HCP's last decision of this kind. */
static enum nba_status print_last(const struct story *story, const struct kind *kind,
                                  uint32_t suppressed, struct nba_error *error)
{
    struct nba_buf found;
    nba_buf_init(&found, NBA_RECORD_BYTES_MAX);
    wanted = kind;
    enum nba_status status =
        nba_decision_find(story->place, story->hcp_id, is_wanted, &found, error);
    if (status == NBA_OK && found.bytes != 0) {
        status =
            nba_decision_print(story->place, nba_buf_str(&found), suppressed, kind->reason, error);
    }
    nba_buf_clear(&found);
    return status;
}

static enum nba_status tell(const struct summary *s, uint32_t hcp, const char *title,
                            const struct kind *kind, struct nba_error *error)
{
    struct nba_workplace *place = s->place;
    struct story story = {.place = place};
    int64_t position = 0;
    if (hcp == UINT32_MAX) {
        return NBA_OK;
    }
    (void)snprintf(story.hcp_id, sizeof(story.hcp_id), "hcp-%05u", (unsigned)hcp);
    const int32_t home = nba_partition_of_key(nba_str_of(story.hcp_id), s->market->lane_count);
    enum nba_status status = nba_walk_partition(place->stream, place->config.topics.engagement,
                                                home, &position, note_line, &story, error);
    if (status != NBA_OK) {
        return status;
    }
    nba_buf_printf(&place->out, "\n%s\ntheir last events:\n", title);
    const size_t count = story.event_count;
    for (size_t i = count > STORY_EVENTS ? count - STORY_EVENTS : 0; i < count; i++) {
        nba_buf_printf(&place->out, "%s\n", story.events[i % STORY_EVENTS]);
    }
    uint32_t top = 0;
    const bool done = nba_decision_explain_top(&place->config, &top, error) == NBA_OK &&
                      print_last(&story, kind, top, error) == NBA_OK;
    return nba_outcome(done, error);
}

static enum nba_status tell_stories(const struct summary *s, struct nba_error *error)
{
    uint32_t foreseen = UINT32_MAX;
    uint32_t newcomer = UINT32_MAX;
    for (uint32_t h = 0; h < s->hcp_count; h++) {
        const struct seen *seen = &s->hcps[h];
        if (seen->decisions != 0 &&
            (foreseen == UINT32_MAX || seen->hits > s->hcps[foreseen].hits)) {
            foreseen = h;
        }
    }
    for (uint32_t h = 0; h < s->hcp_count; h++) {
        const struct seen *seen = &s->hcps[h];
        if (h != foreseen && seen->decisions != 0 &&
            (newcomer == UINT32_MAX || seen->decisions < s->hcps[newcomer].decisions)) {
            newcomer = h;
        }
    }
    enum nba_status status = tell(s, foreseen, "The one we foresaw best", &a_proposal, error);
    for (size_t k = 0; k < NBA_ARRAY_COUNT(kinds) && status == NBA_OK; k++) {
        status = tell(s, s->of_kind[k], kinds[k].title, &kinds[k], error);
    }
    return status == NBA_OK ? tell(s, newcomer, "One we hardly know", &a_proposal, error) : status;
}

/* ---- was it worth it ---- */

static void print_arms(struct nba_buf *out, const char *what, const struct nba_report *report,
                       uint64_t treated, uint64_t control)
{
    const struct nba_lift lift = nba_lift((struct nba_sample){report->treated.people, treated},
                                          (struct nba_sample){report->control.people, control});
    nba_buf_printf(out, "  %-9s %.1f %% of %llu, %.1f %% of %llu", what, 100 * lift.treated,
                   (unsigned long long)report->treated.people, 100 * lift.control,
                   (unsigned long long)report->control.people);
    if (control != 0) {
        nba_buf_printf(out, ": lift %+.3f, 95 %% interval %+.3f to %+.3f", lift.lift, lift.low,
                       lift.high);
    }
    nba_buf_append_byte(out, '\n');
}

static enum nba_status print_lift(const struct summary *s, struct nba_error *error)
{
    struct nba_buf *out = &s->place->out;
    struct nba_history history = {.place = s->place};
    struct nba_report report = {
        .by = NBA_REPORT_BY_CHANNEL, .from_ms = s->live_ms, .to_ms = INT64_MAX};
    const enum nba_status status = nba_report_count(&report, &history, error);
    if (status == NBA_OK && report.control.people != 0) {
        nba_buf_printf(out,
                       "\ntreated HCPs against the control group, who would have got something "
                       "(nba report says more):\n");
        print_arms(out, "engaged", &report, report.treated.engaged, report.control.engaged);
        print_arms(out, "converted", &report, report.treated.converted, report.control.converted);
    }
    nba_report_clear(&report);
    return status;
}

enum nba_status nba_demo_summary(struct nba_demo_market *market, struct nba_error *error)
{
    struct summary s = {.market = market,
                        .place = market->place,
                        .live_ms = INT64_MAX,
                        .hcp_count = nba_world_hcp_count(market->world)};
    s.hcps = nba_zeros(s.hcp_count, sizeof(*s.hcps));
    memset(s.of_kind, 0xff, sizeof(s.of_kind));
    enum nba_status status = count_all(&s, error);
    if (status == NBA_OK) {
        print_figures(&s, &s.place->out);
        status = tell_stories(&s, error);
        status = status == NBA_OK ? print_lift(&s, error) : status;
    }
    free(s.events);
    free(s.hcps);
    return status;
}
