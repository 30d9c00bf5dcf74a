/*
 * What commands work with: operands, configuration, schemas, the log, scratch memory, the answer.
 *
 * The frame makes it and closes it; a command opens what it needs.
 *
 * OPTIONS that every command has beside its own:
 *     --config FILE     settings; without it config/nba.yaml when it is there, else the defaults
 *     --set KEY=VALUE   one setting, over the file's
 *     --kafka SERVERS   short for --set log.kind=kafka and kafka.bootstrap_servers
 *     --log DIR         short for --set log.kind=local and log.dir: an embedded log
 */
#ifndef NBA_APP_WORKPLACE_H
#define NBA_APP_WORKPLACE_H

#include "nba/app/options.h"
#include "nba/app/ticker.h"
#include "nba/app/topic_table.h"
#include "nba/codec/decoder.h"

#define NBA_PATH_BYTES_MAX 4096u
/* An answer is printed whole; what may be longer is flushed on the way. */
#define NBA_ANSWER_BYTES_MAX (64u << 20)

struct nba_workplace {
    struct nba_operands operands;
    struct nba_config config;
    struct nba_topic_table topics; /* from nba_workplace_open on, as the next three */
    struct nba_schemas *schemas;
    struct nba_decoder *decoder;
    struct nba_stream *stream;
    struct nba_arena arena; /* of what is decoded, one record at a time */
    struct nba_buf out;     /* the answer: printed at the end, also of one that failed */
    struct nba_ticker ticker;
    bool failure_told;  /* by the command itself */
    char temporary[64]; /* a folder below /tmp, removed at the end; empty: none */
};

extern const struct nba_option nba_common_options[];

void nba_workplace_init(struct nba_workplace *place);
/* The configuration as nba_common_options complete it.
 * NBA_E_CONFIG, NBA_E_USAGE, NBA_E_NOT_FOUND, NBA_E_IO. */
NBA_MUST_USE
enum nba_status nba_workplace_configure(struct nba_workplace *place, struct nba_error *error);
/* Did --set name this key. */
bool nba_workplace_is_set(const char *key);
/* Schemas and a decoder. */
NBA_MUST_USE
enum nba_status nba_workplace_load_schemas(struct nba_workplace *place, struct nba_error *error);
/* The same, and the log that the configuration names. */
NBA_MUST_USE
enum nba_status nba_workplace_open(struct nba_workplace *place, enum nba_local_mode mode,
                                   struct nba_error *error);
/* Makes place->temporary. */
NBA_MUST_USE
enum nba_status nba_workplace_make_temporary(struct nba_workplace *place, struct nba_error *error);
/* Prints the answer so far.  NBA_E_IO: a closed pipe; NBA_E_LIMIT: it didn't fit. */
NBA_MUST_USE
enum nba_status nba_workplace_flush(struct nba_workplace *place, struct nba_error *error);
void nba_workplace_close(struct nba_workplace *place);

/* The status of a chain `a(..., error) == NBA_OK && b(..., error) == NBA_OK`. */
NBA_MUST_USE
enum nba_status nba_outcome(bool done, const struct nba_error *error);

#endif
