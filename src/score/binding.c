/* A catalogue and a release, matched once so that events needn't. */
#include <stdlib.h>

#include "binding_internal.h"
#include "nba/base/assert.h"
#include "nba/score/fusion.h"

static bool match_vocabulary(struct nba_score_binding *binding)
{
    const struct nba_catalog *catalog = binding->catalog;
    const size_t room = catalog->content_count != 0 ? catalog->content_count : 1;
    binding->vocabulary_index = malloc(room * sizeof(*binding->vocabulary_index));
    binding->known = malloc(room * sizeof(*binding->known));
    binding->known_index = malloc(room * sizeof(*binding->known_index));
    if (binding->vocabulary_index == NULL || binding->known == NULL ||
        binding->known_index == NULL) {
        return false;
    }
    for (uint32_t k = 0; k < catalog->content_count; k++) {
        const uint32_t index =
            binding->release != NULL
                ? nba_release_content_find(binding->release, catalog->contents[k].content_id)
                : NBA_RELEASE_UNKNOWN;
        binding->vocabulary_index[k] = index;
        if (index != NBA_RELEASE_UNKNOWN) {
            binding->known_index[binding->known_count] = index;
            binding->known[binding->known_count++] = k;
        }
    }
    return true;
}

static bool standardise_popularity(struct nba_score_binding *binding)
{
    const size_t count = binding->known_count;
    const size_t segments = 1 + (size_t)nba_release_parts(binding->release)->specialty_count;
    uint32_t *everyone = malloc((count + 1) * sizeof(*everyone));
    uint32_t *segment = malloc((count + 1) * sizeof(*segment));
    binding->popularity = malloc((segments * count + 1) * sizeof(*binding->popularity));
    const bool ok = everyone != NULL && segment != NULL && binding->popularity != NULL;
    for (uint32_t s = 0; ok && s < segments; s++) {
        const uint32_t *all = nba_release_popularity(binding->release, 0);
        const uint32_t *own = nba_release_popularity(binding->release, s);
        float *row = binding->popularity + s * count;
        for (size_t i = 0; i < count; i++) {
            const uint32_t index = binding->known_index[i];
            everyone[i] = all[index];
            segment[i] = own[index];
        }
        nba_popularity_scores(segment, everyone, count, row);
        nba_standardise(row, count, row);
    }
    free(everyone);
    free(segment);
    return ok;
}

/* One member alone: its standardised score is the score. */
static struct nba_fusion alone(enum nba_fusion_member member)
{
    struct nba_fusion fusion = {.a = 1.0};
    fusion.weights[member] = 1.0;
    return fusion;
}

static enum nba_status choose_fusion(struct nba_score_binding *binding,
                                     const struct nba_score_options *options,
                                     struct nba_error *error)
{
    static const enum nba_fusion_member members[] = {
        [NBA_SCORE_LSTM] = NBA_MEMBER_LSTM,
        [NBA_SCORE_NCF] = NBA_MEMBER_NCF,
        [NBA_SCORE_POPULARITY] = NBA_MEMBER_POPULARITY,
    };
    const struct nba_release *release = binding->release;
    binding->cheap = nba_release_parts(release)->fusion[NBA_FUSION_CHEAP];
    binding->full = nba_release_parts(release)->fusion[NBA_FUSION_FULL];
    if (options->model == NBA_SCORE_FUSION) {
        const bool asked =
            nba_release_has(release, NBA_MEMBER_NCF) && binding->full.weights[NBA_MEMBER_NCF] > 0.0;
        binding->ncf_candidates = asked ? options->ncf_candidates : 0;
        return NBA_OK;
    }
    const enum nba_fusion_member member = members[options->model];
    if (!nba_release_has(release, member)) {
        return nba_error_set(error, NBA_E_NOT_FOUND, "release %.12s has no member %s",
                             nba_release_id(release), nba_fusion_member_name(member));
    }
    binding->ncf_candidates = options->model == NBA_SCORE_NCF ? binding->known_count : 0;
    binding->cheap = alone(options->model == NBA_SCORE_NCF ? NBA_MEMBER_POPULARITY : member);
    binding->full = alone(member);
    return NBA_OK;
}

enum nba_status nba_score_binding_create(struct nba_catalog *catalog, struct nba_release *release,
                                         const struct nba_score_options *options,
                                         struct nba_score_binding **ret_binding,
                                         struct nba_error *error)
{
    NBA_ASSERT(catalog != NULL && options->ncf_candidates <= NBA_SCORE_NCF_CANDIDATES_MAX);
    NBA_ASSERT(options->rankings_top_n <= NBA_SCORE_RANKING_MAX);
    struct nba_score_binding *binding = calloc(1, sizeof(*binding));
    if (binding == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory binding the catalogue");
    }
    binding->catalog = nba_catalog_ref(catalog);
    binding->release = release != NULL ? nba_release_ref(release) : NULL;
    binding->rankings_top_n = options->rankings_top_n;
    if (!match_vocabulary(binding) || (release != NULL && !standardise_popularity(binding))) {
        nba_score_binding_destroy(binding);
        return nba_error_set(error, NBA_E_NO_MEMORY, "out of memory binding the catalogue");
    }
    const enum nba_status status =
        release != NULL ? choose_fusion(binding, options, error) : NBA_OK;
    if (status != NBA_OK) {
        nba_score_binding_destroy(binding);
        return status;
    }
    *ret_binding = binding;
    return NBA_OK;
}

void nba_score_binding_destroy(struct nba_score_binding *binding)
{
    if (binding == NULL) {
        return;
    }
    nba_catalog_unref(binding->catalog);
    nba_release_unref(binding->release);
    free(binding->vocabulary_index);
    free(binding->known);
    free(binding->known_index);
    free(binding->popularity);
    free(binding);
}

const char *nba_score_binding_version(const struct nba_score_binding *binding)
{
    return binding->release != NULL ? nba_release_id(binding->release) : "popularity";
}

size_t nba_score_binding_state_floats(const struct nba_score_binding *binding)
{
    const struct nba_lstm *lstm =
        binding->release != NULL ? nba_release_lstm(binding->release) : NULL;
    return lstm != NULL ? nba_lstm_state_floats(lstm) : 0;
}
