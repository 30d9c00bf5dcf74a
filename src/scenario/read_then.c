/* What is expected: items are checked and put to their steps; values stay the file's nodes. */
#include "nba/base/assert.h"
#include "scenario_internal.h"

const char *const nba_scenario_list_names[LIST_COUNT] = {"proposed", "recalled", "held", "dropped",
                                                         "suppressed"};

static const char *const item_keys[] = {"after",      "decision", "proposed",   "recalled",
                                        "held",       "dropped",  "suppressed", "record",
                                        "tombstones", "state",    "rejected",   NULL};
static const char *const state_keys[] = {"hcp_id", "unchanged", "records",
                                         "ledger", "outcomes",  NULL};
static const char *const ledger_keys[] = {"action_id", "message_id", "call_id", "state",
                                          "time",      "ghost",      NULL};
static const char *const outcome_keys[] = {"content", "outcome", "time", NULL};

struct fields_form nba_scenario_list_form(enum list_kind kind)
{
    static const struct fields_short proposed[] = {{"content", "treatment.content_id"},
                                                   {"rep_id", "rep.rep_id"},
                                                   {"drivers", NULL},
                                                   {NULL, NULL}};
    static const struct fields_short recalled[] = {{"content", "treatment.content_id"},
                                                   {"rep_id", "rep.rep_id"},
                                                   {"reason", "recall_reason"},
                                                   {"drivers", NULL},
                                                   {NULL, NULL}};
    static const struct fields_short held[] = {{"content", "treatment.content_id"},
                                               {"action_id", "action_id"},
                                               {"rank", "rank"},
                                               {"priority", "priority"},
                                               {"reason", "recall_reason"},
                                               {"until", "not_before"},
                                               {NULL, NULL}};
    static const struct fields_short dropped[] = {{"action_id", "action_id"},
                                                  {"content", "treatment.content_id"},
                                                  {"reason", "recall_reason"},
                                                  {NULL, NULL}};
    static const struct fields_short suppressed[] = {{"content", "candidate.content_id"},
                                                     {"action_type", "candidate.action_type"},
                                                     {"reason", "reason_code"},
                                                     {"stage", "stage"},
                                                     {"rule", "rule_id"},
                                                     {"priority", "priority"},
                                                     {"unconstrained_rank", "unconstrained_rank"},
                                                     {"evidence", NULL},
                                                     {"until", "evidence.until"},
                                                     {"retry_after", "evidence.retry_after"},
                                                     {NULL, NULL}};
    static const struct fields_short *const shorts[] = {proposed, recalled, held, dropped,
                                                        suppressed};
    const struct nba_record_binding *action = nba_bindings_of(NBA_SCHEMA_ACTION);
    const struct nba_binding *candidates =
        nba_binding_find(nba_bindings_of(NBA_SCHEMA_DECISION), nba_str_of("suppressed"));
    NBA_ASSERT(candidates != NULL);
    return (struct fields_form){.record = kind == LIST_SUPPRESSED ? candidates->record : action,
                                .shorts = shorts[kind],
                                .closed = kind != LIST_PROPOSED && kind != LIST_RECALLED};
}

struct fields_form nba_scenario_record_form(void)
{
    return (struct fields_form){.record = nba_bindings_of(NBA_SCHEMA_DECISION)};
}

static enum nba_status expect_texts(const struct nba_yaml_node *list, struct nba_error *error)
{
    enum nba_status status = nba_yaml_expect(list, NBA_YAML_LIST, error);
    const struct nba_yaml_node *n = status == NBA_OK ? list->first : NULL;
    for (; status == NBA_OK && n != NULL; n = n->next) {
        struct nba_str text;
        status = nba_yaml_text(n, &text, error);
    }
    return status;
}

static enum nba_status check_drivers(const struct nba_yaml_node *list, struct nba_error *error)
{
    static const char *const keys[] = {"code", "evidence", NULL};
    static const char *const codes[] = {
#define NBA_X(constant) #constant,
        NBA_DRIVER_MAP(NBA_X)
#undef NBA_X
    };
    static const struct nba_words words = {codes, NBA_ARRAY_COUNT(codes)};
    enum nba_status status = nba_yaml_expect(list, NBA_YAML_LIST, error);
    const struct nba_yaml_node *n = status == NBA_OK ? list->first : NULL;
    for (; status == NBA_OK && n != NULL; n = n->next) {
        uint32_t code = 0;
        status = nba_yaml_check_keys(n, keys, NULL, error);
        const struct nba_yaml_node *word = nba_scenario_get(n, "code");
        const struct nba_yaml_node *evidence = nba_yaml_get(n, "evidence");
        if (status == NBA_OK && word == NULL) {
            status = nba_yaml_fail_missing(n, "code", "the driver's code", error);
        }
        status = status == NBA_OK ? nba_form_word(word, &words, &code, error) : status;
        if (status == NBA_OK && evidence != NULL) {
            status = expect_texts(evidence, error);
        }
    }
    return status;
}

/* Read once into a struct of the kind that will be compared, so that every value is known to be
 * right. */
static enum nba_status check_list(const struct nba_yaml_node *list, enum list_kind kind,
                                  struct nba_arena *arena, struct nba_error *error)
{
    const struct fields_form form = nba_scenario_list_form(kind);
    void *scratch = nba_arena_need(arena, form.record->bytes);
    enum nba_status status = nba_yaml_expect(list, NBA_YAML_LIST, error);
    const struct nba_yaml_node *n = status == NBA_OK ? list->first : NULL;
    for (; status == NBA_OK && n != NULL; n = n->next) {
        nba_binding_clear(form.record, scratch);
        status = nba_form_fill(n, &form, scratch, arena, error);
        const struct nba_yaml_node *drivers = nba_yaml_get(n, "drivers");
        const struct nba_yaml_node *evidence = nba_yaml_get(n, "evidence");
        if (status == NBA_OK && drivers != NULL) {
            status = check_drivers(drivers, error);
        }
        if (status == NBA_OK && evidence != NULL) {
            status = expect_texts(evidence, error);
        }
    }
    return status;
}

static enum nba_status check_time_or_null(const struct nba_yaml_node *node, struct nba_error *error)
{
    int64_t time_ms = 0;
    return node == NULL || nba_yaml_is_null(node) ? NBA_OK : nba_yaml_time(node, &time_ms, error);
}

static enum nba_status check_ledger_entry(const struct nba_yaml_node *map, struct nba_error *error)
{
    static const char *const states[] = {"reserved", "committed", "none", NULL};
    enum nba_status status = nba_yaml_check_keys(map, ledger_keys, NULL, error);
    unsigned ids = 0;
    for (size_t i = 0; status == NBA_OK && i < 3; i++) {
        const struct nba_yaml_node *id = nba_scenario_get(map, ledger_keys[i]);
        struct nba_str text;
        ids += id != NULL;
        status = id != NULL ? nba_yaml_string(id, &text, error) : NBA_OK;
    }
    if (status == NBA_OK && ids != 1) {
        return nba_yaml_fail(map, error, "expected one of action_id, message_id, call_id");
    }
    const struct nba_yaml_node *state = nba_scenario_get(map, "state");
    const struct nba_yaml_node *ghost = nba_scenario_get(map, "ghost");
    size_t word = 0;
    bool truth = false;
    if (status == NBA_OK && state == NULL) {
        return nba_yaml_fail_missing(map, "state", "reserved, committed or none", error);
    }
    status = status == NBA_OK ? nba_yaml_word(state, states, &word, error) : status;
    status = status == NBA_OK ? check_time_or_null(nba_yaml_get(map, "time"), error) : status;
    return status == NBA_OK && ghost != NULL ? nba_yaml_bool(ghost, &truth, error) : status;
}

static enum nba_status check_outcome(const struct nba_yaml_node *map, struct nba_error *error)
{
#define NBA_X(constant, word) word,
    static const char *const outcomes[] = {NBA_OUTCOME_MAP(NBA_X)};
#undef NBA_X
    static const struct nba_words words = {outcomes, NBA_ARRAY_COUNT(outcomes)};
    enum nba_status status = nba_yaml_check_keys(map, outcome_keys, NULL, error);
    struct nba_str text;
    uint32_t word = 0;
    for (size_t i = 0; status == NBA_OK && outcome_keys[i] != NULL; i++) {
        if (nba_yaml_get(map, outcome_keys[i]) == NULL) {
            return nba_yaml_fail_missing(map, outcome_keys[i], "content, outcome and time", error);
        }
    }
    status = status == NBA_OK ? nba_yaml_text(nba_yaml_get(map, "content"), &text, error) : status;
    status = status == NBA_OK ? nba_form_word(nba_yaml_get(map, "outcome"), &words, &word, error)
                              : status;
    return status == NBA_OK ? check_time_or_null(nba_yaml_get(map, "time"), error) : status;
}

static enum nba_status check_each(const struct nba_yaml_node *list,
                                  enum nba_status (*check)(const struct nba_yaml_node *map,
                                                           struct nba_error *error),
                                  struct nba_error *error)
{
    enum nba_status status = list != NULL ? nba_yaml_expect(list, NBA_YAML_LIST, error) : NBA_OK;
    const struct nba_yaml_node *n = status == NBA_OK && list != NULL ? list->first : NULL;
    for (; status == NBA_OK && n != NULL; n = n->next) {
        status = check(n, error);
    }
    return status;
}

static enum nba_status check_state(const struct nba_yaml_node *map, struct nba_error *error)
{
    enum nba_status status = nba_yaml_check_keys(map, state_keys, NULL, error);
    const struct nba_yaml_node *id = nba_scenario_get(map, "hcp_id");
    const struct nba_yaml_node *unchanged = nba_yaml_get(map, "unchanged");
    const struct nba_yaml_node *records = nba_yaml_get(map, "records");
    struct nba_str text;
    int64_t number = 0;
    bool truth = false;
    if (status == NBA_OK && id == NULL) {
        return nba_yaml_fail_missing(map, "hcp_id", "whose state it is", error);
    }
    status = status == NBA_OK ? nba_yaml_text(id, &text, error) : status;
    if (status == NBA_OK && unchanged != NULL) {
        status = nba_yaml_bool(unchanged, &truth, error);
    }
    if (status == NBA_OK && records != NULL) {
        status = nba_yaml_integer(records, 0, 1000000, &number, error);
    }
    status = status == NBA_OK ? check_each(nba_yaml_get(map, "ledger"), check_ledger_entry, error)
                              : status;
    return status == NBA_OK ? check_each(nba_yaml_get(map, "outcomes"), check_outcome, error)
                            : status;
}

/* ---- one item ---- */

static bool is_step(const struct step *step, const struct nba_yaml_node *after)
{
    int64_t time_ms = 0;
    return nba_str_equal(step->label, after->text) ||
           (step->kind == STEP_CLOCK && nba_yaml_get(step->node, "step") == NULL &&
            nba_time_parse(after->text, &time_ms) && time_ms == step->time_ms);
}

static enum nba_status find_step(const struct scenario *scenario, const struct nba_yaml_node *after,
                                 uint32_t *ret_step, struct nba_error *error)
{
    struct nba_str text;
    unsigned found = 0;
    bool history = false;
    const enum nba_status status = nba_yaml_string(after, &text, error);
    if (status != NBA_OK) {
        return status;
    }
    for (uint32_t i = 0; i < scenario->step_count; i++) {
        const struct step *step = &scenario->steps[i];
        if (is_step(step, after)) {
            history = history || step->history;
            found += step->history ? 0 : 1;
            *ret_step = step->history ? *ret_step : i;
        }
    }
    if (found > 1) {
        return nba_yaml_fail(after, error, "'%.60s' names %u steps: give them a `step` each",
                             text.data, found);
    }
    if (found == 0) {
        return nba_yaml_fail(after, error,
                             history
                                 ? "'%.60s' is a step of given.history: nothing can be asserted "
                                   "on it"
                                 : "no step of `when` is called '%.60s'",
                             text.data);
    }
    return NBA_OK;
}

static enum nba_status check_item(struct scenario *scenario, struct item *item,
                                  struct nba_arena *arena, struct nba_error *error)
{
    const struct nba_yaml_node *map = item->node;
    const struct nba_yaml_node *record = nba_yaml_get(map, "record");
    const struct nba_yaml_node *decision = nba_yaml_get(map, "decision");
    const struct nba_yaml_node *tombstones = nba_yaml_get(map, "tombstones");
    const struct nba_yaml_node *rejected = nba_yaml_get(map, "rejected");
    const struct fields_form head = nba_scenario_record_form();
    struct nba_str text;
    enum nba_status status = NBA_OK;
    for (unsigned k = 0; status == NBA_OK && k < LIST_COUNT; k++) {
        const struct nba_yaml_node *list = nba_yaml_get(map, nba_scenario_list_names[k]);
        status = list != NULL ? check_list(list, (enum list_kind)k, arena, error) : NBA_OK;
    }
    if (status == NBA_OK && record != NULL) {
        void *scratch = nba_arena_need(arena, head.record->bytes);
        nba_binding_clear(head.record, scratch);
        status = nba_form_fill(record, &head, scratch, arena, error);
    }
    status =
        status == NBA_OK && decision != NULL ? nba_yaml_string(decision, &text, error) : status;
    status = status == NBA_OK && tombstones != NULL ? expect_texts(tombstones, error) : status;
    if (status == NBA_OK && rejected != NULL) {
        status = scenario->steps[item->step].kind == STEP_POLICY
                     ? nba_yaml_string(rejected, &text, error)
                     : nba_yaml_fail_key(rejected, error, "only a policy step can be rejected");
    }
    return status == NBA_OK ? check_each(nba_yaml_get(map, "state"), check_state, error) : status;
}

static enum nba_status read_item(struct scenario *scenario, const struct nba_yaml_node *map,
                                 struct nba_arena *arena, struct nba_error *error)
{
    struct item *item = &scenario->items[scenario->item_count];
    *item = (struct item){.node = map};
    enum nba_status status = nba_yaml_check_keys(map, item_keys, NULL, error);
    const struct nba_yaml_node *after = nba_scenario_get(map, "after");
    if (status == NBA_OK && after == NULL) {
        return nba_yaml_fail_missing(map, "after", "the label of a step", error);
    }
    status = status == NBA_OK ? find_step(scenario, after, &item->step, error) : status;
    if (status == NBA_OK && scenario->item_count > 0 && item->step < item[-1].step) {
        return nba_yaml_fail(after, error, "stands behind a later step: items follow their steps");
    }
    status = status == NBA_OK ? check_item(scenario, item, arena, error) : status;
    scenario->item_count += status == NBA_OK ? 1 : 0;
    return status;
}

/* Which HCPs' records are to be looked at after which steps. */
static void list_states(struct scenario *scenario, struct nba_arena *arena)
{
    for (unsigned pass = 0; pass < 2; pass++) {
        uint32_t count = 0;
        for (uint32_t i = 0; i < scenario->item_count; i++) {
            const struct nba_yaml_node *list = nba_yaml_get(scenario->items[i].node, "state");
            for (const struct nba_yaml_node *n = list != NULL ? list->first : NULL; n != NULL;
                 n = n->next, count++) {
                if (pass == 1) {
                    scenario->states[count] = (struct state_item){n, scenario->items[i].step,
                                                                  nba_yaml_get(n, "hcp_id")->text};
                }
            }
        }
        scenario->state_count = count;
        if (pass == 0) {
            scenario->states = nba_arena_need(arena, (count + 1u) * sizeof(*scenario->states));
        }
    }
}

enum nba_status nba_scenario_read_then(struct scenario *scenario, struct nba_arena *arena,
                                       struct nba_error *error)
{
    const struct nba_yaml_node *list = scenario->then;
    enum nba_status status = list != NULL ? nba_yaml_expect(list, NBA_YAML_LIST, error) : NBA_OK;
    if (status != NBA_OK || list == NULL) {
        return status;
    }
    scenario->items = nba_arena_need(arena, (list->count + 1u) * sizeof(*scenario->items));
    for (const struct nba_yaml_node *n = list->first; status == NBA_OK && n != NULL; n = n->next) {
        status = read_item(scenario, n, arena, error);
    }
    if (status == NBA_OK) {
        list_states(scenario, arena);
    }
    return status;
}
