/*
 * Command line options: long names, typed values, one table a command.
 *
 *     struct args { struct nba_common common; const char *topic; int64_t limit; bool follow; };
 *     static const struct nba_option options[] = {
 *         NBA_COMMON_OPTIONS(struct args, common),
 *         NBA_OPTION_TEXT(struct args, topic, "topic", "NAME", "topic to read"),
 *         NBA_OPTION_INTEGER(struct args, limit, "limit", "N", 1, 1000000, "stop after N records"),
 *         NBA_OPTION_FLAG(struct args, follow, "follow", "wait for more"),
 *     };
 *
 * FORM.  --name VALUE or --name=VALUE; a flag takes no value; -- ends the options; everything else
 * is an operand, wherever it stands.  -h is --help.  Names can't be shortened.
 *
 * VALUES go into the command's own struct, whose defaults the command sets before.  A text is NULL
 * when absent.  An option given twice is an error, unless it is a list.
 *
 * ERRORS.  NBA_E_USAGE: "--limit: expected a number from 1 to 1000000, got 'x'"; an unknown option
 * names the nearest one.  OWNERSHIP.  Texts point into argv.
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
    const char *name;
    enum nba_option_kind kind;
    size_t offset;          /* of the member in the command's struct */
    const char *value_name; /* as --help shows it; NULL for a flag */
    double min, max;
    const char *const *words; /* ends in NULL */
    const char *help;
};

#define NBA_OPTION_FLAG(type, member, name, help)                                  \
    {                                                                              \
        name, NBA_OPTION_KIND_FLAG, offsetof(type, member), NULL, 0, 0, NULL, help \
    }
#define NBA_OPTION_TEXT(type, member, name, value, help)                            \
    {                                                                               \
        name, NBA_OPTION_KIND_TEXT, offsetof(type, member), value, 0, 0, NULL, help \
    }
#define NBA_OPTION_INTEGER(type, member, name, value, min, max, help)                      \
    {                                                                                      \
        name, NBA_OPTION_KIND_INTEGER, offsetof(type, member), value, min, max, NULL, help \
    }
#define NBA_OPTION_NUMBER(type, member, name, value, min, max, help)                      \
    {                                                                                     \
        name, NBA_OPTION_KIND_NUMBER, offsetof(type, member), value, min, max, NULL, help \
    }
#define NBA_OPTION_TIME(type, member, name, help)                                    \
    {                                                                                \
        name, NBA_OPTION_KIND_TIME, offsetof(type, member), "TIME", 0, 0, NULL, help \
    }
#define NBA_OPTION_WORD(type, member, name, value, words, help)                      \
    {                                                                                \
        name, NBA_OPTION_KIND_WORD, offsetof(type, member), value, 0, 0, words, help \
    }
#define NBA_OPTION_LIST(type, member, name, value, help)                            \
    {                                                                               \
        name, NBA_OPTION_KIND_LIST, offsetof(type, member), value, 0, 0, NULL, help \
    }

/* argv[0] is the command's name.  *ret_help: --help was asked for, nothing else was looked at. */
NBA_MUST_USE
enum nba_status nba_options_parse(const struct nba_option *options, size_t option_count, int argc,
                                  char **argv, void *ret_values, struct nba_operands *ret_operands,
                                  bool *ret_help, struct nba_error *error);

/* The table as --help shows it, one option a line, wrapped at 100 columns. */
void nba_options_describe(const struct nba_option *options, size_t option_count,
                          struct nba_buf *buf);

#endif
