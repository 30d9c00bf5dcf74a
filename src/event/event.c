/* Two questions asked of an event in more than one module. */
#include "nba/event/event.h"

enum nba_channel nba_event_channel(const struct nba_event *event)
{
    return event->channel != NBA_CHANNEL_UNKNOWN ? event->channel
                                                 : nba_event_type_channel(event->type);
}

bool nba_event_in_ring(const struct nba_event *event)
{
    if (event->bot != NBA_BOT_NONE || event->content_id.bytes == 0) {
        return false;
    }
    if (event->type == NBA_EVENT_CLM_SLIDE_VIEWED && event->reaction < 0) {
        return false;
    }
    return nba_event_type_in_ring(event->type);
}
