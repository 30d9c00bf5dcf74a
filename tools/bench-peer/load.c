/*
 * Load and measurement for the stream benches: the same events for both systems, and the same
 * stopwatch.  Each command prints one JSON line.
 *
 *   peer_load topic -b B -t T -p PARTITIONS
 *   peer_load gen   -b B -t T -n N [-a] [-k KEYS] [-z ZIPF] [-e SEED]
 *   peer_load meas  -b B -t T -n N [-q QUIET_S] [-u]
 *   peer_load lat   -b B -t IN -o OUT -n N -r RATE [-a] [-s] [-w WARM_S] [-q QUIET_S] [-u]
 *   peer_load loop  -b B -t IN -o OUT -n N [-i COMMIT_MS]
 *
 *   gen    writes N events to a topic, as fast as it goes
 *   meas   reads N records from a topic's beginning: the rate at which they became visible; the
 *          last half and quarter alone as well, past the JIT's warm-up
 *   lat    writes events at a rate and reads the answers: from just before an event is produced
 *          until its answer is read
 *   loop   a plain librdkafka consume-produce loop in transactions: the ceiling without any engine
 *
 *   -a     events as Avro (hcp.engagement.v1, for nba), not as 120 bytes (for Kafka Streams).  Equal
 *          seeds give the same keys, times and contents either way
 *   -s     answers name their event by the header src=TOPIC/PARTITION/OFFSET (nba), not by the time
 *          that they repeat (Streams)
 *   -u     read_uncommitted
 *
 * The binary event, little endian: 0 id[16], 16 hcp u64, 24 produced us u64, 32 time ms i64,
 * 40 content u32, 44 channel u8, 45 type u8, then noise up to 120 bytes.
 */
#include <librdkafka/rdkafka.h>

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "nba/base/random.h"
#include "nba/codec/encoder.h"

#define EVENT_BYTES    120u
#define CONTENTS       1000u
#define PARTITIONS_MAX 64
#define PRODUCED_AT    24

static struct {
    const char *brokers, *topic, *out;
    long count, keys, rate, warm_s, quiet_s, commit_ms;
    int partitions;
    double zipf;
    uint64_t seed;
    bool avro, by_source, uncommitted;
} options = {.brokers = "127.0.0.1:29092",
             .topic = "peer.in",
             .out = "peer.out",
             .count = 100000,
             .keys = 50000,
             .rate = 1000,
             .warm_s = 0,
             .quiet_s = 30,
             .commit_ms = 20,
             .partitions = 12,
             .zipf = 0.8,
             .seed = 7};

static void die(const char *what, const char *why)
{
    (void)fprintf(stderr, "peer_load: %s: %s\n", what, why);
    exit(1);
}

static uint64_t now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static double cpu_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- clients --- */

static atomic_long failed;
/* lat: when the event at an offset was produced, by partition. */
static struct {
    uint64_t *us;
    long capacity;
} produced[PARTITIONS_MAX];

static void note_produced(int32_t partition, int64_t offset, uint64_t us)
{
    if (partition < 0 || partition >= PARTITIONS_MAX || offset < 0) {
        return;
    }
    while (offset >= produced[partition].capacity) {
        const long capacity = produced[partition].capacity * 2 + 65536;
        uint64_t *grown = realloc(produced[partition].us, (size_t)capacity * sizeof(uint64_t));
        if (grown == NULL) {
            die("memory", "none left");
        }
        memset(grown + produced[partition].capacity, 0,
               (size_t)(capacity - produced[partition].capacity) * sizeof(uint64_t));
        produced[partition].us = grown;
        produced[partition].capacity = capacity;
    }
    produced[partition].us[offset] = us;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    (void)opaque;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        atomic_fetch_add(&failed, 1);
    } else if (options.by_source) {
        note_produced(message->partition, message->offset, (uint64_t)(uintptr_t)message->_private);
    }
}

static rd_kafka_t *client(rd_kafka_type_t type, const char *const *settings)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    (void)rd_kafka_conf_set(conf, "bootstrap.servers", options.brokers, NULL, 0);
    (void)rd_kafka_conf_set(conf, "log_level", "2", NULL, 0);
    for (; settings[0] != NULL; settings += 2) {
        if (rd_kafka_conf_set(conf, settings[0], settings[1], text, sizeof(text)) !=
            RD_KAFKA_CONF_OK) {
            die(settings[0], text);
        }
    }
    if (type == RD_KAFKA_PRODUCER) {
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    }
    rd_kafka_t *rk = rd_kafka_new(type, conf, text, sizeof(text));
    if (rk == NULL) {
        die("client", text);
    }
    if (type == RD_KAFKA_CONSUMER) {
        (void)rd_kafka_poll_set_consumer(rk);
    }
    return rk;
}

static rd_kafka_t *producer(const char *linger_ms)
{
    const char *const settings[] = {"linger.ms",
                                    linger_ms,
                                    "enable.idempotence",
                                    "true",
                                    "partitioner",
                                    "murmur2_random",
                                    "socket.nagle.disable",
                                    "true",
                                    "queue.buffering.max.messages",
                                    "500000",
                                    NULL};
    return client(RD_KAFKA_PRODUCER, settings);
}

static rd_kafka_t *consumer(const char *reset)
{
    char group[64];
    (void)snprintf(group, sizeof(group), "peer-load-%llx-%d", (unsigned long long)now_us(),
                   (int)getpid());
    const char *const settings[] = {"group.id",
                                    group,
                                    "auto.offset.reset",
                                    reset,
                                    "enable.auto.commit",
                                    "false",
                                    "isolation.level",
                                    options.uncommitted ? "read_uncommitted" : "read_committed",
                                    "fetch.wait.max.ms",
                                    "10",
                                    "queued.min.messages",
                                    "1000000",
                                    "socket.nagle.disable",
                                    "true",
                                    NULL};
    return client(RD_KAFKA_CONSUMER, settings);
}

static void subscribe(rd_kafka_t *rk, const char *topic)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, RD_KAFKA_PARTITION_UA);
    if (rd_kafka_subscribe(rk, list) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        die("subscribe", topic);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

static void check(const char *what, rd_kafka_error_t *failure)
{
    if (failure != NULL) {
        die(what, rd_kafka_error_string(failure));
    }
}

/* --- events --- */

struct source {
    struct nba_rng rng;
    double *sums; /* of the Zipf weights */
    struct nba_schemas *schemas;
    struct nba_buf buf;
    int64_t start_ms; /* of the events' own time */
    unsigned char binary[EVENT_BYTES];
    char key[24];
};

static void source_open(struct source *source)
{
    source->rng = nba_rng(options.seed);
    source->sums = malloc((size_t)options.keys * sizeof(double));
    if (source->sums == NULL) {
        die("memory", "none left");
    }
    double sum = 0;
    for (long i = 0; i < options.keys; i++) {
        sum += pow((double)(i + 1), -options.zipf);
        source->sums[i] = sum;
    }
    for (size_t i = 0; i < sizeof(source->binary); i++) {
        source->binary[i] = (unsigned char)nba_rng_next(&source->rng);
    }
    source->start_ms = (int64_t)(now_us() / 1000) - options.count;
    nba_buf_init(&source->buf, 1u << 20);
    source->schemas = NULL;
    struct nba_error error;
    if (options.avro &&
        nba_schemas_load(NBA_SOURCE_DIR "/schemas", &source->schemas, &error) != NBA_OK) {
        die("schemas", error.message);
    }
}

static uint64_t draw_key(struct source *source)
{
    const double at = nba_rng_double(&source->rng) * source->sums[options.keys - 1];
    long low = 0;
    long high = options.keys - 1;
    while (low < high) {
        const long middle = (low + high) / 2;
        if (source->sums[middle] < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    /* Scattered, so that neighbours in popularity aren't neighbours in the store. */
    return (uint64_t)low * 2654435761u % 4294967291u;
}

/* The value of event i; its key is in source->key. */
static struct nba_str source_next(struct source *source, long i, uint64_t produced_us)
{
    const uint64_t hcp = draw_key(source);
    const uint64_t noise = nba_rng_next(&source->rng);
    const uint32_t content = (uint32_t)(noise % CONTENTS);
    const int64_t time_ms = options.rate > 0 ? (int64_t)(produced_us / 1000) : source->start_ms + i;
    (void)snprintf(source->key, sizeof(source->key), "HCP%010llu", (unsigned long long)hcp);
    if (!options.avro) {
        unsigned char *b = source->binary;
        const uint64_t id[2] = {(uint64_t)i, noise};
        memcpy(b, id, 16);
        memcpy(b + 16, &hcp, 8);
        memcpy(b + PRODUCED_AT, &produced_us, 8);
        memcpy(b + 32, &time_ms, 8);
        memcpy(b + 40, &content, 4);
        b[44] = (unsigned char)(noise >> 60);
        b[45] = (unsigned char)(noise >> 50 & 7);
        return nba_str((const char *)b, EVENT_BYTES);
    }
    char id[40];
    char content_id[16];
    (void)snprintf(id, sizeof(id), "%016lx%016llx", (unsigned long)i, (unsigned long long)noise);
    (void)snprintf(content_id, sizeof(content_id), "c%04u", content);
    const struct nba_event event = {
        .type = NBA_EVENT_PORTAL_CONTENT_VIEWED,
        .event_time_ms = time_ms,
        .recorded_time_ms = time_ms,
        .captured_at_ms = NBA_TIME_NONE,
        .expires_at_ms = NBA_TIME_NONE,
        .event_id = nba_str_of(id),
        .source = nba_str_of("bench"),
        .hcp_id = nba_str_of(source->key),
        .market = nba_str_of("DE"),
        .brand = nba_str_of("b1"),
        .content_id = nba_str_of(content_id),
    };
    nba_buf_reset(&source->buf);
    nba_encode_event(source->schemas, &event, &source->buf);
    if (source->buf.failed) {
        die("event", "can't be encoded");
    }
    return nba_buf_str(&source->buf);
}

static void send_event(rd_kafka_t *rk, struct source *source, long i)
{
    const uint64_t us = now_us();
    const struct nba_str value = source_next(source, i, us);
    for (;;) {
        const rd_kafka_resp_err_t code = rd_kafka_producev(
            rk, RD_KAFKA_VTYPE_TOPIC, options.topic, RD_KAFKA_VTYPE_KEY, (void *)source->key,
            strlen(source->key), RD_KAFKA_VTYPE_VALUE, (void *)value.data, value.bytes,
            RD_KAFKA_VTYPE_MSGFLAGS, RD_KAFKA_MSG_F_COPY, RD_KAFKA_VTYPE_OPAQUE,
            (void *)(uintptr_t)us, RD_KAFKA_VTYPE_END);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            return;
        }
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            die("produce", rd_kafka_err2str(code));
        }
        (void)rd_kafka_poll(rk, 5);
    }
}

/* --- commands --- */

static int make_topic(void)
{
    const char *const none[] = {NULL};
    char text[256];
    rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, none);
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(options.topic, options.partitions, -1, text, sizeof(text));
    if (topic == NULL) {
        die("topic", text);
    }
    (void)rd_kafka_NewTopic_set_config(topic, "message.timestamp.after.max.ms",
                                       "9223372036854775807");
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_CreateTopics(rk, &topic, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 15000);
    size_t count = 0;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    const rd_kafka_resp_err_t code =
        count == 1 ? rd_kafka_topic_result_error(results[0]) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
        die(options.topic, rd_kafka_err2str(code));
    }
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(topic);
    rd_kafka_destroy(rk);
    (void)usleep(300000); /* leaders are being chosen */
    printf("{\"command\": \"topic\", \"topic\": \"%s\", \"partitions\": %d}\n", options.topic,
           options.partitions);
    return 0;
}

static int generate(void)
{
    static struct source source;
    options.rate = 0;
    source_open(&source);
    rd_kafka_t *rk = producer("20");
    const uint64_t began = now_us();
    for (long i = 0; i < options.count; i++) {
        send_event(rk, &source, i);
        if ((i & 255) == 0) {
            (void)rd_kafka_poll(rk, 0);
        }
    }
    while (rd_kafka_flush(rk, 10000) == RD_KAFKA_RESP_ERR__TIMED_OUT) {
    }
    const double seconds = (double)(now_us() - began) / 1e6;
    printf("{\"command\": \"gen\", \"topic\": \"%s\", \"n\": %ld, \"failed\": %ld, \"seconds\": "
           "%.3f, \"per_s\": %.0f}\n",
           options.topic, options.count, (long)failed, seconds, (double)options.count / seconds);
    rd_kafka_destroy(rk);
    return failed != 0;
}

static int compare(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double quantile_ms(const uint32_t *sorted, long count, double q)
{
    return count == 0 ? 0 : sorted[(long)((double)(count - 1) * q)] / 1e3;
}

static int measure(void)
{
    rd_kafka_t *rk = consumer("earliest");
    subscribe(rk, options.topic);
    uint64_t *at = malloc((size_t)options.count * sizeof(uint64_t));
    if (at == NULL) {
        die("memory", "none left");
    }
    long got = 0;
    uint64_t last = now_us();
    while (got < options.count && now_us() - last < (uint64_t)options.quiet_s * 1000000u) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(rk, 200);
        if (message != NULL && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            last = now_us();
            at[got++] = last;
        }
        if (message != NULL) {
            rd_kafka_message_destroy(message);
        }
    }
    const long half = got / 2;
    const long quarter = got - got / 4;
    const double all_s = got > 1 ? (double)(last - at[0]) / 1e6 : 1;
    const double half_s = got > 1 ? (double)(last - at[half]) / 1e6 : 1;
    const double quarter_s = got > 4 ? (double)(last - at[quarter]) / 1e6 : 1;
    printf("{\"command\": \"meas\", \"topic\": \"%s\", \"n\": %ld, \"wanted\": %ld, \"seconds\": "
           "%.3f, \"per_s\": %.0f, \"half_per_s\": %.0f, \"quarter_per_s\": %.0f}\n",
           options.topic, got, options.count, all_s, (double)got / all_s,
           (double)(got - half) / half_s, (double)(got - quarter) / quarter_s);
    (void)rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    return got != options.count;
}

/* One answer: when it was read, and which event it answers. */
struct answer {
    uint64_t read_us;
    uint64_t produced_us; /* 0: named by partition and offset */
    int32_t partition;
    int64_t offset;
};

static atomic_bool sent_all;

static void *send_at_rate(void *context)
{
    struct source *source = context;
    rd_kafka_t *rk = producer("1");
    const uint64_t began = now_us();
    for (long i = 0; i < options.count; i++) {
        const uint64_t due = began + (uint64_t)((double)i * 1e6 / (double)options.rate);
        while (now_us() < due) {
            (void)rd_kafka_poll(rk, 0);
            (void)usleep(200);
        }
        send_event(rk, source, i);
    }
    while (rd_kafka_flush(rk, 10000) == RD_KAFKA_RESP_ERR__TIMED_OUT) {
    }
    rd_kafka_destroy(rk);
    atomic_store(&sent_all, true);
    return NULL;
}

/* src=TOPIC/PARTITION/OFFSET; false: of another topic, or there is none (a timer's answer). */
static bool read_source(const rd_kafka_message_t *message, struct answer *ret_answer)
{
    rd_kafka_headers_t *headers = NULL;
    const void *value = NULL;
    size_t bytes = 0;
    char text[320];
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, "src", &value, &bytes) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        bytes >= sizeof(text)) {
        return false;
    }
    memcpy(text, value, bytes);
    text[bytes] = '\0';
    const size_t topic = strlen(options.topic);
    if (strncmp(text, options.topic, topic) != 0 || text[topic] != '/') {
        return false;
    }
    char *next = NULL;
    ret_answer->partition = (int32_t)strtol(text + topic + 1, &next, 10);
    ret_answer->offset = *next == '/' ? strtoll(next + 1, NULL, 10) : -1;
    return true;
}

static bool read_answer(const rd_kafka_message_t *message, struct answer *ret_answer)
{
    ret_answer->read_us = now_us();
    ret_answer->produced_us = 0;
    if (options.by_source) {
        return read_source(message, ret_answer);
    }
    if (message->len < PRODUCED_AT + 8) {
        return false;
    }
    memcpy(&ret_answer->produced_us, (const char *)message->payload + PRODUCED_AT, 8);
    return true;
}

/* Joined at the end: an answer may be read before the delivery of its event is reported. */
static long latencies(const struct answer *answers, long count, uint64_t began, uint32_t *ret_us)
{
    long used = 0;
    for (long i = 0; i < count; i++) {
        const struct answer *a = &answers[i];
        uint64_t from = a->produced_us;
        if (options.by_source && a->partition >= 0 && a->partition < PARTITIONS_MAX &&
            a->offset >= 0 && a->offset < produced[a->partition].capacity) {
            from = produced[a->partition].us[a->offset];
        }
        if (from >= began + (uint64_t)options.warm_s * 1000000u && a->read_us >= from) {
            ret_us[used++] = (uint32_t)(a->read_us - from);
        }
    }
    qsort(ret_us, (size_t)used, sizeof(*ret_us), compare);
    return used;
}

static void await_assignment(rd_kafka_t *rk)
{
    for (int i = 0; i < 300; i++) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(rk, 100);
        if (message != NULL) {
            rd_kafka_message_destroy(message);
        }
        rd_kafka_topic_partition_list_t *list = NULL;
        (void)rd_kafka_assignment(rk, &list);
        const int count = list != NULL ? list->cnt : 0;
        if (list != NULL) {
            rd_kafka_topic_partition_list_destroy(list);
        }
        if (count != 0) {
            return;
        }
    }
    die(options.out, "can't be read");
}

static int latency(void)
{
    static struct source source;
    source_open(&source);
    rd_kafka_t *rk = consumer("latest");
    subscribe(rk, options.out);
    await_assignment(rk);
    (void)usleep(1000000); /* positions at the end are being looked up */
    struct answer *answers = malloc((size_t)options.count * sizeof(*answers));
    uint32_t *us = malloc((size_t)options.count * sizeof(*us));
    if (answers == NULL || us == NULL) {
        die("memory", "none left");
    }
    const uint64_t began = now_us();
    uint64_t last = began;
    pthread_t thread;
    if (pthread_create(&thread, NULL, send_at_rate, &source) != 0) {
        die("thread", "can't be started");
    }
    long got = 0;
    while (got < options.count) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(rk, 200);
        if (message != NULL && message->err == RD_KAFKA_RESP_ERR_NO_ERROR &&
            read_answer(message, &answers[got])) {
            last = answers[got++].read_us;
        }
        if (message != NULL) {
            rd_kafka_message_destroy(message);
        }
        if (atomic_load(&sent_all) && now_us() - last > (uint64_t)options.quiet_s * 1000000u) {
            break;
        }
    }
    (void)pthread_join(thread, NULL);
    const long used = latencies(answers, got, began, us);
    printf("{\"command\": \"lat\", \"topic\": \"%s\", \"rate\": %ld, \"n\": %ld, \"wanted\": %ld, "
           "\"measured\": %ld, \"failed\": %ld, \"p50_ms\": %.2f, \"p90_ms\": %.2f, \"p99_ms\": "
           "%.2f, \"p999_ms\": %.2f, \"max_ms\": %.2f}\n",
           options.out, options.rate, got, options.count, used, (long)failed,
           quantile_ms(us, used, 0.5), quantile_ms(us, used, 0.9), quantile_ms(us, used, 0.99),
           quantile_ms(us, used, 0.999), quantile_ms(us, used, 1));
    (void)rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    return got != options.count;
}

static void commit(rd_kafka_t *rk, rd_kafka_t *in)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    (void)rd_kafka_assignment(in, &list);
    (void)rd_kafka_position(in, list);
    rd_kafka_consumer_group_metadata_t *group = rd_kafka_consumer_group_metadata(in);
    check("send offsets", rd_kafka_send_offsets_to_transaction(rk, list, group, 30000));
    check("commit", rd_kafka_commit_transaction(rk, 30000));
    rd_kafka_consumer_group_metadata_destroy(group);
    rd_kafka_topic_partition_list_destroy(list);
}

static int loop(void)
{
    char id[64];
    (void)snprintf(id, sizeof(id), "peer-loop-%llx", (unsigned long long)now_us());
    const char *const settings[] = {"linger.ms",
                                    "5",
                                    "transactional.id",
                                    id,
                                    "retry.backoff.ms",
                                    "2",
                                    "socket.nagle.disable",
                                    "true",
                                    "queue.buffering.max.messages",
                                    "500000",
                                    NULL};
    rd_kafka_t *in = consumer("earliest");
    rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, settings);
    check("init", rd_kafka_init_transactions(rk, 30000));
    subscribe(in, options.topic);
    static char answer[200];
    long got = 0;
    long open = 0;
    uint64_t first = 0;
    uint64_t opened = 0;
    double cpu = 0;
    while (got < options.count || open != 0) {
        rd_kafka_message_t *message = got < options.count ? rd_kafka_consumer_poll(in, 5) : NULL;
        const uint64_t now = now_us();
        if (message != NULL && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            if (first == 0) {
                first = now;
                cpu = cpu_s();
            }
            if (open == 0) {
                check("begin", rd_kafka_begin_transaction(rk));
                opened = now;
            }
            while (rd_kafka_producev(rk, RD_KAFKA_VTYPE_TOPIC, options.out, RD_KAFKA_VTYPE_KEY,
                                     message->key, message->key_len, RD_KAFKA_VTYPE_VALUE,
                                     (void *)answer, sizeof(answer), RD_KAFKA_VTYPE_MSGFLAGS,
                                     RD_KAFKA_MSG_F_COPY,
                                     RD_KAFKA_VTYPE_END) == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
                (void)rd_kafka_poll(rk, 5);
            }
            got++;
            open++;
        }
        if (message != NULL) {
            rd_kafka_message_destroy(message);
        }
        if (open != 0 &&
            (now - opened >= (uint64_t)options.commit_ms * 1000u || got >= options.count)) {
            commit(rk, in);
            open = 0;
        }
    }
    const double seconds = (double)(now_us() - first) / 1e6;
    printf("{\"command\": \"loop\", \"n\": %ld, \"commit_ms\": %ld, \"per_s\": %.0f, "
           "\"cpu_us\": %.2f}\n",
           got, options.commit_ms, (double)got / seconds, (cpu_s() - cpu) * 1e6 / (double)got);
    (void)rd_kafka_consumer_close(in);
    rd_kafka_destroy(in);
    rd_kafka_destroy(rk);
    return 0;
}

static void read_options(int argc, char **argv)
{
    int letter;
    optind = 2;
    while ((letter = getopt(argc, argv, "b:t:o:n:p:k:z:e:r:w:q:i:asu")) != -1) {
        const long number = optarg != NULL ? strtol(optarg, NULL, 10) : 0;
        switch (letter) {
        case 'b':
            options.brokers = optarg;
            break;
        case 't':
            options.topic = optarg;
            break;
        case 'o':
            options.out = optarg;
            break;
        case 'n':
            options.count = number;
            break;
        case 'p':
            options.partitions = (int)number;
            break;
        case 'k':
            options.keys = number;
            break;
        case 'z':
            options.zipf = strtod(optarg, NULL);
            break;
        case 'e':
            options.seed = (uint64_t)number;
            break;
        case 'r':
            options.rate = number;
            break;
        case 'w':
            options.warm_s = number;
            break;
        case 'q':
            options.quiet_s = number;
            break;
        case 'i':
            options.commit_ms = number;
            break;
        case 'a':
            options.avro = true;
            break;
        case 's':
            options.by_source = true;
            break;
        case 'u':
            options.uncommitted = true;
            break;
        default:
            exit(2);
        }
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(void);
    } commands[] = {{"topic", make_topic},
                    {"gen", generate},
                    {"meas", measure},
                    {"lat", latency},
                    {"loop", loop}};
    for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            read_options(argc, argv);
            return commands[i].run();
        }
    }
    (void)fprintf(stderr, "usage: peer_load topic|gen|meas|lat|loop -b BROKERS ... (see load.c)\n");
    return 2;
}
