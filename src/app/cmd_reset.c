/* nba reset: lets a partition's state be built again. */
#include <stdio.h>
#include <string.h>

#include "commands_internal.h"
#include "nba/app/workplace.h"
#include "nba/base/file.h"
#include "nba/state/task.h"

#define PATH_BYTES_MAX 4096u

struct args {
    struct nba_common common;
    const char *to;
    int64_t partition;
    bool yes;
};

static const struct nba_option options[] = {
    NBA_COMMON_OPTIONS(struct args, common),
    NBA_OPTION_INTEGER(struct args, partition, "partition", "N", 0, 1023,
                       "this partition alone (default: all)"),
    NBA_OPTION_TEXT(struct args, to, "to", "WHAT",
                    "changelog: forget the local state, it is restored from the changelog"),
    NBA_OPTION_FLAG(struct args, yes, "yes", "do it (default: say what would be done)"),
};

static enum nba_status drop_task(struct nba_state_store *store, const struct nba_config *config,
                                 int32_t partition, struct nba_error *error)
{
    struct nba_task *task = NULL;
    const enum nba_status status =
        nba_task_open(store, nba_str_of(config->topics.engagement), partition, 0, &task, error);
    return status == NBA_OK ? nba_task_destroy(task, error) : status;
}

struct partitions {
    int32_t items[NBA_PARTITIONS_MAX];
    size_t count;
};

static void note(void *context, struct nba_str topic, int32_t partition)
{
    struct partitions *partitions = context;
    (void)topic;
    if (partitions->count < NBA_PARTITIONS_MAX) {
        partitions->items[partitions->count++] = partition;
    }
}

static enum nba_status reset(const struct args *args, const struct nba_config *config,
                             struct nba_error *error)
{
    static struct partitions partitions;
    char path[PATH_BYTES_MAX];
    struct nba_state_store *store = NULL;
    const struct nba_state_options state_options = {.create = false};
    (void)snprintf(path, sizeof(path), "%s/store", config->state.dir);
    enum nba_status status = nba_state_store_open(path, &state_options, &store, error);
    if (status == NBA_OK) {
        partitions.count = 0;
        nba_state_store_visit(store, note, &partitions);
    }
    for (size_t i = 0; status == NBA_OK && i < partitions.count; i++) {
        const int32_t partition = partitions.items[i];
        if (args->partition >= 0 && partition != (int32_t)args->partition) {
            continue;
        }
        (void)printf("%s local state of %s partition %d\n", args->yes ? "forgot" : "would forget",
                     config->topics.engagement, (int)partition);
        if (args->yes) {
            status = drop_task(store, config, partition, error);
        }
    }
    nba_state_store_close(store);
    return status;
}

static int run(const struct nba_command *command, int argc, char **argv)
{
    struct args args = {.partition = -1};
    struct nba_operands operands;
    struct nba_error error = {0};
    struct nba_config config;
    int code = 0;
    if (!nba_command_parse(command, argc, argv, &args, &operands, &code)) {
        return code;
    }
    if (args.to == NULL || strcmp(args.to, "changelog") != 0) {
        return nba_command_fail_with(NBA_E_USAGE, "--to: expected changelog");
    }
    enum nba_status status = nba_common_config(&args.common, &config, &error);
    if (status != NBA_OK) {
        return nba_command_fail(&error);
    }
    status = reset(&args, &config, &error);
    if (status == NBA_OK && !args.yes) {
        (void)printf("nothing was changed; --yes does it\n");
    }
    nba_config_clear(&config);
    return status == NBA_OK ? 0 : nba_command_fail(&error);
}

const struct nba_command nba_command_reset = {
    .name = "reset",
    .summary = "forget local state, so that it is restored from the changelog",
    .operands = "",
    .about =
        "For the day on which an instance refuses a partition because its local state and the\n"
        "group's committed offset disagree. The instance must be stopped. Nothing is lost: the\n"
        "changelog topic holds the state, and the next start restores it.",
    .examples = "nba reset --to changelog\n"
                "nba reset --to changelog --partition 3 --yes",
    .options = options,
    .option_count = NBA_ARRAY_COUNT(options),
    .run = run,
};
