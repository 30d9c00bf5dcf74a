/* The front: the table of commands, --help, --version, and the frame that every command runs in. */
#include "nba/app/command.h"

#include <stdio.h>
#include <string.h>

#include "nba/base/version.h"
#include "nba/config/yaml.h"

static const struct nba_command *const commands[] = {
#define NBA_X(name) &nba_command_##name,
    NBA_COMMAND_MAP(NBA_X)
#undef NBA_X
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void describe_program(struct nba_buf *buf)
{
    nba_buf_printf(buf,
                   "nba %s: a streaming next-best-action engine\n\n"
                   "usage: nba COMMAND [option...] [operand...]\n\ncommands:\n",
                   NBA_ENGINE_VERSION);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        nba_buf_printf(buf, "  %-12s%s\n", commands[i]->name, commands[i]->summary);
    }
    nba_buf_printf(buf,
                   "\n`nba COMMAND --help` shows a command's options and examples.\n"
                   "Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 `nba train`: the\n"
                   "release is worse than the champion and was not announced.\n");
}

static void describe_command(const struct nba_command *command, const struct nba_option_set *set,
                             struct nba_buf *buf)
{
    nba_buf_printf(buf, "nba %s: %s\n\nusage: nba %s [option...]%s%s\n\n%s\n\noptions:\n",
                   command->name, command->summary, command->name,
                   command->operands != NULL ? " " : "",
                   command->operands != NULL ? command->operands : "", command->about);
    nba_options_describe(set, buf);
    nba_buf_printf(buf, "\nexamples:\n");
    for (const char *text = command->examples; *text != '\0'; text += *text == '\n') {
        const size_t bytes = strcspn(text, "\n");
        nba_buf_printf(buf, "  %.*s\n", (int)bytes, text);
        text += bytes;
    }
}

/* Is `word` one of "create|list|delete [TOPIC...]", or is there no such choice? */
static bool is_choice(const char *operands, const char *word, size_t *ret_bytes)
{
    *ret_bytes = strcspn(operands, " ");
    const struct nba_str choices = nba_str(operands, *ret_bytes);
    if (operands[0] == '[' || memchr(operands, '|', choices.bytes) == NULL) {
        return true;
    }
    for (size_t at = 0; at < choices.bytes; at++) {
        const size_t bytes = strcspn(operands + at, "| ");
        if (nba_str_is(nba_str(operands + at, bytes), word)) {
            return true;
        }
        at += bytes;
    }
    return false;
}

static enum nba_status check_operands(const struct nba_command *command,
                                      const struct nba_operands *operands, struct nba_error *error)
{
    size_t bytes = 0;
    if (operands->count < command->operands_min) {
        return nba_error_set(error, NBA_E_USAGE, "expected %s", command->operands);
    }
    if (operands->count > command->operands_max) {
        return nba_error_set(error, NBA_E_USAGE, "'%s': one operand too many",
                             operands->items[command->operands_max]);
    }
    if (operands->count > 0 && !is_choice(command->operands, operands->items[0], &bytes)) {
        return nba_error_set(error, NBA_E_USAGE, "expected %.*s, got '%s'", (int)bytes,
                             command->operands, operands->items[0]);
    }
    return NBA_OK;
}

static enum nba_status run_parsed(const struct nba_command *command, struct nba_workplace *place,
                                  struct nba_error *error)
{
    enum nba_status status =
        command->makes_settings ? NBA_OK : nba_workplace_configure(place, error);
    status = status == NBA_OK ? command->run(place, error) : status;
    /* What was found before it failed is printed too; the first failure is the one told. */
    struct nba_error printing = {NBA_OK, ""};
    printing.status = nba_workplace_flush(place, &printing);
    if (status == NBA_OK) {
        *error = printing;
        status = printing.status;
    }
    return status;
}

static int tell(const struct nba_workplace *place, const struct nba_error *error)
{
    if (error->status != NBA_OK && !place->failure_told) {
        (void)fprintf(stderr, "nba: %s\n",
                      error->message[0] != '\0' ? error->message : nba_status_text(error->status));
    }
    return error->status == NBA_OK                                         ? 0
           : error->status == NBA_E_CONFIG || error->status == NBA_E_USAGE ? 2
           : error->status == NBA_E_WORSE                                  ? 3
                                                                           : 1;
}

static int run_command(const struct nba_command *command, struct nba_workplace *place, int argc,
                       char **argv)
{
    struct nba_option_set set = {.count = 0};
    struct nba_error error = {NBA_OK, ""};
    bool help = false;
    nba_options_add(&set, command->makes_settings ? NULL : nba_common_options);
    nba_options_add(&set, command->shared);
    nba_options_add(&set, command->options);
    enum nba_status status = nba_options_parse(&set, argc, argv, &place->operands, &help, &error);
    if (status == NBA_OK && !help) {
        status = check_operands(command, &place->operands, &error);
    }
    if (status != NBA_OK) {
        (void)fprintf(stderr, "nba: %s: %s (nba %s --help)\n", command->name, error.message,
                      command->name);
        return 2;
    }
    if (help) {
        describe_command(command, &set, &place->out);
        error.status = nba_workplace_flush(place, &error);
    } else {
        error.status = run_parsed(command, place, &error);
    }
    return tell(place, &error);
}

static int fail_unknown(const char *name)
{
    const char *words[COMMAND_COUNT + 1] = {NULL};
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        words[i] = commands[i]->name;
    }
    const char *nearest = nba_yaml_nearest(nba_str_of(name), words);
    (void)fprintf(stderr, "nba: '%s' is no command%s%s%s (nba --help)\n", name,
                  nearest != NULL ? ", did you mean '" : "", nearest != NULL ? nearest : "",
                  nearest != NULL ? "'" : "");
    return 2;
}

static int run_arguments(struct nba_workplace *place, int argc, char **argv)
{
    struct nba_error error = {NBA_OK, ""};
    if (argc < 2) {
        (void)fprintf(stderr, "nba: expected a command (nba --help)\n");
        return 2;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(argv[1], commands[i]->name) == 0) {
            return run_command(commands[i], place, argc - 1, argv + 1);
        }
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        describe_program(&place->out);
    } else if (strcmp(argv[1], "--version") == 0) {
        nba_buf_printf(&place->out, "nba %s\n", NBA_ENGINE_VERSION);
    } else {
        return fail_unknown(argv[1]);
    }
    error.status = nba_workplace_flush(place, &error);
    return tell(place, &error);
}

int nba_main_run(int argc, char **argv)
{
    static struct nba_workplace place; /* operands and topics are too much for a stack */
    nba_workplace_init(&place);
    const int code = run_arguments(&place, argc, argv);
    nba_workplace_close(&place);
    return code;
}
