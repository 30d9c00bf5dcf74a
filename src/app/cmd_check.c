/* nba check: everything a run would refuse, found before it runs, and what can't be meant. */
#include <stdarg.h>
#include <stdio.h>

#include "nba/app/command.h"
#include "nba/base/clock.h"
#include "nba/catalog/catalog.h"
#include "nba/codec/json.h"
#include "nba/policy/policy.h"
#include "side_loader.h"

static struct {
    const char *catalog;
    bool topics;
    bool strict;
} args;

static const struct nba_option options[] = {
    NBA_OPTION_TEXT(&args.catalog, "catalog", "FILE",
                    "JSON lines of catalogue records: checked, and policy and model against them"),
    NBA_OPTION_FLAG(&args.topics, "topics", "the same with the catalogue topic of the log"),
    NBA_OPTION_FLAG(&args.strict, "strict", "exit 1 for warnings too"),
    {0},
};

struct checking {
    struct nba_workplace *place;
    struct nba_catalog_builder *builder;
    struct nba_catalog *catalog;
    unsigned failures;
    unsigned warnings;
    bool unusable; /* some failure was one of configuration */
};

NBA_PRINTF(3, 4)
static void say(struct checking *c, const struct nba_error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)printf("%s  ", error->status == NBA_OK ? "ok  " : "FAIL");
    (void)vprintf(format, arguments);
    (void)printf("\n");
    va_end(arguments);
    if (error->status != NBA_OK) {
        c->failures++;
        c->unusable = c->unusable || error->status == NBA_E_CONFIG || error->status == NBA_E_USAGE;
        (void)fprintf(stderr, "nba: %s\n", error->message);
    }
}

static enum nba_status apply_line(void *context, struct nba_str line, struct nba_error *error)
{
    struct checking *c = context;
    struct nba_reference reference;
    nba_arena_reset(&c->place->arena);
    const bool done = nba_json_parse_reference(c->place->decoder, line, &c->place->arena,
                                               &reference, error) == NBA_OK &&
                      nba_catalog_builder_apply(c->builder, &reference, error) == NBA_OK;
    return nba_outcome(done, error);
}

/* As the engine reads the topic; what it passes over is a failure here. */
static enum nba_status apply_record(void *context, const struct nba_record *record,
                                    struct nba_error *error)
{
    struct checking *c = context;
    struct nba_reference reference;
    if (record->value_null) {
        (void)nba_catalog_builder_remove(c->builder, record->key);
        return NBA_OK;
    }
    nba_arena_reset(&c->place->arena);
    const bool done = nba_decode_reference(c->place->decoder, record->value, &c->place->arena,
                                           &reference, error) == NBA_OK &&
                      nba_catalog_builder_apply(c->builder, &reference, error) == NBA_OK;
    return done ? NBA_OK
                : nba_error_prefix(error, "%.*s/%d/%lld", NBA_STR_ARG(record->topic),
                                   (int)record->partition, (long long)record->offset);
}

static void check_catalog(struct checking *c, const char *name)
{
    struct nba_error error = {NBA_OK, ""};
    c->builder = nba_catalog_builder_create();
    const bool read =
        args.catalog != NULL
            ? nba_walk_lines(args.catalog, apply_line, c, &error) == NBA_OK
            : nba_workplace_open(c->place, NBA_LOCAL_READER, &error) == NBA_OK &&
                  nba_walk_topic(c->place->stream, name, apply_record, c, &error) == NBA_OK;
    if (read && nba_catalog_builder_build(c->builder, &c->catalog, &error) == NBA_OK) {
        say(c, &error, "catalogue %s: %u contents, %u candidates", name,
            (unsigned)c->catalog->content_count, (unsigned)c->catalog->candidate_count);
    } else {
        say(c, &error, "catalogue %s", name);
    }
    nba_catalog_builder_destroy(c->builder);
}

static void remark(void *context, bool warning, const char *text)
{
    struct checking *c = context;
    c->warnings += warning;
    (void)printf("%s  %s\n", warning ? "warn" : "note", text);
}

static void check_policy(struct checking *c)
{
    const char *path = c->place->config.policy_file;
    struct nba_error error = {NBA_OK, ""};
    struct nba_policy *policy = NULL;
    if (nba_policy_load(path, &policy, &error) == NBA_OK) {
        say(c, &error, "policy %s, version %.*s", path,
            NBA_STR_ARG(nba_policy_head(policy)->version));
        nba_policy_look_over(policy, c->catalog, nba_clock_wall_ms(&nba_clock_system), remark, c);
    } else {
        say(c, &error, "policy %s", path);
    }
    nba_policy_unref(policy);
}

/* The champion, verified as the engine does, and what it knows of the catalogue. */
static void check_model(struct checking *c)
{
    struct nba_error error = {NBA_OK, ""};
    struct nba_release *release = NULL;
    const struct nba_catalog *catalog = c->catalog;
    const char *dir = c->place->config.release_dir;
    if (nba_open_release(&c->place->config, NULL, nba_kernels_best(), &release, &error) != NBA_OK) {
        say(c, &error, "model in %s", dir);
        return;
    }
    error = (struct nba_error){NBA_OK, ""};
    if (release == NULL) {
        say(c, &error, "model: none is champion in %s, popularity ranks", dir);
        return;
    }
    const uint32_t known = nba_release_parts(release)->content_count;
    say(c, &error, "model in %s: %u contents", dir, (unsigned)known);
    uint32_t unknown = 0;
    for (uint32_t k = 0; catalog != NULL && k < catalog->content_count; k++) {
        unknown += nba_release_content_find(release, catalog->contents[k].content_id) ==
                   NBA_RELEASE_UNKNOWN;
    }
    if (unknown != 0) {
        char text[160];
        (void)snprintf(text, sizeof(text),
                       "model: %u of the catalogue's %u contents are newer than it: train again",
                       (unsigned)unknown, (unsigned)catalog->content_count);
        remark(c, true, text);
    }
    nba_release_unref(release);
}

static enum nba_status run(struct nba_workplace *place, struct nba_error *error)
{
    struct checking c = {.place = place};
    struct nba_error found = {NBA_OK, ""};
    say(&c, &found, "configuration");
    found.status = nba_workplace_load_schemas(place, &found);
    say(&c, &found, "schemas %s", place->config.schemas_dir);
    if ((args.catalog != NULL || args.topics) && found.status == NBA_OK) {
        check_catalog(&c, args.catalog != NULL ? args.catalog : place->config.topics.catalog);
    }
    check_policy(&c);
    check_model(&c);
    (void)printf("%u wrong, %u warnings\n", c.failures, c.warnings);
    nba_catalog_unref(c.catalog);
    place->failure_told = true;
    error->status = c.failures == 0 ? NBA_OK : c.unusable ? NBA_E_CONFIG : NBA_E_IO;
    if (args.strict && c.failures == 0 && c.warnings != 0) {
        error->status = NBA_E_IO;
    }
    return error->status;
}

const struct nba_command nba_command_check = {
    .name = "check",
    .summary = "check configuration, schemas, catalogue, policy and model before they are used",
    .about =
        "Every mistake is told as file:line:column: key: what was expected. Warnings are about\n"
        "what is allowed but can't be meant: a rule that no candidate of the catalogue reaches,\n"
        "conditions that can't hold, an end that is past, a market without a consent model. With\n"
        "--strict they fail the check (exit 1).",
    .examples = "nba check\n"
                "nba check --config config/nba.yaml --set policy.file=config/policy-basic.yaml\n"
                "nba check --catalog contents.jsonl --strict\n"
                "nba check --topics --log var/log",
    .options = options,
    .run = run,
};
