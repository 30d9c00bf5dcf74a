/*
 * A release from bytes that someone else wrote: u32 length of the manifest, the manifest, the
 * tensors. Checksums are passed over, so that what lies behind them is reached; whatever is
 * accepted must be fit to serve.  Seeds: tests/fuzz/corpus/release, a release of test_release.c
 * with its models, in bfloat16, and without.
 */
#include "fuzz_driver.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/release/release_internal.h"
#include "nba/base/assert.h"

static void use_ncf(const struct nba_release *release, uint32_t content)
{
    const struct nba_ncf_weights *weights = nba_release_parts(release)->ncf;
    struct nba_ncf *ncf = NULL;
    if (weights != NULL && nba_ncf_create(weights, nba_kernels_best(), &ncf, NULL) == NBA_OK) {
        float *user = calloc(nba_ncf_user_floats(ncf), sizeof *user);
        float score = NAN;
        NBA_ASSERT(user != NULL);
        nba_ncf_fold_in(ncf, nba_release_parts(release)->specialty_count, &content, 1, user);
        nba_ncf_scores(ncf, user, &content, 1, &score);
        NBA_ASSERT(isfinite(score));
        free(user);
        nba_ncf_destroy(ncf);
    }
}

/* An accepted release answers every question within its bounds. */
static void use(const struct nba_release *release)
{
    const uint32_t contents = nba_release_parts(release)->content_count;
    for (uint32_t i = 0; i < contents; i++) {
        const struct nba_str id = nba_release_parts(release)->contents[i];
        NBA_ASSERT(nba_release_content_find(release, id) == i);
        NBA_ASSERT(nba_release_content_of_hash(release, nba_content_hash(id)) == i);
    }
    for (uint32_t s = 0; s < nba_release_parts(release)->specialty_count; s++) {
        NBA_ASSERT(nba_release_segment_find(release, nba_release_parts(release)->specialties[s]) ==
                   s + 1);
    }
    const struct nba_lstm_weights *weights = nba_release_parts(release)->lstm;
    struct nba_lstm *lstm = NULL;
    if (weights != NULL && nba_lstm_create(weights, nba_kernels_best(), &lstm, NULL) == NBA_OK) {
        float *state = calloc(nba_lstm_state_floats(lstm), sizeof *state);
        NBA_ASSERT(state != NULL);
        const uint32_t content = contents - 1;
        const struct nba_lstm_window window = {&content, 1, state};
        nba_lstm_run(lstm, &window, 1);
        float *scores = calloc(nba_lstm_score_floats(lstm), sizeof *scores);
        NBA_ASSERT(scores != NULL);
        const float *const states[] = {state};
        nba_lstm_scores(lstm, states, 1, scores);
        for (uint32_t i = 0; i < contents; i++) {
            NBA_ASSERT(isfinite(scores[i]));
        }
        free(scores);
        free(state);
        nba_lstm_destroy(lstm);
    }
    use_ncf(release, contents - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    uint32_t manifest_bytes = 0;
    if (bytes < sizeof manifest_bytes) {
        return 0;
    }
    memcpy(&manifest_bytes, data, sizeof manifest_bytes);
    data += sizeof manifest_bytes;
    bytes -= sizeof manifest_bytes;
    if (manifest_bytes > bytes) {
        return 0;
    }
    struct nba_manifest manifest;
    struct nba_error error;
    if (nba_manifest_scan(nba_str((const char *)data, manifest_bytes), &manifest, &error) !=
        NBA_OK) {
        return 0;
    }
    const size_t given = bytes - manifest_bytes;
    /* tensors that aren't there count as zeros, within reason */
    if (manifest.layout.bytes > (1u << 20)) {
        return 0;
    }
    unsigned char *tensors = NULL;
    if (posix_memalign((void **)&tensors, NBA_RELEASE_ALIGN_BYTES, (size_t)manifest.layout.bytes) !=
        0) {
        return 0;
    }
    memset(tensors, 0, (size_t)manifest.layout.bytes);
    memcpy(tensors, data + manifest_bytes,
           given < manifest.layout.bytes ? given : (size_t)manifest.layout.bytes);
    struct nba_release *release = NULL;
    if (nba_release_decode(&manifest, tensors, false, &release, &error) == NBA_OK) {
        use(release);
        nba_release_unref(release);
    }
    return 0;
}
