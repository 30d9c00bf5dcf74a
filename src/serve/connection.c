/* Places are few, so every look-up is a walk over all of them. */
#include "connection_internal.h"

#include <stdbool.h>
#include <sys/socket.h>

#include <event2/event.h>

#include "nba/base/assert.h"
#include "nba/base/clock.h"

static int64_t now_us(void)
{
    return nba_clock_monotonic_us(&nba_clock_system);
}

/* Gives evhttp the bufferevent of a connection it has just accepted. */
static struct bufferevent *make_stream(struct event_base *base, void *context)
{
    struct nba_connection_table *table = context;
    struct bufferevent *stream = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    if (stream == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < NBA_CONNECTIONS_MAX; i++) {
        struct nba_connection *place = &table->places[i];
        if (place->stream == NULL) {
            bufferevent_incref(stream);
            place->stream = stream;
            place->accepted_us = now_us();
            place->answered_us = 0;
            table->used++;
            break;
        }
    }
    if (table->used == NBA_CONNECTIONS_MAX) {
        (void)evconnlistener_disable(table->listener);
    }
    return stream;
}

/* evhttp takes the callbacks off when it frees a connection. */
static bool is_let_go(struct bufferevent *stream)
{
    bufferevent_data_cb read = NULL;
    bufferevent_event_cb event = NULL;
    bufferevent_getcb(stream, &read, NULL, &event, NULL);
    return read == NULL && event == NULL;
}

static bool is_too_old(const struct nba_connection *place, int64_t at_us)
{
    return place->answered_us != 0 ? at_us - place->answered_us > NBA_ANSWER_TIME_US
                                   : at_us - place->accepted_us > NBA_HEAD_TIME_US;
}

static void forget(struct nba_connection_table *table, struct nba_connection *place)
{
    (void)bufferevent_decref(place->stream);
    place->stream = NULL;
    NBA_ASSERT(table->used > 0);
    table->used--;
}

static void sweep(evutil_socket_t unused, short what, void *context)
{
    struct nba_connection_table *table = context;
    const int64_t at_us = now_us();
    (void)unused;
    (void)what;
    for (uint32_t i = 0; i < NBA_CONNECTIONS_MAX; i++) {
        struct nba_connection *place = &table->places[i];
        if (place->stream == NULL) {
            continue;
        }
        if (is_let_go(place->stream)) {
            forget(table, place);
        } else if (is_too_old(place, at_us)) {
            /* evhttp sees the end of the stream and lets go. */
            (void)shutdown(bufferevent_getfd(place->stream), SHUT_RDWR);
        }
    }
    if (table->used < NBA_CONNECTIONS_MAX) {
        (void)evconnlistener_enable(table->listener);
    }
}

void nba_connection_table_open(struct nba_connection_table *table, struct event_base *base,
                               struct evhttp *http, struct evconnlistener *listener)
{
    const struct timeval period = {0, NBA_SWEEP_PERIOD_US};
    table->listener = listener;
    table->sweep = event_new(base, -1, EV_PERSIST, sweep, table);
    NBA_ASSERT(table->sweep != NULL);
    (void)event_add(table->sweep, &period);
    evhttp_set_bevcb(http, make_stream, table);
}

void nba_connection_table_answered(struct nba_connection_table *table,
                                   struct evhttp_request *request)
{
    struct evhttp_connection *connection = evhttp_request_get_connection(request);
    struct bufferevent *stream = evhttp_connection_get_bufferevent(connection);
    for (uint32_t i = 0; i < NBA_CONNECTIONS_MAX; i++) {
        if (table->places[i].stream == stream) {
            table->places[i].answered_us = now_us();
        }
    }
}

void nba_connection_table_close(struct nba_connection_table *table)
{
    for (uint32_t i = 0; i < NBA_CONNECTIONS_MAX; i++) {
        if (table->places[i].stream != NULL) {
            forget(table, &table->places[i]);
        }
    }
    if (table->sweep != NULL) {
        event_free(table->sweep);
    }
}
