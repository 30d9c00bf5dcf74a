/* nba train: a log, files or tables become a release; the gate decides whether it may serve. */
#include <stdio.h>
#include <string.h>

#include "json_text.h"
#include "learn.h"
#include "nba/app/command.h"
#include "nba/linalg/kernels.h"
#include "nba/release/shelf.h"
#include "side_loader.h"
#include "train_service.h"

static struct {
    const char *only;
    const char *init;
    const char *every;
    int64_t seed;
    bool last_two;
    bool no_refit;
    bool release;
    bool json;
} args = {.seed = -1};

static const struct nba_option options[] = {
    NBA_OPTION_TEXT(&args.only, "only", "MODEL[,MODEL]",
                    "over train.members: lstm, ncf, ease, knn, rules"),
    NBA_OPTION_INTEGER(&args.seed, "seed", "N", 0, 1e15, "over train.seed"),
    NBA_OPTION_TEXT(&args.init, "init", "ID",
                    "start from the weights of this release; champion: from its, if there is one"),
    NBA_OPTION_FLAG(&args.last_two, "last-two",
                    "validate on each HCP's last engagements in place of the last part by time"),
    NBA_OPTION_FLAG(&args.no_refit, "no-refit",
                    "keep the weights that never saw the validation part"),
    NBA_OPTION_FLAG(&args.release, "release",
                    "make it the champion that `nba run` serves, unless it is worse (exit 3)"),
    NBA_OPTION_TEXT(&args.every, "every", "PERIOD",
                    "train and --release again and again, as a service: 24h, 7d..."),
    NBA_OPTION_FLAG(&args.json, "json", "one line of JSON in place of the table"),
    {0},
};

/* What one training came to. */
struct outcome {
    const char *word; /* announced, written, refused, failed */
    double seconds;
    char release[NBA_RELEASE_ID_BYTES], champion[NBA_RELEASE_ID_BYTES]; /* empty: none */
    const struct nba_report *report;
    struct nba_gate gate;
    bool warm;
};

static void print_gate(const struct nba_gate *gate, struct nba_buf *out)
{
    nba_json_open(out, "gate", '{');
    nba_buf_printf(out, "\"metric\":\"ndcg\",\"k\":10,\"n\":%zu,\"unseen\":%s,\"passed\":%s",
                   gate->n, gate->unseen ? "true" : "false", gate->passed ? "true" : "false");
    nba_json_number(out, "challenger", gate->challenger);
    nba_json_number(out, "champion", gate->champion.value);
    nba_json_number(out, "lo", gate->champion.lo);
    nba_json_number(out, "hi", gate->champion.hi);
    nba_buf_append_byte(out, '}');
}

/* NDCG@10 of each model by the report's first protocol. */
static void print_figures(const struct nba_report *report, struct nba_buf *out)
{
    nba_json_open(out, "ndcg10", '{');
    for (size_t i = 0; i < report->count; i++) {
        const struct nba_figure *f = &report->figures[i];
        if (f->metric == NBA_METRIC_NDCG && f->k == 10 &&
            strcmp(f->protocol, report->figures[0].protocol) == 0) {
            nba_json_number(out, f->model, f->interval.value);
        }
    }
    nba_buf_append_byte(out, '}');
}

static void print_line(const struct outcome *outcome, const struct nba_error *error,
                       struct nba_buf *out)
{
    nba_json_open(out, NULL, '{');
    nba_json_text(out, "outcome", nba_str_of(outcome->word));
    nba_json_number(out, "seconds", outcome->seconds);
    if (outcome->release[0] != '\0') {
        nba_json_text(out, "release", nba_str_of(outcome->release));
        nba_buf_printf(out, ",\"warm\":%s", outcome->warm ? "true" : "false");
        print_figures(outcome->report, out);
    }
    if (outcome->champion[0] != '\0') {
        nba_json_text(out, "champion", nba_str_of(outcome->champion));
    }
    if (outcome->gate.n != 0) {
        print_gate(&outcome->gate, out);
    }
    if (error->status != NBA_OK) {
        nba_json_text(out, "error", nba_str_of(error->message));
    }
    nba_buf_printf(out, "}\n");
}

/* The configuration, the champion and the release to start from; the caller gives both back. */
static enum nba_status set_up(const struct nba_config *config, struct nba_train_config *train,
                              struct outcome *outcome, struct nba_error *error)
{
    enum nba_status status = nba_learn_config(config, args.only, args.seed, train, error);
    if (status != NBA_OK) {
        return status;
    }
    if (args.last_two && args.init != NULL) {
        return nba_error_set(error, NBA_E_USAGE,
                             "--init: validates on what is newer than the release, so without "
                             "--last-two");
    }
    train->split = args.last_two ? NBA_SPLIT_LAST_TWO : NBA_SPLIT_TIME;
    train->refit = !args.no_refit;
    if (nba_shelf_champion(config->release_dir, outcome->champion, NULL) == NBA_OK) {
        train->parent = nba_str_of(outcome->champion);
    }
    if (args.release) {
        status = nba_open_release(config, NULL, nba_kernels_best(), &train->champion, error);
    }
    if (status == NBA_OK && args.init != NULL) {
        const char *id = strcmp(args.init, "champion") == 0 ? NULL : args.init;
        status = nba_open_release(config, id, NULL, &train->init, error);
    }
    return status;
}

/* The champion's word on the shelf is what instances look at. */
static enum nba_status announce(const char *dir, struct outcome *outcome, struct nba_error *error)
{
    const struct nba_gate *gate = &outcome->gate;
    if (gate->n != 0) {
        (void)fprintf(stderr,
                      "nba: gate: NDCG@10 %.4f, champion's %.4f [%.4f, %.4f] over %zu engagements "
                      "that %s has seen: %s\n",
                      gate->challenger, gate->champion.value, gate->champion.lo, gate->champion.hi,
                      gate->n, gate->unseen ? "neither" : "each",
                      gate->passed ? "passed" : "refused");
    }
    if (gate->n != 0 && !gate->passed) {
        outcome->word = "refused";
        return nba_error_set(error, NBA_E_WORSE,
                             "release %.12s is worse than champion %.12s: written, not announced "
                             "(nba models release ID would do it)",
                             outcome->release, outcome->champion);
    }
    const enum nba_status status = nba_shelf_set_champion(dir, outcome->release, error);
    if (status == NBA_OK) {
        outcome->word = "announced";
        memcpy(outcome->champion, outcome->release, sizeof(outcome->champion));
    }
    return status;
}

static enum nba_status train_once(struct nba_workplace *place, struct outcome *outcome,
                                  struct nba_error *error)
{
    const char *dir = place->config.release_dir;
    const struct nba_progress progress = nba_learn_progress();
    struct nba_train_config train = nba_train_config();
    struct nba_training *training = NULL;
    struct nba_dataset *dataset = NULL;
    bool done = set_up(&place->config, &train, outcome, error) == NBA_OK &&
                nba_learn_load(place, &dataset, error) == NBA_OK;
    if (done) {
        nba_learn_report(dataset);
        if (args.init != NULL && train.init == NULL) {
            (void)fprintf(stderr, "nba: no champion yet: models start from chance\n");
        }
        done = nba_training_run(&train, dataset, &progress, &training, error) == NBA_OK &&
               nba_training_release(training, dir, outcome->release, error) == NBA_OK;
    }
    if (done) {
        static struct nba_report report;
        report = training->report;
        outcome->report = &report;
        outcome->gate = training->gate;
        outcome->warm = training->warm;
        outcome->word = "written";
        if (train.init != NULL && !outcome->warm) {
            (void)fprintf(stderr,
                          "nba: release %.12s has seen nearly all: models started from "
                          "chance\n",
                          nba_release_id(train.init));
        }
        done = !args.release || announce(dir, outcome, error) == NBA_OK;
        (void)fprintf(stderr, "nba: release %s in %s%s\n", outcome->release, dir,
                      done && args.release ? ", now champion" : "");
    }
    nba_training_destroy(training);
    nba_dataset_destroy(dataset);
    nba_release_unref(train.champion);
    nba_release_unref(train.init);
    return nba_outcome(done, error);
}

static enum nba_status run(struct nba_workplace *place, struct nba_error *error)
{
    struct outcome outcome = {.word = "failed"};
    nba_interrupt_install();
    if (args.every != NULL) {
        int64_t every_ms = 0;
        bool trains = false;
        args.release = true;
        enum nba_status status = nba_period_parse(args.every, &every_ms, error);
        if (status == NBA_OK) {
            status = nba_train_service(place->config.release_dir, every_ms, &trains, error);
        }
        if (status != NBA_OK || !trains) {
            return status;
        }
    }
    const int64_t began_us = nba_clock_monotonic_us(&nba_clock_system);
    const enum nba_status status = train_once(place, &outcome, error);
    outcome.seconds = (double)(nba_clock_monotonic_us(&nba_clock_system) - began_us) / 1e6;
    if (args.json) {
        print_line(&outcome, error, &place->out);
    } else if (outcome.release[0] != '\0') {
        nba_report_print_table(outcome.report, &place->out);
    }
    return status;
}

const struct nba_command nba_command_train = {
    .name = "train",
    .summary = "learn the members of the fusion from a log, files or tables, and write a release",
    .operands = "[LOGFILE...]",
    .about =
        "Without operands, learns from the log of the configuration. The last part by time "
        "chooses\n"
        "epochs, fusion weights and calibration; then everything is learned once more with what\n"
        "was chosen. One line an epoch; Ctrl-C keeps the best so far. The release is a folder "
        "named\n"
        "by its content; settings are those of train. in the configuration.\n\n"
        "--release announces it, unless it is worse than the champion on the same validation part\n"
        "(NDCG@10 of the fusion below the champion's 95 % interval): then it is written, the\n"
        "champion stays, and the exit code is 3. --every does this as a service: it\n"
        "sleeps until the newest release is that old, and goes on after a training that failed,\n"
        "a tenth of the period later.",
    .examples = "nba train --log var/log --release\n"
                "nba train --kafka 127.0.0.1:9092 --every 24h --init champion --json\n"
                "nba train --kafka 127.0.0.1:9092 --to 2026-04-01T00:00:00Z\n"
                "nba train run.avro --only lstm --set train.lstm_epochs_max=10\n"
                "nba train --mapping config/mappings/hcp-a.yaml --events events.csv.gz "
                "--profiles hcps.csv",
    .options = options,
    .shared = nba_learn_options,
    .operands_max = NBA_OPERANDS_MAX,
    .run = run,
};
