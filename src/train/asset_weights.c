#include "nba/train/asset_weights.h"

#include <stdlib.h>
#include <string.h>

#define SPACES " \t"

/* 1 + the place of the type; 0: no content has it. */
static uint32_t find_type(const struct nba_dataset *d, struct nba_str type)
{
    for (uint32_t i = 0; i < d->type_count; i++) {
        if (nba_str_equal(d->types[i], type)) {
            return 1 + i;
        }
    }
    return 0;
}

/* One "type=weight" at *next, which goes on behind its comma. */
static enum nba_status take_weight(const struct nba_dataset *d, const char **next, float *weights,
                                   struct nba_error *error)
{
    const char *name = *next + strspn(*next, SPACES);
    size_t bytes = strcspn(name, "=,");
    const char *number = name + bytes;
    char *end = NULL;
    while (bytes > 0 && strchr(SPACES, name[bytes - 1]) != NULL) {
        bytes--;
    }
    const double weight = *number == '=' ? strtod(number + 1, &end) : 0.0;
    if (bytes == 0 || !(weight > 0.0 && weight <= NBA_ASSET_WEIGHT_MAX) ||
        (end[strspn(end, SPACES)] != '\0' && end[strspn(end, SPACES)] != ',')) {
        return nba_error_set(error, NBA_E_USAGE,
                             "train.asset_weights: expected type=weight, above 0 up to %g, by "
                             "commas, at '%s'",
                             NBA_ASSET_WEIGHT_MAX, name);
    }
    const uint32_t type = find_type(d, nba_str(name, bytes));
    if (type == 0) {
        return nba_error_set(error, NBA_E_USAGE, "train.asset_weights: no content is a '%.*s'",
                             (int)bytes, name);
    }
    for (uint32_t c = 0; c < d->content_count; c++) {
        weights[c] = d->content_type[c] == type ? (float)weight : weights[c];
    }
    end += strspn(end, SPACES);
    *next = *end == ',' ? end + 1 : end;
    return NBA_OK;
}

enum nba_status nba_asset_weights(const struct nba_dataset *d, const char *text,
                                  struct nba_arena *pool, const float **ret_weights,
                                  struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    float *weights = NULL;
    if (text != NULL && text[0] != '\0') {
        weights = nba_pool_floats(pool, d->content_count);
        for (uint32_t c = 0; c < d->content_count; c++) {
            weights[c] = 1.0f;
        }
        for (const char *next = text; status == NBA_OK && *next != '\0';) {
            status = take_weight(d, &next, weights, error);
        }
    }
    if (status == NBA_OK) {
        *ret_weights = weights;
    }
    return status;
}
