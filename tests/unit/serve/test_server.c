/* The server over real loopback sockets: paths, methods, headers, who gets in, clean shutdown. */
#include "nba_test.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nba/serve/server.h"

static bool ready_now;

static bool ready(void *context, const char **ret_why)
{
    (void)context;
    *ret_why = "restoring";
    return ready_now;
}

struct fixture {
    struct nba_metrics *metrics;
    struct nba_server *server;
    char answer[65536];
};

static struct nba_server *start(const struct nba_server_options *options)
{
    struct nba_server *server = NULL;
    struct nba_error error = {NBA_OK, ""};
    if (nba_server_start(options, &server, &error) != NBA_OK) {
        fail_msg("%s", error.message);
    }
    return server;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->metrics = nba_metrics_create();
    nba_counter_add(nba_metrics_counter(f->metrics, "nba_x_total", "X.", NULL, 0), 7);
    ready_now = false;
    f->server = start(&(struct nba_server_options){.metrics = f->metrics, .ready = ready});
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    nba_server_stop(f->server);
    nba_metrics_destroy(f->metrics);
    free(f);
    return 0;
}

static int connect_to(uint16_t port)
{
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to;
    memset(&to, 0, sizeof(to));
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

/* Sends `request` and reads until the server closes. */
static const char *talk(struct fixture *f, struct nba_server *server, const char *request)
{
    const int fd = connect_to(nba_server_port(server));
    size_t used = 0;
    ssize_t got = 0;
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    while ((got = recv(fd, f->answer + used, sizeof(f->answer) - 1 - used, 0)) > 0) {
        used += (size_t)got;
    }
    f->answer[used] = '\0';
    (void)close(fd);
    return f->answer;
}

static void assert_begins(const char *text, const char *with)
{
    if (strncmp(text, with, strlen(with)) != 0) {
        fail_msg("expected '%s' first, got '%.200s'", with, text);
    }
}

static void test_metrics_are_prometheus_text_with_the_safe_headers(void **state)
{
    struct fixture *f = *state;
    const char *text = talk(f, f->server, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_begins(text, "HTTP/1.1 200 OK\r\n");
    assert_non_null(strstr(text, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert_non_null(
        strstr(text, "Content-Security-Policy: default-src 'self'; frame-ancestors 'none'\r\n"));
    assert_non_null(strstr(text, "X-Content-Type-Options: nosniff\r\n"));
    assert_non_null(strstr(text, "Referrer-Policy: no-referrer\r\n"));
    assert_non_null(strstr(text, "Cache-Control: no-store\r\n"));
    assert_null(strstr(text, "Access-Control"));
    assert_non_null(strstr(text, "\nnba_x_total 7\n"));
}

static void test_readyz_follows_the_callback_and_livez_does_not(void **state)
{
    struct fixture *f = *state;
    const char *request = "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    assert_begins(talk(f, f->server, request), "HTTP/1.1 503 ");
    assert_non_null(strstr(f->answer, "\r\n\r\nrestoring\n"));
    assert_begins(talk(f, f->server, "GET /livez HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"),
                  "HTTP/1.1 200 ");
    ready_now = true;
    assert_begins(talk(f, f->server, request), "HTTP/1.1 200 ");
    assert_non_null(strstr(f->answer, "\r\n\r\nready\n"));
}

static void test_head_has_the_length_and_no_body(void **state)
{
    struct fixture *f = *state;
    const char *text = talk(f, f->server, "HEAD /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_begins(text, "HTTP/1.1 200 OK\r\n");
    assert_non_null(strstr(text, "Content-Length: 3\r\n"));
    assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n");
}

static void test_another_method_is_405_and_another_path_404(void **state)
{
    struct fixture *f = *state;
    static const char *const methods[] = {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        char request[128];
        (void)snprintf(request, sizeof(request),
                       "%s /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
                       methods[i]);
        assert_begins(talk(f, f->server, request), "HTTP/1.1 405 ");
        assert_non_null(strstr(f->answer, "Allow: GET, HEAD\r\n"));
    }
    assert_begins(talk(f, f->server, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), "HTTP/1.1 404 ");
    assert_begins(talk(f, f->server, "GET /..%2fetc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n"),
                  "HTTP/1.1 404 ");
    assert_begins(talk(f, f->server, "GET /metrics/ HTTP/1.1\r\nHost: localhost\r\n\r\n"),
                  "HTTP/1.1 404 ");
}

static void test_a_foreign_host_name_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_begins(
        talk(f, f->server, "GET /metrics HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n"),
        "HTTP/1.1 400 ");
    assert_begins(talk(f, f->server, "GET /metrics HTTP/1.1\r\n\r\n"), "HTTP/1.1 400 ");
    static const char *const hosts[] = {"nba.example"};
    struct nba_server *named =
        start(&(struct nba_server_options){.metrics = f->metrics, .hosts = hosts, .host_count = 1});
    assert_begins(talk(f, named, "GET /livez HTTP/1.1\r\nHost: NBA.example:9\r\n\r\n"),
                  "HTTP/1.1 200 ");
    nba_server_stop(named);
}

static void test_a_token_guards_metrics_and_not_health(void **state)
{
    struct fixture *f = *state;
    char path[] = "/tmp/nba-token-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    const char *token = "0123456789abcdef0123456789abcdef\n";
    assert_int_equal(write(fd, token, strlen(token)), strlen(token));
    (void)close(fd);
    struct nba_server *server =
        start(&(struct nba_server_options){.metrics = f->metrics, .token_file = path});
    assert_begins(talk(f, server, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"),
                  "HTTP/1.1 401 ");
    assert_begins(talk(f, server,
                       "GET /metrics HTTP/1.1\r\nHost: localhost\r\n"
                       "Authorization: Bearer 0123456789abcdef0123456789abcdee\r\n\r\n"),
                  "HTTP/1.1 401 ");
    assert_begins(talk(f, server,
                       "GET /metrics?token=0123456789abcdef0123456789abcdef HTTP/1.1\r\n"
                       "Host: localhost\r\n\r\n"),
                  "HTTP/1.1 401 ");
    assert_begins(talk(f, server,
                       "GET /metrics HTTP/1.1\r\nHost: localhost\r\n"
                       "Authorization: Bearer 0123456789abcdef0123456789abcdef\r\n\r\n"),
                  "HTTP/1.1 200 ");
    assert_begins(talk(f, server, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"),
                  "HTTP/1.1 200 ");
    nba_server_stop(server);
    (void)unlink(path);
}

static void refuse(const struct nba_server_options *options, enum nba_status status,
                   const char *words)
{
    struct nba_server *server = NULL;
    struct nba_error error = {NBA_OK, ""};
    assert_int_equal(nba_server_start(options, &server, &error), status);
    assert_null(server);
    if (strstr(error.message, words) == NULL) {
        fail_msg("expected '%s' in '%s'", words, error.message);
    }
}

static void test_what_must_not_start_does_not(void **state)
{
    struct fixture *f = *state;
    refuse(&(struct nba_server_options){.address = "0.0.0.0"}, NBA_E_CONFIG, "not loopback");
    refuse(&(struct nba_server_options){.address = "::"}, NBA_E_CONFIG, "not loopback");
    refuse(&(struct nba_server_options){.address = "somewhere"}, NBA_E_CONFIG, "numeric");
    refuse(&(struct nba_server_options){.token_file = "/dev/null/x"}, NBA_E_IO, "/dev/null/x");
    refuse(&(struct nba_server_options){.port = nba_server_port(f->server)}, NBA_E_EXISTS,
           "cannot listen");
    char path[] = "/tmp/nba-token-XXXXXX";
    const int fd = mkstemp(path);
    assert_int_equal(write(fd, "short\n", 6), 6);
    (void)close(fd);
    refuse(&(struct nba_server_options){.token_file = path}, NBA_E_CONFIG, "expected 32");
    (void)unlink(path);
    nba_server_stop(
        start(&(struct nba_server_options){.address = "0.0.0.0", .allow_unauthenticated = true}));
}

static void test_too_many_headers_and_a_too_long_head_are_refused(void **state)
{
    struct fixture *f = *state;
    struct nba_buf buf;
    nba_buf_init(&buf, 1u << 16);
    nba_buf_printf(&buf, "GET /livez HTTP/1.1\r\nHost: localhost\r\n");
    for (int i = 0; i < 64; i++) {
        nba_buf_printf(&buf, "X-%d: y\r\n", i);
    }
    nba_buf_append(&buf, "\r\n", 3);
    assert_begins(talk(f, f->server, (const char *)buf.data), "HTTP/1.1 431 ");
    nba_buf_reset(&buf);
    nba_buf_printf(&buf, "GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ");
    for (int i = 0; i < 9000; i++) {
        nba_buf_append_byte(&buf, 'a');
    }
    nba_buf_append(&buf, "\r\n\r\n", 5);
    assert_begins(talk(f, f->server, (const char *)buf.data), "HTTP/1.1 4");
    nba_buf_clear(&buf);
}

static size_t open_files(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder) != NULL) {
        count++;
    }
    (void)closedir(folder);
    return count;
}

static void test_stop_ends_idle_connections_and_leaves_no_file_open(void **state)
{
    (void)state;
    const size_t before = open_files();
    struct nba_server *server = start(&(struct nba_server_options){.port = 0});
    const int fd = connect_to(nba_server_port(server));
    assert_int_equal(send(fd, "GET /l", 6, MSG_NOSIGNAL), 6);
    char byte = 0;
    struct fixture *f = *state;
    assert_begins(talk(f, server, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"),
                  "HTTP/1.1 200");
    nba_server_stop(server);
    assert_true(recv(fd, &byte, 1, 0) <= 0);
    (void)close(fd);
    assert_int_equal(open_files(), before);
    nba_server_stop(NULL);
}

static void test_more_clients_than_places_are_all_served_in_the_end(void **state)
{
    struct fixture *f = *state;
    enum { CLIENTS = 150 };
    const char *request = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";
    int fds[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = connect_to(nba_server_port(f->server));
    }
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(send(fds[i], request, strlen(request), MSG_NOSIGNAL), strlen(request));
    }
    for (int i = 0; i < CLIENTS; i++) {
        char begin[16] = {0};
        assert_int_equal(recv(fds[i], begin, 12, MSG_WAITALL), 12);
        assert_string_equal(begin, "HTTP/1.1 200");
        (void)close(fds[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_metrics_are_prometheus_text_with_the_safe_headers,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_readyz_follows_the_callback_and_livez_does_not, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_head_has_the_length_and_no_body, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_method_is_405_and_another_path_404, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_foreign_host_name_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_token_guards_metrics_and_not_health, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_what_must_not_start_does_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_many_headers_and_a_too_long_head_are_refused,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stop_ends_idle_connections_and_leaves_no_file_open,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_more_clients_than_places_are_all_served_in_the_end,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests_name("unit.serve.server", tests, NULL, NULL);
}
