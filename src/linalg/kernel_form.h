/*
 * The kernels, written once; included by each form's file after it has defined
 *
 *   NBA_FORM, NBA_TARGET   suffix of the names; attribute that allows the instructions
 *   V, LANES, SET ...      float vectors and their operations;  VD, LANES_D, SET_D ... doubles
 *   ROWS_MAX, VECTORS      the tile: rows x vectors of sums that fit the registers
 *   VECTORS_PAIRS          the vectors of a row alone over weights in pairs
 *
 * A tile of rows x vectors keeps its sums in registers over all of k, and a weight vector is loaded
 * once for all rows of the tile.  Where rows are the longer side the weights of one k are loaded
 * first and each x is used up at once, else the other way round: the side kept whole must fit
 * beside the sums.  Whatever the tile, an output is one chain over k: the tile can't be seen in
 * the result.
 *
 * NBA_BREAK_ORDER, a switch of tests/order alone, sums even and odd k apart: the tests that compare
 * forms and batch sizes must then fail.
 */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "exp_terms_internal.h"
#include "nba/base/assert.h"

#define JOIN_(a, b)    a##_##b
#define JOIN(a, b)     JOIN_(a, b)
#define FN(name)       JOIN(name, NBA_FORM)
#define ALWAYS_INLINE  inline __attribute__((always_inline))
#define UNROLL         _Pragma("GCC unroll 16")
#define VECTORS_MAX    8
#define COLUMNS_MIN    32u
#define COLUMNS_MAX    512u
#define TILE_FLOATS(v) ((size_t)(v)*LANES)
/* Where vector v of a tile that may be wider than a panel lies, `panel` words a panel. */
#define IN_PANELS(v, panel) (TILE_FLOATS(v) / NBA_PANEL * (panel) + TILE_FLOATS(v) % NBA_PANEL)
#ifdef NBA_BREAK_ORDER
#define BREAKS_ORDER 1
#else
#define BREAKS_ORDER 0
#endif

enum FN(mode) { FN(FROM_BIAS), FN(FROM_Y), FN(THEN_RELU) };

/* e^x = 2^n e^r, n = round(x / ln 2) by adding 1.5 * 2^23, |r| <= ln 2 / 2; n joins the exponent as
 * an integer.  Coefficients: S. Moshier, Cephes, expf (minimax on that interval). */
NBA_TARGET static ALWAYS_INLINE V FN(exp_v)(V x)
{
    x = MIN(MAX(x, SET(-87.0f)), SET(87.0f));
    const V t = FMA(x, SET(1.44269504f), SET(12582912.0f));
    const V n = SUB(t, SET(12582912.0f));
    const V r = FMA(n, SET(2.12194440e-4f), FMA(n, SET(-0.693359375f), x));
    V p = FMA(SET(1.9875691500e-4f), r, SET(1.3981999507e-3f));
    p = FMA(p, r, SET(8.3334519073e-3f));
    p = FMA(p, r, SET(4.1665795894e-2f));
    p = FMA(p, r, SET(1.6666665459e-1f));
    p = FMA(p, r, SET(5.0000001201e-1f));
    p = FMA(p, r, SET(1.0f));
    p = FMA(p, r, SET(1.0f));
    return SCALE(p, t);
}

/* ln x = e ln 2 + ln m with m in [sqrt(1/2), sqrt(2)) and f = m - 1; Cephes, logf. */
NBA_TARGET static ALWAYS_INLINE V FN(log_v)(V x)
{
    x = MAX(x, SET(1.17549435e-38f));
    const POWER_TYPE power = POWER(x);
    const V e = POWER_FLOAT(power);
    const V f = SUB(MANTISSA(x, power), SET(1.0f));
    const V f2 = MUL(f, f);
    V p = FMA(SET(7.0376836292e-2f), f, SET(-1.1514610310e-1f));
    p = FMA(p, f, SET(1.1676998740e-1f));
    p = FMA(p, f, SET(-1.2420140846e-1f));
    p = FMA(p, f, SET(1.4249322787e-1f));
    p = FMA(p, f, SET(-1.6668057665e-1f));
    p = FMA(p, f, SET(2.0000714765e-1f));
    p = FMA(p, f, SET(-2.4999993993e-1f));
    p = FMA(p, f, SET(3.3333331174e-1f));
    V y = MUL(MUL(p, f), f2);
    y = FMA(e, SET(-2.12194440e-4f), y);
    y = FMA(f2, SET(-0.5f), y);
    return FMA(e, SET(0.693359375f), ADD(f, y));
}

NBA_TARGET static ALWAYS_INLINE V FN(sigmoid_v)(V x)
{
    return DIV(SET(1.0f), ADD(SET(1.0f), FN(exp_v)(SUB(SET(0.0f), x))));
}

NBA_TARGET static ALWAYS_INLINE V FN(tanh_v)(V x)
{
    return FMA(SET(2.0f), FN(sigmoid_v)(ADD(x, x)), SET(-1.0f));
}

/* Elementwise over any count: what doesn't fill a vector goes through a padded copy, so that every
 * element takes the same operations. */
#define ELEMENTWISE(name)                                                   \
    NBA_TARGET static void FN(name)(size_t count, const float *x, float *y) \
    {                                                                       \
        size_t i = 0;                                                       \
        for (; i + LANES <= count; i += LANES) {                            \
            STORE(y + i, FN(JOIN(name, v))(LOAD(x + i)));                   \
        }                                                                   \
        if (i < count) {                                                    \
            float rest[LANES] = {0};                                        \
            for (size_t j = i; j < count; j++) {                            \
                rest[j - i] = x[j];                                         \
            }                                                               \
            STORE(rest, FN(JOIN(name, v))(LOAD(rest)));                     \
            for (size_t j = i; j < count; j++) {                            \
                y[j] = rest[j - i];                                         \
            }                                                               \
        }                                                                   \
    }

ELEMENTWISE(exp)
ELEMENTWISE(log)
ELEMENTWISE(sigmoid)
ELEMENTWISE(tanh)

NBA_TARGET static void FN(add_relu)(size_t count, const float *a, const float *b, float *y)
{
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        STORE(y + i, MAX(ADD(LOAD(a + i), LOAD(b + i)), SET(0.0f)));
    }
    for (; i < count; i++) {
        const float sum = a[i] + b[i];
        y[i] = sum > 0.0f ? sum : 0.0f;
    }
}

/* Double: the same steps as nba_exp and nba_sigmoid in elementary.c. */
NBA_TARGET static ALWAYS_INLINE VD FN(exp_vd)(VD x)
{
    x = MIN_D(MAX_D(x, SET_D(-708.0)), SET_D(709.0));
    const VD t = FMA_D(x, SET_D(0x1.71547652b82fep+0), SET_D(0x1.8p52));
    const VD n = SUB_D(t, SET_D(0x1.8p52));
    const VD r = FMA_D(n, SET_D(-0x1.abc9e3b39803fp-56), FMA_D(n, SET_D(-0x1.62e42fefa39efp-1), x));
    VD p = SET_D(exp_terms[0]);
    for (size_t i = 1; i < EXP_TERMS; i++) {
        p = FMA_D(p, r, SET_D(exp_terms[i]));
    }
    return SCALE_D(p, t);
}

NBA_TARGET static ALWAYS_INLINE VD FN(sigmoid_vd)(VD x)
{
    return DIV_D(SET_D(1.0), ADD_D(SET_D(1.0), FN(exp_vd)(SUB_D(SET_D(0.0), x))));
}

NBA_TARGET static void FN(sigmoid_double)(size_t count, const double *x, double *y)
{
    size_t i = 0;
    for (; i + LANES_D <= count; i += LANES_D) {
        STORE_D(y + i, FN(sigmoid_vd)(LOAD_D(x + i)));
    }
    if (i < count) {
        double rest[LANES_D] = {0};
        for (size_t j = i; j < count; j++) {
            rest[j - i] = x[j];
        }
        STORE_D(rest, FN(sigmoid_vd)(LOAD_D(rest)));
        for (size_t j = i; j < count; j++) {
            y[j] = rest[j - i];
        }
    }
}

/* 16 chains, k modulo 16; the rest is padded with zeros in every form alike. */
NBA_TARGET static float FN(dot)(size_t count, const float *x, const float *y)
{
    V sum[NBA_LANES / LANES];
    float lanes[NBA_LANES];
    UNROLL for (size_t v = 0; v < NBA_LANES / LANES; v++)
    {
        sum[v] = SET(0.0f);
    }
    size_t k = 0;
    for (; k + NBA_LANES <= count; k += NBA_LANES) {
        UNROLL for (size_t v = 0; v < NBA_LANES / LANES; v++)
        {
            sum[v] = FMA(LOAD(x + k + v * LANES), LOAD(y + k + v * LANES), sum[v]);
        }
    }
    if (k < count) {
        float rest_x[NBA_LANES] = {0};
        float rest_y[NBA_LANES] = {0};
        for (size_t j = k; j < count; j++) {
            rest_x[j - k] = x[j];
            rest_y[j - k] = y[j];
        }
        UNROLL for (size_t v = 0; v < NBA_LANES / LANES; v++)
        {
            sum[v] = FMA(LOAD(rest_x + v * LANES), LOAD(rest_y + v * LANES), sum[v]);
        }
    }
    UNROLL for (size_t v = 0; v < NBA_LANES / LANES; v++)
    {
        STORE(lanes + v * LANES, sum[v]);
    }
    for (size_t width = NBA_LANES / 2; width > 0; width /= 2) {
        for (size_t l = 0; l < width; l++) {
            lanes[l] += lanes[l + width];
        }
    }
    return lanes[0];
}

/* The sums of a tile, from column n0 on; `odd` takes every other input with NBA_BREAK_ORDER. */
struct FN(sums) {
    V sum[ROWS_MAX][VECTORS_MAX];
    V odd[ROWS_MAX][VECTORS_MAX];
};

NBA_TARGET static ALWAYS_INLINE void FN(add_floats)(const struct nba_layer *layer, size_t n0,
                                                    const int rows, const int vectors,
                                                    const float *const x[ROWS_MAX],
                                                    struct FN(sums) * sums)
{
    const size_t inputs = layer->inputs;
    const int first = rows > vectors ? vectors : 0; /* weights held for all rows, or none */
    const size_t panel = inputs * NBA_PANEL;
    const float *w = layer->weights + n0 / NBA_PANEL * panel + n0 % NBA_PANEL;
    for (size_t k = 0; k < inputs; k++, w += NBA_PANEL) {
        V(*s)[VECTORS_MAX] = BREAKS_ORDER && k % 2 != 0 ? sums->odd : sums->sum;
        V wk[VECTORS_MAX];
        V xk[ROWS_MAX];
        UNROLL for (int v = 0; v < first; v++)
        {
            wk[v] = LOAD(w + IN_PANELS(v, panel));
        }
        UNROLL for (int i = 0; i < rows; i++)
        {
            xk[i] = SET(x[i][k]);
            UNROLL for (int v = 0; v < first; v++)
            {
                s[i][v] = FMA(xk[i], wk[v], s[i][v]);
            }
        }
        UNROLL for (int v = first; v < vectors; v++)
        {
            wk[v] = LOAD(w + IN_PANELS(v, panel));
            UNROLL for (int i = 0; i < rows; i++)
            {
                s[i][v] = FMA(xk[i], wk[v], s[i][v]);
            }
        }
    }
}

/* The same chains over weights in pairs. */
NBA_TARGET static ALWAYS_INLINE void FN(add_pairs)(const struct nba_layer *layer, size_t n0,
                                                   const int rows, const int vectors,
                                                   const float *const x[ROWS_MAX],
                                                   struct FN(sums) * sums)
{
    const size_t inputs = layer->inputs;
    const size_t panel = inputs / 2 * NBA_PANEL;
    const uint32_t *w = layer->pairs + n0 / NBA_PANEL * panel + n0 % NBA_PANEL;
    const int first = rows > vectors ? vectors : 0;
    for (size_t k = 0; k < inputs; k += 2, w += NBA_PANEL) {
        V(*s)[VECTORS_MAX] = BREAKS_ORDER ? sums->odd : sums->sum;
        PAIR wk[VECTORS_MAX];
        V lower[ROWS_MAX];
        V upper[ROWS_MAX];
        UNROLL for (int v = 0; v < first; v++)
        {
            wk[v] = LOAD_PAIR(w + IN_PANELS(v, panel));
        }
        UNROLL for (int i = 0; i < rows; i++)
        {
            lower[i] = SET(x[i][k]);
            upper[i] = SET(x[i][k + 1]);
            UNROLL for (int v = 0; v < first; v++)
            {
                sums->sum[i][v] = FMA(lower[i], LOWER(wk[v]), sums->sum[i][v]);
                s[i][v] = FMA(upper[i], UPPER(wk[v]), s[i][v]);
            }
        }
        UNROLL for (int v = first; v < vectors; v++)
        {
            wk[v] = LOAD_PAIR(w + IN_PANELS(v, panel));
            UNROLL for (int i = 0; i < rows; i++)
            {
                sums->sum[i][v] = FMA(lower[i], LOWER(wk[v]), sums->sum[i][v]);
                s[i][v] = FMA(upper[i], UPPER(wk[v]), s[i][v]);
            }
        }
    }
}

/* One tile: `rows` x `vectors` outputs from column n0 on; both are constants at the call. */
NBA_TARGET static ALWAYS_INLINE void FN(tile)(const struct nba_layer *layer, size_t n0,
                                              const int rows, const int vectors,
                                              const float *const x[ROWS_MAX],
                                              float *const y[ROWS_MAX], const enum FN(mode) mode)
{
    struct FN(sums) sums;
    UNROLL for (int i = 0; i < rows; i++)
    {
        const float *start = mode == FN(FROM_Y) ? y[i] : layer->bias;
        UNROLL for (int v = 0; v < vectors; v++)
        {
            sums.sum[i][v] = LOAD(start + n0 + TILE_FLOATS(v));
            sums.odd[i][v] = SET(0.0f);
        }
    }
    if (layer->pairs != NULL) {
        FN(add_pairs)(layer, n0, rows, vectors, x, &sums);
    } else {
        FN(add_floats)(layer, n0, rows, vectors, x, &sums);
    }
    UNROLL for (int i = 0; i < rows; i++)
    {
        UNROLL for (int v = 0; v < vectors; v++)
        {
            const V total = BREAKS_ORDER ? ADD(sums.sum[i][v], sums.odd[i][v]) : sums.sum[i][v];
            STORE(y[i] + n0 + TILE_FLOATS(v),
                  mode == FN(THEN_RELU) ? MAX(total, SET(0.0f)) : total);
        }
    }
}

/* All columns of a few rows: wide tiles, then of the halves what is needed, down to 16 columns. */
NBA_TARGET static ALWAYS_INLINE void FN(rows)(const struct nba_layer *layer, const int rows,
                                              const int wide, const float *const x[ROWS_MAX],
                                              float *const y[ROWS_MAX], const enum FN(mode) mode)
{
    const int narrow = LANES < NBA_LANES / 2 ? wide : (int)(NBA_LANES / LANES);
    size_t n = 0;
    for (; n + TILE_FLOATS(wide) <= layer->columns; n += TILE_FLOATS(wide)) {
        FN(tile)(layer, n, rows, wide, x, y, mode);
    }
    if (wide / 2 >= narrow && n + TILE_FLOATS(wide / 2) <= layer->columns) {
        FN(tile)(layer, n, rows, wide / 2, x, y, mode);
        n += TILE_FLOATS(wide / 2);
    }
    if (wide / 4 >= narrow && n + TILE_FLOATS(wide / 4) <= layer->columns) {
        FN(tile)(layer, n, rows, wide / 4, x, y, mode);
        n += TILE_FLOATS(wide / 4);
    }
    if (wide / 8 >= narrow && n + TILE_FLOATS(wide / 8) <= layer->columns) {
        FN(tile)(layer, n, rows, wide / 8, x, y, mode);
        n += TILE_FLOATS(wide / 8);
    }
    NBA_ASSERT(n == layer->columns);
}

/* Any number of rows in tiles of at most ROWS_MAX, as even as can be (5 = 3 + 2, not 4 + 1). */
NBA_TARGET static ALWAYS_INLINE void FN(layer)(const struct nba_layer *layer, size_t count,
                                               const float *x, size_t x_stride, float *y,
                                               size_t y_stride, const enum FN(mode) mode)
{
    NBA_ASSERT(layer->columns % NBA_LANES == 0);
    for (size_t row = 0; row < count;) {
        const size_t tiles = (count - row + ROWS_MAX - 1) / ROWS_MAX;
        const size_t rows = (count - row + tiles - 1) / tiles;
        const float *x_rows[ROWS_MAX];
        float *y_rows[ROWS_MAX];
        for (size_t i = 0; i < ROWS_MAX; i++) {
            const size_t at = row + (i < rows ? i : 0);
            x_rows[i] = x + at * x_stride;
            y_rows[i] = y + at * y_stride;
        }
        switch (rows) {
        case 1:
            if (layer->pairs != NULL) {
                FN(rows)(layer, 1, VECTORS_PAIRS, x_rows, y_rows, mode);
            } else {
                FN(rows)(layer, 1, VECTORS(1), x_rows, y_rows, mode);
            }
            break;
        case 2:
            FN(rows)(layer, 2, VECTORS(2), x_rows, y_rows, mode);
            break;
#if ROWS_MAX > 2
        case 3:
            FN(rows)(layer, 3, VECTORS(3), x_rows, y_rows, mode);
            break;
        case 4:
            FN(rows)(layer, 4, VECTORS(4), x_rows, y_rows, mode);
            break;
#endif
        default:
            NBA_ASSERT(rows <= ROWS_MAX);
        }
        row += rows;
    }
}

NBA_TARGET static void FN(dense)(const struct nba_layer *layer, size_t rows, const float *x,
                                 size_t x_stride, float *y, size_t y_stride)
{
    FN(layer)(layer, rows, x, x_stride, y, y_stride, FN(FROM_BIAS));
}

NBA_TARGET static void FN(dense_add)(const struct nba_layer *layer, size_t rows, const float *x,
                                     size_t x_stride, float *y, size_t y_stride)
{
    FN(layer)(layer, rows, x, x_stride, y, y_stride, FN(FROM_Y));
}

NBA_TARGET static void FN(dense_relu)(const struct nba_layer *layer, size_t rows, const float *x,
                                      size_t x_stride, float *y, size_t y_stride)
{
    FN(layer)(layer, rows, x, x_stride, y, y_stride, FN(THEN_RELU));
}

NBA_TARGET static void FN(lstm_cell)(size_t hidden, const float *gates, float *h, float *c)
{
    NBA_ASSERT(hidden % NBA_LANES == 0);
    for (size_t j = 0; j < hidden; j += LANES) {
        const V i = FN(sigmoid_v)(LOAD(gates + j));
        const V f = FN(sigmoid_v)(LOAD(gates + hidden + j));
        const V g = FN(tanh_v)(LOAD(gates + 2 * hidden + j));
        const V o = FN(sigmoid_v)(LOAD(gates + 3 * hidden + j));
        const V cell = FMA(f, LOAD(c + j), MUL(i, g));
        STORE(c + j, cell);
        STORE(h + j, MUL(o, FN(tanh_v)(cell)));
    }
}

/* Floats as integers in the same order, and back. */
static inline uint32_t FN(order_of)(float x)
{
    uint32_t bits = 0;
    memcpy(&bits, &x, sizeof(bits));
    return bits >> 31 != 0 ? ~bits : bits | 0x80000000u;
}

static inline float FN(of_order)(uint32_t order)
{
    const uint32_t bits = order >> 31 != 0 ? order & 0x7fffffffu : ~order;
    float x = 0;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

/* Of maxima of the columns i modulo C one that k of them reach and hardly more, by halving: k
 * different numbers are as large.  More columns bound better. */
NBA_TARGET static float FN(kth_bound)(size_t count, const float *x, size_t k)
{
    _Alignas(64) float max[COLUMNS_MAX];
    size_t columns = COLUMNS_MIN;
    while (columns < 3 * k && columns < COLUMNS_MAX) {
        columns *= 2;
    }
    while (columns > COLUMNS_MIN && count < 2 * columns) {
        columns /= 2;
    }
    if (columns < k || count < 2 * columns) {
        return -INFINITY;
    }
    _Alignas(64) float ends[2 * LANES];
    V least = SET(INFINITY);
    V most = SET(-INFINITY);
    for (size_t l = 0; l < columns; l += 2 * LANES) {
        V a = LOAD(x + l);
        V b = LOAD(x + l + LANES);
        for (size_t i = columns; i + columns <= count; i += columns) {
            a = MAX(a, LOAD(x + i + l));
            b = MAX(b, LOAD(x + i + l + LANES));
        }
        STORE(max + l, a);
        STORE(max + l + LANES, b);
        least = MIN(least, MIN(a, b));
        most = MAX(most, MAX(a, b));
    }
    STORE(ends, least);
    STORE(ends + LANES, most);
    for (size_t l = 1; l < LANES; l++) {
        ends[0] = ends[l] < ends[0] ? ends[l] : ends[0];
        ends[LANES] = ends[LANES + l] > ends[LANES] ? ends[LANES + l] : ends[LANES];
    }
    uint32_t low = FN(order_of)(ends[0]);
    uint32_t high = FN(order_of)(ends[LANES]);
    for (size_t held = columns; held != k && high - low > 1;) {
        const uint32_t middle = low + (high - low) / 2;
        const float bound = FN(of_order)(middle);
        size_t reached = 0;
        for (size_t v = 0; v < columns; v += LANES) {
            reached += (size_t)__builtin_popcount(REACH(LOAD(max + v), SET(bound)));
        }
        low = reached >= k ? middle : low;
        high = reached >= k ? high : middle;
        held = reached >= k ? reached : held;
    }
    return FN(of_order)(low);
}

NBA_TARGET static size_t FN(at_least)(size_t count, const float *x, float bound,
                                      uint32_t *ret_indexes)
{
    size_t found = 0;
    size_t i = 0;
    for (; i + 64 <= count; i += 64) {
        uint64_t passed = 0;
        UNROLL for (size_t l = 0; l < 64; l += LANES)
        {
            passed |= (uint64_t)REACH(LOAD(x + i + l), SET(bound)) << l;
        }
        for (; passed != 0; passed &= passed - 1) {
            ret_indexes[found++] = (uint32_t)i + (uint32_t)__builtin_ctzll(passed);
        }
    }
    for (; i < count; i++) {
        ret_indexes[found] = (uint32_t)i;
        found += x[i] >= bound;
    }
    return found;
}

NBA_TARGET static void FN(count_above)(size_t count, double *x, uint32_t *ret_counts)
{
    uint64_t counted[2 * LANES_D];
    for (size_t i = count; i % (2 * LANES_D) != 0; i++) {
        x[i] = 0; /* counted for nobody */
    }
    for (size_t i = 0; i < count; i += 2 * LANES_D) {
        const VD some = LOAD_D(x + i);
        const VD more = LOAD_D(x + i + LANES_D);
        COUNTS a = NO_COUNTS;
        COUNTS b = NO_COUNTS;
        for (size_t j = 0; j < count; j++) {
            const VD other = SET_D(x[j]);
            a = COUNT_ABOVE(a, other, some);
            b = COUNT_ABOVE(b, other, more);
        }
        STORE_COUNTS(counted, a);
        STORE_COUNTS(counted + LANES_D, b);
        for (size_t l = 0; l < 2 * LANES_D && i + l < count; l++) {
            ret_counts[i + l] = (uint32_t)counted[l];
        }
    }
}

#define TEXT_(a) #a
#define TEXT(a)  TEXT_(a)

const struct nba_kernels JOIN(nba_kernels, NBA_FORM) = {
    .name = TEXT(NBA_FORM),
    .dense = FN(dense),
    .dense_add = FN(dense_add),
    .dense_relu = FN(dense_relu),
    .lstm_cell = FN(lstm_cell),
    .dot = FN(dot),
    .exp = FN(exp),
    .log = FN(log),
    .sigmoid = FN(sigmoid),
    .tanh = FN(tanh),
    .add_relu = FN(add_relu),
    .sigmoid_double = FN(sigmoid_double),
    .kth_bound = FN(kth_bound),
    .at_least = FN(at_least),
    .count_above = FN(count_above),
};
