/* The server alone, for tests/http/test_http.py: prints its port, serves until standard input
 * ends. */
#include <stdio.h>

#include "nba/serve/server.h"

int main(void)
{
    struct nba_metrics *metrics = nba_metrics_create();
    struct nba_server *server = NULL;
    struct nba_error error = {NBA_OK, ""};
    nba_counter_add(nba_metrics_counter(metrics, "nba_events_total", "Events.", NULL, 0), 1);
    if (nba_server_start(&(struct nba_server_options){.metrics = metrics}, &server, &error) !=
        NBA_OK) {
        (void)fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    (void)printf("%u\n", (unsigned)nba_server_port(server));
    (void)fflush(stdout);
    while (getchar() != EOF) {
    }
    nba_server_stop(server);
    nba_metrics_destroy(metrics);
    return 0;
}
