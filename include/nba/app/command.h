/*
 * The subcommands of the program: one table, one file cmd_<name>.c each.
 *
 * A command is a name, what --help says, a table of options and a function.  The frame (command.c)
 * parses, answers --help and wrong usage itself, reads the configuration, runs the function,
 * prints what it left in place->out, closes everything of the workplace and tells a failure:
 *
 *     static struct { int64_t limit; } args = {.limit = 10};
 *     static const struct nba_option options[] = {NBA_OPTION_INTEGER(&args.limit, ...), {0}};
 *     static enum nba_status run(struct nba_workplace *place, struct nba_error *error) {...}
 *     const struct nba_command nba_command_consume = {...};
 *
 * Each command runs once a process, so its options are variables of its file.
 *
 * EXIT CODES.  0 done, 1 failed, 2 usage or configuration, 3 not announced (train).  What a command
 * is asked for goes to standard output, everything else to standard error; errors begin with
 * "nba: ".
 */
#ifndef NBA_APP_COMMAND_H
#define NBA_APP_COMMAND_H

#include "nba/app/interrupt.h"
#include "nba/app/walk.h"
#include "nba/app/workplace.h"

/* In the order of `nba --help`.  A new one is a file that defines nba_command_<name>, and a row. */
#define NBA_COMMAND_MAP(X) \
    X(demo)                \
    X(run)                 \
    X(replay)              \
    X(simulate)            \
    X(recommend)           \
    X(explain)             \
    X(audit)               \
    X(report)              \
    X(archive)             \
    X(topics)              \
    X(produce)             \
    X(consume)             \
    X(import)              \
    X(generate)            \
    X(train)               \
    X(evaluate)            \
    X(models)              \
    X(check)               \
    X(test)                \
    X(state)               \
    X(erase)               \
    X(reset)               \
    X(size)                \
    X(describe)

struct nba_command {
    const char *name;
    const char *summary;  /* one line, for `nba --help` */
    const char *operands; /* "create|list [TOPIC...]": first one of these words; NULL: none */
    const char *about;    /* some sentences */
    const char *examples; /* one a line, each with the whole command */
    const struct nba_option *options;
    const struct nba_option *shared; /* shown before them; NULL: none */
    bool makes_settings;             /* the command reads no configuration but makes its own */
    size_t operands_min, operands_max;
    enum nba_status (*run)(struct nba_workplace *place, struct nba_error *error);
};

#define NBA_X(name) extern const struct nba_command nba_command_##name;
NBA_COMMAND_MAP(NBA_X)
#undef NBA_X

/* The program: finds the command and runs it. */
int nba_main_run(int argc, char **argv);

#endif
