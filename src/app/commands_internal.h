/*
 * The list of commands, in the order of `nba --help`.  A new one is a file cmd_<name>.c that
 * defines nba_command_<name>, and a line here.
 */
#ifndef NBA_APP_COMMANDS_INTERNAL_H
#define NBA_APP_COMMANDS_INTERNAL_H

#include "nba/app/command.h"

#define NBA_COMMAND_MAP(X) \
    X(demo)                \
    X(run)                 \
    X(replay)              \
    X(recommend)           \
    X(explain)             \
    X(topics)              \
    X(produce)             \
    X(consume)             \
    X(import)              \
    X(generate)            \
    X(train)               \
    X(evaluate)            \
    X(models)              \
    X(check)               \
    X(state)               \
    X(reset)               \
    X(describe)

#define NBA_X(name) extern const struct nba_command nba_command_##name;
NBA_COMMAND_MAP(NBA_X)
#undef NBA_X

#endif
