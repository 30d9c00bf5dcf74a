/* The fusion of many contents says the same bits as that of one. */
#include "nba_test.h"

#include <string.h>

#include "nba/base/random.h"
#include "nba/score/fusion.h"

enum { COUNT = 131 };

static void test_many_fuse_to_the_same_bits_as_one(void **state)
{
    (void)state;
    const struct nba_fusion fusion = {
        .weights = {0.7, 0, 0.45, [NBA_MEMBER_RULES] = 0.3}, .a = 1.3, .b = -3.1};
    struct nba_rng rng = nba_rng(9);
    float lstm[COUNT];
    float popularity[COUNT];
    float rules[COUNT];
    double score[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        lstm[i] = (float)(4 * nba_rng_double(&rng) - 2);
        popularity[i] = (float)(4 * nba_rng_double(&rng) - 2);
        rules[i] = (float)(4 * nba_rng_double(&rng) - 2);
    }
    for (int cold = 0; cold < 2; cold++) {
        const struct nba_fusion used = cold != 0 ? nba_fusion_cold(&fusion) : fusion;
        const float *const members[NBA_MEMBER_COUNT] = {
            [NBA_MEMBER_LSTM] = cold != 0 ? NULL : lstm,
            [NBA_MEMBER_POPULARITY] = popularity,
            [NBA_MEMBER_RULES] = cold != 0 ? NULL : rules,
        };
        nba_fuse_cheap(&used, members, COUNT, score);
        for (size_t i = 0; i < COUNT; i++) {
            const double z[NBA_MEMBER_COUNT] = {
                [NBA_MEMBER_LSTM] = cold != 0 ? 0.0 : (double)lstm[i],
                [NBA_MEMBER_POPULARITY] = (double)popularity[i],
                [NBA_MEMBER_RULES] = cold != 0 ? 0.0 : (double)rules[i],
            };
            const double one = nba_fuse(&used, z).score;
            assert_memory_equal(&score[i], &one, sizeof(one));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_fuse_to_the_same_bits_as_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
