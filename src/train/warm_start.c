/* A net's parameters stand in a fixed order; the release's tensors are listed in the same one. */
#include "nba/train/warm_start.h"

#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/memory.h"

enum rows { WHOLE, CONTENTS, SEGMENTS };

struct source {
    const float *values;
    enum rows rows;
};

/* Of row `to` the release's row; NBA_RELEASE_UNKNOWN when it has none. */
static uint32_t row_of(const struct nba_release *release, const struct nba_dataset *d,
                       enum rows rows, uint32_t to)
{
    if (rows == CONTENTS) {
        return nba_release_content_find(release, d->contents[to]);
    }
    return to == 0 ? 0 : nba_release_segment_find(release, d->specialties[to - 1]);
}

static void copy_parameter(const struct nba_release *release, const struct nba_dataset *d,
                           const struct source *from, struct nba_parameter *to)
{
    const size_t numbers = nba_parameter_count(to);
    if (from->rows == WHOLE) {
        memcpy(to->value, from->values, numbers * sizeof(float));
        return;
    }
    /* A bias of all contents is one row: each number is a content's. */
    const uint32_t rows = from->rows == CONTENTS ? d->content_count : 1 + d->specialty_count;
    const size_t width = numbers / rows;
    for (uint32_t r = 0; r < rows; r++) {
        const uint32_t row = row_of(release, d, from->rows, r);
        if (row != NBA_RELEASE_UNKNOWN) {
            memcpy(to->value + r * width, from->values + row * width, width * sizeof(float));
        }
    }
}

static enum nba_status start_lstm(const struct nba_release *release, const struct nba_dataset *d,
                                  struct nba_parameters *to, struct nba_error *error)
{
    const struct nba_lstm_weights *w = nba_release_parts(release)->lstm;
    const size_t width = to->items[0]->columns;
    const size_t hidden = to->items[4]->columns / 4;
    if (w->shape.width != width || w->shape.hidden_1 != hidden) {
        return nba_error_set(error, NBA_E_SHAPE,
                             "release %.12s: its LSTM is %u and %u wide, the configuration's %zu "
                             "and %zu: a warm start needs the same",
                             nba_release_id(release), w->shape.width, w->shape.hidden_1, width,
                             hidden);
    }
    const struct source sources[] = {
        {w->embedding, CONTENTS},
        {w->out_bias, CONTENTS},
        {w->w1, WHOLE},
        {w->w1 + width * 4 * hidden, WHOLE},
        {w->b1, WHOLE},
        {w->w2, WHOLE},
        {w->w2 + hidden * 4 * width, WHOLE},
        {w->b2, WHOLE},
    };
    NBA_ASSERT(to->count == NBA_ARRAY_COUNT(sources));
    for (size_t i = 0; i < to->count; i++) {
        copy_parameter(release, d, &sources[i], to->items[i]);
    }
    return NBA_OK;
}

static enum nba_status start_ncf(const struct nba_release *release, const struct nba_dataset *d,
                                 struct nba_parameters *to, struct nba_error *error)
{
    const struct nba_ncf_weights *w = nba_release_parts(release)->ncf;
    const struct source sources[] = {
        {w->item_gmf, CONTENTS}, {w->item_mlp, CONTENTS}, {w->history, CONTENTS},
        {w->prior, SEGMENTS},    {w->w1, WHOLE},          {w->b1, WHOLE},
        {w->w2, WHOLE},          {w->b2, WHOLE},          {w->w3, WHOLE},
        {w->b3, WHOLE},          {w->w_out, WHOLE},       {w->b_out, WHOLE},
    };
    NBA_ASSERT(to->count == NBA_ARRAY_COUNT(sources));
    const size_t sizes[] = {to->items[0]->columns, to->items[5]->columns, to->items[7]->columns,
                            to->items[9]->columns};
    if (w->shape.width != sizes[0] || w->shape.layer_1 != sizes[1] ||
        w->shape.layer_2 != sizes[2] || w->shape.layer_3 != sizes[3]) {
        return nba_error_set(error, NBA_E_SHAPE,
                             "release %.12s: its NCF is %u, %u, %u, %u wide, the configuration's "
                             "%zu, %zu, %zu, %zu: a warm start needs the same",
                             nba_release_id(release), w->shape.width, w->shape.layer_1,
                             w->shape.layer_2, w->shape.layer_3, sizes[0], sizes[1], sizes[2],
                             sizes[3]);
    }
    for (size_t i = 0; i < to->count; i++) {
        copy_parameter(release, d, &sources[i], to->items[i]);
    }
    return NBA_OK;
}

enum nba_status nba_warm_start(const struct nba_release *release, enum nba_fusion_member member,
                               const struct nba_dataset *dataset, struct nba_parameters *to,
                               struct nba_error *error)
{
    if (!nba_release_has(release, member)) {
        return NBA_OK;
    }
    return member == NBA_MEMBER_LSTM ? start_lstm(release, dataset, to, error)
                                     : start_ncf(release, dataset, to, error);
}
