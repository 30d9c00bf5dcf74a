/*
 * The open connections of the server, counted and timed.
 *
 * evhttp 2.1 neither limits connections nor the time a client takes for its request line: a client
 * that sends a byte every few seconds stays.  So each connection's bufferevent is made here, held
 * by a second reference, and a sweep cuts what is too old and forgets what evhttp has let go (its
 * callbacks are then NULL).  A full table switches the listener off until the sweep finds room.
 *
 * THREADS.  The server's thread only.
 */
#ifndef NBA_SERVE_CONNECTION_INTERNAL_H
#define NBA_SERVE_CONNECTION_INTERNAL_H

#include <stdint.h>

#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>

#define NBA_CONNECTIONS_MAX  64u
#define NBA_HEAD_TIME_US     (INT64_C(10) * 1000 * 1000)
#define NBA_ANSWER_TIME_US   (INT64_C(30) * 1000 * 1000)
#define NBA_SWEEP_PERIOD_US  100000
#define NBA_CONNECTION_CLOSE "close"

struct nba_connection {
    struct bufferevent *stream; /* NULL: free place */
    int64_t accepted_us;
    int64_t answered_us; /* 0: not yet */
};

struct nba_connection_table {
    struct nba_connection places[NBA_CONNECTIONS_MAX];
    uint32_t used;
    struct evconnlistener *listener;
    struct event *sweep;
};

/* Watches every connection that `http` takes from `listener`. */
void nba_connection_table_open(struct nba_connection_table *table, struct event_base *base,
                               struct evhttp *http, struct evconnlistener *listener);
/* The request's answer goes out now. */
void nba_connection_table_answered(struct nba_connection_table *table,
                                   struct evhttp_request *request);
/* After evhttp_free. */
void nba_connection_table_close(struct nba_connection_table *table);

#endif
