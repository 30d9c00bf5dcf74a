/*
 * The subcommands of the program: one table, one file cmd_<name>.c each.
 *
 * A command is a name, what --help says, a table of options and a function.  Its run parses with
 * nba_command_parse, which answers --help and wrong usage itself:
 *
 *     static int run(const struct nba_command *command, int argc, char **argv)
 *     {
 *         struct args args = {.limit = 10};
 *         struct nba_operands operands;
 *         int code = 0;
 *         if (!nba_command_parse(command, argc, argv, &args, &operands, &code)) {
 *             return code;
 *         }
 *         ...
 *         return status == NBA_OK ? 0 : nba_command_fail(&error);
 *     }
 *     const struct nba_command nba_command_consume = {...};
 *
 * EXIT CODES.  0 done, 1 failed, 2 usage or configuration.  What a command is asked for goes to
 * standard output, everything else to standard error; errors begin with "nba: ".
 */
#ifndef NBA_APP_COMMAND_H
#define NBA_APP_COMMAND_H

#include "nba/app/options.h"

struct nba_command {
    const char *name;
    const char *summary;  /* one line, for `nba --help` */
    const char *operands; /* "create|list|delete [TOPIC...]"; "" when there are none */
    const char *about;    /* some sentences */
    const char *examples; /* one a line, each with the whole command */
    const struct nba_option *options;
    size_t option_count;
    size_t operands_min, operands_max;
    int (*run)(const struct nba_command *command, int argc, char **argv);
};

/* True: go on.  False: --help was printed or usage was wrong; return *ret_code. */
bool nba_command_parse(const struct nba_command *command, int argc, char **argv, void *ret_values,
                       struct nba_operands *ret_operands, int *ret_code);

/* Prints "nba: message"; 2 for configuration and usage, else 1. */
int nba_command_fail(const struct nba_error *error);
/* The same with a message of the caller's own. */
NBA_PRINTF(2, 3)
int nba_command_fail_with(enum nba_status status, const char *format, ...);
/* Writes `buf` to standard output; 0, or 1 when that failed (a closed pipe) or `buf` has. */
int nba_command_print(const struct nba_buf *buf);

/* The program: finds the command and runs it. */
int nba_main_run(int argc, char **argv);

#endif
