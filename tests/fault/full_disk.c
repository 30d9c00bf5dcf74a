/*
 * A disk that is full for a while, for one folder of one process (LD_PRELOAD):
 * FULL_DISK=FOLDER:FIRST:COUNT makes COUNT writes to files below FOLDER fail with ENOSPC, beginning
 * with the FIRST one to a write-ahead log (*.log).
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_full(int fd)
{
    static _Atomic long logged;
    static _Atomic long refused;
    const char *text = getenv("FULL_DISK");
    const char *colon = text != NULL ? strchr(text, ':') : NULL;
    char link[64];
    char path[4096];
    if (colon == NULL) {
        return false;
    }
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    const ssize_t length = readlink(link, path, sizeof(path));
    const size_t bytes = (size_t)(colon - text);
    if (length <= (ssize_t)bytes || memcmp(path, text, bytes) != 0 || path[bytes] != '/') {
        return false;
    }
    char *end = NULL;
    const long first = strtol(colon + 1, &end, 10);
    const long count = strtol(end + 1, NULL, 10);
    const bool log = length > 4 && memcmp(path + length - 4, ".log", 4) == 0;
    const long now = log ? atomic_fetch_add(&logged, 1) + 1 : atomic_load(&logged);
    return now >= first && atomic_fetch_add(&refused, 1) < count;
}

ssize_t write(int fd, const void *data, size_t bytes)
{
    ssize_t (*next)(int, const void *, size_t) = NULL;
    *(void **)&next = dlsym(RTLD_NEXT, "write");
    if (is_full(fd)) {
        errno = ENOSPC;
        return -1;
    }
    return next(fd, data, bytes);
}
