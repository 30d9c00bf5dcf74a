/* A record's memory belongs to whichever backend made it. */
#include "nba/stream/record.h"

#include <string.h>

void nba_record_release(struct nba_record *record)
{
    if (record != NULL) {
        if (record->release != NULL) {
            record->release(record->owner);
        }
        memset(record, 0, sizeof(*record));
    }
}
