/* nba evaluate: how good a release is on a log, or how good the learners are on a data set. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands_internal.h"
#include "learn_config.h"
#include "learn_source.h"
#include "nba/app/interrupt.h"
#include "nba/linalg/kernels.h"
#include "nba/release/shelf.h"
#include "nba/train/evaluate.h"

struct args {
    struct learn_args source;
    const char *release;
    int64_t since_ms;
    double train_share;
    int64_t seed;
    const char *only;
    bool train;
    bool by_time;
    bool users;
    bool json;
};

static const struct nba_option options[] = {
    LEARN_OPTIONS(struct args, source),
    NBA_OPTION_TEXT(struct args, release, "release", "ID",
                    "judge this release (default: the champion)"),
    NBA_OPTION_TIME(struct args, since_ms, "since",
                    "with a release: judge engagements from this time on (default: all)"),
    NBA_OPTION_FLAG(struct args, train, "train",
                    "train first and judge on the part that was kept for it; writes no release"),
    NBA_OPTION_TEXT(struct args, only, "only", "MODEL", "with --train: lstm or ncf alone"),
    NBA_OPTION_FLAG(struct args, by_time, "by-time",
                    "with --train: judge the last part by time, prequentially, in place of each "
                    "HCP's last engagement"),
    NBA_OPTION_NUMBER(struct args, train_share, "train-share", "X", 0.1, 0.95,
                      "with --by-time: part learned from (default 0.7; as much as train."
                      "validation_share chooses, the rest judges)"),
    NBA_OPTION_FLAG(struct args, users, "users",
                    "with --train: also NCF with learned user vectors, for comparison"),
    NBA_OPTION_INTEGER(struct args, seed, "seed", "N", 0, 1e15, "over train.seed"),
    NBA_OPTION_FLAG(struct args, json, "json", "figures as JSON"),
};

static enum nba_status load_release(const struct args *args, const struct nba_config *config,
                                    struct nba_release **ret_release, struct nba_error *error)
{
    char id[NBA_RELEASE_ID_BYTES];
    char path[4096];
    enum nba_status status = NBA_OK;
    if (args->release != NULL) {
        (void)snprintf(id, sizeof(id), "%s", args->release);
    } else {
        status = nba_shelf_champion(config->release_dir, id, error);
        if (status == NBA_E_NOT_FOUND) {
            return nba_error_set(error, status,
                                 "no champion in %s: train one, name one with --release, or "
                                 "judge the learners with --train",
                                 config->release_dir);
        }
    }
    if (status == NBA_OK) {
        status = nba_shelf_path(config->release_dir, id, path, sizeof(path), error);
    }
    return status == NBA_OK ? nba_release_load(path, nba_kernels_best(), ret_release, error)
                            : status;
}

static enum nba_status set_up(const struct args *args, const struct nba_config *config,
                              struct nba_evaluate_config *evaluate, struct nba_error *error)
{
    memset(evaluate, 0, sizeof(*evaluate));
    evaluate->from_ms = args->since_ms;
    evaluate->train = nba_learn_config(config);
    evaluate->train.refit = false;
    evaluate->train.ncf_users = args->users;
    evaluate->train.split = args->by_time ? NBA_SPLIT_TIME : NBA_SPLIT_LAST_TWO;
    if (args->by_time) {
        evaluate->train.train_share = args->train_share;
    }
    if (args->seed >= 0) {
        evaluate->train.seed = (uint64_t)args->seed;
    }
    if (args->only != NULL) {
        evaluate->train.lstm = strcmp(args->only, "lstm") == 0;
        evaluate->train.ncf = strcmp(args->only, "ncf") == 0;
        if (!evaluate->train.lstm && !evaluate->train.ncf) {
            return nba_error_set(error, NBA_E_USAGE, "--only: expected lstm or ncf, got '%s'",
                                 args->only);
        }
    }
    if (!args->train && (args->only != NULL || args->users || args->by_time)) {
        return nba_error_set(error, NBA_E_USAGE,
                             "--only, --users and --by-time: expected --train beside them");
    }
    if (args->train && (args->release != NULL || args->since_ms != NBA_TIME_NONE)) {
        return nba_error_set(error, NBA_E_USAGE,
                             "--train: trains its own, so no --release, --since");
    }
    return args->train ? NBA_OK : load_release(args, config, &evaluate->release, error);
}

static enum nba_status judge(const struct args *args, const struct nba_config *config,
                             const struct nba_operands *files, struct nba_report *report,
                             struct nba_error *error)
{
    struct nba_evaluate_config evaluate;
    struct nba_dataset *dataset = NULL;
    enum nba_status status = set_up(args, config, &evaluate, error);
    if (status == NBA_OK) {
        status = nba_learn_source_load(&args->source, config, files, &dataset, error);
    }
    if (status == NBA_OK) {
        const struct nba_progress progress = nba_learn_progress();
        nba_learn_source_report(dataset);
        status = nba_evaluate_run(&evaluate, dataset, &progress, report, error);
    }
    nba_dataset_destroy(dataset);
    nba_release_unref(evaluate.release);
    return status;
}

static int run(const struct nba_command *command, int argc, char **argv)
{
    struct args args = {.source = {.from_ms = NBA_TIME_NONE, .to_ms = NBA_TIME_NONE},
                        .since_ms = NBA_TIME_NONE,
                        .train_share = 0.7,
                        .seed = -1};
    struct nba_operands operands;
    struct nba_error error = {NBA_OK, ""};
    struct nba_config config;
    int code = 0;
    if (!nba_command_parse(command, argc, argv, &args, &operands, &code)) {
        return code;
    }
    if (nba_common_config(&args.source.common, &config, &error) != NBA_OK) {
        return nba_command_fail(&error);
    }
    nba_interrupt_install();
    struct nba_report *report = calloc(1, sizeof(*report));
    enum nba_status status = NBA_OK;
    if (report == NULL) {
        status = nba_error_set(&error, NBA_E_NO_MEMORY, "out of memory");
    } else {
        status = judge(&args, &config, &operands, report, &error);
    }
    if (status == NBA_OK) {
        code = nba_learn_print_report(report, args.json);
    }
    free(report);
    nba_config_clear(&config);
    return status == NBA_OK ? code : nba_command_fail(&error);
}

const struct nba_command nba_command_evaluate = {
    .name = "evaluate",
    .summary = "judge a release on a log, or the learners on a data set",
    .operands = "[LOGFILE...]",
    .about =
        "With a release, every engagement is ranked among all contents that existed then, before "
        "it\n"
        "is known (prequential): HR@K, NDCG@K, MRR for LSTM, NCF, fusion and popularity, and AUC "
        "and\n"
        "log loss of the probabilities. With --train the learners are trained anew and judged on\n"
        "what was kept from them: each HCP's last engagement among all contents and among 100 it\n"
        "never touched, or the last part by time.",
    .examples = "nba evaluate --log var/log --since 2026-04-01T00:00:00Z\n"
                "nba evaluate --kafka 127.0.0.1:9092 --json\n"
                "NBA_DATA=../data nba evaluate --data ml-100k --train\n"
                "NBA_DATA=../data nba evaluate --data ml-1m-ncf --train --only ncf --users",
    .options = options,
    .option_count = NBA_ARRAY_COUNT(options),
    .operands_max = NBA_OPERANDS_MAX,
    .run = run,
};
