/* nba_top_k for one type of value; top_k.c includes it with TYPE (float, double), FN (a suffix) and
 * LOWEST (minus infinity). */

/* Of `columns` maxima the largest that at least k of them reach: k different values are as large,
 * so it bounds the k-th best of all from below. */
static TYPE FN(bound_of)(const TYPE *x, size_t count, size_t k, size_t columns)
{
    TYPE max[COLUMNS_MAX];
    for (size_t l = 0; l < columns; l++) {
        max[l] = x[l];
    }
    for (size_t i = columns; i + columns <= count; i += columns) {
        for (size_t l = 0; l < columns; l++) {
            max[l] = x[i + l] > max[l] ? x[i + l] : max[l];
        }
    }
    TYPE bound = LOWEST;
    for (size_t l = 0; l < columns; l++) {
        uint32_t reached = 0;
        for (size_t j = 0; j < columns; j++) {
            reached += max[j] >= max[l];
        }
        bound = reached >= k && max[l] > bound ? max[l] : bound;
    }
    return bound;
}

/* What passed the filter, in rising order of index. */
struct FN(survivors) {
    size_t count;
    TYPE values[SURVIVORS_MAX];
    uint32_t indexes[SURVIVORS_MAX];
};

/* Best k first by counting: a survivor's rank is the number of those before it in value, or equal
 * and before it in index.  Ranks differ, so every place is written once.  Returns how many stay. */
static size_t FN(order)(const struct FN(survivors) * from, size_t k, uint32_t *ret_places)
{
    uint32_t places[SURVIVORS_MAX];
    for (size_t i = 0; i < from->count; i++) {
        const TYPE value = from->values[i];
        uint32_t rank = 0;
        for (size_t j = 0; j < i; j++) {
            rank += from->values[j] >= value;
        }
        for (size_t j = i + 1; j < from->count; j++) {
            /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): filter wrote it */
            rank += from->values[j] > value;
        }
        places[rank] = (uint32_t)i;
    }
    const size_t kept = from->count < k ? from->count : k;
    memcpy(ret_places, places, kept * sizeof *places);
    return kept;
}

/* Keeps the best k, in rising order of index again; the least of them is the new, strict bound. */
static TYPE FN(prune)(struct FN(survivors) * survivors, size_t k)
{
    uint32_t places[NBA_TOP_MAX];
    bool keep[SURVIVORS_MAX] = {false};
    const size_t kept = FN(order)(survivors, k, places);
    const TYPE least = survivors->values[places[kept - 1]];
    for (size_t i = 0; i < kept; i++) {
        keep[places[i]] = true;
    }
    size_t count = 0;
    for (size_t i = 0; i < survivors->count; i++) {
        if (keep[i]) {
            survivors->values[count] = survivors->values[i];
            survivors->indexes[count] = survivors->indexes[i];
            count++;
        }
    }
    survivors->count = count;
    return least;
}

/* A block of the filter: no branch an element, so that nothing is mispredicted. */
static void FN(filter)(struct FN(survivors) * survivors, const TYPE *x, size_t at, size_t count,
                       TYPE bound)
{
    size_t n = survivors->count;
    for (size_t i = at; i < at + count; i++) {
        survivors->values[n] = x[i];
        survivors->indexes[n] = (uint32_t)i;
        n += x[i] >= bound;
    }
    survivors->count = n;
}

static size_t FN(top_k)(const TYPE *x, size_t count, size_t k, uint32_t *ret_indexes)
{
    NBA_ASSERT(k <= NBA_TOP_MAX && count <= UINT32_MAX);
    if (k == 0 || count == 0) {
        return 0;
    }
    const size_t columns = columns_for(count, k);
    TYPE bound = columns > 0 ? FN(bound_of)(x, count, k, columns) : LOWEST;
    struct FN(survivors) survivors;
    survivors.count = 0;
    for (size_t at = 0; at < count; at += FILTER_BLOCK) {
        const size_t block = count - at < FILTER_BLOCK ? count - at : FILTER_BLOCK;
        uint32_t any = 0;
        for (size_t l = 0; l < block; l++) {
            any |= x[at + l] >= bound;
        }
        if (any != 0) {
            FN(filter)(&survivors, x, at, block, bound);
        }
        if (survivors.count + FILTER_BLOCK >= SURVIVORS_MAX) {
            /* an equal value that comes later loses its tie: what enters must be above */
            const TYPE least = FN(prune)(&survivors, k);
            const TYPE above = NEXT(least);
            bound = survivors.count == k && above > bound ? above : bound;
        }
    }
    uint32_t places[NBA_TOP_MAX];
    const size_t kept = FN(order)(&survivors, k, places);
    for (size_t i = 0; i < kept; i++) {
        ret_indexes[i] = survivors.indexes[places[i]];
    }
    return kept;
}
