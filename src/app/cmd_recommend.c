/* nba recommend: ranked lists for people and batch jobs, without touching any state. */
#include <string.h>

#include "advisor.h"
#include "json_text.h"
#include "nba/app/command.h"
#include "nba/app/page.h"
#include "nba/base/version.h"
#include "state_view.h"

#define FLUSH_BYTES ((size_t)1 << 20)

/* In the order of enum nba_score_model. */
#define NBA_X(constant, name) name,
static const char *const model_words[] = {"fusion", NBA_MEMBER_MAP(NBA_X) NULL};
#undef NBA_X

static struct {
    const char *hcp, *history, *segment, *release;
    bool all, csv, json;
    int64_t top;
    int model;
} args = {.top = 10};

static const struct nba_option options[] = {
    NBA_OPTION_TEXT(&args.hcp, "hcp", "ID", "an HCP that the state knows"),
    NBA_OPTION_TEXT(&args.history, "history", "C1,C2,...",
                    "somebody who engaged with these contents, oldest first"),
    NBA_OPTION_FLAG(&args.all, "all", "every HCP of the state, one after the other"),
    NBA_OPTION_INTEGER(&args.top, "top", "N", 1, 1000, "contents a list (default: 10)"),
    NBA_OPTION_WORD(&args.model, "model", "NAME", model_words,
                    "fusion (default), lstm, ncf, popularity, ease, knn or rules"),
    NBA_OPTION_TEXT(&args.segment, "segment", "specialty=NAME",
                    "of a history: the specialty; of --all: only these HCPs"),
    NBA_OPTION_TEXT(&args.release, "release", "ID", "this release (default: the champion)"),
    NBA_OPTION_FLAG(&args.csv, "csv", "comma separated values"),
    NBA_OPTION_FLAG(&args.json, "json", "one JSON object a line"),
    {0},
};

struct recommender {
    struct nba_workplace *place;
    struct nba_str specialty; /* of --segment; empty: any */
    struct nba_advisor advisor;
    uint64_t done;
};

/* ---- printing ---- */

static struct nba_str title_of(const struct recommender *r, struct nba_str content_id)
{
    const uint32_t k = nba_catalog_find_content(r->advisor.side->catalog, content_id);
    return k != NBA_CATALOG_NONE ? r->advisor.side->catalog->contents[k].title : nba_str(NULL, 0);
}

static void print_json(const struct recommender *r, const struct nba_hcp *hcp,
                       const struct nba_slate *slate)
{
    struct nba_buf *buf = &r->place->out;
    nba_json_open(buf, NULL, '{');
    nba_json_text(buf, "hcp_id", hcp->hcp_id);
    nba_json_text(buf, "model", slate->model_version);
    nba_json_open(buf, "channel_probabilities", '{');
    for (unsigned c = 1; c < NBA_CHANNEL_COUNT; c++) {
        if (slate->channel_present[c]) {
            nba_json_number(buf, nba_channel_name((enum nba_channel)c),
                            slate->channel_probability[c]);
        }
    }
    nba_buf_append_byte(buf, '}');
    nba_json_open(buf, "contents", '[');
    for (uint32_t i = 0; i < slate->top_content_count; i++) {
        const struct nba_slate_content *content = &slate->top_contents[i];
        nba_json_open(buf, NULL, '{');
        nba_json_text(buf, "content_id", content->content_id);
        nba_json_text(buf, "title", title_of(r, content->content_id));
        nba_json_number(buf, "score", content->score);
        nba_json_number(buf, "share_lstm", content->share_lstm);
        nba_json_number(buf, "share_ncf", content->share_ncf);
        nba_json_number(buf, "share_popularity", content->share_popularity);
        nba_json_number(buf, "share_ease", content->share_ease);
        nba_json_number(buf, "share_knn", content->share_knn);
        nba_json_number(buf, "share_rules", content->share_rules);
        nba_json_word(buf, "gate", nba_reason_name(content->first_failed));
        nba_buf_append_byte(buf, '}');
    }
    nba_buf_append_str(buf, nba_str_of("]}\n"));
}

static void print_csv(const struct recommender *r, const struct nba_hcp *hcp,
                      const struct nba_slate *slate)
{
    struct nba_buf *buf = &r->place->out;
    if (r->done == 0) {
        nba_buf_append_str(buf, nba_str_of("hcp_id,rank,content_id,title,score,share_lstm,"
                                           "share_ncf,share_popularity,share_ease,share_knn,"
                                           "share_rules,gate,model\n"));
    }
    for (uint32_t i = 0; i < slate->top_content_count; i++) {
        const struct nba_slate_content *content = &slate->top_contents[i];
        nba_csv_text(buf, hcp->hcp_id);
        nba_buf_printf(buf, ",%u,", i + 1);
        nba_csv_text(buf, content->content_id);
        nba_buf_append_byte(buf, ',');
        nba_csv_text(buf, title_of(r, content->content_id));
        nba_buf_printf(buf, ",%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%s,%.12s\n", content->score,
                       content->share_lstm, content->share_ncf, content->share_popularity,
                       content->share_ease, content->share_knn, content->share_rules,
                       nba_reason_name(content->first_failed), slate->model_version.data);
    }
}

static void print_table(const struct recommender *r, const struct nba_hcp *hcp,
                        const struct nba_slate *slate)
{
    struct nba_buf *buf = &r->place->out;
    nba_buf_printf(buf, "%.*s   model %.12s\n  channels ", NBA_STR_ARG(hcp->hcp_id),
                   slate->model_version.data);
    for (unsigned c = 1; c < NBA_CHANNEL_COUNT; c++) {
        if (slate->channel_present[c]) {
            nba_buf_printf(buf, " %s %.3f", nba_channel_name((enum nba_channel)c),
                           slate->channel_probability[c]);
        }
    }
    nba_buf_append_byte(buf, '\n');
    for (uint32_t i = 0; i < slate->top_content_count; i++) {
        const struct nba_slate_content *content = &slate->top_contents[i];
        const struct nba_str title = title_of(r, content->content_id);
        const bool passes = content->first_failed == NBA_REASON_NONE;
        nba_buf_printf(
            buf, "  %3u  %-14.*s %7.3f  %-22s %.*s\n", i + 1, NBA_STR_ARG(content->content_id),
            content->score, passes ? "passes" : nba_reason_name(content->first_failed),
            (int)(title.bytes < 60 ? title.bytes : 60), title.data != NULL ? title.data : "");
    }
}

/* ---- one HCP ---- */

static bool segment_matches(const struct recommender *r, const struct nba_hcp *hcp)
{
    for (uint32_t i = 0; i < hcp->profile.specialty_count; i++) {
        if (nba_str_equal(hcp->profile.specialties[i], r->specialty)) {
            return true;
        }
    }
    return r->specialty.bytes == 0;
}

static enum nba_status recommend(void *context, const struct nba_hcp *hcp, struct nba_error *error)
{
    struct recommender *r = context;
    struct nba_score_job job;
    struct nba_decide_result result;
    enum nba_status status = nba_interrupt_check(error);
    if (status != NBA_OK || !segment_matches(r, hcp)) {
        return status;
    }
    nba_arena_reset(&r->place->arena);
    const int64_t now_ms = hcp->last_event_ms != NBA_TIME_NONE
                               ? hcp->last_event_ms
                               : nba_clock_wall_ms(&nba_clock_system);
    status = nba_advisor_score(&r->advisor, hcp, now_ms, &r->place->arena, &job, error);
    if (status != NBA_OK) {
        return status;
    }
    const struct nba_decide_request request = {
        .scores = &job.scores,
        .hcp = hcp,
        .capacity = r->advisor.side->capacity,
        .decision_id = nba_str_of("recommend"),
        .now_ms = now_ms,
        .watermark_ms = now_ms,
        .top_n = (uint32_t)args.top,
        .engine_version = nba_str_of(NBA_ENGINE_VERSION),
    };
    status = nba_funnel_decide(r->advisor.funnel, &request, &r->place->arena, &result);
    if (status != NBA_OK) {
        return nba_error_set(error, status, "cannot decide: %s", nba_status_text(status));
    }
    if (args.json) {
        print_json(r, hcp, &result.slate);
    } else if (args.csv) {
        print_csv(r, hcp, &result.slate);
    } else {
        print_table(r, hcp, &result.slate);
    }
    r->done++;
    if (args.all) {
        nba_ticker_at(&r->place->ticker, r->done);
    }
    return r->place->out.bytes > FLUSH_BYTES ? nba_workplace_flush(r->place, error) : NBA_OK;
}

/* ---- where HCPs come from ---- */

static enum nba_status recommend_history(struct recommender *r, struct nba_arena *arena,
                                         struct nba_error *error)
{
    static struct nba_hcp hcp;
    const char *next = args.history;
    const int64_t now_ms = nba_clock_wall_ms(&nba_clock_system);
    nba_hcp_init(&hcp, nba_str_of("history"), arena);
    if (r->specialty.bytes != 0) {
        hcp.profile.specialties[0] = r->specialty;
        hcp.profile.specialty_count = 1;
    }
    while (*next != '\0') {
        const struct nba_str id = nba_str(next, strcspn(next, ","));
        if (nba_catalog_find_content(r->advisor.side->catalog, id) == NBA_CATALOG_NONE) {
            return nba_error_set(error, NBA_E_USAGE,
                                 "--history: no content '%.*s' in the catalogue", NBA_STR_ARG(id));
        }
        const struct nba_ring_event event = {
            .time_ms = now_ms,
            .content_hash = nba_content_hash(id),
            .type = NBA_EVENT_PORTAL_CONTENT_VIEWED,
            .channel = NBA_CHANNEL_WEB,
        };
        nba_hcp_push(&hcp, &event);
        next += id.bytes;
        next += *next == ',';
    }
    return recommend(r, &hcp, error);
}

static enum nba_status recommend_stored(struct recommender *r, struct nba_arena *arena,
                                        struct nba_error *error)
{
    static struct nba_state_view view;
    static struct nba_hcp hcp;
    enum nba_status status = nba_state_view_open(&r->place->config, false, &view, error);
    if (args.hcp != NULL) {
        const bool done = status == NBA_OK &&
                          nba_state_view_hcp(&view, args.hcp, arena, &hcp, error) == NBA_OK &&
                          recommend(r, &hcp, error) == NBA_OK;
        status = nba_outcome(done, error);
    } else {
        const struct nba_hcp_visitor visitor = {recommend, r};
        nba_ticker_begin(&r->place->ticker, "HCPs", 0);
        for (size_t i = 0; status == NBA_OK && i < view.task_count; i++) {
            status = nba_task_visit(view.tasks[i], visitor, error);
        }
        nba_ticker_end(&r->place->ticker);
    }
    nba_state_view_close(&view);
    return status;
}

/* ---- the command ---- */

static enum nba_status check_args(struct nba_str *ret_specialty, struct nba_error *error)
{
    static const char prefix[] = "specialty=";
    if ((args.hcp != NULL) + (args.history != NULL) + args.all != 1) {
        return nba_error_set(error, NBA_E_USAGE, "expected one of --hcp, --history and --all");
    }
    if (args.csv && args.json) {
        return nba_error_set(error, NBA_E_USAGE, "--csv and --json: expected one of them");
    }
    if (args.segment != NULL && strncmp(args.segment, prefix, sizeof(prefix) - 1) != 0) {
        return nba_error_set(error, NBA_E_USAGE, "--segment: expected specialty=NAME, got '%s'",
                             args.segment);
    }
    *ret_specialty =
        args.segment != NULL ? nba_str_of(args.segment + sizeof(prefix) - 1) : nba_str(NULL, 0);
    return NBA_OK;
}

static enum nba_status run(struct nba_workplace *place, struct nba_error *error)
{
    struct recommender r = {.place = place};
    struct nba_arena arena; /* of one HCP's record */
    nba_arena_init(&arena, (size_t)4 << 20);
    nba_interrupt_install();
    const bool done = check_args(&r.specialty, error) == NBA_OK &&
                      nba_workplace_open(place, NBA_LOCAL_READER, error) == NBA_OK &&
                      nba_advisor_open(place, args.release, (enum nba_score_model)args.model,
                                       &r.advisor, error) == NBA_OK &&
                      (args.history != NULL ? recommend_history(&r, &arena, error)
                                            : recommend_stored(&r, &arena, error)) == NBA_OK;
    nba_arena_clear(&arena);
    nba_advisor_close(&r.advisor);
    return nba_outcome(done, error);
}

const struct nba_command nba_command_recommend = {
    .name = "recommend",
    .summary = "ranked contents for one HCP, a history, or everyone, with the gates' verdicts",
    .about =
        "Scores with the champion (or --release) and asks the policy, as the engine would at the\n"
        "HCP's last event; nothing is written and nothing is learned. Contents that the HCP has\n"
        "engaged with lately are left out. `gate` is the first rule that stops the content on\n"
        "every channel, NONE when some channel is open. --all streams the whole state in bounded\n"
        "memory.",
    .examples = "nba recommend --hcp hcp-0001\n"
                "nba recommend --history CX-EM-010,CX-WB-003 --model lstm --top 5\n"
                "nba recommend --all --csv --segment specialty=cardiology > lists.csv",
    .options = options,
    .run = run,
};
