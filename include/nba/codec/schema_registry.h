/*
 * The schemas this program knows: which id stands for which text, and which one is ours.
 *
 * SOURCE.  A folder with ids.json and one .avsc file a message (schemas/README.md).  ids.json lists
 * {id, subjects, file}; of several ids with one subject the last listed is the current one: what we
 * write, and what everything else is read as.  Other people's ids are added with nba_schemas_add.
 *
 * LIMITS.  A text of at most NBA_SCHEMA_BYTES_MAX, at most NBA_SCHEMAS_MAX ids; recursive schemas
 * are refused (a value of one has no bounded shape).
 * THREADS.  Immutable once loaded; any thread may read.  nba_schemas_add only before that.
 */
#ifndef NBA_CODEC_SCHEMA_REGISTRY_H
#define NBA_CODEC_SCHEMA_REGISTRY_H

#include <stdint.h>

#include "nba/base/status.h"
#include "nba/base/str.h"

/* Versions of some twenty messages, ours and other producers'. */
#define NBA_SCHEMAS_MAX 256u

/* The messages.  Columns: constant, topic whose value it is (a log record is a file's,
 * no topic's). */
#define NBA_SCHEMA_MAP(X)                  \
    X(ENGAGEMENT, "hcp.engagement.v1")     \
    X(CATALOG, "nba.catalog.v1")           \
    X(CONTROL, "nba.control.v1")           \
    X(ACTION, "nba.action.v1")             \
    X(SLATE, "nba.slate.v1")               \
    X(DECISION, "nba.decision.v1")         \
    X(JOURNAL, "nba.journal.v1")           \
    X(MAILBOX, "nba.mailbox.v1")           \
    X(REP_CAPACITY, "nba.rep.capacity.v1") \
    X(LOG_RECORD, "nba.log.record")

enum nba_schema {
#define NBA_X(constant, topic) NBA_SCHEMA_##constant,
    NBA_SCHEMA_MAP(NBA_X)
#undef NBA_X
        NBA_SCHEMA_COUNT
};

struct nba_schemas;

/* Reads `dir`/ids.json and the files it names; every message of the list above must have one, and
 * its fields must fit our structs.  NBA_E_NOT_FOUND, NBA_E_IO, NBA_E_CONFIG (message names file and
 * field), NBA_E_NO_MEMORY. */
NBA_MUST_USE
enum nba_status nba_schemas_load(const char *dir, struct nba_schemas **ret_schemas,
                                 struct nba_error *error);
void nba_schemas_destroy(struct nba_schemas *schemas);

/* A writer's schema under its id.  NBA_E_EXISTS when the id has another text, NBA_E_CONFIG for a
 * text that is no acceptable schema, NBA_E_LIMIT for one too many. */
NBA_MUST_USE
enum nba_status nba_schemas_add(struct nba_schemas *schemas, uint32_t id, struct nba_str json,
                                struct nba_error *error);

/* "nba.action.v1"; static text. */
const char *nba_schema_topic(enum nba_schema which);
/* The id written in front of our values, and the text behind it (borrowed, whole file). */
uint32_t nba_schemas_id(const struct nba_schemas *schemas, enum nba_schema which);
struct nba_str nba_schemas_text(const struct nba_schemas *schemas, enum nba_schema which);

#endif
