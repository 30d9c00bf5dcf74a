/* Two passes over each partition: figures and the choice of stories, then the stories' records. */
#include "demo_summary.h"

#include <stdlib.h>
#include <string.h>

#include "decision_text.h"
#include "nba/base/time_text.h"
#include "nba/score/score.h"
#include "partition_reader.h"

#define ARENA_BYTES_MAX ((size_t)64 << 20)
#define TOP             10u
#define STORIES         3u
#define STORY_EVENTS    6u

/* What is known of an HCP while the log goes by. */
struct seen {
    uint32_t ranking[NBA_RANKING_COUNT][TOP]; /* world's content indexes */
    uint8_t ranked[NBA_RANKING_COUNT];
    uint32_t decisions, hits, recalled;
};

struct story {
    uint32_t hcp; /* UINT32_MAX: none */
    const char *title;
    struct nba_buf events[STORY_EVENTS]; /* a ring of lines */
    size_t event_count;
    struct nba_buf decision; /* the last one that proposed something */
    struct nba_buf recall;   /* the last one that closed something */
};

struct summary {
    struct nba_workplace *place;
    struct nba_demo_market *market;
    struct nba_world *world;
    struct nba_decoder *decoder;
    struct nba_arena arena;
    struct seen *hcps;
    uint32_t hcp_count;
    uint64_t judged, hits[NBA_RANKING_COUNT];
    uint64_t decided, proposed, decided_with_proposal;
    struct story stories[STORIES];
};

/* ---- reading one partition of two topics side by side ---- */

typedef enum nba_status visit_fn(struct summary *s, int32_t partition,
                                 const struct nba_record *input, const struct nba_event *event,
                                 const struct nba_record *record,
                                 const struct nba_decision *decision, struct nba_error *error);

/* Each event with its decision: with neither crashes nor poison they stand in the same order. */
static enum nba_status visit_partition(struct summary *s, int32_t partition, visit_fn *visit,
                                       struct nba_error *error)
{
    const struct nba_config_topics *topics = &s->place->config.topics;
    struct nba_partition_reader inputs;
    struct nba_partition_reader decisions = {0};
    bool more = true;
    enum nba_status status = nba_partition_reader_open(&inputs, s->place->stream,
                                                       topics->engagement, partition, 0, error);
    if (status == NBA_OK) {
        status = nba_partition_reader_open(&decisions, s->place->stream, topics->decision,
                                           partition, 0, error);
    }
    while (status == NBA_OK && more) {
        struct nba_record input = {0};
        struct nba_record record = {0};
        struct nba_event event;
        struct nba_decision decision;
        status = nba_partition_reader_next(&inputs, &input, &more, error);
        if (status == NBA_OK && more) {
            bool decided = false;
            status = nba_partition_reader_next(&decisions, &record, &decided, error);
            nba_arena_reset(&s->arena);
            if (status == NBA_OK && decided) {
                status = nba_decode_event(s->decoder, input.value, &s->arena, &event, error);
            }
            if (status == NBA_OK && decided) {
                status = nba_decode_decision(s->decoder, record.value, &s->arena, &decision, error);
            }
            if (status == NBA_OK && decided) {
                status = visit(s, partition, &input, &event, &record, &decision, error);
            }
        }
        nba_record_release(&input);
        nba_record_release(&record);
    }
    nba_partition_reader_close(&inputs);
    nba_partition_reader_close(&decisions);
    return status;
}

static enum nba_status visit_all(struct summary *s, visit_fn *visit, struct nba_error *error)
{
    int32_t count = 0;
    enum nba_status status = nba_stream_topic_partitions(
        s->place->stream, s->place->config.topics.engagement, &count, error);
    for (int32_t p = 0; status == NBA_OK && p < count; p++) {
        status = visit_partition(s, p, visit, error);
    }
    return status;
}

/* ---- first pass: figures ---- */

static bool in_ranking(const struct seen *seen, unsigned model, uint32_t content)
{
    for (unsigned i = 0; i < seen->ranked[model]; i++) {
        if (seen->ranking[model][i] == content) {
            return true;
        }
    }
    return false;
}

static void judge(struct summary *s, struct seen *seen, uint32_t content)
{
    if (seen->ranked[NBA_RANKING_FUSION] == 0) {
        return; /* no decision yet: nobody foresaw anything */
    }
    s->judged++;
    for (unsigned model = 0; model < NBA_RANKING_COUNT; model++) {
        /* A newcomer's LSTM has no list: it falls back on popularity, as the engine does. */
        const unsigned list = seen->ranked[model] != 0 ? model : NBA_RANKING_POPULARITY;
        const bool hit = in_ranking(seen, list, content);
        s->hits[model] += hit;
        seen->hits += hit && model == NBA_RANKING_FUSION;
    }
}

static void remember_rankings(struct summary *s, struct seen *seen,
                              const struct nba_decision *decision)
{
    memset(seen->ranked, 0, sizeof(seen->ranked));
    for (uint32_t r = 0; r < decision->ranking_count; r++) {
        const struct nba_model_ranking *ranking = &decision->rankings[r];
        for (unsigned model = 0; model < NBA_RANKING_COUNT; model++) {
            if (!nba_str_is(ranking->model,
                            nba_score_ranking_name((enum nba_score_ranking)model))) {
                continue;
            }
            for (uint32_t i = 0; i < ranking->content_ids.count && i < TOP; i++) {
                seen->ranking[model][i] =
                    nba_world_content_of(s->world, ranking->content_ids.items[i]);
                seen->ranked[model]++;
            }
        }
    }
}

static enum nba_status count_pair(struct summary *s, int32_t partition,
                                  const struct nba_record *input, const struct nba_event *event,
                                  const struct nba_record *record,
                                  const struct nba_decision *decision, struct nba_error *error)
{
    const uint32_t hcp = nba_world_hcp_of(s->world, event->hcp_id);
    (void)record;
    (void)error;
    if (hcp >= s->hcp_count) {
        return NBA_OK;
    }
    struct seen *seen = &s->hcps[hcp];
    const bool live = input->offset >= nba_demo_market_live_from(s->market, partition);
    if (live && nba_event_in_ring(event) && decision->kind != NBA_DECISION_SKIPPED) {
        judge(s, seen, nba_world_content_of(s->world, event->content_id));
    }
    if (decision->kind == NBA_DECISION_DECIDED) {
        seen->decisions += live;
        s->decided += live;
        s->proposed += live ? decision->selected_count : 0;
        s->decided_with_proposal += live && decision->selected_count != 0;
        remember_rankings(s, seen, decision);
    }
    seen->recalled += live ? decision->closed_count : 0;
    return NBA_OK;
}

/* ---- the choice ---- */

static void choose_stories(struct summary *s)
{
    uint32_t recalled = UINT32_MAX;
    uint32_t foreseen = UINT32_MAX;
    uint32_t newcomer = UINT32_MAX;
    for (uint32_t h = 0; h < s->hcp_count; h++) {
        const struct seen *seen = &s->hcps[h];
        if (seen->recalled != 0 && recalled == UINT32_MAX) {
            recalled = h;
        } else if (seen->decisions != 0 &&
                   (foreseen == UINT32_MAX || seen->hits > s->hcps[foreseen].hits)) {
            foreseen = h;
        }
    }
    for (uint32_t h = 0; h < s->hcp_count; h++) {
        const struct seen *seen = &s->hcps[h];
        if (h != recalled && h != foreseen && seen->decisions != 0 &&
            (newcomer == UINT32_MAX || seen->decisions < s->hcps[newcomer].decisions)) {
            newcomer = h;
        }
    }
    s->stories[0].hcp = foreseen;
    s->stories[0].title = "The one we foresaw best";
    s->stories[1].hcp = recalled;
    s->stories[1].title = "One who said no: open actions were taken back";
    s->stories[2].hcp = newcomer;
    s->stories[2].title = "One we hardly know";
}

/* ---- second pass: what happened to them ---- */

static enum nba_status tell_pair(struct summary *s, int32_t partition,
                                 const struct nba_record *input, const struct nba_event *event,
                                 const struct nba_record *record,
                                 const struct nba_decision *decision, struct nba_error *error)
{
    const uint32_t hcp = nba_world_hcp_of(s->world, event->hcp_id);
    (void)partition;
    (void)input;
    (void)error;
    for (size_t i = 0; i < STORIES; i++) {
        struct story *story = &s->stories[i];
        if (story->hcp != hcp) {
            continue;
        }
        char when[NBA_TIME_TEXT_BYTES];
        struct nba_buf *line = &story->events[story->event_count++ % STORY_EVENTS];
        nba_time_format(event->event_time_ms / 1000 * 1000, when);
        nba_buf_reset(line);
        nba_buf_printf(line, "  %s  %-24s %.*s%s", when, nba_event_type_name(event->type),
                       NBA_STR_ARG(event->content_id),
                       event->bot != NBA_BOT_NONE ? " (a machine)" : "");
        if (decision->kind == NBA_DECISION_DECIDED && decision->selected_count != 0) {
            nba_buf_reset(&story->decision);
            nba_buf_append_str(&story->decision, record->value);
        }
        if (decision->closed_count != 0) {
            nba_buf_reset(&story->recall);
            nba_buf_append_str(&story->recall, record->value);
        }
    }
    return NBA_OK;
}

static enum nba_status print_decision(struct summary *s, const struct nba_buf *value,
                                      uint32_t suppressed, struct nba_buf *out,
                                      struct nba_error *error)
{
    struct nba_decision decision;
    if (value->bytes == 0) {
        return NBA_OK;
    }
    nba_arena_reset(&s->arena);
    const enum nba_status status =
        nba_decode_decision(s->decoder, nba_buf_str(value), &s->arena, &decision, error);
    if (status == NBA_OK) {
        nba_decision_text(&decision, suppressed, out);
    }
    return status;
}

static enum nba_status print_story(struct summary *s, const struct story *story,
                                   struct nba_buf *out, struct nba_error *error)
{
    if (story->hcp == UINT32_MAX || story->event_count == 0) {
        return NBA_OK;
    }
    nba_buf_printf(out, "\n%s\n", story->title);
    nba_buf_printf(out, "their last events:\n");
    const size_t first = story->event_count > STORY_EVENTS ? story->event_count - STORY_EVENTS : 0;
    for (size_t i = first; i < story->event_count; i++) {
        nba_buf_append_str(out, nba_buf_str(&story->events[i % STORY_EVENTS]));
        nba_buf_append_byte(out, '\n');
    }
    enum nba_status status = print_decision(s, &story->recall, 0, out, error);
    if (status == NBA_OK) {
        status = print_decision(s, &story->decision, 4, out, error);
    }
    return status;
}

static void print_figures(const struct summary *s, struct nba_buf *out)
{
    nba_buf_printf(
        out, "\ndecisions in the live part: %llu, %.1f %% proposed something, %llu actions\n",
        (unsigned long long)s->decided,
        100.0 * (double)s->decided_with_proposal / (double)(s->decided != 0 ? s->decided : 1),
        (unsigned long long)s->proposed);
    nba_buf_printf(out,
                   "next content among the ten ranked highest (prequential HR@10, %llu "
                   "engagements):\n",
                   (unsigned long long)s->judged);
    for (unsigned model = 0; model < NBA_RANKING_COUNT; model++) {
        nba_buf_printf(out, "  %-11s %.4f\n", nba_score_ranking_name((enum nba_score_ranking)model),
                       (double)s->hits[model] / (double)(s->judged != 0 ? s->judged : 1));
    }
}

/* ---- all of it ---- */

static enum nba_status summarise(struct summary *s, struct nba_buf *out, struct nba_error *error)
{
    enum nba_status status = nba_decoder_create(s->place->schemas, &s->decoder, error);
    if (status == NBA_OK) {
        status = visit_all(s, count_pair, error);
    }
    if (status == NBA_OK) {
        print_figures(s, out);
        choose_stories(s);
        status = visit_all(s, tell_pair, error);
    }
    for (size_t i = 0; status == NBA_OK && i < STORIES; i++) {
        status = print_story(s, &s->stories[i], out, error);
    }
    return status;
}

enum nba_status nba_demo_summary(struct nba_workplace *place, struct nba_demo_market *market,
                                 struct nba_buf *out, struct nba_error *error)
{
    struct summary s = {.place = place, .market = market, .world = nba_demo_market_world(market)};
    s.hcp_count = nba_world_hcp_count(s.world);
    s.hcps = calloc((size_t)s.hcp_count + 1, sizeof(*s.hcps));
    if (s.hcps == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    nba_arena_init(&s.arena, ARENA_BYTES_MAX);
    for (size_t i = 0; i < STORIES; i++) {
        nba_buf_init(&s.stories[i].decision, NBA_RECORD_BYTES_MAX);
        nba_buf_init(&s.stories[i].recall, NBA_RECORD_BYTES_MAX);
        for (size_t e = 0; e < STORY_EVENTS; e++) {
            nba_buf_init(&s.stories[i].events[e], 1024);
        }
    }
    const enum nba_status status = summarise(&s, out, error);
    for (size_t i = 0; i < STORIES; i++) {
        nba_buf_clear(&s.stories[i].decision);
        nba_buf_clear(&s.stories[i].recall);
        for (size_t e = 0; e < STORY_EVENTS; e++) {
            nba_buf_clear(&s.stories[i].events[e]);
        }
    }
    nba_decoder_destroy(s.decoder);
    nba_arena_clear(&s.arena);
    free(s.hcps);
    return status;
}
