/*
 * The settings of an instance: config/nba.yaml, read through one table.
 *
 * src/config/settings.c holds the table: key (its unit last), type, default, range, one sentence.
 * docs/CONFIGURATION.md and the comments of config/nba.yaml come from it and a test fails when they
 * differ (tests/unit/config).  A key that is not in the table is an error; so is a value out of
 * range.  None changes while the engine runs.
 *
 * REFERENCES.  A text, or a value in kafka.properties, that is wholly `${env:NAME}` or
 * `${file:PATH}` is replaced by the environment's variable or by the file's text less its last
 * line end: that is how secrets come in.  A missing one is an error.
 *
 * OWNERSHIP.  Texts are NUL-terminated and belong to the struct.  THREADS.  Immutable once loaded.
 */
#ifndef NBA_CONFIG_CONFIG_H
#define NBA_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "nba/base/arena.h"
#include "nba/base/buf.h"
#include "nba/base/log.h"
#include "nba/base/status.h"
#include "nba/base/time_text.h"

/* kafka.properties: librdkafka has about 150 that make sense here. */
#define NBA_CONFIG_PROPERTIES_MAX 200u
#define NBA_CONFIG_ROUTES_MAX     64u

enum nba_config_log { NBA_CONFIG_LOG_LOCAL, NBA_CONFIG_LOG_KAFKA };
/* POLICY: what the policy file says. */
enum nba_config_clock { NBA_CONFIG_CLOCK_POLICY, NBA_CONFIG_CLOCK_EVENT, NBA_CONFIG_CLOCK_WALL };
enum nba_config_kernels {
    NBA_CONFIG_KERNELS_AUTO,
    NBA_CONFIG_KERNELS_SCALAR,
    NBA_CONFIG_KERNELS_AVX2,
    NBA_CONFIG_KERNELS_AVX512
};
enum nba_config_route_key { NBA_CONFIG_ROUTE_BY_HCP, NBA_CONFIG_ROUTE_BY_REP };

struct nba_config_property {
    const char *name;
    const char *value;
};

/* An action goes to `topic` too when it has this channel and this campaign; empty = any. */
struct nba_config_route {
    const char *channel;
    const char *campaign;
    const char *topic;
    enum nba_config_route_key key;
};

struct nba_config_topics {
    const char *engagement, *catalog, *control;
    const char *action, *slate, *decision, *deadletter, *changelog, *journal;
    const char *mailbox, *rep_capacity;
    int64_t partitions;
    int64_t replication;
};

struct nba_config_train {
    const char *members;   /* a list of names (nba/train/models.h) */
    int64_t window_events; /* W */
    int64_t lstm_embedding, lstm_hidden_1;
    bool lstm_bf16;
    int64_t lstm_epochs_max, lstm_batch;
    double lstm_learning_rate, lstm_dropout;
    int64_t ncf_embedding, ncf_hidden_1, ncf_hidden_2, ncf_hidden_3;
    int64_t ncf_epochs_max, ncf_batch, ncf_negatives;
    double ncf_learning_rate, ncf_dropout;
    double ease_lambda, ease_decay; /* 0: chosen on validation */
    int64_t knn_neighbours;
    double knn_shrink, knn_decay;
    int64_t rules_window, rules_last;
    double rules_decay;
    const char *asset_weights;
    double clip_norm;
    int64_t patience_epochs;
    double validation_share;
    int64_t seed;
};

struct nba_config_place {
    uint32_t line, column; /* 0: not in the file */
};

struct nba_config {
    const char *application_id;
    const char *instance;
    int64_t workers;
    enum nba_config_clock clock;
    enum nba_config_log log_kind;
    const char *log_dir;
    struct {
        const char *bootstrap_servers;
        bool static_membership;
        bool allow_plaintext_sasl;
        struct nba_config_property *properties; /* in the order of the file */
        uint32_t property_count;
    } kafka;
    struct nba_config_topics topics;
    struct {
        int64_t interval_ms, events_max, bytes_max;
    } commit;
    struct {
        const char *dir;
        const char *secret_file;  /* nba_state_secret_load reads it */
        const char *inactive_ttl; /* nba_config_inactive_ttl reads it */
        int64_t ring_events;
    } state;
    int64_t memory_budget_mib; /* nba_config_memory shares it out */
    const char *release_dir;
    const char *policy_file;
    const char *schemas_dir;
    int64_t score_ncf_candidates;
    const char *score_table; /* path; empty: models score */
    enum nba_config_kernels score_kernels;
    int64_t slate_top_n;
    bool slate_publish;
    int64_t audit_rankings_top_n;
    struct {
        const char *listen; /* host:port */
        bool allow_unauthenticated;
    } http;
    enum nba_log_level logging_level;
    struct nba_config_train train;
    const struct nba_config_route *routes;
    uint32_t route_count;
    struct nba_arena arena;          /* holds the texts */
    const char *name;                /* of the file, in messages */
    struct nba_config_place *places; /* by row of the table: where it was set */
};

/* All defaults. */
void nba_config_init(struct nba_config *ret_config);
/* Defaults, then the file.  NBA_E_CONFIG with file:line:column, NBA_E_NOT_FOUND, NBA_E_IO. */
NBA_MUST_USE
enum nba_status nba_config_load(const char *path, struct nba_config *ret_config,
                                struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_config_parse(const char *name, struct nba_str bytes,
                                 struct nba_config *ret_config, struct nba_error *error);
/* One setting from the command line, "commit.interval_ms" = "5" (also kafka.properties.NAME);
 * call nba_config_check after the last.  NBA_E_CONFIG. */
NBA_MUST_USE
enum nba_status nba_config_set(struct nba_config *config, const char *key, const char *value,
                               struct nba_error *error);
/* state.secret_file, or its default, in `path` where that has to be made. */
#define NBA_CONFIG_PATH_BYTES 4096u
const char *nba_config_secret_file(const struct nba_config *config,
                                   char path[NBA_CONFIG_PATH_BYTES]);
/* state.inactive_ttl. */
struct nba_duration nba_config_inactive_ttl(const struct nba_config *config);

/* Who shares the memory budget. */
enum nba_memory_part {
    NBA_MEMORY_HOT_RECORDS,
    NBA_MEMORY_BLOCK_CACHE,
    NBA_MEMORY_WRITE_BUFFERS,
    NBA_MEMORY_LOG_READING, /* records fetched and not yet taken; embedded log: its block cache */
    NBA_MEMORY_LOG_WRITING, /* records on their way; embedded log: its write buffers */
    NBA_MEMORY_PARTS
};
/* "hot_records" ... */
const char *nba_memory_part_name(enum nba_memory_part part);
/* The part's share of memory.budget_mib, in bytes. */
size_t nba_config_memory(const struct nba_config *config, enum nba_memory_part part);
/* commit.bytes_max; embedded log: at most what its write buffers take, as a transaction is one
 * write there. */
size_t nba_config_commit_bytes(const struct nba_config *config);
/* What concerns several settings at once.  Called by load and parse already. */
NBA_MUST_USE
enum nba_status nba_config_check(const struct nba_config *config, struct nba_error *error);
/* A setting can't be worked with: fills "file:line:column: key: ..." (what is known of it) and
 * returns NBA_E_CONFIG; arguments may be the error's own message. */
NBA_PRINTF(4, 5)
enum nba_status nba_config_fail(const struct nba_config *config, const char *key,
                                struct nba_error *error, const char *format, ...);
/* NULL-safe; the struct may be half built. */
void nba_config_clear(struct nba_config *config);

/* The settings in force, one "key = value" a line with secrets as ***. */
void nba_config_write_effective(const struct nba_config *config, struct nba_buf *buf);

#endif
