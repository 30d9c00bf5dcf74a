/* One fault a process, counted over all producers. */
#include "run_fault.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/compiler.h"
#include "nba/base/kill_point.h"
#include "nba/base/log.h"

#ifdef NBA_KILL_POINTS

#define WORD_BYTES 32

static struct {
    enum nba_fault where;
    enum nba_status answer;
    _Atomic long passes_left;
    char kill[2 * WORD_BYTES]; /* "" for none */
} fault;

static enum nba_status ask(void *context, enum nba_fault where, const char *transactional_id)
{
    (void)context;
    if (where != fault.where || atomic_fetch_sub(&fault.passes_left, 1) != 1) {
        return NBA_OK;
    }
    nba_log(NBA_LOG_WARN, "fault_injected", "id=%s then=\"%s\"", transactional_id, fault.kill);
    if (fault.kill[0] != '\0') {
        (void)nba_kill_point_arm(fault.kill);
    }
    return fault.answer;
}

/* Words by the numbers they stand for; NULL at the others'. */
static const char *const places[] = {
    [NBA_FAULT_PRODUCE] = "produce", [NBA_FAULT_SEND_OFFSETS] = "send_offsets",
    [NBA_FAULT_COMMIT] = "commit",   [NBA_FAULT_COMMITTED] = "committed",
    [NBA_FAULT_ABORT] = "abort",     [NBA_FAULT_ABORTED] = "aborted",
};
static const char *const answers[] = {
    [NBA_E_TXN_UNKNOWN] = "unknown",
    [NBA_E_TXN_ABORTABLE] = "abortable",
    [NBA_E_TXN_MEMBERSHIP] = "membership",
};

enum nba_status nba_run_fault_install(struct nba_stream *stream, struct nba_error *error)
{
    const char *text = getenv("NBA_FAULT_AT");
    char where[WORD_BYTES];
    char number[WORD_BYTES];
    char answer[WORD_BYTES];
    if (text == NULL) {
        return NBA_OK;
    }
    fault.kill[0] = '\0';
    const int words =
        sscanf(text, "%31[a-z_]:%31[0-9]:%31[a-z]:%63s", where, number, answer, fault.kill);
    const long passes = words >= 3 ? strtol(number, NULL, 10) : 0;
    const size_t place =
        words >= 3 ? nba_str_find(nba_str_of(where), places, NBA_ARRAY_COUNT(places)) : 0;
    const size_t status =
        words >= 3 ? nba_str_find(nba_str_of(answer), answers, NBA_ARRAY_COUNT(answers)) : 0;
    if (passes < 1 || place == NBA_ARRAY_COUNT(places) || status == NBA_ARRAY_COUNT(answers)) {
        return nba_error_set(error, NBA_E_USAGE, "NBA_FAULT_AT: not understood: '%s'", text);
    }
    fault.where = (enum nba_fault)place;
    fault.answer = (enum nba_status)status;
    atomic_store(&fault.passes_left, passes);
    nba_stream_set_fault(stream, ask, NULL);
    return NBA_OK;
}

#else

enum nba_status nba_run_fault_install(struct nba_stream *stream, struct nba_error *error)
{
    (void)stream;
    (void)error;
    return NBA_OK;
}

#endif
