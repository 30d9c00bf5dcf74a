/* simulate_seeds [--verbose] FIRST [COUNT]: runs the seeds; the first one that fails ends it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "nba/base/log.h"
#include "sim.h"

#define SEED_SECONDS 20 /* of the processor: a hundred times what one takes */

static char replay_line[256];

static void say_how_to_replay(void)
{
    const size_t length = strlen(replay_line);
    const ssize_t written = write(STDOUT_FILENO, replay_line, length);
    (void)written;
}

/* An assertion of the engine, or a seed that never ends. */
static void on_signal(int number)
{
    (void)signal(number, SIG_DFL);
    say_how_to_replay();
    (void)raise(number);
}

static void catch_signals(void)
{
    static const int numbers[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGPROF};
    for (size_t i = 0; i < NBA_ARRAY_COUNT(numbers); i++) {
        (void)signal(numbers[i], on_signal);
    }
}

int main(int argc, char **argv)
{
    static const char *const texts[] = {
#define NBA_X(name, text) text,
        FAULT_MAP(NBA_X)
#undef NBA_X
    };
    struct nba_schemas *schemas = NULL;
    struct nba_error error = {0};
    struct stat info;
    const struct itimerval limit = {.it_value = {.tv_sec = SEED_SECONDS}};
    int next = 1;
    sim.verbose = argc > 1 && strcmp(argv[1], "--verbose") == 0;
    next += sim.verbose ? 1 : 0;
    if (next >= argc) {
        (void)fprintf(stderr, "usage: simulate_seeds [--verbose] FIRST [COUNT]\n");
        return 2;
    }
    const uint64_t first = strtoull(argv[next], NULL, 10);
    const uint64_t count = next + 1 < argc ? strtoull(argv[next + 1], NULL, 10) : 1;
    nba_log_set_level(sim.verbose ? NBA_LOG_INFO : NBA_LOG_ERROR);
    if (nba_schemas_load(NBA_SOURCE_DIR "/schemas", &schemas, &error) != NBA_OK) {
        (void)fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    const char *temporary = getenv("TMPDIR");
    const char *memory = stat("/dev/shm", &info) == 0 ? "/dev/shm" : "/tmp";
    (void)snprintf(sim.dir, sizeof(sim.dir), "%s/nba-simulate-%d",
                   temporary != NULL ? temporary : memory, (int)getpid());
    sim.schemas = schemas;
    catch_signals();
    bool good = true;
    uint64_t done = 0;
    for (; good && done < count; done++) {
        (void)snprintf(replay_line, sizeof(replay_line), "again: %s --verbose %llu\n", argv[0],
                       (unsigned long long)(first + done));
        (void)setitimer(ITIMER_PROF, &limit, NULL);
        good = sim_run(first + done);
    }
    (void)setitimer(ITIMER_PROF, &(struct itimerval){0}, NULL);
    nba_schemas_destroy(schemas);
    for (unsigned i = 0; i < FAULT_COUNT; i++) {
        (void)printf("%8llu %s\n", (unsigned long long)sim_counts[i], texts[i]);
    }
    (void)printf("%llu seeds from %llu\n", (unsigned long long)done, (unsigned long long)first);
    if (!good) {
        (void)printf("seed %llu FAILED: %s\n", (unsigned long long)sim.seed, sim.failure);
        (void)fflush(stdout);
        say_how_to_replay();
    }
    return good ? 0 : 1;
}
