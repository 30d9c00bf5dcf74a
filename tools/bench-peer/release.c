/*
 * A release of the right sizes and random weights, for benches alone: what an event costs doesn't
 * depend on the weights' values.  `nba` itself never makes or takes such weights: this program writes
 * the folder that `nba train --release` would write, its training says "random", and its report is
 * empty.
 *
 *   peer_release FOLDER CONTENTS [PATTERN [all | members]]
 *
 * Prints the release's id and makes it the champion of FOLDER.  PATTERN (default c%04u) names the
 * contents 0 .. CONTENTS - 1.  LSTM 64 -> 128 -> 64 alone; with `all` NCF 64, 128-64-32 too, and
 * the fusion of LSTM, NCF and popularity; with `members` EASE of 32 events, item-kNN of 100
 * neighbours and 64 events and rules of 5 events beside them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/random.h"
#include "nba/release/release.h"
#include "nba/release/shelf.h"

enum { D = 64, H1 = 128, H2 = 64, M1 = 128, M2 = 64, M3 = 32, NAME_BYTES = 32, WINDOW = 64 };
enum { KNN = 100, RULES = 5 };

static struct nba_rng rng = {7};

static float *draw(size_t count, double scale)
{
    float *x = malloc(count * sizeof *x);
    if (x == NULL) {
        abort();
    }
    for (size_t i = 0; i < count; i++) {
        x[i] = (float)(scale * (2 * nba_rng_double(&rng) - 1));
    }
    return x;
}

/* Strictly ascending names, and how often each was engaged. */
static void name_contents(struct nba_release_parts *parts, uint32_t count, const char *pattern)
{
    char *text = malloc((size_t)count * NAME_BYTES);
    struct nba_str *names = malloc(count * sizeof *names);
    uint32_t *popularity = malloc(count * sizeof *popularity);
    if (text == NULL || names == NULL || popularity == NULL) {
        abort();
    }
    const char *number = strstr(pattern, "%04u");
    for (uint32_t i = 0; i < count; i++) {
        char *name = text + (size_t)i * NAME_BYTES;
        (void)snprintf(name, NAME_BYTES, "%.*s%04u%s", (int)(number - pattern), pattern, i,
                       number + strlen("%04u"));
        names[i] = nba_str_of(name);
        popularity[i] = 1 + (uint32_t)nba_rng_below(&rng, 1000);
    }
    parts->contents = names;
    parts->content_count = count;
    parts->popularity = popularity;
}

/* Each content speaks for all, or for KNN of them. */
static struct nba_neighbours neighbours(uint32_t count, uint32_t last, bool dense)
{
    const uint32_t each = dense ? count : count < KNN ? count : KNN;
    uint32_t *offsets = malloc((count + 1u) * sizeof *offsets);
    uint32_t *columns = malloc((size_t)count * each * sizeof *columns);
    if (offsets == NULL || columns == NULL) {
        abort();
    }
    for (uint32_t i = 0; i <= count; i++) {
        offsets[i] = i * each;
    }
    for (uint32_t e = 0; e < count * each; e++) {
        columns[e] = e % each * (count / each);
    }
    return (struct nba_neighbours){.contents = count,
                                   .entries = count * each,
                                   .last = last,
                                   .decay = 0.875f,
                                   .values = draw((size_t)count * each, 0.2),
                                   .offsets = dense ? NULL : offsets,
                                   .columns = dense ? NULL : columns,
                                   .prior = draw(count, 0.001)};
}

int main(int argc, char **argv)
{
    const char *pattern = argc > 3 ? argv[3] : "c%04u";
    const uint32_t count = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
    const bool members = argc > 4 && strcmp(argv[4], "members") == 0;
    const bool all = members || (argc > 4 && strcmp(argv[4], "all") == 0);
    if (count == 0 || count > NBA_CONTENTS_MAX || strstr(pattern, "%04u") == NULL) {
        (void)fprintf(stderr, "usage: peer_release FOLDER CONTENTS [PATTERN with %%04u "
                              "[all | members]]\n");
        return 2;
    }
    /* Scales of a trained network: 1/sqrt(inputs), so that gates neither saturate nor vanish. */
    const struct nba_lstm_weights lstm = {.shape = {count, D, H1, H2},
                                          .embedding = draw((size_t)count * D, 1),
                                          .w1 = draw((D + H1) * 4 * H1, 0.19),
                                          .b1 = draw(4 * H1, 0.1),
                                          .w2 = draw((H1 + H2) * 4 * H2, 0.25),
                                          .b2 = draw(4 * H2, 0.1),
                                          .out_bias = draw(count, 0.1)};
    const struct nba_ncf_weights ncf = {.shape = {count, 1, D, M1, M2, M3},
                                        .item_gmf = draw((size_t)count * D, 1),
                                        .item_mlp = draw((size_t)count * D, 1),
                                        .history = draw((size_t)count * 2 * D, 1),
                                        .prior = draw((size_t)2 * D, 1),
                                        .w1 = draw((size_t)2 * D * M1, 0.16),
                                        .b1 = draw(M1, 0.1),
                                        .w2 = draw((size_t)M1 * M2, 0.16),
                                        .b2 = draw(M2, 0.1),
                                        .w3 = draw((size_t)M2 * M3, 0.2),
                                        .b3 = draw(M3, 0.1),
                                        .w_out = draw(D + M3, 0.2),
                                        .b_out = draw(1, 0.1)};
    struct nba_release_parts parts = {
        .window_events = WINDOW,
        .lstm = &lstm,
        .ncf = all ? &ncf : NULL,
        .fusion = {[NBA_FUSION_CHEAP] = {.weights = {1, 0, all ? 0.3 : 0}, .a = 1, .b = -3},
                   [NBA_FUSION_FULL] = {.weights = {1, all ? 0.5 : 0, all ? 0.3 : 0},
                                        .a = 1,
                                        .b = -3}},
        .content_rate = draw(count, 0.5),
        .calibrator = {.weights = {1, 1, -0.1}},
        .training_json = nba_str_of("{\"made_by\": \"peer_release\", \"weights\": \"random\"}"),
        .report_json = nba_str_of("{}"),
        .history_json = nba_str_of("[]"),
        .engine_version = nba_str_of("bench"),
    };
    const struct nba_neighbours ease = neighbours(members ? count : 1, 32, true);
    const struct nba_neighbours knn = neighbours(members ? count : 1, 64, false);
    const struct nba_neighbours rules = neighbours(members ? count : 1, RULES, false);
    const struct nba_neighbours *const three[] = {&ease, &knn, &rules};
    for (int i = 0; members && i < NBA_NEIGHBOURS_COUNT; i++) {
        parts.neighbours[i] = three[i];
        parts.fusion[NBA_FUSION_CHEAP].weights[NBA_NEIGHBOURS_FIRST + i] = 0.3;
        parts.fusion[NBA_FUSION_FULL].weights[NBA_NEIGHBOURS_FIRST + i] = 0.3;
    }
    name_contents(&parts, count, pattern);
    char id[NBA_RELEASE_ID_BYTES];
    struct nba_error error = {0};
    enum nba_status status = nba_release_write(&parts, argv[1], id, &error);
    if (status == NBA_OK) {
        status = nba_shelf_set_champion(argv[1], id, &error);
    }
    if (status != NBA_OK) {
        (void)fprintf(stderr, "peer_release: %s\n", error.message);
        return 1;
    }
    printf("%s\n", id);
    return 0; /* the process ends: nothing is freed one by one */
}
