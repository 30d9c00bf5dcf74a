/* Which of a user's properties reach librdkafka, and what is said about the others. */
#include "nba_test.h"

#include "nba/base/compiler.h"
#include "nba/stream/stream.h"

#define PROPERTIES_MAX 6
#define SECRET         "CANARY-7f3a"

struct property_case {
    const char *name;
    struct nba_property properties[PROPERTIES_MAX];
    enum nba_status expected;
    const char *message; /* part of it; NULL any */
};

static const struct nba_property BOOTSTRAP = {"bootstrap.servers", "127.0.0.1:1"};

static void check_table(const struct property_case *table, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct nba_property all[PROPERTIES_MAX + 1] = {BOOTSTRAP};
        size_t used = 1;
        while (used <= PROPERTIES_MAX && table[i].properties[used - 1].name != NULL) {
            all[used] = table[i].properties[used - 1];
            used++;
        }
        struct nba_stream *stream = NULL;
        struct nba_error error = {NBA_OK, ""};
        const enum nba_status status = nba_stream_open_kafka(all, used, NULL, &stream, &error);
        if (status != table[i].expected) {
            fail_msg("%s: got %s, expected %s: %s", table[i].name, nba_status_name(status),
                     nba_status_name(table[i].expected), error.message);
        }
        if (status == NBA_OK) {
            nba_stream_close(stream);
        } else if (table[i].message != NULL && strstr(error.message, table[i].message) == NULL) {
            fail_msg("%s: '%s' isn't in '%s'", table[i].name, table[i].message, error.message);
        }
        if (strstr(error.message, SECRET) != NULL) {
            fail_msg("%s: the secret is in '%s'", table[i].name, error.message);
        }
    }
}

static void test_what_exactly_once_rests_on_cannot_be_set(void **state)
{
    (void)state;
    static const char *const names[] = {
        "enable.auto.commit",
        "auto.commit.enable",
        "enable.auto.offset.store",
        "isolation.level",
        "transactional.id",
        "group.id",
        "group.instance.id",
        "auto.offset.reset",
        "partition.assignment.strategy",
        "enable.idempotence",
        "acks",
        "request.required.acks",
        "partitioner",
        "socket.nagle.disable",
        "enable.partition.eof",
    };
    for (size_t i = 0; i < NBA_ARRAY_COUNT(names); i++) {
        char message[128];
        snprintf(message, sizeof(message), "kafka.%s: exactly once rests on it", names[i]);
        const struct property_case one = {names[i], {{names[i], "true"}}, NBA_E_CONFIG, message};
        check_table(&one, 1);
    }
}

static void test_properties_that_load_code_are_refused(void **state)
{
    (void)state;
    static const struct property_case table[] = {
        {"plugins", {{"plugin.library.paths", "x.so"}}, NBA_E_CONFIG, "kafka.plugin.library.paths"},
        {"engine", {{"ssl.engine.location", "x.so"}}, NBA_E_CONFIG, "kafka.ssl.engine.location"},
        {"providers", {{"ssl.providers", "x"}}, NBA_E_CONFIG, "kafka.ssl.providers"},
        {"mock", {{"test.mock.num.brokers", "3"}}, NBA_E_CONFIG, "kafka.test.mock.num.brokers"},
        {"memory",
         {{"queued.max.messages.kbytes", "9"}},
         NBA_E_CONFIG,
         "kafka.queued.max.messages.kbytes: the memory budget"},
        {"debug", {{"debug", "all"}}, NBA_E_CONFIG, "kafka.allow_debug"},
        {"debug", {{"debug", "all"}, {"allow_debug", "false"}}, NBA_E_CONFIG, "kafka.allow_debug"},
        {"debug", {{"debug", "eos"}, {"allow_debug", "true"}}, NBA_OK, NULL},
    };
    check_table(table, NBA_ARRAY_COUNT(table));
}

static void test_a_password_needs_tls(void **state)
{
    (void)state;
    static const struct property_case table[] = {
        {"plain by default",
         {{"sasl.mechanism", "PLAIN"}, {"sasl.username", "u"}, {"sasl.password", SECRET}},
         NBA_E_CONFIG,
         "kafka.security.protocol: expected sasl_ssl"},
        {"plain said",
         {{"security.protocol", "sasl_plaintext"}, {"sasl.mechanism", "PLAIN"}},
         NBA_E_CONFIG,
         "kafka.allow_plaintext_sasl"},
        {"plain in capitals", {{"security.protocol", "SASL_PLAINTEXT"}}, NBA_E_CONFIG, NULL},
        {"tls without sasl in the protocol",
         {{"security.protocol", "ssl"}, {"sasl.password", SECRET}},
         NBA_E_CONFIG,
         NULL},
        {"allowed aloud",
         {{"security.protocol", "sasl_plaintext"},
          {"sasl.mechanism", "PLAIN"},
          {"sasl.username", "u"},
          {"sasl.password", SECRET},
          {"allow_plaintext_sasl", "true"}},
         NBA_OK,
         NULL},
        {"with tls",
         {{"security.protocol", "sasl_ssl"},
          {"sasl.mechanism", "SCRAM-SHA-512"},
          {"sasl.username", "u"},
          {"sasl.password", SECRET}},
         NBA_OK,
         NULL},
    };
    check_table(table, NBA_ARRAY_COUNT(table));
}

static void test_certificates_are_verified_unless_said_otherwise(void **state)
{
    (void)state;
    static const struct property_case table[] = {
        {"false", {{"enable.ssl.certificate.verification", "false"}}, NBA_E_CONFIG, NULL},
        {"another false", {{"enable.ssl.certificate.verification", "0"}}, NBA_E_CONFIG, NULL},
        {"true", {{"enable.ssl.certificate.verification", "true"}}, NBA_OK, NULL},
        {"host", {{"ssl.endpoint.identification.algorithm", "none"}}, NBA_E_CONFIG, "believed"},
        {"permitted",
         {{"enable.ssl.certificate.verification", "false"}, {"allow_unverified_tls", "true"}},
         NBA_OK,
         NULL},
        {"half permitted", {{"allow_unverified_tls", "yes"}}, NBA_E_CONFIG, "expected true or"},
    };
    check_table(table, NBA_ARRAY_COUNT(table));
}

static void test_wrong_names_and_values_are_told_by_name_only(void **state)
{
    (void)state;
    static const struct property_case table[] = {
        {"unknown", {{"no.such.thing", SECRET}}, NBA_E_CONFIG, "kafka.no.such.thing: librdkafka"},
        {"value", {{"fetch.wait.max.ms", SECRET}}, NBA_E_CONFIG, "kafka.fetch.wait.max.ms: "},
        {"file",
         {{"security.protocol", "ssl"}, {"ssl.ca.location", "/no/such/" SECRET "/ca.pem"}},
         NBA_E_CONFIG,
         NULL},
        {"key",
         {{"security.protocol", "ssl"}, {"ssl.key.pem", SECRET}, {"ssl.key.password", SECRET}},
         NBA_E_CONFIG,
         NULL},
        {"producer's", {{"linger.ms", "20"}, {"compression.codec", "lz4"}}, NBA_OK, NULL},
        {"consumer's", {{"fetch.wait.max.ms", "50"}, {"client.rack", "a"}}, NBA_OK, NULL},
        {"timeout", {{"transaction.timeout.ms", "x"}}, NBA_E_CONFIG, "transaction.timeout.ms"},
    };
    check_table(table, NBA_ARRAY_COUNT(table));
}

static void test_somebody_must_be_asked(void **state)
{
    (void)state;
    struct nba_stream *stream = NULL;
    struct nba_error error;
    assert_int_equal(nba_stream_open_kafka(NULL, 0, NULL, &stream, &error), NBA_E_CONFIG);
    assert_non_null(strstr(error.message, "kafka.bootstrap.servers"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_exactly_once_rests_on_cannot_be_set),
        cmocka_unit_test(test_properties_that_load_code_are_refused),
        cmocka_unit_test(test_a_password_needs_tls),
        cmocka_unit_test(test_certificates_are_verified_unless_said_otherwise),
        cmocka_unit_test(test_wrong_names_and_values_are_told_by_name_only),
        cmocka_unit_test(test_somebody_must_be_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
