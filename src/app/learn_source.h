/*
 * Where training and evaluation take their data from:
 *
 *     the log          engagement (and catalogue) of the configuration, --from and --to by
 *                      record time
 *     log files        operands, as `nba consume --out` writes them
 *     tables           --mapping with --events, --profiles, --contents
 *     --data NAME      a public data set below NBA_DATA or --data-dir, for comparisons
 */
#ifndef NBA_APP_LEARN_SOURCE_H
#define NBA_APP_LEARN_SOURCE_H

#include "nba/app/workplace.h"
#include "nba/train/dataset.h"

struct learn_args {
    struct nba_common common;
    int64_t from_ms, to_ms; /* NBA_TIME_NONE: open */
    const char *mapping, *events, *profiles, *contents;
    const char *data, *data_dir;
};

/* NOLINTBEGIN(bugprone-macro-parentheses): the name of a member can't stand in parentheses */
#define LEARN_OPTIONS(type, member)                                                              \
    NBA_COMMON_OPTIONS(type, member.common),                                                     \
        NBA_OPTION_TIME(type, member.from_ms, "from", "log: records from this time on"),         \
        NBA_OPTION_TIME(type, member.to_ms, "to", "log: records before this time"),              \
        NBA_OPTION_TEXT(type, member.mapping, "mapping", "FILE", "read tables by this mapping"), \
        NBA_OPTION_TEXT(type, member.events, "events", "FILE", "table of events"),               \
        NBA_OPTION_TEXT(type, member.profiles, "profiles", "FILE", "table of HCPs"),             \
        NBA_OPTION_TEXT(type, member.contents, "contents", "FILE", "table of contents"),         \
        NBA_OPTION_TEXT(type, member.data, "data", "NAME",                                       \
                        "a public data set: ml-100k, ml-1m-ncf, ml-1m-sasrec, hcp-a"),           \
        NBA_OPTION_TEXT(type, member.data_dir, "data-dir", "DIR",                                \
                        "where data sets are (default: $NBA_DATA)")
/* NOLINTEND(bugprone-macro-parentheses) */

/* NBA_E_USAGE, NBA_E_NOT_FOUND, and what reading brings. */
NBA_MUST_USE
enum nba_status nba_learn_source_load(const struct learn_args *args,
                                      const struct nba_config *config,
                                      const struct nba_operands *files,
                                      struct nba_dataset **ret_dataset, struct nba_error *error);
/* One line about a data set, to standard error. */
void nba_learn_source_report(const struct nba_dataset *dataset);

#endif
