/* Public layouts, in miniature. */
#include "train_fixture.h"

#include <unistd.h>

#include "nba/train/dataset_files.h"

static void put(const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(nba_file_make_dirs(path, &error), NBA_OK);
    *slash = '/';
    assert_int_equal(nba_file_write(path, nba_str_of(text), &error), NBA_OK);
}

static void test_ratings_are_ordered_by_time_then_by_place_in_the_file(void **state)
{
    struct nba_dataset *d = NULL;
    uint32_t count = 0;
    (void)state;
    put("ml-100k/ml-100k.inter", "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
                                 "2\t12\t3\t50\n2\t3\t5\t40\n1\t9\t1\t60\n2\t10\t3\t50\n");
    assert_int_equal(nba_dataset_load(folder, "ml-100k", &d, &error), NBA_OK);
    assert_int_equal(d->user_count, 2);
    assert_int_equal(d->content_count, 12);
    const uint32_t *sequence = nba_dataset_sequence(d, 1, &count);
    assert_int_equal(count, 3);
    /* Numbers keep their order as indexes, less one: 10 comes after 9. */
    assert_int_equal(sequence[0], 2);
    assert_int_equal(sequence[1], 11);
    assert_int_equal(sequence[2], 9);
    nba_dataset_destroy(d);
}

static void test_a_broken_row_is_named_by_file_and_line(void **state)
{
    struct nba_dataset *d = NULL;
    (void)state;
    put("ml-100k/ml-100k.inter", "header\n1\t2\t3\t4\n1\tx\t3\t4\n");
    assert_int_equal(nba_dataset_load(folder, "ml-100k", &d, &error), NBA_E_CORRUPT);
    assert_non_null(strstr(error.message, "ml-100k.inter:3: expected user, item"));
    assert_int_equal(nba_dataset_load(folder, "ml-1m-sasrec", &d, &error), NBA_E_NOT_FOUND);
    assert_int_equal(nba_dataset_load(folder, "ml-20m", &d, &error), NBA_E_USAGE);
    assert_null(d);
}

static void test_hcp_events_become_touches_with_channels_and_specialties(void **state)
{
    struct nba_dataset *d = NULL;
    (void)state;
    put("hcp-a/hcps.csv", "hcp_id,specialty,region\nH0,S2,R\nH1,S1,R\n");
    put("hcp-a/contents.csv", "content_id,title\nC0,\"x\"\nC1,y\nC2,z\n");
    put("hcp-a/events.csv.gz", "event_id,ts_ms,hcp_id,event,channel,content_id,campaign_id\n"
                               "E0,100,H0,engaged,email,C1,X\nE1,110,H0,ignored,call,C2,X\n"
                               "E1,110,H0,ignored,call,C2,X\nE2,120,H0,opt_out,email,C2,X\n"
                               "E3,130,H0,converted,webinar,C0,X\n");
    assert_int_equal(nba_dataset_load(folder, "hcp-a", &d, &error), NBA_OK);
    assert_int_equal(d->content_count, 3);
    assert_int_equal(d->segment[0], 2);
    assert_int_equal(d->segment[1], 1);
    assert_int_equal(d->touch_offset[1], 3);
    assert_int_equal(d->touches[1].kind, NBA_TOUCH_REFUSED);
    assert_int_equal(d->touches[1].channel, NBA_CHANNEL_REP);
    assert_int_equal(d->touches[2].channel, NBA_CHANNEL_EVENT);
    assert_int_equal(d->sequence_offset[1], 2);
    assert_int_equal(d->duplicate_count, 1);
    nba_dataset_destroy(d);
}

static void test_assets_have_types_and_units_and_no_order(void **state)
{
    struct nba_dataset *d = NULL;
    (void)state;
    put("asset-clickstream/submissions.csv",
        ",cookie,gated_asset_type,page_url,form_submissions\n"
        "5,u1,None,p3,302\n7,u2,Gated Webinar Forms,p1,2\n8,u1,Gated Webinar Forms,p1,1\n"
        "9,u1,Gated Ebook Forms,p2,1\n");
    put("asset-clickstream/bu_mapping.csv", ",business_unit,page_url\n0,b,p1\n1,a,p9\n2,a,p3\n");
    assert_int_equal(nba_dataset_load(folder, "asset-clickstream", &d, &error), NBA_OK);
    assert_false(d->ordered);
    assert_int_equal(d->user_count, 2);
    assert_int_equal(d->content_count, 3); /* p9 was touched by nobody */
    assert_int_equal(d->type_count, 2);
    assert_true(nba_str_is(d->types[1], "Gated Webinar Forms"));
    assert_int_equal(d->content_type[0], 2);
    assert_int_equal(d->content_type[1], 1);
    assert_int_equal(d->content_type[2], 0);
    assert_int_equal(d->content_unit[0], 2);
    assert_int_equal(d->content_unit[1], 0);
    assert_int_equal(d->content_unit[2], 1);
    nba_dataset_destroy(d);
    put("asset-clickstream/bu_mapping.csv", ",business_unit,page_url\n0,b\n");
    assert_int_equal(nba_dataset_load(folder, "asset-clickstream", &d, &error), NBA_E_CORRUPT);
    assert_non_null(strstr(error.message, "bu_mapping.csv:2: expected index,business_unit"));
}

static void test_pairs_of_a_line_each_are_sequences_in_their_order(void **state)
{
    struct nba_dataset *d = NULL;
    uint32_t count = 0;
    (void)state;
    put("amazon-video-games/Video.txt", "1 7\n1 3\n2 7\n");
    put("amazon-toys/Toys_and_Games.txt", "1 7 3\n2 7\n");
    assert_int_equal(nba_dataset_load(folder, "amazon-video-games", &d, &error), NBA_OK);
    const uint32_t *sequence = nba_dataset_sequence(d, 0, &count);
    assert_int_equal(count, 2);
    assert_int_equal(sequence[0], 1);
    assert_int_equal(sequence[1], 0);
    assert_false(d->train_only);
    nba_dataset_destroy(d);
    assert_int_equal(nba_dataset_load(folder, "amazon-toys", &d, &error), NBA_OK);
    assert_true(d->train_only);
    nba_dataset_destroy(d);
}

static void test_a_set_brings_the_dropout_it_needs_and_others_none(void **state)
{
    (void)state;
    assert_true(nba_dataset_lstm_dropout("ml-100k") > nba_lstm_options().fit.dropout);
    assert_true(nba_dataset_lstm_dropout("hcp-a") == 0.0);
    assert_true(nba_dataset_lstm_dropout("ml-20m") == 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ratings_are_ordered_by_time_then_by_place_in_the_file),
        cmocka_unit_test(test_a_broken_row_is_named_by_file_and_line),
        cmocka_unit_test(test_hcp_events_become_touches_with_channels_and_specialties),
        cmocka_unit_test(test_assets_have_types_and_units_and_no_order),
        cmocka_unit_test(test_pairs_of_a_line_each_are_sequences_in_their_order),
        cmocka_unit_test(test_a_set_brings_the_dropout_it_needs_and_others_none),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
