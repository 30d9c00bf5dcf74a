/*
 * Kill points: named places where a crash test makes the process die by SIGKILL.
 *
 *   NBA_KILL_AT=after_commit:3 nba run ...      dies the third time that place is passed
 *   NBA_KILL_AT=after_commit:3:9000 nba run ... that thread sleeps 9 s there, and goes on
 *
 * One list names them all, in the order in which a transaction passes them.  Compiled out where
 * NBA_KILL_POINTS is not defined (packages).  Threads: any.
 */
#ifndef NBA_BASE_KILL_POINT_H
#define NBA_BASE_KILL_POINT_H

#include <stdbool.h>

#include "nba/base/str.h"

#define NBA_KILL_POINT_MAP(X) \
    X(after_poll)             \
    X(after_begin)            \
    X(after_produce)          \
    X(before_send_offsets)    \
    X(after_send_offsets)     \
    X(before_commit)          \
    X(after_commit)           \
    X(before_write)           \
    X(after_write)            \
    X(in_unknown_outcome)     \
    X(in_revoke)              \
    X(in_restore)             \
    X(after_restore)          \
    X(in_swap)                \
    X(in_close)

enum nba_kill_point {
#define NBA_X(name) NBA_KILL_POINT_##name,
    NBA_KILL_POINT_MAP(NBA_X)
#undef NBA_X
        NBA_KILL_POINT_COUNT
};

/* Dies here if NBA_KILL_AT says so.  Not for callers: use the macro. */
void nba_kill_point_pass(enum nba_kill_point point);
/* From now on as NBA_KILL_AT=`text` ("after_commit:3"), in place of what was said before; false,
 * and nothing changes, when `text` isn't like that. */
bool nba_kill_point_arm(const char *text);

/* NBA_CRASH_AT=<where>:<id>: aborts where this id comes by.  Not for callers: use the macro. */
void nba_crash_point_pass(const char *where, struct nba_str id);

#ifdef NBA_KILL_POINTS
#define NBA_KILL_POINT(name)       nba_kill_point_pass(NBA_KILL_POINT_##name)
#define NBA_CRASH_POINT(where, id) nba_crash_point_pass(where, id)
#else
#define NBA_KILL_POINT(name)       ((void)0)
#define NBA_CRASH_POINT(where, id) ((void)0)
#endif

#endif
