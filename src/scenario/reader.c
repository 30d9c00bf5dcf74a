/*
 * A file of scenarios: documents, what one takes over from another, steps.
 *
 * Documents are cut apart at their `---` lines and each is read by the one reader of YAML, with as
 * many empty lines before it as it has in the file: so places in messages are those of the file.
 */
#include <stdlib.h>

#include "nba/base/file.h"
#include "nba/base/limits.h"
#include "nba/base/memory.h"
#include "nba/score/table.h"
#include "scenario_internal.h"

#define FILE_BYTES_MAX  ((size_t)4 << 20)
#define ARENA_BYTES_MAX ((size_t)1 << 30)
#define RUNS_MAX        1000u
#define LAYERS_MAX      64u
#define PARTITIONS_MAX  64
#define SECOND_MS       1000
/* Of a scenario without a time: 2026-01-01. */
#define TIME_DEFAULT_MS INT64_C(1767225600000)

static const char *const top_keys[] = {"name",    "like",   "policy", "policy_override",
                                       "same_as", "replay", "given",  "when",
                                       "then",    NULL};
static const char *const given_keys[] = {"partitions", "profiles", "contents", "reps",
                                         "scores",     "history",  NULL};
static const char *const step_keys[] = {"step",    "event",  "clock", "catalog",
                                        "control", "policy", "crash", NULL};

/* ---- steps ---- */

static enum nba_status read_label(const struct nba_yaml_node *map, struct step *step,
                                  struct nba_error *error)
{
    const struct nba_yaml_node *label = nba_scenario_get(map, "step");
    if (label != NULL) {
        return nba_yaml_text(label, &step->label, error);
    }
    if (step->kind == STEP_EVENT) {
        step->label = step->event.event_id;
    } else if (step->kind == STEP_CLOCK) {
        step->label = nba_scenario_get(map, "clock")->text;
    }
    return NBA_OK;
}

static enum nba_status read_point(const struct nba_yaml_node *node, struct step *step,
                                  struct nba_error *error)
{
    static const char *const points[] = {
#define NBA_X(name) #name,
        NBA_KILL_POINT_MAP(NBA_X)
#undef NBA_X
            "idle"};
    static const struct nba_words words = {points, NBA_ARRAY_COUNT(points)};
    uint32_t point = 0;
    const enum nba_status status = nba_form_word(node, &words, &point, error);
    if (status != NBA_OK) {
        return status;
    }
    for (uint32_t i = 0; i < step->point_count; i++) {
        if (step->points[i] == point) {
            return nba_yaml_fail(node, error, "the point stands in the list already");
        }
    }
    step->points[step->point_count++] = point;
    return NBA_OK;
}

static enum nba_status read_crash(const struct nba_yaml_node *node, struct step *step,
                                  struct nba_error *error)
{
    enum nba_status status = NBA_OK;
    if (node->kind != NBA_YAML_LIST) {
        return read_point(node, step, error);
    }
    for (const struct nba_yaml_node *n = node->first; status == NBA_OK && n != NULL; n = n->next) {
        status = read_point(n, step, error);
    }
    return status == NBA_OK && step->point_count == 0
               ? nba_yaml_fail(node, error, "expected at least one point")
               : status;
}

/* The record of that id as it is from this step on: given, then every change up to here. */
static enum nba_status read_catalog(const struct scenario *scenario, uint32_t index,
                                    const struct nba_yaml_node *map, struct nba_arena *arena,
                                    struct nba_reference *ret_reference, struct nba_error *error)
{
    const struct nba_yaml_node *layers[LAYERS_MAX];
    const struct nba_yaml_node *lists[] = {scenario->contents, scenario->reps};
    const struct nba_yaml_node *id = NULL;
    size_t count = 0;
    const enum nba_status status = nba_scenario_reference_id(map, &id, error);
    if (status != NBA_OK) {
        return status;
    }
    for (size_t l = 0; l < NBA_ARRAY_COUNT(lists); l++) {
        const struct nba_yaml_node *n = lists[l] != NULL ? lists[l]->first : NULL;
        for (; n != NULL; n = n->next) {
            const struct nba_yaml_node *other = nba_yaml_get(n, id->key->text.data);
            if (other != NULL && nba_str_equal(other->text, id->text)) {
                layers[count++] = n;
            }
        }
    }
    for (uint32_t s = 0; s < index; s++) {
        const struct nba_yaml_node *change = scenario->steps[s].kind == STEP_CATALOG
                                                 ? nba_yaml_get(scenario->steps[s].node, "catalog")
                                                 : NULL;
        const struct nba_yaml_node *other =
            change != NULL ? nba_yaml_get(change, id->key->text.data) : NULL;
        if (other != NULL && nba_str_equal(other->text, id->text)) {
            if (count == LAYERS_MAX - 1) {
                return nba_yaml_fail(map, error, "more than %u changes of one record", LAYERS_MAX);
            }
            layers[count++] = change;
        }
    }
    layers[count++] = map;
    return nba_scenario_read_reference(layers, count, ret_reference, arena, error);
}

static enum nba_status read_policy(struct nba_scenarios *file, const struct scenario *scenario,
                                   const struct nba_yaml_node *map, struct step *step,
                                   struct nba_error *error)
{
    struct nba_error refused = {NBA_OK, ""};
    enum nba_status status = nba_yaml_expect(map, NBA_YAML_MAP, error);
    if (status == NBA_OK) {
        status = nba_scenario_policy_text(file, scenario, map, &step->policy, &refused, error);
    }
    step->rejection = nba_arena_copy(&file->arena, nba_str_of(refused.message));
    return status;
}

static enum nba_status read_step(struct nba_scenarios *file, struct scenario *scenario,
                                 const struct nba_yaml_node *map, struct step *step,
                                 struct nba_error *error)
{
    static const enum step_kind kinds[] = {STEP_EVENT,   STEP_CLOCK,  STEP_CATALOG,
                                           STEP_CONTROL, STEP_POLICY, STEP_CRASH};
    const struct nba_yaml_node *what = NULL;
    enum nba_status status = nba_yaml_expect(map, NBA_YAML_MAP, error);
    status = status == NBA_OK ? nba_yaml_check_keys(map, step_keys, NULL, error) : status;
    for (size_t i = 0; status == NBA_OK && i < NBA_ARRAY_COUNT(kinds); i++) {
        const struct nba_yaml_node *here = nba_yaml_get(map, step_keys[i + 1]);
        if (here != NULL && what != NULL) {
            return nba_yaml_fail_key(here, error, "a step does one thing, this one does '%s' too",
                                     what->key->text.data);
        }
        step->kind = here != NULL ? kinds[i] : step->kind;
        what = here != NULL ? here : what;
    }
    if (status == NBA_OK && what == NULL) {
        return nba_yaml_fail(map, error,
                             "expected one of event, clock, catalog, control, policy, crash");
    }
    step->node = map;
    if (status != NBA_OK) {
        return status;
    }
    switch (step->kind) {
    case STEP_EVENT:
        status = nba_scenario_read_event(what, &step->event, &file->arena, error);
        step->time_ms = step->event.event_time_ms;
        break;
    case STEP_CLOCK:
        status = nba_yaml_time(what, &step->time_ms, error);
        break;
    case STEP_CATALOG:
        status = read_catalog(scenario, scenario->step_count, what, &file->arena, &step->reference,
                              error);
        break;
    case STEP_CONTROL:
        status = nba_scenario_read_control(what, &step->control, &file->arena, error);
        break;
    case STEP_POLICY:
        status = read_policy(file, scenario, what, step, error);
        break;
    case STEP_CRASH:
        status = read_crash(what, step, error);
        break;
    }
    return status == NBA_OK ? read_label(map, step, error) : status;
}

static enum nba_status read_steps(struct nba_scenarios *file, struct scenario *scenario,
                                  const struct nba_yaml_node *list, bool history,
                                  struct nba_error *error)
{
    enum nba_status status = list != NULL ? nba_yaml_expect(list, NBA_YAML_LIST, error) : NBA_OK;
    const struct nba_yaml_node *n = status == NBA_OK && list != NULL ? list->first : NULL;
    for (; status == NBA_OK && n != NULL; n = n->next) {
        struct step *step = &scenario->steps[scenario->step_count];
        *step = (struct step){.history = history, .time_ms = NBA_TIME_NONE};
        status = read_step(file, scenario, n, step, error);
        scenario->step_count += status == NBA_OK ? 1 : 0;
        if (status == NBA_OK && step->kind == STEP_CRASH) {
            scenario->run_count *= step->point_count;
            if (scenario->run_count > RUNS_MAX) {
                return nba_yaml_fail(n, error, "more than %u runs of one scenario", RUNS_MAX);
            }
        }
    }
    return status;
}

/* ---- what is given ---- */

static enum nba_status read_references(struct nba_scenarios *file, struct scenario *scenario,
                                       const struct nba_yaml_node *list, const char *id_key,
                                       struct nba_error *error)
{
    enum nba_status status = list != NULL ? nba_yaml_expect(list, NBA_YAML_LIST, error) : NBA_OK;
    const struct nba_yaml_node *n = status == NBA_OK && list != NULL ? list->first : NULL;
    for (; status == NBA_OK && n != NULL; n = n->next) {
        const struct nba_yaml_node *layer[] = {n};
        if (nba_scenario_get(n, id_key) == NULL) {
            status = nba_yaml_expect(n, NBA_YAML_MAP, error);
            return status == NBA_OK ? nba_yaml_fail_missing(n, id_key, "the record's id", error)
                                    : status;
        }
        for (const struct nba_yaml_node *b = list->first; b != n; b = b->next) {
            if (nba_str_equal(nba_scenario_get(b, id_key)->text,
                              nba_scenario_get(n, id_key)->text)) {
                return nba_yaml_fail(nba_scenario_get(n, id_key), error, "the id stands twice");
            }
        }
        status = nba_scenario_read_reference(
            layer, 1, &scenario->references[scenario->reference_count], &file->arena, error);
        scenario->reference_count += status == NBA_OK ? 1 : 0;
    }
    return status;
}

static enum nba_status check_scores(const struct scenario *scenario, struct nba_error *error)
{
    struct nba_score_table *table = NULL;
    const enum nba_status status =
        scenario->scores != NULL ? nba_score_table_read(scenario->scores, &table, error) : NBA_OK;
    nba_score_table_unref(table);
    return status;
}

static int64_t earliest(const struct scenario *scenario)
{
    int64_t least = INT64_MAX;
    for (uint32_t i = 0; i < scenario->step_count; i++) {
        const int64_t time_ms = scenario->steps[i].time_ms;
        least = time_ms != NBA_TIME_NONE && time_ms < least ? time_ms : least;
    }
    return least != INT64_MAX ? least : TIME_DEFAULT_MS;
}

static uint32_t count_of(const struct nba_yaml_node *list)
{
    return list != NULL ? list->count : 0;
}

static enum nba_status read_world(struct nba_scenarios *file, struct scenario *scenario,
                                  struct nba_error *error)
{
    const size_t steps = (size_t)count_of(scenario->history) + count_of(scenario->when) + 1;
    const size_t records = (size_t)count_of(scenario->contents) + count_of(scenario->reps) + 1;
    int64_t partitions = 1;
    scenario->run_count = 1;
    scenario->steps = nba_arena_need(&file->arena, steps * sizeof(*scenario->steps));
    scenario->references = nba_arena_need(&file->arena, records * sizeof(*scenario->references));
    const bool done =
        (scenario->partitions == NULL ||
         nba_yaml_integer(scenario->partitions, 1, PARTITIONS_MAX, &partitions, error) == NBA_OK) &&
        read_references(file, scenario, scenario->contents, "content_id", error) == NBA_OK &&
        read_references(file, scenario, scenario->reps, "rep_id", error) == NBA_OK &&
        check_scores(scenario, error) == NBA_OK &&
        read_steps(file, scenario, scenario->history, true, error) == NBA_OK &&
        read_steps(file, scenario, scenario->when, false, error) == NBA_OK &&
        nba_scenario_read_profiles(scenario, earliest(scenario) - SECOND_MS, &file->arena, error) ==
            NBA_OK;
    scenario->partition_count = (int32_t)partitions;
    return done ? NBA_OK : error->status;
}

/* ---- one document ---- */

static struct scenario *find(const struct nba_scenarios *file, struct nba_str name)
{
    for (size_t i = 0; i < file->count; i++) {
        if (nba_str_equal(file->items[i]->name, name)) {
            return file->items[i];
        }
    }
    return NULL;
}

/* The earlier scenario that `key` names; NULL: the key is absent. */
static enum nba_status read_other(const struct nba_scenarios *file,
                                  const struct nba_yaml_node *root, const char *key,
                                  const struct scenario **ret_other, struct nba_error *error)
{
    const struct nba_yaml_node *node = nba_scenario_get(root, key);
    struct nba_str name;
    *ret_other = NULL;
    if (node == NULL) {
        return NBA_OK;
    }
    const enum nba_status status = nba_yaml_text(node, &name, error);
    if (status == NBA_OK) {
        *ret_other = find(file, name);
    }
    return status == NBA_OK && *ret_other == NULL
               ? nba_yaml_fail(node, error, "no scenario '%.60s' stands above in this file",
                               name.data)
               : status;
}

static enum nba_status read_name(const struct nba_scenarios *file, struct scenario *scenario,
                                 struct nba_error *error)
{
    const struct nba_yaml_node *node = nba_scenario_get(scenario->root, "name");
    if (node == NULL) {
        return nba_yaml_fail_missing(scenario->root, "name", "the scenario's name", error);
    }
    const enum nba_status status = nba_yaml_text(node, &scenario->name, error);
    return status == NBA_OK && find(file, scenario->name) != NULL
               ? nba_yaml_fail(node, error, "there is a scenario '%.60s' in this file already",
                               scenario->name.data)
               : status;
}

/* Its own value, else that of the scenario it is like. */
static void take_over(struct scenario *scenario, const struct scenario *like)
{
    const struct nba_yaml_node *given = nba_yaml_get(scenario->root, "given");
    const struct {
        const struct nba_yaml_node *map;
        const char *key;
        const struct nba_yaml_node **into;
        const struct nba_yaml_node *inherited;
    } values[] = {
#define NBA_X(map, key) {map, #key, &scenario->key, like != NULL ? like->key : NULL}
        NBA_X(scenario->root, policy), NBA_X(scenario->root, policy_override),
        NBA_X(scenario->root, when),   NBA_X(scenario->root, then),
        NBA_X(given, partitions),      NBA_X(given, profiles),
        NBA_X(given, contents),        NBA_X(given, reps),
        NBA_X(given, scores),          NBA_X(given, history),
#undef NBA_X
    };
    for (size_t i = 0; i < NBA_ARRAY_COUNT(values); i++) {
        const struct nba_yaml_node *own =
            values[i].map != NULL ? nba_yaml_get(values[i].map, values[i].key) : NULL;
        const bool none = own != NULL && nba_yaml_is_null(own);
        *values[i].into = own == NULL ? values[i].inherited : none ? NULL : own;
    }
}

static enum nba_status read_keys(struct nba_scenarios *file, struct scenario *scenario,
                                 struct nba_error *error)
{
    const struct nba_yaml_node *root = scenario->root;
    const struct nba_yaml_node *given = nba_scenario_get(root, "given");
    const struct nba_yaml_node *replay = nba_scenario_get(root, "replay");
    const struct scenario *like = NULL;
    const bool known =
        nba_yaml_check_keys(root, top_keys, NULL, error) == NBA_OK &&
        read_name(file, scenario, error) == NBA_OK &&
        read_other(file, root, "like", &like, error) == NBA_OK &&
        read_other(file, root, "same_as", &scenario->same_as, error) == NBA_OK &&
        (replay == NULL || nba_yaml_bool(replay, &scenario->replay, error) == NBA_OK) &&
        (given == NULL || nba_yaml_check_keys(given, given_keys, NULL, error) == NBA_OK);
    if (!known) {
        return error->status;
    }
    take_over(scenario, like);
    if (scenario->policy == NULL) {
        return nba_yaml_fail_missing(root, "policy", "the path of a policy, or a policy", error);
    }
    if (scenario->profiles == NULL) {
        return nba_yaml_fail_missing(given != NULL ? given : root,
                                     given != NULL ? "profiles" : "given",
                                     "the profiles of the HCPs", error);
    }
    return scenario->policy_override != NULL
               ? nba_yaml_expect(scenario->policy_override, NBA_YAML_MAP, error)
               : NBA_OK;
}

static enum nba_status read_document(struct nba_scenarios *file, const struct nba_yaml_node *root,
                                     struct nba_error *error)
{
    struct nba_error refused = {NBA_OK, ""};
    struct scenario *scenario = nba_arena_zeros(&file->arena, 1, sizeof(*scenario));
    if (scenario == NULL) {
        return nba_error_set(error, NBA_E_NO_MEMORY, "%s: too large", file->path);
    }
    scenario->root = root;
    const bool done = read_keys(file, scenario, error) == NBA_OK &&
                      nba_scenario_policy_text(file, scenario, NULL, &scenario->policy_text,
                                               &refused, error) == NBA_OK &&
                      read_world(file, scenario, error) == NBA_OK &&
                      nba_scenario_read_then(scenario, &file->arena, error) == NBA_OK;
    if (!done) {
        return error->status;
    }
    scenario->policy_refused = nba_arena_copy(&file->arena, nba_str_of(refused.message));
    file->items = nba_room((void *)file->items, file->count, &file->capacity, sizeof(*file->items));
    file->items[file->count++] = scenario;
    return NBA_OK;
}

/* ---- the file ---- */

/* The document that begins at `from`, its marker blanked out; *ret_next: where the next begins, at
 * its marker. */
static size_t end_of_document(char *text, size_t from, size_t bytes, size_t *ret_next)
{
    size_t at = from;
    while (at < bytes) {
        const char *line_end = memchr(text + at, '\n', bytes - at);
        const size_t next = line_end != NULL ? (size_t)(line_end - text) + 1 : bytes;
        const bool marker =
            next - at >= 3 &&
            (memcmp(text + at, "---", 3) == 0 || memcmp(text + at, "...", 3) == 0) &&
            (at + 3 == bytes || strchr(" \t\n", text[at + 3]) != NULL);
        if (marker) {
            memset(text + at, ' ', 3);
            *ret_next = at;
            if (at != from) {
                return at;
            }
        }
        at = next;
    }
    *ret_next = bytes;
    return bytes;
}

static bool has_content(const char *text, size_t bytes)
{
    bool comment = false;
    for (size_t i = 0; i < bytes; i++) {
        comment = text[i] == '#' || (comment && text[i] != '\n');
        if (!comment && text[i] != ' ' && text[i] != '\n') {
            return true;
        }
    }
    return false;
}

static enum nba_status read_documents(struct nba_scenarios *file, char *text, size_t bytes,
                                      struct nba_error *error)
{
    size_t lines = 0;
    size_t from = 0;
    enum nba_status status = NBA_OK;
    struct nba_buf document;
    nba_buf_init(&document, FILE_BYTES_MAX);
    while (status == NBA_OK && from < bytes) {
        size_t next = 0;
        const size_t end = end_of_document(text, from, bytes, &next);
        nba_buf_reset(&document);
        for (size_t i = 0; i < lines; i++) {
            nba_buf_append_byte(&document, '\n');
        }
        nba_buf_append(&document, text + from, end - from);
        for (size_t i = from; i < end; i++) {
            lines += text[i] == '\n';
        }
        if (has_content(text + from, end - from)) {
            file->trees = nba_room((void *)file->trees, file->tree_count, &file->tree_capacity,
                                   sizeof(*file->trees));
            status = nba_yaml_parse(file->path, nba_buf_str(&document),
                                    &file->trees[file->tree_count], error);
            file->tree_count += status == NBA_OK ? 1 : 0;
        }
        from = next > from ? next : end;
    }
    nba_buf_clear(&document);
    return status;
}

enum nba_status nba_scenarios_load(const char *path, struct nba_scenarios **ret_scenarios,
                                   struct nba_error *error)
{
    struct nba_buf text;
    struct nba_scenarios *file = nba_zeros(1, sizeof(*file));
    file->path = nba_copy(path);
    nba_arena_init(&file->arena, ARENA_BYTES_MAX);
    nba_buf_init(&text, FILE_BYTES_MAX);
    enum nba_status status = nba_file_read(path, &text, error);
    if (status == NBA_E_NOT_FOUND || status == NBA_E_LIMIT) {
        status = NBA_E_CONFIG;
        error->status = status;
    }
    if (status == NBA_OK) {
        status = read_documents(file, (char *)text.data, text.bytes, error);
    }
    const size_t documents = file->tree_count; /* policies come behind them */
    for (size_t i = 0; status == NBA_OK && i < documents; i++) {
        status = read_document(file, nba_yaml_root(file->trees[i]), error);
    }
    if (status == NBA_OK && file->count == 0) {
        status = nba_error_set(error, NBA_E_CONFIG, "%s:1:1: expected a scenario", path);
    }
    nba_buf_clear(&text);
    if (status != NBA_OK) {
        nba_scenarios_destroy(file);
        return status;
    }
    *ret_scenarios = file;
    return NBA_OK;
}

void nba_scenarios_destroy(struct nba_scenarios *scenarios)
{
    if (scenarios != NULL) {
        for (size_t i = 0; i < scenarios->tree_count; i++) {
            nba_yaml_destroy(scenarios->trees[i]);
        }
        free((void *)scenarios->trees);
        free((void *)scenarios->items);
        free(scenarios->path);
        nba_arena_clear(&scenarios->arena);
        free(scenarios);
    }
}

size_t nba_scenarios_count(const struct nba_scenarios *scenarios)
{
    return scenarios->count;
}

struct nba_str nba_scenarios_name(const struct nba_scenarios *scenarios, size_t index)
{
    return scenarios->items[index]->name;
}
