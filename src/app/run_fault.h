/* Faults of the log for crash tests, from the environment. */
#ifndef NBA_APP_RUN_FAULT_H
#define NBA_APP_RUN_FAULT_H

#include "nba/stream/stream.h"

/*
 * Reads NBA_FAULT_AT=WHERE:N:ANSWER[:POINT:PASSES] and puts it on `stream`: the N-th time that a
 * transactional producer comes to WHERE (produce, send_offsets, commit, committed, abort, aborted)
 * it is answered ANSWER (unknown, abortable, membership), and from then on the process dies at
 * the kill point (nba/base/kill_point.h).
 *
 *   NBA_FAULT_AT=committed:3:unknown                     the third commit is done, its answer lost
 *   NBA_FAULT_AT=produce:40:unknown:in_restore:2         a fatal error, then death on the way back
 *
 * Nothing happens without the variable.  Compiled out with the kill points.
 */
NBA_MUST_USE
enum nba_status nba_run_fault_install(struct nba_stream *stream, struct nba_error *error);

#endif
