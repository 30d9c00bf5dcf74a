/* Three matrix products a chunk of rows, and between the first and the others the scores are turned
 * into their gradients in place. */
#include "nba/train/softmax_loss.h"

#include <math.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/linalg/blas.h"
#include "vector_internal.h"

#define LANES 16u

/* Row of scores -> exp(score - max); the sum goes to *ret_sum. */
NBA_VECTOR_BODY row_exp_body(float *restrict s, size_t n, float largest, double *restrict ret_sum)
{
    float lanes[LANES] = {0};
    size_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        for (size_t l = 0; l < LANES; l++) {
            s[j + l] = vector_exp(s[j + l] - largest);
            lanes[l] += s[j + l];
        }
    }
    double sum = 0.0;
    for (; j < n; j++) {
        s[j] = vector_exp(s[j] - largest);
        sum += (double)s[j];
    }
    for (size_t l = 0; l < LANES; l++) {
        sum += (double)lanes[l];
    }
    *ret_sum = sum;
}
NBA_VECTOR_FORMS(row_exp, (float *restrict s, size_t n, float largest, double *restrict ret_sum),
                 (s, n, largest, ret_sum))

NBA_VECTOR_BODY row_max_body(const float *restrict s, size_t n, float *restrict ret_max)
{
    float lanes[LANES];
    for (size_t l = 0; l < LANES; l++) {
        lanes[l] = s[0];
    }
    size_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        for (size_t l = 0; l < LANES; l++) {
            lanes[l] = s[j + l] > lanes[l] ? s[j + l] : lanes[l];
        }
    }
    for (; j < n; j++) {
        lanes[0] = s[j] > lanes[0] ? s[j] : lanes[0];
    }
    float largest = lanes[0];
    for (size_t l = 1; l < LANES; l++) {
        largest = lanes[l] > largest ? lanes[l] : largest;
    }
    *ret_max = largest;
}
NBA_VECTOR_FORMS(row_max, (const float *restrict s, size_t n, float *restrict ret_max),
                 (s, n, ret_max))

NBA_VECTOR_BODY row_scale_add_body(float *restrict s, size_t n, float factor, float *restrict sum)
{
    for (size_t j = 0; j < n; j++) {
        s[j] *= factor;
        sum[j] += s[j];
    }
}
NBA_VECTOR_FORMS(row_scale_add, (float *restrict s, size_t n, float factor, float *restrict sum),
                 (s, n, factor, sum))

void nba_softmax_loss_scores(const float *h, size_t count, const struct nba_parameter *table,
                             const struct nba_parameter *bias, float *ret_scores)
{
    const size_t N = table->rows;
    for (size_t r = 0; r < count; r++) {
        memcpy(ret_scores + r * N, bias->value, N * sizeof(float));
    }
    nba_blas_multiply(nba_matrix(h, count, table->columns),
                      nba_transposed(table->value, N, table->columns), 1.0f,
                      nba_matrix(ret_scores, count, N));
}

double nba_softmax_loss(const float *h, const uint32_t *targets, size_t count,
                        struct nba_parameter *table, struct nba_parameter *bias, float *scratch,
                        float *d_h)
{
    const size_t N = table->rows;
    const size_t E = table->columns;
    const double mean = 1.0 / (double)count;
    double loss = 0.0;
    NBA_ASSERT(bias->columns == N && !table->sparse);
    for (size_t from = 0; from < count; from += NBA_SOFTMAX_CHUNK) {
        const size_t left = count - from;
        const size_t m = left < NBA_SOFTMAX_CHUNK ? left : NBA_SOFTMAX_CHUNK;
        nba_softmax_loss_scores(h + from * E, m, table, bias, scratch);
        for (size_t r = 0; r < m; r++) {
            float *s = scratch + r * N;
            const uint32_t target = targets[from + r];
            NBA_ASSERT(target < N);
            float largest = 0.0f;
            double sum = 0.0;
            const double target_score = (double)s[target];
            row_max(s, N, &largest);
            row_exp(s, N, largest, &sum);
            loss += log(sum) + (double)largest - target_score;
            row_scale_add(s, N, (float)(mean / sum), bias->grad);
            s[target] -= (float)mean;
            bias->grad[target] -= (float)mean;
        }
        nba_blas_multiply(nba_matrix(scratch, m, N), nba_matrix(table->value, N, E), 0.0f,
                          nba_matrix(d_h + from * E, m, E));
        nba_blas_multiply(nba_transposed(scratch, m, N), nba_matrix(h + from * E, m, E), 1.0f,
                          nba_matrix(table->grad, N, E));
    }
    return loss;
}
