/*
 * The follower: catalogue and control topics as they grow, policy file and champion as they change.
 *
 * It reads to the high watermarks before the workers start, so no event meets half a catalogue,
 * then goes on in a thread of its own.  Files are looked at ten times a second: their change takes
 * effect within a second, at a transaction's start.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine_internal.h"
#include "load_release.h"
#include "nba/base/assert.h"
#include "nba/base/file.h"
#include "nba/base/kill_point.h"
#include "nba/base/log.h"
#include "nba/release/shelf.h"

#define POLL_MS          100                /* and so often files are looked at */
#define AGAIN_US         ((int64_t)5000000) /* until an unreadable release is tried again */
#define PATH_BYTES_MAX   4096u
#define POLICY_BYTES_MAX NBA_YAML_BYTES_MAX

static void refuse(struct nba_engine *engine, const char *what, const char *stays,
                   const struct nba_error *error)
{
    nba_counter_add(engine->side_inputs_refused, 1);
    nba_log(NBA_LOG_ERROR, what, "stays=%s reason=\"%s\"", stays, error->message);
}

/* The policy in force is kept by its hash, so that what the journal names can be found later. */
static enum nba_status archive_policy(const struct nba_engine *engine,
                                      const struct nba_policy *policy, struct nba_error *error)
{
    const struct nba_config *config = engine->options.config;
    const struct nba_str hash = nba_policy_head(policy)->hash;
    char path[PATH_BYTES_MAX];
    struct nba_buf bytes;
    (void)snprintf(path, sizeof(path), "%s/policies", config->state.dir);
    enum nba_status status = nba_file_make_dirs(path, error);
    if (status != NBA_OK) {
        return status;
    }
    (void)snprintf(path, sizeof(path), "%s/policies/%.*s.yaml", config->state.dir,
                   NBA_STR_ARG(hash));
    if (nba_file_exists(path)) {
        return NBA_OK;
    }
    nba_buf_init(&bytes, POLICY_BYTES_MAX);
    status = nba_file_read(config->policy_file, &bytes, error);
    if (status == NBA_OK) {
        status = nba_file_write(path, nba_buf_str(&bytes), error);
    }
    nba_buf_clear(&bytes);
    return status;
}

static enum nba_status load_policy(struct nba_engine *engine, struct nba_error *error)
{
    struct nba_policy *policy = NULL;
    enum nba_status status = nba_policy_load(engine->options.config->policy_file, &policy, error);
    if (status == NBA_OK) {
        status = archive_policy(engine, policy, error);
    }
    if (status == NBA_OK) {
        nba_side_inputs_set_policy(engine->side_inputs, policy);
        nba_log(NBA_LOG_INFO, "policy", "version=\"%.*s\" hash=%.12s",
                NBA_STR_ARG(nba_policy_head(policy)->version), nba_policy_head(policy)->hash.data);
    }
    nba_policy_unref(policy);
    return status;
}

/* An empty id: none. */
static enum nba_status adopt(struct nba_engine *engine, enum nba_role role, const char *id,
                             struct nba_error *error)
{
    struct nba_release *release = NULL;
    const enum nba_status status =
        id[0] != '\0' ? nba_load_release(engine->options.config, id, &release, error) : NBA_OK;
    if (status == NBA_OK) {
        if (role == NBA_ROLE_CHAMPION) {
            NBA_KILL_POINT(in_swap);
        }
        nba_side_inputs_set_release(engine->side_inputs, role, release);
        nba_log(NBA_LOG_INFO, "release", "%s=%.12s contents=%u",
                role == NBA_ROLE_CHAMPION ? "champion" : "challenger", id[0] != '\0' ? id : "none",
                release != NULL ? nba_release_parts(release)->content_count : 0);
    }
    nba_release_unref(release);
    return status;
}

/* No champion chosen is no failure: popularity scores until there is one.  A bad one is refused
 * once, not ten times a second; one that can't be read now is asked for again.  A challenger may
 * also go. */
static enum nba_status load_model(struct nba_engine *engine, enum nba_role role,
                                  struct nba_error *error)
{
    char id[NBA_RELEASE_ID_BYTES] = "unreadable";
    const char *dir = engine->options.config->release_dir;
    enum nba_status status = role == NBA_ROLE_CHAMPION ? nba_shelf_champion(dir, id, error)
                                                       : nba_shelf_challenger(dir, id, error);
    const int64_t now_us = nba_clock_monotonic_us(engine->options.clock);
    if (status == NBA_E_NOT_FOUND) {
        if (role == NBA_ROLE_CHAMPION) {
            return NBA_OK;
        }
        id[0] = '\0';
        status = NBA_OK;
    }
    if (strcmp(id, engine->roles[role].seen) == 0 || now_us < engine->roles[role].again_us) {
        return NBA_OK;
    }
    const enum nba_status adopted = status == NBA_OK ? adopt(engine, role, id, error) : status;
    const bool passing =
        adopted == NBA_E_IO || adopted == NBA_E_NOT_FOUND || adopted == NBA_E_NO_MEMORY;
    engine->roles[role].again_us = passing ? now_us + AGAIN_US : 0;
    if (!passing) {
        memcpy(engine->roles[role].seen, id, sizeof(id));
    }
    return adopted;
}

/* Where nothing is in force yet, there is no old one to stay: the champion before serves, and no
 * challenger. */
static enum nba_status load_first(struct nba_engine *engine, struct nba_error *error)
{
    char former[NBA_RELEASE_ID_BYTES];
    if (load_model(engine, NBA_ROLE_CHALLENGER, error) != NBA_OK) {
        refuse(engine, "release_refused", "none", error);
    }
    const enum nba_status status = load_model(engine, NBA_ROLE_CHAMPION, error);
    if (status == NBA_OK ||
        nba_shelf_former(engine->options.config->release_dir, former, NULL) != NBA_OK) {
        return status;
    }
    refuse(engine, "release_refused", "former", error);
    return adopt(engine, NBA_ROLE_CHAMPION, former, error);
}

/* Asked before the file is read, so that an edit meanwhile is seen the next time. */
static bool policy_file_changed(struct nba_engine *engine)
{
    struct stat info;
    if (stat(engine->options.config->policy_file, &info) != 0) {
        return false;
    }
    const bool changed = engine->policy_bytes != info.st_size ||
                         engine->policy_time.tv_sec != info.st_mtim.tv_sec ||
                         engine->policy_time.tv_nsec != info.st_mtim.tv_nsec;
    engine->policy_time = info.st_mtim;
    engine->policy_bytes = info.st_size;
    return changed;
}

static void backup_paths(const struct nba_engine *engine, char request[PATH_BYTES_MAX],
                         char taken[PATH_BYTES_MAX])
{
    const char *dir = engine->options.config->state.dir;
    (void)snprintf(request, PATH_BYTES_MAX, "%s/" NBA_ENGINE_BACKUP_REQUEST, dir);
    (void)snprintf(taken, PATH_BYTES_MAX, "%s/" NBA_ENGINE_BACKUP_TAKEN, dir);
}

/* Of one that died or gave up, whose asker waits no more. */
static void drop_old_backup_request(const struct nba_engine *engine)
{
    char request[PATH_BYTES_MAX];
    char taken[PATH_BYTES_MAX];
    backup_paths(engine, request, taken);
    (void)remove(request);
    (void)remove(taken);
}

/* Between two writes, by hard links: the workers hardly notice.  On another disk it copies, which
 * may take long: the request is renamed first, so that the asker knows. */
static void look_for_backup(struct nba_engine *engine)
{
    char request[PATH_BYTES_MAX];
    char path[PATH_BYTES_MAX];
    struct nba_buf folder;
    struct nba_error error = {0};
    backup_paths(engine, request, path);
    if (rename(request, path) != 0) {
        return; /* mostly: nobody asked */
    }
    nba_buf_init(&folder, PATH_BYTES_MAX);
    enum nba_status status = nba_file_read(path, &folder, &error);
    nba_buf_append_byte(&folder, 0);
    (void)pthread_mutex_lock(&engine->parking.lock); /* nobody opens the store anew meanwhile */
    if (status == NBA_OK) {
        status = engine->store != NULL
                     ? nba_state_store_checkpoint(engine->store, (const char *)folder.data, &error)
                     : nba_error_set(&error, NBA_E_BUSY, "the store is being opened anew");
    }
    (void)pthread_mutex_unlock(&engine->parking.lock);
    if (status == NBA_OK) {
        nba_log(NBA_LOG_INFO, "backup", "folder=\"%s\"", (const char *)folder.data);
    } else {
        nba_log(NBA_LOG_ERROR, "backup_failed", "reason=\"%s\"", error.message);
    }
    nba_buf_clear(&folder);
    (void)remove(path);
}

static void look_at_files(struct nba_engine *engine)
{
    struct nba_error error = {0};
    if (policy_file_changed(engine) && load_policy(engine, &error) != NBA_OK) {
        refuse(engine, "policy_refused", "old", &error);
    }
    for (int role = 0; role < NBA_ROLE_COUNT; role++) {
        if (load_model(engine, (enum nba_role)role, &error) != NBA_OK) {
            refuse(engine, "release_refused", "old", &error);
        }
    }
    look_for_backup(engine);
    (void)pthread_mutex_lock(&engine->parking.lock);
    nba_engine_compact_store(engine);
    nba_budget_look(&engine->budget, engine->store, engine->options.stream);
    (void)pthread_mutex_unlock(&engine->parking.lock);
}

/* The reps' capacity is of our own transactions: one that a killed instance left open is not waited
 * for, since only this one's producers end it.  And where the topic ends matters to nobody. */
static const struct {
    size_t name;                  /* where the configuration has it */
    enum nba_isolation isolation; /* of the mark to be reached before the first event */
    enum nba_status (*take)(struct nba_side_inputs *inputs, const struct nba_record *record,
                            struct nba_error *error);
    void (*read)(struct nba_side_inputs *inputs, int64_t next);
} side_topics[NBA_ENGINE_SIDE_TOPICS] = {
    {offsetof(struct nba_config_topics, catalog), NBA_READ_UNCOMMITTED, nba_side_inputs_catalog,
     nba_side_inputs_catalog_read},
    {offsetof(struct nba_config_topics, control), NBA_READ_UNCOMMITTED, nba_side_inputs_control,
     nba_side_inputs_control_read},
    {offsetof(struct nba_config_topics, rep_capacity), NBA_READ_COMMITTED, nba_side_inputs_capacity,
     NULL},
};

static const char *name_of(const struct nba_config_topics *topics, unsigned topic)
{
    const char *name = NULL;
    NBA_ASSERT(topic < NBA_ENGINE_SIDE_TOPICS);
    memcpy(&name, (const char *)topics + side_topics[topic].name, sizeof(name));
    return name;
}

/* One poll of the side topics; *ret_got tells whether to come again at once. */
static enum nba_status follow(struct nba_engine *engine, int timeout_ms, bool *ret_got,
                              struct nba_error *error)
{
    const struct nba_config_topics *topics = &engine->options.config->topics;
    enum nba_poll what = NBA_POLL_NONE;
    struct nba_record record = {0};
    *ret_got = false;
    enum nba_status status =
        nba_reader_poll(engine->side_reader, timeout_ms, &what, &record, error);
    if (status != NBA_OK || what == NBA_POLL_NONE) {
        return status == NBA_E_UNAVAILABLE || status == NBA_E_TIMEOUT ? NBA_OK : status;
    }
    *ret_got = true;
    unsigned topic = 0;
    while (!nba_str_is(record.topic, name_of(topics, topic))) {
        topic++;
    }
    if (what == NBA_POLL_END) {
        int64_t *high = &engine->side_high[topic];
        if (side_topics[topic].read != NULL) {
            side_topics[topic].read(engine->side_inputs, record.offset);
        }
        *high = record.offset >= *high ? 0 : *high;
    } else {
        struct nba_error refused = {0};
        status = side_topics[topic].take(engine->side_inputs, &record, &refused);
        if (nba_status_class(status) == NBA_CLASS_SKIP || status == NBA_E_EXISTS) {
            nba_counter_add(engine->side_inputs_refused, 1);
            nba_log(NBA_LOG_WARN, "side_record_refused", "topic=%.*s offset=%lld reason=\"%s\"",
                    NBA_STR_ARG(record.topic), (long long)record.offset, refused.message);
            status = NBA_OK;
        } else if (status != NBA_OK) {
            *error = refused;
        }
    }
    nba_record_release(&record);
    return status;
}

static bool is_behind(const struct nba_engine *engine)
{
    bool behind = false;
    for (unsigned i = 0; i < NBA_ENGINE_SIDE_TOPICS; i++) {
        behind = behind || engine->side_high[i] != 0;
    }
    return behind;
}

/* Reads the side topics to their ends. */
static enum nba_status read_to_the_ends(struct nba_engine *engine, struct nba_error *error)
{
    const struct nba_config_topics *topics = &engine->options.config->topics;
    struct nba_position positions[NBA_ENGINE_SIDE_TOPICS];
    enum nba_status status =
        nba_reader_create(engine->options.stream, NBA_READ_COMMITTED, &engine->side_reader, error);
    for (unsigned i = 0; status == NBA_OK && i < NBA_ENGINE_SIDE_TOPICS; i++) {
        positions[i] = (struct nba_position){name_of(topics, i), 0, 0};
        status = nba_stream_watermarks(engine->options.stream, positions[i].topic, 0,
                                       side_topics[i].isolation, &positions[i].offset,
                                       &engine->side_high[i], error);
    }
    if (status == NBA_OK) {
        status = nba_reader_assign(engine->side_reader, positions, NBA_ENGINE_SIDE_TOPICS, error);
    }
    while (status == NBA_OK && is_behind(engine)) {
        bool got = false;
        if (atomic_load(&engine->stopping)) {
            return nba_error_set(error, NBA_E_INTERRUPTED, "stopped while reading the catalogue");
        }
        status = follow(engine, POLL_MS, &got, error);
    }
    return status;
}

static void *follower_main(void *context)
{
    struct nba_engine *engine = context;
    const struct nba_clock *clock = engine->options.clock;
    struct nba_error error = {0};
    const int idle_ms = engine->options.idle_ms != 0 ? engine->options.idle_ms : POLL_MS;
    int64_t files_next_us = nba_clock_monotonic_us(clock) + idle_ms * INT64_C(1000);
    drop_old_backup_request(engine);
    while (!atomic_load(&engine->stopping)) {
        bool got = false;
        if (follow(engine, idle_ms, &got, &error) != NBA_OK) {
            nba_engine_fail(engine, &error);
            break;
        }
        if (nba_clock_monotonic_us(clock) >= files_next_us) {
            look_at_files(engine);
            (void)atomic_fetch_add(&engine->looks, !got ? 1 : 0);
            files_next_us = nba_clock_monotonic_us(clock) + idle_ms * INT64_C(1000);
        }
    }
    return NULL;
}

enum nba_status nba_follower_start(struct nba_engine *engine, struct nba_error *error)
{
    engine->side_inputs_refused = nba_metrics_counter(
        engine->options.metrics, "nba_side_inputs_refused_total",
        "Releases, policies, catalogue and control records that could not be used.", NULL, 0);
    (void)policy_file_changed(engine);
    enum nba_status status = load_policy(engine, error);
    if (status == NBA_OK) {
        status = load_first(engine, error);
    }
    if (status == NBA_OK) {
        status = read_to_the_ends(engine, error);
    }
    if (status == NBA_OK) {
        engine->follower_started =
            pthread_create(&engine->follower, NULL, follower_main, engine) == 0;
        if (!engine->follower_started) {
            status = nba_error_set(error, NBA_E_NO_MEMORY, "cannot start a thread");
        }
    }
    return status;
}

void nba_follower_stop(struct nba_engine *engine)
{
    if (engine->follower_started) {
        (void)pthread_join(engine->follower, NULL);
        engine->follower_started = false;
    }
    nba_reader_destroy(engine->side_reader);
    engine->side_reader = NULL;
}
