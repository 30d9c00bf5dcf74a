/* A catalogue and a release, matched once so that events needn't. */
#include <stdlib.h>
#include <string.h>

#include "binding_internal.h"
#include "nba/base/assert.h"
#include "nba/base/memory.h"
#include "nba/score/fusion.h"

static void match_vocabulary(struct nba_score_binding *binding)
{
    const struct nba_catalog *catalog = binding->catalog;
    binding->known = nba_zeros(catalog->content_count, sizeof(*binding->known));
    binding->is_known = nba_zeros(catalog->content_count, sizeof(*binding->is_known));
    binding->place = nba_zeros(catalog->content_count, sizeof(*binding->place));
    binding->known_index = nba_zeros(catalog->content_count, sizeof(*binding->known_index));
    binding->examples = nba_zeros(catalog->content_count, sizeof(*binding->examples));
    const uint32_t release_count = nba_release_parts(binding->release)->content_count;
    binding->of_release = nba_zeros(release_count, sizeof(*binding->of_release));
    memset(binding->of_release, 0xff, release_count * sizeof(*binding->of_release));
    for (uint32_t k = 0; k < catalog->content_count; k++) {
        const uint32_t index =
            nba_release_content_find(binding->release, catalog->contents[k].content_id);
        if (index != NBA_RELEASE_UNKNOWN) {
            binding->of_release[index] = k;
            binding->is_known[k] = true;
            binding->examples[k] = nba_release_popularity(binding->release, 0)[index];
            binding->place[k] = binding->known_count;
            binding->known_index[binding->known_count] = index;
            binding->known[binding->known_count++] = k;
        }
    }
}

static void standardise_popularity(struct nba_score_binding *binding)
{
    const size_t count = binding->known_count;
    const size_t segments = 1 + (size_t)nba_release_parts(binding->release)->specialty_count;
    const uint32_t *all = nba_release_popularity(binding->release, 0);
    uint32_t *everyone = nba_zeros(count, sizeof(*everyone));
    uint32_t *segment = nba_zeros(count, sizeof(*segment));
    binding->popularity = nba_zeros(segments * count, sizeof(*binding->popularity));
    for (uint32_t s = 0; s < segments; s++) {
        const uint32_t *own = nba_release_popularity(binding->release, s);
        float *row = binding->popularity + s * count;
        for (size_t i = 0; i < count; i++) {
            everyone[i] = all[binding->known_index[i]];
            segment[i] = own[binding->known_index[i]];
        }
        nba_popularity_scores(segment, everyone, count, row);
        nba_standardise(row, count, row);
    }
    free(everyone);
    free(segment);
}

/* The calibrator's part of each content's log-odds. */
static void weigh_contents(struct nba_score_binding *binding)
{
    const struct nba_release_parts *parts = nba_release_parts(binding->release);
    const double weight = parts->calibrator.weights[NBA_ENGAGEMENT_CONTENT_RATE];
    const size_t K = binding->catalog->content_count;
    const size_t segments = 1 + (size_t)parts->specialty_count;
    binding->content_offset = nba_zeros(segments * K + 1, sizeof(*binding->content_offset));
    for (size_t s = 0; s < segments; s++) {
        const float *rates = parts->content_rate + s * parts->content_count;
        for (size_t i = 0; i < binding->known_count; i++) {
            binding->content_offset[s * K + binding->known[i]] =
                (float)(weight * (double)rates[binding->known_index[i]]);
        }
    }
}

/* One member alone: its standardised score is the score. */
static struct nba_fusion alone(enum nba_fusion_member member)
{
    struct nba_fusion fusion = {.a = 1.0};
    fusion.weights[member] = 1.0;
    return fusion;
}

void nba_score_fold(const struct nba_catalog *catalog, const double *propensity, double *ret_score,
                    double ret_channel[NBA_CHANNEL_COUNT])
{
    memset(ret_score, 0, catalog->content_count * sizeof(*ret_score));
    memset(ret_channel, 0, NBA_CHANNEL_COUNT * sizeof(*ret_channel));
    for (uint32_t c = 0; c < catalog->candidate_count; c++) {
        double *score = &ret_score[catalog->candidates[c].content];
        double *best = &ret_channel[catalog->channel[c]];
        *score = propensity[c] > *score ? propensity[c] : *score;
        *best = propensity[c] > *best ? propensity[c] : *best;
    }
}

/* What weighs nothing and isn't ranked needn't be computed. */
static void choose_members(struct nba_score_binding *binding)
{
    for (int m = 0; m < NBA_MEMBER_COUNT; m++) {
        const bool weighs = binding->cheap.weights[m] > 0.0 ||
                            (binding->ncf_candidates != 0 && binding->full.weights[m] > 0.0);
        binding->uses[m] = nba_release_has(binding->release, (enum nba_fusion_member)m) &&
                           (weighs || binding->rankings_top_n != 0);
    }
}

static enum nba_status choose_fusion(struct nba_score_binding *binding,
                                     const struct nba_score_options *options,
                                     struct nba_error *error)
{
    const struct nba_release *release = binding->release;
    binding->cheap = nba_release_parts(release)->fusion[NBA_FUSION_CHEAP];
    binding->full = nba_release_parts(release)->fusion[NBA_FUSION_FULL];
    if (options->model == NBA_SCORE_FUSION) {
        const bool asked =
            nba_release_has(release, NBA_MEMBER_NCF) && binding->full.weights[NBA_MEMBER_NCF] > 0.0;
        binding->ncf_candidates = asked ? options->ncf_candidates : 0;
    } else {
        const enum nba_fusion_member member =
            (enum nba_fusion_member)(options->model - NBA_SCORE_FUSION - 1);
        const bool ncf = member == NBA_MEMBER_NCF;
        if (!nba_release_has(release, member)) {
            return nba_error_set(error, NBA_E_NOT_FOUND, "release %.12s has no member %s",
                                 nba_release_id(release), nba_fusion_member_name(member));
        }
        binding->ncf_candidates = ncf ? binding->known_count : 0;
        binding->cheap = alone(ncf ? NBA_MEMBER_POPULARITY : member);
        binding->full = alone(member);
    }
    choose_members(binding);
    return NBA_OK;
}

static void match_table(struct nba_score_binding *binding, struct nba_score_table *table)
{
    const struct nba_catalog *catalog = binding->catalog;
    binding->table = nba_score_table_ref(table);
    binding->table_propensity = nba_zeros(catalog->candidate_count + 1u, sizeof(double));
    binding->table_value = nba_zeros(catalog->candidate_count + 1u, sizeof(double));
    for (uint32_t c = 0; c < catalog->candidate_count; c++) {
        const struct nba_score_row *row = nba_score_table_find(
            table, nba_str(NULL, 0), catalog->contents[catalog->candidates[c].content].content_id,
            (enum nba_action_type)catalog->action_type[c]);
        binding->table_propensity[c] = row != NULL ? row->propensity : -1.0;
        binding->table_value[c] = row != NULL ? row->value : 1.0;
    }
    binding->table_score = nba_zeros(catalog->content_count + (size_t)1, sizeof(double));
    nba_score_fold(catalog, binding->table_propensity, binding->table_score,
                   binding->table_channel);
}

enum nba_status nba_score_binding_create(struct nba_catalog *catalog, struct nba_release *release,
                                         const struct nba_score_options *options,
                                         struct nba_score_binding **ret_binding,
                                         struct nba_error *error)
{
    NBA_ASSERT(catalog != NULL && options->ncf_candidates <= NBA_SCORE_NCF_CANDIDATES_MAX);
    NBA_ASSERT(options->rankings_top_n <= NBA_SCORE_RANKING_MAX);
    struct nba_score_binding *binding = nba_zeros(1, sizeof(*binding));
    enum nba_status status = NBA_OK;
    binding->catalog = nba_catalog_ref(catalog);
    binding->rankings_top_n = options->rankings_top_n;
    if (options->table != NULL) {
        match_table(binding, options->table);
    } else if (release != NULL) {
        binding->release = nba_release_ref(release);
        match_vocabulary(binding);
        standardise_popularity(binding);
        weigh_contents(binding);
        status = choose_fusion(binding, options, error);
    } else {
        binding->content_offset =
            nba_zeros(catalog->content_count + (size_t)1, sizeof(*binding->content_offset));
    }
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
    nba_score_table_unref(binding->table);
    free(binding->table_propensity);
    free(binding->table_value);
    free(binding->table_score);
    free(binding->known);
    free(binding->is_known);
    free(binding->place);
    free(binding->examples);
    free(binding->known_index);
    free(binding->of_release);
    free(binding->popularity);
    free(binding->content_offset);
    free(binding);
}

const char *nba_score_binding_version(const struct nba_score_binding *binding)
{
    return binding->table != NULL     ? "table"
           : binding->release != NULL ? nba_release_id(binding->release)
                                      : "popularity";
}

size_t nba_score_binding_state_floats(const struct nba_score_binding *binding)
{
    return binding->uses[NBA_MEMBER_LSTM]
               ? nba_lstm_state_floats(nba_release_lstm(binding->release))
               : 0;
}
