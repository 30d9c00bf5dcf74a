/* Names, texts and classes from the one list in the header. */
#include "nba/base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "nba/base/assert.h"

static const struct {
    const char *name;
    enum nba_status_class class;
    const char *text;
} statuses[NBA_STATUS_COUNT] = {
#define NBA_STATUS_ROW(constant, name, class, text) \
    [NBA_##constant] = {name, NBA_CLASS_##class, text},
    NBA_STATUS_MAP(NBA_STATUS_ROW)
#undef NBA_STATUS_ROW
};

const char *nba_status_name(enum nba_status status)
{
    NBA_ASSERT(status < NBA_STATUS_COUNT);
    return statuses[status].name;
}

const char *nba_status_text(enum nba_status status)
{
    NBA_ASSERT(status < NBA_STATUS_COUNT);
    return statuses[status].text;
}

enum nba_status_class nba_status_class(enum nba_status status)
{
    NBA_ASSERT(status < NBA_STATUS_COUNT);
    return statuses[status].class;
}

enum nba_status nba_error_set(struct nba_error *error, enum nba_status status, const char *format,
                              ...)
{
    if (error != NULL) {
        va_list arguments;
        error->status = status;
        va_start(arguments, format);
        (void)vsnprintf(error->message, sizeof(error->message), format, arguments);
        va_end(arguments);
    }
    return status;
}

enum nba_status nba_error_prefix(struct nba_error *error, const char *format, ...)
{
    char old[NBA_ERROR_MESSAGE_BYTES];
    va_list arguments;
    NBA_ASSERT(error != NULL);
    memcpy(old, error->message, sizeof(old));
    va_start(arguments, format);
    const int wrote = vsnprintf(error->message, sizeof(error->message), format, arguments);
    va_end(arguments);
    if (wrote >= 0 && (size_t)wrote < sizeof(error->message)) {
        (void)snprintf(error->message + wrote, sizeof(error->message) - (size_t)wrote, ": %s", old);
    }
    return error->status;
}
