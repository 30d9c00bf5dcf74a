/* nba recommend: ranked lists for people and batch jobs, without touching any state. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands_internal.h"
#include "json_text.h"
#include "nba/app/interrupt.h"
#include "nba/app/ticker.h"
#include "nba/app/workplace.h"
#include "nba/base/version.h"
#include "nba/policy/funnel.h"
#include "nba/score/scorer.h"
#include "side_loader.h"
#include "state_view.h"

#define OUTPUT_BYTES_MAX (64u << 20)
#define ARENA_BYTES_MAX  ((size_t)256 << 20)
#define HISTORY_MAX      NBA_RING_EVENTS

enum format { FORMAT_TABLE, FORMAT_CSV, FORMAT_JSON };

static const char *const model_words[] = {"fusion", "lstm", "ncf", "popularity", NULL};

struct args {
    struct nba_common common;
    const char *hcp, *history, *segment, *release;
    bool all, csv, json;
    int64_t top;
    int model;
};

static const struct nba_option options[] = {
    NBA_COMMON_OPTIONS(struct args, common),
    NBA_OPTION_TEXT(struct args, hcp, "hcp", "ID", "an HCP that the state knows"),
    NBA_OPTION_TEXT(struct args, history, "history", "C1,C2,...",
                    "somebody who engaged with these contents, oldest first"),
    NBA_OPTION_FLAG(struct args, all, "all", "every HCP of the state, one after the other"),
    NBA_OPTION_INTEGER(struct args, top, "top", "N", 1, 1000, "contents a list (default: 10)"),
    NBA_OPTION_WORD(struct args, model, "model", "NAME", model_words,
                    "fusion (default), lstm, ncf or popularity"),
    NBA_OPTION_TEXT(struct args, segment, "segment", "specialty=NAME",
                    "of a history: the specialty; of --all: only these HCPs"),
    NBA_OPTION_TEXT(struct args, release, "release", "ID", "this release (default: the champion)"),
    NBA_OPTION_FLAG(struct args, csv, "csv", "comma separated values"),
    NBA_OPTION_FLAG(struct args, json, "json", "one JSON object a line"),
};

struct recommender {
    const struct args *args;
    enum format format;
    struct nba_str specialty; /* of --segment; empty: any */
    struct nba_side *side;
    struct nba_score_binding *binding;
    struct nba_scorer *scorer;
    struct nba_funnel *funnel;
    struct nba_arena arena;
    struct nba_buf out;
    struct nba_ticker progress;
    uint64_t done;
};

/* ---- printing ---- */

static void print_csv_text(struct nba_buf *buf, struct nba_str text)
{
    nba_buf_append_byte(buf, '"');
    for (size_t i = 0; i < text.bytes; i++) {
        if (text.data[i] == '"') {
            nba_buf_append_byte(buf, '"');
        }
        nba_buf_append_byte(buf, (unsigned char)text.data[i]);
    }
    nba_buf_append_byte(buf, '"');
}

static struct nba_str title_of(const struct nba_catalog *catalog, struct nba_str content_id)
{
    const uint32_t k = nba_catalog_find_content(catalog, content_id);
    return k != NBA_CATALOG_NONE ? catalog->contents[k].title : nba_str(NULL, 0);
}

static void print_json(struct recommender *r, const struct nba_hcp *hcp,
                       const struct nba_slate *slate)
{
    struct nba_buf *buf = &r->out;
    nba_buf_append_byte(buf, '{');
    nba_json_member_text(buf, "hcp_id", hcp->hcp_id);
    nba_json_member_text(buf, "model", slate->model_version);
    nba_json_member(buf, "channel_probabilities");
    nba_buf_append_byte(buf, '{');
    for (unsigned c = 1; c < NBA_CHANNEL_COUNT; c++) {
        if (slate->channel_present[c]) {
            nba_json_member_number(buf, nba_channel_name((enum nba_channel)c),
                                   slate->channel_probability[c]);
        }
    }
    nba_buf_append_byte(buf, '}');
    nba_json_member(buf, "contents");
    nba_buf_append_byte(buf, '[');
    for (uint32_t i = 0; i < slate->top_content_count; i++) {
        const struct nba_slate_content *content = &slate->top_contents[i];
        nba_json_comma(buf);
        nba_buf_append_byte(buf, '{');
        nba_json_member_text(buf, "content_id", content->content_id);
        nba_json_member_text(buf, "title", title_of(r->side->catalog, content->content_id));
        nba_json_member_number(buf, "score", content->score);
        nba_json_member_number(buf, "share_lstm", content->share_lstm);
        nba_json_member_number(buf, "share_ncf", content->share_ncf);
        nba_json_member_number(buf, "share_popularity", content->share_popularity);
        nba_json_member_text(buf, "gate", nba_str_of(nba_reason_name(content->first_failed)));
        nba_buf_append_byte(buf, '}');
    }
    nba_buf_append_str(buf, nba_str_of("]}\n"));
}

static void print_csv(struct recommender *r, const struct nba_hcp *hcp,
                      const struct nba_slate *slate)
{
    struct nba_buf *buf = &r->out;
    if (r->done == 0) {
        nba_buf_append_str(buf, nba_str_of("hcp_id,rank,content_id,title,score,share_lstm,"
                                           "share_ncf,share_popularity,gate,model\n"));
    }
    for (uint32_t i = 0; i < slate->top_content_count; i++) {
        const struct nba_slate_content *content = &slate->top_contents[i];
        print_csv_text(buf, hcp->hcp_id);
        nba_buf_printf(buf, ",%u,", i + 1);
        print_csv_text(buf, content->content_id);
        nba_buf_append_byte(buf, ',');
        print_csv_text(buf, title_of(r->side->catalog, content->content_id));
        nba_buf_printf(buf, ",%.9g,%.9g,%.9g,%.9g,%s,%.12s\n", content->score, content->share_lstm,
                       content->share_ncf, content->share_popularity,
                       nba_reason_name(content->first_failed), slate->model_version.data);
    }
}

static void print_table(struct recommender *r, const struct nba_hcp *hcp,
                        const struct nba_slate *slate)
{
    struct nba_buf *buf = &r->out;
    nba_buf_printf(buf, "%.*s   model %.12s\n", NBA_STR_ARG(hcp->hcp_id),
                   slate->model_version.data);
    nba_buf_append_str(buf, nba_str_of("  channels "));
    for (unsigned c = 1; c < NBA_CHANNEL_COUNT; c++) {
        if (slate->channel_present[c]) {
            nba_buf_printf(buf, " %s %.3f", nba_channel_name((enum nba_channel)c),
                           slate->channel_probability[c]);
        }
    }
    nba_buf_append_byte(buf, '\n');
    for (uint32_t i = 0; i < slate->top_content_count; i++) {
        const struct nba_slate_content *content = &slate->top_contents[i];
        const struct nba_str title = title_of(r->side->catalog, content->content_id);
        nba_buf_printf(
            buf, "  %3u  %-14.*s %7.3f  %-22s %.*s\n", i + 1, NBA_STR_ARG(content->content_id),
            content->score,
            content->first_failed == NBA_REASON_NONE ? "passes"
                                                     : nba_reason_name(content->first_failed),
            (int)(title.bytes < 60 ? title.bytes : 60), title.data != NULL ? title.data : "");
    }
}

static enum nba_status flush_output(struct recommender *r, struct nba_error *error)
{
    const bool ok = nba_command_print(&r->out) == 0;
    nba_buf_reset(&r->out);
    return ok ? NBA_OK : nba_error_set(error, NBA_E_IO, "cannot write the output");
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

static enum nba_status score_one(struct recommender *r, const struct nba_hcp *hcp,
                                 struct nba_score_job *job, struct nba_error *error)
{
    const size_t floats = nba_score_binding_state_floats(r->binding);
    const size_t contents = r->side->catalog->content_count;
    /* Without a release there is nothing to count by outside the engine: every content the same. */
    uint32_t *counts = nba_arena_zeros(&r->arena, contents + 1, sizeof(*counts));
    *job = (struct nba_score_job){.hcp = hcp,
                                  .state = nba_arena_take(&r->arena, (floats + 1) * sizeof(float)),
                                  .tally = {counts, counts}};
    if (job->state == NULL || counts == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
    }
    return nba_scorer_run(r->scorer, r->binding, job, 1, &r->arena, error);
}

static enum nba_status recommend(void *context, const struct nba_hcp *hcp, struct nba_error *error)
{
    struct recommender *r = context;
    struct nba_score_job job;
    struct nba_decide_result result;
    if (nba_interrupted()) {
        return nba_error_set(error, NBA_E_INTERRUPTED, "interrupted");
    }
    if (!segment_matches(r, hcp)) {
        return NBA_OK;
    }
    nba_arena_reset(&r->arena);
    enum nba_status status = score_one(r, hcp, &job, error);
    if (status != NBA_OK) {
        return status;
    }
    const int64_t now_ms = hcp->last_event_ms != NBA_TIME_NONE
                               ? hcp->last_event_ms
                               : nba_clock_wall_ms(&nba_clock_system);
    const struct nba_decide_request request = {
        .scores = &job.scores,
        .hcp = hcp,
        .decision_id = nba_str_of("recommend"),
        .now_ms = now_ms,
        .watermark_ms = now_ms,
        .top_n = (uint32_t)r->args->top,
        .engine_version = nba_str_of(NBA_ENGINE_VERSION),
    };
    status = nba_funnel_decide(r->funnel, &request, &r->arena, &result);
    if (status != NBA_OK) {
        return nba_error_set(error, status, "cannot decide: %s", nba_status_text(status));
    }
    if (r->format == FORMAT_JSON) {
        print_json(r, hcp, &result.slate);
    } else if (r->format == FORMAT_CSV) {
        print_csv(r, hcp, &result.slate);
    } else {
        print_table(r, hcp, &result.slate);
    }
    r->done++;
    if (r->args->all) {
        nba_ticker_at(&r->progress, r->done);
    }
    return r->out.bytes > OUTPUT_BYTES_MAX / 2 ? flush_output(r, error) : NBA_OK;
}

/* ---- where HCPs come from ---- */

static enum nba_status recommend_history(struct recommender *r, struct nba_error *error)
{
    struct nba_arena arena;
    static struct nba_hcp hcp;
    const char *next = r->args->history;
    const int64_t now_ms = nba_clock_wall_ms(&nba_clock_system);
    nba_arena_init(&arena, (size_t)4 << 20);
    nba_hcp_init(&hcp, nba_str_of("history"), &arena);
    if (r->specialty.bytes != 0) {
        hcp.profile.specialties[0] = r->specialty;
        hcp.profile.specialty_count = 1;
    }
    enum nba_status status = NBA_OK;
    while (*next != '\0') {
        const char *comma = strchr(next, ',');
        const struct nba_str id =
            nba_str(next, comma != NULL ? (size_t)(comma - next) : strlen(next));
        if (nba_catalog_find_content(r->side->catalog, id) == NBA_CATALOG_NONE) {
            status =
                nba_error_set(error, NBA_E_USAGE, "--history: no content '%.*s' in the catalogue",
                              NBA_STR_ARG(id));
            break;
        }
        const struct nba_ring_event event = {
            .time_ms = now_ms,
            .content_hash = nba_content_hash(id),
            .type = NBA_EVENT_PORTAL_CONTENT_VIEWED,
            .channel = NBA_CHANNEL_WEB,
        };
        nba_hcp_push(&hcp, &event);
        next += id.bytes + (comma != NULL ? 1 : 0);
    }
    if (status == NBA_OK) {
        status = recommend(r, &hcp, error);
    }
    nba_arena_clear(&arena);
    return status;
}

static enum nba_status recommend_stored(struct recommender *r, const struct nba_config *config,
                                        struct nba_error *error)
{
    static struct nba_state_view view;
    enum nba_status status = nba_state_view_open(config, &view, error);
    if (status != NBA_OK) {
        return status;
    }
    if (r->args->all) {
        const struct nba_hcp_visitor visitor = {recommend, r};
        nba_ticker_begin(&r->progress, "HCPs", 0);
        for (size_t i = 0; status == NBA_OK && i < view.task_count; i++) {
            status = nba_task_visit(view.tasks[i], visitor, error);
        }
        nba_ticker_end(&r->progress);
    } else {
        struct nba_arena arena;
        static struct nba_hcp hcp;
        bool found = false;
        nba_arena_init(&arena, (size_t)4 << 20);
        status = nba_state_store_read_hcp(view.store, nba_str_of(r->args->hcp), &arena, &hcp,
                                          &found, error);
        if (status == NBA_OK && !found) {
            status = nba_error_set(error, NBA_E_NOT_FOUND, "no state of HCP '%s'", r->args->hcp);
        }
        if (status == NBA_OK) {
            status = recommend(r, &hcp, error);
        }
        nba_arena_clear(&arena);
    }
    nba_state_view_close(&view);
    return status;
}

/* ---- the command ---- */

static enum nba_status check_args(const struct args *args, struct nba_str *ret_specialty,
                                  struct nba_error *error)
{
    static const char prefix[] = "specialty=";
    const int sources = (args->hcp != NULL) + (args->history != NULL) + args->all;
    if (sources != 1) {
        return nba_error_set(error, NBA_E_USAGE, "expected one of --hcp, --history and --all");
    }
    if (args->csv && args->json) {
        return nba_error_set(error, NBA_E_USAGE, "--csv and --json: expected one of them");
    }
    *ret_specialty = nba_str(NULL, 0);
    if (args->segment != NULL) {
        if (strncmp(args->segment, prefix, sizeof(prefix) - 1) != 0) {
            return nba_error_set(error, NBA_E_USAGE, "--segment: expected specialty=NAME, got '%s'",
                                 args->segment);
        }
        *ret_specialty = nba_str_of(args->segment + sizeof(prefix) - 1);
    }
    return NBA_OK;
}

static enum nba_status make_recommender(struct recommender *r, const struct nba_workplace *place,
                                        struct nba_error *error)
{
    static const enum nba_score_model models[] = {NBA_SCORE_FUSION, NBA_SCORE_LSTM, NBA_SCORE_NCF,
                                                  NBA_SCORE_POPULARITY};
    enum nba_status status = nba_side_load(place, r->args->release, &r->side, error);
    const struct nba_score_options score_options = {
        .ncf_candidates = (uint32_t)place->config.score_ncf_candidates,
        .model = models[r->args->model],
    };
    if (status == NBA_OK && r->side->release == NULL && r->args->model != 0 &&
        models[r->args->model] != NBA_SCORE_POPULARITY) {
        return nba_error_set(error, NBA_E_NOT_FOUND, "no release: nothing was trained yet");
    }
    if (status == NBA_OK) {
        status = nba_score_binding_create(r->side->catalog, r->side->release, &score_options,
                                          &r->binding, error);
    }
    if (status == NBA_OK) {
        status = nba_scorer_create(&r->scorer, error);
    }
    if (status == NBA_OK) {
        status = nba_funnel_create(r->side->policy, r->side->catalog, r->side->control, &r->funnel,
                                   error);
    }
    return status;
}

static enum nba_status run_recommender(struct recommender *r, const struct args *args,
                                       struct nba_error *error)
{
    struct nba_workplace place;
    enum nba_status status = nba_workplace_open(&args->common, NBA_LOCAL_READER, &place, error);
    if (status != NBA_OK) {
        return status;
    }
    status = make_recommender(r, &place, error);
    if (status == NBA_OK) {
        status = args->history != NULL ? recommend_history(r, error)
                                       : recommend_stored(r, &place.config, error);
    }
    if (status == NBA_OK) {
        status = flush_output(r, error);
    }
    nba_funnel_destroy(r->funnel);
    nba_scorer_destroy(r->scorer);
    nba_score_binding_destroy(r->binding);
    nba_side_unref(r->side);
    nba_workplace_close(&place);
    return status;
}

static int run(const struct nba_command *command, int argc, char **argv)
{
    struct args args = {.top = 10};
    struct nba_operands operands;
    struct nba_error error = {0};
    struct recommender r = {.args = &args};
    int code = 0;
    if (!nba_command_parse(command, argc, argv, &args, &operands, &code)) {
        return code;
    }
    nba_interrupt_install();
    enum nba_status status = check_args(&args, &r.specialty, &error);
    if (status != NBA_OK) {
        return nba_command_fail(&error);
    }
    r.format = args.json ? FORMAT_JSON : args.csv ? FORMAT_CSV : FORMAT_TABLE;
    nba_arena_init(&r.arena, ARENA_BYTES_MAX);
    nba_buf_init(&r.out, OUTPUT_BYTES_MAX);
    status = run_recommender(&r, &args, &error);
    nba_arena_clear(&r.arena);
    nba_buf_clear(&r.out);
    return status == NBA_OK ? 0 : nba_command_fail(&error);
}

const struct nba_command nba_command_recommend = {
    .name = "recommend",
    .summary = "ranked contents for one HCP, a history, or everyone, with the gates' verdicts",
    .operands = "",
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
    .option_count = NBA_ARRAY_COUNT(options),
    .run = run,
};
