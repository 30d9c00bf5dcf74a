/*
 * What counting costs: 2 million interactions of 50,000 users with 1,000 contents (Zipf 0.7),
 * seconds of CPU: the fastest of rounds, the median beside it.
 *
 *   bench_cooccurrence [rounds]
 *
 * pairs is all of X'X above the diagonal, its indexes with it.  The bar is an eighth of the 0.44 s
 * that implicit's CosineRecommender (K = 20) takes to fit the same on one core of an AMD EPYC
 * (Zen 5), the machine the design was measured on; knn (k = 20) is what it does in full.  Figures
 * go to the file named by NBA_BENCH_BARS as tools/bench wants them.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nba/base/memory.h"
#include "nba/base/random.h"
#include "nba/linalg/blas.h"
#include "nba/train/cooccurrence.h"
#include "nba/train/item_item.h"

enum { USERS = 50000, CONTENTS = 1000, ROWS = 2000000, ROUNDS_MAX = 101, CASES = 4 };
#define BAR_S 0.055

static double cpu_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Users' contents by chance; ret_counts (USERS). */
static struct nba_dataset make(struct nba_arena *pool, uint32_t *ret_counts)
{
    struct nba_dataset d = {.user_count = USERS, .content_count = CONTENTS, .ordered = true};
    struct nba_rng rng = nba_rng(1);
    double *below = nba_pool_take(pool, CONTENTS, sizeof(*below));
    uint32_t *users = nba_pool_take(pool, ROWS, sizeof(*users));
    size_t *next = nba_pool_take(pool, USERS, sizeof(*next));
    double sum = 0.0;
    d.sequence = nba_pool_take(pool, ROWS, sizeof(*d.sequence));
    d.sequence_offset = nba_pool_take(pool, USERS + 1, sizeof(*d.sequence_offset));
    for (size_t k = 0; k < CONTENTS; k++) {
        below[k] = sum += pow((double)(k + 1), -0.7);
    }
    for (size_t i = 0; i < ROWS; i++) {
        users[i] = (uint32_t)nba_rng_below(&rng, USERS);
        ret_counts[users[i]]++;
    }
    for (size_t u = 0; u < USERS; u++) {
        next[u] = d.sequence_offset[u];
        d.sequence_offset[u + 1] = d.sequence_offset[u] + ret_counts[u];
    }
    for (size_t i = 0; i < ROWS; i++) {
        const double x = nba_rng_double(&rng) * sum;
        uint32_t low = 0;
        for (uint32_t high = CONTENTS - 1; low < high;) {
            const uint32_t middle = (low + high) / 2;
            low = below[middle] < x ? middle + 1 : low;
            high = below[middle] < x ? high : middle;
        }
        d.sequence[next[users[i]]++] = low;
    }
    return d;
}

/* CPU seconds of one round; the last case is X'X itself. */
static double run(const struct nba_dataset *d, const uint32_t *counts, int which, float *row)
{
    const struct nba_item_item_options options = {
        .lambda = 500, .neighbours = 20, .window = 20, .last = 5, .decay = 0.8};
    struct nba_arena pool = {0};
    struct nba_neighbours made;
    struct nba_error error;
    const double began = cpu_s();
    if (which < NBA_ITEM_ITEM_COUNT) {
        if (nba_item_item_count((enum nba_item_item)which, d, counts, &options, &pool, &made,
                                &error) != NBA_OK) {
            (void)fprintf(stderr, "bench: %s\n", error.message);
            exit(1);
        }
    } else {
        const struct nba_cooccurrence pairs = nba_cooccurrence(d, counts, &pool);
        for (uint32_t i = 0; i < CONTENTS; i++) {
            nba_cooccurrence_row(&pairs, i, row);
        }
    }
    const double seconds = cpu_s() - began;
    nba_arena_clear(&pool);
    return seconds;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int count, char **arguments)
{
    static const char *const names[CASES] = {"ease", "knn", "rules", "pairs"};
    static double seconds[CASES][ROUNDS_MAX];
    static float row[CONTENTS];
    static uint32_t counts[USERS];
    const int asked = count > 1 ? (int)strtol(arguments[1], NULL, 10) : 15;
    const int rounds = asked < 1 ? 1 : asked > ROUNDS_MAX ? ROUNDS_MAX : asked;
    const char *path = getenv("NBA_BENCH_BARS");
    FILE *bars = path != NULL ? fopen(path, "a") : NULL;
    struct nba_arena pool = {0};
    nba_blas_use_one_thread();
    const struct nba_dataset d = make(&pool, counts);
    for (int round = 0; round < rounds; round++) {
        for (int c = 0; c < CASES; c++) {
            seconds[c][round] = run(&d, counts, c, row);
        }
    }
    for (int c = 0; c < CASES; c++) {
        qsort(seconds[c], (size_t)rounds, sizeof(double), compare);
        (void)printf("%-8s %7.4f s, median %7.4f\n", names[c], seconds[c][0],
                     seconds[c][rounds / 2]);
        if (bars != NULL) {
            (void)fprintf(bars, "{\"id\":\"cooccurrence.%s\",\"value\":%.4f,\"unit\":\"s\",",
                          names[c], seconds[c][0]);
            if (c == CASES - 1) {
                (void)fprintf(bars, "\"bar\":%g,", BAR_S);
            }
            (void)fprintf(bars, "\"better\":\"lower\"}\n");
        }
    }
    if (bars != NULL) {
        (void)fclose(bars);
    }
    nba_arena_clear(&pool);
    return 0;
}
