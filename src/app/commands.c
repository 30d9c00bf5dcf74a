/* The front: one table of commands, --help, --version, and a hint for a mistyped name. */
#include <stdio.h>
#include <string.h>

#include "commands_internal.h"
#include "nba/base/version.h"
#include "nba/config/yaml.h"

static const struct nba_command *const commands[] = {
#define NBA_X(name) &nba_command_##name,
    NBA_COMMAND_MAP(NBA_X)
#undef NBA_X
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static int print_help(void)
{
    struct nba_buf buf;
    nba_buf_init(&buf, (size_t)64 * 1024);
    nba_buf_printf(&buf,
                   "nba %s: a streaming next-best-action engine\n\n"
                   "usage: nba COMMAND [option...] [operand...]\n\ncommands:\n",
                   NBA_ENGINE_VERSION);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        nba_buf_printf(&buf, "  %-12s%s\n", commands[i]->name, commands[i]->summary);
    }
    nba_buf_printf(&buf, "\n`nba COMMAND --help` shows a command's options and examples.\n"
                         "Exit codes: 0 done, 1 failed, 2 usage or configuration.\n");
    const int code = nba_command_print(&buf);
    nba_buf_clear(&buf);
    return code;
}

static int fail_unknown(const char *name)
{
    const char *words[COMMAND_COUNT + 1];
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        words[i] = commands[i]->name;
    }
    words[COMMAND_COUNT] = NULL;
    const char *nearest = nba_yaml_nearest(nba_str_of(name), words);
    if (nearest != NULL) {
        (void)fprintf(stderr, "nba: '%s' is no command, did you mean '%s' (nba --help)\n", name,
                      nearest);
    } else {
        (void)fprintf(stderr, "nba: '%s' is no command (nba --help)\n", name);
    }
    return 2;
}

int nba_main_run(int argc, char **argv)
{
    if (argc < 2) {
        (void)fprintf(stderr, "nba: expected a command (nba --help)\n");
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        return print_help();
    }
    if (strcmp(argv[1], "--version") == 0) {
        (void)printf("nba %s\n", NBA_ENGINE_VERSION);
        return 0;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(argv[1], commands[i]->name) == 0) {
            return commands[i]->run(commands[i], argc - 1, argv + 1);
        }
    }
    return fail_unknown(argv[1]);
}
