/* nba train: a log, files or tables become a release. */
#include <stdio.h>

#include "learn.h"
#include "nba/app/command.h"
#include "nba/app/interrupt.h"
#include "nba/release/shelf.h"

static struct {
    const char *only;
    int64_t seed;
    bool last_two;
    bool no_refit;
    bool release;
    bool json;
} args = {.seed = -1};

static const struct nba_option options[] = {
    NBA_OPTION_TEXT(&args.only, "only", "MODEL", "train lstm or ncf alone"),
    NBA_OPTION_INTEGER(&args.seed, "seed", "N", 0, 1e15, "over train.seed"),
    NBA_OPTION_FLAG(&args.last_two, "last-two",
                    "validate on each HCP's last engagements in place of the last part by time"),
    NBA_OPTION_FLAG(&args.no_refit, "no-refit",
                    "keep the weights that never saw the validation part"),
    NBA_OPTION_FLAG(&args.release, "release", "make it the champion that `nba run` serves"),
    NBA_OPTION_FLAG(&args.json, "json", "figures as JSON"),
    {0},
};

static enum nba_status run(struct nba_workplace *place, struct nba_error *error)
{
    static struct nba_report report;
    const char *dir = place->config.release_dir;
    const struct nba_progress progress = nba_learn_progress();
    struct nba_train_config train;
    struct nba_dataset *dataset = NULL;
    char id[NBA_RELEASE_ID_BYTES];
    char parent[NBA_RELEASE_ID_BYTES];
    nba_interrupt_install();
    enum nba_status status = nba_learn_config(&place->config, args.only, args.seed, &train, error);
    if (status == NBA_OK) {
        train.split = args.last_two ? NBA_SPLIT_LAST_TWO : NBA_SPLIT_TIME;
        train.refit = !args.no_refit;
        status = nba_learn_load(place, &dataset, error);
    }
    if (status == NBA_OK) {
        nba_learn_report(dataset);
        if (nba_shelf_champion(dir, parent, NULL) == NBA_OK) {
            train.parent = nba_str_of(parent);
        }
        status = nba_train_run(&train, dataset, &progress, dir, id, &report, error);
    }
    nba_dataset_destroy(dataset);
    if (status == NBA_OK && args.release) {
        status = nba_shelf_set_champion(dir, id, error);
    }
    if (status == NBA_OK) {
        (void)fprintf(stderr, "nba: release %s in %s%s\n", id, dir,
                      args.release ? ", now champion" : "");
        nba_learn_print(&report, args.json, &place->out);
    }
    return status;
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
    .shared = nba_learn_options,
    .operands_max = NBA_OPERANDS_MAX,
    .run = run,
};
