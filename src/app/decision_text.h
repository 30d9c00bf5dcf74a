/* A decision in words, for `nba explain` and the demo's stories. */
#ifndef NBA_APP_DECISION_TEXT_H
#define NBA_APP_DECISION_TEXT_H

#include "nba/base/buf.h"
#include "nba/event/message.h"

/* Appends some lines: what was chosen and why, then at most `top` suppressed candidates, then the
 * count of every reason. */
void nba_decision_text(const struct nba_decision *decision, uint32_t top, struct nba_buf *buf);

#endif
