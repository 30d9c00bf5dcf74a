/* The oracles: a ledger of the input's offsets, and a replay that knows nothing of any fault. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "nba/app/topic_table.h"
#include "nba/app/walk.h"
#include "nba/base/compiler.h"
#include "nba/engine/replay.h"
#include "sim.h"

#define OFFSETS_MAX 4096

static bool is_worked_off(const char *topic, enum nba_isolation isolation)
{
    for (int32_t p = 0; p < sim.partitions; p++) {
        struct nba_error error = {0};
        int64_t committed = -1;
        int64_t low = 0;
        int64_t high = 0;
        if (nba_stream_watermarks(sim.stream, topic, p, isolation, &low, &high, &error) != NBA_OK ||
            nba_stream_group_committed(sim.stream, sim.slots[0].config.application_id, topic, p,
                                       &committed, &error) != NBA_OK) {
            sim_fail("marks: %s", error.message);
            return true;
        }
        if (committed < high && high != 0) {
            return false;
        }
    }
    return true;
}

bool sim_is_drained(void)
{
    const struct nba_config_topics *topics = &sim.slots[0].config.topics;
    return is_worked_off(topics->engagement, NBA_READ_COMMITTED) &&
           is_worked_off(topics->mailbox, NBA_READ_UNCOMMITTED);
}

/* ---- ledger ---- */

struct ledger {
    unsigned input[NBA_PARTITIONS_MAX][OFFSETS_MAX];
    unsigned output[NBA_PARTITIONS_MAX][OFFSETS_MAX];
};

static enum nba_status take_input(void *context, const struct nba_record *record,
                                  struct nba_error *error)
{
    struct ledger *ledger = context;
    if (record->offset >= OFFSETS_MAX) {
        return nba_error_set(error, NBA_E_LIMIT, "too many offsets");
    }
    ledger->input[record->partition][record->offset]++;
    return NBA_OK;
}

static enum nba_status take_output(void *context, const struct nba_record *record,
                                   struct nba_error *error)
{
    struct ledger *ledger = context;
    for (uint32_t i = 0; i < record->header_count; i++) {
        if (!nba_str_is(record->headers[i].name, "src")) {
            continue;
        }
        char src[256];
        int partition = -1;
        int64_t offset = -1;
        (void)snprintf(src, sizeof(src), "%.*s", NBA_STR_ARG(record->headers[i].value));
        if (strncmp(src, "timer:", 6) == 0 ||
            (strncmp(src, "mailbox:", 8) == 0 &&
             nba_str_is(record->topic, sim.slots[0].config.topics.decision))) {
            return NBA_OK; /* of no input */
        }
        const char *place = strchr(src, '/');
        if (place == NULL || sscanf(place, "/%d/%" SCNd64, &partition, &offset) != 2 ||
            partition < 0 || partition >= sim.partitions || offset < 0 || offset >= OFFSETS_MAX) {
            return nba_error_set(error, NBA_E_CORRUPT, "src '%s' is no place", src);
        }
        ledger->output[partition][offset]++;
        return NBA_OK;
    }
    return nba_error_set(error, NBA_E_CORRUPT, "an output without src");
}

void sim_check_ledger(void)
{
    const struct nba_config_topics *topics = &sim.slots[0].config.topics;
    struct nba_error error = {0};
    struct ledger *ledger = calloc(1, sizeof(*ledger));
    if (ledger == NULL ||
        nba_walk_topic(sim.stream, topics->engagement, take_input, ledger, &error) != NBA_OK ||
        nba_walk_topic(sim.stream, topics->decision, take_output, ledger, &error) != NBA_OK ||
        nba_walk_topic(sim.stream, topics->deadletter, take_output, ledger, &error) != NBA_OK) {
        sim_fail("ledger: %s", error.message);
    }
    for (int32_t p = 0; ledger != NULL && p < sim.partitions; p++) {
        for (int o = 0; o < OFFSETS_MAX; o++) {
            if (ledger->input[p][o] != ledger->output[p][o]) {
                sim_fail("ledger: partition %d offset %d is in the input %u times, in the output "
                         "%u times",
                         (int)p, o, ledger->input[p][o], ledger->output[p][o]);
            }
        }
    }
    free(ledger);
}

/* ---- replay ---- */

static enum nba_status add_input(void *replay, const struct nba_record *record,
                                 struct nba_error *error)
{
    return nba_replay_add(replay, record, error);
}

/* Both are lines in the same order; the first that differs is told. */
static void compare(const char *what, struct nba_str live, struct nba_str replayed)
{
    size_t from = 0;
    size_t end = 0;
    if (nba_str_equal(live, replayed)) {
        return;
    }
    while (end < live.bytes && end < replayed.bytes && live.data[end] == replayed.data[end]) {
        from = live.data[end] == '\n' ? end + 1 : from;
        end++;
    }
    const struct nba_str a = nba_str(live.data + from, live.bytes - from);
    const struct nba_str b = nba_str(replayed.data + from, replayed.bytes - from);
    sim_fail("%s differs: live '%.120s', replayed '%.120s'", what, a.data, b.data);
}

void sim_check_replay(const char *live_hash, const char *rebuilt_hash)
{
    const struct nba_config *config = &sim.slots[0].config;
    const struct nba_config_topics *topics = &config->topics;
    const char *const inputs[] = {topics->rep_capacity, topics->catalog, topics->control,
                                  topics->journal,      topics->mailbox, topics->engagement};
    struct nba_error error = {0};
    struct nba_digests live;
    struct nba_digests made;
    struct nba_buf live_text;
    struct nba_buf made_text;
    struct nba_topic_table outputs;
    char dir[PATH_BYTES + 16];
    char hash[NBA_SHA256_TEXT_BYTES] = "";
    (void)snprintf(dir, sizeof(dir), "%s/replay", sim.dir);
    nba_buf_init(&live_text, 1u << 16);
    nba_buf_init(&made_text, 1u << 16);
    nba_digests_init(&live, sim.schemas, NULL);
    nba_digests_init(&made, sim.schemas, NULL);
    const struct nba_replay_options options = {.config = config,
                                               .schemas = sim.schemas,
                                               .state_dir = dir,
                                               .policies_dir = config->state.dir,
                                               .threads = 1,
                                               .sink = {nba_digests_add_made, &made}};
    struct nba_replay *replay = nba_replay_create(&options);
    enum nba_status status = NBA_OK;
    for (size_t i = 0; status == NBA_OK && i < NBA_ARRAY_COUNT(inputs); i++) {
        status = nba_walk_topic(sim.stream, inputs[i], add_input, replay, &error);
    }
    nba_topic_table_init(&outputs, config);
    for (size_t i = 0; status == NBA_OK && i < outputs.count; i++) {
        const enum nba_topic_role role = outputs.entries[i].role;
        if (role >= NBA_TOPIC_ACTION && role != NBA_TOPIC_CHANGELOG && role != NBA_TOPIC_MAILBOX &&
            role != NBA_TOPIC_REP_CAPACITY) {
            status = nba_walk_topic(sim.stream, outputs.entries[i].spec.name, nba_digests_add,
                                    &live, &error);
        }
    }
    if (status != NBA_OK || nba_replay_run(replay, &error) != NBA_OK ||
        nba_replay_state_hash(replay, hash, &error) != NBA_OK ||
        nba_digests_finish(&live, &live_text, &error) != NBA_OK ||
        nba_digests_finish(&made, &made_text, &error) != NBA_OK) {
        sim_fail("replay: %s", error.message);
    } else {
        nba_buf_append_byte(&live_text, '\0'); /* texts for messages */
        nba_buf_append_byte(&made_text, '\0');
        compare("what was said", nba_buf_str(&live_text), nba_buf_str(&made_text));
        compare("the state", nba_str_of(live_hash), nba_str_of(hash));
        compare("the state rebuilt from the changelog", nba_str_of(rebuilt_hash), nba_str_of(hash));
    }
    nba_replay_destroy(replay);
    nba_digests_clear(&live);
    nba_digests_clear(&made);
    nba_buf_clear(&live_text);
    nba_buf_clear(&made_text);
}
