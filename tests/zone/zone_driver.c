/* Answers lines of standard input: "ZONE local MS" by what the clock shows, "ZONE utc Y M D h m s"
 * by the instant; "version" by the version of the database. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "nba/base/zone.h"

static void answer(const char *line, const char *name, const char *what)
{
    const struct nba_zone *zone = nba_zone_find(nba_str_of(name));
    int64_t ms = 0;
    int n[6] = {0};
    if (zone == NULL) {
        (void)puts("unknown");
    } else if (strcmp(what, "local") == 0 && sscanf(line, "%*s %*s %" SCNd64, &ms) == 1) {
        const struct nba_local l = nba_zone_local(zone, ms);
        (void)printf("%d %d %d %d %d %d %d %d\n", l.year, l.month, l.day, l.hour, l.minute,
                     l.second, l.ms, l.weekday);
    } else if (sscanf(line, "%*s %*s %d %d %d %d %d %d", &n[0], &n[1], &n[2], &n[3], &n[4],
                      &n[5]) == 6) {
        const struct nba_local l = {.year = n[0],
                                    .month = (uint8_t)n[1],
                                    .day = (uint8_t)n[2],
                                    .hour = (uint8_t)n[3],
                                    .minute = (uint8_t)n[4],
                                    .second = (uint8_t)n[5]};
        (void)printf("%" PRId64 "\n", nba_zone_utc(zone, &l));
    }
}

int main(void)
{
    char line[256];
    while (fgets(line, sizeof(line), stdin) != NULL) {
        char name[128] = "";
        char what[16] = "";
        if (sscanf(line, "%127s %15s", name, what) == 2) {
            answer(line, name, what);
        } else {
            (void)puts(nba_zone_data_version());
        }
    }
    return 0;
}
