/* Options are few, so every look-up walks the set. */
#include "nba/app/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/time_text.h"
#include "nba/config/yaml.h"

static size_t find(const struct nba_option_set *set, struct nba_str name)
{
    size_t i = 0;
    while (i < set->count && !nba_str_is(name, set->rows[i]->name)) {
        i++;
    }
    return i;
}

void nba_options_add(struct nba_option_set *set, const struct nba_option *table)
{
    for (; table != NULL && table->name != NULL; table++) {
        const size_t index = find(set, nba_str_of(table->name));
        if (index < set->count) {
            set->count--;
            memmove(set->rows + index, set->rows + index + 1,
                    (set->count - index) * sizeof(*set->rows));
        }
        NBA_ASSERT(set->count < NBA_OPTIONS_MAX);
        set->rows[set->count++] = table;
    }
}

static enum nba_status fail_unknown(const struct nba_option_set *set, struct nba_str name,
                                    struct nba_error *error)
{
    const char *words[NBA_OPTIONS_MAX + 2] = {"help"};
    for (size_t i = 0; i < set->count; i++) {
        words[i + 1] = set->rows[i]->name;
    }
    const char *nearest = nba_yaml_nearest(name, words);
    return nba_error_set(error, NBA_E_USAGE, "--%.*s: unknown option%s%s", NBA_STR_ARG(name),
                         nearest != NULL ? ", did you mean --" : "",
                         nearest != NULL ? nearest : "");
}

static bool find_word(const char *const *words, const char *text, int *ret_index)
{
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], text) == 0) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

/* "one of red, green". */
static void list_words(const char *const *words, char *text, size_t room)
{
    size_t used = (size_t)snprintf(text, room, "one of");
    for (size_t i = 0; words[i] != NULL && used < room; i++) {
        used += (size_t)snprintf(text + used, room - used, "%s %s", i == 0 ? "" : ",", words[i]);
    }
}

static enum nba_status set_value(const struct nba_option *option, const char *text,
                                 struct nba_error *error)
{
    struct nba_operands *list = option->value;
    char expected[256] = "";
    char *end = NULL;
    bool fits = true;
    int64_t integer = 0;
    double number = 0;
    errno = 0;
    switch (option->kind) {
    case NBA_OPTION_KIND_FLAG:
        *(bool *)option->value = true;
        break;
    case NBA_OPTION_KIND_TEXT:
        *(const char **)option->value = text;
        break;
    case NBA_OPTION_KIND_INTEGER:
        integer = strtoll(text, &end, 10);
        fits = errno == 0 && end != text && *end == '\0' && (double)integer >= option->min &&
               (double)integer <= option->max;
        *(int64_t *)option->value = integer;
        (void)snprintf(expected, sizeof(expected), "a whole number from %.0f to %.0f", option->min,
                       option->max);
        break;
    case NBA_OPTION_KIND_NUMBER:
        number = strtod(text, &end);
        fits = end != text && *end == '\0' && number >= option->min && number <= option->max;
        *(double *)option->value = number;
        (void)snprintf(expected, sizeof(expected), "a number from %g to %g", option->min,
                       option->max);
        break;
    case NBA_OPTION_KIND_TIME:
        fits = nba_time_parse(nba_str_of(text), option->value);
        (void)snprintf(expected, sizeof(expected), "a time such as 2026-11-20T15:30:00Z");
        break;
    case NBA_OPTION_KIND_WORD:
        fits = find_word(option->words, text, option->value);
        list_words(option->words, expected, sizeof(expected));
        break;
    case NBA_OPTION_KIND_LIST:
        if (list->count == NBA_OPERANDS_MAX) {
            return nba_error_set(error, NBA_E_USAGE, "--%s: given more than %u times", option->name,
                                 NBA_OPERANDS_MAX);
        }
        list->items[list->count++] = text;
        break;
    }
    return fits ? NBA_OK
                : nba_error_set(error, NBA_E_USAGE, "--%s: expected %s, got '%s'", option->name,
                                expected, text);
}

/* One option at argv[*at]; moves *at to the last word it took. */
static enum nba_status take_option(const struct nba_option_set *set, bool *given, int argc,
                                   char **argv, int *at, struct nba_error *error)
{
    const char *name = argv[*at] + 2;
    const char *equals = strchr(name, '=');
    const struct nba_str word =
        nba_str(name, equals != NULL ? (size_t)(equals - name) : strlen(name));
    const size_t index = find(set, word);
    if (index == set->count) {
        return fail_unknown(set, word, error);
    }
    const struct nba_option *option = set->rows[index];
    const bool flag = option->kind == NBA_OPTION_KIND_FLAG;
    const char *value = equals != NULL ? equals + 1 : NULL;
    if (given[index] && option->kind != NBA_OPTION_KIND_LIST) {
        return nba_error_set(error, NBA_E_USAGE, "--%s: given twice", option->name);
    }
    given[index] = true;
    if (flag && value != NULL) {
        return nba_error_set(error, NBA_E_USAGE, "--%s: takes no value", option->name);
    }
    if (!flag && value == NULL) {
        if (*at + 1 >= argc) {
            return nba_error_set(error, NBA_E_USAGE, "--%s: expected %s after it", option->name,
                                 option->value_name);
        }
        *at += 1;
        value = argv[*at];
    }
    return set_value(option, value, error);
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

enum nba_status nba_options_parse(const struct nba_option_set *set, int argc, char **argv,
                                  struct nba_operands *ret_operands, bool *ret_help,
                                  struct nba_error *error)
{
    bool given[NBA_OPTIONS_MAX] = {false};
    bool ended = false;
    enum nba_status status = NBA_OK;
    ret_operands->count = 0;
    *ret_help = asks_for_help(argc, argv);
    for (int at = 1; status == NBA_OK && !*ret_help && at < argc; at++) {
        const char *word = argv[at];
        if (!ended && strcmp(word, "--") == 0) {
            ended = true;
        } else if (!ended && strncmp(word, "--", 2) == 0) {
            status = take_option(set, given, argc, argv, &at, error);
        } else if (!ended && word[0] == '-' && word[1] != '\0') {
            status =
                nba_error_set(error, NBA_E_USAGE, "%s: unknown option, they begin with --", word);
        } else if (ret_operands->count == NBA_OPERANDS_MAX) {
            status = nba_error_set(error, NBA_E_USAGE, "more than %u operands", NBA_OPERANDS_MAX);
        } else {
            ret_operands->items[ret_operands->count++] = word;
        }
    }
    return status;
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

void nba_options_describe(const struct nba_option_set *set, struct nba_buf *buf)
{
    static const struct nba_option help = {.name = "help", .help = "this text"};
    for (size_t i = 0; i <= set->count; i++) {
        const struct nba_option *option = i < set->count ? set->rows[i] : &help;
        const size_t before = buf->bytes;
        nba_buf_printf(buf, "  --%s%s%s", option->name, option->value_name != NULL ? " " : "",
                       option->value_name != NULL ? option->value_name : "");
        const size_t used = buf->bytes - before;
        const bool fits = used + 2 <= HELP_COLUMN;
        nba_buf_printf(buf, "%s%*s", fits ? "" : "\n", (int)(HELP_COLUMN - (fits ? used : 0)), "");
        append_wrapped(buf, option->help);
        nba_buf_append_byte(buf, '\n');
    }
}
