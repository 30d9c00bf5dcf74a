/* The settings below `train.` as the trainers want them, and how their epochs are shown. */
#ifndef NBA_APP_LEARN_CONFIG_H
#define NBA_APP_LEARN_CONFIG_H

#include "nba/config/config.h"
#include "nba/train/train.h"

/* Texts of `engine_version` and `parent` are static or the caller's. */
struct nba_train_config nba_learn_config(const struct nba_config *config);
/* One line an epoch on standard error, and Ctrl-C. */
struct nba_progress nba_learn_progress(void);
/* The report as a table on standard output, or as JSON. */
int nba_learn_print_report(const struct nba_report *report, bool json);

#endif
