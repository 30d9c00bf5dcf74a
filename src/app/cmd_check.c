/* nba check: everything a run would refuse, found before it runs. */
#include <stdarg.h>
#include <stdio.h>

#include "nba/app/command.h"
#include "nba/catalog/catalog.h"
#include "nba/codec/json.h"
#include "nba/policy/policy.h"

static struct {
    const char *catalog;
} args;

static const struct nba_option options[] = {
    NBA_OPTION_TEXT(&args.catalog, "catalog", "FILE",
                    "JSON lines of catalogue records: checked, and brands and topics of the policy "
                    "against them"),
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

static void check_catalog(struct checking *c)
{
    struct nba_error error = {NBA_OK, ""};
    c->builder = nba_catalog_builder_create();
    if (nba_walk_lines(args.catalog, apply_line, c, &error) == NBA_OK &&
        nba_catalog_builder_build(c->builder, &c->catalog, &error) == NBA_OK) {
        say(c, &error, "catalogue %s: %u contents, %u candidates", args.catalog,
            (unsigned)c->catalog->content_count, (unsigned)c->catalog->candidate_count);
    } else {
        say(c, &error, "catalogue %s", args.catalog);
    }
    nba_catalog_builder_destroy(c->builder);
}

static void warn(void *context, const char *warning)
{
    struct checking *c = context;
    c->warnings++;
    (void)printf("warn  %s\n", warning);
}

static void check_policy(struct checking *c)
{
    const char *path = c->place->config.policy_file;
    struct nba_error error = {NBA_OK, ""};
    struct nba_policy *policy = NULL;
    if (nba_policy_load(path, &policy, &error) == NBA_OK) {
        say(c, &error, "policy %s, version %.*s", path,
            NBA_STR_ARG(nba_policy_head(policy)->version));
    } else {
        say(c, &error, "policy %s", path);
    }
    if (policy != NULL && c->catalog != NULL) {
        nba_policy_warnings(policy, c->catalog, warn, c);
    }
    nba_policy_unref(policy);
}

static enum nba_status run(struct nba_workplace *place, struct nba_error *error)
{
    struct checking c = {.place = place};
    struct nba_error found = {NBA_OK, ""};
    say(&c, &found, "configuration");
    found.status = nba_workplace_load_schemas(place, &found);
    say(&c, &found, "schemas %s", place->config.schemas_dir);
    if (args.catalog != NULL && found.status == NBA_OK) {
        check_catalog(&c);
    }
    check_policy(&c);
    (void)printf("%u wrong, %u warnings\n", c.failures, c.warnings);
    nba_catalog_unref(c.catalog);
    place->failure_told = true;
    error->status = c.failures == 0 ? NBA_OK : c.unusable ? NBA_E_CONFIG : NBA_E_IO;
    return error->status;
}

const struct nba_command nba_command_check = {
    .name = "check",
    .summary = "check configuration, schemas, policy and catalogue before they are used",
    .about =
        "Every mistake is told as file:line:column: key: what was expected. Warnings are about\n"
        "what is allowed but probably not meant, such as a brand that no content has.",
    .examples = "nba check\n"
                "nba check --config config/nba.yaml --set policy.file=config/policy-basic.yaml\n"
                "nba check --catalog contents.jsonl",
    .options = options,
    .run = run,
};
