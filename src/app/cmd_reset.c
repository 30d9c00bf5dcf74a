/* nba reset: lets a partition's state be built again. */
#include <string.h>

#include "nba/app/command.h"
#include "nba/base/assert.h"
#include "state_view.h"

static struct {
    const char *to;
    int64_t partition;
    bool yes;
} args = {.to = "", .partition = -1};

static const struct nba_option options[] = {
    NBA_OPTION_INTEGER(&args.partition, "partition", "N", 0, 1023,
                       "this partition alone (default: all)"),
    NBA_OPTION_TEXT(&args.to, "to", "WHAT",
                    "changelog: forget the local state, it is restored from the changelog"),
    NBA_OPTION_FLAG(&args.yes, "yes", "do it (default: say what would be done)"),
    {0},
};

static enum nba_status drop_task(struct nba_state_store *store, const char *topic,
                                 int32_t partition, struct nba_error *error)
{
    struct nba_task *task = NULL;
    const enum nba_status status =
        nba_task_open(store, nba_str_of(topic), partition, 0, &task, error);
    return status == NBA_OK ? nba_task_destroy(task, error) : status;
}

static enum nba_status run(struct nba_workplace *place, struct nba_error *error)
{
    static struct nba_state_view view;
    const char *topic = place->config.topics.engagement;
    if (strcmp(args.to, "changelog") != 0) {
        return nba_error_set(error, NBA_E_USAGE, "--to: expected changelog");
    }
    NBA_ASSERT(topic != NULL);
    enum nba_status status = nba_state_view_open_writable(&place->config, &view, error);
    for (size_t i = 0; status == NBA_OK && i < view.partition_count; i++) {
        const int32_t partition = view.partitions[i];
        if (args.partition >= 0 && partition != (int32_t)args.partition) {
            continue;
        }
        nba_buf_printf(&place->out, "%s local state of %s partition %d\n",
                       args.yes ? "forgot" : "would forget", topic, (int)partition);
        if (args.yes) {
            status = drop_task(view.store, topic, partition, error);
        }
    }
    if (status == NBA_OK && !args.yes) {
        nba_buf_printf(&place->out, "nothing was changed; --yes does it\n");
    }
    nba_state_view_close(&view);
    return status;
}

const struct nba_command nba_command_reset = {
    .name = "reset",
    .summary = "forget local state, so that it is restored from the changelog",
    .about =
        "For the day on which an instance refuses a partition because its local state and the\n"
        "group's committed offset disagree. The instance must be stopped. Nothing is lost: the\n"
        "changelog topic holds the state, and the next start restores it.",
    .examples = "nba reset --to changelog\n"
                "nba reset --to changelog --partition 3 --yes",
    .options = options,
    .run = run,
};
