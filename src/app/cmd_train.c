/* nba train: a log, files or tables become a release. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands_internal.h"
#include "learn_config.h"
#include "learn_source.h"
#include "nba/app/interrupt.h"
#include "nba/release/shelf.h"

struct args {
    struct learn_args source;
    const char *only;
    int64_t seed;
    bool last_two;
    bool no_refit;
    bool release;
    bool json;
};

static const struct nba_option options[] = {
    LEARN_OPTIONS(struct args, source),
    NBA_OPTION_TEXT(struct args, only, "only", "MODEL", "train lstm or ncf alone"),
    NBA_OPTION_INTEGER(struct args, seed, "seed", "N", 0, 1e15, "over train.seed"),
    NBA_OPTION_FLAG(struct args, last_two, "last-two",
                    "validate on each HCP's last engagements in place of the last part by time"),
    NBA_OPTION_FLAG(struct args, no_refit, "no-refit",
                    "keep the weights that never saw the validation part"),
    NBA_OPTION_FLAG(struct args, release, "release", "make it the champion that `nba run` serves"),
    NBA_OPTION_FLAG(struct args, json, "json", "figures as JSON"),
};

static enum nba_status set_up(const struct args *args, const struct nba_config *config,
                              struct nba_train_config *ret_train, struct nba_error *error)
{
    *ret_train = nba_learn_config(config);
    if (args->only != NULL) {
        ret_train->lstm = strcmp(args->only, "lstm") == 0;
        ret_train->ncf = strcmp(args->only, "ncf") == 0;
        if (!ret_train->lstm && !ret_train->ncf) {
            return nba_error_set(error, NBA_E_USAGE, "--only: expected lstm or ncf, got '%s'",
                                 args->only);
        }
    }
    if (args->seed >= 0) {
        ret_train->seed = (uint64_t)args->seed;
    }
    ret_train->split = args->last_two ? NBA_SPLIT_LAST_TWO : NBA_SPLIT_TIME;
    ret_train->refit = !args->no_refit;
    return NBA_OK;
}

static enum nba_status train(const struct args *args, const struct nba_config *config,
                             const struct nba_operands *files, struct nba_report *report,
                             struct nba_error *error)
{
    struct nba_train_config train_config;
    struct nba_dataset *dataset = NULL;
    char id[NBA_RELEASE_ID_BYTES];
    char parent[NBA_RELEASE_ID_BYTES];
    enum nba_status status = set_up(args, config, &train_config, error);
    if (status == NBA_OK) {
        status = nba_learn_source_load(&args->source, config, files, &dataset, error);
    }
    if (status != NBA_OK) {
        return status;
    }
    nba_learn_source_report(dataset);
    if (nba_shelf_champion(config->release_dir, parent, NULL) == NBA_OK) {
        train_config.parent = nba_str_of(parent);
    }
    const struct nba_progress progress = nba_learn_progress();
    status =
        nba_train_run(&train_config, dataset, &progress, config->release_dir, id, report, error);
    nba_dataset_destroy(dataset);
    if (status == NBA_OK && args->release) {
        status = nba_shelf_set_champion(config->release_dir, id, error);
    }
    if (status == NBA_OK) {
        (void)fprintf(stderr, "nba: release %s in %s%s\n", id, config->release_dir,
                      args->release ? ", now champion" : "");
    }
    return status;
}

static int run(const struct nba_command *command, int argc, char **argv)
{
    struct args args = {.source = {.from_ms = NBA_TIME_NONE, .to_ms = NBA_TIME_NONE}, .seed = -1};
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
        status = train(&args, &config, &operands, report, &error);
    }
    if (status == NBA_OK) {
        code = nba_learn_print_report(report, args.json);
    }
    free(report);
    nba_config_clear(&config);
    return status == NBA_OK ? code : nba_command_fail(&error);
}

const struct nba_command nba_command_train = {
    .name = "train",
    .summary = "learn LSTM and NCF from a log, files or tables, and write a release",
    .operands = "[LOGFILE...]",
    .about =
        "Without operands, learns from the log of the configuration. The last part by time "
        "chooses\n"
        "epochs, fusion weights and calibration; then everything is learned once more with what\n"
        "was chosen. One line an epoch; Ctrl-C keeps the best so far. The release is a folder "
        "named\n"
        "by its content; settings are those of train. in the configuration.",
    .examples = "nba train --log var/log --release\n"
                "nba train --kafka 127.0.0.1:9092 --to 2026-04-01T00:00:00Z\n"
                "nba train run.avro --only lstm --set train.lstm_epochs_max=10\n"
                "nba train --mapping config/mappings/hcp-a.yaml --events events.csv.gz "
                "--profiles hcps.csv",
    .options = options,
    .option_count = NBA_ARRAY_COUNT(options),
    .operands_max = NBA_OPERANDS_MAX,
    .run = run,
};
