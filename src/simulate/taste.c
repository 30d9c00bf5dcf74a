/* What an HCP makes of a content, and chance: every draw goes through here, with functions that are
 * bit-equal on every machine.  The weights were chosen so that each part can be learned alone:
 * popularity sees quality, a collaborative model taste and peers, a sequence model the journey. */
#include "nba/linalg/elementary.h"
#include "world_internal.h"

#define JOURNEY_NEXT  4.2 /* the next stage of the series engaged last */
#define JOURNEY_AHEAD 0.4 /* a first stage: journeys begin there */
#define SEEN_BEFORE   3.0
#define FATIGUE       0.35 /* a touch of the last seven days */
#define THRESHOLD     1.6
#define WEEK_MS       (7 * INT64_C(86400000))

double nba_sim_normal(struct nba_world *world)
{
    double sum = 0;
    for (int i = 0; i < 12; i++) {
        sum += nba_rng_double(&world->rng);
    }
    return sum - 6.0;
}

double nba_sim_wait(struct nba_world *world, double mean)
{
    return -mean * nba_ln(1.0 - nba_rng_double(&world->rng));
}

bool nba_sim_happens(struct nba_world *world, double probability)
{
    return nba_rng_double(&world->rng) < probability;
}

uint32_t nba_sim_below(struct nba_world *world, uint32_t bound)
{
    return (uint32_t)nba_rng_below(&world->rng, bound);
}

void nba_sim_engage(struct nba_world *world, uint32_t hcp, uint32_t content)
{
    unsigned char *bits = world->seen + (size_t)hcp * world->seen_bytes;
    bits[content / 8] = (unsigned char)(bits[content / 8] | 1u << (content % 8));
    world->hcps[hcp].last_content = content;
}

void nba_sim_touch(struct nba_world *world, uint32_t hcp, int64_t at_ms)
{
    struct sim_hcp *person = &world->hcps[hcp];
    person->touch_ms[person->touch_at % TOUCHES_KEPT] = at_ms;
    person->touch_at++;
}

static double fatigue(const struct nba_world *world, const struct sim_hcp *person)
{
    unsigned touches = 0;
    const uint32_t kept = person->touch_at < TOUCHES_KEPT ? person->touch_at : TOUCHES_KEPT;
    for (uint32_t i = 0; i < kept; i++) {
        touches += person->touch_ms[i] > world->now_ms - WEEK_MS ? 1 : 0;
    }
    return FATIGUE * touches;
}

static double journey(const struct nba_world *world, const struct sim_hcp *person, uint32_t content)
{
    const struct sim_content *one = &world->contents[content];
    if (person->last_content != UINT32_MAX) {
        const struct sim_content *last = &world->contents[person->last_content];
        if (last->series == one->series && last->stage + 1 == one->stage) {
            return JOURNEY_NEXT;
        }
    }
    return one->stage == 0 ? JOURNEY_AHEAD : 0;
}

/* Taste, peers, journey, quality less what was seen: what a choice among contents goes by. */
static double utility(const struct nba_world *world, uint32_t hcp, uint32_t content)
{
    const struct sim_hcp *person = &world->hcps[hcp];
    const struct sim_content *one = &world->contents[content];
    const unsigned bits = world->seen[(size_t)hcp * world->seen_bytes + content / 8];
    return (double)person->taste[one->topic] +
           (double)world->peer[(size_t)person->cluster * world->content_count + content] +
           (double)one->quality + journey(world, person, content) -
           ((bits >> (content % 8) & 1) != 0 ? SEEN_BEFORE : 0);
}

bool nba_sim_is_available(const struct nba_world *world, uint32_t content)
{
    const int64_t from_ms = world->contents[content].from_ms;
    return from_ms == NBA_TIME_NONE || from_ms <= world->now_ms;
}

double nba_world_probability(const struct nba_world *world, uint32_t hcp, uint32_t content,
                             enum nba_channel channel)
{
    const struct sim_hcp *person = &world->hcps[hcp];
    const double liking = (unsigned)channel < CHANNELS_LIKED ? (double)person->channel[channel] : 0;
    return nba_sigmoid(utility(world, hcp, content) + liking - fatigue(world, person) - THRESHOLD);
}

/* The first place whose sum is above a random share of the whole; `otherwise`: there is none. */
static uint32_t pick(struct nba_world *world, const double *sums, uint32_t count,
                     uint32_t otherwise)
{
    const double at = nba_rng_double(&world->rng) * sums[count - 1];
    for (uint32_t k = 0; k < count; k++) {
        if (sums[k] > at) {
            return k;
        }
    }
    return otherwise;
}

uint32_t nba_sim_choose(struct nba_world *world, uint32_t hcp)
{
    double sum = 0;
    uint32_t last = UINT32_MAX;
    for (uint32_t k = 0; k < world->content_count; k++) {
        if (nba_sim_is_available(world, k)) {
            sum += nba_exp(utility(world, hcp, k));
            last = k;
        }
        world->weights[k] = sum;
    }
    return pick(world, world->weights, world->content_count, last);
}

enum nba_channel nba_sim_choose_channel(struct nba_world *world, uint32_t hcp)
{
    const struct sim_hcp *person = &world->hcps[hcp];
    double sums[CHANNELS_LIKED] = {0};
    for (unsigned c = NBA_CHANNEL_EMAIL; c < CHANNELS_LIKED; c++) {
        sums[c] = sums[c - 1];
        sums[c] += person->opted_out[c] ? 0 : nba_exp((double)person->channel[c]);
    }
    return (enum nba_channel)pick(world, sums, CHANNELS_LIKED, NBA_CHANNEL_WEB);
}
