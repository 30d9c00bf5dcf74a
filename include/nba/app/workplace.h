/*
 * What most commands need first: the configuration as the command line completes it, the schemas,
 * and the log.
 *
 * OPTIONS that all of them share (NBA_COMMON_OPTIONS):
 *     --config FILE     settings; without it config/nba.yaml when it is there, else the defaults
 *     --set KEY=VALUE   one setting, over the file's
 *     --kafka SERVERS   short for --set log.kind=kafka and kafka.bootstrap_servers
 *     --log DIR         short for --set log.kind=local and log.dir: an embedded log
 */
#ifndef NBA_APP_WORKPLACE_H
#define NBA_APP_WORKPLACE_H

#include "nba/app/options.h"
#include "nba/codec/schema_registry.h"
#include "nba/config/config.h"
#include "nba/stream/stream.h"

struct nba_common {
    const char *config;
    const char *kafka;
    const char *log;
    struct nba_operands set;
};

/* NOLINTBEGIN(bugprone-macro-parentheses): the name of a member can't stand in parentheses */
#define NBA_COMMON_OPTIONS(type, member)                                                           \
    NBA_OPTION_TEXT(type, member.config, "config", "FILE", "settings (default: config/nba.yaml)"), \
        NBA_OPTION_LIST(type, member.set, "set", "KEY=VALUE", "one setting, over the file's"),     \
        NBA_OPTION_TEXT(type, member.kafka, "kafka", "SERVERS", "use this Kafka"),                 \
        NBA_OPTION_TEXT(type, member.log, "log", "DIR", "use the embedded log in this folder")
/* NOLINTEND(bugprone-macro-parentheses) */

/* NBA_E_CONFIG, NBA_E_USAGE, NBA_E_NOT_FOUND, NBA_E_IO. */
NBA_MUST_USE
enum nba_status nba_common_config(const struct nba_common *common, struct nba_config *ret_config,
                                  struct nba_error *error);

struct nba_workplace {
    struct nba_config config;
    struct nba_schemas *schemas;
    struct nba_stream *stream;
};

/* Configuration, schemas and the log.  On failure everything is closed again. */
NBA_MUST_USE
enum nba_status nba_workplace_open(const struct nba_common *common, enum nba_local_mode mode,
                                   struct nba_workplace *ret_workplace, struct nba_error *error);
void nba_workplace_close(struct nba_workplace *workplace);

/* The log that a configuration names. */
NBA_MUST_USE
enum nba_status nba_workplace_stream(const struct nba_config *config, enum nba_local_mode mode,
                                     struct nba_stream **ret_stream, struct nba_error *error);

#endif
