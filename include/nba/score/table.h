/*
 * Scores out of a table: who tests a policy says what each candidate's propensity is.
 *
 * A table is a YAML list of {hcp, content, action_type, p, v}; `hcp` may be left out, v is 1 when
 * it is.  A row with `hcp` holds for that HCP only and beats the row without for the same content
 * and action type.  A candidate without a row doesn't exist for that HCP (nba/policy/funnel.h).
 *
 * OWNERSHIP.  Counted.  THREADS.  Immutable once loaded.
 */
#ifndef NBA_SCORE_TABLE_H
#define NBA_SCORE_TABLE_H

#include "nba/base/status.h"
#include "nba/config/yaml.h"
#include "nba/event/vocabulary.h"

struct nba_score_table;

struct nba_score_row {
    struct nba_str hcp_id; /* empty: every HCP */
    struct nba_str content_id;
    enum nba_action_type action_type;
    double propensity, value;
};

/* A file, or a list in a file.  NBA_E_CONFIG with file:line:column, NBA_E_NOT_FOUND, NBA_E_IO. */
NBA_MUST_USE
enum nba_status nba_score_table_load(const char *path, struct nba_score_table **ret_table,
                                     struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_score_table_read(const struct nba_yaml_node *list,
                                     struct nba_score_table **ret_table, struct nba_error *error);
struct nba_score_table *nba_score_table_ref(struct nba_score_table *table);
void nba_score_table_unref(struct nba_score_table *table); /* NULL is fine */

/* Is there a row with this HCP?  Else the rows for every HCP (hcp_id empty) say all. */
bool nba_score_table_names(const struct nba_score_table *table, struct nba_str hcp_id);
/* NULL: the candidate doesn't exist for this HCP. */
const struct nba_score_row *nba_score_table_find(const struct nba_score_table *table,
                                                 struct nba_str hcp_id, struct nba_str content_id,
                                                 enum nba_action_type action_type);

#endif
