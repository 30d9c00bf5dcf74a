/*
 * What is allowed in a policy but can't be meant: rules that nothing reaches, conditions that can't
 * hold.  What depends on the event or the HCP is taken as possible, so a warning is never wrong.
 */
#include <stdarg.h>
#include <stdio.h>

#include "nba/base/assert.h"
#include "nba/catalog/catalog.h"
#include "policy_internal.h"

struct look {
    const struct nba_policy *policy;
    const struct nba_catalog *catalog; /* NULL: not known */
    int64_t now_ms;
    nba_policy_remark *visit;
    void *context;
    bool decides; /* some event starts a decision */
};

NBA_PRINTF(2, 3)
static void warn(const struct look *look, const char *format, ...)
{
    char text[NBA_ERROR_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    look->visit(look->context, true, text);
}

/* ---- rules with conditions ---- */

static bool has(const struct nba_str_list *list, struct nba_str text)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (nba_str_equal(list->items[i], text)) {
            return true;
        }
    }
    return false;
}

/* Two conditions on one single-valued field that no value of it meets. */
static bool contradict(const struct condition *a, const struct condition *b)
{
    const char *source = NULL;
    if (a->left.field != b->left.field || nba_condition_field(a, &source) == NULL ||
        nba_condition_field(b, &source) == NULL || (a->negate && b->negate)) {
        return false;
    }
    const struct condition *yes = a->negate ? b : a;
    const struct condition *other = a->negate ? a : b;
    bool left = false; /* some value of `yes` is left over by the other one */
    for (uint32_t i = 0; i < yes->right.constants.count; i++) {
        left = left || has(&other->right.constants, yes->right.constants.items[i]) != other->negate;
    }
    return !left;
}

static const struct condition *at(const struct policy_rule *rule, uint32_t i)
{
    return i < rule->applies_to.count ? &rule->applies_to.items[i]
                                      : &rule->require.items[i - rule->applies_to.count];
}

/* Is it so that no event which starts a decision can meet the condition. */
static bool never_starts(const struct look *look, const struct condition *condition)
{
    const char *source = NULL;
    const char *field = nba_condition_field(condition, &source);
    bool starts = !look->decides || field == NULL || strcmp(source, "event.") != 0 ||
                  strcmp(field, "type") != 0;
    for (unsigned t = 0; t < NBA_EVENT_TYPE_COUNT && !starts; t++) {
        starts = look->policy->decide_on[t] &&
                 has(&condition->right.constants, nba_str_of(nba_policy_event_types[t])) !=
                     condition->negate;
    }
    return !starts;
}

/* Brands and topics that no content has. */
static bool warn_words(const struct look *look, struct nba_str rule,
                       const struct condition *condition)
{
    const struct nba_str_list words = condition->right.constants;
    const char *source = NULL;
    const char *field = nba_condition_field(condition, &source);
    bool unknown = false;
    const bool concerns = field != NULL && look->catalog != NULL && !condition->negate &&
                          strcmp(source, "candidate.") == 0 &&
                          (strcmp(field, "brand") == 0 || strcmp(field, "topic") == 0);
    for (uint32_t i = 0; i < words.count && concerns; i++) {
        if (nba_catalog_find_word(look->catalog, words.items[i]) == 0) {
            warn(look, "%.*s: no content has %s '%.*s'", NBA_STR_ARG(rule), field,
                 NBA_STR_ARG(words.items[i]));
            unknown = true;
        }
    }
    return unknown;
}

/* Do those conditions of a list that depend on the candidate alone hold. */
static bool possible(const struct condition_list *list, const struct condition_context *context)
{
    bool hold = true;
    for (uint32_t i = 0; i < list->count && hold; i++) {
        hold = list->items[i].kind != CONDITION_STATIC ||
               nba_condition_holds(&list->items[i], context);
    }
    return hold;
}

static void warn_rule(const struct look *look, const struct policy_rule *rule, bool weight)
{
    const uint32_t count = rule->applies_to.count + rule->require.count;
    const char *effect = weight ? "it never holds" : "it stops all that it applies to";
    bool told = false;
    for (uint32_t i = 0; i < count; i++) {
        told = warn_words(look, rule->id, at(rule, i)) || told;
        if (never_starts(look, at(rule, i))) {
            warn(look, "%.*s: no event type of its event.type is in decide_on, %s",
                 NBA_STR_ARG(rule->id), effect);
            told = true;
        }
        for (uint32_t j = 0; j < i && !told; j++) {
            if (contradict(at(rule, j), at(rule, i))) {
                warn(look, "%.*s: its conditions contradict each other, %s", NBA_STR_ARG(rule->id),
                     effect);
                told = true;
            }
        }
    }
    if (rule->until_ms <= look->now_ms) {
        warn(look, "%.*s: its `until` is past, it adds nothing", NBA_STR_ARG(rule->id));
    }
    const uint32_t candidates = look->catalog != NULL ? look->catalog->candidate_count : 0;
    uint32_t applies = 0;
    uint32_t met = 0;
    for (uint32_t c = 0; c < candidates; c++) {
        const struct condition_context context = {.content = nba_catalog_content(look->catalog, c),
                                                  .treatment =
                                                      nba_catalog_treatment(look->catalog, c)};
        const bool concerns = possible(&rule->applies_to, &context);
        applies += concerns;
        met += concerns && possible(&rule->require, &context);
    }
    if (told || candidates == 0 || met != 0) {
        return;
    }
    if (weight || applies == 0) {
        warn(look, "%.*s: `%s` matches no candidate of the catalogue", NBA_STR_ARG(rule->id),
             weight ? "when" : "applies_to");
    } else {
        warn(look, "%.*s: none of the %u candidates that it applies to can meet `require`",
             NBA_STR_ARG(rule->id), applies);
    }
}

/* ---- the other parts ---- */

/* A market whose every channel is never, or that lists none, can't be contacted at all. */
static void warn_models(const struct look *look)
{
    const struct nba_policy *policy = look->policy;
    if (policy->market_count == 0) {
        warn(look, "consent.models: no market, so nothing is ever proposed");
    }
    for (uint32_t i = 0; i < policy->market_count; i++) {
        bool any = false;
        for (unsigned c = 1; c < NBA_CHANNEL_COUNT; c++) {
            const enum consent_model model = policy->markets[i].models[c];
            any = any || (model != CONSENT_MODEL_NONE && model != CONSENT_MODEL_NEVER);
        }
        if (!any) {
            warn(look, "consent.models.%.*s: no channel is open, nothing is ever proposed there",
                 NBA_STR_ARG(policy->markets[i].market));
        }
    }
}

static bool has_model(const struct nba_policy *policy, struct nba_str market)
{
    for (uint32_t i = 0; i < policy->market_count; i++) {
        if (nba_str_equal(policy->markets[i].market, market)) {
            return true;
        }
    }
    return false;
}

/* Markets that treatments name and no model does, each once: a market's first treatment tells. */
static void warn_markets(const struct look *look)
{
    const uint32_t candidates = look->catalog != NULL ? look->catalog->candidate_count : 0;
    struct nba_str_list told = {NULL, 0};
    struct nba_str markets[POLICY_MARKETS_MAX];
    told.items = markets;
    for (uint32_t c = 0; c < candidates; c++) {
        const struct nba_treatment *treatment = nba_catalog_treatment(look->catalog, c);
        for (uint32_t i = 0; i < treatment->markets.count; i++) {
            const struct nba_str market = treatment->markets.items[i];
            if (!has_model(look->policy, market) && !has(&told, market) &&
                told.count < POLICY_MARKETS_MAX) {
                markets[told.count++] = market;
                warn(look, "consent.models: no market '%.*s', for which there are treatments",
                     NBA_STR_ARG(market));
            }
        }
    }
}

static void warn_exclusion(const struct look *look, const struct nba_exclusion *e)
{
    static const char *const scopes[] = {"content_id", "brand", "campaign_id"};
    const bool known = look->catalog == NULL ||
                       (e->scope == NBA_EXCLUDE_CONTENT
                            ? nba_catalog_find_content(look->catalog, e->target) != NBA_CATALOG_NONE
                            : nba_catalog_find_word(look->catalog, e->target) != 0);
    if (!known) {
        warn(look, "%.*s: no content has %s '%.*s'", NBA_STR_ARG(e->id), scopes[e->scope],
             NBA_STR_ARG(e->target));
    }
    if (e->until_ms != NBA_TIME_NONE && e->until_ms <= look->now_ms) {
        warn(look, "%.*s: its `until` is past, it stops nothing", NBA_STR_ARG(e->id));
    }
}

/* Rules for channels alone: is there any treatment of one of them. */
static void warn_channels(const struct look *look, struct nba_str rule, uint32_t channels)
{
    bool present = look->catalog == NULL || channels == 0;
    for (unsigned c = 1; c < NBA_CHANNEL_COUNT; c++) {
        present = present || ((channels >> c & 1) != 0 && look->catalog->channel_present[c]);
    }
    if (!present) {
        warn(look, "%.*s: no content has a treatment of its channel", NBA_STR_ARG(rule));
    }
}

/* A budget of something that there isn't. */
static void warn_volume(const struct look *look, const struct policy_volume *rule)
{
    static const char *const fields[] = {"family_id", "campaign_id", "brand"};
    warn_channels(look, rule->id, rule->channels != UINT32_MAX ? rule->channels : 0);
    for (uint32_t i = 0; i < rule->only.count && look->catalog != NULL; i++) {
        const struct nba_str id = rule->only.items[i];
        if (rule->per == VOLUME_CAMPAIGN ? nba_catalog_find_campaign(look->catalog, id) == NULL
                                         : nba_catalog_find_word(look->catalog, id) == 0) {
            warn(look, "%.*s: no content has %s '%.*s'", NBA_STR_ARG(rule->id), fields[rule->per],
                 NBA_STR_ARG(id));
        }
    }
}

static int64_t length_ms(struct nba_duration duration)
{
    return nba_duration_add(0, duration);
}

static void warn_suppressions(const struct look *look)
{
    const struct nba_policy *policy = look->policy;
    const struct policy_suppression *longest = NULL;
    for (uint32_t i = 0; i < policy->suppression_count; i++) {
        const struct policy_suppression *rule = &policy->suppressions[i];
        warn_channels(look, rule->id, rule->channels);
        if (length_ms(rule->hold) < length_ms(rule->within)) {
            warn(look, "%.*s: `hold` is shorter than `within`: it ends while the outcomes count",
                 NBA_STR_ARG(rule->id));
        }
        if (longest == NULL || length_ms(rule->hold) > length_ms(longest->hold)) {
            longest = rule;
        }
    }
    if (longest != NULL) {
        char text[NBA_ERROR_MESSAGE_BYTES];
        (void)snprintf(text, sizeof(text), "longest hold: %lld days, by %.*s",
                       (long long)(length_ms(longest->hold) / NBA_DAY_MS),
                       NBA_STR_ARG(longest->id));
        look->visit(look->context, false, text);
    }
}

/* ---- limits ---- */

/* The longest and the shortest that a window can be: days have 23 to 25 hours. */
static int64_t longest_ms(const struct policy_limit *limit)
{
    static const int64_t days[] = {[CALENDAR_DAY] = 1, [CALENDAR_WEEK] = 7, [CALENDAR_MONTH] = 31};
    return limit->calendar == CALENDAR_NONE ? length_ms(limit->rolling)
                                            : days[limit->calendar] * NBA_DAY_MS + NBA_HOUR_MS;
}

static int64_t shortest_ms(const struct policy_limit *limit)
{
    static const int64_t days[] = {[CALENDAR_DAY] = 1, [CALENDAR_WEEK] = 7, [CALENDAR_MONTH] = 28};
    return limit->calendar == CALENDAR_NONE ? length_ms(limit->rolling)
                                            : days[limit->calendar] * NBA_DAY_MS - NBA_HOUR_MS;
}

/* How many windows of `narrow` one of `wide` touches, at most. */
static int64_t windows_in(const struct policy_limit *wide, const struct policy_limit *narrow)
{
    static const int64_t of_calendar[][CALENDAR_MONTH + 1] = {
        [CALENDAR_DAY] = {0, 1, 1, 1}, /* days, weeks, months */
        [CALENDAR_WEEK] = {0, 7, 1, 2},
        [CALENDAR_MONTH] = {0, 31, 6, 1},
    };
    if (wide->calendar != CALENDAR_NONE && narrow->calendar != CALENDAR_NONE &&
        wide->zone == narrow->zone) {
        return of_calendar[wide->calendar][narrow->calendar];
    }
    return (longest_ms(wide) + shortest_ms(narrow) - 1) / shortest_ms(narrow) +
           (narrow->calendar != CALENDAR_NONE);
}

/* Whatever `narrow` lets through, `wide` lets through: it counts no more together, of no other
 * channel, and its window holds at most so many of the narrow one's as fill its places. */
static bool never_binds(const struct policy_limit *wide, const struct policy_limit *narrow)
{
    return (narrow->per & ~wide->per) == 0 && (wide->channels & ~narrow->channels) == 0 &&
           windows_in(wide, narrow) * (int64_t)narrow->max <= (int64_t)wide->max;
}

static void warn_limit(const struct look *look, uint32_t i)
{
    const struct nba_policy *policy = look->policy;
    const struct policy_limit *limit = &policy->limits[i];
    warn_channels(look, limit->id, limit->channels);
    for (uint32_t j = 0; j < policy->limit_count; j++) {
        const struct policy_limit *other = &policy->limits[j];
        const bool twins = never_binds(other, limit); /* then the later one is too many */
        if (j != i && never_binds(limit, other) && (!twins || j < i)) {
            warn(look, "%.*s: never binds, %.*s lets no more through", NBA_STR_ARG(limit->id),
                 NBA_STR_ARG(other->id));
            return;
        }
    }
}

/* A lever for what a limit never lets through. */
static void warn_lever(const struct look *look, const struct policy_rule *lever)
{
    const uint32_t candidates = look->catalog != NULL ? look->catalog->candidate_count : 0;
    const struct policy_limit *never = NULL;
    for (uint32_t c = 0; c < candidates; c++) {
        const struct condition_context context = {.content = nba_catalog_content(look->catalog, c),
                                                  .treatment =
                                                      nba_catalog_treatment(look->catalog, c)};
        const struct policy_limit *stops = NULL;
        for (uint32_t i = 0; i < look->policy->limit_count && stops == NULL; i++) {
            const struct policy_limit *limit = &look->policy->limits[i];
            const bool concerns = (limit->channels >> context.treatment->channel & 1) != 0 &&
                                  ((limit->per & PER_BRAND) == 0 || context.content->brand.bytes);
            stops = limit->max == 0 && concerns ? limit : NULL;
        }
        if (possible(&lever->require, &context)) {
            if (stops == NULL) {
                return;
            }
            never = stops;
        }
    }
    if (never != NULL && lever->add > 0) {
        warn(look, "%.*s: all that it raises is stopped by %.*s, max 0", NBA_STR_ARG(lever->id),
             NBA_STR_ARG(never->id));
    }
}

void nba_policy_look_over(const struct nba_policy *policy, const struct nba_catalog *catalog,
                          int64_t now_ms, nba_policy_remark *visit, void *context)
{
    NBA_ASSERT(policy != NULL && visit != NULL);
    struct look look = {policy, catalog, now_ms, visit, context, false};
    for (unsigned i = 0; i < NBA_EVENT_TYPE_COUNT; i++) {
        look.decides = look.decides || policy->decide_on[i];
    }
    if (!look.decides && policy->trigger_count == 0) {
        warn(&look, "decide_on: empty, no event starts a decision");
    }
    for (uint32_t i = 0; i < policy->trigger_count && catalog != NULL; i++) {
        const struct policy_trigger *t = &policy->triggers[i];
        if (t->content_id.bytes != 0 &&
            nba_catalog_find_content(catalog, t->content_id) == NBA_CATALOG_NONE) {
            warn(&look, "%.*s: no content has content_id '%.*s'", NBA_STR_ARG(t->id),
                 NBA_STR_ARG(t->content_id));
        }
    }
    warn_models(&look);
    warn_markets(&look);
    for (uint32_t i = 0; i < policy->exclusion_count; i++) {
        warn_exclusion(&look, &policy->exclusions[i]);
    }
    for (uint32_t i = 0; i < policy->engagements.count; i++) {
        warn_rule(&look, &policy->engagements.items[i], false);
    }
    for (uint32_t i = 0; i < policy->weights.count; i++) {
        warn_rule(&look, &policy->weights.items[i], true);
        warn_lever(&look, &policy->weights.items[i]);
    }
    for (uint32_t i = 0; i < policy->limit_count; i++) {
        warn_limit(&look, i);
    }
    for (uint32_t i = 0; i < policy->capacity_count; i++) {
        warn_channels(&look, policy->capacity[i].id, policy->capacity[i].channels);
    }
    for (uint32_t i = 0; i < policy->volume_count; i++) {
        warn_volume(&look, &policy->volumes[i]);
    }
    for (uint32_t i = 0; i < policy->quiet_count; i++) {
        warn_channels(&look, nba_str_of("timing.quiet_hours"), policy->quiet[i].channels);
    }
    warn_channels(&look, nba_str_of("timing.send_time"), policy->send_time.channels);
    for (unsigned c = 1; c < NBA_CHANNEL_COUNT; c++) {
        if (policy->threshold[c] > 0) {
            warn_channels(&look, nba_str_of("arbitration.propensity_threshold"), 1u << c);
        }
    }
    warn_suppressions(&look);
}
