/* Exploration and experiments of the policy file: what reads their values. */
#include "policy_table.h"

/* A number that one type of exploration needs: the row's `first`. */
enum nba_status nba_read_explore_number(const struct place *place)
{
    const struct policy_exploration *exploration = &place->parse->policy->exploration;
    return exploration->type == EXPLORE_NONE || (unsigned)exploration->type == place->key->first
               ? nba_read_number(place)
               : nba_yaml_fail_key(place->node, place->parse->error, "expected only with type %s",
                                   place->key->words[place->key->first]);
}

enum nba_status nba_read_exploration(const struct place *place)
{
    const struct nba_yaml_node *map = place->node->parent;
    const enum nba_status status = nba_read_word(place);
    return status == NBA_OK && place->parse->policy->exploration.type == EXPLORE_EPSILON_GREEDY &&
                   nba_yaml_get(map, "epsilon") == NULL
               ? nba_yaml_fail_missing(map, "epsilon", "a number from 0 to 1", place->parse->error)
               : status;
}

enum nba_status nba_read_group(const struct place *place)
{
    place->parse->policy->experiments.groups[place->key->first].there = true;
    return nba_read_map(place);
}
