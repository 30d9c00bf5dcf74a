/*
 * Status and error: how every function that can fail answers.
 *
 * A function that can fail returns `enum nba_status` and is marked NBA_MUST_USE.  Functions that
 * meet the outside world also fill a caller-owned `struct nba_error`; it is never allocated, so
 * saying what went wrong can't fail.  `ret_...` outputs are untouched on failure.
 *
 * CLASS.  What the pipeline does about a failure depends on its class alone:
 *   RETRY  broker or store busy or away: try again, later
 *   SKIP   this record is bad: dead-letter topic, go on.  The name is the dead letter's reason
 *   STOP   configuration, corrupt file, exhausted memory: refuse, say why
 *
 * One list below makes the enum, the names and the texts.
 */
#ifndef NBA_BASE_STATUS_H
#define NBA_BASE_STATUS_H

#include <stddef.h>

#include "nba/base/compiler.h"

/*    constant             name                  class  text */
#define NBA_STATUS_MAP(X)                                                                          \
    X(OK, "ok", OK, "done")                                                                        \
    X(E_NOT_AVRO, "not_avro", SKIP, "value is not Avro in Confluent wire format")                  \
    X(E_UNKNOWN_SCHEMA_ID, "unknown_schema_id", SKIP, "no schema has this id")                     \
    X(E_SCHEMA_INCOMPATIBLE, "schema_incompatible", SKIP, "writer's schema can't be read as ours") \
    X(E_TRUNCATED, "truncated", SKIP, "value ends too early")                                      \
    X(E_LIMIT, "limit", SKIP, "a size is above its limit")                                         \
    X(E_BAD_UTF8, "bad_utf8", SKIP, "a string is not UTF-8")                                       \
    X(E_NON_FINITE, "non_finite", SKIP, "a number is NaN or infinite")                             \
    X(E_TIME_OUT_OF_RANGE, "time_out_of_range", SKIP, "event time is outside the accepted window") \
    X(E_EMPTY_KEY, "empty_key", SKIP, "record has no key")                                         \
    X(E_KEY_MISMATCH, "key_mismatch", SKIP, "record key is not the body's hcp_id")                 \
    X(E_NULL_VALUE, "null_value", SKIP, "record has no value")                                     \
    X(E_UNKNOWN_TYPE, "unknown_type", SKIP, "event type is not in the vocabulary")                 \
    X(E_WRONG_TENANT, "wrong_tenant", SKIP, "event belongs to another tenant")                     \
    X(E_CRASH_LOOP, "crash_loop", SKIP, "event crashed the engine three times")                    \
    X(E_BUSY, "busy", RETRY, "resource is busy")                                                   \
    X(E_TIMEOUT, "timeout", RETRY, "no answer in time")                                            \
    X(E_UNAVAILABLE, "unavailable", RETRY, "service can't be reached")                             \
    X(E_TXN_ABORTABLE, "txn_abortable", RETRY, "transaction must be aborted and run again")        \
    X(E_TXN_MEMBERSHIP, "txn_membership", RETRY, "no longer owner of these partitions")            \
    X(E_TXN_UNKNOWN, "txn_unknown", RETRY, "transaction outcome is unknown: rebuild the producer") \
    X(E_CONFIG, "config", STOP, "configuration is wrong")                                          \
    X(E_USAGE, "usage", STOP, "command line is wrong")                                             \
    X(E_FENCED, "fenced", STOP, "another instance runs under this name")                           \
    X(E_CORRUPT, "corrupt", STOP, "data is damaged")                                               \
    X(E_VERSION, "version", STOP, "format of another version")                                     \
    X(E_SHAPE, "shape", STOP, "sizes that must agree do not")                                      \
    X(E_NOT_FOUND, "not_found", STOP, "no such thing")                                             \
    X(E_WORSE, "worse", STOP, "challenger is worse than the champion")                             \
    X(E_EXISTS, "exists", STOP, "already there")                                                   \
    X(E_NO_MEMORY, "no_memory", STOP, "out of memory")                                             \
    X(E_IO, "io", STOP, "input or output failed")                                                  \
    X(E_INTERRUPTED, "interrupted", STOP, "stopped by a signal")

enum nba_status {
#define NBA_STATUS_ENUM(constant, name, class, text) NBA_##constant,
    NBA_STATUS_MAP(NBA_STATUS_ENUM)
#undef NBA_STATUS_ENUM
        NBA_STATUS_COUNT
};

enum nba_status_class {
    NBA_CLASS_OK,
    NBA_CLASS_RETRY,
    NBA_CLASS_SKIP,
    NBA_CLASS_STOP,
};

/* "truncated"; static text. */
const char *nba_status_name(enum nba_status status);
/* "value ends too early"; static text. */
const char *nba_status_text(enum nba_status status);
enum nba_status_class nba_status_class(enum nba_status status);

#define NBA_ERROR_MESSAGE_BYTES 512u

/* Lower case, no full stop, what failed first: "cannot open 'x': permission denied". */
struct nba_error {
    enum nba_status status;
    char message[NBA_ERROR_MESSAGE_BYTES];
};

/* Fills `error` (NULL is allowed) and returns `status`, so that a caller can return in one line. */
NBA_PRINTF(3, 4)
enum nba_status nba_error_set(struct nba_error *error, enum nba_status status, const char *format,
                              ...);

/* Puts "what: " before the message that is already there; keeps and returns its status. */
NBA_PRINTF(2, 3)
enum nba_status nba_error_prefix(struct nba_error *error, const char *format, ...);

#endif
