/* What the tests of whole trainings share: a small configuration, a folder for releases. */
#ifndef NBA_TESTS_TRAIN_FIXTURE_H
#define NBA_TESTS_TRAIN_FIXTURE_H

#include "sequences.h"

#include "nba/base/file.h"
#include "nba/base/random.h"
#include "nba/train/evaluate.h"

enum { USERS = 150, CONTENTS = 20 };

static const struct nba_progress quiet = {.clock = &nba_clock_system};
static char folder[] = "/tmp/nba-train-XXXXXX";
static struct nba_error error;

/* Both models as small as they come, trained for `epochs`; shares of the time are the caller's. */
static inline struct nba_train_config small_config(uint32_t epochs, double rate)
{
    struct nba_train_config config = nba_train_config();
    config.window_events = 4;
    config.lstm_options.width = 16;
    config.lstm_options.hidden = 32;
    config.lstm_options.fit.batch = 8;
    config.ncf_options.width = 16;
    config.ncf_options.layer_1 = 32;
    config.ncf_options.layer_2 = 16;
    config.ncf_options.layer_3 = 16;
    config.ncf_options.fit.batch = 64;
    config.lstm_options.fit.rate = config.ncf_options.fit.rate = rate;
    config.lstm_options.fit.epochs = config.ncf_options.fit.epochs = epochs;
    config.lstm_options.fit.patience = config.ncf_options.fit.patience = 0;
    config.engine_version = "test";
    return config;
}

static inline struct nba_release *load(const char *id)
{
    struct nba_release *release = NULL;
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, id);
    assert_int_equal(nba_release_load(path, nba_kernels_best(), &release, &error), NBA_OK);
    return release;
}

static inline int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : 1;
}

static inline int remove_folder(void **state)
{
    (void)state;
    return nba_file_remove_tree(folder, &error) == NBA_OK ? 0 : 1;
}

#endif
