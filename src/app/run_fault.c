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

static bool read_words(const char *where, const char *answer)
{
    static const struct {
        const char *name;
        enum nba_fault fault;
    } places[] = {
        {"produce", NBA_FAULT_PRODUCE}, {"send_offsets", NBA_FAULT_SEND_OFFSETS},
        {"commit", NBA_FAULT_COMMIT},   {"committed", NBA_FAULT_COMMITTED},
        {"abort", NBA_FAULT_ABORT},     {"aborted", NBA_FAULT_ABORTED},
    };
    static const struct {
        const char *name;
        enum nba_status status;
    } answers[] = {
        {"unknown", NBA_E_TXN_UNKNOWN},
        {"abortable", NBA_E_TXN_ABORTABLE},
        {"membership", NBA_E_TXN_MEMBERSHIP},
    };
    bool found_place = false;
    bool found_answer = false;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(places); i++) {
        if (strcmp(where, places[i].name) == 0) {
            fault.where = places[i].fault;
            found_place = true;
        }
    }
    for (size_t i = 0; i < NBA_ARRAY_COUNT(answers); i++) {
        if (strcmp(answer, answers[i].name) == 0) {
            fault.answer = answers[i].status;
            found_answer = true;
        }
    }
    return found_place && found_answer;
}

enum nba_status nba_run_fault_install(struct nba_stream *stream, struct nba_error *error)
{
    const char *text = getenv("NBA_FAULT_AT");
    char where[WORD_BYTES];
    char answer[WORD_BYTES];
    long passes = 0;
    if (text == NULL) {
        return NBA_OK;
    }
    fault.kill[0] = '\0';
    const int words =
        sscanf(text, "%31[a-z_]:%ld:%31[a-z]:%63s", where, &passes, answer, fault.kill);
    if (words < 3 || passes < 1 || !read_words(where, answer)) {
        return nba_error_set(error, NBA_E_USAGE, "NBA_FAULT_AT: not understood: '%s'", text);
    }
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
