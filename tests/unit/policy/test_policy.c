/* The policy file: what a good one says, and the exact complaint about each kind of bad one. */
#include "policy_fixture.h"

#include "nba/base/file.h"

/* The least a policy needs; bad files lay one more piece over it. */
#define HEAD           "policy_version: v1\ntenant: acme\n"
#define DECIDE         "decide_on: [email_opened]\n"
#define CONSENT        "consent: {models: {US: {email: opt_out}}}\n"
#define SLATE          "slate: {size: 2}\n"
#define GOOD           HEAD DECIDE CONSENT SLATE /* five lines; what follows is line 6 */
#define LIMIT(rule)    GOOD "contact_policies:\n  limits:\n    - " rule "\n"
#define RULE(text)     GOOD "contact_policies:\n  suppressions:\n    - " text "\n"
#define CAPACITY(text) GOOD "contact_policies:\n  capacity:\n    - " text "\n"
#define VOLUME(text)   GOOD "contact_policies: {volumes: [" text "]}\n"
#define WEIGHT(text)   GOOD "arbitration:\n  context_weights:\n    - " text "\n"
#define LEVER(text)    GOOD "arbitration:\n  levers:\n    - " text "\n"
#define LIMITS(text)   "contact_policies: {limits: [" text "]}\n"
#define EXCLUDE(text)  GOOD "exclusions:\n  - " text "\n"
#define TRIGGER(text)  GOOD "triggers:\n  - " text "\n"
#define ELIGIBLE(text) GOOD "engagement_policies:\n  eligibility:\n    - " text "\n"

static const struct {
    const char *text;
    const char *message;
} bad_files[] = {
    {"polciy_version: v1\n",
     "p.yaml:1:1: polciy_version: unknown key; did you mean 'policy_version'?"},
    {GOOD "tenants: acme\n", "p.yaml:6:1: tenants: unknown key; did you mean 'tenant'?"},
    {GOOD "tenant: other\n", "p.yaml:6:1: tenant: duplicate key, first given in line 2"},
    {"tenant: acme\n", "p.yaml:1:1: policy_version: missing, expected a text"},
    {"policy_version: v1\n", "p.yaml:1:1: tenant: missing, expected the tenant's id"},
    {HEAD CONSENT SLATE, "p.yaml:1:1: decide_on: missing, expected a list of event types"},
    {HEAD DECIDE SLATE, "p.yaml:1:1: consent: missing, expected default, models and max_age"},
    {HEAD DECIDE CONSENT, "p.yaml:1:1: slate: missing, expected size and max_per"},
    {"policy_version: 2026-11-20\ntenant: a\n", "p.yaml:1:17: policy_version: expected text, got "
                                                "2026-11-20 without quotes, which YAML readers "
                                                "take as a date: write \"2026-11-20\""},
    {"policy_version: 1.10\ntenant: a\n",
     "p.yaml:1:17: policy_version: expected text, got 1.10 without quotes, which YAML readers take "
     "as a number: write \"1.10\""},
    {"policy_version: v1\ntenant:\n", "p.yaml:2:8: tenant: expected text, got nothing"},
    {"policy_version: v1\ntenant: [a]\n", "p.yaml:2:9: tenant: expected text, got a list"},
    {"policy_version: v1\ntenant: no\n",
     "p.yaml:2:9: tenant: expected text, got no without quotes, which YAML readers take as true or "
     "false: write \"no\""},
    {GOOD "mode: off\n", "p.yaml:6:7: mode: expected live, shadow or stopped, got 'off'"},
    {GOOD "mode: stoped\n",
     "p.yaml:6:7: mode: expected live, shadow or stopped, got 'stoped'; did you mean 'stopped'?"},
    {GOOD "clock: real\n", "p.yaml:6:8: clock: expected event or wall, got 'real'"},
    {GOOD "allowed_lateness: 1 day\n",
     "p.yaml:6:19: allowed_lateness: expected a duration above zero such as P90D or PT72H, got '1 "
     "day'"},
    {HEAD "decide_on: email_opened\n" CONSENT SLATE,
     "p.yaml:3:12: decide_on: expected a list, got a single value"},
    {HEAD "decide_on: [email_open]\n" CONSENT SLATE,
     "p.yaml:3:13: decide_on[0]: expected an event type; did you mean 'email_opened'?"},
    {HEAD "decide_on: [email_opened, email_opened]\n" CONSENT SLATE,
     "p.yaml:3:27: decide_on[1]: expected each event type once"},
    {HEAD "decide_on: [control_tick]\n" CONSENT SLATE,
     "p.yaml:3:13: decide_on[0]: expected an event that can start a decision"},
    {GOOD "exclusions: {id: a}\n", "p.yaml:6:13: exclusions: expected a list, got a map"},
    {GOOD "exclusions:\n  - {content_id: C1}\n",
     "p.yaml:7:5: exclusions[0].id: missing, expected a name for the rule"},
    {GOOD "exclusions:\n  - {id: a}\n",
     "p.yaml:7:5: exclusions[0].content_id: missing, expected a content_id, a brand or a "
     "campaign_id"},
    {GOOD "exclusions:\n  - {id: a, content_id: C1, brand: X}\n",
     "p.yaml:7:29: exclusions[0].brand: expected only one of content_id, brand and campaign_id"},
    {GOOD "exclusions:\n  - {id: a, content_id: C1, until: 2026-12-31T00:00:00Z}\n",
     "p.yaml:7:36: exclusions[0].until: expected a time in quotes such as "
     "\"2026-12-31T00:00:00Z\", got '2026-12-31T00:00:00Z'"},
    {GOOD "exclusions:\n  - {id: a, content_id: C1, until: \"2026-13-31T00:00:00Z\"}\n",
     "p.yaml:7:36: exclusions[0].until: expected a time in quotes such as "
     "\"2026-12-31T00:00:00Z\", got text '2026-13-31T00:00:00Z'"},
    {GOOD "exclusions:\n  - {id: a, content_id: C1}\n  - {id: a, content_id: C2}\n",
     "p.yaml:8:10: exclusions[1].id: expected a new id, line 7 has this one"},
    {GOOD "exclusions:\n  - {id: a, content: C1}\n",
     "p.yaml:7:13: exclusions[0].content: unknown key; did you mean 'content_id'?"},
    {HEAD DECIDE "consent: {default: allow, models: {US: {email: opt_in}}}\n" SLATE,
     "p.yaml:4:20: consent.default: expected deny: unknown consent is never consent"},
    {HEAD DECIDE "consent: {default: deny}\n" SLATE,
     "p.yaml:4:10: consent.models: missing, expected a map of markets"},
    {HEAD DECIDE "consent: {models: {NO: {email: opt_in}}}\n" SLATE,
     "p.yaml:4:20: consent.models.NO: expected a market code in quotes: other YAML readers take "
     "this one for something else"},
    {HEAD DECIDE "consent: {models: {US: {mail: opt_in}}}\n" SLATE,
     "p.yaml:4:25: consent.models.US.mail: unknown key; did you mean 'email'?"},
    {HEAD DECIDE "consent: {models: {US: {email: optin}}}\n" SLATE,
     "p.yaml:4:32: consent.models.US.email: expected opt_in, opt_out, implicit or never, got "
     "'optin'; did you mean 'opt_in'?"},
    {HEAD DECIDE "consent: {models: {US: opt_in}}\n" SLATE,
     "p.yaml:4:24: consent.models.US: expected a map, got a single value"},
    {HEAD DECIDE "consent: {models: {US: {email: opt_in}}, max_age: forever}\n" SLATE,
     "p.yaml:4:51: consent.max_age: expected a duration above zero such as P90D or PT72H, got "
     "'forever'"},
    {HEAD DECIDE "consent: {models: {US: {email: opt_in}, US: {email: never}}}\n" SLATE,
     "p.yaml:4:41: consent.models.US: duplicate key, first given in line 4"},
    {RULE("{id: a, track: [opened], scope: content, within: P9D}"),
     "p.yaml:8:7: contact_policies.suppressions[0].hold: missing, expected a duration: a hold "
     "without end is not taken"},
    {RULE("{id: a, track: [opened], scope: content, within: P9D, hold: PT0S}"),
     "p.yaml:8:67: contact_policies.suppressions[0].hold: expected a duration above zero such as "
     "P90D or PT72H, got 'PT0S'"},
    {RULE("{id: a, track: [opened], scope: content, hold: P9D}"),
     "p.yaml:8:7: contact_policies.suppressions[0].within: missing, expected a duration"},
    {RULE("{id: a, scope: content, within: P9D, hold: P9D}"),
     "p.yaml:8:7: contact_policies.suppressions[0].track: missing, expected outcomes such as "
     "[opened, clicked]"},
    {RULE("{id: a, track: [], scope: content, within: P9D, hold: P9D}"),
     "p.yaml:8:22: contact_policies.suppressions[0].track: expected at least one word"},
    {RULE("{id: a, track: [open], scope: content, within: P9D, hold: P9D}"),
     "p.yaml:8:23: contact_policies.suppressions[0].track[0]: expected sent, delivered, shown, "
     "opened, clicked, viewed, downloaded, registered, attended, requested, accepted, executed, "
     "completed, dismissed, ignored, converted or rated, got 'open'; did you mean 'opened'?"},
    {RULE("{id: a, track: [opened, opened], scope: content, within: P9D, hold: P9D}"),
     "p.yaml:8:31: contact_policies.suppressions[0].track[1]: expected each word once"},
    {RULE("{id: a, track: [opened], within: P9D, hold: P9D}"),
     "p.yaml:8:7: contact_policies.suppressions[0].scope: missing, expected content, topic, "
     "brand, channel or rep"},
    {RULE("{id: a, track: [opened], scope: contents, within: P9D, hold: P9D}"),
     "p.yaml:8:39: contact_policies.suppressions[0].scope: expected content, topic, brand, "
     "channel or rep, got 'contents'; did you mean 'content'?"},
    {RULE("{id: a, track: [opened], scope: content, channel: fax, within: P9D, hold: P9D}"),
     "p.yaml:8:57: contact_policies.suppressions[0].channel: expected email, rep, web, event or "
     "sms, got 'fax'"},
    {RULE("{id: a, track: [opened], scope: content, count: 0, within: P9D, hold: P9D}"),
     "p.yaml:8:55: contact_policies.suppressions[0].count: expected a whole number from 1 to 4, "
     "got '0'"},
    {RULE("{id: a, track: [opened], scope: topic, count: 17, within: P9D, hold: P9D}"),
     "p.yaml:8:53: contact_policies.suppressions[0].count: expected a whole number from 1 to 16, "
     "got '17'"},
    {RULE("opened"),
     "p.yaml:8:7: contact_policies.suppressions[0]: expected a map, got a single value"},
    {LIMIT("{per: [hcp], max: 1, window: {rolling: P7D}}"),
     "p.yaml:8:7: contact_policies.limits[0].id: missing, expected a name for the rule"},
    {LIMIT("{id: a, max: 1, window: {rolling: P7D}}"),
     "p.yaml:8:7: contact_policies.limits[0].per: missing, expected [hcp] or [hcp, brand]"},
    {LIMIT("{id: a, per: [brand], max: 1, window: {rolling: P7D}}"),
     "p.yaml:8:20: contact_policies.limits[0].per: expected hcp among them; what reps can take is "
     "contact_policies.capacity"},
    {LIMIT("{id: a, per: [hcp], window: {rolling: P7D}}"),
     "p.yaml:8:7: contact_policies.limits[0].max: missing, expected a whole number of contacts, 0 "
     "for never"},
    {LIMIT("{id: a, per: [hcp], max: 65, window: {rolling: P7D}}"),
     "p.yaml:8:32: contact_policies.limits[0].max: expected a whole number from 0 to 64, got '65'"},
    {LIMIT("{id: a, per: [hcp], max: 1}"),
     "p.yaml:8:7: contact_policies.limits[0].window: missing, expected {rolling: P7D} or "
     "{calendar: month, tz: hcp}"},
    {LIMIT("{id: a, per: [hcp], max: 1, window: {rolling: P1M}}"),
     "p.yaml:8:53: contact_policies.limits[0].window.rolling: expected a duration in days or less "
     "such as P30D: months are for calendar windows"},
    {LIMIT("{id: a, per: [hcp], max: 1, window: {rolling: P0D}}"),
     "p.yaml:8:53: contact_policies.limits[0].window.rolling: expected a duration above zero such "
     "as P90D or PT72H, got 'P0D'"},
    {LIMIT("{id: a, per: [hcp], max: 1, window: {tz: hcp}}"),
     "p.yaml:8:43: contact_policies.limits[0].window: expected one of rolling and calendar"},
    {LIMIT("{id: a, per: [hcp], max: 1, window: {rolling: P1D, calendar: day}}"),
     "p.yaml:8:43: contact_policies.limits[0].window: expected one of rolling and calendar"},
    {LIMIT("{id: a, per: [hcp], max: 1, window: {rolling: P1D, tz: hcp}}"),
     "p.yaml:8:62: contact_policies.limits[0].window.tz: expected with calendar only: a rolling "
     "window needs no time zone"},
    {LIMIT("{id: a, per: [hcp], max: 1, window: {calendar: year}}"),
     "p.yaml:8:54: contact_policies.limits[0].window.calendar: expected day, week or month, got "
     "'year'"},
    {LIMIT("{id: a, per: [hcp], max: 1, window: {calendar: day, tz: Mars/Olympus}}"),
     "p.yaml:8:63: contact_policies.limits[0].window.tz: expected hcp, utc or a time zone such as "
     "Europe/Zurich"},
    {CAPACITY("{id: a, per: [rep], channel: rep, window: {rolling: P1D}, when_full: refuse}"),
     "p.yaml:8:7: contact_policies.capacity[0].max: missing, expected a whole number; 0 is never"},
    {CAPACITY("{id: a, per: [hcp], channel: rep, max: 1, window: {rolling: P1D}, when_full: "
              "refuse}"),
     "p.yaml:8:21: contact_policies.capacity[0].per[0]: expected rep, got 'hcp'; did you "
     "mean 'rep'?"},
    {CAPACITY("{id: a, per: [rep], channel: rep, max: 201, window: {rolling: P1D}, when_full: "
              "refuse}"),
     "p.yaml:8:46: contact_policies.capacity[0].max: expected a whole number from 0 to 200, got "
     "'201'"},
    {CAPACITY("{id: a, per: [rep], channel: rep, max: 1, window: {}, when_full: refuse}"),
     "p.yaml:8:57: contact_policies.capacity[0].window: expected {rolling: P7D} or {calendar: "
     "day, tz: rep}"},
    {CAPACITY("{id: a, per: [rep], channel: rep, max: 1, window: {calendar: day}, when_full: "
              "refuse}"),
     "p.yaml:8:57: contact_policies.capacity[0].window: expected {rolling: P7D} or {calendar: "
     "day, tz: rep}"},
    {CAPACITY("{id: a, per: [rep], channel: rep, max: 1, window: {calendar: month, tz: rep}, "
              "when_full: refuse}"),
     "p.yaml:8:68: contact_policies.capacity[0].window.calendar: expected day or week, got "
     "'month'"},
    {CAPACITY("{id: a, per: [rep], channel: rep, max: 1, window: {rolling: P1D}}"),
     "p.yaml:8:7: contact_policies.capacity[0].when_full: missing, expected replace_lowest or "
     "refuse"},
    {GOOD "contact_policies: {release_on: [sent]}\n",
     "p.yaml:6:33: contact_policies.release_on[0]: expected not_sent, bounced, dropped, recalled "
     "or expired, got 'sent'"},
    {GOOD "feedback: {windows: {email: 7}}\n",
     "p.yaml:6:29: feedback.windows.email: expected a duration above zero such as P90D or PT72H, "
     "got '7'"},
    {GOOD "feedback: {window: {email: P7D}}\n",
     "p.yaml:6:12: feedback.window: unknown key; did you mean 'windows'?"},
    {GOOD "experiments: {control: {}}\n",
     "p.yaml:6:15: experiments.control: unknown key; expected universal_control, "
     "model_control or champion_challenger"},
    {GOOD "experiments: {universal_control: {period: month}}\n",
     "p.yaml:6:34: experiments.universal_control.share_bp: missing, expected basis points from 0 "
     "to 10000"},
    {GOOD "experiments: {universal_control: {share_bp: 10001}}\n",
     "p.yaml:6:45: experiments.universal_control.share_bp: expected a whole number from 0 to "
     "10000, got '10001'"},
    {GOOD "experiments: {universal_control: {share_bp: 5, period: week}}\n",
     "p.yaml:6:56: experiments.universal_control.period: expected none or month, got 'week'"},
    {GOOD "experiments: {champion_challenger: {arms: {a: 1}}}\n",
     "p.yaml:6:36: experiments.champion_challenger.id: missing, expected a name for the "
     "experiment"},
    {GOOD "experiments: {champion_challenger: {id: ab}}\n",
     "p.yaml:6:36: experiments.champion_challenger.arms: missing, expected a map of arms and their "
     "basis points"},
    {GOOD "experiments: {champion_challenger: {id: ab, arms: {}}}\n",
     "p.yaml:6:51: experiments.champion_challenger.arms: expected 1 to 8 arms"},
    {GOOD "experiments: {champion_challenger: {id: ab, arms: [a]}}\n",
     "p.yaml:6:51: experiments.champion_challenger.arms: expected a map, got a list"},
    {GOOD "experiments: {champion_challenger: {id: ab, arms: {a: 0}}}\n",
     "p.yaml:6:55: experiments.champion_challenger.arms.a: expected a whole number from 1 to "
     "10000, got '0'"},
    {GOOD "experiments:\n  champion_challenger:\n    id: ab\n    arms: {a: 9000, b: 1001}\n",
     "p.yaml:9:24: experiments.champion_challenger.arms.b: expected at most 10000 basis points in "
     "all arms, got 10001"},
    {GOOD "experiments: {champion_challenger: {id: ab, arms: {on: 1}}}\n",
     "p.yaml:6:52: experiments.champion_challenger.arms[0]: expected text, got on without quotes, "
     "which YAML readers take as true or false: write \"on\""},
    {GOOD "arbitration: {exploration: {type: epsilon_greedy}}\n",
     "p.yaml:6:28: arbitration.exploration.epsilon: missing, expected a number from 0 to 1"},
    {GOOD "arbitration: {exploration: {epsilon: 0.1}}\n",
     "p.yaml:6:28: arbitration.exploration.type: missing, expected none, epsilon_greedy or "
     "thompson"},
    {GOOD "arbitration: {exploration: {type: epsilon, epsilon: 0.1}}\n",
     "p.yaml:6:35: arbitration.exploration.type: expected none, epsilon_greedy or thompson, got "
     "'epsilon'"},
    {GOOD "arbitration: {exploration: {type: epsilon_greedy, epsilon: 1.5}}\n",
     "p.yaml:6:60: arbitration.exploration.epsilon: expected a number from 0 to 1, got '1.5'"},
    {GOOD "arbitration: {exploration: {type: thompson, epsilon: 0.1}}\n",
     "p.yaml:6:45: arbitration.exploration.epsilon: expected only with type epsilon_greedy"},
    {GOOD "arbitration: {exploration: {type: epsilon_greedy, epsilon: 0.1, k: 9}}\n",
     "p.yaml:6:65: arbitration.exploration.k: expected only with type thompson"},
    {GOOD "arbitration: {exploration: {type: thompson, k: 0}}\n",
     "p.yaml:6:48: arbitration.exploration.k: expected a number from 1 to 100000, got '0'"},
    {TRIGGER("{id: t}"), "p.yaml:7:5: triggers[0].pattern: missing, expected event and without"},
    {TRIGGER("{id: release, pattern: {event: email_sent, without: {event: email_opened, within: "
             "P7D}}, then: {action_type: rep_call, driver: LEVER}}"),
     "p.yaml:7:10: triggers[0].id: expected a name other than release, of at most 64 bytes and "
     "without a colon"},
    {TRIGGER("{id: \"a:b\", pattern: {event: email_sent, without: {event: email_opened, within: "
             "P7D}}, then: {action_type: rep_call, driver: LEVER}}"),
     "p.yaml:7:10: triggers[0].id: expected a name other than release, of at most 64 bytes and "
     "without a colon"},
    {TRIGGER("{id: t, pattern: {event: email_sent}}"),
     "p.yaml:7:22: triggers[0].pattern.without: missing, expected event and within"},
    {TRIGGER("{id: t, pattern: {event: email_sen, without: {event: email_opened, within: P7D}}}"),
     "p.yaml:7:30: triggers[0].pattern.event: expected an event type; did you mean 'email_sent'?"},
    {TRIGGER("{id: t, pattern: {event: email_sent, without: {event: email_opened}}}"),
     "p.yaml:7:51: triggers[0].pattern.without.within: missing, expected a duration"},
    {TRIGGER("{id: t, pattern: {event: email_sent, without: {event: email_opened, within: P1M}}}"),
     "p.yaml:7:81: triggers[0].pattern.without.within: expected days, hours, minutes or seconds, "
     "at most P366D"},
    {TRIGGER(
         "{id: t, pattern: {event: email_sent, without: {event: email_opened, within: P367D}}}"),
     "p.yaml:7:81: triggers[0].pattern.without.within: expected days, hours, minutes or seconds, "
     "at most P366D"},
    {TRIGGER("{id: t, pattern: {event: email_sent, without: {event: email_opened, same: brand, "
             "within: P7D}}}"),
     "p.yaml:7:79: triggers[0].pattern.without.same: expected message_id or content_id, got "
     "'brand'"},
    {TRIGGER("{id: t, pattern: {event: email_sent, consecutive: 11, without: {event: email_opened, "
             "within: P7D}}}"),
     "p.yaml:7:55: triggers[0].pattern.consecutive: expected a whole number from 1 to 8, got "
     "'11'"},
    {TRIGGER("{id: t, pattern: {event: email_sent, per: [brand], without: {event: email_opened, "
             "within: P7D}}}"),
     "p.yaml:7:47: triggers[0].pattern.per: expected [hcp] or [hcp, brand]"},
    {TRIGGER("{id: t, pattern: {event: email_sent, without: {event: email_opened, within: P7D}}, "
             "then: {action_type: call}}"),
     "p.yaml:7:108: triggers[0].then.action_type: expected email, rep_email, rep_call, "
     "rep_call_objective, event_invite, portal_content or insight, got 'call'"},
    {TRIGGER("{id: t, pattern: {event: email_sent, without: {event: email_opened, within: P7D}}, "
             "then: {action_type: rep_call}}"),
     "p.yaml:7:94: triggers[0].then.driver: missing, expected a driver code"},
    {TRIGGER("{id: t, pattern: {event: email_sent, without: {event: email_opened, within: P7D}}, "
             "then: {action_type: rep_call, driver: STREAK}}"),
     "p.yaml:7:126: triggers[0].then.driver: expected RECENT_TOPIC_ENGAGEMENT, SEQUENCE_NEXT, "
     "PEERS_ENGAGED, POPULAR_IN_SPECIALTY, CHANNEL_AFFINITY, NEW_CONTENT, EMAIL_UNOPENED_STREAK, "
     "OPENED_NOT_CLICKED, CALL_FOLLOW_UP, LONG_SINCE_CONTACT, REACTIVATION, EXPLORATION or "
     "LEVER, got 'STREAK'"},
    {TRIGGER("{id: t, pattern: {event: email_sent, without: {event: email_opened, within: P7D}}, "
             "then: {action_type: rep_call, driver: LEVER}, once: P30D}"),
     "p.yaml:7:134: triggers[0].once: unknown key; expected id, pattern, then or once_per"},
    {GOOD "engagement_filters: {min_seconds_after_delivery: -1}\n",
     "p.yaml:6:50: engagement_filters.min_seconds_after_delivery: expected a whole number from 0 "
     "to "
     "3600, got '-1'"},
    {GOOD "timing: {expiry: {email: 72h}}\n",
     "p.yaml:6:26: timing.expiry.email: expected a duration above zero such as P90D or PT72H, got "
     "'72h'"},
    {GOOD "timing: {expiry: {mail: PT72H}}\n",
     "p.yaml:6:19: timing.expiry.mail: unknown key; did you mean 'email'?"},
    {GOOD "arbitration: {formula: P*V}\n",
     "p.yaml:6:24: arbitration.formula: expected P*C*V*L, got 'P*V'"},
    {GOOD "arbitration: {propensity_threshold: {email: 2}}\n",
     "p.yaml:6:45: arbitration.propensity_threshold.email: expected a number from 0 to 1, got '2'"},
    {GOOD "arbitration: {propensity_threshold: {email: \"0.1\"}}\n",
     "p.yaml:6:45: arbitration.propensity_threshold.email: expected a number from 0 to 1, got text "
     "'0.1'"},
    {GOOD "arbitration: {propensity_threshold: 0.1}\n",
     "p.yaml:6:37: arbitration.propensity_threshold: expected a map, got a single value"},
    {WEIGHT("{id: a, add: 5}"),
     "p.yaml:8:7: arbitration.context_weights[0].when: missing, expected a map of conditions"},
    {WEIGHT("{id: a, when: {brand: X}}"),
     "p.yaml:8:7: arbitration.context_weights[0].add: missing, expected a number of percent"},
    {WEIGHT("{id: a, when: {brand: X}, add: -101}"),
     "p.yaml:8:38: arbitration.context_weights[0].add: expected a number from -100 to 1000, got "
     "'-101'"},
    {WEIGHT("{id: a, when: {brand: X}, add: 5, until: \"2026-12-31T00:00:00Z\"}"),
     "p.yaml:8:41: arbitration.context_weights[0].until: unknown key; expected id, when or add"},
    {WEIGHT("{id: a, when: {brnad: X}, add: 5}"),
     "p.yaml:8:22: arbitration.context_weights[0].when.brnad: unknown field; did you mean "
     "'brand'?"},
    {WEIGHT("{id: a, when: {candidate.topic: {eq: event.topik}}, add: 5}"),
     "p.yaml:8:44: arbitration.context_weights[0].when.candidate.topic.eq: unknown field; did you "
     "mean 'topic'?"},
    {WEIGHT("{id: a, when: {candidate.topic: {equals: event.topic}}, add: 5}"),
     "p.yaml:8:40: arbitration.context_weights[0].when.candidate.topic.equals: unknown key; "
     "expected eq, ne, in, not_in, any_of, contains, not_contains or exists"},
    {WEIGHT("{id: a, when: {candidate.topic: {gt: 5}}, add: 5}"),
     "p.yaml:8:40: arbitration.context_weights[0].when.candidate.topic.gt: not supported by this "
     "version"},
    {WEIGHT("{id: a, when: {event.topic: {count_within: 5}}, add: 5}"),
     "p.yaml:8:36: arbitration.context_weights[0].when.event.topic.count_within: not supported by "
     "this version"},
    {WEIGHT("{id: a, when: {candidate.topic: {eq: a, ne: b}}, add: 5}"),
     "p.yaml:8:39: arbitration.context_weights[0].when.candidate.topic: expected one operator, got "
     "2"},
    {WEIGHT("{id: a, when: {candidate.topic: {any_of: [a]}}, add: 5}"),
     "p.yaml:8:40: arbitration.context_weights[0].when.candidate.topic.any_of: expected eq, ne, "
     "in, "
     "not_in or exists: this field is a single value"},
    {WEIGHT("{id: a, when: {hcp.specialties: {eq: a}}, add: 5}"),
     "p.yaml:8:40: arbitration.context_weights[0].when.hcp.specialties.eq: expected any_of, "
     "contains, not_contains or exists: this field is a list"},
    {WEIGHT("{id: a, when: {hcp.specialties: a}, add: 5}"),
     "p.yaml:8:39: arbitration.context_weights[0].when.hcp.specialties: expected an operator such "
     "as {any_of: [...]}"},
    {WEIGHT("{id: a, when: {candidate.topic: {exists: 1}}, add: 5}"),
     "p.yaml:8:48: arbitration.context_weights[0].when.candidate.topic.exists: expected true or "
     "false, got '1'"},
    {WEIGHT("{id: a, when: {channel: fax}, add: 5}"),
     "p.yaml:8:31: arbitration.context_weights[0].when.channel: expected email, rep, web, event or "
     "sms, got 'fax'"},
    {WEIGHT("{id: a, when: {action_type: rep_cal}, add: 5}"),
     "p.yaml:8:35: arbitration.context_weights[0].when.action_type: expected email, rep_email, "
     "rep_call, rep_call_objective, event_invite, portal_content or insight, got 'rep_cal'; did "
     "you "
     "mean 'rep_call'?"},
    {WEIGHT("{id: a, when: {event.type: email_open}, add: 5}"),
     "p.yaml:8:34: arbitration.context_weights[0].when.event.type: expected an event type, got "
     "'email_open'"},
    {WEIGHT("{id: a, when: {candidate.topic: {in: heart}}, add: 5}"),
     "p.yaml:8:44: arbitration.context_weights[0].when.candidate.topic.in: expected a list, got a "
     "single value"},
    {WEIGHT("{id: a, when: {candidate.topic: {in: []}}, add: 5}"),
     "p.yaml:8:44: arbitration.context_weights[0].when.candidate.topic.in: expected at least one "
     "value"},
    {LEVER("{id: a, when: {brand: X}, add: 5, until: \"soon\"}"),
     "p.yaml:8:48: arbitration.levers[0].until: expected a time in quotes such as "
     "\"2026-12-31T00:00:00Z\", got text 'soon'"},
    {LEVER("{id: a, when: {brand: Y}, add: 5}"),
     "p.yaml:8:29: arbitration.levers[0].when.brand: expected text, got Y without quotes, which "
     "YAML readers take as true or false: write \"Y\""},
    {ELIGIBLE("{id: a}"),
     "p.yaml:8:7: engagement_policies.eligibility[0].require: missing, expected a map of "
     "conditions"},
    {ELIGIBLE("{id: a, require: {}}"),
     "p.yaml:8:24: engagement_policies.eligibility[0].require: expected at least one condition"},
    {ELIGIBLE("{id: a, applies_to: {hcp.region: R1}, require: {brand: X}}"),
     "p.yaml:8:28: engagement_policies.eligibility[0].applies_to.hcp.region: expected a field of "
     "the candidate"},
    {ELIGIBLE("{id: a, applies_to: {topic: {eq: event.topic}}, require: {brand: X}}"),
     "p.yaml:8:40: engagement_policies.eligibility[0].applies_to.topic.eq: expected a constant"},
    {ELIGIBLE("{id: a, require: {hcp.open_complaint: {eq: no}}}"),
     "p.yaml:8:50: engagement_policies.eligibility[0].require.hcp.open_complaint.eq: expected true "
     "or false, got 'no'"},
    {GOOD "engagement_policies: {elegibility: []}\n",
     "p.yaml:6:23: engagement_policies.elegibility: unknown key; did you mean 'eligibility'?"},
    {HEAD DECIDE CONSENT "slate: {max_per: {channel: 1}}\n",
     "p.yaml:5:8: slate.size: missing, expected a whole number from 1 to 25"},
    {HEAD DECIDE CONSENT "slate: {size: 0}\n",
     "p.yaml:5:15: slate.size: expected a whole number from 1 to 25, got '0'"},
    {HEAD DECIDE CONSENT "slate: {size: 26}\n",
     "p.yaml:5:15: slate.size: expected a whole number from 1 to 25, got '26'"},
    {HEAD DECIDE CONSENT "slate: {size: 2, max_per: {chanel: 1}}\n",
     "p.yaml:5:28: slate.max_per.chanel: unknown key; did you mean 'channel'?"},
    {HEAD DECIDE CONSENT "slate: {size: 2, max_per: {channel: 0}}\n",
     "p.yaml:5:37: slate.max_per.channel: expected a whole number from 1 to 25, got '0'"},
    {GOOD "engagement_filters: {ignore_bots: [google]}\n",
     "p.yaml:6:36: engagement_filters.ignore_bots[0]: expected apple, gmail or generic, got "
     "'google'"},
    {GOOD "engagement_filters: {ignore_bots: apple}\n",
     "p.yaml:6:35: engagement_filters.ignore_bots: expected a list, got a single value"},
    {GOOD "audit: {candidates: all}\n",
     "p.yaml:6:21: audit.candidates: expected full, counts or top:N with N from 1 to 50"},
    {GOOD "audit: {candidates: top:51}\n",
     "p.yaml:6:21: audit.candidates: expected full, counts or top:N with N from 1 to 50"},
    {GOOD "audit: {candidates: top:0}\n",
     "p.yaml:6:21: audit.candidates: expected full, counts or top:N with N from 1 to 50"},
    {GOOD "audit: {explain_top: 51}\n",
     "p.yaml:6:22: audit.explain_top: expected a whole number from 0 to 50, got '51'"},
    {GOOD "brands: []\n", "p.yaml:6:9: brands: expected 1 to 1000 brands"},
    {GOOD "brands: [CARDIOX]\nexclusions:\n  - {id: a, brand: CARDIOY}\n",
     "p.yaml:8:20: exclusions[0].brand: unknown brand, expected one of `brands`"},
    {GOOD "brands: [CARDIOX]\narbitration: {levers: [{id: a, when: {brand: PULMOVA}, add: 1}]}\n",
     "p.yaml:7:46: arbitration.levers[0].when.brand: unknown brand, expected one of `brands`"},
#include "bad_policies.h"
};

static void test_each_bad_policy_is_refused_with_its_place_and_what_was_expected(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(bad_files); i++) {
        struct nba_policy *policy = NULL;
        struct nba_error error = {0};
        const enum nba_status status =
            nba_policy_parse("p.yaml", nba_str_of(bad_files[i].text), &policy, &error);
        if (status != NBA_E_CONFIG || strcmp(error.message, bad_files[i].message) != 0) {
            print_error("file:\n%s\nexpected: %s\ngot:      %s\n", bad_files[i].text,
                        bad_files[i].message, error.message);
            wrong++;
        }
        assert_null(policy);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(bad_files[i].text, bad_files[j].text); /* each is another */
        }
    }
    assert_int_equal(wrong, 0);
    assert_true(NBA_ARRAY_COUNT(bad_files) >= 150);
}

static struct nba_policy *parse(const char *text)
{
    struct nba_policy *policy = NULL;
    struct nba_error error = {0};
    if (nba_policy_parse("p.yaml", nba_str_of(text), &policy, &error) != NBA_OK) {
        fail_msg("%s", error.message);
    }
    return policy;
}

static void test_the_least_policy_has_careful_defaults(void **state)
{
    struct nba_policy *policy = parse(GOOD);
    (void)state;
    struct nba_event event = fixture_event("e", "2026-11-18T09:00:00Z", "");
    event.type = NBA_EVENT_EMAIL_OPENED;
    assert_int_equal(nba_policy_head(policy)->mode, NBA_MODE_LIVE);
    assert_int_equal(nba_policy_head(policy)->clock, NBA_POLICY_CLOCK_EVENT);
    assert_str_equal(nba_policy_head(policy)->version, "v1");
    assert_str_equal(nba_policy_head(policy)->tenant, "acme");
    assert_true(nba_policy_decides_on(policy, &event));
    event.bot = NBA_BOT_GMAIL;
    assert_true(nba_policy_ignores(policy, &event));
    assert_false(nba_policy_decides_on(policy, &event));
    event.bot = NBA_BOT_NONE;
    event.type = NBA_EVENT_EMAIL_CLICKED;
    assert_false(nba_policy_decides_on(policy, &event));
    const int64_t now = at("2026-11-18T09:00:00Z");
    assert_false(nba_policy_is_late(policy, now - NBA_DAY_MS, now));
    assert_true(nba_policy_is_late(policy, now - NBA_DAY_MS - 1, now));
    assert_true(nba_policy_expires_at(policy, NBA_CHANNEL_EMAIL, now) == now + 14 * NBA_DAY_MS);
    assert_int_equal(nba_policy_head(policy)->explain_top, 5);
    nba_policy_unref(policy);
}

static void test_the_hash_names_the_bytes(void **state)
{
    struct nba_policy *a = parse(GOOD);
    struct nba_policy *b = parse(GOOD "# a comment\n");
    char text[NBA_SHA256_TEXT_BYTES];
    (void)state;
    nba_sha256_text(GOOD, strlen(GOOD), text);
    assert_str_equal(nba_policy_head(a)->hash, text);
    assert_false(nba_str_equal(nba_policy_head(a)->hash, nba_policy_head(b)->hash));
    nba_policy_unref(a);
    nba_policy_unref(b);
}

static void test_the_shipped_policy_loads_and_says_what_it_says(void **state)
{
    struct nba_policy *policy = NULL;
    struct nba_error error = {0};
    (void)state;
    if (nba_policy_load(NBA_SOURCE_DIR "/config/policy-basic.yaml", &policy, &error) != NBA_OK) {
        fail_msg("%s", error.message);
    }
    assert_str_equal(nba_policy_head(policy)->version, "2026-11-20.1");
    const int64_t now = at("2026-11-18T09:00:00Z");
    assert_true(nba_policy_expires_at(policy, NBA_CHANNEL_EMAIL, now) == now + 72 * NBA_HOUR_MS);
    assert_true(nba_policy_expires_at(policy, NBA_CHANNEL_REP, now) == now + 5 * NBA_DAY_MS);
    nba_policy_unref(policy);
    assert_int_equal(nba_policy_load("/no/such/policy.yaml", &policy, &error), NBA_E_NOT_FOUND);
}

struct remarks {
    char warnings[4096], notes[1024];
};

static void collect(void *context, bool warning, const char *text)
{
    struct remarks *remarks = context;
    char *to = warning ? remarks->warnings : remarks->notes;
    const size_t room = warning ? sizeof(remarks->warnings) : sizeof(remarks->notes);
    const size_t used = strlen(to);
    (void)snprintf(to + used, room - used, "%s\n", text);
}

static void look_over(struct fixture *f, bool catalog, struct remarks *ret_remarks)
{
    *ret_remarks = (struct remarks){"", ""};
    nba_policy_look_over(f->policy, catalog ? f->catalog : NULL, at("2026-12-01T00:00:00Z"),
                         collect, ret_remarks);
}

static void test_warnings_name_rules_that_can_never_hold(void **state)
{
    struct fixture *f = fixture_create(
        HEAD "decide_on: []\nconsent: {models: {US: {email: implicit}, DE: {email: never}}}\n" SLATE
             "exclusions:\n  - {id: x1, content_id: nothing}\n  - {id: x2, content_id: mail}\n"
             "arbitration:\n  levers:\n    - {id: l1, when: {brand: NOPE}, add: 1}\n"
             "    - {id: l2, when: {topic: t}, add: 1}\n");
    struct remarks remarks;
    (void)state;
    fixture_email(f, "mail");
    fixture_bind(f);
    look_over(f, true, &remarks);
    assert_string_equal(remarks.warnings,
                        "decide_on: empty, no event starts a decision\n"
                        "consent.models.DE: no channel is open, nothing is ever proposed there\n"
                        "x1: no content has content_id 'nothing'\n"
                        "l1: no content has brand 'NOPE'\n");
    assert_string_equal(remarks.notes, "");
    fixture_destroy(f);
}

/* Each of these is one rule that can't be meant beside one like it that can. */
static void test_rules_out_of_reach_are_warned_of(void **state)
{
    static const struct {
        const char *text, *warnings, *bare; /* with the catalogue, without; NULL: the same */
    } cases[] = {
        {"exclusions:\n  - {id: a, content_id: mail, until: \"2026-12-01T00:00:00Z\"}\n"
         "  - {id: b, content_id: mail, until: \"2026-12-01T00:00:00.001Z\"}\n",
         "a: its `until` is past, it stops nothing\n", NULL},
        {"arbitration: {levers: [{id: a, when: {}, add: 1, until: \"2026-11-30T00:00:00Z\"}]}\n",
         "a: its `until` is past, it adds nothing\n", NULL},
        {"engagement_policies: {eligibility: [{id: a, applies_to: {channel: sms}, require: "
         "{hcp.market: US}}, {id: b, applies_to: {channel: [sms, email]}, require: {hcp.market: "
         "US}}]}\n",
         "a: `applies_to` matches no candidate of the catalogue\n", ""},
        {"engagement_policies: {eligibility: [{id: a, applies_to: {channel: email}, require: "
         "{brand: {exists: false}}}]}\n",
         "a: none of the 1 candidates that it applies to can meet `require`\n", ""},
        {"engagement_policies: {suitability: [{id: a, applies_to: {channel: email}, require: "
         "{candidate.channel: [rep, web]}}]}\n",
         "a: its conditions contradict each other, it stops all that it applies to\n", NULL},
        {"arbitration: {levers: [{id: a, when: {channel: [email, sms], candidate.channel: "
         "{not_in: [sms, email]}}, add: 1}, {id: b, when: {channel: [email, sms], "
         "candidate.channel: {ne: sms}}, add: 1}]}\n",
         "a: its conditions contradict each other, it never holds\n", NULL},
        {"arbitration: {context_weights: [{id: a, when: {action_type: insight}, add: 1}, "
         "{id: b, when: {candidate.topic: {eq: event.topic}}, add: 1}]}\n",
         "a: `when` matches no candidate of the catalogue\n", ""},
        {"arbitration: {context_weights: [{id: a, when: {event.type: portal_login}, add: 1}, "
         "{id: b, when: {event.type: {ne: portal_login}}, add: 1}]}\n",
         "a: no event type of its event.type is in decide_on, it never holds\n", NULL},
        {"arbitration: {propensity_threshold: {sms: 0.1, email: 0.1, rep: 0}}\n",
         "arbitration.propensity_threshold: no content has a treatment of its channel\n", ""},
        {"contact_policies: {suppressions: [{id: a, track: [sent], scope: content, channel: sms, "
         "within: P1D, hold: P1D}]}\n",
         "a: no content has a treatment of its channel\n", ""},
        {LIMITS("{id: a, per: [hcp], channel: email, max: 7, window: {rolling: P7D}}, "
                "{id: b, per: [hcp], channel: [email, sms], max: 1, window: {rolling: P1D}}, "
                "{id: c, per: [hcp], channel: email, max: 6, window: {rolling: P7D}}"),
         "a: never binds, b lets no more through\n", NULL},
        {LIMITS("{id: a, per: [hcp, brand], channel: email, max: 2, window: {rolling: P7D}}, "
                "{id: b, per: [hcp], channel: email, max: 2, window: {rolling: P8D}}"),
         "a: never binds, b lets no more through\n", NULL},
        {LIMITS("{id: a, per: [hcp], channel: email, max: 2, window: {rolling: P7D}}, "
                "{id: b, per: [hcp, brand], channel: email, max: 2, window: {rolling: P8D}}, "
                "{id: c, per: [hcp], channel: rep, max: 1, window: {rolling: P8D}}"),
         "c: no content has a treatment of its channel\n", ""}, /* another brand's, channel's */
        {LIMITS("{id: a, per: [hcp], channel: email, max: 7, window: {calendar: week}}, "
                "{id: b, per: [hcp], channel: email, max: 1, window: {calendar: day}}, "
                "{id: c, per: [hcp], channel: email, max: 6, window: {calendar: week}}"),
         "a: never binds, b lets no more through\n", NULL},
        {LIMITS("{id: a, per: [hcp], max: 2, window: {calendar: day}}, "
                "{id: b, per: [hcp], max: 2, window: {calendar: day}}"),
         "b: never binds, a lets no more through\n", NULL},
        {LIMITS(
             "{id: z, per: [hcp], channel: email, max: 0, window: {rolling: P1D}}") "arbitration: "
                                                                                    "{levers: "
                                                                                    "[{id: a, "
                                                                                    "when: "
                                                                                    "{channel: "
                                                                                    "email}, add: "
                                                                                    "5}]}\n",
         "a: all that it raises is stopped by z, max 0\n", ""},
        {"contact_policies: {capacity: [{id: a, per: [rep], channel: rep, max: 5, window: "
         "{calendar: "
         "day, tz: rep}, when_full: refuse}]}\n",
         "a: no content has a treatment of its channel\n", ""},
        {"contact_policies: {volumes: [{id: a, per: content, only: [mail, other], channel: sms, "
         "max: "
         "5, window: {calendar: day, tz: utc}, when_full: refuse}]}\n",
         "a: no content has a treatment of its channel\na: no content has family_id 'other'\n", ""},
        {"timing: {quiet_hours: [{channel: sms, start: \"20:00\", end: \"07:00\"}]}\n",
         "timing.quiet_hours: no content has a treatment of its channel\n", ""},
        {"contact_policies: {suppressions: [{id: a, track: [sent], scope: content, within: P2D, "
         "hold: P1D}]}\n",
         "a: `hold` is shorter than `within`: it ends while the outcomes count\n", NULL},
    };
    (void)state;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(cases); i++) {
        char text[2048];
        struct remarks remarks;
        (void)snprintf(text, sizeof(text), "%s%s", GOOD, cases[i].text);
        struct fixture *f = fixture_create(text);
        fixture_email(f, "mail");
        fixture_bind(f);
        look_over(f, true, &remarks);
        assert_string_equal(remarks.warnings, cases[i].warnings);
        look_over(f, false, &remarks);
        assert_string_equal(remarks.warnings,
                            cases[i].bare != NULL ? cases[i].bare : cases[i].warnings);
        fixture_destroy(f);
    }
}

static void only_in_france(struct nba_content *content)
{
    static const struct nba_str markets[] = {{"US", 2}, {"FR", 2}};
    static struct nba_treatment treatment;
    treatment = content->treatments[0];
    treatment.markets = (struct nba_str_list){(struct nba_str *)markets, 2};
    content->treatments = &treatment;
}

static void test_a_market_without_a_model_and_the_longest_hold_are_told(void **state)
{
    struct fixture *f = fixture_create(
        GOOD "contact_policies:\n  suppressions:\n"
             "    - {id: a, track: [sent], scope: content, within: P1D, hold: P30D}\n"
             "    - {id: b, track: [opened], scope: content, within: P1D, hold: P60D}\n"
             "    - {id: c, track: [clicked], scope: content, within: P1D, hold: PT48H}\n");
    struct remarks remarks;
    (void)state;
    fixture_content_edited(f, "c1", "B", "t",
                           fixture_treatment(NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL),
                           only_in_france);
    fixture_content_edited(f, "c2", "B", "t",
                           fixture_treatment(NBA_CHANNEL_EMAIL, NBA_ACTION_TYPE_EMAIL),
                           only_in_france);
    fixture_bind(f);
    look_over(f, true, &remarks);
    assert_string_equal(remarks.warnings,
                        "consent.models: no market 'FR', for which there are treatments\n");
    assert_string_equal(remarks.notes, "longest hold: 60 days, by b\n");
    fixture_destroy(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_bad_policy_is_refused_with_its_place_and_what_was_expected),
        cmocka_unit_test(test_the_least_policy_has_careful_defaults),
        cmocka_unit_test(test_the_hash_names_the_bytes),
        cmocka_unit_test(test_the_shipped_policy_loads_and_says_what_it_says),
        cmocka_unit_test(test_warnings_name_rules_that_can_never_hold),
        cmocka_unit_test(test_rules_out_of_reach_are_warned_of),
        cmocka_unit_test(test_a_market_without_a_model_and_the_longest_hold_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
