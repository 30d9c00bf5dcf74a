/* 16 lanes, one fold.  Plain loops over lanes: compilers turn them into vectors as they like, and
 * can't change the result, since no two lanes meet before the fold. */
#include "nba/linalg/reduce.h"

#include "nba/base/vector.h"
#include "nba/linalg/kernels.h"

static double fold_sum(double lanes[NBA_LANES])
{
    for (size_t width = NBA_LANES / 2; width > 0; width /= 2) {
        for (size_t l = 0; l < width; l++) {
            lanes[l] += lanes[l + width];
        }
    }
    return lanes[0];
}

NBA_VECTOR_BODY sum_body(const float *x, size_t count, double *ret_sum)
{
    double lanes[NBA_LANES] = {0};
    size_t i = 0;
    for (; i + NBA_LANES <= count; i += NBA_LANES) {
        for (size_t l = 0; l < NBA_LANES; l++) {
            lanes[l] += (double)x[i + l];
        }
    }
    for (size_t l = 0; i + l < count; l++) {
        lanes[l] += (double)x[i + l];
    }
    *ret_sum = fold_sum(lanes);
}
NBA_VECTOR_FORMS(sum, (const float *x, size_t count, double *ret_sum), (x, count, ret_sum))

NBA_VECTOR_BODY squares_body(const float *x, size_t count, double mean, double *ret_sum)
{
    double lanes[NBA_LANES] = {0};
    size_t i = 0;
    for (; i + NBA_LANES <= count; i += NBA_LANES) {
        for (size_t l = 0; l < NBA_LANES; l++) {
            const double d = (double)x[i + l] - mean;
            lanes[l] += d * d;
        }
    }
    for (size_t l = 0; i + l < count; l++) {
        const double d = (double)x[i + l] - mean;
        lanes[l] += d * d;
    }
    *ret_sum = fold_sum(lanes);
}
NBA_VECTOR_FORMS(squares, (const float *x, size_t count, double mean, double *ret_sum),
                 (x, count, mean, ret_sum))

double nba_sum(const float *x, size_t count)
{
    double total = 0;
    sum(x, count, &total);
    return total;
}

struct nba_moments nba_moments(const float *x, size_t count)
{
    if (count == 0) {
        return (struct nba_moments){0};
    }
    const double mean = nba_sum(x, count) / (double)count;
    double total = 0;
    squares(x, count, mean, &total);
    return (struct nba_moments){mean, total / (double)count};
}
