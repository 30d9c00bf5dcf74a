/* Scenario files: what is refused, where and in which words. */
#include <stdio.h>
#include <unistd.h>

#include "nba/base/file.h"
#include "nba/scenario/scenario.h"
#include "nba_test.h"

#define POLICY "policy: {policy_version: \"1\", tenant: t}\n"
#define GIVEN  "given: {profiles: [{hcp_id: h}]}\n"
#define EVENT                                                   \
    "event: {id: e, source: s, type: email_opened, hcp_id: h, " \
    "time: \"2026-01-01T00:00:00Z\"}"
#define NAME "name: a\n" POLICY
#define HEAD NAME GIVEN
#define WHEN "when: [{" EVENT "}]\n"

/* Text of the file, and what is said of it behind "<path>:". */
static const struct {
    const char *text, *message;
} bad_files[] = {
    {"", "1:1: expected a scenario"},
    {"# nothing\n", "1:1: expected a scenario"},
    {"nam: a\n", "1:1: nam: unknown key; did you mean 'name'?"},
    {POLICY GIVEN, "1:1: name: missing, expected the scenario's name"},
    {"name: [a]\n" POLICY GIVEN, "1:7: name: expected text, got a list"},
    {"name: NO\n" POLICY GIVEN, "1:7: name: expected text, got NO without quotes, which YAML "
                                "readers take as true or false: write \"NO\""},
    {"name: a\n" GIVEN, "1:1: policy: missing, expected the path of a policy, or a policy"},
    {NAME, "1:1: given: missing, expected the profiles of the HCPs"},
    {NAME "given: {}\n", "3:8: given.profiles: missing, expected the profiles of the HCPs"},
    {NAME "given: {profile: []}\n", "3:9: given.profile: unknown key; did you mean 'profiles'?"},
    {NAME "given: [x]\n", "3:8: given: expected a map, got a list"},
    {"name: a\npolicy: nowhere.yaml\n" GIVEN,
     "2:9: policy: cannot open 'FOLDER/nowhere.yaml': No such file or directory"},
    {HEAD "---\n" HEAD, "5:7: name: there is a scenario 'a' in this file already"},
    {HEAD "like: b\n", "4:7: like: no scenario 'b' stands above in this file"},
    {HEAD "same_as: b\n", "4:10: same_as: no scenario 'b' stands above in this file"},
    {HEAD "replay: maybe\n", "4:9: replay: expected true or false, got 'maybe'"},
    {HEAD "policy_override: [x]\n", "4:18: policy_override: expected a map, got a list"},
    {HEAD "nowhen: 1\n", "4:1: nowhen: unknown key; did you mean 'when'?"},
    {"name: a\nname: b\n", "2:1: name: duplicate key, first given in line 1"},
    {"name: a\n  policy: x\n",
     "2:9: not valid YAML: mapping values are not allowed in this context"},
    {NAME "given: {partitions: 0, profiles: []}\n",
     "3:21: given.partitions: expected a whole number from 1 to 64, got '0'"},
    {NAME "given: {partitions: two, profiles: []}\n",
     "3:21: given.partitions: expected a whole number from 1 to 64, got 'two'"},
    {NAME "given: {profiles: {hcp_id: h}}\n", "3:19: given.profiles: expected a list, got a map"},
    {NAME "given: {profiles: [{market: \"US\"}]}\n",
     "3:20: given.profiles[0].hcp_id: missing, expected the HCP's id"},
    {NAME "given: {profiles: [{hcp_id: h}, {hcp_id: h}]}\n",
     "3:42: given.profiles[1].hcp_id: there is a profile of 'h' already"},
    {NAME "given: {profiles: [{hcp_id: h, markt: \"US\"}]}\n",
     "3:32: given.profiles[0].markt: unknown key; did you mean 'market'?"},
    {NAME "given: {profiles: [{hcp_id: h, market: NO}]}\n",
     "3:40: given.profiles[0].market: expected text, got NO without quotes, which YAML readers "
     "take as true or false: write \"NO\""},
    {NAME "given: {profiles: [{hcp_id: h, specialties: cardiology}]}\n",
     "3:45: given.profiles[0].specialties: expected a list, got a single value"},
    {NAME "given: {profiles: [{hcp_id: h, open_complaint: yes}]}\n",
     "3:48: given.profiles[0].open_complaint: expected true or false, got 'yes'"},
    {NAME "given: {profiles: [{hcp_id: h, addresses: {email: fine}}]}\n",
     "3:51: given.profiles[0].addresses.email: 'fine' is no word of this field, did you mean "
     "'none'?"},
    {NAME "given: {profiles: [{hcp_id: h, addresses: {mail: ok}}]}\n",
     "3:44: given.profiles[0].addresses.mail: 'mail' is no word of this field, did you mean "
     "'email'?"},
    {NAME "given: {profiles: [], contents: [{brand: B}]}\n",
     "3:34: given.contents[0].content_id: missing, expected the record's id"},
    {NAME "given: {profiles: [], contents: [{content_id: C}, {content_id: C}]}\n",
     "3:64: given.contents[1].content_id: the id stands twice"},
    {NAME "given: {profiles: [], contents: [{content_id: C, treatments: [{channel: email}]}]}\n",
     "3:63: given.contents[0].treatments[0]: expected a channel and an action_type"},
    {NAME "given: {profiles: [], contents: [{content_id: C, treatments: [{channel: mail, "
          "action_type: email}]}]}\n",
     "3:73: given.contents[0].treatments[0].channel: 'mail' is no word of this field, did you mean "
     "'email'?"},
    {NAME "given: {profiles: [], contents: [{content_id: C, expires_at: 2026-01-01}]}\n",
     "3:62: given.contents[0].expires_at: expected a time in quotes such as "
     "\"2026-12-31T00:00:00Z\", got '2026-01-01'"},
    {NAME "given: {profiles: [], contents: [{content_id: C, class: funny}]}\n",
     "3:57: given.contents[0].class: 'funny' is no word of this field; expected unknown, "
     "promotional or medical"},
    {NAME "given: {profiles: [], contents: [{content_id: C, colour: red}]}\n",
     "3:50: given.contents[0].colour: unknown key; expected channel, action_type, approval_number, "
     "approval_state, markets, languages, effective_from, expires_at, value, embedding, "
     "content_id, family_id, version, brand, campaign_ids, business_unit, class, title, abstract, "
     "keywords, topic_ids, codes"},
    {NAME "given: {profiles: [], reps: [{rep_id: r, absences: [{from: x}]}]}\n",
     "3:60: given.reps[0].absences[0].from: expected a time in quotes such as "
     "\"2026-12-31T00:00:00Z\", got 'x'"},
    {NAME "given: {profiles: [], reps: [{rep_id: r, role: boss}]}\n",
     "3:48: given.reps[0].role: 'boss' is no word of this field; expected unknown, rep or msl"},
    {NAME "given: {profiles: [], scores: [{content: C, p: 0.1}]}\n",
     "3:32: given.scores[0].action_type: missing, expected content, action_type and p"},
    {NAME "given: {profiles: [], scores: [{content: C, action_type: email, p: 1.5}]}\n",
     "3:68: given.scores[0].p: expected a number from 0 to 1, got '1.5'"},
    {NAME "given: {profiles: [], scores: [{content: C, action_type: email, p: 0.1}, {content: C, "
          "action_type: email, p: 0.2}]}\n",
     "3:74: given.scores[1]: the same candidate has a row before"},
    {HEAD "when: {}\n", "4:7: when: expected a list, got a map"},
    {HEAD "when: [{}]\n",
     "4:8: when[0]: expected one of event, clock, catalog, control, policy, crash"},
    {HEAD "when: [{wait: 1}]\n", "4:9: when[0].wait: unknown key; expected step, event, clock, "
                                 "catalog, control, policy or crash"},
    {HEAD "when: [{clock: \"2026-01-01T00:00:00Z\", crash: idle}]\n",
     "4:40: when[0].crash: a step does one thing, this one does 'clock' too"},
    {HEAD "when: [{clock: 2026-01-01T00:00:00Z}]\n",
     "4:16: when[0].clock: expected a time in quotes such as \"2026-12-31T00:00:00Z\", got "
     "'2026-01-01T00:00:00Z'"},
    {HEAD "when: [{clock: \"yesterday\"}]\n", "4:16: when[0].clock: expected a time in quotes such "
                                              "as \"2026-12-31T00:00:00Z\", got text 'yesterday'"},
    {HEAD "when: [{event: {id: e}}]\n",
     "4:16: when[0].event.source: missing, expected a field that every event has"},
    {HEAD "when: [{event: {id: e, source: s, type: email_opend, hcp_id: h, time: "
          "\"2026-01-01T00:00:00Z\"}}]\n",
     "4:41: when[0].event.type: 'email_opend' is no word of this field, did you mean "
     "'email_opened'?"},
    {HEAD "when: [{event: {id: e, source: s, type: email_opened, hcp_id: h, time: "
          "\"2026-01-01T00:00:00Z\", contentid: C}}]\n",
     "4:96: when[0].event.contentid: unknown key; did you mean 'content_id'?"},
    {HEAD "when: [{event: {id: e, source: s, type: email_opened, hcp_id: h, time: "
          "\"2026-01-01T00:00:00Z\", tz: \"Europe/Berlin\"}}]\n",
     "4:96: when[0].event.tz: is a fact of profile_updated events"},
    {HEAD "when: [{event: {id: e, source: s, type: control_tick, hcp_id: h, time: "
          "\"2026-01-01T00:00:00Z\"}}]\n",
     "4:41: when[0].event.type: expected an event of an HCP; `clock: TIME` is a step of its own"},
    {HEAD "when: [{event: {id: e, source: s, type: email_unsubscribed, hcp_id: h, time: "
          "\"2026-01-01T00:00:00Z\", scope: brands}}]\n",
     "4:109: when[0].event.scope: expected brand, channel or all, got 'brands'; did you mean "
     "'brand'?"},
    {HEAD "when: [{event: {id: e, source: s, type: email_opened, hcp_id: h, time: "
          "\"2026-01-01T00:00:00Z\", bot: human}}]\n",
     "4:101: when[0].event.bot: 'human' is no word of this field; expected none, apple, gmail or "
     "generic"},
    {HEAD "when: [{catalog: {title: x}}]\n",
     "4:18: when[0].catalog: expected content_id, campaign_id or rep_id"},
    {HEAD "when: [{catalog: {content_id: C, approval_state: gone}}]\n",
     "4:50: when[0].catalog.approval_state: 'gone' is no word of this field; expected unknown, "
     "draft, approved or withdrawn"},
    {HEAD "when: [{control: {}}]\n",
     "4:18: when[0].control: expected one of exclude, include, mode"},
    {HEAD "when: [{control: {exclude: {}}}]\n",
     "4:28: when[0].control.exclude.content_id: missing, expected what is excluded (or brand, "
     "campaign_id)"},
    {HEAD "when: [{control: {exclude: {content_id: C, brand: B}}}]\n",
     "4:44: when[0].control.exclude.brand: expected one of content_id, brand, campaign_id"},
    {HEAD "when: [{control: {mode: off}}]\n",
     "4:25: when[0].control.mode: expected live, shadow or stopped, got 'off'"},
    {HEAD "when: [{policy: x}]\n", "4:17: when[0].policy: expected a map, got a single value"},
    {HEAD "when: [{crash: later}]\n",
     "4:16: when[0].crash: 'later' is no word of this field; expected after_poll, after_begin, "
     "after_produce, before_send_offsets, after_send_offsets, before_commit, after_commit, "
     "before_write, after_write, in_unknown_outcome, in_revoke, in_restore, after_restore, "
     "in_swap, in_close or idle"},
    {HEAD "when: [{crash: []}]\n", "4:16: when[0].crash: expected at least one point"},
    {HEAD "when: [{crash: [idle, idle]}]\n",
     "4:23: when[0].crash[1]: the point stands in the list already"},
    {HEAD WHEN "then: {}\n", "5:7: then: expected a list, got a map"},
    {HEAD WHEN "then: [{proposed: []}]\n",
     "5:8: then[0].after: missing, expected the label of a step"},
    {HEAD WHEN "then: [{after: f}]\n", "5:16: then[0].after: no step of `when` is called 'f'"},
    {HEAD "when: [{" EVENT "}, {" EVENT "}]\nthen: [{after: e}]\n",
     "5:16: then[0].after: 'e' names 2 steps: give them a `step` each"},
    {NAME "given: {profiles: [], history: [{step: h, " EVENT "}]}\n" WHEN "then: [{after: h}]\n",
     "5:16: then[0].after: 'h' is a step of given.history: nothing can be asserted on it"},
    {HEAD "when: [{" EVENT "}, {clock: \"2026-01-02T00:00:00Z\"}]\nthen: [{after: "
          "\"2026-01-02T00:00:00Z\"}, {after: e}]\n",
     "5:49: then[1].after: stands behind a later step: items follow their steps"},
    {HEAD WHEN "then: [{after: e, propose: []}]\n",
     "5:19: then[0].propose: unknown key; did you mean 'proposed'?"},
    {HEAD WHEN "then: [{after: e, proposed: {}}]\n",
     "5:29: then[0].proposed: expected a list, got a map"},
    {HEAD WHEN "then: [{after: e, proposed: [{contents: C}]}]\n",
     "5:31: then[0].proposed[0].contents: unknown key; did you mean 'content'?"},
    {HEAD WHEN "then: [{after: e, proposed: [{priority: high}]}]\n",
     "5:41: then[0].proposed[0].priority: expected a number from -1e+15 to 1e+15, got 'high'"},
    {HEAD WHEN "then: [{after: e, proposed: [{drivers: [{code: BECAUSE}]}]}]\n",
     "5:48: then[0].proposed[0].drivers[0].code: 'BECAUSE' is no word of this field; expected "
     "RECENT_TOPIC_ENGAGEMENT, SEQUENCE_NEXT, PEERS_ENGAGED, POPULAR_IN_SPECIALTY, "
     "CHANNEL_AFFINITY, NEW_CONTENT, EMAIL_UNOPENED_STREAK, OPENED_NOT_CLICKED, CALL_FOLLOW_UP, "
     "LONG_SINCE_CONTACT, REACTIVATION, EXPLORATION, LEVER or OTHER"},
    {HEAD WHEN "then: [{after: e, proposed: [{drivers: [{evidence: []}]}]}]\n",
     "5:41: then[0].proposed[0].drivers[0].code: missing, expected the driver's code"},
    {HEAD WHEN "then: [{after: e, recalled: [{reason: WHY}]}]\n",
     "5:39: then[0].recalled[0].reason: 'WHY' is no word of this field"},
    {HEAD WHEN "then: [{after: e, held: [{channel: email}]}]\n",
     "5:27: then[0].held[0].channel: unknown key; expected content, action_id, rank, priority, "
     "reason or until"},
    {HEAD WHEN "then: [{after: e, held: [{until: soon}]}]\n",
     "5:34: then[0].held[0].until: expected a time in quotes such as \"2026-12-31T00:00:00Z\", got "
     "'soon'"},
    {HEAD WHEN "then: [{after: e, dropped: [{until: \"2026-01-01T00:00:00Z\"}]}]\n",
     "5:30: then[0].dropped[0].until: unknown key; expected action_id, content or reason"},
    {HEAD WHEN "then: [{after: e, suppressed: [{reason: FREQUENCY_CAPS}]}]\n",
     "5:41: then[0].suppressed[0].reason: 'FREQUENCY_CAPS' is no word of this field, did you mean "
     "'FREQUENCY_CAP'?"},
    {HEAD WHEN "then: [{after: e, suppressed: [{evidence: e}]}]\n",
     "5:43: then[0].suppressed[0].evidence: expected a list, got a single value"},
    {HEAD WHEN "then: [{after: e, record: {kind: done}}]\n",
     "5:34: then[0].record.kind: 'done' is no word of this field; expected decided, updated, "
     "skipped or lifecycle"},
    {HEAD WHEN "then: [{after: e, record: {counts: {NOPE: 1}}}]\n",
     "5:37: then[0].record.counts.NOPE: 'NOPE' is no word of this field, did you mean 'NONE'?"},
    {HEAD WHEN "then: [{after: e, tombstones: h}]\n",
     "5:31: then[0].tombstones: expected a list, got a single value"},
    {HEAD WHEN "then: [{after: e, state: [{unchanged: true}]}]\n",
     "5:27: then[0].state[0].hcp_id: missing, expected whose state it is"},
    {HEAD WHEN "then: [{after: e, state: [{hcp_id: h, records: many}]}]\n",
     "5:48: then[0].state[0].records: expected a whole number from 0 to 1000000, got 'many'"},
    {HEAD WHEN "then: [{after: e, state: [{hcp_id: h, ledger: [{state: none}]}]}]\n",
     "5:48: then[0].state[0].ledger[0]: expected one of action_id, message_id, call_id"},
    {HEAD WHEN "then: [{after: e, state: [{hcp_id: h, ledger: [{action_id: a, state: free}]}]}]\n",
     "5:70: then[0].state[0].ledger[0].state: expected reserved, committed or none, got 'free'"},
    {HEAD WHEN "then: [{after: e, state: [{hcp_id: h, ledger: [{action_id: a, call_id: c, state: "
               "none}]}]}]\n",
     "5:48: then[0].state[0].ledger[0]: expected one of action_id, message_id, call_id"},
    {HEAD WHEN
     "then: [{after: e, state: [{hcp_id: h, outcomes: [{content: C, outcome: sent}]}]}]\n",
     "5:50: then[0].state[0].outcomes[0].time: missing, expected content, outcome and time"},
    {HEAD WHEN "then: [{after: e, state: [{hcp_id: h, outcomes: [{content: C, outcome: seen, time: "
               "null}]}]}]\n",
     "5:72: then[0].state[0].outcomes[0].outcome: 'seen' is no word of this field, did you mean "
     "'sent'?"},
    {HEAD WHEN "then: [{after: e, rejected: text}]\n",
     "5:19: then[0].rejected: only a policy step can be rejected"},
    {HEAD WHEN "then: [{after: e, decision: [x]}]\n",
     "5:29: then[0].decision: expected text, got a list"},
};

static const char *make_folder(void)
{
    static char folder[] = "/tmp/nba-scenario-XXXXXX";
    assert_non_null(mkdtemp(folder));
    return folder;
}

static void put(const char *folder, const char *name, const char *text, char path[128])
{
    struct nba_error error = {0};
    (void)snprintf(path, 128, "%s/%s", folder, name);
    assert_int_equal(nba_file_write(path, nba_str_of(text), &error), NBA_OK);
}

static void test_each_bad_file_is_refused_with_its_place_and_what_was_expected(void **state)
{
    const char *folder = make_folder();
    char path[128];
    struct nba_error error = {0};
    (void)state;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(bad_files); i++) {
        struct nba_scenarios *scenarios = NULL;
        char expected[NBA_ERROR_MESSAGE_BYTES];
        put(folder, "f.yaml", bad_files[i].text, path);
        assert_int_equal(nba_scenarios_load(path, &scenarios, &error), NBA_E_CONFIG);
        (void)snprintf(expected, sizeof(expected), "%s:%s", path, bad_files[i].message);
        const char *folder_at = strstr(expected, "FOLDER");
        if (folder_at != NULL) { /* the message names a file beside the scenario's */
            char named[NBA_ERROR_MESSAGE_BYTES];
            (void)snprintf(named, sizeof(named), "%.*s%s%s", (int)(folder_at - expected), expected,
                           folder, folder_at + 6);
            assert_string_equal(error.message, named);
        } else {
            assert_string_equal(error.message, expected);
        }
    }
    assert_int_equal(nba_file_remove_tree(folder, &error), NBA_OK);
}

static void test_a_scenario_takes_over_what_it_does_not_say_itself(void **state)
{
    static const char text[] = HEAD WHEN "then: [{after: e, proposed: []}]\n"
                                         "---\n"
                                         "name: b\nlike: a\n"
                                         "--- # the last one\n"
                                         "name: c\nlike: b\nwhen: []\nthen: []\n";
    char folder[] = "/tmp/nba-scenario-XXXXXX";
    char path[128];
    struct nba_error error = {0};
    struct nba_scenarios *scenarios = NULL;
    (void)state;
    assert_non_null(mkdtemp(folder));
    put(folder, "f.yaml", text, path);
    assert_int_equal(nba_scenarios_load(path, &scenarios, &error), NBA_OK);
    assert_int_equal(nba_scenarios_count(scenarios), 3);
    assert_true(nba_str_is(nba_scenarios_name(scenarios, 2), "c"));
    nba_scenarios_destroy(scenarios);
    assert_int_equal(nba_file_remove_tree(folder, &error), NBA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_bad_file_is_refused_with_its_place_and_what_was_expected),
        cmocka_unit_test(test_a_scenario_takes_over_what_it_does_not_say_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
