/*
 * What a home of the log provides: one table of functions over its own objects.
 *
 * The public functions (stream.c, reader.c, producer.c) check the contract, keep a producer's
 * state, ask the fault hook, and call the table; everything else is the backend's.  The first
 * parameter `self` is the backend's stream, reader, member or producer, by the function's prefix;
 * each of these structs begins with the public one, which the public functions fill in when it is
 * made.  Errors, ownership and blocking are those of the public headers.
 */
#ifndef NBA_STREAM_BACKEND_INTERNAL_H
#define NBA_STREAM_BACKEND_INTERNAL_H

#include "nba/stream/member.h"
#include "nba/stream/producer.h"
#include "nba/stream/reader.h"
#include "nba/stream/record.h"
#include "nba/stream/stream.h"

struct nba_stream_backend {
    void (*close)(void *self);
    void (*memory_used)(void *self, struct nba_stream_memory *ret_used);
    enum nba_status (*topic_create)(void *self, const struct nba_topic_spec *spec,
                                    struct nba_error *error);
    enum nba_status (*topic_delete)(void *self, const char *topic, struct nba_error *error);
    enum nba_status (*topic_partitions)(void *self, const char *topic, int32_t *ret_count,
                                        struct nba_error *error);
    enum nba_status (*topic_list)(void *self,
                                  void (*visit)(void *context, const char *topic,
                                                int32_t partitions),
                                  void *context, struct nba_error *error);
    enum nba_status (*topic_compact)(void *self, const char *topic, struct nba_error *error);
    enum nba_status (*watermarks)(void *self, const char *topic, int32_t partition,
                                  enum nba_isolation isolation, int64_t *ret_low, int64_t *ret_high,
                                  struct nba_error *error);
    enum nba_status (*offset_of_time)(void *self, const char *topic, int32_t partition, int64_t ms,
                                      int64_t *ret_offset, struct nba_error *error);
    enum nba_status (*group_committed)(void *self, const char *group, const char *topic,
                                       int32_t partition, int64_t *ret_offset,
                                       struct nba_error *error);
    enum nba_status (*group_reset)(void *self, const char *group, const char *topic,
                                   int32_t partition, int64_t offset, struct nba_error *error);

    enum nba_status (*reader_create)(void *self, enum nba_isolation isolation, void **ret_reader,
                                     struct nba_error *error);
    void (*reader_destroy)(void *self);
    enum nba_status (*reader_assign)(void *self, const struct nba_position *positions, size_t count,
                                     struct nba_error *error);
    enum nba_status (*reader_poll)(void *self, int timeout_ms, enum nba_poll *ret_what,
                                   struct nba_record *ret_record, struct nba_error *error);

    /* Strings and arrays of `options` are only good during the call. */
    enum nba_status (*member_create)(void *self, const struct nba_member_options *options,
                                     void **ret_member, struct nba_error *error);
    enum nba_status (*member_poll)(void *self, int timeout_ms, enum nba_poll *ret_what,
                                   struct nba_record *ret_record, struct nba_error *error);
    void (*member_close)(void *self, int deadline_ms);

    /* transactional_id NULL: plain.  Calls come in a legal order: init, begin, ... */
    enum nba_status (*producer_create)(void *self, const char *transactional_id,
                                       void **ret_producer, struct nba_error *error);
    void (*producer_destroy)(void *self);
    enum nba_status (*producer_init)(void *self, int timeout_ms, struct nba_error *error);
    enum nba_status (*producer_begin)(void *self, struct nba_error *error);
    enum nba_status (*producer_produce)(void *self, const struct nba_outgoing *outgoing,
                                        struct nba_error *error);
    enum nba_status (*producer_send_offsets)(void *self, const struct nba_position *positions,
                                             size_t count, void *member, struct nba_error *error);
    enum nba_status (*producer_commit)(void *self, int timeout_ms, struct nba_error *error);
    enum nba_status (*producer_abort)(void *self, int timeout_ms, struct nba_error *error);
    bool (*producer_next_offset)(const void *self, const char *topic, int32_t partition,
                                 int64_t *ret_next);
    enum nba_status (*producer_flush)(void *self, int timeout_ms, struct nba_error *error);
};

struct nba_stream {
    const struct nba_stream_backend *backend;
    bool read_only;
    enum nba_status (*fault)(void *context, enum nba_fault where, const char *transactional_id);
    void *fault_context;
};

struct nba_reader {
    const struct nba_stream_backend *backend;
};

struct nba_member {
    struct nba_reader reader;
};

enum nba_producer_state {
    NBA_PRODUCER_PLAIN,
    NBA_PRODUCER_FRESH,
    NBA_PRODUCER_READY,
    NBA_PRODUCER_OPEN,
    NBA_PRODUCER_DOOMED,
    NBA_PRODUCER_DEAD,
};

struct nba_producer {
    const struct nba_stream *stream;
    char *transactional_id; /* NULL: plain; the backend's, set by it */
    enum nba_producer_state state;
    enum nba_status answer; /* while DOOMED or DEAD */
};

/* NBA_E_USAGE when the log is open for reading. */
NBA_MUST_USE
enum nba_status nba_stream_check_writable(const struct nba_stream *stream, struct nba_error *error);
/* A group's name is 1 to NBA_ID_BYTES_MAX bytes; NBA_E_CONFIG. */
NBA_MUST_USE
enum nba_status nba_stream_check_group(const char *group, struct nba_error *error);

extern const struct nba_stream_backend nba_kafka_backend; /* kafka_*.c */
extern const struct nba_stream_backend nba_local_backend; /* local_*.c */

NBA_MUST_USE
enum nba_status nba_kafka_open(const struct nba_property *properties, size_t count,
                               const struct nba_stream_memory *memory, void **ret_self,
                               struct nba_error *error);
NBA_MUST_USE
enum nba_status nba_local_open(const char *dir, enum nba_local_mode mode,
                               const struct nba_clock *clock,
                               const struct nba_stream_memory *memory, void **ret_self,
                               struct nba_error *error);

#endif
