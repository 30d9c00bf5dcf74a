/* One write(2) a line, so lines of threads and processes never mix. */
#include "nba/base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "nba/base/clock.h"
#include "nba/base/time_text.h"

#define LINE_BYTES_MAX 2048

static _Atomic int log_level = NBA_LOG_INFO;

void nba_log_set_level(enum nba_log_level level)
{
    atomic_store(&log_level, (int)level);
}

void nba_log(enum nba_log_level level, const char *what, const char *format, ...)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    char time_text[NBA_TIME_TEXT_BYTES];
    char line[LINE_BYTES_MAX];
    if ((int)level > atomic_load(&log_level)) {
        return;
    }
    nba_time_format(nba_clock_wall_ms(&nba_clock_system), time_text);
    int length = snprintf(line, sizeof(line), "%s %s %s ", time_text, names[level], what);
    va_list arguments;
    va_start(arguments, format);
    const int more = vsnprintf(line + length, sizeof(line) - (size_t)length, format, arguments);
    va_end(arguments);
    length = more < 0 ? length : length + more;
    if (length > (int)sizeof(line) - 2) {
        length = (int)sizeof(line) - 2;
    }
    for (int i = 0; i < length; i++) {
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f) {
            line[i] = '?';
        }
    }
    line[length] = '\n';
    const ssize_t written = write(STDERR_FILENO, line, (size_t)length + 1);
    (void)written; /* nowhere left to complain */
}
