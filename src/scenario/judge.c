/* What was expected against what came; each difference in words, and the whole funnel beside it. */
#include <stdio.h>

#include "nba/base/assert.h"
#include "nba/catalog/catalog.h"
#include "nba/state/hcp.h"
#include "outputs.h"

struct judging {
    struct run *run;
    struct outputs outputs;
    const struct item *item;
    struct nba_str decision;
    bool item_told; /* its head is in the report */
    unsigned failures;
};

/* Opens a line of the report about the present item. */
static struct nba_buf *differ(struct judging *j)
{
    struct nba_buf *report = &j->run->report;
    if (!j->item_told) {
        const struct nba_yaml_node *after = nba_yaml_get(j->item->node, "after");
        nba_buf_printf(report, "  after '%.*s' (%s:%u):\n", NBA_STR_ARG(after->text), after->source,
                       after->line);
        j->item_told = true;
    }
    j->failures++;
    nba_buf_printf(report, "    ");
    return report;
}

/* ---- sets of ids ---- */

static bool has_text(const struct nba_yaml_node *list, struct nba_str text)
{
    bool found = false;
    for (const struct nba_yaml_node *n = list->first; n != NULL && !found; n = n->next) {
        found = nba_str_equal(n->text, text);
    }
    return found;
}

static bool has_id(struct nba_str_list ids, struct nba_str id)
{
    bool found = false;
    for (uint32_t i = 0; i < ids.count && !found; i++) {
        found = nba_str_equal(ids.items[i], id);
    }
    return found;
}

static bool same_set(const struct nba_yaml_node *list, struct nba_str_list ids)
{
    bool same = true;
    for (uint32_t i = 0; i < ids.count; i++) {
        same = same && has_text(list, ids.items[i]);
    }
    for (const struct nba_yaml_node *n = list->first; n != NULL; n = n->next) {
        same = same && has_id(ids, n->text);
    }
    return same;
}

static void show_texts(const struct nba_yaml_node *list, struct nba_buf *buf)
{
    const char *between = "[";
    for (const struct nba_yaml_node *n = list->first; n != NULL; n = n->next, between = ", ") {
        nba_buf_printf(buf, "%s%.*s", between, NBA_STR_ARG(n->text));
    }
    nba_buf_printf(buf, "%s", list->first != NULL ? "]" : "[]");
}

static void show_ids(struct nba_str_list ids, struct nba_buf *buf)
{
    nba_buf_append_byte(buf, '[');
    for (uint32_t i = 0; i < ids.count; i++) {
        nba_buf_printf(buf, "%s%.*s", i != 0 ? ", " : "", NBA_STR_ARG(ids.items[i]));
    }
    nba_buf_append_byte(buf, ']');
}

/* ---- lists ---- */

static void show_came(enum list_kind kind, const void *item, struct nba_buf *buf)
{
    if (kind == LIST_SUPPRESSED) {
        const struct nba_suppressed *s = item;
        nba_buf_printf(buf, "%.*s %s, priority %.7g, %s%s%.*s", NBA_STR_ARG(s->content_id),
                       nba_action_type_name(s->action_type), (double)s->priority,
                       nba_reason_name(s->reason), s->rule_id.bytes != 0 ? " by " : "",
                       NBA_STR_ARG(s->rule_id));
        return;
    }
    const struct nba_action *a = item;
    nba_buf_printf(buf, "%.*s", NBA_STR_ARG(a->action_id));
    nba_buf_printf(buf, " %s%.*s", a->content_id.bytes != 0 ? "" : "(no content)",
                   NBA_STR_ARG(a->content_id));
    if (kind == LIST_PROPOSED || kind == LIST_HELD) {
        nba_buf_printf(buf, " %s, rank %d, priority %.9g", nba_action_type_name(a->action_type),
                       (int)a->rank, a->priority);
    }
    if (a->recall_reason != NBA_REASON_NONE) {
        nba_buf_printf(buf, ", %s", nba_reason_name(a->recall_reason));
    }
}

static void judge_driver(struct judging *j, const struct nba_yaml_node *expected,
                         const struct nba_action *action, const char *what, size_t number)
{
    const struct nba_yaml_node *evidence = nba_yaml_get(expected, "evidence");
    const struct nba_str code = nba_yaml_get(expected, "code")->text;
    const struct nba_action_driver *near = NULL;
    for (uint32_t i = 0; i < action->driver_count; i++) {
        const struct nba_action_driver *driver = &action->drivers[i];
        if (nba_str_is(code, nba_driver_name(driver->code))) {
            near = driver;
            if (evidence == NULL || same_set(evidence, driver->evidence_event_ids)) {
                return;
            }
        }
    }
    struct nba_buf *buf = differ(j);
    nba_buf_printf(buf, "%s %zu: drivers: expected %.*s", what, number, NBA_STR_ARG(code));
    if (evidence != NULL) {
        nba_buf_printf(buf, " with evidence ");
        show_texts(evidence, buf);
    }
    nba_buf_printf(buf, ", came ");
    if (near != NULL) {
        nba_buf_printf(buf, "evidence ");
        show_ids(near->evidence_event_ids, buf);
    }
    for (uint32_t i = 0; near == NULL && i < action->driver_count; i++) {
        nba_buf_printf(buf, "%s%s", i != 0 ? ", " : "", nba_driver_name(action->drivers[i].code));
    }
    nba_buf_append_byte(buf, '\n');
}

static void judge_fields(struct judging *j, enum list_kind kind,
                         const struct nba_yaml_node *expected, const void *came, size_t number)
{
    const struct fields_form form = nba_scenario_list_form(kind);
    struct nba_error ignored;
    void *wanted = nba_arena_need(&j->outputs.arena, form.record->bytes);
    nba_binding_clear(form.record, wanted);
    const enum nba_status status =
        nba_form_fill(expected, &form, wanted, &j->outputs.arena, &ignored);
    NBA_ASSERT(status == NBA_OK); /* it was read before */
    const struct nba_yaml_node *content = nba_yaml_get(expected, "content");
    const bool other = content != NULL && !nba_form_equal(&form, content, wanted, came);
    for (const struct nba_yaml_node *n = expected->first; n != NULL; n = n->next) {
        if (other && n != content) {
            continue; /* another candidate: its fields say nothing */
        }
        if (nba_str_is(n->key->text, "drivers")) {
            for (const struct nba_yaml_node *d = n->first; d != NULL; d = d->next) {
                judge_driver(j, d, came, nba_scenario_list_names[kind], number);
            }
        } else if (nba_str_is(n->key->text, "evidence")) {
            const struct nba_suppressed *s = came;
            if (!same_set(n, s->evidence_event_ids)) {
                struct nba_buf *buf = differ(j);
                nba_buf_printf(buf, "%s %zu (%.*s): evidence: expected ",
                               nba_scenario_list_names[kind], number, NBA_STR_ARG(s->content_id));
                show_texts(n, buf);
                nba_buf_printf(buf, ", came ");
                show_ids(s->evidence_event_ids, buf);
                nba_buf_append_byte(buf, '\n');
            }
        } else if (!nba_form_equal(&form, n, wanted, came)) {
            struct nba_buf *buf = differ(j);
            nba_buf_printf(buf, "%s %zu: %.*s: expected ", nba_scenario_list_names[kind], number,
                           NBA_STR_ARG(n->key->text));
            if (nba_str_is(n->key->text, "stage")) {
                nba_buf_append_str(buf, n->text);
            } else {
                nba_form_show(&form, n->key->text, wanted, buf);
            }
            nba_buf_printf(buf, ", came ");
            nba_form_show(&form, n->key->text, came, buf);
            nba_buf_append_byte(buf, '\n');
        }
    }
}

static void judge_list(struct judging *j, enum list_kind kind)
{
    const struct nba_yaml_node *expected =
        nba_yaml_get(j->item->node, nba_scenario_list_names[kind]);
    const unsigned before = j->failures;
    if (expected == NULL) {
        return;
    }
    const struct out_list came = nba_outputs_list(&j->outputs, kind, j->item->step, j->decision);
    if (came.count != expected->count) {
        nba_buf_printf(differ(j), "%s: expected %u, came %zu\n", nba_scenario_list_names[kind],
                       expected->count, came.count);
    }
    size_t i = 0;
    for (const struct nba_yaml_node *n = expected->first; n != NULL && i < came.count;
         n = n->next) {
        judge_fields(j, kind, n, came.items[i], i + 1);
        i++;
    }
    for (i = 0; j->failures != before && i < came.count; i++) {
        nba_buf_printf(&j->run->report, "      came %zu: ", i + 1);
        show_came(kind, came.items[i], &j->run->report);
        nba_buf_append_byte(&j->run->report, '\n');
    }
}

/* ---- the record ---- */

static void judge_record(struct judging *j)
{
    const struct nba_yaml_node *expected = nba_yaml_get(j->item->node, "record");
    const struct fields_form form = nba_scenario_record_form();
    struct nba_error ignored;
    if (expected == NULL) {
        return;
    }
    const struct out_decision *came = nba_outputs_record(&j->outputs, j->item->step, j->decision);
    if (came == NULL) {
        nba_buf_printf(differ(j), "record: there is none%s%.*s\n",
                       j->decision.bytes != 0 ? " of " : "", NBA_STR_ARG(j->decision));
        return;
    }
    void *wanted = nba_arena_need(&j->outputs.arena, form.record->bytes);
    nba_binding_clear(form.record, wanted);
    const enum nba_status status =
        nba_form_fill(expected, &form, wanted, &j->outputs.arena, &ignored);
    NBA_ASSERT(status == NBA_OK); /* it was read before */
    for (const struct nba_yaml_node *n = expected->first; n != NULL; n = n->next) {
        if (!nba_form_equal(&form, n, wanted, &came->decision)) {
            struct nba_buf *buf = differ(j);
            nba_buf_printf(buf, "record: %.*s: expected ", NBA_STR_ARG(n->key->text));
            nba_form_show(&form, n->key->text, wanted, buf);
            nba_buf_printf(buf, ", came ");
            nba_form_show(&form, n->key->text, &came->decision, buf);
            nba_buf_append_byte(buf, '\n');
        }
    }
}

static void judge_tombstones(struct judging *j)
{
    const struct nba_yaml_node *expected = nba_yaml_get(j->item->node, "tombstones");
    if (expected == NULL) {
        return;
    }
    const struct nba_yaml_node *n = expected->first;
    bool same = true;
    struct nba_str *came =
        nba_arena_need(&j->outputs.arena, (j->outputs.tombstone_count + 1) * sizeof(*came));
    uint32_t count = 0;
    for (size_t i = 0; i < j->outputs.tombstone_count; i++) {
        const struct out_note *note = &j->outputs.tombstones[i];
        if (note->place.step == j->item->step) {
            same = same && n != NULL && nba_str_equal(n->text, note->key);
            n = n != NULL ? n->next : NULL;
            came[count++] = note->key;
        }
    }
    if (!same || n != NULL) {
        struct nba_buf *buf = differ(j);
        nba_buf_printf(buf, "tombstones: expected ");
        show_texts(expected, buf);
        nba_buf_printf(buf, ", came ");
        show_ids((struct nba_str_list){came, count}, buf);
        nba_buf_append_byte(buf, '\n');
    }
}

static void judge_rejected(struct judging *j)
{
    const struct nba_yaml_node *expected = nba_yaml_get(j->item->node, "rejected");
    const struct step *step = &j->run->scenario->steps[j->item->step];
    if (expected == NULL) {
        return;
    }
    if (step->rejection.bytes == 0) {
        nba_buf_printf(differ(j), "rejected: expected '%.*s', but the policy was taken\n",
                       NBA_STR_ARG(expected->text));
    } else if (strstr(step->rejection.data, expected->text.data) == NULL) {
        nba_buf_printf(differ(j), "rejected: expected '%.*s' in the message, came: %.*s\n",
                       NBA_STR_ARG(expected->text), NBA_STR_ARG(step->rejection));
    }
}

/* ---- state ---- */

/* The family that the catalogue has for a content at the step; without one its own id. */
static struct nba_str family_of(const struct scenario *scenario, uint32_t step,
                                struct nba_str content_id)
{
    struct nba_str family = content_id;
    for (uint32_t i = 0; i < scenario->reference_count; i++) {
        const struct nba_reference *r = &scenario->references[i];
        if (r->kind == NBA_REFERENCE_CONTENT && nba_str_equal(r->content.content_id, content_id)) {
            family = r->content.family_id;
        }
    }
    for (uint32_t s = 0; s <= step; s++) {
        const struct nba_reference *r = &scenario->steps[s].reference;
        if (scenario->steps[s].kind == STEP_CATALOG && r->kind == NBA_REFERENCE_CONTENT &&
            nba_str_equal(r->content.content_id, content_id)) {
            family = r->content.family_id;
        }
    }
    return family;
}

static void show_time(struct nba_buf *buf, int64_t time_ms)
{
    char text[NBA_TIME_TEXT_BYTES] = "null";
    if (time_ms != NBA_TIME_NONE) {
        nba_time_format(time_ms, text);
    }
    nba_buf_printf(buf, "%s", text);
}

static int64_t time_of(const struct nba_yaml_node *node)
{
    int64_t time_ms = NBA_TIME_NONE;
    if (node != NULL && !nba_yaml_is_null(node)) {
        (void)nba_time_parse(node->text, &time_ms);
    }
    return time_ms;
}

static void judge_outcome(struct judging *j, const struct nba_yaml_node *expected,
                          const struct nba_hcp *hcp)
{
    const struct nba_str content = nba_yaml_get(expected, "content")->text;
    const struct nba_str word = nba_yaml_get(expected, "outcome")->text;
    const struct nba_str family = family_of(j->run->scenario, j->item->step, content);
    const int64_t time_ms = time_of(nba_yaml_get(expected, "time"));
    int64_t came_ms = NBA_TIME_NONE;
    for (uint32_t i = 0; i < hcp->outcome_count; i++) {
        const struct nba_outcome_entry *entry = &hcp->outcomes[i];
        if (nba_str_is(word, nba_outcome_name(entry->outcome)) &&
            nba_str_equal(entry->family_id, family)) {
            came_ms = entry->time_ms;
            if (came_ms == time_ms) {
                return;
            }
        }
    }
    if (came_ms != time_ms) {
        struct nba_buf *buf = differ(j);
        nba_buf_printf(buf, "state of %.*s: outcome %.*s of %.*s: expected ",
                       NBA_STR_ARG(hcp->hcp_id), NBA_STR_ARG(word), NBA_STR_ARG(content));
        show_time(buf, time_ms);
        nba_buf_printf(buf, ", came ");
        show_time(buf, came_ms);
        nba_buf_append_byte(buf, '\n');
    }
}

/* The latest time said up to a step: the clock, as far as every partition has been told. */
static int64_t clock_at(const struct scenario *scenario, uint32_t step)
{
    int64_t clock_ms = NBA_TIME_NONE;
    for (uint32_t s = 0; s <= step; s++) {
        const int64_t time_ms = scenario->steps[s].time_ms;
        clock_ms = time_ms > clock_ms ? time_ms : clock_ms;
    }
    return clock_ms;
}

/* The entry of an id; a reservation whose action has expired is none any more. */
static const struct nba_ledger_entry *find_entry(const struct nba_hcp *hcp, uint32_t key,
                                                 bool ghost, int64_t clock_ms)
{
    for (uint32_t i = 0; i < hcp->ledger_count; i++) {
        const struct nba_ledger_entry *entry = &hcp->ledger[i];
        const bool over = !entry->committed && entry->expires_at_ms != NBA_TIME_NONE &&
                          entry->expires_at_ms <= clock_ms;
        if ((entry->action_key == key || entry->message_key == key) && entry->ghost == ghost &&
            !over) {
            return entry;
        }
    }
    return NULL;
}

static void judge_entry(struct judging *j, const struct nba_yaml_node *expected,
                        const struct nba_hcp *hcp)
{
    static const char *const ids[] = {"action_id", "message_id", "call_id"};
    const struct nba_yaml_node *id = NULL;
    for (size_t i = 0; i < NBA_ARRAY_COUNT(ids); i++) {
        const struct nba_yaml_node *here = nba_scenario_get(expected, ids[i]);
        id = here != NULL ? here : id;
    }
    const struct nba_yaml_node *ghost = nba_yaml_get(expected, "ghost");
    const struct nba_yaml_node *time = nba_yaml_get(expected, "time");
    const struct nba_str state = nba_yaml_get(expected, "state")->text;
    const struct nba_ledger_entry *entry = find_entry(
        hcp, nba_hcp_text_hash(id->text), ghost != NULL && nba_str_is(ghost->text, "true"),
        clock_at(j->run->scenario, j->item->step));
    const char *came = entry == NULL ? "none" : entry->committed ? "committed" : "reserved";
    const int64_t time_ms = entry != NULL ? entry->time_ms : NBA_TIME_NONE;
    if (nba_str_is(state, came) && (time == NULL || entry == NULL || time_of(time) == time_ms)) {
        return;
    }
    struct nba_buf *buf = differ(j);
    nba_buf_printf(buf, "state of %.*s: ledger of %.*s: expected %.*s", NBA_STR_ARG(hcp->hcp_id),
                   NBA_STR_ARG(id->text), NBA_STR_ARG(state));
    if (time != NULL) {
        nba_buf_printf(buf, " at ");
        show_time(buf, time_of(time));
    }
    nba_buf_printf(buf, ", came %s", came);
    if (entry != NULL) {
        nba_buf_printf(buf, " at ");
        show_time(buf, time_ms);
    }
    nba_buf_append_byte(buf, '\n');
}

static void judge_state(struct judging *j, const struct nba_yaml_node *expected,
                        const struct state_note *note)
{
    static struct nba_hcp hcp;
    struct nba_error error = {NBA_OK, ""};
    const struct nba_str id = nba_yaml_get(expected, "hcp_id")->text;
    const struct nba_yaml_node *unchanged = nba_yaml_get(expected, "unchanged");
    const struct nba_yaml_node *records = nba_yaml_get(expected, "records");
    const struct nba_yaml_node *outcomes = nba_yaml_get(expected, "outcomes");
    const struct nba_yaml_node *ledger = nba_yaml_get(expected, "ledger");
    if (unchanged != NULL) {
        const bool same = note->bytes == note->bytes_before &&
                          memcmp(note->record, note->record_before, note->bytes) == 0;
        if (same != nba_str_is(unchanged->text, "true")) {
            nba_buf_printf(differ(j), "state of %.*s: the record has %s\n", NBA_STR_ARG(id),
                           same ? "the same bytes as before" : "changed");
        }
    }
    if (records != NULL) {
        int64_t wanted = 0;
        const enum nba_status status = nba_yaml_integer(records, 0, INT32_MAX, &wanted, &error);
        NBA_ASSERT(status == NBA_OK);
        if (wanted != (int64_t)note->keys) {
            nba_buf_printf(differ(j), "state of %.*s: records: expected %lld, came %u\n",
                           NBA_STR_ARG(id), (long long)wanted, note->keys);
        }
    }
    if (outcomes == NULL && ledger == NULL) {
        return;
    }
    nba_hcp_init(&hcp, id, &j->outputs.arena);
    if (note->bytes != 0 && nba_hcp_decode(nba_str((const char *)note->record, note->bytes), id,
                                           &j->outputs.arena, &hcp, &error) != NBA_OK) {
        nba_buf_printf(differ(j), "state of %.*s: %s\n", NBA_STR_ARG(id), error.message);
        return;
    }
    for (const struct nba_yaml_node *n = outcomes != NULL ? outcomes->first : NULL; n != NULL;
         n = n->next) {
        judge_outcome(j, n, &hcp);
    }
    for (const struct nba_yaml_node *n = ledger != NULL ? ledger->first : NULL; n != NULL;
         n = n->next) {
        judge_entry(j, n, &hcp);
    }
}

static void judge_states(struct judging *j)
{
    const struct scenario *scenario = j->run->scenario;
    for (uint32_t i = 0; i < scenario->state_count; i++) {
        if (scenario->states[i].node->parent->parent == j->item->node) {
            judge_state(j, scenario->states[i].node, &j->run->progress->notes[i]);
        }
    }
}

/* ---- the whole ---- */

/* The funnel of a step's decisions: each candidate with its reason and rule. */
static void tell_step(struct judging *j, uint32_t step)
{
    struct nba_buf *report = &j->run->report;
    const struct outputs *outputs = &j->outputs;
    for (size_t i = 0; i < outputs->deadletter_count; i++) {
        if (outputs->deadletters[i].place.step == step) {
            nba_buf_printf(report, "    dead letter: %.*s\n",
                           NBA_STR_ARG(outputs->deadletters[i].reason));
        }
    }
    for (size_t i = 0; i < outputs->decision_count; i++) {
        const struct nba_decision *d = &outputs->decisions[i].decision;
        static const char *const kinds[] = {"decided", "updated", "skipped", "lifecycle"};
        if (outputs->decisions[i].place.step != step) {
            continue;
        }
        nba_buf_printf(report, "    %.*s %s", NBA_STR_ARG(d->decision_id), kinds[d->kind]);
        if (d->reason != NBA_REASON_NONE) {
            nba_buf_printf(report, " %s", nba_reason_name(d->reason));
        }
        nba_buf_append_byte(report, '\n');
        for (uint32_t s = 0; s < d->selected_count; s++) {
            nba_buf_printf(report, "      selected   ");
            show_came(LIST_PROPOSED, &d->selected[s], report);
            nba_buf_append_byte(report, '\n');
        }
        for (uint32_t s = 0; s < d->suppressed_count; s++) {
            nba_buf_printf(report, "      suppressed ");
            show_came(LIST_SUPPRESSED, &d->suppressed[s], report);
            nba_buf_append_byte(report, '\n');
        }
        for (uint32_t s = 0; s < d->closed_count; s++) {
            nba_buf_printf(report, "      closed     %.*s %s\n",
                           NBA_STR_ARG(d->closed[s].action_id),
                           nba_reason_name(d->closed[s].reason));
        }
    }
}

static void judge_item(struct judging *j, const struct item *item)
{
    const struct nba_yaml_node *decision = nba_yaml_get(item->node, "decision");
    j->item = item;
    j->item_told = false;
    j->decision = decision != NULL ? decision->text : nba_str(NULL, 0);
    for (unsigned kind = 0; kind < LIST_COUNT; kind++) {
        judge_list(j, (enum list_kind)kind);
    }
    judge_record(j);
    judge_tombstones(j);
    judge_states(j);
    judge_rejected(j);
    if (j->item_told) {
        tell_step(j, item->step);
    }
}

/* A reload that nobody expects to be refused must be taken. */
static void judge_reloads(struct judging *j)
{
    const struct scenario *scenario = j->run->scenario;
    for (uint32_t s = 0; s < scenario->step_count; s++) {
        bool expected = false;
        for (uint32_t i = 0; i < scenario->item_count; i++) {
            expected = expected || (scenario->items[i].step == s &&
                                    nba_yaml_get(scenario->items[i].node, "rejected") != NULL);
        }
        if (scenario->steps[s].rejection.bytes != 0 && !expected) {
            j->failures++;
            nba_buf_printf(&j->run->report, "  step %u '%.*s': the policy is refused: %.*s\n",
                           s + 1, NBA_STR_ARG(scenario->steps[s].label),
                           NBA_STR_ARG(scenario->steps[s].rejection));
        }
    }
}

enum nba_status nba_judge(struct run *run, bool *ret_passed, struct nba_error *error)
{
    struct judging j = {.run = run};
    const enum nba_status status = nba_outputs_read(run, &j.outputs, error);
    if (status != NBA_OK) {
        return status;
    }
    for (uint32_t i = 0; i < run->scenario->item_count; i++) {
        judge_item(&j, &run->scenario->items[i]);
    }
    judge_reloads(&j);
    for (uint32_t s = 0; run->options->verbose && s < run->scenario->step_count; s++) {
        nba_buf_printf(&run->report, "  step %u '%.*s'\n", s + 1,
                       NBA_STR_ARG(run->scenario->steps[s].label));
        tell_step(&j, s);
    }
    *ret_passed = j.failures == 0;
    return NBA_OK;
}
