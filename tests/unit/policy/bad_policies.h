/* Rows of the table of bad policy files in test_policy.c: a file and the whole complaint about it,
 * in the order of the keys. */
{"policy_version: v1\r\n",
 "p.yaml:1:19: Windows line end (CR LF): save the file with Unix line ends (LF)"},
    {"policy_version: v1\nslate:\n\tsize: 2\n",
     "p.yaml:3:1: tab in the indentation: YAML takes spaces only"},
    {"\357\273\277policy_version: v1\n",
     "p.yaml:1:1: byte-order mark: save the file as UTF-8 without BOM"},
    {"policy_version: v\001\n", "p.yaml:1:18: control byte in the file: expected text"},
    {"- policy_version: v1\n", "p.yaml:1:1: expected a map, got a list"},
    {"just words\n", "p.yaml:1:1: expected a map, got a single value"},
    {"", "p.yaml:1:1: policy_version: missing, expected a text"},
    {"policy_version: v1\n---\ntenant: acme\n", "p.yaml:2:1: a second document, expected only one"},
    {"%YAML 1.1\n---\npolicy_version: v1\n", "p.yaml:1:1: directives (%NAME) are not taken"},
    {"policy_version: &v v1\n", "p.yaml:1:17: anchors (&name) are not taken"},
    {GOOD "slates: *v\n", "p.yaml:6:9: aliases (*name) are not taken"},
    {GOOD "brands: !!seq [A1]\n", "p.yaml:6:9: tags (!name) are not taken"},
    {GOOD "exclusions: [{id: a, content_id: C1}\n",
     "p.yaml:7:1: not valid YAML: did not find expected ',' or ']' while parsing a flow sequence"},
    {GOOD "mode: \"live\n",
     "p.yaml:7:1: not valid YAML: found unexpected end of stream while scanning a quoted scalar"},
    {GOOD "timing: {<<: {expiry: {email: P1D}}}\n",
     "p.yaml:6:10: merge keys (<<) are not taken: write the keys out"},
    {GOOD "[a, b]: 1\n", "p.yaml:6:1: expected a word as key, got a list or a map"},
    {GOOD "timing: {expiry: {email: P1D}, expiry: {rep: P1D}}\n",
     "p.yaml:6:32: timing.expiry: duplicate key, first given in line 6"},
    {"policy_version: 20:00\n", "p.yaml:1:17: policy_version: expected text, got 20:00 without "
                                "quotes, which YAML readers take as a number: write \"20:00\""},
    {"policy_version: 0x1F\n", "p.yaml:1:17: policy_version: expected text, got 0x1F without "
                               "quotes, which YAML readers take as a number: write \"0x1F\""},
    {"policy_version: 1e3\n", "p.yaml:1:17: policy_version: expected text, got 1e3 without quotes, "
                              "which YAML readers take as a number: write \"1e3\""},
    {"policy_version: \"\"\n", "p.yaml:1:17: policy_version: expected text, got an empty one"},
    {"policy_version: {v: 1}\n", "p.yaml:1:17: policy_version: expected text, got a map"},
    {HEAD DECIDE "consent: {models: {on: {email: opt_in}}}\n" SLATE,
     "p.yaml:4:20: consent.models.on: expected a market code in quotes: other YAML readers take "
     "this one for something else"},
    {HEAD DECIDE "consent: {models: {49: {email: opt_in}}}\n" SLATE,
     "p.yaml:4:20: consent.models.49: expected a market code in quotes: other YAML readers take "
     "this one for something else"},
    {GOOD "brands: [CARDIOX, off]\n",
     "p.yaml:6:19: brands[1]: expected text, got off without quotes, which YAML readers take as "
     "true or false: write \"off\""},
    {EXCLUDE("{id: 77, content_id: C1}"),
     "p.yaml:7:10: exclusions[0].id: expected text, got 77 without quotes, which YAML readers take "
     "as a number: write \"77\""},
    {EXCLUDE("{id: a, content_id: no}"),
     "p.yaml:7:25: exclusions[0].content_id: expected text, got no without quotes, which YAML "
     "readers take as true or false: write \"no\""},
    {EXCLUDE("{id: a, content_id: C1, until: \"2026-12-31T00:00:00\"}"),
     "p.yaml:7:36: exclusions[0].until: expected a time in quotes such as "
     "\"2026-12-31T00:00:00Z\", got text '2026-12-31T00:00:00'"},
    {EXCLUDE("{id: a, content_id: C1, by: yes}"),
     "p.yaml:7:33: exclusions[0].by: expected text, got yes without quotes, which YAML readers "
     "take as true or false: write \"yes\""},
    {EXCLUDE("{id: a, content_id: C1, reason: [x]}"),
     "p.yaml:7:37: exclusions[0].reason: expected text, got a list"},
    {EXCLUDE("{id: a, campaign_id: K1, brand: B1}"),
     "p.yaml:7:13: exclusions[0].campaign_id: expected only one of content_id, brand and "
     "campaign_id"},
    {EXCLUDE("{id: a, content_id: C1, id: b}"),
     "p.yaml:7:29: exclusions[0].id: duplicate key, first given in line 7"},
    {EXCLUDE("[a, C1]"), "p.yaml:7:5: exclusions[0]: expected a map, got a list"},
    {GOOD "mode: 1\n", "p.yaml:6:7: mode: expected live, shadow or stopped, got '1'"},
    {GOOD "mode: [live]\n", "p.yaml:6:7: mode: expected live, shadow or stopped, got a list"},
    {GOOD "mode: Live\n",
     "p.yaml:6:7: mode: expected live, shadow or stopped, got 'Live'; did you mean 'live'?"},
    {GOOD "mode:\n", "p.yaml:6:6: mode: expected live, shadow or stopped, got nothing"},
    {GOOD "clock: Event\n",
     "p.yaml:6:8: clock: expected event or wall, got 'Event'; did you mean 'event'?"},
    {GOOD "allowed_lateness: P0D\n", "p.yaml:6:19: allowed_lateness: expected a duration above "
                                     "zero such as P90D or PT72H, got 'P0D'"},
    {GOOD "allowed_lateness: 86400\n", "p.yaml:6:19: allowed_lateness: expected a duration above "
                                       "zero such as P90D or PT72H, got '86400'"},
    {GOOD "allowed_lateness: -P1D\n", "p.yaml:6:19: allowed_lateness: expected a duration above "
                                      "zero such as P90D or PT72H, got '-P1D'"},
    {GOOD "allowed_lateness: P1DT\n", "p.yaml:6:19: allowed_lateness: expected a duration above "
                                      "zero such as P90D or PT72H, got 'P1DT'"},
    {GOOD "allowed_lateness: p1d\n", "p.yaml:6:19: allowed_lateness: expected a duration above "
                                     "zero such as P90D or PT72H, got 'p1d'"},
    {GOOD "allowed_lateness: P1.5D\n", "p.yaml:6:19: allowed_lateness: expected a duration above "
                                       "zero such as P90D or PT72H, got 'P1.5D'"},
    {GOOD "max_trigger_age: PT0S\n", "p.yaml:6:18: max_trigger_age: expected a duration above zero "
                                     "such as P90D or PT72H, got 'PT0S'"},
    {GOOD "max_triggr_age: PT6H\n",
     "p.yaml:6:1: max_triggr_age: unknown key; did you mean 'max_trigger_age'?"},
    {GOOD "arbitration: {min_examples: 0}\n",
     "p.yaml:6:29: arbitration.min_examples: expected a whole number from 1 to 1000000, got '0'"},
    {GOOD "arbitration: {min_examples: {email: 5}}\n",
     "p.yaml:6:29: arbitration.min_examples: expected a whole number from 1 to 1000000, got a "
     "map"},
    {HEAD "decide_on: [EMAIL_OPENED]\n" CONSENT SLATE,
     "p.yaml:3:13: decide_on[0]: expected an event type"},
    {HEAD "decide_on: [profile_erased]\n" CONSENT SLATE,
     "p.yaml:3:13: decide_on[0]: expected an event that can start a decision"},
    {HEAD "decide_on: [profile_merged]\n" CONSENT SLATE,
     "p.yaml:3:13: decide_on[0]: expected an event that can start a decision"},
    {HEAD "decide_on: {email_opened: true}\n" CONSENT SLATE,
     "p.yaml:3:12: decide_on: expected a list, got a map"},
    {HEAD "decide_on: [[email_opened]]\n" CONSENT SLATE,
     "p.yaml:3:13: decide_on[0]: expected an event type"},
    {HEAD "decide_on:\n" CONSENT SLATE, "p.yaml:3:11: decide_on: expected a list, got nothing"},
    {HEAD DECIDE "consent: deny\n" SLATE,
     "p.yaml:4:10: consent: expected a map, got a single value"},
    {HEAD DECIDE "consent: {default: deny, models: [US]}\n" SLATE,
     "p.yaml:4:34: consent.models: expected a map, got a list"},
    {HEAD DECIDE "consent: {models: {US: {email: opt_in, email: never}}}\n" SLATE,
     "p.yaml:4:40: consent.models.US.email: duplicate key, first given in line 4"},
    {HEAD DECIDE "consent: {models: {US: {email: true}}}\n" SLATE,
     "p.yaml:4:32: consent.models.US.email: expected opt_in, opt_out, implicit or never, got "
     "'true'"},
    {HEAD DECIDE "consent: {models: {US: {email: [opt_in]}}}\n" SLATE,
     "p.yaml:4:32: consent.models.US.email: expected opt_in, opt_out, implicit or never, got a "
     "list"},
    {HEAD DECIDE "consent: {models: {US: {unknown: opt_in}}}\n" SLATE,
     "p.yaml:4:25: consent.models.US.unknown: unknown key; expected email, rep, web, event or sms"},
    {HEAD DECIDE "consent: {model: {US: {email: opt_in}}}\n" SLATE,
     "p.yaml:4:11: consent.model: unknown key; did you mean 'models'?"},
    {HEAD DECIDE "consent: {models: {US: {email: opt_in}}, max_age: PT0S}\n" SLATE,
     "p.yaml:4:51: consent.max_age: expected a duration above zero such as P90D or PT72H, got "
     "'PT0S'"},
    {HEAD DECIDE "consent: {models: {US: {email: opt_in}}, max_age: 24}\n" SLATE,
     "p.yaml:4:51: consent.max_age: expected a duration above zero such as P90D or PT72H, got "
     "'24'"},
    {HEAD DECIDE "consent: {models: {\"\": {email: opt_in}}}\n" SLATE,
     "p.yaml:4:20: consent.models.: expected a market code in quotes: other YAML readers take this "
     "one for something else"},
    {GOOD "engagement_policies: []\n",
     "p.yaml:6:22: engagement_policies: expected a map, got a list"},
    {GOOD "engagement_policies: {eligibility: {id: a}}\n",
     "p.yaml:6:36: engagement_policies.eligibility: expected a list, got a map"},
    {GOOD "engagement_policies: {suitability: [{require: {brand: X}}]}\n",
     "p.yaml:6:37: engagement_policies.suitability[0].id: missing, expected a name for the rule"},
    {ELIGIBLE("{id: a, require: [brand]}"),
     "p.yaml:8:24: engagement_policies.eligibility[0].require: expected a map, got a list"},
    {ELIGIBLE("{id: a, applies: {brand: X}, require: {brand: X}}"),
     "p.yaml:8:15: engagement_policies.eligibility[0].applies: unknown key; did you mean "
     "'applies_to'?"},
    {ELIGIBLE("{id: a, applies_to: {event.topic: x}, require: {brand: X}}"),
     "p.yaml:8:28: engagement_policies.eligibility[0].applies_to.event.topic: expected a field of "
     "the candidate"},
    {ELIGIBLE("{id: a, applies_to: {brand: []}, require: {brand: X}}"),
     "p.yaml:8:35: engagement_policies.eligibility[0].applies_to.brand: expected at least one "
     "value"},
    {ELIGIBLE("{id: a, require: {hcp.speciality: {any_of: [x]}}}"),
     "p.yaml:8:25: engagement_policies.eligibility[0].require.hcp.speciality: unknown field; did "
     "you mean 'specialties'?"},
    {ELIGIBLE("{id: a, require: {hcp.contact_saturation: {eq: saturating}}}"),
     "p.yaml:8:54: engagement_policies.eligibility[0].require.hcp.contact_saturation.eq: expected "
     "undersaturated, on_target or saturated, got 'saturating'; did you mean 'saturated'?"},
    {ELIGIBLE("{id: a, require: {hcp.specialties: {any_of: x}}}"),
     "p.yaml:8:51: engagement_policies.eligibility[0].require.hcp.specialties.any_of: expected a "
     "list, got a single value"},
    {ELIGIBLE("{id: a, require: {hcp.specialties: {any_of: []}}}"),
     "p.yaml:8:51: engagement_policies.eligibility[0].require.hcp.specialties.any_of: expected at "
     "least one value"},
    {ELIGIBLE("{id: a, require: {hcp.specialties: {none_of: [x]}}}"),
     "p.yaml:8:43: engagement_policies.eligibility[0].require.hcp.specialties.none_of: unknown "
     "key; did you mean 'any_of'?"},
    {ELIGIBLE("{id: a, require: {hcp.specialties: {contains: [x]}}}"),
     "p.yaml:8:53: engagement_policies.eligibility[0].require.hcp.specialties.contains: expected a "
     "single value, got a list"},
    {ELIGIBLE("{id: a, require: {hcp.market: {eq: NO}}}"),
     "p.yaml:8:42: engagement_policies.eligibility[0].require.hcp.market.eq: expected text, got NO "
     "without quotes, which YAML readers take as true or false: write \"NO\""},
    {ELIGIBLE("{id: a, require: {hcp.open_complaint: maybe}}"),
     "p.yaml:8:45: engagement_policies.eligibility[0].require.hcp.open_complaint: expected true or "
     "false, got 'maybe'"},
    {ELIGIBLE("{id: a, require: {hcp.open_complaint: {}}}"),
     "p.yaml:8:45: engagement_policies.eligibility[0].require.hcp.open_complaint: expected one "
     "operator, got 0"},
    {ELIGIBLE("{id: a, require: {candidate.class: scientific}}"),
     "p.yaml:8:42: engagement_policies.eligibility[0].require.candidate.class: expected "
     "promotional or medical, got 'scientific'"},
    {ELIGIBLE("{id: a, require: {candidat.brand: X}}"),
     "p.yaml:8:25: engagement_policies.eligibility[0].require.candidat.brand: unknown field"},
    {ELIGIBLE("{id: a, require: {hcp.registered_events: {contains: candidate.eventid}}}"),
     "p.yaml:8:59: engagement_policies.eligibility[0].require.hcp.registered_events.contains: "
     "unknown field; did you mean 'event_id'?"},
    {ELIGIBLE("{id: a, require: {a1: x, a2: x, a3: x, a4: x, a5: x, a6: x, a7: x, a8: x, a9: x, "
              "b1: x, b2: x}}"),
     "p.yaml:8:24: engagement_policies.eligibility[0].require: expected at most 10 conditions"},
    {ELIGIBLE("{id: a, require: {brand: X}}\n    - {id: a, require: {brand: X}}"),
     "p.yaml:9:12: engagement_policies.eligibility[1].id: expected a new id, line 8 has this one"},
    {HEAD DECIDE CONSENT SLATE
     "engagement_policies: {applicability: [{id: a, require: {topic: {since: P1D}}}]}\n",
     "p.yaml:6:65: engagement_policies.applicability[0].require.topic.since: not supported by this "
     "version"},
    {GOOD "contact_policies: {suppression: []}\n",
     "p.yaml:6:20: contact_policies.suppression: unknown key; did you mean 'suppressions'?"},
    {GOOD "contact_policies: []\n", "p.yaml:6:19: contact_policies: expected a map, got a list"},
    {RULE("{track: [opened], scope: content, within: P9D, hold: P9D}"),
     "p.yaml:8:7: contact_policies.suppressions[0].id: missing, expected a name for the rule"},
    {RULE("{id: a, track: {opened: 1}, scope: content, within: P9D, hold: P9D}"),
     "p.yaml:8:22: contact_policies.suppressions[0].track: expected sent, delivered, shown, "
     "opened, clicked, viewed, downloaded, registered, attended, requested, accepted, executed, "
     "completed, dismissed, ignored, converted or rated, got a map"},
    {RULE("{id: a, track: [opened], scope: [], within: P9D, hold: P9D}"),
     "p.yaml:8:39: contact_policies.suppressions[0].scope: expected at least one word"},
    {RULE("{id: a, track: [opened], scope: [brand, brand], within: P9D, hold: P9D}"),
     "p.yaml:8:47: contact_policies.suppressions[0].scope[1]: expected each word once"},
    {RULE("{id: a, track: [opened], scope: content, within: P9D, hold: forever}"),
     "p.yaml:8:67: contact_policies.suppressions[0].hold: expected a duration above zero such as "
     "P90D or PT72H, got 'forever'"},
    {RULE("{id: a, track: [opened], scope: content, within: P9D, hold: \"\"}"),
     "p.yaml:8:67: contact_policies.suppressions[0].hold: expected a duration above zero such as "
     "P90D or PT72H, got text ''"},
    {RULE("{id: a, track: [opened], scope: content, within: 9, hold: P9D}"),
     "p.yaml:8:56: contact_policies.suppressions[0].within: expected a duration above zero such as "
     "P90D or PT72H, got '9'"},
    {RULE("{id: a, track: [opened], scope: content, count: 1.5, within: P9D, hold: P9D}"),
     "p.yaml:8:55: contact_policies.suppressions[0].count: expected a whole number from 1 to 4, "
     "got '1.5'"},
    {RULE("{id: a, track: [opened], scope: content, count: -1, within: P9D, hold: P9D}"),
     "p.yaml:8:55: contact_policies.suppressions[0].count: expected a whole number from 1 to 4, "
     "got '-1'"},
    {RULE("{id: a, track: [opened], scope: content, count: one, within: P9D, hold: P9D}"),
     "p.yaml:8:55: contact_policies.suppressions[0].count: expected a whole number from 1 to 4, "
     "got 'one'"},
    {RULE("{id: a, track: [opened], scope: content, count: 5, within: P9D, hold: P9D}"),
     "p.yaml:8:55: contact_policies.suppressions[0].count: expected a whole number from 1 to 4, "
     "got '5'"},
    {RULE("{id: a, track: [opened], scope: content, channel: [email, email], within: P9D, hold: "
          "P9D}"),
     "p.yaml:8:65: contact_policies.suppressions[0].channel[1]: expected each word once"},
    {RULE("{id: a, track: [opened], scope: content, channels: email, within: P9D, hold: P9D}"),
     "p.yaml:8:48: contact_policies.suppressions[0].channels: unknown key; did you mean "
     "'channel'?"},
    {GOOD "arbitration: [P*C*V*L]\n", "p.yaml:6:14: arbitration: expected a map, got a list"},
    {GOOD "arbitration: {propensity_threshold: {email: -0.1}}\n",
     "p.yaml:6:45: arbitration.propensity_threshold.email: expected a number from 0 to 1, got "
     "'-0.1'"},
    {GOOD "arbitration: {propensity_threshold: {email: 2%}}\n",
     "p.yaml:6:45: arbitration.propensity_threshold.email: expected a number from 0 to 1, got "
     "'2%'"},
    {GOOD "arbitration: {propensity_threshold: {email: .5}}\n",
     "p.yaml:6:45: arbitration.propensity_threshold.email: expected a number from 0 to 1, got "
     "'.5'"},
    {GOOD "arbitration: {propensity_threshold: {email: nan}}\n",
     "p.yaml:6:45: arbitration.propensity_threshold.email: expected a number from 0 to 1, got "
     "'nan'"},
    {GOOD "arbitration: {propensity_threshold: {fax: 0.1}}\n",
     "p.yaml:6:38: arbitration.propensity_threshold.fax: unknown key; expected email, rep, web, "
     "event or sms"},
    {WEIGHT("{id: a, when: {}, add: ten}"), "p.yaml:8:30: arbitration.context_weights[0].add: "
                                            "expected a number from -100 to 1000, got 'ten'"},
    {WEIGHT("{id: a, when: {brand: X}, add: 1001}"),
     "p.yaml:8:38: arbitration.context_weights[0].add: expected a number from -100 to 1000, got "
     "'1001'"},
    {WEIGHT("{id: a, when: {brand: X}, add: \"5\"}"),
     "p.yaml:8:38: arbitration.context_weights[0].add: expected a number from -100 to 1000, got "
     "text '5'"},
    {WEIGHT("{id: a, when: {event.type: {eq: [email_opened]}}, add: 5}"),
     "p.yaml:8:39: arbitration.context_weights[0].when.event.type.eq: expected a single value, got "
     "a list"},
    {WEIGHT("{id: a, when: brand, add: 5}"),
     "p.yaml:8:21: arbitration.context_weights[0].when: expected a map, got a single value"},
    {LEVER("{when: {brand: X}, add: 5}"),
     "p.yaml:8:7: arbitration.levers[0].id: missing, expected a name for the rule"},
    {LEVER("{id: a, when: {brand: X}, multiply: 5}"),
     "p.yaml:8:33: arbitration.levers[0].multiply: unknown key; expected until, id, when or add"},
    {LEVER("{id: a, when: {brand: X}, add: 5, until: 2027-01-31}"),
     "p.yaml:8:48: arbitration.levers[0].until: expected a time in quotes such as "
     "\"2026-12-31T00:00:00Z\", got '2027-01-31'"},
    {LEVER("{id: a, when: {brand: X}, add: 1}\n    - {id: a, when: {brand: X}, add: 1}"),
     "p.yaml:9:12: arbitration.levers[1].id: expected a new id, line 8 has this one"},
    {HEAD DECIDE CONSENT "slate: 2\n", "p.yaml:5:8: slate: expected a map, got a single value"},
    {HEAD DECIDE CONSENT "slate: {size: two}\n",
     "p.yaml:5:15: slate.size: expected a whole number from 1 to 25, got 'two'"},
    {HEAD DECIDE CONSENT "slate: {size: 2.0}\n",
     "p.yaml:5:15: slate.size: expected a whole number from 1 to 25, got '2.0'"},
    {HEAD DECIDE CONSENT "slate: {size: 2, max_per: 1}\n",
     "p.yaml:5:27: slate.max_per: expected a map, got a single value"},
    {HEAD DECIDE CONSENT "slate: {size: 2, max_per: {action_type: 26}}\n",
     "p.yaml:5:41: slate.max_per.action_type: expected a whole number from 1 to 25, got '26'"},
    {HEAD DECIDE CONSENT "slate: {size: 2, count: 3}\n",
     "p.yaml:5:18: slate.count: unknown key; expected size or max_per"},
    {GOOD "timing: {expiry: P1D}\n",
     "p.yaml:6:18: timing.expiry: expected a map, got a single value"},
    {GOOD "timing: {expiry: {email: PT-1H}}\n",
     "p.yaml:6:26: timing.expiry.email: expected a duration above zero such as P90D or PT72H, got "
     "'PT-1H'"},
    {GOOD "missing_timezone: allow\n",
     "p.yaml:6:19: missing_timezone: expected deny or brand_default, got 'allow'"},
    {GOOD "missing_timezone: brand\n",
     "p.yaml:6:19: missing_timezone: expected deny or brand_default, got 'brand'"},
    {GOOD "brand_timezones: {CARDIOX: Mars/Olympus}\n",
     "p.yaml:6:28: brand_timezones.CARDIOX: expected a time zone such as Europe/Zurich"},
    {GOOD "brand_timezones: [CARDIOX]\n",
     "p.yaml:6:18: brand_timezones: expected a map, got a list"},
    {GOOD "timing: {quiet_hours: {channel: email}}\n",
     "p.yaml:6:23: timing.quiet_hours: expected a list, got a map"},
    {GOOD "timing: {quiet_hours: [{channel: email, start: \"20:00\"}]}\n",
     "p.yaml:6:24: timing.quiet_hours[0].end: missing, expected a time of day"},
    {GOOD "timing: {quiet_hours: [{start: \"20:00\", end: \"07:00\"}]}\n",
     "p.yaml:6:24: timing.quiet_hours[0].channel: missing, expected a channel or a list of them"},
    {GOOD "timing: {quiet_hours: [{channel: email, start: 20:00, end: \"07:00\"}]}\n",
     "p.yaml:6:48: timing.quiet_hours[0].start: expected text, got 20:00 without quotes, which "
     "YAML readers take as a number: write \"20:00\""},
    {GOOD "timing: {quiet_hours: [{channel: email, start: \"24:00\", end: \"07:00\"}]}\n",
     "p.yaml:6:48: timing.quiet_hours[0].start: expected a time of day in quotes such as "
     "\"07:00\""},
    {GOOD "timing: {quiet_hours: [{channel: email, start: \"8:00\", end: \"07:00\"}]}\n",
     "p.yaml:6:48: timing.quiet_hours[0].start: expected a time of day in quotes such as "
     "\"07:00\""},
    {GOOD "timing: {quiet_hours: [{channel: email, start: \"07:00\", end: \"07:00\"}]}\n",
     "p.yaml:6:62: timing.quiet_hours[0].end: expected another time than start"},
    {GOOD "timing: {quiet_hours: [{channel: email, start: \"20:00\", end: \"07:00\", tz: rep}]}\n",
     "p.yaml:6:75: timing.quiet_hours[0].tz: expected hcp, got 'rep'; did you mean 'hcp'?"},
    {GOOD "timing: {quiet_hours: [{channel: email, start: \"20:00\", end: \"07:00\", on_conflict: "
          "drop}]}\n",
     "p.yaml:6:84: timing.quiet_hours[0].on_conflict: expected hold or discard, got 'drop'"},
    {GOOD "timing: {quiet_hours: [{channel: email, start: \"20:00\", end: \"07:00\"}, {channel: "
          "email, start: \"07:00\", end: \"20:00\"}]}\n",
     "p.yaml:6:23: timing.quiet_hours: expected a time of day that is not quiet on channel email"},
    {GOOD "timing: {send_time: {mode: optimize}}\n",
     "p.yaml:6:21: timing.send_time.channel: missing, expected a channel or a list of them"},
    {GOOD "timing: {send_time: {channel: email, mode: best}}\n",
     "p.yaml:6:44: timing.send_time.mode: expected none or optimize, got 'best'"},
    {GOOD "timing: {send_time: {channel: email, fallback: \"9\"}}\n",
     "p.yaml:6:48: timing.send_time.fallback: expected a time of day in quotes such as \"07:00\""},
    {GOOD "timing: {expires: {email: P1D}}\n",
     "p.yaml:6:10: timing.expires: unknown key; did you mean 'expiry'?"},
    {GOOD "engagement_filters: {ignore_bots: [apple, apple]}\n",
     "p.yaml:6:43: engagement_filters.ignore_bots[1]: expected each word once"},
    {GOOD "engagement_filters: {ignore_bots: [none]}\n",
     "p.yaml:6:36: engagement_filters.ignore_bots[0]: expected apple, gmail or generic, got "
     "'none'"},
    {GOOD "audit: full\n", "p.yaml:6:8: audit: expected a map, got a single value"},
    {GOOD "audit: {candidates: \"top:\"}\n",
     "p.yaml:6:21: audit.candidates: expected full, counts or top:N with N from 1 to 50"},
    {GOOD "audit: {candidate: full}\n",
     "p.yaml:6:9: audit.candidate: unknown key; did you mean 'candidates'?"},
    {GOOD "audit: {explain_top: -1}\n",
     "p.yaml:6:22: audit.explain_top: expected a whole number from 0 to 50, got '-1'"},
    {GOOD "brands: CARDIOX\n", "p.yaml:6:9: brands: expected a list, got a single value"},
    {GOOD "brands: [[CARDIOX]]\n", "p.yaml:6:10: brands[0]: expected text, got a list"},
    {GOOD "brands: [CARDIOX]\nengagement_policies: {eligibility: [{id: a, applies_to: {brand: "
          "[CARDIOX, CARDIO]}, require: {hcp.market: X}}]}\n",
     "p.yaml:7:75: engagement_policies.eligibility[0].applies_to.brand[1]: unknown brand, expected "
     "one of `brands`"},
    {GOOD "timing: {quiet_hours: [{channel: email, start: \"20:00\", end: 07:00}]}\n",
     "p.yaml:6:62: timing.quiet_hours[0].end: expected text, got 07:00 without quotes, which YAML "
     "readers take as a number: write \"07:00\""},
    {GOOD "timing: {quiet_hours: [{channel: email, start: \"20:60\", end: \"07:00\"}]}\n",
     "p.yaml:6:48: timing.quiet_hours[0].start: expected a time of day in quotes such as "
     "\"07:00\""},
    {GOOD "timing: {quiet_hours: [{channel: email, start: \"20:00\", end: \"20:00\"}]}\n",
     "p.yaml:6:62: timing.quiet_hours[0].end: expected another time than start"},
    {GOOD "timing: {quiet_hours: [{channel: email, end: \"07:00\"}]}\n",
     "p.yaml:6:24: timing.quiet_hours[0].start: missing, expected a time of day"},
    {GOOD "timing: {quiet_hours: [{channel: fax, start: \"20:00\", end: \"07:00\"}]}\n",
     "p.yaml:6:34: timing.quiet_hours[0].channel: expected email, rep, web, event or sms, got "
     "'fax'"},
    {GOOD "timing: {quiet_hours: [{channel: [email, email], start: \"20:00\", end: \"07:00\"}]}\n",
     "p.yaml:6:42: timing.quiet_hours[0].channel[1]: expected each word once"},
    {GOOD
     "timing: {quiet_hours: [{channel: email, start: \"20:00\", end: \"07:00\", until: P1D}]}\n",
     "p.yaml:6:71: timing.quiet_hours[0].until: unknown key; expected channel, start, end, tz or "
     "on_conflict"},
    {GOOD "timing: {send_time: optimize}\n",
     "p.yaml:6:21: timing.send_time: expected a map, got a single value"},
    {GOOD "timing: {send_time: {channel: [email], mode: off}}\n",
     "p.yaml:6:46: timing.send_time.mode: expected none or optimize, got 'off'"},
    {GOOD "timing: {send_time: {channel: [email], mode: optimise}}\n",
     "p.yaml:6:46: timing.send_time.mode: expected none or optimize, got 'optimise'; did you mean "
     "'optimize'?"},
    {GOOD "timing: {send_time: {channel: [email], mode: optimize, fallback: 09:00}}\n",
     "p.yaml:6:66: timing.send_time.fallback: expected text, got 09:00 without quotes, which YAML "
     "readers take as a number: write \"09:00\""},
    {GOOD "timing: {send_time: {channel: [email], mode: optimize, fallback: noon}}\n",
     "p.yaml:6:66: timing.send_time.fallback: expected a time of day in quotes such as \"07:00\""},
    {GOOD "missing_timezone: brand-default\n",
     "p.yaml:6:19: missing_timezone: expected deny or brand_default, got 'brand-default'; did you "
     "mean 'brand_default'?"},
    {GOOD "brand_timezones: {CARDIOX: Europe/Atlantis}\n",
     "p.yaml:6:28: brand_timezones.CARDIOX: expected a time zone such as Europe/Zurich"},
    {GOOD "brand_timezones: {CARDIOX: CET+1}\n",
     "p.yaml:6:28: brand_timezones.CARDIOX: expected a time zone such as Europe/Zurich"},
    {GOOD "brands: [CARDIOX]\nbrand_timezones: {PULMOVA: Europe/Zurich}\n",
     "p.yaml:7:19: brand_timezones[0]: unknown brand, expected one of `brands`"},
    {GOOD "experiments: {universal_control: {share_bp: 5%}}\n",
     "p.yaml:6:45: experiments.universal_control.share_bp: expected a whole number from 0 to "
     "10000, got '5%'"},
    {GOOD "experiments: {universal_control: {share_bp: 500, period: monthly}}\n",
     "p.yaml:6:58: experiments.universal_control.period: expected none or month, got 'monthly'; "
     "did you mean 'month'?"},
    {GOOD "experiments: {model_control: {share_bp: 200, period: week}}\n",
     "p.yaml:6:54: experiments.model_control.period: expected none or month, got 'week'"},
    {GOOD "experiments: {model_control: {period: month}}\n",
     "p.yaml:6:30: experiments.model_control.share_bp: missing, expected basis points from 0 to "
     "10000"},
    {GOOD "experiments: {champion_challenger: {id: e, arms: {model_control: 200}}}\n",
     "p.yaml:6:66: experiments.champion_challenger.arms.model_control: expected another name than "
     "model_control"},
    {GOOD "experiments: {universal_control: 500}\n",
     "p.yaml:6:34: experiments.universal_control: expected a map, got a single value"},
    {GOOD "experiments: {champion_challenger: {id: e, arms: {a: 9000, a: 1000}}}\n",
     "p.yaml:6:60: experiments.champion_challenger.arms.a: duplicate key, first given in line 6"},
    {GOOD "experiments: {champion_challenger: {id: e, arms: {a: 9000.5}}}\n",
     "p.yaml:6:54: experiments.champion_challenger.arms.a: expected a whole number from 1 to "
     "10000, got '9000.5'"},
    {GOOD "experiments: []\n", "p.yaml:6:14: experiments: expected a map, got a list"},
    {GOOD "arbitration: {exploration: {type: thompson, k: many}}\n",
     "p.yaml:6:48: arbitration.exploration.k: expected a number from 1 to 100000, got 'many'"},
    {GOOD "arbitration: {exploration: {type: epsilon_greedy, epsilon: 5%}}\n",
     "p.yaml:6:60: arbitration.exploration.epsilon: expected a number from 0 to 1, got '5%'"},
    {GOOD "arbitration: {exploration: epsilon_greedy}\n",
     "p.yaml:6:28: arbitration.exploration: expected a map, got a single value"},
    {GOOD
     "contact_policies: {limits: [{id: a, per: [hcp], channel: email, window: {rolling: P7D}}]}\n",
     "p.yaml:6:29: contact_policies.limits[0].max: missing, expected a whole number of contacts, 0 "
     "for never"},
    {GOOD "contact_policies: {limits: [{id: a, per: [hcp], channel: email, max: -1, window: "
          "{rolling: P7D}}]}\n",
     "p.yaml:6:70: contact_policies.limits[0].max: expected a whole number from 0 to 64, got '-1'"},
    {GOOD "contact_policies: {limits: [{id: a, per: [hcp], channel: email, max: none, window: "
          "{rolling: P7D}}]}\n",
     "p.yaml:6:70: contact_policies.limits[0].max: expected a whole number from 0 to 64, got "
     "'none'"},
    {GOOD "contact_policies: {limits: [{id: a, per: [hcp], channel: email, max: 1.5, window: "
          "{rolling: P7D}}]}\n",
     "p.yaml:6:70: contact_policies.limits[0].max: expected a whole number from 0 to 64, got "
     "'1.5'"},
    {GOOD "contact_policies: {limits: [{id: a, per: [hcp], channel: email, max: 1}]}\n",
     "p.yaml:6:29: contact_policies.limits[0].window: missing, expected {rolling: P7D} or "
     "{calendar: month, tz: hcp}"},
    {GOOD
     "contact_policies: {limits: [{id: a, per: [hcp], channel: email, max: 1, window: P7D}]}\n",
     "p.yaml:6:81: contact_policies.limits[0].window: expected a map, got a single value"},
    {GOOD "contact_policies: {limits: [{id: a, per: [hcp], channel: email, max: 1, window: {}}]}\n",
     "p.yaml:6:81: contact_policies.limits[0].window: expected one of rolling and calendar"},
    {GOOD "contact_policies: {limits: [{id: a, per: [hcp], channel: email, max: 1, window: "
          "{rolling: P1M}}]}\n",
     "p.yaml:6:91: contact_policies.limits[0].window.rolling: expected a duration in days or less "
     "such as P30D: months are for calendar windows"},
    {GOOD "contact_policies: {limits: [{id: a, per: [hcp], channel: email, max: 1, window: "
          "{rolling: 7d}}]}\n",
     "p.yaml:6:91: contact_policies.limits[0].window.rolling: expected a duration above zero such "
     "as P90D or PT72H, got '7d'"},
    {GOOD "contact_policies: {limits: [{id: a, per: [hcp], channel: email, max: 1, window: "
          "{rolling: P7D, calendar: week}}]}\n",
     "p.yaml:6:81: contact_policies.limits[0].window: expected one of rolling and calendar"},
    {GOOD "contact_policies: {limits: [{id: a, per: [hcp], channel: email, max: 1, window: "
          "{calendar: year}}]}\n",
     "p.yaml:6:92: contact_policies.limits[0].window.calendar: expected day, week or month, got "
     "'year'"},
    {GOOD "contact_policies: {limits: [{id: a, per: [hcp], channel: email, max: 1, window: "
          "{calendar: week, tz: Mars/Olympus}}]}\n",
     "p.yaml:6:102: contact_policies.limits[0].window.tz: expected hcp, utc or a time zone such as "
     "Europe/Zurich"},
    {GOOD "contact_policies: {limits: [{id: a, per: [hcp], channel: email, max: 1, window: "
          "{rolling: P7D, tz: hcp}}]}\n",
     "p.yaml:6:100: contact_policies.limits[0].window.tz: expected with calendar only: a rolling "
     "window needs no time zone"},
    {GOOD "contact_policies: {limits: [{id: a, per: [rep], channel: email, max: 1, window: "
          "{rolling: P7D}}]}\n",
     "p.yaml:6:43: contact_policies.limits[0].per[0]: expected hcp, brand or content, got 'rep'; "
     "did you mean 'hcp'?"},
    {GOOD "contact_policies: {limits: [{id: a, per: [brand], channel: email, max: 1, window: "
          "{rolling: P7D}}]}\n",
     "p.yaml:6:42: contact_policies.limits[0].per: expected hcp among them; what reps can take is "
     "contact_policies.capacity"},
    {GOOD "contact_policies: {limits: [{id: a, per: [], channel: email, max: 1, window: {rolling: "
          "P7D}}]}\n",
     "p.yaml:6:42: contact_policies.limits[0].per: expected at least one word"},
    {GOOD "contact_policies: {limits: [{id: a, per: [hcp, hcp], channel: email, max: 1, window: "
          "{rolling: P7D}}]}\n",
     "p.yaml:6:48: contact_policies.limits[0].per[1]: expected each word once"},
    {GOOD "contact_policies: {limits: [{id: a, channel: email, max: 1, window: {rolling: P7D}}]}\n",
     "p.yaml:6:29: contact_policies.limits[0].per: missing, expected [hcp] or [hcp, brand]"},
    {GOOD
     "contact_policies: {limits: [{per: [hcp], channel: email, max: 1, window: {rolling: P7D}}]}\n",
     "p.yaml:6:29: contact_policies.limits[0].id: missing, expected a name for the rule"},
    {GOOD "contact_policies: {limits: [{id: a, per: [hcp], channel: fax, max: 1, window: {rolling: "
          "P7D}}]}\n",
     "p.yaml:6:58: contact_policies.limits[0].channel: expected email, rep, web, event or sms, got "
     "'fax'"},
    {GOOD "contact_policies: {limits: [{id: a, per: [hcp], channel: email, maximum: 1, window: "
          "{rolling: P7D}}]}\n",
     "p.yaml:6:65: contact_policies.limits[0].maximum: unknown key; expected id, per, channel, max "
     "or window"},
    {GOOD "contact_policies: {limits: [{id: a, per: [hcp], max: 1, window: {rolling: P7D}}, {id: "
          "a, per: [hcp], max: 1, window: {rolling: P7D}}]}\n",
     "p.yaml:6:87: contact_policies.limits[1].id: expected a new id, line 6 has this one"},
    {GOOD "contact_policies: {limits: {id: a}}\n",
     "p.yaml:6:28: contact_policies.limits: expected a list, got a map"},
    {GOOD "contact_policies: {release_on: bounced}\n",
     "p.yaml:6:32: contact_policies.release_on: expected a list, got a single value"},
    {GOOD "contact_policies: {release_on: [bounced, bounced]}\n",
     "p.yaml:6:42: contact_policies.release_on[1]: expected each word once"},
    {GOOD "feedback: {windows: {mail: P7D}}\n",
     "p.yaml:6:22: feedback.windows.mail: unknown key; did you mean 'email'?"},
    {GOOD "triggers: [{pattern: {event: email_delivered, consecutive: 3, per: [hcp, brand], "
          "without: {event: email_opened, same: message_id, within: P7D}}, then: {action_type: "
          "rep_call, driver: EMAIL_UNOPENED_STREAK}, once_per: P30D}]\n",
     "p.yaml:6:12: triggers[0].id: missing, expected a name for the trigger"},
    {GOOD "triggers: [{id: a, then: {action_type: rep_call, driver: EMAIL_UNOPENED_STREAK}, "
          "once_per: P30D}]\n",
     "p.yaml:6:12: triggers[0].pattern: missing, expected event and without"},
    {GOOD "triggers: [{id: a, pattern: {event: email_delivered, consecutive: 3, per: [hcp, brand], "
          "without: {event: email_opened, same: message_id, within: P7D}}, once_per: P30D}]\n",
     "p.yaml:6:12: triggers[0].then: missing, expected action_type and driver"},
    {GOOD "triggers: [{id: release, pattern: {event: email_delivered, consecutive: 3, per: [hcp, "
          "brand], without: {event: email_opened, same: message_id, within: P7D}}, then: "
          "{action_type: rep_call, driver: EMAIL_UNOPENED_STREAK}, once_per: P30D}]\n",
     "p.yaml:6:17: triggers[0].id: expected a name other than release, of at most 64 bytes and "
     "without a colon"},
    {GOOD "triggers: [{id: a, pattern: {event: email_delivered, consecutive: 3, per: [hcp, brand], "
          "without: {event: email_opened, same: message_id, within: P7D}}, then: {action_type: "
          "rep_call, driver: EMAIL_UNOPENED_STREAK}, once_per: 30}]\n",
     "p.yaml:6:225: triggers[0].once_per: expected a duration above zero such as P90D or PT72H, "
     "got '30'"},
    {GOOD "triggers: [{id: a, pattern: {event: email_delivered, consecutive: 3, per: [hcp, brand], "
          "without: {event: email_opened, same: message_id, within: P7D}}, then: {action_type: "
          "rep_call, driver: EMAIL_UNOPENED_STREAK}, once: P30D}]\n",
     "p.yaml:6:215: triggers[0].once: unknown key; expected id, pattern, then or once_per"},
    {GOOD "triggers: [{id: a, pattern: {event: email_delivred, consecutive: 3}, then: "
          "{action_type: rep_call, driver: EMAIL_UNOPENED_STREAK}}]\n",
     "p.yaml:6:37: triggers[0].pattern.event: expected an event type; did you mean "
     "'email_delivered'?"},
    {GOOD "triggers: [{id: a, pattern: {event: email_delivered, consecutive: 3, per: [hcp, brand], "
          "without: {event: email_opened, same: message_id, within: P7D}}, then: {action_type: "
          "call, driver: EMAIL_UNOPENED_STREAK}}]\n",
     "p.yaml:6:173: triggers[0].then.action_type: expected email, rep_email, rep_call, "
     "rep_call_objective, event_invite, portal_content or insight, got 'call'"},
    {GOOD "triggers: [{id: a, pattern: {event: email_delivered, consecutive: 3, per: [hcp, brand], "
          "without: {event: email_opened, same: message_id, within: P7D}}, then: {action_type: "
          "rep_call, driver: STREAK}}]\n",
     "p.yaml:6:191: triggers[0].then.driver: expected RECENT_TOPIC_ENGAGEMENT, SEQUENCE_NEXT, "
     "PEERS_ENGAGED, POPULAR_IN_SPECIALTY, CHANNEL_AFFINITY, NEW_CONTENT, EMAIL_UNOPENED_STREAK, "
     "OPENED_NOT_CLICKED, CALL_FOLLOW_UP, LONG_SINCE_CONTACT, REACTIVATION, EXPLORATION or LEVER, "
     "got 'STREAK'"},
    {GOOD "triggers: [{id: a, pattern: {event: email_delivered, consecutive: 3, per: [hcp, brand], "
          "without: {event: email_opened, same: message_id, within: P7D}}, then: {driver: "
          "EMAIL_UNOPENED_STREAK}}]\n",
     "p.yaml:6:159: triggers[0].then.action_type: missing, expected an action type"},
    {GOOD "triggers: [{id: a, pattern: {event: email_delivered, consecutive: 0, per: [hcp, brand], "
          "without: {event: email_opened, same: message_id, within: P7D}}, then: {action_type: "
          "rep_call, driver: EMAIL_UNOPENED_STREAK}, once_per: P30D}]\n",
     "p.yaml:6:67: triggers[0].pattern.consecutive: expected a whole number from 1 to 8, got '0'"},
    {GOOD "triggers: [{id: a, pattern: {event: email_delivered, consecutive: 3, per: [hcp, brand], "
          "without: {event: email_opened, same: message_id, within: 7d}}, then: {action_type: "
          "rep_call, driver: EMAIL_UNOPENED_STREAK}, once_per: P30D}]\n",
     "p.yaml:6:146: triggers[0].pattern.without.within: expected a duration above zero such as "
     "P90D or PT72H, got '7d'"},
    {GOOD "triggers: [{id: a, pattern: {event: email_delivered, consecutive: 3, per: [hcp, brand], "
          "without: {event: email_opened, same: subject, within: P7D}}, then: {action_type: "
          "rep_call, driver: EMAIL_UNOPENED_STREAK}, once_per: P30D}]\n",
     "p.yaml:6:126: triggers[0].pattern.without.same: expected message_id or content_id, got "
     "'subject'"},
    {GOOD "triggers: [{id: a, pattern: {event: email_delivered, consecutive: 3, per: [rep], "
          "without: {event: email_opened, same: message_id, within: P7D}}, then: {action_type: "
          "rep_call, driver: EMAIL_UNOPENED_STREAK}, once_per: P30D}]\n",
     "p.yaml:6:76: triggers[0].pattern.per[0]: expected hcp or brand, got 'rep'; did you mean "
     "'hcp'?"},
    {GOOD "triggers: {id: a}\n", "p.yaml:6:11: triggers: expected a list, got a map"},
    {GOOD "engagement_filters: {min_seconds_after_delivery: PT2S}\n",
     "p.yaml:6:50: engagement_filters.min_seconds_after_delivery: expected a whole number from 0 "
     "to 3600, got 'PT2S'"},
    {GOOD "contact_policies: {capacity: [{id: a, per: [rep], channel: rep, window: {calendar: day, "
          "tz: rep}, when_full: replace_lowest}]}\n",
     "p.yaml:6:31: contact_policies.capacity[0].max: missing, expected a whole number; 0 is never"},
    {GOOD "contact_policies: {capacity: [{id: a, per: [rep], channel: rep, max: -1, window: "
          "{calendar: day, tz: rep}, when_full: replace_lowest}]}\n",
     "p.yaml:6:70: contact_policies.capacity[0].max: expected a whole number from 0 to 200, got "
     "'-1'"},
    {GOOD "contact_policies: {capacity: [{id: a, per: [rep], channel: rep, max: many, window: "
          "{calendar: day, tz: rep}}]}\n",
     "p.yaml:6:70: contact_policies.capacity[0].max: expected a whole number from 0 to 200, got "
     "'many'"},
    {GOOD "contact_policies: {capacity: [{id: a, per: [rep], channel: rep, max: 5}]}\n",
     "p.yaml:6:31: contact_policies.capacity[0].window: missing, expected a rolling or a calendar "
     "window"},
    {GOOD "contact_policies: {capacity: [{id: a, per: [hcp], channel: rep, max: 5, window: "
          "{calendar: day, tz: rep}}]}\n",
     "p.yaml:6:45: contact_policies.capacity[0].per[0]: expected rep, got 'hcp'; did you mean "
     "'rep'?"},
    {GOOD "contact_policies: {capacity: [{id: a, per: [rep], channel: email, max: 5, window: "
          "{calendar: day, tz: rep}}]}\n",
     "p.yaml:6:31: contact_policies.capacity[0].when_full: missing, expected replace_lowest or "
     "refuse"},
    {GOOD "contact_policies: {capacity: [{id: a, per: [rep], channel: rep, max: 5, window: "
          "{calendar: day, tz: rep}, when_full: replace}]}\n",
     "p.yaml:6:118: contact_policies.capacity[0].when_full: expected replace_lowest or refuse, got "
     "'replace'"},
    {GOOD "contact_policies: {capacity: [{id: a, per: [rep], channel: rep, max: 5, window: "
          "{calendar: hour, tz: rep}}]}\n",
     "p.yaml:6:92: contact_policies.capacity[0].window.calendar: expected day or week, got 'hour'"},
    {GOOD
     "contact_policies: {capacity: [{id: a, per: [rep], channel: rep, max: 5, window: P1D}]}\n",
     "p.yaml:6:81: contact_policies.capacity[0].window: expected a map, got a single value"},
    {GOOD "contact_policies: {capacity: [{per: [rep], channel: rep, max: 5, window: {calendar: "
          "day, tz: rep}}]}\n",
     "p.yaml:6:31: contact_policies.capacity[0].id: missing, expected a name for the rule"},
    {GOOD "contact_policies: {capacity: {id: a}}\n",
     "p.yaml:6:30: contact_policies.capacity: expected a list, got a map"},
    {VOLUME("{per: content, max: 5, window: {calendar: day, tz: utc}, when_full: refuse}"),
     "p.yaml:6:30: contact_policies.volumes[0].id: missing, expected a name for the rule"},
    {VOLUME("{id: \"a:b\", per: content, max: 5, window: {calendar: day, tz: utc}, when_full: "
            "refuse}"),
     "p.yaml:6:35: contact_policies.volumes[0].id: expected a name of at most 64 bytes and without "
     "a colon"},
    {VOLUME("{id: a, max: 5, window: {calendar: day, tz: utc}, when_full: refuse}"),
     "p.yaml:6:30: contact_policies.volumes[0].per: missing, expected content, campaign, brand or "
     "channel"},
    {VOLUME("{id: a, per: hcp, max: 5, window: {calendar: day, tz: utc}, when_full: refuse}"),
     "p.yaml:6:43: contact_policies.volumes[0].per: expected content, campaign, brand or channel, "
     "got 'hcp'"},
    {VOLUME("{id: a, per: channel, only: [email], max: 5, window: {calendar: day, tz: utc}, "
            "when_full: refuse}"),
     "p.yaml:6:58: contact_policies.volumes[0].only: expected with content, campaign or brand; "
     "channels are `channel`"},
    {VOLUME("{id: a, per: content, only: [], max: 5, window: {calendar: day, tz: utc}, when_full: "
            "refuse}"),
     "p.yaml:6:58: contact_policies.volumes[0].only: expected 1 to 100 ids"},
    {VOLUME("{id: a, per: content, window: {calendar: day, tz: utc}, when_full: refuse}"),
     "p.yaml:6:30: contact_policies.volumes[0].max: missing, expected a whole number of actions, 0 "
     "for never"},
    {VOLUME("{id: a, per: content, max: 50001, window: {calendar: day, tz: utc}, when_full: "
            "refuse}"),
     "p.yaml:6:57: contact_policies.volumes[0].max: expected a whole number from 0 to 50000, got "
     "'50001'"},
    {VOLUME("{id: a, per: content, max: -1, window: {calendar: day, tz: utc}, when_full: refuse}"),
     "p.yaml:6:57: contact_policies.volumes[0].max: expected a whole number from 0 to 50000, got "
     "'-1'"},
    {VOLUME("{id: a, per: content, max: 5, when_full: refuse}"),
     "p.yaml:6:30: contact_policies.volumes[0].window: missing, expected {calendar: week, tz: "
     "utc}"},
    {VOLUME("{id: a, per: content, max: 5, window: {tz: utc}, when_full: refuse}"),
     "p.yaml:6:68: contact_policies.volumes[0].window.calendar: missing, expected day, week or "
     "month"},
    {VOLUME("{id: a, per: content, max: 5, window: {calendar: day}, when_full: refuse}"),
     "p.yaml:6:68: contact_policies.volumes[0].window.tz: missing, expected utc or a time zone "
     "such as Europe/Zurich"},
    {VOLUME("{id: a, per: content, max: 5, window: {calendar: day, tz: hcp}, when_full: refuse}"),
     "p.yaml:6:88: contact_policies.volumes[0].window.tz: expected utc or a time zone such as "
     "Europe/Zurich"},
    {VOLUME("{id: a, per: content, max: 5, window: {rolling: P7D}, when_full: refuse}"),
     "p.yaml:6:69: contact_policies.volumes[0].window.rolling: unknown key; expected "
     "calendar or tz"},
    {VOLUME("{id: a, per: content, max: 5, window: {calendar: day, tz: utc}}"),
     "p.yaml:6:30: contact_policies.volumes[0].when_full: missing, expected replace_lowest or "
     "refuse"},
    {VOLUME("{id: a, per: content, max: 5, window: {calendar: day, tz: utc}, when_full: refuse}, "
            "{id: a, per: brand, max: 5, window: {calendar: day, tz: utc}, when_full: refuse}"),
     "p.yaml:6:119: contact_policies.volumes[1].id: expected a new id, line 6 has this one"},
