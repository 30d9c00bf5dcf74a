/* nba check: everything a run would refuse, found before it runs. */
#include <stdio.h>
#include <string.h>

#include "commands_internal.h"
#include "nba/app/line_reader.h"
#include "nba/app/workplace.h"
#include "nba/catalog/catalog.h"
#include "nba/codec/json.h"
#include "nba/policy/policy.h"

#define LINE_BYTES_MAX  (2u << 20)
#define ARENA_BYTES_MAX (64u << 20)

struct args {
    struct nba_common common;
    const char *catalog;
};

static const struct nba_option options[] = {
    NBA_COMMON_OPTIONS(struct args, common),
    NBA_OPTION_TEXT(struct args, catalog, "catalog", "FILE",
                    "JSON lines of catalogue records: checked, and brands and topics of the policy "
                    "against them"),
};

struct checking {
    struct nba_config config;
    struct nba_schemas *schemas;
    struct nba_catalog *catalog;
    unsigned failures;
    unsigned warnings;
    bool unusable; /* some failure was one of configuration */
};

static void say(struct checking *c, const char *what, enum nba_status status,
                const struct nba_error *error)
{
    if (status == NBA_OK) {
        (void)printf("ok    %s\n", what);
        return;
    }
    c->failures++;
    c->unusable = c->unusable || status == NBA_E_CONFIG || status == NBA_E_USAGE;
    (void)printf("FAIL  %s\n", what);
    (void)fprintf(stderr, "nba: %s\n", error->message);
}

static enum nba_status apply_line(struct nba_catalog_builder *builder, struct nba_decoder *decoder,
                                  struct nba_arena *arena, struct nba_str line,
                                  struct nba_error *error)
{
    struct nba_reference reference;
    nba_arena_reset(arena);
    enum nba_status status = nba_json_parse_reference(decoder, line, arena, &reference, error);
    if (status == NBA_OK) {
        status = nba_catalog_builder_apply(builder, &reference, error);
    }
    return status;
}

static enum nba_status read_catalog(struct checking *c, const char *path,
                                    struct nba_catalog_builder *builder, struct nba_error *error)
{
    struct nba_line_reader reader;
    struct nba_decoder *decoder = NULL;
    struct nba_arena arena;
    bool more = true;
    nba_arena_init(&arena, ARENA_BYTES_MAX);
    enum nba_status status = nba_line_reader_open(path, LINE_BYTES_MAX, &reader, error);
    if (status == NBA_OK) {
        status = nba_decoder_create(c->schemas, &decoder, error);
    }
    while (status == NBA_OK && more) {
        struct nba_str line;
        status = nba_line_reader_next(&reader, &line, &more, error);
        if (status == NBA_OK && more && line.bytes > 0) {
            status = apply_line(builder, decoder, &arena, line, error);
        }
        if (status != NBA_OK) {
            (void)nba_error_prefix(error, "%s:%llu", path, (unsigned long long)reader.number);
        }
    }
    if (status == NBA_OK) {
        status = nba_catalog_builder_build(builder, &c->catalog, error);
    }
    nba_decoder_destroy(decoder);
    nba_line_reader_close(&reader);
    nba_arena_clear(&arena);
    return status;
}

static void check_catalog(struct checking *c, const char *path)
{
    struct nba_error error = {NBA_OK, ""};
    struct nba_catalog_builder *builder = nba_catalog_builder_create();
    const enum nba_status status = builder != NULL
                                       ? read_catalog(c, path, builder, &error)
                                       : nba_error_set(&error, NBA_E_NO_MEMORY, "out of memory");
    char what[512];
    (void)snprintf(what, sizeof(what), "catalogue %s", path);
    if (status == NBA_OK) {
        (void)snprintf(what, sizeof(what), "catalogue %s: %u contents, %u candidates", path,
                       (unsigned)c->catalog->content_count, (unsigned)c->catalog->candidate_count);
    }
    say(c, what, status, &error);
    nba_catalog_builder_destroy(builder);
}

static void warn(void *context, const char *warning)
{
    struct checking *c = context;
    c->warnings++;
    (void)printf("warn  %s\n", warning);
}

static void check_policy(struct checking *c)
{
    struct nba_error error = {NBA_OK, ""};
    struct nba_policy *policy = NULL;
    char what[512];
    const enum nba_status status = nba_policy_load(c->config.policy_file, &policy, &error);
    (void)snprintf(what, sizeof(what), "policy %s", c->config.policy_file);
    if (status == NBA_OK) {
        const struct nba_str version = nba_policy_version(policy);
        (void)snprintf(what, sizeof(what), "policy %s, version %.*s", c->config.policy_file,
                       NBA_STR_ARG(version));
    }
    say(c, what, status, &error);
    if (policy != NULL && c->catalog != NULL) {
        nba_policy_warnings(policy, c->catalog, warn, c);
    }
    nba_policy_unref(policy);
}

static void check_schemas(struct checking *c)
{
    struct nba_error error = {NBA_OK, ""};
    char what[512];
    const enum nba_status status = nba_schemas_load(c->config.schemas_dir, &c->schemas, &error);
    (void)snprintf(what, sizeof(what), "schemas %s", c->config.schemas_dir);
    say(c, what, status, &error);
}

static int run(const struct nba_command *command, int argc, char **argv)
{
    struct args args = {.catalog = NULL};
    struct nba_operands operands;
    struct nba_error error = {NBA_OK, ""};
    struct checking c;
    int code = 0;
    if (!nba_command_parse(command, argc, argv, &args, &operands, &code)) {
        return code;
    }
    memset(&c, 0, sizeof(c));
    const enum nba_status status = nba_common_config(&args.common, &c.config, &error);
    if (status != NBA_OK) {
        return nba_command_fail(&error);
    }
    say(&c, "configuration", NBA_OK, &error);
    check_schemas(&c);
    if (args.catalog != NULL && c.schemas != NULL) {
        check_catalog(&c, args.catalog);
    }
    check_policy(&c);
    (void)printf("%u wrong, %u warnings\n", c.failures, c.warnings);
    nba_catalog_unref(c.catalog);
    nba_schemas_destroy(c.schemas);
    nba_config_clear(&c.config);
    return c.failures == 0 ? 0 : c.unusable ? 2 : 1;
}

const struct nba_command nba_command_check = {
    .name = "check",
    .summary = "check configuration, schemas, policy and catalogue before they are used",
    .operands = "",
    .about =
        "Every mistake is told as file:line:column: key: what was expected. Warnings are about\n"
        "what is allowed but probably not meant, such as a brand that no content has.",
    .examples = "nba check\n"
                "nba check --config config/nba.yaml --set policy.file=config/policy-basic.yaml\n"
                "nba check --catalog contents.jsonl",
    .options = options,
    .option_count = NBA_ARRAY_COUNT(options),
    .run = run,
};
