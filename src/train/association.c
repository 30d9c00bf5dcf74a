/*
 * An FP-tree holds transactions as paths from the root, the most frequent content first, so that
 * common beginnings are one path.  The sets that end in a content are those of the tree of what
 * stands above it; that tree is as small, and is looked at the same way, at most items_max deep.
 */
#include "nba/train/association.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nba/base/assert.h"
#include "nba/base/hash.h"
#include "nba/base/hash_index.h"
#include "nba/base/memory.h"

#define NONE      UINT32_MAX
#define ITEMS_MAX NBA_ASSOCIATION_ITEMS_MAX

struct node {
    uint32_t item, count, parent;
    uint32_t next;           /* the node of the same item made before */
    uint32_t child, sibling; /* one of its children, and that one's next */
};

/* Items are contents by descending frequency, from 0. */
struct tree {
    struct node *nodes; /* [0] the root */
    size_t count, room;
    uint32_t *last;    /* (items) the newest node of each */
    uint32_t *support; /* (items) */
};

struct set {
    uint32_t items[ITEMS_MAX]; /* ascending, then NONE */
    uint32_t size, count;
};

struct mining {
    uint32_t items, least, items_max;
    struct set *sets;
    size_t set_count, set_room;
    uint32_t *content_of;        /* (items) */
    struct nba_hash_index index; /* of sets by their items */
};

static struct tree tree_of(uint32_t items)
{
    struct tree tree = {.last = nba_zeros(items, sizeof(uint32_t)),
                        .support = nba_zeros(items, sizeof(uint32_t))};
    memset(tree.last, 0xff, items * sizeof(uint32_t));
    tree.nodes = nba_room(tree.nodes, 0, &tree.room, sizeof(*tree.nodes));
    tree.nodes[tree.count++] = (struct node){NONE, 0, NONE, NONE, NONE, NONE};
    return tree;
}

static void tree_clear(struct tree *tree)
{
    free(tree->nodes);
    free(tree->last);
    free(tree->support);
}

/* A path of ascending items, `times` over. */
static void tree_add(struct tree *tree, const uint32_t *items, size_t count, uint32_t times)
{
    uint32_t at = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t child = tree->nodes[at].child;
        while (child != NONE && tree->nodes[child].item != items[i]) {
            child = tree->nodes[child].sibling;
        }
        if (child == NONE) {
            child = (uint32_t)tree->count;
            tree->nodes = nba_room(tree->nodes, tree->count, &tree->room, sizeof(*tree->nodes));
            tree->nodes[tree->count++] =
                (struct node){items[i], 0, at, tree->last[items[i]], NONE, tree->nodes[at].child};
            tree->nodes[at].child = child;
            tree->last[items[i]] = child;
        }
        tree->nodes[child].count += times;
        tree->support[items[i]] += times;
        at = child;
    }
}

/* ---- frequent sets ---- */

static uint64_t hash_of(const struct set *set)
{
    return nba_xxh64(set->items, sizeof(set->items));
}

/* Items come in descending order: the new one stands first. */
static struct set with_item(const struct set *set, uint32_t item, uint32_t count)
{
    struct set larger = *set;
    memmove(larger.items + 1, set->items, (ITEMS_MAX - 1) * sizeof(uint32_t));
    larger.items[0] = item;
    larger.size++;
    larger.count = count;
    return larger;
}

/* What stands above `item` in the tree, as a tree. */
static struct tree above(const struct mining *mining, const struct tree *tree, uint32_t item,
                         uint32_t *path)
{
    struct tree conditional = tree_of(mining->items);
    for (uint32_t node = tree->last[item]; node != NONE; node = tree->nodes[node].next) {
        uint32_t from = item;
        for (uint32_t up = tree->nodes[node].parent; up != 0; up = tree->nodes[up].parent) {
            path[--from] = tree->nodes[up].item;
        }
        tree_add(&conditional, path + from, item - from, tree->nodes[node].count);
    }
    return conditional;
}

/* NOLINTNEXTLINE(misc-no-recursion): at most items_max deep */
static bool mine(struct mining *mining, const struct tree *tree, const struct set *suffix,
                 uint32_t below)
{
    uint32_t *path = nba_zeros(below + (size_t)1, sizeof(*path));
    bool room = true;
    for (uint32_t item = below; room && item-- > 0;) {
        if (tree->support[item] < mining->least) {
            continue;
        }
        const struct set set = with_item(suffix, item, tree->support[item]);
        room = mining->set_count < NBA_ASSOCIATION_SETS_MAX;
        if (room) {
            mining->sets =
                nba_room(mining->sets, mining->set_count, &mining->set_room, sizeof(*mining->sets));
            mining->sets[mining->set_count++] = set;
        }
        if (room && set.size < mining->items_max && item > 0) {
            struct tree conditional = above(mining, tree, item, path);
            room = mine(mining, &conditional, &set, item);
            tree_clear(&conditional);
        }
    }
    free(path);
    return room;
}

/* ---- transactions ---- */

/* Positions [from, end) of one session. */
static uint32_t session_end(const struct nba_dataset *d, uint32_t user, uint32_t from,
                            uint32_t length, int64_t gap_ms)
{
    const int64_t *times = d->sequence_time + d->sequence_offset[user];
    uint32_t end = from + 1;
    while (end < length && (!d->ordered || times[end] - times[end - 1] <= gap_ms)) {
        end++;
    }
    return end;
}

static int compare_items(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* The distinct numbers of [from, end), ascending; numbers[content] NONE is left out. */
static size_t transaction(const uint32_t *sequence, uint32_t count, const uint32_t *numbers,
                          uint32_t *ret_items)
{
    size_t taken = 0;
    size_t distinct = 0;
    for (uint32_t p = 0; p < count; p++) {
        if (numbers[sequence[p]] != NONE) {
            ret_items[taken++] = numbers[sequence[p]];
        }
    }
    qsort(ret_items, taken, sizeof(*ret_items), compare_items);
    for (size_t i = 0; i < taken; i++) {
        if (i == 0 || ret_items[i] != ret_items[i - 1]) {
            ret_items[distinct++] = ret_items[i];
        }
    }
    return distinct;
}

/* Adds every transaction to the tree (NULL: to `counts`); returns how many there are. */
static size_t each_transaction(const struct nba_dataset *d, int64_t gap_ms, const uint32_t *numbers,
                               uint32_t *counts, struct tree *tree)
{
    uint32_t *items = nba_zeros(d->sequence_offset[d->user_count] + 1, sizeof(*items));
    size_t transactions = 0;
    for (uint32_t u = 0; u < d->user_count; u++) {
        uint32_t length = 0;
        const uint32_t *sequence = nba_dataset_sequence(d, u, &length);
        for (uint32_t from = 0; from < length; transactions++) {
            const uint32_t end = session_end(d, u, from, length, gap_ms);
            const size_t count = transaction(sequence + from, end - from, numbers, items);
            for (size_t i = 0; tree == NULL && i < count; i++) {
                counts[items[i]]++;
            }
            if (tree != NULL) {
                tree_add(tree, items, count, 1);
            }
            from = end;
        }
    }
    free(items);
    return transactions;
}

/* ---- rules ---- */

static uint32_t count_of(const struct mining *mining, const struct set *set)
{
    uint32_t cursor = 0;
    const uint64_t hash = hash_of(set);
    uint32_t i = nba_hash_index_next(&mining->index, hash, &cursor);
    while (memcmp(mining->sets[i].items, set->items, sizeof(set->items)) != 0) {
        i = nba_hash_index_next(&mining->index, hash, &cursor);
        NBA_ASSERT(i != NBA_HASH_INDEX_NONE); /* what is part of a frequent set is frequent */
    }
    return mining->sets[i].count;
}

/* The set without its i-th item -> that item. */
static struct nba_association rule_of(const struct mining *mining, const struct set *whole,
                                      uint32_t i, double transactions)
{
    struct set rest = *whole;
    struct set then = {{NONE, NONE, NONE, NONE}, 1, 0};
    memmove(rest.items + i, whole->items + i + 1, (ITEMS_MAX - 1 - i) * sizeof(uint32_t));
    rest.items[ITEMS_MAX - 1] = NONE;
    then.items[0] = whole->items[i];
    struct nba_association rule = {.if_count = whole->size - 1,
                                   .then_content = mining->content_of[whole->items[i]],
                                   .count = whole->count,
                                   .support = (double)whole->count / transactions};
    for (uint32_t k = 0; k < rule.if_count; k++) {
        rule.if_contents[k] = mining->content_of[rest.items[k]];
    }
    qsort(rule.if_contents, rule.if_count, sizeof(uint32_t), compare_items);
    rule.confidence = (double)whole->count / (double)count_of(mining, &rest);
    rule.lift = rule.confidence * transactions / (double)count_of(mining, &then);
    return rule;
}

static int compare_rules(const void *a, const void *b)
{
    const struct nba_association *x = a;
    const struct nba_association *y = b;
    if (x->lift < y->lift || x->lift > y->lift) {
        return x->lift > y->lift ? -1 : 1;
    }
    if (x->count != y->count) {
        return x->count > y->count ? -1 : 1;
    }
    const int by_if = memcmp(x->if_contents, y->if_contents, sizeof(x->if_contents));
    return by_if != 0 ? by_if : compare_items(&x->then_content, &y->then_content);
}

static void make_rules(struct mining *mining, double confidence, uint32_t contents,
                       struct nba_associations *all)
{
    size_t room = 0;
    size_t covered = 0;
    uint8_t *covers = nba_zeros(contents, 1);
    const bool indexed = nba_hash_index_reserve(&mining->index, (uint32_t)mining->set_count);
    NBA_ASSERT(indexed);
    for (size_t s = 0; s < mining->set_count; s++) {
        nba_hash_index_add(&mining->index, hash_of(&mining->sets[s]), (uint32_t)s);
    }
    for (size_t s = 0; s < mining->set_count; s++) {
        const struct set *set = &mining->sets[s];
        for (uint32_t i = 0; set->size > 1 && i < set->size; i++) {
            const struct nba_association rule = rule_of(mining, set, i, (double)all->transactions);
            if (rule.confidence >= confidence) {
                all->items = nba_room(all->items, all->count, &room, sizeof(rule));
                all->items[all->count++] = rule;
                covered += covers[rule.then_content] == 0 ? 1 : 0;
                covers[rule.then_content] = 1;
            }
        }
    }
    all->coverage = (double)covered / (double)contents;
    if (all->count > 0) {
        qsort(all->items, all->count, sizeof(*all->items), compare_rules);
    }
    free(covers);
}

static int compare_orders(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Contents that are frequent enough, the most frequent first. */
static void number_contents(struct mining *mining, const uint32_t *counts, uint32_t contents,
                            uint32_t *numbers)
{
    uint64_t *order = nba_zeros(contents, sizeof(*order));
    for (uint32_t c = 0; c < contents; c++) {
        numbers[c] = NONE;
        if (counts[c] >= mining->least) {
            order[mining->items++] = (uint64_t)(UINT32_MAX - counts[c]) << 32 | c;
        }
    }
    qsort(order, mining->items, sizeof(*order), compare_orders);
    mining->content_of = nba_zeros(mining->items + (size_t)1, sizeof(uint32_t));
    for (uint32_t i = 0; i < mining->items; i++) {
        mining->content_of[i] = (uint32_t)order[i];
        numbers[(uint32_t)order[i]] = i;
    }
    free(order);
}

enum nba_status nba_associations_find(const struct nba_dataset *d,
                                      const struct nba_association_options *options,
                                      struct nba_associations *ret_associations,
                                      struct nba_error *error)
{
    const uint32_t N = d->content_count;
    uint32_t *numbers = nba_zeros(N, sizeof(*numbers));
    uint32_t *counts = nba_zeros(N, sizeof(*counts));
    struct nba_associations all = {.items = NULL};
    struct mining mining = {.items_max = options->items_max};
    const struct set nothing = {{NONE, NONE, NONE, NONE}, 0, 0};
    NBA_ASSERT(options->items_max >= 2 && options->items_max <= ITEMS_MAX);
    for (uint32_t c = 0; c < N; c++) {
        numbers[c] = c;
    }
    all.transactions = each_transaction(d, options->gap_ms, numbers, counts, NULL);
    const double least = ceil(options->support * (double)all.transactions - 1e-9);
    mining.least = least < 1.0 ? 1 : (uint32_t)least;
    number_contents(&mining, counts, N, numbers);
    struct tree tree = tree_of(mining.items);
    (void)each_transaction(d, options->gap_ms, numbers, NULL, &tree);
    const bool room = mine(&mining, &tree, &nothing, mining.items);
    if (room) {
        all.sets = mining.set_count;
        make_rules(&mining, options->confidence, N, &all);
        *ret_associations = all;
    }
    tree_clear(&tree);
    nba_hash_index_clear(&mining.index);
    free(mining.sets);
    free(mining.content_of);
    free(numbers);
    free(counts);
    return room ? NBA_OK
                : nba_error_set(error, NBA_E_LIMIT,
                                "more than %u frequent sets: ask for more support than %g",
                                NBA_ASSOCIATION_SETS_MAX, options->support);
}
