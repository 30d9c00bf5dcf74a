/* fork: the child goes on as if it were a `nba train` of its own, the parent waits for it. */
#include "train_service.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "nba/app/interrupt.h"
#include "nba/base/clock.h"
#include "nba/base/log.h"
#include "nba/base/time_text.h"
#include "nba/release/shelf.h"

/* Between two looks at the child and at the flag that a signal sets. */
#define NAP_MS 200

/* As ISO 8601 writes it, which has a reader. */
enum nba_status nba_period_parse(const char *text, int64_t *ret_ms, struct nba_error *error)
{
    char iso[32];
    struct nba_duration duration = {0, 0};
    const size_t bytes = strlen(text);
    const bool days = bytes != 0 && text[bytes - 1] == 'd';
    (void)snprintf(iso, sizeof(iso), "P%s%s", days ? "" : "T", text);
    for (char *p = iso; *p != '\0'; p++) {
        *p = (char)toupper((unsigned char)*p);
    }
    if (bytes + 3 > sizeof(iso) || !nba_duration_parse(nba_str_of(iso), &duration) ||
        duration.months != 0 || duration.ms <= 0) {
        return nba_error_set(error, NBA_E_USAGE, "--every: expected 30m, 24h, 7d..., got '%s'",
                             text);
    }
    *ret_ms = duration.ms;
    return NBA_OK;
}

static int64_t now_ms(void)
{
    return nba_clock_wall_ms(&nba_clock_system);
}

struct newest {
    const char *folder;
    int64_t created_ms; /* 0: none */
};

static void look_at(void *context, const char *id)
{
    struct newest *newest = context;
    struct nba_error ignored = {NBA_OK, ""};
    struct nba_buf text;
    nba_buf_init(&text, 4096);
    if (nba_shelf_document(newest->folder, id, "created.json", &text, &ignored) == NBA_OK) {
        nba_buf_append_byte(&text, 0);
        const char *number = strstr((const char *)text.data, "\"created_ms\": ");
        const int64_t ms = number != NULL ? strtoll(strchr(number, ' '), NULL, 10) : 0;
        newest->created_ms = ms > newest->created_ms ? ms : newest->created_ms;
    }
    nba_buf_clear(&text);
}

/* A shelf that can't be read has no release: the training will say why. */
static int64_t first_due_ms(const char *release_dir, int64_t every_ms)
{
    struct newest newest = {release_dir, 0};
    if (nba_shelf_list(release_dir, look_at, &newest, NULL) != NBA_OK) {
        return 0;
    }
    const int64_t latest_ms = now_ms() + every_ms; /* where the clock was set back */
    const int64_t due_ms = newest.created_ms != 0 ? newest.created_ms + every_ms : 0;
    return due_ms < latest_ms ? due_ms : latest_ms;
}

static void nap(int64_t ms)
{
    const int64_t some_ms = ms < 1 ? 1 : ms < NAP_MS ? ms : NAP_MS;
    const struct timespec time = {0, some_ms * 1000000L};
    (void)nanosleep(&time, NULL);
}

/* Its exit code, 128 and more: the signal that ended it. */
static int wait_for(pid_t child)
{
    int how = 0;
    bool told = false;
    pid_t ended = 0;
    while ((ended = waitpid(child, &how, WNOHANG)) == 0) {
        if (nba_interrupted() && !told) {
            told = kill(child, SIGTERM) == 0;
        }
        nap(NAP_MS);
    }
    if (ended < 0) {
        return 1; /* nobody knows how it went: not well */
    }
    return WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
}

enum nba_status nba_train_service(const char *release_dir, int64_t every_ms, bool *ret_trains,
                                  struct nba_error *error)
{
    int64_t due_ms = first_due_ms(release_dir, every_ms);
    (void)signal(SIGCHLD, SIG_DFL); /* who starts us may ignore it: no exit code would be left */
    for (;;) {
        char next[NBA_TIME_TEXT_BYTES];
        nba_time_format(due_ms > now_ms() ? due_ms : now_ms(), next);
        nba_log(NBA_LOG_INFO, "training", "next=%s", next);
        while (now_ms() < due_ms && !nba_interrupted()) {
            nap(due_ms - now_ms());
        }
        *ret_trains = false;
        if (nba_interrupted()) {
            return NBA_OK;
        }
        const int64_t began_ms = now_ms();
        const pid_t child = fork();
        if (child < 0) {
            return nba_error_set(error, NBA_E_IO, "cannot start a process: %s", strerror(errno));
        }
        if (child == 0) {
            *ret_trains = true;
            return NBA_OK;
        }
        const int code = wait_for(child);
        const bool went = code == 0 || code == 3;
        nba_log(went ? NBA_LOG_INFO : NBA_LOG_ERROR, went ? "trained" : "training_failed",
                "exit=%d seconds=%.1f", code, (double)(now_ms() - began_ms) / 1e3);
        if (code == 2) {
            return nba_error_set(error, NBA_E_CONFIG, "no training can succeed: see above");
        }
        due_ms = began_ms + (went ? every_ms : every_ms / 10);
    }
}
