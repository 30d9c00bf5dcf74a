/*
 * nba size: what a deployment needs.
 *
 * Every figure is arithmetic over what is asked for, the configuration, limits of the code and the
 * measured figures below, which docs/PERFORMANCE.md lists with where they come from (a test
 * compares).  It is an estimate to order machines by, not a promise.
 */
#include <stdarg.h>
#include <stdio.h>

#include "json_text.h"
#include "nba/app/command.h"
#include "nba/base/assert.h"
#include "nba/state/hcp.h"

#define SECONDS_A_DAY 86400.0
#define MIB           1048576.0
#define FIGURES_MAX   48u
#define HOW_BYTES     192u

#define MEASURED_MAP(X)           \
    X(event_us, 34)               \
    X(candidate_share, 0.56)      \
    X(idle_worker_cores, 0.36)    \
    X(base_bytes, 38e6)           \
    X(content_bytes, 4900)        \
    X(content_worker_bytes, 1400) \
    X(record_bytes, 1626)         \
    X(store_bytes, 2275)          \
    X(input_bytes, 153)           \
    X(decision_bytes, 1609)       \
    X(action_bytes, 826)          \
    X(slate_bytes, 542)           \
    X(slate_key_bytes, 1812)      \
    X(changelog_bytes, 1074)      \
    X(journal_bytes, 170)

#define NBA_X(name, value) static const double name = value;
MEASURED_MAP(NBA_X)
#undef NBA_X

/* What we choose: half of a worker is left for bursts and for catching up, an instance is no more
 * than a machine may well lose at once, and partitions can't be added later. */
#define UTILISATION         0.5
#define WORKERS_AN_INSTANCE 4.0
#define PARTITIONS_A_WORKER 4.0
#define PARTITIONS_MIN      4.0
/* RocksDB rewrites a level before it drops the old one; Kafka compacts when half of a topic is
 * stale (min.cleanable.dirty.ratio), but never the active segment (log.segment.bytes,
 * log.roll.hours). */
#define STORE_ROOM            2.0
#define COMPACTED_ROOM        2.0
#define SEGMENT_BYTES         1073741824.0
#define SEGMENT_DAYS          7.0
#define HOT_ENTRY_BYTES       256.0 /* bookkeeping of one HCP in the cache */
#define CANDIDATES_OF_MEASURE 1000.0

static struct {
    int64_t hcps, contents, days;
    double events, a_day, treatments;
    bool json;
} args = {.contents = 1000, .days = 30, .treatments = 3};

static const struct nba_option options[] = {
    NBA_OPTION_INTEGER(&args.hcps, "hcps", "N", 1, 1e9, "HCPs that are remembered"),
    NBA_OPTION_NUMBER(&args.events, "events-per-second", "X", 0.001, 1e7,
                      "input events a second, all HCPs together, in the busiest hour"),
    NBA_OPTION_NUMBER(&args.a_day, "events-per-day", "X", 0.001, 1e12,
                      "input events a day (default: a quarter of the busiest hour's, all day)"),
    NBA_OPTION_INTEGER(&args.contents, "contents", "N", 1, NBA_CONTENTS_MAX,
                       "contents of the catalogue (default: 1000)"),
    NBA_OPTION_NUMBER(&args.treatments, "treatments", "X", 1, NBA_TREATMENTS_MAX,
                      "channels of a content, on average (default: 3)"),
    NBA_OPTION_INTEGER(&args.days, "days", "N", 1, 36500, "how long topics are kept (default: 30)"),
    NBA_OPTION_FLAG(&args.json, "json", "one JSON object"),
    {0},
};

struct figure {
    const char *name;
    const char *unit;
    double value;
    char how[HOW_BYTES];
};

struct sheet {
    const struct nba_config *config;
    struct figure figures[FIGURES_MAX];
    size_t count;
    double candidates, event_us, workers, instances, instance_workers, partitions;
};

static double up(double value)
{
    const double whole = (double)(int64_t)value;
    return whole < value ? whole + 1 : whole;
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

static double most(double a, double b)
{
    return a > b ? a : b;
}

/* Gives the value back. */
__attribute__((format(printf, 5, 6))) static double add(struct sheet *sheet, const char *name,
                                                        const char *unit, double value,
                                                        const char *how, ...)
{
    NBA_ASSERT(sheet->count < FIGURES_MAX);
    struct figure *figure = &sheet->figures[sheet->count++];
    va_list arguments;
    *figure = (struct figure){.name = name, .unit = unit, .value = value};
    va_start(arguments, how);
    (void)vsnprintf(figure->how, sizeof(figure->how), how, arguments);
    va_end(arguments);
    return value;
}

static void reckon_processor(struct sheet *s)
{
    const bool told = args.a_day > 0;
    args.a_day = add(s, "events_a_day", "", told ? args.a_day : args.events * SECONDS_A_DAY / 4,
                     "%s", told ? "--events-per-day" : "the busiest hour's rate x 86,400 / 4");
    s->candidates =
        add(s, "candidates", "", (double)args.contents * args.treatments, "contents x treatments");
    const double grown = s->candidates / CANDIDATES_OF_MEASURE;
    s->event_us =
        add(s, "cpu_an_event", "us", event_us * (1 - candidate_share + candidate_share * grown),
            "%.0f us at 1,000 candidates, %.0f %% of it grows with them", event_us,
            candidate_share * 100);
    s->workers = add(s, "workers", "", most(1, up(args.events * s->event_us / 1e6 / UTILISATION)),
                     "events/s x CPU an event, each worker %.0f %% busy", UTILISATION * 100);
    s->instances = add(s, "instances", "", most(2, up(s->workers / WORKERS_AN_INSTANCE)),
                       "%.0f workers each; two at least, for a take-over", WORKERS_AN_INSTANCE);
    s->instance_workers =
        add(s, "workers_an_instance", "", up(s->workers / s->instances), "`workers`");
    const double work = args.events * s->event_us / 1e6 / (s->instances - 1);
    (void)add(s, "cores_an_instance", "", up(work + s->instance_workers * idle_worker_cores),
              "with one instance away: %.2f of work, %.2f a worker for commits every 10 ms", work,
              idle_worker_cores);
    s->partitions = add(s, "partitions", "", most(PARTITIONS_MIN, PARTITIONS_A_WORKER * s->workers),
                        "%.0f a worker, as they can't be added later; at most %u",
                        PARTITIONS_A_WORKER, NBA_PARTITIONS_MAX);
}

static void reckon_memory(struct sheet *s)
{
    const struct nba_config_train *train = &s->config->train;
    const double workers = s->instance_workers;
    const double contents = (double)args.contents;
    const double lstm = (double)train->lstm_embedding;
    const double ncf = (double)train->ncf_embedding;
    /* As loaded, and as packed for the kernels: embeddings, gates, output, items, history. */
    const double content_floats =
        2 * lstm + 1 + 4 * (double)train->lstm_hidden_1 + 7 * ncf + (double)train->ncf_hidden_1;
    const double state_floats = 2 * ((double)train->lstm_hidden_1 + lstm);
    const double lively = least((double)args.hcps, args.a_day) / (s->instances - 1);
    double sum = add(s, "memory_program", "bytes", base_bytes, "measured");
    const double budget = (double)s->config->memory_budget_mib * MIB;
    const double hot = (double)nba_config_memory(s->config, NBA_MEMORY_HOT_RECORDS);
    sum += add(s, "memory_budget", "bytes", budget,
               "at most, memory.budget_mib: hot records (a miss costs a read of RocksDB), RocksDB, "
               "the log's queues; `nba describe` has the shares");
    sum += add(s, "memory_catalogue", "bytes",
               contents * (content_bytes + workers * content_worker_bytes),
               "contents x (%.0f + %.0f a worker)", content_bytes, content_worker_bytes);
    sum += add(s, "memory_releases", "bytes", 2 * contents * content_floats * 4,
               "two while they change: contents x %.0f floats (train.*)", content_floats);
    sum += add(s, "memory_transactions", "bytes",
               workers * ((double)s->config->commit.events_max * (double)sizeof(struct nba_hcp) +
                          (double)nba_config_commit_bytes(s->config)),
               "at most, a worker: commit.events_max x %zu of a decoded HCP + commit.bytes_max",
               sizeof(struct nba_hcp));
    (void)add(s, "memory_an_instance", "bytes", sum, "sum of these");
    (void)add(s, "budget_for_a_day", "bytes",
              lively * (record_bytes + state_floats * 4 + HOT_ENTRY_BYTES) * (budget / hot),
              "memory.budget_mib without misses: %.0f HCPs a day, one instance away, x (%.0f "
              "record + %.0f recurrent state + %.0f) x %g",
              lively, record_bytes, state_floats * 4, HOT_ENTRY_BYTES, budget / hot);
}

/* The part of a compacted topic that is never compacted: active segments. */
static double active_bytes(const struct sheet *s, double event_bytes)
{
    return least(s->partitions * SEGMENT_BYTES, args.a_day * event_bytes * SEGMENT_DAYS);
}

static void reckon_disk(struct sheet *s)
{
    const double hcps = (double)args.hcps;
    const double days = (double)args.days;
    const double events = args.a_day * days;
    const double commits = 1000.0 / (double)s->config->commit.interval_ms;
    const double journals = least(args.a_day, s->partitions * commits * SECONDS_A_DAY) * days;
    const double copies = (double)s->config->topics.replication;
    (void)add(s, "disk_state", "bytes", hcps / (s->instances - 1) * store_bytes * STORE_ROOM,
              "an instance, one away: HCPs x %.0f x %.0f", store_bytes, STORE_ROOM);
    double sum = add(s, "topic_input", "bytes", events * input_bytes, "%.0f an event", input_bytes);
    sum +=
        add(s, "topic_decision", "bytes", events * decision_bytes, "%.0f an event", decision_bytes);
    sum += add(s, "topic_action", "bytes", events * action_bytes, "%.0f an event, routed ones too",
               action_bytes);
    sum += add(s, "topic_slate", "bytes",
               hcps * slate_key_bytes * COMPACTED_ROOM + active_bytes(s, slate_bytes),
               "compacted: HCPs x %.0f x %.0f + active segments", slate_key_bytes, COMPACTED_ROOM);
    sum += add(s, "topic_changelog", "bytes",
               hcps * record_bytes * COMPACTED_ROOM + active_bytes(s, changelog_bytes),
               "compacted: HCPs x %.0f x %.0f + active segments", record_bytes, COMPACTED_ROOM);
    sum += add(s, "topic_journal", "bytes", journals * journal_bytes,
               "%.0f a commit and partition with the wall clock; next to none with the events'",
               journal_bytes);
    (void)add(s, "topics_all", "bytes", sum * copies, "sum of these x topics.replication (%.0f)",
              copies);
}

static void print_text(const struct sheet *s, struct nba_buf *out)
{
    static const char *const prefixes[] = {"", "K", "M", "G", "T", "P"};
    for (size_t i = 0; i < s->count; i++) {
        const struct figure *figure = &s->figures[i];
        const bool bytes = figure->unit[0] == 'b';
        double value = figure->value;
        size_t prefix = 0;
        while (bytes && value >= 1000 && prefix + 1 < NBA_ARRAY_COUNT(prefixes)) {
            value /= 1000;
            prefix++;
        }
        nba_buf_printf(out, "%-20s %7.*f %s%-*s %s\n", figure->name,
                       value < 100 && value != (double)(int64_t)value ? 1 : 0, value,
                       bytes ? prefixes[prefix] : figure->unit,
                       bytes && prefix != 0     ? 1
                       : figure->unit[0] == 'u' ? 0
                                                : 2,
                       bytes ? "B" : "", figure->how);
    }
}

static void print_json(const struct sheet *s, struct nba_buf *out)
{
    nba_json_open(out, NULL, '{');
    nba_json_open(out, "asked", '{');
    nba_json_number(out, "hcps", (double)args.hcps);
    nba_json_number(out, "events_per_second", args.events);
    nba_json_number(out, "events_per_day", args.a_day);
    nba_json_number(out, "contents", (double)args.contents);
    nba_json_number(out, "treatments", args.treatments);
    nba_json_number(out, "days", (double)args.days);
    nba_buf_append_byte(out, '}');
    nba_json_open(out, "measured", '{');
#define NBA_X(name, value) nba_json_number(out, #name, name);
    MEASURED_MAP(NBA_X)
#undef NBA_X
    nba_buf_append_byte(out, '}');
    nba_json_open(out, "needs", '{');
    for (size_t i = 0; i < s->count; i++) {
        const struct figure *figure = &s->figures[i];
        nba_json_open(out, figure->name, '{');
        nba_json_number(out, "value", figure->value);
        nba_json_word(out, "unit", figure->unit);
        nba_json_text(out, "how", nba_str_of(figure->how));
        nba_buf_append_byte(out, '}');
    }
    nba_buf_append_str(out, nba_str_of("}}\n"));
}

static enum nba_status run(struct nba_workplace *place, struct nba_error *error)
{
    static struct sheet sheet;
    if (args.hcps == 0 || args.events == 0) {
        return nba_error_set(error, NBA_E_USAGE, "expected --hcps and --events-per-second");
    }
    sheet.config = &place->config;
    reckon_processor(&sheet);
    if (sheet.partitions > NBA_PARTITIONS_MAX || sheet.candidates > NBA_CANDIDATES_MAX) {
        return nba_error_set(
            error, NBA_E_LIMIT, "that takes %.0f partitions and %.0f candidates; at most %u and %u",
            sheet.partitions, sheet.candidates, NBA_PARTITIONS_MAX, NBA_CANDIDATES_MAX);
    }
    reckon_memory(&sheet);
    reckon_disk(&sheet);
    (args.json ? print_json : print_text)(&sheet, &place->out);
    return NBA_OK;
}

const struct nba_command nba_command_size = {
    .name = "size",
    .summary = "what a deployment needs: instances, processor, memory by part, disk",
    .about =
        "From HCPs, events and contents: workers, instances and partitions, memory and disk of an\n"
        "instance while another one is away, and what the topics take. Each line says how it was\n"
        "reckoned: from the configuration, the program's limits and measured figures, which\n"
        "docs/PERFORMANCE.md lists. Every event is taken to be decided; measure your own before\n"
        "you order machines.",
    .examples =
        "nba size --hcps 1000000 --events-per-second 2000\n"
        "nba size --hcps 50000 --events-per-second 20 --contents 5000 --treatments 2 --json",
    .options = options,
    .run = run,
};
