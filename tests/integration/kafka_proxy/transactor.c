/*
 * One transactional producer, driven by lines on standard input; each gets one line back, which
 * begins with a status name.  For test_kafka_proxy.py.
 *
 *   create ID | init MS | begin | produce TOPIC VALUE | commit MS | abort MS | destroy
 *   topic NAME          makes a topic of one partition
 *   values TOPIC        ok and what a committed reader sees up to the last stable offset
 *   marks TOPIC         ok STABLE HIGH
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nba/stream/producer.h"
#include "nba/stream/reader.h"
#include "nba/stream/stream.h"

struct driver {
    struct nba_stream *stream;
    struct nba_producer *producer;
    struct nba_error error;
};

static enum nba_status make_topic(struct driver *driver, const char *name)
{
    const struct nba_topic_spec spec = {
        .name = name, .partitions = 1, .retention_ms = -1, .replication = -1};
    return nba_stream_topic_create(driver->stream, &spec, &driver->error);
}

static enum nba_status produce(struct driver *driver, const char *topic, const char *value)
{
    const struct nba_outgoing outgoing = {
        .topic = topic, .partition = 0, .key = nba_str_of("key"), .value = nba_str_of(value)};
    return nba_producer_produce(driver->producer, &outgoing, &driver->error);
}

static enum nba_status print_values(struct driver *driver, const char *topic)
{
    int64_t low = 0;
    int64_t stable = 0;
    struct nba_reader *reader = NULL;
    enum nba_status status = nba_stream_watermarks(driver->stream, topic, 0, NBA_READ_COMMITTED,
                                                   &low, &stable, &driver->error);
    if (status == NBA_OK) {
        status = nba_reader_create(driver->stream, NBA_READ_COMMITTED, &reader, &driver->error);
    }
    const struct nba_position position = {topic, 0, low};
    if (status == NBA_OK) {
        status = nba_reader_assign(reader, &position, 1, &driver->error);
    }
    char values[4096] = "";
    int64_t next = low;
    while (status == NBA_OK && next < stable) {
        enum nba_poll what = NBA_POLL_NONE;
        struct nba_record record;
        status = nba_reader_poll(reader, 100, &what, &record, &driver->error);
        if (status != NBA_OK || what == NBA_POLL_NONE) {
            continue;
        }
        if (what == NBA_POLL_RECORD) {
            const size_t used = strlen(values);
            (void)snprintf(values + used, sizeof(values) - used, " %.*s",
                           NBA_STR_ARG(record.value));
            next = record.offset + 1;
        } else {
            next = record.offset;
        }
        nba_record_release(&record);
    }
    nba_reader_destroy(reader);
    if (status == NBA_OK) {
        printf("ok%s\n", values);
    }
    return status;
}

static enum nba_status print_marks(struct driver *driver, const char *topic)
{
    int64_t low = 0;
    int64_t stable = 0;
    int64_t high = 0;
    enum nba_status status = nba_stream_watermarks(driver->stream, topic, 0, NBA_READ_COMMITTED,
                                                   &low, &stable, &driver->error);
    if (status == NBA_OK) {
        status = nba_stream_watermarks(driver->stream, topic, 0, NBA_READ_UNCOMMITTED, &low, &high,
                                       &driver->error);
    }
    if (status == NBA_OK) {
        printf("ok %lld %lld\n", (long long)stable, (long long)high);
    }
    return status;
}

/* *ret_said: the answer is printed already. */
static enum nba_status obey(struct driver *driver, char words[3][256], bool *ret_said)
{
    const char *verb = words[0];
    const int ms = (int)strtol(words[1], NULL, 10);
    *ret_said = false;
    if (strcmp(verb, "create") == 0) {
        return nba_producer_create(driver->stream, words[1], &driver->producer, &driver->error);
    }
    if (strcmp(verb, "init") == 0) {
        return nba_producer_init(driver->producer, ms, &driver->error);
    }
    if (strcmp(verb, "begin") == 0) {
        return nba_producer_begin(driver->producer, &driver->error);
    }
    if (strcmp(verb, "produce") == 0) {
        return produce(driver, words[1], words[2]);
    }
    if (strcmp(verb, "commit") == 0) {
        return nba_producer_commit(driver->producer, ms, &driver->error);
    }
    if (strcmp(verb, "abort") == 0) {
        return nba_producer_abort(driver->producer, ms, &driver->error);
    }
    if (strcmp(verb, "destroy") == 0) {
        nba_producer_destroy(driver->producer);
        driver->producer = NULL;
        return NBA_OK;
    }
    if (strcmp(verb, "topic") == 0) {
        return make_topic(driver, words[1]);
    }
    const bool values = strcmp(verb, "values") == 0;
    const enum nba_status status =
        values ? print_values(driver, words[1]) : print_marks(driver, words[1]);
    *ret_said = status == NBA_OK;
    return status;
}

int main(int argc, char **argv)
{
    struct driver driver = {NULL, NULL, {NBA_OK, ""}};
    const struct nba_property properties[] = {{"bootstrap.servers", argc > 1 ? argv[1] : ""}};
    if (nba_stream_open_kafka(properties, 1, NULL, &driver.stream, &driver.error) != NBA_OK) {
        (void)fprintf(stderr, "%s\n", driver.error.message);
        return 1;
    }
    char line[600];
    while (fgets(line, sizeof(line), stdin) != NULL) {
        char words[3][256] = {"", "", ""};
        if (sscanf(line, "%255s %255s %255s", words[0], words[1], words[2]) < 1) {
            continue;
        }
        bool said = false;
        const enum nba_status status = obey(&driver, words, &said);
        if (!said) {
            printf("%s %s\n", nba_status_name(status),
                   status == NBA_OK ? "" : driver.error.message);
        }
        (void)fflush(stdout);
    }
    nba_producer_destroy(driver.producer);
    nba_stream_close(driver.stream);
    return 0;
}
