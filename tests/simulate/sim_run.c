/* One seed: instances come, work, and go the hard way; then it gets calm and the books are
 * checked. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nba/app/topic_table.h"
#include "nba/base/assert.h"
#include "nba/base/compiler.h"
#include "nba/base/file.h"
#include "sim.h"

#define DEPTH_ROUNDS 12
#define BURST        20u   /* times the mean lot */
#define STEPS_MAX    50000 /* of the calm part, a burst with its mail too: more is no progress */
#define WALL_MS      INT64_C(1772700000000)
#define HOUR_MS      INT64_C(3600000)

struct sim sim;
uint64_t sim_counts[FAULT_COUNT];

void sim_fail(const char *format, ...)
{
    if (sim.failure[0] == '\0') {
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(sim.failure, sizeof(sim.failure), format, arguments);
        va_end(arguments);
    }
}

void sim_say(const char *format, ...)
{
    if (sim.verbose) {
        va_list arguments;
        va_start(arguments, format);
        (void)vfprintf(stderr, format, arguments);
        va_end(arguments);
        (void)fputc('\n', stderr);
    }
}

bool sim_strikes(enum fault fault, unsigned one_in)
{
    static const char *const texts[] = {
#define NBA_X(name, text) text,
        FAULT_MAP(NBA_X)
#undef NBA_X
    };
    if (sim.faults_left == 0 || nba_rng_below(&sim.rng, one_in) != 0) {
        return false;
    }
    sim.faults_left--;
    sim_counts[fault]++;
    sim_say(" fault: %s (%s)", texts[fault], sim.acting != NULL ? sim.acting->name : "-");
    return true;
}

static unsigned below(unsigned bound)
{
    return (unsigned)nba_rng_below(&sim.rng, bound);
}

static int64_t wall_ms(void *context)
{
    return ((const struct sim *)context)->wall_ms;
}

static int64_t monotonic_us(void *context)
{
    return ((const struct sim *)context)->monotonic_us;
}

void sim_jump_clock(void)
{
    static const int64_t hours[] = {1, -1, 24 * 5, -24 * 5, 24 * 3650, -24 * 3650};
    const int64_t jumped = sim.wall_ms + hours[below(NBA_ARRAY_COUNT(hours))] * HOUR_MS;
    if (jumped > 0 && jumped < 2 * WALL_MS) {
        sim.wall_ms = jumped;
    }
    if (below(3) == 0) { /* everybody stood still: open transactions are timed out */
        sim_pass_time(20000000);
    }
}

/* ---- instances ---- */

static bool configure(struct slot *slot, struct nba_error *error)
{
    static const char *const intervals[] = {"1", "20", "500"};
    static const char *const events[] = {"1", "3", "8", "64"};
    struct nba_rng rng = nba_rng(sim.seed);
    char text[4 * PATH_BYTES];
    const char *clock = nba_rng_below(&rng, 3) == 0 ? "wall" : "event";
    (void)snprintf(text, sizeof(text),
                   "{\"application_id\":\"sim\",\"instance\":\"%s\",\"clock\":\"%s\",\"workers\":1,"
                   "\"state\":{\"dir\":\"%s\"},\"memory\":{\"budget_mib\":4},"
                   "\"release\":{\"dir\":\"%s/none\"},"
                   "\"policy\":{\"file\":\"%s/tests/simulate/policy.yaml\"},"
                   "\"topics\":{\"partitions\":%d},"
                   "\"commit\":{\"interval_ms\":%s,\"events_max\":%s}}",
                   slot->name, clock, slot->dir, sim.dir, NBA_SOURCE_DIR, (int)sim.partitions,
                   intervals[nba_rng_below(&rng, 3)], events[nba_rng_below(&rng, 4)]);
    nba_config_clear(&slot->config);
    return nba_config_parse("sim", nba_str_of(text), &slot->config, error) == NBA_OK;
}

static void path_of(const struct slot *slot, const char *name, char ret_path[PATH_BYTES])
{
    const int length = snprintf(ret_path, PATH_BYTES, "%s/%s", slot->dir, name);
    NBA_ASSERT(length > 0 && length < PATH_BYTES);
}

/* The state folder may have been lost, or come from a backup. */
static void find_state(struct slot *slot)
{
    struct nba_error error = {0};
    char store[PATH_BYTES];
    char backup[PATH_BYTES];
    path_of(slot, "store", store);
    path_of(slot, "backup", backup);
    enum nba_status status = NBA_OK;
    if (slot->has_backup && sim_strikes(FAULT_STATE_OLD, 3)) {
        status = nba_file_remove_tree(store, &error);
        NBA_ASSERT(status == NBA_OK && rename(backup, store) == 0);
        slot->has_backup = false;
    } else if (nba_file_exists(store) && sim_strikes(FAULT_STATE_LOST, 10)) {
        status = nba_file_remove_tree(store, &error);
        NBA_ASSERT(status == NBA_OK);
    }
}

/* What may end an instance: its name's twin, and at its stop a last commit that failed; whoever
 * comes next runs that again. */
static bool may_end(const struct slot *slot, enum nba_status status)
{
    return status == NBA_OK || status == NBA_E_INTERRUPTED || status == NBA_E_FENCED ||
           (atomic_load(&slot->engine->stopping) &&
            (status == NBA_E_TXN_ABORTABLE || status == NBA_E_TXN_MEMBERSHIP ||
             status == NBA_E_TXN_UNKNOWN || slot->store_failure != NBA_OK));
}

static void take_down(struct slot *slot)
{
    struct nba_error error = {0};
    struct slot *const before = sim.acting;
    sim.acting = slot;
    slot->busy = true;
    const enum nba_status status = nba_engine_stop(slot->engine, &error);
    if (!slot->dead && !may_end(slot, status)) {
        sim_fail("%s stopped: %s", slot->name, error.message);
    }
    nba_engine_destroy(slot->engine);
    slot->engine = NULL;
    slot->dead = false;
    slot->store_failure = NBA_OK;
    slot->busy = false;
    sim.acting = before;
}

static void start(struct slot *slot, const char *name)
{
    struct nba_error error = {0};
    struct slot *const before = sim.acting;
    (void)snprintf(slot->name, sizeof(slot->name), "%s", name);
    find_state(slot);
    sim_say(" %s starts in slot %u", slot->name, slot->number);
    if (!configure(slot, &error)) {
        sim_fail("configuration: %s", error.message);
        return;
    }
    const struct nba_engine_options options = {
        .config = &slot->config, .schemas = sim.schemas, .stream = sim.stream, .clock = &sim.clock};
    sim.acting = slot;
    slot->busy = true;
    if (nba_engine_create(&options, &slot->engine, &error) != NBA_OK ||
        nba_engine_start(slot->engine, &error) != NBA_OK) {
        sim_fail("%s doesn't start: %s", slot->name, error.message);
    }
    slot->busy = false;
    sim.acting = before;
}

static void check_memory(const struct slot *slot)
{
    struct nba_state_usage used;
    nba_state_store_usage(slot->engine->store, &used);
    const struct nba_config *config = &slot->config;
    if (used.hot_bytes > nba_config_memory(config, NBA_MEMORY_HOT_RECORDS) ||
        used.block_cache_bytes > nba_config_memory(config, NBA_MEMORY_BLOCK_CACHE) ||
        used.write_buffer_bytes > nba_config_memory(config, NBA_MEMORY_WRITE_BUFFERS)) {
        sim_fail("%s: memory: %zu of hot records, %zu of block cache, %zu of write buffers",
                 slot->name, used.hot_bytes, used.block_cache_bytes, used.write_buffer_bytes);
    }
}

/* One turn; who ends by it is taken down. */
static void step(struct slot *slot)
{
    struct nba_error error = {0};
    struct slot *const before = sim.acting;
    sim.acting = slot;
    slot->busy = true;
    sim.monotonic_us += 1000;
    sim.wall_ms += 1;
    const enum nba_status status = nba_worker_turn(slot->engine->workers[0], &error);
    slot->busy = false;
    sim.acting = before;
    if (status != NBA_OK) {
        sim_say(" %s ends: %s", slot->name, error.message);
        if (!slot->dead && !may_end(slot, status)) {
            sim_fail("%s ended: %s", slot->name, error.message);
        }
        slot->dead = true;
    }
    if (slot->dead) {
        take_down(slot);
    } else if (slot->engine->store != NULL) {
        check_memory(slot);
    }
}

void sim_let_others_run(struct slot *slot)
{
    sim.depth++;
    for (unsigned i = 1 + below(DEPTH_ROUNDS); i > 0; i--) {
        struct slot *other = &sim.slots[below(SLOTS)];
        if (other->busy || other == slot) {
            continue;
        }
        if (other->engine != NULL) {
            step(other);
        } else if (sim_strikes(FAULT_TWIN, 20)) {
            start(other, slot->name);
        }
    }
    sim.depth--;
}

static void backup(struct slot *slot)
{
    struct nba_error error = {0};
    char path[PATH_BYTES];
    path_of(slot, "backup", path);
    enum nba_status status = nba_file_remove_tree(path, &error);
    if (status == NBA_OK) {
        status = nba_state_store_checkpoint(slot->engine->store, path, &error);
    }
    if (status != NBA_OK) {
        sim_fail("checkpoint: %s", error.message);
    }
    slot->has_backup = status == NBA_OK;
}

/* ---- the log ---- */

static void open_log(void)
{
    struct nba_error error = {0};
    char dir[PATH_BYTES + 8];
    (void)snprintf(dir, sizeof(dir), "%s/log", sim.dir);
    if (nba_stream_open_local(dir, NBA_LOCAL_WRITER, &sim.clock, NULL, &sim.stream, &error) !=
        NBA_OK) {
        sim_fail("log: %s", error.message);
        return;
    }
    sim_install_faults(sim.stream);
}

static void crash_all(void)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        if (sim.slots[i].engine != NULL) {
            sim.slots[i].dead = true;
            take_down(&sim.slots[i]);
        }
    }
    struct nba_stream *stream = sim.stream;
    sim.stream = NULL;
    nba_stream_close(stream);
    open_log();
}

/* ---- one seed ---- */

static void act(struct slot *slot)
{
    static const char *const names[SLOTS] = {"a", "b", "c"};
    if (slot->engine == NULL) {
        if (below(4) == 0) {
            start(slot, names[slot->number]);
        }
        return;
    }
    if (sim_strikes(FAULT_CRASH, 150)) {
        slot->dead = true;
        take_down(slot);
    } else if (sim_strikes(FAULT_STOP, 100)) {
        take_down(slot);
    } else if (sim_strikes(FAULT_CRASH_ALL, 300)) {
        crash_all();
    } else if (sim_strikes(FAULT_CLOCK, 100)) {
        sim_jump_clock();
    } else if (sim_strikes(FAULT_COMPACTED, 150)) {
        struct nba_error error = {0};
        if (nba_stream_topic_compact(sim.stream, slot->config.topics.changelog, &error) != NBA_OK) {
            sim_fail("compaction: %s", error.message);
        }
    } else if (below(60) == 0) {
        backup(slot);
    } else {
        step(slot);
    }
}

static void make_world(uint64_t seed)
{
    struct nba_error error = {0};
    struct nba_topic_table topics;
    size_t created = 0;
    sim.seed = seed;
    sim.rng = nba_rng(seed);
    sim.clock = (struct nba_clock){wall_ms, monotonic_us, &sim};
    sim.wall_ms = WALL_MS;
    sim.monotonic_us = 1000000;
    sim.partitions = 1 + (int32_t)below(3);
    sim.failure[0] = '\0';
    sim.acting = NULL;
    for (unsigned i = 0; i < SLOTS; i++) {
        struct slot *slot = &sim.slots[i];
        *slot = (struct slot){.number = i, .name = "a"};
        const int length = snprintf(slot->dir, sizeof(slot->dir), "%.400s/%u", sim.dir, i);
        NBA_ASSERT(length > 0);
    }
    open_log();
    if (!configure(&sim.slots[0], &error)) {
        sim_fail("configuration: %s", error.message);
    } else {
        nba_topic_table_init(&topics, &sim.slots[0].config);
        for (size_t i = 0; i < topics.count; i++) { /* the books are wanted whole */
            topics.entries[i].spec.retention_ms = -1;
        }
        if (nba_topic_table_create(&topics, sim.stream, &created, &error) != NBA_OK) {
            sim_fail("topics: %s", error.message);
        }
        sim_produce_catalog();
    }
}

/* All of the input is worked on by the instances that are left; nothing fails any more. */
static void get_calm(void)
{
    sim.faults_left = 0;
    sim_say("calm");
    for (unsigned steps = 0; sim.failure[0] == '\0' && !sim_is_drained(); steps++) {
        struct slot *slot = &sim.slots[steps % SLOTS];
        if (slot->engine != NULL) {
            step(slot);
        } else if (slot->number == 0) {
            start(slot, "a");
        }
        if (steps == STEPS_MAX) {
            sim_fail("no progress: the input isn't worked off after %u turns", steps);
        }
    }
}

/* The state hash of one instance once it has all partitions and nothing is due. */
static void hash_state(struct slot *slot, char ret_hash[NBA_SHA256_TEXT_BYTES])
{
    struct nba_error error = {0};
    for (unsigned i = 0; i < SLOTS; i++) {
        if (sim.slots[i].engine != NULL && &sim.slots[i] != slot) {
            take_down(&sim.slots[i]);
        }
    }
    for (unsigned steps = 0, idle = 0; sim.failure[0] == '\0' && idle < 5; steps++) {
        if (slot->engine == NULL) { /* a twin had taken its name */
            start(slot, "a");
        }
        if (sim.failure[0] == '\0') {
            step(slot);
        }
        const struct nba_worker *worker = slot->engine != NULL ? slot->engine->workers[0] : NULL;
        idle = worker != NULL && worker->owned_count == (size_t)sim.partitions &&
                       !worker->in_transaction && worker->record_count == 0 && sim_is_drained()
                   ? idle + 1
                   : 0;
        if (steps == STEPS_MAX) {
            sim_fail("no progress: not all partitions after %u turns", steps);
        }
    }
    if (sim.failure[0] == '\0' &&
        nba_state_store_hash(slot->engine->store, ret_hash, &error) != NBA_OK) {
        sim_fail("state hash: %s", error.message);
    }
}

static void check(void)
{
    char live[NBA_SHA256_TEXT_BYTES] = "";
    char rebuilt[NBA_SHA256_TEXT_BYTES] = "";
    struct nba_error error = {0};
    struct slot *slot = &sim.slots[below(SLOTS)];
    hash_state(slot, live);
    if (sim.failure[0] != '\0') {
        return;
    }
    take_down(slot);
    if (nba_file_remove_tree(slot->dir, &error) != NBA_OK) {
        sim_fail("%s", error.message);
    }
    start(slot, "z");
    if (sim.failure[0] == '\0') {
        hash_state(slot, rebuilt);
    }
    sim_pass_time(
        20000000); /* what the dead left open is timed out, and no longer hides the rest */
    if (sim.failure[0] == '\0') {
        sim_check_ledger();
    }
    if (sim.failure[0] == '\0') {
        sim_check_replay(live, rebuilt);
    }
}

static void tear_down(void)
{
    struct nba_error error = {0};
    for (unsigned i = 0; i < SLOTS; i++) {
        struct slot *slot = &sim.slots[i];
        if (slot->engine != NULL) {
            slot->dead = sim.failure[0] != '\0';
            take_down(slot);
        }
        nba_config_clear(&slot->config);
    }
    struct nba_stream *stream = sim.stream;
    sim.stream = NULL;
    nba_stream_close(stream);
    if (nba_file_remove_tree(sim.dir, &error) != NBA_OK) {
        sim_fail("%s", error.message);
    }
}

bool sim_run(uint64_t seed)
{
    make_world(seed);
    sim.faults_left = 0;
    unsigned sent = 0;
    const unsigned events = 20 + below(30);
    const unsigned lots = 1 + below(4);
    const unsigned faults = 4 + below(20);
    const unsigned burst = seed % 16 == 3 ? (BURST - 1) * (events / lots) : 0; /* the last lot */
    for (unsigned lot = 1; lot <= lots && sim.failure[0] == '\0'; lot++) {
        const unsigned until = events * lot / lots + (lot == lots ? burst : 0);
        sim_say("events %u to %u", sent, until);
        sim_produce_events(sent, until);
        sent = until;
        sim.faults_left = faults / lots + 1;
        for (unsigned turns = 10 + below(40); turns > 0 && sim.failure[0] == '\0'; turns--) {
            act(&sim.slots[below(SLOTS)]);
        }
    }
    get_calm();
    if (sim.failure[0] == '\0') {
        check();
    }
    tear_down();
    return sim.failure[0] == '\0';
}
