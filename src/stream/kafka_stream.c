/* Kafka through librdkafka. */
#include "backend_internal.h"

const struct nba_stream_backend nba_kafka_backend = {.kind = "kafka"};

enum nba_status nba_kafka_open(const struct nba_property *properties, size_t count, void **ret_self,
                               struct nba_error *error)
{
    (void)properties;
    (void)count;
    (void)ret_self;
    return nba_error_set(error, NBA_E_UNAVAILABLE, "cannot open kafka: built without it");
}
