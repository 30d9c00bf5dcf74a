/* nba replay: a log through the pipeline without a broker; the same bytes out, and how fast. */
#include <stdio.h>

#include "digest.h"
#include "nba/app/command.h"
#include "nba/engine/replay.h"
#include "nba/score/scorer.h"
#include "replay_log.h"

static struct {
    struct nba_operands logs;
    const char *out;
    const char *policies;
    const char *state;
    int64_t threads, batch, transaction;
    bool ignore_journal;
    bool state_hash;
} args = {.threads = 1};

static const struct nba_option options[] = {
    NBA_OPTION_LIST(&args.logs, "log", "PATH",
                    "a log file made by `nba consume --out`, or the folder of an embedded log"),
    NBA_OPTION_TEXT(&args.out, "out", "DIR",
                    "write DIR/<topic>/<partition>.avro (default: digests only)"),
    NBA_OPTION_TEXT(&args.policies, "policies", "DIR",
                    "policies by hash (default: <state.dir>/policies)"),
    NBA_OPTION_TEXT(&args.state, "state", "DIR",
                    "keep the state that comes out here (default: a temporary folder)"),
    NBA_OPTION_INTEGER(&args.threads, "threads", "N", 1, 64, "threads (default: 1)"),
    NBA_OPTION_INTEGER(&args.batch, "batch", "N", 1, NBA_SCORE_WAVE,
                       "HCPs scored side by side, at most 64 (default: 32)"),
    NBA_OPTION_INTEGER(&args.transaction, "transaction", "N", 1, 100000, "events a transaction"),
    NBA_OPTION_FLAG(&args.ignore_journal, "ignore-journal",
                    "today's policy and champion throughout; mail between tasks is the run's own"),
    NBA_OPTION_FLAG(&args.state_hash, "state-hash", "print the state hash too"),
    {0},
};

static enum nba_status run_all(struct nba_replay *replay, struct nba_workplace *place,
                               struct nba_error *error)
{
    const uint64_t events = nba_replay_events(replay);
    nba_ticker_begin(&place->ticker, "events", events);
    const enum nba_status status = nba_replay_run(replay, error);
    const double seconds = nba_ticker_seconds(&place->ticker);
    nba_ticker_end(&place->ticker);
    if (status == NBA_OK) {
        (void)fprintf(stderr, "%llu events in %.2f s, %.0f a second, %lld threads\n",
                      (unsigned long long)events, seconds,
                      (double)events / (seconds > 0 ? seconds : 1e-9), (long long)args.threads);
    }
    return status;
}

static enum nba_status print_hash(struct nba_replay *replay, struct nba_buf *out,
                                  struct nba_error *error)
{
    char hash[NBA_SHA256_TEXT_BYTES];
    const enum nba_status status = nba_replay_state_hash(replay, hash, error);
    if (status == NBA_OK) {
        nba_buf_printf(out, "state %s\n", hash);
    }
    return status;
}

static enum nba_status replay_logs(struct nba_workplace *place, struct nba_digests *digests,
                                   struct nba_error *error)
{
    char policies[NBA_PATH_BYTES_MAX];
    (void)snprintf(policies, sizeof(policies), "%s/policies", place->config.state.dir);
    const struct nba_replay_options replay_options = {
        .config = &place->config,
        .schemas = place->schemas,
        .state_dir = args.state != NULL ? args.state : place->temporary,
        .policies_dir = args.policies != NULL ? args.policies : policies,
        .journal_ignored = args.ignore_journal,
        .threads = (size_t)args.threads,
        .wave_max = (size_t)args.batch,
        .transaction_events = (size_t)args.transaction,
        .sink = {nba_digests_add_made, digests},
        .progress = nba_replay_tick,
        .progress_context = &place->ticker,
    };
    struct nba_replay *replay = nba_replay_create(&replay_options);
    const bool done = nba_add_logs(replay, place, &args.logs, error) == NBA_OK &&
                      run_all(replay, place, error) == NBA_OK &&
                      (!args.state_hash || print_hash(replay, &place->out, error) == NBA_OK) &&
                      nba_digests_finish(digests, &place->out, error) == NBA_OK;
    nba_replay_destroy(replay);
    return nba_outcome(done, error);
}

static enum nba_status run(struct nba_workplace *place, struct nba_error *error)
{
    struct nba_digests digests;
    nba_interrupt_install();
    enum nba_status status = args.logs.count == 0
                                 ? nba_workplace_open(place, NBA_LOCAL_READER, error)
                                 : nba_workplace_load_schemas(place, error);
    if (status == NBA_OK && args.state == NULL) {
        status = nba_workplace_make_temporary(place, error);
    }
    if (status == NBA_OK) {
        nba_digests_init(&digests, place->schemas, args.out);
        status = replay_logs(place, &digests, error);
        nba_digests_clear(&digests);
    }
    return status;
}

const struct nba_command nba_command_replay = {
    .name = "replay",
    .summary = "a log through the engine without a broker: the same bytes out, and a speed",
    .about =
        "Runs the engagement topic of a log with the catalogue, control messages, policies and\n"
        "releases that its journal names, and prints one digest for each output topic and\n"
        "partition. They are equal to those of `nba consume --digest` on the topics that\n"
        "`nba run` wrote, for any number of threads, batch size and processor. Nothing is\n"
        "written to the log.",
    .examples = "nba replay --log day.avro\n"
                "nba replay --log /var/lib/nba/log --threads 2 --out replayed\n"
                "nba replay --kafka broker:9092 --set score.kernels=scalar --batch 1",
    .options = options,
    .run = run,
};
