/* Small data sets for tests of this folder. */
#ifndef NBA_TESTS_SEQUENCES_H
#define NBA_TESTS_SEQUENCES_H

#include "nba_test.h"

#include "nba/train/dataset.h"

/* What a user's i-th touch is; false: there is none. */
struct made_touch {
    uint32_t content;
    enum nba_touch_kind kind;
    enum nba_channel channel;
    int64_t time_ms;
};
typedef bool make_touch_fn(uint32_t user, uint32_t index, struct made_touch *ret_touch);

/* Users U0000.., contents C000.. all in the vocabulary, specialty "S" + user % 2 when asked. */
static inline struct nba_dataset *make_dataset(uint32_t users, uint32_t contents, bool specialties,
                                               make_touch_fn *make)
{
    const struct nba_dataset_options options = {.name = "made"};
    struct nba_dataset_builder *builder = NULL;
    struct nba_dataset *dataset = NULL;
    char text[32];
    char user_text[32];
    builder = nba_dataset_builder_create(&options);
    for (uint32_t c = 0; c < contents; c++) {
        (void)snprintf(text, sizeof(text), "C%03u", c);
        assert_int_equal(nba_dataset_builder_add_content(builder, nba_str_of(text)), NBA_OK);
    }
    for (uint32_t u = 0; u < users; u++) {
        struct made_touch touch;
        (void)snprintf(user_text, sizeof(user_text), "U%04u", u);
        nba_dataset_builder_add_user(builder, nba_str_of(user_text),
                                     nba_str_of(!specialties ? "" : (u % 2 == 0 ? "S0" : "S1")));
        for (uint32_t i = 0; make(u, i, &touch); i++) {
            (void)snprintf(text, sizeof(text), "C%03u", touch.content);
            const struct nba_dataset_row row = {.user = nba_str_of(user_text),
                                                .content = nba_str_of(text),
                                                .time_ms = touch.time_ms,
                                                .channel = touch.channel,
                                                .kind = touch.kind};
            assert_int_equal(nba_dataset_builder_add(builder, &row), NBA_OK);
        }
    }
    assert_int_equal(nba_dataset_builder_finish(builder, &dataset, NULL), NBA_OK);
    nba_dataset_builder_destroy(builder);
    return dataset;
}

#endif
