/* Options are few, so every look-up walks the table. */
#include "nba/app/options.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/time_text.h"
#include "nba/config/yaml.h"

#define OPTIONS_MAX 64u

struct parser {
    const struct nba_option *options;
    size_t count;
    unsigned char *values;
    bool given[OPTIONS_MAX];
    struct nba_error *error;
};

static size_t find(const struct parser *parser, const char *name, size_t bytes)
{
    for (size_t i = 0; i < parser->count; i++) {
        const char *known = parser->options[i].name;
        if (strlen(known) == bytes && memcmp(known, name, bytes) == 0) {
            return i;
        }
    }
    return parser->count;
}

static enum nba_status fail_unknown(const struct parser *parser, const char *name, size_t bytes)
{
    const char *words[OPTIONS_MAX + 2];
    for (size_t i = 0; i < parser->count; i++) {
        words[i] = parser->options[i].name;
    }
    words[parser->count] = "help";
    words[parser->count + 1] = NULL;
    const char *nearest = nba_yaml_nearest(nba_str(name, bytes), words);
    if (nearest != NULL) {
        return nba_error_set(parser->error, NBA_E_USAGE,
                             "--%.*s: unknown option, did you mean --%s", (int)bytes, name,
                             nearest);
    }
    return nba_error_set(parser->error, NBA_E_USAGE, "--%.*s: unknown option", (int)bytes, name);
}

static enum nba_status set_integer(const struct parser *parser, const struct nba_option *option,
                                   const char *text)
{
    char *end = NULL;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || (double)value < option->min ||
        (double)value > option->max) {
        return nba_error_set(parser->error, NBA_E_USAGE,
                             "--%s: expected a whole number from %.0f to %.0f, got '%s'",
                             option->name, option->min, option->max, text);
    }
    const int64_t stored = value;
    memcpy(parser->values + option->offset, &stored, sizeof(stored));
    return NBA_OK;
}

static enum nba_status set_number(const struct parser *parser, const struct nba_option *option,
                                  const char *text)
{
    char *end = NULL;
    const double value = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(value) || value < option->min ||
        value > option->max) {
        return nba_error_set(parser->error, NBA_E_USAGE,
                             "--%s: expected a number from %g to %g, got '%s'", option->name,
                             option->min, option->max, text);
    }
    memcpy(parser->values + option->offset, &value, sizeof(value));
    return NBA_OK;
}

static enum nba_status set_time(const struct parser *parser, const struct nba_option *option,
                                const char *text)
{
    int64_t ms = 0;
    if (!nba_time_parse(nba_str_of(text), &ms)) {
        return nba_error_set(parser->error, NBA_E_USAGE,
                             "--%s: expected a time such as 2026-11-20T15:30:00Z, got '%s'",
                             option->name, text);
    }
    memcpy(parser->values + option->offset, &ms, sizeof(ms));
    return NBA_OK;
}

static enum nba_status set_word(const struct parser *parser, const struct nba_option *option,
                                const char *text)
{
    struct nba_buf list;
    for (int i = 0; option->words[i] != NULL; i++) {
        if (strcmp(option->words[i], text) == 0) {
            memcpy(parser->values + option->offset, &i, sizeof(i));
            return NBA_OK;
        }
    }
    nba_buf_init(&list, 512);
    for (int i = 0; option->words[i] != NULL; i++) {
        nba_buf_printf(&list, "%s%s", i == 0 ? "" : ", ", option->words[i]);
    }
    const enum nba_status status =
        nba_error_set(parser->error, NBA_E_USAGE, "--%s: expected one of %.*s, got '%s'",
                      option->name, NBA_STR_ARG(nba_buf_str(&list)), text);
    nba_buf_clear(&list);
    return status;
}

static enum nba_status add_to_list(const struct parser *parser, const struct nba_option *option,
                                   const char *text)
{
    struct nba_operands list;
    memcpy(&list, parser->values + option->offset, sizeof(list));
    if (list.count == NBA_OPERANDS_MAX) {
        return nba_error_set(parser->error, NBA_E_USAGE, "--%s: given more than %u times",
                             option->name, NBA_OPERANDS_MAX);
    }
    list.items[list.count] = text;
    list.count++;
    memcpy(parser->values + option->offset, &list, sizeof(list));
    return NBA_OK;
}

static enum nba_status set_value(const struct parser *parser, const struct nba_option *option,
                                 const char *text)
{
    switch (option->kind) {
    case NBA_OPTION_KIND_TEXT:
        memcpy(parser->values + option->offset, &text, sizeof(const char *));
        return NBA_OK;
    case NBA_OPTION_KIND_INTEGER:
        return set_integer(parser, option, text);
    case NBA_OPTION_KIND_NUMBER:
        return set_number(parser, option, text);
    case NBA_OPTION_KIND_TIME:
        return set_time(parser, option, text);
    case NBA_OPTION_KIND_WORD:
        return set_word(parser, option, text);
    case NBA_OPTION_KIND_LIST:
        return add_to_list(parser, option, text);
    case NBA_OPTION_KIND_FLAG:
        break;
    }
    NBA_ASSERT(option->kind == NBA_OPTION_KIND_FLAG);
    const bool on = true;
    memcpy(parser->values + option->offset, &on, sizeof(on));
    return NBA_OK;
}

/* One option at argv[*at]; moves *at to the last word it took. */
static enum nba_status take_option(struct parser *parser, int argc, char **argv, int *at)
{
    const char *name = argv[*at] + 2;
    const char *equals = strchr(name, '=');
    const size_t bytes = equals != NULL ? (size_t)(equals - name) : strlen(name);
    const size_t index = find(parser, name, bytes);
    if (index == parser->count) {
        return fail_unknown(parser, name, bytes);
    }
    const struct nba_option *option = &parser->options[index];
    if (parser->given[index] && option->kind != NBA_OPTION_KIND_LIST) {
        return nba_error_set(parser->error, NBA_E_USAGE, "--%s: given twice", option->name);
    }
    parser->given[index] = true;
    const char *value = equals != NULL ? equals + 1 : NULL;
    if (option->kind == NBA_OPTION_KIND_FLAG && value != NULL) {
        return nba_error_set(parser->error, NBA_E_USAGE, "--%s: takes no value", option->name);
    }
    if (option->kind != NBA_OPTION_KIND_FLAG && value == NULL) {
        if (*at + 1 >= argc) {
            return nba_error_set(parser->error, NBA_E_USAGE, "--%s: expected %s after it",
                                 option->name, option->value_name);
        }
        *at += 1;
        value = argv[*at];
    }
    return set_value(parser, option, value);
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

enum nba_status nba_options_parse(const struct nba_option *options, size_t option_count, int argc,
                                  char **argv, void *ret_values, struct nba_operands *ret_operands,
                                  bool *ret_help, struct nba_error *error)
{
    struct parser parser = {options, option_count, ret_values, {false}, error};
    bool ended = false;
    NBA_ASSERT(option_count <= OPTIONS_MAX);
    ret_operands->count = 0;
    *ret_help = asks_for_help(argc, argv);
    if (*ret_help) {
        return NBA_OK;
    }
    for (int at = 1; at < argc; at++) {
        const char *word = argv[at];
        if (!ended && strcmp(word, "--") == 0) {
            ended = true;
        } else if (!ended && strncmp(word, "--", 2) == 0) {
            const enum nba_status status = take_option(&parser, argc, argv, &at);
            if (status != NBA_OK) {
                return status;
            }
        } else if (!ended && word[0] == '-' && word[1] != '\0') {
            return nba_error_set(error, NBA_E_USAGE, "%s: unknown option, they begin with --",
                                 word);
        } else if (ret_operands->count == NBA_OPERANDS_MAX) {
            return nba_error_set(error, NBA_E_USAGE, "more than %u operands", NBA_OPERANDS_MAX);
        } else {
            ret_operands->items[ret_operands->count] = word;
            ret_operands->count++;
        }
    }
    return NBA_OK;
}

#define HELP_COLUMN 28
#define HELP_WIDTH  100

/* Appends `text` word by word, a new line beginning at HELP_COLUMN. */
static void append_wrapped(struct nba_buf *buf, const char *text)
{
    size_t column = HELP_COLUMN;
    while (*text != '\0') {
        const size_t bytes = strcspn(text, " ");
        if (column > HELP_COLUMN && column + 1 + bytes > HELP_WIDTH) {
            nba_buf_printf(buf, "\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        } else if (column > HELP_COLUMN) {
            nba_buf_append_byte(buf, ' ');
            column++;
        }
        nba_buf_append(buf, text, bytes);
        column += bytes;
        text += bytes;
        text += strspn(text, " ");
    }
}

void nba_options_describe(const struct nba_option *options, size_t option_count,
                          struct nba_buf *buf)
{
    for (size_t i = 0; i <= option_count; i++) {
        static const struct nba_option help = {"help", NBA_OPTION_KIND_FLAG, 0, NULL, 0, 0,
                                               NULL,   "this text"};
        const struct nba_option *option = i < option_count ? &options[i] : &help;
        const size_t before = buf->bytes;
        nba_buf_printf(buf, "  --%s%s%s", option->name, option->value_name != NULL ? " " : "",
                       option->value_name != NULL ? option->value_name : "");
        const size_t used = buf->bytes - before;
        if (used + 2 > HELP_COLUMN) {
            nba_buf_printf(buf, "\n%*s", HELP_COLUMN, "");
        } else {
            nba_buf_printf(buf, "%*s", (int)(HELP_COLUMN - used), "");
        }
        append_wrapped(buf, option->help);
        nba_buf_append_byte(buf, '\n');
    }
}
