/*
 * Reading things through: every tool that looks at all records of a log, at all lines of a file or
 * at all rows of a table says what to do with one of them, and the walk does the rest.
 *
 * A walk ends with NBA_E_INTERRUPTED when a signal came, or when `take` says so, who has had
 * enough.  What is handed to `take` lives until it returns.
 */
#ifndef NBA_APP_WALK_H
#define NBA_APP_WALK_H

#include "nba/app/workplace.h"
#include "nba/ingest/mapping.h"
#include "nba/stream/reader.h"

typedef enum nba_status nba_take_record(void *context, const struct nba_record *record,
                                        struct nba_error *error);

/* One partition, from an offset to before another one. */
struct nba_span {
    const char *topic;
    int32_t partition;
    int64_t from; /* moves along: of the next record */
    int64_t to;   /* INT64_MAX: no end, wait for more */
};

struct nba_spans {
    struct nba_span *items; /* the caller frees them */
    size_t count, capacity;
};

/* Adds every partition of a topic, from its first offset to its present end (the last stable offset
 * for NBA_READ_COMMITTED).  NBA_E_NOT_FOUND. */
NBA_MUST_USE
enum nba_status nba_spans_add(struct nba_spans *spans, struct nba_stream *stream, const char *topic,
                              enum nba_isolation isolation, struct nba_error *error);

/* The offset in a partition that `place` names: "start", "end", an offset (cut to what is there) or
 * a time; NULL leaves *offset.  NBA_E_USAGE names the option it was given with. */
NBA_MUST_USE
enum nba_status nba_span_offset(struct nba_stream *stream, const char *option, const char *place,
                                const struct nba_span *whole, int64_t *offset,
                                struct nba_error *error);

struct nba_walk {
    struct nba_stream *stream;
    enum nba_isolation isolation;
    bool patient; /* a broker that is away is waited for */
    nba_take_record *take;
    void *context;
};

/* Records of one span come in order, those of several in any interleaving. */
NBA_MUST_USE
enum nba_status nba_walk_spans(const struct nba_walk *walk, struct nba_spans *spans,
                               struct nba_error *error);
/* What is committed in one partition, from *position (which moves along) to its present end. */
NBA_MUST_USE
enum nba_status nba_walk_partition(struct nba_stream *stream, const char *topic, int32_t partition,
                                   int64_t *position, nba_take_record *take, void *context,
                                   struct nba_error *error);
/* The same of every partition of a topic, one after the other, from its beginning. */
NBA_MUST_USE
enum nba_status nba_walk_topic(struct nba_stream *stream, const char *topic, nba_take_record *take,
                               void *context, struct nba_error *error);
/* A log file as `nba consume --out` writes it. */
NBA_MUST_USE
enum nba_status nba_walk_log_file(const struct nba_schemas *schemas, const char *path,
                                  nba_take_record *take, void *context, struct nba_error *error);

/* Messages as JSON, one a line: the lines that are not empty, of a file or of standard input ("-"),
 * gzipped or not, without their line ends.  A failure is told behind "path:line". */
NBA_MUST_USE
enum nba_status nba_walk_lines(const char *path,
                               enum nba_status (*take)(void *context, struct nba_str line,
                                                       struct nba_error *error),
                               void *context, struct nba_error *error);

/* A table as a mapping reads it. */
struct nba_table {
    const char *path;
    const struct nba_mapping *mapping;
    const char *mapping_path; /* for messages */
    enum nba_import_kind kind;
    /* `mapped` NULL: the row is refused, error->message says why; an error ends the walk.  `row`
     * counts from 1. */
    enum nba_status (*take)(void *context, const struct nba_mapped_row *mapped, uint64_t row,
                            struct nba_error *error);
    void *context;
};

/* Uses place->arena and its schemas. */
NBA_MUST_USE
enum nba_status nba_walk_table(struct nba_workplace *place, const struct nba_table *table,
                               struct nba_error *error);

#endif
