/* The settings: defaults, every kind of mistake with its message, secrets, pages from the table. */
#include "nba_test.h"

#include "config_pages.h"
#include "nba/base/file.h"

static enum nba_status parse(const char *text, struct nba_config *config, struct nba_error *error)
{
    return nba_config_parse("t.yaml", nba_str_of(text), config, error);
}

static void test_an_empty_file_gives_the_defaults(void **state)
{
    struct nba_config config;
    struct nba_error error = {0};
    (void)state;
    assert_int_equal(parse("# nothing\n", &config, &error), NBA_OK);
    assert_int_equal(config.commit.interval_ms, 10);
    assert_int_equal(config.workers, 1);
    assert_int_equal(config.log_kind, NBA_CONFIG_LOG_LOCAL);
    assert_int_equal(config.clock, NBA_CONFIG_CLOCK_POLICY);
    assert_int_equal(config.logging_level, NBA_LOG_INFO);
    assert_int_equal(config.state.ring_events, 128);
    assert_int_equal(config.score_ncf_candidates, 32);
    assert_true(config.kafka.static_membership);
    assert_string_equal(config.http.listen, "127.0.0.1:9464");
    assert_string_equal(config.topics.changelog, "nba.state-changelog.v1");
    assert_int_equal(config.route_count, 2);
    assert_string_equal(config.routes[1].topic, "nba.rep.v1");
    assert_int_equal(config.routes[1].key, NBA_CONFIG_ROUTE_BY_REP);
    nba_config_clear(&config);
}

static void test_every_kind_of_value_is_read(void **state)
{
    static const char text[] = "application_id: acme-nba\n"
                               "instance: \"2\"\n"
                               "workers: 3\n"
                               "clock: event\n"
                               "log: {kind: kafka}\n"
                               "kafka:\n"
                               "  bootstrap_servers: 10.0.0.1:9092,10.0.0.2:9092\n"
                               "  static_membership: false\n"
                               "  properties: {linger.ms: 5, client.id: \"a b\"}\n"
                               "audit: {rankings_top_n: 3}\n"
                               "train: {lstm_learning_rate: 2e-3}\n"
                               "routes:\n"
                               "  - {campaign: c-1, topic: acme.c1}\n";
    struct nba_config config;
    struct nba_error error = {0};
    (void)state;
    assert_int_equal(parse(text, &config, &error), NBA_OK);
    assert_string_equal(config.application_id, "acme-nba");
    assert_string_equal(config.instance, "2");
    assert_int_equal(config.workers, 3);
    assert_int_equal(config.clock, NBA_CONFIG_CLOCK_EVENT);
    assert_int_equal(config.log_kind, NBA_CONFIG_LOG_KAFKA);
    assert_string_equal(config.kafka.bootstrap_servers, "10.0.0.1:9092,10.0.0.2:9092");
    assert_false(config.kafka.static_membership);
    assert_int_equal(config.kafka.property_count, 2);
    assert_string_equal(config.kafka.properties[0].name, "linger.ms");
    assert_string_equal(config.kafka.properties[0].value, "5");
    assert_string_equal(config.kafka.properties[1].value, "a b");
    assert_int_equal(config.audit_rankings_top_n, 3);
    assert_true(config.train.lstm_learning_rate > 0.0019 &&
                config.train.lstm_learning_rate < 0.0021);
    assert_int_equal(config.route_count, 1);
    assert_string_equal(config.routes[0].campaign, "c-1");
    assert_string_equal(config.routes[0].channel, "");
    nba_config_clear(&config);
}

/* What is wrong with a file, and the exact complaint. */
static const struct {
    const char *text;
    const char *message;
} bad_files[] = {
    {"worker: 2\n", "t.yaml:1:1: worker: unknown key; did you mean 'workers'?"},
    {"log:\n  knid: kafka\n", "t.yaml:2:3: log.knid: unknown key; did you mean 'kind'?"},
    {"log:\n  colour: red\n", "t.yaml:2:3: log.colour: unknown key; expected kind or dir"},
    {"commit: {interval: 5}\n",
     "t.yaml:1:10: commit.interval: unknown key; did you mean 'interval_ms'?"},
    {"workers: 2\nworkers: 3\n", "t.yaml:2:1: workers: duplicate key, first given in line 1"},
    {"log: {dir: a, dir: b}\n", "t.yaml:1:15: log.dir: duplicate key, first given in line 1"},
    {"workers: two\n", "t.yaml:1:10: workers: expected a whole number from 1 to 64, got 'two'"},
    {"workers: 0\n", "t.yaml:1:10: workers: expected a whole number from 1 to 64, got '0'"},
    {"workers: 65\n", "t.yaml:1:10: workers: expected a whole number from 1 to 64, got '65'"},
    {"workers: -1\n", "t.yaml:1:10: workers: expected a whole number from 1 to 64, got '-1'"},
    {"workers: 1.5\n", "t.yaml:1:10: workers: expected a whole number from 1 to 64, got '1.5'"},
    {"workers: \"2\"\n",
     "t.yaml:1:10: workers: expected a whole number from 1 to 64, got text '2'"},
    {"workers:\n", "t.yaml:1:9: workers: expected a whole number from 1 to 64, got nothing"},
    {"workers: null\n", "t.yaml:1:10: workers: expected a whole number from 1 to 64, got nothing"},
    {"workers: [2]\n", "t.yaml:1:10: workers: expected a whole number from 1 to 64, got a list"},
    {"workers: {a: 2}\n", "t.yaml:1:10: workers: expected a whole number from 1 to 64, got a map"},
    {"workers: 99999999999999999999\n",
     "t.yaml:1:10: workers: expected a whole number from 1 to 64, got '99999999999999999999'"},
    {"workers: 0x10\n", "t.yaml:1:10: workers: expected a whole number from 1 to 64, got '0x10'"},
    {"state: {ring_events: 64}\n",
     "t.yaml:1:22: state.ring_events: expected 128, which is fixed in this version"},
    {"commit:\n  interval_ms: 0\n",
     "t.yaml:2:16: commit.interval_ms: expected a whole number from 1 to 5000, got '0'"},
    {"commit:\n  interval_ms: 20ms\n",
     "t.yaml:2:16: commit.interval_ms: expected a whole number from 1 to 5000, got '20ms'"},
    {"score: {ncf_candidates: 201}\n",
     "t.yaml:1:25: score.ncf_candidates: expected a whole number from 1 to 200, got '201'"},
    {"slate: {top_n: 0}\n",
     "t.yaml:1:16: slate.top_n: expected a whole number from 1 to 50, got '0'"},
    {"train: {lstm_dropout: 0.95}\n",
     "t.yaml:1:23: train.lstm_dropout: expected a number from 0 to 0.9, got '0.95'"},
    {"train: {lstm_dropout: .nan}\n",
     "t.yaml:1:23: train.lstm_dropout: expected a number from 0 to 0.9, got '.nan'"},
    {"train: {lstm_dropout: 1,5}\n",
     "t.yaml:1:25: train.5: unknown key; expected members, window_events"},
    {"train: {lstm_learning_rate: 1e400}\n",
     "t.yaml:1:29: train.lstm_learning_rate: expected a number from 1e-06 to 1, got '1e400'"},
    {"train: {window_events: 128}\n",
     "t.yaml:1:24: train.window_events: expected a whole number from 8 to 64, got '128'"},
    {"clock: sundial\n", "t.yaml:1:8: clock: expected policy, event or wall, got 'sundial'"},
    {"clock: walls\n",
     "t.yaml:1:8: clock: expected policy, event or wall, got 'walls'; did you mean 'wall'?"},
    {"log: {kind: rabbit}\n", "t.yaml:1:13: log.kind: expected local or kafka, got 'rabbit'"},
    {"log: kafka\n", "t.yaml:1:6: log: expected a map, got a single value"},
    {"log:\n", "t.yaml:1:5: log: expected a map, got nothing"},
    {"log: [kafka]\n", "t.yaml:1:6: log: expected a map, got a list"},
    {"logging: {level: loud}\n",
     "t.yaml:1:18: logging.level: expected error, warn, info or debug, got 'loud'"},
    {"kafka: {static_membership: yes}\n",
     "t.yaml:1:28: kafka.static_membership: expected true or false, got 'yes'"},
    {"kafka: {static_membership: True}\n",
     "t.yaml:1:28: kafka.static_membership: expected true or false, got 'True'"},
    {"kafka: {static_membership: \"true\"}\n",
     "t.yaml:1:28: kafka.static_membership: expected true or false, got 'true' in quotes"},
    {"kafka: {static_membership: 1}\n",
     "t.yaml:1:28: kafka.static_membership: expected true or false, got '1'"},
    {"application_id: NO\n",
     "t.yaml:1:17: application_id: expected text, got NO without quotes, which YAML readers take "
     "as true or false: write \"NO\""},
    {"instance: 1\n",
     "t.yaml:1:11: instance: expected text, got 1 without quotes, which YAML readers take as a "
     "number: write \"1\""},
    {"instance: 20:00\n",
     "t.yaml:1:11: instance: expected text, got 20:00 without quotes, which YAML readers take as a "
     "number: write \"20:00\""},
    {"instance: 2026-11-20\n",
     "t.yaml:1:11: instance: expected text, got 2026-11-20 without quotes, which YAML readers take "
     "as a date: write \"2026-11-20\""},
    {"application_id: \"\"\n",
     "t.yaml:1:17: application_id: expected a text of 1 to 100 bytes, got 0"},
    {"application_id: a b\n",
     "t.yaml:1:17: application_id: expected only letters, digits, '.', '_' and '-'"},
    {"instance: a/b\n", "t.yaml:1:11: instance: expected only letters, digits, '.', '_' and '-'"},
    {"topics: {action: \"a b\"}\n",
     "t.yaml:1:18: topics.action: expected only letters, digits, '.', '_' and '-'"},
    {"topics: {action: ..}\n", "t.yaml:1:18: topics.action: expected only letters"},
    {"topics: {slate: nba.action.v1}\n",
     "t.yaml:1:17: topics.slate: expected a topic of its own, 'nba.action.v1' is topics.action "
     "already"},
    {"max_trigger_age: PT6H\n",
     "t.yaml:1:1: max_trigger_age: unknown key; expected application_id"},
    {"state: {ttl: P3Y}\n", "t.yaml:1:9: state.ttl: unknown key; expected dir"},
    {"state: {inactive_ttl: PT5H}\n",
     "t.yaml:1:23: state.inactive_ttl: expected a duration of a day or more such as P3Y"},
    {"state: {inactive_ttl: years}\n",
     "t.yaml:1:23: state.inactive_ttl: expected a duration of a day or more such as P3Y"},
    {"http: {listen: 9464}\n", "t.yaml:1:16: http.listen: expected text, got 9464 without quotes"},
    {"http: {listen: localhost}\n",
     "t.yaml:1:16: http.listen: expected address:port such as 127.0.0.1:9464, got 'localhost'"},
    {"http: {listen: \"127.0.0.1:\"}\n",
     "t.yaml:1:16: http.listen: expected address:port such as 127.0.0.1:9464, got '127.0.0.1:'"},
    {"http: {listen: \"127.0.0.1:70000\"}\n",
     "t.yaml:1:16: http.listen: expected address:port such as 127.0.0.1:9464"},
    {"http: {listen: \"0.0.0.0:9464\"}\n",
     "t.yaml:1:16: http.listen: expected a loopback address (another one needs "
     "http.allow_unauthenticated: true)"},
    {"kafka: {properties: {transactional.id: x}}\n",
     "t.yaml:1:22: kafka.properties.transactional.id: this property is set by nba and can't be "
     "given"},
    {"kafka: {properties: {plugin.library.paths: /tmp/x.so}}\n",
     "t.yaml:1:22: kafka.properties.plugin.library.paths: this property is set by nba"},
    {"kafka: {properties: {isolation.level: read_uncommitted}}\n",
     "t.yaml:1:22: kafka.properties.isolation.level: this property is set by nba"},
    {"kafka: {properties: {enable.auto.commit: true}}\n",
     "t.yaml:1:22: kafka.properties.enable.auto.commit: this property is set by nba"},
    {"kafka: {properties: {test.mock.num.brokers: 3}}\n",
     "t.yaml:1:22: kafka.properties.test.mock.num.brokers: expected a property of librdkafka for "
     "real brokers"},
    {"kafka: {properties: {enable.ssl.certificate.verification: false}}\n",
     "t.yaml:1:59: kafka.properties.enable.ssl.certificate.verification: expected true: "
     "certificates are always checked"},
    {"kafka: {properties: {sasl.username: u, sasl.password: p}}\n",
     "t.yaml:1:21: kafka.properties: expected security.protocol: sasl_ssl beside SASL settings"},
    {"kafka:\n  properties:\n    security.protocol: sasl_plaintext\n",
     "t.yaml:3:5: kafka.properties: expected security.protocol: sasl_ssl beside SASL settings"},
    {"kafka: {properties: [a]}\n", "t.yaml:1:21: kafka.properties: expected a map, got a list"},
    {"kafka: {properties: {linger.ms: }}\n",
     "t.yaml:1:33: kafka.properties.linger.ms: expected a single value"},
    {"kafka: {properties: {sasl.password: \"${env:NBA_NO_SUCH_VARIABLE}\"}}\n",
     "t.yaml:1:37: kafka.properties.sasl.password: environment variable NBA_NO_SUCH_VARIABLE is "
     "not set"},
    {"kafka: {properties: {sasl.password: \"${file:/no/such/file}\"}}\n",
     "t.yaml:1:37: kafka.properties.sasl.password: expected a readable file: cannot open "
     "'/no/such/file': No such file or directory"},
    {"release: {dir: \"${vault:x}\"}\n",
     "t.yaml:1:16: release.dir: expected ${env:NAME} or ${file:PATH}, got '${vault:x}'"},
    {"release: {dir: \"${env:HOME\"}\n",
     "t.yaml:1:16: release.dir: expected ${env:NAME} or ${file:PATH}, got '${env:HOME'"},
    {"routes: {channel: email}\n", "t.yaml:1:9: routes: expected a list, got a map"},
    {"routes:\n  - {channel: email}\n",
     "t.yaml:2:5: routes[0].topic: missing, expected the name of a topic"},
    {"routes:\n  - {topic: x}\n",
     "t.yaml:2:5: routes[0].channel: missing, expected a channel, a campaign or both"},
    {"routes:\n  - {channel: fax, topic: x}\n",
     "t.yaml:2:15: routes[0].channel: expected email, rep, web, event or sms, got 'fax'"},
    {"routes:\n  - {channel: email, topic: x, kye: hcp}\n",
     "t.yaml:2:32: routes[0].kye: unknown key; did you mean 'key'?"},
    {"routes:\n  - {channel: email, topic: x, key: rep}\n",
     "t.yaml:2:3: routes: [0].key: expected hcp: only actions of channel rep have a rep"},
    {"routes:\n  - {channel: email, topic: nba.slate.v1}\n",
     "t.yaml:2:3: routes: [0].topic: expected a topic of its own, 'nba.slate.v1' is topics.slate"},
    {"routes:\n  - email\n", "t.yaml:2:5: routes[0]: expected a map, got a single value"},
};

static void test_each_bad_file_is_refused_with_its_place_and_what_was_expected(void **state)
{
    (void)state;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(bad_files); i++) {
        struct nba_config config = {.workers = 77};
        struct nba_error error = {0};
        const enum nba_status status = parse(bad_files[i].text, &config, &error);
        if (status != NBA_E_CONFIG || strstr(error.message, bad_files[i].message) == NULL) {
            print_error("file:\n%s\nexpected: %s\ngot:      %s\n", bad_files[i].text,
                        bad_files[i].message, error.message);
        }
        assert_int_equal(status, NBA_E_CONFIG);
        assert_int_equal(strncmp(error.message, bad_files[i].message, strlen(bad_files[i].message)),
                         0);
        assert_int_equal(config.workers, 77);
    }
}

static void test_references_bring_in_variables_and_files(void **state)
{
    struct nba_config config;
    struct nba_error error = {0};
    (void)state;
    const char *path = "/tmp/nba_test_config_secret";
    assert_int_equal(nba_file_write(path, nba_str_of("s3cret\n"), &error), NBA_OK);
    assert_int_equal(setenv("NBA_TEST_SERVERS", "b1:9092", 1), 0);
    assert_int_equal(parse("kafka:\n"
                           "  bootstrap_servers: ${env:NBA_TEST_SERVERS}\n"
                           "  properties:\n"
                           "    security.protocol: sasl_ssl\n"
                           "    sasl.password: ${file:/tmp/nba_test_config_secret}\n",
                           &config, &error),
                     NBA_OK);
    assert_string_equal(config.kafka.bootstrap_servers, "b1:9092");
    assert_string_equal(config.kafka.properties[1].value, "s3cret");
    nba_config_clear(&config);
    assert_int_equal(remove(path), 0);
}

static void test_settings_in_force_never_show_a_secret(void **state)
{
    struct nba_config config;
    struct nba_error error = {0};
    struct nba_buf buf;
    (void)state;
    nba_buf_init(&buf, 1 << 20);
    assert_int_equal(parse("kafka: {properties: {security.protocol: sasl_ssl, "
                           "sasl.password: CANARY-1, ssl.key.password: CANARY-2, x.y: CANARY-3}}\n",
                           &config, &error),
                     NBA_OK);
    nba_config_write_effective(&config, &buf);
    nba_buf_append_byte(&buf, 0);
    assert_false(buf.failed);
    assert_null(strstr((const char *)buf.data, "CANARY"));
    assert_non_null(strstr((const char *)buf.data, "kafka.properties.sasl.password = ***"));
    assert_non_null(strstr((const char *)buf.data, "security.protocol = sasl_ssl"));
    assert_non_null(strstr((const char *)buf.data, "commit.interval_ms = 10"));
    nba_buf_clear(&buf);
    nba_config_clear(&config);
}

static void test_the_command_line_sets_one_key(void **state)
{
    struct nba_config config;
    struct nba_error error = {0};
    (void)state;
    nba_config_init(&config);
    assert_int_equal(nba_config_set(&config, "commit.interval_ms", "5", &error), NBA_OK);
    assert_int_equal(config.commit.interval_ms, 5);
    assert_int_equal(nba_config_set(&config, "instance", "7", &error), NBA_OK);
    assert_string_equal(config.instance, "7");
    assert_int_equal(nba_config_set(&config, "kafka.properties.linger.ms", "3", &error), NBA_OK);
    assert_int_equal(nba_config_set(&config, "kafka.properties.linger.ms", "4", &error), NBA_OK);
    assert_int_equal(config.kafka.property_count, 1);
    assert_string_equal(config.kafka.properties[0].value, "4");
    assert_int_equal(nba_config_set(&config, "commit.interval_ms", "soon", &error), NBA_E_CONFIG);
    assert_non_null(strstr(error.message, "expected a whole number from 1 to 5000"));
    assert_int_equal(nba_config_set(&config, "comit.interval_ms", "5", &error), NBA_E_CONFIG);
    assert_non_null(strstr(error.message, "did you mean 'commit.interval_ms'?"));
    assert_int_equal(nba_config_set(&config, "kafka.properties.group.id", "x", &error),
                     NBA_E_CONFIG);
    assert_int_equal(config.kafka.property_count, 1);
    assert_int_equal(nba_config_set(&config, "http.listen", "nowhere", &error), NBA_OK);
    assert_int_equal(nba_config_check(&config, &error), NBA_E_CONFIG);
    nba_config_clear(&config);
}

static void test_the_memory_budget_is_shared_out_whole_and_enough_for_the_workers(void **state)
{
    struct nba_config config;
    struct nba_error error = {0};
    (void)state;
    nba_config_init(&config);
    for (int64_t mib = 4; mib <= 4096; mib += mib / 3) {
        size_t sum = 0;
        config.memory_budget_mib = mib;
        for (size_t part = 0; part < NBA_MEMORY_PARTS; part++) {
            sum += nba_config_memory(&config, (enum nba_memory_part)part);
        }
        assert_int_equal(sum, mib * 1048576);
    }
    config.memory_budget_mib = 191;
    config.workers = 3;
    assert_int_equal(nba_config_check(&config, &error), NBA_OK);
    config.log_kind = NBA_CONFIG_LOG_KAFKA;
    assert_int_equal(nba_config_check(&config, &error), NBA_E_CONFIG);
    assert_non_null(strstr(error.message, "memory.budget_mib: expected 64 for each of the 3"));
    config.memory_budget_mib = 192;
    assert_int_equal(nba_config_check(&config, &error), NBA_OK);
    nba_config_clear(&config);
}

/* With NBA_WRITE_DOCS set in the environment the page is written instead of compared. */
static void check_page(const char *path, void (*write)(struct nba_buf *buf))
{
    struct nba_buf want;
    struct nba_buf have;
    struct nba_error error = {0};
    nba_buf_init(&want, 1 << 20);
    nba_buf_init(&have, 1 << 20);
    write(&want);
    assert_false(want.failed);
    if (getenv("NBA_WRITE_DOCS") != NULL) {
        assert_int_equal(nba_file_write(path, nba_buf_str(&want), &error), NBA_OK);
    }
    assert_int_equal(nba_file_read(path, &have, &error), NBA_OK);
    if (!nba_str_equal(nba_buf_str(&want), nba_buf_str(&have))) {
        fail_msg("%s differs from the table of settings: run NBA_WRITE_DOCS=1 "
                 "build/dev/tests/unit_config_config",
                 path);
    }
    nba_buf_clear(&want);
    nba_buf_clear(&have);
}

static void test_the_pages_are_those_of_the_table(void **state)
{
    (void)state;
    check_page(NBA_SOURCE_DIR "/docs/CONFIGURATION.md", write_reference);
    check_page(NBA_SOURCE_DIR "/config/nba.yaml", write_example);
}

static void test_the_shipped_file_holds_the_defaults(void **state)
{
    struct nba_config shipped;
    struct nba_config plain;
    struct nba_error error = {0};
    struct nba_buf a;
    struct nba_buf b;
    (void)state;
    nba_buf_init(&a, 1 << 20);
    nba_buf_init(&b, 1 << 20);
    assert_int_equal(nba_config_load(NBA_SOURCE_DIR "/config/nba.yaml", &shipped, &error), NBA_OK);
    nba_config_init(&plain);
    nba_config_write_effective(&shipped, &a);
    nba_config_write_effective(&plain, &b);
    assert_true(nba_str_equal(nba_buf_str(&a), nba_buf_str(&b)));
    nba_buf_clear(&a);
    nba_buf_clear(&b);
    nba_config_clear(&shipped);
    nba_config_clear(&plain);
}

static void test_a_missing_file_is_not_found(void **state)
{
    struct nba_config config;
    struct nba_error error = {0};
    (void)state;
    assert_int_equal(nba_config_load("/no/such/nba.yaml", &config, &error), NBA_E_NOT_FOUND);
    assert_string_equal(error.message,
                        "cannot open '/no/such/nba.yaml': No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_file_gives_the_defaults),
        cmocka_unit_test(test_every_kind_of_value_is_read),
        cmocka_unit_test(test_each_bad_file_is_refused_with_its_place_and_what_was_expected),
        cmocka_unit_test(test_references_bring_in_variables_and_files),
        cmocka_unit_test(test_settings_in_force_never_show_a_secret),
        cmocka_unit_test(test_the_command_line_sets_one_key),
        cmocka_unit_test(test_the_memory_budget_is_shared_out_whole_and_enough_for_the_workers),
        cmocka_unit_test(test_the_pages_are_those_of_the_table),
        cmocka_unit_test(test_the_shipped_file_holds_the_defaults),
        cmocka_unit_test(test_a_missing_file_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
