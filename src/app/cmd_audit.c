/*
 * nba audit: what was decided about one HCP, in time order, for somebody who must answer for it.
 *
 * Three readings of the HCP's partition: control messages (who announced a policy, who excluded
 * what), the HCP's events (when the evidence happened), then the decisions, told one by one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive.h"
#include "decision_text.h"
#include "json_text.h"
#include "nba/app/command.h"
#include "nba/app/page.h"
#include "nba/base/memory.h"
#include "nba/base/time_text.h"
#include "nba/codec/json.h"

#define FLUSH_BYTES ((size_t)1 << 16)
/* Suppressed candidates that text shows; --json has all that were recorded. */
#define SHOWN_MAX 5u

static struct {
    const char *hcp, *archive;
    int64_t from_ms, to_ms;
    bool all, json, csv;
} args = {.from_ms = INT64_MIN, .to_ms = INT64_MAX};

static const struct nba_option options[] = {
    NBA_OPTION_TEXT(&args.hcp, "hcp", "ID", "the HCP"),
    NBA_OPTION_TIME(&args.from_ms, "from", "decisions from this time on"),
    NBA_OPTION_TIME(&args.to_ms, "to", "decisions before this time"),
    NBA_OPTION_TEXT(&args.archive, "archive", "DIR", "read what `nba archive` wrote, not the log"),
    NBA_OPTION_FLAG(&args.all, "all", "also records that decided and closed nothing"),
    NBA_OPTION_FLAG(&args.json, "json", "a JSON object a record: the record, author, evidence"),
    NBA_OPTION_FLAG(&args.csv, "csv", "a row for each action proposed, stopped or closed"),
    {0},
};

/* A control message that answers "who": of a policy by its hash, of an exclusion by its id. */
struct author {
    char *target, *by, *reason;
};

struct happened {
    uint64_t hash;
    int64_t time_ms;
};

struct audit {
    struct nba_workplace *place;
    struct nba_history history;
    struct author *authors;
    size_t author_count, author_capacity;
    struct happened *events;
    size_t event_count, event_capacity;
    uint64_t told, quiet;
};

/* ---- who and when ---- */

static char *copy_text(struct nba_str text)
{
    char *copy = nba_zeros(text.bytes + 1, 1);
    memcpy(copy, text.bytes != 0 ? text.data : "", text.bytes);
    return copy;
}

static enum nba_status note_control(void *context, const struct nba_record *record,
                                    struct nba_error *error)
{
    struct audit *a = context;
    struct nba_control message;
    nba_arena_reset(&a->place->arena);
    if (nba_decode_control(a->place->decoder, record->value, &a->place->arena, &message, error) !=
        NBA_OK) {
        return NBA_OK; /* what the engine passed over says nothing here */
    }
    if (message.kind == NBA_CONTROL_POLICY || message.kind == NBA_CONTROL_EXCLUDE) {
        a->authors =
            nba_room(a->authors, a->author_count, &a->author_capacity, sizeof(*a->authors));
        a->authors[a->author_count++] = (struct author){
            copy_text(message.kind == NBA_CONTROL_POLICY ? message.target : message.id),
            copy_text(message.by), copy_text(message.reason)};
    }
    return NBA_OK;
}

/* The last one to say it; NULL: nobody. */
static const struct author *author_of(const struct audit *a, struct nba_str target)
{
    for (size_t i = a->author_count; i-- > 0 && target.bytes != 0;) {
        if (nba_str_is(target, a->authors[i].target)) {
            return &a->authors[i];
        }
    }
    return NULL;
}

static enum nba_status note_event(void *context, const struct nba_record *record,
                                  struct nba_error *error)
{
    struct audit *a = context;
    struct nba_event event;
    if (!nba_str_is(record->key, args.hcp)) {
        return NBA_OK;
    }
    nba_arena_reset(&a->place->arena);
    if (nba_decode_event(a->place->decoder, record->value, &a->place->arena, &event, error) ==
        NBA_OK) {
        a->events = nba_room(a->events, a->event_count, &a->event_capacity, sizeof(*a->events));
        a->events[a->event_count++] = (struct happened){
            nba_xxh64(event.event_id.data, event.event_id.bytes), event.event_time_ms};
    }
    return NBA_OK; /* a bad one is a dead letter and no evidence */
}

struct newest {
    struct nba_str event_id;
    int64_t time_ms; /* NBA_TIME_NONE: nothing known */
};

static void look_at_evidence(const struct audit *a, struct nba_str event_id, struct newest *newest)
{
    const uint64_t hash = nba_xxh64(event_id.data, event_id.bytes);
    for (size_t i = 0; i < a->event_count; i++) {
        if (a->events[i].hash == hash && a->events[i].time_ms > newest->time_ms) {
            *newest = (struct newest){event_id, a->events[i].time_ms};
        }
    }
}

/* Of what the actions stand on, and of what started the decision. */
static struct newest newest_of(const struct audit *a, const struct nba_decision *decision)
{
    struct newest newest = {{NULL, 0}, NBA_TIME_NONE};
    look_at_evidence(a, decision->trigger_event_id, &newest);
    for (uint32_t i = 0; i < decision->selected_count; i++) {
        const struct nba_action *action = &decision->selected[i];
        for (uint32_t d = 0; d < action->driver_count; d++) {
            const struct nba_str_list *evidence = &action->drivers[d].evidence_event_ids;
            for (uint32_t e = 0; e < evidence->count; e++) {
                look_at_evidence(a, evidence->items[e], &newest);
            }
        }
    }
    return newest;
}

/* ---- telling ---- */

static const char *const kinds[] = {"decided", "updated", "skipped", "lifecycle"};

static const char *time_text(int64_t ms, char text[NBA_TIME_TEXT_BYTES])
{
    text[0] = '\0';
    if (ms != NBA_TIME_NONE) {
        nba_time_format(ms, text);
    }
    return text;
}

static void put_author(const struct audit *a, struct nba_str target, const char *before,
                       struct nba_buf *out)
{
    const struct author *author = author_of(a, target);
    if (author != NULL) {
        nba_buf_printf(out, "%sby %s%s%s", before,
                       author->by[0] != '\0' ? author->by : "nobody named",
                       author->reason[0] != '\0' ? ": " : "", author->reason);
    }
}

static void tell_text(const struct audit *a, const struct nba_decision *d, struct nba_buf *out)
{
    char when[NBA_TIME_TEXT_BYTES];
    const struct newest newest = newest_of(a, d);
    nba_buf_printf(out, "%s  %s  %.*s\n", time_text(d->decision_time_ms, when), kinds[d->kind],
                   NBA_STR_ARG(d->decision_id));
    nba_buf_printf(out, "  policy %.*s, %.*s", NBA_STR_ARG(d->policy_version),
                   NBA_STR_ARG(d->policy_hash));
    put_author(a, d->policy_hash, ", ", out);
    nba_buf_printf(out, "\n  model %.*s, engine %.*s\n", NBA_STR_ARG(d->model_version),
                   NBA_STR_ARG(d->engine_version));
    if (newest.time_ms != NBA_TIME_NONE) {
        nba_buf_printf(out, "  newest evidence %.*s at %s, %.1f hours before\n",
                       NBA_STR_ARG(newest.event_id), time_text(newest.time_ms, when),
                       (double)(d->decision_time_ms - newest.time_ms) / NBA_HOUR_MS);
    }
    if (d->reason != NBA_REASON_NONE) {
        nba_buf_printf(out, "  reason %s\n", nba_reason_name(d->reason));
    }
    for (uint32_t i = 0; i < d->selected_count; i++) {
        const struct nba_action *action = &d->selected[i];
        const struct nba_held *held = nba_decision_held(d, action->action_id);
        nba_buf_printf(out, "  %s", held != NULL ? "held until " : "proposed");
        nba_buf_append_str(out, nba_str_of(held != NULL ? time_text(held->until_ms, when) : ""));
        nba_buf_printf(out, " %d. %.*s %s by %s, approval %.*s, priority %.4f, until %s\n",
                       (int)action->rank, NBA_STR_ARG(action->content_id),
                       nba_action_type_name(action->action_type), nba_channel_name(action->channel),
                       NBA_STR_ARG(action->approval_number), action->priority,
                       time_text(action->expires_at_ms, when));
    }
    for (uint32_t i = 0; i < d->suppressed_count && i < SHOWN_MAX; i++) {
        const struct nba_suppressed *s = &d->suppressed[i];
        nba_buf_printf(out, "  stopped %.*s %s: %s", NBA_STR_ARG(s->content_id),
                       nba_action_type_name(s->action_type), nba_reason_name(s->reason));
        nba_buf_printf(out, s->rule_id.bytes != 0 ? " by rule %.*s" : "%.*s",
                       NBA_STR_ARG(s->rule_id));
        put_author(a, s->reason == NBA_REASON_EXCLUDED ? s->rule_id : nba_str("", 0), ", ", out);
        nba_buf_append_byte(out, '\n');
    }
    const char *between = "  all reasons ";
    for (unsigned n = 1; n <= NBA_REASON_NUMBER_MAX; n++) {
        if (d->reason_count[n] != 0) {
            nba_buf_printf(out, "%s%s %d", between, nba_reason_name((enum nba_reason)n),
                           (int)d->reason_count[n]);
            between = ", ";
        }
    }
    nba_buf_append_str(out, nba_str_of(between[0] == ',' ? "\n" : ""));
    for (uint32_t i = 0; i < d->closed_count; i++) {
        nba_buf_printf(out, "  closed %.*s: %s\n", NBA_STR_ARG(d->closed[i].action_id),
                       nba_reason_name(d->closed[i].reason));
    }
    nba_buf_append_byte(out, '\n');
}

static enum nba_status tell_json(const struct audit *a, const struct nba_decision *d,
                                 struct nba_str value, struct nba_error *error)
{
    struct nba_buf *out = &a->place->out;
    const struct newest newest = newest_of(a, d);
    const struct author *author = author_of(a, d->policy_hash);
    nba_buf_append_str(out, nba_str_of("{\"record\":"));
    const enum nba_status status = nba_json_print_value(a->place->schemas, value, out, error);
    if (author != NULL) {
        nba_json_text(out, "policy_by", nba_str_of(author->by));
        nba_json_text(out, "policy_reason", nba_str_of(author->reason));
    }
    if (newest.time_ms != NBA_TIME_NONE) {
        nba_json_text(out, "newest_evidence", newest.event_id);
        nba_json_time(out, "newest_evidence_time", newest.time_ms);
        nba_json_number(out, "newest_evidence_age_s",
                        (double)(d->decision_time_ms - newest.time_ms) / 1000);
    }
    nba_buf_append_str(out, nba_str_of("}\n"));
    return status;
}

static const char csv_head[] =
    "time,decision_id,kind,what,action_id,content_id,action_type,channel,approval_number,priority,"
    "reason,rule_id,policy_version,policy_hash,policy_by,model_version,newest_evidence,"
    "newest_evidence_age_s\n";

/* One row; `id` of the action, what isn't known is empty. */
struct row {
    const char *what;
    struct nba_str action_id, content_id, approval, rule_id;
    const char *type, *channel, *reason;
    double priority;
};

static void put_row(const struct audit *a, const struct nba_decision *d, const struct row *row)
{
    struct nba_buf *out = &a->place->out;
    char when[NBA_TIME_TEXT_BYTES];
    const struct newest newest = newest_of(a, d);
    const struct author *author = author_of(a, d->policy_hash);
    const struct nba_str by = nba_str_of(author != NULL ? author->by : "");
    const struct nba_str texts[] = {row->action_id, row->content_id};
    nba_buf_printf(out, "%s,", time_text(d->decision_time_ms, when));
    nba_csv_text(out, d->decision_id);
    nba_buf_printf(out, ",%s,%s", kinds[d->kind], row->what);
    for (size_t i = 0; i < NBA_ARRAY_COUNT(texts); i++) {
        nba_buf_append_byte(out, ',');
        nba_csv_text(out, texts[i]);
    }
    nba_buf_printf(out, ",%s,%s,", row->type, row->channel);
    nba_csv_text(out, row->approval);
    if (row->type[0] != '\0') {
        nba_buf_printf(out, ",%.7g", row->priority);
    } else {
        nba_buf_append_byte(out, ',');
    }
    nba_buf_printf(out, ",%s,", row->reason);
    const struct nba_str more[] = {row->rule_id, d->policy_version, d->policy_hash,
                                   by,           d->model_version,  newest.event_id};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(more); i++) {
        nba_csv_text(out, more[i]);
        nba_buf_append_byte(out, ',');
    }
    if (newest.time_ms != NBA_TIME_NONE) {
        nba_buf_printf(out, "%.3f", (double)(d->decision_time_ms - newest.time_ms) / 1000);
    }
    nba_buf_append_byte(out, '\n');
}

static void tell_csv(const struct audit *a, const struct nba_decision *d)
{
    struct row row = {.type = "", .channel = "", .reason = ""};
    for (uint32_t i = 0; i < d->selected_count; i++) {
        const struct nba_action *action = &d->selected[i];
        put_row(a, d,
                &(struct row){.what = nba_decision_held(d, action->action_id) != NULL ? "held"
                                                                                      : "proposed",
                              .action_id = action->action_id,
                              .content_id = action->content_id,
                              .approval = action->approval_number,
                              .type = nba_action_type_name(action->action_type),
                              .channel = nba_channel_name(action->channel),
                              .reason = "",
                              .priority = action->priority});
    }
    for (uint32_t i = 0; i < d->suppressed_count; i++) {
        const struct nba_suppressed *s = &d->suppressed[i];
        put_row(a, d,
                &(struct row){.what = "stopped",
                              .content_id = s->content_id,
                              .rule_id = s->rule_id,
                              .type = nba_action_type_name(s->action_type),
                              .channel = nba_channel_name(s->channel),
                              .reason = nba_reason_name(s->reason),
                              .priority = (double)s->priority});
    }
    for (uint32_t i = 0; i < d->closed_count; i++) {
        row.what = "closed";
        row.action_id = d->closed[i].action_id;
        row.reason = nba_reason_name(d->closed[i].reason);
        put_row(a, d, &row);
    }
    if (d->selected_count + d->suppressed_count + d->closed_count == 0) {
        row.what = "nothing";
        row.reason = d->reason != NBA_REASON_NONE ? nba_reason_name(d->reason) : "";
        put_row(a, d, &row);
    }
}

static enum nba_status tell(void *context, const struct nba_record *record, struct nba_error *error)
{
    struct audit *a = context;
    struct nba_decision decision;
    if (!nba_str_is(record->key, args.hcp)) {
        return NBA_OK;
    }
    nba_arena_reset(&a->place->arena);
    enum nba_status status =
        nba_decode_decision(a->place->decoder, record->value, &a->place->arena, &decision, error);
    if (status != NBA_OK || decision.decision_time_ms < args.from_ms ||
        decision.decision_time_ms >= args.to_ms) {
        return status;
    }
    if (!args.all && decision.kind != NBA_DECISION_DECIDED &&
        decision.selected_count + decision.suppressed_count + decision.closed_count == 0) {
        a->quiet++;
        return NBA_OK;
    }
    a->told++;
    if (args.json) {
        status = tell_json(a, &decision, record->value, error);
    } else if (args.csv) {
        tell_csv(a, &decision);
    } else {
        tell_text(a, &decision, &a->place->out);
    }
    return status == NBA_OK && a->place->out.bytes > FLUSH_BYTES
               ? nba_workplace_flush(a->place, error)
               : status;
}

/* The HCP's own partition first; a producer with another partitioner may have put it elsewhere. */
static enum nba_status audit_partitions(struct audit *a, struct nba_error *error)
{
    const struct nba_config_topics *topics = &a->place->config.topics;
    int32_t count = 0;
    enum nba_status status = nba_history_partitions(&a->history, topics->decision, &count, error);
    for (int32_t i = 0; i < count && status == NBA_OK && a->told + a->quiet == 0; i++) {
        const int32_t p = (nba_partition_of_key(nba_str_of(args.hcp), count) + i) % count;
        a->event_count = 0;
        status = nba_history_walk(&a->history, topics->engagement, p, note_event, a, error);
        status = status == NBA_OK
                     ? nba_history_walk(&a->history, topics->decision, p, tell, a, error)
                     : status;
    }
    return status;
}

static enum nba_status run(struct nba_workplace *place, struct nba_error *error)
{
    struct audit a = {.place = place};
    nba_interrupt_install();
    if (args.hcp == NULL) {
        return nba_error_set(error, NBA_E_USAGE, "--hcp: expected the id of an HCP");
    }
    if (args.json && args.csv) {
        return nba_error_set(error, NBA_E_USAGE, "--json, --csv: expected one of them");
    }
    enum nba_status status = nba_history_open(place, args.archive, &a.history, error);
    if (status == NBA_OK) {
        nba_buf_append_str(&place->out, nba_str_of(args.csv ? csv_head : ""));
        status =
            nba_history_walk(&a.history, place->config.topics.control, 0, note_control, &a, error);
        status = status == NBA_OK ? audit_partitions(&a, error) : status;
    }
    if (status == NBA_OK && a.told + a.quiet == 0) {
        status = nba_error_set(error, NBA_E_NOT_FOUND, "no decision about '%s' is recorded there",
                               args.hcp);
    } else if (status == NBA_OK && !args.json && !args.csv) {
        nba_buf_printf(&place->out,
                       "%llu records shown, %llu that changed nothing are not (--all)\n",
                       (unsigned long long)a.told, (unsigned long long)a.quiet);
    }
    for (size_t i = 0; i < a.author_count; i++) {
        free(a.authors[i].target);
        free(a.authors[i].by);
        free(a.authors[i].reason);
    }
    free(a.authors);
    free(a.events);
    nba_history_close(&a.history);
    return status;
}

const struct nba_command nba_command_audit = {
    .name = "audit",
    .summary = "what was decided about one HCP, in time order, with approval, policy and evidence",
    .about =
        "Reads the decision topic, or an archive, and tells of each record what was proposed with\n"
        "its approval number, the policy's version and hash, how old the newest evidence was, and\n"
        "the reasons of what was stopped. Who made a policy is known when it was announced by a\n"
        "control message (kind policy, target its SHA-256, by, reason); an exclusion's message\n"
        "says who asked for it.",
    .examples = "nba audit --hcp hcp-0001 --from 2026-11-01T00:00:00Z --to 2026-12-01T00:00:00Z\n"
                "nba audit --hcp hcp-0001 --archive /srv/nba-archive --csv > hcp-0001.csv\n"
                "nba audit --hcp hcp-0001 --all --json | jq .record.decision_id",
    .options = options,
    .run = run,
};
