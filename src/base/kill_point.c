/* NBA_KILL_AT is read once; a place passed by another name costs one comparison. */
#include "nba/base/kill_point.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const point_names[] = {
#define NBA_X(name) #name,
    NBA_KILL_POINT_MAP(NBA_X)
#undef NBA_X
};

static pthread_once_t read_once = PTHREAD_ONCE_INIT;
static _Atomic int armed_point = -1;
static _Atomic long passes_left;
static const char *crash_text; /* NULL: none */
static _Atomic long pause_ms;  /* 0: death */

static bool arm(const char *text)
{
    const size_t length = strcspn(text, ":");
    char *end = NULL;
    const long passes = text[length] == ':' ? strtol(text + length + 1, &end, 10) : 0;
    for (int i = 0; end != NULL && i < NBA_KILL_POINT_COUNT; i++) {
        if (strlen(point_names[i]) == length && memcmp(text, point_names[i], length) == 0) {
            atomic_store(&passes_left, passes);
            atomic_store(&pause_ms, *end == ':' ? strtol(end + 1, NULL, 10) : 0);
            atomic_store(&armed_point, i);
            return true;
        }
    }
    return false;
}

static void read_environment(void)
{
    crash_text = getenv("NBA_CRASH_AT");
    const char *text = getenv("NBA_KILL_AT");
    if (text != NULL) {
        (void)arm(text);
    }
}

void nba_crash_point_pass(const char *where, struct nba_str id)
{
    (void)pthread_once(&read_once, read_environment);
    const size_t length = strlen(where);
    if (crash_text != NULL && strncmp(crash_text, where, length) == 0 &&
        crash_text[length] == ':' && nba_str_is(id, crash_text + length + 1)) {
        abort();
    }
}

bool nba_kill_point_arm(const char *text)
{
    (void)pthread_once(&read_once, read_environment);
    return arm(text);
}

void nba_kill_point_pass(enum nba_kill_point point)
{
    (void)pthread_once(&read_once, read_environment);
    if ((int)point != atomic_load(&armed_point) || atomic_fetch_sub(&passes_left, 1) != 1) {
        return;
    }
    const long ms = atomic_load(&pause_ms);
    const struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
    if (ms > 0) {
        (void)nanosleep(&pause, NULL);
    } else {
        (void)raise(SIGKILL);
    }
}
