/* Thin: argument order and types of cblas, and the one-thread switch. */
#include "nba/linalg/blas.h"

#include <cblas.h>
#include <f77blas.h>
#include <limits.h>

#include "nba/base/assert.h"

static blasint size_of(size_t size)
{
    NBA_ASSERT(size <= INT_MAX);
    return (blasint)size;
}

struct nba_matrix nba_matrix(const float *data, size_t rows, size_t columns)
{
    union {
        const float *in;
        float *out;
    } pointer = {data}; /* one view serves for operands and results */
    return (struct nba_matrix){pointer.out, rows, columns, columns, false};
}

struct nba_matrix nba_transposed(const float *data, size_t rows, size_t columns)
{
    struct nba_matrix matrix = nba_matrix(data, rows, columns);
    matrix.transposed = true;
    return matrix;
}

void nba_blas_use_one_thread(void)
{
    openblas_set_num_threads(1);
}

void nba_blas_multiply(struct nba_matrix a, struct nba_matrix b, float beta, struct nba_matrix c)
{
    const size_t m = a.transposed ? a.columns : a.rows;
    const size_t k = a.transposed ? a.rows : a.columns;
    const size_t n = b.transposed ? b.rows : b.columns;
    NBA_ASSERT((b.transposed ? b.columns : b.rows) == k);
    NBA_ASSERT(!c.transposed && c.rows == m && c.columns == n);
    cblas_sgemm(CblasRowMajor, a.transposed ? CblasTrans : CblasNoTrans,
                b.transposed ? CblasTrans : CblasNoTrans, size_of(m), size_of(n), size_of(k), 1.0f,
                a.data, size_of(a.stride), b.data, size_of(b.stride), beta, c.data,
                size_of(c.stride));
}

bool nba_blas_invert(float *a, size_t n)
{
    char lower[] = "L"; /* of what Fortran sees, column by column: our upper triangle */
    blasint size = size_of(n);
    blasint failed = 0;
    spotrf_(lower, &size, a, &size, &failed);
    if (failed == 0) {
        spotri_(lower, &size, a, &size, &failed);
    }
    for (size_t row = 1; row < n; row++) {
        for (size_t column = 0; column < row; column++) {
            a[row * n + column] = a[column * n + row];
        }
    }
    return failed == 0;
}
