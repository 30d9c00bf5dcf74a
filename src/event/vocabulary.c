/* Tables from the list macros.  Look-ups are linear: lists are short, and codecs map enums once a
 * schema, not once an event. */
#include "nba/event/vocabulary.h"

#include <stddef.h>

#include "nba/base/assert.h"
#include "nba/base/compiler.h"

#define NBA_X(constant, word) word,
#define NBA_DEFINE_WORDS(PREFIX, name, MAP)                                      \
    static const char *const name##_names[] = {MAP(NBA_X)};                      \
    const char *nba_##name##_name(enum nba_##name value)                         \
    {                                                                            \
        NBA_ASSERT((size_t)value < NBA_##PREFIX##_COUNT);                        \
        return name##_names[value];                                              \
    }                                                                            \
    bool nba_##name##_of(struct nba_str word, enum nba_##name *ret_value)        \
    {                                                                            \
        const size_t i = nba_str_find(word, name##_names, NBA_##PREFIX##_COUNT); \
        const bool found = i < NBA_##PREFIX##_COUNT;                             \
        *ret_value = found ? (enum nba_##name)i : *ret_value;                    \
        return found;                                                            \
    }

NBA_DEFINE_WORDS(CHANNEL, channel, NBA_CHANNEL_MAP)
NBA_DEFINE_WORDS(ACTION_TYPE, action_type, NBA_ACTION_TYPE_MAP)
NBA_DEFINE_WORDS(OUTCOME, outcome, NBA_OUTCOME_MAP)
NBA_DEFINE_WORDS(CONSENT_SCOPE, consent_scope, NBA_CONSENT_SCOPE_MAP)
NBA_DEFINE_WORDS(CONSENT_STATUS, consent_status, NBA_CONSENT_STATUS_MAP)
NBA_DEFINE_WORDS(BOT, bot, NBA_BOT_MAP)
NBA_DEFINE_WORDS(BOUNCE, bounce, NBA_BOUNCE_MAP)
NBA_DEFINE_WORDS(CONTENT_CLASS, content_class, NBA_CONTENT_CLASS_MAP)
NBA_DEFINE_WORDS(APPROVAL, approval, NBA_APPROVAL_MAP)
NBA_DEFINE_WORDS(REP_ROLE, rep_role, NBA_REP_ROLE_MAP)
NBA_DEFINE_WORDS(STAGE, stage, NBA_STAGE_MAP)
#undef NBA_X

static const char *const driver_names[] = {
#define NBA_X(constant) #constant,
    NBA_DRIVER_MAP(NBA_X)
#undef NBA_X
};

const char *nba_driver_name(enum nba_driver driver)
{
    NBA_ASSERT((size_t)driver < NBA_DRIVER_COUNT);
    return driver_names[driver];
}

/* By number; without a name there is no such reason. */
static const struct {
    const char *name;
    enum nba_stage stage;
} reasons[] = {[NBA_REASON_NONE] = {"NONE", NBA_STAGE_EMISSION},
#define NBA_X(constant, number, stage) [NBA_REASON_##constant] = {#constant, NBA_STAGE_##stage},
               NBA_REASON_MAP(NBA_X)
#undef NBA_X
};

const char *nba_reason_name(enum nba_reason reason)
{
    return (size_t)reason < NBA_ARRAY_COUNT(reasons) ? reasons[reason].name : NULL;
}

enum nba_stage nba_reason_stage(enum nba_reason reason)
{
    return nba_reason_name(reason) != NULL ? reasons[reason].stage : NBA_STAGE_EMISSION;
}

static const char *const event_type_names[] = {
#define NBA_X(constant, name, ring, outcome, channel) name,
    NBA_EVENT_TYPE_MAP(NBA_X)
#undef NBA_X
};

static const struct {
    bool ring;
    enum nba_outcome outcome;
    enum nba_channel channel;
} event_types[] = {
#define NBA_X(constant, name, ring, outcome, channel) \
    {ring, NBA_OUTCOME_##outcome, NBA_CHANNEL_##channel},
    NBA_EVENT_TYPE_MAP(NBA_X)
#undef NBA_X
};

const char *nba_event_type_name(enum nba_event_type type)
{
    NBA_ASSERT((size_t)type < NBA_EVENT_TYPE_COUNT);
    return event_type_names[type];
}

bool nba_event_type_of(struct nba_str word, enum nba_event_type *ret_type)
{
    const size_t i = nba_str_find(word, event_type_names, NBA_EVENT_TYPE_COUNT);
    const bool found = i < NBA_EVENT_TYPE_COUNT;
    *ret_type = found ? (enum nba_event_type)i : *ret_type;
    return found;
}

bool nba_event_type_in_ring(enum nba_event_type type)
{
    NBA_ASSERT((size_t)type < NBA_EVENT_TYPE_COUNT);
    return event_types[type].ring;
}

enum nba_outcome nba_event_type_outcome(enum nba_event_type type)
{
    NBA_ASSERT((size_t)type < NBA_EVENT_TYPE_COUNT);
    return event_types[type].outcome;
}

enum nba_channel nba_event_type_channel(enum nba_event_type type)
{
    NBA_ASSERT((size_t)type < NBA_EVENT_TYPE_COUNT);
    return event_types[type].channel;
}
