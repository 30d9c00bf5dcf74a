/* nba test: scenario files, run against the engine on an embedded log of their own. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "nba/app/command.h"
#include "nba/base/memory.h"
#include "nba/scenario/scenario.h"

static struct {
    bool verbose, crash;
    const char *only;
} args;

static const struct nba_option options[] = {
    NBA_OPTION_FLAG(&args.verbose, "verbose", "tell what came out of every step"),
    NBA_OPTION_FLAG(&args.crash, "crash",
                    "and again for each kill point, dying there in every step: the outputs and the "
                    "state must be the same (a build with kill points)"),
    NBA_OPTION_TEXT(&args.only, "only", "NAME", "run the scenario of this name alone"),
    {0},
};

struct tally {
    unsigned passed, failed, skipped;
    bool broken; /* a file could not be read */
};

struct paths {
    char **items;
    size_t count, capacity;
};

static enum nba_status create_topics(const struct nba_config *config, struct nba_stream *stream,
                                     struct nba_error *error)
{
    static struct nba_topic_table table;
    size_t created = 0;
    nba_topic_table_init(&table, config);
    return nba_topic_table_create(&table, stream, &created, error);
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_path(struct paths *paths, const char *path)
{
    paths->items =
        nba_room((void *)paths->items, paths->count, &paths->capacity, sizeof(*paths->items));
    paths->items[paths->count++] = nba_copy(path);
}

/* Policies stand beside the scenarios that name them; `nba test folder/a*.yaml` passes them over */
static bool is_policy(const char *path)
{
    static const char key[] = "policy_version:";
    char line[256];
    bool found = false;
    bool named = false;
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        found = found || strncmp(line, key, sizeof(key) - 1) == 0;
        named = named || strncmp(line, "name:", 5) == 0;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return found && !named;
}

static enum nba_status add_folder(struct paths *paths, const char *folder, struct nba_error *error)
{
    const size_t first = paths->count;
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        return nba_error_set(error, NBA_E_USAGE, "cannot open the folder '%s'", folder);
    }
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char path[NBA_PATH_BYTES_MAX];
        const size_t bytes = strlen(entry->d_name);
        (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (bytes > 5 && strcmp(entry->d_name + bytes - 5, ".yaml") == 0 && !is_policy(path)) {
            add_path(paths, path);
        }
    }
    (void)closedir(dir);
    if (paths->count == first) {
        return nba_error_set(error, NBA_E_USAGE, "no scenario file in '%s'", folder);
    }
    qsort((void *)(paths->items + first), paths->count - first, sizeof(*paths->items),
          compare_paths);
    return NBA_OK;
}

static enum nba_status add_operand(struct paths *paths, const char *path, struct nba_error *error)
{
    struct stat info;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        return add_folder(paths, path, error);
    }
    if (!is_policy(path)) {
        add_path(paths, path);
    }
    return NBA_OK;
}

static void count(struct tally *tally, enum nba_scenario_verdict verdict)
{
    tally->passed += verdict == NBA_SCENARIO_PASSED ? 1 : 0;
    tally->failed += verdict == NBA_SCENARIO_FAILED ? 1 : 0;
    tally->skipped += verdict == NBA_SCENARIO_SKIPPED ? 1 : 0;
}

static enum nba_status test_file(struct nba_workplace *place,
                                 const struct nba_scenario_options *scenario_options,
                                 const char *path, struct tally *tally, struct nba_error *error)
{
    static const char *const words[] = {"ok  ", "FAIL", "skip"};
    struct nba_scenarios *scenarios = NULL;
    enum nba_status status = nba_scenarios_load(path, &scenarios, error);
    if (status == NBA_E_CONFIG) {
        nba_buf_printf(&place->out, "ERROR %s\n", error->message);
        tally->broken = true;
        return NBA_OK;
    }
    for (size_t i = 0; status == NBA_OK && i < nba_scenarios_count(scenarios); i++) {
        enum nba_scenario_verdict verdict = NBA_SCENARIO_FAILED;
        struct nba_buf report;
        const struct nba_str name = nba_scenarios_name(scenarios, i);
        if (args.only != NULL && !nba_str_is(name, args.only)) {
            continue;
        }
        nba_buf_init(&report, NBA_ANSWER_BYTES_MAX);
        status = nba_scenarios_run(scenarios, i, scenario_options, &verdict, &report, error);
        if (status == NBA_OK) {
            nba_buf_printf(&place->out, "%s %s %.*s\n", words[verdict], path, NBA_STR_ARG(name));
            nba_buf_append_str(&place->out, nba_buf_str(&report));
            count(tally, verdict);
            status = nba_workplace_flush(place, error);
        }
        nba_buf_clear(&report);
    }
    nba_scenarios_destroy(scenarios);
    return status;
}

static enum nba_status test_all(struct nba_workplace *place, const struct paths *paths,
                                struct nba_error *error)
{
    struct tally tally = {0};
    const struct nba_scenario_options scenario_options = {.schemas = place->schemas,
                                                          .create_topics = create_topics,
                                                          .folder = place->temporary,
                                                          .verbose = args.verbose,
                                                          .crash = args.crash};
    enum nba_status status = NBA_OK;
    for (size_t i = 0; status == NBA_OK && i < paths->count; i++) {
        status = test_file(place, &scenario_options, paths->items[i], &tally, error);
    }
    if (status != NBA_OK) {
        return status;
    }
    if (!tally.broken && tally.passed + tally.failed + tally.skipped == 0) {
        return nba_error_set(error, NBA_E_USAGE, "no scenario%s%s to run",
                             args.only != NULL ? " of the name " : "",
                             args.only != NULL ? args.only : "");
    }
    nba_buf_printf(&place->out, "%u passed, %u failed, %u skipped\n", tally.passed, tally.failed,
                   tally.skipped);
    place->failure_told = tally.broken || tally.failed != 0;
    return tally.broken        ? nba_error_set(error, NBA_E_CONFIG, "a file could not be read")
           : tally.failed != 0 ? nba_error_set(error, NBA_E_SHAPE, "scenarios failed")
                               : NBA_OK;
}

static enum nba_status run(struct nba_workplace *place, struct nba_error *error)
{
    struct paths paths = {NULL, 0, 0};
    enum nba_status status = nba_workplace_load_schemas(place, error);
    for (size_t i = 0; status == NBA_OK && i < place->operands.count; i++) {
        status = add_operand(&paths, place->operands.items[i], error);
    }
    status = status == NBA_OK ? nba_workplace_make_temporary(place, error) : status;
    status = status == NBA_OK ? test_all(place, &paths, error) : status;
    for (size_t i = 0; i < paths.count; i++) {
        free(paths.items[i]);
    }
    free((void *)paths.items);
    return status;
}

const struct nba_command nba_command_test = {
    .name = "test",
    .summary = "policy tests: scenario files, run against the engine",
    .operands = "PATH...",
    .about =
        "Runs each scenario of the files (of a folder: of its .yaml files; policies among them "
        "are\n"
        "passed over) on an embedded log, store and engine of its own in a temporary folder, and\n"
        "compares what came out with what the scenario expects. A difference is told with every\n"
        "candidate, its reason and rule. No broker, no model: propensities come from the table in\n"
        "the file. docs/SCENARIOS.md is the format. Ends with 0 when all passed, 1 when one\n"
        "failed, 2 when a file could not be read: its place and what was expected are told.",
    .examples = "nba test tests/scenarios\n"
                "nba test my-policy-tests.yaml --verbose\n"
                "nba test tests/scenarios/a2-consent.yaml --only A2b\n"
                "nba test tests/scenarios --crash",
    .options = options,
    .operands_min = 1,
    .operands_max = NBA_OPERANDS_MAX,
    .run = run,
};
