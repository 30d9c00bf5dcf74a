/*
 * The HTTP server of a running engine: metrics and health, on loopback unless told otherwise.
 *
 *   GET /metrics  Prometheus text exposition 0.0.4
 *   GET /livez    200 "ok" as long as the server's thread answers
 *   GET /readyz   200 "ready" when the callback says so, else 503 and its words
 *
 * HEAD works everywhere; another method is 405, another path 404.  Nothing is changed over HTTP.
 *
 * LIMITS.  One thread; 64 connections, the next ones wait in the backlog; 8 KiB of request line and
 * headers, 64 headers, no body; 10 s to send the request, 30 s to take the answer.  A connection
 * serves one request.
 *
 * WHO GETS IN.  An address outside loopback needs a token file, or allow_unauthenticated, else the
 * server refuses to start.  With a token, /metrics asks for "Authorization: Bearer TOKEN"; the
 * health paths never do, they hold no data.  The Host header must name the bound address, localhost
 * or one of `hosts`, so that a foreign page can't reach a loopback server under a name of its own.
 *
 * THREADS.  start and stop belong to one thread; the ready callback runs on the server's thread.
 */
#ifndef NBA_SERVE_SERVER_H
#define NBA_SERVE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nba/base/status.h"
#include "nba/metrics/metrics.h"

struct nba_server;

struct nba_server_options {
    const char *address; /* numeric; NULL: 127.0.0.1 */
    uint16_t port;       /* 0: a free one */
    const char *token_file;
    bool allow_unauthenticated;
    const char *const *hosts; /* further names that Host may hold */
    size_t host_count;
    struct nba_metrics *metrics; /* outlives the server */
    /* True when ready; else *ret_why is a short static text. */
    bool (*ready)(void *context, const char **ret_why);
    void *context;
};

/* Binds, and serves on a thread of its own from then on.
 * NBA_E_CONFIG: no such address, a bare non-loopback address, a token that is shorter than 32
 * characters; NBA_E_EXISTS: the port is taken; NBA_E_IO, NBA_E_NO_MEMORY. */
NBA_MUST_USE
enum nba_status nba_server_start(const struct nba_server_options *options,
                                 struct nba_server **ret_server, struct nba_error *error);

uint16_t nba_server_port(const struct nba_server *server);

/* Ends the thread and closes every connection; NULL is fine. */
void nba_server_stop(struct nba_server *server);

#endif
