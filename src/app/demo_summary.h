/*
 * What the demo shows at its end, read back from the log: how well the engine foresaw, and three
 * HCPs' stories.
 *
 * PREQUENTIAL HIT RATE.  Each live positive engagement is looked up in the ten contents that the
 * HCP's last decision before it ranked highest, by each model: nothing is judged that the model had
 * seen.
 */
#ifndef NBA_APP_DEMO_SUMMARY_H
#define NBA_APP_DEMO_SUMMARY_H

#include "demo_market.h"

/* Appends the summary as text. */
NBA_MUST_USE
enum nba_status nba_demo_summary(struct nba_workplace *place, struct nba_demo_market *market,
                                 struct nba_buf *out, struct nba_error *error);

#endif
