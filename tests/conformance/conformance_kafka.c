/*
 * The suite on a real Kafka, named by NBA_TEST_KAFKA (bootstrap.servers); tools/kafka starts one.
 * Without it the program says so and exits with 77, which ctest counts as skipped.
 */
#include "suite.h"

#define SKIPPED 77

static const char *bootstrap;

static struct nba_stream *open_kafka(void)
{
    struct nba_stream *stream = NULL;
    const struct nba_property properties[] = {{"bootstrap.servers", bootstrap}};
    assert_ok(nba_stream_open_kafka(properties, 1, NULL, &stream, error));
    return stream;
}

struct suite_home suite_home = {"conformance.kafka", open_kafka, 1500};

int main(void)
{
    bootstrap = getenv("NBA_TEST_KAFKA");
    if (bootstrap == NULL || bootstrap[0] == '\0') {
        (void)printf("skipped: set NBA_TEST_KAFKA=host:port of a Kafka broker (see tools/kafka)\n");
        return SKIPPED;
    }
    return suite_run();
}
