/* Reading typed values out of the tree, and the one shape every complaint has. */
#include "nba/config/yaml.h"

#include <inttypes.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "nba/base/assert.h"
#include "nba/base/limits.h"
#include "yaml_internal.h"

#define PATH_BYTES 200u
/* Longest word the distance is computed for; our keys are shorter. */
#define WORD_BYTES_MAX 48u

struct shown nba_yaml_show(struct nba_str text)
{
    struct shown shown;
    const size_t room = sizeof(shown.text) - 4; /* "..." and NUL */
    size_t used = 0;
    while (used < text.bytes && used < room) {
        const char c = text.data[used];
        shown.text[used++] = (char)((unsigned char)c < 0x20 || c == 0x7F ? '?' : c);
    }
    if (used < text.bytes) {
        while (used > 0 && ((unsigned char)text.data[used] & 0xC0) == 0x80) {
            used--; /* don't cut a character in two */
        }
        memcpy(shown.text + used, "...", 3);
        used += 3;
    }
    shown.text[used] = '\0';
    return shown;
}

/* "contact_policies.suppressions[0].hold"; empty for the root. */
static void path_of(const struct nba_yaml_node *node, char *path, size_t room)
{
    const struct nba_yaml_node *chain[NBA_YAML_DEPTH_MAX + 1];
    size_t count = 0;
    for (const struct nba_yaml_node *n = node; n->parent != NULL; n = n->parent) {
        NBA_ASSERT(count < NBA_ARRAY_COUNT(chain));
        chain[count++] = n;
    }
    size_t used = 0;
    path[0] = '\0';
    while (count > 0 && used < room - 1) {
        const struct nba_yaml_node *n = chain[--count];
        const int written = n->key != NULL
                                ? snprintf(path + used, room - used, "%s%s", used > 0 ? "." : "",
                                           nba_yaml_show(n->key->text).text)
                                : snprintf(path + used, room - used, "[%u]", n->index);
        used += written > 0 ? (size_t)written : 0;
    }
}

NBA_PRINTF(4, 0)
static enum nba_status fail(const struct nba_yaml_node *node, const struct nba_yaml_node *place,
                            struct nba_error *error, const char *format, va_list arguments)
{
    char path[PATH_BYTES];
    char text[NBA_ERROR_MESSAGE_BYTES];
    path_of(node, path, sizeof(path));
    (void)vsnprintf(text, sizeof(text), format, arguments);
    return nba_error_set(error, NBA_E_CONFIG, "%s:%u:%u: %s%s%s", node->source, place->line,
                         place->column, path, path[0] != '\0' ? ": " : "", text);
}

enum nba_status nba_yaml_fail(const struct nba_yaml_node *node, struct nba_error *error,
                              const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const enum nba_status status = fail(node, node, error, format, arguments);
    va_end(arguments);
    return status;
}

enum nba_status nba_yaml_fail_key(const struct nba_yaml_node *node, struct nba_error *error,
                                  const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const enum nba_status status =
        fail(node, node->key != NULL ? node->key : node, error, format, arguments);
    va_end(arguments);
    return status;
}

enum nba_status nba_yaml_fail_missing(const struct nba_yaml_node *map, const char *key,
                                      const char *expected, struct nba_error *error)
{
    char path[PATH_BYTES];
    path_of(map, path, sizeof(path));
    return nba_error_set(error, NBA_E_CONFIG, "%s:%u:%u: %s%s%s: missing, expected %s", map->source,
                         map->line, map->column, path, path[0] != '\0' ? "." : "", key, expected);
}

const struct nba_yaml_node *nba_yaml_get(const struct nba_yaml_node *map, const char *key)
{
    const bool is_map = map->kind == NBA_YAML_MAP;
    for (const struct nba_yaml_node *n = map->first; is_map && n != NULL; n = n->next) {
        if (nba_str_is(n->key->text, key)) {
            return n;
        }
    }
    return NULL;
}

bool nba_yaml_is_one_of(struct nba_str text, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        if (nba_str_is(text, words[i])) {
            return true;
        }
    }
    return false;
}

bool nba_yaml_is_null(const struct nba_yaml_node *node)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    return node->kind == NBA_YAML_SCALAR && !node->quoted && nba_yaml_is_one_of(node->text, nulls);
}

/* Levenshtein's distance, two rows (V. Levenshtein, 1966). */
static size_t distance(struct nba_str a, struct nba_str b)
{
    size_t rows[2][WORD_BYTES_MAX + 1];
    for (size_t j = 0; j <= b.bytes; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a.bytes; i++) {
        const size_t *above = rows[(i - 1) % 2];
        size_t *row = rows[i % 2];
        row[0] = i;
        for (size_t j = 1; j <= b.bytes; j++) {
            const size_t swap = above[j - 1] + (a.data[i - 1] != b.data[j - 1]);
            const size_t drop = (above[j] < row[j - 1] ? above[j] : row[j - 1]) + 1;
            row[j] = swap < drop ? swap : drop;
        }
    }
    return rows[a.bytes % 2][b.bytes];
}

const char *nba_yaml_nearest(struct nba_str text, const char *const *words)
{
    if (text.bytes == 0 || text.bytes > WORD_BYTES_MAX) {
        return NULL;
    }
    const char *nearest = NULL;
    size_t least = text.bytes / 3 + 2; /* one slip in three letters, or two in a short word */
    for (size_t i = 0; words[i] != NULL; i++) {
        const struct nba_str word = nba_str_of(words[i]);
        NBA_ASSERT(word.bytes <= WORD_BYTES_MAX);
        const size_t d = distance(text, word);
        if (d < least && d < word.bytes) {
            least = d;
            nearest = words[i];
        }
    }
    return nearest;
}

/* "email, rep or web". */
static void list_words(const char *const *words, char *text, size_t room)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; words[i] != NULL && used < room - 1; i++) {
        const char *join = i == 0 ? "" : words[i + 1] == NULL ? " or " : ", ";
        const int written = snprintf(text + used, room - used, "%s%s", join, words[i]);
        used += written > 0 ? (size_t)written : 0;
    }
}

enum nba_status nba_yaml_check_keys(const struct nba_yaml_node *map, const char *const *keys,
                                    const char *const *later, struct nba_error *error)
{
    const enum nba_status status = nba_yaml_expect(map, NBA_YAML_MAP, error);
    if (status != NBA_OK) {
        return status;
    }
    for (const struct nba_yaml_node *n = map->first; n != NULL; n = n->next) {
        if (nba_yaml_is_one_of(n->key->text, keys)) {
            continue;
        }
        if (later != NULL && nba_yaml_is_one_of(n->key->text, later)) {
            return nba_yaml_fail_key(n, error, "not supported by this version");
        }
        const char *nearest = nba_yaml_nearest(n->key->text, keys);
        if (nearest != NULL) {
            return nba_yaml_fail_key(n, error, "unknown key; did you mean '%s'?", nearest);
        }
        char known[240];
        list_words(keys, known, sizeof(known));
        return nba_yaml_fail_key(n, error, "unknown key; expected %s", known);
    }
    return NBA_OK;
}

static const char *kind_text(const struct nba_yaml_node *node)
{
    switch (node->kind) {
    case NBA_YAML_LIST:
        return "a list";
    case NBA_YAML_MAP:
        return "a map";
    case NBA_YAML_SCALAR:
        break;
    }
    return nba_yaml_is_null(node) ? "nothing" : "a single value";
}

enum nba_status nba_yaml_expect(const struct nba_yaml_node *node, enum nba_yaml_kind kind,
                                struct nba_error *error)
{
    static const char *const names[] = {"a single value", "a list", "a map"};
    if (node->kind == kind) {
        return NBA_OK;
    }
    return nba_yaml_fail(node, error, "expected %s, got %s", names[kind], kind_text(node));
}

static bool matches(struct nba_str text, const char *pattern)
{
    regex_t regex;
    const int failed = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);
    NBA_ASSERT(failed == 0);
    const bool found = regexec(&regex, text.data, 0, NULL, 0) == 0;
    regfree(&regex);
    return found;
}

/* What a reader of YAML 1.1 would make of an unquoted scalar; NULL: text.  A number may be decimal,
 * octal, hexadecimal, with _ and exponents, or base 60 (20:00). */
static const char *other_reading(struct nba_str text)
{
    static const struct {
        const char *what, *pattern;
    } readings[] = {
        {"true or false",
         "^(y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|"
         "off|Off|OFF)$"},
        {"a date", "^[0-9]{4}-([0-9-]{3,}|.{5}[Tt ].*)$"},
        {"a number", "^[-+]?(0[xb][0-9a-fA-F_]+|([0-9][0-9_]*(:[0-9_]+)*(\\.[0-9_]*)?|\\.[0-9_]+)"
                     "([eE][-+]?[0-9_]+)?)$"},
    };
    for (size_t i = 0; i < NBA_ARRAY_COUNT(readings); i++) {
        if (matches(text, readings[i].pattern)) {
            return readings[i].what;
        }
    }
    return NULL;
}

enum nba_status nba_yaml_string(const struct nba_yaml_node *node, struct nba_str *ret_text,
                                struct nba_error *error)
{
    if (node->kind != NBA_YAML_SCALAR || nba_yaml_is_null(node)) {
        return nba_yaml_fail(node, error, "expected text, got %s", kind_text(node));
    }
    const char *other = node->quoted ? NULL : other_reading(node->text);
    if (other != NULL) {
        return nba_yaml_fail(node, error,
                             "expected text, got %s without quotes, which YAML readers take as %s: "
                             "write \"%s\"",
                             nba_yaml_show(node->text).text, other, nba_yaml_show(node->text).text);
    }
    *ret_text = node->text;
    return NBA_OK;
}

enum nba_status nba_yaml_text(const struct nba_yaml_node *node, struct nba_str *ret_text,
                              struct nba_error *error)
{
    struct nba_str text = {0};
    const enum nba_status status = nba_yaml_string(node, &text, error);
    if (status != NBA_OK) {
        return status;
    }
    if (text.bytes == 0) {
        return nba_yaml_fail(node, error, "expected text, got an empty one");
    }
    if (text.bytes > NBA_ID_BYTES_MAX) {
        return nba_yaml_fail(node, error, "expected a text of at most %u bytes, got %zu",
                             NBA_ID_BYTES_MAX, text.bytes);
    }
    *ret_text = text;
    return NBA_OK;
}

enum nba_status nba_yaml_bool(const struct nba_yaml_node *node, bool *ret_value,
                              struct nba_error *error)
{
    if (node->kind != NBA_YAML_SCALAR) {
        return nba_yaml_fail(node, error, "expected true or false, got %s", kind_text(node));
    }
    const bool yes = nba_str_is(node->text, "true");
    if (node->quoted || (!yes && !nba_str_is(node->text, "false"))) {
        return nba_yaml_fail(node, error, "expected true or false, got '%s'%s",
                             nba_yaml_show(node->text).text, node->quoted ? " in quotes" : "");
    }
    *ret_value = yes;
    return NBA_OK;
}

static bool is_number(const struct nba_yaml_node *node, const char *pattern)
{
    return node->kind == NBA_YAML_SCALAR && !node->quoted && node->text.bytes <= 40 &&
           matches(node->text, pattern);
}

/* The start of every complaint about a scalar that should be something else. */
static const char *got(const struct nba_yaml_node *node, struct shown *buffer)
{
    if (node->kind != NBA_YAML_SCALAR || nba_yaml_is_null(node)) {
        return kind_text(node);
    }
    const struct shown text = nba_yaml_show(node->text);
    (void)snprintf(buffer->text, sizeof(buffer->text), "%s'%.40s'", node->quoted ? "text " : "",
                   text.text);
    return buffer->text;
}

enum nba_status nba_yaml_integer(const struct nba_yaml_node *node, int64_t min, int64_t max,
                                 int64_t *ret_value, struct nba_error *error)
{
    struct shown buffer;
    const bool fits = is_number(node, "^-?[0-9]+$") && node->text.bytes <= 18;
    const int64_t value = fits ? strtoll(node->text.data, NULL, 10) : 0;
    if (!fits || value < min || value > max) {
        return nba_yaml_fail(node, error,
                             "expected a whole number from %" PRId64 " to %" PRId64 ", got %s", min,
                             max, got(node, &buffer));
    }
    *ret_value = value;
    return NBA_OK;
}

enum nba_status nba_yaml_number(const struct nba_yaml_node *node, double min, double max,
                                double *ret_value, struct nba_error *error)
{
    struct shown buffer;
    const bool fits = is_number(node, "^-?[0-9]+(\\.[0-9]+)?([eE][-+]?[0-9]+)?$");
    const double value = fits ? strtod(node->text.data, NULL) : 0.0;
    if (!fits || !(value >= min && value <= max)) {
        return nba_yaml_fail(node, error, "expected a number from %g to %g, got %s", min, max,
                             got(node, &buffer));
    }
    *ret_value = value;
    return NBA_OK;
}

enum nba_status nba_yaml_word(const struct nba_yaml_node *node, const char *const *words,
                              size_t *ret_index, struct nba_error *error)
{
    for (size_t i = 0; node->kind == NBA_YAML_SCALAR && words[i] != NULL; i++) {
        if (nba_str_is(node->text, words[i])) {
            *ret_index = i;
            return NBA_OK;
        }
    }
    struct shown buffer;
    char known[240];
    list_words(words, known, sizeof(known));
    const char *nearest =
        node->kind == NBA_YAML_SCALAR ? nba_yaml_nearest(node->text, words) : NULL;
    return nba_yaml_fail(node, error, "expected %s, got %s%s%s%s", known, got(node, &buffer),
                         nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "",
                         nearest != NULL ? "'?" : "");
}

enum nba_status nba_yaml_time(const struct nba_yaml_node *node, int64_t *ret_ms,
                              struct nba_error *error)
{
    struct shown buffer;
    if (node->kind == NBA_YAML_SCALAR && node->quoted && nba_time_parse(node->text, ret_ms)) {
        return NBA_OK;
    }
    return nba_yaml_fail(node, error,
                         "expected a time in quotes such as \"2026-12-31T00:00:00Z\", got %s",
                         got(node, &buffer));
}

enum nba_status nba_yaml_duration(const struct nba_yaml_node *node,
                                  struct nba_duration *ret_duration, struct nba_error *error)
{
    struct shown buffer;
    struct nba_duration duration = {0};
    if (node->kind == NBA_YAML_SCALAR && nba_duration_parse(node->text, &duration) &&
        (duration.months > 0 || duration.ms > 0)) {
        *ret_duration = duration;
        return NBA_OK;
    }
    return nba_yaml_fail(node, error,
                         "expected a duration above zero such as P90D or PT72H, got %s",
                         got(node, &buffer));
}
