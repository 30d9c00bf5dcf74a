/* nba evaluate: how good a release is on a log, or how good the learners are on a data set. */
#include <stdlib.h>

#include "json_text.h"
#include "learn.h"
#include "nba/app/command.h"
#include "nba/linalg/kernels.h"
#include "nba/train/association.h"
#include "nba/train/evaluate.h"
#include "side_loader.h"

static struct {
    const char *release;
    int64_t since_ms;
    double train_share;
    int64_t seed;
    const char *only;
    bool train;
    bool by_time;
    bool users;
    int64_t associations, session_minutes;
    double support, confidence;
    bool json;
} args = {.since_ms = NBA_TIME_NONE,
          .train_share = 0.7,
          .seed = -1,
          .session_minutes = 30,
          .support = 0.005,
          .confidence = 0.1};

static const struct nba_option options[] = {
    NBA_OPTION_TEXT(&args.release, "release", "ID", "judge this release (default: the champion)"),
    NBA_OPTION_TIME(&args.since_ms, "since",
                    "with a release: judge engagements from this time on (default: all)"),
    NBA_OPTION_FLAG(&args.train, "train",
                    "train first and judge on the part that was kept for it; writes no release"),
    NBA_OPTION_TEXT(&args.only, "only", "MODEL[,MODEL]",
                    "with --train: these alone: lstm, ncf, ease, knn, rules, ncf-users"),
    NBA_OPTION_FLAG(&args.by_time, "by-time",
                    "with --train: judge the last part by time, prequentially, in place of each "
                    "HCP's last engagement"),
    NBA_OPTION_NUMBER(&args.train_share, "train-share", "X", 0.1, 0.95,
                      "with --by-time: part learned from (default 0.7; as much as train."
                      "validation_share chooses, the rest judges)"),
    NBA_OPTION_FLAG(&args.users, "users",
                    "with --train: also NCF with learned user vectors, for comparison"),
    NBA_OPTION_INTEGER(&args.seed, "seed", "N", 0, 1e15, "over train.seed"),
    NBA_OPTION_INTEGER(&args.associations, "associations", "N", 1, 100000,
                       "in place of judging: the N association rules of most lift between "
                       "contents that are engaged with in one session"),
    NBA_OPTION_INTEGER(&args.session_minutes, "session-minutes", "N", 1, 1000000,
                       "with --associations: a session ends where nothing is engaged with for "
                       "longer (default 30)"),
    NBA_OPTION_NUMBER(&args.support, "support", "X", 1e-7, 1,
                      "with --associations: share of sessions a rule holds in (default 0.005)"),
    NBA_OPTION_NUMBER(&args.confidence, "confidence", "X", 0, 1,
                      "with --associations: share of its sessions it is right in (default 0.1)"),
    NBA_OPTION_FLAG(&args.json, "json", "figures as JSON"),
    {0},
};

static enum nba_status set_up(const struct nba_config *config, struct nba_evaluate_config *evaluate,
                              struct nba_error *error)
{
    enum nba_status status =
        nba_learn_config(config, args.only, args.seed, &evaluate->train, error);
    if (status != NBA_OK) {
        return status;
    }
    evaluate->from_ms = args.since_ms;
    evaluate->train.refit = false;
    evaluate->train.wanted[NBA_MODEL_NCF_USERS] |= args.users;
    evaluate->train.split = args.by_time ? NBA_SPLIT_TIME : NBA_SPLIT_LAST_TWO;
    if (args.by_time) {
        evaluate->train.train_share = args.train_share;
    }
    if (!args.train && (args.only != NULL || args.users || args.by_time)) {
        return nba_error_set(error, NBA_E_USAGE,
                             "--only, --users and --by-time: expected --train beside them");
    }
    if (args.train) {
        return args.release == NULL && args.since_ms == NBA_TIME_NONE
                   ? NBA_OK
                   : nba_error_set(error, NBA_E_USAGE,
                                   "--train: trains its own, so no --release, --since");
    }
    status = nba_open_release(config, args.release, nba_kernels_best(), &evaluate->release, error);
    if (status == NBA_OK && evaluate->release == NULL) {
        status = nba_error_set(error, NBA_E_NOT_FOUND,
                               "no champion in %s: train one, name one with --release, or "
                               "judge the learners with --train",
                               config->release_dir);
    }
    return status;
}

static void print_rule(const struct nba_dataset *d, const struct nba_association *rule,
                       struct nba_buf *out)
{
    if (args.json) {
        nba_json_open(out, NULL, '{');
        nba_json_open(out, "if", '[');
        for (uint32_t i = 0; i < rule->if_count; i++) {
            nba_json_text(out, NULL, d->contents[rule->if_contents[i]]);
        }
        nba_buf_append_byte(out, ']');
        nba_json_text(out, "then", d->contents[rule->then_content]);
        nba_json_number(out, "count", rule->count);
        nba_json_number(out, "support", rule->support);
        nba_json_number(out, "confidence", rule->confidence);
        nba_json_number(out, "lift", rule->lift);
        nba_buf_append_byte(out, '}');
        return;
    }
    nba_buf_printf(out, "%8.2f %10.4f %8.5f %8u  ", rule->lift, rule->confidence, rule->support,
                   rule->count);
    for (uint32_t i = 0; i < rule->if_count; i++) {
        nba_buf_printf(out, "%s%.*s", i > 0 ? " + " : "",
                       NBA_STR_ARG(d->contents[rule->if_contents[i]]));
    }
    nba_buf_printf(out, " -> %.*s\n", NBA_STR_ARG(d->contents[rule->then_content]));
}

static enum nba_status show_associations(const struct nba_dataset *d, struct nba_buf *out,
                                         struct nba_error *error)
{
    const struct nba_association_options asked = {args.support, args.confidence,
                                                  args.session_minutes * 60000, 3};
    struct nba_associations all;
    const enum nba_status status = nba_associations_find(d, &asked, &all, error);
    if (status != NBA_OK) {
        return status;
    }
    const size_t shown =
        all.count < (size_t)args.associations ? all.count : (size_t)args.associations;
    if (args.json) {
        nba_json_open(out, NULL, '{');
        nba_json_number(out, "sessions", (double)all.transactions);
        nba_json_number(out, "frequent_sets", (double)all.sets);
        nba_json_number(out, "rules", (double)all.count);
        nba_json_number(out, "coverage", all.coverage);
        nba_json_open(out, "best", '[');
    } else {
        nba_buf_printf(out,
                       "%zu sessions, %zu frequent sets, %zu rules, to %.1f %% of the contents\n",
                       all.transactions, all.sets, all.count, 100.0 * all.coverage);
        nba_buf_printf(out, "%8s %10s %8s %8s  rule\n", "lift", "confidence", "support",
                       "sessions");
    }
    for (size_t i = 0; i < shown; i++) {
        print_rule(d, &all.items[i], out);
    }
    nba_buf_append_str(out, nba_str_of(args.json ? "]}\n" : ""));
    free(all.items);
    return NBA_OK;
}

static enum nba_status run(struct nba_workplace *place, struct nba_error *error)
{
    static struct nba_report report;
    const struct nba_progress progress = nba_learn_progress();
    struct nba_evaluate_config evaluate = {.release = NULL};
    struct nba_dataset *dataset = NULL;
    nba_interrupt_install();
    enum nba_status status =
        args.associations == 0 ? set_up(&place->config, &evaluate, error) : NBA_OK;
    status = status == NBA_OK ? nba_learn_load(place, &dataset, error) : status;
    if (status == NBA_OK) {
        nba_learn_report(dataset);
    }
    if (status == NBA_OK && args.associations != 0) {
        status = show_associations(dataset, &place->out, error);
    } else if (status == NBA_OK) {
        status = nba_evaluate_run(&evaluate, dataset, &progress, &report, error);
    }
    if (status == NBA_OK && args.associations == 0) {
        (args.json ? nba_report_print_json : nba_report_print_table)(&report, &place->out);
        nba_buf_append_str(&place->out, nba_str_of(args.json ? "\n" : ""));
    }
    nba_dataset_destroy(dataset);
    nba_release_unref(evaluate.release);
    return status;
}

const struct nba_command nba_command_evaluate = {
    .name = "evaluate",
    .summary = "judge a release on a log, or the learners on a data set",
    .operands = "[LOGFILE...]",
    .about =
        "With a release, every engagement is ranked among all contents that existed then, before\n"
        "it is known (prequential): HR@K, NDCG@K, MRR for each member, fusion and popularity in "
        "the\n"
        "HCP's specialty (in JSON popularity), and AUC and log loss of the probabilities. With\n"
        "--train the learners are trained anew and judged on what was kept from them: each HCP's\n"
        "last engagement among all contents and among 100 it never touched, or the last part by\n"
        "time.",
    .examples = "nba evaluate --log var/log --since 2026-04-01T00:00:00Z\n"
                "nba evaluate --kafka 127.0.0.1:9092 --json\n"
                "nba evaluate --associations 20 --support 0.002\n"
                "NBA_DATA=../data nba evaluate --data ml-100k --train\n"
                "NBA_DATA=../data nba evaluate --data ml-1m-ncf --train --only ncf --users",
    .options = options,
    .shared = nba_learn_options,
    .operands_max = NBA_OPERANDS_MAX,
    .run = run,
};
