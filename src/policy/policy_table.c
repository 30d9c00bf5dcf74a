/* Reads a YAML map by a table of keys, and one value by its row. */
#include "policy_table.h"

#include <stdio.h>
#include <string.h>

#include "nba/base/assert.h"

#define KEYS_MAX      80u /* of one table */
#define KEY_BYTES_MAX 64u

/* Each key of the map must have a row; `path` is the map's own, with a dot behind it. */
static enum nba_status check_keys(const struct place *place, const char *path)
{
    const char *known[KEYS_MAX + 1] = {NULL};
    const char *later[KEYS_MAX + 1] = {NULL};
    const size_t bytes = strlen(path);
    size_t known_count = 0;
    size_t later_count = 0;
    for (const struct key *key = place->table; key->name != NULL; key++) {
        const char *name = key->name + bytes;
        NBA_ASSERT(key < place->table + KEYS_MAX);
        if (strncmp(key->name, path, bytes) != 0 || strchr(name, '.') != NULL) {
            continue; /* of another map */
        }
        if (key->read != NULL) {
            known[known_count++] = name;
        } else {
            later[later_count++] = name;
        }
    }
    return nba_yaml_check_keys(place->node, known, later, place->parse->error);
}

/* A map's own row: those of its keys follow. */
enum nba_status nba_read_map(const struct place *place)
{
    char path[KEY_BYTES_MAX];
    (void)snprintf(path, sizeof(path), "%s.", place->key->name);
    return check_keys(place, path);
}

/* The value at a path, NULL if it is absent.  *ret_map: the map it stands in, or should. */
static const struct nba_yaml_node *find(const struct nba_yaml_node *root, const char *path,
                                        const struct nba_yaml_node **ret_map)
{
    const struct nba_yaml_node *node = root;
    for (const char *dot = strchr(path, '.'); dot != NULL && node != NULL;
         dot = strchr(path, '.')) {
        char part[KEY_BYTES_MAX];
        (void)snprintf(part, sizeof(part), "%.*s", (int)(dot - path), path);
        node = nba_yaml_get(node, part);
        path = dot + 1;
    }
    *ret_map = node;
    return node != NULL ? nba_yaml_get(node, path) : NULL;
}

enum nba_status nba_read_table(struct policy_parse *parse, const struct key *table,
                               const struct nba_yaml_node *root, void *object)
{
    enum nba_status status = check_keys(&(struct place){parse, root, NULL, table, NULL}, "");
    for (const struct key *key = table; key->name != NULL && status == NBA_OK; key++) {
        const struct nba_yaml_node *map = NULL;
        const struct nba_yaml_node *node = find(root, key->name, &map);
        if (node != NULL) {
            status = key->read(&(struct place){parse, node, key, table, (char *)object + key->at});
        } else if (map != NULL && key->needed != NULL) {
            const char *dot = strrchr(key->name, '.');
            status = nba_yaml_fail_missing(map, dot != NULL ? dot + 1 : key->name, key->needed,
                                           parse->error);
        }
    }
    return status;
}

/* ---- readers of one value ---- */

enum nba_status nba_read_text(const struct place *place)
{
    return nba_yaml_text(place->node, place->field, place->parse->error);
}

enum nba_status nba_read_duration(const struct place *place)
{
    return nba_yaml_duration(place->node, place->field, place->parse->error);
}

enum nba_status nba_read_time(const struct place *place)
{
    return nba_yaml_time(place->node, place->field, place->parse->error);
}

enum nba_status nba_read_number(const struct place *place)
{
    const struct key *key = place->key;
    return nba_yaml_number(place->node, key->min, key->max, place->field, place->parse->error);
}

enum nba_status nba_read_count(const struct place *place)
{
    int64_t value = 0;
    const enum nba_status status =
        nba_yaml_integer(place->node, (int64_t)place->key->min, (int64_t)place->key->max, &value,
                         place->parse->error);
    *(uint32_t *)place->field = (uint32_t)value;
    return status;
}

enum nba_status nba_read_word(const struct place *place)
{
    size_t index = 0;
    const enum nba_status status =
        nba_yaml_word(place->node, place->key->words, &index, place->parse->error);
    *(unsigned *)place->field = (unsigned)index + place->key->first;
    return status;
}

enum nba_status nba_read_mask(const struct place *place)
{
    const bool list = place->node->kind == NBA_YAML_LIST;
    const struct nba_yaml_node *n = list ? place->node->first : place->node;
    uint32_t mask = 0;
    if (n == NULL) {
        return nba_yaml_fail(place->node, place->parse->error, "expected at least one word");
    }
    for (; n != NULL; n = list ? n->next : NULL) {
        size_t index = 0;
        const enum nba_status status =
            nba_yaml_word(n, place->key->words, &index, place->parse->error);
        const uint32_t bit = 1u << (index + place->key->first);
        if (status != NBA_OK) {
            return status;
        }
        if ((mask & bit) != 0) {
            return nba_yaml_fail(n, place->parse->error, "expected each word once");
        }
        mask |= bit;
    }
    *(uint32_t *)place->field = mask;
    return NBA_OK;
}

enum nba_status nba_read_by_channel(const struct place *place)
{
    const char *const *channels = nba_policy_channels;
    struct place one = {place->parse, NULL, place->key->each, NULL, place->field};
    enum nba_status status =
        nba_yaml_check_keys(place->node, channels + 1, NULL, place->parse->error);
    for (unsigned c = 1; c < NBA_CHANNEL_COUNT && status == NBA_OK; c++) {
        one.node = nba_yaml_get(place->node, channels[c]);
        one.field = (char *)place->field + c * one.key->at;
        status = one.node != NULL ? one.key->read(&one) : NBA_OK;
    }
    return status;
}

enum nba_status nba_read_items(const struct place *place)
{
    struct policy_parse *parse = place->parse;
    const struct items *items = place->key->items;
    uint32_t *count = (uint32_t *)(void *)((char *)parse->policy + items->count_at);
    enum nba_status status = nba_yaml_expect(place->node, items->kind, parse->error);
    if (status == NBA_OK &&
        (place->node->count < items->min || place->node->count > items->max - *count)) {
        return nba_yaml_fail(place->node, parse->error, "expected %u to %u %s", items->min,
                             items->max, items->what);
    }
    const struct nba_yaml_node *n = status == NBA_OK ? place->node->first : NULL;
    for (; n != NULL && status == NBA_OK; n = n->next) {
        struct place item = {parse, n, place->key, NULL, NULL};
        item.field = (char *)place->field + *count * items->item_bytes;
        if (items->blank != NULL) {
            memcpy(item.field, items->blank, items->item_bytes);
        }
        ++*count;
        status = items->keys != NULL ? nba_read_table(parse, items->keys, n, item.field)
                                     : items->read(&item);
    }
    return status;
}

enum nba_status nba_read_id(const struct place *place)
{
    struct policy_parse *parse = place->parse;
    const enum nba_status status = nba_read_text(place);
    for (uint32_t i = 0; i < parse->id_count && status == NBA_OK; i++) {
        if (nba_str_equal(parse->ids[i]->text, place->node->text)) {
            return nba_yaml_fail(place->node, parse->error,
                                 "expected a new id, line %u has this one", parse->ids[i]->line);
        }
    }
    NBA_ASSERT(parse->id_count < POLICY_IDS_MAX);
    parse->ids[parse->id_count++] = place->node;
    return status;
}

enum nba_status nba_read_conditions(const struct place *place)
{
    struct policy_parse *parse = place->parse;
    struct condition_list *list = place->field;
    uint32_t *mixed = &parse->mixed_count[place->key->first];
    const enum nba_status status = nba_condition_read(parse, place->node, false, list);
    if (status == NBA_OK && list->count < (uint32_t)place->key->min) {
        return nba_yaml_fail(place->node, parse->error, "expected at least one condition");
    }
    for (uint32_t i = 0; i < list->count && status == NBA_OK; i++) {
        *mixed += list->items[i].kind == CONDITION_MIXED;
    }
    return status != NBA_OK || *mixed <= POLICY_MIXED_MAX
               ? status
               : nba_yaml_fail(place->node, parse->error,
                               "expected at most %u conditions that compare a candidate with the "
                               "event or the HCP",
                               POLICY_MIXED_MAX);
}

enum nba_status nba_read_applies_to(const struct place *place)
{
    return nba_condition_read(place->parse, place->node, true, place->field);
}
