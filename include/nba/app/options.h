/*
 * Command line options: long names, typed values, tables of them.
 *
 *     static struct { const char *topic; int64_t limit; bool follow; } args = {.limit = 10};
 *     static const struct nba_option options[] = {
 *         NBA_OPTION_TEXT(&args.topic, "topic", "NAME", "topic to read"),
 *         NBA_OPTION_INTEGER(&args.limit, "limit", "N", 1, 1000000, "stop after N records"),
 *         NBA_OPTION_FLAG(&args.follow, "follow", "wait for more"),
 *         {0},
 *     };
 *
 * FORM.  --name VALUE or --name=VALUE; a flag takes no value; -- ends the options; everything else
 * is an operand, wherever it stands.  -h is --help.  Names can't be shortened.
 *
 * VALUES go to where the table points, which holds the defaults before.  A text is NULL when
 * absent.  An option given twice is an error, unless it is a list.
 *
 * ERRORS.  NBA_E_USAGE: "--limit: expected a whole number from 1 to 1000000, got 'x'"; an unknown
 * option names the nearest one.  OWNERSHIP.  Texts point into argv.
 */
#ifndef NBA_APP_OPTIONS_H
#define NBA_APP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nba/base/buf.h"
#include "nba/base/status.h"

enum nba_option_kind {
    NBA_OPTION_KIND_FLAG,    /* bool */
    NBA_OPTION_KIND_TEXT,    /* const char * */
    NBA_OPTION_KIND_INTEGER, /* int64_t, min..max */
    NBA_OPTION_KIND_NUMBER,  /* double, min..max */
    NBA_OPTION_KIND_TIME,    /* int64_t ms: RFC 3339 */
    NBA_OPTION_KIND_WORD,    /* int: index into words */
    NBA_OPTION_KIND_LIST,    /* struct nba_operands: may be given again */
};

#define NBA_OPERANDS_MAX 256u

struct nba_operands {
    const char *items[NBA_OPERANDS_MAX];
    size_t count;
};

struct nba_option {
    const char *name; /* NULL ends a table */
    enum nba_option_kind kind;
    void *value;
    const char *value_name; /* as --help shows it; NULL for a flag */
    double min, max;
    const char *const *words; /* ends in NULL */
    const char *help;
};

#define NBA_OPTION_FLAG(value, name, help)                        \
    {                                                             \
        name, NBA_OPTION_KIND_FLAG, value, NULL, 0, 0, NULL, help \
    }
#define NBA_OPTION_TEXT(value, name, value_name, help)                  \
    {                                                                   \
        name, NBA_OPTION_KIND_TEXT, value, value_name, 0, 0, NULL, help \
    }
#define NBA_OPTION_INTEGER(value, name, value_name, min, max, help)            \
    {                                                                          \
        name, NBA_OPTION_KIND_INTEGER, value, value_name, min, max, NULL, help \
    }
#define NBA_OPTION_NUMBER(value, name, value_name, min, max, help)            \
    {                                                                         \
        name, NBA_OPTION_KIND_NUMBER, value, value_name, min, max, NULL, help \
    }
#define NBA_OPTION_TIME(value, name, help)                          \
    {                                                               \
        name, NBA_OPTION_KIND_TIME, value, "TIME", 0, 0, NULL, help \
    }
#define NBA_OPTION_WORD(value, name, value_name, words, help)            \
    {                                                                    \
        name, NBA_OPTION_KIND_WORD, value, value_name, 0, 0, words, help \
    }
#define NBA_OPTION_LIST(value, name, value_name, help)                  \
    {                                                                   \
        name, NBA_OPTION_KIND_LIST, value, value_name, 0, 0, NULL, help \
    }

#define NBA_OPTIONS_MAX 64u

/* The rows of several tables; one of a later table stands for one of the same name before it. */
struct nba_option_set {
    const struct nba_option *rows[NBA_OPTIONS_MAX];
    size_t count;
};

void nba_options_add(struct nba_option_set *set, const struct nba_option *table);

/* argv[0] is the command's name.  *ret_help: --help was asked for, nothing else was looked at. */
NBA_MUST_USE
enum nba_status nba_options_parse(const struct nba_option_set *set, int argc, char **argv,
                                  struct nba_operands *ret_operands, bool *ret_help,
                                  struct nba_error *error);

/* The set as --help shows it, one option a line, wrapped at 100 columns. */
void nba_options_describe(const struct nba_option_set *set, struct nba_buf *buf);

#endif
