/*
 * Trains on one public data set, chooses by validation and judges on its test part once:
 *
 *     NBA_DATA=folder nba_quality DATASET [seed=N] [key=value...] [json=FILE] [release=FOLDER]
 *
 * DATASET is one of nba/train/dataset_files.h.  Without keys the options are those that
 * `options_for` holds, all of them chosen on validation.
 *
 * With release=FOLDER, hcp-a is trained on its first 80 % by time, released, and the release is
 * judged prequentially on the rest.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/file.h"
#include "nba/train/dataset_files.h"
#include "nba/train/evaluate.h"

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

static void print_epoch(void *context, const struct nba_epoch *epoch)
{
    struct nba_buf text;
    (void)context;
    nba_buf_init(&text, 4096);
    nba_epoch_print(epoch, &text);
    printf("%.*s\n", NBA_STR_ARG(nba_buf_str(&text)));
    (void)fflush(stdout);
    nba_buf_clear(&text);
}

static void options_for(const char *name, struct nba_train_config *config)
{
    config->split = NBA_SPLIT_LAST_TWO;
    config->refit = false;
    config->lstm_options.fit.epochs = 60;
    config->lstm_options.fit.patience = 6;
    if (strcmp(name, "ml-100k") == 0) {
        /* Validation .120 against .112 with dropout 0.3. */
        config->lstm_options.fit.dropout = 0.4;
        config->lstm_options.fit.rate = 2e-3;
    }
    if (strcmp(name, "ml-1m-ncf") == 0) {
        config->ncf_users = true;
    }
    if (strcmp(name, "ml-1m-sasrec") == 0) {
        config->lstm_options.fit.batch = 64;
        config->ncf = false;
    }
}

static bool set_option(struct nba_train_config *config, const char *key, const char *value)
{
    const double number = strtod(value, NULL);
    const uint32_t whole = (uint32_t)number;
    if (strcmp(key, "seed") == 0) {
        config->seed = whole;
    } else if (strcmp(key, "window") == 0) {
        config->window_events = whole;
    } else if (strcmp(key, "lstm") == 0) {
        config->lstm = whole != 0;
    } else if (strcmp(key, "ncf") == 0) {
        config->ncf = whole != 0;
    } else if (strcmp(key, "users") == 0) {
        config->ncf_users = whole != 0;
    } else if (strcmp(key, "hidden") == 0) {
        config->lstm_options.hidden = whole;
    } else if (strcmp(key, "width") == 0) {
        config->lstm_options.width = whole;
    } else if (strcmp(key, "batch") == 0) {
        config->lstm_options.fit.batch = whole;
    } else if (strcmp(key, "rate") == 0) {
        config->lstm_options.fit.rate = number;
    } else if (strcmp(key, "dropout") == 0) {
        config->lstm_options.fit.dropout = number;
    } else if (strcmp(key, "epochs") == 0) {
        config->lstm_options.fit.epochs = whole;
    } else if (strcmp(key, "refit") == 0) {
        config->refit = whole != 0;
    } else if (strcmp(key, "ncf_epochs") == 0) {
        config->ncf_options.fit.epochs = whole;
    } else {
        return false;
    }
    return true;
}

static void print_training(const struct nba_training *training)
{
    for (int m = 0; m < NBA_MEMBER_COUNT; m++) {
        const struct nba_learned *learned =
            nba_training_learned(training, (enum nba_fusion_member)m);
        if (learned != NULL) {
            printf("%s: best epoch %u of %u, validation NDCG@10 %.4f, %.1f s\n",
                   nba_fusion_member_name((enum nba_fusion_member)m), learned->best_epoch,
                   learned->epochs_run, learned->best_metric, learned->seconds);
        }
    }
    const struct nba_blend *blend = nba_training_blend(training);
    for (int kind = 0; kind < NBA_FUSION_COUNT; kind++) {
        const struct nba_fusion *f = &blend->fusion[kind];
        printf("%s fusion: lstm %g, ncf %g, popularity %g; a %.4f, b %.4f\n",
               kind == NBA_FUSION_CHEAP ? "cheap" : "full", f->weights[NBA_MEMBER_LSTM],
               f->weights[NBA_MEMBER_NCF], f->weights[NBA_MEMBER_POPULARITY], f->a, f->b);
    }
    printf("calibrator: c %.4f\n", blend->calibrator.c);
}

static void print_report(const struct nba_report *report, const char *json)
{
    struct nba_buf text;
    nba_buf_init(&text, (size_t)1 << 22);
    nba_report_print_table(report, &text);
    printf("%.*s", NBA_STR_ARG(nba_buf_str(&text)));
    if (json != NULL) {
        struct nba_error error;
        nba_buf_reset(&text);
        nba_report_print_json(report, &text);
        if (nba_file_write(json, nba_buf_str(&text), &error) != NBA_OK) {
            printf("%s\n", error.message);
        }
    }
    nba_buf_clear(&text);
}

static int judge_release(const struct nba_training *training, struct nba_dataset *dataset,
                         int64_t from_ms, const char *folder, struct nba_error *error)
{
    char id[NBA_RELEASE_ID_BYTES];
    char path[4096];
    struct nba_evaluate_config config = {.from_ms = from_ms};
    static struct nba_report report;
    if (nba_training_release(training, folder, id, error) != NBA_OK) {
        return 1;
    }
    (void)snprintf(path, sizeof(path), "%s/%s", folder, id);
    if (nba_release_load(path, nba_kernels_best(), &config.release, error) != NBA_OK) {
        return 1;
    }
    const struct nba_progress progress = {.clock = &nba_clock_system};
    const int64_t start_us = nba_clock_monotonic_us(&nba_clock_system);
    const enum nba_status status = nba_evaluate_run(&config, dataset, &progress, &report, error);
    nba_release_unref(config.release);
    if (status != NBA_OK) {
        return 1;
    }
    printf("release %s, prequential from its last 20 %%, %.1f s\n", id,
           (double)(nba_clock_monotonic_us(&nba_clock_system) - start_us) * 1e-6);
    print_report(&report, NULL);
    return 0;
}

int main(int argc, char **argv)
{
    struct nba_error error = {.message = ""};
    struct nba_dataset *dataset = NULL;
    struct nba_training *training = NULL;
    struct nba_train_config config = nba_train_config();
    const struct nba_progress progress = {
        .epoch = print_epoch, .interrupted = &interrupted, .clock = &nba_clock_system};
    const char *folder = getenv("NBA_DATA");
    const char *json = NULL;
    const char *release = NULL;
    if (argc < 2 || folder == NULL) {
        (void)fprintf(stderr, "usage: NBA_DATA=folder nba_quality DATASET [key=value...]\n");
        return 2;
    }
    options_for(argv[1], &config);
    for (int i = 2; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (value == NULL) {
            (void)fprintf(stderr, "expected key=value: '%s'\n", argv[i]);
            return 2;
        }
        *value++ = '\0';
        if (strcmp(argv[i], "json") == 0) {
            json = value;
        } else if (strcmp(argv[i], "release") == 0) {
            release = value;
            config.split = NBA_SPLIT_TIME;
            config.train_share = 0.7;
            config.validation_share = 0.1;
            config.refit = true;
        } else if (!set_option(&config, argv[i], value)) {
            (void)fprintf(stderr, "unknown key '%s'\n", argv[i]);
            return 2;
        }
    }
    (void)signal(SIGINT, on_interrupt);
    if (nba_dataset_load(folder, argv[1], &dataset, &error) != NBA_OK) {
        (void)fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    printf("%s: %u users, %u contents, %zu engagements, %u specialties\n", dataset->name,
           dataset->user_count, dataset->content_count,
           dataset->sequence_offset[dataset->user_count], dataset->specialty_count);
    int result = 1;
    if (nba_training_run(&config, dataset, &progress, &training, &error) == NBA_OK) {
        print_training(training);
        print_report(nba_training_report(training), json);
        result = 0;
        if (release != NULL) {
            result = judge_release(training, dataset, nba_training_test_from_ms(training), release,
                                   &error);
        }
    }
    if (result != 0) {
        (void)fprintf(stderr, "%s\n", error.message);
    }
    nba_training_destroy(training);
    nba_dataset_destroy(dataset);
    return result;
}
