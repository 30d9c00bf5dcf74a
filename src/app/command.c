/* What the commands share: parsing, --help, and how a failure is told. */
#include "nba/app/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define HELP_BYTES_MAX ((size_t)64 * 1024)

/* Each line of `text` behind two spaces. */
static void append_indented(struct nba_buf *buf, const char *text)
{
    while (*text != '\0') {
        const size_t bytes = strcspn(text, "\n");
        nba_buf_printf(buf, "  %.*s\n", (int)bytes, text);
        text += bytes;
        text += *text == '\n';
    }
}

static int print_help(const struct nba_command *command)
{
    struct nba_buf buf;
    nba_buf_init(&buf, HELP_BYTES_MAX);
    nba_buf_printf(&buf, "nba %s: %s\n\nusage: nba %s [option...]%s%s\n\n%s\n\noptions:\n",
                   command->name, command->summary, command->name,
                   *command->operands != '\0' ? " " : "", command->operands, command->about);
    nba_options_describe(command->options, command->option_count, &buf);
    nba_buf_printf(&buf, "\nexamples:\n");
    append_indented(&buf, command->examples);
    const int code = nba_command_print(&buf);
    nba_buf_clear(&buf);
    return code;
}

static enum nba_status check_operands(const struct nba_command *command,
                                      const struct nba_operands *operands, struct nba_error *error)
{
    if (operands->count < command->operands_min) {
        return nba_error_set(error, NBA_E_USAGE, "expected %s", command->operands);
    }
    if (operands->count > command->operands_max) {
        return nba_error_set(error, NBA_E_USAGE, "'%s': one operand too many",
                             operands->items[command->operands_max]);
    }
    return NBA_OK;
}

bool nba_command_parse(const struct nba_command *command, int argc, char **argv, void *ret_values,
                       struct nba_operands *ret_operands, int *ret_code)
{
    struct nba_error error = {NBA_OK, ""};
    bool help = false;
    enum nba_status status = nba_options_parse(command->options, command->option_count, argc, argv,
                                               ret_values, ret_operands, &help, &error);
    if (status == NBA_OK && help) {
        *ret_code = print_help(command);
        return false;
    }
    if (status == NBA_OK) {
        status = check_operands(command, ret_operands, &error);
    }
    if (status == NBA_OK) {
        return true;
    }
    (void)fprintf(stderr, "nba: %s: %s (nba %s --help)\n", command->name, error.message,
                  command->name);
    *ret_code = 2;
    return false;
}

static int exit_code(enum nba_status status)
{
    return status == NBA_E_CONFIG || status == NBA_E_USAGE ? 2 : 1;
}

int nba_command_fail(const struct nba_error *error)
{
    (void)fprintf(stderr, "nba: %s\n",
                  error->message[0] != '\0' ? error->message : nba_status_text(error->status));
    return exit_code(error->status);
}

int nba_command_fail_with(enum nba_status status, const char *format, ...)
{
    struct nba_error error = {status, ""};
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error.message, sizeof(error.message), format, arguments);
    va_end(arguments);
    return nba_command_fail(&error);
}

int nba_command_print(const struct nba_buf *buf)
{
    if (buf->failed) {
        return nba_command_fail_with(NBA_E_LIMIT, "the answer is too long");
    }
    if (buf->bytes == 0) {
        return 0; /* nothing was ever allocated */
    }
    if (fwrite(buf->data, 1, buf->bytes, stdout) != buf->bytes || fflush(stdout) != 0) {
        return nba_command_fail_with(NBA_E_IO, "cannot write to standard output");
    }
    return 0;
}
