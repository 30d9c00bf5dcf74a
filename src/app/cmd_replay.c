/* nba replay: a log through the pipeline without a broker; the same bytes out, and how fast. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands_internal.h"
#include "digest.h"
#include "nba/app/interrupt.h"
#include "nba/app/ticker.h"
#include "nba/app/workplace.h"
#include "nba/base/file.h"
#include "nba/base/limits.h"
#include "nba/codec/container.h"
#include "nba/engine/replay.h"
#include "partition_reader.h"

#define PATH_BYTES_MAX 4096u

struct args {
    struct nba_common common; /* config, set, kafka; `log` is replay's own */
    struct nba_operands logs;
    const char *out;
    const char *policies;
    const char *state;
    int64_t threads, batch, transaction;
    bool ignore_journal;
    bool state_hash;
};

static const struct nba_option options[] = {
    NBA_OPTION_TEXT(struct args, common.config, "config", "FILE",
                    "settings (default: config/nba.yaml)"),
    NBA_OPTION_LIST(struct args, common.set, "set", "KEY=VALUE", "one setting, over the file's"),
    NBA_OPTION_TEXT(struct args, common.kafka, "kafka", "SERVERS", "read the log of this Kafka"),
    NBA_OPTION_LIST(struct args, logs, "log", "PATH",
                    "a log file made by `nba consume --out`, or the folder of an embedded log"),
    NBA_OPTION_TEXT(struct args, out, "out", "DIR",
                    "write DIR/<topic>/<partition>.avro (default: digests only)"),
    NBA_OPTION_TEXT(struct args, policies, "policies", "DIR",
                    "policies by hash (default: <state.dir>/policies)"),
    NBA_OPTION_TEXT(struct args, state, "state", "DIR",
                    "keep the state that comes out here (default: a temporary folder)"),
    NBA_OPTION_INTEGER(struct args, threads, "threads", "N", 1, 64, "threads (default: 1)"),
    NBA_OPTION_INTEGER(struct args, batch, "batch", "N", 1, 32, "HCPs scored side by side"),
    NBA_OPTION_INTEGER(struct args, transaction, "transaction", "N", 1, 100000,
                       "events a transaction"),
    NBA_OPTION_FLAG(struct args, ignore_journal, "ignore-journal",
                    "today's policy and champion throughout"),
    NBA_OPTION_FLAG(struct args, state_hash, "state-hash", "print the state hash too"),
};

struct output {
    const struct nba_schemas *schemas;
    const char *dir; /* NULL: digests only */
    struct nba_digests digests;
    pthread_mutex_t lock;
    struct {
        char *topic;
        int32_t partition;
        int64_t next;
        struct nba_container_writer *writer;
    } files[NBA_PARTITIONS_MAX * 4u];
    size_t file_count;
};

static enum nba_status open_file(struct output *output, const struct nba_outbox_record *record,
                                 size_t *ret_index, struct nba_error *error)
{
    char path[PATH_BYTES_MAX];
    for (size_t i = 0; i < output->file_count; i++) {
        if (output->files[i].partition == record->partition &&
            strcmp(output->files[i].topic, record->topic) == 0) {
            *ret_index = i;
            return NBA_OK;
        }
    }
    if (output->file_count == NBA_ARRAY_COUNT(output->files)) {
        return nba_error_set(error, NBA_E_LIMIT, "more than %zu output files",
                             NBA_ARRAY_COUNT(output->files));
    }
    (void)snprintf(path, sizeof(path), "%s/%s", output->dir, record->topic);
    enum nba_status status = nba_file_make_dirs(path, error);
    (void)snprintf(path, sizeof(path), "%s/%s/%d.avro", output->dir, record->topic,
                   (int)record->partition);
    const size_t i = output->file_count;
    if (status == NBA_OK) {
        status = nba_container_writer_create(output->schemas, path, NBA_CONTAINER_DEFLATE,
                                             &output->files[i].writer, error);
    }
    if (status == NBA_OK) {
        const size_t bytes = strlen(record->topic) + 1;
        output->files[i].topic = malloc(bytes);
        if (output->files[i].topic == NULL) {
            nba_container_writer_destroy(output->files[i].writer);
            return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory");
        }
        memcpy(output->files[i].topic, record->topic, bytes);
        output->files[i].partition = record->partition;
        output->files[i].next = 0;
        output->file_count++;
        *ret_index = i;
    }
    return status;
}

static enum nba_status write_record(struct output *output, const struct nba_outbox_record *record,
                                    struct nba_error *error)
{
    struct nba_log_header headers[NBA_OUTBOX_HEADERS_MAX];
    size_t file = 0;
    for (uint32_t i = 0; i < record->header_count; i++) {
        headers[i] = (struct nba_log_header){record->headers[i].name, record->headers[i].value};
    }
    enum nba_status status = open_file(output, record, &file, error);
    if (status != NBA_OK) {
        return status;
    }
    const struct nba_log_record log_record = {
        .topic = nba_str_of(record->topic),
        .partition = record->partition,
        .offset = output->files[file].next++,
        .key = record->key,
        .value = record->value,
        .has_key = !record->key_null,
        .has_value = !record->value_null,
        .headers = headers,
        .header_count = record->header_count,
    };
    return nba_container_writer_append(output->files[file].writer, &log_record, error);
}

static enum nba_status take(void *context, const struct nba_outbox_record *record,
                            struct nba_error *error)
{
    struct output *output = context;
    const struct nba_outgoing outgoing = {
        .key = record->key,
        .value = record->value,
        .key_null = record->key_null,
        .value_null = record->value_null,
        .headers = record->headers,
        .header_count = record->header_count,
    };
    enum nba_status status =
        nba_digests_add(&output->digests, record->topic, record->partition, &outgoing, error);
    if (status == NBA_OK && output->dir != NULL) {
        (void)pthread_mutex_lock(&output->lock);
        status = write_record(output, record, error);
        (void)pthread_mutex_unlock(&output->lock);
    }
    return status;
}

static enum nba_status finish_output(struct output *output, bool whole, struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    for (size_t i = 0; i < output->file_count; i++) {
        if (whole && status == NBA_OK) {
            status = nba_container_writer_finish(output->files[i].writer, error);
        }
        nba_container_writer_destroy(output->files[i].writer);
        free(output->files[i].topic);
    }
    output->file_count = 0;
    return status;
}

/* ---- reading logs ---- */

static enum nba_status add_file(struct nba_replay *replay, const struct nba_schemas *schemas,
                                const char *path, struct nba_error *error)
{
    struct nba_container_reader *reader = NULL;
    bool more = true;
    enum nba_status status = nba_container_reader_open(schemas, path, &reader, error);
    while (status == NBA_OK && more && !nba_interrupted()) {
        struct nba_log_record from = {0};
        status = nba_container_reader_next(reader, &from, &more, error);
        if (status == NBA_OK && more) {
            const struct nba_record record = {
                .topic = from.topic,
                .partition = from.partition,
                .offset = from.offset,
                .timestamp_ms = from.timestamp_ms,
                .key = from.key,
                .value = from.value,
                .key_null = !from.has_key,
                .value_null = !from.has_value,
            };
            status = nba_replay_add(replay, &record, error);
        }
    }
    if (reader != NULL) {
        nba_container_reader_close(reader);
    }
    return status == NBA_OK ? NBA_OK : nba_error_prefix(error, "%s", path);
}

static enum nba_status add_partition(struct nba_replay *replay, struct nba_stream *stream,
                                     const char *topic, int32_t partition, struct nba_error *error)
{
    struct nba_partition_reader reader;
    struct nba_record record;
    bool more = true;
    enum nba_status status = nba_partition_reader_open(&reader, stream, topic, partition, 0, error);
    while (status == NBA_OK && more) {
        status = nba_partition_reader_next(&reader, &record, &more, error);
        if (status == NBA_OK && more) {
            status = nba_replay_add(replay, &record, error);
            nba_record_release(&record);
        }
    }
    nba_partition_reader_close(&reader);
    return status;
}

static enum nba_status add_stream(struct nba_replay *replay, const struct nba_config *config,
                                  struct nba_stream *stream, struct nba_error *error)
{
    const char *const topics[] = {config->topics.catalog, config->topics.control,
                                  config->topics.journal, config->topics.engagement};
    enum nba_status status = NBA_OK;
    for (size_t t = 0; t < NBA_ARRAY_COUNT(topics) && status == NBA_OK; t++) {
        int32_t partitions = 0;
        status = nba_stream_topic_partitions(stream, topics[t], &partitions, error);
        for (int32_t p = 0; status == NBA_OK && p < partitions; p++) {
            status = add_partition(replay, stream, topics[t], p, error);
        }
    }
    return status;
}

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static enum nba_status add_logs(struct nba_replay *replay, const struct args *args,
                                const struct nba_config *config, const struct nba_schemas *schemas,
                                struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    for (size_t i = 0; i < args->logs.count && status == NBA_OK; i++) {
        struct nba_stream *stream = NULL;
        if (!is_folder(args->logs.items[i])) {
            status = add_file(replay, schemas, args->logs.items[i], error);
            continue;
        }
        status = nba_stream_open_local(args->logs.items[i], NBA_LOCAL_READER, &nba_clock_system,
                                       &stream, error);
        if (status == NBA_OK) {
            status = add_stream(replay, config, stream, error);
        }
        nba_stream_close(stream);
    }
    if (args->logs.count == 0) {
        struct nba_stream *stream = NULL;
        status = nba_workplace_stream(config, NBA_LOCAL_READER, &stream, error);
        if (status == NBA_OK) {
            status = add_stream(replay, config, stream, error);
        }
        nba_stream_close(stream);
    }
    return status;
}

/* ---- the command ---- */

static void show_progress(void *context, uint64_t done, uint64_t total)
{
    (void)total;
    nba_ticker_at(context, done);
}

static enum nba_status replay_logs(const struct args *args, const struct nba_config *config,
                                   const struct nba_schemas *schemas, const char *state_dir,
                                   struct output *output, struct nba_error *error)
{
    struct nba_ticker progress;
    struct nba_replay *replay = NULL;
    char policies[PATH_BYTES_MAX];
    char hash[NBA_SHA256_TEXT_BYTES];
    (void)snprintf(policies, sizeof(policies), "%s/policies", config->state.dir);
    const struct nba_replay_options replay_options = {
        .config = config,
        .schemas = schemas,
        .state_dir = state_dir,
        .policies_dir = args->policies != NULL ? args->policies : policies,
        .journal_ignored = args->ignore_journal,
        .threads = (size_t)args->threads,
        .wave_max = (size_t)args->batch,
        .transaction_events = (size_t)args->transaction,
        .sink = {take, output},
        .progress = show_progress,
        .progress_context = &progress,
    };
    enum nba_status status = nba_replay_create(&replay_options, &replay, error);
    if (status == NBA_OK) {
        status = add_logs(replay, args, config, schemas, error);
    }
    if (status == NBA_OK) {
        nba_ticker_begin(&progress, "events", nba_replay_events(replay));
        status = nba_replay_run(replay, error);
        const double seconds = nba_ticker_seconds(&progress);
        nba_ticker_end(&progress);
        if (status == NBA_OK) {
            (void)fprintf(stderr, "%llu events in %.2f s, %.0f a second, %lld threads\n",
                          (unsigned long long)nba_replay_events(replay), seconds,
                          (double)nba_replay_events(replay) / (seconds > 0 ? seconds : 1e-9),
                          (long long)args->threads);
        }
    }
    if (status == NBA_OK && args->state_hash) {
        status = nba_replay_state_hash(replay, hash, error);
        if (status == NBA_OK) {
            (void)printf("state %s\n", hash);
        }
    }
    nba_replay_destroy(replay);
    return status;
}

static enum nba_status run_in_folder(const struct args *args, const struct nba_config *config,
                                     const struct nba_schemas *schemas, struct nba_error *error)
{
    static struct output output;
    char temporary[] = "/tmp/nba-replay-XXXXXX";
    const bool own = args->state == NULL;
    if (own && mkdtemp(temporary) == NULL) {
        return nba_error_set(error, NBA_E_IO, "cannot make a folder in /tmp");
    }
    output = (struct output){.schemas = schemas, .dir = args->out};
    (void)pthread_mutex_init(&output.lock, NULL);
    nba_digests_init(&output.digests);
    enum nba_status status =
        replay_logs(args, config, schemas, own ? temporary : args->state, &output, error);
    const enum nba_status finished = finish_output(&output, status == NBA_OK, error);
    status = status == NBA_OK ? finished : status;
    if (status == NBA_OK) {
        struct nba_buf text;
        nba_buf_init(&text, 16u << 20);
        nba_digests_print(&output.digests, &text);
        status = nba_command_print(&text) == 0 ? NBA_OK : NBA_E_IO;
        nba_buf_clear(&text);
    }
    nba_digests_clear(&output.digests);
    (void)pthread_mutex_destroy(&output.lock);
    if (own) {
        struct nba_error ignored = {0};
        const enum nba_status removed = nba_file_remove_tree(temporary, &ignored);
        (void)removed; /* /tmp is swept by the system */
    }
    return status;
}

static int run(const struct nba_command *command, int argc, char **argv)
{
    struct args args = {.threads = 1};
    struct nba_operands operands;
    struct nba_error error = {0};
    struct nba_config config;
    struct nba_schemas *schemas = NULL;
    int code = 0;
    if (!nba_command_parse(command, argc, argv, &args, &operands, &code)) {
        return code;
    }
    nba_interrupt_install();
    enum nba_status status = nba_common_config(&args.common, &config, &error);
    if (status != NBA_OK) {
        return nba_command_fail(&error);
    }
    status = nba_schemas_load(config.schemas_dir, &schemas, &error);
    if (status == NBA_OK) {
        status = run_in_folder(&args, &config, schemas, &error);
    }
    nba_schemas_destroy(schemas);
    nba_config_clear(&config);
    return status == NBA_OK ? 0 : nba_command_fail(&error);
}

const struct nba_command nba_command_replay = {
    .name = "replay",
    .summary = "a log through the engine without a broker: the same bytes out, and a speed",
    .operands = "",
    .about =
        "Runs the engagement topic of a log with the catalogue, control messages, policies and\n"
        "releases that its journal names, and prints one digest for each output topic and\n"
        "partition. They are equal to those of `nba consume --digest` on the topics that\n"
        "`nba run` wrote, for any number of threads, batch size and processor. Nothing is\n"
        "written to the log.",
    .examples = "nba replay --log day.avro\n"
                "nba replay --log /var/lib/nba/log --threads 2 --out replayed\n"
                "nba replay --kafka broker:9092 --set score.kernels=scalar --batch 1",
    .options = options,
    .option_count = NBA_ARRAY_COUNT(options),
    .run = run,
};
