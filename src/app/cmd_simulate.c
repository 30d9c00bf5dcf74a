/* nba simulate: what a policy would have done with a log, and how another one differs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nba/app/command.h"
#include "nba/app/page.h"
#include "nba/base/file.h"
#include "nba/policy/policy.h"
#include "replay_log.h"
#include "simulate_count.h"

#define RUNS_MAX 2u
/* Contents, rules and weeks that a person reads; --csv has all. */
#define SHOWN_MAX  15u
#define FILE_BYTES ((size_t)64 << 20)

static struct {
    struct nba_operands logs, policies;
    const char *csv, *html;
    int64_t threads;
} args = {.threads = 2};

static const struct nba_option options[] = {
    NBA_OPTION_LIST(&args.logs, "log", "PATH",
                    "a log file made by `nba consume --out`, or the folder of an embedded log"),
    NBA_OPTION_LIST(&args.policies, "policy", "FILE",
                    "a policy; given twice, the second is compared with the first (default: "
                    "policy.file)"),
    NBA_OPTION_INTEGER(&args.threads, "threads", "N", 1, 64, "threads (default: 2)"),
    NBA_OPTION_TEXT(&args.csv, "csv", "FILE", "all counts as CSV"),
    NBA_OPTION_TEXT(&args.html, "html", "FILE", "all counts as one page"),
    {0},
};

static const struct {
    const char *word, *heading, *unit;
} dimensions[] = {
#define NBA_X(constant, word, heading, unit) {word, heading, unit},
    NBA_SIMULATED_MAP(NBA_X)
#undef NBA_X
};

/* ---- the runs ---- */

static enum nba_status drop_output(void *context, const struct nba_outbox_record *record,
                                   struct nba_error *error)
{
    (void)context, (void)record, (void)error;
    return NBA_OK; /* the journal: nobody keeps it */
}

static enum nba_status run_policy(struct nba_workplace *place, const char *policy, size_t number,
                                  struct nba_simulation *simulation, struct nba_error *error)
{
    struct nba_config config = place->config;
    char state[NBA_PATH_BYTES_MAX];
    char what[64];
    config.policy_file = policy;
    (void)snprintf(state, sizeof(state), "%s/%zu", place->temporary, number);
    (void)snprintf(what, sizeof(what), "events under policy %c", (char)('A' + number));
    const struct nba_replay_options replay_options = {
        .config = &config,
        .schemas = place->schemas,
        .state_dir = state,
        .policies_dir = state,
        .policy_ours = true,
        .state_unread = true,
        .threads = (size_t)args.threads,
        .sink = {drop_output, NULL},
        .listener = &simulation->listener,
        .progress = nba_replay_tick,
        .progress_context = &place->ticker,
    };
    struct nba_replay *replay = nba_replay_create(&replay_options);
    bool done = nba_add_logs(replay, place, &args.logs, error) == NBA_OK;
    if (done) {
        const uint64_t events = nba_replay_events(replay);
        nba_ticker_begin(&place->ticker, what, events);
        done = nba_replay_run(replay, error) == NBA_OK;
        const double seconds = nba_ticker_seconds(&place->ticker);
        nba_ticker_end(&place->ticker);
        if (done) {
            (void)fprintf(stderr, "%llu %s in %.2f s, %.0f a second\n", (unsigned long long)events,
                          what, seconds, (double)events / (seconds > 0 ? seconds : 1e-9));
        }
    }
    nba_replay_destroy(replay);
    return nba_outcome(done, error);
}

/* ---- what came out ---- */

struct result {
    struct nba_simulated_row *rows;
    size_t count;
    size_t runs;
    struct {
        const char *file;
        char name[2 * NBA_SHA256_TEXT_BYTES]; /* version, and the beginning of its hash */
    } policies[RUNS_MAX];
};

static enum nba_status name_policy(struct result *result, size_t r, const char *file,
                                   struct nba_error *error)
{
    struct nba_policy *policy = NULL;
    const enum nba_status status = nba_policy_load(file, &policy, error);
    if (status == NBA_OK) {
        const struct nba_policy_head *head = nba_policy_head(policy);
        result->policies[r].file = file;
        (void)snprintf(result->policies[r].name, sizeof(result->policies[r].name), "%.*s, %.12s",
                       NBA_STR_ARG(head->version), head->hash.data);
        nba_policy_unref(policy);
    }
    return status;
}

/* The end of the rows of one dimension that begin at `first`. */
static size_t end_of(const struct result *result, size_t first)
{
    size_t end = first;
    while (end < result->count && result->rows[end].dimension == result->rows[first].dimension) {
        end++;
    }
    return end;
}

static bool is_whole(double x)
{
    return x > -1e15 && x < 1e15 && (double)(int64_t)x == x;
}

static void put_number(struct nba_buf *buf, double x, int width)
{
    nba_buf_printf(buf, is_whole(x) ? "%*.0f" : "%*.2f", width, x);
}

/* The largest first: what a person looks for. */
static int by_count(const void *a, const void *b)
{
    const struct nba_simulated_row *left = a;
    const struct nba_simulated_row *right = b;
    const double counts[] = {left->counts[0] + left->counts[1],
                             right->counts[0] + right->counts[1]};
    return counts[0] != counts[1] ? (counts[0] > counts[1] ? -1 : 1)
                                  : strcmp(left->word, right->word);
}

static void print_text(const struct result *result, struct nba_buf *out)
{
    for (size_t r = 0; r < result->runs; r++) {
        nba_buf_printf(out, "policy %c  %s  (%s)\n", (char)('A' + r), result->policies[r].file,
                       result->policies[r].name);
    }
    for (size_t first = 0; first < result->count; first = end_of(result, first)) {
        const size_t end = end_of(result, first);
        const enum nba_simulated dimension = result->rows[first].dimension;
        const bool ordered = dimension == NBA_SIMULATED_TOTAL || dimension == NBA_SIMULATED_WEEK ||
                             dimension == NBA_SIMULATED_STAGE;
        if (!ordered) {
            qsort(result->rows + first, end - first, sizeof(*result->rows), by_count);
        }
        const bool difference = dimension == NBA_SIMULATED_DIFFERENCE;
        nba_buf_printf(out, "\n%-42s %13s", dimensions[dimension].heading, difference ? "" : "A");
        nba_buf_printf(out, result->runs == 2 ? " %13s %13s\n" : "\n", difference ? "" : "B",
                       difference ? "" : "B - A");
        for (size_t i = first; i < end && i < first + SHOWN_MAX; i++) {
            const struct nba_simulated_row *row = &result->rows[i];
            nba_buf_printf(out, "  %-40s ", row->word);
            put_number(out, row->counts[difference], 13);
            if (result->runs == 2 && !difference) {
                nba_buf_append_byte(out, ' ');
                put_number(out, row->counts[1], 13);
                nba_buf_printf(out,
                               is_whole(row->counts[1] - row->counts[0]) ? " %+13.0f" : " %+13.2f",
                               row->counts[1] - row->counts[0]);
            }
            nba_buf_append_byte(out, '\n');
        }
        if (end > first + SHOWN_MAX) {
            nba_buf_printf(out, "  (%zu more: --csv, --html)\n", end - first - SHOWN_MAX);
        }
    }
}

static void print_csv(const struct result *result, struct nba_buf *buf)
{
    nba_buf_printf(buf, "dimension,word,a%s\n", result->runs == 2 ? ",b" : "");
    for (size_t i = 0; i < result->count; i++) {
        const struct nba_simulated_row *row = &result->rows[i];
        nba_buf_printf(buf, "%s,", dimensions[row->dimension].word);
        nba_csv_text(buf, nba_str_of(row->word));
        for (size_t r = 0; r < result->runs; r++) {
            nba_buf_printf(buf, ",%.17g", row->counts[r]);
        }
        nba_buf_append_byte(buf, '\n');
    }
}

static void put_html_rows(const struct result *result, size_t first, size_t end,
                          struct nba_buf *buf)
{
    double most = 1e-9;
    for (size_t i = first; i < end; i++) {
        for (size_t r = 0; r < result->runs; r++) {
            most = result->rows[i].counts[r] > most ? result->rows[i].counts[r] : most;
        }
    }
    for (size_t i = first; i < end; i++) {
        const struct nba_simulated_row *row = &result->rows[i];
        nba_buf_printf(buf, "<tr><th scope=row>");
        nba_page_text(buf, nba_str_of(row->word));
        nba_buf_printf(buf, "</th>");
        for (size_t r = 0; r < result->runs; r++) {
            nba_buf_printf(buf, "<td class=%c>", (char)('a' + r));
            put_number(buf, row->counts[r], 0);
            if (row->dimension != NBA_SIMULATED_TOTAL) {
                nba_buf_printf(buf, "<i style=\"width:%.1f%%\"></i>",
                               100.0 * row->counts[r] / most);
            }
            nba_buf_printf(buf, "</td>");
        }
        nba_buf_printf(buf, "</tr>\n");
    }
}

static void print_html(const struct result *result, struct nba_buf *buf)
{
    nba_page_open(buf, result->runs == 2 ? "What the two policies would have done"
                                         : "What the policy would have done");
    for (size_t r = 0; r < result->runs; r++) {
        nba_buf_printf(buf, "<p>Policy %c: <code>", (char)('A' + r));
        nba_page_text(buf, nba_str_of(result->policies[r].file));
        nba_buf_printf(buf, "</code>, ");
        nba_page_text(buf, nba_str_of(result->policies[r].name));
        nba_buf_printf(buf, "</p>\n");
    }
    for (size_t first = 0; first < result->count; first = end_of(result, first)) {
        const enum nba_simulated dimension = result->rows[first].dimension;
        nba_buf_printf(
            buf, "<h2>%s</h2><table><thead><tr><th>%s</th><th class=n>A</th>%s</tr></thead>\n",
            dimensions[dimension].heading, dimensions[dimension].unit,
            result->runs == 2 ? "<th class=n>B</th>" : "");
        put_html_rows(result, first, end_of(result, first), buf);
        nba_buf_printf(buf, "</table>\n");
    }
    nba_page_close(buf);
}

static enum nba_status write_file(const char *path, const struct result *result,
                                  void (*print)(const struct result *, struct nba_buf *),
                                  struct nba_error *error)
{
    struct nba_buf buf;
    if (path == NULL) {
        return NBA_OK;
    }
    nba_buf_init(&buf, FILE_BYTES);
    print(result, &buf);
    const enum nba_status status =
        buf.failed ? nba_error_set(error, NBA_E_LIMIT, "%s: more than 64 MiB", path)
                   : nba_file_write(path, nba_buf_str(&buf), error);
    nba_buf_clear(&buf);
    return status;
}

static enum nba_status simulate(struct nba_workplace *place, struct nba_error *error)
{
    struct result result = {.runs = args.policies.count != 0 ? args.policies.count : 1};
    struct nba_simulation runs[RUNS_MAX] = {{0}};
    enum nba_status status = NBA_OK;
    for (size_t r = 0; r < result.runs && status == NBA_OK; r++) { /* both before a long run */
        const char *file =
            args.policies.count != 0 ? args.policies.items[r] : place->config.policy_file;
        status = name_policy(&result, r, file, error);
    }
    for (size_t r = 0; r < result.runs && status == NBA_OK; r++) {
        nba_simulation_init(&runs[r], r != 0 ? &runs[0] : NULL);
        status = run_policy(place, result.policies[r].file, r, &runs[r], error);
    }
    if (status == NBA_OK) {
        nba_simulation_rows(runs, result.runs, &result.rows, &result.count);
        const bool done = write_file(args.csv, &result, print_csv, error) == NBA_OK &&
                          write_file(args.html, &result, print_html, error) == NBA_OK;
        status = nba_outcome(done, error);
        print_text(&result, &place->out);
        free(result.rows);
    }
    for (size_t r = 0; r < RUNS_MAX; r++) {
        nba_simulation_clear(&runs[r]);
    }
    return status;
}

static enum nba_status run(struct nba_workplace *place, struct nba_error *error)
{
    nba_interrupt_install();
    if (args.policies.count > RUNS_MAX) {
        return nba_error_set(error, NBA_E_USAGE, "--policy: expected at most two");
    }
    const bool done = (args.logs.count == 0 ? nba_workplace_open(place, NBA_LOCAL_READER, error)
                                            : nba_workplace_load_schemas(place, error)) == NBA_OK &&
                      nba_workplace_make_temporary(place, error) == NBA_OK;
    return done ? simulate(place, error) : nba_outcome(false, error);
}

const struct nba_command nba_command_simulate = {
    .name = "simulate",
    .summary = "what a policy would have done with a log, and how another one differs",
    .about =
        "Runs the events of a log through the engine under a policy, from an empty state, and\n"
        "counts: what was stopped at which stage and by which rule, HCPs left without any\n"
        "action, planned volume by week, channel, brand, specialty and content, expected value\n"
        "(the sum of P x V of what was proposed). With a second policy also how many decisions\n"
        "came out differently. Releases, catalogue and control messages change where the log's\n"
        "journal says; without one the champion scores. Requests to reps' tasks and merged\n"
        "records are the policy's own: delivered by the log's time, once a minute at least under\n"
        "a policy with capacity rules, else every six hours; the same for any number of threads.\n"
        "Nothing is written to the log or to anybody's state. Rules are counted over the\n"
        "candidates that `audit.explain_top` explains.",
    .examples = "nba simulate --log day.avro --policy config/policy-basic.yaml\n"
                "nba simulate --log day.avro --policy today.yaml --policy tomorrow.yaml "
                "--html difference.html",
    .options = options,
    .run = run,
};
