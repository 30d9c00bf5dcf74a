/* nba reset: lets state be built again, from the changelog or from the beginning. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "nba/app/command.h"
#include "nba/engine/engine.h"
#include "state_view.h"

#define PATH_BYTES_MAX 4096u

enum target { TO_CHANGELOG, TO_START };

static const char *const targets[] = {"changelog", "start", NULL};

static struct {
    int to; /* enum target; -1: not said */
    int64_t partition;
    bool yes;
} args = {.to = -1, .partition = -1};

static const struct nba_option options[] = {
    NBA_OPTION_INTEGER(&args.partition, "partition", "N", 0, 1023,
                       "changelog: this partition alone (default: all)"),
    NBA_OPTION_WORD(&args.to, "to", "WHAT", targets,
                    "changelog: forget the local state, it is restored from the changelog; "
                    "start: forget all state, the input is read from its beginning again"),
    NBA_OPTION_FLAG(&args.yes, "yes", "do it (default: say what would be done)"),
    {0},
};

static const char *would(void)
{
    return args.yes ? "" : "would ";
}

static enum nba_status drop_task(struct nba_state_store *store, struct nba_str topic,
                                 int32_t partition, struct nba_error *error)
{
    struct nba_task *task = NULL;
    const enum nba_status status = nba_task_open(store, topic, partition, 0, &task, error);
    return status == NBA_OK ? nba_task_destroy(task, error) : status;
}

static enum nba_status drop_local_state(struct nba_workplace *place, struct nba_error *error)
{
    static struct nba_state_view view;
    const struct nba_str topic = nba_str_of(place->config.topics.engagement);
    enum nba_status status = nba_state_view_open(&place->config, true, &view, error);
    for (size_t i = 0; status == NBA_OK && i < view.partition_count; i++) {
        const int32_t partition = view.partitions[i];
        if (args.partition >= 0 && partition != (int32_t)args.partition) {
            continue;
        }
        nba_buf_printf(&place->out, "%sforget local state of %.*s partition %d\n", would(),
                       NBA_STR_ARG(topic), (int)partition);
        if (args.yes) {
            status = drop_task(view.store, topic, partition, error);
        }
    }
    nba_state_view_close(&view);
    return args.to == TO_START && status == NBA_E_NOT_FOUND ? NBA_OK : status;
}

/* None can't be set; 0 and no state mean the same.  With static membership an instance that stopped
 * just now is in its group until the session time-out (6 s). */
static enum nba_status forget_offset(const struct nba_workplace *place, const struct nba_span *span,
                                     struct nba_error *error)
{
    const char *group = place->config.application_id;
    const struct timespec pause = {0, 500000000};
    enum nba_status status = NBA_E_BUSY;
    for (int tries = 0; status == NBA_E_BUSY && tries < 20; tries++) {
        if (tries != 0) {
            (void)nanosleep(&pause, NULL);
        }
        status =
            nba_stream_group_reset(place->stream, group, span->topic, span->partition, 0, error);
    }
    return status == NBA_E_BUSY
               ? nba_error_set(error, status, "group '%s' has members: stop its instances", group)
               : status;
}

/* First, because a group that has members refuses it. */
static enum nba_status drop_offsets(struct nba_workplace *place, struct nba_error *error)
{
    const char *group = place->config.application_id;
    struct nba_spans spans = {.count = 0};
    enum nba_status status = nba_spans_add(&spans, place->stream, place->config.topics.engagement,
                                           NBA_READ_COMMITTED, error);
    if (status == NBA_OK) {
        status = nba_spans_add(&spans, place->stream, place->config.topics.mailbox,
                               NBA_READ_COMMITTED, error);
    }
    for (size_t i = 0; status == NBA_OK && i < spans.count; i++) {
        const struct nba_span *span = &spans.items[i];
        int64_t committed = -1;
        status = nba_stream_group_committed(place->stream, group, span->topic, span->partition,
                                            &committed, error);
        if (status != NBA_OK || committed <= 0) {
            continue;
        }
        nba_buf_printf(&place->out, "%sforget offset %lld of group %s in %s partition %d\n",
                       would(), (long long)committed, group, span->topic, (int)span->partition);
        status = args.yes ? forget_offset(place, span, error) : NBA_OK;
    }
    free(spans.items);
    return status;
}

/* What the tasks keep between them: made anew, with the settings of `nba topics create`. */
static enum nba_status empty_topics(struct nba_workplace *place, struct nba_error *error)
{
    const char *const topics[] = {place->config.topics.changelog, place->config.topics.journal,
                                  place->config.topics.mailbox, place->config.topics.rep_capacity};
    enum nba_status status = NBA_OK;
    for (size_t i = 0; status == NBA_OK && i < NBA_ARRAY_COUNT(topics); i++) {
        struct nba_topic_spec spec = nba_topic_table_find(&place->topics, topics[i])->spec;
        status = nba_stream_topic_partitions(place->stream, topics[i], &spec.partitions, error);
        if (status != NBA_OK) {
            continue;
        }
        nba_buf_printf(&place->out, "%sempty %s\n", would(), topics[i]);
        if (args.yes) {
            status = nba_stream_topic_delete(place->stream, topics[i], error);
        }
        if (args.yes && status == NBA_OK) {
            status = nba_stream_topic_create(place->stream, &spec, error);
        }
    }
    return status;
}

static enum nba_status to_start(struct nba_workplace *place, struct nba_error *error)
{
    if (args.partition >= 0) {
        return nba_error_set(error, NBA_E_USAGE, "--partition: only with --to changelog");
    }
    const enum nba_local_mode mode = args.yes ? NBA_LOCAL_WRITER : NBA_LOCAL_READER;
    const bool done =
        nba_workplace_open(place, mode, error) == NBA_OK && drop_offsets(place, error) == NBA_OK &&
        empty_topics(place, error) == NBA_OK && drop_local_state(place, error) == NBA_OK;
    if (done && args.yes) { /* which records the engine crashed at: there are others now */
        char path[PATH_BYTES_MAX];
        (void)snprintf(path, sizeof(path), "%s/" NBA_ENGINE_CRASH_FILE, place->config.state.dir);
        (void)remove(path);
    }
    return nba_outcome(done, error);
}

static enum nba_status run(struct nba_workplace *place, struct nba_error *error)
{
    if (args.to < 0) {
        return nba_error_set(error, NBA_E_USAGE, "--to: expected changelog or start");
    }
    const enum nba_status status =
        args.to == TO_START ? to_start(place, error) : drop_local_state(place, error);
    if (status == NBA_OK && !args.yes) {
        nba_buf_printf(&place->out, "nothing was changed; --yes does it\n");
    }
    return status;
}

const struct nba_command nba_command_reset = {
    .name = "reset",
    .summary = "forget local state, or all state, so that it is built again",
    .about =
        "The instances must be stopped. --to changelog is for the day on which an instance\n"
        "refuses a partition because its local state and the group's committed offset disagree.\n"
        "Nothing is lost: the changelog topic holds the state, and the next start restores it.\n"
        "--to start forgets what the application remembers: the group's offsets, changelog,\n"
        "journal, mailbox and this machine's state. The next run reads the input from its "
        "beginning, or\n"
        "from its --from, and says all decisions again, with the same ids where the policy,\n"
        "catalogue and models are the same. What other topics have stays. State folders on other\n"
        "machines have to go too: nba reset --to changelog --yes there, before the next run.",
    .examples = "nba reset --to changelog\n"
                "nba reset --to changelog --partition 3 --yes\n"
                "nba reset --to start",
    .options = options,
    .run = run,
};
