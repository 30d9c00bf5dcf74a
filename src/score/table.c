/* Rows sorted by content, action type and HCP, found by halving. */
#include "nba/score/table.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "nba/base/arena.h"
#include "nba/base/memory.h"

#define TABLE_BYTES_MAX ((size_t)16 << 20)
#define VALUE_MAX       1e6

struct nba_score_table {
    atomic_uint refs;
    struct nba_arena arena; /* of texts */
    struct nba_score_row *rows;
    size_t count;
    struct nba_str *hcps; /* (count) of all rows, sorted: who is named */
};

static int compare(const struct nba_score_row *a, const struct nba_score_row *b)
{
    int order = nba_str_compare(a->content_id, b->content_id);
    order = order != 0 ? order : (int)a->action_type - (int)b->action_type;
    return order != 0 ? order : nba_str_compare(a->hcp_id, b->hcp_id);
}

static int compare_rows(const void *a, const void *b)
{
    return compare(a, b);
}

static int compare_texts(const void *a, const void *b)
{
    return nba_str_compare(*(const struct nba_str *)a, *(const struct nba_str *)b);
}

static enum nba_status read_row(const struct nba_yaml_node *map, struct nba_score_row *row,
                                struct nba_error *error)
{
    static const char *const keys[] = {"hcp", "content", "action_type", "p", "v", NULL};
#define NBA_X(constant, word) word,
    static const char *const types[] = {NBA_ACTION_TYPE_MAP(NBA_X) NULL};
#undef NBA_X
    const struct nba_yaml_node *hcp = nba_yaml_get(map, "hcp");
    const struct nba_yaml_node *value = nba_yaml_get(map, "v");
    size_t type = 0;
    *row = (struct nba_score_row){.value = 1.0};
    enum nba_status status = nba_yaml_check_keys(map, keys, NULL, error);
    for (size_t i = 1; status == NBA_OK && i < 4; i++) {
        if (nba_yaml_get(map, keys[i]) == NULL) {
            return nba_yaml_fail_missing(map, keys[i], "content, action_type and p", error);
        }
    }
    if (status == NBA_OK && hcp != NULL && !nba_yaml_is_null(hcp)) {
        status = nba_yaml_text(hcp, &row->hcp_id, error);
    }
    const bool done =
        status == NBA_OK &&
        nba_yaml_text(nba_yaml_get(map, "content"), &row->content_id, error) == NBA_OK &&
        nba_yaml_word(nba_yaml_get(map, "action_type"), types, &type, error) == NBA_OK &&
        nba_yaml_number(nba_yaml_get(map, "p"), 0, 1, &row->propensity, error) == NBA_OK &&
        (value == NULL || nba_yaml_number(value, 0, VALUE_MAX, &row->value, error) == NBA_OK);
    row->action_type = (enum nba_action_type)type;
    return done ? NBA_OK : error->status;
}

static struct nba_str copy(struct nba_score_table *table, struct nba_str text)
{
    char *data = nba_arena_need(&table->arena, text.bytes + 1);
    memcpy(data, text.bytes != 0 ? text.data : "", text.bytes);
    return nba_str(data, text.bytes);
}

enum nba_status nba_score_table_read(const struct nba_yaml_node *list,
                                     struct nba_score_table **ret_table, struct nba_error *error)
{
    enum nba_status status = nba_yaml_expect(list, NBA_YAML_LIST, error);
    if (status != NBA_OK) {
        return status;
    }
    struct nba_score_table *table = nba_zeros(1, sizeof(*table));
    atomic_init(&table->refs, 1);
    nba_arena_init(&table->arena, TABLE_BYTES_MAX);
    table->rows = nba_zeros(list->count + 1u, sizeof(*table->rows));
    const struct nba_yaml_node *n = list->first;
    for (; status == NBA_OK && n != NULL; n = n->next) {
        struct nba_score_row *row = &table->rows[table->count];
        status = read_row(n, row, error);
        row->hcp_id = copy(table, row->hcp_id);
        row->content_id = copy(table, row->content_id);
        for (size_t i = 0; status == NBA_OK && i < table->count; i++) {
            if (compare(&table->rows[i], row) == 0) {
                status = nba_yaml_fail(n, error, "the same candidate has a row before");
            }
        }
        table->count += status == NBA_OK ? 1 : 0;
    }
    if (status != NBA_OK) {
        nba_score_table_unref(table);
        return status;
    }
    table->hcps = nba_zeros(table->count + 1, sizeof(*table->hcps));
    for (size_t i = 0; i < table->count; i++) {
        table->hcps[i] = table->rows[i].hcp_id;
    }
    qsort(table->hcps, table->count, sizeof(*table->hcps), compare_texts);
    qsort(table->rows, table->count, sizeof(*table->rows), compare_rows);
    *ret_table = table;
    return NBA_OK;
}

enum nba_status nba_score_table_load(const char *path, struct nba_score_table **ret_table,
                                     struct nba_error *error)
{
    struct nba_yaml *tree = NULL;
    enum nba_status status = nba_yaml_load(path, &tree, error);
    if (status == NBA_OK) {
        status = nba_score_table_read(nba_yaml_root(tree), ret_table, error);
        nba_yaml_destroy(tree);
    }
    return status;
}

struct nba_score_table *nba_score_table_ref(struct nba_score_table *table)
{
    (void)atomic_fetch_add_explicit(&table->refs, 1, memory_order_relaxed);
    return table;
}

void nba_score_table_unref(struct nba_score_table *table)
{
    if (table != NULL && atomic_fetch_sub_explicit(&table->refs, 1, memory_order_acq_rel) == 1) {
        nba_arena_clear(&table->arena);
        free(table->rows);
        free(table->hcps);
        free(table);
    }
}

const struct nba_score_row *nba_score_table_find(const struct nba_score_table *table,
                                                 struct nba_str hcp_id, struct nba_str content_id,
                                                 enum nba_action_type action_type)
{
    struct nba_score_row key = {
        .hcp_id = hcp_id, .content_id = content_id, .action_type = action_type};
    const struct nba_score_row *row =
        bsearch(&key, table->rows, table->count, sizeof(key), compare_rows);
    key.hcp_id = nba_str(NULL, 0);
    return row != NULL ? row : bsearch(&key, table->rows, table->count, sizeof(key), compare_rows);
}

bool nba_score_table_names(const struct nba_score_table *table, struct nba_str hcp_id)
{
    return bsearch(&hcp_id, table->hcps, table->count, sizeof(hcp_id), compare_texts) != NULL;
}
