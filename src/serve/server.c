/* One event loop on one thread.  stop() writes a byte into a pipe that the loop reads, so libevent
 * needs no locks; everything it owns is freed after the thread has ended. */
#include "nba/serve/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/keyvalq_struct.h>

#include "connection_internal.h"
#include "nba/base/assert.h"
#include "nba/base/buf.h"
#include "nba/base/file.h"
#include "nba/base/memory.h"

#define HEAD_BYTES_MAX    8192
#define HEADERS_MAX       64u
#define TOKEN_BYTES_MIN   32u
#define TOKEN_BYTES_MAX   256u
#define METRICS_BYTES_MAX (8u << 20)

struct nba_server {
    struct event_base *base;
    struct evhttp *http;
    struct evconnlistener *listener;
    struct event *wake;
    int pipe_fds[2];
    pthread_t thread;
    bool running;
    struct nba_connection_table connections;
    struct nba_server_options options;
    char address[64];
    uint16_t port;
    char token[TOKEN_BYTES_MAX + 1]; /* empty: none asked for */
};

enum path { PATH_METRICS, PATH_LIVEZ, PATH_READYZ, PATH_OTHER };

static const char *const path_names[] = {"/metrics", "/livez", "/readyz", "other"};

static enum path path_of(const char *text)
{
    for (int i = 0; i < PATH_OTHER; i++) {
        if (text != NULL && strcmp(text, path_names[i]) == 0) {
            return (enum path)i;
        }
    }
    return PATH_OTHER;
}

static void count_answer(struct nba_server *server, enum path path, int code)
{
    char text[8];
    (void)snprintf(text, sizeof(text), "%d", code);
    const struct nba_label labels[] = {{"path", path_names[path]}, {"code", text}};
    nba_counter_add(nba_metrics_counter(server->options.metrics, "nba_http_requests_total",
                                        "HTTP requests answered.", labels, 2),
                    1);
}

/* Every answer has the same headers; HEAD gets the length without the body. */
static void answer(struct nba_server *server, struct evhttp_request *request, enum path path,
                   int code, const char *reason, struct nba_str body)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    char length[24];
    (void)snprintf(length, sizeof(length), "%zu", body.bytes);
    (void)evhttp_add_header(headers, "Content-Type",
                            path == PATH_METRICS && code == 200
                                ? "text/plain; version=0.0.4; charset=utf-8"
                                : "text/plain; charset=utf-8");
    (void)evhttp_add_header(headers, "Content-Length", length);
    (void)evhttp_add_header(headers, "Content-Security-Policy",
                            "default-src 'self'; frame-ancestors 'none'");
    (void)evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
    (void)evhttp_add_header(headers, "Referrer-Policy", "no-referrer");
    (void)evhttp_add_header(headers, "Cache-Control", "no-store");
    (void)evhttp_add_header(headers, "Connection", NBA_CONNECTION_CLOSE);
    struct evbuffer *buffer = evbuffer_new();
    if (buffer != NULL && evhttp_request_get_command(request) != EVHTTP_REQ_HEAD) {
        (void)evbuffer_add(buffer, body.data, body.bytes);
    }
    nba_connection_table_answered(&server->connections, request);
    count_answer(server, path, code);
    evhttp_send_reply(request, code, reason, buffer);
    if (buffer != NULL) {
        evbuffer_free(buffer);
    }
}

static void answer_text(struct nba_server *server, struct evhttp_request *request, enum path path,
                        int code, const char *reason)
{
    char body[64];
    (void)snprintf(body, sizeof(body), "%s\n", reason);
    answer(server, request, path, code, reason, nba_str_of(body));
}

/* Host without its port equals `name`. */
static bool host_is(const char *host, const char *name)
{
    const size_t bytes = strlen(name);
    return strncasecmp(host, name, bytes) == 0 && (host[bytes] == '\0' || host[bytes] == ':');
}

static bool host_is_ours(const struct nba_server *server, const char *host)
{
    if (host == NULL) {
        return false;
    }
    if (host_is(host, server->address) || host_is(host, "localhost") ||
        host_is(host, "127.0.0.1") || host_is(host, "[::1]")) {
        return true;
    }
    for (size_t i = 0; i < server->options.host_count; i++) {
        if (host_is(host, server->options.hosts[i])) {
            return true;
        }
    }
    return false;
}

/* Takes as long for a wrong first byte as for a wrong last one. */
static bool token_is_right(const struct nba_server *server, const char *authorization)
{
    const size_t bytes = strlen(server->token);
    if (authorization == NULL || strncmp(authorization, "Bearer ", 7) != 0 ||
        strlen(authorization + 7) != bytes) {
        return false;
    }
    unsigned char difference = 0;
    for (size_t i = 0; i < bytes; i++) {
        difference |= (unsigned char)(authorization[7 + i] ^ server->token[i]);
    }
    return difference == 0;
}

static size_t count_headers(const struct evkeyvalq *headers)
{
    size_t count = 0;
    for (const struct evkeyval *at = headers->tqh_first; at != NULL; at = at->next.tqe_next) {
        count++;
    }
    return count;
}

static void answer_metrics(struct nba_server *server, struct evhttp_request *request)
{
    struct nba_buf buf;
    nba_buf_init(&buf, METRICS_BYTES_MAX);
    nba_metrics_write(server->options.metrics, &buf);
    if (buf.failed) {
        answer_text(server, request, PATH_METRICS, 500, "Internal Server Error");
    } else {
        answer(server, request, PATH_METRICS, 200, "OK", nba_buf_str(&buf));
    }
    nba_buf_clear(&buf);
}

static void answer_ready(struct nba_server *server, struct evhttp_request *request)
{
    const char *why = "not ready";
    const bool ready =
        server->options.ready == NULL || server->options.ready(server->options.context, &why);
    char body[128];
    (void)snprintf(body, sizeof(body), "%s\n", ready ? "ready" : why);
    answer(server, request, PATH_READYZ, ready ? 200 : 503, ready ? "OK" : "Service Unavailable",
           nba_str_of(body));
}

static void handle(struct evhttp_request *request, void *context)
{
    struct nba_server *server = context;
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const enum path path = path_of(uri != NULL ? evhttp_uri_get_path(uri) : NULL);
    const enum evhttp_cmd_type method = evhttp_request_get_command(request);

    if (count_headers(headers) > HEADERS_MAX) {
        answer_text(server, request, path, 431, "Request Header Fields Too Large");
    } else if (!host_is_ours(server, evhttp_find_header(headers, "Host"))) {
        answer_text(server, request, path, 400, "Bad Request");
    } else if (method != EVHTTP_REQ_GET && method != EVHTTP_REQ_HEAD) {
        (void)evhttp_add_header(evhttp_request_get_output_headers(request), "Allow", "GET, HEAD");
        answer_text(server, request, path, 405, "Method Not Allowed");
    } else if (path == PATH_OTHER) {
        answer_text(server, request, path, 404, "Not Found");
    } else if (path == PATH_LIVEZ) {
        answer(server, request, path, 200, "OK", nba_str_of("ok\n"));
    } else if (path == PATH_READYZ) {
        answer_ready(server, request);
    } else if (server->token[0] != '\0' &&
               !token_is_right(server, evhttp_find_header(headers, "Authorization"))) {
        (void)evhttp_add_header(evhttp_request_get_output_headers(request), "WWW-Authenticate",
                                "Bearer");
        answer_text(server, request, path, 401, "Unauthorized");
    } else {
        answer_metrics(server, request);
    }
}

static void woken(evutil_socket_t fd, short what, void *context)
{
    struct nba_server *server = context;
    (void)fd;
    (void)what;
    (void)event_base_loopbreak(server->base);
}

static void *serve(void *context)
{
    struct nba_server *server = context;
    (void)event_base_dispatch(server->base);
    return NULL;
}

static enum nba_status read_token(struct nba_server *server, struct nba_error *error)
{
    struct nba_buf buf;
    nba_buf_init(&buf, TOKEN_BYTES_MAX + 2);
    enum nba_status status = nba_file_read(server->options.token_file, &buf, error);
    if (status == NBA_OK) {
        while (buf.bytes > 0 &&
               (buf.data[buf.bytes - 1] == '\n' || buf.data[buf.bytes - 1] == '\r')) {
            buf.bytes--;
        }
        if (buf.bytes < TOKEN_BYTES_MIN || buf.bytes > TOKEN_BYTES_MAX ||
            memchr(buf.data, '\0', buf.bytes) != NULL) {
            status =
                nba_error_set(error, NBA_E_CONFIG, "token file '%s': expected %u to %u characters",
                              server->options.token_file, TOKEN_BYTES_MIN, TOKEN_BYTES_MAX);
        } else {
            memcpy(server->token, buf.data, buf.bytes);
            server->token[buf.bytes] = '\0';
        }
        memset(buf.data, 0, buf.capacity);
    }
    nba_buf_clear(&buf);
    return status;
}

static bool is_loopback(const char *address)
{
    struct in_addr four;
    struct in6_addr six;
    if (inet_pton(AF_INET, address, &four) == 1) {
        return (ntohl(four.s_addr) >> 24) == 127;
    }
    return inet_pton(AF_INET6, address, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

static enum nba_status check_access(struct nba_server *server, struct nba_error *error)
{
    struct in6_addr any;
    if (inet_pton(AF_INET, server->address, &any) != 1 &&
        inet_pton(AF_INET6, server->address, &any) != 1) {
        return nba_error_set(error, NBA_E_CONFIG, "HTTP address '%s': expected a numeric address",
                             server->address);
    }
    if (server->options.token_file != NULL) {
        return read_token(server, error);
    }
    if (!is_loopback(server->address) && !server->options.allow_unauthenticated) {
        return nba_error_set(error, NBA_E_CONFIG,
                             "HTTP address '%s' is not loopback: expected a token file",
                             server->address);
    }
    return NBA_OK;
}

static enum nba_status bind_listener(struct nba_server *server, struct nba_error *error)
{
    struct evhttp_bound_socket *bound =
        evhttp_bind_socket_with_handle(server->http, server->address, server->options.port);
    if (bound == NULL) {
        const int cause = errno;
        return nba_error_set(error, cause == EADDRINUSE ? NBA_E_EXISTS : NBA_E_IO,
                             "cannot listen on %s port %u: %s", server->address,
                             (unsigned)server->options.port, strerror(cause));
    }
    struct sockaddr_storage where;
    socklen_t bytes = sizeof(where);
    memset(&where, 0, sizeof(where));
    server->listener = evhttp_bound_socket_get_listener(bound);
    if (getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&where, &bytes) != 0) {
        return nba_error_set(error, NBA_E_IO, "cannot read the bound port: %s", strerror(errno));
    }
    _Static_assert(offsetof(struct sockaddr_in, sin_port) ==
                       offsetof(struct sockaddr_in6, sin6_port),
                   "ports stand at one place");
    in_port_t port = 0;
    memcpy(&port, (const char *)&where + offsetof(struct sockaddr_in, sin_port), sizeof(port));
    server->port = ntohs(port);
    return NBA_OK;
}

static enum nba_status make_loop(struct nba_server *server, struct nba_error *error)
{
    server->base = event_base_new();
    server->http = server->base != NULL ? evhttp_new(server->base) : NULL;
    if (server->http == NULL || pipe(server->pipe_fds) != 0) {
        return nba_error_set(error, NBA_E_IO, "cannot make the HTTP server: %s", strerror(errno));
    }
    for (int i = 0; i < 2; i++) {
        (void)fcntl(server->pipe_fds[i], F_SETFD, FD_CLOEXEC);
    }
    evhttp_set_max_headers_size(server->http, HEAD_BYTES_MAX);
    evhttp_set_max_body_size(server->http, 0);
    evhttp_set_timeout(server->http, (int)(NBA_HEAD_TIME_US / 1000000));
    /* Every method that evhttp knows comes here, to be answered with 405 and our headers. */
    evhttp_set_allowed_methods(server->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD |
                                                 EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
                                                 EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE |
                                                 EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH);
    evhttp_set_gencb(server->http, handle, server);
    server->wake = event_new(server->base, server->pipe_fds[0], EV_READ, woken, server);
    NBA_ASSERT(server->wake != NULL);
    (void)event_add(server->wake, NULL);
    return NBA_OK;
}

/* Signals are for the main thread; a client that goes away must not raise SIGPIPE here. */
static enum nba_status start_thread(struct nba_server *server, struct nba_error *error)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(&server->thread, NULL, serve, server);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "cannot start the HTTP thread: %s",
                             strerror(failed));
    }
    server->running = true;
    return NBA_OK;
}

enum nba_status nba_server_start(const struct nba_server_options *options,
                                 struct nba_server **ret_server, struct nba_error *error)
{
    struct nba_server *server = nba_zeros(1, sizeof(*server));
    server->options = *options;
    server->pipe_fds[0] = server->pipe_fds[1] = -1;
    (void)snprintf(server->address, sizeof(server->address), "%s",
                   options->address != NULL ? options->address : "127.0.0.1");
    enum nba_status status = check_access(server, error);
    status = status == NBA_OK ? make_loop(server, error) : status;
    status = status == NBA_OK ? bind_listener(server, error) : status;
    if (status == NBA_OK) {
        nba_connection_table_open(&server->connections, server->base, server->http,
                                  server->listener);
        status = start_thread(server, error);
    }
    if (status != NBA_OK) {
        nba_server_stop(server);
        return status;
    }
    *ret_server = server;
    return NBA_OK;
}

uint16_t nba_server_port(const struct nba_server *server)
{
    return server->port;
}

void nba_server_stop(struct nba_server *server)
{
    if (server == NULL) {
        return;
    }
    if (server->running) {
        ssize_t written = 0;
        do {
            written = write(server->pipe_fds[1], "", 1);
        } while (written < 0 && errno == EINTR);
        NBA_ASSERT(written == 1);
        (void)pthread_join(server->thread, NULL);
    }
    if (server->http != NULL) {
        evhttp_free(server->http);
    }
    nba_connection_table_close(&server->connections);
    if (server->wake != NULL) {
        event_free(server->wake);
    }
    if (server->base != NULL) {
        event_base_free(server->base);
    }
    for (int i = 0; i < 2; i++) {
        if (server->pipe_fds[i] >= 0) {
            (void)close(server->pipe_fds[i]);
        }
    }
    memset(server->token, 0, sizeof(server->token));
    free(server);
}
