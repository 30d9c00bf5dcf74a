/* Every draw goes through here, with functions that are bit-equal on every machine. */
#include "nba/linalg/elementary.h"
#include "world_internal.h"

double nba_sim_uniform(struct nba_world *world)
{
    return nba_rng_double(&world->rng);
}

double nba_sim_normal(struct nba_world *world)
{
    double sum = 0;
    for (int i = 0; i < 12; i++) {
        sum += nba_sim_uniform(world);
    }
    return sum - 6.0;
}

double nba_sim_wait(struct nba_world *world, double mean)
{
    return -mean * nba_ln(1.0 - nba_sim_uniform(world));
}

bool nba_sim_happens(struct nba_world *world, double probability)
{
    return nba_sim_uniform(world) < probability;
}

uint32_t nba_sim_below(struct nba_world *world, uint32_t bound)
{
    return (uint32_t)nba_rng_below(&world->rng, bound);
}
