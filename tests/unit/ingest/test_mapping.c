/* Mappings: what a row becomes, what is refused with which reason, and what the loader says. */
#include "nba_test.h"

#include <dirent.h>
#include <unistd.h>

#include "nba/base/compiler.h"
#include "nba/ingest/mapping.h"

static const char mapping_text[] =
    "source: crm\n"
    "events:\n"
    "  columns:\n"
    "    event_time: {column: ts, unit: s}\n"
    "    hcp_id: who\n"
    "    content_id: what\n"
    "    channel: {column: where, values: {digital: web, call: rep}, default: unknown}\n"
    "    dwell_s: dwell\n"
    "  constants: {market: \"US\", topic_ids: [one, two]}\n"
    "  rules:\n"
    "    - {when: {kind: engaged, where: [digital, web]}, type: portal_content_viewed}\n"
    "    - {when: {kind: out}, type: consent_changed, set: {status: opt_out, scope_type: "
    "channel}}\n"
    "    - {when: {kind: noise}, skip: true}\n"
    "    - {when: {where: [web, call]}, type: sample_requested}\n"
    "profiles:\n"
    "  columns:\n"
    "    hcp_id: who\n"
    "    specialties: {column: what, split: \";\"}\n"
    "  constants: {event_time: \"2026-01-01T00:00:00Z\", tz: Europe/Berlin, address_email: ok}\n"
    "  consents:\n"
    "    - {channel: email, status: opt_in, captured_at: \"2025-06-01T00:00:00Z\"}\n"
    "contents:\n"
    "  columns: {content_id: what, title: who}\n"
    "  treatments:\n"
    "    - {channel: email, action_type: email, approval_state: approved, markets: [US, DE]}\n";

static struct nba_mapping *load(const char *text, struct nba_error *error)
{
    char path[64];
    struct nba_mapping *mapping = NULL;
    (void)snprintf(path, sizeof(path), "/tmp/nba-mapping-%d.yaml", (int)getpid());
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
    const enum nba_status status = nba_mapping_load(path, &mapping, error);
    assert_int_equal(status == NBA_OK, mapping != NULL);
    (void)unlink(path);
    return mapping;
}

struct fixture {
    struct nba_mapping *mapping;
    struct nba_arena arena;
    struct nba_mapped_row row;
    struct nba_error error;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    nba_arena_init(&f->arena, 1u << 20);
    f->mapping = load(mapping_text, &f->error);
    if (f->mapping == NULL) {
        fail_msg("%s", f->error.message);
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    nba_mapping_destroy(f->mapping);
    nba_arena_clear(&f->arena);
    free(f);
    return 0;
}

/* `values` are "column=text" pairs; columns not named are empty. */
static enum nba_status apply(struct fixture *f, enum nba_import_kind kind,
                             const char *const *values)
{
    struct nba_str cells[NBA_ROW_COLUMNS_MAX] = {{NULL, 0}};
    const struct nba_row_form *form = &nba_mapping_section(f->mapping, kind)->form;
    for (; *values != NULL; values++) {
        const char *equals = strchr(*values, '=');
        for (size_t k = 0; k < form->column_count; k++) {
            if (nba_str_is(nba_str(*values, (size_t)(equals - *values)), form->columns[k])) {
                cells[k] = nba_str_of(equals + 1);
            }
        }
    }
    const struct nba_row row = {cells, nba_str_of("t.csv"), 7};
    return nba_mapping_apply(f->mapping, kind, &row, &f->arena, &f->row, &f->error);
}

#define ROW(...)          \
    (const char *const[]) \
    {                     \
        __VA_ARGS__, NULL \
    }

static void test_a_row_becomes_the_event_its_rule_says(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(
        apply(f, NBA_IMPORT_EVENTS,
              ROW("ts=1.5", "who=h1", "what=c1", "kind=engaged", "where=digital", "dwell=41")),
        NBA_OK);
    assert_int_equal(f->row.count, 1);
    assert_int_equal(f->row.rule, 0);
    const struct nba_event *event = &f->row.items[0].event;
    assert_int_equal(event->type, NBA_EVENT_PORTAL_CONTENT_VIEWED);
    assert_int_equal(event->event_time_ms, 1500);
    assert_int_equal(event->channel, NBA_CHANNEL_WEB);
    assert_str_equal(event->hcp_id, "h1");
    assert_str_equal(event->content_id, "c1");
    assert_str_equal(event->market, "US");
    assert_str_equal(event->source, "crm");
    assert_str_equal(event->event_id, "t.csv#7");
    assert_true(event->dwell_s == 41);
    assert_int_equal(event->topic_ids.count, 2);
    assert_str_equal(event->topic_ids.items[1], "two");
    assert_int_equal(event->captured_at_ms, NBA_TIME_NONE);
}

static void test_a_rule_sets_what_the_columns_cannot(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(apply(f, NBA_IMPORT_EVENTS, ROW("ts=2", "who=h1", "kind=out", "where=call")),
                     NBA_OK);
    assert_int_equal(f->row.rule, 1);
    const struct nba_event *event = &f->row.items[0].event;
    assert_int_equal(event->type, NBA_EVENT_CONSENT_CHANGED);
    assert_int_equal(event->status, NBA_CONSENT_STATUS_OPT_OUT);
    assert_int_equal(event->scope_type, NBA_CONSENT_SCOPE_CHANNEL);
    assert_int_equal(event->channel, NBA_CHANNEL_REP);
}

static void test_the_first_rule_that_matches_takes_the_row(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(
        apply(f, NBA_IMPORT_EVENTS, ROW("ts=2", "who=h1", "kind=engaged", "where=web")), NBA_OK);
    assert_int_equal(f->row.rule, 0);
    assert_int_equal(apply(f, NBA_IMPORT_EVENTS, ROW("ts=2", "who=h1", "kind=else", "where=web")),
                     NBA_OK);
    assert_int_equal(f->row.rule, 3);
    assert_int_equal(f->row.items[0].event.type, NBA_EVENT_SAMPLE_REQUESTED);
}

static void test_skipped_rows_are_taken_and_make_nothing(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(apply(f, NBA_IMPORT_EVENTS, ROW("kind=noise")), NBA_OK);
    assert_int_equal(f->row.count, 0);
    assert_int_equal(f->row.rule, 2);
}

static void test_refused_rows_say_why_without_their_values(void **state)
{
    static const struct {
        const char *values[7];
        const char *reason;
    } rows[] = {
        {{"ts=1", "who=h", "kind=other", "where=mail", NULL}, "no rule takes this row"},
        {{"ts=1", "kind=engaged", "where=web", NULL}, "hcp_id: missing"},
        {{"who=h", "kind=engaged", "where=web", NULL}, "event_time: missing"},
        {{"ts=noon", "who=h", "kind=engaged", "where=web", NULL}, "event_time: not a number"},
        {{"ts=1", "who=h", "kind=engaged", "where=web", "dwell=nan", NULL},
         "dwell_s: not a number"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(rows); i++) {
        assert_int_equal(apply(f, NBA_IMPORT_EVENTS, rows[i].values), NBA_E_CONFIG);
        assert_string_equal(f->error.message, rows[i].reason);
    }
}

static void test_a_profile_brings_its_consents(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(apply(f, NBA_IMPORT_PROFILES, ROW("who=h1", "what=cardiology;;oncology")),
                     NBA_OK);
    assert_int_equal(f->row.count, 2);
    const struct nba_event *profile = &f->row.items[0].event;
    const struct nba_event *consent = &f->row.items[1].event;
    assert_int_equal(profile->type, NBA_EVENT_PROFILE_UPDATED);
    assert_true(profile->profile->has_specialties);
    assert_false(profile->profile->has_interests);
    assert_int_equal(profile->profile->specialties.count, 2);
    assert_str_equal(profile->profile->specialties.items[1], "oncology");
    assert_str_equal(profile->profile->tz, "Europe/Berlin");
    assert_int_equal(profile->profile->address[NBA_CHANNEL_EMAIL], NBA_ADDRESS_OK);
    assert_int_equal(consent->type, NBA_EVENT_CONSENT_CHANGED);
    assert_int_equal(consent->status, NBA_CONSENT_STATUS_OPT_IN);
    assert_str_equal(consent->hcp_id, "h1");
    assert_str_equal(consent->event_id, "t.csv#7.1");
    assert_int_equal(consent->captured_at_ms, INT64_C(1748736000000));
}

static void test_a_content_has_its_treatments(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(apply(f, NBA_IMPORT_CONTENTS, ROW("what=c1", "who=A title")), NBA_OK);
    const struct nba_content *content = &f->row.items[0].reference.content;
    assert_str_equal(content->content_id, "c1");
    assert_str_equal(content->title, "A title");
    assert_int_equal(content->content_class, NBA_CONTENT_CLASS_PROMOTIONAL);
    assert_int_equal(content->treatment_count, 1);
    assert_int_equal(content->treatments[0].approval_state, NBA_APPROVAL_APPROVED);
    assert_int_equal(content->treatments[0].markets.count, 2);
    assert_true(content->treatments[0].value == 1);
    assert_int_equal(content->treatments[0].expires_at_ms, NBA_TIME_NONE);
    assert_int_equal(apply(f, NBA_IMPORT_CONTENTS, ROW("who=A title")), NBA_E_CONFIG);
}

static void test_the_loader_points_at_the_mistake(void **state)
{
    static const struct {
        const char *text;
        const char *words;
    } mistakes[] = {
        {"events: {columns: {}}\n", "source"},
        {"source: x\nevents: {colums: {}}\n", ":2:"},
        {"source: x\nevents: {constants: {}}\n", "columns"},
        {"source: x\nevents:\n  columns: {hcp: a}\n", ":3:"},
        {"source: x\nevents:\n  columns: {hcp_id: {column: a, unit: s}}\n", "only a time"},
        {"source: x\nevents:\n  columns: {event_time: {column: a, unit: h}}\n", ":3:"},
        {"source: x\nevents:\n  columns: {hcp_id: a}\n  constants: {channel: radio}\n",
         "vocabulary"},
        {"source: x\nevents:\n  columns: {hcp_id: a}\n  rules: [{type: viewed}]\n",
         "expected an event type"},
        {"source: x\nevents:\n  columns: {hcp_id: a}\n  rules: [{when: {a: b}}]\n", "skip: true"},
        {"source: x\nprofiles:\n  columns: {hcp_id: a}\n  rules: []\n", "rules"},
    };
    (void)state;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(mistakes); i++) {
        struct nba_error error = {NBA_OK, ""};
        assert_null(load(mistakes[i].text, &error));
        assert_int_equal(error.status, NBA_E_CONFIG);
        if (strstr(error.message, mistakes[i].words) == NULL) {
            fail_msg("mapping %zu: expected '%s' in '%s'", i, mistakes[i].words, error.message);
        }
    }
}

static void test_shipped_mappings_load_and_have_three_sections(void **state)
{
    DIR *folder = opendir("config/mappings");
    unsigned count = 0;
    (void)state;
    assert_non_null(folder);
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (strstr(entry->d_name, ".yaml") == NULL) {
            continue;
        }
        char path[512];
        struct nba_mapping *mapping = NULL;
        struct nba_error error = {NBA_OK, ""};
        (void)snprintf(path, sizeof(path), "config/mappings/%s", entry->d_name);
        if (nba_mapping_load(path, &mapping, &error) != NBA_OK) {
            fail_msg("%s", error.message);
        }
        assert_non_null(nba_mapping_section(mapping, NBA_IMPORT_EVENTS));
        assert_non_null(nba_mapping_section(mapping, NBA_IMPORT_PROFILES));
        assert_non_null(nba_mapping_section(mapping, NBA_IMPORT_CONTENTS));
        nba_mapping_destroy(mapping);
        count++;
    }
    (void)closedir(folder);
    assert_true(count >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_row_becomes_the_event_its_rule_says, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_rule_sets_what_the_columns_cannot, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_the_first_rule_that_matches_takes_the_row, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_skipped_rows_are_taken_and_make_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_refused_rows_say_why_without_their_values, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_profile_brings_its_consents, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_content_has_its_treatments, set_up, tear_down),
        cmocka_unit_test(test_the_loader_points_at_the_mistake),
        cmocka_unit_test(test_shipped_mappings_load_and_have_three_sections),
    };
    return cmocka_run_group_tests_name("unit.ingest.mapping", tests, NULL, NULL);
}
