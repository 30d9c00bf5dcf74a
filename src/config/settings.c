/*
 * Every setting there is.  A row is: key, type, field, default, least, most, words, and one
 * sentence for the reference.  Units stand last in the key.
 */
#include "settings.h"

#define FIELD(member) offsetof(struct nba_config, member)

static const char *const clocks[] = {"policy", "event", "wall", NULL};
static const char *const log_kinds[] = {"local", "kafka", NULL};
static const char *const kernels[] = {"auto", "scalar", "avx2", "avx512", NULL};
static const char *const levels[] = {"error", "warn", "info", "debug", NULL};
const char *const nba_setting_channels[] = {"email", "rep", "web", "event", "sms", NULL};
const char *const nba_route_keys[] = {"hcp", "rep", NULL};

#define TEXT(key, member, text, least, most, sentence)                      \
    {                                                                       \
        key, SETTING_TEXT, FIELD(member), text, least, most, NULL, sentence \
    }
#define INTEGER(key, member, text, least, most, sentence)                      \
    {                                                                          \
        key, SETTING_INTEGER, FIELD(member), text, least, most, NULL, sentence \
    }
#define NUMBER(key, member, text, least, most, sentence)                      \
    {                                                                         \
        key, SETTING_NUMBER, FIELD(member), text, least, most, NULL, sentence \
    }
#define BOOL(key, member, text, sentence)                            \
    {                                                                \
        key, SETTING_BOOL, FIELD(member), text, 0, 0, NULL, sentence \
    }
#define WORD(key, member, text, words, sentence)                      \
    {                                                                 \
        key, SETTING_WORD, FIELD(member), text, 0, 0, words, sentence \
    }
#define SECTION(key, sentence)                              \
    {                                                       \
        key, SETTING_SECTION, 0, NULL, 0, 0, NULL, sentence \
    }
#define TOPIC(key, member, text, sentence) \
    TEXT("topics." key, topics.member, text, 1, 249, sentence)

/* clang-format off */
const struct setting nba_settings[] = {
    SECTION("", "The instance"),
    TEXT("application_id", application_id, "nba", 1, 100,
         "Names the consumer group and, with instance and worker, the transactional ids."),
    TEXT("instance", instance, "1", 1, 100,
         "Names this process among those of the application: unique and stable over restarts."),
    INTEGER("workers", workers, "1", 1, 64,
            "Threads that take events; each owns some partitions of the input."),
    WORD("clock", clock, "policy", clocks,
         "The decision clock: as the policy says, the events' own time, or the machine's."),

    SECTION("log", "The transactional log"),
    WORD("log.kind", log_kind, "local", log_kinds,
         "Where events come from and actions go: the embedded log or Apache Kafka."),
    TEXT("log.dir", log_dir, "var/log", 1, 1000, "Folder of the embedded log."),

    SECTION("kafka", "Apache Kafka, when log.kind is kafka"),
    TEXT("kafka.bootstrap_servers", kafka.bootstrap_servers, "127.0.0.1:9092", 1, 4000,
         "First brokers to ask, host:port with commas between."),
    BOOL("kafka.static_membership", kafka.static_membership, "true",
         "Keep the partitions over a short restart; false for instances that come and go."),
    BOOL("kafka.allow_plaintext_sasl", kafka.allow_plaintext_sasl, "false",
         "Take SASL without TLS: the password travels in the clear."),
    {"kafka.properties", SETTING_PROPERTIES, FIELD(kafka.properties), NULL, 0, 0, NULL,
     "Any other librdkafka property, name: value; those that would break exactly-once or load "
     "code are refused."},

    SECTION("topics", "Names of the topics"),
    TOPIC("engagement", engagement, "hcp.engagement.v1", "Input: everything about one HCP."),
    TOPIC("catalog", catalog, "nba.catalog.v1", "Contents, campaigns and reps."),
    TOPIC("control", control, "nba.control.v1", "Mode, exclusions, announcements."),
    TOPIC("action", action, "nba.action.v1", "Proposed and recalled actions."),
    TOPIC("slate", slate, "nba.slate.v1", "The current ranked list of each HCP."),
    TOPIC("decision", decision, "nba.decision.v1", "Audit: one record for each input record."),
    TOPIC("deadletter", deadletter, "nba.deadletter.v1", "Records that could not be taken."),
    TOPIC("changelog", changelog, "nba.state-changelog.v1", "State, for restoring."),
    TOPIC("journal", journal, "nba.journal.v1", "Where catalogue, policy and models changed."),
    TOPIC("mailbox", mailbox, "nba.mailbox.v1", "Between the tasks of HCPs and of reps."),
    TOPIC("rep_capacity", rep_capacity, "nba.rep.capacity.v1", "How much of each rep is taken."),
    INTEGER("topics.partitions", topics.partitions, "4", 1, 1024,
            "Partitions of the topics that `nba topics create` makes."),
    INTEGER("topics.replication", topics.replication, "1", 1, 16,
            "Copies of each partition on a Kafka cluster; 3 in production."),

    SECTION("commit", "Transactions"),
    INTEGER("commit.interval_ms", commit.interval_ms, "10", 1, 5000,
            "A transaction is closed after this time, with a backlog when it is full or after ten "
            "times this: latency against CPU."),
    INTEGER("commit.events_max", commit.events_max, "1000", 1, 100000,
            "A transaction is closed after this many events."),
    INTEGER("commit.bytes_max", commit.bytes_max, "8388608", 65536, 268435456,
            "A transaction is closed after this many bytes of output; with the embedded log also "
            "before its share of memory.budget_mib is full."),

    SECTION("state", "State of the HCPs"),
    TEXT("state.dir", state.dir, "var/state", 1, 1000,
         "Folder of this instance's state; it is rebuilt from the changelog when it is gone."),
    INTEGER("state.ring_events", state.ring_events, "128", 128, 128,
            "Engagements kept in an HCP's record; fixed in this version."),
    TEXT("state.secret_file", state.secret_file, "", 0, 1000,
         "Secret under which erased HCPs are remembered by an HMAC; made where there is none, and "
         "the same for all instances; empty: state.dir with .secret behind it."),
    TEXT("state.inactive_ttl", state.inactive_ttl, "P3Y", 2, 20,
         "HCPs without any event for so long are forgotten, their opt-outs excepted."),

    SECTION("memory", "Memory"),
    INTEGER("memory.budget_mib", memory_budget_mib, "1024", 4, 1048576,
            "Hot records, RocksDB's block cache and write buffers, and the log's queues share so "
            "much; with Kafka 64 or more a worker. Program, catalogue and models come on top "
            "(`nba size`)."),

    SECTION("release", "Model releases"),
    TEXT("release.dir", release_dir, "var/releases", 1, 1000, "Folder of the model releases."),
    SECTION("policy", "Policy"),
    TEXT("policy.file", policy_file, "config/policy-basic.yaml", 1, 1000,
         "The policy that decides (docs/POLICY.md)."),
    SECTION("schemas", "Schemas"),
    TEXT("schemas.dir", schemas_dir, "schemas", 1, 1000,
         "Folder of the Avro schemas and ids.json."),

    SECTION("score", "Scoring"),
    INTEGER("score.ncf_candidates", score_ncf_candidates, "32", 1, 200,
            "Contents that the collaborative model scores again after the cheap ones ranked them."),
    TEXT("score.table", score_table, "", 0, 1000,
         "A table of scores in place of the models', for tests of policies "
         "(`nba run --scorer=table:FILE`)."),
    WORD("score.kernels", score_kernels, "auto", kernels,
         "Widest instructions of scoring and deciding; results are the same bit for bit."),
    SECTION("slate", "Slate"),
    INTEGER("slate.top_n", slate_top_n, "10", 1, 50, "Contents in the slate's ranked list."),
    BOOL("slate.publish", slate_publish, "true",
         "Publish each HCP's ranked list; the decision's record is written in any case."),
    SECTION("audit", "Audit"),
    INTEGER("audit.rankings_top_n", audit_rankings_top_n, "0", 0, 50,
            "Contents of each model's own ranking in a decision's record, to judge models on the "
            "log; 0: none."),

    SECTION("http", "HTTP"),
    TEXT("http.listen", http.listen, "127.0.0.1:9464", 3, 300,
         "Address and port of /metrics, /livez and /readyz; port 0 takes a free one."),
    BOOL("http.allow_unauthenticated", http.allow_unauthenticated, "false",
         "Let http.listen be another address than this machine's own loopback."),
    SECTION("logging", "Logging"),
    WORD("logging.level", logging_level, "info", levels, "Least important line that is logged."),

    SECTION("", "Routes"),
    {"routes", SETTING_ROUTES, FIELD(routes), NULL, 0, 0, NULL,
     "Further topics an action goes to, by channel and campaign, keyed by HCP or by rep."},

    SECTION("train", "Training (`nba train`)"),
    TEXT("train.members", train.members, "lstm,ncf,ease,knn,rules", 3, 200,
         "Members of the fusion besides popularity, where the data can teach them: lstm and rules "
         "need an order, ease at most 8,192 contents."),
    INTEGER("train.window_events", train.window_events, "64", 8, 64,
            "W of the anchored window: a sequence is at most 2 W events long."),
    INTEGER("train.lstm_embedding", train.lstm_embedding, "64", 8, 256, 
            "Content embedding; also the width of the second LSTM, which is tied to it."),
    INTEGER("train.lstm_hidden_1", train.lstm_hidden_1, "128", 8, 512, "Width of the first LSTM."),
    BOOL("train.lstm_bf16", train.lstm_bf16, "false",
         "Serve the LSTM's matrices as bfloat16: half the memory to read for an event; the report "
         "says what it costs."),
    INTEGER("train.lstm_epochs_max", train.lstm_epochs_max, "60", 1, 1000, "Most epochs."),
    INTEGER("train.lstm_batch", train.lstm_batch, "16", 1, 4096, "Sequences in a mini-batch."),
    NUMBER("train.lstm_learning_rate", train.lstm_learning_rate, "0.002", 1e-6, 1,
           "Adam's step."),
    NUMBER("train.lstm_dropout", train.lstm_dropout, "0.35", 0, 0.9,
           "Share of units left out in training."),
    INTEGER("train.ncf_embedding", train.ncf_embedding, "64", 8, 256, "User and content vectors."),
    INTEGER("train.ncf_hidden_1", train.ncf_hidden_1, "128", 8, 512, "First layer of the MLP."),
    INTEGER("train.ncf_hidden_2", train.ncf_hidden_2, "64", 8, 512, "Second layer of the MLP."),
    INTEGER("train.ncf_hidden_3", train.ncf_hidden_3, "32", 8, 512, "Third layer of the MLP."),
    INTEGER("train.ncf_epochs_max", train.ncf_epochs_max, "20", 1, 1000, "Most epochs."),
    INTEGER("train.ncf_batch", train.ncf_batch, "256", 1, 65536, "Pairs in a mini-batch."),
    INTEGER("train.ncf_negatives", train.ncf_negatives, "4", 1, 100, "Negatives to a positive."),
    NUMBER("train.ncf_learning_rate", train.ncf_learning_rate, "0.001", 1e-6, 1, "Adam's step."),
    NUMBER("train.ncf_dropout", train.ncf_dropout, "0.3", 0, 0.9,
           "Share of units left out in training."),
    NUMBER("train.ease_lambda", train.ease_lambda, "0", 0, 1e6,
           "EASE's regularisation; 0: chosen on validation."),
    NUMBER("train.ease_decay", train.ease_decay, "0", 0, 1,
           "What an event counts for against the one after it; 0: chosen on validation."),
    INTEGER("train.knn_neighbours", train.knn_neighbours, "0", 0, 1000,
            "Nearest contents that count in item-kNN; 0: chosen on validation."),
    NUMBER("train.knn_shrink", train.knn_shrink, "10", 0, 1e6,
           "Added below the cosine, against contents that few know."),
    NUMBER("train.knn_decay", train.knn_decay, "0", 0, 1, "As train.ease_decay."),
    INTEGER("train.rules_window", train.rules_window, "20", 1, 100,
            "Events behind one that still follow it, in sequential rules."),
    INTEGER("train.rules_last", train.rules_last, "5", 1, 100,
            "The newest events that sequential rules are asked for."),
    NUMBER("train.rules_decay", train.rules_decay, "0", 0, 1, "As train.ease_decay."),
    TEXT("train.asset_weights", train.asset_weights, "", 0, 4000,
         "What contents of a type get more or less of in EASE, item-kNN and rules: "
         "video=1.2, webinar=0.8; others 1."),
    NUMBER("train.clip_norm", train.clip_norm, "5", 0.01, 1000,
           "A gradient longer than this is shortened to it."),
    INTEGER("train.patience_epochs", train.patience_epochs, "8", 1, 100,
            "Stop after this many epochs without a better validation."),
    NUMBER("train.validation_share", train.validation_share, "0.1", 0.01, 0.5,
           "The last part of the time range, kept for validation."),
    INTEGER("train.seed", train.seed, "1", 0, 1e15, "Start of all chance in training."),
};
/* clang-format on */
const size_t nba_setting_count = NBA_ARRAY_COUNT(nba_settings);
