/* NBA_KILL_AT is read once; a place passed by another name costs one comparison. */
#include "nba/base/kill_point.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const char *const point_names[] = {
#define NBA_X(name) #name,
    NBA_KILL_POINT_MAP(NBA_X)
#undef NBA_X
};

static pthread_once_t armed_once = PTHREAD_ONCE_INIT;
static int armed_point = -1;
static _Atomic long passes_left;

static void arm(void)
{
    const char *text = getenv("NBA_KILL_AT");
    const char *colon = text != NULL ? strchr(text, ':') : NULL;
    if (colon == NULL) {
        return;
    }
    for (int i = 0; i < NBA_KILL_POINT_COUNT; i++) {
        const size_t length = strlen(point_names[i]);
        if (length == (size_t)(colon - text) && memcmp(text, point_names[i], length) == 0) {
            armed_point = i;
            atomic_store(&passes_left, strtol(colon + 1, NULL, 10));
        }
    }
}

void nba_kill_point_pass(enum nba_kill_point point)
{
    (void)pthread_once(&armed_once, arm);
    if ((int)point == armed_point && atomic_fetch_sub(&passes_left, 1) == 1) {
        (void)raise(SIGKILL);
    }
}
