/* The stream's own functions: contracts checked, then through the backend's table. */
#include "nba/stream/stream.h"

#include <string.h>

#include "backend_internal.h"
#include "nba/base/assert.h"
#include "nba/base/limits.h"

static const struct nba_stream_memory default_memory = {(size_t)64 << 20, (size_t)32 << 20};

enum nba_status nba_stream_open_kafka(const struct nba_property *properties, size_t count,
                                      const struct nba_stream_memory *memory,
                                      struct nba_stream **ret_stream, struct nba_error *error)
{
    void *self = NULL;
    const enum nba_status status =
        nba_kafka_open(properties, count, memory != NULL ? memory : &default_memory, &self, error);
    if (status == NBA_OK) {
        *ret_stream = self;
        **ret_stream = (struct nba_stream){.backend = &nba_kafka_backend};
    }
    return status;
}

enum nba_status nba_stream_open_local(const char *dir, enum nba_local_mode mode,
                                      const struct nba_clock *clock,
                                      const struct nba_stream_memory *memory,
                                      struct nba_stream **ret_stream, struct nba_error *error)
{
    void *self = NULL;
    const enum nba_status status =
        nba_local_open(dir, mode, clock, memory != NULL ? memory : &default_memory, &self, error);
    if (status == NBA_OK) {
        *ret_stream = self;
        **ret_stream = (struct nba_stream){.backend = &nba_local_backend,
                                           .read_only = mode == NBA_LOCAL_READER};
    }
    return status;
}

void nba_stream_close(struct nba_stream *stream)
{
    if (stream != NULL) {
        stream->backend->close(stream);
    }
}

void nba_stream_memory_used(struct nba_stream *stream, struct nba_stream_memory *ret_used)
{
    stream->backend->memory_used(stream, ret_used);
}

static bool is_topic_name(const char *name)
{
    static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const size_t bytes = strspn(name, legal);
    return name[bytes] == '\0' && bytes > 0 && bytes <= NBA_TOPIC_NAME_BYTES_MAX &&
           strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

enum nba_status nba_stream_check_writable(const struct nba_stream *stream, struct nba_error *error)
{
    return stream->read_only
               ? nba_error_set(error, NBA_E_USAGE, "cannot change the log: it is open for reading")
               : NBA_OK;
}

enum nba_status nba_stream_topic_create(struct nba_stream *stream,
                                        const struct nba_topic_spec *spec, struct nba_error *error)
{
    if (!is_topic_name(spec->name)) {
        return nba_error_set(error, NBA_E_CONFIG,
                             "cannot create topic '%.249s': a name is 1 to 249 letters, digits, "
                             "dots, underscores and hyphens",
                             spec->name);
    }
    if (spec->partitions < 1 || spec->partitions > (int32_t)NBA_PARTITIONS_MAX) {
        return nba_error_set(error, NBA_E_CONFIG,
                             "cannot create topic '%s': %d partitions, expected 1 to %u",
                             spec->name, spec->partitions, NBA_PARTITIONS_MAX);
    }
    const enum nba_status status = nba_stream_check_writable(stream, error);
    return status == NBA_OK ? stream->backend->topic_create(stream, spec, error) : status;
}

enum nba_status nba_stream_topic_delete(struct nba_stream *stream, const char *topic,
                                        struct nba_error *error)
{
    const enum nba_status status = nba_stream_check_writable(stream, error);
    return status == NBA_OK ? stream->backend->topic_delete(stream, topic, error) : status;
}

enum nba_status nba_stream_topic_partitions(struct nba_stream *stream, const char *topic,
                                            int32_t *ret_count, struct nba_error *error)
{
    return stream->backend->topic_partitions(stream, topic, ret_count, error);
}

enum nba_status nba_stream_topic_list(struct nba_stream *stream,
                                      void (*visit)(void *context, const char *topic,
                                                    int32_t partitions),
                                      void *context, struct nba_error *error)
{
    return stream->backend->topic_list(stream, visit, context, error);
}

enum nba_status nba_stream_topic_compact(struct nba_stream *stream, const char *topic,
                                         struct nba_error *error)
{
    const enum nba_status status = nba_stream_check_writable(stream, error);
    return status == NBA_OK ? stream->backend->topic_compact(stream, topic, error) : status;
}

enum nba_status nba_stream_watermarks(struct nba_stream *stream, const char *topic,
                                      int32_t partition, enum nba_isolation isolation,
                                      int64_t *ret_low, int64_t *ret_high, struct nba_error *error)
{
    return stream->backend->watermarks(stream, topic, partition, isolation, ret_low, ret_high,
                                       error);
}

enum nba_status nba_stream_offset_of_time(struct nba_stream *stream, const char *topic,
                                          int32_t partition, int64_t ms, int64_t *ret_offset,
                                          struct nba_error *error)
{
    return stream->backend->offset_of_time(stream, topic, partition, ms, ret_offset, error);
}

enum nba_status nba_stream_check_group(const char *group, struct nba_error *error)
{
    const size_t bytes = strlen(group);
    return bytes != 0 && bytes <= NBA_ID_BYTES_MAX
               ? NBA_OK
               : nba_error_set(error, NBA_E_CONFIG, "group name of %zu bytes: expected 1 to %u",
                               bytes, NBA_ID_BYTES_MAX);
}

enum nba_status nba_stream_group_committed(struct nba_stream *stream, const char *group,
                                           const char *topic, int32_t partition,
                                           int64_t *ret_offset, struct nba_error *error)
{
    const enum nba_status status = nba_stream_check_group(group, error);
    return status == NBA_OK ? stream->backend->group_committed(stream, group, topic, partition,
                                                               ret_offset, error)
                            : status;
}

enum nba_status nba_stream_group_reset(struct nba_stream *stream, const char *group,
                                       const char *topic, int32_t partition, int64_t offset,
                                       struct nba_error *error)
{
    NBA_ASSERT(offset >= 0);
    enum nba_status status = nba_stream_check_group(group, error);
    if (status == NBA_OK) {
        status = nba_stream_check_writable(stream, error);
    }
    return status == NBA_OK
               ? stream->backend->group_reset(stream, group, topic, partition, offset, error)
               : status;
}

void nba_stream_set_fault(struct nba_stream *stream,
                          enum nba_status (*fault)(void *context, enum nba_fault where,
                                                   const char *transactional_id),
                          void *context)
{
    stream->fault = fault;
    stream->fault_context = context;
}
