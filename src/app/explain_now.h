/* The whole funnel for one HCP at an instant: every candidate, and all that stops it. */
#ifndef NBA_APP_EXPLAIN_NOW_H
#define NBA_APP_EXPLAIN_NOW_H

#include "nba/app/workplace.h"

struct nba_explain_now {
    const char *hcp;
    int64_t at_ms;
    uint32_t top;        /* suppressed candidates that are told whole */
    uint32_t candidates; /* rows of the table */
};

/* Appends the text to place->out.  Reads the state of the configured instance, beside it if it
 * runs; changes nothing.  NBA_E_NOT_FOUND. */
NBA_MUST_USE
enum nba_status nba_explain_now(struct nba_workplace *place, const struct nba_explain_now *ask,
                                struct nba_error *error);

#endif
