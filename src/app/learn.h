/*
 * What training and evaluation share: where their data comes from, the settings below `train.` as
 * the trainers want them, and how epochs and figures are shown.
 *
 *     the log          engagement (and catalogue) of the configuration, --from and --to by
 *                      record time
 *     log files        operands, as `nba consume --out` writes them
 *     tables           --mapping with --events, --profiles, --contents
 *     --data NAME      a public data set below NBA_DATA or --data-dir, for comparisons
 */
#ifndef NBA_APP_LEARN_H
#define NBA_APP_LEARN_H

#include "nba/app/workplace.h"
#include "nba/train/train.h"

/* The options of the sources. */
extern const struct nba_option nba_learn_options[];

/* Reads what the options and operands name; a log that is open already is read as it is.
 * NBA_E_USAGE, NBA_E_NOT_FOUND, and what reading brings. */
NBA_MUST_USE
enum nba_status nba_learn_load(struct nba_workplace *place, struct nba_dataset **ret_dataset,
                               struct nba_error *error);
/* One line about a data set, to standard error. */
void nba_learn_report(const struct nba_dataset *dataset);
/* `only` is a list of names ("lstm,ncf", nba/train/models.h) or NULL; a negative seed leaves the
 * configuration's.  Texts of `engine_version` and `parent` are static or the caller's.
 * NBA_E_USAGE. */
NBA_MUST_USE
enum nba_status nba_learn_config(const struct nba_config *config, const char *only, int64_t seed,
                                 struct nba_train_config *ret_train, struct nba_error *error);
/* One line an epoch on standard error, and Ctrl-C. */
struct nba_progress nba_learn_progress(void);

#endif
