/* A small release for the tests of the module: five contents, two specialties, LSTM 16-32-16, NCF
 * 16 with 32-16-16, EASE dense, item-kNN and rules sparse; and a scratch folder. */
#ifndef NBA_RELEASE_FIXTURE_H
#define NBA_RELEASE_FIXTURE_H

#include "nba_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "nba/base/file.h"
#include "nba/base/random.h"
#include "nba/release/release.h"
#include "nba/release/shelf.h"

enum { N = 5, S = 2, D = 16, H1 = 32, H2 = 16, M1 = 32, M2 = 16, M3 = 16 };

struct parts_fixture {
    struct nba_str contents[N];
    struct nba_str specialties[S];
    uint32_t popularity[(1 + S) * N];
    float content_rate[(1 + S) * N];
    float floats[16384];
    struct nba_lstm_weights lstm;
    struct nba_ncf_weights ncf;
    uint32_t offsets[N + 1], columns[2 * N];
    struct nba_neighbours neighbours[NBA_NEIGHBOURS_COUNT];
    struct nba_release_parts parts;
};

static inline const float *take_floats(struct parts_fixture *f, size_t *at, size_t count)
{
    const float *piece = f->floats + *at;
    *at += count;
    assert_true(*at <= NBA_ARRAY_COUNT(f->floats));
    return piece;
}

static inline void fixture_models(struct parts_fixture *f)
{
    size_t at = 0;
    f->lstm = (struct nba_lstm_weights){.shape = {N, D, H1, H2}};
    f->lstm.embedding = take_floats(f, &at, N * D);
    f->lstm.w1 = take_floats(f, &at, (D + H1) * 4 * H1);
    f->lstm.b1 = take_floats(f, &at, 4 * H1);
    f->lstm.w2 = take_floats(f, &at, (H1 + H2) * 4 * H2);
    f->lstm.b2 = take_floats(f, &at, 4 * H2);
    f->lstm.out_bias = take_floats(f, &at, N);
    f->ncf = (struct nba_ncf_weights){.shape = {N, 1 + S, D, M1, M2, M3}};
    f->ncf.item_gmf = take_floats(f, &at, N * D);
    f->ncf.item_mlp = take_floats(f, &at, N * D);
    f->ncf.history = take_floats(f, &at, N * 2 * D);
    f->ncf.prior = take_floats(f, &at, (1 + S) * 2 * D);
    f->ncf.w1 = take_floats(f, &at, 2 * D * M1);
    f->ncf.b1 = take_floats(f, &at, M1);
    f->ncf.w2 = take_floats(f, &at, M1 * M2);
    f->ncf.b2 = take_floats(f, &at, M2);
    f->ncf.w3 = take_floats(f, &at, M2 * M3);
    f->ncf.b3 = take_floats(f, &at, M3);
    f->ncf.w_out = take_floats(f, &at, D + M3);
    f->ncf.b_out = take_floats(f, &at, 1);
}

/* Each content speaks for the next two. */
static inline void fixture_neighbours(struct parts_fixture *f)
{
    f->offsets[0] = 0;
    for (uint32_t i = 0; i < N; i++) {
        const uint32_t next[] = {(i + 1) % N, (i + 2) % N};
        f->offsets[i + 1] = 2 * (i + 1);
        f->columns[2 * i] = next[0] < next[1] ? next[0] : next[1];
        f->columns[2 * i + 1] = next[0] < next[1] ? next[1] : next[0];
    }
    for (uint32_t i = 0; i < NBA_NEIGHBOURS_COUNT; i++) {
        const bool dense = i == 0;
        f->neighbours[i] = (struct nba_neighbours){
            .contents = N,
            .entries = dense ? N * N : 2 * N,
            .last = 4 + i,
            .decay = 0.75f,
            .values = f->floats + 1000 * (i + 1),
            .offsets = dense ? NULL : f->offsets,
            .columns = dense ? NULL : f->columns,
            .prior = f->floats + 100 * (i + 1),
        };
        f->parts.neighbours[i] = &f->neighbours[i];
    }
}

static inline void fixture_init(struct parts_fixture *f)
{
    static const char *const ids[N] = {"aspirin-faq", "b", "c-webinar", "c-webinar-2", "zeta"};
    static const char *const words[S] = {"cardiology", "oncology"};
    struct nba_rng rng = nba_rng(99);
    for (size_t i = 0; i < N; i++) {
        f->contents[i] = nba_str_of(ids[i]);
    }
    for (size_t i = 0; i < S; i++) {
        f->specialties[i] = nba_str_of(words[i]);
    }
    for (uint32_t i = 0; i < (1 + S) * N; i++) {
        f->popularity[i] = 100 + 7 * i;
        f->content_rate[i] = 0.125f * (float)i - 1.0f;
    }
    for (size_t i = 0; i < NBA_ARRAY_COUNT(f->floats); i++) {
        f->floats[i] = (float)(0.5 * (2 * nba_rng_double(&rng) - 1));
    }
    fixture_models(f);
    f->parts = (struct nba_release_parts){
        .parent = nba_str("", 0),
        .window_events = 32,
        .contents = f->contents,
        .content_count = N,
        .specialties = f->specialties,
        .specialty_count = S,
        .popularity = f->popularity,
        .lstm = &f->lstm,
        .ncf = &f->ncf,
        .fusion = {{{0.7, 0, 0.3, 0.2, 0.1, 0.25}, 1.5, -2.0},
                   {{0.5, 0.4, 0.1, 0.15, 0.2, 0.3}, 1.25, -1.75}},
        .content_rate = f->content_rate,
        .calibrator = {{0, 0.1, 0.2, 0.3, 0.4, 0.5}, {0.9, 0.5, -0.25}},
        .training_json = nba_str_of("{\"seed\": 7, \"lstm\": {\"epochs\": [1, 2.5e-1, null]}}"),
        .report_json = nba_str_of("{\"ndcg\": 0.125}"),
        .history_json = nba_str_of("[]"),
        .created_ms = 1700000000000,
        .engine_version = nba_str_of("0.1.0"),
    };
    fixture_neighbours(f);
}

static inline int scratch_create(void **state)
{
    char *folder = malloc(64);
    assert_non_null(folder);
    (void)snprintf(folder, 64, "/tmp/nba-release-XXXXXX");
    assert_non_null(mkdtemp(folder));
    *state = folder;
    return 0;
}

static inline int scratch_remove(void **state)
{
    struct nba_error error;
    assert_int_equal(nba_file_remove_tree(*state, &error), NBA_OK);
    free(*state);
    return 0;
}

/* Writes the fixture's release and says its path. */
static inline void write_release(const struct nba_release_parts *parts, const char *folder,
                                 char *ret_path, size_t path_bytes)
{
    char id[NBA_RELEASE_ID_BYTES];
    struct nba_error error = {0};
    if (nba_release_write(parts, folder, id, &error) != NBA_OK) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(nba_shelf_path(folder, id, ret_path, path_bytes, &error), NBA_OK);
}

/* Loading fails, says `says`, and returns nothing. */
static inline enum nba_status refused(const char *path, const char *says)
{
    struct nba_release *release = NULL;
    struct nba_error error = {0};
    const enum nba_status status = nba_release_load(path, NULL, &release, &error);
    assert_int_not_equal(status, NBA_OK);
    assert_null(release);
    assert_int_equal(error.status, status);
    if (strstr(error.message, says) == NULL) {
        fail_msg("'%s' does not say '%s'", error.message, says);
    }
    return status;
}

static inline void file_path(const char *release, const char *name, char *ret_path, size_t bytes)
{
    assert_true((size_t)snprintf(ret_path, bytes, "%s/%s", release, name) < bytes);
}

static inline void read_file(const char *release, const char *name, struct nba_buf *buf)
{
    char path[512];
    struct nba_error error;
    nba_buf_init(buf, 1u << 24);
    file_path(release, name, path, sizeof path);
    assert_int_equal(nba_file_read(path, buf, &error), NBA_OK);
}

static inline void write_file(const char *release, const char *name, struct nba_str bytes)
{
    char path[512];
    struct nba_error error;
    file_path(release, name, path, sizeof path);
    assert_int_equal(nba_file_write(path, bytes, &error), NBA_OK);
}

#endif
