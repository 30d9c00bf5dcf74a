/* nba report: what decisions did, for people who pay for them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nba/app/command.h"
#include "nba/app/page.h"
#include "nba/base/time_text.h"
#include "report_count.h"

static const char *const by_words[] = {"brand",     "campaign", "business_unit", "channel",
                                       "specialty", "region",   "rep",           NULL};

static struct {
    int by;
    int64_t from_ms, to_ms;
    const char *archive;
    bool csv, html;
} args = {.from_ms = INT64_MIN, .to_ms = INT64_MAX};

static const struct nba_option options[] = {
    NBA_OPTION_WORD(&args.by, "by", "WORD", by_words, "what rows are of (default: brand)"),
    NBA_OPTION_TIME(&args.from_ms, "from", "decisions and engagement from this time on"),
    NBA_OPTION_TIME(&args.to_ms, "to", "decisions and engagement before this time"),
    NBA_OPTION_TEXT(&args.archive, "archive", "DIR", "read what `nba archive` wrote, not the log"),
    NBA_OPTION_FLAG(&args.csv, "csv", "all tables as CSV; the first column names the table"),
    NBA_OPTION_FLAG(&args.html, "html", "all tables as one page that needs nothing else"),
    {0},
};

static enum nba_sheet_form form(void)
{
    return args.html ? NBA_SHEET_HTML : args.csv ? NBA_SHEET_CSV : NBA_SHEET_TEXT;
}

static bool put(struct nba_sheet *sheet, struct nba_buf *out)
{
    return nba_sheet_put(sheet, form(), out);
}

static int by_name(const void *a, const void *b)
{
    const struct nba_report_group *const *left = a;
    const struct nba_report_group *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

/* The outcomes that have a column of their own in the table of groups. */
static const enum nba_outcome shown[] = {
    NBA_OUTCOME_SENT,     NBA_OUTCOME_DELIVERED, NBA_OUTCOME_SHOWN,
    NBA_OUTCOME_OPENED,   NBA_OUTCOME_CLICKED,   NBA_OUTCOME_ATTENDED,
    NBA_OUTCOME_ACCEPTED, NBA_OUTCOME_DISMISSED, NBA_OUTCOME_CONVERTED};

static void put_counts(struct nba_sheet *sheet, const char *name,
                       const struct nba_report_counts *counts)
{
    nba_sheet_text(sheet, nba_str_of(name));
    nba_sheet_count(sheet, counts->reach);
    nba_sheet_count(sheet, counts->proposed);
    nba_sheet_count(sheet, counts->taken_back);
    for (size_t i = 0; i < NBA_ARRAY_COUNT(shown); i++) {
        nba_sheet_count(sheet, counts->unique[shown[i]]);
    }
    nba_sheet_number(sheet, counts->value, 2);
}

static bool put_groups(const struct nba_report *report, struct nba_report_group **groups,
                       struct nba_buf *out)
{
    static const char *columns[] = {NULL,           "%reach",     "%proposed", "#taken back",
                                    "#sent",        "#delivered", "#shown",    "#opened",
                                    "#clicked",     "#attended",  "#accepted", "#dismissed",
                                    "#conversions", "#value",     NULL};
    struct nba_sheet sheet;
    columns[0] = by_words[args.by];
    nba_sheet_init(&sheet, "actions", "What was proposed and what came of it", columns);
    for (size_t i = 0; i < report->group_count; i++) {
        if (groups[i]->counts.proposed != 0) {
            put_counts(&sheet, groups[i]->name, &groups[i]->counts);
        }
    }
    put_counts(&sheet, "(all)", &report->total);
    return put(&sheet, out);
}

static double ratio(uint64_t part, uint64_t whole)
{
    return whole != 0 ? (double)part / (double)whole : (double)NAN;
}

/* Actions' outcomes beside those that no action asked for. */
static bool put_outcomes(const struct nba_report *report, struct nba_buf *out)
{
    static const char *const columns[] = {"outcome",   "#actions",     "#events", "#events a sent",
                                          "#the rest", "#rest a sent", NULL};
    const struct nba_report_counts *total = &report->total;
    struct nba_sheet sheet;
    nba_sheet_init(&sheet, "outcomes", "Driven by an action, and the rest", columns);
    for (unsigned o = 1; o < NBA_OUTCOME_COUNT; o++) {
        if (total->events[o] + total->rest[o] != 0) {
            nba_sheet_text(&sheet, nba_str_of(nba_outcome_name((enum nba_outcome)o)));
            nba_sheet_count(&sheet, total->unique[o]);
            nba_sheet_count(&sheet, total->events[o]);
            nba_sheet_number(&sheet, ratio(total->events[o], total->events[NBA_OUTCOME_SENT]), 4);
            nba_sheet_count(&sheet, total->rest[o]);
            nba_sheet_number(&sheet, ratio(total->rest[o], total->rest[NBA_OUTCOME_SENT]), 4);
        }
    }
    return put(&sheet, out);
}

static bool put_rest(const struct nba_report *report, struct nba_report_group **groups,
                     struct nba_buf *out)
{
    static const char *columns[] = {NULL,      "#sent",        "#opened", "#clicked", "#attended",
                                    "#viewed", "#conversions", "#value",  NULL};
    static const enum nba_outcome of[] = {NBA_OUTCOME_SENT,    NBA_OUTCOME_OPENED,
                                          NBA_OUTCOME_CLICKED, NBA_OUTCOME_ATTENDED,
                                          NBA_OUTCOME_VIEWED,  NBA_OUTCOME_CONVERTED};
    struct nba_sheet sheet;
    columns[0] = by_words[args.by];
    nba_sheet_init(&sheet, "rest", "Engagement that answered no action", columns);
    for (size_t i = 0; i < report->group_count; i++) {
        const struct nba_report_counts *counts = &groups[i]->counts;
        nba_sheet_text(&sheet, nba_str_of(groups[i]->name));
        for (size_t o = 0; o < NBA_ARRAY_COUNT(of); o++) {
            nba_sheet_count(&sheet, counts->rest[of[o]]);
        }
        nba_sheet_number(&sheet, counts->rest_value, 2);
    }
    return put(&sheet, out);
}

static bool put_dismissals(const struct nba_report *report, struct nba_buf *out)
{
    static const char *columns[] = {NULL, "reason", "%dismissed", NULL};
    struct nba_sheet sheet;
    columns[0] = by_words[args.by];
    nba_sheet_init(&sheet, "dismissals", "Dismissed, by reason", columns);
    for (size_t i = 0; i < report->dismissal_count; i++) {
        const struct nba_report_dismissal *d = &report->dismissals[i];
        nba_sheet_text(&sheet, nba_str_of(report->groups[d->group].name));
        nba_sheet_text(&sheet, nba_str_of(d->reason));
        nba_sheet_count(&sheet, d->count);
    }
    return put(&sheet, out);
}

static void put_lift_row(struct nba_sheet *sheet, const char *what, struct nba_sample treated,
                         struct nba_sample control)
{
    const struct nba_lift lift = nba_lift(treated, control);
    nba_sheet_text(sheet, nba_str_of(what));
    nba_sheet_count(sheet, treated.people);
    nba_sheet_number(sheet, lift.treated, 4);
    nba_sheet_count(sheet, control.people);
    nba_sheet_number(sheet, lift.control, 4);
    nba_sheet_number(sheet, lift.lift, 4);
    nba_sheet_number(sheet, lift.low, 4);
    nba_sheet_number(sheet, lift.high, 4);
}

static bool put_lift(const struct nba_report *report, struct nba_buf *out)
{
    static const char *const columns[] = {"HCPs who", "#treated", "#share", "#control", "#share ",
                                          "#lift",    "#low",     "#high",  NULL};
    const struct nba_report_arm *t = &report->treated;
    const struct nba_report_arm *c = &report->control;
    struct nba_sheet sheet;
    nba_sheet_init(&sheet, "lift", "Treated against control (95 % interval)", columns);
    put_lift_row(&sheet, "engaged", (struct nba_sample){t->people, t->engaged},
                 (struct nba_sample){c->people, c->engaged});
    put_lift_row(&sheet, "converted", (struct nba_sample){t->people, t->converted},
                 (struct nba_sample){c->people, c->converted});
    return put(&sheet, out);
}

/* What each reason stopped of the candidates that had come so far. */
static bool put_funnel(const struct nba_report *report, struct nba_buf *out)
{
    static const char *const columns[] = {"stage", "reason", "%stopped", "%left", NULL};
    struct nba_sheet sheet;
    uint64_t left = report->candidates;
    nba_sheet_init(&sheet, "funnel", "Candidates by stage and reason", columns);
    nba_sheet_text(&sheet, nba_str_of("scored"));
    nba_sheet_text(&sheet, nba_str_of(""));
    nba_sheet_count(&sheet, 0);
    nba_sheet_count(&sheet, left);
    for (unsigned n = 1; n <= NBA_REASON_NUMBER_MAX; n++) {
        if (report->stopped[n] != 0) {
            const enum nba_reason reason = (enum nba_reason)n;
            left -= report->stopped[n];
            nba_sheet_text(&sheet, nba_str_of(nba_stage_name(nba_reason_stage(reason))));
            nba_sheet_text(&sheet, nba_str_of(nba_reason_name(reason)));
            nba_sheet_count(&sheet, report->stopped[n]);
            nba_sheet_count(&sheet, left);
        }
    }
    return put(&sheet, out);
}

static bool put_reasons(const char *name, const char *heading, const char *none,
                        const uint64_t counts[], struct nba_buf *out)
{
    static const char *const columns[] = {"reason", "%count", NULL};
    struct nba_sheet sheet;
    nba_sheet_init(&sheet, name, heading, columns);
    for (unsigned n = 0; n <= NBA_REASON_NUMBER_MAX; n++) {
        if (counts[n] != 0) {
            nba_sheet_text(&sheet, nba_str_of(n != 0 ? nba_reason_name((enum nba_reason)n) : none));
            nba_sheet_count(&sheet, counts[n]);
        }
    }
    return put(&sheet, out);
}

static bool put_summary(const struct nba_report *report, struct nba_buf *out)
{
    static const char *const columns[] = {"what", "#count", NULL};
    const struct {
        const char *what;
        uint64_t count;
    } rows[] = {{"decisions", report->decisions},
                {"candidates", report->candidates},
                {"actions proposed", report->total.proposed},
                {"HCPs", report->people},
                {"HCPs with an action", report->total.reach},
                {"HCPs without any action", report->people - report->total.reach},
                {"HCPs treated and control, left out of the lift", report->both_arms}};
    struct nba_sheet sheet;
    nba_sheet_init(&sheet, "summary", "In all", columns);
    for (size_t i = 0; i < NBA_ARRAY_COUNT(rows); i++) {
        nba_sheet_text(&sheet, nba_str_of(rows[i].what));
        nba_sheet_count(&sheet, rows[i].count);
    }
    return put(&sheet, out);
}

static const char *time_text(int64_t ms, const char *open, char text[NBA_TIME_TEXT_BYTES])
{
    if (ms == INT64_MIN || ms == INT64_MAX) {
        return open;
    }
    nba_time_format(ms, text);
    return text;
}

static enum nba_status print(const struct nba_report *report, struct nba_buf *out,
                             struct nba_error *error)
{
    char from[NBA_TIME_TEXT_BYTES];
    char to[NBA_TIME_TEXT_BYTES];
    char title[128];
    struct nba_report_group **groups =
        calloc(report->group_count + 1, sizeof(struct nba_report_group *));
    if (groups == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "report: out of memory");
    }
    for (size_t i = 0; i < report->group_count; i++) {
        groups[i] = &report->groups[i];
    }
    qsort(groups, report->group_count, sizeof(struct nba_report_group *), by_name);
    (void)snprintf(title, sizeof(title), "Actions by %s, %s to %s", by_words[args.by],
                   time_text(args.from_ms, "the beginning", from),
                   time_text(args.to_ms, "the end", to));
    if (args.html) {
        nba_page_open(out, title);
    } else if (!args.csv) {
        nba_buf_printf(out, "%s\n", title);
    }
    const bool whole =
        put_summary(report, out) && put_groups(report, groups, out) &&
        put_dismissals(report, out) && put_outcomes(report, out) && put_rest(report, groups, out) &&
        put_lift(report, out) && put_funnel(report, out) &&
        put_reasons("taken_back", "Actions taken back, by reason", "", report->taken_back, out) &&
        put_reasons("without_action", "HCPs without any action, by what stopped the last best",
                    "(no decision)", report->without_action, out);
    if (args.html) {
        nba_page_close(out);
    }
    free(groups);
    return whole ? NBA_OK : nba_error_set(error, NBA_E_LIMIT, "report: a table above 64 MiB");
}

static enum nba_status run(struct nba_workplace *place, struct nba_error *error)
{
    struct nba_report report = {
        .by = (enum nba_report_by)args.by, .from_ms = args.from_ms, .to_ms = args.to_ms};
    struct nba_history history;
    nba_interrupt_install();
    if (args.csv && args.html) {
        return nba_error_set(error, NBA_E_USAGE, "--csv, --html: expected one of them");
    }
    enum nba_status status = nba_history_open(place, args.archive, &history, error);
    status = status == NBA_OK ? nba_report_count(&report, &history, error) : status;
    status = status == NBA_OK ? print(&report, &place->out, error) : status;
    nba_report_clear(&report);
    nba_history_close(&history);
    return status;
}

const struct nba_command nba_command_report = {
    .name = "report",
    .summary = "what was proposed and what came of it: by brand, rep...; lift against control",
    .about =
        "Reads decisions and engagement from the log or an archive and counts, for a period:\n"
        "reach, actions and their outcomes by group, dismissals by reason, what answered no\n"
        "action, treated against control HCPs with lift and interval, the funnel by stage and\n"
        "reason, HCPs without any action. docs/REPORTS.md says how each figure is counted.",
    .examples = "nba report\n"
                "nba report --by rep --from 2026-11-01T00:00:00Z --to 2026-12-01T00:00:00Z\n"
                "nba report --by channel --archive /srv/nba-archive --html > november.html\n"
                "nba report --by campaign --csv --kafka 127.0.0.1:9092",
    .options = options,
    .run = run,
};
